//! What differs from read to read.

mod read_noise;

pub use read_noise::ReadNoise;
