//! Noise that is fresh in every plane, at addresses: white noise and that of word-line drivers.

use super::parts::WORD_LINE_BITS;
use super::{Block, Quantizer, Step};
use crate::error::{Error, Result};
use crate::fixed::{ONE, round_real};
use crate::key::{CERTAIN, Key, Purpose, Stream, Streams, chance, quick_normal};

/// How the white noise of a conversion is drawn. Either way the codes have the distribution of the code of the sum plus
/// a normal number; which draws stand for which codes differs.
///
/// **Equation.** Of a conversion with the sum `s` and noise of the deviation `σ`:
///
/// ```text
/// Gaussian      code = quantise(s + round(σ Φ⁻¹((w + ½) / 2³²)))                  w of 32 bits
/// Thresholds    code = the largest c with u < round(2³² Φ((s − edge(c)) / σ))     u of 32 bits, the lowest code without one
/// ```
///
/// **Units.** Grid units of 2⁻¹⁶ LSB. **Valid range.** Any deviation that a block takes; `Thresholds` only where there is
/// an ADC. **Drawn.** At every conversion, at an address of its own. **Source.** A sum of independent normal numbers is one;
/// the rest is our choice. [`Design::noise_advice`](crate::Design::noise_advice) says which costs less.
///
/// ```
/// use forms_xbar::{Budget, Key, NoiseMethod, ReadNoise, Weights, presets};
///
/// let noise = ReadNoise::new(0.02, 0.0)?;
/// let forms = presets::forms().input_bits(8).read_noise(noise);
/// let design = forms.noise_method(NoiseMethod::Thresholds).build()?;
/// let die = design.program_keyed(&Weights::from_row_slice(8, 1, 8, &[85; 8])?, Key::from(1))?;
/// // One law for every kernel.
/// let prepared = die.prepare(Budget::default())?;
/// assert_eq!(prepared.mvm_keyed(&[255u8; 8], Key::from(2))?, die.mvm_keyed(&[255u8; 8], Key::from(2))?);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum NoiseMethod {
    /// One normal number a conversion, the quantile of 32 bits, within 4 · 10⁻⁵ of it and of 6.4 σ, in single
    /// precision; times the deviation it is rounded to the grid.
    #[default]
    Gaussian,
    /// One number of 16 bits a conversion, and 16 further ones where these leave the code open, against the chance
    /// of every code in 2⁻³².
    Thresholds,
}

impl NoiseMethod {
    /// Only codes have thresholds.
    pub(crate) fn check(self, passes_through: bool) -> Result<()> {
        if self == NoiseMethod::Thresholds && passes_through {
            return Err(Error::Conflict {
                first: "noise by thresholds",
                second: "no ADC",
                why: "only codes have thresholds",
            });
        }
        Ok(())
    }
}

/// Conversions of a lane whose draws lie side by side.
pub(super) const SIDE_BY_SIDE: usize = 32;

/// Blocks of eight draws that they take, as halves
pub(super) const BLOCKS_OF_NORMALS: usize = SIDE_BY_SIDE / 16;

/// and as quarters.
pub(super) const BLOCKS_OF_WORDS: usize = SIDE_BY_SIDE / 32;

/// Where the read noise of one vector on one array is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoiseKey {
    /// Key of the vector.
    pub key: Key,
    /// Place of the array on its die.
    pub array: u64,
}

impl NoiseKey {
    /// The draws of all groups, group by group and for [`SIDE_BY_SIDE`] columns each.
    ///
    /// There, planes follow each other, and lanes in them: every conversion takes a word of its own, and neither a plane
    /// that is not run nor a further column shifts any.
    pub(super) fn white(&self) -> Streams {
        self.key.streams(Purpose::ReadNoise, self.array)
    }

    /// The normal numbers of a step, by [`place`].
    pub(super) fn fill_normals(&self, step: &Step<'_>, lanes: usize, normals: &mut [f32]) {
        for (tile, normals) in normals.chunks_mut(lanes * SIDE_BY_SIDE).enumerate() {
            self.draws(step, tile, BLOCKS_OF_NORMALS * lanes).fill_quick_normals(normals);
        }
    }

    /// The quarters of draws of a step, the lowest first, by [`place`].
    pub(super) fn fill_words(&self, step: &Step<'_>, lanes: usize, words: &mut [u16]) {
        for (tile, words) in words.chunks_mut(lanes * SIDE_BY_SIDE).enumerate() {
            let mut draws = self.draws(step, tile, BLOCKS_OF_WORDS * lanes);
            for words in words.chunks_mut(4) {
                let bits = draws.bits();
                words.iter_mut().enumerate().for_each(|(at, word)| *word = (bits >> (16 * at)) as u16);
            }
        }
    }

    /// Those of some columns in a step, whose planes take so many blocks of draws each.
    fn draws(&self, step: &Step<'_>, tile: usize, blocks: usize) -> Stream {
        let mut draws = self.white().stream([step.group as u64, tile as u64]);
        draws.skip(step.plane as usize * blocks);
        draws
    }

    /// Sixteen further bits of a conversion.
    pub(super) fn further(&self, group: usize, plane: u32, place: usize) -> u16 {
        let step = (group as u64) << 32 | u64::from(plane);
        self.key.stream(Purpose::ReadNoiseTie, [self.array, step, place as u64]).bits() as u16
    }

    /// The draws of one step's word lines: row `i` of the group takes draw `i`.
    pub(super) fn word_line_draws(&self, step: &Step<'_>) -> Stream {
        self.stream(Purpose::WordLineNoise, step)
    }

