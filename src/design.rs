//! Every setting of a crossbar machine, and every check of one against another.

mod advice;

pub use advice::{MethodAdvice, NoiseAdvice};

use crate::circuit::{UnselectedRows, Wires};
use crate::device::{Cell, Conditions, LevelMap, ReadNoise};
use crate::error::{Error, Result, check_divides, check_real};
use crate::fixed::{ONE, round, round_real};
use crate::kernel::{NoiseMethod, PATTERN_ROWS};
use crate::mapping::{Layout, LayoutSettings, Mapping};
use crate::periphery::{Adc, AdcErrors, AdcMap, Baseline, Dac, Thresholds};
use crate::stream::{InputFormat, Skip};
use crate::weights::Weights;

/// The settings of a [`Design`], to be changed one by one and then checked together.
///
/// [`DesignBuilder::new`] takes what has no sensible default; [`presets`](crate::presets) return
/// builders with the numbers of published designs.
///
/// ```
/// use forms_xbar::{Adc, Cell, DesignBuilder, LevelMap, Mapping};
///
/// let cell = Cell::new(LevelMap::linear(2, 1e-6, 100e-6)?);
/// let design = DesignBuilder::new(Mapping::Offset, cell, Adc::granular(8))
///     .column_flip(true)
///     .input_bits(8)
///     .build()?;
/// assert_eq!(design.active_rows(), 128);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct DesignBuilder {
    mapping: Mapping,
    column_flip: bool,
    array_rows: usize,
    array_columns: usize,
    active_rows: Option<usize>,
    cell: Cell,
    dac: Dac,
    input_bits: u32,
    signed_inputs: bool,
    skip: Skip,
    adc: Adc,
    adc_errors: AdcErrors,
    adcs_per_array: usize,
    adc_map: AdcMap,
    baseline: Baseline,
    read_noise: ReadNoise,
    noise_method: NoiseMethod,
    plane_secs: f64,
    wires: Option<Wires>,
}

impl DesignBuilder {
    /// Arrays of 128 × 128 of these cells; active rows that follow the mapping; unsigned inputs of
    /// 8 bits, one bit a plane at 0.2 V and 100 ns, nothing skipped; the baseline subtracted
    /// digitally; one ADC an array, ideal; no read noise.
    pub fn new(mapping: Mapping, cell: Cell, adc: Adc) -> Self {
        DesignBuilder {
            mapping,
            column_flip: false,
            array_rows: 128,
            array_columns: 128,
            active_rows: None,
            cell,
            dac: Dac::INVERTER,
            input_bits: 8,
            signed_inputs: false,
            skip: Skip::Off,
            adc,
            adc_errors: AdcErrors::NONE,
            adcs_per_array: 1,
            adc_map: AdcMap::Blocks,
            baseline: Baseline::Digital,
            read_noise: ReadNoise::NONE,
            noise_method: NoiseMethod::Gaussian,
            plane_secs: 100e-9,
            wires: None,
        }
    }

    /// How signed weights become levels.
    pub fn mapping(self, mapping: Mapping) -> Self {
        Self { mapping, ..self }
    }

    /// Whether columns whose levels sum to more than half are stored complemented.
    pub fn column_flip(self, column_flip: bool) -> Self {
        Self { column_flip, ..self }
    }

    /// Word lines and bit lines of an array.
    pub fn array(self, rows: usize, columns: usize) -> Self {
        Self { array_rows: rows, array_columns: columns, ..self }
    }

    /// Word lines driven together. Without this, a fragment for polarized mapping and the whole
    /// array for the others.
    pub fn active_rows(self, rows: usize) -> Self {
        Self { active_rows: Some(rows), ..self }
    }

    /// The cell.
    pub fn cell(self, cell: Cell) -> Self {
        Self { cell, ..self }
    }

    /// The DAC, which also sets the bits of a plane.
    pub fn dac(self, dac: Dac) -> Self {
        Self { dac, ..self }
    }

    /// Width of an input, sign included.
    pub fn input_bits(self, bits: u32) -> Self {
        Self { input_bits: bits, ..self }
    }

    /// Whether inputs are two's complement.
    pub fn signed_inputs(self, signed: bool) -> Self {
        Self { signed_inputs: signed, ..self }
    }

    /// Which planes are not run.
    pub fn skip(self, skip: Skip) -> Self {
        Self { skip, ..self }
    }

    /// The ADC.
    pub fn adc(self, adc: Adc) -> Self {
        Self { adc, ..self }
    }

    /// What sets each ADC apart from the ideal one, and its noise.
    pub fn adc_errors(self, adc_errors: AdcErrors) -> Self {
        Self { adc_errors, ..self }
    }

    /// ADCs of an array, which share its bit lines: they divide its columns.
    pub fn adcs_per_array(self, adcs: usize) -> Self {
        Self { adcs_per_array: adcs, ..self }
    }

