//! What a run costs: counted activity priced into time, energy and area.
//!
//! Nothing is simulated here. A [`ComponentTable`] says what parts a design has and what they draw; a
//! [`CostModel`] puts it beside a [`Design`](crate::Design) and prices an
//! [`Activity`](crate::Activity), split by component:
//!
//! | a part is priced | by the counter | one costs |
//! | --- | --- | --- |
//! | per conversion | `conversions` | `P · plane time / (arrays · bit lines)` |
//! | per plane | `planes_run`, of every array | `P · plane time / arrays` |
//! | cells | the same, or `cell_energy_joules` | the same, or 1 |
//! | per second | `latency_planes · plane time` | `P · arrays of the matrix / arrays` |
//!
//! `P` is the printed power of the part at full use and `arrays` are those it serves. So a machine in which
//! every array converts every bit line all the time draws what its table sums up to: a test holds this.
//! Arrays are priced while their matrix is busy, and nothing while it waits for others.
//! Counters are integers, so a cost is the same on any number of threads.
//!
//! **Left out**: writing the cells, chip-to-chip traffic, and the digital sums of inputs that offset mapping and
//! column flip subtract, for which no table has a part.
//!
//! ```
//! use forms_xbar::cost::{CostModel, tables};
//! use forms_xbar::{Key, Weights, presets};
//!
//! let design = presets::forms().build()?;
//! let model = CostModel::new(&tables::forms()?, &design)?;
//! let die = design.program_keyed(&Weights::from_row_slice(128, 32, 8, &[1; 4096])?, Key::from(1))?;
//! let read = die.mvm_keyed(&[9u16; 128], Key::from(2))?;
//! let cost = model.price(die.layout(), &read.activity)?;
//! // 16 fragments of 4 planes of 15.24 ns each; 22 stages hold 16 planes and 6 others.
//! assert!((cost.latency_secs() - 70.0 * 15.24e-9).abs() < 1e-9);
//! assert!(cost.joules_of("ADC") > 0.5 * cost.joules());
//! # Ok::<(), forms_xbar::Error>(())
//! ```

mod adc_model;
mod bill;
mod component;
mod model;
mod network;
mod table;
pub mod tables;

pub use adc_model::{AdcModel, AdcPrice};
pub use bill::{Cost, CostItem};
pub use component::{AdcBank, Component, PricedPer};
pub use model::{CostModel, Peak};
pub use network::{Layer, Network};
pub use table::{ComponentTable, Scope, Sizes};

/// A quotient, 0 where nothing is divided by nothing.
fn ratio(part: f64, whole: f64) -> f64 {
    if part == 0.0 { 0.0 } else { part / whole }
}
