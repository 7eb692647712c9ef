//! A programmed matrix, over as many arrays as it needs.

use std::fmt;

use nalgebra::DMatrix;
use rand::Rng;

use crate::activity::ENERGY_UNIT_JOULES;
use crate::design::Design;
use crate::error::{Error, Result, check_length, check_real};
use crate::fixed::{ONE, round_real};
use crate::kernel::{Block, BlockNoise, BlockParts, Quantizer};
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
    design: Design,
    layout: Layout,
    recipes: Vec<Recipe>,
    cells: Vec<ArrayCells>,
    blocks: Vec<Block>,
    bound: i64,
}

impl Design {
    /// Programs a matrix: every check, then every write-time draw from one key.
    ///
    /// Draws one [`Key`] from `rng`, or nothing when the cell is ideal.
    ///
    /// # Errors
    ///
    /// As [`Design::program_keyed`].
    pub fn program<R: Rng + ?Sized>(&self, weights: &Weights, rng: &mut R) -> Result<Die> {
        let key = if self.cell().is_ideal() { Key::ZERO } else { Key::draw(rng) };
        self.program_keyed(weights, key)
    }

    /// Programs a matrix with the draws of `key`.
    ///
    /// # Errors
    ///
    /// [`Error::MixedSign`] for the first fragment of a polarized mapping with weights of both
    /// signs, [`Error::Integer`] when a weight needs more cells than an array has columns,
    /// [`Error::Overflow`] when an accumulator could overflow.
    pub fn program_keyed(&self, weights: &Weights, key: Key) -> Result<Die> {
        Die::program(self, weights, key)
    }
}

/// The conductances of one array.
#[derive(Debug, Clone, PartialEq)]
struct ArrayCells {
    rows: usize,
    columns: usize,
    /// `[row][column]`, siemens.
    siemens: Vec<f32>,
    /// One level-0 cell per row; empty without a dummy column.
    dummy: Vec<f32>,
}

/// Banks of bit lines in the address of a cell's draws.
const WEIGHT_BANK: u64 = 0;
const DUMMY_BANK: u64 = 1;

impl ArrayCells {
    fn row(&self, row: usize) -> &[f32] {
        &self.siemens[row * self.columns..][..self.columns]
    }

    fn dummy(&self, row: usize) -> f64 {
        self.dummy.get(row).copied().unwrap_or(0.0).into()
    }
}

impl Die {
    pub(crate) fn program(design: &Design, weights: &Weights, key: Key) -> Result<Die> {
        let layout = design.layout(weights)?;
        Self::build(design, weights, |array, rows, columns, levels| {
            let address = layout.address(array);
            let mut cells = ArrayCells { rows, columns, siemens: vec![0.0; levels.len()], dummy: Vec::new() };
            let rows = cells.siemens.chunks_exact_mut(columns).zip(levels.chunks_exact(columns));
            for (row, (siemens, levels)) in rows.enumerate() {
                design.cell().program_row(key, [address, row as u64, WEIGHT_BANK], levels, siemens);
            }
            if design.baseline() == Baseline::DummyColumn {
                cells.dummy = vec![0.0; cells.rows];
                for (row, siemens) in cells.dummy.chunks_exact_mut(1).enumerate() {
                    design.cell().program_row(key, [address, row as u64, DUMMY_BANK], &[0], siemens);
                }
            }
            Ok(cells)
        })
    }

    /// A die whose arrays have measured conductances, mapped as `weights` would be.
    ///
    /// `siemens` holds one row-major slice per array, of the shapes that [`Die::conductances`] of a
    /// die programmed with the same weights has. Values are kept as `f32`. A dummy column, where
    /// the design has one, keeps its target conductance.
    ///
    /// # Errors
    ///
    /// As [`Design::program_keyed`]; [`Error::Length`] for a wrong number of arrays or cells,
    /// [`Error::Conductance`] for a value that is negative or not finite.
    pub fn from_conductances(design: &Design, weights: &Weights, siemens: &[Vec<f64>]) -> Result<Die> {
        check_length("arrays of conductances", design.layout(weights)?.arrays(), siemens.len())?;
        Self::build(design, weights, |array, rows, columns, levels| {
            let measured = &siemens[array];
            check_length("conductances of an array", levels.len(), measured.len())?;
            if let Some(at) = measured.iter().position(|&g| !(g >= 0.0 && (g as f32).is_finite())) {
                let (row, column) = (at / columns, at % columns);
                return Err(Error::Conductance { array, row, column, siemens: measured[at] });
            }
            let dummies = if design.baseline() == Baseline::DummyColumn { rows } else { 0 };
            Ok(ArrayCells {
                rows,
                columns,
                siemens: measured.iter().map(|&g| g as f32).collect(),
                dummy: vec![design.cell().levels().g_off() as f32; dummies],
            })
        })
    }

