//! Thermal and shot noise of a cell.

use crate::checked::checked_serde;
use crate::error::{Result, check_real};

/// Boltzmann's constant (J/K), exact in the SI.
pub(crate) const BOLTZMANN: f64 = 1.380649e-23;
/// The elementary charge (C), exact in the SI.
pub(crate) const ELEMENTARY_CHARGE: f64 = 1.602176634e-19;

/// Which white noise a cell has, as a one-sided current density (A²/Hz).
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case", deny_unknown_fields))]
pub enum WhiteLaw {
    /// `4kTG`, also of a cell at 0 V.
    Thermal,
    /// `2q|I|`, of a driven cell.
    Shot,
    /// `4kTG + 2q|I|`, the sum that papers print: Feinberg et al. (HPCA 2018); PytorX (DAC 2019)
    /// with its read frequency as the bandwidth, `G f (4kT + 2qV)`. For an ohmic cell it counts one
    /// phenomenon twice.
    ThermalAndShot,
    /// `4kTG(1 − F) + 2q|I|F·coth(q|V| / 2kT)`: thermal and shot noise of one conductor, `4kTG` at
    /// 0 V whatever F, `2qF|I|` above it at high voltage.
    Fano {
        /// Fano factor, 0 (macroscopic resistor) to 1 (tunnel junction).
        factor: f64,
    },
}

/// White noise of cells, within the bandwidth of the sampler.
///
/// **Equation.** `σ_I² = S·B` with the one-sided density `S` of the [`WhiteLaw`]; `G` is the cell's
/// conductance at 0 V. **Units.** Hertz; `B` is the one-sided
/// equivalent bandwidth at the sampler, `1/(4τ)` of a single pole or `1/(2T)` of an integrator, never
/// the rate of the ADC. **Valid range.** `B > 0`; Fano factor 0–1. **Drawn.** At every conversion, in
/// the kernel, from every connected cell: also those of the active group at 0 V. **Source.** Johnson
/// and Nyquist, Schottky; Feinberg et al. (HPCA 2018) for the plain sum; Blanter and Büttiker
/// (Physics Reports 336, 2000) for the crossover.
///
/// ```
/// use forms_xbar::device::{WhiteLaw, WhiteNoise};
///
/// // 100 µS at 0.2 V, 300 K and 1 GHz: 0.20 % thermal and 0.40 % shot noise.
/// let sigma = |law| {
///     Ok::<_, forms_xbar::Error>(WhiteNoise::new(1e9, law)?.variance(100e-6, 0.2, 20e-6, 300.0).sqrt() / 20e-6)
/// };
/// assert!((sigma(WhiteLaw::Thermal)? - 0.0020).abs() < 5e-5);
/// assert!((sigma(WhiteLaw::Shot)? - 0.0040).abs() < 5e-5);
/// // A plane of 15 ns, integrated, has 33 MHz.
/// assert_eq!(WhiteNoise::integrator_hz(15e-9), 1.0 / 30e-9);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct WhiteNoise {
    bandwidth_hz: f64,
    law: WhiteLaw,
}

checked_serde!(WhiteNoise);

impl WhiteNoise {
    /// Noise of this law within `bandwidth_hz`.
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for a bandwidth that is not finite and above 0, or a Fano
    /// factor outside 0–1.
    pub fn new(bandwidth_hz: f64, law: WhiteLaw) -> Result<Self> {
        let noise = WhiteNoise { bandwidth_hz, law };
        noise.check()?;
        Ok(noise)
    }

    pub(super) fn check(&self) -> Result<()> {
        check_real("noise bandwidth (Hz)", self.bandwidth_hz, f64::MIN_POSITIVE, 1e15)?;
        match self.law {
            WhiteLaw::Fano { factor } => check_real("Fano factor", factor, 0.0, 1.0),
            WhiteLaw::Thermal | WhiteLaw::Shot | WhiteLaw::ThermalAndShot => Ok(()),
        }
    }

    /// Equivalent noise bandwidth of one pole of time constant `tau_secs`: `1/(4τ)` (Hz).
    pub fn single_pole_hz(tau_secs: f64) -> f64 {
        1.0 / (4.0 * tau_secs)
    }

    /// Equivalent noise bandwidth of an integrator over `secs`: `1/(2T)` (Hz).
    pub fn integrator_hz(secs: f64) -> f64 {
        1.0 / (2.0 * secs)
    }

    /// One-sided equivalent bandwidth at the sampler (Hz).
    pub fn bandwidth_hz(&self) -> f64 {
        self.bandwidth_hz
    }

