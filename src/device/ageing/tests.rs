//! Word lines under conditions, against closed forms written by hand.

use super::*;
use crate::error::Error;
use crate::key::Purpose;
use statrs::distribution::{ContinuousCDF, Normal};

const WINDOW: (f64, f64) = (1e-6, 40e-6);
const DAY: f64 = 86_400.0;
/// Resolution of the `f32` conductances.
const ROUNDING: f64 = 1.2e-7;

fn after(elapsed_secs: f64) -> Conditions {
    Conditions { elapsed_secs, ..Conditions::FRESH }
}

fn neurram() -> Relaxation {
    let relaxation = Relaxation::between(
        40e-6,
        1e-6,
        (0.0, 40e-6),
        (1.0, &[0.348, 16.03, -43.853, 45.393, -16.815]),
        (DAY, &[0.701, 22.086, -50.773, 47.095, -16.458]),
    );
    relaxation.unwrap()
}

/// NeuRRAM's σ (S) by hand.
fn neurram_sigma(g: f64, secs: f64) -> f64 {
    let x = g / 40e-6;
    let second = 0.348 + 16.03 * x - 43.853 * x.powi(2) + 45.393 * x.powi(3) - 16.815 * x.powi(4);
    let day = 0.701 + 22.086 * x - 50.773 * x.powi(2) + 47.095 * x.powi(3) - 16.458 * x.powi(4);
    let share = secs.ln() / DAY.ln();
    1e-6 * if secs < 1.0 { secs * second } else { (1.0 - share) * second + share * day }
}

fn topar() -> Endurance {
    Endurance::between((300.0, 4.14e8), (380.0, 1.07e7), 0.7).unwrap()
}

/// A word line at `place` that a write left at `written`, under conditions.
fn aged_at(ageing: &Ageing, conditions: &Conditions, place: [u64; 3], written: &[f32]) -> Vec<f32> {
    let mut row = written.to_vec();
    let aged = ageing.under(conditions, WINDOW, 0.35).unwrap();
    aged.apply(Key::from(7), place, &mut row);
    aged.heat(&mut row);
    row
}

fn aged(ageing: &Ageing, conditions: &Conditions, written: &[f32]) -> Vec<f32> {
    aged_at(ageing, conditions, [3, 2, 0], written)
}

/// Word lines of [`population`]: a million cells where the tests are optimised.
const WORD_LINES: u64 = if cfg!(debug_assertions) { 400 } else { 2000 };

/// Cells of one written conductance, in word lines of 500.
fn population(ageing: &Ageing, conditions: &Conditions, written: f32) -> Vec<f64> {
    (0..WORD_LINES)
        .flat_map(|row| aged_at(ageing, conditions, [row % 3, row, row % 2], &[written; 500]))
        .map(f64::from)
        .collect()
}

fn assert_follows(mut samples: Vec<f64>, cdf: impl Fn(f64) -> f64) {
    samples.sort_unstable_by(f64::total_cmp);
    let n = samples.len() as f64;
    let distance = samples
        .iter()
        .enumerate()
        .map(|(i, &x)| (cdf(x) - i as f64 / n).max((i as f64 + 1.0) / n - cdf(x)))
        .fold(0.0, f64::max);
    // Kolmogorov–Smirnov at α = 0.001.
    let limit = (-0.5 * (0.001f64 / 2.0).ln()).sqrt() / n.sqrt();
    assert!(distance < limit, "distance {distance}, limit {limit}");
}

/// Conductances over the window and beyond it.
fn row() -> Vec<f32> {
    (0..300).map(|i| i as f32 * 0.2e-6).collect()
}

fn assert_close(found: &[f32], expected: impl Fn(f64) -> f64) {
    for (&found, written) in found.iter().zip(row()) {
        let expected = expected(written.into());
        let error = (f64::from(found) - expected).abs();
        assert!(error <= ROUNDING * expected.abs() + 1e-18, "{written}: {found}, expected {expected}");
    }
}

#[test]
fn relaxed_cells_are_truncated_normals_at_all_times() {
    let ageing = Ageing::NONE.with_relaxation(neurram());
    for written in [0.4e-6, 3e-6, 12e-6, 39e-6] {
        for secs in [0.25, 1.0, 3600.0, DAY] {
            let normal = Normal::new(written, neurram_sigma(written, secs)).unwrap();
            let below = normal.cdf(0.0);
            let cells = population(&ageing, &after(secs), written as f32);
            assert!(cells.iter().all(|&g| g >= 0.0));
            assert_follows(cells, |g| (normal.cdf(g) - below) / (1.0 - below));
        }
    }
}