    fn build(
        design: &Design,
        weights: &Weights,
        mut write: impl FnMut(usize, usize, usize, &[u8]) -> Result<ArrayCells>,
    ) -> Result<Die> {
        let layout = design.layout(weights)?;
        let (mut recipes, mut cells) = (Vec::new(), Vec::new());
        for array in 0..layout.arrays() {
            let tile = layout.map(weights.as_row_slice(), array)?;
            cells.push(write(array, tile.rows, tile.columns, &tile.levels)?);
            recipes.push(tile.recipe);
        }
        Self::compile(design.clone(), layout, recipes, cells)
    }

    /// Puts programmed cells onto the grid of the design's ADC.
    fn compile(design: Design, layout: Layout, recipes: Vec<Recipe>, cells: Vec<ArrayCells>) -> Result<Die> {
        let blocks = recipes
            .iter()
            .zip(&cells)
            .map(|(recipe, cells)| compile_block(&design, &layout, recipe, cells))
            .collect::<Result<Vec<_>>>()?;
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
        Ok(Die { design, layout, recipes, cells, blocks, bound })
    }

    /// The same programmed cells read through another ADC.
    pub(crate) fn with_design(&self, design: Design) -> Result<Die> {
        Self::compile(design, self.layout.clone(), self.recipes.clone(), self.cells.clone())
    }

    /// The design this die was programmed with.
    pub fn design(&self) -> &Design {
        &self.design
    }

    /// Where the weights lie.
    pub fn layout(&self) -> &Layout {
        &self.layout
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

    /// The conductances of every array, padding cells included.
    pub fn conductances(&self) -> impl ExactSizeIterator<Item = Conductances<'_>> {
        self.cells.iter().map(|cells| Conductances { cells })
    }

    /// The real matrix, inputs × outputs, that the hardware multiplies by: what the conductances
    /// stand for after recombination, before rounding and clipping by the ADC and without read
    /// noise.
    ///
    /// With [`Baseline::None`] it contains the leakage.
    pub fn effective_weights(&self) -> DMatrix<f64> {
        let mut matrix = DMatrix::zeros(self.inputs(), self.outputs());
        let step = self.design.cell().levels().level_step();
        let leakage = match (self.design.baseline(), self.design.mapping().is_bipolar()) {
            (Baseline::Digital, false) => self.design.cell().levels().leakage(),
            _ => 0.0,
        };
        for (array, (recipe, cells)) in self.recipes.iter().zip(&self.cells).enumerate() {
            let (row_tile, column_tile) =
                (array / self.layout.column_tiles(), array % self.layout.column_tiles());
            let outputs = self.layout.tile_outputs(column_tile);
            for (row, input) in self.layout.tile_inputs(row_tile).enumerate() {
                let group = row / self.design.active_rows();
                let dummy = cells.dummy(row) / step;
                for (column, output) in outputs.clone().enumerate() {
                    let mut weight = recipe.digit_sum[group * outputs.len() + column] as f64;
                    for (lane, shift) in recipe.shift.iter().enumerate() {
                        let level =
                            lane_siemens(&self.layout, cells.row(row), lane, column) / step - leakage - dummy;
                        let value = level * f64::from(1u32 << shift);
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
            conductances: self
                .cells
                .iter()
                .map(|c| size_of_val(&c.siemens[..]) + size_of_val(&c.dummy[..]))
                .sum(),
            recipes: self
                .recipes
                .iter()
                .map(|r| {
                    size_of_val(&r.shift[..]) + size_of_val(&r.negative[..]) + size_of_val(&r.digit_sum[..])
                })
                .sum(),
            grid: self.blocks.iter().map(Block::bytes).sum(),
        }
    }

    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }
}

impl fmt::Debug for Die {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Die")
            .field("inputs", &self.inputs())
            .field("outputs", &self.outputs())
            .field("arrays", &self.arrays())
            .field("design", &self.design)
            .finish_non_exhaustive()
    }
}

/// The conductances of one array of a [`Die`].
#[derive(Debug, Clone, Copy)]
pub struct Conductances<'a> {
    cells: &'a ArrayCells,
}

