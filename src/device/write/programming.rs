//! Programming error: the conductance a write leaves behind.

use std::sync::Arc;

use super::{CellModel, WriteVerify};
use crate::checked::checked_serde;
use crate::device::{LevelMap, Polynomial};
use crate::error::{Result, check_integer, check_length, check_real};

/// Largest σ accepted: far beyond any device, small enough that `exp(σ z)` stays finite.
const MAX_SIGMA: f64 = 10.0;

/// Largest conductance accepted (S): cells are kept as `f32`.
const MAX_SIEMENS: f64 = f32::MAX as f64;

/// The random deviation of a cell from its target, drawn once per write and then frozen.
///
/// **Equation.** At each variant; `z` is a standard normal number. Normal ones are truncated to
/// `G ≥ 0` by the inverse of the truncated distribution, so they need one draw and no conductance
/// piles up at 0 S; their mean lies above the target by `σ φ(G/σ) / Φ(G/σ)`. **Units.** Siemens,
/// where not said to be a pure number. **Valid range.** At each variant; checked when a design is
/// built. **Drawn.** Once per write, one stream per array and word line, one draw per bit line
/// whatever the level; a user's model has a stream per cell, write-verify one per pulse. **Source.**
/// At each variant.
///
/// ```
/// use forms_xbar::device::{LevelMap, Polynomial, Programming};
///
/// let levels = LevelMap::table(vec![50e-6, 100e-6, 150e-6, 225e-6])?;
/// // Milo et al. (2021), IGVVA-100: σ = 4.782 µS − 0.0091 G, 50–225 µS.
/// let sigma = Polynomial::new(1e-6, 1e-6, (50e-6, 225e-6), &[4.782, -0.0091])?;
/// let milo = Programming::StateDependent { sigma_siemens: sigma };
/// assert!(milo.check_levels(&levels).is_ok());
/// let three = Programming::Samples { siemens: vec![vec![50e-6, 51e-6]; 3] };
/// assert!(three.check_levels(&levels).is_err());
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", rename_all = "snake_case", deny_unknown_fields))]
pub enum Programming {
    /// The target is met.
    Exact,
    /// `G = G_target · exp(σ z)`: preserves the median; the mean rises by `exp(σ²/2)`. On the
    /// whole conductance, `g_off` included. FORMS uses σ = 0.1 without saying on what.
    Lognormal {
        /// Standard deviation of `ln G`, 0–10.
        sigma: f64,
    },
    /// `G = G_target · exp(σ z − σ²/2)`: preserves the mean; the median falls by `exp(−σ²/2)`.
    LognormalMean {
        /// Standard deviation of `ln G`, 0–10.
        sigma: f64,
    },
    /// `G = G_target · (1 + σ z)`, truncated to `G ≥ 0`.
    NormalRelative {
        /// Standard deviation relative to the target, 0–10.
        sigma: f64,
    },
    /// `G = G_target + σ · g_on · z`, truncated to `G ≥ 0`.
    NormalOfGOn {
        /// Standard deviation relative to `g_on`, 0–10.
        sigma: f64,
    },
    /// `G = G_target + σ(G_target) z`, truncated to `G ≥ 0`: fits as of Milo et al. or NeuRRAM in
    /// CrossSim.
    StateDependent {
        /// Standard deviation over the nominal target of a level, not negative at any level.
        sigma_siemens: Polynomial,
    },
    /// `G = mean + σ z` of the level, truncated to `G ≥ 0`: moments of measured cells, given before
    /// truncation. The level map says what a level is meant to be. Cells measured after they relaxed have
    /// relaxed already: do not add [`Relaxation`](crate::device::Relaxation) to them.
    Table {
        /// Mean of every level.
        mean_siemens: Vec<f64>,
        /// Standard deviation of every level.
        sigma_siemens: Vec<f64>,
    },
    /// One of the measured conductances of the level, each with equal probability. Relaxation as at
    /// [`Programming::Table`].
    Samples {
        /// At least one measured conductance for every level.
        siemens: Vec<Vec<f64>>,
    },
    /// Pulse and verify.
    WriteVerify(WriteVerify),
    /// A user's own cell. Cannot be serialised.
    #[cfg_attr(feature = "serde", serde(skip_deserializing, serialize_with = "refuse"))]
    Model(Arc<dyn CellModel>),
}

