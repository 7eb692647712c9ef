//! The loop of the split kernel.

use std::ops::{AddAssign, SubAssign};

use pulp::Arch;

use super::lanes::{Lanes, Portable};
use super::{COLUMNS, Clips, PATTERNS, Part, Weights};
use crate::kernel::patterns::Patterns;
use crate::kernel::table::TILE;
use crate::simd::Level;

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

impl SubAssign for Clipped {
    fn sub_assign(&mut self, other: Clipped) {
        self.low -= other.low;
        self.high -= other.high;
    }
}

/// What a batch drives of one group.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    /// `[vector][part][word]`.
    words: &'a [u64],
    /// Words of a vector.
    each: usize,
    /// Words of a part.
    of_part: usize,
}

impl<'a> Words<'a> {
    pub(super) fn of_group(patterns: &'a Patterns, group: usize) -> Self {
        let (each, of_part) = (patterns.words_of_bundle(), patterns.words_of_octet());
        Words { words: patterns.bundle(group), each, of_part }
    }

    /// The words of every vector, `[part][word]`.
    #[inline(always)]
    fn vectors(self) -> impl Iterator<Item = &'a [u64]> {
        self.words.chunks_exact(self.each)
    }

    /// Some vectors at a time.
    fn chunks(self, vectors: usize) -> impl Iterator<Item = Self> {
        self.words.chunks(vectors * self.each).map(move |words| Words { words, ..self })
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
    /// What groups run; what is corrected where there is a `baseline`, which may be empty.
    pub(super) fn look(
        &mut self,
        level: Level,
        patterns: &Patterns,
        streams: Streams,
        baseline: Option<&[i64]>,
    ) {
        let each = patterns.words_of_octet();
        self.signed = streams.signed;
        self.vectors = patterns.vectors();
        self.planes.clear();
        self.digits.clear();
        for group in 0..patterns.bundles() {
            let words = Words::of_group(patterns, group);
            level.run(
                #[inline(always)]
                || words.vectors().for_each(|words| self.planes.push(planes_of(words, each, streams))),
            );
            let Some(baseline) = baseline else { continue };
            for (words, &planes) in words.vectors().zip(&self.planes[self.digits.len()..]) {
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
        level: Level,
        group: usize,
        [of_digits, of_baseline]: &[[i32; TILE]; 2],
        sums: &mut [i32],
        stride: usize,
    ) {
        let digits = &self.digits[group * self.vectors..][..self.vectors];
        level.run(
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

/// What is common to all vectors of a group, and to eight planes.
#[derive(Clone, Copy)]
struct Group<'a> {
    parts: &'a [Part],
    weights: &'a [u32; COLUMNS],
    codes: [i16; 2],
    depth: u32,
    /// Words of a part in the patterns of a vector.
    each: usize,
    /// The one that holds these planes.
    word: usize,
    signed: bool,
}

/// Vectors whose planes, 8 each, are counted in 15 bits.
const COUNTED: usize = 4095;

/// Adds what one group says of every vector to its 16 columns; what is clipped.
pub(super) fn run(
    level: Level,
    parts: &[Part],
    weights: &Weights,
    (codes, depth, counts): ([i16; 2], u32, bool),
    (words, (planes, signed)): (Words<'_>, (&[u8], bool)),
    Target { first, stride, sums }: Target<'_>,
) -> Clipped {
    let mut clipped = Clipped::default();
    let clips = if counts { weights.clips } else { Clips::Never };
    for word in 0..words.of_part {
        let group = Group { parts, weights: &weights.lanes, codes, depth, each: words.of_part, word, signed };
        let vectors = planes.chunks(COUNTED).zip(words.chunks(COUNTED));
        for ((planes, words), sums) in vectors.zip(sums.chunks_mut(COUNTED * stride)) {
            let target = Target { first: first && word == 0, stride, sums };
            clipped += match clips {
                Clips::Never => by_depth::<0>(level, group, (words, planes), target),
                Clips::High => by_depth::<1>(level, group, (words, planes), target),
                Clips::Both => by_depth::<2>(level, group, (words, planes), target),
            };
        }
    }
    clipped
}

/// Runs the kernel for the depth and the parts the group has; `SIDES` of the range are looked beyond.
fn by_depth<const SIDES: u8>(
    level: Level,
    group: Group<'_>,
    vectors: (Words<'_>, &[u8]),
    target: Target<'_>,
) -> Clipped {
    match (group.depth, group.parts.len()) {
        (8, 3) => at_level::<SIDES, 8, 3>(level, group, vectors, target),
        (8, _) => at_level::<SIDES, 8, 0>(level, group, vectors, target),
        _ => at_level::<SIDES, 0, 0>(level, group, vectors, target),
    }
}

fn at_level<const SIDES: u8, const DEPTH: u32, const PARTS: usize>(
    level: Level,
    group: Group<'_>,
    vectors: (Words<'_>, &[u8]),
    target: Target<'_>,
) -> Clipped {
    match level.arch() {
        #[cfg(target_arch = "x86_64")]
        Arch::V4(lanes) => lanes.vectorize(
            #[inline(always)]
            || run_in::<_, SIDES, DEPTH, PARTS>(lanes, group, vectors, target),
        ),
        #[cfg(target_arch = "x86_64")]
        Arch::V3(lanes) => lanes.vectorize(
            #[inline(always)]
            || run_in::<_, SIDES, DEPTH, PARTS>(lanes, group, vectors, target),
        ),
        _ => run_in::<_, SIDES, DEPTH, PARTS>(Portable, group, vectors, target),
    }
}

/// The sums of both lanes, put together from the parts.
#[inline(always)]
fn sums_of<L: Lanes>(lanes: L, parts: &[Part], pattern: impl Fn(usize) -> usize) -> [L::Sums; 2] {
    let mut sums = parts[0][pattern(0)].0.each_ref().map(
        #[inline(always)]
        |sums| lanes.load(sums),
    );
    for (part, table) in parts.iter().enumerate().skip(1) {
        for (sum, of_part) in sums.iter_mut().zip(&table[pattern(part)].0) {
            *sum = lanes.add(*sum, lanes.load(of_part));
        }
    }
    sums
}

/// Codes of `DEPTH` planes are added in 16 bits, of `PARTS` parts; 0 for any number.
#[inline(always)]
fn run_in<L: Lanes, const SIDES: u8, const DEPTH: u32, const PARTS: usize>(
    lanes: L,
    group: Group<'_>,
    (words, planes): (Words<'_>, &[u8]),
    Target { first, stride, sums }: Target<'_>,
) -> Clipped {
    let Group { parts, weights, codes: [low, high], depth, each, word, signed } = group;
    let parts = if PARTS > 0 { &parts[..PARTS] } else { parts };
    let depth = if DEPTH > 0 { DEPTH } else { depth };
    let (weights, low, high) = (lanes.pairs(weights), lanes.splat(low), lanes.splat(high));
    let [mut below, mut above] = [lanes.splat(0); 2];
    let vectors = words.vectors().zip(planes);
    // Beyond the last whole row only the columns of the last vector follow.
    for ((words, &planes), sums) in vectors.zip(sums.chunks_mut(stride)) {
        let Some(columns) = sums.first_chunk_mut::<COLUMNS>() else { break };
        let planes = u32::from(planes).saturating_sub(8 * word as u32);
        let negated = if signed && planes <= 8 { planes } else { 0 };
        let planes = planes.min(8);
        let held: [u64; PARTS] = std::array::from_fn(
            #[inline(always)]
            |part| u64::from_le(words[part * each + word]),
        );
        let mut total = lanes.load(&[0; COLUMNS]);
        // From the highest plane down: twice the sum so far, and the next code; as deep as 16 bits hold.
        let mut left = planes;
        while left > 0 {
            let block = if DEPTH == 8 { left } else { left.min(depth) };
            let mut codes = lanes.splat(0);
            for plane in (left - block..left).rev() {
                let [even, odd] = sums_of(
                    lanes,
                    parts,
                    #[inline(always)]
                    |part| {
                        let held =
                            if PARTS > 0 { held[part] } else { u64::from_le(words[part * each + word]) };
                        (held >> (8 * plane)) as usize % PATTERNS
                    },
                );
                let unclamped = lanes.upper(even, odd);
                if SIDES > 0 {
                    above = lanes.count_greater(above, unclamped, high);
                }
                if SIDES > 1 {
                    below = lanes.count_greater(below, low, unclamped);
                }
                codes = lanes.double_add(codes, lanes.clamp(unclamped, low, high));
                if plane + 1 == negated {
                    codes = lanes.negate(codes);
                }
            }
            if DEPTH != 8 {
                for _ in 0..block {
                    total = lanes.add(total, total);
                }
            }
            total = lanes.add(total, lanes.weigh(codes, weights));
            left -= block;
        }
        for _ in 0..word {
            total = lanes.raise(total);
        }
        if !first {
            total = lanes.add(total, lanes.load(columns));
        }
        lanes.store(total, columns);
    }
    Clipped { low: lanes.total(below), high: lanes.total(above) }
}
