//! A curve over conductance that moves with the logarithm of time.

use crate::checked::checked_serde;
use crate::device::Polynomial;
use crate::error::{Error, Result, check_real};

/// A polynomial of conductance whose coefficients grow with the logarithm of time.
///
/// **Equation.** `f(G, t) = f_0(G) + f_1(G) · ln(t / t_0)`, both polynomials
/// `unit · Σ_k c_k (G / scale)^k` within the fitted range of `G`; beyond it the value at its nearer
/// end. **Units.** `scale`, `unit` and the range in siemens, coefficients pure numbers. **Valid range.**
/// That of [`Polynomial`]; either may have no coefficient, which is 0. **Drawn.** Never.
///
/// ```
/// use forms_xbar::device::LogTimeCurve;
///
/// // 1 µS + 2 G at t_0, and 0.5 µS more per e-fold of time.
/// let curve = LogTimeCurve::new(1e-6, 1e-6, (0.0, 40e-6), &[1.0, 2.0], &[0.5])?;
/// assert!((curve.at(3e-6, 4.0) - 9e-6).abs() < 1e-18);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct LogTimeCurve {
    scale_siemens: f64,
    unit_siemens: f64,
    range_siemens: (f64, f64),
    at_start: Vec<f64>,
    per_e_fold: Vec<f64>,
}

checked_serde!(LogTimeCurve);

impl LogTimeCurve {
    /// No change at any conductance and time.
    pub const ZERO: LogTimeCurve = LogTimeCurve {
        scale_siemens: 1.0,
        unit_siemens: 1.0,
        range_siemens: (0.0, 1.0),
        at_start: Vec::new(),
        per_e_fold: Vec::new(),
    };

    /// The curve of these coefficients, lowest power first, at `t_0` and per e-fold of time, fitted
    /// within `range` (S).
    ///
    /// # Errors
    ///
    /// Those of [`Polynomial::new`].
    pub fn new(
        scale: f64,
        unit: f64,
        range: (f64, f64),
        at_start: &[f64],
        per_e_fold: &[f64],
    ) -> Result<Self> {
        let curve = LogTimeCurve {
            scale_siemens: scale,
            unit_siemens: unit,
            range_siemens: range,
            at_start: at_start.to_vec(),
            per_e_fold: per_e_fold.to_vec(),
        };
        curve.check()?;
        Ok(curve)
    }

    /// The curve through two fits, each `(seconds, coefficients)` with the earlier first, which is at
    /// `t_0`.
    ///
    /// # Errors
    ///
    /// Those of [`Polynomial::new`], [`Error::Real`] for a time that is not above 0, [`Error::Order`]
    /// for times that do not rise.
    pub(super) fn between(
        scale: f64,
        unit: f64,
        range: (f64, f64),
        (early_secs, early): (f64, &[f64]),
        (late_secs, late): (f64, &[f64]),
    ) -> Result<Self> {
        check_span(early_secs, late_secs)?;
        let e_folds = libm::log(late_secs / early_secs);
        let at = |coefficients: &[f64], k| coefficients.get(k).copied().unwrap_or(0.0);
        let per_e_fold: Vec<f64> =
            (0..early.len().max(late.len())).map(|k| (at(late, k) - at(early, k)) / e_folds).collect();
        Self::new(scale, unit, range, early, &per_e_fold)
    }

    /// The same curve at every conductance, in siemens at `t_0` and per e-fold of time.
    ///
    /// # Errors
    ///
    /// [`Error::Real`] for a value that is not finite.
    pub fn constant(at_start: f64, per_e_fold: f64) -> Result<Self> {
        Self::new(1.0, 1.0, (0.0, 1.0), &[at_start], &[per_e_fold])
    }

    /// Coefficients at `t_0` and per e-fold of time, lowest power first.
    pub fn coefficients(&self) -> (&[f64], &[f64]) {
        (&self.at_start, &self.per_e_fold)
    }

