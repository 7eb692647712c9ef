//! The standard case and what is varied around it.

use forms_xbar::{Adc, Die, Key, Mapping, Programming, Weights, presets};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use rand_distr::{Distribution, Exp1};

use super::Result;

/// What all tables have in common.
pub(crate) const DESCRIPTION: &str = "\
Where nothing else is said: 128 × 128 weights of 8 bits in 2-bit cells, polarized in fragments of 8, lognormal error of
5 %, granular 4-bit ADCs, unsigned 8-bit inputs streamed bit by bit, leading zeros skipped, batches of 256 vectors,
activity `Counts`, `i32` results, one thread. Dense inputs are uniform; ReLU inputs are 0 with probability ½, else
exponential with a mean of 1/16 of the largest input, clamped to it. `gemm` is that crate's f32 product of the
same shape, whose inputs and results are floats already. Times are medians over slices, per vector; a ratio is the median over neighbouring
slices of case over baseline, with the quartiles behind it.
";

/// One matrix on one machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Problem {
    /// Inputs, and outputs.
    pub(crate) size: usize,
    /// Rows of a fragment, all driven together.
    pub(crate) fragment: usize,
    pub(crate) adc_bits: u32,
    pub(crate) input_bits: u32,
}

impl Problem {
    pub(crate) const STANDARD: Problem = Problem { size: 128, fragment: 8, adc_bits: 4, input_bits: 8 };

    /// Uniform magnitudes, one sign per fragment and column.
    pub(crate) fn weights(&self) -> Result<Weights> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut signs = vec![1; self.size];
        let mut values = Vec::with_capacity(self.size * self.size);
        for row in 0..self.size {
            if row.is_multiple_of(self.fragment) {
                signs.fill_with(|| if rng.random() { 1 } else { -1 });
            }
            values.extend(signs.iter().map(|sign| sign * rng.random_range(0..128)));
        }
        Ok(Weights::from_row_slice(self.size, self.size, 8, &values)?)
    }

    pub(crate) fn program(&self) -> Result<Die> {
        let cell = presets::forms().build()?.cell().clone();
        let design = presets::forms()
            .cell(cell.with_programming(Programming::Lognormal { sigma: 0.05 }))
            .mapping(Mapping::Polarized { fragment: self.fragment })
            .adc(Adc::granular(self.adc_bits))
            .input_bits(self.input_bits)
            .build()?;
        Ok(design.program_keyed(&self.weights()?, Key::from(3))?)
    }

    /// Vectors one after another; every element fits the input bits.
    pub(crate) fn inputs(&self, kind: Kind, vectors: usize) -> Vec<u16> {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let largest = (1u32 << self.input_bits) - 1;
        let mut draw = || match kind {
            Kind::Dense => rng.random_range(0..=largest) as u16,
            Kind::Relu if rng.random() => 0,
            Kind::Relu => {
                let magnitude: f64 = Exp1.sample(&mut rng);
                (magnitude * f64::from(largest) / 16.0).min(f64::from(largest)) as u16
            }
        };
        (0..self.size * vectors).map(|_| draw()).collect()
    }
}

/// What inputs look like.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Dense,
    Relu,
}

impl Kind {
    pub(crate) const ALL: [Kind; 2] = [Kind::Dense, Kind::Relu];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Dense => "dense",
            Kind::Relu => "ReLU",
        }
    }
}

/// Inputs of 8 bits as bytes.
pub(crate) fn bytes(x: &[u16]) -> Result<Vec<u8>> {
    Ok(x.iter().map(|&x| u8::try_from(x)).collect::<std::result::Result<_, _>>()?)
}
