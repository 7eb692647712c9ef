//! Transfer conductances through wires: every topology against a dense nodal analysis, closed forms, stored
//! SPICE results, reciprocity, limits, bad input.

use std::ops::Range;

use forms_xbar::Error;
use forms_xbar::circuit::{Capacitance, Cells, Ends, Network, UnselectedRows, Wires, effective_conductances};
use nalgebra::{ComplexField, DMatrix};
use num_complex::Complex64;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

const ENDS: [Ends; 3] = [Ends::First, Ends::Last, Ends::Both];
const UNSELECTED: [UnselectedRows; 3] =
    [UnselectedRows::Disconnected, UnselectedRows::Grounded, UnselectedRows::Floating];

/// An array whose cells lie in a corner of it.
#[derive(Debug, Clone)]
struct Array {
    size: (usize, usize),
    rows: usize,
    columns: usize,
    siemens: Vec<f64>,
}

impl Array {
    /// Conductances of 1 to 100 µS.
    fn random(size: (usize, usize), rows: usize, columns: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64((rows * 1000 + columns) as u64);
        let siemens = (0..rows * columns).map(|_| rng.random_range(1e-6..100e-6)).collect();
        Array { size, rows, columns, siemens }
    }

    fn cells(&self) -> Cells<'_> {
        Cells { array: self.size, rows: self.rows, columns: self.columns, siemens: &self.siemens }
    }
}

/// Nodes and branches, all of them written down.
struct Nodes<S> {
    /// What each node was merged into, by branches of 0 Ω.
    merged: Vec<usize>,
    branches: Vec<(usize, usize, S)>,
}

impl<S: ComplexField<RealField = f64> + Copy> Nodes<S> {
    fn root(&self, mut node: usize) -> usize {
        while self.merged[node] != node {
            node = self.merged[node];
        }
        node
    }

    fn resistor(&mut self, a: usize, b: usize, ohms: f64) {
        if ohms == 0.0 {
            let (a, b) = (self.root(a), self.root(b));
            self.merged[a] = b;
        } else {
            self.branches.push((a, b, S::from_real(1.0 / ohms)));
        }
    }

    fn node(&mut self) -> usize {
        self.merged.push(self.merged.len());
        self.merged.len() - 1
    }
}

