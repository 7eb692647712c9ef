//! The error budget of one product against the sample variance of many, source by source, and by hand for
//! one cell. α = 0.001 over all comparisons together, fixed seeds.

mod common;

use forms_xbar::device::{
    Conditions, Flicker, FlickerAmplitude, IvCurve, Persistence, Telegraph, TelegraphAmplitude, WhiteLaw,
    WhiteNoise,
};
use forms_xbar::{
    Adc, Baseline, Cell, Dac, DesignBuilder, Die, ErrorSource, Key, LevelMap, Mapping, Programming,
    ReadNoise, Subtraction, Weights,
};
use rand::{SeedableRng, rngs::ChaCha8Rng};

const DIGITAL: Mapping = Mapping::Differential { subtraction: Subtraction::Digital };
const BEFORE_ADC: Mapping = Mapping::Differential { subtraction: Subtraction::BeforeAdc };
const POLARIZED: Mapping = Mapping::Polarized { fragment: 4 };

/// Mappings and baselines, bits of the DAC, signed inputs.
const MACHINES: [(Mapping, Baseline, u32, bool); 10] = [
    (POLARIZED, Baseline::Digital, 1, false),
    (POLARIZED, Baseline::None, 2, false),
    (POLARIZED, Baseline::DummyColumn, 1, true),
    (POLARIZED, Baseline::DummyColumn, 2, false),
    (DIGITAL, Baseline::Digital, 2, true),
    (DIGITAL, Baseline::DummyColumn, 1, false),
    (BEFORE_ADC, Baseline::Digital, 1, true),
    (BEFORE_ADC, Baseline::None, 2, false),
    (Mapping::Offset, Baseline::Digital, 2, false),
    (Mapping::Offset, Baseline::DummyColumn, 1, true),
];

/// A design of small arrays of uneven cells, read hot: 40–100 µS, and bent where `iv` says so.
fn builder(machine: usize, iv: IvCurve) -> DesignBuilder {
    let (mapping, baseline, dac_bits, signed) = MACHINES[machine];
    let cell = Cell::new(LevelMap::linear(2, 40e-6, 100e-6).unwrap())
        .with_programming(Programming::Lognormal { sigma: 0.2 })
        .with_iv(iv);
    DesignBuilder::new(mapping, cell, Adc::pass_through())
        .array(4, 8)
        .active_rows(4)
        .column_flip(machine % 3 == 2)
        .baseline(baseline)
        .dac(Dac::new(dac_bits, 0.2).unwrap())
        .input_bits(4)
        .signed_inputs(signed)
        .plane_secs(15e-9)
}

/// Six inputs of two groups, three outputs: over one column of arrays or two.
fn programmed(builder: DesignBuilder) -> Die {
    let values = [5, 3, -7, 1, 6, -2, 7, 0, -5, 2, 1, -3, -4, 3, 6, -1, 7, 2];
    let weights = Weights::from_row_slice(6, 3, 4, &values).unwrap();
    let die = builder.build().unwrap().program_keyed(&weights, Key::from(3)).unwrap();
    die.at(&Conditions { kelvin: 350.0, ..Conditions::FRESH }).unwrap()
}

/// Asserts that the mean of independent `values` is `expected` within `z` of its deviations.
fn assert_mean(values: &[f64], expected: f64, z: f64, case: &str) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let limit = z * (variance / n).sqrt();
    assert!(expected > 0.0, "{case}: {expected}");
    assert!((mean - expected).abs() < limit, "{case}: mean {mean}, expected {expected} ± {limit}");
}

/// Deviations that α = 0.001 is for one of the 250 or so comparisons of this file.
const Z: f64 = 4.6;

