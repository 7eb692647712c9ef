//! The cells of arrays, as a write left them and as conditions made them.

use nalgebra::DMatrix;
use std::borrow::Cow;

use crate::mapping::Layout;

/// Banks of bit lines in the address of a cell's draws.
pub(crate) const WEIGHT_BANK: u64 = 0;
pub(crate) const DUMMY_BANK: u64 = 1;

/// The conductances of one array.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ArrayCells {
    pub(super) rows: usize,
    pub(crate) columns: usize,
    /// `[row][column]`, siemens.
    pub(super) siemens: Vec<f32>,
    /// One level-0 cell per row; empty without a dummy column.
    pub(super) dummy: Vec<f32>,
}

impl ArrayCells {
    pub(crate) fn row(&self, row: usize) -> &[f32] {
        &self.siemens[row * self.columns..][..self.columns]
    }

    pub(crate) fn dummy(&self, row: usize) -> f64 {
        self.dummy.get(row).copied().unwrap_or(0.0).into()
    }

    /// The conductances (S) a word line adds to a lane: of one cell, or of a pair to be subtracted.
    pub(crate) fn lane(&self, layout: &Layout, row: usize, lane: usize, column: usize) -> (f32, Option<f32>) {
        let row = self.row(row);
        let first = column * layout.cells_per_weight() + lane;
        let pair = layout.settings().mapping.is_bipolar().then(|| row[first + layout.slices()]);
        (row[first], pair)
    }

    pub(crate) fn has_dummy(&self) -> bool {
        !self.dummy.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.siemens[..]) + size_of_val(&self.dummy[..])
    }
}

/// The conductances of one array of a [`Die`](super::Die).
#[derive(Debug, Clone)]
pub struct Conductances<'a> {
    pub(super) cells: Cow<'a, ArrayCells>,
}

impl Conductances<'_> {
    /// Programmed word lines.
    pub fn rows(&self) -> usize {
        self.cells.rows
    }

    /// Programmed bit lines; column = output · cells per weight + arm · slices + slice.
    pub fn columns(&self) -> usize {
        self.cells.columns
    }

    /// The cells row by row (S).
    pub fn as_row_slice(&self) -> &[f32] {
        &self.cells.siemens
    }

    /// The dummy column, one cell per word line (S), where the design has one.
    pub fn dummy_column(&self) -> Option<&[f32]> {
        if self.cells.dummy.is_empty() { None } else { Some(&self.cells.dummy) }
    }

    /// The cells as a matrix (S).
    pub fn to_matrix(&self) -> DMatrix<f64> {
        DMatrix::from_row_iterator(self.rows(), self.columns(), self.as_row_slice().iter().map(|&g| g.into()))
    }
}
