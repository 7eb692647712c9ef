//! A prepared die reads what the die reads: same results, same activity, at every level of the CPU, for every
//! shape, format and rule.

mod common;

use common::{Fill, random_inputs, random_weights};
use forms_xbar::circuit::Wires;
use forms_xbar::device::{IvCurve, WhiteLaw, WhiteNoise};
use forms_xbar::kernel::{Level, NoiseMethod};
use forms_xbar::read::{Input, Kernel};
use forms_xbar::{
    ActivityLevel, Adc, AdcErrors, AdcMap, Baseline, Budget, Cell, Dac, Design, DesignBuilder, Die, Error,
    Key, LevelMap, Mapping, Prepared, Programming, ReadNoise, Skip, Subtraction, Weights, presets,
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

const LEVELS: [ActivityLevel; 3] =
    [ActivityLevel::Off, ActivityLevel::Counts, ActivityLevel::CountsAndEnergy];

/// A batch of random inputs in the format of a design, as elements of its width.
#[derive(Debug)]
enum Batch {
    U8(Vec<u8>),
    U16(Vec<u16>),
    I8(Vec<i8>),
    I16(Vec<i16>),
}

fn batch(design: &Design, inputs: usize, vectors: usize, seed: u64) -> Batch {
    let format = design.input_format();
    let mut x = random_inputs(inputs * vectors, (format.min(), format.max()), seed);
    // Some vectors of small inputs, and one of the extremes.
    for x in x.chunks_mut(inputs).skip(1).step_by(3) {
        x.iter_mut().for_each(|x| *x >>= format.bits() / 2);
    }
    if let Some(x) = x.chunks_mut(inputs).nth(2) {
        x.fill(format.min());
    }
    match (format.bits() > 8, format.is_signed()) {
        (false, false) => Batch::U8(x.into_iter().map(|x| x as u8).collect()),
        (true, false) => Batch::U16(x.into_iter().map(|x| x as u16).collect()),
        (false, true) => Batch::I8(x.into_iter().map(|x| x as i8).collect()),
        (true, true) => Batch::I16(x.into_iter().map(|x| x as i16).collect()),
    }
}

fn assert_reads_alike(die: &Die, prepared: &Prepared<'_>, batch: &Batch) {
    match batch {
        Batch::U8(x) => assert_reads(die, prepared, x),
        Batch::U16(x) => assert_reads(die, prepared, x),
        Batch::I8(x) => assert_reads(die, prepared, x),
        Batch::I16(x) => assert_reads(die, prepared, x),
    }
}

fn assert_reads<T: Input>(die: &Die, prepared: &Prepared<'_>, x: &[T]) {
    let vectors = x.len() / die.inputs();
    let keys = |vector| Key::from(9).child(vector as u64);
    let single: Vec<_> = x
        .chunks_exact(die.inputs())
        .enumerate()
        .map(|(vector, x)| die.mvm_reference_keyed(x, keys(vector)).unwrap())
        .collect();
    let expected: Vec<i64> = single.iter().flat_map(|read| read.y.clone()).collect();
    for level in LEVELS {
        let mut direct = vec![0i64; expected.len()];
        let activity = die.mvm_batch_into_keyed(x, keys, &mut direct, level).unwrap();
        let mut wide = vec![77i64; expected.len()];
        assert_eq!(prepared.mvm_batch_into_keyed(x, keys, &mut wide, level).unwrap(), activity);
        assert_eq!(wide, expected);
        if die.bound() <= i32::MAX.into() {
            let mut narrow = vec![-77i32; expected.len()];
            assert_eq!(prepared.mvm_batch_into_keyed(x, keys, &mut narrow, level).unwrap(), activity);
            assert!(narrow.iter().zip(&expected).all(|(&y, &expected)| i64::from(y) == expected));
        }
        // One vector at a time, adding up in a scratch.
        let mut scratch = prepared.scratch(level);
        let mut y = vec![0i64; die.outputs()];
        for (vector, x) in x.chunks_exact(die.inputs()).enumerate() {
            prepared.mvm_into_keyed(x, keys(vector), &mut y, &mut scratch).unwrap();
            assert_eq!(y, single[vector].y);
        }
        assert_eq!(scratch.activity(), activity);
    }
    // In two parts.
    let (first, second) = x.split_at(vectors / 3 * die.inputs());
    let mut y = vec![0i64; expected.len()];
    let (y_first, y_second) = y.split_at_mut(vectors / 3 * die.outputs());
    let level = ActivityLevel::CountsAndEnergy;
    let mut activity = prepared.mvm_batch_into_keyed(first, keys, y_first, level).unwrap();
    let keys_second = |vector| keys(vectors / 3 + vector);
    activity += prepared.mvm_batch_into_keyed(second, keys_second, y_second, level).unwrap();
    let whole = prepared.mvm_batch_into_keyed(x, keys, &mut vec![0i64; expected.len()], level).unwrap();
    assert_eq!((y, activity), (expected.clone(), whole));
    let counted: forms_xbar::Activity = single.iter().map(|read| read.activity).sum();
    let counts = prepared
        .mvm_batch_into_keyed(x, keys, &mut vec![0i64; expected.len()], ActivityLevel::Counts)
        .unwrap();
    assert_eq!(counts, counted);
    assert_eq!(vectors, single.len());
}

/// A random design with groups of so many rows that tables can stand for, and its die.
fn random_die(rng: &mut ChaCha8Rng, fragment: usize) -> Die {
    let mapping = match rng.random_range(0..5) {
        0 => Mapping::Offset,
        1 => Mapping::Differential { subtraction: Subtraction::Digital },
        2 => Mapping::Differential { subtraction: Subtraction::BeforeAdc },
        _ => Mapping::Polarized { fragment },
    };
    let rows = fragment * rng.random_range(1..=if fragment > 8 { 3 } else { 6 });
    let (inputs, outputs) = (
        rng.random_range(1..=70),
        rng.random_range(1..=45) * if rng.random_range(0..8) == 0 { 8 } else { 1 },
    );
    let bits = [4, 8][rng.random_range(0..2)];
    let signed = rng.random();
    let input_bits = rng.random_range(if signed { 2 } else { 1 }..=16);
    let leaky = rng.random_range(0..3) == 0;
    let levels = if leaky { (30e-6, 120e-6) } else { (1e-6, 100e-6) };
    let cell = Cell::new(LevelMap::linear(2, levels.0, levels.1).unwrap())
        .with_programming(Programming::Lognormal { sigma: if rng.random() { 0.3 } else { 0.0 } });
    let bipolar = mapping == Mapping::Differential { subtraction: Subtraction::BeforeAdc };
    let baseline = match rng.random_range(0..3) {
        0 => Baseline::None,
        1 if !bipolar => Baseline::DummyColumn,
        _ => Baseline::Digital,
    };
    let skip = [Skip::Off, Skip::LeadingZeros, Skip::AllZeroPlanes][rng.random_range(0..3)];
    let adc_bits = rng.random_range(2..=if fragment > 8 { 10 } else { 7 });
    let adc = if rng.random_range(0..3) == 0 { Adc::full_range(adc_bits) } else { Adc::granular(adc_bits) };
    let design = DesignBuilder::new(mapping, cell, adc)
        .array(rows, rng.random_range(8..=160))
        .active_rows(fragment)
        .column_flip(rng.random())
        .input_bits(input_bits)
        .signed_inputs(signed)
        .skip(skip)
        .baseline(baseline)
        .build()
        .unwrap();
    let polarized = matches!(mapping, Mapping::Polarized { .. }).then_some((fragment, rows));
    let weights = random_weights((inputs, outputs, bits), Fill::Uniform, polarized, rng.random());
    design.program_keyed(&weights, Key::from(rng.random::<u64>() as u128)).unwrap()
}

/// Reads random dies with groups of `fragment` rows at every level and streaming; how many reads were by `kernel`, and how
/// many streamed.
fn read_random_dies(
    seed: u64,
    cases: u64,
    kernel: Kernel,
    fragment: fn(&mut ChaCha8Rng) -> usize,
) -> [usize; 2] {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut tabled, mut streamed) = (0, 0);
    for case in 0..cases {
        let fragment = fragment(&mut rng);
        let die = random_die(&mut rng, fragment);
        let batch = batch(die.design(), die.inputs(), rng.random_range(0..=9), case);
        for level in Level::available() {
            let prepared = die.prepare(Budget::default().with_level(level)).unwrap();
            assert_eq!(prepared.plan().level, level);
            tabled += usize::from(prepared.plan().kernel == kernel);
            assert_reads_alike(&die, &prepared, &batch);
        }
        // Room for the tables of one array, not for all.
        let all = die.prepare(Budget::default()).unwrap().plan();
        let streaming = die.prepare(Budget::default().with_bytes(all.bytes.saturating_sub(1))).unwrap();
        assert!(streaming.plan().bytes < all.bytes || all.bytes == 0);
        streamed += usize::from(streaming.plan().streams);
        assert_reads_alike(&die, &streaming, &batch);
    }
    [tabled, streamed]
}

