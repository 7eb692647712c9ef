//! Batches of any size through the tables of a prepared die: the results of the reference, one vector at a time, and
//! the activity of the die itself, at every level of the CPU, all tables at once or one array's after another's.

mod common;

use std::cell::Cell;

use common::{Fill, fills, polarization, random_inputs, random_weights};
use forms_xbar::kernel::Level;
use forms_xbar::read::{Input, Kernel, Output};
use forms_xbar::{
    Activity, ActivityLevel, Adc, AdcErrors, Baseline, Budget, Cell as Device, DesignBuilder, Die, Key,
    LevelMap, Mapping, Prepared, Programming, Skip, Subtraction, Weights, presets,
};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

const LEVELS: [ActivityLevel; 3] =
    [ActivityLevel::Off, ActivityLevel::Counts, ActivityLevel::CountsAndEnergy];

/// Sizes beside those at which vectors are cut, fetched for, counted and passed together.
const SIZES: [usize; 14] = [0, 1, 2, 31, 32, 33, 64, 65, 127, 129, 255, 256, 257, 1025];

fn key(vector: usize) -> Key {
    Key::from(7).child(vector as u64)
}

/// Inputs in the format of a die: large ones, and vectors and single elements of few bits, of both signs.
fn inputs(die: &Die, vectors: usize, seed: u64) -> Vec<i32> {
    let format = die.design().input_format();
    let mut x = random_inputs(die.inputs() * vectors, (format.min(), format.max()), seed);
    for (at, x) in x.iter_mut().enumerate() {
        *x >>= match (at / die.inputs() + seed as usize) % 4 {
            0 => 0,
            1 => format.bits() / 2,
            2 => format.bits() - 1,
            _ => (at % 3) as u32 * format.bits() / 3,
        };
    }
    x
}

/// What a die reads one vector at a time.
struct Expected {
    y: Vec<i64>,
    /// By level of activity.
    activity: [Activity; 3],
}

impl Expected {
    /// Results by the reference, energy by the direct kernel.
    fn of<T: Input>(die: &Die, x: &[T]) -> Self {
        let (mut y, mut counts) = (Vec::new(), Activity::default());
        for (vector, x) in x.chunks_exact(die.inputs()).enumerate() {
            let read = die.mvm_reference_keyed(x, key(vector)).unwrap();
            y.extend(read.y);
            counts += read.activity;
        }
        let level = ActivityLevel::CountsAndEnergy;
        let energy = die.mvm_batch_into_keyed(x, key, &mut vec![0i64; y.len()], level).unwrap();
        Expected { y, activity: [Activity::default(), counts, energy] }
    }

    /// Whether a prepared die returns it in results of a type, begun at anything.
    fn assert<T: Input, O: Output + Into<i64> + From<i8>>(&self, prepared: &Prepared<'_>, x: &[T]) {
        for (level, activity) in LEVELS.into_iter().zip(&self.activity) {
            let mut y = vec![O::from(-77); self.y.len()];
            let read = prepared.mvm_batch_into_keyed(x, key, &mut y, level).unwrap();
            let place = format!("{level:?}, {} bits, {:?}", O::BITS, prepared.plan());
            assert!(y.into_iter().map(Into::into).eq(self.y.iter().copied()), "{place}");
            assert_eq!(&read, activity, "{place}");
        }
    }

    fn assert_both<T: Input>(&self, prepared: &Prepared<'_>, x: &[T]) {
        self.assert::<T, i64>(prepared, x);
        if prepared.die().bound() <= i32::MAX.into() {
            self.assert::<T, i32>(prepared, x);
        }
    }
}

/// Every way of reading a batch, whose elements have any type that fits; the kernel that read it.
fn assert_all_read(die: &Die, x: &[i32], wide: bool) -> Kernel {
    let format = die.design().input_format();
    match (format.is_signed(), wide || format.bits() > 8) {
        (false, false) => assert_reads(die, &x.iter().map(|&x| x as u8).collect::<Vec<_>>()),
        (false, true) => assert_reads(die, &x.iter().map(|&x| x as u16).collect::<Vec<_>>()),
        (true, false) => assert_reads(die, &x.iter().map(|&x| x as i8).collect::<Vec<_>>()),
        (true, true) => assert_reads(die, &x.iter().map(|&x| x as i16).collect::<Vec<_>>()),
    }
}

fn assert_reads<T: Input>(die: &Die, x: &[T]) -> Kernel {
    let expected = Expected::of(die, x);
    for level in Level::available() {
        let budget = Budget::default().with_level(level);
        let all = die.prepare(budget).unwrap();
        expected.assert_both(&all, x);
        let one = die.prepare(budget.with_bytes(all.plan().bytes.saturating_sub(1))).unwrap();
        assert!(one.plan().bytes < all.plan().bytes || all.plan().bytes == 0);
        expected.assert_both(&one, x);
    }
    die.prepare(Budget::default()).unwrap().plan().kernel
}

