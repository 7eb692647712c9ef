//! Relaxation: what cells do on their own after a write.

use super::Conditions;
use super::log_time::{Curve, LogTimeCurve, check_span};
use crate::checked::checked_serde;
use crate::error::{Result, check_real};
use crate::key::{Key, Purpose};
use crate::simd::vectorised;

/// Cells handled at once: whole chunks of a stream's fill, so that cell `i` takes draw `i`.
const PART: usize = 128;

/// The spread and the shift of conductances after a write, growing with the logarithm of time.
///
/// **Equation.** `G(t)` is a normal of mean `G_0 + μ(G_0, t)`, taken as 0 where negative, and deviation
/// `σ(G_0, t)`, truncated to `G ≥ 0`; `μ` and `σ` are [`LogTimeCurve`]s
/// `f_0(G_0) + f_1(G_0) · ln(t / t_0)` of the conductance `G_0` that the write (and endurance) left. Between the write
/// and `t_0` they rise in proportion to `t / t_0`, which is our choice. A cell keeps one draw for all
/// times, so its path is continuous. **Units.** Siemens and seconds. **Valid range.** Up to the end
/// of the fit; `t_0` and the end 10⁻⁹–10¹² s; `σ ≥ 0` at both and 257 conductances. **Drawn.** Once per write,
/// one stream per array and word line. **Source.** The form of the fits below: NeuRRAM (Wan et al., Nature
/// 2022), measured a second and a day after the write, and CMO/HfOx, both as in IBM's aihwkit.
///
/// ```
/// use forms_xbar::device::{LogTimeCurve, Relaxation};
///
/// // NeuRRAM: σ in µS over G / 40 µS, after a second and after a day.
/// let neurram = Relaxation::between(
///     40e-6,
///     1e-6,
///     (0.0, 40e-6),
///     (1.0, &[0.348, 16.03, -43.853, 45.393, -16.815]),
///     (86_400.0, &[0.701, 22.086, -50.773, 47.095, -16.458]),
/// )?;
/// assert!((neurram.deviation(20e-6, 1.0) - 2.0229375e-6).abs() < 1e-18);
///
/// // CMO/HfOx: mean −0.0890 ln t µS, σ = 0.0420 ln t + 0.4118 µS, t in seconds.
/// let mean = LogTimeCurve::constant(0.0, -0.0890e-6)?;
/// let sigma = LogTimeCurve::constant(0.4118e-6, 0.0420e-6)?;
/// assert!(Relaxation::new((1.0, 86_400.0), mean, sigma).is_ok());
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct Relaxation {
    start_secs: f64,
    until_secs: f64,
    mean: LogTimeCurve,
    deviation: LogTimeCurve,
}

checked_serde!(Relaxation);

