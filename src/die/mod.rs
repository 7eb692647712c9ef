//! A programmed matrix, over as many arrays as it needs.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use nalgebra::DMatrix;
use rand::Rng;

mod adcs;
mod arrays;
mod banks;
mod compile;
mod digits;
mod wires;

pub(crate) use adcs::ArrayAdcs;
pub use arrays::Conductances;
pub(crate) use arrays::{ArrayCells, DUMMY_BANK, WEIGHT_BANK};
use banks::Banks;
use compile::Compiler;
pub(crate) use digits::Digits;

use crate::design::Design;
use crate::device::{CellAge, Conditions, WriteKeys, WriteReport};
use crate::error::{Error, Result, check_length};
use crate::fixed::ONE;
use crate::kernel::Block;
use crate::key::Key;
use crate::mapping::{Layout, Recipe};
use crate::periphery::Baseline;
use crate::weights::Weights;

/// A matrix programmed with one realisation of its cells: immutable, to be read by any number of
/// threads.
///
/// Reading is in [`read`](crate::read): [`Die::mvm`], [`Die::mvm_into`], [`Die::mvm_batch`],
/// [`Die::trace`].
///
/// ```
/// use forms_xbar::{Adc, Weights, presets};
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
///
/// let design = presets::forms().adc(Adc::granular(5)).input_bits(8).build()?;
/// let weights = Weights::from_row_slice(8, 2, 8, &[1, -9, 2, -8, 3, -7, 4, -6, 5, -5, 6, -4, 7, -3, 8, -2])?;
/// let die = design.program(&weights, &mut ChaCha8Rng::seed_from_u64(7))?;
/// // 8 word lines, 2 outputs of 4 slices each.
/// let array = die.conductances().next().unwrap();
/// assert_eq!((array.rows(), array.columns()), (8, 8));
/// // Lognormal programming error of 0.1 moves the weights by some ten percent.
/// assert!((die.effective_weights()[(7, 0)] - 8.0).abs() < 4.0);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Clone)]
pub struct Die {
    design: Arc<Design>,
    layout: Layout,
    recipes: Arc<[Recipe]>,
    written: Arc<Written>,
    conditions: Conditions,
    /// What the conditions do to cells; `None` for nothing.
    age: Option<CellAge>,
    blocks: Vec<Block>,
    /// What cells are through wires; empty without wires.
    effective: Vec<ArrayCells>,
    bound: i64,
}

/// What a write left behind, shared by all dies that differ in conditions or ADC alone.
struct Written {
    cells: Vec<ArrayCells>,
    keys: WriteKeys,
    /// Measured cells have no faults to be drawn: what they are is what they do.
    measured: bool,
    report: WriteReport,
}

impl Design {
    /// Programs a matrix: every check, then every draw of a new die and its first write from one key.
    ///
    /// Draws one [`Key`] from `rng`, or nothing when nothing about the cells and ADCs is drawn.
    ///
    /// # Errors
    ///
    /// As [`Design::program_keyed`].
    pub fn program<R: Rng + ?Sized>(&self, weights: &Weights, rng: &mut R) -> Result<Die> {
        let key = if self.is_drawn() { Key::draw(rng) } else { Key::ZERO };
        self.program_keyed(weights, key)
    }

    /// Programs a matrix with the draws of `key`.
    ///
    /// # Errors
    ///
    /// [`Error::MixedSign`] for the first fragment of a polarized mapping with weights of both
    /// signs, [`Error::Integer`] when a weight needs more cells than an array has columns,
    /// [`Error::Conductance`] for a cell that a model of your own left negative or not finite,
    /// [`Error::Overflow`] when an accumulator could overflow.
    pub fn program_keyed(&self, weights: &Weights, key: Key) -> Result<Die> {
        Die::write(self, weights, WriteKeys { die: key, write: key }, Conditions::FRESH)
    }

