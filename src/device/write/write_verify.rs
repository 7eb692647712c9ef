//! Write and verify: pulses until a cell reads within tolerance.

use super::WritePulses;
use super::array_writer::ArrayPlace;
use super::write_report::{FailedCell, WriteReport};
use crate::checked::checked_serde;
use crate::error::{Result, check_integer, check_real};
use crate::key::{Key, Purpose};

/// Most pulses accepted per cell.
const MAX_PULSES: u32 = 100_000;

/// Most energy (J) accepted per word line: the counter holds that of 2²⁸ of them.
const MAX_JOULES: f64 = 1e6;

/// An incremental pulse loop, a cell at a time.
///
/// **Equation.** A cell starts at the conductance of level 0. While `|G − G_target|` exceeds the
/// tolerance it gets a pulse towards its target: `G ← max(0, G ± r · ΔG · growth^k · (1 + σ z))`,
/// `k` the pulses of the same polarity before it and `r` the cell's device-to-device factor. An
/// overshoot reverses the polarity and starts again at `k = 0`. After the largest number of pulses
/// the cell has failed and keeps what it has; stuck cells take pulses that do not move them. Energy: `Σ V² G t` over the pulses,
/// `V = V_start + k · V_step`, `G` before the pulse. **Units.** Siemens, volts, seconds; growth and σ
/// (relative to the step) are pure numbers. **Valid range.** Tolerance and step above 0, growth
/// 1–10, σ 0–10, 1–100 000 pulses, a largest step that is finite as `f32`. **Drawn.** Once per write,
/// one stream per array, word line and pulse, one draw per bit line: cells do not shift each other.
/// **Source.** The incremental scheme and its window of ±1 µS follow NeuRRAM (Wan et al., Nature
/// 2022); how far a pulse moves a cell is not published: [`WriteVerify::NEURRAM`].
///
/// ```
/// use forms_xbar::device::{WritePulses, WriteVerify};
///
/// let verify = WriteVerify::new(1e-6, 2e-6, 50)?
///     .with_growth(1.3)?
///     .with_pulse_noise(0.4)?
///     .with_pulses(WritePulses::new(1.2, 1.5, 0.1, 1e-6)?);
/// assert_eq!(verify.max_pulses(), 50);
/// assert!(WriteVerify::new(0.0, 2e-6, 50).is_err());
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct WriteVerify {
    tolerance_siemens: f64,
    step_siemens: f64,
    growth: f64,
    pulse_noise: f64,
    max_pulses: u32,
    pulses: Option<WritePulses>,
}

checked_serde!(WriteVerify);

impl WriteVerify {
    /// NeuRRAM (Wan et al., Nature 2022), for targets of 1–40 µS.
    ///
    /// Printed: a window of ±1 µS and the pulses. **Our choice**: a first step of 2 µS, the width of
    /// the window; growth 1.1; at most 30 pulses. **Calibrated**: noise 0.72, so that targets spread
    /// evenly over 1–40 µS take the printed 8.52 pulses on average. **Predicted**: 99.99 % of the cells
    /// come within the window, against 99 % printed: the loop does not know cells that do not respond,
    /// which are [`StuckCells`](super::StuckCells)' part. Targets of 1–30 µS take 7.0 pulses.
    pub const NEURRAM: WriteVerify = WriteVerify {
        tolerance_siemens: 1e-6,
        step_siemens: 2e-6,
        growth: 1.1,
        pulse_noise: 0.72,
        max_pulses: 30,
        pulses: Some(WritePulses::NEURRAM),
    };

