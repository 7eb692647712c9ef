//! The pulses that write a cell.

use crate::checked::checked_serde;
use crate::error::{Result, check_real};

/// The pulses of a write, for their energy.
///
/// **Equation.** The `k`-th further pulse of a polarity has `V = V_start + k · V_step`. **Units.**
/// Volts, seconds. **Valid range.** Start 0–100 V, step 0–100 V, width above 0 and at most 1 s.
/// **Drawn.** Never. **Source.** NeuRRAM: 1.2 V to set, 1.5 V to reset, steps of 0.1 V, 1 µs.
///
/// ```
/// use forms_xbar::device::WritePulses;
///
/// assert_eq!(WritePulses::NEURRAM, WritePulses::new(1.2, 1.5, 0.1, 1e-6)?);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct WritePulses {
    set_volts: f64,
    reset_volts: f64,
    step_volts: f64,
    pulse_secs: f64,
}

checked_serde!(WritePulses);

impl WritePulses {
    /// NeuRRAM's.
    pub const NEURRAM: WritePulses =
        WritePulses { set_volts: 1.2, reset_volts: 1.5, step_volts: 0.1, pulse_secs: 1e-6 };

    /// Pulses that start at these voltages (V), rise by `step_volts` and last `pulse_secs`.
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for a number outside its range.
    pub fn new(set_volts: f64, reset_volts: f64, step_volts: f64, pulse_secs: f64) -> Result<Self> {
        let pulses = WritePulses { set_volts, reset_volts, step_volts, pulse_secs };
        pulses.check()?;
        Ok(pulses)
    }

    /// Voltage of the first set pulse (V).
    pub fn set_volts(&self) -> f64 {
        self.set_volts
    }

    /// Voltage of the first reset pulse (V).
    pub fn reset_volts(&self) -> f64 {
        self.reset_volts
    }

    /// What every further pulse of the same polarity has more (V).
    pub fn step_volts(&self) -> f64 {
        self.step_volts
    }

    /// Width of a pulse (s).
    pub fn pulse_secs(&self) -> f64 {
        self.pulse_secs
    }

    fn check(&self) -> Result<()> {
        check_real("set voltage (V)", self.set_volts, 0.0, 100.0)?;
        check_real("reset voltage (V)", self.reset_volts, 0.0, 100.0)?;
        check_real("voltage step of write pulses (V)", self.step_volts, 0.0, 100.0)?;
        check_real("width of write pulses (s)", self.pulse_secs, f64::MIN_POSITIVE, 1.0)
    }

    /// Energy (J) of a pulse into a cell of `siemens`, `height` pulses after the first.
    pub(super) fn joules(&self, sets: bool, height: u32, siemens: f64) -> f64 {
        let start = if sets { self.set_volts } else { self.reset_volts };
        let volts = start + f64::from(height) * self.step_volts;
        volts * volts * siemens * self.pulse_secs
    }
}
