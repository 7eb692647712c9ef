//! What codes count, in the widest registers a CPU has. The same bits at every level.

#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256i, __m512i};

use crate::key::{Lanes, Portable};

/// Half the columns of a row.
const HALF: usize = super::COLUMNS / 2;

/// Words of 16 bits, the lower halves of words of 32 first.
pub(super) type Words = [i16; 2 * HALF];

/// What weighing codes in a loop needs of a CPU.
pub(super) trait Weigh: Lanes {
    /// What counts words, of fewer than 2¹⁵ rows.
    type Count: Copy + Default;

    /// The upper halves of the first words as lower ones, and of the second as upper ones.
    fn upper(self, first: [i32; HALF], second: [i32; HALF]) -> Words;

    /// The lower code times the lower weight and the upper code times the upper, added, in each word.
    fn weigh(self, codes: Words, weights: Words) -> [i32; HALF];

    /// The first of the rows, one more for each other that words are less than; and whether some equal one. `one` holds
    /// ones, unknown to the compiler, which otherwise adds masks in two instructions each instead of one.
    fn reach<const ROWS: usize>(self, rows: &[Row; ROWS], words: Words, one: Words) -> (Words, bool);

    /// Counts the words of `a` that are less than those of `b`.
    fn count_less(self, count: &mut Self::Count, a: Words, b: Words);

    fn total(self, count: Self::Count) -> u64;
}

/// Words of 32 columns, side by side in one line of the cache.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Row(pub(super) Words);

impl Weigh for Portable {
    type Count = Words;

    #[inline(always)]
    fn upper(self, first: [i32; HALF], second: [i32; HALF]) -> Words {
        let mut words = [0; HALF];
        for at in 0..HALF {
            words[at] = first[at] as u32 >> 16 | second[at] as u32 & 0xffff_0000;
        }
        pulp::cast(words)
    }

    #[inline(always)]
    fn weigh(self, codes: Words, weights: Words) -> [i32; HALF] {
        let [codes, weights]: [[i32; HALF]; 2] = [pulp::cast(codes), pulp::cast(weights)];
        let mut sums = [0; HALF];
        for at in 0..HALF {
            let lower = i32::from(codes[at] as i16) * i32::from(weights[at] as i16);
            sums[at] = lower + (codes[at] >> 16) * (weights[at] >> 16);
        }
        sums
    }

    #[inline(always)]
    fn reach<const ROWS: usize>(self, rows: &[Row; ROWS], words: Words, _: Words) -> (Words, bool) {
        let (mut codes, mut met) = (rows[0].0, [0; 2 * HALF]);
        for Row(thresholds) in &rows[1..] {
            for at in 0..2 * HALF {
                codes[at] += i16::from(words[at] < thresholds[at]);
                met[at] |= i16::from(words[at] == thresholds[at]);
            }
        }
        (codes, met.iter().fold(0, |any, met| any | met) != 0)
    }

    #[inline(always)]
    fn count_less(self, count: &mut Words, a: Words, b: Words) {
        for at in 0..2 * HALF {
            count[at] += i16::from(a[at] < b[at]);
        }
    }

    #[inline(always)]
    fn total(self, count: Words) -> u64 {
        count.iter().map(|&count| count as u64).sum()
    }
}

#[cfg(target_arch = "x86_64")]
impl Weigh for V3 {
    type Count = u32;

    #[inline(always)]
    fn upper(self, first: [i32; HALF], second: [i32; HALF]) -> Words {
        let [first, second]: [[__m256i; 2]; 2] = [pulp::cast(first), pulp::cast(second)];
        let mut words = second;
        for (words, first) in words.iter_mut().zip(first) {
            let first = self.avx2._mm256_srli_epi32::<16>(first);
            *words = self.avx2._mm256_blend_epi16::<0b10101010>(first, *words);
        }
        pulp::cast(words)
    }

    #[inline(always)]
    fn weigh(self, codes: Words, weights: Words) -> [i32; HALF] {
        let [mut sums, weights]: [[__m256i; 2]; 2] = [pulp::cast(codes), pulp::cast(weights)];
        for (sums, weights) in sums.iter_mut().zip(weights) {
            *sums = self.avx2._mm256_madd_epi16(*sums, weights);
        }
        pulp::cast(sums)
    }

    #[inline(always)]
    fn reach<const ROWS: usize>(self, rows: &[Row; ROWS], words: Words, one: Words) -> (Words, bool) {
        // Masks are added in one instruction as it is.
        Portable.reach(rows, words, one)
    }

    #[inline(always)]
    fn count_less(self, bytes: &mut u32, a: Words, b: Words) {
        let [a, b]: [[__m256i; 2]; 2] = [pulp::cast(a), pulp::cast(b)];
        for (a, b) in a.into_iter().zip(b) {
            *bytes += self.avx2._mm256_movemask_epi8(self.avx2._mm256_cmpgt_epi16(b, a)).count_ones();
        }
    }

    #[inline(always)]
    fn total(self, bytes: u32) -> u64 {
        u64::from(bytes / 2)
    }
}

#[cfg(target_arch = "x86_64")]
impl Weigh for V4 {
    type Count = u32;

    #[inline(always)]
    fn upper(self, first: [i32; HALF], second: [i32; HALF]) -> Words {
        let [first, second]: [__m512i; 2] = [pulp::cast(first), pulp::cast(second)];
        let first = self.avx512f._mm512_srli_epi32::<16>(first);
        pulp::cast(self.avx512bw._mm512_mask_blend_epi16(0xaaaa_aaaa, first, second))
    }

    #[inline(always)]
    fn weigh(self, codes: Words, weights: Words) -> [i32; HALF] {
        let [codes, weights]: [__m512i; 2] = [pulp::cast(codes), pulp::cast(weights)];
        pulp::cast(self.avx512bw._mm512_madd_epi16(codes, weights))
    }

    #[inline(always)]
    fn reach<const ROWS: usize>(self, rows: &[Row; ROWS], words: Words, one: Words) -> (Words, bool) {
        let [words, one]: [__m512i; 2] = [pulp::cast(words), pulp::cast(one)];
        let (mut codes, mut met): (__m512i, _) = (pulp::cast(rows[0].0), 0);
        for Row(thresholds) in &rows[1..] {
            let thresholds = pulp::cast(*thresholds);
            let is_less = self.avx512bw._mm512_cmplt_epi16_mask(words, thresholds);
            codes = self.avx512bw._mm512_mask_add_epi16(codes, is_less, codes, one);
            met |= self.avx512bw._mm512_cmpeq_epi16_mask(words, thresholds);
        }
        (pulp::cast(codes), met != 0)
    }

    #[inline(always)]
    fn count_less(self, count: &mut u32, a: Words, b: Words) {
        *count += self.avx512bw._mm512_cmplt_epi16_mask(pulp::cast(a), pulp::cast(b)).count_ones();
    }

    #[inline(always)]
    fn total(self, count: u32) -> u64 {
        count.into()
    }
}
