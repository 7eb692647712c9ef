//! What the speed report measures and prints.

pub(crate) mod baselines;
pub(crate) mod emulations;
pub(crate) mod machine;
pub(crate) mod pairs;
pub(crate) mod problem;
pub(crate) mod tables;

use std::error::Error;

/// Results whose error is a sentence for the user.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;
