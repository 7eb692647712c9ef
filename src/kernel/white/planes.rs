//! Which planes vectors run.

use super::Shape;
use crate::simd::prefetch;

/// A plane that a group runs for a vector.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlaneRun {
    plane: u8,
    pattern: u8,
    pub(super) shift: u8,
    pub(super) negative: bool,
}

impl PlaneRun {
    /// Plane `plane` of a stream, in which these of up to eight rows of the group are driven; its codes count ±2^shift.
    pub(crate) fn new(plane: u32, pattern: usize, place: i64) -> Self {
        let shift = place.unsigned_abs().trailing_zeros() as u8;
        PlaneRun { plane: plane as u8, pattern: pattern as u8, shift, negative: place < 0 }
    }

    pub(super) fn pattern(self) -> usize {
        self.pattern.into()
    }

    pub(super) fn plane(self) -> usize {
        self.plane.into()
    }
}

/// What some vectors run of one group.
#[derive(Debug, Clone, Default)]
pub(crate) struct PlaneRuns {
    /// In the order of vectors and of planes,
    pub(super) planes: Vec<PlaneRun>,
    /// the first beyond those of each vector.
    ends: Vec<u32>,
}

impl PlaneRuns {
    /// Begins a group anew.
    pub(crate) fn clear(&mut self) {
        self.planes.clear();
        self.ends.clear();
    }

    /// Makes room for a vector of so many planes.
    pub(crate) fn reserve(&mut self, planes: usize) {
        self.planes.reserve(planes);
        self.ends.reserve(1);
    }

    /// What the next vector runs of the group, in the order of planes.
    pub(crate) fn push(&mut self, planes: impl Iterator<Item = PlaneRun>) {
        planes.for_each(|plane| self.planes.push(plane));
        self.ends.push(self.planes.len() as u32);
    }

    /// Every vector: its number, the place of its first plane, and its planes.
    #[inline(always)]
    pub(super) fn each(&self) -> impl Iterator<Item = (usize, u32, &[PlaneRun])> {
        let mut first = 0;
        self.ends.iter().enumerate().map(
            #[inline(always)]
            move |(vector, &end)| {
                let planes = &self.planes[first as usize..end as usize];
                (vector, std::mem::replace(&mut first, end), planes)
            },
        )
    }

    /// The same, and meanwhile asks for rows that come next, a share with every vector; fewer planes than patterns look up
    /// too few of them.
    #[inline(always)]
    pub(super) fn each_with<R>(
        &self,
        shape: &Shape,
        next: &[R],
    ) -> impl Iterator<Item = (usize, u32, &[PlaneRun])> {
        let next = if self.planes.len() < shape.patterns { &[] } else { next };
        let mut next = next.chunks(next.len().div_ceil(self.ends.len().max(1)).max(1));
        self.each().inspect(
            #[inline(always)]
            move |_| prefetch(next.next().unwrap_or_default()),
        )
    }

    /// The number of a vector, from the place of one of its planes.
    pub(super) fn vector(&self, place: usize) -> usize {
        self.ends.partition_point(|&end| end as usize <= place)
    }
}