/// The transfer conductances of `driven` rows by nodal analysis of the whole array, `[row][column]`.
fn nodal<S: ComplexField<RealField = f64> + Copy>(
    wires: &Wires,
    array: &Array,
    driven: Range<usize>,
    s: S,
) -> Vec<S> {
    let (rows, columns) = array.size;
    let is_disconnected = |row| wires.unselected() == UnselectedRows::Disconnected && !driven.contains(&row);
    let has_driver = |row| wires.unselected() != UnselectedRows::Floating || driven.contains(&row);
    let mut nodes = Nodes { merged: Vec::new(), branches: Vec::new() };
    let ground = nodes.node();
    let sources: Vec<usize> = (0..rows).map(|_| nodes.node()).collect();
    let senses: Vec<usize> = (0..columns).map(|_| nodes.node()).collect();
    let word: Vec<usize> = (0..rows * columns).map(|_| nodes.node()).collect();
    let bit: Vec<usize> = (0..rows * columns).map(|_| nodes.node()).collect();
    let farads = |of: fn(&Capacitance) -> f64| s * S::from_real(wires.capacitance().as_ref().map_or(0.0, of));
    let terminal_segment = |ohms: f64| if wires.terminal_segments() { ohms } else { 0.0 };

    for row in (0..array.rows).filter(|&row| !is_disconnected(row)) {
        let line = &word[row * columns..][..columns];
        line.windows(2).for_each(|pair| nodes.resistor(pair[0], pair[1], wires.word_line_ohms()));
        for &node in line {
            nodes.branches.push((node, ground, farads(Capacitance::word_line_farads)));
        }
        for (ends, end) in [(Ends::First, line[0]), (Ends::Last, line[columns - 1])] {
            if has_driver(row) && [ends, Ends::Both].contains(&wires.drive()) {
                let middle = nodes.node();
                nodes.resistor(sources[row], middle, wires.driver_ohms());
                nodes.resistor(middle, end, terminal_segment(wires.word_line_ohms()));
            }
        }
        for column in 0..array.columns {
            let cell =
                S::from_real(array.siemens[row * array.columns + column]) + farads(Capacitance::cell_farads);
            let ohms = S::one() / cell + S::from_real(wires.access_ohms());
            nodes.branches.push((line[column], bit[row * columns + column], S::one() / ohms));
        }
    }
    for column in 0..array.columns {
        let line: Vec<usize> = (0..rows).map(|row| bit[row * columns + column]).collect();
        line.windows(2).for_each(|pair| nodes.resistor(pair[0], pair[1], wires.bit_line_ohms()));
        for &node in &line {
            nodes.branches.push((node, ground, farads(Capacitance::bit_line_farads)));
        }
        for (ends, end) in [(Ends::First, line[0]), (Ends::Last, line[rows - 1])] {
            if [ends, Ends::Both].contains(&wires.sense()) {
                let middle = nodes.node();
                nodes.resistor(senses[column], middle, wires.sense_ohms());
                nodes.resistor(middle, end, terminal_segment(wires.bit_line_ohms()));
                nodes.branches.push((middle, ground, farads(Capacitance::sense_farads)));
            }
        }
    }

    // Voltages of ground and of the terminals are known, one right side per driven row.
    let mut known = vec![None; nodes.merged.len()];
    known[nodes.root(ground)] = Some(usize::MAX);
    senses.iter().for_each(|&sense| known[nodes.root(sense)] = Some(usize::MAX));
    sources.iter().enumerate().for_each(|(row, &source)| known[nodes.root(source)] = Some(row));
    let branches: Vec<(usize, usize, S)> = nodes
        .branches
        .iter()
        .map(|&(a, b, y)| (nodes.root(a), nodes.root(b), y))
        .filter(|&(a, b, y)| a != b && y != S::zero())
        .collect();
    let mut unknown: Vec<usize> =
        branches.iter().flat_map(|&(a, b, _)| [a, b]).filter(|&node| known[node].is_none()).collect();
    unknown.sort_unstable();
    unknown.dedup();
    let mut index = vec![usize::MAX; nodes.merged.len()];
    unknown.iter().enumerate().for_each(|(at, &node)| index[node] = at);
    let mut matrix = DMatrix::<S>::zeros(unknown.len(), unknown.len());
    let mut right = DMatrix::<S>::zeros(unknown.len(), driven.len());
    for &(a, b, y) in &branches {
        for (from, to) in [(a, b), (b, a)] {
            if known[from].is_some() {
                continue;
            }
            matrix[(index[from], index[from])] += y;
            match known[to] {
                None => matrix[(index[from], index[to])] -= y,
                Some(row) if driven.contains(&row) => right[(index[from], row - driven.start)] += y,
                Some(_) => {}
            }
        }
    }
    let volts = if unknown.is_empty() { right } else { matrix.lu().solve(&right).expect("connected") };
    let volt = |node: usize, row: usize| match known[node] {
        None => volts[(index[node], row - driven.start)],
        Some(source) if source == row => S::one(),
        Some(_) => S::zero(),
    };
    let mut transfer = vec![S::zero(); driven.len() * array.columns];
    for column in 0..array.columns {
        let sense = nodes.root(senses[column]);
        for &(a, b, y) in &branches {
            for other in [(a, b), (b, a)].into_iter().filter(|ends| ends.0 == sense).map(|ends| ends.1) {
                for row in driven.clone() {
                    transfer[(row - driven.start) * array.columns + column] += y * volt(other, row);
                }
            }
        }
    }
    transfer
}

/// [`effective_conductances`] by nodal analysis.
fn nodal_groups(wires: &Wires, array: &Array, group_rows: usize) -> Vec<f64> {
    if wires.unselected() == UnselectedRows::Grounded {
        return nodal(wires, array, 0..array.rows, 0.0);
    }
    let starts = (0..array.rows).step_by(group_rows);
    starts.flat_map(|start| nodal(wires, array, start..array.rows.min(start + group_rows), 0.0)).collect()
}

