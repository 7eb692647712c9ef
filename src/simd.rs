//! Runs a loop with the widest vectors the CPU has.
//!
//! Loops are written for the compiler to vectorise and compiled once per level, without `unsafe` of
//! ours. All levels perform the same operations on every element, none of them fused, so the level
//! never changes a value.

use pulp::Arch;

/// Runs `body`, `#[inline(always)]` like all it calls, compiled for this CPU.
pub(crate) fn vectorised<T>(body: impl FnOnce() -> T) -> T {
    level().dispatch(body)
}

#[cfg(not(test))]
fn level() -> Arch {
    Arch::new()
}

#[cfg(test)]
pub(crate) use forced::{at_every_level, level};

#[cfg(test)]
mod forced {
    use super::Arch;
    use std::cell::Cell;

    thread_local! {
        static FORCED: Cell<Option<Arch>> = const { Cell::new(None) };
    }

    pub(crate) fn level() -> Arch {
        FORCED.get().unwrap_or_default()
    }

    /// What `body` gives at each level this CPU has, narrowest first.
    pub(crate) fn at_every_level<T>(body: impl Fn() -> T) -> Vec<T> {
        let mut levels = vec![Arch::Scalar];
        #[cfg(target_arch = "x86_64")]
        {
            levels.extend(pulp::x86::V3::try_new().map(Arch::V3));
            levels.extend(pulp::x86::V4::try_new().map(Arch::V4));
        }
        let results = levels.into_iter().map(|level| {
            FORCED.set(Some(level));
            body()
        });
        let results = results.collect();
        FORCED.set(None);
        results
    }
}
