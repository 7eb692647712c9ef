//! Codes of different widths: few comparisons with the edges that lie near a sum.

use std::ops::Range;

use super::build::Sums;
use super::{COLUMNS, Shape};
use crate::fixed::FRACTION_BITS;
use crate::kernel::Block;

/// Most steps that the edges of an ADC are looked up by: twice what 65,536 codes of one LSB take.
const MOST_STEPS: i64 = 1 << 18;

/// Sums are looked up in steps of half an LSB: few of them have more than one edge in them.
const STEP_BITS: u32 = FRACTION_BITS - 1;

/// Where codes of a block begin, for ADCs that have codes of other widths than one LSB.
#[derive(Debug, Clone)]
pub(super) struct Edges {
    /// Steps of each ADC, from one below all edges to that of the last.
    steps: Range<i32>,
    /// Most edges in a step, its beginning aside.
    within: usize,
    /// The code at the beginning of a step, and the next edges above, as many as are `within` one: `[ADC][step]`.
    entries: Vec<i32>,
    /// The first entry of the ADC of each conversion of a pattern, `[tile][lane]`; the first for columns that there are not,
    /// whose sum of 0 it does not clip, since the outer edges of a die's ADCs lie where they ideally do.
    first: Vec<[u32; COLUMNS]>,
}

/// What the edges of all ADCs take.
struct Plan {
    /// The step below the first edge to that of the last.
    steps: Range<i32>,
    /// Most edges of a step, its beginning aside.
    within: usize,
}

impl Plan {
    /// `None` without edges, and where they are too far for tables.
    fn of(block: &Block) -> Option<Plan> {
        let (mut first, mut last, mut within) = (i64::MAX, i64::MIN, 0);
        for edges in block.adcs().each() {
            let step = |edge: i64| edge >> STEP_BITS;
            first = first.min(step(*edges.first()?));
            last = last.max(step(*edges.last()?));
            for edges in edges.chunk_by(|&a, &b| step(a) == step(b)) {
                let beginning = step(edges[0]) << STEP_BITS;
                within = within.max(edges.iter().filter(|&&edge| edge > beginning).count());
            }
        }
        // What words of 32 bits hold.
        let of_words = i64::from(i32::MIN >> STEP_BITS)..=i64::from(i32::MAX >> STEP_BITS);
        let is_near = first <= last && of_words.contains(&(first - 1)) && of_words.contains(&(last + 1));
        (is_near && last - first < MOST_STEPS)
            .then(|| Plan { steps: first as i32 - 1..last as i32 + 1, within })
    }
}

impl Edges {
    /// Bytes of what is looked up for a block of such rows, 0 for one that has none of it.
    pub(super) fn bytes_of(block: &Block, shape: &Shape) -> usize {
        let Some(plan) = Plan::of(block) else { return 0 };
        let entries = block.adcs().each().count() * plan.steps.len() * (1 + plan.within);
        entries * size_of::<i32>() + shape.each() * size_of::<[u32; COLUMNS]>()
    }

    /// `None` where edges are too far for tables, no edges where all codes are of one width.
    pub(super) fn new(block: &Block, shape: &Shape) -> Option<Option<Edges>> {
        if block.adcs().are_even() {
            return Some(None);
        }
        let Plan { steps, within } = Plan::of(block)?;
        let of_adc = steps.len() * (1 + within);
        let mut entries = Vec::with_capacity(block.adcs().each().count() * of_adc);
        for edges in block.adcs().each() {
            for step in steps.clone() {
                let passed = edges.partition_point(|&edge| edge <= i64::from(step) << STEP_BITS);
                entries.push(shape.low - 1 + passed as i32);
                // Words hold the edges of steps that they hold; no sum is as large as the largest.
                let above = edges[passed..].iter().map(|&edge| edge as i32);
                entries.extend(above.chain(std::iter::repeat(i32::MAX)).take(within));
            }
        }
        let mut first = vec![[0; COLUMNS]; shape.each()];
        for (at, first) in first.iter_mut().enumerate() {
            let (tile, lane) = (at / shape.lanes(), at % shape.lanes());
            for (first, column) in first.iter_mut().zip(shape.tile(tile)) {
                let adc = block.adcs().adc(lane * block.columns() + column);
                *first = (adc.unwrap_or(0) * of_adc) as u32;
            }
        }
        Some(Some(Edges { steps, within, entries, first }))
    }

