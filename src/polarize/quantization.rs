//! Rounding to the signed levels of a number of bits.

use super::Moved;
use super::grid::{Grid, Range};
use super::moved::LANES;
use super::rank::magnitude_of_rank;
use crate::checked::checked_serde;
use crate::error::{Error, Result, check_integer, check_length, check_real};
use crate::weights::{RealWeights, Weights};

/// Where the largest level lies.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case", deny_unknown_fields))]
pub enum ScaleRule {
    /// At the largest magnitude: nothing is clipped.
    MinMax,
    /// At this quantile of the magnitudes, in (0, 1]: the `⌈q n⌉`-th smallest of `n`. Larger ones are clipped.
    Quantile(f64),
    /// Where the squared error is least: the best of 64 equally spaced fractions of the largest magnitude,
    /// then scale and levels in turn until neither changes. The error is never above
    /// [`ScaleRule::MinMax`]'s; a better place between two fractions may be missed.
    LeastSquares,
    /// At this step per level, above 0, in the unit of the weights. A weight whose level would
    /// exceed the largest is an error.
    Step(f64),
}

/// The matrices on signed levels: `step · k` with integers `|k| ≤ L`.
///
/// **Equation.** `k = ⌊|w| / step + ½⌋` with the sign of `w`, at most `L`; `step = t / L`, with `t`
/// where [`ScaleRule`] says. `L = 2^(bits−1) − 1`, or `2^bits − 1` with full magnitude, for polarized
/// mapping. Symmetric, so a weight keeps its sign or becomes 0, and polarized stays polarized.
/// One step for the matrix, or one per column. A column of zeros has step 1. **Units.** Steps in the
/// unit of the weights. **Valid range.** 2–16 bits. **Source.** FORMS, ISCA 2021, quantises to the
/// levels of its cells; the rules are common practice.
///
/// ```
/// use forms_xbar::RealWeights;
/// use forms_xbar::polarize::{Quantization, ScaleRule};
///
/// let weights = RealWeights::from_row_slice(3, 1, &[0.7, -0.31, 0.04])?;
/// let quantized = Quantization::new(4, ScaleRule::MinMax)?.quantize(&weights)?;
/// assert_eq!(quantized.weights.as_row_slice(), [7, -3, 0]);
/// assert!((quantized.steps[0] - 0.1).abs() < 1e-7);
/// assert!((quantized.moved.distance - 0.0017f64.sqrt()).abs() < 1e-7);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct Quantization {
    bits: u32,
    rule: ScaleRule,
    per_column: bool,
    full_magnitude: bool,
}

checked_serde!(Quantization);

/// A matrix on levels.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantized {
    /// The levels, signed integers.
    pub weights: Weights,
    /// What one level stands for, in the unit of the real weights: one per column, or one for all.
    pub steps: Vec<f64>,
    /// Weights beyond the largest level.
    pub clipped: usize,
    /// How far rounding and clipping moved the matrix.
    pub moved: Moved,
}

impl Quantized {
    /// What one level of this output stands for, `None` outside the matrix.
    pub fn step(&self, output: usize) -> Option<f64> {
        match self.steps[..] {
            [step] => (output < self.weights.outputs()).then_some(step),
            _ => self.steps.get(output).copied(),
        }
    }

    /// The real weights that the levels stand for, each rounded once to `f32`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFinite`] where a level times its step exceeds `f32`, [`Error::Length`] where steps were
    /// changed to another number than one or one per column.
    pub fn to_real(&self) -> Result<RealWeights> {
        let outputs = self.weights.outputs();
        let steps: Vec<f64> = (0..outputs).filter_map(|output| self.step(output)).collect();
        check_length("steps", outputs, steps.len())?;
        let mut values = Vec::with_capacity(self.weights.as_row_slice().len());
        for row in self.weights.as_row_slice().chunks_exact(outputs) {
            values.extend(row.iter().zip(&steps).map(|(&level, step)| (f64::from(level) * step) as f32));
        }
        RealWeights::from_row_vec(self.weights.inputs(), outputs, values)
    }
}

impl Quantization {
    /// Levels of this many bits in two's complement, one step for the whole matrix.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for bits outside 2–16, [`Error::Real`] for a quantile outside (0, 1] or
    /// a step that is not finite and above 0.
    pub fn new(bits: u32, rule: ScaleRule) -> Result<Self> {
        let quantization = Quantization { bits, rule, per_column: false, full_magnitude: false };
        quantization.check()?;
        Ok(quantization)
    }

    /// One step for every column.
    pub fn with_step_per_column(self) -> Self {
        Quantization { per_column: true, ..self }
    }

