//! Every kernel returns the bits of the reference, for every ADC, width, noise and shape.

mod common;

use common::{fills, mappings, polarization, random_inputs, random_weights, small_design};
use forms_xbar::device::{
    self, FlickerAmplitude, IvCurve, Persistence, TelegraphAmplitude, WhiteLaw, WhiteNoise,
};
use forms_xbar::kernel::{
    self, Block, BlockAdcs, BlockNoise, BlockParts, Counts, Flicker, NoiseKey, NoiseMethod, Quantizer,
    SlowNoise, Step, Summands, Telegraph, direct, reference,
};
use forms_xbar::key::{Purpose, normal_quantile};
use forms_xbar::{
    ActivityLevel, Adc, Baseline, Dac, Die, Key, Mapping, Programming, ReadNoise, Skip, StuckCells, presets,
};
use proptest::prelude::*;
use rand::{Rng, RngExt, SeedableRng, rngs::ChaCha8Rng};

fn adcs() -> impl Strategy<Value = Adc> {
    prop_oneof![
        (1u32..=16).prop_map(Adc::granular),
        (1u32..=16).prop_map(Adc::full_range),
        (1u32..=16).prop_map(|bits| Adc::calibrated(bits, 0.99)),
        Just(Adc::pass_through()),
    ]
}

/// Read noise of any kinds together.
fn noises() -> impl Strategy<Value = ReadNoise> {
    let plain = prop::sample::select(vec![(0.0, 0.0), (0.02, 0.0), (0.0, 3e-7), (0.05, 1e-6)]);
    let laws = vec![
        None,
        None,
        Some(WhiteLaw::Thermal),
        Some(WhiteLaw::Shot),
        Some(WhiteLaw::ThermalAndShot),
        Some(WhiteLaw::Fano { factor: 0.3 }),
    ];
    let constant = TelegraphAmplitude::Constant { relative: 0.1 };
    let drawn = TelegraphAmplitude::Lognormal { median: 0.05, sigma: 1.0, cap: 0.5 };
    let amplitudes = prop::sample::select(vec![None, None, Some(constant), Some(drawn)]);
    let relative = FlickerAmplitude::Relative { sigma: 0.01 };
    let cmo = FlickerAmplitude::LogConductance { siemens_per_decade: 1e-7, unit_siemens: 1e-6 };
    let flickers = prop::sample::select(vec![None, None, Some(relative), Some(cmo)]);
    let persistences =
        prop::sample::select(vec![Persistence::Held, Persistence::Evolved, Persistence::Redrawn]);
    let word_lines = prop::sample::select(vec![0.0, 0.0, 2e-3]);
    (plain, prop::sample::select(laws), amplitudes, flickers, persistences, word_lines).prop_map(
        |((relative, front_end), law, telegraph, flicker, persistence, word_line_volts)| {
            let noise = ReadNoise::new(relative, front_end).unwrap().with_persistence(persistence);
            let noise = noise.with_word_line_volts(word_line_volts);
            let white = law.map(|law| WhiteNoise::new(1e9, law).unwrap());
            let noise = white.map_or(noise, |white| noise.with_white(white));
            let traps = telegraph.map(|a| device::Telegraph::new(a, 60e-9, 20e-9).unwrap());
            let noise = traps.map_or(noise, |traps| noise.with_telegraph(traps));
            let flicker = flicker.map(|a| device::Flicker::new(a, 1.0, 1e9).unwrap());
            flicker.map_or(noise, |flicker| noise.with_flicker(flicker))
        },
    )
}

