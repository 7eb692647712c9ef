//! What the tests share: random matrices, the plain integer product, tests of distributions.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::convert::Infallible;

use forms_xbar::{Adc, Cell, DesignBuilder, LevelMap, Mapping, Subtraction, Weights};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, TryRng, rngs::ChaCha8Rng};
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// `y[j] = Σ_i x[i] · w[i, j]`, the oracle of everything.
pub(crate) fn product(weights: &Weights, x: &[i32]) -> Vec<i64> {
    let mut y = vec![0; weights.outputs()];
    for (row, &x) in weights.as_row_slice().chunks_exact(weights.outputs()).zip(x) {
        for (y, &w) in y.iter_mut().zip(row) {
            *y += i64::from(w) * i64::from(x);
        }
    }
    y
}

/// How the weights of a random matrix look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fill {
    Uniform,
    Zeros,
    Lowest,
    Highest,
}

pub(crate) fn fills() -> impl Strategy<Value = Fill> {
    prop_oneof![6 => Just(Fill::Uniform), 1 => Just(Fill::Zeros), 1 => Just(Fill::Lowest), 1 => Just(Fill::Highest)]
}

/// A random matrix; where `fragment` is given, every fragment (of tiles of `array_rows`) has one sign.
pub(crate) fn random_weights(
    (inputs, outputs, bits): (usize, usize, u32),
    fill: Fill,
    polarized: Option<(usize, usize)>,
    seed: u64,
) -> Weights {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (low, high) = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1);
    let mut values: Vec<i32> = (0..inputs * outputs)
        .map(|_| match fill {
            Fill::Uniform => rng.random_range(low..=high),
            Fill::Zeros => 0,
            Fill::Lowest => low,
            Fill::Highest => high,
        })
        .collect();
    if let Some((fragment, array_rows)) = polarized {
        let mut sign = 1;
        for output in 0..outputs {
            for input in 0..inputs {
                if (input % array_rows).is_multiple_of(fragment) {
                    sign = if rng.random() { 1 } else { -1 };
                }
                let value = &mut values[input * outputs + output];
                *value = (value.abs() * sign).clamp(low, high);
            }
        }
    }
    Weights::from_row_slice(inputs, outputs, bits, &values).unwrap()
}

/// Random inputs in `min..=max`, a third of them 0.
pub(crate) fn random_inputs(length: usize, (min, max): (i32, i32), seed: u64) -> Vec<i32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..length).map(|_| if rng.random_range(0..3) == 0 { 0 } else { rng.random_range(min..=max) }).collect()
}

pub(crate) fn ideal_cell(bits: u32) -> Cell {
    Cell::new(LevelMap::linear(bits, 1e-6, 100e-6).unwrap())
}

/// A builder with ideal cells and small arrays.
pub(crate) fn small_design(mapping: Mapping, cell_bits: u32, adc: Adc) -> DesignBuilder {
    DesignBuilder::new(mapping, ideal_cell(cell_bits), adc).array(16, 40)
}

/// Mappings on arrays of 16 rows, with a number of active rows each.
pub(crate) fn mappings() -> impl Strategy<Value = (Mapping, usize)> {
    let polarized = prop::sample::select(vec![1usize, 2, 4, 8, 16]).prop_flat_map(|fragment| {
        let active = [1usize, 2, 4, 8, 16].into_iter().filter(|a| *a <= fragment).collect::<Vec<_>>();
        (Just(Mapping::Polarized { fragment }), prop::sample::select(active))
    });
    let others = (
        prop::sample::select(vec![
            Mapping::Differential { subtraction: Subtraction::Digital },
            Mapping::Differential { subtraction: Subtraction::BeforeAdc },
            Mapping::Offset,
        ]),
        prop::sample::select(vec![1usize, 2, 4, 8, 16]),
    );
    prop_oneof![polarized, others]
}

/// The fragment a matrix must be polarized for, with the rows of an array.
pub(crate) fn polarization(mapping: Mapping, array_rows: usize) -> Option<(usize, usize)> {
    match mapping {
        Mapping::Polarized { fragment } => Some((fragment, array_rows)),
        _ => None,
    }
}

/// Kolmogorov–Smirnov distance at which α = 0.001: `√(−½ ln(α/2)) / √n`.
pub(crate) fn ks_limit(n: f64) -> f64 {
    (-0.5 * (0.001f64 / 2.0).ln()).sqrt() / n.sqrt()
}

/// Checks samples against a distribution, at α = 0.001.
pub(crate) fn assert_follows(mut samples: Vec<f64>, cdf: impl Fn(f64) -> f64) {
    samples.sort_unstable_by(f64::total_cmp);
    let n = samples.len() as f64;
    let distance = samples
        .iter()
        .enumerate()
        .map(|(i, &x)| {
            let p = cdf(x);
            (p - i as f64 / n).max((i as f64 + 1.0) / n - p)
        })
        .fold(0.0, f64::max);
    assert!(distance < ks_limit(n), "distance {distance}, limit {}", ks_limit(n));
}

/// Checks counts against what is expected of them, at α = 0.001.
pub(crate) fn assert_chi_square(observed: &[f64], expected: &[f64]) {
    let statistic: f64 = observed.iter().zip(expected).map(|(o, e)| (o - e).powi(2) / e).sum();
    let limit = ChiSquared::new(observed.len() as f64 - 1.0).unwrap().inverse_cdf(0.999);
    assert!(statistic < limit, "χ² {statistic}, limit {limit}");
}

/// A generator that must not be touched.
pub(crate) struct Untouchable;

impl TryRng for Untouchable {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("drew from a generator on a path that needs no randomness")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("drew from a generator on a path that needs no randomness")
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Infallible> {
        panic!("drew from a generator on a path that needs no randomness")
    }
}
