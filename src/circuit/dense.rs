//! Dense blocks in tiles of 8 × 8: what block elimination does its arithmetic with.

use super::scalar::Scalar;
use super::table::filled;
use crate::error::Result;

/// Rows and columns of a tile.
pub(super) const TILE: usize = 8;

/// Row `k` is 1 at `k` and 0 elsewhere. Vectors are masked by it, for one is slow to come back from memory
/// where a part of it was just changed.
pub(super) const UNIT: [[f64; TILE]; TILE] = {
    let mut unit = [[0.0; TILE]; TILE];
    let mut k = 0;
    while k < TILE {
        unit[k][k] = 1.0;
        k += 1;
    }
    unit
};

/// Rows of a tile that a product keeps in registers.
const STRIP: usize = 4;

/// A square block whose rows are one or two vectors.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Tile<S>(pub(super) [[S; TILE]; TILE]);

impl<S: Scalar> Tile<S> {
    #[inline(always)]
    pub(super) fn zero() -> Self {
        Tile([[S::zero(); TILE]; TILE])
    }

    #[inline(always)]
    pub(super) fn identity() -> Self {
        let mut tile = Tile::zero();
        for at in 0..TILE {
            tile.0[at][at] = S::one();
        }
        tile
    }

    #[inline(always)]
    fn transposed(&self) -> Self {
        let mut tile = Tile::zero();
        for row in 0..TILE {
            for column in 0..TILE {
                tile.0[column][row] = self.0[row][column];
            }
        }
        tile
    }

    #[inline(always)]
    fn negated(&self) -> Self {
        let mut tile = *self;
        for row in &mut tile.0 {
            for value in row {
                *value = -*value;
            }
        }
        tile
    }

    /// `self += half + halfᵀ`.
    #[inline(always)]
    pub(super) fn add_both_halves(&mut self, half: &Self) {
        let other = half.transposed();
        for row in 0..TILE {
            for column in 0..TILE {
                self.0[row][column] += half.0[row][column] + other.0[row][column];
            }
        }
    }

    /// `self += a · b`.
    #[inline(always)]
    pub(super) fn add_product(&mut self, a: &Self, b: &Self) {
        for (sums, a) in self.0.chunks_exact_mut(STRIP).zip(a.0.chunks_exact(STRIP)) {
            let mut strip = [[S::zero(); TILE]; STRIP];
            strip.copy_from_slice(sums);
            for (k, b) in b.0.iter().enumerate() {
                for (sums, a) in strip.iter_mut().zip(a) {
                    for (sum, b) in sums.iter_mut().zip(b) {
                        *sum += a[k] * *b;
                    }
                }
            }
            sums.copy_from_slice(&strip);
        }
    }

    #[inline(always)]
    fn product(a: &Self, b: &Self) -> Self {
        let mut tile = Tile::zero();
        tile.add_product(a, b);
        tile
    }
}

/// Where a tile on or below the diagonal of a symmetric matrix is stored.
#[inline(always)]
pub(super) fn lower(row: usize, column: usize) -> usize {
    row * (row + 1) / 2 + column
}

/// Room for what [`connect_in_series`] needs.
#[derive(Debug)]
pub(super) struct Workspace<S> {
    /// The block column that is being eliminated.
    left: Vec<Tile<S>>,
    /// `−(y + A)⁻¹` of the diagonal tile times the block row.
    right: Vec<Tile<S>>,
}

impl<S: Scalar> Workspace<S> {
    pub(super) fn new(blocks: usize) -> Result<Self> {
        let tiles = || filled("workspace of the elimination", blocks as u128, Tile::zero());
        Ok(Workspace { left: tiles()?, right: tiles()? })
    }
}