    /// Which ADC converts which bit line.
    pub fn adc_map(self, adc_map: AdcMap) -> Self {
        Self { adc_map, ..self }
    }

    /// The treatment of leakage.
    pub fn baseline(self, baseline: Baseline) -> Self {
        Self { baseline, ..self }
    }

    /// Noise of reading.
    pub fn read_noise(self, read_noise: ReadNoise) -> Self {
        Self { read_noise, ..self }
    }

    /// How white noise is drawn; [`Gaussian`](NoiseMethod::Gaussian) without a call.
    ///
    /// Either method gives codes of the same distribution, but others for the same key.
    /// [`Design::noise_advice`] says which costs less.
    pub fn noise_method(self, noise_method: NoiseMethod) -> Self {
        Self { noise_method, ..self }
    }

    /// Wires, drivers and sense terminals; without a call they are ideal.
    ///
    /// Programming solves the network of every active group and reads with its effective transfer
    /// conductances, so that reads cost what they cost without wires. Cells that are not ohmic and inputs
    /// that drive gates have a current of their own for every pattern of driven rows: programming then solves
    /// 2^m networks per group of m rows, which must be disconnected, at most 8 and of one-bit digits.
    ///
    /// Read noise, its share in [`Die::error_budget`](crate::Die::error_budget) and the energy in the cells are
    /// those of a cell of the effective conductance: the noise that reaches a column through the word lines it
    /// shares with others, and the correlation that this brings, are left out
    /// ([`AcCircuit`](crate::circuit::AcCircuit) computes them). White noise beside connected unselected rows,
    /// most of which would be theirs, is refused.
    pub fn wires(self, wires: impl Into<Option<Wires>>) -> Self {
        Self { wires: wires.into(), ..self }
    }

    /// Time of one plane (s): what the energy in the cells is counted over.
    pub fn plane_secs(self, plane_secs: f64) -> Self {
        Self { plane_secs, ..self }
    }

    /// Checks every setting and every pair of settings that constrain each other.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`], [`Error::Real`] or [`Error::Order`] for a setting out of range (a leakage
    /// above 32 level steps and a read voltage beyond the cell's I–V among them), [`Error::Divide`] for
    /// a fragment, active group or number of ADCs that does not divide, [`Error::LevelTable`] for levels that do not
    /// rise at the read voltage, [`Error::Conflict`] for a dummy column beside a subtraction before the
    /// ADC, errors of ADCs or noise by thresholds without one, 1/f noise by its corner without white noise, wires beside cells that are not ohmic or gated
    /// inputs where these cannot be tabled, or white noise beside unselected rows that are connected.
    pub fn build(self) -> Result<Design> {
        let layout = LayoutSettings {
            mapping: self.mapping,
            column_flip: self.column_flip,
            cell_bits: self.cell.levels().bits(),
            array_rows: self.array_rows,
            array_columns: self.array_columns,
            active_rows: self.active_rows.unwrap_or(match self.mapping {
                Mapping::Polarized { fragment } => fragment,
                Mapping::Differential { .. } | Mapping::Offset => self.array_rows,
            }),
        };
        layout.check()?;
        check_divides(("ADCs per array", self.adcs_per_array), ("array columns", self.array_columns))?;
        if !self.adc_errors.is_none() && self.adc.bits().is_none() {
            return Err(Error::Conflict {
                first: "errors of ADCs",
                second: "pass-through",
                why: "there is no ADC to have them",
            });
        }
        self.cell.check()?;
        self.read_noise.check()?;
        let read_levels = self.cell.levels_at(self.dac.read_volts())?;
        // A die is programmed fresh before it can be anything else.
        self.cell.under(&Conditions::FRESH, self.dac.read_volts())?;
        let input_format = InputFormat::new(self.input_bits, self.signed_inputs, self.dac.bits())?;
        check_real("plane time (s)", self.plane_secs, f64::MIN_POSITIVE, f64::MAX)?;
        if self.mapping.is_bipolar() && self.baseline == Baseline::DummyColumn {
            return Err(Error::Conflict {
                first: "a dummy column",
                second: "subtraction before the ADC",
                why: "the pair of bit lines already cancels the baseline",
            });
        }
        self.noise_method.check(self.adc == Adc::PassThrough)?;
        if let Some(wires) = &self.wires {
            self.check_wires(wires, layout.active_rows)?;
        }
        let leakage = read_levels.leakage() * ONE as f64;
        let Some(leakage) = round_real(leakage).filter(|&leakage| leakage <= MAX_LEAKAGE) else {
            return Err(Error::Real {
                name: "leakage g_off / level step",
                value: read_levels.leakage(),
                min: 0.0,
                max: (MAX_LEAKAGE / ONE) as f64,
            });
        };
        let max_sum = max_sum(&self, &layout, &read_levels, leakage);
        let thresholds = self.adc.compile(max_sum, self.mapping.is_bipolar())?;
        Ok(Design { settings: self, layout, input_format, read_levels, leakage, max_sum, thresholds })
    }