/// I–V curves, half of them straight.
fn curves() -> impl Strategy<Value = IvCurve> {
    let sinh = |half_bias_ratio_off| IvCurve::Sinh {
        half_bias_ratio: 7.5,
        half_bias_ratio_off,
        bias_volts: 0.8,
        reference_volts: 0.3,
    };
    let cubic = IvCurve::Cubic { per_square_volt: 0.25, reference_volts: 0.3 };
    let points = vec![(0.0, 0.0), (0.07, 0.3), (0.15, 1.0), (0.3, 3.0)];
    let table = IvCurve::Table { points, reference_volts: 0.2 };
    let bent = prop::sample::select(vec![sinh(None), sinh(Some(6.0)), cubic, table]);
    prop_oneof![Just(IvCurve::Ohmic), bent]
}

/// Runs `x` through the direct and the reference kernel and compares everything they return.
fn assert_same(die: &Die, x: &[i32], key: Key) -> Result<(), TestCaseError> {
    let (direct, reference, energy) = if die.design().input_format().is_signed() {
        let x: Vec<i16> = x.iter().map(|&x| x as i16).collect();
        run(die, &x, key)
    } else {
        let x: Vec<u16> = x.iter().map(|&x| x as u16).collect();
        run(die, &x, key)
    };
    prop_assert_eq!(&direct, &reference);
    prop_assert_eq!(energy.clipped_high(), reference.activity.clipped_high());
    prop_assert!(direct.y.iter().all(|y| y.abs() <= die.bound()));
    Ok(())
}

fn run<T: forms_xbar::read::Input>(
    die: &Die,
    x: &[T],
    key: Key,
) -> (forms_xbar::Read, forms_xbar::Read, forms_xbar::Activity) {
    let direct = die.mvm_keyed(x, key).unwrap();
    let reference = die.mvm_reference_keyed(x, key).unwrap();
    let mut y = vec![0i64; die.outputs()];
    let mut scratch = die.scratch(ActivityLevel::CountsAndEnergy);
    die.mvm_into_keyed(x, key, &mut y, &mut scratch).unwrap();
    assert_eq!(y, direct.y);
    let mut off = die.scratch(ActivityLevel::Off);
    die.mvm_into_keyed(x, key, &mut y, &mut off).unwrap();
    assert_eq!(y, direct.y);
    assert_eq!(off.activity(), forms_xbar::Activity::default());
    (direct, reference, scratch.activity())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn direct_is_the_reference(
        (mapping, active_rows) in mappings(),
        column_flip in any::<bool>(),
        (cell_bits, bits) in (1u32..=4, 2u32..=16),
        (signed, input_bits, dac_bits) in (any::<bool>(), 2u32..=16, 1u32..=4),
        skip in prop::sample::select(vec![Skip::Off, Skip::LeadingZeros, Skip::AllZeroPlanes]),
        baseline in prop::sample::select(vec![Baseline::None, Baseline::Digital, Baseline::DummyColumn]),
        adc in adcs(),
        (noise, iv) in (noises(), curves()),
        (inputs, outputs) in (1usize..40, 1usize..7),
        (fill, seed) in (fills(), any::<u64>()),
    ) {
        let baseline =
            if mapping.is_bipolar() && baseline == Baseline::DummyColumn { Baseline::None } else { baseline };
        let adc = match (adc, mapping.is_bipolar()) {
            (Adc::Granular { bits: 1 } | Adc::FullRange { bits: 1 }, true) => Adc::granular(2),
            (Adc::Calibrated { bits: 1, .. }, true) => Adc::calibrated(2, 0.99),
            (adc, _) => adc,
        };
        let cell = common::ideal_cell(cell_bits)
            .with_programming(Programming::Lognormal { sigma: 0.1 })
            .with_stuck_cells(StuckCells::new(0.02, 0.05).unwrap())
            .with_iv(iv);
        let design = small_design(mapping, cell_bits, adc)
            .cell(cell)
            .active_rows(active_rows)
            .column_flip(column_flip)
            .signed_inputs(signed)
            .input_bits(input_bits)
            .dac(Dac::new(dac_bits, 0.2).unwrap())
            .skip(skip)
            .baseline(baseline)
            .read_noise(noise)
            .plane_secs(15e-9)
            .build()
            .unwrap();
        let weights = random_weights((inputs, outputs, bits), fill, polarization(mapping, 16), seed);
        let die = design.program_keyed(&weights, Key::from(u128::from(seed))).unwrap();
        let format = design.input_format();
        for salt in 1..3 {
            let x = random_inputs(inputs, (format.min(), format.max()), seed ^ salt);
            assert_same(&die, &x, Key::from(u128::from(seed) << 64 | u128::from(salt)))?;
        }
    }
}

