//! What a circuit with capacitances does at a frequency.

use std::f64::consts::TAU;
use std::ops::Range;

use num_complex::Complex64;

use super::capacitance::Capacitance;
use super::lines::Terminal;
use super::network::{Cells, Network};
use super::root::root;
use super::scalar::Scalar;
use super::solution::Solution;
use super::solver::{Solver, SolverSettings};
use super::wires::Wires;
use crate::error::{Error, Result, check_integer, check_real};

/// Highest frequency of an analysis (Hz).
const HIGHEST_HERTZ: f64 = 1e24;
/// Longest time constant of a circuit (s).
const LONGEST_SECS: f64 = 1e12;
/// Highest pole of a front end (Hz).
const HIGHEST_POLE: f64 = 1e12;

/// A read as a circuit of resistances and capacitances: response, settling and noise of its columns.
///
/// Responses are those of one bit line's current into its virtual ground, in siemens per volt of one word
/// line's source while all other sources are at 0 V. They are solved at any complex frequency by one linear
/// system; the [adjoint](Solver::solve) one, with 1 V at the sense terminal, gives a column's response to all
/// rows.
///
/// **Units.** Hertz, seconds, siemens. Rows and columns are those of the array; only driven rows respond.
/// **Valid range.** Frequencies to 10²⁴ Hz, the front end's pole to 10¹² Hz, time constants to 10¹² s.
/// **Drawn.** Nothing. **Source.** Nodal analysis with complex admittances; adjoint networks: Director and
/// Rohrer, IEEE Transactions on Circuit Theory 1969.
///
/// ```
/// use forms_xbar::circuit::{AcCircuit, Capacitance, Cells, Wires};
///
/// // A driver of 1 kΩ and 10 fF of word line before a cell of 1 kΩ: a pole at 1/(2π · 500 Ω · 10 fF).
/// let wires = Wires::new(0.0, 0.0)?.with_terminals(1e3, 0.0)?;
/// let wires = wires.with_capacitance(Capacitance::of_wires(10e-15, 0.0)?);
/// let cells = Cells { array: (1, 1), rows: 1, columns: 1, siemens: &[1e-3] };
/// let circuit = AcCircuit::new(&wires, cells, 0..1)?;
/// assert!((circuit.transfer_at(0.0, 0, 0)?.re - 0.5e-3).abs() < 1e-15);
/// assert!((circuit.bandwidth_hertz(0, 0)? / 31.831e9 - 1.0).abs() < 1e-5);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct AcCircuit<'a> {
    wires: Wires,
    capacitance: Capacitance,
    cells: Cells<'a>,
    driven: Range<usize>,
    settings: SolverSettings,
}

impl<'a> AcCircuit<'a> {
    /// The circuit of a read that drives the rows `driven`.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] for wires without capacitances, [`Error::Real`] for a front end or time constants
    /// beyond the valid range, and what [`Network::new`] returns.
    pub fn new(wires: &Wires, cells: Cells<'a>, driven: Range<usize>) -> Result<Self> {
        let Some(capacitance) = wires.capacitance() else {
            return Err(Error::Conflict {
                first: "analysis over frequency and time",
                second: "wires without capacitances",
                why: "nothing in them takes time",
            });
        };
        if let Some(hertz) = capacitance.front_end_hertz() {
            check_real("front-end pole (Hz)", hertz, f64::MIN_POSITIVE, HIGHEST_POLE)?;
        }
        let settings = SolverSettings::default();
        let circuit = AcCircuit { wires: *wires, capacitance, cells, driven, settings };
        circuit.network(0.0)?;
        check_real("time constant of the circuit (s)", circuit.scale_secs(), 0.0, LONGEST_SECS)?;
        Ok(circuit)
    }

    /// The same circuit, solved to other limits.
    pub fn with_solver(self, settings: SolverSettings) -> Self {
        AcCircuit { settings, ..self }
    }

    /// The wires.
    pub fn wires(&self) -> &Wires {
        &self.wires
    }

