//! Block elimination along the lines that carry the sources.

use std::ops::Range;

use super::crossing::{Crossing, admittance, segment};
use super::dense::{TILE, Tile, Workspace, connect_in_series, lower};
use super::lines::{Lines, Terminal};
use super::scalar::Scalar;
use super::table::filled;
use crate::error::Result;
use crate::simd::vectorised;

/// A network as elimination sees it: sources on its ports, whose lines lead past the lines it eliminates.
#[derive(Debug)]
pub(super) struct Grid<'a, S> {
    pub(super) cells: &'a [S],
    /// From the cell of one port to that of the next.
    pub(super) port_stride: usize,
    /// From one crossing line to the next.
    pub(super) crossing_stride: usize,
    pub(super) ports: &'a Lines<S>,
    pub(super) crossings: &'a Lines<S>,
}

impl<S: Scalar> Grid<'_, S> {
    fn number_of_ports(&self) -> usize {
        self.ports.first.len()
    }

    fn number_of_crossings(&self) -> usize {
        self.crossings.first.len()
    }

    fn is_one_node(&self) -> bool {
        segment(self.ports.segment_ohms) == 0.0 || self.number_of_crossings() == 1
    }

    /// The ways in which sources drive the ports, whose transfers add.
    ///
    /// A line driven at both ends is the sum of itself driven at each, the other held at 0 V; where it is
    /// one node its terminals are one terminal.
    pub(super) fn drives(&self) -> Vec<Drive<S>> {
        let (first, last) = (&self.ports.first, &self.ports.last);
        if self.is_one_node() {
            let near = first.iter().zip(last).map(|(&first, &last)| parallel(first, last)).collect();
            let far = vec![None; self.number_of_ports()];
            return vec![Drive { near, far, near_is_first: true }];
        }
        let has_source = |terminals: &[Option<Terminal<S>>]| {
            terminals.iter().flatten().any(|terminal| terminal.gain != S::zero())
        };
        let drive = |near: &Vec<_>, far: &Vec<_>, near_is_first| {
            has_source(near).then(|| Drive { near: near.clone(), far: far.clone(), near_is_first })
        };
        [drive(first, last, true), drive(last, first, false)].into_iter().flatten().collect()
    }
}

/// Two terminals of one source at one node.
fn parallel<S: Scalar>(first: Option<Terminal<S>>, last: Option<Terminal<S>>) -> Option<Terminal<S>> {
    match (first, last) {
        (Some(a), Some(b)) => match (admittance(first), admittance(last)) {
            (None, _) => first,
            (_, None) => last,
            (Some(y), Some(z)) => {
                Some(Terminal { ohms: S::one() / (y + z), gain: (y * a.gain + z * b.gain) / (y + z) })
            }
        },
        (one, other) => one.or(other),
    }
}

/// Ports driven at their near ends and loaded at their far ones.
#[derive(Debug)]
pub(super) struct Drive<S> {
    pub(super) near: Vec<Option<Terminal<S>>>,
    pub(super) far: Vec<Option<Terminal<S>>>,
    pub(super) near_is_first: bool,
}

/// A network whose crossing lines are eliminated, from the far end of the ports to their near end.
///
/// Between a crossing and the next, nearer one lies a segment `r` of every port: with `A` the admittance of
/// all beyond it, `K = (1 + r A)⁻¹`, what lies beyond looks like `A K`, and currents sensed there, `R v` before,
/// like `R K v`. `R` grows by a row with every crossing and would cost ever more on a long network, so from
/// some length on the rows go into a new run, together with the voltages at the nearest end of the run before.
#[derive(Debug)]
pub(super) struct Elimination<S> {
    number_of_ports: usize,
    number_of_crossings: usize,
    near_is_first: bool,
    symmetric: Vec<Tile<S>>,
    /// Farthest first.
    runs: Vec<Run<S>>,
}

#[derive(Debug)]
struct Run<S> {
    /// Distances of its crossings from the far end.
    crossings: Range<usize>,
    /// Voltages at the near end of the farther run, if there is one, then currents of the crossings, each per
    /// volt at the near end of this run; row by row.
    shown: Vec<Tile<S>>,
}