#[test]
fn wide_words_take_over_where_narrow_ones_do_not_suffice() {
    // A 16-bit full-range ADC makes LSBs so small that 128 rows overflow 32 bits on the grid.
    for adc in [Adc::full_range(16), Adc::pass_through(), Adc::granular(9)] {
        let design = presets::isaac().column_flip(false).adc(adc).build().unwrap();
        let weights = random_weights((128, 8, 16), common::Fill::Uniform, None, 1);
        let die = design.program_keyed(&weights, Key::from(2)).unwrap();
        let x = random_inputs(128, (-32768, 32767), 3);
        assert_same(&die, &x, Key::from(4)).unwrap();
    }
}

#[test]
fn a_trace_is_the_read_it_belongs_to() {
    let design = presets::forms()
        .mapping(Mapping::Polarized { fragment: 4 })
        .input_bits(8)
        .read_noise(ReadNoise::new(0.01, 1e-7).unwrap())
        .build()
        .unwrap();
    let weights = random_weights((20, 40, 8), common::Fill::Uniform, Some((4, 128)), 1);
    let die = design.program_keyed(&weights, Key::from(2)).unwrap();
    let x: Vec<u8> = random_inputs(20, (0, 255), 3).into_iter().map(|x| x as u8).collect();
    let rng = || <rand::rngs::ChaCha8Rng as rand::SeedableRng>::seed_from_u64(5);
    let trace = die.trace(&x, &mut rng()).unwrap();
    assert_eq!(trace.read, die.mvm(&x, &mut rng()).unwrap());
    assert_eq!(trace.conversions.len() as u64, trace.read.activity.conversions());

    // Recombining the traced codes by hand gives the result; the ADC rule gives the codes.
    let step_amperes = 33e-6 * 0.2;
    let mut y = vec![0i64; 40];
    let baseline = |n: i64| (n as f64 / 33.0 + 0.5).floor() as i64;
    for c in &trace.conversions {
        let lsb = c.amperes / step_amperes;
        assert_eq!(c.unclamped, (lsb + 0.5).floor() as i64, "{c:?}");
        assert_eq!(c.code, c.unclamped.clamp(0, 15));
        let rows = c.group * 4..(c.group + 1) * 4;
        let column: Vec<i32> = rows.clone().map(|i| weights.get(i, c.output).unwrap()).collect();
        let sign = if column.iter().any(|&w| w < 0) { -1 } else { 1 };
        let n = x[rows].iter().filter(|&&x| x >> c.plane & 1 == 1).count() as i64;
        y[c.output] += (sign * (c.code - baseline(n))) << c.plane << (2 * c.slice);
    }
    assert_eq!(y, trace.read.y);
    // 40 outputs of 4 slices take two arrays side by side.
    assert!(trace.conversions.iter().all(|c| c.array == c.output / 32 && c.arm == 0));
}

