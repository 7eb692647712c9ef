//! Tables from blocks.

use std::ops::{AddAssign, Range};

use super::Clips;
use super::row::{COLUMNS, PATTERNS, Row, in_order, order};
use crate::fixed::{FRACTION_BITS, HALF};
use crate::kernel::block::{Block, Grid, Words};
use crate::kernel::{Quantizer, Summands};
use crate::simd::Level;

/// Sums of 32 columns in the order of a row, those that a block lacks 0.
type Sums = [i32; COLUMNS];

/// Codes and totals of 32 columns.
type Codes = [i16; COLUMNS];

/// Patterns of half a group.
const HALF_PATTERNS: usize = 16;

/// What a block's tables are filled from: the totals of one octet and 32 columns at a time.
pub(super) struct Builder<'a> {
    level: Level,
    block: &'a Block,
    grid: &'a Grid<i32>,
    low: i16,
    high: i16,
    /// `[group of the octet][pattern]`.
    totals: Vec<Codes>,
    /// Codes below the range and above it, `[group of the octet][pattern]`; empty where no lane of the octet clips.
    clipped: [Vec<Codes>; 2],
    /// What groups add, and conversions that they clip, while no row of theirs is driven: every group of one tile so far,
    /// in the order of a row.
    pub(super) rests: Vec<Codes>,
    pub(super) rest_clips: [Vec<u32>; 2],
}

/// What totals lie between.
#[derive(Debug, Clone, Copy, Default)]
struct Bounds {
    least: i64,
    most: i64,
}

impl Bounds {
    fn magnitude(self) -> i64 {
        self.most.max(-self.least)
    }
}

impl AddAssign for Bounds {
    fn add_assign(&mut self, other: Bounds) {
        self.least += other.least;
        self.most += other.most;
    }
}

impl<'a> Builder<'a> {
    /// `None` for a block whose totals are no 16-bit words in any case.
    pub(super) fn new(level: Level, block: &'a Block) -> Option<Self> {
        let Words::Narrow(grid) = block.words() else { return None };
        let Quantizer::Codes { low, high } = block.quantizer() else { return None };
        let is_plain =
            (block.unit() == 1 || !block.has_correction()) && block.max_digit() == 1 && !block.is_noisy();
        let fits = (0..block.lanes()).all(|lane| block.shift(lane) < i16::BITS - 1);
        // The upper half of a 32-bit sum is a word, so that no code is beyond one.
        let code = |code: i64| code.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        let (low, high) = (code(low), code(high));
        let has_words = block.adcs().are_even() || block.quantizer() == words(low, high);
        (is_plain && fits && has_words).then(|| Builder {
            level,
            block,
            grid,
            low,
            high,
            totals: Vec::new(),
            clipped: Default::default(),
            rests: Vec::new(),
            rest_clips: Default::default(),
        })
    }

    /// The rows of one octet and `columns` of the block, at most 32, after `rows`; adds what they clip. What each group
    /// adds while no row is driven is taken from its totals, so that planes which are not run add nothing, and put
    /// after `rests`. What is taken from every word of a column, so that they lie around 0, is added to `base`. The
    /// largest magnitudes of a word and of a total; `None` where one could be no 16-bit word.
    pub(super) fn octet(
        &mut self,
        groups: Range<usize>,
        columns: Range<usize>,
        (rows, clips): (&mut Vec<Row>, &mut Clips),
        base: &mut Sums,
    ) -> Option<[i32; 2]> {
        self.level.run(
            #[inline(always)]
            || {
                let patterns = 1 << self.block.group_rows();
                self.totals.clear();
                self.totals.resize(groups.len() * patterns, [0; COLUMNS]);
                self.clipped.iter_mut().for_each(Vec::clear);
                let mut bounds = Bounds::default();
                for (at, group) in groups.enumerate() {
                    bounds += self.group(group, columns.clone(), at * patterns..(at + 1) * patterns);
                }
                if bounds.magnitude() > i16::MAX.into() || !self.take_rests(bounds) {
                    return None;
                }
                self.count_clips(clips);
                let first = rows.len();
                rows.resize(first + PATTERNS, Row::ZERO);
                Some(self.centre(&mut rows[first..], base))
            },
        )
    }

