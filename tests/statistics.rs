//! Distributions of every random draw, against closed forms and rand_distr, at α = 0.001 with fixed
//! seeds. The oracles share no code with what they check.

mod common;

use common::{assert_chi_square, assert_follows, ideal_cell, ks_limit};
use forms_xbar::key::Purpose;
use forms_xbar::{
    Adc, Baseline, Cell, DesignBuilder, Key, LevelMap, Mapping, Programming, ReadNoise, StuckCells, Weights,
};
use rand::{SeedableRng, rngs::ChaCha8Rng};
use rand_distr::{Distribution, LogNormal, StandardNormal};
use statrs::distribution::{ContinuousCDF, LogNormal as LogNormalCdf, Normal};

const SAMPLES: usize = 1_000_000;

fn assert_same_distribution(mut a: Vec<f64>, mut b: Vec<f64>) {
    a.sort_unstable_by(f64::total_cmp);
    b.sort_unstable_by(f64::total_cmp);
    let (n, m) = (a.len(), b.len());
    let (mut i, mut j, mut distance) = (0, 0, 0f64);
    while i < n && j < m {
        let x = a[i].min(b[j]);
        i += a[i..].iter().take_while(|&&v| v == x).count();
        j += b[j..].iter().take_while(|&&v| v == x).count();
        distance = distance.max((i as f64 / n as f64 - j as f64 / m as f64).abs());
    }
    let limit = ks_limit((n * m) as f64 / (n + m) as f64);
    assert!(distance < limit, "distance {distance}, limit {limit}");
}

#[test]
fn streams_are_uniform_and_normal() {
    // Many short streams, as the crate uses them, and a long one.
    let short =
        || (0..SAMPLES as u64 / 20).map(|row| Key::from(1).stream(Purpose::Programming, [row % 7, row, 0]));
    assert_follows(short().flat_map(|mut s| (0..20).map(move |_| s.uniform())).collect(), |x| x);
    let normal = Normal::new(0.0, 1.0).unwrap();
    assert_follows(short().flat_map(|mut s| (0..20).map(move |_| s.normal())).collect(), |x| normal.cdf(x));
    let mut long = Key::from(2).stream(Purpose::ReadNoise, [0; 3]);
    let ours: Vec<f64> = (0..SAMPLES).map(|_| long.normal()).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    assert_same_distribution(ours, (0..SAMPLES).map(|_| StandardNormal.sample(&mut rng)).collect());
}

#[test]
fn neighbouring_streams_are_uncorrelated() {
    let stream = |place| {
        let mut stream = Key::from(5).stream(Purpose::ReadNoise, place);
        (0..SAMPLES / 10).map(move |_| stream.normal())
    };
    let base = [3, 4, 5];
    for other in [[4, 4, 5], [3, 5, 5], [3, 4, 6], [3, 4, 4], [5, 4, 3]] {
        let r = stream(base).zip(stream(other)).map(|(a, b)| a * b).sum::<f64>() / (SAMPLES / 10) as f64;
        // Deviation 1/√n; 3.3 of them are α = 0.001.
        assert!(r.abs() < 3.3 / ((SAMPLES / 10) as f64).sqrt(), "{other:?}: {r}");
    }
}

/// Conductances of a matrix of `SAMPLES` cells that all have the level `level` of 3.
fn programmed(programming: Programming, stuck: StuckCells, level: i32) -> Vec<f64> {
    let cell = ideal_cell(2).with_programming(programming).with_stuck_cells(stuck);
    let design =
        DesignBuilder::new(Mapping::Polarized { fragment: 8 }, cell, Adc::granular(5)).build().unwrap();
    let weights = Weights::full_magnitude_from_row_slice(1000, 1000, 2, &vec![level; SAMPLES]).unwrap();
    let die = design.program_keyed(&weights, Key::from(7)).unwrap();
    die.conductances()
        .flat_map(|array| array.as_row_slice().iter().map(|&g| g.into()).collect::<Vec<f64>>())
        .collect()
}

