//! The table kernel: what every pattern of eight driven rows adds to the result, looked up.
//!
//! Eight one-bit inputs have 256 patterns. For each, the analog path from word lines to signed, slice-combined
//! codes is run once, when a table is built; a product is then one table row added per eight rows and plane.

mod build;
mod lanes;
mod rest;
mod row;
mod run;

use std::mem::take;
use std::ops::Range;

use self::build::Builder;
use self::rest::Rests;
use self::row::{COLUMNS, Octet, PATTERNS, Row};
use self::run::{Begin, Driven, Target, run};
use super::Block;
use super::patterns::{Octets, Patterns};
use crate::simd::{Level, prefetch};

pub(crate) use self::row::COLUMNS as TILE;
pub(crate) use self::run::Places;

/// Conversions beyond the ADC's range, below it and above, by pattern.
pub(crate) type Clips = [[u32; PATTERNS]; 2];

/// The tables of one block.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    octets: Octets,
    columns: usize,
    /// `[tile of 32 columns][octet][pattern]`.
    rows: Vec<Row>,
    /// What each octet clips, all columns together.
    clips: Vec<Clips>,
    /// What groups add at rest.
    rests: Rests,
    /// Conversions that groups clip at rest, below and above, `[group]`, all columns together.
    rest_clips: [Vec<u32>; 2],
    /// What was taken from the words of each column, all octets together, so that they lie around 0.
    bases: Vec<[i32; COLUMNS]>,
    /// The largest magnitude of a word.
    largest: i32,
    /// What all octets add in one plane at most.
    magnitude: i64,
}

impl Table {
    /// Bytes that the tables of a block take.
    pub(crate) fn bytes_of(block: &Block) -> usize {
        let octets = Octets::of(block).count();
        let tiles = block.columns().div_ceil(COLUMNS);
        let of_octets = octets * (tiles * size_of::<Octet>() + size_of::<Clips>());
        let of_groups = block.groups() * size_of::<[u32; 2]>();
        of_octets + of_groups + Rests::bytes_of(block, tiles) + tiles * size_of::<[i32; COLUMNS]>()
    }

    /// The tables of a block, `None` for a block that they cannot stand for: with noise, with digits of
    /// several bits, with more than eight rows in a group, or with totals beyond 16 bits.
    pub(crate) fn new(level: Level, block: &Block) -> Option<Table> {
        let octets = Octets::of(block);
        if block.group_rows() > 8 {
            return None;
        }
        let mut builder = Builder::new(level, block)?;
        let tiles = tiles(block.columns());
        let mut rows = Vec::with_capacity(tiles.clone().count() * octets.count() * PATTERNS);
        let mut clips = vec![[[0; PATTERNS]; 2]; octets.count()];
        let mut bases = vec![[0; COLUMNS]; tiles.clone().count()];
        let (mut largest, mut magnitude) = (1, 0);
        let (mut rests, mut rest_clips) = (Vec::new(), [(); 2].map(|()| vec![0; block.groups()]));
        for (columns, base) in tiles.zip(&mut bases) {
            let mut sum = 0;
            for (at, clips) in clips.iter_mut().enumerate() {
                let (groups, columns) = (octets.groups(at), columns.clone());
                let [of_words, of_totals] = builder.octet(groups, columns, (&mut rows, clips), base)?;
                largest = of_words.max(largest);
                sum += i64::from(of_totals);
            }
            magnitude = sum.max(magnitude);
            rests.push(take(&mut builder.rests));
            for (sums, clips) in rest_clips.iter_mut().zip(&mut builder.rest_clips) {
                sums.iter_mut().zip(take(clips)).for_each(|(sum, clips)| *sum += clips);
            }
        }
        let rests = Rests::new(block.groups(), &rests)?;
        magnitude += rests.magnitude();
        let columns = block.columns();
        Some(Table { octets, columns, rows, clips, rests, rest_clips, bases, largest, magnitude })
    }

    /// What each octet clips.
    pub(crate) fn clips(&self) -> &[Clips] {
        &self.clips
    }

