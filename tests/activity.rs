//! What activity counts, against counts made by hand.

mod common;

use approx::assert_relative_eq;
use common::ideal_cell;
use forms_xbar::{
    Activity, ActivityLevel, Adc, Baseline, Cell, Dac, DesignBuilder, Die, Key, LevelMap, Mapping, ReadNoise,
    Skip, Subtraction, Weights,
};
use rand::{SeedableRng, rngs::ChaCha8Rng};

const POLARIZED: Mapping = Mapping::Polarized { fragment: 4 };

fn program(builder: DesignBuilder, inputs: usize, outputs: usize, values: &[i32]) -> Die {
    let weights = Weights::full_magnitude_from_row_slice(inputs, outputs, 2, values).unwrap();
    builder.build().unwrap().program_keyed(&weights, Key::from(1)).unwrap()
}

/// Two row tiles of two groups, on two column tiles of three outputs and one.
fn tiled(skip: Skip) -> Activity {
    let builder = DesignBuilder::new(POLARIZED, ideal_cell(2), Adc::granular(4)).array(8, 3).skip(skip);
    let die = program(builder, 16, 4, &[1; 64]);
    assert_eq!((die.layout().row_tiles(), die.layout().column_tiles()), (2, 2));
    die.mvm_keyed(&[3u8, 0, 1, 0, 4, 5, 0, 0, 8, 1, 0, 0, 0, 0, 0, 0], Key::from(2)).unwrap().activity
}

/// The histogram that has these counts of groups at these EICs.
fn histogram(counts: &[(usize, u64)]) -> Vec<u64> {
    let mut histogram = vec![0; 17];
    counts.iter().for_each(|&(eic, groups)| histogram[eic] = groups);
    histogram
}

#[test]
fn leading_zeros_by_hand() {
    // Groups run 2 and 3 planes on the first row tile, 4 and 0 on the second.
    let activity = tiled(Skip::LeadingZeros);
    assert_eq!(activity.vectors(), 1);
    assert_eq!(activity.latency_planes(), 5, "the slower of 2 + 3 and 4 + 0");
    assert_eq!(activity.eic_histogram(), histogram(&[(2, 2), (3, 2), (4, 2), (0, 2)]));
    assert_eq!((activity.planes_run(), activity.planes_skipped()), (2 * 9, 2 * (32 - 9)));
    assert_eq!(activity.mean_eic(), 9.0 / 4.0);
    assert_eq!(activity.planes_saved(), 23.0 / 32.0);
    assert_eq!(activity.conversions(), 9 * 4);
    assert_eq!(activity.active_word_lines(), 2 * 8);
    assert_eq!(activity.cell_energy_joules(), 0.0);
}

#[test]
fn all_zero_planes_by_hand() {
    // 3, 1: planes 0 and 1. 4, 5: planes 0 and 2. 8, 1: planes 0 and 3.
    let activity = tiled(Skip::AllZeroPlanes);
    assert_eq!(activity.latency_planes(), 4);
    assert_eq!(activity.eic_histogram(), histogram(&[(2, 6), (0, 2)]));
    assert_eq!((activity.planes_run(), activity.planes_skipped()), (2 * 6, 2 * (32 - 6)));
    assert_eq!((activity.mean_eic(), activity.planes_saved()), (1.5, 26.0 / 32.0));
    assert_eq!(activity.conversions(), 6 * 4);
    assert_eq!(activity.active_word_lines(), 2 * 8);
}

#[test]
fn nothing_skipped_by_hand() {
    let activity = tiled(Skip::Off);
    assert_eq!(activity.latency_planes(), 16);
    assert_eq!(activity.eic_histogram(), histogram(&[(8, 8)]));
    assert_eq!((activity.planes_run(), activity.planes_skipped()), (64, 0));
    assert_eq!((activity.mean_eic(), activity.planes_saved()), (8.0, 0.0));
    assert_eq!(activity.conversions(), 32 * 4);
    assert_eq!(activity.active_word_lines(), 2 * 8);
}

