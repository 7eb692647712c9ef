//! The integer kernel: what ideal cells and a lossless ADC come to.
//!
//! Where every contribution is a whole number of LSBs and no sum can leave the ADC's range, a code is the sum itself,
//! and everything from word lines to results is linear: one row adds its input times a whole number to
//! each column. Planes that are not run add nothing or repeat a sign, so that skipping changes no result either.

#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256i, __m512i};
use std::ops::Range;

use pulp::Arch;

use super::block::{Block, Grid, Words};
use super::table::TILE;
use super::{Quantizer, Summands};
use crate::fixed::{FRACTION_BITS, ONE};
use crate::simd::Level;

/// What two rows add to 32 columns per unit of their inputs, that of the first row in the lower half of a word.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Pair([u32; TILE]);

/// The whole numbers of one block.
#[derive(Debug, Clone)]
pub(crate) struct Integers {
    columns: usize,
    /// Pairs of rows.
    pairs: usize,
    /// `[tile][pair of rows]`.
    weights: Vec<Pair>,
    /// What all rows together add per unit, `[tile]`.
    sums: Vec<[i32; TILE]>,
    /// What all rows together add to a column per unit at most.
    magnitude: i64,
}

/// The inputs of a batch to one block, in pairs of 16-bit words.
#[derive(Debug, Clone, Default)]
pub(crate) struct InputPairs {
    /// `[vector][pair of rows]`, the first of both in the lower half.
    words: Vec<u32>,
    /// What was taken from every input, so that it fits a word.
    taken: i32,
}

impl InputPairs {
    /// Takes `rows` of each vector of `inputs` elements, unsigned ones of 16 bits or not, for a block of `block_rows`.
    pub(crate) fn take<T: Copy + Into<i32>>(
        &mut self,
        level: Level,
        (x, inputs): (&[T], usize),
        rows: Range<usize>,
        block_rows: usize,
        is_wide: bool,
    ) {
        self.taken = if is_wide { 1 << 15 } else { 0 };
        let (taken, pairs) = (self.taken, block_rows.div_ceil(2));
        // Rows without an input are not driven.
        let none = (-taken) as u16;
        self.words.clear();
        self.words.resize(x.len() / inputs * pairs, u32::from(none) << 16 | u32::from(none));
        let word = |x: T| (x.into() - taken) as u16;
        level.run(
            #[inline(always)]
            || {
                for (words, x) in self.words.chunks_exact_mut(pairs).zip(x.chunks_exact(inputs)) {
                    let (twos, rest) = x[rows.clone()].as_chunks::<2>();
                    for (to, &[first, second]) in words.iter_mut().zip(twos) {
                        *to = u32::from(word(second)) << 16 | u32::from(word(first));
                    }
                    if let (Some(to), Some(&last)) = (words.get_mut(twos.len()), rest.first()) {
                        *to = u32::from(none) << 16 | u32::from(word(last));
                    }
                }
            },
        );
    }
}

impl Integers {
    /// Whether a block comes to whole numbers of 16 bits: without noise, ideal ADCs, contributions whole numbers of LSBs, sums
    /// that never leave the range, a baseline that is linear.
    pub(crate) fn stand_for(block: &Block) -> bool {
        Rows::of(block).is_some_and(|rows| {
            (0..block.groups()).all(|group| rows.is_lossless(group))
                && (0..block.groups() * block.group_rows()).all(|row| {
                    (0..block.columns()).all(|column| i16::try_from(rows.weight(row, column)).is_ok())
                })
        })
    }

    /// Bytes that the whole numbers of a block take.
    pub(crate) fn bytes_of(block: &Block) -> usize {
        let pairs = (block.groups() * block.group_rows()).div_ceil(2);
        block.columns().div_ceil(TILE) * (pairs * size_of::<Pair>() + size_of::<[i32; TILE]>())
    }

