//! Rare hits, found by their gaps.

use crate::key::Stream;

/// The places of independent hits of equal probability, in rising order.
///
/// The gap before a hit is geometric, `⌊ln u / ln(1 − p)⌋`, so the cost follows the hits and a
/// longer run of places moves none of a shorter one.
#[derive(Debug)]
pub(super) struct Gaps {
    scale: f64,
    next: usize,
}

impl Gaps {
    /// Hits of probability `rate`, above 0 and at most 1.
    pub(super) fn new(rate: f64) -> Self {
        // −0 when every place is hit: gaps of 0.
        Gaps { scale: 1.0 / libm::log1p(-rate), next: 0 }
    }

    /// The next hit below `end`: one draw.
    pub(super) fn next(&mut self, end: usize, stream: &mut Stream) -> Option<usize> {
        // Converting saturates: a gap beyond the end ends the run.
        let gap = (libm::log(stream.uniform()) * self.scale) as usize;
        let hit = gap.saturating_add(self.next);
        self.next = hit.saturating_add(1);
        (hit < end).then_some(hit)
    }
}