/// Largest difference over the largest expected.
fn error<S: ComplexField<RealField = f64> + Copy>(found: &[S], expected: &[S]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().map(|value| value.modulus()).fold(0.0, f64::max);
    found.iter().zip(expected).map(|(&f, &e)| (f - e).modulus() / largest).fold(0.0, |a: f64, b| {
        assert!(b.is_finite());
        a.max(b)
    })
}

fn assert_nodal(wires: &Wires, array: &Array, group_rows: usize) {
    let found = effective_conductances(wires, array.cells(), group_rows).unwrap();
    let error = error(&found, &nodal_groups(wires, array, group_rows));
    assert!(error <= 1e-10, "{error:e} of {wires:?}, {array:?}");
}

fn for_every_end(wires: Wires, mut check: impl FnMut(Wires)) {
    for drive in ENDS {
        for sense in ENDS {
            for terminal_segments in [false, true] {
                for unselected in UNSELECTED {
                    let wires = wires.with_drive(drive).with_sense(sense).with_unselected(unselected);
                    check(wires.with_terminal_segments(terminal_segments));
                }
            }
        }
    }
}

/// Word line, bit line, driver, sense and access, each with and without resistance.
fn resistances() -> impl Iterator<Item = Wires> {
    (0..32).map(|which| {
        let ohms = |bit: u32, ohms: f64| if which >> bit & 1 == 1 { ohms } else { 0.0 };
        let wires = Wires::new(ohms(0, 70.0), ohms(1, 110.0)).unwrap();
        wires.with_terminals(ohms(2, 400.0), ohms(3, 300.0)).unwrap().with_access_ohms(ohms(4, 2e3)).unwrap()
    })
}

#[test]
fn every_topology_and_group() {
    // Wider than high, higher than wide, larger than their cells.
    let arrays = [Array::random((5, 6), 4, 6), Array::random((5, 3), 5, 3), Array::random((4, 5), 3, 3)];
    for wires in resistances() {
        for_every_end(wires, |wires| arrays.iter().for_each(|array| assert_nodal(&wires, array, 2)));
    }
}

#[test]
fn one_row_one_column_one_cell() {
    let arrays = [Array::random((1, 4), 1, 4), Array::random((4, 1), 4, 1), Array::random((1, 1), 1, 1)];
    for wires in resistances() {
        for_every_end(wires, |wires| arrays.iter().for_each(|array| assert_nodal(&wires, array, 1)));
    }
}

#[test]
fn blocks_of_several_tiles() {
    // Long enough for several runs of the elimination, either way round.
    let arrays = [Array::random((9, 27), 9, 26), Array::random((35, 5), 34, 5)];
    for (ohms, terminals) in [(20.0, 0.0), (3.0, 150.0), (0.0, 150.0)] {
        let wires = Wires::new(ohms, ohms).unwrap().with_terminals(terminals, terminals).unwrap();
        for drive in ENDS {
            for unselected in UNSELECTED {
                let wires = wires.with_drive(drive).with_unselected(unselected);
                arrays.iter().for_each(|array| assert_nodal(&wires, array, 5));
            }
        }
    }
}

#[test]
fn complex_frequencies() {
    let array = Array::random((6, 7), 5, 6);
    let capacitance = Capacitance::of_wires(3e-15, 2e-15).unwrap().with_cell(1e-15).unwrap();
    let s = Complex64::new(-1e8, 7e9);
    for wires in resistances() {
        let wires = wires.with_capacitance(capacitance.with_sense(4e-15).unwrap());
        for_every_end(wires, |wires| {
            let driven = 1..4;
            let network = Network::new(&wires, array.cells(), driven.clone(), s).unwrap();
            let found = network.transfer().unwrap();
            let of_driven = network.driven();
            let found = &found[of_driven.start * array.columns..of_driven.end * array.columns];
            let error = error(found, &nodal(&wires, &array, driven, s));
            assert!(error <= 1e-10, "{error:e} of {wires:?}");
        });
    }
}

