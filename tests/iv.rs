//! Bent I–V curves from the settings to the result: a remap of levels for one-bit inputs, a bent product
//! for wider DACs.

mod common;

use common::{Fill, ideal_cell, product, random_inputs, random_weights};
use forms_xbar::device::IvCurve;
use forms_xbar::{
    ActivityLevel, Adc, Baseline, Dac, DesignBuilder, Die, Error, Key, Mapping, Programming, Subtraction,
    Weights,
};

const POLARIZED: Mapping = Mapping::Polarized { fragment: 8 };
const BEFORE_ADC: Mapping = Mapping::Differential { subtraction: Subtraction::BeforeAdc };
const MAPPINGS: [Mapping; 4] =
    [POLARIZED, Mapping::Differential { subtraction: Subtraction::Digital }, BEFORE_ADC, Mapping::Offset];

/// k = 7.5 at 1 V, which is B = 2 acosh(3.75) = 3.98 /V; measured at 0.3 V.
fn sinh(half_bias_ratio_off: Option<f64>) -> IvCurve {
    IvCurve::Sinh { half_bias_ratio: 7.5, half_bias_ratio_off, bias_volts: 1.0, reference_volts: 0.3 }
}

fn cubic() -> IvCurve {
    IvCurve::Cubic { per_square_volt: 0.25, reference_volts: 0.3 }
}

fn table() -> IvCurve {
    let points = vec![(0.0, 0.0), (0.1, 1.0), (0.3, 4.0), (0.6, 12.0)];
    IvCurve::Table { points, reference_volts: 0.3 }
}

/// Current over that at 0.3 V, for curves that are the same at every level.
fn relative(iv: &IvCurve, volts: f64) -> f64 {
    let b = 2.0 * 3.75f64.acosh();
    let shape = |v: f64| match iv {
        IvCurve::Sinh { .. } => (b * v).sinh(),
        IvCurve::Cubic { .. } => v - 0.25 * v.powi(3),
        IvCurve::Table { .. } if v <= 0.1 => 10.0 * v,
        IvCurve::Table { .. } if v <= 0.3 => 1.0 + 15.0 * (v - 0.1),
        IvCurve::Table { .. } => 4.0 + 8.0 / 0.3 * (v - 0.3),
        IvCurve::Ohmic => v,
    };
    shape(volts) / shape(0.3)
}

fn bent(mapping: Mapping, iv: IvCurve, volts: f64, bits: u32) -> DesignBuilder {
    DesignBuilder::new(mapping, ideal_cell(2).with_iv(iv), Adc::granular(8))
        .array(16, 32)
        .active_rows(8)
        .dac(Dac::new(bits, volts).unwrap())
        .input_bits(6)
}

fn programmed(builder: DesignBuilder, weights: &Weights) -> Die {
    builder.build().unwrap().program_keyed(weights, Key::from(3)).unwrap()
}

fn matrix(mapping: Mapping) -> Weights {
    let polarized = if mapping == POLARIZED { Some((8, 16)) } else { None };
    random_weights((30, 9, 6), Fill::Uniform, polarized, 5)
}

fn inputs(seed: u64) -> Vec<u8> {
    random_inputs(30, (0, 63), seed).into_iter().map(|x| x as u8).collect()
}

#[test]
fn one_bit_inputs_at_the_reference_voltage_are_ohmic() {
    for mapping in MAPPINGS {
        let weights = matrix(mapping);
        for (adc, programming) in [
            (Adc::granular(8), Programming::Exact),
            (Adc::full_range(12), Programming::Lognormal { sigma: 0.2 }),
            (Adc::pass_through(), Programming::Lognormal { sigma: 0.2 }),
        ] {
            let die = |iv: IvCurve| {
                let cell = ideal_cell(2).with_iv(iv.clone()).with_programming(programming.clone());
                programmed(bent(mapping, iv, 0.3, 1).cell(cell).adc(adc), &weights)
            };
            let ohmic = die(IvCurve::Ohmic);
            for iv in [sinh(None), sinh(Some(3.0)), cubic(), table()] {
                let die = die(iv.clone());
                assert_eq!(die.design().thresholds(), ohmic.design().thresholds(), "{iv:?}");
                let apart = die.effective_weights() - ohmic.effective_weights();
                assert!(apart.amax() < 1e-12, "{iv:?}: {apart}");
                for seed in 0..5 {
                    let mut y = [vec![0i64; 9], vec![0i64; 9]];
                    let mut activity = Vec::new();
                    for (die, y) in [&die, &ohmic].into_iter().zip(&mut y) {
                        let mut scratch = die.scratch(ActivityLevel::CountsAndEnergy);
                        die.mvm_into_keyed(&inputs(seed), Key::from(1), y, &mut scratch).unwrap();
                        activity.push(scratch.take_activity());
                    }
                    assert_eq!(y[0], y[1], "{mapping:?} {iv:?} {adc:?}");
                    assert_eq!(activity[0].conversions(), activity[1].conversions());
                    assert_eq!(activity[0].clipped_high(), activity[1].clipped_high());
                    let joules = activity.iter().map(|activity| activity.cell_energy_joules());
                    let [bent, straight] = joules.collect::<Vec<_>>()[..] else { panic!() };
                    assert!((bent / straight - 1.0).abs() < 1e-9, "{bent} {straight}");
                }
            }
        }
    }
}

