//! ADCs that differ from each other: every code by the definition, which bit lines share one, the distributions of what
//! is drawn (α = 0.001, fixed seeds), and every kernel against the reference.

mod common;

use common::{Fill, Untouchable, assert_follows, ideal_cell, random_inputs, random_weights};
use forms_xbar::device::{
    Conditions, Flicker, FlickerAmplitude, Telegraph, TelegraphAmplitude, WhiteLaw, WhiteNoise,
};
use forms_xbar::kernel::{
    Block, BlockAdcs, BlockNoise, BlockParts, Counts, Level, NoiseKey, Quantizer, Step, Summands, direct,
    reference,
};
use forms_xbar::read::{Input, Kernel};
use forms_xbar::{
    ActivityLevel, Adc, AdcErrors, AdcMap, Baseline, Budget, Cell, DesignBuilder, Die, Error, ErrorSource,
    Key, LevelMap, Mapping, Programming, ReadNoise, Skip, Subtraction, Weights, presets,
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use statrs::distribution::{ContinuousCDF, Normal};

const ONE: i128 = 1 << 16;

/// Offsets and monotone edges of `adcs` ADCs, some codes missing, some ADCs ideal in one of both.
fn random_adcs(rng: &mut ChaCha8Rng, (low, high): (i64, i64), adcs: usize, conversions: usize) -> BlockAdcs {
    let offset = if rng.random_range(0..3) > 0 { conversions } else { 0 };
    let is_displaced = rng.random_range(0..3) > 0;
    let mut displacement = Vec::new();
    for _ in 0..if is_displaced { adcs } else { 0 } {
        let mut edge = rng.random_range(-3 << 16..=3 << 16);
        for code in low..=high + 1 {
            displacement.push(edge - (code << 16));
            edge += if rng.random_range(0..4) == 0 { 0 } else { rng.random_range(0..=1 << 17) };
        }
    }
    BlockAdcs {
        offset: (0..offset).map(|_| rng.random_range(-3 << 16..=3 << 16)).collect(),
        displacement,
        of_conversion: (0..if is_displaced { conversions } else { 0 })
            .map(|_| rng.random_range(0..adcs as u32))
            .collect(),
    }
}

/// The law, in words of its own: one below the lowest code and one for every edge that the sum reaches.
fn counted_edges(adcs: &BlockAdcs, (low, high): (i64, i64), conversion: usize, sum: i64) -> i64 {
    let edges = (high - low + 2) as usize;
    let sum = i128::from(sum) + adcs.offset.get(conversion).map_or(0, |&offset| offset.into());
    let reached = (low..=high + 1).filter(|&code| {
        let displaced = adcs
            .of_conversion
            .get(conversion)
            .map_or(0, |&adc| adcs.displacement[adc as usize * edges + (code - low) as usize].into());
        sum >= i128::from(code) * ONE - ONE / 2 + displaced
    });
    low - 1 + reached.count() as i64
}

fn block_parts(rng: &mut ChaCha8Rng, quantizer: Quantizer, adcs: BlockAdcs, wide: bool) -> BlockParts {
    let largest = if wide { 1 << 33 } else { 4 << 16 };
    BlockParts {
        group_rows: 3,
        groups: 2,
        lanes: 2,
        columns: 5,
        max_digit: 1,
        max_places: 255,
        contributions: (0..60).map(|_| rng.random_range(-largest / 3..=largest)).collect::<Vec<i64>>().into(),
        summands: Summands::Rows,
        quantizer,
        adcs,
        unit: 1,
        shift: vec![0, 2],
        negative: (0..20).map(|_| rng.random()).collect(),
        digit_sum: vec![0; 10],
        baseline: vec![],
        noise: None,
        slow: None,
        energy: vec![0; 6],
    }
}

#[test]
fn codes_are_counted_edges() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for case in 0..60 {
        let range = (-rng.random_range(0..6), rng.random_range(1..12));
        let adcs = random_adcs(&mut rng, range, 3, 10);
        let quantizer = Quantizer::Codes { low: range.0, high: range.1 };
        let block = Block::new(block_parts(&mut rng, quantizer, adcs.clone(), case % 4 == 0)).unwrap();
        for at in 0..10 {
            let (lane, column) = (at / 5, at % 5);
            let mut sums: Vec<i64> = (0..40).map(|_| rng.random_range(-20 << 16..=20 << 16)).collect();
            for code in range.0 - 2..=range.1 + 3 {
                let edge = block.edge(lane, column, code);
                sums.extend([edge - 1, edge, edge + 1]);
                assert!(block.unclamped(lane, column, edge) >= code);
                assert!(block.unclamped(lane, column, edge - 1) < code);
            }
            for sum in sums {
                let counted = counted_edges(&adcs, range, at, sum);
                let unclamped = block.unclamped(lane, column, sum);
                assert_eq!(unclamped.clamp(range.0 - 1, range.1 + 1), counted, "case {case}, sum {sum}");
                assert_eq!(block.code(lane, column, sum), counted.clamp(range.0, range.1));
            }
        }
    }
}

#[test]
fn an_offset_moves_every_edge_by_itself_and_nothing_else() {
    let quantizer = Quantizer::Codes { low: 0, high: 31 };
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for offset in [-70_000, -1, 0, 1, 40_000] {
        let adcs = BlockAdcs { offset: vec![offset; 10], ..BlockAdcs::default() };
        let block = Block::new(block_parts(&mut rng, quantizer, adcs, false)).unwrap();
        for code in 1..=31 {
            assert_eq!(block.edge(0, 0, code), (code << 16) - (1 << 15) - offset);
        }
    }
    // Without an ADC the sum itself moves.
    let adcs = BlockAdcs { offset: vec![5; 10], ..BlockAdcs::default() };
    let block = Block::new(block_parts(&mut rng, Quantizer::PassThrough, adcs, false)).unwrap();
    assert_eq!((block.code(1, 2, 100), block.edge(1, 2, 105)), (105, 100));
}

