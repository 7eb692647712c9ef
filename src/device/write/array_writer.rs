//! The write of one array.

use super::device_spread::SpreadMap;
use super::write_verify::PulseLoop;
use super::{CellModel, DeviceSpread, Programming, WriteReport, cell_model};
use crate::device::LevelMap;
use crate::error::{Error, Result};
use crate::key::{Key, Purpose, Stream, Streams};
use crate::math::{exp_in_place, scale_by_exp};
use crate::simd::vectorised;

/// Most levels of a cell.
const LEVELS: usize = 16;

/// One bank of bit lines of one array: bank 0 holds the weights, bank 1 the dummy column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ArrayPlace {
    /// The array as errors and reports name it.
    pub(crate) index: usize,
    /// The array as draws are addressed by it.
    pub(crate) address: u64,
    pub(crate) bank: u64,
}

/// What decides a write.
#[derive(Debug, Clone, Copy)]
pub(in crate::device) struct WriteSettings<'a> {
    pub(in crate::device) levels: &'a LevelMap,
    pub(in crate::device) spread: DeviceSpread,
    pub(in crate::device) programming: &'a Programming,
}

/// The keys of a write: what belongs to the die survives the next write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WriteKeys {
    pub(crate) die: Key,
    pub(crate) write: Key,
}

/// Writes the word lines of one array: target, device-to-device spread, programming error. Faults
/// are [`ArrayFaults`](super::ArrayFaults)', since ageing comes between.
#[derive(Debug)]
pub(in crate::device) struct ArrayWriter<'a> {
    levels: &'a LevelMap,
    keys: WriteKeys,
    place: ArrayPlace,
    /// Of programming error, at word line and bank.
    streams: Streams,
    /// The conductance of every level before spread and error.
    bases: [f32; LEVELS],
    error: WriteError<'a>,
    spread: Option<SpreadMap>,
    /// Of the row being written: the spread as `ln`, or as factors of pulse responses.
    factors: Vec<f32>,
    draws: Vec<f32>,
}