#[test]
fn one_curve_for_all_levels_keeps_integers_at_any_voltage() {
    for mapping in MAPPINGS {
        let weights = matrix(mapping);
        for (iv, volts) in [
            (sinh(None), 0.1),
            (sinh(None), 0.2),
            (sinh(None), 1.0),
            (cubic(), 1.0),
            (table(), 0.05),
            (table(), 0.6),
        ] {
            let design = bent(mapping, iv.clone(), volts, 1).build().unwrap();
            // Levels conduct more or less, all by one factor.
            let factor = relative(&iv, volts) * 0.3 / volts;
            for (level, at_read) in design.read_levels().as_slice().iter().enumerate() {
                let programmed = 1e-6 + 33e-6 * level as f64;
                assert!((at_read / (programmed * factor) - 1.0).abs() < 1e-12, "{iv:?} {volts} V");
            }
            let die = design.program_keyed(&weights, Key::from(1)).unwrap();
            let effective = die.effective_weights();
            for (input, row) in weights.as_row_slice().chunks_exact(9).enumerate() {
                for (output, &weight) in row.iter().enumerate() {
                    assert!((effective[(input, output)] - f64::from(weight)).abs() < 1e-4);
                }
            }
            for seed in 0..5 {
                let x = inputs(seed);
                let exact = product(&weights, &x.iter().map(|&x| x.into()).collect::<Vec<_>>());
                assert_eq!(die.mvm_keyed(&x, Key::from(1)).unwrap().y, exact, "{mapping:?} {iv:?} {volts} V");
            }
        }
    }
}

#[test]
fn a_curve_that_follows_the_state_remaps_levels_unevenly() {
    // k falls from 12 at g_off to 3 at g_on: B = 2 acosh(k/2) at 1 V, linear in G between.
    let iv = IvCurve::Sinh {
        half_bias_ratio: 3.0,
        half_bias_ratio_off: Some(12.0),
        bias_volts: 1.0,
        reference_volts: 0.3,
    };
    let (off, on) = (2.0 * 6f64.acosh(), 2.0 * 1.5f64.acosh());
    let volts = 0.6;
    let siemens = |level: i32| {
        let g = 1e-6 + 33e-6 * f64::from(level);
        let b = off + (on - off) * (g - 1e-6) / 99e-6;
        g * 0.3 / volts * (b * volts).sinh() / (b * 0.3).sinh()
    };
    let design = bent(POLARIZED, iv, volts, 1).build().unwrap();
    let step = (siemens(3) - siemens(0)) / 3.0;
    for (level, &at_read) in design.read_levels().as_slice().iter().enumerate() {
        assert!((at_read / siemens(level as i32) - 1.0).abs() < 1e-12, "{level}");
    }
    let uneven = (siemens(1) - siemens(0)) / step;
    assert!((uneven - 1.0).abs() > 0.02, "{uneven}");
    let weights = Weights::full_magnitude_from_row_slice(8, 4, 2, &[0, 1, 2, 3].repeat(8)).unwrap();
    let die = design.program_keyed(&weights, Key::from(1)).unwrap();
    let effective = die.effective_weights();
    let fine = programmed(design.to_builder().adc(Adc::pass_through()), &weights);
    let y = fine.mvm_keyed(&[9u8; 8], Key::from(1)).unwrap().to_real();
    for level in 0..4 {
        let expected = (siemens(level) - siemens(0)) / step;
        assert!((effective[(5, level as usize)] - expected).abs() < 1e-5, "level {level}");
        assert!((y[level as usize] - 72.0 * expected).abs() < 1e-2, "level {level}");
    }
}