    /// Conversions that groups clip in a plane in which none of their rows is driven, below and above, `[group]`.
    pub(crate) fn rest_clips(&self) -> &[Vec<u32>; 2] {
        &self.rest_clips
    }

    /// Whether groups add something in planes in which none of their rows is driven, so that [`Self::add`] wants
    /// to know which planes are run.
    pub(crate) fn has_rests(&self) -> bool {
        !self.rests.are_zero()
    }

    /// How rows are gathered in patterns.
    pub(crate) fn octets_of_rows(&self) -> Octets {
        self.octets
    }

    /// What no result exceeds, in codes, whose planes count `places` together.
    pub(crate) fn bound(&self, places: i64) -> i64 {
        self.magnitude.saturating_mul(places)
    }

    /// Columns of the block.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// The octets of one tile.
    fn octets(&self, tile: usize) -> &[Octet] {
        let octets = self.rows.as_chunks().0;
        &octets[tile * self.octets.count()..][..self.octets.count()]
    }

    /// Adds the results of all vectors to the columns of one tile: 32 words, `stride` apart from vector to
    /// vector; `first` puts them there instead. `runs` are the planes that groups run, where the table has
    /// [rests](Self::has_rests). Meanwhile tables to come are brought near, if there is a `next` table and tile.
    pub(crate) fn add(
        &self,
        (level, next): (Level, Option<(&Table, usize)>),
        tile: usize,
        (patterns, runs): (&Patterns, &Patterns),
        places: Places,
        (sums, stride): (&mut [i32], usize),
        first: bool,
    ) {
        let octets = self.octets(tile);
        let base = places.times(&self.bases[tile]);
        let mut begin = if first { Begin::At(&base) } else { Begin::Plus(&base) };
        if self.has_rests() {
            let (octets, target) = (self.rests.octets(tile), (begin, &mut *sums, stride));
            add_octets((level, None), (octets, self.rests.largest), runs, places, target);
            begin = Begin::There;
        }
        // Few vectors look up few of the rows.
        let next = next.filter(|_| patterns.vectors() >= PATTERNS / 4);
        let next = next.map(|(table, tile)| table.octets(tile));
        add_octets((level, next), (octets, self.largest), patterns, places, (begin, sums, stride));
    }
}

/// Adds what some octets, of words of at most this magnitude, say of every vector; those to come are brought near, and
/// then the `next` ones, if any.
fn add_octets(
    (level, next): (Level, Option<&[Octet]>),
    (octets, largest): (&[Octet], i32),
    patterns: &Patterns,
    places: Places,
    (mut begin, sums, stride): (Begin<'_>, &mut [i32], usize),
) {
    let mut octet = 0;
    while octet < octets.len() {
        let shape = Shape::of(largest, octets.len() - octet);
        let (octets, after) = octets[octet..].split_at(shape.octets);
        let next = next.map_or(&[][..], |next| if after.is_empty() { next } else { after });
        let next = next[..next.len().min(DEPTH)].as_flattened();
        let target = (next, Target { begin, stride, sums: &mut *sums });
        match patterns.words_of_octet() {
            1 => by_shape::<1>(level, shape, octets, (patterns, octet), places, target),
            _ => by_shape::<2>(level, shape, octets, (patterns, octet), places, target),
        }
        begin = Begin::There;
        octet += shape.octets;
    }
}

/// The columns of each tile: [`TILE`] but for the last.
pub(crate) fn tiles(columns: usize) -> impl Iterator<Item = Range<usize>> + Clone + use<> {
    (0..columns).step_by(COLUMNS).map(move |first| first..columns.min(first + COLUMNS))
}

/// Most octets whose words are added before the sums are stored: more of them store less often, but their tables
/// no longer fit the caches next to the registers.
const DEPTH: usize = 4;

/// How many words are added in 16 bits: of how many octets, and of how many planes, each twice the one below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    octets: usize,
    planes: u32,
}

