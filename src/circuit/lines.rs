//! Parallel wires with a node at every cell.

use super::scalar::Scalar;
use super::wires::Ends;

/// What a line ends in, as the node next to it sees it.
///
/// A source or an ideal ground behind an impedance; wire that leads past rows or columns without cells is
/// part of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terminal<S> {
    /// Impedance (Ω); 0 makes the end node one with the source.
    pub ohms: S,
    /// Current at the source over current at the line, and, by reciprocity, open voltage at the line over
    /// voltage of the source: 1 without capacitance, 0 for a wire that only ends.
    pub gain: S,
}

/// Equal parallel wires: the word lines of a network, or its bit lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Lines<S> {
    /// Resistance between neighbouring nodes (Ω); 0 makes the line one node.
    pub segment_ohms: f64,
    /// Admittance of every node to ground (S).
    pub shunt: S,
    /// What each line ends in before its node 0; `None` where it is open.
    pub first: Vec<Option<Terminal<S>>>,
    /// What each line ends in beyond its last node; `None` where it is open.
    pub last: Vec<Option<Terminal<S>>>,
}

/// What the lines of an array have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct LineSettings<S> {
    pub(super) segment_ohms: f64,
    /// Admittance of one crossing to ground.
    pub(super) shunt: S,
    pub(super) ends: Ends,
    pub(super) terminal_ohms: f64,
    /// Admittance of a terminal to ground, on its line's side.
    pub(super) terminal_shunt: S,
    pub(super) terminal_segments: bool,
    /// Crossings without a cell before node 0.
    pub(super) before: usize,
    /// Crossings without a cell beyond the last node.
    pub(super) after: usize,
}

impl<S: Scalar> LineSettings<S> {
    /// As many lines as `connected` has elements; those that are not connected have no terminal.
    pub(super) fn lines(&self, connected: impl Iterator<Item = bool> + Clone) -> Lines<S> {
        let end = |at: Ends, crossings: usize| {
            let open = self.open_end(crossings);
            let terminal = self.terminal(crossings);
            let has_terminal = self.ends == at || self.ends == Ends::Both;
            connected
                .clone()
                .map(|connected| if has_terminal && connected { Some(terminal) } else { open })
                .collect()
        };
        Lines {
            segment_ohms: self.segment_ohms,
            shunt: self.shunt,
            first: end(Ends::First, self.before),
            last: end(Ends::Last, self.after),
        }
    }

    fn terminal(&self, crossings: usize) -> Terminal<S> {
        let mut terminal = Terminal { ohms: S::from_real(self.terminal_ohms), gain: S::one() };
        terminal.shunt(self.terminal_shunt);
        if self.terminal_segments {
            terminal.ohms += S::from_real(self.segment_ohms);
        }
        for _ in 0..crossings {
            terminal.shunt(self.shunt);
            terminal.ohms += S::from_real(self.segment_ohms);
        }
        terminal
    }

    /// A wire that ends after some crossings: nothing but their capacitance.
    fn open_end(&self, crossings: usize) -> Option<Terminal<S>> {
        let mut siemens = S::zero();
        for _ in 0..crossings {
            siemens += self.shunt;
            siemens /= S::one() + siemens * S::from_real(self.segment_ohms);
        }
        (siemens != S::zero()).then(|| Terminal { ohms: S::one() / siemens, gain: S::zero() })
    }
}

impl<S: Scalar> Terminal<S> {
    fn shunt(&mut self, siemens: S) {
        let divider = S::one() + siemens * self.ohms;
        self.ohms /= divider;
        self.gain /= divider;
    }
}
