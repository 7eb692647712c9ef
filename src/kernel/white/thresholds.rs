//! Comparisons of random bits with the chances of codes.

use super::build::{Patterns, Sums, offsets};
use super::edges::Edges;
use super::lanes::{Row, Weigh, Words};
use super::run::{Convert, add};
use super::{COLUMNS, OddRows, PlaneRuns, Redone, Shape, Signs, VectorDraws};
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
        let edges = Edges::new(block, shape)?;
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
        level: (Level, bool),
        draws: (&VectorDraws, &mut OddRows),
        sums: &mut [Sums],
    ) -> Clipped {
        match self.each {
            1 => add(&Codes::<2>::of(self), run, level, draws, sums),
            2 => add(&Codes::<3>::of(self), run, level, draws, sums),
            3 => add(&Codes::<4>::of(self), run, level, draws, sums),
            4 => add(&Codes::<5>::of(self), run, level, draws, sums),
            5 => add(&Codes::<6>::of(self), run, level, draws, sums),
            _ => add(&Codes::<{ 1 + MOST }>::of(self), run, level, draws, sums),
        }
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
        let rows = &self.rows[shape.row(group, pattern, row) * (1 + self.each)..][..1 + self.each];
        let is_met = |at: usize| rows[1..].iter().any(|Row(thresholds)| thresholds[at] == words[at]);
        let unclamped = |at: usize| {
            let reached = rows[1..].iter().filter(|Row(thresholds)| words[at] < thresholds[at]).count();
            i32::from(rows[0].0[at]) + reached as i32
        };
        std::array::from_fn(|at| is_met(at).then(|| (words[at] as u16 as u32, unclamped(at))))
    }
}

/// The tables, of so many rows a pattern's lane and tile.
struct Codes<'a, const ROWS: usize> {
    tables: &'a Tables,
    one: Words,
}

impl<'a, const ROWS: usize> Codes<'a, ROWS> {
    fn of(tables: &'a Tables) -> Self {
        Codes { tables, one: std::hint::black_box([1; COLUMNS]) }
    }
}

impl<const ROWS: usize> Convert for Codes<'_, ROWS> {
    type Row = [Row; ROWS];
    type Weights = Words;
    type Totals = Words;

    const BLOCKS: usize = BLOCKS_OF_WORDS;

    #[inline(always)]
    fn rows(&self) -> &[[Row; ROWS]] {
        self.tables.rows.as_chunks().0
    }

    #[inline(always)]
    fn weights(&self) -> &[Words] {
        &self.tables.weights
    }

    #[inline(always)]
    fn convert<L: Weigh>(
        &self,
        cpu: L,
        (_, rows): (usize, &[Row; ROWS]),
        draws: &mut Draws<L>,
    ) -> (Words, bool) {
        cpu.reach(rows, quarters(draws.next()), self.one)
    }

    #[inline(always)]
    fn weigh<L: Weigh>(_: L, totals: &mut Words, codes: Words, weights: &Words) {
        for at in 0..COLUMNS {
            totals[at] += codes[at] * weights[at];
        }
    }

    #[inline(always)]
    fn sums(totals: Words) -> Sums {
        let mut sums = [0; COLUMNS];
        sums.iter_mut().zip(totals).for_each(|(sum, total)| *sum = total.into());
        sums
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
