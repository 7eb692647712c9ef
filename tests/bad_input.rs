//! Everything a user can get wrong is an `Err` that names the value, the bound and the place.

mod common;

use common::ideal_cell;
use forms_xbar::device::{
    Flicker, FlickerAmplitude, IvCurve, Telegraph, TelegraphAmplitude, WhiteLaw, WhiteNoise,
};
use forms_xbar::kernel::{Block, BlockAdcs, BlockParts, Quantizer, Summands};
use forms_xbar::mapping::{Layout, LayoutSettings};
use forms_xbar::nalgebra::DMatrix;
use forms_xbar::stream::InputFormat;
use forms_xbar::{
    ActivityLevel, Adc, Baseline, Cell, Dac, Design, DesignBuilder, Error, Key, LevelMap, Mapping,
    Programming, ReadNoise, StuckCells, Subtraction, Weights, presets,
};

fn builder() -> DesignBuilder {
    presets::forms().adc(Adc::granular(5)).input_bits(8)
}

fn built(builder: DesignBuilder) -> Error {
    builder.build().expect_err("must be refused")
}

/// Checks the error and that its message names everything it should.
fn assert_error(found: Error, expected: Error, names: &[&str]) {
    assert_eq!(found, expected);
    for name in names {
        assert!(found.to_string().contains(name), "`{found}` does not name {name}");
    }
}

#[test]
fn errors_are_small_values() {
    fn value<T: Clone + PartialEq + Send + Sync + std::error::Error + 'static>() {}
    value::<Error>();
    assert!(size_of::<Error>() <= 64, "{}", size_of::<Error>());
}

#[test]
fn weights() {
    let length = Error::Length { name: "weights", expected: 6, found: 5 };
    assert_error(
        Weights::from_row_slice(2, 3, 8, &[0; 5]).unwrap_err(),
        length.clone(),
        &["weights", "5", "6"],
    );
    assert_error(Weights::from_column_slice(2, 3, 8, &[0; 5]).unwrap_err(), length, &["weights"]);
    for bits in [0, 1, 17, 40] {
        let error = Error::Integer { name: "weight bits", value: bits.into(), min: 2, max: 16 };
        assert_error(
            Weights::from_row_slice(1, 1, bits, &[0]).unwrap_err(),
            error,
            &["weight bits", "2..=16"],
        );
    }
    for (inputs, outputs, name) in [(0, 3, "inputs"), (3, 0, "outputs")] {
        let error = Error::Integer { name, value: 0, min: 1, max: i64::MAX };
        assert_error(Weights::from_row_slice(inputs, outputs, 8, &[]).unwrap_err(), error, &[name, "0"]);
    }
    for (value, at) in [(8, 5), (-9, 0)] {
        let mut values = [0; 6];
        values[at] = value;
        let error = Error::Weight { input: at / 3, output: at % 3, value: value.into(), min: -8, max: 7 };
        assert_error(
            Weights::from_row_slice(2, 3, 4, &values).unwrap_err(),
            error,
            &["-8..=7", "input", "output"],
        );
    }
    let full = Weights::full_magnitude_from_row_slice(1, 1, 4, &[-16]).unwrap_err();
    assert_error(full, Error::Weight { input: 0, output: 0, value: -16, min: -15, max: 15 }, &["-15..=15"]);
    assert!(Weights::from_row_slice(usize::MAX, usize::MAX, 8, &[]).is_err());
}

#[test]
fn matrices_keep_their_orientation() {
    let matrix = DMatrix::from_row_slice(2, 3, &[1, 2, 3, -4, -5, -6]);
    let weights = Weights::try_from(matrix).unwrap();
    assert_eq!((weights.inputs(), weights.outputs(), weights.bits()), (2, 3, 4));
    assert_eq!(weights.as_row_slice(), [1, 2, 3, -4, -5, -6]);
    assert_eq!([weights.get(0, 1), weights.get(1, 0), weights.get(1, 2)], [Some(2), Some(-4), Some(-6)]);
    assert_eq!([weights.get(2, 0), weights.get(0, 3), weights.get(1, 3)], [None; 3]);
}

