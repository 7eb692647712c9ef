//! What a block is compiled from, and the proof that nothing in it overflows.

use std::ops::AddAssign;

use super::{BlockAdcs, Contributions, NoiseMethod, PATTERN_ROWS, Quantizer, SlowNoise, Summands};
use crate::error::{Error, Result, check_integer, check_length};
use crate::simd::vectorised;

/// Fraction bits of [`BlockNoise::word_line_deviation`].
pub(super) const WORD_LINE_BITS: u32 = 24;

/// Fast read noise of a block: white noise as integer variances, and the noise of word-line drivers.
///
/// The unit of variances is the square of `2^unit_bits` grid units: they have a grid of their own, coarse
/// enough that every sum fits in 63 bits. Tables that are empty stand for no noise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BlockNoise {
    /// How the white noise of a conversion is drawn.
    pub method: NoiseMethod,
    /// Binary logarithm of the unit of deviations, in grid units.
    pub unit_bits: u32,
    /// Variance a driven cell adds to what it has undriven, `[digit − 1][row][lane][column]`.
    pub cells: Vec<u64>,
    /// Variance of a whole group at 0 V, `[group][lane][column]`.
    pub undriven: Vec<u64>,
    /// Variance a driven row adds to what is subtracted from all columns alike, `[digit − 1][row]`.
    pub common: Vec<u64>,
    /// Variance at 0 V of what is subtracted from all columns alike, `[group]`.
    pub common_undriven: Vec<u64>,
    /// Variance of every conversion.
    pub constant: u64,
    /// Deviation of a word line's voltage, driven or not, in 2⁻²⁴ of a unit digit: one draw per row and
    /// plane, which all columns see; 0 for none.
    pub word_line_deviation: i64,
}

impl BlockNoise {
    /// Whether conversions have noise of their own.
    pub(super) fn is_white(&self) -> bool {
        self.constant > 0 || !self.cells.is_empty() || !self.undriven.is_empty()
    }

    /// Whether white noise is subtracted from all columns alike.
    pub(super) fn is_common(&self) -> bool {
        !self.common.is_empty() || !self.common_undriven.is_empty()
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        [&self.cells, &self.undriven, &self.common, &self.common_undriven]
            .map(|variances| size_of_val(&variances[..]))
            .iter()
            .sum()
    }
}

/// What a [`Block`](super::Block) is compiled from. Rows are `groups × group_rows`.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockParts {
    /// Rows driven together.
    pub group_rows: usize,
    /// Active groups.
    pub groups: usize,
    /// Conversions per column, group and plane.
    pub lanes: usize,
    /// Columns of the result.
    pub columns: usize,
    /// Largest digit.
    pub max_digit: u32,
    /// Largest `Σ |place|` of the planes of one group.
    pub max_places: i64,
    /// What [`Summands`] add to their conversions, in grid units.
    pub contributions: Contributions,
    /// What contributions belong to.
    pub summands: Summands,
    /// Sum → code.
    pub quantizer: Quantizer,
    /// What sets the ADCs apart from ideal ones.
    pub adcs: BlockAdcs,
    /// What one code counts in the result.
    pub unit: i64,
    /// Left shift of each lane.
    pub shift: Vec<u32>,
    /// Whether a lane is subtracted, `[group][lane][column]`.
    pub negative: Vec<bool>,
    /// Factor of the digit sum in the result, `[group][column]`.
    pub digit_sum: Vec<i64>,
    /// Subtracted from every code times unit, by digit sum `0 ..= group_rows · max_digit`; empty
    /// for none.
    pub baseline: Vec<i64>,
    /// Noise that is fresh in every plane.
    pub noise: Option<BlockNoise>,
    /// Noise that outlasts a plane.
    pub slow: Option<SlowNoise>,
    /// Energy of each row in one plane, `[digit − 1][row]`.
    pub energy: Vec<u128>,
}

impl BlockParts {
    pub(super) fn rows(&self) -> usize {
        self.groups.saturating_mul(self.group_rows)
    }

    /// Conversions of one step.
    pub(super) fn conversions(&self) -> usize {
        self.lanes.saturating_mul(self.columns)
    }

