//! Polarization from calibration inputs, without labels and without training.

use super::calibration::add_scaled;
use super::column::Column;
use super::{Calibration, FragmentSigns, Moved, Polarization, Quantization, Quantized, SignRule};
use crate::checked::checked_serde;
use crate::error::{Result, check_integer, check_length, check_real};
use crate::weights::RealWeights;

/// The polarized matrix whose outputs are closest to the original's for calibration inputs.
///
/// **Equation.** Minimises `mean ‖xᵀ W − x̂ᵀ Z − b‖² + λ d ‖W − Z‖²` over `Z` with one sign per
/// fragment, on levels where asked for: `x` and `x̂` are the vectors of [`Calibration`], `d` the mean
/// power of an input, `λ` the damping, `b` a correction of the biases ([`PostTraining::with_bias`], else 0). The sum splits into one quadratic per
/// column. **Method.** From the nearest polarized column, fragment after fragment takes the better
/// sign with its best values (coordinate descent on the Gram matrix) until that gains nothing; then
/// steps are chosen by the rule of the [`Quantization`] and levels moved one at a time while
/// that gains. A local optimum, ours in detail; layer-wise reconstruction from a Gram matrix follows
/// E. Frantar and D. Alistarh, *Optimal Brain Compression*, NeurIPS 2022. **Units.** Those of the weights. **Valid range.** `λ ≥ 0`, 0.01 by
/// default (our choice). No matrix is inverted, so a singular Gram matrix is no error: what inputs leave open is
/// decided by the damping, and by the nearest polarized weights where there is none.
///
/// ```
/// use forms_xbar::RealWeights;
/// use forms_xbar::polarize::{Calibration, PostTraining};
///
/// // Two inputs that are always alike: only the sum of their weights matters.
/// let weights = RealWeights::from_row_slice(2, 1, &[3.0, -1.0])?;
/// let mut calibration = Calibration::new(2)?;
/// calibration.add(&[1.0, 1.0, 2.0, 2.0])?;
/// let solved = PostTraining::new(2)?.with_damping(0.0)?.solve(&weights, &calibration)?;
/// assert_eq!(solved.weights.as_row_slice().iter().sum::<f32>(), 2.0);
/// assert!(solved.error < 1e-12 && solved.projected_error > 0.2);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct PostTraining {
    fragment: usize,
    quantization: Option<Quantization>,
    damping: f64,
    sweeps: usize,
    bias: bool,
}

checked_serde!(PostTraining);

/// What [`PostTraining::solve`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Solved {
    /// The polarized matrix.
    pub weights: RealWeights,
    /// The same as integers, where levels were asked for; `clipped` counts the weights that lay beyond the largest
    /// level before any moved.
    pub quantized: Option<Quantized>,
    /// What to add to each output's bias, in the unit of the outputs; 0 unless asked for.
    pub bias: Vec<f64>,
    /// Signs of the fragments.
    pub signs: FragmentSigns,
    /// Mean squared error of the outputs over the calibration vectors, as a fraction of their mean
    /// square (of their variance, with bias correction). 0 where outputs are always 0.
    pub error: f64,
    /// The same for the nearest polarized matrix, without levels.
    pub projected_error: f64,
    /// Inputs that never varied (with bias correction) or never were other than 0.
    pub dead_inputs: usize,
    /// How far the weights moved: further than the nearest polarized matrix.
    pub moved: Moved,
}

