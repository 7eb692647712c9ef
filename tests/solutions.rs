//! Full solutions of networks: against dense nodal analysis, conservation, power, Newton's method.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use forms_xbar::Error;
use forms_xbar::circuit::{
    Capacitance, Cells, Ends, Network, NewtonSettings, Scalar, Solution, Solver, SolverSettings,
    UnselectedRows, Wires,
};
use nalgebra::{DMatrix, DVector};
use num_complex::Complex64;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

const ENDS: [Ends; 3] = [Ends::First, Ends::Last, Ends::Both];
const UNSELECTED: [UnselectedRows; 3] =
    [UnselectedRows::Disconnected, UnselectedRows::Grounded, UnselectedRows::Floating];

/// Named nodes and the branches between them, solved densely. The oracle.
struct Nodal<S> {
    nodes: BTreeMap<String, usize>,
    same: Vec<(usize, usize)>,
    branches: Vec<(usize, usize, S)>,
    fixed: Vec<(usize, S)>,
}

impl<S: Scalar> Nodal<S> {
    fn new() -> Self {
        let mut nodal =
            Nodal { nodes: BTreeMap::new(), same: Vec::new(), branches: Vec::new(), fixed: Vec::new() };
        nodal.source("ground", S::zero());
        nodal
    }

    fn node(&mut self, name: &str) -> usize {
        let next = self.nodes.len();
        *self.nodes.entry(name.to_owned()).or_insert(next)
    }

    fn source(&mut self, name: &str, volts: S) {
        let node = self.node(name);
        self.fixed.push((node, volts));
    }

    fn admittance(&mut self, from: &str, to: &str, siemens: S) {
        let branch = (self.node(from), self.node(to), siemens);
        self.branches.push(branch);
    }

    fn ohms(&mut self, from: &str, to: &str, ohms: f64) {
        if ohms > 0.0 {
            self.admittance(from, to, S::from_real(1.0 / ohms));
        } else {
            let pair = (self.node(from), self.node(to));
            self.same.push(pair);
        }
    }

    /// Which node each node is one with.
    fn merged(&self) -> Vec<usize> {
        let mut class: Vec<usize> = (0..self.nodes.len()).collect();
        for &(a, b) in &self.same {
            let (from, to) = (class[a], class[b]);
            class.iter_mut().filter(|class| **class == from).for_each(|class| *class = to);
        }
        class
    }

    /// Voltages of all nodes.
    fn volts(&self) -> Vec<S> {
        let class = self.merged();
        let mut known = vec![None; class.len()];
        self.fixed.iter().for_each(|&(node, volts)| known[class[node]] = Some(volts));
        let mut place = vec![usize::MAX; class.len()];
        let mut unknowns = 0;
        for node in (0..class.len()).filter(|&node| class[node] == node && known[node].is_none()) {
            place[node] = unknowns;
            unknowns += 1;
        }
        let mut matrix = DMatrix::<S>::zeros(unknowns, unknowns);
        let mut right = DVector::<S>::zeros(unknowns);
        for &(a, b, siemens) in &self.branches {
            for (here, there) in [(class[a], class[b]), (class[b], class[a])] {
                if here == there || known[here].is_some() {
                    continue;
                }
                matrix[(place[here], place[here])] += siemens;
                match known[there] {
                    Some(volts) => right[place[here]] += siemens * volts,
                    None => matrix[(place[here], place[there])] -= siemens,
                }
            }
        }
        let solved = if unknowns == 0 { right } else { matrix.lu().solve(&right).unwrap() };
        class.iter().map(|&of| known[of].unwrap_or_else(|| solved[place[of]])).collect()
    }

    /// Current that flows into a node, with all it is one with, from the other nodes.
    fn received(&self, name: &str, volts: &[S]) -> S {
        let class = self.merged();
        let node = class[self.nodes[name]];
        let current = |&(a, b, siemens): &(usize, usize, S)| match (class[a] == node, class[b] == node) {
            (true, false) => siemens * (volts[b] - volts[a]),
            (false, true) => siemens * (volts[a] - volts[b]),
            _ => S::zero(),
        };
        self.branches.iter().map(current).fold(S::zero(), |sum, current| sum + current)
    }
}

/// An array, its cells and what is driven.
#[derive(Debug, Clone)]
struct Case {
    wires: Wires,
    array: (usize, usize),
    rows: usize,
    columns: usize,
    siemens: Vec<f64>,
    driven: Range<usize>,
}

