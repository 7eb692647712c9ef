//! Reading a die: matrix-vector products, one at a time or in batches, and traces.
//!
//! Reading is execution: `&self`, shareable between threads, nothing allocated in
//! [`Die::mvm_into`]. With read noise, each *vector* takes one [`Key`] from the caller's generator,
//! in vector order and before any work, so a batch equals the same single reads. Without read noise
//! nothing is drawn.

use rand::Rng;

use crate::activity::{Activity, ActivityLevel};
use crate::die::Die;
use crate::error::{Error, Result, check_integer, check_length};
use crate::fixed::{FRACTION_BITS, ONE};
use crate::kernel::{Block, Counts, NoiseKey, Step, direct, reference};
use crate::key::Key;
use crate::stream::Schedule;

mod budget;
mod element;
mod lookup;
mod pass;
mod planes;
mod prepared;
mod tally;
mod white;

pub use budget::{ErrorBudget, ErrorShare, ErrorSource};
pub use element::{Input, Output};
pub use prepared::{Budget, Kernel, Plan, Prepared};

use pass::PassBuffers;
use planes::{GroupPlanes, PlaneBuffers};

/// The result of reading one vector or a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// Results, vector after vector, in units of `y_scale`.
    pub y: Vec<i64>,
    /// What one unit counts: 1 with a granular ADC, else 2⁻¹⁶.
    pub y_scale: f64,
    /// What was done.
    pub activity: Activity,
}

impl Read {
    /// The results as real numbers, `y · y_scale`.
    pub fn to_real(&self) -> Vec<f64> {
        self.y.iter().map(|&y| y as f64 * self.y_scale).collect()
    }
}

/// One thread's working memory for reading a die, and the activity it has seen.
///
/// Made by [`Die::scratch`]. Used with another die it grows on first use.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    level: ActivityLevel,
    activity: Activity,
    stream: StreamBuffers,
    sums: Vec<i64>,
    work: direct::Workspace,
    pass: PassBuffers,
}

#[derive(Debug, Clone, Default)]
struct StreamBuffers {
    /// The vector, padded with zeros to whole active groups.
    inputs: Vec<i32>,
    /// The planes of one group.
    planes: PlaneBuffers,
}

impl Scratch {
    /// What was counted since the scratch was made or [`Scratch::take_activity`] was called.
    pub fn activity(&self) -> Activity {
        self.activity
    }

    /// The same, starting again from zero.
    pub fn take_activity(&mut self) -> Activity {
        std::mem::take(&mut self.activity)
    }
}

/// One analog-to-digital conversion of a traced read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TracedConversion {
    /// Array of the die.
    pub array: usize,
    /// Active group of the array: the fragment, where one is driven at once.
    pub group: usize,
    /// Position of the plane in its stream.
    pub plane: u32,
    /// Output of the matrix.
    pub output: usize,
    /// Arm of the weight; 0 where a pair is subtracted before the ADC.
    pub arm: usize,
    /// Slice of the weight.
    pub slice: usize,
    /// Input of the ADC (A), read noise included, on the 2⁻¹⁶ LSB grid. The ADC's gain is taken out; its own noise, which
    /// comes behind, is divided by it.
    pub amperes: f64,
    /// Code before clamping; for pass-through the sum in 2⁻¹⁶ LSB.
    pub unclamped: i64,
    /// Code.
    pub code: i64,
}

/// Everything that happened at the ADCs while one vector was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The result, the same that [`Die::mvm`] returns.
    pub read: Read,
    /// Every conversion, in the order of execution: the planes of one active group of one array one
    /// after another, then the next array beside it, then the next group.
    pub conversions: Vec<TracedConversion>,
}

/// Magnitudes of bit-line sums, in equal bins.
struct SumHistogram {
    bins: Vec<u64>,
    bin: i64,
    count: u64,
}

impl SumHistogram {
    const BINS: i64 = 1 << 16;

