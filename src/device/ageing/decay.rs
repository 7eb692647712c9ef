//! What is left of a distance.

/// Cells on their way to one conductance: `G → G_end + (G − G_end) · remaining`, `remaining` in 0–1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decay {
    end: f64,
    remaining: f64,
}

impl Decay {
    /// The way to `end` (S) after `spent` time constants, `None` if there is none behind.
    pub(super) fn new(end: f64, spent: f64) -> Option<Self> {
        let remaining = libm::exp(-spent);
        (remaining < 1.0).then_some(Decay { end, remaining })
    }

    /// As [`Decay::apply`], for cells above the end alone.
    pub(super) fn apply_above(&self, siemens: &mut [f32]) {
        for cell in siemens.iter_mut().filter(|cell| f64::from(**cell) > self.end) {
            self.apply(std::slice::from_mut(cell));
        }
    }

    pub(super) fn apply(&self, siemens: &mut [f32]) {
        for cell in siemens {
            // Never below 0: the rounded product does not exceed the distance.
            *cell = (self.end + (f64::from(*cell) - self.end) * self.remaining) as f32;
        }
    }
}
