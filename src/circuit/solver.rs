//! Voltages of all nodes, for one set of sources after the other.

use super::line_solver::LineSolver;
use super::network::Network;
use super::scalar::Scalar;
use super::solution::Solution;
use super::state::{Correction, State};
use super::table::zeros;
use super::transpose::transpose;
use crate::checked::checked_serde;
use crate::error::{Error, Result, check_integer, check_real};
use crate::simd::vectorised;

/// When a solution counts as one.
///
/// **Equation.** At every node the currents add to at most `residual` times the largest current of any cell,
/// segment or terminal. **Units.** None. **Valid range.** `residual` 10⁻¹⁵–0.1; rounding leaves some
/// 10⁻¹⁵. `max_iterations` 1–10⁶; some 6 are needed for wires of 1 Ω, 60 for 1 kΩ.
///
/// ```
/// use forms_xbar::circuit::SolverSettings;
///
/// let settings = SolverSettings::default().with_residual(1e-9)?.with_max_iterations(100)?;
/// assert_eq!(settings.residual(), 1e-9);
/// assert!(settings.with_residual(0.0).is_err());
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct SolverSettings {
    residual: f64,
    max_iterations: usize,
}

checked_serde!(SolverSettings);

impl Default for SolverSettings {
    /// A residual of 10⁻¹³ within 1000 iterations.
    fn default() -> Self {
        SolverSettings { residual: 1e-13, max_iterations: 1000 }
    }
}

impl SolverSettings {
    /// Settings of this residual and this limit of iterations.
    ///
    /// # Errors
    ///
    /// [`Error::Real`] or [`Error::Integer`] for one outside the valid range.
    pub fn new(residual: f64, max_iterations: usize) -> Result<Self> {
        let settings = SolverSettings { residual, max_iterations };
        settings.check()?;
        Ok(settings)
    }

    /// Another residual.
    ///
    /// # Errors
    ///
    /// [`Error::Real`] outside the valid range.
    pub fn with_residual(self, residual: f64) -> Result<Self> {
        SolverSettings::new(residual, self.max_iterations)
    }

    /// Another limit of iterations.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] outside the valid range.
    pub fn with_max_iterations(self, max_iterations: usize) -> Result<Self> {
        SolverSettings::new(self.residual, max_iterations)
    }

    fn check(&self) -> Result<()> {
        check_real("residual of the solver", self.residual, 1e-15, 0.1)?;
        check_integer("most iterations of the solver", self.max_iterations, 1, 1_000_000)
    }

    /// Largest imbalance of a node over the largest current.
    pub fn residual(&self) -> f64 {
        self.residual
    }

    /// Most iterations of one solution.
    pub fn max_iterations(&self) -> usize {
        self.max_iterations
    }
}

/// A network whose lines are factored, to be solved for any sources.
///
/// **Equation.** With `A_w`, `A_b` the tridiagonal conductances of word lines and bit lines, cells included
/// in the diagonals, and `D` the cells, corrections of the voltages obey
/// `(A_w − D A_b⁻¹ D) δw = r_w + D A_b⁻¹ r_b` and `A_b δb = r_b + D δw` with the imbalances `r`: solved by
/// conjugate gradients (without conjugation, for complex symmetric networks) preconditioned by `A_w⁻¹`,
/// one sweep along all lines of each kind an iteration; then imbalances are worked out anew, until they
/// are below the residual. **Source.** Preconditioned conjugate gradients: Hestenes and Stiefel, J. Res.
/// NBS 1952; without conjugation: van der Vorst and Melissen, IEEE Trans. Magn. 1990.
///
/// ```
/// use forms_xbar::circuit::{Cells, Network, Solver, SolverSettings, Wires};
///
/// let siemens = [1e-4, 5e-5, 2e-5, 1e-4];
/// let cells = Cells { array: (2, 2), rows: 2, columns: 2, siemens: &siemens };
/// let network = Network::new(&Wires::new(1.0, 1.0)?, cells, 0..2, 0.0)?;
/// let solver = Solver::new(&network, SolverSettings::default())?;
/// let solution = solver.solve(&[0.2, 0.2], &[0.0, 0.0])?;
/// let ideal = 0.2 * (siemens[0] + siemens[2]);
/// let lost = 1.0 - solution.sense_amperes()[0] / ideal;
/// assert!(lost > 0.0 && lost < 1e-3);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Solver<S> {
    network: Network<S>,
    word_lines: LineSolver<S>,
    bit_lines: LineSolver<S>,
    settings: SolverSettings,
}

