//! Circuits over frequency and time, against dense nodal matrices and closed forms.

use std::f64::consts::{FRAC_PI_2, PI, TAU};
use std::ops::Range;

use forms_xbar::Error;
use forms_xbar::circuit::{
    AcCircuit, Capacitance, Cells, Ends, Network, SolverSettings, UnselectedRows, Wires,
};
use nalgebra::{Complex, DMatrix};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

type C = Complex<f64>;

const BOLTZMANN: f64 = 1.380649e-23;

/// Which kind of source a resistance is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Cell,
    WordLine,
    BitLine,
    Driver,
    Sense,
}

const KINDS: [Kind; 5] = [Kind::Cell, Kind::WordLine, Kind::BitLine, Kind::Driver, Kind::Sense];

/// Every node of a read on its own, and what lies between them.
#[derive(Default)]
struct Nodes {
    /// Nodes that zero ohms make one.
    parents: Vec<usize>,
    resistors: Vec<(usize, usize, f64, Kind)>,
    capacitors: Vec<(usize, usize, f64)>,
    drivers: Vec<usize>,
    senses: Vec<usize>,
}

const GROUND: usize = 0;

impl Nodes {
    fn node(&mut self) -> usize {
        self.parents.push(self.parents.len());
        self.parents.len() - 1
    }

    fn find(&self, node: usize) -> usize {
        if self.parents[node] == node { node } else { self.find(self.parents[node]) }
    }

    fn resistor(&mut self, a: usize, b: usize, ohms: f64, kind: Kind) {
        if ohms == 0.0 {
            let (a, b) = (self.find(a), self.find(b));
            self.parents[a.max(b)] = a.min(b);
        } else {
            self.resistors.push((a, b, ohms, kind));
        }
    }

    fn terminal(&mut self, wires: &Wires, source: usize, node: usize, word: bool) {
        let sense_farads = wires.capacitance().unwrap().sense_farads();
        let (ohms, segment, kind, wire) = if word {
            (wires.driver_ohms(), wires.word_line_ohms(), Kind::Driver, Kind::WordLine)
        } else {
            (wires.sense_ohms(), wires.bit_line_ohms(), Kind::Sense, Kind::BitLine)
        };
        let inner = self.node();
        self.resistor(source, inner, ohms, kind);
        if !word {
            self.capacitors.push((inner, GROUND, sense_farads));
        }
        self.resistor(inner, node, if wires.terminal_segments() { segment } else { 0.0 }, wire);
    }

    /// A line with a node at every crossing, and its terminals.
    fn line(&mut self, wires: &Wires, crossings: usize, word: bool, source: Option<usize>) -> Vec<usize> {
        let farads = wires.capacitance().unwrap();
        let (ohms, farads, ends, kind) = if word {
            (wires.word_line_ohms(), farads.word_line_farads(), wires.drive(), Kind::WordLine)
        } else {
            (wires.bit_line_ohms(), farads.bit_line_farads(), wires.sense(), Kind::BitLine)
        };
        let nodes: Vec<usize> = (0..crossings).map(|_| self.node()).collect();
        for pair in nodes.windows(2) {
            self.resistor(pair[0], pair[1], ohms, kind);
        }
        for &node in &nodes {
            self.capacitors.push((node, GROUND, farads));
        }
        if let Some(source) = source {
            if ends != Ends::Last {
                self.terminal(wires, source, nodes[0], word);
            }
            if ends != Ends::First {
                self.terminal(wires, source, nodes[crossings - 1], word);
            }
        }
        nodes
    }

    fn new(wires: &Wires, cells: Cells, driven: Range<usize>) -> Self {
        let mut nodes = Nodes::default();
        nodes.node();
        let bit_lines: Vec<Vec<usize>> = (0..cells.columns)
            .map(|_| {
                let source = nodes.node();
                nodes.senses.push(source);
                nodes.line(wires, cells.array.0, false, Some(source))
            })
            .collect();
        for row in 0..cells.rows {
            let source = match wires.unselected() {
                _ if driven.contains(&row) => Some(nodes.node()),
                UnselectedRows::Disconnected => continue,
                UnselectedRows::Grounded => Some(nodes.node()),
                UnselectedRows::Floating => None,
            };
            if driven.contains(&row) {
                nodes.drivers.extend(source);
            }
            // Held at 0 V, which a source of its own is too while nothing drives it.
            if let (false, Some(source)) = (driven.contains(&row), source) {
                nodes.resistor(GROUND, source, 0.0, Kind::Driver);
            }
            let word_line = nodes.line(wires, cells.array.1, true, source);
            let siemens = &cells.siemens[row * cells.columns..];
            for ((&siemens, word), bit_line) in siemens.iter().zip(word_line).zip(&bit_lines) {
                let inner = nodes.node();
                if siemens > 0.0 {
                    nodes.resistor(word, inner, 1.0 / siemens, Kind::Cell);
                }
                nodes.capacitors.push((word, inner, wires.capacitance().unwrap().cell_farads()));
                nodes.resistor(inner, bit_line[row], wires.access_ohms(), Kind::Cell);
            }
        }
        nodes
    }

