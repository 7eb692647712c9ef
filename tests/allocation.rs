//! `mvm_into` allocates nothing: counted by the allocator itself.

#![allow(unsafe_code, reason = "a global allocator is an unsafe trait")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::{Fill, random_inputs, random_weights};
use forms_xbar::device::{Flicker, FlickerAmplitude, IvCurve, Persistence, Telegraph, WhiteLaw, WhiteNoise};
use forms_xbar::read::Kernel;
use forms_xbar::{
    ActivityLevel, Adc, AdcErrors, Baseline, Budget, Cell as Device, Dac, Key, LevelMap, Mapping,
    NoiseMethod, Programming, ReadNoise, Skip, presets,
};
use rand::{SeedableRng, rngs::ChaCha8Rng};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    /// Bytes that are held.
    static HELD: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on unchanged to the system allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        HELD.set(HELD.get() + layout.size() as isize);
        // SAFETY: the caller's contract is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.set(HELD.get() - layout.size() as isize);
        // SAFETY: the caller's contract is the system allocator's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn the_counter_counts() {
    let before = ALLOCATIONS.get();
    drop(std::hint::black_box(vec![1u8; 10]));
    assert_eq!(ALLOCATIONS.get() - before, 1);
    let before = HELD.get();
    let bytes = vec![1u8; 10];
    assert_eq!(HELD.get() - before, 10);
    drop(bytes);
    assert_eq!(HELD.get(), before);
}

#[test]
fn a_prepared_die_holds_no_more_than_its_plan_says() {
    let (ideal, real) = (common::ideal_cell(2), presets::forms().build().unwrap().cell().clone());
    let real = real.with_programming(Programming::Lognormal { sigma: 0.1 });
    let whole = Device::new(LevelMap::linear(2, 0.0, 90e-6).unwrap());
    let off = AdcErrors::new(0.9, 0.02).unwrap();
    for (cell, fragment, adc_bits, errors, kernel) in [
        (&real, 8, 4, AdcErrors::NONE, Kernel::Table),
        (&real, 8, 4, off, Kernel::Table),
        (&ideal, 1, 4, AdcErrors::NONE, Kernel::Table),
        (&real, 16, 4, AdcErrors::NONE, Kernel::Split),
        (&whole, 16, 6, AdcErrors::NONE, Kernel::Integer),
        // Words beyond 16 bits, which only a table that was built shows.
        (&whole, 8, 12, off, Kernel::Direct),
    ] {
        let adc = if kernel == Kernel::Direct { Adc::full_range(adc_bits) } else { Adc::granular(adc_bits) };
        let design = presets::forms().mapping(Mapping::Polarized { fragment }).cell(cell.clone()).adc(adc);
        // Many small arrays: what is held beside their tables weighs most.
        let design = design.array(fragment, 16).adc_errors(errors).input_bits(8).build().unwrap();
        let weights = random_weights((64, 24, 8), Fill::Uniform, Some((fragment, fragment)), 1);
        let die = design.program_keyed(&weights, Key::from(1)).unwrap();
        let all = die.prepare(Budget::default()).unwrap().plan();
        assert_eq!(all.kernel, kernel);
        for bytes in [all.bytes, all.bytes.saturating_sub(1), all.bytes / 2, 1000, 0] {
            let before = HELD.get();
            let prepared = die.prepare(Budget::default().with_bytes(bytes)).unwrap();
            let held = HELD.get() - before;
            let plan = prepared.plan();
            assert!(plan.bytes <= bytes, "{plan:?}");
            assert!(held <= plan.bytes as isize, "{held} {plan:?}");
            // Nor is that twice as much.
            let is_full = plan.kernel != Kernel::Direct && !plan.streams;
            assert!(!is_full || held * 2 > plan.bytes as isize, "{held} {plan:?}");
        }
    }
}

#[test]
fn reading_into_a_buffer_does_not_allocate() {
    let weights = random_weights((150, 40, 8), Fill::Uniform, Some((8, 128)), 1);
    let x: Vec<u8> = random_inputs(150, (0, 255), 2).into_iter().map(|x| x as u8).collect();
    let noise = ReadNoise::new(0.02, 2e-7).unwrap();
    for adc in [Adc::granular(5), Adc::full_range(16), Adc::pass_through()] {
        for noise in [ReadNoise::NONE, noise] {
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            let design = presets::forms().adc(adc).input_bits(8).read_noise(noise).build().unwrap();
            let die = design.program(&weights, &mut rng).unwrap();
            let mut y = vec![0i64; die.outputs()];
            for level in [ActivityLevel::Off, ActivityLevel::Counts, ActivityLevel::CountsAndEnergy] {
                let mut scratch = die.scratch(level);
                let before = ALLOCATIONS.get();
                for _ in 0..3 {
                    die.mvm_into(&x, &mut rng, &mut y, &mut scratch).unwrap();
                }
                assert_eq!(ALLOCATIONS.get() - before, 0, "{adc:?} {noise:?} {level:?}");
            }
        }
    }
}

