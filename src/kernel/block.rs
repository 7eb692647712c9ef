//! One array compiled onto the fixed-point grid.

use std::mem::take;

use super::adcs::Adcs;
use super::contributions::pad;
use super::noise::deviation;
use super::parts::fits;
use super::{BlockNoise, BlockParts, PATTERN_ROWS, Quantizer, SlowNoise, Step, Summands};
use crate::error::Result;
use crate::fixed::ONE;

/// Codes are stored in chunks of this many conversions, padded with conversions of nothing.
pub(super) const CHUNK: usize = 16;

/// The large arrays of a block, in integers of one width, rows padded to the block's stride.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grid<W> {
    /// Rows of [`Summands`].
    pub(super) contributions: Vec<W>,
    /// All ones where a lane is subtracted, else 0, `[group][stride]`.
    pub(super) signs: Vec<W>,
    /// What is added to sums before they are converted, `[stride]`; empty for none.
    pub(super) offset: Vec<W>,
}

/// The width of the grid, chosen by what the programmed maximum proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Words {
    Narrow(Grid<i32>),
    Wide(Grid<i64>),
}

impl<W> Grid<W> {
    fn bytes(&self) -> usize {
        size_of_val(&self.contributions[..]) + size_of_val(&self.signs[..]) + size_of_val(&self.offset[..])
    }
}

/// One array on the grid, with every overflow excluded when it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    parts: BlockParts,
    /// Conversions of a row, padded to whole chunks.
    stride: usize,
    /// Replaces `parts.contributions` and `parts.negative`.
    words: Words,
    /// Replaces `parts.adcs`.
    adcs: Adcs,
    /// `Σ_l ±2^shift[l]`, `[group][column]`.
    code_weight: Vec<i64>,
    has_digit_sum: bool,
    max_sum: i64,
    bound: i64,
}

impl Block {
    /// Compiles a block.
    ///
    /// # Errors
    ///
    /// [`Error::Length`](crate::Error::Length) or [`Error::Integer`](crate::Error::Integer) for parts that do
    /// not fit together, [`Error::Overflow`](crate::Error::Overflow) when a sum, a variance or a result could exceed 64 bits.
    pub fn new(mut parts: BlockParts) -> Result<Self> {
        parts.check()?;
        let stride = parts.conversions().next_multiple_of(CHUNK);
        let max_sum = parts.max_sum();
        fits("bit-line sum", max_sum, i64::BITS - 1)?;
        let max_noisy_sum = max_sum + parts.max_noise()?;
        fits("bit-line sum with noise", max_noisy_sum, i64::BITS - 1)?;
        let max_offset = parts.adcs.max_offset();
        let max_converted = max_noisy_sum + max_offset;
        fits("bit-line sum with the offset of its ADC", max_converted, i64::BITS - 1)?;
        // Displaced edges may give a sum any code.
        let max_converted = if parts.adcs.displacement.is_empty() {
            max_converted
        } else {
            max_converted.max(i64::MAX.into())
        };
        let max_code = parts.quantizer.max_magnitude(max_converted);

        // Σ_l 2^shift · code, what the lanes of one column add up to.
        let max_total: i128 = parts.shift.iter().map(|shift| max_code << shift).sum();
        let max_baseline = i128::from(parts.baseline.iter().map(|b| b.unsigned_abs()).max().unwrap_or(0));
        let lane_weight: i128 = parts.shift.iter().map(|shift| 1i128 << shift).sum();
        let max_digit_sum = i128::from(parts.digit_sum.iter().map(|d| d.unsigned_abs()).max().unwrap_or(0));
        let driven = parts.group_rows as i128 * i128::from(parts.max_digit);
        let max_step =
            max_total * i128::from(parts.unit) + lane_weight * max_baseline + max_digit_sum * driven;
        let bound =
            (parts.groups as i128).saturating_mul(i128::from(parts.max_places)).saturating_mul(max_step);
        fits("result accumulator", bound, i64::BITS)?;

        let narrow = max_sum + max_offset + i128::from(ONE) <= i32::MAX.into()
            && max_code <= i32::MAX.into()
            && max_total <= i32::MAX.into();
        let (negative, contributions) = (take(&mut parts.negative), take(&mut parts.contributions));
        let conversions = parts.conversions();
        let adcs = Adcs::new(take(&mut parts.adcs), parts.quantizer);
        let words = if narrow {
            Words::Narrow(Grid {
                contributions: contributions.into_narrow(conversions, stride),
                signs: pad(&negative, conversions, stride, |negative| -i32::from(negative)),
                offset: pad(&adcs.offset, conversions, stride, |offset| offset as i32),
            })
        } else {
            Words::Wide(Grid {
                contributions: contributions.into_wide(conversions, stride),
                signs: pad(&negative, conversions, stride, |negative| -i64::from(negative)),
                offset: pad(&adcs.offset, conversions, stride, |offset| offset),
            })
        };
        let mut code_weight = vec![0; parts.groups * parts.columns];
        let groups = code_weight.chunks_exact_mut(parts.columns);
        for (weights, lanes) in groups.zip(negative.chunks_exact(conversions)) {
            for (&shift, negative) in parts.shift.iter().zip(lanes.chunks_exact(parts.columns)) {
                for (weight, &negative) in weights.iter_mut().zip(negative) {
                    *weight += if negative { -1 << shift } else { 1 << shift };
                }
            }
        }
        let has_digit_sum = max_digit_sum > 0 || max_baseline > 0;
        Ok(Block {
            parts,
            stride,
            words,
            adcs,
            code_weight,
            has_digit_sum,
            max_sum: max_sum as i64,
            bound: bound as i64,
        })
    }