    fn stream(&self, purpose: Purpose, step: &Step<'_>) -> Stream {
        self.key.stream(purpose, [self.array, step.group as u64, step.plane.into()])
    }
}

/// Where among the words of a step a conversion has its own: 32 columns of every lane, then the next 32, so that further
/// columns move none.
pub(super) fn place(lanes: usize, lane: usize, column: usize) -> usize {
    (column / SIDE_BY_SIDE * lanes + lane) * SIDE_BY_SIDE + column % SIDE_BY_SIDE
}

/// The deviation of a variance, in grid units.
#[inline(always)]
pub(super) fn deviation(block: &Block, variance: u64) -> f64 {
    // No variance reaches 2⁶³, and signed words are converted faster.
    (variance as i64 as f64).sqrt() * (1u64 << block.deviation_unit_bits()) as f64
}

/// [`NoiseMethod::Gaussian`]: what a normal number moves a sum by, in single precision and to the nearest grid unit,
/// halves to even.
pub(super) fn moved(deviation: f64, normal: f32) -> i64 {
    (deviation as f32 * normal).round_ties_even() as i64
}

/// Deviation beyond which so many codes are within reach that they are not tried one after another: 4 LSB.
const MUCH: f64 = (4 * ONE) as f64;

/// [`NoiseMethod::Thresholds`]: the code before clamping, which never lies further beyond the range than by one.
///
/// A code is at least `c` where the number of the 16-bit word and `further` 16 bits is below the chance of that, in 2⁻³².
/// The word counts as two's complement, from −2¹⁵.
pub(super) fn sampled_code(
    block: &Block,
    conversion: usize,
    (sum, deviation): (i64, f64),
    word: u16,
    further: impl FnOnce() -> u16,
) -> i64 {
    let Quantizer::Codes { low, high } = block.quantizer() else { return sum };
    let adcs = block.adcs();
    let chance_of = |code: i64| threshold(sum as f64, adcs.edge(conversion, code) as f64, 1.0 / deviation);
    let upper = i64::from(word as i16) + (1 << 15);
    // Without a further word where none is met.
    let mut number = upper << 16;
    let mut further = Some(further);
    let mut is_below = |chance: i64| {
        if chance >> 16 == upper
            && let Some(further) = further.take()
        {
            number |= i64::from(further());
        }
        number < chance
    };
    // Chances fall with the code, so that the search ends at the first that is not met, or that is.
    let code_of = |sum: i64| adcs.unclamped(conversion, sum).clamp(low - 1, high + 1);
    if deviation > MUCH {
        // Beyond the reach of noise chances are certain; what lies within is halved.
        let reach = (CERTAIN * deviation) as i64 + 2;
        let (mut reached, mut missed) = (code_of(sum - reach), code_of(sum + reach) + 1);
        while missed - reached > 1 {
            let middle = reached + (missed - reached) / 2;
            if is_below(chance_of(middle)) { reached = middle } else { missed = middle }
        }
        return reached;
    }
    let mut code = code_of(sum);
    while code <= high && is_below(chance_of(code + 1)) {
        code += 1;
    }
    while code >= low && !is_below(chance_of(code)) {
        code -= 1;
    }
    code
}

/// The chance that the noisy sum reaches the edge of a code, in 2⁻³²; by the reciprocal of the deviation.
#[inline(always)]
pub(super) fn threshold(sum: f64, edge: f64, steepness: f64) -> i64 {
    // Whole numbers below 2⁵³: exact. Without noise a sum that is there gets ∞ or no number, for certain either way.
    chance((sum - edge) * steepness)
}

/// The code before clamping of one conversion of a group's pattern with white noise, from its word: the code of its place
/// in a step, as the reference has it.
pub(super) fn white_code(
    block: &Block,
    (group, pattern): (usize, usize),
    (lane, column): (usize, usize),
    word: u32,
    further: impl FnOnce() -> u16,
) -> i64 {
    let (sum, variance) = block.of_pattern(group, pattern, lane, column);
    let (conversion, deviation) = (lane * block.columns() + column, deviation(block, variance));
    match block.noise().map(|noise| noise.method).unwrap_or_default() {
        NoiseMethod::Gaussian => {
            block.adcs().unclamped(conversion, sum + moved(deviation, quick_normal(word)))
        }
        NoiseMethod::Thresholds => sampled_code(block, conversion, (sum, deviation), word as u16, further),
    }
}

/// A normal number of the given variance (in the block's unit), rounded onto the grid.
pub(super) fn normal_on_grid(block: &Block, variance: u64, stream: &mut Stream) -> i64 {
    // The block has proved that nine deviations fit; a draw is within 8.3.
    round_real(deviation(block, variance) * stream.normal()).unwrap_or_default()
}

/// White noise that all conversions of a step have in common.
pub(super) fn common_on_grid(block: &Block, step: &Step<'_>, noise: NoiseKey) -> i64 {
    block.common_variance(step).map_or(0, |variance| {
        normal_on_grid(block, variance, &mut noise.stream(Purpose::CommonReadNoise, step))
    })
}

/// How far the next word line is off, in 2⁻²⁴ of a unit digit.
pub(super) fn word_line_offset(deviation: i64, stream: &mut Stream) -> i64 {
    round_real(deviation as f64 * stream.normal()).unwrap_or_default()
}

/// `⌊sum / 2²⁴ + ½⌋`: word lines' offsets times contributions, on the grid.
pub(super) fn round_word_lines(sum: i64) -> i64 {
    (sum + (1 << (WORD_LINE_BITS - 1))) >> WORD_LINE_BITS
}
