//! The white kernel: codes under white noise, from what is looked up by pattern.
//!
//! A pattern of up to eight driven rows fixes the sum of a conversion and the deviation of its noise. Of each, the
//! Gaussian method keeps both; the method of thresholds keeps, of the few codes that the noise can reach, the chances of
//! getting them, so that a conversion is a comparison of random bits with each. The bits are those of the
//! [reference kernel](super::reference), wherever vectors and planes are run.

mod build;
mod edges;
mod gaussian;
mod lanes;
mod run;
mod thresholds;

use std::ops::Range;

use self::edges::Edges;
use super::block::{Grid, Words};
use super::noise::{SIDE_BY_SIDE, white_code};
use super::{Block, Clipped, NoiseKey, NoiseMethod, PATTERN_ROWS, Quantizer};
use crate::fixed::ONE;
use crate::key::{Draws, Lanes, Portable, Streams};
use crate::simd::{Level, prefetch};

/// Columns of a row.
const COLUMNS: usize = SIDE_BY_SIDE;

/// A plane that a group runs for a vector.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlaneRun {
    plane: u8,
    pattern: u8,
    shift: u8,
    negative: bool,
}

impl PlaneRun {
    /// Plane `plane` of a stream, in which these of up to eight rows of the group are driven; its codes count ±2^shift.
    pub(crate) fn new(plane: u32, pattern: usize, place: i64) -> Self {
        let shift = place.unsigned_abs().trailing_zeros() as u8;
        PlaneRun { plane: plane as u8, pattern: pattern as u8, shift, negative: place < 0 }
    }

    fn pattern(self) -> usize {
        self.pattern.into()
    }

    fn plane(self) -> usize {
        self.plane.into()
    }
}

/// What some vectors run of one group.
#[derive(Debug, Clone, Default)]
pub(crate) struct PlaneRuns {
    /// In the order of vectors and of planes,
    planes: Vec<PlaneRun>,
    /// the first beyond those of each vector.
    ends: Vec<u32>,
}

impl PlaneRuns {
    /// Begins a group anew.
    pub(crate) fn clear(&mut self) {
        self.planes.clear();
        self.ends.clear();
    }

    /// Makes room for a vector of so many planes.
    pub(crate) fn reserve(&mut self, planes: usize) {
        self.planes.reserve(planes);
        self.ends.reserve(1);
    }

    /// What the next vector runs of the group, in the order of planes.
    pub(crate) fn push(&mut self, planes: impl Iterator<Item = PlaneRun>) {
        planes.for_each(|plane| self.planes.push(plane));
        self.ends.push(self.planes.len() as u32);
    }

    /// Every vector: its number, the place of its first plane, and its planes.
    #[inline(always)]
    fn each(&self) -> impl Iterator<Item = (usize, u32, &[PlaneRun])> {
        let mut first = 0;
        self.ends.iter().enumerate().map(
            #[inline(always)]
            move |(vector, &end)| {
                let planes = &self.planes[first as usize..end as usize];
                (vector, std::mem::replace(&mut first, end), planes)
            },
        )
    }

    /// The same, and meanwhile asks for rows that come next, a share with every vector; fewer planes than patterns look up
    /// too few of them.
    #[inline(always)]
    fn each_with<R>(&self, shape: &Shape, next: &[R]) -> impl Iterator<Item = (usize, u32, &[PlaneRun])> {
        let next = if self.planes.len() < shape.patterns { &[] } else { next };
        let mut next = next.chunks(next.len().div_ceil(self.ends.len().max(1)).max(1));
        self.each().inspect(
            #[inline(always)]
            move |_| prefetch(next.next().unwrap_or_default()),
        )
    }

    /// The number of a vector, from the place of one of its planes.
    fn vector(&self, place: usize) -> usize {
        self.ends.partition_point(|&end| end as usize <= place)
    }
}

/// Where the draws of some vectors are.
#[derive(Debug, Clone, Default)]
pub(crate) struct VectorDraws {
    keys: Vec<NoiseKey>,
    of_array: Vec<Streams>,
    of_group: Vec<Streams>,
    odd: OddRows,
}

impl VectorDraws {
    /// Begins an array, which vectors of these keys are run through.
    pub(crate) fn begin(&mut self, keys: impl Iterator<Item = NoiseKey>) {
        self.keys.clear();
        self.keys.extend(keys);
        self.of_array.clear();
        self.of_array.extend(self.keys.iter().map(NoiseKey::white));
    }

    /// Makes room for a vector of so many planes, each of so many rows.
    pub(crate) fn reserve(&mut self, planes: usize, rows: usize) {
        self.keys.reserve(1);
        self.of_array.reserve(1);
        self.of_group.reserve(1);
        self.odd.room(planes * rows);
    }

