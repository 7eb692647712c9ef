//! The kernel's noise of states and word lines: distributions and correlations over planes against
//! closed forms, at α = 0.001 with fixed seeds.

use forms_xbar::kernel::{
    ActivityLevel, Block, BlockAdcs, BlockNoise, BlockParts, Counts, Flicker, NoiseKey, Persistence,
    Quantizer, SlowNoise, Step, Summands, Telegraph, direct,
};
use forms_xbar::{Error, Key};
use statrs::distribution::{ChiSquared, ContinuousCDF, Normal};

/// Two-sided quantile of the normal distribution at α = 0.001.
const QUANTILE: f64 = 3.29;

const COLUMNS: usize = 1000;
const VECTORS: usize = 100;

/// One group of `rows` rows that passes its sums through, without noise.
fn parts(rows: usize, columns: usize, contributions: Vec<i64>) -> BlockParts {
    BlockParts {
        group_rows: rows,
        groups: 1,
        lanes: 1,
        columns,
        max_digit: 1,
        max_places: 1,
        contributions: contributions.into(),
        summands: Summands::Rows,
        quantizer: Quantizer::PassThrough,
        adcs: BlockAdcs::default(),
        unit: 1,
        shift: vec![0],
        negative: vec![false; columns],
        digit_sum: vec![0; columns],
        baseline: vec![],
        noise: None,
        slow: None,
        energy: vec![0; rows],
    }
}

/// The sums of a driven row of `COLUMNS` cells that contribute nothing but their slow noise.
fn slow(telegraph: Option<Telegraph>, flicker: Option<Flicker>) -> Block {
    let slow = SlowNoise { arms: 1, digit_weight: vec![0, 1 << 16], telegraph, flicker };
    Block::new(BlockParts { slow: Some(slow), ..parts(1, COLUMNS, vec![0; COLUMNS]) }).unwrap()
}

/// Sums of consecutive planes with the given digits, `[plane][column]`.
fn sums(block: &Block, key: Key, planes: &[&[u8]]) -> Vec<Vec<i64>> {
    let (mut work, noise) = (direct::Workspace::default(), Some(NoiseKey { key, array: 3 }));
    let run = |(plane, digits): (usize, &&[u8])| {
        let step = Step { group: 0, plane: plane as u32, run: plane as u32, place: 1, digits };
        let (mut y, mut counts) = (vec![0; block.columns()], Counts::default());
        direct::run(block, &step, noise, ActivityLevel::Off, &mut work, &mut y, &mut counts);
        y
    };
    planes.iter().enumerate().map(run).collect()
}

/// Sums of every plane of a group that is driven in each, over many vectors: `[plane][cell]`.
fn driven_sums(block: &Block, planes: usize) -> Vec<Vec<f64>> {
    let mut all = vec![Vec::new(); planes];
    for vector in 0..VECTORS as u64 {
        let of_vector = sums(block, Key::from(17).child(vector), &vec![&[1][..]; planes]);
        for (all, sums) in all.iter_mut().zip(of_vector) {
            all.extend(sums.into_iter().map(|sum| sum as f64));
        }
    }
    all
}

/// Checks that products of pairs have a mean.
fn assert_mean_product(a: &[f64], b: &[f64], expected: f64) {
    let n = a.len() as f64;
    let products = || a.iter().zip(b).map(|(a, b)| a * b);
    let mean = products().sum::<f64>() / n;
    let variance = products().map(|p| (p - mean).powi(2)).sum::<f64>() / n;
    assert!((mean - expected).abs() <= QUANTILE * (variance / n).sqrt(), "{mean} for {expected}");
}

fn assert_normal(mut samples: Vec<f64>, deviation: f64) {
    samples.sort_unstable_by(f64::total_cmp);
    let (n, normal) = (samples.len() as f64, Normal::new(0.0, deviation).unwrap());
    let distance = |(i, &x): (usize, &f64)| {
        let p = normal.cdf(x);
        (p - i as f64 / n).max((i as f64 + 1.0) / n - p)
    };
    let distance = samples.iter().enumerate().map(distance).fold(0.0, f64::max);
    let limit = (-0.5 * (0.001f64 / 2.0).ln()).sqrt() / n.sqrt();
    assert!(distance < limit, "distance {distance}, limit {limit}");
}