#[test]
fn tables_return_the_bits_of_the_reference() {
    let [tabled, streamed] = read_random_dies(41, 120, Kernel::Table, |rng| rng.random_range(1..=8));
    assert!(tabled > 200 && streamed > 40, "{tabled} {streamed}");
}

#[test]
fn split_tables_return_the_bits_of_the_reference() {
    let [split, streamed] = read_random_dies(43, 120, Kernel::Split, |rng| rng.random_range(9..=32));
    assert!(split > 200 && streamed > 40, "{split} {streamed}");
    let [split, _] = read_random_dies(44, 12, Kernel::Split, |_| 128);
    assert!(split > 20, "{split}");
}

fn thermal_and_shot() -> WhiteNoise {
    WhiteNoise::new(1e9, WhiteLaw::ThermalAndShot).unwrap()
}

/// A random design with read noise, mostly white and of up to 10 LSB, and its die.
fn noisy_die(rng: &mut ChaCha8Rng, method: NoiseMethod) -> Die {
    let fragment = [1, 2, 3, 4, 5, 8][rng.random_range(0..6)];
    let mapping = match rng.random_range(0..6) {
        0 => Mapping::Offset,
        1 => Mapping::Differential { subtraction: Subtraction::Digital },
        2 => Mapping::Differential { subtraction: Subtraction::BeforeAdc },
        _ => Mapping::Polarized { fragment },
    };
    let bipolar = mapping == Mapping::Differential { subtraction: Subtraction::BeforeAdc };
    let rows = fragment * rng.random_range(1..=4);
    let (inputs, outputs) = (rng.random_range(1..=40), rng.random_range(1..=70));
    let signed = rng.random();
    let leaky = rng.random_range(0..3) == 0;
    let levels = if leaky { (30e-6, 120e-6) } else { (1e-6, 100e-6) };
    let cell = Cell::new(LevelMap::linear(2, levels.0, levels.1).unwrap())
        .with_programming(Programming::Lognormal { sigma: if rng.random() { 0.3 } else { 0.0 } });
    let baseline = match rng.random_range(0..4) {
        0 => Baseline::None,
        // Its noise is common to columns.
        1 if !bipolar && rng.random_range(0..4) == 0 => Baseline::DummyColumn,
        _ => Baseline::Digital,
    };
    let (adc_bits, is_calibrated) = (rng.random_range(2..=6), rng.random_range(0..4) == 0);
    let adc = match rng.random_range(0..3) {
        _ if is_calibrated => Adc::calibrated(adc_bits, 0.95),
        0 => Adc::full_range(adc_bits),
        _ => Adc::granular(adc_bits),
    };
    let sigma = [0.0, 1e-5, 0.02, 0.1, 0.2, 0.3, 0.4, 1.0, 10.0][rng.random_range(0..9)];
    let step_amperes = (levels.1 - levels.0) / 3.0 * 0.2;
    let relative = if rng.random() { 0.0 } else { sigma / 20.0 };
    let mut noise = ReadNoise::new(relative, sigma * step_amperes).unwrap();
    if rng.random_range(0..3) == 0 {
        noise = noise.with_white(thermal_and_shot());
    }
    if rng.random_range(0..12) == 0 {
        noise = noise.with_word_line_volts(1e-3);
    }
    // ADCs that are off, of uneven codes, or ideal.
    let mut errors = AdcErrors::NONE;
    if rng.random_range(0..3) == 0 {
        errors =
            AdcErrors::new([0.0, 0.7][rng.random_range(0..2)], 0.02).unwrap().with_noise_lsb(0.1).unwrap();
    }
    if rng.random_range(0..4) == 0 {
        errors = errors.with_dnl_lsb(0.6).unwrap();
    }
    let design = DesignBuilder::new(mapping, cell, adc)
        .array(rows, 4 * rng.random_range(2..=40))
        .active_rows(fragment)
        .column_flip(rng.random())
        .input_bits([4, 8, 16][rng.random_range(0..3)])
        .signed_inputs(signed)
        .skip([Skip::Off, Skip::LeadingZeros, Skip::AllZeroPlanes][rng.random_range(0..3)])
        .baseline(baseline)
        .adc_errors(errors)
        .adcs_per_array(4)
        .adc_map([AdcMap::Blocks, AdcMap::Interleaved][rng.random_range(0..2)])
        .read_noise(noise)
        .noise_method(method)
        .build()
        .unwrap();
    let polarized = matches!(mapping, Mapping::Polarized { .. }).then_some((fragment, rows));
    let bits = [4, 8][rng.random_range(0..2)];
    let weights = random_weights((inputs, outputs, bits), Fill::Uniform, polarized, rng.random());
    let die = design.program_keyed(&weights, Key::from(rng.random::<u64>() as u128)).unwrap();
    if !is_calibrated || rng.random() {
        return die;
    }
    // Where the inputs drive nothing, there is nothing to calibrate on.
    let calibrated = match batch(die.design(), die.inputs(), 4, 1) {
        Batch::U8(x) => die.calibrate(&x),
        Batch::U16(x) => die.calibrate(&x),
        Batch::I8(x) => die.calibrate(&x),
        Batch::I16(x) => die.calibrate(&x),
    };
    calibrated.unwrap_or(die)
}

