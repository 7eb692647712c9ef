//! What surrounds an array: the DAC that drives word lines, the ADC that reads bit lines, and the
//! treatment of the leakage baseline.
//!
//! Currents appear here as multiples of a *level step*: the current that one level contributes for
//! one DAC step.

mod adc;
mod adc_errors;
mod baseline;
mod dac;

pub use adc::{Adc, Thresholds};
pub use adc_errors::{AdcErrors, AdcInstance, AdcMap};
pub use baseline::Baseline;
pub use dac::Dac;
