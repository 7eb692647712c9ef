//! Programming error: the conductance a write leaves behind.

use crate::error::{Result, check_real};
use crate::key::{Stream, normal_cdf, normal_quantile};

/// Largest σ accepted: far beyond any device, small enough that `exp(σ z)` stays finite.
const MAX_SIGMA: f64 = 10.0;

/// The random deviation of a cell from its target, drawn once per write and then frozen.
///
/// Every cell takes exactly one draw, at the place of its word line and bit line, whatever its
/// level. Units: σ is a pure number, of what is said at each variant; conductances in siemens.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case", deny_unknown_fields))]
pub enum Programming {
    /// The target is met.
    Exact,
    /// `G = G_target · exp(σ z)`: preserves the median; the mean rises by `exp(σ²/2)`. On the
    /// whole conductance, `g_off` included. FORMS uses σ = 0.1 without saying on what.
    Lognormal {
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
}

impl Programming {
    /// Checks the standard deviation.
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for σ that is NaN, negative or above 10.
    pub fn check(&self) -> Result<()> {
        check_real("programming sigma", self.sigma(), 0.0, MAX_SIGMA)
    }

    /// Whether every cell meets its target, so that nothing is drawn.
    pub fn is_exact(&self) -> bool {
        self.sigma() == 0.0
    }

    fn sigma(&self) -> f64 {
        match *self {
            Programming::Exact => 0.0,
            Programming::Lognormal { sigma }
            | Programming::NormalRelative { sigma }
            | Programming::NormalOfGOn { sigma } => sigma,
        }
    }

    /// One write of a cell whose target is `target` (S): one draw from `stream`.
    pub(in crate::device) fn write(&self, target: f64, g_on: f64, stream: &mut Stream) -> f64 {
        match *self {
            Programming::Exact => target,
            Programming::Lognormal { sigma } => target * libm::exp(sigma * stream.normal()),
            Programming::NormalRelative { sigma } => truncated_normal(target, sigma * target, stream),
            Programming::NormalOfGOn { sigma } => truncated_normal(target, sigma * g_on, stream),
        }
    }
}

/// A normal number conditioned on being at least 0, from one draw: the inverse of the truncated
/// distribution function. Clamping instead would pile cells up at 0 S.
fn truncated_normal(mean: f64, deviation: f64, stream: &mut Stream) -> f64 {
    let uniform = stream.uniform();
    if deviation == 0.0 {
        return mean;
    }
    // Seen from the upper end, so that a tiny truncated mass costs no precision.
    let kept = normal_cdf(mean / deviation);
    (mean - deviation * normal_quantile(kept * (1.0 - uniform))).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Key, Purpose};

    #[test]
    fn truncation_keeps_the_support_and_the_shape() {
        // Mean 1, σ 1: the truncated normal has mean 1 + φ(1)/Φ(1) = 1.28760.
        let mut stream = Key::from(1).stream(Purpose::Programming, [0; 3]);
        let n = 200_000;
        let draws: Vec<f64> = (0..n).map(|_| truncated_normal(1.0, 1.0, &mut stream)).collect();
        assert!(draws.iter().all(|&g| g >= 0.0));
        let mean = draws.iter().sum::<f64>() / n as f64;
        // Deviation of one draw 0.794, of the mean 0.0018; four of them.
        assert!((mean - 1.287_600).abs() < 0.0072, "{mean}");
    }

    #[test]
    fn level_zero_of_an_open_cell_stays_open() {
        let mut stream = Key::from(1).stream(Purpose::Programming, [0; 3]);
        for error in [Programming::NormalRelative { sigma: 0.1 }, Programming::Lognormal { sigma: 0.1 }] {
            assert_eq!(error.write(0.0, 1e-4, &mut stream), 0.0);
        }
    }
}