#[test]
fn a_wide_dac_bends_the_product_as_the_curve_says() {
    let weights = matrix(POLARIZED);
    for (iv, bits, volts) in
        [(sinh(None), 2, 0.5), (sinh(None), 3, 1.0), (cubic(), 2, 1.0), (table(), 3, 0.6)]
    {
        let top = f64::from((1 << bits) - 1);
        for baseline in [Baseline::None, Baseline::DummyColumn] {
            let builder = bent(POLARIZED, iv.clone(), volts, bits).baseline(baseline);
            let die = programmed(builder.adc(Adc::full_range(16)), &weights);
            let x = inputs(7);
            let trace = die.trace_keyed(&x, Key::from(1)).unwrap();
            assert_eq!(trace.read, die.mvm_keyed(&x, Key::from(1)).unwrap());
            let arrays: Vec<_> = die.conductances().collect();
            for c in &trace.conversions {
                // Two row tiles of two groups; 10 outputs of three slices an array.
                let (array, rows) = (&arrays[c.array], c.group * 8..(c.group + 1) * 8);
                let ampere = |row: usize| {
                    let input = x.get(c.array * 16 + row).copied().unwrap_or(0);
                    let digit = input >> (bits * c.plane / bits * bits) & ((1 << bits) - 1);
                    let per_siemens = 0.3 * relative(&iv, volts * f64::from(digit) / top);
                    let cell = array.as_row_slice()[row * array.columns() + c.output * 3 + c.slice];
                    let dummy = array.dummy_column().map_or(0.0, |dummy| dummy[row].into());
                    (f64::from(cell) - dummy) * per_siemens
                };
                let expected: f64 = rows.map(ampere).sum();
                // Eight cells and as many leakages, each rounded to 2⁻³² of the full scale.
                let full_scale = 8.0 * 30e-6 * relative(&iv, volts);
                let limit = 8.0 * full_scale * 2f64.powi(-32);
                assert!((c.amperes - expected).abs() < limit, "{iv:?} {c:?}, {expected} ± {limit}");
            }
        }
    }
}

#[test]
fn a_bent_product_differs_from_the_straight_one() {
    // One cell at level 3 and a 2-bit DAC: digits 1, 2, 3 of 3 count sinh(B V) / sinh(B V_read) of 3.
    let iv = sinh(None);
    let weights = Weights::full_magnitude_from_row_slice(8, 1, 2, &[3; 8]).unwrap();
    let builder = bent(POLARIZED, iv.clone(), 0.9, 2).input_bits(2).adc(Adc::pass_through());
    let die = programmed(builder.baseline(Baseline::DummyColumn), &weights);
    for digit in 1..=3u8 {
        let y = die.mvm_keyed(&[digit; 8], Key::from(1)).unwrap().to_real()[0];
        let expected = 72.0 * relative(&iv, 0.3 * f64::from(digit)) / relative(&iv, 0.9);
        assert!((y - expected).abs() < 1e-3, "{digit}: {y}, expected {expected}");
        assert!(digit == 3 || y < 24.0 * f64::from(digit) * 0.8);
    }
}

#[test]
fn the_direct_kernel_is_the_reference_for_bent_cells() {
    for mapping in MAPPINGS {
        let weights = matrix(mapping);
        for (iv, bits) in [(sinh(Some(20.0)), 1), (sinh(Some(20.0)), 4), (cubic(), 3), (table(), 2)] {
            for adc in [Adc::granular(7), Adc::full_range(16), Adc::pass_through()] {
                let cell =
                    ideal_cell(2).with_iv(iv.clone()).with_programming(Programming::Lognormal { sigma: 0.2 });
                let die = programmed(bent(mapping, iv.clone(), 0.55, bits).cell(cell).adc(adc), &weights);
                for seed in 0..3 {
                    let x = inputs(seed);
                    let read = die.mvm_keyed(&x, Key::from(1)).unwrap();
                    assert_eq!(
                        read,
                        die.mvm_reference_keyed(&x, Key::from(1)).unwrap(),
                        "{mapping:?} {iv:?}"
                    );
                    assert!(read.y.iter().all(|y| y.abs() <= die.bound()));
                }
            }
        }
    }
}

