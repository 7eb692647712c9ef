//! A component table beside a design: prices of counters, timing, peak figures.

use crate::activity::Activity;
use crate::design::Design;
use crate::error::{Error, Result, check_integer, check_real};
use crate::mapping::{Layout, LayoutSettings};

use super::table::LONGEST_PLANE_SECS;
use super::{AdcModel, AdcPrice, Component, ComponentTable, Cost, CostItem, PricedPer, Scope, ratio};

/// Stages of FORMS's and ISAAC's pipeline that convert nothing: 22 are printed for inputs of 16 planes.
const OTHER_STAGES: u32 = 22 - 16;

/// Prices what a [`Design`] does by a [`ComponentTable`].
///
/// **Timing.** A plane takes the design's [`plane_secs`](Design::plane_secs), in which the ADCs must get through
/// the bit lines of the array. Active groups of an array are served one after another, arrays side by side; the
/// planes of the slowest array and the other stages of the pipeline are the latency. **Units.** SI. **Source.**
/// FORMS and ISAAC print the pipeline: 22 stages for 16 planes, 26 and 27 with pooling.
///
/// ```
/// use forms_xbar::cost::{AdcModel, CostModel, Scope, tables};
/// use forms_xbar::{Adc, presets};
///
/// // A lossless FORMS needs 5 bits, which the paper does not price.
/// let design = presets::forms().adc(Adc::granular(5)).build()?;
/// assert!(CostModel::new(&tables::forms()?, &design).is_err());
/// let model = CostModel::scaled(&tables::forms()?, &design, AdcModel::PublishedFit)?;
/// let peak = model.with_scope(Scope::Chip).peak(16)?;
/// assert!(peak.operations_per_joule() < 627e9);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CostModel {
    table: ComponentTable,
    layout: LayoutSettings,
    input_planes: u32,
    plane_secs: f64,
    adc: AdcPrice,
    counts_cells: bool,
    scope: Scope,
    other_stages: u32,
}

/// What a whole MCU, tile or chip does with every cell of every array in use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// Multiplications and additions in a second (1/s), two per weight.
    pub operations_per_sec: f64,
    /// Power (W).
    pub watts: f64,
    /// Area (m²).
    pub square_metres: f64,
}

impl Peak {
    /// Operations for a joule (1/J); 10⁹ of them are a GOPS/W.
    pub fn operations_per_joule(&self) -> f64 {
        ratio(self.operations_per_sec, self.watts)
    }

    /// Operations in a second for a square metre (1/(s·m²)); 10¹⁵ of them are a GOPS/mm².
    pub fn operations_per_sec_per_square_metre(&self) -> f64 {
        ratio(self.operations_per_sec, self.square_metres)
    }
}

impl CostModel {
    /// Prices by the table alone, its ADCs as printed; of an MCU alone, cells as printed, 6 stages of the pipeline
    /// beside those that stream planes.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] for arrays of another size than the table's and for an ADC of other bits or none,
    /// [`Error::Real`] for planes too short for the ADCs or above 10³ s.
    pub fn new(table: &ComponentTable, design: &Design) -> Result<Self> {
        if adc_bits(design)? != table.adcs().bits() {
            return Err(Error::Conflict {
                first: "the table's ADC",
                second: "the design's",
                why: "they differ in bits: choose how to scale",
            });
        }
        let (adcs, arrays) = (table.adcs(), f64::from(table.sizes().arrays_per_mcu));
        let adc = AdcPrice {
            joules_per_conversion: adcs.watts() / arrays / table.conversions_per_sec(),
            square_metres: adcs.square_metres() / f64::from(adcs.count()),
        };
        Self::with_adc(table, design, adc)
    }

    /// The same with ADCs of the design's bits, scaled by a choice, at the rate that the design's planes ask for.
    ///
    /// # Errors
    ///
    /// As [`CostModel::new`] for arrays, for no ADC and for planes; those of [`AdcModel::price`].
    pub fn scaled(table: &ComponentTable, design: &Design, adc: AdcModel) -> Result<Self> {
        let bits = adc_bits(design)?;
        let unpriced = AdcPrice { joules_per_conversion: 0.0, square_metres: 0.0 };
        let model = Self::with_adc(table, design, unpriced)?;
        Ok(CostModel { adc: adc.price(bits, model.sample_hz())?, ..model })
    }