impl Case {
    fn random(
        wires: Wires,
        array: (usize, usize),
        rows: usize,
        columns: usize,
        driven: Range<usize>,
        seed: u64,
    ) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let siemens = (0..rows * columns).map(|_| rng.random_range(1e-6..1e-4)).collect();
        Case { wires, array, rows, columns, siemens, driven }
    }

    fn cells(&self) -> Cells<'_> {
        Cells { array: self.array, rows: self.rows, columns: self.columns, siemens: &self.siemens }
    }

    fn network<S: Scalar>(&self, s: S) -> Network<S> {
        Network::new(&self.wires, self.cells(), self.driven.clone(), s).unwrap()
    }

    /// Rows of the array that the network has.
    fn present(&self) -> Range<usize> {
        match self.wires.unselected() {
            UnselectedRows::Disconnected => self.driven.clone(),
            _ => 0..self.rows,
        }
    }

    fn floats(&self, row: usize) -> bool {
        self.wires.unselected() == UnselectedRows::Floating && !self.driven.contains(&row)
    }

    /// Every crossing of the array stamped by hand; voltages by row of the network.
    fn nodal<S: Scalar>(&self, s: S, word_volts: &[S], sense_volts: &[S]) -> Nodal<S> {
        let wires = &self.wires;
        let farads = wires.capacitance();
        let of = |farads: f64| s * S::from_real(farads);
        let [word_shunt, bit_shunt, cell_shunt, sense_shunt] = farads.map_or([S::zero(); 4], |c| {
            [c.word_line_farads(), c.bit_line_farads(), c.cell_farads(), c.sense_farads()].map(of)
        });
        let has = |ends: Ends, end: Ends| ends == end || ends == Ends::Both;
        let segment = |ohms: f64| if wires.terminal_segments() { ohms } else { 0.0 };
        let mut nodal = Nodal::new();
        for row in self.present() {
            let w = |column: usize| format!("w{row},{column}");
            for column in 0..self.array.1 {
                nodal.admittance(&w(column), "ground", word_shunt);
                if column > 0 {
                    nodal.ohms(&w(column - 1), &w(column), wires.word_line_ohms());
                }
                if column < self.columns {
                    let siemens = self.siemens[row * self.columns + column];
                    let cell = S::from_real(siemens) + cell_shunt;
                    let in_series = S::one() + cell * S::from_real(wires.access_ohms());
                    nodal.admittance(&w(column), &format!("b{row},{column}"), cell / in_series);
                }
            }
            if self.floats(row) {
                continue;
            }
            nodal.source(&format!("source{row}"), word_volts[row - self.present().start]);
            for (end, column) in [(Ends::First, 0), (Ends::Last, self.array.1 - 1)] {
                if has(wires.drive(), end) {
                    let driver = format!("driver{row}{end:?}");
                    nodal.ohms(&format!("source{row}"), &driver, wires.driver_ohms());
                    nodal.ohms(&driver, &w(column), segment(wires.word_line_ohms()));
                }
            }
        }
        for (column, &sense_volts) in sense_volts.iter().enumerate() {
            let b = |row: usize| format!("b{row},{column}");
            for row in 0..self.array.0 {
                nodal.admittance(&b(row), "ground", bit_shunt);
                if row > 0 {
                    nodal.ohms(&b(row - 1), &b(row), wires.bit_line_ohms());
                }
            }
            nodal.source(&format!("sense{column}"), sense_volts);
            for (end, row) in [(Ends::First, 0), (Ends::Last, self.array.0 - 1)] {
                if has(wires.sense(), end) {
                    let sense = format!("amplifier{column}{end:?}");
                    nodal.ohms(&format!("sense{column}"), &sense, wires.sense_ohms());
                    nodal.admittance(&sense, "ground", sense_shunt);
                    nodal.ohms(&sense, &b(row), segment(wires.bit_line_ohms()));
                }
            }
        }
        nodal
    }

    /// Compares voltages and currents with the oracle's; the largest difference over the largest value.
    fn apart<S: Scalar>(&self, s: S, word_volts: &[S], sense_volts: &[S]) -> f64 {
        let network = self.network(s);
        let solver = Solver::new(&network, SolverSettings::default()).unwrap();
        let solution = solver.solve(word_volts, sense_volts).unwrap();
        check_conservation(self, s, &solution);
        let nodal = self.nodal(s, word_volts, sense_volts);
        let volts = nodal.volts();
        let (mut pairs, mut amperes) = (Vec::new(), Vec::new());
        for (at, row) in self.present().enumerate() {
            for column in 0..self.columns {
                let node = |of: &str| volts[nodal.nodes[&format!("{of}{row},{column}")]];
                let index = at * self.columns + column;
                pairs.push((solution.word_volts()[index], node("w")));
                pairs.push((solution.bit_volts()[index], node("b")));
                let cell = network.cells()[index] * (node("w") - node("b"));
                amperes.push((solution.cell_amperes()[index], cell));
            }
            let out = match self.floats(row) {
                true => S::zero(),
                false => -nodal.received(&format!("source{row}"), &volts),
            };
            // What crossings beyond the cells take on the way from the driver does not reach the line.
            let loses = s != S::zero() && self.wires.drive() != Ends::First && self.array.1 > self.columns;
            if !loses {
                amperes.push((solution.driver_amperes()[at], out));
            }
        }
        for column in 0..self.columns {
            amperes
                .push((solution.sense_amperes()[column], nodal.received(&format!("sense{column}"), &volts)));
        }
        relative(&pairs).max(relative(&amperes))
    }
}

/// Largest difference over the largest value.
fn relative<S: Scalar>(pairs: &[(S, S)]) -> f64 {
    let scale = pairs.iter().map(|pair| pair.1.modulus()).fold(0.0, f64::max);
    assert!(pairs.iter().all(|pair| pair.0.is_finite()));
    pairs.iter().map(|pair| (pair.0 - pair.1).modulus()).fold(0.0, f64::max) / scale
}

