//! LeNet-5 on crossbars with wires, as read and with calibrated outputs.

use std::fmt::Write;
use std::path::Path;

use forms_xbar::circuit::Wires;
use forms_xbar::study::{Interval, Study};
use forms_xbar::{Activity, Adc, Design, Key, Mapping, Subtraction};

use super::calibrated::Calibrated;
use super::{Result, percent};
use crate::support::crossbars::{Crossbars, machine};
use crate::support::digits::Digits;
use crate::support::integer::{Network, accuracy};
use crate::support::{DATA, lenet};

/// Training images that set the scales of the activations.
const SCALING: usize = 200;

/// Training images that outputs are calibrated with.
const CALIBRATION: usize = 20;

const CONFIDENCE: f64 = 0.95;

/// How signs are stored, and rows driven together.
const MACHINES: [(&str, Mapping, usize); 3] = [
    ("polarized", Mapping::Polarized { fragment: 8 }, 8),
    ("differential", Mapping::Differential { subtraction: Subtraction::Digital }, 8),
    ("differential", Mapping::Differential { subtraction: Subtraction::Digital }, 128),
];

/// What one machine does at one resistance.
struct Outcome {
    as_read: f64,
    /// With ADCs that do not round.
    unrounded: f64,
    calibrated: f64,
    arrays: usize,
    conversions: u64,
}

/// Accuracy by machine and resistance per pitch.
pub(crate) fn table(ohms: &[f64], images: usize) -> Result<String> {
    let test = Digits::read(Path::new(DATA), "test")?;
    let train = Digits::read(Path::new(DATA), "train")?;
    let (pixels, calibration) = (test.images(images)?, train.images(CALIBRATION)?);
    let trained = lenet::read(&Path::new(DATA).join("lenet5-polarized8.safetensors"))?;
    let scaling = train.images(SCALING)?;
    let network = Network::quantize(&trained, scaling)?;
    let layers = Network::quantize(&trained, scaling)?.layers.into_iter();
    let layers: Vec<Network> = layers.map(|layer| Network { layers: vec![layer] }).collect();

    let jobs: Vec<_> =
        MACHINES.iter().flat_map(|machine| ohms.iter().map(move |&ohms| (machine, ohms))).collect();
    let outcome = |job: usize| -> forms_xbar::Result<Outcome> {
        let (&(_, mapping, active), ohms) = jobs[job];
        let design = design(mapping, active, ohms)?;
        let crossbars = Crossbars::program(&design, &network, Key::from(0))?;
        let reading = crossbars.read(pixels)?;
        let unrounded = design.to_builder().adc(Adc::PassThrough).build()?;
        let unrounded = Crossbars::program(&unrounded, &network, Key::from(0))?.read(pixels)?;
        let calibrated =
            Calibrated::new(&layers, &design, &self::design(mapping, active, 0.0)?, calibration)?;
        Ok(Outcome {
            as_read: accuracy(&reading.logits, test.labels()),
            unrounded: accuracy(&unrounded.logits, test.labels()),
            calibrated: accuracy(&calibrated.logits(pixels)?, test.labels()),
            arrays: crossbars.arrays().iter().sum(),
            conversions: reading.activity.into_iter().sum::<Activity>().conversions(),
        })
    };
    let outcomes = Study::new(jobs.len(), Key::from(0))?.run(|job, _| outcome(job));

    let exact = accuracy(&network.all_logits(pixels), test.labels());
    let interval = Interval::of_proportion(exact, images, CONFIDENCE)?;
    let mut text = format!(
        "LeNet-5 on 128 × 128 arrays, {images} test images; its integers: {} %, 95 % interval over images {} to {} %\n\
         | mapping | active rows | arrays | conversions per image | Ω a pitch | accuracy (%) | calibrated (%) \
         | ADCs without rounding (%) |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n",
        percent(exact),
        percent(interval.low),
        percent(interval.high)
    );
    for (&((name, _, active), ohms), outcome) in jobs.iter().zip(outcomes) {
        let Outcome { as_read, unrounded, calibrated, arrays, conversions } =
            outcome.map_err(|error| format!("{name} mapping, {active} active rows, {ohms} Ω: {error}"))?;
        _ = writeln!(
            text,
            "| {name} | {active} | {arrays} | {} | {ohms} | {} | {} | {} |",
            conversions / images as u64,
            percent(as_read),
            percent(calibrated),
            percent(unrounded)
        );
    }
    _ = writeln!(
        text,
        "Calibrated: a gain and an offset for every output, fitted on {CALIBRATION} training images."
    );
    Ok(text)
}

/// A machine whose only error are its wires.
fn design(mapping: Mapping, active: usize, ohms: f64) -> forms_xbar::Result<Design> {
    let machine = machine(mapping, active, 0.0)?.wires(Wires::new(ohms, ohms)?);
    let bits = machine.clone().build()?.lossless_adc_bits();
    machine.adc(Adc::granular(bits)).build()
}
