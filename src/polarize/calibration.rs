//! What calibration inputs say about a layer: means and second moments.

use super::RowOrder;
use crate::error::{Error, Result, check_integer, check_length, check_real};
use crate::simd::vectorised;

/// First and second moments of the input vectors of one layer.
///
/// Two vectors belong to every position: `x`, the layer's input in the original network, and `x̂`, its
/// input where earlier layers were already polarized. Kept are the Gram matrix `Σ x̂ x̂ᵀ`, the
/// moments `Σ x̂ xᵀ` and `Σ x xᵀ`, and the sums of both; no input is stored. With [`Calibration::add`] both are the
/// same. Sums are taken in `f64` in the order of the vectors, so they do not depend on batches or CPU. Cost for `n` inputs:
/// `3 n²` operations a vector, fewer where inputs are 0, and `24 n²` bytes.
///
/// ```
/// use forms_xbar::polarize::Calibration;
///
/// let mut calibration = Calibration::new(2)?;
/// calibration.add(&[1.0, 2.0, 0.0, -1.0])?; // two vectors
/// assert_eq!(calibration.vectors(), 2);
/// assert_eq!(calibration.gram(0, 1), Some(2.0));
/// assert_eq!(calibration.gram(1, 1), Some(5.0));
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    inputs: usize,
    vectors: u64,
    /// `Σ x̂ x̂ᵀ`, row by row.
    pub(super) gram: Vec<f64>,
    /// `Σ x̂ xᵀ`, row by row.
    pub(super) cross: Vec<f64>,
    /// `Σ x xᵀ`, row by row.
    pub(super) gram_meant: Vec<f64>,
    pub(super) sum_seen: Vec<f64>,
    pub(super) sum_meant: Vec<f64>,
}

impl Calibration {
    /// No vector yet, for a layer of this many inputs.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for no input or more than 65,536.
    pub fn new(inputs: usize) -> Result<Self> {
        check_integer("inputs", inputs, 1, 1 << 16)?;
        Ok(Calibration {
            inputs,
            vectors: 0,
            gram: vec![0.0; inputs * inputs],
            cross: vec![0.0; inputs * inputs],
            gram_meant: vec![0.0; inputs * inputs],
            sum_seen: vec![0.0; inputs],
            sum_meant: vec![0.0; inputs],
        })
    }

    /// Adds contiguous input vectors.
    ///
    /// # Errors
    ///
    /// [`Error::Batch`] for no whole number of vectors, [`Error::Real`] for an input that is not
    /// finite.
    pub fn add(&mut self, vectors: &[f32]) -> Result<()> {
        self.add_pairs(vectors, vectors)
    }

    /// Adds contiguous vectors as the polarized network `seen` them and as the original network `meant` them.
    ///
    /// # Errors
    ///
    /// Those of [`Calibration::add`], and [`Error::Length`] when there is not one of each. Nothing is
    /// added then.
    pub fn add_pairs(&mut self, seen: &[f32], meant: &[f32]) -> Result<()> {
        if !seen.len().is_multiple_of(self.inputs) {
            return Err(Error::Batch { found: seen.len(), vector: self.inputs });
        }
        check_length("meant vectors", seen.len(), meant.len())?;
        for &input in seen.iter().chain(meant) {
            check_real("calibration input", input.into(), f64::MIN, f64::MAX)?;
        }
        let pairs = seen.chunks_exact(self.inputs).zip(meant.chunks_exact(self.inputs));
        let mut wide = vec![0.0; self.inputs];
        for (seen, meant) in pairs {
            self.vectors += 1;
            wide.iter_mut().zip(meant).for_each(|(wide, &meant)| *wide = f64::from(meant));
            add_scaled(&mut self.sum_meant, &wide, 1.0);
            add_products(&mut self.cross, seen, &wide);
            add_products(&mut self.gram_meant, meant, &wide);
            wide.iter_mut().zip(seen).for_each(|(wide, &seen)| *wide = f64::from(seen));
            add_scaled(&mut self.sum_seen, &wide, 1.0);
            add_products(&mut self.gram, seen, &wide);
        }
        Ok(())
    }

    /// Inputs of the layer.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Vectors added.
    pub fn vectors(&self) -> u64 {
        self.vectors
    }

    /// One element of `Σ x̂ x̂ᵀ`, `None` outside it.
    pub fn gram(&self, row: usize, column: usize) -> Option<f64> {
        self.gram.chunks_exact(self.inputs).nth(row)?.get(column).copied()
    }

    /// Mean square of every input, or its variance: how much it matters to the outputs.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] without a vector.
    pub fn power(&self, centred: bool) -> Result<Vec<f64>> {
        check_integer("calibration vectors", self.vectors, 1, i64::MAX)?;
        let n = self.vectors as f64;
        let power = |(at, sum): (usize, &f64)| {
            let mean = if centred { sum / n } else { 0.0 };
            (self.gram[at * self.inputs + at] / n - mean * mean).max(0.0)
        };
        Ok(self.sum_seen.iter().enumerate().map(power).collect())
    }

    /// The same vectors with their elements in another order.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for an order of another number of inputs.
    pub fn reordered(&self, order: &RowOrder) -> Result<Self> {
        let n = self.inputs;
        let square = |values: &[f64]| {
            let rows = order.places().iter().flat_map(|&row| &values[row * n..][..n]).copied();
            order.apply(&rows.collect::<Vec<f64>>())
        };
        check_length("row order", n, order.places().len())?;
        Ok(Calibration {
            inputs: n,
            vectors: self.vectors,
            gram: square(&self.gram)?,
            cross: square(&self.cross)?,
            gram_meant: square(&self.gram_meant)?,
            sum_seen: order.apply(&self.sum_seen)?,
            sum_meant: order.apply(&self.sum_meant)?,
        })
    }
}

fn add_products(moments: &mut [f64], left: &[f32], right: &[f64]) {
    for (row, &value) in moments.chunks_exact_mut(right.len()).zip(left) {
        if value != 0.0 {
            add_scaled(row, right, value.into());
        }
    }
}

/// `sums += factor · values`.
pub(super) fn add_scaled(sums: &mut [f64], values: &[f64], factor: f64) {
    vectorised(
        #[inline(always)]
        || sums.iter_mut().zip(values).for_each(|(sum, &value)| *sum += factor * value),
    );
}
