//! Sums of table rows in the widest registers a CPU has. The same sums at every level.

#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256i, __m512i};

use super::row::{COLUMNS, Row};

/// What the loop over patterns needs of a CPU: 32 columns in 16 bits, and in 32.
pub(super) trait Lanes: Copy {
    /// 32 columns of 16 bits.
    type Words: Copy;
    /// 32 columns of 32 bits.
    type Sums: Copy;

    fn load(self, row: &Row) -> Self::Words;

    fn add(self, a: Self::Words, b: Self::Words) -> Self::Words;

    fn splat(self, word: i16) -> Self::Words;

    /// `−a` where the mask has ones, `a` where it has zeros.
    fn negate(self, a: Self::Words, mask: Self::Words) -> Self::Words;

    fn sums(self, from: &[i32; COLUMNS]) -> Self::Sums;

    fn plus(self, a: Self::Sums, b: Self::Sums) -> Self::Sums;

    /// `sums + low · weights[0] + high · weights[1]`, without a check of overflow.
    fn weigh(self, sums: Self::Sums, low: Self::Words, high: Self::Words, weights: [i16; 2]) -> Self::Sums;

    fn store(self, sums: Self::Sums, to: &mut [i32; COLUMNS]);
}

/// Plain loops, for the compiler to vectorise.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Lanes for Portable {
    type Words = [i16; COLUMNS];
    type Sums = [i32; COLUMNS];

    #[inline(always)]
    fn load(self, row: &Row) -> [i16; COLUMNS] {
        row.0
    }

    #[inline(always)]
    fn add(self, mut a: [i16; COLUMNS], b: [i16; COLUMNS]) -> [i16; COLUMNS] {
        a.iter_mut().zip(b).for_each(|(a, b)| *a = a.wrapping_add(b));
        a
    }

    #[inline(always)]
    fn splat(self, word: i16) -> [i16; COLUMNS] {
        [word; COLUMNS]
    }

    #[inline(always)]
    fn negate(self, mut a: [i16; COLUMNS], mask: [i16; COLUMNS]) -> [i16; COLUMNS] {
        a.iter_mut().zip(mask).for_each(|(a, mask)| *a = (*a ^ mask).wrapping_sub(mask));
        a
    }

    #[inline(always)]
    fn sums(self, from: &[i32; COLUMNS]) -> [i32; COLUMNS] {
        *from
    }

    #[inline(always)]
    fn plus(self, mut a: [i32; COLUMNS], b: [i32; COLUMNS]) -> [i32; COLUMNS] {
        a.iter_mut().zip(b).for_each(|(a, b)| *a = a.wrapping_add(b));
        a
    }

    #[inline(always)]
    fn weigh(
        self,
        mut sums: [i32; COLUMNS],
        low: [i16; COLUMNS],
        high: [i16; COLUMNS],
        weights: [i16; 2],
    ) -> [i32; COLUMNS] {
        let [low_weight, high_weight] = weights.map(i32::from);
        // Columns 4 l to 4 l + 3 of either half lie side by side.
        let (first, second) = sums.split_at_mut(COLUMNS / 2);
        for l in 0..COLUMNS / 8 {
            for i in 0..4 {
                let weighed = |at: usize| i32::from(low[at]) * low_weight + i32::from(high[at]) * high_weight;
                first[4 * l + i] = first[4 * l + i].wrapping_add(weighed(8 * l + i));
                second[4 * l + i] = second[4 * l + i].wrapping_add(weighed(8 * l + 4 + i));
            }
        }
        sums
    }

    #[inline(always)]
    fn store(self, sums: [i32; COLUMNS], to: &mut [i32; COLUMNS]) {
        *to = sums;
    }
}

#[cfg(target_arch = "x86_64")]
impl Lanes for V3 {
    type Words = [__m256i; 2];
    /// Columns 0, 16, 8 and 24 on.
    type Sums = [__m256i; 4];

    #[inline(always)]
    fn load(self, row: &Row) -> [__m256i; 2] {
        pulp::cast(row.0)
    }

    #[inline(always)]
    fn add(self, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
        [self.avx2._mm256_add_epi16(a[0], b[0]), self.avx2._mm256_add_epi16(a[1], b[1])]
    }

