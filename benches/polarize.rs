//! How fast are projections, beside a copy of the same matrix?
//!
//! Each is timed in turns with the copy, because the memory of a shared machine is not as fast at all times; printed are
//! medians and the median of the ratios. Projecting works in place on a matrix that stays as projected, which costs
//! what a first projection costs: the loops have no branch on values.
//!
//! `cargo bench --bench polarize`; the ratios and their machine stand in docs/performance.md. Words after `--` choose
//! what contains one of them; `--test` takes one turn each.

use std::env::args;
use std::hint::black_box;
use std::time::{Duration, Instant};

use forms_xbar::RealWeights;
use forms_xbar::polarize::{Polarization, Pruning, Quantization, ScaleRule, SignRule};
use rand::{SeedableRng, rngs::ChaCha8Rng};
use rand_distr::{Distribution, StandardNormal};

const SIZE: usize = 4096;

/// Times in turns with a copy.
struct Turns {
    values: Vec<f32>,
    copied: Vec<f32>,
    chosen: Vec<String>,
    /// To see that it runs.
    once: bool,
}

impl Turns {
    fn print<T>(&mut self, name: &str, turns: usize, projection: impl FnMut() -> T) {
        let copy = || black_box(&mut self.copied).copy_from_slice(black_box(&self.values));
        line(&self.chosen, name, if self.once { 1 } else { turns }, copy, projection);
    }

    /// Beside a copy to memory that has just been given.
    fn print_new<T>(&self, name: &str, turns: usize, projection: impl FnMut() -> T) {
        let turns = if self.once { 1 } else { turns };
        line(&self.chosen, name, turns, || black_box(&self.values).to_vec(), projection);
    }
}

fn line<T, U>(
    chosen: &[String],
    name: &str,
    turns: usize,
    mut copy: impl FnMut() -> U,
    mut projection: impl FnMut() -> T,
) {
    if !chosen.is_empty() && !chosen.iter().any(|word| name.contains(word)) {
        return;
    }
    black_box((copy(), projection()));
    let pairs: Vec<(f64, f64)> =
        (0..turns).map(|_| (milliseconds(&mut copy), milliseconds(&mut projection))).collect();
    let copies = median(pairs.iter().map(|pair| pair.0));
    let projections = median(pairs.iter().map(|pair| pair.1));
    let ratio = median(pairs.iter().map(|pair| pair.1 / pair.0));
    println!("| {name} | {copies:.1} ms | {projections:.1} ms | {ratio:.2} |");
}

fn milliseconds<T>(work: &mut impl FnMut() -> T) -> f64 {
    let start = Instant::now();
    let result = work();
    let taken: Duration = start.elapsed();
    black_box(result);
    1e3 * taken.as_secs_f64()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let values: Vec<f32> = (0..SIZE * SIZE).map(|_| StandardNormal.sample(&mut rng)).collect();
    let matrix = || RealWeights::from_row_slice(SIZE, SIZE, &values).expect("valid weights");
    let chosen = args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let once = args().any(|word| word == "--test");
    let mut turns = Turns { values: values.clone(), copied: vec![0.0; SIZE * SIZE], chosen, once };
    println!("| {SIZE} × {SIZE} | copy | projection | ratio |\n| --- | --- | --- | --- |");
    for fragment in [4, 8, 16, 128] {
        for (name, rule) in [("sum", SignRule::Sum), ("nearest", SignRule::Nearest)] {
            let polarization = Polarization::new(fragment, rule).expect("valid fragment");
            let mut weights = matrix();
            let signs = polarization.signs(&weights);
            turns.print(&format!("{name}/{fragment}"), 25, || polarization.project(black_box(&mut weights)));
            if rule == SignRule::Sum {
                turns.print(&format!("held_signs/{fragment}"), 25, || signs.project(black_box(&mut weights)));
            }
        }
    }
    let rule = |rule| Quantization::new(8, rule).expect("valid rule");
    let min_max = rule(ScaleRule::MinMax);
    let steps = min_max.steps(&matrix()).expect("steps");
    let (quantile, least_squares) = (rule(ScaleRule::Quantile(0.999)), rule(ScaleRule::LeastSquares));
    for (name, quantization, count) in [
        ("quantize_given", rule(ScaleRule::Step(steps[0])), 25),
        ("quantize_min_max", min_max, 25),
        ("quantize_min_max_per_column", min_max.with_step_per_column(), 25),
        ("quantize_quantile", quantile, 25),
        ("quantize_quantile_per_column", quantile.with_step_per_column(), 9),
    ] {
        let mut weights = matrix();
        turns.print(name, count, || quantization.project(black_box(&mut weights)));
    }
    let weights = matrix();
    turns.print("steps_quantile", 25, || quantile.steps(black_box(&weights)));
    // Not its projection: on levels already, the search ends at once.
    turns.print("steps_least_squares", 5, || least_squares.steps(black_box(&weights)));
    turns.print_new("quantize_min_max_to_new", 15, || min_max.quantize(black_box(&weights)));
    for (name, ratio) in [("half", 0.5), ("quarter", 0.25)] {
        let pruning = Pruning::new(ratio, ratio).expect("valid ratios");
        let mut weights = matrix();
        turns.print(&format!("prune/{name}"), 25, || pruning.project(black_box(&mut weights)));
        let kept = pruning.select(&matrix());
        turns.print(&format!("prune_held/{name}"), 25, || kept.project(black_box(&mut weights)));
    }
}
