//! The one error type: every variant carries the offending value, its bound and its place.

use std::fmt;

/// What was wrong with a setting, a matrix or an input.
///
/// Nothing in this crate panics on user input and nothing is clamped silently: a value out of its
/// range comes back as one of these, naming the value, the bound and the place.
///
/// ```
/// use forms_xbar::{Error, Weights};
///
/// let error = Weights::from_row_slice(1, 2, 4, &[3, 9]).unwrap_err();
/// assert_eq!(error, Error::Weight { input: 0, output: 1, value: 9, min: -8, max: 7 });
/// assert_eq!(error.to_string(), "weight 9 at input 0, output 1 is outside -8..=7");
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub enum Error {
    /// An integer setting or size outside its inclusive range.
    Integer {
        /// Which setting.
        name: &'static str,
        /// What it was.
        value: i64,
        /// Smallest valid value.
        min: i64,
        /// Largest valid value.
        max: i64,
    },
    /// A real setting that is not finite or outside its inclusive range.
    Real {
        /// Which setting, with its unit.
        name: &'static str,
        /// What it was.
        value: f64,
        /// Smallest valid value; [`f64::MIN_POSITIVE`] means "above zero".
        min: f64,
        /// Largest valid value; [`f64::MAX`] means "any finite value".
        max: f64,
    },
    /// Two settings of which the first must be the smaller.
    Order {
        /// The setting that must be smaller.
        low: &'static str,
        /// Its value.
        low_value: f64,
        /// The setting that must be larger.
        high: &'static str,
        /// Its value.
        high_value: f64,
    },
    /// A size that must divide another.
    Divide {
        /// The size that must divide.
        part: &'static str,
        /// Its value.
        part_value: usize,
        /// The size to be divided.
        whole: &'static str,
        /// Its value.
        whole_value: usize,
    },
    /// Two settings that exclude each other.
    Conflict {
        /// One setting.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// Why they exclude each other.
        why: &'static str,
    },
    /// A slice of the wrong length.
    Length {
        /// Which slice.
        name: &'static str,
        /// The length it must have.
        expected: usize,
        /// The length it has.
        found: usize,
    },
    /// A batch that is no whole number of input vectors.
    Batch {
        /// Elements in the batch.
        found: usize,
        /// Elements in one input vector.
        vector: usize,
    },
    /// A weight outside the range of its format.
    Weight {
        /// Row of the matrix.
        input: usize,
        /// Column of the matrix.
        output: usize,
        /// The weight.
        value: i64,
        /// Smallest weight of the format.
        min: i64,
        /// Largest weight of the format.
        max: i64,
    },
    /// A real weight that is NaN or infinite.
    NotFinite {
        /// Row of the matrix.
        input: usize,
        /// Column of the matrix.
        output: usize,
        /// The weight.
        value: f32,
    },
    /// An index that stands twice where each may stand once.
    Repeated {
        /// Which list.
        name: &'static str,
        /// The index.
        index: usize,
    },
    /// Two weights of opposite sign in one fragment of a polarized mapping.
    MixedSign {
        /// Fragment, counted along the inputs from 0.
        fragment: usize,
        /// Column of the matrix.
        output: usize,
        /// Input whose weight has the other sign than the fragment's first non-zero weight.
        input: usize,
        /// That weight.
        value: i64,
    },
    /// An input outside the range of the input format.
    Input {
        /// Vector of the batch.
        vector: usize,
        /// Element of the vector.
        index: usize,
        /// The input.
        value: i64,
        /// Smallest input of the format.
        min: i64,
        /// Largest input of the format.
        max: i64,
    },
    /// A conductance table whose levels do not rise.
    LevelTable {
        /// The level that does not exceed the one below it.
        level: usize,
        /// Its conductance (S).
        siemens: f64,
        /// The conductance of the level below (S).
        below: f64,
    },
    /// A measured conductance that is negative or not finite.
    Conductance {
        /// Array of the die.
        array: usize,
        /// Word line of the array.
        row: usize,
        /// Bit line of the array.
        column: usize,
        /// The conductance (S).
        siemens: f64,
    },
    /// A node of a circuit that no path connects to a terminal.
    Disconnected {
        /// Which kind of line it lies on.
        line: &'static str,
        /// Which of them.
        index: usize,
    },
    /// What went wrong in one array of a die.
    InArray {
        /// Array of the die.
        array: usize,
        /// What it was.
        error: Box<Error>,
    },
    /// A file, or a tensor in it, that holds no weights.
    Unreadable {
        /// Path of the file, and name of the tensor where it is one.
        name: Box<str>,
        /// What is wrong with it.
        problem: Box<str>,
    },
    /// An iteration that did not reach its residual.
    Convergence {
        /// Which iteration.
        name: &'static str,
        /// Iterations done.
        iterations: usize,
        /// The relative residual it reached.
        residual: f64,
        /// The relative residual it had to reach.
        limit: f64,
    },
    /// A table that this machine cannot hold.
    Memory {
        /// Which table.
        name: &'static str,
        /// Bytes it takes.
        bytes: u128,
    },
    /// An accumulator that could overflow.
    Overflow {
        /// Which accumulator.
        name: &'static str,
        /// Bits its largest value needs, sign included.
        needed: u32,
        /// Bits it has.
        available: u32,
    },
}

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Error::Unreadable { ref name, ref problem } => write!(f, "{name}: {problem}"),
            Error::InArray { array, ref error } => write!(f, "array {array}: {error}"),
            Error::Integer { name, value, min, max } => {
                write!(f, "{name} is {value}, outside {min}..={max}")
            }
            Error::Real { name, value, min, max } => {
                write!(f, "{name} is {value}, but must be finite")?;
                if min == f64::MIN_POSITIVE {
                    write!(f, ", above 0")?;
                } else if min > f64::MIN {
                    write!(f, ", at least {min}")?;
                }
                if max < f64::MAX { write!(f, ", at most {max}") } else { Ok(()) }
            }
            Error::Order { low, low_value, high, high_value } => {
                write!(f, "{low} is {low_value}, but must be below {high}, which is {high_value}")
            }
            Error::Divide { part, part_value, whole, whole_value } => {
                write!(f, "{part} is {part_value}, which does not divide {whole}, {whole_value}")
            }
            Error::Conflict { first, second, why } => {
                write!(f, "{first} excludes {second}: {why}")
            }
            Error::Length { name, expected, found } => {
                write!(f, "{name} has length {found}, but must have {expected}")
            }
            Error::Batch { found, vector } => {
                write!(f, "batch has {found} elements, no multiple of the input length {vector}")
            }
            Error::Weight { input, output, value, min, max } => {
                write!(f, "weight {value} at input {input}, output {output} is outside {min}..={max}")
            }
            Error::NotFinite { input, output, value } => {
                write!(f, "weight at input {input}, output {output} is {value}, but must be finite")
            }
            Error::Repeated { name, index } => write!(f, "{name} holds {index} twice"),
            Error::MixedSign { fragment, output, input, value } => write!(
                f,
                "fragment {fragment} of output {output} mixes signs: weight {value} at input {input}"
            ),
            Error::Input { vector, index, value, min, max } => {
                write!(f, "input {value} at index {index} of vector {vector} is outside {min}..={max}")
            }
            Error::LevelTable { level, siemens, below } => write!(
                f,
                "conductance of level {level} is {siemens} S, but must exceed the level below, {below} S"
            ),
            Error::Conductance { array, row, column, siemens } => write!(
                f,
                "conductance at array {array}, row {row}, column {column} is {siemens} S, \
                 but must be finite and at least 0"
            ),
            Error::Disconnected { line, index } => {
                write!(f, "{line} {index} has no path to a terminal")
            }
            Error::Convergence { name, iterations, residual, limit } => write!(
                f,
                "{name} did not converge: relative residual {residual:e} after {iterations} iterations, \
                 must be at most {limit:e}"
            ),
            Error::Memory { name, bytes } => write!(f, "{name} needs {bytes} bytes, more than can be had"),
            Error::Overflow { name, needed, available } => {
                write!(f, "{name} could overflow: needs {needed} bits, has {available}")
            }
        }
    }
}

