//! Capacitances of an array and the pole of its front end.

use crate::checked::checked_serde;
use crate::error::{Result, check_real};

/// What makes an array take time.
///
/// **Units.** Farads and hertz. The capacitance of a wire lies between the node of a cell and ground, one
/// pitch of it at every crossing; that of a cell beside the cell, behind its access transistor; that of a
/// sense terminal between the end of its bit line and ground. The front end is a single pole behind the
/// sense terminal: `H(s) = 1 / (1 + s / 2πf)`. **Valid range.** Finite and at least 0, the pole above 0.
/// **Drawn.** Nothing. **Source.** 0.2 fF/µm of wire (NeuroSim, Chen et al., IEEE TCAD 2018), 0.05 to 0.25 fF
/// a pitch.
///
/// ```
/// use forms_xbar::circuit::Capacitance;
///
/// let capacitance = Capacitance::of_wires(0.1e-15, 0.1e-15)?.with_front_end(100e6)?;
/// assert_eq!(capacitance.front_end_hertz(), Some(100e6));
/// assert!(Capacitance::of_wires(f64::NAN, 0.0).is_err());
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct Capacitance {
    word_line_farads: f64,
    bit_line_farads: f64,
    cell_farads: f64,
    sense_farads: f64,
    front_end_hertz: Option<f64>,
}

checked_serde!(Capacitance);

impl Capacitance {
    /// Wires of these capacitances per cell pitch (F), cells and sense terminals without, no front-end pole.
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for a capacitance that is negative or not finite.
    pub fn of_wires(word_line_farads: f64, bit_line_farads: f64) -> Result<Self> {
        let capacitance = Capacitance {
            word_line_farads,
            bit_line_farads,
            cell_farads: 0.0,
            sense_farads: 0.0,
            front_end_hertz: None,
        };
        capacitance.check()?;
        Ok(capacitance)
    }

    /// Capacitance of a cell (F).
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for a capacitance that is negative or not finite.
    pub fn with_cell(self, cell_farads: f64) -> Result<Self> {
        let capacitance = Capacitance { cell_farads, ..self };
        capacitance.check()?;
        Ok(capacitance)
    }

    /// Capacitance of a sense terminal (F).
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for a capacitance that is negative or not finite.
    pub fn with_sense(self, sense_farads: f64) -> Result<Self> {
        let capacitance = Capacitance { sense_farads, ..self };
        capacitance.check()?;
        Ok(capacitance)
    }

    /// Frequency of the front end's pole (Hz).
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for a frequency that is not above 0 or not finite.
    pub fn with_front_end(self, hertz: f64) -> Result<Self> {
        let capacitance = Capacitance { front_end_hertz: Some(hertz), ..self };
        capacitance.check()?;
        Ok(capacitance)
    }

    fn check(&self) -> Result<()> {
        let farads = [
            ("word-line capacitance per pitch (F)", self.word_line_farads),
            ("bit-line capacitance per pitch (F)", self.bit_line_farads),
            ("cell capacitance (F)", self.cell_farads),
            ("sense capacitance (F)", self.sense_farads),
        ];
        farads.into_iter().try_for_each(|(name, farads)| check_real(name, farads, 0.0, f64::MAX))?;
        self.front_end_hertz
            .map_or(Ok(()), |hertz| check_real("front-end pole (Hz)", hertz, f64::MIN_POSITIVE, f64::MAX))
    }

    /// Capacitance of a word line per pitch (F).
    pub fn word_line_farads(&self) -> f64 {
        self.word_line_farads
    }

    /// Capacitance of a bit line per pitch (F).
    pub fn bit_line_farads(&self) -> f64 {
        self.bit_line_farads
    }

    /// Capacitance of a cell (F).
    pub fn cell_farads(&self) -> f64 {
        self.cell_farads
    }

    /// Capacitance of a sense terminal (F).
    pub fn sense_farads(&self) -> f64 {
        self.sense_farads
    }

    /// Frequency of the front end's pole (Hz).
    pub fn front_end_hertz(&self) -> Option<f64> {
        self.front_end_hertz
    }
}
