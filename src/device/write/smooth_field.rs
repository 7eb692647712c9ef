//! A smooth random field over an array.

use crate::checked::checked_serde;
use crate::error::{Result, check_real};
use crate::key::{Key, Purpose};

/// Lattice points per side of a kernel: it ends 3 correlation lengths from its middle.
const REACH: usize = 6;
const TAPS: usize = 2 * REACH + 1;

/// Largest correlation length accepted, in cells: far beyond any array.
const MAX_LENGTH: f64 = 1e6;

/// Device-to-device spread that varies smoothly over the array, as from a gradient of the film.
///
/// **Equation.** `ln G` moves by `σ f(r, c)`, `f` a standard normal at every cell with correlation
/// `exp(−d² / 2ℓ²)` between cells `d` cells apart, to 5·10⁻⁵. `f = Σ_k w_k ξ_k` over independent
/// normals `ξ` on a lattice of spacing `ℓ/2`, with `w ∝ exp(−(distance / ℓ)²)` per direction, cut at
/// 3 ℓ and normalised to `Σ w² = 1` at every cell, so the marginal is normal with deviation σ
/// exactly. Word-line and bit-line pitch count as equal. **Units.** σ is a pure number, ℓ counts
/// cells. **Valid range.** σ 0–2, ℓ 1–10⁶. **Drawn.** Once per die, one stream per array and
/// lattice row. **Source.** A Gaussian process is the common description of systematic variation
/// over a wafer; this sampling of it is our choice.
///
/// ```
/// use forms_xbar::device::SmoothField;
///
/// let field = SmoothField::new(0.05, 32.0)?;
/// assert_eq!(field.correlation_cells(), 32.0);
/// assert!(SmoothField::new(0.05, 0.5).is_err());
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct SmoothField {
    sigma: f64,
    correlation_cells: f64,
}

checked_serde!(SmoothField);

impl SmoothField {
    /// A field of this standard deviation of `ln G` and this correlation length in cells.
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for σ outside 0–2 or a length outside 1–10⁶.
    pub fn new(sigma: f64, correlation_cells: f64) -> Result<Self> {
        let field = SmoothField { sigma, correlation_cells };
        field.check()?;
        Ok(field)
    }

    fn check(&self) -> Result<()> {
        check_real("sigma of a smooth field", self.sigma, 0.0, super::device_spread::MAX_SIGMA)?;
        check_real("correlation length of a smooth field (cells)", self.correlation_cells, 1.0, MAX_LENGTH)
    }

    /// Standard deviation of `ln G`.
    pub fn sigma(&self) -> f64 {
        self.sigma
    }

    /// Distance, in cells, at which the correlation has fallen to `exp(−½)`.
    pub fn correlation_cells(&self) -> f64 {
        self.correlation_cells
    }
}

/// The field of one array, smoothed along the word lines already.
#[derive(Debug)]
pub(super) struct FieldMap {
    correlation_cells: f64,
    columns: usize,
    /// `[lattice row][column]`, times σ.
    smoothed: Vec<f32>,
}

impl FieldMap {
    pub(super) fn new(
        field: SmoothField,
        die: Key,
        [array, bank]: [u64; 2],
        (rows, columns): (usize, usize),
    ) -> Self {
        let length = field.correlation_cells;
        let kernels: Vec<Kernel> = (0..columns).map(|column| Kernel::at(column, length)).collect();
        let lattice_columns = kernels.last().map_or(0, |kernel| kernel.first + TAPS);
        let lattice_rows = rows.checked_sub(1).map_or(0, |last| Kernel::at(last, length).first + TAPS);
        let mut lattice = vec![0.0; lattice_columns];
        let mut smoothed = Vec::with_capacity(lattice_rows * columns);
        for row in 0..lattice_rows as u64 {
            die.stream(Purpose::FieldSpread, [array, row, bank]).fill_normals(&mut lattice);
            smoothed.extend(kernels.iter().map(|kernel| {
                let points = lattice[kernel.first..].iter().zip(&kernel.weights);
                field.sigma as f32 * points.fold(0.0, |sum, (z, w)| sum + z * w)
            }));
        }
        FieldMap { correlation_cells: length, columns, smoothed }
    }

    /// Adds the field of one word line.
    pub(super) fn add_row(&self, row: usize, logs: &mut [f32]) {
        let kernel = Kernel::at(row, self.correlation_cells);
        let lattice = self.smoothed.chunks_exact(self.columns.max(1)).skip(kernel.first);
        for (points, weight) in lattice.zip(kernel.weights) {
            for (log, point) in logs.iter_mut().zip(points) {
                *log += weight * point;
            }
        }
    }
}

/// The lattice points that a cell sees along one direction.
struct Kernel {
    /// Its first point; point `REACH` of the lattice lies at cell 0.
    first: usize,
    weights: [f32; TAPS],
}

impl Kernel {
    fn at(cell: usize, correlation_cells: f64) -> Self {
        let position = cell as f64 * 2.0 / correlation_cells;
        let nearest = (position + 0.5).floor();
        let offset = position - nearest;
        let weights: [f64; TAPS] = std::array::from_fn(|tap| {
            let spacings = offset - (tap as f64 - REACH as f64);
            libm::exp(-0.25 * spacings * spacings)
        });
        let norm = weights.iter().fold(0.0, |sum, w| sum + w * w).sqrt();
        Kernel { first: nearest as usize, weights: weights.map(|weight| (weight / norm) as f32) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lattice weights of a cell by lattice point, from the kernel.
    fn weight(cell: usize, length: f64, point: usize) -> f64 {
        let kernel = Kernel::at(cell, length);
        point.checked_sub(kernel.first).and_then(|tap| kernel.weights.get(tap)).map_or(0.0, |&w| w.into())
    }

    #[test]
    fn correlation_is_gaussian_and_the_marginal_exact() {
        let mut worst = 0f64;
        for length in [1.0, 1.7, 8.0, 33.3, 1000.0] {
            let span = (6.0 * length) as usize;
            for start in [0, 1, 5, 17] {
                for distance in (0..=span).step_by(span.div_ceil(50)) {
                    // Every lattice point that either sees.
                    let correlation: f64 = (0..2 * (start + span) + 2 * TAPS)
                        .map(|k| weight(start, length, k) * weight(start + distance, length, k))
                        .sum();
                    let expected = (-0.5 * (distance as f64 / length).powi(2)).exp();
                    worst = worst.max((correlation - expected).abs());
                }
            }
        }
        // Per direction; both together at most twice.
        assert!(worst < 2.5e-5, "{worst}");
        assert!((weight(7, 3.0, 0) - 0.0).abs() < 1.0);
    }

    #[test]
    fn more_cells_move_none() {
        let field = SmoothField::new(1.0, 5.0).unwrap();
        let (small, large) = ((20, 30), (50, 90));
        let map = |size| FieldMap::new(field, Key::from(3), [4, 0], size);
        for row in 0..small.0 {
            let (mut a, mut b) = (vec![0.0; small.1], vec![0.0; large.1]);
            map(small).add_row(row, &mut a);
            map(large).add_row(row, &mut b);
            assert_eq!(a, b[..small.1]);
        }
    }
}
