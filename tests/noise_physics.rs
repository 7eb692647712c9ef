//! Read noise from the settings to the result: white, of word lines, telegraph and 1/f, against closed
//! forms and published points. α = 0.001, fixed seeds.

mod common;

use common::product;
use forms_xbar::device::{
    Conditions, Flicker, FlickerAmplitude, IvCurve, Persistence, Telegraph, TelegraphAmplitude, WhiteLaw,
    WhiteNoise,
};
use forms_xbar::{
    Adc, Baseline, Cell, Dac, DesignBuilder, Die, Key, LevelMap, Mapping, ReadNoise, Subtraction, Weights,
};
use rand::{SeedableRng, rngs::ChaCha8Rng};
use statrs::distribution::{ChiSquared, ContinuousCDF, LogNormal, Normal};

const BOLTZMANN: f64 = 1.380649e-23;
const CHARGE: f64 = 1.602176634e-19;

/// Standard deviations that α = 0.001 is, on two sides.
const Z: f64 = 3.2905;

/// Levels of 40, 60, 80 and 100 µS: what a cell at level 0 adds shows.
const STEP: f64 = 20e-6;

fn siemens(level: i32) -> f64 {
    40e-6 + STEP * f64::from(level)
}

fn leaky_cell() -> Cell {
    Cell::new(LevelMap::linear(2, siemens(0), siemens(3)).unwrap())
}

const BEFORE_ADC: Mapping = Mapping::Differential { subtraction: Subtraction::BeforeAdc };

/// Columns of one group of `rows` rows, one plane, and sums that pass through.
fn builder(rows: usize, noise: ReadNoise) -> DesignBuilder {
    DesignBuilder::new(Mapping::Polarized { fragment: rows }, leaky_cell(), Adc::pass_through())
        .array(rows, 4096)
        .input_bits(1)
        .read_noise(noise)
}

/// A matrix whose row `i` holds `levels[i]` in each of `columns` columns.
fn rows_of(levels: &[i32], columns: usize) -> Weights {
    let values: Vec<i32> = levels.iter().flat_map(|&level| vec![level; columns]).collect();
    Weights::full_magnitude_from_row_slice(levels.len(), columns, 2, &values).unwrap()
}

fn programmed(builder: DesignBuilder, weights: &Weights) -> Die {
    builder.build().unwrap().program_keyed(weights, Key::from(1)).unwrap()
}

/// What noise adds to the results of `reads` reads, in level steps: vector after vector.
fn deviations(die: &Die, weights: &Weights, x: &[u8], reads: usize) -> Vec<f64> {
    let exact = product(weights, &x.iter().map(|&x| x.into()).collect::<Vec<_>>());
    let read = die.mvm_batch(&x.repeat(reads), &mut ChaCha8Rng::seed_from_u64(2)).unwrap().to_real();
    read.iter().zip(exact.iter().cycle()).map(|(y, &exact)| y - exact as f64).collect()
}

