//! Projections: exact, closest, idempotent; bad input.

use forms_xbar::nalgebra::DMatrix;
use forms_xbar::polarize::{
    FragmentSigns, Kept, Moved, Polarization, Pruning, Quantization, ScaleRule, SignRule,
};
use forms_xbar::{Error, RealWeights};
use proptest::prelude::*;

fn matrix(inputs: usize, outputs: usize, values: &[f32]) -> RealWeights {
    RealWeights::from_row_slice(inputs, outputs, values).unwrap()
}

/// Sizes around the block of 16 columns, and weights of which many are equal, 0 or −0.
fn matrices() -> impl Strategy<Value = RealWeights> {
    (1usize..20, 1usize..40).prop_flat_map(|(inputs, outputs)| {
        let weight = prop_oneof![
            4 => -1f32..1.0,
            1 => Just(0.0),
            1 => Just(-0.0),
            1 => (-3i8..4).prop_map(f32::from),
            1 => Just(1e30),
            1 => Just(-1e-40),
        ];
        prop::collection::vec(weight, inputs * outputs)
            .prop_map(move |values| matrix(inputs, outputs, &values))
    })
}

fn bits(weights: &RealWeights) -> Vec<u32> {
    weights.as_row_slice().iter().map(|value| value.to_bits()).collect()
}

fn distance(a: &RealWeights, b: &RealWeights) -> f64 {
    let pairs = a.as_row_slice().iter().zip(b.as_row_slice());
    pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>().sqrt()
}

