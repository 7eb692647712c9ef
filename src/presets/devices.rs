//! Published devices: a cell, its read noise and its array's wires, to be put into any design.
//!
//! Each says its **source**, its **valid range**, what it leaves out, and what is **our choice**
//! because nothing found prints it. Levels are always our choice where it is not said otherwise: papers
//! tune analog conductances, here they are equally spaced from the smallest to the largest. All are
//! ohmic, faultless and free of read noise where it is not said otherwise, and are meant to be read at
//! 0.2 V, a design's default. Wires are part of those whose source prints them; [`wires`](super::wires) has
//! more.
//!
//! They return a `Result` like the settings they are made of. Only a parameter can make one fail.
//!
//! ```
//! use forms_xbar::{Adc, presets};
//!
//! // NeuRRAM's cells in FORMS's machine.
//! let design = presets::devices::neurram()?.in_design(presets::forms()).adc(Adc::granular(6)).build()?;
//! assert_eq!(design.cell().levels().g_on(), 40e-6);
//! # Ok::<(), forms_xbar::Error>(())
//! ```

use super::{forms_cell, two_bit_cell};
use crate::circuit::Wires;
use crate::design::DesignBuilder;
use crate::device::{
    Ageing, Cell, Flicker, FlickerAmplitude, LevelMap, LogTimeCurve, Polynomial, Programming, ReadNoise,
    Relaxation, StuckCells, Telegraph, WhiteLaw, WhiteNoise, WriteVerify,
};
use crate::error::{Result, check_real};

/// What conductance fits are printed in (S).
const MICROSIEMENS: f64 = 1e-6;

/// A second and a day: when relaxation was measured.
const SECOND: f64 = 1.0;
const DAY: f64 = 86_400.0;

/// A published device.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Device {
    /// Its levels, programming error, faults and ageing.
    pub cell: Cell,
    /// Its read noise.
    pub read_noise: ReadNoise,
    /// The wires of its array, `None` where its source prints none.
    pub wires: Option<Wires>,
}

impl Device {
    /// This device in place of the builder's cell and read noise, and of its wires where it has some.
    pub fn in_design(self, builder: DesignBuilder) -> DesignBuilder {
        let builder = builder.cell(self.cell).read_noise(self.read_noise);
        if self.wires.is_some() { builder.wires(self.wires) } else { builder }
    }

    fn noiseless(cell: Cell) -> Self {
        Device { cell, read_noise: ReadNoise::NONE, wires: None }
    }
}

/// FORMS (Yuan et al., ISCA 2021): lognormal variation of σ = 0.1 of `ln G`.
///
/// **Source.** The paper prints σ and 2 bits. **Our choice.** 10 kΩ and 1 MΩ (MNSIM 2.0's default), σ
/// on the whole conductance, median-preserving. **Valid range.** An assumption of the paper, measured on no
/// device.
///
/// # Errors
///
/// None; see the [module](self).
pub fn forms() -> Result<Device> {
    Ok(Device::noiseless(forms_cell()))
}

/// ISAAC (Shafiee et al., ISCA 2016): ideal cells.
///
/// **Source.** The paper prints 2 bits and no variation. **Our choice.** 10 kΩ and 1 MΩ. **Valid range.**
/// An ideal.
///
/// # Errors
///
/// None; see the [module](self).
pub fn isaac() -> Result<Device> {
    Ok(Device::noiseless(two_bit_cell()))
}

/// PRIME-style cells: 1 kΩ and 20 kΩ, ideal.
///
/// **Source.** RAELLA, for PRIME (Chi et al., ISCA 2016): these resistances, read at 0.2 V. **Our
/// choice.** 2 bits, no variation. **Valid range.** An ideal. Cells of 1 mS draw 200 µA each, so that
/// wires, which nothing prints, matter more than for any other device here.
///
/// # Errors
///
/// None; see the [module](self).
pub fn prime() -> Result<Device> {
    Ok(Device::noiseless(Cell::new(LevelMap::linear(2, 1.0 / 20e3, 1.0 / 1e3)?)))
}

/// HfO₂ 1T1R, TiN/Ti/HfO₂/TiN (Milo et al., IEEE TED 2021): 3 bits, 50–225 µS in steps of 25 µS.
///
/// **Source.** The paper prints levels and a read voltage of 0.2 V. The programming error is
/// CrossSim's fit of its best algorithm, IGVVA-100: `σ(µS) = 4.782 − 0.0091 · G(µS)`, normal. **Valid range.**
/// 50–225 µS, freshly written: no ageing was found.
///
/// ```
/// use forms_xbar::presets::devices;
///
/// let levels = devices::hfo2_milo()?.cell.levels().clone();
/// assert_eq!((levels.bits(), levels.conductance(2)), (3, Some(100e-6)));
/// # Ok::<(), forms_xbar::Error>(())
/// ```
///
/// # Errors
///
/// None; see the [module](self).
pub fn hfo2_milo() -> Result<Device> {
    let levels = LevelMap::linear(3, 50e-6, 225e-6)?;
    let sigma = Polynomial::new(MICROSIEMENS, MICROSIEMENS, (50e-6, 225e-6), &[4.782, -0.0091])?;
    let programming = Programming::StateDependent { sigma_siemens: sigma };
    Ok(Device::noiseless(Cell::new(levels).with_programming(programming)))
}

