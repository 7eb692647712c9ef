//! Monte-Carlo studies over dies.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::error::{Result, check_integer, check_real};
use crate::key::{Key, normal_quantile};

/// Runs a closure once per die, in parallel, with results in the order of the dies.
///
/// Die `i` gets the `i`-th child of the master key, whatever thread runs it, so results do not
/// depend on the number of threads, and the first dies of a longer study are those of a shorter.
/// Studies with one master key use the same dies: compare their results in pairs.
///
/// ```
/// use forms_xbar::{Key, study::Study};
///
/// let study = Study::new(20, Key::from(7))?;
/// let draws = study.run(|_, key| key.stream(forms_xbar::key::Purpose::Programming, [0; 3]).normal());
/// assert_eq!(draws.len(), 20);
/// assert_eq!(draws, study.with_threads(1)?.run(|_, key| {
///     key.stream(forms_xbar::key::Purpose::Programming, [0; 3]).normal()
/// }));
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Study {
    dies: usize,
    key: Key,
    threads: usize,
}

impl Study {
    /// A study of `dies` dies on as many threads as the machine offers.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`](crate::Error::Integer) for no die.
    pub fn new(dies: usize, key: Key) -> Result<Self> {
        check_integer("dies", dies, 1, i64::MAX)?;
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        Ok(Study { dies, key, threads })
    }

    /// The same study on this many threads.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`](crate::Error::Integer) for no thread.
    pub fn with_threads(self, threads: usize) -> Result<Self> {
        check_integer("threads", threads, 1, i64::MAX)?;
        Ok(Study { threads, ..self })
    }

    /// Dies of the study.
    pub fn dies(&self) -> usize {
        self.dies
    }

    /// Calls `die(index, key)` for every die and returns what it returned, in order.
    ///
    /// Return a `Result` to keep what other dies computed when one fails. A panic in `die` goes
    /// through to the caller.
    pub fn run<T: Send>(&self, die: impl Fn(usize, Key) -> T + Sync) -> Vec<T> {
        let next = AtomicUsize::new(0);
        let results = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..self.threads.min(self.dies) {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        if index >= self.dies {
                            break;
                        }
                        let result = die(index, self.key.child(index as u64));
                        results.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((index, result));
                    }
                });
            }
        });
        let mut results = results.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        results.sort_unstable_by_key(|&(index, _)| index);
        results.into_iter().map(|(_, result)| result).collect()
    }
}

/// A mean with a confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The estimate.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Student's t interval of the mean of independent samples, one per die.
    ///
    /// Reads within one die are correlated: average them first, so that each die is one sample.
    /// For a paired comparison pass the differences.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`](crate::Error::Integer) for fewer than two samples,
    /// [`Error::Real`](crate::Error::Real) for a sample that is not finite or above 10¹⁵⁰ in
    /// magnitude, or a confidence outside (0, 1).
    ///
    /// ```
    /// use forms_xbar::study::Interval;
    ///
    /// let interval = Interval::of_mean(&[1.0, 2.0, 3.0], 0.95)?;
    /// // t with 2 degrees of freedom: 4.3027; deviation of the mean: 1/√3.
    /// assert!((interval.high - (2.0 + 4.302653 / 3f64.sqrt())).abs() < 1e-5);
    /// # Ok::<(), forms_xbar::Error>(())
    /// ```
    pub fn of_mean(samples: &[f64], confidence: f64) -> Result<Self> {
        check_integer("samples of an interval", samples.len(), 2, i64::MAX)?;
        check_confidence(confidence)?;
        for &sample in samples {
            // Squares must stay finite.
            check_real("sample", sample, -1e150, 1e150)?;
        }
        let n = samples.len() as f64;
        let mean = samples.iter().sum::<f64>() / n;
        let variance = samples.iter().map(|sample| (sample - mean).powi(2)).sum::<f64>() / (n - 1.0);
        // One degree of freedom or more, so the distribution exists.
        let t = StudentsT::new(0.0, 1.0, n - 1.0)
            .map_or(f64::INFINITY, |t| t.inverse_cdf(0.5 + confidence / 2.0));
        let half = if variance == 0.0 { 0.0 } else { t * (variance / n).sqrt() };
        Ok(Interval { mean, low: mean - half, high: mean + half })
    }

    /// Wilson's score interval of a proportion seen in `trials` independent trials, as the accuracy
    /// on that many images.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`](crate::Error::Integer) for no trial,
    /// [`Error::Real`](crate::Error::Real) for a proportion outside 0–1 or a confidence outside
    /// (0, 1).
    pub fn of_proportion(proportion: f64, trials: usize, confidence: f64) -> Result<Self> {
        check_integer("trials of an interval", trials, 1, i64::MAX)?;
        check_real("proportion", proportion, 0.0, 1.0)?;
        check_confidence(confidence)?;
        let (n, z) = (trials as f64, normal_quantile(0.5 + confidence / 2.0));
        let scale = 1.0 / (1.0 + z * z / n);
        let centre = scale * (proportion + z * z / (2.0 * n));
        let half = scale * z * (proportion * (1.0 - proportion) / n + (z / (2.0 * n)).powi(2)).sqrt();
        Ok(Interval { mean: proportion, low: (centre - half).max(0.0), high: (centre + half).min(1.0) })
    }
}

