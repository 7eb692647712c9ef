//! The normal distribution in fixed point, many values at once: the same bits on every CPU.

/// Deviations beyond which a chance is no step of 2⁻³².
pub(crate) const CERTAIN: f64 = 6.4;

/// One, in steps of a chance.
#[cfg(test)]
const ONE: i64 = 1 << 32;

/// `Φ(x)` in steps of 2⁻³², to the nearest: 0 to 2³². Of what is no number, 2³².
///
/// `Φ(−x) = exp(−x²/2) · R(x)` with a rational function `R`, our own fit to a relative error of 5 · 10⁻¹²,
/// in a fixed order of operations, to vectorise.
#[inline(always)]
pub(crate) fn chance(x: f64) -> i64 {
    const ONE: i64 = 1 << 32;
    // Adding 1.5 · 2⁵² rounds to an integer, which stands in the last bits of the sum.
    const ROUNDER: f64 = (3u64 << 51) as f64;
    // ln 2 in two parts, the first short enough that n times it is exact.
    const LN_2: [f64; 2] = [0.693_145_751_953_125, 1.428_606_820_309_417_2e-6];
    let distance = x.abs();
    let distance = if distance < CERTAIN { distance } else { CERTAIN };
    let exponent = -0.5 * distance * distance;
    let rounded = exponent * std::f64::consts::LOG2_E + ROUNDER;
    let n = rounded - ROUNDER;
    let r = (exponent - n * LN_2[0]) - n * LN_2[1];
    let scale = f64::from_bits(rounded.to_bits().wrapping_sub(ROUNDER.to_bits()).wrapping_add(1023) << 52);
    let beyond =
        scale * horner(r, &EXPONENTIAL) * horner(distance, &NUMERATOR) / horner(distance, &DENOMINATOR);
    let steps = ((beyond * ONE as f64 + ROUNDER).to_bits() as i64).wrapping_sub(ROUNDER.to_bits() as i64);
    if x < 0.0 { steps } else { ONE - steps }
}

#[inline(always)]
fn horner<const N: usize>(x: f64, coefficients: &[f64; N]) -> f64 {
    let mut sum = coefficients[N - 1];
    for &coefficient in coefficients[..N - 1].iter().rev() {
        sum = sum * x + coefficient;
    }
    sum
}

/// `1/k!`; what is left out is below 10⁻¹² for |x| of at most ½ ln 2.
const EXPONENTIAL: [f64; 11] = [
    1.0,
    1.0,
    1.0 / 2.0,
    1.0 / 6.0,
    1.0 / 24.0,
    1.0 / 120.0,
    1.0 / 720.0,
    1.0 / 5_040.0,
    1.0 / 40_320.0,
    1.0 / 362_880.0,
    1.0 / 3_628_800.0,
];

const NUMERATOR: [f64; 6] = [
    0.499_999_999_997_654_9,
    0.475_600_762_362_123_9,
    0.223_100_158_947_764_2,
    0.059_967_631_054_107_36,
    0.009_163_508_108_853_54,
    0.000_641_940_846_545_412_4,
];

const DENOMINATOR: [f64; 7] = [
    1.0,
    1.749_086_084_985_278,
    1.341_769_110_750_654_4,
    0.581_930_523_341_790_2,
    0.151_945_722_636_468_1,
    0.022_968_569_609_551_757,
    0.001_609_127_708_444_357_8,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::normal_cdf;
    use crate::simd::at_every_level;

    #[test]
    fn chances_are_the_distribution_to_a_step() {
        for x in (-70_000..70_000).map(|x| f64::from(x) * 1e-4) {
            // By libm's error function.
            let exact = normal_cdf(x) * ONE as f64;
            let found = chance(x) as f64;
            assert!((found - exact).abs() <= 0.52, "{x}: {found} {exact}");
        }
    }

    #[test]
    fn both_sides_add_up_to_one_and_chances_rise() {
        let mut last = 0;
        for x in (-7_000..=7_000).map(|x| f64::from(x) * 1e-3) {
            assert_eq!(chance(x) + chance(-x), ONE);
            assert!(chance(x) >= last, "{x}");
            last = chance(x);
        }
        assert_eq!((chance(f64::NEG_INFINITY), chance(f64::INFINITY), chance(f64::NAN)), (0, ONE, ONE));
        assert_eq!((chance(-CERTAIN), chance(CERTAIN)), (0, ONE));
        assert!(chance(-6.2) > 0);
    }

    #[test]
    fn levels_of_the_cpu_give_the_same_steps() {
        let levels = at_every_level(|| {
            crate::simd::vectorised(
                #[inline(always)]
                || {
                    let x: [f64; 4096] = std::array::from_fn(|at| at as f64 / 300.0 - 6.9);
                    x.map(chance)
                },
            )
        });
        assert!(levels.iter().all(|level| *level == levels[0]));
    }
}
