//! The signs of all fragments of a matrix.

use super::Moved;
use super::moved::{PIECE, Squares};
use super::polarization::clamp;
use crate::error::{Result, check_integer, check_length};
use crate::simd::vectorised;
use crate::weights::RealWeights;

/// The signs of the fragments of one matrix, held fixed: FORMS recomputes them only every few
/// epochs, and not at all while it retrains.
///
/// ```
/// use forms_xbar::RealWeights;
/// use forms_xbar::polarize::{Polarization, SignRule};
///
/// let mut weights = RealWeights::from_row_slice(2, 2, &[3.0, -1.0, -2.0, 0.5])?;
/// let signs = Polarization::new(2, SignRule::Sum)?.signs(&weights);
/// assert_eq!((signs.is_negative(0, 0), signs.is_negative(0, 1)), (Some(false), Some(true)));
/// signs.project(&mut weights)?;
/// assert_eq!(weights.as_row_slice(), [3.0, -1.0, 0.0, 0.0]);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FragmentSigns {
    fragment: usize,
    inputs: usize,
    outputs: usize,
    /// Fragment by fragment, one per output.
    negative: Vec<bool>,
}

impl FragmentSigns {
    /// The signs of a matrix of `inputs` × `outputs`: `negative` is fragments × outputs, fragment by
    /// fragment.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`](crate::Error::Integer) for a zero size,
    /// [`Error::Length`](crate::Error::Length) for another number of signs than there are
    /// fragments, `⌈inputs / fragment⌉ · outputs`.
    pub fn new(fragment: usize, inputs: usize, outputs: usize, negative: Vec<bool>) -> Result<Self> {
        check_integer("fragment", fragment, 1, 1 << 16)?;
        check_integer("inputs", inputs, 1, i64::MAX)?;
        check_integer("outputs", outputs, 1, i64::MAX)?;
        check_length("signs", inputs.div_ceil(fragment).saturating_mul(outputs), negative.len())?;
        Ok(Self::from_parts(fragment, inputs, outputs, negative))
    }

    pub(super) fn from_parts(fragment: usize, inputs: usize, outputs: usize, negative: Vec<bool>) -> Self {
        FragmentSigns { fragment, inputs, outputs, negative }
    }

    /// Rows of a fragment.
    pub fn fragment(&self) -> usize {
        self.fragment
    }

    /// Rows of the matrix.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Columns of the matrix.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Whether a fragment, counted along the inputs, has a minus; `None` outside the matrix.
    pub fn is_negative(&self, fragment: usize, output: usize) -> Option<bool> {
        self.negative.chunks_exact(self.outputs).nth(fragment)?.get(output).copied()
    }

    /// Fragments whose sign differs between two matrices of one size and fragment.
    ///
    /// # Errors
    ///
    /// [`Error::Length`](crate::Error::Length) when sizes or fragments differ.
    pub fn flips(&self, other: &FragmentSigns) -> Result<usize> {
        check_length("fragment of the other signs", self.fragment, other.fragment)?;
        check_length("inputs of the other signs", self.inputs, other.inputs)?;
        check_length("outputs of the other signs", self.outputs, other.outputs)?;
        Ok(self.negative.iter().zip(&other.negative).filter(|(a, b)| a != b).count())
    }

    /// Sets every weight of the other sign than its fragment's to 0 and says how far that moved the
    /// matrix.
    ///
    /// # Errors
    ///
    /// [`Error::Length`](crate::Error::Length) for a matrix of another size.
    pub fn project(&self, weights: &mut RealWeights) -> Result<Moved> {
        check_length("inputs of the weights", self.inputs, weights.inputs())?;
        check_length("outputs of the weights", self.outputs, weights.outputs())?;
        let outputs = self.outputs;
        let values = weights.as_mut_row_slice();
        Ok(vectorised(
            #[inline(always)]
            || {
                let mut squares = Squares::default();
                let fragments = values.chunks_mut(self.fragment * outputs);
                for (rows, negative) in fragments.zip(self.negative.chunks_exact(outputs)) {
                    for (negative, at) in negative.chunks(PIECE).zip((0..).step_by(PIECE)) {
                        clamp::<true>(rows, outputs, at, negative, &mut squares);
                    }
                }
                squares.moved()
            },
        ))
    }
}