#[test]
fn a_mean_that_falls_below_zero_leaves_half_a_normal() {
    // CMO/HfOx after a day: 0.5 µS − 0.0890 · 11.367 µS < 0.
    let mean = LogTimeCurve::constant(0.0, -0.0890e-6).unwrap();
    let sigma = LogTimeCurve::constant(0.4118e-6, 0.0420e-6).unwrap();
    let ageing = Ageing::NONE.with_relaxation(Relaxation::new((1.0, DAY), mean, sigma).unwrap());
    let deviation = (0.4118 + 0.0420 * DAY.ln()) * 1e-6;
    let half = Normal::new(0.0, deviation).unwrap();
    assert_follows(population(&ageing, &after(DAY), 0.5e-6), |g| 2.0 * half.cdf(g) - 1.0);
    // A cell high above follows the shifted normal.
    let whole = Normal::new(20e-6 - 0.0890e-6 * DAY.ln(), deviation).unwrap();
    assert_follows(population(&ageing, &after(DAY), 20e-6), |g| whole.cdf(g));
}

#[test]
fn a_cell_keeps_its_draw_and_moves_without_a_jump() {
    let ageing = Ageing::NONE.with_relaxation(neurram());
    let written = row();
    let mut before = written.clone();
    let mut secs = 1e-6;
    let mut longest = 0.0f64;
    while secs < DAY {
        let now = aged(&ageing, &after(secs), &written);
        for ((&now, &before), &written) in now.iter().zip(&before).zip(&written) {
            // The largest draw is 6.3 σ; a step in ln t moves σ by less than 5 µS of it, a step before
            // 1 s by its share of σ, itself below 3 µS.
            let step = f64::from((now - before).abs());
            assert!(step < 6.3 * 5e-6 * 0.02 + 1e-11, "{written} at {secs} s: {step}");
            longest = longest.max(step);
        }
        before = now;
        secs *= 1.02;
    }
    assert!(longest > 0.0);
    // Far from 0 S the draw itself can be read back, and is the same at all times.
    let z = |secs| -> Vec<f64> {
        aged(&ageing, &after(secs), &[30e-6; 200])
            .iter()
            .map(|&g| (f64::from(g) - f64::from(30e-6f32)) / neurram_sigma(30e-6, secs))
            .collect()
    };
    for (early, late) in z(0.5).into_iter().zip(z(DAY)) {
        assert!((early - late).abs() < 2e-5, "{early} {late}");
    }
}

#[test]
fn drift_exponents_are_normal() {
    let (mean, deviation) = (0.05, 0.02);
    let ageing = Ageing::NONE.with_drift(Drift::new(mean, deviation, 2.0).unwrap());
    let normal = Normal::new(mean, deviation).unwrap();
    for secs in [20.0, 2e6] {
        let cells = population(&ageing, &after(secs), 20e-6);
        let exponents: Vec<f64> =
            cells.iter().map(|g| -(g / f64::from(20e-6f32)).ln() / (secs / 2.0).ln()).collect();
        assert_follows(exponents, |exponent| normal.cdf(exponent));
    }
    // Without a spread it is the power law; before t_0 there is none.
    let ageing = Ageing::NONE.with_drift(Drift::new(mean, 0.0, 2.0).unwrap());
    assert_close(&aged(&ageing, &after(7e5), &row()), |g| g * (7e5f64 / 2.0).powf(-mean));
    assert_eq!(aged(&ageing, &after(2.0), &row()), row());
}

#[test]
fn the_window_closes_with_cycles() {
    let ageing = Ageing::NONE.with_endurance(topar());
    let middle = (1e-6f64 * 40e-6).sqrt();
    for (cycles, kelvin, limit) in [(1_000_000, 300.0, 4.14e8), (3_000_000, 380.0, 1.07e7)] {
        let open = 1.0 - (cycles as f64 / limit).powf(0.7);
        let conditions = Conditions { cycles, kelvin, ..Conditions::FRESH };
        let cells = aged(&ageing, &conditions, &row());
        assert_close(&cells, |g| middle * (g / middle).powf(open));
    }
    // Just short of its end and from there on; an open cell stays open.
    for cycles in [413_999_999, 414_000_001, u64::MAX] {
        let closed = Conditions { cycles, ..Conditions::FRESH };
        let cells = aged(&ageing, &closed, &row());
        assert_eq!(cells[0], 0.0);
        assert!(cells[1..].iter().all(|&g| (f64::from(g) / middle - 1.0).abs() < 1e-6));
    }
}