    fn with_adc(table: &ComponentTable, design: &Design, adc: AdcPrice) -> Result<Self> {
        let (array_rows, array_columns) = design.array();
        if (array_rows, array_columns) != (table.array_rows() as usize, table.array_columns() as usize) {
            return Err(Error::Conflict {
                first: "the table's arrays",
                second: "the design's",
                why: "they differ in rows or columns, and so in power and area",
            });
        }
        let layout = LayoutSettings {
            mapping: design.mapping(),
            column_flip: design.column_flip(),
            cell_bits: design.cell().levels().bits(),
            array_rows,
            array_columns,
            active_rows: design.active_rows(),
        };
        let model = CostModel {
            table: table.clone(),
            layout,
            input_planes: design.input_format().planes(),
            plane_secs: design.plane_secs(),
            adc,
            counts_cells: false,
            scope: Scope::Mcu,
            other_stages: OTHER_STAGES,
        };
        // By its sample rate, or as fast as its plane time says: ISAAC's printed rate just misses its printed
        // cycle.
        let fastest = table.conversions_per_sec().max(table.adcs().sample_hz() * table.adcs_per_array());
        let shortest = model.conversions_per_plane() / fastest;
        // Quotients of the same numbers may differ in their last bit.
        check_real("plane time (s)", model.plane_secs, shortest * (1.0 - 1e-12), LONGEST_PLANE_SECS)?;
        Ok(model)
    }

