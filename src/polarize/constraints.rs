//! Pruning, polarization and quantisation of one matrix, in FORMS's order.

use super::{FragmentSigns, Kept, Moved, Polarization, Pruning, Quantization, Quantized};
use crate::checked::checked_serde;
use crate::error::{Result, check_divides, check_length};
use crate::weights::RealWeights;

/// What a matrix has to fulfil: any of pruning, polarization and quantisation.
///
/// They are projected onto one after another, pruning first and levels last (FORMS, section III). Fragments and
/// levels are those of the rows and columns that pruning keeps, because only these are on crossbars:
/// a fragment is `m` consecutive *kept* rows.
///
/// ```
/// use forms_xbar::RealWeights;
/// use forms_xbar::polarize::{Constraints, Polarization, Pruning, Quantization, ScaleRule, SignRule};
///
/// let constraints = Constraints::NONE
///     .with_pruning(Pruning::new(0.5, 1.0)?)?
///     .with_polarization(Polarization::new(2, SignRule::Sum)?)?
///     .with_quantization(Quantization::new(8, ScaleRule::MinMax)?);
/// let weights = RealWeights::from_row_slice(4, 1, &[2.0, 0.1, -1.0, 0.2])?;
/// let feasible = constraints.project(&weights)?;
/// assert_eq!(feasible.weights.as_row_slice(), [2.0, 0.0, 0.0, 0.0]);
/// assert_eq!(feasible.kept.inputs(), [0, 2]);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct Constraints {
    pruning: Option<Pruning>,
    polarization: Option<Polarization>,
    quantization: Option<Quantization>,
}

checked_serde!(Constraints);

impl Constraints {
    /// Every matrix.
    pub const NONE: Constraints = Constraints { pruning: None, polarization: None, quantization: None };

    /// Also pruned.
    ///
    /// # Errors
    ///
    /// [`Error::Divide`](crate::Error::Divide) when fragments do not divide the inputs of a crossbar
    /// that pruning fills.
    pub fn with_pruning(self, pruning: Pruning) -> Result<Self> {
        let constraints = Constraints { pruning: Some(pruning), ..self };
        constraints.check()?;
        Ok(constraints)
    }

    /// Also polarized.
    ///
    /// # Errors
    ///
    /// As [`Constraints::with_pruning`].
    pub fn with_polarization(self, polarization: Polarization) -> Result<Self> {
        let constraints = Constraints { polarization: Some(polarization), ..self };
        constraints.check()?;
        Ok(constraints)
    }

    /// Also on levels.
    pub fn with_quantization(self, quantization: Quantization) -> Self {
        Constraints { quantization: Some(quantization), ..self }
    }

    fn check(&self) -> Result<()> {
        match (self.pruning, self.polarization) {
            (Some(pruning), Some(polarization)) if pruning.crossbar_inputs() > 1 => check_divides(
                ("fragment", polarization.fragment()),
                ("inputs of a crossbar", pruning.crossbar_inputs()),
            ),
            _ => Ok(()),
        }
    }

    /// Rows, columns and signs that projecting this matrix chooses.
    ///
    /// # Errors
    ///
    /// None for constraints that were checked.
    pub fn hold(&self, weights: &RealWeights) -> Result<Held> {
        let kept = match self.pruning {
            Some(pruning) => pruning.select(weights),
            None => Kept::all(weights.inputs(), weights.outputs()),
        };
        let signs = match self.polarization {
            Some(polarization) => Some(polarization.signs(&kept.compact(weights)?)),
            None => None,
        };
        Ok(Held { kept, signs })
    }

    /// Prunes, polarizes, quantises.
    ///
    /// Projecting the result again changes nothing, unless a kept row or column has become 0: then
    /// pruning cannot tell it from a removed one, and fragments may begin elsewhere.
    /// [`Constraints::project_held`] has no such exception.
    ///
    /// # Errors
    ///
    /// Those of [`Quantization::quantize`].
    pub fn project(&self, weights: &RealWeights) -> Result<Feasible> {
        self.project_held(&self.hold(weights)?, weights)
    }

    /// The same with rows, columns and signs as held; only levels are chosen anew.
    ///
    /// # Errors
    ///
    /// Those of [`Held::project`] and [`Quantization::quantize`].
    pub fn project_held(&self, held: &Held, weights: &RealWeights) -> Result<Feasible> {
        let mut on_levels = held.kept.compact(weights)?;
        let pruned = held.kept.project(&mut weights.clone())?;
        let polarized = match &held.signs {
            Some(signs) => signs.project(&mut on_levels)?,
            None => Moved::default(),
        };
        let quantized = match self.quantization {
            Some(quantization) => Some(quantization.quantize(&on_levels)?),
            None => None,
        };
        if let Some(quantized) = &quantized {
            on_levels = quantized.to_real()?;
        }
        let whole = held.kept.expand(&on_levels)?;
        let moved = Moved::between(weights.as_row_slice(), whole.as_row_slice());
        Ok(Feasible { weights: whole, kept: held.kept.clone(), quantized, pruned, polarized, moved })
    }
}

/// A matrix that fulfils [`Constraints`], and how far each of them moved it.
#[derive(Debug, Clone, PartialEq)]
pub struct Feasible {
    /// The matrix in its original size.
    pub weights: RealWeights,
    /// Rows and columns on crossbars.
    pub kept: Kept,
    /// The kept part as integers, ready to be programmed, where levels were asked for.
    pub quantized: Option<Quantized>,
    /// What pruning moved.
    pub pruned: Moved,
    /// What polarizing moved, of the kept part; nothing where it was not asked for.
    pub polarized: Moved,
    /// What all did together.
    pub moved: Moved,
}

/// Rows, columns and signs held fixed, for retraining: what FORMS calls a mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    kept: Kept,
    signs: Option<FragmentSigns>,
}

impl Held {
    /// Rows and columns kept.
    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Signs of the kept part's fragments, `None` without polarization.
    pub fn signs(&self) -> Option<&FragmentSigns> {
        self.signs.as_ref()
    }

    /// Sets what was removed, and what has another sign than its fragment, to 0: to be called after
    /// every step of retraining. A weight that polarization set to 0 may come back with the sign of
    /// its fragment.
    ///
    /// # Errors
    ///
    /// [`Error::Length`](crate::Error::Length) for a matrix of another size.
    pub fn project(&self, weights: &mut RealWeights) -> Result<Moved> {
        let mut compact = self.kept.compact(weights)?;
        if let Some(signs) = &self.signs {
            signs.project(&mut compact)?;
        }
        let projected = self.kept.expand(&compact)?;
        let moved = Moved::between(weights.as_row_slice(), projected.as_row_slice());
        *weights = projected;
        Ok(moved)
    }

    /// Fragments whose sign differs, 0 without polarization.
    ///
    /// # Errors
    ///
    /// [`Error::Length`](crate::Error::Length) when the kept parts have different sizes.
    pub fn flips(&self, other: &Held) -> Result<usize> {
        match (&self.signs, &other.signs) {
            (Some(signs), Some(others)) => signs.flips(others),
            (signs, others) => {
                check_length("sets of signs", signs.iter().len(), others.iter().len())?;
                Ok(0)
            }
        }
    }
}
