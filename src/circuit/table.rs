//! Tables that may be too large for the machine.

use super::scalar::Scalar;
use crate::error::{Error, Result};

/// A table of zeros, [`Error::Memory`] where it does not fit.
pub(super) fn zeros<S: Scalar>(name: &'static str, length: usize) -> Result<Vec<S>> {
    let mut table = Vec::new();
    let bytes = length as u128 * size_of::<S>() as u128;
    table.try_reserve_exact(length).map_err(|_| Error::Memory { name, bytes })?;
    table.resize(length, S::zero());
    Ok(table)
}