fn adc_errors() -> impl Strategy<Value = AdcErrors> {
    let offset = AdcErrors::new(0.9, 0.02).unwrap();
    prop::sample::select(vec![AdcErrors::NONE, AdcErrors::NONE, offset, offset.with_dnl_lsb(0.4).unwrap()])
}

/// A mapping, and the rows that it drives together.
fn fragments() -> impl Strategy<Value = (Mapping, usize)> {
    let rows = prop_oneof![6 => 1usize..=8, 4 => 9usize..=16, 1 => Just(128usize)];
    (0..4, rows).prop_map(|(mapping, rows)| {
        let mapping = match mapping {
            0 => Mapping::Offset,
            1 => Mapping::Differential { subtraction: Subtraction::Digital },
            2 => Mapping::Differential { subtraction: Subtraction::BeforeAdc },
            _ => Mapping::Polarized { fragment: rows },
        };
        (mapping, rows)
    })
}

#[test]
fn a_batch_of_any_size_has_the_bits_of_the_reference() {
    // A design, its weights and a batch, as numbers.
    let cases = (
        (fragments(), 1usize..=5, (any::<u64>(), 1usize..=70, 4usize..=40)),
        (any::<bool>(), 2u32..=16, any::<bool>()),
        prop::sample::select(vec![Skip::Off, Skip::LeadingZeros, Skip::AllZeroPlanes]),
        (3u32..=7, prop::bool::weighted(0.2), adc_errors()),
        (any::<bool>(), any::<bool>(), prop::bool::weighted(0.15)),
        (prop::sample::select(SIZES.to_vec()), fills()),
    );
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(110) };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let read_by = [Kernel::Table, Kernel::Split, Kernel::Integer].map(|kernel| (kernel, Cell::new(0)));
    let ran =
        runner.run(&cases, |(shape, format, skip, adc, (column_flip, baseline, ideal), (size, fill))| {
            let ((mapping, rows), groups, (seed, outputs, columns)) = shape;
            let (signed, input_bits, wide) = format;
            let (adc_bits, full_range, errors) = adc;
            let array_rows = rows * if rows == 128 { 1 } else { groups };
            let inputs_count = 1 + seed as usize % (2 * array_rows).min(150);
            // The reference is slow.
            let outputs = if inputs_count > 20 { outputs.div_ceil((size / 64).max(1)) } else { outputs };
            let (device, adc, errors) = if ideal {
                let levels = LevelMap::linear(2, 0.0, 90e-6).unwrap();
                (Device::new(levels), Adc::granular(10), AdcErrors::NONE)
            } else {
                let device = Device::new(LevelMap::linear(2, 20e-6, 110e-6).unwrap());
                let adc = if full_range { Adc::full_range(adc_bits) } else { Adc::granular(adc_bits) };
                (device.with_programming(Programming::Lognormal { sigma: 0.2 }), adc, errors)
            };
            let bipolar = mapping == Mapping::Differential { subtraction: Subtraction::BeforeAdc };
            let baseline = if baseline && !bipolar { Baseline::DummyColumn } else { Baseline::Digital };
            let design = DesignBuilder::new(mapping, device, adc)
                .array(array_rows, 4 * columns)
                .active_rows(rows)
                .column_flip(column_flip)
                .input_bits(input_bits)
                .signed_inputs(signed)
                .skip(skip)
                .baseline(baseline)
                .adc_errors(errors)
                .adcs_per_array(4)
                .build()
                .unwrap();
            let polarized = polarization(mapping, array_rows);
            let weights = random_weights((inputs_count, outputs, 8), fill, polarized, seed);
            let die = design.program_keyed(&weights, Key::from(u128::from(seed))).unwrap();
            let kernel = assert_all_read(&die, &inputs(&die, size, seed), wide);
            let counted = read_by.iter().filter(|(of, _)| *of == kernel);
            counted.for_each(|(_, reads)| reads.set(reads.get() + 1));
            Ok(())
        });
    ran.unwrap();
    let [tables, splits, integers] = read_by.map(|(_, reads)| reads.get());
    assert!(tables > 35 && splits > 15 && integers > 10, "{tables} {splits} {integers}");
}

#[test]
fn every_size_skip_and_sign_of_a_table() {
    // Groups of 3 in octets of 6 rows, the last with one group; rows that no input drives; 40 columns an array.
    for (rows, array_rows, inputs_count) in [(3, 9, 14), (8, 24, 21), (1, 11, 13), (5, 10, 10)] {
        for (signed, input_bits) in [(false, 8), (true, 8), (false, 16), (true, 16), (true, 5), (false, 11)] {
            let skips = [Skip::Off, Skip::LeadingZeros, Skip::AllZeroPlanes];
            // ADCs that are off convert nothing to something, where a plane is run.
            let off = AdcErrors::new(0.9, 0.02).unwrap();
            for (skip, errors) in skips.into_iter().flat_map(|skip| [(skip, AdcErrors::NONE), (skip, off)]) {
                let design = presets::forms()
                    .mapping(Mapping::Polarized { fragment: rows })
                    .array(array_rows, 160)
                    .active_rows(rows)
                    .adc(Adc::granular(3))
                    .input_bits(input_bits)
                    .signed_inputs(signed)
                    .skip(skip)
                    .adc_errors(errors)
                    .build()
                    .unwrap();
                let weights =
                    random_weights((inputs_count, 42, 8), Fill::Uniform, Some((rows, array_rows)), 5);
                let die = design.program_keyed(&weights, Key::from(3)).unwrap();
                let size = SIZES[(rows + input_bits as usize + usize::from(signed)) % 12];
                assert_eq!(assert_all_read(&die, &inputs(&die, size, 9), false), Kernel::Table);
            }
        }
    }
}

