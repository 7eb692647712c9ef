//! Instructions of the kernels, counted by valgrind: a guard that does not depend on how busy a machine is.
//!
//! Runs itself under `valgrind --tool=callgrind`, each workload with N and with 2N repetitions: the difference over N
//! is what one repetition takes, start-up left out. Compares with `tests/instructions.txt` and fails where more than 2 %
//! more are taken. Counts depend on the compiler: what another one made is printed and not judged.
//!
//! ```text
//! cargo run --release --example instructions
//! cargo run --release --example instructions -- --only read --write
//! ```
//!
//! Without valgrind it says so and succeeds.

#[path = "support/command.rs"]
mod command;
mod counting;

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use command::exit_code;
use counting::Result;
use counting::callgrind::{Count, Counter};
use counting::stored::Stored;
use counting::workload::Workload;

/// Counts instructions of the kernels and compares them with stored counts.
#[derive(Debug, Parser)]
struct Options {
    /// Workloads to count, separated by commas [default: all]
    #[arg(long, value_delimiter = ',')]
    only: Vec<Workload>,
    /// Store what is counted instead of comparing it
    #[arg(long)]
    write: bool,
    /// File of stored counts
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/instructions.txt"))]
    file: PathBuf,
    /// Run a workload so many times and count nothing: what valgrind is given
    #[arg(long, requires = "repetitions", hide = true)]
    run: Option<Workload>,
    #[arg(long, hide = true)]
    repetitions: Option<u32>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    exit_code(match (options.run, options.repetitions) {
        (Some(workload), Some(repetitions)) => workload.run(repetitions).map_err(Into::into),
        _ => count(&options),
    })
}

fn count(options: &Options) -> Result<()> {
    let mut out = stdout();
    if cfg!(debug_assertions) || cfg!(feature = "rayon") {
        return Err("counts are of release builds without feature rayon".into());
    }
    let Some(counter) = Counter::new()? else {
        writeln!(out, "valgrind is not to be had: nothing was counted")?;
        return Ok(());
    };
    let mut stored = Stored::read(&options.file)?;
    let comparable = stored.compiler == counter.compiler;
    writeln!(out, "{}; stored counts are of {}\n", counter.compiler, stored.compiler)?;
    if options.write && !comparable {
        stored = Stored { compiler: counter.compiler.clone(), counts: Vec::new() };
    }
    writeln!(out, "| workload | instructions | stored | change |\n| --- | --- | --- | --- |")?;
    let mut more = Vec::new();
    for workload in Workload::chosen(&options.only) {
        let name = workload.name();
        let before = stored.get(&name);
        let Count::Instructions(count) = counter.count(workload)? else {
            writeln!(
                out,
                "| {name} | not on this CPU | {} | |",
                before.map_or("–".into(), |before| before.to_string())
            )?;
            continue;
        };
        let change = before.map(|before| count as f64 / before as f64 - 1.0);
        let [before, percent] = [
            before.map_or("–".into(), |before| before.to_string()),
            change.map_or("–".into(), |change| format!("{:+.2} %", 100.0 * change)),
        ];
        writeln!(out, "| {name} | {count} | {before} | {percent} |")?;
        out.flush()?;
        if options.write {
            stored.set(name, count);
        } else if change.is_none_or(|change| change > counting::TOLERANCE) {
            more.push(name);
        }
    }
    writeln!(out)?;
    if options.write {
        stored.write(&options.file)?;
        writeln!(out, "Wrote {}.", options.file.display())?;
    } else if !comparable {
        writeln!(out, "Another compiler: nothing is judged.")?;
    } else if !more.is_empty() {
        let tolerance = 100.0 * counting::TOLERANCE;
        return Err(format!(
            "more than {tolerance} % above what is stored, or not stored: {}; store counts that are meant with --write",
            more.join(", ")
        )
        .into());
    }
    Ok(())
}