    /// A loop that ends within `tolerance` (S) of the target or after `max_pulses`; the first pulse
    /// of a polarity moves a cell by `step` (S). No growth, no noise, no energy.
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) or [`Error::Integer`](crate::Error::Integer) for a number
    /// outside its range.
    pub fn new(tolerance: f64, step: f64, max_pulses: u32) -> Result<Self> {
        let (growth, pulse_noise, pulses) = (1.0, 0.0, None);
        Self { tolerance_siemens: tolerance, step_siemens: step, growth, pulse_noise, max_pulses, pulses }
            .checked()
    }

    /// The same with every further pulse of a polarity this much stronger.
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for a factor outside 1–10, or one that takes the last
    /// step beyond `f32`.
    pub fn with_growth(self, growth: f64) -> Result<Self> {
        Self { growth, ..self }.checked()
    }

    /// The same with this standard deviation of a pulse's effect, relative to it.
    ///
    /// # Errors
    ///
    /// [`Error::Real`](crate::Error::Real) for σ outside 0–10.
    pub fn with_pulse_noise(self, sigma: f64) -> Result<Self> {
        Self { pulse_noise: sigma, ..self }.checked()
    }

    /// The same with the energy of these pulses counted.
    pub fn with_pulses(self, pulses: WritePulses) -> Self {
        Self { pulses: Some(pulses), ..self }
    }

    fn checked(self) -> Result<Self> {
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> Result<()> {
        check_real("write tolerance (S)", self.tolerance_siemens, f64::MIN_POSITIVE, f64::MAX)?;
        check_real("write step (S)", self.step_siemens, f64::MIN_POSITIVE, f64::MAX)?;
        check_real("growth of write pulses", self.growth, 1.0, 10.0)?;
        check_real("noise of write pulses", self.pulse_noise, 0.0, 10.0)?;
        check_integer("write pulses", self.max_pulses, 1, MAX_PULSES.into())?;
        let further = f64::from(self.max_pulses - 1);
        let last = self.step_siemens * libm::exp(further * libm::log(self.growth));
        check_real("last write step (S)", last, 0.0, f32::MAX.into())
    }

    /// Largest distance from the target that is accepted (S).
    pub fn tolerance(&self) -> f64 {
        self.tolerance_siemens
    }

    /// What the first pulse of a polarity moves a cell by (S).
    pub fn step(&self) -> f64 {
        self.step_siemens
    }

    /// Factor from a pulse to the next of the same polarity.
    pub fn growth(&self) -> f64 {
        self.growth
    }

    /// Standard deviation of a pulse's effect, relative to it.
    pub fn pulse_noise(&self) -> f64 {
        self.pulse_noise
    }

    /// Pulses after which a cell has failed.
    pub fn max_pulses(&self) -> u32 {
        self.max_pulses
    }

    /// The pulses whose energy is counted.
    pub fn pulses(&self) -> Option<WritePulses> {
        self.pulses
    }
}

/// The loop over the cells of a word line, all at the same pulse at the same time.
#[derive(Debug)]
pub(super) struct PulseLoop {
    settings: WriteVerify,
    cells: Vec<PulsedCell>,
    normals: Vec<f32>,
}

#[derive(Debug, Clone, Copy)]
struct PulsedCell {
    target: f64,
    siemens: f64,
    response: f64,
    /// What the next pulse of the same polarity would move it by.
    step: f64,
    height: u32,
    sets: bool,
    done: bool,
}

impl PulseLoop {
    pub(super) fn new(settings: WriteVerify, columns: usize) -> Self {
        PulseLoop { settings, cells: Vec::with_capacity(columns), normals: vec![0.0; columns] }
    }

