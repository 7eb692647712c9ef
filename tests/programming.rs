//! Everything drawn per die or per write, against closed forms and independent simulations, at
//! α = 0.001 with fixed seeds.

mod common;

use std::sync::Arc;

use common::{assert_chi_square, assert_follows, ideal_cell, ks_limit};
use forms_xbar::device::{
    CellModel, DeviceSpread, FailedCell, LineState, Polynomial, SmoothField, StuckLines, WritePulses,
    WriteVerify,
};
use forms_xbar::key::Stream;
use forms_xbar::{
    Adc, Baseline, Cell, Design, DesignBuilder, Die, Error, Key, LevelMap, Mapping, Programming, StuckCells,
    Weights,
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use rand_distr::{Distribution, StandardNormal};
use statrs::distribution::{ContinuousCDF, LogNormal, Normal};

/// Word lines and bit lines of the one array that the tests program.
const SIDE: usize = 1000;
const CELLS: usize = SIDE * SIDE;

/// Standard deviations that α = 0.001 is, on two sides.
const Z: f64 = 3.2905;

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Asserts that the mean of independent `values` is `expected`, by their own spread.
fn assert_mean(values: &[f64], expected: f64) {
    let (mean, n) = (mean(values), values.len() as f64);
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let limit = Z * (variance / n).sqrt();
    assert!((mean - expected).abs() < limit, "mean {mean}, expected {expected} ± {limit}");
}

fn builder(cell: Cell, (rows, columns): (usize, usize)) -> DesignBuilder {
    DesignBuilder::new(Mapping::Polarized { fragment: 8 }, cell, Adc::granular(5)).array(rows, columns)
}

fn design(cell: Cell) -> Design {
    builder(cell, (SIDE, SIDE)).build().unwrap()
}

/// One array of cells that all have this level of 3.
fn die(cell: Cell, level: i32, key: u128) -> Die {
    let weights = Weights::full_magnitude_from_row_slice(SIDE, SIDE, 2, &vec![level; CELLS]).unwrap();
    design(cell).program_keyed(&weights, Key::from(key)).unwrap()
}

fn siemens(die: &Die) -> Vec<f64> {
    die.conductances().flat_map(|array| array.as_row_slice().to_vec()).map(f64::from).collect()
}

fn programmed(programming: Programming, level: i32) -> Vec<f64> {
    siemens(&die(ideal_cell(2).with_programming(programming), level, 7))
}

/// `ln` of what the spread multiplies every cell of an array by.
fn logs(spread: DeviceSpread, key: u128) -> Vec<f64> {
    siemens(&die(ideal_cell(2).with_device_spread(spread), 3, key))
        .into_iter()
        .map(|g| (g / 100e-6).ln())
        .collect()
}

fn truncated_cdf(mean: f64, deviation: f64) -> impl Fn(f64) -> f64 {
    let normal = Normal::new(mean, deviation).unwrap();
    let below = normal.cdf(0.0);
    move |g| (normal.cdf(g) - below) / (1.0 - below)
}

#[test]
fn lognormal_preserves_the_median_or_the_mean() {
    let sigma = 0.3;
    let shift = sigma * sigma / 2.0;
    for (programming, median) in [
        (Programming::Lognormal { sigma }, 67e-6),
        (Programming::LognormalMean { sigma }, 67e-6 * (-shift).exp()),
    ] {
        let cells = programmed(programming, 2);
        assert_mean(&cells, median * shift.exp());
        let cdf = LogNormal::new(median.ln(), sigma).unwrap();
        assert_follows(cells, |g| cdf.cdf(g));
    }
}

#[test]
fn state_dependent_sigma_is_taken_at_the_target() {
    // 0.2 µS + 0.05 G below 60 µS, constant above: 0.25, 1.9, 3.2, 3.2 µS.
    let curve = Polynomial::new(1e-6, 1e-6, (0.5e-6, 60e-6), &[0.2, 0.05]).unwrap();
    for (level, target, deviation) in [(0, 1e-6, 0.25e-6), (1, 34e-6, 1.9e-6), (3, 100e-6, 3.2e-6)] {
        let cells = programmed(Programming::StateDependent { sigma_siemens: curve.clone() }, level);
        assert_follows(cells, truncated_cdf(target, deviation));
    }
}

#[test]
fn a_table_gives_every_level_its_moments() {
    let table = Programming::Table {
        mean_siemens: vec![2e-6, 30e-6, 70e-6, 95e-6],
        sigma_siemens: vec![3e-6, 0.0, 5e-6, 60e-6],
    };
    for (level, target, deviation) in [(0, 2e-6, 3e-6), (2, 70e-6, 5e-6), (3, 95e-6, 60e-6)] {
        let cells = programmed(table.clone(), level);
        // μ + σ φ(μ/σ) / Φ(μ/σ).
        let ratio: f64 = target / deviation;
        let density = (-0.5 * ratio * ratio).exp() / (2.0 * std::f64::consts::PI).sqrt();
        assert_mean(&cells, target + deviation * density / Normal::new(0.0, 1.0).unwrap().cdf(ratio));
        assert_follows(cells, truncated_cdf(target, deviation));
    }
    assert!(programmed(table, 1).iter().all(|&g| g == f64::from(30e-6f32)));
}

#[test]
fn samples_come_with_equal_probability() {
    let measured: Vec<f64> = (0..7).map(|i| 90e-6 + f64::from(i) * 1e-6).collect();
    let programming =
        Programming::Samples { siemens: vec![vec![1e-6], vec![34e-6], vec![67e-6], measured.clone()] };
    let cells = programmed(programming.clone(), 3);
    let observed: Vec<f64> = measured
        .iter()
        .map(|&sample| cells.iter().filter(|&&g| (g - sample).abs() < 1e-9).count() as f64)
        .collect();
    assert_eq!(observed.iter().sum::<f64>(), CELLS as f64);
    assert_chi_square(&observed, &[CELLS as f64 / 7.0; 7]);
    // Neighbours are independent.
    let centred: Vec<f64> = cells.iter().map(|g| (g - 93e-6) / 2e-6).collect();
    assert_mean(&centred.windows(2).map(|pair| pair[0] * pair[1]).collect::<Vec<_>>(), 0.0);
    assert!(programmed(programming, 0).iter().all(|&g| g == f64::from(1e-6f32)));
}

#[test]
fn write_verify_agrees_with_a_loop_over_one_cell() {
    let (window, step, growth, noise, most) = (2e-6, 5e-6, 1.2, 0.5, 12);
    let verify = WriteVerify::new(window, step, most)
        .and_then(|verify| verify.with_growth(growth))
        .and_then(|verify| verify.with_pulse_noise(noise))
        .unwrap()
        .with_pulses(WritePulses::new(1.0, 2.0, 0.5, 1e-7).unwrap());
    let die = die(ideal_cell(2).with_programming(Programming::WriteVerify(verify)), 1, 7);
    let report = die.write_report();

    // The same loop with another generator, one cell after the other.
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let (mut cells, mut pulses, mut failures, mut joules) = (vec![], vec![], vec![], vec![]);
    for _ in 0..CELLS / 5 {
        let (mut g, mut last, mut run, mut count, mut energy) = (1e-6, 0.0, 0, 0, 0.0);
        while f64::abs(g - 34e-6) > window && count < most {
            let sign = f64::signum(34e-6 - g);
            run = if sign == last { run + 1 } else { 0 };
            last = sign;
            let volts = if sign > 0.0 { 1.0 } else { 2.0 } + 0.5 * f64::from(run);
            energy += volts * volts * g * 1e-7;
            let z: f64 = StandardNormal.sample(&mut rng);
            g = f64::max(0.0, g + sign * step * growth.powi(run) * (1.0 + noise * z));
            count += 1;
        }
        cells.push(g);
        pulses.push(f64::from(count));
        failures.push(f64::from(u8::from(f64::abs(g - 34e-6) > window)));
        joules.push(energy * 1e12);
    }
    // Our million against the oracle's spread; a fifth of the cells makes it 1.1 times as wide.
    assert_mean(&pulses, report.mean_pulses());
    assert_mean(&failures, 1.0 - report.success_rate());
    assert_mean(&joules, report.joules() / CELLS as f64 * 1e12);
    assert!(mean(&failures) > 1e-3);

    let ours = siemens(&die);
    let failed: Vec<FailedCell> = report.failed().to_vec();
    let outside: Vec<usize> = (0..CELLS).filter(|&i| (ours[i] - 34e-6).abs() > window * 1.000_001).collect();
    assert_eq!(
        failed
            .iter()
            .map(|cell| cell.row as usize * SIDE + cell.column.unwrap() as usize)
            .collect::<Vec<_>>(),
        outside
    );
    assert!(failed.iter().all(|cell| cell.array == 0));

    // Two samples of the same distribution.
    let (mut ours, mut theirs) = (ours, cells);
    ours.sort_unstable_by(f64::total_cmp);
    theirs.sort_unstable_by(f64::total_cmp);
    let distance = theirs
        .iter()
        .enumerate()
        .map(|(i, &g)| {
            let below = ours.partition_point(|&x| x <= g) as f64 / ours.len() as f64;
            (below - (i + 1) as f64 / theirs.len() as f64).abs()
        })
        .fold(0.0, f64::max);
    assert!(distance < ks_limit(CELLS as f64 / 6.0), "{distance}");
}

#[test]
fn a_verified_write_reports_its_arrays_and_dummy_cells() {
    // A window that no pulse can hit: every cell above level 0 fails after all pulses.
    let verify = WriteVerify::new(1e-9, 30e-6, 4).unwrap();
    let cell = ideal_cell(2).with_programming(Programming::WriteVerify(verify));
    let design = builder(cell, (8, 2)).baseline(Baseline::DummyColumn).build().unwrap();
    let weights = Weights::full_magnitude_from_row_slice(16, 2, 2, &[1; 32]).unwrap();
    let die = design.program_keyed(&weights, Key::from(1)).unwrap();
    let report = die.write_report();
    // Dummy cells are at level 0, where a write starts.
    assert_eq!((report.cells(), report.pulses(), report.failed().len()), (48, 128, 32));
    assert_eq!(report.joules(), 0.0);
    assert_eq!(report.failed()[31].array, 1);
    assert_eq!((report.failed()[31].row, report.failed()[31].column), (7, Some(1)));
}

/// `G = target · (1 + span · (u − ½))`.
#[derive(Debug)]
struct Uniform {
    version: u32,
    span: f64,
}

impl CellModel for Uniform {
    fn id(&self) -> &str {
        "uniform"
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn write(&self, target: f64, _: &LevelMap, draws: &mut Stream) -> f64 {
        target * (1.0 + self.span * (draws.uniform() - 0.5))
    }
}

fn model(version: u32, span: f64) -> Programming {
    Programming::Model(Arc::new(Uniform { version, span }))
}

#[test]
fn a_users_model_draws_from_a_stream_per_cell() {
    let cells = programmed(model(1, 0.2), 3);
    let centred: Vec<f64> = cells.iter().map(|g| (g / 100e-6 - 1.0) / 0.2).collect();
    assert_mean(&centred.windows(2).map(|pair| pair[0] * pair[1]).collect::<Vec<_>>(), 0.0);
    assert_mean(&(0..CELLS - SIDE).map(|i| centred[i] * centred[i + SIDE]).collect::<Vec<_>>(), 0.0);
    assert_follows(centred, |u| u + 0.5);
    // Designs are equal when their models say so.
    let design = |programming| design(ideal_cell(2).with_programming(programming));
    assert_eq!(design(model(1, 0.2)), design(model(1, 0.3)));
    assert_ne!(design(model(1, 0.2)), design(model(2, 0.2)));
    // Below 0 S.
    let weights = Weights::full_magnitude_from_row_slice(8, 8, 2, &[3; 64]).unwrap();
    let error = design(model(1, 4.0)).program_keyed(&weights, Key::from(1)).unwrap_err();
    assert!(matches!(error, Error::Conductance { array: 0, siemens, .. } if siemens < 0.0), "{error}");
}

#[cfg(feature = "serde")]
#[test]
fn a_users_model_cannot_be_serialised() {
    let error = serde_json::to_string(&design(ideal_cell(2).with_programming(model(3, 0.2)))).unwrap_err();
    assert_eq!(error.to_string(), "cell model \"uniform\" (version 3) cannot be serialised");
    let error = serde_json::from_str::<Programming>(r#"{"model": null}"#).unwrap_err();
    assert!(error.to_string().contains("model"), "{error}");
}

#[cfg(feature = "serde")]
#[test]
fn settings_come_back_and_only_through_their_checks() {
    let field = SmoothField::new(0.1, 20.0).unwrap();
    let cell = ideal_cell(2)
        .with_device_spread(DeviceSpread::new(0.1).unwrap().with_bit_lines(0.2).unwrap().with_field(field))
        .with_stuck_lines(StuckLines::new(0.1, 0.2, LineState::StuckOff).unwrap());
    let curve = Polynomial::constant(1e-6).unwrap();
    let per_level = || vec![1e-6, 2e-6, 3e-6, 4e-6];
    for programming in [
        Programming::LognormalMean { sigma: 0.1 },
        Programming::StateDependent { sigma_siemens: curve },
        Programming::Table { mean_siemens: per_level(), sigma_siemens: per_level() },
        Programming::Samples { siemens: vec![per_level(); 4] },
        Programming::WriteVerify(WriteVerify::NEURRAM),
    ] {
        let design = design(cell.clone().with_programming(programming));
        let text = serde_json::to_string(&design).unwrap();
        assert_eq!(serde_json::from_str::<Design>(&text).unwrap(), design, "{text}");
    }
    let refused = |text: String, names: &str| {
        let error = serde_json::from_str::<Cell>(&text).unwrap_err().to_string();
        assert!(error.contains(names), "{error}");
    };
    let text = serde_json::to_string(&cell.with_programming(Programming::WriteVerify(WriteVerify::NEURRAM)))
        .unwrap();
    refused(text.replace("\"growth\":1.1", "\"growth\":0.9"), "growth of write pulses is 0.9");
    refused(
        text.replace("\"bit_line_sigma\":0.2", "\"bit_line_sigma\":-1"),
        "device spread sigma of bit lines is -1",
    );
    refused(text.replace("\"correlation_cells\":20.0", "\"correlation_cells\":0"), "correlation length");
    refused(text.replace("\"bit_line_rate\":0.2", "\"bit_line_rate\":2"), "broken bit line rate is 2");
    refused(text.replace("stuck_off\"", "melted\""), "melted");
    refused(text.replace("\"pulse_secs\"", "\"surprise\":1,\"pulse_secs\""), "surprise");
}

#[test]
fn settings_that_do_not_fit_the_levels_are_refused_when_a_design_is_built() {
    let curve = |coefficients: &[f64]| Polynomial::new(1e-6, 1e-6, (0.0, 1.0), coefficients).unwrap();
    for (programming, names) in [
        (Programming::LognormalMean { sigma: -0.1 }, "programming sigma is -0.1"),
        (
            Programming::StateDependent { sigma_siemens: curve(&[1.0, -0.02]) },
            "programming sigma at a level (S)",
        ),
        (
            Programming::Table { mean_siemens: vec![1e-6; 3], sigma_siemens: vec![1e-6; 3] },
            "levels of the programming table has length 3, but must have 4",
        ),
        (
            Programming::Table { mean_siemens: vec![1e-6; 4], sigma_siemens: vec![1e-6; 3] },
            "sigmas of the programming table has length 3",
        ),
        (
            Programming::Table { mean_siemens: vec![1e-6; 4], sigma_siemens: vec![f64::NAN; 4] },
            "sigma of the programming table (S) is NaN",
        ),
        (
            Programming::Table { mean_siemens: vec![-1e-6; 4], sigma_siemens: vec![0.0; 4] },
            "mean of the programming table (S) is -0.000001",
        ),
        (
            Programming::Samples { siemens: vec![vec![1e-6]; 5] },
            "levels of the programming samples has length 5",
        ),
        (Programming::Samples { siemens: vec![vec![]; 4] }, "programming samples of a level is 0"),
        (Programming::Samples { siemens: vec![vec![-1.0]; 4] }, "programming sample (S) is -1"),
    ] {
        let cell = ideal_cell(2).with_programming(programming);
        let error = builder(cell, (8, 8)).build().unwrap_err();
        assert!(error.to_string().contains(names), "{error}");
    }
}

#[test]
fn spread_of_cells_is_lognormal_and_independent() {
    let spread = DeviceSpread::new(0.2).unwrap();
    let logs = logs(spread, 7);
    assert_mean(&logs.windows(2).map(|pair| pair[0] * pair[1]).collect::<Vec<_>>(), 0.0);
    assert_mean(&(0..CELLS - SIDE).map(|i| logs[i] * logs[i + SIDE]).collect::<Vec<_>>(), 0.0);
    let normal = Normal::new(0.0, 0.2).unwrap();
    assert_follows(logs, |x| normal.cdf(x));
}

#[test]
fn spread_of_bit_lines_is_common_to_their_cells() {
    let spread = DeviceSpread::new(0.0).unwrap().with_bit_lines(0.2).unwrap();
    let mut lines = Vec::new();
    for key in 0..20 {
        let logs = logs(spread, key);
        assert!(logs.chunks_exact(SIDE).all(|row| row == &logs[..SIDE]));
        lines.extend_from_slice(&logs[..SIDE]);
    }
    assert_mean(&lines.windows(2).map(|pair| pair[0] * pair[1]).collect::<Vec<_>>(), 0.0);
    let normal = Normal::new(0.0, 0.2).unwrap();
    assert_follows(lines, |x| normal.cdf(x));

    // With an independent part of the same deviation cells of a line correlate by ½, others not.
    let both = logs(DeviceSpread::new(0.2).unwrap().with_bit_lines(0.2).unwrap(), 7);
    let correlation = |shift: usize| {
        // One estimate per bit line, which are independent.
        (0..SIDE - shift)
            .map(|column| {
                let product =
                    |row: usize| both[row * SIDE + column] * both[(row + 1) * SIDE + column + shift];
                (0..SIDE - 1).map(product).sum::<f64>() / (SIDE - 1) as f64 / 0.08
            })
            .collect::<Vec<_>>()
    };
    assert_mean(&correlation(0), 0.5);
    assert_mean(&correlation(1), 0.0);
}

#[test]
fn the_smooth_field_is_normal_and_correlates_as_it_says() {
    let field = |length| DeviceSpread::NONE.with_field(SmoothField::new(0.2, length).unwrap());
    // Cells ten correlation lengths apart are independent.
    let mut apart = Vec::new();
    for key in 0..5 {
        let logs = logs(field(2.0), key);
        let places = (0..SIDE / 20).flat_map(|row| (0..SIDE / 20).map(move |column| (row * 20, column * 20)));
        // From another corner in every die: the marginal is the same at every place of the lattice.
        apart.extend(places.map(|(row, column)| logs[(row + key as usize) * SIDE + column + key as usize]));
    }
    let normal = Normal::new(0.0, 0.2).unwrap();
    assert_follows(apart, |x| normal.cdf(x));

    let length = 4.5;
    let dies: Vec<Vec<f64>> = (0..8).map(|key| logs(field(length), 100 + key)).collect();
    for (down, right) in [(0, 0), (0, 1), (1, 0), (3, 0), (0, 4), (3, 3), (6, 2), (9, 0), (0, 14), (20, 20)] {
        // Strips of 50 word lines, eleven correlation lengths, are as good as independent.
        let strips: Vec<f64> = dies
            .iter()
            .flat_map(|logs| {
                (0..SIDE / 50 - 1).map(move |strip| {
                    let rows = strip * 50..strip * 50 + 50;
                    let cells = rows.flat_map(|row| (0..SIDE - right).map(move |column| row * SIDE + column));
                    let products = cells.map(|cell| logs[cell] * logs[cell + down * SIDE + right] / 0.04);
                    products.sum::<f64>() / (50 * (SIDE - right)) as f64
                })
            })
            .collect();
        let squared = (down * down + right * right) as f64;
        assert_mean(&strips, (-squared / (2.0 * length * length)).exp());
    }
}

#[test]
fn parts_of_the_spread_add_up_and_share_no_draw() {
    let field = SmoothField::new(0.1, 30.0).unwrap();
    let (cells, lines) = (DeviceSpread::new(0.1).unwrap(), DeviceSpread::NONE.with_bit_lines(0.1).unwrap());
    let parts = [cells, lines, DeviceSpread::NONE.with_field(field)].map(|spread| logs(spread, 7));
    let all = logs(cells.with_bit_lines(0.1).unwrap().with_field(field), 7);
    for i in 0..CELLS {
        let sum = parts[0][i] + parts[1][i] + parts[2][i];
        assert!((all[i] - sum).abs() < 1e-6, "{i}: {} {sum}", all[i]);
    }
}

#[test]
fn effects_leave_each_others_draws_alone() {
    let noisy = || ideal_cell(2).with_programming(Programming::Lognormal { sigma: 0.1 });
    let plain = siemens(&die(noisy(), 3, 7));
    // Spread multiplies, error for error.
    let spread = DeviceSpread::new(0.1).unwrap().with_bit_lines(0.1).unwrap();
    let spread_alone = logs(spread, 7);
    let both = siemens(&die(noisy().with_device_spread(spread), 3, 7));
    for i in 0..CELLS {
        assert!((both[i] / (plain[i] * spread_alone[i].exp()) - 1.0).abs() < 1e-6);
    }
    // Faults overwrite the cells they hit and no other.
    let stuck = StuckCells::new(0.01, 0.02).unwrap();
    let lines = StuckLines::new(0.01, 0.02, LineState::Open).unwrap();
    let faulty = siemens(&die(noisy().with_stuck_cells(stuck).with_stuck_lines(lines), 3, 7));
    let moved = (0..CELLS).filter(|&i| faulty[i] != plain[i]).count() as f64 / CELLS as f64;
    assert!((moved - (1.0 - 0.97 * 0.99 * 0.98)).abs() < 0.02, "{moved}");
    let fault = |g: f64| [0.0, f64::from(1e-6f32), f64::from(100e-6f32)].contains(&g);
    assert!((0..CELLS).all(|i| faulty[i] == plain[i] || fault(faulty[i])));
    // With and without lines the same cells are stuck.
    let stuck_alone = siemens(&die(noisy().with_stuck_cells(stuck), 3, 7));
    assert!((0..CELLS).all(|i| faulty[i] == stuck_alone[i] || faulty[i] == 0.0));
}

#[test]
fn whole_lines_break_at_their_rates_with_geometric_gaps() {
    let (word_rate, bit_rate) = (0.03, 0.07);
    let lines = StuckLines::new(word_rate, bit_rate, LineState::Open).unwrap();
    // A tall array tells word lines, a wide one bit lines; both of a die.
    let (mut broken, mut gaps) = ([0.0; 2], [vec![0.0; 25], vec![0.0; 25]]);
    let dies = 40;
    for key in 0..dies {
        let cells = siemens(&die(ideal_cell(2).with_stuck_lines(lines), 1, key));
        let row = |row: usize| cells[row * SIDE..][..SIDE].iter().all(|&g| g == 0.0);
        let column = |column: usize| (0..SIDE).all(|row| cells[row * SIDE + column] == 0.0);
        let rows: Vec<usize> = (0..SIDE).filter(|&line| row(line)).collect();
        let columns: Vec<usize> = (0..SIDE).filter(|&line| column(line)).collect();
        // No other cell is hit.
        let open = cells.iter().filter(|&&g| g == 0.0).count();
        assert_eq!(open, CELLS - (SIDE - rows.len()) * (SIDE - columns.len()));
        for (direction, lines) in [rows, columns].iter().enumerate() {
            broken[direction] += lines.len() as f64;
            for pair in lines.windows(2) {
                gaps[direction][(pair[1] - pair[0] - 1).min(24)] += 1.0;
            }
        }
    }
    for (direction, rate) in [word_rate, bit_rate].into_iter().enumerate() {
        let n = dies as f64 * SIDE as f64;
        assert_chi_square(&[broken[direction], n - broken[direction]], &[n * rate, n * (1.0 - rate)]);
        let total: f64 = gaps[direction].iter().sum();
        let share = |gap: i32| if gap < 24 { (1.0 - rate).powi(gap) * rate } else { (1.0 - rate).powi(24) };
        assert_chi_square(&gaps[direction], &(0..25).map(|gap| share(gap) * total).collect::<Vec<_>>());
    }
}

#[test]
fn a_broken_word_line_is_broken_for_the_dummy_column_too() {
    for (state, siemens) in
        [(LineState::Open, 0.0), (LineState::StuckOff, 1e-6f32), (LineState::StuckOn, 100e-6f32)]
    {
        let lines = StuckLines::new(0.2, 0.0, state).unwrap();
        // Every other cell is elsewhere.
        let programming = Programming::NormalRelative { sigma: 0.01 };
        let cell = ideal_cell(2).with_stuck_lines(lines).with_programming(programming);
        let design = builder(cell, (SIDE, 8)).baseline(Baseline::DummyColumn).build().unwrap();
        let weights = Weights::full_magnitude_from_row_slice(SIDE, 8, 2, &vec![1; SIDE * 8]).unwrap();
        let die = design.program_keyed(&weights, Key::from(1)).unwrap();
        let array = die.conductances().next().unwrap();
        let mut broken = 0;
        for (row, &dummy) in array.as_row_slice().chunks_exact(8).zip(array.dummy_column().unwrap()) {
            let hit = row.iter().all(|&g| g == siemens);
            assert_eq!(hit, dummy == siemens);
            broken += usize::from(hit);
        }
        assert!((150..250).contains(&broken), "{broken}");
    }
}

#[test]
fn a_broken_line_overrides_stuck_cells() {
    let lines = StuckLines::new(0.05, 0.1, LineState::Open).unwrap();
    let cell = ideal_cell(2).with_stuck_cells(StuckCells::new(1.0, 0.0).unwrap()).with_stuck_lines(lines);
    let cells = siemens(&die(cell, 1, 7));
    let open = siemens(&die(ideal_cell(2).with_stuck_lines(lines), 1, 7));
    assert!((0..CELLS).all(|i| if open[i] == 0.0 {
        cells[i] == 0.0
    } else {
        cells[i] == f64::from(100e-6f32)
    }));
}

#[test]
fn nothing_is_drawn_where_nothing_varies() {
    let field = SmoothField::new(0.0, 10.0).unwrap();
    let cell = || {
        ideal_cell(2)
            .with_device_spread(DeviceSpread::new(0.0).unwrap().with_field(field))
            .with_stuck_lines(StuckLines::new(0.0, 0.0, LineState::Open).unwrap())
    };
    let silent = WriteVerify::new(1e-6, 2e-6, 100).unwrap();
    let one_each = Programming::Samples { siemens: vec![vec![1e-6], vec![30e-6], vec![60e-6], vec![90e-6]] };
    let table =
        Programming::Table { mean_siemens: vec![1e-6, 2e-6, 3e-6, 4e-6], sigma_siemens: vec![0.0; 4] };
    for programming in [
        Programming::Exact,
        Programming::LognormalMean { sigma: 0.0 },
        Programming::StateDependent { sigma_siemens: Polynomial::constant(0.0).unwrap() },
        Programming::WriteVerify(silent),
        one_each,
        table,
    ] {
        let cell = cell().with_programming(programming.clone());
        assert!(!cell.is_drawn(), "{programming:?}");
        assert_eq!(siemens(&die(cell.clone(), 2, 1)), siemens(&die(cell, 2, 2)), "{programming:?}");
    }
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let weights = Weights::full_magnitude_from_row_slice(8, 1, 2, &[1; 8]).unwrap();
    design(cell()).program(&weights, &mut rng).unwrap();
    assert_eq!(rng.random::<u64>(), ChaCha8Rng::seed_from_u64(1).random::<u64>());
}

#[test]
fn write_verify_gives_up_on_stuck_cells_that_are_off_target() {
    // Level 1 of 3 is 34 µS; stuck cells are at 1 or 100 µS.
    let pulses = WritePulses::new(1.0, 1.0, 0.0, 1e-6).unwrap();
    let verify = WriteVerify::new(1e-6, 2e-6, 30).unwrap().with_pulses(pulses);
    let cell = ideal_cell(2).with_programming(Programming::WriteVerify(verify));
    let die = |cell: Cell, level: i32| {
        let weights = Weights::full_magnitude_from_row_slice(8, 4, 2, &[level; 32]).unwrap();
        builder(cell, (8, 4)).build().unwrap().program_keyed(&weights, Key::from(1)).unwrap()
    };
    for (on, level, joules_each) in [(1.0, 1, 100e-12), (0.0, 1, 1e-12), (1.0, 3, 0.0), (0.0, 0, 0.0)] {
        let stuck = cell.clone().with_stuck_cells(StuckCells::new(on, 1.0 - on).unwrap());
        let report = die(stuck, level).write_report().clone();
        let failed = if joules_each > 0.0 { 32 } else { 0 };
        assert_eq!((report.failed().len(), report.pulses()), (failed, 30 * failed as u64), "{on} {level}");
        // 30 pulses of 1 V and 1 µs into 100 or 1 µS.
        assert!((report.joules() - 30.0 * 32.0 * joules_each).abs() < 1e-6 * report.joules().max(1e-30));
    }
    // Cells that are not stuck take as many pulses as without faults.
    let sound = die(cell.clone(), 1);
    let some = die(cell.with_stuck_cells(StuckCells::new(0.5, 0.0).unwrap()), 1);
    let each = sound.write_report().pulses() / 32;
    let failed = some.write_report().failed().len() as u64;
    assert!((5..28).contains(&failed));
    assert_eq!(some.write_report().pulses(), 30 * failed + each * (32 - failed));
}

#[test]
fn an_energy_that_no_counter_holds_is_refused() {
    let cell = Cell::new(LevelMap::linear(2, 1e31, 1e33).unwrap())
        .with_programming(Programming::WriteVerify(WriteVerify::NEURRAM));
    let weights = Weights::full_magnitude_from_row_slice(8, 1, 2, &[3; 8]).unwrap();
    let error = builder(cell, (8, 1)).build().unwrap().program_keyed(&weights, Key::from(1)).unwrap_err();
    assert!(matches!(error, Error::Real { name: "energy of writing a word line (J)", .. }), "{error}");
}
