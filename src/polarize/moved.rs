//! How far a projection moved a matrix.

use crate::simd::vectorised;

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
        vectorised(
            #[inline(always)]
            || {
                let mut squares = Squares::default();
                squares.add(before, after);
                squares.moved()
            },
        )
    }
}

/// Columns that are projected together: one cache line of each row.
pub(super) const LANES: usize = 16;

/// Weights of a row that are computed, then counted, then written: few enough to stay in the first-level cache,
/// and in loops kept apart, which is what compilers vectorise.
pub(super) const PIECE: usize = 16 * LANES;

/// Rows of which a piece is done before their next pieces: so many stay in the first-level cache, and what a column
/// needs is read once for all.
pub(super) const TOGETHER: usize = 8;

/// Sums of squares, a lane for every weight of a block, so that vector width never changes their
/// order.
#[derive(Debug, Default)]
pub(super) struct Squares {
    pub(super) removed: [f64; LANES],
    pub(super) before: [f64; LANES],
}

impl Squares {
    /// Counts weights before and after. Two loops, because compilers vectorise only one sum at a time.
    #[inline(always)]
    pub(super) fn add(&mut self, before: &[f32], after: &[f32]) {
        add_products(&mut self.removed, before, after, squared_change);
        add_products(&mut self.before, before, before, square);
    }

    pub(super) fn moved(&self) -> Moved {
        Moved {
            distance: self.removed.iter().sum::<f64>().sqrt(),
            norm: self.before.iter().sum::<f64>().sqrt(),
        }
    }
}

/// Adds what every pair gives to lanes, from the first lane on; a pair of zeros gives 0.
#[inline(always)]
pub(super) fn add_products<A: Copy + Default, B: Copy + Default>(
    lanes: &mut [f64; LANES],
    a: &[A],
    b: &[B],
    product: impl Fn(A, B) -> f64,
) {
    let mut sums = *lanes;
    let ((blocks, rest), (others, other_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut add = |a: &[A; LANES], b: &[B; LANES]| {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum += product(a, b);
        }
    };
    for (a, b) in blocks.iter().zip(others) {
        add(a, b);
    }
    if !rest.is_empty() {
        // A whole block too: a loop over lanes in use would keep compilers from vectorising the one above.
        let (mut a, mut b) = ([A::default(); LANES], [B::default(); LANES]);
        a[..rest.len()].copy_from_slice(rest);
        b[..rest.len()].copy_from_slice(other_rest);
        add(&a, &b);
    }
    *lanes = sums;
}

#[inline(always)]
pub(super) fn squared_change(before: f32, after: f32) -> f64 {
    let change = f64::from(after) - f64::from(before);
    change * change
}

/// The square of a weight, which is given twice.
#[inline(always)]
pub(super) fn square(value: f32, same: f32) -> f64 {
    f64::from(value) * f64::from(same)
}