    /// Takes from the totals of every group what it adds while no row is driven; `false` where what is left could be no
    /// 16-bit word.
    #[inline(always)]
    fn take_rests(&mut self, bounds: Bounds) -> bool {
        let patterns = 1 << self.block.group_rows();
        let mut is_zero = true;
        for (at, totals) in self.totals.chunks_exact_mut(patterns).enumerate() {
            let rest = totals[0];
            self.rests.push(rest);
            for (clips, clipped) in self.rest_clips.iter_mut().zip(&self.clipped) {
                let clipped = clipped.get(at * patterns);
                clips.push(clipped.map_or(0, |clipped| clipped.iter().sum::<i16>() as u32));
            }
            if rest != [0; COLUMNS] {
                is_zero = false;
                for total in totals {
                    for at in 0..COLUMNS {
                        total[at] = total[at].wrapping_sub(rest[at]);
                    }
                }
            }
        }
        is_zero || bounds.most - bounds.least <= i16::MAX.into()
    }

    /// Adds what the groups of an octet clip.
    #[inline(always)]
    fn count_clips(&self, clips: &mut Clips) {
        let group_rows = self.block.group_rows();
        let patterns = 1 << group_rows;
        for (clips, clipped) in clips.iter_mut().zip(&self.clipped) {
            for (at, clipped) in clipped.chunks_exact(patterns).enumerate() {
                // Every pattern of the groups below meets each of this one.
                let below = 1 << (at * group_rows);
                for clips in clips.chunks_exact_mut(below * patterns) {
                    for (clips, clipped) in clips.chunks_exact_mut(below).zip(clipped) {
                        let clipped = clipped.iter().sum::<i16>() as u32;
                        clips.iter_mut().for_each(|clips| *clips += clipped);
                    }
                }
            }
        }
    }

    /// Puts the totals of an octet's groups together, around 0; the largest magnitudes of what comes out and went in.
    #[inline(always)]
    fn centre(&self, rows: &mut [Row], base: &mut Sums) -> [i32; 2] {
        let (totals, group_rows) = (&self.totals[..], self.block.group_rows());
        let patterns = 1 << group_rows;
        // Every pattern of one group meets every pattern of the others.
        let [mut least, mut most] = [[0i16; COLUMNS]; 2];
        for totals in totals.chunks_exact(patterns) {
            let [mut group_least, mut group_most] = [[0; COLUMNS]; 2];
            for total in totals {
                for at in 0..COLUMNS {
                    group_least[at] = total[at].min(group_least[at]);
                    group_most[at] = total[at].max(group_most[at]);
                }
            }
            add(&mut least, &group_least);
            add(&mut most, &group_most);
        }
        let (mut middle, mut largest, mut magnitude) = ([0; COLUMNS], 0, 0);
        for (at, column) in order().into_iter().enumerate() {
            let (least, most) = (i32::from(least[at]), i32::from(most[at]));
            let middle_of_both = (least + most) >> 1;
            middle[at] = middle_of_both as i16;
            base[column] += middle_of_both;
            largest = largest.max(most - middle_of_both);
            magnitude = magnitude.max(most).max(-least);
        }
        for (pattern, row) in rows.iter_mut().enumerate() {
            // Patterns of rows that are not there are never looked up.
            let mut total = totals[pattern & (patterns - 1)];
            for (at, totals) in totals.chunks_exact(patterns).enumerate().skip(1) {
                add(&mut total, &totals[pattern >> (at * group_rows) & (patterns - 1)]);
            }
            for at in 0..COLUMNS {
                total[at] = total[at].wrapping_sub(middle[at]);
            }
            *row = Row(total);
        }
        [largest, magnitude]
    }

