//! Weight matrices: signed integers, and the real numbers they come from.

mod real;

pub use real::RealWeights;

use nalgebra::DMatrix;

use crate::error::{Error, Result, check_integer, check_length};

/// A matrix of signed integers, one row per input (word line), one column per output.
///
/// The product it stands for is `y[j] = Σ_i x[i] · W[i, j]`. This is the only place where the two
/// usual memory orders meet: [`Weights::from_row_slice`] takes inputs × outputs row by row,
/// [`Weights::from_column_slice`] takes the outputs × inputs rows of machine-learning frameworks.
///
/// Weights are `bits` wide in two's complement, `−2^(bits−1) ..= 2^(bits−1) − 1`, for 2 to 16
/// bits. [`Weights::full_magnitude_from_row_slice`] permits `±(2^bits − 1)` instead, since a
/// polarized fragment keeps its sign beside the array (FORMS, section III).
///
/// ```
/// use forms_xbar::Weights;
///
/// let by_rows = Weights::from_row_slice(2, 3, 8, &[1, 2, 3, -4, -5, -6])?;
/// let by_columns = Weights::from_column_slice(2, 3, 8, &[1, -4, 2, -5, 3, -6])?;
/// assert_eq!(by_rows, by_columns);
/// assert_eq!(by_rows.get(1, 2), Some(-6));
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights {
    inputs: usize,
    outputs: usize,
    bits: u32,
    full_magnitude: bool,
    /// Row by row: `values[input * outputs + output]`.
    values: Vec<i32>,
}

impl Weights {
    /// Weights from `inputs` rows of `outputs` values each.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for a zero size or `bits` outside 2–16, [`Error::Length`] when
    /// `values.len() != inputs · outputs`, [`Error::Weight`] for the first value out of range.
    pub fn from_row_slice(inputs: usize, outputs: usize, bits: u32, values: &[i32]) -> Result<Self> {
        Self::from_row_vec(inputs, outputs, bits, false, values.to_vec())
    }

    /// Weights from `outputs` runs of `inputs` values each, the memory order of an
    /// outputs × inputs matrix stored row by row.
    ///
    /// # Errors
    ///
    /// As [`Weights::from_row_slice`].
    pub fn from_column_slice(inputs: usize, outputs: usize, bits: u32, values: &[i32]) -> Result<Self> {
        check_size(inputs, outputs, values.len())?;
        let transposed = (0..values.len()).map(|at| values[(at % outputs) * inputs + at / outputs]).collect();
        Self::from_row_vec(inputs, outputs, bits, false, transposed)
    }

    /// As [`Weights::from_row_slice`], but permits magnitudes up to `2^bits − 1` of either sign.
    ///
    /// In a polarized mapping they take no more cells than two's complement of the same `bits`;
    /// offset mapping needs one level bit more.
    ///
    /// # Errors
    ///
    /// As [`Weights::from_row_slice`].
    pub fn full_magnitude_from_row_slice(
        inputs: usize,
        outputs: usize,
        bits: u32,
        values: &[i32],
    ) -> Result<Self> {
        Self::from_row_vec(inputs, outputs, bits, true, values.to_vec())
    }

    /// As [`Weights::from_row_slice`], or with full magnitude, without a copy.
    pub(crate) fn from_row_vec(
        inputs: usize,
        outputs: usize,
        bits: u32,
        full_magnitude: bool,
        values: Vec<i32>,
    ) -> Result<Self> {
        check_integer("weight bits", bits, 2, 16)?;
        check_size(inputs, outputs, values.len())?;
        let weights = Weights { inputs, outputs, bits, full_magnitude, values };
        let (min, max) = weights.range();
        match weights.values.iter().position(|value| !(min..=max).contains(value)) {
            None => Ok(weights),
            Some(at) => Err(Error::Weight {
                input: at / outputs,
                output: at % outputs,
                value: weights.values[at].into(),
                min: min.into(),
                max: max.into(),
            }),
        }
    }

    /// Rows of the matrix.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Columns of the matrix.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Width of a weight.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Smallest and largest weight the format permits.
    pub fn range(&self) -> (i32, i32) {
        if self.full_magnitude {
            let max = (1 << self.bits) - 1;
            (-max, max)
        } else {
            (-(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1)
        }
    }

    /// The weights row by row, inputs × outputs.
    pub fn as_row_slice(&self) -> &[i32] {
        &self.values
    }

    /// One weight, `None` outside the matrix.
    pub fn get(&self, input: usize, output: usize) -> Option<i32> {
        self.values.chunks_exact(self.outputs).nth(input)?.get(output).copied()
    }
}

/// Takes inputs × outputs; `bits` is the least two's-complement width that holds every weight.
///
/// ```
/// use forms_xbar::{Weights, nalgebra::DMatrix};
///
/// let weights = Weights::try_from(DMatrix::from_row_slice(2, 2, &[1, -4, 3, 2]))?;
/// assert_eq!((weights.inputs(), weights.outputs(), weights.bits()), (2, 2, 3));
/// # Ok::<(), forms_xbar::Error>(())
/// ```
impl TryFrom<DMatrix<i32>> for Weights {
    type Error = Error;

    fn try_from(matrix: DMatrix<i32>) -> Result<Self> {
        let width = |value: &i32| 33 - (value ^ (value >> 31)).leading_zeros();
        // Too wide a weight is reported as a weight, with its place, against 16 bits.
        let bits = matrix.iter().map(width).max().unwrap_or(2).clamp(2, 16);
        Self::from_column_slice(matrix.nrows(), matrix.ncols(), bits, matrix.as_slice())
    }
}

fn check_size(inputs: usize, outputs: usize, found: usize) -> Result<()> {
    check_integer("inputs", inputs, 1, i64::MAX)?;
    check_integer("outputs", outputs, 1, i64::MAX)?;
    check_length("weights", inputs.saturating_mul(outputs), found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(Weights::from_row_slice(1, 1, 2, &[-2]).unwrap().range(), (-2, 1));
        assert_eq!(Weights::from_row_slice(1, 1, 16, &[-32768]).unwrap().range(), (-32768, 32767));
        let full = Weights::full_magnitude_from_row_slice(1, 2, 8, &[255, -255]).unwrap();
        assert_eq!(full.range(), (-255, 255));
    }

    #[test]
    fn matrices_find_their_width() {
        let bits = |value| Weights::try_from(DMatrix::from_element(1, 1, value)).map(|w| w.bits());
        assert_eq!(bits(0), Ok(2));
        assert_eq!(bits(-2), Ok(2));
        assert_eq!(bits(2), Ok(3));
        assert_eq!(bits(127), Ok(8));
        assert_eq!(bits(-128), Ok(8));
        assert_eq!(bits(128), Ok(9));
        assert_eq!(bits(-32768), Ok(16));
        let wide = Error::Weight { input: 0, output: 0, value: 32768, min: -32768, max: 32767 };
        assert_eq!(bits(32768), Err(wide));
        assert!(Weights::try_from(DMatrix::<i32>::zeros(0, 3)).is_err());
    }
}
