//! What wires cost: voltages over an array, lost current, accuracy of a network, remedies and time.
//!
//! Solves arrays of random 2-bit cells with resistive wires, prints what is lost and what helps, and draws
//! the voltages of the cells and the lost current as SVG.
//!
//! ```text
//! cargo run --release --example ir_drop -- --rows 128 --columns 128 --ohms 1 --images 300 --out out
//! ```

#[path = "support/command.rs"]
mod command;
#[path = "support/folder.rs"]
mod folder;
mod support;
mod wires;

use std::fs;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use forms_xbar::circuit::{Capacitance, Wires};

use command::exit_code;
use folder::make_folder;
use support::Result;
use wires::array::Array;
use wires::loss::Loss;
use wires::maps::Map;
use wires::{loss, maps, network, remedies, time};

/// Draws what wires leave of the voltages and currents of an array, and says what it costs.
#[derive(Debug, Parser)]
struct Options {
    /// Word lines of the array, 8 to 1024
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(8..=1024))]
    rows: u32,
    /// Bit lines of the array, 2 to 1024
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(2..=1024))]
    columns: u32,
    /// Resistance of word lines and of bit lines per cell pitch (Ω)
    #[arg(long, default_value_t = 1.0, value_parser = ohms, allow_hyphen_values = true)]
    ohms: f64,
    /// Seed of the cells
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Resistances per pitch at which a network of 128 × 128 arrays is read (Ω), separated by commas
    #[arg(long, value_delimiter = ',', default_value = "0,1,2.12,4.4,10", value_parser = ohms)]
    #[arg(allow_hyphen_values = true)]
    network_ohms: Vec<f64>,
    /// Test images of the network, 0 to 1000; 0 leaves it out
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(0..=1000))]
    images: u32,
    /// Pole of the front end (Hz), above 0, at most 1e12
    #[arg(long, default_value_t = 1e9, value_parser = hertz, allow_hyphen_values = true)]
    front_end: f64,
    /// Folder for the SVGs
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

fn ohms(text: &str) -> std::result::Result<f64, String> {
    let ohms: f64 = text.trim().parse().map_err(|error| format!("{error}"))?;
    Wires::new(ohms, ohms).map_err(|error| error.to_string())?;
    Ok(ohms.abs())
}

fn hertz(text: &str) -> std::result::Result<f64, String> {
    let hertz: f64 = text.trim().parse().map_err(|error| format!("{error}"))?;
    Capacitance::of_wires(0.0, 0.0)
        .and_then(|capacitance| capacitance.with_front_end(hertz))
        .map_err(|error| error.to_string())?;
    Ok(hertz)
}

fn main() -> ExitCode {
    exit_code(run(&Options::parse()))
}

fn run(options: &Options) -> Result<()> {
    make_folder(&options.out)?;
    let (rows, columns) = (options.rows as usize, options.columns as usize);
    let array = Array::random(rows, columns, options.seed)?;
    let wires = Wires::new(options.ohms, options.ohms)?;
    // Not println!, which panics when the reader of a pipe goes away.
    let mut out = stdout();
    writeln!(
        out,
        "{rows} × {columns} cells of random levels, {} Ω a pitch, word lines driven before column 0, bit lines\n\
         sensed beyond the last row, unselected rows disconnected; seed {}\n",
        options.ohms, options.seed
    )?;

    let maps = array
        .extremes()
        .into_iter()
        .map(|active| Map::new(&array, &wires, active))
        .collect::<Result<Vec<_>>>()?;
    writeln!(out, "{}", maps::table(&maps))?;

    let losses =
        array.active_rows().map(|active| Loss::new(&array, &wires, active)).collect::<Result<Vec<_>>>()?;
    writeln!(out, "{}", loss::table(&array, &losses))?;
    writeln!(out, "{}", loss::topologies(&array, options.ohms)?)?;
    writeln!(out, "{}", loss::estimates(&array, options.ohms)?)?;

    let files = [("ir_drop_voltage.svg", maps::svg(&maps)?), ("ir_drop_loss.svg", loss::svg(&losses)?)];
    for (file, text) in &files {
        let path = options.out.join(file);
        fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }

    writeln!(out, "{}", remedies::table(&array, &wires)?)?;
    writeln!(out, "{}", time::table(&array, options.front_end)?)?;
    if options.images > 0 {
        writeln!(out, "{}", network::table(&options.network_ohms, options.images as usize)?)?;
    }
    writeln!(out, "Wrote {} to {}.", files.map(|(file, _)| file).join(", "), options.out.display())?;
    Ok(())
}
