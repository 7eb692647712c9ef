//! Eight interleaved xoshiro256++ generators behind one address.

use super::octaves::normals_of;
use super::quantile::{CHUNK, normals, uniforms};
use super::truncated::truncated_normals;
use super::{mix, normal_quantile};
use crate::simd::vectorised;

/// Generators side by side.
pub(super) const LANES: usize = 8;

/// Their states, word by word.
pub(super) type State = [[u64; LANES]; 4];

/// A sequence of draws at one address.
///
/// Draw `i` is output `i / 8` of the `i % 8`-th of eight xoshiro256++ generators (Blackman and
/// Vigna, ACM TOMS 47(4), 2021). Their 32 state words are consecutive outputs of one SplitMix64
/// whose start and (odd) increment are the two words of the address. Eight lanes let a compiler
/// advance them as one vector; the values are the same without.
///
/// ```
/// use forms_xbar::{Key, key::Purpose};
///
/// let mut a = Key::from(1).stream(Purpose::Programming, [0, 0, 0]);
/// let mut b = Key::from(1).stream(Purpose::Programming, [0, 0, 0]);
/// assert_eq!(a.uniform(), b.uniform());
/// ```
#[derive(Debug, Clone)]
pub struct Stream {
    state: State,
    block: [u64; LANES],
    used: usize,
}

impl Stream {
    pub(super) fn new(address: [u64; 2]) -> Self {
        let state = vectorised(
            #[inline(always)]
            || seed(address),
        );
        Stream { state, block: [0; LANES], used: LANES }
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        if self.used == LANES {
            self.refill();
        }
        let bits = self.block[self.used];
        self.used += 1;
        bits
    }

    /// Leaves out so many blocks of eight draws, and what is left of the current one.
    pub(crate) fn skip(&mut self, blocks: usize) {
        (0..blocks).for_each(|_| self.refill());
        self.used = LANES;
    }

    /// The next uniform number in the open interval (0, 1): an odd multiple of 2⁻⁵³.
    pub fn uniform(&mut self) -> f64 {
        const SCALE: f64 = 1.0 / (1u64 << 52) as f64;
        ((self.bits() >> 12) as f64 + 0.5) * SCALE
    }

    /// The next standard normal number, `Φ⁻¹(uniform)`: one draw each, within 8.3 σ.
    pub fn normal(&mut self) -> f64 {
        normal_quantile(self.uniform())
    }

    /// Fills `values` with standard normal numbers, one 32-bit word each.
    ///
    /// A fill starts at the next block of eight draws, whatever is left of the current one, and
    /// takes whole chunks of 32 draws, so value `i` of a fill does not depend on how many there
    /// are, and what follows a fill is untouched by it. Word `2i` of a chunk is the lower half of its
    /// draw `i`, word `2i + 1` the upper. Within 6.4 σ; the relative error is below 4 · 10⁻⁷.
    ///
    /// ```
    /// use forms_xbar::{Key, key::Purpose};
    ///
    /// let stream = || Key::from(1).stream(Purpose::Programming, [0, 0, 0]);
    /// let (mut few, mut many) = ([0.0; 10], [0.0; 100]);
    /// stream().fill_normals(&mut few);
    /// stream().fill_normals(&mut many);
    /// assert_eq!(few, many[..10]);
    /// ```
    pub fn fill_normals(&mut self, values: &mut [f32]) {
        self.fill(values, normals);
    }

    /// Fills `values` with uniform numbers in the open interval (0, 1), odd multiples of 2⁻²⁴, one
    /// 32-bit word each as in [`Stream::fill_normals`].
    pub fn fill_uniforms(&mut self, values: &mut [f32]) {
        self.fill(values, uniforms);
    }

    /// Replaces `values`, the means of normal distributions, by draws conditioned on being at least
    /// 0, one 32-bit word each as in [`Stream::fill_normals`].
    ///
    /// `m − σ Φ⁻¹(Φ(m/σ) · (1 − u))` where `Φ⁻¹(u)` is the normal number that
    /// [`Stream::fill_normals`] makes of the same word: smooth in mean and deviation, and
    /// `m + σ Φ⁻¹(u)` where nothing is cut off. Never negative. A deviation of 0 gives the mean, or 0
    /// for a mean below. Means and deviations are finite, deviations at least 0; the shorter slice
    /// counts.
    ///
    /// ```
    /// use forms_xbar::{Key, key::Purpose};
    ///
    /// let mut siemens = [1e-6, 1e-6, 1e-4];
    /// Key::from(1).stream(Purpose::Programming, [0, 0, 0]).fill_truncated_normals(&mut siemens, &[0.0, 1e-6, 1e-6]);
    /// assert!(siemens[0] == 1e-6 && siemens[1] >= 0.0);
    /// ```
    pub fn fill_truncated_normals(&mut self, values: &mut [f32], deviations: &[f32]) {
        vectorised(
            #[inline(always)]
            || {
                for (values, deviations) in values.chunks_mut(CHUNK).zip(deviations.chunks(CHUNK)) {
                    let (mut draws, mut spread) = ([0.0; CHUNK], [0.0; CHUNK]);
                    draws[..values.len()].copy_from_slice(values);
                    spread[..deviations.len()].copy_from_slice(deviations);
                    truncated_normals(&self.words(), &mut draws, &spread);
                    let both = values.len().min(deviations.len());
                    values[..both].copy_from_slice(&draws[..both]);
                }
            },
        );
    }

