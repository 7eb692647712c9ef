//! Settings serialise, and come back only through the checks that made them.

#![cfg(feature = "serde")]

mod common;

use forms_xbar::circuit::{
    Capacitance, Ends, NewtonSettings, PredistortionSettings, SolverSettings, UnselectedRows, Wires,
};
use forms_xbar::device::{
    Ageing, DeviceSpread, DisturbEnd, Drift, Endurance, Flicker, FlickerAmplitude, IvCurve, LineState,
    LogTimeCurve, Persistence, Polynomial, ReadDisturb, Relaxation, Retention, SmoothField, StuckLines,
    Telegraph, TelegraphAmplitude, TemperatureCoefficient, WhiteLaw, WhiteNoise, WriteVerify,
};
use forms_xbar::polarize::{
    Constraints, Polarization, PostTraining, Pruning, Quantization, ScaleRule, SignRule,
};
use forms_xbar::{
    Adc, Baseline, Cell, Dac, Design, LevelMap, Mapping, NoiseMethod, Programming, ReadNoise, Skip,
    StuckCells, Subtraction, presets,
};
use serde_json::{Value, json};

fn design() -> Design {
    presets::forms()
        .mapping(Mapping::Differential { subtraction: Subtraction::Digital })
        .active_rows(16)
        .column_flip(true)
        .cell(
            Cell::new(LevelMap::linear(3, 1e-6, 90e-6).unwrap())
                .with_programming(Programming::NormalOfGOn { sigma: 0.03 })
                .with_stuck_cells(StuckCells::new(0.001, 0.002).unwrap()),
        )
        .dac(Dac::new(2, 0.15).unwrap())
        .signed_inputs(true)
        .skip(Skip::AllZeroPlanes)
        .adc(Adc::Calibrated { bits: 7, quantile: 0.9998, lsb: Some(123_456) })
        .baseline(Baseline::DummyColumn)
        .read_noise(ReadNoise::new(0.01, 1e-8).unwrap())
        .build()
        .unwrap()
}

/// A design in which every effect of a cell and of a read is switched on.
fn everything() -> Design {
    let relaxation = LogTimeCurve::new(40e-6, 1e-6, (0.0, 40e-6), &[0.1, 0.2], &[0.01]).unwrap();
    let ageing = Ageing::NONE
        .with_endurance(Endurance::between((300.0, 4.14e8), (380.0, 1.07e7), 0.7).unwrap())
        .with_relaxation(Relaxation::new((1.0, 86_400.0), LogTimeCurve::ZERO, relaxation).unwrap())
        .with_drift(Drift::new(0.01, 0.002, 1.0).unwrap())
        .with_retention(Retention::new(1e6, 400.0, 1.1, (300.0, 400.0)).unwrap())
        .with_read_disturb(ReadDisturb::new(DisturbEnd::GOn, 1e-9, 0.3, 0.1, (0.0, 1.0)).unwrap())
        .with_temperature(TemperatureCoefficient::new(-0.005, 300.0, (250.0, 400.0)).unwrap());
    let cell = Cell::new(LevelMap::table(vec![1e-6, 20e-6, 55e-6, 90e-6]).unwrap())
        .with_device_spread(
            DeviceSpread::new(0.05)
                .unwrap()
                .with_bit_lines(0.02)
                .unwrap()
                .with_field(SmoothField::new(0.03, 12.0).unwrap()),
        )
        .with_programming(Programming::WriteVerify(WriteVerify::NEURRAM))
        .with_stuck_cells(StuckCells::new(0.001, 0.002).unwrap())
        .with_stuck_lines(StuckLines::new(0.01, 0.02, LineState::StuckOn).unwrap())
        .with_ageing(ageing)
        .with_iv(IvCurve::Sinh {
            half_bias_ratio: 2.5,
            half_bias_ratio_off: Some(3.0),
            bias_volts: 0.5,
            reference_volts: 0.3,
        });
    let amplitude = TelegraphAmplitude::Lognormal { median: 0.02, sigma: 0.5, cap: 0.4 };
    let cmo = FlickerAmplitude::LogConductance { siemens_per_decade: 2.773e-8, unit_siemens: 1e-6 };
    let noise = ReadNoise::new(0.01, 1e-8)
        .unwrap()
        .with_white(WhiteNoise::new(33e6, WhiteLaw::Fano { factor: 0.3 }).unwrap())
        .with_word_line_volts(1e-3)
        .with_telegraph(Telegraph::new(amplitude, 1e-3, 3e-3).unwrap())
        .with_flicker(Flicker::new(cmo, 1.0, 1e6).unwrap())
        .with_persistence(Persistence::Evolved);
    design().to_builder().cell(cell).read_noise(noise).build().unwrap()
}

