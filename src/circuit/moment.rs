//! The first moment of a response.

use num_complex::Complex64;

use super::lines::{Lines, Terminal};
use super::response::AcCircuit;
use super::solution::LineAmperes;
use crate::error::{Result, check_real};

/// Lines in one of two solutions.
struct Side<'a> {
    /// Voltages of their nodes.
    volts: &'a [f64],
    amperes: &'a LineAmperes<f64>,
    /// Voltages of their sources.
    sources: &'a [f64],
}

impl AcCircuit<'_> {
    /// First moment of the impulse response from a word line's source through the network and the front end
    /// to a bit line (s): the delay that Elmore's formula estimates, with all that cells do.
    ///
    /// `−(dT/ds) / T` at 0, from the voltages of the network and of its adjoint at direct current: `dT/ds` is
    /// the sum of `−C u λ` over capacitances with voltages `u` and `λ`. Negative where the capacitance of
    /// cells lets current through ahead of them.
    ///
    /// # Errors
    ///
    /// As of [`transfer_at`](Self::transfer_at), and [`Error::Real`](crate::Error::Real) for a row that lets
    /// no current through.
    pub fn first_moment_secs(&self, row: usize, column: usize) -> Result<f64> {
        let source = self.row_of_network(row)?;
        self.check_column(column)?;
        let steady = self.network(0.0)?;
        let (rows, columns) = (steady.rows(), steady.columns());
        let solver = self.solver(&steady)?;
        let grounds = [vec![0.0; rows], vec![0.0; columns]];
        let word_source = one_volt(rows, source);
        let sense_source = one_volt(columns, column);
        let forward = solver.solve(&word_source, &grounds[1])?;
        let adjoint = solver.solve(&grounds[0], &sense_source)?;
        let transfer = forward.sense_amperes()[column];
        check_real("transfer at 0 Hz (S)", transfer, f64::MIN_POSITIVE, f64::MAX)?;

        // So near to 0 that an imaginary part over the step is a derivative, exact to rounding.
        let step = 1e-30 * self.scale_secs().recip().min(f64::MAX);
        let network = self.network(Complex64::new(0.0, step))?;
        let cells = (0..rows * columns).map(|at| {
            let drop = forward.word_volts()[at] - forward.bit_volts()[at];
            let adjoint_drop = adjoint.word_volts()[at] - adjoint.bit_volts()[at];
            -network.cells()[at].im * drop * adjoint_drop
        });
        let word_lines = [
            Side { volts: forward.word_volts(), amperes: forward.word_line_amperes(), sources: &word_source },
            Side { volts: adjoint.word_volts(), amperes: adjoint.word_line_amperes(), sources: &grounds[0] },
        ];
        let bit_lines = [
            Side { volts: forward.bit_volts(), amperes: forward.bit_line_amperes(), sources: &grounds[1] },
            Side { volts: adjoint.bit_volts(), amperes: adjoint.bit_line_amperes(), sources: &sense_source },
        ];
        let slope = cells.sum::<f64>()
            + slope_of_lines(network.word_lines(), &word_lines, |row| {
                [row * columns, row * columns + columns - 1]
            })
            + slope_of_lines(network.bit_lines(), &bit_lines, |column| {
                [column, (rows - 1) * columns + column]
            });
        Ok(self.front_end_secs() - slope / step / transfer)
    }
}

/// One volt at one of many sources.
fn one_volt(sources: usize, at: usize) -> Vec<f64> {
    let mut volts = vec![0.0; sources];
    volts[at] = 1.0;
    volts
}

/// What shunts and terminals of lines, whose ends lie at these nodes, add to `dT`.
fn slope_of_lines(lines: &Lines<Complex64>, sides: &[Side; 2], ends: impl Fn(usize) -> [usize; 2]) -> f64 {
    let [forward, adjoint] = sides;
    let products = forward.volts.iter().zip(adjoint.volts).map(|(volts, adjoint)| volts * adjoint);
    let mut slope = -lines.shunt.im * products.sum::<f64>();
    for (line, (first, last)) in lines.first.iter().zip(&lines.last).enumerate() {
        let [at_first, at_last] = ends(line);
        let sources = sides.each_ref().map(|side| side.sources[line]);
        let volts = |at: usize| sides.each_ref().map(|side| side.volts[at]);
        slope += slope_of_terminal(
            first,
            sources,
            volts(at_first),
            sides.each_ref().map(|side| side.amperes.first[line]),
        );
        slope += slope_of_terminal(
            last,
            sources,
            volts(at_last),
            sides.each_ref().map(|side| -side.amperes.last[line]),
        );
    }
    slope
}

/// What a terminal adds to `dT`, of voltages of its source and its node and the current into its line, of
/// both solutions.
fn slope_of_terminal(
    terminal: &Option<Terminal<Complex64>>,
    sources: [f64; 2],
    volts: [f64; 2],
    amperes: [f64; 2],
) -> f64 {
    match terminal {
        None => 0.0,
        Some(terminal) if terminal.gain == Complex64::ZERO => -terminal.ohms.inv().im * volts[0] * volts[1],
        Some(terminal) => {
            terminal.ohms.im * amperes[0] * amperes[1]
                - terminal.gain.im * (amperes[0] * sources[1] + amperes[1] * sources[0])
        }
    }
}
