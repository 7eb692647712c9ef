//! What a read sees of cells at every digit of the DAC.

use crate::design::Design;
use crate::device::{IvPoint, WhitePoint};

/// The I–V curve and the white noise at every digit, for one temperature.
pub(crate) struct Digits {
    points: Vec<(IvPoint, Option<WhitePoint>)>,
    /// The curve at [`REST_VOLTS`]; `None` for ohmic cells.
    rest: Option<IvPoint>,
}

/// Voltage (V) at which a cell's conductance at rest is taken: far below any bend.
const REST_VOLTS: f64 = 1e-6;

impl Digits {
    pub(crate) fn new(design: &Design, kelvin: f64) -> Self {
        let (cell, dac) = (design.cell(), design.dac());
        let at = |digit| {
            let volts = dac.volts(digit);
            (cell.iv_at(volts), design.read_noise().white().map(|white| white.at(volts, kelvin)))
        };
        Digits {
            points: (0..=dac.max_digit()).map(at).collect(),
            rest: (!cell.iv().is_ohmic()).then(|| cell.iv_at(REST_VOLTS)),
        }
    }

    /// Current (A) of a cell of `siemens` at a digit.
    pub(crate) fn amperes(&self, siemens: f64, digit: u32) -> f64 {
        self.points[digit as usize].0.amperes(siemens)
    }

    /// White noise at a digit.
    pub(crate) fn white(&self, digit: u32) -> Option<WhitePoint> {
        self.points[digit as usize].1
    }

    /// Conductance (S) at 0 V of a cell of `siemens`.
    pub(crate) fn at_rest(&self, siemens: f64) -> f64 {
        self.rest.map_or(siemens, |curve| curve.amperes(siemens) / REST_VOLTS)
    }
}
