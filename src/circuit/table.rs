//! Tables that may be too large for the machine.

use super::scalar::Scalar;
use crate::error::{Error, Result};

/// A table of zeros, [`Error::Memory`] where it does not fit.
pub(super) fn zeros<S: Scalar>(name: &'static str, length: usize) -> Result<Vec<S>> {
    filled(name, length as u128, S::zero())
}

/// So many copies of a value.
///
/// # Errors
///
/// [`Error::Memory`] where they cannot be had.
pub(super) fn filled<T: Clone>(name: &'static str, count: u128, value: T) -> Result<Vec<T>> {
    let memory = || Error::Memory { name, bytes: count.saturating_mul(size_of::<T>() as u128) };
    let count = usize::try_from(count).map_err(|_| memory())?;
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|_| memory())?;
    values.resize(count, value);
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_cannot_be_had_is_counted_in_bytes() {
        let lines = |count| filled("lines", count, [0.0; 64]).unwrap_err();
        assert_eq!(lines(1 << 60), Error::Memory { name: "lines", bytes: 1 << 69 });
        assert_eq!(lines(u128::MAX), Error::Memory { name: "lines", bytes: u128::MAX });
    }
}