    fn dense(&self) -> Dense {
        let mut number = vec![None; self.parents.len()];
        let mut count = 0;
        let order = self.drivers.iter().chain(&self.senses).copied().chain(0..self.parents.len());
        for node in order.map(|node| self.find(node)).filter(|&node| node != self.find(GROUND)) {
            if number[node].is_none() {
                number[node] = Some(count);
                count += 1;
            }
        }
        let at = |node: usize| number[self.find(node)];
        let mut dense = Dense {
            conductance: DMatrix::zeros(count, count),
            capacitance: DMatrix::zeros(count, count),
            drivers: self.drivers.len(),
            ports: self.drivers.len() + self.senses.len(),
            resistors: Vec::new(),
        };
        let stamp = |matrix: &mut DMatrix<f64>, a: Option<usize>, b: Option<usize>, value: f64| {
            for (one, other) in [(a, b), (b, a)] {
                if let Some(one) = one {
                    matrix[(one, one)] += value;
                    if let Some(other) = other {
                        matrix[(one, other)] -= value;
                    }
                }
            }
        };
        for &(a, b, ohms, kind) in &self.resistors {
            if at(a) != at(b) {
                stamp(&mut dense.conductance, at(a), at(b), 1.0 / ohms);
                dense.resistors.push((at(a), at(b), ohms, kind));
            }
        }
        for &(a, b, farads) in &self.capacitors {
            if at(a) != at(b) {
                stamp(&mut dense.capacitance, at(a), at(b), farads);
            }
        }
        dense
    }
}

/// Nodal matrices of drivers, sense terminals and inner nodes, in this order.
struct Dense {
    conductance: DMatrix<f64>,
    capacitance: DMatrix<f64>,
    drivers: usize,
    ports: usize,
    resistors: Vec<(Option<usize>, Option<usize>, f64, Kind)>,
}

/// `a⁻¹ b`, also where there is nothing.
fn solved<T: nalgebra::ComplexField>(a: DMatrix<T>, b: DMatrix<T>) -> DMatrix<T> {
    if a.is_empty() { b } else { a.lu().solve(&b).unwrap() }
}

impl Dense {
    fn of(wires: &Wires, cells: Cells, driven: Range<usize>) -> Self {
        Nodes::new(wires, cells, driven).dense()
    }

    fn matrix(&self, s: C) -> DMatrix<C> {
        self.conductance.zip_map(&self.capacitance, |g, c| C::from(g) + s * c)
    }

    /// Voltages of inner nodes per volt at each port, less the sign.
    fn inner(&self, s: C) -> DMatrix<C> {
        let y = self.matrix(s);
        let inner = y.nrows() - self.ports;
        let square = y.view((self.ports, self.ports), (inner, inner)).into_owned();
        solved(square, y.view((self.ports, 0), (inner, self.ports)).into_owned())
    }

    /// Admittances between all ports.
    fn ports(&self, s: C) -> DMatrix<C> {
        let y = self.matrix(s);
        let inner = y.nrows() - self.ports;
        y.view((0, 0), (self.ports, self.ports))
            - y.view((0, self.ports), (self.ports, inner)) * self.inner(s)
    }

    fn transfer(&self, s: C, row: usize, column: usize) -> C {
        -self.ports(s)[(self.drivers + column, row)]
    }

    /// `dY/ds` of the ports at 0.
    fn slope(&self) -> DMatrix<f64> {
        let x = self.inner(C::ZERO).map(|x| x.re);
        let (ports, inner) = (self.ports, self.conductance.nrows() - self.ports);
        let c = |a: (usize, usize), b: (usize, usize)| self.capacitance.view(a, b).into_owned();
        c((0, 0), (ports, ports))
            - c((0, ports), (ports, inner)) * &x
            - x.transpose() * c((ports, 0), (inner, ports))
            + x.transpose() * c((ports, ports), (inner, inner)) * &x
    }

    /// Noise of a column over `4kT`, by kind: a current source beside every resistance, one after the other.
    fn noise(&self, s: C, column: usize) -> [f64; 5] {
        let y = self.matrix(s);
        let inner = y.nrows() - self.ports;
        let square = y.view((self.ports, self.ports), (inner, inner)).into_owned();
        let sense = self.drivers + column;
        let reach = solved(square, y.view((self.ports, sense), (inner, 1)).into_owned());
        KINDS.map(|kind| {
            let at = |node: Option<usize>| match node {
                Some(node) if node >= self.ports => reach[node - self.ports],
                Some(node) if node == sense => -C::ONE,
                _ => C::ZERO,
            };
            self.resistors
                .iter()
                .filter(|resistor| resistor.3 == kind)
                .map(|&(a, b, ohms, _)| (at(a) - at(b)).norm_sqr() / ohms)
                .sum()
        })
    }

