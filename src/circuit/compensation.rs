//! What digital calibration and programming can do against wires.

use super::network::Cells;
use super::transfer::effective_conductances;
use super::wires::Wires;
use crate::checked::checked_serde;
use crate::error::{Error, Result, check_integer, check_length, check_real};

/// A digital gain and offset for every column, the best for random inputs.
///
/// **Equation.** Rows are driven independently, each with probability `p`. Per volt, the current ought to be
/// `y = Σ G_i x_i` and is `z = Σ T_i x_i`. The mean of `(y − a z − b)²` is least at `a = Σ G_i T_i / Σ T_i²`,
/// which is `Cov(y, z) / Var(z)` whatever `p`, and `b = p Σ (G_i − a T_i)`. It is
/// `p (1 − p) Σ (G_i − T_i)² + p² (Σ (G_i − T_i))²` before and `p (1 − p) Σ (G_i − a T_i)²` after. A column that
/// does not conduct keeps gain 1. **Units.** Siemens, amperes per volt of the read. **Valid range.** `p` above
/// 0, at most 1. **Drawn.** Nothing. **Source.** Linear regression.
///
/// ```
/// use forms_xbar::circuit::ColumnCalibration;
///
/// // Two rows and one column that loses a tenth of its current.
/// let calibration = ColumnCalibration::fit(&[20e-6, 40e-6], &[18e-6, 36e-6], 2, 1, 0.5)?;
/// assert!((calibration.gains()[0] - 1.0 / 0.9).abs() < 1e-12);
/// assert!((calibration.corrected(&[54e-6])?[0] - 60e-6).abs() < 1e-17);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnCalibration {
    gains: Vec<f64>,
    offsets_siemens: Vec<f64>,
    rms_before_siemens: Vec<f64>,
    rms_after_siemens: Vec<f64>,
}

impl ColumnCalibration {
    /// Fits columns that ought to conduct `target` and conduct `effective`, both `[row][column]` (S), over
    /// the rows that one conversion sums; a row is driven with probability `activity`.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for no rows or columns; [`Error::Length`] for slices of another length;
    /// [`Error::Conductance`] for a conductance that is negative or not finite; [`Error::Real`] for an
    /// activity that is not above 0 and at most 1.
    pub fn fit(
        target: &[f64],
        effective: &[f64],
        rows: usize,
        columns: usize,
        activity: f64,
    ) -> Result<Self> {
        let cells = |siemens| Cells { array: (rows, columns), rows, columns, siemens };
        for siemens in [target, effective] {
            cells(siemens).check()?;
            cells(siemens).of_rows(0..rows)?;
        }
        check_real("share of driven rows", activity, f64::MIN_POSITIVE, 1.0)?;
        // In units of the largest, whose square is a number.
        let unit = target.iter().chain(effective).copied().fold(0.0, f64::max);
        let unit = if unit > 0.0 { unit } else { 1.0 };
        let scaled = |siemens: &[f64]| siemens.iter().map(|siemens| siemens / unit).collect::<Vec<_>>();
        let (target, effective) = (scaled(target), scaled(effective));
        let mut sums = vec![Products::default(); columns];
        for (target, effective) in target.chunks_exact(columns).zip(effective.chunks_exact(columns)) {
            for ((sums, &target), &effective) in sums.iter_mut().zip(target).zip(effective) {
                sums.target_effective += target * effective;
                sums.effective_squared += effective * effective;
            }
        }
        let gains: Vec<f64> = sums.iter().map(Products::gain).collect();
        let residuals = |gains: &[f64]| {
            let mut residuals = vec![Residual::default(); columns];
            for (target, effective) in target.chunks_exact(columns).zip(effective.chunks_exact(columns)) {
                for (column, residual) in residuals.iter_mut().enumerate() {
                    residual.add(target[column] - gains[column] * effective[column]);
                }
            }
            residuals
        };
        let (before, after) = (residuals(&vec![1.0; columns]), residuals(&gains));
        let scatter = activity * (1.0 - activity);
        Ok(ColumnCalibration {
            gains,
            offsets_siemens: after.iter().map(|left| activity * left.sum * unit).collect(),
            rms_before_siemens: before
                .iter()
                .map(|left| {
                    (scatter * left.squares + (activity * left.sum) * (activity * left.sum)).sqrt() * unit
                })
                .collect(),
            rms_after_siemens: after.iter().map(|left| (scatter * left.squares).sqrt() * unit).collect(),
        })
    }

