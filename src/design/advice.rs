//! Which way of drawing white noise costs less, and what each loses.

use super::Design;
use crate::device::Conditions;
use crate::error::{Error, Result, check_integer};
use crate::fixed::ONE;
use crate::kernel::{NoiseMethod, PATTERN_ROWS, White};
use crate::mapping::Mapping;
use crate::periphery::{Adc, Baseline};

/// What a method of drawing white noise costs and loses, for batches of one size through a prepared die.
///
/// Costs are multiples of what a conversion by [`NoiseMethod::Gaussian`] takes from a table, without building it. They
/// are measured ratios of one machine with AVX-512 (`cargo bench --bench noise`), to choose by and not to add up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MethodAdvice {
    /// The method.
    pub method: NoiseMethod,
    /// Whether tables stand for it, as far as settings show: what programming and ADCs draw can take a die beyond them.
    /// Otherwise conversions are drawn one by one.
    pub is_tabled: bool,
    /// Bytes of the tables of a full array, 0 for none.
    pub table_bytes: usize,
    /// Cost of a conversion, its share of building the tables included.
    pub cost: f64,
    /// What the chance of a code or of more is off by at most, where noise has the deviation of the advice. Of `Gaussian`
    /// it is `φ(0) (4 · 10⁻⁵ + 2⁻¹⁷ / σ)`, the error of a normal number and half a grid unit, so that it rises where there
    /// is less noise; and at most ½; of `Thresholds` half a step of 2⁻³²,
    /// for any deviation.
    pub chance_error: f64,
}

/// What [`Design::noise_advice`] says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoiseAdvice {
    /// Largest nominal deviation of a conversion's white noise, in LSB: every row of a group driven, every cell at
    /// `g_on`, noise of the ADC included. Cells that programming takes beyond `g_on` have more.
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

const GAUSSIAN: Costs = Costs { tabled: [1.0, 0.0], built: [3.2, 0.0], direct: 30.0 };

/// The same where codes are of uneven width.
const UNEVEN: Costs = Costs { tabled: [4.5, 0.0], ..GAUSSIAN };

const THRESHOLDS: Costs = Costs { tabled: [0.24, 0.075], built: [6.5, 4.9], direct: 66.0 };

/// Largest density of the normal distribution, `φ(0)`.
const DENSITY: f64 = 0.398_942_280_401_432_7;

/// Error of a quick normal number (σ).
const NORMAL_ERROR: f64 = 4e-5;

/// Half a step of a chance, and what is rounded on the way.
const THRESHOLDS_ERROR: f64 = 0.52 / (1u64 << 32) as f64;

/// Bits of the weights whose tables are told.
const WEIGHT_BITS: u32 = 8;

