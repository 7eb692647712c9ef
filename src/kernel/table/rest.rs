//! What groups add in planes that are run while none of their rows is driven.

use super::row::{COLUMNS, Octet, PATTERNS, Row};
use crate::kernel::Block;

/// Groups whose planes are one byte.
pub(super) const GROUPS: usize = 8;

/// Tables of what groups at rest add, looked up by which of eight groups run a plane.
///
/// The ADC of a group at rest converts nothing but its own offset. That is taken from the words of the group's patterns, so
/// that planes which are not run look up 0, and is added here for those which are.
#[derive(Debug, Clone, Default)]
pub(super) struct Rests {
    /// Octets of groups.
    octets: usize,
    /// `[tile][octet of groups][pattern]`; empty where no group adds anything.
    rows: Vec<Row>,
    /// The largest magnitude of a word.
    pub(super) largest: i32,
}

impl Rests {
    /// Bytes that the tables of a block may take.
    pub(super) fn bytes_of(block: &Block, tiles: usize) -> usize {
        let is_zero = block.has_ideal_adcs() && block.baseline().first().is_none_or(|&at_rest| at_rest == 0);
        if is_zero { 0 } else { tiles * block.groups().div_ceil(GROUPS) * size_of::<Octet>() }
    }

    /// The tables of what each group adds, `[tile][group]`; `None` where a word has not 16 bits.
    pub(super) fn new(groups: usize, rests: &[Vec<[i16; COLUMNS]>]) -> Option<Rests> {
        if rests.iter().flatten().all(|rest| *rest == [0; COLUMNS]) {
            return Some(Rests::default());
        }
        let octets = groups.div_ceil(GROUPS);
        let (mut rows, mut largest) = (Vec::with_capacity(rests.len() * octets * PATTERNS), 1);
        for groups in rests.iter().flat_map(|rests| rests.chunks(GROUPS)) {
            let mut sums = vec![[0i32; COLUMNS]; PATTERNS];
            for (bit, rest) in groups.iter().enumerate() {
                let (done, open) = sums.split_at_mut(1 << bit);
                for (to, from) in open.iter_mut().zip(done) {
                    *to = std::array::from_fn(|at| from[at] + i32::from(rest[at]));
                }
            }
            let magnitude = sums.as_flattened().iter().map(|sum| sum.abs()).max().unwrap_or(0);
            largest = magnitude.max(largest);
            rows.extend(sums.iter().map(|sums| Row(sums.map(|sum| sum as i16))));
        }
        (largest <= i16::MAX.into()).then_some(Rests { octets, rows, largest })
    }

    pub(super) fn are_zero(&self) -> bool {
        self.rows.is_empty()
    }

    /// The octets of one tile.
    pub(super) fn octets(&self, tile: usize) -> &[Octet] {
        &self.rows.as_chunks().0[tile * self.octets..][..self.octets]
    }

    /// What all groups at rest add in one plane at most.
    pub(super) fn magnitude(&self) -> i64 {
        self.octets as i64 * i64::from(self.largest)
    }
}
