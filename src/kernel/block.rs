//! One array compiled onto the fixed-point grid.

use super::Step;
use crate::error::{Error, Result, check_integer, check_length};
use crate::fixed::{FRACTION_BITS, ONE, round};

/// Codes are stored in chunks of this many conversions, padded with conversions of nothing.
pub(super) const CHUNK: usize = 16;

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
    /// The code before clamping.
    pub fn unclamped(&self, sum: i64) -> i64 {
        match self {
            Quantizer::Codes { .. } => round(sum),
            Quantizer::PassThrough => sum,
        }
    }

    /// The code.
    pub fn code(&self, sum: i64) -> i64 {
        match *self {
            Quantizer::Codes { low, high } => self.unclamped(sum).clamp(low, high),
            Quantizer::PassThrough => sum,
        }
    }

    /// Largest magnitude of a code, for sums of at most `max_sum` in magnitude.
    fn max_magnitude(&self, max_sum: i128) -> i128 {
        match *self {
            Quantizer::Codes { low, high } => i128::from(high.max(-low)).min((max_sum >> FRACTION_BITS) + 1),
            Quantizer::PassThrough => max_sum,
        }
    }
}

/// White read noise of a block, as integer variances per squared digit.
///
/// Their unit is the square of `2^unit_bits` grid units: variances have a grid of their own, coarse
/// enough that every sum fits in 63 bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockNoise {
    /// Binary logarithm of the unit of deviations, in grid units.
    pub unit_bits: u32,
    /// Variance of each cell's current, `[row][lane][column]`; empty when cells have none.
    pub cells: Vec<u64>,
    /// Variance per row of what is subtracted from all columns alike; empty when there is none.
    pub common: Vec<u64>,
    /// Variance of every conversion.
    pub constant: u64,
}

/// What a [`Block`] is compiled from. Rows are `groups × group_rows`.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// What each cell adds to its conversion per unit digit, in grid units, `[row][lane][column]`.
    pub contributions: Vec<i64>,
    /// Sum → code.
    pub quantizer: Quantizer,
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
    /// Read noise.
    pub noise: Option<BlockNoise>,
    /// Energy of each row per squared digit and plane.
    pub energy: Vec<u128>,
}

/// The large arrays of a block, in integers of one width, rows padded to the block's stride.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grid<W> {
    /// `[row][stride]`.
    pub(super) contributions: Vec<W>,
    /// All ones where a lane is subtracted, else 0, `[group][stride]`.
    pub(super) signs: Vec<W>,
}

/// The width of the grid, chosen by what the programmed maximum proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Words {
    Narrow(Grid<i32>),
    Wide(Grid<i64>),
}

impl<W> Grid<W> {
    fn new(parts: &BlockParts, stride: usize, word: impl Fn(i64) -> W) -> Self {
        let conversions = parts.lanes * parts.columns;
        let padding = || std::iter::repeat_n(0, stride - conversions);
        let rows = parts.contributions.chunks_exact(conversions);
        let groups = parts.negative.chunks_exact(conversions);
        let masks = |group: &[bool]| group.iter().map(|&negative| -i64::from(negative)).collect::<Vec<_>>();
        Grid {
            contributions: rows.flat_map(|row| row.iter().copied().chain(padding())).map(&word).collect(),
            signs: groups.flat_map(|group| masks(group).into_iter().chain(padding())).map(&word).collect(),
        }
    }

    fn bytes(&self) -> usize {
        size_of_val(&self.contributions[..]) + size_of_val(&self.signs[..])
    }
}

