//! FORMS's training method, for one matrix and any framework.

use super::{Constraints, Feasible, Held};
use crate::error::{Result, check_integer, check_length, check_real};
use crate::weights::RealWeights;

/// The alternating direction method of multipliers for one weight matrix.
///
/// **Equation.** Training minimises `f(W) + ρ/2 · ‖W − Z + U‖²`; after every epoch `Z ← Π(W + U)` with the
/// projection `Π` onto the constraints, and `U ← U + W − Z` (FORMS, section III). `W` stays with the caller:
/// take the framework's gradient of the loss, add [`Admm::add_penalty_gradient`], make the step.
/// Rows, columns and signs are chosen from the trained `W` at the start and every `M` epochs, and
/// held in between; levels follow every update. **Units.** `ρ` is loss per squared weight. **Valid
/// range.** `ρ` within the normal numbers of `f32`, above 0. **Source.** FORMS, ISCA 2021; residuals as S. Boyd et al., *Distributed
/// Optimization and Statistical Learning via the Alternating Direction Method of Multipliers*, 2011.
///
/// ```
/// use forms_xbar::RealWeights;
/// use forms_xbar::polarize::{Admm, Constraints, Polarization, SignRule};
///
/// // The loss ½ ‖W − (1, −0.4)‖², by plain gradient descent.
/// let optimum = [1.0, -0.4];
/// let mut w = optimum;
/// let matrix = |w: &[f32]| RealWeights::from_row_slice(2, 1, w);
/// let constraints = Constraints::NONE.with_polarization(Polarization::new(2, SignRule::Sum)?)?;
/// let mut admm = Admm::new(constraints, 1.0, &matrix(&w)?)?;
/// for _epoch in 0..30 {
///     for _step in 0..20 {
///         let mut gradient: Vec<f32> = w.iter().zip(optimum).map(|(w, optimum)| w - optimum).collect();
///         admm.add_penalty_gradient(&w, &mut gradient)?;
///         w.iter_mut().zip(gradient).for_each(|(w, gradient)| *w -= 0.2 * gradient);
///     }
///     admm.update(&matrix(&w)?)?;
/// }
/// let polarized = admm.finish(&matrix(&w)?)?;
/// assert!((polarized.weights.as_row_slice()[0] - 1.0).abs() < 1e-3);
/// assert_eq!(polarized.weights.as_row_slice()[1], 0.0);
/// assert!(polarized.moved.distance < 1e-3, "training has led almost there");
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Admm {
    constraints: Constraints,
    rho: f64,
    refresh_epochs: usize,
    epochs: usize,
    held: Held,
    z: RealWeights,
    u: Vec<f32>,
}

/// How far an ADMM has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Residuals {
    /// `‖W − Z‖`: how far the weights are from fulfilling the constraints.
    pub primal: f64,
    /// `ρ · ‖Z − Z_before‖`: how much the target still moves.
    pub dual: f64,
    /// Fragments whose sign was changed by this update.
    pub flips: usize,
}

impl Admm {
    /// Starts from trained weights: `Z` is their projection, `U` is 0, and signs are refreshed every
    /// epoch.
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for a `rho` out of its range; those of
    /// [`Constraints::project`].
    pub fn new(constraints: Constraints, rho: f64, weights: &RealWeights) -> Result<Self> {
        check_rho(rho)?;
        let held = constraints.hold(weights)?;
        let z = constraints.project_held(&held, weights)?.weights;
        let u = vec![0.0; z.as_row_slice().len()];
        Ok(Admm { constraints, rho, refresh_epochs: 1, epochs: 0, held, z, u })
    }

    /// Chooses rows, columns and signs anew only every so many epochs (FORMS's M).
    ///
    /// # Errors
    ///
    /// [`Error::Integer`](crate::Error::Integer) for 0.
    pub fn with_refresh_every(self, epochs: usize) -> Result<Self> {
        check_integer("epochs between refreshes", epochs, 1, i64::MAX)?;
        Ok(Admm { refresh_epochs: epochs, ..self })
    }

    /// Goes on with another weight of the penalty; `U`, which counts in its units, is rescaled.
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for a `rho` out of its range, or so small that
    /// `U` would not stay finite.
    pub fn set_rho(&mut self, rho: f64) -> Result<()> {
        check_rho(rho)?;
        let ratio = self.rho / rho;
        let scaled: Vec<f32> = self.u.iter().map(|&u| (f64::from(u) * ratio) as f32).collect();
        for &u in &scaled {
            check_real("multiplier", u.into(), f64::MIN, f64::MAX)?;
        }
        (self.rho, self.u) = (rho, scaled);
        Ok(())
    }

