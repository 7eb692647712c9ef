//! Whole rows and columns removed, so that what remains fills crossbars.

use super::Moved;
use super::moved::{LANES, PIECE, Squares, TOGETHER, add_products, square};
use crate::checked::checked_serde;
use crate::error::{Error, Result, check_integer, check_length, check_real};
use crate::simd::vectorised;
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
        self.measure(weights).0
    }

    /// Prunes a matrix; says what was kept and how far that moved it.
    pub fn project(&self, weights: &mut RealWeights) -> (Kept, Moved) {
        let (kept, columns, rows) = self.measure(weights);
        kept.clear_others(weights.as_mut_row_slice());
        let removed = others(&columns, &kept.outputs) + others(&rows, &kept.inputs);
        (kept, Moved { distance: removed.sqrt(), norm: columns.iter().sum::<f64>().sqrt() })
    }

    /// What is kept, with the sums of squares of columns and of rows within the kept columns.
    fn measure(&self, weights: &RealWeights) -> (Kept, Vec<f64>, Vec<f64>) {
        let size @ (inputs, outputs) = (weights.inputs(), weights.outputs());
        let (rows, columns) = self.remaining(inputs, outputs);
        let column_norms = column_norms(weights);
        let kept_outputs = largest(&column_norms, columns);
        let mask = mask(outputs, &kept_outputs);
        let mut norms = vec![[0.0; LANES]; inputs];
        vectorised(
            #[inline(always)]
            || {
                for (row, norm) in weights.as_row_slice().chunks_exact(outputs).zip(&mut norms) {
                    add_products(norm, row, &mask, |value, mask| square(value * mask, value * mask));
                }
            },
        );
        let row_norms: Vec<f64> = norms.iter().map(|lanes| lanes.iter().sum()).collect();
        (Kept { size, inputs: largest(&row_norms, rows), outputs: kept_outputs }, column_norms, row_norms)
    }
}

/// Sum of squares of every column.
fn column_norms(weights: &RealWeights) -> Vec<f64> {
    let outputs = weights.outputs();
    let mut norms = vec![0.0; outputs];
    vectorised(
        #[inline(always)]
        || {
            for rows in weights.as_row_slice().chunks(TOGETHER * outputs) {
                let (blocks, rest) = norms.as_chunks_mut::<LANES>();
                for (block, at) in blocks.iter_mut().zip((0..).step_by(LANES)) {
                    let mut sums = *block;
                    for row in rows.chunks_exact(outputs) {
                        for (norm, &value) in sums.iter_mut().zip(&row[at..at + LANES]) {
                            *norm += square(value, value);
                        }
                    }
                    *block = sums;
                }
                let wide = outputs - rest.len();
                for row in rows.chunks_exact(outputs) {
                    for (norm, &value) in rest.iter_mut().zip(&row[wide..]) {
                        *norm += square(value, value);
                    }
                }
            }
        },
    );
    norms
}

/// Sum over the places that are not kept.
fn others(values: &[f64], kept: &[usize]) -> f64 {
    let mut of_kept = kept.iter().peekable();
    let other = |(at, value): (usize, &f64)| if of_kept.next_if_eq(&&at).is_some() { 0.0 } else { *value };
    values.iter().enumerate().map(other).sum()
}

/// 1 at the places kept, else 0.
fn mask(count: usize, kept: &[usize]) -> Vec<f32> {
    let mut mask = vec![0.0; count];
    kept.iter().for_each(|&at| mask[at] = 1.0);
    mask
}

/// The places of the `count` largest values, rising, the first of equals.
fn largest(values: &[f64], count: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..values.len()).collect();
    places.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    places.truncate(count);
    places.sort_unstable();
    places
}

/// Weights that the largest slice holds.
const LARGEST: i64 = (isize::MAX as usize / size_of::<f32>()) as i64;

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
    /// [`Error::Integer`] for no row or column, one that lies outside the matrix, or a matrix that no
    /// memory holds; [`Error::Repeated`] for one given twice.
    pub fn new(size: (usize, usize), inputs: Vec<usize>, outputs: Vec<usize>) -> Result<Self> {
        check_integer("weights of the matrix", size.0.saturating_mul(size.1), 1, LARGEST)?;
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
        let (inputs, outputs) = self.size;
        let rows = mask(inputs, &self.inputs);
        let (every, none) = (mask(outputs, &self.outputs), vec![0.0; outputs]);
        let values = weights.as_mut_row_slice();
        Ok(vectorised(
            #[inline(always)]
            || {
                let mut squares = Squares::default();
                let mut after = [0.0; PIECE];
                for (row, is_kept) in values.chunks_exact_mut(outputs).zip(rows) {
                    let mask = if is_kept > 0.0 { &every } else { &none };
                    for (values, mask) in row.chunks_mut(PIECE).zip(mask.chunks(PIECE)) {
                        for ((after, &value), &mask) in after.iter_mut().zip(&*values).zip(mask) {
                            *after = if mask > 0.0 { value } else { 0.0 };
                        }
                        let after = &after[..values.len()];
                        squares.add(values, after);
                        values.copy_from_slice(after);
                    }
                }
                squares.moved()
            },
        ))
    }

    /// Sets what was not kept to 0.
    fn clear_others(&self, values: &mut [f32]) {
        let (inputs, outputs) = self.size;
        let (rows, columns) = (mask(inputs, &self.inputs), mask(outputs, &self.outputs));
        vectorised(
            #[inline(always)]
            || {
                for (row, &kept) in values.chunks_exact_mut(outputs).zip(&rows) {
                    if kept > 0.0 {
                        for (value, &mask) in row.iter_mut().zip(&columns) {
                            *value = if mask > 0.0 { *value } else { 0.0 };
                        }
                    } else {
                        row.fill(0.0);
                    }
                }
            },
        );
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::at_every_level;

    #[test]
    fn every_cpu_level_gives_the_same_bits() {
        let values: Vec<f32> =
            (0..37 * 353).map(|at| ((at * 7919) % 1009) as f32 * 1e-3 - 0.5 / (1.0 + at as f32)).collect();
        let pruning = Pruning::new(0.3, 0.7).unwrap();
        let results = at_every_level(|| {
            let mut weights = RealWeights::from_row_slice(37, 353, &values).unwrap();
            let mut held = weights.clone();
            let (kept, moved) = pruning.project(&mut weights);
            let again = kept.project(&mut held).unwrap();
            assert_eq!(weights, held);
            let bits = |moved: Moved| (moved.distance.to_bits(), moved.norm.to_bits());
            (weights, kept, bits(moved), bits(again))
        });
        assert!(results.iter().all(|result| *result == results[0]));
    }
}
