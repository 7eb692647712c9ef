//! Calibration against sums over all inputs, pre-distortion against the networks it is for.

use forms_xbar::Error;
use forms_xbar::circuit::{
    Cells, ColumnCalibration, Ends, PredistortionSettings, UnselectedRows, Wires, effective_conductances,
    predistort,
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

const RANGE: (f64, f64) = (1e-6, 1e-4);

fn random(count: usize, low: f64, high: f64, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| rng.random_range(low..high)).collect()
}

fn close(found: f64, expected: f64, relative: f64) {
    assert!((found / expected - 1.0).abs() <= relative, "{found:e}, expected {expected:e}");
}

#[test]
fn calibration_is_the_least_squares_fit_over_all_inputs() {
    let (rows, columns) = (8, 5);
    let target = random(rows * columns, 1e-6, 1e-4, 1);
    let wires = Wires::new(20.0, 40.0).unwrap().with_terminals(500.0, 300.0).unwrap();
    let cells = Cells { array: (rows, columns), rows, columns, siemens: &target };
    let effective = effective_conductances(&wires, cells, rows).unwrap();
    for activity in [0.1, 0.5, 0.9] {
        let calibration = ColumnCalibration::fit(&target, &effective, rows, columns, activity).unwrap();
        for column in 0..columns {
            // Every input with its probability: ideal current, real current.
            let inputs = (0..1u32 << rows).map(|bits| {
                let driven = |row: &usize| bits >> row & 1 == 1;
                let weight: f64 =
                    (0..rows).map(|row| if driven(&row) { activity } else { 1.0 - activity }).product();
                let sum = |siemens: &[f64]| -> f64 {
                    (0..rows).filter(driven).map(|row| siemens[row * columns + column]).sum()
                };
                (weight, sum(&target), sum(&effective))
            });
            let inputs: Vec<(f64, f64, f64)> = inputs.collect();
            let mean = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
                inputs.iter().map(|&(weight, ideal, real)| weight * of(ideal, real)).sum()
            };
            // Normal equations of ideal = a · real + b.
            let (z, y) = (mean(&|_, z| z), mean(&|y, _| y));
            let (zz, zy) = (mean(&|_, z| z * z), mean(&|y, z| y * z));
            let gain = (zy - z * y) / (zz - z * z);
            let offset = y - gain * z;
            close(calibration.gains()[column], gain, 1e-9);
            assert!((calibration.offsets_siemens()[column] - offset).abs() < 1e-9 * y);
            let rms = |gain: f64, offset: f64| mean(&|y, z| (y - gain * z - offset).powi(2)).sqrt();
            close(calibration.rms_before_siemens()[column], rms(1.0, 0.0), 1e-9);
            close(calibration.rms_after_siemens()[column], rms(gain, offset), 1e-6);
            assert!(calibration.rms_after_siemens()[column] < 0.2 * calibration.rms_before_siemens()[column]);
        }
        let corrected = calibration.corrected(&vec![1e-4; columns]).unwrap();
        for (column, corrected) in corrected.into_iter().enumerate() {
            let expected = calibration.gains()[column] * 1e-4 + calibration.offsets_siemens()[column];
            assert_eq!(corrected, expected);
        }
        assert!(calibration.corrected(&vec![1e-4; columns + 1]).is_err());
    }
}

#[test]
fn calibration_of_what_is_right_or_dead_changes_nothing() {
    let target = [1e-5, 2e-5, 0.0, 0.0];
    let calibration = ColumnCalibration::fit(&target, &target, 4, 1, 0.3).unwrap();
    assert_eq!(calibration.gains(), [1.0]);
    assert_eq!(calibration.offsets_siemens(), [0.0]);
    assert_eq!(calibration.rms_before_siemens(), [0.0]);
    assert_eq!(calibration.rms_after_siemens(), [0.0]);
    // A column that does not conduct: the mean as offset.
    let dead = ColumnCalibration::fit(&target, &[0.0; 4], 4, 1, 0.5).unwrap();
    assert_eq!(dead.gains(), [1.0]);
    close(dead.offsets_siemens()[0], 1.5e-5, 1e-15);
    close(dead.rms_after_siemens()[0], 0.5 * (5e-10f64).sqrt(), 1e-12);
    // All rows always driven: the sums agree.
    let all = ColumnCalibration::fit(&target, &[9e-6, 15e-6, 0.0, 0.0], 4, 1, 1.0).unwrap();
    close(all.corrected(&[24e-6]).unwrap()[0], 30e-6, 1e-12);
    assert_eq!(all.rms_after_siemens(), [0.0]);
}

