//! Codes under white noise have one distribution, whichever method draws them, at the edges of codes and at both clamps.
//!
//! Every sample is held to the exact probabilities (statrs's error function) and to two plain emulations: a ziggurat
//! number per conversion, and one for every cell. Seeds are fixed; one comparison has α = 10⁻⁶, and there are so few
//! that all of a test together have at most 0.002.

mod common;

use forms_xbar::kernel::{Block, BlockAdcs, BlockNoise, BlockParts, NoiseMethod, Quantizer, Summands};
use forms_xbar::read::Kernel;
use forms_xbar::{
    Activity, ActivityLevel, Adc, Baseline, Budget, Cell, DesignBuilder, Die, Error, Key, LevelMap, Mapping,
    ReadNoise, Skip, Subtraction, Weights,
};
use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use rand_distr::{Distribution, StandardNormal};
use statrs::distribution::{ChiSquared, ContinuousCDF, Discrete, Normal, Poisson};

const METHODS: [NoiseMethod; 2] = [NoiseMethod::Gaussian, NoiseMethod::Thresholds];

/// Chance that one comparison fails where nothing is wrong.
const ALPHA: f64 = 1e-6;

/// Deviations that [`ALPHA`] is, on two sides.
const Z: f64 = 4.8916;

/// What is rarer is pooled.
const LEAST_EXPECTED: f64 = 50.0;

/// One level step, a power of two: sums are exact on the grid and in `f64`.
const STEP: f64 = 1.0 / 65_536.0;

const READ_VOLTS: f64 = 0.2;

fn upper_tail(x: f64) -> f64 {
    Normal::standard().sf(x)
}

/// The codes of a sum plus a normal number.
struct Law {
    low: i64,
    /// Of the codes from `low`.
    probabilities: Vec<f64>,
    /// Below and above the range.
    clips: [f64; 2],
}

impl Law {
    fn new((mean, sigma): (f64, f64), (low, high): (i64, i64)) -> Self {
        let normal = Normal::standard();
        let edge = |code: i64| (code as f64 - 0.5 - mean) / sigma;
        let between = |a: f64, b: f64| {
            if a > 0.0 { normal.sf(a) - normal.sf(b) } else { normal.cdf(b) - normal.cdf(a) }
        };
        let of_code = |code: i64| {
            let from = if code == low { f64::NEG_INFINITY } else { edge(code) };
            let to = if code == high { f64::INFINITY } else { edge(code + 1) };
            between(from, to)
        };
        Law {
            low,
            probabilities: (low..=high).map(of_code).collect(),
            clips: [normal.cdf(edge(low)), normal.sf(edge(high + 1))],
        }
    }

    fn mean(&self) -> f64 {
        self.moment(0.0, 1)
    }

    /// The mean of a power of the distance from `centre`.
    fn moment(&self, centre: f64, power: i32) -> f64 {
        let codes = (self.low..).map(|code| (code as f64 - centre).powi(power));
        codes.zip(&self.probabilities).map(|(value, p)| value * p).sum()
    }
}

/// Compares samples and counts how often.
#[derive(Default)]
struct Checks {
    made: usize,
}

