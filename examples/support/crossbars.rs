//! The quantised network on crossbars: every matrix analog; biases, ReLU and pooling digital.

use forms_xbar::activity::ActivityLevel;
use forms_xbar::mapping::Layout;
use forms_xbar::polarize::Kept;
use forms_xbar::{Activity, Budget, Design, DesignBuilder, Die, Key, Mapping, Programming, Weights, presets};

use super::digits::PIXELS;
use super::integer::{BITS, Layer, Network};
use super::lenet::{DEPTH, Shape};

/// FORMS's machine with inputs of 8 bits, this mapping and programming error. As many rows are
/// driven together as a fragment has, whatever the mapping, so that all get by with one ADC.
pub(crate) fn machine(mapping: Mapping, fragment: usize, sigma: f64) -> forms_xbar::Result<DesignBuilder> {
    let cell = presets::forms().build()?.cell().clone();
    Ok(presets::forms()
        .mapping(mapping)
        .active_rows(fragment)
        .input_bits(BITS)
        .cell(cell.with_programming(Programming::Lognormal { sigma })))
}

/// What is counted of every read.
const LEVEL: ActivityLevel = ActivityLevel::CountsAndEnergy;

/// What reading images did.
#[derive(Debug)]
pub(crate) struct Reading {
    /// Image after image, in units of weight × activation of the last layer.
    pub(crate) logits: Vec<f64>,
    /// What each layer's crossbars did.
    pub(crate) activity: [Activity; DEPTH],
}

/// A network programmed on crossbars, a set of them for every layer.
#[derive(Debug)]
pub(crate) struct Crossbars<'a> {
    layers: Vec<(&'a Layer, Die)>,
    /// The rows and columns of every layer that its crossbars hold, where not all.
    kept: Option<&'a [Kept]>,
}

impl<'a> Crossbars<'a> {
    /// Images read through one layer before the next is touched: a layer's cells stay in cache, and
    /// the unrolled patches stay small.
    const BATCH: usize = 20;

    /// Programs every layer with a child of `key`.
    pub(crate) fn program(design: &Design, network: &'a Network, key: Key) -> forms_xbar::Result<Self> {
        Self::program_kept(design, network, None, key)
    }

    /// The same, with these rows and columns of every layer alone: those that pruning kept.
    pub(crate) fn program_kept(
        design: &Design,
        network: &'a Network,
        kept: Option<&'a [Kept]>,
        key: Key,
    ) -> forms_xbar::Result<Self> {
        let program = |(index, layer): (usize, &'a Layer)| {
            let (inputs, outputs) = (layer.shape.inputs(), layer.shape.outputs);
            let weights = match kept.map(|kept| &kept[index]) {
                None => Weights::from_column_slice(inputs, outputs, BITS, &layer.weights)?,
                Some(kept) => {
                    let column =
                        |&output: &usize| kept.inputs().iter().map(move |&input| output * inputs + input);
                    let places = kept.outputs().iter().flat_map(column);
                    let compact: Vec<i32> = places.map(|at| layer.weights[at]).collect();
                    Weights::from_column_slice(kept.inputs().len(), kept.outputs().len(), BITS, &compact)?
                }
            };
            Ok((layer, design.program_keyed(&weights, key.child(index as u64))?))
        };
        let layers = network.layers.iter().enumerate().map(program).collect::<forms_xbar::Result<_>>()?;
        Ok(Crossbars { layers, kept })
    }

    /// Crossbars of every layer.
    pub(crate) fn arrays(&self) -> Vec<usize> {
        self.layouts().map(Layout::arrays).collect()
    }

    /// Where the weights of every layer lie.
    pub(crate) fn layouts(&self) -> impl Iterator<Item = &Layout> {
        self.layers.iter().map(|(_, die)| die.layout())
    }

