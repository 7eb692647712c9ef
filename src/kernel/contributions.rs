//! What cells add to their conversions.

use crate::simd::vectorised;

/// Most rows of a group whose sums are tabled by pattern.
pub(crate) const PATTERN_ROWS: usize = 8;

/// What the sum of a conversion is put together from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Summands {
    /// Every driven row adds its contribution times its digit, `[row][lane][column]`.
    #[default]
    Rows,
    /// Every driven row adds the contribution of its digit, `[digit − 1][row][lane][column]`.
    Digits,
    /// The set of driven rows has a sum of its own, `[group][pattern][lane][column]`; bit `i` of a pattern
    /// is row `i` of the group. Digits are single bits and groups have at most 8 rows.
    Patterns,
}

/// What each cell adds to its conversion, in grid units, in words that hold every one of them.
///
/// Narrow words halve the memory that compiling an array passes through; they never change a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contributions {
    /// In 32 bits.
    Narrow(Vec<i32>),
    /// In 64 bits.
    Wide(Vec<i64>),
}

impl Default for Contributions {
    fn default() -> Self {
        Contributions::Narrow(Vec::new())
    }
}

impl From<Vec<i64>> for Contributions {
    /// Narrow words where all values fit.
    fn from(values: Vec<i64>) -> Self {
        match values.iter().map(|&q| i32::try_from(q)).collect() {
            Ok(narrow) => Contributions::Narrow(narrow),
            Err(_) => Contributions::Wide(values),
        }
    }
}

impl Contributions {
    /// Their number.
    pub fn len(&self) -> usize {
        match self {
            Contributions::Narrow(words) => words.len(),
            Contributions::Wide(words) => words.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One of them; 0 beyond the end.
    pub fn at(&self, index: usize) -> i64 {
        match self {
            Contributions::Narrow(words) => words.get(index).copied().unwrap_or(0).into(),
            Contributions::Wide(words) => words.get(index).copied().unwrap_or(0),
        }
    }

    /// Rows of `from` words as rows of `to`, all of which fit 32 bits.
    pub(super) fn into_narrow(self, from: usize, to: usize) -> Vec<i32> {
        match self {
            Contributions::Narrow(words) if from == to => words,
            Contributions::Narrow(words) => pad(&words, from, to, |word| word),
            Contributions::Wide(words) => pad(&words, from, to, |word| word as i32),
        }
    }

    /// Rows of `from` words as rows of `to`.
    pub(super) fn into_wide(self, from: usize, to: usize) -> Vec<i64> {
        match self {
            Contributions::Narrow(words) => pad(&words, from, to, i64::from),
            Contributions::Wide(words) if from == to => words,
            Contributions::Wide(words) => pad(&words, from, to, |word| word),
        }
    }
}

/// Rows of `from` values as rows of `to` words, filled up with 0.
pub(super) fn pad<T: Copy, W: Copy + Default>(
    rows: &[T],
    from: usize,
    to: usize,
    word: impl Fn(T) -> W,
) -> Vec<W> {
    let mut padded = vec![W::default(); rows.len() / from * to];
    vectorised(
        #[inline(always)]
        || {
            for (padded, row) in padded.chunks_exact_mut(to).zip(rows.chunks_exact(from)) {
                padded.iter_mut().zip(row).for_each(|(padded, &value)| *padded = word(value));
            }
        },
    );
    padded
}
