//! What programming costs, and what its parts cost: one element of throughput is one cell, or one draw.
//!
//! `cargo bench --bench programming`; the figures and their machine stand in docs/performance.md.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use forms_xbar::device::{Ageing, Conditions, Relaxation};
use forms_xbar::fixed::round_reals;
use forms_xbar::key::Purpose;
use forms_xbar::mapping::{Layout, LayoutSettings, Mapping};
use forms_xbar::{Cell, Design, Die, Key, Programming, StuckCells, Weights, presets};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

const SIZE: usize = 1024;
const SLICES: usize = 4;

/// A polarized 8-bit matrix of SIZE × SIZE in 2-bit cells.
fn weights() -> Weights {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let signs: Vec<i32> = (0..SIZE).map(|_| if rng.random() { 1 } else { -1 }).collect();
    let values: Vec<i32> = (0..SIZE * SIZE).map(|at| signs[at % SIZE] * rng.random_range(0..128)).collect();
    Weights::from_row_slice(SIZE, SIZE, 8, &values).expect("valid weights")
}

fn draws(c: &mut Criterion) {
    const ROW: usize = 128;
    let mut group = c.benchmark_group("draws");
    group.throughput(Throughput::Elements((ROW * ROW) as u64));
    let mut values = vec![0.0; ROW * ROW];
    let deviations = vec![1e-6; ROW];
    let key = Key::from(1);
    let mut rows = |name: &str, fill: &dyn Fn(u64, &mut [f32])| {
        group.bench_function(name, |b| {
            b.iter(|| (0..).zip(values.chunks_exact_mut(ROW)).for_each(|(row, values)| fill(row, values)));
        });
    };
    let stream = |row| key.stream(Purpose::Programming, [0, row, 0]);
    rows("scalar_normals", &|row, values| {
        let mut stream = stream(row);
        values.iter_mut().for_each(|value| *value = stream.normal() as f32);
    });
    rows("normals", &|row, values| stream(row).fill_normals(values));
    rows("uniforms", &|row, values| stream(row).fill_uniforms(values));
    rows("truncated_normals", &|row, values| {
        values.fill(2e-6);
        stream(row).fill_truncated_normals(values, &deviations);
    });
    group.finish();
}

fn steps(c: &mut Criterion) {
    let mut group = c.benchmark_group("steps_1024x1024");
    group.sample_size(10);
    group.throughput(Throughput::Elements((SIZE * SIZE * SLICES) as u64));
    let weights = weights();
    let mappings = [
        ("map_polarized", Mapping::Polarized { fragment: 8 }, false),
        ("map_offset_flipped", Mapping::Offset, true),
    ];
    for (name, mapping, column_flip) in mappings {
        let settings = LayoutSettings {
            mapping,
            column_flip,
            cell_bits: 2,
            array_rows: 128,
            array_columns: 128,
            active_rows: 8,
        };
        let layout = Layout::new(settings, SIZE, SIZE, weights.range()).expect("valid layout");
        group.bench_function(name, |b| {
            b.iter(|| {
                for array in 0..layout.arrays() {
                    black_box(layout.map(weights.as_row_slice(), array).expect("maps"));
                }
            });
        });
    }
    let reals: Vec<f64> = (0..128).map(|i| 1e4 * f64::from(i) / 7.0).collect();
    let mut rounded = vec![0; reals.len()];
    group.bench_function("round", |b| {
        b.iter(|| {
            for _ in 0..SIZE * SIZE * SLICES / reals.len() {
                round_reals(black_box(&reals), &mut rounded).expect("in range");
            }
        });
    });
    group.finish();
}

fn programming(c: &mut Criterion) {
    let mut group = c.benchmark_group("program_1024x1024");
    group.sample_size(10);
    group.throughput(Throughput::Elements((SIZE * SIZE * SLICES) as u64));
    let weights = weights();
    let exact = Cell::new(presets::forms().build().expect("valid design").cell().levels().clone());
    let lognormal = exact.clone().with_programming(Programming::Lognormal { sigma: 0.1 });
    let stuck = StuckCells::new(0.0175, 0.0904).expect("valid rates");
    let cells = [
        ("exact", exact),
        ("lognormal", lognormal.clone()),
        ("lognormal_stuck", lognormal.clone().with_stuck_cells(stuck)),
    ];
    for (name, cell) in cells {
        let design: Design = presets::forms().cell(cell).build().expect("valid design");
        group.bench_function(name, |b| {
            b.iter_custom(|runs| {
                programmed(runs, || design.program_keyed(black_box(&weights), Key::from(3)))
            });
        });
    }
    // Programmed and looked at a day later.
    let ageing = Ageing::NONE.with_relaxation(neurram_relaxation().expect("valid relaxation"));
    let relaxed = lognormal.with_ageing(ageing);
    let day = Conditions { elapsed_secs: 86_400.0, ..Conditions::FRESH };
    // MNSIM 2.0's rates, then Chen's.
    let few = StuckCells::new(0.001, 0.001).expect("valid rates");
    for (name, stuck) in [("lognormal_few_stuck_relaxed", few), ("lognormal_stuck_relaxed", stuck)] {
        let design =
            presets::forms().cell(relaxed.clone().with_stuck_cells(stuck)).build().expect("valid design");
        group.bench_function(name, |b| {
            b.iter_custom(|runs| {
                programmed(runs, || design.program_keyed_at(black_box(&weights), Key::from(3), &day))
            });
        });
    }
    group.finish();

    let cells = (SIZE * SIZE * SLICES) as f64;
    let design = presets::forms().cell(relaxed).build().expect("valid design");
    let memory = design.program_keyed_at(&weights, Key::from(3), &day).expect("programs").memory();
    println!(
        "memory, bytes a cell: {:.3} programmed, {:.3} recipes, {:.3} grid",
        memory.conductances as f64 / cells,
        memory.recipes as f64 / cells,
        memory.grid as f64 / cells
    );
}

/// The time of so many runs, without that of freeing the dies.
fn programmed(runs: u64, program: impl Fn() -> forms_xbar::Result<Die>) -> Duration {
    let timed = |_| {
        let start = Instant::now();
        let die = black_box(program());
        let time = start.elapsed();
        drop(die);
        time
    };
    (0..runs).map(timed).sum()
}

/// aihwkit's fit of NeuRRAM.
fn neurram_relaxation() -> forms_xbar::Result<Relaxation> {
    let second = (1.0, &[0.348, 16.03, -43.853, 45.393, -16.815][..]);
    let day = (86_400.0, &[0.701, 22.086, -50.773, 47.095, -16.458][..]);
    Relaxation::between(40e-6, 1e-6, (0.0, 40e-6), second, day)
}

criterion_group!(benches, draws, steps, programming);
criterion_main!(benches);
