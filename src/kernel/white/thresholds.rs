//! Comparisons of random bits with the chances of codes.

use pulp::Arch;

use super::build::{Patterns, Sums, offsets};
use super::edges::Edges;
use super::lanes::{Row, Weigh, Words};
use super::{COLUMNS, OddRows, PlaneRuns, Redone, Shape, Signs, VectorDraws, add_plane};
use crate::fixed::{FRACTION_BITS, HALF, ONE};
use crate::kernel::block::Grid;
use crate::kernel::noise::{BLOCKS_OF_WORDS, deviation, threshold};
use crate::kernel::{Block, Clipped};
use crate::key::{CERTAIN, Draws, Portable};
use crate::simd::Level;

/// Most thresholds of a conversion.
pub(super) const MOST: usize = 6;

/// What sums are certain to reach is taken to end so many grid units earlier, beyond doubt of rounding.
const MARGIN: f64 = 1.0;

/// Rows of a pattern's lane and tile: the least code before clamping that noise leaves possible, then the upper halves of
/// the chances of further ones, each from −2¹⁵.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    /// Thresholds of a conversion.
    each: usize,
    rows: Vec<Row>,
    /// What a code counts in the total, `[group][tile][lane]`.
    weights: Vec<Words>,
}

/// Bytes of a pattern's lane and tile, of so many thresholds a conversion.
pub(super) fn row_bytes(each: usize) -> usize {
    (1 + each) * size_of::<Row>()
}

/// Most codes that noise of this deviation can reach within [`CERTAIN`] deviations, in LSB, where edges lie by `spread`
/// closer to each other than they ideally do: `⌈12.8 σ + 2⁻¹⁵⌉ + ⌈spread⌉`.
pub(super) fn each_of(sigma_lsb: f64, spread_lsb: f64) -> usize {
    let within = 2.0 * CERTAIN * sigma_lsb + 2.0 * MARGIN / ONE as f64;
    (within.ceil() + spread_lsb.ceil()) as usize
}

/// The same of a block.
pub(super) fn of_block(block: &Block) -> usize {
    let lsb = ONE as f64;
    each_of(block.max_deviation() / lsb, block.adcs().spread() as f64 / lsb)
}

/// Whether words hold what the lanes of a column add up to, codes one beyond the range included.
pub(super) fn sums_codes((low, high): (i64, i64), shifts: impl Iterator<Item = u32>) -> bool {
    let largest = high.max(-low) + 1;
    shifts.map(|shift| largest << shift).sum::<i64>() <= i16::MAX.into()
}

impl Tables {
    /// `None` where conversions have too many thresholds, or totals no 16-bit words.
    pub(super) fn new(
        level: Level,
        block: &Block,
        grid: &Grid<i32>,
        shape: &Shape,
        signs: &[Signs],
    ) -> Option<Self> {
        let each = of_block(block);
        let has_words = sums_codes((shape.low.into(), shape.high.into()), shape.shifts.iter().copied());
        if each > MOST || !has_words {
            return None;
        }
        let edges = match block.adcs().are_even() {
            true => None,
            false => Some(Edges::new(block, shape)?),
        };
        let of_group = shape.patterns * shape.each() * (1 + each);
        let mut rows = vec![Row([0; COLUMNS]); block.groups() * of_group];
        let mut patterns = Patterns::default();
        for (group, rows) in rows.chunks_exact_mut(of_group).enumerate() {
            for at in 0..shape.each() {
                let (tile, lane) = (at / shape.lanes(), at % shape.lanes());
                let rows = rows.chunks_exact_mut(1 + each).skip(at).step_by(shape.each());
                level.run(
                    #[inline(always)]
                    || {
                        patterns.fill(block, grid, (group, lane), shape.tile(tile));
                        let offsets = offsets(block, lane, shape.tile(tile));
                        let mut of_columns = [&[][..]; COLUMNS];
                        for (edges, column) in of_columns.iter_mut().zip(shape.tile(tile)) {
                            *edges = block.adcs().edges(lane * block.columns() + column).unwrap_or_default();
                        }
                        let uneven = edges.as_ref().map(|edges| (edges, &of_columns));
                        let of_patterns = patterns.sums.iter().zip(&patterns.variances);
                        for ((sums, variances), rows) in of_patterns.zip(rows) {
                            fill(block, (shape, at, uneven), (sums, &offsets), variances, rows);
                        }
                    },
                );
            }
        }
        let weights = signs.iter().enumerate().map(|(at, signs)| {
            let weight = 1 << shape.shifts[at % shape.lanes()];
            signs.map(|sign| (weight ^ sign) - sign)
        });
        let weights = weights.collect();
        Some(Tables { each, rows, weights })
    }