/// A block of random integers, of any shape and with any noise.
fn random_parts(rng: &mut ChaCha8Rng) -> BlockParts {
    let max_digit = *[1, 1, 3, 15].get(rng.random_range(0..4)).unwrap();
    let summands = match (rng.random_range(0..3), max_digit) {
        (0, 1) => Summands::Patterns,
        (1, _) => Summands::Digits,
        _ => Summands::Rows,
    };
    let (group_rows, groups) = (rng.random_range(1..=6), rng.random_range(1..=3));
    let (lanes, columns) = (
        rng.random_range(1..=3),
        [rng.random_range(1..=12), rng.random_range(30..=70)][rng.random_range(0..2)],
    );
    let (rows, digits) = (group_rows * groups, max_digit as usize);
    let cells = rows * lanes * columns;
    let summand_rows = match summands {
        Summands::Rows => rows,
        Summands::Digits => digits * rows,
        Summands::Patterns => groups << group_rows,
    };
    // Some blocks need wide words.
    let largest = if rng.random_range(0..4) == 0 { 1 << 32 } else { 3 << 16 };
    let codes = Quantizer::Codes {
        low: -rng.random_range(0..9),
        high: if rng.random_range(0..4) == 0 { (1 << 16) - 1 } else { rng.random_range(1..64) },
    };
    let baseline = if rng.random() { group_rows * digits + 1 } else { 0 };
    let quantizer = if rng.random() { codes } else { Quantizer::PassThrough };
    let noise = rng.random::<bool>().then(|| {
        let method = match quantizer {
            Quantizer::Codes { .. } if rng.random() => NoiseMethod::Thresholds,
            _ => NoiseMethod::Gaussian,
        };
        let noise = random_noise(rng, digits * cells, digits * rows, groups, cells / group_rows);
        BlockNoise { method, ..noise }
    });
    let slow = rng.random::<bool>().then(|| random_slow(rng, digits, rows, cells));
    BlockParts {
        group_rows,
        groups,
        lanes,
        columns,
        max_digit,
        max_places: 1 << 12,
        contributions: integers(rng, summand_rows * lanes * columns, -largest / 8, largest).into(),
        summands,
        quantizer,
        adcs: BlockAdcs::default(),
        unit: rng.random_range(1..5),
        shift: (0..lanes).map(|lane| 2 * lane as u32).collect(),
        negative: (0..groups * lanes * columns).map(|_| rng.random()).collect(),
        digit_sum: integers(rng, groups * columns, -9, 9),
        baseline: integers(rng, baseline, 0, 99),
        noise,
        slow,
        energy: (0..digits * rows).map(|_| rng.random::<u64>().into()).collect(),
    }
}

fn integers(rng: &mut ChaCha8Rng, length: usize, min: i64, max: i64) -> Vec<i64> {
    (0..length).map(|_| rng.random_range(min..=max)).collect()
}

/// Tables are present or not.
fn random_noise(
    rng: &mut ChaCha8Rng,
    cells: usize,
    rows: usize,
    groups: usize,
    undriven: usize,
) -> BlockNoise {
    let mut variances = |length: usize| -> Vec<u64> {
        let length = if rng.random() { length } else { 0 };
        (0..length).map(|_| rng.random_range(0..1 << 30)).collect()
    };
    BlockNoise {
        unit_bits: 1,
        cells: variances(cells),
        undriven: variances(undriven),
        common: variances(rows),
        common_undriven: variances(groups),
        // Up to half an LSB, or to some hundreds.
        constant: [0, 1 << 28, 1 << 46][rng.random_range(0..3)],
        word_line_deviation: [0, 1 << 19][rng.random_range(0..2)],
        method: NoiseMethod::Gaussian,
    }
}

