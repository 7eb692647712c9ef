//! What an ADC costs over bits and sample rate: published ways to scale, which disagree.

use super::component::LARGEST;
use crate::error::{Error, Result, check_integer, check_real};

/// What one conversion and one ADC cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdcPrice {
    /// Energy of a conversion (J).
    pub joules_per_conversion: f64,
    /// Area of an ADC (m²).
    pub square_metres: f64,
}

const PICOJOULE: f64 = 1e-12;
const SQUARE_MICROMETRE: f64 = 1e-12;
const NANOSECOND: f64 = 1e-9;

/// The published points: FORMS's 4-bit ADC, 32 of which draw 15.2 mW at 2.1 GS/s on 0.0091 mm², and ISAAC's 8-bit
/// ADC, 8 of which draw 16 mW at 1.2 GS/s on 0.0096 mm²; J, m².
const FORMS_POINT: (f64, f64) = (15.2e-3 / (32.0 * 2.1e9), 0.0091e-6 / 32.0);
const ISAAC_POINT: (f64, f64) = (16e-3 / (8.0 * 1.2e9), 0.0096e-6 / 8.0);

/// ISAAC's ADC scaled to 4–10 bits, as hwcomponents-library tabulates it: pJ, µm².
const ISAAC_SCALED: [(f64, f64); 7] = [
    (0.79, 361.0),
    (0.99, 477.0),
    (1.20, 627.0),
    (1.42, 845.0),
    (1.667, 1200.0),
    (1.97, 1828.0),
    (2.38, 3002.0),
];

/// How the cost of an ADC follows its bits and its sample rate: a choice, since the published ways differ by 3.5 ×
/// at 4 bits. Every one is for 32 nm where it is not said otherwise.
///
/// **Units.** J per conversion, m² per ADC. **Valid range.** 1–16 bits where it is not said otherwise; a rate above
/// 0. Power is energy times rate; only [`AdcModel::Survey`] makes the energy of a conversion follow the rate.
///
/// ```
/// use forms_xbar::cost::AdcModel;
///
/// // FORMS takes a design of its own, a third of ISAAC's scaled to 4 bits.
/// let forms = AdcModel::PublishedFit.price(4, 2.1e9)?.joules_per_conversion;
/// let isaac = AdcModel::IsaacScaled.price(4, 2.1e9)?.joules_per_conversion;
/// assert!((isaac / forms - 3.5).abs() < 0.01);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case", deny_unknown_fields))]
pub enum AdcModel {
    /// `a·N + b·2^N`, for energy and for area, through the two published points: FORMS's 4-bit and ISAAC's 8-bit ADC.
    ///
    /// **Source.** The points are printed; that parts of an ADC grow linearly and its capacitive DAC exponentially
    /// is what FORMS assumes; drawing both through two designs is our choice. `E = 0.0349 N + 0.00542 · 2^N` pJ,
    /// `A = 59.8 N + 2.82 · 2^N` µm². Below 4 and above 8 bits it extrapolates.
    PublishedFit,
    /// ISAAC's ADC (Kull et al., 32 nm SOI) scaled over bits, 4–10 bits only.
    ///
    /// **Source.** hwcomponents-library, `isaac.py`.
    IsaacScaled,
    /// Regression over Murmann's survey of ADCs: a Schreier figure of merit bounded by rate and by bits, corrected
    /// for the node.
    ///
    /// **Source.** accelergy-adc-plug-in, `model.yaml` and `model.py` at commit 6851cb8. **Valid range.** 4–16
    /// bits, up to 10 GHz, 5–1000 nm.
    Survey {
        /// Node (nm).
        nanometres: f64,
    },
    /// Walden's figure of merit: `E = F · 2^N`, all bits effective.
    ///
    /// **Source.** The definition of the figure, `P / (f_s · 2^ENOB)`.
    Walden {
        /// `F` (J per step), 0–1.
        joules_per_step: f64,
        /// Area (m²), of which the figure says nothing.
        square_metres: f64,
    },
    /// Schreier's figure of merit: `E = 1 / (2 · 10^((F − SNDR)/10))`, `SNDR = 6.02 N + 1.76`, all bits effective.
    ///
    /// **Source.** The definition of the figure, `SNDR + 10 log₁₀(BW/P)`, at a bandwidth of half the rate.
    Schreier {
        /// `F` (dB), 0–300.
        fom_db: f64,
        /// Area (m²), of which the figure says nothing.
        square_metres: f64,
    },
    /// NeuroSim's SAR ADC, 32 nm low power: `P = (1.1294 N + 8.8998) µW + 0.0794 W · e^(−2.297 log₁₀ R)` for
    /// `N + 1` ns.
    ///
    /// **Source.** DNN+NeuroSim V1.3. **Valid range.** Rates up to `1 / (N + 1)` GHz.
    NeuroSimSar {
        /// Resistance `R` of the column (Ω), from 10⁻⁹.
        column_ohms: f64,
        /// Area (m²): no number of NeuroSim's was found.
        square_metres: f64,
    },
}

