//! The wires, drivers and sense terminals of an array.

use std::ops::Range;

use super::capacitance::Capacitance;
use super::newton::NewtonSettings;
use crate::checked::checked_serde;
use crate::error::{Error, Result, check_real};

/// The ends of a line that have a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Ends {
    /// Before row or column 0.
    First,
    /// Beyond the last row or column.
    #[default]
    Last,
    /// At both ends, each through a terminal resistance of its own.
    Both,
}

/// What the word lines of an array do that are not driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum UnselectedRows {
    /// Their access transistors are off (1T1R): their cells are absent, their bit-line segments stay.
    #[default]
    Disconnected,
    /// Their drivers hold them at 0 V (1R).
    Grounded,
    /// Their drivers are off (1R): the line takes the voltage its cells give it.
    Floating,
}

/// Beyond these, sums of conductances of one network no longer hold its smaller ones.
const LEAST_OHMS: f64 = 1e-9;
const MOST_OHMS: f64 = 1e12;

/// Resistances and capacitances between the cells of an array and its terminals.
///
/// Word line `i` meets column 0 first, bit line `j` row 0. Between neighbouring cells lies one segment
/// of wire, and, with terminal segments, one more between a terminal and the cell next to it:
///
/// ```text
///  V_i ─[driver]─[word line]─┬─[word line]─┬─ ⋯                    word line i, driven at `Ends::First`
///                         [cell]        [cell]
///                         [access]      [access]
///                            ├─            ├─ ⋯
///                       [bit line]    [bit line]
///                            ⋮             ⋮                      past the rows below
///                       [bit line]    [bit line]
///                         [sense]       [sense]                   bit line j, sensed at `Ends::Last`
///                           0 V           0 V
/// ```
///
/// **Units.** Ohms, farads and hertz; of wires per cell pitch. **Valid range.** Resistances of 0 or
/// 10⁻⁹–10¹² Ω; nodes on the two sides of a resistance of 0 are one node. **Drawn.** Nothing. **Source.**
/// Values from 0.3 to 4.4 Ω a pitch follow from wire widths of 65 to 22 nm (NeuroSim's technology tables,
/// Chen et al., IEEE TCAD 2018); Hu et al. (DAC 2016) print 0.35 and 0.32 Ω.
///
/// ```
/// use forms_xbar::circuit::{Ends, Wires};
///
/// let wires = Wires::new(1.0, 1.0)?.with_terminals(100.0, 50.0)?.with_drive(Ends::Both);
/// assert_eq!(wires.driver_ohms(), 100.0);
/// assert!(Wires::new(-1.0, 1.0).is_err());
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct Wires {
    word_line_ohms: f64,
    bit_line_ohms: f64,
    driver_ohms: f64,
    sense_ohms: f64,
    access_ohms: f64,
    drive: Ends,
    sense: Ends,
    terminal_segments: bool,
    unselected: UnselectedRows,
    gated_inputs: bool,
    newton: NewtonSettings,
    capacitance: Option<Capacitance>,
}

checked_serde!(Wires);

impl Wires {
    /// Wires of these resistances per cell pitch (Ω), the rest ideal: word lines driven before column 0,
    /// bit lines sensed beyond the last row, a segment before each terminal, unselected rows disconnected.
    ///
    /// # Errors
    ///
    /// [`Error::Real`] for a resistance outside the valid range.
    pub fn new(word_line_ohms: f64, bit_line_ohms: f64) -> Result<Self> {
        let wires = Wires {
            word_line_ohms,
            bit_line_ohms,
            driver_ohms: 0.0,
            sense_ohms: 0.0,
            access_ohms: 0.0,
            drive: Ends::First,
            sense: Ends::Last,
            terminal_segments: true,
            unselected: UnselectedRows::Disconnected,
            gated_inputs: false,
            newton: NewtonSettings::default(),
            capacitance: None,
        };
        wires.check()?;
        Ok(wires)
    }

    /// Resistance of each driver and of each sense terminal (Ω).
    ///
    /// # Errors
    ///
    /// [`Error::Real`] for a resistance outside the valid range.
    pub fn with_terminals(self, driver_ohms: f64, sense_ohms: f64) -> Result<Self> {
        let wires = Wires { driver_ohms, sense_ohms, ..self };
        wires.check()?;
        Ok(wires)
    }

    /// Resistance of a cell's access transistor while it is on (Ω), in series with the cell.
    ///
    /// # Errors
    ///
    /// [`Error::Real`] for a resistance outside the valid range.
    pub fn with_access_ohms(self, access_ohms: f64) -> Result<Self> {
        let wires = Wires { access_ohms, ..self };
        wires.check()?;
        Ok(wires)
    }

