//! What is counted.

use std::hint::black_box;

use clap::ValueEnum;
use forms_xbar::circuit::Wires;
use forms_xbar::kernel::Level;
use forms_xbar::read::{Input, Output};
use forms_xbar::{
    ActivityLevel, Adc, Budget, DesignBuilder, Die, Error, Key, Mapping, NoiseMethod, ReadNoise, Result,
    Skip, Weights, presets,
};

use super::callgrind::MISSING;

/// One repetition is one vector, but one matrix for the last two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// A read of a die: the direct kernel, no plane skipped
    Read,
    /// The same through wires
    ReadWires,
    /// The same by the reference kernel
    Reference,
    /// A vector of a prepared batch, portable
    BatchPortable,
    /// A vector of a prepared batch, AVX2
    BatchAvx2,
    /// The same with nothing counted
    BatchAvx2Uncounted,
    /// A vector of a prepared batch of 16-bit inputs, AVX2
    Batch16Avx2,
    /// A vector of a prepared batch, fragments of 16, AVX2
    SplitAvx2,
    /// A vector of a prepared batch with white noise by thresholds, AVX2
    ThresholdsAvx2,
    /// The same by normal numbers
    GaussianAvx2,
    /// Tables built
    Prepare,
    /// A matrix programmed, lognormal error
    Program,
}

const SIZE: usize = 128;

/// Vectors of a batch.
const BATCH: usize = 256;

impl Workload {
    /// All of those named, all without a name.
    pub(crate) fn chosen(only: &[Workload]) -> impl Iterator<Item = Workload> {
        let all = Workload::value_variants().iter().copied();
        all.filter(move |workload| only.is_empty() || only.contains(workload))
    }

    /// Its name on the command line and in the file.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or(String::new(), |value| value.get_name().into())
    }

    /// Repetitions that outweigh what start-up varies by.
    pub(crate) fn repetitions(self) -> u32 {
        match self {
            Workload::Read | Workload::ReadWires => 16,
            Workload::Reference | Workload::Prepare => 2,
            Workload::Program => 4,
            Workload::ThresholdsAvx2 | Workload::GaussianAvx2 => BATCH as u32,
            _ => 4 * BATCH as u32,
        }
    }

    /// # Errors
    ///
    /// [`MISSING`] on a CPU whose best level is not AVX2, as valgrind shows one with AVX-512: loops beside the kernels
    /// take the best level there is, so that other counts could not be compared.
    pub(crate) fn run(self, repetitions: u32) -> Result<()> {
        if Level::best() != Level::Avx2 {
            return Err(Error::Conflict { first: "this workload", second: "this CPU", why: MISSING });
        }
        let batches = repetitions as usize / BATCH;
        let counts = ActivityLevel::Counts;
        match self {
            Workload::Read => each(repetitions, &program(unskipped(), 8)?, Die::mvm_keyed),
            Workload::ReadWires => {
                let wired = unskipped().wires(Wires::new(1.0, 1.0)?);
                each(repetitions, &program(wired, 8)?, Die::mvm_keyed)
            }
            Workload::Reference => each(repetitions, &program(unskipped(), 8)?, Die::mvm_reference_keyed),
            Workload::BatchPortable => batch::<_, i32>(batches, 8, Level::Portable, counts, |x| x as u8),
            Workload::BatchAvx2 => batch::<_, i32>(batches, 8, Level::Avx2, counts, |x| x as u8),
            Workload::BatchAvx2Uncounted => {
                batch::<_, i32>(batches, 8, Level::Avx2, ActivityLevel::Off, |x| x as u8)
            }
            Workload::Batch16Avx2 => batch::<_, i64>(batches, 8, Level::Avx2, counts, |x| x as u16),
            Workload::SplitAvx2 => batch::<_, i32>(batches, 16, Level::Avx2, counts, |x| x as u8),
            Workload::ThresholdsAvx2 => white(batches, NoiseMethod::Thresholds),
            Workload::GaussianAvx2 => white(batches, NoiseMethod::Gaussian),
            Workload::Prepare => {
                let die = program(skipped(8), 8)?;
                (0..repetitions).try_for_each(|_| die.prepare(Budget::default()).map(|it| _ = black_box(it)))
            }
            Workload::Program => {
                let (design, weights) = (skipped(8).build()?, weights(8)?);
                (0..repetitions).try_for_each(|at| {
                    design.program_keyed(&weights, Key::from(u128::from(at))).map(|die| _ = black_box(die))
                })
            }
        }
    }
}

