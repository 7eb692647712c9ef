//! Published component tables, one file each: data in SI units, with their sources.
//!
//! With feature `serde` they serialise, and your own come back from a file through the same checks:
//!
//! ```
//! # #[cfg(feature = "serde")] {
//! use forms_xbar::cost::{ComponentTable, tables};
//!
//! let text = serde_json::to_string_pretty(&tables::forms().unwrap()).unwrap();
//! let mine: ComponentTable = serde_json::from_str(&text.replace("0.0152", "0.0100")).unwrap();
//! assert_eq!(mine.adcs().watts(), 0.01);
//! assert!(serde_json::from_str::<ComponentTable>(&text.replace("0.0152", "-0.0152")).is_err());
//! # }
//! ```

mod forms;
mod isaac;

use crate::error::Result;

use super::{AdcBank, Component, ComponentTable, PricedPer, Scope, Sizes};

/// FORMS with fragments of 8 (Yuan et al., ISCA 2021), 32 nm.
///
/// **Source.** The paper's tables of its MCU and chip. Two things are put right or filled in, each said by the
/// component's own source: the shift-and-add units cover 0.00024 mm², as in ISAAC, for only then is the MCU's area
/// what the chip's table says (0.000024 is printed); the registers, which are not printed, are ISAAC's, for only
/// then is the MCU's power what the chip's table says, to the last digit. A plane takes `128 / (4 · 2.1 GHz)` =
/// 15.24 ns.
///
/// ```
/// use forms_xbar::cost::{Scope, tables};
///
/// // 280.05 mW are printed for twelve.
/// assert!((12.0 * tables::forms()?.watts(Scope::Mcu) - 280.05e-3).abs() < 1e-9);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
///
/// # Errors
///
/// None: it is a `Result` like the settings it is made of.
pub fn forms() -> Result<ComponentTable> {
    forms::DATA.table()
}

/// ISAAC-CE (Shafiee et al., ISCA 2016), 32 nm.
///
/// **Source.** The paper's table I, and its cycle of 100 ns for a plane. In a cycle an ADC takes 128 samples, at
/// the 1.28 GS/s of the text; the table prints 1.2 GS/s. The printed power is spread over the conversions of the
/// cycle, 1.56 pJ each, so that the chip draws what is printed; spread over 1.2 GS/s it is the 1.67 pJ of
/// [`AdcModel::PublishedFit`](super::AdcModel::PublishedFit). A tile takes a quarter of the router it shares with
/// three others.
///
/// # Errors
///
/// As [`forms()`].
pub fn isaac() -> Result<ComponentTable> {
    isaac::DATA.table()
}

/// A table as its file writes it down: powers in W, areas in m².
struct Data {
    name: &'static str,
    sizes: Sizes,
    /// Rows and columns.
    array: (u32, u32),
    plane_secs: f64,
    /// Count, bits, samples per second, W, m².
    adcs: (u32, u32, f64, f64, f64),
    adc_source: &'static str,
    components: &'static [Part],
}

/// Where it stands, what it is, how many, W, m², what it is priced by, source.
type Part = (Scope, &'static str, u32, f64, f64, PricedPer, &'static str);

impl Data {
    fn table(&self) -> Result<ComponentTable> {
        let (count, bits, sample_hz, watts, square_metres) = self.adcs;
        let adcs = AdcBank::new(count, bits, sample_hz, watts, square_metres, self.adc_source)?;
        let at = |wanted: Scope| {
            let parts = self.components.iter().filter(|part| part.0 == wanted);
            let component = |&(_, name, count, watts, square_metres, per, source): &Part| {
                Component::new(name, count, watts, square_metres, per, source)
            };
            parts.map(component).collect::<Result<Vec<_>>>()
        };
        Ok(ComponentTable::new(self.name, adcs, self.sizes, self.array, self.plane_secs)?
            .with_mcu(at(Scope::Mcu)?)
            .with_tile(at(Scope::Tile)?)
            .with_chip(at(Scope::Chip)?))
    }
}