    /// Totals and clips of every pattern of one group; what no total exceeds.
    #[inline(always)]
    fn group(&mut self, group: usize, columns: Range<usize>, to: Range<usize>) -> Bounds {
        let (block, rows) = (self.block, self.block.group_rows());
        let mut bounds = Bounds::default();
        for n in (0..=rows).take_while(|_| block.has_correction()) {
            let mut corrections = [0; COLUMNS];
            for (correction, column) in corrections.iter_mut().zip(columns.clone()) {
                let exact = block.correction(group, column, n);
                bounds = Bounds { least: bounds.least.min(exact), most: bounds.most.max(exact) };
                *correction = exact as i16;
            }
            let corrections = in_order(&corrections);
            let totals = self.totals[to.clone()].iter_mut().enumerate();
            let of_n = totals.filter(|(pattern, _)| pattern.count_ones() as usize == n);
            of_n.for_each(|(_, total)| *total = corrections);
        }
        for lane in 0..block.lanes() {
            bounds += self.lane(group, lane, columns.clone(), to.clone());
        }
        bounds
    }

    /// Adds what one lane of one group converts to its totals; what it adds at most.
    #[inline(always)]
    fn lane(&mut self, group: usize, lane: usize, columns: Range<usize>, to: Range<usize>) -> Bounds {
        let (block, rows) = (self.block, self.block.group_rows());
        let padded = |words: &[i32], row: usize| {
            let first = row * block.stride() + lane * block.columns();
            let mut padded = [0; COLUMNS];
            padded[..columns.len()].copy_from_slice(&words[first + columns.start..first + columns.end]);
            in_order(&padded)
        };
        let weights = padded(&self.grid.signs, group)
            .map(|sign| ((1 << block.shift(lane)) ^ sign) as i16 - sign as i16);
        let summand = |row: usize| padded(&self.grid.contributions, row);
        // Half a code and the offset of the ADC come on top of the sum of a pattern.
        let offset = if self.grid.offset.is_empty() { [0; COLUMNS] } else { padded(&self.grid.offset, 0) };
        let base = offset.map(|offset| offset + HALF as i32);
        let edges = self.edges(lane, columns.clone());
        if block.summands() == Summands::Patterns {
            let sums: Vec<Sums> = (group << rows..(group + 1) << rows).map(summand).collect();
            return self.convert(&sums, &[base], weights, edges.as_ref(), to);
        }
        let lower = rows.div_ceil(2);
        let first = group * rows;
        let [mut low, mut high] = [[[0; COLUMNS]; HALF_PATTERNS]; 2];
        low[0] = base;
        fill_half(&mut low, (first..first + lower).map(summand));
        fill_half(&mut high, (first + lower..first + rows).map(summand));
        self.convert(&low[..1 << lower], &high[..1 << (rows - lower)], weights, edges.as_ref(), to)
    }

    /// The edges of every column's ADC in one lane, in the order of a row; `None` where they lie ideally.
    fn edges(&self, lane: usize, columns: Range<usize>) -> Option<[&'a [i64]; COLUMNS]> {
        let (adcs, first) = (self.block.adcs(), lane * self.block.columns() + columns.start);
        adcs.edges(first)?;
        let of_column = |at: usize| (at < columns.len()).then(|| adcs.edges(first + at)).flatten();
        let of_column = |at: usize| of_column(at).unwrap_or_default();
        Some(in_order(&std::array::from_fn(of_column)))
    }

    /// Converts the sums of every pattern, put together from those of its lower and its upper rows, and adds the codes
    /// to the totals; what they add at most.
    #[inline(always)]
    fn convert(
        &mut self,
        lower: &[Sums],
        upper: &[Sums],
        weights: Codes,
        edges: Option<&[&[i64]; COLUMNS]>,
        to: Range<usize>,
    ) -> Bounds {
        if let Some(edges) = edges {
            return self.convert_by_edges((lower, upper), weights, edges, to);
        }
        let ([lower_least, lower_most], [upper_least, upper_most]) = (extremes(lower), extremes(upper));
        let (least, most) = (code(lower_least, upper_least), code(lower_most, upper_most));
        let (low, high) = (self.low, self.high);
        let each_total = self.totals[to.clone()].chunks_exact_mut(lower.len()).zip(upper);
        for (totals, &upper) in each_total {
            for (total, lower) in totals.iter_mut().zip(lower) {
                for at in 0..COLUMNS {
                    let code = code(lower[at], upper[at]).max(low).min(high);
                    total[at] = total[at].wrapping_add(code.wrapping_mul(weights[at]));
                }
            }
        }
        // With all bits turned over, what is above is below.
        let sides = [(least < low, low, 0), (most > high, high, -1)];
        for (counts, (clips, bound, flip)) in self.clipped.iter_mut().zip(sides) {
            if !clips {
                continue;
            }
            counts.resize(self.totals.len(), [0; COLUMNS]);
            let each_count = counts[to.clone()].chunks_exact_mut(lower.len()).zip(upper);
            for (counts, &upper) in each_count {
                for (count, lower) in counts.iter_mut().zip(lower) {
                    for at in 0..COLUMNS {
                        count[at] += i16::from((code(lower[at], upper[at]) ^ flip) < (bound ^ flip));
                    }
                }
            }
        }
        bounds_of([least, most].map(|code| code.clamp(low, high)), weights)
    }