#[test]
fn the_direct_kernel_is_the_reference_for_any_adc() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut work = direct::Workspace::default();
    for case in 0..200u64 {
        let range = (-rng.random_range(0..6), rng.random_range(1..12));
        let (quantizer, adcs) = if case % 5 == 0 {
            let offset = (0..10).map(|_| rng.random_range(-3 << 16..=3 << 16)).collect();
            (Quantizer::PassThrough, BlockAdcs { offset, ..BlockAdcs::default() })
        } else {
            (Quantizer::Codes { low: range.0, high: range.1 }, random_adcs(&mut rng, range, 3, 10))
        };
        let mut parts = block_parts(&mut rng, quantizer, adcs.clone(), case % 7 == 0);
        if case % 2 == 0 {
            parts.noise = Some(BlockNoise { unit_bits: 8, constant: 1 << 16, ..BlockNoise::default() });
        }
        let block = Block::new(parts).unwrap();
        for pattern in 0..8u8 {
            let digits = [pattern & 1, pattern >> 1 & 1, pattern >> 2];
            let group = usize::from(pattern) % 2;
            let step = Step { group, plane: pattern.into(), run: 0, place: 1, digits: &digits };
            let noise = NoiseKey { key: Key::from(u128::from(case)), array: 0 };
            let (mut ours, mut law) = (vec![0; 5], vec![0; 5]);
            let (mut counts, mut law_counts) = (Counts::default(), Counts::default());
            let mut clipped = (0, 0);
            direct::run(&block, &step, Some(noise), ActivityLevel::Counts, &mut work, &mut ours, &mut counts);
            reference::run(
                &block,
                &step,
                Some(noise),
                ActivityLevel::Counts,
                &mut law,
                &mut law_counts,
                |c| {
                    if let Quantizer::Codes { low, high } = quantizer {
                        let counted = counted_edges(&adcs, range, c.lane * 5 + c.column, c.sum);
                        assert_eq!(c.code, counted.clamp(low, high));
                        clipped.0 += u64::from(counted < low);
                        clipped.1 += u64::from(counted > high);
                    }
                },
            );
            assert_eq!((&ours, counts), (&law, law_counts), "case {case}");
            assert_eq!((counts.clipped_low, counts.clipped_high), clipped);
            assert!(ours.iter().all(|y| y.abs() <= block.bound()));
        }
    }
}

#[test]
fn bad_tables_of_adcs_are_refused() {
    let quantizer = Quantizer::Codes { low: 0, high: 1 };
    let block = |quantizer, adcs| {
        Block::new(block_parts(&mut ChaCha8Rng::seed_from_u64(4), quantizer, adcs, false)).map(|_| ())
    };
    let displaced = |displacement: Vec<i64>, of_conversion: Vec<u32>| {
        block(quantizer, BlockAdcs { displacement, of_conversion, ..BlockAdcs::default() })
    };
    assert_eq!(displaced(vec![0, 0, 0], vec![0; 10]), Ok(()));
    assert_eq!(displaced(vec![0, -65536, 0], vec![0; 10]), Ok(()), "a missing code");
    let error = displaced(vec![0, -65537, 0], vec![0; 10]).unwrap_err();
    assert_eq!(error.to_string(), format!("width of a code (2⁻¹⁶ LSB) is -1, outside 0..={}", i64::MAX));
    assert!(matches!(
        displaced(vec![0; 4], vec![0; 10]),
        Err(Error::Divide { part_value: 3, whole_value: 4, .. })
    ));
    assert!(matches!(displaced(vec![0; 3], vec![0; 9]), Err(Error::Length { expected: 10, found: 9, .. })));
    assert!(matches!(displaced(vec![0; 3], vec![1; 10]), Err(Error::Integer { value: 1, max: 0, .. })));
    assert!(matches!(displaced(vec![], vec![0; 10]), Err(Error::Length { expected: 0, found: 10, .. })));
    assert!(matches!(displaced(vec![1 << 41, 0, 0], vec![0; 10]), Err(Error::Integer { .. })));
    let adcs = BlockAdcs { offset: vec![0; 9], ..BlockAdcs::default() };
    assert!(matches!(block(quantizer, adcs), Err(Error::Length { expected: 10, found: 9, .. })));
    let adcs = BlockAdcs { displacement: vec![0; 3], of_conversion: vec![0; 10], ..BlockAdcs::default() };
    assert!(matches!(block(Quantizer::PassThrough, adcs), Err(Error::Length { expected: 0, found: 3, .. })));
}

const DIGITAL: Mapping = Mapping::Differential { subtraction: Subtraction::Digital };
const BEFORE_ADC: Mapping = Mapping::Differential { subtraction: Subtraction::BeforeAdc };

fn all_errors() -> AdcErrors {
    AdcErrors::new(0.7, 0.02).unwrap().with_dnl_lsb(0.4).unwrap()
}

