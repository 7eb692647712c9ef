//! LeNet-5 trained in Rust, then made to fit crossbars as FORMS does: pruned, polarized and quantised by
//! ADMM, and programmed.
//!
//! The default run reads trained networks from `examples/training` and takes seconds.
//!
//! ```text
//! cargo run --release --example lenet5_admm -- --dies 50
//! cargo run --release --example lenet5_admm -- --train
//! cargo run --release --example lenet5_admm -- --folds 5
//! ```

#[path = "support/command.rs"]
mod command;
#[path = "support/float.rs"]
#[allow(dead_code, reason = "networks come from another file here")]
mod float;
#[allow(dead_code, reason = "networks come from another file here")]
mod support;
mod training;

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use command::exit_code;
use float::{logits, pixels};
use forms_xbar::study::{Interval, Study};
use forms_xbar::{Key, Mapping, Programming};
use support::digits::Digits;
use support::integer::accuracy;
use support::lenet::SHAPES;
use support::{DATA, Result};
use training::hardware::{DIFFERENTIAL, Quantised, mean_eic, weights};
use training::network::layers;
use training::steps::{Stage, Step, Trainer};
use training::{folds, store};

/// Training images that set the scales of the activations.
const CALIBRATION: usize = 200;

/// LeNet-5 pruned, polarized and quantised by ADMM, on crossbars
#[derive(Debug, Parser)]
struct Options {
    /// Rows of a fragment: 4, 8 or 16, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "4,8,16", value_parser = fragment)]
    fragment: Vec<usize>,
    /// Dies with variation, of every network and mapping
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    dies: u32,
    /// Standard deviation of ln G of the programming error
    #[arg(long, default_value_t = 0.1)]
    sigma: f64,
    /// Test images read through crossbars, 1 to 1000; float networks see all
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    images: u32,
    /// Trains the networks of all fragments anew and stores them first (minutes)
    #[arg(long)]
    train: bool,
    /// Instead: trains this many of five folds of all images, polarized against float (minutes each)
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=5))]
    folds: Option<u32>,
    /// Seed of first weights, order of images and dies
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder of the trained networks
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/training"))]
    networks: PathBuf,
}

fn fragment(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(fragment @ (4 | 8 | 16)) => Ok(fragment),
        _ => Err("networks are trained for fragments of 4, 8 or 16".into()),
    }
}

fn main() -> ExitCode {
    exit_code(run(&Options::parse()))
}

fn run(options: &Options) -> Result<()> {
    Programming::Lognormal { sigma: options.sigma }.check()?;
    let train = Digits::read(Path::new(DATA), "train")?;
    let test = Digits::read(Path::new(DATA), "test")?;
    if let Some(run) = options.folds {
        return compare(options, run as usize, &train, &test);
    }
    if options.train {
        train_all(options, &train)?;
    }
    report(options, &train, &test)
}

/// Trains every network and stores it.
fn train_all(options: &Options, train: &Digits) -> Result<()> {
    let images = pixels(train.images(train.labels().len())?);
    let trainer = Trainer { images: &images, labels: train.labels(), seed: options.seed };
    let store =
        |name: &str, stage: &Stage, on_levels| store::write(&options.networks, name, stage, on_levels);
    let base = trainer.float()?;
    let polarize = Step::PRUNE.polarize(4);
    let float = trainer.go_on(base.clone(), &[Step::PRUNE, polarize, polarize.quantize()])?;
    store("float", &float, false)?;
    let pruned = trainer.constrain(&base, Step::PRUNE, None)?;
    store("pruned", &pruned, false)?;
    for fragment in [4, 8, 16] {
        let step = Step::PRUNE.polarize(fragment);
        let polarized = trainer.constrain(&pruned, step, Some(Step::PRUNE))?;
        store(&format!("polarized{fragment}"), &polarized, false)?;
        let quantized = trainer.constrain(&polarized, step.quantize(), Some(step))?;
        store(&format!("quantised{fragment}"), &quantized, true)?;
        let whole = step.unpruned();
        let polarized = trainer.constrain(&base, whole, None)?;
        let quantized = trainer.constrain(&polarized, whole.quantize(), Some(whole))?;
        store(&format!("unpruned{fragment}"), &quantized, true)?;
    }
    Ok(())
}

