//! What a ReRAM cell does between a level and a current. Siemens, volts and amperes only: no LSB, no
//! code.
//!
//! A [`Cell`] composes its effects in a fixed order, each a file of this room; each can be left out,
//! and then costs nothing and draws nothing:
//!
//! 1. [`LevelMap`]: level → target conductance;
//! 2. [`DeviceSpread`]: device-to-device spread, drawn once per die;
//! 3. [`Programming`]: programming error or write-verify, drawn once per write;
//! 4. [`StuckCells`], [`StuckLines`]: faults, drawn once per die;
//! 5. [`Ageing`]: what [`Conditions`] do, with draws fixed by the write; faulty cells do not age;
//! 6. [`IvCurve`]: conductance → current at a voltage;
//! 7. [`ReadNoise`]: drawn at every read, by the kernel.

mod ageing;
mod cell;
mod iv;
mod level_map;
mod noise;
mod polynomial;
mod write;

pub use ageing::{
    Ageing, Conditions, DisturbEnd, Drift, Endurance, LogTimeCurve, ReadDisturb, Relaxation, Retention,
    TemperatureCoefficient,
};
pub use cell::Cell;
pub(crate) use cell::CellAge;
pub use iv::IvCurve;
pub(crate) use iv::IvPoint;
pub use level_map::LevelMap;
pub(crate) use noise::WhitePoint;
pub use noise::{
    Flicker, FlickerAmplitude, Persistence, ReadNoise, Telegraph, TelegraphAmplitude, WhiteLaw, WhiteNoise,
};
pub use polynomial::Polynomial;
pub(crate) use write::{ArrayFaults, ArrayPlace, WriteKeys};
pub use write::{
    CellModel, DeviceSpread, FailedCell, LineState, Programming, SmoothField, StuckCells, StuckLines,
    WritePulses, WriteReport, WriteVerify,
};