    /// As [`Design::program_keyed`], then [`Die::at`] these conditions, in one go.
    ///
    /// # Errors
    ///
    /// Those of both.
    ///
    /// ```
    /// use forms_xbar::device::{Ageing, Conditions, Drift};
    /// use forms_xbar::{Key, Weights, presets};
    ///
    /// let forms = presets::forms();
    /// let cell = forms.clone().build()?.cell().clone();
    /// let design = forms.cell(cell.with_ageing(Ageing::NONE.with_drift(Drift::new(0.01, 0.001, 1.0)?))).build()?;
    /// let weights = Weights::from_row_slice(2, 1, 8, &[85, 17])?;
    /// let day = Conditions { elapsed_secs: 86_400.0, ..Conditions::FRESH };
    /// let aged = design.program_keyed_at(&weights, Key::from(1), &day)?;
    /// let same = design.program_keyed(&weights, Key::from(1))?.at(&day)?;
    /// assert_eq!(aged.effective_weights(), same.effective_weights());
    /// # Ok::<(), forms_xbar::Error>(())
    /// ```
    pub fn program_keyed_at(&self, weights: &Weights, key: Key, conditions: &Conditions) -> Result<Die> {
        Die::write(self, weights, WriteKeys { die: key, write: key }, *conditions)
    }
}

impl Die {
    /// Another matrix of the same size written to the same arrays: device-to-device spread and faults
    /// stay as do its ADCs, programming error is new, conditions start over.
    ///
    /// Draws one [`Key`] from `rng`, or nothing when nothing about the cells and ADCs is drawn.
    ///
    /// # Errors
    ///
    /// As [`Design::program_keyed`], [`Error::Length`] for another size, and [`Error::Conflict`] for a die of
    /// measured conductances.
    ///
    /// ```
    /// use forms_xbar::{Key, StuckCells, Weights, presets};
    ///
    /// let builder = presets::forms();
    /// let cell = presets::forms().build()?.cell().clone().with_stuck_cells(StuckCells::new(0.05, 0.05)?);
    /// let design = builder.cell(cell).build()?;
    /// let weights = Weights::from_row_slice(64, 1, 8, &[85; 64])?;
    /// let die = design.program_keyed(&weights, Key::from(1))?;
    /// let again = die.rewrite_keyed(&weights, Key::from(2))?;
    /// let stuck = |die: &forms_xbar::Die| -> Vec<bool> {
    ///     let array = die.conductances().next().unwrap();
    ///     array.as_row_slice().iter().map(|&g| g == 1e-6 || g == 100e-6).collect()
    /// };
    /// assert_eq!(stuck(&die), stuck(&again));
    /// assert_ne!(die.effective_weights(), again.effective_weights());
    /// # Ok::<(), forms_xbar::Error>(())
    /// ```
    pub fn rewrite<R: Rng + ?Sized>(&self, weights: &Weights, rng: &mut R) -> Result<Die> {
        let key = if self.design.is_drawn() { Key::draw(rng) } else { Key::ZERO };
        self.rewrite_keyed(weights, key)
    }

    /// As [`Die::rewrite`], with the draws of `key`.
    ///
    /// # Errors
    ///
    /// As [`Die::rewrite`].
    pub fn rewrite_keyed(&self, weights: &Weights, key: Key) -> Result<Die> {
        if self.written.measured {
            return Err(Error::Conflict {
                first: "rewriting",
                second: "measured conductances",
                why: "they do not tell spread and faults of the devices from the error of their write",
            });
        }
        check_length("inputs of a rewritten matrix", self.inputs(), weights.inputs())?;
        check_length("outputs of a rewritten matrix", self.outputs(), weights.outputs())?;
        let keys = WriteKeys { die: self.written.keys.die, write: key };
        Self::write(&self.design, weights, keys, Conditions::FRESH)
    }

    /// Array by array: its write, what conditions make of it, and its compilation, while its cells and
    /// faults are at hand.
    fn write(design: &Design, weights: &Weights, keys: WriteKeys, conditions: Conditions) -> Result<Die> {
        let layout = design.layout(weights)?;
        let age = design.cell().under(&conditions, design.dac().read_volts())?;
        let compiler = Compiler::new(design, &layout, conditions, keys.die);
        let mut report = WriteReport::default();
        let (mut arrays, mut recipes, mut compiled) = (Vec::new(), Vec::new(), Vec::new());
        for array in 0..layout.arrays() {
            let tile = layout.map(weights.as_row_slice(), array)?;
            let banks = Banks::new(design, keys, (array, layout.address(array)), (tile.rows, tile.columns));
            let faults = banks.faults();
            let cells = banks.write(&tile.levels, &faults, &mut report)?;
            let compile = |cells: &ArrayCells| compiler.array(array, &tile.recipe, cells);
            compiled.push(match &age {
                Some(age) => {
                    let (aged, result) = banks.aged(age, Some(&faults), &cells);
                    result.and_then(|()| compile(&aged))?
                }
                None => compile(&cells)?,
            });
            arrays.push(cells);
            recipes.push(tile.recipe);
        }
        let written = Written { cells: arrays, keys, measured: false, report };
        Self::assemble(
            Arc::new(design.clone()),
            layout,
            recipes.into(),
            written.into(),
            conditions,
            age,
            compiled,
        )
    }