impl<S: Scalar> Solver<S> {
    /// Factors the lines of a network.
    ///
    /// # Errors
    ///
    /// [`Error::Disconnected`] for a line without any path to a terminal, [`Error::Memory`] for a network
    /// that does not fit.
    pub fn new(network: &Network<S>, settings: SolverSettings) -> Result<Self> {
        Solver::of(network.with_cells(&network.cells)?, settings)
    }

    pub(super) fn of(network: Network<S>, settings: SolverSettings) -> Result<Self> {
        let mut by_column = zeros("cells of a network", network.cells.len())?;
        transpose(&network.cells, network.columns, &mut by_column);
        Ok(Solver {
            word_lines: LineSolver::new("word line", &network.word_lines, &by_column)?,
            bit_lines: LineSolver::new("bit line", &network.bit_lines, &network.cells)?,
            network,
            settings,
        })
    }

    /// Solves for the voltages of the sources of all word lines and of all sense terminals (V).
    ///
    /// Ordinary reads hold the sense terminals at 0 V; driving one of them instead of the word lines gives
    /// the response of its bit line to all word lines at once. The voltage of a word line without a driver
    /// plays no part.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for another number of voltages, [`Error::Real`] for one that is not finite,
    /// [`Error::Convergence`] if the residual is not reached, [`Error::Memory`] if it does not fit.
    pub fn solve(&self, word_volts: &[S], sense_volts: &[S]) -> Result<Solution<S>> {
        let cells = &self.network.cells;
        let limit = self.settings.residual;
        let mut state = State::new(&self.network, word_volts, sense_volts)?;
        let mut balance = state.balance(|at, volts| cells[at] * volts);
        let mut iterations = 0;
        loop {
            let residual = balance.relative();
            if residual <= limit {
                return state.into_solution(balance, iterations);
            }
            let left = self.settings.max_iterations - iterations;
            let failed = Error::Convergence { name: "solution of a network", iterations, residual, limit };
            if left == 0 || residual.is_infinite() {
                return Err(failed);
            }
            let correction = self.correct(&state, 0.1 * limit / residual, left)?;
            iterations += correction.iterations;
            state.add(&correction, 1.0);
            balance = state.balance(|at, volts| cells[at] * volts);
            // What does not shrink any more is rounding.
            if balance.relative() > limit.max(0.5 * residual) && iterations < self.settings.max_iterations {
                return Err(failed);
            }
        }
    }

    /// Corrections that reduce the imbalances of a state by this factor, or as far as iterations go.
    pub(super) fn correct(
        &self,
        state: &State<S>,
        reduction: f64,
        max_iterations: usize,
    ) -> Result<Correction<S>> {
        let length = self.network.cells.len();
        let table = || zeros("vectors of the solver", length);
        let mut by_row = table()?;
        let mut vectors = Vectors {
            residual: table()?,
            preconditioned: table()?,
            direction: table()?,
            image: table()?,
            reduced: table()?,
            solution: table()?,
        };
        let (word_imbalance, bit_imbalance) = (&state.word_lines.imbalance, &state.bit_lines.imbalance);
        let iterations = vectorised(
            #[inline(always)]
            || {
                by_row.copy_from_slice(bit_imbalance);
                self.bit_lines.solve(&mut by_row);
                scale(&mut by_row, &self.network.cells);
                transpose(&by_row, self.network.columns, &mut vectors.residual);
                for (residual, &imbalance) in vectors.residual.iter_mut().zip(word_imbalance) {
                    *residual += imbalance;
                }
                self.word_lines.gather(&mut vectors.residual);
                let iterations = self.iterate(&mut vectors, &mut by_row, reduction, max_iterations);
                transpose(&vectors.solution, self.network.rows, &mut by_row);
                scale(&mut by_row, &self.network.cells);
                for (value, &imbalance) in by_row.iter_mut().zip(bit_imbalance) {
                    *value += imbalance;
                }
                self.bit_lines.solve(&mut by_row);
                iterations
            },
        );
        Ok(Correction { word_volts: vectors.solution, bit_volts: by_row, iterations })
    }