fn assert_moved(moved: Moved, before: &RealWeights, after: &RealWeights) {
    let zero = matrix(before.inputs(), before.outputs(), &vec![0.0; before.as_row_slice().len()]);
    let (expected, norm) = (distance(before, after), distance(before, &zero));
    assert!((moved.distance - expected).abs() <= 1e-12 * norm, "{} {expected}", moved.distance);
    assert!((moved.norm - norm).abs() <= 1e-12 * norm, "{} {norm}", moved.norm);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn polarization_is_a_projection(before in matrices(), fragment in 1usize..24, nearest: bool) {
        let rule = if nearest { SignRule::Nearest } else { SignRule::Sum };
        let polarization = Polarization::new(fragment, rule).unwrap();
        let mut after = before.clone();
        let moved = polarization.project(&mut after);
        assert_moved(moved, &before, &after);
        let signs = polarization.signs(&before);
        for output in 0..before.outputs() {
            for start in (0..before.inputs()).step_by(fragment) {
                let rows = start..before.inputs().min(start + fragment);
                let negative = signs.is_negative(start / fragment, output).unwrap();
                for input in rows {
                    let (old, new) = (before.get(input, output).unwrap(), after.get(input, output).unwrap());
                    prop_assert_eq!(new, if (old < 0.0) == negative { old } else { 0.0 });
                }
            }
        }
        let mut again = after.clone();
        prop_assert_eq!(polarization.project(&mut again).distance, 0.0);
        prop_assert_eq!(bits(&again), bits(&after));
        let mut held = before.clone();
        assert_moved(signs.project(&mut held).unwrap(), &before, &held);
        prop_assert_eq!(bits(&held), bits(&after));
        prop_assert_eq!(signs.project(&mut held).unwrap().distance, 0.0);
    }

    /// Every polarized neighbour on a lattice around the weights is at least as far.
    #[test]
    fn the_nearest_sign_is_nearest(values in prop::collection::vec(-4i8..5, 1..6)) {
        let values: Vec<f32> = values.into_iter().map(f32::from).collect();
        let before = matrix(values.len(), 1, &values);
        let mut after = before.clone();
        let moved = Polarization::new(values.len(), SignRule::Nearest).unwrap().project(&mut after);
        let mut best = f64::INFINITY;
        let lattice = 9usize.pow(values.len() as u32);
        for code in 0..lattice {
            let point: Vec<f32> =
                (0..values.len()).map(|digit| (code / 9usize.pow(digit as u32) % 9) as f32 - 4.0).collect();
            if point.iter().all(|&v| v >= 0.0) || point.iter().all(|&v| v <= 0.0) {
                best = best.min(distance(&before, &matrix(values.len(), 1, &point)));
            }
        }
        prop_assert!((moved.distance - best).abs() < 1e-12, "{} {best}", moved.distance);
    }

    #[test]
    fn the_paper_takes_the_sign_of_the_sum(values in prop::collection::vec(-4i8..5, 1..20)) {
        let sum: i32 = values.iter().map(|&v| i32::from(v)).sum();
        let weights = matrix(values.len(), 1, &values.iter().map(|&v| f32::from(v)).collect::<Vec<_>>());
        let signs = Polarization::new(values.len(), SignRule::Sum).unwrap().signs(&weights);
        prop_assert_eq!(signs.is_negative(0, 0), Some(sum < 0));
    }

    #[test]
    fn pruning_is_a_projection(
        before in matrices(), rows in 0.01f64..=1.0, columns in 0.01f64..=1.0, crossbar in (1usize..6, 1usize..6),
    ) {
        let pruning = Pruning::new(rows, columns).unwrap().with_crossbar(crossbar.0, crossbar.1).unwrap();
        let mut after = before.clone();
        let (kept, moved) = pruning.project(&mut after);
        assert_moved(moved, &before, &after);
        for (kept, of, ratio, crossbar) in [
            (kept.inputs().len(), before.inputs(), rows, crossbar.0),
            (kept.outputs().len(), before.outputs(), columns, crossbar.1),
        ] {
            prop_assert!(kept as f64 >= ratio * of as f64);
            prop_assert!(kept == of || kept % crossbar == 0);
            prop_assert!((kept as f64) < ratio * of as f64 + crossbar as f64);
        }
        prop_assert_eq!(kept.expand(&kept.compact(&before).unwrap()).unwrap(), after.clone());
        prop_assert_eq!(&pruning.select(&before), &kept);
        let mut held = before.clone();
        assert_moved(kept.project(&mut held).unwrap(), &before, &held);
        prop_assert_eq!(&held, &after);
        let mut again = after.clone();
        prop_assert_eq!(pruning.project(&mut again).1.distance, 0.0);
        prop_assert_eq!(&again, &after);
    }

    #[test]
    fn quantization_is_a_projection(
        before in matrices(), bits_of_a_weight in 2u32..17, rule in rules(), per_column: bool, full: bool,
    ) {
        let mut quantization = Quantization::new(bits_of_a_weight, rule).unwrap();
        if per_column { quantization = quantization.with_step_per_column(); }
        if full { quantization = quantization.with_full_magnitude(); }
        let mut after = before.clone();
        // A quantile of 0 is refused, and says so.
        let Ok(quantized) = quantization.quantize(&before) else { return Ok(()) };
        assert_moved(quantization.project(&mut after).unwrap(), &before, &after);
        prop_assert_eq!(bits(&quantized.to_real().unwrap()), bits(&after));
        for (at, &level) in quantized.weights.as_row_slice().iter().enumerate() {
            let step = quantized.step(at % before.outputs()).unwrap();
            let exact = f64::from(before.as_row_slice()[at]) / step;
            let limit = f64::from(quantization.max_level());
            prop_assert!((f64::from(level) - exact.clamp(-limit, limit)).abs() <= 0.5);
        }
        let mut again = after.clone();
        prop_assert_eq!(quantization.project(&mut again).unwrap().distance, 0.0);
        prop_assert_eq!(bits(&again), bits(&after));
    }

    #[test]
    fn least_squares_is_close_to_the_best_of_all_steps(
        values in prop::collection::vec(-1f32..1.0, 3..60), bits_of_a_weight in 2u32..6,
    ) {
        let before = matrix(values.len(), 1, &values);
        let moved = |rule| {
            Quantization::new(bits_of_a_weight, rule).unwrap().quantize(&before).unwrap().moved.distance
        };
        let (best, plain) = (moved(ScaleRule::LeastSquares), moved(ScaleRule::MinMax));
        prop_assert!(best <= plain);
        let largest = values.iter().fold(0f32, |a, b| a.max(b.abs()));
        let levels = f64::from((1 << (bits_of_a_weight - 1)) - 1);
        let exhaustive = (1..=4000)
            .map(|part| {
                let step = f64::from(largest) * f64::from(part) / 4000.0 / levels;
                let error = values.iter().map(|&v| {
                    let level = (f64::from(v) / step).round().clamp(-levels, levels);
                    (f64::from(v) - level * step).powi(2)
                });
                error.sum::<f64>().sqrt()
            })
            .fold(f64::INFINITY, f64::min);
        prop_assert!(best <= 1.1 * exhaustive + 1e-6, "{best} {exhaustive} {plain}");
    }
}