const DUTY: f64 = 0.3;

fn fraction(probability: f64) -> u64 {
    (probability * 2f64.powi(64)) as u64
}

/// Telegraph noise that is 1 where trapped, with a time constant of `tau` planes.
fn telegraph(tau: f64, persistence: Persistence) -> Block {
    slow(Some(telegraph_law(tau, persistence, COLUMNS)), None)
}

fn telegraph_law(tau: f64, persistence: Persistence, cells: usize) -> Telegraph {
    let moved = 1.0 - (-1.0 / tau).exp();
    Telegraph {
        trapped: vec![1; cells],
        untrapped: vec![0; cells],
        dummy_trapped: vec![],
        dummy_untrapped: vec![],
        probability: fraction(DUTY),
        capture: fraction(DUTY * moved),
        emission: fraction((1.0 - DUTY) * moved),
        persistence,
    }
}

#[test]
fn telegraph_states_forget_exponentially() {
    for tau in [0.5, 3.0, 40.0] {
        let states = driven_sums(&telegraph(tau, Persistence::Evolved), 8);
        for n in [1, 2, 5, 7] {
            let kept = (-(n as f64) / tau).exp();
            // Joint probabilities of a two-state Markov chain n planes apart.
            let both = DUTY * (DUTY + (1.0 - DUTY) * kept);
            let (one, none) = (DUTY - both, 1.0 - 2.0 * DUTY + both);
            let mut observed = [0.0; 4];
            for (a, b) in states[0].iter().zip(&states[n]) {
                observed[(2.0 * a + b) as usize] += 1.0;
            }
            let cells = (COLUMNS * VECTORS) as f64;
            let statistic: f64 = observed
                .iter()
                .zip([none, one, one, both])
                .map(|(o, p)| (o - p * cells).powi(2) / (p * cells))
                .sum();
            let limit = ChiSquared::new(3.0).unwrap().inverse_cdf(0.999);
            assert!(statistic < limit, "τ {tau}, {n} planes: χ² {statistic}, limit {limit}");
            let centred = |plane: usize| states[plane].iter().map(|s| s - DUTY).collect::<Vec<_>>();
            assert_mean_product(&centred(0), &centred(n), DUTY * (1.0 - DUTY) * kept);
            assert_mean_product(&centred(7 - n), &centred(7), DUTY * (1.0 - DUTY) * kept);
        }
    }
}

#[test]
fn telegraph_states_are_held_or_redrawn() {
    let held = driven_sums(&telegraph(1.0, Persistence::Held), 8);
    assert!(held.iter().all(|plane| *plane == held[0]));
    let redrawn = driven_sums(&telegraph(1.0, Persistence::Redrawn), 8);
    let centred = |plane: &[f64]| plane.iter().map(|s| s - DUTY).collect::<Vec<_>>();
    for plane in &redrawn[1..] {
        assert_mean_product(&centred(&redrawn[0]), &centred(plane), 0.0);
        assert_mean_product(&centred(plane), &centred(plane), DUTY * (1.0 - DUTY));
        assert_mean_product(plane, plane, DUTY);
    }
    // All three begin alike.
    assert_eq!(held[0], redrawn[0]);
    assert_eq!(held[0], driven_sums(&telegraph(3.0, Persistence::Evolved), 1)[0]);
}

#[test]
fn certain_and_impossible_transitions() {
    let telegraph = |probability, capture, emission| {
        let telegraph = Telegraph {
            trapped: vec![1; COLUMNS],
            untrapped: vec![-1; COLUMNS],
            dummy_trapped: vec![],
            dummy_untrapped: vec![],
            probability,
            capture,
            emission,
            persistence: Persistence::Evolved,
        };
        sums(&slow(Some(telegraph), None), Key::from(1), &[&[1], &[1], &[1]]).concat()
    };
    assert_eq!(telegraph(0, 0, u64::MAX), [-1; 3 * COLUMNS]);
    assert_eq!(telegraph(u64::MAX, u64::MAX, 0), [1; 3 * COLUMNS]);
    let flipped = telegraph(0, u64::MAX, u64::MAX);
    assert_eq!(flipped, [vec![-1; COLUMNS], vec![1; COLUMNS], vec![-1; COLUMNS]].concat());
}

