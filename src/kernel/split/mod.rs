//! The split kernel: groups of more than eight rows, cut into parts whose analog sums are looked up.
//!
//! A group of 16 rows has too many patterns for a table of its results, but sums on the grid are exact, so that they
//! may be put together from parts: of each part of at most six rows the sums of all 64 patterns are kept. A
//! step then adds one word of 32 bits per part and conversion; half a code is in the first part's sums, so that the upper
//! halves of the totals are the codes before clamping.

mod build;
mod lanes;
mod run;

pub(crate) use self::run::{Clipped, Runs, Streams};
use self::run::{Target, Words, run};
use super::Block;
use super::patterns::{Octets, PART_ROWS, Patterns};
use super::table::TILE;
use crate::simd::Level;

/// Columns of a unit: one 512-bit register of 32-bit sums.
const COLUMNS: usize = 16;

/// Patterns of the rows of a part.
const PATTERNS: usize = 1 << PART_ROWS;

/// Sums of a pair of lanes of 16 columns, of one pattern.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Entry([[i32; COLUMNS]; 2]);

/// Sums of every pattern of some rows.
type Part = [Entry; PATTERNS];

/// How the codes of one group count in a unit.
#[derive(Debug, Clone)]
struct Weights {
    /// `±2^shift` of the even lane in the lower half of a word, of the odd lane in the upper.
    lanes: [u32; COLUMNS],
    clips: Clips,
}

/// What a conversion can do that must be looked for to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Clips {
    Never,
    High,
    Both,
}

/// The tables of one block. A unit is a pair of lanes of 16 columns.
#[derive(Debug, Clone)]
pub(crate) struct Split {
    groups: usize,
    /// Parts of a group.
    parts: usize,
    /// Pairs of lanes.
    pairs: usize,
    columns: usize,
    /// `[unit][group][part]`, units by columns, then by pairs.
    tables: Vec<Part>,
    /// `[unit][group]`.
    weights: Vec<Weights>,
    codes: [i16; 2],
    /// Planes whose codes can be added in 16 bits, at most 8.
    depth: u32,
    /// Added beside the codes: by column, per driven row and per unit of `baseline`, `[group][tile]`; empty for none.
    corrections: Vec<[[i32; TILE]; 2]>,
    /// By the number of driven rows.
    baseline: Vec<i64>,
}

impl Split {
    /// Bytes that the tables of a block take.
    pub(crate) fn bytes_of(block: &Block) -> usize {
        let units = block.columns().div_ceil(COLUMNS) * block.lanes().div_ceil(2);
        let of_group = Octets::of(block).parts() * size_of::<Part>() + size_of::<Weights>();
        let corrections = block.columns().div_ceil(TILE) * size_of::<[[i32; TILE]; 2]>();
        block.groups() * (units * of_group + corrections) + (block.group_rows() + 1) * size_of::<i64>()
    }

    /// Columns of the block.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Adds the results of all vectors to the columns of one tile: 32 words, `stride` apart from vector to
    /// vector; `first` puts them there instead. What clips, where that is to be counted.
    pub(crate) fn add(
        &self,
        (level, counts): (Level, bool),
        tile: usize,
        patterns: &Patterns,
        runs: &Runs,
        (sums, stride): (&mut [i32], usize),
        first: bool,
    ) -> Clipped {
        let mut clipped = Clipped::default();
        let halves = self.columns.div_ceil(COLUMNS) - tile * (TILE / COLUMNS);
        for half in 0..halves.min(TILE / COLUMNS) {
            for pair in 0..self.pairs {
                let unit = (tile * (TILE / COLUMNS) + half) * self.pairs + pair;
                for group in 0..self.groups {
                    let at = unit * self.groups + group;
                    let target = Target {
                        first: first && pair == 0 && group == 0,
                        stride,
                        sums: &mut sums[half * COLUMNS..],
                    };
                    clipped += run(
                        level,
                        &self.tables[at * self.parts..][..self.parts],
                        &self.weights[at],
                        (self.codes, self.depth, counts),
                        (Words::of_group(patterns, group), runs.of_group(group)),
                        target,
                    );
                }
            }
        }
        if !self.corrections.is_empty() {
            let tiles = self.columns.div_ceil(TILE);
            for group in 0..self.groups {
                runs.correct(level, group, &self.corrections[group * tiles + tile], sums, stride);
            }
        }
        clipped
    }

    /// Which planes of a batch are run, and what corrections count by.
    pub(crate) fn look(&self, level: Level, patterns: &Patterns, streams: Streams, runs: &mut Runs) {
        let corrected = !self.corrections.is_empty();
        runs.look(level, patterns, streams, corrected.then_some(&self.baseline[..]));
    }
}