impl<S: Scalar> Run<S> {
    /// Rows of tiles that hold voltages.
    fn voltages(&self, blocks: usize) -> usize {
        if self.crossings.start == 0 { 0 } else { blocks }
    }
}

impl<S: Scalar> Elimination<S> {
    pub(super) fn new(grid: &Grid<S>, drive: &Drive<S>) -> Result<Self> {
        let number_of_ports = grid.number_of_ports();
        let number_of_crossings = grid.number_of_crossings();
        let blocks = number_of_ports.div_ceil(TILE);
        let zero = Tile::zero();
        let mut symmetric = filled("admittances of the ports", lower(blocks, 0) as u128, zero)?;
        let mut work = Workspace::new(blocks)?;
        let mut crossing = Crossing::new(grid.number_of_ports())?;
        let mut runs = Vec::new();
        let mut start = 0;
        while start < number_of_crossings {
            let length = if start == 0 { blocks * TILE } else { blocks.div_ceil(4) * TILE };
            let crossings = start..number_of_crossings.min(start + length);
            let mut run = Run { crossings, shown: Vec::new() };
            let voltages = run.voltages(blocks);
            let rows = voltages + run.crossings.len().div_ceil(TILE);
            run.shown = filled("transfer of a network", rows as u128 * blocks as u128, zero)?;
            (0..voltages).for_each(|row| run.shown[row * blocks + row] = Tile::identity());
            start = run.crossings.end;
            vectorised(
                #[inline(always)]
                || match blocks {
                    // The compiler unrolls the blocks of the smallest networks.
                    1 => extend(1, grid, drive, &mut symmetric, &mut run, &mut crossing, &mut work),
                    _ => extend(blocks, grid, drive, &mut symmetric, &mut run, &mut crossing, &mut work),
                },
            );
            runs.push(run);
        }
        Ok(Elimination {
            number_of_ports,
            number_of_crossings,
            near_is_first: drive.near_is_first,
            symmetric,
            runs,
        })
    }

    /// Hands to `give` the transfer conductance of every port of a range to every crossing, the ports ended
    /// by `near`.
    pub(super) fn close(
        &self,
        near: &[Option<Terminal<S>>],
        ports: Range<usize>,
        mut give: impl FnMut(usize, usize, S),
    ) -> Result<()> {
        let blocks = self.number_of_ports.div_ceil(TILE);
        let mut series = filled("terminals of the ports", blocks as u128, [None; TILE])?;
        for (port, &terminal) in near.iter().enumerate() {
            series[port / TILE][port % TILE] = admittance(terminal);
        }
        let mut symmetric = filled("admittances of the ports", self.symmetric.len() as u128, Tile::zero())?;
        symmetric.copy_from_slice(&self.symmetric);
        let mut dividers = filled("voltages of the ports", blocks as u128 * blocks as u128, Tile::zero())?;
        (0..blocks).for_each(|row| dividers[row * blocks + row] = Tile::identity());
        let mut work = Workspace::new(blocks)?;
        vectorised(
            #[inline(always)]
            || connect_in_series(blocks, &mut symmetric, &mut dividers, series.iter(), &mut work),
        );

        let columns = ports.start / TILE..ports.end.div_ceil(TILE);
        let width = columns.len();
        // Voltages at the near end of the run in hand, per volt of the sources of `columns`.
        let mut volts: Vec<Tile<S>> = Vec::new();
        dividers.chunks_exact(blocks).for_each(|row| volts.extend_from_slice(&row[columns.clone()]));
        for (column, port) in (columns.start * TILE..columns.end * TILE).enumerate() {
            let gain = near.get(port).copied().flatten().map_or(S::zero(), |terminal| terminal.gain);
            let tiles = volts[column / TILE..].iter_mut().step_by(width);
            tiles.flat_map(|tile| &mut tile.0).for_each(|row| row[column % TILE] *= gain);
        }
        for run in self.runs.iter().rev() {
            let mut products =
                filled("transfer of a network", (run.shown.len() / blocks * width) as u128, Tile::zero())?;
            vectorised(
                #[inline(always)]
                || match (blocks, width) {
                    (1, 1) => multiply(1, 1, &run.shown, &volts, &mut products),
                    _ => multiply(blocks, width, &run.shown, &volts, &mut products),
                },
            );
            let (farther, currents) = products.split_at(run.voltages(blocks) * width);
            for (row, distance) in run.crossings.clone().enumerate() {
                let at = if self.near_is_first { self.number_of_crossings - 1 - distance } else { distance };
                for port in ports.clone() {
                    let tile = &currents[row / TILE * width + port / TILE - columns.start];
                    give(port, at, tile.0[row % TILE][port % TILE]);
                }
            }
            volts.clear();
            volts.extend_from_slice(farther);
        }
        Ok(())
    }
}