impl Checks {
    /// The codes of a sample against their law: χ² with rare codes pooled, mean and variance.
    fn assert_follows(&mut self, counts: &[f64], law: &Law, case: &str) {
        let n: f64 = counts.iter().sum();
        let each = counts.iter().zip(&law.probabilities).map(|(&found, p)| (found, n * p));
        let (frequent, rare): (Vec<_>, Vec<_>) = each.partition(|&(_, expected)| expected >= LEAST_EXPECTED);
        let (found, expected) = rare.iter().fold((0.0, 0.0), |sum, each| (sum.0 + each.0, sum.1 + each.1));
        self.made += 1;
        if expected < LEAST_EXPECTED {
            assert_rare(found, expected, case);
        } else {
            assert_within(found, expected, (expected * (1.0 - expected / n)).sqrt(), case);
        }
        if frequent.len() < 2 {
            return;
        }
        // Given how many are not rare.
        let scale = (n - found) / (n - expected);
        let statistic = frequent.iter().map(|(o, e)| (o - scale * e).powi(2) / (scale * e)).sum();
        self.assert_chi_square(statistic, frequent.len() - 1, case);

        let mean = law.mean();
        let of_codes = |power: i32, centre: f64| {
            let codes = (law.low..).map(|code| (code as f64 - centre).powi(power));
            codes.zip(counts).map(|(value, count)| value * count).sum::<f64>() / n
        };
        let variance = law.moment(mean, 2);
        self.made += 2;
        assert_within(of_codes(1, mean), 0.0, (variance / n).sqrt(), &format!("{case}, mean"));
        let of_squares = law.moment(mean, 4) - variance * variance;
        assert_within(
            of_codes(2, mean),
            variance,
            (of_squares.max(0.0) / n).sqrt(),
            &format!("{case}, variance"),
        );
    }

    /// χ² of two samples.
    fn assert_alike(&mut self, [a, b]: [&[f64]; 2], case: &str) {
        let (n, m): (f64, f64) = (a.iter().sum(), b.iter().sum());
        let is_frequent = |a: f64, b: f64| (a + b) * n.min(m) / (n + m) >= LEAST_EXPECTED;
        let pairs = || a.iter().copied().zip(b.iter().copied());
        let mut bins: Vec<_> = pairs().filter(|&(a, b)| is_frequent(a, b)).collect();
        let rare = pairs().filter(|&(a, b)| !is_frequent(a, b));
        let rare = rare.fold((0.0, 0.0), |sum, each| (sum.0 + each.0, sum.1 + each.1));
        if is_frequent(rare.0, rare.1) {
            bins.push(rare);
        }
        if bins.len() < 2 {
            return;
        }
        let (n, m) = bins.iter().fold((0.0, 0.0), |sum, each| (sum.0 + each.0, sum.1 + each.1));
        let ratio = (m / n).sqrt();
        let statistic = bins.iter().map(|(a, b)| (ratio * a - b / ratio).powi(2) / (a + b)).sum();
        self.assert_chi_square(statistic, bins.len() - 1, case);
    }

    fn assert_chi_square(&mut self, statistic: f64, freedom: usize, case: &str) {
        self.made += 1;
        let limit = ChiSquared::new(freedom as f64).unwrap().inverse_cdf(1.0 - ALPHA);
        assert!(statistic < limit, "{case}: χ² {statistic} of {freedom}, limit {limit}");
    }

    /// Asserts that all comparisons together keep their promise.
    fn finish(self, at_least: usize) {
        assert!(self.made >= at_least, "{} comparisons", self.made);
        assert!(self.made as f64 * ALPHA <= 0.002, "{} comparisons", self.made);
    }
}

/// That so many events or more, or so few, have at least a chance of [`ALPHA`].
fn assert_rare(found: f64, expected: f64, case: &str) {
    if expected < 1e-9 {
        return assert_eq!(found, 0.0, "{case}: {found}, expected {expected}");
    }
    let poisson = Poisson::new(expected).unwrap();
    let up_to: f64 = (0..=found as u64).map(|k| poisson.pmf(k)).sum();
    let from = 1.0 - up_to + poisson.pmf(found as u64);
    assert!(up_to > ALPHA / 2.0 && from > ALPHA / 2.0, "{case}: {found} rare events, expected {expected}");
}

fn assert_within(found: f64, expected: f64, deviation: f64, case: &str) {
    // Two codes of equal chance have a variance that no sample misses.
    let limit = Z * deviation + 1e-9;
    assert!((found - expected).abs() < limit, "{case}: {found}, expected {expected} ± {limit}");
}

/// A column: how many rows hold each of the levels 1, 2 and 3, a negative number as pairs that subtract.
type Levels = [i32; 3];