/// The same with other variants of what has variants.
fn variants() -> Vec<Design> {
    let curve = Polynomial::new(40e-6, 1e-6, (1e-6, 40e-6), &[0.5, 0.1]).unwrap();
    let per_level = || vec![1e-6, 20e-6, 55e-6, 90e-6];
    let programming = [
        Programming::Exact,
        Programming::Lognormal { sigma: 0.1 },
        Programming::LognormalMean { sigma: 0.1 },
        Programming::NormalRelative { sigma: 0.1 },
        Programming::StateDependent { sigma_siemens: curve },
        Programming::Table { mean_siemens: per_level(), sigma_siemens: per_level() },
        Programming::Samples { siemens: vec![per_level(); 4] },
    ];
    let iv = [
        IvCurve::Ohmic,
        IvCurve::Cubic { per_square_volt: 0.25, reference_volts: 0.3 },
        IvCurve::Table { points: vec![(0.0, 0.0), (0.1, 0.5), (0.3, 2.0)], reference_volts: 0.3 },
    ];
    let white = [WhiteLaw::Thermal, WhiteLaw::Shot, WhiteLaw::ThermalAndShot];
    let telegraph = [
        TelegraphAmplitude::Constant { relative: 0.1 },
        TelegraphAmplitude::LinearInResistance { per_ohm: 1.662e-7, offset: 0.0015, cap: 1.0 },
    ];
    let flicker = [FlickerAmplitude::Relative { sigma: 0.01 }, FlickerAmplitude::Corner { hertz: 1e5 }];
    let persistence = [Persistence::Held, Persistence::Redrawn];
    let method = [NoiseMethod::Thresholds, NoiseMethod::Gaussian];
    let variant = |i: usize, programming: &Programming| {
        let cell = everything().cell().clone().with_programming(programming.clone());
        let noise = ReadNoise::NONE
            .with_white(WhiteNoise::new(1e8, white[i % 3]).unwrap())
            .with_telegraph(Telegraph::new(telegraph[i % 2], 1e-3, 1e-3).unwrap())
            .with_flicker(Flicker::new(flicker[i % 2], 1.0, 1e6).unwrap())
            .with_persistence(persistence[i % 2]);
        let lines = [LineState::Open, LineState::StuckOff][i % 2];
        let cell =
            cell.with_iv(iv[i % 3].clone()).with_stuck_lines(StuckLines::new(0.1, 0.1, lines).unwrap());
        everything().to_builder().cell(cell).read_noise(noise).noise_method(method[i % 2]).build().unwrap()
    };
    programming.iter().enumerate().map(|(i, programming)| variant(i, programming)).collect()
}

/// A design with every setting of wires.
fn wired() -> Design {
    let capacitance = Capacitance::of_wires(1e-16, 2e-16).unwrap().with_cell(1e-17).unwrap();
    let capacitance = capacitance.with_sense(1e-15).unwrap().with_front_end(1e8).unwrap();
    let wires = Wires::new(1.5, 2.5)
        .unwrap()
        .with_terminals(100.0, 50.0)
        .unwrap()
        .with_access_ohms(1e3)
        .unwrap()
        .with_drive(Ends::Both)
        .with_sense(Ends::First)
        .with_terminal_segments(false)
        .with_unselected(UnselectedRows::Floating)
        .with_newton(NewtonSettings::new(1e-9, 20, 200).unwrap())
        .with_capacitance(capacitance);
    presets::forms().wires(wires).build().unwrap()
}

#[test]
fn settings_of_solvers_come_back_through_their_checks() {
    let solver = SolverSettings::new(1e-10, 300).unwrap();
    let text = serde_json::to_string(&solver).unwrap();
    assert_eq!(serde_json::from_str::<SolverSettings>(&text).unwrap(), solver);
    assert!(serde_json::from_str::<SolverSettings>(&text.replace("300", "0")).is_err());
    let predistortion = PredistortionSettings::default().with_max_iterations(7).unwrap();
    let text = serde_json::to_string(&predistortion).unwrap();
    assert_eq!(serde_json::from_str::<PredistortionSettings>(&text).unwrap(), predistortion);
    assert!(serde_json::from_str::<PredistortionSettings>(&text.replace(":7", ":0")).is_err());
}

#[test]
fn designs_come_back_unchanged() {
    let presets = [
        design(),
        everything(),
        wired(),
        presets::forms().build().unwrap(),
        presets::isaac().build().unwrap(),
    ];
    for design in presets.into_iter().chain(variants()) {
        let text = serde_json::to_string(&design).unwrap();
        assert_eq!(serde_json::from_str::<Design>(&text).unwrap(), design, "{text}");
    }
}

