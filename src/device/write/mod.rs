//! What a write leaves behind.

mod programming;
mod stuck_cells;

pub use programming::Programming;
pub use stuck_cells::StuckCells;