/// Puts an admittance in series with every port of a network.
///
/// The network takes `i = A v` at the ports and shows `X v`; behind the admittances `y` it takes `A K v′` and
/// shows `X K v′` of the voltages before them, with `K = (1 + y⁻¹ A)⁻¹`. `symmetric` holds the tiles of `A` on
/// and below the diagonal by [`lower`], `shown` those of `X` row by row. A port without an admittance is
/// connected directly, one of admittance 0 is left open. A tile of ports at a time, by elimination without
/// pivoting: the real part of `A` is positive semidefinite.
#[inline(always)]
pub(super) fn connect_in_series<'a, S: Scalar>(
    blocks: usize,
    symmetric: &mut [Tile<S>],
    shown: &mut [Tile<S>],
    series: impl Iterator<Item = &'a [Option<S>; TILE]>,
    work: &mut Workspace<S>,
) {
    let (left, right) = (&mut work.left[..blocks], &mut work.right[..blocks]);
    for (b, series) in series.enumerate().take(blocks) {
        if series.iter().all(Option::is_none) {
            continue;
        }
        let own = symmetric[lower(b, b)];
        let inverse = inverse_with(&own, series);
        let divider = divider(&own, &inverse, series);
        for p in (0..blocks).filter(|&p| p != b) {
            let column = if p < b { symmetric[lower(b, p)].transposed() } else { symmetric[lower(p, b)] };
            left[p] = column;
            right[p] = Tile::product(&inverse, &column.transposed()).negated();
        }
        for i in (0..blocks).filter(|&i| i != b) {
            for p in (0..=i).filter(|&p| p != b) {
                symmetric[lower(i, p)].add_product(&left[i], &right[p]);
            }
            let divided = Tile::product(&left[i], &divider);
            if i < b {
                symmetric[lower(b, i)] = divided.transposed();
            } else {
                symmetric[lower(i, b)] = divided;
            }
        }
        symmetric[lower(b, b)] = Tile::product(&own, &divider);
        for row in shown.chunks_exact_mut(blocks) {
            let at_ports = row[b];
            for p in (0..blocks).filter(|&p| p != b) {
                row[p].add_product(&at_ports, &right[p]);
            }
            row[b] = Tile::product(&at_ports, &divider);
        }
    }
}

/// `(y + A)⁻¹` over the ports that have a series admittance, 0 elsewhere.
#[inline(always)]
fn inverse_with<S: Scalar>(own: &Tile<S>, series: &[Option<S>; TILE]) -> Tile<S> {
    let mut tile = *own;
    for (k, row) in tile.0.iter_mut().enumerate() {
        let siemens = series[k].unwrap_or(S::zero());
        for column in 0..TILE {
            row[column] += siemens.scale(UNIT[k][column]);
        }
    }
    let is_direct = |k: &usize| series[*k].is_none();
    for k in (0..TILE).filter(is_direct) {
        tile.0.iter_mut().for_each(|row| row[k] = S::zero());
        tile.0[k] = UNIT[k].map(S::from_real);
    }
    // In place: column `k` makes room for that of the inverse.
    for k in 0..TILE {
        let pivot = S::one() / tile.0[k][k];
        let mut scaled = tile.0[k];
        for column in 0..TILE {
            scaled[column] = scaled[column].scale(1.0 - UNIT[k][column]) + S::from_real(UNIT[k][column]);
            scaled[column] *= pivot;
        }
        for row in &mut tile.0 {
            let factor = row[k];
            for column in 0..TILE {
                row[column] = row[column].scale(1.0 - UNIT[k][column]) - factor * scaled[column];
            }
        }
        tile.0[k] = scaled;
    }
    (0..TILE).filter(is_direct).for_each(|k| tile.0[k][k] = S::zero());
    tile
}

