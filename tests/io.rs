//! Weight files: what is in them comes back, and what is wrong with them is said.

#![cfg(feature = "io")]

use std::collections::HashMap;
use std::path::Path;

use forms_xbar::Error;
use forms_xbar::io::{Tensor, parse_npy, parse_safetensors, read_npy, read_safetensors};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, serialize};

/// An `.npy` of version 1.0, written by hand after NumPy's format description.
fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn bytes<const N: usize, T: Copy>(values: &[T], of: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&value| of(value)).collect()
}

const VALUES: [f32; 6] = [1.0, -2.0, 3.5, -4.0, 0.25, 6.0];

fn check(tensor: &Tensor) {
    assert_eq!((tensor.shape(), tensor.values()), (&[2, 3][..], &VALUES[..]));
}

#[test]
fn npy_in_every_order_of_bytes_and_axes() {
    check(&parse_npy("w", &npy("<f4", false, "(2, 3)", &bytes(&VALUES, f32::to_le_bytes))).unwrap());
    check(&parse_npy("w", &npy(">f4", false, "(2, 3)", &bytes(&VALUES, f32::to_be_bytes))).unwrap());
    let wide = VALUES.map(f64::from);
    check(&parse_npy("w", &npy("<f8", false, "(2, 3)", &bytes(&wide, f64::to_le_bytes))).unwrap());
    let fortran = [1.0, -4.0, -2.0, 0.25, 3.5, 6.0];
    check(&parse_npy("w", &npy("<f4", true, "(2, 3)", &bytes(&fortran, f32::to_le_bytes))).unwrap());
    // 2 × 2 × 3, first axis fastest: element (a, b, c) stands at a + 2 b + 4 c.
    let cube: Vec<f32> = (0..12).map(|at| ((at % 2) * 6 + at / 2 % 2 * 3 + at / 4) as f32).collect();
    let cube = parse_npy("w", &npy("<f4", true, "(2, 2, 3)", &bytes(&cube, f32::to_le_bytes))).unwrap();
    assert_eq!(cube.values(), (0..12).map(|at| at as f32).collect::<Vec<_>>());
}

#[test]
fn axes_become_inputs_and_outputs() {
    let tensor = parse_npy("w", &npy("<f4", false, "(2, 3)", &bytes(&VALUES, f32::to_le_bytes))).unwrap();
    let torch = tensor.outputs_first().unwrap();
    assert_eq!((torch.inputs(), torch.outputs(), torch.get(2, 0)), (3, 2, Some(3.5)));
    let keras = tensor.outputs_last().unwrap();
    assert_eq!((keras.inputs(), keras.outputs(), keras.get(0, 2)), (2, 3, Some(3.5)));
    let kernel =
        parse_npy("w", &npy("<f4", false, "(2, 3, 1, 1)", &bytes(&VALUES, f32::to_le_bytes))).unwrap();
    assert_eq!(kernel.outputs_first().unwrap(), torch);
    let vector = parse_npy("a/b.npy", &npy("<f4", false, "(6,)", &bytes(&VALUES, f32::to_le_bytes))).unwrap();
    for wrong in [vector.outputs_first(), vector.outputs_last()] {
        assert_eq!(wrong.unwrap_err().to_string(), "a/b.npy: shape [6] is no matrix");
    }
    let empty = parse_npy("w", &npy("<f4", false, "(0, 3)", &[])).unwrap();
    assert!(empty.outputs_first().is_err() && empty.outputs_last().is_err());
}

fn file(tensors: &[(&str, Dtype, Vec<usize>, Vec<u8>)]) -> Vec<u8> {
    let views: HashMap<&str, TensorView<'_>> = tensors
        .iter()
        .map(|(name, dtype, shape, data)| (*name, TensorView::new(*dtype, shape.clone(), data).unwrap()))
        .collect();
    serialize(views, None).unwrap()
}

