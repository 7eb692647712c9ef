//! The activity of a batch, counted from its patterns.

use std::ops::Range;

use crate::activity::{Activity, ActivityLevel};
use crate::kernel::{self, Block, EVERY_PLANE, Level, Octets, Patterns, Table, below, group_mask};
use crate::stream::{InputFormat, Skip};

/// What arrays side by side have in common: the rows they are driven by, and what those rows cause.
#[derive(Debug, Clone)]
pub(super) struct RowTile {
    /// Elements of an input vector.
    pub(super) inputs: Range<usize>,
    pub(super) octets: Octets,
    groups: usize,
    group_rows: usize,
    arrays: usize,
    /// Conversions of one step, all arrays together.
    conversions: u64,
    /// Energy of each row in one plane, all arrays together.
    energy: Vec<u128>,
    /// Conversions that each pattern clips, low and high, `[octet][pattern]`; empty where none does.
    clips: [Vec<[u32; 256]>; 2],
    /// Those of planes in which no row of a group is driven, `[group]`; empty where none does.
    rest_clips: [Vec<u64>; 2],
}

impl RowTile {
    pub(super) fn new(inputs: Range<usize>, blocks: &[Block]) -> Self {
        let octets = Octets::of(&blocks[0]);
        let rows = blocks[0].groups() * blocks[0].group_rows();
        RowTile {
            inputs,
            octets,
            groups: blocks[0].groups(),
            group_rows: blocks[0].group_rows(),
            arrays: blocks.len(),
            conversions: blocks.iter().map(|block| (block.lanes() * block.columns()) as u64).sum(),
            energy: (0..rows).map(|row| blocks.iter().map(|block| block.row_energy(row)).sum()).collect(),
            clips: Default::default(),
            rest_clips: Default::default(),
        }
    }

    /// Rows of an array, those without an input too.
    pub(super) fn rows(&self) -> usize {
        self.groups * self.group_rows
    }

    /// Adds what the patterns of one array clip.
    pub(super) fn add_clips(&mut self, table: &Table) {
        for (side, sums) in self.clips.iter_mut().enumerate() {
            let clips = table.clips().iter().map(|clips| &clips[side]);
            if clips.clone().any(|clips| *clips != [0; 256]) {
                sums.reserve_exact(table.clips().len() - sums.len());
                sums.resize(table.clips().len(), [0; 256]);
                for (sums, clips) in sums.iter_mut().zip(clips) {
                    sums.iter_mut().zip(clips).for_each(|(sum, clips)| *sum += clips);
                }
            }
        }
        for (sums, clips) in self.rest_clips.iter_mut().zip(table.rest_clips()) {
            if clips.iter().any(|&clips| clips > 0) {
                sums.reserve_exact(clips.len() - sums.len());
                sums.resize(clips.len(), 0);
                sums.iter_mut().zip(clips).for_each(|(sum, &clips)| *sum += u64::from(clips));
            }
        }
    }

    /// Most bytes, whatever is clipped.
    pub(super) fn most_bytes(&self) -> usize {
        let of_groups = self.groups * size_of::<[u64; 2]>() + size_of_val(&self.energy[..]);
        size_of::<RowTile>() + self.octets.count() * size_of::<[[u32; 256]; 2]>() + of_groups
    }
}