/// The same of 1000 columns of these levels, in amperes at a read voltage of 0.2 V.
fn amperes(builder: DesignBuilder, levels: &[i32], x: &[u8], kelvin: f64, reads: usize) -> Vec<f64> {
    let weights = rows_of(levels, 1000);
    let die = programmed(builder, &weights).at(&Conditions { kelvin, ..Conditions::FRESH }).unwrap();
    let volts = die.design().dac().read_volts() / f64::from(die.design().dac().max_digit());
    deviations(&die, &weights, x, reads).into_iter().map(|y| y * STEP * volts).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Asserts that the mean of independent `values` is `expected`, by their own spread.
fn assert_mean(values: impl Iterator<Item = f64>, expected: f64, case: &str) {
    assert_mean_within(values, expected, 0.0, case);
}

/// The same where `expected` is known to `within`.
fn assert_mean_within(values: impl Iterator<Item = f64>, expected: f64, within: f64, case: &str) {
    let values: Vec<f64> = values.collect();
    let (mean, n) = (mean(&values), values.len() as f64);
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let limit = Z * (variance / n).sqrt() + within;
    assert!((mean - expected).abs() < limit, "{case}: mean {mean}, expected {expected} ± {limit}");
}

/// Asserts the variance of `values`, whose mean is 0.
fn assert_variance(values: &[f64], expected: f64, case: &str) {
    assert_mean(values.iter().copied(), 0.0, case);
    assert_mean(values.iter().map(|v| v * v), expected, case);
}

/// Kolmogorov–Smirnov at α = 0.001.
fn assert_follows(mut samples: Vec<f64>, grain: f64, cdf: impl Fn(f64) -> f64, case: &str) {
    samples.sort_unstable_by(f64::total_cmp);
    let n = samples.len() as f64;
    // What lies on a grid stands for all that is rounded to it.
    let (below, above) = (|x: f64| cdf(x - grain / 2.0), |x: f64| cdf(x + grain / 2.0));
    let distance = |(i, &x): (usize, &f64)| (below(x) - i as f64 / n).max((i as f64 + 1.0) / n - above(x));
    let distance = samples.iter().enumerate().map(distance).fold(0.0, f64::max);
    let limit = (-0.5 * (0.001f64 / 2.0).ln() / n).sqrt();
    assert!(distance < limit, "{case}: distance {distance}, limit {limit}");
}

fn assert_normal(samples: Vec<f64>, variance: f64, case: &str) {
    assert_normal_on_grid(samples, 0.0, variance, case);
}

fn assert_normal_on_grid(samples: Vec<f64>, grain: f64, variance: f64, case: &str) {
    let normal = Normal::new(0.0, variance.sqrt()).unwrap();
    assert_follows(samples, grain, |x| normal.cdf(x), case);
}

fn assert_chi_square(observed: &[f64], probabilities: &[f64], case: &str) {
    let n: f64 = observed.iter().sum();
    let statistic: f64 = observed.iter().zip(probabilities).map(|(o, p)| (o - p * n).powi(2) / (p * n)).sum();
    let limit = ChiSquared::new(observed.len() as f64 - 1.0).unwrap().inverse_cdf(0.999);
    assert!(statistic < limit, "{case}: χ² {statistic}, limit {limit}");
}

fn white(hertz: f64, law: WhiteLaw) -> ReadNoise {
    ReadNoise::NONE.with_white(WhiteNoise::new(hertz, law).unwrap())
}

/// One-sided density of a cell (A²/Hz).
fn density(law: WhiteLaw, siemens: f64, volts: f64, kelvin: f64) -> f64 {
    let thermal = 4.0 * BOLTZMANN * kelvin * siemens;
    let shot = 2.0 * CHARGE * siemens * volts;
    match law {
        WhiteLaw::Thermal => thermal,
        WhiteLaw::Shot => shot,
        WhiteLaw::ThermalAndShot => thermal + shot,
        WhiteLaw::Fano { .. } if volts == 0.0 => thermal,
        WhiteLaw::Fano { factor } => {
            let x = CHARGE * volts / (2.0 * BOLTZMANN * kelvin);
            thermal * (1.0 - factor) + shot * factor * x.cosh() / x.sinh()
        }
    }
}

const LAWS: [WhiteLaw; 4] =
    [WhiteLaw::Thermal, WhiteLaw::Shot, WhiteLaw::ThermalAndShot, WhiteLaw::Fano { factor: 0.4 }];

#[test]
fn white_noise_meets_the_published_points() {
    // Feinberg: √(4kTGB) and √(2qIB) at 100 µS, 0.2 V, 300 K and 1 GHz are 0.20 % and 0.40 %, a tenth of
    // them at 10 MHz. PytorX: √(G f (4kT + 2qV)).
    let merged = (100e-6 * 1e9 * (4.0 * BOLTZMANN * 300.0 + 2.0 * CHARGE * 0.2f64)).sqrt() / 20e-6;
    for (law, percent) in
        [(WhiteLaw::Thermal, 0.20), (WhiteLaw::Shot, 0.40), (WhiteLaw::ThermalAndShot, 100.0 * merged)]
    {
        for (hertz, share) in [(1e9, 1.0), (1e7, 0.1)] {
            let case = format!("{law:?} {hertz} Hz");
            let noise = amperes(builder(1, white(hertz, law)), &[3], &[1], 300.0, 1000);
            let sigma = density(law, 100e-6, 0.2, 300.0) * hertz;
            assert_variance(&noise, sigma, &case);
            let found = 100.0 * mean(&noise.iter().map(|i| i * i).collect::<Vec<_>>()).sqrt() / 20e-6;
            assert!((found / (percent * share) - 1.0).abs() < 0.02, "{case}: {found} %");
            if hertz == 1e9 {
                assert_normal(noise, sigma, &case);
            }
        }
    }
}

#[test]
fn every_connected_cell_is_noisy_and_driven_ones_by_their_current() {
    let levels = [3, 1, 0, 2, 3];
    for law in LAWS {
        for x in [[0u8; 5], [1, 0, 0, 1, 0], [1; 5]] {
            for kelvin in [300.0, 400.0] {
                let case = format!("{law:?} {x:?} {kelvin} K");
                let noise = amperes(builder(5, white(1e9, law)), &levels, &x, kelvin, 100);
                let of_cell = |(&level, x): (&i32, &u8)| {
                    density(law, siemens(level), 0.2 * f64::from(*x), kelvin) * 1e9
                };
                let variance = levels.iter().zip(&x).map(of_cell).sum::<f64>();
                if variance == 0.0 {
                    assert!(noise.iter().all(|&i| i == 0.0), "{case}");
                } else {
                    assert_variance(&noise, variance, &case);
                    assert_normal(noise, variance, &case);
                }
            }
        }
    }
}

#[test]
fn the_fano_law_has_its_limits_and_its_middle() {
    for (volts, limit) in [(1e-3, Some(WhiteLaw::Thermal)), (0.05, None), (2.0, Some(WhiteLaw::Shot))] {
        for factor in [0.0, 0.3, 1.0] {
            let (law, case) = (WhiteLaw::Fano { factor }, format!("{factor} at {volts} V"));
            let dac = Dac::new(1, volts).unwrap();
            let noise = amperes(builder(1, white(1e9, law)).dac(dac), &[2], &[1], 300.0, 300);
            let expected = density(law, siemens(2), volts, 300.0) * 1e9;
            assert_variance(&noise, expected, &case);
            // What is left far below and far above 2kT/q = 52 mV.
            let thermal = density(WhiteLaw::Thermal, siemens(2), volts, 300.0) * 1e9;
            let far = match limit {
                Some(WhiteLaw::Thermal) => thermal,
                Some(_) => {
                    thermal * (1.0 - factor)
                        + factor * density(WhiteLaw::Shot, siemens(2), volts, 300.0) * 1e9
                }
                None => continue,
            };
            assert!((expected / far - 1.0).abs() < 1e-3, "{case}");
        }
    }
}

#[test]
fn all_white_kinds_add_up_at_every_digit_of_a_dac() {
    let (levels, x) = ([3, 1, 0, 2], [0u8, 1, 2, 3]);
    let (relative, front_end) = (0.003, 30e-9);
    for law in LAWS {
        let noise = ReadNoise::new(relative, front_end).unwrap();
        let noise = noise.with_white(WhiteNoise::new(1e9, law).unwrap());
        let builder = builder(4, noise).dac(Dac::new(2, 0.2).unwrap()).input_bits(2);
        let noise = amperes(builder, &levels, &x, 300.0, 300);
        let of_cell = |(&level, x): (&i32, &u8)| {
            let volts = 0.2 * f64::from(*x) / 3.0;
            density(law, siemens(level), volts, 300.0) * 1e9 + (relative * siemens(level) * volts).powi(2)
        };
        let variance = levels.iter().zip(&x).map(of_cell).sum::<f64>() + front_end * front_end;
        assert_variance(&noise, variance, &format!("{law:?}"));
    }
}

#[test]
fn a_dummy_column_is_noisy_for_all_columns_and_a_pair_twice() {
    let x = [1u8, 0, 1, 0];
    for law in LAWS {
        let of = |level: i32| -> f64 {
            x.iter().map(|&x| density(law, siemens(level), 0.2 * f64::from(x), 300.0) * 1e9).sum()
        };
        // Two columns, at levels 3 and 1, beside a dummy at level 0.
        let weights = Weights::full_magnitude_from_row_slice(4, 2, 2, &[3, 1].repeat(4)).unwrap();
        let die = programmed(builder(4, white(1e9, law)).baseline(Baseline::DummyColumn), &weights);
        let scale = STEP * 0.2;
        let noise: Vec<[f64; 2]> = deviations(&die, &weights, &x, 100_000)
            .chunks_exact(2)
            .map(|pair| [pair[0] * scale, pair[1] * scale])
            .collect();
        for (column, level) in [3, 1].into_iter().enumerate() {
            let of_column: Vec<f64> = noise.iter().map(|pair| pair[column]).collect();
            assert_variance(&of_column, of(level) + of(0), &format!("{law:?} column {column}"));
        }
        assert_mean(noise.iter().map(|pair| pair[0] * pair[1]), of(0), &format!("{law:?} common"));

        // A pair of cells, of which the second is at level 0 and driven like the first.
        let builder = builder(4, white(1e9, law)).mapping(BEFORE_ADC).active_rows(4);
        let noise = amperes(builder, &[3; 4], &x, 300.0, 100);
        assert_variance(&noise, of(3) + of(0), &format!("{law:?} pair"));
    }
}

#[test]
fn a_word_line_moves_all_columns_by_their_conductances() {
    const READS: usize = 100_000;
    let volts = 3e-3;
    let values = [3, 1, -2, 0, 2, -3, 1, 0, -1, 3, 3, -2];
    for (mapping, baseline) in [
        (Mapping::Polarized { fragment: 4 }, Baseline::Digital),
        (Mapping::Polarized { fragment: 4 }, Baseline::None),
        (Mapping::Polarized { fragment: 4 }, Baseline::DummyColumn),
        (BEFORE_ADC, Baseline::Digital),
    ] {
        let pairs = mapping == BEFORE_ADC;
        let values = values.map(|w: i32| if pairs { w } else { w.abs() });
        let weights = Weights::full_magnitude_from_row_slice(4, 3, 2, &values).unwrap();
        // What a column adds per volt on a row, driven or not.
        let siemens = |row: usize, column: usize| {
            let w = values[row * 3 + column];
            if pairs {
                STEP * f64::from(w)
            } else {
                siemens(w) - if baseline == Baseline::DummyColumn { siemens(0) } else { 0.0 }
            }
        };
        let noise = ReadNoise::NONE.with_word_line_volts(volts);
        let builder = builder(4, noise).mapping(mapping).active_rows(4).baseline(baseline);
        let die = programmed(builder.dac(Dac::new(2, 0.3).unwrap()).input_bits(2), &weights);
        for x in [[0u8; 4], [3, 0, 1, 2]] {
            let mut noise = deviations(&die, &weights, &x, READS);
            if baseline == Baseline::None {
                // The leakage stays in the result: 2 level steps of each DAC step.
                let leakage = 2.0 * x.iter().map(|&x| f64::from(x)).sum::<f64>();
                noise.iter_mut().for_each(|y| *y -= leakage);
            }
            for (j, k) in [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)] {
                let expected =
                    (0..4).map(|row| siemens(row, j) * siemens(row, k)).sum::<f64>() * volts * volts;
                let scale = (STEP * 0.1).powi(2);
                let products = noise.chunks_exact(3).map(|y| y[j] * y[k] * scale);
                assert_mean(products, expected, &format!("{mapping:?} {baseline:?} {x:?} {j} {k}"));
            }
            let first = noise.iter().step_by(3).map(|y| y * STEP * 0.1).collect();
            let variance = (0..4).map(|row| siemens(row, 0).powi(2)).sum::<f64>() * volts * volts;
            assert_normal(first, variance, &format!("{mapping:?} {baseline:?} {x:?}"));
        }
    }
}