#[test]
fn heat_shortens_retention() {
    let retention = Retention::new(1e6, 350.0, 1.2, (300.0, 420.0)).unwrap();
    let ageing = Ageing::NONE.with_retention(retention);
    for (kelvin, secs) in [(350.0, 1e6), (400.0, 3e3), (300.0, 1e9)] {
        // k = 8.617 333 262e-5 eV/K.
        let tau = 1e6 * (1.2f64 / 8.617_333_262e-5 * (1.0 / kelvin - 1.0 / 350.0)).exp();
        let cells = aged(&ageing, &Conditions { kelvin, ..after(secs) }, &row());
        // What lies below g_off has nothing to lose.
        assert_close(&cells, |g| g.min(1e-6 + (g - 1e-6) * (-secs / tau).exp()));
    }
    let lost = aged(&ageing, &Conditions { kelvin: 420.0, ..after(1e12) }, &row());
    assert!(lost.iter().zip(row()).all(|(&g, written)| g == written.min(1e-6)));
}

#[test]
fn reads_disturb_towards_either_end() {
    for (end, target) in [(DisturbEnd::GOn, 40e-6), (DisturbEnd::GOff, 1e-6)] {
        let disturb = ReadDisturb::new(end, 1e-9, 0.3, 0.05, (0.0, 0.5)).unwrap();
        let conditions = Conditions { reads: 200_000_000, ..Conditions::FRESH };
        // At 0.35 V a read does e times as much as at 0.3 V.
        let left = (-0.2 * std::f64::consts::E).exp();
        let cells = aged(&Ageing::NONE.with_read_disturb(disturb), &conditions, &row());
        assert_close(&cells, |g| target + (g - target) * left);
    }
}

#[test]
fn heat_lowers_g_on_and_leaves_g_off() {
    let ageing =
        Ageing::NONE.with_temperature(TemperatureCoefficient::new(-0.005, 300.0, (250.0, 400.0)).unwrap());
    for kelvin in [250.0, 340.0, 400.0] {
        let s = (40e-6 * (1.0 - 0.005 * (kelvin - 300.0)) - 1e-6) / 39e-6;
        let cells = aged(&ageing, &Conditions { kelvin, ..Conditions::FRESH }, &row());
        assert_close(&cells, |g| if g > 1e-6 { 1e-6 + (g - 1e-6) * s } else { g });
    }
}

#[test]
fn effects_compose_in_their_order() {
    let mean = LogTimeCurve::constant(-2e-6, 0.1e-6).unwrap();
    let ageing = Ageing::NONE
        .with_endurance(topar())
        .with_relaxation(Relaxation::new((1.0, DAY), mean, LogTimeCurve::ZERO).unwrap())
        .with_drift(Drift::new(0.05, 0.0, 1.0).unwrap())
        .with_retention(Retention::new(1e5, 350.0, 1.0, (300.0, 400.0)).unwrap())
        .with_read_disturb(ReadDisturb::new(DisturbEnd::GOn, 1e-9, 0.35, 0.05, (0.0, 0.5)).unwrap())
        .with_temperature(TemperatureCoefficient::new(-0.005, 300.0, (300.0, 400.0)).unwrap());
    let conditions = Conditions { elapsed_secs: 5e4, kelvin: 350.0, reads: 100_000_000, cycles: 10_000_000 };
    let open = 1.0 - (1e7 / topar().cycles_at(350.0)).powf(0.7);
    let middle = (1e-6f64 * 40e-6).sqrt();
    let expected = |g: f64| {
        let cycled = middle * (g / middle).powf(open);
        let relaxed = (cycled - 2e-6 + 0.1e-6 * 5e4f64.ln()).max(0.0);
        let drifted = relaxed * 5e4f64.powf(-0.05);
        let retained = drifted.min(1e-6 + (drifted - 1e-6) * (-0.5f64).exp());
        let disturbed = 40e-6 + (retained - 40e-6) * (-0.1f64).exp();
        1e-6 + (disturbed - 1e-6) * ((40e-6 * 0.75 - 1e-6) / 39e-6)
    };
    for (found, written) in aged(&ageing, &conditions, &row()).into_iter().zip(row()) {
        let expected = expected(written.into());
        // Six effects, each rounded to f32.
        assert!((f64::from(found) / expected - 1.0).abs() < 6.0 * ROUNDING, "{written}: {found} {expected}");
    }
}

