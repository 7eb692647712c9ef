//! How fast are projections, beside a copy of the same matrix in the same run? One element of throughput is one
//! weight. Projecting works in place on a matrix that stays as projected, which costs what a first projection
//! costs: the loops have no branch on values.
//!
//! `cargo bench --bench polarize`; the ratios and their machine stand in docs/performance.md.

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use forms_xbar::RealWeights;
use forms_xbar::polarize::{Polarization, Pruning, Quantization, ScaleRule, SignRule};
use rand::{SeedableRng, rngs::ChaCha8Rng};
use rand_distr::{Distribution, StandardNormal};

const SIZE: usize = 4096;

fn projections(c: &mut Criterion) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let values: Vec<f32> = (0..SIZE * SIZE).map(|_| StandardNormal.sample(&mut rng)).collect();
    let mut group = c.benchmark_group("polarize_4096x4096");
    group.sample_size(20);
    group.throughput(Throughput::Elements((SIZE * SIZE) as u64));
    let mut copied = vec![0f32; SIZE * SIZE];
    // Again before each kind: a machine's memory is not as fast at all times.
    let mut copy = |group: &mut BenchmarkGroup<'_, WallTime>, before: &str| {
        group.bench_function(BenchmarkId::new("copy", before), |b| {
            b.iter(|| black_box(&mut copied).copy_from_slice(black_box(&values)))
        });
    };
    copy(&mut group, "polarize");
    for fragment in [4, 8, 16, 128] {
        for (name, rule) in [("sum", SignRule::Sum), ("nearest", SignRule::Nearest)] {
            let polarization = Polarization::new(fragment, rule).expect("valid fragment");
            let mut weights = RealWeights::from_row_slice(SIZE, SIZE, &values).expect("valid weights");
            let signs = polarization.signs(&weights);
            group.bench_function(BenchmarkId::new(name, fragment), |b| {
                b.iter(|| polarization.project(black_box(&mut weights)))
            });
            if rule == SignRule::Sum {
                group.bench_function(BenchmarkId::new("held_signs", fragment), |b| {
                    b.iter(|| signs.project(black_box(&mut weights)))
                });
            }
        }
    }
    let matrix = || RealWeights::from_row_slice(SIZE, SIZE, &values).expect("valid weights");
    let min_max = Quantization::new(8, ScaleRule::MinMax).expect("valid bits");
    let given =
        Quantization::new(8, min_max.steps(&matrix()).map(|steps| ScaleRule::Step(steps[0])).expect("steps"));
    copy(&mut group, "quantize");
    let quantile = Quantization::new(8, ScaleRule::Quantile(0.999)).expect("valid quantile");
    for (name, quantization) in [
        ("quantize_given", given.expect("valid step")),
        ("quantize_min_max", min_max),
        ("quantize_min_max_per_column", min_max.with_step_per_column()),
        ("quantize_quantile", quantile),
    ] {
        let mut weights = matrix();
        group.bench_function(name, |b| b.iter(|| quantization.project(black_box(&mut weights))));
    }
    // What these take beyond a given step.
    let weights = matrix();
    let least_squares = Quantization::new(8, ScaleRule::LeastSquares).expect("valid bits");
    for (name, quantization, samples) in
        [("steps_quantile", quantile, 20), ("steps_least_squares", least_squares, 10)]
    {
        group.sample_size(samples);
        group.bench_function(name, |b| b.iter(|| quantization.steps(black_box(&weights))));
    }
    group.sample_size(20);
    // What returns a new matrix writes memory that it has just been given.
    group.bench_function("copy_to_new", |b| b.iter(|| black_box(&values).to_vec()));
    group.bench_function("quantize_min_max_to_new", |b| b.iter(|| min_max.quantize(black_box(&weights))));
    copy(&mut group, "prune");
    for (name, ratio) in [("half", 0.5), ("quarter", 0.25)] {
        let pruning = Pruning::new(ratio, ratio).expect("valid ratios");
        let mut weights = matrix();
        group.bench_function(BenchmarkId::new("prune", name), |b| {
            b.iter(|| pruning.project(black_box(&mut weights)))
        });
        let kept = pruning.select(&matrix());
        group.bench_function(BenchmarkId::new("prune_held", name), |b| {
            b.iter(|| kept.project(black_box(&mut weights)))
        });
    }
    group.finish();
}

criterion_group!(benches, projections);
criterion_main!(benches);
