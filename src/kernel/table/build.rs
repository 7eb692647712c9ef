//! Tables from blocks.

use std::ops::Range;

use super::Clips;
use super::row::{COLUMNS, Octet, PATTERNS, Row};
use crate::fixed::{FRACTION_BITS, HALF};
use crate::kernel::block::{Block, Grid, Words};
use crate::kernel::{Quantizer, Summands};
use crate::simd::vectorised;

/// Sums of 32 columns, those that a block lacks 0.
type Sums = [i32; COLUMNS];

/// Codes and totals of 32 columns.
type Codes = [i16; COLUMNS];

/// Patterns of half a group.
const HALF_PATTERNS: usize = 16;

/// What a block's tables are filled from: the totals of one octet and 32 columns at a time.
pub(super) struct Builder<'a> {
    block: &'a Block,
    grid: &'a Grid<i32>,
    low: i16,
    high: i16,
    /// `[group of the octet][pattern]`.
    totals: Vec<Codes>,
    /// Codes below the range and above it, `[group of the octet][pattern]`; empty where no lane of the octet clips.
    clipped: [Vec<Codes>; 2],
}

impl<'a> Builder<'a> {
    /// `None` for a block whose totals are no 16-bit words in any case.
    pub(super) fn new(block: &'a Block) -> Option<Self> {
        let Words::Narrow(grid) = block.words() else { return None };
        let Quantizer::Codes { low, high } = block.quantizer() else { return None };
        let is_plain = block.unit() == 1 && block.max_digit() == 1 && !block.is_noisy();
        let fits = (0..block.lanes()).all(|lane| block.shift(lane) < i16::BITS - 1);
        // The upper half of a 32-bit sum is a word, so that no code is beyond one.
        let code = |code: i64| code.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        let (low, high) = (code(low), code(high));
        (is_plain && fits).then(|| Builder {
            block,
            grid,
            low,
            high,
            totals: Vec::new(),
            clipped: Default::default(),
        })
    }

    /// Fills the rows of one octet and `columns` of the block, at most 32, and adds what they clip. What is taken
    /// from every word of a column, so that they lie around 0, is added to `base`. The largest magnitude of a word;
    /// `None` where one could be no 16-bit word, or where no driven row does not count nothing.
    pub(super) fn octet(
        &mut self,
        groups: Range<usize>,
        columns: Range<usize>,
        (rows, clips): (&mut Octet, &mut [Clips; PATTERNS]),
        base: &mut Sums,
    ) -> Option<i32> {
        let group_rows = self.block.group_rows();
        let (count, patterns) = (groups.len(), 1 << group_rows);
        self.totals.clear();
        self.totals.resize(count * patterns, [0; COLUMNS]);
        self.clipped.iter_mut().for_each(Vec::clear);
        let mut bound = 0;
        for (at, group) in groups.enumerate() {
            bound += self.group(group, columns.clone(), at * patterns..(at + 1) * patterns);
        }
        if bound > i16::MAX.into() || self.totals.iter().step_by(patterns).any(|none| *none != [0; COLUMNS]) {
            return None;
        }
        // Patterns of rows that are not there are never looked up.
        let of_group =
            |pattern: usize, at: usize| at * patterns + (pattern >> (at * group_rows) & (patterns - 1));
        for (side, clipped) in self.clipped.iter().enumerate().filter(|(_, clipped)| !clipped.is_empty()) {
            let counts: Vec<u32> = clipped.iter().map(sum).collect();
            for (pattern, clips) in clips.iter_mut().enumerate() {
                clips[side] += (0..count).map(|at| counts[of_group(pattern, at)]).sum::<u32>();
            }
        }
        let totals = &self.totals[..];
        Some(vectorised(
            #[inline(always)]
            || {
                // Every pattern of one group meets every pattern of the others.
                let [mut least, mut most] = [[0i16; COLUMNS]; 2];
                for totals in totals.chunks_exact(patterns) {
                    let [mut group_least, mut group_most] = [[0i16; COLUMNS]; 2];
                    for total in totals {
                        group_least
                            .iter_mut()
                            .zip(total)
                            .for_each(|(least, &total)| *least = total.min(*least));
                        group_most.iter_mut().zip(total).for_each(|(most, &total)| *most = total.max(*most));
                    }
                    add(&mut least, &group_least);
                    add(&mut most, &group_most);
                }
                let (mut middle, mut largest) = ([0; COLUMNS], 0);
                for at in 0..COLUMNS {
                    let (least, most) = (i32::from(least[at]), i32::from(most[at]));
                    let middle_of_both = (least + most) >> 1;
                    middle[at] = middle_of_both as i16;
                    base[at] += middle_of_both;
                    largest = largest.max(most - middle_of_both);
                }
                for (pattern, row) in rows.iter_mut().enumerate() {
                    let mut total = totals[of_group(pattern, 0)];
                    for at in 1..count {
                        add(&mut total, &totals[of_group(pattern, at)]);
                    }
                    total
                        .iter_mut()
                        .zip(&middle)
                        .for_each(|(total, middle)| *total = total.wrapping_sub(*middle));
                    *row = Row::of(&total);
                }
                largest
            },
        ))
    }

