//! What read noise costs: time is per batch, throughput counts conversions, or dies where dies are written and read.
//!
//! `cargo bench --bench noise`; the ratios and their machine stand in docs/performance.md.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use forms_xbar::device::{Flicker, FlickerAmplitude, Persistence, Telegraph, TelegraphAmplitude};
use forms_xbar::kernel::{Level, NoiseMethod};
use forms_xbar::{
    ActivityLevel, Adc, AdcErrors, Budget, Design, Die, Key, Mapping, ReadNoise, Weights, presets,
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng, rngs::Xoshiro256PlusPlus};
use rand_distr::{Distribution, StandardNormal};

const SIZE: usize = 128;
const FRAGMENT: usize = 8;
const LANES: usize = 4;
const BATCH: usize = 256;

/// A level step of the preset's cells at its read voltage (A): 1 LSB.
const STEP_AMPERES: f64 = 33e-6 * 0.2;

/// A polarized 8-bit matrix of SIZE × SIZE.
fn weights() -> Weights {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut signs = vec![1; SIZE];
    let values: Vec<i32> = (0..SIZE * SIZE)
        .map(|at| {
            if (at / SIZE).is_multiple_of(FRAGMENT) {
                signs[at % SIZE] = if rng.random() { 1 } else { -1 };
            }
            signs[at % SIZE] * rng.random_range(0..128)
        })
        .collect();
    Weights::from_row_slice(SIZE, SIZE, 8, &values).expect("valid weights")
}

/// Uniform bytes.
fn inputs(vectors: usize) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    (0..SIZE * vectors).map(|_| rng.random()).collect()
}

fn design(noise: ReadNoise, method: NoiseMethod) -> Design {
    presets::forms()
        .mapping(Mapping::Polarized { fragment: FRAGMENT })
        .adc(Adc::granular(4))
        .input_bits(8)
        .read_noise(noise)
        .noise_method(method)
        .build()
        .expect("valid design")
}

fn program(noise: ReadNoise, method: NoiseMethod) -> Die {
    design(noise, method).program_keyed(&weights(), Key::from(3)).expect("programs")
}

/// White noise of so many LSB.
fn white(sigma: f64) -> ReadNoise {
    ReadNoise::new(0.0, sigma * STEP_AMPERES).expect("valid noise")
}

/// Measures the reads of a prepared die, per conversion.
fn bench_reads(c: &mut Criterion, (group, name): (&str, &str), die: &Die, budget: Budget, vectors: usize) {
    let prepared = die.prepare(budget).expect("prepares");
    let (x, mut y) = (inputs(vectors), vec![0i32; SIZE * vectors]);
    let mut read = |x: &[u8], first: u64| {
        let key = |vector| Key::from(4).child(first + vector as u64);
        prepared.mvm_batch_into_keyed(x, key, &mut y, ActivityLevel::Counts).expect("reads")
    };
    let mut group = c.benchmark_group(group);
    group.sample_size(10).throughput(Throughput::Elements(read(&x, 0).conversions()));
    let id = BenchmarkId::new(name, format!("{:?}", prepared.plan().kernel));
    let mut first = 0;
    group.bench_function(id, |b| {
        b.iter(|| {
            first += vectors as u64;
            read(black_box(&x), first)
        });
    });
    group.finish();
}

/// What does white noise cost by tables?
fn tables(c: &mut Criterion) {
    const GROUP: &str = "white_noise_128x128";
    for sigma in [0.02, 0.1, 0.2] {
        let die = program(white(sigma), NoiseMethod::Thresholds);
        bench_reads(c, (GROUP, &format!("thresholds_{sigma}")), &die, Budget::default(), BATCH);
    }
    for sigma in [0.1, 1.0] {
        let die = program(white(sigma), NoiseMethod::Gaussian);
        bench_reads(c, (GROUP, &format!("gaussian_{sigma}")), &die, Budget::default(), BATCH);
    }
    let quiet = program(ReadNoise::NONE, NoiseMethod::Gaussian);
    bench_reads(c, (GROUP, "no_noise"), &quiet, Budget::default(), BATCH);
}

