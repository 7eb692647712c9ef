//! What a line is to the lines it crosses.

use super::dense::{TILE, Tile, UNIT, lower};
use super::lines::Terminal;
use super::scalar::Scalar;
use super::table::filled;
use crate::error::Result;

/// The admittance behind a terminal's impedance; `None` for an impedance of 0, 0 for an open line.
#[inline(always)]
pub(super) fn admittance<S: Scalar>(terminal: Option<Terminal<S>>) -> Option<S> {
    match terminal {
        None => Some(S::zero()),
        Some(terminal) if terminal.ohms == S::zero() => None,
        Some(terminal) => Some(S::one() / terminal.ohms).filter(S::is_finite),
    }
}

/// A segment whose conductance is finite, else 0 Ω.
pub(super) fn segment(ohms: f64) -> f64 {
    if (1.0 / ohms).is_finite() { ohms } else { 0.0 }
}

/// A line seen through its cells, its terminals held at 0 V.
///
/// With the tridiagonal `L` of the line and the diagonal `D` of its cells, its cells take the currents
/// `M v` from the voltages `v` at their far sides, `M = D − D (L + D)⁻¹ D`, of which `sᵀ v`,
/// `s = D (L + D)⁻¹ g`, is sensed. The inverse is semiseparable: its diagonal, and the voltage of a node
/// over that of its neighbour, are all there is to it.
#[derive(Debug)]
pub(super) struct Crossing<S> {
    /// Conductances of the cells of the line (S).
    pub(super) cells: Vec<S>,
    /// Sensed current per volt at the far side of each cell (S).
    pub(super) sensed: Vec<S>,
    /// Admittance at a node of what lies beyond it.
    beyond: Vec<S>,
    /// Sensed current at the last terminal over that entering a node, over the impedance of the node.
    share: Vec<S>,
    /// Voltage of a node over that at the far side of its cell, the others at 0 V.
    follow: Vec<S>,
    /// Voltage of a node over that of the next, driven from there.
    ratio: Vec<S>,
    /// Admittance at the far side of each cell, the others at 0 V.
    own: Vec<S>,
    /// Voltage of the node in hand per volt at the far side of each cell before it, over its impedance.
    reach: Vec<[S; TILE]>,
}

impl<S: Scalar> Crossing<S> {
    pub(super) fn new(nodes: usize) -> Result<Self> {
        let padded = nodes.next_multiple_of(TILE);
        let values = || filled("workspace of a line", padded as u128, S::zero());
        Ok(Crossing {
            cells: values()?,
            sensed: values()?,
            beyond: values()?,
            share: values()?,
            follow: values()?,
            ratio: values()?,
            own: values()?,
            reach: filled("workspace of a line", (padded / TILE) as u128, [S::zero(); TILE])?,
        })
    }

    /// Works out the line of the first `nodes` of `self.cells`.
    #[inline(always)]
    pub(super) fn see(
        &mut self,
        nodes: usize,
        ohms: f64,
        shunt: S,
        first: Option<Terminal<S>>,
        last: Option<Terminal<S>>,
    ) {
        let end = nodes - 1;
        let gain = |terminal: Option<Terminal<S>>| terminal.map_or(S::zero(), |terminal| terminal.gain);
        let (first_gain, last_gain) = (gain(first), gain(last));
        let (first, last) = (admittance(first), admittance(last));
        let fixed_first = first.is_none();
        let fixed_last = last.is_none();
        let is_one_node = ohms == 0.0 || end == 0;
        if is_one_node && (fixed_first || fixed_last) {
            let gain = if fixed_first { first_gain } else { last_gain };
            for k in 0..nodes {
                self.fix(k, gain);
            }
            return;
        }
        let segment = S::from_real(ohms);
        let per_segment = S::from_real(if ohms == 0.0 { 0.0 } else { 1.0 / ohms });

        let mut beyond = last.unwrap_or(S::zero());
        let mut share = beyond;
        for k in (0..nodes).rev() {
            self.beyond[k] = beyond;
            self.share[k] = share * last_gain;
            if fixed_last && k == end {
                (beyond, share) = (per_segment, per_segment);
            } else {
                let node = beyond + shunt + self.cells[k];
                let ratio = S::one() / (S::one() + node * segment);
                beyond = node * ratio;
                share *= ratio;
            }
        }
        let mut before = first.unwrap_or(S::zero());
        let mut share = before;
        for k in 0..nodes {
            if fixed_first && k == 0 {
                self.fix(k, first_gain);
                (before, share) = (per_segment, per_segment);
            } else if fixed_last && k == end {
                self.fix(k, last_gain);
            } else {
                let cell = self.cells[k];
                let node = before + shunt + cell;
                let line = before + shunt + self.beyond[k];
                let ratio = S::one() / (S::one() + node * segment);
                let follow = cell / (node + self.beyond[k]);
                self.sensed[k] = follow * (share * first_gain + self.share[k]);
                self.follow[k] = follow;
                self.ratio[k] = ratio;
                self.own[k] = follow * line;
                before = node * ratio;
                share *= ratio;
            }
        }
    }

    /// A node that a terminal holds at 0 V.
    #[inline(always)]
    fn fix(&mut self, k: usize, gain: S) {
        self.own[k] = self.cells[k];
        self.sensed[k] = self.cells[k] * gain;
        self.follow[k] = S::zero();
        self.ratio[k] = S::zero();
    }

    /// Adds `M`, and a shunt at every port, to a symmetric matrix of tiles.
    #[inline(always)]
    pub(super) fn add_to(&mut self, nodes: usize, symmetric: &mut [Tile<S>], shunt: S) {
        self.reach.fill([S::zero(); TILE]);
        for tile in 0..nodes.div_ceil(TILE) {
            let mut half = Tile::zero();
            for (row, unit) in UNIT.iter().enumerate().take(nodes - tile * TILE) {
                let k = tile * TILE + row;
                let (cell, follow, ratio) = (self.cells[k], self.follow[k], self.ratio[k]);
                for (p, reach) in self.reach.iter_mut().enumerate().take(tile) {
                    let values = &mut symmetric[lower(tile, p)].0[row];
                    for column in 0..TILE {
                        values[column] -= follow * reach[column];
                        reach[column] *= ratio;
                    }
                }
                let half_own = (self.own[k] + shunt).scale(0.5);
                let reach = &mut self.reach[tile];
                for column in 0..TILE {
                    half.0[row][column] = half_own.scale(unit[column]) - follow * reach[column];
                    reach[column] = (reach[column] + cell.scale(unit[column])) * ratio;
                }
            }
            symmetric[lower(tile, tile)].add_both_halves(&half);
        }
    }
}