    /// Rows driven together.
    pub fn group_rows(&self) -> usize {
        self.parts.group_rows
    }

    /// Active groups.
    pub fn groups(&self) -> usize {
        self.parts.groups
    }

    /// Conversions per column, group and plane.
    pub fn lanes(&self) -> usize {
        self.parts.lanes
    }

    /// Columns of the result.
    pub fn columns(&self) -> usize {
        self.parts.columns
    }

    /// Sum → code, of an ideal ADC.
    pub fn quantizer(&self) -> Quantizer {
        self.parts.quantizer
    }

    /// The code of a conversion's sum, noise included: its ADC's offset and edges are in it.
    pub fn code(&self, lane: usize, column: usize, sum: i64) -> i64 {
        self.adcs.code(lane * self.parts.columns + column, sum)
    }

    /// The same before clamping.
    pub fn unclamped(&self, lane: usize, column: usize, sum: i64) -> i64 {
        self.adcs.unclamped(lane * self.parts.columns + column, sum)
    }

    /// The least sum of a conversion whose code before clamping is `code` or more: in the code's range, where
    /// `code` begins.
    pub fn edge(&self, lane: usize, column: usize, code: i64) -> i64 {
        self.adcs.edge(lane * self.parts.columns + column, code)
    }

    /// Whether every ADC is ideal.
    pub fn has_ideal_adcs(&self) -> bool {
        self.adcs.are_ideal()
    }

    /// The ADCs, compiled.
    pub(super) fn adcs(&self) -> &Adcs {
        &self.adcs
    }

    /// What one code counts in the result.
    pub fn unit(&self) -> i64 {
        self.parts.unit
    }

    /// Largest `Σ |place|` of the planes of one group.
    pub(crate) fn max_places(&self) -> i64 {
        self.parts.max_places
    }

    /// Largest digit.
    pub fn max_digit(&self) -> u32 {
        self.parts.max_digit
    }

    /// What sums are put together from.
    pub fn summands(&self) -> Summands {
        self.parts.summands
    }

    /// Energy of a row in one plane at digit 1, in the unit of the parts.
    pub(crate) fn row_energy(&self, row: usize) -> u128 {
        self.parts.energy[row]
    }

    /// Left shift of a lane.
    pub fn shift(&self, lane: usize) -> u32 {
        self.parts.shift[lane]
    }

    /// Whether a lane is subtracted.
    pub fn is_negative(&self, group: usize, lane: usize, column: usize) -> bool {
        let at = group * self.stride + lane * self.parts.columns + column;
        match &self.words {
            Words::Narrow(grid) => grid.signs[at] != 0,
            Words::Wide(grid) => grid.signs[at] != 0,
        }
    }

