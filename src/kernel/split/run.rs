//! The loop of the split kernel.

use std::ops::AddAssign;

use pulp::Arch;

use super::lanes::{Lanes, Portable};
use super::{COLUMNS, Clips, PATTERNS, Part, Weights};
use crate::kernel::patterns::Patterns;
use crate::kernel::table::TILE;
use crate::simd::{Level, vectorised};

/// How inputs are streamed, in planes of one bit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Streams {
    pub(crate) planes: u32,
    /// Whether the last plane counts negatively.
    pub(crate) signed: bool,
    /// Whether planes above the first that repeats the sign are run.
    pub(crate) repeats: bool,
}

/// How many conversions were beyond the ADC's range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Clipped {
    pub(crate) low: u64,
    pub(crate) high: u64,
}

impl AddAssign for Clipped {
    fn add_assign(&mut self, other: Clipped) {
        self.low += other.low;
        self.high += other.high;
    }
}

/// What each group of each vector runs, `[group][vector]`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Runs {
    signed: bool,
    vectors: usize,
    /// Planes that change the result.
    planes: Vec<u8>,
    /// The numbers of driven rows and what they have as a baseline, weighed by the planes' places; modulo 2³².
    digits: Vec<[i32; 2]>,
}

impl Runs {
    /// What groups of so many `parts` run; what is corrected where there is a `baseline`, which may be empty.
    pub(super) fn look(
        &mut self,
        patterns: &Patterns,
        parts: usize,
        streams: Streams,
        baseline: Option<&[i64]>,
    ) {
        let each = patterns.planes() / 8;
        self.signed = streams.signed;
        self.planes.clear();
        self.digits.clear();
        for (_, words) in patterns.word_blocks() {
            self.vectors = words.len() / (parts * each);
            vectorised(
                #[inline(always)]
                || {
                    for words in words.chunks_exact(parts * each) {
                        self.planes.push(planes_of(words, each, streams));
                    }
                },
            );
            let Some(baseline) = baseline else { continue };
            for (words, &planes) in words.chunks_exact(parts * each).zip(&self.planes[self.digits.len()..]) {
                self.digits.push(digits_of(words, each, planes.into(), streams.signed, baseline));
            }
        }
    }

    pub(super) fn of_group(&self, group: usize) -> (&[u8], bool) {
        (&self.planes[group * self.vectors..][..self.vectors], self.signed)
    }

    /// Adds the corrections of one group to the columns of a tile.
    pub(super) fn correct(
        &self,
        group: usize,
        [of_digits, of_baseline]: &[[i32; TILE]; 2],
        sums: &mut [i32],
        stride: usize,
    ) {
        let digits = &self.digits[group * self.vectors..][..self.vectors];
        vectorised(
            #[inline(always)]
            || {
                for (&[digits, baseline], sums) in digits.iter().zip(sums.chunks_mut(stride)) {
                    let Some(sums) = sums.first_chunk_mut::<TILE>() else { return };
                    for (at, sum) in sums.iter_mut().enumerate() {
                        let of_digits = of_digits[at].wrapping_mul(digits);
                        let of_baseline = of_baseline[at].wrapping_mul(baseline);
                        *sum = sum.wrapping_add(of_digits).wrapping_add(of_baseline);
                    }
                }
            },
        );
    }
}

/// Planes that a group runs and that change its result, `words` of eight planes by part.
#[inline(always)]
fn planes_of(words: &[u64], each: usize, streams: Streams) -> u8 {
    let (mut highest, mut is_driven) = (0, false);
    for words in words.chunks_exact(each) {
        let word = |at: usize| words.get(at).map_or(0, |&word| u128::from(u64::from_le(word)));
        let word = word(0) | word(1) << 64;
        is_driven |= word != 0;
        // Of two's complement, planes that differ from the last.
        let last = if streams.signed { word >> (8 * (streams.planes - 1)) & 0xFF } else { 0 };
        highest |= word ^ (last * (u128::MAX / 0xFF));
    }
    if !streams.signed {
        return (u128::BITS - highest.leading_zeros()).div_ceil(8) as u8;
    }
    // The first plane that repeats the sign is the sign.
    let values = (1u128 << (8 * (streams.planes - 1))) - 1;
    let width = (u128::BITS - (highest & values).leading_zeros()).div_ceil(8) + 1;
    match is_driven {
        _ if streams.repeats => streams.planes as u8,
        true => width as u8,
        false => 0,
    }
}

/// `Σ place · n` and `Σ place · baseline[n]` over the planes of a group, `n` rows driven.
fn digits_of(words: &[u64], each: usize, planes: usize, signed: bool, baseline: &[i64]) -> [i32; 2] {
    let [mut digits, mut of_baseline] = [0i64; 2];
    for plane in 0..planes {
        let words = words.iter().skip(plane / 8).step_by(each);
        let driven = |&word: &u64| u64::from_le(word) >> (8 * (plane % 8)) & 0xFF;
        let n: u32 = words.map(|word| driven(word).count_ones()).sum();
        let place = if signed && plane + 1 == planes { -1 << plane } else { 1 << plane };
        digits += place * i64::from(n);
        of_baseline += place * baseline.get(n as usize).copied().unwrap_or(0);
    }
    [digits as i32, of_baseline as i32]
}

/// The sums of 16 columns, of one vector after another.
pub(super) struct Target<'a> {
    /// Whether they begin at 0.
    pub(super) first: bool,
    /// Words between the columns of two vectors.
    pub(super) stride: usize,
    pub(super) sums: &'a mut [i32],
}

/// What is common to all vectors of a group.
#[derive(Clone, Copy)]
struct Group<'a> {
    parts: &'a [Part],
    weights: &'a [u32; COLUMNS],
    codes: [i16; 2],
    depth: u32,
    signed: bool,
    /// Words of a part in the patterns of a vector.
    each: usize,
}