    /// What each column's current, `Σ a (1 − e^(−λt))` and a part that flows at once, consists of after
    /// sources of the ports step: `(a, λ)`, from eigenvectors of the nodes with capacitance.
    fn step(&self, volts: &[(usize, f64)], pole_secs: f64) -> Vec<Vec<(f64, f64)>> {
        let total = self.conductance.nrows();
        let has: Vec<usize> = (self.ports..total).filter(|&n| self.capacitance[(n, n)] > 0.0).collect();
        let none: Vec<usize> = (self.ports..total).filter(|&n| self.capacitance[(n, n)] == 0.0).collect();
        let senses: Vec<usize> = (self.drivers..self.ports).collect();
        let at_ports = self.capacitance.rows(0, self.ports);
        assert_eq!(at_ports.amax(), 0.0, "no current at ports but that of resistors");
        let pick = |rows: &[usize], columns: &[usize]| {
            DMatrix::from_fn(rows.len(), columns.len(), |i, j| self.conductance[(rows[i], columns[j])])
        };
        let drive = |rows: &[usize]| {
            DMatrix::from_fn(rows.len(), 1, |i, _| {
                -volts.iter().map(|&(port, volts)| self.conductance[(rows[i], port)] * volts).sum::<f64>()
            })
        };
        // Nodes without capacitance follow the others.
        let follow = solved(pick(&none, &none), pick(&none, &has));
        let reduced = pick(&has, &has) - pick(&has, &none) * &follow;
        let into = drive(&has) - pick(&has, &none) * solved(pick(&none, &none), drive(&none));
        let sensed = pick(&senses, &none) * &follow - pick(&senses, &has);
        let capacitance = DMatrix::from_fn(has.len(), has.len(), |i, j| self.capacitance[(has[i], has[j])]);
        let root = capacitance.cholesky().unwrap().l();
        let half = root.solve_lower_triangular(&reduced).unwrap();
        let symmetric = root.solve_lower_triangular(&half.transpose()).unwrap();
        let eigen = ((&symmetric + symmetric.transpose()) * 0.5).symmetric_eigen();
        let along = eigen.eigenvectors.transpose() * root.solve_lower_triangular(&into).unwrap();
        let to_sense =
            root.solve_lower_triangular(&sensed.transpose()).unwrap().transpose() * &eigen.eigenvectors;
        (0..senses.len())
            .map(|column| {
                // The pole of a front end is one more.
                let mut terms = Vec::new();
                let mut at_pole = 0.0;
                for (k, &rate) in eigen.eigenvalues.iter().enumerate() {
                    let amperes = to_sense[(column, k)] * along[(k, 0)] / rate;
                    let behind = amperes / (1.0 - rate * pole_secs);
                    terms.push((behind, rate));
                    at_pole += amperes - behind;
                }
                if pole_secs > 0.0 {
                    terms.push((at_pole, 1.0 / pole_secs));
                }
                terms
            })
            .collect()
    }
}

struct Case {
    wires: Wires,
    siemens: Vec<f64>,
    array: (usize, usize),
    rows: usize,
    columns: usize,
    driven: Range<usize>,
}

impl Case {
    fn cells(&self) -> Cells<'_> {
        Cells { array: self.array, rows: self.rows, columns: self.columns, siemens: &self.siemens }
    }

    fn circuit(&self) -> AcCircuit<'_> {
        AcCircuit::new(&self.wires, self.cells(), self.driven.clone()).unwrap()
    }

    fn dense(&self) -> Dense {
        Dense::of(&self.wires, self.cells(), self.driven.clone())
    }
}

const ENDS: [Ends; 3] = [Ends::First, Ends::Last, Ends::Both];
const UNSELECTED: [UnselectedRows; 3] =
    [UnselectedRows::Disconnected, UnselectedRows::Grounded, UnselectedRows::Floating];

/// Every topology, with resistances and capacitances that are 0 or not as `zeros` draws.
fn topologies(seed: u64, zeros: f64) -> Vec<Case> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut cases = Vec::new();
    for drive in ENDS {
        for sense in ENDS {
            for unselected in UNSELECTED {
                for terminal_segments in [false, true] {
                    let mut draw = |most: f64| {
                        if rng.random::<f64>() < zeros { 0.0 } else { most * rng.random_range(0.1..1.0) }
                    };
                    let capacitance = Capacitance::of_wires(draw(1e-15), draw(1e-15)).unwrap();
                    let capacitance = capacitance.with_cell(draw(5e-16)).unwrap();
                    let capacitance = capacitance.with_sense(draw(2e-14)).unwrap();
                    let wires = Wires::new(draw(300.0), draw(300.0)).unwrap();
                    let wires = wires.with_terminals(draw(1e3), draw(1e3)).unwrap();
                    let wires = wires.with_access_ohms(draw(3e3)).unwrap();
                    let wires = wires.with_drive(drive).with_sense(sense).with_unselected(unselected);
                    let wires = wires.with_terminal_segments(terminal_segments);
                    let wires = wires.with_capacitance(capacitance.with_front_end(2e9).unwrap());
                    let siemens = (0..12).map(|_| rng.random_range(1e-6..1e-4)).collect();
                    cases.push(Case { wires, siemens, array: (5, 6), rows: 4, columns: 3, driven: 1..3 });
                }
            }
        }
    }
    cases
}

