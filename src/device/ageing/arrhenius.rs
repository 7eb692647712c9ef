//! What heat speeds up.

use crate::error::{Error, Result, check_real};

/// Boltzmann's constant (eV/K), exact in the SI.
const BOLTZMANN_EV: f64 = 1.380_649e-23 / 1.602_176_634e-19;

/// How much longer a thermally activated process takes at `kelvin` than at `reference`:
/// `exp(Ea / k · (1/T − 1/T_ref))`.
pub(super) fn slowdown(activation_ev: f64, kelvin: f64, reference: f64) -> f64 {
    libm::exp(activation_ev / BOLTZMANN_EV * (1.0 / kelvin - 1.0 / reference))
}

/// The activation energy (eV) of a process that lasts `long` at the first temperature (K) and `short`
/// at the second.
pub(super) fn activation_ev((cool, long): (f64, f64), (hot, short): (f64, f64)) -> f64 {
    BOLTZMANN_EV * libm::log(long / short) / (1.0 / cool - 1.0 / hot)
}

/// Checks an activation energy (eV).
pub(super) fn check_activation(activation_ev: f64) -> Result<()> {
    check_real("activation energy (eV)", activation_ev, 0.0, 10.0)
}

/// Checks a reference temperature and the range of temperatures an effect was fitted in (K).
pub(super) fn check_temperatures(reference: f64, (low_value, high_value): (f64, f64)) -> Result<()> {
    check_real("reference temperature (K)", reference, 1.0, 1000.0)?;
    check_real("start of a temperature range (K)", low_value, 1.0, 1000.0)?;
    check_real("end of a temperature range (K)", high_value, 1.0, 1000.0)?;
    if low_value < high_value {
        return Ok(());
    }
    let (low, high) = ("start of a temperature range (K)", "its end");
    Err(Error::Order { low, low_value, high, high_value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topar_s_two_endurances_give_its_activation_energy() {
        // By hand: k ln(4.14e8 / 1.07e7) / (1/300 − 1/380) = 8.617333e-5 · 3.655 579 / 7.017 544e-4.
        let ev = activation_ev((300.0, 4.14e8), (380.0, 1.07e7));
        assert!((ev - 0.448_90).abs() < 1e-4, "{ev}");
        assert!((4.14e8 * slowdown(ev, 380.0, 300.0) / 1.07e7 - 1.0).abs() < 1e-12);
        assert_eq!(slowdown(ev, 300.0, 300.0), 1.0);
    }
}
