//! The direct kernel: one vector addition per driven word line. The same bits as the reference.

use std::ops::{Add, AddAssign, BitXor, Mul, Shl, Shr, Sub};

use super::block::{CHUNK, Grid, Words};
use super::noise::{
    SIDE_BY_SIDE, common_on_grid, deviation, moved, place, round_word_lines, sampled_code, word_line_offset,
};
use super::slow_state::SlowState;
use super::{ActivityLevel, Block, BlockNoise, Counts, NoiseKey, NoiseMethod, Quantizer, Step};
use crate::fixed::FRACTION_BITS;

/// The integers sums are kept in: `i32` where the block proves that they suffice, else `i64`.
trait Word:
    Copy
    + Ord
    + Add<Output = Self>
    + AddAssign
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Shl<u32, Output = Self>
    + Shr<u32, Output = Self>
    + BitXor<Output = Self>
    + From<u8>
    + From<bool>
    + Into<i64>
{
    const HALF: Self;

    /// For values that the block has proved to fit.
    fn narrow(value: i64) -> Self;
}

impl Word for i32 {
    const HALF: i32 = 1 << (FRACTION_BITS - 1);

    fn narrow(value: i64) -> i32 {
        value as i32
    }
}

impl Word for i64 {
    const HALF: i64 = 1 << (FRACTION_BITS - 1);

    fn narrow(value: i64) -> i64 {
        value
    }
}

/// Working memory of one thread; grows to the largest block it meets and then allocates no more.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    narrow: Buffers<i32>,
    wide: Buffers<i64>,
    slow: SlowState,
}

#[derive(Debug, Clone, Default)]
struct Buffers<W> {
    /// Where on the grid the summands of the step begin, and what they count.
    summands: Vec<(usize, W)>,
    /// Sums, then codes, `[lane][column]` and padding.
    codes: Vec<W>,
    /// `Σ_l ±2^shift · code` per column.
    totals: Vec<W>,
    /// Variance of each conversion.
    variances: Vec<u64>,
    /// The normal number of each conversion, by place.
    normals: Vec<f32>,
    /// The word of each conversion, by place.
    words: Vec<u16>,
    /// What the noise of word lines and slow noise move each sum by.
    moves: Vec<i64>,
}

impl<W: Word> Buffers<W> {
    fn fit(&mut self, block: &Block) -> &mut Self {
        self.summands.clear();
        self.summands.reserve(block.group_rows());
        self.codes.resize(block.stride(), W::from(0));
        self.totals.resize(block.columns(), W::from(0));
        self
    }

    fn fit_noise(&mut self, block: &Block) {
        if block.is_noisy() {
            let conversions = block.lanes() * block.columns();
            self.variances.resize(conversions, 0);
            self.moves.resize(conversions, 0);
            let places = block.lanes() * block.columns().next_multiple_of(SIDE_BY_SIDE);
            match block.noise().map(|noise| noise.method).unwrap_or_default() {
                NoiseMethod::Gaussian => self.normals.resize(places, 0.0),
                NoiseMethod::Thresholds => self.words.resize(places, 0),
            }
        }
    }
}

impl Workspace {
    /// Reserves what `block` needs.
    pub fn reserve(&mut self, block: &Block) {
        match block.words() {
            Words::Narrow(_) => self.narrow.fit(block).fit_noise(block),
            Words::Wide(_) => self.wide.fit(block).fit_noise(block),
        }
        if let Some(slow) = block.slow() {
            self.slow.reserve(block, slow);
        }
    }
}

/// Runs one step: adds to `y` (one value per column) and to `counts`, as
/// [`reference::run`](super::reference::run) does, up to the activity `level`.
///
/// States of slow noise are kept in `work` while [`Step::run`] of one group, array and vector rises:
/// planes run one after another, of one block, cost least. Any other step replays them.
///
/// # Panics
///
/// When `y` or the digits of the step do not have the block's shape.
pub fn run(
    block: &Block,
    step: &Step<'_>,
    noise: Option<NoiseKey>,
    level: ActivityLevel,
    work: &mut Workspace,
    y: &mut [i64],
    counts: &mut Counts,
) {
    step.check(block, y);
    match block.words() {
        Words::Narrow(grid) => {
            run_in(block, grid, step, noise, level, work.narrow.fit(block), &mut work.slow, y, counts)
        }
        Words::Wide(grid) => {
            run_in(block, grid, step, noise, level, work.wide.fit(block), &mut work.slow, y, counts)
        }
    }
    if level >= ActivityLevel::CountsAndEnergy {
        counts.energy += block.energy(step);
    }
}

/// Shows the noise-free sum of every conversion of a step, in grid units.
pub fn for_each_sum(block: &Block, step: &Step<'_>, work: &mut Workspace, mut show: impl FnMut(i64)) {
    let conversions = block.lanes() * block.columns();
    match block.words() {
        Words::Narrow(grid) => {
            let buffers = work.narrow.fit(block);
            add_rows(block, grid, step, buffers);
            buffers.codes[..conversions].iter().for_each(|&sum| show(sum.into()));
        }
        Words::Wide(grid) => {
            let buffers = work.wide.fit(block);
            add_rows(block, grid, step, buffers);
            buffers.codes[..conversions].iter().for_each(|&sum| show(sum));
        }
    }
}