fn close(found: f64, expected: f64, relative: f64) {
    assert!((found / expected - 1.0).abs() <= relative, "{found:e}, expected {expected:e}");
}

#[test]
fn responses_and_noise_are_those_of_dense_matrices() {
    let kelvin = 320.0;
    for (seed, zeros) in [(1, 0.0), (2, 0.5), (3, 0.8)] {
        for case in topologies(seed, zeros) {
            let (circuit, dense) = (case.circuit(), case.dense());
            for hertz in [0.0, 3e9, 2e11, 4e13] {
                let s = C::new(0.0, TAU * hertz);
                let ports = dense.ports(s);
                let largest = ports.iter().map(|y| y.norm()).fold(0.0, f64::max);
                let mut covariance = DMatrix::zeros(3, 3);
                for column in 0..3 {
                    let port = dense.drivers + column;
                    let transfers = circuit.transfers_at(hertz, column).unwrap();
                    assert_eq!(transfers.len(), 2);
                    for (row, found) in transfers.into_iter().enumerate() {
                        let apart = (found + ports[(port, row)]).norm();
                        assert!(apart <= 1e-11 * largest, "{:?} {hertz}: {apart:e}", case.wires);
                        assert_eq!(circuit.transfer_at(hertz, row + 1, column).unwrap(), found);
                    }
                    let admittances = circuit.admittances_at(hertz, column).unwrap();
                    for (other, found) in admittances.iter().enumerate() {
                        let apart = (found - ports[(dense.drivers + other, port)]).norm();
                        assert!(apart <= 1e-11 * largest, "{:?} {hertz}: {apart:e}", case.wires);
                    }
                    let noise = circuit.noise_density_at(hertz, column, kelvin).unwrap();
                    let kinds = [noise.cells, noise.word_lines, noise.bit_lines, noise.drivers, noise.sense];
                    let unit = 4.0 * BOLTZMANN * kelvin;
                    for (found, expected) in kinds.iter().zip(dense.noise(s, column)) {
                        let apart = (found / unit - expected).abs();
                        assert!(
                            apart <= 1e-10 * admittances[column].re,
                            "{:?} {hertz}: {apart:e}",
                            case.wires
                        );
                    }
                    // Twiss: the branches together are the port.
                    close(noise.total(), unit * admittances[column].re, 1e-9);
                    let row = circuit.noise_covariance_at(hertz, column, kelvin).unwrap();
                    covariance.row_mut(column).copy_from_slice(&row);
                }
                let scale = covariance.trace();
                assert!((&covariance - covariance.transpose()).amax() <= 1e-9 * scale);
                let eigen = ((&covariance + covariance.transpose()) * 0.5).symmetric_eigenvalues();
                assert!(eigen.min() >= -1e-12 * scale, "{eigen}");
            }
        }
    }
}

#[test]
fn at_0_hz_a_response_is_that_at_direct_current() {
    for case in topologies(4, 0.3) {
        let network = Network::new(&case.wires, case.cells(), case.driven.clone(), 0.0).unwrap();
        let transfer = network.transfer().unwrap();
        let first = network.driven().start;
        for column in 0..3 {
            let found = case.circuit().transfers_at(0.0, column).unwrap();
            for (row, found) in found.into_iter().enumerate() {
                assert_eq!(found.im, 0.0);
                close(found.re, transfer[(first + row) * 3 + column], 1e-10);
            }
        }
    }
}

/// `[A, B, C, D]` of `n` times a series resistance and a shunt admittance, by `cosh γ = 1 + ry/2`.
fn chain(ohms: f64, siemens: C, n: usize) -> [C; 4] {
    let gamma = (C::ONE + siemens * ohms / 2.0).acosh();
    let u = |k: f64| (gamma * k).sinh() / gamma.sinh();
    let (u1, u2) = (u(n as f64), u(n as f64 - 1.0));
    let one = [C::ONE + siemens * ohms, C::from(ohms), siemens, C::ONE];
    [one[0] * u1 - u2, one[1] * u1, one[2] * u1, one[3] * u1 - u2]
}