    /// Levels up to `2^bits − 1` of either sign, for polarized mapping: see
    /// [`Weights::full_magnitude_from_row_slice`].
    pub fn with_full_magnitude(self) -> Self {
        Quantization { full_magnitude: true, ..self }
    }

    fn check(&self) -> Result<()> {
        check_integer("weight bits", self.bits, 2, 16)?;
        match self.rule {
            ScaleRule::MinMax | ScaleRule::LeastSquares => Ok(()),
            ScaleRule::Quantile(q) => check_real("quantile", q, f64::MIN_POSITIVE, 1.0),
            ScaleRule::Step(step) => check_real("step", step, f64::MIN_POSITIVE, f64::MAX),
        }
    }

    /// Width of a weight.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Where the largest level lies.
    pub fn rule(&self) -> ScaleRule {
        self.rule
    }

    /// Whether every column has its own step.
    pub fn has_step_per_column(&self) -> bool {
        self.per_column
    }

    /// Largest level of either sign.
    pub fn max_level(&self) -> i32 {
        if self.full_magnitude { (1 << self.bits) - 1 } else { (1 << (self.bits - 1)) - 1 }
    }

    /// The steps for a matrix: one per column, or one.
    ///
    /// # Errors
    ///
    /// [`Error::Real`] when the quantile of the magnitudes is 0 although not all are.
    pub fn steps(&self, weights: &RealWeights) -> Result<Vec<f64>> {
        match self.rule {
            // Needs no range.
            ScaleRule::Step(_) => self.steps_in(weights, &Range::default()),
            _ => self.steps_in(weights, &self.range(weights)),
        }
    }

    fn range(&self, weights: &RealWeights) -> Range {
        let of_columns = self.per_column && self.rule == ScaleRule::MinMax;
        if of_columns { Range::of_columns(weights) } else { Range::new(weights) }
    }

    fn steps_in(&self, weights: &RealWeights, range: &Range) -> Result<Vec<f64>> {
        match self.rule {
            ScaleRule::Step(step) => Ok(vec![step; if self.per_column { weights.outputs() } else { 1 }]),
            ScaleRule::MinMax => Ok(range.largest.iter().map(|&top| self.step_to(top)).collect()),
            ScaleRule::Quantile(_) | ScaleRule::LeastSquares if self.per_column => {
                self.steps_of_columns(weights)
            }
            ScaleRule::Quantile(_) | ScaleRule::LeastSquares => {
                Ok(vec![self.step_of(weights.as_row_slice(), range.largest[0])?])
            }
        }
    }

    /// The integers, their steps, and how far that moves the matrix.
    ///
    /// # Errors
    ///
    /// Those of [`Quantization::steps`]; of a given [`ScaleRule::Step`], [`Error::Weight`] for the first
    /// weight whose level exceeds the largest, and [`Error::NotFinite`] where a level times the step exceeds `f32`.
    pub fn quantize(&self, weights: &RealWeights) -> Result<Quantized> {
        let range = self.range(weights);
        let steps = self.steps_in(weights, &range)?;
        self.check_given_step(weights, &range)?;
        let mut levels = vec![0; weights.as_row_slice().len()];
        let (clipped, moved) =
            Grid::new(&steps, self.max_level()).levels(&range, weights.as_row_slice(), &mut levels);
        let weights = self.integers(weights.inputs(), weights.outputs(), levels)?;
        Ok(Quantized { weights, steps, clipped, moved })
    }

    /// Levels as weights of this width.
    pub(super) fn integers(&self, inputs: usize, outputs: usize, levels: Vec<i32>) -> Result<Weights> {
        Weights::from_row_vec(inputs, outputs, self.bits, self.full_magnitude, levels)
    }

    /// Rounds a matrix to its levels and says how far that moved it.
    ///
    /// # Errors
    ///
    /// As [`Quantization::quantize`]; the matrix is then as before.
    pub fn project(&self, weights: &mut RealWeights) -> Result<Moved> {
        let range = self.range(weights);
        let steps = self.steps_in(weights, &range)?;
        self.check_given_step(weights, &range)?;
        Ok(Grid::new(&steps, self.max_level()).round(&range, weights.as_mut_row_slice()))
    }

