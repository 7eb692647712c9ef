//! What conditions do to programmed cells.

mod arrhenius;
mod conditions;
mod decay;
mod drift;
mod endurance;
mod log_time;
mod read_disturb;
mod relaxation;
mod retention;
mod temperature;

pub use conditions::Conditions;
pub use drift::Drift;
pub use endurance::Endurance;
pub use log_time::LogTimeCurve;
pub use read_disturb::{DisturbEnd, ReadDisturb};
pub use relaxation::Relaxation;
pub use retention::Retention;
pub use temperature::TemperatureCoefficient;

use crate::error::Result;
use crate::key::Key;
use decay::Decay;
use drift::Drifted;
use endurance::Closing;
use relaxation::Relaxed;
use temperature::Scaling;

/// How a cell answers to [`Conditions`]: any of six effects, in this order.
///
/// 1. [`Endurance`]: the window closes with cycles;
/// 2. [`Relaxation`]: spread and shift after the write, growing with the logarithm of time;
/// 3. [`Drift`]: a power law of time;
/// 4. [`Retention`]: the low-resistance state is lost;
/// 5. [`ReadDisturb`]: every read moves a cell;
/// 6. [`TemperatureCoefficient`]: a hot cell conducts less.
///
/// Each starts from what the one before it left, the first from what the write left. Faulty cells do not age, but
/// their temperature is that of the read. The result is a
/// function of the written conductance, the conditions, the key of the write and the place: nothing is
/// redrawn, and going through other conditions on the way changes nothing. An effect that is
/// absent draws nothing.
///
/// ```
/// use forms_xbar::device::{Ageing, Conditions, Drift, TemperatureCoefficient};
///
/// let ageing = Ageing::NONE
///     .with_drift(Drift::new(0.005, 0.001, 1.0)?)
///     .with_temperature(TemperatureCoefficient::new(-0.005, 300.0, (300.0, 400.0))?);
/// let warm = Conditions { kelvin: 350.0, ..Conditions::FRESH };
/// assert!(ageing.check_conditions(&warm, (1e-6, 1e-4), 0.2).is_ok());
/// let hot = Conditions { kelvin: 450.0, ..warm };
/// assert!(ageing.check_conditions(&hot, (1e-6, 1e-4), 0.2).is_err());
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Ageing {
    endurance: Option<Endurance>,
    relaxation: Option<Relaxation>,
    drift: Option<Drift>,
    retention: Option<Retention>,
    read_disturb: Option<ReadDisturb>,
    temperature: Option<TemperatureCoefficient>,
}

impl Ageing {
    /// Cells that stay as they were written.
    pub const NONE: Ageing = Ageing {
        endurance: None,
        relaxation: None,
        drift: None,
        retention: None,
        read_disturb: None,
        temperature: None,
    };

    /// The same ageing with this endurance.
    pub fn with_endurance(self, endurance: Endurance) -> Self {
        Ageing { endurance: Some(endurance), ..self }
    }

    /// The same ageing with this relaxation.
    pub fn with_relaxation(self, relaxation: Relaxation) -> Self {
        Ageing { relaxation: Some(relaxation), ..self }
    }

    /// The same ageing with this drift.
    pub fn with_drift(self, drift: Drift) -> Self {
        Ageing { drift: Some(drift), ..self }
    }

    /// The same ageing with this retention.
    pub fn with_retention(self, retention: Retention) -> Self {
        Ageing { retention: Some(retention), ..self }
    }

    /// The same ageing with this read disturb.
    pub fn with_read_disturb(self, read_disturb: ReadDisturb) -> Self {
        Ageing { read_disturb: Some(read_disturb), ..self }
    }

    /// The same ageing with this temperature coefficient.
    pub fn with_temperature(self, temperature: TemperatureCoefficient) -> Self {
        Ageing { temperature: Some(temperature), ..self }
    }

    /// Endurance.
    pub fn endurance(&self) -> Option<&Endurance> {
        self.endurance.as_ref()
    }

    /// Relaxation.
    pub fn relaxation(&self) -> Option<&Relaxation> {
        self.relaxation.as_ref()
    }

    /// Drift.
    pub fn drift(&self) -> Option<&Drift> {
        self.drift.as_ref()
    }

    /// Retention.
    pub fn retention(&self) -> Option<&Retention> {
        self.retention.as_ref()
    }

