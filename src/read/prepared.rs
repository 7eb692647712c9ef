//! A die prepared for reading fast: tables built once, batches run through them.

use std::ops::Range;

use rand::Rng;

use super::lookup::{Lookup, Streaming, Work, kernel as kernel_of};
use super::tally::{RowTile, Tally};
use super::{Input, Output, Read, Scratch};
use crate::activity::{Activity, ActivityLevel};
use crate::die::Die;
use crate::error::{Error, Result, check_integer};
use crate::kernel::{Clipped, Level, TILE};
use crate::key::Key;
use crate::stream::{InputFormat, Skip};

/// What preparing a die may cost.
///
/// **Units.** Bytes; vectors. **Valid range.** A batch of at least 1. No budget ever changes a value.
///
/// ```
/// use forms_xbar::Budget;
///
/// let budget = Budget::default().with_bytes(64 << 20).with_batch(1024);
/// assert_eq!(budget.bytes(), 64 << 20);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    bytes: usize,
    batch: usize,
    level: Option<Level>,
}

impl Default for Budget {
    /// One GiB, batches of 256 vectors, the best level of the CPU.
    fn default() -> Self {
        Budget { bytes: 1 << 30, batch: 256, level: None }
    }
}

impl Budget {
    /// The same with at most so many bytes of tables.
    pub fn with_bytes(self, bytes: usize) -> Self {
        Budget { bytes, ..self }
    }

    /// The same with an expectation of so many vectors a batch.
    pub fn with_batch(self, batch: usize) -> Self {
        Budget { batch, ..self }
    }

    /// The same at a level of the CPU that is forced: for tests, and to reproduce a measurement.
    pub fn with_level(self, level: Level) -> Self {
        Budget { level: Some(level), ..self }
    }

    /// Most bytes of tables.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Vectors expected in a batch.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The forced level, if any.
    pub fn level(&self) -> Option<Level> {
        self.level
    }
}

/// The kernel that reads an array. All return the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// What every pattern of up to eight rows adds to the result, looked up.
    Table,
    /// What every pattern of up to six rows adds to the sums of a group of more than eight, looked up.
    Split,
    /// A product of whole numbers, which ideal cells and a lossless ADC come to.
    Integer,
    /// One vector addition per driven row.
    Direct,
}

/// What [`Die::prepare`] chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The kernel of all arrays.
    pub kernel: Kernel,
    /// Whether tables are built for each batch, array by array, and dropped, since all of them would exceed the
    /// budget.
    pub streams: bool,
    /// Bytes of tables held at a time.
    pub bytes: usize,
    /// The level of the CPU that is used.
    pub level: Level,
}

/// A die with the tables of its arrays, for reading many vectors: immutable, shared by any number of threads.
///
/// Returns the same bits and the same activity as the die itself.
///
/// ```
/// use forms_xbar::{Adc, Budget, Key, Weights, presets};
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
///
/// let design = presets::forms().adc(Adc::granular(5)).input_bits(8).build()?;
/// let weights = Weights::from_row_slice(8, 2, 8, &[7; 16])?;
/// let die = design.program_keyed(&weights, Key::from(1))?;
/// let prepared = die.prepare(Budget::default())?;
/// let x: Vec<u8> = (0..80).collect();
/// let mut rng = ChaCha8Rng::seed_from_u64(7);
/// assert_eq!(prepared.mvm_batch(&x, &mut rng)?, die.mvm_batch(&x, &mut rng)?);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Prepared<'d> {
    die: &'d Die,
    plan: Plan,
    streaming: Streaming,
    /// By array; empty for another kernel and where they are streamed.
    tables: Vec<Lookup>,
    row_tiles: Vec<RowTile>,
    /// Row tiles whose results can be added in 32 bits.
    together: usize,
    /// What one code counts in the result.
    unit: i64,
}

/// Vectors of one pass through the tables: enough to outweigh loading tables that no cache holds.
const PASS: usize = 1024;

/// Bytes of tables beyond which fetching them ahead pays: what the second cache of a core holds.
const NEAR: usize = 2 << 20;

/// Outputs of the widest result that sums are put into directly: of wider ones, every vector is on a page of its own.
const WIDEST: usize = 256;

/// Vectors that outweigh building the table they are run through once.
const WORTH_A_TABLE: usize = 140;

/// Working memory of one pass.
#[derive(Debug, Clone, Default)]
pub(super) struct PassBuffers {
    /// By row tile.
    work: Vec<Work>,
    tally: Tally,
    /// Sums of one tile of columns, where they do not go straight into the result.
    sums: Vec<i32>,
}