#[test]
fn lognormal_programming() {
    let sigma = 0.1;
    let cells = programmed(Programming::Lognormal { sigma }, StuckCells::NONE, 3);
    let cdf = LogNormalCdf::new(100e-6f64.ln(), sigma).unwrap();
    let n = cells.len() as f64;
    let mean = cells.iter().sum::<f64>() / n;
    // Median-preserving: the mean is exp(σ²/2) above the target.
    let expected = 100e-6 * (sigma * sigma / 2.0).exp();
    assert!((mean / expected - 1.0).abs() < 3.3 * sigma / n.sqrt(), "{mean}");
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let oracle = LogNormal::new(100e-6f64.ln(), sigma).unwrap();
    assert_same_distribution(cells.clone(), (0..SAMPLES).map(|_| oracle.sample(&mut rng)).collect());
    assert_follows(cells, |g| cdf.cdf(g));
}

#[test]
fn normal_programming() {
    for (programming, level, target, sigma) in [
        (Programming::NormalRelative { sigma: 0.1 }, 2, 67e-6, 6.7e-6),
        (Programming::NormalOfGOn { sigma: 0.05 }, 2, 67e-6, 5e-6),
        // Truncated at 0 S: 1 µS with a deviation of 5 µS.
        (Programming::NormalOfGOn { sigma: 0.05 }, 0, 1e-6, 5e-6),
        (Programming::NormalRelative { sigma: 0.5 }, 3, 100e-6, 50e-6),
    ] {
        let normal = Normal::new(target, sigma).unwrap();
        let below = normal.cdf(0.0);
        assert_follows(programmed(programming, StuckCells::NONE, level), |g| {
            (normal.cdf(g) - below) / (1.0 - below)
        });
    }
}

#[test]
fn stuck_cells_have_their_rates_and_gaps() {
    let (on_rate, off_rate) = (0.0175, 0.0904);
    let cells = programmed(Programming::Exact, StuckCells::new(on_rate, off_rate).unwrap(), 1);
    let n = cells.len() as f64;
    let count = |range: std::ops::Range<f64>| cells.iter().filter(|g| range.contains(g)).count() as f64;
    let observed = [count(99e-6..101e-6), count(0.0..2e-6), count(33e-6..35e-6)];
    assert_eq!(observed.iter().sum::<f64>(), n);
    assert_chi_square(&observed, &[n * on_rate, n * off_rate, n * (1.0 - on_rate - off_rate)]);

    // Gaps between hits are geometric. Word lines of 128 cells end some; within the long run of cells in
    // order the memoryless draw does not show it.
    let rate = on_rate + off_rate;
    let stuck: Vec<usize> = (0..cells.len()).filter(|&i| !(33e-6..35e-6).contains(&cells[i])).collect();
    let mut observed = [0.0; 30];
    for pair in stuck.windows(2) {
        observed[(pair[1] - pair[0] - 1).min(29)] += 1.0;
    }
    let gaps: f64 = observed.iter().sum();
    let expected: Vec<f64> = (0..30)
        .map(|gap| if gap < 29 { (1.0 - rate).powi(gap) * rate } else { (1.0 - rate).powi(29) } * gaps)
        .collect();
    assert_chi_square(&observed, &expected);
}

#[test]
fn every_cell_can_be_stuck() {
    for (on, off, conductance) in [(1.0, 0.0, 100e-6), (0.0, 1.0, 1e-6)] {
        let cells = programmed(Programming::Exact, StuckCells::new(on, off).unwrap(), 1);
        assert!(cells.iter().all(|&g| (g / conductance - 1.0).abs() < 1e-6));
    }
}

