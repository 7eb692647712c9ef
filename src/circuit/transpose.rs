//! Matrices turned over.

use super::scalar::Scalar;

/// Side of the squares that are copied at once: both their sides fit the first-level cache.
const SIDE: usize = 8;

/// Writes the transpose of `from`, `[row][column]` with `columns` columns, to `to`.
///
/// To be called inside [`vectorised`](crate::simd::vectorised).
#[inline(always)]
pub(super) fn transpose<S: Scalar>(from: &[S], columns: usize, to: &mut [S]) {
    let rows = from.len() / columns;
    for row in (0..rows).step_by(SIDE) {
        for column in (0..columns).step_by(SIDE) {
            for i in row..rows.min(row + SIDE) {
                for j in column..columns.min(column + SIDE) {
                    to[j * rows + i] = from[i * columns + j];
                }
            }
        }
    }
}