    /// Scale and unit of the coefficients (S).
    pub fn scale_and_unit(&self) -> (f64, f64) {
        (self.scale_siemens, self.unit_siemens)
    }

    /// Conductances between which the curve was fitted (S).
    pub fn range(&self) -> (f64, f64) {
        self.range_siemens
    }

    fn check(&self) -> Result<()> {
        for coefficients in [&self.at_start, &self.per_e_fold] {
            // No coefficient is 0; the rest is checked all the same.
            let coefficients = if coefficients.is_empty() { &[0.0] } else { coefficients.as_slice() };
            Polynomial::new(self.scale_siemens, self.unit_siemens, self.range_siemens, coefficients)?;
        }
        Ok(())
    }

    /// Whether it is 0 at any conductance and time.
    pub fn is_zero(&self) -> bool {
        self.at_start.iter().chain(&self.per_e_fold).all(|&coefficient| coefficient == 0.0)
    }

    /// Its value (S) at a conductance (S), `e_folds = ln(t / t_0)` after `t_0`.
    pub fn at(&self, siemens: f64, e_folds: f64) -> f64 {
        let mut value = [0.0];
        self.after(1.0, e_folds).fill(&[siemens], &mut value);
        value[0]
    }

    /// The curve at one time, times `factor`.
    pub(super) fn after(&self, factor: f64, e_folds: f64) -> Curve {
        let coefficient = |k| -> f64 {
            let at = |coefficients: &[f64]| coefficients.get(k).copied().unwrap_or(0.0);
            factor * self.unit_siemens * (at(&self.at_start) + at(&self.per_e_fold) * e_folds)
        };
        let mut coefficients: Vec<f64> =
            (0..self.at_start.len().max(self.per_e_fold.len())).map(coefficient).collect();
        while coefficients.last() == Some(&0.0) {
            coefficients.pop();
        }
        Curve { scale: self.scale_siemens, range: self.range_siemens, coefficients }
    }

    /// Checks that the curve lies in `min..=max` siemens `e_folds` after `t_0`, at 257 conductances
    /// over its range.
    pub(super) fn check_values(
        &self,
        name: &'static str,
        e_folds: f64,
        (min, max): (f64, f64),
    ) -> Result<()> {
        let (from, to) = self.range_siemens;
        (0..=256).try_for_each(|i| {
            let value = self.at(from + (to - from) * (f64::from(i) / 256.0), e_folds);
            check_real(name, value, min, max)
        })
    }
}

/// Checks the start and the end of a law of time (s).
pub(super) fn check_span(start_secs: f64, end_secs: f64) -> Result<()> {
    check_real("start of a law of time (s)", start_secs, 1e-9, 1e12)?;
    check_real("end of a law of time (s)", end_secs, 1e-9, 1e12)?;
    if start_secs < end_secs {
        return Ok(());
    }
    let (low, high) = ("start of a law of time (s)", "its end");
    Err(Error::Order { low, low_value: start_secs, high, high_value: end_secs })
}

/// A polynomial of conductance at one time, for many cells at once.
#[derive(Debug, Clone)]
pub(super) struct Curve {
    scale: f64,
    range: (f64, f64),
    coefficients: Vec<f64>,
}

impl Curve {
    /// Whether it is 0 everywhere.
    pub(super) fn is_zero(&self) -> bool {
        self.coefficients.is_empty()
    }

    /// Its values (S) at conductances of the same number.
    #[inline(always)]
    pub(super) fn fill<const N: usize>(&self, siemens: &[f64; N], values: &mut [f64; N]) {
        let (from, to) = self.range;
        let x = siemens.map(|g| g.clamp(from, to) / self.scale);
        *values = [0.0; N];
        for &coefficient in self.coefficients.iter().rev() {
            for (value, x) in values.iter_mut().zip(&x) {
                *value = *value * x + coefficient;
            }
        }
    }
}
