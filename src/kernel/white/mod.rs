//! The white kernel: codes under white noise, from what is looked up by pattern.
//!
//! A pattern of up to eight driven rows fixes the sum of a conversion and the deviation of its noise. Of each, the
//! Gaussian method keeps both; the method of thresholds keeps, of the few codes that the noise can reach, the chances of
//! getting them, so that a conversion is a comparison of random bits with each. The bits are those of the
//! [reference kernel](super::reference), wherever vectors and planes are run.

mod build;
mod draws;
mod edges;
mod gaussian;
mod lanes;
mod planes;
mod run;
mod thresholds;

use std::ops::Range;

use self::draws::OddRows;
pub(crate) use self::draws::VectorDraws;
use self::edges::Edges;
pub(crate) use self::planes::{PlaneRun, PlaneRuns};
use super::block::{Grid, Words};
use super::noise::{SIDE_BY_SIDE, white_code};
use super::{Block, Clipped, NoiseMethod, PATTERN_ROWS, Quantizer};
use crate::fixed::ONE;
use crate::key::Portable;
use crate::simd::Level;

/// Columns of a row.
const COLUMNS: usize = SIDE_BY_SIDE;

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

    /// Where a row of a group's pattern lies.
    fn row(&self, group: usize, pattern: usize, row: usize) -> usize {
        (group * self.patterns + pattern) * self.each() + row
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
        // Beside rows, signs and once or twice as many weights.
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
            let further = || key.further(group, plane.plane() as u32, row * COLUMNS + at);
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
                let n = plane.pattern().count_ones() as usize;
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
