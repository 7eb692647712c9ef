//! Hugging Face's `.safetensors`.

use std::path::Path;

use half::{bf16, f16};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::tensor::narrow;
use super::{Tensor, read, unreadable};
use crate::error::Result;

/// Reads all tensors of `F32`, `F64`, `F16` or `BF16` numbers, by name.
///
/// `F64` is rounded to `f32`.
///
/// # Errors
///
/// [`Error::Unreadable`](crate::Error::Unreadable) with the path, or with the path and the name of the tensor: for a
/// file that cannot be read or is no `.safetensors`, another type of number, or one that is not
/// finite or beyond `f32`.
pub fn read_safetensors(path: impl AsRef<Path>) -> Result<Vec<Tensor>> {
    let path = path.as_ref();
    parse_safetensors(&path.display().to_string(), &read(path)?)
}

/// As [`read_safetensors`], from the bytes of a file; `name` stands in errors.
///
/// # Errors
///
/// As [`read_safetensors`].
pub fn parse_safetensors(name: &str, bytes: &[u8]) -> Result<Vec<Tensor>> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| unreadable(name, error.to_string()))?;
    let mut tensors = Vec::new();
    for (tensor_name, view) in file.iter() {
        let place = format!("{name}: {tensor_name}");
        let tensor = Tensor::new(&place, view.shape().to_vec(), values(&place, &view)?)?;
        tensors.push(tensor.with_name(tensor_name));
    }
    tensors.sort_by(|a, b| a.name().cmp(b.name()));
    Ok(tensors)
}

fn values(place: &str, view: &TensorView<'_>) -> Result<Vec<f32>> {
    let data = view.data();
    let two = || data.chunks_exact(2).map(|b| [b[0], b[1]]);
    Ok(match view.dtype() {
        Dtype::F32 => data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        Dtype::F64 => {
            let wide = data.chunks_exact(8);
            narrow(place, wide.map(|b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]])))?
        }
        Dtype::F16 => two().map(|b| f16::from_le_bytes(b).to_f32()).collect(),
        Dtype::BF16 => two().map(|b| bf16::from_le_bytes(b).to_f32()).collect(),
        other => {
            return Err(unreadable(place, format!("numbers of type {other:?}, not F32, F64, F16 or BF16")));
        }
    })
}
