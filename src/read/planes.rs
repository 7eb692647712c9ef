//! The planes that one active group runs.

use crate::kernel::Step;
use crate::stream::{Plane, Schedule};

/// Room for the planes of one active group.
#[derive(Debug, Clone, Default)]
pub(super) struct PlaneBuffers {
    planes: Vec<Plane>,
    /// Their digits, one plane after another.
    digits: Vec<u8>,
}

/// The planes that one active group runs, cut into digits.
#[derive(Debug, Clone, Copy)]
pub(super) struct GroupPlanes<'a> {
    group: usize,
    rows: usize,
    planes: &'a [Plane],
    digits: &'a [u8],
}

impl PlaneBuffers {
    /// Makes room for `planes` planes of `rows` rows.
    pub(super) fn fit(&mut self, rows: usize, planes: usize) {
        self.planes.clear();
        self.planes.reserve(planes);
        self.digits.resize(rows * planes, 0);
    }

    /// Cuts the inputs of a group into the planes of its schedule, at most as many as fit.
    pub(super) fn cut(&mut self, group: usize, schedule: Schedule, inputs: &[i32]) -> GroupPlanes<'_> {
        self.planes.clear();
        self.planes.extend(schedule.planes());
        for (&plane, digits) in self.planes.iter().zip(self.digits.chunks_exact_mut(inputs.len())) {
            for (digit, &input) in digits.iter_mut().zip(inputs) {
                *digit = plane.digit(input);
            }
        }
        GroupPlanes { group, rows: inputs.len(), planes: &self.planes, digits: &self.digits }
    }
}

impl<'a> GroupPlanes<'a> {
    /// The planes in the order they are run.
    pub(super) fn steps(self) -> impl Iterator<Item = Step<'a>> {
        let GroupPlanes { group, rows, planes, digits } = self;
        planes.iter().zip(digits.chunks_exact(rows)).enumerate().map(move |(run, (plane, digits))| Step {
            group,
            plane: plane.index(),
            run: run as u32,
            place: plane.place(),
            digits,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{InputFormat, Skip};

    #[test]
    fn steps_count_the_planes_run_and_keep_their_positions() {
        let format = InputFormat::new(6, false, 1).unwrap();
        let mut buffers = PlaneBuffers::default();
        buffers.fit(2, 6);
        for (inputs, expected) in [([0b100100, 0b000101], [0, 2, 5]), ([0b1000, 0b11], [0, 1, 3])] {
            let schedule = Schedule::new(format, Skip::AllZeroPlanes, &inputs);
            let steps: Vec<_> = buffers.cut(4, schedule, &inputs).steps().collect();
            assert_eq!(steps.iter().map(|s| s.plane).collect::<Vec<_>>(), expected);
            assert_eq!(steps.iter().map(|s| s.run).collect::<Vec<_>>(), [0, 1, 2]);
            for (row, &input) in inputs.iter().enumerate() {
                let sum: i64 = steps.iter().map(|s| s.place * i64::from(s.digits[row])).sum();
                assert_eq!(sum, i64::from(input));
            }
            assert!(steps.iter().all(|s| s.group == 4));
        }
    }
}