#[test]
fn a_complex_network_at_rest_is_the_real_one() {
    let array = Array::random((12, 20), 12, 20);
    let capacitance = Capacitance::of_wires(1e-15, 1e-15).unwrap();
    let wires = Wires::new(5.0, 5.0).unwrap().with_capacitance(capacitance);
    let real = Network::new(&wires, array.cells(), 0..12, 0.0).unwrap().transfer().unwrap();
    let complex = Network::new(&wires, array.cells(), 0..12, Complex64::ZERO).unwrap().transfer().unwrap();
    assert!(complex.iter().all(|siemens| siemens.im == 0.0));
    let complex: Vec<f64> = complex.iter().map(|siemens| siemens.re).collect();
    assert!(error(&complex, &real) < 1e-13);
}

#[test]
fn stored_results_of_spice() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/golden");
    let mut cases = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let case: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let matrix = |key: &str| -> Option<Vec<Vec<f64>>> { serde_json::from_value(case[key].clone()).ok() };
        let ohms = |key: &str| case[key].as_f64().unwrap();
        let conductances = matrix("G_S").unwrap();
        let (rows, columns) = (conductances.len(), conductances[0].len());
        let siemens = conductances.concat();
        let wires = Wires::new(ohms("r_word_line"), ohms("r_bit_line")).unwrap();
        let wires = wires.with_terminals(ohms("r_driver"), ohms("r_sense")).unwrap();
        let wires = wires.with_unselected(UnselectedRows::Grounded);
        let cells = Cells { array: (rows, columns), rows, columns, siemens: &siemens };
        let transfer = effective_conductances(&wires, cells, 8).unwrap();
        let currents: Vec<f64> = matrix("V_in")
            .unwrap()
            .iter()
            .flat_map(|volts| {
                let current = |column: usize| {
                    volts.iter().enumerate().map(|(row, v)| v * transfer[row * columns + column]).sum()
                };
                (0..columns).map(current).collect::<Vec<f64>>()
            })
            .collect();
        assert!(error(&currents, &matrix("I_nodal").unwrap().concat()) < 1e-9, "{path:?}");
        if let Some(spice) = matrix("I_spice") {
            assert!(error(&currents, &spice.concat()) < 1e-9, "{path:?}");
            cases += 1;
        }
    }
    assert_eq!(cases, 7);
}

/// Voltage of node `k` of `n` of a uniform ladder with an open end, over that of its source; `2 sinh(θ/2) = √(r g)`.
fn ladder(ohms: f64, siemens: f64, n: usize, k: usize) -> f64 {
    let theta = 2.0 * (0.5 * (ohms * siemens).sqrt()).asinh();
    (((n - k) as f64 - 0.5) * theta).cosh() / ((n as f64 + 0.5) * theta).cosh()
}

#[test]
fn uniform_ladders() {
    const N: usize = 100;
    let (ohms, siemens) = (37.0, 80e-6);
    let row = Array { size: (1, N), rows: 1, columns: N, siemens: vec![siemens; N] };
    let column = Array { size: (N, 1), rows: N, columns: 1, siemens: vec![siemens; N] };
    let along: Vec<f64> = (0..N).map(|k| siemens * ladder(ohms, siemens, N, k)).collect();
    let against: Vec<f64> = along.iter().rev().copied().collect();
    let word = Wires::new(ohms, 0.0).unwrap().with_unselected(UnselectedRows::Grounded);
    let bit = Wires::new(0.0, ohms).unwrap().with_unselected(UnselectedRows::Grounded);
    let cases = [
        (word, &row, &along),
        (word.with_drive(Ends::Last), &row, &against),
        (bit, &column, &against),
        (bit.with_sense(Ends::First), &column, &along),
    ];
    for (wires, array, expected) in cases {
        let found = effective_conductances(&wires, array.cells(), N).unwrap();
        assert!(error(&found, expected) < 1e-13);
    }
}

