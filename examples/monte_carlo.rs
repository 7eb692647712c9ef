//! LeNet-5 on real digits: what programming error costs under three signed mappings.
//!
//! Quantises a trained network to 8 bits, programs every layer on crossbars (convolutions by
//! im2col; biases, ReLU and pooling digital), and classifies test images through the analog path on
//! many dies. Prints a table and writes `monte_carlo.csv` and `monte_carlo.svg`.
//!
//! ```text
//! cargo run --release --example monte_carlo -- --dies 20 --sigma 0,0.1 --mapping polarized
//! ```

#[path = "support/command.rs"]
mod command;
#[path = "support/folder.rs"]
mod folder;
mod support;

#[path = "support/plot.rs"]
mod plot;
#[path = "support/summary.rs"]
mod summary;

use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use forms_xbar::study::Study;
use forms_xbar::{Adc, Design, Key, Mapping, Programming, Subtraction};
use indicatif::{ProgressBar, ProgressStyle};

use command::exit_code;
use folder::make_folder;
use summary::{DieResult, Label, Summary, accuracy_table, activity_tables, csv};
use support::crossbars::{Crossbars, machine};
use support::digits::Digits;
use support::integer::{Network, accuracy};
use support::{DATA, Result, lenet};

/// Training images that set the scales of the activations.
const CALIBRATION: usize = 200;

/// Monte-Carlo over dies: LeNet-5 on crossbars, real digits, lognormal programming error.
#[derive(Debug, Parser)]
struct Options {
    /// Dies at every sigma but 0, where all dies are alike
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    dies: u32,
    /// Standard deviations of ln G, separated by commas; 0, the reference, is always run
    #[arg(long, value_delimiter = ',', default_value = "0,0.05,0.1,0.2,0.3", value_parser = sigma)]
    #[arg(allow_hyphen_values = true)]
    sigma: Vec<f64>,
    /// Rows of a fragment, and rows driven together by every mapping: 4, 8 or 16
    #[arg(long, default_value_t = 8, value_parser = fragment)]
    fragment: usize,
    /// Bits of the granular ADC, 1 to 16 [default: the fewest that lose nothing]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=16))]
    adc_bits: Option<u32>,
    /// Mapping to run
    #[arg(long, value_enum, default_value_t = Choice::All)]
    mapping: Choice,
    /// Seed of all draws
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Test images, 1 to 1000
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    images: u32,
    /// Folder for monte_carlo.csv and monte_carlo.svg
    #[arg(long, default_value = "out")]
    out: PathBuf,
    /// Threads; no result depends on them [default: as many as the machine offers]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Choice {
    Polarized,
    Differential,
    Offset,
    All,
}

fn sigma(text: &str) -> std::result::Result<f64, String> {
    let sigma: f64 = text.trim().parse().map_err(|error| format!("{error}"))?;
    Programming::Lognormal { sigma }.check().map_err(|error| error.to_string())?;
    // Minus zero is zero, also in the CSV.
    Ok(sigma.abs())
}

fn fragment(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(fragment @ (4 | 8 | 16)) => Ok(fragment),
        _ => Err("the networks are polarized for fragments of 4, 8 or 16".into()),
    }
}

fn main() -> ExitCode {
    exit_code(run(&Options::parse()))
}

fn run(options: &Options) -> Result<()> {
    let images = options.images as usize;
    let test = Digits::read(Path::new(DATA), "test")?;
    let pixels = test.images(images)?;
    let train = Digits::read(Path::new(DATA), "train")?;
    let calibration = train.images(CALIBRATION)?;
    let polarized = Named::load(format!("lenet5-polarized{}", options.fragment), calibration)?;
    let unpolarized = Named::load("lenet5".into(), calibration)?;
    make_folder(&options.out)?;

    let adc_bits = match options.adc_bits {
        Some(bits) => bits,
        None => lossless_adc_bits(options.fragment)?,
    };
    let configurations = configurations(options, adc_bits, &polarized, &unpolarized)?;
    // Not println!, which panics when the reader of a pipe goes away.
    let mut out = stdout();
    writeln!(
        out,
        "LeNet-5 on crossbars of 128 × 128 2-bit cells: {images} test images, fragment {}, {adc_bits}-bit \
         granular ADC ({}), seed {}",
        options.fragment,
        match lossless_adc_bits(options.fragment)? {
            lossless if adc_bits >= lossless => "lossless".into(),
            lossless => format!("clips: lossless from {lossless} bits"),
        },
        options.seed
    )?;
    for named in [&polarized, &unpolarized] {
        if configurations.iter().any(|configuration| configuration.network.name == named.name) {
            let exact = named.network.all_logits(pixels);
            let percent = 100.0 * accuracy(&exact, test.labels());
            writeln!(out, "  integer network {}: {percent:.1} % of these images", named.name)?;
        }
    }

    let (summaries, failure) = simulate(options, adc_bits, &configurations, pixels, test.labels())?;
    if let (true, Some(failure)) = (summaries.is_empty(), &failure) {
        return Err(failure.as_str().into());
    }
    let write = |file: &str, text: String| {
        let path = options.out.join(file);
        fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok::<_, String>(path.display().to_string())
    };
    let csv = write("monte_carlo.csv", csv(&summaries))?;
    let svg = write("monte_carlo.svg", plot::svg(&summaries)?)?;
    writeln!(
        out,
        "\n{}\n\
         Loss: accuracy at σ = 0 less that of each die, on the same images; a die has the same random draws in\n\
         every row. Below: mean EIC of the fragments of a layer, of 8 planes; clipped as shares of conversions.\n\
         {}\n\
         Wrote {csv} and {svg}.",
        accuracy_table(&summaries),
        activity_tables(&summaries)
    )?;
    failure.map_or(Ok(()), |failure| Err(failure.into()))
}

