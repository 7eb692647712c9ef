//! Two ways to do the same, timed in turns.

use std::time::Instant;

/// What is timed: a call that reads so many vectors.
pub(crate) struct Subject<'a> {
    pub(crate) vectors: usize,
    pub(crate) call: Box<dyn FnMut() + 'a>,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(vectors: usize, call: impl FnMut() + 'a) -> Self {
        Subject { vectors, call: Box::new(call) }
    }

    /// Seconds of so many calls.
    fn secs(&mut self, calls: usize) -> f64 {
        let start = Instant::now();
        (0..calls).for_each(|_| (self.call)());
        start.elapsed().as_secs_f64()
    }
}

/// How long a pair may take, and a slice where calls are short. Slices shorter than a scheduler's turn leave
/// medians alone when other programs want the core.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) secs: f64,
    pub(crate) slice_secs: f64,
}

/// What came out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    /// Medians over slices (s per vector).
    pub(crate) subject: f64,
    pub(crate) baseline: f64,
    /// Ratios of neighbouring slices: lower quartile, median, upper quartile.
    pub(crate) ratio: [f64; 3],
}

/// Slices below which a median says little.
const LEAST_SLICES: usize = 5;

/// Times both in turns, baseline first.
pub(crate) fn interleave(subject: &mut Subject<'_>, baseline: &mut Subject<'_>, patience: Patience) -> Pair {
    // Of two calls the first warms up.
    let once = |of: &mut Subject<'_>| of.secs(1).min(of.secs(1));
    let (of_subject, of_baseline) = (once(subject), once(baseline));
    let calls = |secs: f64| (patience.slice_secs / secs.max(1e-9)).round().max(1.0) as usize;
    let (calls, baseline_calls) = (calls(of_subject), calls(of_baseline));
    let of_both = calls as f64 * of_subject + baseline_calls as f64 * of_baseline;
    let slices = ((patience.secs / of_both) as usize).max(LEAST_SLICES);
    let (mut times, mut baseline_times) = (Vec::new(), Vec::new());
    for _ in 0..slices {
        let time = |of: &mut Subject<'_>, calls: usize| {
            // What the other left in the caches is not this one's cost, if that can be had for little.
            if calls > LEAST_SLICES {
                (of.call)();
            }
            of.secs(calls) / (calls * of.vectors) as f64
        };
        baseline_times.push(time(baseline, baseline_calls));
        times.push(time(subject, calls));
    }
    let ratios = times.iter().zip(&baseline_times).map(|(time, baseline)| time / baseline).collect();
    Pair { subject: quartiles(times)[1], baseline: quartiles(baseline_times)[1], ratio: quartiles(ratios) }
}

/// Lower quartile, median and upper quartile, interpolated.
fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [0.25, 0.5, 0.75].map(|quantile| {
        let at = quantile * (values.len() - 1) as f64;
        let (below, above) = (values[at as usize], values[at.ceil() as usize]);
        below + at.fract() * (above - below)
    })
}