fn rules() -> impl Strategy<Value = ScaleRule> {
    prop_oneof![
        Just(ScaleRule::MinMax),
        (0.5f64..=1.0).prop_map(ScaleRule::Quantile),
        Just(ScaleRule::LeastSquares),
    ]
}

#[test]
fn quantized_polarized_weights_stay_polarized() {
    let mut weights = matrix(4, 1, &[-3.0, -0.001, -1.0, 0.2]);
    Polarization::new(4, SignRule::Sum).unwrap().project(&mut weights);
    let quantized = Quantization::new(8, ScaleRule::MinMax).unwrap().with_full_magnitude().quantize(&weights);
    let quantized = quantized.unwrap();
    assert_eq!(quantized.weights.as_row_slice(), [-255, 0, -85, 0]);
    assert_eq!(quantized.weights.range(), (-255, 255));
    let clipped = Quantization::new(4, ScaleRule::Quantile(0.75)).unwrap().quantize(&weights).unwrap();
    assert_eq!((clipped.weights.as_row_slice(), clipped.clipped), (&[-7, 0, -7, 0][..], 1));
}

#[test]
fn halves_round_away_from_zero() {
    let weights = matrix(8, 1, &[0.25, -0.25, 0.75, -0.75, 1.25, -1.25, 0.249, -0.249]);
    let quantized = Quantization::new(8, ScaleRule::Step(0.5)).unwrap().quantize(&weights).unwrap();
    assert_eq!(quantized.weights.as_row_slice(), [1, -1, 2, -2, 3, -3, 0, 0]);
    let mut projected = weights.clone();
    Quantization::new(8, ScaleRule::Step(0.5)).unwrap().project(&mut projected).unwrap();
    assert_eq!(bits(&projected), [0.5, -0.5, 1.0, -1.0, 1.5, -1.5, 0.0, 0.0].map(f32::to_bits));
}

/// Rows longer than what is rounded and counted together.
#[test]
fn wide_matrices_are_rounded_and_pruned_weight_by_weight() {
    let (inputs, outputs) = (5, 1043);
    let values: Vec<f32> = (0..inputs * outputs)
        .map(|at| ((at * 7919) % 1009) as f32 / 504.0 - 1.0 + at as f32 * 1e-4)
        .collect();
    let before = matrix(inputs, outputs, &values);
    let quantization = Quantization::new(6, ScaleRule::Quantile(0.7)).unwrap();
    for quantization in [quantization, quantization.with_step_per_column()] {
        let quantized = quantization.quantize(&before).unwrap();
        let mut clipped = 0;
        for (at, &value) in values.iter().enumerate() {
            let level = (f64::from(value.abs()) / quantized.step(at % outputs).unwrap() + 0.5).floor();
            clipped += usize::from(level > 31.0);
            let level = if value < 0.0 { -level.min(31.0) } else { level.min(31.0) };
            assert_eq!(f64::from(quantized.weights.as_row_slice()[at]), level, "weight {at}");
        }
        assert!(clipped > 0 && quantized.clipped == clipped, "{clipped} {}", quantized.clipped);
        let mut after = before.clone();
        assert_eq!(quantization.project(&mut after).unwrap(), quantized.moved);
        assert_eq!(bits(&after), bits(&quantized.to_real().unwrap()));
        assert_moved(quantized.moved, &before, &after);
    }
    let quantile_steps = quantization.with_step_per_column().steps(&before).unwrap();
    for (output, &step) in quantile_steps.iter().enumerate() {
        let mut column: Vec<f32> = (0..inputs).map(|input| values[input * outputs + output].abs()).collect();
        column.sort_by(f32::total_cmp);
        assert_eq!(step, f64::from(column[3]) / 31.0, "the fourth of five is the quantile 0.7");
    }
    let steps =
        Quantization::new(6, ScaleRule::MinMax).unwrap().with_step_per_column().steps(&before).unwrap();
    for (output, &step) in steps.iter().enumerate() {
        let column = (0..inputs).map(|input| values[input * outputs + output].abs());
        assert_eq!(step, f64::from(column.fold(0.0, f32::max)) / 31.0);
    }

    let mut after = before.clone();
    let (kept, moved) = Pruning::new(0.6, 0.3).unwrap().project(&mut after);
    assert_moved(moved, &before, &after);
    let mut norms: Vec<(f64, usize)> = (0..outputs)
        .map(|output| ((0..inputs).map(|i| f64::from(values[i * outputs + output]).powi(2)).sum(), output))
        .collect();
    norms.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut largest: Vec<usize> = norms[..313].iter().map(|&(_, output)| output).collect();
    largest.sort_unstable();
    assert_eq!((kept.inputs().len(), kept.outputs()), (3, &largest[..]));
    for (at, (&old, &new)) in values.iter().zip(after.as_row_slice()).enumerate() {
        let stays = kept.inputs().contains(&(at / outputs)) && kept.outputs().contains(&(at % outputs));
        assert_eq!(new, if stays { old } else { 0.0 });
    }
}

