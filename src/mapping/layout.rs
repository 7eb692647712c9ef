//! Where the weights of a matrix lie on arrays of a given size.

use std::ops::Range;

use super::Mapping;
use crate::error::{Result, check_divides, check_integer, check_length};

/// What a [`Layout`] is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayoutSettings {
    /// How signs are stored.
    pub mapping: Mapping,
    /// ISAAC's column flip: a column whose levels sum to more than half of the largest sum is
    /// stored complemented, per active group.
    pub column_flip: bool,
    /// Bits of a cell, 1–4.
    pub cell_bits: u32,
    /// Word lines of an array.
    pub array_rows: usize,
    /// Bit lines of an array.
    pub array_columns: usize,
    /// Word lines driven together.
    pub active_rows: usize,
}

impl LayoutSettings {
    /// Checks everything that does not depend on a matrix.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`](crate::Error::Integer) for a zero size or cells outside 1–4 bits,
    /// [`Error::Divide`](crate::Error::Divide) when the fragment or the active rows do not divide
    /// the rows of the array, or the active rows do not divide the fragment.
    pub fn check(&self) -> Result<()> {
        check_integer("cell bits", self.cell_bits, 1, 4)?;
        // Bounds every index and every digit sum far inside 32 bits.
        check_integer("array rows", self.array_rows, 1, 1 << 16)?;
        check_integer("array columns", self.array_columns, 1, 1 << 16)?;
        let rows = ("array rows", self.array_rows);
        check_divides(("active rows", self.active_rows), rows)?;
        if let Mapping::Polarized { fragment } = self.mapping {
            check_divides(("fragment", fragment), rows)?;
            check_divides(("active rows", self.active_rows), ("fragment", fragment))?;
        }
        Ok(())
    }

    /// Largest level of a cell, `2^cell_bits − 1`.
    pub fn max_level(&self) -> u32 {
        (1 << self.cell_bits) - 1
    }

    /// Largest sum of levels that the cells of one column of an active group can reach, after
    /// column flip: `a · (2^w − 1)`, or half of it, rounded down, with flip.
    ///
    /// Before a bipolar ADC the difference of two columns lies within plus and minus the unflipped
    /// sum: one cell of each pair is at level 0, so flipping the pair never helps.
    pub fn max_column_sum(&self) -> u64 {
        let full = self.active_rows as u64 * u64::from(self.max_level());
        if self.column_flip && !self.mapping.is_bipolar() { full / 2 } else { full }
    }
}

/// The tiling of one matrix over arrays: which inputs and outputs lie where.
///
/// Arrays are numbered row tile by row tile: array `r · column_tiles + c` holds the `r`-th run of
/// `array_rows` inputs and the `c`-th run of [`Layout::outputs_per_array`] outputs. A last active
/// group that is not full is padded with cells at level 0, which are programmed like any other;
/// groups and columns without a weight are not.
///
/// ```
/// use forms_xbar::mapping::{Layout, LayoutSettings, Mapping};
///
/// let settings = LayoutSettings {
///     mapping: Mapping::Polarized { fragment: 8 },
///     column_flip: false,
///     cell_bits: 2,
///     array_rows: 128,
///     array_columns: 128,
///     active_rows: 8,
/// };
/// let layout = Layout::new(settings, 400, 120, (-128, 127))?;
/// assert_eq!(layout.slices(), 4);
/// assert_eq!(layout.arrays(), 4 * 4);
/// assert_eq!(layout.rows(3), 16); // inputs 384..400
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    settings: LayoutSettings,
    inputs: usize,
    outputs: usize,
    slices: usize,
    offset: i32,
}

