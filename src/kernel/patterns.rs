//! Which rows a batch drives, plane by plane, as the addresses of tables.

use std::ops::Range;

use super::Block;
use crate::simd::vectorised;

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
        self.groups.div_ceil(self.groups_each) * self.parts
    }

    /// Octets of one group.
    pub(crate) fn parts(&self) -> usize {
        self.parts
    }

    /// Groups of an octet.
    pub(crate) fn groups(&self, octet: usize) -> Range<usize> {
        let first = octet / self.parts * self.groups_each;
        first..self.groups.min(first + self.groups_each)
    }

    /// Rows of an octet.
    pub(crate) fn rows(&self, octet: usize) -> Range<usize> {
        let groups = self.groups(octet);
        let (first, end) = (groups.start * self.group_rows, groups.end * self.group_rows);
        if self.parts == 1 {
            return first..end;
        }
        let first = first + octet % self.parts * PART_ROWS;
        first..end.min(first + PART_ROWS)
    }
}

/// The patterns of a batch of vectors: of every plane of every octet, which of its rows are driven.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patterns {
    octets: Octets,
    /// Words of eight planes.
    words: usize,
    /// `[vector][octet][word]`, byte `p` of a little-endian word for plane `p`; bytes above the planes repeat the sign.
    bytes: Vec<u64>,
}

impl Patterns {
    /// Cuts the inputs of a row tile into patterns: `rows` of each vector of `inputs` elements, in `planes`
    /// planes of one bit.
    pub(crate) fn cut<T: Copy + Into<i32>>(
        &mut self,
        x: &[T],
        inputs: usize,
        rows: Range<usize>,
        octets: Octets,
        planes: u32,
    ) {
        (self.octets, self.words) = (octets, if planes > 8 { 2 } else { 1 });
        self.bytes.clear();
        self.bytes.resize(x.len() / inputs * self.each(), 0);
        let (words, each) = (self.words, self.each());
        let to = self.bytes.chunks_exact_mut(each);
        vectorised(
            #[inline(always)]
            || {
                for (to, x) in to.zip(x.chunks_exact(inputs)) {
                    gather(&x[rows.clone()], octets, words, to);
                    to.iter_mut().for_each(|word| *word = transpose(u64::from_le(*word)).to_le());
                }
            },
        );
    }

    /// The planes that groups run in a batch, eight groups an octet: bit `g` of a pattern is group `g` of them. Where
    /// planes repeat the sign, those above the last that is run are run like it.
    pub(crate) fn runs_of(&mut self, driven: &Patterns, octets: Octets, rule: RunRule) {
        let groups = octets.groups;
        (self.octets, self.words) = (Octets::new(1, groups), driven.words);
        self.bytes.clear();
        self.bytes.resize(driven.vectors() * self.each(), 0);
        let (words, each) = (self.words, self.each());
        let vectors = self.bytes.chunks_exact_mut(each).zip(driven.bytes.chunks_exact(driven.each()));
        vectorised(
            #[inline(always)]
            || {
                for (to, driven) in vectors {
                    for group in 0..groups {
                        let first = group / octets.groups_each * words;
                        let shift = group % octets.groups_each * octets.group_rows;
                        let of_group = (((1u64 << octets.group_rows) - 1) << shift) * EVERY_PLANE;
                        let mut run = [0; 2];
                        for (run, word) in run.iter_mut().zip(&driven[first..first + words]) {
                            *run = not_zero(u64::from_le(*word) & of_group);
                        }
                        run = rule.apply(run);
                        for (to, run) in to[group / 8 * words..][..words].iter_mut().zip(run) {
                            *to |= (run << (group % 8)).to_le();
                        }
                    }
                }
            },
        );
    }

    /// All patterns, eight planes in a little-endian word, `[vector][octet][word]`.
    pub(crate) fn words(&self) -> &[u64] {
        &self.bytes
    }

    /// The driven rows of a group of at most eight, plane by plane of a vector.
    pub(crate) fn of_group(&self, vector: usize, group: usize) -> impl Fn(u32) -> usize {
        let Octets { group_rows, groups_each, .. } = self.octets;
        let octet = vector * self.each() + group / groups_each * self.words;
        let words = [self.bytes[octet], self.bytes[octet + self.words - 1]].map(u64::from_le);
        let (shift, mask) = (group % groups_each * group_rows, (1 << group_rows) - 1);
        move |plane| (words[plane as usize / 8] >> (8 * (plane % 8)) >> shift) as usize & mask
    }

    /// Their vectors.
    pub(crate) fn vectors(&self) -> usize {
        self.bytes.len() / self.each().max(1)
    }

    /// Words of a vector.
    pub(crate) fn each(&self) -> usize {
        self.octets.count() * self.words
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
            RunRule::All { planes, signed: false } => {
                let below = |planes: u32| if planes >= 8 { u64::MAX } else { (1 << (8 * planes)) - 1 };
                [below(planes) & EVERY_PLANE, below(planes.saturating_sub(8)) & EVERY_PLANE]
            }
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
const EVERY_PLANE: u64 = 0x0101_0101_0101_0101;

/// Bit 0 of every byte that is not 0.
#[inline(always)]
fn not_zero(word: u64) -> u64 {
    const LOW_BITS: u64 = 0x7F * EVERY_PLANE;
    ((((word & LOW_BITS) + LOW_BITS) | word) >> 7) & EVERY_PLANE
}

/// Input `i` of an octet becomes byte `i` of its word, or the lower and upper byte of its two words.
#[inline(always)]
fn gather<T: Copy + Into<i32>>(x: &[T], octets: Octets, words: usize, to: &mut [u64]) {
    let byte = |x: T, word: usize| (x.into() >> (8 * word)) as u8;
    let rows = octets.rows(0).len();
    if rows != 8 {
        let groups = x.chunks(if octets.parts > 1 { octets.group_rows } else { rows });
        for (x, to) in groups.flat_map(|x| x.chunks(rows)).zip(to.chunks_exact_mut(words)) {
            for (word, to) in pulp::bytemuck::cast_slice_mut::<_, [u8; 8]>(to).iter_mut().enumerate() {
                to.iter_mut().zip(x).for_each(|(to, &x)| *to = byte(x, word));
            }
        }
        return;
    }
    // Octets of eight rows follow each other without gaps.
    let bytes = pulp::bytemuck::cast_slice_mut::<_, u8>(to);
    if words == 1 {
        bytes.iter_mut().zip(x).for_each(|(to, &x)| *to = byte(x, 0));
    } else {
        for (to, x) in bytes.as_chunks_mut::<16>().0.iter_mut().zip(x.chunks(8)) {
            let (low, high) = to.split_at_mut(8);
            for ((low, high), &x) in low.iter_mut().zip(high).zip(x) {
                (*low, *high) = (byte(x, 0), byte(x, 1));
            }
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