#[test]
fn one_cell_is_a_series_circuit() {
    let (word, bit, driver, sense, access, siemens) = (3.0, 5.0, 700.0, 110.0, 1300.0, 1e-4);
    let wires = Wires::new(word, bit).unwrap().with_terminals(driver, sense).unwrap();
    let wires = wires.with_access_ohms(access).unwrap();
    // At row 2 and column 1 of an array of 6 × 4, whose other rows are disconnected.
    let mut cells = vec![0.0; 6 * 2];
    cells[2 * 2 + 1] = siemens;
    let cells = Cells { array: (6, 4), rows: 6, columns: 2, siemens: &cells };
    for (drive, sense_at, segments) in
        [(Ends::First, Ends::Last, (2.0, 4.0)), (Ends::Last, Ends::First, (3.0, 3.0))]
    {
        let wires = wires.with_drive(drive).with_sense(sense_at);
        let found = effective_conductances(&wires, cells, 1).unwrap()[2 * 2 + 1];
        let ohms = driver + segments.0 * word + access + 1.0 / siemens + segments.1 * bit + sense;
        assert!((found * ohms - 1.0).abs() < 1e-14, "{found:e}");
    }
}

#[test]
fn ideal_wires_give_the_cells() {
    let array = Array::random((24, 40), 20, 33);
    let ideal = Wires::new(0.0, 0.0).unwrap();
    for_every_end(ideal, |wires| {
        let found = effective_conductances(&wires, array.cells(), 8).unwrap();
        assert!(error(&found, &array.siemens) < 1e-15);
    });
    // The loss falls with the resistance, down to where rounding is.
    for exponent in 2..9 {
        let ohms = 0.1f64.powi(exponent);
        for_every_end(Wires::new(ohms, ohms).unwrap(), |wires| {
            let found = effective_conductances(&wires, array.cells(), 8).unwrap();
            let error = error(&found, &array.siemens);
            assert!(error < ohms + 1e-13, "{error:e} at {ohms} Ω of {wires:?}");
        });
    }
}

#[test]
fn wires_and_terminals_of_different_size() {
    let array = Array::random((8, 12), 8, 12);
    // A direct solve with segments as good as these rounds them away; without them it does not.
    for (ohms, nodal_ohms, terminals) in [(1e-6, 0.0, 1e6), (1e-6, 0.0, 1e-2), (1e5, 1e5, 1e-2)] {
        let wires = |ohms| Wires::new(ohms, ohms).unwrap().with_terminals(terminals, terminals).unwrap();
        for unselected in UNSELECTED {
            for drive in ENDS {
                let topology = |wires: Wires| wires.with_unselected(unselected).with_drive(drive);
                let found = effective_conductances(&topology(wires(ohms)), array.cells(), 3).unwrap();
                let error = error(&found, &nodal_groups(&topology(wires(nodal_ohms)), &array, 3));
                assert!(error <= 1e-7, "{error:e} at {ohms} Ω, {terminals} Ω, {unselected:?}, {drive:?}");
            }
        }
    }
}

fn transposed(matrix: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    (0..rows * columns).map(|at| matrix[at % rows * columns + at / rows]).collect()
}

/// Any resistance, 0 among them.
fn any_ohms() -> impl Strategy<Value = f64> {
    prop_oneof![1 => Just(0.0), 4 => 1e-2..1e3f64]
}

