//! What the gallery of devices measures and draws.

pub(crate) mod iv;
pub(crate) mod levels;
pub(crate) mod measure;
pub(crate) mod report;
pub(crate) mod spread;
pub(crate) mod style;
pub(crate) mod telegraph;

use std::error::Error;

/// Results whose error is a sentence for the user.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Microsiemens in a siemens.
pub(crate) const MICRO: f64 = 1e6;
