//! Prepared dies, one group per question: beside float products of the same shape, at each level of the CPU, for rows
//! driven together, bits of an input, vectors of a batch, single vectors, sizes, what is counted, ideal cells, small
//! budgets, threads and building. Where nothing else is said, 128 × 128 weights of 8 bits in fragments of 8, 4-bit ADCs,
//! dense 8-bit inputs, batches of 256, activity counted. Time is per vector.
//!
//! `cargo bench --bench prepared`; the ratios and their machine stand in docs/performance.md.

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use forms_xbar::kernel::Level;
use forms_xbar::nalgebra::DMatrix;
use forms_xbar::read::{Input, Output};
use forms_xbar::{ActivityLevel, Adc, Budget, Cell, Die, Key, LevelMap, Mapping, Prepared, Weights, presets};
use gemm::Parallelism;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

const SIZE: usize = 128;
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

/// Cells without leakage or error whose sums an ADC of 5 bits has codes for.
fn program_ideal() -> Die {
    let cell = Cell::new(LevelMap::linear(2, 0.0, 90e-6).expect("valid levels"));
    let builder = presets::forms().mapping(Mapping::Polarized { fragment: 8 }).cell(cell);
    let design = builder.adc(Adc::granular(5)).input_bits(8).build().expect("valid design");
    design.program_keyed(&weights(SIZE, 8), Key::from(3)).expect("programs")
}

/// Uniform bytes, or bytes of which half are 0, as after a ReLU.
fn inputs(size: usize, vectors: usize, relu: bool) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    (0..size * vectors).map(|_| if relu && rng.random() { 0 } else { rng.random() }).collect()
}

fn prepare(die: &Die, budget: Budget) -> Prepared<'_> {
    die.prepare(budget).expect("prepares")
}

/// The public batch call.
fn read<T: Input, O: Output>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: impl Into<String>,
    (prepared, x): (&Prepared<'_>, &[T]),
    level: ActivityLevel,
) {
    let vectors = x.len() / prepared.die().inputs();
    let mut y = vec![O::default(); vectors * prepared.die().outputs()];
    group.throughput(Throughput::Elements(vectors as u64));
    group.bench_function(BenchmarkId::new(name, format!("{:?}", prepared.plan().kernel)), |b| {
        b.iter(|| prepared.mvm_batch_into_keyed(black_box(x), |_| Key::from(1), black_box(&mut y), level));
    });
}

/// The same with 8-bit inputs and `i32` results, counted.
fn count(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: impl Into<String>,
    prepared: &Prepared<'_>,
    x: &[u8],
) {
    read::<u8, i32>(group, name, (prepared, x), ActivityLevel::Counts);
}

