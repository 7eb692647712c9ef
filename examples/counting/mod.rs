//! Counting instructions of named workloads.

pub(crate) mod callgrind;
pub(crate) mod stored;
pub(crate) mod workload;

use std::error::Error;

/// Results whose error is a sentence for the user.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How much more a workload may take than is stored: counts repeat to a few instructions, but C libraries differ.
pub(crate) const TOLERANCE: f64 = 0.02;
