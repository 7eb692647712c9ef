//! Noise that is fresh in every plane, at addresses: white noise and that of word-line drivers.

use super::parts::WORD_LINE_BITS;
use super::{Block, Step};
use crate::fixed::round_real;
use crate::key::{Key, Purpose, Stream};

/// Where the read noise of one vector on one array is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoiseKey {
    /// Key of the vector.
    pub key: Key,
    /// Place of the array on its die.
    pub array: u64,
}

impl NoiseKey {
    /// The draws of one step: the conversion of a lane takes draw `column · lanes + lane`, so further
    /// columns move no draw. Each step has a stream of its own, so a step that is not run shifts
    /// nothing.
    pub(super) fn draws(&self, step: &Step<'_>) -> Stream {
        self.stream(Purpose::ReadNoise, step)
    }

    /// The draws of one step's word lines: row `i` of the group takes draw `i`.
    pub(super) fn word_line_draws(&self, step: &Step<'_>) -> Stream {
        self.stream(Purpose::WordLineNoise, step)
    }

    fn stream(&self, purpose: Purpose, step: &Step<'_>) -> Stream {
        self.key.stream(purpose, [self.array, step.group as u64, step.plane.into()])
    }
}

/// A normal number of the given variance (in the block's unit), rounded onto the grid.
pub(super) fn normal_on_grid(block: &Block, variance: u64, stream: &mut Stream) -> i64 {
    let deviation = (variance as f64).sqrt() * (1u64 << block.deviation_unit_bits()) as f64;
    // The block has proved that nine deviations fit; a draw is within 8.3.
    round_real(deviation * stream.normal()).unwrap_or_default()
}

/// White noise that all conversions of a step have in common.
pub(super) fn common_on_grid(block: &Block, step: &Step<'_>, noise: NoiseKey) -> i64 {
    block.common_variance(step).map_or(0, |variance| {
        normal_on_grid(block, variance, &mut noise.stream(Purpose::CommonReadNoise, step))
    })
}

/// How far the next word line is off, in 2⁻²⁴ of a unit digit.
pub(super) fn word_line_offset(deviation: i64, stream: &mut Stream) -> i64 {
    round_real(deviation as f64 * stream.normal()).unwrap_or_default()
}

/// `⌊sum / 2²⁴ + ½⌋`: word lines' offsets times contributions, on the grid.
pub(super) fn round_word_lines(sum: i64) -> i64 {
    (sum + (1 << (WORD_LINE_BITS - 1))) >> WORD_LINE_BITS
}
