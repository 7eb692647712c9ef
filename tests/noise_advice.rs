//! What the advice on noise methods says is what a die then has: the deviation, whether there are tables, and their size.

mod common;

use common::{Fill, random_weights};
use forms_xbar::device::{Flicker, FlickerAmplitude, WhiteLaw, WhiteNoise};
use forms_xbar::read::Kernel;
use forms_xbar::{
    Adc, AdcErrors, Baseline, Budget, Cell, Dac, DesignBuilder, Error, Key, LevelMap, Mapping, NoiseMethod,
    ReadNoise, Subtraction, presets,
};
use statrs::distribution::{ContinuousCDF, Normal};

/// One level step of cells from 0 µS to 90 µS, and what it conducts at the read voltage.
const STEP_SIEMENS: f64 = 30e-6;
const STEP_AMPERES: f64 = STEP_SIEMENS * 0.2;

const BEFORE_ADC: Mapping = Mapping::Differential { subtraction: Subtraction::BeforeAdc };
const DIGITAL: Mapping = Mapping::Differential { subtraction: Subtraction::Digital };

/// Full arrays of 16 × 128, groups of eight rows, cells without leakage.
fn builder(mapping: Mapping) -> DesignBuilder {
    let cell = Cell::new(LevelMap::linear(2, 0.0, 3.0 * STEP_SIEMENS).unwrap());
    DesignBuilder::new(mapping, cell, Adc::granular(5)).array(16, 128).active_rows(8).input_bits(8)
}

fn polarized() -> DesignBuilder {
    builder(Mapping::Polarized { fragment: 8 })
}

fn front_end(sigma_lsb: f64) -> ReadNoise {
    ReadNoise::new(0.0, sigma_lsb * STEP_AMPERES).unwrap()
}

#[test]
fn the_deviation_is_that_of_all_cells_and_the_adc() {
    let thermal = WhiteNoise::new(1e9, WhiteLaw::Thermal).unwrap();
    // 4kTGB of cells of 90 µS at 300 K, in level steps.
    let of_cell = (4.0 * 1.380649e-23 * 300.0 * 90e-6 * 1e9f64).sqrt() / STEP_AMPERES;
    let adc = AdcErrors::new(0.0, 0.0).unwrap().with_noise_lsb(0.3).unwrap();
    let fine = Adc::Calibrated { bits: 8, quantile: 1.0, lsb: Some(1 << 14) };
    for (design, expected) in [
        (polarized().read_noise(front_end(0.25)), 0.25),
        (polarized().read_noise(ReadNoise::new(0.02, 0.0).unwrap()), 0.02 * 3.0 * 8f64.sqrt()),
        (builder(BEFORE_ADC).read_noise(ReadNoise::new(0.02, 0.0).unwrap()), 0.02 * 3.0 * 4.0),
        (polarized().read_noise(ReadNoise::NONE.with_white(thermal)), of_cell * 8f64.sqrt()),
        // Four LSBs a level step.
        (polarized().adc(fine).read_noise(front_end(0.25)), 1.0),
        // Noise of the ADC is in its LSBs, alone or beside other noise.
        (polarized().adc_errors(adc), 0.3),
        (polarized().adc_errors(adc).read_noise(front_end(0.4)), 0.5),
        (polarized().adc(fine).adc_errors(adc).read_noise(front_end(0.1)), 0.5),
    ] {
        let advice = design.build().unwrap().noise_advice(256).unwrap();
        assert!((advice.sigma_lsb / expected - 1.0).abs() < 1e-9, "{} {expected}", advice.sigma_lsb);
    }
}

