//! A prepared die beside a float product of the same shape, `gemm`'s with AVX-512: time is per vector.
//!
//! `cargo bench --bench prepared`; the ratios and their machine stand in docs/performance.md.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use forms_xbar::kernel::Level;
use forms_xbar::{ActivityLevel, Adc, Budget, Die, Key, Mapping, Prepared, Weights, presets};
use gemm::Parallelism;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

const BATCH: usize = 256;

/// A polarized 8-bit matrix.
fn weights(size: usize, fragment: usize) -> Weights {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut signs = vec![1; size];
    let values: Vec<i32> = (0..size * size)
        .map(|at| {
            if (at / size).is_multiple_of(fragment) {
                signs[at % size] = if rng.random() { 1 } else { -1 };
            }
            signs[at % size] * rng.random_range(0..128)
        })
        .collect();
    Weights::from_row_slice(size, size, 8, &values).expect("valid weights")
}

fn program(size: usize, fragment: usize, input_bits: u32) -> Die {
    let design = presets::forms()
        .mapping(Mapping::Polarized { fragment })
        .adc(Adc::granular(4))
        .input_bits(input_bits)
        .build()
        .expect("valid design");
    design.program_keyed(&weights(size, fragment), Key::from(3)).expect("programs")
}

/// A batch of uniform bytes, or of bytes of which half are 0, as after a ReLU.
fn inputs(size: usize, relu: bool) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    (0..size * BATCH).map(|_| if relu && rng.random() { 0 } else { rng.random() }).collect()
}

fn float_product(c: &mut Criterion, group: &str, size: usize) {
    let mut group = c.benchmark_group(group);
    group.throughput(Throughput::Elements(BATCH as u64));
    let floats = |length: usize| (0..length).map(|at| (at * 37 % 256) as f32).collect::<Vec<_>>();
    let (w, x, mut y) = (floats(size * size), floats(size * BATCH), vec![0f32; size * BATCH]);
    group.bench_function("gemm_f32", |b| {
        b.iter(|| {
            let (y, w, x) = (black_box(&mut y).as_mut_ptr(), w.as_ptr(), x.as_ptr());
            let stride = size as isize;
            // SAFETY: outputs × batch from outputs × inputs and inputs × batch, all within their vectors.
            #[allow(unsafe_code)]
            unsafe {
                gemm::gemm(
                    size,
                    BATCH,
                    size,
                    y,
                    stride,
                    1,
                    false,
                    w,
                    1,
                    stride,
                    x,
                    stride,
                    1,
                    0.0,
                    1.0,
                    false,
                    false,
                    false,
                    Parallelism::None,
                );
            }
        });
    });
    group.finish();
}

fn batches(c: &mut Criterion) {
    float_product(c, "batch_128x128", 128);
    let mut group = c.benchmark_group("batch_128x128");
    group.throughput(Throughput::Elements(BATCH as u64));
    let (dense, relu) = (inputs(128, false), inputs(128, true));
    let mut run = |name: &str, prepared: &Prepared<'_>, x: &[u8], level: ActivityLevel| {
        let mut y = vec![0i32; x.len()];
        let kernel = prepared.plan().kernel;
        group.bench_function(BenchmarkId::new(name, format!("{kernel:?}")), |b| {
            b.iter(|| prepared.mvm_batch_into_keyed(black_box(x), |_| Key::from(1), &mut y, level));
        });
    };
    let die = program(128, 8, 8);
    for level in Level::available() {
        let prepared = die.prepare(Budget::default().with_level(level)).expect("prepares");
        run(&format!("dense_{level:?}"), &prepared, &dense, ActivityLevel::Counts);
    }
    let prepared = die.prepare(Budget::default()).expect("prepares");
    run("dense_uncounted", &prepared, &dense, ActivityLevel::Off);
    run("dense_energy", &prepared, &dense, ActivityLevel::CountsAndEnergy);
    run("relu", &prepared, &relu, ActivityLevel::Counts);
    for fragment in [4, 16, 128] {
        let die = program(128, fragment, 8);
        let prepared = die.prepare(Budget::default()).expect("prepares");
        run(&format!("fragment_{fragment}"), &prepared, &dense, ActivityLevel::Counts);
    }
    let direct = die.prepare(Budget::default().with_bytes(0)).expect("prepares");
    run("no_tables", &direct, &dense, ActivityLevel::Counts);
    let die = program(128, 8, 16);
    let prepared = die.prepare(Budget::default()).expect("prepares");
    let wide: Vec<u16> = dense.iter().map(|&x| u16::from(x) * 257).collect();
    let mut y = vec![0i64; dense.len()];
    group.bench_function("dense_16_bits", |b| {
        b.iter(|| {
            prepared.mvm_batch_into_keyed(black_box(&wide), |_| Key::from(1), &mut y, ActivityLevel::Counts)
        });
    });
    group.finish();
}

fn single(c: &mut Criterion) {
    let mut group = c.benchmark_group("one_vector_128x128");
    let die = program(128, 8, 8);
    let prepared = die.prepare(Budget::default()).expect("prepares");
    let (x, mut y) = (inputs(128, false), vec![0i32; 128]);
    let mut scratch = prepared.scratch(ActivityLevel::Counts);
    let mut vectors = x.chunks_exact(128).cycle();
    group.bench_function("prepared", |b| {
        b.iter(|| prepared.mvm_into_keyed(vectors.next().unwrap_or(&x), Key::from(1), &mut y, &mut scratch));
    });
    group.bench_function("prepare", |b| b.iter(|| black_box(die.prepare(Budget::default()))));
    group.finish();
}

fn large(c: &mut Criterion) {
    for size in [512, 1024] {
        let name = format!("batch_{size}x{size}");
        float_product(c, &name, size);
        let mut group = c.benchmark_group(&name);
        group.throughput(Throughput::Elements(BATCH as u64));
        let die = program(size, 8, 8);
        let prepared = die.prepare(Budget::default()).expect("prepares");
        let (x, mut y) = (inputs(size, false), vec![0i32; size * BATCH]);
        group.bench_function("dense", |b| {
            b.iter(|| {
                prepared.mvm_batch_into_keyed(black_box(&x), |_| Key::from(1), &mut y, ActivityLevel::Counts)
            });
        });
        group.finish();
        println!("{size}: {:?}", prepared.plan());
    }
}

criterion_group!(benches, batches, single, large);
criterion_main!(benches);
