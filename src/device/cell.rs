//! A cell: the composition of its effects.

use super::{LevelMap, Programming, StuckCells};
use crate::checked::checked_serde;
use crate::error::Result;
use crate::key::{Key, Purpose};

/// A ReRAM cell: its levels, its programming error and its faults.
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
    programming: Programming,
    stuck_cells: StuckCells,
}

checked_serde!(Cell);

impl Cell {
    /// A cell that meets its levels exactly and never fails.
    pub fn new(levels: LevelMap) -> Self {
        Cell { levels, programming: Programming::Exact, stuck_cells: StuckCells::NONE }
    }

    /// The same cell with this programming error, checked when a design is built.
    pub fn with_programming(self, programming: Programming) -> Self {
        Cell { programming, ..self }
    }

    /// The same cell with these faults.
    pub fn with_stuck_cells(self, stuck_cells: StuckCells) -> Self {
        Cell { stuck_cells, ..self }
    }

    /// Checks the programming error.
    ///
    /// # Errors
    ///
    /// Those of [`Programming::check`].
    pub fn check(&self) -> Result<()> {
        self.programming.check()
    }

    /// Target conductances.
    pub fn levels(&self) -> &LevelMap {
        &self.levels
    }

    /// Programming error.
    pub fn programming(&self) -> Programming {
        self.programming
    }

    /// Faults.
    pub fn stuck_cells(&self) -> StuckCells {
        self.stuck_cells
    }

    /// Whether every cell has exactly its target conductance, so that programming draws nothing.
    pub fn is_ideal(&self) -> bool {
        self.programming.is_exact() && self.stuck_cells.is_none()
    }

    /// Programs one word line: `siemens[i]` becomes the conductance of the cell at bit line `i`.
    ///
    /// `levels` are at most the highest level of the cell. All draws are at `(key, place)`, the
    /// array, the word line and the bank of bit lines; cell `i` takes programming draw `i`, so a
    /// longer row does not shift the draws of a shorter one.
    pub(crate) fn program_row(&self, key: Key, place: [u64; 3], levels: &[u8], siemens: &mut [f32]) {
        let targets = self.levels.as_slice();
        if self.programming.is_exact() {
            for (cell, &level) in siemens.iter_mut().zip(levels) {
                *cell = targets[usize::from(level)] as f32;
            }
        } else {
            let mut stream = key.stream(Purpose::Programming, place);
            for (cell, &level) in siemens.iter_mut().zip(levels) {
                *cell = self.programming.write(targets[usize::from(level)], self.levels.g_on(), &mut stream)
                    as f32;
            }
        }
        if !self.stuck_cells.is_none() {
            let mut stream = key.stream(Purpose::StuckCells, place);
            self.stuck_cells.apply(self.levels.g_off(), self.levels.g_on(), siemens, &mut stream);
        }
    }
}