    /// Adds the codes of a group. The rows with words that meet thresholds are `odd`.
    pub(super) fn add(
        &self,
        run: (&Shape, usize, &PlaneRuns),
        (level, counts): (Level, bool),
        draws: (&VectorDraws, &mut OddRows),
        sums: &mut [Sums],
    ) -> Clipped {
        let add = match (self.each, counts) {
            (1, false) => Self::add_of::<2, false>,
            (1, true) => Self::add_of::<2, true>,
            (2, false) => Self::add_of::<3, false>,
            (2, true) => Self::add_of::<3, true>,
            (3, false) => Self::add_of::<4, false>,
            (3, true) => Self::add_of::<4, true>,
            (4, false) => Self::add_of::<5, false>,
            (4, true) => Self::add_of::<5, true>,
            (5, false) => Self::add_of::<6, false>,
            (5, true) => Self::add_of::<6, true>,
            (_, false) => Self::add_of::<{ 1 + MOST }, false>,
            (_, true) => Self::add_of::<{ 1 + MOST }, true>,
        };
        add(self, run, level, draws, sums)
    }

    fn add_of<const ROWS: usize, const COUNT: bool>(
        &self,
        run: (&Shape, usize, &PlaneRuns),
        level: Level,
        draws: (&VectorDraws, &mut OddRows),
        sums: &mut [Sums],
    ) -> Clipped {
        match level.arch() {
            #[cfg(target_arch = "x86_64")]
            Arch::V4(cpu) => cpu.vectorize(
                #[inline(always)]
                || self.run::<_, ROWS, COUNT>(cpu, run, draws, sums),
            ),
            #[cfg(target_arch = "x86_64")]
            Arch::V3(cpu) => cpu.vectorize(
                #[inline(always)]
                || self.run::<_, ROWS, COUNT>(cpu, run, draws, sums),
            ),
            _ => self.run::<_, ROWS, COUNT>(Portable, run, draws, sums),
        }
    }

    #[inline(always)]
    fn run<L: Weigh, const ROWS: usize, const COUNT: bool>(
        &self,
        cpu: L,
        (shape, group, runs): (&Shape, usize, &PlaneRuns),
        (draws, odd): (&VectorDraws, &mut OddRows),
        sums: &mut [Sums],
    ) -> Clipped {
        let (low, high) = (shape.low as i16, shape.high as i16);
        let (each, lanes) = (shape.each(), shape.lanes());
        let weights = &self.weights[group * each..][..each];
        let of_group = |group: usize| {
            let rows = group * shape.patterns * each * ROWS..(group + 1) * shape.patterns * each * ROWS;
            self.rows.get(rows).unwrap_or_default()
        };
        let (rows, next) = (of_group(group), of_group(group + 1));
        let one = std::hint::black_box([1; COLUMNS]);
        let mut clipped = Clipped::default();
        for (vector, first, planes) in runs.each_with(shape, next) {
            let sums = &mut sums[vector * shape.tiles..][..shape.tiles];
            for (tile, (sums, weights)) in sums.iter_mut().zip(weights.chunks_exact(lanes)).enumerate() {
                let mut draws = draws.draws(cpu, vector, tile);
                let (room, mut found) = (odd.room(planes.len() * lanes), 0);
                let (mut total, mut planes_before) = (*sums, 0);
                for (place, &plane) in (first..).zip(planes) {
                    draws.skip((plane.plane() - planes_before) * lanes * BLOCKS_OF_WORDS);
                    planes_before = plane.plane() + 1;
                    let rows = &rows[(plane.pattern() * each + tile * lanes) * ROWS..][..lanes * ROWS];
                    let mut totals = [0; COLUMNS];
                    for (lane, (rows, weights)) in rows.as_chunks::<ROWS>().0.iter().zip(weights).enumerate()
                    {
                        let (unclamped, is_odd) = cpu.reach(rows, quarters(draws.next()), one);
                        room[found] = (place, (tile * lanes + lane) as u32);
                        found += usize::from(is_odd);
                        if COUNT {
                            clipped.low += u64::from(cpu.count_less(unclamped, [low; COLUMNS]));
                            clipped.high += u64::from(cpu.count_less([high; COLUMNS], unclamped));
                        }
                        for at in 0..COLUMNS {
                            totals[at] += unclamped[at].max(low).min(high) * weights[at];
                        }
                    }
                    let mut wide = [0; COLUMNS];
                    wide.iter_mut().zip(totals).for_each(|(wide, total): (_, i16)| *wide = total.into());
                    add_plane(&mut total, &wide, plane);
                }
                *sums = total;
                odd.found += found;
            }
        }
        clipped
    }