#[test]
fn predistortion_meets_targets_that_leave_room() {
    for unselected in [UnselectedRows::Disconnected, UnselectedRows::Grounded, UnselectedRows::Floating] {
        for (drive, sense) in [(Ends::First, Ends::Last), (Ends::Both, Ends::Both), (Ends::Last, Ends::First)]
        {
            for ohms in [0.5, 5.0] {
                let wires = Wires::new(ohms, ohms).unwrap().with_terminals(100.0, 50.0).unwrap();
                let wires = wires.with_drive(drive).with_sense(sense).with_unselected(unselected);
                // Floating rows bring so much current by other ways that small cells cannot be small enough.
                let most = if unselected == UnselectedRows::Floating { 1.5e-5 } else { 5e-5 };
                let siemens = random(32 * 24, 2e-6, most, 2);
                let targets = Cells { array: (32, 24), rows: 32, columns: 24, siemens: &siemens };
                let before = effective_conductances(&wires, targets, 8).unwrap();
                let lost = before.iter().zip(&siemens).map(|(t, g)| (t / g - 1.0).abs());
                assert!(lost.fold(0.0, f64::max) > 0.01);
                let found = predistort(&wires, targets, 8, RANGE, PredistortionSettings::default()).unwrap();
                let cells = Cells { siemens: found.siemens(), ..targets };
                let effective = effective_conductances(&wires, cells, 8).unwrap();
                assert_eq!(effective, found.effective());
                let mut squares = 0.0;
                for ((t, target), g) in effective.iter().zip(&siemens).zip(found.siemens()) {
                    assert!((t / target - 1.0).abs() <= 1e-6);
                    assert!((RANGE.0..=RANGE.1).contains(g));
                    squares += (t / target - 1.0).powi(2);
                }
                assert!(found.largest_error() <= 1e-6);
                close(found.rms_error(), (squares / siemens.len() as f64).sqrt(), 1e-6);
                assert_eq!((found.held_at_off(), found.held_at_on()), (0, 0));
                assert!(found.iterations() <= 40, "{unselected:?} {ohms}: {}", found.iterations());
            }
        }
    }
}

#[test]
fn predistortion_counts_what_it_cannot_meet() {
    let wires = Wires::new(5.0, 5.0).unwrap();
    let mut siemens = random(32 * 24, 2e-6, 1e-4, 3);
    siemens[31 * 24] = RANGE.1;
    siemens[23] = RANGE.1;
    let targets = Cells { array: (32, 24), rows: 32, columns: 24, siemens: &siemens };
    let found = predistort(&wires, targets, 32, RANGE, PredistortionSettings::default()).unwrap();
    let mut held = 0;
    let mut largest = 0.0f64;
    for ((t, target), &g) in found.effective().iter().zip(&siemens).zip(found.siemens()) {
        let error = t / target - 1.0;
        largest = largest.max(error.abs());
        if error.abs() > 1e-6 {
            assert!(g == RANGE.1 && error < 0.0);
            held += 1;
        }
    }
    assert!(held > 10 && held < 300, "{held}");
    assert_eq!((found.held_at_on(), found.held_at_off()), (held, 0));
    assert_eq!(found.largest_error(), largest);
    assert!(largest > 0.02 && found.rms_error() > 1e-4 && found.rms_error() < largest);
    // It is better than nothing.
    let before = effective_conductances(&wires, targets, 32).unwrap();
    let rms = before.iter().zip(&siemens).map(|(t, g)| (t / g - 1.0).powi(2)).sum::<f64>() / 768.0;
    assert!(found.rms_error() < 0.5 * rms.sqrt());
}

#[test]
fn sneak_paths_that_conduct_too_much_are_counted_too() {
    // Floating rows bring current by other ways, more than small cells ought to let through.
    let wires = Wires::new(5.0, 5.0).unwrap().with_terminals(100.0, 50.0).unwrap();
    let wires = wires.with_unselected(UnselectedRows::Floating);
    let siemens = random(32 * 24, 2e-6, 5e-5, 4);
    let targets = Cells { array: (32, 24), rows: 32, columns: 24, siemens: &siemens };
    let found = predistort(&wires, targets, 8, RANGE, PredistortionSettings::default()).unwrap();
    let mut held = 0;
    for ((t, target), &g) in found.effective().iter().zip(&siemens).zip(found.siemens()) {
        let error = t / target - 1.0;
        if error.abs() > 1e-6 {
            assert!(g == RANGE.0 && error > 0.0, "{g:e} {error:e}");
            held += 1;
        }
    }
    assert!(held > 0);
    assert_eq!((found.held_at_off(), found.held_at_on()), (held, 0));
}

#[test]
fn ideal_wires_leave_conductances_alone() {
    let siemens = [RANGE.0, RANGE.1, 5e-5, 3e-6];
    let targets = Cells { array: (2, 2), rows: 2, columns: 2, siemens: &siemens };
    let wires = Wires::new(0.0, 0.0).unwrap();
    let found = predistort(&wires, targets, 2, RANGE, PredistortionSettings::default()).unwrap();
    assert_eq!(found.siemens(), siemens);
    assert_eq!((found.iterations(), found.held_at_on(), found.held_at_off()), (1, 0, 0));
    assert!(found.largest_error() < 1e-12);
}

