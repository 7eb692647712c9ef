//! One normal number a conversion.

use super::build::{Patterns, Sums, offsets};
use super::edges::Edges;
use super::lanes::{Weigh, Words};
use super::run::{Convert, add};
use super::{COLUMNS, OddRows, PlaneRuns, Redone, Shape, Signs, VectorDraws};
use crate::fixed::{FRACTION_BITS, HALF};
use crate::kernel::block::Grid;
use crate::kernel::noise::{BLOCKS_OF_NORMALS, deviation};
use crate::kernel::{Block, Clipped};
use crate::key::{Draws, Lanes, Portable, is_tail, octaves};
use crate::simd::Level;

/// Adding 1.5 · 2²³ rounds to an integer, which stands in the last bits of the sum.
const ROUNDER: f32 = 12_582_912.0;

/// Magnitudes that are rounded so.
const LARGEST: f64 = (1u32 << 22) as f64;

/// A little more than the largest normal number.
const MOST_SIGMA: f64 = 6.5;

/// Whether normal numbers of this deviation, in grid units, are rounded so.
pub(super) fn reaches(deviation: f64) -> bool {
    deviation * MOST_SIGMA < LARGEST
}

/// Whether words of 16 bits hold what codes count, and codes of uneven width, one beyond the range included.
pub(super) fn weighs((low, high): (i64, i64), are_even: bool, mut shifts: impl Iterator<Item = u32>) -> bool {
    let is_word = |code: i64| i16::try_from(code).is_ok();
    shifts.all(|shift| is_word(1 << shift)) && (are_even || is_word(low - 1) && is_word(high + 1))
}

/// The conversions of 32 columns of a lane, of one pattern.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Row {
    /// Sums, less the bits of [`ROUNDER`]; half a code more where codes are of one width.
    sums: Sums,
    /// Deviations in grid units.
    deviations: [f32; COLUMNS],
}

#[derive(Debug, Clone)]
pub(super) struct Tables {
    rows: Vec<Row>,
    /// What codes of the first 16 columns and of the others count in the total, `[group][tile][lane]`.
    weights: Vec<[Words; 2]>,
    /// `None` where codes are of one width.
    edges: Option<Edges>,
}

impl Tables {
    /// `None` where noise takes sums beyond 32 bits, and codes beyond 16.
    pub(super) fn new(
        level: Level,
        block: &Block,
        grid: &Grid<i32>,
        shape: &Shape,
        signs: &[Signs],
    ) -> Option<Self> {
        let noise = block.max_deviation() * MOST_SIGMA;
        let (codes, shifts) = ((shape.low.into(), shape.high.into()), shape.shifts.iter().copied());
        if !reaches(block.max_deviation())
            || !weighs(codes, block.adcs().are_even(), shifts)
            || (block.max_sum() + block.adcs().max_offset() + HALF) as f64 + noise >= f64::from(i32::MAX)
        {
            return None;
        }
        let edges = Edges::new(block, shape)?;
        let half = if edges.is_some() { 0 } else { HALF as i32 };
        let empty = Row { sums: [0; COLUMNS], deviations: [0.0; COLUMNS] };
        let mut rows = vec![empty; block.groups() * shape.patterns * shape.each()];
        let mut patterns = Patterns::default();
        for group in 0..block.groups() {
            let rows = &mut rows[shape.row(group, 0, 0)..shape.row(group + 1, 0, 0)];
            for at in 0..shape.each() {
                let (tile, lane) = (at / shape.lanes(), at % shape.lanes());
                level.run(
                    #[inline(always)]
                    || {
                        patterns.fill(block, grid, (group, lane), shape.tile(tile));
                        let offsets = offsets(block, lane, shape.tile(tile));
                        let of_patterns = patterns.sums.iter().zip(&patterns.variances);
                        for ((sums, variances), row) in of_patterns.zip(rows.chunks_exact_mut(shape.each())) {
                            let row = &mut row[at];
                            for at in 0..COLUMNS {
                                row.deviations[at] = deviation(block, variances[at]) as f32;
                                let sum = sums[at] + offsets[at] + half;
                                row.sums[at] = sum.wrapping_sub(ROUNDER.to_bits() as i32);
                            }
                        }
                    },
                );
            }
        }
        let weights = signs.iter().enumerate().map(|(at, signs)| {
            let weight = 1 << shape.shifts[at % shape.lanes()];
            let mut halves = [[0; COLUMNS / 2]; 2];
            for (half, signs) in halves.iter_mut().zip(signs.as_chunks::<{ COLUMNS / 2 }>().0) {
                *half = signs.map(|sign| if sign == 0 { weight } else { -weight });
            }
            [halves[0].map(|weight| weight & 0xffff), halves[1].map(|weight: i32| weight << 16)]
                .map(pulp::cast)
        });
        let weights = weights.collect();
        Some(Tables { rows, weights, edges })
    }

