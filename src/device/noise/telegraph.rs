//! Random telegraph noise.

use crate::checked::checked_serde;
use crate::error::{Result, check_real};
use crate::key::{Key, Purpose};

/// How far the two states of a cell lie apart, `a = ΔR/R`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case", deny_unknown_fields))]
pub enum TelegraphAmplitude {
    /// The same for every cell.
    Constant {
        /// `ΔR/R`, 0–100.
        relative: f64,
    },
    /// `ΔR/R = min(per_ohm · R + offset, cap)`.
    LinearInResistance {
        /// Slope (1/Ω).
        per_ohm: f64,
        /// `ΔR/R` at 0 Ω.
        offset: f64,
        /// Largest `ΔR/R`, 0–100: the line was fitted below it.
        cap: f64,
    },
    /// `ΔR/R = min(median · exp(σ z), cap)`, drawn once per die for every cell.
    Lognormal {
        /// Median of `ΔR/R`, above 0.
        median: f64,
        /// Standard deviation of its logarithm, 0–10.
        sigma: f64,
        /// Largest `ΔR/R`, 0–100.
        cap: f64,
    },
}

/// Random telegraph noise: every cell has a trap that is filled or empty.
///
/// **Equation.** Filled: `R(1 + a)`, empty: `R`, so the two conductances differ by
/// `ΔG = G·a/(1 + a)`. The programmed conductance is their mean, weighted by the time in each:
/// noise that adds no offset. A trap fills after an exponential time of mean `untrapped_secs` and
/// empties after one of mean `trapped_secs`; it is filled with probability
/// `d = trapped / (trapped + untrapped)`, so one cell adds `ΔG² d (1 − d)` of variance, correlated
/// over a time `t` by `exp(−t (1/trapped + 1/untrapped))`. **Units.** Seconds; `a` is a pure number.
/// **Valid range.** Times from 1 fs up; amplitudes as their variants say. **Drawn.** Lognormal
/// amplitudes once per die; states at every vector, then as [`Persistence`](super::Persistence)
/// says. Three cells in two states each are not Gaussian. **Source.** He et al. (PytorX, DAC 2019,
/// citing Ielmini): `a = 1.662e-7/Ω · R + 0.0015`, half of the time each; lognormal amplitudes as
/// measured by Joksas et al. (Nature Communications 2020).
///
/// ```
/// use forms_xbar::device::Telegraph;
///
/// let pytorx = Telegraph::pytorx(1e-3)?;
/// // 1.8 % at 100 kΩ, 0.32 % at 10 kΩ.
/// assert!((pytorx.relative(10e-6, 0.0) - 0.0181).abs() < 1e-4);
/// assert!((pytorx.relative(100e-6, 0.0) - 0.0032).abs() < 1e-4);
/// assert_eq!(pytorx.duty(), 0.5);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct Telegraph {
    amplitude: TelegraphAmplitude,
    trapped_secs: f64,
    untrapped_secs: f64,
}

checked_serde!(Telegraph);

/// Largest `ΔR/R`: a filled trap a hundred times the resistance of an empty one.
const MAX_RELATIVE: f64 = 100.0;

impl Telegraph {
    /// Traps of this amplitude, filled and empty for these mean times (s).
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for numbers outside their valid range.
    pub fn new(amplitude: TelegraphAmplitude, trapped_secs: f64, untrapped_secs: f64) -> Result<Self> {
        let telegraph = Telegraph { amplitude, trapped_secs, untrapped_secs };
        telegraph.check()?;
        Ok(telegraph)
    }

    /// PytorX's amplitudes, half of the time each; capped at 1, far beyond the fit. The dwell time
    /// (s) is not printed.
    ///
    /// # Errors
    ///
    /// As [`Telegraph::new`].
    pub fn pytorx(dwell_secs: f64) -> Result<Self> {
        let amplitude =
            TelegraphAmplitude::LinearInResistance { per_ohm: 1.662e-7, offset: 0.0015, cap: 1.0 };
        Self::new(amplitude, dwell_secs, dwell_secs)
    }

    pub(super) fn check(&self) -> Result<()> {
        for (name, secs) in [
            ("time in the trapped state (s)", self.trapped_secs),
            ("time in the untrapped state (s)", self.untrapped_secs),
        ] {
            check_real(name, secs, 1e-15, 1e15)?;
        }
        match self.amplitude {
            TelegraphAmplitude::Constant { relative } => {
                check_real("telegraph amplitude", relative, 0.0, MAX_RELATIVE)
            }
            TelegraphAmplitude::LinearInResistance { per_ohm, offset, cap } => {
                check_real("telegraph amplitude per ohm", per_ohm, 0.0, f64::MAX)?;
                check_real("telegraph amplitude at 0 ohm", offset, 0.0, MAX_RELATIVE)?;
                check_real("cap of telegraph amplitudes", cap, 0.0, MAX_RELATIVE)
            }
            TelegraphAmplitude::Lognormal { median, sigma, cap } => {
                check_real("median of telegraph amplitudes", median, f64::MIN_POSITIVE, MAX_RELATIVE)?;
                check_real("sigma of telegraph amplitudes", sigma, 0.0, 10.0)?;
                check_real("cap of telegraph amplitudes", cap, 0.0, MAX_RELATIVE)
            }
        }
    }