    /// Looks up where the draws of a group are.
    fn look_up(&mut self, group: usize) {
        self.of_group.clear();
        self.of_group.extend(self.of_array.iter().map(|streams| streams.within(group as u64)));
    }

    /// The draws of a vector for the columns of a tile, from its first plane on.
    #[inline(always)]
    fn draws<L: Lanes>(&self, cpu: L, vector: usize, tile: usize) -> Draws<L> {
        self.of_group[vector].within(tile as u64).draws(cpu)
    }
}

/// A row of conversions that were not all converted right, since that takes more than the loop can do: the place of the
/// plane, and the row of its pattern.
type Odd = (u32, u32);

/// Such rows, which loops write behind those found before: with a branch or a call instead, they would spill registers.
#[derive(Debug, Clone, Default)]
struct OddRows {
    rows: Vec<Odd>,
    found: usize,
}

impl OddRows {
    /// Room for so many further rows.
    #[inline(always)]
    fn room(&mut self, rows: usize) -> &mut [Odd] {
        if self.rows.len() < self.found + rows {
            self.rows.resize(2 * (self.found + rows), (0, 0));
        }
        &mut self.rows[self.found..]
    }
}

/// The words of a row that were not converted right, with the codes before clamping that they got instead.
type Redone = [Option<(u32, i32)>; COLUMNS];

/// What a row clips that is converted again.
#[derive(Debug, Clone, Copy, Default)]
struct Clips {
    right: Clipped,
    wrong: Clipped,
}

/// The tables of some groups of one block.
#[derive(Debug, Clone)]
pub(crate) struct White {
    shape: Shape,
    tables: Tables,
    /// `[group][tile][lane]`.
    signs: Vec<Signs>,
    /// Added beside the codes, by the number of driven rows, `[group][n][tile]`; empty for none.
    corrections: Vec<[i32; COLUMNS]>,
}

#[derive(Debug, Clone)]
enum Tables {
    Gaussian(gaussian::Tables),
    Thresholds(thresholds::Tables),
}

/// All ones where a lane is subtracted, else 0.
type Signs = [i16; COLUMNS];

/// How rows are laid out: `[group][pattern][tile][lane]`.
#[derive(Debug, Clone)]
struct Shape {
    patterns: usize,
    tiles: usize,
    columns: usize,
    /// The shift of each lane.
    shifts: Vec<u32>,
    low: i32,
    high: i32,
}

impl Shape {
    fn of(block: &Block) -> Option<Shape> {
        let Quantizer::Codes { low, high } = block.quantizer() else { return None };
        Some(Shape {
            patterns: 1 << block.group_rows(),
            tiles: block.columns().div_ceil(COLUMNS),
            columns: block.columns(),
            shifts: (0..block.lanes()).map(|lane| block.shift(lane)).collect(),
            low: i32::try_from(low).ok()?,
            high: i32::try_from(high).ok()?,
        })
    }

    fn lanes(&self) -> usize {
        self.shifts.len()
    }

    /// Rows of a pattern.
    fn each(&self) -> usize {
        self.tiles * self.lanes()
    }

    /// The columns of a tile.
    fn tile(&self, tile: usize) -> Range<usize> {
        tile * COLUMNS..self.columns.min((tile + 1) * COLUMNS)
    }

    /// The range of codes that lie in words of 16 bits.
    fn narrow(&self) -> (i16, i16) {
        let narrow = |code: i32| code.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        (narrow(self.low), narrow(self.high))
    }

    /// What a code before clamping clips.
    fn clips(&self, unclamped: i32) -> Clipped {
        Clipped { low: (unclamped < self.low).into(), high: (unclamped > self.high).into() }
    }

    /// The rows of a group's pattern.
    #[inline(always)]
    fn rows<'a, R>(&self, rows: &'a [R], group: usize, pattern: usize) -> &'a [R] {
        &rows[(group * self.patterns + pattern) * self.each()..][..self.each()]
    }
}

impl White {
    /// Most thresholds of a conversion.
    pub(crate) const MOST_THRESHOLDS: usize = thresholds::MOST;

    /// Thresholds of a conversion where noise has this deviation at most, and edges of codes lie by so much closer to each
    /// other than they ideally do, in LSB.
    pub(crate) fn thresholds_of(sigma_lsb: f64, spread_lsb: f64) -> usize {
        thresholds::each_of(sigma_lsb, spread_lsb)
    }

    /// Whether words hold what the lanes of a column add up to, of codes `low..=high`.
    pub(crate) fn sums_codes(codes: (i64, i64), shifts: impl Iterator<Item = u32>) -> bool {
        thresholds::sums_codes(codes, shifts)
    }

