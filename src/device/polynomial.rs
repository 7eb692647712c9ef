//! A fitted curve over conductance.

use crate::checked::checked_serde;
use crate::error::{Error, Result, check_integer, check_real};

/// A polynomial from siemens to siemens, as papers print fits of spread over conductance.
///
/// **Equation.** `f(G) = unit · Σ_k c_k (G / scale)^k` for `G` within the fitted range; beyond it the
/// value at its nearer end. **Units.** `scale`, `unit` and the range in siemens, coefficients pure
/// numbers. **Valid range.** 1–8 finite coefficients, `scale > 0`, `unit > 0`, `0 ≤ from < to`.
/// **Drawn.** Never.
///
/// ```
/// use forms_xbar::device::Polynomial;
///
/// // Milo et al. (2021): σ = 4.782 µS − 0.0091 G for G of 50 to 225 µS.
/// let sigma = Polynomial::new(1e-6, 1e-6, (50e-6, 225e-6), &[4.782, -0.0091])?;
/// assert!((sigma.at(100e-6) - 3.872e-6).abs() < 1e-12);
/// assert_eq!(sigma.at(1e-6), sigma.at(50e-6));
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct Polynomial {
    scale_siemens: f64,
    unit_siemens: f64,
    range_siemens: (f64, f64),
    coefficients: Vec<f64>,
}

checked_serde!(Polynomial);

impl Polynomial {
    /// The polynomial of these coefficients, lowest power first, fitted within `range` (S).
    ///
    /// # Errors
    ///
    /// [`Error::Real`], [`Error::Integer`] or [`Error::Order`] for parts outside the valid range.
    pub fn new(scale: f64, unit: f64, range: (f64, f64), coefficients: &[f64]) -> Result<Self> {
        let polynomial = Polynomial {
            scale_siemens: scale,
            unit_siemens: unit,
            range_siemens: range,
            coefficients: coefficients.to_vec(),
        };
        polynomial.check()?;
        Ok(polynomial)
    }

    /// The same value everywhere (S).
    ///
    /// # Errors
    ///
    /// [`Error::Real`] for a value that is not finite.
    pub fn constant(siemens: f64) -> Result<Self> {
        check_real("constant of a polynomial (S)", siemens, f64::MIN, f64::MAX)?;
        Self::new(1.0, 1.0, (0.0, 1.0), &[siemens])
    }

    fn check(&self) -> Result<()> {
        check_real("scale of a polynomial (S)", self.scale_siemens, f64::MIN_POSITIVE, f64::MAX)?;
        check_real("unit of a polynomial (S)", self.unit_siemens, f64::MIN_POSITIVE, f64::MAX)?;
        let (low_value, high_value) = self.range_siemens;
        check_real("start of a polynomial's range (S)", low_value, 0.0, f64::MAX)?;
        check_real("end of a polynomial's range (S)", high_value, 0.0, f64::MAX)?;
        if low_value >= high_value {
            let (low, high) = ("start of a polynomial's range (S)", "its end");
            return Err(Error::Order { low, low_value, high, high_value });
        }
        check_integer("coefficients of a polynomial", self.coefficients.len(), 1, 8)?;
        for &coefficient in &self.coefficients {
            check_real("coefficient of a polynomial", coefficient, f64::MIN, f64::MAX)?;
        }
        Ok(())
    }

    /// Coefficients, lowest power first.
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// Scale of the argument and unit of the value (S).
    pub fn scale_and_unit(&self) -> (f64, f64) {
        (self.scale_siemens, self.unit_siemens)
    }

    /// Conductances between which the polynomial was fitted (S).
    pub fn range(&self) -> (f64, f64) {
        self.range_siemens
    }

    /// Its value at a conductance (S).
    pub fn at(&self, siemens: f64) -> f64 {
        let (from, to) = self.range_siemens;
        let x = siemens.clamp(from, to) / self.scale_siemens;
        self.unit_siemens * self.coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
    }
}