#[test]
fn no_effect_or_none_of_it_leaves_every_bit() {
    let flat = |mean, deviation| Relaxation::new((1.0, DAY), mean, deviation).unwrap();
    let zero = || LogTimeCurve::constant(0.0, 0.0).unwrap();
    let worn = Conditions { elapsed_secs: 1e4, kelvin: 350.0, reads: 1_000_000, cycles: 1_000_000 };
    let range = (300.0, 400.0);
    for ageing in [
        Ageing::NONE,
        Ageing::NONE.with_relaxation(flat(zero(), zero())),
        Ageing::NONE.with_relaxation(flat(LogTimeCurve::ZERO, LogTimeCurve::ZERO)),
        Ageing::NONE.with_drift(Drift::new(0.0, 0.0, 1.0).unwrap()),
        Ageing::NONE.with_retention(Retention::new(1e30, 300.0, 0.0, range).unwrap()),
        Ageing::NONE.with_read_disturb(ReadDisturb::new(DisturbEnd::GOn, 0.0, 0.3, 0.1, (0.0, 1.0)).unwrap()),
        Ageing::NONE.with_temperature(TemperatureCoefficient::new(0.0, 300.0, range).unwrap()),
        // Of the largest endurance and exponent a million cycles take nothing that an f64 holds.
        Ageing::NONE.with_endurance(Endurance::new(1e15, 300.0, 0.0, 100.0, range).unwrap()),
    ] {
        assert_eq!(aged(&ageing, &worn, &row()), row(), "{ageing:?}");
    }
    let all = Ageing::NONE
        .with_endurance(topar())
        .with_relaxation(neurram())
        .with_drift(Drift::new(0.05, 0.02, 1.0).unwrap())
        .with_retention(Retention::new(1e5, 350.0, 1.0, range).unwrap())
        .with_read_disturb(ReadDisturb::new(DisturbEnd::GOff, 1e-3, 0.3, 0.1, (0.0, 1.0)).unwrap())
        .with_temperature(TemperatureCoefficient::new(-0.005, 300.0, range).unwrap());
    assert_eq!(aged(&all, &Conditions::FRESH, &row()), row());
    assert_ne!(aged(&all, &after(10.0), &row()), row());
}

#[test]
fn a_zero_deviation_draws_nothing_that_shows() {
    // The same curve with a deviation of 0: its mean, to the bit.
    let mean = || LogTimeCurve::constant(1e-6, 0.2e-6).unwrap();
    let without = Relaxation::new((1.0, DAY), mean(), LogTimeCurve::ZERO).unwrap();
    // Zero at 4 µS and below, since the fit starts there.
    let sigma = LogTimeCurve::new(1e-6, 1e-6, (4e-6, 40e-6), &[-4.0, 1.0], &[]).unwrap();
    let with = Relaxation::new((1.0, DAY), mean(), sigma).unwrap();
    let written = [3e-6; 100];
    assert_eq!(
        aged(&Ageing::NONE.with_relaxation(without), &after(5.0), &written),
        aged(&Ageing::NONE.with_relaxation(with), &after(5.0), &written),
    );
}