#[test]
fn word_lines_are_counted_not_digits() {
    let builder = DesignBuilder::new(POLARIZED, ideal_cell(2), Adc::granular(6))
        .dac(Dac::new(2, 0.2).unwrap())
        .input_bits(4);
    let die = program(builder, 4, 1, &[1; 4]);
    // Digits 2 and 1 in the first plane, 3 in the second.
    let activity = die.mvm_keyed(&[0b1110u8, 0b0001, 0, 0], Key::from(1)).unwrap().activity;
    assert_eq!(activity.active_word_lines(), 3);
    assert_eq!(activity.planes_run(), 2);
}

/// A die of which every counter moves: a bipolar ADC of 2 bits clips low and high.
fn busy() -> Die {
    let mapping = Mapping::Differential { subtraction: Subtraction::BeforeAdc };
    let builder = DesignBuilder::new(mapping, ideal_cell(2), Adc::granular(2))
        .array(4, 8)
        .input_bits(4)
        .skip(Skip::LeadingZeros);
    program(builder, 8, 2, &[3, -3, 3, -3, 3, -3, 3, -3, 1, -1, 1, -1, 1, -1, 1, -1])
}

fn counters(activity: &Activity) -> Vec<u64> {
    let mut counters = vec![
        activity.vectors(),
        activity.planes_run(),
        activity.planes_skipped(),
        activity.latency_planes(),
        activity.conversions(),
        activity.clipped_low(),
        activity.clipped_high(),
        activity.active_word_lines(),
    ];
    counters.extend(activity.eic_histogram());
    counters
}

#[test]
fn adding_activities_adds_every_counter() {
    let die = busy();
    let (first, second) = ([[1, 2, 3, 4, 5, 6, 7, 0]], [[3, 3, 1, 1, 0, 0, 0, 1], [7; 8]]);
    let read = |vectors: &[[u8; 8]]| {
        let mut y = vec![0i64; 2 * vectors.len()];
        let (mut rng, level) = (ChaCha8Rng::seed_from_u64(1), ActivityLevel::CountsAndEnergy);
        die.mvm_batch_into(vectors.as_flattened(), &mut rng, &mut y, level).unwrap()
    };
    let (one, two) = (read(&first), read(&second));
    for activity in [one, two] {
        assert!(counters(&activity)[..8].iter().all(|&counter| counter > 0), "{activity:?}");
        assert!(activity.cell_energy_joules() > 0.0);
    }
    let expected: Vec<u64> = counters(&one).iter().zip(counters(&two)).map(|(a, b)| a + b).collect();
    let mut added = one;
    added += two;
    let together = read(&[first[0], second[0], second[1]]);
    for total in [added, [one, two].into_iter().sum(), together] {
        assert_eq!(counters(&total), expected);
        let joules = one.cell_energy_joules() + two.cell_energy_joules();
        assert_relative_eq!(total.cell_energy_joules(), joules, max_relative = 1e-12);
    }
    assert_eq!([].into_iter().sum::<Activity>(), Activity::default());
}

#[test]
fn a_batch_counts_up_to_its_level() {
    let die = busy();
    let count = |level| {
        let mut y = [0i64; 4];
        die.mvm_batch_into(&[7u8; 16], &mut ChaCha8Rng::seed_from_u64(1), &mut y, level).unwrap()
    };
    assert_eq!(count(ActivityLevel::Off), Activity::default());
    let (counts, energy) = (count(ActivityLevel::Counts), count(ActivityLevel::CountsAndEnergy));
    assert_eq!(counters(&counts), counters(&energy));
    assert_eq!((counts.vectors(), counts.cell_energy_joules()), (2, 0.0));
    assert!(energy.cell_energy_joules() > 0.0);
}