impl Relaxation {
    /// Relaxation of this `mean` shift and this `deviation`, for `t_0` and the end of the fit in
    /// `span` (s).
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) or [`Error::Order`](crate::Error::Order) for times outside the
    /// valid range and for a curve that leaves single precision, or a negative deviation.
    pub fn new(span: (f64, f64), mean: LogTimeCurve, deviation: LogTimeCurve) -> Result<Self> {
        let relaxation = Relaxation { start_secs: span.0, until_secs: span.1, mean, deviation };
        relaxation.check()?;
        Ok(relaxation)
    }

    /// Relaxation without a shift whose deviation goes through two fits over conductance, each
    /// `(seconds, coefficients)` with the earlier first: that is `t_0`, the later the end. Scale, unit and
    /// range (S) as in [`LogTimeCurve::new`].
    ///
    /// # Errors
    ///
    /// Those of [`LogTimeCurve::new`] and [`Relaxation::new`].
    pub fn between(
        scale: f64,
        unit: f64,
        range: (f64, f64),
        early: (f64, &[f64]),
        late: (f64, &[f64]),
    ) -> Result<Self> {
        let deviation = LogTimeCurve::between(scale, unit, range, early, late)?;
        Self::new((early.0, late.0), LogTimeCurve::ZERO, deviation)
    }

    fn check(&self) -> Result<()> {
        check_span(self.start_secs, self.until_secs)?;
        let largest = f64::from(f32::MAX);
        for e_folds in [0.0, libm::log(self.until_secs / self.start_secs)] {
            self.mean.check_values("mean of relaxation (S)", e_folds, (-largest, largest))?;
            self.deviation.check_values("deviation of relaxation (S)", e_folds, (0.0, largest))?;
        }
        Ok(())
    }

    /// Whether cells relax each in its own way, so that a number is drawn for each.
    pub fn is_drawn(&self) -> bool {
        !self.deviation.is_zero()
    }

    /// `t_0` of the law (s).
    pub fn start_secs(&self) -> f64 {
        self.start_secs
    }

    /// End of the fit (s).
    pub fn until_secs(&self) -> f64 {
        self.until_secs
    }

    /// The mean shift as a curve.
    pub fn mean_curve(&self) -> &LogTimeCurve {
        &self.mean
    }

    /// The deviation as a curve.
    pub fn deviation_curve(&self) -> &LogTimeCurve {
        &self.deviation
    }

    /// Mean shift (S) of a cell left at `siemens`, at a time (s) since its write.
    pub fn mean(&self, siemens: f64, secs: f64) -> f64 {
        let (ramp, e_folds) = self.progress(secs);
        ramp * self.mean.at(siemens, e_folds)
    }

    /// Deviation (S) of a cell left at `siemens`, at a time (s) since its write, before truncation.
    pub fn deviation(&self, siemens: f64, secs: f64) -> f64 {
        let (ramp, e_folds) = self.progress(secs);
        ramp * self.deviation.at(siemens, e_folds)
    }

    /// The part of the law reached before `t_0`, and the e-folds of time after it.
    fn progress(&self, secs: f64) -> (f64, f64) {
        if secs < self.start_secs {
            (secs / self.start_secs, 0.0)
        } else {
            (1.0, libm::log(secs / self.start_secs))
        }
    }

    /// What these conditions do, `None` if nothing.
    pub(super) fn under(&self, conditions: &Conditions) -> Result<Option<Relaxed>> {
        check_real("elapsed time of relaxation (s)", conditions.elapsed_secs, 0.0, self.until_secs)?;
        let (ramp, e_folds) = self.progress(conditions.elapsed_secs);
        let relaxed =
            Relaxed { mean: self.mean.after(ramp, e_folds), deviation: self.deviation.after(ramp, e_folds) };
        Ok((!relaxed.mean.is_zero() || !relaxed.deviation.is_zero()).then_some(relaxed))
    }
}

/// Mean shift and deviation over conductance at one time.
#[derive(Debug, Clone)]
pub(super) struct Relaxed {
    mean: Curve,
    deviation: Curve,
}

impl Relaxed {
    pub(super) fn apply(&self, write_key: Key, place: [u64; 3], siemens: &mut [f32]) {
        let mut stream = (!self.deviation.is_zero()).then(|| write_key.stream(Purpose::Relaxation, place));
        for part in siemens.chunks_mut(PART) {
            let (mut means, mut deviations) = ([0.0; PART], [0.0; PART]);
            means[..part.len()].copy_from_slice(part);
            self.moments(&mut means, &mut deviations);
            part.copy_from_slice(&means[..part.len()]);
            if let Some(stream) = &mut stream {
                stream.fill_truncated_normals(part, &deviations);
            }
        }
    }

    /// Replaces conductances by their means, and deviations by theirs.
    fn moments(&self, siemens: &mut [f32; PART], deviations: &mut [f32; PART]) {
        vectorised(
            #[inline(always)]
            || {
                let written = siemens.map(f64::from);
                let mut values = [0.0; PART];
                if !self.deviation.is_zero() {
                    self.deviation.fill(&written, &mut values);
                    // Checked at points of the range; between two of them it may touch 0 from below.
                    *deviations = values.map(|deviation| deviation.max(0.0) as f32);
                }
                if !self.mean.is_zero() {
                    self.mean.fill(&written, &mut values);
                    for (cell, (written, shift)) in siemens.iter_mut().zip(written.iter().zip(&values)) {
                        *cell = (written + shift).max(0.0) as f32;
                    }
                }
            },
        );
    }
}
