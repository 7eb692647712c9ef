//! Comparisons of random bits with the chances of codes.

use pulp::Arch;

use super::build::{Patterns, Sums, offsets};
use super::edges::Edges;
use super::{COLUMNS, OddRows, PlaneRuns, Redone, Shape, Signs, VectorDraws, add_plane};
use crate::fixed::{FRACTION_BITS, HALF, ONE};
use crate::kernel::block::Grid;
use crate::kernel::noise::{BLOCKS_OF_WORDS, deviation, threshold};
use crate::kernel::{Block, Clipped};
use crate::key::{CERTAIN, Draws, Lanes, Portable};
use crate::simd::Level;

/// Most thresholds of a conversion.
pub(super) const MOST: usize = 6;

/// What sums are certain to reach is taken to end so many grid units earlier, beyond doubt of rounding.
const MARGIN: f64 = 1.0;

/// Conversions of 32 columns: codes or words.
type Codes = [i16; COLUMNS];

/// Rows of a pattern's lane and tile: the least code before clamping that noise leaves possible, then the upper halves of
/// the chances of further ones, each from −2¹⁵.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    /// Thresholds of a conversion.
    each: usize,
    rows: Vec<Row>,
    /// Whether noise can take codes of a pattern's lane and tile beyond the range. Where it cannot, the least code is what
    /// it counts in the total.
    clips: Vec<bool>,
    /// What a code counts in the total, `[group][tile][lane]`.
    weights: Vec<Codes>,
}

/// 32 words.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Row(Codes);

/// Bytes of a pattern's lane and tile, of so many thresholds a conversion.
pub(super) fn row_bytes(each: usize) -> usize {
    (1 + each) * size_of::<Row>() + size_of::<bool>()
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
        // Clips of a vector, in at most 16 planes, are counted in 16 bits.
        let is_counted = u16::BITS as usize * shape.lanes() <= i16::MAX as usize;
        if each > MOST || !has_words || !is_counted {
            return None;
        }
        let edges = match block.adcs().are_even() {
            true => None,
            false => Some(Edges::new(block, shape)?),
        };
        let of_group = shape.patterns * shape.each() * (1 + each);
        let mut rows = vec![Row([0; COLUMNS]); block.groups() * of_group];
        let mut clips = vec![false; block.groups() * shape.patterns * shape.each()];
        let mut weights = signs.to_vec();
        let mut patterns = Patterns::default();
        let of_groups = rows.chunks_exact_mut(of_group).zip(clips.chunks_exact_mut(of_group / (1 + each)));
        for (group, (rows, clips)) in of_groups.enumerate() {
            for at in 0..shape.each() {
                let (tile, lane) = (at / shape.lanes(), at % shape.lanes());
                let weights = &mut weights[group * shape.each() + at];
                weights
                    .iter_mut()
                    .for_each(|weight| *weight = ((1 << shape.shifts[lane]) ^ *weight) - *weight);
                let clips = clips.iter_mut().skip(at).step_by(shape.each());
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
                        for ((sums, variances), (rows, clips)) in of_patterns.zip(rows.zip(clips)) {
                            fill(block, (shape, at, uneven), (sums, &offsets), variances, rows);
                            *clips = may_clip(shape, rows);
                            if !*clips {
                                rows[0]
                                    .0
                                    .iter_mut()
                                    .zip(&*weights)
                                    .for_each(|(code, weight)| *code *= weight);
                            }
                        }
                    },
                );
            }
        }
        Some(Tables { each, rows, clips, weights })
    }

    /// Adds the codes of a group. The rows with words that meet thresholds are `odd`.
    pub(super) fn add(
        &self,
        run: (&Shape, usize, &PlaneRuns),
        signs: &[Signs],
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
        add(self, (run, signs), level, draws, sums)
    }

    fn add_of<const ROWS: usize, const COUNT: bool>(
        &self,
        (run, signs): ((&Shape, usize, &PlaneRuns), &[Signs]),
        level: Level,
        draws: (&VectorDraws, &mut OddRows),
        sums: &mut [Sums],
    ) -> Clipped {
        match level.arch() {
            #[cfg(target_arch = "x86_64")]
            Arch::V4(cpu) => cpu.vectorize(
                #[inline(always)]
                || self.run::<_, ROWS, COUNT>(cpu, (run, signs), draws, sums),
            ),
            #[cfg(target_arch = "x86_64")]
            Arch::V3(cpu) => cpu.vectorize(
                #[inline(always)]
                || self.run::<_, ROWS, COUNT>(cpu, (run, signs), draws, sums),
            ),
            _ => self.run::<_, ROWS, COUNT>(Portable, (run, signs), draws, sums),
        }
    }

    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const COUNT: bool>(
        &self,
        cpu: L,
        ((shape, group, runs), signs): ((&Shape, usize, &PlaneRuns), &[Signs]),
        (draws, odd): (&VectorDraws, &mut OddRows),
        sums: &mut [Sums],
    ) -> Clipped {
        let (low, high) = (shape.low as i16, shape.high as i16);
        let (each, lanes) = (shape.each(), shape.lanes());
        let weights = &self.weights[group * each..][..each];
        let clips = &self.clips[group * shape.patterns * each..][..shape.patterns * each];
        let of_group = |group: usize| {
            let rows = group * shape.patterns * each * ROWS..(group + 1) * shape.patterns * each * ROWS;
            self.rows.get(rows).unwrap_or_default()
        };
        let (rows, next) = (of_group(group), of_group(group + 1));
        let [mut low_clips, mut high_clips] = [[0i32; COLUMNS]; 2];
        for (vector, first, planes) in runs.each_with(shape, next) {
            let sums = &mut sums[vector * shape.tiles..][..shape.tiles];
            let counts = signs.chunks_exact(lanes).zip(weights.chunks_exact(lanes));
            for (tile, (sums, (signs, weights))) in sums.iter_mut().zip(counts).enumerate() {
                let mut draws = draws.draws(cpu, vector, tile);
                let (room, mut found) = (odd.room(planes.len() * lanes), 0);
                let [mut below, mut above] = [[0i16; COLUMNS]; 2];
                let (mut total, mut planes_before) = (*sums, 0);
                for (place, &plane) in (first..).zip(planes) {
                    draws.skip((plane.plane() - planes_before) * lanes * BLOCKS_OF_WORDS);
                    planes_before = plane.plane() + 1;
                    let at = plane.pattern() * each + tile * lanes;
                    let (rows, clips) = (&rows[at * ROWS..][..lanes * ROWS], &clips[at..][..lanes]);
                    let mut totals = [0i16; COLUMNS];
                    let counts = signs.iter().zip(weights).zip(&shape.shifts);
                    let of_lanes = rows.as_chunks::<ROWS>().0.iter().zip(clips).zip(counts);
                    for (lane, ((rows, &clips), ((sign, weight), &shift))) in of_lanes.enumerate() {
                        let words = quarters(draws.next());
                        let (mut counted, is_odd) =
                            convert(rows, &words, if clips { &[1; COLUMNS] } else { weight });
                        if clips {
                            for at in 0..COLUMNS {
                                // No code is further beyond the range than by one.
                                let not_below = counted[at].max(low);
                                let code = not_below.min(high);
                                if COUNT {
                                    below[at] += not_below - counted[at];
                                    above[at] += not_below - code;
                                }
                                counted[at] = ((code << shift) ^ sign[at]) - sign[at];
                            }
                        }
                        for at in 0..COLUMNS {
                            totals[at] += counted[at];
                        }
                        room[found] = (place, (tile * lanes + lane) as u32);
                        found += usize::from(is_odd);
                    }
                    let mut wide = [0; COLUMNS];
                    wide.iter_mut().zip(totals).for_each(|(wide, total)| *wide = total.into());
                    add_plane(&mut total, &wide, plane);
                }
                *sums = total;
                odd.found += found;
                if COUNT {
                    for at in 0..COLUMNS {
                        low_clips[at] += i32::from(below[at]);
                        high_clips[at] += i32::from(above[at]);
                    }
                }
            }
        }
        let sum = |counts: &[i32; COLUMNS]| counts.iter().map(|&count| count as u64).sum();
        Clipped { low: sum(&low_clips), high: sum(&high_clips) }
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
            let least = i32::from(rows[0].0[at]);
            let weight = i32::from(self.weights[group * shape.each() + row][at]);
            let least = if shape.rows(&self.clips, group, pattern)[row] { least } else { least / weight };
            least + reached as i32
        };
        std::array::from_fn(|at| is_met(at).then(|| (words[at] as u16 as u32, unclamped(at))))
    }
}