/// A random design with ADCs of these errors, and its die.
fn random_die(rng: &mut ChaCha8Rng, fragment: usize, errors: AdcErrors, noise: ReadNoise) -> Die {
    let mapping =
        [Mapping::Offset, DIGITAL, BEFORE_ADC, Mapping::Polarized { fragment }][rng.random_range(0..4)];
    let rows = fragment * rng.random_range(1..=12);
    let (inputs, outputs) = (rng.random_range(1..=70), rng.random_range(1..=45));
    let signed = rng.random();
    let levels = if rng.random_range(0..3) == 0 { (30e-6, 120e-6) } else { (1e-6, 100e-6) };
    let cell = Cell::new(LevelMap::linear(2, levels.0, levels.1).unwrap())
        .with_programming(Programming::Lognormal { sigma: if rng.random() { 0.3 } else { 0.0 } });
    let baseline = match rng.random_range(0..3) {
        0 => Baseline::None,
        1 if mapping != BEFORE_ADC => Baseline::DummyColumn,
        _ => Baseline::Digital,
    };
    let adc_bits = rng.random_range(2..=6);
    let adc = if rng.random() { Adc::full_range(adc_bits) } else { Adc::granular(adc_bits) };
    let adcs = rng.random_range(1..=5);
    let design = DesignBuilder::new(mapping, cell, adc)
        .array(rows, adcs * rng.random_range(8..=20))
        .active_rows(fragment)
        .column_flip(rng.random())
        .input_bits(rng.random_range(if signed { 2 } else { 1 }..=16))
        .signed_inputs(signed)
        .skip([Skip::Off, Skip::LeadingZeros, Skip::AllZeroPlanes][rng.random_range(0..3)])
        .baseline(baseline)
        .read_noise(noise)
        .adc_errors(errors)
        .adcs_per_array(adcs)
        .adc_map([AdcMap::Blocks, AdcMap::Interleaved][rng.random_range(0..2)])
        .build()
        .unwrap();
    let polarized = matches!(mapping, Mapping::Polarized { .. }).then_some((fragment, rows));
    let weights = random_weights((inputs, outputs, 4), Fill::Uniform, polarized, rng.random());
    design.program_keyed(&weights, Key::from(u128::from(rng.random::<u64>()))).unwrap()
}

/// Reads vectors, some of few bits and one of zeros, by every path.
fn assert_reads(rng: &mut ChaCha8Rng, die: &Die, tabled: &mut usize, streamed: &mut usize) {
    let format = die.design().input_format();
    let mut x = random_inputs(die.inputs() * 7, (format.min(), format.max()), rng.random());
    for x in x.chunks_mut(die.inputs()).skip(1).step_by(3) {
        x.iter_mut().for_each(|x| *x >>= format.bits() / 2);
    }
    x[2 * die.inputs()..3 * die.inputs()].fill(0);
    if format.is_signed() {
        let x: Vec<i16> = x.into_iter().map(|x| x as i16).collect();
        assert_paths(die, &x, tabled, streamed);
    } else {
        let x: Vec<u16> = x.into_iter().map(|x| x as u16).collect();
        assert_paths(die, &x, tabled, streamed);
    }
}

fn assert_paths<T: Input>(die: &Die, x: &[T], tabled: &mut usize, streamed: &mut usize) {
    let keys = |vector: usize| Key::from(5).child(vector as u64);
    let vectors = x.chunks_exact(die.inputs()).enumerate();
    let law: Vec<_> = vectors.map(|(at, x)| die.mvm_reference_keyed(x, keys(at)).unwrap()).collect();
    let expected: Vec<i64> = law.iter().flat_map(|read| read.y.clone()).collect();
    assert!(expected.iter().all(|y| y.abs() <= die.bound()));
    let counted: forms_xbar::Activity = law.iter().map(|read| read.activity).sum();
    let mut y = vec![0i64; expected.len()];
    assert_eq!(die.mvm_batch_into_keyed(x, keys, &mut y, ActivityLevel::Counts).unwrap(), counted);
    assert_eq!(y, expected);
    let bytes = die.prepare(Budget::default()).unwrap().plan().bytes;
    let budgets = Level::available().into_iter().map(|level| Budget::default().with_level(level));
    for budget in budgets.chain([Budget::default().with_bytes(bytes.saturating_sub(1))]) {
        let prepared = die.prepare(budget).unwrap();
        *tabled += usize::from(prepared.plan().kernel != Kernel::Direct);
        *streamed += usize::from(prepared.plan().streams);
        y.fill(77);
        assert_eq!(prepared.mvm_batch_into_keyed(x, keys, &mut y, ActivityLevel::Counts).unwrap(), counted);
        assert_eq!(y, expected, "{:?}", prepared.plan());
        let mut scratch = prepared.scratch(ActivityLevel::Counts);
        let mut one = vec![0i64; die.outputs()];
        for (at, x) in x.chunks_exact(die.inputs()).enumerate() {
            prepared.mvm_into_keyed(x, keys(at), &mut one, &mut scratch).unwrap();
            assert_eq!(one, law[at].y);
        }
        assert_eq!(scratch.activity(), counted);
    }
}

#[test]
fn tables_return_the_bits_of_the_reference() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let (mut tabled, mut streamed) = (0, 0);
    for case in 0..90 {
        let (offset, gain, dnl) = [(0.0, 0.0, 0.4), (2.0, 0.0, 0.0), (0.7, 0.02, 0.4)][case % 3];
        let errors = AdcErrors::new(offset, gain).unwrap().with_dnl_lsb(dnl).unwrap();
        let fragment = rng.random_range(1..=8);
        let die = random_die(&mut rng, fragment, errors, ReadNoise::NONE);
        assert_reads(&mut rng, &die, &mut tabled, &mut streamed);
    }
    assert!(tabled > 150 && streamed > 30, "{tabled} {streamed}");
    // Their noise as well.
    let (mut tabled, mut streamed) = (0, 0);
    for _ in 0..30 {
        let errors = all_errors().with_noise_lsb(0.3).unwrap();
        let fragment = rng.random_range(1..=8);
        let die = random_die(&mut rng, fragment, errors, ReadNoise::NONE);
        assert_reads(&mut rng, &die, &mut tabled, &mut streamed);
    }
    assert!(tabled > 40 && streamed > 10, "{tabled} {streamed}");
}

