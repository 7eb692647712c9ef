//! The magnitude of a given rank, without sorting.

use super::moved::PIECE;
use crate::simd::vectorised;

/// Trailing bits that are not counted at first: what leads is the exponent and four bits of the mantissa, so that the
/// counters stay in the first-level cache.
const UNCOUNTED: u32 = 19;

/// Weights counted before counters are added up, so that none overflows.
const COUNTED: usize = 1 << 20;

/// The magnitude that stands at this place, from 0, when the magnitudes rise; `None` beyond the last.
pub(super) fn magnitude_of_rank(values: &[f32], rank: usize) -> Option<f32> {
    let mut counts = [0usize; 1 << (31 - UNCOUNTED)];
    for values in values.chunks(COUNTED) {
        let mut few = [0u32; 1 << (31 - UNCOUNTED)];
        values.iter().for_each(|&value| few[leading(value) as usize] += 1);
        counts.iter_mut().zip(few).for_each(|(count, few)| *count += few as usize);
    }
    let mut below = 0;
    let bin = counts.iter().position(|&count| {
        let found = rank < below + count;
        below += if found { 0 } else { count };
        found
    })?;
    let mut among = Vec::with_capacity(counts[bin]);
    vectorised(
        #[inline(always)]
        || {
            for values in values.chunks(PIECE / 8) {
                let hits: u32 = values.iter().map(|&value| u32::from(leading(value) == bin as u32)).sum();
                if hits > 0 {
                    let hits = values.iter().filter(|&&value| leading(value) == bin as u32);
                    among.extend(hits.map(|value| value.abs().to_bits()));
                }
            }
        },
    );
    let (_, &mut bits, _) = among.select_nth_unstable(rank - below);
    Some(f32::from_bits(bits))
}

/// The leading bits of a magnitude: finite ones are in the order of their bits.
#[inline(always)]
fn leading(value: f32) -> u32 {
    value.abs().to_bits() >> UNCOUNTED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_a_sort() {
        let mut bits = 1u32;
        for count in [1, 2, 31, 33, 5000] {
            for kind in 0..4 {
                let values: Vec<f32> = (0..count)
                    .map(|at| {
                        bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        match kind {
                            // Any magnitude, subnormal and largest ones too; one bin; few values; zeros.
                            0 => f32::from_bits(bits & 0xff7f_ffff),
                            1 => 1.0 + (bits >> 8) as f32 * 2f32.powi(-30),
                            2 => ((bits >> 30) as f32 - 1.5) * [0.0, -0.0, 1.0][at % 3],
                            _ => 0.0,
                        }
                    })
                    .collect();
                let mut sorted: Vec<f32> = values.iter().map(|value| value.abs()).collect();
                sorted.sort_by(f32::total_cmp);
                for rank in (0..count).step_by(1 + count / 40) {
                    assert_eq!(magnitude_of_rank(&values, rank), Some(sorted[rank]), "{count} {kind} {rank}");
                }
                assert_eq!(magnitude_of_rank(&values, count - 1), sorted.last().copied());
                assert_eq!(magnitude_of_rank(&values, count), None);
            }
        }
        // More than are counted at once.
        let many: Vec<f32> = (0..COUNTED + 3).map(|at| at as f32).collect();
        assert_eq!(magnitude_of_rank(&many, COUNTED + 1), Some((COUNTED + 1) as f32));
        assert_eq!(magnitude_of_rank(&many, 70_000), Some(70_000.0));
    }
}
