//! What wires make of the cells of an array.

use std::borrow::Cow;

use super::Die;
use super::arrays::ArrayCells;
use crate::circuit::{Cells, Network, Wires, effective_conductances, to_spice};
use crate::design::Design;
use crate::device::Cell;
use crate::error::{Error, Result, check_integer, check_length};

/// An array as it is seen through its wires.
pub(super) struct Wired {
    /// What each cell counts where its row alone is driven, as the conductance of a cell without wires.
    pub(super) effective: ArrayCells,
    /// Where currents of rows do not add up: the current of every pattern over the read voltage, `[group][pattern]`
    /// as rows.
    pub(super) patterns: Option<ArrayCells>,
}

/// The cells of an array through the wires of the design, `None` without wires.
pub(super) fn through_wires(design: &Design, cells: &ArrayCells) -> Result<Option<Wired>> {
    let Some(wires) = design.wires() else { return Ok(None) };
    let array = Array::new(design, wires, cells);
    if !design.is_tabled_by_pattern() {
        let transfer = effective_conductances(wires, array.cells(), design.active_rows())?;
        let effective = array.split(cells.rows, transfer.iter().map(|&g| g as f32));
        return Ok(Some(Wired { effective, patterns: None }));
    }
    let amperes = array.amperes_by_pattern()?;
    let volts = design.dac().volts(1);
    let patterns = amperes.len() / array.columns;
    let rows = design.active_rows();
    let alone = (0..cells.rows).flat_map(|row| {
        let pattern = ((row / rows) << rows) + (1 << (row % rows));
        let columns = row * array.columns..(row + 1) * array.columns;
        let amperes = &amperes[pattern * array.columns..];
        array.siemens[columns]
            .iter()
            .zip(amperes)
            .map(|(&siemens, &amperes)| conductance_at(design.cell(), siemens, amperes, volts) as f32)
    });
    let effective = array.split(cells.rows, alone);
    let patterns = array.split(patterns, amperes.iter().map(|amperes| (amperes / volts) as f32));
    Ok(Some(Wired { effective, patterns: Some(patterns) }))
}

impl Die {
    /// The netlist of one plane of one active group, to be run by ngspice: its word lines at the voltages of
    /// `digits`, its cells as they are under the die's conditions. A dummy column is the last bit line.
    ///
    /// The form is that of [`circuit::to_spice`](crate::circuit::to_spice). Ideal wires, where the design has
    /// none, are of 0 Ω.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for an array, a group or a digit that does not exist, [`Error::Length`] for another
    /// number of digits than active rows, [`Error::Conflict`] for cells that are not ohmic, and those of
    /// [`circuit::to_spice`](crate::circuit::to_spice).
    ///
    /// ```
    /// use forms_xbar::circuit::Wires;
    /// use forms_xbar::{Key, Weights, presets};
    ///
    /// let design = presets::isaac().array(2, 4).wires(Wires::new(1.0, 1.0)?).build()?;
    /// let die = design.program_keyed(&Weights::full_magnitude_from_row_slice(2, 4, 2, &[1; 8])?, Key::from(1))?;
    /// assert!(die.to_spice(0, 0, &[1, 0])?.contains("Vin0 in0 0 DC 0.2"));
    /// # Ok::<(), forms_xbar::Error>(())
    /// ```
    pub fn to_spice(&self, array: usize, group: usize, digits: &[u8]) -> Result<String> {
        let design = self.design();
        check_integer("array", array, 0, self.arrays() as i64 - 1)?;
        let cells = self.cells(array);
        let rows = design.active_rows();
        check_integer("active group", group, 0, (cells.rows / rows) as i64 - 1)?;
        check_length("digits of a netlist", rows, digits.len())?;
        for &digit in digits {
            check_integer("digit of a netlist", digit, 0, design.dac().max_digit().into())?;
        }
        if !design.cell().iv().is_ohmic() {
            return Err(Error::Conflict {
                first: "a netlist",
                second: "cells that are not ohmic",
                why: "it is made of resistors",
            });
        }
        let ideal = Wires::new(0.0, 0.0)?;
        let array_of = Array::new(design, design.wires().unwrap_or(&ideal), &cells);
        let volts: Vec<f64> = digits.iter().map(|&digit| design.dac().volts(digit.into())).collect();
        let title = format!("array {array}, active group {group}");
        to_spice(array_of.wires, array_of.cells(), group * rows..(group + 1) * rows, &volts, &title)
    }
}

