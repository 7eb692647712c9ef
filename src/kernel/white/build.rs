//! Sums and variances of every pattern of a group.

use std::ops::Range;

use super::COLUMNS;
use crate::kernel::block::Grid;
use crate::kernel::{Block, Summands};

/// Sums of 32 columns, those that a block lacks 0.
pub(super) type Sums = [i32; COLUMNS];

/// What one lane of 32 columns has in every pattern of a group.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    pub(super) sums: Vec<Sums>,
    pub(super) variances: Vec<[u64; COLUMNS]>,
}

impl Patterns {
    /// Works out the patterns of a group.
    #[inline(always)]
    pub(super) fn fill(
        &mut self,
        block: &Block,
        grid: &Grid<i32>,
        (group, lane): (usize, usize),
        columns: Range<usize>,
    ) {
        let (rows, conversions) = (block.group_rows(), block.lanes() * block.columns());
        let within = lane * block.columns() + columns.start..lane * block.columns() + columns.end;
        self.sums.clear();
        self.sums.resize(1 << rows, [0; COLUMNS]);
        let summand = |row: usize| {
            let mut padded = [0; COLUMNS];
            padded[..within.len()]
                .copy_from_slice(&grid.contributions[row * block.stride()..][within.clone()]);
            padded
        };
        match block.summands() {
            Summands::Patterns => {
                self.sums.iter_mut().zip(group << rows..).for_each(|(sums, row)| *sums = summand(row));
            }
            // Of digits of one bit there is one table.
            Summands::Rows | Summands::Digits => double(&mut self.sums, |row| summand(group * rows + row)),
        }
        let Some(noise) = block.noise() else { return };
        let variances = |table: &[u64], row: usize| {
            let mut padded = [0; COLUMNS];
            if !table.is_empty() {
                padded[..within.len()].copy_from_slice(&table[row * conversions..][within.clone()]);
            }
            padded
        };
        self.variances.clear();
        self.variances.resize(1 << rows, [0; COLUMNS]);
        self.variances[0] = variances(&noise.undriven, group);
        self.variances[0][..within.len()].iter_mut().for_each(|variance| *variance += noise.constant);
        double(&mut self.variances, |row| variances(&noise.cells, group * rows + row));
    }
}

/// What the ADCs of 32 columns add to their sums.
pub(super) fn offsets(block: &Block, lane: usize, columns: Range<usize>) -> Sums {
    let mut offsets = [0; COLUMNS];
    for (offset, column) in offsets.iter_mut().zip(columns) {
        *offset = block.adcs().offset(lane * block.columns() + column) as i32;
    }
    offsets
}

/// The sums of every pattern from that of none and those of single rows.
#[inline(always)]
fn double<T: Copy + std::ops::Add<Output = T>>(
    patterns: &mut [[T; COLUMNS]],
    row: impl Fn(usize) -> [T; COLUMNS],
) {
    for bit in 0..patterns.len().trailing_zeros() as usize {
        let (done, open) = patterns.split_at_mut(1 << bit);
        let row = row(bit);
        for (to, from) in open.iter_mut().zip(done) {
            for at in 0..COLUMNS {
                to[at] = from[at] + row[at];
            }
        }
    }
}