checked_serde!(Programming);

#[cfg(feature = "serde")]
fn refuse<S: serde::Serializer>(model: &Arc<dyn CellModel>, _: S) -> std::result::Result<S::Ok, S::Error> {
    let (id, version) = (model.id(), model.version());
    Err(serde::ser::Error::custom(format!("cell model {id:?} (version {version}) cannot be serialised")))
}

impl Programming {
    /// Checks what can be checked without levels.
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for a number out of its range,
    /// [`Error::Length`](crate::Error::Length) for a table whose columns differ in length,
    /// [`Error::Integer`](crate::Error::Integer) for a level without a sample.
    pub fn check(&self) -> Result<()> {
        match self {
            Programming::Exact
            | Programming::StateDependent { .. }
            | Programming::WriteVerify(_)
            | Programming::Model(_) => Ok(()),
            Programming::Lognormal { sigma }
            | Programming::LognormalMean { sigma }
            | Programming::NormalRelative { sigma }
            | Programming::NormalOfGOn { sigma } => check_real("programming sigma", *sigma, 0.0, MAX_SIGMA),
            Programming::Table { mean_siemens, sigma_siemens } => {
                check_length("sigmas of the programming table", mean_siemens.len(), sigma_siemens.len())?;
                for (&mean, &sigma) in mean_siemens.iter().zip(sigma_siemens) {
                    check_real("mean of the programming table (S)", mean, 0.0, MAX_SIEMENS)?;
                    check_real("sigma of the programming table (S)", sigma, 0.0, MAX_SIEMENS)?;
                }
                Ok(())
            }
            Programming::Samples { siemens } => {
                for level in siemens {
                    check_integer("programming samples of a level", level.len(), 1, i64::MAX)?;
                    for &sample in level {
                        check_real("programming sample (S)", sample, 0.0, MAX_SIEMENS)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// Checks everything, for a cell of these levels.
    ///
    /// # Errors
    ///
    /// Those of [`Programming::check`]; [`Error::Length`](crate::Error::Length) for tables and
    /// samples of another number of levels, [`Error::Real`](crate::Error::Real) for σ(G) that is
    /// negative at a level.
    pub fn check_levels(&self, levels: &LevelMap) -> Result<()> {
        self.check()?;
        let count = levels.as_slice().len();
        match self {
            Programming::Table { mean_siemens, .. } => {
                check_length("levels of the programming table", count, mean_siemens.len())
            }
            Programming::Samples { siemens } => {
                check_length("levels of the programming samples", count, siemens.len())
            }
            Programming::StateDependent { sigma_siemens } => {
                levels.as_slice().iter().try_for_each(|&level| {
                    check_real("programming sigma at a level (S)", sigma_siemens.at(level), 0.0, MAX_SIEMENS)
                })
            }
            _ => Ok(()),
        }
    }

    /// Whether every cell of these levels meets its target, so that nothing is drawn.
    pub fn is_exact(&self, levels: &LevelMap) -> bool {
        match self {
            Programming::Exact => true,
            Programming::Lognormal { sigma }
            | Programming::LognormalMean { sigma }
            | Programming::NormalRelative { sigma }
            | Programming::NormalOfGOn { sigma } => *sigma == 0.0,
            Programming::StateDependent { sigma_siemens } => {
                levels.as_slice().iter().all(|&level| sigma_siemens.at(level) == 0.0)
            }
            Programming::Table { mean_siemens, sigma_siemens } => {
                sigma_siemens.iter().all(|&sigma| sigma == 0.0) && mean_siemens == levels.as_slice()
            }
            Programming::Samples { .. } | Programming::WriteVerify(_) | Programming::Model(_) => false,
        }
    }

    /// Whether nothing is drawn: exact, or off target in the same way at every write.
    pub fn is_deterministic(&self, levels: &LevelMap) -> bool {
        match self {
            Programming::Table { sigma_siemens, .. } => sigma_siemens.iter().all(|&sigma| sigma == 0.0),
            Programming::Samples { siemens } => siemens.iter().all(|level| level.len() == 1),
            Programming::WriteVerify(verify) => verify.pulse_noise() == 0.0,
            _ => self.is_exact(levels),
        }
    }
}
