//! Real numbers with a name and a shape.

use super::unreadable;
use crate::error::Result;
use crate::weights::RealWeights;

/// An array of finite real numbers from a file, in row-major order: the last axis varies fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    name: String,
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Tensor {
    /// Checks that the shape holds the values and that all of them are finite.
    pub(super) fn new(name: &str, shape: Vec<usize>, values: Vec<f32>) -> Result<Self> {
        let size = shape.iter().try_fold(1usize, |size, &axis| size.checked_mul(axis));
        if size != Some(values.len()) {
            return Err(unreadable(name, format!("shape {shape:?} does not hold {} values", values.len())));
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(unreadable(name, format!("element {at} of shape {shape:?} is {}", values[at])));
        }
        Ok(Tensor { name: name.to_owned(), shape, values })
    }

    pub(super) fn with_name(self, name: &str) -> Self {
        Tensor { name: name.to_owned(), ..self }
    }

    /// Name in its file, or the path of an `.npy`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// All values, the last axis fastest.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The matrix when the *first* axis counts outputs and the others, flattened, inputs: linear layers (outputs,
    /// inputs) and convolutions (outputs, channels, height, width) of PyTorch.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`](crate::Error::Unreadable) for fewer than two axes or an empty one.
    pub fn outputs_first(&self) -> Result<RealWeights> {
        let (outputs, inputs) = self.sides(|shape| shape.split_first())?;
        RealWeights::from_column_slice(inputs, outputs, &self.values)
    }

    /// The matrix when the *last* axis counts outputs and the others, flattened, inputs: dense layers (inputs, outputs)
    /// and convolutions (height, width, channels, outputs) of Keras.
    ///
    /// # Errors
    ///
    /// As [`Tensor::outputs_first`].
    pub fn outputs_last(&self) -> Result<RealWeights> {
        let (outputs, inputs) = self.sides(|shape| shape.split_last())?;
        RealWeights::from_row_slice(inputs, outputs, &self.values)
    }

    /// Outputs and inputs.
    fn sides(&self, split: impl Fn(&[usize]) -> Option<(&usize, &[usize])>) -> Result<(usize, usize)> {
        match split(&self.shape) {
            Some((&outputs, inputs)) if !inputs.is_empty() && !self.values.is_empty() => {
                Ok((outputs, inputs.iter().product()))
            }
            _ => Err(unreadable(&self.name, format!("shape {:?} is no matrix", self.shape))),
        }
    }
}

/// Narrows to `f32`; a finite value that does not fit is an error.
pub(super) fn narrow(name: &str, values: impl Iterator<Item = f64>) -> Result<Vec<f32>> {
    let narrow = |(at, wide): (usize, f64)| {
        let value = wide as f32;
        if wide.is_finite() && !value.is_finite() {
            return Err(unreadable(name, format!("element {at} is {wide:e}, beyond the range of f32")));
        }
        Ok(value)
    };
    values.enumerate().map(narrow).collect()
}
