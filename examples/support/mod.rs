//! A quantised LeNet-5 on real digits, as plain integers and on crossbars.

pub(crate) mod crossbars;
pub(crate) mod digits;
pub(crate) mod integer;
pub(crate) mod lenet;

use std::error::Error;

/// Results whose error is a sentence for the user.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The digits and networks that stand beside the examples.
pub(crate) const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data");
