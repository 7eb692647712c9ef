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