    /// The same with the energy in the cells as it was counted, instead of the table's power for arrays; needs
    /// [`ActivityLevel::CountsAndEnergy`](crate::ActivityLevel::CountsAndEnergy).
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] for a table in which not exactly one part of an MCU, and none above, is priced by its
    /// [`PricedPer::Cells`]: the joules would be lost or counted twice.
    pub fn with_counted_cells(self) -> Result<Self> {
        let cells = |scope| {
            let parts = self.table.components(scope).iter();
            parts.filter(|part| part.priced_per() == PricedPer::Cells).count()
        };
        if [Scope::Mcu, Scope::Tile, Scope::Chip].map(cells) != [1, 0, 0] {
            return Err(Error::Conflict {
                first: "counted cells",
                second: "the table",
                why: "one part of an MCU has to stand for the cells",
            });
        }
        Ok(Self { counts_cells: true, ..self })
    }

    /// The same up to this scope.
    pub fn with_scope(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    /// The same with so many stages of the pipeline beside those that stream planes.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for more than 1000.
    pub fn with_other_stages(self, stages: u32) -> Result<Self> {
        check_integer("other stages of the pipeline", stages, 0, 1000)?;
        Ok(Self { other_stages: stages, ..self })
    }

    /// What a conversion and an ADC cost.
    pub fn adc(&self) -> AdcPrice {
        self.adc
    }

    /// Conversions of one ADC in a plane whose array is full.
    pub fn conversions_per_adc(&self) -> f64 {
        self.conversions_per_plane() / self.table.adcs_per_array()
    }

    /// Samples in a second (1/s) that the planes ask of an ADC.
    pub fn sample_hz(&self) -> f64 {
        self.conversions_per_adc() / self.plane_secs
    }

    /// Planes of an MVM on a full array when none is skipped: those of all its active groups.
    pub fn planes_per_array(&self) -> u64 {
        (self.layout.array_rows / self.layout.active_rows) as u64 * u64::from(self.input_planes)
    }

    /// Time (s) of an MVM on a full array when no plane is skipped.
    pub fn array_secs(&self) -> f64 {
        self.planes_per_array() as f64 * self.plane_secs
    }

    /// Conversions of a plane of a full array.
    fn conversions_per_plane(&self) -> f64 {
        let columns = self.layout.array_columns as f64;
        if self.layout.mapping.is_bipolar() { columns / 2.0 } else { columns }
    }

    /// What whole MCUs, tiles and chips do, up to the model's scope, with weights of `weight_bits` in two's
    /// complement and no plane skipped; cells as printed.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for bits outside 2–16, or a weight that needs more cells than an array has columns.
    ///
    /// ```
    /// use forms_xbar::cost::{CostModel, Scope, tables};
    /// use forms_xbar::presets;
    ///
    /// // ISAAC-CE: 627.5 GOPS/W are printed, of 65.8 W; the parts sum to 65.808.
    /// let model = CostModel::new(&tables::isaac()?, &presets::isaac().build()?)?.with_scope(Scope::Chip);
    /// assert!((model.peak(16)?.operations_per_joule() - 627.4e9).abs() < 0.05e9);
    /// # Ok::<(), forms_xbar::Error>(())
    /// ```
    pub fn peak(&self, weight_bits: u32) -> Result<Peak> {
        check_integer("weight bits", weight_bits, 2, 16)?;
        let half = 1 << (weight_bits - 1);
        let rows = self.layout.array_rows;
        let outputs = Layout::new(self.layout, rows, 1, (-half, half - 1))?.outputs_per_array();
        let arrays = self.table.sizes().arrays(self.scope) as f64;
        let operations = 2.0 * rows as f64 * outputs as f64;
        let mut peak = Peak {
            operations_per_sec: arrays * operations / self.array_secs(),
            watts: 0.0,
            square_metres: 0.0,
        };
        // Every array runs a plane of all its bit lines all the time.
        let full = Use {
            arrays,
            conversions: arrays * self.conversions_per_plane() / self.plane_secs,
            planes: arrays / self.plane_secs,
            busy_secs: 1.0,
            cell_joules: None,
        };
        for item in self.items(&full) {
            peak.watts += item.joules;
            peak.square_metres += item.square_metres;
        }
        Ok(peak)
    }

    /// What MVMs of a matrix cost: the counters of `activity` times their prices, and the area of its arrays.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] for the layout of another design, or where counted cells are asked for and word lines
    /// were driven but no energy was counted (nor can be, where no driven cell conducts).
    pub fn price(&self, layout: &Layout, activity: &Activity) -> Result<Cost> {
        let conflict = |first, second, why| Err(Error::Conflict { first, second, why });
        if *layout.settings() != self.layout {
            return conflict("the layout", "the design that is priced", "they differ in arrays or mapping");
        }
        let cell_joules = self.counts_cells.then(|| activity.cell_energy_joules());
        if cell_joules == Some(0.0) && activity.active_word_lines() > 0 {
            return conflict("counted cells", "activity without energy", "count at CountsAndEnergy");
        }
        let busy_secs = activity.latency_planes() as f64 * self.plane_secs;
        let used = Use {
            arrays: layout.arrays() as f64,
            conversions: activity.conversions() as f64,
            planes: activity.planes_run() as f64,
            busy_secs,
            cell_joules,
        };
        let weights = layout.inputs() as f64 * layout.outputs() as f64;
        Ok(Cost {
            vectors: activity.vectors(),
            operations: 2.0 * weights * activity.vectors() as f64,
            arrays: layout.arrays(),
            busy_secs,
            fill_secs: f64::from(self.other_stages) * self.plane_secs,
            items: self.items(&used),
        })
    }

    /// Every component up to the scope, priced.
    fn items(&self, used: &Use) -> Vec<CostItem> {
        let adcs = used.arrays * self.table.adcs_per_array();
        let mut items = vec![CostItem {
            name: "ADC".into(),
            scope: Scope::Mcu,
            joules: used.conversions * self.adc.joules_per_conversion,
            square_metres: adcs * self.adc.square_metres,
        }];
        for scope in [Scope::Mcu, Scope::Tile, Scope::Chip].into_iter().filter(|&scope| scope <= self.scope) {
            let served = self.table.sizes().arrays(scope) as f64;
            items.extend(self.table.components(scope).iter().map(|component| CostItem {
                name: component.name().into(),
                scope,
                joules: self.joules(component, served, used),
                square_metres: used.arrays * (component.square_metres() / served),
            }));
        }
        items
    }

    fn joules(&self, component: &Component, served: f64, used: &Use) -> f64 {
        let watts = component.watts() / served;
        let per_plane = watts * self.table.plane_secs();
        match (component.priced_per(), used.cell_joules) {
            (PricedPer::Cells, Some(joules)) => joules,
            (PricedPer::Plane | PricedPer::Cells, _) => used.planes * per_plane,
            (PricedPer::Conversion, _) => used.conversions * (watts / self.table.conversions_per_sec()),
            (PricedPer::Second, _) => used.arrays * watts * used.busy_secs,
        }
    }
}

/// The counters that are priced.
struct Use {
    arrays: f64,
    conversions: f64,
    /// Of every array.
    planes: f64,
    busy_secs: f64,
    /// Where they are counted.
    cell_joules: Option<f64>,
}

fn adc_bits(design: &Design) -> Result<u32> {
    design.adc().bits().ok_or(Error::Conflict {
        first: "a price of conversions",
        second: "an ADC that passes sums through",
        why: "it has no bits",
    })
}
