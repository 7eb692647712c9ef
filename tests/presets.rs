//! Presets hold what the papers print.

use approx::assert_relative_eq;
use forms_xbar::device::{Ageing, Conditions, WhiteLaw};
use forms_xbar::presets::devices::{self, Acceptance, Device};
use forms_xbar::presets::wires::{self, Node};
use forms_xbar::{Adc, Dac, Key, Mapping, Programming, ReadNoise, Skip, Weights, presets};

#[test]
fn forms_is_as_printed() {
    let design = presets::forms().build().unwrap();
    assert_eq!(design.mapping(), Mapping::Polarized { fragment: 8 });
    assert_eq!((design.array(), design.active_rows()), ((128, 128), 8));
    assert_eq!((design.cell().levels().bits(), design.adc()), (2, Adc::granular(4)));
    assert_eq!(design.cell().programming(), &Programming::Lognormal { sigma: 0.1 });
    let format = design.input_format();
    assert_eq!((format.bits(), format.is_signed(), format.planes()), (16, false, 16));
    assert_eq!(design.skip(), Skip::LeadingZeros);
    assert!(!design.column_flip());
    assert_relative_eq!(design.plane_secs(), 15.24e-9, max_relative = 1e-3);
}

#[test]
fn isaac_is_as_printed() {
    let design = presets::isaac().build().unwrap();
    assert_eq!((design.mapping(), design.column_flip()), (Mapping::Offset, true));
    assert_eq!((design.array(), design.active_rows()), ((128, 128), 128));
    assert_eq!((design.cell().levels().bits(), design.adc()), (2, Adc::granular(8)));
    let format = design.input_format();
    assert_eq!((format.bits(), format.is_signed(), format.planes()), (16, true, 16));
    assert_eq!(design.skip(), Skip::Off);
    assert_eq!(design.plane_secs(), 100e-9);
}

#[test]
fn presets_share_their_chosen_resistances_and_have_no_read_noise() {
    for builder in [presets::forms(), presets::isaac()] {
        let design = builder.build().unwrap();
        let levels = design.cell().levels();
        assert_eq!((levels.g_off(), levels.g_on()), (1e-6, 100e-6));
        assert!(levels.is_linear());
        assert_eq!((design.dac(), design.read_noise()), (Dac::INVERTER, ReadNoise::NONE));
    }
    assert!(presets::isaac().build().unwrap().cell().is_ideal());
}

/// How far a device may lead a read astray: about twice as far as it does.
#[derive(Debug, PartialEq)]
enum Read {
    Exact,
    /// Root mean square error at most this part of the root mean square of the results.
    Within(f64),
}

