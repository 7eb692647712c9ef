//! How long slow noise lasts.

/// What telegraph and 1/f noise do from one plane of a vector to the next.
///
/// Both outlast a plane of some nanoseconds, so redrawing them at every plane understates the error
/// of an MVM: the planes of a held deviation add up to the whole input, `(Σ 2^p)²`, those of a
/// redrawn one only to `Σ 4^p`; √3 times the deviation for many planes, 1.7 for eight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Persistence {
    /// One state per cell and vector, kept for all its planes.
    #[default]
    Held,
    /// The state moves on by one plane time with every plane that is run.
    Evolved,
    /// A new state at every plane: for comparison with models that do so.
    Redrawn,
}
