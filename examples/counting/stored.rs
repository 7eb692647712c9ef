//! Counts in a text file: the compiler, then a line per workload.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::Result;

/// What was counted before.
#[derive(Debug)]
pub(crate) struct Stored {
    /// What `rustc --version` said.
    pub(crate) compiler: String,
    pub(crate) counts: Vec<(String, u64)>,
}

impl Stored {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let bad = |line: &str| format!("{}: not a name and a count: {line:?}", path.display());
        let compiler = lines.next().ok_or_else(|| bad(""))?.into();
        let counts = lines.map(|line| {
            let (name, count) = line.split_once(' ').ok_or_else(|| bad(line))?;
            Ok((name.into(), count.trim().parse().map_err(|_| bad(line))?))
        });
        Ok(Stored { compiler, counts: counts.collect::<Result<_>>()? })
    }

    pub(crate) fn get(&self, name: &str) -> Option<u64> {
        self.counts.iter().find(|(of, _)| of == name).map(|&(_, count)| count)
    }

    pub(crate) fn set(&mut self, name: String, count: u64) {
        match self.counts.iter_mut().find(|(of, _)| *of == name) {
            Some((_, of)) => *of = count,
            None => self.counts.push((name, count)),
        }
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let mut text = String::from(
            "# Instructions of one repetition: cargo run --release --example instructions -- --write\n\
             # First the compiler that made them.\n",
        );
        _ = writeln!(text, "{}", self.compiler);
        self.counts.iter().for_each(|(name, count)| _ = writeln!(text, "{name} {count}"));
        fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()).into())
    }
}
