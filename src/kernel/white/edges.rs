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
    /// The code below the first edge.
    least: i32,
    /// Steps of each ADC, from one below all edges to the last edge.
    steps: Range<i32>,
    /// Edges that no sum of a step is below, `[ADC][step]`.
    passed: Vec<u32>,
    /// Most edges further up in a step.
    within: usize,
    /// Where the codes `low..=high + 1` begin, and as many as are `within` a step beyond any sum: `[ADC][code]`.
    edges: Vec<i32>,
    /// The ADC of each conversion of a pattern, `[tile][lane]`; the first for columns that there are not, whose sum of 0 it
    /// does not clip, since the outer edges of a die's ADCs lie where they ideally do.
    adcs: Vec<[u32; COLUMNS]>,
}

/// What the edges of all ADCs take.
struct Plan {
    /// The step below the first edge to that of the last.
    steps: Range<i32>,
    /// Most edges of a step, its beginning aside.
    within: usize,
}

impl Plan {
    /// `None` where edges are too far for tables.
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
        let has_words = of_words.contains(&(first - 1)) && of_words.contains(&(last + 1));
        (has_words && last - first < MOST_STEPS)
            .then_some(Plan { steps: first as i32 - 1..last as i32 + 1, within })
    }
}

impl Edges {
    /// Bytes of what is looked up for a block of such rows: 0 for one with codes of one width, or where there is no table.
    pub(super) fn bytes_of(block: &Block, shape: &Shape) -> usize {
        let (adcs, codes) = (block.adcs().each().count(), block.quantizer().edges());
        let Some(plan) = Plan::of(block).filter(|_| adcs > 0) else { return 0 };
        adcs * (plan.steps.len() * size_of::<u32>() + (codes + plan.within) * size_of::<i32>())
            + shape.each() * size_of::<[u32; COLUMNS]>()
    }

    /// `None` where edges are too far for tables.
    pub(super) fn new(block: &Block, shape: &Shape) -> Option<Edges> {
        let Plan { steps, within } = Plan::of(block)?;
        let (mut passed, mut edges) = (Vec::new(), Vec::new());
        for of_adc in block.adcs().each() {
            let beginnings = steps.clone().map(|step| i64::from(step) << STEP_BITS);
            passed.extend(beginnings.map(|sum| of_adc.partition_point(|&edge| edge <= sum) as u32));
            edges.extend(of_adc.iter().map(|&edge| edge as i32));
            edges.extend(std::iter::repeat_n(i32::MAX, within));
        }
        let mut adcs = vec![[0; COLUMNS]; shape.each()];
        for (at, adcs) in adcs.iter_mut().enumerate() {
            let (tile, lane) = (at / shape.lanes(), at % shape.lanes());
            for (adc, column) in adcs.iter_mut().zip(shape.tile(tile)) {
                *adc = block.adcs().adc(lane * block.columns() + column).unwrap_or(0) as u32;
            }
        }
        Some(Edges { least: shape.low - 1, steps, passed, within, edges, adcs })
    }

    /// Codes before clamping of a row of sums below the largest: `least` and one more for every edge that is not above;
    /// so none is further beyond the range than by one.
    #[inline(never)]
    pub(super) fn codes(&self, row: usize, sums: &Sums) -> Sums {
        let (steps, each) = (self.steps.len(), self.each());
        let mut codes = [0; COLUMNS];
        for ((code, &sum), &adc) in codes.iter_mut().zip(sums).zip(&self.adcs[row]) {
            let step = ((sum >> STEP_BITS).max(self.steps.start) - self.steps.start) as usize;
            let passed = self.passed[adc as usize * steps + step.min(steps - 1)] as usize;
            let near = &self.edges[adc as usize * each + passed..][..self.within];
            let reached: i32 = near.iter().map(|&edge| i32::from(edge <= sum)).sum();
            *code = self.least + passed as i32 + reached;
        }
        codes
    }

    /// Where codes of a row begin, ∞ for those beyond the edges.
    pub(super) fn of(&self, row: usize, codes: &Sums) -> [f64; COLUMNS] {
        let mut edges = [f64::INFINITY; COLUMNS];
        for ((edge, code), &adc) in edges.iter_mut().zip(codes).zip(&self.adcs[row]) {
            let at = (code - self.least - 1) as usize;
            if at < self.each() - self.within {
                *edge = self.edges[adc as usize * self.each() + at].into();
            }
        }
        edges
    }

    /// Edges of an ADC, with those beyond any sum.
    fn each(&self) -> usize {
        self.edges.len() / (self.passed.len() / self.steps.len())
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
            let edges = Edges::new(&block, &shape).unwrap();
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
