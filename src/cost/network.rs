//! Layers one after another, each on as many copies of its arrays as it is given.

use crate::error::{Error, Result, check_integer};

use super::{Cost, ratio};

/// What a layer costs, and on how many copies of its arrays its vectors are spread.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    cost: Cost,
    copies: u32,
}

impl Layer {
    /// A layer on `copies` copies of its arrays, which share its vectors evenly (ISAAC replicates early layers).
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for no copy.
    pub fn new(cost: Cost, copies: u32) -> Result<Self> {
        check_integer("copies of a layer", copies, 1, u32::MAX.into())?;
        Ok(Layer { cost, copies })
    }

    /// What it costs on one copy.
    pub fn cost(&self) -> &Cost {
        &self.cost
    }

    /// Copies of its arrays.
    pub fn copies(&self) -> u32 {
        self.copies
    }

    /// Time (s) for which its slowest array converts.
    fn busy_secs(&self) -> f64 {
        self.cost.busy_secs / f64::from(self.copies)
    }

    /// Mean time (s) in which it serves one of so many inferences: copies take turns of one whole vector each.
    fn latency_secs(&self, inferences: u64) -> f64 {
        let vectors = self.cost.vectors as f64 / inferences as f64;
        let turns = vectors.min((vectors / f64::from(self.copies)).ceil());
        turns * ratio(self.cost.busy_secs, self.cost.vectors as f64) + self.cost.fill_secs
    }
}

/// The layers of a network and the inferences they were counted over.
///
/// Layers work on different inferences at once, so the slowest sets the throughput; the latency of one inference is
/// that of its layers one after another, an upper bound for layers that begin before the one above has ended.
/// Copies share the vectors of an inference, each of which is read by one: more copies than vectors gain throughput
/// alone. Copies cost area, and no energy: what stands still is not priced.
///
/// ```
/// use forms_xbar::cost::{CostModel, Layer, Network, tables};
/// use forms_xbar::{Key, Weights, presets};
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
///
/// let design = presets::forms().build()?;
/// let model = CostModel::new(&tables::forms()?, &design)?;
/// let die = design.program_keyed(&Weights::from_row_slice(8, 8, 8, &[1; 64])?, Key::from(1))?;
/// let cost = |x: &[u16]| {
///     let activity = die.mvm_batch(x, &mut ChaCha8Rng::seed_from_u64(1))?.activity;
///     model.price(die.layout(), &activity)
/// };
/// // A convolution of four positions on two copies, then one product.
/// let network = Network::new(1, vec![Layer::new(cost(&[1; 32])?, 2)?, Layer::new(cost(&[1; 8])?, 1)?])?;
/// assert_eq!(network.slowest(), Some(0));
/// // Two planes of 15.24 ns.
/// assert!((network.inferences_per_sec() - 1.0 / (2.0 * 15.238e-9)).abs() < 1e4);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    inferences: u64,
    layers: Vec<Layer>,
}

impl Network {
    /// Layers whose costs are of `inferences` inferences.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for no inference, [`Error::Conflict`] for layers whose components differ in name or scope:
    /// all must be priced by models of one table and scope.
    pub fn new(inferences: u64, layers: Vec<Layer>) -> Result<Self> {
        check_integer("inferences", inferences, 1, i64::MAX)?;
        let parts = |layer: &Layer| {
            layer.cost.items.iter().map(|item| (item.name.clone(), item.scope)).collect::<Vec<_>>()
        };
        if layers.windows(2).any(|pair| parts(&pair[0]) != parts(&pair[1])) {
            return Err(Error::Conflict {
                first: "layers of one network",
                second: "models of several tables or scopes",
                why: "their components do not add up",
            });
        }
        Ok(Network { inferences, layers })
    }

    /// Its layers.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Energy of an inference (J).
    pub fn joules_per_inference(&self) -> f64 {
        self.layers.iter().map(|layer| layer.cost.joules()).sum::<f64>() / self.inferences as f64
    }

    /// Energy of an inference (J) in the components of this name.
    pub fn joules_per_inference_of(&self, name: &str) -> f64 {
        self.layers.iter().map(|layer| layer.cost.joules_of(name)).sum::<f64>() / self.inferences as f64
    }

    /// Area of all copies (m²).
    pub fn square_metres(&self) -> f64 {
        self.layers.iter().map(|layer| f64::from(layer.copies) * layer.cost.square_metres()).sum()
    }

    /// Area of all copies (m²) in the components of this name.
    pub fn square_metres_of(&self, name: &str) -> f64 {
        self.layers.iter().map(|layer| f64::from(layer.copies) * layer.cost.square_metres_of(name)).sum()
    }

    /// Arrays of all copies.
    pub fn arrays(&self) -> u64 {
        self.layers.iter().map(|layer| u64::from(layer.copies) * layer.cost.arrays as u64).sum()
    }

    /// The layer that sets the throughput, the first of equals; `None` for no layer.
    pub fn slowest(&self) -> Option<usize> {
        let slower = |best: usize, at: usize| {
            if self.layers[at].busy_secs() > self.layers[best].busy_secs() { at } else { best }
        };
        (0..self.layers.len()).reduce(slower)
    }

    /// Inferences in a second (1/s); 0 where nothing was read, and ∞ where no plane was run.
    pub fn inferences_per_sec(&self) -> f64 {
        let was_read = self.layers.iter().any(|layer| layer.cost.vectors > 0);
        let busy_secs = self.slowest().map_or(0.0, |layer| self.layers[layer].busy_secs());
        if was_read { self.inferences as f64 / busy_secs } else { 0.0 }
    }

    /// Mean time (s) of an inference, layer after layer, the other stages of the pipeline once a layer.
    pub fn latency_secs(&self) -> f64 {
        self.layers.iter().map(|layer| layer.latency_secs(self.inferences)).sum()
    }

    /// Operations of all layers for a joule (1/J); 10⁹ of them are a GOPS/W.
    pub fn operations_per_joule(&self) -> f64 {
        let (operations, joules) = self.layers.iter().fold((0.0, 0.0), |(operations, joules), layer| {
            (operations + layer.cost.operations, joules + layer.cost.joules())
        });
        ratio(operations, joules)
    }

    /// Operations in a second at the throughput of the slowest layer, for a square metre (1/(s·m²)); 10¹⁵ of them
    /// are a GOPS/mm².
    pub fn operations_per_sec_per_square_metre(&self) -> f64 {
        let operations: f64 = self.layers.iter().map(|layer| layer.cost.operations).sum();
        let per_sec = operations / self.inferences as f64 * self.inferences_per_sec();
        ratio(per_sec, self.square_metres())
    }
}
