//! Which rows a batch drives, plane by plane, as the addresses of tables.

use std::ops::Range;

use super::Block;
use super::table::blocks;
use crate::simd::vectorised;

/// How the rows of a block are gathered in eights: whole groups, as many as have at most eight rows together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Octets {
    group_rows: usize,
    groups: usize,
    /// Groups of one octet.
    groups_each: usize,
}

impl Octets {
    pub(crate) fn of(block: &Block) -> Self {
        Octets::new(block.group_rows(), block.groups())
    }

    pub(crate) fn new(group_rows: usize, groups: usize) -> Self {
        Octets { group_rows, groups, groups_each: (8 / group_rows).max(1) }
    }

    pub(crate) fn count(&self) -> usize {
        self.groups.div_ceil(self.groups_each)
    }

    /// Groups of an octet.
    pub(crate) fn groups(&self, octet: usize) -> Range<usize> {
        let first = octet * self.groups_each;
        first..self.groups.min(first + self.groups_each)
    }

    /// Rows of an octet.
    pub(crate) fn rows(&self, octet: usize) -> Range<usize> {
        let groups = self.groups(octet);
        groups.start * self.group_rows..groups.end * self.group_rows
    }
}

/// The patterns of a batch of vectors: of every plane of every octet, which of its rows are driven.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patterns {
    vectors: usize,
    octets: usize,
    depth: usize,
    /// Words of eight planes.
    words: usize,
    /// `[block of octets][vector][octet of the block][word]`, byte `p` of a word for plane `p`.
    bytes: Vec<u64>,
}

impl Patterns {
    /// Cuts the inputs of a row tile into patterns: `rows` of each vector of `inputs` elements, in `planes`
    /// planes of one bit, octets in blocks of at most `depth`.
    pub(crate) fn cut<T: Copy + Into<i32>>(
        &mut self,
        x: &[T],
        inputs: usize,
        rows: Range<usize>,
        octets: Octets,
        planes: u32,
        depth: usize,
    ) {
        self.vectors = x.len() / inputs;
        self.octets = octets.count();
        self.depth = depth;
        self.words = if planes > 8 { 2 } else { 1 };
        self.bytes.clear();
        self.bytes.resize(self.vectors * self.octets * self.words, 0);
        // Bits above the planes repeat the sign.
        let mask = (1u32 << planes) - 1;
        let Patterns { vectors, words, bytes, .. } = self;
        let (vectors, words) = (*vectors, *words);
        for block in blocks(octets.count(), depth) {
            let to = &mut bytes[block.start * vectors * words..][..block.len() * vectors * words];
            let to = to.chunks_exact_mut(block.len() * words);
            vectorised(
                #[inline(always)]
                || {
                    for (to, x) in to.zip(x.chunks_exact(inputs)) {
                        let x = &x[rows.clone()];
                        for (octet, to) in block.clone().zip(to.chunks_exact_mut(words)) {
                            let rows = octets.rows(octet);
                            let x = &x[rows.start.min(x.len())..rows.end.min(x.len())];
                            cut_octet(x, mask, to);
                        }
                    }
                },
            );
        }
    }

    /// Blocks of octets: which octets, and their patterns, `[vector][octet][plane]`.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = (Range<usize>, &[u8])> {
        self.words().map(|(block, words)| (block, pulp::bytemuck::cast_slice(words)))
    }

    /// The same with eight planes in a word of little-endian bytes.
    pub(crate) fn words(&self) -> impl Iterator<Item = (Range<usize>, &[u64])> {
        let each = self.vectors * self.words;
        blocks(self.octets, self.depth)
            .map(move |block| (block.clone(), &self.bytes[block.start * each..block.end * each]))
    }

    /// Planes that a word of patterns has room for: 8 or 16.
    pub(crate) fn planes(&self) -> usize {
        8 * self.words
    }
}

/// Bit `i` of byte `p` of the words becomes bit `p` of input `i`.
#[inline(always)]
fn cut_octet<T: Copy + Into<i32>>(x: &[T], mask: u32, words: &mut [u64]) {
    let mut bytes = [[0; 8]; 2];
    if let Some(x) = x.as_chunks::<8>().0.first() {
        for (i, &x) in x.iter().enumerate() {
            let x = x.into() as u32 & mask;
            (bytes[0][i], bytes[1][i]) = (x as u8, (x >> 8) as u8);
        }
    } else {
        for (i, &x) in x.iter().enumerate() {
            let x = x.into() as u32 & mask;
            (bytes[0][i], bytes[1][i]) = (x as u8, (x >> 8) as u8);
        }
    }
    for (word, bytes) in words.iter_mut().zip(bytes) {
        // To be looked at as bytes: the first plane comes first in memory.
        *word = transpose(u64::from_le_bytes(bytes)).to_le();
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