impl std::error::Error for Error {}

/// `Ok` when `value` lies in `min..=max`, else [`Error::Integer`]. Values beyond `i64` are reported
/// at its end.
pub(crate) fn check_integer<T: TryInto<i64> + Copy>(
    name: &'static str,
    value: T,
    min: i64,
    max: i64,
) -> Result<()> {
    let value = value.try_into().unwrap_or(i64::MAX);
    if (min..=max).contains(&value) { Ok(()) } else { Err(Error::Integer { name, value, min, max }) }
}

/// `Ok` when `value` is finite and in `min..=max`, else [`Error::Real`].
pub(crate) fn check_real(name: &'static str, value: f64, min: f64, max: f64) -> Result<()> {
    if value.is_finite() && (min..=max).contains(&value) {
        Ok(())
    } else {
        Err(Error::Real { name, value, min, max })
    }
}

/// `Ok` when `found == expected`, else [`Error::Length`].
pub(crate) fn check_length(name: &'static str, expected: usize, found: usize) -> Result<()> {
    if found == expected { Ok(()) } else { Err(Error::Length { name, expected, found }) }
}

/// `Ok` when `part` divides `whole`, else [`Error::Divide`].
pub(crate) fn check_divides(
    (part, part_value): (&'static str, usize),
    (whole, whole_value): (&'static str, usize),
) -> Result<()> {
    if part_value > 0 && whole_value.is_multiple_of(part_value) {
        Ok(())
    } else {
        Err(Error::Divide { part, part_value, whole, whole_value })
    }
}