#[test]
fn tables_are_said_to_be_where_a_die_has_them() {
    let errors = AdcErrors::new(0.4, 0.01).unwrap();
    let uneven = errors.with_dnl_lsb(0.3).unwrap();
    let flicker = Flicker::new(FlickerAmplitude::Relative { sigma: 0.01 }, 1.0, 1e9).unwrap();
    let leaky = Cell::new(LevelMap::linear(2, 10e-6, 100e-6).unwrap());
    let noisy = || polarized().read_noise(front_end(0.1));
    let noisy_with = |mapping| builder(mapping).read_noise(front_end(0.1));
    let wide = |bits| noisy().adc(Adc::granular(bits));
    // Whether Gaussian noise has tables, and thresholds.
    for (name, builder, [gaussian, thresholds]) in [
        ("little noise", noisy(), [true, true]),
        ("offset", noisy_with(Mapping::Offset), [true, true]),
        ("digital differences", noisy_with(DIGITAL), [true, true]),
        ("pairs", noisy_with(BEFORE_ADC), [true, true]),
        ("six thresholds", polarized().read_noise(front_end(0.46)), [true, true]),
        ("seven thresholds", polarized().read_noise(front_end(0.47)), [true, false]),
        ("noise of 9 LSB", polarized().read_noise(front_end(9.0)), [true, false]),
        ("noise of 10 LSB", polarized().read_noise(front_end(10.0)), [false, false]),
        ("1 bit", noisy().adc(Adc::granular(1)), [true, true]),
        ("8 bits", noisy().adc(Adc::granular(8)), [true, true]),
        ("9 bits, beyond words of 16", noisy().adc(Adc::granular(9)), [true, false]),
        ("sums beyond words of 32", noisy().adc(Adc::full_range(16)), [false, false]),
        ("offsets and gains", noisy().adc_errors(errors), [true, true]),
        ("uneven codes", noisy().adc_errors(uneven), [true, true]),
        ("uneven codes of 14 bits", wide(14).adc_errors(uneven), [true, false]),
        ("uneven codes of 16 bits, beyond words of 16", wide(16).adc_errors(uneven), [false, false]),
        ("codes of 16 bits", wide(16), [true, false]),
        ("two uneven codes", noisy().adc(Adc::granular(1)).adc_errors(uneven), [true, true]),
        ("noise of ADCs", polarized().adc_errors(errors.with_noise_lsb(0.2).unwrap()), [true, true]),
        ("leakage in codes", noisy().cell(leaky.clone()), [true, true]),
        ("leakage in parts of codes", noisy().cell(leaky.clone()).adc(Adc::full_range(5)), [false, false]),
        ("a dummy column", noisy().cell(leaky).baseline(Baseline::DummyColumn), [true, true]),
        (
            "a noisy dummy column",
            noisy().read_noise(ReadNoise::new(0.01, 0.0).unwrap()).baseline(Baseline::DummyColumn),
            [false, false],
        ),
        ("offset in parts of codes", noisy_with(Mapping::Offset).adc(Adc::full_range(5)), [false, false]),
        ("sixteen rows", noisy_with(Mapping::Polarized { fragment: 16 }).active_rows(16), [false, false]),
        ("digits of two bits", noisy().dac(Dac::new(2, 0.2).unwrap()), [false, false]),
        ("1/f noise", noisy().read_noise(front_end(0.1).with_flicker(flicker)), [false, false]),
        ("word lines", noisy().read_noise(front_end(0.1).with_word_line_volts(1e-3)), [false, false]),
    ] {
        let advice = builder.clone().build().unwrap().noise_advice(256).unwrap();
        let outputs = 128
            / if matches!(builder.clone().build().unwrap().mapping(), Mapping::Differential { .. }) {
                8
            } else {
                4
            };
        let weights = random_weights((16, outputs, 8), Fill::Uniform, Some((16, 16)), 1);
        for (said, method, expected) in [
            (advice.gaussian, NoiseMethod::Gaussian, gaussian),
            (advice.thresholds.unwrap(), NoiseMethod::Thresholds, thresholds),
        ] {
            let design = builder.clone().noise_method(method).build().unwrap();
            let die = design.program_keyed(&weights, Key::from(2)).unwrap();
            let plan = die.prepare(Budget::default()).unwrap().plan();
            assert_eq!(plan.kernel == Kernel::White, expected, "{name}, {method:?}: the die");
            assert_eq!(said.is_tabled, expected, "{name}, {method:?}: the advice");
            assert_eq!(said.method, method);
            assert_eq!(said.table_bytes > 0, expected);
            if expected && !name.starts_with("uneven") {
                // Beside the tables a plan counts what activity takes.
                let ratio = plan.bytes as f64 / said.table_bytes as f64;
                assert!((1.0..1.1).contains(&ratio), "{name}, {method:?}: {ratio}");
            }
        }
    }
}