impl<'a> Conductances<'a> {
    /// Programmed word lines.
    pub fn rows(&self) -> usize {
        self.cells.rows
    }

    /// Programmed bit lines; column = output · cells per weight + arm · slices + slice.
    pub fn columns(&self) -> usize {
        self.cells.columns
    }

    /// The cells row by row (S).
    pub fn as_row_slice(&self) -> &'a [f32] {
        &self.cells.siemens
    }

    /// The dummy column, one cell per word line (S), where the design has one.
    pub fn dummy_column(&self) -> Option<&'a [f32]> {
        if self.cells.dummy.is_empty() { None } else { Some(&self.cells.dummy) }
    }

    /// The cells as a matrix (S).
    pub fn to_matrix(&self) -> DMatrix<f64> {
        DMatrix::from_row_iterator(self.rows(), self.columns(), self.as_row_slice().iter().map(|&g| g.into()))
    }
}

/// Bytes a [`Die`] holds on the heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Programmed state: 4 bytes a cell.
    pub conductances: usize,
    /// Signs and digit-sum factors.
    pub recipes: usize,
    /// Contributions on the grid and what the kernel needs beside them.
    pub grid: usize,
}

impl Memory {
    /// All of it.
    pub fn total(&self) -> usize {
        self.conductances + self.recipes + self.grid
    }
}

/// The conductances (S) one word line adds to a lane: of one cell, or of a pair to be subtracted.
fn lane_cells(layout: &Layout, row: &[f32], lane: usize, column: usize) -> (f32, Option<f32>) {
    let first = column * layout.cells_per_weight() + lane;
    let pair = layout.settings().mapping.is_bipolar().then(|| row[first + layout.slices()]);
    (row[first], pair)
}

fn lane_siemens(layout: &Layout, row: &[f32], lane: usize, column: usize) -> f64 {
    let (cell, pair) = lane_cells(layout, row, lane, column);
    f64::from(cell) - f64::from(pair.unwrap_or(0.0))
}

fn compile_block(design: &Design, layout: &Layout, recipe: &Recipe, cells: &ArrayCells) -> Result<Block> {
    let thresholds = design.thresholds();
    let (lanes, columns) = (layout.lanes(), cells.columns / layout.cells_per_weight());
    let max_digit = design.dac().max_digit();
    // Siemens to 2⁻¹⁶ LSB per unit digit: the read voltage cancels.
    let lsb_siemens = design.cell().levels().level_step() * (thresholds.lsb as f64 / ONE as f64);
    let on_grid = |siemens: f64| {
        round_real(siemens / lsb_siemens * ONE as f64).ok_or(Error::Overflow {
            name: "contribution of a cell",
            needed: i64::BITS,
            available: i64::BITS - 1,
        })
    };
    // The leakage and what rises above it are rounded apart, as the baseline is: rounded together, an
    // ideal level could come out a grid unit beside the level it is. A pair cancels its leakage.
    let g_off = f64::from(design.cell().levels().g_off() as f32);
    let dummy_column = !cells.dummy.is_empty();
    let leakage = if dummy_column { 0 } else { on_grid(design.cell().levels().g_off())? };
    let bipolar = layout.settings().mapping.is_bipolar();
    let mut contributions = Vec::with_capacity(cells.rows * lanes * columns);
    for row in 0..cells.rows {
        let dummy = if dummy_column { on_grid(cells.dummy(row) - g_off)? } else { 0 };
        for lane in 0..lanes {
            for column in 0..columns {
                let siemens = lane_siemens(layout, cells.row(row), lane, column);
                contributions.push(if bipolar {
                    on_grid(siemens)?
                } else {
                    on_grid(siemens - g_off)? + leakage - dummy
                });
            }
        }
    }
    let granular = design.is_granular();
    let groups = cells.rows / design.active_rows();
    let format = design.input_format();
    // Σ 2^(d·p) over the value planes, and the weight of the sign plane.
    let value_planes = format.planes() - u32::from(format.is_signed());
    let top = 1i64 << (value_planes * format.dac_bits());
    let max_places = (top - 1) / i64::from(max_digit) + if format.is_signed() { top } else { 0 };
    Block::new(BlockParts {
        group_rows: design.active_rows(),
        groups,
        lanes,
        columns,
        max_digit,
        max_places,
        contributions,
        quantizer: match thresholds.codes {
            Some((low, high)) => Quantizer::Codes { low, high },
            None => Quantizer::PassThrough,
        },
        unit: if thresholds.codes.is_some() && !granular { thresholds.lsb } else { 1 },
        shift: recipe.shift.clone(),
        negative: recipe.negative.clone(),
        digit_sum: recipe.digit_sum.iter().map(|d| if granular { *d } else { d * ONE }).collect(),
        baseline: design.baseline_table(),
        noise: compile_noise(design, layout, cells, lsb_siemens)?,
        energy: compile_energy(design, cells)?,
    })
}

