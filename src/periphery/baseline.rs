//! What happens to the current of cells at level 0.

/// The treatment of the leakage baseline.
///
/// A cell at level 0 conducts `g_off`, and so does every other cell beneath its level: each driven
/// word line adds `β = g_off / level_step` level steps per DAC step to every bit line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Baseline {
    /// It stays in the result.
    None,
    /// `β` times the digit sum of the plane is subtracted after the ADC, rounded to the unit of the
    /// result. The ADC's range must hold it.
    Digital,
    /// The current of one column of level-0 cells per array is subtracted before the ADC. Its cells
    /// have programming error, faults and read noise of their own, common to all columns of the
    /// array. An input of the ADC below zero clips.
    DummyColumn,
}
