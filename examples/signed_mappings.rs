//! The signed mappings side by side: the same matrix and input, what each mapping takes and returns.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use forms_xbar::study::{Interval, Study};
use forms_xbar::{Adc, Baseline, Key, Mapping, Programming, Skip, Subtraction, Weights, presets};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

/// Compares polarized, differential and offset mapping on one random matrix.
#[derive(Parser)]
struct Options {
    /// Inputs of the matrix.
    #[arg(long, default_value_t = 256)]
    inputs: usize,
    /// Outputs of the matrix.
    #[arg(long, default_value_t = 64)]
    outputs: usize,
    /// Rows of a fragment, and rows driven together by every mapping.
    #[arg(long, default_value_t = 8)]
    fragment: usize,
    /// Dies over which the error is averaged.
    #[arg(long, default_value_t = 20)]
    dies: usize,
    /// Seed of the matrix, the input and the dies.
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("signed_mappings: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(Options { inputs, outputs, fragment, dies, seed }: Options) -> Result<(), Box<dyn Error>> {
    let (weights, x) = random_problem(inputs, outputs, fragment, seed)?;
    let exact: Vec<i64> = (0..outputs)
        .map(|j| {
            x.iter().enumerate().map(|(i, &x)| i64::from(x) * i64::from(weights.get(i, j).unwrap_or(0))).sum()
        })
        .collect();
    let rms = |y: &[f64]| (y.iter().map(|y| y * y).sum::<f64>() / y.len() as f64).sqrt();
    let scale = rms(&exact.iter().map(|&y| y as f64).collect::<Vec<_>>());

    println!(
        "{inputs} × {outputs} signed 8-bit weights, 8-bit inputs, {fragment} active rows, arrays of 128 × 128"
    );
    println!("2-bit cells between 1 and 100 µS, lossless ADC, leading zeros skipped\n");
    println!(
        "                          arrays  ADC  conversions  planes  mean   ideal    rms error, lognormal σ = 0.1"
    );
    println!(
        "                                 bits      per MVM     run   EIC   read     mean over {dies} dies (95 %)"
    );
    let differential = |subtraction| Mapping::Differential { subtraction };
    for (name, mapping, flip) in [
        ("polarized", Mapping::Polarized { fragment }, false),
        ("polarized, flip", Mapping::Polarized { fragment }, true),
        ("differential, digital", differential(Subtraction::Digital), false),
        ("differential, before ADC", differential(Subtraction::BeforeAdc), false),
        ("offset", Mapping::Offset, false),
        ("offset, flip", Mapping::Offset, true),
    ] {
        let builder = presets::forms()
            .mapping(mapping)
            .active_rows(fragment)
            .column_flip(flip)
            .input_bits(8)
            .skip(Skip::LeadingZeros)
            .baseline(Baseline::Digital);
        let bits = builder.clone().build()?.lossless_adc_bits();
        let varied = builder.adc(Adc::granular(bits)).build()?;
        let ideal_cell = varied.cell().clone().with_programming(Programming::Exact);
        let ideal = varied.to_builder().cell(ideal_cell).build()?.program_keyed(&weights, Key::from(0))?;
        let read = ideal.mvm_keyed(&x, Key::from(0))?;

        let errors = Study::new(dies, Key::from(u128::from(seed)))?.run(|_, key| {
            let y = varied.program_keyed(&weights, key)?.mvm_keyed(&x, key)?.y;
            let error: Vec<f64> = y.iter().zip(&exact).map(|(y, exact)| (y - exact) as f64).collect();
            Ok(rms(&error) / scale)
        });
        let errors = errors.into_iter().collect::<forms_xbar::Result<Vec<f64>>>()?;
        let interval = Interval::of_mean(&errors, 0.95)?;
        println!(
            "{name:<25} {:>6} {:>5} {:>12} {:>7} {:>5.2}   {:<6} {:>6.1} % ({:.1}–{:.1})",
            ideal.arrays(),
            bits,
            read.activity.conversions(),
            read.activity.planes_run(),
            read.activity.mean_eic(),
            if read.y == exact { "exact" } else { "WRONG" },
            100.0 * interval.mean,
            100.0 * interval.low,
            100.0 * interval.high,
        );
    }
    Ok(())
}

/// Weights with one sign per fragment and inputs as after a ReLU: half of them 0, most of them small.
fn random_problem(
    inputs: usize,
    outputs: usize,
    fragment: usize,
    seed: u64,
) -> Result<(Weights, Vec<u8>), Box<dyn Error>> {
    if fragment == 0 {
        return Err("a fragment has at least one row".into());
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut signs = vec![1; outputs];
    let mut values = Vec::with_capacity(inputs * outputs);
    for input in 0..inputs {
        if input % fragment == 0 {
            signs.fill_with(|| if rng.random() { 1 } else { -1 });
        }
        values.extend(signs.iter().map(|sign| sign * rng.random_range(0..=127)));
    }
    let x =
        (0..inputs).map(|_| rng.random_range(-255i32..=255).max(0).pow(2) / 255).map(|x| x as u8).collect();
    Ok((Weights::from_row_slice(inputs, outputs, 8, &values)?, x))
}