#[test]
fn weights_of_matrices() {
    let wide = Weights::try_from(DMatrix::from_row_slice(2, 3, &[0, 0, 0, 0, 40_000, 0])).unwrap_err();
    let expected = Error::Weight { input: 1, output: 1, value: 40_000, min: -32768, max: 32767 };
    assert_error(wide, expected, &["40000", "input 1", "output 1"]);
}

#[test]
fn cells() {
    let linear = |off, on| LevelMap::linear(2, off, on).unwrap_err();
    let order = |off, on| Error::Order { low: "g_off (S)", low_value: off, high: "g_on (S)", high_value: on };
    assert_error(linear(1e-4, 1e-6), order(1e-4, 1e-6), &["g_off", "g_on", "0.0001", "0.000001"]);
    assert_error(linear(1e-4, 1e-4), order(1e-4, 1e-4), &["g_off"]);
    for bad in [f64::NAN, f64::INFINITY, -1e-6] {
        assert!(matches!(linear(bad, 1e-4), Error::Real { name: "g_off (S)", .. }));
        assert!(matches!(linear(1e-6, bad), Error::Real { name: "g_on (S)", .. }));
    }
    for bits in [0, 5, 40] {
        let error = Error::Integer { name: "cell bits", value: bits.into(), min: 1, max: 4 };
        assert_error(LevelMap::linear(bits, 0.0, 1e-4).unwrap_err(), error, &["cell bits", "1..=4"]);
    }
    let table = LevelMap::table(vec![0.0, 2e-6, 2e-6, 3e-6]).unwrap_err();
    assert_error(table, Error::LevelTable { level: 2, siemens: 2e-6, below: 2e-6 }, &["level 2", "0.000002"]);
    assert!(LevelMap::table(vec![0.0, 1e-6, 2e-6]).is_err());
    assert!(LevelMap::table(vec![]).is_err());
    assert!(LevelMap::table(vec![1e-6; 32]).is_err());
    assert!(LevelMap::table(vec![f64::NAN, 1e-6]).is_err());
    // Dies keep conductances as f32, in which these do not rise.
    assert!(matches!(LevelMap::table(vec![1.0, 1.0 + 1e-9]), Err(Error::LevelTable { level: 1, .. })));
    assert!(matches!(LevelMap::table(vec![0.0, 1e-46]), Err(Error::LevelTable { level: 1, .. })));
    assert!(matches!(LevelMap::table(vec![0.0, 1e-40]), Err(Error::Real { name: "level step (S)", .. })));

    for sigma in [f64::NAN, -0.1, f64::INFINITY, 11.0] {
        for programming in [
            Programming::Lognormal { sigma },
            Programming::NormalRelative { sigma },
            Programming::NormalOfGOn { sigma },
        ] {
            let error = built(builder().cell(ideal_cell(2).with_programming(programming)));
            assert!(matches!(error, Error::Real { name: "programming sigma", .. }), "{error}");
            assert!(error.to_string().contains("at most 10"), "{error}");
        }
        assert!(sigma == 11.0 || ReadNoise::new(0.0, sigma).is_err());
        assert!(matches!(
            ReadNoise::new(sigma, 0.0),
            Err(Error::Real { name: "relative read noise sigma", .. })
        ));
    }
    for (on, off) in [(-0.1, 0.0), (0.0, f64::NAN), (1.1, 0.0), (0.6, 0.6)] {
        assert!(matches!(StuckCells::new(on, off), Err(Error::Real { .. })));
    }
}

/// Checks a `Real` error with this name, and that its message has the name and the bounds.
fn assert_real<T: std::fmt::Debug>(found: forms_xbar::Result<T>, expected: &str, bad: f64) {
    let error = found.expect_err(expected);
    let text = error.to_string();
    match error {
        Error::Real { name, value, min, max } => {
            assert_eq!(name, expected);
            assert!(value == bad || value.is_nan() && bad.is_nan(), "{text}");
            assert!(!(min..=max).contains(&bad) || bad.is_infinite(), "{text}");
            assert!(text.contains(expected) && text.contains(&bad.to_string()), "{text}");
        }
        error => panic!("{error:?}"),
    }
}