/// A row and as much for each threshold that a word stays below, and whether words meet thresholds, where further bits
/// decide.
#[inline(always)]
fn convert(rows: &[Row], words: &Codes, weights: &Codes) -> (Codes, bool) {
    let (mut sums, mut met) = (rows[0].0, [0; COLUMNS]);
    for Row(thresholds) in &rows[1..] {
        for at in 0..COLUMNS {
            sums[at] += -i16::from(words[at] < thresholds[at]) & weights[at];
            met[at] |= i16::from(words[at] == thresholds[at]);
        }
    }
    (sums, met.iter().fold(0, |any, met| any | met) != 0)
}

/// Whether noise can take codes beyond the range.
#[inline(always)]
fn may_clip(shape: &Shape, rows: &[Row]) -> bool {
    let (low, high) = (shape.low as i16, shape.high as i16);
    let mut beyond = rows[0].0.map(|code| code < low || code > high);
    for (reached, Row(thresholds)) in rows[1..].iter().enumerate() {
        for at in 0..COLUMNS {
            beyond[at] |= rows[0].0[at] + reached as i16 >= high && thresholds[at] > i16::MIN;
        }
    }
    beyond.iter().fold(false, |any, beyond| any | beyond)
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
fn quarters(mut draws: [u64; 8]) -> Codes {
    draws.iter_mut().for_each(|draw| *draw = draw.to_le());
    let mut words: Codes = pulp::cast(draws);
    words.iter_mut().for_each(|word| *word = i16::from_le(*word));
    words
}