    /// The rows of a group's pattern.
    #[inline(always)]
    fn rows(&self, shape: &Shape, group: usize, pattern: usize) -> &[Row] {
        let each = shape.each() * (1 + self.each);
        &self.rows[(group * shape.patterns + pattern) * each..][..each]
    }

    /// What [`add`](Self::add) does not convert right in one row.
    pub(super) fn row(
        &self,
        shape: &Shape,
        (group, pattern): (usize, usize),
        row: usize,
        (draws, rows_before): (&mut Draws<Portable>, usize),
    ) -> Redone {
        draws.skip(rows_before * BLOCKS_OF_WORDS);
        let words = quarters(draws.next());
        let rows = &self.rows(shape, group, pattern)[row * (1 + self.each)..][..1 + self.each];
        let is_met = |at: usize| rows[1..].iter().any(|Row(thresholds)| thresholds[at] == words[at]);
        let unclamped = |at: usize| {
            let reached = rows[1..].iter().filter(|Row(thresholds)| words[at] < thresholds[at]).count();
            i32::from(rows[0].0[at]) + reached as i32
        };
        std::array::from_fn(|at| is_met(at).then(|| (words[at] as u16 as u32, unclamped(at))))
    }
}

/// Where codes of uneven width begin: by sum, and for each column.
type Uneven<'a> = (&'a Edges, &'a [&'a [i64]; COLUMNS]);

/// What a row of conversions of these sums and variances is compared with.
#[inline(always)]
fn fill(
    block: &Block,
    (shape, row, uneven): (&Shape, usize, Option<Uneven<'_>>),
    (sums, offsets): (&Sums, &Sums),
    variances: &[u64; COLUMNS],
    rows: &mut [Row],
) {
    let [mut means, mut steepness] = [[0.0; COLUMNS]; 2];
    let mut least = [0; COLUMNS];
    // Half a code above, the ideal edge of code `c` is at `c`.
    let half = if uneven.is_some() { 0.0 } else { HALF as f64 };
    for at in 0..COLUMNS {
        let deviation = deviation(block, variances[at]);
        steepness[at] = 1.0 / deviation;
        means[at] = f64::from(sums[at]) + f64::from(offsets[at]) + half;
        least[at] = (means[at] - CERTAIN * deviation - MARGIN).max(i32::MIN.into()) as i32;
    }
    // The code of what is certain to be reached.
    let certain = match uneven {
        Some((edges, _)) => edges.codes(row, &least),
        None => least.map(|sum| (sum >> FRACTION_BITS).max(shape.low - 1).min(shape.high + 1)),
    };
    rows[0].0 = certain.map(|code| code as i16);
    for (after, to) in rows[1..].iter_mut().enumerate() {
        let mut edges = [f64::INFINITY; COLUMNS];
        for at in 0..COLUMNS {
            let code = certain[at] + 1 + after as i32;
            match uneven {
                Some((_, of_columns)) => {
                    if let Some(&edge) = of_columns[at].get((code - shape.low) as usize) {
                        edges[at] = edge as f64;
                    }
                }
                None if code > shape.high + 1 => {}
                None => edges[at] = f64::from(code) * ONE as f64,
            }
        }
        for at in 0..COLUMNS {
            to.0[at] = word(threshold(means[at], edges[at], steepness[at]));
        }
    }
}

/// The word that a chance begins at. Where a word meets it, the whole chance decides.
#[inline(always)]
fn word(chance: i64) -> i16 {
    ((chance >> 16).min(u16::MAX.into()) - (1 << 15)) as i16
}

/// Quarters of draws, the lowest first.
#[inline(always)]
fn quarters(mut draws: [u64; 8]) -> Words {
    draws.iter_mut().for_each(|draw| *draw = draw.to_le());
    let mut words: Words = pulp::cast(draws);
    words.iter_mut().for_each(|word| *word = i16::from_le(*word));
    words
}