/// The conductance of a cell without wires that conducts `amperes`, from that of the cell behind them.
fn conductance_at(cell: &Cell, siemens: f64, amperes: f64, volts: f64) -> f64 {
    // The curve hardly changes with the conductance: a few steps reach the last bits.
    const STEPS: usize = 100;
    let mut found = siemens;
    for _ in 0..STEPS {
        let ideal = cell.amperes(found, volts);
        let next = if ideal > 0.0 { found * (amperes / ideal) } else { 0.0 };
        if (next - found).abs() <= 1e-12 * found {
            break;
        }
        found = next;
    }
    found
}

/// The bit lines of an array side by side, the dummy column beyond the last that has cells.
struct Array<'a> {
    design: &'a Design,
    wires: &'a Wires,
    rows: usize,
    columns: usize,
    has_dummy: bool,
    siemens: Vec<f64>,
}

impl<'a> Array<'a> {
    fn new(design: &'a Design, wires: &'a Wires, cells: &ArrayCells) -> Self {
        let has_dummy = cells.has_dummy();
        let row = |row: usize| {
            let dummy = has_dummy.then(|| cells.dummy(row));
            cells.row(row).iter().map(|&g| g.into()).chain(dummy)
        };
        Array {
            design,
            wires,
            rows: cells.rows,
            columns: cells.columns + usize::from(has_dummy),
            has_dummy,
            siemens: (0..cells.rows).flat_map(row).collect(),
        }
    }

    fn cells(&self) -> Cells<'_> {
        let (rows, columns) = self.design.array();
        Cells {
            array: (rows, columns + usize::from(self.has_dummy)),
            rows: self.rows,
            columns: self.columns,
            siemens: &self.siemens,
        }
    }

    /// Parts values of `rows` rows into those of bit lines and of the dummy column.
    fn split(&self, rows: usize, values: impl Iterator<Item = f32>) -> ArrayCells {
        let columns = self.columns - usize::from(self.has_dummy);
        let (mut siemens, mut dummy) = (Vec::with_capacity(rows * columns), Vec::new());
        for (at, value) in values.enumerate() {
            if at % self.columns < columns { siemens.push(value) } else { dummy.push(value) }
        }
        ArrayCells { rows, columns, siemens, dummy }
    }

    /// The conductances while these rows of the group that begins at row `first` are driven: where inputs
    /// drive gates, the cells of its other rows are cut off.
    fn gated(&self, first: usize, is_driven: impl Fn(usize) -> bool) -> Cow<'_, [f64]> {
        if !self.wires.gated_inputs() {
            return Cow::Borrowed(&self.siemens);
        }
        let mut siemens = self.siemens.clone();
        let group = siemens[first * self.columns..].chunks_exact_mut(self.columns);
        for (row, siemens) in group.take(self.design.active_rows()).enumerate() {
            if !is_driven(row) {
                siemens.fill(0.0);
            }
        }
        Cow::Owned(siemens)
    }

    /// The current of every bit line for every pattern of driven rows (A), `[group][pattern][column]`.
    fn amperes_by_pattern(&self) -> Result<Vec<f64>> {
        let rows = self.design.active_rows();
        let mut amperes = Vec::with_capacity(((self.rows / rows) << rows) * self.columns);
        for group in 0..self.rows / rows {
            for pattern in 0..1usize << rows {
                amperes.extend(self.amperes(group * rows, pattern)?);
            }
        }
        Ok(amperes)
    }

    /// The current of every bit line while bit `i` of `pattern` decides over row `first + i` (A).
    fn amperes(&self, first: usize, pattern: usize) -> Result<Vec<f64>> {
        let (rows, volts) = (self.design.active_rows(), self.design.dac().volts(1));
        if pattern == 0 {
            return Ok(vec![0.0; self.columns]);
        }
        let is_driven = |row: usize| pattern >> row & 1 == 1;
        let siemens = self.gated(first, is_driven);
        let cells = Cells { siemens: &siemens, ..self.cells() };
        let network = Network::new(self.wires, cells, first..first + rows, 0.0)?;
        let cell = self.design.cell();
        if cell.iv().is_ohmic() {
            let transfer = network.transfer()?;
            let mut amperes = vec![0.0; self.columns];
            for (row, transfer) in transfer.chunks_exact(self.columns).enumerate() {
                if is_driven(row) {
                    amperes.iter_mut().zip(transfer).for_each(|(sum, g)| *sum += volts * g);
                }
            }
            return Ok(amperes);
        }
        let word_volts: Vec<f64> = (0..rows).map(|row| if is_driven(row) { volts } else { 0.0 }).collect();
        let curve = |row: usize, column: usize, volts: f64| {
            let siemens = siemens[(first + row) * self.columns + column];
            (cell.amperes(siemens, volts), cell.slope(siemens, volts))
        };
        let solution = network.newton(&word_volts, self.wires.access_ohms(), self.wires.newton(), curve)?;
        Ok(solution.sense_amperes().to_vec())
    }
}