    /// Reads contiguous images.
    pub(crate) fn read(&self, images: &[u8]) -> forms_xbar::Result<Reading> {
        // Tables return the same bits; a few images do not outweigh building them.
        let is_worth_tables = images.len() > Self::BATCH * PIXELS;
        let dies =
            self.layers.iter().filter(|_| is_worth_tables).map(|(_, die)| die.prepare(Budget::default()));
        let prepared = dies.collect::<forms_xbar::Result<Vec<_>>>()?;
        // The machine has no read noise, so nothing is drawn from any key.
        let keys = |_| Key::from(0);
        let mut reading = Reading { logits: Vec::new(), activity: [Activity::default(); DEPTH] };
        for images in images.chunks(Self::BATCH * PIXELS) {
            let mut activations = images.to_vec();
            let mut sums = Vec::new();
            for (at, ((layer, die), activity)) in self.layers.iter().zip(&mut reading.activity).enumerate() {
                let mut patches = unroll(&layer.shape, &activations);
                let kept = self.kept.map(|kept| &kept[at]);
                if let Some(kept) = kept {
                    patches = pick(&patches, layer.shape.inputs(), kept.inputs());
                }
                let mut y = vec![0i64; patches.len() / die.inputs() * die.outputs()];
                *activity += match prepared.get(at) {
                    Some(prepared) => prepared.mvm_batch_into_keyed(&patches, keys, &mut y, LEVEL)?,
                    None => die.mvm_batch_into_keyed(&patches, keys, &mut y, LEVEL)?,
                };
                if let Some(kept) = kept {
                    y = scatter(&y, kept.outputs(), layer.shape.outputs);
                }
                sums = with_biases(layer, &y, die.y_scale());
                activations = activate(layer, &sums);
            }
            reading.logits.extend(sums);
        }
        Ok(reading)
    }
}

/// The input vectors of a convolution (im2col): image after image, one vector per position of the
/// kernel, flattened (channel, row, column).
pub(crate) fn unroll<T: Copy + Default>(shape: &Shape, maps: &[T]) -> Vec<T> {
    let Shape { channels, side, kernel, padding, .. } = *shape;
    let (positions, padded) = (shape.output_side(), side + 2 * padding);
    let mut patches = Vec::new();
    let mut frame = vec![T::default(); channels * padded * padded];
    for image in maps.chunks_exact(channels * side * side) {
        for (at, row) in image.chunks_exact(side).enumerate() {
            let (channel, y) = (at / side, at % side + padding);
            frame[(channel * padded + y) * padded + padding..][..side].copy_from_slice(row);
        }
        for (top, left) in (0..positions).flat_map(|top| (0..positions).map(move |left| (top, left))) {
            for (channel, row) in (0..channels).flat_map(|c| (0..kernel).map(move |row| (c, row))) {
                let start = (channel * padded + top + row) * padded + left;
                patches.extend_from_slice(&frame[start..start + kernel]);
            }
        }
    }
    patches
}

/// These places of every vector.
pub(crate) fn pick<T: Copy>(vectors: &[T], length: usize, places: &[usize]) -> Vec<T> {
    vectors.chunks_exact(length).flat_map(|vector| places.iter().map(|&at| vector[at])).collect()
}

/// Vectors with these values at these places and 0 elsewhere.
fn scatter(values: &[i64], places: &[usize], length: usize) -> Vec<i64> {
    let mut vectors = vec![0; values.len() / places.len() * length];
    for (vector, values) in vectors.chunks_exact_mut(length).zip(values.chunks_exact(places.len())) {
        places.iter().zip(values).for_each(|(&at, &value)| vector[at] = value);
    }
    vectors
}

/// Results in units of weight × activation, with the bias of their output.
fn with_biases(layer: &Layer, y: &[i64], y_scale: f64) -> Vec<f64> {
    y.iter().zip(layer.biases.iter().cycle()).map(|(&y, &bias)| y as f64 * y_scale + bias as f64).collect()
}

/// Pools, rectifies and requantises results, and reorders them from (position, output) to
/// (output, position), the maps the next layer reads.
fn activate(layer: &Layer, sums: &[f64]) -> Vec<u8> {
    let Shape { outputs, pooled, .. } = layer.shape;
    let (side, stride) = (layer.shape.output_side(), if pooled { 2 } else { 1 });
    let mut activations = Vec::with_capacity(sums.len() / (stride * stride));
    for image in sums.chunks_exact(side * side * outputs) {
        let sum = |row: usize, column: usize, output: usize| image[(row * side + column) * outputs + output];
        for output in 0..outputs {
            for (row, column) in
                (0..side / stride).flat_map(|row| (0..side / stride).map(move |column| (row, column)))
            {
                let window = (0..stride * stride)
                    .map(|at| sum(stride * row + at / stride, stride * column + at % stride, output));
                activations.push(layer.requantize(window.fold(f64::NEG_INFINITY, f64::max)));
            }
        }
    }
    activations
}
