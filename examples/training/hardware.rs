//! What trained networks do on crossbars: how many they take, cycles, accuracy under variation.

use forms_xbar::polarize::Kept;
use forms_xbar::study::{Interval, Study};
use forms_xbar::{Activity, Adc, Design, Key, Mapping, Subtraction};

use crate::float::pixels;
use crate::support::Result;
use crate::support::crossbars::{Crossbars, machine, pick};
use crate::support::integer::{Network, accuracy};
use crate::support::lenet::{DEPTH, SHAPES, Shape, Trained};

use super::network::{Parameters, layers};
use super::steps::Stage;

/// Digital subtraction of positive and negative columns.
pub(crate) const DIFFERENTIAL: Mapping = Mapping::Differential { subtraction: Subtraction::Digital };

/// FORMS's machine with the narrowest ADC that loses nothing.
fn design(mapping: Mapping, fragment: usize, sigma: f64) -> forms_xbar::Result<Design> {
    let machine = machine(mapping, fragment, sigma)?;
    let bits = machine.clone().build()?.lossless_adc_bits();
    machine.adc(Adc::granular(bits)).build()
}

/// A network of 8-bit weights and activations, and what of it is on crossbars.
#[derive(Debug)]
pub(crate) struct Quantised {
    network: Network,
    kept: Vec<Kept>,
}

/// What reading did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) accuracy: f64,
    pub(crate) logits: Vec<f64>,
    /// What each layer's crossbars did.
    pub(crate) activity: [Activity; DEPTH],
}

impl Quantised {
    /// Quantises activations, and weights that are not on levels yet.
    pub(crate) fn new(stage: &Stage, calibration: &[u8]) -> Result<Self> {
        let trained = |(&shape, parameters): (&Shape, &Parameters)| -> Result<Trained> {
            let weights = parameters.matrix()?.to_column_vec();
            Ok(Trained { shape, weights, biases: parameters.biases.clone() })
        };
        let trained = SHAPES.iter().zip(&stage.network).map(trained).collect::<Result<Vec<_>>>()?;
        Ok(Quantised { network: Network::quantize(&trained, calibration)?, kept: stage.kept.clone() })
    }

    /// Logits in plain integers.
    pub(crate) fn exact(&self, images: &[u8]) -> Vec<f64> {
        self.network.all_logits(images)
    }

    /// Crossbars of every layer.
    pub(crate) fn arrays(&self, mapping: Mapping, fragment: usize) -> Result<Vec<usize>> {
        let design = design(mapping, fragment, 0.0)?;
        Ok(Crossbars::program_kept(&design, &self.network, Some(&self.kept), Key::from(0))?.arrays())
    }

    /// Reads images on one die.
    pub(crate) fn read(
        &self,
        (mapping, fragment): (Mapping, usize),
        sigma: f64,
        key: Key,
        images: &[u8],
        labels: &[u8],
    ) -> forms_xbar::Result<Outcome> {
        let design = design(mapping, fragment, sigma)?;
        let crossbars = Crossbars::program_kept(&design, &self.network, Some(&self.kept), key)?;
        let reading = crossbars.read(images)?;
        let accuracy = accuracy(&reading.logits, labels);
        Ok(Outcome { accuracy, logits: reading.logits, activity: reading.activity })
    }

    /// Mean accuracy lost over dies against the same images without variation, with its 95 % interval.
    pub(crate) fn loss(
        &self,
        machine: (Mapping, usize),
        sigma: f64,
        study: &Study,
        images: &[u8],
        labels: &[u8],
    ) -> Result<Interval> {
        let ideal = self.read(machine, 0.0, Key::from(0), images, labels)?.accuracy;
        let losses = study.run(|_, key| Ok(ideal - self.read(machine, sigma, key, images, labels)?.accuracy));
        let losses = losses.into_iter().collect::<forms_xbar::Result<Vec<f64>>>()?;
        Ok(Interval::of_mean(&losses, 0.95)?)
    }
}

/// Weights on crossbars.
pub(crate) fn weights(stage: &Stage) -> usize {
    stage.kept.iter().map(|kept| kept.inputs().len() * kept.outputs().len()).sum()
}

/// Mean effective input cycles of every layer's fragments: activations of so many bits, the largest that
/// the calibration images cause at full scale.
pub(crate) fn mean_eic(
    stage: &Stage,
    fragment: usize,
    bits: u32,
    calibration: &[u8],
    images: &[u8],
) -> Result<Vec<f64>> {
    let full_scale = f64::from((1u32 << bits) - 1);
    let layers = layers(&stage.network)?;
    let (mut calibrating, mut activations) = (pixels(calibration), pixels(images));
    let mut peak = 1.0;
    let mut means = Vec::with_capacity(DEPTH);
    for (layer, kept) in layers.iter().zip(&stage.kept) {
        let vectors = layer.vectors(&activations);
        let (mut cycles, mut fragments) = (0, 0);
        for vector in pick(&vectors, layer.shape.inputs(), kept.inputs()).chunks_exact(kept.inputs().len()) {
            for fragment in vector.chunks(fragment) {
                let largest = f64::from(fragment.iter().copied().fold(0.0, f32::max));
                let code = (largest / peak * full_scale + 0.5).floor().min(full_scale) as u32;
                cycles += u64::from(u32::BITS - code.leading_zeros());
                fragments += 1;
            }
        }
        means.push(cycles as f64 / f64::from(fragments));
        activations = layer.activate(&layer.sums(&vectors));
        calibrating = layer.activate(&layer.sums(&layer.vectors(&calibrating)));
        peak = calibrating.iter().copied().fold(0.0, f32::max).into();
    }
    Ok(means)
}