    /// The first bin up to whose end at least `quantile` of all sums lie.
    fn quantile(&self, quantile: f64) -> i64 {
        let rank = (quantile * self.count as f64).ceil() as u64;
        let mut below = 0;
        let bin = self.bins.iter().position(|&count| {
            below += count;
            below >= rank
        });
        bin.unwrap_or(self.bins.len() - 1) as i64
    }
}

impl Die {
    /// One matrix-vector product, `y[j] = Σ_i x[i] · W[i, j]` as the hardware computes it.
    ///
    /// `x` has [`Die::inputs`] elements. Draws one [`Key`] from `rng` when the design has read
    /// noise, else nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for a vector of the wrong length, [`Error::Input`] for the first element
    /// outside the design's input range.
    pub fn mvm<T: Input, R: Rng + ?Sized>(&self, x: &[T], rng: &mut R) -> Result<Read> {
        self.read_one(self.scratch(ActivityLevel::Counts), |y, scratch| self.mvm_into(x, rng, y, scratch))
    }

    /// As [`Die::mvm`], with the draws of `key`.
    ///
    /// # Errors
    ///
    /// As [`Die::mvm`].
    pub fn mvm_keyed<T: Input>(&self, x: &[T], key: Key) -> Result<Read> {
        let scratch = self.scratch(ActivityLevel::Counts);
        self.read_one(scratch, |y, scratch| self.mvm_into_keyed(x, key, y, scratch))
    }

    /// As [`Die::mvm`] into `y`, without allocating; activity adds up in `scratch`.
    ///
    /// # Errors
    ///
    /// As [`Die::mvm`]; [`Error::Length`] when `y` does not have [`Die::outputs`] elements,
    /// [`Error::Overflow`] when `O` is `i32` and [`Die::bound`] does not fit. Nothing is drawn or
    /// written then.
    ///
    /// ```
    /// use forms_xbar::{ActivityLevel, Adc, Weights, presets};
    /// use rand::{SeedableRng, rngs::ChaCha8Rng};
    ///
    /// let mut rng = ChaCha8Rng::seed_from_u64(7);
    /// let design = presets::forms().adc(Adc::granular(5)).input_bits(8).build()?;
    /// let die = design.program(&Weights::from_row_slice(2, 1, 8, &[3, 4])?, &mut rng)?;
    /// let mut scratch = die.scratch(ActivityLevel::Off);
    /// let mut y = [0i32];
    /// for x in [[1u8, 2], [3, 4]] {
    ///     die.mvm_into(&x, &mut rng, &mut y, &mut scratch)?;
    /// }
    /// # Ok::<(), forms_xbar::Error>(())
    /// ```
    pub fn mvm_into<T: Input, O: Output, R: Rng + ?Sized>(
        &self,
        x: &[T],
        rng: &mut R,
        y: &mut [O],
        scratch: &mut Scratch,
    ) -> Result<()> {
        self.check_vector(x, 0)?;
        self.check_output::<O>(1, y.len())?;
        self.execute(x, self.read_key(rng), y, scratch);
        Ok(())
    }

