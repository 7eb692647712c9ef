//! The network in floating point, on matrices of inputs × outputs.

use forms_xbar::RealWeights;
use forms_xbar::nalgebra::{DMatrix, DMatrixView};

use crate::support::crossbars::unroll;
use crate::support::digits::{CLASSES, PIXELS};
use crate::support::lenet::{Shape, Trained};

/// A layer as a matrix, and its biases.
#[derive(Debug, Clone)]
pub(crate) struct FloatLayer {
    pub(crate) shape: Shape,
    pub(crate) weights: RealWeights,
    pub(crate) biases: Vec<f32>,
}

impl FloatLayer {
    pub(crate) fn new(trained: &Trained) -> forms_xbar::Result<Self> {
        let Shape { outputs, .. } = trained.shape;
        let weights = RealWeights::from_column_slice(trained.shape.inputs(), outputs, &trained.weights)?;
        Ok(FloatLayer { shape: trained.shape, weights, biases: trained.biases.clone() })
    }

    /// The vectors that this layer's matrix multiplies, for contiguous images.
    pub(crate) fn vectors(&self, activations: &[f32]) -> Vec<f32> {
        unroll(&self.shape, activations)
    }

    /// Results of these vectors, vector after vector.
    pub(crate) fn sums(&self, vectors: &[f32]) -> Vec<f32> {
        let (inputs, outputs) = (self.weights.inputs(), self.weights.outputs());
        let x = DMatrixView::from_slice(vectors, inputs, vectors.len() / inputs);
        // Row by row inputs × outputs is column by column outputs × inputs.
        let w = DMatrixView::from_slice(self.weights.as_row_slice(), outputs, inputs);
        let mut y = DMatrix::from_fn(outputs, x.ncols(), |output, _| self.biases[output]);
        y.gemm(1.0, &w, &x, 1.0);
        y.as_slice().to_vec()
    }

    /// Rectifies and pools results, and reorders them from (position, output) to (output, position).
    pub(crate) fn activate(&self, sums: &[f32]) -> Vec<f32> {
        let Shape { outputs, pooled, .. } = self.shape;
        let (side, stride) = (self.shape.output_side(), if pooled { 2 } else { 1 });
        let pooled_side = side / stride;
        let mut activations = Vec::with_capacity(sums.len() / (stride * stride));
        for image in sums.chunks_exact(side * side * outputs) {
            for output in 0..outputs {
                for place in 0..pooled_side * pooled_side {
                    let (row, column) = (place / pooled_side * stride, place % pooled_side * stride);
                    let sum = |at: usize| {
                        image[((row + at / stride) * side + column + at % stride) * outputs + output]
                    };
                    activations.push((0..stride * stride).map(sum).fold(0.0, f32::max));
                }
            }
        }
        activations
    }
}

/// Bytes of images as the network takes them, 0–1.
pub(crate) fn pixels(images: &[u8]) -> Vec<f32> {
    images.iter().map(|&pixel| f32::from(pixel) / 255.0).collect()
}

/// The logits of contiguous images, image after image.
pub(crate) fn logits(layers: &[FloatLayer], images: &[u8]) -> Vec<f64> {
    let read = |images: &[u8]| {
        let mut activations = pixels(images);
        let mut sums = Vec::new();
        for layer in layers {
            sums = layer.sums(&layer.vectors(&activations));
            activations = layer.activate(&sums);
        }
        debug_assert_eq!(sums.len() * PIXELS, images.len() * CLASSES);
        sums.into_iter().map(f64::from).collect::<Vec<_>>()
    };
    images.chunks(100 * PIXELS).flat_map(read).collect()
}