#[test]
fn words_that_an_offset_moves_beyond_16_bits_are_not_tabled() {
    let (mut tabled, mut streamed) = (0, 0);
    for (bits, key) in (7..=9).flat_map(|bits| (0..8).map(move |key| (bits, key))) {
        // Sums reach beyond the whole range, offsets to both of its ends: a word is up to 85 · (2^bits − 1).
        let adc = Adc::Calibrated { bits, quantile: 1.0, lsb: Some(1 << (20 - bits)) };
        let design = presets::forms()
            .mapping(BEFORE_ADC)
            .active_rows(8)
            .baseline(Baseline::None)
            .adc(adc)
            .input_bits(8)
            .adc_errors(AdcErrors::new(f64::from(1 << bits), 0.0).unwrap())
            .adcs_per_array(128)
            .build()
            .unwrap();
        let weights: Vec<i32> = (0..320).map(|at| if at % 40 % 3 == 0 { 127 } else { -127 }).collect();
        let weights = Weights::from_row_slice(8, 40, 8, &weights).unwrap();
        let die = design.program_keyed(&weights, Key::from(key)).unwrap();
        let x: Vec<u8> = [[255; 8], [0; 8], [1, 2, 3, 4, 5, 6, 7, 8]].concat();
        let before = tabled;
        assert_paths(&die, &x, &mut tabled, &mut streamed);
        assert_eq!(tabled > before, bits < 9, "{bits}");
    }
}

#[test]
fn slow_noise_and_large_groups_are_read_directly_with_the_bits_of_the_reference() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let amplitude = TelegraphAmplitude::Constant { relative: 0.1 };
    let noise = ReadNoise::new(0.02, 3e-7)
        .unwrap()
        .with_white(WhiteNoise::new(1e9, WhiteLaw::ThermalAndShot).unwrap())
        .with_word_line_volts(2e-3)
        .with_telegraph(Telegraph::new(amplitude, 60e-9, 20e-9).unwrap())
        .with_flicker(Flicker::new(FlickerAmplitude::Relative { sigma: 0.01 }, 1.0, 1e9).unwrap());
    let (mut tabled, mut streamed) = (0, 0);
    for (noise, fragment) in [(noise, 4), (ReadNoise::NONE, 16)].repeat(8) {
        let die = random_die(&mut rng, fragment, all_errors(), noise);
        assert_reads(&mut rng, &die, &mut tabled, &mut streamed);
    }
    assert_eq!((tabled, streamed), (0, 0));
}

/// A die of ideal cells, groups of four rows, arrays of 8 × 24 with four ADCs.
fn die_of(mapping: Mapping, map: AdcMap, errors: AdcErrors, key: u128) -> Die {
    let design = DesignBuilder::new(mapping, ideal_cell(2), Adc::granular(6))
        .array(8, 24)
        .active_rows(4)
        .input_bits(4)
        .adc_errors(errors)
        .adcs_per_array(4)
        .adc_map(map)
        .build()
        .unwrap();
    let polarized = matches!(mapping, Mapping::Polarized { .. }).then_some((4, 8));
    let weights = random_weights((16, 20, 4), Fill::Uniform, polarized, 8);
    design.program_keyed(&weights, Key::from(key)).unwrap()
}

/// The ADC of a traced conversion, by hand: polarized and offset weights of four bits have two slices, differential ones
/// two more of the other arm, which one ADC converts with the first where they are subtracted before it.
fn adc_by_hand(mapping: Mapping, map: AdcMap, output: usize, arm: usize, slice: usize) -> usize {
    let arms = if matches!(mapping, Mapping::Differential { .. }) { 2 } else { 1 };
    let bit_line = (output % (24 / (2 * arms))) * 2 * arms + arm * 2 + slice;
    match map {
        AdcMap::Blocks => bit_line / 6,
        AdcMap::Interleaved => bit_line % 4,
    }
}