/// Compares the budget of every machine under one source with reads.
fn check(noise: ReadNoise, sources: &[ErrorSource], iv: &IvCurve) {
    for (machine, &(.., signed)) in MACHINES.iter().enumerate() {
        let quiet = programmed(builder(machine, iv.clone()));
        let die = programmed(builder(machine, iv.clone()).read_noise(noise));
        // One input of 0, one of a group that is not full.
        let x: [i8; 6] = if signed { [5, -8, 0, -3, 7, -1] } else { [5, 15, 0, 9, 12, 3] };
        let budget = die.error_budget(&x).unwrap();
        let of = |source: &ErrorSource| budget.share(*source);
        let bit_line: f64 = sources.iter().map(|source| of(source).bit_line).sum();
        let result: f64 = sources.iter().map(|source| of(source).result).sum();
        let case = format!("{:?}, {sources:?}, {:?}", MACHINES[machine], noise.persistence());
        for share in budget.shares().iter().filter(|share| !sources.contains(&share.source)) {
            assert_eq!((share.bit_line, share.result), (0.0, 0.0), "{case}: {share:?}");
        }
        assert!((budget.result() / result - 1.0).abs() < 1e-12, "{case}");

        let exact = quiet.mvm_keyed(&x, Key::from(0)).unwrap().to_real();
        let read = die.mvm_batch(&x.repeat(6000), &mut ChaCha8Rng::seed_from_u64(4)).unwrap().to_real();
        let squares = |y: &[f64]| y.iter().zip(&exact).map(|(y, e)| (y - e).powi(2)).sum::<f64>() / 3.0;
        let squares: Vec<f64> = read.chunks_exact(3).map(squares).collect();
        assert_mean(&squares, result, Z, &format!("{case}, result"));

        let exact = quiet.trace_keyed(&x, Key::from(0)).unwrap().conversions;
        assert_eq!(budget.conversions(), exact.len() as u64);
        let squares = |key: u128| {
            let noisy = die.trace_keyed(&x, Key::from(key)).unwrap().conversions;
            let square = noisy.iter().zip(&exact).map(|(c, e)| (c.amperes - e.amperes).powi(2));
            square.sum::<f64>() / exact.len() as f64
        };
        let squares: Vec<f64> = (0..250).map(squares).collect();
        assert_mean(&squares, bit_line, Z, &format!("{case}, bit line"));
    }
}

fn sinh() -> IvCurve {
    IvCurve::Sinh { half_bias_ratio: 7.5, half_bias_ratio_off: None, bias_volts: 0.5, reference_volts: 0.3 }
}

fn white(law: WhiteLaw) -> ReadNoise {
    ReadNoise::NONE.with_white(WhiteNoise::new(1e9, law).unwrap())
}

#[test]
fn thermal_and_shot_noise() {
    check(white(WhiteLaw::Thermal), &[ErrorSource::Thermal], &IvCurve::Ohmic);
    check(white(WhiteLaw::Shot), &[ErrorSource::Shot], &IvCurve::Ohmic);
    let both = [ErrorSource::Thermal, ErrorSource::Shot];
    check(white(WhiteLaw::Fano { factor: 0.5 }), &both, &IvCurve::Ohmic);
}

#[test]
fn relative_front_end_and_word_line_noise() {
    check(ReadNoise::new(0.02, 0.0).unwrap(), &[ErrorSource::Relative], &IvCurve::Ohmic);
    check(ReadNoise::new(0.0, 50e-9).unwrap(), &[ErrorSource::FrontEnd], &IvCurve::Ohmic);
    check(ReadNoise::NONE.with_word_line_volts(2e-3), &[ErrorSource::WordLine], &IvCurve::Ohmic);
}

const PERSISTENCES: [Persistence; 3] = [Persistence::Held, Persistence::Evolved, Persistence::Redrawn];

fn telegraph() -> ReadNoise {
    let amplitude = TelegraphAmplitude::LinearInResistance { per_ohm: 1e-5, offset: 0.1, cap: 0.3 };
    ReadNoise::NONE.with_telegraph(Telegraph::new(amplitude, 60e-9, 20e-9).unwrap())
}

#[test]
fn telegraph_noise() {
    for persistence in PERSISTENCES {
        check(telegraph().with_persistence(persistence), &[ErrorSource::Telegraph], &IvCurve::Ohmic);
    }
}

#[test]
fn telegraph_noise_of_amplitudes_that_the_die_drew() {
    let amplitude = TelegraphAmplitude::Lognormal { median: 0.05, sigma: 1.0, cap: 10.0 };
    let telegraph = Telegraph::new(amplitude, 60e-9, 20e-9).unwrap();
    check(ReadNoise::NONE.with_telegraph(telegraph), &[ErrorSource::Telegraph], &IvCurve::Ohmic);
}

fn flicker(persistence: Persistence) -> ReadNoise {
    let amplitude = FlickerAmplitude::Relative { sigma: 0.01 };
    ReadNoise::NONE.with_flicker(Flicker::new(amplitude, 1e6, 1e9).unwrap()).with_persistence(persistence)
}