/// Sums far from the edges of codes, on them and a little beside them, and the same at both clamps of a bipolar ADC of
/// 4 bits. Level 1 counts 0.5 LSB, level 2 a little more than 1, level 3 counts 3.
const COLUMNS: [(Levels, &str); 12] = [
    ([0, 0, 0], "at zero"),
    ([0, 0, 1], "far from edges"),
    ([1, 0, 1], "on an edge"),
    ([1, 1, 1], "above an edge"),
    ([1, -1, 1], "below an edge"),
    ([1, 0, -3], "on the low clamp"),
    ([-1, 1, -3], "above the low clamp"),
    ([1, -1, -3], "below the low clamp"),
    ([0, 0, -4], "far below the low clamp"),
    ([3, 0, 2], "on the high clamp"),
    ([-1, -1, 3], "below the high clamp"),
    ([-1, 0, 3], "beyond the high clamp"),
];

const CODES: (i64, i64) = (-8, 7);

/// What the levels add, in LSB, beside level 0 of one LSB.
struct Setting {
    levels: [f64; 4],
    relative: f64,
    front_end: f64,
}

impl Setting {
    /// Noise of about `sigma` LSB, half of its variance from cells, and level 2 as far beside an edge.
    fn new(sigma: f64) -> Self {
        let beside = (sigma.min(1.5) * 256.0).round() / 256.0;
        // Eight pairs of cells, at level 0 or a few above.
        let relative = sigma / 8.0;
        Setting { levels: [1.0, 1.5, 2.0 + beside, 4.0], relative, front_end: 0.7 * sigma }
    }

    /// The levels of the cells of a column that add and of those that subtract, of eight pairs.
    fn pairs(levels: Levels) -> [(usize, usize); 8] {
        let mut pairs = [(0, 0); 8];
        let mut free = pairs.iter_mut();
        for (level, number) in (1..).zip(levels) {
            for pair in free.by_ref().take(number.unsigned_abs() as usize) {
                *pair = if number > 0 { (level, 0) } else { (0, level) };
            }
        }
        pairs
    }

    fn builder(&self, method: NoiseMethod) -> DesignBuilder {
        let cell = Cell::new(LevelMap::table(self.levels.map(|level| level * STEP).to_vec()).unwrap());
        let amperes = self.front_end * STEP * READ_VOLTS;
        let mapping = Mapping::Differential { subtraction: Subtraction::BeforeAdc };
        DesignBuilder::new(mapping, cell, Adc::granular(4))
            .array(8, 128)
            .active_rows(8)
            .baseline(Baseline::None)
            .input_bits(1)
            .read_noise(ReadNoise::new(self.relative, amperes).unwrap())
            .noise_method(method)
    }

    /// Mean and deviation of a column, in LSB.
    fn moments(&self, levels: Levels) -> (f64, f64) {
        let pairs = Self::pairs(levels).map(|(a, b)| (self.levels[a], self.levels[b]));
        let squares: f64 = pairs.iter().map(|(a, b)| a * a + b * b).sum();
        let variance = self.front_end.powi(2) + self.relative.powi(2) * squares;
        (pairs.iter().map(|(a, b)| a - b).sum(), variance.sqrt())
    }
}

/// How often each column has each code.
type Counts = Vec<[f64; 16]>;

/// Copies of every column, over several arrays and ragged: conversions of their own.
const COPIES: usize = 11;
const READS: usize = 1 << 16;
const READS_AT_A_TIME: usize = 1 << 12;

fn program(setting: &Setting, method: NoiseMethod) -> Die {
    let outputs = COLUMNS.len() * COPIES;
    let mut values = vec![0; 8 * outputs];
    for output in 0..outputs {
        for (row, (a, b)) in Setting::pairs(COLUMNS[output % COLUMNS.len()].0).into_iter().enumerate() {
            values[row * outputs + output] = a as i32 - b as i32;
        }
    }
    let weights = Weights::full_magnitude_from_row_slice(8, outputs, 2, &values).unwrap();
    let design = setting.builder(method).build().unwrap();
    assert_eq!(design.dac().read_volts(), READ_VOLTS);
    design.program_keyed(&weights, Key::from(1)).unwrap()
}

