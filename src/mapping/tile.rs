//! The levels of one array and the recipe that puts its column sums together again.

use super::{Layout, Mapping};
use crate::error::{Error, Result, check_integer};

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
        for (row, input) in inputs.clone().enumerate() {
            for (column, output) in outputs.clone().enumerate() {
                let value = values[input * self.outputs() + output];
                let (arm, stored) = self.stored(value, input, output)?;
                let first = row * columns + column * cells + arm * self.slices();
                for (slice, level) in tile.levels[first..first + self.slices()].iter_mut().enumerate() {
                    let shift = slice as u32 * self.settings().cell_bits;
                    *level = (stored >> shift & self.settings().max_level()) as u8;
                }
            }
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

    /// The arm a weight is stored in and the non-negative number stored there.
    fn stored(&self, value: i32, input: usize, output: usize) -> Result<(usize, u32)> {
        let (value, offset) = (i64::from(value), i64::from(self.offset()));
        let stored = match self.settings().mapping {
            Mapping::Offset => value + offset,
            Mapping::Polarized { .. } | Mapping::Differential { .. } => value.abs(),
        };
        let max = (1 << (self.slices() as u32 * self.settings().cell_bits)) - 1;
        if !(0..=max).contains(&stored) {
            let min = if offset > 0 { -offset } else { -max };
            return Err(Error::Weight { input, output, value, min, max: max - offset });
        }
        let arm = usize::from(self.settings().mapping.arms() == 2 && value < 0);
        Ok((arm, stored as u32))
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
        for start in inputs.clone().step_by(fragment) {
            for (column, output) in outputs.clone().enumerate() {
                let mut sign = 0;
                for input in start..inputs.end.min(start + fragment) {
                    let value = values[input * self.outputs() + output];
                    if value.signum() * sign < 0 {
                        let fragment = start / fragment;
                        return Err(Error::MixedSign { fragment, output, input, value: value.into() });
                    }
                    sign |= value.signum();
                }
                let first = (start - inputs.start) / self.settings().active_rows;
                let last = (first + groups_per_fragment).min(self.groups(row_tile));
                for at in first * self.lanes()..last * self.lanes() {
                    recipe.negative[at * outputs.len() + column] = sign < 0;
                }
            }
        }
        Ok(())
    }

    /// Complements every column of an active group whose levels sum to more than half of the
    /// largest sum. Only rows that hold weights count and flip: padding is never driven.
    fn flip_columns(&self, tile: &mut Tile, weight_rows: usize) {
        let (cells, max_level) = (self.cells_per_weight(), self.settings().max_level());
        let outputs = tile.columns / cells;
        for group in 0..tile.rows / self.settings().active_rows {
            let first = group * self.settings().active_rows;
            let rows = first..weight_rows.min(first + self.settings().active_rows);
            for column in 0..tile.columns {
                let at = |row: usize| row * tile.columns + column;
                let sum: u32 = rows.clone().map(|row| u32::from(tile.levels[at(row)])).sum();
                if 2 * sum <= rows.len() as u32 * max_level {
                    continue;
                }
                for row in rows.clone() {
                    tile.levels[row * tile.columns + column] =
                        (max_level - u32::from(tile.levels[at(row)])) as u8;
                }
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
