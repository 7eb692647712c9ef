//! The analog path as it is usually emulated: the same codes, computed step by step in floating point.

use std::hint::black_box;

use forms_xbar::nalgebra::{DMatrix, DVector};
use forms_xbar::{Adc, Die, Key, Mapping};

use super::Result;
use super::pairs::Subject;

/// The cells of all columns that share some inputs.
struct Fragment {
    /// First input.
    first: usize,
    /// What each cell adds to its bit line (LSB), row × (output · slices + slice).
    lsbs: DMatrix<f64>,
    /// The same in single precision, columns × rows.
    narrow: DMatrix<f32>,
    /// By output, +1 or −1.
    signs: Vec<i64>,
}

/// A die of the standard design, taken apart.
pub(crate) struct Emulation {
    inputs: usize,
    outputs: usize,
    slices: usize,
    rows: usize,
    highest_code: i64,
    /// Leakage by driven rows, in codes.
    leakage: Vec<i64>,
    fragments: Vec<Fragment>,
}

/// Bits of a cell.
const CELL_BITS: usize = 2;

/// Grid units in an LSB.
const GRID: f64 = 65536.0;

impl Emulation {
    /// Takes a die's conductances and its weights' signs.
    ///
    /// Each cell's current is rounded to the grid of dies, 2⁻¹⁶ LSB: unrounded, a few codes in a million would differ.
    /// Sums of up to 64 such currents below 4 LSB are exact in single precision.
    pub(crate) fn new(die: &Die, weights: &forms_xbar::Weights) -> Result<Self> {
        let (design, layout) = (die.design(), die.layout());
        let Mapping::Polarized { fragment: rows } = design.mapping() else {
            return Err("emulations are written for polarized weights".into());
        };
        let Adc::Granular { bits } = design.adc() else {
            return Err("emulations are written for granular ADCs".into());
        };
        let (levels, slices) = (design.cell().levels(), layout.slices());
        let (inputs, outputs) = (die.inputs(), die.outputs());
        if rows > 64 || inputs % rows != 0 || levels.bits() as usize != CELL_BITS {
            return Err("emulations are written for whole fragments of at most 64 rows of 2-bit cells".into());
        }
        let round = |x: f64| (x + 0.5).floor();
        let (step, leakage) = (levels.level_step(), levels.leakage());
        let g_off = f64::from(levels.g_off() as f32);
        let on_grid = |g: f32| (round((f64::from(g) - g_off) / step * GRID) + round(leakage * GRID)) / GRID;
        let mut fragments: Vec<_> = (0..inputs / rows)
            .map(|fragment| {
                let sign = |output| {
                    let mut weights = (0..rows).map(|row| weights.get(fragment * rows + row, output));
                    if weights.any(|weight| weight.is_some_and(|weight| weight < 0)) { -1 } else { 1 }
                };
                Fragment {
                    first: fragment * rows,
                    lsbs: DMatrix::zeros(rows, outputs * slices),
                    narrow: DMatrix::zeros(outputs * slices, rows),
                    signs: (0..outputs).map(sign).collect(),
                }
            })
            .collect();
        for (array, cells) in die.conductances().enumerate() {
            let first_output = layout.tile_outputs(array % layout.column_tiles()).start;
            let first_input = layout.tile_inputs(array / layout.column_tiles()).start;
            for (row, siemens) in cells.as_row_slice().chunks_exact(cells.columns()).enumerate() {
                let input = first_input + row;
                for (column, &g) in siemens.iter().enumerate() {
                    let at = (input % rows, first_output * slices + column);
                    fragments[input / rows].lsbs[at] = on_grid(g);
                }
            }
        }
        for fragment in &mut fragments {
            if fragment.lsbs.max() >= 4.0 {
                return Err("a cell beyond 4 LSB: its sums are not exact in single precision".into());
            }
            fragment.narrow = fragment.lsbs.transpose().map(|lsb| lsb as f32);
        }
        Ok(Emulation {
            inputs,
            outputs,
            slices,
            rows,
            highest_code: (1 << bits) - 1,
            leakage: (0..=rows).map(|driven| round(driven as f64 * leakage) as i64).collect(),
            fragments,
        })
    }

