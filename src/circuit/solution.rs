//! Every voltage and current of a network.

use super::line_state::LineState;
use super::lines::{Lines, Terminal};
use super::network::Network;
use super::scalar::Scalar;
use super::state::Balance;
use super::table::zeros;
use super::transpose::transpose;
use crate::error::Result;

/// Currents along parallel lines, positive from lower to higher rows or columns (A).
///
/// A segment of 0 Ω carries what conservation leaves it; two terminals of 0 Ω at one node share its current
/// equally.
#[derive(Debug, Clone, PartialEq)]
pub struct LineAmperes<S> {
    /// From the first terminal of each line into the line.
    pub first: Vec<S>,
    /// Of the segments between neighbouring cells: `[row][column]`, one column fewer in word lines and one
    /// row fewer in bit lines.
    pub segments: Vec<S>,
    /// From each line into its last terminal.
    pub last: Vec<S>,
}

/// Powers of all branches of a network at direct current (W).
#[derive(Debug, Clone, PartialEq)]
pub struct Watts {
    /// Of the cells with their access transistors, `[row][column]`.
    pub cells: Vec<f64>,
    /// Of the segments between cells along the word lines, `[row][column]`, one column fewer.
    pub word_segments: Vec<f64>,
    /// Of the segments between cells along the bit lines, `[row][column]`, one row fewer.
    pub bit_segments: Vec<f64>,
    /// Of the drivers of each word line, with the wire between them and the first cells.
    pub drivers: Vec<f64>,
    /// Of the sense terminals of each bit line, with the wire between them and the first cells.
    pub sense: Vec<f64>,
    /// What all sources deliver: the sum of the others.
    pub sources: f64,
}

/// Voltages of all nodes and currents of all branches of a network, for one set of sources.
///
/// **Units.** Volts and amperes, phasors where the network is complex. Arrays are `[row][column]` of the
/// network; the current of a cell is that of its branch, access transistor included.
///
/// ```
/// use forms_xbar::circuit::{Cells, Network, Solver, SolverSettings, Wires};
///
/// // 5 kΩ of cell between two wires of 2.5 kΩ.
/// let cells = Cells { array: (1, 1), rows: 1, columns: 1, siemens: &[2e-4] };
/// let network = Network::new(&Wires::new(2500.0, 2500.0)?, cells, 0..1, 0.0)?;
/// let solution = Solver::new(&network, SolverSettings::default())?.solve(&[0.2], &[0.0])?;
/// assert!((solution.word_volts()[0] - 0.15).abs() < 1e-15);
/// assert!((solution.cell_amperes()[0] - 20e-6).abs() < 1e-19);
/// assert!((solution.watts().sources - 4e-6).abs() < 1e-20);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Solution<S> {
    rows: usize,
    columns: usize,
    word_lines: Lines<S>,
    bit_lines: Lines<S>,
    word_sources: Vec<S>,
    sense_sources: Vec<S>,
    word_volts: Vec<S>,
    bit_volts: Vec<S>,
    cell_amperes: Vec<S>,
    word_line_amperes: LineAmperes<S>,
    bit_line_amperes: LineAmperes<S>,
    driver_amperes: Vec<S>,
    sense_amperes: Vec<S>,
    largest_amperes: f64,
    worst_imbalance: f64,
    iterations: usize,
}

impl<S: Scalar> Solution<S> {
    /// From word lines in the layout `[column][row]`, the rest in `[row][column]`.
    pub(super) fn new(
        network: &Network<S>,
        word_lines: LineState<S>,
        bit_lines: LineState<S>,
        cell_amperes: Vec<S>,
        balance: Balance,
        iterations: usize,
    ) -> Result<Self> {
        let turned = |by_column: &[S]| -> Result<Vec<S>> {
            let mut by_row = zeros("voltages and currents of a network", by_column.len())?;
            transpose(by_column, network.rows, &mut by_row);
            Ok(by_row)
        };
        let at_sources = |lines: &Lines<S>, amperes: &LineAmperes<S>| -> Vec<S> {
            let gain = |terminal: &Option<Terminal<S>>| terminal.map_or(S::zero(), |terminal| terminal.gain);
            let first = lines.first.iter().zip(&amperes.first).map(|(at, &amperes)| gain(at) * amperes);
            let last = lines.last.iter().zip(&amperes.last).map(|(at, &amperes)| gain(at) * amperes);
            first.zip(last).map(|(first, last)| first - last).collect()
        };
        let word_line_amperes = LineAmperes {
            first: word_lines.first,
            segments: turned(&word_lines.segments)?,
            last: word_lines.last,
        };
        let bit_line_amperes =
            LineAmperes { first: bit_lines.first, segments: bit_lines.segments, last: bit_lines.last };
        let mut sense_amperes = at_sources(&network.bit_lines, &bit_line_amperes);
        sense_amperes.iter_mut().for_each(|amperes| *amperes = -*amperes);
        Ok(Solution {
            rows: network.rows,
            columns: network.columns,
            word_volts: turned(&word_lines.volts)?,
            bit_volts: bit_lines.volts,
            cell_amperes,
            driver_amperes: at_sources(&network.word_lines, &word_line_amperes),
            sense_amperes,
            word_line_amperes,
            bit_line_amperes,
            word_lines: network.word_lines.clone(),
            bit_lines: network.bit_lines.clone(),
            word_sources: word_lines.sources,
            sense_sources: bit_lines.sources,
            largest_amperes: balance.largest,
            worst_imbalance: balance.worst,
            iterations,
        })
    }

