//! The numbers a network is stamped over.

use nalgebra::ComplexField;
use num_complex::Complex64;

/// Real admittances at direct current, complex ones at a complex frequency: the same code solves both.
pub trait Scalar: ComplexField<RealField = f64> + Copy {}

impl Scalar for f64 {}
impl Scalar for Complex64 {}
