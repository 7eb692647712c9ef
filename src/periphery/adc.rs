//! The analog-to-digital converter of a bit line, compiled to integer thresholds.

use crate::error::{Error, Result, check_integer, check_real};
use crate::fixed::{HALF, ONE};

/// How bit-line currents become codes.
///
/// **Equation.** `code = clamp(⌊I / LSB + ½⌋, low, high)` with `low..=high` = `0 ..= 2^b − 1`, or
/// `−2^(b−1) ..= 2^(b−1) − 1` before which a differential pair is subtracted. **Units.** The LSB is
/// an integer multiple of 2⁻¹⁶ level steps. **Valid range.** 1–16 bits, at least 2 when bipolar.
/// **Drawn.** Never. **Source.** Range policies as in CrossSim's documentation (granular, full
/// range, calibrated percentile); granular is what FORMS's text describes.
///
/// With a granular ADC codes are level steps and results exact integers. With the others results
/// count 2⁻¹⁶ level steps.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case", deny_unknown_fields))]
pub enum Adc {
    /// One LSB is one level step. Sums above `2^bits − 1` clip.
    Granular {
        /// Width of a code.
        bits: u32,
    },
    /// Full scale is the largest nominal sum, rounded up to a whole LSB grid: no nominal sum clips.
    FullRange {
        /// Width of a code.
        bits: u32,
    },
    /// The full scale is a quantile of the sums that real inputs cause, set by calibrating a die;
    /// until then as full range.
    Calibrated {
        /// Width of a code.
        bits: u32,
        /// Fraction of sums that shall not clip, above 0, at most 1.
        quantile: f64,
        /// The calibrated LSB in 2⁻¹⁶ level steps.
        lsb: Option<u64>,
    },
    /// No rounding and no range: the sum itself, in 2⁻¹⁶ level steps.
    PassThrough,
}

/// Largest calibrated LSB: far above any sum of levels an array can reach.
const MAX_LSB: i64 = 1 << 40;

impl Adc {
    /// A granular ADC of `bits` bits.
    pub const fn granular(bits: u32) -> Self {
        Adc::Granular { bits }
    }

    /// A full-range ADC of `bits` bits.
    pub const fn full_range(bits: u32) -> Self {
        Adc::FullRange { bits }
    }

    /// An ADC of `bits` bits to be calibrated to the `quantile` of observed sums; CrossSim's papers
    /// use 0.9998.
    pub const fn calibrated(bits: u32, quantile: f64) -> Self {
        Adc::Calibrated { bits, quantile, lsb: None }
    }

    /// No ADC: sums pass through on the grid.
    pub const fn pass_through() -> Self {
        Adc::PassThrough
    }

    /// Width of a code, `None` for pass-through.
    pub fn bits(&self) -> Option<u32> {
        match *self {
            Adc::Granular { bits } | Adc::FullRange { bits } | Adc::Calibrated { bits, .. } => Some(bits),
            Adc::PassThrough => None,
        }
    }

    /// Checks the settings against whether the ADC is bipolar.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for a width outside 1–16 (2–16 when bipolar) or a calibrated LSB of 0,
    /// [`Error::Real`] for a quantile outside (0, 1].
    pub fn check(&self, bipolar: bool) -> Result<()> {
        if let Some(bits) = self.bits() {
            check_integer("ADC bits", bits, 1 + i64::from(bipolar), 16)?;
        }
        if let Adc::Calibrated { quantile, lsb, .. } = *self {
            check_real("ADC quantile", quantile, f64::MIN_POSITIVE, 1.0)?;
            check_integer("calibrated LSB (2⁻¹⁶ level steps)", lsb.unwrap_or(1), 1, MAX_LSB)?;
        }
        Ok(())
    }

    /// The integer thresholds for sums of at most `max_sum` (in 2⁻¹⁶ level steps) in magnitude.
    ///
    /// # Errors
    ///
    /// Those of [`Adc::check`].
    pub fn compile(&self, max_sum: i64, bipolar: bool) -> Result<Thresholds> {
        self.check(bipolar)?;
        let codes = self.bits().map(|bits| {
            let codes = 1 << bits;
            if bipolar { (-codes / 2, codes / 2 - 1) } else { (0, codes - 1) }
        });
        let spread =
            |sum: i64| codes.map_or(ONE, |(_, high)| (sum.max(1) as u64).div_ceil(high as u64) as i64);
        let lsb = match *self {
            Adc::Granular { .. } | Adc::PassThrough => ONE,
            Adc::Calibrated { lsb: Some(lsb), .. } => lsb as i64,
            Adc::FullRange { .. } | Adc::Calibrated { lsb: None, .. } => spread(max_sum),
        };
        Ok(Thresholds { lsb, codes })
    }

    /// The quantile this ADC is calibrated to.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] when the ADC is not [`Adc::Calibrated`].
    pub fn quantile(&self) -> Result<f64> {
        match *self {
            Adc::Calibrated { quantile, .. } => Ok(quantile),
            Adc::Granular { .. } | Adc::FullRange { .. } | Adc::PassThrough => Err(Error::Conflict {
                first: "calibration",
                second: "an ADC of fixed range",
                why: "only Adc::calibrated takes its LSB from inputs",
            }),
        }
    }

    /// A calibrated ADC at which a sum of `sum` (in 2⁻¹⁶ level steps) is the largest that does not
    /// clip; any other ADC as it is.
    pub(crate) fn with_full_scale(self, sum: i64, bipolar: bool) -> Result<Self> {
        match self {
            Adc::Calibrated { bits, quantile, .. } => {
                let lsb = Adc::full_range(bits).compile(sum, bipolar)?.lsb as u64;
                Ok(Adc::Calibrated { bits, quantile, lsb: Some(lsb) })
            }
            Adc::Granular { .. } | Adc::FullRange { .. } | Adc::PassThrough => Ok(self),
        }
    }
}

/// An ADC compiled for one design: where its codes begin.
///
/// ```
/// use forms_xbar::Adc;
///
/// let thresholds = Adc::granular(4).compile(24 << 16, false)?;
/// assert_eq!((thresholds.lsb, thresholds.codes), (1 << 16, Some((0, 15))));
/// // Code 3 begins at two and a half LSBs, counted in 2⁻¹⁶ LSB.
/// assert_eq!(thresholds.of_code(3), Some(5 << 15));
/// // Nothing begins code 0: it takes everything below code 1, and clips what is below −½.
/// assert_eq!(thresholds.of_code(0), None);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// One LSB in 2⁻¹⁶ level steps.
    pub lsb: i64,
    /// Lowest and highest code; `None` passes sums through.
    pub codes: Option<(i64, i64)>,
}

impl Thresholds {
    /// The least sum, in 2⁻¹⁶ LSB, that gets `code` or more: `(code − ½) · 2¹⁶`. `None` for codes
    /// that no threshold begins.
    pub fn of_code(&self, code: i64) -> Option<i64> {
        let (low, high) = self.codes?;
        (low < code && code <= high).then_some(code * ONE - HALF)
    }
}