    /// As [`Die::mvm_into`], with the draws of `key`.
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
        self.check_vector(x, 0)?;
        self.check_output::<O>(1, y.len())?;
        self.execute(x, key, y, scratch);
        Ok(())
    }

    /// Reads a batch of contiguous vectors, which is an inputs × batch `DMatrix` without a copy.
    ///
    /// Equals the same single reads, bit for bit. Runs in parallel with feature `rayon`, which
    /// changes no value.
    ///
    /// # Errors
    ///
    /// [`Error::Batch`] when `x` is no whole number of vectors, [`Error::Input`] for the first
    /// element out of range. Nothing is drawn then.
    pub fn mvm_batch<T: Input, R: Rng + ?Sized>(&self, x: &[T], rng: &mut R) -> Result<Read> {
        self.read_batch(x.len(), |y| self.mvm_batch_into(x, rng, y, ActivityLevel::Counts))
    }

    /// As [`Die::mvm_batch`] into `y`, vector after vector, counting activity up to `level`.
    ///
    /// # Errors
    ///
    /// As [`Die::mvm_batch`]; [`Error::Length`] when `y` does not have batch ×
    /// [`Die::outputs`] elements, [`Error::Overflow`] as for [`Die::mvm_into`].
    pub fn mvm_batch_into<T: Input, O: Output, R: Rng + ?Sized>(
        &self,
        x: &[T],
        rng: &mut R,
        y: &mut [O],
        level: ActivityLevel,
    ) -> Result<Activity> {
        let keys = self.read_keys::<T, O, R>(x, y.len(), rng)?;
        Ok(self.execute_batch(x, |vector| keys.get(vector).copied().unwrap_or(Key::ZERO), y, level))
    }

    /// As [`Die::mvm_batch_into`], vector `v` with the draws of `keys(v)`, which a die without read
    /// noise ignores.
    ///
    /// # Errors
    ///
    /// As [`Die::mvm_batch_into`].
    ///
    /// ```
    /// use forms_xbar::{ActivityLevel, Adc, Key, Weights, presets};
    ///
    /// let design = presets::forms().adc(Adc::granular(5)).input_bits(8).build()?;
    /// let die = design.program_keyed(&Weights::from_row_slice(2, 1, 8, &[3, 4])?, Key::from(1))?;
    /// let mut y = [0i32; 2];
    /// let keys = |vector| Key::from(2).child(vector as u64);
    /// die.mvm_batch_into_keyed(&[1u8, 2, 3, 4], keys, &mut y, ActivityLevel::Off)?;
    /// assert_eq!(i64::from(y[1]), die.mvm_keyed(&[3u8, 4], keys(1))?.y[0]);
    /// # Ok::<(), forms_xbar::Error>(())
    /// ```
    pub fn mvm_batch_into_keyed<T: Input, O: Output>(
        &self,
        x: &[T],
        keys: impl Fn(usize) -> Key + Sync,
        y: &mut [O],
        level: ActivityLevel,
    ) -> Result<Activity> {
        let vectors = self.check_batch(x)?;
        self.check_output::<O>(vectors, y.len())?;
        Ok(self.execute_batch(x, keys, y, level))
    }

    /// One vector read into a result of its own.
    fn read_one(
        &self,
        mut scratch: Scratch,
        read: impl FnOnce(&mut [i64], &mut Scratch) -> Result<()>,
    ) -> Result<Read> {
        let mut y = vec![0; self.outputs()];
        read(&mut y, &mut scratch)?;
        Ok(Read { y, y_scale: self.y_scale(), activity: scratch.activity })
    }

    /// A batch of so many elements read into a result of its own.
    fn read_batch(&self, elements: usize, read: impl FnOnce(&mut [i64]) -> Result<Activity>) -> Result<Read> {
        let mut y = vec![0; elements / self.inputs() * self.outputs()];
        let activity = read(&mut y)?;
        Ok(Read { y, y_scale: self.y_scale(), activity })
    }

    /// Runs checked vectors through the direct kernel.
    fn execute_batch<T: Input, O: Output>(
        &self,
        x: &[T],
        keys: impl Fn(usize) -> Key + Sync,
        y: &mut [O],
        level: ActivityLevel,
    ) -> Activity {
        let run = |scratch: &mut Scratch, first: usize, x: &[T], y: &mut [O]| {
            let vectors = x.chunks_exact(self.inputs()).zip(y.chunks_exact_mut(self.outputs()));
            for (at, (x, y)) in vectors.enumerate() {
                self.execute(x, keys(first + at), y, scratch);
            }
        };
        #[cfg(feature = "rayon")]
        {
            use rayon::prelude::*;
            /// Vectors of one task: enough to outweigh making a scratch.
            const TASK: usize = 16;
            let activities = x
                .par_chunks(TASK * self.inputs())
                .zip(y.par_chunks_mut(TASK * self.outputs()))
                .enumerate()
                .map_init(
                    || self.scratch(level),
                    |scratch, (task, (x, y))| {
                        run(scratch, task * TASK, x, y);
                        scratch.take_activity()
                    },
                )
                .collect::<Vec<_>>();
            activities.into_iter().sum()
        }
        #[cfg(not(feature = "rayon"))]
        {
            let mut scratch = self.scratch(level);
            run(&mut scratch, 0, x, y);
            scratch.activity
        }
    }

    /// As [`Die::mvm_keyed`] by the reference kernel: slow, and the law that every other path obeys.
    ///
    /// # Errors
    ///
    /// As [`Die::mvm`].
    pub fn mvm_reference_keyed<T: Input>(&self, x: &[T], key: Key) -> Result<Read> {
        self.observe(x, key, |_, _, _, _| {})
    }

    /// Reads one vector by the reference kernel and reports every conversion.
    ///
    /// Draws as [`Die::mvm`] does, and returns the same result.
    ///
    /// # Errors
    ///
    /// As [`Die::mvm`].
    pub fn trace<T: Input, R: Rng + ?Sized>(&self, x: &[T], rng: &mut R) -> Result<Trace> {
        self.check_vector(x, 0)?;
        self.trace_keyed(x, self.read_key(rng))
    }

    /// As [`Die::trace`], with the draws of `key`.
    ///
    /// # Errors
    ///
    /// As [`Die::mvm`].
    pub fn trace_keyed<T: Input>(&self, x: &[T], key: Key) -> Result<Trace> {
        let lsb = self.design().thresholds().lsb as f64 / ONE as f64;
        let step_amperes = self.design().read_levels().level_step() * self.design().dac().volts(1);
        let grid_amperes = lsb * step_amperes / ONE as f64;
        let (mut conversions, mut latest) = (Vec::new(), None);
        let read = self.observe(x, key, |array, output, step, conversion| {
            let (arm, slice) = self.layout().lane_slice(conversion.lane);
            let adcs = match latest.take() {
                Some((last, adcs)) if last == array => adcs,
                _ => self.array_adcs(array),
            };
            let gain = adcs.gain(conversion.lane, conversion.column);
            latest = Some((array, adcs));
            conversions.push(TracedConversion {
                array,
                group: step.group,
                plane: step.plane,
                output,
                arm,
                slice,
                amperes: conversion.sum as f64 / gain * grid_amperes,
                unclamped: conversion.unclamped,
                code: conversion.code,
            });
        })?;
        Ok(Trace { read, conversions })
    }

    /// The same die read through an ADC whose full scale is set from inputs: nothing is
    /// programmed anew.
    ///
    /// The full scale becomes the quantile that [`Adc::calibrated`](crate::Adc::calibrated) names,
    /// of the magnitudes of all noise-free bit-line sums that `inputs` cause, resolved to 2⁻¹⁶ of
    /// their possible range and rounded up. Sums are as large as the gains of their ADCs make them; offsets and
    /// nonlinearity, which are in units of the LSB to be found, are left aside. Take the calibrated design with
    /// [`Die::design`] to program further dies with the same LSB.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] when the ADC is not a calibrated one, [`Error::Batch`] or
    /// [`Error::Input`] for bad inputs, [`Error::Integer`] for a batch without a conversion, or one
    /// whose quantile is no more than 2⁻¹⁶ of the range.
    pub fn calibrate<T: Input>(&self, inputs: &[T]) -> Result<Die> {
        let quantile = self.design().adc().quantile()?;
        let sums = self.sums(inputs)?;
        check_integer("conversions to calibrate on", sums.count, 1, i64::MAX)?;
        let bin = sums.quantile(quantile);
        check_integer("calibration quantile (2⁻¹⁶ of the range of sums)", bin, 1, i64::MAX)?;
        // From 2⁻¹⁶ of the present LSB to 2⁻¹⁶ level steps, rounded up.
        let edge = i128::from(bin + 1) * i128::from(sums.bin) * i128::from(self.design().thresholds().lsb);
        let sum = i64::try_from((edge >> FRACTION_BITS) + 1).unwrap_or(i64::MAX);
        self.with_design(self.design().with_full_scale(sum)?)
    }

    /// Working memory for this die, counting activity up to `level`.
    pub fn scratch(&self, level: ActivityLevel) -> Scratch {
        let mut scratch = Scratch { level, ..Scratch::default() };
        scratch.stream.fit(self);
        scratch.sums.resize(self.outputs(), 0);
        for block in self.blocks() {
            scratch.work.reserve(block);
        }
        scratch
    }

    /// The distribution of noise-free bit-line sums that a batch causes.
    fn sums<T: Input>(&self, x: &[T]) -> Result<SumHistogram> {
        self.check_batch(x)?;
        let max = self.blocks().iter().map(Block::max_sum).max().unwrap_or(0);
        let bin = max / SumHistogram::BINS + 1;
        let mut histogram = SumHistogram { bins: vec![0; (max / bin) as usize + 1], bin, count: 0 };
        let mut scratch = self.scratch(ActivityLevel::Off);
        let Scratch { stream, activity, work, .. } = &mut scratch;
        for x in x.chunks_exact(self.inputs()) {
            self.for_each_group(x, stream, activity, |array, planes, _| {
                for step in planes.steps() {
                    direct::for_each_sum(&self.blocks()[array], &step, work, |sum| {
                        histogram.bins[(sum.abs() / bin) as usize] += 1;
                        histogram.count += 1;
                    });
                }
            });
        }
        Ok(histogram)
    }

    /// Runs one checked vector through the direct kernel.
    fn execute<T: Input, O: Output>(&self, x: &[T], key: Key, y: &mut [O], scratch: &mut Scratch) {
        let Scratch { level, activity, stream, sums, work, .. } = scratch;
        sums.clear();
        sums.resize(self.outputs(), 0);
        let key = self.design().is_noisy().then_some(key);
        self.for_each_group(x, stream, activity, |array, planes, counts| {
            let outputs = self.layout().tile_outputs(array % self.layout().column_tiles());
            let (block, noise, sums) =
                (&self.blocks()[array], self.noise_key(key, array), &mut sums[outputs]);
            for step in planes.steps() {
                direct::run(block, &step, noise, *level, work, sums, counts);
            }
        });
        if *level == ActivityLevel::Off {
            *activity = Activity::default();
        }
        y.iter_mut().zip(sums).for_each(|(y, sum)| *y = O::from_sum(*sum));
    }

    /// Runs one vector through the reference kernel.
    fn observe<T: Input>(
        &self,
        x: &[T],
        key: Key,
        mut show: impl FnMut(usize, usize, &Step<'_>, reference::Conversion),
    ) -> Result<Read> {
        self.check_vector(x, 0)?;
        let (mut y, mut activity) = (vec![0; self.outputs()], Activity::default());
        let key = self.design().is_noisy().then_some(key);
        self.for_each_group(x, &mut StreamBuffers::default(), &mut activity, |array, planes, counts| {
            let outputs = self.layout().tile_outputs(array % self.layout().column_tiles());
            let first = outputs.start;
            let (block, noise, y) = (&self.blocks()[array], self.noise_key(key, array), &mut y[outputs]);
            for step in planes.steps() {
                reference::run(block, &step, noise, ActivityLevel::Counts, y, counts, |conversion| {
                    show(array, first + conversion.column, &step, conversion);
                });
            }
        });
        Ok(Read { y, y_scale: self.y_scale(), activity })
    }

    /// Cuts a vector into planes and calls `run` for every active group of every array: row tile by row
    /// tile, group by group, array by array.
    fn for_each_group<T: Input>(
        &self,
        x: &[T],
        stream: &mut StreamBuffers,
        activity: &mut Activity,
        mut run: impl FnMut(usize, GroupPlanes<'_>, &mut Counts),
    ) {
        let (design, layout) = (self.design(), self.layout());
        let (format, column_tiles) = (design.input_format(), layout.column_tiles());
        stream.fit(self);
        stream.inputs.iter_mut().zip(x).for_each(|(input, &x)| *input = x.into());
        let mut latency = 0;
        // Row tiles are whole numbers of groups long, but for the last.
        let mut groups = stream.inputs.chunks_exact(design.active_rows());
        for row_tile in 0..layout.row_tiles() {
            let mut tile_planes = 0;
            for (group, inputs) in groups.by_ref().take(layout.groups(row_tile)).enumerate() {
                let schedule = Schedule::new(format, design.skip(), inputs);
                activity.add_groups(schedule.eic(), format.planes() - schedule.eic(), column_tiles as u64);
                tile_planes += u64::from(schedule.eic());
                let planes = stream.planes.cut(group, schedule, inputs);
                for array in row_tile * column_tiles..(row_tile + 1) * column_tiles {
                    run(array, planes, activity.counts_mut());
                }
            }
            latency = latency.max(tile_planes);
        }
        activity.add_vectors(1, latency);
    }

    fn noise_key(&self, key: Option<Key>, array: usize) -> Option<NoiseKey> {
        key.map(|key| NoiseKey { key, array: self.layout().address(array) })
    }

    fn read_key<R: Rng + ?Sized>(&self, rng: &mut R) -> Key {
        if self.design().is_noisy() { Key::draw(rng) } else { Key::ZERO }
    }

    /// The keys of a batch, none without read noise, after its checks and those of a result of so many elements.
    fn read_keys<T: Input, O: Output, R: Rng + ?Sized>(
        &self,
        x: &[T],
        results: usize,
        rng: &mut R,
    ) -> Result<Vec<Key>> {
        let vectors = self.check_batch(x)?;
        self.check_output::<O>(vectors, results)?;
        let keys = if self.design().is_noisy() { vectors } else { 0 };
        Ok((0..keys).map(|_| Key::draw(rng)).collect())
    }

    fn check_vector<T: Input>(&self, x: &[T], vector: usize) -> Result<()> {
        check_length("input vector", self.inputs(), x.len())?;
        let (min, max) = (self.design().input_format().min(), self.design().input_format().max());
        if min <= T::MIN.into() && T::MAX.into() <= max {
            return Ok(());
        }
        match x.iter().position(|&x| !(min..=max).contains(&x.into())) {
            None => Ok(()),
            Some(index) => {
                let value = i64::from(x[index].into());
                Err(Error::Input { vector, index, value, min: min.into(), max: max.into() })
            }
        }
    }

    /// The number of vectors in a checked batch.
    fn check_batch<T: Input>(&self, x: &[T]) -> Result<usize> {
        if !x.len().is_multiple_of(self.inputs()) {
            return Err(Error::Batch { found: x.len(), vector: self.inputs() });
        }
        let (mut least, mut most) = (T::MAX, T::MIN);
        for &x in x {
            (least, most) = (x.min(least), x.max(most));
        }
        // Vector by vector only where there is something to find.
        let format = self.design().input_format();
        if !x.is_empty() && (least.into() < format.min() || most.into() > format.max()) {
            for (vector, x) in x.chunks_exact(self.inputs()).enumerate() {
                self.check_vector(x, vector)?;
            }
        }
        Ok(x.len() / self.inputs())
    }

    fn check_output<O: Output>(&self, vectors: usize, found: usize) -> Result<()> {
        check_length("result", vectors * self.outputs(), found)?;
        let needed = i64::BITS - self.bound().leading_zeros() + 1;
        if needed <= O::BITS {
            Ok(())
        } else {
            Err(Error::Overflow { name: "result", needed, available: O::BITS })
        }
    }
}

impl StreamBuffers {
    fn fit(&mut self, die: &Die) {
        let rows = die.design().active_rows();
        self.inputs.clear();
        self.inputs.resize(die.inputs().next_multiple_of(rows), 0);
        self.planes.fit(rows, die.design().input_format().planes() as usize);
    }
}