    /// Word lines of the network.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bit lines of the network.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Voltages of the word lines at the cells (V), `[row][column]`.
    pub fn word_volts(&self) -> &[S] {
        &self.word_volts
    }

    /// Voltages of the bit lines at the cells (V), `[row][column]`.
    pub fn bit_volts(&self) -> &[S] {
        &self.bit_volts
    }

    /// Currents of the cells from word line to bit line (A), `[row][column]`.
    pub fn cell_amperes(&self) -> &[S] {
        &self.cell_amperes
    }

    /// Currents along the word lines.
    pub fn word_line_amperes(&self) -> &LineAmperes<S> {
        &self.word_line_amperes
    }

    /// Currents along the bit lines.
    pub fn bit_line_amperes(&self) -> &LineAmperes<S> {
        &self.bit_line_amperes
    }

    /// What the source of each word line delivers to the line (A), the sum of its terminals.
    ///
    /// The gains of terminals are applied; what capacitances between source and first cell take is not part
    /// of it.
    pub fn driver_amperes(&self) -> &[S] {
        &self.driver_amperes
    }

    /// What the virtual ground of each bit line receives from the line (A), the sum of its terminals.
    ///
    /// The gains of terminals are applied; what a sense source other than 0 V sends into capacitances
    /// between it and the first cell is not part of it.
    pub fn sense_amperes(&self) -> &[S] {
        &self.sense_amperes
    }

    /// Largest current of a cell, a segment or a terminal (A).
    pub fn largest_amperes(&self) -> f64 {
        self.largest_amperes
    }

    /// Largest current that flows into a node and not out of it (A).
    pub fn worst_imbalance(&self) -> f64 {
        self.worst_imbalance
    }

    /// Iterations it took.
    pub fn iterations(&self) -> usize {
        self.iterations
    }
}

impl Solution<f64> {
    /// Powers of all branches (W).
    pub fn watts(&self) -> Watts {
        let segments = |ohms: f64, amperes: &[f64]| amperes.iter().map(|i| ohms * i * i).collect();
        let terminals = |lines: &Lines<f64>, amperes: &LineAmperes<f64>| {
            let ohms = |terminal: &Option<Terminal<f64>>| terminal.map_or(0.0, |terminal| terminal.ohms);
            let first = lines.first.iter().zip(&amperes.first).map(|(at, i)| ohms(at) * i * i);
            let last = lines.last.iter().zip(&amperes.last).map(|(at, i)| ohms(at) * i * i);
            first.zip(last).map(|(first, last)| first + last).collect()
        };
        let delivered = |volts: &[f64], amperes: &[f64]| -> f64 {
            volts.iter().zip(amperes).map(|(volts, amperes)| volts * amperes).sum()
        };
        let drops = self.word_volts.iter().zip(&self.bit_volts).map(|(word, bit)| word - bit);
        Watts {
            cells: drops.zip(&self.cell_amperes).map(|(volts, amperes)| volts * amperes).collect(),
            word_segments: segments(self.word_lines.segment_ohms, &self.word_line_amperes.segments),
            bit_segments: segments(self.bit_lines.segment_ohms, &self.bit_line_amperes.segments),
            drivers: terminals(&self.word_lines, &self.word_line_amperes),
            sense: terminals(&self.bit_lines, &self.bit_line_amperes),
            sources: delivered(&self.word_sources, &self.driver_amperes)
                - delivered(&self.sense_sources, &self.sense_amperes),
        }
    }
}
