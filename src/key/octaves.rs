//! The standard normal quantile, fast: a polynomial for every octave of the tail probability.

use pulp::Arch;

use super::lanes::{Lanes, Portable, Quartics, TABLE};
use super::normal_quantile;
use super::quantile::{is_lower, steps_to_end, tail_probability, with_sign};
use crate::simd::level;

/// Octaves with a polynomial; rarer words go the slow way.
const OCTAVES: usize = TABLE;

/// Steps from the nearer end below which no octave has a polynomial: a probability of 2⁻¹⁷, 4.2 σ.
const TAIL_STEPS: i32 = 1 << (31 - OCTAVES);

/// `−Φ⁻¹(p)` for `p` from 2ᵏ to 2ᵏ⁺¹ times 2⁻³², as `Σ_j c_j x^j` of the mantissa `x` in 1–2 of the steps:
/// `[j][biased exponent mod 16]`. Our own fit to an error of 3 · 10⁻⁵.
#[rustfmt::skip]
const COEFFICIENTS: Quartics = [
    [
        4.410_053_7, 4.258_064, 4.101_036, 3.938_460_4, 3.769_736, 3.594_153_2, 3.410_861_7, 3.218_833_7,
        3.016_811, 2.803_236_2, 2.576_161_9, 2.333_131_3, 2.070_998_7, 1.781_473_6, 4.700_619, 4.557_445_5,
    ],
    [
        -0.640_470_4, -0.663_430_2, -0.688_955_25, -0.717_548_9, -0.749_861_7, -0.786_750_1, -0.829_365_97, -0.879_298_4,
        -0.938_803_55, -1.011_194_6, -1.101_531_4, -1.217_893_4, -1.373_698_7, -1.578_390_1, -0.600_740_97, -0.619_679_45,
    ],
    [
        0.324_849_67, 0.335_799_66, 0.347_881_7, 0.361_296_2, 0.376_294_29, 0.393_193_9, 0.412_401_8, 0.434_442_16,
        0.459_991_07, 0.489_905_77, 0.525_201_9, 0.566_797_6, 0.614_173_23, 0.642_854_3, 0.305_728_3, 0.314_869_82,
    ],
    [
        -0.098_026_164, -0.101_274_766, -0.104_853_09, -0.108_818_44, -0.113_242_31, -0.118_214_95, -0.123_851_57, -0.130_300_76,
        -0.137_755_8, -0.146_469_28, -0.156_771_64, -0.169_103_67, -0.184_072_75, -0.193_441_64, -0.092_341_036, -0.095_060_91,
    ],
    [
        0.012_352_59, 0.012_758_679, 0.013_205_638, 0.013_700_508, 0.014_252_06, 0.014_871_35, 0.015_572_463, 0.016_373_549,
        0.017_298_194, 0.018_377_189, 0.019_650_463, 0.021_166_617, 0.022_925_09, 0.021_965_664, 0.011_641_221, 0.011_981_664,
    ],
];

/// `Φ⁻¹((word + ½) · 2⁻³²)` of every word, within 6.4 σ: off by less than 4 · 10⁻⁵.
///
/// A third of the time that [`normals`](super::quantile::normals) take, which are closer.
#[inline(always)]
fn quick_normals<L: Lanes, const N: usize>(lanes: L, words: &[u32; N]) -> [f32; N] {
    let (mut values, is_tail) = octaves(lanes, words);
    if is_tail {
        for (value, &word) in values.iter_mut().zip(words) {
            if self::is_tail(word) {
                *value = with_sign(-normal_quantile(tail_probability(word)) as f32, is_lower(word));
            }
        }
    }
    values
}

