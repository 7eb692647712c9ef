//! Voltages and currents along parallel lines.

use super::line_solver::{is_fixed, is_one_node};
use super::lines::{Lines, Terminal};
use super::scalar::Scalar;
use super::table::zeros;
use crate::error::Result;
use crate::simd::vectorised;

/// Voltages of the nodes of the word lines or the bit lines, and the currents that follow from them.
///
/// A voltage is the sum of two floats, since the difference of neighbours on a wire of a milliohm drowns
/// in the rounding of one. Nodes are `[node][line]`; currents flow from lower to higher nodes.
#[derive(Debug, Clone)]
pub(super) struct LineState<S> {
    pub(super) volts: Vec<S>,
    pub(super) low_volts: Vec<S>,
    /// From the first terminals into nodes 0 (A).
    pub(super) first: Vec<S>,
    /// Between neighbouring nodes (A).
    pub(super) segments: Vec<S>,
    /// From the last nodes into the last terminals (A).
    pub(super) last: Vec<S>,
    /// What flows into a node and not out of it (A); of a line that is one node, at its last.
    pub(super) imbalance: Vec<S>,
    pub(super) sources: Vec<S>,
}

impl<S: Scalar> LineState<S> {
    /// Every line at the voltage of its source, as its terminals pass it on; 0 V without.
    pub(super) fn new(lines: &Lines<S>, nodes: usize, sources: &[S]) -> Result<Self> {
        let count = sources.len();
        let table = |length| zeros("voltages and currents of a network", length);
        let mut state = LineState {
            volts: table(nodes * count)?,
            low_volts: table(nodes * count)?,
            first: table(count)?,
            segments: table((nodes - 1) * count)?,
            last: table(count)?,
            imbalance: table(nodes * count)?,
            sources: sources.to_vec(),
        };
        for volts in state.volts.chunks_exact_mut(count) {
            for (line, volts) in volts.iter_mut().enumerate() {
                let ends = [lines.first[line], lines.last[line]];
                let drives = |terminal: &Terminal<S>| terminal.gain != S::zero();
                if let Some(terminal) = ends.into_iter().flatten().find(drives) {
                    *volts = terminal.gain * sources[line];
                }
            }
        }
        Ok(state)
    }

    /// Adds corrections, `[node][line]`, times `step` to the voltages.
    pub(super) fn add(&mut self, corrections: &[S], step: f64) {
        let (volts, low_volts) = (&mut self.volts, &mut self.low_volts);
        let step = S::from_real(step);
        vectorised(
            #[inline(always)]
            || {
                for ((volts, low), &correction) in volts.iter_mut().zip(low_volts).zip(corrections) {
                    let (high, rest) = two_sum(*volts, *low + step * correction);
                    *volts = high;
                    *low = rest;
                }
            },
        );
    }

    /// Works out currents and imbalances, given the currents that leave the nodes through cells (A).
    pub(super) fn balance(&mut self, lines: &Lines<S>, cells: &[S]) {
        let count = self.sources.len();
        let imbalance = &mut self.imbalance;
        let (volts, low_volts) = (&self.volts, &self.low_volts);
        let shunt = lines.shunt;
        vectorised(
            #[inline(always)]
            || {
                for (((imbalance, &cell), &volts), &low) in
                    imbalance.iter_mut().zip(cells).zip(volts).zip(low_volts)
                {
                    *imbalance = -cell - shunt * (volts + low);
                }
            },
        );
        if is_one_node(lines, cells.len() / count) {
            self.balance_nodes(lines)
        } else {
            self.balance_chains(lines)
        }
    }

    fn balance_chains(&mut self, lines: &Lines<S>) {
        let count = self.sources.len();
        let siemens = S::one() / S::from_real(lines.segment_ohms);
        let LineState { volts, low_volts, segments, imbalance, .. } = self;
        vectorised(
            #[inline(always)]
            || {
                let drops = volts.iter().zip(&volts[count..]).zip(low_volts.iter().zip(&low_volts[count..]));
                for (segment, ((&here, &next), (&here_low, &next_low))) in segments.iter_mut().zip(drops) {
                    *segment = ((here - next) + (here_low - next_low)) * siemens;
                }
                for (imbalance, &segment) in imbalance.iter_mut().zip(segments.iter()) {
                    *imbalance -= segment;
                }
                for (imbalance, &segment) in imbalance[count..].iter_mut().zip(segments.iter()) {
                    *imbalance += segment;
                }
            },
        );
        let end = self.imbalance.len() - count;
        for line in 0..count {
            let first = self.terminal_amperes(lines.first[line], line, line);
            self.first[line] = first.unwrap_or(-self.imbalance[line]);
            self.imbalance[line] += self.first[line];
            let last = self.terminal_amperes(lines.last[line], line, end + line).map(|into| -into);
            self.last[line] = last.unwrap_or(self.imbalance[end + line]);
            self.imbalance[end + line] -= self.last[line];
        }
    }

    /// Segments of 0 Ω carry what conservation leaves them; two terminals of 0 Ω at one node share its
    /// current equally.
    fn balance_nodes(&mut self, lines: &Lines<S>) {
        let count = self.sources.len();
        let end = self.imbalance.len() - count;
        for line in 0..count {
            let into = |at: Option<Terminal<S>>| self.terminal_amperes(at, line, line);
            let (first, last) = (into(lines.first[line]), into(lines.last[line]).map(|into| -into));
            let nodes = || (line..self.imbalance.len()).step_by(count);
            let leaves = nodes().fold(S::zero(), |sum, at| sum - self.imbalance[at]);
            let first =
                first.unwrap_or_else(|| last.map_or(leaves * S::from_real(0.5), |last| leaves + last));
            let mut passes = first;
            for at in nodes() {
                passes += self.imbalance[at];
                self.imbalance[at] = S::zero();
                if at < end {
                    self.segments[at] = passes;
                }
            }
            self.first[line] = first;
            self.last[line] = last.unwrap_or(passes);
            self.imbalance[end + line] = passes - self.last[line];
        }
    }

    /// Current from a terminal into the node `at`, `None` if the terminal fixes its voltage.
    fn terminal_amperes(&self, terminal: Option<Terminal<S>>, line: usize, at: usize) -> Option<S> {
        let Some(Terminal { ohms, gain }) = terminal else {
            return Some(S::zero());
        };
        let drop = (gain * self.sources[line] - self.volts[at]) - self.low_volts[at];
        (!is_fixed(terminal)).then(|| drop / ohms)
    }
}

/// A sum and what its rounding left out, exactly.
#[inline(always)]
fn two_sum<S: Scalar>(a: S, b: S) -> (S, S) {
    let sum = a + b;
    let b_part = sum - a;
    (sum, (a - (sum - b_part)) + (b - b_part))
}
