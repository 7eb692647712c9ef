//! What a ReRAM cell does between a level and a conductance. Siemens only: no LSB, no code.
//!
//! A [`Cell`] composes its effects in a fixed order, each a file of this room:
//!
//! 1. [`LevelMap`]: level → target conductance;
//! 2. [`Programming`]: programming error, drawn once per write;
//! 3. [`StuckCells`]: faults, drawn once per die.
//!
//! [`ReadNoise`] is drawn afresh at every conversion, by the kernel.

mod cell;
mod level_map;
mod noise;
mod polynomial;
mod write;

pub use cell::Cell;
pub use level_map::LevelMap;
pub use noise::{Flicker, FlickerAmplitude, Persistence, ReadNoise, Telegraph, TelegraphAmplitude, WhiteLaw, WhiteNoise};
pub use polynomial::Polynomial;
pub use write::{Programming, StuckCells};