/// Read noise as integer variances, on the finest grid on which their largest sum fits.
fn compile_noise(
    design: &Design,
    layout: &Layout,
    cells: &ArrayCells,
    lsb_siemens: f64,
) -> Result<Option<BlockNoise>> {
    if !design.is_noisy() {
        return Ok(None);
    }
    let noise = design.read_noise();
    let grid_siemens = lsb_siemens / ONE as f64;
    let of_cell = |siemens: f32| square(noise.relative() * f64::from(siemens) / grid_siemens);
    let (mut of_cells, mut common) = (Vec::new(), Vec::new());
    if noise.relative() > 0.0 {
        for row in 0..cells.rows {
            for lane in 0..layout.lanes() {
                for column in 0..cells.columns / layout.cells_per_weight() {
                    let (cell, pair) = lane_cells(layout, cells.row(row), lane, column);
                    of_cells.push(of_cell(cell) + pair.map_or(0.0, of_cell));
                }
            }
        }
        common = cells.dummy.iter().map(|&g| of_cell(g)).collect();
    }
    let constant = square(noise.front_end_amperes() / (grid_siemens * design.dac().volts(1)));

    let driven = design.active_rows() as f64 * square(f64::from(design.dac().max_digit()));
    let largest = of_cells.iter().chain(&common).copied().fold(0.0, f64::max) * driven + constant;
    let unit_bits = (0..=60).find(|&bits| largest / square((1u64 << bits) as f64) < (1u64 << 62) as f64);
    let unit_bits = unit_bits.ok_or(Error::Overflow {
        name: "read-noise variance",
        needed: u64::BITS,
        available: u64::BITS - 1,
    })?;
    let unit = square((1u64 << unit_bits) as f64);
    // Smaller than the largest, which fits.
    let on_grid = |variance: f64| round_real(variance / unit).unwrap_or_default() as u64;
    Ok(Some(BlockNoise {
        unit_bits,
        cells: of_cells.into_iter().map(on_grid).collect(),
        common: common.into_iter().map(on_grid).collect(),
        constant: on_grid(constant),
    }))
}

/// Energy of each word line per squared digit and plane, `V² · ΣG · t`, at most one joule.
fn compile_energy(design: &Design, cells: &ArrayCells) -> Result<Vec<u128>> {
    let step_joules_per_siemens = square(design.dac().volts(1)) * design.plane_secs();
    (0..cells.rows)
        .map(|row| {
            let siemens: f64 = cells.row(row).iter().map(|&g| f64::from(g)).sum::<f64>() + cells.dummy(row);
            let joules = siemens * step_joules_per_siemens;
            check_real("energy of a word line in one plane (J)", joules, 0.0, 1.0)?;
            Ok((joules / ENERGY_UNIT_JOULES).round() as u128)
        })
        .collect()
}

/// `powi` is not specified to the last bit.
fn square(x: f64) -> f64 {
    x * x
}