    /// A die whose arrays have measured conductances, mapped as `weights` would be.
    ///
    /// `siemens` holds one row-major slice per array, of the shapes that [`Die::conductances`] of a
    /// die programmed with the same weights has. Values are kept as `f32`. A dummy column, where
    /// the design has one, keeps its target conductance. What conditions, telegraph amplitudes and
    /// ADCs draw comes from `key`; no fault and no programming error is drawn.
    ///
    /// # Errors
    ///
    /// As [`Design::program_keyed`]; [`Error::Length`] for a wrong number of arrays or cells,
    /// [`Error::Conductance`] for a value that is negative or not finite.
    pub fn from_conductances(
        design: &Design,
        weights: &Weights,
        siemens: &[Vec<f64>],
        key: Key,
    ) -> Result<Die> {
        let layout = design.layout(weights)?;
        check_length("arrays of conductances", layout.arrays(), siemens.len())?;
        let (mut cells, mut recipes) = (Vec::new(), Vec::new());
        for (array, measured) in siemens.iter().enumerate() {
            let tile = layout.map(weights.as_row_slice(), array)?;
            check_length("conductances of an array", tile.levels.len(), measured.len())?;
            if let Some(at) = measured.iter().position(|&g| !(g >= 0.0 && (g as f32).is_finite())) {
                let (row, column) = (at / tile.columns, at % tile.columns);
                return Err(Error::Conductance { array, row, column, siemens: measured[at] });
            }
            let dummies = if design.baseline() == Baseline::DummyColumn { tile.rows } else { 0 };
            cells.push(ArrayCells {
                rows: tile.rows,
                columns: tile.columns,
                siemens: measured.iter().map(|&g| g as f32).collect(),
                dummy: vec![design.cell().levels().g_off() as f32; dummies],
            });
            recipes.push(tile.recipe);
        }
        let keys = WriteKeys { die: key, write: key };
        let written = Written { cells, keys, measured: true, report: WriteReport::default() };
        Self::compile(Arc::new(design.clone()), layout, recipes.into(), written.into(), Conditions::FRESH)
    }

    /// The same cells under other conditions, counted from the write: nothing is drawn anew, so
    /// `a.at(x)?.at(y)?` is `a.at(y)?`.
    ///
    /// Every cell's draws (of relaxation, of its drift exponent) are fixed by the write. Stuck cells do
    /// not move. The die it was made from stays as it is.
    ///
    /// # Errors
    ///
    /// [`Error::Real`] for conditions that are not physical or outside what an effect of the cell was
    /// fitted for, [`Error::Conductance`] for a cell that a model of your own left negative or not
    /// finite, [`Error::Overflow`] when an accumulator could overflow.
    ///
    /// ```
    /// use forms_xbar::device::{Ageing, Conditions, Drift};
    /// use forms_xbar::{Key, Weights, presets};
    ///
    /// let forms = presets::forms();
    /// let cell = forms.clone().build()?.cell().clone();
    /// let drifting = cell.with_ageing(Ageing::NONE.with_drift(Drift::new(0.01, 0.0, 1.0)?));
    /// let design = forms.cell(drifting).build()?;
    /// let die = design.program_keyed(&Weights::from_row_slice(1, 1, 8, &[85])?, Key::from(1))?;
    /// let day = die.at(&Conditions { elapsed_secs: 86_400.0, ..Conditions::FRESH })?;
    /// let cell = |die: &forms_xbar::Die| die.conductances().next().unwrap().as_row_slice()[0];
    /// assert!((cell(&day) / cell(&die) - 86_400f32.powf(-0.01)).abs() < 1e-6);
    /// assert_eq!(cell(&day.at(&Conditions::FRESH)?), cell(&die));
    /// # Ok::<(), forms_xbar::Error>(())
    /// ```
    pub fn at(&self, conditions: &Conditions) -> Result<Die> {
        let (layout, recipes) = (self.layout.clone(), self.recipes.clone());
        Self::compile(self.design.clone(), layout, recipes, self.written.clone(), *conditions)
    }