    /// Adds the codes of a group. The rows with normal numbers that have no octave are `odd`.
    pub(super) fn add(
        &self,
        run: (&Shape, usize, &PlaneRuns),
        level: (Level, bool),
        draws: (&VectorDraws, &mut OddRows),
        sums: &mut [Sums],
    ) -> Clipped {
        match self.edges {
            None => add(&Codes::<false>(self), run, level, draws, sums),
            Some(_) => add(&Codes::<true>(self), run, level, draws, sums),
        }
    }

    /// Codes before clamping, in the upper halves of words, of a row's sums: where codes are `UNEVEN` or of one width.
    #[inline(always)]
    fn scaled<const UNEVEN: bool>(&self, row: usize, sums: Sums) -> Sums {
        let Some(edges) = self.edges.as_ref().filter(|_| UNEVEN) else { return sums };
        let mut codes = edges.codes(row, &sums);
        codes.iter_mut().for_each(|code| *code <<= FRACTION_BITS);
        codes
    }

    /// What [`add`](Self::add) does not convert right in one row.
    pub(super) fn row(
        &self,
        shape: &Shape,
        (group, pattern): (usize, usize),
        row: usize,
        (draws, rows_before): (&mut Draws<Portable>, usize),
    ) -> Redone {
        draws.skip(rows_before * BLOCKS_OF_NORMALS);
        let words = halves(draws.pair());
        let (moved, _) = self.rows[shape.row(group, pattern, row)].moved(Portable, &words);
        let scaled = match self.edges {
            Some(_) => self.scaled::<true>(row, moved),
            None => moved,
        };
        std::array::from_fn(|at| is_tail(words[at]).then_some((words[at], scaled[at] >> FRACTION_BITS)))
    }
}

/// The tables, of codes that are `UNEVEN` or of one width.
struct Codes<'a, const UNEVEN: bool>(&'a Tables);

impl<const UNEVEN: bool> Convert for Codes<'_, UNEVEN> {
    type Row = Row;
    type Weights = [Words; 2];
    type Totals = [[i32; COLUMNS / 2]; 2];

    const BLOCKS: usize = BLOCKS_OF_NORMALS;

    #[inline(always)]
    fn rows(&self) -> &[Row] {
        &self.0.rows
    }

    #[inline(always)]
    fn weights(&self) -> &[[Words; 2]] {
        &self.0.weights
    }

    #[inline(always)]
    fn convert<L: Weigh>(&self, cpu: L, (at, row): (usize, &Row), draws: &mut Draws<L>) -> (Words, bool) {
        let (moved, is_odd) = row.moved(cpu, &halves(draws.pair()));
        let [first, second] = pulp::cast(self.0.scaled::<UNEVEN>(at, moved));
        (cpu.upper(first, second), is_odd)
    }

    #[inline(always)]
    fn weigh<L: Weigh>(cpu: L, totals: &mut Self::Totals, codes: Words, weights: &[Words; 2]) {
        for (total, &weights) in totals.iter_mut().zip(weights) {
            let weighed = cpu.weigh(codes, weights);
            for at in 0..COLUMNS / 2 {
                total[at] += weighed[at];
            }
        }
    }

    #[inline(always)]
    fn sums(totals: Self::Totals) -> Sums {
        pulp::cast(totals)
    }
}

impl Row {
    /// The sums with noise, and whether some are to be others.
    #[inline(always)]
    fn moved<L: Lanes>(&self, cpu: L, words: &[u32; COLUMNS]) -> (Sums, bool) {
        let (normals, is_odd) = octaves(cpu, words);
        let mut sums = [0; COLUMNS];
        for at in 0..COLUMNS {
            let moved = self.deviations[at] * normals[at] + ROUNDER;
            sums[at] = self.sums[at].wrapping_add(moved.to_bits() as i32);
        }
        (sums, is_odd)
    }
}

/// Halves of draws, the lower first.
#[inline(always)]
fn halves(mut draws: [[u64; 8]; 2]) -> [u32; COLUMNS] {
    draws.as_flattened_mut().iter_mut().for_each(|draw| *draw = draw.to_le());
    let mut words: [u32; COLUMNS] = pulp::cast(draws);
    words.iter_mut().for_each(|word| *word = u32::from_le(*word));
    words
}
