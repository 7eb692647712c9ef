//! The gradient that `lenet5_admm` trains with, against differences of the loss.

#[allow(dead_code, reason = "the rest is the example's")]
#[path = "../examples/support/float.rs"]
mod float;
#[allow(dead_code, reason = "the rest is the example's")]
#[path = "../examples/training/network.rs"]
mod network;
#[allow(dead_code, reason = "the rest is the example's")]
#[path = "../examples/support/mod.rs"]
mod support;

use std::path::Path;

use network::{Parameters, gradient, layers, random};
use rand::{SeedableRng, rngs::ChaCha8Rng};
use support::DATA;
use support::digits::{CLASSES, Digits};

/// Mean cross-entropy by the network for inference, in `f64` from the logits on.
fn loss(network: &[Parameters], images: &[u8], labels: &[u8]) -> f64 {
    let logits = float::logits(&layers(network).unwrap(), images);
    let of_image = |(logits, &label): (&[f64], &u8)| {
        let sum: f64 = logits.iter().map(|&logit| libm::exp(logit)).sum();
        libm::log(sum) - logits[usize::from(label)]
    };
    logits.chunks_exact(CLASSES).zip(labels).map(of_image).sum::<f64>() / labels.len() as f64
}

/// A step along the gradient of one layer changes the loss by the square of its norm times the step.
#[test]
fn gradient_is_the_slope_of_the_loss() {
    const IMAGES: usize = 10;
    let digits = Digits::read(Path::new(DATA), "test").unwrap();
    let (images, labels) = (digits.images(IMAGES).unwrap(), &digits.labels()[..IMAGES]);
    let network = random(&mut ChaCha8Rng::seed_from_u64(3));
    let gradient = gradient(&network, &float::pixels(images), labels);
    for (layer, slope) in gradient.iter().enumerate() {
        for part in ["weights", "biases"] {
            let direction = if part == "weights" { &slope.weights } else { &slope.biases };
            let square: f64 = direction.iter().map(|&g| f64::from(g) * f64::from(g)).sum();
            assert!(square > 1e-6, "layer {layer}, {part}: {square}");
            let step = 1e-3 / square.sqrt();
            let at = |step: f64| {
                let mut moved = network.clone();
                let values =
                    if part == "weights" { &mut moved[layer].weights } else { &mut moved[layer].biases };
                values.iter_mut().zip(direction).for_each(|(value, &g)| *value += step as f32 * g);
                loss(&moved, images, labels)
            };
            let found = (at(step) - at(-step)) / (2.0 * step);
            assert!((found / square - 1.0).abs() < 0.02, "layer {layer}, {part}: {found} against {square}");
        }
    }
}
