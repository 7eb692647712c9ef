//! Where a function is 0.

use crate::error::Result;

/// Iterations after which a bracket is as good as it gets: bisection alone takes 60.
const MOST_STEPS: usize = 200;

/// The argument, to `tolerance`, at which a function falls through 0 that is above 0 at `low` and at most 0
/// at `high`.
///
/// False position with the Illinois modification (Dowell and Jarratt, BIT 1971).
pub(super) fn root(
    (mut low, mut at_low): (f64, f64),
    (mut high, mut at_high): (f64, f64),
    tolerance: f64,
    mut function: impl FnMut(f64) -> Result<f64>,
) -> Result<f64> {
    let mut before = low;
    let mut was_above = None;
    for _ in 0..MOST_STEPS {
        let middle = low + (high - low) * (at_low / (at_low - at_high));
        if high - low <= tolerance || (middle - before).abs() <= tolerance {
            return Ok(middle);
        }
        before = middle;
        let value = function(middle)?;
        let above = value > 0.0;
        // An end that stays twice counts half.
        let stays = was_above == Some(above);
        if above {
            (low, at_low) = (middle, value);
            at_high *= if stays { 0.5 } else { 1.0 };
        } else {
            (high, at_high) = (middle, value);
            at_low *= if stays { 0.5 } else { 1.0 };
        }
        was_above = Some(above);
    }
    Ok(high)
}

#[cfg(test)]
mod tests {
    use super::root;

    #[test]
    fn finds_roots_of_bent_functions_in_few_evaluations() {
        type Case = (fn(f64) -> f64, f64);
        let functions: [Case; 3] = [
            (|x| (-x).exp() - 1e-3, 1e3f64.ln()),
            (|x| 1.0 / (1.0 + x * x * x * x) - 0.5, 1.0),
            (|x| 3.0 - x, 3.0),
        ];
        for (function, at) in functions {
            let mut evaluations = 0;
            let counted = |x: f64| {
                evaluations += 1;
                Ok(function(x))
            };
            let found = root((0.5, function(0.5)), (10.0, function(10.0)), 1e-12, counted).unwrap();
            assert!((found - at).abs() < 1e-10, "{found}, expected {at}");
            assert!(evaluations <= 20, "{evaluations}");
        }
    }
}
