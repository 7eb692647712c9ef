//! The quantised network in plain integers: what crossbars without error must reproduce.

use super::Result;
use super::digits::{CLASSES, PIXELS};
use super::lenet::{Shape, Trained};

/// Width of a weight and of an activation.
pub(crate) const BITS: u32 = 8;

/// Largest weight magnitude and largest activation.
const MAX_WEIGHT: f64 = 127.0;
const MAX_ACTIVATION: f64 = 255.0;

/// A layer with weights of 8 bits, to be fed with unsigned activations of 8 bits.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) shape: Shape,
    /// Outputs × inputs, inputs flattened (channel, row, column).
    pub(crate) weights: Vec<i32>,
    /// One per output, in units of weight × activation.
    pub(crate) biases: Vec<i64>,
    /// From units of weight × activation to activations of the next layer.
    multiplier: f64,
}

impl Layer {
    /// Rounds a trained layer whose inputs count `input_scale` each. Symmetric, one scale a layer:
    /// every weight keeps its sign or becomes 0, so polarized fragments stay polarized.
    fn quantize(trained: &Trained, input_scale: f64) -> Result<(Self, f64)> {
        let largest = trained.weights.iter().fold(0f32, |largest, weight| largest.max(weight.abs()));
        if largest == 0.0 {
            return Err(format!("every weight of {} is 0", trained.shape.name).into());
        }
        let scale = f64::from(largest) / MAX_WEIGHT;
        let layer = Layer {
            shape: trained.shape,
            weights: trained.weights.iter().map(|&w| (f64::from(w) / scale).round() as i32).collect(),
            biases: trained
                .biases
                .iter()
                .map(|&b| (f64::from(b) / (scale * input_scale)).round() as i64)
                .collect(),
            multiplier: 1.0,
        };
        Ok((layer, scale * input_scale))
    }

    /// ReLU and rounding to an activation of 8 bits.
    pub(crate) fn requantize(&self, sum: f64) -> u8 {
        (sum * self.multiplier + 0.5).floor().clamp(0.0, MAX_ACTIVATION) as u8
    }

    /// The sums of every output, `(output, row, column)`, before pooling.
    fn sums(&self, x: &[u8]) -> Vec<i64> {
        let Shape { channels, side, kernel, padding, outputs, .. } = self.shape;
        let output_side = self.shape.output_side();
        let mut sums = vec![0; outputs * output_side * output_side];
        for (at, sum) in sums.iter_mut().enumerate() {
            let (output, row, column) =
                (at / (output_side * output_side), at / output_side % output_side, at % output_side);
            *sum = self.biases[output];
            for channel in 0..channels {
                for kernel_row in 0..kernel {
                    for kernel_column in 0..kernel {
                        let (y, x_at) = (row + kernel_row, column + kernel_column);
                        let inside = padding..side + padding;
                        if !inside.contains(&y) || !inside.contains(&x_at) {
                            continue;
                        }
                        let activation = x[(channel * side + y - padding) * side + x_at - padding];
                        let weight = self.weights
                            [((output * channels + channel) * kernel + kernel_row) * kernel + kernel_column];
                        *sum += i64::from(activation) * i64::from(weight);
                    }
                }
            }
        }
        sums
    }

    /// The activations that the next layer gets.
    fn activations(&self, sums: &[i64]) -> Vec<u8> {
        let activations: Vec<u8> = sums.iter().map(|&sum| self.requantize(sum as f64)).collect();
        if !self.shape.pooled {
            return activations;
        }
        let side = self.shape.output_side();
        let mut pooled = Vec::with_capacity(activations.len() / 4);
        for map in activations.chunks_exact(side * side) {
            for rows in map.chunks_exact(2 * side) {
                for column in (0..side).step_by(2) {
                    let pair = |row: usize| rows[row * side + column].max(rows[row * side + column + 1]);
                    pooled.push(pair(0).max(pair(1)));
                }
            }
        }
        pooled
    }
}

/// The quantised network.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) layers: Vec<Layer>,
}

impl Network {
    /// Quantises a trained network layer by layer. The largest sum that the calibration images
    /// cause in a layer becomes the largest activation; later images may exceed it and saturate.
    pub(crate) fn quantize(trained: &[Trained], calibration: &[u8]) -> Result<Self> {
        let mut activations: Vec<Vec<u8>> = calibration.chunks_exact(PIXELS).map(<[u8]>::to_vec).collect();
        let mut scale = 1.0 / MAX_ACTIVATION;
        let mut layers = Vec::with_capacity(trained.len());
        for trained in trained {
            let (mut layer, sum_scale) = Layer::quantize(trained, scale)?;
            let sums: Vec<Vec<i64>> = activations.iter().map(|x| layer.sums(x)).collect();
            let peak = sums.iter().flatten().copied().max().unwrap_or(0);
            if peak <= 0 {
                return Err(format!(
                    "no output of {} is above 0 for the calibration images",
                    layer.shape.name
                )
                .into());
            }
            layer.multiplier = MAX_ACTIVATION / peak as f64;
            scale = sum_scale / layer.multiplier;
            activations = sums.iter().map(|sums| layer.activations(sums)).collect();
            layers.push(layer);
        }
        Ok(Network { layers })
    }

    /// The logits of one image, in units of weight × activation of the last layer.
    pub(crate) fn logits(&self, image: &[u8]) -> Vec<i64> {
        let mut activations = image.to_vec();
        let mut sums = Vec::new();
        for layer in &self.layers {
            sums = layer.sums(&activations);
            activations = layer.activations(&sums);
        }
        sums
    }

    /// The logits of contiguous images, image after image.
    pub(crate) fn all_logits(&self, images: &[u8]) -> Vec<f64> {
        images.chunks_exact(PIXELS).flat_map(|image| self.logits(image)).map(|logit| logit as f64).collect()
    }
}

/// The class of every image: its largest logit, the first of equals.
pub(crate) fn classes(logits: &[f64]) -> Vec<u8> {
    let class = |logits: &[f64]| {
        let later_is_larger = |best: usize, at: usize| if logits[at] > logits[best] { at } else { best };
        (0..logits.len()).reduce(later_is_larger).unwrap_or(0) as u8
    };
    logits.chunks_exact(CLASSES).map(class).collect()
}

/// The fraction of images whose class is their label.
pub(crate) fn accuracy(logits: &[f64], labels: &[u8]) -> f64 {
    let classes = classes(logits);
    let right = classes.iter().zip(labels).filter(|(class, label)| class == label).count();
    right as f64 / classes.len() as f64
}