/// More weights than the search looks at before it gives a fraction up.
#[test]
fn no_fraction_beats_least_squares() {
    let values: Vec<f32> = (0..50_000)
        .map(|at| ((at * 7919) % 10_007) as f32 / 5003.5 - 1.0)
        .map(|x| x * x * x * x * x)
        .collect();
    let before = matrix(500, 100, &values);
    let largest = values.iter().fold(0f32, |a, b| a.max(b.abs()));
    for bits in [3, 6] {
        let moved =
            Quantization::new(bits, ScaleRule::LeastSquares).unwrap().quantize(&before).unwrap().moved;
        let levels = f64::from((1 << (bits - 1)) - 1);
        let errors = (1..=64).map(|fraction| {
            let step = f64::from(largest * fraction as f32 / 64.0) / levels;
            let error = |&v: &f32| {
                let level = (f64::from(v).abs() / step).round().min(levels);
                (f64::from(v).abs() - f64::from((level * step) as f32)).powi(2)
            };
            values.iter().map(error).sum::<f64>().sqrt()
        });
        let best = errors.fold(f64::INFINITY, f64::min);
        assert!(moved.distance <= best * (1.0 + 1e-12), "{} {best}", moved.distance);
        assert!(moved.distance > 0.9 * best, "{} {best}", moved.distance);
    }
}

/// Fragments and rows longer than what is polarized together.
#[test]
fn wide_matrices_are_polarized_fragment_by_fragment() {
    let (inputs, outputs, fragment) = (43, 601, 20);
    let values: Vec<f32> = (0..inputs * outputs)
        .map(|at| ((at * 7919) % 10_007) as f32 / 5003.5 - 1.0)
        .map(|x| x * x * x)
        .collect();
    let before = matrix(inputs, outputs, &values);
    for rule in [SignRule::Sum, SignRule::Nearest] {
        let mut after = before.clone();
        let polarization = Polarization::new(fragment, rule).unwrap();
        let moved = polarization.project(&mut after);
        assert_moved(moved, &before, &after);
        let signs = polarization.signs(&before);
        let mut held = before.clone();
        assert_moved(signs.project(&mut held).unwrap(), &before, &held);
        assert_eq!(bits(&held), bits(&after));
        for (output, start) in (0..outputs).flat_map(|output| [0, 20, 40].map(|start| (output, start))) {
            let places = (start..inputs.min(start + fragment)).map(|input| input * outputs + output);
            let score = places.clone().map(|at| f64::from(values[at])).map(|v| match rule {
                SignRule::Sum => v,
                SignRule::Nearest => v * v.abs(),
            });
            let negative = score.sum::<f64>() < 0.0;
            assert_eq!(signs.is_negative(start / fragment, output), Some(negative));
            for at in places {
                let kept = if (values[at] < 0.0) == negative { values[at] } else { 0.0 };
                assert_eq!(after.as_row_slice()[at], kept, "weight {at}");
            }
        }
    }
}