fn all() -> [(&'static str, Device, Read); 9] {
    [
        ("forms", devices::forms().unwrap(), Read::Within(0.2)),
        ("isaac", devices::isaac().unwrap(), Read::Exact),
        ("prime", devices::prime().unwrap(), Read::Exact),
        ("hfo2_milo", devices::hfo2_milo().unwrap(), Read::Within(0.4)),
        ("neurram", devices::neurram().unwrap(), Read::Within(0.1)),
        ("ta_hfo2_hu", devices::ta_hfo2_hu().unwrap(), Read::Within(0.3)),
        ("cmo_hfox", devices::cmo_hfox(Acceptance::TwoPercent, 1.0).unwrap(), Read::Within(0.05)),
        ("cmo_hfox", devices::cmo_hfox(Acceptance::TwoTenths, 1.0).unwrap(), Read::Within(0.02)),
        ("pytorx", devices::pytorx(10e6, 1e-3).unwrap(), Read::Within(0.9)),
    ]
}

/// 64 × 4 weights of 8 bits, of one sign in every fragment of 8.
fn weights() -> Vec<i32> {
    (0..64 * 4).map(|at| (at * 37 % 128) * if at / 32 % 2 == 0 { 1 } else { -1 }).collect()
}

#[test]
fn every_device_is_programmed_read_and_aged_in_a_design() {
    let matrix = Weights::from_row_slice(64, 4, 8, &weights()).unwrap();
    let x: Vec<u8> = (0..64).map(|row| (row * 53 % 256) as u8).collect();
    let exact: Vec<f64> = (0..4)
        .map(|output| (0..64).map(|row| f64::from(x[row]) * f64::from(weights()[row * 4 + output])).sum())
        .collect();
    let rms = |y: &[f64]| (y.iter().map(|y| y * y).sum::<f64>() / y.len() as f64).sqrt();
    for (name, device, expected) in all() {
        let design =
            device.in_design(presets::forms().input_bits(8).adc(Adc::pass_through())).build().unwrap();
        let die = design.program_keyed(&matrix, Key::from(1)).unwrap();
        let y = die.mvm_keyed(&x, Key::from(2)).unwrap().to_real();
        let errors: Vec<f64> = y.iter().zip(&exact).map(|(y, exact)| y - exact).collect();
        let error = rms(&errors) / rms(&exact);
        match expected {
            Read::Exact => assert_eq!(error, 0.0, "{name}"),
            Read::Within(most) => assert!(error > 0.0 && error < most, "{name}: {error}"),
        }
        // Whatever ages does so within a day, and only that.
        let day = die.at(&Conditions { elapsed_secs: 86_400.0, ..Conditions::FRESH }).unwrap();
        let ages = *design.cell().ageing() != Ageing::NONE;
        assert_eq!(day.effective_weights() != die.effective_weights(), ages, "{name}");
    }
}

#[test]
fn in_design_replaces_cell_and_read_noise_and_nothing_else() {
    let device = devices::pytorx(10e6, 1e-3).unwrap();
    let plain = presets::isaac();
    let design = device.clone().in_design(plain.clone()).build().unwrap();
    assert_eq!((design.cell(), design.read_noise()), (&device.cell, device.read_noise));
    let by_hand = plain.cell(device.cell).read_noise(device.read_noise).build().unwrap();
    assert_eq!(design, by_hand);
    for (design, device) in [(presets::forms(), devices::forms()), (presets::isaac(), devices::isaac())] {
        assert_eq!(device.unwrap().in_design(design.clone()).build(), design.build());
    }
}

#[test]
fn windows_are_as_printed() {
    for (device, levels, off, on) in [
        (devices::hfo2_milo().unwrap(), 8, 50e-6, 225e-6),
        (devices::neurram().unwrap(), 8, 1e-6, 40e-6),
        (devices::ta_hfo2_hu().unwrap(), 16, 100e-6, 900e-6),
        (devices::cmo_hfox(Acceptance::TwoPercent, 1.0).unwrap(), 8, 9e-6, 88.2e-6),
        (devices::pytorx(1e9, 1.0).unwrap(), 4, 0.33e-6, 333e-6),
        (devices::prime().unwrap(), 4, 1.0 / 20e3, 1.0 / 1e3),
    ] {
        let map = device.cell.levels();
        assert_eq!((map.as_slice().len(), map.g_off(), map.g_on()), (levels, off, on));
        assert!(map.is_linear() && device.cell.iv().is_ohmic());
    }
    let milo = devices::hfo2_milo().unwrap();
    for (level, microsiemens) in [50.0, 75.0, 100.0, 125.0, 150.0, 175.0, 200.0, 225.0].iter().enumerate() {
        assert_relative_eq!(milo.cell.levels().as_slice()[level], microsiemens * 1e-6, max_relative = 1e-12);
    }
}

/// Conductances (µS) of cells at one level, `secs` after their write.
fn cells(device: &Device, level: usize, secs: f64) -> Vec<f64> {
    const ROWS: usize = 1000;
    const COLUMNS: usize = 40;
    let builder = presets::forms().mapping(Mapping::Polarized { fragment: 1 }).adc(Adc::pass_through());
    let design = device.clone().in_design(builder).build().unwrap();
    let bits = device.cell.levels().bits();
    let values = vec![level as i32; ROWS * COLUMNS];
    let weights = Weights::full_magnitude_from_row_slice(ROWS, COLUMNS, bits, &values).unwrap();
    let die = design.program_keyed(&weights, Key::from(3)).unwrap();
    let die = die.at(&Conditions { elapsed_secs: secs, ..Conditions::FRESH }).unwrap();
    die.conductances()
        .flat_map(|array| array.as_row_slice().iter().map(|&g| 1e6 * f64::from(g)).collect::<Vec<_>>())
        .collect()
}

/// Mean and standard deviation.
fn moments(samples: &[f64]) -> (f64, f64) {
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    (mean, (samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt())
}

/// Holds moments (µS) against those of a law, at α = 0.001 for normal samples.
fn assert_moments(samples: &[f64], mean: f64, sigma: f64, what: &str) {
    let n = samples.len() as f64;
    let (found_mean, found_sigma) = moments(samples);
    assert!((found_mean - mean).abs() < 3.3 * sigma / n.sqrt(), "{what}: mean {found_mean}, not {mean}");
    assert!(
        (found_sigma / sigma - 1.0).abs() < 3.3 / (2.0 * n).sqrt(),
        "{what}: σ {found_sigma}, not {sigma}"
    );
}

#[test]
fn written_cells_spread_as_fitted() {
    // σ in µS at g_off and at g_on, worked out by hand from the fits.
    for (what, device, off, on) in [
        ("hfo2_milo", devices::hfo2_milo(), (50.0, 4.327), (225.0, 2.7345)),
        ("ta_hfo2_hu", devices::ta_hfo2_hu(), (100.0, 5.0), (900.0, 5.0)),
        (
            "cmo_hfox 2 %",
            devices::cmo_hfox(Acceptance::TwoPercent, 1.0),
            (9.0, 0.112_830_97),
            (88.2, 1.007_020_354),
        ),
        (
            "cmo_hfox 0.2 %",
            devices::cmo_hfox(Acceptance::TwoTenths, 1.0),
            (9.0, 0.010_430_18),
            (88.2, 0.095_078_348),
        ),
    ] {
        let device = device.unwrap();
        let top = device.cell.levels().as_slice().len() - 1;
        assert_moments(&cells(&device, 0, 0.0), off.0, off.1, what);
        assert_moments(&cells(&device, top, 0.0), on.0, on.1, what);
    }
    let forms = devices::forms().unwrap();
    let logs: Vec<f64> = cells(&forms, 3, 0.0).iter().map(|g| (g / 100.0).ln()).collect();
    assert_moments(&logs, 0.0, 0.1, "forms");
}

#[test]
fn neurram_relaxes_as_fitted() {
    let device = devices::neurram().unwrap();
    let relaxation = device.cell.ageing().relaxation().unwrap();
    let over_window = |secs| -> Vec<f64> {
        (0..=1000).map(|i| 1e6 * relaxation.deviation(1e-6 + 39e-9 * f64::from(i), secs)).collect()
    };
    let mean_and_most = |sigmas: Vec<f64>| {
        let most = sigmas.iter().copied().fold(0.0, f64::max);
        (sigmas.iter().sum::<f64>() / 1001.0, most)
    };
    // The paper prints a mean of about 2.8 and a largest σ of about 4 µS. aihwkit's fit has that largest;
    // its mean over the whole window is a fifth larger, which the fit alone does not explain.
    let (mean, most) = mean_and_most(over_window(86_400.0));
    assert!((most - 4.0).abs() < 0.05, "{most}");
    assert!((mean - 3.36).abs() < 0.01, "{mean}");
    let (mean, most) = mean_and_most(over_window(1.0));
    assert!((mean - 1.76).abs() < 0.01 && (most - 2.30).abs() < 0.01, "{mean} {most}");

    // Level 4 of 7, 23.286 µS: x = 0.58214. Horner by hand of the two printed polynomials.
    for (secs, sigma) in [(1.0, 1.842_494), (86_400.0, 3.752_606)] {
        let written = cells(&device, 4, 0.0);
        let moved: Vec<f64> = cells(&device, 4, secs).iter().zip(&written).map(|(g, g0)| g - g0).collect();
        let (mean, found) = moments(&moved);
        // σ follows the written conductance, which lies within ±1 µS of the target.
        assert!((found / sigma - 1.0).abs() < 0.02, "{secs} s: {found}, not {sigma}");
        assert!(mean.abs() < 0.02 * sigma, "{secs} s: {mean}");
        let within = written.iter().filter(|g| (*g - 23.285_714).abs() <= 1.0).count();
        assert!(within as f64 > 0.999 * written.len() as f64, "{within}");
    }
}

#[test]
fn cmo_hfox_relaxes_as_fitted() {
    // At a day: mean −0.08900206 · ln 86400 = −1.011664, σ = 0.04201137 · ln 86400 + 0.41183342 = 0.889366.
    for (acceptance, written) in [(Acceptance::TwoPercent, 1.007_020), (Acceptance::TwoTenths, 0.095_078)] {
        let device = devices::cmo_hfox(acceptance, 1.0).unwrap();
        let day = 0.889_366f64.hypot(written);
        assert_moments(&cells(&device, 7, 86_400.0), 88.2 - 1.011_664, day, "a day");
        assert_moments(&cells(&device, 7, 1.0), 88.2, 0.411_833_42f64.hypot(written), "a second");
    }
}

#[test]
fn cmo_hfox_has_the_read_noise_of_its_time() {
    // 0.0277316483 · log₁₀ 88.2 · √ln((t + 1 µs) / 2 µs), by hand.
    for (secs, sigma) in [(1.0, 0.195_436_6), (86_400.0, 0.266_984_7)] {
        let device = devices::cmo_hfox(Acceptance::TwoTenths, secs).unwrap();
        let flicker = device.read_noise.flicker().unwrap();
        assert_relative_eq!(1e6 * flicker.deviation_siemens(88.2e-6, 0.0), sigma, max_relative = 1e-5);
    }
    for secs in [0.0, 1e-6, f64::NAN, f64::INFINITY, -1.0] {
        let error = devices::cmo_hfox(Acceptance::TwoTenths, secs).unwrap_err();
        assert!(error.to_string().starts_with("time of reading after the write (s)"), "{error}");
    }
}

#[test]
fn pytorx_has_its_faults_and_noise() {
    let device = devices::pytorx(1e9, 1e-3).unwrap();
    let cells = cells(&device, 1, 0.0);
    let share = |microsiemens: f64| {
        cells.iter().filter(|&&g| (g / microsiemens - 1.0).abs() < 1e-6).count() as f64 / cells.len() as f64
    };
    let limit = |rate: f64| 3.3 * (rate * (1.0 - rate) / cells.len() as f64).sqrt();
    assert!((share(333.0) - 0.0175).abs() < limit(0.0175), "stuck high: {}", share(333.0));
    assert!((share(0.33) - 0.0904).abs() < limit(0.0904), "stuck low: {}", share(0.33));

    let telegraph = device.read_noise.telegraph().unwrap();
    for (ohms, percent) in [(10e3, 0.32), (100e3, 1.8), (1e6, 17.0)] {
        assert_relative_eq!(100.0 * telegraph.relative(1.0 / ohms, 0.0), percent, max_relative = 0.02);
    }
    assert_eq!((telegraph.duty(), telegraph.trapped_secs()), (0.5, 1e-3));
    // 0.20 % and 0.40 % of 20 µA at 100 µS, 0.2 V, 300 K and 1 GHz.
    let white = device.read_noise.white().unwrap();
    assert_eq!((white.bandwidth_hz(), white.law()), (1e9, WhiteLaw::ThermalAndShot));
    let relative = white.variance(100e-6, 0.2, 20e-6, 300.0).sqrt() / 20e-6;
    assert_relative_eq!(relative, 0.002f64.hypot(0.004), max_relative = 0.01);
    for (read_hz, dwell) in [(0.0, 1.0), (f64::NAN, 1.0), (1e6, 0.0), (1e6, f64::INFINITY)] {
        assert!(devices::pytorx(read_hz, dwell).is_err());
    }
}

#[cfg(feature = "serde")]
#[test]
fn devices_come_back_unchanged_and_only_through_their_checks() {
    for (name, device, _) in all() {
        let mut value = serde_json::to_value(&device).unwrap();
        let text = value.to_string();
        assert_eq!(serde_json::from_str::<Device>(&text).unwrap(), device, "{name}: {text}");
        value["surprise"] = 1.into();
        assert!(
            serde_json::from_value::<Device>(value.clone()).unwrap_err().to_string().contains("surprise")
        );
        value.as_object_mut().unwrap().remove("surprise");
        value["cell"]["stuck_cells"]["on_rate"] = 2.into();
        assert!(serde_json::from_value::<Device>(value).unwrap_err().to_string().contains("stuck-on rate"));
    }
    let text = serde_json::to_string(&Acceptance::TwoTenths).unwrap();
    assert_eq!(text, "\"two_tenths\"");
}

#[test]
fn wires_are_as_printed() {
    // Resistances and capacitances a pitch that follow from NeuroSim's tables: 4 and 12 wire widths.
    for (node, short, long, farads) in [
        (Node::Nm65, 0.60, 1.80, (0.084e-15, 0.252e-15)),
        (Node::Nm32, 1.47, 4.40, (0.045e-15, 0.134e-15)),
        (Node::Nm22, 2.12, 6.36, (0.032e-15, 0.096e-15)),
    ] {
        let wires = wires::neurosim(node, 300.0).unwrap();
        let capacitance = wires.capacitance().unwrap();
        assert_relative_eq!(wires.bit_line_ohms(), short, max_relative = 5e-3);
        assert_relative_eq!(wires.word_line_ohms(), long, max_relative = 5e-3);
        assert_relative_eq!(capacitance.bit_line_farads(), farads.0, max_relative = 1e-2);
        assert_relative_eq!(capacitance.word_line_farads(), farads.1, max_relative = 1e-2);
    }
    let [cold, hot] = [300.0, 400.0].map(|kelvin| wires::neurosim(Node::Nm32, kelvin).unwrap());
    assert_relative_eq!(hot.bit_line_ohms() / cold.bit_line_ohms(), 1.451, max_relative = 1e-9);
    assert!(wires::neurosim(Node::Nm32, 500.0).is_err() && wires::neurosim(Node::Nm32, 299.0).is_err());
    assert_eq!(wires::mnsim().unwrap().word_line_ohms(), 2.82);
    let hu = devices::ta_hfo2_hu().unwrap();
    let design = hu.in_design(presets::forms()).build().unwrap();
    assert_eq!(
        design.wires().map(|wires| (wires.word_line_ohms(), wires.bit_line_ohms())),
        Some((0.35, 0.32))
    );
    // A device without wires leaves those of a design alone.
    let kept = devices::isaac().unwrap().in_design(presets::forms().wires(wires::mnsim().unwrap()));
    assert!(kept.build().unwrap().wires().is_some());
}
