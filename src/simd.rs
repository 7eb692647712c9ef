//! Runs a loop with the widest vectors the CPU has.
//!
//! Loops are written for the compiler to vectorise and compiled once per level, without `unsafe` of
//! ours. All levels perform the same operations on every element, none of them fused, so the level
//! never changes a value.

use pulp::Arch;

/// How wide the vectors are that kernels compute with. Never changes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// What every CPU of the target has.
    Portable,
    /// 256 bits: AVX2.
    Avx2,
    /// 512 bits: AVX-512 with F, BW, CD, DQ and VL.
    Avx512,
}

impl Level {
    /// The levels this CPU has, narrowest first.
    ///
    /// ```
    /// use forms_xbar::kernel::Level;
    ///
    /// assert_eq!(Level::available()[0], Level::Portable);
    /// assert_eq!(Level::available().last(), Some(&Level::best()));
    /// ```
    pub fn available() -> Vec<Level> {
        let all = [Level::Portable, Level::Avx2, Level::Avx512];
        all.into_iter().filter(|&level| level <= Level::best()).collect()
    }

    /// The widest level this CPU has.
    pub fn best() -> Level {
        match Arch::new() {
            #[cfg(target_arch = "x86_64")]
            Arch::V4(_) => Level::Avx512,
            #[cfg(target_arch = "x86_64")]
            Arch::V3(_) => Level::Avx2,
            _ => Level::Portable,
        }
    }

    /// Runs `body`, `#[inline(always)]` like all it calls, compiled for this level.
    pub(crate) fn run<T>(self, body: impl FnOnce() -> T) -> T {
        self.arch().dispatch(body)
    }

    /// The instructions of this level, the best there are below it where the CPU lacks it.
    pub(crate) fn arch(self) -> Arch {
        match (self, Arch::new()) {
            #[cfg(target_arch = "x86_64")]
            (Level::Avx512, best) => best,
            #[cfg(target_arch = "x86_64")]
            (Level::Avx2, best @ Arch::V3(_)) => best,
            #[cfg(target_arch = "x86_64")]
            (Level::Avx2, Arch::V4(wide)) => Arch::V3(*wide),
            _ => Arch::Scalar,
        }
    }
}

/// Bytes of a cache line.
const LINE: usize = 64;

/// Asks for values to be brought into the second cache, where there is a way to ask.
#[inline(always)]
#[allow(unsafe_code)]
#[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))]
pub(crate) fn prefetch<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in (0..size_of_val(values)).step_by(LINE) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: SSE is part of x86-64; a prefetch reads and writes nothing, whatever its address.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(values.as_ptr().cast::<i8>().wrapping_add(line)) }
    }
}

/// Runs `body`, `#[inline(always)]` like all it calls, compiled for this CPU.
pub(crate) fn vectorised<T>(body: impl FnOnce() -> T) -> T {
    level().dispatch(body)
}

/// The best level of this CPU.
#[cfg(not(test))]
pub(crate) fn level() -> Arch {
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