    fn fill(&mut self, values: &mut [f32], draw: impl Fn(&[u32; CHUNK], &mut [f32; CHUNK])) {
        vectorised(
            #[inline(always)]
            || {
                let (chunks, rest) = values.as_chunks_mut();
                for chunk in chunks {
                    draw(&self.words(), chunk);
                }
                if !rest.is_empty() {
                    let mut chunk = [0.0; CHUNK];
                    draw(&self.words(), &mut chunk);
                    rest.copy_from_slice(&chunk[..rest.len()]);
                }
            },
        );
    }

    /// Fills `values` with standard normal numbers as [`normals_of`] makes them, one 32-bit word each as in
    /// [`Stream::fill_normals`].
    pub(crate) fn fill_quick_normals(&mut self, values: &mut [f32]) {
        for values in values.chunks_mut(CHUNK) {
            values.copy_from_slice(&normals_of(&self.words())[..values.len()]);
        }
    }

    /// The words of the next chunk.
    #[inline(always)]
    fn words(&mut self) -> [u32; CHUNK] {
        let mut words = [0; CHUNK];
        for words in words.chunks_exact_mut(2 * LANES) {
            self.refill();
            for (pair, draw) in words.chunks_exact_mut(2).zip(self.block) {
                pair[0] = draw as u32;
                pair[1] = (draw >> 32) as u32;
            }
        }
        self.used = LANES;
        words
    }

    #[inline(always)]
    fn refill(&mut self) {
        self.block = advance(&mut self.state);
        self.used = 0;
    }
}

/// The state at an address.
#[inline(always)]
pub(super) fn seed([start, step]: [u64; 2]) -> State {
    let step = step | 1;
    let mut state = [[0; LANES]; 4];
    for (at, word) in state.as_flattened_mut().iter_mut().enumerate() {
        *word = mix(start.wrapping_add(step.wrapping_mul(at as u64 + 1)));
    }
    // `mix` is a bijection of 32 distinct counters: at most one word is 0, so no lane is all zero.
    state
}

