//! The digital-to-analog converter of a word line.

use crate::checked::checked_serde;
use crate::error::{Result, check_integer, check_real};

/// Drives a word line with one digit of an input.
///
/// **Equation.** `V = read_volts · digit / (2^bits − 1)`; digit 0 drives 0 V. **Units.** Volts.
/// **Valid range.** 1–4 bits, `read_volts > 0`. **Drawn.** Never. **Source.** FORMS and ISAAC use
/// one bit, an inverter.
///
/// ```
/// use forms_xbar::periphery::Dac;
///
/// let dac = Dac::new(2, 0.3)?;
/// assert_eq!(dac.volts(3), 0.3);
/// assert_eq!(dac.volts(0), 0.0);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct Dac {
    bits: u32,
    read_volts: f64,
}

checked_serde!(Dac);

impl Dac {
    /// One bit at 0.2 V.
    pub const INVERTER: Dac = Dac { bits: 1, read_volts: 0.2 };

    /// A DAC of `bits` bits whose largest digit drives `read_volts`.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`](crate::Error::Integer) for `bits` outside 1–4,
    /// [`Error::Real`](crate::Error::Real) for a voltage that is not above zero or above 1 kV.
    pub fn new(bits: u32, read_volts: f64) -> Result<Self> {
        let dac = Dac { bits, read_volts };
        dac.check()?;
        Ok(dac)
    }

    fn check(&self) -> Result<()> {
        check_integer("DAC bits", self.bits, 1, 4)?;
        check_real("read voltage (V)", self.read_volts, f64::MIN_POSITIVE, 1e3)
    }

    /// Bits of a digit.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Voltage of the largest digit (V).
    pub fn read_volts(&self) -> f64 {
        self.read_volts
    }

    /// Largest digit.
    pub fn max_digit(&self) -> u32 {
        (1 << self.bits) - 1
    }

    /// Voltage of a digit (V).
    pub fn volts(&self, digit: u32) -> f64 {
        // The largest digit drives exactly the read voltage, which a curve may end at.
        if digit == self.max_digit() {
            self.read_volts
        } else {
            self.read_volts * f64::from(digit) / f64::from(self.max_digit())
        }
    }
}
