//! Random streams addressed by keys.
//!
//! Every random draw of the crate is a function of a 128-bit [`Key`], a purpose and the place the
//! draw belongs to (array, row or group, plane, column). There is no sequence to keep in step:
//! results do not depend on threads, batching or tiling, and switching one effect on leaves the
//! draws of the others alone.

mod chance;
mod lanes;
mod normal;
mod octaves;
mod quantile;
mod stream;
mod truncated;

pub(crate) use chance::{CERTAIN, chance};
pub(crate) use lanes::{Draws, Lanes, Portable};
pub use normal::{normal_cdf, normal_quantile};
pub(crate) use octaves::{is_tail, octaves, quick_normal};
pub use stream::Stream;

use rand::Rng;

/// A 128-bit key from which all draws of a write or of a read derive.
///
/// ```
/// use forms_xbar::Key;
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
///
/// let key = Key::from(7);
/// assert_eq!(key, Key::from(7));
/// assert_ne!(key.child(0), key.child(1));
/// // A drawn key can be kept, and what it decided replayed.
/// let drawn = Key::draw(&mut ChaCha8Rng::seed_from_u64(7));
/// assert_eq!(drawn, Key::from(u128::from(drawn)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u64; 2]);

/// What a stream of draws is for. Streams of different purposes never overlap.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Children of a key, as one per die of a study.
    Child = 1,
    /// Programming error, one stream per array and word line, one draw per bit line.
    Programming = 2,
    /// Stuck cells, one stream per array and word line.
    StuckCells = 3,
    /// White read noise, one stream per array, active group and 32 columns, half or a quarter of a draw per conversion.
    ReadNoise = 4,
    /// White read noise common to all columns of an array, one draw per active group and plane.
    CommonReadNoise = 5,
    /// Device-to-device spread of cells, one stream per array and word line.
    DeviceSpread = 6,
    /// Device-to-device spread common to a bit line, one stream per array.
    ColumnSpread = 7,
    /// The smooth field of device-to-device spread, one stream per array and lattice row.
    FieldSpread = 8,
    /// Write-verify pulses, one stream per array, word line and pulse.
    WriteVerify = 9,
    /// Broken word and bit lines, one stream per array and direction.
    StuckLines = 10,
    /// A user's own cell model, one stream per cell.
    CellModel = 11,
    /// Relaxation after programming, one stream per array and word line.
    Relaxation = 12,
    /// Drift exponents, one stream per array and word line.
    Drift = 13,
    /// Amplitudes of random telegraph noise, one stream per array and word line.
    TelegraphAmplitude = 14,
    /// States of random telegraph noise, one stream per array, word line and plane run.
    Telegraph = 15,
    /// 1/f noise, one stream per array, word line and octave.
    Flicker = 16,
    /// Noise of word-line drivers, one stream per array, active group and plane.
    WordLineNoise = 17,
    /// Further bits of white read noise that meets a threshold, one stream per conversion.
    ReadNoiseTie = 18,
    /// Offset, gain and code widths of ADCs, one stream each per array and ADC.
    AdcErrors = 20,
}

impl From<u128> for Key {
    fn from(bits: u128) -> Self {
        Key([bits as u64, (bits >> 64) as u64])
    }
}

impl From<Key> for u128 {
    fn from(Key([low, high]): Key) -> Self {
        u128::from(high) << 64 | u128::from(low)
    }
}

impl Key {
    pub(crate) const ZERO: Key = Key([0; 2]);

    /// Draws a key from any generator: exactly two `next_u64` calls.
    pub fn draw<R: Rng + ?Sized>(rng: &mut R) -> Self {
        Key([rng.next_u64(), rng.next_u64()])
    }

    /// The key of the `index`-th child, independent of its siblings and of all streams of `self`.
    pub fn child(self, index: u64) -> Self {
        Key(self.address(Purpose::Child, [index, 0, 0]))
    }

    /// The stream of draws for `purpose` at `place`.
    pub fn stream(self, purpose: Purpose, place: [u64; 3]) -> Stream {
        Stream::new(self.address(purpose, place))
    }

    /// The streams for `purpose` at places that begin with `first`.
    pub(crate) fn streams(self, purpose: Purpose, first: u64) -> Streams {
        // The first round, of no word, spreads keys that differ in a few bits: without it, key 1 with
        // purpose 2 would be key 0 with purpose 3.
        Streams([0, purpose as u64, first].into_iter().fold(self.0, absorb))
    }

    fn address(self, purpose: Purpose, [a, b, c]: [u64; 3]) -> [u64; 2] {
        self.streams(purpose, a).address([b, c])
    }
}

/// Streams whose addresses begin alike: that part is worked out once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Streams([u64; 2]);

impl Streams {
    /// The stream at the place that ends so.
    pub(crate) fn stream(self, last: [u64; 2]) -> Stream {
        Stream::new(self.address(last))
    }

    /// Those of them whose addresses go on so.
    #[inline(always)]
    pub(crate) fn within(self, word: u64) -> Streams {
        Streams(absorb(self.0, word))
    }

    /// The draws of the stream whose address ends here.
    #[inline(always)]
    pub(crate) fn draws<L: Lanes>(self, lanes: L) -> Draws<L> {
        Draws::new(lanes, stream::seed(self.0))
    }

    fn address(self, last: [u64; 2]) -> [u64; 2] {
        last.into_iter().fold(self.0, absorb)
    }
}

/// The increment of SplitMix64, 2⁶⁴ / φ made odd.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Folds one word into a 128-bit state; a bijection of the state for every word.
#[inline(always)]
fn absorb([first, second]: [u64; 2], word: u64) -> [u64; 2] {
    let a = mix((first ^ word).wrapping_add(GOLDEN));
    let b = mix(second.wrapping_add(a));
    [b, a]
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), a bijection.
#[inline(always)]
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn addresses_do_not_collide() {
        let mut seen = HashSet::new();
        for key in [0, 1, u128::MAX, 1 << 64] {
            for purpose in [Purpose::Child, Purpose::Programming, Purpose::StuckCells, Purpose::ReadNoise] {
                for place in 0..1000u64 {
                    let place = [place % 10, place / 10 % 10, place / 100];
                    assert!(
                        seen.insert(Key::from(key).address(purpose, place)),
                        "{key} {purpose:?} {place:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_bit_of_an_address_moves_half_of_the_state() {
        let base = Key::from(5).address(Purpose::ReadNoise, [3, 2, 1]);
        for word in 0..3 {
            for bit in 0..64 {
                let mut place = [3, 2, 1];
                place[word] ^= 1 << bit;
                let moved = Key::from(5).address(Purpose::ReadNoise, place);
                let flips: u32 = (0..2).map(|i| (base[i] ^ moved[i]).count_ones()).sum();
                // 128 fair bits: 64 ± 5.7; seven sigma.
                assert!((24..=104).contains(&flips), "word {word} bit {bit}: {flips} flips");
            }
        }
    }
}