impl AdcModel {
    /// What an ADC of `bits` bits at `sample_hz` (1/s) costs.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for bits and [`Error::Real`] for a rate or a parameter outside the range of the choice.
    pub fn price(&self, bits: u32, sample_hz: f64) -> Result<AdcPrice> {
        let (fewest, most) = match self {
            AdcModel::IsaacScaled => (4, 10),
            AdcModel::Survey { .. } => (4, 16),
            _ => (1, 16),
        };
        check_integer("ADC bits to be priced", bits, fewest, most)?;
        check_real("ADC sample rate (Hz)", sample_hz, f64::MIN_POSITIVE, f64::MAX)?;
        let n = f64::from(bits);
        let price = |joules_per_conversion, square_metres| AdcPrice { joules_per_conversion, square_metres };
        match *self {
            AdcModel::PublishedFit => Ok(price(fit(bits, |point| point.0), fit(bits, |point| point.1))),
            AdcModel::IsaacScaled => {
                let (picojoules, square_micrometres) = ISAAC_SCALED[bits as usize - 4];
                Ok(price(picojoules * PICOJOULE, square_micrometres * SQUARE_MICROMETRE))
            }
            AdcModel::Survey { nanometres } => survey(n, sample_hz, nanometres),
            AdcModel::Walden { joules_per_step, square_metres } => {
                check_real("Walden figure of merit (J)", joules_per_step, 0.0, 1.0)?;
                check_area(square_metres)?;
                Ok(price(joules_per_step * power_of_two(bits), square_metres))
            }
            AdcModel::Schreier { fom_db, square_metres } => {
                check_real("Schreier figure of merit (dB)", fom_db, 0.0, 300.0)?;
                check_area(square_metres)?;
                Ok(price(schreier(fom_db, n), square_metres))
            }
            AdcModel::NeuroSimSar { column_ohms, square_metres } => {
                check_real("column resistance (Ω)", column_ohms, 1e-9, f64::MAX)?;
                check_area(square_metres)?;
                let secs = (n + 1.0) * NANOSECOND;
                // Quotients of the same numbers may differ in their last bit.
                if sample_hz * secs > 1.0 + 1e-12 {
                    let name = "sample rate of NeuroSim's ADC (Hz)";
                    return Err(Error::Real {
                        name,
                        value: sample_hz,
                        min: f64::MIN_POSITIVE,
                        max: 1.0 / secs,
                    });
                }
                let watts =
                    (1.1294 * n + 8.8998) * 1e-6 + 0.0794 * libm::exp(-2.297 * libm::log10(column_ohms));
                Ok(price(watts * secs, square_metres))
            }
        }
    }
}

fn check_area(square_metres: f64) -> Result<()> {
    check_real("area of an ADC (m²)", square_metres, 0.0, LARGEST)
}

fn power_of_two(bits: u32) -> f64 {
    f64::from(1u32 << bits)
}

/// `a·N + b·2^N` through both published points.
fn fit(bits: u32, value: impl Fn((f64, f64)) -> f64) -> f64 {
    let (forms, isaac) = (value(FORMS_POINT), value(ISAAC_POINT));
    // 4a + 16b and 8a + 256b.
    let b = (isaac - 2.0 * forms) / 224.0;
    let a = (forms - 16.0 * b) / 4.0;
    a * f64::from(bits) + b * power_of_two(bits)
}

/// Energy of a conversion (J) at a Schreier figure of merit (dB) and so many effective bits.
fn schreier(fom_db: f64, bits: f64) -> f64 {
    let sndr_db = 6.02 * bits + 1.76;
    0.5 * libm::pow(10.0, (sndr_db - fom_db) / 10.0)
}

/// The regression's coefficients; logarithms are natural, of Hz, nm and pJ.
fn survey(bits: f64, sample_hz: f64, nanometres: f64) -> Result<AdcPrice> {
    check_real("ADC node (nm)", nanometres, 5.0, 1000.0)?;
    check_real("sample rate of the survey (Hz)", sample_hz, f64::MIN_POSITIVE, 1e10)?;
    let (rate, node) = (libm::log(sample_hz), libm::log(nanometres));
    let by_rate = 213.7806687348118 - 2.8719030399529957 * rate;
    let by_bits = 128.3068287398817 + 3.2205115109775 * bits;
    let picojoules = schreier(by_rate.min(by_bits), bits)
        * libm::exp(
            26.0496215686518 + 1.8800369206815 * node
                - 2.8291256050594527 * libm::log(bits)
                - 1.4702022133784405,
        );
    let square_micrometres = libm::exp(
        1.3461916439910742
            + 0.9932794744745022 * node
            + 0.18071538424508238 * rate
            + 0.29912426192653485 * libm::log(picojoules),
    );
    Ok(AdcPrice {
        joules_per_conversion: picojoules * PICOJOULE,
        square_metres: square_micrometres * SQUARE_MICROMETRE,
    })
}