/// FORMS's machine with 5-bit ADCs and 8-bit inputs, every plane run.
fn unskipped() -> DesignBuilder {
    presets::forms().adc(Adc::granular(5)).input_bits(8).skip(Skip::Off)
}

/// FORMS's machine with so many bits an input.
fn skipped(input_bits: u32) -> DesignBuilder {
    presets::forms().input_bits(input_bits)
}

/// Magnitudes below 128, the sign of a fragment changing from one to the next.
fn weights(fragment: usize) -> Result<Weights> {
    let value = |at: usize| {
        let magnitude = (at.wrapping_mul(2_654_435_761) >> 7 & 127) as i32;
        if (at / SIZE / fragment + at % SIZE).is_multiple_of(2) { magnitude } else { -magnitude }
    };
    Weights::from_row_slice(SIZE, SIZE, 8, &(0..SIZE * SIZE).map(value).collect::<Vec<_>>())
}

fn program(builder: DesignBuilder, fragment: usize) -> Result<Die> {
    let design = builder.mapping(Mapping::Polarized { fragment }).build()?;
    design.program_keyed(&weights(fragment)?, Key::from(3))
}

/// Inputs that run through all values.
fn inputs<T>(vectors: usize, convert: impl Fn(usize) -> T) -> Vec<T> {
    (0..SIZE * vectors).map(|at| convert(at.wrapping_mul(40_503) >> 3)).collect()
}

/// Reads one vector after another.
fn each(vectors: u32, die: &Die, read: fn(&Die, &[u8], Key) -> Result<forms_xbar::Read>) -> Result<()> {
    let x = inputs(vectors as usize, |x| x as u8);
    x.chunks_exact(SIZE).try_for_each(|x| read(die, x, Key::from(1)).map(|read| _ = black_box(read)))
}

/// Reads a batch so many times through the tables of a level.
fn batch<T: Input, O: Output + Default + Clone>(
    batches: usize,
    fragment: usize,
    level: Level,
    activity: ActivityLevel,
    convert: impl Fn(usize) -> T,
) -> Result<()> {
    let die = program(skipped(8 * size_of::<T>() as u32), fragment)?;
    read::<T, O>(&die, batches, level, activity, convert)
}

/// The same of bytes, with white noise of 0.1 LSB.
fn white(batches: usize, method: NoiseMethod) -> Result<()> {
    let noise = ReadNoise::new(0.0, 0.1 * 33e-6 * 0.2)?;
    let die = program(skipped(8).read_noise(noise).noise_method(method), 8)?;
    read::<u8, i32>(&die, batches, Level::Avx2, ActivityLevel::Counts, |x| x as u8)
}

fn read<T: Input, O: Output + Default + Clone>(
    die: &Die,
    batches: usize,
    level: Level,
    activity: ActivityLevel,
    convert: impl Fn(usize) -> T,
) -> Result<()> {
    let prepared = die.prepare(Budget::default().with_level(level))?;
    let (x, mut y) = (inputs(BATCH, convert), vec![O::default(); SIZE * BATCH]);
    (0..batches).try_for_each(|_| {
        let keys = |_| Key::from(1);
        prepared.mvm_batch_into_keyed(black_box(&x), keys, black_box(&mut y), activity).map(|_| ())
    })
}
