//! White Gaussian read noise at addresses.

use super::{Block, Step};
use crate::fixed::round_real;
use crate::key::{Key, Purpose, Stream};

/// Where the read noise of one vector on one array is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoiseKey {
    /// Key of the vector.
    pub key: Key,
    /// Number of the array on its die.
    pub array: u64,
}

impl NoiseKey {
    /// The draws of one step: conversion `lane · columns + column` takes the draw of that number.
    /// Each step has a stream of its own, so a step that is not run shifts nothing.
    pub(super) fn draws(&self, step: &Step<'_>) -> Stream {
        self.stream(Purpose::ReadNoise, step)
    }

    fn stream(&self, purpose: Purpose, step: &Step<'_>) -> Stream {
        self.key.stream(purpose, [self.array, step.group as u64, step.plane.into()])
    }
}

/// A normal number of the given variance (in squared grid units), rounded onto the grid.
pub(super) fn normal_on_grid(variance: u64, stream: &mut Stream) -> i64 {
    let deviation = (variance as f64).sqrt();
    // At most 2³² · 8.3: always representable.
    round_real(deviation * stream.normal()).unwrap_or_default()
}

/// Noise that all conversions of a step have in common.
pub(super) fn common_on_grid(block: &Block, step: &Step<'_>, noise: NoiseKey) -> i64 {
    let variance = block.common_variance(step);
    variance.map_or(0, |variance| normal_on_grid(variance, &mut noise.stream(Purpose::CommonReadNoise, step)))
}
