//! The fixed-point grid of the analog domain and its one rounding rule.
//!
//! Every contribution of a cell to a bit line is expressed in ADC LSBs and rounded once to a
//! multiple of 2⁻¹⁶ LSB. From there on bit-line sums are integer sums, exact in any order.

use crate::simd::vectorised;

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

/// Rounds every value by the rule of [`round_real`], many at once.
///
/// `None` when one of them is `None`; `rounded` is then unspecified. The shorter slice counts.
///
/// ```
/// use forms_xbar::fixed::round_reals;
///
/// let mut rounded = [0; 3];
/// assert_eq!(round_reals(&[2.5, -2.5, 0.4], &mut rounded), Some(()));
/// assert_eq!(rounded, [3, -2, 0]);
/// assert_eq!(round_reals(&[f64::NAN], &mut rounded), None);
/// ```
pub fn round_reals(values: &[f64], rounded: &mut [i64]) -> Option<()> {
    let all_small = vectorised(
        #[inline(always)]
        || {
            let mut all_small = true;
            for (&x, rounded) in values.iter().zip(&mut *rounded) {
                // False for NaN.
                all_small &= x.abs() < SMALL;
                *rounded = round_small(x);
            }
            all_small
        },
    );
    if !all_small {
        for (&x, rounded) in values.iter().zip(rounded) {
            *rounded = round_real(x)?;
        }
    }
    Some(())
}

/// Reals that [`round_small`] can round: below 2⁵¹.
const SMALL: f64 = (1u64 << 51) as f64;

/// [`round_real`] for magnitudes below [`SMALL`], without a branch.
#[inline(always)]
fn round_small(x: f64) -> i64 {
    // 1.5 · 2⁵²: the sum has no bits for fractions, and the integer stands in its last bits.
    const ROUNDER: f64 = (3u64 << 51) as f64;
    let sum = x + ROUNDER;
    let to_even = sum - ROUNDER;
    let integer = (sum.to_bits() as i64).wrapping_sub(ROUNDER.to_bits() as i64);
    integer.wrapping_add(i64::from(x - to_even >= 0.5))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::at_every_level;

    #[test]
    fn slices_round_like_single_values_at_every_cpu_level() {
        let mut reals = vec![0.0, -0.0, 0.499_999_999_999_999_94, -0.499_999_999_999_999_94, SMALL, -SMALL];
        for exponent in -60..=61 {
            let scale = 2f64.powi(exponent);
            for mantissa in [1.0, 1.25, 1.5, 1.75, 1.999_999_999_999_999_8, 1.000_000_000_000_000_2] {
                reals.extend([scale * mantissa, -scale * mantissa]);
            }
        }
        // Every half and its neighbours, near zero and where halves are the last bit.
        for i in (-300..300i64).chain((1 << 50) - 9..1 << 50) {
            let half = i as f64 + 0.5;
            reals.extend([half.next_down(), half, half.next_up(), -half]);
        }
        let expected: Vec<_> = reals.iter().map(|&x| round_real(x).unwrap()).collect();
        let small: Vec<_> = reals.iter().copied().filter(|x| x.abs() < SMALL).collect();
        let of_small: Vec<_> = small.iter().map(|&x| round_real(x).unwrap()).collect();
        for (all, some) in at_every_level(|| {
            let (mut all, mut some) = (vec![0; reals.len()], vec![0; small.len()]);
            assert_eq!(round_reals(&reals, &mut all), Some(()));
            assert_eq!(round_reals(&small, &mut some), Some(()));
            (all, some)
        }) {
            assert_eq!(all, expected);
            assert_eq!(some, of_small);
        }
    }

    #[test]
    fn a_slice_that_holds_no_number_or_too_large_a_one_is_refused() {
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 4.7e18, -4.7e18] {
            let mut reals = [1.0; 37];
            reals[23] = x;
            assert_eq!(round_reals(&reals, &mut [0; 37]), None, "{x}");
        }
    }
}