/// The next draw of every lane.
#[inline(always)]
pub(super) fn advance([s0, s1, s2, s3]: &mut State) -> [u64; LANES] {
    let mut draws = [0; LANES];
    for lane in 0..LANES {
        draws[lane] = s0[lane].wrapping_add(s3[lane]).rotate_left(23).wrapping_add(s0[lane]);
        let shifted = s1[lane] << 17;
        s2[lane] ^= s0[lane];
        s3[lane] ^= s1[lane];
        s1[lane] ^= s2[lane];
        s0[lane] ^= s3[lane];
        s2[lane] ^= shifted;
        s3[lane] = s3[lane].rotate_left(45);
    }
    draws
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::at_every_level;
    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{Rng, SeedableRng};
    use statrs::distribution::{ContinuousCDF, Normal};

    #[test]
    fn lanes_are_xoshiro256_plus_plus() {
        let stream = Stream::new([11, 22]);
        let mut lanes: Vec<_> = (0..LANES)
            .map(|lane| {
                let mut seed = [0; 32];
                for (bytes, word) in seed.chunks_exact_mut(8).zip(&stream.state) {
                    bytes.copy_from_slice(&word[lane].to_le_bytes());
                }
                Xoshiro256PlusPlus::from_seed(seed)
            })
            .collect();
        let mut stream = stream;
        for step in 0..100 {
            for lane in &mut lanes {
                assert_eq!(stream.bits(), lane.next_u64(), "step {step}");
            }
        }
    }

    #[test]
    fn words_are_the_halves_of_draws() {
        let mut draws = Stream::new([3, 4]);
        let mut halves = Stream::new([3, 4]);
        for _ in 0..3 {
            for pair in halves.words().chunks_exact(2) {
                let bits = draws.bits();
                assert_eq!(pair, [bits as u32, (bits >> 32) as u32]);
            }
        }
    }

    #[test]
    fn a_fill_takes_whole_chunks_from_a_fresh_block() {
        let fresh = |chunks: usize| {
            let mut stream = Stream::new([5, 6]);
            (0..chunks * CHUNK / 2).for_each(|_| _ = stream.bits());
            stream.bits()
        };
        for (len, chunks) in [(0, 0), (1, 1), (63, 1), (64, 1), (65, 2), (200, 4)] {
            let mut stream = Stream::new([5, 6]);
            let mut values = vec![0.0; len];
            stream.fill_normals(&mut values);
            assert_eq!(stream.bits(), fresh(chunks), "{len}");
            // The block a single draw has begun is left behind.
            stream.fill_uniforms(&mut [0.0]);
            let mut again = Stream::new([5, 6]);
            (0..chunks * CHUNK / 2 + LANES).for_each(|_| _ = again.bits());
            again.words();
            assert_eq!(stream.bits(), again.bits(), "{len}");
        }
    }

    /// A fill of each kind.
    fn fills(len: usize) -> [Vec<f32>; 3] {
        let mut fills = [vec![0.0; len], vec![0.0; len], (0..len).map(|i| (i % 13) as f32 - 3.0).collect()];
        Stream::new([7, 8]).fill_normals(&mut fills[0]);
        Stream::new([7, 8]).fill_uniforms(&mut fills[1]);
        let deviations: Vec<f32> = (0..len).map(|i| (i % 5) as f32 / 2.0).collect();
        Stream::new([7, 8]).fill_truncated_normals(&mut fills[2], &deviations);
        fills
    }

    #[test]
    fn a_longer_fill_begins_like_a_shorter_one() {
        let long = fills(1000);
        for len in [0, 1, 15, 16, 63, 64, 65, 127, 128, 999] {
            for (long, short) in long.iter().zip(fills(len)) {
                assert_eq!(long[..len], short);
            }
        }
    }

    #[test]
    fn cpu_levels_give_the_same_bits() {
        let bits = |fill: Vec<f32>| fill.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        let levels = at_every_level(|| (Stream::new([9, 10]).state, fills(20_003).map(bits)));
        assert!(levels.iter().all(|level| *level == levels[0]));
    }

    const SAMPLES: usize = 1_000_000;

    /// Kolmogorov's distance at which α = 0.001.
    fn assert_follows(mut samples: Vec<f32>, cdf: impl Fn(f64) -> f64) {
        samples.sort_unstable_by(f32::total_cmp);
        let n = samples.len() as f64;
        let distance = samples.iter().enumerate().fold(0f64, |distance, (i, &x)| {
            let p = cdf(x.into());
            distance.max(p - i as f64 / n).max((i + 1) as f64 / n - p)
        });
        assert!(distance * n.sqrt() < 1.9495, "{distance}");
    }

    #[test]
    fn fills_follow_their_distributions() {
        let mut values = vec![0.0; SAMPLES];
        Stream::new([11, 12]).fill_normals(&mut values);
        let normal = Normal::new(0.0, 1.0).unwrap();
        assert_follows(values.clone(), |x| normal.cdf(x));
        Stream::new([13, 14]).fill_uniforms(&mut values);
        assert_follows(values.clone(), |x| x);
        let deviations = vec![2.0; SAMPLES];
        for mean in [-3.0, 0.0, 1.0, 5.0f32] {
            values.fill(mean);
            Stream::new([15, 16]).fill_truncated_normals(&mut values, &deviations);
            let a = f64::from(mean) / 2.0;
            assert_follows(values.clone(), |x| 1.0 - normal.cdf(a - x / 2.0) / normal.cdf(a));
        }
    }

    #[test]
    fn normals_of_a_fill_are_uncorrelated() {
        let mut z = vec![0.0; SAMPLES];
        Stream::new([17, 18]).fill_normals(&mut z);
        let limit = 3.2905 / (SAMPLES as f64).sqrt(); // α = 0.001, two-sided
        for power in [1, 2] {
            // Even powers show what signs hide: E z² = 1, var z² = 2.
            let x: Vec<f64> = z.iter().map(|&z| f64::from(z)).collect();
            let x: Vec<f64> =
                if power == 1 { x } else { x.iter().map(|z| (z * z - 1.0) / 2f64.sqrt()).collect() };
            // The other half of a draw, the other lanes, the next block, the next chunk.
            for lag in [1, 2, 3, 4, 8, 14, 15, 16, 32, 64, 128] {
                let r = x.iter().zip(&x[lag..]).map(|(a, b)| a * b).sum::<f64>() / (SAMPLES - lag) as f64;
                assert!(r.abs() < limit, "power {power}, lag {lag}: {r}");
            }
        }
    }

    #[test]
    fn every_place_of_a_chunk_has_mean_zero_and_variance_one() {
        let mut z = vec![0.0; SAMPLES - SAMPLES % CHUNK];
        Stream::new([19, 20]).fill_normals(&mut z);
        let n = (z.len() / CHUNK) as f64;
        for place in 0..CHUNK {
            let z = || z.iter().skip(place).step_by(CHUNK).map(|&z| f64::from(z));
            let (mean, square) = (z().sum::<f64>() / n, z().map(|z| z * z).sum::<f64>() / n);
            // α = 0.001 over 128 statistics: 4.47 σ.
            assert!(mean.abs() < 4.47 / n.sqrt(), "place {place}: mean {mean}");
            assert!((square - 1.0).abs() < 4.47 * (2.0 / n).sqrt(), "place {place}: square {square}");
        }
    }

    #[test]
    fn uniform_stays_inside_the_open_interval() {
        let least = (0.0 + 0.5) / (1u64 << 52) as f64;
        let most = ((u64::MAX >> 12) as f64 + 0.5) / (1u64 << 52) as f64;
        assert!(least > 0.0 && most < 1.0);
        assert!(normal_quantile(least).is_finite() && normal_quantile(most).is_finite());
    }
}
