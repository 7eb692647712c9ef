//! The faults of one array.

use super::{ArrayPlace, StuckCells, StuckLines};
use crate::device::LevelMap;
use crate::key::{Key, Purpose};

/// The stuck cells and broken lines of one bank of an array: a function of the die's key.
///
/// Applied after programming and again after ageing, since a stuck cell neither takes a write nor
/// drifts.
#[derive(Debug)]
pub(in crate::device) struct ArrayFaults {
    die: Key,
    place: ArrayPlace,
    cells: StuckCells,
    g_off: f64,
    g_on: f64,
    line_siemens: f32,
    word_lines: Vec<usize>,
    bit_lines: Vec<usize>,
}

impl ArrayFaults {
    pub(in crate::device) fn new(
        (cells, lines): (StuckCells, StuckLines),
        levels: &LevelMap,
        die: Key,
        place: ArrayPlace,
        (rows, columns): (usize, usize),
    ) -> Self {
        let (g_off, g_on) = (levels.g_off(), levels.g_on());
        ArrayFaults {
            die,
            place,
            cells,
            g_off,
            g_on,
            line_siemens: lines.siemens(g_off, g_on),
            word_lines: lines.word_lines(die, place.address, rows),
            bit_lines: lines.bit_lines(die, place.address, place.bank, columns),
        }
    }

    /// Overwrites the faulty cells of one word line. Bit lines beyond `siemens` count for nothing.
    pub(in crate::device) fn apply_row(&self, row: usize, siemens: &mut [f32]) {
        if self.word_lines.binary_search(&row).is_ok() {
            siemens.fill(self.line_siemens);
            return;
        }
        if !self.cells.is_none() {
            let place = [self.place.address, row as u64, self.place.bank];
            self.cells.apply(
                self.g_off,
                self.g_on,
                siemens,
                &mut self.die.stream(Purpose::StuckCells, place),
            );
        }
        for &column in &self.bit_lines {
            if let Some(cell) = siemens.get_mut(column) {
                *cell = self.line_siemens;
            }
        }
    }
}
