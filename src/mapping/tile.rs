//! The levels of one array and the recipe that puts its column sums together again.

use super::{Layout, Mapping};
use crate::error::{Error, Result, check_integer};
use crate::simd::vectorised;

/// How the column sums of one array recombine to its share of `W·x`.
///
/// With `sum[g, l, j]` the sum of digit × level over active group `g`, lane `l` and output `j`, and
/// `n[g]` the sum of the digits of the group,
///
/// ```text
/// y[j] = Σ_g ( Σ_l ±2^shift[l] · sum[g, l, j]  +  digit_sum[g, j] · n[g] ) .
/// ```
///
/// The sign carries the fragment's sign, the arm and column flip; `digit_sum` carries the offset
/// and what column flip takes away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Left shift of each lane.
    pub shift: Vec<u32>,
    /// Whether the code is subtracted, `[group][lane][output]`.
    pub negative: Vec<bool>,
    /// Factor of the digit sum, `[group][output]`.
    pub digit_sum: Vec<i64>,
}

/// One array's cell levels and recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// Programmed word lines, padding included.
    pub rows: usize,
    /// Programmed bit lines: outputs of this array × cells per weight.
    pub columns: usize,
    /// Levels, `[row][column]`; column = output · cells_per_weight + arm · slices + slice.
    pub levels: Vec<u8>,
    /// How to recombine.
    pub recipe: Recipe,
}

impl Layout {
    /// Maps the part of a matrix that lies on `array`: `values` are inputs × outputs, row by row.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] or [`Error::Integer`] for a slice of the wrong length or an array that
    /// does not exist; [`Error::MixedSign`] for the first fragment of a polarized mapping that
    /// holds weights of both signs; [`Error::Weight`] for a value outside the layout's range.
    pub fn map(&self, values: &[i32], array: usize) -> Result<Tile> {
        self.check_values(values)?;
        check_integer("array", array, 0, self.arrays() as i64 - 1)?;
        let (row_tile, column_tile) = (array / self.column_tiles(), array % self.column_tiles());
        let (inputs, outputs) = (self.tile_inputs(row_tile), self.tile_outputs(column_tile));
        let cells = self.cells_per_weight();
        let (rows, columns) = (self.rows(row_tile), outputs.len() * cells);

        let mut tile = Tile {
            rows,
            columns,
            levels: vec![0; rows * columns],
            recipe: Recipe {
                shift: (0..self.lanes())
                    .map(|lane| self.lane_slice(lane).1 as u32 * self.settings().cell_bits)
                    .collect(),
                negative: vec![false; self.groups(row_tile) * self.lanes() * outputs.len()],
                digit_sum: vec![-i64::from(self.offset()); self.groups(row_tile) * outputs.len()],
            },
        };
        let row_of = |input: usize| &values[input * self.outputs()..][outputs.clone()];
        // Rows of a wide matrix lie pages apart: copied first, their cache misses overlap.
        let part = inputs.clone().map(row_of).collect::<Vec<_>>().concat();
        let mut stored = vec![0; outputs.len() * self.settings().mapping.arms()];
        let rows = part.chunks_exact(outputs.len()).zip(tile.levels.chunks_exact_mut(columns));
        for (input, (row, levels)) in inputs.clone().zip(rows) {
            if self.store(row, &mut stored) > self.max_stored() {
                return Err(self.out_of_range(row, input, outputs.start));
            }
            slice(&stored, self.slices(), self.settings().cell_bits, levels);
        }
        if let Mapping::Polarized { fragment } = self.settings().mapping {
            self.take_fragment_signs(values, fragment, (row_tile, column_tile), &mut tile.recipe)?;
        }
        if self.settings().mapping.arms() == 2 && !self.settings().mapping.is_bipolar() {
            for group in tile.recipe.negative.chunks_exact_mut(self.lanes() * outputs.len()) {
                group[self.slices() * outputs.len()..].fill(true);
            }
        }
        if self.settings().column_flip && !self.settings().mapping.is_bipolar() {
            self.flip_columns(&mut tile, inputs.len());
        }
        Ok(tile)
    }

    /// The non-negative numbers that stand for a row of weights, `[output][arm]`, and the largest.
    fn store(&self, row: &[i32], stored: &mut [u32]) -> u32 {
        // Below the least weight this wraps to beyond the largest number.
        let with_offset = |value: i32| value.wrapping_add(self.offset()) as u32;
        vectorised(
            #[inline(always)]
            || {
                let mut largest = 0;
                match self.settings().mapping {
                    Mapping::Offset => stored.iter_mut().zip(row).for_each(|(stored, &value)| {
                        *stored = with_offset(value);
                        largest = largest.max(*stored);
                    }),
                    Mapping::Polarized { .. } => stored.iter_mut().zip(row).for_each(|(stored, &value)| {
                        *stored = value.unsigned_abs();
                        largest = largest.max(*stored);
                    }),
                    Mapping::Differential { .. } => {
                        for ([positive, negative], &value) in stored.as_chunks_mut().0.iter_mut().zip(row) {
                            let magnitude = value.unsigned_abs();
                            *positive = if value < 0 { 0 } else { magnitude };
                            *negative = magnitude - *positive;
                            largest = largest.max(magnitude);
                        }
                    }
                }
                largest
            },
        )
    }

    /// Largest number that the cells of one arm hold.
    fn max_stored(&self) -> u32 {
        (1 << (self.slices() as u32 * self.settings().cell_bits)) - 1
    }

