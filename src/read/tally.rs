//! The activity of a batch, counted from its patterns.

use std::ops::Range;

use crate::activity::{Activity, ActivityLevel};
use crate::kernel::{Block, Octets, Patterns, Table};
use crate::simd::vectorised;
use crate::stream::{InputFormat, Skip};

/// What arrays side by side have in common: the rows they are driven by, and what those rows cause.
#[derive(Debug, Clone)]
pub(super) struct RowTile {
    /// Elements of an input vector.
    pub(super) inputs: Range<usize>,
    pub(super) octets: Octets,
    group_rows: usize,
    arrays: usize,
    /// Conversions of one step, all arrays together.
    conversions: u64,
    /// Energy of each row in one plane, all arrays together.
    energy: Vec<u128>,
    /// Conversions that each pattern clips, low ones in the lower half of a word, `[octet][pattern]`; empty where
    /// none does.
    clips: Vec<[u64; 256]>,
}

impl RowTile {
    pub(super) fn new(inputs: Range<usize>, blocks: &[Block]) -> Self {
        let octets = Octets::of(&blocks[0]);
        let rows = blocks[0].groups() * blocks[0].group_rows();
        RowTile {
            inputs,
            octets,
            group_rows: blocks[0].group_rows(),
            arrays: blocks.len(),
            conversions: blocks.iter().map(|block| (block.lanes() * block.columns()) as u64).sum(),
            energy: (0..rows).map(|row| blocks.iter().map(|block| block.row_energy(row)).sum()).collect(),
            clips: Vec::new(),
        }
    }

    /// Adds what the patterns of one array clip.
    pub(super) fn add_clips(&mut self, table: &Table) {
        for (octet, clips) in table.clips().iter().enumerate() {
            for (pattern, clips) in clips.iter().enumerate().filter(|(_, clips)| clips.low + clips.high > 0) {
                if self.clips.is_empty() {
                    self.clips.resize(table.clips().len(), [0; 256]);
                }
                self.clips[octet][pattern] += u64::from(clips.low) | u64::from(clips.high) << 32;
            }
        }
    }

    /// Most bytes on the heap, whatever is clipped.
    pub(super) fn most_bytes(&self) -> usize {
        self.octets.count() * size_of::<[u64; 256]>() + size_of_val(&self.energy[..])
    }
}

/// What is counted beside an [`Activity`] while a batch is run.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// Planes of the slowest array so far, by vector.
    latency: Vec<u32>,
    /// Planes of the arrays of one row tile, by vector.
    planes: Vec<u32>,
}

/// Counts of a run of octets.
#[derive(Debug, Default)]
struct Counted {
    /// By planes run; 32, so that no index is checked.
    eic: [u64; 32],
    active_word_lines: u64,
    clips: u64,
}

impl Tally {
    /// Begins a batch of so many vectors.
    pub(super) fn begin(&mut self, vectors: usize) {
        self.latency.clear();
        self.latency.resize(vectors, 0);
        self.planes.resize(vectors, 0);
    }

    /// Ends it: every row tile has been added.
    pub(super) fn end(&self, activity: &mut Activity) {
        let latency = self.latency.iter().map(|&planes| u64::from(planes)).sum();
        activity.add_vectors(self.latency.len() as u64, latency);
    }

    /// Adds what a batch does to the arrays of one row tile.
    pub(super) fn add(
        &mut self,
        tile: &RowTile,
        patterns: &Patterns,
        (format, skip): (InputFormat, Skip),
        level: ActivityLevel,
        activity: &mut Activity,
    ) {
        let mut counted = Counted::default();
        let planes = &mut self.planes[..];
        planes.fill(0);
        let mut energy = 0;
        for (octets, words) in patterns.words() {
            let words = (words, patterns.planes() / 8);
            count(&mut counted, tile, octets.clone(), words, (format, skip), planes);
            if level >= ActivityLevel::CountsAndEnergy {
                for words in words.0.chunks_exact(octets.len() * words.1) {
                    for (octet, words) in octets.clone().zip(words.chunks_exact(patterns.planes() / 8)) {
                        energy += tile.energy_of(octet, words, format, skip);
                    }
                }
            }
        }
        for (latency, &mut planes) in self.latency.iter_mut().zip(planes) {
            *latency = planes.max(*latency);
        }
        let mut run = 0;
        for (eic, &groups) in counted.eic.iter().enumerate().filter(|(_, groups)| **groups > 0) {
            run += eic as u64 * groups;
            let skipped = format.planes().saturating_sub(eic as u32);
            activity.add_groups(eic as u32, skipped, groups * tile.arrays as u64);
        }
        let counts = activity.counts_mut();
        counts.conversions += run * tile.conversions;
        counts.active_word_lines += counted.active_word_lines * tile.arrays as u64;
        counts.clipped_low += counted.clips & u64::from(u32::MAX);
        counts.clipped_high += counted.clips >> 32;
        counts.energy += energy;
    }
}

