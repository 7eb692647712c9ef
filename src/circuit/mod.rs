//! The array as a circuit: what wires, drivers and sense terminals make of the cells' conductances.
//!
//! [`Wires`] describe them, a [`Network`] is what one read sees of an array, stamped once over a scalar that is
//! real (direct current) or complex (a frequency).

mod capacitance;
mod compensation;
mod crossing;
mod dense;
mod eliminate;
mod elmore;
mod ladder;
mod line_solver;
mod line_state;
mod lines;
mod moment;
mod network;
mod newton;
mod response;
mod root;
mod scalar;
mod settling;
mod solution;
mod solver;
mod spice;
mod state;
mod table;
mod thermal;
mod transfer;
mod transpose;
mod wires;

pub use capacitance::Capacitance;
pub use compensation::{ColumnCalibration, Predistortion, PredistortionSettings, predistort};
pub use lines::{Lines, Terminal};
pub use network::{Cells, Network};
pub use newton::NewtonSettings;
pub use response::AcCircuit;
pub use scalar::Scalar;
pub use solution::{LineAmperes, Solution, Watts};
pub use solver::{Solver, SolverSettings};
pub use spice::to_spice;
pub use thermal::{NoiseDensity, OutputNoise};
pub use transfer::effective_conductances;
pub use wires::{Ends, UnselectedRows, Wires};
