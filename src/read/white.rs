//! Vectors through the tables of a prepared die with white noise.

use super::pass::PassBuffers;
use super::prepared::Prepared;
use super::{Input, Output};
use crate::activity::{Activity, ActivityLevel};
use crate::error::Result;
use crate::kernel::{Block, Clipped, NoiseKey, PlaneRun, VectorRuns, White};
use crate::key::Key;
use crate::stream::{Plane, Schedule};

impl Prepared<'_> {
    /// Runs a batch through the tables, vector `v` with the draws of `keys(v)`, by passes in parallel with feature `rayon`.
    pub(super) fn read_white<T: Input, O: Output>(
        &self,
        x: &[T],
        keys: impl Fn(usize) -> Key + Sync,
        y: &mut [O],
        level: ActivityLevel,
    ) -> Result<Activity> {
        let vectors = self.die.check_batch(x)?;
        self.die.check_output::<O>(vectors, y.len())?;
        if !self.plan.streams {
            return Ok(self.for_each_pass(x, y, |first, x, y, buffers, activity| {
                self.pass_white(x, |vector| keys(first + vector), y, level, buffers, activity);
            }));
        }
        let mut activity = self.for_each_pass(x, y, |_, x, y, buffers, activity| {
            self.count(x, level, buffers, activity);
            y.fill(O::default());
        });
        for (array, block) in self.die.blocks().iter().enumerate() {
            let Some(table) = White::new(self.plan.level, block) else {
                unreachable!("it had a table when it was prepared")
            };
            activity += self.for_each_pass(x, y, |first, x, y, buffers, activity| {
                self.cut(x, array / self.die.layout().column_tiles(), ActivityLevel::Off, &mut buffers.work);
                let keys = |vector| keys(first + vector);
                self.add_white((array, block, &table), x, keys, y, level, buffers, activity);
            });
        }
        Ok(activity)
    }

    /// Runs some vectors through all tables.
    pub(super) fn pass_white<T: Input, O: Output>(
        &self,
        x: &[T],
        keys: impl Fn(usize) -> Key,
        y: &mut [O],
        level: ActivityLevel,
        buffers: &mut PassBuffers,
        activity: &mut Activity,
    ) {
        self.count(x, level, buffers, activity);
        y.fill(O::default());
        for (array, (block, table)) in self.die.blocks().iter().zip(&self.white).enumerate() {
            self.add_white((array, block, table), x, &keys, y, level, buffers, activity);
        }
    }

    /// Adds what one array makes of some vectors, which are cut into patterns.
    #[allow(clippy::too_many_arguments)]
    fn add_white<T: Input, O: Output>(
        &self,
        (array, block, table): (usize, &Block, &White),
        x: &[T],
        keys: impl Fn(usize) -> Key,
        y: &mut [O],
        level: ActivityLevel,
        PassBuffers { work, sums, runs, .. }: &mut PassBuffers,
        activity: &mut Activity,
    ) {
        let layout = self.die.layout();
        let (row_tile, column_tile) = (array / layout.column_tiles(), array % layout.column_tiles());
        let vectors = x.len() / self.die.inputs();
        sums.clear();
        sums.resize(vectors * table.stride(), 0);
        let address = layout.address(array);
        runs.begin((0..vectors).map(|vector| NoiseKey { key: keys(vector), array: address }));
        let levels = (self.plan.level, level >= ActivityLevel::Counts);
        let mut clipped = Clipped::default();
        for group in 0..block.groups() {
            runs.clear();
            let patterns = &work[row_tile].patterns;
            for (vector, x) in x.chunks_exact(self.die.inputs()).enumerate() {
                let inputs = &x[layout.tile_inputs(row_tile)];
                self.push_run(inputs, group, patterns.of_group(vector, group), runs);
            }
            clipped += table.add(block, levels, group, runs, sums);
        }
        let outputs = layout.tile_outputs(column_tile);
        let each = y.chunks_exact_mut(self.die.outputs()).zip(sums.chunks_exact(table.stride()));
        for (y, sums) in each {
            for (y, &sum) in y[outputs.clone()].iter_mut().zip(sums) {
                *y = y.plus(i64::from(sum) * self.unit);
            }
        }
        let counted = activity.counts_mut();
        counted.clipped_low += clipped.low;
        counted.clipped_high += clipped.high;
    }

    /// Adds the planes that the next vector runs of a group.
    fn push_run<T: Input>(
        &self,
        inputs: &[T],
        group: usize,
        pattern: impl Fn(u32) -> usize,
        runs: &mut VectorRuns,
    ) {
        let design = self.die.design();
        let rows = design.active_rows();
        let inputs = &inputs[group * rows..inputs.len().min((group + 1) * rows)];
        let mut digits = [0; 8];
        digits.iter_mut().zip(inputs).for_each(|(digit, &x)| *digit = x.into());
        let planes = Schedule::new(design.input_format(), design.skip(), &digits[..rows]).planes();
        let run = |plane: Plane| PlaneRun::new(plane.index(), pattern(plane.index()), plane.place());
        runs.push(planes.map(run));
    }
}