    /// Conjugate gradients from the solution 0; the number of iterations.
    #[inline(always)]
    fn iterate(&self, of: &mut Vectors<S>, by_row: &mut [S], reduction: f64, max_iterations: usize) -> usize {
        let Vectors { residual, preconditioned, direction, image, reduced, solution } = of;
        preconditioned.copy_from_slice(residual);
        self.word_lines.solve(preconditioned);
        direction.copy_from_slice(preconditioned);
        image.copy_from_slice(residual);
        let (mut product, start) = products(residual, preconditioned);
        let mut left = start;
        for iteration in 0..max_iterations {
            if left.abs() <= reduction * reduction * start.abs() {
                return iteration;
            }
            transpose(direction, self.network.rows, by_row);
            scale(by_row, &self.network.cells);
            self.bit_lines.solve(by_row);
            scale(by_row, &self.network.cells);
            transpose(by_row, self.network.columns, reduced);
            for (reduced, &image) in reduced.iter_mut().zip(image.iter()) {
                *reduced = image - *reduced;
            }
            self.word_lines.gather(reduced);
            let (curvature, _) = products(direction, reduced);
            let step = product / curvature;
            if !step.is_finite() {
                return iteration + 1;
            }
            for (((solution, residual), &direction), &reduced) in
                solution.iter_mut().zip(residual.iter_mut()).zip(direction.iter()).zip(reduced.iter())
            {
                *solution += step * direction;
                *residual -= step * reduced;
            }
            preconditioned.copy_from_slice(residual);
            self.word_lines.solve(preconditioned);
            let before = product;
            (product, left) = products(residual, preconditioned);
            let turn = product / before;
            if !turn.is_finite() {
                return iteration + 1;
            }
            // The image of the preconditioned residual under the word lines is the residual.
            for ((direction, image), (&preconditioned, &residual)) in
                direction.iter_mut().zip(image.iter_mut()).zip(preconditioned.iter().zip(residual.iter()))
            {
                *direction = preconditioned + turn * *direction;
                *image = residual + turn * *image;
            }
        }
        max_iterations
    }
}

/// What an iteration works on, `[column][row]`.
struct Vectors<S> {
    residual: Vec<S>,
    /// The residual solved for along the word lines.
    preconditioned: Vec<S>,
    direction: Vec<S>,
    /// What the word lines make of the direction.
    image: Vec<S>,
    /// What word lines, cells and bit lines make of it.
    reduced: Vec<S>,
    solution: Vec<S>,
}

#[inline(always)]
fn scale<S: Scalar>(values: &mut [S], factors: &[S]) {
    values.iter_mut().zip(factors).for_each(|(value, &factor)| *value *= factor);
}

/// `Σ a b`, and the real part of `Σ a* b`, in a fixed order of additions.
#[inline(always)]
fn products<S: Scalar>(a: &[S], b: &[S]) -> (S, f64) {
    let mut sums = ([S::zero(); LANES], [0.0; LANES]);
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let (a_rest, b_rest) = (a.remainder(), b.remainder());
    for (a, b) in a.zip(b) {
        add_products(&mut sums, a, b);
    }
    add_products(&mut sums, a_rest, b_rest);
    (sums.0.into_iter().fold(S::zero(), |total, sum| total + sum), sums.1.into_iter().sum())
}

/// Sums side by side, to vectorise.
const LANES: usize = 16;

#[inline(always)]
fn add_products<S: Scalar>(sums: &mut ([S; LANES], [f64; LANES]), a: &[S], b: &[S]) {
    for (((sum, real), &a), &b) in sums.0.iter_mut().zip(&mut sums.1).zip(a).zip(b) {
        *sum += a * b;
        *real += a.real() * b.real() + a.imaginary() * b.imaginary();
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Cells, Wires};
    use super::*;
    use crate::simd::at_every_level;
    use num_complex::Complex64;

    #[test]
    fn solutions_are_the_same_bits_at_every_cpu_level() {
        let siemens: Vec<f64> = (1..=37 * 21).map(|at| 1e-4 / f64::from(at)).collect();
        let cells = Cells { array: (40, 21), rows: 37, columns: 21, siemens: &siemens };
        for ohms in [0.0, 2.0, 500.0] {
            let wires = Wires::new(ohms, ohms).unwrap().with_terminals(30.0, 40.0).unwrap();
            let solutions = at_every_level(|| {
                let network = Network::new(&wires, cells, 0..37, 0.0).unwrap();
                let real = Solver::new(&network, SolverSettings::default()).unwrap();
                let network = Network::new(&wires, cells, 0..37, Complex64::I).unwrap();
                let complex = Solver::new(&network, SolverSettings::default()).unwrap();
                let drives = [Complex64::new(0.2, -0.1); 37];
                let grounds = [Complex64::ZERO; 21];
                (real.solve(&[0.2; 37], &[0.0; 21]).unwrap(), complex.solve(&drives, &grounds).unwrap())
            });
            assert!(solutions.windows(2).all(|pair| pair[0] == pair[1]), "{ohms} Ω");
        }
    }
}
