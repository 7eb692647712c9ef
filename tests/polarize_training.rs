//! ADMM and post-training polarization against brute force on small problems.

use forms_xbar::nalgebra::{DMatrix, DVector};
use forms_xbar::polarize::{
    Admm, Calibration, Constraints, Polarization, PostTraining, Pruning, Quantization, RowOrder, ScaleRule,
    SignRule,
};
use forms_xbar::{Error, RealWeights};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

fn matrix(inputs: usize, outputs: usize, values: &[f32]) -> RealWeights {
    RealWeights::from_row_slice(inputs, outputs, values).unwrap()
}

fn random(count: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    (0..count).map(|_| rng.random_range(-1f32..1.0)).collect()
}

fn polarized(fragment: usize, rule: SignRule) -> Constraints {
    Constraints::NONE.with_polarization(Polarization::new(fragment, rule).unwrap()).unwrap()
}

/// `min ½ zᵀ H z − qᵀ z` over `z` of these signs, by solving for every set of free elements.
fn constrained_minimum(h: &DMatrix<f64>, q: &DVector<f64>, negative: &[bool]) -> (f64, DVector<f64>) {
    let n = q.len();
    let mut best = (0.0, DVector::zeros(n));
    for free in 0..1usize << n {
        let places: Vec<usize> = (0..n).filter(|at| free >> at & 1 == 1).collect();
        if places.is_empty() {
            continue;
        }
        let inner = h.select_rows(&places).select_columns(&places);
        let Some(solution) = inner.lu().solve(&q.select_rows(&places)) else { continue };
        if places.iter().zip(solution.iter()).any(|(&at, &z)| (z < 0.0) != negative[at] && z != 0.0) {
            continue;
        }
        let mut z = DVector::zeros(n);
        places.iter().zip(solution.iter()).for_each(|(&at, &value)| z[at] = value);
        let value = 0.5 * (h * &z).dot(&z) - q.dot(&z);
        if value < best.0 {
            best = (value, z);
        }
    }
    best
}

/// Random correlated inputs, their Gram matrix and one column of weights.
fn problem(inputs: usize, seed: u64) -> (Vec<f32>, DMatrix<f64>, Vec<f32>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut vectors = Vec::new();
    for _ in 0..40 {
        let common = rng.random_range(0f32..2.0);
        vectors.extend((0..inputs).map(|_| common + rng.random_range(-0.7f32..0.7)));
    }
    let x = DMatrix::from_iterator(inputs, 40, vectors.iter().map(|&x| f64::from(x)));
    let gram = &x * x.transpose() / 40.0;
    (vectors, gram, random(inputs, &mut rng))
}

#[test]
fn post_training_finds_the_best_of_all_signs_and_sets() {
    let mut found_best = 0;
    for seed in 0..40 {
        let (inputs, fragment) = (6, 3);
        let (vectors, gram, w) = problem(inputs, seed);
        let mut calibration = Calibration::new(inputs).unwrap();
        calibration.add(&vectors).unwrap();
        let weights = matrix(inputs, 1, &w);
        let solver = PostTraining::new(fragment).unwrap().with_damping(0.0).unwrap();
        let solved = solver.with_sweeps(10_000).unwrap().solve(&weights, &calibration).unwrap();

        let w = DVector::from_iterator(inputs, w.iter().map(|&w| f64::from(w)));
        let q = &gram * &w;
        let power = w.dot(&q);
        let minima = (0..4).map(|signs| {
            let negative: Vec<bool> = (0..inputs).map(|at| signs >> (at / fragment) & 1 == 1).collect();
            (constrained_minimum(&gram, &q, &negative).0 + 0.5 * power) / (0.5 * power)
        });
        let minima: Vec<f64> = minima.collect();
        let best = minima.iter().copied().fold(f64::INFINITY, f64::min);
        // For the signs it settled on, the minimum; over all signs, mostly so.
        let signs =
            (0..2).map(|at| usize::from(solved.signs.is_negative(at, 0).unwrap()) << at).sum::<usize>();
        assert!((solved.error - minima[signs]).abs() < 1e-4, "seed {seed}: {} {minima:?}", solved.error);
        assert!(solved.error > best - 1e-6 && solved.error <= solved.projected_error + 1e-9, "seed {seed}");
        found_best += usize::from(solved.error < best + 1e-4);
    }
    assert!(found_best >= 32, "{found_best} of 40");
}