#[test]
fn white_noise_by_tables_has_the_bits_of_the_reference() {
    for (seed, method) in [(51, NoiseMethod::Gaussian), (52, NoiseMethod::Thresholds)] {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (mut tabled, mut streamed, mut direct) = (0, 0, 0);
        let (mut clipped_low, mut clipped_high) = (0, 0);
        for case in 0..100 {
            let die = noisy_die(&mut rng, method);
            let batch = batch(die.design(), die.inputs(), rng.random_range(0..=4), case);
            let all = die.prepare(Budget::default()).unwrap().plan();
            for level in Level::available() {
                let prepared = die.prepare(Budget::default().with_level(level)).unwrap();
                assert_eq!((prepared.plan().kernel, prepared.plan().level), (all.kernel, level));
                assert_reads_alike(&die, &prepared, &batch);
            }
            tabled += usize::from(all.kernel == Kernel::White);
            direct += usize::from(all.kernel == Kernel::Direct);
            // Room for the tables of one array, not for all; for none.
            let less = Budget::default().with_bytes(all.bytes.saturating_sub(1));
            let streaming = die.prepare(less).unwrap();
            streamed += usize::from(streaming.plan().streams && streaming.plan().kernel == Kernel::White);
            assert_reads_alike(&die, &streaming, &batch);
            let without = die.prepare(Budget::default().with_bytes(0)).unwrap();
            assert_eq!(without.plan().kernel, Kernel::Direct);
            let Batch::U8(x) = &batch else { continue };
            let read = without.mvm_batch(x, &mut ChaCha8Rng::seed_from_u64(case)).unwrap();
            let prepared = die.prepare(Budget::default()).unwrap();
            assert_eq!(read, prepared.mvm_batch(x, &mut ChaCha8Rng::seed_from_u64(case)).unwrap());
            clipped_low += read.activity.clipped_low();
            clipped_high += read.activity.clipped_high();
        }
        println!("{method:?}: {tabled} by tables, {streamed} streaming, {direct} direct");
        assert!(tabled > 30 && streamed > 10 && direct > 10, "{tabled} {streamed} {direct}");
        assert!(clipped_low > 1000 && clipped_high > 1000, "{clipped_low} {clipped_high}");
    }
}