/// `(1 + y⁻¹ A)⁻¹ = (y + A)⁻¹ y`, without the cancellation of `1 − (y + A)⁻¹ A`.
#[inline(always)]
fn divider<S: Scalar>(own: &Tile<S>, inverse: &Tile<S>, series: &[Option<S>; TILE]) -> Tile<S> {
    let mut tile = *inverse;
    let siemens = series.map(|y| y.unwrap_or(S::zero()));
    for row in &mut tile.0 {
        for column in 0..TILE {
            row[column] *= siemens[column];
        }
    }
    // `1 − (y + A)⁻¹ A` where nothing lies in series.
    for k in (0..TILE).filter(|&k| series[k].is_none()) {
        for (row, inverse) in tile.0.iter_mut().zip(&inverse.0) {
            row[k] = -inverse.iter().zip(&own.0).fold(S::zero(), |sum, (&z, own)| sum + z * own[k]);
        }
        tile.0[k][k] += S::one();
    }
    tile
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{at_every_level, vectorised};
    use nalgebra::DMatrix;
    use num_complex::Complex64;
    use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

    /// `A` positive definite and `X` of so many ports and rows; the imaginary part as symmetric as the real.
    fn matrices(ports: usize, rows: usize) -> (DMatrix<Complex64>, DMatrix<Complex64>) {
        let mut rng = ChaCha8Rng::seed_from_u64(ports as u64);
        let mut random =
            |rows, columns| DMatrix::from_fn(rows, columns, |_, _| rng.random_range(-1.0..1.0f64));
        let (real, imaginary) = (random(ports, ports), random(ports, ports));
        let spd = |m: &DMatrix<f64>| m * m.transpose() + DMatrix::identity(ports, ports) * 0.1;
        let a = spd(&real).zip_map(&spd(&imaginary), Complex64::new);
        let x = random(rows, ports).zip_map(&random(rows, ports), Complex64::new);
        (a, x)
    }

    /// Tiles of `matrix`, row by row, those above the diagonal left out if it is `symmetric`.
    fn tiles(matrix: &DMatrix<Complex64>, symmetric: bool) -> Vec<Tile<Complex64>> {
        let (rows, columns) = (matrix.nrows() / TILE, matrix.ncols() / TILE);
        let mut tiles = Vec::new();
        for i in 0..rows {
            for p in 0..if symmetric { i + 1 } else { columns } {
                let mut tile = Tile::zero();
                for row in 0..TILE {
                    for column in 0..TILE {
                        tile.0[row][column] = matrix[(TILE * i + row, TILE * p + column)];
                    }
                }
                tiles.push(tile);
            }
        }
        tiles
    }

    fn error(found: &[Tile<Complex64>], expected: &[Tile<Complex64>]) -> f64 {
        let values = |tiles: &[Tile<Complex64>]| -> Vec<Complex64> {
            tiles.iter().flat_map(|tile| tile.0.into_iter().flatten()).collect()
        };
        let differences = values(found).into_iter().zip(values(expected)).map(|(f, e)| (f - e).norm());
        differences.fold(0.0, f64::max)
    }

    #[test]
    fn series_admittances_of_all_kinds() {
        for blocks in [1, 2, 5] {
            let ports = blocks * TILE;
            let (a, x) = matrices(ports, 16);
            let mut rng = ChaCha8Rng::seed_from_u64(7);
            let series: Vec<Option<Complex64>> = (0..ports)
                .map(|port| match port % 3 {
                    0 => None,
                    1 => Some(Complex64::new(rng.random_range(0.1..2.0), rng.random_range(-1.0..1.0))),
                    _ => Some(Complex64::ZERO),
                })
                .collect();
            // Ports with an admittance, one after the other, eliminated as nodes of their own.
            let (mut expected_a, mut expected_x) = (a.clone(), x.clone());
            for (k, y) in series.iter().enumerate().filter_map(|(k, y)| y.map(|y| (k, y))) {
                let row = expected_a.row(k).clone_owned() / (y + expected_a[(k, k)]);
                expected_x = &expected_x - expected_x.column(k) * &row;
                expected_a = &expected_a - expected_a.column(k) * &row;
            }
            let series: Vec<[Option<Complex64>; TILE]> =
                series.chunks(TILE).map(|ports| ports.try_into().unwrap()).collect();
            let (mut a, mut x) = (tiles(&a, true), tiles(&x, false));
            let mut work = Workspace::new(blocks).unwrap();
            connect_in_series(blocks, &mut a, &mut x, series.iter(), &mut work);
            assert!(error(&a, &tiles(&expected_a, true)) < 1e-11);
            assert!(error(&x, &tiles(&expected_x, false)) < 1e-11);
        }
    }

    #[test]
    fn levels_of_the_processor_give_the_same_bits() {
        let (a, x) = matrices(24, 8);
        let (a, x) = (tiles(&a, true), tiles(&x, false));
        let real = |tiles: &[Tile<Complex64>]| -> Vec<Tile<f64>> {
            tiles.iter().map(|tile| Tile(tile.0.map(|row| row.map(|value| value.re)))).collect()
        };
        let series = vec![[Some(1.5); TILE]; 3];
        let results = at_every_level(|| {
            let (mut a, mut x) = (real(&a), real(&x));
            let mut work = Workspace::new(3).unwrap();
            vectorised(
                #[inline(always)]
                || connect_in_series(3, &mut a, &mut x, series.iter(), &mut work),
            );
            let tiles = a.into_iter().chain(x);
            tiles.flat_map(|tile| tile.0.into_iter().flatten()).map(f64::to_bits).collect::<Vec<_>>()
        });
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
    }
}