#[test]
fn read_noise() {
    let thermal = |hertz| WhiteNoise::new(hertz, WhiteLaw::Thermal);
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 2e15] {
        assert_real(thermal(bad), "noise bandwidth (Hz)", bad);
    }
    for bad in [-0.1, 1.1, f64::NAN] {
        assert_real(WhiteNoise::new(1.0, WhiteLaw::Fano { factor: bad }), "Fano factor", bad);
    }
    // Setters that take a number are checked with the design.
    for bad in [-1e-3, f64::NAN, 1e4] {
        let noise = ReadNoise::NONE.with_word_line_volts(bad);
        assert_real(builder().read_noise(noise).build(), "word-line noise sigma (V)", bad);
    }

    let law = |amplitude| Telegraph::new(amplitude, 1.0, 1.0);
    let constant = |relative| law(TelegraphAmplitude::Constant { relative });
    let linear = |per_ohm, offset, cap| law(TelegraphAmplitude::LinearInResistance { per_ohm, offset, cap });
    let lognormal = |median, sigma, cap| law(TelegraphAmplitude::Lognormal { median, sigma, cap });
    for bad in [-0.1, 101.0, f64::NAN] {
        assert_real(constant(bad), "telegraph amplitude", bad);
        assert_real(linear(1e-7, bad, 1.0), "telegraph amplitude at 0 ohm", bad);
        assert_real(linear(1e-7, 0.0, bad), "cap of telegraph amplitudes", bad);
        assert_real(lognormal(bad, 0.1, 1.0), "median of telegraph amplitudes", bad);
        assert_real(lognormal(0.1, bad, 1.0), "sigma of telegraph amplitudes", bad);
        assert_real(lognormal(0.1, 0.1, bad), "cap of telegraph amplitudes", bad);
    }
    assert_real(lognormal(0.0, 0.1, 1.0), "median of telegraph amplitudes", 0.0);
    for bad in [-1e-9, f64::INFINITY] {
        assert_real(linear(bad, 0.0, 1.0), "telegraph amplitude per ohm", bad);
    }
    for bad in [0.0, -1.0, f64::NAN, 1e16] {
        let amplitude = TelegraphAmplitude::Constant { relative: 0.1 };
        assert_real(Telegraph::new(amplitude, bad, 1.0), "time in the trapped state (s)", bad);
        assert_real(Telegraph::new(amplitude, 1.0, bad), "time in the untrapped state (s)", bad);
        assert_real(Telegraph::pytorx(bad), "time in the trapped state (s)", bad);
    }

    let law = |amplitude| Flicker::new(amplitude, 1.0, 1e6);
    let relative = FlickerAmplitude::Relative { sigma: 0.1 };
    for bad in [-0.1, 11.0, f64::NAN] {
        assert_real(law(FlickerAmplitude::Relative { sigma: bad }), "1/f amplitude", bad);
    }
    for bad in [0.0, -1.0, f64::NAN] {
        assert_real(law(FlickerAmplitude::Corner { hertz: bad }), "1/f corner frequency (Hz)", bad);
        let cmo = FlickerAmplitude::LogConductance { siemens_per_decade: 1e-8, unit_siemens: bad };
        assert_real(law(cmo), "conductance without 1/f noise (S)", bad);
        assert_real(Flicker::new(relative, bad, 1.0), "lowest 1/f frequency (Hz)", bad);
        assert_real(Flicker::new(relative, 1.0, bad), "highest 1/f frequency (Hz)", bad);
    }
    let cmo = FlickerAmplitude::LogConductance { siemens_per_decade: -1e-8, unit_siemens: 1e-6 };
    assert_real(law(cmo), "1/f amplitude (S per decade)", -1e-8);
    for high in [1.0, 0.5] {
        let error = Flicker::new(relative, 1.0, high).unwrap_err();
        let (low_name, high_name) = ("lowest 1/f frequency (Hz)", "highest 1/f frequency (Hz)");
        let expected = Error::Order { low: low_name, low_value: 1.0, high: high_name, high_value: high };
        assert_error(error, expected, &[low_name, high_name, "1", &high.to_string()]);
    }
    let corner = ReadNoise::NONE.with_flicker(law(FlickerAmplitude::Corner { hertz: 1e3 }).unwrap());
    let error = built(builder().read_noise(corner));
    assert!(matches!(error, Error::Conflict { .. }) && error.to_string().contains("white noise"), "{error}");
    assert!(builder().read_noise(corner.with_white(thermal(1e6).unwrap())).build().is_ok());
}

