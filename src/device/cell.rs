//! A cell: the composition of its effects.

use super::ageing::Aged;
use super::write::{ArrayFaults, ArrayPlace, ArrayWriter, WriteKeys, WriteSettings, age_row};
use super::{
    Ageing, Conditions, DeviceSpread, IvCurve, IvPoint, LevelMap, Programming, Relaxation, StuckCells,
    StuckLines, WriteReport,
};
use crate::checked::checked_serde;
use crate::error::Result;

/// A ReRAM cell: its levels and everything that comes between a level and a current, in the order
/// that [`device`](super) states.
///
/// ```
/// use forms_xbar::device::{Cell, LevelMap, Programming, StuckCells};
///
/// let cell = Cell::new(LevelMap::linear(2, 1e-6, 100e-6)?)
///     .with_programming(Programming::Lognormal { sigma: 0.1 })
///     .with_stuck_cells(StuckCells::new(0.001, 0.001)?);
/// assert_eq!(cell.levels().bits(), 2);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct Cell {
    #[cfg_attr(feature = "serde", serde(rename = "levels_siemens"))]
    levels: LevelMap,
    device_spread: DeviceSpread,
    programming: Programming,
    stuck_cells: StuckCells,
    stuck_lines: StuckLines,
    ageing: Ageing,
    iv: IvCurve,
}

checked_serde!(Cell);

impl Cell {
    /// An ohmic cell that meets its levels exactly, never fails and never changes.
    pub fn new(levels: LevelMap) -> Self {
        Cell {
            levels,
            device_spread: DeviceSpread::NONE,
            programming: Programming::Exact,
            stuck_cells: StuckCells::NONE,
            stuck_lines: StuckLines::NONE,
            ageing: Ageing::NONE,
            iv: IvCurve::default(),
        }
    }

    /// The same cell with this device-to-device spread.
    pub fn with_device_spread(self, device_spread: DeviceSpread) -> Self {
        Cell { device_spread, ..self }
    }

    /// The same cell with this programming error, checked when a design is built.
    pub fn with_programming(self, programming: Programming) -> Self {
        Cell { programming, ..self }
    }

    /// The same cell with these faults.
    pub fn with_stuck_cells(self, stuck_cells: StuckCells) -> Self {
        Cell { stuck_cells, ..self }
    }

    /// The same cell with these broken lines.
    pub fn with_stuck_lines(self, stuck_lines: StuckLines) -> Self {
        Cell { stuck_lines, ..self }
    }

    /// The same cell with this answer to conditions, checked when a design is built.
    pub fn with_ageing(self, ageing: Ageing) -> Self {
        Cell { ageing, ..self }
    }

    /// The same cell with this I–V curve.
    pub fn with_iv(self, iv: IvCurve) -> Self {
        Cell { iv, ..self }
    }

    /// Checks what depends on the levels: the programming error, ageing and the I–V curve.
    ///
    /// # Errors
    ///
    /// Those of [`Programming::check_levels`], [`Ageing::check`] and [`IvCurve::check`].
    pub fn check(&self) -> Result<()> {
        self.programming.check_levels(&self.levels)?;
        self.ageing.check(self.window())?;
        self.iv.check()
    }

    /// Target conductances.
    pub fn levels(&self) -> &LevelMap {
        &self.levels
    }

    /// Device-to-device spread.
    pub fn device_spread(&self) -> DeviceSpread {
        self.device_spread
    }

    /// Programming error.
    pub fn programming(&self) -> &Programming {
        &self.programming
    }

    /// Faults.
    pub fn stuck_cells(&self) -> StuckCells {
        self.stuck_cells
    }

    /// Broken lines.
    pub fn stuck_lines(&self) -> StuckLines {
        self.stuck_lines
    }

    /// Answer to conditions.
    pub fn ageing(&self) -> &Ageing {
        &self.ageing
    }

    /// I–V curve.
    pub fn iv(&self) -> &IvCurve {
        &self.iv
    }

    /// `(g_off, g_on)` (S).
    fn window(&self) -> (f64, f64) {
        (self.levels.g_off(), self.levels.g_on())
    }

    /// Current (A) of a cell of `siemens` at `volts`.
    pub fn amperes(&self, siemens: f64, volts: f64) -> f64 {
        self.iv.amperes(siemens, self.window(), volts)
    }

    /// Differential conductance (S) of a cell of `siemens` at `volts`.
    pub fn slope(&self, siemens: f64, volts: f64) -> f64 {
        self.iv.slope(siemens, self.window(), volts)
    }

    /// The I–V curve at one voltage (V).
    pub(crate) fn iv_at(&self, volts: f64) -> IvPoint {
        self.iv.at(self.window(), volts)
    }

