//! The array as a circuit: what wires, drivers and sense terminals make of the cells' conductances.
//!
//! [`Wires`] describe them, a [`Network`] is what one read sees of an array, stamped once over a scalar that is
//! real (direct current) or complex (a frequency).

mod capacitance;
mod lines;
mod network;
mod scalar;
mod wires;

pub use capacitance::Capacitance;
pub use lines::{Lines, Terminal};
pub use network::{Cells, Network};
pub use scalar::Scalar;
pub use wires::{Ends, UnselectedRows, Wires};