/// Kirchhoff's current law at every node from the published currents alone, and Ohm's along the wires.
fn check_conservation<S: Scalar>(case: &Case, s: S, solution: &Solution<S>) {
    let (rows, columns) = (solution.rows(), solution.columns());
    let farads = case.wires.capacitance();
    let [word_shunt, bit_shunt] = farads.map_or([S::zero(); 2], |c| {
        [c.word_line_farads(), c.bit_line_farads()].map(|farads| s * S::from_real(farads))
    });
    let (words, bits) = (solution.word_line_amperes(), solution.bit_line_amperes());
    let mut largest = solution.cell_amperes().iter().map(|i| i.modulus()).fold(0.0, f64::max);
    for line in [words, bits] {
        for amperes in line.first.iter().chain(&line.segments).chain(&line.last) {
            largest = largest.max(amperes.modulus());
        }
    }
    assert_eq!(largest, solution.largest_amperes());
    for row in 0..rows {
        for column in 0..columns {
            let at = row * columns + column;
            let cell = solution.cell_amperes()[at];
            let before = match column {
                0 => words.first[row],
                _ => words.segments[row * (columns - 1) + column - 1],
            };
            let after = match column + 1 == columns {
                true => words.last[row],
                false => words.segments[row * (columns - 1) + column],
            };
            let into = before - after - cell - word_shunt * solution.word_volts()[at];
            assert!(into.modulus() <= 1e-12 * largest, "word line {row},{column}: {into} of {largest}");
            if column + 1 < columns {
                let drop = solution.word_volts()[at] - solution.word_volts()[at + 1];
                let ohms = S::from_real(case.wires.word_line_ohms());
                assert!((drop - after * ohms).modulus() <= 1e-15, "{drop} {after}");
            }
            let before = match row {
                0 => bits.first[column],
                _ => bits.segments[at - columns],
            };
            let after = match row + 1 == rows {
                true => bits.last[column],
                false => bits.segments[at],
            };
            let into = before - after + cell - bit_shunt * solution.bit_volts()[at];
            assert!(into.modulus() <= 1e-12 * largest, "bit line {row},{column}: {into} of {largest}");
            if row + 1 < rows {
                let drop = solution.bit_volts()[at] - solution.bit_volts()[at + columns];
                let ohms = S::from_real(case.wires.bit_line_ohms());
                assert!((drop - after * ohms).modulus() <= 1e-15, "{drop} {after}");
            }
        }
    }
}

/// Wires of every kind, a resistance for each set bit of `ohms`.
fn topologies() -> impl Iterator<Item = Wires> {
    let all = (0..32u32).flat_map(|ohms| {
        let of = move |bit: u32, value: f64| if ohms >> bit & 1 == 1 { value } else { 0.0 };
        let wires = Wires::new(of(0, 3.0), of(1, 7.0)).unwrap();
        let wires = wires.with_terminals(of(2, 40.0), of(3, 25.0)).unwrap();
        let wires = wires.with_access_ohms(of(4, 900.0)).unwrap();
        ENDS.into_iter().flat_map(move |drive| {
            ENDS.into_iter().flat_map(move |sense| {
                UNSELECTED.into_iter().flat_map(move |unselected| {
                    let wires = wires.with_drive(drive).with_sense(sense).with_unselected(unselected);
                    [true, false].map(|segments| wires.with_terminal_segments(segments))
                })
            })
        })
    });
    all.into_iter()
}

#[test]
fn every_topology_agrees_with_dense_nodal_analysis() {
    for (number, wires) in topologies().enumerate() {
        let driven = [0..2, 1..3, 3..4][number % 3].clone();
        let case = Case::random(wires, (6, 5), 4, 3, driven, number as u64);
        let rows = case.present().len();
        let mut rng = ChaCha8Rng::seed_from_u64(number as u64);
        let word_volts: Vec<f64> = (0..rows).map(|_| rng.random_range(-0.5..0.5)).collect();
        let sense_volts: Vec<f64> = (0..3).map(|_| rng.random_range(-0.1..0.1)).collect();
        for sense_volts in [vec![0.0; 3], sense_volts] {
            let apart = case.apart(0.0, &word_volts, &sense_volts);
            assert!(apart < 1e-10, "{wires:?}: {apart:e}");
        }
    }
}

#[test]
fn every_topology_agrees_at_complex_frequencies() {
    let capacitance = Capacitance::of_wires(2e-15, 3e-15).unwrap().with_cell(1e-15).unwrap();
    let capacitance = capacitance.with_sense(20e-15).unwrap();
    let points = [(0.0, 2e9), (0.0, 5e10), (1e10, -3e10), (-1e9, 2e10)];
    for (number, wires) in topologies().enumerate().filter(|(number, _)| number % 5 == 0) {
        let wires = wires.with_capacitance(capacitance);
        let case = Case::random(wires, (5, 6), 3, 4, 1..3, number as u64);
        let (re, im) = points[number / 5 % points.len()];
        let mut rng = ChaCha8Rng::seed_from_u64(number as u64);
        let mut volt = || Complex64::new(rng.random_range(-0.5..0.5), rng.random_range(-0.5..0.5));
        let word_volts: Vec<_> = case.present().map(|_| volt()).collect();
        let apart = case.apart(Complex64::new(re, im), &word_volts, &[Complex64::ZERO; 4]);
        assert!(apart < 1e-10, "{wires:?}: {apart:e}");
    }
}

