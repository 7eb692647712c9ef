//! Published designs as builders, and published [`devices`] and [`wires`] to put into any of them: change what
//! you like, then build.
//!
//! What a paper prints is cited; what it does not print is *our choice* and marked so.

pub mod devices;
pub mod wires;

use crate::design::DesignBuilder;
use crate::device::{Cell, LevelMap, Programming};
use crate::mapping::Mapping;
use crate::periphery::Adc;
use crate::stream::Skip;

/// Cells of 2 bits between 10 kΩ and 1 MΩ, the default of MNSIM 2.0: our choice, since neither
/// FORMS nor ISAAC prints its resistances.
fn two_bit_cell() -> Cell {
    Cell::new(LevelMap::known(&[1e-6, 34e-6, 67e-6, 100e-6]))
}

/// The same with FORMS's variation.
fn forms_cell() -> Cell {
    two_bit_cell().with_programming(Programming::Lognormal { sigma: 0.1 })
}

/// FORMS (Yuan et al., ISCA 2021).
///
/// Printed: polarized fragments of 8, arrays of 128 × 128, cells of 2 bits, inputs of 16 bits
/// streamed bit by bit, leading zeros skipped, 4-bit ADCs at 2.1 GS/s of which four serve an array
/// (a plane takes 128 / (4 · 2.1 GHz) = 15.24 ns), lognormal variation with σ = 0.1.
///
/// Our choice: resistances of 10 kΩ and 1 MΩ, 0.2 V, a granular ADC range (the text says the
/// ADC yields 16 levels), σ on the whole conductance, the baseline subtracted digitally, no
/// read noise.
///
/// The printed 4-bit ADC clips sums above 15 of the 24 that a fragment of 8 can reach; use
/// `adc(Adc::granular(5))` or `column_flip(true)` for an exact result.
///
/// ```
/// let design = forms_xbar::presets::forms().build()?;
/// assert_eq!(design.active_rows(), 8);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
pub fn forms() -> DesignBuilder {
    DesignBuilder::new(Mapping::Polarized { fragment: 8 }, forms_cell(), Adc::granular(4))
        .input_bits(16)
        .skip(Skip::LeadingZeros)
        .plane_secs(128.0 / (4.0 * 2.1e9))
}

/// ISAAC (Shafiee et al., ISCA 2016).
///
/// Printed: offset mapping with column flip, arrays of 128 × 128 with all rows active, cells of 2
/// bits, two's-complement inputs of 16 bits streamed bit by bit, 8-bit ADCs, 100 ns a plane.
///
/// Our choice: resistances of 10 kΩ and 1 MΩ, 0.2 V, ideal cells, the input sums of offset and
/// flip taken digitally (ISAAC adds a unit column), the baseline subtracted digitally.
///
/// ```
/// let design = forms_xbar::presets::isaac().build()?;
/// // 128 rows of level 3, halved by column flip: lossless in 8 bits.
/// assert_eq!(design.lossless_adc_bits(), 8);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
pub fn isaac() -> DesignBuilder {
    DesignBuilder::new(Mapping::Offset, two_bit_cell(), Adc::granular(8))
        .column_flip(true)
        .input_bits(16)
        .signed_inputs(true)
        .plane_secs(100e-9)
}