    /// Read disturb.
    pub fn read_disturb(&self) -> Option<&ReadDisturb> {
        self.read_disturb.as_ref()
    }

    /// Temperature coefficient.
    pub fn temperature(&self) -> Option<&TemperatureCoefficient> {
        self.temperature.as_ref()
    }

    /// Whether no condition does anything.
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// Checks the effects against the window `(g_off, g_on)` of a cell (S).
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`](crate::Error::Conflict) for [`Endurance`] with a `g_off` of 0 S.
    pub fn check(&self, window: (f64, f64)) -> Result<()> {
        self.endurance.iter().try_for_each(|endurance| endurance.check_window(window))
    }

    /// Checks that conditions lie where every effect that they set off is fitted, for a window
    /// `(g_off, g_on)` (S) and a read voltage (V).
    ///
    /// # Errors
    ///
    /// Those of [`Conditions::check`] and [`Ageing::check`];
    /// [`Error::Real`](crate::Error::Real) for a time, a temperature or a voltage outside the fitted range of
    /// an effect, and for a temperature at which `g_on` would fall below `g_off`.
    pub fn check_conditions(
        &self,
        conditions: &Conditions,
        window: (f64, f64),
        read_volts: f64,
    ) -> Result<()> {
        self.under(conditions, window, read_volts).map(drop)
    }

    /// What these conditions do to every word line.
    pub(in crate::device) fn under(
        &self,
        conditions: &Conditions,
        window: (f64, f64),
        read_volts: f64,
    ) -> Result<Aged> {
        conditions.check()?;
        self.check(window)?;
        Ok(Aged {
            endurance: flatten(self.endurance.map(|effect| effect.under(conditions, window)))?,
            relaxation: flatten(self.relaxation.as_ref().map(|effect| effect.under(conditions)))?,
            drift: self.drift.and_then(|effect| effect.under(conditions)),
            retention: flatten(self.retention.map(|effect| effect.under(conditions, window)))?,
            read_disturb: flatten(
                self.read_disturb.map(|effect| effect.under(conditions, window, read_volts)),
            )?,
            temperature: flatten(self.temperature.map(|effect| effect.under(conditions, window)))?,
        })
    }
}

/// What an effect does, if it is there and does anything.
fn flatten<T>(effect: Option<Result<Option<T>>>) -> Result<Option<T>> {
    effect.transpose().map(Option::flatten)
}

/// What conditions do to every word line: the numbers that do not depend on the cell.
#[derive(Debug, Clone)]
pub(in crate::device) struct Aged {
    endurance: Option<Closing>,
    relaxation: Option<Relaxed>,
    drift: Option<Drifted>,
    retention: Option<Decay>,
    read_disturb: Option<Decay>,
    temperature: Option<Scaling>,
}

impl Aged {
    /// Whether nothing is done.
    pub(in crate::device) fn is_none(&self) -> bool {
        let Aged { endurance, relaxation, drift, retention, read_disturb, temperature } = self;
        endurance.is_none()
            && relaxation.is_none()
            && drift.is_none()
            && retention.is_none()
            && read_disturb.is_none()
            && temperature.is_none()
    }

    /// Turns the conductances that a write left on one word line into those under the conditions, but for
    /// the temperature of the read.
    ///
    /// Draws are at `(write_key, place)`, the array, the word line and the bank of bit lines; cell `i`
    /// takes draw `i` of each effect's own stream.
    pub(in crate::device) fn apply(&self, write_key: Key, place: [u64; 3], siemens: &mut [f32]) {
        if let Some(closing) = &self.endurance {
            closing.apply(siemens);
        }
        if let Some(relaxed) = &self.relaxation {
            relaxed.apply(write_key, place, siemens);
        }
        if let Some(drifted) = &self.drift {
            drifted.apply(write_key, place, siemens);
        }
        if let Some(lost) = &self.retention {
            lost.apply_above(siemens);
        }
        if let Some(disturbed) = &self.read_disturb {
            disturbed.apply(siemens);
        }
    }

    /// What the temperature of a read does to all cells, faulty ones too.
    pub(in crate::device) fn heat(&self, siemens: &mut [f32]) {
        if let Some(scaling) = &self.temperature {
            scaling.apply(siemens);
        }
    }
}

#[cfg(test)]
mod tests;