/// What is counted beside an [`Activity`] while a batch is run.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// Planes of the slowest array so far, by vector.
    latency: Vec<u32>,
    /// Planes of the arrays of one row tile, by vector.
    planes: Vec<u32>,
    /// Planes that one group of every bundle of octets runs, `[bundle][vector]`.
    eic: Vec<u8>,
    /// Patterns of the planes that are run, where inputs have a sign that may be repeated above them.
    run: Vec<u64>,
    /// Planes in which each row is driven.
    driven: Vec<u64>,
    /// What planes that are not run would clip, low and high.
    unrun_clips: [u64; 2],
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
        (cpu, level): (Level, ActivityLevel),
        tile: &RowTile,
        patterns: &Patterns,
        rule: (InputFormat, Skip),
        activity: &mut Activity,
    ) {
        let words = patterns.words();
        let run = if patterns.words_of_octet() == 1 {
            self.count_planes::<1>(cpu, tile, words, rule, activity)
        } else {
            self.count_planes::<2>(cpu, tile, words, rule, activity)
        };
        let words = if rule.0.is_signed() { &self.run[..] } else { words };
        let counts = activity.counts_mut();
        counts.conversions += run * tile.conversions;
        counts.active_word_lines += count_ones(cpu, words) * tile.arrays as u64;
        let [low, high] = tile.clips.each_ref().map(|clips| count_clips(clips, words));
        // Planes that are not run were looked up like such in which no row is driven.
        counts.clipped_low += low - self.unrun_clips[0];
        counts.clipped_high += high - self.unrun_clips[1];
        if level >= ActivityLevel::CountsAndEnergy {
            counts.energy += tile.energy_of(cpu, words, patterns, &mut self.driven);
        }
    }

    /// Counts the planes that groups run, `WORDS` words of patterns an octet, and keeps the patterns of those
    /// planes where some are left out; all planes run.
    fn count_planes<const WORDS: usize>(
        &mut self,
        cpu: Level,
        tile: &RowTile,
        words: &[u64],
        (format, skip): (InputFormat, Skip),
        activity: &mut Activity,
    ) -> u64 {
        // An octet has several groups, or a group several octets.
        let parts = tile.octets.parts();
        let (vectors, octets) = (self.latency.len(), tile.octets.count() / parts);
        let all = format.planes();
        let groups = tile.octets.groups(0).len();
        let mut histogram = [0u64; 17];
        self.planes.fill(0);
        self.run.clear();
        let looked_up = (8 * WORDS * vectors) as u64;
        self.unrun_clips = [0; 2];
        if format.is_signed() {
            self.run.resize(words.len(), 0);
        }
        if skip == Skip::Off {
            let run = below(all).map(u64::to_le);
            for (run, (words, of)) in self.run.iter_mut().zip(words.iter().zip(run[..WORDS].iter().cycle())) {
                *run = words & of;
            }
            histogram[all as usize] = (vectors * tile.groups) as u64;
            self.planes.fill(all * tile.groups as u32);
            for (unrun, clips) in self.unrun_clips.iter_mut().zip(&tile.rest_clips) {
                *unrun = clips.iter().sum::<u64>() * (looked_up - u64::from(all) * vectors as u64);
            }
        } else {
            self.eic.resize(vectors * octets, 0);
            for group in 0..groups {
                if parts == 1 {
                    let mask = group_mask(tile.group_rows, group);
                    self.effective::<WORDS, 1>(cpu, (words, 1), mask, (all, format.is_signed()), skip);
                } else {
                    self.effective::<WORDS, 0>(
                        cpu,
                        (words, parts),
                        u64::MAX,
                        (all, format.is_signed()),
                        skip,
                    );
                }
                for eic in self.eic.chunks_exact(vectors.max(1)) {
                    self.planes.iter_mut().zip(eic).for_each(|(planes, &eic)| *planes += u32::from(eic));
                }
                add_histogram(cpu, &self.eic, all, &mut histogram);
                for (unrun, clips) in self.unrun_clips.iter_mut().zip(&tile.rest_clips) {
                    let eic = self.eic.chunks_exact(vectors.max(1));
                    for (eic, &clips) in eic.zip(clips.iter().skip(group).step_by(groups)) {
                        *unrun += clips * (looked_up - eic.iter().map(|&eic| u64::from(eic)).sum::<u64>());
                    }
                }
            }
            // Groups that the last octet lacks run no plane, but are none.
            histogram[0] -= (vectors * (groups * octets - tile.groups)) as u64;
        }
        for (latency, &planes) in self.latency.iter_mut().zip(&self.planes) {
            *latency = planes.max(*latency);
        }
        for (eic, &groups) in histogram.iter().enumerate().filter(|(_, groups)| **groups > 0) {
            activity.add_groups(eic as u32, all - eic as u32, groups * tile.arrays as u64);
        }
        histogram.iter().enumerate().map(|(eic, groups)| eic as u64 * groups).sum()
    }

    /// The planes that one group of every octet runs, as [`Schedule`](crate::stream::Schedule) says, or every group
    /// of `parts` octets; `PARTS` of them, 0 for any number.
    fn effective<const WORDS: usize, const PARTS: usize>(
        &mut self,
        cpu: Level,
        (words, parts): (&[u64], usize),
        mask: u64,
        (planes, is_signed): (u32, bool),
        skip: Skip,
    ) {
        let words = words.as_chunks::<WORDS>().0;
        let masked = |words: &[u64; WORDS]| words.map(|word| u64::from_le(word) & mask);
        cpu.run(
            #[inline(always)]
            || {
                let parts = if PARTS > 0 { PARTS } else { parts };
                let driven = |words: &[[u64; WORDS]]| union(words.iter().map(masked));
                let eic = self.eic.iter_mut().zip(words.chunks_exact(parts));
                match (is_signed, skip) {
                    (false, Skip::LeadingZeros) => eic.for_each(|(eic, words)| *eic = highest(driven(words))),
                    (false, _) => eic.for_each(|(eic, words)| *eic = not_zero(driven(words))),
                    (true, _) => {
                        let run = self.run.as_chunks_mut::<WORDS>().0.chunks_exact_mut(parts);
                        for ((eic, words), run) in eic.zip(run) {
                            let magnitude = union(words.iter().map(|words| magnitude(masked(words), planes)));
                            let run_planes;
                            (*eic, run_planes) = signed(driven(words), magnitude, skip);
                            for (run, words) in run.iter_mut().zip(words) {
                                let words = masked(words).into_iter().zip(run_planes);
                                run.iter_mut().zip(words).for_each(|(run, (word, of))| {
                                    *run |= (word & of).to_le();
                                });
                            }
                        }
                    }
                }
            },
        );
    }
}

