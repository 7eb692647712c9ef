//! Cells of every level of a device, as written and a day later.

use forms_xbar::device::{Ageing, Conditions};
use forms_xbar::presets::devices::{self, Acceptance, Device};
use forms_xbar::{Adc, Die, Key, Mapping, Programming, Weights, presets};

use super::Result;

/// How long the cells rest (s).
pub(crate) const DAY: f64 = 86_400.0;

/// PytorX's read frequency and mean dwell time, which the paper does not print: a plane of 100 ns, and
/// four of them in either state.
pub(crate) const READ_HZ: f64 = 10e6;
pub(crate) const DWELL_SECS: f64 = 400e-9;

/// A device and what it is called.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) name: &'static str,
    pub(crate) device: Device,
}

/// Every device of the crate.
pub(crate) fn devices() -> Result<Vec<Named>> {
    let named = |name, device: forms_xbar::Result<Device>| Ok(Named { name, device: device? });
    [
        named("FORMS", devices::forms()),
        named("HfO2 1T1R (Milo)", devices::hfo2_milo()),
        named("NeuRRAM HfOx/TaOx", devices::neurram()),
        named("Ta/HfO2 1T1M (Hu)", devices::ta_hfo2_hu()),
        named("CMO/HfOx, 2 %", devices::cmo_hfox(Acceptance::TwoPercent, 1.0)),
        named("CMO/HfOx, 0.2 %", devices::cmo_hfox(Acceptance::TwoTenths, 1.0)),
        named("PytorX", devices::pytorx(READ_HZ, DWELL_SECS)),
        named("PRIME-style", devices::prime()),
        named("ISAAC", devices::isaac()),
    ]
    .into_iter()
    .collect()
}

/// The cells of one level at one time.
#[derive(Debug)]
pub(crate) struct Cells {
    /// Conductances (S).
    pub(crate) siemens: Vec<f64>,
    pub(crate) mean: f64,
    pub(crate) sigma: f64,
    /// Share of the cells that are nearer to another level's target.
    pub(crate) overlap: f64,
}

impl Cells {
    fn new(siemens: Vec<f64>, level: usize, targets: &[f64]) -> Self {
        let count = siemens.len() as f64;
        let mean = siemens.iter().sum::<f64>() / count;
        let variance = siemens.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let strays = |g: &&f64| {
            let distance = |target: &f64| (**g - target).abs();
            targets.iter().any(|target| distance(target) < distance(&targets[level]))
        };
        let overlap = siemens.iter().filter(strays).count() as f64 / count;
        Cells { siemens, mean, sigma: variance.sqrt(), overlap }
    }
}

/// A device with cells of all its levels, level 0 first.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    pub(crate) device: Device,
    pub(crate) written: Vec<Cells>,
    /// `None` where a day changes nothing.
    pub(crate) day: Option<Vec<Cells>>,
    /// Mean pulses of a cell and share of cells within tolerance, of write-verify.
    pub(crate) pulses: Option<(f64, f64)>,
}

impl Measured {
    /// Programs `cells` cells at every level.
    pub(crate) fn new(named: Named, cells: usize, key: Key) -> Result<Self> {
        let Named { name, device } = named;
        // Fragments of one row, so that no row is padded; the ADC reads nothing here.
        let builder = presets::forms().mapping(Mapping::Polarized { fragment: 1 }).adc(Adc::granular(8));
        let design = device.clone().in_design(builder).build()?;
        let levels = device.cell.levels();
        let count = levels.as_slice().len();
        // A weight of as many bits as a cell is one cell; column `l` is level `l`.
        let row: Vec<i32> = (0..count as i32).collect();
        let weights =
            Weights::full_magnitude_from_row_slice(cells, count, levels.bits(), &row.repeat(cells))?;
        let die = design.program_keyed(&weights, key)?;
        let by_level = |die: &Die| -> Vec<Cells> {
            let mut siemens = vec![Vec::with_capacity(cells); count];
            for array in die.conductances() {
                for (at, &g) in array.as_row_slice().iter().enumerate() {
                    siemens[at % count].push(g.into());
                }
            }
            let levels = siemens.into_iter().enumerate();
            levels
                .map(|(level, siemens)| Cells::new(siemens, level, device.cell.levels().as_slice()))
                .collect()
        };
        let written = by_level(&die);
        let rests = *device.cell.ageing() != Ageing::NONE;
        let after = Conditions { elapsed_secs: DAY, ..Conditions::FRESH };
        let day = if rests { Some(by_level(&die.at(&after)?)) } else { None };
        let report = die.write_report();
        let pulses = matches!(device.cell.programming(), Programming::WriteVerify(_))
            .then(|| (report.mean_pulses(), report.success_rate()));
        Ok(Measured { name, device, written, day, pulses })
    }

    /// The cells at both times, each with its age (s).
    pub(crate) fn times(&self) -> impl Iterator<Item = (f64, &[Cells])> {
        [(0.0, Some(&self.written)), (DAY, self.day.as_ref())]
            .into_iter()
            .filter_map(|(secs, cells)| Some((secs, cells?.as_slice())))
    }

    /// Smallest and largest conductance of all cells at both times (S).
    pub(crate) fn range(&self) -> (f64, f64) {
        let all = self.times().flat_map(|(_, levels)| levels).flat_map(|level| &level.siemens);
        all.fold((f64::INFINITY, 0.0), |(low, high), &g| (g.min(low), g.max(high)))
    }

    /// Standard deviation (S) that the device's own law gives cells of `siemens` when they are `secs`
    /// old. Of relaxation alone where no law says what the write leaves.
    pub(crate) fn law(&self, siemens: f64, secs: f64) -> Option<f64> {
        let written = match self.device.cell.programming() {
            // Of the lognormal distribution: mean G exp(σ²/2), relative deviation √(exp σ² − 1).
            Programming::Lognormal { sigma } => {
                Some(siemens * (sigma * sigma / 2.0).exp() * (sigma * sigma).exp_m1().sqrt())
            }
            Programming::StateDependent { sigma_siemens } => Some(sigma_siemens.at(siemens)),
            _ => None,
        };
        match self.device.cell.ageing().relaxation() {
            Some(relaxation) if secs > 0.0 => {
                Some(relaxation.deviation(siemens, secs).hypot(written.unwrap_or(0.0)))
            }
            _ => written,
        }
    }
}