#[test]
fn single_rows_columns_and_cells_are_networks_too() {
    for (number, wires) in topologies().enumerate().filter(|(number, _)| number % 7 == 0) {
        for (rows, columns) in [(1, 1), (1, 4), (4, 1), (9, 2), (2, 17)] {
            let case = Case::random(wires, (rows, columns), rows, columns, 0..1, number as u64);
            let word_volts = vec![0.3; case.present().len()];
            let apart = case.apart(0.0, &word_volts, &vec![0.0; columns]);
            assert!(apart < 1e-10, "{rows} × {columns} {wires:?}: {apart:e}");
        }
    }
}

#[test]
fn currents_are_conserved_from_milliohms_to_kiloohms() {
    let ohms = [0.0, 1e-3, 1.0, 1e3];
    for (number, word) in ohms.into_iter().enumerate() {
        for bit in ohms {
            for terminal in [0.0, 1e-3, 100.0] {
                let unselected = UNSELECTED[number % 3];
                let wires = Wires::new(word, bit).unwrap().with_terminals(terminal, terminal).unwrap();
                let wires = wires.with_unselected(unselected).with_drive(ENDS[(number + 1) % 3]);
                let case = Case::random(wires, (64, 48), 64, 48, 24..40, 1);
                let volts: Vec<f64> = case.present().map(|row| [0.0, 0.2][row % 2]).collect();
                let solver = Solver::new(&case.network(0.0), SolverSettings::default()).unwrap();
                let solution = solver.solve(&volts, &[0.0; 48]).unwrap();
                check_conservation(&case, 0.0, &solution);
                assert!(solution.worst_imbalance() <= 1e-13 * solution.largest_amperes());
                assert!(solution.iterations() < 150, "{word} {bit}: {}", solution.iterations());
            }
        }
    }
}

#[test]
fn floating_lines_conserve_currents_between_milliohms() {
    // Differences between neighbours are far below the rounding of the floating voltage.
    for ohms in [1e-6, 1e-3, 1.0] {
        let wires = Wires::new(ohms, ohms).unwrap().with_terminals(1e3, 1e3).unwrap();
        let wires = wires.with_unselected(UnselectedRows::Floating);
        let case = Case::random(wires, (40, 30), 40, 30, 7..9, 1);
        let solver = Solver::new(&case.network(0.0), SolverSettings::default()).unwrap();
        let solution = solver.solve(&[0.2; 40], &[0.0; 30]).unwrap();
        check_conservation(&case, 0.0, &solution);
        // A floating line takes no current from anywhere but its cells.
        let mut row = solution.cell_amperes()[..30].to_vec();
        assert!(row.iter().any(|i| i.abs() > 1e-9));
        row.sort_by(f64::total_cmp);
        assert!(row.iter().sum::<f64>().abs() < 1e-12 * solution.largest_amperes());
    }
}

#[test]
fn sources_deliver_what_the_branches_take() {
    for (number, wires) in topologies().enumerate().filter(|(number, _)| number % 3 == 0) {
        let case = Case::random(wires, (9, 8), 7, 6, 2..5, number as u64);
        let volts: Vec<f64> = case.present().map(|row| 0.1 * (row as f64 - 2.0)).collect();
        let sense_volts = [0.0, 0.02, 0.0, -0.03, 0.0, 0.0];
        let solver = Solver::new(&case.network(0.0), SolverSettings::default()).unwrap();
        let watts = solver.solve(&volts, &sense_volts).unwrap().watts();
        let parts = [&watts.cells, &watts.word_segments, &watts.bit_segments, &watts.drivers, &watts.sense];
        assert!(parts.into_iter().flatten().all(|&watts| watts >= 0.0));
        let taken: f64 = parts.into_iter().flatten().sum();
        assert!((watts.sources / taken - 1.0).abs() < 1e-12, "{wires:?}: {} {taken}", watts.sources);
    }
}

#[test]
fn driving_a_sense_terminal_gives_its_transfer_from_every_row() {
    for (number, wires) in topologies().enumerate().filter(|(number, _)| number % 11 == 0) {
        let case = Case::random(wires, (9, 8), 7, 6, 2..5, number as u64);
        let network = case.network(0.0);
        let solver = Solver::new(&network, SolverSettings::default()).unwrap();
        let rows = network.rows();
        let unit = |length: usize, at: usize| -> Vec<f64> {
            (0..length).map(|index| f64::from(u8::from(index == at))).collect()
        };
        for column in [0, 3, 5] {
            let back = solver.solve(&vec![0.0; rows], &unit(6, column)).unwrap();
            for row in 0..rows {
                let there = solver.solve(&unit(rows, row), &[0.0; 6]).unwrap().sense_amperes()[column];
                let apart = (there + back.driver_amperes()[row]).abs();
                assert!(apart < 1e-12 * 1e-4, "{wires:?} {row},{column}: {there} {apart}");
            }
        }
    }
}

