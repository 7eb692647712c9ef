//! NumPy's `.npy`.

use std::path::Path;

use npyz::{DType, NpyFile, Order};

use super::tensor::narrow;
use super::{Tensor, read, unreadable};
use crate::error::Result;

/// Reads one array of `f4` or `f8` numbers, little or big endian, in C or Fortran order.
///
/// `f8` is rounded to `f32`.
///
/// # Errors
///
/// [`Error::Unreadable`](crate::Error::Unreadable) with the path: for a file that cannot be read, is no `.npy`, or holds another type of
/// number, fewer numbers than its shape says, or one that is not finite or beyond `f32`.
pub fn read_npy(path: impl AsRef<Path>) -> Result<Tensor> {
    let path = path.as_ref();
    parse_npy(&path.display().to_string(), &read(path)?)
}

/// As [`read_npy`], from the bytes of a file; `name` stands in errors.
///
/// # Errors
///
/// As [`read_npy`].
pub fn parse_npy(name: &str, bytes: &[u8]) -> Result<Tensor> {
    let problem = |error: std::io::Error| unreadable(name, error.to_string());
    check_product(name, bytes)?;
    let file = NpyFile::new(bytes).map_err(problem)?;
    let shape: Option<Vec<usize>> = file.shape().iter().map(|&axis| axis.try_into().ok()).collect();
    let size = |shape: &Vec<usize>| shape.iter().try_fold(1usize, |size, &axis| size.checked_mul(axis));
    // The length that a header claims is not to be allocated unseen.
    let shape = shape
        .filter(|shape| size(shape).is_some_and(|size| size <= bytes.len()))
        .ok_or_else(|| unreadable(name, format!("shape {:?} is more than the file holds", file.shape())))?;
    let (order, kind) = (file.order(), type_of(&file.dtype()));
    let values = match kind.as_str() {
        "f4" => file.into_vec::<f32>().map_err(problem)?,
        "f8" => narrow(name, file.into_vec::<f64>().map_err(problem)?.into_iter())?,
        other => return Err(unreadable(name, format!("numbers of type {other}, not f4 or f8"))),
    };
    match order {
        Order::C => Tensor::new(name, shape, values),
        Order::Fortran => {
            let values = transpose(&shape, &values);
            Tensor::new(name, shape, values)
        }
    }
}

/// Refuses axes whose product is no `u64`, which `npyz` multiplies unchecked.
fn check_product(name: &str, bytes: &[u8]) -> Result<()> {
    // Magic, version, length of the header, header; what is cut short `npyz` refuses.
    let (start, length) = match *bytes {
        [_, _, _, _, _, _, 1, _, a, b, ..] => (10, u16::from_le_bytes([a, b]).into()),
        [_, _, _, _, _, _, _, _, a, b, c, d, ..] => (12, u32::from_le_bytes([a, b, c, d]) as usize),
        _ => return Ok(()),
    };
    let header = String::from_utf8_lossy(&bytes[start..][..length.min(bytes.len() - start)]);
    let shape = header.rfind("shape").map_or(&*header, |at| &header[at..]);
    // A number in another notation counts as too large, an empty axis as 1, because `npyz` multiplies the others.
    let words = shape.split(|c: char| !c.is_alphanumeric() && c != '_');
    let axes = words.filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let product = axes.map(|axis| axis.parse().unwrap_or(u64::MAX).max(1)).try_fold(1, u64::checked_mul);
    match product {
        Some(_) => Ok(()),
        None => Err(unreadable(name, format!("`{}` is more than the file holds", shape.trim()))),
    }
}

/// NumPy's name of a scalar type without its byte order.
fn type_of(dtype: &DType) -> String {
    dtype.descr().trim_matches('\'').trim_start_matches(['<', '>', '=', '|']).to_owned()
}

/// From the first axis fastest to the last axis fastest.
fn transpose(shape: &[usize], values: &[f32]) -> Vec<f32> {
    let place = |mut at: usize| {
        let mut stride = values.len();
        let mut place = 0;
        for &axis in shape.iter().rev() {
            stride /= axis;
            place += at % axis * stride;
            at /= axis;
        }
        place
    };
    (0..values.len()).map(|at| values[place(at)]).collect()
}
