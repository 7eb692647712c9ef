//! What reaches each bit line of each word line's volts.

use std::ops::Range;

use super::eliminate::{Elimination, Grid};
use super::lines::{Lines, Terminal};
use super::network::{Cells, Network};
use super::scalar::Scalar;
use super::table::filled;
use super::wires::{UnselectedRows, Wires};
use crate::error::{Error, Result, check_integer};

const TABLE: &str = "transfer conductances";

impl<S: Scalar> Network<S> {
    /// The transfer conductance of every word line to every bit line (S), `[row][column]`.
    ///
    /// **Equation.** `T[i][j]` is the current that the sense terminals of bit line `j` give per volt of the source
    /// of word line `i`, all other sources at 0 V; 0 for a word line without a source. The network is linear,
    /// so that the currents of any input are `I_j = Σ_i V_i T[i][j]`. Without wires `T` is the cells.
    /// **Cost.** Of the order of `m³ n` operations and `m n` numbers for a shorter side of `m` lines and a longer
    /// of `n`.
    ///
    /// # Errors
    ///
    /// [`Error::Disconnected`] for a line that nothing holds to ground, [`Error::Memory`] where the solution
    /// does not fit, [`Error::Real`] where it leaves the range of a number.
    ///
    /// ```
    /// use forms_xbar::circuit::{Cells, Network, Wires};
    ///
    /// // A cell of 1 kΩ between two segments of 500 Ω.
    /// let wires = Wires::new(500.0, 500.0)?;
    /// let cells = Cells { array: (1, 1), rows: 1, columns: 1, siemens: &[1e-3] };
    /// let transfer = Network::new(&wires, cells, 0..1, 0.0)?.transfer()?;
    /// assert!((transfer[0] - 0.5e-3).abs() < 1e-12);
    /// # Ok::<(), forms_xbar::Error>(())
    /// ```
    pub fn transfer(&self) -> Result<Vec<S>> {
        self.check_connected()?;
        let mut transfer = filled(TABLE, self.rows as u128 * self.columns as u128, S::zero())?;
        let by_rows = self.rows <= self.columns;
        let grid = if by_rows { self.grid() } else { self.transposed_grid() };
        for drive in grid.drives() {
            let elimination = Elimination::new(&grid, &drive)?;
            elimination.close(&drive.near, 0..drive.near.len(), |port, crossing, siemens| {
                let (row, column) = if by_rows { (port, crossing) } else { (crossing, port) };
                transfer[row * self.columns + column] += siemens;
            })?;
        }
        check_finite(&transfer)?;
        Ok(transfer)
    }

    fn grid(&self) -> Grid<'_, S> {
        Grid {
            cells: &self.cells,
            port_stride: self.columns,
            crossing_stride: 1,
            ports: &self.word_lines,
            crossings: &self.bit_lines,
        }
    }

    /// The same with the sources in the sense terminals: by reciprocity, what the drivers then receive is
    /// what they would send.
    fn transposed_grid(&self) -> Grid<'_, S> {
        Grid {
            cells: &self.cells,
            port_stride: 1,
            crossing_stride: self.columns,
            ports: &self.bit_lines,
            crossings: &self.word_lines,
        }
    }

    /// `Ok` when a path leads from every line to ground.
    fn check_connected(&self) -> Result<()> {
        let grounded = |lines: &Lines<S>| -> Vec<bool> {
            let terminals = lines.first.iter().zip(&lines.last);
            terminals
                .map(|(first, last)| first.is_some() || last.is_some() || lines.shunt != S::zero())
                .collect()
        };
        let mut rows = grounded(&self.word_lines);
        let mut columns = grounded(&self.bit_lines);
        let mut found = true;
        while found && rows.iter().chain(&columns).any(|line| !line) {
            found = false;
            for (row, cells) in rows.iter_mut().zip(self.cells.chunks_exact(self.columns)) {
                for (column, _) in columns.iter_mut().zip(cells).filter(|(_, cell)| **cell != S::zero()) {
                    found |= *row != *column;
                    (*row, *column) = (*row || *column, *row || *column);
                }
            }
        }
        let open = |lines: &[bool]| lines.iter().position(|line| !line);
        match (open(&rows), open(&columns)) {
            (Some(index), _) => Err(Error::Disconnected { line: "word line", index }),
            (None, Some(index)) => Err(Error::Disconnected { line: "bit line", index }),
            (None, None) => Ok(()),
        }
    }
}

/// `Ok` when every number is one.
fn check_finite<S: Scalar>(transfer: &[S]) -> Result<()> {
    match transfer.iter().find(|siemens| !siemens.is_finite()) {
        Some(siemens) => Err(Error::Real {
            name: "transfer conductance (S)",
            value: siemens.modulus(),
            min: f64::MIN,
            max: f64::MAX,
        }),
        None => Ok(()),
    }
}