impl PostTraining {
    /// Fragments of this many rows.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`](crate::Error::Integer) for a fragment outside 1–65,536.
    pub fn new(fragment: usize) -> Result<Self> {
        let settings = PostTraining { fragment, quantization: None, damping: 0.01, sweeps: 50, bias: false };
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<()> {
        Polarization::new(self.fragment, SignRule::Nearest)?;
        check_real("damping", self.damping, 0.0, f64::MAX)?;
        check_integer("sweeps", self.sweeps, 1, i64::MAX)
    }

    /// Also on levels.
    pub fn with_quantization(self, quantization: Quantization) -> Self {
        PostTraining { quantization: Some(quantization), ..self }
    }

    /// Another damping.
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for one that is negative or not finite.
    pub fn with_damping(self, damping: f64) -> Result<Self> {
        let settings = PostTraining { damping, ..self };
        settings.check()?;
        Ok(settings)
    }

    /// At most this many sweeps over the fragments, and then over the levels; 50 by default.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`](crate::Error::Integer) for none.
    pub fn with_sweeps(self, sweeps: usize) -> Result<Self> {
        let settings = PostTraining { sweeps, ..self };
        settings.check()?;
        Ok(settings)
    }

    /// Corrects the biases for the mean error, so that only what varies has to fit. Biases are added
    /// digitally and take no cell.
    pub fn with_bias(self) -> Self {
        PostTraining { bias: true, ..self }
    }

    /// Solves for one matrix.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`](crate::Error::Integer) for a calibration without vectors,
    /// [`Error::Length`](crate::Error::Length) for one of another number of inputs; those of
    /// [`Quantization::quantize`] for the polarized matrix before levels.
    pub fn solve(&self, weights: &RealWeights, calibration: &Calibration) -> Result<Solved> {
        let (inputs, outputs) = (weights.inputs(), weights.outputs());
        check_length("inputs of the calibration", inputs, calibration.inputs())?;
        check_integer("calibration vectors", calibration.vectors(), 1, i64::MAX)?;
        let moments = Moments::new(calibration, self.bias);
        let damped = moments.damped(self.damping);

        let mut nearest = weights.clone();
        let polarization = Polarization::new(self.fragment, SignRule::Nearest)?;
        let start = polarization.signs(weights);
        polarization.project(&mut nearest);
        let fragments = inputs.div_ceil(self.fragment);

        let originals = columns_of(weights);
        let mut columns: Vec<Column<'_>> = Vec::with_capacity(outputs);
        for (output, (w, z)) in originals.iter().zip(columns_of(&nearest)).enumerate() {
            let negative = (0..fragments).map(|at| start.is_negative(at, output) == Some(true)).collect();
            let q = damped.linear(&moments, w);
            let mut column = Column::new(&damped.hessian, &q, self.fragment, z, negative);
            // A millionth of the output's power no longer matters.
            column.descend(self.sweeps, 1e-6 * quadratic(&moments.meant, w, w));
            columns.push(column);
        }
        let mut solution = matrix_of(&columns, inputs)?;
        let quantized = match self.quantization {
            Some(quantization) => {
                // Refuses what does not fit, and counts what a quantile clips.
                let rounded = quantization.quantize(&solution)?;
                let steps = rounded.steps;
                let max = f64::from(quantization.max_level());
                let mut levels = vec![0; inputs * outputs];
                for (output, column) in columns.iter_mut().enumerate() {
                    let step = steps[if steps.len() == 1 { 0 } else { output }];
                    column.settle(step, max, self.sweeps);
                    for (input, z) in column.z.iter().enumerate() {
                        // On a level already: this only undoes the product.
                        levels[input * outputs + output] = (z / step + 0.5).floor() as i32;
                    }
                }
                let integers = quantization.integers(inputs, outputs, levels)?;
                let mut quantized = Quantized { weights: integers, steps, ..rounded };
                solution = quantized.to_real()?;
                quantized.moved = Moved::between(weights.as_row_slice(), solution.as_row_slice());
                Some(quantized)
            }
            None => None,
        };
        let negative: Vec<bool> =
            (0..fragments).flat_map(|at| columns.iter().map(move |column| column.negative[at])).collect();
        let solved_columns = columns_of(&solution);
        let pairs = || originals.iter().zip(&solved_columns);
        Ok(Solved {
            bias: pairs().map(|(w, z)| moments.bias(w, z)).collect(),
            error: moments.relative_error(pairs()),
            projected_error: moments.relative_error(originals.iter().zip(&columns_of(&nearest))),
            signs: FragmentSigns::new(self.fragment, inputs, outputs, negative)?,
            moved: Moved::between(weights.as_row_slice(), solution.as_row_slice()),
            weights: solution,
            quantized,
            dead_inputs: moments.dead_inputs,
        })
    }
}

/// Means of products over the calibration vectors, about 0 or about their means.
struct Moments {
    seen: Vec<f64>,
    cross: Vec<f64>,
    meant: Vec<f64>,
    /// Means of `x̂` and `x`, where biases are corrected.
    means: Option<(Vec<f64>, Vec<f64>)>,
    inputs: usize,
    dead_inputs: usize,
}

impl Moments {
    fn new(calibration: &Calibration, centred: bool) -> Self {
        let (inputs, n) = (calibration.inputs(), calibration.vectors() as f64);
        let mean = |sums: &[f64]| -> Vec<f64> {
            sums.iter().map(|sum| if centred { sum / n } else { 0.0 }).collect()
        };
        let (seen, meant) = (mean(&calibration.sum_seen), mean(&calibration.sum_meant));
        let central = |sums: &[f64], left: &[f64], right: &[f64]| -> Vec<f64> {
            let place = |(at, sum): (usize, &f64)| sum / n - left[at / inputs] * right[at % inputs];
            sums.iter().enumerate().map(place).collect()
        };
        let mut moments = Moments {
            seen: central(&calibration.gram, &seen, &seen),
            cross: central(&calibration.cross, &seen, &meant),
            meant: central(&calibration.gram_meant, &meant, &meant),
            means: centred.then_some((seen, meant)),
            inputs,
            dead_inputs: 0,
        };
        // A constant input has a variance of rounding, far below its mean square.
        for at in 0..inputs {
            let square = calibration.gram[at * inputs + at] / n;
            if moments.seen[at * (inputs + 1)] <= 1e-12 * square {
                moments.dead_inputs += 1;
                for other in 0..inputs {
                    moments.seen[at * inputs + other] = 0.0;
                    moments.seen[other * inputs + at] = 0.0;
                }
            }
        }
        moments
    }