#[allow(clippy::too_many_arguments)]
fn run_in<W: Word>(
    block: &Block,
    grid: &Grid<W>,
    step: &Step<'_>,
    noise: Option<NoiseKey>,
    level: ActivityLevel,
    buffers: &mut Buffers<W>,
    slow: &mut SlowState,
    y: &mut [i64],
    counts: &mut Counts,
) {
    add_rows(block, grid, step, buffers);
    let codes = &mut buffers.codes[..];
    let clipped = match (noise, block.quantizer()) {
        (Some(noise), _) if block.is_noisy() => {
            move_sums(block, grid, step, noise, buffers, slow);
            quantize_noisy(block, step, noise, buffers)
        }
        _ if !block.has_ideal_adcs() => convert(block, grid, codes),
        (_, Quantizer::PassThrough) => Clipped::default(),
        (_, Quantizer::Codes { low, high }) if level == ActivityLevel::Off => {
            quantize::<W, false>(W::narrow(low), W::narrow(high), codes)
        }
        (_, Quantizer::Codes { low, high }) => quantize::<W, true>(W::narrow(low), W::narrow(high), codes),
    };
    if level >= ActivityLevel::Counts {
        counts.clipped_low += clipped.low;
        counts.clipped_high += clipped.high;
        counts.conversions += (block.lanes() * block.columns()) as u64;
        counts.active_word_lines += step.digits.iter().filter(|&&digit| digit != 0).count() as u64;
    }
    recombine(block, grid, step, buffers, y);
}