#[test]
fn a_cell_between_long_uniform_lines_follows_their_chain_matrices() {
    let (r, c, g, n) = (2.0, 1e-15, 1e-4, 64);
    let capacitance = Capacitance::of_wires(c, 2.0 * c).unwrap();
    let wires = Wires::new(r, 3.0 * r).unwrap().with_capacitance(capacitance);
    let cells = Cells { array: (n, n), rows: 1, columns: 1, siemens: &[g] };
    let circuit = AcCircuit::new(&wires, cells, 0..1).unwrap();
    for hertz in [1e6, 1e10, 1e11, 1e12, 5e12] {
        let s = C::new(0.0, TAU * hertz);
        // One segment to the cell, behind it an open line.
        let open = chain(r, s * c, n - 1);
        let word_shunt = s * c + open[2] / open[0];
        // The bit line's first node, shunts and segments to its last, one more segment to the virtual ground.
        let [a, b, shunts, d] = chain(3.0 * r, s * 2.0 * c, n - 1);
        let (b, d) = (b + a * 3.0 * r, d + shunts * 3.0 * r);
        let bit = d / b + s * 2.0 * c;
        let series = g * bit / (g + bit);
        let word_volts = 1.0 / (1.0 + r * (series + word_shunt));
        let bit_volts = word_volts * g / (g + bit);
        let expected = bit_volts / b;
        let found = circuit.transfer_at(hertz, 0, 0).unwrap();
        assert!((found - expected).norm() <= 1e-9 * expected.norm(), "{hertz}: {found} {expected}");
    }
}

/// One cell with all capacitance at one node: a single pole.
fn single_pole(front_end_hertz: Option<f64>) -> Wires {
    let mut capacitance = Capacitance::of_wires(20e-15, 0.0).unwrap();
    if let Some(hertz) = front_end_hertz {
        capacitance = capacitance.with_front_end(hertz).unwrap();
    }
    let wires = Wires::new(0.0, 0.0).unwrap().with_terminals(5e3, 0.0).unwrap();
    wires.with_capacitance(capacitance)
}

#[test]
fn a_single_pole_has_its_bandwidth_delay_and_settling() {
    let cells = Cells { array: (1, 1), rows: 1, columns: 1, siemens: &[1e-4] };
    let tau = 20e-15 / (1.0 / 5e3 + 1e-4);
    let wires = single_pole(None);
    let circuit = AcCircuit::new(&wires, cells, 0..1).unwrap();
    close(circuit.bandwidth_hertz(0, 0).unwrap(), 1.0 / (TAU * tau), 1e-9);
    close(circuit.first_moment_secs(0, 0).unwrap(), tau, 1e-12);
    close(circuit.elmore_secs(0, 0).unwrap(), 5e3 * 20e-15, 1e-12);
    let amperes = 0.2 / (5e3 + 1e4);
    for lsb in [1.0, 0.3, 1e-2, 1e-5] {
        let found = circuit.settling_secs(&[0.2], lsb * amperes).unwrap()[0];
        assert!((found - tau * (2.0 / lsb).ln()).abs() < 1e-9 / lsb * tau, "{lsb}: {found:e}");
        assert_eq!(circuit.settling_secs(&[-0.2], lsb * amperes).unwrap()[0], found);
    }
    assert_eq!(circuit.settling_secs(&[0.2], 2.01 * amperes).unwrap(), [0.0]);
    assert_eq!(circuit.settling_secs(&[0.0], amperes).unwrap(), [0.0]);
    for over_tau in [1e-3, 0.1, 1.0, 5.0, 30.0] {
        let found = circuit.step_amperes(&[0.2], over_tau * tau).unwrap()[0];
        assert!((found / amperes - (1.0 - (-over_tau).exp())).abs() < 1e-10, "{over_tau}");
    }

    // The front end alone.
    let wires = Wires::new(0.0, 0.0).unwrap();
    let capacitance = Capacitance::of_wires(0.0, 0.0).unwrap().with_front_end(1e8).unwrap();
    let wires = wires.with_capacitance(capacitance);
    let circuit = AcCircuit::new(&wires, cells, 0..1).unwrap();
    let tau = 1.0 / (TAU * 1e8);
    close(circuit.bandwidth_hertz(0, 0).unwrap(), 1e8, 1e-9);
    close(circuit.first_moment_secs(0, 0).unwrap(), tau, 1e-12);
    close(circuit.elmore_secs(0, 0).unwrap(), tau, 1e-12);
    close(circuit.settling_secs(&[0.1], 0.1 * 1e-4 * 1e-3).unwrap()[0], tau * 2e3f64.ln(), 1e-8);
    // So late that it is another window than that of the time constant.
    let found = circuit.settling_secs(&[0.1], 2e-8 * 0.1 * 1e-4).unwrap()[0];
    assert!((found / tau - 1e8f64.ln()).abs() < 2e-3, "{found:e}");
    close(circuit.front_end_at(1e8).unwrap().norm_sqr(), 0.5, 1e-14);
}

#[test]
fn bandwidths_are_where_the_dense_response_is_3_db_down() {
    for case in topologies(5, 0.3) {
        let (circuit, dense) = (case.circuit(), case.dense());
        for (row, column) in [(1, 0), (2, 2)] {
            let response = |hertz: f64| {
                let s = C::new(0.0, TAU * hertz);
                (dense.transfer(s, row - 1, column) / (1.0 + C::new(0.0, hertz / 2e9))).norm()
            };
            let found = circuit.bandwidth_hertz(row, column).unwrap();
            close(response(found), 0.5f64.sqrt() * response(0.0), 1e-8);
            for part in [0.01, 0.1, 0.5, 0.9, 0.99] {
                assert!(response(part * found) > 0.5f64.sqrt() * response(0.0));
            }
        }
    }
}

