//! What wires do to arrays and to a network.

pub(crate) mod array;
mod calibrated;
pub(crate) mod loss;
pub(crate) mod maps;
pub(crate) mod network;
pub(crate) mod remedies;
#[path = "../gallery/style.rs"]
pub(crate) mod style;
pub(crate) mod time;

pub(crate) use crate::support::Result;

/// A number in percent.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}