    /// Planes of a fragment that are run: leading zeros are skipped.
    fn planes(x: &[u8]) -> u32 {
        u8::BITS - x.iter().fold(0, |all, x| all | x).leading_zeros()
    }

    /// One vector, by a product of matrix and bit vector for each plane and fragment, in single precision.
    fn by_products(&self, x: &[u8]) -> Vec<i64> {
        let mut y = vec![0; self.outputs];
        let highest = self.highest_code as f32;
        for fragment in &self.fragments {
            let x = &x[fragment.first..][..self.rows];
            for plane in 0..Self::planes(x) {
                let bits = DVector::from_iterator(self.rows, x.iter().map(|x| f32::from(x >> plane & 1)));
                let codes = (&fragment.narrow * &bits).map(|lsbs| (lsbs + 0.5).floor().clamp(0.0, highest));
                let leakage = self.leakage[bits.sum() as usize];
                for (column, code) in codes.iter().enumerate() {
                    let output = column / self.slices;
                    let shift = plane as usize + CELL_BITS * (column % self.slices);
                    y[output] += fragment.signs[output] * ((*code as i64 - leakage) << shift);
                }
            }
        }
        y
    }

    /// One vector, by loops over all cells in double precision.
    fn by_cells(&self, x: &[u8]) -> Vec<i64> {
        let mut y = vec![0; self.outputs];
        for fragment in &self.fragments {
            let x = &x[fragment.first..][..self.rows];
            for plane in 0..Self::planes(x) {
                let driven = x.iter().filter(|&&x| x >> plane & 1 == 1).count();
                for (output, y) in y.iter_mut().enumerate() {
                    for slice in 0..self.slices {
                        let mut lsbs = 0.0;
                        for (row, x) in x.iter().enumerate() {
                            if x >> plane & 1 == 1 {
                                lsbs += fragment.lsbs[(row, output * self.slices + slice)];
                            }
                        }
                        let code = (lsbs + 0.5).floor().clamp(0.0, self.highest_code as f64) as i64;
                        let shift = plane as usize + CELL_BITS * slice;
                        *y += fragment.signs[output] * ((code - self.leakage[driven]) << shift);
                    }
                }
            }
        }
        y
    }

    /// [`Emulation::by_products`], timed.
    pub(crate) fn nalgebra<'a>(&'a self, x: &'a [u8]) -> Subject<'a> {
        self.subject(x, Self::by_products)
    }

    /// [`Emulation::by_cells`], timed.
    pub(crate) fn cells<'a>(&'a self, x: &'a [u8]) -> Subject<'a> {
        self.subject(x, Self::by_cells)
    }

    /// One vector a call, all of them in turn.
    fn subject<'a>(&'a self, x: &'a [u8], mvm: fn(&Self, &[u8]) -> Vec<i64>) -> Subject<'a> {
        let mut vectors = x.chunks_exact(self.inputs).cycle();
        Subject::new(1, move || _ = black_box(vectors.next().map(|x| mvm(self, black_box(x)))))
    }

    /// Whether both return what the die does, in every output of every vector.
    pub(crate) fn check(&self, die: &Die, x: &[u8]) -> Result<()> {
        for (vector, x) in x.chunks_exact(self.inputs).enumerate() {
            let expected = die.mvm_keyed(x, Key::from(0))?.y;
            for (name, y) in [("nalgebra", self.by_products(x)), ("per-cell", self.by_cells(x))] {
                if let Some(output) = (0..self.outputs).find(|&output| y[output] != expected[output]) {
                    let (y, expected) = (y[output], expected[output]);
                    return Err(format!(
                        "the {name} emulation does something else: output {output} of vector {vector} is {y}, \
                         the die's is {expected}"
                    )
                    .into());
                }
            }
        }
        Ok(())
    }
}