#[test]
fn the_first_moment_is_exact_and_elmores_that_of_cells_that_do_not_load() {
    for (seed, zeros) in [(6, 0.0), (7, 0.5), (8, 0.8)] {
        for case in topologies(seed, zeros) {
            let (circuit, dense) = (case.circuit(), case.dense());
            let pole = 1.0 / (TAU * 2e9);
            let transfer = dense.ports(C::ZERO);
            let slope = dense.slope();
            for (row, column) in [(1, 0), (2, 1), (2, 2)] {
                let at = (dense.drivers + column, row - 1);
                let expected = pole - slope[at] / transfer[at].re;
                let found = circuit.first_moment_secs(row, column).unwrap();
                assert!((found - expected).abs() <= 1e-9 * pole, "{:?}: {found:e}, {expected:e}", case.wires);
            }
            // Elmore: next to nothing flows through cells that have no capacitance.
            let farads = case.wires.capacitance().unwrap();
            let capacitance = farads.with_cell(0.0).unwrap();
            let light = Case {
                wires: case.wires.with_capacitance(capacitance).with_unselected(UnselectedRows::Disconnected),
                siemens: vec![1e-14; 12],
                ..case
            };
            let dense = light.dense();
            let (transfer, slope) = (dense.ports(C::ZERO), dense.slope());
            for (row, column) in [(1, 0), (2, 2)] {
                let at = (dense.drivers + column, row - 1);
                let expected = pole - slope[at] / transfer[at].re;
                close(light.circuit().elmore_secs(row, column).unwrap(), expected, 1e-6);
            }
        }
    }
}

#[test]
fn steps_settle_as_the_eigenvectors_say() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    for case in topologies(10, 0.0) {
        let (circuit, dense) = (case.circuit(), case.dense());
        for volts in [[0.2, 0.2], [0.2, 0.0], [0.2, -0.15]] {
            let pole = if rng.random::<bool>() { 1.0 / (TAU * 2e9) } else { 1.0 / (TAU * 9e11) };
            let capacitance = case.wires.capacitance().unwrap().with_front_end(1.0 / (TAU * pole)).unwrap();
            let wires = case.wires.with_capacitance(capacitance);
            let circuit = AcCircuit::new(&wires, circuit.cells(), circuit.driven()).unwrap();
            let terms = dense.step(&[(0, volts[0]), (1, volts[1])], pole);
            let finals: Vec<f64> = terms.iter().map(|terms| terms.iter().map(|term| term.0).sum()).collect();
            let lag = |column: usize, secs: f64| -> f64 {
                terms[column].iter().map(|&(amperes, rate)| -amperes * (-rate * secs).exp()).sum()
            };
            let scale = 0.2 * case.siemens.iter().sum::<f64>();
            for secs in [1e-13, 1e-11, 1e-10, 1e-9] {
                for (column, found) in circuit.step_amperes(&volts, secs).unwrap().into_iter().enumerate() {
                    let expected = finals[column] + lag(column, secs);
                    assert!((found - expected).abs() <= 1e-9 * scale, "{found:e}, expected {expected:e}");
                }
            }
            let lsb = 4e-3 * finals.iter().fold(0.0f64, |most, amperes| most.max(amperes.abs()));
            let found = circuit.settling_secs(&volts, lsb).unwrap();
            for (column, found) in found.into_iter().enumerate() {
                let outside = |secs: f64| lag(column, secs).abs() > 0.5 * lsb;
                let late: Vec<f64> = (0..3000).map(|i| 1e-15 * 1.01f64.powi(i)).collect();
                match late.iter().rposition(|&secs| outside(secs)) {
                    None => assert!(found < 1e-13, "{found:e}"),
                    Some(last) => {
                        assert!(outside(found * (1.0 - 1e-6)) && !outside(found * (1.0 + 1e-6)), "{found:e}");
                        assert!(found >= late[last] * (1.0 - 1e-6) && found <= late[last + 1] * (1.0 + 1e-6));
                    }
                }
            }
        }
    }
}

