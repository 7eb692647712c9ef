//! Broken word lines and bit lines.

use super::gaps::Gaps;
use crate::checked::checked_serde;
use crate::error::{Result, check_real};
use crate::key::{Key, Purpose};

/// Whole word lines and bit lines whose cells cannot be programmed: clustered faults.
///
/// **Equation.** Each word line of an array is independently broken with probability
/// `word_line_rate`, each bit line with `bit_line_rate`; every cell of a broken line has the
/// conductance of the [`LineState`]. Hits are found by geometric gaps `⌊ln u / ln(1 − p)⌋`, so the
/// cost follows the hits. A broken word line is broken for a dummy column too; a broken line
/// overrides stuck cells. **Units.** Probabilities per line. **Valid range.** 0–1. **Drawn.** Once
/// per die, one stream per array and direction. **Source.** Our choice: we found no published
/// rates.
///
/// ```
/// use forms_xbar::device::{LineState, StuckLines};
///
/// let lines = StuckLines::new(0.001, 0.002, LineState::Open)?;
/// assert_eq!(lines.bit_line_rate(), 0.002);
/// assert!(StuckLines::new(-0.1, 0.0, LineState::StuckOn).is_err());
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct StuckLines {
    word_line_rate: f64,
    bit_line_rate: f64,
    state: LineState,
}

checked_serde!(StuckLines);

/// What the cells of a broken line show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum LineState {
    /// 0 S: the line is interrupted.
    Open,
    /// `g_off`: its cells cannot be set.
    StuckOff,
    /// `g_on`: its cells cannot be reset.
    StuckOn,
}

impl StuckLines {
    /// No broken lines.
    pub const NONE: StuckLines =
        StuckLines { word_line_rate: 0.0, bit_line_rate: 0.0, state: LineState::Open };

    /// Word lines and bit lines broken at these rates.
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for a rate that is NaN or outside 0–1.
    pub fn new(word_line_rate: f64, bit_line_rate: f64, state: LineState) -> Result<Self> {
        let lines = StuckLines { word_line_rate, bit_line_rate, state };
        lines.check()?;
        Ok(lines)
    }

    fn check(&self) -> Result<()> {
        check_real("broken word line rate", self.word_line_rate, 0.0, 1.0)?;
        check_real("broken bit line rate", self.bit_line_rate, 0.0, 1.0)
    }

    /// Probability that a word line is broken.
    pub fn word_line_rate(&self) -> f64 {
        self.word_line_rate
    }

    /// Probability that a bit line is broken.
    pub fn bit_line_rate(&self) -> f64 {
        self.bit_line_rate
    }

    /// What the cells of a broken line show.
    pub fn state(&self) -> LineState {
        self.state
    }

    /// Whether no line is ever broken, so that nothing is drawn.
    pub fn is_none(&self) -> bool {
        self.word_line_rate + self.bit_line_rate == 0.0
    }

    /// The conductance of a cell on a broken line (S).
    pub(super) fn siemens(&self, g_off: f64, g_on: f64) -> f32 {
        match self.state {
            LineState::Open => 0.0,
            LineState::StuckOff => g_off as f32,
            LineState::StuckOn => g_on as f32,
        }
    }

    /// The broken ones of the first `rows` word lines of an array, rising.
    pub(super) fn word_lines(&self, die: Key, array: u64, rows: usize) -> Vec<usize> {
        broken(self.word_line_rate, die, [array, 0, 0], rows)
    }

    /// The broken ones of the first `columns` bit lines of a bank of an array, rising.
    pub(super) fn bit_lines(&self, die: Key, array: u64, bank: u64, columns: usize) -> Vec<usize> {
        broken(self.bit_line_rate, die, [array, 1, bank], columns)
    }
}

fn broken(rate: f64, die: Key, place: [u64; 3], lines: usize) -> Vec<usize> {
    if rate == 0.0 {
        return Vec::new();
    }
    let mut stream = die.stream(Purpose::StuckLines, place);
    let mut gaps = Gaps::new(rate);
    std::iter::from_fn(|| gaps.next(lines, &mut stream)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_lines_move_none() {
        let lines = StuckLines::new(0.1, 0.2, LineState::Open).unwrap();
        let key = Key::from(4);
        let below = |long: Vec<usize>| long.into_iter().filter(|&line| line < 300).collect::<Vec<_>>();
        assert_eq!(lines.word_lines(key, 3, 300), below(lines.word_lines(key, 3, 1000)));
        let short = below(lines.bit_lines(key, 3, 0, 1000));
        assert!(!short.is_empty());
        assert_eq!(lines.bit_lines(key, 3, 0, 300), short);
        assert_ne!(lines.bit_lines(key, 3, 1, 300), short);
        assert_ne!(lines.word_lines(key, 3, 300), short);
    }

    #[test]
    fn every_line_can_break_and_none_without_a_rate() {
        let lines = StuckLines::new(1.0, 0.0, LineState::StuckOn).unwrap();
        assert_eq!(lines.word_lines(Key::from(1), 0, 5), [0, 1, 2, 3, 4]);
        assert!(lines.bit_lines(Key::from(1), 0, 0, 5).is_empty());
        assert_eq!(lines.siemens(1e-6, 1e-4), 1e-4);
    }
}
