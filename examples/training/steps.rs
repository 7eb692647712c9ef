//! The steps from random weights to levels of cells, FORMS's in its order.

use std::io::{Write, stderr};

use forms_xbar::RealWeights;
use forms_xbar::polarize::{
    Admm, Constraints, Held, Kept, Polarization, Pruning, Quantization, ScaleRule, SignRule,
};
use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::ChaCha8Rng};

use crate::support::Result;
use crate::support::digits::PIXELS;
use crate::support::integer::BITS;
use crate::support::lenet::{DEPTH, SHAPES};

use super::adam::Adam;
use super::network::{Parameters, gradient, random};

/// Images of a step.
const BATCH: usize = 50;

/// Rows and outputs of a crossbar of 128 × 128 cells that hold 2 of a weight's 8 bits.
const CROSSBAR: (usize, usize) = (128, 32);

/// Fractions of rows and columns kept, layer by layer, rounded up to whole crossbars: fc1 takes two, every
/// other layer one.
const RATIOS: [(f64, f64); DEPTH] = [(1.0, 1.0), (0.8, 1.0), (0.3, 0.5), (1.0, 0.35), (1.0, 1.0)];

/// Epochs, and the learning rate of the first and of the last, linear in between.
#[derive(Debug, Clone, Copy)]
struct Course {
    epochs: usize,
    rates: (f32, f32),
}

impl Course {
    const FLOAT: Course = Course { epochs: 8, rates: (1e-3, 2e-4) };
    const ADMM: Course = Course { epochs: 10, rates: (1e-3, 5e-4) };
    const RETRAIN: Course = Course { epochs: 8, rates: (5e-4, 2e-5) };
    /// Eight bits are so close that little has to move.
    const LEVELS: Course = Course { epochs: 2, rates: (1e-4, 2e-5) };

    fn rate(&self, epoch: usize) -> f32 {
        let (first, last) = self.rates;
        first + (last - first) * epoch as f32 / self.steps()
    }

    /// From one epoch to the next, to get from the first of two values to the second.
    fn growth(&self, (first, last): (f64, f64)) -> f64 {
        libm::pow(last / first, 1.0 / f64::from(self.steps()))
    }

    fn steps(&self) -> f32 {
        (self.epochs - 1).max(1) as f32
    }
}

/// Weight of ADMM's penalty in the first epoch and in the last, by equal factors in between.
const RHO: (f64, f64) = (3e-3, 0.243);

/// Where training begins, and what later steps start from.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) network: Vec<Parameters>,
    /// Rows and columns of every layer that are on crossbars.
    pub(crate) kept: Vec<Kept>,
}

/// The constraints of one step on every layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pruned: bool,
    fragment: Option<usize>,
    quantized: bool,
}

impl Step {
    /// Fewer rows and columns.
    pub(crate) const PRUNE: Step = Step { pruned: true, fragment: None, quantized: false };

    /// And one sign per fragment.
    pub(crate) fn polarize(self, fragment: usize) -> Self {
        Step { fragment: Some(fragment), ..self }
    }

    /// Without removing rows and columns.
    pub(crate) fn unpruned(self) -> Self {
        Step { pruned: false, ..self }
    }

    /// And on levels.
    pub(crate) fn quantize(self) -> Self {
        Step { quantized: true, ..self }
    }

    /// ADMM's training, and the retraining after it.
    fn courses(self) -> (Course, Option<Course>) {
        if self.quantized { (Course::LEVELS, None) } else { (Course::ADMM, Some(Course::RETRAIN)) }
    }

    fn constraints(self, (rows, columns): (f64, f64)) -> forms_xbar::Result<Constraints> {
        let mut constraints = Constraints::NONE;
        if self.pruned {
            let pruning = Pruning::new(rows, columns)?.with_crossbar(CROSSBAR.0, CROSSBAR.1)?;
            constraints = constraints.with_pruning(pruning)?;
        }
        if let Some(fragment) = self.fragment {
            constraints = constraints.with_polarization(Polarization::new(fragment, SignRule::Sum)?)?;
        }
        if self.quantized {
            constraints = constraints.with_quantization(Quantization::new(BITS, ScaleRule::MinMax)?);
        }
        Ok(constraints)
    }
}

/// Images to train on, in an order that depends on the seed alone.
#[derive(Debug)]
pub(crate) struct Trainer<'a> {
    /// Pixels 0–1, image after image.
    pub(crate) images: &'a [f32],
    pub(crate) labels: &'a [u8],
    pub(crate) seed: u64,
}