#[test]
fn states_of_a_row_do_not_depend_on_when_it_is_driven() {
    for persistence in [Persistence::Held, Persistence::Evolved, Persistence::Redrawn] {
        let block = telegraph(3.0, persistence);
        let always = sums(&block, Key::from(2), &[&[1], &[1], &[1], &[1], &[1]]);
        let rarely = sums(&block, Key::from(2), &[&[0], &[1], &[0], &[0], &[1]]);
        assert_eq!([&always[1], &always[4]], [&rarely[1], &rarely[4]]);
        assert_eq!(rarely[0], [0; COLUMNS]);
    }
}

#[test]
fn a_workspace_forgets_other_vectors_and_earlier_passes() {
    let law = telegraph_law(3.0, Persistence::Evolved, 2 * COLUMNS);
    let slow = SlowNoise { arms: 1, digit_weight: vec![0, 1 << 16], telegraph: Some(law), flicker: None };
    // Two groups of one row.
    let both = parts(2, COLUMNS, vec![0; 2 * COLUMNS]);
    let negative = vec![false; 2 * COLUMNS];
    let digit_sum = vec![0; 2 * COLUMNS];
    let both = BlockParts { group_rows: 1, groups: 2, negative, digit_sum, slow: Some(slow), ..both };
    let block = Block::new(both).unwrap();
    let run = |work: &mut direct::Workspace, key: u128, group: usize, run: u32| {
        let step = Step { group, plane: run, run, place: 1, digits: &[1] };
        let noise = Some(NoiseKey { key: Key::from(key), array: 3 });
        let (mut y, mut counts) = (vec![0; COLUMNS], Counts::default());
        direct::run(&block, &step, noise, ActivityLevel::Off, work, &mut y, &mut counts);
        y
    };
    let mut work = direct::Workspace::default();
    for (key, group, plane) in [
        (1, 0, 0),
        (1, 0, 4),
        (1, 0, 0),
        (2, 0, 5),
        (1, 0, 6),
        (1, 1, 7),
        (1, 1, 7),
        (1, 1, 2),
        (1, 0, 0),
        (1, 0, 1),
    ] {
        let fresh = run(&mut direct::Workspace::default(), key, group, plane);
        assert_eq!(run(&mut work, key, group, plane), fresh, "vector {key}, group {group}, plane {plane}");
    }
}

#[test]
fn flicker_covariance_is_the_weight_of_what_is_held() {
    let (held, octaves) = (0.4f64, [0.5f64, 0.0, 0.6, (1.0 - 0.16 - 0.25 - 0.36f64).sqrt()]);
    let sigma = 1 << 20;
    let flicker =
        Flicker { deviation: vec![sigma; COLUMNS], dummy_deviation: vec![], held, octaves: octaves.to_vec() };
    let planes: Vec<Vec<f64>> = driven_sums(&slow(None, Some(flicker)), 16)
        .into_iter()
        .map(|plane| plane.into_iter().map(|sum| sum / sigma as f64).collect())
        .collect();
    for (n, m) in [(0, 0), (0, 1), (0, 3), (0, 4), (3, 4), (2, 6), (0, 7), (7, 8), (0, 15), (9, 14)] {
        let shared = |k: usize| if n >> k == m >> k { octaves[k] * octaves[k] } else { 0.0 };
        let expected = held * held + (0..4).map(shared).sum::<f64>();
        assert_mean_product(&planes[n], &planes[m], expected);
    }
    assert_normal(planes[5].clone(), 1.0);
}

