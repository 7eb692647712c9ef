//! Parts of a machine: what they draw, how large they are, and what their energy follows.

use crate::checked::checked_serde;
use crate::error::{Result, check_integer, check_real};

/// Most watts or square metres: far beyond any machine, so that no product or sum of a table overflows.
pub(super) const LARGEST: f64 = 1e9;

/// What the energy of a component follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum PricedPer {
    /// Conversions: sample-and-hold, shift-and-add.
    Conversion,
    /// Planes that arrays run: DACs, skip logic.
    Plane,
    /// The cells: planes that arrays run, or the joules counted in them, see
    /// [`CostModel::with_counted_cells`](super::CostModel::with_counted_cells).
    Cells,
    /// Time in which the matrix is busy: registers, buffers, links.
    Second,
}

/// A part of an MCU, a tile or a chip, as its table prints it.
///
/// **Units.** W and m², of all `count` together and at full use. **Valid range.** At least one; 0–10⁹ W and m². **Source.** Free text: where the numbers are from, and what was put right.
///
/// ```
/// use forms_xbar::cost::{Component, PricedPer};
///
/// let dacs = Component::new("DAC", 1024, 4e-3, 0.00017e-6, PricedPer::Plane, "ISAAC, table I")?;
/// assert_eq!(dacs.watts(), 4e-3);
/// assert!(Component::new("DAC", 1024, -4e-3, 0.0, PricedPer::Plane, "").is_err());
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct Component {
    name: String,
    count: u32,
    watts: f64,
    square_metres: f64,
    priced_per: PricedPer,
    source: String,
}

checked_serde!(Component, AdcBank);

impl Component {
    /// `count` parts that draw `watts` (W) and cover `square_metres` (m²) together.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`](crate::Error::Integer) for none of them, [`Error::Real`](crate::Error::Real) for a
    /// power or an area that is negative, above 10⁹ or not a number.
    pub fn new(
        name: impl Into<String>,
        count: u32,
        watts: f64,
        square_metres: f64,
        priced_per: PricedPer,
        source: impl Into<String>,
    ) -> Result<Self> {
        let (name, source) = (name.into(), source.into());
        let component = Component { name, count, watts, square_metres, priced_per, source };
        component.check()?;
        Ok(component)
    }

    fn check(&self) -> Result<()> {
        check_integer("parts of a component", self.count, 1, u32::MAX.into())?;
        check_real("power of a component (W)", self.watts, 0.0, LARGEST)?;
        check_real("area of a component (m²)", self.square_metres, 0.0, LARGEST)
    }

    /// What it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many its parent has.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Power of all of them at full use (W).
    pub fn watts(&self) -> f64 {
        self.watts
    }

    /// Area of all of them (m²).
    pub fn square_metres(&self) -> f64 {
        self.square_metres
    }

    /// What its energy follows.
    pub fn priced_per(&self) -> PricedPer {
        self.priced_per
    }

    /// Where its numbers are from.
    pub fn source(&self) -> &str {
        &self.source
    }
}

/// The ADCs of an MCU, apart from its other parts so that [`AdcModel`](super::AdcModel) can take their place.
///
/// **Units.** Samples per second of one ADC; W and m² of all of them. **Valid range.** At least one, of 1–16 bits;
/// a rate above 0 and up to 10¹⁵; power and area 0–10⁹.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct AdcBank {
    count: u32,
    bits: u32,
    sample_hz: f64,
    watts: f64,
    square_metres: f64,
    source: String,
}

impl AdcBank {
    /// `count` ADCs of an MCU, each of `bits` bits at `sample_hz` (1/s), that draw `watts` (W) and cover
    /// `square_metres` (m²) together.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`](crate::Error::Integer) for none or a width outside 1–16,
    /// [`Error::Real`](crate::Error::Real) for a rate, a power or an area out of range.
    pub fn new(
        count: u32,
        bits: u32,
        sample_hz: f64,
        watts: f64,
        square_metres: f64,
        source: impl Into<String>,
    ) -> Result<Self> {
        let adcs = AdcBank { count, bits, sample_hz, watts, square_metres, source: source.into() };
        adcs.check()?;
        Ok(adcs)
    }

    fn check(&self) -> Result<()> {
        check_integer("ADCs of an MCU", self.count, 1, u32::MAX.into())?;
        check_integer("ADC bits of a table", self.bits, 1, 16)?;
        check_real("ADC sample rate (Hz)", self.sample_hz, f64::MIN_POSITIVE, 1e15)?;
        check_real("power of the ADCs (W)", self.watts, 0.0, LARGEST)?;
        check_real("area of the ADCs (m²)", self.square_metres, 0.0, LARGEST)
    }

    /// ADCs of an MCU.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Width of a code.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Samples per second of one ADC (1/s).
    pub fn sample_hz(&self) -> f64 {
        self.sample_hz
    }

    /// Power of all of them at full use (W).
    pub fn watts(&self) -> f64 {
        self.watts
    }

    /// Area of all of them (m²).
    pub fn square_metres(&self) -> f64 {
        self.square_metres
    }

    /// Where the numbers are from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Conversions of all of them in a second (1/s).
    pub fn conversions_per_sec(&self) -> f64 {
        f64::from(self.count) * self.sample_hz
    }
}
