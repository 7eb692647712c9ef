//! Tables from blocks.

use super::Clips;
use super::row::{COLUMNS, Octet, PATTERNS, Row};
use crate::fixed::{FRACTION_BITS, HALF};
use crate::kernel::block::{Block, Grid, Words};
use crate::kernel::{Quantizer, Summands};
use crate::simd::vectorised;

/// What a block's tables are filled from: the totals of one group at a time.
pub(super) struct Builder<'a> {
    block: &'a Block,
    grid: &'a Grid<i32>,
    codes: [i32; 2],
    /// Sums of the lower and of the upper rows of a group, half a code added to the lower.
    halves: [Vec<i32>; 2],
    sums: Vec<i32>,
    /// Corrections by the number of driven rows, `[n][column]`.
    corrections: Vec<i32>,
    /// `[group of the octet][pattern][column]`.
    totals: Vec<i32>,
    /// `[group of the octet][pattern]`.
    clips: Vec<Clips>,
}

impl<'a> Builder<'a> {
    /// `None` for a block whose totals are no 16-bit words in any case.
    pub(super) fn new(block: &'a Block) -> Option<Self> {
        let Words::Narrow(grid) = block.words() else { return None };
        let Quantizer::Codes { low, high } = block.quantizer() else { return None };
        let is_plain = block.unit() == 1 && block.max_digit() == 1 && !block.is_noisy();
        let codes = [i32::try_from(low).ok()?, i32::try_from(high).ok()?];
        is_plain.then(|| Builder {
            block,
            grid,
            codes,
            halves: Default::default(),
            sums: vec![0; block.stride()],
            corrections: Vec::new(),
            totals: Vec::new(),
            clips: Vec::new(),
        })
    }

    /// Fills the rows of one octet, `[tile of columns]`, and what they clip; the largest magnitude of a word,
    /// `None` where one is no 16-bit word or where no driven row does not count nothing.
    pub(super) fn octet(
        &mut self,
        groups: std::ops::Range<usize>,
        mut tiles: Vec<&mut Octet>,
        clips: &mut [Clips; PATTERNS],
    ) -> Option<i32> {
        let (rows, columns) = (self.block.group_rows(), self.block.columns());
        let patterns = 1 << rows;
        let count = groups.len();
        self.totals.resize(count * patterns * columns, 0);
        self.clips.resize(count * patterns, Clips::default());
        for (at, group) in groups.enumerate() {
            self.group(group, at);
        }
        let mut sum = vec![0; columns];
        let mut largest = 0;
        for (pattern, clips) in clips.iter_mut().enumerate() {
            // Patterns of rows that are not there are never looked up.
            let of_group = |at: usize| at * patterns + (pattern >> (at * rows) & (patterns - 1));
            sum.copy_from_slice(&self.totals[of_group(0) * columns..][..columns]);
            *clips = self.clips[of_group(0)];
            for at in 1..count {
                let totals = &self.totals[of_group(at) * columns..][..columns];
                sum.iter_mut().zip(totals).for_each(|(sum, total)| *sum += total);
                *clips += self.clips[of_group(at)];
            }
            largest = sum.iter().fold(largest, |largest: i32, sum| sum.abs().max(largest));
            for (tile, sums) in tiles.iter_mut().zip(sum.chunks(COLUMNS)) {
                tile[pattern] = Row::of(sums);
            }
            if pattern == 0 && largest > 0 {
                return None;
            }
        }
        (largest <= i16::MAX.into()).then_some(largest)
    }

    /// Totals and clips of every pattern of one group.
    fn group(&mut self, group: usize, at: usize) {
        let Builder { block, grid, codes, halves, sums, corrections, totals, clips } = self;
        let (rows, columns, stride) = (block.group_rows(), block.columns(), block.stride());
        let patterns = 1usize << rows;
        corrections.clear();
        for n in 0..=rows {
            corrections.extend((0..columns).map(|column| block.correction(group, column, n) as i32));
        }
        let lower = rows.div_ceil(2);
        let is_by_row = block.summands() != Summands::Patterns;
        if is_by_row {
            let first = group * rows;
            fill_half(&mut halves[0], HALF as i32, grid, stride, first..first + lower);
            fill_half(&mut halves[1], 0, grid, stride, first + lower..first + rows);
        }
        let signs = &grid.signs[group * stride..][..stride];
        let totals = totals[at * patterns * columns..].chunks_exact_mut(columns);
        for (pattern, (totals, clips)) in totals.zip(&mut clips[at * patterns..]).enumerate().take(patterns) {
            let corrections = &corrections[pattern.count_ones() as usize * columns..][..columns];
            vectorised(
                #[inline(always)]
                || {
                    if is_by_row {
                        let low = &halves[0][(pattern & ((1 << lower) - 1)) * stride..][..stride];
                        let high = &halves[1][(pattern >> lower) * stride..][..stride];
                        for ((sum, low), high) in sums.iter_mut().zip(low).zip(high) {
                            *sum = low + high;
                        }
                    } else {
                        let row = (group << rows) + pattern;
                        let row = &grid.contributions[row * stride..][..stride];
                        sums.iter_mut().zip(row).for_each(|(sum, q)| *sum = q + HALF as i32);
                    }
                    *clips = quantize(sums, *codes);
                    totals.copy_from_slice(corrections);
                    let lanes = sums.chunks_exact(columns).zip(signs.chunks_exact(columns));
                    for (lane, (codes, signs)) in lanes.take(block.lanes()).enumerate() {
                        let shift = block.shift(lane);
                        for ((total, code), sign) in totals.iter_mut().zip(codes).zip(signs) {
                            *total += ((code << shift) ^ sign) - sign;
                        }
                    }
                },
            );
        }
    }
}

/// Sums plus half a code → codes, and how many were clipped. Padding is 0 and never clips.
#[inline(always)]
fn quantize(sums: &mut [i32], [low, high]: [i32; 2]) -> Clips {
    let (mut below, mut above) = ([0u32; 16], [0u32; 16]);
    for sums in sums.as_chunks_mut::<16>().0 {
        for (lane, sum) in sums.iter_mut().enumerate() {
            let unclamped = *sum >> FRACTION_BITS;
            below[lane] += u32::from(unclamped < low);
            above[lane] += u32::from(unclamped > high);
            *sum = unclamped.max(low).min(high);
        }
    }
    Clips { low: below.iter().sum(), high: above.iter().sum() }
}

/// The sums of every pattern of some rows, on top of `base`.
fn fill_half(half: &mut Vec<i32>, base: i32, grid: &Grid<i32>, stride: usize, rows: std::ops::Range<usize>) {
    half.clear();
    half.resize(stride << rows.len(), base);
    for (bit, row) in rows.enumerate() {
        let row = &grid.contributions[row * stride..][..stride];
        let (done, open) = half.split_at_mut(stride << bit);
        vectorised(
            #[inline(always)]
            || {
                for (to, from) in open.chunks_exact_mut(stride).zip(done.chunks_exact(stride)) {
                    to.iter_mut().zip(from).zip(row).for_each(|((to, from), q)| *to = from + q);
                }
            },
        );
    }
}
