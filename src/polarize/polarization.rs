//! One sign per fragment.

use super::moved::{LANES, PIECE, Squares, TOGETHER};
use super::{FragmentSigns, Moved};
use crate::checked::checked_serde;
use crate::error::{Result, check_integer};
use crate::simd::vectorised;
use crate::weights::RealWeights;

/// Which sign a fragment gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum SignRule {
    /// Plus where the sum of the fragment's weights is at least 0 (FORMS).
    Sum,
    /// The sign that moves the fragment least: plus where the squares of its positive weights sum to
    /// at least as much as those of its negative weights.
    Nearest,
}

/// The matrices of which every fragment has one sign: `m` consecutive inputs of one output, the
/// last fragment of a column shorter where `m` does not divide the inputs.
///
/// **Equation.** `v → s · max(0, s · v)` with the sign `s` of the fragment (FORMS, section III): weights of
/// the other sign become 0. With [`SignRule::Nearest`] the result is the closest polarized matrix;
/// with [`SignRule::Sum`] it is the closest one with the paper's signs. **Units.** Those of the
/// weights. Sums are taken in `f64`, input by input. **Valid range.** Fragments of at least one row.
/// **Source.** FORMS, ISCA 2021; the nearest sign is ours.
///
/// ```
/// use forms_xbar::RealWeights;
/// use forms_xbar::polarize::{Polarization, SignRule};
///
/// let mut weights = RealWeights::from_row_slice(4, 1, &[3.0, -2.0, -2.0, 0.5])?;
/// let moved = Polarization::new(4, SignRule::Nearest)?.project(&mut weights);
/// assert_eq!(weights.as_row_slice(), [3.0, 0.0, 0.0, 0.5]);
/// assert_eq!(moved.distance, 8f64.sqrt());
///
/// let mut weights = RealWeights::from_row_slice(4, 1, &[3.0, -2.0, -2.0, 0.5])?;
/// Polarization::new(4, SignRule::Sum)?.project(&mut weights);
/// assert_eq!(weights.as_row_slice(), [0.0, -2.0, -2.0, 0.0]);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct Polarization {
    fragment: usize,
    rule: SignRule,
}

checked_serde!(Polarization);

impl Polarization {
    /// Fragments of this many rows, signs by this rule.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`](crate::Error::Integer) for a fragment without a row, or of more rows than
    /// the largest array has (65,536).
    pub fn new(fragment: usize, rule: SignRule) -> Result<Self> {
        let polarization = Polarization { fragment, rule };
        polarization.check()?;
        Ok(polarization)
    }

    fn check(&self) -> Result<()> {
        check_integer("fragment", self.fragment, 1, 1 << 16)
    }

    /// Rows of a fragment.
    pub fn fragment(&self) -> usize {
        self.fragment
    }

    /// How signs are chosen.
    pub fn rule(&self) -> SignRule {
        self.rule
    }

    /// Polarizes a matrix and says how far that moved it.
    pub fn project(&self, weights: &mut RealWeights) -> Moved {
        let outputs = weights.outputs();
        let values = weights.as_mut_row_slice();
        vectorised(
            #[inline(always)]
            || {
                let mut squares = Squares::default();
                for rows in values.chunks_mut(self.fragment * outputs) {
                    for at in (0..outputs).step_by(PIECE) {
                        let (negative, width) = signs(rows, outputs, at, self.rule, &mut squares);
                        clamp::<false>(rows, outputs, at, &negative[..width], &mut squares);
                    }
                }
                squares.moved()
            },
        )
    }

    /// The signs that [`Polarization::project`] would give, to be held fixed.
    pub fn signs(&self, weights: &RealWeights) -> FragmentSigns {
        let outputs = weights.outputs();
        let mut all = Vec::with_capacity(weights.inputs().div_ceil(self.fragment) * outputs);
        let mut squares = Squares::default();
        for rows in weights.as_row_slice().chunks(self.fragment * outputs) {
            for at in (0..outputs).step_by(PIECE) {
                let (negative, width) = signs(rows, outputs, at, self.rule, &mut squares);
                all.extend_from_slice(&negative[..width]);
            }
        }
        FragmentSigns::from_parts(self.fragment, weights.inputs(), outputs, all)
    }
}

