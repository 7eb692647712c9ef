//! The law: what a step means, one conversion at a time. Slow and obvious.

use super::noise::{common_on_grid, normal_on_grid};
use super::{ActivityLevel, Block, Counts, NoiseKey, Quantizer, Step};

/// One analog-to-digital conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversion {
    /// Column of the block.
    pub column: usize,
    /// Lane of the column.
    pub lane: usize,
    /// Input of the ADC in grid units, noise included.
    pub sum: i64,
    /// Code before clamping.
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
/// use forms_xbar::kernel::{ActivityLevel, Block, BlockParts, Counts, Quantizer, Step, reference};
///
/// let block = Block::new(BlockParts {
///     group_rows: 2,
///     groups: 1,
///     lanes: 1,
///     columns: 1,
///     max_digit: 1,
///     max_places: 255,
///     contributions: vec![3 << 16, 2 << 16],
///     quantizer: Quantizer::Codes { low: 0, high: 15 },
///     unit: 1,
///     shift: vec![0],
///     negative: vec![true],
///     digit_sum: vec![0],
///     baseline: vec![],
///     noise: None,
///     energy: vec![0, 0],
/// })?;
/// let (mut y, mut counts) = ([0], Counts::default());
/// let step = Step { group: 0, plane: 2, place: 4, digits: &[1, 1] };
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
    let mut draws = noise.map(|noise| noise.draws(step));
    let common = noise.map_or(0, |noise| common_on_grid(block, step, noise));
    let mut counted = Counts::default();
    for (column, y) in y.iter_mut().enumerate() {
        for lane in 0..block.lanes() {
            let mut sum = 0;
            for (row, &digit) in step.digits.iter().enumerate() {
                let row = step.group * block.group_rows() + row;
                sum += i64::from(digit) * block.contribution(row, lane, column);
            }
            if let (Some(draws), Some(variance)) = (&mut draws, block.variance(step, lane, column)) {
                sum += normal_on_grid(block, variance, draws) - common;
            }
            let unclamped = block.quantizer().unclamped(sum);
            let code = block.quantizer().code(sum);
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