impl Trainer<'_> {
    /// A network trained without constraints.
    pub(crate) fn float(&self) -> Result<Stage> {
        let mut network = random(&mut ChaCha8Rng::seed_from_u64(self.seed));
        self.run(&mut network, Course::FLOAT, "float", &mut [], &[])?;
        let all = |inputs: usize, outputs: usize| {
            Kept::new((inputs, outputs), (0..inputs).collect(), (0..outputs).collect())
        };
        let kept = SHAPES.iter().map(|shape| all(shape.inputs(), shape.outputs));
        Ok(Stage { kept: kept.collect::<forms_xbar::Result<_>>()?, network })
    }

    /// The same network, trained without constraints on the batches, at the rates, of these steps.
    pub(crate) fn go_on(&self, mut stage: Stage, steps: &[Step]) -> Result<Stage> {
        for (training, retraining) in steps.iter().map(|step| step.courses()) {
            for course in [training].into_iter().chain(retraining) {
                self.run(&mut stage.network, course, "float", &mut [], &[])?;
            }
        }
        Ok(stage)
    }

    /// ADMM, hard projection and, unless the weights are on levels then, masked retraining.
    /// Everything that earlier steps removed stays removed.
    pub(crate) fn constrain(&self, stage: &Stage, step: Step, before: Option<Step>) -> Result<Stage> {
        let mut network = stage.network.clone();
        let matrices = |network: &[Parameters]| -> forms_xbar::Result<Vec<RealWeights>> {
            network.iter().map(Parameters::matrix).collect()
        };
        let constraints = |step: Step| -> forms_xbar::Result<Vec<Constraints>> {
            RATIOS.iter().map(|&ratios| step.constraints(ratios)).collect()
        };
        let mut held = Vec::new();
        if let Some(before) = before {
            let holds = constraints(before)?;
            for (constraints, matrix) in holds.iter().zip(&matrices(&network)?) {
                held.push(constraints.hold(matrix)?);
            }
        }
        let mut admm = Vec::new();
        for (constraints, matrix) in constraints(step)?.into_iter().zip(&matrices(&network)?) {
            admm.push(Admm::new(constraints, RHO.0, matrix)?);
        }
        let name = match (step.quantized, step.fragment) {
            (true, _) => "quantise",
            (false, Some(_)) => "polarize",
            (false, None) => "prune",
        };
        let (training, retraining) = step.courses();
        self.run(&mut network, training, name, &mut admm, &held)?;
        for (admm, parameters) in admm.iter().zip(&mut network) {
            parameters.weights = admm.finish(&parameters.matrix()?)?.weights.into_row_vec();
        }
        let held: Vec<Held> = admm.iter().map(|admm| admm.held().clone()).collect();
        if let Some(course) = retraining {
            self.run(&mut network, course, "retrain", &mut [], &held)?;
        }
        Ok(Stage { network, kept: admm.iter().map(|admm| admm.held().kept().clone()).collect() })
    }

    /// Epochs of Adam; with a penalty per layer that is updated after each, and a mask per layer that is
    /// applied after every step, where given.
    fn run(
        &self,
        network: &mut [Parameters],
        course: Course,
        name: &str,
        admm: &mut [Admm],
        held: &[Held],
    ) -> Result<()> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut adam = Adam::new();
        let mut order: Vec<usize> = (0..self.labels.len()).collect();
        for epoch in 0..course.epochs {
            order.shuffle(&mut rng);
            for batch in order.chunks(BATCH) {
                let pixels = |&at: &usize| self.images[at * PIXELS..][..PIXELS].iter().copied();
                let images: Vec<f32> = batch.iter().flat_map(pixels).collect();
                let labels: Vec<u8> = batch.iter().map(|&at| self.labels[at]).collect();
                let mut gradient = gradient(network, &images, &labels);
                for ((admm, parameters), gradient) in admm.iter().zip(&*network).zip(&mut gradient) {
                    admm.add_penalty_gradient(&parameters.weights, &mut gradient.weights)?;
                }
                adam.step(network, &gradient, course.rate(epoch));
                for (held, parameters) in held.iter().zip(&mut *network) {
                    let mut matrix = parameters.matrix()?;
                    held.project(&mut matrix)?;
                    parameters.weights = matrix.into_row_vec();
                }
            }
            let (mut primal, mut flips) = (0.0, 0);
            for (admm, parameters) in admm.iter_mut().zip(&*network) {
                let residuals = admm.update(&parameters.matrix()?)?;
                primal += residuals.primal * residuals.primal;
                flips += residuals.flips;
                admm.set_rho(admm.rho() * course.growth(RHO))?;
            }
            let mut err = stderr();
            write!(err, "{name}, epoch {} of {}", epoch + 1, course.epochs)?;
            if !admm.is_empty() {
                write!(err, ": ‖W − Z‖ {:.3}, {flips} signs changed", primal.sqrt())?;
            }
            writeln!(err)?;
        }
        Ok(())
    }
}