#[test]
fn flicker_that_is_held_or_redrawn() {
    for persistence in [Persistence::Held, Persistence::Redrawn] {
        check(flicker(persistence), &[ErrorSource::Flicker], &IvCurve::Ohmic);
    }
}

#[test]
fn flicker_that_evolves() {
    check(flicker(Persistence::Evolved), &[ErrorSource::Flicker], &IvCurve::Ohmic);
}

#[test]
fn fast_noise_of_bent_cells() {
    check(white(WhiteLaw::ThermalAndShot), &[ErrorSource::Thermal, ErrorSource::Shot], &sinh());
    check(ReadNoise::NONE.with_word_line_volts(2e-3), &[ErrorSource::WordLine], &sinh());
}

#[test]
fn slow_noise_of_bent_cells() {
    check(telegraph(), &[ErrorSource::Telegraph], &sinh());
    check(flicker(Persistence::Held), &[ErrorSource::Flicker], &sinh());
}

#[test]
fn flicker_by_its_corner() {
    let corner = Flicker::new(FlickerAmplitude::Corner { hertz: 1e8 }, 1.0, 1e9).unwrap();
    // White noise far below it.
    let white = ReadNoise::NONE.with_white(WhiteNoise::new(1e3, WhiteLaw::Thermal).unwrap());
    for iv in [IvCurve::Ohmic, sinh()] {
        check(white.with_flicker(corner), &[ErrorSource::Flicker, ErrorSource::Thermal], &iv);
    }
}

#[test]
fn rounding_is_uniform_where_noise_dithers_it() {
    let mut compared = 0;
    for (machine, &(.., dac_bits, signed)) in MACHINES.iter().enumerate() {
        let (adc, step_amperes) = (Adc::full_range(6), 20e-6 * 0.2 / f64::from((1 << dac_bits) - 1));
        let design = builder(machine, IvCurve::Ohmic).adc(adc).build().unwrap();
        let lsb = design.thresholds().lsb as f64 / 65_536.0 * step_amperes;
        let noise = ReadNoise::new(0.0, 0.5 * lsb).unwrap();
        let build = |adc| programmed(builder(machine, IvCurve::Ohmic).read_noise(noise).adc(adc));
        let (die, fine) = (build(adc), build(Adc::pass_through()));
        // Every row at its largest digit in every plane: far from both ends of the range.
        let x = [if signed { -1i8 } else { 15 }; 6];
        let share = die.error_budget(&x).unwrap().share(ErrorSource::Quantization);
        let none = fine.error_budget(&x).unwrap().share(ErrorSource::Quantization);
        assert_eq!((none.bit_line, none.result), (0.0, 0.0));
        let (mut results, mut bit_lines, mut clipped) = (Vec::new(), Vec::new(), 0);
        for key in 0..1000u128 {
            let trace = die.trace_keyed(&x, Key::from(key)).unwrap();
            let square = trace.conversions.iter().map(|c| (c.amperes - c.unclamped as f64 * lsb).powi(2));
            bit_lines.push(square.sum::<f64>() / trace.conversions.len() as f64);
            let activity = trace.read.activity;
            clipped += activity.clipped_high() + activity.clipped_low();
            // The same draws, not rounded.
            let exact = fine.mvm_keyed(&x, Key::from(key)).unwrap().to_real();
            let y = trace.read.to_real();
            results.push(y.iter().zip(exact).map(|(y, e)| (y - e).powi(2)).sum::<f64>() / 3.0);
        }
        let case = format!("{:?}", MACHINES[machine]);
        assert!((share.bit_line / (lsb * lsb / 12.0) - 1.0).abs() < 1e-9, "{case}");
        assert_mean(&bit_lines, share.bit_line, Z, &format!("{case}, bit line"));
        // Beside a dummy column cells at level 0 have currents about 0 A, which clip.
        if clipped == 0 {
            compared += 1;
            assert_mean(&results, share.result, Z, &format!("{case}, result"));
        }
    }
    assert!(compared >= 5, "{compared} machines did not clip");
}

