//! Elements of inputs and results.

mod sealed {
    pub trait Sealed {}
}

/// An element of an input vector: `u8`, `u16`, `i8` or `i16`.
pub trait Input: Copy + Ord + Send + Sync + Into<i32> + sealed::Sealed {
    /// Smallest value of the type.
    #[doc(hidden)]
    const MIN: Self;

    /// Largest value of the type.
    #[doc(hidden)]
    const MAX: Self;
}

/// An element of a result: `i64`, or `i32` where the die's bound fits.
pub trait Output: Copy + Default + Send + Sync + sealed::Sealed {
    /// Bits of the type.
    const BITS: u32;

    /// For results that the die's bound has proved to fit.
    #[doc(hidden)]
    fn from_sum(sum: i64) -> Self;

    /// The sum of two such results.
    #[doc(hidden)]
    fn plus(self, sum: i64) -> Self;

    /// Results as words of 32 bits, where they are.
    #[doc(hidden)]
    fn as_words(results: &mut [Self]) -> Option<&mut [i32]>;
}

macro_rules! inputs {
    ($($t:ty),*) => { $(
        impl sealed::Sealed for $t {}
        impl Input for $t {
            const MIN: $t = <$t>::MIN;
            const MAX: $t = <$t>::MAX;
        }
    )* };
}
inputs!(u8, u16, i8, i16);

macro_rules! outputs {
    ($($t:ty, $words:expr);*) => { $(
        impl sealed::Sealed for $t {}
        impl Output for $t {
            const BITS: u32 = <$t>::BITS;

            fn from_sum(sum: i64) -> $t {
                sum as $t
            }

            fn plus(self, sum: i64) -> $t {
                self.wrapping_add(sum as $t)
            }

            fn as_words(results: &mut [$t]) -> Option<&mut [i32]> {
                $words(results)
            }
        }
    )* };
}
outputs!(i32, Some; i64, |_| None);