#[test]
fn every_conversion_is_that_of_the_adc_of_its_bit_line() {
    let x: Vec<u8> = (0..16).map(|at| (7 * at + 3) as u8 % 16).collect();
    for (mapping, map) in [Mapping::Polarized { fragment: 4 }, Mapping::Offset, DIGITAL, BEFORE_ADC]
        .into_iter()
        .flat_map(|mapping| [(mapping, AdcMap::Blocks), (mapping, AdcMap::Interleaved)])
    {
        let die = die_of(mapping, map, all_errors(), 9);
        let ideal = die_of(mapping, map, AdcErrors::NONE, 9);
        let trace = die.trace_keyed(&x, Key::from(1)).unwrap();
        let plain = ideal.trace_keyed(&x, Key::from(1)).unwrap();
        assert_eq!(trace.conversions.len(), plain.conversions.len());
        let (low, high) = if mapping == BEFORE_ADC { (-32, 31) } else { (0, 63) };
        let mut used = [false; 4];
        for (c, plain) in trace.conversions.iter().zip(&plain.conversions) {
            // Ideal cells: the current is a whole number of level steps and 1 µS per driven row, of 33 µS a step.
            assert!(
                (c.amperes / 6.6e-6 - plain.amperes / 6.6e-6).abs() < 4.0 * 2f64.powi(-16),
                "{c:?} {plain:?}"
            );
            let adc = adc_by_hand(mapping, map, c.output, c.arm, c.slice);
            used[adc] = true;
            let adc = die.adc(c.array, adc).unwrap();
            let sum = plain.amperes / 6.6e-6 * adc.gain() + adc.offset() as f64 / 65536.0;
            let edge = |code: i64| code as f64 - 0.5 + adc.inl(code) as f64 / 65536.0;
            // Sums of four contributions, each within half a grid unit, of cells kept as f32.
            let close = |code| (sum - edge(code)).abs() < 8.0 * 2f64.powi(-16);
            let counted = low - 1 + (low..=high + 1).filter(|&code| sum >= edge(code)).count() as i64;
            let code = counted.clamp(low, high);
            assert!(code == c.code || (low..=high + 1).any(close), "{c:?}: {sum}, {code}");
        }
        // All four, but where second bit lines of pairs have some for themselves.
        let is_idle = mapping == BEFORE_ADC && map == AdcMap::Interleaved;
        assert_eq!(used, [true, true, !is_idle, !is_idle]);
    }
}

#[test]
fn the_first_and_the_last_edge_stay_and_widths_have_a_mean_of_one() {
    for (bits, sigma) in [(2, 1.0), (3, 1.0), (5, 0.1), (8, 1.0), (12, 0.5)] {
        let design =
            DesignBuilder::new(Mapping::Polarized { fragment: 8 }, ideal_cell(2), Adc::granular(bits))
                .adc_errors(AdcErrors::new(0.0, 0.0).unwrap().with_dnl_lsb(sigma).unwrap())
                .build()
                .unwrap();
        let weights = Weights::from_row_slice(1, 1, 2, &[1]).unwrap();
        let mut missing = 0;
        for key in 0..50 {
            let adc = design.program_keyed(&weights, Key::from(key)).unwrap().adc(0, 0).unwrap();
            let high = (1 << bits) - 1;
            assert_eq!([-1, 0, 1, high, high + 1, high + 2].map(|code| adc.inl(code)), [0; 6]);
            let mut inl = 0;
            for code in 1..high {
                let dnl = adc.inl(code + 1) - adc.inl(code);
                assert!(dnl >= -(ONE as i64), "code {code} of {bits} bits is {dnl} narrower");
                missing += i32::from(dnl == -(ONE as i64));
                inl += dnl;
                assert_eq!(adc.inl(code + 1), inl);
            }
            assert_eq!(inl, 0);
        }
        // Φ(−1) of codes of deviation 1, at least; Φ(−2) of those of 0.5.
        assert_eq!(missing > 0, sigma >= 0.5, "{bits} {sigma}: {missing}");
    }
}

/// Every ADC of many dies: keys, arrays, ADCs.
fn instances(errors: AdcErrors, bits: u32, dies: u128) -> Vec<forms_xbar::periphery::AdcInstance> {
    let design = DesignBuilder::new(Mapping::Polarized { fragment: 4 }, ideal_cell(2), Adc::granular(bits))
        .array(4, 8)
        .adcs_per_array(8)
        .adc_errors(errors)
        .build()
        .unwrap();
    let weights = Weights::from_row_slice(8, 8, 2, &[0; 64]).unwrap();
    let of_die = |key| {
        let die = design.program_keyed(&weights, Key::from(key)).unwrap();
        let places = (0..die.arrays()).flat_map(|array| (0..8).map(move |adc| (array, adc)));
        places.map(|(array, adc)| die.adc(array, adc).unwrap()).collect::<Vec<_>>()
    };
    (0..dies).flat_map(of_die).collect()
}

#[test]
fn offsets_and_gains_are_normal_and_independent() {
    let errors = AdcErrors::new(0.5, 0.01).unwrap();
    let all = instances(errors, 5, 1000);
    assert!(all.len() >= 16_000);
    let offsets: Vec<f64> = all.iter().map(|adc| adc.offset() as f64 / 65536.0 / 0.5).collect();
    let gains: Vec<f64> = all.iter().map(|adc| (adc.gain() - 1.0) / 0.01).collect();
    let normal = Normal::new(0.0, 1.0).unwrap();
    assert_follows(offsets.clone(), |z| normal.cdf(z));
    assert_follows(gains.clone(), |z| normal.cdf(z));
    // Neighbouring ADCs, arrays and dies; offset and gain of one. Deviation 1/√n.
    let correlation = |a: &[f64], b: &[f64]| {
        a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / (a.len().min(b.len()) as f64).sqrt()
    };
    for lag in [1, 8, 16, 32, 64] {
        assert!(correlation(&offsets, &offsets[lag..]).abs() < 3.9, "{lag}");
    }
    assert!(correlation(&offsets, &gains).abs() < 3.9);
    // Switching gain off or uneven codes on moves no offset.
    let others = instances(AdcErrors::new(0.5, 0.0).unwrap().with_dnl_lsb(0.2).unwrap(), 5, 10);
    assert!(others.iter().zip(&all).all(|(other, adc)| other.offset() == adc.offset()));
}

#[test]
fn code_widths_are_normal_before_they_are_divided_by_their_mean() {
    let sigma = 0.1;
    let mut widths = Vec::new();
    for adc in instances(AdcErrors::NONE.with_dnl_lsb(sigma).unwrap(), 12, 1) {
        let dnl = |code: i64| (adc.inl(code + 1) - adc.inl(code)) as f64 / 65536.0;
        widths.extend((1..4095).map(dnl));
    }
    // 4094 of one ADC share a mean, which deviates by 0.1 / 64.
    let normal = Normal::new(0.0, sigma).unwrap();
    assert_follows(widths, |dnl| normal.cdf(dnl));
}

