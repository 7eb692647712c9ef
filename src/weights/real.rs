//! Real weight matrices, before they become integers.

use nalgebra::DMatrix;

use super::check_size;
use crate::error::{Error, Result};

/// A matrix of finite real weights, one row per input, one column per output: what a network was
/// trained with, and what projections act on.
///
/// The orientation is that of [`Weights`](crate::Weights), and so are the two memory orders:
/// [`RealWeights::from_row_slice`] takes inputs × outputs row by row,
/// [`RealWeights::from_column_slice`] the outputs × inputs rows of machine-learning frameworks, for
/// which a convolution's kernel is flattened (channel, row, column). The unit is the network's own.
///
/// ```
/// use forms_xbar::RealWeights;
///
/// let by_rows = RealWeights::from_row_slice(2, 3, &[1.0, 2.0, 3.0, -4.0, -5.0, -6.0])?;
/// let by_columns = RealWeights::from_column_slice(2, 3, &[1.0, -4.0, 2.0, -5.0, 3.0, -6.0])?;
/// assert_eq!(by_rows, by_columns);
/// assert_eq!(by_rows.get(1, 2), Some(-6.0));
/// assert!(RealWeights::from_row_slice(1, 1, &[f32::NAN]).is_err());
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RealWeights {
    inputs: usize,
    outputs: usize,
    /// Row by row: `values[input * outputs + output]`.
    values: Vec<f32>,
}

impl RealWeights {
    /// Weights from `inputs` rows of `outputs` values each.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for a zero size, [`Error::Length`] when
    /// `values.len() != inputs · outputs`, [`Error::NotFinite`] for the first value that is NaN or
    /// infinite.
    pub fn from_row_slice(inputs: usize, outputs: usize, values: &[f32]) -> Result<Self> {
        Self::from_row_vec(inputs, outputs, values.to_vec())
    }

    /// As [`RealWeights::from_row_slice`], without a copy.
    ///
    /// # Errors
    ///
    /// As [`RealWeights::from_row_slice`].
    pub fn from_row_vec(inputs: usize, outputs: usize, values: Vec<f32>) -> Result<Self> {
        check_size(inputs, outputs, values.len())?;
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(RealWeights { inputs, outputs, values }),
            Some(at) => {
                Err(Error::NotFinite { input: at / outputs, output: at % outputs, value: values[at] })
            }
        }
    }

    /// Weights from `outputs` runs of `inputs` values each, the memory order of an
    /// outputs × inputs matrix stored row by row.
    ///
    /// # Errors
    ///
    /// As [`RealWeights::from_row_slice`].
    pub fn from_column_slice(inputs: usize, outputs: usize, values: &[f32]) -> Result<Self> {
        check_size(inputs, outputs, values.len())?;
        let transposed = (0..values.len()).map(|at| values[(at % outputs) * inputs + at / outputs]).collect();
        Self::from_row_vec(inputs, outputs, transposed)
    }

    /// Rows of the matrix.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Columns of the matrix.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The weights row by row, inputs × outputs.
    pub fn as_row_slice(&self) -> &[f32] {
        &self.values
    }

    /// The weights row by row, inputs × outputs.
    pub fn into_row_vec(self) -> Vec<f32> {
        self.values
    }

    /// The weights column by column: outputs × inputs, as machine-learning frameworks store them.
    pub fn to_column_vec(&self) -> Vec<f32> {
        let Self { inputs, outputs, .. } = *self;
        (0..self.values.len()).map(|at| self.values[(at % inputs) * outputs + at / inputs]).collect()
    }

    /// One weight, `None` outside the matrix.
    pub fn get(&self, input: usize, output: usize) -> Option<f32> {
        self.values.chunks_exact(self.outputs).nth(input)?.get(output).copied()
    }

    /// The weights row by row, for what keeps them finite.
    pub(crate) fn as_mut_row_slice(&mut self) -> &mut [f32] {
        &mut self.values
    }
}

/// Takes inputs × outputs.
impl TryFrom<DMatrix<f32>> for RealWeights {
    type Error = Error;

    fn try_from(matrix: DMatrix<f32>) -> Result<Self> {
        Self::from_column_slice(matrix.nrows(), matrix.ncols(), matrix.as_slice())
    }
}
