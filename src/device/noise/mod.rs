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
pub(crate) use white::WhitePoint;
pub use white::{WhiteLaw, WhiteNoise};