#[test]
fn a_dummy_column_is_programmed_on_its_own() {
    let n = 50_000;
    let sigma = 0.1;
    let cell = ideal_cell(2).with_programming(Programming::Lognormal { sigma });
    let design = DesignBuilder::new(Mapping::Polarized { fragment: 8 }, cell, Adc::granular(5))
        .baseline(Baseline::DummyColumn)
        .build()
        .unwrap();
    // Both are at level 0, 1 µS.
    let weights = Weights::from_row_slice(n, 1, 2, &vec![0; n]).unwrap();
    let die = design.program_keyed(&weights, Key::from(7)).unwrap();
    let error = |siemens: f32| (f64::from(siemens) / 1e-6).ln() / sigma;
    let pairs: Vec<(f64, f64)> = die
        .conductances()
        .flat_map(|array| {
            let dummy = array.dummy_column().unwrap().iter();
            array.as_row_slice().iter().zip(dummy).map(|(&g, &d)| (error(g), error(d))).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(pairs.len(), n);
    let normal = Normal::new(0.0, 1.0).unwrap();
    assert_follows(pairs.iter().map(|pair| pair.1).collect(), |z| normal.cdf(z));
    let correlation = pairs.iter().map(|(g, d)| g * d).sum::<f64>() / n as f64;
    // Deviation 1/√n.
    assert!(correlation.abs() < 3.3 / (n as f64).sqrt(), "{correlation}");
}

/// One column of `rows` cells at level 3 read many times through a fine ADC: the noise of a conversion
/// in level steps.
fn read_noise(rows: usize, noise: ReadNoise, baseline: Baseline) -> Vec<f64> {
    // Far above zero and far below full scale, so that nothing clips.
    let design = DesignBuilder::new(Mapping::Polarized { fragment: 8 }, ideal_cell(2), Adc::pass_through())
        .baseline(baseline)
        .input_bits(1)
        .read_noise(noise)
        .build()
        .unwrap();
    let weights = Weights::full_magnitude_from_row_slice(8, 1, 2, &[3; 8]).unwrap();
    let die = design.program_keyed(&weights, Key::from(1)).unwrap();
    let x: Vec<u8> = (0..8).map(|row| u8::from(row < rows)).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let batch = x.repeat(SAMPLES / 10);
    let read = die.mvm_batch(&batch, &mut rng).unwrap();
    read.to_real().into_iter().map(|y| y - 3.0 * rows as f64).collect()
}

#[test]
fn read_noise_is_the_sum_over_driven_cells_and_the_front_end() {
    let step_amperes = 33e-6 * 0.2;
    for (rows, relative, front_end) in
        [(8, 0.02, 0.0), (3, 0.02, 0.0), (5, 0.0, 1e-7), (0, 0.0, 1e-7), (5, 0.02, 1e-7)]
    {
        let noise = ReadNoise::new(relative, front_end).unwrap();
        let cell = relative * 100.0 / 33.0;
        let sigma = (rows as f64 * cell * cell + (front_end / step_amperes).powi(2)).sqrt();
        let normal = Normal::new(0.0, sigma).unwrap();
        let n = (SAMPLES / 10) as f64;
        // Rounding onto the grid of 2⁻¹⁶ moves the distribution by far less than the limit.
        assert_follows(read_noise(rows, noise, Baseline::Digital), |y| normal.cdf(y));
        let samples = read_noise(rows, noise, Baseline::Digital);
        let variance = samples.iter().map(|y| y * y).sum::<f64>() / n;
        // The variance of n normals has relative deviation √(2/n).
        assert!((variance / (sigma * sigma) - 1.0).abs() < 3.3 * (2.0 / n).sqrt(), "{rows} rows: {variance}");
    }
    assert!(read_noise(0, ReadNoise::new(0.02, 0.0).unwrap(), Baseline::Digital).iter().all(|&y| y == 0.0));
}

#[test]
fn noise_of_a_dummy_column_is_common_to_all_columns() {
    let cell = Cell::new(LevelMap::linear(2, 50e-6, 80e-6).unwrap());
    let design = DesignBuilder::new(Mapping::Polarized { fragment: 8 }, cell, Adc::pass_through())
        .baseline(Baseline::DummyColumn)
        .input_bits(1)
        .read_noise(ReadNoise::new(0.02, 0.0).unwrap())
        .build()
        .unwrap();
    let weights = Weights::from_row_slice(8, 2, 2, &[0; 16]).unwrap();
    let die = design.program_keyed(&weights, Key::from(1)).unwrap();
    let n = SAMPLES / 10;
    let read = die.mvm_batch(&[1u8; 8].repeat(n), &mut ChaCha8Rng::seed_from_u64(9)).unwrap().to_real();
    let moment = |f: &dyn Fn(&[f64]) -> f64| read.chunks_exact(2).map(f).sum::<f64>() / n as f64;
    let correlation = moment(&|y| y[0] * y[1]) / (moment(&|y| y[0] * y[0]) * moment(&|y| y[1] * y[1])).sqrt();
    // Every column: its own eight cells at 50 µS and the dummy's, of equal variance: correlation ½. Its
    // estimate deviates by (1 − ρ²)/√n.
    assert!((correlation - 0.5).abs() < 3.3 * 0.75 / (n as f64).sqrt(), "{correlation}");
}