/// The same numbers at the best level of this CPU.
pub(super) fn normals_of<const N: usize>(words: &[u32; N]) -> [f32; N] {
    match level() {
        #[cfg(target_arch = "x86_64")]
        Arch::V4(lanes) => lanes.vectorize(
            #[inline(always)]
            || quick_normals(lanes, words),
        ),
        #[cfg(target_arch = "x86_64")]
        Arch::V3(lanes) => lanes.vectorize(
            #[inline(always)]
            || quick_normals(lanes, words),
        ),
        _ => quick_normals(Portable, words),
    }
}

/// Whether a word has no octave: one in 2¹⁶.
pub(crate) fn is_tail(word: u32) -> bool {
    steps_to_end(word) < TAIL_STEPS
}

/// The same number of one word.
pub(crate) fn quick_normal(word: u32) -> f32 {
    let mut words = [u32::MAX >> 1; TABLE];
    words[0] = word;
    quick_normals(Portable, &words)[0]
}

/// The same numbers, and whether some of them are others, since words have no octave.
#[inline(always)]
pub(crate) fn octaves<L: Lanes, const N: usize>(lanes: L, words: &[u32; N]) -> ([f32; N], bool) {
    /// The largest below 2³¹, to which others round.
    const MOST: f32 = 2_147_483_520.0;
    const MANTISSA: u32 = (1 << 23) - 1;
    let mut values = [0.0; N];
    let mut is_tail = false;
    for (words, values) in words.as_chunks::<TABLE>().0.iter().zip(values.as_chunks_mut::<TABLE>().0) {
        let (mut exponents, mut mantissas) = ([0; TABLE], [0.0; TABLE]);
        for lane in 0..TABLE {
            let steps = steps_to_end(words[lane]);
            is_tail |= steps < TAIL_STEPS;
            let rounded = steps as f32;
            let bits = (if rounded < MOST { rounded } else { MOST }).to_bits();
            exponents[lane] = bits >> 23;
            mantissas[lane] = f32::from_bits(bits & MANTISSA | 1f32.to_bits());
        }
        *values = lanes.quartic(&COEFFICIENTS, exponents, mantissas);
        for lane in 0..TABLE {
            values[lane] = with_sign(values[lane], is_lower(words[lane]));
        }
    }
    (values, is_tail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::at_every_level;

    /// Words of all octaves from both ends, around the seams of octaves, and a stride.
    fn words() -> Vec<u32> {
        let octaves =
            (0..31).flat_map(|k| (0..64).map(move |i| (1u32 << k) - 1 + i * ((1 << k) / 64).max(1)));
        let seams = (10..31).flat_map(|k| (1u32 << k) - 9..(1 << k) + 9);
        let lower = octaves.chain(seams).chain((0..1 << 31).step_by(10_007)).chain([u32::MAX >> 1]);
        lower.flat_map(|word| [word, !word]).collect()
    }

    #[test]
    fn numbers_are_quantiles() {
        for word in words() {
            let exact = normal_quantile((f64::from(word) + 0.5) / 2f64.powi(32));
            let error = f64::from(quick_normal(word)) - exact;
            assert!(error.abs() < 4e-5, "{word:#x}: {exact}, off by {error}");
            assert_eq!(quick_normal(!word), -quick_normal(word));
        }
    }

    #[test]
    fn the_tail_is_one_word_in_65536() {
        let words = (0..1 << 17).map(|at| at << 15);
        assert_eq!(words.filter(|&word| is_tail(word)).count(), 2);
        assert!(
            is_tail(0) && is_tail(u32::MAX) && is_tail(TAIL_STEPS as u32 - 1) && !is_tail(TAIL_STEPS as u32)
        );
    }

    #[test]
    fn levels_of_the_cpu_give_the_same_bits() {
        let words = words();
        let levels = at_every_level(|| {
            let mut bits = Vec::new();
            for words in words.as_chunks::<64>().0 {
                bits.extend(normals_of(words).map(f32::to_bits));
            }
            bits
        });
        for bits in levels {
            for (&word, bits) in words.iter().zip(bits) {
                assert_eq!(quick_normal(word).to_bits(), bits, "{word:#x}");
            }
        }
    }
}
