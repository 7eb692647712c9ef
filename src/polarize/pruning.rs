//! Whole rows and columns removed, so that what remains fills crossbars.

use super::Moved;
use crate::checked::checked_serde;
use crate::error::{Error, Result, check_integer, check_length, check_real};
use crate::weights::RealWeights;

/// The matrices with at most so many rows and columns that are not 0.
///
/// In a convolution's matrix a row is a filter shape (one position of one channel in all filters) and
/// a column a filter (FORMS, section III). Removed rows and columns take no cell.
///
/// **Equation.** Of `n` rows `⌈ρ n⌉` are kept, then as many more as fill the last crossbar, at most
/// `n`: rounding up costs no crossbar. Columns likewise. Kept are the columns of largest norm, then the rows of
/// largest norm within them, the first of equals. That order is our choice: the closest matrix
/// with both limits is a hard combinatorial problem. **Units.** Ratios are fractions kept. **Valid
/// range.** Ratios in (0, 1]. **Source.** FORMS, ISCA 2021, for crossbar-aware ratios.
///
/// ```
/// use forms_xbar::RealWeights;
/// use forms_xbar::polarize::Pruning;
///
/// let mut weights = RealWeights::from_row_slice(3, 2, &[1.0, 9.0, 0.5, 0.1, 2.0, 3.0])?;
/// let kept = Pruning::new(0.6, 0.5)?.project(&mut weights).0;
/// assert_eq!((kept.inputs(), kept.outputs()), (&[0, 2][..], &[1][..]));
/// assert_eq!(weights.as_row_slice(), [0.0, 9.0, 0.0, 0.0, 0.0, 3.0]);
/// assert_eq!(kept.compact(&weights)?.as_row_slice(), [9.0, 3.0]);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct Pruning {
    row_ratio: f64,
    column_ratio: f64,
    crossbar_inputs: usize,
    crossbar_outputs: usize,
}

checked_serde!(Pruning);

impl Pruning {
    /// Keeps these fractions of the rows and of the columns, wherever that cuts a crossbar.
    ///
    /// # Errors
    ///
    /// [`Error::Real`] for a ratio that is NaN or outside (0, 1].
    pub fn new(row_ratio: f64, column_ratio: f64) -> Result<Self> {
        let pruning = Pruning { row_ratio, column_ratio, crossbar_inputs: 1, crossbar_outputs: 1 };
        pruning.check()?;
        Ok(pruning)
    }

    /// Keeps whole crossbars of this many inputs and outputs: `array_rows` and
    /// [`Layout::outputs_per_array`](crate::mapping::Layout::outputs_per_array).
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for a size outside 1–65,536.
    pub fn with_crossbar(self, inputs: usize, outputs: usize) -> Result<Self> {
        let pruning = Pruning { crossbar_inputs: inputs, crossbar_outputs: outputs, ..self };
        pruning.check()?;
        Ok(pruning)
    }

    fn check(&self) -> Result<()> {
        check_real("ratio of rows kept", self.row_ratio, f64::MIN_POSITIVE, 1.0)?;
        check_real("ratio of columns kept", self.column_ratio, f64::MIN_POSITIVE, 1.0)?;
        check_integer("inputs of a crossbar", self.crossbar_inputs, 1, 1 << 16)?;
        check_integer("outputs of a crossbar", self.crossbar_outputs, 1, 1 << 16)
    }

    /// Fraction of the rows kept, before rounding.
    pub fn row_ratio(&self) -> f64 {
        self.row_ratio
    }

    /// Fraction of the columns kept, before rounding.
    pub fn column_ratio(&self) -> f64 {
        self.column_ratio
    }

    /// Inputs of a crossbar, 1 without crossbars.
    pub fn crossbar_inputs(&self) -> usize {
        self.crossbar_inputs
    }

    /// Outputs of a crossbar, 1 without crossbars.
    pub fn crossbar_outputs(&self) -> usize {
        self.crossbar_outputs
    }

    /// Rows and columns that remain of a matrix of this size.
    pub fn remaining(&self, inputs: usize, outputs: usize) -> (usize, usize) {
        let remaining = |of: usize, ratio: f64, crossbar: usize| {
            let kept = (of as f64 * ratio).ceil() as usize;
            kept.next_multiple_of(crossbar).min(of)
        };
        (
            remaining(inputs, self.row_ratio, self.crossbar_inputs),
            remaining(outputs, self.column_ratio, self.crossbar_outputs),
        )
    }

    /// What is kept of a matrix.
    pub fn select(&self, weights: &RealWeights) -> Kept {
        let (inputs, outputs) = (weights.inputs(), weights.outputs());
        let (rows, columns) = self.remaining(inputs, outputs);
        let mut norms = vec![0.0; outputs];
        for row in weights.as_row_slice().chunks_exact(outputs) {
            norms.iter_mut().zip(row).for_each(|(norm, &value)| *norm += f64::from(value) * f64::from(value));
        }
        let kept_outputs = largest(&norms, columns);
        let norms: Vec<f64> = weights
            .as_row_slice()
            .chunks_exact(outputs)
            .map(|row| kept_outputs.iter().map(|&at| f64::from(row[at]) * f64::from(row[at])).sum())
            .collect();
        Kept { size: (inputs, outputs), inputs: largest(&norms, rows), outputs: kept_outputs }
    }