/// `sums = Σ contribution · factor` over the summands, a register's worth of columns at a time.
fn add_rows<W: Word>(block: &Block, grid: &Grid<W>, step: &Step<'_>, buffers: &mut Buffers<W>) {
    block.for_each_summand(step, |first, factor| buffers.summands.push((first, W::from(factor))));
    let plain = !block.has_factors() || step.digits.iter().all(|&digit| digit <= 1);
    for (chunk, sums) in buffers.codes.chunks_exact_mut(CHUNK).enumerate() {
        let mut sum = [W::from(0); CHUNK];
        for &(first, factor) in &buffers.summands {
            let row = &grid.contributions[first + chunk * CHUNK..][..CHUNK];
            for (sum, &q) in sum.iter_mut().zip(row) {
                *sum += if plain { q } else { q * factor };
            }
        }
        sums.copy_from_slice(&sum);
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Clipped {
    low: u64,
    high: u64,
}

/// Sums → codes. Padding sums are 0 and never clip.
fn quantize<W: Word, const COUNT: bool>(low: W, high: W, codes: &mut [W]) -> Clipped {
    let (mut clipped_low, mut clipped_high) = ([W::from(0); CHUNK], [W::from(0); CHUNK]);
    for codes in codes.chunks_exact_mut(CHUNK) {
        for (lane, code) in codes.iter_mut().enumerate() {
            let unclamped = (*code + W::HALF) >> FRACTION_BITS;
            if COUNT {
                clipped_low[lane] += W::from(unclamped < low);
                clipped_high[lane] += W::from(unclamped > high);
            }
            *code = unclamped.max(low).min(high);
        }
    }
    let total = |lanes: [W; CHUNK]| lanes.into_iter().map(|lane| lane.into() as u64).sum();
    Clipped { low: total(clipped_low), high: total(clipped_high) }
}

/// Sums → codes by ADCs that are not ideal.
fn convert<W: Word>(block: &Block, grid: &Grid<W>, codes: &mut [W]) -> Clipped {
    let adcs = block.adcs();
    let Quantizer::Codes { low, high } = block.quantizer() else {
        codes.iter_mut().zip(&grid.offset).for_each(|(code, &offset)| *code += offset);
        return Clipped::default();
    };
    if adcs.are_even() {
        codes.iter_mut().zip(&grid.offset).for_each(|(code, &offset)| *code += offset);
        return quantize::<W, true>(W::narrow(low), W::narrow(high), codes);
    }
    let mut clipped = Clipped::default();
    for (at, code) in codes.iter_mut().enumerate().take(block.lanes() * block.columns()) {
        let unclamped = adcs.unclamped(at, (*code).into());
        clipped.low += u64::from(unclamped < low);
        clipped.high += u64::from(unclamped > high);
        *code = W::narrow(unclamped.clamp(low, high));
    }
    clipped
}

/// What each sum moves by beside white noise: word lines that are off, and slow noise.
fn move_sums<W: Word>(
    block: &Block,
    grid: &Grid<W>,
    step: &Step<'_>,
    key: NoiseKey,
    buffers: &mut Buffers<W>,
    slow: &mut SlowState,
) {
    let moves = &mut buffers.moves;
    moves.clear();
    moves.resize(block.lanes() * block.columns(), 0);
    if let Some(noise) = block.noise().filter(|noise| noise.word_line_deviation > 0) {
        let mut draws = key.word_line_draws(step);
        for row in step.group * block.group_rows()..(step.group + 1) * block.group_rows() {
            let offset = word_line_offset(noise.word_line_deviation, &mut draws);
            for (sum, &q) in moves.iter_mut().zip(&grid.contributions[block.alone(row)..]) {
                *sum += offset * q.into();
            }
        }
        moves.iter_mut().for_each(|sum| *sum = round_word_lines(*sum));
    }
    if let Some(noise) = block.slow() {
        slow.add_moves(block, noise, step, key, moves);
    }
}

fn quantize_noisy<W: Word>(
    block: &Block,
    step: &Step<'_>,
    key: NoiseKey,
    buffers: &mut Buffers<W>,
) -> Clipped {
    let (quantizer, mut clipped) = (block.quantizer(), Clipped::default());
    let (lanes, columns) = (block.lanes(), block.columns());
    let white = block.noise().filter(|noise| noise.is_white());
    if let Some(noise) = white {
        add_variances(block, step, noise, &mut buffers.variances);
        let places = lanes * columns.next_multiple_of(SIDE_BY_SIDE);
        match noise.method {
            NoiseMethod::Gaussian => {
                buffers.normals.resize(places, 0.0);
                key.fill_normals(step, lanes, &mut buffers.normals);
            }
            NoiseMethod::Thresholds => {
                buffers.words.resize(places, 0);
                key.fill_words(step, lanes, &mut buffers.words);
            }
        }
    }
    let common = common_on_grid(block, step, key);
    for (at, code) in buffers.codes[..lanes * columns].iter_mut().enumerate() {
        let sum = (*code).into() + buffers.moves[at] - common;
        let place = place(lanes, at / columns, at % columns);
        let unclamped = match white.map(|noise| noise.method) {
            None => block.adcs().unclamped(at, sum),
            Some(NoiseMethod::Gaussian) => {
                let deviation = deviation(block, buffers.variances[at]);
                block.adcs().unclamped(at, sum + moved(deviation, buffers.normals[place]))
            }
            Some(NoiseMethod::Thresholds) => {
                let further = || key.further(step.group, step.plane, place);
                let deviation = deviation(block, buffers.variances[at]);
                sampled_code(block, at, (sum, deviation), buffers.words[place], further)
            }
        };
        if let Quantizer::Codes { low, high } = quantizer {
            clipped.low += u64::from(unclamped < low);
            clipped.high += u64::from(unclamped > high);
        }
        *code = W::narrow(quantizer.clamp(unclamped));
    }
    clipped
}

/// The variance of every conversion's white noise, `[lane][column]`.
fn add_variances(block: &Block, step: &Step<'_>, noise: &BlockNoise, variances: &mut Vec<u64>) {
    let conversions = block.lanes() * block.columns();
    variances.clear();
    variances.resize(conversions, noise.constant);
    let mut add = |row: usize, table: &[u64]| {
        let cells = table.iter().skip(row * conversions);
        variances.iter_mut().zip(cells).for_each(|(variance, cell)| *variance += cell);
    };
    add(step.group, &noise.undriven);
    for (row, digit) in block.driven(step) {
        add(block.at_digit(row, digit), &noise.cells);
    }
}

/// Adds the signed, shifted codes of all lanes and the corrections to the result.
fn recombine<W: Word>(
    block: &Block,
    grid: &Grid<W>,
    step: &Step<'_>,
    buffers: &mut Buffers<W>,
    y: &mut [i64],
) {
    let (columns, totals) = (block.columns(), &mut buffers.totals);
    let signs = &grid.signs[step.group * block.stride()..][..block.stride()];
    totals.fill(W::from(0));
    let lanes = buffers.codes.chunks_exact(columns).zip(signs.chunks_exact(columns)).take(block.lanes());
    for (lane, (codes, signs)) in lanes.enumerate() {
        let shift = block.shift(lane);
        for ((total, &code), &sign) in totals.iter_mut().zip(codes).zip(signs) {
            *total += ((code << shift) ^ sign) - sign;
        }
    }
    // Multiplying 64-bit integers is slow without wide SIMD; places are powers of two.
    let shift = step.place.unsigned_abs().trailing_zeros();
    let sign = step.place >> 63;
    if block.unit() == 1 {
        for (y, &total) in y.iter_mut().zip(&*totals) {
            *y += ((total.into() << shift) ^ sign) - sign;
        }
    } else {
        for (y, &total) in y.iter_mut().zip(&*totals) {
            *y += step.place * block.unit() * total.into();
        }
    }
    if block.has_correction() {
        let digit_sum = step.digits.iter().map(|&digit| usize::from(digit)).sum();
        for (column, y) in y.iter_mut().enumerate() {
            *y += step.place * block.correction(step.group, column, digit_sum);
        }
    }
}