#[test]
fn energy_is_voltage_times_current_times_time() {
    let weights = Weights::full_magnitude_from_row_slice(8, 2, 2, &[3, 0].repeat(8)).unwrap();
    for iv in [IvCurve::Ohmic, sinh(None), cubic(), table()] {
        for baseline in [Baseline::Digital, Baseline::DummyColumn] {
            let builder = bent(POLARIZED, iv.clone(), 0.6, 2).input_bits(2).plane_secs(20e-9);
            let die = programmed(builder.baseline(baseline), &weights);
            let mut scratch = die.scratch(ActivityLevel::CountsAndEnergy);
            let x = [0u8, 1, 2, 3, 3, 0, 1, 0];
            die.mvm_into_keyed(&x, Key::from(1), &mut [0i64; 2], &mut scratch).unwrap();
            // 100 µS, 1 µS and, for a dummy, another 1 µS on every word line.
            let siemens = 101e-6 + if baseline == Baseline::DummyColumn { 1e-6 } else { 0.0 };
            let joules = |&digit: &u8| {
                let volts = 0.2 * f64::from(digit);
                let amperes = match iv {
                    IvCurve::Ohmic => siemens * volts,
                    _ => siemens * 0.3 * relative(&iv, volts),
                };
                volts * amperes * 20e-9
            };
            let expected: f64 = x.iter().map(joules).sum();
            let found = scratch.activity().cell_energy_joules();
            assert!((found / expected - 1.0).abs() < 1e-7, "{iv:?}: {found}, expected {expected}");
        }
    }
}

#[test]
fn voltages_beyond_a_curve_are_refused_when_a_design_is_built() {
    let error = |iv: IvCurve, volts| bent(POLARIZED, iv, volts, 1).build().unwrap_err();
    let refused = |error: Error, expected: &str, value: f64, most: f64| {
        let text = error.to_string();
        match error {
            Error::Real { name, value: found, max, .. } => {
                assert_eq!((name, found), (expected, value));
                assert!((max / most - 1.0).abs() < 1e-12, "{max}");
            }
            error => panic!("{error:?}"),
        }
        assert!(text.contains(expected) && text.contains(&value.to_string()), "{text}");
    };
    refused(error(table(), 0.61), "voltage of an I–V table (V)", 0.61, 0.6);
    // V − V³/4 has its maximum at √(4/3) V.
    let top = (4.0f64 / 3.0).sqrt();
    refused(error(cubic(), 1.2), "voltage of a cubic I–V (V)", 1.2, top);
    assert!(bent(POLARIZED, cubic(), 1.15, 4).build().is_ok());
    let b = 2.0 * 3.75f64.acosh();
    refused(error(sinh(None), 200.0), "voltage of a sinh I–V (V)", 200.0, 500.0 / b);
    // The reference voltage has to lie on the curve too.
    let far = IvCurve::Cubic { per_square_volt: 0.25, reference_volts: 1.5 };
    refused(error(far, 0.2), "voltage of a cubic I–V (V)", 1.5, top);
    // Levels that fall over each other at the read voltage: 34 µS conducts far more than 100 µS.
    let crossing = IvCurve::Sinh {
        half_bias_ratio: 2.001,
        half_bias_ratio_off: Some(70.0),
        bias_volts: 1.0,
        reference_volts: 0.3,
    };
    let error = error(crossing, 1.5);
    assert!(matches!(error, Error::LevelTable { .. }), "{error}");
}

#[test]
fn the_largest_digit_drives_exactly_the_read_voltage() {
    // volts · 3 / 3 is above some of them.
    for millivolts in 1..=1000 {
        let volts = f64::from(millivolts) / 1000.0;
        for bits in 1..=4 {
            let dac = Dac::new(bits, volts).unwrap();
            assert_eq!(dac.volts(dac.max_digit()), volts);
        }
    }
    // A curve may end there.
    let points = vec![(0.0, 0.0), (0.1, 1.0), (0.2, 3.0)];
    let table = IvCurve::Table { points, reference_volts: 0.2 };
    for bits in 1..=4 {
        let die = programmed(bent(POLARIZED, table.clone(), 0.2, bits), &matrix(POLARIZED));
        die.mvm_keyed(&inputs(1), Key::from(1)).unwrap();
    }
}

#[test]
fn slopes_are_those_of_the_curves() {
    let window = (1e-6, 1e-4);
    for iv in [IvCurve::Ohmic, sinh(None), sinh(Some(5.0)), cubic(), table()] {
        for siemens in [1e-6, 4e-5, 1e-4] {
            // Between the points of the table.
            for volts in [0.0, 0.03, 0.17, 0.21, 0.5f64] {
                let step = 1e-6;
                let amperes = |volts| iv.amperes(siemens, window, volts);
                // Curves are odd.
                let numeric = (amperes(volts + step) - amperes(volts - step)) / (2.0 * step);
                for volts in [volts, -volts] {
                    let slope = iv.slope(siemens, window, volts);
                    assert!(
                        (slope / numeric - 1.0).abs() < 1e-7,
                        "{iv:?} {siemens} {volts}: {slope} {numeric}"
                    );
                }
            }
        }
    }
    assert!(table().slope(1e-4, window, 0.61).is_nan());
    // At a point, the segment that ends there.
    assert_eq!(table().slope(1e-4, window, 0.3), table().slope(1e-4, window, 0.25));
}