/// NeuRRAM (Wan et al., Nature 2022): HfOx/TaOx 1T1R in 130 nm, 1–40 µS, write-verify and relaxation.
///
/// **Source.** The paper prints the window of conductances (1–40 µS for its convolutional networks, up to
/// 30 µS for others) and write-verify, see [`WriteVerify::NEURRAM`] for what is calibrated there.
/// Relaxation is aihwkit's fit to the paper's figures, in µS over `x = G / 40 µS`:
/// `σ(1 s) = 0.348 + 16.03x − 43.853x² + 45.393x³ − 16.815x⁴`,
/// `σ(1 day) = 0.701 + 22.086x − 50.773x² + 47.095x³ − 16.458x⁴`. **Our choice.** 3 bits; `σ` linear in the
/// logarithm of time in between. **Valid range.** 1–40 µS, up to a day.
///
/// Over 1–40 µS σ(1 day) is 3.4 µS on average and 4.0 µS at most; the paper prints about 2.8 and 4 µS.
///
/// **Count it once.** aihwkit's σ is the deviation from the *target*, so it holds the write's share of some
/// 0.58 µS; drawn on top of that, the whole comes out above it by at most 3 % after a day and 13 % after a
/// second, at the levels here. CrossSim's fit `σ(µS) = 1.536e-4 G³ − 1.167e-2 G² + 0.2374 G + 1.053` (G in
/// µS, up to 39 µS) describes write and relaxation together, close to what is found here after a second: use
/// it *instead* of both, as [`Programming::StateDependent`] without ageing. Left out: the paper's
/// reprogramming, which leaves 2 µS after three rounds, and aihwkit's fit for two days.
///
/// ```
/// use forms_xbar::presets::devices;
///
/// let cell = devices::neurram()?.cell;
/// let relaxation = cell.ageing().relaxation().unwrap();
/// // 20 µS after a second and after a day.
/// assert!((relaxation.deviation(20e-6, 1.0) - 2.02e-6).abs() < 0.01e-6);
/// assert!((relaxation.deviation(20e-6, 86_400.0) - 3.91e-6).abs() < 0.01e-6);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
///
/// # Errors
///
/// None; see the [module](self).
pub fn neurram() -> Result<Device> {
    let g_max = 40e-6;
    let relaxation = Relaxation::between(
        g_max,
        MICROSIEMENS,
        (0.0, g_max),
        (SECOND, &[0.348, 16.03, -43.853, 45.393, -16.815]),
        (DAY, &[0.701, 22.086, -50.773, 47.095, -16.458]),
    )?;
    let cell = Cell::new(LevelMap::linear(3, 1e-6, g_max)?)
        .with_programming(Programming::WriteVerify(WriteVerify::NEURRAM))
        .with_ageing(Ageing::NONE.with_relaxation(relaxation));
    Ok(Device::noiseless(cell))
}

/// Ta/HfO₂ 1T1M (Hu et al., Advanced Materials 2018): 100–900 µS.
///
/// **Source.** The paper prints 1.1–10 kΩ, some 180 levels, and a spread of most levels below 10 µS. Joksas et
/// al. (Nature Communications 2020) see no apparent telegraph noise. Wires are those of the paper's array. **Our choice.** The spread, taken as
/// two standard deviations: `σ = 5 µS` at every level, normal. 4 bits, the most a cell here has.
/// **Valid range.** 100–900 µS, freshly written: no ageing was found.
///
/// # Errors
///
/// None; see the [module](self).
pub fn ta_hfo2_hu() -> Result<Device> {
    let programming = Programming::StateDependent { sigma_siemens: Polynomial::constant(5e-6)? };
    let cell = Cell::new(LevelMap::linear(4, 100e-6, 900e-6)?).with_programming(programming);
    Ok(Device { wires: Some(super::wires::ta_hfo2_hu()?), ..Device::noiseless(cell) })
}

/// How close to its target a CMO/HfOx cell has to come before its write ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Acceptance {
    /// Within 2 % of the target.
    TwoPercent,
    /// Within 0.2 % of the target. What aihwkit uses unless told otherwise: its default of `2e-2` is no
    /// key of its table, whose keys are in percent, and then it silently takes the smallest.
    TwoTenths,
}