impl Layout {
    /// Lays out `inputs` × `outputs` weights of which each lies in `range`.
    ///
    /// The number of slices follows the largest stored value that `range` permits: the larger
    /// magnitude, or `max − min` for offset mapping.
    ///
    /// # Errors
    ///
    /// Those of [`LayoutSettings::check`], and [`Error::Integer`](crate::Error::Integer) for a
    /// zero size, an empty range, or a weight that needs more cells than an array has columns.
    pub fn new(settings: LayoutSettings, inputs: usize, outputs: usize, range: (i32, i32)) -> Result<Self> {
        settings.check()?;
        check_integer("inputs", inputs, 1, i64::from(u32::MAX))?;
        check_integer("outputs", outputs, 1, i64::from(u32::MAX))?;
        // 17 bits: full-magnitude weights of 16 bits under offset mapping.
        const LIMIT: i32 = (1 << 16) - 1;
        let (min, max) = range;
        check_integer("smallest weight", min, -i64::from(LIMIT), 0)?;
        check_integer("largest weight", max, i64::from(min.unsigned_abs() == 0), LIMIT.into())?;
        let (offset, largest) = match settings.mapping {
            Mapping::Offset => (-min, max - min),
            Mapping::Polarized { .. } | Mapping::Differential { .. } => (0, max.max(-min)),
        };
        let slices = (32 - largest.leading_zeros()).div_ceil(settings.cell_bits) as usize;
        let cells = slices * settings.mapping.arms();
        check_integer("cells of one weight", cells, 1, settings.array_columns as i64)?;
        Ok(Layout { settings, inputs, outputs, slices, offset })
    }

    /// The settings this layout was made from.
    pub fn settings(&self) -> &LayoutSettings {
        &self.settings
    }

    /// Rows of the matrix.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Columns of the matrix.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Slices of a weight, each `cell_bits` wide.
    pub fn slices(&self) -> usize {
        self.slices
    }

    /// What offset mapping adds to every weight; 0 for the others.
    pub fn offset(&self) -> i32 {
        self.offset
    }

    /// Cells one weight takes on its word line.
    pub fn cells_per_weight(&self) -> usize {
        self.slices * self.settings.mapping.arms()
    }

    /// Conversions per output, active group and plane.
    pub fn lanes(&self) -> usize {
        if self.settings.mapping.is_bipolar() { self.slices } else { self.cells_per_weight() }
    }

    /// The arm and slice a lane converts; for a bipolar ADC the arm is 0.
    pub fn lane_slice(&self, lane: usize) -> (usize, usize) {
        (lane / self.slices, lane % self.slices)
    }

    /// Outputs that fit on one array.
    pub fn outputs_per_array(&self) -> usize {
        self.settings.array_columns / self.cells_per_weight()
    }

    /// Arrays stacked along the inputs.
    pub fn row_tiles(&self) -> usize {
        self.inputs.div_ceil(self.settings.array_rows)
    }

    /// Arrays side by side along the outputs.
    pub fn column_tiles(&self) -> usize {
        self.outputs.div_ceil(self.outputs_per_array())
    }

    /// Arrays the matrix takes.
    pub fn arrays(&self) -> usize {
        self.row_tiles() * self.column_tiles()
    }

    /// The inputs of a row tile.
    pub fn tile_inputs(&self, row_tile: usize) -> Range<usize> {
        let start = row_tile * self.settings.array_rows;
        start..self.inputs.min(start + self.settings.array_rows)
    }

    /// The outputs of a column tile.
    pub fn tile_outputs(&self, column_tile: usize) -> Range<usize> {
        let start = column_tile * self.outputs_per_array();
        start..self.outputs.min(start + self.outputs_per_array())
    }

    /// The place of an array in the address of random draws: its row tile and column tile, so that
    /// further outputs do not move the draws of the arrays that were there.
    pub fn address(&self, array: usize) -> u64 {
        ((array / self.column_tiles()) as u64) << 32 | (array % self.column_tiles()) as u64
    }

    /// Active groups of a row tile.
    pub fn groups(&self, row_tile: usize) -> usize {
        self.tile_inputs(row_tile).len().div_ceil(self.settings.active_rows)
    }

    /// Programmed word lines of a row tile, padding included.
    pub fn rows(&self, row_tile: usize) -> usize {
        self.groups(row_tile) * self.settings.active_rows
    }

    /// Checks that `values` is a matrix of this layout's size.
    pub(super) fn check_values(&self, values: &[i32]) -> Result<()> {
        check_length("weights", self.inputs * self.outputs, values.len())
    }
}
