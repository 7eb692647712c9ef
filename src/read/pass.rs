//! Vectors through the tables of a prepared die.

use std::ops::Range;

use super::lookup::{Lookup, Work};
use super::prepared::{Kernel, Prepared};
use super::tally::Tally;
use super::{Input, Output};
use crate::activity::{Activity, ActivityLevel};
use crate::error::Result;
use crate::kernel::{Clipped, PlaneRuns, TILE, VectorDraws};
use crate::stream::{InputFormat, Skip};

/// Vectors of one pass through the tables: enough to outweigh loading tables that no cache holds.
const PASS: usize = 1024;

/// Bytes of tables beyond which fetching them ahead pays: what the second cache of a core holds.
const NEAR: usize = 2 << 20;

/// Outputs of the widest result that sums are put into directly: of wider ones, every vector is on a page of its own.
const WIDEST: usize = 256;

/// Vectors that outweigh handing them to another thread.
#[cfg(feature = "rayon")]
const LEAST: usize = 16;

/// Working memory of one pass.
#[derive(Debug, Clone, Default)]
pub(super) struct PassBuffers {
    /// By row tile.
    pub(super) work: Vec<Work>,
    tally: Tally,
    /// Sums of one tile of columns, where they do not go straight into the result, or of one array with white noise.
    pub(super) sums: Vec<i32>,
    /// What vectors run of each group of a row tile, with white noise,
    pub(super) runs: Vec<PlaneRuns>,
    /// and what they draw.
    pub(super) draws: VectorDraws,
}