    /// The law.
    pub fn law(&self) -> WhiteLaw {
        self.law
    }

    /// The noise of cells at one voltage and temperature.
    pub(crate) fn at(&self, volts: f64, kelvin: f64) -> WhitePoint {
        let thermal = 4.0 * BOLTZMANN * kelvin * self.bandwidth_hz;
        let shot = 2.0 * ELEMENTARY_CHARGE * self.bandwidth_hz;
        match self.law {
            WhiteLaw::Thermal => WhitePoint { thermal, shot: 0.0, shared: 0.0, factor: 1.0 },
            WhiteLaw::Shot => WhitePoint { thermal: 0.0, shot, shared: 0.0, factor: 1.0 },
            WhiteLaw::ThermalAndShot => WhitePoint { thermal, shot, shared: 0.0, factor: 1.0 },
            WhiteLaw::Fano { factor } => {
                let x = ELEMENTARY_CHARGE * volts.abs() / (2.0 * BOLTZMANN * kelvin);
                // At 0 V there is no current, and nothing above the thermal noise.
                let coth = if x > 0.0 { 1.0 / libm::tanh(x) } else { 0.0 };
                WhitePoint { thermal, shot: shot * coth, shared: thermal, factor }
            }
        }
    }

    /// Variance of a cell's current (A²): conductance `siemens` at 0 V, carrying `amperes` at `volts`,
    /// at `kelvin`.
    pub fn variance(&self, siemens: f64, volts: f64, amperes: f64, kelvin: f64) -> f64 {
        let point = self.at(volts, kelvin);
        point.thermal(siemens) + point.shot(siemens, amperes)
    }
}

/// Thermal and shot noise of cells at one voltage and temperature; the crossover form counts what it has
/// at 0 V as thermal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WhitePoint {
    /// Per siemens at 0 V (A²/S).
    thermal: f64,
    /// Per ampere (A).
    shot: f64,
    /// Thermal noise that is contained in shot noise, per siemens at 0 V (A²/S).
    shared: f64,
    /// Fano factor.
    factor: f64,
}

impl WhitePoint {
    /// Thermal variance (A²) of a cell of `siemens` at 0 V: the same at all voltages.
    pub(crate) fn thermal(&self, siemens: f64) -> f64 {
        self.thermal * siemens
    }

    /// Variance (A²) that a current adds.
    pub(crate) fn shot(&self, siemens: f64, amperes: f64) -> f64 {
        // A cell that conducts less than at 0 V is not quieter than there.
        self.factor * (self.shot * amperes.abs() - self.shared * siemens).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn the_crossover_has_both_limits() {
        let (siemens, kelvin) = (50e-6, 310.0);
        for factor in [0.0, 0.3, 1.0] {
            let noise = WhiteNoise::new(1.0, WhiteLaw::Fano { factor }).unwrap();
            let thermal = 4.0 * 1.380649e-23 * kelvin * siemens;
            assert_relative_eq!(noise.variance(siemens, 0.0, 0.0, kelvin), thermal, max_relative = 1e-14);
            // 2 µV: far below kT/q.
            assert_relative_eq!(noise.variance(siemens, 2e-6, 1e-10, kelvin), thermal, max_relative = 1e-9);
            // 10 V: coth is 1.
            let high = thermal * (1.0 - factor) + 2.0 * 1.602176634e-19 * 10.0 * siemens * factor;
            assert_relative_eq!(
                noise.variance(siemens, 10.0, 10.0 * siemens, kelvin),
                high,
                max_relative = 1e-12
            );
            // As the formula is printed, in between.
            let x = 1.602176634e-19 * 0.05 / (2.0 * 1.380649e-23 * kelvin);
            let printed = thermal * (1.0 - factor)
                + 2.0 * 1.602176634e-19 * (0.05 * siemens) * factor * x.cosh() / x.sinh();
            assert_relative_eq!(
                noise.variance(siemens, 0.05, 0.05 * siemens, kelvin),
                printed,
                max_relative = 1e-12
            );
        }
    }

    #[test]
    fn pytorx_merged_form_is_the_plain_sum() {
        // √(G f (4kT + 2qV)).
        let (siemens, volts, kelvin, hertz) = (3e-6f64, 0.3, 300.0, 1e7);
        let merged = siemens * hertz * (4.0 * 1.380649e-23 * kelvin + 2.0 * 1.602176634e-19 * volts);
        let noise = WhiteNoise::new(hertz, WhiteLaw::ThermalAndShot).unwrap();
        assert_relative_eq!(
            noise.variance(siemens, volts, siemens * volts, kelvin),
            merged,
            max_relative = 1e-14
        );
    }
}