/// The nearest sign keeps the first weight, but its input is faint: the outputs ask for the second.
#[test]
fn signs_follow_the_outputs() {
    let weights = matrix(4, 1, &[1.0, -0.9, 0.5, 0.5]);
    let mut calibration = Calibration::new(4).unwrap();
    for (a, b) in [(0.1, 1.0), (-0.1, 1.0), (0.1, -1.0), (-0.1, -1.0)] {
        calibration.add(&[a, b, 0.0, a * b]).unwrap();
    }
    assert_eq!(
        Polarization::new(2, SignRule::Nearest).unwrap().signs(&weights).is_negative(0, 0),
        Some(false)
    );
    let solved = PostTraining::new(2).unwrap().solve(&weights, &calibration).unwrap();
    assert_eq!(solved.signs.is_negative(0, 0), Some(true));
    assert_eq!(solved.weights.as_row_slice()[..2], [0.0, -0.9]);
    assert!(solved.error < 0.02 && solved.projected_error > 0.9);
}

#[test]
fn bias_and_damping_mean_what_they_say() {
    let (vectors, _, w) = problem(6, 99);
    let mut calibration = Calibration::new(6).unwrap();
    calibration.add(&vectors).unwrap();
    let weights = matrix(6, 1, &w);
    let dot =
        |x: &[f32], z: &[f32]| -> f64 { x.iter().zip(z).map(|(&x, &z)| f64::from(x) * f64::from(z)).sum() };
    let solver = PostTraining::new(6).unwrap();
    let solved = solver.with_bias().solve(&weights, &calibration).unwrap();
    let outputs: Vec<f64> = vectors.chunks_exact(6).map(|x| dot(x, &w)).collect();
    let errors: Vec<f64> = vectors
        .chunks_exact(6)
        .map(|x| dot(x, &w) - dot(x, solved.weights.as_row_slice()) - solved.bias[0])
        .collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let variance =
        |values: &[f64]| mean(&values.iter().map(|v| (v - mean(values)).powi(2)).collect::<Vec<_>>());
    assert!(mean(&errors).abs() < 1e-6, "the bias removes the mean");
    assert!((solved.error - variance(&errors) / variance(&outputs)).abs() < 1e-6);

    // Overwhelming damping is a plain projection onto the nearest polarized matrix.
    let damped = solver.with_damping(1e9).unwrap().solve(&weights, &calibration).unwrap();
    let mut nearest = weights.clone();
    Polarization::new(6, SignRule::Nearest).unwrap().project(&mut nearest);
    for (a, b) in damped.weights.as_row_slice().iter().zip(nearest.as_row_slice()) {
        assert!((a - b).abs() < 1e-6);
    }
    assert!((damped.error - damped.projected_error).abs() < 1e-6);
}

