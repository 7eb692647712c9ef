//! LeNet-5 trained in Rust, then made to fit crossbars as FORMS does: pruned, polarized and quantised by ADMM.

#[path = "support/command.rs"]
mod command;
#[path = "support/float.rs"]
mod float;
mod support;
mod training;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use command::exit_code;
use float::{logits, pixels};
use support::digits::Digits;
use support::integer::accuracy;
use support::{DATA, Result};
use training::network::layers;
use training::steps::{Stage, Step, Trainer};
use training::{store};

#[derive(Debug, Parser)]
struct Options {
    /// Rows of a fragment
    #[arg(long, value_delimiter = ',', default_value = "4,8,16")]
    fragment: Vec<usize>,
    /// Trains the networks anew and stores them, in minutes
    #[arg(long)]
    train: bool,
    /// Seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/training"))]
    weights: PathBuf,
}

fn main() -> ExitCode {
    exit_code(run(&Options::parse()))
}

fn run(options: &Options) -> Result<()> {
    let train = Digits::read(Path::new(DATA), "train")?;
    let test = Digits::read(Path::new(DATA), "test")?;
    let tests = test.images(test.labels().len())?;
    let percent = |stage: &Stage| -> Result<f64> {
        Ok(100.0 * accuracy(&logits(&layers(&stage.network)?, tests), test.labels()))
    };
    if options.train {
        let images = pixels(train.images(train.labels().len())?);
        let trainer = Trainer { images: &images, labels: train.labels(), seed: options.seed };
        let base = trainer.float()?;
        println!("float {:.1}", percent(&base)?);
        let pruned = trainer.constrain(&base, Step::PRUNE, None)?;
        println!("pruned {:.1}", percent(&pruned)?);
        for &fragment in &options.fragment {
            let step = Step::PRUNE.polarize(fragment);
            let polarized = trainer.constrain(&pruned, step, Some(Step::PRUNE))?;
            println!("polarized {fragment} {:.1}", percent(&polarized)?);
            let quantized = trainer.constrain(&polarized, step.quantize(), Some(step))?;
            println!("quantised {fragment} {:.1}", percent(&quantized)?);
        }
    }
    Ok(())
}