#[test]
fn eliminated_transfer_is_what_unit_sources_give() {
    fn apart<S: Scalar>(case: &Case, s: S) -> f64 {
        let network = case.network(s);
        let transfer = network.transfer().unwrap();
        let solver = Solver::new(&network, SolverSettings::default()).unwrap();
        let mut pairs = Vec::new();
        for row in 0..network.rows() {
            let mut volts = vec![S::zero(); network.rows()];
            volts[row] = S::one();
            let solution = solver.solve(&volts, &vec![S::zero(); case.columns]).unwrap();
            let eliminated = &transfer[row * case.columns..(row + 1) * case.columns];
            pairs.extend(solution.sense_amperes().iter().copied().zip(eliminated.iter().copied()));
        }
        relative(&pairs)
    }
    let capacitance = Capacitance::of_wires(2e-15, 3e-15).unwrap().with_cell(1e-15).unwrap();
    for (number, wires) in topologies().enumerate().filter(|(number, _)| number % 7 == 3) {
        let wires = wires.with_capacitance(capacitance.with_sense(20e-15).unwrap());
        let case = Case::random(wires, (9, 8), 7, 6, 2..5, number as u64);
        let found = [apart(&case, 0.0), apart(&case, Complex64::new(0.0, 3e10))];
        assert!(found.into_iter().all(|apart| apart < 1e-11), "{wires:?}: {found:?}");
    }
}

/// A stored case of `../shared/golden`, `None` where that is not beside the crate.
fn golden(name: &str) -> Option<serde_json::Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/golden").join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(_) => {
            eprintln!("skipped: no {}", path.display());
            None
        }
    }
}

fn matrix(value: &serde_json::Value) -> Vec<Vec<f64>> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn stored_results_of_other_solvers_are_met() {
    let names = [
        "q_16x32_r5",
        "t_16x32_r5_drv100_sen50",
        "u_128x128_r5",
        "u_16x32_r5",
        "u_16x32_rw5_rb1",
        "u_64x64_r5",
        "u_8x8_r1",
        "u_8x8_r5",
    ];
    for name in names {
        let Some(case) = golden(&format!("{name}.json")) else { return };
        let real = |key: &str| case[key].as_f64().unwrap();
        let siemens = matrix(&case["G_S"]);
        let (rows, columns) = (siemens.len(), siemens[0].len());
        let wires = Wires::new(real("r_word_line"), real("r_bit_line")).unwrap();
        let wires = wires.with_terminals(real("r_driver"), real("r_sense")).unwrap();
        let siemens = siemens.concat();
        let cells = Cells { array: (rows, columns), rows, columns, siemens: &siemens };
        let network = Network::new(&wires, cells, 0..rows, 0.0).unwrap();
        let solver = Solver::new(&network, SolverSettings::default()).unwrap();
        for key in ["I_nodal", "I_spice"].into_iter().filter(|&key| case.get(key).is_some()) {
            let inputs = matrix(&case["V_in"]);
            for (volts, expected) in inputs.iter().zip(matrix(&case[key])) {
                let solution = solver.solve(volts, &vec![0.0; columns]).unwrap();
                let pairs: Vec<_> =
                    solution.sense_amperes().iter().copied().zip(expected.iter().copied()).collect();
                assert!(relative(&pairs) < 1e-9, "{name} {key}: {:e}", relative(&pairs));
            }
        }
    }
}

#[test]
fn a_sinh_cell_behind_a_resistor_meets_its_closed_form() {
    // All resistance in series: V = I R + asinh(I / I_0) / B, so that a current fixes the voltage.
    let (saturation, slope) = (2e-6, 6.0);
    let (word, bit, driver, sense, access) = (50.0, 30.0, 200.0, 100.0, 1500.0);
    let wires = Wires::new(word, bit).unwrap().with_terminals(driver, sense).unwrap();
    let cells = Cells { array: (1, 1), rows: 1, columns: 1, siemens: &[1e-5] };
    let network = Network::new(&wires, cells, 0..1, 0.0).unwrap();
    let series = word + bit + driver + sense + access;
    for amperes in [0.0, 1e-9, -1e-6, 1e-5, 1e-4, -1e-3] {
        let volts = amperes * series + (amperes / saturation).asinh() / slope;
        let curve = |_, _, v: f64| (saturation * (slope * v).sinh(), saturation * slope * (slope * v).cosh());
        let solution = network.newton(&[volts], access, NewtonSettings::default(), curve).unwrap();
        let found = solution.sense_amperes()[0];
        assert!((found - amperes).abs() <= 1e-12 * amperes.abs(), "{amperes}: {found}");
    }
}

/// Current and slope of a cell that bends: `I = G sinh(B V) / B`, `B` its own.
fn bent(siemens: f64, row: usize, column: usize, volts: f64) -> (f64, f64) {
    let b = 3.0 + row as f64 + 0.5 * column as f64;
    (siemens * (b * volts).sinh() / b, siemens * (b * volts).cosh())
}

