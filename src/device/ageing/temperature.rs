//! Temperature: a hot cell conducts less.

use super::Conditions;
use super::arrhenius::check_temperatures;
use crate::checked::checked_serde;
use crate::error::{Result, check_real};

/// A linear coefficient of `g_on`, with `g_off` fixed.
///
/// **Equation.** `G → g_off + (G − g_off) · s` with
/// `s = (g_on (1 + α (T − T_0)) − g_off) / (g_on − g_off)`; cells at or below `g_off` stay. Reversible: a
/// property of the read, not of the cell's past. **Units.** `α` per kelvin, kelvins. **Valid range.** `α`
/// −0.1–0.1 /K; temperatures in the fitted range and such that `s ≥ 0`. **Drawn.** Never. **Source.** `α` ≈
/// −0.005 /K is derived from Shin et al. (TOPAR), ICCAD 2020: `g_on` halves from 300 to 400 K, `g_off` about
/// unchanged. That levels between move in proportion is our choice.
///
/// Dies are programmed fresh, at 300 K: the range must hold that, and with another `T_0` a fresh die is off its
/// levels.
///
/// ```
/// use forms_xbar::device::TemperatureCoefficient;
///
/// let topar = TemperatureCoefficient::new(-0.005, 300.0, (300.0, 400.0))?;
/// assert_eq!(topar.per_kelvin(), -0.005);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct TemperatureCoefficient {
    per_kelvin: f64,
    reference_kelvin: f64,
    range_kelvin: (f64, f64),
}

checked_serde!(TemperatureCoefficient);

impl TemperatureCoefficient {
    /// A coefficient of `g_on` per kelvin, from `reference_kelvin` on, fitted for temperatures in
    /// `range` (K).
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) or [`Error::Order`](crate::Error::Order) for parts outside the
    /// valid range.
    pub fn new(per_kelvin: f64, reference_kelvin: f64, range: (f64, f64)) -> Result<Self> {
        let coefficient = TemperatureCoefficient { per_kelvin, reference_kelvin, range_kelvin: range };
        coefficient.check()?;
        Ok(coefficient)
    }

    fn check(&self) -> Result<()> {
        check_real("temperature coefficient of g_on (1/K)", self.per_kelvin, -0.1, 0.1)?;
        check_temperatures(self.reference_kelvin, self.range_kelvin)
    }

    /// Relative change of `g_on` per kelvin.
    pub fn per_kelvin(&self) -> f64 {
        self.per_kelvin
    }

    /// Temperature at which `g_on` is what it is (K).
    pub fn reference_kelvin(&self) -> f64 {
        self.reference_kelvin
    }

    /// Temperatures between which it was fitted (K).
    pub fn range_kelvin(&self) -> (f64, f64) {
        self.range_kelvin
    }

    /// What these conditions do, `None` if nothing.
    pub(super) fn under(
        &self,
        conditions: &Conditions,
        (g_off, g_on): (f64, f64),
    ) -> Result<Option<Scaling>> {
        let rise = self.per_kelvin * (conditions.kelvin - self.reference_kelvin);
        if rise == 0.0 {
            return Ok(None);
        }
        let (low, high) = self.range_kelvin;
        check_real("temperature of a cell with a coefficient (K)", conditions.kelvin, low, high)?;
        let hot = g_on * (1.0 + rise);
        check_real("g_on at this temperature (S)", hot, g_off, f64::MAX)?;
        Ok(Some(Scaling { g_off, factor: (hot - g_off) / (g_on - g_off) }))
    }
}

/// A window whose upper end moved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scaling {
    g_off: f64,
    factor: f64,
}

impl Scaling {
    pub(super) fn apply(&self, siemens: &mut [f32]) {
        for cell in siemens {
            let above = f64::from(*cell) - self.g_off;
            if above > 0.0 {
                *cell = (self.g_off + above * self.factor) as f32;
            }
        }
    }
}