fn any_end() -> impl Strategy<Value = Ends> {
    prop_oneof![Just(Ends::First), Just(Ends::Last), Just(Ends::Both)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// An array driven from its sense terminals is the transposed array.
    #[test]
    fn reciprocity(
        (rows, columns) in (1..30usize, 1..30usize),
        (word, bit, driver, sense_ohms) in (any_ohms(), any_ohms(), any_ohms(), any_ohms()),
        (drive, sense) in (any_end(), any_end()),
        terminal_segments: bool,
    ) {
        let array = Array::random((rows + 1, columns + 2), rows, columns);
        let turned = Array {
            size: (columns + 2, rows + 1),
            rows: columns,
            columns: rows,
            siemens: transposed(&array.siemens, rows, columns),
        };
        let settle = |wires: Wires| {
            wires.with_terminal_segments(terminal_segments).with_unselected(UnselectedRows::Grounded)
        };
        let wires = Wires::new(word, bit).unwrap().with_terminals(driver, sense_ohms).unwrap();
        let wires = settle(wires.with_drive(drive).with_sense(sense));
        let back = Wires::new(bit, word).unwrap().with_terminals(sense_ohms, driver).unwrap();
        let back = settle(back.with_drive(sense).with_sense(drive));
        let found = effective_conductances(&wires, array.cells(), 8).unwrap();
        let turned = effective_conductances(&back, turned.cells(), 8).unwrap();
        let error = error(&found, &transposed(&turned, columns, rows));
        prop_assert!(error < 1e-11, "{error:e}");
    }

    /// Numbers of any size: a result, or an error, but never what is no number.
    #[test]
    fn extremes(
        exponents in proptest::collection::vec(-320..308i32, 12),
        ohms in proptest::collection::vec(-9..=12i32, 4),
        (drive, sense) in (any_end(), any_end()),
        unselected in 0..3usize,
    ) {
        let power = |exponent: &i32| 10f64.powi(*exponent);
        let siemens: Vec<f64> = exponents.iter().map(power).collect();
        let ohms: Vec<f64> = ohms.iter().map(power).collect();
        let wires = Wires::new(ohms[0], ohms[1]).unwrap().with_terminals(ohms[2], ohms[3]).unwrap();
        let wires = wires.with_drive(drive).with_sense(sense).with_unselected(UNSELECTED[unselected]);
        for (rows, columns) in [(3, 4), (4, 3)] {
            let cells = Cells { array: (rows, columns), rows, columns, siemens: &siemens };
            match effective_conductances(&wires, cells, 2) {
                Ok(transfer) => prop_assert!(transfer.iter().all(|siemens| siemens.is_finite())),
                Err(Error::Real { .. } | Error::Disconnected { .. }) => {}
                Err(error) => prop_assert!(false, "{error}"),
            }
        }
    }
}

#[test]
fn lines_without_a_path_to_a_terminal() {
    let mut array = Array::random((4, 3), 4, 3);
    array.siemens[2 * 3..].fill(0.0);
    let wires = Wires::new(1.0, 1.0).unwrap();
    let transfer = |unselected| effective_conductances(&wires.with_unselected(unselected), array.cells(), 2);
    assert_eq!(transfer(UnselectedRows::Floating), Err(Error::Disconnected { line: "word line", index: 2 }));
    for unselected in [UnselectedRows::Grounded, UnselectedRows::Disconnected] {
        let transfer = transfer(unselected).unwrap();
        assert!(transfer[..6].iter().all(|siemens| *siemens > 0.0));
        assert!(transfer[6..].iter().all(|siemens| *siemens == 0.0));
    }
}

#[test]
fn bad_input() {
    let array = Array::random((4, 3), 4, 3);
    let wires = Wires::new(1.0, 1.0).unwrap();
    for ohms in [1e-10, 1e13, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(Wires::new(ohms, 1.0), Err(Error::Real { max: 1e12, .. })), "{ohms}");
        assert!(wires.with_terminals(0.0, ohms).is_err() && wires.with_access_ohms(ohms).is_err());
    }
    assert!(matches!(
        effective_conductances(&wires.with_gated_inputs(true), array.cells(), 2),
        Err(Error::Conflict { second: "gated inputs", .. })
    ));
    for s in [f64::NAN, f64::INFINITY] {
        assert!(matches!(Network::new(&wires, array.cells(), 0..2, s), Err(Error::Real { .. })));
    }
    assert_eq!(
        effective_conductances(&wires, array.cells(), 0),
        Err(Error::Integer { name: "rows of an active group", value: 0, min: 1, max: i64::MAX })
    );
    let short = Cells { siemens: &array.siemens[1..], ..array.cells() };
    for unselected in UNSELECTED {
        let wires = wires.with_unselected(unselected);
        assert_eq!(
            effective_conductances(&wires, short, 2),
            Err(Error::Length { name: "conductances of the network", expected: 12, found: 11 })
        );
    }
    let mut siemens = array.siemens.clone();
    siemens[7] = f64::NAN;
    let cells = Cells { siemens: &siemens, ..array.cells() };
    assert!(matches!(
        effective_conductances(&wires, cells, 2),
        Err(Error::Conductance { row: 2, column: 1, .. })
    ));
    // A group larger than the array is the array.
    let all = effective_conductances(&wires, array.cells(), usize::MAX).unwrap();
    assert_eq!(all, effective_conductances(&wires, array.cells(), 4).unwrap());
}