/// The transfer conductance of every cell of an array (S), `[row][column]`, read by active groups of
/// `group_rows` rows, of which the last may have fewer.
///
/// **Equation.** That of [`Network::transfer`]; each row comes from the network that is there when its group is
/// read. With disconnected rows every group has a small network of its own, with grounded rows one network
/// serves them all, with floating rows they differ in what their word lines end in. `T` is exact for every
/// input and takes the place of the conductances: a read with wires costs what one without them does.
///
/// # Errors
///
/// Those of [`Network::new`] and [`Network::transfer`]; [`Error::Integer`] for groups of no rows,
/// [`Error::Conflict`] for gated inputs.
///
/// ```
/// use forms_xbar::circuit::{Cells, Wires, effective_conductances};
///
/// let siemens = vec![50e-6; 128 * 128];
/// let cells = Cells { array: (128, 128), rows: 128, columns: 128, siemens: &siemens };
/// let transfer = effective_conductances(&Wires::new(1.0, 1.0)?, cells, 8)?;
/// let loss = |row: usize, column: usize| 1.0 - transfer[row * 128 + column] / 50e-6;
/// // Far from the driver and from the sense terminal more is lost than near both.
/// assert!(loss(0, 127) > loss(127, 0) && loss(127, 0) > 0.0);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
pub fn effective_conductances(wires: &Wires, cells: Cells, group_rows: usize) -> Result<Vec<f64>> {
    check_integer("rows of an active group", group_rows, 1, i64::MAX)?;
    wires.check_not_gated("transfer conductances")?;
    let groups = || {
        let starts = (0..cells.rows).step_by(group_rows);
        starts.map(|start| start..cells.rows.min(start.saturating_add(group_rows)))
    };
    match wires.unselected() {
        UnselectedRows::Grounded => Network::new(wires, cells, 0..cells.rows, 0.0)?.transfer(),
        UnselectedRows::Disconnected => {
            let mut transfer = Vec::new();
            for group in groups() {
                transfer.extend(Network::new(wires, cells, group, 0.0)?.transfer()?);
            }
            Ok(transfer)
        }
        UnselectedRows::Floating => floating(&Network::new(wires, cells, 0..cells.rows, 0.0)?, groups()),
    }
}

/// The rows of every group while the others float, of a network that drives them all.
fn floating(network: &Network<f64>, groups: impl ExactSizeIterator<Item = Range<usize>>) -> Result<Vec<f64>> {
    let (rows, columns) = (network.rows as u128, network.columns as u128);
    let mut transfer = filled(TABLE, rows * columns, 0.0)?;
    let grid = network.grid();
    // Word lines driven at one end differ only there: one elimination serves all groups, unless many of the
    // shorter bit lines are cheaper.
    let shared = match grid.drives().pop() {
        Some(drive) if drive.far.iter().all(Option::is_none) => {
            let is_cheaper = rows.pow(2) <= groups.len() as u128 * columns.pow(2);
            if is_cheaper { Some((Elimination::new(&grid, &drive)?, drive)) } else { None }
        }
        _ => None,
    };
    for group in groups {
        let network = driven(network, &group);
        let columns = network.columns;
        match &shared {
            None => {
                let range = group.start * columns..group.end * columns;
                transfer[range.clone()].copy_from_slice(&network.transfer()?[range]);
            }
            Some((elimination, drive)) => {
                network.check_connected()?;
                let near = only(&drive.near, &group);
                elimination.close(&near, group.clone(), |row, column, siemens| {
                    transfer[row * columns + column] += siemens;
                })?;
            }
        }
    }
    check_finite(&transfer)?;
    Ok(transfer)
}

/// The network without the terminals of the word lines outside a group.
fn driven(network: &Network<f64>, group: &Range<usize>) -> Network<f64> {
    let mut network = network.clone();
    network.driven = group.clone();
    network.word_lines.first = only(&network.word_lines.first, group);
    network.word_lines.last = only(&network.word_lines.last, group);
    network
}

fn only(terminals: &[Option<Terminal<f64>>], group: &Range<usize>) -> Vec<Option<Terminal<f64>>> {
    let in_group = |(row, &terminal)| if group.contains(&row) { terminal } else { None };
    terminals.iter().enumerate().map(in_group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::at_every_level;

    #[test]
    fn cpu_levels_give_the_same_bits() {
        let siemens: Vec<f64> = (0..20 * 33).map(|at| 1e-6 * (1 + at * 37 % 100) as f64).collect();
        let cells = Cells { array: (24, 40), rows: 20, columns: 33, siemens: &siemens };
        for unselected in [UnselectedRows::Disconnected, UnselectedRows::Grounded, UnselectedRows::Floating] {
            let wires = Wires::new(3.0, 2.0).unwrap().with_unselected(unselected);
            let levels = at_every_level(|| {
                let transfer = effective_conductances(&wires, cells, 8).unwrap();
                transfer.into_iter().map(f64::to_bits).collect::<Vec<_>>()
            });
            assert!(levels.iter().all(|level| *level == levels[0]));
        }
    }
}