fn telegraph(amplitude: TelegraphAmplitude, trapped_secs: f64, untrapped_secs: f64) -> ReadNoise {
    ReadNoise::NONE.with_telegraph(Telegraph::new(amplitude, trapped_secs, untrapped_secs).unwrap())
}

fn constant(relative: f64) -> TelegraphAmplitude {
    TelegraphAmplitude::Constant { relative }
}

#[test]
fn a_telegraph_cell_has_two_currents_of_the_published_ratio() {
    // Levels of 1 nS, 1 µS, 10 µS and 100 µS: 1 GΩ meets the cap, 1 MΩ is 17 %, then 1.8 % and 0.32 %.
    let cell = Cell::new(LevelMap::table(vec![1e-9, 1e-6, 10e-6, 100e-6]).unwrap());
    let pytorx = |secs| ReadNoise::NONE.with_telegraph(Telegraph::pytorx(secs).unwrap());
    let capped = TelegraphAmplitude::LinearInResistance { per_ohm: 1.662e-7, offset: 0.0015, cap: 0.1 };
    for (noise, level, relative, digits, filled) in [
        (pytorx(1e-3), 3, 1.662e-7 * 1e4 + 0.0015, 0.0032, 0.5),
        (pytorx(1e-3), 2, 1.662e-7 * 1e5 + 0.0015, 0.018, 0.5),
        (pytorx(1e-3), 1, 1.662e-7 * 1e6 + 0.0015, 0.17, 0.5),
        (telegraph(capped, 3e-6, 1e-6), 1, 0.1, 0.1, 0.75),
        (telegraph(constant(0.5), 1e-6, 4e-6), 3, 0.5, 0.5, 0.2),
    ] {
        let weights = rows_of(&[level], 1000);
        // 16 bits of full scale: currents to 10⁻⁷ of themselves.
        let builder = builder(1, noise).cell(cell.clone()).adc(Adc::full_range(16));
        let die = programmed(builder, &weights);
        let mut currents = Vec::new();
        for key in 0..30u128 {
            let trace = die.trace_keyed(&[1u8], Key::from(key)).unwrap();
            currents.extend(trace.conversions.iter().map(|c| c.amperes));
        }
        let case = format!("level {level}, {relative}");
        let (low, high) = currents.iter().fold((f64::MAX, 0f64), |(l, h), &i| (l.min(i), h.max(i)));
        assert!((high / low - 1.0 - relative).abs() < 1e-5, "{case}: {}", high / low - 1.0);
        assert!((relative / digits - 1.0).abs() < 0.02, "{case}");
        let count = |current: f64| currents.iter().filter(|&&i| (i / current - 1.0).abs() < 1e-9).count();
        let observed = [count(low) as f64, count(high) as f64];
        assert_eq!(observed[0] + observed[1], currents.len() as f64, "{case}");
        assert_chi_square(&observed, &[filled, 1.0 - filled], &case);
        // The programmed conductance is the mean in time.
        let programmed = 0.2 * cell.levels().conductance(level as usize).unwrap();
        let mean = filled * low + (1.0 - filled) * high;
        assert!((mean / programmed - 1.0).abs() < 1e-6, "{case}: {mean}");
    }
}

