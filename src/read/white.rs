//! Vectors through the tables of a prepared die with white noise.

use super::pass::PassBuffers;
use super::prepared::Prepared;
use super::{Input, Output};
use crate::activity::{Activity, ActivityLevel};
use crate::error::Result;
use crate::kernel::{Block, Clipped, NoiseKey, PATTERN_ROWS, PlaneRun, PlaneRuns, White};
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
                let row_tile = array / self.die.layout().column_tiles();
                self.cut(x, row_tile, ActivityLevel::Off, &mut buffers.work);
                self.plan_runs(x, row_tile, buffers);
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
        let column_tiles = self.die.layout().column_tiles();
        for (array, (block, table)) in self.die.blocks().iter().zip(&self.white).enumerate() {
            if array.is_multiple_of(column_tiles) {
                self.plan_runs(x, array / column_tiles, buffers);
            }
            self.add_white((array, block, table), x, &keys, y, level, buffers, activity);
        }
    }

    /// Makes room for a vector.
    pub(super) fn reserve(&self, PassBuffers { runs, draws, .. }: &mut PassBuffers) {
        let planes = self.die.design().input_format().planes() as usize;
        runs.resize_with(self.die.blocks().iter().map(Block::groups).max().unwrap_or(0), PlaneRuns::default);
        runs.iter_mut().for_each(|runs| runs.reserve(planes));
        draws.reserve(planes, self.white.iter().map(White::rows).max().unwrap_or(0));
    }

    /// Looks which planes some vectors run of each group of a row tile, for all of its arrays.
    fn plan_runs<T: Input>(&self, x: &[T], row_tile: usize, buffers: &mut PassBuffers) {
        let (layout, design) = (self.die.layout(), self.die.design());
        let (inputs, rows) = (layout.tile_inputs(row_tile), design.active_rows());
        let PassBuffers { work, runs, .. } = buffers;
        let groups = inputs.len().div_ceil(rows);
        runs.resize_with(groups.max(runs.len()), PlaneRuns::default);
        for (group, runs) in runs[..groups].iter_mut().enumerate() {
            runs.clear();
            let of_group = inputs.start + group * rows..inputs.end.min(inputs.start + (group + 1) * rows);
            let mut digits = [0; PATTERN_ROWS];
            for (vector, x) in x.chunks_exact(self.die.inputs()).enumerate() {
                digits.iter_mut().zip(&x[of_group.clone()]).for_each(|(digit, &x)| *digit = x.into());
                let planes = Schedule::new(design.input_format(), design.skip(), &digits[..rows]).planes();
                let pattern = work[row_tile].patterns.of_group(vector, group);
                let run = |plane: Plane| PlaneRun::new(plane.index(), pattern(plane.index()), plane.place());
                runs.push(planes.map(run));
            }
        }
    }

    /// Adds what one array makes of some vectors, whose runs are planned.
    #[allow(clippy::too_many_arguments)]
    fn add_white<T: Input, O: Output>(
        &self,
        (array, block, table): (usize, &Block, &White),
        x: &[T],
        keys: impl Fn(usize) -> Key,
        y: &mut [O],
        level: ActivityLevel,
        PassBuffers { sums, runs, draws, .. }: &mut PassBuffers,
        activity: &mut Activity,
    ) {
        let layout = self.die.layout();
        let column_tile = array % layout.column_tiles();
        let vectors = x.len() / self.die.inputs();
        sums.clear();
        sums.resize(vectors * table.stride(), 0);
        let address = layout.address(array);
        draws.begin((0..vectors).map(|vector| NoiseKey { key: keys(vector), array: address }));
        let levels = (self.plan.level, level >= ActivityLevel::Counts);
        let mut clipped = Clipped::default();
        for (group, runs) in runs[..block.groups()].iter().enumerate() {
            clipped += table.add(block, levels, (group, runs), draws, sums);
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
}
