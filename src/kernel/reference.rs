//! The law: what a step means, one conversion at a time. Slow and obvious.

use super::noise::{
    SIDE_BY_SIDE, common_on_grid, deviation, moved, place, round_word_lines, sampled_code, word_line_offset,
};
use super::slow::{Bank, Cells, flicker_on_grid};
use super::{
    ActivityLevel, Block, Counts, Flicker, NoiseKey, NoiseMethod, Persistence, Quantizer, SlowNoise, Step,
    Telegraph,
};
use crate::fixed::round;

/// One analog-to-digital conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversion {
    /// Column of the block.
    pub column: usize,
    /// Lane of the column.
    pub lane: usize,
    /// Input of the ADC in grid units, its gain and noise included, its offset not, nor white noise by
    /// [`NoiseMethod::Thresholds`], which no sum is drawn of.
    pub sum: i64,
    /// Code before clamping; with [`NoiseMethod::Thresholds`] beyond the range by one at most.
    pub unclamped: i64,
    /// Code.
    pub code: i64,
}

/// Runs one step: adds to `y` (one value per column) and, up to the activity `level`, to `counts`;
/// shows every conversion.
///
/// `noise` is where read noise is drawn; it is needed exactly when [`Block::is_noisy`], and a block
/// without noise draws nothing.
///
/// ```
/// use forms_xbar::kernel::{
///     ActivityLevel, Block, BlockAdcs, BlockParts, Counts, Quantizer, Step, Summands, reference,
/// };
///
/// let block = Block::new(BlockParts {
///     group_rows: 2,
///     groups: 1,
///     lanes: 1,
///     columns: 1,
///     max_digit: 1,
///     max_places: 255,
///     contributions: vec![3 << 16, 2 << 16].into(),
///     summands: Summands::Rows,
///     quantizer: Quantizer::Codes { low: 0, high: 15 },
///     adcs: BlockAdcs::default(),
///     unit: 1,
///     shift: vec![0],
///     negative: vec![true],
///     digit_sum: vec![0],
///     baseline: vec![],
///     noise: None,
///     slow: None,
///     energy: vec![0, 0],
/// })?;
/// let (mut y, mut counts) = ([0], Counts::default());
/// let step = Step { group: 0, plane: 2, run: 0, place: 4, digits: &[1, 1] };
/// let show = |conversion: reference::Conversion| assert_eq!(conversion.code, 5);
/// reference::run(&block, &step, None, ActivityLevel::Counts, &mut y, &mut counts, show);
/// assert_eq!(y, [-4 * 5]);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
///
/// # Panics
///
/// When `y` or the digits of the step do not have the block's shape.
pub fn run(
    block: &Block,
    step: &Step<'_>,
    noise: Option<NoiseKey>,
    level: ActivityLevel,
    y: &mut [i64],
    counts: &mut Counts,
    mut show: impl FnMut(Conversion),
) {
    step.check(block, y);
    let digit_sum: usize = step.digits.iter().map(|&digit| usize::from(digit)).sum();
    let first_row = step.group * block.group_rows();
    let drawn = noise.map(|noise| Drawn::draw(block, step, noise));
    let offsets = noise.map_or(vec![], |noise| word_line_offsets(block, step, noise));
    let slow = noise.zip(block.slow()).map(|(noise, slow)| SlowDeviations::replay(block, slow, step, noise));
    let common = noise.map_or(0, |noise| common_on_grid(block, step, noise));
    let mut counted = Counts::default();
    for (column, y) in y.iter_mut().enumerate() {
        for lane in 0..block.lanes() {
            let mut sum = block.sum(step, lane, column);
            let off = |(row, offset)| offset * block.contribution(row, lane, column);
            sum += round_word_lines((first_row..).zip(&offsets).map(off).sum());
            sum += slow.as_ref().map_or(0, |slow| slow.moved(block, step, lane, column));
            sum -= common;
            let mut unclamped = block.unclamped(lane, column, sum);
            if let (Some(drawn), Some(variance)) = (&drawn, block.variance(step, lane, column)) {
                let place = place(block.lanes(), lane, column);
                let deviation = deviation(block, variance);
                match drawn {
                    Drawn::Gaussian(normals) => {
                        sum += moved(deviation, normals[place]);
                        unclamped = block.unclamped(lane, column, sum);
                    }
                    Drawn::Thresholds(words, noise) => {
                        let further = || noise.further(step.group, step.plane, place);
                        let conversion = lane * block.columns() + column;
                        unclamped = sampled_code(block, conversion, (sum, deviation), words[place], further);
                    }
                }
            }
            let code = block.quantizer().clamp(unclamped);
            counted.conversions += 1;
            if let Quantizer::Codes { low, high } = block.quantizer() {
                counted.clipped_low += u64::from(unclamped < low);
                counted.clipped_high += u64::from(unclamped > high);
            }
            let value = (code * block.unit()) << block.shift(lane);
            *y += step.place * if block.is_negative(step.group, lane, column) { -value } else { value };
            show(Conversion { column, lane, sum, unclamped, code });
        }
        *y += step.place * block.correction(step.group, column, digit_sum);
    }
    if level >= ActivityLevel::CountsAndEnergy {
        counted.energy = block.energy(step);
    }
    if level >= ActivityLevel::Counts {
        counted.active_word_lines = step.digits.iter().filter(|&&digit| digit != 0).count() as u64;
        *counts += counted;
    }
}