#[test]
fn streams_are_independent_and_keep_their_prefix() {
    let relaxation = Ageing::NONE.with_relaxation(neurram());
    let both = relaxation.clone().with_drift(Drift::new(0.05, 0.0, 1.0).unwrap());
    let written: Vec<f32> = (0..1000).map(|i| 20e-6 + i as f32 * 1e-8).collect();
    // Drift scales what relaxation left.
    let factor = 100f64.powf(-0.05);
    let relaxed = aged(&relaxation, &after(100.0), &written);
    for (relaxed, both) in relaxed.iter().zip(aged(&both, &after(100.0), &written)) {
        assert!((f64::from(both) / (f64::from(*relaxed) * factor) - 1.0).abs() < 2.0 * ROUNDING);
    }
    // Cell i takes draw i of one fill of its stream.
    let law = neurram();
    let deviations: Vec<f32> = written.iter().map(|&g| law.deviation(g.into(), 100.0) as f32).collect();
    let mut draws = written.clone();
    Key::from(7).stream(Purpose::Relaxation, [3, 2, 0]).fill_truncated_normals(&mut draws, &deviations);
    assert_eq!(relaxed, draws);
    // A longer word line, or the same at another place.
    let both = relaxation.with_drift(Drift::new(0.05, 0.02, 1.0).unwrap());
    for length in [1, 31, 32, 33, 127, 128, 129, 500] {
        let short = aged(&both, &after(100.0), &written[..length]);
        assert_eq!(short, aged(&both, &after(100.0), &written)[..length]);
        assert_ne!(short, aged_at(&both, &after(100.0), [3, 2, 1], &written[..length]));
    }
    // Relaxation and drift of one cell are uncorrelated: deviation 1/√n, 3.3 of them.
    let drift = Ageing::NONE.with_drift(Drift::new(0.0, 0.02, 1.0).unwrap());
    let relaxation = Ageing::NONE.with_relaxation(neurram());
    let n = (500 * WORD_LINES) as f64;
    let z = |ageing: &Ageing| -> Vec<f64> {
        let cells = population(ageing, &after(100.0), 30e-6);
        let mean = cells.iter().sum::<f64>() / n;
        let deviation = (cells.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / n).sqrt();
        cells.into_iter().map(|g| (g - mean) / deviation).collect()
    };
    let correlation = z(&relaxation).iter().zip(z(&drift)).map(|(a, b)| a * b).sum::<f64>() / n;
    assert!(correlation.abs() < 3.3 / n.sqrt(), "{correlation}");
}

#[test]
fn conditions_outside_a_fit_are_refused() {
    let under = |ageing: Ageing, conditions, volts| ageing.check_conditions(&conditions, WINDOW, volts);
    let real = |result: Result<()>, at: f64, low: f64, high: f64| match result.unwrap_err() {
        Error::Real { value, min, max, .. } => {
            assert!(value == at && (min - low).abs() < 1e-18 && max == high, "{value} {min} {max}");
        }
        error => panic!("{error}"),
    };
    let relaxation = Ageing::NONE.with_relaxation(neurram());
    real(under(relaxation, after(DAY + 1.0), 0.2), DAY + 1.0, 0.0, DAY);
    let hot = |kelvin| Conditions { elapsed_secs: 1.0, kelvin, reads: 1, cycles: 1 };
    real(under(Ageing::NONE.with_endurance(topar()), hot(381.0), 0.2), 381.0, 300.0, 380.0);
    let retention = Ageing::NONE.with_retention(Retention::new(1e6, 350.0, 1.2, (310.0, 420.0)).unwrap());
    real(under(retention, hot(300.0), 0.2), 300.0, 310.0, 420.0);
    let disturb = ReadDisturb::new(DisturbEnd::GOn, 1e-9, 0.3, 0.05, (0.1, 0.5)).unwrap();
    let disturb = Ageing::NONE.with_read_disturb(disturb);
    real(under(disturb.clone(), hot(300.0), 0.6), 0.6, 0.1, 0.5);
    assert!(under(disturb, hot(300.0), f64::NAN).is_err());
    let coefficient = |range| TemperatureCoefficient::new(-0.005, 300.0, range).unwrap();
    let coefficient = |range| Ageing::NONE.with_temperature(coefficient(range));
    real(under(coefficient((300.0, 400.0)), hot(401.0), 0.2), 401.0, 300.0, 400.0);
    // At 500 K g_on would be 0 S, below g_off.
    real(under(coefficient((300.0, 600.0)), hot(500.0), 0.2), 0.0, 1e-6, f64::MAX);
    // What does nothing checks nothing.
    assert!(under(Ageing::NONE.with_endurance(topar()), Conditions { cycles: 0, ..hot(400.0) }, 0.2).is_ok());
    let open = Ageing::NONE.with_endurance(topar()).check((0.0, 40e-6));
    assert!(matches!(open, Err(Error::Conflict { first: "endurance", .. })));
}
