//! The loop over vectors, tiles, planes and lanes, whatever makes codes of words.

use pulp::Arch;

use super::build::Sums;
use super::lanes::{Weigh, Words};
use super::{COLUMNS, OddRows, PlaneRuns, Shape, VectorDraws, add_plane};
use crate::kernel::Clipped;
use crate::key::{Draws, Portable};
use crate::simd::Level;

/// What a method keeps of every pattern, and makes of it and of draws.
pub(super) trait Convert {
    /// What a lane of 32 columns has in a pattern.
    type Row;
    /// What codes of such a row count,
    type Weights;
    /// and what codes of all lanes come to.
    type Totals: Copy + Default;

    /// Blocks of draws that a row takes.
    const BLOCKS: usize;

    /// The rows of all groups, `[group][pattern][tile][lane]`.
    fn rows(&self) -> &[Self::Row];

    /// `[group][tile][lane]`.
    fn weights(&self) -> &[Self::Weights];

    /// The codes of a row of a pattern before clamping, and whether some are to be others.
    fn convert<L: Weigh>(&self, cpu: L, row: (usize, &Self::Row), draws: &mut Draws<L>) -> (Words, bool);

    /// Adds what codes count.
    fn weigh<L: Weigh>(cpu: L, totals: &mut Self::Totals, codes: Words, weights: &Self::Weights);

    /// Totals by column.
    fn sums(totals: Self::Totals) -> Sums;
}

/// Adds the codes of a group to the sums. The rows with codes that are to be others are `odd`.
pub(super) fn add<C: Convert>(
    tables: &C,
    run: (&Shape, usize, &PlaneRuns),
    (level, counts): (Level, bool),
    draws: (&VectorDraws, &mut OddRows),
    sums: &mut [Sums],
) -> Clipped {
    let add = if counts { add_at::<C, true> } else { add_at::<C, false> };
    add(tables, run, level, draws, sums)
}

/// A function for each variant: several in one are too much to be inlined.
fn add_at<C: Convert, const COUNT: bool>(
    tables: &C,
    run: (&Shape, usize, &PlaneRuns),
    level: Level,
    draws: (&VectorDraws, &mut OddRows),
    sums: &mut [Sums],
) -> Clipped {
    match level.arch() {
        #[cfg(target_arch = "x86_64")]
        Arch::V4(cpu) => cpu.vectorize(
            #[inline(always)]
            || add_in::<_, C, COUNT>(cpu, tables, run, draws, sums),
        ),
        #[cfg(target_arch = "x86_64")]
        Arch::V3(cpu) => cpu.vectorize(
            #[inline(always)]
            || add_in::<_, C, COUNT>(cpu, tables, run, draws, sums),
        ),
        _ => add_in::<_, C, COUNT>(Portable, tables, run, draws, sums),
    }
}

#[inline(always)]
fn add_in<L: Weigh, C: Convert, const COUNT: bool>(
    cpu: L,
    tables: &C,
    (shape, group, runs): (&Shape, usize, &PlaneRuns),
    (draws, odd): (&VectorDraws, &mut OddRows),
    sums: &mut [Sums],
) -> Clipped {
    let (low, high) = shape.narrow();
    let (each, lanes) = (shape.each(), shape.lanes());
    let weights = &tables.weights()[group * each..][..each];
    let of_group = |group: usize| {
        let rows = shape.row(group, 0, 0)..shape.row(group + 1, 0, 0);
        tables.rows().get(rows).unwrap_or_default()
    };
    let (rows, next) = (of_group(group), of_group(group + 1));
    let mut clipped = Clipped::default();
    for (vector, first, planes) in runs.each_with(shape, next) {
        let sums = &mut sums[vector * shape.tiles..][..shape.tiles];
        for (tile, (sums, weights)) in sums.iter_mut().zip(weights.chunks_exact(lanes)).enumerate() {
            let mut draws = draws.draws(cpu, vector, tile);
            let (room, mut found) = (odd.room(planes.len() * lanes), 0);
            // At most 16 planes of 32 lanes.
            let [mut below, mut above] = [L::Count::default(); 2];
            let (mut total, mut planes_before) = (*sums, 0);
            for (place, &plane) in (first..).zip(planes) {
                draws.skip((plane.plane() - planes_before) * lanes * C::BLOCKS);
                planes_before = plane.plane() + 1;
                let rows = &rows[plane.pattern() * each + tile * lanes..][..lanes];
                let mut totals = C::Totals::default();
                for (lane, (row, weights)) in rows.iter().zip(weights).enumerate() {
                    let at = tile * lanes + lane;
                    let (unclamped, is_odd) = tables.convert(cpu, (at, row), &mut draws);
                    room[found] = (place, at as u32);
                    found += usize::from(is_odd);
                    if COUNT {
                        cpu.count_less(&mut below, unclamped, [low; COLUMNS]);
                        cpu.count_less(&mut above, [high; COLUMNS], unclamped);
                    }
                    let mut codes = unclamped;
                    codes.iter_mut().for_each(|code| *code = (*code).max(low).min(high));
                    C::weigh(cpu, &mut totals, codes, weights);
                }
                add_plane(&mut total, &C::sums(totals), plane);
            }
            *sums = total;
            odd.found += found;
            clipped.low += cpu.total(below);
            clipped.high += cpu.total(above);
        }
    }
    clipped
}
