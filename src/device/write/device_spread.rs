//! Device-to-device spread.

use super::ArrayPlace;
use super::SmoothField;
use super::smooth_field::FieldMap;
use crate::checked::checked_serde;
use crate::error::{Result, check_real};
use crate::key::{Key, Purpose};

/// Largest σ accepted: all three at once stay far from the ends of `f32`.
pub(super) const MAX_SIGMA: f64 = 2.0;

/// How the cells of a die differ from each other, whatever is written.
///
/// **Equation.** `G_target · exp(σ_cell z + σ_line z_line + σ_field f)`: independent per cell, per
/// bit line and as a [`SmoothField`]; preserves the median. It moves the target of a programming
/// error, but under [`WriteVerify`](super::WriteVerify) a cell's response to a pulse instead, since
/// verification finds the target anyway. Measured levels ([`Table`](super::Programming::Table),
/// [`Samples`](super::Programming::Samples)) are scaled too: leave the spread out where the
/// measurement was taken over many devices. **Units.** σ is the standard deviation of `ln G`, a pure
/// number. **Valid range.** Each σ 0–2. **Drawn.** Once per die, from its own key, so that it
/// survives a second write; one stream per array and word line (cells), per array (bit lines) and
/// per array and lattice row (field). A dummy column draws its own. **Source.** Lognormal spread
/// follows FORMS; its division into parts is our choice.
///
/// ```
/// use forms_xbar::device::{DeviceSpread, SmoothField};
///
/// let spread = DeviceSpread::new(0.05)?.with_bit_lines(0.02)?.with_field(SmoothField::new(0.03, 40.0)?);
/// assert!((spread.total_sigma() - 0.0616).abs() < 1e-4);
/// assert!(DeviceSpread::new(f64::NAN).is_err());
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct DeviceSpread {
    cell_sigma: f64,
    bit_line_sigma: f64,
    field: Option<SmoothField>,
}

checked_serde!(DeviceSpread);

impl DeviceSpread {
    /// All cells alike.
    pub const NONE: DeviceSpread = DeviceSpread { cell_sigma: 0.0, bit_line_sigma: 0.0, field: None };

    /// Independent spread of this standard deviation of `ln G`.
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for σ that is NaN or outside 0–2.
    pub fn new(cell_sigma: f64) -> Result<Self> {
        let spread = DeviceSpread { cell_sigma, ..Self::NONE };
        spread.check()?;
        Ok(spread)
    }

    /// The same with this spread common to the cells of a bit line.
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for σ that is NaN or outside 0–2.
    pub fn with_bit_lines(self, bit_line_sigma: f64) -> Result<Self> {
        let spread = DeviceSpread { bit_line_sigma, ..self };
        spread.check()?;
        Ok(spread)
    }

    /// The same with this smooth field.
    pub fn with_field(self, field: SmoothField) -> Self {
        DeviceSpread { field: Some(field), ..self }
    }

    fn check(&self) -> Result<()> {
        check_real("device spread sigma of cells", self.cell_sigma, 0.0, MAX_SIGMA)?;
        check_real("device spread sigma of bit lines", self.bit_line_sigma, 0.0, MAX_SIGMA)
    }

    /// Standard deviation of `ln G` that is independent per cell.
    pub fn cell_sigma(&self) -> f64 {
        self.cell_sigma
    }

    /// Standard deviation of `ln G` that is common to the cells of a bit line.
    pub fn bit_line_sigma(&self) -> f64 {
        self.bit_line_sigma
    }

    /// The smooth part.
    pub fn field(&self) -> Option<SmoothField> {
        self.field
    }

    /// Standard deviation of `ln G` of one cell, all parts together.
    pub fn total_sigma(&self) -> f64 {
        let field = self.field.map_or(0.0, |field| field.sigma());
        (self.cell_sigma * self.cell_sigma + self.bit_line_sigma * self.bit_line_sigma + field * field).sqrt()
    }

    /// Whether all cells are alike, so that nothing is drawn.
    pub fn is_none(&self) -> bool {
        self.total_sigma() == 0.0
    }
}

/// The spread of one array.
#[derive(Debug)]
pub(super) struct SpreadMap {
    die: Key,
    place: ArrayPlace,
    cell_sigma: f32,
    /// Of every bit line, in `ln G`; zeros without.
    bit_lines: Vec<f32>,
    field: Option<FieldMap>,
    normals: Vec<f32>,
}

impl SpreadMap {
    /// `None` when all cells are alike.
    pub(super) fn new(
        spread: DeviceSpread,
        die: Key,
        place: ArrayPlace,
        (rows, columns): (usize, usize),
    ) -> Option<Self> {
        if spread.is_none() {
            return None;
        }
        let ArrayPlace { address, bank, .. } = place;
        let mut bit_lines = vec![0.0; columns];
        if spread.bit_line_sigma > 0.0 {
            die.stream(Purpose::ColumnSpread, [address, 0, bank]).fill_normals(&mut bit_lines);
            bit_lines.iter_mut().for_each(|line| *line *= spread.bit_line_sigma as f32);
        }
        let field = spread.field.filter(|field| field.sigma() > 0.0);
        let field = field.map(|field| FieldMap::new(field, die, [address, bank], (rows, columns)));
        let cell_sigma = spread.cell_sigma as f32;
        Some(SpreadMap { die, place, cell_sigma, bit_lines, field, normals: vec![0.0; columns] })
    }

    /// Writes what the cells of a word line differ by in `ln G`.
    pub(super) fn row(&mut self, row: usize, logs: &mut [f32]) {
        logs.copy_from_slice(&self.bit_lines[..logs.len()]);
        if self.cell_sigma > 0.0 {
            let normals = &mut self.normals[..logs.len()];
            let place = [self.place.address, row as u64, self.place.bank];
            self.die.stream(Purpose::DeviceSpread, place).fill_normals(normals);
            for (log, normal) in logs.iter_mut().zip(normals) {
                *log += self.cell_sigma * *normal;
            }
        }
        if let Some(field) = &self.field {
            field.add_row(row, logs);
        }
    }
}
