//! A network whose outputs are put right layer by layer.

use forms_xbar::{Design, Key, Result};

use crate::support::crossbars::Crossbars;
use crate::support::digits::PIXELS;
use crate::support::integer::{Layer, Network};

/// A layer on crossbars of its own, and what is done to its sums.
struct Stage<'a> {
    layer: &'a Layer,
    crossbars: Crossbars<'a>,
    corrections: Vec<Correction>,
}

/// What is done to one output.
#[derive(Debug, Clone, Copy)]
struct Correction {
    gain: f64,
    offset: f64,
}

/// A network on crossbars, one stage after the other.
pub(super) struct Calibrated<'a> {
    stages: Vec<Stage<'a>>,
}

impl<'a> Calibrated<'a> {
    /// Programs networks of one layer each, and fits every output to what an ideal design gives, on `images`.
    pub(super) fn new(layers: &'a [Network], design: &Design, ideal: &Design, images: &[u8]) -> Result<Self> {
        let mut inputs: Vec<Vec<u8>> = images.chunks_exact(PIXELS).map(<[u8]>::to_vec).collect();
        let mut stages = Vec::new();
        for layer in
            layers.iter().flat_map(|network| network.layers.iter().map(move |layer| (network, layer)))
        {
            let ideal = Stage::program(ideal, layer)?;
            let mut stage = Stage::program(design, layer)?;
            let (mut wanted, mut found) = (Vec::new(), Vec::new());
            for input in &mut inputs {
                let sums = ideal.sums(input)?;
                found.extend(stage.sums(input)?);
                *input = ideal.activations(&sums);
                wanted.extend(sums);
            }
            stage.fit(&wanted, &found);
            stages.push(stage);
        }
        Ok(Calibrated { stages })
    }

    /// The logits of contiguous images.
    pub(super) fn logits(&self, images: &[u8]) -> Result<Vec<f64>> {
        let mut logits = Vec::new();
        for image in images.chunks_exact(PIXELS) {
            let (mut input, mut sums) = (image.to_vec(), Vec::new());
            for stage in &self.stages {
                sums = stage.sums(&input)?;
                input = stage.activations(&sums);
            }
            logits.extend(sums);
        }
        Ok(logits)
    }
}

impl<'a> Stage<'a> {
    fn program(design: &Design, (network, layer): (&'a Network, &'a Layer)) -> Result<Self> {
        Ok(Stage {
            layer,
            crossbars: Crossbars::program(design, network, Key::from(0))?,
            corrections: vec![Correction { gain: 1.0, offset: 0.0 }; layer.shape.outputs],
        })
    }

    /// The corrected sums of one input, `(position, output)`.
    fn sums(&self, input: &[u8]) -> Result<Vec<f64>> {
        let sums = self.crossbars.read(input)?.logits;
        let corrections = self.corrections.iter().cycle();
        Ok(sums.iter().zip(corrections).map(|(sum, by)| by.gain * sum + by.offset).collect())
    }

    /// What the next layer gets, `(output, position)`.
    fn activations(&self, sums: &[f64]) -> Vec<u8> {
        let (outputs, side) = (self.layer.shape.outputs, self.layer.shape.output_side());
        let pool = if self.layer.shape.pooled { 2 } else { 1 };
        let mut activations = Vec::with_capacity(sums.len() / (pool * pool));
        for output in 0..outputs {
            for (top, left) in (0..side / pool).flat_map(|top| (0..side / pool).map(move |left| (top, left)))
            {
                let window = (0..pool * pool).map(|at| {
                    let (row, column) = (pool * top + at / pool, pool * left + at % pool);
                    sums[(row * side + column) * outputs + output]
                });
                activations.push(self.layer.requantize(window.fold(f64::NEG_INFINITY, f64::max)));
            }
        }
        activations
    }

    /// The least squares line from `found` to `wanted` for every output; one that never moves is shifted.
    fn fit(&mut self, wanted: &[f64], found: &[f64]) {
        let outputs = self.corrections.len();
        for (output, correction) in self.corrections.iter_mut().enumerate() {
            let of = |sums: &[f64]| -> Vec<f64> { sums[output..].iter().step_by(outputs).copied().collect() };
            let (wanted, found) = (of(wanted), of(found));
            let mean = |sums: &[f64]| sums.iter().sum::<f64>() / sums.len() as f64;
            let (mean_wanted, mean_found) = (mean(&wanted), mean(&found));
            let (mut product, mut square) = (0.0, 0.0);
            for (wanted, found) in wanted.iter().zip(&found) {
                product += (wanted - mean_wanted) * (found - mean_found);
                square += (found - mean_found) * (found - mean_found);
            }
            let gain = if square > 0.0 { product / square } else { 1.0 };
            *correction = Correction { gain, offset: mean_wanted - gain * mean_found };
        }
    }
}
