//! White read noise: its variance against closed forms, and that conversions draw it independently.
//! α = 0.001, fixed seeds.

mod common;

use common::{ideal_cell, product};
use forms_xbar::{
    Adc, Baseline, Cell, Dac, DesignBuilder, Error, Key, LevelMap, Mapping, ReadNoise, Subtraction, Weights,
};
use rand::{SeedableRng, rngs::ChaCha8Rng};

const BEFORE_ADC: Mapping = Mapping::Differential { subtraction: Subtraction::BeforeAdc };

/// Levels from 50 µS to 80 µS: what a cell at level 0 adds shows.
fn leaky_cell() -> Cell {
    Cell::new(LevelMap::linear(2, 50e-6, 80e-6).unwrap())
}

/// Variance of the one result of `x`, over reads.
fn variance(builder: DesignBuilder, weights: &[i32], x: &[u8]) -> f64 {
    let weights = Weights::full_magnitude_from_row_slice(x.len(), 1, 2, weights).unwrap();
    let die = builder.build().unwrap().program_keyed(&weights, Key::from(1)).unwrap();
    let exact = product(&weights, &x.iter().map(|&x| x.into()).collect::<Vec<_>>())[0] as f64;
    let read = die.mvm_batch(&x.repeat(READS), &mut ChaCha8Rng::seed_from_u64(2)).unwrap();
    read.to_real().into_iter().map(|y| (y - exact).powi(2)).sum::<f64>() / READS as f64
}

const READS: usize = 100_000;

fn assert_variance(found: f64, expected: f64, samples: usize, case: &str) {
    // The variance of n normals about their known mean has relative deviation √(2/n).
    let limit = 3.3 * (2.0 / samples as f64).sqrt();
    assert!((found / expected - 1.0).abs() < limit, "{case}: {found}, expected {expected}");
}

#[test]
fn cell_noise_goes_with_the_digit_and_front_end_noise_does_not() {
    // One plane of a 2-bit DAC. Results count level steps per DAC step, so front-end noise refers to the
    // current of one level at a third of the read voltage.
    let (weights, x) = ([3, 2, 1, 0, 3, 3, 0, 0], [3u8, 1, 2, 3, 0, 2, 0, 1]);
    let siemens = |weight: i32| 50e-6 + 10e-6 * f64::from(weight);
    let step_amperes = 10e-6 * 0.2 / 3.0;
    for (relative, front_end) in [(0.02, 0.0), (0.0, 2e-6), (0.02, 2e-6)] {
        let builder =
            DesignBuilder::new(Mapping::Polarized { fragment: 8 }, leaky_cell(), Adc::pass_through())
                .dac(Dac::new(2, 0.2).unwrap())
                .input_bits(2)
                .read_noise(ReadNoise::new(relative, front_end).unwrap());
        let cells =
            weights.iter().zip(x).map(|(&w, x)| (relative * siemens(w) / 10e-6 * f64::from(x)).powi(2));
        let expected = cells.sum::<f64>() + (front_end / step_amperes).powi(2);
        assert_variance(
            variance(builder, &weights, &x),
            expected,
            READS,
            &format!("{relative} and {front_end} A"),
        );
    }
}

#[test]
fn both_cells_of_a_pair_are_noisy() {
    let weights = [3, -3, 0, 1];
    for x in [[1u8, 1, 1, 1], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]] {
        let builder = DesignBuilder::new(BEFORE_ADC, leaky_cell(), Adc::pass_through())
            .array(4, 8)
            .input_bits(1)
            .read_noise(ReadNoise::new(0.02, 0.0).unwrap());
        // In level steps of 10 µS: the cell at its level and its partner at 50 µS.
        let pair = |weight: i32| (5.0 + f64::from(weight.abs())).powi(2) + 25.0;
        let expected = weights.iter().zip(x).map(|(&w, x)| 0.02 * 0.02 * pair(w) * f64::from(x)).sum::<f64>();
        assert_variance(variance(builder, &weights, &x), expected, READS, &format!("{x:?}"));
    }
}

