//! Sums and codes in the widest registers a CPU has. The same bits at every level.

#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256i, __m512i};

use super::COLUMNS;

/// What the loop needs of a CPU: 16 sums of 32 bits, and their codes, two lanes of 16 columns in 16 bits.
///
/// The code of column `c` in the even lane is the lower half of word `c`, that in the odd lane the upper.
pub(super) trait Lanes: Copy {
    /// 16 words of 32 bits.
    type Sums: Copy;
    /// 32 words of 16 bits.
    type Codes: Copy;

    fn load(self, from: &[i32; COLUMNS]) -> Self::Sums;

    fn add(self, a: Self::Sums, b: Self::Sums) -> Self::Sums;

    /// 2⁸ times the sums.
    fn raise(self, sums: Self::Sums) -> Self::Sums;

    fn store(self, sums: Self::Sums, to: &mut [i32; COLUMNS]);

    fn splat(self, code: i16) -> Self::Codes;

    /// Words of two codes.
    fn pairs(self, from: &[u32; COLUMNS]) -> Self::Codes;

    /// The upper halves of an even and of an odd lane.
    fn upper(self, even: Self::Sums, odd: Self::Sums) -> Self::Codes;

    fn clamp(self, codes: Self::Codes, low: Self::Codes, high: Self::Codes) -> Self::Codes;

    /// `2 a + b`
    fn double_add(self, a: Self::Codes, b: Self::Codes) -> Self::Codes;

    fn negate(self, codes: Self::Codes) -> Self::Codes;

    /// One more in `counts` wherever `a` is greater than `b`.
    fn count_greater(self, counts: Self::Codes, a: Self::Codes, b: Self::Codes) -> Self::Codes;

    /// The even code times the lower weight plus the odd code times the upper, in each word.
    fn weigh(self, codes: Self::Codes, weights: Self::Codes) -> Self::Sums;

    /// The words of 16 bits, none negative, added up.
    fn total(self, counts: Self::Codes) -> u64;
}

/// Plain loops, for the compiler to vectorise.
#[derive(Clone, Copy)]
pub(super) struct Portable;

#[inline(always)]
fn each<const N: usize, T: Copy>(mut a: [T; N], b: [T; N], combine: impl Fn(T, T) -> T) -> [T; N] {
    a.iter_mut().zip(b).for_each(
        #[inline(always)]
        |(a, b)| *a = combine(*a, b),
    );
    a
}

impl Lanes for Portable {
    type Sums = [i32; COLUMNS];
    type Codes = [i16; 2 * COLUMNS];

    #[inline(always)]
    fn load(self, from: &[i32; COLUMNS]) -> [i32; COLUMNS] {
        *from
    }

    #[inline(always)]
    fn add(self, a: [i32; COLUMNS], b: [i32; COLUMNS]) -> [i32; COLUMNS] {
        each(a, b, i32::wrapping_add)
    }

    #[inline(always)]
    fn raise(self, sums: [i32; COLUMNS]) -> [i32; COLUMNS] {
        sums.map(|sum| sum << 8)
    }

    #[inline(always)]
    fn store(self, sums: [i32; COLUMNS], to: &mut [i32; COLUMNS]) {
        *to = sums;
    }

    #[inline(always)]
    fn splat(self, code: i16) -> [i16; 2 * COLUMNS] {
        [code; 2 * COLUMNS]
    }

    #[inline(always)]
    fn pairs(self, from: &[u32; COLUMNS]) -> [i16; 2 * COLUMNS] {
        pulp::cast(*from)
    }

    #[inline(always)]
    fn upper(self, even: [i32; COLUMNS], odd: [i32; COLUMNS]) -> [i16; 2 * COLUMNS] {
        pulp::cast(each(even, odd, |even, odd| (even as u32 >> 16 | odd as u32 & 0xFFFF_0000) as i32))
    }

    #[inline(always)]
    fn clamp(
        self,
        codes: [i16; 2 * COLUMNS],
        low: [i16; 2 * COLUMNS],
        high: [i16; 2 * COLUMNS],
    ) -> [i16; 2 * COLUMNS] {
        each(each(codes, low, i16::max), high, i16::min)
    }