#[test]
fn newton_agrees_with_a_dense_newton() {
    let access = 400.0;
    for (number, wires) in topologies().enumerate().filter(|(number, _)| number % 13 == 0) {
        let wires = wires.with_access_ohms(0.0).unwrap();
        let case = Case::random(wires, (3, 4), 3, 4, 0..2, number as u64);
        let volts = &[0.9, -0.4, 0.2][..case.present().len()];
        let curve = |row, column, v| bent(case.siemens[row * 4 + column], row, column, v);
        let network = case.network(0.0);
        let solution = network.newton(volts, access, NewtonSettings::default(), curve).unwrap();
        check_conservation(&case, 0.0, &solution);

        // Fixed-point iteration on chord conductances, densely.
        let mut chords = case.clone();
        let mut drops = [0.0; 12];
        for _ in 0..400 {
            let nodal = chords.nodal(0.0, volts, &[0.0; 4]);
            let solved = nodal.volts();
            for row in case.present() {
                for column in 0..4 {
                    let node = |of: &str| solved[nodal.nodes[&format!("{of}{row},{column}")]];
                    let drop = node("w") - node("b");
                    // The cell's share of the drop, by bisection.
                    let (mut low, mut high) = (0.0, 1.0);
                    for _ in 0..60 {
                        let share = 0.5 * (low + high);
                        let amperes = curve(row, column, share * drop).0;
                        let above = (share * drop + access * amperes - drop) * drop.signum() > 0.0;
                        *(if above { &mut high } else { &mut low }) = share;
                    }
                    let at = row * 4 + column;
                    drops[at] = drop;
                    let amperes = curve(row, column, low * drop).0;
                    let chord = if drop == 0.0 { 1e-6 } else { amperes / drop };
                    chords.siemens[at] = chord;
                }
            }
        }
        let nodal = chords.nodal(0.0, volts, &[0.0; 4]);
        let solved = nodal.volts();
        let pairs: Vec<_> = (0..4)
            .map(|column| {
                (solution.sense_amperes()[column], nodal.received(&format!("sense{column}"), &solved))
            })
            .collect();
        assert!(relative(&pairs) < 1e-10, "{wires:?}: {:e}", relative(&pairs));
        let cells: Vec<_> = (0..solution.cell_amperes().len())
            .map(|at| (solution.cell_amperes()[at], chords.siemens[at] * drops[at]))
            .collect();
        assert!(relative(&cells) < 1e-9, "{wires:?}: {:e}", relative(&cells));
    }
}

#[test]
fn straight_curves_give_the_linear_solution() {
    for unselected in UNSELECTED {
        let wires = Wires::new(2.0, 3.0).unwrap().with_unselected(unselected);
        let case = Case::random(wires.with_access_ohms(2e3).unwrap(), (12, 9), 12, 9, 3..7, 4);
        let start = case.present().start;
        let volts: Vec<f64> = case.present().map(|row| 0.05 * row as f64).collect();
        let solver = Solver::new(&case.network(0.0), SolverSettings::default()).unwrap();
        let linear = solver.solve(&volts, &[0.0; 9]).unwrap();
        let ohmic = |row: usize, column: usize, v: f64| {
            let siemens = case.siemens[(start + row) * 9 + column];
            (siemens * v, siemens)
        };
        let network = case.network(0.0);
        let bent = network.newton(&volts, 2e3, NewtonSettings::default(), ohmic).unwrap();
        for (a, b) in [
            (linear.word_volts(), bent.word_volts()),
            (linear.bit_volts(), bent.bit_volts()),
            (linear.cell_amperes(), bent.cell_amperes()),
            (linear.sense_amperes(), bent.sense_amperes()),
        ] {
            let pairs: Vec<_> = a.iter().copied().zip(b.iter().copied()).collect();
            assert!(relative(&pairs) < 1e-12, "{:e}", relative(&pairs));
        }
    }
}

#[test]
fn newton_crosses_steep_curves_kinks_and_ends_of_tables() {
    let wires = Wires::new(20.0, 20.0).unwrap().with_terminals(500.0, 500.0).unwrap();
    let case = Case::random(wires, (16, 12), 16, 12, 0..16, 9);
    let network = case.network(0.0);
    let siemens = |row: usize, column: usize| case.siemens[row * 12 + column];
    // Currents at the voltage of the source are e^30 times those of the solution.
    let steep = |row, column, v: f64| {
        let g = siemens(row, column);
        (g * (40.0 * v).sinh() / 40.0, g * (40.0 * v).cosh())
    };
    let kinked = |row, column, v: f64| {
        let g = siemens(row, column);
        if v.abs() < 0.1 { (g * v, g) } else { (g * (0.1 + 9.0 * (v.abs() - 0.1)).copysign(v), 9.0 * g) }
    };
    // Defined up to 0.5 V only; behind its access transistor no cell sees more.
    let ends = |row, column, v: f64| {
        let g = siemens(row, column);
        match v.abs() {
            v if v > 0.5 => (f64::NAN, f64::NAN),
            v if v > 0.1 => (g * (0.1 + 100.0 * (v - 0.1)), 100.0 * g),
            _ => (g * v, g),
        }
    };
    // Flat at the voltage of the source, where a whole step leads far to the other side.
    let flat = |row, column, v: f64| {
        let g = 10.0 * siemens(row, column);
        (g * (20.0 * v).atan(), 20.0 * g / (1.0 + 400.0 * v * v))
    };
    let cases = [
        ("steep", 0.0),
        ("steep", 1e4),
        ("kinked", 0.0),
        ("kinked", 1e4),
        ("flat", 0.0),
        ("flat", 1e4),
        ("ends", 1e5),
    ];
    for (name, access) in cases {
        let curve = |row, column, v: f64| match name {
            "steep" => steep(row, column, v),
            "kinked" => kinked(row, column, v),
            "flat" => flat(row, column, v),
            _ => ends(row, column, v),
        };
        let solution = network.newton(&[1.0; 16], access, NewtonSettings::default(), curve).unwrap();
        check_conservation(&case, 0.0, &solution);
        assert!(solution.worst_imbalance() <= 1e-13 * solution.largest_amperes());
        for (at, &amperes) in solution.cell_amperes().iter().enumerate() {
            let drop = solution.word_volts()[at] - solution.bit_volts()[at];
            let expected = curve(at / 12, at % 12, drop - access * amperes).0;
            assert!((amperes / expected - 1.0).abs() < 1e-9, "{name} {access}: {amperes} {expected}");
        }
    }
}