    /// The noise-free sum of a conversion, in grid units.
    pub fn sum(&self, step: &Step<'_>, lane: usize, column: usize) -> i64 {
        let at = lane * self.parts.columns + column;
        let mut sum = 0;
        self.for_each_summand(step, |first, factor| sum += i64::from(factor) * self.word(first + at));
        sum
    }

    /// What a row adds to a conversion where it alone is driven, per unit digit, in grid units.
    pub fn contribution(&self, row: usize, lane: usize, column: usize) -> i64 {
        self.word(self.alone(row) + lane * self.parts.columns + column)
    }

    fn word(&self, at: usize) -> i64 {
        match &self.words {
            Words::Narrow(grid) => grid.contributions[at].into(),
            Words::Wide(grid) => grid.contributions[at],
        }
    }

    /// Shows where on the grid the summands of a step begin, and what they count.
    pub(super) fn for_each_summand(&self, step: &Step<'_>, mut show: impl FnMut(usize, u8)) {
        match self.parts.summands {
            Summands::Rows => self.driven(step).for_each(|(row, digit)| show(row * self.stride, digit)),
            Summands::Digits => {
                self.driven(step).for_each(|(row, digit)| show(self.at_digit(row, digit) * self.stride, 1));
            }
            Summands::Patterns => show(self.pattern(step) * self.stride, 1),
        }
    }

    /// The row of summands that stands for the driven rows of a step.
    fn pattern(&self, step: &Step<'_>) -> usize {
        let bits = step.digits.iter().rev().fold(0, |bits, &digit| bits << 1 | usize::from(digit != 0));
        (step.group << self.parts.group_rows) + bits
    }

    /// Where on the grid a row begins that is driven alone at digit 1.
    pub(super) fn alone(&self, row: usize) -> usize {
        let row = match self.parts.summands {
            Summands::Rows | Summands::Digits => row,
            Summands::Patterns => {
                let (group, row) = (row / self.parts.group_rows, row % self.parts.group_rows);
                (group << self.parts.group_rows) + (1 << row)
            }
        };
        row * self.stride
    }

    /// Whether summands count more than once.
    pub(super) fn has_factors(&self) -> bool {
        self.parts.summands == Summands::Rows && self.parts.max_digit > 1
    }

    /// What is added to a column beside its codes, for a digit sum of `n`.
    pub fn correction(&self, group: usize, column: usize, n: usize) -> i64 {
        let at = group * self.parts.columns + column;
        let baseline = self.parts.baseline.get(n).copied().unwrap_or(0);
        self.parts.digit_sum[at] * n as i64 - baseline * self.code_weight[at]
    }

    /// Factors of the digit sum and of the baseline in a correction.
    pub(super) fn correction_factors(&self, group: usize, column: usize) -> (i64, i64) {
        let at = group * self.parts.columns + column;
        (self.parts.digit_sum[at], -self.code_weight[at])
    }

    /// The baseline by digit sum; empty for none.
    pub(super) fn baseline(&self) -> &[i64] {
        &self.parts.baseline
    }

    /// Binary logarithm of the unit of deviations, in grid units.
    pub fn deviation_unit_bits(&self) -> u32 {
        self.parts.noise.as_ref().map_or(0, |noise| noise.unit_bits)
    }

    /// Variance of one conversion, in squared units of deviation; `None` without white read noise.
    pub fn variance(&self, step: &Step<'_>, lane: usize, column: usize) -> Option<u64> {
        let noise = self.parts.noise.as_ref().filter(|noise| noise.is_white())?;
        let (conversions, at) = (self.parts.conversions(), lane * self.parts.columns + column);
        let undriven = noise.undriven.get(step.group * conversions + at).copied().unwrap_or(0);
        let cells = self.weigh(step, |row| noise.cells.get(row * conversions + at).copied().unwrap_or(0));
        Some(noise.constant + undriven + cells)
    }

    /// The noise-free sum of a conversion and the variance of its white noise, for a pattern of driven rows.
    pub(super) fn of_pattern(&self, group: usize, pattern: usize, lane: usize, column: usize) -> (i64, u64) {
        let mut digits = [0; PATTERN_ROWS];
        digits.iter_mut().enumerate().for_each(|(row, digit)| *digit = (pattern >> row & 1) as u8);
        let step = Step { group, plane: 0, run: 0, place: 1, digits: &digits[..self.group_rows()] };
        (self.sum(&step, lane, column), self.variance(&step, lane, column).unwrap_or(0))
    }

