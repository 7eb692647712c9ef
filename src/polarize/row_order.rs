//! The order in which inputs come to lie on word lines.

use super::calibration::add_scaled;
use crate::error::{Error, Result, check_integer, check_length, check_real};
use crate::weights::RealWeights;

/// One permutation for all columns of a matrix, applied to its inputs as well: which rows share a fragment.
///
/// FORMS reorders a convolution's rows once for the whole network, by width, height or channel
/// (section III): no weight needs an index. Any permutation costs the same, and
/// [`RowOrder::search`] finds one for this matrix.
///
/// ```
/// use forms_xbar::RealWeights;
/// use forms_xbar::polarize::RowOrder;
///
/// let order = RowOrder::channel_major(2, 1, 2)?; // two channels of one row of two
/// assert_eq!(order.places(), [0, 2, 1, 3]);
/// let weights = RealWeights::from_row_slice(4, 1, &[0.0, 1.0, 2.0, 3.0])?;
/// assert_eq!(order.reorder(&weights)?.as_row_slice(), [0.0, 2.0, 1.0, 3.0]);
/// assert_eq!(order.apply(&['a', 'b', 'c', 'd'])?, ['a', 'c', 'b', 'd']);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowOrder {
    places: Vec<usize>,
}

impl RowOrder {
    /// Row `p` of the reordered matrix is row `places[p]` of the original.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for no row or one that is not below their number, [`Error::Repeated`] for
    /// one that stands twice.
    pub fn new(places: Vec<usize>) -> Result<Self> {
        check_integer("rows of an order", places.len(), 1, i64::MAX)?;
        let mut seen = vec![false; places.len()];
        for &place in &places {
            check_integer("row of an order", place, 0, places.len() as i64 - 1)?;
            if std::mem::replace(&mut seen[place], true) {
                return Err(Error::Repeated { name: "row order", index: place });
            }
        }
        Ok(RowOrder { places })
    }

    /// FORMS's W-major order of kernels flattened (channel, height, width): as it is.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for a zero size, or more than 2³² rows.
    pub fn width_major(channels: usize, height: usize, width: usize) -> Result<Self> {
        Self::strided([(channels, height * width), (height, width), (width, 1)])
    }

    /// FORMS's H-major order of kernels flattened (channel, height, width): down the height first.
    ///
    /// # Errors
    ///
    /// As [`RowOrder::width_major`].
    pub fn height_major(channels: usize, height: usize, width: usize) -> Result<Self> {
        Self::strided([(channels, height * width), (width, 1), (height, width)])
    }

    /// FORMS's C-major order of kernels flattened (channel, height, width): through the channels first.
    ///
    /// # Errors
    ///
    /// As [`RowOrder::width_major`].
    pub fn channel_major(channels: usize, height: usize, width: usize) -> Result<Self> {
        Self::strided([(height, width), (width, 1), (channels, height * width)])
    }

    /// Extents with their strides, the outermost first.
    fn strided(axes: [(usize, usize); 3]) -> Result<Self> {
        for (extent, _) in axes {
            check_integer("extent of a kernel", extent, 1, 1 << 32)?;
        }
        let [a, b, c] = axes;
        let rows = a.0.saturating_mul(b.0).saturating_mul(c.0);
        check_integer("rows of an order", rows, 1, 1 << 32)?;
        let place = |at: usize| at / (b.0 * c.0) * a.1 + at / c.0 % b.0 * b.1 + at % c.0 * c.1;
        Ok(RowOrder { places: (0..rows).map(place).collect() })
    }

    /// The original row at every place.
    pub fn places(&self) -> &[usize] {
        &self.places
    }

    /// The order that undoes this one.
    pub fn inverse(&self) -> Self {
        let mut places = vec![0; self.places.len()];
        self.places.iter().enumerate().for_each(|(at, &place)| places[place] = at);
        RowOrder { places }
    }

    /// Contiguous vectors, one element per row of the matrix, in this order.
    ///
    /// # Errors
    ///
    /// [`Error::Batch`] for no whole number of vectors.
    pub fn apply<T: Copy>(&self, vectors: &[T]) -> Result<Vec<T>> {
        let rows = self.places.len();
        if !vectors.len().is_multiple_of(rows) {
            return Err(Error::Batch { found: vectors.len(), vector: rows });
        }
        Ok(vectors
            .chunks_exact(rows)
            .flat_map(|vector| self.places.iter().map(|&place| vector[place]))
            .collect())
    }

    /// A matrix with its rows in this order.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for another number of rows.
    pub fn reorder(&self, weights: &RealWeights) -> Result<RealWeights> {
        check_length("inputs of the weights", self.places.len(), weights.inputs())?;
        let outputs = weights.outputs();
        let row = |&place: &usize| &weights.as_row_slice()[place * outputs..][..outputs];
        RealWeights::from_row_vec(
            weights.inputs(),
            outputs,
            self.places.iter().flat_map(row).copied().collect(),
        )
    }

    /// The squared distance to the nearest polarized matrix in this order, each row counted with its
    /// `importance`: [`Calibration::power`](super::Calibration::power), or 1 where none is given.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for an empty fragment, [`Error::Length`] for another number of rows,
    /// [`Error::Real`] for an importance that is negative or not finite.
    pub fn cost(&self, weights: &RealWeights, fragment: usize, importance: Option<&[f64]>) -> Result<f64> {
        let energies = self.energies(weights, fragment, importance)?;
        Ok(self.places.chunks(fragment).map(|rows| cost(&energies.of(rows))).sum())
    }

