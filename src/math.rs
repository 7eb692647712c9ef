//! Exponentials of single precision, many at once: the same bits on every CPU.

use crate::simd::vectorised;

/// `exp(x)` in a fixed order of additions and multiplications, to vectorise.
///
/// `x = n ln 2 + r` with the nearest integer `n`, then a polynomial in `r` (our own fit, relative
/// error 3 · 10⁻⁹) and two exact steps of scaling. Relative error below 10⁻⁷ down to the least normal
/// number; rounded once more below it, 0 and ∞ beyond the range; `exp(0) = 1`.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding 1.5 · 2²³ rounds to an integer, which stands in the last bits of the sum.
    const ROUNDER: f32 = 12_582_912.0;
    // ln 2 in two parts, the first short enough that n times it is exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let x = x.clamp(-104.0, 89.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUNDER;
    let n = rounded - ROUNDER;
    let r = (x - n * LN_2[0]) - n * LN_2[1];
    let series = polynomial(r, &[0.499_999_94, 0.166_665_18, 0.041_668_423, 0.008_369_064, 0.001_381_388]);
    let n = rounded.to_bits() as i32 - ROUNDER.to_bits() as i32;
    let half = n >> 1;
    (series * (r * r) + r + 1.0) * power_of_two(half) * power_of_two(n - half)
}

/// `Σ_k c_k x^k`.
#[inline(always)]
pub(crate) fn polynomial<const N: usize>(x: f32, coefficients: &[f32; N]) -> f32 {
    let mut sum = coefficients[N - 1];
    for &coefficient in coefficients[..N - 1].iter().rev() {
        sum = sum * x + coefficient;
    }
    sum
}

/// `2ⁿ` for `n` of a normal number.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits(((n + 127) << 23) as u32)
}

/// Replaces every value by its exponential.
pub(crate) fn exp_in_place(values: &mut [f32]) {
    vectorised(
        #[inline(always)]
        || values.iter_mut().for_each(|value| *value = exp(*value)),
    );
}

/// Multiplies `values[i]` by `exp(scale · exponents[i])`.
pub(crate) fn scale_by_exp(values: &mut [f32], exponents: &[f32], scale: f32) {
    vectorised(
        #[inline(always)]
        || values.iter_mut().zip(exponents).for_each(|(value, exponent)| *value *= exp(scale * exponent)),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::at_every_level;

    /// Floats of all magnitudes and both signs, a prime number of steps apart.
    fn arguments() -> Vec<f32> {
        let magnitudes = (0..f32::INFINITY.to_bits()).step_by(9973).map(f32::from_bits);
        magnitudes.flat_map(|x| [x, -x]).chain((-1040..=890).map(|x| x as f32 / 10.0)).collect()
    }

    #[test]
    fn exponential_agrees_with_libm_over_the_whole_range() {
        for x in arguments() {
            let (ours, exact) = (exp(x), libm::exp(x.into()));
            let rounded = exact as f32;
            if rounded.is_infinite() {
                assert_eq!(ours, rounded, "{x}");
            } else if rounded.is_normal() {
                assert!((f64::from(ours) / exact - 1.0).abs() < 1e-7, "{x}: {ours} {exact}");
            } else {
                let least = f64::from(f32::from_bits(1));
                assert!((f64::from(ours) - exact).abs() < least, "{x}: {ours} {exact}");
            }
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-0.0), 1.0);
    }

    #[test]
    fn slices_are_their_elements_at_every_cpu_level() {
        let exponents = arguments();
        let targets: Vec<f32> = (1..).take(exponents.len()).map(|i| 1e-9 * i as f32).collect();
        let slices = at_every_level(|| {
            let (mut powers, mut scaled) = (exponents.clone(), targets.clone());
            exp_in_place(&mut powers);
            scale_by_exp(&mut scaled, &exponents, 0.1);
            (powers, scaled)
        });
        for (powers, scaled) in slices {
            for (at, &x) in exponents.iter().enumerate() {
                assert_eq!(powers[at].to_bits(), exp(x).to_bits());
                assert_eq!(scaled[at].to_bits(), (targets[at] * exp(0.1 * x)).to_bits());
            }
        }
    }
}