/// The codes of reads of a prepared die, of which the first are those of the die.
fn read(die: &Die, kernel: Kernel) -> (Counts, Activity) {
    let prepared = die.prepare(Budget::default()).unwrap();
    assert_eq!(prepared.plan().kernel, kernel);
    let (mut counts, mut activity) = (vec![[0.0; 16]; COLUMNS.len()], Activity::default());
    let (x, mut y) = (vec![1u8; 8 * READS_AT_A_TIME], vec![0i32; READS_AT_A_TIME * die.outputs()]);
    for first in (0..READS).step_by(READS_AT_A_TIME) {
        let keys = |vector| Key::from(2).child((first + vector) as u64);
        activity += prepared.mvm_batch_into_keyed(&x, keys, &mut y, ActivityLevel::Counts).unwrap();
        for y in y.chunks_exact(COLUMNS.len()) {
            counts.iter_mut().zip(y).for_each(|(counts, &y)| counts[(y + 8) as usize] += 1.0);
        }
    }
    let last = |vector| Key::from(2).child((READS - READS_AT_A_TIME + vector) as u64);
    let vectors = READS_AT_A_TIME / 8;
    let mut direct = vec![0i32; vectors * die.outputs()];
    die.mvm_batch_into_keyed(&x[..8 * vectors], last, &mut direct, ActivityLevel::Off).unwrap();
    assert_eq!(direct, y[..direct.len()]);
    (counts, activity)
}

fn code(sum: f64) -> i64 {
    ((sum + 0.5).floor() as i64).clamp(CODES.0, CODES.1)
}

fn count(n: usize, mut draw: impl FnMut() -> f64) -> [f64; 16] {
    let mut counts = [0.0; 16];
    (0..n).for_each(|_| counts[(code(draw()) - CODES.0) as usize] += 1.0);
    counts
}

/// One ziggurat number per conversion.
fn ziggurat(setting: &Setting) -> Counts {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
    let of_column = |(levels, _)| {
        let (mean, sigma) = setting.moments(levels);
        count(READS * COPIES, || {
            let z: f64 = StandardNormal.sample(&mut rng);
            mean + sigma * z
        })
    };
    COLUMNS.map(of_column).to_vec()
}

/// One number for every cell and for the front end; of 17 a conversion fewer are drawn.
fn cell_by_cell(setting: &Setting) -> Counts {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
    let of_column = |(levels, _)| {
        let pairs = Setting::pairs(levels).map(|(a, b)| (setting.levels[a], setting.levels[b]));
        count(READS, || {
            let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
            let mut sum = setting.front_end * normal();
            for (a, b) in pairs {
                sum += a * (1.0 + setting.relative * normal()) - b * (1.0 + setting.relative * normal());
            }
            sum
        })
    };
    COLUMNS.map(of_column).to_vec()
}

