//! The equations of parallel lines, each a chain of nodes, solved all at once.

use super::lines::{Lines, Terminal};
use super::scalar::Scalar;
use super::table::zeros;
use crate::error::{Error, Result};

/// The word lines or the bit lines alone, the other ends of their cells held at 0 V, factored.
///
/// Vectors are `[node][line]`, so that every step of a sweep along the lines is one pass over neighbours.
/// A node that a terminal of 0 Ω fixes has the inverse pivot 0, which keeps its value at 0 and cuts the
/// chain there; a line whose segments have 0 Ω is one node.
#[derive(Debug, Clone)]
pub(super) struct LineSolver<S> {
    lines: usize,
    segment_siemens: S,
    /// `[node][line]`, or one of each line.
    inverse_pivots: Vec<S>,
    one_node: bool,
}

impl<S: Scalar> LineSolver<S> {
    /// Factors lines with these cells, `[node][line]`.
    pub(super) fn new(name: &'static str, lines: &Lines<S>, cells: &[S]) -> Result<Self> {
        let count = lines.first.len();
        let nodes = cells.len() / count;
        let one_node = is_one_node(lines, nodes);
        let inverse_pivots =
            zeros("inverse pivots of a network", if one_node { count } else { cells.len() })?;
        let segment_siemens = if one_node { S::zero() } else { S::one() / S::from_real(lines.segment_ohms) };
        let mut solver = LineSolver { lines: count, segment_siemens, inverse_pivots, one_node };
        for line in 0..count {
            let pivots = if one_node {
                solver.factor_node(lines, cells, line)
            } else {
                solver.factor_chain(lines, cells, line)
            };
            pivots.ok_or(Error::Disconnected { line: name, index: line })?;
        }
        Ok(solver)
    }

    /// Pivots as ladders of conductances in series and parallel, without a subtraction: precise also for
    /// a line that touches ground through nothing but weak cells. `None` if it does not touch ground.
    fn factor_chain(&mut self, lines: &Lines<S>, cells: &[S], line: usize) -> Option<()> {
        let siemens = self.segment_siemens;
        let nodes = cells.len() / self.lines;
        let mut before = S::zero();
        for (node, at) in (line..cells.len()).step_by(self.lines).enumerate() {
            let first = lines.first[line].filter(|_| node == 0);
            let last = lines.last[line].filter(|_| node + 1 == nodes);
            let to_ground =
                before + lines.shunt + cells[at] + terminal_siemens(first) + terminal_siemens(last);
            if is_fixed(first) || is_fixed(last) {
                before = siemens;
                continue;
            }
            let pivot = if node + 1 == nodes { to_ground } else { to_ground + siemens };
            let inverse = finite(S::one() / pivot)?;
            before = siemens * (to_ground * inverse);
            self.inverse_pivots[at] = inverse;
        }
        Some(())
    }

    fn factor_node(&mut self, lines: &Lines<S>, cells: &[S], line: usize) -> Option<()> {
        let ends = [lines.first[line], lines.last[line]];
        if ends.into_iter().any(is_fixed) {
            return Some(());
        }
        let mut pivot = terminal_siemens(ends[0]) + terminal_siemens(ends[1]);
        for &cell in cells[line..].iter().step_by(self.lines) {
            pivot += cell + lines.shunt;
        }
        self.inverse_pivots[line] = finite(S::one() / pivot)?;
        Some(())
    }

    /// Turns currents into the nodes into their voltages.
    ///
    /// To be called inside [`vectorised`](crate::simd::vectorised).
    #[inline(always)]
    pub(super) fn solve(&self, values: &mut [S]) {
        if self.one_node { self.solve_nodes(values) } else { self.solve_chains(values) }
    }

    #[inline(always)]
    fn solve_chains(&self, values: &mut [S]) {
        let (lines, siemens) = (self.lines, self.segment_siemens);
        let nodes = values.len() / lines;
        for (value, &inverse) in values[..lines].iter_mut().zip(&self.inverse_pivots) {
            *value *= inverse;
        }
        for node in 1..nodes {
            let (before, after) = values.split_at_mut(node * lines);
            let before = &before[(node - 1) * lines..];
            let inverse = &self.inverse_pivots[node * lines..(node + 1) * lines];
            for ((value, &before), &inverse) in after[..lines].iter_mut().zip(before).zip(inverse) {
                *value = (*value + siemens * before) * inverse;
            }
        }
        for node in (0..nodes - 1).rev() {
            let (before, after) = values.split_at_mut((node + 1) * lines);
            let inverse = &self.inverse_pivots[node * lines..(node + 1) * lines];
            let values = &mut before[node * lines..];
            for ((value, &after), &inverse) in values.iter_mut().zip(&after[..lines]).zip(inverse) {
                *value += siemens * inverse * after;
            }
        }
    }

    /// Puts all currents into a line that is one node at its first.
    #[inline(always)]
    pub(super) fn gather(&self, values: &mut [S]) {
        if !self.one_node {
            return;
        }
        let (sums, others) = values.split_at_mut(self.lines);
        for others in others.chunks_exact_mut(self.lines) {
            for (sum, other) in sums.iter_mut().zip(others) {
                *sum += *other;
                *other = S::zero();
            }
        }
    }

    #[inline(always)]
    fn solve_nodes(&self, values: &mut [S]) {
        let (sums, others) = values.split_at_mut(self.lines);
        for others in others.chunks_exact(self.lines) {
            for (sum, &other) in sums.iter_mut().zip(others) {
                *sum += other;
            }
        }
        for (sum, &inverse) in sums.iter_mut().zip(&self.inverse_pivots) {
            *sum *= inverse;
        }
        for others in others.chunks_exact_mut(self.lines) {
            others.copy_from_slice(sums);
        }
    }
}

/// Whether all nodes of a line are one.
pub(super) fn is_one_node<S>(lines: &Lines<S>, nodes: usize) -> bool {
    lines.segment_ohms == 0.0 || nodes == 1
}

/// Whether a terminal makes its node one with the source.
pub(super) fn is_fixed<S: Scalar>(terminal: Option<Terminal<S>>) -> bool {
    terminal.is_some_and(|terminal| terminal.ohms == S::zero())
}

/// Admittance of a terminal, 0 of one that fixes its node and of an open end.
fn terminal_siemens<S: Scalar>(terminal: Option<Terminal<S>>) -> S {
    terminal
        .filter(|terminal| terminal.ohms != S::zero())
        .map_or(S::zero(), |terminal| S::one() / terminal.ohms)
}

fn finite<S: Scalar>(value: S) -> Option<S> {
    value.is_finite().then_some(value)
}
