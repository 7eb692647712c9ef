//! What sets one ADC apart from the ideal one.

use crate::checked::checked_serde;
use crate::error::{Result, check_real};
use crate::fixed::{ONE, round_real};
use crate::key::{Key, Purpose};

/// Offset, gain and nonlinearity of every ADC, drawn once per die, and the noise of a conversion.
///
/// **Equation.** `code = clamp(low − 1 + #{c ∈ low..=high + 1 : (1 + g) I/LSB + o + n ≥ c − ½ + INL(c)})`: the code
/// `c` begins at its *edge* `c − ½ + INL(c)`. The offset is `o = σ_o z`, the gain `1 + g` with `g = σ_g z`. Every
/// inner code `c` (neither the lowest nor the highest) has the width `w_c = max(0, 1 + σ_d z_c)`, divided by the mean
/// of all of them, so that the first and the last edge stay where they are and offset and gain are counted once;
/// `DNL(c) = w_c − 1`, and `INL(c)` is the sum of the DNL of the inner codes below `c`, 0 at the first and at the last
/// edge and beyond. `n = σ_n z` is the noise of comparator and sample-and-hold, added to the variance of read noise.
/// Widths never are negative: a code of width 0 is missing, which has the probability `Φ(−1/σ_d)`, and the mean of
/// `w_c` before the division exceeds 1 by what is cut off (8 % at `σ_d` = 1). All inner codes missing, of which no
/// mean can be taken, are drawn again. **Units.** LSB, LSB rms for noise; the gain is relative. **Valid range.** Offset and
/// noise 0–65536, gain 0–0.1 (draws lie within 8.3 σ, so that no gain is negative), DNL 0–1. **Drawn.** Offset, gain
/// and widths once per die, in streams of their own per array and ADC, in units of the LSB whatever that is;
/// the same for every column that an ADC converts. Noise at every conversion. What a dummy column draws at reads, once for
/// all columns, meets a gain of 1. **Source.** DNL as width over mean
/// width, and INL from the line through the end points, as in IEEE Std 1241; that they are
/// normal and independent is our choice.
///
/// ```
/// use forms_xbar::{Adc, AdcErrors, Key, Weights, presets};
///
/// let errors = AdcErrors::new(0.5, 0.01)?.with_dnl_lsb(0.2)?;
/// // FORMS has four ADCs of 32 columns each.
/// let forms = presets::forms().adc(Adc::granular(5)).input_bits(8);
/// let design = forms.adc_errors(errors).adcs_per_array(4).build()?;
/// let die = design.program_keyed(&Weights::from_row_slice(8, 32, 8, &[7; 256])?, Key::from(1))?;
/// let (first, last) = (die.adc(0, 0)?, die.adc(0, 3)?);
/// assert!(first.offset() != last.offset() && first.gain() != last.gain());
/// // Codes 0 to 31: the first edge begins code 1, the last code 31.
/// assert_eq!((first.inl(1), first.inl(31)), (0, 0));
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct AdcErrors {
    offset_lsb: f64,
    gain: f64,
    dnl_lsb: f64,
    noise_lsb: f64,
}

checked_serde!(AdcErrors);

/// Largest deviation of an offset and of noise (LSB): the range of the widest ADC.
const MAX_LSB: f64 = 65536.0;

/// Kinds of draws, in the address of a stream.
const OFFSET: u64 = 0;
const GAIN: u64 = 1;
const WIDTHS: u64 = 2;

impl AdcErrors {
    /// Ideal ADCs.
    pub const NONE: AdcErrors = AdcErrors { offset_lsb: 0.0, gain: 0.0, dnl_lsb: 0.0, noise_lsb: 0.0 };

    /// Offsets (LSB) and relative gains of these standard deviations.
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for a deviation that is NaN, negative or above its range.
    pub fn new(offset_lsb: f64, gain: f64) -> Result<Self> {
        let errors = AdcErrors { offset_lsb, gain, ..AdcErrors::NONE };
        errors.check()?;
        Ok(errors)
    }

    /// The same with code widths of this standard deviation (LSB).
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for a deviation outside 0–1.
    pub fn with_dnl_lsb(self, dnl_lsb: f64) -> Result<Self> {
        let errors = AdcErrors { dnl_lsb, ..self };
        errors.check()?;
        Ok(errors)
    }

    /// The same with noise of every conversion (LSB rms), behind the gain.
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for noise outside 0–65536.
    pub fn with_noise_lsb(self, noise_lsb: f64) -> Result<Self> {
        let errors = AdcErrors { noise_lsb, ..self };
        errors.check()?;
        Ok(errors)
    }

