//! Trained networks in small files.
//!
//! A gzipped safetensors file holds, per layer, the kept part of the matrix as integer levels with their
//! step, the rows and columns kept, and the biases. Levels are stored plus half their range, low bytes before
//! high bytes, which packs best.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use forms_xbar::polarize::{Kept, Quantization, ScaleRule};
use forms_xbar::{RealWeights, Weights};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::support::Result;
use crate::support::integer::BITS;
use crate::support::lenet::SHAPES;

use super::network::Parameters;
use super::steps::Stage;

/// Bits of a stored weight that is not yet on levels of cells: its rounding is far below training's noise.
const FINE_BITS: u32 = 10;

/// What is added to a level so that it is stored without a sign.
fn offset(bits: u32) -> i32 {
    1 << (bits - 1)
}

/// Where a network of this name lies.
fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.safetensors.gz"))
}

/// Writes a network; weights that are on levels of 8 bits are stored exactly.
pub(crate) fn write(folder: &Path, name: &str, stage: &Stage, on_levels: bool) -> Result<()> {
    let quantization = Quantization::new(if on_levels { BITS } else { FINE_BITS }, ScaleRule::MinMax)?;
    let mut tensors = Vec::new();
    for ((shape, parameters), kept) in SHAPES.iter().zip(&stage.network).zip(&stage.kept) {
        let quantized = quantization.quantize(&kept.compact(&parameters.matrix()?)?)?;
        let levels = quantized.weights.as_row_slice();
        let places = |places: &[usize]| places.iter().flat_map(|&at| (at as u16).to_le_bytes()).collect();
        let size = [kept.inputs().len(), kept.outputs().len()];
        let codes = levels.iter().map(|&level| (level + offset(quantization.bits())) as u16);
        let levels: Vec<u8> =
            codes.clone().map(|code| code as u8).chain(codes.map(|code| (code >> 8) as u8)).collect();
        let biases = parameters.biases.iter().flat_map(|bias| bias.to_le_bytes()).collect();
        let parts: [(&str, Dtype, Vec<usize>, Vec<u8>); 6] = [
            ("bits", Dtype::U8, vec![1], vec![quantization.bits() as u8]),
            ("levels", Dtype::U8, vec![2, size[0], size[1]], levels),
            ("step", Dtype::F64, vec![1], quantized.steps[0].to_le_bytes().to_vec()),
            ("inputs", Dtype::U16, vec![size[0]], places(kept.inputs())),
            ("outputs", Dtype::U16, vec![size[1]], places(kept.outputs())),
            ("bias", Dtype::F32, vec![parameters.biases.len()], biases),
        ];
        tensors.extend(
            parts.map(|(part, dtype, size, bytes)| (format!("{}.{part}", shape.name), dtype, size, bytes)),
        );
    }
    let views = tensors
        .iter()
        .map(|(name, dtype, size, bytes)| Ok((name, TensorView::new(*dtype, size.clone(), bytes)?)))
        .collect::<Result<Vec<_>>>()?;
    let bytes = safetensors::serialize(views, None)?;
    let mut packed = Vec::new();
    GzEncoder::new(bytes.as_slice(), Compression::best()).read_to_end(&mut packed)?;
    let path = path(folder, name);
    fs::write(&path, packed).map_err(|error| format!("cannot write {}: {error}", path.display()).into())
}

/// Reads a network.
pub(crate) fn read(folder: &Path, name: &str) -> Result<Stage> {
    let path = path(folder, name);
    let unpack = || -> Result<Stage> {
        let mut bytes = Vec::new();
        GzDecoder::new(File::open(&path)?).read_to_end(&mut bytes)?;
        parse(&bytes)
    };
    unpack().map_err(|error| format!("{}: {error}", path.display()).into())
}

fn parse(bytes: &[u8]) -> Result<Stage> {
    let tensors = SafeTensors::deserialize(bytes)?;
    let mut stage = Stage { network: Vec::new(), kept: Vec::new() };
    for shape in &SHAPES {
        let part = |part: &str, dtype: Dtype| -> Result<&[u8]> {
            let name = format!("{}.{part}", shape.name);
            let tensor = tensors.tensor(&name)?;
            if tensor.dtype() != dtype {
                return Err(format!("{name} is {:?} instead of {dtype:?}", tensor.dtype()).into());
            }
            Ok(tensor.data())
        };
        let halves = |bytes: &[u8]| -> Vec<[u8; 2]> { bytes.as_chunks().0.to_vec() };
        let places = |name: &str| -> Result<Vec<usize>> {
            let places = halves(part(name, Dtype::U16)?);
            Ok(places.into_iter().map(|at| u16::from_le_bytes(at).into()).collect())
        };
        let kept = Kept::new((shape.inputs(), shape.outputs), places("inputs")?, places("outputs")?)?;
        let [bits @ 2..=16] = *part("bits", Dtype::U8)? else {
            return Err(format!("{} has no width of 2 to 16 bits", shape.name).into());
        };
        let codes = part("levels", Dtype::U8)?;
        let (low, high) = codes.split_at(codes.len() / 2);
        let level = |(&low, &high)| i32::from(u16::from_le_bytes([low, high])) - offset(bits.into());
        let levels: Vec<i32> = low.iter().zip(high).map(level).collect();
        let (inputs, outputs) = (kept.inputs().len(), kept.outputs().len());
        let levels = Weights::from_row_slice(inputs, outputs, bits.into(), &levels)?;
        let step: [u8; 8] = part("step", Dtype::F64)?.try_into()?;
        let step = f64::from_le_bytes(step);
        let values = levels.as_row_slice().iter().map(|&level| (f64::from(level) * step) as f32).collect();
        let weights = kept.expand(&RealWeights::from_row_vec(inputs, outputs, values)?)?;
        let biases: Vec<f32> =
            part("bias", Dtype::F32)?.as_chunks().0.iter().map(|&bias| f32::from_le_bytes(bias)).collect();
        if biases.len() != shape.outputs {
            return Err(format!("{} has {} biases", shape.name, biases.len()).into());
        }
        stage.network.push(Parameters { weights: weights.into_row_vec(), biases });
        stage.kept.push(kept);
    }
    Ok(stage)
}