/// The width at which all mappings are lossless: with as many rows driven, all reach the same sums.
fn lossless_adc_bits(fragment: usize) -> Result<u32> {
    Ok(machine(Mapping::Polarized { fragment }, fragment, 0.0)?.build()?.lossless_adc_bits())
}

/// A quantised network and the name of its file.
#[derive(Debug)]
struct Named {
    name: String,
    network: Network,
}

impl Named {
    fn load(name: String, calibration: &[u8]) -> Result<Self> {
        let trained = lenet::read(&Path::new(DATA).join(format!("{name}.safetensors")))?;
        let network = Network::quantize(&trained, calibration).map_err(|error| format!("{name}: {error}"))?;
        Ok(Named { name, network })
    }
}

/// A network, a mapping, and a design for every σ.
#[derive(Debug)]
struct Configuration<'a> {
    label: Label,
    network: &'a Named,
    designs: Vec<(f64, Design)>,
}

/// All mappings of the polarized weights, then those of the unpolarized that can hold them.
fn configurations<'a>(
    options: &Options,
    adc_bits: u32,
    polarized: &'a Named,
    unpolarized: &'a Named,
) -> Result<Vec<Configuration<'a>>> {
    let mut sigmas = options.sigma.clone();
    sigmas.push(0.0);
    sigmas.sort_by(f64::total_cmp);
    sigmas.dedup();
    let fragment = options.fragment;
    let mappings = [
        (Choice::Polarized, "polarized", Mapping::Polarized { fragment }),
        (Choice::Differential, "differential", Mapping::Differential { subtraction: Subtraction::Digital }),
        (Choice::Offset, "offset", Mapping::Offset),
    ];
    let mut configurations = Vec::new();
    for network in [polarized, unpolarized] {
        let is_polarized = network.name == polarized.name;
        for (choice, name, mapping) in mappings {
            if ![choice, Choice::All].contains(&options.mapping)
                || (choice == Choice::Polarized && !is_polarized)
            {
                continue;
            }
            let design = |&sigma: &f64| {
                let design = machine(mapping, fragment, sigma)?.adc(Adc::granular(adc_bits)).build()?;
                Ok((sigma, design))
            };
            configurations.push(Configuration {
                label: Label { network: network.name.clone(), mapping: name, polarized: is_polarized },
                network,
                designs: sigmas.iter().map(design).collect::<Result<_>>()?,
            });
        }
    }
    Ok(configurations)
}

/// Programs and reads every die of every configuration and σ, and sums up. What fails is left out of
/// the summaries and said beside them.
fn simulate(
    options: &Options,
    adc_bits: u32,
    configurations: &[Configuration<'_>],
    images: &[u8],
    labels: &[u8],
) -> Result<(Vec<Summary>, Option<String>)> {
    let dies_at = |sigma: f64| if sigma == 0.0 { 1 } else { options.dies as usize };
    let jobs: Vec<(&Configuration<'_>, &Design, u64)> = configurations
        .iter()
        .flat_map(|c| c.designs.iter().map(move |(sigma, design)| (c, *sigma, design)))
        .flat_map(|(c, sigma, design)| (0..dies_at(sigma) as u64).map(move |die| (c, design, die)))
        .collect();
    let key = Key::from(u128::from(options.seed));
    let mut study = Study::new(jobs.len(), key)?;
    if let Some(threads) = options.threads {
        study = study.with_threads(threads as usize)?;
    }
    let bar = ProgressBar::new(jobs.len() as u64).with_style(ProgressStyle::with_template(
        "{msg} {wide_bar} {pos}/{len} dies, {elapsed} elapsed, {eta} left",
    )?);
    bar.set_message("programming and reading");
    let mut results = study
        .run(|job, _| {
            let (configuration, design, die) = jobs[job];
            // A die has the same draws in every configuration and at every σ: comparisons are paired.
            let result = read_die(configuration, design, key.child(die), images, labels);
            bar.inc(1);
            result
        })
        .into_iter();
    bar.finish_and_clear();

    let (mut summaries, mut failure) = (Vec::new(), None);
    for configuration in configurations {
        let mut ideal = None;
        for &(sigma, _) in &configuration.designs {
            // Taken whole before it is judged: the next ones must find their place.
            let dies: Vec<_> = results.by_ref().take(dies_at(sigma)).collect();
            let dies = match dies.into_iter().collect::<forms_xbar::Result<Vec<DieResult>>>() {
                Ok(dies) => dies,
                Err(error) => {
                    let Label { network, mapping, .. } = &configuration.label;
                    failure
                        .get_or_insert(format!("{mapping} mapping of {network} at sigma {sigma}: {error}"));
                    continue;
                }
            };
            // The first σ is 0, and has one die.
            let ideal = *ideal.get_or_insert(dies[0].accuracy);
            let images = options.images as usize;
            let settings = (options.fragment, adc_bits);
            summaries.push(Summary::new(configuration.label.clone(), settings, sigma, images, &dies, ideal)?);
        }
    }
    Ok((summaries, failure))
}

fn read_die(
    configuration: &Configuration<'_>,
    design: &Design,
    key: Key,
    images: &[u8],
    labels: &[u8],
) -> forms_xbar::Result<DieResult> {
    let crossbars = Crossbars::program(design, &configuration.network.network, key)?;
    let reading = crossbars.read(images)?;
    Ok(DieResult {
        accuracy: accuracy(&reading.logits, labels),
        arrays: crossbars.arrays(),
        activity: reading.activity,
    })
}
