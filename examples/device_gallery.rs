//! Every published device of the crate: its levels, spread, I–V curve and telegraph noise.
//!
//! Programs cells at every level of every device of `presets::devices`, lets them rest for a day, and
//! prints a table; draws levels, spread, I–V curves and telegraph noise as SVG and writes what was
//! measured as CSV.
//!
//! ```text
//! cargo run --release --example device_gallery -- --cells 4000 --seed 1 --out out
//! ```

#[path = "support/command.rs"]
mod command;
#[path = "support/folder.rs"]
mod folder;
mod gallery;

use std::fs;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use forms_xbar::Key;

use command::exit_code;
use folder::make_folder;
use gallery::measure::{Measured, devices};
use gallery::{Result, iv, levels, report, spread, telegraph};

/// Draws what every published device does between a level and a current.
#[derive(Debug, Parser)]
struct Options {
    /// Cells at every level, 100 to 100000
    #[arg(long, default_value_t = 4000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    cells: u32,
    /// Seed of all draws
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for the CSV and the SVGs
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

fn main() -> ExitCode {
    exit_code(run(&Options::parse()))
}

fn run(options: &Options) -> Result<()> {
    make_folder(&options.out)?;
    let key = Key::from(u128::from(options.seed));
    let measured = devices()?
        .into_iter()
        .enumerate()
        .map(|(at, named)| Measured::new(named, options.cells as usize, key.child(at as u64)))
        .collect::<Result<Vec<_>>>()?;

    let files = [
        ("device_gallery.csv", report::csv(&measured)),
        ("device_gallery_levels.svg", levels::svg(&measured)?),
        ("device_gallery_spread.svg", spread::svg(&measured)?),
        ("device_gallery_iv.svg", iv::svg(&measured)?),
        ("device_gallery_telegraph.svg", telegraph::svg(key)?),
    ];
    for (file, text) in &files {
        let path = options.out.join(file);
        fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    // Not println!, which panics when the reader of a pipe goes away.
    writeln!(
        stdout(),
        "{} cells at every level, seed {}\n\n{}\nWrote {} to {}.",
        options.cells,
        options.seed,
        report::table(&measured),
        files.map(|(file, _)| file).join(", "),
        options.out.display()
    )?;
    Ok(())
}