#[test]
fn cells_behind_resistances_have_closed_forms() {
    // One column without word lines' resistance: a cell and its own driver and access transistor.
    let wires = Wires::new(0.0, 0.0).unwrap().with_terminals(2e3, 0.0).unwrap();
    let wires = wires.with_access_ohms(1e3).unwrap();
    let siemens = [1e-5, 2e-5, 5e-5, 7e-5];
    let targets = Cells { array: (4, 1), rows: 4, columns: 1, siemens: &siemens };
    let settings = PredistortionSettings::default().with_tolerance(1e-10).unwrap();
    let found = predistort(&wires, targets, 4, RANGE, settings).unwrap();
    for (found, target) in found.siemens().iter().zip(siemens) {
        close(*found, 1.0 / (1.0 / target - 3e3), 1e-9);
    }
    // The error of the last cell shrinks by G R = 0.21 an iteration.
    assert!((10..=18).contains(&found.iterations()), "{}", found.iterations());
    // 1 / 12 kΩ would do for a target of 1 / 15 kΩ, 1 / 10 kΩ does not reach beyond 1 / 13 kΩ.
    let siemens = [1.0 / 12.5e3];
    let targets = Cells { array: (1, 1), rows: 1, columns: 1, siemens: &siemens };
    let found = predistort(&wires, targets, 1, RANGE, PredistortionSettings::default()).unwrap();
    assert_eq!((found.siemens(), found.held_at_on()), (&[RANGE.1][..], 1));
    close(found.largest_error(), 1.0 - 12.5 / 13.0, 1e-9);
}

#[test]
fn what_is_out_of_range_is_refused() {
    let wires = Wires::new(1.0, 1.0).unwrap();
    let settings = PredistortionSettings::default();
    fn cells(siemens: &[f64]) -> Cells<'_> {
        Cells { array: (1, 2), rows: 1, columns: 2, siemens }
    }
    let error = |siemens: &[f64], range| predistort(&wires, cells(siemens), 1, range, settings).unwrap_err();
    assert!(matches!(error(&[1e-5; 2], (1e-4, 1e-6)), Error::Order { .. }));
    for bad in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
        assert!(matches!(error(&[1e-5; 2], (bad, 1e-4)), Error::Real { name: "g_off (S)", .. }));
        assert!(matches!(error(&[1e-5; 2], (1e-6, bad)), Error::Real { name: "g_on (S)", .. }));
    }
    assert!(matches!(error(&[1e-5, f64::NAN], RANGE), Error::Conductance { column: 1, .. }));
    for outside in [0.0, 2e-4] {
        assert!(matches!(
            error(&[1e-5, outside], RANGE),
            Error::Real { name: "conductance to be met (S)", value, .. } if value == outside
        ));
    }
    assert!(matches!(error(&[1e-5], RANGE), Error::Length { .. }));
    let hasty = settings.with_max_iterations(1).unwrap();
    match predistort(&wires, cells(&[1e-5; 2]), 1, RANGE, hasty).unwrap_err() {
        Error::Convergence { name: "pre-distortion", iterations: 1, residual, limit } => {
            assert!(residual > limit && limit == 1e-6)
        }
        error => panic!("{error:?}"),
    }
    assert!(settings.with_tolerance(f64::NAN).is_err());
    assert!(settings.with_max_iterations(0).is_err());

    let fit = |target: &[f64], effective: &[f64], activity| {
        ColumnCalibration::fit(target, effective, 1, 2, activity).unwrap_err()
    };
    assert!(matches!(fit(&[1e-5], &[1e-5; 2], 0.5), Error::Length { .. }));
    assert!(matches!(fit(&[1e-5; 2], &[1e-5; 3], 0.5), Error::Length { .. }));
    assert!(matches!(fit(&[1e-5; 2], &[1e-5, f64::NAN], 0.5), Error::Conductance { .. }));
    for bad in [f64::NAN, 0.0, 1.1, -0.5] {
        assert!(matches!(fit(&[1e-5; 2], &[1e-5; 2], bad), Error::Real { .. }));
    }
    assert!(matches!(ColumnCalibration::fit(&[], &[], 0, 2, 0.5).unwrap_err(), Error::Integer { .. }));
}

#[test]
fn calibration_does_not_depend_on_the_unit() {
    let (target, effective) = ([20.0, 40.0, 10.0], [18.0, 35.0, 9.5]);
    let fit = |unit: f64| {
        let scaled = |values: [f64; 3]| values.map(|value| value * unit);
        ColumnCalibration::fit(&scaled(target), &scaled(effective), 3, 1, 0.5).unwrap()
    };
    for unit in [1e-170, 1e-6, 1e165] {
        close(fit(unit).gains()[0], fit(1.0).gains()[0], 1e-12);
        close(fit(unit).rms_after_siemens()[0] / unit, fit(1.0).rms_after_siemens()[0], 1e-12);
    }
}
