//! Endurance: the window closes with cycles.

use super::Conditions;
use super::arrhenius::{activation_ev, check_activation, check_temperatures, slowdown};
use crate::checked::checked_serde;
use crate::error::{Error, Result, check_real};

/// A window between `g_off` and `g_on` that closes as cells are cycled.
///
/// **Equation.** `G → G_m (G / G_m)^w` with `G_m = √(g_off g_on)` and `w = 1 − (c / N)^p` for
/// `c < N` cycles, 0 from `N` on: in `ln G` every cell moves towards the middle of the window. A cell
/// at exactly 0 S has no place in `ln G` and is left as it is. `N(T) = N_ref · exp(Ea / k · (1/T − 1/T_ref))`. **Units.**
/// Cycles, kelvins, eV; `p` is a pure number. **Valid range.** `N_ref` 1–10¹⁵, `Ea` 0–10 eV, `p`
/// 0.01–100, `g_off > 0`; once a cell was cycled, temperatures in the fitted range. **Drawn.** Never.
/// **Source.** `N`: Shin et al. (TOPAR), ICCAD 2020, 4.14 · 10⁸ cycles at 300 K and 1.07 · 10⁷ at 380 K, from
/// which `Ea` ≈ 0.45 eV is derived. How the window closes before `N` is our choice.
///
/// ```
/// use forms_xbar::device::Endurance;
///
/// let topar = Endurance::between((300.0, 4.14e8), (380.0, 1.07e7), 1.0)?;
/// assert!((topar.activation_ev() - 0.449).abs() < 1e-3);
/// assert!((topar.cycles_at(380.0) / 1.07e7 - 1.0).abs() < 1e-9);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct Endurance {
    reference_cycles: f64,
    reference_kelvin: f64,
    activation_ev: f64,
    exponent: f64,
    range_kelvin: (f64, f64),
}

checked_serde!(Endurance);

impl Endurance {
    /// `cycles` until the window is closed at `kelvin`, moved to other temperatures by
    /// `activation_ev`, with the closing exponent `p`, fitted for temperatures in `range` (K).
    ///
    /// # Errors
    ///
    /// [`Error::Real`] or [`Error::Order`] for parts outside the valid range.
    pub fn new(
        cycles: f64,
        kelvin: f64,
        activation_ev: f64,
        exponent: f64,
        range: (f64, f64),
    ) -> Result<Self> {
        let endurance = Endurance {
            reference_cycles: cycles,
            reference_kelvin: kelvin,
            activation_ev,
            exponent,
            range_kelvin: range,
        };
        endurance.check()?;
        Ok(endurance)
    }

    /// The endurance measured at a cool and at a hot temperature, each `(kelvin, cycles)`, valid
    /// between them.
    ///
    /// # Errors
    ///
    /// [`Error::Real`] or [`Error::Order`] for parts outside the valid range, or fewer cycles at the
    /// cool temperature.
    pub fn between(cool: (f64, f64), hot: (f64, f64), exponent: f64) -> Result<Self> {
        check_temperatures(cool.0, (cool.0, hot.0))?;
        check_real("endurance (cycles)", cool.1, 1.0, 1e15)?;
        check_real("endurance (cycles)", hot.1, 1.0, 1e15)?;
        Self::new(cool.1, cool.0, activation_ev(cool, hot), exponent, (cool.0, hot.0))
    }

    fn check(&self) -> Result<()> {
        check_real("endurance (cycles)", self.reference_cycles, 1.0, 1e15)?;
        check_activation(self.activation_ev)?;
        check_real("exponent of endurance", self.exponent, 0.01, 100.0)?;
        check_temperatures(self.reference_kelvin, self.range_kelvin)
    }

    /// Refuses a window that has no middle in `ln G`.
    pub(super) fn check_window(&self, (g_off, _): (f64, f64)) -> Result<()> {
        if g_off > 0.0 {
            return Ok(());
        }
        let why = "a window that reaches down to 0 S has no geometric mean to close towards";
        Err(Error::Conflict { first: "endurance", second: "g_off of 0 S", why })
    }

    /// Activation energy (eV).
    pub fn activation_ev(&self) -> f64 {
        self.activation_ev
    }

    /// Exponent of the closing.
    pub fn exponent(&self) -> f64 {
        self.exponent
    }

    /// Temperatures between which it was fitted (K).
    pub fn range_kelvin(&self) -> (f64, f64) {
        self.range_kelvin
    }

    /// Cycles until the window is closed at a temperature (K).
    pub fn cycles_at(&self, kelvin: f64) -> f64 {
        self.reference_cycles * slowdown(self.activation_ev, kelvin, self.reference_kelvin)
    }

    /// What these conditions do, `None` if nothing.
    pub(super) fn under(
        &self,
        conditions: &Conditions,
        (g_off, g_on): (f64, f64),
    ) -> Result<Option<Closing>> {
        if conditions.cycles == 0 {
            return Ok(None);
        }
        let (low, high) = self.range_kelvin;
        check_real("temperature of a cell with endurance (K)", conditions.kelvin, low, high)?;
        let spent = conditions.cycles as f64 / self.cycles_at(conditions.kelvin);
        let open = if spent < 1.0 { 1.0 - libm::pow(spent, self.exponent) } else { 0.0 };
        Ok((open < 1.0).then(|| Closing { middle: (g_off * g_on).sqrt(), open }))
    }
}

/// A window that is still open by a share of its width.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closing {
    middle: f64,
    open: f64,
}

impl Closing {
    pub(super) fn apply(&self, siemens: &mut [f32]) {
        for cell in siemens.iter_mut().filter(|cell| **cell > 0.0) {
            *cell = (self.middle * libm::exp(self.open * libm::log(f64::from(*cell) / self.middle))) as f32;
        }
    }
}