    /// The whole numbers of a block that they [stand for](Self::stand_for).
    pub(crate) fn new(block: &Block) -> Option<Integers> {
        let rows = Rows::of(block)?;
        let count = block.groups() * block.group_rows();
        let (pairs, tiles) = (count.div_ceil(2), block.columns().div_ceil(TILE));
        let mut weights = vec![Pair([0; TILE]); tiles * pairs];
        let mut sums = vec![[0; TILE]; tiles];
        let mut magnitudes = vec![0; block.columns()];
        for (tile, (weights, sums)) in weights.chunks_exact_mut(pairs).zip(&mut sums).enumerate() {
            for row in 0..count {
                for column in tile * TILE..block.columns().min((tile + 1) * TILE) {
                    let weight = rows.weight(row, column);
                    weights[row / 2].0[column % TILE] |= u32::from(weight as u16) << (16 * (row % 2));
                    sums[column % TILE] += weight as i32;
                    magnitudes[column] += weight.abs();
                }
            }
        }
        let magnitude = magnitudes.into_iter().fold(0, i64::max);
        Some(Integers { columns: block.columns(), pairs, weights, sums, magnitude })
    }

    /// What no result exceeds, in codes, whose planes count `places` together.
    pub(crate) fn bound(&self, places: i64) -> i64 {
        self.magnitude.saturating_mul(places)
    }

    /// Columns of the block.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Adds the results of all vectors to the columns of one tile: 32 words, `stride` apart from vector to vector;
    /// `first` puts them there instead.
    pub(crate) fn add(
        &self,
        level: Level,
        tile: usize,
        inputs: &InputPairs,
        (sums, stride): (&mut [i32], usize),
        first: bool,
    ) {
        let weights = &self.weights[tile * self.pairs..][..self.pairs];
        let base = self.sums[tile].map(|sum| sum.wrapping_mul(inputs.taken));
        let target = Target { base: &base, first, stride, sums };
        match level.arch() {
            #[cfg(target_arch = "x86_64")]
            Arch::V4(lanes) => lanes.vectorize(
                #[inline(always)]
                || run(lanes, weights, &inputs.words, target),
            ),
            #[cfg(target_arch = "x86_64")]
            Arch::V3(lanes) => lanes.vectorize(
                #[inline(always)]
                || run(lanes, weights, &inputs.words, target),
            ),
            _ => run(Portable, weights, &inputs.words, target),
        }
    }
}

/// A block whose contributions are whole numbers of LSBs.
struct Rows<'a> {
    block: &'a Block,
    grid: &'a Grid<i32>,
    codes: [i64; 2],
}

impl<'a> Rows<'a> {
    fn of(block: &'a Block) -> Option<Self> {
        let Words::Narrow(grid) = block.words() else { return None };
        let Quantizer::Codes { low, high } = block.quantizer() else { return None };
        let baseline = block.baseline();
        let per_row = baseline.get(1).copied().unwrap_or(0);
        let is_whole = !block.is_noisy()
            && block.has_ideal_adcs()
            && block.summands() == Summands::Rows
            && (block.unit() == 1 || !block.has_correction())
            && grid.contributions.iter().all(|contribution| i64::from(*contribution) % ONE == 0)
            && baseline.iter().enumerate().all(|(n, &baseline)| baseline == per_row * n as i64);
        is_whole.then_some(Rows { block, grid, codes: [low, high] })
    }

    fn contribution(&self, row: usize, lane: usize, column: usize) -> i64 {
        let at = row * self.block.stride() + lane * self.block.columns() + column;
        i64::from(self.grid.contributions[at]) >> FRACTION_BITS
    }

    /// Whether no sum of a group leaves the range, whatever drives it.
    fn is_lossless(&self, group: usize) -> bool {
        let (block, rows) = (self.block, self.block.group_rows());
        let conversions =
            (0..block.lanes()).flat_map(|lane| (0..block.columns()).map(move |column| (lane, column)));
        conversions.into_iter().all(|(lane, column)| {
            let [mut least, mut most] = [0; 2];
            for row in group * rows..(group + 1) * rows {
                let code = self.contribution(row, lane, column) * i64::from(block.max_digit());
                (least, most) = (least + code.min(0), most + code.max(0));
            }
            least >= self.codes[0] && most <= self.codes[1]
        })
    }