    /// Takes `siemens` from targets to what the loop reaches. `responses` holds the factor of every
    /// cell's response, `stuck` the conductance of those that cannot be written and NaN for the others.
    pub(super) fn write_row(
        &mut self,
        start: f64,
        write: Key,
        (place, row): (ArrayPlace, usize),
        (responses, stuck): (&[f32], &[f32]),
        siemens: &mut [f32],
        report: &mut WriteReport,
    ) -> Result<()> {
        let WriteVerify { tolerance_siemens: tolerance, step_siemens: first_step, growth, .. } =
            self.settings;
        self.cells.clear();
        let cells = siemens.iter().zip(responses).zip(stuck);
        self.cells.extend(cells.map(|((&target, &response), &stuck)| {
            // A stuck cell is a cell that pulses do not move.
            let (siemens, response) =
                if stuck.is_nan() { (start, response.into()) } else { (stuck.into(), 0.0) };
            let target = target.into();
            PulsedCell { target, siemens, response, step: first_step, height: 0, sets: true, done: false }
        }));
        let normals = &mut self.normals[..siemens.len()];
        let (mut pulses, mut joules) = (0, 0.0);
        for pulse in 0..=self.settings.max_pulses {
            let mut left = 0;
            for cell in &mut self.cells {
                cell.done = (cell.siemens - cell.target).abs() <= tolerance;
                left += u64::from(!cell.done);
            }
            if left == 0 || pulse == self.settings.max_pulses {
                break;
            }
            if self.settings.pulse_noise > 0.0 {
                let word = place.bank | u64::from(pulse) << 8;
                write.stream(Purpose::WriteVerify, [place.address, row as u64, word]).fill_normals(normals);
            }
            for (cell, &normal) in self.cells.iter_mut().zip(&*normals).filter(|(cell, _)| !cell.done) {
                let sets = cell.siemens < cell.target;
                if sets != cell.sets {
                    (cell.sets, cell.height, cell.step) = (sets, 0, first_step);
                }
                if let Some(drive) = self.settings.pulses {
                    joules += drive.joules(sets, cell.height, cell.siemens);
                }
                let moved = cell.response * cell.step * (1.0 + self.settings.pulse_noise * f64::from(normal));
                cell.siemens = (if sets { cell.siemens + moved } else { cell.siemens - moved }).max(0.0);
                cell.step *= growth;
                cell.height += 1;
            }
            pulses += left;
        }
        check_real("energy of writing a word line (J)", joules, 0.0, MAX_JOULES)?;
        report.add_pulses(pulses, joules);
        for (column, (cell, siemens)) in self.cells.iter().zip(siemens).enumerate() {
            *siemens = cell.siemens as f32;
            if !cell.done {
                let column = (place.bank == 0).then_some(column as u32);
                report.add_failed(FailedCell { array: place.index as u32, row: row as u32, column });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: ArrayPlace = ArrayPlace { index: 5, address: 9, bank: 0 };

    fn run(settings: WriteVerify, start: f64, targets: &[f32], response: f32) -> (Vec<f32>, WriteReport) {
        let (mut siemens, mut report) = (targets.to_vec(), WriteReport::default());
        let mut pulses = PulseLoop::new(settings, targets.len());
        let responses = vec![response; targets.len()];
        let stuck = vec![f32::NAN; targets.len()];
        let place = (PLACE, 3);
        pulses
            .write_row(start, Key::from(1), place, (&responses, &stuck), &mut siemens, &mut report)
            .unwrap();
        report.add_cells(targets.len());
        (siemens, report)
    }

    /// One cell by itself: conductance, pulses, joules.
    fn oracle(
        settings: WriteVerify,
        start: f64,
        target: f32,
        column: usize,
        response: f64,
    ) -> (f64, u32, f64) {
        let target = f64::from(target);
        let (mut g, mut joules) = (start, 0.0);
        let mut signs: Vec<f64> = Vec::new();
        while (g - target).abs() > settings.tolerance_siemens && signs.len() < settings.max_pulses as usize {
            let sign = if g < target { 1.0 } else { -1.0 };
            let k = signs.iter().rev().take_while(|&&before| before == sign).count() as i32;
            let mut normals = vec![0.0; column + 1];
            let place = [9, 3, (signs.len() as u64) << 8];
            Key::from(1).stream(Purpose::WriteVerify, place).fill_normals(&mut normals);
            let volts = if sign > 0.0 { 1.2 } else { 1.5 } + 0.1 * f64::from(k);
            joules += volts.powi(2) * g * 1e-6;
            let noise = 1.0 + settings.pulse_noise * f64::from(normals[column]);
            g = f64::max(0.0, g + sign * response * settings.step_siemens * settings.growth.powi(k) * noise);
            signs.push(sign);
        }
        (g, signs.len() as u32, joules)
    }

    #[test]
    fn every_cell_is_the_loop_by_itself() {
        let targets: Vec<f32> = (0..200).map(|i| i as f32 * 0.2e-6).collect();
        for (settings, response) in [
            (WriteVerify::NEURRAM, 1.0),
            (WriteVerify::NEURRAM, 1.5),
            (WriteVerify::NEURRAM.with_pulse_noise(0.0).unwrap(), 1.0),
            (WriteVerify { max_pulses: 5, ..WriteVerify::NEURRAM }, 1.0),
        ] {
            let (siemens, report) = run(settings, 3e-6, &targets, response);
            let alone: Vec<(f64, u32, f64)> =
                (0..200).map(|i| oracle(settings, 3e-6, targets[i], i, response.into())).collect();
            for (g, (expected, ..)) in siemens.iter().zip(&alone) {
                assert!((f64::from(*g) - expected).abs() < 1e-7 * expected.max(1e-6), "{g} {expected}");
            }
            assert_eq!(report.pulses(), alone.iter().map(|cell| u64::from(cell.1)).sum::<u64>());
            let joules: f64 = alone.iter().map(|cell| cell.2).sum();
            assert!((report.joules() / joules - 1.0).abs() < 1e-9);
            let outside = |i: &usize| (alone[*i].0 - f64::from(targets[*i])).abs() > 1e-6;
            let failed: Vec<FailedCell> = (0..200)
                .filter(outside)
                .map(|column| FailedCell { array: 5, row: 3, column: Some(column as u32) })
                .collect();
            assert_eq!(report.failed(), failed);
        }
    }

    #[test]
    fn without_noise_pulses_are_counted_on_fingers() {
        // From 0, window 1, steps 2, 4, 8: 14 µS is hit after three.
        let settings = WriteVerify::new(1e-6, 2e-6, 9).unwrap().with_growth(2.0).unwrap();
        let (siemens, report) = run(settings, 0.0, &[14e-6], 1.0);
        assert!((siemens[0] - 14e-6).abs() < 1e-12);
        assert_eq!((report.pulses(), report.joules(), report.failed().len()), (3, 0.0, 0));
        // 5 µS: 2, 6 are the conductances, the second within the window.
        assert_eq!(run(settings, 0.0, &[5.5e-6], 1.0).1.pulses(), 2);
        // 10 µS: 2, 6, 14, then down by 2 and 4 to 8, up by 2.
        assert_eq!(run(settings, 0.0, &[10e-6], 1.0).1.pulses(), 6);
        // On target from the start.
        assert_eq!(run(settings, 10e-6, &[10e-6], 1.0).1.pulses(), 0);
        // A pulse of at least 20 never lands within 1 of 10: 0, 20, 0, 20, ...
        let coarse = WriteVerify::new(1e-6, 20e-6, 9).unwrap();
        let (siemens, report) = run(coarse, 0.0, &[10e-6], 1.0);
        assert_eq!((siemens[0], report.pulses(), report.success_rate()), (20e-6, 9, 0.0));
    }

    #[test]
    fn neurram_is_calibrated_and_predicts() {
        // Targets evenly over 1 to 40 (30) µS, from 1 µS.
        for (top, pulses) in [(40e-6, 8.52), (30e-6, 6.98)] {
            let n = 200_000;
            let targets: Vec<f32> =
                (0..n).map(|i| (1e-6 + (top - 1e-6) * (i as f64 + 0.5) / n as f64) as f32).collect();
            let (siemens, report) = run(WriteVerify::NEURRAM, 1e-6, &targets, 1.0);
            // A cell takes 5 ± 5 pulses: the mean deviates by 0.011.
            assert!((report.mean_pulses() - pulses).abs() < 0.04, "{}", report.mean_pulses());
            assert!((0.999_8..1.0).contains(&report.success_rate()), "{}", report.success_rate());
            let within = |(g, target): (&f32, &f32)| f64::from((g - target).abs()) <= 1.000_001e-6;
            let outside = siemens.iter().zip(&targets).filter(|&pair| !within(pair)).count();
            assert_eq!(outside, report.failed().len());
        }
    }

    #[test]
    fn further_cells_move_none() {
        let targets: Vec<f32> = (0..100).map(|i| i as f32 * 0.4e-6).collect();
        let (long, _) = run(WriteVerify::NEURRAM, 1e-6, &targets, 1.0);
        let (short, _) = run(WriteVerify::NEURRAM, 1e-6, &targets[..17], 1.0);
        assert_eq!(short, long[..17]);
    }

    #[test]
    fn settings_outside_their_range_are_refused() {
        let good = WriteVerify::NEURRAM;
        for bad in [f64::NAN, -1.0, f64::INFINITY, 11.0] {
            assert!(good.with_growth(bad).is_err() && good.with_pulse_noise(bad).is_err(), "{bad}");
        }
        for bad in [f64::NAN, 0.0, -1e-6] {
            assert!(WriteVerify::new(bad, 1e-6, 9).is_err() && WriteVerify::new(1e-6, bad, 9).is_err());
            assert!(WritePulses::new(1.0, 1.0, 0.1, bad).is_err());
        }
        assert!(WriteVerify::new(1e-6, 1e-6, 0).is_err());
        let error = WriteVerify::new(1e-6, 1e-6, 1000).unwrap().with_growth(2.0).unwrap_err();
        assert!(error.to_string().contains("last write step"), "{error}");
    }
}