#[test]
fn noise_beyond_the_grid_is_refused() {
    let weights = Weights::full_magnitude_from_row_slice(8, 1, 2, &[3; 8]).unwrap();
    let program = |noise| {
        let cell = ideal_cell(2);
        let design = builder().cell(cell).array(8, 8).adc(Adc::full_range(16)).read_noise(noise).build();
        design.unwrap().program_keyed(&weights, Key::from(1))
    };
    let cmo = |siemens_per_decade| {
        let amplitude = FlickerAmplitude::LogConductance { siemens_per_decade, unit_siemens: 1e-6 };
        ReadNoise::NONE.with_flicker(Flicker::new(amplitude, 1.0, 1e6).unwrap())
    };
    // A hundred times the largest current still fits, on every path.
    let die = program(cmo(1e-3)).unwrap();
    for key in 0..20u128 {
        let read = die.mvm_keyed(&[255u8; 8], Key::from(key)).unwrap();
        assert_eq!(read, die.mvm_reference_keyed(&[255u8; 8], Key::from(key)).unwrap());
        assert!(read.y[0].abs() <= die.bound() && read.activity.clipped_high() % 8 == 0);
    }
    for noise in [cmo(1e12), cmo(1e300), cmo(f64::MAX)] {
        let error = program(noise).unwrap_err();
        assert!(matches!(error, Error::Overflow { .. } | Error::Integer { .. }), "{error}");
    }
}

#[test]
fn curves() {
    let error = |iv: IvCurve| built(builder().cell(ideal_cell(2).with_iv(iv)));
    let sinh = |half_bias_ratio, half_bias_ratio_off, bias_volts, reference_volts| {
        error(IvCurve::Sinh { half_bias_ratio, half_bias_ratio_off, bias_volts, reference_volts })
    };
    for bad in [0.0, -1.0, f64::NAN, 1e3] {
        assert_real(Err::<(), _>(sinh(3.0, None, bad, 0.2)), "bias of the half-bias ratio (V)", bad);
        assert_real(Err::<(), _>(sinh(3.0, None, 1.0, bad)), "reference voltage of the I–V (V)", bad);
        let cubic = IvCurve::Cubic { per_square_volt: 0.1, reference_volts: bad };
        assert_real(Err::<(), _>(error(cubic)), "reference voltage of the I–V (V)", bad);
    }
    for bad in [2.0, -3.0, f64::NAN, 1e5] {
        for (on, off) in [(bad, None), (3.0, Some(bad))] {
            let error = sinh(on, off, 1.0, 0.2);
            assert!(matches!(error, Error::Real { name, .. } if name.contains("half-bias ratio")), "{error}");
            assert!(error.to_string().contains(&bad.to_string()), "{error}");
        }
    }
    let cubic = IvCurve::Cubic { per_square_volt: f64::INFINITY, reference_volts: 0.2 };
    assert_real(Err::<(), _>(error(cubic)), "cubic coefficient of the I–V (1/V²)", f64::INFINITY);
    let table =
        |points: &[(f64, f64)]| error(IvCurve::Table { points: points.to_vec(), reference_volts: 0.2 });
    let few = Error::Integer { name: "points of an I–V table", value: 1, min: 2, max: 1 << 16 };
    assert_error(table(&[(0.0, 0.0)]), few, &["points of an I–V table", "1"]);
    assert_real(Err::<(), _>(table(&[(0.1, 0.0), (1.0, 1.0)])), "first voltage of an I–V table (V)", 0.1);
    let falls = table(&[(0.0, 0.0), (0.5, 1.0), (0.6, 0.9)]);
    assert!(matches!(falls, Error::Order { low_value: 1.0, high_value: 0.9, .. }), "{falls}");
}