    #[inline(always)]
    fn double_add(self, a: [i16; 2 * COLUMNS], b: [i16; 2 * COLUMNS]) -> [i16; 2 * COLUMNS] {
        each(a, b, |a, b| a.wrapping_add(a).wrapping_add(b))
    }

    #[inline(always)]
    fn negate(self, codes: [i16; 2 * COLUMNS]) -> [i16; 2 * COLUMNS] {
        codes.map(i16::wrapping_neg)
    }

    #[inline(always)]
    fn count_greater(
        self,
        counts: [i16; 2 * COLUMNS],
        a: [i16; 2 * COLUMNS],
        b: [i16; 2 * COLUMNS],
    ) -> [i16; 2 * COLUMNS] {
        each(counts, each(a, b, |a, b| i16::from(a > b)), i16::wrapping_add)
    }

    #[inline(always)]
    fn weigh(self, codes: [i16; 2 * COLUMNS], weights: [i16; 2 * COLUMNS]) -> [i32; COLUMNS] {
        let mut sums = [0; COLUMNS];
        for (at, sum) in sums.iter_mut().enumerate() {
            let weighed = |at: usize| i32::from(codes[at]) * i32::from(weights[at]);
            *sum = weighed(2 * at) + weighed(2 * at + 1);
        }
        sums
    }

    #[inline(always)]
    fn total(self, counts: [i16; 2 * COLUMNS]) -> u64 {
        counts.iter().map(|&count| count as u64).sum()
    }
}

#[cfg(target_arch = "x86_64")]
impl Lanes for V3 {
    type Sums = [__m256i; 2];
    type Codes = [__m256i; 2];

    #[inline(always)]
    fn load(self, from: &[i32; COLUMNS]) -> [__m256i; 2] {
        pulp::cast(*from)
    }

    #[inline(always)]
    fn add(self, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
        [self.avx2._mm256_add_epi32(a[0], b[0]), self.avx2._mm256_add_epi32(a[1], b[1])]
    }

    #[inline(always)]
    fn raise(self, sums: [__m256i; 2]) -> [__m256i; 2] {
        [self.avx2._mm256_slli_epi32::<8>(sums[0]), self.avx2._mm256_slli_epi32::<8>(sums[1])]
    }

    #[inline(always)]
    fn store(self, sums: [__m256i; 2], to: &mut [i32; COLUMNS]) {
        *to = pulp::cast(sums);
    }

    #[inline(always)]
    fn splat(self, code: i16) -> [__m256i; 2] {
        [self.avx._mm256_set1_epi16(code); 2]
    }

    #[inline(always)]
    fn pairs(self, from: &[u32; COLUMNS]) -> [__m256i; 2] {
        pulp::cast(*from)
    }

    #[inline(always)]
    fn upper(self, even: [__m256i; 2], odd: [__m256i; 2]) -> [__m256i; 2] {
        let upper = |even, odd| {
            self.avx2._mm256_blend_epi16::<0b1010_1010>(self.avx2._mm256_srli_epi32::<16>(even), odd)
        };
        [upper(even[0], odd[0]), upper(even[1], odd[1])]
    }

    #[inline(always)]
    fn clamp(self, codes: [__m256i; 2], low: [__m256i; 2], high: [__m256i; 2]) -> [__m256i; 2] {
        let clamp =
            |codes, low, high| self.avx2._mm256_min_epi16(self.avx2._mm256_max_epi16(codes, low), high);
        [clamp(codes[0], low[0], high[0]), clamp(codes[1], low[1], high[1])]
    }

    #[inline(always)]
    fn double_add(self, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
        let double_add = |a, b| self.avx2._mm256_add_epi16(self.avx2._mm256_add_epi16(a, a), b);
        [double_add(a[0], b[0]), double_add(a[1], b[1])]
    }