    /// Starts from the cheapest of the `candidates` and swaps rows between fragments while that lowers
    /// [`RowOrder::cost`].
    ///
    /// Every pair of rows is tried in a fixed order, at most `sweeps` times: `n² · outputs` operations
    /// a sweep. What is left when no swap helps is a local optimum. The method is ours.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] without a candidate; those of [`RowOrder::cost`].
    ///
    /// ```
    /// use forms_xbar::RealWeights;
    /// use forms_xbar::polarize::RowOrder;
    ///
    /// let weights = RealWeights::from_row_slice(4, 1, &[1.0, -1.0, 2.0, -2.0])?;
    /// let natural = RowOrder::new(vec![0, 1, 2, 3])?;
    /// assert_eq!(natural.cost(&weights, 2, None)?, 5.0);
    /// let found = RowOrder::search(&[natural], &weights, 2, None, 10)?;
    /// assert_eq!(found.cost(&weights, 2, None)?, 0.0);
    /// # Ok::<(), forms_xbar::Error>(())
    /// ```
    pub fn search(
        candidates: &[RowOrder],
        weights: &RealWeights,
        fragment: usize,
        importance: Option<&[f64]>,
        sweeps: usize,
    ) -> Result<Self> {
        check_integer("candidates of an order", candidates.len(), 1, i64::MAX)?;
        let mut best = (f64::INFINITY, &candidates[0]);
        for candidate in candidates {
            let cost = candidate.cost(weights, fragment, importance)?;
            if cost < best.0 {
                best = (cost, candidate);
            }
        }
        let mut order = best.1.clone();
        let energies = order.energies(weights, fragment, importance)?;
        for _ in 0..sweeps {
            if !order.sweep(&energies, fragment) {
                break;
            }
        }
        Ok(order)
    }

    fn energies(
        &self,
        weights: &RealWeights,
        fragment: usize,
        importance: Option<&[f64]>,
    ) -> Result<Energies> {
        check_integer("fragment", fragment, 1, 1 << 16)?;
        check_length("inputs of the weights", self.places.len(), weights.inputs())?;
        let ones = vec![1.0; weights.inputs()];
        let importance = importance.unwrap_or(&ones);
        check_length("importance", weights.inputs(), importance.len())?;
        for &importance in importance {
            check_real("importance of a row", importance, 0.0, f64::MAX)?;
        }
        let outputs = weights.outputs();
        let mut values = Vec::with_capacity(2 * weights.as_row_slice().len());
        for (row, importance) in weights.as_row_slice().chunks_exact(outputs).zip(importance) {
            let energy = |weight: f32| importance * f64::from(weight) * f64::from(weight);
            values.extend(row.iter().map(|&weight| energy(weight.max(0.0))));
            values.extend(row.iter().map(|&weight| energy(weight.min(0.0))));
        }
        Ok(Energies { outputs, values })
    }

    /// Tries every swap between two fragments once; whether any was made.
    fn sweep(&mut self, energies: &Energies, fragment: usize) -> bool {
        let mut sums: Vec<Vec<f64>> = self.places.chunks(fragment).map(|rows| energies.of(rows)).collect();
        let mut costs: Vec<f64> = sums.iter().map(|sums| cost(sums)).collect();
        let mut swapped = false;
        for a in 0..self.places.len() {
            let first = a / fragment;
            for b in (first + 1) * fragment..self.places.len() {
                let second = b / fragment;
                let (row_a, row_b) = (self.places[a], self.places[b]);
                let (energy_a, energy_b) = (energies.row(row_a), energies.row(row_b));
                let new = [
                    swapped_cost(&sums[first], energy_a, energy_b),
                    swapped_cost(&sums[second], energy_b, energy_a),
                ];
                // Sums carry rounding: a gain must exceed it, or swaps could go on for ever.
                let before = costs[first] + costs[second];
                if new[0] + new[1] < before * (1.0 - 1e-9) {
                    self.places.swap(a, b);
                    for fragment_at in [first, second] {
                        let start = fragment_at * fragment;
                        let end = self.places.len().min(start + fragment);
                        sums[fragment_at] = energies.of(&self.places[start..end]);
                        costs[fragment_at] = cost(&sums[fragment_at]);
                    }
                    swapped = true;
                }
            }
        }
        swapped
    }
}

/// Squares of the positive, then of the negative weights, row by row.
struct Energies {
    outputs: usize,
    values: Vec<f64>,
}

impl Energies {
    fn row(&self, row: usize) -> &[f64] {
        &self.values[2 * row * self.outputs..][..2 * self.outputs]
    }

    /// The sums over these rows.
    fn of(&self, rows: &[usize]) -> Vec<f64> {
        let mut sums = vec![0.0; 2 * self.outputs];
        rows.iter().for_each(|&row| add_scaled(&mut sums, self.row(row), 1.0));
        sums
    }
}

/// What the nearest signs remove of a fragment's energies.
fn cost(sums: &[f64]) -> f64 {
    let (positive, negative) = sums.split_at(sums.len() / 2);
    positive.iter().zip(negative).map(|(positive, negative)| positive.min(*negative)).sum()
}

/// The same after one row has left and another come.
fn swapped_cost(sums: &[f64], leaves: &[f64], comes: &[f64]) -> f64 {
    let half = sums.len() / 2;
    let energy = |at: usize| sums[at] - leaves[at] + comes[at];
    (0..half).map(|at| energy(at).min(energy(half + at))).sum()
}