    /// Where word lines are driven.
    pub fn with_drive(self, drive: Ends) -> Self {
        Wires { drive, ..self }
    }

    /// Where bit lines are sensed.
    pub fn with_sense(self, sense: Ends) -> Self {
        Wires { sense, ..self }
    }

    /// Whether a segment lies between a terminal and the cell next to it.
    pub fn with_terminal_segments(self, terminal_segments: bool) -> Self {
        Wires { terminal_segments, ..self }
    }

    /// What rows do that are not driven.
    pub fn with_unselected(self, unselected: UnselectedRows) -> Self {
        Wires { unselected, ..self }
    }

    /// Whether inputs drive the gates of access transistors instead of word lines: a row of input 0 has its
    /// cells disconnected, instead of its word line at 0 V.
    ///
    /// What a row adds to a bit line then depends on the other rows' inputs: a network of one read has to be
    /// made for every pattern, with the open cells at 0 S.
    pub fn with_gated_inputs(self, gated_inputs: bool) -> Self {
        Wires { gated_inputs, ..self }
    }

    /// When the solution for cells that are not ohmic counts as one.
    pub fn with_newton(self, newton: NewtonSettings) -> Self {
        Wires { newton, ..self }
    }

    /// Capacitances, without which nothing can be said of time or frequency.
    pub fn with_capacitance(self, capacitance: Capacitance) -> Self {
        Wires { capacitance: Some(capacitance), ..self }
    }

    /// Which of an array's `rows` are in the network of a read that drives some of them.
    pub(super) fn rows_of_read(&self, driven: &Range<usize>, rows: usize) -> Range<usize> {
        match self.unselected {
            UnselectedRows::Disconnected => driven.clone(),
            UnselectedRows::Grounded | UnselectedRows::Floating => 0..rows,
        }
    }

    /// Refuses gated inputs, of which the network depends on.
    pub(super) fn check_not_gated(&self, what: &'static str) -> Result<()> {
        if !self.gated_inputs {
            return Ok(());
        }
        Err(Error::Conflict {
            first: what,
            second: "gated inputs",
            why: "every pattern of inputs has a network of its own",
        })
    }

    fn check(&self) -> Result<()> {
        let ohms = [
            ("word-line resistance per pitch (Ω)", self.word_line_ohms),
            ("bit-line resistance per pitch (Ω)", self.bit_line_ohms),
            ("driver resistance (Ω)", self.driver_ohms),
            ("sense resistance (Ω)", self.sense_ohms),
            ("access resistance (Ω)", self.access_ohms),
        ];
        ohms.into_iter().try_for_each(|(name, ohms)| {
            let min = if ohms == 0.0 { 0.0 } else { LEAST_OHMS };
            check_real(name, ohms, min, MOST_OHMS)
        })
    }

    /// Resistance of a word-line segment (Ω).
    pub fn word_line_ohms(&self) -> f64 {
        self.word_line_ohms
    }

    /// Resistance of a bit-line segment (Ω).
    pub fn bit_line_ohms(&self) -> f64 {
        self.bit_line_ohms
    }

    /// Resistance of a driver (Ω).
    pub fn driver_ohms(&self) -> f64 {
        self.driver_ohms
    }

    /// Resistance of a sense terminal (Ω).
    pub fn sense_ohms(&self) -> f64 {
        self.sense_ohms
    }

    /// Resistance of an access transistor (Ω).
    pub fn access_ohms(&self) -> f64 {
        self.access_ohms
    }

    /// Where word lines are driven.
    pub fn drive(&self) -> Ends {
        self.drive
    }

    /// Where bit lines are sensed.
    pub fn sense(&self) -> Ends {
        self.sense
    }

    /// Whether a segment lies between a terminal and the cell next to it.
    pub fn terminal_segments(&self) -> bool {
        self.terminal_segments
    }

    /// What rows do that are not driven.
    pub fn unselected(&self) -> UnselectedRows {
        self.unselected
    }

    /// Whether inputs drive gates.
    pub fn gated_inputs(&self) -> bool {
        self.gated_inputs
    }

    /// When the solution for cells that are not ohmic counts as one.
    pub fn newton(&self) -> NewtonSettings {
        self.newton
    }

    /// Capacitances.
    pub fn capacitance(&self) -> Option<Capacitance> {
        self.capacitance
    }
}
