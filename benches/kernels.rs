//! How fast is the direct kernel, beside the reference kernel and beside nalgebra's float product of
//! the same shape in the same run? One element of throughput is one MVM.
//!
//! `cargo bench --bench kernels`; the ratios and their machine stand in docs/performance.md.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use forms_xbar::nalgebra::DMatrix;
use forms_xbar::{ActivityLevel, Adc, Design, Die, Key, Mapping, ReadNoise, Weights, presets};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use rand_distr::{Distribution, StandardNormal};

const SIZE: usize = 128;
const BATCH: usize = 256;

/// A polarized 8-bit matrix of SIZE × SIZE.
fn weights(fragment: usize) -> Weights {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut signs = vec![1; SIZE];
    let values: Vec<i32> = (0..SIZE * SIZE)
        .map(|at| {
            let (input, output) = (at / SIZE, at % SIZE);
            if input % fragment == 0 {
                signs[output] = if rng.random() { 1 } else { -1 };
            }
            let magnitude: f64 = StandardNormal.sample(&mut rng);
            signs[output] * (40.0 * magnitude.abs()).min(127.0) as i32
        })
        .collect();
    Weights::from_row_slice(SIZE, SIZE, 8, &values).expect("valid weights")
}

/// A batch of uniform bytes, or of bytes of which half are 0, as after a ReLU.
fn inputs(relu: bool) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut draw = || {
        if relu {
            let activation: f64 = StandardNormal.sample(&mut rng);
            (64.0 * activation).clamp(0.0, 255.0) as u8
        } else {
            rng.random()
        }
    };
    (0..SIZE * BATCH).map(|_| draw()).collect()
}

fn design(fragment: usize, noise: ReadNoise) -> Design {
    presets::forms()
        .mapping(Mapping::Polarized { fragment })
        .adc(Adc::granular(4))
        .input_bits(8)
        .read_noise(noise)
        .build()
        .expect("valid design")
}

fn program(fragment: usize, noise: ReadNoise) -> Die {
    design(fragment, noise).program_keyed(&weights(fragment), Key::from(3)).expect("programs")
}

fn kernels(c: &mut Criterion) {
    let mut group = c.benchmark_group("mvm_128x128");
    group.throughput(Throughput::Elements(BATCH as u64));
    let (dense, relu) = (inputs(false), inputs(true));

    let matrix = DMatrix::from_iterator(SIZE, SIZE, weights(8).as_row_slice().iter().map(|&w| w as f32));
    let x = DMatrix::from_iterator(SIZE, BATCH, dense.iter().map(|&x| f32::from(x)));
    let mut product = DMatrix::zeros(SIZE, BATCH);
    group.bench_function("nalgebra_f32", |b| {
        b.iter(|| product.gemm(1.0, black_box(&matrix), black_box(&x), 0.0))
    });

    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let mut y = vec![0i32; SIZE * BATCH];
    for (name, fragment, x) in
        [("dense", 4, &dense), ("dense", 8, &dense), ("relu", 8, &relu), ("dense", 16, &dense)]
    {
        let die = program(fragment, ReadNoise::NONE);
        group.bench_function(BenchmarkId::new(format!("direct_{name}"), fragment), |b| {
            b.iter(|| die.mvm_batch_into(black_box(x), &mut rng, &mut y, ActivityLevel::Counts));
        });
    }

    group.sample_size(10);
    let noisy = program(8, ReadNoise::new(0.02, 1e-7).expect("valid noise"));
    group.bench_function("direct_noisy/8", |b| {
        b.iter(|| noisy.mvm_batch_into(black_box(&dense), &mut rng, &mut y, ActivityLevel::Counts));
    });
    let die = program(8, ReadNoise::NONE);
    group.bench_function("reference/8", |b| {
        b.iter(|| {
            for x in black_box(&dense).chunks_exact(SIZE) {
                black_box(die.mvm_reference_keyed(x, Key::from(5)).expect("reads"));
            }
        });
    });
    group.finish();
}

fn programming(c: &mut Criterion) {
    let mut group = c.benchmark_group("program_128x128");
    let cells = (SIZE * SIZE * 4) as u64;
    group.throughput(Throughput::Elements(cells));
    let (weights, design) = (weights(8), design(8, ReadNoise::NONE));
    group.bench_function("lognormal", |b| b.iter(|| design.program_keyed(black_box(&weights), Key::from(3))));
    group.finish();
}

criterion_group!(benches, kernels, programming);
criterion_main!(benches);