#[test]
fn leakage_beyond_all_levels_is_refused() {
    let cell = Cell::new(LevelMap::table(vec![1.0, 1.01]).unwrap());
    assert!(matches!(built(builder().cell(cell)), Error::Real { name: "leakage g_off / level step", .. }));
}

#[test]
fn converters() {
    for bits in [0, 17, 40] {
        let error = Error::Integer { name: "ADC bits", value: bits.into(), min: 1, max: 16 };
        for adc in [Adc::granular(bits), Adc::full_range(bits), Adc::calibrated(bits, 0.9)] {
            assert_error(built(builder().adc(adc)), error.clone(), &["ADC bits", "1..=16"]);
        }
    }
    let before = Mapping::Differential { subtraction: Subtraction::BeforeAdc };
    let error = Error::Integer { name: "ADC bits", value: 1, min: 2, max: 16 };
    assert_error(built(builder().mapping(before).adc(Adc::granular(1))), error, &["2..=16"]);
    for quantile in [0.0, -1.0, 1.5, f64::NAN] {
        assert!(matches!(
            built(builder().adc(Adc::calibrated(8, quantile))),
            Error::Real { name: "ADC quantile", .. }
        ));
    }
    for lsb in [0, u64::MAX] {
        let adc = Adc::Calibrated { bits: 8, quantile: 0.9, lsb: Some(lsb) };
        assert!(matches!(built(builder().adc(adc)), Error::Integer { .. }));
    }
    for bits in [0, 5] {
        let error = Error::Integer { name: "DAC bits", value: bits.into(), min: 1, max: 4 };
        assert_error(Dac::new(bits, 0.2).unwrap_err(), error, &["DAC bits"]);
    }
    for volts in [0.0, -0.2, f64::NAN, f64::INFINITY] {
        assert!(matches!(Dac::new(1, volts), Err(Error::Real { name: "read voltage (V)", .. })));
    }
}

#[test]
fn designs() {
    let divide =
        |part, part_value, whole_value| Error::Divide { part, part_value, whole: "array rows", whole_value };
    for fragment in [0, 3, 100, 256] {
        let error = built(builder().mapping(Mapping::Polarized { fragment }).active_rows(1));
        assert_error(error, divide("fragment", fragment, 128), &["fragment", "128"]);
    }
    for rows in [0, 3, 256] {
        assert_error(built(builder().active_rows(rows)), divide("active rows", rows, 128), &["active rows"]);
    }
    let error = built(builder().active_rows(16));
    let expected = Error::Divide { part: "active rows", part_value: 16, whole: "fragment", whole_value: 8 };
    assert_error(error, expected, &["active rows", "16", "fragment", "8"]);
    for (rows, columns) in [(0, 128), (128, 0), (1 << 17, 128), (128, 1 << 17)] {
        assert!(matches!(built(builder().array(rows, columns).active_rows(1)), Error::Integer { .. }));
    }
    for bits in [0, 17, 40] {
        let error = Error::Integer { name: "input bits", value: bits.into(), min: 1, max: 16 };
        assert_error(built(builder().input_bits(bits)), error, &["input bits"]);
    }
    assert!(InputFormat::new(1, true, 1).is_err());
    for secs in [0.0, -1.0, f64::NAN] {
        assert!(matches!(built(builder().plane_secs(secs)), Error::Real { name: "plane time (s)", .. }));
    }
    let before = Mapping::Differential { subtraction: Subtraction::BeforeAdc };
    let error = built(builder().mapping(before).baseline(Baseline::DummyColumn));
    assert!(matches!(error, Error::Conflict { .. }) && error.to_string().contains("dummy column"), "{error}");
}