#[test]
fn lognormal_telegraph_amplitudes_belong_to_the_die() {
    const COLUMNS: usize = 4000;
    let (median, sigma, cap) = (0.1f64, 0.7, 0.4);
    let amplitude = TelegraphAmplitude::Lognormal { median, sigma, cap };
    let design = builder(1, telegraph(amplitude, 1.0, 1.0)).build().unwrap();
    let weights = rows_of(&[3], COLUMNS);
    // ΔR/R of every cell, from the two results it has.
    let amplitudes = |die: &Die, seed| -> Vec<f64> {
        let read = die.mvm_batch(&[1u8; 40], &mut ChaCha8Rng::seed_from_u64(seed)).unwrap().to_real();
        let of_column = |column: usize| {
            let results = read[column..].iter().step_by(COLUMNS).map(|y| y + 2.0);
            let (low, high) = results.fold((f64::MAX, 0f64), |(l, h), y| (l.min(y), h.max(y)));
            high / low - 1.0
        };
        (0..COLUMNS).map(of_column).collect()
    };
    let die = design.program_keyed(&weights, Key::from(5)).unwrap();
    let first = amplitudes(&die, 1);
    assert_eq!(first, amplitudes(&die, 2));
    assert_eq!(first, amplitudes(&die.rewrite_keyed(&weights, Key::from(6)).unwrap(), 3));
    let kelvin = Conditions { kelvin: 350.0, ..Conditions::FRESH };
    assert_eq!(first, amplitudes(&die.at(&kelvin).unwrap(), 4));
    let other = amplitudes(&design.program_keyed(&weights, Key::from(6)).unwrap(), 1);
    let capped = |all: &[f64]| all.iter().filter(|&&a| (a / cap - 1.0).abs() < 1e-4).count() as f64;
    let cdf = LogNormal::new(median.ln(), sigma).unwrap();
    for all in [&first, &other] {
        let n = COLUMNS as f64;
        assert_chi_square(
            &[n - capped(all), capped(all)],
            &[cdf.cdf(cap), 1.0 - cdf.cdf(cap)],
            "cells at the cap",
        );
        let below = all.iter().copied().filter(|a| *a < cap * 0.999).collect();
        assert_follows(below, 0.0, |a| (cdf.cdf(a) / cdf.cdf(cap * 0.999)).min(1.0), "amplitudes");
    }
    // Two dies have nothing in common.
    let uncapped = first.iter().zip(&other).filter(|(a, b)| a.max(**b) < cap * 0.999);
    let standard = |values: Vec<f64>| -> Vec<f64> {
        let middle = mean(&values);
        values.into_iter().map(|v| v - middle).collect()
    };
    let (a, b): (Vec<f64>, Vec<f64>) = uncapped.map(|(a, b)| (a.ln(), b.ln())).unzip();
    let (a, b) = (standard(a), standard(b));
    assert_mean(a.iter().zip(&b).map(|(a, b)| a * b), 0.0, "two dies");
}