    fn check(&self) -> Result<()> {
        check_real("ADC offset sigma (LSB)", self.offset_lsb, 0.0, MAX_LSB)?;
        check_real("ADC gain sigma", self.gain, 0.0, 0.1)?;
        check_real("ADC DNL sigma (LSB)", self.dnl_lsb, 0.0, 1.0)?;
        check_real("ADC noise sigma (LSB)", self.noise_lsb, 0.0, MAX_LSB)
    }

    /// Standard deviation of offsets (LSB).
    pub fn offset_lsb(&self) -> f64 {
        self.offset_lsb
    }

    /// Standard deviation of relative gains.
    pub fn gain(&self) -> f64 {
        self.gain
    }

    /// Standard deviation of code widths (LSB).
    pub fn dnl_lsb(&self) -> f64 {
        self.dnl_lsb
    }

    /// Noise of a conversion (LSB rms).
    pub fn noise_lsb(&self) -> f64 {
        self.noise_lsb
    }

    /// Whether ADCs are ideal.
    pub fn is_none(&self) -> bool {
        !self.is_drawn() && self.noise_lsb == 0.0
    }

    /// Whether ADCs differ from each other, so that they are drawn.
    pub fn is_drawn(&self) -> bool {
        self.offset_lsb > 0.0 || self.gain > 0.0 || self.dnl_lsb > 0.0
    }

    /// One ADC of an array of a die; its codes are `low..=high`.
    pub(crate) fn draw(&self, die: Key, array: u64, adc: usize, (low, high): (i64, i64)) -> AdcInstance {
        let normal = |sigma: f64, kind: u64| {
            let draw = || die.stream(Purpose::AdcErrors, [array, adc as u64, kind]).normal();
            if sigma > 0.0 { sigma * draw() } else { 0.0 }
        };
        let offset = normal(self.offset_lsb, OFFSET) * ONE as f64;
        let widths = (high - low - 1) as usize;
        let mut displacement = Vec::new();
        // A single width is the mean of all.
        if self.dnl_lsb > 0.0 && widths > 1 {
            let mut stream = die.stream(Purpose::AdcErrors, [array, adc as u64, WIDTHS]);
            let mut ends = vec![0.0; widths];
            while ends[widths - 1] == 0.0 {
                let mut end = 0.0;
                for to in &mut ends {
                    end += (1.0 + self.dnl_lsb * stream.normal()).max(0.0);
                    *to = end;
                }
            }
            // Edges below and at the first inner code, then behind every inner code, then above.
            displacement = vec![0; widths + 3];
            let (all, span) = (ends[widths - 1], (widths as i64 * ONE) as f64);
            for (at, end) in ends.iter().enumerate() {
                // At most `span`, and monotone like every operation of it.
                let edge = round_real(end / all * span).unwrap_or_default();
                displacement[at + 2] = edge - (at as i64 + 1) * ONE;
            }
        }
        AdcInstance {
            low,
            // Within 8.3 · 2³² grid units.
            offset: round_real(offset).unwrap_or_default(),
            gain: 1.0 + normal(self.gain, GAIN),
            displacement,
        }
    }
}

/// One ADC of a die, as it was drawn. Grid units are 2⁻¹⁶ LSB.
#[derive(Debug, Clone, PartialEq)]
pub struct AdcInstance {
    low: i64,
    offset: i64,
    gain: f64,
    /// By code from the lowest to one above the highest; empty for none.
    displacement: Vec<i64>,
}

impl AdcInstance {
    /// What is added to every sum, in grid units.
    pub fn offset(&self) -> i64 {
        self.offset
    }

    /// What currents are multiplied by.
    pub fn gain(&self) -> f64 {
        self.gain
    }

    /// How far the edge of a code lies above its ideal place, in grid units; 0 for what is no code.
    pub fn inl(&self, code: i64) -> i64 {
        let at = usize::try_from(code - self.low).ok();
        at.and_then(|at| self.displacement.get(at)).copied().unwrap_or(0)
    }

    /// The same by code from the lowest to one above the highest; empty for none.
    pub(crate) fn displacement(&self) -> &[i64] {
        &self.displacement
    }
}

/// Which ADC of an array converts a bit line.
///
/// A pair of bit lines that is subtracted before the ADC is converted by that of its first; an ADC that has second ones only
/// converts nothing. A dummy column has no ADC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum AdcMap {
    /// Neighbouring bit lines share one: of `C` columns and `A` ADCs, bit line `c` has ADC `⌊c / (C/A)⌋`. The
    /// default, by our choice.
    #[default]
    Blocks,
    /// Neighbouring bit lines have neighbouring ones: `c mod A`.
    Interleaved,
}

impl AdcMap {
    /// The ADC of a bit line, of `columns` that share `adcs`, which divide them.
    pub(crate) fn adc(self, column: usize, columns: usize, adcs: usize) -> usize {
        match self {
            AdcMap::Blocks => column / (columns / adcs),
            AdcMap::Interleaved => column % adcs,
        }
    }
}