#[test]
fn levels_beat_rounding_and_keep_signs() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let (inputs, outputs, fragment) = (24, 5, 8);
    let (vectors, _, _) = problem(inputs, 7);
    // Polarized already, so that levels are all that costs.
    let mut weights = matrix(inputs, outputs, &random(inputs * outputs, &mut rng));
    Polarization::new(fragment, SignRule::Nearest).unwrap().project(&mut weights);
    let mut calibration = Calibration::new(inputs).unwrap();
    calibration.add(&vectors).unwrap();
    let quantization = Quantization::new(4, ScaleRule::MinMax).unwrap();
    let solver = PostTraining::new(fragment).unwrap().with_damping(1e-6).unwrap();
    let plain = solver.solve(&weights, &calibration).unwrap();
    let solved = solver.with_quantization(quantization).solve(&weights, &calibration).unwrap();
    let quantized = solved.quantized.unwrap();
    assert_eq!(quantized.to_real().unwrap(), solved.weights);
    assert_eq!(quantized.steps, quantization.steps(&plain.weights).unwrap());
    for (at, &level) in quantized.weights.as_row_slice().iter().enumerate() {
        let negative = solved.signs.is_negative(at / outputs / fragment, at % outputs).unwrap();
        assert!(level == 0 || (level < 0) == negative);
    }
    let rounded = quantization.quantize(&plain.weights).unwrap().to_real().unwrap();
    let error = |z: &RealWeights| -> f64 {
        let difference = |x: &[f32], output: usize| -> f64 {
            (0..inputs)
                .map(|i| {
                    f64::from(x[i]) * f64::from(weights.get(i, output).unwrap() - z.get(i, output).unwrap())
                })
                .sum()
        };
        let vectors = vectors.chunks_exact(inputs);
        vectors.flat_map(|x| (0..outputs).map(move |output| difference(x, output).powi(2))).sum()
    };
    assert!(error(&solved.weights) < 0.5 * error(&rounded), "{} {}", error(&solved.weights), error(&rounded));
}

/// Where earlier layers deviate, later ones make up for it.
#[test]
fn what_earlier_layers_changed_is_compensated() {
    let (vectors, _, w) = problem(4, 3);
    let seen: Vec<f32> = vectors.iter().map(|x| 0.5 * x).collect();
    let w: Vec<f32> = w.iter().map(|w| w.abs()).collect();
    let mut calibration = Calibration::new(4).unwrap();
    calibration.add_pairs(&seen, &vectors).unwrap();
    let solver = PostTraining::new(4).unwrap().with_damping(0.0).unwrap().with_sweeps(100_000).unwrap();
    let solved = solver.solve(&matrix(4, 1, &w), &calibration).unwrap();
    assert!(solved.error < 1e-5, "{}", solved.error);
    assert!((solved.projected_error - 0.25).abs() < 1e-6, "half the inputs, half the outputs");
    for (z, w) in solved.weights.as_row_slice().iter().zip(&w) {
        assert!((z - 2.0 * w).abs() < 0.05, "{z} {w}");
    }
    // A shift of the inputs is the bias's to undo.
    let shifted: Vec<f32> = seen.iter().map(|x| x + 0.3).collect();
    let mut calibration = Calibration::new(4).unwrap();
    calibration.add_pairs(&shifted, &vectors).unwrap();
    let fixed = solver.with_bias().solve(&matrix(4, 1, &w), &calibration).unwrap();
    let shift = 0.3 * fixed.weights.as_row_slice().iter().sum::<f32>();
    assert!((fixed.bias[0] + f64::from(shift)).abs() < 0.02, "{} {shift}", fixed.bias[0]);
    assert!(fixed.error < 1e-4, "{}", fixed.error);
}

#[test]
fn singular_calibrations_are_handled_and_said() {
    let weights = matrix(4, 1, &[1.0, -0.5, 0.25, -3.0]);
    let mut calibration = Calibration::new(4).unwrap();
    // One vector: rank 1, and the last input is dead.
    calibration.add(&[1.0, 2.0, 3.0, 0.0]).unwrap();
    for damping in [0.0, 0.01] {
        let solver = PostTraining::new(2).unwrap().with_damping(damping).unwrap();
        let solved = solver.solve(&weights, &calibration).unwrap();
        assert_eq!(solved.dead_inputs, 1);
        assert!(solved.error < 0.05, "{}", solved.error);
        let fixed = solver.with_bias().solve(&weights, &calibration).unwrap();
        assert_eq!((fixed.dead_inputs, fixed.error), (4, 0.0));
        assert!(fixed.weights.as_row_slice().iter().all(|w| w.is_finite()));
    }
    let mut dark = Calibration::new(4).unwrap();
    dark.add(&[0.0; 8]).unwrap();
    let solved = PostTraining::new(2).unwrap().solve(&weights, &dark).unwrap();
    assert_eq!(solved.weights.as_row_slice(), [1.0, 0.0, 0.0, -3.0]);
    assert_eq!((solved.dead_inputs, solved.error), (4, 0.0));
}