#[test]
fn three_telegraph_cells_are_not_gaussian() {
    // Σ of n cells of probability p: excess kurtosis (1 − 6 p (1 − p)) / (n p (1 − p)), −2/3 for three
    // balanced ones, skewness (2 p − 1) / √(n p (1 − p)), for p the probability of the low state.
    for (rows, trapped, untrapped) in [(3, 1.0, 1.0), (3, 3.0, 1.0), (1, 1.0, 4.0)] {
        let (p, n) = (trapped / (trapped + untrapped), rows as f64);
        let (levels, x) = (vec![3; rows], vec![1u8; rows]);
        let noise = telegraph(constant(0.1), trapped, untrapped);
        let noise = amperes(builder(rows, noise), &levels, &x, 300.0, 300);
        let delta = 20e-6 * 0.1 / (1.0 + 0.1 * (1.0 - p));
        let variance = n * p * (1.0 - p) * delta * delta;
        let case = format!("{rows} cells, {p}");
        assert_variance(&noise, variance, &case);
        let standard = |power: i32| noise.iter().map(move |i| (i / variance.sqrt()).powi(power));
        let excess = (1.0 - 6.0 * p * (1.0 - p)) / (n * p * (1.0 - p));
        if (rows, p) == (3, 0.5) {
            assert!((excess + 2.0 / 3.0).abs() < 1e-12);
        }
        if rows == 3 {
            assert_mean(standard(4), 3.0 + excess, &case);
        }
        assert_mean(standard(3), (2.0 * p - 1.0) / (n * p * (1.0 - p)).sqrt(), &case);
        // How many of them are filled is binomial.
        let mut observed = vec![0.0; rows + 1];
        for i in &noise {
            observed[(n * p - i / delta).round() as usize] += 1.0;
        }
        let choose = |k: usize| (0..k).map(|i| (rows - i) as f64 / (i + 1) as f64).product::<f64>();
        let binomial = |k: usize| choose(k) * p.powi(k as i32) * (1.0 - p).powi((rows - k) as i32);
        assert_chi_square(&observed, &(0..=rows).map(binomial).collect::<Vec<_>>(), &case);
    }
}