    /// Codes before clamping of a row of sums below the largest, none further beyond the range than by one.
    #[inline(never)]
    pub(super) fn codes(&self, row: usize, sums: &Sums) -> Sums {
        let (mut codes, mut entries) = ([0; COLUMNS], [0; COLUMNS]);
        let first = &self.first[row];
        for at in 0..COLUMNS {
            let step = (sums[at] >> STEP_BITS).max(self.steps.start).min(self.steps.end - 1);
            entries[at] = first[at] as usize + (step - self.steps.start) as usize * (1 + self.within);
            codes[at] = self.entries[entries[at]];
        }
        for further in 1..=self.within {
            for at in 0..COLUMNS {
                codes[at] += i32::from(self.entries[entries[at] + further] <= sums[at]);
            }
        }
        codes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::ONE;
    use crate::kernel::{BlockAdcs, BlockParts, Contributions, Quantizer, Summands};

    /// Two lanes of 40 columns of three ADCs of the codes −3…12.
    fn block(displacement: Vec<i64>) -> Block {
        Block::new(BlockParts {
            group_rows: 1,
            groups: 1,
            lanes: 2,
            columns: 40,
            max_digit: 1,
            max_places: 1,
            contributions: Contributions::Wide(vec![0; 80]),
            summands: Summands::Rows,
            quantizer: Quantizer::Codes { low: -3, high: 12 },
            adcs: BlockAdcs {
                offset: Vec::new(),
                displacement,
                of_conversion: (0..80).map(|conversion| conversion * 7 % 3).collect(),
            },
            unit: 1,
            shift: vec![0, 2],
            negative: vec![false; 80],
            digit_sum: vec![0; 40],
            baseline: Vec::new(),
            noise: None,
            slow: None,
            energy: vec![0],
        })
        .unwrap()
    }

    /// Edges of three ADCs, the first displaced by `first`, with widths that go round, each ADC's from another on.
    fn displacement(first: i64, widths: &[i64]) -> Vec<i64> {
        let of_adc = |adc: usize| {
            let widths = widths.iter().cycle().skip(adc).take(17);
            widths.scan(first, |next, width| Some(std::mem::replace(next, *next + width - ONE)))
        };
        (0..3).flat_map(of_adc).collect()
    }

    #[test]
    fn codes_are_those_of_the_reference_near_every_edge_and_far_from_all() {
        for (first, widths) in [
            (0, &[ONE][..]),
            (-1, &[ONE, 2 * ONE, 0, ONE / 3]),
            (ONE / 2, &[0]),
            (12_345, &[1, 1, 1, 5 * ONE]),
            (-9 * ONE, &[ONE / 2, ONE / 2 - 1, 3 * ONE + 1]),
            (1000 * ONE, &[ONE - 1, 7, 0, 0, 0, 0, 4000 * ONE]),
        ] {
            let block = block(displacement(first, widths));
            let shape = Shape::of(&block).unwrap();
            let edges = Edges::new(&block, &shape).unwrap().unwrap();
            let near = block.adcs().each().flatten().flat_map(|&edge| edge - 1..=edge + 1);
            let far = [i32::MIN.into(), -20 * ONE, 0, 20 * ONE, i64::from(i32::MAX) - 1];
            for sum in near.chain(far) {
                for row in 0..shape.each() {
                    let codes = edges.codes(row, &[sum as i32; COLUMNS]);
                    let (tile, lane) = (row / shape.lanes(), row % shape.lanes());
                    for (column, code) in shape.tile(tile).zip(codes) {
                        let expected = block.unclamped(lane, column, sum).clamp(-4, 13);
                        assert_eq!(i64::from(code), expected, "{widths:?} {first}: {sum}, {lane}, {column}");
                    }
                }
            }
        }
    }

    #[test]
    fn edges_that_words_do_not_reach_have_no_table() {
        for first in [-32_767 * ONE, 32_767 * ONE, 1 << 40, -1 << 40] {
            let block = block(displacement(first, &[ONE]));
            let shape = Shape::of(&block).unwrap();
            assert!(Edges::new(&block, &shape).is_none(), "{first}");
            assert_eq!(Edges::bytes_of(&block, &shape), 0);
        }
    }
}