fn random_slow(rng: &mut ChaCha8Rng, digits: usize, rows: usize, cells: usize) -> SlowNoise {
    let arms = rng.random_range(1..=2);
    let dummies = if rng.random() { rows } else { 0 };
    let mut weights = vec![0];
    weights.extend(integers(rng, digits, 0, 20 << 16));
    let persistence = [kernel::Persistence::Held, kernel::Persistence::Evolved, kernel::Persistence::Redrawn]
        [rng.random_range(0..3)];
    let telegraph = rng.random::<bool>().then(|| Telegraph {
        trapped: integers(rng, arms * cells, -(1 << 14), 1 << 14),
        untrapped: integers(rng, arms * cells, -(1 << 14), 1 << 14),
        dummy_trapped: integers(rng, dummies, -(1 << 14), 1 << 14),
        dummy_untrapped: integers(rng, dummies, -(1 << 14), 1 << 14),
        probability: rng.next_u64(),
        capture: rng.next_u64() >> 2,
        emission: rng.next_u64() >> 2,
        persistence,
    });
    let flicker = rng.random::<bool>().then(|| {
        // Zero weights, of which nothing is drawn, among others.
        let raw: Vec<f64> = (0..rng.random_range(1..=5)).map(|_| rng.random_range(0..3).into()).collect();
        let norm = raw.iter().map(|w| w * w).sum::<f64>().sqrt();
        let weights: Vec<f64> = if norm == 0.0 { vec![1.0] } else { raw.iter().map(|w| w / norm).collect() };
        Flicker {
            deviation: integers(rng, arms * cells, 0, 1 << 14),
            dummy_deviation: integers(rng, dummies, 0, 1 << 14),
            held: weights[0],
            octaves: weights[1..].to_vec(),
        }
    });
    SlowNoise { arms, digit_weight: weights, telegraph, flicker }
}

/// The sum of one conversion, from the definitions in `BlockParts`, `BlockNoise` and `SlowNoise`.
struct Oracle<'a> {
    parts: &'a BlockParts,
    key: Key,
    array: u64,
}

