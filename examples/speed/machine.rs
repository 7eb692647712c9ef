//! What the figures were measured on.

use std::fs;
use std::thread::available_parallelism;

use forms_xbar::kernel::Level;

/// The CPU, its level, the threads that may run and the version: one line.
pub(crate) fn description() -> String {
    let threads = available_parallelism().map_or_else(|_| "unknown".into(), |threads| threads.to_string());
    format!(
        "CPU: {}; level {:?}; threads of the machine: {threads}; forms-xbar {}{}.",
        cpu(),
        Level::best(),
        env!("CARGO_PKG_VERSION"),
        if cfg!(feature = "rayon") { " with feature rayon" } else { "" },
    )
}

/// The name of the CPU with its family and model, where the system says it.
fn cpu() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
    };
    match (field("model name"), field("cpu family"), field("model")) {
        (Some(name), Some(family), Some(model)) => format!("{name} (family {family}, model {model})"),
        (Some(name), ..) => name.into(),
        _ => "unknown".into(),
    }
}
