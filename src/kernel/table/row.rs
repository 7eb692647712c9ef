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

    /// The row of 32 totals.
    #[inline(always)]
    pub(super) fn of(totals: &[i16; COLUMNS]) -> Row {
        let mut row = Row::ZERO;
        for l in 0..COLUMNS / 8 {
            for i in 0..4 {
                row.0[8 * l + i] = totals[4 * l + i];
                row.0[8 * l + 4 + i] = totals[COLUMNS / 2 + 4 * l + i];
            }
        }
        row
    }
}

/// What every pattern of eight rows adds.
pub(super) type Octet = [Row; PATTERNS];