/// Levels that do not reach a weight are refused where a step is given and counted where a quantile asks for it.
#[test]
fn levels_that_do_not_reach() {
    let (vectors, _, _) = problem(4, 11);
    let mut calibration = Calibration::new(4).unwrap();
    calibration.add(&vectors).unwrap();
    assert_eq!(calibration.gram(usize::MAX, 1), None);
    let weights = matrix(4, 1, &[1.0, 2.0, 3.0, 100.0]);
    let solve = |rule| {
        let solver = PostTraining::new(4).unwrap().with_damping(1e6).unwrap();
        solver.with_quantization(Quantization::new(4, rule).unwrap()).solve(&weights, &calibration)
    };
    let error = solve(ScaleRule::Step(0.1)).unwrap_err().to_string();
    assert!(error.contains("weight 10 at input 0") && error.contains("-7..=7"), "{error}");
    assert_eq!(solve(ScaleRule::Step(15.0)).unwrap().quantized.unwrap().clipped, 0);
    let quantized = solve(ScaleRule::Quantile(0.5)).unwrap().quantized.unwrap();
    assert_eq!((quantized.clipped, quantized.weights.as_row_slice()[3]), (2, 7));
}

#[test]
fn bad_calibrations() {
    let weights = matrix(2, 1, &[1.0, -1.0]);
    let empty = Calibration::new(2).unwrap();
    let solver = PostTraining::new(2).unwrap();
    let none = Error::Integer { name: "calibration vectors", value: 0, min: 1, max: i64::MAX };
    assert_eq!(solver.solve(&weights, &empty).unwrap_err(), none);
    assert_eq!(empty.power(false).unwrap_err(), none);
    let mut calibration = empty.clone();
    assert_eq!(calibration.add(&[1.0; 3]), Err(Error::Batch { found: 3, vector: 2 }));
    let short = Error::Length { name: "meant vectors", expected: 4, found: 2 };
    assert_eq!(calibration.add_pairs(&[1.0; 4], &[1.0; 2]), Err(short));
    assert!(calibration.add(&[1.0, f32::NAN]).unwrap_err().to_string().contains("calibration input is NaN"));
    assert_eq!(calibration, empty, "nothing was added");
    calibration.add(&[1.0, 2.0]).unwrap();
    let size = Error::Length { name: "inputs of the calibration", expected: 3, found: 2 };
    assert_eq!(solver.solve(&matrix(3, 1, &[0.0; 3]), &calibration).unwrap_err(), size);
    assert!(Calibration::new(0).is_err());
    assert!(PostTraining::new(0).is_err());
    assert!(solver.with_damping(-1.0).is_err() && solver.with_damping(f64::NAN).is_err());
    assert!(solver.with_sweeps(0).is_err());
}

#[test]
fn orders_by_width_height_and_channel() {
    // Channels c, rows h, columns w of a 2 × 2 × 3 kernel; the element's index is c·6 + h·3 + w.
    let index = |c: usize, h: usize, w: usize| c * 6 + h * 3 + w;
    let (mut width, mut height, mut channel) = (Vec::new(), Vec::new(), Vec::new());
    for c in 0..2 {
        (0..2).for_each(|h| (0..3).for_each(|w| width.push(index(c, h, w))));
        (0..3).for_each(|w| (0..2).for_each(|h| height.push(index(c, h, w))));
    }
    for h in 0..2 {
        (0..3).for_each(|w| (0..2).for_each(|c| channel.push(index(c, h, w))));
    }
    assert_eq!(RowOrder::width_major(2, 2, 3).unwrap().places(), width);
    assert_eq!(RowOrder::height_major(2, 2, 3).unwrap().places(), height);
    assert_eq!(RowOrder::channel_major(2, 2, 3).unwrap().places(), channel);
}