#[test]
fn safetensors_of_every_width() {
    let shape = vec![2, 3];
    // The leading 16 bits of these f32 are exact in bf16; in f16, sign, exponent − 15, 10 bits.
    let halves: [u16; 6] = [0x3c00, 0xc000, 0x4300, 0xc400, 0x3400, 0x4600];
    let file = file(&[
        ("f32", Dtype::F32, shape.clone(), bytes(&VALUES, f32::to_le_bytes)),
        ("f64", Dtype::F64, shape.clone(), bytes(&VALUES.map(f64::from), f64::to_le_bytes)),
        ("f16", Dtype::F16, shape.clone(), bytes(&halves, u16::to_le_bytes)),
        ("bf16", Dtype::BF16, shape, bytes(&VALUES, |v| ((v.to_bits() >> 16) as u16).to_le_bytes())),
    ]);
    let tensors = parse_safetensors("net", &file).unwrap();
    let names: Vec<&str> = tensors.iter().map(Tensor::name).collect();
    assert_eq!(names, ["bf16", "f16", "f32", "f64"]);
    tensors.iter().for_each(check);
}

#[test]
fn real_networks_are_read() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/lenet5.safetensors");
    let tensors = read_safetensors(data).unwrap();
    assert_eq!(tensors.len(), 10);
    let conv2 = tensors.iter().find(|tensor| tensor.name() == "conv2.weight").unwrap();
    assert_eq!(conv2.shape(), [16, 6, 5, 5]);
    let matrix = conv2.outputs_first().unwrap();
    assert_eq!((matrix.inputs(), matrix.outputs()), (150, 16));
    assert_eq!(matrix.to_column_vec(), conv2.values());
}

fn says(found: Result<impl std::fmt::Debug, Error>, names: &[&str]) {
    let error = found.expect_err("must be refused");
    assert!(matches!(error, Error::Unreadable { .. }), "{error:?}");
    for name in names {
        assert!(error.to_string().contains(name), "`{error}` does not name {name}");
    }
}

#[test]
fn bad_files_are_named() {
    says(read_npy("no/such.npy"), &["no/such.npy"]);
    says(read_safetensors("no/such.safetensors"), &["no/such.safetensors"]);
    says(parse_npy("w.npy", b"no array"), &["w.npy"]);
    says(parse_npy("w.npy", &npy("<i4", false, "(2, 1)", &[0; 8])), &["w.npy", "i4", "f4 or f8"]);
    says(parse_npy("w.npy", &npy("<f4", false, "(2, 3)", &[0; 20])), &["w.npy"]);
    says(parse_npy("w.npy", &npy("<f4", false, "(1000000, 1000000)", &[0; 20])), &["w.npy", "more than"]);
    // Axes whose product is no number, whichever is empty.
    for shape in
        ["(0, 10000000000, 10000000000)", "(10000000000, 10000000000, 0)", "(18446744073709551615, 2)"]
    {
        says(parse_npy("w.npy", &npy("<f4", false, shape, &[])), &["w.npy", shape, "more than"]);
    }
    says(parse_npy("w.npy", &npy("<f4", true, "(0xffffffffffffffff, 0b11)", &[])), &["w.npy"]);
    says(parse_npy("w.npy", &b"\x93NUMPY\x02\x00\xff\xff\xff\x00"[..]), &["w.npy"]);
    says(parse_npy("w.npy", &b"\x93NUMPY\x01\x00\xff"[..]), &["w.npy"]);
    let nan = bytes(&[1.0, f32::NAN], f32::to_le_bytes);
    says(parse_npy("w.npy", &npy("<f4", false, "(2, 1)", &nan)), &["w.npy", "element 1", "[2, 1]", "NaN"]);
    let huge = bytes(&[1.0, 1e300], f64::to_le_bytes);
    says(parse_npy("w.npy", &npy("<f8", false, "(2, 1)", &huge)), &["element 1", "1e300", "f32"]);

    says(parse_safetensors("net", b"no tensors"), &["net"]);
    let good = file(&[("fc.weight", Dtype::F32, vec![2, 1], bytes(&[1.0, 2.0], f32::to_le_bytes))]);
    says(parse_safetensors("net", &good[..good.len() - 1]), &["net"]);
    let with_nan = file(&[("fc.weight", Dtype::F32, vec![2, 1], nan)]);
    says(parse_safetensors("net", &with_nan), &["net: fc.weight", "element 1", "NaN"]);
    let with_huge = file(&[("fc.weight", Dtype::F64, vec![2, 1], huge)]);
    says(parse_safetensors("net", &with_huge), &["net: fc.weight", "1e300"]);
    let integers = file(&[("fc.weight", Dtype::I8, vec![2, 1], vec![0; 2])]);
    says(parse_safetensors("net", &integers), &["net: fc.weight", "I8"]);
}