    /// Rows of contributions.
    fn summand_rows(&self) -> usize {
        match self.summands {
            Summands::Rows => self.rows(),
            Summands::Digits => self.rows() * self.max_digit as usize,
            Summands::Patterns => self.groups << self.group_rows,
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        let (rows, conversions, digits) = (self.rows(), self.conversions(), self.max_digit as usize);
        check_integer("rows of a block", rows, 1, 1 << 16)?;
        check_integer("conversions of a group", conversions, 1, 1 << 20)?;
        check_integer("largest digit", self.max_digit, 1, u8::MAX.into())?;
        check_integer("sum of places", self.max_places, 1, 1 << 40)?;
        check_integer("unit of a code", self.unit, 1, 1 << 40)?;
        if self.summands == Summands::Patterns {
            check_integer("rows of a group with patterns", self.group_rows, 1, PATTERN_ROWS as i64)?;
            check_integer("largest digit of a group with patterns", self.max_digit, 1, 1)?;
        }
        check_length("contributions", self.summand_rows() * conversions, self.contributions.len())?;
        check_length("lane shifts", self.lanes, self.shift.len())?;
        for &shift in &self.shift {
            check_integer("lane shift", shift, 0, 20)?;
        }
        check_length("lane signs", self.groups * conversions, self.negative.len())?;
        check_length("digit sum factors", self.groups * self.columns, self.digit_sum.len())?;
        check_optional("baseline table", self.group_rows * digits + 1, self.baseline.len())?;
        check_length("row energies", digits * rows, self.energy.len())?;
        if let Quantizer::Codes { low, high } = self.quantizer {
            check_integer("lowest code", low, -(1 << 16), 0)?;
            check_integer("highest code", high, 0, 1 << 16)?;
        }
        self.adcs.check(self.quantizer, conversions)?;
        if let Some(noise) = &self.noise {
            noise.method.check(self.quantizer == Quantizer::PassThrough)?;
            check_integer("unit of deviations (bits)", noise.unit_bits, 0, 60)?;
            check_optional("cell variances", digits * rows * conversions, noise.cells.len())?;
            check_optional("undriven variances", self.groups * conversions, noise.undriven.len())?;
            check_optional("common variances", digits * rows, noise.common.len())?;
            check_optional("common undriven variances", self.groups, noise.common_undriven.len())?;
            let deviation = noise.word_line_deviation;
            check_integer("word-line deviation (2⁻²⁴ of a unit digit)", deviation, 0, 1 << 40)?;
        }
        self.slow.as_ref().map_or(Ok(()), |slow| slow.check(self))
    }

    /// Largest magnitude of a noise-free sum: every row of a group at its largest digit.
    pub(super) fn max_sum(&self) -> i128 {
        match self.summands {
            Summands::Rows => self.max_row_sum(self.rows()) * i128::from(self.max_digit),
            Summands::Digits => self.max_row_sum(self.contributions.len() / self.conversions()),
            Summands::Patterns => self.max_contribution(),
        }
    }

    fn max_contribution(&self) -> i128 {
        match &self.contributions {
            Contributions::Narrow(q) => vectorised(
                #[inline(always)]
                || q.iter().fold(0, |largest, q| q.unsigned_abs().max(largest)),
            )
            .into(),
            Contributions::Wide(q) => q.iter().map(|q| i128::from(*q).abs()).max().unwrap_or(0),
        }
    }

    /// The largest `Σ_row max_table |q|` of a group, over the tables that begin with so many rows.
    fn max_row_sum(&self, rows: usize) -> i128 {
        let words = rows * self.conversions();
        // Words that hold even the largest cell in every row add up several times as fast.
        match &self.contributions {
            Contributions::Narrow(q) if self.max_contribution() * (self.group_rows as i128) < 1 << 31 => {
                let sum = vectorised(
                    #[inline(always)]
                    || self.max_row_sum_in(&q[..words], i32::wrapping_abs),
                );
                sum.into()
            }
            Contributions::Narrow(q) => {
                let sum = vectorised(
                    #[inline(always)]
                    || self.max_row_sum_in(&q[..words], |q| i64::from(q).abs()),
                );
                sum.into()
            }
            Contributions::Wide(q) => self.max_row_sum_in(&q[..words], |q| i128::from(q).abs()),
        }
    }

    #[inline(always)]
    fn max_row_sum_in<Q: Copy, S: Copy + Default + Ord + AddAssign>(
        &self,
        tables: &[Q],
        magnitude: impl Fn(Q) -> S,
    ) -> S {
        let conversions = self.conversions();
        let mut max = S::default();
        let (mut sums, mut cells) = (vec![S::default(); conversions], vec![S::default(); conversions]);
        for group in 0..self.groups {
            sums.fill(S::default());
            for row in group * self.group_rows..(group + 1) * self.group_rows {
                cells.fill(S::default());
                for table in tables.chunks_exact(self.rows() * conversions) {
                    for (cell, &q) in cells.iter_mut().zip(&table[row * conversions..]) {
                        *cell = magnitude(q).max(*cell);
                    }
                }
                sums.iter_mut().zip(&cells).for_each(|(sum, &cell)| *sum += cell);
            }
            max = sums.iter().fold(max, |max, &sum| sum.max(max));
        }
        max
    }

    /// Largest magnitude that noise can add to a sum: a normal draw lies within 8.3 σ.
    pub(super) fn max_noise(&self) -> Result<i128> {
        let slow = self.slow.as_ref().map_or(Ok(0), |slow| slow.max_move(self))?;
        let Some(noise) = &self.noise else { return Ok(slow) };
        let largest = |variances: &[u64]| i128::from(variances.iter().copied().max().unwrap_or(0));
        let driven = |variances: &[u64]| largest(variances) * self.group_rows as i128;
        let total = driven(&noise.cells) + largest(&noise.undriven) + i128::from(noise.constant);
        let common = driven(&noise.common) + largest(&noise.common_undriven);
        fits("read-noise variance", total.max(common), u64::BITS - 1)?;
        let white = (9 * (total.isqrt() + common.isqrt() + 2)) << noise.unit_bits;
        let mut word_lines = 0;
        if noise.word_line_deviation > 0 {
            // Of a pattern, rows driven alone.
            let rows = match self.summands {
                Summands::Patterns => self.max_contribution() * self.group_rows as i128,
                Summands::Rows | Summands::Digits => self.max_row_sum(self.rows()),
            };
            let weighted = rows * (9 * i128::from(noise.word_line_deviation) + 1);
            fits("word-line noise", weighted, i64::BITS - 1)?;
            word_lines = (weighted >> WORD_LINE_BITS) + 1;
        }
        Ok(white + word_lines + slow)
    }
}

/// `Ok` when a table is empty or has the length `expected`.
pub(super) fn check_optional(name: &'static str, expected: usize, found: usize) -> Result<()> {
    if found == 0 { Ok(()) } else { check_length(name, expected, found) }
}

/// `Ok` when a signed word of `available` bits holds any value of this magnitude.
pub(super) fn fits(name: &'static str, magnitude: i128, available: u32) -> Result<()> {
    let needed = i128::BITS - magnitude.leading_zeros() + 1;
    if needed <= available { Ok(()) } else { Err(Error::Overflow { name, needed, available }) }
}