impl Design {
    /// Which [`NoiseMethod`] is cheaper for batches of `batch` vectors through a prepared die, and what each loses.
    ///
    /// Both methods give the same distribution; nothing is chosen by itself, since either gives other codes for the same
    /// key. Costs assume that every plane is run, that arrays are full, and weights of 8 bits.
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
        let shifts = self.lane_shifts();
        let groups = self.settings.array_rows / self.active_rows();
        let rows = White::rows_of(
            shifts.len(),
            self.settings.array_columns / (shifts.len() * self.arms_of_a_lane()),
        );
        let entries = 1usize << self.active_rows().min(PATTERN_ROWS);
        let planes = f64::from(self.input_format().planes()) * batch as f64;
        let advise = |method, costs: &Costs, is_tabled: bool, each: usize, chance_error| {
            let by_threshold = |[one, per]: [f64; 2]| one + per * each as f64;
            MethodAdvice {
                method,
                is_tabled,
                table_bytes: if is_tabled {
                    entries * groups * rows * White::row_bytes_of(method, each)
                } else {
                    0
                },
                cost: if is_tabled {
                    by_threshold(costs.tabled) + by_threshold(costs.built) * entries as f64 / planes
                } else {
                    costs.direct
                },
                chance_error,
            }
        };
        let normal_error = DENSITY * (NORMAL_ERROR + 0.5 / ONE as f64 / sigma_lsb);
        let is_tabled = self.tables_white()
            && White::reaches(sigma_lsb)
            && self
                .thresholds
                .codes
                .is_some_and(|codes| White::weighs(codes, !self.has_uneven_codes(), shifts.iter().copied()));
        let costs = if self.has_uneven_codes() { &UNEVEN } else { &GAUSSIAN };
        let gaussian = advise(NoiseMethod::Gaussian, costs, is_tabled, 0, normal_error.min(0.5));
        let each = White::thresholds_of(sigma_lsb, self.spread_lsb());
        let thresholds = self.thresholds.codes.map(|codes| {
            let has_words = White::sums_codes(codes, shifts.iter().copied());
            let is_tabled = self.tables_white() && has_words && each <= White::MOST_THRESHOLDS;
            advise(NoiseMethod::Thresholds, &THRESHOLDS, is_tabled, each, THRESHOLDS_ERROR)
        });
        Ok(NoiseAdvice { sigma_lsb, gaussian, thresholds })
    }

    /// Whether white noise is all there is, of patterns that can be tabled.
    fn tables_white(&self) -> bool {
        let noise = self.read_noise();
        let is_common =
            self.baseline() == Baseline::DummyColumn && (noise.relative() > 0.0 || noise.white().is_some());
        let is_corrected = self.mapping() == Mapping::Offset
            || (self.column_flip() && !self.mapping().is_bipolar())
            || !self.baseline_table().is_empty();
        self.active_rows() <= PATTERN_ROWS
            && self.dac().max_digit() == 1
            && self.adc() != Adc::PassThrough
            && noise.word_line_volts() == 0.0
            && noise.telegraph().is_none()
            && noise.flicker().is_none()
            && !is_common
            && (self.is_granular() || !is_corrected)
            && self.max_sum / self.thresholds.lsb < i64::from(i32::MAX) / ONE
    }

    /// Shifts of the lanes of a weight, of as many of its bits as an array has cells for.
    fn lane_shifts(&self) -> Vec<u32> {
        let (arms, cell_bits) = (self.mapping().arms(), self.cell().levels().bits());
        let slices = WEIGHT_BITS.div_ceil(cell_bits).min((self.settings.array_columns / arms) as u32).max(1);
        let of_arm = (0..slices).map(|slice| slice * cell_bits);
        if self.mapping().is_bipolar() {
            of_arm.collect()
        } else {
            of_arm.cycle().take(arms * slices as usize).collect()
        }
    }

    /// Bit lines that one conversion takes.
    fn arms_of_a_lane(&self) -> usize {
        if self.mapping().is_bipolar() { 2 } else { 1 }
    }

    /// Whether codes of an ADC differ in width.
    fn has_uneven_codes(&self) -> bool {
        self.thresholds.codes.is_some_and(|(low, high)| high - low > 2) && self.adc_errors().dnl_lsb() > 0.0
    }

    /// By how much more edges of codes may lie closer to each other than they ideally do, in LSB: the mean range of a
    /// random walk of `n` inner codes that ends where it began, `σ_d √(π n / 2)`.
    fn spread_lsb(&self) -> f64 {
        let Some((low, high)) = self.thresholds.codes.filter(|_| self.has_uneven_codes()) else { return 0.0 };
        self.adc_errors().dnl_lsb() * (std::f64::consts::FRAC_PI_2 * (high - low - 1) as f64).sqrt()
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
        let cells = self.active_rows() * self.arms_of_a_lane();
        let front_end = noise.front_end_amperes();
        let variance = cells as f64 * (relative * relative + white) + front_end * front_end;
        let adc = self.adc_errors().noise_lsb();
        (variance / (lsb_amperes * lsb_amperes) + adc * adc).sqrt()
    }
}
