//! The network that a read sees.

use std::ops::Range;

use super::lines::{LineSettings, Lines};
use super::scalar::Scalar;
use super::table::zeros;
use super::wires::{UnselectedRows, Wires};
use crate::error::{Error, Result, check_integer, check_length};

/// Cells between word lines and bit lines, stamped at one complex frequency.
///
/// Node `w(i, j)` is where word line `i` meets column `j`, `b(i, j)` where bit line `j` meets row `i`; a cell
/// lies between the two. With `f64` the frequency is real, 0 for direct current; with
/// [`Complex64`](num_complex::Complex64) it is `s = 2πif`, or any other point of the plane.
#[derive(Debug, Clone, PartialEq)]
pub struct Network<S> {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Rows, of this network, that the read drives.
    pub(super) driven: Range<usize>,
    /// Admittance between `w(i, j)` and `b(i, j)`, access transistor included (S), `[row][column]`.
    pub(super) cells: Vec<S>,
    pub(super) word_lines: Lines<S>,
    pub(super) bit_lines: Lines<S>,
}

/// The cells of an array and where they lie in it.
#[derive(Debug, Clone, Copy)]
pub struct Cells<'a> {
    /// Rows and columns of the array, cells or not.
    pub array: (usize, usize),
    /// Rows that have cells, from row 0 on.
    pub rows: usize,
    /// Columns that have cells, from column 0 on.
    pub columns: usize,
    /// Conductances (S), `[row][column]`.
    pub siemens: &'a [f64],
}

impl Cells<'_> {
    pub(super) fn check(&self) -> Result<()> {
        check_integer("rows of the network", self.rows, 1, 1 << 24)?;
        check_integer("columns of the network", self.columns, 1, 1 << 24)?;
        check_integer("rows of the array", self.array.0, self.rows as i64, 1 << 24)?;
        check_integer("columns of the array", self.array.1, self.columns as i64, 1 << 24)?;
        check_length("conductances of the network", self.rows * self.columns, self.siemens.len())
    }

    /// The conductances of some rows.
    ///
    /// # Errors
    ///
    /// [`Error::Conductance`] for the first that is negative or not finite.
    pub(super) fn of_rows(&self, rows: Range<usize>) -> Result<&[f64]> {
        let siemens = &self.siemens[rows.start * self.columns..rows.end * self.columns];
        match siemens.iter().position(|g| !(g.is_finite() && *g >= 0.0)) {
            Some(at) => Err(Error::Conductance {
                array: 0,
                row: rows.start + at / self.columns,
                column: at % self.columns,
                siemens: siemens[at],
            }),
            None => Ok(siemens),
        }
    }
}

impl<S: Scalar> Network<S> {
    /// The network of a read that drives the rows `driven`, at the complex frequency `s` (rad/s).
    ///
    /// Where inputs drive gates, these are rows whose gates are open: cells of the others are the caller's to leave
    /// out, as 0 S.
    ///
    /// With disconnected rows it has the driven rows only, and leads past the others; else all rows that
    /// have cells.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for no rows or columns, for more than the array has, or for driven rows beyond
    /// those that have cells; [`Error::Real`] for a frequency that is not finite; [`Error::Memory`] where the
    /// machine cannot hold it; [`Error::Length`] for another number of conductances; [`Error::Conductance`]
    /// for one of the network that is negative or not finite.
    pub fn new(wires: &Wires, cells: Cells, driven: Range<usize>, s: S) -> Result<Self> {
        cells.check()?;
        if !s.is_finite() {
            return Err(Error::Real {
                name: "complex frequency (rad/s)",
                value: s.modulus(),
                min: f64::MIN,
                max: f64::MAX,
            });
        }
        check_integer("end of the driven rows", driven.end, 1, cells.rows as i64)?;
        check_integer("first driven row", driven.start, 0, driven.end as i64 - 1)?;
        let rows = wires.rows_of_read(&driven, cells.rows);
        let selected = driven.start - rows.start..driven.end - rows.start;
        let floats = wires.unselected() == UnselectedRows::Floating;
        let has_driver = |row: usize| !floats || selected.contains(&row);

        let farads = wires.capacitance();
        let of = |farads: Option<f64>| s * S::from_real(farads.unwrap_or(0.0));
        let word_lines = LineSettings {
            segment_ohms: wires.word_line_ohms(),
            shunt: of(farads.map(|c| c.word_line_farads())),
            ends: wires.drive(),
            terminal_ohms: wires.driver_ohms(),
            terminal_shunt: S::zero(),
            terminal_segments: wires.terminal_segments(),
            before: 0,
            after: cells.array.1 - cells.columns,
        };
        let bit_lines = LineSettings {
            segment_ohms: wires.bit_line_ohms(),
            shunt: of(farads.map(|c| c.bit_line_farads())),
            ends: wires.sense(),
            terminal_ohms: wires.sense_ohms(),
            terminal_shunt: of(farads.map(|c| c.sense_farads())),
            terminal_segments: wires.terminal_segments(),
            before: rows.start,
            after: cells.array.0 - rows.end,
        };
        let cell_shunt = of(farads.map(|c| c.cell_farads()));
        let access = S::from_real(wires.access_ohms());
        let admittance = |&siemens: &f64| {
            let cell = S::from_real(siemens) + cell_shunt;
            cell / (S::one() + cell * access)
        };
        let siemens = cells.of_rows(rows.clone())?;
        let mut admittances = zeros("cells of a network", siemens.len())?;
        for (to, siemens) in admittances.iter_mut().zip(siemens) {
            *to = admittance(siemens);
        }
        Ok(Network {
            rows: rows.len(),
            columns: cells.columns,
            driven: selected.clone(),
            cells: admittances,
            word_lines: word_lines.lines((0..rows.len()).map(has_driver)),
            bit_lines: bit_lines.lines((0..cells.columns).map(|_| true)),
        })
    }

    /// The same lines between other cells.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`] where the machine cannot hold them.
    pub(super) fn with_cells(&self, cells: &[S]) -> Result<Self> {
        let mut copied = zeros("cells of a network", cells.len())?;
        copied.copy_from_slice(cells);
        Ok(Network {
            rows: self.rows,
            columns: self.columns,
            driven: self.driven.clone(),
            cells: copied,
            word_lines: self.word_lines.clone(),
            bit_lines: self.bit_lines.clone(),
        })
    }

    /// Word lines.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bit lines.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The rows, of this network, that the read drives; the others are held at 0 V or float.
    pub fn driven(&self) -> Range<usize> {
        self.driven.clone()
    }

    /// Admittance between word line and bit line of every cell, access transistor included (S),
    /// `[row][column]`.
    pub fn cells(&self) -> &[S] {
        &self.cells
    }

    /// The word lines.
    pub fn word_lines(&self) -> &Lines<S> {
        &self.word_lines
    }

    /// The bit lines.
    pub fn bit_lines(&self) -> &Lines<S> {
        &self.bit_lines
    }
}
