//! Component tables: what a design's MCUs, tiles and chip are made of.

use crate::checked::checked_serde;
use crate::error::{Result, check_integer, check_real};

use super::{AdcBank, Component};

/// Far beyond any machine: keeps every product of a table finite.
pub(super) const LONGEST_PLANE_SECS: f64 = 1e3;

/// How far up the machine costs are counted: an array takes its share of everything up to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The array's MCU (ISAAC's IMA): ADCs, DACs, cells, registers.
    Mcu,
    /// Its tile too: buffers, router, digital units.
    Tile,
    /// The whole chip: its links too.
    Chip,
}

/// How many arrays, MCUs and tiles a chip has.
///
/// **Valid range.** At least one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Sizes {
    /// Arrays of an MCU.
    pub arrays_per_mcu: u32,
    /// MCUs of a tile.
    pub mcus_per_tile: u32,
    /// Tiles of a chip.
    pub tiles_per_chip: u32,
}

impl Sizes {
    /// Arrays that share what stands at a scope.
    pub fn arrays(&self, scope: Scope) -> u128 {
        let mcu = u128::from(self.arrays_per_mcu);
        let tile = mcu * u128::from(self.mcus_per_tile);
        match scope {
            Scope::Mcu => mcu,
            Scope::Tile => tile,
            Scope::Chip => tile * u128::from(self.tiles_per_chip),
        }
    }
}

/// The parts of a design: of an MCU, of a tile beside its MCUs, of a chip beside its tiles.
///
/// Published ones are in [`tables`](super::tables); your own are made here, or read from a file with feature
/// `serde`, where unknown fields, negative numbers and zero counts are errors.
///
/// **Units.** s, and those of [`Component`] and [`AdcBank`]. **Valid range.** Sizes of at least 1; arrays of
/// 1–65,536 word lines and bit lines; a plane time of 10⁻¹⁵–10³ s.
///
/// ```
/// use forms_xbar::cost::{AdcBank, Component, ComponentTable, PricedPer, Scope, Sizes};
///
/// let adcs = AdcBank::new(8, 8, 1.28e9, 16e-3, 0.0096e-6, "mine")?;
/// let sizes = Sizes { arrays_per_mcu: 8, mcus_per_tile: 1, tiles_per_chip: 1 };
/// let table = ComponentTable::new("mine", adcs, sizes, (128, 128), 100e-9)?
///     .with_mcu(vec![Component::new("cells", 8, 2e-3, 2e-10, PricedPer::Plane, "mine")?]);
/// assert!((table.watts(Scope::Chip) - 18e-3).abs() < 1e-12);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct ComponentTable {
    name: String,
    sizes: Sizes,
    array_rows: u32,
    array_columns: u32,
    plane_secs: f64,
    adcs: AdcBank,
    mcu: Vec<Component>,
    tile: Vec<Component>,
    chip: Vec<Component>,
}

checked_serde!(ComponentTable);

impl ComponentTable {
    /// A table of ADCs alone: MCUs of arrays of so many rows and columns (word lines and bit lines) that run a plane
    /// in `plane_secs` (s) at full use.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`](crate::Error::Integer) for a size of 0 or more than 65,536 rows or columns,
    /// [`Error::Real`](crate::Error::Real) for a plane time out of range.
    pub fn new(
        name: impl Into<String>,
        adcs: AdcBank,
        sizes: Sizes,
        (array_rows, array_columns): (u32, u32),
        plane_secs: f64,
    ) -> Result<Self> {
        let (name, mcu, tile, chip) = (name.into(), Vec::new(), Vec::new(), Vec::new());
        let table =
            ComponentTable { name, sizes, array_rows, array_columns, plane_secs, adcs, mcu, tile, chip };
        table.check()?;
        Ok(table)
    }

    fn check(&self) -> Result<()> {
        let most = u32::MAX.into();
        check_integer("arrays of an MCU", self.sizes.arrays_per_mcu, 1, most)?;
        check_integer("MCUs of a tile", self.sizes.mcus_per_tile, 1, most)?;
        check_integer("tiles of a chip", self.sizes.tiles_per_chip, 1, most)?;
        check_integer("rows of an array", self.array_rows, 1, 1 << 16)?;
        check_integer("columns of an array", self.array_columns, 1, 1 << 16)?;
        check_real("plane time of a table (s)", self.plane_secs, 1e-15, LONGEST_PLANE_SECS)
    }

    /// The same with these parts of an MCU, beside its ADCs.
    pub fn with_mcu(self, components: Vec<Component>) -> Self {
        Self { mcu: components, ..self }
    }

    /// The same with these parts of a tile, beside its MCUs.
    pub fn with_tile(self, components: Vec<Component>) -> Self {
        Self { tile: components, ..self }
    }

    /// The same with these parts of a chip, beside its tiles.
    pub fn with_chip(self, components: Vec<Component>) -> Self {
        Self { chip: components, ..self }
    }

    /// What it describes.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many arrays, MCUs and tiles there are.
    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// Word lines of an array.
    pub fn array_rows(&self) -> u32 {
        self.array_rows
    }

    /// Bit lines of an array.
    pub fn array_columns(&self) -> u32 {
        self.array_columns
    }

    /// Time of a plane (s) at which the printed powers are drawn.
    pub fn plane_secs(&self) -> f64 {
        self.plane_secs
    }

    /// The ADCs of an MCU.
    pub fn adcs(&self) -> &AdcBank {
        &self.adcs
    }

    /// Parts at a scope itself; at the MCU those beside its ADCs.
    pub fn components(&self, scope: Scope) -> &[Component] {
        match scope {
            Scope::Mcu => &self.mcu,
            Scope::Tile => &self.tile,
            Scope::Chip => &self.chip,
        }
    }

    /// Power (W) of one whole MCU, tile or chip at full use.
    pub fn watts(&self, scope: Scope) -> f64 {
        self.total(scope, self.adcs.watts(), Component::watts)
    }

    /// Area (m²) of one whole MCU, tile or chip.
    pub fn square_metres(&self, scope: Scope) -> f64 {
        self.total(scope, self.adcs.square_metres(), Component::square_metres)
    }

    fn total(&self, scope: Scope, adcs: f64, of: fn(&Component) -> f64) -> f64 {
        let sum = |components: &[Component]| components.iter().map(of).sum::<f64>();
        let mcu = adcs + sum(&self.mcu);
        let tile = || mcu * f64::from(self.sizes.mcus_per_tile) + sum(&self.tile);
        match scope {
            Scope::Mcu => mcu,
            Scope::Tile => tile(),
            Scope::Chip => tile() * f64::from(self.sizes.tiles_per_chip) + sum(&self.chip),
        }
    }

    /// ADCs of one array.
    pub(super) fn adcs_per_array(&self) -> f64 {
        f64::from(self.adcs.count()) / f64::from(self.sizes.arrays_per_mcu)
    }

    /// Conversions of one array in a second (1/s) at full use: all bit lines in a plane.
    pub(super) fn conversions_per_sec(&self) -> f64 {
        f64::from(self.array_columns) / self.plane_secs
    }
}
