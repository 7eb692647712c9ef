//! The matrix-vector kernel: integer contributions, thresholds and slices. No volts, no weights.
//!
//! A [`Block`] is one array compiled onto the fixed-point grid. A [`Step`] is one plane of one of
//! its active groups. Every kernel adds the contribution of one step to the result:
//!
//! ```text
//! y[c] += place · ( Σ_l ±2^shift[l] · (unit · code[l, c] − baseline[n])  +  digit_sum[g, c] · n )
//! ```
//!
//! with `n` the digit sum of the step. [`reference`](mod@reference) says what that is, slowly;
//! [`direct`] returns the same bits, one vector addition per driven word line.

mod adcs;
mod block;
mod contributions;
mod counts;
pub mod direct;
mod integer;
mod noise;
mod parts;
mod patterns;
mod quantizer;
pub mod reference;
mod slow;
mod slow_state;
mod split;
mod table;
mod white;

pub use crate::simd::Level;
pub use adcs::BlockAdcs;
pub use block::Block;
pub(crate) use contributions::PATTERN_ROWS;
pub use contributions::{Contributions, Summands};
pub use counts::{ActivityLevel, Counts};
pub(crate) use integer::{InputPairs, Integers};
pub use noise::{NoiseKey, NoiseMethod};
pub use parts::{BlockNoise, BlockParts};
pub(crate) use patterns::{EVERY_PLANE, Octets, Patterns, RunRule, below, group_mask, not_zero};
pub use quantizer::Quantizer;
pub use slow::{Flicker, Persistence, SlowNoise, Telegraph};
pub(crate) use split::{Clipped, Runs, Split, Streams};
pub(crate) use table::{Places, TILE, Table, tiles};
pub(crate) use white::{PlaneRun, PlaneRuns, VectorDraws, White};

/// One plane of one active group.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// Active group of the block.
    pub group: usize,
    /// Position of the plane in its stream: part of the address of read noise.
    pub plane: u32,
    /// Planes of this group that were run before in this vector: what slow noise counts time by.
    pub run: u32,
    /// What a digit counts: a power of two, negative for a sign plane.
    pub place: i64,
    /// One digit per row of the group.
    pub digits: &'a [u8],
}

impl Step<'_> {
    /// A step of another shape would read other cells: a bug of the caller, never of its input.
    fn check(&self, block: &Block, y: &[i64]) {
        assert_eq!(self.digits.len(), block.group_rows(), "digits of a step");
        assert_eq!(y.len(), block.columns(), "columns of a block");
        assert!(self.group < block.groups(), "group {} of {}", self.group, block.groups());
    }
}
