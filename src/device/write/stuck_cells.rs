//! Stuck cells.

use super::gaps::Gaps;
use crate::checked::checked_serde;
use crate::error::{Result, check_real};
use crate::key::Stream;

/// Cells that cannot be programmed, drawn once per die.
///
/// **Equation.** Each cell is independently stuck with probability `p = on_rate + off_rate`; stuck
/// cells are found by geometric gaps `⌊ln u / ln(1 − p)⌋`, so the cost follows the hits. A hit is
/// stuck-on (at `g_on`) with probability `on_rate / p`, else stuck-off (at `g_off`), after and
/// instead of any programming error. **Units.** Probabilities per cell. **Valid range.** Each rate
/// in 0–1, their sum at most 1. **Drawn.** Once per die, one stream per array and word line.
/// **Source.** Rates used in the literature run from 0.1 % in all (Feinberg et al., HPCA 2018) to
/// 1.75 % stuck-on and 9.04 % stuck-off (He et al., DAC 2019, citing Chen et al.).
///
/// ```
/// use forms_xbar::device::StuckCells;
///
/// let chen = StuckCells::new(0.0175, 0.0904)?;
/// assert_eq!(chen.on_rate(), 0.0175);
/// assert!(StuckCells::new(0.6, 0.6).is_err());
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct StuckCells {
    on_rate: f64,
    off_rate: f64,
}

checked_serde!(StuckCells);

impl StuckCells {
    /// No stuck cells.
    pub const NONE: StuckCells = StuckCells { on_rate: 0.0, off_rate: 0.0 };

    /// Stuck-on and stuck-off cells at these rates.
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for a rate that is NaN or outside 0–1, or a sum above 1.
    pub fn new(on_rate: f64, off_rate: f64) -> Result<Self> {
        let stuck = StuckCells { on_rate, off_rate };
        stuck.check()?;
        Ok(stuck)
    }

    fn check(&self) -> Result<()> {
        check_real("stuck-on rate", self.on_rate, 0.0, 1.0)?;
        check_real("stuck-off rate", self.off_rate, 0.0, 1.0)?;
        check_real("sum of stuck-on and stuck-off rate", self.on_rate + self.off_rate, 0.0, 1.0)
    }

    /// Probability that a cell is stuck at high conductance.
    pub fn on_rate(&self) -> f64 {
        self.on_rate
    }

    /// Probability that a cell is stuck at low conductance.
    pub fn off_rate(&self) -> f64 {
        self.off_rate
    }

    /// Whether no cell is ever stuck, so that nothing is drawn.
    pub fn is_none(&self) -> bool {
        self.on_rate + self.off_rate == 0.0
    }

    /// Appends the stuck ones of the first `columns` cells of a word line, rising, with what they conduct.
    pub(super) fn draw(
        &self,
        (g_off, g_on): (f64, f64),
        columns: usize,
        stream: &mut Stream,
        stuck: &mut Vec<(usize, f32)>,
    ) {
        let rate = self.on_rate + self.off_rate;
        if rate == 0.0 {
            return;
        }
        let mut gaps = Gaps::new(rate);
        while let Some(hit) = gaps.next(columns, stream) {
            let siemens = if stream.uniform() * rate < self.on_rate { g_on } else { g_off };
            stuck.push((hit, siemens as f32));
        }
    }
}
