//! The normal distribution above zero in single precision, many at once.

use super::quantile::{CHUNK, TAIL, is_lower, magnitude, tail_probability, with_sign};
use super::{normal_cdf, normal_quantile};
use crate::math::{exp, polynomial};

/// Means at least this many deviations above 0 lose less than a word can resolve.
const UNTRUNCATED: f32 = 7.0;

/// Replaces means by normal numbers conditioned on being at least 0, one word each.
///
/// `Φ⁻¹` of the word's uniform number within what is left of the distribution, so that a draw varies
/// smoothly with mean and deviation. Probabilities are kept from their nearer end; the few beyond
/// [`TAIL`], and all of a mean far below 0, take the slow way.
#[inline(always)]
pub(super) fn truncated_normals(words: &[u32; CHUNK], values: &mut [f32; CHUNK], deviations: &[f32; CHUNK]) {
    let means = *values;
    // As bits, which order like the positive numbers they are and vectorise.
    let mut nearest = u32::MAX;
    let mut tails = [0.0; CHUNK];
    for (at, value) in values.iter_mut().enumerate() {
        let (mean, deviation, word) = (means[at], deviations[at], words[at]);
        let (kept, lost) = shares(mean / deviation);
        let p = tail_probability(word) as f32;
        let from_below = lost + kept * p;
        let below = is_lower(word) & (from_below <= 0.5);
        let from_above = kept * if is_lower(word) { 1.0 - p } else { p };
        let tail = if below { from_below } else { from_above };
        tails[at] = tail;
        nearest = nearest.min(tail.to_bits());
        let z = with_sign(magnitude(tail, 1.0 - 2.0 * tail), below);
        *value = (mean + deviation * z).max(0.0);
    }
    if nearest < TAIL.to_bits() {
        for (at, value) in values.iter_mut().enumerate() {
            if tails[at] < TAIL && deviations[at] != 0.0 {
                *value = truncated_normal(means[at].into(), deviations[at].into(), words[at]) as f32;
            }
        }
    }
}

/// `Φ(a)` and `Φ(−a)`, the shares of the distribution above and below 0; 1 and 0 where nothing is
/// lost or where `a` is not a number.
#[inline(always)]
fn shares(a: f32) -> (f32, f32) {
    let distance = a.abs().min(UNTRUNCATED);
    // Mills's ratio over √2π, our own fit to a relative error of 10⁻⁷.
    let mills = polynomial(distance, &[0.499_999_94, 0.341_261_18, 0.108_016_44, 0.014_407_032])
        / polynomial(distance, &[1.0, 1.480_401_2, 0.897_273_66, 0.270_311_86, 0.036_128_316]);
    let beyond = exp(-0.5 * distance * distance) * mills;
    let (kept, lost) = if a < 0.0 { (beyond, 1.0 - beyond) } else { (1.0 - beyond, beyond) };
    if a < UNTRUNCATED { (kept, lost) } else { (1.0, 0.0) }
}

/// One draw in double precision, for a deviation above 0.
#[cold]
fn truncated_normal(mean: f64, deviation: f64, word: u32) -> f64 {
    /// Below this Φ is no normal number.
    const LEAST: f64 = -35.0;
    let a = mean / deviation;
    let p = tail_probability(word);
    let above = if is_lower(word) { 1.0 - p } else { p };
    if a < LEAST {
        return deviation * excess(-a, above);
    }
    let from_below = normal_cdf(-a) + normal_cdf(a) * (1.0 - above);
    let z =
        if from_below <= 0.5 { normal_quantile(from_below) } else { -normal_quantile(normal_cdf(a) * above) };
    (mean + deviation * z).max(0.0)
}