    /// Weight of the penalty.
    pub fn rho(&self) -> f64 {
        self.rho
    }

    /// Updates made.
    pub fn epochs(&self) -> usize {
        self.epochs
    }

    /// `Z`: the target, which fulfils the constraints.
    pub fn target(&self) -> &RealWeights {
        &self.z
    }

    /// `U`: the scaled multipliers, row by row.
    pub fn multipliers(&self) -> &[f32] {
        &self.u
    }

    /// Rows, columns and signs in force: project onto them after every step of retraining.
    pub fn held(&self) -> &Held {
        &self.held
    }

    /// `ρ/2 · ‖W − Z + U‖²`, to be added to the loss. `weights` are inputs × outputs, row by row.
    ///
    /// # Errors
    ///
    /// [`Error::Length`](crate::Error::Length) for another number of weights.
    pub fn penalty(&self, weights: &[f32]) -> Result<f64> {
        check_length("weights", self.u.len(), weights.len())?;
        let squares = weights.iter().zip(self.z.as_row_slice()).zip(&self.u).map(|((&w, &z), &u)| {
            let gap = f64::from(w) - f64::from(z) + f64::from(u);
            gap * gap
        });
        Ok(self.rho / 2.0 * squares.sum::<f64>())
    }

    /// Adds `ρ · (W − Z + U)` to the gradient of the loss. Both are inputs × outputs, row by row.
    ///
    /// # Errors
    ///
    /// [`Error::Length`](crate::Error::Length) for another number of weights or derivatives.
    pub fn add_penalty_gradient(&self, weights: &[f32], gradient: &mut [f32]) -> Result<()> {
        check_length("weights", self.u.len(), weights.len())?;
        check_length("gradient", self.u.len(), gradient.len())?;
        let rho = self.rho as f32;
        for (((gradient, &w), &z), &u) in
            gradient.iter_mut().zip(weights).zip(self.z.as_row_slice()).zip(&self.u)
        {
            *gradient += rho * (w - z + u);
        }
        Ok(())
    }

    /// Closes an epoch: refreshes what is held where it is due, then updates `Z` and `U`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`](crate::Error::Length) for a matrix of another size,
    /// [`Error::NotFinite`](crate::Error::NotFinite) where `W + U` exceeds `f32`; those of
    /// [`Constraints::project_held`]. The state is then as before.
    pub fn update(&mut self, weights: &RealWeights) -> Result<Residuals> {
        check_length("inputs of the weights", self.z.inputs(), weights.inputs())?;
        check_length("outputs of the weights", self.z.outputs(), weights.outputs())?;
        let due = (self.epochs + 1).is_multiple_of(self.refresh_epochs);
        let held = if due { self.constraints.hold(weights)? } else { self.held.clone() };
        let flips = held.flips(&self.held)?;
        let sum = weights.as_row_slice().iter().zip(&self.u).map(|(w, u)| w + u).collect();
        let sum = RealWeights::from_row_vec(weights.inputs(), weights.outputs(), sum)?;
        let z = self.constraints.project_held(&held, &sum)?.weights;
        let (mut primal, mut dual) = (0.0, 0.0);
        let targets = z.as_row_slice().iter().zip(self.z.as_row_slice());
        for ((&w, u), (&z, &before)) in weights.as_row_slice().iter().zip(&mut self.u).zip(targets) {
            let (gap, step) = (f64::from(w) - f64::from(z), f64::from(z) - f64::from(before));
            primal += gap * gap;
            dual += step * step;
            *u += w - z;
        }
        (self.held, self.z, self.epochs) = (held, z, self.epochs + 1);
        Ok(Residuals { primal: primal.sqrt(), dual: self.rho * dual.sqrt(), flips })
    }

    /// The hard projection of the trained weights, with rows, columns and signs as held. Retrain
    /// from there with [`Held::project`] after every step, and project once more.
    ///
    /// # Errors
    ///
    /// Those of [`Constraints::project_held`].
    pub fn finish(&self, weights: &RealWeights) -> Result<Feasible> {
        self.constraints.project_held(&self.held, weights)
    }
}

/// Gradients are `f32`, so `ρ` is used as one: not as 0, nor as infinity.
fn check_rho(rho: f64) -> Result<()> {
    check_real("rho", rho, f32::MIN_POSITIVE.into(), f32::MAX.into())
}