#[test]
fn telegraph_noise_of_a_dummy_column_is_subtracted() {
    // Nine tenths of the time filled: a cell dips upwards from its usual current, its result too; a dummy's
    // are subtracted and dip downwards. A weight of 0 has both, of equal size.
    let p = 0.9f64;
    let noise = telegraph(constant(0.1), 9.0, 1.0);
    let dummy = builder(1, noise).baseline(Baseline::DummyColumn);
    let weights = Weights::full_magnitude_from_row_slice(1, 2, 2, &[3, 0]).unwrap();
    let y = deviations(&programmed(dummy, &weights), &weights, &[1], 100_000);
    let third = |siemens: f64| {
        let delta = siemens / STEP * 0.1 / (1.0 + 0.1 * (1.0 - p));
        // The third central moment of what is delta with probability 1 − p.
        delta.powi(3) * p * (1.0 - p) * (2.0 * p - 1.0)
    };
    let of = |column: usize| y[column..].iter().step_by(2).map(|y| y.powi(3));
    assert_mean(of(0), third(siemens(3)) - third(siemens(0)), "level 3");
    assert_mean(of(1), 0.0, "level 0");
    // What is common is the dummy's, and not inverted.
    let common =
        |a: usize, b: usize| y.chunks_exact(2).map(move |y| y[0].powi(a as i32) * y[1].powi(b as i32));
    let delta = siemens(0) / STEP * 0.1 / (1.0 + 0.1 * (1.0 - p));
    assert_mean(common(1, 1), delta * delta * p * (1.0 - p), "covariance");
    assert_mean(common(2, 1), -third(siemens(0)), "common third moment");
}

/// Deviations of the traced current in the 8 planes of an input of ones, in units of the cell's
/// current: `[plane][cell]`.
fn planes(noise: ReadNoise, plane_secs: f64) -> Vec<Vec<f64>> {
    let weights = rows_of(&[3], 1000);
    let builder = builder(1, noise).input_bits(8).plane_secs(plane_secs);
    let die = programmed(builder, &weights);
    let mut planes = vec![Vec::new(); 8];
    for key in 0..20u128 {
        for c in die.trace_keyed(&[255u8], Key::from(key)).unwrap().conversions {
            planes[c.plane as usize].push(c.amperes / 20e-6 - 1.0);
        }
    }
    planes
}

const PAIRS: [(usize, usize); 8] = [(0, 0), (0, 1), (3, 4), (1, 3), (0, 4), (2, 6), (0, 7), (6, 7)];

fn assert_covariance(planes: &[Vec<f64>], expected: impl Fn(usize, usize) -> f64, case: &str) {
    for (p, q) in PAIRS {
        let products = planes[p].iter().zip(&planes[q]).map(|(a, b)| a * b);
        assert_mean(products, expected(p, q), &format!("{case}: planes {p} and {q}"));
    }
}