/// Vectors whose planes, 16 each, are counted in 15 bits.
const COUNTED: usize = 2047;

/// Adds what one group says of every vector to its 16 columns; what is clipped.
pub(super) fn run(
    level: Level,
    parts: &[Part],
    weights: &Weights,
    (codes, depth, counts): ([i16; 2], u32, bool),
    (words, (planes, signed)): (&[u64], (&[u8], bool)),
    Target { first, stride, sums }: Target<'_>,
) -> Clipped {
    if planes.is_empty() {
        return Clipped::default();
    }
    let each = words.len() / (planes.len() * parts.len());
    let group = Group { parts, weights: &weights.lanes, codes, depth, signed, each };
    let clips = if counts { weights.clips } else { Clips::Never };
    let mut clipped = Clipped::default();
    let vectors = planes.chunks(COUNTED).zip(words.chunks(COUNTED * parts.len() * each));
    for ((planes, words), sums) in vectors.zip(sums.chunks_mut(COUNTED * stride)) {
        let (vectors, target) = ((words, planes), Target { first, stride, sums });
        clipped += match clips {
            Clips::Never => by_parts::<0>(level, group, vectors, target),
            Clips::High => by_parts::<1>(level, group, vectors, target),
            Clips::Both => by_parts::<2>(level, group, vectors, target),
        };
    }
    clipped
}

/// Runs the kernel for as many parts as the group has; `SIDES` of the range are looked beyond.
fn by_parts<const SIDES: u8>(
    level: Level,
    group: Group<'_>,
    vectors: (&[u64], &[u8]),
    target: Target<'_>,
) -> Clipped {
    match group.parts.len() {
        2 => at_level::<SIDES, 2>(level, group, vectors, target),
        3 => at_level::<SIDES, 3>(level, group, vectors, target),
        _ => at_level::<SIDES, 0>(level, group, vectors, target),
    }
}

fn at_level<const SIDES: u8, const PARTS: usize>(
    level: Level,
    group: Group<'_>,
    vectors: (&[u64], &[u8]),
    target: Target<'_>,
) -> Clipped {
    match level.arch() {
        #[cfg(target_arch = "x86_64")]
        Arch::V4(lanes) => lanes.vectorize(
            #[inline(always)]
            || run_in::<_, SIDES, PARTS>(lanes, group, vectors, target),
        ),
        #[cfg(target_arch = "x86_64")]
        Arch::V3(lanes) => lanes.vectorize(
            #[inline(always)]
            || run_in::<_, SIDES, PARTS>(lanes, group, vectors, target),
        ),
        _ => run_in::<_, SIDES, PARTS>(Portable, group, vectors, target),
    }
}

/// `PARTS` of a group, 0 for any number.
#[inline(always)]
fn run_in<L: Lanes, const SIDES: u8, const PARTS: usize>(
    lanes: L,
    group: Group<'_>,
    (words, planes): (&[u64], &[u8]),
    Target { first, stride, sums }: Target<'_>,
) -> Clipped {
    let Group { parts, weights, codes: [low, high], depth, signed, each } = group;
    let parts = if PARTS > 0 { &parts[..PARTS] } else { parts };
    let (weights, low, high) = (lanes.pairs(weights), lanes.splat(low), lanes.splat(high));
    let [mut below, mut above] = [lanes.splat(0); 2];
    let vectors = words.chunks_exact(parts.len() * each).zip(planes);
    // Beyond the last whole row only the columns of the last vector follow.
    for ((words, &planes), sums) in vectors.zip(sums.chunks_mut(stride)) {
        let Some(columns) = sums.first_chunk_mut::<COLUMNS>() else { break };
        let planes = u32::from(planes);
        let mut total = lanes.load(&[0; COLUMNS]);
        // From the highest plane down: twice the sum so far, and the next code; as deep as 16 bits hold.
        for first_plane in (0..planes.div_ceil(depth)).rev().map(|block| block * depth) {
            let at = first_plane as usize / 8;
            let held: [u64; PARTS] = std::array::from_fn(
                #[inline(always)]
                |part| u64::from_le(words[part * each + at]),
            );
            let pattern = |part: usize, plane: u32| {
                let word = if PARTS > 0 { held[part] } else { u64::from_le(words[part * each + at]) };
                (word >> (8 * (plane % 8))) as usize % PATTERNS
            };
            let mut codes = lanes.splat(0);
            for plane in (first_plane..planes.min(first_plane + depth)).rev() {
                let [even, odd] = &parts[0][pattern(0, plane)].0;
                let (mut even, mut odd) = (lanes.load(even), lanes.load(odd));
                for (part, table) in parts.iter().enumerate().skip(1) {
                    let [even_of_part, odd_of_part] = &table[pattern(part, plane)].0;
                    even = lanes.add(even, lanes.load(even_of_part));
                    odd = lanes.add(odd, lanes.load(odd_of_part));
                }
                let unclamped = lanes.upper(even, odd);
                if SIDES > 0 {
                    above = lanes.count_greater(above, unclamped, high);
                }
                if SIDES > 1 {
                    below = lanes.count_greater(below, low, unclamped);
                }
                codes = lanes.double_add(codes, lanes.clamp(unclamped, low, high));
                if signed && plane + 1 == planes {
                    codes = lanes.negate(codes);
                }
            }
            for _ in 0..depth {
                total = lanes.add(total, total);
            }
            total = lanes.add(total, lanes.weigh(codes, weights));
        }
        if !first {
            total = lanes.add(total, lanes.load(columns));
        }
        lanes.store(total, columns);
    }
    Clipped { low: lanes.total(below), high: lanes.total(above) }
}
