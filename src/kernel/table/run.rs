//! The loop of the table kernel.

use pulp::Arch;

use super::lanes::{Lanes, Portable};
use super::row::{COLUMNS, Octet, PATTERNS};
use crate::simd::Level;

/// What a batch drives of some octets.
#[derive(Clone, Copy)]
pub(super) struct Driven<'a> {
    /// Eight planes each, `[octet][vector][word]`.
    pub(super) words: &'a [u64],
    /// Vectors of an octet.
    pub(super) vectors: usize,
    /// The first of those that are added, and the first beyond.
    pub(super) from: usize,
    pub(super) to: usize,
}

/// How the planes of a batch count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    planes: usize,
    signed: bool,
}

impl Places {
    /// One-bit planes, the last one the sign of two's complement or not.
    pub(crate) fn new(planes: u32, signed: bool) -> Self {
        Places { planes: if planes > 8 { 16 } else { 8 }, signed }
    }

    /// Sums times what all planes count together: planes that are not there drive no row, or repeat the sign.
    pub(super) fn times(self, sums: &[i32; COLUMNS]) -> [i32; COLUMNS] {
        let planes = if self.signed { None } else { Some(self.planes) };
        let mut times = *sums;
        for sum in &mut times {
            // 2ⁿ − 1 times, or −1.
            *sum = planes.map_or(0, |planes| *sum << planes).wrapping_sub(*sum);
        }
        times
    }

    /// Whether the last plane is to be subtracted from what limbs of `limb_planes` planes weigh.
    fn negates_last(self, limb_planes: usize) -> bool {
        // 2¹⁵ is no word of 16 bits, its opposite is.
        self.signed != (self.planes == 16 && limb_planes == 1)
    }
}

/// Places of limbs of `limb_planes` planes.
const fn weights(limb_planes: usize) -> [[i16; 2]; 8] {
    let mut weights = [[0; 2]; 8];
    let mut limb = 0;
    while limb * limb_planes < 16 {
        weights[limb / 2][limb % 2] = (1u16 << (limb * limb_planes)) as i16;
        limb += 1;
    }
    weights
}

/// The sums of 32 columns, of one vector after another.
pub(super) struct Target<'a> {
    /// What comes on top, or instead.
    pub(super) begin: Begin<'a>,
    /// Words between the columns of two vectors.
    pub(super) stride: usize,
    pub(super) sums: &'a mut [i32],
}

/// What the sums of a vector begin at.
#[derive(Debug, Clone, Copy)]
pub(super) enum Begin<'a> {
    /// At these, whatever is there.
    At(&'a [i32; COLUMNS]),
    /// At what is there, and these.
    Plus(&'a [i32; COLUMNS]),
    /// At what is there.
    There,
}

/// Adds what `S` octets say of every vector to its 32 columns, `P` words of eight planes, `Q` of which are added up in 16 bits.
pub(super) fn run<const S: usize, const P: usize, const Q: usize>(
    level: Level,
    octets: &[Octet; S],
    driven: Driven<'_>,
    places: Places,
    target: Target<'_>,
) {
    match level.arch() {
        #[cfg(target_arch = "x86_64")]
        Arch::V4(lanes) => lanes.vectorize(
            #[inline(always)]
            || run_in::<_, S, P, Q>(lanes, octets, driven, places, target),
        ),
        #[cfg(target_arch = "x86_64")]
        Arch::V3(lanes) => lanes.vectorize(
            #[inline(always)]
            || run_in::<_, S, P, Q>(lanes, octets, driven, places, target),
        ),
        _ => run_in::<_, S, P, Q>(Portable, octets, driven, places, target),
    }
}

#[inline(always)]
fn run_in<L: Lanes, const S: usize, const P: usize, const Q: usize>(
    lanes: L,
    octets: &[Octet; S],
    driven: Driven<'_>,
    places: Places,
    Target { begin, stride, sums }: Target<'_>,
) {
    let weights = const { weights(Q) };
    // Masks instead of branches: a branch amid the sums takes longer than what it saves.
    let last_mask = lanes.splat(if places.negates_last(Q) { -1 } else { 0 });
    let (is_first, base) = match begin {
        Begin::At(base) => (true, lanes.sums(base)),
        Begin::Plus(base) => (false, lanes.sums(base)),
        Begin::There => (false, lanes.sums(&[0; COLUMNS])),
    };
    let words = driven.words.as_chunks::<P>().0;
    let of_octets: [&[[u64; P]]; S] = std::array::from_fn(
        #[inline(always)]
        |octet| &words[octet * driven.vectors..][driven.from..driven.to],
    );
    let mut at = 0;
    for vector in 0..driven.to - driven.from {
        let columns = sums.get_mut(at..at + COLUMNS).and_then(<[i32]>::first_chunk_mut::<COLUMNS>);
        let Some(columns) = columns else { return };
        at += stride;
        let mut total = if is_first { base } else { lanes.plus(lanes.sums(columns), base) };
        for (word, weights) in weights.chunks_exact(4 / Q).enumerate().take(P) {
            let patterns = patterns_of(&of_octets, vector, word);
            let mask = if word + 1 == P { last_mask } else { lanes.splat(0) };
            for (pair, &weights) in weights.iter().enumerate() {
                let low = add_planes::<_, S, Q>(lanes, octets, patterns, 2 * pair, mask);
                let high = add_planes::<_, S, Q>(lanes, octets, patterns, 2 * pair + 1, mask);
                total = lanes.weigh(total, low, high, weights);
            }
        }
        lanes.store(total, columns);
    }
}

/// Eight planes of one vector.
#[inline(always)]
fn patterns_of<const S: usize, const P: usize>(
    of_octets: &[&[[u64; P]]; S],
    vector: usize,
    word: usize,
) -> [u64; S] {
    std::array::from_fn(
        #[inline(always)]
        |octet| of_octets[octet][vector][word],
    )
}

/// What `Q` planes add, in units of the first of them; the last of eight is negated where the mask has ones.
#[inline(always)]
fn add_planes<L: Lanes, const S: usize, const Q: usize>(
    lanes: L,
    octets: &[Octet; S],
    patterns: [u64; S],
    limb: usize,
    mask: L::Words,
) -> L::Words {
    let last = limb * Q + Q - 1;
    let mut sum = add_octets(lanes, octets, patterns, last);
    if last == 7 {
        sum = lanes.negate(sum, mask);
    }
    for step in 1..Q {
        sum = lanes.add(lanes.add(sum, sum), add_octets(lanes, octets, patterns, last - step));
    }
    sum
}

/// What one plane adds.
#[inline(always)]
fn add_octets<L: Lanes, const S: usize>(
    lanes: L,
    octets: &[Octet; S],
    patterns: [u64; S],
    plane: usize,
) -> L::Words {
    // One table, so that octets differ by a constant.
    let rows = octets.as_flattened();
    let row = |octet: usize| {
        let pattern = (u64::from_le(patterns[octet]) >> (8 * plane)) as u8;
        lanes.load(&rows[octet * PATTERNS + usize::from(pattern)])
    };
    let mut sum = row(0);
    for octet in 1..S {
        sum = lanes.add(sum, row(octet));
    }
    sum
}
