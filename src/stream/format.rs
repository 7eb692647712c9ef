//! Width and signedness of inputs, and the DAC's share of them.

use crate::error::{Result, check_integer};

/// How inputs are encoded and cut into planes.
///
/// ```
/// use forms_xbar::stream::InputFormat;
///
/// let format = InputFormat::new(16, false, 1)?;
/// assert_eq!((format.min(), format.max(), format.planes()), (0, 65535, 16));
/// let signed = InputFormat::new(8, true, 2)?;
/// assert_eq!((signed.min(), signed.max(), signed.planes()), (-128, 127, 5));
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputFormat {
    bits: u32,
    signed: bool,
    dac_bits: u32,
}

impl InputFormat {
    /// Inputs of `bits` bits, unsigned or two's complement, in planes of `dac_bits` bits.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`](crate::Error::Integer) for `bits` outside 1–16 (2–16 when signed) or
    /// `dac_bits` outside 1–4.
    pub fn new(bits: u32, signed: bool, dac_bits: u32) -> Result<Self> {
        check_integer("input bits", bits, 1 + i64::from(signed), 16)?;
        check_integer("DAC bits", dac_bits, 1, 4)?;
        Ok(InputFormat { bits, signed, dac_bits })
    }

    /// Width of an input, sign included.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Whether inputs are two's complement.
    pub fn is_signed(&self) -> bool {
        self.signed
    }

    /// Bits of a plane.
    pub fn dac_bits(&self) -> u32 {
        self.dac_bits
    }

    /// Smallest input.
    pub fn min(&self) -> i32 {
        if self.signed { -(1 << (self.bits - 1)) } else { 0 }
    }

    /// Largest input.
    pub fn max(&self) -> i32 {
        (1 << (self.bits - u32::from(self.signed))) - 1
    }

    /// Largest digit of a plane, `2^d − 1`.
    pub fn max_digit(&self) -> u32 {
        (1 << self.dac_bits) - 1
    }

    /// Planes of an input streamed without skipping, the sign plane included.
    pub fn planes(&self) -> u32 {
        self.value_planes(self.bits - u32::from(self.signed)) + u32::from(self.signed)
    }

    /// Planes that `bits` value bits take.
    pub(super) fn value_planes(&self, bits: u32) -> u32 {
        bits.div_ceil(self.dac_bits)
    }
}
