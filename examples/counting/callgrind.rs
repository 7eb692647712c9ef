//! valgrind's count of instructions.

use std::env;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::{Command, Output};

use super::Result;
use super::workload::Workload;

/// Counts workloads of this very program.
#[derive(Debug)]
pub(crate) struct Counter {
    program: PathBuf,
    /// What `rustc --version` says.
    pub(crate) compiler: String,
}

/// What counting a workload came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    /// Of one repetition.
    Instructions(u64),
    /// Not comparable: the best level of the CPU, as valgrind shows it, is not AVX2.
    Missing,
}

/// What a workload that cannot run on this CPU says.
pub(crate) const MISSING: &str = "its best level under valgrind is not AVX2";

impl Counter {
    /// `None` where valgrind is not installed.
    pub(crate) fn new() -> Result<Option<Self>> {
        match Command::new("valgrind").arg("--version").output() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        // The compiler that cargo takes, unless one is named.
        let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let version = Command::new(rustc).arg("--version").output();
        let compiler = version.map_or("an unknown compiler".into(), |version| text(&version.stdout));
        Ok(Some(Counter { program: env::current_exe()?, compiler }))
    }

    /// Instructions of one repetition of a workload.
    pub(crate) fn count(&self, workload: Workload) -> Result<Count> {
        let repetitions = workload.repetitions();
        let mut counts = [0; 2];
        for (count, repetitions) in counts.iter_mut().zip([repetitions, 2 * repetitions]) {
            let output = self.valgrind(workload, repetitions)?;
            let said = text(&output.stderr);
            if !output.status.success() {
                if said.contains(MISSING) {
                    return Ok(Count::Missing);
                }
                return Err(format!("valgrind, {}: {said}", workload.name()).into());
            }
            let collected = said.lines().find_map(|line| line.split_once("Collected : "));
            let (_, collected) = collected.ok_or_else(|| format!("valgrind counted nothing: {said}"))?;
            *count = collected.trim().parse::<u64>()?;
        }
        let [once, twice] = counts;
        Ok(Count::Instructions(twice.saturating_sub(once) / u64::from(repetitions)))
    }

    fn valgrind(&self, workload: Workload, repetitions: u32) -> Result<Output> {
        Ok(Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(&self.program)
            .args(["--run", &workload.name(), "--repetitions", &repetitions.to_string()])
            .output()?)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().into()
}
