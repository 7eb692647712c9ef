//! Retention: the low-resistance state is lost.

use super::Conditions;
use super::arrhenius::{check_activation, check_temperatures, slowdown};
use super::decay::Decay;
use crate::checked::checked_serde;
use crate::error::{Result, check_real};

/// Cells that fall back to `g_off`, sooner when they are hot.
///
/// **Equation.** `G → g_off + (G − g_off) · exp(−t / τ)`, for cells above `g_off`, with
/// `τ(T) = τ_ref · exp(Ea / k · (1/T − 1/T_ref))`. **Units.** Seconds, kelvins, eV. **Valid range.** `τ_ref`
/// 10⁻⁹–10³⁰ s, `Ea` 0–10 eV; once time has passed, temperatures in the fitted range. **Drawn.** Never.
/// **Source.** The usual Arrhenius law; a loss by one exponential is our choice. `Ea` of 1.0–1.6 eV for ReRAM
/// is recalled, not sourced.
///
/// ```
/// use forms_xbar::device::Retention;
///
/// // Ten years at 85 °C.
/// let retention = Retention::new(3.15e8, 358.15, 1.2, (298.15, 423.15))?;
/// assert!(retention.secs_at(423.15) < 3.15e8 / 100.0);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct Retention {
    reference_secs: f64,
    reference_kelvin: f64,
    activation_ev: f64,
    range_kelvin: (f64, f64),
}

checked_serde!(Retention);

impl Retention {
    /// A time constant of `secs` at `kelvin`, moved to other temperatures by `activation_ev`, fitted
    /// for temperatures in `range` (K).
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) or [`Error::Order`](crate::Error::Order) for parts outside the
    /// valid range.
    pub fn new(secs: f64, kelvin: f64, activation_ev: f64, range: (f64, f64)) -> Result<Self> {
        let retention =
            Retention { reference_secs: secs, reference_kelvin: kelvin, activation_ev, range_kelvin: range };
        retention.check()?;
        Ok(retention)
    }

    fn check(&self) -> Result<()> {
        check_real("retention time (s)", self.reference_secs, 1e-9, 1e30)?;
        check_activation(self.activation_ev)?;
        check_temperatures(self.reference_kelvin, self.range_kelvin)
    }

    /// Activation energy (eV).
    pub fn activation_ev(&self) -> f64 {
        self.activation_ev
    }

    /// Temperatures between which it was fitted (K).
    pub fn range_kelvin(&self) -> (f64, f64) {
        self.range_kelvin
    }

    /// Time constant (s) at a temperature (K).
    pub fn secs_at(&self, kelvin: f64) -> f64 {
        self.reference_secs * slowdown(self.activation_ev, kelvin, self.reference_kelvin)
    }

    /// What these conditions do, `None` if nothing.
    pub(super) fn under(&self, conditions: &Conditions, (g_off, _): (f64, f64)) -> Result<Option<Decay>> {
        if conditions.elapsed_secs == 0.0 {
            return Ok(None);
        }
        let (low, high) = self.range_kelvin;
        check_real("temperature of a cell with retention (K)", conditions.kelvin, low, high)?;
        Ok(Decay::new(g_off, conditions.elapsed_secs / self.secs_at(conditions.kelvin)))
    }
}