impl Oracle<'_> {
    /// The sum without white noise, and the deviation of that.
    fn sum(&self, step: &Step<'_>, lane: usize, column: usize) -> (i64, f64) {
        let Oracle { parts, .. } = self;
        let (rows, conversions) = (parts.groups * parts.group_rows, parts.lanes * parts.columns);
        let at = lane * parts.columns + column;
        let contribution = |row: usize| i128::from(parts.contributions.at(row * conversions + at));
        let mut sum = 0i128;
        for (row, digit) in self.driven(step) {
            sum += match parts.summands {
                Summands::Rows => digit as i128 * contribution(row),
                Summands::Digits => contribution((digit - 1) * rows + row),
                Summands::Patterns => 0,
            };
        }
        if parts.summands == Summands::Patterns {
            let bits = self.driven(step).into_iter().map(|(row, _)| 1 << (row % parts.group_rows));
            sum = contribution((step.group << parts.group_rows) + bits.sum::<usize>());
        }
        let mut deviation = 0.0;
        if let Some(noise) = &parts.noise {
            let (moved, of_white) = self.fast(noise, step, lane, column);
            sum += moved;
            deviation = of_white;
        }
        if let Some(slow) = &parts.slow {
            sum += self.slow(slow, step, lane, column);
        }
        (sum as i64, deviation)
    }

    fn driven(&self, step: &Step<'_>) -> Vec<(usize, usize)> {
        let rows = step.group * self.parts.group_rows..;
        rows.zip(step.digits).filter(|(_, d)| **d > 0).map(|(row, d)| (row, usize::from(*d))).collect()
    }

    /// Draw number `index` as a normal number.
    fn normal(&self, purpose: Purpose, place: [u64; 3], index: usize) -> f64 {
        let mut stream = self.key.stream(purpose, place);
        (0..=index).map(|_| stream.normal()).last().unwrap()
    }

    /// What fast noise moves a sum by, white noise left out, and the deviation of that.
    fn fast(&self, noise: &BlockNoise, step: &Step<'_>, lane: usize, column: usize) -> (i128, f64) {
        let parts = self.parts;
        let (rows, conversions) = (parts.groups * parts.group_rows, parts.lanes * parts.columns);
        let (at, place) = (lane * parts.columns + column, [self.array, step.group as u64, step.plane.into()]);
        let get = |table: &[u64], at: usize| if table.is_empty() { 0 } else { table[at] };
        let mut variance = noise.constant + get(&noise.undriven, step.group * conversions + at);
        let mut common = get(&noise.common_undriven, step.group);
        for (row, digit) in self.driven(step) {
            variance += get(&noise.cells, ((digit - 1) * rows + row) * conversions + at);
            common += get(&noise.common, (digit - 1) * rows + row);
        }
        let unit = f64::from(1u32 << noise.unit_bits);
        let on_grid = |variance: u64, z: f64| ((variance as f64).sqrt() * unit * z + 0.5).floor() as i128;
        let common = on_grid(common, self.normal(Purpose::CommonReadNoise, place, 0));
        let mut word_lines = 0;
        for i in 0..parts.group_rows {
            let z = self.normal(Purpose::WordLineNoise, place, i);
            let offset = (noise.word_line_deviation as f64 * z + 0.5).floor() as i128;
            let row = match parts.summands {
                Summands::Rows | Summands::Digits => step.group * parts.group_rows + i,
                Summands::Patterns => (step.group << parts.group_rows) + (1 << i),
            };
            word_lines += offset * i128::from(parts.contributions.at(row * conversions + at));
        }
        ((word_lines + (1 << 23)).div_euclid(1 << 24) - common, (variance as f64).sqrt() * unit)
    }

    /// Asserts that a conversion is the one whose white noise is the quantile of its word, within what the methods say that
    /// they are off by.
    fn check(&self, step: &Step<'_>, found: reference::Conversion, case: &str) {
        let (sum, deviation) = self.sum(step, found.lane, found.column);
        // Planes follow each other, and lanes in them, for 32 columns.
        let (tile, lanes) = (found.column / 32, self.parts.lanes);
        let mut draws = self.key.stream(Purpose::ReadNoise, [self.array, step.group as u64, tile as u64]);
        let word = (step.plane as usize * lanes + found.lane) * 32 + found.column % 32;
        let mut words = move |each: usize| (0..=word / each).map(|_| draws.bits()).last().unwrap();
        let at = (tile * lanes + found.lane) * 32 + found.column % 32;
        let unclamped = |sum: i64| match self.parts.quantizer {
            Quantizer::Codes { .. } => (sum + (1 << 15)).div_euclid(1 << 16),
            Quantizer::PassThrough => sum,
        };
        let is_white =
            |noise: &&BlockNoise| noise.constant > 0 || !noise.cells.is_empty() || !noise.undriven.is_empty();
        match self.parts.noise.as_ref().filter(is_white).map(|noise| noise.method) {
            Some(NoiseMethod::Gaussian) => {
                let word = (words(2) >> (32 * (at % 2))) as u32;
                let moved = deviation * normal_quantile((f64::from(word) + 0.5) / 2f64.powi(32));
                let error = (found.sum - sum) as f64 - moved;
                let limit = 4e-5 * deviation + 1e-6 * moved.abs() + 0.51;
                assert!(error.abs() <= limit, "{case}: off by {error} of {deviation}");
                assert_eq!(found.unclamped, unclamped(found.sum), "{case}");
            }
            Some(NoiseMethod::Thresholds) => {
                let upper = (words(4) >> (16 * (at % 4))) as i16;
                let group = (step.group as u64) << 32 | u64::from(step.plane);
                let lower =
                    self.key.stream(Purpose::ReadNoiseTie, [self.array, group, at as u64]).bits() as u16;
                let number = f64::from((i32::from(upper) + (1 << 15)) as u32 * 65536 + u32::from(lower));
                // The smaller the number, the higher the code.
                let noisy = sum as f64 - deviation * normal_quantile((number + 0.5) / 2f64.powi(32));
                let Quantizer::Codes { low, high } = self.parts.quantizer else { panic!("{case}: no codes") };
                let code = ((noisy / 65536.0 + 0.5).floor() as i64).clamp(low - 1, high + 1);
                assert_eq!((found.sum, found.unclamped), (sum, code), "{case}");
            }
            None => assert_eq!((found.sum, found.unclamped), (sum, unclamped(sum)), "{case}"),
        }
        assert_eq!(found.code, self.parts.quantizer.clamp(found.unclamped), "{case}");
    }

    fn slow(&self, slow: &SlowNoise, step: &Step<'_>, lane: usize, column: usize) -> i128 {
        let cell = column * self.parts.lanes * slow.arms + lane;
        let moved = |(row, digit): (usize, usize)| {
            let mut deviation =
                self.deviation(slow, 0, row, cell, step.run) - self.deviation(slow, 1, row, 0, step.run);
            if slow.arms == 2 {
                deviation -= self.deviation(slow, 0, row, cell + self.parts.lanes, step.run);
            }
            i128::from(slow.digit_weight[digit]) * i128::from(deviation)
        };
        let sum: i128 = self.driven(step).into_iter().map(moved).sum();
        (sum + (1 << 15)).div_euclid(1 << 16)
    }

    fn deviation(&self, slow: &SlowNoise, bank: u64, row: usize, cell: usize, run: u32) -> i64 {
        let per_row = if bank == 0 { slow.arms * self.parts.lanes * self.parts.columns } else { 1 };
        let (at, place) = (row * per_row + cell, row as u64 | bank << 32);
        let mut deviation = 0;
        if let Some(t) = &slow.telegraph {
            let draw = |n: u32| {
                let mut stream = self.key.stream(Purpose::Telegraph, [self.array, place, n.into()]);
                (0..=cell).map(|_| stream.bits()).last().unwrap()
            };
            let state = match t.persistence {
                kernel::Persistence::Held => draw(0) < t.probability,
                kernel::Persistence::Redrawn => draw(run) < t.probability,
                kernel::Persistence::Evolved => (1..=run).fold(draw(0) < t.probability, |trapped, n| {
                    let moves = draw(n) < if trapped { t.emission } else { t.capture };
                    trapped != moves
                }),
            };
            let table = match (bank, state) {
                (0, true) => &t.trapped,
                (0, false) => &t.untrapped,
                (_, true) => &t.dummy_trapped,
                (_, false) => &t.dummy_untrapped,
            };
            deviation += table.get(at).copied().unwrap_or(0);
        }
        if let Some(f) = &slow.flicker {
            let normal = |word: u64| {
                let mut numbers = vec![0f32; cell + 1];
                self.key.stream(Purpose::Flicker, [self.array, place, word]).fill_normals(&mut numbers);
                f64::from(numbers[cell])
            };
            let octave = |k: usize| f.octaves[k] * normal((k as u64 + 1) << 32 | u64::from(run >> k));
            let z = (0..f.octaves.len()).fold(f.held * normal(0), |sum, k| sum + octave(k));
            let table = if bank == 0 { &f.deviation } else { &f.dummy_deviation };
            deviation += table.get(at).map_or(0, |&sigma| (sigma as f64 * z + 0.5).floor() as i64);
        }
        deviation
    }
}

