//! How fast prepared dies are, beside float products and beside emulations as they are usually written.
//!
//! Every case is measured against its baseline in one process, in short slices that take turns, because a machine's
//! clock drifts more between two runs than between two slices. Prints Markdown tables of medians and ratios.
//!
//! ```text
//! cargo run --release --example speed_report
//! cargo run --release --example speed_report -- --quick --only standard,rows
//! cargo run --release --features rayon --example speed_report -- --only threads
//! ```

#[path = "support/command.rs"]
mod command;
mod speed;

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};

use command::exit_code;
use speed::pairs::Patience;
use speed::tables::{Scope, Table};
use speed::{Result, machine};

/// Measures prepared dies against float products and other emulations.
#[derive(Debug, Parser)]
struct Options {
    /// A few seconds in all: shorter slices, fewer of them, smaller matrices; ratios are rough
    #[arg(long)]
    quick: bool,
    /// Tables to measure, separated by commas [default: all]
    #[arg(long, value_delimiter = ',')]
    only: Vec<Table>,
}

fn main() -> ExitCode {
    exit_code(run(&Options::parse()))
}

fn run(options: &Options) -> Result<()> {
    let start = Instant::now();
    let scope = if options.quick {
        Scope { patience: Patience { secs: 0.06, slice_secs: 6e-4 }, largest: 256 }
    } else {
        Scope { patience: Patience { secs: 2.5, slice_secs: 1e-3 }, largest: 4096 }
    };
    // Not println!, which panics when the reader of a pipe goes away.
    let mut out = stdout();
    writeln!(out, "{}\n", machine::description())?;
    writeln!(out, "{}", speed::problem::DESCRIPTION)?;
    for table in Table::value_variants() {
        if options.only.is_empty() || options.only.contains(table) {
            writeln!(out, "{}", table.measure(scope)?)?;
            out.flush()?;
        }
    }
    if cfg!(debug_assertions) {
        writeln!(out, "Built without optimisation: these figures say nothing.\n")?;
    }
    writeln!(out, "Took {:.0} s.", start.elapsed().as_secs_f64())?;
    Ok(())
}
