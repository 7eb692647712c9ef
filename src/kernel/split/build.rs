//! Tables from blocks.

use super::{COLUMNS, Clips, Entry, PATTERNS, Part, Split, Weights};
use crate::fixed::{FRACTION_BITS, HALF};
use crate::kernel::block::{Block, Grid, Words};
use crate::kernel::patterns::Octets;
use crate::kernel::table::TILE;
use crate::kernel::{Quantizer, Summands};
use crate::simd::Level;

/// The words of a pair of lanes of 16 columns, 0 where the block has none.
type Pair<W> = [[W; COLUMNS]; 2];

impl Split {
    /// The tables of a block, `None` for a block that they cannot stand for: with noise, with ADCs that are not ideal, with digits of several bits,
    /// with corrections of results in other units than codes, with at most eight rows in a group, or with lanes beyond 16 bits.
    pub(crate) fn new(level: Level, block: &Block) -> Option<Split> {
        let Words::Narrow(grid) = block.words() else { return None };
        let Quantizer::Codes { low, high } = block.quantizer() else { return None };
        let octets = Octets::of(block);
        let is_plain = (block.unit() == 1 || !block.has_correction())
            && block.max_digit() == 1
            && !block.is_noisy()
            && block.has_ideal_adcs()
            && block.summands() != Summands::Patterns
            && block.baseline().first().is_none_or(|&none_driven| none_driven == 0)
            && (0..block.lanes()).all(|lane| block.shift(lane) < 15);
        if !is_plain || octets.parts() == 1 {
            return None;
        }
        // Codes before clamping are the upper halves of 32-bit sums: no bound beyond 16 bits is ever met.
        let codes = [low, high].map(|code| code.clamp(-i64::from(i16::MAX), i16::MAX.into()) as i16);
        let largest = i32::from(codes[1]).max(-i32::from(codes[0]));
        let fits = |planes: &u32| ((1 << planes) - 1) * largest <= i16::MAX.into();
        let units = block.columns().div_ceil(COLUMNS) * block.lanes().div_ceil(2);
        let mut split = Split {
            groups: block.groups(),
            parts: octets.parts(),
            pairs: block.lanes().div_ceil(2),
            columns: block.columns(),
            tables: vec![[Entry([[0; COLUMNS]; 2]); PATTERNS]; units * octets.count()],
            weights: Vec::with_capacity(units * block.groups()),
            codes,
            depth: (1..=8).rev().find(fits).unwrap_or(1),
            corrections: corrections(block),
            baseline: block.baseline().to_vec(),
        };
        let mut parts = split.tables.iter_mut();
        for unit in 0..units {
            let unit = Unit { block, first_column: unit / split.pairs * COLUMNS, pair: unit % split.pairs };
            for group in 0..block.groups() {
                let mut extremes = [[[HALF as i32; COLUMNS]; 2]; 2];
                let octets = group * octets.parts()..(group + 1) * octets.parts();
                for (part, table) in octets.zip(&mut parts) {
                    let base = if part % split.parts == 0 { HALF as i32 } else { 0 };
                    let rows = Octets::of(block).rows(part);
                    let rows = rows.map(|row| unit.gather(&grid.contributions, row));
                    fill(level, table, base, rows, &mut extremes);
                }
                split.weights.push(unit.weights(grid, group, &extremes, codes));
            }
        }
        Some(split)
    }
}

/// A pair of lanes of 16 columns.
struct Unit<'a> {
    block: &'a Block,
    first_column: usize,
    pair: usize,
}

impl Unit<'_> {
    /// What a row of the grid has for this unit.
    fn gather(&self, words: &[i32], row: usize) -> Pair<i32> {
        let columns = self.block.columns();
        let columns_here = COLUMNS.min(columns - self.first_column);
        let mut pair = [[0; COLUMNS]; 2];
        for (at, words_here) in pair.iter_mut().enumerate() {
            let lane = 2 * self.pair + at;
            if lane < self.block.lanes() {
                let first = row * self.block.stride() + lane * columns + self.first_column;
                words_here[..columns_here].copy_from_slice(&words[first..first + columns_here]);
            }
        }
        pair
    }

    fn weights(
        &self,
        grid: &Grid<i32>,
        group: usize,
        [lowest, highest]: &[Pair<i32>; 2],
        [low, high]: [i16; 2],
    ) -> Weights {
        let signs = self.gather(&grid.signs, group);
        let weight = |at: usize, column: usize| {
            let lane = 2 * self.pair + at;
            let weight = if lane < self.block.lanes() { 1i16 << self.block.shift(lane) } else { 0 };
            u32::from(if signs[at][column] != 0 { -weight } else { weight } as u16)
        };
        let beyond = |sums: &Pair<i32>, is_beyond: &dyn Fn(i32) -> bool| {
            sums.as_flattened().iter().any(|sum| is_beyond(sum >> FRACTION_BITS))
        };
        let clips = if beyond(lowest, &|code| code < low.into()) {
            Clips::Both
        } else if beyond(highest, &|code| code > high.into()) {
            Clips::High
        } else {
            Clips::Never
        };
        Weights { lanes: std::array::from_fn(|column| weight(0, column) | weight(1, column) << 16), clips }
    }
}

/// Fills a table by doubling, and adds to the lowest and highest sums what its rows can.
fn fill(
    level: Level,
    table: &mut Part,
    base: i32,
    rows: impl Iterator<Item = Pair<i32>>,
    [lowest, highest]: &mut [Pair<i32>; 2],
) {
    table[0] = Entry([[base; COLUMNS]; 2]);
    for (bit, row) in rows.enumerate() {
        let (done, open) = table.split_at_mut(1 << bit);
        level.run(
            #[inline(always)]
            || {
                for (to, from) in open.iter_mut().zip(done) {
                    let (to, from) = (to.0.as_flattened_mut().iter_mut(), from.0.as_flattened());
                    to.zip(from).zip(row.as_flattened()).for_each(|((to, from), q)| *to = from + q);
                }
                let extremes = lowest.as_flattened_mut().iter_mut().zip(highest.as_flattened_mut());
                for ((low, high), &q) in extremes.zip(row.as_flattened()) {
                    *low += q.min(0);
                    *high += q.max(0);
                }
            },
        );
    }
}

/// What is added beside codes, `[group][tile]`.
fn corrections(block: &Block) -> Vec<[[i32; TILE]; 2]> {
    if !block.has_correction() {
        return Vec::new();
    }
    let tiles = (0..block.columns()).step_by(TILE);
    let of_tile = |group: usize, first: usize| {
        let mut factors = [[0; TILE]; 2];
        for column in first..block.columns().min(first + TILE) {
            // Results fit 32 bits: what is above wraps, in every summand alike.
            let (of_digits, of_baseline) = block.correction_factors(group, column);
            factors[0][column - first] = of_digits as i32;
            factors[1][column - first] = of_baseline as i32;
        }
        factors
    };
    let mut corrections = Vec::with_capacity(block.groups() * tiles.len());
    for group in 0..block.groups() {
        corrections.extend(tiles.clone().map(|first| of_tile(group, first)));
    }
    corrections
}