#[test]
fn programming() {
    let design = builder().build().unwrap();
    let mut values = vec![3; 16 * 3];
    values[10 * 3 + 1] = -2;
    let mixed = Weights::from_row_slice(16, 3, 8, &values).unwrap();
    let error = design.program_keyed(&mixed, Key::from(1)).unwrap_err();
    let expected = Error::MixedSign { fragment: 1, output: 1, input: 10, value: -2 };
    assert_error(error, expected, &["fragment 1", "output 1", "input 10", "-2"]);

    let narrow = builder().array(128, 3).build().unwrap();
    let weights = Weights::from_row_slice(1, 1, 8, &[1]).unwrap();
    let error = Error::Integer { name: "cells of one weight", value: 4, min: 1, max: 3 };
    assert_error(narrow.program_keyed(&weights, Key::from(1)).unwrap_err(), error, &["cells of one weight"]);
}

#[test]
fn accumulators_that_could_overflow_are_refused() {
    // 2¹⁶ · 2¹⁶ · 2¹⁶ on a grid of 2⁻¹⁶, and 64 rows of it.
    let parts = |unit, contributions: Vec<i64>| BlockParts {
        group_rows: 1,
        groups: 1,
        lanes: 1,
        columns: 1,
        max_digit: 1,
        max_places: 65535,
        contributions: contributions.into(),
        summands: Summands::Rows,
        quantizer: Quantizer::Codes { low: 0, high: 65535 },
        adcs: BlockAdcs::default(),
        unit,
        shift: vec![16],
        negative: vec![false],
        digit_sum: vec![0],
        baseline: vec![],
        noise: None,
        slow: None,
        energy: vec![0],
    };
    let full_scale = vec![65535 << 16];
    assert!(Block::new(parts(1 << 10, full_scale.clone())).is_ok());
    let error = Block::new(parts(1 << 20, full_scale)).unwrap_err();
    assert_error(
        error,
        Error::Overflow { name: "result accumulator", needed: 69, available: 64 },
        &["69", "64"],
    );
    for unit in [0, -1, i64::MAX] {
        assert!(matches!(
            Block::new(parts(unit, vec![1])),
            Err(Error::Integer { name: "unit of a code", .. })
        ));
    }
    for groups in [0, usize::MAX] {
        let parts = BlockParts { groups, ..parts(1, vec![1]) };
        assert!(matches!(Block::new(parts), Err(Error::Integer { name: "rows of a block", .. })));
    }
    let error = Block::new(parts(1, vec![i64::MAX])).unwrap_err();
    assert!(matches!(error, Error::Overflow { name: "bit-line sum", .. }), "{error}");
    assert!(matches!(Block::new(parts(1, vec![1, 2])), Err(Error::Length { name: "contributions", .. })));

    // Patterns: of single bits, and of at most 8 rows.
    let patterns = |rows: usize, max_digit: u32, contributions: usize| BlockParts {
        group_rows: rows,
        max_digit,
        summands: Summands::Patterns,
        energy: vec![0; rows * max_digit as usize],
        ..parts(1, vec![1; contributions])
    };
    assert!(Block::new(patterns(8, 1, 256)).is_ok());
    assert!(matches!(Block::new(patterns(9, 1, 512)), Err(Error::Integer { value: 9, max: 8, .. })));
    assert!(matches!(Block::new(patterns(2, 3, 4)), Err(Error::Integer { value: 3, max: 1, .. })));
    assert!(matches!(Block::new(patterns(2, 1, 2)), Err(Error::Length { expected: 4, found: 2, .. })));

    // A matrix so tall that results on a grid of 2⁻¹⁶ could exceed 64 bits, although no array could.
    let tall = builder().input_bits(16).adc(Adc::full_range(16)).build().unwrap();
    let weights = |inputs: usize| Weights::from_row_slice(inputs, 1, 16, &vec![1; inputs]).unwrap();
    assert!(tall.program_keyed(&weights(1 << 10), Key::from(1)).is_ok());
    let error = tall.program_keyed(&weights(1 << 20), Key::from(1)).unwrap_err();
    assert!(matches!(error, Error::Overflow { name: "result accumulator", available: 64, .. }), "{error}");

    // The same through the front door: cells far above their level step. One weight of one slice takes a
    // whole fragment of cells.
    let design = builder().build().unwrap();
    let weights = Weights::from_row_slice(1, 1, 2, &[1]).unwrap();
    let error =
        forms_xbar::Die::from_conductances(&design, &weights, &[vec![1e30; 8]], Key::from(1)).unwrap_err();
    assert!(matches!(error, Error::Overflow { .. }), "{error}");
}

