//! Cells whose current is not proportional to their voltage.

use super::network::Network;
use super::solution::Solution;
use super::solver::{Solver, SolverSettings};
use super::state::{Balance, State};
use super::table::zeros;
use crate::checked::checked_serde;
use crate::error::{Error, Result, check_integer, check_real};

/// How far the linear solution of one step goes: it need not be better than the step itself.
const STEP_REDUCTION: f64 = 1e-6;
/// Share of the decrease a linear network would show that a step has to bring.
const LEAST_DECREASE: f64 = 1e-4;
/// Halvings of a step after which nothing is gained.
const MAX_HALVINGS: usize = 40;
/// Steps for one cell behind its access transistor.
const MAX_CELL_STEPS: usize = 200;

/// When a nonlinear solution counts as one.
///
/// **Equation.** As of [`SolverSettings`]: at every node the currents add to at most `residual` times the
/// largest current. **Units.** None. **Valid range.** `residual` 10⁻¹⁵–0.1; `max_iterations` 1–10⁶ Newton
/// steps, of which smooth curves need about ten; `max_linear_iterations` 1–10⁶ in each of them.
///
/// ```
/// use forms_xbar::circuit::NewtonSettings;
///
/// let settings = NewtonSettings::default().with_residual(1e-9)?;
/// assert_eq!(settings.residual(), 1e-9);
/// assert!(NewtonSettings::new(1e-12, 0, 1000).is_err());
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct NewtonSettings {
    residual: f64,
    max_iterations: usize,
    max_linear_iterations: usize,
}

checked_serde!(NewtonSettings);

impl Default for NewtonSettings {
    /// A residual of 10⁻¹³ within 100 steps of up to 1000 linear iterations.
    fn default() -> Self {
        NewtonSettings { residual: 1e-13, max_iterations: 100, max_linear_iterations: 1000 }
    }
}

impl NewtonSettings {
    /// Settings of this residual and these limits of Newton steps and of linear iterations in a step.
    ///
    /// # Errors
    ///
    /// [`Error::Real`] or [`Error::Integer`] for one outside the valid range.
    pub fn new(residual: f64, max_iterations: usize, max_linear_iterations: usize) -> Result<Self> {
        let settings = NewtonSettings { residual, max_iterations, max_linear_iterations };
        settings.check()?;
        Ok(settings)
    }

    /// Another residual.
    ///
    /// # Errors
    ///
    /// [`Error::Real`] outside the valid range.
    pub fn with_residual(self, residual: f64) -> Result<Self> {
        NewtonSettings::new(residual, self.max_iterations, self.max_linear_iterations)
    }

    /// Another limit of Newton steps.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] outside the valid range.
    pub fn with_max_iterations(self, max_iterations: usize) -> Result<Self> {
        NewtonSettings::new(self.residual, max_iterations, self.max_linear_iterations)
    }

    fn check(&self) -> Result<()> {
        check_real("residual of Newton's method", self.residual, 1e-15, 0.1)?;
        check_integer("most steps of Newton's method", self.max_iterations, 1, 1_000_000)?;
        check_integer("most linear iterations of a Newton step", self.max_linear_iterations, 1, 1_000_000)
    }

    /// Largest imbalance of a node over the largest current.
    pub fn residual(&self) -> f64 {
        self.residual
    }

    /// Most Newton steps.
    pub fn max_iterations(&self) -> usize {
        self.max_iterations
    }

    /// Most linear iterations in a step.
    pub fn max_linear_iterations(&self) -> usize {
        self.max_linear_iterations
    }
}

