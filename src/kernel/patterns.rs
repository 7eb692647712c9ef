//! Which rows a batch drives, plane by plane, as the addresses of tables.

use std::ops::Range;

use super::Block;
use crate::simd::Level;

/// Rows of a part of a group that has more than eight.
pub(super) const PART_ROWS: usize = 6;

/// How the rows of a block are gathered in words of at most eight: whole groups, as many as have at most eight rows
/// together, or the parts of one group of more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Octets {
    group_rows: usize,
    groups: usize,
    /// Groups of one octet.
    groups_each: usize,
    /// Octets of one group.
    parts: usize,
}

impl Default for Octets {
    fn default() -> Self {
        Octets::new(1, 0)
    }
}

impl Octets {
    pub(crate) fn of(block: &Block) -> Self {
        Octets::new(block.group_rows(), block.groups())
    }

    pub(crate) fn new(group_rows: usize, groups: usize) -> Self {
        let parts = if group_rows > 8 { group_rows.div_ceil(PART_ROWS) } else { 1 };
        Octets { group_rows, groups, groups_each: (8 / group_rows).max(1), parts }
    }

    pub(crate) fn count(&self) -> usize {
        self.bundles() * self.parts
    }

    /// Octets of one group.
    pub(crate) fn parts(&self) -> usize {
        self.parts
    }

    /// Octets of whole groups, or groups of several octets.
    fn bundles(&self) -> usize {
        self.groups.div_ceil(self.groups_each)
    }

    /// Groups of an octet.
    pub(crate) fn groups(&self, octet: usize) -> Range<usize> {
        let first = octet / self.parts * self.groups_each;
        first..self.groups.min(first + self.groups_each)
    }

    /// Rows of an octet.
    pub(crate) fn rows(&self, octet: usize) -> Range<usize> {
        self.rows_of(octet / self.parts, octet % self.parts)
    }

    /// Rows of an octet, part of a bundle.
    #[inline(always)]
    fn rows_of(&self, bundle: usize, part: usize) -> Range<usize> {
        let (first, end) = (bundle * self.groups_each, self.groups.min((bundle + 1) * self.groups_each));
        let (first, end) = (first * self.group_rows, end * self.group_rows);
        if self.parts == 1 {
            return first..end;
        }
        let first = first + part * PART_ROWS;
        first..end.min(first + PART_ROWS)
    }
}

/// The patterns of a batch of vectors: of every plane of every octet, which of its rows are driven.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patterns {
    octets: Octets,
    vectors: usize,
    /// Words of eight planes.
    words: usize,
    /// `[bundle][vector][octet][word]`, where a bundle is one octet, or those of one group; byte `p` of a little-endian
    /// word for plane `p`; bytes above the planes repeat the sign.
    bytes: Vec<u64>,
}

/// Vectors that are cut octet by octet while they are near.
const NEAR: usize = 64;

impl Patterns {
    /// Cuts the inputs of a row tile into patterns: `rows` of each vector of `inputs` elements, in `planes`
    /// planes of one bit.
    pub(crate) fn cut<T: Copy + Into<i32>>(
        &mut self,
        level: Level,
        (x, inputs): (&[T], usize),
        rows: Range<usize>,
        octets: Octets,
        planes: u32,
    ) {
        self.resize(octets, x.len() / inputs, if planes > 8 { 2 } else { 1 });
        let (words, of_bundle) = (self.words, self.words_of_bundle());
        level.run(
            #[inline(always)]
            || {
                for (near, x) in x.chunks(NEAR * inputs).enumerate() {
                    for bundle in 0..octets.bundles() {
                        let first = (bundle * self.vectors + near * NEAR) * of_bundle;
                        for part in 0..octets.parts {
                            let of_part = octets.rows_of(bundle, part);
                            let end = rows.end.min(rows.start + of_part.end);
                            let from =
                                Columns { x, inputs, first: (rows.start + of_part.start).min(end), end };
                            for word in 0..words {
                                from.gather(word, &mut self.bytes[first + part * words + word..], of_bundle);
                            }
                        }
                    }
                }
                self.bytes.iter_mut().for_each(|word| *word = transpose(u64::from_le(*word)).to_le());
            },
        );
    }