#[test]
fn the_largest_norms_are_kept() {
    // Column norms² 2, 5, 10; row norms² within the last two columns 1, 13, 1.
    let mut weights = matrix(3, 3, &[1.0, 1.0, 0.0, 0.0, 2.0, 3.0, 1.0, 0.0, 1.0]);
    let (kept, moved) = Pruning::new(2.0 / 3.0, 2.0 / 3.0).unwrap().project(&mut weights);
    assert_eq!((kept.inputs(), kept.outputs()), (&[0, 1][..], &[1, 2][..]));
    assert_eq!(weights.as_row_slice(), [0.0, 1.0, 0.0, 0.0, 2.0, 3.0, 0.0, 0.0, 0.0]);
    assert_eq!((moved.distance, moved.norm), (3f64.sqrt(), 17f64.sqrt()));
    assert_eq!(
        Pruning::new(0.3, 0.01).unwrap().with_crossbar(128, 32).unwrap().remaining(400, 120),
        (128, 32)
    );
    assert_eq!(
        Pruning::new(0.33, 0.9).unwrap().with_crossbar(128, 32).unwrap().remaining(400, 120),
        (256, 120)
    );
}

#[test]
fn orders_of_memory() {
    let weights = matrix(2, 3, &[1.0, 2.0, 3.0, -4.0, -5.0, -6.0]);
    assert_eq!(weights.to_column_vec(), [1.0, -4.0, 2.0, -5.0, 3.0, -6.0]);
    assert_eq!(RealWeights::from_column_slice(2, 3, &weights.to_column_vec()).unwrap(), weights);
    let transposed = DMatrix::from_row_slice(2, 3, weights.as_row_slice());
    assert_eq!(RealWeights::try_from(transposed).unwrap(), weights);
    assert_eq!((weights.get(2, 0), weights.get(0, 3)), (None, None));
}

fn assert_error<T: std::fmt::Debug>(found: Result<T, Error>, names: &[&str]) {
    let message = found.expect_err("must be refused").to_string();
    for name in names {
        assert!(message.contains(name), "`{message}` does not name {name}");
    }
}

#[test]
fn bad_matrices() {
    assert_error(
        RealWeights::from_row_slice(2, 2, &[0.0, 0.0, 0.0, f32::NAN]),
        &["input 1", "output 1", "NaN"],
    );
    let by_columns = RealWeights::from_column_slice(2, 2, &[0.0, f32::INFINITY, 0.0, 0.0]);
    assert_eq!(by_columns.unwrap_err(), Error::NotFinite { input: 1, output: 0, value: f32::INFINITY });
    assert_error(RealWeights::from_row_slice(0, 2, &[]), &["inputs", "0"]);
    assert_error(RealWeights::from_row_slice(2, 2, &[0.0; 3]), &["weights", "3", "4"]);
}

#[test]
fn bad_settings() {
    assert_error(Polarization::new(0, SignRule::Sum), &["fragment", "0"]);
    assert_error(Polarization::new(1 << 17, SignRule::Sum), &["fragment", "65536"]);
    for ratio in [0.0, -0.5, 1.1, f64::NAN] {
        let value = format!("is {ratio}, but must be ");
        assert_error(Pruning::new(ratio, 1.0), &["ratio of rows kept", &value]);
        assert_error(Pruning::new(1.0, ratio), &["ratio of columns kept", &value]);
        assert_error(Quantization::new(8, ScaleRule::Quantile(ratio)), &["quantile", &value]);
    }
    assert_error(Pruning::new(1.0, 1.0).unwrap().with_crossbar(0, 1), &["inputs of a crossbar"]);
    assert_error(Pruning::new(1.0, 1.0).unwrap().with_crossbar(1, 0), &["outputs of a crossbar"]);
    for bits in [0, 1, 17] {
        assert_error(Quantization::new(bits, ScaleRule::MinMax), &["weight bits", "2..=16"]);
    }
    for step in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_error(Quantization::new(8, ScaleRule::Step(step)), &["step"]);
    }
}

