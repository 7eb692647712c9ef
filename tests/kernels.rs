//! Every kernel returns the bits of the reference, for every ADC, width, noise and shape.

mod common;

use common::{fills, mappings, polarization, random_inputs, random_weights, small_design};
use forms_xbar::{
    ActivityLevel, Adc, Baseline, Dac, Die, Key, Mapping, Programming, ReadNoise, Skip, StuckCells, presets,
};
use proptest::prelude::*;

fn adcs() -> impl Strategy<Value = Adc> {
    prop_oneof![
        (1u32..=16).prop_map(Adc::granular),
        (1u32..=16).prop_map(Adc::full_range),
        (1u32..=16).prop_map(|bits| Adc::calibrated(bits, 0.99)),
        Just(Adc::pass_through()),
    ]
}

/// Runs `x` through the direct and the reference kernel and compares everything they return.
fn assert_same(die: &Die, x: &[i32], key: Key) -> Result<(), TestCaseError> {
    let (direct, reference, energy) = if die.design().input_format().is_signed() {
        let x: Vec<i16> = x.iter().map(|&x| x as i16).collect();
        run(die, &x, key)
    } else {
        let x: Vec<u16> = x.iter().map(|&x| x as u16).collect();
        run(die, &x, key)
    };
    prop_assert_eq!(&direct, &reference);
    prop_assert_eq!(energy.clipped_high(), reference.activity.clipped_high());
    prop_assert!(direct.y.iter().all(|y| y.abs() <= die.bound()));
    Ok(())
}

fn run<T: forms_xbar::read::Input>(
    die: &Die,
    x: &[T],
    key: Key,
) -> (forms_xbar::Read, forms_xbar::Read, forms_xbar::Activity) {
    let direct = die.mvm_keyed(x, key).unwrap();
    let reference = die.mvm_reference_keyed(x, key).unwrap();
    let mut y = vec![0i64; die.outputs()];
    let mut scratch = die.scratch(ActivityLevel::CountsAndEnergy);
    die.mvm_into_keyed(x, key, &mut y, &mut scratch).unwrap();
    assert_eq!(y, direct.y);
    let mut off = die.scratch(ActivityLevel::Off);
    die.mvm_into_keyed(x, key, &mut y, &mut off).unwrap();
    assert_eq!(y, direct.y);
    assert_eq!(off.activity(), forms_xbar::Activity::default());
    (direct, reference, scratch.activity())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn direct_is_the_reference(
        (mapping, active_rows) in mappings(),
        column_flip in any::<bool>(),
        (cell_bits, bits) in (1u32..=4, 2u32..=16),
        (signed, input_bits, dac_bits) in (any::<bool>(), 2u32..=16, 1u32..=4),
        skip in prop::sample::select(vec![Skip::Off, Skip::LeadingZeros, Skip::AllZeroPlanes]),
        baseline in prop::sample::select(vec![Baseline::None, Baseline::Digital, Baseline::DummyColumn]),
        adc in adcs(),
        (relative, front_end) in prop::sample::select(vec![(0.0, 0.0), (0.02, 0.0), (0.0, 3e-7), (0.05, 1e-6)]),
        (inputs, outputs) in (1usize..40, 1usize..7),
        (fill, seed) in (fills(), any::<u64>()),
    ) {
        let baseline =
            if mapping.is_bipolar() && baseline == Baseline::DummyColumn { Baseline::None } else { baseline };
        let adc = match (adc, mapping.is_bipolar()) {
            (Adc::Granular { bits: 1 } | Adc::FullRange { bits: 1 }, true) => Adc::granular(2),
            (Adc::Calibrated { bits: 1, .. }, true) => Adc::calibrated(2, 0.99),
            (adc, _) => adc,
        };
        let cell = common::ideal_cell(cell_bits)
            .with_programming(Programming::Lognormal { sigma: 0.1 })
            .with_stuck_cells(StuckCells::new(0.02, 0.05).unwrap());
        let design = small_design(mapping, cell_bits, adc)
            .cell(cell)
            .active_rows(active_rows)
            .column_flip(column_flip)
            .signed_inputs(signed)
            .input_bits(input_bits)
            .dac(Dac::new(dac_bits, 0.2).unwrap())
            .skip(skip)
            .baseline(baseline)
            .read_noise(ReadNoise::new(relative, front_end).unwrap())
            .build()
            .unwrap();
        let weights = random_weights((inputs, outputs, bits), fill, polarization(mapping, 16), seed);
        let die = design.program_keyed(&weights, Key::from(u128::from(seed))).unwrap();
        let format = design.input_format();
        for salt in 1..3 {
            let x = random_inputs(inputs, (format.min(), format.max()), seed ^ salt);
            assert_same(&die, &x, Key::from(u128::from(seed) << 64 | u128::from(salt)))?;
        }
    }
}

#[test]
fn wide_words_take_over_where_narrow_ones_do_not_suffice() {
    // A 16-bit full-range ADC makes LSBs so small that 128 rows overflow 32 bits on the grid.
    for adc in [Adc::full_range(16), Adc::pass_through(), Adc::granular(9)] {
        let design = presets::isaac().column_flip(false).adc(adc).build().unwrap();
        let weights = random_weights((128, 8, 16), common::Fill::Uniform, None, 1);
        let die = design.program_keyed(&weights, Key::from(2)).unwrap();
        let x = random_inputs(128, (-32768, 32767), 3);
        assert_same(&die, &x, Key::from(4)).unwrap();
    }
}

#[test]
fn a_trace_is_the_read_it_belongs_to() {
    let design = presets::forms()
        .mapping(Mapping::Polarized { fragment: 4 })
        .input_bits(8)
        .read_noise(ReadNoise::new(0.01, 1e-7).unwrap())
        .build()
        .unwrap();
    let weights = random_weights((20, 40, 8), common::Fill::Uniform, Some((4, 128)), 1);
    let die = design.program_keyed(&weights, Key::from(2)).unwrap();
    let x: Vec<u8> = random_inputs(20, (0, 255), 3).into_iter().map(|x| x as u8).collect();
    let rng = || <rand::rngs::ChaCha8Rng as rand::SeedableRng>::seed_from_u64(5);
    let trace = die.trace(&x, &mut rng()).unwrap();
    assert_eq!(trace.read, die.mvm(&x, &mut rng()).unwrap());
    assert_eq!(trace.conversions.len() as u64, trace.read.activity.conversions());

    // Recombining the traced codes by hand gives the result; the ADC rule gives the codes.
    let step_amperes = 33e-6 * 0.2;
    let mut y = vec![0i64; 40];
    let baseline = |n: i64| (n as f64 / 33.0 + 0.5).floor() as i64;
    for c in &trace.conversions {
        let lsb = c.amperes / step_amperes;
        assert_eq!(c.unclamped, (lsb + 0.5).floor() as i64, "{c:?}");
        assert_eq!(c.code, c.unclamped.clamp(0, 15));
        let rows = c.group * 4..(c.group + 1) * 4;
        let column: Vec<i32> = rows.clone().map(|i| weights.get(i, c.output).unwrap()).collect();
        let sign = if column.iter().any(|&w| w < 0) { -1 } else { 1 };
        let n = x[rows].iter().filter(|&&x| x >> c.plane & 1 == 1).count() as i64;
        y[c.output] += (sign * (c.code - baseline(n))) << c.plane << (2 * c.slice);
    }
    assert_eq!(y, trace.read.y);
    // 40 outputs of 4 slices take two arrays side by side.
    assert!(trace.conversions.iter().all(|c| c.array == c.output / 32 && c.arm == 0));
}
