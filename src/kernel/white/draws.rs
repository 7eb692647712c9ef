//! Where vectors draw, and what loops leave to be converted again.

use crate::kernel::NoiseKey;
use crate::key::{Draws, Lanes, Streams};

/// Where the draws of some vectors are.
#[derive(Debug, Clone, Default)]
pub(crate) struct VectorDraws {
    pub(super) keys: Vec<NoiseKey>,
    of_array: Vec<Streams>,
    of_group: Vec<Streams>,
    pub(super) odd: OddRows,
}

impl VectorDraws {
    /// Begins an array, which vectors of these keys are run through.
    pub(crate) fn begin(&mut self, keys: impl Iterator<Item = NoiseKey>) {
        self.keys.clear();
        self.keys.extend(keys);
        self.of_array.clear();
        self.of_array.extend(self.keys.iter().map(NoiseKey::white));
    }

    /// Makes room for a vector of so many planes, each of so many rows.
    pub(crate) fn reserve(&mut self, planes: usize, rows: usize) {
        self.keys.reserve(1);
        self.of_array.reserve(1);
        self.of_group.reserve(1);
        self.odd.room(planes * rows);
    }

    /// Looks up where the draws of a group are.
    pub(super) fn look_up(&mut self, group: usize) {
        self.of_group.clear();
        self.of_group.extend(self.of_array.iter().map(|streams| streams.within(group as u64)));
    }

    /// The draws of a vector for the columns of a tile, from its first plane on.
    #[inline(always)]
    pub(super) fn draws<L: Lanes>(&self, cpu: L, vector: usize, tile: usize) -> Draws<L> {
        self.of_group[vector].within(tile as u64).draws(cpu)
    }
}

/// A row of conversions that were not all converted right, since that takes more than the loop can do: the place of the
/// plane, and the row of its pattern.
pub(super) type Odd = (u32, u32);

/// Such rows, which loops write behind those found before: with a branch or a call instead, they would spill registers.
#[derive(Debug, Clone, Default)]
pub(super) struct OddRows {
    pub(super) rows: Vec<Odd>,
    pub(super) found: usize,
}

impl OddRows {
    /// Room for so many further rows.
    #[inline(always)]
    pub(super) fn room(&mut self, rows: usize) -> &mut [Odd] {
        if self.rows.len() < self.found + rows {
            self.rows.resize(2 * (self.found + rows), (0, 0));
        }
        &mut self.rows[self.found..]
    }
}
