//! One row of a table.

/// Columns of a row: one 512-bit register of 16-bit words.
pub(crate) const COLUMNS: usize = 32;

/// Patterns of eight bits.
pub(super) const PATTERNS: usize = 256;

/// What one pattern adds to 32 columns of the result, per unit of its plane's place.
///
/// Columns 4 l + i and 16 + 4 l + i lie at 8 l + i and 8 l + 4 + i, for l and i in 0..4: the order in which
/// registers put the halves of two rows side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(align(64))]
pub(super) struct Row(pub(super) [i16; COLUMNS]);

impl Row {
    pub(super) const ZERO: Row = Row([0; COLUMNS]);
}

/// Columns in the order of a row.
#[inline(always)]
pub(super) fn in_order<T: Copy + Default>(columns: &[T; COLUMNS]) -> [T; COLUMNS] {
    let mut ordered = [T::default(); COLUMNS];
    for l in 0..COLUMNS / 8 {
        ordered[8 * l..8 * l + 4].copy_from_slice(&columns[4 * l..4 * l + 4]);
        ordered[8 * l + 4..8 * l + 8].copy_from_slice(&columns[COLUMNS / 2 + 4 * l..COLUMNS / 2 + 4 * l + 4]);
    }
    ordered
}

/// The column at each place of a row.
pub(super) fn order() -> [usize; COLUMNS] {
    in_order(&std::array::from_fn(|column| column))
}

/// What every pattern of eight rows adds.
pub(super) type Octet = [Row; PATTERNS];