#[test]
fn one_cell_by_hand() {
    // One cell of 100 µS above a leakage of 40 µS, 0.2 V, 300 K and 1 GHz; a front end of 10 nA; 8 bits over
    // five level steps of 4 µA.
    let noise = ReadNoise::new(0.001, 10e-9)
        .unwrap()
        .with_white(WhiteNoise::new(1e9, WhiteLaw::ThermalAndShot).unwrap())
        .with_word_line_volts(1e-4)
        .with_telegraph(Telegraph::new(TelegraphAmplitude::Constant { relative: 0.01 }, 1e-3, 1e-3).unwrap())
        .with_flicker(Flicker::new(FlickerAmplitude::Relative { sigma: 0.001 }, 1.0, 1e6).unwrap());
    let cell = Cell::new(LevelMap::linear(2, 40e-6, 100e-6).unwrap());
    let design = DesignBuilder::new(Mapping::Polarized { fragment: 1 }, cell, Adc::full_range(8))
        .array(1, 1)
        .input_bits(3)
        .read_noise(noise)
        .build()
        .unwrap();
    let weights = Weights::full_magnitude_from_row_slice(1, 1, 2, &[3]).unwrap();
    let die = design.program_keyed(&weights, Key::from(1)).unwrap();
    // Planes 1, 0, 1.
    let budget = die.error_budget(&[5u8]).unwrap();
    assert_eq!(budget.conversions(), 3);
    let planes = 2.0 / 3.0;
    let lsb = design.thresholds().lsb as f64 / 65_536.0 * 4e-6;
    assert!((lsb / (5.0 * 4e-6 / 255.0) - 1.0).abs() < 1e-3);
    // Per conversion, driven or not, and what counts in the result: Σ 4^p over all planes, over driven ones,
    // or (Σ 2^p)² of driven ones.
    let thermal = 4.0 * 1.380649e-23 * 300.0 * 100e-6 * 1e9;
    let expected = [
        (ErrorSource::Thermal, thermal, 21.0 * thermal),
        (ErrorSource::Shot, 6.408706536e-15 * planes, 17.0 * 6.408706536e-15),
        (ErrorSource::Relative, 4e-16 * planes, 17.0 * 4e-16),
        (ErrorSource::FrontEnd, 1e-16, 21.0 * 1e-16),
        (ErrorSource::WordLine, 1e-16, 21.0 * 1e-16),
        (ErrorSource::Telegraph, (20e-6 * 0.01 / 1.005 / 2.0f64).powi(2) * planes, 0.0),
        (ErrorSource::Flicker, 4e-16 * 1e6f64.ln() * planes, 25.0 * 4e-16 * 1e6f64.ln()),
        (ErrorSource::Quantization, lsb * lsb / 12.0, 21.0 * lsb * lsb / 12.0),
    ];
    for (source, bit_line, result) in expected {
        let share = budget.share(source);
        let result = if source == ErrorSource::Telegraph { bit_line / planes * 25.0 } else { result };
        assert!((share.bit_line / bit_line - 1.0).abs() < 1e-6, "{source:?}: {share:?}, {bit_line}");
        let steps = result / 4e-6f64.powi(2);
        assert!((share.result / steps - 1.0).abs() < 1e-6, "{source:?}: {share:?}, {steps}");
    }
    // 12 µA in two planes of three.
    let signal = 144e-12 * planes;
    assert!((budget.signal() / signal - 1.0).abs() < 1e-6);
    let all: f64 = expected.iter().map(|(_, bit_line, _)| bit_line).sum();
    assert!((budget.snr() / (signal / (all - lsb * lsb / 12.0)) - 1.0).abs() < 1e-6);
    let enob = (10.0 * (signal / all).log10() - 1.76) / 6.02;
    assert!((budget.enob() - enob).abs() < 1e-6, "{enob}");
    let text = budget.to_string();
    assert_eq!(text.lines().count(), 1 + ErrorSource::ALL.len() + 1, "{text}");
    assert!(text.contains(&format!("{enob:.2} effective bits")), "{text}");
}

#[test]
fn nothing_has_no_error_and_bad_inputs_are_refused() {
    let die = programmed(builder(0, IvCurve::Ohmic));
    let budget = die.error_budget(&[1u8, 2, 3, 4, 5, 6]).unwrap();
    assert_eq!(budget.result(), 0.0);
    assert_eq!(budget.snr(), f64::INFINITY);
    assert!(die.error_budget(&[1u8; 5]).is_err() && die.error_budget(&[16u8; 6]).is_err());
}
