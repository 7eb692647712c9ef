//! The trained LeNet-5: its shape and its real weights.

use std::fs;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};

use super::Result;
use super::digits::{CLASSES, SIDE};

/// The shape of a layer. A dense layer is a convolution whose kernel covers all of its input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    /// Maps of the input.
    pub(crate) channels: usize,
    /// Side of an input map.
    pub(crate) side: usize,
    /// Side of the kernel.
    pub(crate) kernel: usize,
    /// Zeros around every input map.
    pub(crate) padding: usize,
    /// Maps of the output.
    pub(crate) outputs: usize,
    /// Whether the largest of 2 × 2 outputs is taken.
    pub(crate) pooled: bool,
}

impl Shape {
    /// Inputs of one output: rows of the weight matrix.
    pub(crate) fn inputs(&self) -> usize {
        self.channels * self.kernel * self.kernel
    }

    /// Side of an output map before pooling.
    pub(crate) fn output_side(&self) -> usize {
        self.side + 2 * self.padding + 1 - self.kernel
    }

    const fn dense(name: &'static str, inputs: usize, outputs: usize) -> Self {
        Shape { name, channels: inputs, side: 1, kernel: 1, padding: 0, outputs, pooled: false }
    }
}

/// Number of layers.
pub(crate) const DEPTH: usize = 5;

/// The layers from pixels to classes.
pub(crate) const SHAPES: [Shape; DEPTH] = [
    Shape { name: "conv1", channels: 1, side: SIDE, kernel: 5, padding: 2, outputs: 6, pooled: true },
    Shape { name: "conv2", channels: 6, side: 14, kernel: 5, padding: 0, outputs: 16, pooled: true },
    Shape { name: "fc1", channels: 16, side: 5, kernel: 5, padding: 0, outputs: 120, pooled: false },
    Shape::dense("fc2", 120, 84),
    Shape::dense("fc3", 84, CLASSES),
];

/// A layer as it was trained.
#[derive(Debug)]
pub(crate) struct Trained {
    pub(crate) shape: Shape,
    /// Outputs × inputs, inputs flattened (channel, row, column).
    pub(crate) weights: Vec<f32>,
    /// One per output.
    pub(crate) biases: Vec<f32>,
}

/// Reads the layers of a safetensors file.
pub(crate) fn read(path: &Path) -> Result<Vec<Trained>> {
    let bytes = fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    parse(&bytes).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// The layers in the bytes of a safetensors file.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Trained>> {
    let tensors = SafeTensors::deserialize(bytes)?;
    let layer = |shape: Shape| {
        let Shape { name, outputs, .. } = shape;
        Ok(Trained {
            shape,
            weights: values(&tensors, &format!("{name}.weight"), outputs, outputs * shape.inputs())?,
            biases: values(&tensors, &format!("{name}.bias"), outputs, outputs)?,
        })
    };
    SHAPES.into_iter().map(layer).collect()
}

/// The elements of a tensor, `count` in all and the outputs its first dimension.
fn values(tensors: &SafeTensors<'_>, name: &str, outputs: usize, count: usize) -> Result<Vec<f32>> {
    let tensor = tensors.tensor(name)?;
    let shape = tensor.shape();
    if tensor.dtype() != Dtype::F32 {
        return Err(format!("{name} is {:?} instead of F32", tensor.dtype()).into());
    }
    if shape.first() != Some(&outputs) || shape.iter().product::<usize>() != count {
        return Err(format!("{name} has shape {shape:?} instead of {outputs} × {}", count / outputs).into());
    }
    let values: Vec<f32> =
        tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(values),
        Some(at) => Err(format!("{name} holds {} at element {at}", values[at]).into()),
    }
}
