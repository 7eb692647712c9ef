//! An array of random cells.

use forms_xbar::circuit::Cells;
use forms_xbar::rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use forms_xbar::{Cell, presets};

use super::Result;

/// The fewest rows that are driven together here.
pub(crate) const LEAST_ACTIVE: usize = 8;

/// Cells of every level with equal probability.
#[derive(Debug)]
pub(crate) struct Array {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// The cell of the published machines: 2 bits, 1 to 100 µS.
    pub(crate) cell: Cell,
    pub(crate) read_volts: f64,
    /// Conductances (S), `[row][column]`.
    pub(crate) siemens: Vec<f64>,
}

impl Array {
    pub(crate) fn random(rows: usize, columns: usize, seed: u64) -> Result<Self> {
        let design = presets::isaac().build()?;
        let levels = design.cell().levels().as_slice();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Ok(Array {
            rows,
            columns,
            siemens: (0..rows * columns).map(|_| levels[rng.random_range(0..levels.len())]).collect(),
            read_volts: design.dac().read_volts(),
            cell: design.cell().clone(),
        })
    }

    pub(crate) fn cells(&self) -> Cells<'_> {
        let Array { rows, columns, .. } = *self;
        Cells { array: (rows, columns), rows, columns, siemens: &self.siemens }
    }

    /// What one level more conducts (S): an LSB of a granular ADC, per volt of the read.
    pub(crate) fn level_step(&self) -> f64 {
        self.cell.levels().level_step()
    }

    /// Numbers of rows that are driven together here: powers of two, and all.
    pub(crate) fn active_rows(&self) -> impl Iterator<Item = usize> {
        let rows = self.rows;
        std::iter::successors(Some(LEAST_ACTIVE), |active| Some(2 * active))
            .take_while(move |&active| active < rows)
            .chain([rows])
    }

    /// The fewest rows, and all.
    pub(crate) fn extremes(&self) -> Vec<usize> {
        let mut extremes = vec![LEAST_ACTIVE, self.rows];
        extremes.dedup();
        extremes
    }
}