#[test]
fn levels_that_overflow() {
    let weights = matrix(1, 3, &[1.0, -12.75, 12.74]);
    let given = |step| Quantization::new(8, ScaleRule::Step(step)).unwrap().quantize(&weights);
    let error = Error::Weight { input: 0, output: 1, value: -128, min: -127, max: 127 };
    assert_eq!(given(0.1).as_ref().unwrap_err(), &error);
    let mut unchanged = weights.clone();
    let projected = Quantization::new(8, ScaleRule::Step(0.1)).unwrap().project(&mut unchanged);
    assert_eq!((projected.unwrap_err(), &unchanged), (error, &weights));
    assert_eq!(given(0.11).unwrap().clipped, 0);
    // Levels beyond any integer are still reported.
    assert_error(given(1e-300), &["weight", "127"]);
    let huge = matrix(1, 1, &[f32::MAX]);
    let rounded_up = Quantization::new(2, ScaleRule::Step(5e38)).unwrap().quantize(&huge);
    assert_error(rounded_up, &["inf"]);
}

#[test]
fn quantiles_of_zero() {
    let weights = matrix(4, 1, &[0.0, 0.0, 0.0, 1.0]);
    let error = Quantization::new(8, ScaleRule::Quantile(0.5)).unwrap().quantize(&weights);
    assert_error(error, &["quantile of the magnitudes", "above 0"]);
    let zeros = matrix(2, 2, &[0.0; 4]);
    for rule in [ScaleRule::MinMax, ScaleRule::Quantile(0.5), ScaleRule::LeastSquares] {
        let quantized = Quantization::new(8, rule).unwrap().with_step_per_column().quantize(&zeros).unwrap();
        assert_eq!((quantized.steps, quantized.moved.relative()), (vec![1.0, 1.0], 0.0));
    }
}

#[test]
fn signs_and_places_that_do_not_fit() {
    assert_error(FragmentSigns::new(2, 3, 2, vec![false; 3]), &["signs", "4", "3"]);
    assert_error(FragmentSigns::new(0, 3, 2, vec![]), &["fragment"]);
    let signs = FragmentSigns::new(2, 3, 2, vec![false; 4]).unwrap();
    assert_error(signs.project(&mut matrix(2, 3, &[0.0; 6])), &["inputs"]);
    assert_error(signs.project(&mut matrix(3, 1, &[0.0; 3])), &["outputs"]);
    assert_error(signs.flips(&FragmentSigns::new(3, 3, 2, vec![false; 2]).unwrap()), &["fragment"]);
    assert_eq!(signs.flips(&FragmentSigns::new(2, 3, 2, vec![true; 4]).unwrap()), Ok(4));
    assert_error(Kept::new((2, 2), vec![0, 0], vec![1]), &["kept inputs", "0 twice"]);
    assert_error(Kept::new((2, 2), vec![0], vec![2]), &["kept output", "2"]);
    assert_error(Kept::new((2, 2), vec![], vec![0]), &["kept inputs"]);
    let kept = Kept::new((2, 2), vec![1], vec![0]).unwrap();
    assert_error(kept.compact(&matrix(1, 2, &[0.0; 2])), &["inputs"]);
    assert_error(kept.expand(&matrix(1, 2, &[0.0; 2])), &["compact"]);
    assert_error(kept.project(&mut matrix(2, 1, &[0.0; 2])), &["outputs"]);
}

#[test]
fn places_far_outside_are_none() {
    let weights = matrix(2, 3, &[1.0, 2.0, 3.0, -4.0, -5.0, -6.0]);
    let signs = FragmentSigns::new(1, 2, 3, vec![true; 6]).unwrap();
    let quantized = Quantization::new(4, ScaleRule::MinMax).unwrap().quantize(&weights).unwrap();
    for far in [2, 1 << 62, usize::MAX] {
        assert_eq!(weights.get(far, 1), None);
        assert_eq!(quantized.weights.get(far, 1), None);
        assert_eq!(signs.is_negative(far, 1), None);
        assert_eq!(quantized.step(far + usize::from(far == 2)), None);
    }
    assert_eq!((weights.get(1, 2), signs.is_negative(1, 2)), (Some(-6.0), Some(true)));
    assert_eq!(quantized.step(2), Some(6.0 / 7.0));
    let mut changed = quantized;
    changed.steps = vec![1.0; 2];
    assert_error(changed.to_real(), &["steps", "3", "2"]);
    // A matrix that no memory holds.
    assert_error(Kept::new((1 << 40, 1 << 40), vec![0], vec![0]), &["weights of the matrix"]);
    assert_error(Kept::new((1 << 32, 1 << 29), vec![0], vec![0]), &["weights of the matrix"]);
}
