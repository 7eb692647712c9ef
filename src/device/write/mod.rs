//! What a write leaves behind.

mod array_faults;
mod array_writer;
mod cell_model;
mod device_spread;
mod gaps;
mod programming;
mod smooth_field;
mod stuck_cells;
mod stuck_lines;
mod write_pulses;
mod write_report;
mod write_verify;

pub(crate) use array_faults::ArrayFaults;
pub(crate) use array_writer::{ArrayPlace, WriteKeys};
pub(in crate::device) use array_writer::{ArrayWriter, WriteSettings};
pub use cell_model::CellModel;
pub(in crate::device) use cell_model::age_row;
pub use device_spread::DeviceSpread;
pub use programming::Programming;
pub use smooth_field::SmoothField;
pub use stuck_cells::StuckCells;
pub use stuck_lines::{LineState, StuckLines};
pub use write_pulses::WritePulses;
pub use write_report::{FailedCell, WriteReport};
pub use write_verify::WriteVerify;
