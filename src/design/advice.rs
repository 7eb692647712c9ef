//! Which way of drawing white noise costs less, and what each loses.

use super::Design;
use crate::device::Conditions;
use crate::error::{Error, Result, check_integer};
use crate::fixed::ONE;
use crate::kernel::{NoiseMethod, PATTERN_ROWS, White};
use crate::periphery::{Adc, Baseline};

/// What a method of drawing white noise costs and loses, for batches of one size through a prepared die.
///
/// Costs are multiples of what a conversion by [`NoiseMethod::Gaussian`] takes from a table, without building it. They
/// are measured ratios of one machine with AVX-512 (`cargo bench --bench noise`), to choose by and not to add up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MethodAdvice {
    /// The method.
    pub method: NoiseMethod,
    /// Whether tables stand for it; otherwise conversions are drawn one by one.
    pub is_tabled: bool,
    /// Bytes of the tables of a full array.
    pub table_bytes: usize,
    /// Cost of a conversion, its share of building the tables included.
    pub cost: f64,
    /// What the chance of a code is off by at most.
    pub chance_error: f64,
}

/// What [`Design::noise_advice`] says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoiseAdvice {
    /// Largest nominal deviation of a conversion's white noise, in LSB: every row of a group driven, every cell at
    /// `g_on`. Cells that programming takes beyond `g_on` have more.
    pub sigma_lsb: f64,
    /// One normal number a conversion.
    pub gaussian: MethodAdvice,
    /// Comparisons with the chances of codes; `None` without an ADC.
    pub thresholds: Option<MethodAdvice>,
}

impl NoiseAdvice {
    /// The method that costs less.
    pub fn cheaper(&self) -> NoiseMethod {
        match self.thresholds {
            Some(thresholds) if thresholds.cost < self.gaussian.cost => NoiseMethod::Thresholds,
            _ => NoiseMethod::Gaussian,
        }
    }
}

/// Costs of one method, in conversions of the Gaussian one by table.
struct Costs {
    /// A conversion by table: the first number, and per threshold.
    tabled: [f64; 2],
    /// An entry of a table: the same.
    built: [f64; 2],
    /// A conversion without a table.
    direct: f64,
}

const GAUSSIAN: Costs = Costs { tabled: [1.0, 0.0], built: [5.0, 0.0], direct: 21.0 };

const THRESHOLDS: Costs = Costs { tabled: [0.4, 0.06], built: [4.0, 4.6], direct: 43.0 };

/// Error of a quick normal number (σ) times the largest density of the normal distribution.
const GAUSSIAN_ERROR: f64 = 4e-5 * 0.399;

/// Half a step of a chance.
const THRESHOLDS_ERROR: f64 = 1.0 / (1u64 << 33) as f64;

impl Design {
    /// Which [`NoiseMethod`] is cheaper for batches of `batch` vectors through a prepared die, and what each loses.
    ///
    /// Both methods give the same distribution; nothing is chosen by itself, since either gives other codes for the same
    /// key. Costs assume that every plane is run and arrays are full.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for a batch of no vectors, [`Error::Conflict`] for a design without white noise.
    ///
    /// ```
    /// use forms_xbar::{NoiseMethod, ReadNoise, presets};
    ///
    /// // 2 % of every cell's current: 0.17 LSB where eight cells of three level steps are driven.
    /// let design = presets::forms().read_noise(ReadNoise::new(0.02, 0.0)?).build()?;
    /// assert_eq!(design.noise_advice(16)?.cheaper(), NoiseMethod::Gaussian);
    /// assert_eq!(design.noise_advice(100_000)?.cheaper(), NoiseMethod::Thresholds);
    /// # Ok::<(), forms_xbar::Error>(())
    /// ```
    pub fn noise_advice(&self, batch: usize) -> Result<NoiseAdvice> {
        check_integer("vectors of an expected batch", batch, 1, i64::MAX)?;
        let sigma_lsb = self.max_white_lsb();
        if sigma_lsb == 0.0 {
            return Err(Error::Conflict {
                first: "advice on noise",
                second: "no white noise",
                why: "there is nothing to draw",
            });
        }
        let each = White::thresholds_of(sigma_lsb);
        let advise = |method, costs: &Costs, each: usize, row_bytes: usize, chance_error| {
            let is_tabled = self.tables_white() && each <= White::MOST_THRESHOLDS;
            let (rows, groups) = (self.active_rows(), self.settings.array_rows / self.active_rows());
            let conversions = self.settings.array_columns / if self.mapping().is_bipolar() { 2 } else { 1 };
            let by_threshold = |[one, per]: [f64; 2]| one + per * each as f64;
            let planes = f64::from(self.input_format().planes()) * batch as f64;
            let entries = if is_tabled { 1usize << rows } else { 0 };
            MethodAdvice {
                method,
                is_tabled,
                table_bytes: entries * groups * conversions * row_bytes,
                cost: if is_tabled {
                    by_threshold(costs.tabled) + by_threshold(costs.built) * entries as f64 / planes
                } else {
                    costs.direct
                },
                chance_error,
            }
        };
        let has_codes = self.adc() != Adc::PassThrough;
        let of_thresholds =
            || advise(NoiseMethod::Thresholds, &THRESHOLDS, each, 2 * (1 + each), THRESHOLDS_ERROR);
        Ok(NoiseAdvice {
            sigma_lsb,
            gaussian: advise(NoiseMethod::Gaussian, &GAUSSIAN, 0, 8, GAUSSIAN_ERROR),
            thresholds: has_codes.then(of_thresholds),
        })
    }

    /// Whether white noise is all there is, of patterns that can be tabled.
    fn tables_white(&self) -> bool {
        let noise = self.read_noise();
        self.active_rows() <= PATTERN_ROWS
            && self.dac().max_digit() == 1
            && self.adc() != Adc::PassThrough
            && noise.word_line_volts() == 0.0
            && noise.telegraph().is_none()
            && noise.flicker().is_none()
            && self.baseline() != Baseline::DummyColumn
    }

    /// The largest nominal deviation of white noise, in LSB.
    fn max_white_lsb(&self) -> f64 {
        let (noise, volts) = (self.read_noise(), self.dac().read_volts());
        let g_on = self.read_levels.g_on();
        let lsb_amperes =
            self.read_levels.level_step() * (self.thresholds.lsb as f64 / ONE as f64) * self.dac().volts(1);
        let amperes = g_on * volts;
        let relative = noise.relative() * amperes;
        let white =
            noise.white().map_or(0.0, |white| white.variance(g_on, volts, amperes, Conditions::FRESH.kelvin));
        let cells = self.active_rows() * if self.mapping().is_bipolar() { 2 } else { 1 };
        let front_end = noise.front_end_amperes();
        let variance = cells as f64 * (relative * relative + white) + front_end * front_end;
        variance.sqrt() / lsb_amperes
    }
}