#[test]
fn white_tables_stand_for_every_mapping_format_and_rule() {
    // Ideal cells: of small sums, so that noise is cut off at zero, and of larger ones than the ADC has codes for.
    let ideal = Cell::new(LevelMap::linear(2, 0.0, 90e-6).unwrap());
    let noise = ReadNoise::new(0.01, 0.3 * 30e-6 * 0.2).unwrap();
    for mapping in [
        Mapping::Offset,
        Mapping::Differential { subtraction: Subtraction::Digital },
        Mapping::Differential { subtraction: Subtraction::BeforeAdc },
        Mapping::Polarized { fragment: 8 },
    ] {
        for (column_flip, signed) in [(false, false), (false, true), (true, false), (true, true)] {
            for skip in [Skip::Off, Skip::LeadingZeros, Skip::AllZeroPlanes] {
                for method in [NoiseMethod::Gaussian, NoiseMethod::Thresholds] {
                    let design = DesignBuilder::new(mapping, ideal.clone(), Adc::granular(3))
                        .array(16, 72)
                        .active_rows(8)
                        .column_flip(column_flip)
                        .input_bits(8)
                        .signed_inputs(signed)
                        .skip(skip)
                        .read_noise(noise)
                        .noise_method(method)
                        .build()
                        .unwrap();
                    let polarized = matches!(mapping, Mapping::Polarized { .. }).then_some((8, 16));
                    let weights = random_weights((20, 19, 8), Fill::Uniform, polarized, 3);
                    let die = design.program_keyed(&weights, Key::from(2)).unwrap();
                    let prepared = die.prepare(Budget::default()).unwrap();
                    let case = format!("{mapping:?} {column_flip} {signed} {skip:?} {method:?}");
                    assert_eq!(prepared.plan().kernel, Kernel::White, "{case}");
                    let batch = batch(die.design(), 20, 6, 1);
                    assert_reads_alike(&die, &prepared, &batch);
                    let rng = &mut ChaCha8Rng::seed_from_u64(1);
                    let read = match &batch {
                        Batch::I8(x) => prepared.mvm_batch(x, rng),
                        Batch::U8(x) => prepared.mvm_batch(x, rng),
                        _ => panic!("eight bits"),
                    };
                    let activity = read.unwrap().activity;
                    assert!(
                        activity.clipped_low() > 0 && activity.clipped_high() > 0,
                        "{case}: {activity:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn noise_of_any_size_is_prepared() {
    // From less than the grid shows to so much that no word counts the codes in reach.
    let weights = random_weights((40, 3, 8), Fill::Uniform, Some((8, 128)), 3);
    for method in [NoiseMethod::Gaussian, NoiseMethod::Thresholds] {
        for (amperes, kernel) in [
            (f64::MIN_POSITIVE, Kernel::White),
            (1e-15, Kernel::White),
            (1e-9, Kernel::White),
            (1e-3, Kernel::Direct),
            (1e4, Kernel::Direct),
            // Bytes of tables of its thresholds would not fit in a word.
            (5e7, Kernel::Direct),
        ] {
            let builder = presets::forms().adc(Adc::granular(4)).input_bits(3).noise_method(method);
            let design = builder.read_noise(ReadNoise::new(0.0, amperes).unwrap()).build().unwrap();
            let die = design.program_keyed(&weights, Key::from(2)).unwrap();
            let prepared = die.prepare(Budget::default()).unwrap();
            assert_eq!(prepared.plan().kernel, kernel, "{amperes:e}");
            assert_reads_alike(&die, &prepared, &batch(die.design(), 40, 4, 1));
        }
    }
}

#[test]
fn thresholds_are_tabled_up_to_six_a_conversion() {
    let weights = random_weights((40, 70, 8), Fill::Uniform, Some((8, 128)), 3);
    let mut kernels = vec![];
    for sigma in [0.1, 0.2, 0.3, 0.45, 0.5, 10.0] {
        let noise = ReadNoise::new(0.0, sigma * 33e-6 * 0.2).unwrap();
        let builder = presets::forms().adc(Adc::granular(4)).input_bits(8).read_noise(noise);
        let design = builder.noise_method(NoiseMethod::Thresholds).build().unwrap();
        let die = design.program_keyed(&weights, Key::from(2)).unwrap();
        for level in Level::available() {
            let prepared = die.prepare(Budget::default().with_level(level)).unwrap();
            assert_reads_alike(&die, &prepared, &batch(die.design(), 40, 4, 1));
        }
        kernels.push((sigma, die.prepare(Budget::default()).unwrap().plan().kernel));
    }
    // 12.8 σ and two grid units: up to 0.47 LSB.
    for (sigma, kernel) in kernels {
        assert_eq!(kernel, if sigma < 0.47 { Kernel::White } else { Kernel::Direct }, "{sigma}");
    }
}

#[test]
fn slices_beyond_words_of_16_bits_are_read_directly() {
    // Slices of one bit: the last of sixteen bits counts 2¹⁵.
    let cell = Cell::new(LevelMap::linear(1, 0.0, 33e-6).unwrap());
    for (bits, kernel) in [(15, Kernel::White), (16, Kernel::Direct)] {
        let weights = random_weights((8, 3, bits), Fill::Uniform, None, 3);
        let builder = DesignBuilder::new(Mapping::Offset, cell.clone(), Adc::granular(2)).array(8, 48);
        let noise = ReadNoise::new(0.0, 0.3 * 33e-6 * 0.2).unwrap();
        let design = builder.active_rows(8).input_bits(4).read_noise(noise).build().unwrap();
        let die = design.program_keyed(&weights, Key::from(2)).unwrap();
        let prepared = die.prepare(Budget::default()).unwrap();
        assert_eq!(prepared.plan().kernel, kernel, "{bits}");
        assert_reads_alike(&die, &prepared, &batch(die.design(), 8, 4, 1));
    }
}

/// A random design of ideal cells whose ADC has so many bits less than are lossless.
fn ideal_die(rng: &mut ChaCha8Rng, fewer_bits: u32, value: Option<i32>) -> Die {
    let fragment = rng.random_range(2..=24);
    let mapping = match rng.random_range(0..4) {
        0 => Mapping::Offset,
        1 => Mapping::Differential { subtraction: Subtraction::Digital },
        2 => Mapping::Differential { subtraction: Subtraction::BeforeAdc },
        _ => Mapping::Polarized { fragment },
    };
    let bipolar = mapping == Mapping::Differential { subtraction: Subtraction::BeforeAdc };
    let rows = fragment * rng.random_range(1..=3);
    let (inputs, outputs) = (rng.random_range(1..=70), rng.random_range(1..=70));
    let signed = rng.random();
    let design = |adc_bits| {
        DesignBuilder::new(
            mapping,
            Cell::new(LevelMap::linear(2, 0.0, 90e-6).unwrap()),
            Adc::granular(adc_bits),
        )
        .array(rows, 64)
        .active_rows(fragment)
        .input_bits([8, 16][usize::from(rows % 2 == 0)])
        .signed_inputs(signed)
        .skip([Skip::Off, Skip::LeadingZeros, Skip::AllZeroPlanes][rows % 3])
        .baseline(if bipolar || rows % 2 == 0 { Baseline::None } else { Baseline::DummyColumn })
    };
    let lossless = design(10).build().unwrap().lossless_adc_bits();
    let polarized = matches!(mapping, Mapping::Polarized { .. }).then_some((fragment, rows));
    let mut weights = random_weights((inputs, outputs, 8), Fill::Uniform, polarized, rng.random());
    if let Some(value) = value {
        weights = Weights::from_row_slice(inputs, outputs, 8, &vec![value; inputs * outputs]).unwrap();
    }
    let design = design(lossless - fewer_bits).build().unwrap();
    design.program_keyed(&weights, Key::from(rng.random::<u64>() as u128)).unwrap()
}

#[test]
fn ideal_cells_and_a_lossless_adc_are_a_product_of_integers() {
    let mut rng = ChaCha8Rng::seed_from_u64(47);
    let (mut integer, mut streamed) = (0, 0);
    for case in 0..60 {
        let die = ideal_die(&mut rng, 0, None);
        let batch = batch(die.design(), die.inputs(), rng.random_range(0..=9), case);
        for level in Level::available() {
            let prepared = die.prepare(Budget::default().with_level(level)).unwrap();
            integer += usize::from(prepared.plan().kernel == Kernel::Integer);
            assert_reads_alike(&die, &prepared, &batch);
        }
        let all = die.prepare(Budget::default()).unwrap().plan();
        let streaming = die.prepare(Budget::default().with_bytes(all.bytes.saturating_sub(1))).unwrap();
        streamed += usize::from(streaming.plan().streams && streaming.plan().kernel == Kernel::Integer);
        assert_reads_alike(&die, &streaming, &batch);
    }
    assert!(integer > 100 && streamed > 20, "{integer} {streamed}");
}

#[test]
fn an_adc_that_clips_is_no_product_of_integers() {
    let mut rng = ChaCha8Rng::seed_from_u64(48);
    for case in 0..20 {
        let value = if case % 2 == 0 { 127 } else { -127 };
        let die = ideal_die(&mut rng, 1, Some(value));
        let prepared = die.prepare(Budget::default()).unwrap();
        // Fewer rows than a group has may not reach beyond the range.
        let is_full = die.inputs() >= die.design().active_rows();
        let clips = is_full && (value > 0 || die.design().mapping() != Mapping::Offset);
        assert!(prepared.plan().kernel != Kernel::Integer || !clips);
        assert_reads_alike(&die, &prepared, &batch(die.design(), die.inputs(), 5, case));
    }
}

#[test]
fn a_large_batch_takes_several_passes_over_tables_that_are_fetched_ahead() {
    let design = presets::forms().adc(Adc::granular(5)).input_bits(8).build().unwrap();
    let weights = random_weights((260, 140, 8), Fill::Uniform, Some((8, 128)), 3);
    let die = design.program_keyed(&weights, Key::from(2)).unwrap();
    let prepared = die.prepare(Budget::default()).unwrap();
    assert_eq!(prepared.plan().kernel, Kernel::Table);
    assert!(prepared.plan().bytes > 2 << 20);
    let x: Vec<u8> = random_inputs(260 * 1300, (0, 255), 5).into_iter().map(|x| x as u8).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    assert_eq!(prepared.mvm_batch(&x, &mut rng).unwrap(), die.mvm_batch(&x, &mut rng).unwrap());
}

#[test]
fn vectors_of_later_passes_have_noise_of_their_own_keys() {
    // Two arrays below each other; all tables at once, and those of one at a time.
    let weights = random_weights((136, 5, 4), Fill::Uniform, Some((8, 128)), 3);
    let x: Vec<u8> = random_inputs(136 * 2500, (0, 3), 5).into_iter().map(|x| x as u8).collect();
    for method in [NoiseMethod::Gaussian, NoiseMethod::Thresholds] {
        let builder = presets::forms().input_bits(2).read_noise(ReadNoise::new(0.05, 0.0).unwrap());
        let design = builder.noise_method(method).build().unwrap();
        let die = design.program_keyed(&weights, Key::from(2)).unwrap();
        let expected = die.mvm_batch(&x, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
        let all = die.prepare(Budget::default()).unwrap().plan().bytes;
        for (bytes, streams) in [(all, false), (all - 1, true)] {
            let prepared = die.prepare(Budget::default().with_bytes(bytes)).unwrap();
            assert_eq!((prepared.plan().kernel, prepared.plan().streams), (Kernel::White, streams));
            let read = prepared.mvm_batch(&x, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
            assert!(read == expected, "{method:?}, streams: {streams}");
        }
    }
}

#[test]
fn results_of_several_arrays_may_exceed_32_bits() {
    let weights = Weights::from_row_slice(300, 3, 8, &[127; 900]).unwrap();
    let ideal = Cell::new(LevelMap::linear(2, 0.0, 90e-6).unwrap());
    for (cell, kernel) in [(None, Kernel::Table), (Some(ideal), Kernel::Integer)] {
        let builder = presets::forms().adc(Adc::granular(5)).input_bits(16);
        let builder = if let Some(cell) = cell { builder.cell(cell) } else { builder };
        let die = builder.build().unwrap().program_keyed(&weights, Key::from(2)).unwrap();
        let prepared = die.prepare(Budget::default()).unwrap();
        assert_eq!(prepared.plan().kernel, kernel);
        let x = vec![u16::MAX; 600];
        let y = prepared.mvm_batch(&x, &mut ChaCha8Rng::seed_from_u64(1)).unwrap().y;
        assert!(y.iter().all(|&y| y > i32::MAX.into()));
        assert_reads(&die, &prepared, &x);
    }
}

#[test]
fn words_of_any_magnitude_in_16_bits_are_tabled() {
    // Words are four codes of either sign, weighed 1, 4, 16 and 64.
    let mapping = Mapping::Differential { subtraction: Subtraction::Digital };
    for signed in [false, true] {
        for adc_bits in 5..=9 {
            let design = presets::forms()
                .mapping(mapping)
                .active_rows(4)
                .skip(Skip::Off)
                .baseline(Baseline::None)
                .adc(Adc::full_range(adc_bits))
                .input_bits(16)
                .signed_inputs(signed)
                .build()
                .unwrap();
            // Columns of either sign.
            let weights: Vec<i32> = (0..160).map(|at| if at % 3 == 0 { 127 } else { -127 }).collect();
            let weights = Weights::from_row_slice(4, 40, 8, &weights).unwrap();
            let die = design.program_keyed(&weights, Key::from(2)).unwrap();
            for level in Level::available() {
                let prepared = die.prepare(Budget::default().with_level(level)).unwrap();
                let expected = if adc_bits < 9 { Kernel::Table } else { Kernel::Direct };
                assert_eq!(prepared.plan().kernel, expected, "{adc_bits}");
                assert_reads_alike(&die, &prepared, &batch(die.design(), 4, 5, 1));
            }
        }
    }
}

#[test]
fn what_tables_cannot_stand_for_is_read_by_the_direct_kernel() {
    let weights = random_weights((40, 10, 8), Fill::Uniform, Some((16, 128)), 3);
    let forms = || presets::forms().adc(Adc::granular(5)).input_bits(8);
    let wide = forms().mapping(Mapping::Polarized { fragment: 16 });
    for (name, builder) in [
        ("noise of word lines", forms().read_noise(ReadNoise::NONE.with_word_line_volts(1e-3))),
        ("digits of two bits", forms().dac(Dac::new(2, 0.2).unwrap())),
        ("noise on sixteen active rows", wide.read_noise(ReadNoise::new(0.05, 0.0).unwrap())),
        ("no ADC", forms().adc(Adc::pass_through())),
        ("results of a pattern beyond 16 bits", forms().adc(Adc::full_range(12))),
        (
            "codes beyond 16 bits",
            forms().adc(Adc::granular(12)).cell(presets::isaac().build().unwrap().cell().clone()),
        ),
    ] {
        let die = builder.build().unwrap().program_keyed(&weights, Key::from(2)).unwrap();
        let prepared = die.prepare(Budget::default()).unwrap();
        if name != "codes beyond 16 bits" {
            assert_eq!(prepared.plan().kernel, Kernel::Direct, "{name}");
            assert_eq!(prepared.plan().bytes, 0);
        }
        assert_reads_alike(&die, &prepared, &batch(die.design(), 40, 4, 1));
    }
    // A small budget and few vectors.
    let die = forms().build().unwrap().program_keyed(&weights, Key::from(2)).unwrap();
    for budget in [Budget::default().with_bytes(0), Budget::default().with_bytes(70_000).with_batch(16)] {
        assert_eq!(die.prepare(budget).unwrap().plan().kernel, Kernel::Direct);
    }
}

#[test]
fn wired_dies_are_tabled_too() {
    wired_dies_are_tabled(ReadNoise::NONE, NoiseMethod::Gaussian, Kernel::Table);
    for method in [NoiseMethod::Gaussian, NoiseMethod::Thresholds] {
        let noise = ReadNoise::new(0.01, 3e-7).unwrap();
        wired_dies_are_tabled(noise.with_white(thermal_and_shot()), method, Kernel::White);
    }
}

fn wired_dies_are_tabled(noise: ReadNoise, method: NoiseMethod, kernel: Kernel) {
    let wires = Wires::new(20.0, 20.0).unwrap();
    let bent = IvCurve::Cubic { per_square_volt: 0.5, reference_volts: 0.2 };
    let cell = presets::forms().build().unwrap().cell().clone();
    for (cell, wires) in [
        (cell.clone(), Some(wires)),
        (cell.clone(), Some(wires.with_gated_inputs(true))),
        (cell.clone().with_iv(bent.clone()), Some(wires)),
        (cell.with_iv(bent), None),
    ] {
        let design = presets::forms().mapping(Mapping::Polarized { fragment: 4 }).array(12, 24).cell(cell);
        let design = design.adc(Adc::granular(4)).input_bits(5).wires(wires);
        let design = design.read_noise(noise).noise_method(method).build().unwrap();
        let weights = random_weights((20, 8, 6), Fill::Uniform, Some((4, 12)), 3);
        let die = design.program_keyed(&weights, Key::from(2)).unwrap();
        let prepared = die.prepare(Budget::default()).unwrap();
        assert_eq!(prepared.plan().kernel, kernel);
        assert_reads_alike(&die, &prepared, &batch(die.design(), 20, 5, 1));
    }
}

#[test]
fn bad_input_and_budgets_are_refused() {
    let weights = Weights::from_row_slice(8, 2, 8, &[7; 16]).unwrap();
    let die = presets::forms().input_bits(8).build().unwrap().program_keyed(&weights, Key::from(1)).unwrap();
    assert!(matches!(
        die.prepare(Budget::default().with_batch(0)),
        Err(Error::Integer { name: "vectors of an expected batch", value: 0, .. })
    ));
    if Level::best() < Level::Avx512 {
        assert!(matches!(
            die.prepare(Budget::default().with_level(Level::Avx512)),
            Err(Error::Conflict { .. })
        ));
    }
    let prepared = die.prepare(Budget::default()).unwrap();
    let keys = |_| Key::from(1);
    let read = |x: &[u8], y: &mut [i64]| prepared.mvm_batch_into_keyed(x, keys, y, ActivityLevel::Off);
    assert!(matches!(read(&[0; 9], &mut [0; 2]), Err(Error::Batch { found: 9, vector: 8 })));
    assert!(matches!(read(&[0; 16], &mut [0; 2]), Err(Error::Length { expected: 4, found: 2, .. })));
    let mut scratch = prepared.scratch(ActivityLevel::Off);
    let one = prepared.mvm_into_keyed(&[0u8; 7], Key::from(1), &mut [0i64; 2], &mut scratch);
    assert!(matches!(one, Err(Error::Length { expected: 8, found: 7, .. })));
    let narrow =
        presets::forms().input_bits(5).build().unwrap().program_keyed(&weights, Key::from(1)).unwrap();
    let prepared = narrow.prepare(Budget::default()).unwrap();
    let error =
        prepared.mvm_batch(&[0, 0, 32, 0, 0, 0, 0, 0u8], &mut ChaCha8Rng::seed_from_u64(1)).unwrap_err();
    assert!(matches!(error, Error::Input { vector: 0, index: 2, value: 32, .. }));
}
