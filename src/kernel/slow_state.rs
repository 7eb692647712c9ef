//! The states of slow noise while the planes of one active group are run.

use std::ops::Range;

use super::slow::{Bank, Cells, flicker_on_grid};
use super::{Block, Flicker, NoiseKey, Persistence, SlowNoise, Step, Telegraph};
use crate::fixed::round;

/// States of one active group's cells, brought up to date where a row is driven.
///
/// Rows that are never driven are never drawn. Buffers grow to the largest group they meet.
#[derive(Debug, Clone, Default)]
pub(super) struct SlowState {
    /// Whose states these are: vector and array, active group, last plane run.
    of: Option<(NoiseKey, usize, u32)>,
    weights: BankState,
    dummies: BankState,
}

/// States of one bank's cells.
#[derive(Debug, Clone, Default)]
struct BankState {
    /// Planes run that each row's states have seen, `[row of the group]`; 0 before the first.
    seen: Vec<u32>,
    /// States of telegraph noise, `[row of the group][cell]`.
    trapped: Vec<bool>,
    /// Normal numbers of flicker noise, `[row of the group][held, then octaves][cell]`.
    normals: Vec<f32>,
    /// One row's weighted sums of normal numbers.
    weighted: Vec<f64>,
    /// Deviations as of the last plane seen, `[row of the group][cell]`.
    deviations: Vec<i64>,
    /// `Σ_row weight · deviation` of a step, `[cell]`.
    sums: Vec<i64>,
}

impl SlowState {
    /// Reserves what `block` needs.
    pub(super) fn reserve(&mut self, block: &Block, slow: &SlowNoise) {
        let rows = block.group_rows();
        self.weights.reserve(&slow.cells(Bank::Weights, block), rows, slow);
        self.dummies.reserve(&slow.cells(Bank::Dummies, block), rows, slow);
    }

    /// Adds to `moves`, `[lane][column]`, what slow noise moves the sums of a step by.
    ///
    /// States go on while [`Step::run`] of one group of one vector rises, which is when the block must
    /// stay the same, and else start anew.
    pub(super) fn add_moves(
        &mut self,
        block: &Block,
        slow: &SlowNoise,
        step: &Step<'_>,
        noise: NoiseKey,
        moves: &mut [i64],
    ) {
        let last = self.of.replace((noise, step.group, step.run));
        if !last.is_some_and(|(of, group, run)| of == noise && group == step.group && run < step.run) {
            self.reserve(block, slow);
            self.weights.seen.fill(0);
            self.dummies.seen.fill(0);
        }
        let (lanes, columns) = (block.lanes(), block.columns());
        let dummies = self.dummies.sums(block, slow, step, noise, &slow.cells(Bank::Dummies, block));
        let dummy = dummies[0];
        let weights = self.weights.sums(block, slow, step, noise, &slow.cells(Bank::Weights, block));
        for (column, sums) in weights.chunks_exact(slow.arms * lanes).enumerate() {
            for (lane, &sum) in sums[..lanes].iter().enumerate() {
                let pair = sums.get(lanes + lane).copied().unwrap_or(0);
                moves[lane * columns + column] += round(sum - pair - dummy);
            }
        }
    }
}

impl BankState {
    fn reserve(&mut self, cells: &Cells<'_>, rows: usize, slow: &SlowNoise) {
        grow(&mut self.seen, rows);
        if !cells.trapped.is_empty() {
            grow(&mut self.trapped, rows * cells.per_row);
        }
        if let Some(flicker) = slow.flicker.as_ref().filter(|_| !cells.flicker.is_empty()) {
            grow(&mut self.normals, rows * (1 + flicker.octaves.len()) * cells.per_row);
            grow(&mut self.weighted, cells.per_row);
        }
        grow(&mut self.deviations, rows * cells.per_row);
        grow(&mut self.sums, cells.per_row);
    }

    /// `Σ weight · deviation` over the driven rows of a step, by cell.
    fn sums(
        &mut self,
        block: &Block,
        slow: &SlowNoise,
        step: &Step<'_>,
        noise: NoiseKey,
        cells: &Cells<'_>,
    ) -> &[i64] {
        self.sums[..cells.per_row].fill(0);
        for (row, digit) in block.driven(step) {
            let at = row - step.group * block.group_rows();
            self.update(slow, cells, noise, (at, row), step.run);
            let weight = slow.digit_weight[usize::from(digit)];
            let deviations = &self.deviations[at * cells.per_row..][..cells.per_row];
            self.sums.iter_mut().zip(deviations).for_each(|(sum, deviation)| *sum += weight * deviation);
        }
        &self.sums[..cells.per_row]
    }

