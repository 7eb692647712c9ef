//! 1/f noise.

use super::Persistence;
use crate::checked::checked_serde;
use crate::error::{Error, Result, check_real};

/// How strong the 1/f noise of a cell is, as the deviation `s` of its conductance per square root of
/// an e-fold of frequency: `S_G(f) = s²/f`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case", deny_unknown_fields))]
pub enum FlickerAmplitude {
    /// `s = σ·G`, so `S_I/I² = σ²/f`.
    Relative {
        /// Relative deviation per square root of an e-fold, 0–10.
        sigma: f64,
    },
    /// Equal to the cell's white noise at this frequency: `S_I(f) = S_white·f_c/f`. Needs white noise.
    Corner {
        /// Corner frequency (Hz), above 0.
        hertz: f64,
    },
    /// `s = a·log₁₀(G/u)`, none where `G ≤ u`: aihwkit's fit of CMO/HfOx, 0.02773 µS per decade above
    /// 1 µS.
    LogConductance {
        /// Deviation per decade of conductance (S).
        siemens_per_decade: f64,
        /// Conductance without noise (S), above 0.
        unit_siemens: f64,
    },
}

/// 1/f noise of cells between two frequencies.
///
/// **Equation.** Each cell's conductance has the one-sided density `s²/f` from `lowest_hz` (one over
/// the time since it was last trimmed) to `highest_hz`: variance `s² ln(highest/lowest)`. Over the
/// planes of a vector it is a held normal number, for what is slower than the vector, and one per
/// octave above it, redrawn every 2ᵏ planes. **Units.** Hertz, siemens. **Valid range.**
/// `0 < lowest < highest`; amplitudes as their variants say. **Drawn.** At every vector, then as
/// [`Persistence`] says. **Source.** Hooge's relative form; aihwkit's `ReRamCMO` fit for
/// [`FlickerAmplitude::LogConductance`]; octaves are our choice.
///
/// ```
/// use forms_xbar::device::{Flicker, FlickerAmplitude};
///
/// let flicker = Flicker::new(FlickerAmplitude::Relative { sigma: 0.002 }, 1.0, 1e6)?;
/// // √ln 10⁶ = 3.7 times 0.2 %.
/// assert!((flicker.deviation_siemens(100e-6, 0.0) / 100e-6 - 0.00743).abs() < 1e-5);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct Flicker {
    amplitude: FlickerAmplitude,
    lowest_hz: f64,
    highest_hz: f64,
}

checked_serde!(Flicker);

impl Flicker {
    /// Noise of this amplitude between two frequencies (Hz).
    ///
    /// # Errors
    ///
    /// [`Error::Real`] for a number outside its range, [`Error::Order`] for `lowest ≥ highest`.
    pub fn new(amplitude: FlickerAmplitude, lowest_hz: f64, highest_hz: f64) -> Result<Self> {
        let flicker = Flicker { amplitude, lowest_hz, highest_hz };
        flicker.check()?;
        Ok(flicker)
    }

    pub(super) fn check(&self) -> Result<()> {
        let (low, high) = ("lowest 1/f frequency (Hz)", "highest 1/f frequency (Hz)");
        check_real(low, self.lowest_hz, 1e-15, 1e15)?;
        check_real(high, self.highest_hz, 1e-15, 1e15)?;
        if self.lowest_hz >= self.highest_hz {
            return Err(Error::Order { low, low_value: self.lowest_hz, high, high_value: self.highest_hz });
        }
        match self.amplitude {
            FlickerAmplitude::Relative { sigma } => check_real("1/f amplitude", sigma, 0.0, 10.0),
            FlickerAmplitude::Corner { hertz } => {
                check_real("1/f corner frequency (Hz)", hertz, f64::MIN_POSITIVE, 1e15)
            }
            FlickerAmplitude::LogConductance { siemens_per_decade, unit_siemens } => {
                check_real("1/f amplitude (S per decade)", siemens_per_decade, 0.0, f64::MAX)?;
                check_real("conductance without 1/f noise (S)", unit_siemens, f64::MIN_POSITIVE, f64::MAX)
            }
        }
    }

    /// How strong the noise is.
    pub fn amplitude(&self) -> FlickerAmplitude {
        self.amplitude
    }

    /// Lowest frequency (Hz).
    pub fn lowest_hz(&self) -> f64 {
        self.lowest_hz
    }

    /// Highest frequency (Hz).
    pub fn highest_hz(&self) -> f64 {
        self.highest_hz
    }

    /// Whether no cell has 1/f noise.
    pub(super) fn is_none(&self) -> bool {
        match self.amplitude {
            FlickerAmplitude::Relative { sigma } => sigma == 0.0,
            FlickerAmplitude::Corner { .. } => false,
            FlickerAmplitude::LogConductance { siemens_per_decade, .. } => siemens_per_decade == 0.0,
        }
    }