/// CMO/HfOx (Falcone et al.), as aihwkit's `ReRamCMONoiseModel` fits it: 9–88.2 µS, read
/// `read_secs` after the write.
///
/// **Source.** aihwkit, conductances in µS, times in seconds. Programming, normal:
/// `σ = 0.01129027 G + 0.01121854` accepted at 2 %, `0.00106879 G + 0.00081107` at 0.2 %. Relaxation: mean
/// `−0.08900206 ln t`, `σ = 0.04201137 ln t + 0.41183342`, from 1 s. 1/f noise:
/// `σ = 0.0277316483 log₁₀(G) √ln((t + t_r) / 2t_r)`, `t_r` = 1 µs; the window is the default of its
/// converter. **Our choice.** 3 bits; the fit of relaxation ends after a day; 1/f noise reaches from
/// `1/(t + t_r)` to `1/(2t_r)` and is held over a vector. aihwkit clamps to the window; here only 0 S is
/// a bound. **Valid range.** 9–88.2 µS; `read_secs` above 10⁻⁶ s, and a setting of its own: it
/// does not follow the conditions of a die. What aihwkit says of both its ReRAM models is left out: 1 %
/// of short-term read noise.
///
/// ```
/// use forms_xbar::presets::devices::{Acceptance, cmo_hfox};
///
/// let device = cmo_hfox(Acceptance::TwoTenths, 1.0)?;
/// // 50 µS, a second after the write: √ln(5·10⁵) · 0.0277 · log₁₀ 50 = 0.17 µS.
/// let flicker = device.read_noise.flicker().unwrap();
/// assert!((flicker.deviation_siemens(50e-6, 0.0) - 0.1707e-6).abs() < 1e-10);
/// assert!(cmo_hfox(Acceptance::TwoTenths, 0.0).is_err());
/// # Ok::<(), forms_xbar::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Real`](crate::Error::Real) for `read_secs` that is not above 10⁻⁶ s or not finite.
pub fn cmo_hfox(acceptance: Acceptance, read_secs: f64) -> Result<Device> {
    const T_R: f64 = 1e-6;
    check_real("time of reading after the write (s)", read_secs, T_R.next_up(), 1e12)?;
    let window = (9e-6, 88.2e-6);
    let coefficients = match acceptance {
        Acceptance::TwoPercent => [0.01121854, 0.01129027],
        Acceptance::TwoTenths => [0.00081107, 0.00106879],
    };
    let sigma = Polynomial::new(MICROSIEMENS, MICROSIEMENS, window, &coefficients)?;
    let relaxation = Relaxation::new(
        (SECOND, DAY),
        LogTimeCurve::constant(0.0, -0.08900206e-6)?,
        LogTimeCurve::constant(0.41183342e-6, 0.04201137e-6)?,
    )?;
    let amplitude =
        FlickerAmplitude::LogConductance { siemens_per_decade: 0.0277316483e-6, unit_siemens: MICROSIEMENS };
    let flicker = Flicker::new(amplitude, 1.0 / (read_secs + T_R), 1.0 / (2.0 * T_R))?;
    let cell = Cell::new(LevelMap::linear(3, window.0, window.1)?)
        .with_programming(Programming::StateDependent { sigma_siemens: sigma })
        .with_ageing(Ageing::NONE.with_relaxation(relaxation));
    Ok(Device { read_noise: ReadNoise::NONE.with_flicker(flicker), ..Device::noiseless(cell) })
}

/// PytorX (He et al., DAC 2019): 0.33–333 µS, stuck cells, thermal and shot noise, telegraph noise.
///
/// **Source.** The paper prints the window, 1.75 % of cells stuck at high and 9.04 % at low conductance
/// (citing Chen; it calls them SA0 and SA1, against intuition), white noise
/// `σ_I = √(G f (4kT + 2qV))` with the read frequency `f` as its bandwidth, and telegraph noise
/// `ΔR/R = 1.662e-7/Ω · R + 0.0015` for half of the time (citing Ielmini). **Our choice.** 2 bits; `ΔR/R`
/// capped at 1, see [`Telegraph::pytorx`]; slow noise held over a vector. `read_hz` and `dwell_secs`, the mean
/// time a trap stays filled or empty, are parameters because nothing found prints them. **Valid
/// range.** That of the telegraph fit is not said; at 3 MΩ it gives `ΔR/R` = 0.5.
///
/// ```
/// use forms_xbar::presets::devices;
///
/// let device = devices::pytorx(10e6, 1e-3)?;
/// assert_eq!(device.cell.stuck_cells().on_rate(), 0.0175);
/// assert!(devices::pytorx(0.0, 1e-3).is_err());
/// # Ok::<(), forms_xbar::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Real`](crate::Error::Real) for `read_hz` (Hz) that is not above 0 or above 10¹⁵,
/// `dwell_secs` (s) outside 10⁻¹⁵–10¹⁵.
pub fn pytorx(read_hz: f64, dwell_secs: f64) -> Result<Device> {
    let cell =
        Cell::new(LevelMap::linear(2, 0.33e-6, 333e-6)?).with_stuck_cells(StuckCells::new(0.0175, 0.0904)?);
    let read_noise = ReadNoise::NONE
        .with_white(WhiteNoise::new(read_hz, WhiteLaw::ThermalAndShot)?)
        .with_telegraph(Telegraph::pytorx(dwell_secs)?);
    Ok(Device { read_noise, ..Device::noiseless(cell) })
}