/// And at each level of the CPU?
fn levels(c: &mut Criterion) {
    const GROUP: &str = "white_noise_by_level";
    for level in Level::available() {
        for (name, sigma, method) in [
            ("thresholds_0.02", 0.02, NoiseMethod::Thresholds),
            ("thresholds_0.2", 0.2, NoiseMethod::Thresholds),
            ("gaussian", 0.1, NoiseMethod::Gaussian),
        ] {
            let budget = Budget::default().with_level(level);
            bench_reads(
                c,
                (GROUP, &format!("{name}_{level:?}")),
                &program(white(sigma), method),
                budget,
                BATCH,
            );
        }
    }
}

/// And on ADCs that are off, of other gains, noisy, or of uneven codes?
fn adc_errors(c: &mut Criterion) {
    const GROUP: &str = "white_noise_and_adc_errors";
    let errors =
        AdcErrors::new(0.5, 0.02).and_then(|errors| errors.with_noise_lsb(0.05)).expect("valid errors");
    let uneven = errors.with_dnl_lsb(0.2).expect("valid errors");
    for method in [NoiseMethod::Thresholds, NoiseMethod::Gaussian] {
        for (name, errors) in [("ideal", AdcErrors::NONE), ("off", errors), ("uneven", uneven)] {
            let design = design(white(0.1), method).to_builder().adc_errors(errors).build();
            let die =
                design.expect("valid design").program_keyed(&weights(), Key::from(3)).expect("programs");
            bench_reads(c, (GROUP, &format!("{method:?}_{name}")), &die, Budget::default(), BATCH);
        }
    }
}

/// What do emulations cost that draw a number for every conversion: a plain loop, and the direct kernel?
fn conversion_by_conversion(c: &mut Criterion) {
    const GROUP: &str = "white_noise_by_conversion";
    ziggurat(c, GROUP);
    let without = Budget::default().with_bytes(0);
    for method in [NoiseMethod::Gaussian, NoiseMethod::Thresholds] {
        bench_reads(c, (GROUP, &format!("{method:?}")), &program(white(0.1), method), without, BATCH / 8);
    }
}

/// Sums looked up by pattern, a ziggurat number each, the ADC's rule, and what codes add up to.
fn ziggurat(c: &mut Criterion, group: &str) {
    const COLUMNS: usize = SIZE * LANES;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
    let sums: Vec<f32> =
        (0..((SIZE / FRAGMENT) << FRAGMENT) * COLUMNS).map(|_| rng.random_range(0.0..16.0)).collect();
    let x = inputs(BATCH);
    // The patterns of the planes up to the highest bit of a fragment, as the preset skips planes.
    let patterns: Vec<(usize, usize, u32, usize)> = x
        .chunks_exact(FRAGMENT)
        .enumerate()
        .flat_map(|(at, x)| {
            let (vector, fragment) = (at / (SIZE / FRAGMENT), at % (SIZE / FRAGMENT));
            let planes = 8 - x.iter().fold(0, |any, x| any | x).leading_zeros();
            (0..planes).map(move |plane| {
                let pattern = (0..FRAGMENT).map(|row| usize::from(x[row] >> plane & 1) << row).sum();
                (vector, fragment, plane, pattern)
            })
        })
        .collect();
    let mut y = vec![0i32; BATCH * SIZE];
    let mut group = c.benchmark_group(group);
    group.sample_size(10).throughput(Throughput::Elements((patterns.len() * COLUMNS) as u64));
    group.bench_function("ziggurat", |b| {
        b.iter(|| {
            y.fill(0);
            for &(vector, fragment, plane, pattern) in black_box(&patterns) {
                let sums = &sums[((fragment << FRAGMENT) + pattern) * COLUMNS..][..COLUMNS];
                let y = &mut y[vector * SIZE..][..SIZE];
                for (lane, sums) in sums.chunks_exact(SIZE).enumerate() {
                    for (y, &sum) in y.iter_mut().zip(sums) {
                        let normal: f32 = StandardNormal.sample(&mut rng);
                        let code = (sum + 0.1 * normal + 0.5).floor().clamp(0.0, 15.0) as i32;
                        *y += code << (plane as usize + 2 * lane);
                    }
                }
            }
            black_box(&y);
        });
    });
    group.finish();
}

