//! From signed weights to non-negative cell levels, and back from column sums to `W·x`.
//!
//! Pure integer arithmetic: no conductance, no volt. An ideal read of what [`Layout::map`] returns
//! recombines to exactly `W·x`, for every mapping; that is a property test.
//!
//! An array has `rows` word lines and `columns` bit lines. A weight takes
//! [`Layout::cells_per_weight`] adjacent cells of one word line: its slices, least significant
//! first, and for differential mapping the positive arm before the negative arm. Rows are driven
//! in *active groups* of `active_rows`. One *lane* is what one ADC conversion per active group and
//! output reads: a slice, or a slice of one arm.

mod layout;
mod tile;

pub use layout::{Layout, LayoutSettings};
pub use tile::{Recipe, Tile};

/// How signed weights become non-negative levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case", deny_unknown_fields))]
pub enum Mapping {
    /// Runs of `fragment` consecutive rows of one column share a sign, kept beside the array; the
    /// magnitudes are stored (FORMS, ISCA 2021). One cell column per slice. Active groups must
    /// divide fragments, and a fragment of mixed sign is an error.
    Polarized {
        /// Rows of a fragment; divides the rows of the array.
        fragment: usize,
    },
    /// `w = w⁺ − w⁻` on two cell columns per slice (PRIME, ISCA 2016).
    Differential {
        /// Where the two are subtracted.
        subtraction: Subtraction,
    },
    /// `w + offset` is stored and `offset · Σx` subtracted, with `offset = 2^(bits−1)` for two's
    /// complement (ISAAC, ISCA 2016).
    Offset,
}

/// Where a differential pair of bit lines is subtracted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Subtraction {
    /// After the ADC: both bit lines are converted.
    Digital,
    /// Before a bipolar ADC: one conversion per pair. The two bit lines have one flip flag.
    BeforeAdc,
}

impl Mapping {
    /// Cell columns per slice.
    pub fn arms(self) -> usize {
        match self {
            Mapping::Differential { .. } => 2,
            Mapping::Polarized { .. } | Mapping::Offset => 1,
        }
    }

    /// Whether the ADC sees the difference of two bit lines.
    pub fn is_bipolar(self) -> bool {
        matches!(self, Mapping::Differential { subtraction: Subtraction::BeforeAdc })
    }
}
