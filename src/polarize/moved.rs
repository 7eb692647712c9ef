//! How far a projection moved a matrix.

/// How far a projection moved a matrix, in the unit of its weights.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Moved {
    /// Root of the sum of squared changes (Frobenius norm of the difference).
    pub distance: f64,
    /// Root of the sum of squared weights before (Frobenius norm).
    pub norm: f64,
}

impl Moved {
    /// The distance as a fraction of the norm before, 0 for a matrix of zeros.
    pub fn relative(&self) -> f64 {
        if self.norm == 0.0 { 0.0 } else { self.distance / self.norm }
    }

    /// From one matrix to another of the same size.
    pub(super) fn between(before: &[f32], after: &[f32]) -> Self {
        let square = |x: f64| x * x;
        let mut squares = (0.0, 0.0);
        for (&before, &after) in before.iter().zip(after) {
            squares.0 += square(f64::from(after) - f64::from(before));
            squares.1 += square(before.into());
        }
        Moved { distance: squares.0.sqrt(), norm: squares.1.sqrt() }
    }
}
