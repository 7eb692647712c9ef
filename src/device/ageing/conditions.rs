//! What a die went through since it was programmed.

use crate::checked::checked_serde;
use crate::error::{Result, check_real};

/// Longest time accepted (s), about 30 000 years.
const MAX_SECS: f64 = 1e12;

/// What a die went through since it was programmed, all of it counted from the write.
///
/// A state, not a step: the die at some conditions does not depend on those it was looked at before.
/// The temperature is that of the read, and taken as held since the write.
///
/// **Units.** Seconds, kelvins, numbers of reads and of set-reset cycles per cell. **Valid range.**
/// 0–10¹² s, 1–1000 K; an effect may be fitted to less and then refuses the rest.
///
/// ```
/// use forms_xbar::device::Conditions;
///
/// let after_a_day = Conditions { elapsed_secs: 86_400.0, ..Conditions::FRESH };
/// assert!(after_a_day.check().is_ok());
/// assert!(Conditions { kelvin: 0.0, ..after_a_day }.check().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct Conditions {
    /// Time since programming (s).
    pub elapsed_secs: f64,
    /// Temperature (K).
    pub kelvin: f64,
    /// Read pulses every cell has seen since programming: one per plane that drove its word line.
    pub reads: u64,
    /// Set-reset cycles every cell had seen when it was programmed.
    pub cycles: u64,
}

checked_serde!(Conditions);

impl Conditions {
    /// Just programmed, at 300 K.
    pub const FRESH: Conditions = Conditions { elapsed_secs: 0.0, kelvin: 300.0, reads: 0, cycles: 0 };

    /// Checks time and temperature.
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for one that is not finite or outside its range.
    pub fn check(&self) -> Result<()> {
        check_real("elapsed time (s)", self.elapsed_secs, 0.0, MAX_SECS)?;
        check_real("temperature (K)", self.kelvin, 1.0, 1000.0)
    }
}

impl Default for Conditions {
    fn default() -> Self {
        Self::FRESH
    }
}