fn percent(fraction: f64) -> String {
    format!("{:.1} %", 100.0 * fraction)
}

/// Points of a percent.
fn points(interval: Interval) -> String {
    let [mean, low, high] = [interval.mean, interval.low, interval.high].map(|x| 100.0 * x + 0.0);
    format!("{mean:.2} ({low:.2} to {high:.2})")
}

fn compare(options: &Options, run: usize, train: &Digits, test: &Digits) -> Result<()> {
    let images = [train.images(train.labels().len())?, test.images(test.labels().len())?].concat();
    let labels = [train.labels(), test.labels()].concat();
    let comparisons = folds::compare(&options.fragment, &images, &labels, (5, run), options.seed)?;
    let mut out = stdout();
    writeln!(
        out,
        "Polarized and quantised to 8 bits against float, as many epochs each, folds run: {run} of 5\n"
    )?;
    writeln!(out, "| fragment | images | float | polarized | difference in points (95 % over images) |")?;
    writeln!(out, "| --- | --- | --- | --- | --- |")?;
    for folds::Comparison { fragment, images, float, polarized, difference } in comparisons {
        let (float, polarized) = (100.0 * float, 100.0 * polarized);
        let difference = points(difference);
        writeln!(out, "| {fragment} | {images} | {float:.2} % | {polarized:.2} % | {difference} |")?;
    }
    Ok(())
}

