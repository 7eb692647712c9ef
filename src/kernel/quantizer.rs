//! From a sum on the grid to a code.

use crate::fixed::{FRACTION_BITS, round};

/// How a sum on the grid becomes a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantizer {
    /// `clamp(⌊q / 2¹⁶ + ½⌋, low, high)`, with `low ≤ 0 ≤ high`.
    Codes {
        /// Lowest code.
        low: i64,
        /// Highest code.
        high: i64,
    },
    /// The sum itself, in grid units.
    PassThrough,
}

impl Quantizer {
    /// The code before clamping, of an ideal ADC.
    pub fn unclamped(&self, sum: i64) -> i64 {
        match self {
            Quantizer::Codes { .. } => round(sum),
            Quantizer::PassThrough => sum,
        }
    }

    /// The code, of an ideal ADC.
    pub fn code(&self, sum: i64) -> i64 {
        match *self {
            Quantizer::Codes { .. } => self.clamp(self.unclamped(sum)),
            Quantizer::PassThrough => sum,
        }
    }

    /// The code of one before clamping.
    pub fn clamp(&self, unclamped: i64) -> i64 {
        match *self {
            Quantizer::Codes { low, high } => unclamped.clamp(low, high),
            Quantizer::PassThrough => unclamped,
        }
    }

    /// Edges of an ADC, of the codes `low..=high + 1`; none without codes.
    pub(super) fn edges(&self) -> usize {
        match *self {
            Quantizer::Codes { low, high } => (high - low) as usize + 2,
            Quantizer::PassThrough => 0,
        }
    }

    /// Largest magnitude of a code, for sums of at most `max_sum` in magnitude.
    pub(super) fn max_magnitude(&self, max_sum: i128) -> i128 {
        match *self {
            Quantizer::Codes { low, high } => i128::from(high.max(-low)).min((max_sum >> FRACTION_BITS) + 1),
            Quantizer::PassThrough => max_sum,
        }
    }
}