#[test]
fn random_blocks_do_what_their_parts_say() {
    let mut work = direct::Workspace::default();
    for seed in 0..600 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let parts = random_parts(&mut rng);
        let block = Block::new(parts.clone()).unwrap();
        for vector in 0..2u128 {
            let noise = NoiseKey { key: Key::from(u128::from(seed) << 8 | vector), array: seed % 3 };
            let oracle = Oracle { parts: &parts, key: noise.key, array: noise.array };
            let (mut ours, mut law) = (vec![0; parts.columns], vec![0; parts.columns]);
            let (mut counts, mut law_counts) = (Counts::default(), Counts::default());
            // Groups in any order, planes of each one after another, with planes left out.
            for group in (0..parts.groups).rev() {
                let planes = (0..9u32).filter(|_| rng.random()).collect::<Vec<_>>();
                let idle = rng.random_range(0..parts.group_rows);
                for (run, &plane) in planes.iter().enumerate() {
                    let digit = |row: usize| {
                        if row == idle { 0 } else { rng.random_range(0..=parts.max_digit) as u8 }
                    };
                    let digits: Vec<u8> = (0..parts.group_rows).map(digit).collect();
                    let place = if plane == 8 { -256 } else { 1 << plane };
                    let step = Step { group, plane, run: run as u32, place, digits: &digits };
                    let level = ActivityLevel::CountsAndEnergy;
                    direct::run(&block, &step, Some(noise), level, &mut work, &mut ours, &mut counts);
                    reference::run(&block, &step, Some(noise), level, &mut law, &mut law_counts, |c| {
                        oracle.check(&step, c, &format!("seed {seed} {step:?} {c:?}"));
                    });
                    assert_eq!(ours, law, "seed {seed} vector {vector} {step:?}");
                    assert_eq!(counts, law_counts, "seed {seed} vector {vector} {step:?}");
                    let rows = parts.groups * parts.group_rows;
                    let energy = |(row, digit): (usize, usize)| parts.energy[(digit - 1) * rows + row];
                    assert_eq!(block.energy(&step), oracle.driven(&step).into_iter().map(energy).sum());
                }
            }
            assert!(ours.iter().all(|y| y.abs() <= block.bound()), "seed {seed}");
        }
    }
}