    /// Gain of every column.
    pub fn gains(&self) -> &[f64] {
        &self.gains
    }

    /// What is added to every column after the gain (S).
    pub fn offsets_siemens(&self) -> &[f64] {
        &self.offsets_siemens
    }

    /// Root mean square error of every column without calibration (S).
    pub fn rms_before_siemens(&self) -> &[f64] {
        &self.rms_before_siemens
    }

    /// Root mean square error of every column with calibration (S).
    pub fn rms_after_siemens(&self) -> &[f64] {
        &self.rms_after_siemens
    }

    /// The currents of all columns per volt (S), corrected.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for another number of columns.
    pub fn corrected(&self, siemens: &[f64]) -> Result<Vec<f64>> {
        check_length("currents to correct", self.gains.len(), siemens.len())?;
        let corrections = self.gains.iter().zip(&self.offsets_siemens);
        Ok(siemens.iter().zip(corrections).map(|(siemens, (gain, offset))| gain * siemens + offset).collect())
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Products {
    target_effective: f64,
    effective_squared: f64,
}

impl Products {
    fn gain(&self) -> f64 {
        if self.effective_squared > 0.0 { self.target_effective / self.effective_squared } else { 1.0 }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Residual {
    sum: f64,
    squares: f64,
}

impl Residual {
    fn add(&mut self, siemens: f64) {
        self.sum += siemens;
        self.squares += siemens * siemens;
    }
}

/// When pre-distortion is good enough, and when it gives up.
///
/// ```
/// use forms_xbar::circuit::PredistortionSettings;
///
/// let settings = PredistortionSettings::default().with_tolerance(1e-4)?;
/// assert_eq!(settings.tolerance(), 1e-4);
/// assert!(settings.with_max_iterations(0).is_err());
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct PredistortionSettings {
    tolerance: f64,
    max_iterations: usize,
}

checked_serde!(PredistortionSettings);

impl Default for PredistortionSettings {
    /// A relative error of 10⁻⁶ within 500 iterations.
    fn default() -> Self {
        PredistortionSettings { tolerance: 1e-6, max_iterations: 500 }
    }
}

impl PredistortionSettings {
    /// The largest relative error of a cell that is not held back by its range.
    ///
    /// # Errors
    ///
    /// [`Error::Real`] for a tolerance below 10⁻¹² or above 1.
    pub fn with_tolerance(self, tolerance: f64) -> Result<Self> {
        let settings = PredistortionSettings { tolerance, ..self };
        settings.check()?;
        Ok(settings)
    }

    /// Networks solved before giving up.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for none or more than a million.
    pub fn with_max_iterations(self, max_iterations: usize) -> Result<Self> {
        let settings = PredistortionSettings { max_iterations, ..self };
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<()> {
        check_real("tolerance of pre-distortion", self.tolerance, 1e-12, 1.0)?;
        check_integer("iterations of pre-distortion", self.max_iterations, 1, 1_000_000)
    }

    /// The largest relative error of a cell that is not held back by its range.
    pub fn tolerance(&self) -> f64 {
        self.tolerance
    }

    /// Networks solved before giving up.
    pub fn max_iterations(&self) -> usize {
        self.max_iterations
    }
}

/// Conductances that wires turn into the wanted ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Predistortion {
    siemens: Vec<f64>,
    effective: Vec<f64>,
    iterations: usize,
    largest_error: f64,
    rms_error: f64,
    held_at_off: usize,
    held_at_on: usize,
}

impl Predistortion {
    /// Conductances to program (S), `[row][column]`.
    pub fn siemens(&self) -> &[f64] {
        &self.siemens
    }

    /// What the network makes of them (S), `[row][column]`.
    pub fn effective(&self) -> &[f64] {
        &self.effective
    }

    /// Networks solved.
    pub fn iterations(&self) -> usize {
        self.iterations
    }

    /// Largest error of a cell, relative to its target.
    pub fn largest_error(&self) -> f64 {
        self.largest_error
    }

    /// Root mean square error of all cells, relative to their targets.
    pub fn rms_error(&self) -> f64 {
        self.rms_error
    }

    /// Cells at `g_off` that conduct too much.
    pub fn held_at_off(&self) -> usize {
        self.held_at_off
    }

    /// Cells at `g_on` that conduct too little.
    pub fn held_at_on(&self) -> usize {
        self.held_at_on
    }
}

/// Conductances within `g_off..=g_on` whose [`effective_conductances`] meet the conductances of `targets`, as
/// far as that range allows.
///
/// **Equation.** `G ← G · G_target / T`, within the range, starting from the targets: a few iterations where
/// wires take a tenth of the current, a hundred where they take half. **Units.** Siemens. **Valid range.**
/// `0 < g_off < g_on`, targets within. **Drawn.** Nothing.
///
/// A cell that cannot reach its target stays at the end of the range and is counted; the others take its
/// place into account.
///
/// ```
/// use forms_xbar::circuit::{Cells, PredistortionSettings, Wires, predistort};
///
/// // A cell of 50 µS behind 1 kΩ: 1 / (20 kΩ − 1 kΩ).
/// let wires = Wires::new(0.0, 0.0)?.with_terminals(1e3, 0.0)?;
/// let targets = Cells { array: (1, 1), rows: 1, columns: 1, siemens: &[50e-6] };
/// let found = predistort(&wires, targets, 1, (1e-6, 100e-6), PredistortionSettings::default())?;
/// assert!((found.siemens()[0] * 19e3 - 1.0).abs() < 1e-6);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Real`] or [`Error::Order`] for a range that is none, [`Error::Real`] for a target outside it;
/// [`Error::Convergence`] if cells within the range have not met their targets after the last iteration; and
/// what [`effective_conductances`] returns.
pub fn predistort(
    wires: &Wires,
    targets: Cells,
    group_rows: usize,
    (g_off, g_on): (f64, f64),
    settings: PredistortionSettings,
) -> Result<Predistortion> {
    check_range(targets, (g_off, g_on))?;
    let mut siemens = targets.siemens.to_vec();
    let mut residual = f64::INFINITY;
    for iteration in 1..=settings.max_iterations {
        let effective = effective_conductances(wires, Cells { siemens: &siemens, ..targets }, group_rows)?;
        let mut met = Predistortion {
            siemens: Vec::new(),
            effective: Vec::new(),
            iterations: iteration,
            largest_error: 0.0,
            rms_error: 0.0,
            held_at_off: 0,
            held_at_on: 0,
        };
        residual = 0.0;
        let mut next = Vec::with_capacity(siemens.len());
        for ((&target, &g), &t) in targets.siemens.iter().zip(&siemens).zip(&effective) {
            let error = (t / target - 1.0).abs();
            met.largest_error = met.largest_error.max(error);
            met.rms_error += error * error;
            let wanted = g * (target / t);
            next.push(wanted.clamp(g_off, g_on));
            if error <= settings.tolerance {
                continue;
            }
            if g == g_on && wanted > g_on {
                met.held_at_on += 1;
            } else if g == g_off && wanted < g_off {
                met.held_at_off += 1;
            } else {
                residual = residual.max(error);
            }
        }
        if residual <= settings.tolerance {
            met.rms_error = (met.rms_error / siemens.len() as f64).sqrt();
            return Ok(Predistortion { siemens, effective, ..met });
        }
        siemens = next;
    }
    Err(Error::Convergence {
        name: "pre-distortion",
        iterations: settings.max_iterations,
        residual,
        limit: settings.tolerance,
    })
}

fn check_range(targets: Cells, (g_off, g_on): (f64, f64)) -> Result<()> {
    check_real("g_off (S)", g_off, f64::MIN_POSITIVE, f64::MAX)?;
    check_real("g_on (S)", g_on, f64::MIN_POSITIVE, f64::MAX)?;
    if g_off >= g_on {
        return Err(Error::Order { low: "g_off (S)", low_value: g_off, high: "g_on (S)", high_value: g_on });
    }
    targets.check()?;
    targets.of_rows(0..targets.rows)?;
    let mut targets = targets.siemens.iter();
    targets.try_for_each(|&target| check_real("conductance to be met (S)", target, g_off, g_on))
}