/// A programming error with everything worked out that does not depend on the cell.
#[derive(Debug)]
enum WriteError<'a> {
    None,
    Lognormal {
        sigma: f32,
    },
    /// σ as a share of the spread target.
    Relative {
        sigma: f32,
    },
    /// σ of every level (S).
    Normal {
        sigmas: [f32; LEVELS],
    },
    Samples(&'a [Vec<f64>]),
    WriteVerify(PulseLoop),
    Model(&'a dyn CellModel),
}

impl<'a> ArrayWriter<'a> {
    /// The write of an array of at most `rows` × `columns` cells. The settings have passed
    /// [`Programming::check_levels`].
    pub(in crate::device) fn new(
        WriteSettings { levels, spread, programming }: WriteSettings<'a>,
        keys: WriteKeys,
        place: ArrayPlace,
        (rows, columns): (usize, usize),
    ) -> Self {
        let error = match programming {
            Programming::Exact => WriteError::None,
            _ if programming.is_exact(levels) => WriteError::None,
            Programming::Lognormal { sigma } | Programming::LognormalMean { sigma } => {
                WriteError::Lognormal { sigma: *sigma as f32 }
            }
            Programming::NormalRelative { sigma } => WriteError::Relative { sigma: *sigma as f32 },
            Programming::NormalOfGOn { sigma } => {
                WriteError::Normal { sigmas: [(sigma * levels.g_on()) as f32; LEVELS] }
            }
            Programming::StateDependent { sigma_siemens } => {
                let sigmas = levels.as_slice().iter().map(|&level| sigma_siemens.at(level));
                WriteError::Normal { sigmas: per_level(sigmas) }
            }
            Programming::Table { sigma_siemens, .. } if sigma_siemens.iter().all(|&sigma| sigma == 0.0) => {
                WriteError::None
            }
            Programming::Table { sigma_siemens, .. } => {
                WriteError::Normal { sigmas: per_level(sigma_siemens.iter().copied()) }
            }
            Programming::Samples { siemens } => WriteError::Samples(siemens),
            Programming::WriteVerify(settings) => WriteError::WriteVerify(PulseLoop::new(*settings, columns)),
            Programming::Model(model) => WriteError::Model(&**model),
        };
        let bases = match programming {
            Programming::Table { mean_siemens, .. } => per_level(mean_siemens.iter().copied()),
            Programming::LognormalMean { sigma } => {
                let shift = libm::exp(-0.5 * sigma * sigma);
                per_level(levels.as_slice().iter().map(|level| level * shift))
            }
            _ => per_level(levels.as_slice().iter().copied()),
        };
        let spread = SpreadMap::new(spread, keys.die, place, (rows, columns));
        let (factors, draws) = (vec![1.0; columns], vec![0.0; columns]);
        let streams = keys.write.streams(Purpose::Programming, place.address);
        ArrayWriter { levels, keys, place, streams, bases, error, spread, factors, draws }
    }

    /// Programs word line `row`: `siemens[i]` becomes the conductance of the cell at bit line `i`.
    /// `levels` are at most the highest level of the cell; `stuck` is NaN for cells that can be written,
    /// and matters to write-verify alone.
    ///
    /// # Errors
    ///
    /// [`Error::Conductance`] for a cell that would be negative or not finite as `f32`.
    pub(in crate::device) fn write_row(
        &mut self,
        row: usize,
        levels: &[u8],
        stuck: &[f32],
        siemens: &mut [f32],
        report: &mut WriteReport,
    ) -> Result<()> {
        report.add_cells(siemens.len());
        let stream = || self.streams.stream([row as u64, self.place.bank]);
        if let WriteError::Samples(samples) = self.error {
            let mut stream = stream();
            for (cell, &level) in siemens.iter_mut().zip(levels) {
                *cell = sample(&samples[usize::from(level)], &mut stream);
            }
        } else {
            look_up(&self.bases, self.levels.as_slice().len(), levels, siemens);
        }
        let factors = &mut self.factors[..siemens.len()];
        let draws = &mut self.draws[..siemens.len()];
        if let Some(spread) = &mut self.spread {
            spread.row(row, factors);
            if let WriteError::WriteVerify(_) = self.error {
                // Factors of the responses; the targets stay.
                exp_in_place(factors);
            } else {
                scale_by_exp(siemens, factors, 1.0);
            }
        }
        match &mut self.error {
            // Only spread could have moved a cell.
            WriteError::None if self.spread.is_none() => return Ok(()),
            WriteError::None | WriteError::Samples(_) => {}
            WriteError::Lognormal { sigma } => {
                stream().fill_normals(draws);
                scale_by_exp(siemens, draws, *sigma);
            }
            WriteError::Relative { sigma } => {
                for (deviation, cell) in draws.iter_mut().zip(&*siemens) {
                    *deviation = *sigma * cell;
                }
                stream().fill_truncated_normals(siemens, draws);
            }
            WriteError::Normal { sigmas } => {
                for (deviation, &level) in draws.iter_mut().zip(levels) {
                    *deviation = sigmas[usize::from(level) % LEVELS];
                }
                stream().fill_truncated_normals(siemens, draws);
            }
            WriteError::WriteVerify(pulses) => {
                let place = (self.place, row);
                let cells = (&*factors, stuck);
                pulses.write_row(self.levels.g_off(), self.keys.write, place, cells, siemens, report)?;
            }
            WriteError::Model(model) => {
                let place = (self.place, row);
                return cell_model::write_row(*model, self.levels, self.keys.write, place, siemens);
            }
        }
        check_row(self.place, row, siemens)
    }
}

/// Puts the conductance of its level into every cell.
fn look_up(bases: &[f32; LEVELS], count: usize, levels: &[u8], siemens: &mut [f32]) {
    if count > 4 {
        for (cell, &level) in siemens.iter_mut().zip(levels) {
            *cell = bases[usize::from(level) % LEVELS];
        }
        return;
    }
    // Choosing among a few by masks vectorises, looking up does not.
    let [g0, g1, g2, g3] = [0, 1, 2, 3].map(|level: usize| bases[level].to_bits());
    vectorised(
        #[inline(always)]
        || {
            for (cell, &level) in siemens.iter_mut().zip(levels) {
                let level = u32::from(level);
                let (odd, upper) = (0u32.wrapping_sub(level & 1), 0u32.wrapping_sub(level >> 1));
                let low = g0 ^ (odd & (g0 ^ g1));
                let high = g2 ^ (odd & (g2 ^ g3));
                *cell = f32::from_bits(low ^ (upper & (low ^ high)));
            }
        },
    );
}

/// Refuses a word line with a cell that is negative or not finite.
pub(super) fn check_row(place: ArrayPlace, row: usize, siemens: &[f32]) -> Result<()> {
    let valid = |g: f32| (0.0..f32::INFINITY).contains(&g);
    // Without an early exit, so that it vectorises.
    if siemens.iter().fold(true, |all, &g| all & valid(g)) {
        return Ok(());
    }
    let column = siemens.iter().position(|&g| !valid(g)).unwrap_or(0);
    Err(Error::Conductance { array: place.index, row, column, siemens: siemens[column].into() })
}

/// One of the samples with equal probability (to one part in 2⁶⁴): one draw.
fn sample(samples: &[f64], stream: &mut Stream) -> f32 {
    let index = (u128::from(stream.bits()) * samples.len() as u128) >> 64;
    samples[index as usize] as f32
}

/// A table over all levels, padded for an index without a bound.
fn per_level(values: impl Iterator<Item = f64>) -> [f32; LEVELS] {
    let mut table = [0.0; LEVELS];
    for (entry, value) in table.iter_mut().zip(values) {
        *entry = value as f32;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::device::{Polynomial, SmoothField, WriteVerify};

    const PLACE: ArrayPlace = ArrayPlace { index: 2, address: 7, bank: 0 };
    const KEYS: WriteKeys = WriteKeys { die: Key::ZERO, write: Key::ZERO };

    fn levels() -> LevelMap {
        LevelMap::linear(2, 1e-6, 100e-6).unwrap()
    }

    fn write(
        spread: DeviceSpread,
        programming: &Programming,
        keys: WriteKeys,
        columns: usize,
    ) -> Result<Vec<f32>> {
        let levels = levels();
        programming.check_levels(&levels)?;
        let settings = WriteSettings { levels: &levels, spread, programming };
        let mut writer = ArrayWriter::new(settings, keys, PLACE, (4, columns));
        let row: Vec<u8> = (0..columns).map(|i| (i % 4) as u8).collect();
        let (mut siemens, mut report) = (vec![f32::NAN; columns], WriteReport::default());
        writer.write_row(3, &row, &vec![f32::NAN; columns], &mut siemens, &mut report)?;
        assert_eq!(report.cells(), columns as u64);
        Ok(siemens)
    }

    fn all_spread() -> DeviceSpread {
        let field = SmoothField::new(0.1, 20.0).unwrap();
        DeviceSpread::new(0.1).unwrap().with_bit_lines(0.2).unwrap().with_field(field)
    }

    #[derive(Debug)]
    struct Scaled(f64);

    impl CellModel for Scaled {
        fn id(&self) -> &str {
            "scaled"
        }

        fn version(&self) -> u32 {
            1
        }

        fn write(&self, target: f64, levels: &LevelMap, draws: &mut Stream) -> f64 {
            // More draws for some cells than for others.
            let draws = (0..if target > 50e-6 { 3 } else { 1 }).fold(0.0, |_, _| draws.uniform());
            let factor = if target > 50e-6 { self.0 } else { 1.0 };
            target * factor + draws * levels.g_on() * 1e-3
        }
    }

    fn every_programming() -> Vec<Programming> {
        let curve = Polynomial::new(1e-6, 1e-6, (1e-6, 1e-4), &[1.0, 0.01]).unwrap();
        vec![
            Programming::Exact,
            Programming::Lognormal { sigma: 0.1 },
            Programming::LognormalMean { sigma: 0.1 },
            Programming::NormalRelative { sigma: 0.1 },
            Programming::NormalOfGOn { sigma: 0.01 },
            Programming::StateDependent { sigma_siemens: curve },
            Programming::Table {
                mean_siemens: vec![2e-6, 30e-6, 60e-6, 90e-6],
                sigma_siemens: vec![1e-6; 4],
            },
            Programming::Samples {
                siemens: (1..5).map(|l| vec![l as f64 * 1e-6, l as f64 * 2e-6]).collect(),
            },
            Programming::WriteVerify(WriteVerify::NEURRAM),
            Programming::Model(Arc::new(Scaled(1.0))),
        ]
    }

    #[test]
    fn a_longer_row_moves_no_cell_of_a_shorter_one() {
        for programming in every_programming() {
            for spread in [DeviceSpread::NONE, all_spread()] {
                let long = write(spread, &programming, KEYS, 300).unwrap();
                let short = write(spread, &programming, KEYS, 37).unwrap();
                assert_eq!(short, long[..37], "{programming:?} {spread:?}");
            }
        }
    }

    #[test]
    fn spread_follows_the_die_and_error_the_write() {
        let other = Key::from(77);
        for programming in every_programming() {
            let cells = |keys| write(all_spread(), &programming, keys, 64).unwrap();
            let same = cells(KEYS);
            assert_ne!(same, cells(WriteKeys { die: other, ..KEYS }), "{programming:?}");
            let rewritten = cells(WriteKeys { write: other, ..KEYS });
            assert_eq!(same == rewritten, programming == Programming::Exact, "{programming:?}");
        }
    }

    #[test]
    fn spread_multiplies_what_it_should() {
        let factor: Vec<f64> = write(all_spread(), &Programming::Exact, KEYS, 200)
            .unwrap()
            .iter()
            .zip(write(DeviceSpread::NONE, &Programming::Exact, KEYS, 200).unwrap())
            .map(|(&with, without)| f64::from(with) / f64::from(without))
            .collect();
        for programming in every_programming() {
            let without = write(DeviceSpread::NONE, &programming, KEYS, 200).unwrap();
            let with = write(all_spread(), &programming, KEYS, 200).unwrap();
            // The others add an error that does not scale.
            let scales = matches!(
                programming,
                Programming::Exact
                    | Programming::Lognormal { .. }
                    | Programming::LognormalMean { .. }
                    | Programming::NormalRelative { .. }
                    | Programming::Samples { .. }
            );
            for ((&a, &b), factor) in without.iter().zip(&with).zip(&factor) {
                let (a, b) = (f64::from(a), f64::from(b));
                assert!(
                    !scales || (b / (a * factor) - 1.0).abs() < 1e-6,
                    "{programming:?}: {a} {b} {factor}"
                );
            }
        }
        // A verified write finds its target whatever the response.
        let verify = WriteVerify::new(0.1e-6, 2e-6, 1000).unwrap().with_pulse_noise(0.5).unwrap();
        let verified = write(all_spread(), &Programming::WriteVerify(verify), KEYS, 200).unwrap();
        let targets = write(DeviceSpread::NONE, &Programming::Exact, KEYS, 200).unwrap();
        assert!(verified.iter().zip(targets).all(|(g, target)| (g - target).abs() < 0.100_1e-6));
    }

    #[test]
    fn zero_sigmas_are_the_exact_bits() {
        let zero = Polynomial::constant(0.0).unwrap();
        let exact = write(DeviceSpread::NONE, &Programming::Exact, KEYS, 50).unwrap();
        let field = SmoothField::new(0.0, 5.0).unwrap();
        let no_spread = DeviceSpread::new(0.0).unwrap().with_bit_lines(0.0).unwrap().with_field(field);
        for programming in [
            Programming::Lognormal { sigma: 0.0 },
            Programming::LognormalMean { sigma: 0.0 },
            Programming::NormalRelative { sigma: 0.0 },
            Programming::NormalOfGOn { sigma: 0.0 },
            Programming::StateDependent { sigma_siemens: zero },
            Programming::Table { mean_siemens: levels().as_slice().to_vec(), sigma_siemens: vec![0.0; 4] },
        ] {
            assert!(programming.is_exact(&levels()) && programming.is_deterministic(&levels()));
            assert_eq!(write(no_spread, &programming, KEYS, 50).unwrap(), exact, "{programming:?}");
        }
        for programming in every_programming() {
            let cells = |spread| write(spread, &programming, KEYS, 50).unwrap();
            assert_eq!(cells(no_spread), cells(DeviceSpread::NONE));
        }
    }

    #[test]
    fn a_model_that_leaves_the_range_is_refused_by_place() {
        for factor in [-1.0, f64::NAN, 1e300] {
            let model = Programming::Model(Arc::new(Scaled(factor)));
            let error = write(DeviceSpread::NONE, &model, KEYS, 8).unwrap_err();
            assert!(matches!(error, Error::Conductance { array: 2, row: 3, column: 2, .. }), "{error}");
        }
    }
}
