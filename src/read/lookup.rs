//! The tables of an array, of whichever kernel.

use std::ops::Range;

use super::prepared::Kernel;
use crate::kernel::{
    Block, Clipped, InputPairs, Integers, Level, Patterns, Places, RunRule, Runs, Split, Streams, Table,
    White, tiles,
};
use crate::stream::{InputFormat, Skip};

/// How batches are streamed, as each kernel wants it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Streaming {
    places: Places,
    streams: Streams,
    rule: RunRule,
}

impl Streaming {
    pub(super) fn new(format: InputFormat, skip: Skip) -> Self {
        let (planes, signed) = (format.planes(), format.is_signed());
        let streams = Streams { planes, signed, repeats: skip == Skip::Off };
        let rule = match skip {
            Skip::Off => RunRule::All { planes, signed },
            Skip::LeadingZeros => RunRule::UpToHighest { signed },
            Skip::AllZeroPlanes => RunRule::Driven,
        };
        Streaming { places: Places::new(planes, signed), streams, rule }
    }
}

/// The tables of one array.
#[derive(Debug, Clone)]
pub(super) enum Lookup {
    Table(Table),
    Split(Split),
    Integers(Integers),
}

/// What a batch drives.
#[derive(Debug, Clone, Default)]
pub(super) struct Work {
    pub(super) patterns: Patterns,
    pub(super) inputs: InputPairs,
    runs: Runs,
    /// Planes that groups run, where tables want to know.
    group_runs: Patterns,
}

/// Rows of the largest group whose results are tabled.
const TABLE_ROWS: usize = 8;

/// The kernel whose tables may stand for all blocks of a die.
pub(super) fn kernel(blocks: &[Block]) -> Kernel {
    if blocks.iter().all(|block| White::method(block).is_some()) {
        Kernel::White
    } else if blocks.iter().all(Integers::stand_for) {
        Kernel::Integer
    } else if blocks.iter().all(|block| block.group_rows() <= TABLE_ROWS) {
        Kernel::Table
    } else {
        Kernel::Split
    }
}

impl Lookup {
    /// Bytes that the tables of a block take, what keeps them included.
    pub(super) fn bytes_of(kernel: Kernel, block: &Block) -> usize {
        let of_tables = match kernel {
            Kernel::Integer => Integers::bytes_of(block),
            Kernel::Table => Table::bytes_of(block),
            Kernel::Split => Split::bytes_of(block),
            Kernel::White => return White::bytes_of(block),
            Kernel::Direct => return 0,
        };
        of_tables + size_of::<Lookup>()
    }

    /// The tables of a block, `None` where they cannot stand for it.
    pub(super) fn new(level: Level, kernel: Kernel, block: &Block) -> Option<Lookup> {
        match kernel {
            Kernel::Integer => Integers::new(block).map(Lookup::Integers),
            Kernel::Table => Table::new(level, block).map(Lookup::Table),
            Kernel::Split => Split::new(level, block).map(Lookup::Split),
            Kernel::White | Kernel::Direct => None,
        }
    }

    /// What no result of the block that these are the tables of exceeds, in codes.
    pub(super) fn bound(&self, block: &Block) -> i64 {
        match self {
            Lookup::Table(table) => table.bound(block.max_places()),
            Lookup::Split(_) => block.bound() / block.unit(),
            Lookup::Integers(integers) => integers.bound(block.max_places()),
        }
    }

    /// The columns of each tile.
    pub(super) fn tiles(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        tiles(match self {
            Lookup::Table(table) => table.columns(),
            Lookup::Split(split) => split.columns(),
            Lookup::Integers(integers) => integers.columns(),
        })
    }

    /// Looks at the patterns of a batch before its tiles are added.
    pub(super) fn look(&self, level: Level, streaming: &Streaming, work: &mut Work) {
        match self {
            Lookup::Split(split) => split.look(level, &work.patterns, streaming.streams, &mut work.runs),
            Lookup::Table(table) if table.has_rests() => {
                work.group_runs.runs_of(level, &work.patterns, table.octets_of_rows(), streaming.rule);
            }
            Lookup::Table(_) | Lookup::Integers(_) => {}
        }
    }

    /// Adds the results of all vectors to the columns of one tile: 32 words, `stride` apart from vector to
    /// vector; `first` puts them there instead. What clips, where the kernel is what counts that. The `next` table
    /// and tile, if any, are brought near.
    pub(super) fn add(
        &self,
        (level, counts): (Level, bool),
        (tile, next): (usize, Option<(&Lookup, usize)>),
        (work, streaming): (&Work, &Streaming),
        sums: (&mut [i32], usize),
        first: bool,
    ) -> Clipped {
        match self {
            Lookup::Table(table) => {
                let next = next.and_then(|(next, tile)| match next {
                    Lookup::Table(next) => Some((next, tile)),
                    _ => None,
                });
                let patterns = (&work.patterns, &work.group_runs);
                table.add((level, next), tile, patterns, streaming.places, sums, first);
                Clipped::default()
            }
            Lookup::Integers(integers) => {
                integers.add(level, tile, &work.inputs, sums, first);
                Clipped::default()
            }
            Lookup::Split(split) => split.add((level, counts), tile, &work.patterns, &work.runs, sums, first),
        }
    }
}