    /// The largest deviation of white noise, in grid units.
    pub(super) fn max_deviation(&self) -> f64 {
        let Some(noise) = self.noise() else { return 0.0 };
        let (conversions, rows) = (self.parts.conversions(), self.parts.rows());
        let mut largest = 0;
        let mut variances = vec![0; conversions];
        for group in 0..self.groups() {
            variances.fill(noise.constant);
            let mut add = |table: &[u64], row: usize| {
                let cells = table.iter().skip(row * conversions);
                variances.iter_mut().zip(cells).for_each(|(variance, cell)| *variance += cell);
            };
            add(&noise.undriven, group);
            let digits = self.parts.max_digit as usize;
            for row in group * self.group_rows()..(group + 1) * self.group_rows() {
                // More than digits can add: each at most what all of them do.
                (0..digits).for_each(|digit| add(&noise.cells, digit * rows + row));
            }
            largest = variances.iter().fold(largest, |largest, &variance| variance.max(largest));
        }
        deviation(self, largest)
    }

    /// Fast read noise, as it was compiled.
    pub(super) fn noise(&self) -> Option<&BlockNoise> {
        self.parts.noise.as_ref()
    }

    /// Slow read noise, as it was compiled.
    pub(super) fn slow(&self) -> Option<&SlowNoise> {
        self.parts.slow.as_ref()
    }

    /// Variance of what all columns have in common; `None` without.
    pub fn common_variance(&self, step: &Step<'_>) -> Option<u64> {
        let noise = self.parts.noise.as_ref().filter(|noise| noise.is_common())?;
        let undriven = noise.common_undriven.get(step.group).copied().unwrap_or(0);
        Some(undriven + self.weigh(step, |row| noise.common.get(row).copied().unwrap_or(0)))
    }

    /// Energy of a step, in the unit of the parts.
    pub fn energy(&self, step: &Step<'_>) -> u128 {
        self.driven(step).map(|(row, digit)| self.parts.energy[self.at_digit(row, digit)]).sum()
    }

    /// Largest magnitude a noise-free sum can have, in grid units.
    pub fn max_sum(&self) -> i64 {
        self.max_sum
    }

    /// A bound on the magnitude of any result.
    pub fn bound(&self) -> i64 {
        self.bound
    }

    /// Whether conversions have read noise, fast or slow.
    pub fn is_noisy(&self) -> bool {
        self.parts.noise.is_some() || self.parts.slow.is_some()
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        let words = match &self.words {
            Words::Narrow(grid) => grid.bytes(),
            Words::Wide(grid) => grid.bytes(),
        };
        words
            + self.parts.noise.as_ref().map_or(0, BlockNoise::bytes)
            + self.parts.slow.as_ref().map_or(0, SlowNoise::bytes)
            + self.adcs.bytes()
            + size_of_val(&self.parts.shift[..])
            + size_of_val(&self.parts.digit_sum[..])
            + size_of_val(&self.parts.baseline[..])
            + size_of_val(&self.parts.energy[..])
            + size_of_val(&self.code_weight[..])
    }

    pub(super) fn words(&self) -> &Words {
        &self.words
    }

    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    pub(super) fn has_correction(&self) -> bool {
        self.has_digit_sum
    }

    /// Rows of the block that a step drives, with their digits.
    pub(super) fn driven<'a>(&self, step: &Step<'a>) -> impl Iterator<Item = (usize, u8)> + use<'a> {
        let first = step.group * self.parts.group_rows;
        step.digits
            .iter()
            .enumerate()
            .filter(|&(_, &digit)| digit != 0)
            .map(move |(row, &digit)| (first + row, digit))
    }

    /// Place of a row in a table by digit.
    pub(super) fn at_digit(&self, row: usize, digit: u8) -> usize {
        usize::from(digit - 1) * self.parts.rows() + row
    }

    /// Sums what driven rows have in a table by digit.
    fn weigh(&self, step: &Step<'_>, of_row: impl Fn(usize) -> u64) -> u64 {
        self.driven(step).map(|(row, digit)| of_row(self.at_digit(row, digit))).sum()
    }
}
