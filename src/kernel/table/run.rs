//! The loop of the table kernel.

use pulp::Arch;

use super::lanes::{Lanes, Portable};
use super::row::{COLUMNS, Octet};
use crate::simd::Level;

/// Patterns of `S` octets of one vector, one of each plane.
pub(super) type Patterns<const S: usize, const P: usize> = [[u8; P]; S];

/// How planes count, two by two.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    /// Weights of the planes; those of planes that are not there are 0.
    weights: [[i16; 2]; 8],
    /// Pairs of planes.
    pairs: usize,
    /// Whether the last plane counts with the opposite sign of its weight: 2¹⁵ is no word of 16 bits.
    negate_last: bool,
}

impl Places {
    /// One-bit planes, the last one the sign of two's complement or not.
    pub(crate) fn new(planes: u32, signed: bool) -> Self {
        let mut weights = [[0; 2]; 8];
        for (plane, weight) in weights.as_flattened_mut().iter_mut().enumerate().take(planes as usize) {
            // 2¹⁵ wraps to its opposite.
            let place = (1u16 << plane) as i16;
            *weight = if signed && plane + 1 == planes as usize { place.wrapping_neg() } else { place };
        }
        Places { weights, pairs: planes.div_ceil(2) as usize, negate_last: planes == 16 && !signed }
    }
}

/// The sums of 32 columns, of one vector after another.
pub(super) struct Target<'a> {
    /// Whether they begin at 0.
    pub(super) first: bool,
    /// Words between the columns of two vectors.
    pub(super) stride: usize,
    pub(super) sums: &'a mut [i32],
}

/// Adds what `S` octets say of every vector to its 32 columns.
pub(super) fn run<const S: usize, const P: usize>(
    level: Level,
    octets: &[Octet; S],
    patterns: &[Patterns<S, P>],
    places: &Places,
    target: Target<'_>,
) {
    match level.arch() {
        #[cfg(target_arch = "x86_64")]
        Arch::V4(lanes) => lanes.vectorize(
            #[inline(always)]
            || run_in(lanes, octets, patterns, places, target),
        ),
        #[cfg(target_arch = "x86_64")]
        Arch::V3(lanes) => lanes.vectorize(
            #[inline(always)]
            || run_in(lanes, octets, patterns, places, target),
        ),
        _ => run_in(Portable, octets, patterns, places, target),
    }
}

#[inline(always)]
fn run_in<L: Lanes, const S: usize, const P: usize>(
    lanes: L,
    octets: &[Octet; S],
    patterns: &[Patterns<S, P>],
    places: &Places,
    Target { first, stride, sums }: Target<'_>,
) {
    // Beyond the last whole row only the columns of the last vector follow.
    for (patterns, sums) in patterns.iter().zip(sums.chunks_mut(stride)) {
        let Some(columns) = sums.first_chunk_mut::<COLUMNS>() else { return };
        let mut total = if first { lanes.zero() } else { lanes.sums(columns) };
        for (pair, &weights) in places.weights.iter().enumerate().take(P / 2) {
            if pair == places.pairs {
                break;
            }
            let word =
                |octet: usize, plane: usize| lanes.load(&octets[octet][usize::from(patterns[octet][plane])]);
            let (mut low, mut high) = (word(0, 2 * pair), word(0, 2 * pair + 1));
            for octet in 1..S {
                low = lanes.add(low, word(octet, 2 * pair));
                high = lanes.add(high, word(octet, 2 * pair + 1));
            }
            if places.negate_last && pair + 1 == places.pairs {
                high = lanes.negate(high);
            }
            total = lanes.weigh(total, low, high, weights);
        }
        lanes.store(total, columns);
    }
}