impl Die {
    /// Chooses a kernel for this die within a budget, and builds its tables.
    ///
    /// A table holds 64 bytes a weight for groups of 8 rows, 192 for groups of 16 and 4 lanes. Where they exceed the budget
    /// and batches are large, they are built for every batch, array by array; where they cannot stand for the die (read
    /// noise, digits of several bits, no ADC, results beyond 16 bits a pattern) the direct kernel reads it. The plan says
    /// which.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for a batch of no vectors, [`Error::Conflict`] for a forced level that this CPU lacks.
    pub fn prepare(&self, budget: Budget) -> Result<Prepared<'_>> {
        check_integer("vectors of an expected batch", budget.batch, 1, i64::MAX)?;
        let level = budget.level.unwrap_or(Level::best());
        if level > Level::best() {
            return Err(Error::Conflict {
                first: "a forced level of the CPU",
                second: "this CPU",
                why: "it lacks the instructions",
            });
        }
        let (design, layout) = (self.design(), self.layout());
        let format = design.input_format();
        let columns = layout.column_tiles();
        let unit = self.blocks()[0].unit();
        let mut prepared = Prepared {
            die: self,
            plan: Plan { kernel: Kernel::Direct, streams: false, bytes: 0, level },
            streaming: Streaming::new(format, design.skip()),
            tables: Vec::new(),
            row_tiles: Vec::new(),
            together: 1,
            unit,
        };
        let is_plain = self.blocks().iter().all(|block| block.unit() == unit);
        if format.dac_bits() > 1 || !is_plain {
            return Ok(prepared);
        }
        // Without room for the tables of one array and what is counted beside all, nothing is built.
        let kernel = kernel_of(self.blocks());
        let tables = self.blocks().iter().map(|block| Lookup::bytes_of(kernel, block));
        let (largest, all): (usize, usize) = (tables.clone().max().unwrap_or(0), tables.sum());
        let mut row_tiles: Vec<_> = (0..layout.row_tiles())
            .map(|tile| RowTile::new(layout.tile_inputs(tile), &self.blocks()[tile * columns..][..columns]))
            .collect();
        let beside: usize = row_tiles.iter().map(RowTile::most_bytes).sum();
        let streams = all.saturating_add(beside) > budget.bytes;
        let bytes = if streams { largest } else { all }.saturating_add(beside);
        if bytes > budget.bytes || (streams && budget.batch < WORTH_A_TABLE) {
            return Ok(prepared);
        }
        // By column tile, over all row tiles.
        let mut bounds = vec![0i64; columns];
        for (array, block) in self.blocks().iter().enumerate() {
            let table = Lookup::new(kernel, block).filter(|table| table.bound(block) <= i32::MAX.into());
            let Some(table) = table else {
                return Ok(Prepared { tables: Vec::new(), ..prepared });
            };
            bounds[array % columns] = bounds[array % columns].saturating_add(table.bound(block));
            if let Lookup::Table(table) = &table {
                row_tiles[array / columns].add_clips(table);
            }
            if !streams {
                prepared.tables.push(table);
            }
        }
        prepared.plan = Plan { kernel, streams, bytes, level };
        if bounds.into_iter().all(|bound| bound <= i32::MAX.into()) {
            prepared.together = layout.row_tiles();
        }
        prepared.row_tiles = row_tiles;
        Ok(prepared)
    }
}

