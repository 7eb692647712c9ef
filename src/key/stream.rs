//! Eight interleaved xoshiro256++ generators behind one address.

use super::{mix, normal_quantile};

const LANES: usize = 8;

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
    state: [[u64; LANES]; 4],
    block: [u64; LANES],
    used: usize,
}

impl Stream {
    pub(super) fn new([start, step]: [u64; 2]) -> Self {
        let step = step | 1;
        let mut state = [[0; LANES]; 4];
        let mut counter = start;
        for word in &mut state {
            for lane in word {
                counter = counter.wrapping_add(step);
                *lane = mix(counter);
            }
        }
        // `mix` is a bijection of 32 distinct counters: at most one word is 0, so no lane is all zero.
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

    /// The next uniform number in the open interval (0, 1): an odd multiple of 2⁻⁵³.
    pub fn uniform(&mut self) -> f64 {
        const SCALE: f64 = 1.0 / (1u64 << 52) as f64;
        ((self.bits() >> 12) as f64 + 0.5) * SCALE
    }

    /// The next standard normal number, `Φ⁻¹(uniform)`: one draw each, within 8.3 σ.
    pub fn normal(&mut self) -> f64 {
        normal_quantile(self.uniform())
    }

    /// Fills `values` with standard normal numbers.
    pub fn fill_normals(&mut self, values: &mut [f32]) {
        for value in values {
            *value = self.normal() as f32;
        }
    }

    fn refill(&mut self) {
        let [s0, s1, s2, s3] = &mut self.state;
        for lane in 0..LANES {
            self.block[lane] = s0[lane].wrapping_add(s3[lane]).rotate_left(23).wrapping_add(s0[lane]);
            let shifted = s1[lane] << 17;
            s2[lane] ^= s0[lane];
            s3[lane] ^= s1[lane];
            s1[lane] ^= s2[lane];
            s0[lane] ^= s3[lane];
            s2[lane] ^= shifted;
            s3[lane] = s3[lane].rotate_left(45);
        }
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{Rng, SeedableRng};

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
    fn uniform_stays_inside_the_open_interval() {
        let least = (0.0 + 0.5) / (1u64 << 52) as f64;
        let most = ((u64::MAX >> 12) as f64 + 0.5) / (1u64 << 52) as f64;
        assert!(least > 0.0 && most < 1.0);
        assert!(normal_quantile(least).is_finite() && normal_quantile(most).is_finite());
    }
}