#[test]
fn costs_fall_with_the_batch_and_rise_with_the_noise() {
    let advice = |sigma: f64, batch: usize| {
        polarized().read_noise(front_end(sigma)).build().unwrap().noise_advice(batch).unwrap()
    };
    let costs = |sigma: f64, batch: usize| {
        let advice = advice(sigma, batch);
        [advice.gaussian.cost, advice.thresholds.unwrap().cost]
    };
    for sigma in [0.02, 0.1, 0.2, 0.46] {
        // Tables have to be built: a few vectors do not pay for more of them, many do.
        assert_eq!(advice(sigma, 1).cheaper(), NoiseMethod::Gaussian);
        assert_eq!(advice(sigma, 100_000).cheaper(), NoiseMethod::Thresholds);
        for batch in [1, 16, 256, 4096] {
            let ([gaussian, thresholds], more) = (costs(sigma, batch), costs(sigma, 2 * batch));
            assert!(gaussian > more[0] && thresholds > more[1], "{sigma} {batch}");
        }
    }
    for (less, more) in [(0.02, 0.1), (0.1, 0.2), (0.2, 0.46), (0.46, 0.5)] {
        assert!(costs(less, 100_000)[1] < costs(more, 100_000)[1]);
        assert_eq!(costs(less, 256)[0], costs(more, 256)[0]);
    }
    // Uneven codes cost sums a search, and chances nothing.
    let uneven = AdcErrors::NONE.with_dnl_lsb(1e-3).unwrap();
    let uneven = polarized().read_noise(front_end(0.1)).adc_errors(uneven).build().unwrap();
    assert!(uneven.noise_advice(100_000).unwrap().gaussian.cost > 2.0 * costs(0.1, 100_000)[0]);
    // Where neither has tables, a normal number is cheaper than a search among chances.
    let direct = advice(12.0, 100_000);
    assert_eq!(direct.cheaper(), NoiseMethod::Gaussian);
    assert_eq!(direct.gaussian.cost, advice(12.0, 1).gaussian.cost);
}

#[test]
fn what_chances_are_off_by_holds_at_the_edge_of_a_code() {
    // Rounding to the grid lifts what lies on an edge by half a unit: the smaller the noise, the more.
    let error = |sigma: f64| {
        let advice = polarized().read_noise(front_end(sigma)).build().unwrap().noise_advice(1).unwrap();
        (advice.gaussian.chance_error, advice.thresholds.unwrap().chance_error)
    };
    for sigma in [1e-6, 1e-4, 0.002, 0.02, 0.2, 3.0] {
        let (gaussian, thresholds) = error(sigma);
        let lifted = Normal::standard().cdf(0.5 / 65_536.0 / sigma) - 0.5;
        assert!(gaussian >= lifted && gaussian < 1.01 * lifted + 2e-5, "{sigma}: {gaussian} {lifted}");
        assert!(thresholds >= 2f64.powi(-33) && thresholds < 2f64.powi(-32));
    }
}

#[test]
fn bad_advice_is_not_asked_for() {
    let design = polarized().read_noise(front_end(0.1)).build().unwrap();
    let refused = design.noise_advice(0);
    assert!(matches!(refused, Err(Error::Integer { name: "vectors of an expected batch", value: 0, .. })));
    assert!(design.noise_advice(usize::MAX).is_ok_and(|advice| advice.gaussian.cost == 1.0));
    let word_lines = ReadNoise::NONE.with_word_line_volts(1e-3);
    for noise in [ReadNoise::NONE, word_lines] {
        let refused = polarized().read_noise(noise).build().unwrap().noise_advice(16);
        assert!(matches!(refused, Err(Error::Conflict { second: "no white noise", .. })));
    }
    let passed = polarized().adc(Adc::pass_through()).read_noise(front_end(0.1)).build().unwrap();
    let advice = passed.noise_advice(16).unwrap();
    assert!(advice.thresholds.is_none() && !advice.gaussian.is_tabled);
    assert_eq!(advice.cheaper(), NoiseMethod::Gaussian);
    // Arrays too narrow for a weight of eight bits.
    let narrow = presets::forms().array(8, 2).read_noise(front_end(0.1)).build().unwrap();
    assert!(narrow.noise_advice(16).unwrap().gaussian.table_bytes > 0);
}