/// Eliminates the crossings of a run.
#[inline(always)]
fn extend<S: Scalar>(
    blocks: usize,
    grid: &Grid<S>,
    drive: &Drive<S>,
    symmetric: &mut [Tile<S>],
    run: &mut Run<S>,
    crossing: &mut Crossing<S>,
    work: &mut Workspace<S>,
) {
    let number_of_ports = grid.number_of_ports();
    let ohms = segment(grid.ports.segment_ohms);
    let per_segment = if ohms == 0.0 { None } else { Some(S::from_real(1.0 / ohms)) };
    let series = [[per_segment; TILE]];
    let crossing_ohms = segment(grid.crossings.segment_ohms);
    let voltages = run.voltages(blocks);
    for (row, distance) in run.crossings.clone().enumerate() {
        if distance > 0 {
            let shown = &mut run.shown[..(voltages + row.div_ceil(TILE)) * blocks];
            connect_in_series(blocks, symmetric, shown, series.iter().cycle(), work);
        }
        if distance == 1 {
            fixed_ports(drive).for_each(|port| {
                let (tile, at) = (port / TILE, port % TILE);
                symmetric[lower(tile, tile)].0[at][at] = per_segment.unwrap_or(S::zero());
            });
        }
        let at = if drive.near_is_first { grid.number_of_crossings() - 1 - distance } else { distance };
        let cells = grid.cells[at * grid.crossing_stride..].iter().step_by(grid.port_stride);
        crossing.cells.iter_mut().zip(cells).take(number_of_ports).for_each(|(own, &cell)| *own = cell);
        let (first, last) = (grid.crossings.first[at], grid.crossings.last[at]);
        crossing.see(number_of_ports, crossing_ohms, grid.crossings.shunt, first, last);
        crossing.add_to(number_of_ports, symmetric, grid.ports.shunt);
        let currents = &mut run.shown[(voltages + row / TILE) * blocks..][..blocks];
        for (tile, sensed) in currents.iter_mut().zip(crossing.sensed.chunks_exact(TILE)) {
            tile.0[row % TILE].copy_from_slice(sensed);
        }
        if distance == 0 {
            for (port, &far) in drive.far.iter().enumerate() {
                let (tile, at) = (port / TILE, port % TILE);
                symmetric[lower(tile, tile)].0[at][at] += admittance(far).unwrap_or(S::zero());
            }
            fixed_ports(drive).for_each(|port| {
                let (tile, at) = (port / TILE, port % TILE);
                (0..=tile).for_each(|p| symmetric[lower(tile, p)].0[at] = [S::zero(); TILE]);
                let rows = (tile..blocks).flat_map(|p| lower(p, tile)..=lower(p, tile));
                rows.for_each(|index| symmetric[index].0.iter_mut().for_each(|row| row[at] = S::zero()));
                currents[tile].0[row % TILE][at] = S::zero();
            });
        }
    }
}

/// Ports held at 0 V by their far terminals.
fn fixed_ports<S: Scalar>(drive: &Drive<S>) -> impl Iterator<Item = usize> {
    drive.far.iter().enumerate().filter(|(_, far)| admittance(**far).is_none()).map(|(port, _)| port)
}

/// `products = rows · columns`, in tiles.
#[inline(always)]
fn multiply<S: Scalar>(
    blocks: usize,
    width: usize,
    rows: &[Tile<S>],
    columns: &[Tile<S>],
    products: &mut [Tile<S>],
) {
    for (row, products) in rows.chunks_exact(blocks).zip(products.chunks_exact_mut(width)) {
        for (factor, column) in row.iter().zip(columns.chunks_exact(width)) {
            for (product, column) in products.iter_mut().zip(column) {
                product.add_product(factor, column);
            }
        }
    }
}
