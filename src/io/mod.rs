//! Weights from files: NumPy's `.npy` and `.safetensors`.
//!
//! Both give [`Tensor`]s, which become matrices by saying which of their axes counts outputs. Errors
//! name the file, or the tensor, and what is wrong with it. Reading is by the crates `npyz` and
//! `safetensors`; this needs the feature `io`.

mod npy;
mod safetensors;
mod tensor;

pub use npy::{parse_npy, read_npy};
pub use safetensors::{parse_safetensors, read_safetensors};
pub use tensor::Tensor;

use std::fs;
use std::path::Path;

use crate::error::{Error, Result};

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| unreadable(&path.display().to_string(), error.to_string()))
}

fn unreadable(name: &str, problem: impl Into<Box<str>>) -> Error {
    Error::Unreadable { name: name.into(), problem: problem.into() }
}