    /// Whether normal numbers of this deviation, in LSB, can be rounded to the grid fast.
    pub(crate) fn reaches(sigma_lsb: f64) -> bool {
        gaussian::reaches(sigma_lsb * ONE as f64)
    }

    /// Whether words hold what codes `low..=high` count, of even or uneven width.
    pub(crate) fn weighs(codes: (i64, i64), are_even: bool, shifts: impl Iterator<Item = u32>) -> bool {
        gaussian::weighs(codes, are_even, shifts)
    }

    /// Rows of a pattern, of so many lanes of so many conversions in all.
    pub(crate) fn rows_of(lanes: usize, columns: usize) -> usize {
        lanes * columns.div_ceil(COLUMNS)
    }

    /// Bytes of a row, of so many thresholds a conversion.
    pub(crate) fn row_bytes_of(method: NoiseMethod, thresholds: usize) -> usize {
        match method {
            NoiseMethod::Gaussian => size_of::<gaussian::Row>(),
            NoiseMethod::Thresholds => thresholds::row_bytes(thresholds),
        }
    }

    /// The method whose tables may stand for a block: one whose white noise is all that it has, of groups of at
    /// most eight rows and digits of one bit.
    pub(crate) fn method(block: &Block) -> Option<NoiseMethod> {
        // White noise below the grid counts as well: what is drawn for it moves nothing.
        let noise = block.noise().filter(|noise| !noise.is_common())?;
        let is_plain = noise.word_line_deviation == 0
            && block.slow().is_none()
            && block.max_digit() == 1
            && block.group_rows() <= PATTERN_ROWS
            && (block.unit() == 1 || !block.has_correction())
            && block.max_sum() + block.adcs().max_offset() < i32::MAX.into()
            && block.bound() / block.unit() <= i32::MAX.into();
        is_plain.then_some(noise.method)
    }

    /// Bytes that the tables of a block take.
    pub(crate) fn bytes_of(block: &Block) -> usize {
        let (Some(method), Some(shape)) = (White::method(block), Shape::of(block)) else { return 0 };
        let (row, counts) = match method {
            NoiseMethod::Gaussian => (White::row_bytes_of(method, 0), 3),
            // More have no table.
            NoiseMethod::Thresholds => {
                (White::row_bytes_of(method, thresholds::of_block(block).min(thresholds::MOST)), 2)
            }
        };
        let corrections = if block.has_correction() { shape.tiles * (block.group_rows() + 1) } else { 0 };
        let edges = if method == NoiseMethod::Gaussian { Edges::bytes_of(block, &shape) } else { 0 };
        edges
            + block.groups()
                * (shape.patterns * shape.each() * row
                    + counts * shape.each() * size_of::<Signs>()
                    + corrections * size_of::<[i32; COLUMNS]>())
    }

    /// The tables of a block, built at a level; `None` for one that they cannot stand for.
    pub(crate) fn new(level: Level, block: &Block) -> Option<White> {
        let method = White::method(block)?;
        let Words::Narrow(grid) = block.words() else { return None };
        let shape = Shape::of(block)?;
        let (mut signs, mut corrections) = (Vec::new(), Vec::new());
        for group in 0..block.groups() {
            for tile in 0..shape.tiles {
                signs.extend(
                    (0..shape.lanes()).map(|lane| signs_of(block, grid, group, lane, shape.tile(tile))),
                );
            }
            if block.has_correction() {
                for n in 0..=block.group_rows() {
                    for tile in 0..shape.tiles {
                        corrections.push(corrections_of(block, group, n, shape.tile(tile))?);
                    }
                }
            }
        }
        let tables = match method {
            NoiseMethod::Gaussian => {
                Tables::Gaussian(gaussian::Tables::new(level, block, grid, &shape, &signs)?)
            }
            NoiseMethod::Thresholds => {
                Tables::Thresholds(thresholds::Tables::new(level, block, grid, &shape, &signs)?)
            }
        };
        Some(White { shape, tables, signs, corrections })
    }

    /// Rows of a pattern.
    pub(crate) fn rows(&self) -> usize {
        self.shape.each()
    }

    /// Columns of the sums of a vector: those of the block, and padding.
    pub(crate) fn stride(&self) -> usize {
        self.shape.tiles * COLUMNS
    }