impl Prepared<'_> {
    /// What was chosen.
    pub fn plan(&self) -> Plan {
        self.plan
    }

    /// The die.
    pub fn die(&self) -> &Die {
        self.die
    }

    /// Working memory for this prepared die, counting activity up to `level`.
    pub fn scratch(&self, level: ActivityLevel) -> Scratch {
        let mut scratch = self.die.scratch(level);
        if self.reads_single() {
            // A vector of zeros makes room for any other.
            let (x, mut y) = (vec![0u8; self.die.inputs()], vec![0i64; self.die.outputs()]);
            self.pass(
                &x,
                &mut y,
                ActivityLevel::CountsAndEnergy,
                &mut scratch.pass,
                &mut Activity::default(),
            );
        }
        scratch
    }

    /// As [`Die::mvm`].
    ///
    /// # Errors
    ///
    /// As [`Die::mvm`].
    pub fn mvm<T: Input, R: Rng + ?Sized>(&self, x: &[T], rng: &mut R) -> Result<Read> {
        self.die.read_one(self.scratch(ActivityLevel::Counts), |y, scratch| self.mvm_into(x, rng, y, scratch))
    }

    /// As [`Die::mvm_keyed`].
    ///
    /// # Errors
    ///
    /// As [`Die::mvm`].
    pub fn mvm_keyed<T: Input>(&self, x: &[T], key: Key) -> Result<Read> {
        let scratch = self.scratch(ActivityLevel::Counts);
        self.die.read_one(scratch, |y, scratch| self.mvm_into_keyed(x, key, y, scratch))
    }

    /// As [`Die::mvm_into`]: without allocating.
    ///
    /// # Errors
    ///
    /// As [`Die::mvm_into`].
    pub fn mvm_into<T: Input, O: Output, R: Rng + ?Sized>(
        &self,
        x: &[T],
        rng: &mut R,
        y: &mut [O],
        scratch: &mut Scratch,
    ) -> Result<()> {
        if !self.reads_single() {
            return self.die.mvm_into(x, rng, y, scratch);
        }
        // Without read noise nothing is drawn.
        self.mvm_into_keyed(x, Key::ZERO, y, scratch)
    }

    /// As [`Die::mvm_into_keyed`].
    ///
    /// # Errors
    ///
    /// As [`Die::mvm_into`].
    pub fn mvm_into_keyed<T: Input, O: Output>(
        &self,
        x: &[T],
        key: Key,
        y: &mut [O],
        scratch: &mut Scratch,
    ) -> Result<()> {
        if !self.reads_single() {
            return self.die.mvm_into_keyed(x, key, y, scratch);
        }
        self.die.check_vector(x, 0)?;
        self.die.check_output::<O>(1, y.len())?;
        self.pass(x, y, scratch.level, &mut scratch.pass, &mut scratch.activity);
        Ok(())
    }

    /// Whether tables stand ready for single vectors: none is built for one.
    fn reads_single(&self) -> bool {
        self.plan.kernel != Kernel::Direct && !self.plan.streams
    }

    /// As [`Die::mvm_batch`].
    ///
    /// # Errors
    ///
    /// As [`Die::mvm_batch`].
    pub fn mvm_batch<T: Input, R: Rng + ?Sized>(&self, x: &[T], rng: &mut R) -> Result<Read> {
        self.die.read_batch(x.len(), |y| self.mvm_batch_into(x, rng, y, ActivityLevel::Counts))
    }

    /// As [`Die::mvm_batch_into`].
    ///
    /// # Errors
    ///
    /// As [`Die::mvm_batch_into`].
    pub fn mvm_batch_into<T: Input, O: Output, R: Rng + ?Sized>(
        &self,
        x: &[T],
        rng: &mut R,
        y: &mut [O],
        level: ActivityLevel,
    ) -> Result<Activity> {
        match self.plan.kernel {
            Kernel::Direct => self.die.mvm_batch_into(x, rng, y, level),
            // Without read noise nothing is drawn.
            _ => self.read_tables(x, y, level),
        }
    }

    /// As [`Die::mvm_batch_into_keyed`].
    ///
    /// # Errors
    ///
    /// As [`Die::mvm_batch_into`].
    pub fn mvm_batch_into_keyed<T: Input, O: Output>(
        &self,
        x: &[T],
        keys: impl Fn(usize) -> Key + Sync,
        y: &mut [O],
        level: ActivityLevel,
    ) -> Result<Activity> {
        match self.plan.kernel {
            Kernel::Direct => self.die.mvm_batch_into_keyed(x, keys, y, level),
            _ => self.read_tables(x, y, level),
        }
    }

    fn read_tables<T: Input, O: Output>(
        &self,
        x: &[T],
        y: &mut [O],
        level: ActivityLevel,
    ) -> Result<Activity> {
        let vectors = self.die.check_batch(x)?;
        self.die.check_output::<O>(vectors, y.len())?;
        let columns = self.die.layout().column_tiles();
        if !self.plan.streams {
            return Ok(self.for_each_pass(x, y, |x, y, buffers, activity| {
                self.pass(x, y, level, buffers, activity);
            }));
        }
        let mut activity = self.for_each_pass(x, y, |x, _, buffers, activity| {
            if level >= ActivityLevel::Counts {
                self.count(x, level, buffers, activity);
            }
        });
        for (array, block) in self.die.blocks().iter().enumerate() {
            let Some(table) = Lookup::new(self.plan.kernel, block) else {
                unreachable!("it had a table when it was prepared")
            };
            let (row_tile, column_tile) = (array / columns, array % columns);
            activity += self.for_each_pass(x, y, |x, y, buffers, activity| {
                self.cut(x, row_tile, ActivityLevel::Off, &mut buffers.work);
                let tables = |_| &table;
                let tiles = (row_tile..row_tile + 1, column_tile);
                self.add_rows(tables, tiles, y, level, buffers, activity);
            });
        }
        Ok(activity)
    }

    /// Runs passes over a batch, which do not depend on each other, in parallel with feature `rayon`.
    fn for_each_pass<T: Input, O: Output>(
        &self,
        x: &[T],
        y: &mut [O],
        run: impl Fn(&[T], &mut [O], &mut PassBuffers, &mut Activity) + Sync,
    ) -> Activity {
        let (inputs, outputs) = (self.die.inputs(), self.die.outputs());
        #[cfg(feature = "rayon")]
        {
            use rayon::prelude::*;
            /// Vectors that outweigh handing them to another thread.
            const LEAST: usize = 16;
            let vectors = (x.len() / inputs).div_ceil(rayon::current_num_threads()).clamp(LEAST, PASS);
            let activities = x
                .par_chunks(vectors * inputs)
                .zip(y.par_chunks_mut(vectors * outputs))
                .map_init(PassBuffers::default, |buffers, (x, y)| {
                    let mut activity = Activity::default();
                    run(x, y, buffers, &mut activity);
                    activity
                })
                .collect::<Vec<_>>();
            activities.into_iter().sum()
        }
        #[cfg(not(feature = "rayon"))]
        {
            let (mut buffers, mut activity) = (PassBuffers::default(), Activity::default());
            for (x, y) in x.chunks(PASS * inputs).zip(y.chunks_mut(PASS * outputs)) {
                run(x, y, &mut buffers, &mut activity);
            }
            activity
        }
    }

    /// Runs some vectors through all tables.
    fn pass<T: Input, O: Output>(
        &self,
        x: &[T],
        y: &mut [O],
        level: ActivityLevel,
        buffers: &mut PassBuffers,
        activity: &mut Activity,
    ) {
        let (rows, columns) = (self.row_tiles.len(), self.die.layout().column_tiles());
        buffers.tally.begin(x.len() / self.die.inputs());
        for (at, tile) in self.row_tiles.iter().enumerate() {
            self.cut(x, at, level, &mut buffers.work);
            if level >= ActivityLevel::Counts {
                buffers.tally.add(tile, &buffers.work[at].patterns, self.rule(), level, activity);
            }
        }
        if level >= ActivityLevel::Counts {
            buffers.tally.end(activity);
        }
        for column_tile in 0..columns {
            let tables = |row_tile: usize| &self.tables[row_tile * columns + column_tile];
            for first in (0..rows).step_by(self.together) {
                let tiles = (first..rows.min(first + self.together), column_tile);
                self.add_rows(tables, tiles, y, level, buffers, activity);
            }
        }
    }

    /// Counts what some vectors do.
    fn count<T: Input>(
        &self,
        x: &[T],
        level: ActivityLevel,
        PassBuffers { work, tally, .. }: &mut PassBuffers,
        activity: &mut Activity,
    ) {
        tally.begin(x.len() / self.die.inputs());
        for (at, tile) in self.row_tiles.iter().enumerate() {
            self.cut(x, at, level, work);
            tally.add(tile, &work[at].patterns, self.rule(), level, activity);
        }
        tally.end(activity);
    }

    fn rule(&self) -> (InputFormat, Skip) {
        (self.die.design().input_format(), self.die.design().skip())
    }

    /// Cuts some vectors into the patterns of a row tile, or into what else its arrays or counting want.
    fn cut<T: Input>(&self, x: &[T], row_tile: usize, level: ActivityLevel, work: &mut Vec<Work>) {
        let (tile, format) = (&self.row_tiles[row_tile], self.rule().0);
        let (inputs, rows) = (self.die.inputs(), tile.inputs.clone());
        work.resize_with(self.row_tiles.len(), Work::default);
        let work = &mut work[row_tile];
        let is_integer = self.plan.kernel == Kernel::Integer;
        if is_integer {
            let is_wide = !format.is_signed() && format.bits() == u16::BITS;
            work.inputs.take(x, inputs, rows.clone(), tile.rows(), is_wide);
        }
        if !is_integer || level >= ActivityLevel::Counts {
            work.patterns.cut(x, inputs, rows, tile.octets, format.planes());
        }
    }

    /// Adds what the arrays of some row tiles and one column tile make of some vectors; the first row tile puts it
    /// there.
    fn add_rows<'t, T: Output>(
        &self,
        table: impl Fn(usize) -> &'t Lookup,
        (row_tiles, column_tile): (Range<usize>, usize),
        y: &mut [T],
        level: ActivityLevel,
        PassBuffers { work, sums, .. }: &mut PassBuffers,
        activity: &mut Activity,
    ) {
        let (level, mut clipped) = ((self.plan.level, level >= ActivityLevel::Counts), Clipped::default());
        row_tiles.clone().for_each(|row_tile| table(row_tile).look(&self.streaming, &mut work[row_tile]));
        let outputs = self.die.outputs();
        let first_output = self.die.layout().tile_outputs(column_tile).start;
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