/// What a step draws, by place.
enum Drawn {
    Gaussian(Vec<f32>),
    Thresholds(Vec<u16>, NoiseKey),
}

impl Drawn {
    fn draw(block: &Block, step: &Step<'_>, noise: NoiseKey) -> Drawn {
        let places = block.lanes() * block.columns().next_multiple_of(SIDE_BY_SIDE);
        match block.noise().map(|noise| noise.method).unwrap_or_default() {
            NoiseMethod::Gaussian => {
                let mut normals = vec![0.0; places];
                noise.fill_normals(step, block.lanes(), &mut normals);
                Drawn::Gaussian(normals)
            }
            NoiseMethod::Thresholds => {
                let mut words = vec![0; places];
                noise.fill_words(step, block.lanes(), &mut words);
                Drawn::Thresholds(words, noise)
            }
        }
    }
}

/// How far every word line of the group is off; nothing without such noise.
fn word_line_offsets(block: &Block, step: &Step<'_>, key: NoiseKey) -> Vec<i64> {
    let deviation = block.noise().map_or(0, |noise| noise.word_line_deviation);
    if deviation == 0 {
        return vec![];
    }
    let mut draws = key.word_line_draws(step);
    step.digits.iter().map(|_| word_line_offset(deviation, &mut draws)).collect()
}

/// Deviations of the cells in one step, from their addresses alone: every plane run so far is replayed.
struct SlowDeviations<'a> {
    slow: &'a SlowNoise,
    /// `[row of the group][cell]`.
    weights: Vec<Vec<i64>>,
    /// One per row of the group, or none.
    dummies: Vec<Vec<i64>>,
}

impl<'a> SlowDeviations<'a> {
    fn replay(block: &Block, slow: &'a SlowNoise, step: &Step<'_>, key: NoiseKey) -> Self {
        let rows = step.group * block.group_rows()..(step.group + 1) * block.group_rows();
        let bank = |bank| {
            let cells = slow.cells(bank, block);
            let of_row = |row| {
                let telegraph = slow.telegraph.as_ref().map(|law| telegraph(law, &cells, key, row, step.run));
                let flicker = slow.flicker.as_ref().map(|law| flicker(law, &cells, key, row, step.run));
                let at = |deviations: &Option<Vec<i64>>, cell: usize| {
                    deviations.as_ref().map_or(0, |deviations| deviations[cell])
                };
                (0..cells.per_row).map(|cell| at(&telegraph, cell) + at(&flicker, cell)).collect()
            };
            rows.clone().map(of_row).collect()
        };
        SlowDeviations { slow, weights: bank(Bank::Weights), dummies: bank(Bank::Dummies) }
    }

    /// What slow noise moves a sum by.
    fn moved(&self, block: &Block, step: &Step<'_>, lane: usize, column: usize) -> i64 {
        let first = column * block.lanes() * self.slow.arms + lane;
        let of_row = |(row, &digit): (usize, &u8)| {
            let mut deviation = self.weights[row][first] - self.dummies[row][0];
            if self.slow.arms == 2 {
                deviation -= self.weights[row][first + block.lanes()];
            }
            self.slow.digit_weight[usize::from(digit)] * deviation
        };
        round(step.digits.iter().enumerate().map(of_row).sum())
    }
}

/// Telegraph deviations of a row's cells in the plane run before which `run` were run.
fn telegraph(law: &Telegraph, cells: &Cells<'_>, key: NoiseKey, row: usize, run: u32) -> Vec<i64> {
    if cells.trapped.is_empty() {
        return vec![0; cells.per_row];
    }
    let draws = |n| {
        let mut draws = Telegraph::draws(key, cells.bank, row, n);
        (0..cells.per_row).map(|_| draws.bits()).collect::<Vec<_>>()
    };
    let history: Vec<_> = (0..=run).map(draws).collect();
    let deviation = |cell: usize| {
        let mut trapped = history[0][cell] < law.probability;
        for draws in &history[1..] {
            trapped = match law.persistence {
                Persistence::Held => trapped,
                Persistence::Redrawn => draws[cell] < law.probability,
                Persistence::Evolved if trapped => draws[cell] >= law.emission,
                Persistence::Evolved => draws[cell] < law.capture,
            };
        }
        let at = row * cells.per_row + cell;
        if trapped { cells.trapped[at] } else { cells.untrapped[at] }
    };
    (0..cells.per_row).map(deviation).collect()
}

/// 1/f deviations of a row's cells in the plane run before which `run` were run.
fn flicker(law: &Flicker, cells: &Cells<'_>, key: NoiseKey, row: usize, run: u32) -> Vec<i64> {
    if cells.flicker.is_empty() {
        return vec![0; cells.per_row];
    }
    let mut held = vec![0.0; cells.per_row];
    Flicker::held_draws(key, cells.bank, row).fill_normals(&mut held);
    let octave = |octave| {
        let mut numbers = vec![0.0; cells.per_row];
        Flicker::octave_draws(key, cells.bank, row, octave, run).fill_normals(&mut numbers);
        numbers
    };
    let octaves: Vec<_> = (0..law.octaves.len()).map(octave).collect();
    let deviation = |cell: usize| {
        let mut sum = law.held * f64::from(held[cell]);
        for (weight, numbers) in law.octaves.iter().zip(&octaves) {
            sum += weight * f64::from(numbers[cell]);
        }
        flicker_on_grid(cells.flicker[row * cells.per_row + cell], sum)
    };
    (0..cells.per_row).map(deviation).collect()
}