#[test]
fn layouts() {
    let settings = LayoutSettings {
        mapping: Mapping::Offset,
        column_flip: false,
        cell_bits: 2,
        array_rows: 16,
        array_columns: 16,
        active_rows: 8,
    };
    for (inputs, outputs) in [(0, 1), (1, 0)] {
        assert!(matches!(Layout::new(settings, inputs, outputs, (-8, 7)), Err(Error::Integer { .. })));
    }
    for range in [(1, 2), (0, 0), (i32::MIN, 0), (0, i32::MAX), (-8, -9)] {
        assert!(matches!(Layout::new(settings, 1, 1, range), Err(Error::Integer { .. })), "{range:?}");
    }
    let layout = Layout::new(settings, 2, 2, (-8, 7)).unwrap();
    assert!(matches!(layout.map(&[0; 3], 0), Err(Error::Length { .. })));
    assert!(matches!(layout.map(&[0; 4], 1), Err(Error::Integer { name: "array", .. })));
    assert!(matches!(
        layout.map(&[0, 0, -9, 0], 0),
        Err(Error::Weight { input: 1, output: 0, value: -9, .. })
    ));
    assert!(matches!(layout.map(&[i32::MIN; 4], 0), Err(Error::Weight { input: 0, output: 0, .. })));
    assert!(matches!(layout.map(&[i32::MAX; 4], 0), Err(Error::Weight { input: 0, output: 0, .. })));
    let polarized = LayoutSettings { mapping: Mapping::Polarized { fragment: 8 }, ..settings };
    let layout = Layout::new(polarized, 1, 1, (-8, 7)).unwrap();
    assert!(matches!(layout.map(&[i32::MIN], 0), Err(Error::Weight { .. })));
}