/// Counts a block of octets, `[vector][octet][word]`, and adds the planes that each vector runs.
fn count(
    counted: &mut Counted,
    tile: &RowTile,
    octets: Range<usize>,
    words: (&[u64], usize),
    (format, skip): (InputFormat, Skip),
    planes: &mut [u32],
) {
    // One loop for every rule, so that none is decided in it.
    macro_rules! count_by {
        ($effective:expr) => {
            vectorised(
                #[inline(always)]
                || count_in(counted, tile, octets, words, planes, $effective),
            )
        };
    }
    let all = format.planes();
    match (format.is_signed(), skip) {
        (_, Skip::Off) => count_by!(
            #[inline(always)]
            |words| (all, words)
        ),
        (false, Skip::LeadingZeros) => count_by!(
            #[inline(always)]
            |words| (highest(words), words)
        ),
        (false, Skip::AllZeroPlanes) => count_by!(
            #[inline(always)]
            |words| (not_zero(words), words)
        ),
        (true, _) => count_by!(
            #[inline(always)]
            |words| signed(words, all, skip)
        ),
    }
}

#[inline(always)]
fn count_in(
    counted: &mut Counted,
    tile: &RowTile,
    octets: Range<usize>,
    (words, each): (&[u64], usize),
    planes: &mut [u32],
    effective: impl Fn([u64; 2]) -> (u32, [u64; 2]),
) {
    for (words, planes) in words.chunks_exact(octets.len() * each).zip(planes) {
        for (at, words) in words.chunks_exact(each).enumerate() {
            let octet = octets.start + at;
            let words = [u64::from_le(words[0]), if each == 2 { u64::from_le(words[1]) } else { 0 }];
            let mut run = [0; 2];
            for group in 0..tile.octets.groups(octet).len() {
                let mask = group_mask(tile.group_rows, group);
                let (eic, words) = effective(words.map(|word| word & mask));
                counted.eic[eic as usize & 31] += 1;
                *planes += eic;
                run = [run[0] | words[0], run[1] | words[1]];
            }
            counted.active_word_lines += u64::from(run[0].count_ones() + run[1].count_ones());
            if let Some(clips) = tile.clips.get(octet) {
                let clipped = |word: u64| {
                    let bytes = word.to_le_bytes();
                    bytes.into_iter().map(|byte| clips[usize::from(byte)]).sum::<u64>()
                };
                counted.clips += clipped(run[0]);
                if each == 2 {
                    counted.clips += clipped(run[1]);
                }
            }
        }
    }
}

impl RowTile {
    /// Energy that one octet of one vector takes.
    fn energy_of(&self, octet: usize, words: &[u64], format: InputFormat, skip: Skip) -> u128 {
        let words = [u64::from_le(words[0]), u64::from_le(words.get(1).copied().unwrap_or(0))];
        let mut energy = 0;
        for group in 0..self.octets.groups(octet).len() {
            let mask = group_mask(self.group_rows, group);
            let (_, run) = effective(words.map(|word| word & mask), format, skip);
            for row in group * self.group_rows..(group + 1) * self.group_rows {
                let of_row = EVERY_PLANE << row;
                let planes = (run[0] & of_row).count_ones() + (run[1] & of_row).count_ones();
                energy += u128::from(planes) * self.energy[self.octets.rows(octet).start + row];
            }
        }
        energy
    }
}

/// Row 0 in every byte.
const EVERY_PLANE: u64 = 0x0101_0101_0101_0101;

/// The rows of one group in every byte of a word.
#[inline(always)]
fn group_mask(group_rows: usize, group: usize) -> u64 {
    let rows = (1u64 << group_rows) - 1;
    (rows << (group * group_rows)) * EVERY_PLANE
}

/// Planes that a group runs, and the patterns of those planes: as [`Schedule`](crate::stream::Schedule) says.
#[inline(always)]
fn effective(words: [u64; 2], format: InputFormat, skip: Skip) -> (u32, [u64; 2]) {
    match (format.is_signed(), skip) {
        (_, Skip::Off) => (format.planes(), words),
        (false, Skip::LeadingZeros) => (highest(words), words),
        (false, Skip::AllZeroPlanes) => (not_zero(words), words),
        (true, _) => signed(words, format.planes(), skip),
    }
}

/// The same for two's complement: planes above the first that repeats the sign are not run.
#[inline(always)]
fn signed(words: [u64; 2], planes: u32, skip: Skip) -> (u32, [u64; 2]) {
    let sign_plane = planes - 1;
    let sign = words[sign_plane as usize / 8] >> (8 * (sign_plane % 8)) & 0xFF;
    let repeated = sign * EVERY_PLANE;
    let values = below(sign_plane);
    let width = highest([(words[0] ^ repeated) & values[0], (words[1] ^ repeated) & values[1]]) + 1;
    let run = below(width);
    let run = [words[0] & run[0], words[1] & run[1]];
    let eic = match skip {
        Skip::LeadingZeros if words == [0; 2] => 0,
        Skip::LeadingZeros => width,
        Skip::Off | Skip::AllZeroPlanes => not_zero(run),
    };
    (eic, run)
}

/// Planes up to the highest in which a row is driven.
#[inline(always)]
fn highest([low, high]: [u64; 2]) -> u32 {
    let planes = |word: u64| (u64::BITS + 7 - word.leading_zeros()) / 8;
    if high == 0 { planes(low) } else { 8 + planes(high) }
}

/// Planes in which a row is driven.
#[inline(always)]
fn not_zero(words: [u64; 2]) -> u32 {
    let planes = |word: u64| word.to_le_bytes().into_iter().map(|byte| u32::from(byte != 0)).sum::<u32>();
    planes(words[0]) + planes(words[1])
}

/// The bytes of the first `planes` planes.
#[inline(always)]
fn below(planes: u32) -> [u64; 2] {
    let word = |planes: u32| if planes >= 8 { u64::MAX } else { (1u64 << (8 * planes)) - 1 };
    [word(planes), word(planes.saturating_sub(8))]
}