fn report(options: &Options, train: &Digits, test: &Digits) -> Result<()> {
    let all = test.images(test.labels().len())?;
    let count = options.images as usize;
    let (images, labels) = (test.images(count)?, &test.labels()[..count]);
    let calibration = train.images(CALIBRATION)?;
    let of_float = |stage: &Stage| -> Result<String> {
        Ok(percent(accuracy(&logits(&layers(&stage.network)?, all), test.labels())))
    };
    let read = |name: &str| store::read(&options.networks, name);
    let (float, pruned) = (read("float")?, read("pruned")?);
    let ratio = weights(&float) as f64 / weights(&pruned) as f64;
    // Not println!, which panics when the reader of a pipe goes away.
    let mut out = stdout();
    writeln!(
        out,
        "LeNet-5: {} weights, {} after pruning to whole crossbars ({ratio:.2} ×).\n\n\
         Accuracy on {} test images; on crossbars of {count} of them\n",
        weights(&float),
        weights(&pruned),
        test.labels().len()
    )?;
    writeln!(out, "| fragment | float | pruned | polarized | quantised | integers | crossbars |")?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- | --- |")?;
    let mut networks = Vec::new();
    for &fragment in &options.fragment {
        let (polarized, quantized) =
            (read(&format!("polarized{fragment}"))?, read(&format!("quantised{fragment}"))?);
        let integers = Quantised::new(&quantized, calibration)?;
        let exact = integers.exact(all);
        let machine = (Mapping::Polarized { fragment }, fragment);
        let outcome = integers.read(machine, 0.0, Key::from(0), images, labels)?;
        if outcome.logits != exact[..outcome.logits.len()] {
            return Err(
                format!("fragment {fragment}: crossbars without error do not give the integers").into()
            );
        }
        writeln!(
            out,
            "| {fragment} | {} | {} | {} | {} | {} | {} |",
            of_float(&float)?,
            of_float(&pruned)?,
            of_float(&polarized)?,
            of_float(&quantized)?,
            percent(accuracy(&exact, test.labels())),
            percent(outcome.accuracy)
        )?;
        networks.push((fragment, quantized, integers, outcome.activity));
    }
    let mut unpruned = Vec::new();
    writeln!(
        out,
        "\nNothing pruned\n\n| fragment | float | quantised | integers |\n| --- | --- | --- | --- |"
    )?;
    for &fragment in &options.fragment {
        let stage = read(&format!("unpruned{fragment}"))?;
        let integers = Quantised::new(&stage, calibration)?;
        let exact = percent(accuracy(&integers.exact(all), test.labels()));
        writeln!(out, "| {fragment} | {} | {} | {exact} |", of_float(&float)?, of_float(&stage)?)?;
        unpruned.push((fragment, integers));
    }

    let original = Quantised::new(&float, calibration)?;
    writeln!(out, "\nCrossbars of 128 × 128 2-bit cells, 8-bit weights\n")?;
    writeln!(out, "| network | mapping | {} | all |", SHAPES.map(|shape| shape.name).join(" | "))?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- | --- | --- |")?;
    let mut arrays = |network: &str, name: &str, quantised: &Quantised, mapping, fragment| -> Result<usize> {
        let arrays = quantised.arrays(mapping, fragment)?;
        let cells: Vec<String> = arrays.iter().map(usize::to_string).collect();
        let all = arrays.iter().sum();
        writeln!(out, "| {network} | {name} | {} | {all} |", cells.join(" | "))?;
        Ok(all)
    };
    let before = arrays("original", "differential", &original, DIFFERENTIAL, 8)?;
    arrays("original", "offset", &original, Mapping::Offset, 8)?;
    for (fragment, integers) in &unpruned {
        let polarized = Mapping::Polarized { fragment: *fragment };
        arrays(&format!("unpruned, m = {fragment}"), "polarized", integers, polarized, *fragment)?;
    }
    let mut after = Vec::new();
    for (fragment, _, integers, _) in &networks {
        let name = format!("final, m = {fragment}");
        arrays(&name, "differential", integers, DIFFERENTIAL, *fragment)?;
        arrays(&name, "offset", integers, Mapping::Offset, *fragment)?;
        let polarized = Mapping::Polarized { fragment: *fragment };
        after.push((*fragment, arrays(&name, "polarized", integers, polarized, *fragment)?));
    }
    writeln!(
        out,
        "\nReduction as FORMS counts it: {ratio:.2} (weights pruned) × 4 (32 to 8 bits) × 2 (polarized) = {:.1}.",
        ratio * 8.0
    )?;
    for (fragment, after) in after {
        let factor = before as f64 / after as f64;
        writeln!(out, "Whole crossbars at 8 bits, m = {fragment}: {before} to {after}, {factor:.1} ×.")?;
    }

    writeln!(out, "\nMean effective input cycles of the fragments ({count} images)\n")?;
    writeln!(out, "| m | activations | {} |", SHAPES.map(|shape| shape.name).join(" | "))?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- | --- |")?;
    for (fragment, quantized, _, activity) in &networks {
        let mut line = |bits: &str, eic: Vec<f64>| {
            let cells: Vec<String> = eic.iter().map(|eic| format!("{eic:.2}")).collect();
            writeln!(out, "| {fragment} | {bits} | {} |", cells.join(" | "))
        };
        line("8 bits, counted on crossbars", activity.iter().map(|layer| layer.mean_eic()).collect())?;
        for bits in [8, 16] {
            let eic = mean_eic(quantized, *fragment, bits, calibration, images)?;
            line(&format!("{bits} bits, of float activations"), eic)?;
        }
    }

    let dies = options.dies as usize;
    let study = Study::new(dies, Key::from(u128::from(options.seed)))?;
    writeln!(
        out,
        "\nAccuracy lost to lognormal variation, σ = {} of ln G, in points (95 % over {dies} dies), {count} images\n",
        options.sigma
    )?;
    writeln!(out, "| network | mapping | loss |")?;
    writeln!(out, "| --- | --- | --- |")?;
    let mut loss = |network: &str, name: &str, quantised: &Quantised, machine| -> Result<()> {
        let loss = quantised.loss(machine, options.sigma, &study, images, labels)?;
        Ok(writeln!(out, "| {network} | {name} | {} |", points(loss))?)
    };
    loss("original", "differential", &original, (DIFFERENTIAL, 8))?;
    for (fragment, integers) in &unpruned {
        let machine = (Mapping::Polarized { fragment: *fragment }, *fragment);
        loss(&format!("polarized, m = {fragment}"), "polarized", integers, machine)?;
    }
    loss("pruned", "differential", &Quantised::new(&pruned, calibration)?, (DIFFERENTIAL, 8))?;
    for (fragment, _, integers, _) in &networks {
        let machine = (Mapping::Polarized { fragment: *fragment }, *fragment);
        loss(&format!("pruned and polarized, m = {fragment}"), "polarized", integers, machine)?;
    }
    writeln!(
        out,
        "\nFORMS, LeNet-5: 99.17 %, lost 0.02 less, 0.01 less, 0.14 for m = 4, 8, 16; pruned 23.18 ×, reduction 185.44 ×."
    )?;
    Ok(())
}
