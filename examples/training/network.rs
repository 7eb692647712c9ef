//! LeNet-5 as it is trained: results, and the gradient of the loss.

use forms_xbar::RealWeights;
use forms_xbar::nalgebra::{DMatrix, DMatrixView};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use crate::float::FloatLayer;
use crate::support::crossbars::unroll;
use crate::support::digits::CLASSES;
use crate::support::lenet::{SHAPES, Shape};

/// A layer's weights, inputs × outputs row by row, and its biases; or the gradient of both.
#[derive(Debug, Clone)]
pub(crate) struct Parameters {
    pub(crate) weights: Vec<f32>,
    pub(crate) biases: Vec<f32>,
}

impl Parameters {
    pub(crate) fn zeros(shape: &Shape) -> Self {
        Parameters { weights: vec![0.0; shape.inputs() * shape.outputs], biases: vec![0.0; shape.outputs] }
    }

    /// Uniform weights of variance 2 / inputs, which suits ReLU (He et al., 2015).
    fn random(shape: &Shape, rng: &mut ChaCha8Rng) -> Self {
        let limit = (6.0 / shape.inputs() as f32).sqrt();
        let mut parameters = Parameters::zeros(shape);
        parameters.weights.fill_with(|| rng.random_range(-limit..limit));
        parameters
    }

    /// The weights as a matrix.
    pub(crate) fn matrix(&self) -> forms_xbar::Result<RealWeights> {
        let outputs = self.biases.len();
        RealWeights::from_row_slice(self.weights.len() / outputs, outputs, &self.weights)
    }
}

/// A network of random weights.
pub(crate) fn random(rng: &mut ChaCha8Rng) -> Vec<Parameters> {
    SHAPES.iter().map(|shape| Parameters::random(shape, rng)).collect()
}

/// The network for inference.
pub(crate) fn layers(network: &[Parameters]) -> forms_xbar::Result<Vec<FloatLayer>> {
    let layer = |(&shape, parameters): (&Shape, &Parameters)| {
        Ok(FloatLayer { shape, weights: parameters.matrix()?, biases: parameters.biases.clone() })
    };
    SHAPES.iter().zip(network).map(layer).collect()
}

/// What the backward pass needs of a layer.
struct Pass {
    /// The vectors that the matrix multiplied.
    vectors: Vec<f32>,
    /// For every activation the sum it is, or none where the sum was negative.
    sources: Vec<Option<usize>>,
}

/// The gradient of the mean cross-entropy over a batch: pixels 0–1, image after image.
pub(crate) fn gradient(network: &[Parameters], images: &[f32], labels: &[u8]) -> Vec<Parameters> {
    let mut activations = images.to_vec();
    let mut passes = Vec::with_capacity(network.len());
    let mut sums = Vec::new();
    for (shape, parameters) in SHAPES.iter().zip(network) {
        let vectors = unroll(shape, &activations);
        sums = multiply(shape, parameters, &vectors);
        let sources = sources(shape, &sums);
        activations = sources.iter().map(|source| source.map_or(0.0, |at| sums[at])).collect();
        passes.push(Pass { vectors, sources });
    }
    let mut of_sums = of_loss(&sums, labels);
    let mut gradient = Vec::with_capacity(network.len());
    for (at, (shape, pass)) in SHAPES.iter().zip(&passes).enumerate().rev() {
        gradient.push(of_parameters(shape, &of_sums, &pass.vectors));
        if at > 0 {
            let of_activations = fold(shape, &of_vectors(shape, &network[at], &of_sums));
            let before = &SHAPES[at - 1];
            let positions = before.output_side() * before.output_side();
            of_sums = vec![0.0; labels.len() * positions * before.outputs];
            for (&source, &value) in passes[at - 1].sources.iter().zip(&of_activations) {
                if let Some(at) = source {
                    of_sums[at] += value;
                }
            }
        }
    }
    gradient.reverse();
    gradient
}