    /// The same programmed cells read through another ADC.
    pub(crate) fn with_design(&self, design: Design) -> Result<Die> {
        let (layout, recipes) = (self.layout.clone(), self.recipes.clone());
        Self::compile(Arc::new(design), layout, recipes, self.written.clone(), self.conditions)
    }

    /// Puts cells onto the grid of the design's ADC.
    fn compile(
        design: Arc<Design>,
        layout: Layout,
        recipes: Arc<[Recipe]>,
        written: Arc<Written>,
        conditions: Conditions,
    ) -> Result<Die> {
        let age = design.cell().under(&conditions, design.dac().read_volts())?;
        let compiler = Compiler::new(&design, &layout, conditions, written.keys.die);
        let compiled = (0..layout.arrays())
            .map(|array| {
                let (cells, aged) = written.under(&design, &layout, age.as_ref(), array);
                aged?;
                compiler.array(array, &recipes[array], &cells)
            })
            .collect::<Result<Vec<_>>>()?;
        Self::assemble(design, layout, recipes, written, conditions, age, compiled)
    }

    /// A die of compiled arrays, its results proved to fit.
    fn assemble(
        design: Arc<Design>,
        layout: Layout,
        recipes: Arc<[Recipe]>,
        written: Arc<Written>,
        conditions: Conditions,
        age: Option<CellAge>,
        compiled: Vec<(Block, Option<ArrayCells>)>,
    ) -> Result<Die> {
        let (blocks, effective): (Vec<_>, Vec<_>) = compiled.into_iter().unzip();
        let effective = effective.into_iter().flatten().collect();
        // Row tiles add up in the result.
        let column_bound = |tile: usize| -> i128 {
            blocks
                .iter()
                .skip(tile)
                .step_by(layout.column_tiles())
                .map(|block| i128::from(block.bound()))
                .sum()
        };
        let bound = (0..layout.column_tiles()).map(column_bound).max().unwrap_or(0);
        let bound = i64::try_from(bound).map_err(|_| Error::Overflow {
            name: "result accumulator",
            needed: i128::BITS - bound.leading_zeros() + 1,
            available: i64::BITS,
        })?;
        Ok(Die { design, layout, recipes, written, conditions, age, blocks, effective, bound })
    }

    /// The design this die was programmed with.
    pub fn design(&self) -> &Design {
        &self.design
    }

    /// Where the weights lie.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The conditions it is under.
    pub fn conditions(&self) -> Conditions {
        self.conditions
    }

    /// What writing it took: pulses, energy and failures of write-verify.
    pub fn write_report(&self) -> &WriteReport {
        &self.written.report
    }

    /// Length of an input vector.
    pub fn inputs(&self) -> usize {
        self.layout.inputs()
    }

    /// Length of a result.
    pub fn outputs(&self) -> usize {
        self.layout.outputs()
    }

    /// Arrays the matrix takes.
    pub fn arrays(&self) -> usize {
        self.layout.arrays()
    }

    /// What one unit of a result counts, in weight × input: 1 with a granular ADC, else 2⁻¹⁶.
    pub fn y_scale(&self) -> f64 {
        if self.design.is_granular() { 1.0 } else { 1.0 / ONE as f64 }
    }

    /// A bound on the magnitude of any result. `i32` outputs are refused when it does not fit.
    pub fn bound(&self) -> i64 {
        self.bound
    }

