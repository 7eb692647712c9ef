//! White read noise.

use crate::checked::checked_serde;
use crate::error::{Result, check_real};

/// White Gaussian noise, fresh at every conversion.
///
/// **Equation.** The current of a conversion has variance
/// `σ_fe² + Σ_i (σ_rel · I_i)²` over the conducting cells of the active group: independent
/// relative noise of every cell, and input-referred noise of the front end. Independent Gaussians
/// add up to one, so one number is drawn per conversion. **Units.** `relative` is a pure number,
/// `front_end_amperes` in A (rms). **Valid range.** Both finite and at least 0; `relative` at most
/// 10. **Drawn.** At every conversion of every plane that is run, in the kernel.
///
/// ```
/// use forms_xbar::device::ReadNoise;
///
/// let noise = ReadNoise::new(0.01, 20e-9)?;
/// assert!(!noise.is_none());
/// assert!(ReadNoise::new(f64::NAN, 0.0).is_err());
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct ReadNoise {
    relative: f64,
    front_end_amperes: f64,
}

checked_serde!(ReadNoise);

impl ReadNoise {
    /// No read noise.
    pub const NONE: ReadNoise = ReadNoise { relative: 0.0, front_end_amperes: 0.0 };

    /// Noise of relative deviation `relative` in every conducting cell and of
    /// `front_end_amperes` rms in every conversion.
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for a deviation that is NaN, negative, infinite, or a `relative` above 10.
    pub fn new(relative: f64, front_end_amperes: f64) -> Result<Self> {
        let noise = ReadNoise { relative, front_end_amperes };
        noise.check()?;
        Ok(noise)
    }

    fn check(&self) -> Result<()> {
        check_real("relative read noise sigma", self.relative, 0.0, 10.0)?;
        check_real("front-end noise sigma (A)", self.front_end_amperes, 0.0, f64::MAX)
    }

    /// Relative standard deviation of a cell's current.
    pub fn relative(&self) -> f64 {
        self.relative
    }

    /// Input-referred standard deviation of a conversion (A).
    pub fn front_end_amperes(&self) -> f64 {
        self.front_end_amperes
    }

    /// Whether there is no noise, so that nothing is drawn.
    pub fn is_none(&self) -> bool {
        self.relative == 0.0 && self.front_end_amperes == 0.0
    }
}