/// Sums of every vector, vector after vector.
fn multiply(shape: &Shape, parameters: &Parameters, vectors: &[f32]) -> Vec<f32> {
    let x = DMatrixView::from_slice(vectors, shape.inputs(), vectors.len() / shape.inputs());
    // Row by row inputs × outputs is column by column outputs × inputs.
    let w = DMatrixView::from_slice(&parameters.weights, shape.outputs, shape.inputs());
    let mut y = DMatrix::from_fn(shape.outputs, x.ncols(), |output, _| parameters.biases[output]);
    y.gemm(1.0, &w, &x, 1.0);
    y.data.into()
}

/// Which sum of every pooling window, ordered (image, output, position), passes the ReLU.
fn sources(shape: &Shape, sums: &[f32]) -> Vec<Option<usize>> {
    let (outputs, side) = (shape.outputs, shape.output_side());
    let stride = if shape.pooled { 2 } else { 1 };
    let pooled = side / stride;
    let images = sums.len() / (side * side * outputs);
    let mut sources = Vec::with_capacity(images * outputs * pooled * pooled);
    for image in 0..images {
        for output in 0..outputs {
            for place in 0..pooled * pooled {
                let (row, column) = (place / pooled * stride, place % pooled * stride);
                let mut best = None;
                let mut largest = 0.0;
                for at in 0..stride * stride {
                    let position = (row + at / stride) * side + column + at % stride;
                    let at = (image * side * side + position) * outputs + output;
                    if sums[at] > largest {
                        (best, largest) = (Some(at), sums[at]);
                    }
                }
                sources.push(best);
            }
        }
    }
    sources
}

/// Softmax less the label, over the batch.
fn of_loss(logits: &[f32], labels: &[u8]) -> Vec<f32> {
    let share = 1.0 / labels.len() as f32;
    let mut of_logits = Vec::with_capacity(logits.len());
    for (logits, &label) in logits.chunks_exact(CLASSES).zip(labels) {
        let largest = logits.iter().copied().fold(f32::MIN, f32::max);
        let powers: Vec<f32> = logits.iter().map(|&logit| libm::expf(logit - largest)).collect();
        let sum: f32 = powers.iter().sum();
        let is = |class: usize| if class == usize::from(label) { 1.0 } else { 0.0 };
        of_logits.extend(powers.iter().enumerate().map(|(class, power)| share * (power / sum - is(class))));
    }
    of_logits
}

fn of_parameters(shape: &Shape, of_sums: &[f32], vectors: &[f32]) -> Parameters {
    let count = vectors.len() / shape.inputs();
    let x = DMatrixView::from_slice(vectors, shape.inputs(), count);
    let y = DMatrixView::from_slice(of_sums, shape.outputs, count);
    let weights = y * x.transpose();
    let mut biases = vec![0.0; shape.outputs];
    for sums in of_sums.chunks_exact(shape.outputs) {
        biases.iter_mut().zip(sums).for_each(|(bias, sum)| *bias += sum);
    }
    Parameters { weights: weights.data.into(), biases }
}

fn of_vectors(shape: &Shape, parameters: &Parameters, of_sums: &[f32]) -> Vec<f32> {
    let y = DMatrixView::from_slice(of_sums, shape.outputs, of_sums.len() / shape.outputs);
    // The same memory, read as inputs × outputs, is the transpose.
    let w = DMatrixView::from_slice(&parameters.weights, shape.outputs, shape.inputs());
    (w.transpose() * y).data.into()
}

/// Sums what every vector says of an input: the transpose of unrolling.
fn fold(shape: &Shape, vectors: &[f32]) -> Vec<f32> {
    let Shape { channels, side, kernel, padding, .. } = *shape;
    let (positions, padded) = (shape.output_side(), side + 2 * padding);
    let mut maps = Vec::new();
    for image in vectors.chunks_exact(positions * positions * shape.inputs()) {
        let mut frame = vec![0.0; channels * padded * padded];
        for (position, vector) in image.chunks_exact(shape.inputs()).enumerate() {
            let (top, left) = (position / positions, position % positions);
            for (at, values) in vector.chunks_exact(kernel).enumerate() {
                let (channel, row) = (at / kernel, at % kernel);
                let start = (channel * padded + top + row) * padded + left;
                frame[start..start + kernel].iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            }
        }
        for row in 0..channels * side {
            let (channel, y) = (row / side, row % side + padding);
            maps.extend_from_slice(&frame[(channel * padded + y) * padded + padding..][..side]);
        }
    }
    maps
}
