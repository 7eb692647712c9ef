//! What a write cost.

use std::iter::Sum;
use std::ops::AddAssign;

/// The unit of the energy counter, 2⁻⁸⁰ J.
const ENERGY_UNIT_JOULES: f64 = 1.0 / (1u128 << 80) as f64;

/// What programming a matrix took. Merge reports with `+=` or `sum()`.
///
/// Counts are exact. Energy is summed in `f64` over one word line, pulse after pulse and within a
/// pulse bit line after bit line, then rounded once to a multiple of 2⁻⁸⁰ J, so that word lines and
/// arrays add up exactly in any order. Only [`WriteVerify`](super::WriteVerify) counts pulses and
/// energy and lets cells fail.
///
/// ```
/// use forms_xbar::device::WriteReport;
///
/// let total: WriteReport = [WriteReport::default(), WriteReport::default()].into_iter().sum();
/// assert_eq!(total.cells(), 0);
/// assert_eq!(total.mean_pulses(), 0.0);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WriteReport {
    cells: u64,
    pulses: u64,
    failed: Vec<FailedCell>,
    energy_units: u128,
}

/// A cell that write-verify gave up on. It keeps the conductance it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct FailedCell {
    /// Array of the die.
    pub array: u32,
    /// Word line of the array.
    pub row: u32,
    /// Bit line of the array; `None` for the dummy column.
    pub column: Option<u32>,
}

impl WriteReport {
    /// Cells written.
    pub fn cells(&self) -> u64 {
        self.cells
    }

    /// Pulses of all cells.
    pub fn pulses(&self) -> u64 {
        self.pulses
    }

    /// Pulses a cell took on average; 0 before any cell was written.
    pub fn mean_pulses(&self) -> f64 {
        self.pulses as f64 / self.cells.max(1) as f64
    }

    /// Cells that did not come within tolerance, in the order of writing and merging.
    pub fn failed(&self) -> &[FailedCell] {
        &self.failed
    }

    /// Share of the cells that came within tolerance; 1 before any cell was written.
    pub fn success_rate(&self) -> f64 {
        1.0 - self.failed.len() as f64 / self.cells.max(1) as f64
    }

    /// Energy of the programming pulses in the cells (J).
    pub fn joules(&self) -> f64 {
        self.energy_units as f64 * ENERGY_UNIT_JOULES
    }

    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.failed[..])
    }

    pub(super) fn add_cells(&mut self, cells: usize) {
        self.cells += cells as u64;
    }

    /// Adds the pulses of one word line and their energy (J).
    pub(super) fn add_pulses(&mut self, pulses: u64, joules: f64) {
        self.pulses += pulses;
        self.energy_units += (joules / ENERGY_UNIT_JOULES + 0.5).floor() as u128;
    }

    pub(super) fn add_failed(&mut self, cell: FailedCell) {
        self.failed.push(cell);
    }
}

impl AddAssign for WriteReport {
    fn add_assign(&mut self, other: Self) {
        self.cells += other.cells;
        self.pulses += other.pulses;
        self.failed.extend(other.failed);
        self.energy_units += other.energy_units;
    }
}

impl Sum for WriteReport {
    fn sum<I: Iterator<Item = Self>>(reports: I) -> Self {
        reports.fold(Self::default(), |mut total, report| {
            total += report;
            total
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_is_exact_in_any_order() {
        let report = |joules, column| {
            let mut report = WriteReport::default();
            report.add_cells(3);
            report.add_pulses(7, joules);
            report.add_failed(FailedCell { array: 0, row: 1, column: Some(column) });
            report
        };
        let parts = [report(1e-12, 0), report(3e-9, 1), report(7.7e-17, 2)];
        let forwards: WriteReport = parts.iter().cloned().sum();
        let backwards: WriteReport = parts.iter().rev().cloned().sum();
        assert_eq!(forwards.joules(), backwards.joules());
        assert!((forwards.joules() / 3.001_000_077e-9 - 1.0).abs() < 1e-12);
        assert_eq!((forwards.cells(), forwards.pulses(), forwards.failed().len()), (9, 21, 3));
        assert!((forwards.success_rate() - 2.0 / 3.0).abs() < 1e-15);
        assert_eq!(forwards.failed()[2], backwards.failed()[0]);
    }
}