    /// What a row adds to a column per unit of its input.
    fn weight(&self, row: usize, column: usize) -> i64 {
        let (block, group) = (self.block, row / self.block.group_rows());
        let of_lane = |lane: usize| {
            let code = self.contribution(row, lane, column) << block.shift(lane);
            if block.is_negative(group, lane, column) { -code } else { code }
        };
        (0..block.lanes()).map(of_lane).sum::<i64>() + block.correction(group, column, 1)
    }
}

/// The sums of 32 columns, of one vector after another.
struct Target<'a> {
    base: &'a [i32; TILE],
    /// Whether they begin at the base, else there.
    first: bool,
    /// Words between the columns of two vectors.
    stride: usize,
    sums: &'a mut [i32],
}

/// Vectors whose sums are in registers together.
const TOGETHER: usize = 4;

#[inline(always)]
fn run<L: Lanes>(
    lanes: L,
    weights: &[Pair],
    inputs: &[u32],
    Target { base, first, stride, sums }: Target<'_>,
) {
    let vectors = inputs.chunks(weights.len() * TOGETHER).zip(sums.chunks_mut(stride * TOGETHER));
    for (inputs, sums) in vectors {
        if inputs.len() == weights.len() * TOGETHER {
            products::<_, TOGETHER>(lanes, weights, inputs, Target { base, first, stride, sums });
        } else {
            for (inputs, sums) in inputs.chunks_exact(weights.len()).zip(sums.chunks_mut(stride)) {
                products::<_, 1>(lanes, weights, inputs, Target { base, first, stride, sums });
            }
        }
    }
}

/// The products of `N` vectors.
#[inline(always)]
fn products<L: Lanes, const N: usize>(
    lanes: L,
    weights: &[Pair],
    inputs: &[u32],
    Target { base, first, stride, sums }: Target<'_>,
) {
    let mut totals = [lanes.load(base); N];
    let mut vectors = [&inputs[..0]; N];
    for (vector, inputs) in vectors.iter_mut().zip(inputs.chunks_exact(weights.len())) {
        *vector = inputs;
    }
    for (pair, weights) in weights.iter().enumerate() {
        for vector in 0..N {
            totals[vector] = lanes.add_products(totals[vector], &weights.0, vectors[vector][pair]);
        }
    }
    for (total, sums) in totals.into_iter().zip(sums.chunks_mut(stride)) {
        let Some(columns) = sums.first_chunk_mut::<TILE>() else { return };
        let total = if first { total } else { lanes.add(total, lanes.load(columns)) };
        lanes.store(total, columns);
    }
}

/// What the products need of a CPU: 32 sums of 32 bits.
trait Lanes: Copy {
    type Sums: Copy;

    fn load(self, from: &[i32; TILE]) -> Self::Sums;

    fn add(self, a: Self::Sums, b: Self::Sums) -> Self::Sums;

    /// Adds both products of the halves of each word and of `inputs`.
    fn add_products(self, sums: Self::Sums, weights: &[u32; TILE], inputs: u32) -> Self::Sums;

    fn store(self, sums: Self::Sums, to: &mut [i32; TILE]);
}

/// Plain loops, for the compiler to vectorise.
#[derive(Clone, Copy)]
struct Portable;

impl Lanes for Portable {
    type Sums = [i32; TILE];

    #[inline(always)]
    fn load(self, from: &[i32; TILE]) -> [i32; TILE] {
        *from
    }

    #[inline(always)]
    fn add(self, mut a: [i32; TILE], b: [i32; TILE]) -> [i32; TILE] {
        a.iter_mut().zip(b).for_each(|(a, b)| *a = a.wrapping_add(b));
        a
    }

    #[inline(always)]
    fn add_products(self, mut sums: [i32; TILE], weights: &[u32; TILE], inputs: u32) -> [i32; TILE] {
        let halves = |word: u32| [i32::from(word as i16), i32::from((word >> 16) as i16)];
        let [first, second] = halves(inputs);
        for (sum, &weights) in sums.iter_mut().zip(weights) {
            let [of_first, of_second] = halves(weights);
            *sum = sum.wrapping_add(of_first * first).wrapping_add(of_second * second);
        }
        sums
    }