    #[inline(always)]
    fn negate(self, codes: [__m256i; 2]) -> [__m256i; 2] {
        let zero = self.avx._mm256_setzero_si256();
        [self.avx2._mm256_sub_epi16(zero, codes[0]), self.avx2._mm256_sub_epi16(zero, codes[1])]
    }

    #[inline(always)]
    fn count_greater(self, counts: [__m256i; 2], a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
        let count = |counts, a, b| self.avx2._mm256_sub_epi16(counts, self.avx2._mm256_cmpgt_epi16(a, b));
        [count(counts[0], a[0], b[0]), count(counts[1], a[1], b[1])]
    }

    #[inline(always)]
    fn weigh(self, codes: [__m256i; 2], weights: [__m256i; 2]) -> [__m256i; 2] {
        [self.avx2._mm256_madd_epi16(codes[0], weights[0]), self.avx2._mm256_madd_epi16(codes[1], weights[1])]
    }

    #[inline(always)]
    fn total(self, counts: [__m256i; 2]) -> u64 {
        Portable.total(pulp::cast(counts))
    }
}

#[cfg(target_arch = "x86_64")]
impl Lanes for V4 {
    type Sums = __m512i;
    type Codes = __m512i;

    #[inline(always)]
    fn load(self, from: &[i32; COLUMNS]) -> __m512i {
        pulp::cast(*from)
    }

    #[inline(always)]
    fn add(self, a: __m512i, b: __m512i) -> __m512i {
        self.avx512f._mm512_add_epi32(a, b)
    }

    #[inline(always)]
    fn raise(self, sums: __m512i) -> __m512i {
        self.avx512f._mm512_slli_epi32::<8>(sums)
    }

    #[inline(always)]
    fn store(self, sums: __m512i, to: &mut [i32; COLUMNS]) {
        *to = pulp::cast(sums);
    }

    #[inline(always)]
    fn splat(self, code: i16) -> __m512i {
        self.avx512f._mm512_set1_epi16(code)
    }

    #[inline(always)]
    fn pairs(self, from: &[u32; COLUMNS]) -> __m512i {
        pulp::cast(*from)
    }

    #[inline(always)]
    fn upper(self, even: __m512i, odd: __m512i) -> __m512i {
        /// Word 1, 3, … of the first and of the second, in turn.
        const UPPER: [u16; 2 * COLUMNS] = {
            let mut upper = [0; 2 * COLUMNS];
            let mut at = 0;
            while at < 2 * COLUMNS {
                upper[at] = (at as u16 | 1) + 32 * (at as u16 % 2);
                at += 1;
            }
            upper
        };
        self.avx512bw._mm512_permutex2var_epi16(even, pulp::cast(UPPER), odd)
    }

    #[inline(always)]
    fn clamp(self, codes: __m512i, low: __m512i, high: __m512i) -> __m512i {
        self.avx512bw._mm512_min_epi16(self.avx512bw._mm512_max_epi16(codes, low), high)
    }

    #[inline(always)]
    fn double_add(self, a: __m512i, b: __m512i) -> __m512i {
        self.avx512bw._mm512_add_epi16(self.avx512bw._mm512_add_epi16(a, a), b)
    }

    #[inline(always)]
    fn negate(self, codes: __m512i) -> __m512i {
        self.avx512bw._mm512_sub_epi16(self.avx512f._mm512_setzero_si512(), codes)
    }

    #[inline(always)]
    fn count_greater(self, counts: __m512i, a: __m512i, b: __m512i) -> __m512i {
        let greater = self.avx512bw._mm512_cmpgt_epi16_mask(a, b);
        let one = self.avx512f._mm512_set1_epi16(1);
        self.avx512bw._mm512_mask_add_epi16(counts, greater, counts, one)
    }

    #[inline(always)]
    fn weigh(self, codes: __m512i, weights: __m512i) -> __m512i {
        self.avx512bw._mm512_madd_epi16(codes, weights)
    }

    #[inline(always)]
    fn total(self, counts: __m512i) -> u64 {
        Portable.total(pulp::cast(counts))
    }
}
