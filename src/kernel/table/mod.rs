//! The table kernel: what every pattern of eight driven rows adds to the result, looked up.
//!
//! Eight one-bit inputs have 256 patterns. For each, the analog path from word lines to signed, slice-combined
//! codes is run once, when a table is built; a product is then one table row added per eight rows and plane.

mod build;
mod lanes;
mod row;
mod run;

use std::ops::{AddAssign, Range};

use self::build::Builder;
use self::row::{COLUMNS, Octet, PATTERNS, Row};
use self::run::{Target, run};
use super::Block;
use super::patterns::{Octets, Patterns};
use crate::simd::Level;

pub(crate) use self::row::COLUMNS as TILE;
pub(crate) use self::run::Places;

/// Conversions beyond the ADC's range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Clips {
    pub(crate) low: u32,
    pub(crate) high: u32,
}

impl AddAssign for Clips {
    fn add_assign(&mut self, other: Clips) {
        self.low += other.low;
        self.high += other.high;
    }
}

/// The tables of one block.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    octets: Octets,
    columns: usize,
    /// `[tile of 32 columns][octet]`.
    rows: Vec<Octet>,
    /// What each pattern clips, all columns together, `[octet][pattern]`.
    clips: Vec<[Clips; PATTERNS]>,
    /// Octets whose words can be added in 16 bits.
    depth: usize,
}

impl Table {
    /// Bytes that the tables of a block take.
    pub(crate) fn bytes_of(block: &Block) -> usize {
        let octets = Octets::of(block).count();
        octets * (block.columns().div_ceil(COLUMNS) * size_of::<Octet>() + PATTERNS * size_of::<Clips>())
    }

    /// The tables of a block, `None` for a block that they cannot stand for: with noise, with digits of
    /// several bits, with more than eight rows in a group, or with totals beyond 16 bits.
    pub(crate) fn new(block: &Block) -> Option<Table> {
        let octets = Octets::of(block);
        if block.group_rows() > 8 {
            return None;
        }
        let mut builder = Builder::new(block)?;
        let tiles = tiles(block.columns());
        let mut rows = vec![[Row::ZERO; PATTERNS]; tiles.clone().count() * octets.count()];
        let mut clips = vec![[Clips::default(); PATTERNS]; octets.count()];
        let mut largest = 1;
        for (columns, rows) in tiles.zip(rows.chunks_exact_mut(octets.count())) {
            for (at, (rows, clips)) in rows.iter_mut().zip(&mut clips).enumerate() {
                largest = builder.octet(octets.groups(at), columns.clone(), rows, clips)?.max(largest);
            }
        }
        let depth = (i32::from(i16::MAX) / largest) as usize;
        Some(Table { octets, columns: block.columns(), rows, clips, depth })
    }

    /// Octets whose words can be added in 16 bits.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// What each pattern clips, `[octet][pattern]`.
    pub(crate) fn clips(&self) -> &[[Clips; PATTERNS]] {
        &self.clips
    }

    /// Columns of the block.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Adds the results of all vectors to the columns of one tile: 32 words, `stride` apart from vector to
    /// vector; `first` puts them there instead.
    pub(crate) fn add(
        &self,
        level: Level,
        tile: usize,
        patterns: &Patterns,
        places: &Places,
        (sums, stride): (&mut [i32], usize),
        first: bool,
    ) {
        let octets = &self.rows[tile * self.octets.count()..][..self.octets.count()];
        let mut first = first;
        for (octets_of_block, block) in patterns.blocks() {
            let target = Target { first, stride, sums: &mut *sums };
            let octets = &octets[octets_of_block];
            match patterns.planes() {
                8 => by_depth::<8>(level, octets, block, places, target),
                _ => by_depth::<16>(level, octets, block, places, target),
            }
            first = false;
        }
    }
}

/// The columns of each tile: [`TILE`] but for the last.
pub(crate) fn tiles(columns: usize) -> impl Iterator<Item = Range<usize>> + Clone + use<> {
    (0..columns).step_by(COLUMNS).map(move |first| first..columns.min(first + COLUMNS))
}

/// Runs the kernel for as many octets as a block of patterns has.
fn by_depth<const P: usize>(
    level: Level,
    octets: &[Octet],
    patterns: &[u8],
    places: &Places,
    target: Target<'_>,
) {
    match octets.len() {
        8 => of_depth::<8, P>(level, octets, patterns, places, target),
        4 => of_depth::<4, P>(level, octets, patterns, places, target),
        2 => of_depth::<2, P>(level, octets, patterns, places, target),
        _ => of_depth::<1, P>(level, octets, patterns, places, target),
    }
}

fn of_depth<const S: usize, const P: usize>(
    level: Level,
    octets: &[Octet],
    patterns: &[u8],
    places: &Places,
    target: Target<'_>,
) {
    if let Some(octets) = octets.first_chunk::<S>() {
        let planes = patterns.as_chunks::<P>().0;
        run(level, octets, planes.as_chunks::<S>().0, places, target);
    }
}
