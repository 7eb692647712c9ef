//! The tables of an array, of whichever kernel.

use std::ops::Range;

use super::prepared::Kernel;
use crate::kernel::{Block, Clipped, Level, Patterns, Places, Runs, Split, Streams, Table, tiles};
use crate::stream::{InputFormat, Skip};

/// How batches are streamed, as each kernel wants it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Streaming {
    places: Places,
    streams: Streams,
    /// Whether tables are too many to stay near.
    pub(super) prefetch: bool,
}

impl Streaming {
    pub(super) fn new(format: InputFormat, skip: Skip) -> Self {
        let (planes, signed) = (format.planes(), format.is_signed());
        let streams = Streams { planes, signed, repeats: skip == Skip::Off };
        Streaming { places: Places::new(planes, signed), streams, prefetch: false }
    }
}

/// The tables of one array.
#[derive(Debug, Clone)]
pub(super) enum Lookup {
    Table(Table),
    Split(Split),
}

/// What a batch drives.
#[derive(Debug, Clone, Default)]
pub(super) struct Work {
    pub(super) patterns: Patterns,
    runs: Runs,
}

/// Rows of the largest group whose results are tabled.
const TABLE_ROWS: usize = 8;

impl Lookup {
    /// Bytes that the tables of a block take.
    pub(super) fn bytes_of(block: &Block) -> usize {
        if block.group_rows() <= TABLE_ROWS { Table::bytes_of(block) } else { Split::bytes_of(block) }
    }

    /// The tables of a block, `None` where they cannot stand for it.
    pub(super) fn new(block: &Block) -> Option<Lookup> {
        if block.group_rows() <= TABLE_ROWS {
            Table::new(block).map(Lookup::Table)
        } else {
            Split::new(block).map(Lookup::Split)
        }
    }

    pub(super) fn kernel(&self) -> Kernel {
        match self {
            Lookup::Table(_) => Kernel::Table,
            Lookup::Split(_) => Kernel::Split,
        }
    }

    /// The columns of each tile.
    pub(super) fn tiles(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        tiles(match self {
            Lookup::Table(table) => table.columns(),
            Lookup::Split(split) => split.columns(),
        })
    }

    /// Looks at the patterns of a batch before its tiles are added.
    pub(super) fn look(&self, streaming: &Streaming, work: &mut Work) {
        if let Lookup::Split(split) = self {
            split.look(&work.patterns, streaming.streams, &mut work.runs);
        }
    }

    /// Adds the results of all vectors to the columns of one tile: 32 words, `stride` apart from vector to
    /// vector; `first` puts them there instead. What clips, where the kernel is what counts that.
    pub(super) fn add(
        &self,
        (level, counts): (Level, bool),
        tile: usize,
        (work, streaming): (&Work, &Streaming),
        sums: (&mut [i32], usize),
        first: bool,
    ) -> Clipped {
        match self {
            Lookup::Table(table) => {
                let level = (level, streaming.prefetch);
                table.add(level, tile, &work.patterns, streaming.places, sums, first);
                Clipped::default()
            }
            Lookup::Split(split) => split.add((level, counts), tile, &work.patterns, &work.runs, sums, first),
        }
    }
}