#[test]
fn no_kind_of_noise_allocates_while_reading() {
    let weights = random_weights((150, 40, 8), Fill::Uniform, Some((8, 128)), 1);
    let x: Vec<u8> = random_inputs(150, (0, 255), 2).into_iter().map(|x| x as u8).collect();
    let white = WhiteNoise::new(33e6, WhiteLaw::Fano { factor: 0.3 }).unwrap();
    let flicker = Flicker::new(FlickerAmplitude::Corner { hertz: 1e6 }, 1.0, 1e8).unwrap();
    let telegraph = Telegraph::pytorx(1e-7).unwrap();
    let fast = ReadNoise::new(0.02, 2e-7).unwrap().with_white(white).with_word_line_volts(1e-3);
    let slow = ReadNoise::NONE.with_white(white).with_telegraph(telegraph).with_flicker(flicker);
    let all = fast.with_telegraph(telegraph).with_flicker(flicker);
    let iv = IvCurve::Cubic { per_square_volt: 0.25, reference_volts: 0.3 };
    for noise in [fast, slow, all] {
        for persistence in [Persistence::Held, Persistence::Evolved, Persistence::Redrawn] {
            for (baseline, iv) in [(Baseline::Digital, IvCurve::Ohmic), (Baseline::DummyColumn, iv.clone())] {
                let builder = presets::forms().adc(Adc::full_range(12)).input_bits(8).baseline(baseline);
                let cell = builder.clone().build().unwrap().cell().clone().with_iv(iv);
                let builder = builder.cell(cell).dac(Dac::new(2, 0.2).unwrap());
                let design = builder.read_noise(noise.with_persistence(persistence)).build().unwrap();
                let mut rng = ChaCha8Rng::seed_from_u64(1);
                let die = design.program(&weights, &mut rng).unwrap();
                let (mut y, mut scratch) = (vec![0i64; die.outputs()], die.scratch(ActivityLevel::Counts));
                let before = ALLOCATIONS.get();
                for _ in 0..3 {
                    die.mvm_into(&x, &mut rng, &mut y, &mut scratch).unwrap();
                }
                assert_eq!(ALLOCATIONS.get() - before, 0, "{noise:?} {baseline:?}");
            }
        }
    }
}

#[test]
fn prepared_dies_do_not_allocate_while_reading() {
    for (fragment, signed) in [(8, false), (8, true), (16, false), (16, true)] {
        let weights = random_weights((150, 40, 8), Fill::Uniform, Some((fragment, 128)), 1);
        let x: Vec<i8> = random_inputs(150, (0, 127), 2).into_iter().map(|x| x as i8).collect();
        let unsigned: Vec<u8> = x.iter().map(|&x| x as u8).collect();
        let builder = presets::forms().mapping(Mapping::Polarized { fragment }).adc(Adc::granular(4));
        let design = builder.input_bits(8).signed_inputs(signed).build().unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let die = design.program(&weights, &mut rng).unwrap();
        let prepared = die.prepare(Budget::default()).unwrap();
        let mut y = vec![0i64; die.outputs()];
        for level in [ActivityLevel::Off, ActivityLevel::Counts, ActivityLevel::CountsAndEnergy] {
            let mut scratch = prepared.scratch(level);
            let before = ALLOCATIONS.get();
            for _ in 0..3 {
                if signed {
                    prepared.mvm_into(&x, &mut rng, &mut y, &mut scratch).unwrap();
                } else {
                    prepared.mvm_into(&unsigned, &mut rng, &mut y, &mut scratch).unwrap();
                }
            }
            assert_eq!(ALLOCATIONS.get() - before, 0, "{:?} {signed} {level:?}", prepared.plan().kernel);
        }
    }
}

#[test]
fn prepared_dies_with_white_noise_do_not_allocate_while_reading() {
    let weights = random_weights((150, 40, 8), Fill::Uniform, Some((8, 128)), 1);
    let x: Vec<u8> = random_inputs(150, (0, 255), 2).into_iter().map(|x| x as u8).collect();
    for method in [NoiseMethod::Gaussian, NoiseMethod::Thresholds] {
        let builder = presets::forms().adc(Adc::granular(4)).input_bits(8).skip(Skip::Off);
        let builder = builder.read_noise(ReadNoise::new(0.02, 2e-7).unwrap()).noise_method(method);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let die = builder.build().unwrap().program(&weights, &mut rng).unwrap();
        let prepared = die.prepare(Budget::default()).unwrap();
        assert_eq!(prepared.plan().kernel, Kernel::White);
        let mut y = vec![0i64; die.outputs()];
        for level in [ActivityLevel::Off, ActivityLevel::Counts, ActivityLevel::CountsAndEnergy] {
            let mut scratch = prepared.scratch(level);
            let before = ALLOCATIONS.get();
            // So many conversions that some take the slow way: tails, and words that meet thresholds.
            for _ in 0..30 {
                prepared.mvm_into(&x, &mut rng, &mut y, &mut scratch).unwrap();
            }
            assert_eq!(ALLOCATIONS.get() - before, 0, "{method:?} {level:?}");
        }
    }
}
