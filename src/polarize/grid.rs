//! Rounding onto levels, row after row.
//!
//! Loops are kept apart by kind, those without sums from those with, because that is what compilers vectorise.

use super::Moved;
use super::moved::{LANES, PIECE, TOGETHER, add_products, square, squared_change};
use crate::simd::vectorised;
use crate::weights::RealWeights;

/// Levels `step · k` with `|k| ≤ max`.
#[derive(Debug)]
pub(super) struct Grid {
    /// Of every column of a row; where all have one step, of a piece.
    steps: Vec<f64>,
    max: f64,
}

/// How well levels fit magnitudes.
#[derive(Debug, Default)]
pub(super) struct Fit {
    /// Sum of squared distances.
    pub(super) error: f64,
    /// Sum of levels times magnitudes.
    pub(super) product: f64,
    /// Sum of squared levels.
    pub(super) square: f64,
}

impl Grid {
    /// One step per column, or one for all.
    pub(super) fn new(steps: &[f64], max: i32) -> Self {
        let steps = if let &[step] = steps { vec![step; PIECE] } else { steps.to_vec() };
        Grid { steps, max: max.into() }
    }

    /// Rounds weights in place; how far that moves them.
    pub(super) fn round(&self, range: &Range, values: &mut [f32]) -> Moved {
        let (max, width) = (self.max, self.steps.len());
        vectorised(
            #[inline(always)]
            || {
                let (mut removed, mut reals) = ([0.0; LANES], [0.0; PIECE]);
                for row in values.chunks_mut(width) {
                    for (values, steps) in row.chunks_mut(PIECE).zip(self.steps.chunks(PIECE)) {
                        for ((real, &value), &step) in reals.iter_mut().zip(&*values).zip(steps) {
                            *real = real_of(level(value.abs(), step, max), step, value);
                        }
                        let reals = &reals[..values.len()];
                        add_products(&mut removed, values, reals, squared_change);
                        values.copy_from_slice(reals);
                    }
                }
                range.moved(removed)
            },
        )
    }

    /// Writes the levels of weights; how many lie beyond the largest, and how far they are moved.
    pub(super) fn levels(&self, range: &Range, values: &[f32], levels: &mut [i32]) -> (usize, Moved) {
        let (max, width) = (self.max, self.steps.len());
        vectorised(
            #[inline(always)]
            || {
                let (mut removed, mut reals) = ([0.0; LANES], [0.0; PIECE]);
                let mut clipped = 0;
                for (row, levels) in values.chunks(width).zip(levels.chunks_mut(width)) {
                    let pieces = row.chunks(PIECE).zip(levels.chunks_mut(PIECE));
                    for ((values, levels), steps) in pieces.zip(self.steps.chunks(PIECE)) {
                        let into = reals.iter_mut().zip(levels);
                        for (((real, integer), &value), &step) in into.zip(values).zip(steps) {
                            let level = level(value.abs(), step, max);
                            *real = real_of(level, step, value);
                            *integer = integer_of(level, value);
                        }
                        add_products(&mut removed, values, &reals[..values.len()], squared_change);
                        for (&value, &step) in values.iter().zip(steps) {
                            clipped += u64::from(raised(value.abs(), step) >= max + 1.0);
                        }
                    }
                }
                (clipped as usize, range.moved(removed))
            },
        )
    }

    /// How well the levels of the first step fit weights, `None` unless the error is below a bound.
    pub(super) fn fit(&self, values: &[f32], bound: f64) -> Option<Fit> {
        // Weights between two looks at the error so far: errors only grow.
        const LOOK: usize = 64 * PIECE;
        let (step, max) = (self.steps[0], self.max);
        // Multiplying rounds otherwise than dividing only where two levels are as near.
        let per_step = 1.0 / step;
        let (mut errors, mut products, mut squares) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        let mut error = 0.0;
        for values in values.chunks(LOOK) {
            vectorised(
                #[inline(always)]
                || {
                    let (mut levels, mut magnitudes, mut lost) = ([0.0; PIECE], [0.0; PIECE], [0.0; PIECE]);
                    for values in values.chunks(PIECE) {
                        let parts = levels.iter_mut().zip(&mut magnitudes).zip(&mut lost);
                        for (((level, magnitude), lost), &value) in parts.zip(values) {
                            *magnitude = f64::from(value.abs());
                            let nearest = (*magnitude * per_step + 0.5).floor();
                            *level = if nearest < max { nearest } else { max };
                            *lost = *magnitude - f64::from((*level * step) as f32);
                        }
                        let (levels, lost) = (&levels[..values.len()], &lost[..values.len()]);
                        add_products(&mut errors, lost, lost, |a, b| a * b);
                        add_products(&mut products, levels, &magnitudes[..values.len()], |a, b| a * b);
                        add_products(&mut squares, levels, levels, |a, b| a * b);
                    }
                },
            );
            error = errors.iter().sum();
            if error >= bound {
                return None;
            }
        }
        Some(Fit { error, product: products.iter().sum(), square: squares.iter().sum() })
    }
}

