#![doc = include_str!("../README.md")]

pub mod activity;
mod checked;
pub mod circuit;
pub mod cost;
pub mod design;
pub mod device;
pub mod die;
pub mod error;
pub mod fixed;
#[cfg(feature = "io")]
pub mod io;
pub mod kernel;
pub mod key;
pub mod mapping;
mod math;
pub mod periphery;
pub mod polarize;
pub mod presets;
pub mod read;
mod simd;
pub mod stream;
pub mod study;
pub mod weights;

pub use activity::{Activity, ActivityLevel};
pub use design::{Design, DesignBuilder, MethodAdvice, NoiseAdvice};
pub use device::{
    Ageing, Cell, Conditions, DeviceSpread, IvCurve, LevelMap, Programming, ReadNoise, StuckCells,
    StuckLines, WriteVerify,
};
pub use die::Die;
pub use error::{Error, Result};
pub use kernel::NoiseMethod;
pub use key::Key;
pub use mapping::{Mapping, Subtraction};
pub use periphery::{Adc, AdcErrors, AdcMap, Baseline, Dac};
pub use read::{Budget, ErrorBudget, ErrorShare, ErrorSource, Prepared, Read, Scratch};
pub use stream::Skip;
pub use weights::{RealWeights, Weights};

/// Runs the blocks of the cookbook, which the published crate does not carry.
#[cfg(all(doctest, feature = "io"))]
#[doc = include_str!("../docs/cookbook.md")]
struct Cookbook;

pub use nalgebra;
pub use rand;