/// One array on the grid, with every overflow excluded when it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    parts: BlockParts,
    /// Conversions of a row, padded to whole chunks.
    stride: usize,
    /// Replaces `parts.contributions` and `parts.negative`.
    words: Words,
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
    /// [`Error::Length`] or [`Error::Integer`] for parts that do not fit together,
    /// [`Error::Overflow`] when a sum, a variance or a result could exceed 64 bits.
    pub fn new(mut parts: BlockParts) -> Result<Self> {
        check_parts(&parts)?;
        let conversions = parts.lanes * parts.columns;
        let stride = conversions.next_multiple_of(CHUNK);
        let max_sum = max_sum(&parts);
        fits("bit-line sum", max_sum, i64::BITS - 1)?;
        let max_noisy_sum = max_sum + max_noise(&parts)?;
        fits("bit-line sum with noise", max_noisy_sum, i64::BITS - 1)?;
        let max_code = parts.quantizer.max_magnitude(max_noisy_sum);

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

        let narrow = max_sum + i128::from(ONE) <= i32::MAX.into()
            && max_code <= i32::MAX.into()
            && max_total <= i32::MAX.into();
        let words = if narrow {
            Words::Narrow(Grid::new(&parts, stride, |word| word as i32))
        } else {
            Words::Wide(Grid::new(&parts, stride, |word| word))
        };
        let code_weight = (0..parts.groups * parts.columns)
            .map(|at| {
                let (group, column) = (at / parts.columns, at % parts.columns);
                let lane = |lane: usize| {
                    let weight = 1 << parts.shift[lane];
                    let at = (group * parts.lanes + lane) * parts.columns + column;
                    if parts.negative[at] { -weight } else { weight }
                };
                (0..parts.lanes).map(lane).sum()
            })
            .collect();
        parts.contributions = Vec::new();
        parts.negative = Vec::new();
        let has_digit_sum = max_digit_sum > 0 || max_baseline > 0;
        Ok(Block {
            parts,
            stride,
            words,
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

    /// Sum → code.
    pub fn quantizer(&self) -> Quantizer {
        self.parts.quantizer
    }

    /// What one code counts in the result.
    pub fn unit(&self) -> i64 {
        self.parts.unit
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

    /// What a cell adds to its conversion per unit digit, in grid units.
    pub fn contribution(&self, row: usize, lane: usize, column: usize) -> i64 {
        let at = row * self.stride + lane * self.parts.columns + column;
        match &self.words {
            Words::Narrow(grid) => grid.contributions[at].into(),
            Words::Wide(grid) => grid.contributions[at],
        }
    }

    /// What is added to a column beside its codes, for a digit sum of `n`.
    pub fn correction(&self, group: usize, column: usize, n: usize) -> i64 {
        let at = group * self.parts.columns + column;
        let baseline = self.parts.baseline.get(n).copied().unwrap_or(0);
        self.parts.digit_sum[at] * n as i64 - baseline * self.code_weight[at]
    }

    /// Binary logarithm of the unit of deviations, in grid units.
    pub fn deviation_unit_bits(&self) -> u32 {
        self.parts.noise.as_ref().map_or(0, |noise| noise.unit_bits)
    }

    /// Variance of one conversion, in squared units of deviation; `None` without read noise.
    pub fn variance(&self, step: &Step<'_>, lane: usize, column: usize) -> Option<u64> {
        let noise = self.parts.noise.as_ref()?;
        let conversions = self.parts.lanes * self.parts.columns;
        let of_row = |row: usize| noise.cells.get(row * conversions + lane * self.parts.columns + column);
        Some(noise.constant + self.weigh(step, |row| of_row(row).copied().unwrap_or(0)))
    }

    /// White read noise, as it was compiled.
    pub(super) fn noise(&self) -> Option<&BlockNoise> {
        self.parts.noise.as_ref()
    }

    /// Variance of what all columns have in common; `None` without.
    pub fn common_variance(&self, step: &Step<'_>) -> Option<u64> {
        let noise = self.parts.noise.as_ref()?;
        if noise.common.is_empty() { None } else { Some(self.weigh(step, |row| noise.common[row])) }
    }

    /// Energy of a step, in the unit of the parts.
    pub fn energy(&self, step: &Step<'_>) -> u128 {
        self.driven(step).map(|(row, digit)| u128::from(digit).pow(2) * self.parts.energy[row]).sum()
    }

    /// Largest magnitude a noise-free sum can have, in grid units.
    pub fn max_sum(&self) -> i64 {
        self.max_sum
    }

    /// A bound on the magnitude of any result.
    pub fn bound(&self) -> i64 {
        self.bound
    }

    /// Whether conversions have read noise.
    pub fn is_noisy(&self) -> bool {
        self.parts.noise.is_some()
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        let words = match &self.words {
            Words::Narrow(grid) => grid.bytes(),
            Words::Wide(grid) => grid.bytes(),
        };
        let noise =
            self.parts.noise.as_ref().map_or(0, |n| size_of_val(&n.cells[..]) + size_of_val(&n.common[..]));
        words
            + noise
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

    fn weigh(&self, step: &Step<'_>, variance: impl Fn(usize) -> u64) -> u64 {
        self.driven(step).map(|(row, digit)| u64::from(digit).pow(2) * variance(row)).sum()
    }
}

fn check_parts(parts: &BlockParts) -> Result<()> {
    let rows = parts.groups.saturating_mul(parts.group_rows);
    let conversions = parts.lanes.saturating_mul(parts.columns);
    check_integer("rows of a block", rows, 1, 1 << 16)?;
    check_integer("conversions of a group", conversions, 1, 1 << 20)?;
    check_integer("largest digit", parts.max_digit, 1, u8::MAX.into())?;
    check_integer("sum of places", parts.max_places, 1, 1 << 40)?;
    check_integer("unit of a code", parts.unit, 1, 1 << 40)?;
    check_length("contributions", rows * conversions, parts.contributions.len())?;
    check_length("lane shifts", parts.lanes, parts.shift.len())?;
    for &shift in &parts.shift {
        check_integer("lane shift", shift, 0, 20)?;
    }
    check_length("lane signs", parts.groups * conversions, parts.negative.len())?;
    check_length("digit sum factors", parts.groups * parts.columns, parts.digit_sum.len())?;
    if !parts.baseline.is_empty() {
        check_length(
            "baseline table",
            parts.group_rows * parts.max_digit as usize + 1,
            parts.baseline.len(),
        )?;
    }
    check_length("row energies", rows, parts.energy.len())?;
    if let Quantizer::Codes { low, high } = parts.quantizer {
        check_integer("lowest code", low, -(1 << 16), 0)?;
        check_integer("highest code", high, 0, 1 << 16)?;
    }
    if let Some(noise) = &parts.noise {
        if !noise.cells.is_empty() {
            check_length("cell variances", rows * conversions, noise.cells.len())?;
        }
        if !noise.common.is_empty() {
            check_length("common variances", rows, noise.common.len())?;
        }
    }
    Ok(())
}

/// Largest magnitude of a noise-free sum: every row of a group at the largest digit.
fn max_sum(parts: &BlockParts) -> i128 {
    let conversions = parts.lanes * parts.columns;
    let mut max = 0;
    let mut sums = vec![0i128; conversions];
    for group in parts.contributions.chunks_exact(parts.group_rows * conversions) {
        sums.fill(0);
        for row in group.chunks_exact(conversions) {
            sums.iter_mut().zip(row).for_each(|(sum, q)| *sum += i128::from(q.unsigned_abs()));
        }
        max = sums.iter().copied().fold(max, i128::max);
    }
    max * i128::from(parts.max_digit)
}

/// Largest magnitude that noise can add to a sum: a normal draw lies within 8.3 σ.
fn max_noise(parts: &BlockParts) -> Result<i128> {
    let Some(noise) = &parts.noise else { return Ok(0) };
    let largest = |variances: &[u64]| u128::from(variances.iter().copied().max().unwrap_or(0));
    let driven = parts.group_rows as u128 * u128::from(parts.max_digit).pow(2);
    let variance = |variances: &[u64]| largest(variances).saturating_mul(driven);
    let total = variance(&noise.cells).saturating_add(noise.constant.into());
    let common = variance(&noise.common);
    fits("read-noise variance", total.max(common).min(i128::MAX as u128) as i128, u64::BITS - 1)?;
    check_integer("unit of deviations (bits)", noise.unit_bits, 0, 60)?;
    Ok((9 * (total.isqrt() + common.isqrt() + 2) as i128) << noise.unit_bits)
}

fn fits(name: &'static str, magnitude: i128, available: u32) -> Result<()> {
    let needed = i128::BITS - magnitude.leading_zeros() + 1;
    if needed <= available { Ok(()) } else { Err(Error::Overflow { name, needed, available }) }
}