#[test]
fn reordered_products_are_the_same() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let weights = matrix(12, 3, &random(36, &mut rng));
    let x = random(24, &mut rng);
    let order = RowOrder::height_major(2, 2, 3).unwrap();
    let product = |weights: &RealWeights, x: &[f32]| -> Vec<f64> {
        let y = |x: &[f32], j: usize| {
            x.iter()
                .enumerate()
                .map(|(i, &x)| f64::from(x) * f64::from(weights.get(i, j).unwrap()))
                .sum::<f64>()
        };
        x.chunks_exact(12).flat_map(|x| (0..3).map(|j| y(x, j)).collect::<Vec<_>>()).collect()
    };
    let reordered = product(&order.reorder(&weights).unwrap(), &order.apply(&x).unwrap());
    for (a, b) in reordered.iter().zip(product(&weights, &x)) {
        assert!((a - b).abs() < 1e-12);
    }
    assert_eq!(order.inverse().reorder(&order.reorder(&weights).unwrap()).unwrap(), weights);
    // Moments of reordered vectors are reordered moments.
    let (mut direct, mut later) = (Calibration::new(12).unwrap(), Calibration::new(12).unwrap());
    let shifted: Vec<f32> = x.iter().map(|x| x * x).collect();
    direct.add_pairs(&order.apply(&x).unwrap(), &order.apply(&shifted).unwrap()).unwrap();
    later.add_pairs(&x, &shifted).unwrap();
    assert_eq!(later.reordered(&order).unwrap(), direct);
}

#[test]
fn searching_never_costs_more_and_the_cost_is_the_distance() {
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    let weights = matrix(24, 4, &random(96, &mut rng));
    let candidates = [
        RowOrder::width_major(2, 4, 3).unwrap(),
        RowOrder::height_major(2, 4, 3).unwrap(),
        RowOrder::channel_major(2, 4, 3).unwrap(),
    ];
    for fragment in [1, 4, 5, 24, 100] {
        let distance = |order: &RowOrder| {
            let mut weights = order.reorder(&weights).unwrap();
            let moved = Polarization::new(fragment, SignRule::Nearest).unwrap().project(&mut weights);
            moved.distance.powi(2)
        };
        let best = candidates.iter().map(distance).fold(f64::INFINITY, f64::min);
        let plain = RowOrder::search(&candidates, &weights, fragment, None, 0).unwrap();
        assert!((distance(&plain) - best).abs() < 1e-9);
        let found = RowOrder::search(&candidates, &weights, fragment, None, 20).unwrap();
        assert!((found.cost(&weights, fragment, None).unwrap() - distance(&found)).abs() < 1e-9);
        assert!(distance(&found) <= best + 1e-9);
        if fragment == 4 {
            assert!(distance(&found) < 0.9 * best, "{} {best}", distance(&found));
        }
    }
}

#[test]
fn important_rows_decide_the_order() {
    let weights = matrix(4, 1, &[1.0, -1.0, 1.0, -1.0]);
    let natural = RowOrder::new(vec![0, 1, 2, 3]).unwrap();
    assert_eq!(natural.cost(&weights, 2, Some(&[1.0, 10.0, 3.0, 2.0])), Ok(1.0 + 2.0));
    let wrong = Error::Length { name: "importance", expected: 4, found: 1 };
    assert_eq!(natural.cost(&weights, 2, Some(&[1.0])), Err(wrong));
    assert!(natural.cost(&weights, 2, Some(&[1.0, -1.0, 0.0, 0.0])).is_err());
    assert!(natural.cost(&weights, 0, None).is_err());
    assert!(natural.reorder(&matrix(3, 1, &[0.0; 3])).is_err());
    assert_eq!(natural.apply(&[1, 2, 3]), Err(Error::Batch { found: 3, vector: 4 }));
    assert!(RowOrder::search(&[], &weights, 2, None, 1).is_err());
    assert_eq!(RowOrder::new(vec![0, 2, 2]), Err(Error::Repeated { name: "row order", index: 2 }));
    assert!(RowOrder::new(vec![0, 3]).unwrap_err().to_string().contains("row of an order is 3"));
    assert!(RowOrder::new(vec![]).is_err());
    assert!(RowOrder::channel_major(0, 2, 2).is_err());
    assert!(RowOrder::channel_major(usize::MAX, 2, 2).is_err());
}

