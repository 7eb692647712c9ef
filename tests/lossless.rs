//! Ideal cells read by a lossless ADC return the exact integer product, through the whole path; the
//! ADC widths that FORMS prints clip, and say so.

mod common;

use common::{fills, mappings, polarization, product, random_inputs, random_weights, small_design};
use forms_xbar::{
    Adc, Baseline, Cell, Dac, DesignBuilder, Die, Key, LevelMap, Mapping, Skip, Weights, presets,
};
use proptest::prelude::*;

fn read(die: &Die, x: &[i32]) -> Vec<i64> {
    if die.design().input_format().is_signed() {
        let x: Vec<i16> = x.iter().map(|&x| x as i16).collect();
        die.mvm_keyed(&x, Key::from(1)).unwrap().y
    } else {
        let x: Vec<u16> = x.iter().map(|&x| x as u16).collect();
        die.mvm_keyed(&x, Key::from(1)).unwrap().y
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn a_lossless_adc_returns_the_product(
        (mapping, active_rows) in mappings(),
        column_flip in any::<bool>(),
        (cell_bits, bits) in (1u32..=4, 2u32..=16),
        (signed, input_bits, dac_bits) in (any::<bool>(), 2u32..=16, 1u32..=4),
        skip in prop::sample::select(vec![Skip::Off, Skip::LeadingZeros, Skip::AllZeroPlanes]),
        dummy in any::<bool>(),
        (inputs, outputs) in (1usize..40, 1usize..7),
        fill in fills(),
        seed in any::<u64>(),
    ) {
        let baseline =
            if dummy && !mapping.is_bipolar() { Baseline::DummyColumn } else { Baseline::Digital };
        let builder = small_design(mapping, cell_bits, Adc::granular(16))
            .active_rows(active_rows)
            .column_flip(column_flip)
            .signed_inputs(signed)
            .input_bits(input_bits)
            .dac(Dac::new(dac_bits, 0.2).unwrap())
            .skip(skip)
            .baseline(baseline);
        let bits_needed = builder.clone().build().unwrap().lossless_adc_bits();
        let design = builder.adc(Adc::granular(bits_needed)).build().unwrap();
        let weights = random_weights((inputs, outputs, bits), fill, polarization(mapping, 16), seed);
        let die = design.program_keyed(&weights, Key::from(9)).unwrap();
        let format = design.input_format();
        let x = random_inputs(inputs, (format.min(), format.max()), seed ^ 1);
        prop_assert_eq!(read(&die, &x), product(&weights, &x));
        prop_assert_eq!(die.y_scale(), 1.0);
    }
}

fn forms(fragment: usize, adc_bits: u32, column_flip: bool) -> DesignBuilder {
    presets::forms()
        .mapping(Mapping::Polarized { fragment })
        .cell(common::ideal_cell(2))
        .adc(Adc::granular(adc_bits))
        .column_flip(column_flip)
        .input_bits(8)
}

/// Weights and inputs at which every column sum takes its largest value.
fn extreme(fragment: usize) -> (Weights, Vec<u8>) {
    let values = [255, -255].repeat(fragment);
    (Weights::full_magnitude_from_row_slice(fragment, 2, 8, &values).unwrap(), vec![255; fragment])
}

/// Column sums of 2-bit slices above `top`, counted from the magnitudes: what must clip.
fn sums_above(top: u32, fragment: usize, weights: &Weights, x: &[u8]) -> u64 {
    let mut count = 0;
    for first in (0..x.len()).step_by(fragment) {
        for (plane, slice, output) in (0..8 * 4 * weights.outputs()).map(|i| (i % 8, i / 8 % 4, i / 32)) {
            let level = |i| weights.get(i, output).unwrap().unsigned_abs() >> (2 * slice) & 3;
            let driven = (first..first + fragment).filter(|&i| x[i] >> plane & 1 == 1);
            count += u64::from(driven.map(level).sum::<u32>() > top);
        }
    }
    count
}

#[test]
fn forms_adcs_are_one_bit_short_unless_columns_flip() {
    for (fragment, forms_bits) in [(4, 3), (8, 4), (16, 5)] {
        let random = random_weights((128, 16, 8), common::Fill::Uniform, Some((fragment, 128)), 5);
        let random_x: Vec<u8> =
            random_inputs(128, (0, 2047), 6).into_iter().map(|x| x.min(255) as u8).collect();
        let mut clipped_in_all = 0;
        for (weights, x) in [extreme(fragment), (random, random_x)] {
            let exact = product(&weights, &x.iter().map(|&x| i32::from(x)).collect::<Vec<_>>());
            let read = |bits, flip| {
                let design = forms(fragment, bits, flip).build().unwrap();
                let die = design.program_keyed(&weights, Key::from(1)).unwrap();
                (design.lossless_adc_bits(), die.mvm_keyed(&x, Key::from(1)).unwrap())
            };
            // One bit more than FORMS prints: lossless.
            let (lossless_bits, one_more) = read(forms_bits + 1, false);
            assert_eq!(lossless_bits, forms_bits + 1);
            assert_eq!(one_more.y, exact);
            assert_eq!((one_more.activity.clipped_low(), one_more.activity.clipped_high()), (0, 0));
            // FORMS's width with column flip: lossless.
            let (lossless_bits, flipped) = read(forms_bits, true);
            assert_eq!(lossless_bits, forms_bits);
            assert_eq!(flipped.y, exact);
            assert_eq!(flipped.activity.clipped_high(), 0);
            // FORMS's width as printed: clips, counts it, and loses what it clipped.
            let (_, printed) = read(forms_bits, false);
            let clipped = sums_above((1 << forms_bits) - 1, fragment, &weights, &x);
            assert_eq!((printed.activity.clipped_low(), printed.activity.clipped_high()), (0, clipped));
            assert_eq!(printed.y != exact, clipped > 0);
            clipped_in_all += clipped;
        }
        assert!(clipped_in_all > 0);
    }
}

#[test]
fn every_clipped_conversion_is_counted() {
    // A fragment of 8 at level 3 sums to 24: all 8 planes of all 4 slices of both columns clip at 15.
    let (weights, x) = extreme(8);
    let die = forms(8, 4, false).build().unwrap().program_keyed(&weights, Key::from(1)).unwrap();
    let read = die.mvm_keyed(&x, Key::from(1)).unwrap();
    assert_eq!(read.activity.clipped_high(), 8 * 4 * 2);
    assert_eq!(read.y, [15 * 85 * 255, -15 * 85 * 255]);
}

#[test]
fn isaac_is_lossless_in_eight_bits() {
    let design = presets::isaac().build().unwrap();
    assert_eq!(design.lossless_adc_bits(), 8);
    for fill in [common::Fill::Uniform, common::Fill::Lowest, common::Fill::Highest] {
        let weights = random_weights((300, 20, 16), fill, None, 3);
        let die = design.program_keyed(&weights, Key::from(1)).unwrap();
        for x in [random_inputs(300, (-32768, 32767), 4), vec![-32768; 300], vec![32767; 300]] {
            assert_eq!(read(&die, &x), product(&weights, &x));
        }
    }
}

#[test]
fn leakage_is_part_of_the_lossless_width() {
    // β = 1: eight driven rows leak 8 level steps, and 24 + 8 needs a sixth bit.
    let leaky = forms_xbar::Cell::new(forms_xbar::LevelMap::linear(2, 1e-6, 4e-6).unwrap());
    let with = |baseline| forms(8, 6, false).cell(leaky.clone()).baseline(baseline).build().unwrap();
    assert_eq!(with(Baseline::Digital).lossless_adc_bits(), 6);
    assert_eq!(with(Baseline::None).lossless_adc_bits(), 6);
    assert_eq!(with(Baseline::DummyColumn).lossless_adc_bits(), 5);
    let (weights, x) = extreme(8);
    let exact = product(&weights, &[255; 8]);
    for baseline in [Baseline::Digital, Baseline::DummyColumn] {
        let die = with(baseline).program_keyed(&weights, Key::from(1)).unwrap();
        assert_eq!(die.mvm_keyed(&x, Key::from(1)).unwrap().y, exact);
    }
    // Left in, the leakage is β · Σx per slice.
    let die = with(Baseline::None).program_keyed(&weights, Key::from(1)).unwrap();
    let leak = 8 * 255 * 85;
    assert_eq!(die.mvm_keyed(&x, Key::from(1)).unwrap().y, [exact[0] + leak, exact[1] - leak]);
}

/// Offset mapping with all 128 rows of an array active and cells from `g_off` to 100 µS: columns of equal
/// levels, every level once, and random columns, for every number of driven rows: what
/// is read and the product.
fn products_with_leakage(cell_bits: u32, g_off: f64, baseline: Baseline, seed: u64) -> [Vec<i64>; 2] {
    let cell = Cell::new(LevelMap::linear(cell_bits, g_off, 100e-6).unwrap());
    let builder =
        DesignBuilder::new(Mapping::Offset, cell, Adc::granular(16)).baseline(baseline).input_bits(1);
    let bits = builder.clone().build().unwrap().lossless_adc_bits();
    let design = builder.adc(Adc::granular(bits)).build().unwrap();

    let weight_bits = cell_bits.max(2);
    let levels = 1 << weight_bits;
    let random = random_weights((128, 4, weight_bits), common::Fill::Uniform, None, seed);
    let values = random
        .as_row_slice()
        .chunks_exact(4)
        .flat_map(|random| (0..levels).map(|level| level - levels / 2).chain(random.iter().copied()));
    let weights =
        Weights::from_row_slice(128, levels as usize + 4, weight_bits, &values.collect::<Vec<_>>()).unwrap();
    let die = design.program_keyed(&weights, Key::from(1)).unwrap();
    let (mut found, mut exact) = (Vec::new(), Vec::new());
    for driven in 0..=128 {
        let x: Vec<i32> = (0..128).map(|row| i32::from(row < driven)).collect();
        found.extend(read(&die, &x));
        exact.extend(product(&weights, &x));
    }
    [found, exact]
}

const SUBTRACTED: [Baseline; 2] = [Baseline::Digital, Baseline::DummyColumn];

#[test]
fn leakages_that_round_badly_are_exact() {
    for (cell_bits, g_off) in [(2, 405e-9), (2, 45.758e-6), (4, 7.876e-6), (4, 1.95e-6)] {
        for baseline in SUBTRACTED {
            let [found, exact] = products_with_leakage(cell_bits, g_off, baseline, 1);
            assert_eq!(found, exact, "{cell_bits} bits, {g_off} S, {baseline:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn any_leakage_is_exact(cell_bits in 1u32..=4, nanosiemens in 0u32..=60_000, seed in any::<u64>()) {
        for baseline in SUBTRACTED {
            let [found, exact] =
                products_with_leakage(cell_bits, f64::from(nanosiemens) * 1e-9, baseline, seed);
            prop_assert_eq!(found, exact, "{:?}", baseline);
        }
    }
}