impl Network<f64> {
    /// Solves the network with other cells: each a `curve` behind an access transistor of `access_ohms`.
    ///
    /// `curve` gives, for a row and a column of the network and the voltage of the cell (V), its current
    /// (A) and the slope of that (S). It must not fall, and be 0 A at 0 V; a current that is not finite says
    /// that the voltage is beyond the curve. The network's own cells play no part.
    ///
    /// **Method.** Newton's, with the slopes as the cells of a linear network; a step is halved until the
    /// sum of squared imbalances falls. [`Solution::iterations`] counts steps.
    ///
    /// ```
    /// use forms_xbar::circuit::{Cells, Network, NewtonSettings, Wires};
    ///
    /// let cells = Cells { array: (1, 2), rows: 1, columns: 2, siemens: &[1e-4, 1e-4] };
    /// let network = Network::new(&Wires::new(10.0, 10.0)?, cells, 0..1, 0.0)?;
    /// let sinh = |_, _, volts: f64| (1e-5 * (4.0 * volts).sinh(), 4e-5 * (4.0 * volts).cosh());
    /// let solution = network.newton(&[0.5], 1e3, NewtonSettings::default(), sinh)?;
    /// assert!(solution.sense_amperes()[0] > solution.sense_amperes()[1]);
    /// # Ok::<(), forms_xbar::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Convergence`] if the residual is not reached; [`Error::Length`] for another number of
    /// voltages; [`Error::Real`] for one that is not finite, for a negative access resistance, and for a
    /// cell without a finite current and a slope of at least 0 when all lines are at the voltages of their
    /// sources; [`Error::Disconnected`] for a line that slopes of 0 cut off.
    pub fn newton(
        &self,
        word_volts: &[f64],
        access_ohms: f64,
        settings: NewtonSettings,
        curve: impl Fn(usize, usize, f64) -> (f64, f64),
    ) -> Result<Solution<f64>> {
        check_real("access resistance (Ω)", access_ohms, 0.0, f64::MAX)?;
        let mut slopes = zeros("slopes of the cells", self.cells.len())?;
        let currents = |slopes: &mut [f64], state: &mut State<f64>| {
            state.balance(|at, volts| {
                let cell = |volts| curve(at / self.columns, at % self.columns, volts);
                let (amperes, slope) = behind(access_ohms, volts, cell);
                slopes[at] = slope;
                amperes
            })
        };
        let mut state = State::new(self, word_volts, &vec![0.0; self.columns])?;
        let mut balance = currents(&mut slopes, &mut state);
        state.cell_amperes.iter().try_for_each(|&amperes| {
            check_real("current of a cell at the voltage of its source (A)", amperes, f64::MIN, f64::MAX)
        })?;

        let limit = settings.residual;
        let mut iterations = 0;
        loop {
            let residual = balance.relative();
            if residual <= limit {
                return state.into_solution(balance, iterations);
            }
            let failed = Error::Convergence { name: "Newton's method", iterations, residual, limit };
            if iterations == settings.max_iterations {
                return Err(failed);
            }
            iterations += 1;
            let solver = Solver::of(self.with_cells(&slopes)?, SolverSettings::default())?;
            let correction = solver.correct(&state, STEP_REDUCTION, settings.max_linear_iterations)?;
            let falls = |to: Balance, step: f64| to.squares < balance.squares * (1.0 - LEAST_DECREASE * step);
            let mut step = 1.0;
            state.add(&correction, step);
            let mut next = currents(&mut slopes, &mut state);
            for _ in 0..MAX_HALVINGS {
                if falls(next, step) {
                    break;
                }
                step *= 0.5;
                state.add(&correction, -step);
                next = currents(&mut slopes, &mut state);
            }
            if !falls(next, step) {
                return Err(failed);
            }
            balance = next;
        }
    }
}

/// Current and slope of a cell in series with a resistance; NaN where the cell has none.
///
/// Newton's method between bounds that close in, halved where a step would leave them.
fn behind(ohms: f64, volts: f64, curve: impl Fn(f64) -> (f64, f64)) -> (f64, f64) {
    let curve = |volts| {
        let (amperes, slope) = curve(volts);
        let holds = amperes.is_finite() && slope.is_finite() && slope >= 0.0;
        if holds { (amperes, slope) } else { (f64::NAN, f64::NAN) }
    };
    if ohms == 0.0 {
        return curve(volts);
    }
    let (mut low, mut high) = (volts.min(0.0), volts.max(0.0));
    let mut at = volts / (1.0 + ohms * curve(0.0).1);
    for _ in 0..MAX_CELL_STEPS {
        let (amperes, slope) = curve(at);
        let excess = (at - volts) + ohms * amperes;
        if excess.abs() <= f64::EPSILON * volts.abs() {
            return (amperes, slope / (1.0 + ohms * slope));
        }
        // Beyond the curve is too far from 0 V.
        let above = if excess.is_nan() { volts > 0.0 } else { excess > 0.0 };
        *(if above { &mut high } else { &mut low }) = at;
        let next = at - excess / (1.0 + ohms * slope);
        at = if low < next && next < high { next } else { 0.5 * (low + high) };
        if at == low || at == high {
            return (amperes, slope / (1.0 + ohms * slope));
        }
    }
    (f64::NAN, f64::NAN)
}
