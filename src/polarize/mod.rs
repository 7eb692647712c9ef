//! Making a trained network fit the hardware: pruning, polarization, quantisation.
//!
//! FORMS (ISCA 2021) prunes a network so that what remains fills whole crossbars, gives every
//! fragment one sign, and rounds to the levels of its cells, in that order. Each is a *projection*
//! onto a set of matrices: [`Pruning`], [`Polarization`], [`Quantization`], and [`Constraints`] for
//! all of them. A projection reports how far it [`Moved`] the matrix, and a second one changes
//! nothing.
//!
//! One projection of a trained network costs most of its accuracy for fragments of 8 or more. Two
//! ways lead around that:
//!
//! - [`Admm`], for who can train: FORMS's method, for one matrix and any framework.
//! - [`PostTraining`], for who cannot: the polarized matrix whose *outputs* are closest for inputs
//!   that a [`Calibration`] saw, without labels; and a [`RowOrder`] that puts rows of like signs
//!   into one fragment.
//!
//! Matrices are [`RealWeights`](crate::RealWeights): inputs × outputs. Nothing here draws a random
//! number.

mod admm;
mod calibration;
mod column;
mod constraints;
mod grid;
mod moved;
mod polarization;
mod post_training;
mod pruning;
mod quantization;
mod rank;
mod row_order;
mod signs;

pub use admm::{Admm, Residuals};
pub use calibration::Calibration;
pub use constraints::{Constraints, Feasible, Held};
pub use moved::Moved;
pub use polarization::{Polarization, SignRule};
pub use post_training::{PostTraining, Solved};
pub use pruning::{Kept, Pruning};
pub use quantization::{Quantization, Quantized, ScaleRule};
pub use row_order::RowOrder;
pub use signs::FragmentSigns;