/// Trains a linear model by gradient descent with ADMM's penalty.
fn train(admm: &mut Admm, h: &DMatrix<f64>, q: &DVector<f64>, epochs: usize) -> RealWeights {
    let n = q.len();
    let mut w = admm.target().as_row_slice().to_vec();
    for _ in 0..epochs {
        for _ in 0..60 {
            let wide = DVector::from_iterator(n, w.iter().map(|&w| f64::from(w)));
            let mut gradient: Vec<f32> = (h * wide - q).iter().map(|&g| g as f32).collect();
            admm.add_penalty_gradient(&w, &mut gradient).unwrap();
            w.iter_mut().zip(gradient).for_each(|(w, g)| *w -= 0.08 * g);
        }
        admm.update(&matrix(n, 1, &w)).unwrap();
    }
    matrix(n, 1, &w)
}

/// With signs held the problem is convex, and ADMM must end at its one minimum.
#[test]
fn admm_finds_the_minimum_for_its_signs() {
    for seed in 0..5 {
        let (_, h, w) = problem(6, 200 + seed);
        let h = h + DMatrix::identity(6, 6) * 0.2;
        let q = &h * DVector::from_iterator(6, w.iter().map(|&w| f64::from(w)));
        let start = matrix(6, 1, &w);
        let signs = Polarization::new(3, SignRule::Sum).unwrap().signs(&start);
        let mut admm = Admm::new(polarized(3, SignRule::Sum), 1.0, &start).unwrap();
        admm = admm.with_refresh_every(usize::MAX >> 1).unwrap();
        let trained = train(&mut admm, &h, &q, 300);
        let feasible = admm.finish(&trained).unwrap();
        let negative: Vec<bool> = (0..6).map(|at| signs.is_negative(at / 3, 0).unwrap()).collect();
        let (minimum, _) = constrained_minimum(&h, &q, &negative);
        let value = |z: &RealWeights| {
            let z = DVector::from_iterator(6, z.as_row_slice().iter().map(|&z| f64::from(z)));
            0.5 * (&h * &z).dot(&z) - q.dot(&z)
        };
        assert!((value(&feasible.weights) - minimum).abs() < 1e-3 * minimum.abs(), "seed {seed}");
        let projected = polarized(3, SignRule::Sum).project(&start).unwrap().weights;
        assert!(value(&feasible.weights) <= value(&projected));
        assert_eq!(admm.epochs(), 300);
    }
}

#[test]
fn residuals_penalty_and_multipliers_follow_their_equations() {
    let start = matrix(4, 1, &[1.0, -0.5, 0.25, -0.125]);
    let mut admm = Admm::new(polarized(2, SignRule::Sum), 2.0, &start).unwrap();
    assert_eq!(admm.target().as_row_slice(), [1.0, 0.0, 0.25, 0.0]);
    assert_eq!(admm.penalty(start.as_row_slice()), Ok(0.25 + 0.015_625));
    let mut gradient = vec![10.0; 4];
    admm.add_penalty_gradient(start.as_row_slice(), &mut gradient).unwrap();
    assert_eq!(gradient, [10.0, 9.0, 10.0, 9.75]);
    // The second fragment turns: its sum is now −1.
    let next = matrix(4, 1, &[1.0, -0.5, 0.5, -1.5]);
    let residuals = admm.update(&next).unwrap();
    assert_eq!((residuals.flips, residuals.primal), (1, 0.5f64.sqrt()));
    assert_eq!(residuals.dual, 2.0 * (0.25f64 * 0.25 + 1.5 * 1.5).sqrt());
    assert_eq!(admm.target().as_row_slice(), [1.0, 0.0, 0.0, -1.5]);
    assert_eq!(admm.multipliers(), [0.0, -0.5, 0.5, 0.0]);
    admm.set_rho(4.0).unwrap();
    assert_eq!((admm.rho(), admm.multipliers()), (4.0, &[0.0, -0.25, 0.25, 0.0][..]));
}