    /// Brings a row's cells to the plane run before which `run` were run.
    fn update(
        &mut self,
        slow: &SlowNoise,
        cells: &Cells<'_>,
        noise: NoiseKey,
        (at, row): (usize, usize),
        run: u32,
    ) {
        let unseen = std::mem::replace(&mut self.seen[at], run + 1)..run + 1;
        let of_row = row * cells.per_row..(row + 1) * cells.per_row;
        if !slow.changes(&unseen) {
            return;
        }
        let deviations = &mut self.deviations[at * cells.per_row..][..cells.per_row];
        deviations.fill(0);
        if let Some(telegraph) = slow.telegraph.as_ref().filter(|_| !cells.trapped.is_empty()) {
            let states = &mut self.trapped[at * cells.per_row..][..cells.per_row];
            evolve(telegraph, noise, (cells.bank, row), unseen.clone(), states);
            let levels = cells.trapped[of_row.clone()].iter().zip(&cells.untrapped[of_row.clone()]);
            for ((deviation, (&trapped, &untrapped)), &state) in
                deviations.iter_mut().zip(levels).zip(&*states)
            {
                *deviation += if state { trapped } else { untrapped };
            }
        }
        if let Some(flicker) = slow.flicker.as_ref().filter(|_| !cells.flicker.is_empty()) {
            let numbers = (1 + flicker.octaves.len()) * cells.per_row;
            let normals = &mut self.normals[at * numbers..][..numbers];
            let weighted = &mut self.weighted[..cells.per_row];
            redraw(flicker, noise, (cells.bank, row), unseen, normals);
            weigh(flicker, normals, weighted);
            for ((deviation, &sigma), &sum) in
                deviations.iter_mut().zip(&cells.flicker[of_row]).zip(&*weighted)
            {
                *deviation += flicker_on_grid(sigma, sum);
            }
        }
    }
}

/// Takes the telegraph states of a row through the planes run in `unseen`.
fn evolve(
    telegraph: &Telegraph,
    noise: NoiseKey,
    (bank, row): (Bank, usize),
    unseen: Range<u32>,
    states: &mut [bool],
) {
    let start = |n: u32, states: &mut [bool]| {
        let mut draws = Telegraph::draws(noise, bank, row, n);
        states.iter_mut().for_each(|state| *state = draws.bits() < telegraph.probability);
    };
    match telegraph.persistence {
        Persistence::Redrawn => start(unseen.end - 1, states),
        Persistence::Held | Persistence::Evolved if unseen.start == 0 => start(0, states),
        Persistence::Held | Persistence::Evolved => {}
    }
    if telegraph.persistence == Persistence::Evolved {
        for n in unseen.start.max(1)..unseen.end {
            let mut draws = Telegraph::draws(noise, bank, row, n);
            for state in &mut *states {
                // Without a branch on a random state.
                *state ^= draws.bits() < [telegraph.capture, telegraph.emission][usize::from(*state)];
            }
        }
    }
}

/// Redraws the normal numbers of a row, `[held, then octaves][cell]`, whose time is over in the last
/// plane of `unseen`. A number without weight is not drawn.
fn redraw(
    flicker: &Flicker,
    noise: NoiseKey,
    (bank, row): (Bank, usize),
    unseen: Range<u32>,
    normals: &mut [f32],
) {
    let run = unseen.end - 1;
    let mut numbers = normals.chunks_exact_mut(normals.len() / (1 + flicker.octaves.len()));
    if let Some(held) = numbers.next().filter(|_| unseen.start == 0 && flicker.held != 0.0) {
        Flicker::held_draws(noise, bank, row).fill_normals(held);
    }
    for (octave, numbers) in numbers.enumerate() {
        if flicker.redraws(octave, &unseen) {
            Flicker::octave_draws(noise, bank, row, octave, run).fill_normals(numbers);
        }
    }
}

/// `w_held z + Σ_k w_k z_k` of every cell of a row, in this order.
fn weigh(flicker: &Flicker, normals: &[f32], weighted: &mut [f64]) {
    weighted.fill(0.0);
    for (weight, numbers) in flicker.weights().zip(normals.chunks_exact(weighted.len())) {
        if weight != 0.0 {
            weighted.iter_mut().zip(numbers).for_each(|(sum, &z)| *sum += weight * f64::from(z));
        }
    }
}

fn grow<T: Clone + Default>(buffer: &mut Vec<T>, length: usize) {
    if buffer.len() < length {
        buffer.resize(length, T::default());
    }
}