    /// How far the states lie apart.
    pub fn amplitude(&self) -> TelegraphAmplitude {
        self.amplitude
    }

    /// Mean time in the trapped state (s).
    pub fn trapped_secs(&self) -> f64 {
        self.trapped_secs
    }

    /// Mean time in the untrapped state (s).
    pub fn untrapped_secs(&self) -> f64 {
        self.untrapped_secs
    }

    /// Fraction of time in the trapped state.
    pub fn duty(&self) -> f64 {
        self.trapped_secs / (self.trapped_secs + self.untrapped_secs)
    }

    /// Probabilities of filling and of emptying within `secs`:
    /// `d (1 − e)` and `(1 − d)(1 − e)` with `e = exp(−t (1/trapped + 1/untrapped))`.
    pub fn transitions(&self, secs: f64) -> (f64, f64) {
        let moved = -libm::expm1(-secs * (1.0 / self.trapped_secs + 1.0 / self.untrapped_secs));
        (self.duty() * moved, (1.0 - self.duty()) * moved)
    }

    /// Whether no cell has two states.
    pub(super) fn is_none(&self) -> bool {
        match self.amplitude {
            TelegraphAmplitude::Constant { relative } => relative == 0.0,
            TelegraphAmplitude::LinearInResistance { per_ohm, offset, cap } => {
                per_ohm + offset == 0.0 || cap == 0.0
            }
            TelegraphAmplitude::Lognormal { cap, .. } => cap == 0.0,
        }
    }

    /// Whether amplitudes are drawn.
    pub(crate) fn is_drawn(&self) -> bool {
        matches!(self.amplitude, TelegraphAmplitude::Lognormal { sigma, .. } if sigma > 0.0)
    }

    /// The standard normal numbers behind the amplitudes of one word line; 0 where none is drawn.
    pub(crate) fn draw_amplitudes(&self, device_key: Key, place: [u64; 3], z: &mut [f32]) {
        if self.is_drawn() {
            device_key.stream(Purpose::TelegraphAmplitude, place).fill_normals(z);
        } else {
            z.fill(0.0);
        }
    }

    /// `ΔR/R` of a cell of `siemens`, whose amplitude drew the standard normal number `z`.
    pub fn relative(&self, siemens: f64, z: f64) -> f64 {
        match self.amplitude {
            TelegraphAmplitude::Constant { relative } => relative,
            // An open cell has the cap; its current is 0 all the same.
            TelegraphAmplitude::LinearInResistance { per_ohm, .. } if siemens == 0.0 && per_ohm == 0.0 => 0.0,
            TelegraphAmplitude::LinearInResistance { per_ohm, offset, cap } => {
                (per_ohm / siemens + offset).min(cap)
            }
            TelegraphAmplitude::Lognormal { median, sigma, cap } => (median * libm::exp(sigma * z)).min(cap),
        }
    }

    /// Distance of the two conductances of a cell whose mean is `siemens` (S).
    ///
    /// With `G₁ = G₀/(1 + a)` and `G = (1 − d) G₀ + d G₁`: `ΔG = G a / (1 + a (1 − d))`.
    pub fn delta_siemens(&self, siemens: f64, z: f64) -> f64 {
        let a = self.relative(siemens, z);
        siemens * a / (1.0 + a * (1.0 - self.duty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn states_are_a_apart_and_average_to_the_conductance() {
        for (trapped, untrapped) in [(1.0, 1.0), (9.0, 1.0), (1.0, 4.0)] {
            let amplitude = TelegraphAmplitude::Constant { relative: 0.5 };
            let telegraph = Telegraph::new(amplitude, trapped, untrapped).unwrap();
            let (siemens, d) = (20e-6, trapped / (trapped + untrapped));
            let delta = telegraph.delta_siemens(siemens, 0.0);
            let (empty, filled) = (siemens + d * delta, siemens - (1.0 - d) * delta);
            assert_relative_eq!(empty / filled, 1.5, max_relative = 1e-14);
            assert_relative_eq!((1.0 - d) * empty + d * filled, siemens, max_relative = 1e-14);
        }
    }

    #[test]
    fn transitions_keep_the_duty_and_forget_it_slowly() {
        let telegraph = Telegraph::new(TelegraphAmplitude::Constant { relative: 0.1 }, 3e-6, 1e-6).unwrap();
        assert_relative_eq!(telegraph.duty(), 0.75, max_relative = 1e-15);
        for secs in [1e-12, 15e-9, 1e-6, 1.0] {
            let (fill, empty) = telegraph.transitions(secs);
            // What fills equals what empties.
            assert_relative_eq!(0.25 * fill, 0.75 * empty, max_relative = 1e-13);
            let kept = 1.0 - fill - empty;
            assert_relative_eq!(
                kept,
                (-secs * (1.0 / 3e-6 + 1.0 / 1e-6)).exp(),
                max_relative = 1e-12,
                epsilon = 1e-15
            );
        }
    }

    #[test]
    fn an_open_cell_has_no_states() {
        let telegraph = Telegraph::pytorx(1.0).unwrap();
        assert_eq!(telegraph.delta_siemens(0.0, 0.0), 0.0);
        assert!(telegraph.relative(1e-12, 0.0) == 1.0);
    }
}