    /// The cells.
    pub fn cells(&self) -> Cells<'a> {
        self.cells
    }

    /// The driven rows.
    pub fn driven(&self) -> Range<usize> {
        self.driven.clone()
    }

    /// Response of a bit line to a word line (S), before the front end.
    ///
    /// # Errors
    ///
    /// [`Error::Real`] for a frequency outside the valid range, [`Error::Integer`] for a row that is not
    /// driven or a column without cells, and what [`Solver`] returns.
    pub fn transfer_at(&self, hertz: f64, row: usize, column: usize) -> Result<Complex64> {
        let source = self.row_of_network(row)?;
        self.transfer(at(hertz)?, source, column)
    }

    /// Response of a bit line to every driven word line (S), before the front end.
    ///
    /// # Errors
    ///
    /// As of [`transfer_at`](Self::transfer_at).
    pub fn transfers_at(&self, hertz: f64, column: usize) -> Result<Vec<Complex64>> {
        let first = self.row_of_network(self.driven.start)?;
        let (adjoint, scale) = self.adjoint(at(hertz)?, column, self.settings)?;
        let amperes = &adjoint.driver_amperes()[first..][..self.driven.len()];
        Ok(amperes.iter().map(|amperes| -amperes * scale).collect())
    }

    /// Gain of the front end, 1 without a pole.
    ///
    /// # Errors
    ///
    /// [`Error::Real`] for a frequency outside the valid range.
    pub fn front_end_at(&self, hertz: f64) -> Result<Complex64> {
        Ok(self.front_end(at(hertz)?))
    }

    /// Lowest frequency at which the response of a bit line to a word line, front end included, is 3 dB (a
    /// factor `√½`) below that at 0 Hz (Hz).
    ///
    /// Searched in steps of a factor of 4, then to 10⁻¹⁰ of it.
    ///
    /// # Errors
    ///
    /// As of [`transfer_at`](Self::transfer_at); [`Error::Real`] for a row that lets no current through at 0
    /// Hz, [`Error::Conflict`] where no frequency weakens the response so far.
    pub fn bandwidth_hertz(&self, row: usize, column: usize) -> Result<f64> {
        let source = self.row_of_network(row)?;
        let power = |hertz: f64| -> Result<f64> {
            let s = Complex64::new(0.0, TAU * hertz);
            Ok((self.transfer(s, source, column)? * self.front_end(s)).norm_sqr())
        };
        let steady = power(0.0)?;
        check_real("transfer at 0 Hz (S)", steady.sqrt(), f64::MIN_POSITIVE, f64::MAX)?;
        // Above 0 where the response is strong.
        let excess = |log_hertz: f64| Ok(2.0 * power(libm::exp(log_hertz))? / steady - 1.0);
        let unbounded = Error::Conflict {
            first: "bandwidth",
            second: "response that capacitances do not weaken by 3 dB",
            why: "it has none",
        };
        let scale = self.scale_secs();
        if scale == 0.0 {
            return Err(unbounded);
        }
        let step = libm::log(4.0);
        let mut low = -libm::log(TAU * scale) - step;
        let mut at_low = excess(low)?;
        while at_low <= 0.0 {
            low -= step;
            at_low = excess(low)?;
        }
        let highest = libm::log(HIGHEST_HERTZ);
        while low < highest {
            let high = low + step;
            let at_high = excess(high)?;
            if at_high <= 0.0 {
                return Ok(libm::exp(root((low, at_low), (high, at_high), 1e-10, excess)?));
            }
            (low, at_low) = (high, at_high);
        }
        Err(unbounded)
    }

    /// Response of a bit line to a row of the network (S).
    fn transfer(&self, s: Complex64, source: usize, column: usize) -> Result<Complex64> {
        let (adjoint, scale) = self.adjoint(s, column, self.settings)?;
        Ok(-adjoint.driver_amperes()[source] * scale)
    }

    /// `1 / 2πf` of the front end's pole (s), 0 without.
    pub(super) fn front_end_secs(&self) -> f64 {
        self.capacitance.front_end_hertz().map_or(0.0, |hertz| 1.0 / (TAU * hertz))
    }

    pub(super) fn front_end(&self, s: Complex64) -> Complex64 {
        (Complex64::ONE + s * self.front_end_secs()).inv()
    }

    pub(super) fn settings(&self) -> SolverSettings {
        self.settings
    }

    pub(super) fn capacitance(&self) -> Capacitance {
        self.capacitance
    }

    pub(super) fn network<S: Scalar>(&self, s: S) -> Result<Network<S>> {
        Network::new(&self.wires, self.cells, self.driven.clone(), s)
    }

    pub(super) fn solver<S: Scalar>(&self, network: &Network<S>) -> Result<Solver<S>> {
        Solver::new(network, self.settings)
    }

    /// The network with one sense terminal's source so high that about 1 V reaches the line, all others at
    /// 0 V; and by what to multiply it for 1 V at the source, however little of that gets through the terminal.
    pub(super) fn adjoint(
        &self,
        s: Complex64,
        column: usize,
        settings: SolverSettings,
    ) -> Result<(Solution<Complex64>, f64)> {
        self.check_column(column)?;
        let network = self.network(s)?;
        let lines = network.bit_lines();
        let gain = |terminal: &Option<Terminal<Complex64>>| terminal.map_or(0.0, |end| end.gain.norm());
        let scale = gain(&lines.first[column]).max(gain(&lines.last[column])).max(f64::MIN_POSITIVE);
        let mut sense_volts = vec![Complex64::ZERO; network.columns()];
        sense_volts[column] = Complex64::from(scale.recip());
        let grounds = vec![Complex64::ZERO; network.rows()];
        Ok((Solver::new(&network, settings)?.solve(&grounds, &sense_volts)?, scale))
    }

    /// The row of the network that is this driven row of the array.
    pub(super) fn row_of_network(&self, row: usize) -> Result<usize> {
        check_integer("driven row", row, self.driven.start as i64, self.driven.end as i64 - 1)?;
        Ok(row - self.wires.rows_of_read(&self.driven, self.cells.rows).start)
    }

    pub(super) fn check_column(&self, column: usize) -> Result<()> {
        check_integer("column", column, 0, self.cells.columns as i64 - 1)
    }
}

/// A frequency as a complex one (rad/s).
pub(super) fn at(hertz: f64) -> Result<Complex64> {
    check_real("frequency (Hz)", hertz, 0.0, HIGHEST_HERTZ)?;
    Ok(Complex64::new(0.0, TAU * hertz))
}
