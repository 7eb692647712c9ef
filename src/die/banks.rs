//! Writing and ageing the bit lines of one array.

use super::arrays::{ArrayCells, DUMMY_BANK, WEIGHT_BANK};
use crate::design::Design;
use crate::device::{ArrayFaults, ArrayPlace, Cell, CellAge, WriteKeys, WriteReport};
use crate::error::{Error, Result};
use crate::periphery::Baseline;

/// The banks of bit lines of one array: the weights' and, where the design has one, the dummy column.
pub(super) struct Banks<'a> {
    cell: &'a Cell,
    keys: WriteKeys,
    /// As errors name the array and as draws are addressed by it.
    array: (usize, u64),
    rows: usize,
    columns: usize,
    /// Cells of the dummy column.
    dummies: usize,
}

/// The faults of every bank.
pub(super) struct BankFaults {
    weights: ArrayFaults,
    dummy: ArrayFaults,
}

impl<'a> Banks<'a> {
    pub(super) fn new(
        design: &'a Design,
        keys: WriteKeys,
        array: (usize, u64),
        (rows, columns): (usize, usize),
    ) -> Self {
        let dummies = if design.baseline() == Baseline::DummyColumn { rows } else { 0 };
        Banks { cell: design.cell(), keys, array, rows, columns, dummies }
    }

    fn place(&self, bank: u64) -> ArrayPlace {
        ArrayPlace { index: self.array.0, address: self.array.1, bank }
    }

    pub(super) fn faults(&self) -> BankFaults {
        BankFaults {
            weights: self.cell.faults(self.keys, self.place(WEIGHT_BANK), (self.rows, self.columns)),
            dummy: self.cell.faults(self.keys, self.place(DUMMY_BANK), (self.dummies, 1)),
        }
    }

    /// Cells of these levels, the dummy column's of level 0.
    pub(super) fn write(
        &self,
        levels: &[u8],
        faults: &BankFaults,
        report: &mut WriteReport,
    ) -> Result<ArrayCells> {
        let mut write = |bank, columns, levels: &[u8], faults| -> Result<Vec<f32>> {
            let mut siemens = vec![0.0; levels.len()];
            let at = (self.keys, self.place(bank));
            self.cell.write_array(at, columns, levels, faults, &mut siemens, report)?;
            Ok(siemens)
        };
        Ok(ArrayCells {
            rows: self.rows,
            columns: self.columns,
            siemens: write(WEIGHT_BANK, self.columns, levels, &faults.weights)?,
            dummy: write(DUMMY_BANK, 1, &vec![0; self.dummies], &faults.dummy)?,
        })
    }

    /// The cells under conditions, and whether all of them are conductances still. Measured cells have no
    /// faults of their own: what they are is what they do.
    pub(super) fn aged(
        &self,
        age: &CellAge,
        faults: Option<&BankFaults>,
        cells: &ArrayCells,
    ) -> (ArrayCells, Result<()>) {
        let mut cells = cells.clone();
        let of_bank = |bank, columns, faults, siemens: &mut [f32]| {
            self.cell.age_array(age, self.keys, self.place(bank), columns, faults, siemens)
        };
        let weights =
            of_bank(WEIGHT_BANK, self.columns, faults.map(|faults| &faults.weights), &mut cells.siemens);
        let dummy = of_bank(DUMMY_BANK, 1, faults.map(|faults| &faults.dummy), &mut cells.dummy);
        let result = weights.and(dummy).and_then(|()| self.check(&cells));
        (cells, result)
    }

    /// `Ok` when every conductance is finite and not negative.
    fn check(&self, cells: &ArrayCells) -> Result<()> {
        let valid = |g: f32| (0.0..f32::INFINITY).contains(&g);
        for (siemens, columns, first) in
            [(&cells.siemens, cells.columns, 0), (&cells.dummy, 1, cells.columns)]
        {
            // Without an early exit, so that it vectorises.
            if !siemens.iter().fold(true, |all, &g| all & valid(g)) {
                let at = siemens.iter().position(|&g| !valid(g)).unwrap_or(0);
                let (row, column, siemens) = (at / columns, first + at % columns, siemens[at].into());
                return Err(Error::Conductance { array: self.array.0, row, column, siemens });
            }
        }
        Ok(())
    }
}
