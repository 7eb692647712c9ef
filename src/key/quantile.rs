//! The standard normal quantile in single precision, many at once.

use super::normal_quantile;
use crate::math::polynomial;

/// Words taken at once.
pub(super) const CHUNK: usize = 64;

/// Distance of the uniform numbers that words stand for.
const STEP: f64 = 1.0 / (1u64 << 32) as f64;

/// Probability below which [`magnitude`] does not hold: beyond 3.48 σ.
pub(super) const TAIL: f32 = 1.0 / 4096.0;

/// Steps that make [`TAIL`].
const TAIL_STEPS: i32 = 1 << 20;

/// `Φ⁻¹((word + ½) · 2⁻³²)` of every word, within 6.4 σ.
///
/// Relative error below 4 · 10⁻⁷. Rises with the word, but for rounding: over all words no step goes
/// back by more than 4 units in the last place.
#[inline(always)]
pub(super) fn normals(words: &[u32; CHUNK], values: &mut [f32; CHUNK]) {
    let mut nearest = i32::MAX;
    for (value, &word) in values.iter_mut().zip(words) {
        let steps = steps_to_end(word);
        nearest = nearest.min(steps);
        // Each from an integer, so that neither loses bits where it is small.
        let p = (steps as f32 + 0.5) * STEP as f32;
        let x = ((i32::MAX - steps) as f32 + 0.5) * (2.0 * STEP) as f32;
        *value = with_sign(magnitude(p, x), is_lower(word));
    }
    if nearest < TAIL_STEPS {
        for (value, &word) in values.iter_mut().zip(words) {
            if steps_to_end(word) < TAIL_STEPS {
                *value = with_sign(-normal_quantile(tail_probability(word)) as f32, is_lower(word));
            }
        }
    }
}

/// The uniform numbers of words, odd multiples of 2⁻²⁴.
#[inline(always)]
pub(super) fn uniforms(words: &[u32; CHUNK], values: &mut [f32; CHUNK]) {
    const SCALE: f32 = 1.0 / (1 << 23) as f32;
    for (value, &word) in values.iter_mut().zip(words) {
        *value = ((word >> 9) as i32 as f32 + 0.5) * SCALE;
    }
}

/// `−Φ⁻¹(p)` for a tail probability `p` of [`TAIL`] to ½ and `x = 1 − 2p`.
///
/// `x · (√(π/2) + x² · R(√(p (1 − p))))` with a rational function `R`, our own fit to a relative
/// error of 4 · 10⁻⁸. All coefficients are positive, so rounding adds only its own share.
#[inline(always)]
pub(super) fn magnitude(p: f32, x: f32) -> f32 {
    let s = (p * (1.0 - p)).sqrt();
    let numerator = polynomial(s, &[6.234_509_5, 1_610.993, 59_889.32, 400_474.1, 2_925.061_8]);
    let denominator =
        polynomial(s, &[1.687_615, 614.665_83, 33_583.867, 437_679.4, 1_526_149.6, 1_357_719.1]);
    x * (1.253_314_1 + x * x * numerator / denominator)
}

/// Steps between a word and the nearer end of the words.
#[inline(always)]
pub(super) fn steps_to_end(word: u32) -> i32 {
    word as i32 ^ (word as i32 >> 31)
}

/// Whether a word stands for a uniform number below ½.
#[inline(always)]
pub(super) fn is_lower(word: u32) -> bool {
    word >> 31 == 0
}

/// Probability beyond the uniform number of a word, on its nearer side.
#[inline(always)]
pub(super) fn tail_probability(word: u32) -> f64 {
    (f64::from(steps_to_end(word)) + 0.5) * STEP
}

#[inline(always)]
pub(super) fn with_sign(magnitude: f32, negative: bool) -> f32 {
    f32::from_bits(magnitude.to_bits() | u32::from(negative) << 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Words from both ends through all octaves, around the seam of the two ways, and a stride.
    fn words() -> Vec<u32> {
        let octaves =
            (0..31).flat_map(|k| (0..64).map(move |i| (1u32 << k) - 1 + i * ((1 << k) / 64).max(1)));
        let seam = (TAIL_STEPS as u32 - 100)..(TAIL_STEPS as u32 + 100);
        let stride = (0..1 << 31).step_by(10_007);
        let lower: BTreeSet<u32> = octaves.chain(seam).chain(stride).filter(|&word| is_lower(word)).collect();
        lower.iter().copied().chain(lower.iter().rev().map(|word| !word)).collect()
    }

    fn quantiles(words: &[u32]) -> Vec<f32> {
        let mut all = Vec::new();
        for chunk in words.chunks(CHUNK) {
            let (mut padded, mut values) = ([1 << 30; CHUNK], [0.0; CHUNK]);
            padded[..chunk.len()].copy_from_slice(chunk);
            normals(&padded, &mut values);
            all.extend(&values[..chunk.len()]);
        }
        all
    }

    #[test]
    fn quantile_agrees_with_as_241() {
        let words = words();
        for (&word, z) in words.iter().zip(quantiles(&words)) {
            // From the nearer end, where 1 − p loses nothing.
            let end = f64::from(word.min(!word));
            let exact = normal_quantile((end + 0.5) / 4_294_967_296.0);
            let exact = if word < 1 << 31 { exact } else { -exact };
            assert!((f64::from(z) / exact - 1.0).abs() < 4e-7, "{word:#x}: {z} {exact}");
        }
    }

    #[test]
    fn quantile_is_monotone_and_symmetric() {
        let words = words();
        let values = quantiles(&words);
        for (at, pair) in values.windows(2).enumerate() {
            assert!(pair[1] >= pair[0] - 3.0 * pair[0].abs() * f32::EPSILON, "{:#x}: {pair:?}", words[at]);
        }
        for (z, mirrored) in values.iter().zip(values.iter().rev()) {
            assert_eq!(*z, -mirrored);
        }
        assert!((values[0] + 6.337).abs() < 1e-3, "{}", values[0]);
    }

    #[test]
    fn uniforms_stay_inside_the_open_interval() {
        let mut words = [0; CHUNK];
        words[1..4].copy_from_slice(&[u32::MAX, 1 << 31, 0x0123_4567]);
        let mut values = [0.0; CHUNK];
        uniforms(&words, &mut values);
        let step = 1.0 / 16_777_216.0;
        assert_eq!(values[..3], [step, 1.0 - step, 0.5 + step]);
        assert!((f64::from(values[3]) - f64::from(0x0123_4567) / 4_294_967_296.0).abs() <= f64::from(step));
    }
}
