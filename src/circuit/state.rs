//! A network on the way to its solution.

use super::line_state::LineState;
use super::network::Network;
use super::scalar::Scalar;
use super::solution::Solution;
use super::table::zeros;
use super::transpose::transpose;
use crate::error::{Error, Result, check_length};
use crate::simd::vectorised;

/// Voltages of all nodes and the currents that follow from them.
///
/// Arrays of word lines are `[column][row]`, those of bit lines and cells `[row][column]`.
#[derive(Debug, Clone)]
pub(super) struct State<'a, S> {
    network: &'a Network<S>,
    pub(super) word_lines: LineState<S>,
    pub(super) bit_lines: LineState<S>,
    /// From word line to bit line (A).
    pub(super) cell_amperes: Vec<S>,
    /// Scratch in the layouts of the bit lines and of the word lines.
    by_row: [Vec<S>; 2],
    by_column: Vec<S>,
}

/// How well currents are conserved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Balance {
    /// Largest current of a cell, segment or terminal (A).
    pub(super) largest: f64,
    /// Largest imbalance of a node (A).
    pub(super) worst: f64,
    /// Sum of the squared imbalances (A²); not finite as soon as one is not.
    pub(super) squares: f64,
}

impl Balance {
    /// Worst imbalance relative to the largest current; 0 without currents, ∞ where they are no numbers.
    pub(super) fn relative(&self) -> f64 {
        match self {
            _ if !(self.squares.is_finite() && self.largest.is_finite()) => f64::INFINITY,
            Balance { worst: 0.0, .. } => 0.0,
            _ => self.worst / self.largest,
        }
    }
}

/// Changes of all voltages (V).
#[derive(Debug)]
pub(super) struct Correction<S> {
    /// `[column][row]`.
    pub(super) word_volts: Vec<S>,
    /// `[row][column]`.
    pub(super) bit_volts: Vec<S>,
    pub(super) iterations: usize,
}

impl<'a, S: Scalar> State<'a, S> {
    /// All lines at the voltages of their sources.
    pub(super) fn new(network: &'a Network<S>, word_volts: &[S], sense_volts: &[S]) -> Result<Self> {
        check_length("voltages of the word lines", network.rows, word_volts.len())?;
        check_length("voltages of the sense terminals", network.columns, sense_volts.len())?;
        for (name, volts) in
            [("voltage of a word line (V)", word_volts), ("voltage of a sense terminal (V)", sense_volts)]
        {
            volts.iter().try_for_each(|&volts| check_finite(name, volts))?;
        }
        let table = || zeros("voltages and currents of a network", network.cells.len());
        Ok(State {
            network,
            word_lines: LineState::new(&network.word_lines, network.columns, word_volts)?,
            bit_lines: LineState::new(&network.bit_lines, network.rows, sense_volts)?,
            cell_amperes: table()?,
            by_row: [table()?, table()?],
            by_column: table()?,
        })
    }

    /// Works out all currents; `amperes` gives that of the cell at an index of `[row][column]` from its
    /// voltage.
    pub(super) fn balance(&mut self, mut amperes: impl FnMut(usize, S) -> S) -> Balance {
        let State { network, word_lines, bit_lines, cell_amperes, by_row: [drops, opposite], by_column } =
            self;
        vectorised(
            #[inline(always)]
            || {
                // The high parts first: their difference is precise before the low parts join.
                transpose(&word_lines.volts, network.rows, drops);
                transpose(&word_lines.low_volts, network.rows, opposite);
                let bit_volts = bit_lines.volts.iter().zip(&bit_lines.low_volts);
                for ((drop, &low), (&bit_volts, &bit_low)) in
                    drops.iter_mut().zip(opposite.iter()).zip(bit_volts)
                {
                    *drop = (*drop - bit_volts) + (low - bit_low);
                }
            },
        );
        for (at, (cell, &drop)) in cell_amperes.iter_mut().zip(drops.iter()).enumerate() {
            *cell = amperes(at, drop);
        }
        vectorised(
            #[inline(always)]
            || {
                transpose(cell_amperes, network.columns, by_column);
                opposite.iter_mut().zip(cell_amperes.iter()).for_each(|(opposite, &cell)| *opposite = -cell);
            },
        );
        word_lines.balance(&network.word_lines, by_column);
        bit_lines.balance(&network.bit_lines, opposite);
        self.measure()
    }

    fn measure(&self) -> Balance {
        let lines = [&self.word_lines, &self.bit_lines];
        let largest = |values: &[S]| values.iter().map(|value| value.modulus()).fold(0.0, f64::max);
        let of_lines = |of: fn(&LineState<S>) -> &[S]| lines.map(of).map(largest);
        let currents = [of_lines(|of| &of.first), of_lines(|of| &of.segments), of_lines(|of| &of.last)];
        Balance {
            largest: currents.into_iter().flatten().fold(largest(&self.cell_amperes), f64::max),
            worst: of_lines(|of| &of.imbalance).into_iter().fold(0.0, f64::max),
            squares: lines
                .into_iter()
                .flat_map(|of| &of.imbalance)
                .map(|value| value.modulus_squared())
                .sum(),
        }
    }

    pub(super) fn add(&mut self, correction: &Correction<S>, step: f64) {
        self.word_lines.add(&correction.word_volts, step);
        self.bit_lines.add(&correction.bit_volts, step);
    }

    pub(super) fn into_solution(self, balance: Balance, iterations: usize) -> Result<Solution<S>> {
        Solution::new(self.network, self.word_lines, self.bit_lines, self.cell_amperes, balance, iterations)
    }
}

fn check_finite<S: Scalar>(name: &'static str, value: S) -> Result<()> {
    if value.is_finite() {
        return Ok(());
    }
    let value = if value.real().is_finite() { value.imaginary() } else { value.real() };
    Err(Error::Real { name, value, min: f64::MIN, max: f64::MAX })
}
