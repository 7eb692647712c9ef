//! One column of a post-training polarization: a quadratic with one sign per fragment.

use std::ops::Range;

use super::calibration::add_scaled;

/// `½ zᵀ H z − qᵀ z` over `z` of which every fragment has one sign, and its descent.
#[derive(Debug)]
pub(super) struct Column<'a> {
    /// Symmetric, row by row.
    hessian: &'a [f64],
    fragment: usize,
    pub(super) z: Vec<f64>,
    /// `H z − q`.
    gradient: Vec<f64>,
    /// Fragment by fragment.
    pub(super) negative: Vec<bool>,
}

/// Passes over the rows of one fragment while its sign is tried.
const TRIAL_PASSES: usize = 12;

impl<'a> Column<'a> {
    /// Starts at `z`, whose fragments have these signs.
    pub(super) fn new(
        hessian: &'a [f64],
        q: &[f64],
        fragment: usize,
        z: Vec<f64>,
        negative: Vec<bool>,
    ) -> Self {
        let mut gradient: Vec<f64> = q.iter().map(|q| -q).collect();
        for (row, &z) in hessian.chunks_exact(z.len()).zip(&z) {
            if z != 0.0 {
                add_scaled(&mut gradient, row, z);
            }
        }
        Column { hessian, fragment, z, gradient, negative }
    }

    fn row(&self, at: usize) -> &'a [f64] {
        &self.hessian[at * self.z.len()..][..self.z.len()]
    }

    fn rows(&self, fragment: usize) -> Range<usize> {
        let start = fragment * self.fragment;
        start..self.z.len().min(start + self.fragment)
    }

    /// Moves fragments to their better sign and its best values, one after another, until a sweep
    /// lowers the quadratic by no more than `enough`.
    pub(super) fn descend(&mut self, sweeps: usize, enough: f64) {
        for _ in 0..sweeps {
            let gain: f64 = (0..self.negative.len()).map(|fragment| self.improve(fragment)).sum();
            if gain <= enough {
                break;
            }
        }
    }

    /// The best of both signs for one fragment while the others stay; what it gains.
    fn improve(&mut self, fragment: usize) -> f64 {
        let rows = self.rows(fragment);
        let sign = self.negative[fragment];
        let mut best = (0.0, sign, self.z[rows.clone()].to_vec());
        for negative in [sign, !sign] {
            let (gain, values) = self.trial(rows.clone(), negative);
            if gain > best.0 {
                best = (gain, negative, values);
            }
        }
        let (gain, negative, values) = best;
        self.negative[fragment] = negative;
        for (at, value) in rows.zip(values) {
            self.set(at, value);
        }
        gain
    }

    /// Coordinate descent within one fragment of this sign: what it gains, and its values.
    fn trial(&self, rows: Range<usize>, negative: bool) -> (f64, Vec<f64>) {
        let allowed = |value: f64| if negative { value.min(0.0) } else { value.max(0.0) };
        let before = &self.z[rows.clone()];
        let mut values = before.to_vec();
        let mut gradient = self.gradient[rows.clone()].to_vec();
        let block = |at: usize| &self.row(rows.start + at)[rows.clone()];
        let mut moved = vec![0.0; values.len()];
        let mut shift = |values: &mut [f64], gradient: &mut [f64], at: usize, value: f64| {
            let change = value - values[at];
            if change != 0.0 {
                gradient.iter_mut().zip(block(at)).for_each(|(gradient, h)| *gradient += change * h);
                values[at] = value;
                moved[at] = value - before[at];
            }
        };
        for at in 0..values.len() {
            let value = allowed(values[at]);
            shift(&mut values, &mut gradient, at, value);
        }
        for _ in 0..TRIAL_PASSES {
            for at in 0..values.len() {
                let curvature = block(at)[at];
                if curvature > 0.0 {
                    let value = allowed(values[at] - gradient[at] / curvature);
                    shift(&mut values, &mut gradient, at, value);
                }
            }
        }
        // A quadratic falls by the mean slope at both ends times the way.
        let slopes = self.gradient[rows].iter().zip(&gradient).map(|(before, after)| (before + after) / 2.0);
        (-slopes.zip(&moved).map(|(slope, moved)| slope * moved).sum::<f64>(), values)
    }

    /// Puts every row on a level, `step · k` with `|k| ≤ max` and the sign of its fragment: rounds, then moves
    /// rows to their best level until none moves.
    pub(super) fn settle(&mut self, step: f64, max: f64, sweeps: usize) {
        let level = |negative: bool, value: f64| {
            let magnitude = if negative { -value } else { value } / step;
            let level = step * (magnitude + 0.5).floor().clamp(0.0, max);
            if negative { -level } else { level }
        };
        for at in 0..self.z.len() {
            self.set(at, level(self.negative[at / self.fragment], self.z[at]));
        }
        for _ in 0..sweeps {
            let mut moved = false;
            for at in 0..self.z.len() {
                let curvature = self.row(at)[at];
                if curvature > 0.0 {
                    let best = self.z[at] - self.gradient[at] / curvature;
                    let value = level(self.negative[at / self.fragment], best);
                    // A move of half a level or more gains; less is a tie or rounding.
                    if (value - best).abs() + 1e-9 * step < (self.z[at] - best).abs() {
                        self.set(at, value);
                        moved = true;
                    }
                }
            }
            if !moved {
                break;
            }
        }
    }

    fn set(&mut self, at: usize, value: f64) {
        let change = value - self.z[at];
        if change != 0.0 {
            add_scaled(&mut self.gradient, &self.hessian[at * self.z.len()..][..self.z.len()], change);
            self.z[at] = value;
        }
    }
}