impl Prepared<'_> {
    /// Runs a batch through the tables, by passes in parallel with feature `rayon`, or by columns where there are few
    /// vectors.
    pub(super) fn read_tables<T: Input, O: Output>(
        &self,
        x: &[T],
        y: &mut [O],
        level: ActivityLevel,
    ) -> Result<Activity> {
        let vectors = self.die.check_batch(x)?;
        self.die.check_output::<O>(vectors, y.len())?;
        let columns = self.die.layout().column_tiles();
        if !self.plan.streams {
            #[cfg(feature = "rayon")]
            if columns > 1 && (1..LEAST * rayon::current_num_threads()).contains(&vectors) {
                return Ok(self.pass_by_columns(x, y, level));
            }
            return Ok(self.for_each_pass(x, y, |_, x, y, buffers, activity| {
                self.pass(x, y, level, buffers, activity);
            }));
        }
        let mut activity = self.for_each_pass(x, y, |_, x, _, buffers, activity| {
            if level >= ActivityLevel::Counts {
                self.count(x, level, buffers, activity);
            }
        });
        for (array, block) in self.die.blocks().iter().enumerate() {
            let Some(table) = Lookup::new(self.plan.level, self.plan.kernel, block) else {
                unreachable!("it had a table when it was prepared")
            };
            let (row_tile, column_tile) = (array / columns, array % columns);
            activity += self.for_each_pass(x, y, |_, x, y, buffers, activity| {
                self.cut(x, row_tile, ActivityLevel::Off, &mut buffers.work);
                let place = (self.die.layout().tile_outputs(column_tile).start, self.die.outputs());
                self.add_rows(|_| &table, row_tile..row_tile + 1, (y, place), level, buffers, activity);
            });
        }
        Ok(activity)
    }

    /// Runs passes over a batch, which do not depend on each other, in parallel with feature `rayon`; each is told its
    /// first vector.
    pub(super) fn for_each_pass<T: Input, O: Output>(
        &self,
        x: &[T],
        y: &mut [O],
        run: impl Fn(usize, &[T], &mut [O], &mut PassBuffers, &mut Activity) + Sync,
    ) -> Activity {
        let (inputs, outputs) = (self.die.inputs(), self.die.outputs());
        #[cfg(feature = "rayon")]
        {
            use rayon::prelude::*;
            let vectors = (x.len() / inputs).div_ceil(rayon::current_num_threads()).clamp(LEAST, PASS);
            let activities = x
                .par_chunks(vectors * inputs)
                .zip(y.par_chunks_mut(vectors * outputs))
                .enumerate()
                .map_init(PassBuffers::default, |buffers, (pass, (x, y))| {
                    let mut activity = Activity::default();
                    run(pass * vectors, x, y, buffers, &mut activity);
                    activity
                })
                .collect::<Vec<_>>();
            activities.into_iter().sum()
        }
        #[cfg(not(feature = "rayon"))]
        {
            let (mut buffers, mut activity) = (PassBuffers::default(), Activity::default());
            let passes = x.chunks(PASS * inputs).zip(y.chunks_mut(PASS * outputs));
            for (pass, (x, y)) in passes.enumerate() {
                run(pass * PASS, x, y, &mut buffers, &mut activity);
            }
            activity
        }
    }

    /// Runs some vectors through all tables.
    pub(super) fn pass<T: Input, O: Output>(
        &self,
        x: &[T],
        y: &mut [O],
        level: ActivityLevel,
        buffers: &mut PassBuffers,
        activity: &mut Activity,
    ) {
        self.count(x, level, buffers, activity);
        for column_tile in 0..self.die.layout().column_tiles() {
            let first = self.die.layout().tile_outputs(column_tile).start;
            self.add_column(column_tile, y, (first, self.die.outputs()), level, buffers, activity);
        }
    }

    /// The same, column tiles in parallel.
    #[cfg(feature = "rayon")]
    fn pass_by_columns<T: Input, O: Output>(&self, x: &[T], y: &mut [O], level: ActivityLevel) -> Activity {
        use rayon::prelude::*;
        let (layout, vectors) = (self.die.layout(), x.len() / self.die.inputs());
        let (mut buffers, mut activity) = (PassBuffers::default(), Activity::default());
        self.count(x, level, &mut buffers, &mut activity);
        let of_column = |column_tile: usize| {
            let outputs = layout.tile_outputs(column_tile).len();
            let (mut part, mut activity) = (vec![O::default(); vectors * outputs], Activity::default());
            let mut buffers = buffers.clone();
            self.add_column(column_tile, &mut part, (0, outputs), level, &mut buffers, &mut activity);
            (part, activity)
        };
        let parts: Vec<_> = (0..layout.column_tiles()).into_par_iter().map(of_column).collect();
        for (column_tile, (part, of_part)) in parts.into_iter().enumerate() {
            let outputs = layout.tile_outputs(column_tile);
            let parts = part.chunks_exact(outputs.len());
            for (y, part) in y.chunks_exact_mut(self.die.outputs()).zip(parts) {
                y[outputs.clone()].copy_from_slice(part);
            }
            activity += of_part;
        }
        activity
    }

    /// Adds what all arrays of one column tile make of some vectors.
    fn add_column<O: Output>(
        &self,
        column_tile: usize,
        y: &mut [O],
        place: (usize, usize),
        level: ActivityLevel,
        buffers: &mut PassBuffers,
        activity: &mut Activity,
    ) {
        let (rows, columns) = (self.row_tiles.len(), self.die.layout().column_tiles());
        let tables = |row_tile: usize| &self.tables[row_tile * columns + column_tile];
        for first in (0..rows).step_by(self.together) {
            let row_tiles = first..rows.min(first + self.together);
            self.add_rows(tables, row_tiles, (&mut *y, place), level, buffers, activity);
        }
    }

    /// Cuts some vectors into patterns, and counts what they do.
    pub(super) fn count<T: Input>(
        &self,
        x: &[T],
        level: ActivityLevel,
        PassBuffers { work, tally, .. }: &mut PassBuffers,
        activity: &mut Activity,
    ) {
        tally.begin(x.len() / self.die.inputs());
        for (at, tile) in self.row_tiles.iter().enumerate() {
            self.cut(x, at, level, work);
            if level >= ActivityLevel::Counts {
                tally.add((self.plan.level, level), tile, &work[at].patterns, self.rule(), activity);
            }
        }
        if level >= ActivityLevel::Counts {
            tally.end(activity);
        }
    }

    fn rule(&self) -> (InputFormat, Skip) {
        (self.die.design().input_format(), self.die.design().skip())
    }

    /// Cuts some vectors into the patterns of a row tile, or into what else its arrays or counting want.
    pub(super) fn cut<T: Input>(&self, x: &[T], row_tile: usize, level: ActivityLevel, work: &mut Vec<Work>) {
        let (tile, format) = (&self.row_tiles[row_tile], self.rule().0);
        let (inputs, rows) = (self.die.inputs(), tile.inputs.clone());
        work.resize_with(self.row_tiles.len(), Work::default);
        let work = &mut work[row_tile];
        let is_integer = self.plan.kernel == Kernel::Integer;
        if is_integer {
            let is_wide = !format.is_signed() && format.bits() == u16::BITS;
            work.inputs.take(self.plan.level, (x, inputs), rows.clone(), tile.rows(), is_wide);
        }
        if !is_integer || level >= ActivityLevel::Counts {
            work.patterns.cut(self.plan.level, (x, inputs), rows, tile.octets, format.planes());
        }
    }

    /// Adds what the arrays of some row tiles and one column tile make of some vectors, to results of so many outputs
    /// from the first on; the first row tile puts it there.
    fn add_rows<'t, T: Output>(
        &self,
        table: impl Fn(usize) -> &'t Lookup,
        row_tiles: Range<usize>,
        (y, (first_output, outputs)): (&mut [T], (usize, usize)),
        level: ActivityLevel,
        PassBuffers { work, sums, .. }: &mut PassBuffers,
        activity: &mut Activity,
    ) {
        let (level, mut clipped) = ((self.plan.level, level >= ActivityLevel::Counts), Clipped::default());
        row_tiles
            .clone()
            .for_each(|row_tile| table(row_tile).look(level.0, &self.streaming, &mut work[row_tile]));
        let is_first = row_tiles.start == 0;
        let is_direct = self.unit == 1 && outputs <= WIDEST;
        let mut tiles = table(row_tiles.start).tiles().enumerate().peekable();
        while let Some((index, columns)) = tiles.next() {
            // Where tables are too many to stay near, the one to come is fetched.
            let next_tile = tiles.peek().map(|(index, _)| (table(row_tiles.start), *index));
            let next_of = |row_tile: usize| {
                let below = (row_tile + 1 < row_tiles.end).then(|| (table(row_tile + 1), index));
                below.or(next_tile).filter(|_| self.plan.bytes > NEAR)
            };
            let columns = first_output + columns.start..first_output + columns.end;
            let mut add = |sums: &mut [i32], stride: usize, mut is_first: bool| {
                for row_tile in row_tiles.clone() {
                    let work = (&work[row_tile], &self.streaming);
                    let tiles = (index, next_of(row_tile));
                    clipped += table(row_tile).add(level, tiles, work, (&mut *sums, stride), is_first);
                    is_first = false;
                }
            };
            if let Some(words) = T::as_words(y).filter(|_| is_direct && columns.len() == TILE) {
                add(&mut words[columns.start..], outputs, is_first);
                continue;
            }
            sums.clear();
            sums.resize(y.len() / outputs * TILE, 0);
            add(sums, TILE, true);
            for (y, sums) in y.chunks_exact_mut(outputs).zip(sums.chunks_exact(TILE)) {
                for (y, &sum) in y[columns.clone()].iter_mut().zip(sums) {
                    let sum = i64::from(sum) * self.unit;
                    *y = if is_first { T::from_sum(sum) } else { y.plus(sum) };
                }
            }
        }
        let counted = activity.counts_mut();
        counted.clipped_low += clipped.low;
        counted.clipped_high += clipped.high;
    }
}
