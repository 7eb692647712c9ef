//! The fixed-point grid of the analog domain and its one rounding rule.
//!
//! Every contribution of a cell to a bit line is expressed in ADC LSBs and rounded once to a
//! multiple of 2⁻¹⁶ LSB. From there on bit-line sums are integer sums, exact in any order.

/// Bits right of the binary point: the grid is 2⁻¹⁶.
pub const FRACTION_BITS: u32 = 16;

/// One in grid units, 2¹⁶.
pub const ONE: i64 = 1 << FRACTION_BITS;

/// One half in grid units.
pub const HALF: i64 = ONE / 2;

/// Rounds to the nearest integer, halves towards +∞: `⌊x + ½⌋`.
///
/// The same rule that the ADC applies to grid sums ([`round`]). `None` when `x` is not finite or
/// the result would not fit in 62 bits.
///
/// ```
/// use forms_xbar::fixed::round_real;
///
/// assert_eq!(round_real(2.5), Some(3));
/// assert_eq!(round_real(-2.5), Some(-2));
/// assert_eq!(round_real(0.499_999_999_999_999_94), Some(0));
/// assert_eq!(round_real(f64::NAN), None);
/// ```
pub fn round_real(x: f64) -> Option<i64> {
    // Not ⌊x + ½⌋: the sum would round where the half is beyond the last bit of x.
    let floor = x.floor();
    let rounded = if x - floor >= 0.5 { floor + 1.0 } else { floor };
    const LIMIT: f64 = (1u64 << 62) as f64;
    // The comparison is false for NaN.
    if rounded.abs() < LIMIT { Some(rounded as i64) } else { None }
}

/// Rounds a grid value to the nearest whole number, halves towards +∞: `⌊q / 2¹⁶ + ½⌋`, for `q` at
/// least [`HALF`] below `i64::MAX`.
///
/// ```
/// use forms_xbar::fixed::{HALF, ONE, round};
///
/// assert_eq!(round(3 * ONE + HALF), 4);
/// assert_eq!(round(-HALF), 0);
/// assert_eq!(round(-HALF - 1), -1);
/// ```
pub const fn round(q: i64) -> i64 {
    (q + HALF) >> FRACTION_BITS
}