#[test]
fn telegraph_states_are_held_evolve_or_are_redrawn() {
    let (trapped, untrapped, secs) = (60e-9, 20e-9, 15e-9);
    let noise = |persistence| telegraph(constant(0.2), trapped, untrapped).with_persistence(persistence);
    let delta = 0.2 / (1.0 + 0.2 * 0.25);
    let variance = delta * delta * 0.75 * 0.25;
    let held = planes(noise(Persistence::Held), secs);
    assert!(held.iter().all(|plane| *plane == held[0]));
    assert_mean(held[0].iter().map(|v| v * v), variance, "held");
    let evolved = planes(noise(Persistence::Evolved), secs);
    let rate = 1.0 / trapped + 1.0 / untrapped;
    assert_covariance(&evolved, |p, q| variance * (-rate * secs * p.abs_diff(q) as f64).exp(), "evolved");
    let redrawn = planes(noise(Persistence::Redrawn), secs);
    assert_covariance(&redrawn, |p, q| if p == q { variance } else { 0.0 }, "redrawn");
}

fn flicker(amplitude: FlickerAmplitude, low: f64, high: f64) -> Flicker {
    Flicker::new(amplitude, low, high).unwrap()
}

#[test]
fn flicker_has_the_variance_of_its_frequencies() {
    let (low, high) = (10.0, 3e7f64);
    let e_folds = (high / low).ln();
    let corner = FlickerAmplitude::Corner { hertz: 2e6 };
    let cmo = FlickerAmplitude::LogConductance { siemens_per_decade: 2e-6, unit_siemens: 50e-6 };
    let relative = FlickerAmplitude::Relative { sigma: 0.002 };
    for (amplitude, law) in [
        (relative, WhiteLaw::Thermal),
        (cmo, WhiteLaw::Thermal),
        (corner, WhiteLaw::Thermal),
        (corner, WhiteLaw::ThermalAndShot),
        (corner, WhiteLaw::Fano { factor: 0.5 }),
    ] {
        let noise = white(1e6, law).with_flicker(flicker(amplitude, low, high));
        // Two rows, of which one is driven.
        for level in [0, 1, 3] {
            let noise = amperes(builder(2, noise), &[level, 3], &[1, 0], 300.0, 300);
            let (g, volts) = (siemens(level), 0.2);
            let at_one_hertz = match amplitude {
                FlickerAmplitude::Relative { sigma } => (sigma * g * volts).powi(2),
                // Equal to the white density at the corner.
                FlickerAmplitude::Corner { hertz } => density(law, g, volts, 300.0) * hertz,
                FlickerAmplitude::LogConductance { siemens_per_decade, unit_siemens } => {
                    (siemens_per_decade * (g / unit_siemens).log10().max(0.0) * volts).powi(2)
                }
            };
            let undriven = density(law, siemens(3), 0.0, 300.0) * 1e6;
            let fast = density(law, g, volts, 300.0) * 1e6 + undriven;
            let variance = at_one_hertz * e_folds + fast;
            let case = format!("{amplitude:?} {law:?} level {level}");
            // The deviation of a cell is a whole number of grid units.
            let grain = STEP * volts / 65536.0;
            let within = (variance.sqrt() + grain / 2.0).powi(2) - variance;
            assert_mean(noise.iter().copied(), 0.0, &case);
            assert_mean_within(noise.iter().map(|v| v * v), variance, within, &case);
            if at_one_hertz > 0.0 {
                assert_normal_on_grid(noise, grain, variance, &case);
            }
        }
    }
}

#[test]
fn the_corner_is_where_a_bent_cell_is_as_noisy_as_white() {
    // Between e-folds ½ apart around the corner, 1/f noise has ln(e) = 1 times S·f_c, the power of white noise
    // in a bandwidth of f_c, whatever the curve of the cell does between its reference and 0.2 V.
    for iv in [
        IvCurve::Ohmic,
        IvCurve::Sinh {
            half_bias_ratio: 7.5,
            half_bias_ratio_off: None,
            bias_volts: 1.0,
            reference_volts: 0.6,
        },
    ] {
        let cell = leaky_cell().with_iv(iv.clone());
        let (hertz, half) = (1e9, 0.5f64.exp());
        let corner = FlickerAmplitude::Corner { hertz };
        let law = WhiteLaw::ThermalAndShot;
        let slow = white(1.0, law).with_flicker(flicker(corner, hertz / half, hertz * half));
        let currents = |noise| {
            let die = programmed(builder(1, noise).cell(cell.clone()), &rows_of(&[3], 1000));
            let mut currents = Vec::new();
            for key in 0..100u128 {
                let trace = die.trace_keyed(&[1u8], Key::from(key)).unwrap();
                currents.extend(trace.conversions.iter().map(|c| c.amperes));
            }
            currents
        };
        let quiet = cell.amperes(100e-6, 0.2);
        let at_rest = cell.amperes(100e-6, 1e-9) / 1e-9;
        let expected = (4.0 * BOLTZMANN * 300.0 * at_rest + 2.0 * CHARGE * quiet) * hertz;
        for noise in [slow, white(hertz, law)] {
            let noise: Vec<f64> = currents(noise).into_iter().map(|i| i - quiet).collect();
            assert_variance(&noise, expected, &format!("{iv:?}"));
        }
    }
}