#[test]
fn zero_volts_give_zero_amperes() {
    let wires = Wires::new(1.0, 1.0).unwrap().with_unselected(UnselectedRows::Floating);
    let case = Case::random(wires, (5, 5), 5, 5, 0..2, 1);
    let network = case.network(0.0);
    let solver = Solver::new(&network, SolverSettings::default()).unwrap();
    let curve = |row, column, v| bent(case.siemens[row * 5 + column], row, column, v);
    let bent = network.newton(&[0.0; 5], 100.0, NewtonSettings::default(), curve).unwrap();
    for solution in [solver.solve(&[0.0; 5], &[0.0; 5]).unwrap(), bent] {
        assert!(solution.word_volts().iter().chain(solution.sense_amperes()).all(|&value| value == 0.0));
        assert_eq!((solution.iterations(), solution.worst_imbalance()), (0, 0.0));
    }
}

#[test]
fn what_does_not_converge_is_an_error() {
    let case = Case::random(Wires::new(1e3, 1e3).unwrap(), (32, 32), 32, 32, 0..32, 1);
    let network = case.network(0.0);
    let few = SolverSettings::default().with_max_iterations(5).unwrap();
    match Solver::new(&network, few).unwrap().solve(&[0.2; 32], &[0.0; 32]) {
        Err(Error::Convergence { name, iterations, residual, limit }) => {
            assert_eq!((name, iterations, limit), ("solution of a network", 5, 1e-13));
            assert!(residual > 1e-13 && residual.is_finite());
        }
        other => panic!("{other:?}"),
    }
    let curve = |row, column, v| bent(case.siemens[row * 32 + column], row, column, v);
    let few = NewtonSettings::default().with_max_iterations(2).unwrap();
    match network.newton(&[1.0; 32], 0.0, few, curve) {
        Err(Error::Convergence { name, iterations, residual, limit }) => {
            assert_eq!((name, iterations, limit), ("Newton's method", 2, 1e-13));
            assert!(residual > 1e-13 && residual.is_finite());
        }
        other => panic!("{other:?}"),
    }
    // A slope that has nothing to do with the current.
    let wrong = |_, _, v: f64| (1e-4 * v.powi(3), 1e-9);
    let error = network.newton(&[1.0; 32], 0.0, NewtonSettings::default(), wrong).unwrap_err();
    assert!(matches!(error, Error::Convergence { .. }), "{error}");
}

#[test]
fn lines_without_a_path_are_named() {
    let wires = Wires::new(1.0, 1.0).unwrap().with_unselected(UnselectedRows::Floating);
    for ohms in [0.0, 1e-3, 3.0] {
        let wires = Wires::new(ohms, ohms).unwrap().with_unselected(wires.unselected());
        let mut case = Case::random(wires, (5, 4), 5, 4, 0..2, 1);
        case.siemens[3 * 4..4 * 4].fill(0.0);
        let error = Solver::new(&case.network(0.0), SolverSettings::default()).unwrap_err();
        assert_eq!(error, Error::Disconnected { line: "word line", index: 3 });
        assert_eq!(error.to_string(), "word line 3 has no path to a terminal");
        // Cells that conduct only once they see a voltage cut the line off at the start, unless 0 V is right.
        let cube = |_, _, v: f64| (1e-4 * v.powi(3), 3e-4 * v * v);
        let result = case.network(0.0).newton(&[0.1; 5], 0.0, NewtonSettings::default(), cube);
        match ohms {
            0.0 => assert_eq!(result.unwrap().word_volts()[2 * 4], 0.0),
            _ => assert_eq!(result, Err(Error::Disconnected { line: "word line", index: 2 })),
        }
        // One weak cell is a path.
        case.siemens[3 * 4 + 2] = 1e-12;
        let solver = Solver::new(&case.network(0.0), SolverSettings::default()).unwrap();
        let solution = solver.solve(&[0.2; 5], &[0.0; 4]).unwrap();
        let apart = solution.word_volts()[3 * 4] - solution.bit_volts()[3 * 4 + 2];
        assert!(apart.abs() < 1e-12, "{apart}");
    }
}