#[test]
fn cells_of_a_dummy_column_take_energy() {
    let cell = Cell::new(LevelMap::linear(2, 30e-6, 120e-6).unwrap());
    let builder = DesignBuilder::new(Mapping::Polarized { fragment: 1 }, cell, Adc::granular(4))
        .input_bits(1)
        .plane_secs(15e-9);
    for (baseline, siemens) in [(Baseline::Digital, 120e-6), (Baseline::DummyColumn, 150e-6)] {
        let die = program(builder.clone().baseline(baseline), 1, 1, &[3]);
        let mut scratch = die.scratch(ActivityLevel::CountsAndEnergy);
        die.mvm_into_keyed(&[1u8], Key::from(1), &mut [0i64], &mut scratch).unwrap();
        let joules = scratch.activity().cell_energy_joules();
        assert_relative_eq!(joules, 0.2 * 0.2 * siemens * 15e-9, max_relative = 1e-6);
    }
}

#[test]
fn a_bipolar_adc_clips_only_beyond_its_lowest_code() {
    let mapping = Mapping::Differential { subtraction: Subtraction::BeforeAdc };
    let builder = DesignBuilder::new(mapping, ideal_cell(2), Adc::granular(4)).array(4, 8).input_bits(1);
    // Columns that sum to −8, −9, 7 and 8.
    let die = program(builder.clone(), 4, 4, &[-3, -3, 3, 3, -3, -3, 3, 3, -2, -3, 1, 2, 0, 0, 0, 0]);
    assert_eq!(die.design().thresholds().codes, Some((-8, 7)));
    let trace = die.trace_keyed(&[1u8; 4], Key::from(1)).unwrap();
    assert_eq!(trace.read.y, [-8, -8, 7, 7]);
    let codes = |f: fn(&forms_xbar::read::TracedConversion) -> i64| {
        trace.conversions.iter().map(f).collect::<Vec<_>>()
    };
    assert_eq!(codes(|c| c.unclamped), [-8, -9, 7, 8]);
    assert_eq!(codes(|c| c.code), [-8, -8, 7, 7]);
    assert_eq!((trace.read.activity.clipped_low(), trace.read.activity.clipped_high()), (1, 1));

    // Full range: 4 · 3 level steps are code ±7, and cells above their levels reach further down.
    let design = builder.adc(Adc::full_range(4)).build().unwrap();
    assert_eq!(design.thresholds().codes, Some((-8, 7)));
    let weights = Weights::full_magnitude_from_row_slice(4, 1, 2, &[1; 4]).unwrap();
    let step = 12.0 / 7.0 * 33e-6;
    for (lsbs, unclamped, code, low, high) in [
        (-7.0, -7, -7, 0, 0),
        (-8.4, -8, -8, 0, 0),
        (-8.6, -9, -8, 1, 0),
        (7.4, 7, 7, 0, 0),
        (7.6, 8, 7, 0, 1),
    ] {
        let mut siemens = vec![1e-6; 8];
        siemens[if lsbs < 0.0 { 5 } else { 4 }] += f64::abs(lsbs) * step;
        let die = Die::from_conductances(&design, &weights, &[siemens], Key::from(1)).unwrap();
        let trace = die.trace_keyed(&[1u8; 4], Key::from(1)).unwrap();
        assert_eq!((trace.conversions[0].unclamped, trace.conversions[0].code), (unclamped, code), "{lsbs}");
        let activity = die.mvm_keyed(&[1u8; 4], Key::from(1)).unwrap().activity;
        assert_eq!((activity.clipped_low(), activity.clipped_high()), (low, high), "{lsbs}");
    }
}

#[test]
fn noise_below_zero_is_clipped_low() {
    let builder = DesignBuilder::new(POLARIZED, ideal_cell(2), Adc::granular(6)).input_bits(1);
    // Ten level steps of noise around 0: 48 % lie below −½, 0 above 63.
    let die = program(builder.read_noise(ReadNoise::new(0.0, 66e-6).unwrap()), 4, 100, &[0; 400]);
    let activity = die.mvm_batch(&[0u8; 400], &mut ChaCha8Rng::seed_from_u64(1)).unwrap().activity;
    // 10 000 conversions: deviation 50.
    assert_eq!(activity.conversions(), 10_000);
    assert!(activity.clipped_low().abs_diff(4801) < 165, "{}", activity.clipped_low());
    assert_eq!(activity.clipped_high(), 0);
}