#[test]
fn noise_of_an_adc_has_its_variance_behind_the_gain() {
    let errors = AdcErrors::new(0.0, 0.1).unwrap().with_noise_lsb(3.0).unwrap();
    let noise = ReadNoise::new(0.0, 1e-5).unwrap();
    for (mapping, errors, noise) in [
        (Mapping::Polarized { fragment: 4 }, errors, ReadNoise::NONE),
        (Mapping::Polarized { fragment: 4 }, errors, noise),
        (BEFORE_ADC, errors, noise),
    ] {
        // Codes far from both ends.
        let cell = Cell::new(LevelMap::linear(2, 90e-6, 120e-6).unwrap());
        let design = DesignBuilder::new(mapping, cell, Adc::granular(10))
            .array(4, 8)
            .adcs_per_array(8)
            .input_bits(2)
            .read_noise(noise)
            .adc_errors(errors)
            .build()
            .unwrap();
        let weights = Weights::from_row_slice(4, 2, 4, &[5, 3, 7, 1, 6, 2, 7, 4]).unwrap();
        let die = design.program_keyed(&weights, Key::from(3)).unwrap();
        let x = [3u8, 3, 3, 3];
        let n = 20_000;
        let read = die.mvm_batch(&x.repeat(n), &mut ChaCha8Rng::seed_from_u64(4)).unwrap();
        assert_eq!((read.activity.clipped_low(), read.activity.clipped_high()), (0, 0));
        let variance = |output: usize| {
            let y: Vec<f64> = read.y.chunks_exact(2).map(|y| y[output] as f64).collect();
            let mean = y.iter().sum::<f64>() / n as f64;
            y.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / (n - 1) as f64
        };
        // Slices weigh 1 and 4, planes 1 and 2; a level step is 10 µS at 0.2 V.
        let of_code = |output: usize, slice: usize| {
            let cells = if mapping == BEFORE_ADC { 4 } else { 2 };
            let gain = die.adc(0, output * cells + slice).unwrap().gain();
            let front_end = if noise.is_none() { 0.0 } else { 1e-5 / 2e-6 };
            9.0 + (front_end * gain) * (front_end * gain) + 1.0 / 12.0
        };
        let expected = |output: usize| (1.0 + 4.0) * (of_code(output, 0) + 16.0 * of_code(output, 1));
        for output in 0..2 {
            let ratio = variance(output) / expected(output);
            assert!((ratio - 1.0).abs() < 3.9 * (2.0 / n as f64).sqrt(), "{mapping:?} {output}: {ratio}");
        }
        let budget = die.error_budget(&x).unwrap();
        let mean = (expected(0) + expected(1)) / 2.0;
        assert!((budget.result() / mean - 1.0).abs() < 1e-9, "{} {mean}", budget.result());
        let adc = budget.share(ErrorSource::Adc);
        assert!((adc.result / (9.0 * 5.0 * 17.0) - 1.0).abs() < 1e-9, "{adc:?}");
        assert!(adc.bit_line.sqrt() > 0.7 * 3.0 * 2e-6 && adc.bit_line.sqrt() < 1.4 * 3.0 * 2e-6);
    }
}

#[test]
fn gains_act_on_every_noise_before_them() {
    let weights = random_weights((4, 3, 4), Fill::Uniform, None, 5);
    let x = [1u8, 0, 1, 1];
    let amplitude = TelegraphAmplitude::Constant { relative: 1.0 };
    let flicker = Flicker::new(FlickerAmplitude::Relative { sigma: 0.1 }, 1.0, 1e9).unwrap();
    for (name, noise) in [
        ("relative", ReadNoise::new(0.3, 0.0).unwrap()),
        ("front end", ReadNoise::new(0.0, 2e-6).unwrap()),
        ("white", ReadNoise::NONE.with_white(WhiteNoise::new(1e13, WhiteLaw::ThermalAndShot).unwrap())),
        ("word lines", ReadNoise::NONE.with_word_line_volts(0.05)),
        ("telegraph", ReadNoise::NONE.with_telegraph(Telegraph::new(amplitude, 1e-3, 1e-3).unwrap())),
        ("flicker", ReadNoise::NONE.with_flicker(flicker)),
    ] {
        for mapping in [Mapping::Offset, BEFORE_ADC] {
            let die = |gain: f64, noise: ReadNoise| {
                let design = DesignBuilder::new(
                    mapping,
                    ideal_cell(2),
                    Adc::Calibrated { bits: 16, quantile: 1.0, lsb: Some(64) },
                );
                let design = design.array(4, 12).active_rows(4).input_bits(1).baseline(Baseline::None);
                let design = design.adc_errors(AdcErrors::new(0.0, gain).unwrap()).read_noise(noise);
                design.build().unwrap().program_keyed(&weights, Key::from(11)).unwrap()
            };
            let gain = die(0.1, noise).adc(0, 0).unwrap().gain();
            assert!((gain - 1.0).abs() > 0.03, "{gain}");
            let moved = |gain: f64, key: u128| -> Vec<f64> {
                let read = |noise| die(gain, noise).mvm_keyed(&x, Key::from(key)).unwrap().to_real();
                read(noise).iter().zip(read(ReadNoise::NONE)).map(|(noisy, quiet)| noisy - quiet).collect()
            };
            let mut largest = 0.0f64;
            for key in 0..8 {
                for (amplified, plain) in moved(0.1, key).iter().zip(moved(0.0, key)) {
                    // Codes of 2⁻¹⁰ level steps, rounded, of two slices that weigh 1 and 4, four in all.
                    let error = (amplified - gain * plain).abs();
                    assert!(error < 10.0 / 1024.0, "{name} {mapping:?}: {amplified} {plain} {gain}");
                    largest = plain.abs().max(largest);
                }
            }
            assert!(largest > 0.5, "{name}: {largest}");
        }
    }
}