#[test]
fn bad_inputs_are_refused() {
    let case = Case::random(Wires::new(1.0, 1.0).unwrap(), (3, 2), 3, 2, 0..3, 1);
    let network = case.network(0.0);
    let solver = Solver::new(&network, SolverSettings::default()).unwrap();
    let real = |result: Result<Solution<f64>, Error>| match result {
        Err(Error::Real { name, value, .. }) => (name, value.to_string()),
        other => panic!("{other:?}"),
    };
    let (word, sense) = ("voltage of a word line (V)", "voltage of a sense terminal (V)");
    assert_eq!(real(solver.solve(&[0.1, f64::NAN, 0.0], &[0.0; 2])), (word, "NaN".into()));
    assert_eq!(real(solver.solve(&[0.1; 3], &[0.0, f64::NEG_INFINITY])), (sense, "-inf".into()));
    let length = |name, expected, found| Err(Error::Length { name, expected, found });
    assert_eq!(solver.solve(&[0.1; 2], &[0.0; 2]), length("voltages of the word lines", 3, 2));
    assert_eq!(solver.solve(&[0.1; 3], &[0.0; 3]), length("voltages of the sense terminals", 2, 3));

    let newton = |volts: f64, access: f64, current: (f64, f64)| {
        network.newton(&[volts; 3], access, NewtonSettings::default(), |_, _, _| current)
    };
    assert_eq!(real(newton(f64::NAN, 0.0, (0.0, 1.0))).0, word);
    assert_eq!(real(newton(0.1, -1.0, (0.0, 1.0))), ("access resistance (Ω)", "-1".into()));
    for current in [(f64::NAN, 1e-4), (f64::INFINITY, 1e-4), (1e-5, f64::NAN), (1e-5, -1e-4)] {
        for access in [0.0, 100.0] {
            let found = real(newton(0.1, access, current));
            assert_eq!(found, ("current of a cell at the voltage of its source (A)", "NaN".into()));
        }
    }

    for residual in [0.0, -1.0, 1.0, f64::NAN] {
        assert!(matches!(SolverSettings::new(residual, 10), Err(Error::Real { .. })));
        assert!(matches!(NewtonSettings::new(residual, 10, 10), Err(Error::Real { .. })));
    }
    assert!(matches!(SolverSettings::new(1e-9, 0), Err(Error::Integer { .. })));
    assert!(matches!(NewtonSettings::new(1e-9, 0, 10), Err(Error::Integer { .. })));
    assert!(matches!(NewtonSettings::new(1e-9, 10, 0), Err(Error::Integer { .. })));
}

#[cfg(feature = "serde")]
#[test]
fn settings_come_back_through_their_checks() {
    let settings = SolverSettings::new(1e-9, 77).unwrap();
    let text = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<SolverSettings>(&text).unwrap(), settings);
    assert!(serde_json::from_str::<SolverSettings>(&text.replace("77", "0")).is_err());
    let settings = NewtonSettings::new(1e-9, 77, 88).unwrap();
    let text = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<NewtonSettings>(&text).unwrap(), settings);
    assert!(serde_json::from_str::<NewtonSettings>(&text.replace("88", "0")).is_err());
    assert!(serde_json::from_str::<NewtonSettings>(&text.replace('{', "{\"more\":1,")).is_err());
}

#[test]
fn word_lines_of_no_resistance_converge_like_others() {
    let siemens: Vec<f64> = (0..48 * 48).map(|at| 1e-6 * (1 + at * 37 % 100) as f64).collect();
    let cells = Cells { array: (48, 48), rows: 48, columns: 48, siemens: &siemens };
    let wires = Wires::new(0.0, 1e4).unwrap().with_terminals(5e3, 1e5).unwrap();
    let wires = wires.with_unselected(UnselectedRows::Grounded);
    let network = Network::new(&wires, cells, 0..48, 0.0).unwrap();
    let solution = Solver::new(&network, SolverSettings::default()).unwrap();
    let solution = solution.solve(&[0.2; 48], &[0.0; 48]).unwrap();
    assert!(solution.iterations() < 300, "{}", solution.iterations());
    let transfer = network.transfer().unwrap();
    for (column, &amperes) in solution.sense_amperes().iter().enumerate() {
        let expected: f64 = (0..48).map(|row| 0.2 * transfer[row * 48 + column]).sum();
        assert!((amperes / expected - 1.0).abs() < 1e-9);
    }
}

#[test]
fn both_ends_of_an_ideal_line_share_its_current() {
    let siemens = [20e-6, 30e-6, 50e-6, 10e-6];
    let cells = Cells { array: (2, 2), rows: 2, columns: 2, siemens: &siemens };
    let wires = Wires::new(0.0, 0.0).unwrap().with_drive(Ends::Both).with_sense(Ends::Both);
    let network = Network::new(&wires, cells, 0..2, 0.0).unwrap();
    let solver = Solver::new(&network, SolverSettings::default()).unwrap();
    let solution = solver.solve(&[0.2, 0.2], &[0.0; 2]).unwrap();
    for (row, total) in [50e-6 * 0.2, 60e-6 * 0.2].into_iter().enumerate() {
        let lines = solution.word_line_amperes();
        let ends = [lines.first[row], lines.last[row]].map(f64::abs);
        assert!(ends.iter().all(|end| (end / total - 0.5).abs() < 1e-12), "{ends:?} of {total}");
    }
    for (column, total) in [70e-6 * 0.2, 40e-6 * 0.2].into_iter().enumerate() {
        let lines = solution.bit_line_amperes();
        let ends = [lines.first[column], lines.last[column]].map(f64::abs);
        assert!(ends.iter().all(|end| (end / total - 0.5).abs() < 1e-12), "{ends:?} of {total}");
    }
}
