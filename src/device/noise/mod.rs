//! What differs from read to read.

mod flicker;
mod persistence;
mod read_noise;
mod telegraph;
mod white;

pub use flicker::{Flicker, FlickerAmplitude};
pub use persistence::Persistence;
pub use read_noise::ReadNoise;
pub use telegraph::{Telegraph, TelegraphAmplitude};
pub use white::{WhiteLaw, WhiteNoise};