    /// What the levels conduct at `volts`, `I/V` (S): the levels themselves while the cell is ohmic.
    pub(crate) fn levels_at(&self, volts: f64) -> Result<LevelMap> {
        self.iv.check_volts(volts)?;
        if self.iv.is_ohmic() {
            return Ok(self.levels.clone());
        }
        LevelMap::table(self.levels.as_slice().iter().map(|&g| self.amperes(g, volts) / volts).collect())
    }

    /// Whether every cell is written to exactly its target conductance.
    pub fn is_ideal(&self) -> bool {
        self.programming.is_exact(&self.levels) && self.is_faultless()
    }

    /// Whether anything about cells is drawn: by a die, a write or conditions.
    pub fn is_drawn(&self) -> bool {
        !self.programming.is_deterministic(&self.levels)
            || !self.is_faultless()
            || self.ageing.relaxation().is_some_and(Relaxation::is_drawn)
            || self.ageing.drift().is_some_and(|drift| drift.exponent_deviation() > 0.0)
    }

    /// Neither spread nor faults.
    fn is_faultless(&self) -> bool {
        self.device_spread.is_none() && self.stuck_cells.is_none() && self.stuck_lines.is_none()
    }

    /// Writes one bank of bit lines of one array: `siemens[row · columns + i]` becomes the conductance
    /// of the cell at bit line `i`. `levels` are at most the highest level of the cell, `faults` those of
    /// the same place.
    ///
    /// # Errors
    ///
    /// [`Error::Conductance`](crate::Error::Conductance) for a cell that would be negative or not
    /// finite as `f32`.
    pub(crate) fn write_array(
        &self,
        (keys, place): (WriteKeys, ArrayPlace),
        columns: usize,
        levels: &[u8],
        faults: &ArrayFaults,
        siemens: &mut [f32],
        report: &mut WriteReport,
    ) -> Result<()> {
        let size = (levels.len() / columns, columns);
        let (spread, programming) = (self.device_spread, &self.programming);
        let settings = WriteSettings { levels: &self.levels, spread, programming };
        let mut writer = ArrayWriter::new(settings, keys, place, size);
        let rows = siemens.chunks_exact_mut(columns).zip(levels.chunks_exact(columns));
        let mut stuck = vec![f32::NAN; columns];
        for (row, (siemens, levels)) in rows.enumerate() {
            if let Programming::WriteVerify(_) = self.programming {
                stuck.fill(f32::NAN);
                faults.apply_row(row, &mut stuck);
            }
            writer.write_row(row, levels, &stuck, siemens, report)?;
            faults.apply_row(row, siemens);
        }
        Ok(())
    }

    /// What conditions do to every cell, `None` if nothing, read at `volts`.
    pub(crate) fn under(&self, conditions: &Conditions, volts: f64) -> Result<Option<CellAge>> {
        let aged = self.ageing.under(conditions, self.window(), volts)?;
        let model = matches!(self.programming, Programming::Model(_)) && *conditions != Conditions::FRESH;
        let changes = !aged.is_none() || model;
        Ok(changes.then_some(CellAge { aged, conditions: *conditions }))
    }

    /// Turns the conductances that a write left in one bank of an array into those under conditions.
    /// The cells of `faults`, those of the same place, stay what they are but for the temperature of the read.
    ///
    /// # Errors
    ///
    /// [`Error::Conductance`](crate::Error::Conductance) for the first cell that a model of one's own left
    /// negative or not finite; all cells have been aged.
    pub(crate) fn age_array(
        &self,
        age: &CellAge,
        keys: WriteKeys,
        place: ArrayPlace,
        columns: usize,
        faults: Option<&ArrayFaults>,
        siemens: &mut [f32],
    ) -> Result<()> {
        let mut result = Ok(());
        for (row, siemens) in siemens.chunks_exact_mut(columns).enumerate() {
            if let Programming::Model(model) = &self.programming {
                let aged = age_row(&**model, &age.conditions, keys.write, (place, row), siemens);
                result = result.and(aged);
            }
            age.aged.apply(keys.write, [place.address, row as u64, place.bank], siemens);
            if let Some(faults) = faults {
                faults.apply_row(row, siemens);
            }
            age.aged.heat(siemens);
        }
        result
    }

    /// Draws the faults of one bank of an array of `(rows, columns)`.
    pub(crate) fn faults(&self, keys: WriteKeys, place: ArrayPlace, size: (usize, usize)) -> ArrayFaults {
        ArrayFaults::new((self.stuck_cells, self.stuck_lines), &self.levels, keys.die, place, size)
    }
}

/// What conditions do to every cell of a die.
#[derive(Debug, Clone)]
pub(crate) struct CellAge {
    aged: Aged,
    conditions: Conditions,
}
