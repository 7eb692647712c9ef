//! Elmore's delay.

use super::response::AcCircuit;
use super::wires::{Ends, UnselectedRows};
use crate::error::Result;

/// Crossings of a line, terminals at its ends, as distances along its resistance.
struct Chain {
    ends: Ends,
    terminal_ohms: f64,
    terminal_farads: f64,
    segment_ohms: f64,
    farads: f64,
    terminal_segments: bool,
    crossings: usize,
}

impl Chain {
    /// Resistance from a source before the line to one of its crossings.
    fn ohms_to(&self, crossing: usize) -> f64 {
        let segments = crossing + usize::from(self.terminal_segments);
        self.terminal_ohms + segments as f64 * self.segment_ohms
    }

    /// `Σ C R` of the way between the sources and a crossing.
    fn delay_secs(&self, crossing: usize) -> f64 {
        let whole = self.ohms_to(self.crossings - 1) + self.ohms_to(0);
        let shared = |a: f64, b: f64| {
            let (near, far) = (a.min(b), whole - a.max(b));
            match self.ends {
                Ends::First => near,
                Ends::Last => far,
                Ends::Both if whole > 0.0 => near * far / whole,
                Ends::Both => 0.0,
            }
        };
        let here = self.ohms_to(crossing);
        let wire: f64 = (0..self.crossings).map(|at| self.farads * shared(here, self.ohms_to(at))).sum();
        let first = self.terminal_farads * shared(here, self.terminal_ohms);
        let last = self.terminal_farads * shared(here, whole - self.terminal_ohms);
        match self.ends {
            Ends::First => wire + first,
            Ends::Last => wire + last,
            Ends::Both => wire + first + last,
        }
    }
}

impl AcCircuit<'_> {
    /// Elmore's delay from a word line's source through one cell to its bit line's sense terminal (s), which
    /// cells do not load.
    ///
    /// `τ = Σ_k C_k R_k` over the capacitances of the word line, plus the same over those of the bit line,
    /// plus `1/(2πf_p)` of the front end. `R_k` is the resistance that capacitance `k` shares with the cell
    /// on the way from the source, or to the sense terminal; between two sources at `x` and `y` along a line
    /// of `R` in all, `min(x, y) (R − max(x, y)) / R`. Terminals, terminal segments and crossings without
    /// cells count, cells and access transistors do not. After W. C. Elmore, Journal of Applied Physics 19
    /// (1948), 55.
    ///
    /// ```
    /// use forms_xbar::circuit::{AcCircuit, Capacitance, Cells, Wires};
    ///
    /// // A driver of 1 kΩ and 1 fF of word line.
    /// let wires = Wires::new(0.0, 0.0)?.with_terminals(1e3, 0.0)?;
    /// let wires = wires.with_capacitance(Capacitance::of_wires(1e-15, 0.0)?);
    /// let cells = Cells { array: (1, 1), rows: 1, columns: 1, siemens: &[50e-6] };
    /// let circuit = AcCircuit::new(&wires, cells, 0..1)?;
    /// assert!((circuit.elmore_secs(0, 0)? - 1e-12).abs() < 1e-24);
    /// // The cell discharges the line too: 1 kΩ parallel to 20 kΩ.
    /// assert!((circuit.first_moment_secs(0, 0)? - 1e-12 / 1.05).abs() < 1e-20);
    /// # Ok::<(), forms_xbar::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Integer`](crate::Error::Integer) for a row that is not driven or a column without cells.
    pub fn elmore_secs(&self, row: usize, column: usize) -> Result<f64> {
        self.row_of_network(row)?;
        self.check_column(column)?;
        let word_line = self.word_line(self.capacitance().word_line_farads());
        let bit_line = self.bit_line(self.capacitance().bit_line_farads());
        Ok(word_line.delay_secs(column) + bit_line.delay_secs(row) + self.front_end_secs())
    }

    /// A time of the order of the circuit's slowest, 0 if it has none: delays of whole lines with their
    /// cells' capacitance, cells behind their transistors, floating word lines, the front end.
    pub(super) fn scale_secs(&self) -> f64 {
        let (wires, cells, farads) = (self.wires(), self.cells(), self.capacitance());
        let word_line = self.word_line(farads.word_line_farads() + farads.cell_farads());
        let bit_line = self.bit_line(farads.bit_line_farads() + farads.cell_farads());
        let longest = |line: &Chain| {
            let crossings = [0, line.crossings / 2, line.crossings - 1];
            crossings.map(|crossing| line.delay_secs(crossing)).into_iter().fold(0.0, f64::max)
        };
        let line_farads = word_line.farads * word_line.crossings as f64;
        let floats = wires.unselected() == UnselectedRows::Floating;
        let rows = (0..cells.rows).filter(|row| floats && !self.driven().contains(row));
        let floating = rows.map(|row| {
            let siemens: f64 = cells.siemens[row * cells.columns..][..cells.columns].iter().sum();
            if siemens > 0.0 { line_farads / siemens } else { 0.0 }
        });
        longest(&word_line)
            + longest(&bit_line)
            + farads.cell_farads() * wires.access_ohms()
            + floating.fold(0.0, f64::max)
            + self.front_end_secs()
    }

    fn word_line(&self, farads: f64) -> Chain {
        let wires = self.wires();
        Chain {
            ends: wires.drive(),
            terminal_ohms: wires.driver_ohms(),
            terminal_farads: 0.0,
            segment_ohms: wires.word_line_ohms(),
            farads,
            terminal_segments: wires.terminal_segments(),
            crossings: self.cells().array.1,
        }
    }

    fn bit_line(&self, farads: f64) -> Chain {
        let wires = self.wires();
        Chain {
            ends: wires.sense(),
            terminal_ohms: wires.sense_ohms(),
            terminal_farads: self.capacitance().sense_farads(),
            segment_ohms: wires.bit_line_ohms(),
            farads,
            terminal_segments: wires.terminal_segments(),
            crossings: self.cells().array.0,
        }
    }
}
