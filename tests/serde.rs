//! Settings serialise, and come back only through the checks that made them.

#![cfg(feature = "serde")]

mod common;

use forms_xbar::{
    Adc, Baseline, Cell, Dac, Design, LevelMap, Mapping, Programming, ReadNoise, Skip, StuckCells,
    Subtraction, presets,
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

#[test]
fn designs_come_back_unchanged() {
    for design in [design(), presets::forms().build().unwrap(), presets::isaac().build().unwrap()] {
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
        ("/array_rows", json!(0), "array rows is 0"),
    ] {
        let result =
            changed(|value| *value.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = bad);
        let error = result.expect_err(pointer);
        assert!(error.contains(names), "{pointer}: {error}");
    }
    let missing = changed(|value| _ = value.as_object_mut().unwrap().remove("adc"));
    assert!(missing.is_err_and(|error| error.contains("adc")));
}