impl Shape {
    /// The shape for words of at most this magnitude and so many octets.
    fn of(largest: i32, octets: usize) -> Shape {
        let shapes = [(DEPTH, 2), (2, 2), (1, 2)].map(|(octets, planes)| Shape { octets, planes });
        let fits = |shape: &Shape| {
            let words = ((1 << shape.planes) - 1) * shape.octets as i32;
            shape.octets <= octets && words * largest <= i16::MAX.into()
        };
        shapes.into_iter().find(fits).unwrap_or(Shape { octets: 1, planes: 1 })
    }
}

/// Runs the kernel of a shape, for the octets from one on.
fn by_shape<const P: usize>(
    level: Level,
    shape: Shape,
    octets: &[Octet],
    driven: (&Patterns, usize),
    places: Places,
    target: (&[Row], Target<'_>),
) {
    match (shape.octets, shape.planes) {
        (DEPTH, 2) => of_shape::<DEPTH, P, 2>(level, octets, driven, places, target),
        (2, 2) => of_shape::<2, P, 2>(level, octets, driven, places, target),
        (_, 2) => of_shape::<1, P, 2>(level, octets, driven, places, target),
        _ => of_shape::<1, P, 1>(level, octets, driven, places, target),
    }
}

/// Vectors between two looks at what is to be brought near.
const APART: usize = 32;

fn of_shape<const S: usize, const P: usize, const Q: usize>(
    level: Level,
    octets: &[Octet],
    (patterns, octet): (&Patterns, usize),
    places: Places,
    (next, Target { begin, stride, sums }): (&[Row], Target<'_>),
) {
    let Some(octets) = octets.first_chunk::<S>() else { return };
    let vectors = patterns.vectors();
    let words = patterns.bundles_from(octet, S);
    if next.is_empty() {
        let driven = Driven { words, vectors, from: 0, to: vectors };
        return run::<S, P, Q>(level, octets, driven, places, Target { begin, stride, sums });
    }
    let mut next = next.chunks(next.len().div_ceil(vectors.div_ceil(APART).max(1)).max(1));
    for (at, sums) in sums.chunks_mut(APART * stride).enumerate() {
        prefetch(next.next().unwrap_or_default());
        let (from, to) = (vectors.min(at * APART), vectors.min((at + 1) * APART));
        let driven = Driven { words, vectors, from, to };
        run::<S, P, Q>(level, octets, driven, places, Target { begin, stride, sums });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{BlockAdcs, BlockParts, Contributions, Quantizer, Summands};

    #[test]
    fn words_too_large_to_be_doubled_are_weighed_one_by_one() {
        // Two rows of one cell each, +16000 and −16000 LSB.
        let block = Block::new(BlockParts {
            group_rows: 2,
            groups: 1,
            lanes: 1,
            columns: 1,
            max_digit: 1,
            max_places: 65535,
            contributions: Contributions::from(vec![16000 << 16, -16000 << 16]),
            summands: Summands::Rows,
            quantizer: Quantizer::Codes { low: -32768, high: 32767 },
            adcs: BlockAdcs::default(),
            unit: 1,
            shift: vec![0],
            negative: vec![false],
            digit_sum: vec![0],
            baseline: Vec::new(),
            noise: None,
            slow: None,
            energy: vec![0; 2],
        })
        .unwrap();
        let table = Table::new(Level::best(), &block).unwrap();
        assert_eq!(Shape::of(table.largest, 4), Shape { octets: 1, planes: 1 });
        for (signed, x) in [(false, [65535, 1, 40000, 20000]), (true, [-32768, 32767, -5, 7])] {
            let mut patterns = Patterns::default();
            patterns.cut(Level::best(), (&x, 2), 0..2, table.octets, 16);
            for level in Level::available() {
                let mut sums = [7; 2 * COLUMNS];
                let places = Places::new(16, signed);
                table.add(
                    (level, None),
                    0,
                    (&patterns, &Patterns::default()),
                    places,
                    (&mut sums, COLUMNS),
                    true,
                );
                let results = [sums[0], sums[COLUMNS]];
                assert_eq!(results, [16000 * (x[0] - x[1]), 16000 * (x[2] - x[3])], "{level:?} {signed}");
            }
        }
    }
}