/// Whether each of at most [`PIECE`] columns of a fragment gets a minus, and how many columns there are.
#[inline(always)]
fn signs(
    rows: &[f32],
    outputs: usize,
    at: usize,
    rule: SignRule,
    squares: &mut Squares,
) -> ([bool; PIECE], usize) {
    let mut scores = [0f64; PIECE];
    let width = PIECE.min(outputs - at);
    for rows in rows.chunks(TOGETHER * outputs) {
        let (blocks, rest) = scores[..width].as_chunks_mut::<LANES>();
        let mut at = at;
        for block in blocks {
            score(rows, outputs, at, rule, block, squares);
            at += LANES;
        }
        for (at, one) in (at..).zip(rest) {
            score(rows, outputs, at, rule, std::array::from_mut(one), squares);
        }
    }
    (scores.map(|score| score < 0.0), width)
}

/// Adds what decides the sign of `N` columns.
#[inline(always)]
fn score<const N: usize>(
    rows: &[f32],
    outputs: usize,
    at: usize,
    rule: SignRule,
    scores: &mut [f64; N],
    squares: &mut Squares,
) {
    let mut sums = *scores;
    for row in rows.chunks_exact(outputs) {
        for ((sum, before), &value) in sums.iter_mut().zip(&mut squares.before).zip(&row[at..at + N]) {
            let value = f64::from(value);
            *before += value * value;
            *sum += match rule {
                SignRule::Sum => value,
                SignRule::Nearest => value * value.abs(),
            };
        }
    }
    *scores = sums;
}

/// Sets what has the other sign to 0 in columns of a fragment; counts what was there before, where
/// [`signs`] has not done so.
#[inline(always)]
pub(super) fn clamp<const COUNT: bool>(
    rows: &mut [f32],
    outputs: usize,
    at: usize,
    negative: &[bool],
    squares: &mut Squares,
) {
    for rows in rows.chunks_mut(TOGETHER * outputs) {
        let (blocks, rest) = negative.as_chunks::<LANES>();
        let mut at = at;
        for block in blocks {
            clamp_block::<_, COUNT>(rows, outputs, at, block, squares);
            at += LANES;
        }
        for (at, one) in (at..).zip(rest) {
            clamp_block::<_, COUNT>(rows, outputs, at, std::array::from_ref(one), squares);
        }
    }
}

#[inline(always)]
fn clamp_block<const N: usize, const COUNT: bool>(
    rows: &mut [f32],
    outputs: usize,
    at: usize,
    negative: &[bool; N],
    squares: &mut Squares,
) {
    let sign = negative.map(|negative| if negative { -1f32 } else { 1.0 });
    for row in rows.chunks_exact_mut(outputs) {
        let lanes = squares.removed.iter_mut().zip(&mut squares.before);
        for ((value, sign), (removed, before)) in row[at..at + N].iter_mut().zip(&sign).zip(lanes) {
            if COUNT {
                let value = f64::from(*value);
                *before += value * value;
            }
            let kept = if sign * *value > 0.0 { *value } else { 0.0 };
            let lost = f64::from(*value - kept);
            *removed += lost * lost;
            *value = kept;
        }
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
        for rule in [SignRule::Sum, SignRule::Nearest] {
            let results = at_every_level(|| {
                let mut weights = RealWeights::from_row_slice(37, 53, &values).unwrap();
                let moved = Polarization::new(8, rule).unwrap().project(&mut weights);
                (weights, moved.distance.to_bits(), moved.norm.to_bits())
            });
            assert!(results.iter().all(|result| *result == results[0]));
        }
    }
}