#[test]
fn tables_beyond_a_cache_are_fetched_ahead_for_any_batch() {
    // Three arrays below each other and two side by side, each of four tiles of columns and one more.
    let weights = random_weights((270, 149, 8), Fill::Uniform, Some((8, 104)), 3);
    for (signed, input_bits) in [(false, 8), (true, 12)] {
        let design = presets::forms()
            .array(104, 528)
            .adc(Adc::granular(5))
            .input_bits(input_bits)
            .signed_inputs(signed)
            .build()
            .unwrap();
        let die = design.program_keyed(&weights, Key::from(2)).unwrap();
        let x: Vec<i16> = inputs(&die, 1060, 5).into_iter().map(|x| x as i16).collect();
        if signed {
            assert_fetched_ahead(&die, &x);
        } else {
            assert_fetched_ahead(&die, &x.iter().map(|&x| x as u8).collect::<Vec<_>>());
        }
    }
}

/// Batches of the first vectors: results by the direct kernel, and by the reference here and there.
fn assert_fetched_ahead<T: Input>(die: &Die, x: &[T]) {
    let (expected, activity) = {
        let mut y = vec![0i64; x.len() / die.inputs() * die.outputs()];
        let level = ActivityLevel::CountsAndEnergy;
        let activity = die.mvm_batch_into_keyed(x, key, &mut y, level).unwrap();
        (y, activity)
    };
    for vector in [0, 63, 1024] {
        let x = &x[vector * die.inputs()..][..die.inputs()];
        let y = die.mvm_reference_keyed(x, key(vector)).unwrap().y;
        assert_eq!(y, expected[vector * die.outputs()..][..die.outputs()]);
    }
    for level in Level::available() {
        let prepared = die.prepare(Budget::default().with_level(level)).unwrap();
        assert!(prepared.plan().kernel == Kernel::Table && prepared.plan().bytes > 2 << 20);
        for size in [63, 64, 65, 96, 97, 1057] {
            let (x, expected) = (&x[..size * die.inputs()], &expected[..size * die.outputs()]);
            let mut narrow = vec![-77i32; expected.len()];
            prepared.mvm_batch_into_keyed(x, key, &mut narrow, ActivityLevel::Off).unwrap();
            assert!(narrow.iter().map(|&y| i64::from(y)).eq(expected.iter().copied()), "{size} {level:?}");
            let mut wide = vec![-77i64; expected.len()];
            prepared.mvm_batch_into_keyed(x, key, &mut wide, ActivityLevel::Off).unwrap();
            assert!(wide == expected, "{size} {level:?}");
        }
    }
    let mut y = vec![0i64; expected.len()];
    let (prepared, level) = (die.prepare(Budget::default()).unwrap(), ActivityLevel::CountsAndEnergy);
    assert_eq!(prepared.mvm_batch_into_keyed(x, key, &mut y, level).unwrap(), activity);
    assert!(y == expected);
}

#[test]
fn sums_of_several_octets_reach_the_bound_of_16_bits() {
    // Words are four codes of one sign, weighed 1, 4, 16 and 64, half of them taken: of 6 bits four octets of
    // two planes just fit, of 7 bits two, of 8 bits one.
    let mapping = Mapping::Differential { subtraction: Subtraction::Digital };
    let weights: Vec<i32> = (0..72 * 35).map(|at| if at % 35 % 3 == 0 { -127 } else { 127 }).collect();
    let weights = Weights::from_row_slice(72, 35, 8, &weights).unwrap();
    for (adc_bits, signed) in (4..=8).flat_map(|bits| [(bits, false), (bits, true)]) {
        let design = presets::forms()
            .mapping(mapping)
            .active_rows(8)
            .skip(Skip::LeadingZeros)
            .baseline(Baseline::None)
            .adc(Adc::full_range(adc_bits))
            .input_bits(8)
            .signed_inputs(signed)
            .build()
            .unwrap();
        let die = design.program_keyed(&weights, Key::from(2)).unwrap();
        // Every row in every plane, and in none; in all but the sign's, and in that alone.
        let extremes = if signed { [-1, 0, 127, -128] } else { [255, 0, 85, 170] };
        let x: Vec<i32> = extremes.into_iter().flat_map(|x| [x; 72]).collect();
        assert_eq!(assert_all_read(&die, &x, false), Kernel::Table, "{adc_bits}");
    }
}