/// The design's JSON with one change.
fn changed(change: impl FnOnce(&mut Value)) -> Result<Design, String> {
    let mut value = serde_json::to_value(design()).unwrap();
    change(&mut value);
    serde_json::from_value(value).map_err(|error| error.to_string())
}

#[test]
fn unknown_fields_are_refused_at_every_depth() {
    assert!(changed(|_| {}).is_ok());
    for pointer in [
        "",
        "/cell",
        "/cell/stuck_cells",
        "/cell/programming/normal_of_g_on",
        "/dac",
        "/read_noise",
        "/adc/calibrated",
        "/mapping/differential",
    ] {
        let error = changed(|value| {
            value.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} in {}", json!(design())))["surprise"] =
                json!(1);
        });
        assert!(error.as_ref().is_err_and(|error| error.contains("surprise")), "{pointer}: {error:?}");
    }
}

#[test]
fn out_of_range_fields_are_refused_by_the_same_checks() {
    for (pointer, bad, names) in [
        ("/adc/calibrated/bits", json!(40), "ADC bits is 40"),
        ("/adc/calibrated/quantile", json!(1.5), "ADC quantile is 1.5"),
        ("/adc/calibrated/lsb", json!(0), "calibrated LSB"),
        ("/cell/programming/normal_of_g_on/sigma", json!(-0.1), "programming sigma is -0.1"),
        ("/cell/levels_siemens/0", json!(1.0), "level 1"),
        ("/cell/stuck_cells/on_rate", json!(2.0), "stuck-on rate is 2"),
        ("/dac/bits", json!(9), "DAC bits is 9"),
        ("/dac/read_volts", json!(0.0), "read voltage"),
        ("/read_noise/relative", json!(-1.0), "relative read noise sigma is -1"),
        ("/active_rows", json!(3), "active rows is 3"),
        ("/input_bits", json!(0), "input bits is 0"),
        ("/plane_secs", json!(-1.0), "plane time"),
        ("/noise_method", json!("ziggurat"), "ziggurat"),
        ("/array_rows", json!(0), "array rows is 0"),
    ] {
        let result =
            changed(|value| *value.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = bad);
        let error = result.expect_err(pointer);
        assert!(error.contains(names), "{pointer}: {error}");
    }
    for field in ["adc", "noise_method"] {
        let missing = changed(|value| _ = value.as_object_mut().unwrap().remove(field));
        assert!(missing.is_err_and(|error| error.contains(field)), "{field}");
    }
}

#[test]
fn the_noise_method_is_told_and_checked_against_the_adc() {
    for (method, name) in [(NoiseMethod::Gaussian, "gaussian"), (NoiseMethod::Thresholds, "thresholds")] {
        let design = design().to_builder().noise_method(method).build().unwrap();
        let mut value = serde_json::to_value(&design).unwrap();
        assert_eq!(value["noise_method"], json!(name));
        assert_eq!(serde_json::from_value::<Design>(value.clone()).unwrap().noise_method(), method);
        value["adc"] = json!("pass_through");
        let passed = serde_json::from_value::<Design>(value).map_err(|error| error.to_string());
        match method {
            NoiseMethod::Gaussian => assert!(passed.is_ok(), "{passed:?}"),
            NoiseMethod::Thresholds => {
                assert!(passed.is_err_and(|error| error.contains("noise by thresholds")));
            }
        }
    }
}

/// Pointers to every object of a value, and to every number.
fn walk(value: &Value, at: String, objects: &mut Vec<String>, numbers: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| walk(value, format!("{at}/{name}"), objects, numbers));
            objects.push(at);
        }
        Value::Array(values) => values
            .iter()
            .enumerate()
            .for_each(|(i, value)| walk(value, format!("{at}/{i}"), objects, numbers)),
        Value::Number(_) => numbers.push(at),
        _ => {}
    }
}

#[test]
fn no_object_of_any_design_takes_a_field_more_and_no_number_anything() {
    for design in [everything(), wired()].into_iter().chain(variants()) {
        let value = serde_json::to_value(&design).unwrap();
        let (mut objects, mut numbers) = (Vec::new(), Vec::new());
        walk(&value, String::new(), &mut objects, &mut numbers);
        assert!(objects.len() > 10 && numbers.len() > 20, "{} {}", objects.len(), numbers.len());
        for pointer in objects {
            let mut more = value.clone();
            more.pointer_mut(&pointer).unwrap()["surprise"] = json!(1);
            assert!(serde_json::from_value::<Design>(more).is_err(), "{pointer}");
        }
        for pointer in numbers {
            let mut bad = value.clone();
            *bad.pointer_mut(&pointer).unwrap() = json!(-1e300);
            assert!(serde_json::from_value::<Design>(bad).is_err(), "{pointer}");
        }
    }
}