    /// Makes room for so many vectors, all at 0.
    fn resize(&mut self, octets: Octets, vectors: usize, words: usize) {
        (self.octets, self.vectors, self.words) = (octets, vectors, words);
        self.bytes.clear();
        self.bytes.resize(vectors * octets.count() * words, 0);
    }

    /// The planes that groups run in a batch, eight groups an octet: bit `g` of a pattern is group `g` of them. Where
    /// planes repeat the sign, those above the last that is run are run like it.
    pub(crate) fn runs_of(&mut self, level: Level, driven: &Patterns, octets: Octets, rule: RunRule) {
        let (groups, words) = (octets.groups, driven.words);
        self.resize(Octets::new(1, groups), driven.vectors, words);
        level.run(
            #[inline(always)]
            || {
                for group in 0..groups {
                    let of_group = group_mask(octets.group_rows, group % octets.groups_each);
                    let to = self.bundle_mut(group / 8).chunks_exact_mut(words);
                    let driven = driven.bundle(group / octets.groups_each).chunks_exact(words);
                    for (to, driven) in to.zip(driven) {
                        let mut run = [0; 2];
                        for (run, word) in run.iter_mut().zip(driven) {
                            *run = not_zero(u64::from_le(*word) & of_group);
                        }
                        run = rule.apply(run);
                        for (to, run) in to.iter_mut().zip(run) {
                            *to |= (run << (group % 8)).to_le();
                        }
                    }
                }
            },
        );
    }

    /// All patterns, eight planes in a little-endian word, `[bundle][vector][octet][word]`.
    pub(crate) fn words(&self) -> &[u64] {
        &self.bytes
    }

    /// Those of one octet of groups, or of the octets of one group, `[vector][octet][word]`.
    pub(crate) fn bundle(&self, at: usize) -> &[u64] {
        self.bundles_from(at, 1)
    }

    /// Those of some bundles from one on.
    pub(crate) fn bundles_from(&self, first: usize, count: usize) -> &[u64] {
        let all = self.vectors * self.words_of_bundle();
        &self.bytes[first * all..][..count * all]
    }

    fn bundle_mut(&mut self, at: usize) -> &mut [u64] {
        let all = self.vectors * self.words_of_bundle();
        &mut self.bytes[at * all..][..all]
    }

    /// Bundles of a vector.
    pub(crate) fn bundles(&self) -> usize {
        self.octets.bundles()
    }

    /// Words of a vector in one bundle.
    pub(crate) fn words_of_bundle(&self) -> usize {
        self.octets.parts * self.words
    }

    /// The driven rows of a group of at most eight, plane by plane of a vector.
    pub(crate) fn of_group(&self, vector: usize, group: usize) -> impl Fn(u32) -> usize {
        let Octets { group_rows, groups_each, .. } = self.octets;
        let octet = &self.bundle(group / groups_each)[vector * self.words..][..self.words];
        let words = [octet[0], octet[self.words - 1]].map(u64::from_le);
        let (shift, mask) = (group % groups_each * group_rows, (1 << group_rows) - 1);
        move |plane| (words[plane as usize / 8] >> (8 * (plane % 8)) >> shift) as usize & mask
    }

    /// Their vectors.
    pub(crate) fn vectors(&self) -> usize {
        self.vectors
    }

    /// Words of an octet, of eight planes each.
    pub(crate) fn words_of_octet(&self) -> usize {
        self.words
    }
}

/// Which planes a group runs, of unsigned inputs or of such that planes beyond theirs repeat the sign of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunRule {
    /// All of so many; with a sign, those that repeat it too.
    All {
        /// Planes of a stream.
        planes: u32,
        /// Whether inputs have a sign.
        signed: bool,
    },
    /// Those up to the highest in which a row is driven; with a sign, all or none.
    UpToHighest {
        /// Whether inputs have a sign.
        signed: bool,
    },
    /// Those in which a row is driven.
    Driven,
}