#[test]
fn all_methods_have_the_distribution_of_a_sum_with_a_normal_number() {
    let mut checks = Checks::default();
    for sigma in [0.02, 0.1, 0.3, 1.0, 3.0] {
        let setting = Setting::new(sigma);
        let laws = COLUMNS.map(|(levels, _)| Law::new(setting.moments(levels), CODES));
        // More than six codes within reach have no table.
        let by_thresholds = if sigma < 0.4 { Kernel::White } else { Kernel::Direct };
        let mut samples = vec![];
        for (method, kernel) in METHODS.into_iter().zip([Kernel::White, by_thresholds]) {
            let (counts, activity) = read(&program(&setting, method), kernel);
            let n = (READS * COPIES) as f64;
            let conversions = n * COLUMNS.len() as f64;
            assert_eq!(activity.conversions() as f64, conversions);
            for (side, found) in [activity.clipped_low(), activity.clipped_high()].into_iter().enumerate() {
                let expected = laws.iter().map(|law| n * law.clips[side]).sum::<f64>();
                let variance = laws.iter().map(|law| n * law.clips[side] * (1.0 - law.clips[side]));
                checks.made += 1;
                let case = format!("σ {sigma}, {method:?}, clips {side}");
                assert_within(found as f64, expected, variance.sum::<f64>().sqrt(), &case);
            }
            samples.push((format!("{method:?}"), counts));
        }
        samples.push(("ziggurat".into(), ziggurat(&setting)));
        samples.push(("cell by cell".into(), cell_by_cell(&setting)));
        for (column, (law, (_, place))) in laws.iter().zip(COLUMNS).enumerate() {
            for (at, (name, counts)) in samples.iter().enumerate() {
                let case = format!("σ {sigma}, {place}, {name}");
                checks.assert_follows(&counts[column], law, &case);
                for (other, others) in &samples[..at] {
                    let pair = [&counts[column][..], &others[column]];
                    checks.assert_alike(pair, &format!("{case} and {other}"));
                }
            }
        }
    }
    checks.finish(800);
}

#[test]
fn conversions_are_independent() {
    // Two arrays side by side of 40 and 8 columns of two slices, two groups, two planes: 384 conversions on edges.
    const KEYS: usize = 4_000;
    const CONVERSIONS: usize = 384;
    for method in METHODS {
        let cell = Cell::new(LevelMap::linear(1, 0.0, STEP).unwrap());
        let design = DesignBuilder::new(Mapping::Polarized { fragment: 2 }, cell, Adc::full_range(3))
            .array(4, 80)
            .baseline(Baseline::None)
            .input_bits(2)
            .skip(Skip::Off)
            .read_noise(ReadNoise::new(0.0, 0.05 * STEP * READ_VOLTS).unwrap())
            .noise_method(method)
            .build()
            .unwrap();
        let weights = Weights::full_magnitude_from_row_slice(4, 48, 2, &[3; 4 * 48]).unwrap();
        let die = design.program_keyed(&weights, Key::from(1)).unwrap();
        // The LSB is 2/7 steps, so that the sum of one row lies on an edge, at 3.5 codes.
        let reads: Vec<Vec<f64>> = (0..KEYS as u128)
            .map(|key| {
                let conversions = die.trace_keyed(&[3u8, 0, 3, 0], Key::from(key)).unwrap().conversions;
                conversions.iter().map(|c| if c.code > 3 { 1.0 } else { -1.0 }).collect()
            })
            .collect();
        assert_eq!(reads[0].len(), CONVERSIONS);
        let columns: Vec<Vec<f64>> =
            (0..CONVERSIONS).map(|at| reads.iter().map(|read| read[at]).collect()).collect();
        // Of 73,920 together, means included, α = 0.002 is 5.6 deviations.
        let limit = 5.6 / (KEYS as f64).sqrt();
        for a in 0..CONVERSIONS {
            let mean = columns[a].iter().sum::<f64>() / KEYS as f64;
            assert!(mean.abs() < limit, "{method:?}, conversion {a}: {mean}");
            for b in 0..a {
                let product: f64 = columns[a].iter().zip(&columns[b]).map(|(a, b)| a * b).sum();
                let product = product / KEYS as f64;
                assert!(product.abs() < limit, "{method:?}, conversions {a} and {b}: {product}");
            }
        }
    }
}

/// The mean of the code of a sum plus normal noise, of an ADC with codes from 0 to `high`.
fn mean_code(mean: f64, sigma: f64, high: u32) -> f64 {
    (1..=high).map(|code| upper_tail((f64::from(code) - 0.5 - mean) / sigma)).sum()
}

/// Cells of no leakage and front-end noise alone; 64 outputs.
fn unipolar(sigma: f64, method: NoiseMethod) -> DesignBuilder {
    let cell = Cell::new(LevelMap::linear(2, 0.0, 3.0 * STEP).unwrap());
    DesignBuilder::new(Mapping::Polarized { fragment: 8 }, cell, Adc::granular(3))
        .array(8, 64)
        .baseline(Baseline::None)
        .input_bits(1)
        .skip(Skip::Off)
        .read_noise(ReadNoise::new(0.0, sigma * STEP * READ_VOLTS).unwrap())
        .noise_method(method)
}

