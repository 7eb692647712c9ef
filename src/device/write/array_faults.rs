//! The faults of one array.

use super::{ArrayPlace, StuckCells, StuckLines};
use crate::device::LevelMap;
use crate::key::{Key, Purpose};

/// The stuck cells and broken lines of one bank of an array: a function of the die's key, drawn when it is
/// made.
///
/// Applied after programming and again after ageing, since a stuck cell neither takes a write nor
/// drifts.
#[derive(Debug)]
pub(crate) struct ArrayFaults {
    /// Stuck cells row by row, `(column, siemens)`.
    cells: Vec<(usize, f32)>,
    /// Where the stuck cells of each row end.
    ends: Vec<usize>,
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
        let window = (levels.g_off(), levels.g_on());
        let (mut stuck, mut ends) = (Vec::new(), vec![0; rows]);
        if !cells.is_none() {
            let streams = die.streams(Purpose::StuckCells, place.address);
            for (row, end) in ends.iter_mut().enumerate() {
                cells.draw(window, columns, &mut streams.stream([row as u64, place.bank]), &mut stuck);
                *end = stuck.len();
            }
        }
        ArrayFaults {
            cells: stuck,
            ends,
            line_siemens: lines.siemens(window.0, window.1),
            word_lines: lines.word_lines(die, place.address, rows),
            bit_lines: lines.bit_lines(die, place.address, place.bank, columns),
        }
    }

    /// Overwrites the faulty cells of one word line.
    pub(in crate::device) fn apply_row(&self, row: usize, siemens: &mut [f32]) {
        if self.word_lines.binary_search(&row).is_ok() {
            siemens.fill(self.line_siemens);
            return;
        }
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        for &(column, stuck) in &self.cells[start..self.ends[row]] {
            siemens[column] = stuck;
        }
        for &column in &self.bit_lines {
            siemens[column] = self.line_siemens;
        }
    }
}