    /// The same with codes that do not begin where they ideally do.
    fn convert_by_edges(
        &mut self,
        (lower, upper): (&[Sums], &[Sums]),
        weights: Codes,
        edges: &[&[i64]; COLUMNS],
        to: Range<usize>,
    ) -> Bounds {
        let (low, high) = (self.low, self.high);
        self.clipped.iter_mut().for_each(|counts| counts.resize(self.totals.len(), [0; COLUMNS]));
        let [below, above] = &mut self.clipped;
        let (mut least, mut most) = (high, low);
        for (pattern, at_pattern) in to.enumerate() {
            let (lower, upper) = (&lower[pattern % lower.len()], &upper[pattern / lower.len()]);
            // Columns that the block lacks have no edges.
            for at in (0..COLUMNS).filter(|&at| !edges[at].is_empty()) {
                let sum = i64::from(lower[at] + upper[at]) - HALF;
                // From one below the lowest code to one above the highest.
                let codes = edges[at].partition_point(|&edge| edge <= sum);
                let unclamped = i32::from(low) - 1 + codes as i32;
                let code = unclamped.clamp(low.into(), high.into()) as i16;
                below[at_pattern][at] += i16::from(unclamped < low.into());
                above[at_pattern][at] += i16::from(unclamped > high.into());
                let total = &mut self.totals[at_pattern][at];
                *total = total.wrapping_add(code.wrapping_mul(weights[at]));
                (least, most) = (least.min(code), most.max(code));
            }
        }
        bounds_of([least, most], weights)
    }
}

/// What codes between the least and the most of all add by their weights.
fn bounds_of([least, most]: [i16; 2], weights: Codes) -> Bounds {
    let [least, most] = [least, most].map(i64::from);
    let mut bounds = Bounds::default();
    for weight in weights.map(i64::from) {
        let [one, other] = [least * weight, most * weight];
        bounds = Bounds { least: bounds.least.min(one).min(other), most: bounds.most.max(one).max(other) };
    }
    bounds
}

fn words(low: i16, high: i16) -> Quantizer {
    Quantizer::Codes { low: low.into(), high: high.into() }
}

/// The code of a sum put together from two, before clamping: the upper half of its word.
#[inline(always)]
fn code(lower: i32, upper: i32) -> i16 {
    ((lower + upper) >> FRACTION_BITS) as i16
}

/// The least and the largest of all columns.
#[inline(always)]
fn extremes(sums: &[Sums]) -> [i32; 2] {
    let (mut least, mut most) = ([i32::MAX; COLUMNS], [i32::MIN; COLUMNS]);
    for sums in sums {
        for at in 0..COLUMNS {
            least[at] = sums[at].min(least[at]);
            most[at] = sums[at].max(most[at]);
        }
    }
    [least.into_iter().fold(i32::MAX, i32::min), most.into_iter().fold(i32::MIN, i32::max)]
}

#[inline(always)]
fn add(sums: &mut Codes, other: &Codes) {
    sums.iter_mut().zip(other).for_each(|(sum, other)| *sum = sum.wrapping_add(*other));
}

/// The sums of every pattern of some rows, on top of that of none.
#[inline(always)]
fn fill_half(half: &mut [Sums; HALF_PATTERNS], rows: impl Iterator<Item = Sums>) {
    for (bit, row) in rows.enumerate() {
        let (done, open) = half.split_at_mut(1 << bit);
        for (to, from) in open.iter_mut().zip(done) {
            for at in 0..COLUMNS {
                to[at] = from[at] + row[at];
            }
        }
    }
}