#[test]
fn noise_power_of_closed_forms() {
    let kelvin = 300.0;
    let unit = 4.0 * BOLTZMANN * kelvin;
    let cells = Cells { array: (1, 1), rows: 1, columns: 1, siemens: &[1e-4] };
    // White noise: 4kTG · π/2 · f.
    for hertz in [1e3, 1e8] {
        let capacitance = Capacitance::of_wires(0.0, 0.0).unwrap().with_front_end(hertz).unwrap();
        let wires = Wires::new(0.0, 0.0).unwrap().with_capacitance(capacitance);
        let noise = AcCircuit::new(&wires, cells, 0..1).unwrap().output_noise(0, kelvin).unwrap();
        close(noise.bandwidth_hertz, FRAC_PI_2 * hertz, 1e-12);
        close(noise.density_at_0, unit * 1e-4, 1e-12);
        close(noise.power, unit * 1e-4 * FRAC_PI_2 * hertz, 1e-12);
    }
    // Behind a sense resistance with a capacitance: Y = 1 / (R + 1 / (G + sC)), which rises from one
    // conductance to another at one corner; ∫ f² / ((f² + a²)(f² + p²)) df = π / 2(a + p).
    for (ohms, farads) in [(1e3, 1e-15), (50e3, 1e-12), (2.0, 1e-13)] {
        for hertz in [1e6, 1e9, 1e12] {
            let capacitance = Capacitance::of_wires(0.0, 0.0).unwrap().with_sense(farads).unwrap();
            let capacitance = capacitance.with_front_end(hertz).unwrap();
            let wires = Wires::new(0.0, 0.0).unwrap().with_terminals(0.0, ohms).unwrap();
            let circuit = AcCircuit::new(&wires.with_capacitance(capacitance), cells, 0..1).unwrap();
            let (low, high) = (1.0 / (ohms + 1e4), 1.0 / ohms);
            let corner = (1e-4 + high) / (TAU * farads);
            let more = (high - low) * PI * hertz * hertz / (2.0 * (hertz + corner));
            let noise = circuit.output_noise(0, kelvin).unwrap();
            close(noise.power, unit * (low * FRAC_PI_2 * hertz + more), 1e-7);
            close(noise.density_at_0, unit * low, 1e-12);
            close(noise.bandwidth_hertz * noise.density_at_0, noise.power, 1e-12);
        }
    }
}

#[test]
fn a_capacitor_in_parallel_with_a_cell_has_k_t_over_c() {
    // The voltage of the sense capacitance drives the sense resistance: of the cell's noise kT/C in parts
    // G / (G + 1/R), integrated at equal steps of ln f.
    let (kelvin, ohms, farads) = (300.0, 1e6, 1e-13);
    let capacitance = Capacitance::of_wires(0.0, 0.0).unwrap().with_sense(farads).unwrap();
    let wires = Wires::new(0.0, 0.0).unwrap().with_terminals(0.0, ohms).unwrap();
    let cells = Cells { array: (1, 1), rows: 1, columns: 1, siemens: &[1e-4] };
    let circuit = AcCircuit::new(&wires.with_capacitance(capacitance), cells, 0..1).unwrap();
    let step = 0.25;
    let square_volts: f64 = (-80..80)
        .map(|k| {
            let hertz = 1.6e8 * (step * f64::from(k)).exp();
            let noise = circuit.noise_density_at(hertz, 0, kelvin).unwrap();
            noise.cells * ohms * ohms * hertz * step
        })
        .sum();
    close(square_volts, BOLTZMANN * kelvin / farads * 1e-4 / (1e-4 + 1e-6), 1e-6);
}

#[test]
fn noise_power_is_that_of_the_dense_partial_fractions() {
    // By partial fractions: Y = Y(0) + Σ b s / (s + λ).
    let pole = 2e9;
    for case in topologies(11, 0.0) {
        let (circuit, dense) = (case.circuit(), case.dense());
        let port = dense.drivers + 1;
        let more: f64 = dense.step(&[(port, 1.0)], 0.0)[1]
            .iter()
            .map(|&(siemens, rate)| siemens * PI * pole * pole / (2.0 * (pole + rate / TAU)))
            .sum();
        let at_0 = dense.ports(C::ZERO)[(port, port)].re;
        let noise = circuit.output_noise(1, 300.0).unwrap();
        let unit = 4.0 * BOLTZMANN * 300.0;
        assert!(more > 0.0);
        close(noise.density_at_0, unit * at_0, 1e-10);
        close(noise.power, unit * (FRAC_PI_2 * pole * at_0 + more), 3e-8);
        close(noise.power - FRAC_PI_2 * pole * noise.density_at_0, unit * more, 1e-4);
    }
}

#[test]
fn a_large_array_is_solved_at_any_frequency() {
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    let siemens: Vec<f64> = (0..64 * 48).map(|_| rng.random_range(1e-6..1e-4)).collect();
    let cells = Cells { array: (64, 48), rows: 64, columns: 48, siemens: &siemens };
    let capacitance = Capacitance::of_wires(1e-16, 1e-16).unwrap().with_sense(50e-15).unwrap();
    let capacitance = capacitance.with_cell(5e-17).unwrap().with_front_end(5e8).unwrap();
    for unselected in UNSELECTED {
        let wires = Wires::new(2.0, 2.0).unwrap().with_terminals(200.0, 100.0).unwrap();
        let wires = wires.with_unselected(unselected).with_capacitance(capacitance);
        let circuit = AcCircuit::new(&wires, cells, 8..16).unwrap();
        let noise = circuit.output_noise(47, 300.0).unwrap();
        assert!(noise.bandwidth_hertz > FRAC_PI_2 * 5e8);
        let settling = circuit.settling_secs(&[0.2; 8], 1e-7).unwrap();
        let elmore = circuit.elmore_secs(15, 47).unwrap();
        assert!(settling.iter().all(|&secs| secs > 0.5 * elmore && secs < 20.0 * elmore), "{settling:?}");
        let bandwidth = circuit.bandwidth_hertz(15, 47).unwrap();
        assert!(bandwidth < 5e8 && bandwidth > 4e8, "{bandwidth:e}");
    }
}

