//! A die prepared for reading fast: tables built once, batches run through them.

use rand::Rng;

use super::lookup::{Lookup, Streaming, kernel as kernel_of};
use super::pass::PassBuffers;
use super::tally::RowTile;
use super::{Input, Output, Read, Scratch};
use crate::activity::{Activity, ActivityLevel};
use crate::die::Die;
use crate::error::{Error, Result, check_integer};
use crate::kernel::{Level, White};
use crate::key::Key;

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
    /// What white noise can make of every pattern of up to eight rows, looked up.
    White,
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
    /// Most bytes held at a time: tables, and what is counted beside them.
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
    pub(super) die: &'d Die,
    pub(super) plan: Plan,
    pub(super) streaming: Streaming,
    /// By array; empty for another kernel and where they are streamed.
    pub(super) tables: Vec<Lookup>,
    /// The same where there is white noise.
    pub(super) white: Vec<White>,
    pub(super) row_tiles: Vec<RowTile>,
    /// Row tiles whose results can be added in 32 bits.
    pub(super) together: usize,
    /// What one code counts in the result.
    pub(super) unit: i64,
}

/// Vectors that outweigh building the table they are run through once.
const WORTH_A_TABLE: usize = 140;

impl Die {
    /// Chooses a kernel for this die within a budget, and builds its tables.
    ///
    /// A table holds 64 bytes a weight for groups of 8 rows, 192 for groups of 16 and 4 lanes, 2 where cells are ideal and
    /// the ADC lossless; with white noise on groups of 8 rows and 4 lanes 1024 by [`NoiseMethod::Gaussian`] and up to 1792 by
    /// [`NoiseMethod::Thresholds`]. Where they exceed the budget and batches are large, they are built for every batch, array by
    /// array; where they cannot stand for the die (noise that is slow or common to columns, more than six codes within reach
    /// of noise by thresholds, normal noise beyond 9.8 LSB or on uneven codes of more than 14 bits, digits of several bits, no
    /// ADC, ADCs with offsets or uneven codes on more than eight active rows, results beyond 16 bits a pattern) the direct
    /// kernel reads it. The plan says which.
    ///
    /// [`NoiseMethod::Gaussian`]: crate::NoiseMethod::Gaussian
    /// [`NoiseMethod::Thresholds`]: crate::NoiseMethod::Thresholds
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
            white: Vec::new(),
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
        let row_tiles: Vec<_> = (0..layout.row_tiles())
            .map(|tile| RowTile::new(layout.tile_inputs(tile), &self.blocks()[tile * columns..][..columns]))
            .collect();
        let beside: usize = row_tiles.iter().map(RowTile::most_bytes).sum();
        let streams = all.saturating_add(beside) > budget.bytes;
        let bytes = if streams { largest } else { all }.saturating_add(beside);
        if bytes > budget.bytes || (streams && budget.batch < WORTH_A_TABLE) {
            return Ok(prepared);
        }
        prepared.plan = Plan { kernel, streams, bytes, level };
        prepared.row_tiles = row_tiles;
        if kernel == Kernel::White {
            for table in self.blocks().iter().map(|block| White::new(level, block)) {
                let Some(table) = table else { return Ok(prepared.by_rows()) };
                if !streams {
                    prepared.white.push(table);
                }
            }
            return Ok(prepared);
        }
        prepared.tables.reserve_exact(if streams { 0 } else { self.blocks().len() });
        // By column tile, over all row tiles.
        let mut bounds = vec![0i64; columns];
        for (array, block) in self.blocks().iter().enumerate() {
            let table =
                Lookup::new(level, kernel, block).filter(|table| table.bound(block) <= i32::MAX.into());
            let Some(table) = table else { return Ok(prepared.by_rows()) };
            bounds[array % columns] = bounds[array % columns].saturating_add(table.bound(block));
            if let Lookup::Table(table) = &table {
                prepared.row_tiles[array / columns].add_clips(table);
            }
            if !streams {
                prepared.tables.push(table);
            }
        }
        if bounds.into_iter().all(|bound| bound <= i32::MAX.into()) {
            prepared.together = layout.row_tiles();
        }
        Ok(prepared)
    }
}

impl Prepared<'_> {
    /// The same without tables.
    fn by_rows(self) -> Self {
        let plan = Plan { kernel: Kernel::Direct, streams: false, bytes: 0, ..self.plan };
        Prepared { plan, tables: Vec::new(), white: Vec::new(), row_tiles: Vec::new(), ..self }
    }

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
            self.reserve(&mut scratch.pass);
            let (level, mut activity) = (ActivityLevel::CountsAndEnergy, Activity::default());
            self.run_pass(&x, Key::ZERO, &mut y, level, &mut scratch.pass, &mut activity);
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
        self.die.check_vector(x, 0)?;
        self.die.check_output::<O>(1, y.len())?;
        let key = self.die.read_key(rng);
        self.run_pass(x, key, y, scratch.level, &mut scratch.pass, &mut scratch.activity);
        Ok(())
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
        self.run_pass(x, key, y, scratch.level, &mut scratch.pass, &mut scratch.activity);
        Ok(())
    }

    /// Runs one vector through the tables that stand ready.
    fn run_pass<T: Input, O: Output>(
        &self,
        x: &[T],
        key: Key,
        y: &mut [O],
        level: ActivityLevel,
        buffers: &mut PassBuffers,
        activity: &mut Activity,
    ) {
        match self.plan.kernel {
            Kernel::White => self.pass_white(x, |_| key, y, level, buffers, activity),
            _ => self.pass(x, y, level, buffers, activity),
        }
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
            Kernel::White => {
                let keys = self.die.read_keys::<T, O, R>(x, y.len(), rng)?;
                self.read_white(x, |vector| keys[vector], y, level)
            }
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
            Kernel::White => self.read_white(x, keys, y, level),
            _ => self.read_tables(x, y, level),
        }
    }
}
