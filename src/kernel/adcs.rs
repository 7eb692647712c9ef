//! What sets the ADCs of a block apart from the ideal one, on the grid.

use super::Quantizer;
use super::parts::check_optional;
use crate::error::{Result, check_divides, check_integer, check_length};
use crate::fixed::{HALF, ONE, round};

/// Largest displacement of an edge, in grid units.
const MAX_DISPLACEMENT: i64 = 1 << 40;

/// ADCs that are not ideal, in grid units. Tables that are empty stand for ideal ones.
///
/// ```text
/// code = clamp(low − 1 + #{c in low..=high + 1 : sum + offset ≥ c·2¹⁶ − 2¹⁵ + displacement[adc][c]}, low, high)
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BlockAdcs {
    /// Added to each sum before it is converted, `[lane][column]`.
    pub offset: Vec<i64>,
    /// How far the edges of the codes `low..=high + 1` lie above their places, `[ADC][code]`. No code may have a
    /// width below 0.
    pub displacement: Vec<i64>,
    /// The ADC of each conversion, `[lane][column]`; empty without displacements.
    pub of_conversion: Vec<u32>,
}

impl BlockAdcs {
    pub(super) fn check(&self, quantizer: Quantizer, conversions: usize) -> Result<()> {
        check_optional("ADC offsets", conversions, self.offset.len())?;
        for &offset in &self.offset {
            check_integer("ADC offset (2⁻¹⁶ LSB)", offset, -MAX_DISPLACEMENT, MAX_DISPLACEMENT)?;
        }
        let edges = quantizer.edges();
        if self.displacement.is_empty() || edges == 0 {
            check_length("displacements of edges without codes", 0, self.displacement.len())?;
            return check_length("ADCs of conversions without displacements", 0, self.of_conversion.len());
        }
        check_divides(("edges of an ADC", edges), ("displacements of code edges", self.displacement.len()))?;
        check_length("ADCs of conversions", conversions, self.of_conversion.len())?;
        let adcs = self.displacement.len() / edges;
        for &adc in &self.of_conversion {
            check_integer("ADC of a conversion", adc, 0, adcs as i64 - 1)?;
        }
        for displacement in self.displacement.chunks_exact(edges) {
            for &edge in displacement {
                let name = "displacement of a code edge (2⁻¹⁶ LSB)";
                check_integer(name, edge, -MAX_DISPLACEMENT, MAX_DISPLACEMENT)?;
            }
            for edges in displacement.windows(2) {
                check_integer("width of a code (2⁻¹⁶ LSB)", ONE + edges[1] - edges[0], 0, i64::MAX)?;
            }
        }
        Ok(())
    }

    /// The largest magnitude of an offset.
    pub(super) fn max_offset(&self) -> i128 {
        self.offset.iter().map(|offset| i128::from(*offset).abs()).max().unwrap_or(0)
    }
}

/// A block's ADCs, compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Adcs {
    quantizer: Quantizer,
    /// `[lane][column]`, empty for none.
    pub(super) offset: Vec<i64>,
    of_conversion: Vec<u32>,
    /// Where the codes `low..=high + 1` begin, `[ADC][code]`.
    edges: Vec<i64>,
}

impl Adcs {
    /// Takes parts that have been checked.
    pub(super) fn new(parts: BlockAdcs, quantizer: Quantizer) -> Self {
        let BlockAdcs { offset, displacement: mut edges, of_conversion } = parts;
        if let Quantizer::Codes { low, .. } = quantizer {
            for edges in edges.chunks_exact_mut(quantizer.edges()) {
                (low..).zip(edges).for_each(|(code, edge)| *edge += ideal_edge(code));
            }
        }
        Adcs { quantizer, offset, of_conversion, edges }
    }

    pub(super) fn are_ideal(&self) -> bool {
        self.offset.is_empty() && self.are_even()
    }

    /// Whether codes of all ADCs begin where they ideally do.
    pub(super) fn are_even(&self) -> bool {
        self.edges.is_empty()
    }

    /// What is added to the sum of a conversion.
    pub(super) fn offset(&self, conversion: usize) -> i64 {
        self.offset.get(conversion).copied().unwrap_or(0)
    }

    /// The largest magnitude of an offset.
    pub(super) fn max_offset(&self) -> i64 {
        self.offset.iter().map(|offset| offset.abs()).max().unwrap_or(0)
    }

    /// By how much more edges of any ADC may lie closer to each other than they ideally do.
    pub(super) fn spread(&self) -> i64 {
        let Quantizer::Codes { low, .. } = self.quantizer else { return 0 };
        let of_adc = |edges: &[i64]| {
            let displacements = || (low..).zip(edges).map(|(code, edge)| edge - ideal_edge(code));
            displacements().max().unwrap_or(0) - displacements().min().unwrap_or(0)
        };
        self.each().map(of_adc).max().unwrap_or(0)
    }

    /// Where the codes `low..=high + 1` of a conversion begin, offset aside; `None` where ideally.
    pub(super) fn edges(&self, conversion: usize) -> Option<&[i64]> {
        let adc = self.adc(conversion)?;
        self.each().nth(adc)
    }

    /// The ADC of a conversion among [`each`](Self::each); `None` where codes begin where they ideally do.
    pub(super) fn adc(&self, conversion: usize) -> Option<usize> {
        self.of_conversion.get(conversion).map(|&adc| adc as usize)
    }

    /// Where codes begin, ADC by ADC; none where all begin where they ideally do.
    pub(super) fn each(&self) -> impl Iterator<Item = &[i64]> {
        self.edges.chunks_exact(self.quantizer.edges().max(1))
    }

    /// The code of a sum before clamping.
    pub(super) fn unclamped(&self, conversion: usize, sum: i64) -> i64 {
        let sum = sum + self.offset(conversion);
        match (self.edges(conversion), self.quantizer) {
            (Some(edges), Quantizer::Codes { low, high }) => {
                let below = edges.partition_point(|&edge| edge <= sum);
                let code = low - 1 + below as i64;
                // Beyond the outer edges codes follow each other as they ideally do.
                if below == 0 {
                    round(sum).min(code)
                } else if code > high {
                    round(sum).max(code)
                } else {
                    code
                }
            }
            _ => self.quantizer.unclamped(sum),
        }
    }

    /// The code of a sum.
    pub(super) fn code(&self, conversion: usize, sum: i64) -> i64 {
        self.quantizer.clamp(self.unclamped(conversion, sum))
    }

    /// The least sum whose code before clamping is `code` or more.
    pub(super) fn edge(&self, conversion: usize, code: i64) -> i64 {
        let edge = match (self.edges(conversion), self.quantizer) {
            (Some(edges), Quantizer::Codes { low, high }) => {
                if code < low {
                    ideal_edge(code).min(edges[0])
                } else if code > high + 1 {
                    ideal_edge(code).max(edges[edges.len() - 1])
                } else {
                    edges[(code - low) as usize]
                }
            }
            (_, Quantizer::Codes { .. }) => ideal_edge(code),
            (_, Quantizer::PassThrough) => code,
        };
        edge - self.offset(conversion)
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.offset[..]) + size_of_val(&self.of_conversion[..]) + size_of_val(&self.edges[..])
    }
}

/// Where a code ideally begins.
fn ideal_edge(code: i64) -> i64 {
    code * ONE - HALF
}
