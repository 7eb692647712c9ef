//! One normal number a conversion.

use pulp::Arch;

use super::build::{Patterns, Sums, offsets};
use super::edges::Edges;
use super::{COLUMNS, Odd, Redone, Shape, Signs, VectorRuns, add_plane, push, sum};
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
    /// `None` where codes are of one width.
    edges: Option<Edges>,
}

impl Tables {
    /// `None` where noise takes sums beyond 32 bits, or has too many.
    pub(super) fn new(level: Level, block: &Block, grid: &Grid<i32>, shape: &Shape) -> Option<Self> {
        let empty = Row { sums: [0; COLUMNS], deviations: [0.0; COLUMNS] };
        let mut rows = vec![empty; block.groups() * shape.patterns * shape.each()];
        let mut patterns = Patterns::default();
        let noise = block.max_deviation() * MOST_SIGMA;
        if !reaches(block.max_deviation())
            || (block.max_sum() + block.adcs().max_offset() + HALF) as f64 + noise >= f64::from(i32::MAX)
        {
            return None;
        }
        let edges = match block.adcs().are_even() {
            true => None,
            false => Some(Edges::new(block, shape)?),
        };
        let half = if edges.is_some() { 0 } else { HALF as i32 };
        for group in 0..block.groups() {
            let rows = &mut rows[group * shape.patterns * shape.each()..][..shape.patterns * shape.each()];
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
        Some(Tables { rows, edges })
    }

    /// Adds the codes of a group. The rows with normal numbers that have no octave are `odd`.
    pub(super) fn add(
        &self,
        run: (&Shape, usize, &[Signs]),
        (level, counts): (Level, bool),
        runs: (&VectorRuns, &mut Vec<Odd>),
        sums: &mut [Sums],
    ) -> Clipped {
        let add = match (counts, &self.edges) {
            (false, None) => Self::add_of::<false, false>,
            (true, None) => Self::add_of::<true, false>,
            (false, Some(_)) => Self::add_of::<false, true>,
            (true, Some(_)) => Self::add_of::<true, true>,
        };
        add(self, run, level, runs, sums)
    }

    fn add_of<const COUNT: bool, const UNEVEN: bool>(
        &self,
        run: (&Shape, usize, &[Signs]),
        level: Level,
        runs: (&VectorRuns, &mut Vec<Odd>),
        sums: &mut [Sums],
    ) -> Clipped {
        match level.arch() {
            #[cfg(target_arch = "x86_64")]
            Arch::V4(cpu) => cpu.vectorize(
                #[inline(always)]
                || self.run::<_, COUNT, UNEVEN>(cpu, run, runs, sums),
            ),
            #[cfg(target_arch = "x86_64")]
            Arch::V3(cpu) => cpu.vectorize(
                #[inline(always)]
                || self.run::<_, COUNT, UNEVEN>(cpu, run, runs, sums),
            ),
            _ => self.run::<_, COUNT, UNEVEN>(Portable, run, runs, sums),
        }
    }

    #[inline(always)]
    fn run<L: Lanes, const COUNT: bool, const UNEVEN: bool>(
        &self,
        cpu: L,
        (shape, group, signs): (&Shape, usize, &[Signs]),
        (runs, odd): (&VectorRuns, &mut Vec<Odd>),
        sums: &mut [Sums],
    ) -> Clipped {
        let (low, high, lanes) = (shape.low, shape.high, shape.lanes());
        let [mut below, mut above] = [[0; COLUMNS]; 2];
        let each = shape.patterns * shape.each();
        let next = self.rows.get((group + 1) * each..(group + 2) * each).unwrap_or_default();
        for (vector, first, planes) in runs.each_with(shape, next) {
            let sums = &mut sums[vector * shape.tiles..][..shape.tiles];
            for (tile, (sums, signs)) in sums.iter_mut().zip(signs.chunks_exact(lanes)).enumerate() {
                let mut draws = runs.draws(cpu, vector, tile);
                let (mut total, mut planes_before) = (*sums, 0);
                for (place, &plane) in (first..).zip(planes) {
                    draws.skip((plane.plane() - planes_before) * lanes * BLOCKS_OF_NORMALS);
                    planes_before = plane.plane() + 1;
                    let rows = &shape.rows(&self.rows, group, plane.pattern())[tile * lanes..][..lanes];
                    let mut totals = [0; COLUMNS];
                    for (lane, ((row, sign), &shift)) in rows.iter().zip(signs).zip(&shape.shifts).enumerate()
                    {
                        let (moved, is_odd) = row.moved(cpu, &halves(draws.pair()));
                        let row = tile * lanes + lane;
                        if is_odd {
                            push(odd, (place, row as u32));
                        }
                        let unclamped = self.codes::<UNEVEN>(row, moved);
                        for at in 0..COLUMNS {
                            let code = unclamped[at].max(low).min(high);
                            if COUNT {
                                below[at] += i32::from(unclamped[at] < low);
                                above[at] += i32::from(unclamped[at] > high);
                            }
                            let sign = i32::from(sign[at]);
                            totals[at] += ((code << shift) ^ sign) - sign;
                        }
                    }
                    add_plane(&mut total, &totals, plane);
                }
                *sums = total;
            }
        }
        Clipped { low: sum(&below), high: sum(&above) }
    }

    /// The codes of a row's sums before clamping, where codes are `UNEVEN` or of one width.
    #[inline(always)]
    fn codes<const UNEVEN: bool>(&self, row: usize, mut sums: Sums) -> Sums {
        if let Some(edges) = self.edges.as_ref().filter(|_| UNEVEN) {
            return edges.codes(row, &sums);
        }
        sums.iter_mut().for_each(|sum| *sum >>= FRACTION_BITS);
        sums
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
        let (moved, _) = shape.rows(&self.rows, group, pattern)[row].moved(Portable, &words);
        let unclamped = match self.edges {
            Some(_) => self.codes::<true>(row, moved),
            None => self.codes::<false>(row, moved),
        };
        std::array::from_fn(|at| is_tail(words[at]).then_some((words[at], unclamped[at])))
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