    /// Adds what a group of the block that these are the tables of makes of some vectors to the sums of each,
    /// [`stride`](Self::stride) apart. What clips, where that is to be counted.
    pub(crate) fn add(
        &self,
        block: &Block,
        (level, counts): (Level, bool),
        (group, runs): (usize, &PlaneRuns),
        draws: &mut VectorDraws,
        sums: &mut [i32],
    ) -> Clipped {
        draws.look_up(group);
        let sums = sums.as_chunks_mut().0;
        if !self.corrections.is_empty() {
            self.correct(group, runs, sums);
        }
        let mut odd = std::mem::take(&mut draws.odd);
        odd.found = 0;
        let run = (&self.shape, group, runs);
        let mut clipped = match &self.tables {
            Tables::Gaussian(tables) => tables.add(run, (level, counts), (draws, &mut odd), sums),
            Tables::Thresholds(tables) => tables.add(run, (level, counts), (draws, &mut odd), sums),
        };
        for &(place, row) in &odd.rows[..odd.found] {
            let redone = self.redo(block, (group, runs), draws, (place as usize, row as usize), sums);
            if counts {
                clipped += redone.right;
                clipped -= redone.wrong;
            }
        }
        draws.odd = odd;
        clipped
    }

    /// Converts a row right that was not; what clips now, and did.
    fn redo(
        &self,
        block: &Block,
        (group, runs): (usize, &PlaneRuns),
        draws: &VectorDraws,
        (place, row): (usize, usize),
        sums: &mut [[i32; COLUMNS]],
    ) -> Clips {
        let mut clips = Clips::default();
        let (shape, plane, vector) = (&self.shape, runs.planes[place], runs.vector(place));
        let (tile, lane) = (row / shape.lanes(), row % shape.lanes());
        let (key, rows) = (draws.keys[vector], plane.plane() * shape.lanes() + lane);
        let mut draws = draws.draws(Portable, vector, tile);
        let redone = match &self.tables {
            Tables::Gaussian(tables) => tables.row(shape, (group, plane.pattern()), row, (&mut draws, rows)),
            Tables::Thresholds(tables) => {
                tables.row(shape, (group, plane.pattern()), row, (&mut draws, rows))
            }
        };
        let mut moved = [0; COLUMNS];
        for (at, column) in shape.tile(tile).enumerate() {
            let Some((word, wrong)) = redone[at] else { continue };
            let further = || key.further(group, plane.plane.into(), row * COLUMNS + at);
            let right = white_code(block, (group, plane.pattern()), (lane, column), word, further) as i32;
            let codes = right.clamp(shape.low, shape.high) - wrong.clamp(shape.low, shape.high);
            let sign = i32::from(self.signs[group * shape.each() + row][at]);
            moved[at] = ((codes << shape.shifts[lane]) ^ sign) - sign;
            clips.right += shape.clips(right);
            clips.wrong += shape.clips(wrong);
        }
        add_plane(&mut sums[vector * shape.tiles + tile], &moved, plane);
        clips
    }

    /// Adds what comes beside the codes.
    fn correct(&self, group: usize, runs: &PlaneRuns, sums: &mut [[i32; COLUMNS]]) {
        let tiles = self.shape.tiles;
        let numbers = self.shape.patterns.trailing_zeros() as usize + 1;
        for (vector, _, planes) in runs.each() {
            let sums = &mut sums[vector * tiles..][..tiles];
            for &plane in planes {
                let n = plane.pattern.count_ones() as usize;
                let corrections = &self.corrections[(group * numbers + n) * tiles..][..tiles];
                sums.iter_mut().zip(corrections).for_each(|(sums, row)| add_plane(sums, row, plane));
            }
        }
    }
}

/// Adds the totals of a plane to the sums.
#[inline(always)]
fn add_plane(sums: &mut [i32; COLUMNS], totals: &[i32; COLUMNS], plane: PlaneRun) {
    let sign = -i32::from(plane.negative);
    for at in 0..COLUMNS {
        sums[at] = sums[at].wrapping_add(((totals[at] << plane.shift) ^ sign).wrapping_sub(sign));
    }
}

fn signs_of(block: &Block, grid: &Grid<i32>, group: usize, lane: usize, columns: Range<usize>) -> Signs {
    let first = group * block.stride() + lane * block.columns();
    let mut signs = [0; COLUMNS];
    let of_columns = &grid.signs[first + columns.start..first + columns.end];
    signs.iter_mut().zip(of_columns).for_each(|(to, &sign)| *to = sign as i16);
    signs
}

fn corrections_of(block: &Block, group: usize, n: usize, columns: Range<usize>) -> Option<[i32; COLUMNS]> {
    let mut corrections = [0; COLUMNS];
    for (to, column) in corrections.iter_mut().zip(columns) {
        *to = i32::try_from(block.correction(group, column, n)).ok()?;
    }
    Some(corrections)
}