    fn damped(&self, damping: f64) -> Damped {
        let mut hessian = self.seen.clone();
        let diagonal = || (0..self.inputs).map(|at| at * (self.inputs + 1));
        let added = damping * diagonal().map(|at| self.seen[at]).sum::<f64>() / self.inputs as f64;
        diagonal().for_each(|at| hessian[at] += added);
        Damped { hessian, added }
    }

    fn bias(&self, w: &[f64], z: &[f64]) -> f64 {
        let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        self.means.as_ref().map_or(0.0, |(seen, meant)| dot(meant, w) - dot(seen, z))
    }

    fn relative_error<'a>(&self, pairs: impl Iterator<Item = (&'a Vec<f64>, &'a Vec<f64>)>) -> f64 {
        let (mut error, mut power) = (0.0, 0.0);
        for (w, z) in pairs {
            let target = quadratic(&self.meant, w, w);
            error += quadratic(&self.seen, z, z) - 2.0 * quadratic(&self.cross, z, w) + target;
            power += target;
        }
        // Differences of sums may round below 0.
        if power > 0.0 { (error / power).max(0.0) } else { 0.0 }
    }
}

/// The Gram matrix with the damping on its diagonal.
struct Damped {
    hessian: Vec<f64>,
    added: f64,
}

impl Damped {
    /// `q`: what the quadratic is linear in.
    fn linear(&self, moments: &Moments, w: &[f64]) -> Vec<f64> {
        let row = |(row, w_at): (&[f64], &f64)| {
            row.iter().zip(w).map(|(moment, w)| moment * w).sum::<f64>() + self.added * w_at
        };
        moments.cross.chunks_exact(w.len()).zip(w).map(row).collect()
    }
}

/// `aᵀ M b`.
fn quadratic(matrix: &[f64], a: &[f64], b: &[f64]) -> f64 {
    let mut sums = vec![0.0; b.len()];
    for (row, &a) in matrix.chunks_exact(b.len()).zip(a) {
        if a != 0.0 {
            add_scaled(&mut sums, row, a);
        }
    }
    sums.iter().zip(b).map(|(sum, b)| sum * b).sum()
}

fn columns_of(weights: &RealWeights) -> Vec<Vec<f64>> {
    let columns = weights.to_column_vec();
    columns.chunks_exact(weights.inputs()).map(|c| c.iter().map(|&value| value.into()).collect()).collect()
}

fn matrix_of(columns: &[Column<'_>], inputs: usize) -> Result<RealWeights> {
    let values: Vec<f32> = columns.iter().flat_map(|column| column.z.iter().map(|&z| z as f32)).collect();
    RealWeights::from_column_slice(inputs, columns.len(), &values)
}