    /// A given step must reach the largest weight, and its level must be an `f32`.
    fn check_given_step(&self, weights: &RealWeights, range: &Range) -> Result<()> {
        let ScaleRule::Step(step) = self.rule else { return Ok(()) };
        let max = f64::from(self.max_level());
        let level = |value: f32| (f64::from(value.abs()) / step + 0.5).floor();
        let fits = |value: f32| level(value) <= max && (level(value) * step) as f32 <= f32::MAX;
        // Levels grow with magnitudes.
        if range.largest.iter().copied().all(fits) {
            return Ok(());
        }
        let place = |at: usize| (at / weights.outputs(), at % weights.outputs());
        let values = weights.as_row_slice();
        if let Some(at) = values.iter().position(|&value| level(value) > max) {
            let ((input, output), max) = (place(at), i64::from(self.max_level()));
            let value = level(values[at]).copysign(values[at].into()) as i64;
            return Err(Error::Weight { input, output, value, min: -max, max });
        }
        let Some(at) = values.iter().position(|&value| !fits(value)) else { return Ok(()) };
        let (input, output) = place(at);
        Err(Error::NotFinite { input, output, value: f32::INFINITY.copysign(values[at]) })
    }

    /// The step that puts the largest level here.
    fn step_to(&self, top: f32) -> f64 {
        if top == 0.0 { 1.0 } else { f64::from(top) / f64::from(self.max_level()) }
    }

    /// One step per column, from copies of a few columns at a time.
    fn steps_of_columns(&self, weights: &RealWeights) -> Result<Vec<f64>> {
        let (inputs, outputs) = (weights.inputs(), weights.outputs());
        let mut steps = Vec::with_capacity(outputs);
        let mut columns = vec![0.0; LANES * inputs];
        for at in (0..outputs).step_by(LANES) {
            let width = LANES.min(outputs - at);
            for (input, row) in weights.as_row_slice().chunks_exact(outputs).enumerate() {
                for (column, &value) in columns.chunks_exact_mut(inputs).zip(&row[at..at + width]) {
                    column[input] = value;
                }
            }
            for column in columns.chunks_exact(inputs).take(width) {
                steps.push(self.step_of(column, Range::of_values(column).largest[0])?);
            }
        }
        Ok(steps)
    }

    fn step_of(&self, values: &[f32], largest: f32) -> Result<f64> {
        let top = match self.rule {
            ScaleRule::Quantile(q) if largest > 0.0 => {
                let rank = ((q * values.len() as f64).ceil() as usize).clamp(1, values.len()) - 1;
                let top = magnitude_of_rank(values, rank).unwrap_or(largest);
                check_real("quantile of the magnitudes", top.into(), f64::MIN_POSITIVE, f64::MAX)?;
                top
            }
            ScaleRule::LeastSquares if largest > 0.0 => self.least_squares_top(values, largest),
            _ => largest,
        };
        Ok(self.step_to(top))
    }

    /// Where the largest level lies for the least squared error. It is an `f32`, so that the largest
    /// weight after projecting is exactly there, and projecting again finds it.
    fn least_squares_top(&self, values: &[f32], largest: f32) -> f32 {
        const FRACTIONS: usize = 64;
        // Descent from the best fraction; it ends by itself, this bounds it.
        const ROUNDS: usize = 32;
        let max = f64::from(self.max_level());
        // `None` where the error does not stay below what was found before: most fractions soon tell.
        let fit =
            |top: f32, best: f64| Grid::new(&[f64::from(top) / max], self.max_level()).fit(values, best);
        let Some(first) = fit(largest, f64::INFINITY) else { return largest };
        let mut best = (largest, first);
        for fraction in (1..FRACTIONS).rev() {
            let top = largest * fraction as f32 / FRACTIONS as f32;
            // Below the least step that divides, levels are meaningless.
            if best.1.error == 0.0 || top < f32::MIN_POSITIVE {
                break;
            }
            if let Some(found) = fit(top, best.1.error) {
                best = (top, found);
            }
        }
        for _ in 0..ROUNDS {
            let top = ((max * best.1.product / best.1.square) as f32).min(largest);
            let Some(found) = fit(top, best.1.error) else { break };
            best = (top, found);
        }
        best.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::at_every_level;

    #[test]
    fn every_cpu_level_gives_the_same_bits() {
        let values: Vec<f32> =
            (0..37 * 53).map(|at| ((at * 7919) % 1009) as f32 * 1e-3 - 0.5 / (1.0 + at as f32)).collect();
        let weights = RealWeights::from_row_slice(37, 53, &values).unwrap();
        for rule in
            [ScaleRule::MinMax, ScaleRule::Quantile(0.9), ScaleRule::LeastSquares, ScaleRule::Step(0.1)]
        {
            let plain = Quantization::new(5, rule).unwrap();
            for quantization in [plain, plain.with_step_per_column()] {
                let results = at_every_level(|| {
                    let mut projected = weights.clone();
                    let moved = quantization.project(&mut projected).unwrap();
                    let quantized = quantization.quantize(&weights).unwrap();
                    assert_eq!(moved, quantized.moved);
                    (projected, quantized, moved.distance.to_bits(), moved.norm.to_bits())
                });
                assert!(results.iter().all(|result| *result == results[0]));
            }
        }
    }
}