fn check_confidence(confidence: f64) -> Result<()> {
    // The largest f64 below 1.
    check_real("confidence", confidence, f64::MIN_POSITIVE, 1.0 - f64::EPSILON / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_quantiles_match_printed_tables() {
        // Two-sided 95 % and 99 % points of Student's t, any statistics textbook.
        for (n, t95, t99) in [(2, 12.706, 63.657), (5, 2.776, 4.604), (11, 2.228, 3.169), (31, 2.042, 2.750)]
        {
            let mut samples = vec![0.0; n];
            (samples[0], samples[1]) = (1.0, -1.0);
            let deviation = (2.0 / (n as f64 - 1.0) / n as f64).sqrt();
            for (confidence, t) in [(0.95, t95), (0.99, t99)] {
                let interval = Interval::of_mean(&samples, confidence).unwrap();
                assert!((interval.high / deviation - t).abs() < 1e-3 * t, "n {n}");
            }
        }
    }

    #[test]
    fn wilson_matches_a_published_example() {
        // 0 of 10 at 95 %: upper limit z²/(n + z²) = 0.27754 (Wilson 1927; Newcombe 1998).
        let interval = Interval::of_proportion(0.0, 10, 0.95).unwrap();
        assert!((interval.high - 0.277_54).abs() < 1e-4 && interval.low < 1e-12);
        // 81 of 263, Newcombe 1998, table I: 0.2553 to 0.3662.
        let interval = Interval::of_proportion(81.0 / 263.0, 263, 0.95).unwrap();
        assert!((interval.low - 0.2553).abs() < 5e-5 && (interval.high - 0.3662).abs() < 5e-5);
    }

    #[test]
    fn intervals_cover_at_their_confidence() {
        let mut stream = Key::from(3).stream(crate::key::Purpose::Programming, [0; 3]);
        let trials = 20_000;
        let covered = (0..trials)
            .filter(|_| {
                let samples: Vec<f64> = (0..5).map(|_| 2.0 + 3.0 * stream.normal()).collect();
                let interval = Interval::of_mean(&samples, 0.9).unwrap();
                interval.low <= 2.0 && 2.0 <= interval.high
            })
            .count();
        // Binomial deviation 0.0021; four of them.
        assert!((covered as f64 / trials as f64 - 0.9).abs() < 0.0085, "{covered}");
    }

    #[test]
    fn results_are_ordered_and_errors_keep_the_rest() {
        let study = Study::new(100, Key::from(1)).unwrap().with_threads(3).unwrap();
        let results = study.run(|index, _| if index == 50 { Err(index) } else { Ok(index) });
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 99);
        assert_eq!(results[50], Err(50));
        assert!(results.iter().enumerate().all(|(at, r)| *r == Ok(at) || at == 50));
    }

    #[test]
    fn bad_input() {
        assert!(Study::new(0, Key::from(1)).is_err());
        assert!(Study::new(1, Key::from(1)).unwrap().with_threads(0).is_err());
        assert!(Interval::of_mean(&[1.0], 0.95).is_err());
        assert!(Interval::of_mean(&[1.0, f64::NAN], 0.95).is_err());
        assert!(Interval::of_mean(&[1.0, 2.0], 1.0).is_err());
        assert!(Interval::of_proportion(1.1, 5, 0.95).is_err());
        assert!(Interval::of_proportion(0.5, 0, 0.95).is_err());
        assert!(Interval::of_proportion(0.5, 5, 0.0).is_err());
    }
}