#[test]
fn variances_beyond_64_bits_keep_their_size() {
    // One row, 16 bits of full range and 4 bits of DAC: so small an LSB that variances in its 2⁻¹⁶ do not
    // fit in 62 bits, and are kept in coarser units.
    const KEYS: usize = 20_000;
    // 31 µS to 34 µS: most of the current is leakage, which is no part of the last two full scales.
    let leaky = Cell::new(LevelMap::linear(2, 31e-6, 34e-6).unwrap());
    let polarized = Mapping::Polarized { fragment: 1 };
    for (mapping, cell, baseline, relative, siemens_squared) in [
        (polarized, ideal_cell(2), Baseline::Digital, 2.0, 100e-6f64.powi(2)),
        (polarized, leaky.clone(), Baseline::DummyColumn, 0.1, 34e-6f64.powi(2) + 31e-6f64.powi(2)),
        (BEFORE_ADC, leaky, Baseline::Digital, 0.1, 34e-6f64.powi(2) + 31e-6f64.powi(2)),
    ] {
        let design = DesignBuilder::new(mapping, cell, Adc::full_range(16))
            .array(1, 2)
            .baseline(baseline)
            .dac(Dac::new(4, 0.2).unwrap())
            .input_bits(4)
            .read_noise(ReadNoise::new(relative, 1e-9).unwrap())
            .build()
            .unwrap();
        let weights = Weights::full_magnitude_from_row_slice(1, 1, 2, &[3]).unwrap();
        let die = design.program_keyed(&weights, Key::from(1)).unwrap();
        let quiet = design.to_builder().read_noise(ReadNoise::NONE).build().unwrap();
        let quiet = quiet.program_keyed(&weights, Key::from(1)).unwrap();
        for x in [15u8, 7] {
            let exact = quiet.trace_keyed(&[x], Key::from(0)).unwrap().conversions[0].amperes;
            let noise = |key| {
                let trace = die.trace_keyed(&[x], Key::from(key)).unwrap();
                trace.conversions[0].amperes - exact
            };
            let found = (0..KEYS as u128).map(|key| noise(key).powi(2)).sum::<f64>() / KEYS as f64;
            // The front end is 1 nA, its share far below the limit.
            let expected = (relative * 0.2 * f64::from(x) / 15.0).powi(2) * siemens_squared;
            assert_variance(found, expected, KEYS, &format!("{mapping:?} {baseline:?} {x}"));
        }
    }
}

#[test]
fn every_conversion_has_noise_of_its_own() {
    // 2 × 2 arrays of two groups and two outputs of two slices each, two planes: 64 conversions.
    const KEYS: usize = 5_000;
    let design = DesignBuilder::new(Mapping::Polarized { fragment: 4 }, ideal_cell(1), Adc::granular(8))
        .array(8, 4)
        .input_bits(2)
        .read_noise(ReadNoise::new(0.02, 0.0).unwrap())
        .build()
        .unwrap();
    let weights = Weights::full_magnitude_from_row_slice(16, 4, 2, &[3; 64]).unwrap();
    let die = design.program_keyed(&weights, Key::from(1)).unwrap();
    assert_eq!((die.layout().row_tiles(), die.layout().column_tiles()), (2, 2));
    // Four cells of 100 µS at 0.2 V each.
    let (mean, deviation) = (4.0 * 20e-6, 0.02 * 20e-6 * 2.0);
    let reads: Vec<Vec<f64>> = (0..KEYS as u128)
        .map(|key| {
            let conversions = die.trace_keyed(&[3u8; 16], Key::from(key)).unwrap().conversions;
            conversions.iter().map(|c| (c.amperes - mean) / deviation).collect()
        })
        .collect();
    assert_eq!(reads[0].len(), 64);
    for a in 0..64 {
        for b in 0..=a {
            let product = reads.iter().map(|read| read[a] * read[b]).sum::<f64>() / KEYS as f64;
            // The mean of products of independent normals deviates by 1/√n, that of squares by √(2/n). For
            // 2080 of them together α = 0.001 is 5.1 deviations.
            let (expected, deviation) = if a == b { (1.0, 2f64.sqrt()) } else { (0.0, 1.0) };
            let limit = 5.1 * deviation / (KEYS as f64).sqrt();
            assert!((product - expected).abs() < limit, "conversions {a} and {b}: {product}");
        }
    }
}

#[test]
fn front_end_noise_of_any_size_acts_or_is_refused() {
    let weights = Weights::full_magnitude_from_row_slice(8, 1, 2, &[1; 8]).unwrap();
    let program = |amperes| {
        DesignBuilder::new(Mapping::Polarized { fragment: 8 }, ideal_cell(2), Adc::granular(5))
            .input_bits(1)
            .read_noise(ReadNoise::new(0.0, amperes).unwrap())
            .build()
            .unwrap()
            .program_keyed(&weights, Key::from(1))
    };
    for amperes in [1e10, 1e100, f64::MAX] {
        let error = program(amperes).unwrap_err();
        assert!(matches!(error, Error::Overflow { .. }), "{amperes}: {error}");
    }
    // 150 level steps of noise drive every code of 5 bits to one end or the other, mostly.
    let read = program(1e-3).unwrap().mvm_batch(&[1u8; 8].repeat(100), &mut ChaCha8Rng::seed_from_u64(1));
    let activity = read.unwrap().activity;
    assert!(activity.clipped_low() > 20 && activity.clipped_high() > 20, "{activity:?}");
}
