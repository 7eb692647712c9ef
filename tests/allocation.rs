//! `mvm_into` allocates nothing: counted by the allocator itself.

#![allow(unsafe_code, reason = "a global allocator is an unsafe trait")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::{Fill, random_inputs, random_weights};
use forms_xbar::{ActivityLevel, Adc, ReadNoise, presets};
use rand::{SeedableRng, rngs::ChaCha8Rng};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on unchanged to the system allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's contract is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
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