    /// Standard deviation of the conductance of a cell of `siemens` whose white noise is
    /// `white_siemens` per √Hz, over all frequencies (S).
    pub fn deviation_siemens(&self, siemens: f64, white_siemens: f64) -> f64 {
        let per_e_fold = match self.amplitude {
            FlickerAmplitude::Relative { sigma } => sigma * siemens,
            FlickerAmplitude::Corner { hertz } => white_siemens * hertz.sqrt(),
            FlickerAmplitude::LogConductance { siemens_per_decade, unit_siemens } => {
                siemens_per_decade * libm::log10(siemens.max(unit_siemens) / unit_siemens)
            }
        };
        per_e_fold * libm::log(self.highest_hz / self.lowest_hz).sqrt()
    }

    /// How the deviation splits over time scales, for at most `planes` planes of `plane_secs`: the
    /// weight of what is held for the vector, and of what is redrawn every 1, 2, 4 … planes. The
    /// squares of all weights sum to 1.
    pub(crate) fn weights(&self, persistence: Persistence, plane_secs: f64, planes: u32) -> (f64, Vec<f64>) {
        match persistence {
            Persistence::Held => (1.0, Vec::new()),
            Persistence::Evolved if planes <= 1 => (1.0, Vec::new()),
            Persistence::Redrawn => (0.0, vec![1.0]),
            Persistence::Evolved => {
                let nyquist = 1.0 / (2.0 * plane_secs);
                let octaves = planes.next_power_of_two().trailing_zeros();
                let all = libm::log(self.highest_hz / self.lowest_hz);
                let within = |from: f64, to: f64| {
                    let (from, to) = (from.max(self.lowest_hz), to.min(self.highest_hz));
                    if from < to { (libm::log(to / from) / all).sqrt() } else { 0.0 }
                };
                let edge = |k: u32| nyquist / f64::from(1u32 << k);
                let octave = |k: u32| within(edge(k + 1), if k == 0 { f64::INFINITY } else { edge(k) });
                (within(0.0, edge(octaves)), (0..octaves).map(octave).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn weights_share_the_whole_variance() {
        let amplitude = FlickerAmplitude::Relative { sigma: 0.01 };
        for (low, high) in [(1.0, 1e12), (1.0, 1e3), (1e8, 1e9), (4e6, 2e7)] {
            let flicker = Flicker::new(amplitude, low, high).unwrap();
            for persistence in [Persistence::Held, Persistence::Evolved, Persistence::Redrawn] {
                for planes in [1, 2, 7, 8, 16] {
                    let (held, octaves) = flicker.weights(persistence, 15e-9, planes);
                    let sum = held * held + octaves.iter().map(|w| w * w).sum::<f64>();
                    assert_relative_eq!(sum, 1.0, max_relative = 1e-12);
                }
            }
        }
    }

    #[test]
    fn slow_noise_is_held_and_fast_noise_is_not() {
        let amplitude = FlickerAmplitude::Relative { sigma: 0.01 };
        let weights =
            |low, high| Flicker::new(amplitude, low, high).unwrap().weights(Persistence::Evolved, 15e-9, 8);
        assert_eq!(weights(1.0, 1e3), (1.0, vec![0.0; 3]));
        assert_eq!(weights(1e9, 1e10), (0.0, vec![1.0, 0.0, 0.0]));
        // Nyquist is 33.3 MHz: three octaves above 4.17 MHz, one octave ln 2 each.
        let (held, octaves) = weights(1.0, 1.0 / 30e-9);
        let all = (1.0f64 / 30e-9).ln();
        for octave in octaves {
            assert_relative_eq!(octave * octave, 2f64.ln() / all, max_relative = 1e-12);
        }
        assert_relative_eq!(held * held, 1.0 - 8f64.ln() / all, max_relative = 1e-12);
    }

    #[test]
    fn cmo_fit_is_aihwkits() {
        // σ(µS) = 0.02773 log₁₀ G √ln((t + t_r) / 2 t_r), t_r = 1 µs.
        let (t, t_r) = (1.0, 1e-6);
        let amplitude =
            FlickerAmplitude::LogConductance { siemens_per_decade: 0.02773e-6, unit_siemens: 1e-6 };
        let flicker = Flicker::new(amplitude, 1.0 / (t + t_r), 1.0 / (2.0 * t_r)).unwrap();
        let printed = 0.02773e-6 * 50f64.log10() * ((t + t_r) / (2.0 * t_r)).ln().sqrt();
        assert_relative_eq!(flicker.deviation_siemens(50e-6, 0.0), printed, max_relative = 1e-12);
        assert_eq!(flicker.deviation_siemens(0.5e-6, 0.0), 0.0);
    }
}