#[test]
fn noise_free_runs_of_a_noisy_block_are_those_of_a_quiet_one() {
    for seed in 0..200 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let parts = random_parts(&mut rng);
        let quiet = Block::new(BlockParts { noise: None, slow: None, ..parts.clone() }).unwrap();
        let noisy = Block::new(parts.clone()).unwrap();
        let digits = vec![parts.max_digit as u8; parts.group_rows];
        let step = Step { group: 0, plane: 0, run: 0, place: 1, digits: &digits };
        let run = |block: &Block, noise| {
            let (mut y, mut counts) = (vec![0; parts.columns], Counts::default());
            let mut work = direct::Workspace::default();
            direct::run(block, &step, noise, ActivityLevel::Counts, &mut work, &mut y, &mut counts);
            let mut largest = 0;
            direct::for_each_sum(block, &step, &mut work, |sum| largest = largest.max(sum.abs()));
            assert!(largest <= block.max_sum());
            (y, counts)
        };
        assert_eq!(run(&noisy, None), run(&quiet, None));
        assert_eq!(run(&quiet, Some(NoiseKey { key: Key::from(1), array: 0 })), run(&quiet, None));
    }
}

#[test]
fn the_largest_sum_is_of_the_largest_digit_of_each_row() {
    // Two groups of two rows, digits 1 to 3; the largest share of a row need not be of digit 3.
    let tables: [[i64; 4]; 3] = [[5, -9, 1, 1], [7, 2, 30, 0], [-4, 3, 2, -2]];
    let parts = |summands, max_digit, contributions: Vec<i64>| BlockParts {
        group_rows: 2,
        groups: 2,
        lanes: 1,
        columns: 1,
        max_digit,
        max_places: 1,
        contributions: contributions.into(),
        summands,
        quantizer: Quantizer::PassThrough,
        adcs: BlockAdcs::default(),
        unit: 1,
        shift: vec![0],
        negative: vec![false; 2],
        digit_sum: vec![0; 2],
        baseline: vec![],
        noise: None,
        slow: None,
        energy: vec![0; 4 * max_digit as usize],
    };
    let max_sum = |parts: BlockParts| Block::new(parts).unwrap().max_sum();
    assert_eq!(max_sum(parts(Summands::Digits, 3, tables.concat())), 30 + 2);
    assert_eq!(max_sum(parts(Summands::Rows, 3, tables[0].to_vec())), 3 * (5 + 9));
    assert!(Block::new(parts(Summands::Digits, 3, tables[..2].concat())).is_err());
    // A pattern stands for the whole sum.
    assert_eq!(max_sum(parts(Summands::Patterns, 1, tables[..2].concat())), 30);
}