    /// The conductances of every array under the die's conditions, padding cells included.
    pub fn conductances(&self) -> impl ExactSizeIterator<Item = Conductances<'_>> {
        (0..self.arrays()).map(|array| Conductances { cells: self.cells(array) })
    }

    /// The cells of one array under the die's conditions.
    pub(crate) fn cells(&self, array: usize) -> Cow<'_, ArrayCells> {
        // What a model of one's own left out of range was refused when the die was compiled.
        self.written.under(&self.design, &self.layout, self.age.as_ref(), array).0
    }

    /// What those cells are through the wires of the design: themselves without.
    pub(crate) fn effective_cells(&self, array: usize) -> Cow<'_, ArrayCells> {
        self.effective.get(array).map_or_else(|| self.cells(array), Cow::Borrowed)
    }

    /// How the lanes of one array recombine.
    pub(crate) fn recipe(&self, array: usize) -> &Recipe {
        &self.recipes[array]
    }

    /// The real matrix, inputs × outputs, that the hardware multiplies by at the DAC's largest digit:
    /// what the conductances stand for after recombination, before rounding and clipping by the ADC
    /// and without read noise. Gains of ADCs are in it; their offsets and nonlinearity, which are no part of a matrix, are
    /// not.
    ///
    /// With [`Baseline::None`] it contains the leakage. With wires it is that of the effective transfer
    /// conductances; where rows do not add up, each row counts as it does alone.
    pub fn effective_weights(&self) -> DMatrix<f64> {
        let mut matrix = DMatrix::zeros(self.inputs(), self.outputs());
        let levels = self.design.read_levels();
        let step = levels.level_step();
        let leakage = match (self.design.baseline(), self.design.mapping().is_bipolar()) {
            (Baseline::Digital, false) => levels.leakage(),
            _ => 0.0,
        };
        let level = |siemens: f64| self.design.read_siemens(siemens) / step;
        for array in 0..self.arrays() {
            let (recipe, cells) = (&self.recipes[array], self.effective_cells(array));
            let adcs = self.array_adcs(array);
            let (row_tile, column_tile) =
                (array / self.layout.column_tiles(), array % self.layout.column_tiles());
            let outputs = self.layout.tile_outputs(column_tile);
            for (row, input) in self.layout.tile_inputs(row_tile).enumerate() {
                let group = row / self.design.active_rows();
                let dummy = level(cells.dummy(row));
                for (column, output) in outputs.clone().enumerate() {
                    let mut weight = recipe.digit_sum[group * outputs.len() + column] as f64;
                    for (lane, shift) in recipe.shift.iter().enumerate() {
                        let (cell, pair) = cells.lane(&self.layout, row, lane, column);
                        let pair = pair.map_or(0.0, |pair| level(pair.into()));
                        let converted = (level(cell.into()) - pair - dummy) * adcs.gain(lane, column);
                        let value = (converted - leakage) * f64::from(1u32 << shift);
                        let negative =
                            recipe.negative[(group * recipe.shift.len() + lane) * outputs.len() + column];
                        weight += if negative { -value } else { value };
                    }
                    matrix[(input, output)] = weight;
                }
            }
        }
        matrix
    }

    /// Bytes on the heap, by part.
    pub fn memory(&self) -> Memory {
        Memory {
            conductances: self.written.cells.iter().map(ArrayCells::bytes).sum(),
            recipes: self
                .recipes
                .iter()
                .map(|r| {
                    size_of_val(&r.shift[..]) + size_of_val(&r.negative[..]) + size_of_val(&r.digit_sum[..])
                })
                .sum(),
            grid: self.blocks.iter().map(Block::bytes).sum(),
            report: self.written.report.bytes(),
            effective: self.effective.iter().map(ArrayCells::bytes).sum(),
        }
    }

    /// The key that everything belonging to the devices is drawn from.
    pub(crate) fn device_key(&self) -> Key {
        self.written.keys.die
    }

    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }
}

impl Written {
    /// The cells of an array: as they were written, then aged, and whether a model of one's own aged them
    /// well.
    fn under(
        &self,
        design: &Design,
        layout: &Layout,
        age: Option<&CellAge>,
        array: usize,
    ) -> (Cow<'_, ArrayCells>, Result<()>) {
        let Some(age) = age else { return (Cow::Borrowed(&self.cells[array]), Ok(())) };
        let cells = &self.cells[array];
        let place = (array, layout.address(array));
        let banks = Banks::new(design, self.keys, place, (cells.rows, cells.columns));
        let faults = (!self.measured).then(|| banks.faults());
        let (aged, result) = banks.aged(age, faults.as_ref(), cells);
        (Cow::Owned(aged), result)
    }
}

impl fmt::Debug for Die {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Die")
            .field("inputs", &self.inputs())
            .field("outputs", &self.outputs())
            .field("arrays", &self.arrays())
            .field("conditions", &self.conditions)
            .field("design", &self.design)
            .finish_non_exhaustive()
    }
}

/// Bytes a [`Die`] holds on the heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Programmed state: 4 bytes a cell, shared by dies that differ in conditions or ADC alone.
    pub conductances: usize,
    /// Signs and digit-sum factors, shared likewise.
    pub recipes: usize,
    /// Contributions on the grid and what the kernel needs beside them.
    pub grid: usize,
    /// Places of cells that write-verify gave up on.
    pub report: usize,
    /// What cells are through wires: 4 bytes a cell, none without wires.
    pub effective: usize,
}

impl Memory {
    /// All of it.
    pub fn total(&self) -> usize {
        self.conductances + self.recipes + self.grid + self.report + self.effective
    }
}
