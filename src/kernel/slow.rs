//! Slow noise of a block: states of cells that outlast a plane.

use std::ops::Range;

use super::parts::{check_optional, fits};
use super::{Block, BlockParts, NoiseKey};
use crate::error::{Result, check_integer, check_length, check_real};
use crate::fixed::{FRACTION_BITS, round_real};
use crate::key::{Purpose, Stream};

/// Noise of single cells that outlasts a plane.
///
/// Each cell of a driven row has a deviation, in grid units per unit digit. A step moves the sum of
/// a conversion by
///
/// ```text
/// ⌊Σ_i weight[digit_i] · (deviation_i[first arm] − deviation_i[second arm] − deviation_i[dummy]) / 2¹⁶ + ½⌋
/// ```
///
/// Cells lie in physical order, `[row][cell]` with cell = column · lanes · arms + arm · lanes + lane.
/// A dummy cell per row, which is subtracted from all columns, stands apart in bank 1.
#[derive(Debug, Clone, PartialEq)]
pub struct SlowNoise {
    /// Cells per conversion and row: 2 where a pair is subtracted before the ADC, else 1.
    pub arms: usize,
    /// What the deviation of a cell counts at each digit, in 2⁻¹⁶, from digit 0, which counts 0.
    pub digit_weight: Vec<i64>,
    /// Random telegraph noise.
    pub telegraph: Option<Telegraph>,
    /// 1/f noise.
    pub flicker: Option<Flicker>,
}

/// Cells of two states, trapped and untrapped.
///
/// One draw of 64 bits per cell and plane run: draw `cell` of the stream at (array, row and bank,
/// planes of the group run before in this vector). A probability is in 2⁻⁶⁴, and an event occurs
/// where the draw is below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telegraph {
    /// Deviations in the trapped state, `[row][cell]`.
    pub trapped: Vec<i64>,
    /// Deviations in the untrapped state, `[row][cell]`.
    pub untrapped: Vec<i64>,
    /// Deviations of the dummy cells in the trapped state, `[row]`; empty for none.
    pub dummy_trapped: Vec<i64>,
    /// Deviations of the dummy cells in the untrapped state, `[row]`; empty for none.
    pub dummy_untrapped: Vec<i64>,
    /// Probability of being trapped in the first plane run.
    pub probability: u64,
    /// Probability from one plane run to the next of an untrapped cell being trapped.
    pub capture: u64,
    /// Probability from one plane run to the next of a trapped cell being released.
    pub emission: u64,
    /// What happens between planes.
    pub persistence: Persistence,
}

/// What happens to the states of random telegraph noise between two planes of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Persistence {
    /// Nothing: the first plane's states stay.
    Held,
    /// Cells are trapped and released with the transition probabilities.
    Evolved,
    /// The states are drawn anew, independent of those before.
    Redrawn,
}

/// Noise whose spectrum falls with 1/f: a sum of normal numbers, each held for a number of planes.
///
/// The deviation of a cell is `⌊σ · (w_held z + Σ_k w_k z_k) + ½⌋`. Number `z` stays for the vector;
/// `z_k` is redrawn every `2^k` planes run. All are draw `cell` of streams at (array, row and bank,
/// word), with word 0 for the held number and `(k + 1) · 2³² + (n >> k)` for octave `k` in the plane
/// before which `n` were run.
#[derive(Debug, Clone, PartialEq)]
pub struct Flicker {
    /// σ of every cell, `[row][cell]`.
    pub deviation: Vec<i64>,
    /// σ of the dummy cells, `[row]`; empty for none.
    pub dummy_deviation: Vec<i64>,
    /// Weight of the held number.
    pub held: f64,
    /// Weights of the octaves. All squares add up to 1.
    pub octaves: Vec<f64>,
}

/// Banks of cells in the address of a draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bank {
    Weights = 0,
    Dummies = 1,
}

/// The deviations of one bank's cells, `[row][cell]`; tables are empty for none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cells<'a> {
    pub(super) bank: Bank,
    pub(super) per_row: usize,
    pub(super) trapped: &'a [i64],
    pub(super) untrapped: &'a [i64],
    pub(super) flicker: &'a [i64],
}

/// Largest magnitude of a deviation, in grid units.
const MAX_DEVIATION: i64 = 1 << 48;

/// Most octaves.
const MAX_OCTAVES: i64 = 16;