#[test]
fn physics_out_of_range_is_refused_by_the_same_checks() {
    for (pointer, bad, names) in [
        ("/read_noise/white/bandwidth_hz", json!(0.0), "noise bandwidth (Hz) is 0"),
        ("/read_noise/white/law/fano/factor", json!(1.5), "Fano factor is 1.5"),
        ("/read_noise/word_line_volts", json!(-0.1), "word-line noise sigma (V) is -0.1"),
        ("/read_noise/telegraph/trapped_secs", json!(0.0), "time in the trapped state (s) is 0"),
        ("/read_noise/telegraph/amplitude/lognormal/cap", json!(101), "cap of telegraph amplitudes is 101"),
        ("/read_noise/flicker/lowest_hz", json!(1e7), "lowest 1/f frequency (Hz) is 10000000"),
        (
            "/read_noise/flicker/amplitude/log_conductance/unit_siemens",
            json!(0.0),
            "conductance without 1/f noise (S) is 0",
        ),
        ("/read_noise/persistence", json!("forgotten"), "forgotten"),
        ("/read_noise/white/law", json!("pink"), "pink"),
        ("/cell/iv/sinh/half_bias_ratio", json!(2.0), "half-bias ratio"),
        ("/cell/iv/sinh/reference_volts", json!(1e4), "reference voltage of the I–V (V) is 10000"),
        ("/cell/device_spread/cell_sigma", json!(9.0), "device spread sigma of cells is 9"),
        ("/cell/stuck_lines/bit_line_rate", json!(1.5), "broken bit line rate is 1.5"),
        ("/cell/programming/write_verify/max_pulses", json!(0), "pulses"),
        ("/cell/ageing/drift/mean_exponent", json!(7.0), "drift exponent"),
    ] {
        let mut value = serde_json::to_value(everything()).unwrap();
        *value.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = bad;
        let error = serde_json::from_value::<Design>(value).expect_err(pointer).to_string();
        assert!(error.contains(names), "{pointer}: {error}");
    }
    // What a part needs beside it.
    let mut value = serde_json::to_value(everything()).unwrap();
    value["read_noise"]["white"] = Value::Null;
    assert!(serde_json::from_value::<Design>(value.clone()).is_ok());
    value["read_noise"]["flicker"]["amplitude"] = json!({"corner": {"hertz": 1e5}});
    let error = serde_json::from_value::<Design>(value).unwrap_err().to_string();
    assert!(error.contains("corner frequency"), "{error}");
}

#[test]
fn constraints_of_a_matrix_come_back_through_their_checks() {
    let constraints = Constraints::NONE
        .with_pruning(Pruning::new(0.5, 0.25).unwrap().with_crossbar(128, 32).unwrap())
        .unwrap()
        .with_polarization(Polarization::new(8, SignRule::Nearest).unwrap())
        .unwrap()
        .with_quantization(
            Quantization::new(8, ScaleRule::Quantile(0.99))
                .unwrap()
                .with_step_per_column()
                .with_full_magnitude(),
        );
    let value = serde_json::to_value(constraints).unwrap();
    assert_eq!(serde_json::from_value::<Constraints>(value.clone()).unwrap(), constraints);
    for (place, wrong, names) in [
        ("/pruning/row_ratio", json!(1.5), "ratio of rows kept"),
        ("/pruning/crossbar_inputs", json!(0), "inputs of a crossbar"),
        ("/polarization/fragment", json!(0), "fragment"),
        // 24 does not divide the 128 inputs of a crossbar.
        ("/polarization/fragment", json!(24), "divide"),
        ("/quantization/bits", json!(1), "weight bits"),
        ("/quantization/rule", json!({"quantile": 0.0}), "quantile"),
        ("/quantization", json!({"bits": 8}), "missing field"),
    ] {
        let mut changed = value.clone();
        *changed.pointer_mut(place).unwrap() = wrong;
        let error = serde_json::from_value::<Constraints>(changed).unwrap_err().to_string();
        assert!(error.contains(names), "{place}: `{error}` does not name {names}");
    }
    let post_training = PostTraining::new(8).unwrap().with_bias().with_damping(0.5).unwrap();
    let mut post = serde_json::to_value(post_training).unwrap();
    assert_eq!(serde_json::from_value::<PostTraining>(post.clone()).unwrap(), post_training);
    post["damping"] = json!(-1.0);
    assert!(serde_json::from_value::<PostTraining>(post).unwrap_err().to_string().contains("damping"));
    let mut more = value;
    more["pruning"]["more"] = json!(1);
    assert!(serde_json::from_value::<Constraints>(more).unwrap_err().to_string().contains("more"));
}