    /// Prunes a matrix; says what was kept and how far that moved it.
    pub fn project(&self, weights: &mut RealWeights) -> (Kept, Moved) {
        let kept = self.select(weights);
        let moved = kept.clear_others(weights);
        (kept, moved)
    }
}

/// The places of the `count` largest values, rising, the first of equals.
fn largest(values: &[f64], count: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..values.len()).collect();
    places.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    places.truncate(count);
    places.sort_unstable();
    places
}

/// The rows and columns that pruning kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    size: (usize, usize),
    inputs: Vec<usize>,
    outputs: Vec<usize>,
}

impl Kept {
    /// These rows and columns of a matrix of `size` inputs × outputs.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for no row or column, or one that lies outside the matrix;
    /// [`Error::Repeated`] for one given twice.
    pub fn new(size: (usize, usize), inputs: Vec<usize>, outputs: Vec<usize>) -> Result<Self> {
        let (inputs, outputs) = (
            rising("kept inputs", "kept input", inputs, size.0)?,
            rising("kept outputs", "kept output", outputs, size.1)?,
        );
        Ok(Kept { size, inputs, outputs })
    }

    /// Everything.
    pub(super) fn all(inputs: usize, outputs: usize) -> Self {
        Kept { size: (inputs, outputs), inputs: (0..inputs).collect(), outputs: (0..outputs).collect() }
    }

    /// Rows kept, rising.
    pub fn inputs(&self) -> &[usize] {
        &self.inputs
    }

    /// Columns kept, rising.
    pub fn outputs(&self) -> &[usize] {
        &self.outputs
    }

    fn check(&self, weights: &RealWeights) -> Result<()> {
        check_length("inputs of the weights", self.size.0, weights.inputs())?;
        check_length("outputs of the weights", self.size.1, weights.outputs())
    }

    /// The kept part, which is what crossbars hold; inputs are to be picked by [`Kept::inputs`].
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for a matrix of another size.
    pub fn compact(&self, weights: &RealWeights) -> Result<RealWeights> {
        self.check(weights)?;
        let values = weights.as_row_slice();
        let row = |&input: &usize| self.outputs.iter().map(move |&at| values[input * self.size.1 + at]);
        let compact = self.inputs.iter().flat_map(row).collect();
        RealWeights::from_row_vec(self.inputs.len(), self.outputs.len(), compact)
    }

    /// The whole matrix, 0 where nothing was kept.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when `compact` has not the size of the kept part.
    pub fn expand(&self, compact: &RealWeights) -> Result<RealWeights> {
        check_length("inputs of the compact weights", self.inputs.len(), compact.inputs())?;
        check_length("outputs of the compact weights", self.outputs.len(), compact.outputs())?;
        let (inputs, outputs) = self.size;
        let mut values = vec![0.0; inputs * outputs];
        for (row, &input) in compact.as_row_slice().chunks_exact(self.outputs.len()).zip(&self.inputs) {
            for (&value, &output) in row.iter().zip(&self.outputs) {
                values[input * outputs + output] = value;
            }
        }
        RealWeights::from_row_vec(inputs, outputs, values)
    }

    /// Sets what was not kept to 0 and says how far that moved the matrix.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for a matrix of another size.
    pub fn project(&self, weights: &mut RealWeights) -> Result<Moved> {
        self.check(weights)?;
        Ok(self.clear_others(weights))
    }

    fn clear_others(&self, weights: &mut RealWeights) -> Moved {
        let (inputs, outputs) = self.size;
        let mask = |count: usize, kept: &[usize]| {
            let mut mask = vec![false; count];
            kept.iter().for_each(|&at| mask[at] = true);
            mask
        };
        let (rows, columns) = (mask(inputs, &self.inputs), mask(outputs, &self.outputs));
        let (mut removed, mut norm) = (0.0, 0.0);
        for (values, row) in weights.as_mut_row_slice().chunks_exact_mut(outputs).zip(rows) {
            for (value, column) in values.iter_mut().zip(&columns) {
                let square = f64::from(*value) * f64::from(*value);
                norm += square;
                if !(row && *column) {
                    removed += square;
                    *value = 0.0;
                }
            }
        }
        Moved { distance: removed.sqrt(), norm: norm.sqrt() }
    }
}

/// Sorts indices below `end` of which each may stand once.
fn rising(
    names: &'static str,
    name: &'static str,
    mut indices: Vec<usize>,
    end: usize,
) -> Result<Vec<usize>> {
    check_integer(names, indices.len(), 1, end as i64)?;
    indices.sort_unstable();
    for pair in indices.windows(2) {
        if pair[0] == pair[1] {
            return Err(Error::Repeated { name: names, index: pair[0] });
        }
    }
    check_integer(name, indices[indices.len() - 1], 0, end as i64 - 1)?;
    Ok(indices)
}
