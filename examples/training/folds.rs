//! Polarized against float, in pairs, over five folds of all images.

use forms_xbar::study::Interval;

use crate::float::{logits, pixels};
use crate::support::Result;
use crate::support::digits::PIXELS;
use crate::support::integer::classes;

use super::network::layers;
use super::steps::{Stage, Step, Trainer};

/// Accuracies of a fragment over the images of all folds that were run, and their paired difference.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) fragment: usize,
    pub(crate) float: f64,
    pub(crate) polarized: f64,
    /// Polarized less float, with its 95 % interval over images.
    pub(crate) difference: Interval,
    pub(crate) images: usize,
}

/// Trains both for every fold: float first, then from there float for as long as polarization and
/// quantisation take, so that both have seen each image as often. Nothing is pruned.
pub(crate) fn compare(
    fragments: &[usize],
    images: &[u8],
    labels: &[u8],
    (folds, run): (usize, usize),
    seed: u64,
) -> Result<Vec<Comparison>> {
    let mut right: Vec<Vec<(bool, bool)>> = vec![Vec::new(); fragments.len()];
    for fold in 0..run {
        // Every so many images: the order of the files is random already.
        let is_held_out = |at: usize| at % folds == fold;
        let part = |held_out: bool| {
            let places = (0..labels.len()).filter(move |&at| is_held_out(at) == held_out);
            let images: Vec<u8> =
                places.clone().flat_map(|at| images[at * PIXELS..][..PIXELS].iter().copied()).collect();
            (images, places.map(|at| labels[at]).collect::<Vec<u8>>())
        };
        let ((seen, seen_labels), (tests, test_labels)) = (part(false), part(true));
        let trainer =
            Trainer { images: &pixels(&seen), labels: &seen_labels, seed: seed.wrapping_add(fold as u64) };
        let judge = |stage: &Stage| -> Result<Vec<bool>> {
            let classes = classes(&logits(&layers(&stage.network)?, &tests));
            Ok(classes.iter().zip(&test_labels).map(|(class, label)| class == label).collect())
        };
        let base = trainer.float()?;
        let polarize = Step::PRUNE.unpruned().polarize(1);
        let float = judge(&trainer.go_on(base.clone(), &[polarize, polarize.quantize()])?)?;
        for (&fragment, right) in fragments.iter().zip(&mut right) {
            let step = Step::PRUNE.unpruned().polarize(fragment);
            let polarized = trainer.constrain(&base, step, None)?;
            let quantized = trainer.constrain(&polarized, step.quantize(), Some(step))?;
            right.extend(float.iter().copied().zip(judge(&quantized)?));
        }
    }
    let share = |right: &[(bool, bool)], which: fn(&(bool, bool)) -> bool| {
        right.iter().filter(|pair| which(pair)).count() as f64 / right.len() as f64
    };
    let summary = |(&fragment, right): (&usize, &Vec<(bool, bool)>)| {
        let number = |right: bool| if right { 1.0 } else { 0.0 };
        let differences: Vec<f64> =
            right.iter().map(|&(float, polarized)| number(polarized) - number(float)).collect();
        Ok(Comparison {
            fragment,
            float: share(right, |pair| pair.0),
            polarized: share(right, |pair| pair.1),
            difference: Interval::of_mean(&differences, 0.95)?,
            images: right.len(),
        })
    };
    fragments.iter().zip(&right).map(summary).collect()
}
