//! Read disturb: every read moves a cell a little.

use super::Conditions;
use super::decay::Decay;
use crate::checked::checked_serde;
use crate::error::{Error, Result, check_real};

/// Where reads drive a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum DisturbEnd {
    /// Towards `g_on`: reads of the polarity of a set.
    GOn,
    /// Towards `g_off`: reads of the polarity of a reset.
    GOff,
}

/// A cell that every read moves towards one end of the window, faster at higher voltage.
///
/// **Equation.** `G → G_end + (G − G_end) · exp(−n · r(V))` after `n` reads, with
/// `r(V) = r_ref · exp((V − V_ref) / V_0)` per read. **Units.** Volts; rates per read. **Valid range.** `r_ref`
/// 0–1, `V_ref` 0–10 V, `V_0` 0.001–10 V; once read, read voltages in the fitted range. **Drawn.** Never.
/// **Source.** That it depends on voltage and state is measured (Wen et al., DFT 2022, known from its
/// abstract); this form, and that it is negligible up to 0.2–0.3 V, is recalled, not sourced.
///
/// ```
/// use forms_xbar::device::{DisturbEnd, ReadDisturb};
///
/// let disturb = ReadDisturb::new(DisturbEnd::GOn, 1e-9, 0.3, 0.05, (0.0, 0.5))?;
/// assert!((disturb.rate(0.35) / 1e-9 - 1f64.exp()).abs() < 1e-12);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct ReadDisturb {
    end: DisturbEnd,
    reference_rate: f64,
    reference_volts: f64,
    scale_volts: f64,
    range_volts: (f64, f64),
}

checked_serde!(ReadDisturb);

impl ReadDisturb {
    /// Reads that drive cells towards `end` at `rate` per read at `volts`, `e` times faster for every
    /// `scale_volts` more, fitted for read voltages in `range` (V).
    ///
    /// # Errors
    ///
    /// [`Error::Real`] or [`Error::Order`] for parts outside the valid range.
    pub fn new(end: DisturbEnd, rate: f64, volts: f64, scale_volts: f64, range: (f64, f64)) -> Result<Self> {
        let disturb = ReadDisturb {
            end,
            reference_rate: rate,
            reference_volts: volts,
            scale_volts,
            range_volts: range,
        };
        disturb.check()?;
        Ok(disturb)
    }

    fn check(&self) -> Result<()> {
        check_real("read disturb per read", self.reference_rate, 0.0, 1.0)?;
        check_real("reference voltage of read disturb (V)", self.reference_volts, 0.0, 10.0)?;
        check_real("voltage scale of read disturb (V)", self.scale_volts, 0.001, 10.0)?;
        let (low_value, high_value) = self.range_volts;
        check_real("start of the voltages of read disturb (V)", low_value, 0.0, 10.0)?;
        check_real("end of the voltages of read disturb (V)", high_value, 0.0, 10.0)?;
        if low_value < high_value {
            return Ok(());
        }
        let (low, high) = ("start of the voltages of read disturb (V)", "their end");
        Err(Error::Order { low, low_value, high, high_value })
    }

    /// Where reads drive cells.
    pub fn end(&self) -> DisturbEnd {
        self.end
    }

    /// Read voltages between which it was fitted (V).
    pub fn range_volts(&self) -> (f64, f64) {
        self.range_volts
    }

    /// The part of the remaining way that a read at this voltage (V) goes, for small ones.
    pub fn rate(&self, volts: f64) -> f64 {
        self.reference_rate * libm::exp((volts - self.reference_volts) / self.scale_volts)
    }

    /// What these conditions do, `None` if nothing.
    pub(super) fn under(
        &self,
        conditions: &Conditions,
        (g_off, g_on): (f64, f64),
        read_volts: f64,
    ) -> Result<Option<Decay>> {
        if conditions.reads == 0 || self.reference_rate == 0.0 {
            return Ok(None);
        }
        let (low, high) = self.range_volts;
        check_real("read voltage of a cell with read disturb (V)", read_volts, low, high)?;
        let end = match self.end {
            DisturbEnd::GOn => g_on,
            DisturbEnd::GOff => g_off,
        };
        Ok(Decay::new(end, conditions.reads as f64 * self.rate(read_volts)))
    }
}