/// Half a level above the magnitude, in levels.
#[inline(always)]
fn raised(magnitude: f32, step: f64) -> f64 {
    f64::from(magnitude) / step + 0.5
}

/// The magnitude of the nearest level, halves upwards, at most `max`.
#[inline(always)]
fn level(magnitude: f32, step: f64, max: f64) -> f64 {
    let level = raised(magnitude, step).floor();
    if level < max { level } else { max }
}

/// What a level stands for, rounded once, with the sign of a weight; 0 has a plus.
#[inline(always)]
fn real_of(level: f64, step: f64, sign: f32) -> f32 {
    ((level * step) as f32).copysign(sign) + 0.0
}

/// A level as an integer with the sign of a weight. In numbers of this size the low bits count ones; unlike a
/// conversion, that vectorises.
#[inline(always)]
fn integer_of(level: f64, sign: f32) -> i32 {
    const ONES: f64 = (1u64 << 52) as f64;
    let integer = (level + ONES).to_bits() as i32;
    if sign < 0.0 { -integer } else { integer }
}

/// What has to be known of weights before they are rounded.
#[derive(Debug, Default)]
pub(super) struct Range {
    /// Largest magnitude of every column, or of the matrix.
    pub(super) largest: Vec<f32>,
    /// Sum of squares.
    square: f64,
}

impl Range {
    /// Of the matrix.
    pub(super) fn new(weights: &RealWeights) -> Self {
        Self::of_values(weights.as_row_slice())
    }

    /// Of all these weights.
    pub(super) fn of_values(values: &[f32]) -> Self {
        let (mut tops, mut squares) = ([0; PIECE], [0.0; LANES]);
        vectorised(
            #[inline(always)]
            || {
                for values in values.chunks(PIECE) {
                    add_tops(&mut tops, values);
                    add_products(&mut squares, values, values, square);
                }
            },
        );
        let top = tops.into_iter().fold(0, u32::max);
        Range { largest: vec![f32::from_bits(top)], square: squares.iter().sum() }
    }

    /// Of every column.
    pub(super) fn of_columns(weights: &RealWeights) -> Self {
        let outputs = weights.outputs();
        let (mut tops, mut squares) = (vec![0; outputs], [0.0; LANES]);
        vectorised(
            #[inline(always)]
            || {
                for rows in weights.as_row_slice().chunks(TOGETHER * outputs) {
                    let (blocks, rest) = tops.as_chunks_mut::<LANES>();
                    for (block, at) in blocks.iter_mut().zip((0..).step_by(LANES)) {
                        // Both stay in registers while rows pass.
                        let (mut tops, mut sums) = (*block, squares);
                        for row in rows.chunks_exact(outputs) {
                            let values = &row[at..at + LANES];
                            add_tops(&mut tops, values);
                            add_products(&mut sums, values, values, square);
                        }
                        (*block, squares) = (tops, sums);
                    }
                    let wide = outputs - rest.len();
                    for row in rows.chunks_exact(outputs) {
                        add_tops(rest, &row[wide..]);
                        add_products(&mut squares, &row[wide..], &row[wide..], square);
                    }
                }
            },
        );
        Range { largest: tops.into_iter().map(f32::from_bits).collect(), square: squares.iter().sum() }
    }

    /// From there by a sum of squared changes.
    fn moved(&self, removed: [f64; LANES]) -> Moved {
        Moved { distance: removed.iter().sum::<f64>().sqrt(), norm: self.square.sqrt() }
    }
}

/// Raises tops to the magnitudes of weights, both as bits: finite magnitudes are in their order, and integers have a
/// maximum in every CPU's vectors.
#[inline(always)]
fn add_tops(tops: &mut [u32], values: &[f32]) {
    for (top, &value) in tops.iter_mut().zip(values) {
        *top = value.abs().to_bits().max(*top);
    }
}