    #[inline(always)]
    fn store(self, sums: [i32; TILE], to: &mut [i32; TILE]) {
        *to = sums;
    }
}

#[cfg(target_arch = "x86_64")]
impl Lanes for V3 {
    type Sums = [__m256i; 4];

    #[inline(always)]
    fn load(self, from: &[i32; TILE]) -> [__m256i; 4] {
        pulp::cast(*from)
    }

    #[inline(always)]
    fn add(self, mut a: [__m256i; 4], b: [__m256i; 4]) -> [__m256i; 4] {
        for (a, b) in a.iter_mut().zip(b) {
            *a = self.avx2._mm256_add_epi32(*a, b);
        }
        a
    }

    #[inline(always)]
    fn add_products(self, sums: [__m256i; 4], weights: &[u32; TILE], inputs: u32) -> [__m256i; 4] {
        let inputs = self.avx._mm256_set1_epi32(inputs as i32);
        let mut products: [__m256i; 4] = pulp::cast(*weights);
        for product in &mut products {
            *product = self.avx2._mm256_madd_epi16(*product, inputs);
        }
        self.add(sums, products)
    }

    #[inline(always)]
    fn store(self, sums: [__m256i; 4], to: &mut [i32; TILE]) {
        *to = pulp::cast(sums);
    }
}

#[cfg(target_arch = "x86_64")]
impl Lanes for V4 {
    type Sums = [__m512i; 2];

    #[inline(always)]
    fn load(self, from: &[i32; TILE]) -> [__m512i; 2] {
        pulp::cast(*from)
    }

    #[inline(always)]
    fn add(self, [a, b]: [__m512i; 2], [c, d]: [__m512i; 2]) -> [__m512i; 2] {
        [self.avx512f._mm512_add_epi32(a, c), self.avx512f._mm512_add_epi32(b, d)]
    }

    #[inline(always)]
    fn add_products(self, sums: [__m512i; 2], weights: &[u32; TILE], inputs: u32) -> [__m512i; 2] {
        let inputs = self.avx512f._mm512_set1_epi32(inputs as i32);
        let [a, b]: [__m512i; 2] = pulp::cast(*weights);
        let products =
            [self.avx512bw._mm512_madd_epi16(a, inputs), self.avx512bw._mm512_madd_epi16(b, inputs)];
        self.add(sums, products)
    }

    #[inline(always)]
    fn store(self, sums: [__m512i; 2], to: &mut [i32; TILE]) {
        *to = pulp::cast(sums);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{BlockAdcs, BlockParts, Contributions};

    /// One group of three rows that add 1, 2 and 3 codes.
    fn block(baseline: Vec<i64>) -> Block {
        Block::new(BlockParts {
            group_rows: 3,
            groups: 1,
            lanes: 1,
            columns: 1,
            max_digit: 1,
            max_places: 255,
            contributions: Contributions::from(vec![ONE, 2 * ONE, 3 * ONE]),
            summands: Summands::Rows,
            quantizer: Quantizer::Codes { low: 0, high: 6 },
            adcs: BlockAdcs::default(),
            unit: 1,
            shift: vec![0],
            negative: vec![false],
            digit_sum: vec![0],
            baseline,
            noise: None,
            slow: None,
            energy: vec![0; 3],
        })
        .unwrap()
    }

    #[test]
    fn a_baseline_counts_with_the_rows_only_where_it_is_linear() {
        let linear = block(vec![0, 2, 4, 6]);
        assert!(Integers::stand_for(&linear));
        let integers = Integers::new(&linear).unwrap();
        assert_eq!(integers.sums[0][0], 1 + 2 + 3 - 6);
        for baseline in [vec![0, 2, 4, 5], vec![1, 2, 3, 4]] {
            assert!(!Integers::stand_for(&block(baseline)));
        }
    }
}
