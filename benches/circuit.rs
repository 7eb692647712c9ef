//! What wires cost: transfer conductances beside a generic sparse Cholesky factorisation of the same networks.
//!
//! `cargo bench --bench circuit`; the figures and their machine stand in docs/performance.md.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use faer::prelude::Solve;
use faer::sparse::linalg::solvers::{Llt, SymbolicLlt};
use faer::sparse::{SparseColMat, Triplet};
use faer::{Mat, Side};
use forms_xbar::circuit::{
    Cells, Network, Solver, SolverSettings, UnselectedRows, Wires, effective_conductances,
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

const OHMS: f64 = 1.0;
const ACTIVE_ROWS: usize = 8;

/// Conductances of 1 to 100 µS.
fn conductances(rows: usize, columns: usize) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    (0..rows * columns).map(|_| rng.random_range(1e-6..100e-6)).collect()
}

fn wires(unselected: UnselectedRows) -> Wires {
    Wires::new(OHMS, OHMS).expect("valid wires").with_unselected(unselected)
}

fn transfer(wires: &Wires, siemens: &[f64], (rows, columns): (usize, usize)) -> Vec<f64> {
    let cells = Cells { array: (rows, columns), rows, columns, siemens };
    effective_conductances(wires, cells, ACTIVE_ROWS).expect("solvable")
}

/// Transfer conductances by nodal analysis of two nodes a cell, one right side per row; `below` rows without
/// cells lie between the network and its sense terminals.
fn cholesky(siemens: &[f64], columns: usize, below: usize) -> Vec<f64> {
    let rows = siemens.len() / columns;
    let word = |row: usize, column: usize| row * columns + column;
    let bit = |row: usize, column: usize| (rows + row) * columns + column;
    let segment = 1.0 / OHMS;
    let sense = 1.0 / (OHMS * (1 + below) as f64);
    let mut triplets = Vec::new();
    let mut branch = |a: usize, b: Option<usize>, siemens: f64| {
        triplets.push(Triplet::new(a, a, siemens));
        if let Some(b) = b {
            triplets.push(Triplet::new(b, b, siemens));
            triplets.push(Triplet::new(a.max(b), a.min(b), -siemens));
        }
    };
    for row in 0..rows {
        for column in 0..columns {
            branch(word(row, column), Some(bit(row, column)), siemens[word(row, column)]);
            let before = column.checked_sub(1).map(|column| word(row, column));
            branch(word(row, column), before, segment);
            let (beyond, ohmic) =
                if row + 1 < rows { (Some(bit(row + 1, column)), segment) } else { (None, sense) };
            branch(bit(row, column), beyond, ohmic);
        }
    }
    let nodes = 2 * rows * columns;
    let matrix =
        SparseColMat::<usize, f64>::try_new_from_triplets(nodes, nodes, &triplets).expect("in range");
    let symbolic = SymbolicLlt::try_new(matrix.symbolic(), Side::Lower).expect("fits");
    let factors = Llt::try_new_with_symbolic(symbolic, matrix.as_ref(), Side::Lower).expect("definite");
    let mut volts = Mat::<f64>::zeros(nodes, rows);
    (0..rows).for_each(|row| volts[(word(row, 0), row)] = segment);
    factors.solve_in_place(&mut volts);
    let current = |row, column| sense * volts[(bit(rows - 1, column), row)];
    (0..rows * columns).map(|at| current(at / columns, at % columns)).collect()
}

fn cholesky_of_groups(siemens: &[f64], columns: usize) -> Vec<f64> {
    let rows = siemens.len() / columns;
    let groups = siemens.chunks(ACTIVE_ROWS * columns).enumerate();
    groups
        .flat_map(|(group, siemens)| {
            cholesky(siemens, columns, rows.saturating_sub((group + 1) * ACTIVE_ROWS))
        })
        .collect()
}

/// Both give the same numbers, or comparing their times would say nothing.
fn assert_equal(found: &[f64], expected: &[f64]) {
    let differ = found.iter().zip(expected).map(|(f, e)| (f - e).abs()).fold(0.0, f64::max);
    let largest = expected.iter().copied().fold(0.0, f64::max);
    assert!(differ <= 1e-10 * largest, "{:e}", differ / largest);
}

fn groups(c: &mut Criterion) {
    const SIZE: (usize, usize) = (128, 512);
    let mut group = c.benchmark_group("disconnected_rows_128x512");
    group.sample_size(10);
    let (siemens, wires) = (conductances(SIZE.0, SIZE.1), wires(UnselectedRows::Disconnected));
    assert_equal(&transfer(&wires, &siemens, SIZE), &cholesky_of_groups(&siemens, SIZE.1));
    group.bench_function("transfer", |b| b.iter(|| transfer(&wires, black_box(&siemens), SIZE)));
    group.bench_function("cholesky", |b| b.iter(|| cholesky_of_groups(black_box(&siemens), SIZE.1)));
    group.finish();
}

fn whole_array(c: &mut Criterion) {
    const SIZE: (usize, usize) = (128, 128);
    let mut group = c.benchmark_group("grounded_rows_128x128");
    group.sample_size(10);
    let (siemens, wires) = (conductances(SIZE.0, SIZE.1), wires(UnselectedRows::Grounded));
    assert_equal(&transfer(&wires, &siemens, SIZE), &cholesky(&siemens, SIZE.1, 0));
    group.bench_function("transfer", |b| b.iter(|| transfer(&wires, black_box(&siemens), SIZE)));
    group.bench_function("cholesky", |b| b.iter(|| cholesky(black_box(&siemens), SIZE.1, 0)));
    group.finish();
}

fn growth(c: &mut Criterion) {
    let mut group = c.benchmark_group("growth");
    group.sample_size(10);
    for (name, unselected) in [
        ("disconnected", UnselectedRows::Disconnected),
        ("grounded", UnselectedRows::Grounded),
        ("floating", UnselectedRows::Floating),
    ] {
        // 512 × 512 with floating rows takes what it takes with grounded ones, several seconds.
        let sizes: &[usize] = match unselected {
            UnselectedRows::Floating => &[32, 64, 128, 256],
            UnselectedRows::Disconnected | UnselectedRows::Grounded => &[32, 64, 128, 256, 512],
        };
        for &size in sizes {
            let (siemens, wires) = (conductances(size, size), wires(unselected));
            group.bench_with_input(BenchmarkId::new(name, size), &size, |b, &size| {
                b.iter(|| transfer(&wires, black_box(&siemens), (size, size)));
            });
        }
    }
    group.finish();
}

/// One input: factoring the network, then a solution of all its voltages.
fn one_input(c: &mut Criterion) {
    let mut group = c.benchmark_group("one_input");
    group.sample_size(10);
    for size in [128, 512] {
        for ohms in [1.0, 1e3] {
            let siemens = conductances(size, size);
            let cells = Cells { array: (size, size), rows: size, columns: size, siemens: &siemens };
            let wires =
                Wires::new(ohms, ohms).expect("valid wires").with_unselected(UnselectedRows::Grounded);
            let network = Network::new(&wires, cells, 0..size, 0.0).expect("valid network");
            let (volts, ground) = (vec![0.2; size], vec![0.0; size]);
            group.bench_function(format!("{size}x{size}_{ohms}_ohm"), |b| {
                b.iter(|| {
                    let solver = Solver::new(&network, SolverSettings::default()).expect("connected");
                    solver.solve(black_box(&volts), &ground).expect("converges")
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, groups, whole_array, one_input, growth);
criterion_main!(benches);