#[test]
fn inputs() {
    let weights = Weights::from_row_slice(4, 2, 8, &[1; 8]).unwrap();
    let build =
        |builder: DesignBuilder| builder.build().unwrap().program_keyed(&weights, Key::from(1)).unwrap();
    let die = build(builder().input_bits(6));
    let key = Key::from(2);

    let length = Error::Length { name: "input vector", expected: 4, found: 3 };
    assert_error(die.mvm_keyed(&[0u8; 3], key).unwrap_err(), length.clone(), &["input vector", "3", "4"]);
    assert_error(die.mvm_reference_keyed(&[0u8; 3], key).unwrap_err(), length, &["input vector"]);
    let above = Error::Input { vector: 0, index: 2, value: 64, min: 0, max: 63 };
    assert_error(die.mvm_keyed(&[0u8, 63, 64, 0], key).unwrap_err(), above, &["64", "index 2", "0..=63"]);
    let below = Error::Input { vector: 0, index: 1, value: -1, min: 0, max: 63 };
    assert_error(die.mvm_keyed(&[0i8, -1, 0, 0], key).unwrap_err(), below, &["-1"]);

    let mut rng = <rand::rngs::ChaCha8Rng as rand::SeedableRng>::seed_from_u64(1);
    let batch = Error::Batch { found: 9, vector: 4 };
    assert_error(die.mvm_batch(&[0u8; 9], &mut rng).unwrap_err(), batch, &["9", "4"]);
    let in_batch = Error::Input { vector: 1, index: 3, value: 255, min: 0, max: 63 };
    let mut x = [0u8; 8];
    x[7] = 255;
    assert_error(die.mvm_batch(&x, &mut rng).unwrap_err(), in_batch, &["vector 1", "index 3"]);
    assert_eq!(die.mvm_batch::<u8, _>(&[], &mut rng).unwrap().y, Vec::<i64>::new());

    let signed = build(builder().signed_inputs(true));
    let error = Error::Input { vector: 0, index: 0, value: 128, min: -128, max: 127 };
    assert_error(signed.mvm_keyed(&[128u16, 0, 0, 0], key).unwrap_err(), error, &["-128..=127"]);

    let result = Error::Length { name: "result", expected: 2, found: 3 };
    let mut scratch = die.scratch(ActivityLevel::Off);
    let mut y = [7i64; 3];
    assert_error(die.mvm_into_keyed(&[0u8; 4], key, &mut y, &mut scratch).unwrap_err(), result, &["result"]);
    assert_eq!(y, [7; 3]);
    let mut y = [7i64; 2];
    assert!(die.mvm_into_keyed(&[64u8; 4], key, &mut y, &mut scratch).is_err());
    assert_eq!(y, [7; 2], "a refused read writes nothing");
}

#[test]
fn narrow_outputs_are_refused_when_they_could_overflow() {
    let weights = Weights::from_row_slice(128, 2, 16, &[32767; 256]).unwrap();
    let die = builder().input_bits(16).build().unwrap().program_keyed(&weights, Key::from(1)).unwrap();
    assert!(die.bound() > i32::MAX.into());
    let mut scratch = die.scratch(ActivityLevel::Off);
    let error = die.mvm_into_keyed(&[0u16; 128], Key::from(1), &mut [0i32; 2], &mut scratch).unwrap_err();
    assert!(matches!(error, Error::Overflow { name: "result", available: 32, .. }), "{error}");
    die.mvm_into_keyed(&[0u16; 128], Key::from(1), &mut [0i64; 2], &mut scratch).unwrap();
}

#[test]
fn narrow_outputs_are_accepted_up_to_31_bits_of_magnitude() {
    // A group of 8 rows at level 3 has codes up to 24, bounded by 25, in 8 slices and 8 planes: fifteen
    // groups stay below 2³¹, sixteen do not.
    let column = (0..8).map(|slice| 1 << (2 * slice)).sum::<i64>() * 255 * 25;
    let design = builder().cell(ideal_cell(2)).build().unwrap();
    for (inputs, fits) in [(120, true), (128, false)] {
        let weights = Weights::full_magnitude_from_row_slice(inputs, 1, 16, &vec![65535; inputs]).unwrap();
        let die = design.program_keyed(&weights, Key::from(1)).unwrap();
        assert_eq!(die.bound(), inputs as i64 / 8 * column);
        assert_eq!((die.bound() < 1 << 31, die.bound() < 1 << 32), (fits, true));
        let (x, mut y) = (vec![255u8; inputs], [0i32]);
        let read = die.mvm_into_keyed(&x, Key::from(1), &mut y, &mut die.scratch(ActivityLevel::Off));
        let error = Error::Overflow { name: "result", needed: 33, available: 32 };
        assert_eq!(read, if fits { Ok(()) } else { Err(error) });
        assert_eq!(y[0], if fits { 65535 * 255 * inputs as i32 } else { 0 });
    }
}

#[test]
fn designs_are_never_half_built() {
    // Whatever a builder is given, it builds or it returns an error.
    let nothing = DesignBuilder::new(Mapping::Polarized { fragment: 0 }, ideal_cell(1), Adc::granular(0));
    assert!(nothing.clone().build().is_err());
    assert!(Design::try_from(nothing).is_err());
}
