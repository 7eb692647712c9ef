//! One design of the sweep, and what it does and costs.

use forms_xbar::cost::{AdcModel, CostModel, Layer, Network as Priced, tables};
use forms_xbar::study::Interval;
use forms_xbar::{Activity, Adc, Cell, Design, Key, LevelMap, Mapping, Programming, Subtraction};

use crate::support::crossbars::{Crossbars, machine};
use crate::support::digits::PIXELS;
use crate::support::integer::{Network, accuracy};

/// Conductances of the lowest and the highest level (S): FORMS's preset.
const WINDOW: (f64, f64) = (1e-6, 100e-6);

/// A design of the sweep. As many rows are driven together as a fragment has, whatever the mapping.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    mapping: Mapping,
    pub(crate) fragment: usize,
    pub(crate) cell_bits: u32,
    pub(crate) adc_bits: u32,
    /// The fewest bits that lose nothing.
    pub(crate) lossless_adc_bits: u32,
    pub(crate) column_flip: bool,
}

impl Setting {
    pub(crate) fn name(&self) -> &'static str {
        match self.mapping {
            Mapping::Polarized { .. } => "polarized",
            Mapping::Differential { .. } => "differential",
            Mapping::Offset => "offset",
        }
    }

    pub(crate) fn is_polarized(&self) -> bool {
        matches!(self.mapping, Mapping::Polarized { .. })
    }

    fn design(&self, sigma: f64) -> forms_xbar::Result<Design> {
        let cell = Cell::new(LevelMap::linear(self.cell_bits, WINDOW.0, WINDOW.1)?)
            .with_programming(Programming::Lognormal { sigma });
        machine(self.mapping, self.fragment, sigma)?
            .cell(cell)
            .column_flip(self.column_flip)
            .adc(Adc::granular(self.adc_bits))
            .build()
    }
}

/// Every design of the sweep: ADCs that lose nothing, and of one and two bits less.
pub(crate) fn settings() -> forms_xbar::Result<Vec<Setting>> {
    let mut settings = Vec::new();
    for fragment in [4, 8, 16] {
        let differential = Mapping::Differential { subtraction: Subtraction::Digital };
        for mapping in [Mapping::Polarized { fragment }, differential, Mapping::Offset] {
            for cell_bits in [1, 2, 4] {
                for column_flip in [false, true] {
                    let (adc_bits, lossless_adc_bits) = (8, 8);
                    let widest =
                        Setting { mapping, fragment, cell_bits, adc_bits, lossless_adc_bits, column_flip };
                    let lossless_adc_bits = widest.design(0.0)?.lossless_adc_bits();
                    for adc_bits in lossless_adc_bits - 2..=lossless_adc_bits {
                        settings.extend((adc_bits > 0).then_some(Setting {
                            adc_bits,
                            lossless_adc_bits,
                            ..widest
                        }));
                    }
                }
            }
        }
    }
    Ok(settings)
}

/// What a design does and costs, over all dies.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) setting: Setting,
    /// Mean over dies.
    pub(crate) accuracy: f64,
    /// Of that accuracy on all images: the images are fewer than the draws.
    pub(crate) over_images: Interval,
    /// Of an inference.
    pub(crate) joules: f64,
    pub(crate) adc_joules: f64,
    pub(crate) cell_joules: f64,
    pub(crate) square_metres: f64,
    pub(crate) arrays: usize,
    pub(crate) latency_secs: f64,
    pub(crate) inferences_per_sec: f64,
    /// Share of conversions.
    pub(crate) clipped: f64,
    pub(crate) mean_eic: f64,
}

impl Point {
    /// Programs a die for every key, reads images, and prices what they did: FORMS's MCU, ADCs through the
    /// published points, the energy in the cells as counted.
    pub(crate) fn new(
        setting: Setting,
        network: &Network,
        sigma: f64,
        keys: &[Key],
        images: &[u8],
        labels: &[u8],
    ) -> forms_xbar::Result<Self> {
        let design = setting.design(sigma)?;
        let model =
            CostModel::scaled(&tables::forms()?, &design, AdcModel::PublishedFit)?.with_counted_cells()?;
        let mut accuracies = Vec::with_capacity(keys.len());
        let (mut by_layer, mut inferences) = (Vec::<Activity>::new(), 0);
        let mut layouts = Vec::new();
        let mut arrays = 0;
        for &key in keys {
            let crossbars = Crossbars::program(&design, network, key)?;
            let reading = crossbars.read(images)?;
            accuracies.push(accuracy(&reading.logits, labels));
            inferences += (images.len() / PIXELS) as u64;
            by_layer.resize(reading.activity.len(), Activity::default());
            by_layer.iter_mut().zip(reading.activity).for_each(|(sum, activity)| *sum += activity);
            layouts = crossbars.layouts().cloned().collect();
            arrays = crossbars.arrays().iter().sum();
        }
        let price = |(layout, activity)| Layer::new(model.price(layout, activity)?, 1);
        let layers = layouts.iter().zip(&by_layer).map(price).collect::<forms_xbar::Result<_>>()?;
        let priced = Priced::new(inferences, layers)?;
        let all: Activity = by_layer.into_iter().sum();
        let accuracy = accuracies.iter().sum::<f64>() / accuracies.len() as f64;
        Ok(Point {
            setting,
            accuracy,
            over_images: Interval::of_proportion(accuracy, images.len() / PIXELS, 0.95)?,
            joules: priced.joules_per_inference(),
            adc_joules: priced.joules_per_inference_of("ADC"),
            cell_joules: priced.joules_per_inference_of("cells"),
            square_metres: priced.square_metres(),
            arrays,
            latency_secs: priced.latency_secs(),
            inferences_per_sec: priced.inferences_per_sec(),
            clipped: (all.clipped_low() + all.clipped_high()) as f64 / all.conversions() as f64,
            mean_eic: all.mean_eic(),
        })
    }
}