#[test]
fn flicker_is_correlated_over_planes_by_its_octaves() {
    let (sigma, secs, low, high) = (0.01f64, 15e-9, 1e5, 1e8);
    let noise = |persistence| {
        let amplitude = FlickerAmplitude::Relative { sigma };
        ReadNoise::NONE.with_flicker(flicker(amplitude, low, high)).with_persistence(persistence)
    };
    let variance = sigma * sigma * f64::ln(high / low);
    let held = planes(noise(Persistence::Held), secs);
    assert!(held.iter().all(|plane| *plane == held[0]));
    assert_mean(held[0].iter().map(|v| v * v), variance, "held");
    let redrawn = planes(noise(Persistence::Redrawn), secs);
    assert_covariance(&redrawn, |p, q| if p == q { variance } else { 0.0 }, "redrawn");
    // Half the plane rate is 33 MHz: what is above half of it is new in every plane, the next two octaves in
    // every second and fourth, and the rest is held.
    let rate = 1.0 / (2.0 * secs);
    let octaves = [(rate / 2.0, high), (rate / 4.0, rate / 2.0), (rate / 8.0, rate / 4.0)];
    let expected = |p: usize, q: usize| {
        let shared = octaves.iter().enumerate().filter(|(k, _)| p / (1 << k) == q / (1 << k));
        let fast = shared.map(|(_, (from, to))| (to / from).ln()).sum::<f64>();
        sigma * sigma * (fast + (rate / 8.0 / low).ln())
    };
    let evolved = planes(noise(Persistence::Evolved), secs);
    assert_covariance(&evolved, expected, "evolved");
    assert_normal(evolved[5].clone(), variance, "evolved");
}

#[test]
fn redrawing_slow_noise_understates_the_error_by_1_7() {
    // y = Σ 2^p (1 + δ_p) of one cell and an input of ones over 8 planes: a held δ has the variance
    // (Σ 2^p)² = 255² of it, redrawn ones Σ 4^p = 21845.
    let ratio = 255.0 / 21_845f64.sqrt();
    assert!((ratio - 1.7253).abs() < 1e-4);
    let weights = rows_of(&[3], 1000);
    let relative = FlickerAmplitude::Relative { sigma: 0.01 };
    let one_over_f = ReadNoise::NONE.with_flicker(flicker(relative, 1.0, 1e6));
    let traps = telegraph(constant(0.1), 1e-3, 3e-3);
    let delta = 0.1 / 1.075;
    for (noise, variance) in [(one_over_f, 1e-4 * 1e6f64.ln()), (traps, delta * delta * 0.25 * 0.75)] {
        // In level steps of a cell of five.
        let squares = |persistence, factor: f64| {
            let builder = builder(1, noise.with_persistence(persistence)).input_bits(8).plane_secs(15e-9);
            let y = deviations(&programmed(builder, &weights), &weights, &[255], 200);
            assert_variance(&y, 25.0 * variance * factor, &format!("{noise:?} {persistence:?}"));
            mean(&y.iter().map(|y| y * y).collect::<Vec<_>>())
        };
        let (held, redrawn) =
            (squares(Persistence::Held, 255.0 * 255.0), squares(Persistence::Redrawn, 21_845.0));
        let found = (held / redrawn).sqrt();
        assert!((found / ratio - 1.0).abs() < 0.01, "{found} for {ratio}");
        // What is slower than the vector evolves as if it were held.
        squares(
            Persistence::Evolved,
            if noise.telegraph().is_some() {
                let kept = (-15e-9 * (1.0 / 1e-3 + 1.0 / 3e-3f64)).exp();
                let places = || (0..8).map(|p| f64::from(1 << p));
                let row = |p: usize, a: f64| -> f64 {
                    places().enumerate().map(|(q, b)| a * b * kept.powi(p.abs_diff(q) as i32)).sum()
                };
                places().enumerate().map(|(p, a)| row(p, a)).sum()
            } else {
                255.0 * 255.0
            },
        );
    }
}
