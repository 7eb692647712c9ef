//! The cost of a run, split by component.

use super::{Scope, ratio};

/// What one component costs.
#[derive(Debug, Clone, PartialEq)]
pub struct CostItem {
    /// Its name in the table; `ADC` for the ADCs.
    pub name: String,
    /// Where it stands.
    pub scope: Scope,
    /// Energy of the whole run (J).
    pub joules: f64,
    /// Area of the matrix's share (m²).
    pub square_metres: f64,
}

/// The cost of the MVMs of one matrix, made by [`CostModel::price`](super::CostModel::price).
///
/// Sums go over [`Cost::items`] in their order, so the same counters give the same bits. Quotients of a run in
/// which nothing was read are 0; inputs of zero that run no plane take no time, so what is counted by the second is ∞.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    pub(super) vectors: u64,
    pub(super) operations: f64,
    pub(super) arrays: usize,
    pub(super) busy_secs: f64,
    pub(super) fill_secs: f64,
    pub(super) items: Vec<CostItem>,
}

impl Cost {
    /// MVMs of the run.
    pub fn vectors(&self) -> u64 {
        self.vectors
    }

    /// Multiplications and additions of the run, two per weight and vector, whatever was skipped.
    pub fn operations(&self) -> f64 {
        self.operations
    }

    /// Arrays the matrix takes.
    pub fn arrays(&self) -> usize {
        self.arrays
    }

    /// Every component, the ADCs first.
    pub fn items(&self) -> &[CostItem] {
        &self.items
    }

    /// Energy of the run (J).
    pub fn joules(&self) -> f64 {
        self.items.iter().map(|item| item.joules).sum()
    }

    /// Energy of one MVM (J).
    pub fn joules_per_mvm(&self) -> f64 {
        ratio(self.joules(), self.vectors as f64)
    }

    /// Energy (J) of the components of this name; 0 where there is none.
    pub fn joules_of(&self, name: &str) -> f64 {
        self.items.iter().filter(|item| item.name == name).map(|item| item.joules).sum()
    }

    /// Area of the matrix's share of the machine (m²).
    pub fn square_metres(&self) -> f64 {
        self.items.iter().map(|item| item.square_metres).sum()
    }

    /// Area (m²) of the components of this name; 0 where there is none.
    pub fn square_metres_of(&self, name: &str) -> f64 {
        self.items.iter().filter(|item| item.name == name).map(|item| item.square_metres).sum()
    }

    /// Time (s) for which the slowest array of the matrix converts: planes of its active groups one after another,
    /// MVM after MVM.
    pub fn busy_secs(&self) -> f64 {
        self.busy_secs
    }

    /// Mean time (s) from an input to its result: the planes of the slowest array and the other stages of the
    /// pipeline.
    pub fn latency_secs(&self) -> f64 {
        ratio(self.busy_secs, self.vectors as f64) + self.fill_secs
    }

    /// MVMs in a second (1/s), one filling the pipeline behind the other.
    pub fn mvms_per_sec(&self) -> f64 {
        ratio(self.vectors as f64, self.busy_secs)
    }

    /// Operations for a joule (1/J), which is operations in a second for a watt; 10⁹ of them are a GOPS/W.
    pub fn operations_per_joule(&self) -> f64 {
        ratio(self.operations, self.joules())
    }

    /// Operations in a second for a square metre (1/(s·m²)); 10¹⁵ of them are a GOPS/mm².
    pub fn operations_per_sec_per_square_metre(&self) -> f64 {
        ratio(ratio(self.operations, self.busy_secs), self.square_metres())
    }
}
