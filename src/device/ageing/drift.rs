//! Drift: a power law of time.

use super::Conditions;
use crate::checked::checked_serde;
use crate::error::{Result, check_real};
use crate::key::{Key, Purpose};
use crate::math::scale_by_exp;

/// Cells handled at once: whole chunks of a stream's fill, so that cell `i` takes draw `i`.
const PART: usize = 128;

/// A conductance that falls with a power of time, each cell with its own exponent.
///
/// **Equation.** `G → G · (t / t_0)^(−ν)` after `t_0`, none before; `ν` of a cell is normal with mean
/// `ν̄` and deviation `σ_ν`, negative ones included. **Units.** Seconds; exponents are pure numbers. **Valid
/// range.** `ν̄` 0–1, `σ_ν` 0–0.1, `t_0` 10⁻⁹–10¹² s. **Drawn.** Once per write, one stream per array and word
/// line, at times after `t_0`. **Source.** The usual law of phase-change memory, for which `ν` is 0.049–0.1
/// (IBM's aihwkit, which gives ReRAM none). For ReRAM 0–0.01 is recalled, not sourced.
///
/// ```
/// use forms_xbar::device::Drift;
///
/// let drift = Drift::new(0.005, 0.001, 1.0)?;
/// assert_eq!(drift.mean_exponent(), 0.005);
/// assert!(Drift::new(0.005, -0.001, 1.0).is_err());
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct Drift {
    mean_exponent: f64,
    exponent_deviation: f64,
    start_secs: f64,
}

checked_serde!(Drift);

impl Drift {
    /// Drift with exponents of this mean and deviation, from `start_secs` after the write on.
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for a part outside the valid range.
    pub fn new(mean_exponent: f64, exponent_deviation: f64, start_secs: f64) -> Result<Self> {
        let drift = Drift { mean_exponent, exponent_deviation, start_secs };
        drift.check()?;
        Ok(drift)
    }

    fn check(&self) -> Result<()> {
        check_real("mean drift exponent", self.mean_exponent, 0.0, 1.0)?;
        check_real("deviation of the drift exponent", self.exponent_deviation, 0.0, 0.1)?;
        check_real("start of drift (s)", self.start_secs, 1e-9, 1e12)
    }

    /// Mean exponent.
    pub fn mean_exponent(&self) -> f64 {
        self.mean_exponent
    }

    /// Standard deviation of the exponent between cells.
    pub fn exponent_deviation(&self) -> f64 {
        self.exponent_deviation
    }

    /// Time after the write from which cells drift (s).
    pub fn start_secs(&self) -> f64 {
        self.start_secs
    }

    /// What these conditions do, `None` if nothing.
    pub(super) fn under(&self, conditions: &Conditions) -> Option<Drifted> {
        let still = self.mean_exponent == 0.0 && self.exponent_deviation == 0.0;
        if still || conditions.elapsed_secs <= self.start_secs {
            return None;
        }
        let e_folds = libm::log(conditions.elapsed_secs / self.start_secs);
        Some(Drifted {
            common: libm::exp(-self.mean_exponent * e_folds),
            spread: (-self.exponent_deviation * e_folds) as f32,
        })
    }
}

/// The factor common to all cells, and the deviation of the logarithm of a cell's own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drifted {
    common: f64,
    spread: f32,
}

impl Drifted {
    pub(super) fn apply(&self, write_key: Key, place: [u64; 3], siemens: &mut [f32]) {
        for cell in siemens.iter_mut() {
            *cell = (f64::from(*cell) * self.common) as f32;
        }
        if self.spread == 0.0 {
            return;
        }
        let mut stream = write_key.stream(Purpose::Drift, place);
        let mut normals = [0.0; PART];
        for part in siemens.chunks_mut(PART) {
            let normals = &mut normals[..part.len()];
            stream.fill_normals(normals);
            scale_by_exp(part, normals, self.spread);
        }
    }
}