#[test]
fn what_cannot_be_said_is_an_error() {
    let siemens = [1e-4, 0.0];
    let cells = Cells { array: (2, 1), rows: 2, columns: 1, siemens: &siemens };
    let bare = Wires::new(1.0, 1.0).unwrap();
    let conflict = |error: Error| matches!(error, Error::Conflict { .. });
    assert!(conflict(AcCircuit::new(&bare, cells, 0..2).unwrap_err()));

    let resistive = bare.with_capacitance(Capacitance::of_wires(0.0, 0.0).unwrap());
    let circuit = AcCircuit::new(&resistive, cells, 0..2).unwrap();
    assert!(conflict(circuit.bandwidth_hertz(0, 0).unwrap_err()));
    assert!(conflict(circuit.output_noise(0, 300.0).unwrap_err()));
    assert_eq!(circuit.settling_secs(&[0.2, 0.2], 1e-6).unwrap(), [0.0]);
    // A cell whose capacitance lets more and more through.
    let rising = Capacitance::of_wires(0.0, 0.0).unwrap().with_cell(1e-15).unwrap();
    let rising = Wires::new(1.0, 1.0).unwrap().with_capacitance(rising);
    let rising = AcCircuit::new(&rising, cells, 0..2).unwrap();
    assert!(conflict(rising.bandwidth_hertz(0, 0).unwrap_err()));

    let named = |error: Error, expected: &str| match error {
        Error::Real { name, .. } | Error::Integer { name, .. } | Error::Length { name, .. } => {
            assert_eq!(name, expected)
        }
        error => panic!("{error:?}"),
    };
    let wires = bare.with_capacitance(Capacitance::of_wires(1e-15, 1e-15).unwrap());
    let circuit = AcCircuit::new(&wires, cells, 0..2).unwrap();
    for bad in [f64::NAN, f64::INFINITY, -1.0] {
        named(circuit.transfer_at(bad, 0, 0).unwrap_err(), "frequency (Hz)");
        named(circuit.front_end_at(bad).unwrap_err(), "frequency (Hz)");
        named(circuit.noise_density_at(1.0, 0, bad).unwrap_err(), "temperature (K)");
        named(circuit.noise_covariance_at(1.0, 0, bad).unwrap_err(), "temperature (K)");
        named(circuit.output_noise(0, bad).unwrap_err(), "temperature (K)");
        named(circuit.settling_secs(&[0.1, 0.1], bad).unwrap_err(), "least significant bit (A)");
        named(circuit.step_amperes(&[0.1, 0.1], bad).unwrap_err(), "time after a step (s)");
    }
    named(circuit.settling_secs(&[0.1, 0.1], 1e-15).unwrap_err(), "least significant bit (A)");
    named(circuit.settling_secs(&[0.1, f64::NAN], 1e-6).unwrap_err(), "voltage of a driven row (V)");
    named(circuit.settling_secs(&[0.1], 1e-6).unwrap_err(), "voltages of the driven rows");
    named(circuit.transfer_at(1.0, 2, 0).unwrap_err(), "driven row");
    named(circuit.elmore_secs(2, 0).unwrap_err(), "driven row");
    named(circuit.transfer_at(1.0, 0, 1).unwrap_err(), "column");
    named(circuit.noise_density_at(1.0, 1, 300.0).unwrap_err(), "column");
    // Row 1 has no conductance.
    let low = Wires::new(0.0, 0.0).unwrap().with_capacitance(wires.capacitance().unwrap());
    let low = AcCircuit::new(&low, cells, 0..2).unwrap();
    named(low.bandwidth_hertz(1, 0).unwrap_err(), "transfer at 0 Hz (S)");
    named(low.first_moment_secs(1, 0).unwrap_err(), "transfer at 0 Hz (S)");

    let fast = Capacitance::of_wires(0.0, 0.0).unwrap().with_front_end(1e13).unwrap();
    named(AcCircuit::new(&bare.with_capacitance(fast), cells, 0..2).unwrap_err(), "front-end pole (Hz)");
    // What the solver cannot do is passed on.
    let case = topologies(13, 0.0).swap_remove(2);
    let hasty = case.circuit().with_solver(SolverSettings::new(1e-13, 1).unwrap());
    assert!(matches!(hasty.transfer_at(1e9, 1, 0).unwrap_err(), Error::Convergence { .. }));
    assert!(matches!(hasty.output_noise(0, 300.0).unwrap_err(), Error::Convergence { .. }));
}