    /// Totals and clips of every pattern of one group; what no total's magnitude exceeds.
    fn group(&mut self, group: usize, columns: Range<usize>, to: Range<usize>) -> i64 {
        let (block, rows) = (self.block, self.block.group_rows());
        let mut bound = 0;
        let mut corrections = [[0; COLUMNS]; 9];
        for (n, corrections) in corrections.iter_mut().enumerate().take(rows + 1) {
            for (correction, column) in corrections.iter_mut().zip(columns.clone()) {
                let exact = block.correction(group, column, n);
                bound = bound.max(exact.abs());
                *correction = exact as i16;
            }
        }
        for (pattern, total) in self.totals[to.clone()].iter_mut().enumerate() {
            *total = corrections[pattern.count_ones() as usize];
        }
        for lane in 0..block.lanes() {
            bound += self.lane(group, lane, columns.clone(), to.clone()) << block.shift(lane);
        }
        bound
    }

    /// Adds what one lane of one group converts to its totals; the largest magnitude of a code.
    fn lane(&mut self, group: usize, lane: usize, columns: Range<usize>, to: Range<usize>) -> i64 {
        let (block, rows) = (self.block, self.block.group_rows());
        let padded = |words: &[i32], row: usize| {
            let first = row * block.stride() + lane * block.columns();
            let mut padded = [0; COLUMNS];
            padded[..columns.len()].copy_from_slice(&words[first + columns.start..first + columns.end]);
            padded
        };
        let weights = padded(&self.grid.signs, group)
            .map(|sign| ((1 << block.shift(lane)) ^ sign) as i16 - sign as i16);
        let summand = |row: usize| padded(&self.grid.contributions, row);
        if block.summands() == Summands::Patterns {
            // Half a code is all that comes on top of the sum of a pattern.
            let sums: Vec<Sums> = (group << rows..(group + 1) << rows).map(summand).collect();
            return self.convert(&sums, &[[HALF as i32; COLUMNS]], &weights, to);
        }
        let lower = rows.div_ceil(2);
        let first = group * rows;
        let [mut low, mut high] = [[[0; COLUMNS]; HALF_PATTERNS]; 2];
        low[0] = [HALF as i32; COLUMNS];
        fill_half(&mut low, (first..first + lower).map(summand));
        fill_half(&mut high, (first + lower..first + rows).map(summand));
        self.convert(&low[..1 << lower], &high[..1 << (rows - lower)], &weights, to)
    }

    /// Converts the sums of every pattern, put together from those of its lower and its upper rows, and adds the codes
    /// to the totals; the largest magnitude of a code.
    fn convert(&mut self, lower: &[Sums], upper: &[Sums], weights: &Codes, to: Range<usize>) -> i64 {
        let (least, most) = {
            let ([least, most], [upper_least, upper_most]) = (extremes(lower), extremes(upper));
            (((least + upper_least) >> FRACTION_BITS) as i16, ((most + upper_most) >> FRACTION_BITS) as i16)
        };
        let (low, high) = (self.low, self.high);
        let each_total = self.totals[to.clone()].chunks_exact_mut(lower.len()).zip(upper);
        vectorised(
            #[inline(always)]
            || {
                for (totals, upper) in each_total {
                    for (total, lower) in totals.iter_mut().zip(lower) {
                        for at in 0..COLUMNS {
                            let code = code(lower[at], upper[at]).max(low).min(high);
                            total[at] = total[at].wrapping_add(code.wrapping_mul(weights[at]));
                        }
                    }
                }
            },
        );
        // With all bits turned over, what is above is below.
        let sides = [(least < low, low, 0), (most > high, high, -1)];
        for (counts, (clips, bound, flip)) in self.clipped.iter_mut().zip(sides) {
            if !clips {
                continue;
            }
            counts.resize(self.totals.len(), [0; COLUMNS]);
            let each_count = counts[to.clone()].chunks_exact_mut(lower.len()).zip(upper);
            vectorised(
                #[inline(always)]
                || {
                    for (counts, upper) in each_count {
                        for (count, lower) in counts.iter_mut().zip(lower) {
                            for at in 0..COLUMNS {
                                count[at] += i16::from((code(lower[at], upper[at]) ^ flip) < (bound ^ flip));
                            }
                        }
                    }
                },
            );
        }
        i64::from(most.min(high)).abs().max(i64::from(least.max(low)).abs())
    }
}

/// The code of a sum put together from two, before clamping: the upper half of its word.
#[inline(always)]
fn code(lower: i32, upper: i32) -> i16 {
    ((lower + upper) >> FRACTION_BITS) as i16
}

/// The least and the largest of all columns.
fn extremes(sums: &[Sums]) -> [i32; 2] {
    vectorised(
        #[inline(always)]
        || {
            let (mut least, mut most) = (sums[0], sums[0]);
            for sums in sums {
                least.iter_mut().zip(sums).for_each(|(least, &sum)| *least = sum.min(*least));
                most.iter_mut().zip(sums).for_each(|(most, &sum)| *most = sum.max(*most));
            }
            [least.into_iter().fold(i32::MAX, i32::min), most.into_iter().fold(i32::MIN, i32::max)]
        },
    )
}

#[inline(always)]
fn add(sums: &mut Codes, other: &Codes) {
    sums.iter_mut().zip(other).for_each(|(sum, other)| *sum = sum.wrapping_add(*other));
}

/// All columns together.
fn sum(counts: &Codes) -> u32 {
    counts.iter().map(|&count| count as u32).sum()
}

/// The sums of every pattern of some rows, on top of that of none.
fn fill_half(half: &mut [Sums; HALF_PATTERNS], rows: impl Iterator<Item = Sums>) {
    for (bit, row) in rows.enumerate() {
        let (done, open) = half.split_at_mut(1 << bit);
        for (to, from) in open.iter_mut().zip(done) {
            *to = std::array::from_fn(|at| from[at] + row[at]);
        }
    }
}