#[test]
fn deviations_of_zero_are_ideal_adcs_and_draw_nothing() {
    let zero = AdcErrors::new(0.0, 0.0).unwrap().with_dnl_lsb(0.0).unwrap().with_noise_lsb(0.0).unwrap();
    assert_eq!(zero, AdcErrors::NONE);
    assert!(zero.is_none() && !zero.is_drawn());
    let weights = random_weights((20, 6, 8), Fill::Uniform, Some((8, 128)), 3);
    let x = random_inputs(20, (0, 255), 4).into_iter().map(|x| x as u8).collect::<Vec<_>>();
    let exact = presets::forms().build().unwrap().cell().clone().with_programming(Programming::Exact);
    let plain = presets::forms().cell(exact).input_bits(8);
    let shared = plain.clone().adc_errors(zero).adcs_per_array(4).adc_map(AdcMap::Interleaved);
    let read = |builder: DesignBuilder| {
        let die = builder.build().unwrap().program(&weights, &mut Untouchable).unwrap();
        die.mvm(&x, &mut Untouchable).unwrap()
    };
    assert_eq!(read(plain.clone()), read(shared.clone()));
    // Errors of ADCs are drawn with the die, only noise with reads.
    let errors = shared.clone().adc_errors(AdcErrors::new(0.4, 0.0).unwrap()).build().unwrap();
    let die = errors.program(&weights, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
    die.mvm(&x, &mut Untouchable).unwrap();
    let other = errors.program(&weights, &mut ChaCha8Rng::seed_from_u64(2)).unwrap();
    assert_ne!(die.adc(0, 0).unwrap(), other.adc(0, 0).unwrap());
    // Other draws stay.
    let lognormal = presets::forms().input_bits(8);
    let cells = |builder: DesignBuilder| {
        let die = builder.build().unwrap().program_keyed(&weights, Key::from(2)).unwrap();
        die.conductances().map(|array| array.as_row_slice().to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(cells(lognormal.clone()), cells(lognormal.adc_errors(all_errors())));
}

#[test]
fn small_deviations_change_few_codes_and_large_offsets_clip_all() {
    let weights = random_weights((16, 6, 8), Fill::Uniform, Some((8, 128)), 3);
    let x = [255u8; 16];
    let read = |errors: AdcErrors, noise_key: u128| {
        let forms = presets::forms().adc(Adc::granular(5)).input_bits(8).adcs_per_array(128);
        let die = forms.adc_errors(errors).build().unwrap().program_keyed(&weights, Key::from(2)).unwrap();
        die.mvm_keyed(&x, Key::from(noise_key)).unwrap()
    };
    let tiny = AdcErrors::new(1e-9, 1e-12).unwrap().with_dnl_lsb(1e-9).unwrap().with_noise_lsb(1e-9).unwrap();
    assert_eq!(read(tiny, 1), read(AdcErrors::NONE, 1));
    let activity = read(AdcErrors::new(60_000.0, 0.0).unwrap(), 1).activity;
    assert_eq!(activity.clipped_low() + activity.clipped_high(), activity.conversions());
    assert!(activity.clipped_low() > 0 && activity.clipped_high() > 0);
}

#[test]
fn adcs_belong_to_the_die() {
    let design = presets::forms().input_bits(8).adc_errors(all_errors()).adcs_per_array(2).build().unwrap();
    let weights = Weights::from_row_slice(8, 2, 8, &[7; 16]).unwrap();
    let die = design.program_keyed(&weights, Key::from(1)).unwrap();
    let hot = die.at(&Conditions { elapsed_secs: 10.0, ..Conditions::FRESH }).unwrap();
    let rewritten = die.rewrite_keyed(&weights, Key::from(7)).unwrap();
    let siemens: Vec<Vec<f64>> =
        die.conductances().map(|array| array.as_row_slice().iter().map(|&g| g.into()).collect()).collect();
    let measured = Die::from_conductances(&design, &weights, &siemens, Key::from(1)).unwrap();
    for other in [&hot, &rewritten, &measured] {
        for adc in 0..2 {
            assert_eq!(other.adc(0, adc).unwrap(), die.adc(0, adc).unwrap());
        }
    }
    let x = [200u8; 8];
    assert_eq!(measured.mvm_keyed(&x, Key::from(3)).unwrap(), die.mvm_keyed(&x, Key::from(3)).unwrap());
    assert_ne!(die.adc(0, 0).unwrap(), die.adc(0, 1).unwrap());
    assert!(matches!(
        die.adc(0, 2),
        Err(Error::Integer { name: "ADC of an array", value: 2, min: 0, max: 1 })
    ));
    assert!(matches!(die.adc(1, 0), Err(Error::Integer { name: "array", value: 1, .. })));
}

#[test]
fn effective_weights_and_calibration_have_the_gains() {
    let weights = random_weights((8, 3, 4), Fill::Uniform, None, 5);
    let x: Vec<u8> = vec![15, 3, 9, 12, 1, 7, 15, 2];
    for (mapping, baseline) in [
        (Mapping::Offset, Baseline::Digital),
        (Mapping::Offset, Baseline::DummyColumn),
        (DIGITAL, Baseline::None),
        (BEFORE_ADC, Baseline::Digital),
    ] {
        let builder = DesignBuilder::new(mapping, ideal_cell(2), Adc::full_range(16))
            .array(8, 12)
            .input_bits(4)
            .baseline(baseline)
            .adc_errors(AdcErrors::new(0.0, 0.05).unwrap())
            .adcs_per_array(12);
        let die = builder.build().unwrap().program_keyed(&weights, Key::from(2)).unwrap();
        let y = die.mvm_keyed(&x, Key::from(1)).unwrap().to_real();
        let matrix = die.effective_weights();
        for (output, y) in y.iter().enumerate() {
            let expected: f64 = x.iter().enumerate().map(|(i, &x)| matrix[(i, output)] * f64::from(x)).sum();
            // Codes of 24/65535 level steps, of up to four lanes that weigh 1 or 4 and planes of 15 in all; the range
            // may clip by the gain at the top only.
            assert!((y - expected).abs() < 0.05, "{mapping:?} {baseline:?}: {y} {expected}");
        }
    }
    let calibrated = |gain: f64| {
        let builder = DesignBuilder::new(Mapping::Offset, ideal_cell(2), Adc::calibrated(8, 1.0))
            .array(8, 12)
            .input_bits(4)
            .adc_errors(AdcErrors::new(0.0, gain).unwrap());
        let die = builder.build().unwrap().program_keyed(&weights, Key::from(6)).unwrap();
        let gain = die.adc(0, 0).unwrap().gain();
        let die = die.calibrate(&x).unwrap();
        assert_eq!(die.adc(0, 0).unwrap().gain(), gain);
        let activity = die.mvm_keyed(&x, Key::from(1)).unwrap().activity;
        assert_eq!((activity.clipped_low(), activity.clipped_high()), (0, 0));
        (die.design().thresholds().lsb as f64, gain)
    };
    let ((nominal, one), (lsb, gain)) = (calibrated(0.0), calibrated(0.05));
    assert_eq!(one, 1.0);
    assert!((lsb / nominal / gain - 1.0).abs() < 1e-3, "{lsb} {nominal} {gain}");
}

#[test]
fn bad_settings_are_refused_by_name_and_bound() {
    let real = |result: forms_xbar::Result<AdcErrors>| result.unwrap_err().to_string();
    assert_eq!(
        real(AdcErrors::new(-0.1, 0.0)),
        "ADC offset sigma (LSB) is -0.1, but must be finite, at least 0, at most 65536"
    );
    assert_eq!(
        real(AdcErrors::new(0.0, 0.2)),
        "ADC gain sigma is 0.2, but must be finite, at least 0, at most 0.1"
    );
    for bad in [f64::NAN, f64::INFINITY, -1e-9, 1e9] {
        assert!(matches!(AdcErrors::new(bad, 0.0), Err(Error::Real { name: "ADC offset sigma (LSB)", .. })));
        assert!(matches!(AdcErrors::new(0.0, bad), Err(Error::Real { name: "ADC gain sigma", .. })));
        let dnl = AdcErrors::NONE.with_dnl_lsb(bad);
        assert!(matches!(dnl, Err(Error::Real { name: "ADC DNL sigma (LSB)", min: 0.0, max: 1.0, .. })));
        let noise = AdcErrors::NONE.with_noise_lsb(bad);
        assert!(matches!(noise, Err(Error::Real { name: "ADC noise sigma (LSB)", .. })));
    }
    for adcs in [0, 3, 129] {
        let error = presets::forms().adcs_per_array(adcs).build().unwrap_err();
        let (part, whole) = ("ADCs per array", "array columns");
        assert_eq!(error, Error::Divide { part, part_value: adcs, whole, whole_value: 128 });
    }
    let none = presets::forms().adc(Adc::pass_through());
    assert!(none.clone().adc_errors(AdcErrors::NONE).adcs_per_array(4).build().is_ok());
    let error = none.adc_errors(AdcErrors::new(0.1, 0.0).unwrap()).build().unwrap_err();
    assert!(matches!(error, Error::Conflict { first: "errors of ADCs", second: "pass-through", .. }));
}

#[cfg(feature = "serde")]
#[test]
fn settings_come_back_through_their_checks() {
    use forms_xbar::Design;
    let design = presets::forms()
        .adc_errors(all_errors().with_noise_lsb(0.1).unwrap())
        .adcs_per_array(4)
        .adc_map(AdcMap::Interleaved)
        .build()
        .unwrap();
    let text = serde_json::to_string(&design).unwrap();
    assert_eq!(serde_json::from_str::<Design>(&text).unwrap(), design);
    for (good, bad, names) in [
        ("\"dnl_lsb\":0.4", "\"dnl_lsb\":1.4", "ADC DNL sigma (LSB) is 1.4"),
        ("\"noise_lsb\":0.1", "\"noise_lsb\":-1.0", "ADC noise sigma (LSB) is -1"),
        ("\"adcs_per_array\":4", "\"adcs_per_array\":5", "ADCs per array is 5"),
        ("\"interleaved\"", "\"tangled\"", "tangled"),
        ("\"gain\":0.02", "\"gain\":0.02,\"surprise\":1", "surprise"),
    ] {
        assert!(text.contains(good), "{text}");
        let error = serde_json::from_str::<Design>(&text.replace(good, bad)).unwrap_err().to_string();
        assert!(error.contains(names), "{error}");
    }
}