fn gemm_f32(group: &mut BenchmarkGroup<'_, WallTime>, size: usize, vectors: usize) {
    let floats = |length: usize| (0..length).map(|at| (at * 37 % 256) as f32).collect::<Vec<_>>();
    let (w, x, mut y) = (floats(size * size), floats(size * vectors), vec![0f32; size * vectors]);
    group.throughput(Throughput::Elements(vectors as u64));
    group.bench_function(BenchmarkId::new("gemm_f32", format!("{size}_{vectors}")), |b| {
        b.iter(|| {
            let (y, w, x) = (black_box(&mut y).as_mut_ptr(), black_box(&w).as_ptr(), black_box(&x).as_ptr());
            let stride = size as isize;
            // SAFETY: outputs × batch from outputs × inputs and inputs × batch, all within their vectors.
            #[allow(unsafe_code)]
            unsafe {
                gemm::gemm(
                    size,
                    vectors,
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
}

fn float_products(c: &mut Criterion) {
    let mut group = c.benchmark_group("float_products");
    gemm_f32(&mut group, SIZE, BATCH);
    let floats = |rows, columns| DMatrix::from_fn(rows, columns, |i, j| ((i + j * rows) * 37 % 256) as f32);
    let (w, x, mut y) = (floats(SIZE, SIZE), floats(SIZE, BATCH), DMatrix::zeros(SIZE, BATCH));
    group.bench_function("nalgebra_f32", |b| b.iter(|| y.gemm(1.0, black_box(&w), black_box(&x), 0.0)));
    let die = program(SIZE, 8, 8);
    let prepared = prepare(&die, Budget::default());
    for (name, relu) in [("dense", false), ("relu", true)] {
        count(&mut group, name, &prepared, &inputs(SIZE, BATCH, relu));
    }
}

fn levels(c: &mut Criterion) {
    let mut group = c.benchmark_group("levels");
    let die = program(SIZE, 8, 8);
    for level in Level::available() {
        let prepared = prepare(&die, Budget::default().with_level(level));
        count(&mut group, format!("{level:?}"), &prepared, &inputs(SIZE, BATCH, false));
    }
}

fn rows(c: &mut Criterion) {
    let mut group = c.benchmark_group("rows");
    for fragment in [4, 8, 16, SIZE] {
        let die = program(SIZE, fragment, 8);
        count(
            &mut group,
            fragment.to_string(),
            &prepare(&die, Budget::default()),
            &inputs(SIZE, BATCH, false),
        );
    }
}

fn bits(c: &mut Criterion) {
    let mut group = c.benchmark_group("bits");
    let x = inputs(SIZE, BATCH, false);
    let die = program(SIZE, 8, 8);
    count(&mut group, "8", &prepare(&die, Budget::default()), &x);
    let die = program(SIZE, 8, 16);
    let wide: Vec<u16> = x.iter().map(|&x| u16::from(x) * 257).collect();
    let prepared = prepare(&die, Budget::default());
    read::<u16, i64>(&mut group, "16", (&prepared, &wide), ActivityLevel::Counts);
}

fn batches(c: &mut Criterion) {
    let mut group = c.benchmark_group("batches");
    let die = program(SIZE, 8, 8);
    for vectors in [1, 16, 64, 256, 1024] {
        let prepared = prepare(&die, Budget::default().with_batch(vectors));
        gemm_f32(&mut group, SIZE, vectors);
        count(&mut group, vectors.to_string(), &prepared, &inputs(SIZE, vectors, false));
    }
}

fn single(c: &mut Criterion) {
    let mut group = c.benchmark_group("single");
    let die = program(SIZE, 8, 8);
    let prepared = prepare(&die, Budget::default());
    let (x, mut y) = (inputs(SIZE, BATCH, false), vec![0i32; SIZE]);
    let mut scratch = prepared.scratch(ActivityLevel::Counts);
    let mut vectors = x.chunks_exact(SIZE).cycle();
    group.bench_function("mvm_into", |b| {
        b.iter(|| prepared.mvm_into_keyed(vectors.next().unwrap_or(&x), Key::from(1), &mut y, &mut scratch));
    });
}

fn sizes(c: &mut Criterion) {
    let mut group = c.benchmark_group("sizes");
    for size in [512, 1024] {
        let die = program(size, 8, 8);
        for vectors in [BATCH, 1024] {
            let prepared = prepare(&die, Budget::default().with_batch(vectors));
            gemm_f32(&mut group, size, vectors);
            count(&mut group, format!("{size}_{vectors}"), &prepared, &inputs(size, vectors, false));
        }
        println!("{size}: {:?}", prepare(&die, Budget::default()).plan());
    }
}

fn activity(c: &mut Criterion) {
    let mut group = c.benchmark_group("activity");
    let die = program(SIZE, 8, 8);
    let (prepared, x) = (prepare(&die, Budget::default()), inputs(SIZE, BATCH, false));
    for level in [ActivityLevel::Off, ActivityLevel::Counts, ActivityLevel::CountsAndEnergy] {
        read::<u8, i32>(&mut group, format!("{level:?}"), (&prepared, &x), level);
    }
}

/// Ideal cells and a lossless ADC, at every level of the CPU, beside the float product.
fn integers(c: &mut Criterion) {
    let mut group = c.benchmark_group("integers");
    gemm_f32(&mut group, SIZE, BATCH);
    let (die, x) = (program_ideal(), inputs(SIZE, BATCH, false));
    for level in Level::available() {
        let prepared = prepare(&die, Budget::default().with_level(level));
        count(&mut group, format!("{level:?}"), &prepared, &x);
        read::<u8, i32>(&mut group, format!("{level:?}_uncounted"), (&prepared, &x), ActivityLevel::Off);
    }
}

/// All tables, those of one array at a time, and none.
fn budgets(c: &mut Criterion) {
    let mut group = c.benchmark_group("budgets");
    let (die, x) = (program(SIZE, 8, 8), inputs(SIZE, 1024, false));
    let all = prepare(&die, Budget::default()).plan().bytes;
    for (name, bytes) in [("all", all), ("streamed", all - 1), ("none", 0)] {
        let prepared = prepare(&die, Budget::default().with_bytes(bytes).with_batch(1024));
        count(&mut group, name, &prepared, &x);
    }
}

#[cfg(feature = "rayon")]
fn threads(c: &mut Criterion) {
    let mut group = c.benchmark_group("threads");
    group.throughput(Throughput::Elements(BATCH as u64));
    let (die, x) = (program(SIZE, 8, 8), inputs(SIZE, BATCH, false));
    let prepared = prepare(&die, Budget::default());
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("starts threads");
        let mut y = vec![0i32; x.len()];
        group.bench_function(threads.to_string(), |b| {
            let mut read = || {
                prepared.mvm_batch_into_keyed(black_box(&x), |_| Key::from(1), &mut y, ActivityLevel::Counts)
            };
            b.iter(|| pool.install(&mut read));
        });
    }
}

#[cfg(not(feature = "rayon"))]
fn threads(_: &mut Criterion) {}

fn build(c: &mut Criterion) {
    let mut group = c.benchmark_group("build");
    for (name, die) in [
        ("4", program(SIZE, 4, 8)),
        ("8", program(SIZE, 8, 8)),
        ("16", program(SIZE, 16, 8)),
        ("ideal", program_ideal()),
    ] {
        let kernel = prepare(&die, Budget::default()).plan().kernel;
        group.bench_function(BenchmarkId::new(name, format!("{kernel:?}")), |b| {
            b.iter(|| black_box(die.prepare(Budget::default())));
        });
    }
}

criterion_group!(
    benches,
    float_products,
    levels,
    rows,
    bits,
    batches,
    single,
    sizes,
    activity,
    integers,
    budgets,
    threads,
    build
);
criterion_main!(benches);