/// What does noise cost that is no table's: of word lines, telegraph and 1/f?
fn slow_and_common(c: &mut Criterion) {
    const GROUP: &str = "slow_and_common_noise";
    const VECTORS: usize = 16;
    let telegraph = Telegraph::new(TelegraphAmplitude::Constant { relative: 0.05 }, 60e-9, 20e-9);
    let telegraph = ReadNoise::NONE.with_telegraph(telegraph.expect("valid noise"));
    let flicker = Flicker::new(FlickerAmplitude::Relative { sigma: 0.01 }, 1.0, 1e9);
    let flicker = ReadNoise::NONE.with_flicker(flicker.expect("valid noise"));
    for (name, noise) in [
        ("word_lines", ReadNoise::NONE.with_word_line_volts(2e-3)),
        ("word_lines_and_white", white(0.1).with_word_line_volts(2e-3)),
        ("telegraph_held", telegraph.with_persistence(Persistence::Held)),
        ("telegraph_evolved", telegraph.with_persistence(Persistence::Evolved)),
        ("flicker_held", flicker.with_persistence(Persistence::Held)),
        ("flicker_evolved", flicker.with_persistence(Persistence::Evolved)),
    ] {
        let design = design(noise, NoiseMethod::Gaussian).to_builder().plane_secs(15e-9);
        let die = design.build().expect("valid design").program_keyed(&weights(), Key::from(3));
        bench_reads(c, (GROUP, name), &die.expect("programs"), Budget::default(), VECTORS);
    }
    let quiet = program(ReadNoise::NONE, NoiseMethod::Gaussian);
    bench_reads(c, (GROUP, "none"), &quiet, Budget::default().with_bytes(0), VECTORS);
}

/// How long do tables take to build?
fn builds(c: &mut Criterion) {
    let mut group = c.benchmark_group("white_noise_tables");
    group.sample_size(10);
    for (sigma, method) in [
        (0.02, NoiseMethod::Thresholds),
        (0.1, NoiseMethod::Thresholds),
        (0.2, NoiseMethod::Thresholds),
        (0.1, NoiseMethod::Gaussian),
    ] {
        let die = program(white(sigma), method);
        println!("{method:?} {sigma}: {:?}", die.prepare(Budget::default()).expect("prepares").plan());
        let id = BenchmarkId::new(format!("{method:?}"), sigma);
        group.bench_function(id, |b| b.iter(|| black_box(die.prepare(Budget::default()))));
    }
    group.finish();
}

/// How many dies a second are written with lognormal error and read 64 times with noise?
fn monte_carlo(c: &mut Criterion) {
    const READS: usize = 64;
    let (weights, x) = (weights(), inputs(READS));
    let mut group = c.benchmark_group("dies_of_128x128_read_64_times");
    group.sample_size(10).throughput(Throughput::Elements(1));
    for (name, method, budget) in [
        ("thresholds_tables", NoiseMethod::Thresholds, Budget::default().with_batch(READS)),
        ("gaussian_tables", NoiseMethod::Gaussian, Budget::default().with_batch(READS)),
        ("gaussian_direct", NoiseMethod::Gaussian, Budget::default().with_bytes(0)),
    ] {
        let design = design(white(0.1), method);
        let mut y = vec![0i32; SIZE * READS];
        let mut die_number = 0;
        group.bench_function(name, |b| {
            b.iter(|| {
                die_number += 1;
                let key = Key::from(6).child(die_number);
                let die = design.program_keyed(&weights, key).expect("programs");
                let prepared = die.prepare(budget).expect("prepares");
                let keys = |vector| key.child(vector as u64);
                prepared.mvm_batch_into_keyed(&x, keys, &mut y, ActivityLevel::Counts).expect("reads")
            });
        });
    }
    group.finish();
}

criterion_group!(
    benches,
    tables,
    levels,
    adc_errors,
    conversion_by_conversion,
    slow_and_common,
    builds,
    monte_carlo
);
criterion_main!(benches);
