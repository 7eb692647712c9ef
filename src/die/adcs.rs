//! The ADCs of arrays, as a die drew them.

use super::Die;
use crate::design::Design;
use crate::error::{Result, check_integer};
use crate::kernel::BlockAdcs;
use crate::key::Key;
use crate::mapping::Layout;
use crate::periphery::AdcInstance;

/// The ADCs of one array, and what each of them converts.
pub(crate) struct ArrayAdcs<'a> {
    design: &'a Design,
    layout: &'a Layout,
    /// Empty where all are ideal.
    instances: Vec<AdcInstance>,
}

impl<'a> ArrayAdcs<'a> {
    pub(super) fn draw(design: &'a Design, layout: &'a Layout, die: Key, address: u64) -> Self {
        let (errors, codes) = (design.adc_errors(), design.thresholds().codes);
        let draw = |codes| (0..design.adcs_per_array()).map(move |adc| errors.draw(die, address, adc, codes));
        let instances = codes.filter(|_| errors.is_drawn()).map(|codes| draw(codes).collect());
        ArrayAdcs { design, layout, instances: instances.unwrap_or_default() }
    }

    /// The ADC that converts a bit line, or the pair that it belongs to.
    fn of_bit_line(&self, column: usize) -> usize {
        let (slices, cells) = (self.layout.slices(), self.layout.cells_per_weight());
        let is_second = self.layout.settings().mapping.is_bipolar() && column % cells >= slices;
        self.design.adc_of_bit_line(if is_second { column - slices } else { column })
    }

    /// The ADC of a conversion.
    fn of_conversion(&self, lane: usize, column: usize) -> usize {
        self.of_bit_line(column * self.layout.cells_per_weight() + lane)
    }

    /// Whether gains differ from 1.
    pub(super) fn have_gains(&self) -> bool {
        !self.instances.is_empty() && self.design.adc_errors().gain() > 0.0
    }

    /// What the current of a bit line is multiplied by.
    pub(super) fn gain_of_bit_line(&self, column: usize) -> f64 {
        if self.have_gains() { self.instances[self.of_bit_line(column)].gain() } else { 1.0 }
    }

    /// What the sum of a conversion is multiplied by.
    pub(crate) fn gain(&self, lane: usize, column: usize) -> f64 {
        if self.have_gains() { self.instances[self.of_conversion(lane, column)].gain() } else { 1.0 }
    }

    /// Offsets and edges, as the kernel wants them.
    pub(super) fn block_adcs(&self, lanes: usize, columns: usize) -> BlockAdcs {
        let errors = self.design.adc_errors();
        let conversions = || (0..lanes).flat_map(|lane| (0..columns).map(move |column| (lane, column)));
        let adcs = || conversions().map(|(lane, column)| self.of_conversion(lane, column));
        let displacement = self.instances.iter().flat_map(AdcInstance::displacement).copied();
        let displacement: Vec<i64> = displacement.collect();
        let has_offsets = !self.instances.is_empty() && errors.offset_lsb() > 0.0;
        BlockAdcs {
            offset: if has_offsets {
                adcs().map(|adc| self.instances[adc].offset()).collect()
            } else {
                Vec::new()
            },
            of_conversion: if displacement.is_empty() {
                Vec::new()
            } else {
                adcs().map(|adc| adc as u32).collect()
            },
            displacement,
        }
    }
}

impl Die {
    /// One ADC of an array: what it drew of the design's [`AdcErrors`](crate::AdcErrors).
    ///
    /// # Errors
    ///
    /// [`Error::Integer`](crate::Error::Integer) for an array or an ADC that does not exist.
    ///
    /// ```
    /// use forms_xbar::{AdcErrors, Key, Weights, presets};
    ///
    /// let design = presets::forms().adc_errors(AdcErrors::new(0.3, 0.0)?).build()?;
    /// let weights = Weights::from_row_slice(1, 1, 8, &[85])?;
    /// let die = design.program_keyed(&weights, Key::from(1))?;
    /// // Frozen: it belongs to the die, whatever is written to it.
    /// assert_eq!(die.adc(0, 0)?, die.rewrite_keyed(&weights, Key::from(2))?.adc(0, 0)?);
    /// assert_ne!(die.adc(0, 0)?, design.program_keyed(&weights, Key::from(2))?.adc(0, 0)?);
    /// # Ok::<(), forms_xbar::Error>(())
    /// ```
    pub fn adc(&self, array: usize, adc: usize) -> Result<AdcInstance> {
        let design = self.design();
        check_integer("array", array, 0, self.arrays() as i64 - 1)?;
        check_integer("ADC of an array", adc, 0, design.adcs_per_array() as i64 - 1)?;
        // Without an ADC nothing is drawn.
        let codes = design.thresholds().codes.unwrap_or((0, 1));
        Ok(design.adc_errors().draw(self.device_key(), self.layout().address(array), adc, codes))
    }

    /// The ADCs of an array.
    pub(crate) fn array_adcs(&self, array: usize) -> ArrayAdcs<'_> {
        ArrayAdcs::draw(self.design(), self.layout(), self.device_key(), self.layout().address(array))
    }
}