impl RunRule {
    /// The planes that are run, bit 0 of a byte each, of those in which a row is driven.
    #[inline(always)]
    fn apply(self, driven: [u64; 2]) -> [u64; 2] {
        let all = [EVERY_PLANE; 2];
        match self {
            RunRule::All { signed: true, .. } => all,
            RunRule::All { planes, signed: false } => below(planes).map(|run| run & EVERY_PLANE),
            RunRule::UpToHighest { signed: true } => {
                if driven == [0; 2] {
                    driven
                } else {
                    all
                }
            }
            RunRule::UpToHighest { signed: false } => {
                let down = |word: u64| {
                    let word = word | word >> 8;
                    let word = word | word >> 16;
                    word | word >> 32
                };
                [if driven[1] == 0 { down(driven[0]) } else { EVERY_PLANE }, down(driven[1])]
            }
            RunRule::Driven => driven,
        }
    }
}

/// Row 0 in every byte.
pub(crate) const EVERY_PLANE: u64 = 0x0101_0101_0101_0101;

/// The rows of one group of an octet in every byte of a word.
#[inline(always)]
pub(crate) fn group_mask(group_rows: usize, group: usize) -> u64 {
    let rows = (1u64 << group_rows) - 1;
    (rows << (group * group_rows)) * EVERY_PLANE
}

/// The bytes of the first `planes` planes.
#[inline(always)]
pub(crate) fn below(planes: u32) -> [u64; 2] {
    let word = |planes: u32| if planes >= 8 { u64::MAX } else { (1u64 << (8 * planes)) - 1 };
    [word(planes), word(planes.saturating_sub(8))]
}

/// Bit 0 of every byte that is not 0.
#[inline(always)]
pub(crate) fn not_zero(word: u64) -> u64 {
    const LOW_BITS: u64 = 0x7F * EVERY_PLANE;
    ((((word & LOW_BITS) + LOW_BITS) | word) >> 7) & EVERY_PLANE
}

/// The inputs of one octet, of vectors of so many inputs.
#[derive(Clone, Copy)]
struct Columns<'a, T> {
    x: &'a [T],
    inputs: usize,
    first: usize,
    end: usize,
}

impl<T: Copy + Into<i32>> Columns<'_, T> {
    /// The lower or the upper bytes of each vector's inputs become every `step`th word, input `i` its byte `i`.
    #[inline(always)]
    fn gather(self, word: usize, to: &mut [u64], step: usize) {
        match (self.end - self.first, word, step) {
            (8, 0, 1) => self.gather_in::<8>(0, to, 1),
            (8, 0, 2) => self.gather_in::<8>(0, to, 2),
            (8, 1, 2) => self.gather_in::<8>(1, to, 2),
            (PART_ROWS, 0, _) => self.gather_in::<PART_ROWS>(0, to, step),
            _ => self.gather_in::<0>(word, to, step),
        }
    }

    /// The same of `ROWS` rows, 0 for any number.
    #[inline(always)]
    fn gather_in<const ROWS: usize>(self, word: usize, to: &mut [u64], step: usize) {
        let rows = if ROWS > 0 { self.first..self.first + ROWS } else { self.first..self.end };
        for (to, x) in to.chunks_mut(step).zip(self.x.chunks_exact(self.inputs)) {
            let mut bytes = [0; 8];
            for (byte, &x) in bytes.iter_mut().zip(&x[rows.clone()]) {
                *byte = (x.into() >> (8 * word)) as u8;
            }
            to[0] = u64::from_ne_bytes(bytes);
        }
    }
}

/// Transposes 8 × 8 bits: three swaps of blocks of 1, 2 and 4 (Warren, Hacker's Delight, 7-3).
#[inline(always)]
fn transpose(mut x: u64) -> u64 {
    for (shift, mask) in [(7, 0x00AA_00AA_00AA_00AA), (14, 0x0000_CCCC_0000_CCCC), (28, 0xF0F0_F0F0)] {
        let swapped = (x ^ (x >> shift)) & mask;
        x ^= swapped ^ (swapped << shift);
    }
    x
}
