//! What a kernel counts.

use std::ops::AddAssign;

/// How much activity is counted. Never changes a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ActivityLevel {
    /// Nothing.
    Off,
    /// Planes, conversions, clipped conversions and driven word lines.
    #[default]
    Counts,
    /// The same, and the energy in the cells.
    CountsAndEnergy,
}

/// Exact counters of executed steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Analog-to-digital conversions.
    pub conversions: u64,
    /// Conversions whose input lay below the lowest code.
    pub clipped_low: u64,
    /// Conversions whose input lay above the highest code.
    pub clipped_high: u64,
    /// Word lines driven with a digit other than 0.
    pub active_word_lines: u64,
    /// Energy in the cells, in the unit of the block's row energies.
    pub energy: u128,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.conversions += other.conversions;
        self.clipped_low += other.clipped_low;
        self.clipped_high += other.clipped_high;
        self.active_word_lines += other.active_word_lines;
        self.energy += other.energy;
    }
}
