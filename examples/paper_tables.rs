//! What FORMS and ISAAC print of power, area and throughput, computed anew.
//!
//! Every row says whether it is *computed* from parts and timing, a *quotient of printed numbers*, or *not
//! derivable from what is printed*. Where the papers disagree with themselves, both numbers stand side by side. The
//! same tables stand in `docs/cost.md`.
//!
//! ```text
//! cargo run --release --example paper_tables
//! ```

mod paper;

use std::error::Error;
use std::io::{Write, stdout};

fn main() -> Result<(), Box<dyn Error>> {
    // Not print!, which panics when the reader of a pipe goes away.
    Ok(stdout().write_all(paper::markdown(&paper::sections()?).as_bytes())?)
}
