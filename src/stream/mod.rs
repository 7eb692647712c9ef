//! Integer inputs, streamed least significant first in planes of a few bits; zero-skipping.
//!
//! A plane gives each word line of an active group one *digit* of `dac_bits` bits. An unsigned
//! input is `Σ_p 2^(d·p) · digit_p`. A two's-complement input streams its value bits likewise,
//! then its sign bit alone in a last plane of weight `−2^(d·P)`, with `P` value planes.

mod format;
mod schedule;

pub use format::InputFormat;
pub use schedule::{Plane, Schedule, Skip};
