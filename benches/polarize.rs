//! How fast are projections, beside a copy of the same matrix in the same run? One element of throughput is one
//! weight. Projecting works in place on a matrix that stays as projected, which costs what a first projection
//! costs: the loops have no branch on values.
//!
//! `cargo bench --bench polarize`; the ratios and their machine stand in docs/performance.md.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use forms_xbar::RealWeights;
use forms_xbar::polarize::{Polarization, Quantization, ScaleRule, SignRule};
use rand::{SeedableRng, rngs::ChaCha8Rng};
use rand_distr::{Distribution, StandardNormal};

const SIZE: usize = 4096;

fn projections(c: &mut Criterion) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let values: Vec<f32> = (0..SIZE * SIZE).map(|_| StandardNormal.sample(&mut rng)).collect();
    let mut group = c.benchmark_group("polarize_4096x4096");
    group.sample_size(20);
    group.throughput(Throughput::Elements((SIZE * SIZE) as u64));
    let mut copy = vec![0f32; SIZE * SIZE];
    group.bench_function("copy", |b| b.iter(|| black_box(&mut copy).copy_from_slice(black_box(&values))));
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
    let weights = RealWeights::from_row_slice(SIZE, SIZE, &values).expect("valid weights");
    let quantization = Quantization::new(8, ScaleRule::MinMax).expect("valid bits");
    group.bench_function("quantize_min_max", |b| b.iter(|| quantization.quantize(black_box(&weights))));
    group.finish();
}

criterion_group!(benches, projections);
criterion_main!(benches);