fn unipolar_die(builder: DesignBuilder, rows: [i32; 8]) -> Die {
    let values: Vec<i32> = rows.iter().flat_map(|&level| [level; 64]).collect();
    let weights = Weights::full_magnitude_from_row_slice(8, 64, 2, &values).unwrap();
    builder.build().unwrap().program_keyed(&weights, Key::from(1)).unwrap()
}

/// Number, mean and variance of all results of so many vectors `x`.
fn results(die: &Die, x: &[u8; 8], reads: usize) -> (f64, f64, f64, Activity) {
    let prepared = die.prepare(Budget::default()).unwrap();
    let read = prepared.mvm_batch(&x.repeat(reads), &mut Xoshiro256PlusPlus::seed_from_u64(5)).unwrap();
    let n = read.y.len() as f64;
    let mean = read.y.iter().map(|&y| y as f64).sum::<f64>() / n;
    let variance = read.y.iter().map(|&y| (y as f64 - mean).powi(2)).sum::<f64>() / n;
    (n, mean, variance, read.activity)
}

#[test]
fn clamping_moves_the_mean_as_the_closed_form_says() {
    for sigma in [0.1, 0.2, 0.3, 0.5, 1.0, 3.0] {
        for method in METHODS {
            for (rows, sum) in [([0; 8], 0.0), ([3, 3, 1, 0, 0, 0, 0, 0], 7.0)] {
                let die = unipolar_die(unipolar(sigma, method), rows);
                let (n, mean, variance, _) = results(&die, &[1; 8], 10_000);
                let expected = mean_code(sum, sigma, 7);
                // Of rare codes the variance is known from too few.
                let deviation = (variance.max(1e-6) / n).sqrt();
                assert_within(mean, expected, deviation, &format!("σ {sigma}, {method:?}, sum {sum}"));
                // Towards the middle of the range, from either end.
                if sigma > 0.15 {
                    assert!((mean - sum) * (3.5 - sum) > 0.0);
                }
            }
        }
    }
}

#[test]
fn planes_that_are_skipped_move_no_mean() {
    let sigma = 0.5;
    let bias = mean_code(0.0, sigma, 7);
    for method in METHODS {
        // One input of 5: 8 planes, the 3 below its leading zeros, or the 2 that drive a row.
        for (skip, planes, places) in
            [(Skip::Off, 8.0, 255.0), (Skip::LeadingZeros, 3.0, 7.0), (Skip::AllZeroPlanes, 2.0, 5.0)]
        {
            let die = unipolar_die(unipolar(sigma, method).input_bits(8).skip(skip), [0; 8]);
            let (n, mean, variance, activity) = results(&die, &[0, 0, 0, 5, 0, 0, 0, 0], 10_000);
            let case = format!("{method:?} {skip:?}");
            assert_within(mean, places * bias, (variance / n).sqrt(), &case);
            assert_eq!(activity.conversions() as f64, n * planes, "{case}");
        }
    }
}

#[test]
fn the_table_of_the_docs_is_the_closed_form() {
    let docs = include_str!("../docs/physics.md");
    for sigma in [0.02, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 3.0f64] {
        // So many codes that the top does not matter.
        let [of_code, of_sum] = [mean_code(0.0, sigma, 60), sigma / (2.0 * std::f64::consts::PI).sqrt()];
        let print = |value: f64| match value {
            value if value < 1e-12 => "0".to_string(),
            value if value < 1e-3 => format!("{value:.1e}"),
            value => format!("{value:.4}"),
        };
        let row = format!("| {sigma} | {} | {of_sum:.4} |", print(of_code));
        println!("{row}");
        assert!(docs.contains(&row), "docs/physics.md lacks {row}");
    }
}