    /// Whether rows do not add up, so that every pattern of driven rows is solved by itself.
    fn is_tabled_by_pattern(&self) -> bool {
        self.wires.is_some_and(|wires| wires.gated_inputs() || !self.cell.iv().is_ohmic())
    }

    fn check_wires(&self, wires: &Wires, active_rows: usize) -> Result<()> {
        const CONNECTED: &str = "unselected rows that are connected";
        let are_connected = wires.unselected() != UnselectedRows::Disconnected;
        let conflict = |first, second, why| Err(Error::Conflict { first, second, why });
        if self.is_tabled_by_pattern() {
            let first =
                if wires.gated_inputs() { "gated inputs" } else { "wires beside cells that are not ohmic" };
            if active_rows > PATTERN_ROWS {
                let why = "every pattern of driven rows is solved by itself";
                return conflict(first, "more than 8 active rows", why);
            }
            if self.dac.max_digit() > 1 {
                return conflict(
                    first,
                    "a DAC of several bits",
                    "only patterns of one-bit digits are solved",
                );
            }
            if are_connected {
                return conflict(first, CONNECTED, "only networks of single groups are solved");
            }
        }
        if are_connected && self.read_noise.white().is_some() {
            return conflict("white read noise", CONNECTED, "the noise of their cells would be left out");
        }
        Ok(())
    }
}

/// Largest leakage of a cell, in 2⁻¹⁶ level steps: above it, `f32` conductances would no longer
/// resolve a level to half a grid unit.
const MAX_LEAKAGE: i64 = 32 * ONE;

/// Largest nominal input of the ADC in magnitude, in 2⁻¹⁶ level steps.
fn max_sum(settings: &DesignBuilder, layout: &LayoutSettings, levels: &LevelMap, leakage: i64) -> i64 {
    // Half of the levels is half of the current only where levels are equally spaced.
    let column_flip = layout.column_flip && levels.is_linear();
    let levels = LayoutSettings { column_flip, ..*layout }.max_column_sum() as i64 * ONE;
    let leaks = !settings.mapping.is_bipolar() && settings.baseline != Baseline::DummyColumn;
    let leakage = if leaks { layout.active_rows as i64 * leakage } else { 0 };
    (levels + leakage) * i64::from(settings.dac.max_digit())
}

/// A checked set of settings: a machine that can be programmed.
///
/// Everything that can change a value lives here and is serialised (feature `serde`, through the
/// same checks). Made by [`DesignBuilder::build`].
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "DesignBuilder", into = "DesignBuilder"))]
pub struct Design {
    settings: DesignBuilder,
    layout: LayoutSettings,
    input_format: InputFormat,
    /// What the levels conduct at the read voltage.
    read_levels: LevelMap,
    /// Leakage of a cell in 2⁻¹⁶ level steps.
    leakage: i64,
    max_sum: i64,
    thresholds: Thresholds,
}

impl TryFrom<DesignBuilder> for Design {
    type Error = Error;

    fn try_from(builder: DesignBuilder) -> Result<Self> {
        builder.build()
    }
}

impl From<Design> for DesignBuilder {
    fn from(design: Design) -> Self {
        design.settings
    }
}

impl Design {
    /// A builder with these settings, to derive another design.
    pub fn to_builder(&self) -> DesignBuilder {
        self.settings.clone()
    }

    /// How signed weights become levels.
    pub fn mapping(&self) -> Mapping {
        self.settings.mapping
    }

    /// Whether columns whose levels sum to more than half are stored complemented.
    pub fn column_flip(&self) -> bool {
        self.settings.column_flip
    }

    /// Word lines and bit lines of an array.
    pub fn array(&self) -> (usize, usize) {
        (self.settings.array_rows, self.settings.array_columns)
    }

    /// Wires; `None` where they are ideal.
    pub fn wires(&self) -> Option<&Wires> {
        self.settings.wires.as_ref()
    }

    /// Whether rows do not add up, so that every pattern of driven rows is solved by itself.
    pub(crate) fn is_tabled_by_pattern(&self) -> bool {
        self.settings.is_tabled_by_pattern()
    }

    /// Word lines driven together.
    pub fn active_rows(&self) -> usize {
        self.layout.active_rows
    }

    /// The cell.
    pub fn cell(&self) -> &Cell {
        &self.settings.cell
    }

    /// The DAC.
    pub fn dac(&self) -> Dac {
        self.settings.dac
    }

    /// The ADC.
    pub fn adc(&self) -> Adc {
        self.settings.adc
    }

