//! Tables from blocks.

use std::ops::Range;

use super::Clips;
use super::row::{COLUMNS, Octet, PATTERNS, Row};
use crate::fixed::{FRACTION_BITS, HALF};
use crate::kernel::block::{Block, Grid, Words};
use crate::kernel::{Quantizer, Summands};
use crate::simd::vectorised;

/// 32 columns, those that a block lacks 0.
type Columns = [i32; COLUMNS];

/// Half a code in every column.
const HALVES: Columns = [HALF as i32; COLUMNS];

/// What a block's tables are filled from: the totals of one group and 32 columns at a time.
pub(super) struct Builder<'a> {
    block: &'a Block,
    grid: &'a Grid<i32>,
    codes: [i32; 2],
    /// `[summand][lane]`.
    summands: Vec<Columns>,
    /// Sums of the lower and of the upper rows, half a code added to the lower, `[pattern][lane]`.
    halves: [Vec<Columns>; 2],
    /// By lane, all ones where it is subtracted.
    signs: Vec<Columns>,
    /// By the number of driven rows.
    corrections: Vec<Columns>,
    /// `[group of the octet][pattern]`.
    totals: Vec<Columns>,
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
            summands: Vec::new(),
            halves: Default::default(),
            signs: Vec::new(),
            corrections: Vec::new(),
            totals: Vec::new(),
            clips: Vec::new(),
        })
    }

    /// Fills the rows of one octet and `columns` of the block, at most 32, and adds what they clip; the largest
    /// magnitude of a word, `None` where one is no 16-bit word or where no driven row does not count nothing.
    pub(super) fn octet(
        &mut self,
        groups: Range<usize>,
        columns: Range<usize>,
        rows: &mut Octet,
        clips: &mut [Clips; PATTERNS],
    ) -> Option<i32> {
        let group_rows = self.block.group_rows();
        let (count, patterns) = (groups.len(), 1 << group_rows);
        self.totals.resize(count * patterns, [0; COLUMNS]);
        self.clips.resize(count * patterns, Clips::default());
        for (at, group) in groups.enumerate() {
            self.group(group, columns.clone(), at * patterns..(at + 1) * patterns);
        }
        // Patterns of rows that are not there are never looked up.
        let of_group =
            |pattern: usize, at: usize| at * patterns + (pattern >> (at * group_rows) & (patterns - 1));
        let (totals, of_totals) = (&self.totals, &self.clips);
        let most = vectorised(
            #[inline(always)]
            || {
                let mut most = [0; COLUMNS];
                for (pattern, (row, clips)) in rows.iter_mut().zip(clips).enumerate() {
                    let mut total = totals[of_group(pattern, 0)];
                    *clips += of_totals[of_group(pattern, 0)];
                    for at in 1..count {
                        add(&mut total, &totals[of_group(pattern, at)]);
                        *clips += of_totals[of_group(pattern, at)];
                    }
                    most.iter_mut().zip(&total).for_each(|(most, total)| *most = total.abs().max(*most));
                    *row = Row::of(&total);
                }
                most.into_iter().fold(0, i32::max)
            },
        );
        (most <= i16::MAX.into() && rows[0] == Row::ZERO).then_some(most)
    }

    /// Totals and clips of every pattern of one group.
    fn group(&mut self, group: usize, columns: Range<usize>, to: Range<usize>) {
        let (block, lanes) = (self.block, self.block.lanes());
        let (rows, stride) = (block.group_rows(), block.stride());
        let is_by_row = block.summands() != Summands::Patterns;
        let summands =
            if is_by_row { group * rows..(group + 1) * rows } else { group << rows..(group + 1) << rows };
        let gather = |from: &[i32], row: usize, to: &mut Vec<Columns>| {
            for lane in 0..lanes {
                let mut padded = [0; COLUMNS];
                let first = row * stride + lane * block.columns();
                let from = &from[first + columns.start..first + columns.end];
                padded[..from.len()].copy_from_slice(from);
                to.push(padded);
            }
        };
        self.summands.clear();
        self.signs.clear();
        self.corrections.clear();
        summands.for_each(|summand| gather(&self.grid.contributions, summand, &mut self.summands));
        gather(&self.grid.signs, group, &mut self.signs);
        for n in 0..=rows {
            let mut corrections = [0; COLUMNS];
            for (correction, column) in corrections.iter_mut().zip(columns.clone()) {
                *correction = block.correction(group, column, n) as i32;
            }
            self.corrections.push(corrections);
        }
        let lower = rows.div_ceil(2);
        let Builder { codes, summands, halves, signs, corrections, totals, clips, .. } = self;
        if is_by_row {
            let (low, high) = summands.split_at(lower * lanes);
            fill_half(&mut halves[0], HALF as i32, low, lanes);
            fill_half(&mut halves[1], 0, high, lanes);
        }
        let clipless = is_by_row && {
            let extreme = |of: fn(i32, i32) -> i32| {
                let of_half = |half: &[Columns]| half.as_flattened().iter().copied().fold(0, of);
                (of_half(&halves[0]) + of_half(&halves[1])) >> FRACTION_BITS
            };
            extreme(i32::min) >= codes[0] && extreme(i32::max) <= codes[1]
        };
        let (totals, clips, codes) = (&mut totals[to.clone()], &mut clips[to], *codes);
        let shifts: Vec<u32> = (0..lanes).map(|lane| block.shift(lane)).collect();
        vectorised(
            #[inline(always)]
            || {
                // Through variables of its own, so that the compiler sees that nothing overlaps.
                for (pattern, (to, clips)) in totals.iter_mut().zip(clips).enumerate() {
                    let mut total = corrections[pattern.count_ones() as usize];
                    let (mut below, mut above) = ([0; COLUMNS], [0; COLUMNS]);
                    let lanes_of = |at: usize| at * lanes..(at + 1) * lanes;
                    let (first, second) = if is_by_row {
                        let (low, high) = (pattern & ((1 << lower) - 1), pattern >> lower);
                        (&halves[0][lanes_of(low)], Some(&halves[1][lanes_of(high)]))
                    } else {
                        (&summands[lanes_of(pattern)], None)
                    };
                    for (lane, (first, sign)) in first.iter().zip(&*signs).enumerate() {
                        let second = second.map_or(&HALVES, |second| &second[lane]);
                        let code = |at: usize| (first[at] + second[at]) >> FRACTION_BITS;
                        if !clipless {
                            for at in 0..COLUMNS {
                                below[at] += i32::from(code(at) < codes[0]);
                                above[at] += i32::from(code(at) > codes[1]);
                            }
                        }
                        let shift = shifts[lane];
                        for at in 0..COLUMNS {
                            let code = code(at).max(codes[0]).min(codes[1]);
                            total[at] += ((code << shift) ^ sign[at]) - sign[at];
                        }
                    }
                    *to = total;
                    *clips = Clips { low: sum(below), high: sum(above) };
                }
            },
        );
    }
}

#[inline(always)]
fn add(sums: &mut Columns, other: &Columns) {
    sums.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
}

#[inline(always)]
fn sum(counts: Columns) -> u32 {
    counts.into_iter().sum::<i32>() as u32
}

/// The sums of every pattern of some rows, `lanes` of each, on top of `base`.
fn fill_half(half: &mut Vec<Columns>, base: i32, rows: &[Columns], lanes: usize) {
    let count = rows.len() / lanes;
    half.clear();
    half.resize(lanes << count, [base; COLUMNS]);
    for (bit, row) in rows.chunks_exact(lanes).enumerate() {
        let (done, open) = half.split_at_mut(lanes << bit);
        vectorised(
            #[inline(always)]
            || {
                for (to, from) in open.chunks_exact_mut(lanes).zip(done.chunks_exact(lanes)) {
                    for ((to, from), q) in to.iter_mut().zip(from).zip(row) {
                        *to = *from;
                        add(to, q);
                    }
                }
            },
        );
    }
}
