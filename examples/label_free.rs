//! Polarizes a trained LeNet-5 from images without labels, and says what accuracy that keeps.

#[path = "support/command.rs"]
#[allow(dead_code, reason = "this command writes no file")]
mod command;
#[path = "support/float.rs"]
mod float;
#[allow(dead_code, reason = "the network on crossbars is another example's")]
mod support;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use command::exit_code;
use float::{FloatLayer, logits, pixels};
use forms_xbar::RealWeights;
use forms_xbar::polarize::{
    Calibration, Polarization, PostTraining, Quantization, RowOrder, ScaleRule, SignRule, Solved,
};
use support::DATA;
use support::digits::Digits;
use support::integer::accuracy;
use support::lenet;

/// Compares projecting once with post-training polarization, with and without reordered rows.
#[derive(Parser)]
struct Options {
    /// Rows of a fragment.
    #[arg(long, value_delimiter = ',', default_value = "4,8,16")]
    fragment: Vec<usize>,
    /// Training images that calibrate; their labels are not used.
    #[arg(long, default_value_t = 1000)]
    images: usize,
    /// Bits of a weight.
    #[arg(long, default_value_t = 8)]
    bits: u32,
    /// Sweeps of the search for a row order.
    #[arg(long, default_value_t = 20)]
    sweeps: usize,
    /// Folder of the digits and networks.
    #[arg(long, default_value = DATA)]
    data: PathBuf,
}

fn main() -> ExitCode {
    exit_code(run(&Options::parse()))
}

/// How a network is polarized.
#[derive(Clone, Copy, PartialEq)]
enum Method {
    /// One projection of every layer.
    Project(SignRule),
    /// Post-training polarization with rows in this order.
    Solve(Order),
}

#[derive(Clone, Copy, PartialEq)]
enum Order {
    Natural,
    /// The cheapest of FORMS's three.
    Forms,
    /// The cheapest of the three, improved by swaps.
    Search,
}

const METHODS: [(&str, Method); 5] = [
    ("one projection, sign of the sum", Method::Project(SignRule::Sum)),
    ("one projection, nearest sign", Method::Project(SignRule::Nearest)),
    ("post-training, rows as they are", Method::Solve(Order::Natural)),
    ("post-training, best of W, H, C-major", Method::Solve(Order::Forms)),
    ("post-training, searched order", Method::Solve(Order::Search)),
];

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let train = Digits::read(&options.data, "train")?;
    let test = Digits::read(&options.data, "test")?;
    let (images, tests) = (train.images(options.images)?, test.images(test.labels().len())?);
    let trained = lenet::read(&Path::new(&options.data).join("lenet5.safetensors"))?;
    let original: Vec<FloatLayer> = trained.iter().map(FloatLayer::new).collect::<Result<_, _>>()?;

    let percent = |layers: &[FloatLayer]| 100.0 * accuracy(&logits(layers, tests), test.labels());
    println!(
        "LeNet-5, {} test images; {} bits a weight; calibrated on {} training images without labels\n",
        test.labels().len(),
        options.bits,
        options.images
    );
    println!("as trained, in floating point: {:.1} %\n", percent(&original));
    println!("| fragment | method | accuracy | error of the outputs, layer by layer |");
    println!("| --- | --- | --- | --- |");
    for &fragment in &options.fragment {
        for (name, method) in METHODS {
            let (layers, errors) = match method {
                Method::Project(rule) => (project(&original, fragment, options.bits, rule)?, Vec::new()),
                Method::Solve(order) => solve(&original, fragment, order, images, options)?,
            };
            let errors: Vec<String> = errors.iter().map(|error| format!("{:.2} %", 100.0 * error)).collect();
            println!("| {fragment} | {name} | {:.1} % | {} |", percent(&layers), errors.join(", "));
        }
    }
    Ok(())
}

fn quantization(bits: u32) -> forms_xbar::Result<Quantization> {
    Quantization::new(bits, ScaleRule::MinMax)
}

fn project(
    original: &[FloatLayer],
    fragment: usize,
    bits: u32,
    rule: SignRule,
) -> forms_xbar::Result<Vec<FloatLayer>> {
    let polarization = Polarization::new(fragment, rule)?;
    let mut layers = original.to_vec();
    for layer in &mut layers {
        polarization.project(&mut layer.weights);
        quantization(bits)?.project(&mut layer.weights)?;
    }
    Ok(layers)
}

/// Layer after layer: what earlier layers have become is part of the calibration.
fn solve(
    original: &[FloatLayer],
    fragment: usize,
    order: Order,
    images: &[u8],
    options: &Options,
) -> forms_xbar::Result<(Vec<FloatLayer>, Vec<f64>)> {
    let mut meant = pixels(images);
    let mut seen = meant.clone();
    let (mut layers, mut errors) = (Vec::new(), Vec::new());
    for layer in original {
        let size = layer.shape.channels * layer.shape.side * layer.shape.side;
        let mut calibration = Calibration::new(layer.weights.inputs())?;
        for (seen, meant) in seen.chunks(100 * size).zip(meant.chunks(100 * size)) {
            calibration.add_pairs(&layer.vectors(seen), &layer.vectors(meant))?;
        }
        let rows = row_order(layer, fragment, order, &calibration, options.sweeps)?;
        let solved: Solved = PostTraining::new(fragment)?
            .with_bias()
            .with_quantization(quantization(options.bits)?)
            .solve(&rows.reorder(&layer.weights)?, &calibration.reordered(&rows)?)?;
        // The network reads its rows in their old order; crossbars would get their inputs in the new one.
        let mut polarized = FloatLayer { weights: rows.inverse().reorder(&solved.weights)?, ..layer.clone() };
        polarized.biases.iter_mut().zip(&solved.bias).for_each(|(bias, &more)| *bias += more as f32);
        errors.push(solved.error);
        meant = forward(layer, &meant, size);
        seen = forward(&polarized, &seen, size);
        layers.push(polarized);
    }
    Ok((layers, errors))
}

fn forward(layer: &FloatLayer, activations: &[f32], size: usize) -> Vec<f32> {
    let images = activations.chunks(100 * size);
    images.flat_map(|images| layer.activate(&layer.sums(&layer.vectors(images)))).collect()
}

fn row_order(
    layer: &FloatLayer,
    fragment: usize,
    order: Order,
    calibration: &Calibration,
    sweeps: usize,
) -> forms_xbar::Result<RowOrder> {
    let (channels, kernel) = (layer.shape.channels, layer.shape.kernel);
    let candidates = [
        RowOrder::width_major(channels, kernel, kernel)?,
        RowOrder::height_major(channels, kernel, kernel)?,
        RowOrder::channel_major(channels, kernel, kernel)?,
    ];
    let power = calibration.power(true)?;
    let weights: &RealWeights = &layer.weights;
    match order {
        Order::Natural => RowOrder::width_major(channels, kernel, kernel),
        Order::Forms => RowOrder::search(&candidates, weights, fragment, Some(&power), 0),
        Order::Search => RowOrder::search(&candidates, weights, fragment, Some(&power), sweeps),
    }
}
