//! Adam, the optimiser.

use crate::support::lenet::SHAPES;

use super::network::Parameters;

/// Kingma and Ba's Adam (2015) with their constants.
#[derive(Debug)]
pub(crate) struct Adam {
    mean: Vec<Parameters>,
    square: Vec<Parameters>,
    /// Powers of the two decays.
    left: (f32, f32),
}

impl Adam {
    const DECAY: (f32, f32) = (0.9, 0.999);
    const TINY: f32 = 1e-8;

    pub(crate) fn new() -> Self {
        let zeros = || SHAPES.iter().map(Parameters::zeros).collect();
        Adam { mean: zeros(), square: zeros(), left: (1.0, 1.0) }
    }

    /// One step against the gradient.
    pub(crate) fn step(&mut self, network: &mut [Parameters], gradient: &[Parameters], rate: f32) {
        let (mean, square) = Self::DECAY;
        self.left = (self.left.0 * mean, self.left.1 * square);
        let (mean_scale, square_scale) = (1.0 / (1.0 - self.left.0), 1.0 / (1.0 - self.left.1));
        let update = |values: &mut [f32], gradient: &[f32], means: &mut [f32], squares: &mut [f32]| {
            for (((value, &g), m), s) in values.iter_mut().zip(gradient).zip(means).zip(squares) {
                *m = mean * *m + (1.0 - mean) * g;
                *s = square * *s + (1.0 - square) * g * g;
                *value -= rate * (*m * mean_scale) / ((*s * square_scale).sqrt() + Self::TINY);
            }
        };
        let moments = self.mean.iter_mut().zip(&mut self.square);
        for ((values, gradient), (means, squares)) in network.iter_mut().zip(gradient).zip(moments) {
            update(&mut values.weights, &gradient.weights, &mut means.weights, &mut squares.weights);
            update(&mut values.biases, &gradient.biases, &mut means.biases, &mut squares.biases);
        }
    }
}
