//! Which design is worth its energy and its area: LeNet-5 on real digits over fragment, ADC, column flip, cell and
//! mapping.
//!
//! Every point programs a trained network on dies with lognormal programming error, reads test images through the
//! analog path, and prices what was counted by FORMS's component table. Prints the Pareto fronts of accuracy
//! against energy per inference and against area, and writes `design_space.csv` and `design_space.svg`.
//!
//! ```text
//! cargo run --release --example design_space -- --images 100 --dies 2 --sigma 0.1
//! ```

#[path = "support/command.rs"]
mod command;
#[path = "support/folder.rs"]
mod folder;
mod space;
mod support;

use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use forms_xbar::study::Study;
use forms_xbar::{Key, Programming};
use indicatif::{ProgressBar, ProgressStyle};

use command::exit_code;
use folder::make_folder;
use space::point::{Point, Setting, settings};
use space::{csv, front, plot, text};
use support::digits::Digits;
use support::integer::{Network, accuracy};
use support::{DATA, Result, lenet};

/// Training images that set the scales of the activations.
const CALIBRATION: usize = 100;

/// Accuracy, energy and area over fragment, ADC bits, column flip, cell bits and mapping.
#[derive(Debug, Parser)]
struct Options {
    /// Dies of every point
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=1000))]
    dies: u32,
    /// Standard deviation of ln G of the programming error
    #[arg(long, default_value_t = 0.1)]
    sigma: f64,
    /// Test images, 1 to 1000
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    images: u32,
    /// Seed of all draws
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for design_space.csv and design_space.svg
    #[arg(long, default_value = "out")]
    out: PathBuf,
    /// Threads; no result depends on them [default: as many as the machine offers]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,
}

fn main() -> ExitCode {
    exit_code(run(&Options::parse()))
}

fn run(options: &Options) -> Result<()> {
    Programming::Lognormal { sigma: options.sigma }.check()?;
    let images = options.images as usize;
    let test = Digits::read(Path::new(DATA), "test")?;
    let pixels = test.images(images)?;
    let train = Digits::read(Path::new(DATA), "train")?;
    let networks = Networks::load(train.images(CALIBRATION)?)?;
    make_folder(&options.out)?;

    let settings = settings()?;
    let dies = options.dies as usize;
    let key = Key::from(u128::from(options.seed));
    let mut study = Study::new(settings.len(), key)?;
    if let Some(threads) = options.threads {
        study = study.with_threads(threads as usize)?;
    }
    let bar = ProgressBar::new(settings.len() as u64).with_style(ProgressStyle::with_template(
        "{wide_bar} {pos}/{len} designs, {elapsed} elapsed, {eta} left",
    )?);
    let points = study.run(|at, _| {
        let setting = settings[at];
        // A die has the same draws in every design: comparisons are paired.
        let keys: Vec<Key> = (0..dies as u64).map(|die| key.child(die)).collect();
        let network = networks.of(&setting);
        let point = Point::new(setting, network, options.sigma, &keys, pixels, test.labels());
        bar.inc(1);
        point
    });
    bar.finish_and_clear();
    let points = points.into_iter().collect::<forms_xbar::Result<Vec<Point>>>()?;

    let by_energy = front(&points, |point| point.joules);
    let by_area = front(&points, |point| point.square_metres);
    let mut out = stdout();
    // Not println!, which panics when the reader of a pipe goes away.
    writeln!(
        out,
        "LeNet-5 on FORMS's MCUs: {} designs, {images} test images, dies of each: {dies}, σ = {} of ln G, seed {}",
        points.len(),
        options.sigma,
        options.seed
    )?;
    for (name, network) in networks.named() {
        let exact = 100.0 * accuracy(&network.all_logits(pixels), test.labels());
        writeln!(out, "  integer network {name}: {exact:.1} % of these images")?;
    }
    writeln!(out, "\nPareto front of accuracy against energy\n{}", text(&points, &by_energy))?;
    writeln!(out, "Pareto front of accuracy against area\n{}", text(&points, &by_area))?;
    let write = |file: &str, text: String| {
        let path = options.out.join(file);
        fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok::<_, String>(path.display().to_string())
    };
    let csv = write("design_space.csv", csv(&points, &by_energy, &by_area))?;
    let title = format!("σ = {} of ln G, {images} test images, dies of each design: {dies}", options.sigma);
    let svg = write("design_space.svg", plot::svg(&points, &by_energy, &by_area, &title)?)?;
    writeln!(out, "Wrote {csv} and {svg}.")?;
    Ok(())
}

/// The trained networks: polarized for each fragment, and without polarization for the other mappings.
struct Networks(Vec<(String, Network)>);

impl Networks {
    fn load(calibration: &[u8]) -> Result<Self> {
        let names = ["lenet5", "lenet5-polarized4", "lenet5-polarized8", "lenet5-polarized16"];
        let load = |name: &str| {
            let trained = lenet::read(&Path::new(DATA).join(format!("{name}.safetensors")))?;
            Ok((name.to_owned(), Network::quantize(&trained, calibration)?))
        };
        Ok(Networks(names.into_iter().map(load).collect::<Result<_>>()?))
    }

    fn named(&self) -> impl Iterator<Item = (&str, &Network)> {
        self.0.iter().map(|(name, network)| (name.as_str(), network))
    }

    fn of(&self, setting: &Setting) -> &Network {
        let at = match (setting.is_polarized(), setting.fragment) {
            (false, _) => 0,
            (true, 4) => 1,
            (true, 8) => 2,
            (true, _) => 3,
        };
        &self.0[at].1
    }
}