#[test]
fn word_line_noise_is_common_to_columns_and_comes_from_every_row() {
    // Two rows, of which at most one is driven; column c counts c + 1 and 2 c.
    let unit = 1 << 16;
    let contributions = (0..5).map(|c| (c + 1) * unit).chain((0..5).map(|c| 2 * c * unit)).collect();
    let relative = 0.01;
    let noise =
        BlockNoise { word_line_deviation: (relative * 2f64.powi(24)) as i64, ..BlockNoise::default() };
    let block = Block::new(BlockParts { noise: Some(noise), ..parts(2, 5, contributions) }).unwrap();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for vector in 0..100_000 {
        let key = Key::from(23).child(vector);
        let moved = &sums(&block, key, &[&[0, 0]])[0];
        // Columns 0 and 1 tell what each row is off; the others follow to the rounding.
        let row = [moved[0] as f64, (moved[1] - 2 * moved[0]) as f64 / 2.0];
        for (c, &sum) in moved.iter().enumerate() {
            let c = c as f64;
            assert!(
                (sum as f64 - (c + 1.0) * row[0] - 2.0 * c * row[1]).abs() <= 2.0 * (c + 1.0),
                "{moved:?}"
            );
        }
        let driven = &sums(&block, key, &[&[1, 0]])[0];
        assert!((0..5).all(|c| driven[c] - moved[c] == (c as i64 + 1) * unit));
        first.push(row[0] / unit as f64);
        second.push(row[1] / unit as f64);
    }
    assert_mean_product(&first, &second, 0.0);
    // A tenth of them: the grid's steps are 1.5e-3 of the deviation.
    first.truncate(10_000);
    second.truncate(10_000);
    assert_normal(first, relative);
    assert_normal(second, relative);
}

#[test]
fn noise_that_could_overflow_or_is_no_noise_is_refused() {
    let word_lines = |word_line_deviation, contribution| {
        let noise = BlockNoise { word_line_deviation, ..BlockNoise::default() };
        Block::new(BlockParts { noise: Some(noise), ..parts(1, 1, vec![contribution]) })
    };
    assert!(word_lines(1 << 30, 1 << 28).is_ok());
    assert!(matches!(
        word_lines(1 << 30, 1 << 30),
        Err(Error::Overflow { name: "word-line noise", needed: 65, available: 63 })
    ));
    // The bound holds all of it.
    let both = {
        let telegraph = Telegraph {
            trapped: vec![5 << 16],
            untrapped: vec![-7 << 16],
            dummy_trapped: vec![11 << 16],
            dummy_untrapped: vec![0],
            probability: 0,
            capture: 0,
            emission: 0,
            persistence: Persistence::Held,
        };
        let slow =
            SlowNoise { arms: 1, digit_weight: vec![0, 1 << 16], telegraph: Some(telegraph), flicker: None };
        let noise = BlockNoise { constant: 1 << 32, word_line_deviation: 1 << 20, ..BlockNoise::default() };
        BlockParts { noise: Some(noise), slow: Some(slow), ..parts(1, 1, vec![1 << 24]) }
    };
    let bound = Block::new(both).unwrap().bound();
    // The cell, 9 σ of white and of word-line noise, the telegraph deviations.
    assert!(bound >= (1 << 24) + (9 << 16) + (9 << 20) + (18 << 16), "{bound}");
    assert!(matches!(word_lines(-1, 1), Err(Error::Integer { value: -1, min: 0, .. })));

    let slow = |digit_weight: Vec<i64>, deviation, octaves: Vec<f64>| {
        let flicker = Flicker { deviation: vec![deviation], dummy_deviation: vec![], held: 0.6, octaves };
        let slow = SlowNoise { arms: 1, digit_weight, telegraph: None, flicker: Some(flicker) };
        Block::new(BlockParts { slow: Some(slow), ..parts(1, 1, vec![1]) })
    };
    let block = slow(vec![0, 1 << 16], 1 << 20, vec![0.8]).unwrap();
    assert!(block.is_noisy() && block.bound() > 8 << 20);
    assert!(matches!(
        slow(vec![0, 1 << 16], 1 << 44, vec![0.8]),
        Err(Error::Overflow { name: "slow read noise", .. })
    ));
    assert!(matches!(slow(vec![0, 1 << 16], -1, vec![0.8]), Err(Error::Integer { value: -1, .. })));
    assert!(matches!(slow(vec![1, 1 << 16], 1, vec![0.8]), Err(Error::Integer { value: 1, max: 0, .. })));
    assert!(matches!(slow(vec![0], 1, vec![0.8]), Err(Error::Length { expected: 2, found: 1, .. })));
    for octaves in [vec![0.81], vec![], vec![f64::NAN], vec![0.8, 0.1]] {
        assert!(matches!(slow(vec![0, 1 << 16], 1, octaves), Err(Error::Real { .. })));
    }
    assert!(matches!(
        slow(vec![0, 1 << 16], 1, vec![0.2; 17]),
        Err(Error::Integer { name: "flicker octaves", value: 17, max: 16, .. })
    ));
}