/// How many bytes have each value up to `most`.
fn add_histogram(cpu: Level, bytes: &[u8], most: u32, histogram: &mut [u64; 17]) {
    cpu.run(
        #[inline(always)]
        || {
            // Sums of 128 comparisons fit a byte.
            for bytes in bytes.chunks(128) {
                for (value, count) in histogram.iter_mut().enumerate().take(most as usize + 1) {
                    *count += u64::from(bytes.iter().map(|&byte| u8::from(byte == value as u8)).sum::<u8>());
                }
            }
        },
    );
}

/// Rows driven in all planes together.
fn count_ones(cpu: Level, words: &[u64]) -> u64 {
    cpu.run(
        #[inline(always)]
        || words.iter().map(|word| u64::from(word.count_ones())).sum(),
    )
}

/// What the patterns of a batch clip, `[octet][vector][word]`.
#[inline(always)]
fn count_clips(clips: &[[u32; 256]], words: &[u64]) -> u64 {
    if clips.is_empty() {
        return 0;
    }
    let words: &[[u8; 8]] = pulp::bytemuck::cast_slice(words);
    let of_octet = |(clips, words): (&[u32; 256], &[[u8; 8]])| {
        // Eight of them fit a word, a batch does not.
        let clipped = |planes: &[u8; 8]| planes.iter().map(|&plane| clips[usize::from(plane)]).sum::<u32>();
        words.iter().map(|planes| u64::from(clipped(planes))).sum::<u64>()
    };
    clips.iter().zip(words.chunks_exact((words.len() / clips.len()).max(1))).map(of_octet).sum()
}

impl RowTile {
    /// Energy that patterns take, laid out like a batch's: what their rows take, however they are combined.
    /// `driven` becomes the planes in which each row is driven.
    fn energy_of(&self, cpu: Level, words: &[u64], patterns: &Patterns, driven: &mut Vec<u64>) -> u128 {
        driven.clear();
        driven.resize(self.energy.len(), 0);
        let (parts, each) = (self.octets.parts(), patterns.words_of_octet());
        let bundles = words.chunks_exact((patterns.vectors() * parts * each).max(1));
        cpu.run(
            #[inline(always)]
            || {
                for (bundle, words) in bundles.enumerate() {
                    for words in words.chunks_exact(parts * each) {
                        for (part, words) in words.chunks_exact(each).enumerate() {
                            let rows = self.octets.rows(bundle * parts + part);
                            for (row, driven) in driven[rows].iter_mut().enumerate() {
                                for word in words {
                                    *driven += u64::from((word & (EVERY_PLANE << row)).count_ones());
                                }
                            }
                        }
                    }
                }
            },
        );
        driven.iter().zip(&self.energy).map(|(&driven, energy)| u128::from(driven) * energy).sum()
    }
}

/// All rows of some words.
#[inline(always)]
fn union<const WORDS: usize>(words: impl Iterator<Item = [u64; WORDS]>) -> [u64; WORDS] {
    words.fold([0; WORDS], |mut union, words| {
        union.iter_mut().zip(words).for_each(|(union, word)| *union |= word);
        union
    })
}

/// Rows that differ from the sign of two's complement.
#[inline(always)]
fn magnitude<const WORDS: usize>(mut words: [u64; WORDS], planes: u32) -> [u64; WORDS] {
    let sign_plane = planes - 1;
    let sign = words[sign_plane as usize / 8] >> (8 * (sign_plane % 8)) & 0xFF;
    for (word, values) in words.iter_mut().zip(below(sign_plane)) {
        *word = (*word ^ (sign * EVERY_PLANE)) & values;
    }
    words
}

/// Planes that a group of two's-complement inputs runs, counted and as bytes of ones: planes above the first
/// that repeats the sign are not run.
#[inline(always)]
fn signed<const WORDS: usize>(driven: [u64; WORDS], magnitude: [u64; WORDS], skip: Skip) -> (u8, [u64; 2]) {
    let width = highest(magnitude) + 1;
    let run = below(width.into());
    let mut run_driven = driven;
    run_driven.iter_mut().zip(run).for_each(|(word, run)| *word &= run);
    let eic = match skip {
        Skip::AllZeroPlanes => not_zero(run_driven),
        _ if driven == [0; WORDS] => 0,
        _ => width,
    };
    (eic, run)
}

/// Planes up to the highest in which a row is driven.
#[inline(always)]
fn highest<const WORDS: usize>(words: [u64; WORDS]) -> u8 {
    let mut planes = 0;
    for (at, word) in words.into_iter().enumerate() {
        let here = (u64::BITS + 7 - word.leading_zeros()) / 8;
        planes = if word == 0 { planes } else { 8 * at as u32 + here };
    }
    planes as u8
}

/// Planes in which a row is driven.
#[inline(always)]
fn not_zero<const WORDS: usize>(words: [u64; WORDS]) -> u8 {
    words.into_iter().map(|word| kernel::not_zero(word).count_ones() as u8).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_clips_than_a_word_holds_are_counted() {
        // For every pattern; far beyond 32 bits in a batch.
        let clips = vec![[1 << 28; 256]; 2];
        let words = vec![u64::MAX; 2 * 50];
        assert_eq!(count_clips(&clips, &words), 8 * words.len() as u64 * (1 << 28));
    }
}