    /// The compiled ADC.
    pub fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// What sets each ADC apart from the ideal one.
    pub fn adc_errors(&self) -> AdcErrors {
        self.settings.adc_errors
    }

    /// ADCs of an array.
    pub fn adcs_per_array(&self) -> usize {
        self.settings.adcs_per_array
    }

    /// Which ADC converts which bit line.
    pub fn adc_map(&self) -> AdcMap {
        self.settings.adc_map
    }

    /// The ADC that converts a bit line of an array.
    pub(crate) fn adc_of_bit_line(&self, column: usize) -> usize {
        self.settings.adc_map.adc(column, self.settings.array_columns, self.settings.adcs_per_array)
    }

    /// The treatment of leakage.
    pub fn baseline(&self) -> Baseline {
        self.settings.baseline
    }

    /// Noise of reading.
    pub fn read_noise(&self) -> ReadNoise {
        self.settings.read_noise
    }

    /// How white noise is drawn.
    pub fn noise_method(&self) -> NoiseMethod {
        self.settings.noise_method
    }

    /// Which planes are not run.
    pub fn skip(&self) -> Skip {
        self.settings.skip
    }

    /// Width and signedness of inputs.
    pub fn input_format(&self) -> InputFormat {
        self.input_format
    }

    /// Time of one plane (s).
    pub fn plane_secs(&self) -> f64 {
        self.settings.plane_secs
    }

    /// The least ADC width whose codes can take the largest nominal sum of an active group,
    /// leakage included where it reaches the ADC, errors of ADCs not.
    ///
    /// A granular ADC of this width returns the exact integer product, for ideal cells on equally
    /// spaced levels with the baseline subtracted. May exceed the 16 bits an [`Adc`] can have.
    ///
    /// ```
    /// use forms_xbar::presets;
    ///
    /// // FORMS: fragments of 8 rows of 2-bit cells reach 24, one bit more than its 4-bit ADC ...
    /// assert_eq!(presets::forms().build()?.lossless_adc_bits(), 5);
    /// // ... unless columns are flipped, which bounds them at 12.
    /// assert_eq!(presets::forms().column_flip(true).build()?.lossless_adc_bits(), 4);
    /// # Ok::<(), forms_xbar::Error>(())
    /// ```
    pub fn lossless_adc_bits(&self) -> u32 {
        let top = round(self.max_sum);
        (i64::BITS - top.leading_zeros()).max(1) + u32::from(self.settings.mapping.is_bipolar())
    }

    pub(crate) fn layout(&self, weights: &Weights) -> Result<Layout> {
        Layout::new(self.layout, weights.inputs(), weights.outputs(), weights.range())
    }

    pub(crate) fn with_full_scale(&self, sum: i64) -> Result<Design> {
        let adc = self.settings.adc.with_full_scale(sum, self.settings.mapping.is_bipolar())?;
        self.to_builder().adc(adc).build()
    }

    /// Whether codes are level steps, so that results are exact integers.
    pub(crate) fn is_granular(&self) -> bool {
        matches!(self.settings.adc, Adc::Granular { .. })
    }

    /// The cell's levels as they conduct at the read voltage, `I(V)/V` (S): what codes count. Those of
    /// the cell itself while it is ohmic.
    pub fn read_levels(&self) -> &LevelMap {
        &self.read_levels
    }

    /// What a cell of `siemens` conducts at the read voltage, `I(V)/V` (S).
    pub(crate) fn read_siemens(&self, siemens: f64) -> f64 {
        let (cell, volts) = (&self.settings.cell, self.settings.dac.read_volts());
        if cell.iv().is_ohmic() { siemens } else { cell.amperes(siemens, volts) / volts }
    }

    /// Whether anything about its cells or ADCs is drawn, by a die, a write or conditions.
    pub(crate) fn is_drawn(&self) -> bool {
        let amplitudes = self.settings.read_noise.telegraph().is_some_and(|telegraph| telegraph.is_drawn());
        self.settings.cell.is_drawn() || self.settings.adc_errors.is_drawn() || amplitudes
    }

    pub(crate) fn is_noisy(&self) -> bool {
        !self.settings.read_noise.is_none() || self.settings.adc_errors.noise_lsb() > 0.0
    }

    /// What is subtracted from each code for every digit sum, in units of the result.
    pub(crate) fn baseline_table(&self) -> Vec<i64> {
        if self.settings.baseline != Baseline::Digital
            || self.settings.mapping.is_bipolar()
            || self.leakage == 0
        {
            return Vec::new();
        }
        let driven = self.layout.active_rows as i64 * i64::from(self.settings.dac.max_digit());
        let unit = |sum: i64| if self.is_granular() { round(sum) } else { sum };
        (0..=driven).map(|n| unit(n * self.leakage)).collect()
    }
}