/// `y` with `Φ(−b − y) = above · Φ(−b)` for large `b`, relative error about `1 / b⁴`.
///
/// The logarithm of the tail is `−b²/2 − ln b` to that order: the first term solved exactly, the
/// second taken where the first puts it.
fn excess(b: f64, above: f64) -> f64 {
    let solve = |exponent: f64| 2.0 * exponent / ((b * b + 2.0 * exponent).sqrt() + b);
    let exponent = -libm::log(above);
    solve(exponent - libm::log1p(solve(exponent) / b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::quantile::normals;
    use statrs::distribution::{ContinuousCDF, Normal};

    const STEP: f64 = 1.0 / (1u64 << 32) as f64;

    /// Words in all octaves from both ends.
    fn words() -> [u32; CHUNK] {
        std::array::from_fn(|at| {
            let word = (1u32 << (at / 2)) + 12_345u32.rotate_left(at as u32) % (1 << (at / 2));
            if at % 2 == 0 { word } else { !word }
        })
    }

    fn draws(mean: f32, deviation: f32) -> [f32; CHUNK] {
        let mut values = [mean; CHUNK];
        truncated_normals(&words(), &mut values, &[deviation; CHUNK]);
        values
    }

    #[test]
    fn draws_are_quantiles_of_what_is_left() {
        let normal = Normal::new(0.0, 1.0).unwrap();
        let deviation = 1e-5f32;
        for hundredths in (-400..=1200).step_by(7) {
            let mean = hundredths as f32 / 100.0 * deviation;
            let a = f64::from(mean) / f64::from(deviation);
            for (word, draw) in words().into_iter().zip(draws(mean, deviation)) {
                let (below, above) = ((f64::from(word) + 0.5) * STEP, (f64::from(!word) + 0.5) * STEP);
                let from_below = normal.cdf(-a) + normal.cdf(a) * below;
                let z = if from_below < 0.5 {
                    normal.inverse_cdf(from_below)
                } else {
                    -normal.inverse_cdf(normal.cdf(a) * above)
                };
                let error = f64::from(draw) / f64::from(deviation) - (a + z);
                assert!(error.abs() < 2e-6, "a {a}, word {word:#x}: {draw}, off by {error}");
                assert!(draw >= 0.0);
            }
        }
    }

    #[test]
    fn far_above_zero_nothing_is_cut_off() {
        let mut z = [0.0; CHUNK];
        normals(&words(), &mut z);
        for (mean, deviation) in [(1.0f32, 1.0 / 9.0), (1e-4, 1e-6), (3e-5, 1e-9)] {
            for (draw, z) in draws(mean, deviation).into_iter().zip(z) {
                assert!(
                    (draw - (mean + deviation * z)).abs() <= 4e-7 * mean,
                    "{mean} {deviation} {z}: {draw}"
                );
            }
        }
    }

    #[test]
    fn far_below_zero_the_tail_is_left() {
        // Laplace's continued fraction of Mills's ratio.
        let mills = |x: f64| 1.0 / (1..200).rev().fold(x, |tail, k| x + f64::from(k) / tail);
        for b in [10.0f32, 34.99, 35.01, 300.0] {
            for (word, y) in words().into_iter().zip(draws(-b, 1.0)) {
                let (b, y) = (f64::from(b), f64::from(y));
                let expected = libm::log((f64::from(!word) + 0.5) * STEP);
                let found = -y * (b + 0.5 * y) + libm::log(mills(b + y) / mills(b));
                let error = (found - expected).abs();
                assert!(error <= 3e-6 * expected.abs() + 1e-14 * b * b, "b {b}: {found} {expected}");
            }
        }
    }

    #[test]
    fn without_deviation_the_mean_is_met() {
        for mean in [0.0, 1e-30, 1e-6, 3.0] {
            assert!(draws(mean, 0.0).iter().all(|draw| draw.to_bits() == mean.to_bits()));
        }
        assert!(draws(-1.0, 0.0).iter().all(|&draw| draw == 0.0));
        assert!(draws(-1e30, 1e-30).iter().all(|&draw| draw >= 0.0));
    }

    #[test]
    fn a_draw_varies_smoothly_across_every_seam() {
        for (at, seam) in [-35.0f32, -3.4, 0.0, 7.0].into_iter().enumerate() {
            for (low, high) in draws(seam - 1e-4, 1.0).into_iter().zip(draws(seam + 1e-4, 1.0)) {
                // The slope lies between 0 and 1.
                assert!((-2e-6..2.1e-4).contains(&(high - low)), "seam {at}: {low} {high}");
            }
        }
    }
}