    /// The first weight of a row that its cells cannot hold.
    fn out_of_range(&self, row: &[i32], input: usize, first_output: usize) -> Error {
        let (offset, max) = (i64::from(self.offset()), i64::from(self.max_stored()));
        let min = if offset > 0 { -offset } else { -max };
        let (min, max) = (min, max - offset);
        let outside = |value: &i32| !(min..=max).contains(&i64::from(*value));
        let at = row.iter().position(outside).unwrap_or_default();
        Error::Weight { input, output: first_output + at, value: row[at].into(), min, max }
    }

    fn take_fragment_signs(
        &self,
        values: &[i32],
        fragment: usize,
        (row_tile, column_tile): (usize, usize),
        recipe: &mut Recipe,
    ) -> Result<()> {
        let (inputs, outputs) = (self.tile_inputs(row_tile), self.tile_outputs(column_tile));
        let groups_per_fragment = fragment / self.settings().active_rows;
        let value = |input: usize, output: usize| values[input * self.outputs() + output];
        let (mut least, mut most) = (vec![0; outputs.len()], vec![0; outputs.len()]);
        for start in inputs.clone().step_by(fragment) {
            let rows = start..inputs.end.min(start + fragment);
            least.fill(0);
            most.fill(0);
            for input in rows.clone() {
                let row = &values[input * self.outputs()..][outputs.clone()];
                for ((least, most), &value) in least.iter_mut().zip(&mut most).zip(row) {
                    *least = value.min(*least);
                    *most = value.max(*most);
                }
            }
            if let Some(column) = (0..outputs.len()).find(|&column| least[column] < 0 && most[column] > 0) {
                let output = outputs.start + column;
                let first = rows.clone().map(|input| value(input, output).signum()).find(|&sign| sign != 0);
                let other = |&input: &usize| Some(-value(input, output).signum()) == first;
                let input = rows.clone().find(other).unwrap_or(start);
                let value = value(input, output).into();
                return Err(Error::MixedSign { fragment: start / fragment, output, input, value });
            }
            let first = (start - inputs.start) / self.settings().active_rows;
            let last = (first + groups_per_fragment).min(self.groups(row_tile));
            let lanes = first * self.lanes() * outputs.len()..last * self.lanes() * outputs.len();
            for lane in recipe.negative[lanes].chunks_exact_mut(outputs.len()) {
                lane.iter_mut().zip(&least).for_each(|(negative, &least)| *negative = least < 0);
            }
        }
        Ok(())
    }

    /// Complements every column of an active group whose levels sum to more than half of the
    /// largest sum. Only rows that hold weights count and flip: padding is never driven.
    fn flip_columns(&self, tile: &mut Tile, weight_rows: usize) {
        let (cells, max_level) = (self.cells_per_weight(), self.settings().max_level());
        let (outputs, columns) = (tile.columns / cells, tile.columns);
        let (mut sums, mut flips) = (vec![0; columns], vec![0; columns]);
        for group in 0..tile.rows / self.settings().active_rows {
            let first = group * self.settings().active_rows;
            let rows = weight_rows.min(first + self.settings().active_rows) - first;
            let levels = &mut tile.levels[first * columns..][..rows * columns];
            sums.fill(0u32);
            for row in levels.chunks_exact(columns) {
                sums.iter_mut().zip(row).for_each(|(sum, &level)| *sum += u32::from(level));
            }
            for (flip, sum) in flips.iter_mut().zip(&sums) {
                *flip = if 2 * sum > rows as u32 * max_level { max_level as u8 } else { 0 };
            }
            for row in levels.chunks_exact_mut(columns) {
                // L − l, since L is all ones.
                row.iter_mut().zip(&flips).for_each(|(level, flip)| *level ^= flip);
            }
            for column in (0..columns).filter(|&column| flips[column] != 0) {
                // Σ x·l = L·Σx − Σ x·(L − l), with the sign the column had before.
                let (output, lane) = (column / cells, column % cells);
                let negative = &mut tile.recipe.negative[(group * cells + lane) * outputs + output];
                let complement = i64::from(max_level) << tile.recipe.shift[lane];
                tile.recipe.digit_sum[group * outputs + output] +=
                    if *negative { -complement } else { complement };
                *negative = !*negative;
            }
        }
    }
}

/// Cuts numbers into slices of `bits`, least significant first.
fn slice(numbers: &[u32], slices: usize, bits: u32, levels: &mut [u8]) {
    vectorised(
        #[inline(always)]
        || match slices {
            1 => slice_into::<1>(numbers, bits, levels),
            2 => slice_into::<2>(numbers, bits, levels),
            3 => slice_into::<3>(numbers, bits, levels),
            4 => slice_into::<4>(numbers, bits, levels),
            8 => slice_into::<8>(numbers, bits, levels),
            _ => {
                for (&number, levels) in numbers.iter().zip(levels.chunks_exact_mut(slices)) {
                    cut(number, bits, levels);
                }
            }
        },
    );
}

/// With their number known, slices of many numbers are cut at once.
#[inline(always)]
fn slice_into<const SLICES: usize>(numbers: &[u32], bits: u32, levels: &mut [u8]) {
    for (&number, levels) in numbers.iter().zip(levels.as_chunks_mut::<SLICES>().0) {
        cut(number, bits, levels);
    }
}

#[inline(always)]
fn cut(number: u32, bits: u32, levels: &mut [u8]) {
    for (slice, level) in levels.iter_mut().enumerate() {
        *level = (number >> (slice as u32 * bits) & ((1 << bits) - 1)) as u8;
    }
}