impl SlowNoise {
    /// The cells of a bank.
    pub(super) fn cells(&self, bank: Bank, block: &Block) -> Cells<'_> {
        let [trapped, untrapped, dummy_trapped, dummy_untrapped] =
            self.telegraph.as_ref().map_or([&[][..]; 4], Telegraph::deviations);
        let [flicker, dummy_flicker] = self.flicker.as_ref().map_or([&[][..]; 2], Flicker::deviations);
        match bank {
            Bank::Weights => {
                let per_row = self.arms * block.lanes() * block.columns();
                Cells { bank, per_row, trapped, untrapped, flicker }
            }
            Bank::Dummies => Cells {
                bank,
                per_row: 1,
                trapped: dummy_trapped,
                untrapped: dummy_untrapped,
                flicker: dummy_flicker,
            },
        }
    }

    /// Whether any deviation may change in the planes run that a row has not seen yet.
    pub(super) fn changes(&self, unseen: &Range<u32>) -> bool {
        let telegraph = self.telegraph.as_ref().is_some_and(|law| law.persistence != Persistence::Held);
        let redraws = |law: &Flicker| (0..law.octaves.len()).any(|octave| law.redraws(octave, unseen));
        unseen.start == 0 || telegraph || self.flicker.as_ref().is_some_and(redraws)
    }

    pub(super) fn check(&self, parts: &BlockParts) -> Result<()> {
        check_integer("cells of a conversion", self.arms, 1, 2)?;
        check_length("digit weights", parts.max_digit as usize + 1, self.digit_weight.len())?;
        check_integer("weight of digit 0", self.digit_weight[0], 0, 0)?;
        for &weight in &self.digit_weight {
            check_integer("digit weight (2⁻¹⁶)", weight, 0, 1 << 32)?;
        }
        let rows = parts.rows();
        let cells = rows * self.arms * parts.conversions();
        if let Some(telegraph) = &self.telegraph {
            check_length("trapped deviations", cells, telegraph.trapped.len())?;
            check_length("untrapped deviations", cells, telegraph.untrapped.len())?;
            check_optional("trapped deviations of dummy cells", rows, telegraph.dummy_trapped.len())?;
            let dummies = telegraph.dummy_trapped.len();
            check_length("untrapped deviations of dummy cells", dummies, telegraph.dummy_untrapped.len())?;
            for deviations in telegraph.deviations() {
                check_deviations("telegraph deviation", deviations, -MAX_DEVIATION)?;
            }
        }
        if let Some(flicker) = &self.flicker {
            check_length("flicker deviations", cells, flicker.deviation.len())?;
            check_optional("flicker deviations of dummy cells", rows, flicker.dummy_deviation.len())?;
            for deviations in flicker.deviations() {
                check_deviations("flicker deviation", deviations, 0)?;
            }
            check_integer("flicker octaves", flicker.octaves.len(), 0, MAX_OCTAVES)?;
            for weight in flicker.weights() {
                check_real("flicker weight", weight, -1.0, 1.0)?;
            }
            let squares = flicker.weights().fold(0.0, |sum, weight| sum + weight * weight);
            check_real("sum of squared flicker weights", squares, 1.0 - 1e-9, 1.0 + 1e-9)?;
        }
        Ok(())
    }

    /// Largest magnitude by which a step can move a sum. Beyond it no partial sum overflows.
    pub(super) fn max_move(&self, parts: &BlockParts) -> Result<i128> {
        let largest = |tables: &[&[i64]]| {
            let cells = tables.iter().flat_map(|table| table.iter());
            i128::from(cells.map(|deviation| deviation.unsigned_abs()).max().unwrap_or(0))
        };
        let telegraph = self.telegraph.as_ref().map_or(0, |telegraph| largest(&telegraph.deviations()));
        // A draw is within 8.3 σ.
        let flicker = self.flicker.as_ref().map_or(0, |flicker| {
            let weights = flicker.weights().fold(0.0, |sum, weight| sum + weight.abs());
            largest(&flicker.deviations()) * 9 * (weights.ceil() as i128) + 1
        });
        // The arms and the dummy.
        let cells = (self.arms + 1) as i128 * parts.group_rows as i128;
        let sum = (telegraph + flicker) * cells * largest(&[&self.digit_weight]);
        fits("slow read noise", sum, i64::BITS - 1)?;
        Ok((sum >> FRACTION_BITS) + 1)
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        let telegraph = self.telegraph.iter().flat_map(Telegraph::deviations);
        let flicker = self.flicker.iter().flat_map(Flicker::deviations);
        telegraph.chain(flicker).map(size_of_val).sum::<usize>() + size_of_val(&self.digit_weight[..])
    }
}

impl Telegraph {
    fn deviations(&self) -> [&[i64]; 4] {
        [&self.trapped, &self.untrapped, &self.dummy_trapped, &self.dummy_untrapped]
    }

    /// The draws of a row's cells in the plane run before which `n` were run.
    pub(super) fn draws(noise: NoiseKey, bank: Bank, row: usize, n: u32) -> Stream {
        noise.key.stream(Purpose::Telegraph, [noise.array, row_place(bank, row), n.into()])
    }
}

impl Flicker {
    fn deviations(&self) -> [&[i64]; 2] {
        [&self.deviation, &self.dummy_deviation]
    }

    /// Whether an octave's numbers in the last plane of `unseen` are not those of the plane before its
    /// first. What has no weight is not drawn.
    pub(super) fn redraws(&self, octave: usize, unseen: &Range<u32>) -> bool {
        let last = |end: u32| (end - 1) >> octave;
        self.octaves[octave] != 0.0 && (unseen.start == 0 || last(unseen.start) != last(unseen.end))
    }

    pub(super) fn weights(&self) -> impl Iterator<Item = f64> {
        std::iter::once(self.held).chain(self.octaves.iter().copied())
    }

    /// The draws of a row's cells that are held for the vector.
    pub(super) fn held_draws(noise: NoiseKey, bank: Bank, row: usize) -> Stream {
        noise.key.stream(Purpose::Flicker, [noise.array, row_place(bank, row), 0])
    }

    /// The draws of a row's cells in an octave, in the plane run before which `n` were run.
    pub(super) fn octave_draws(noise: NoiseKey, bank: Bank, row: usize, octave: usize, n: u32) -> Stream {
        let word = (octave as u64 + 1) << 32 | u64::from(n >> octave);
        noise.key.stream(Purpose::Flicker, [noise.array, row_place(bank, row), word])
    }
}

/// A row of the block in the address of its cells' draws.
fn row_place(bank: Bank, row: usize) -> u64 {
    row as u64 | (bank as u64) << 32
}

/// The deviation of a cell from its σ and its weighted sum of normal numbers.
pub(super) fn flicker_on_grid(deviation: i64, sum: f64) -> i64 {
    round_real(deviation as f64 * sum).unwrap_or_default()
}

fn check_deviations(name: &'static str, deviations: &[i64], min: i64) -> Result<()> {
    deviations.iter().try_for_each(|&deviation| check_integer(name, deviation, min, MAX_DEVIATION))
}