    #[inline(always)]
    fn splat(self, word: i16) -> [__m256i; 2] {
        [self.avx._mm256_set1_epi16(word); 2]
    }

    #[inline(always)]
    fn negate(self, a: [__m256i; 2], mask: [__m256i; 2]) -> [__m256i; 2] {
        let negate = |a, mask| self.avx2._mm256_sub_epi16(self.avx2._mm256_xor_si256(a, mask), mask);
        [negate(a[0], mask[0]), negate(a[1], mask[1])]
    }

    #[inline(always)]
    fn sums(self, from: &[i32; COLUMNS]) -> [__m256i; 4] {
        let [a, b, c, d]: [__m256i; 4] = pulp::cast(*from);
        [a, c, b, d]
    }

    #[inline(always)]
    fn plus(self, a: [__m256i; 4], b: [__m256i; 4]) -> [__m256i; 4] {
        std::array::from_fn(
            #[inline(always)]
            |i| self.avx2._mm256_add_epi32(a[i], b[i]),
        )
    }

    #[inline(always)]
    fn weigh(
        self,
        sums: [__m256i; 4],
        low: [__m256i; 2],
        high: [__m256i; 2],
        weights: [i16; 2],
    ) -> [__m256i; 4] {
        let weights = self.avx._mm256_set1_epi32(pulp::cast(weights));
        let weigh = |pairs| self.avx2._mm256_madd_epi16(pairs, weights);
        let pairs = [
            self.avx2._mm256_unpacklo_epi16(low[0], high[0]),
            self.avx2._mm256_unpackhi_epi16(low[0], high[0]),
            self.avx2._mm256_unpacklo_epi16(low[1], high[1]),
            self.avx2._mm256_unpackhi_epi16(low[1], high[1]),
        ];
        std::array::from_fn(
            #[inline(always)]
            |i| self.avx2._mm256_add_epi32(sums[i], weigh(pairs[i])),
        )
    }

    #[inline(always)]
    fn store(self, [a, c, b, d]: [__m256i; 4], to: &mut [i32; COLUMNS]) {
        *to = pulp::cast([a, b, c, d]);
    }
}

#[cfg(target_arch = "x86_64")]
impl Lanes for V4 {
    type Words = __m512i;
    type Sums = [__m512i; 2];

    #[inline(always)]
    fn load(self, row: &Row) -> __m512i {
        pulp::cast(row.0)
    }

    #[inline(always)]
    fn add(self, a: __m512i, b: __m512i) -> __m512i {
        self.avx512bw._mm512_add_epi16(a, b)
    }

    #[inline(always)]
    fn splat(self, word: i16) -> __m512i {
        self.avx512f._mm512_set1_epi16(word)
    }

    #[inline(always)]
    fn negate(self, a: __m512i, mask: __m512i) -> __m512i {
        self.avx512bw._mm512_sub_epi16(self.avx512f._mm512_xor_si512(a, mask), mask)
    }

    #[inline(always)]
    fn sums(self, from: &[i32; COLUMNS]) -> [__m512i; 2] {
        pulp::cast(*from)
    }

    #[inline(always)]
    fn plus(self, a: [__m512i; 2], b: [__m512i; 2]) -> [__m512i; 2] {
        [self.avx512f._mm512_add_epi32(a[0], b[0]), self.avx512f._mm512_add_epi32(a[1], b[1])]
    }

    #[inline(always)]
    fn weigh(self, sums: [__m512i; 2], low: __m512i, high: __m512i, weights: [i16; 2]) -> [__m512i; 2] {
        let weights = self.avx512f._mm512_set1_epi32(pulp::cast(weights));
        let first = self.avx512bw._mm512_unpacklo_epi16(low, high);
        let second = self.avx512bw._mm512_unpackhi_epi16(low, high);
        [
            self.avx512f._mm512_add_epi32(sums[0], self.avx512bw._mm512_madd_epi16(first, weights)),
            self.avx512f._mm512_add_epi32(sums[1], self.avx512bw._mm512_madd_epi16(second, weights)),
        ]
    }

    #[inline(always)]
    fn store(self, sums: [__m512i; 2], to: &mut [i32; COLUMNS]) {
        *to = pulp::cast(sums);
    }
}
