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