#[test]
fn common_noise_is_shared_by_the_columns_of_an_array() {
    // 70 columns over two arrays, of sums in the middle of codes of 6 bits, with noise of 3 to 4 LSB: codes as good as
    // sums. Level 0 is four steps, level 3 seven.
    const READS: usize = 20_000;
    let cell = || Cell::new(LevelMap::linear(2, 4.0 * STEP, 7.0 * STEP).unwrap());
    let weights = Weights::full_magnitude_from_row_slice(8, 70, 2, &[3; 560]).unwrap();
    let word_lines =
        ReadNoise::new(0.0, 2.0 * STEP * READ_VOLTS).unwrap().with_word_line_volts(0.1 * READ_VOLTS);
    let cells = ReadNoise::new(0.15, 0.0).unwrap();
    for (noise, baseline, common) in [
        (word_lines, Baseline::None, 8.0 * 0.01 * 49.0),
        (cells, Baseline::None, 0.0),
        // Less the dummy's cells, at level 0.
        (cells, Baseline::DummyColumn, 8.0 * 0.15 * 0.15 * 16.0),
    ] {
        let sum = if baseline == Baseline::None { 56.0 } else { 24.0 };
        for method in METHODS {
            let bits = if baseline == Baseline::None { 7 } else { 6 };
            let mapping = Mapping::Polarized { fragment: 8 };
            let design = DesignBuilder::new(mapping, cell(), Adc::granular(bits))
                .array(8, 40)
                .baseline(baseline)
                .input_bits(1)
                .read_noise(noise)
                .noise_method(method)
                .build()
                .unwrap();
            let die = design.program_keyed(&weights, Key::from(1)).unwrap();
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(6);
            let y = die.mvm_batch(&vec![1u8; 8 * READS], &mut rng).unwrap().y;
            for (a, b, expected) in [
                (0, 1, common),
                (0, 31, common),
                (2, 33, common),
                (38, 39, common),
                (41, 69, common),
                (0, 69, 0.0),
            ] {
                let products: Vec<f64> =
                    y.chunks_exact(70).map(|y| (y[a] as f64 - sum) * (y[b] as f64 - sum)).collect();
                let mean = products.iter().sum::<f64>() / READS as f64;
                let variance = products.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / READS as f64;
                let case = format!("{baseline:?}, {method:?}, columns {a} and {b}");
                assert_within(mean, expected, (variance / READS as f64).sqrt(), &case);
            }
        }
    }
}

#[test]
fn thresholds_need_codes() {
    let noisy = unipolar(0.1, NoiseMethod::Thresholds).adc(Adc::pass_through());
    for builder in [noisy.clone(), noisy.read_noise(ReadNoise::NONE)] {
        assert!(matches!(builder.build(), Err(Error::Conflict { first: "noise by thresholds", .. })));
    }
    let parts = |method, quantizer| BlockParts {
        group_rows: 1,
        groups: 1,
        lanes: 1,
        columns: 1,
        max_digit: 1,
        max_places: 1,
        contributions: vec![1 << 16].into(),
        summands: Summands::Rows,
        quantizer,
        adcs: BlockAdcs::default(),
        unit: 1,
        shift: vec![0],
        negative: vec![false],
        digit_sum: vec![0],
        baseline: vec![],
        noise: Some(BlockNoise { method, constant: 1 << 20, ..BlockNoise::default() }),
        slow: None,
        energy: vec![0],
    };
    let codes = Quantizer::Codes { low: 0, high: 7 };
    assert!(Block::new(parts(NoiseMethod::Thresholds, codes)).is_ok());
    assert!(Block::new(parts(NoiseMethod::Gaussian, Quantizer::PassThrough)).is_ok());
    let refused = Block::new(parts(NoiseMethod::Thresholds, Quantizer::PassThrough));
    assert!(matches!(refused, Err(Error::Conflict { first: "noise by thresholds", second: "no ADC", .. })));
}