#[test]
fn signs_are_refreshed_when_due() {
    let (plus, minus) = (matrix(2, 1, &[1.0, -0.5]), matrix(2, 1, &[0.1, -1.0]));
    let mut admm = Admm::new(polarized(2, SignRule::Sum), 1.0, &plus).unwrap().with_refresh_every(3).unwrap();
    let flips: Vec<usize> = (0..6).map(|_| admm.update(&minus).unwrap().flips).collect();
    assert_eq!(flips, [0, 0, 1, 0, 0, 0]);
    assert_eq!(admm.held().signs().unwrap().is_negative(0, 0), Some(true));
}

#[test]
fn constraints_are_projected_onto_in_order() {
    let mut rng = ChaCha8Rng::seed_from_u64(21);
    let weights = matrix(20, 6, &random(120, &mut rng));
    let pruning = Pruning::new(0.5, 0.5).unwrap().with_crossbar(4, 2).unwrap();
    let quantization = Quantization::new(4, ScaleRule::MinMax).unwrap();
    let constraints =
        polarized(4, SignRule::Sum).with_pruning(pruning).unwrap().with_quantization(quantization);
    let feasible = constraints.project(&weights).unwrap();
    assert_eq!((feasible.kept.inputs().len(), feasible.kept.outputs().len()), (12, 4));
    let mut compact = feasible.kept.compact(&weights).unwrap();
    let polarized_by = Polarization::new(4, SignRule::Sum).unwrap().project(&mut compact);
    assert_eq!(feasible.polarized, polarized_by);
    let quantized = quantization.quantize(&compact).unwrap();
    assert_eq!(feasible.quantized.as_ref(), Some(&quantized));
    assert_eq!(feasible.weights, feasible.kept.expand(&quantized.to_real().unwrap()).unwrap());
    assert!(feasible.pruned.distance < feasible.moved.distance);

    let held = constraints.hold(&weights).unwrap();
    let again = constraints.project_held(&held, &feasible.weights).unwrap();
    assert_eq!((again.moved.distance, again.weights), (0.0, feasible.weights.clone()));
    // A mask lets magnitudes move, but neither signs nor what was removed.
    let mut retrained = matrix(20, 6, &random(120, &mut rng));
    let before = retrained.clone();
    held.project(&mut retrained).unwrap();
    for (at, (&new, &old)) in retrained.as_row_slice().iter().zip(before.as_row_slice()).enumerate() {
        let place = feasible.kept.inputs().iter().position(|&input| input == at / 6);
        let column = feasible.kept.outputs().iter().position(|&output| output == at % 6);
        let stays = place.zip(column).is_some_and(|(place, column)| {
            held.signs().unwrap().is_negative(place / 4, column) == Some(old < 0.0)
        });
        assert_eq!(new, if stays { old } else { 0.0 });
    }
}

#[test]
fn bad_training() {
    let weights = matrix(2, 1, &[1.0, -1.0]);
    // Gradients are f32: as one, 1e-60 would be 0 and 1e60 infinite.
    for rho in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-60, 1e60] {
        assert!(Admm::new(Constraints::NONE, rho, &weights).unwrap_err().to_string().contains("rho"));
    }
    let mut admm = Admm::new(Constraints::NONE, 1.0, &weights).unwrap();
    assert!(admm.clone().with_refresh_every(0).is_err());
    let length = |name, found| Error::Length { name, expected: 2, found };
    assert_eq!(admm.penalty(&[0.0]), Err(length("weights", 1)));
    assert_eq!(admm.add_penalty_gradient(&[0.0; 2], &mut [0.0; 3]), Err(length("gradient", 3)));
    assert!(admm.update(&matrix(1, 2, &[0.0; 2])).is_err());
    assert!(admm.set_rho(0.0).is_err() && admm.set_rho(1e60).is_err());
    let pruning = Pruning::new(0.5, 1.0).unwrap().with_crossbar(128, 32).unwrap();
    let divide = Constraints::NONE.with_pruning(pruning).unwrap();
    let error = divide.with_polarization(Polarization::new(24, SignRule::Sum).unwrap()).unwrap_err();
    assert!(error.to_string().contains("fragment is 24, which does not divide"), "{error}");
}
