//! Where the error of one product comes from: the variance of every kind of read noise.

use std::fmt;

use super::{GroupPlanes, Input, StreamBuffers};
use crate::activity::Activity;
use crate::device::Persistence;
use crate::die::{ArrayAdcs, ArrayCells, DUMMY_BANK, Die, Digits, WEIGHT_BANK};
use crate::error::Result;
use crate::fixed::ONE;

/// A kind of error that differs from read to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorSource {
    /// Thermal noise of all connected cells.
    Thermal,
    /// Shot noise of conducting cells; in the crossover form what exceeds their thermal noise.
    Shot,
    /// Noise of given relative deviation.
    Relative,
    /// Input-referred noise of the front end.
    FrontEnd,
    /// Noise of word-line drivers.
    WordLine,
    /// Random telegraph noise.
    Telegraph,
    /// 1/f noise.
    Flicker,
    /// Rounding to a code, as a uniform error of one LSB: `LSB²/12`. Clipping is not in it, nor are uneven codes.
    Quantization,
    /// Noise of the ADC: its comparator and sample-and-hold.
    Adc,
}

impl ErrorSource {
    /// All of them.
    pub const ALL: [ErrorSource; 9] = [
        ErrorSource::Thermal,
        ErrorSource::Shot,
        ErrorSource::Relative,
        ErrorSource::FrontEnd,
        ErrorSource::WordLine,
        ErrorSource::Telegraph,
        ErrorSource::Flicker,
        ErrorSource::Quantization,
        ErrorSource::Adc,
    ];
}

/// The share of one source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErrorShare {
    /// What it comes from.
    pub source: ErrorSource,
    /// Variance at the input of the ADC, mean over conversions (A²).
    pub bit_line: f64,
    /// Variance of a result in (weight × input)², mean over outputs: what is common to the lanes of a
    /// column or held over planes adds up before it is squared.
    pub result: f64,
}

/// The error of one product by source, from formulas: nothing is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorBudget {
    shares: Vec<ErrorShare>,
    signal: f64,
    conversions: u64,
}

impl ErrorBudget {
    /// Every source, those that are switched off with 0.
    pub fn shares(&self) -> &[ErrorShare] {
        &self.shares
    }

    /// The share of one source.
    pub fn share(&self, source: ErrorSource) -> ErrorShare {
        let none = ErrorShare { source, bit_line: 0.0, result: 0.0 };
        self.shares.iter().copied().find(|share| share.source == source).unwrap_or(none)
    }

    /// Mean square of the noise-free current at the input of the ADC, nominal leakage aside (A²).
    pub fn signal(&self) -> f64 {
        self.signal
    }

    /// Conversions of the product.
    pub fn conversions(&self) -> u64 {
        self.conversions
    }

    /// Signal over read noise at the bit line, as a ratio of powers. Infinite without noise.
    pub fn snr(&self) -> f64 {
        self.signal_over(self.sum(|share| share.source != ErrorSource::Quantization))
    }

    /// Effective bits of a conversion, `(SINAD − 1.76 dB) / 6.02 dB`, with read noise and rounding.
    pub fn enob(&self) -> f64 {
        (10.0 * libm::log10(self.signal_over(self.sum(|_| true))) - 1.76) / 6.02
    }

    /// Variance of a result in (weight × input)², mean over outputs, all sources together.
    pub fn result(&self) -> f64 {
        self.shares.iter().map(|share| share.result).sum()
    }

    fn signal_over(&self, noise: f64) -> f64 {
        if noise > 0.0 { self.signal / noise } else { f64::INFINITY }
    }

    fn sum(&self, of: impl Fn(&ErrorShare) -> bool) -> f64 {
        self.shares.iter().filter(|share| of(share)).map(|share| share.bit_line).sum()
    }
}

impl fmt::Display for ErrorBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<14}{:>16}{:>22}", "source", "bit line (A rms)", "result (weight × input)")?;
        for share in &self.shares {
            let source = format!("{:?}", share.source);
            writeln!(f, "{source:<14}{:>16.3e}{:>22.3e}", share.bit_line.sqrt(), share.result.sqrt())?;
        }
        let decibel = 10.0 * libm::log10(self.snr());
        write!(f, "SNR {decibel:.1} dB, {:.2} effective bits", self.enob())
    }
}

impl Die {
    /// The error of one product by source: variances from the die's conductances, conditions and
    /// settings. Nothing is drawn.
    ///
    /// Gains of ADCs are in the shares of what lies before them, but for a dummy column's. Offsets and nonlinearity are the
    /// same at every read, so that they are no share.
    ///
    /// # Errors
    ///
    /// As [`Die::mvm`].
    ///
    /// ```
    /// use forms_xbar::device::{WhiteLaw, WhiteNoise};
    /// use forms_xbar::{ErrorSource, Key, ReadNoise, Weights, presets};
    ///
    /// let noise = ReadNoise::NONE.with_white(WhiteNoise::new(1e9, WhiteLaw::ThermalAndShot)?);
    /// let cell = presets::isaac().build()?.cell().clone();
    /// let design = presets::forms().cell(cell).read_noise(noise).input_bits(1).build()?;
    /// let die = design.program_keyed(&Weights::full_magnitude_from_row_slice(1, 1, 2, &[3])?, Key::from(1))?;
    /// let budget = die.error_budget(&[1u8])?;
    /// // One cell of 100 µS at 0.2 V, 300 K and 1 GHz: 0.40 % of its 20 µA.
    /// let shot = budget.share(ErrorSource::Shot).bit_line.sqrt();
    /// assert!((shot / 20e-6 - 0.0040).abs() < 5e-5);
    /// # Ok::<(), forms_xbar::Error>(())
    /// ```
    pub fn error_budget<T: Input>(&self, x: &[T]) -> Result<ErrorBudget> {
        self.check_vector(x, 0)?;
        let mut sums = Sums::default();
        let mut latest = None;
        let digits = Digits::new(self.design(), self.conditions().kelvin);
        let mut add = |array: usize, planes: GroupPlanes<'_>| {
            let cells = match latest.take() {
                Some((last, cells)) if last == array => cells,
                _ => self.effective_cells(array),
            };
            let planes: Vec<_> =
                planes.steps().map(|step| (step.group, step.place as f64, step.digits.to_vec())).collect();
            if let Some(&(group, ..)) = planes.first() {
                Group::new(self, &digits, &cells, (array, group), &planes).add_to(&mut sums);
            }
            latest = Some((array, cells));
        };
        let (mut stream, mut activity) = (StreamBuffers::default(), Activity::default());
        self.for_each_group(x, &mut stream, &mut activity, |array, planes, _| add(array, planes));
        let per_conversion = 1.0 / sums.conversions.max(1) as f64;
        let shares = ErrorSource::ALL.map(|source| ErrorShare {
            source,
            bit_line: sums.bit_line[source as usize] * per_conversion,
            result: sums.result[source as usize] / self.outputs() as f64,
        });
        Ok(ErrorBudget {
            shares: shares.to_vec(),
            signal: sums.signal * per_conversion,
            conversions: sums.conversions,
        })
    }
}

#[derive(Default)]
struct Sums {
    bit_line: [f64; ErrorSource::ALL.len()],
    result: [f64; ErrorSource::ALL.len()],
    signal: f64,
    conversions: u64,
}

impl Sums {
    fn add(&mut self, source: ErrorSource, bit_line: f64, result: f64) {
        self.bit_line[source as usize] += bit_line;
        self.result[source as usize] += result;
    }
}

/// Variances of one cell, in A² at a unit of drive.
#[derive(Clone, Copy, Default)]
struct CellVariance {
    telegraph: f64,
    flicker: f64,
}

/// A plane that a group runs: the group, its place and its digits.
type RunPlane = (usize, f64, Vec<u8>);

/// One active group and the planes it runs.
struct Group<'a> {
    die: &'a Die,
    digits: &'a Digits,
    cells: &'a ArrayCells,
    adcs: ArrayAdcs<'a>,
    array: usize,
    group: usize,
    planes: &'a [RunPlane],
    /// What telegraph amplitudes drew, `[row of the group][bit line]`.
    amplitudes: Vec<f32>,
    /// The same of dummy cells.
    dummy_amplitudes: Vec<f32>,
}

impl<'a> Group<'a> {
    fn new(
        die: &'a Die,
        digits: &'a Digits,
        cells: &'a ArrayCells,
        (array, group): (usize, usize),
        planes: &'a [RunPlane],
    ) -> Self {
        let rows = die.design().active_rows();
        let draw = |columns: usize, bank| {
            let mut z = vec![0.0; rows * columns];
            if let Some(telegraph) = die.design().read_noise().telegraph() {
                for (row, z) in z.chunks_exact_mut(columns).enumerate() {
                    let row = (group * rows + row) as u64;
                    let place = [die.layout().address(array), row, bank];
                    telegraph.draw_amplitudes(die.device_key(), place, z);
                }
            }
            z
        };
        let (amplitudes, dummy_amplitudes) = (draw(cells.columns, WEIGHT_BANK), draw(1, DUMMY_BANK));
        Group {
            die,
            digits,
            cells,
            adcs: die.array_adcs(array),
            array,
            group,
            planes,
            amplitudes,
            dummy_amplitudes,
        }
    }

    fn add_to(&self, sums: &mut Sums) {
        let (layout, recipe) = (self.die.layout(), self.die.recipe(self.array));
        let columns = self.cells.columns / layout.cells_per_weight();
        for column in 0..columns {
            // What one code of each lane counts in the result.
            let weights: Vec<f64> = (0..layout.lanes())
                .map(|lane| {
                    let at = (self.group * layout.lanes() + lane) * columns + column;
                    let weight = f64::from(1u32 << recipe.shift[lane]);
                    if recipe.negative[at] { -weight } else { weight }
                })
                .collect();
            self.add_column(column, &weights, sums);
        }
    }

    /// Adds the conversions of one column.
    fn add_column(&self, column: usize, code_weights: &[f64], sums: &mut Sums) {
        let design = self.die.design();
        // What a sum counts before the gain of its ADC.
        let gains: Vec<f64> = (0..code_weights.len()).map(|lane| self.adcs.gain(lane, column)).collect();
        let weights: Vec<f64> = code_weights.iter().zip(&gains).map(|(weight, gain)| weight * gain).collect();
        let (noise, dac) = (design.read_noise(), design.dac());
        let first = self.group * design.active_rows();
        let rows = first..first + design.active_rows();
        let step_amperes = design.read_levels().level_step() * dac.volts(1);
        let lsb_amperes = design
            .thresholds()
            .codes
            .map_or(0.0, |_| design.thresholds().lsb as f64 / ONE as f64 * step_amperes);
        let in_result = |amperes_squared: f64| amperes_squared / step_amperes / step_amperes;
        let lane_cells = |row: usize, lane: usize| {
            let (cell, pair) = self.cells.lane(self.die.layout(), row, lane, column);
            [Some((f64::from(cell), 1.0)), pair.map(|pair| (f64::from(pair), -1.0))].into_iter().flatten()
        };
        let dummies = || rows.clone().map(|row| self.cells.dummy(row));
        let together: f64 = code_weights.iter().sum();
        let square_sum = |weights: &[f64]| weights.iter().map(|weight| weight * weight).sum::<f64>();
        let (squares, code_squares) = (square_sum(&weights), square_sum(code_weights));
        let at_inputs: f64 = gains.iter().map(|gain| 1.0 / (gain * gain)).sum();

        for (_, place, digits) in self.planes {
            let place = place * place;
            // What is drawn for every conversion, then what is subtracted from all of them alike.
            for (lane, weight) in weights.iter().enumerate() {
                sums.conversions += 1;
                let mut signal = 0.0;
                for (row, &digit) in rows.clone().zip(digits) {
                    for (siemens, sign) in lane_cells(row, lane) {
                        let digit = digit.into();
                        signal += sign * (self.amperes(siemens, digit) - self.leakage(digit));
                        for (source, variance) in self.fresh(siemens, digit) {
                            sums.add(source, variance, in_result(variance) * place * weight * weight);
                        }
                    }
                    signal -= if self.cells.has_dummy() {
                        self.amperes(self.cells.dummy(row), digit.into()) - self.leakage(digit.into())
                    } else {
                        0.0
                    };
                }
                sums.signal += signal * signal;
            }
            for (dummy, &digit) in dummies().zip(digits).filter(|_| self.cells.has_dummy()) {
                for (source, variance) in self.fresh(dummy, digit.into()) {
                    let result = in_result(variance) * place * together * together;
                    sums.add(source, variance * weights.len() as f64, result);
                }
            }
            let front_end = noise.front_end_amperes() * noise.front_end_amperes();
            let lanes = weights.len() as f64;
            sums.add(ErrorSource::FrontEnd, front_end * lanes, in_result(front_end) * place * squares);
            let rounding = lsb_amperes * lsb_amperes / 12.0;
            let adc = lsb_amperes * lsb_amperes * square_sum(&[design.adc_errors().noise_lsb()]);
            for (source, variance) in [(ErrorSource::Quantization, rounding), (ErrorSource::Adc, adc)] {
                sums.add(source, variance * at_inputs, in_result(variance) * place * code_squares);
            }
            // A driver moves all lanes of its word line together.
            for row in rows.clone().filter(|_| noise.word_line_volts() > 0.0) {
                let moved = |lane: usize| {
                    let own: f64 = lane_cells(row, lane).map(|(g, sign)| sign * self.amperes(g, 1)).sum();
                    (own - self.amperes(self.cells.dummy(row), 1)) * noise.word_line_volts() / dac.volts(1)
                };
                let bit_line = (0..weights.len()).map(|lane| moved(lane) * moved(lane)).sum();
                let result: f64 = weights.iter().enumerate().map(|(lane, weight)| weight * moved(lane)).sum();
                sums.add(ErrorSource::WordLine, bit_line, in_result(result * result) * place);
            }
        }
        for (at, row) in rows.enumerate() {
            let drive: Vec<f64> = self.planes.iter().map(|(.., digits)| self.drive(digits[at])).collect();
            let bit_line: f64 = drive.iter().map(|drive| drive * drive).sum();
            if bit_line == 0.0 {
                continue;
            }
            let (telegraph, flicker) = self.held(&drive);
            let mut add = |variance: CellVariance, lanes: f64, weight: f64| {
                let result = |variance: f64, held: f64| in_result(variance) * held * weight * weight;
                let in_result = result(variance.telegraph, telegraph);
                sums.add(ErrorSource::Telegraph, variance.telegraph * bit_line * lanes, in_result);
                let in_result = result(variance.flicker, flicker);
                sums.add(ErrorSource::Flicker, variance.flicker * bit_line * lanes, in_result);
            };
            let layout = self.die.layout();
            let amplitudes = &self.amplitudes[at * self.cells.columns + column * layout.cells_per_weight()..];
            for (lane, &weight) in weights.iter().enumerate() {
                let lane_amplitudes = amplitudes[lane..].iter().step_by(layout.slices());
                for ((siemens, _), &z) in lane_cells(row, lane).zip(lane_amplitudes) {
                    add(self.slow(siemens, z.into()), 1.0, weight);
                }
            }
            if self.cells.has_dummy() {
                let z = self.dummy_amplitudes[at].into();
                add(self.slow(self.cells.dummy(row), z), weights.len() as f64, together);
            }
        }
    }

    fn amperes(&self, siemens: f64, digit: u32) -> f64 {
        self.digits.amperes(siemens, digit)
    }

    /// Nominal current of a cell at level 0.
    fn leakage(&self, digit: u32) -> f64 {
        self.amperes(self.die.design().cell().levels().g_off(), digit)
    }

    /// Drive of a digit in units of digit 1's, as slow noise sees it.
    fn drive(&self, digit: u8) -> f64 {
        let (design, g_on) = (self.die.design(), self.die.design().cell().levels().g_on());
        let max_digit = design.dac().max_digit();
        f64::from(max_digit) * self.amperes(g_on, digit.into()) / self.amperes(g_on, max_digit)
    }

    /// Variances that are drawn for every conversion (A²).
    fn fresh(&self, siemens: f64, digit: u32) -> [(ErrorSource, f64); 3] {
        let design = self.die.design();
        let amperes = self.amperes(siemens, digit);
        // A row whose gates are closed is not connected.
        let is_open = digit == 0 && design.wires().is_some_and(|wires| wires.gated_inputs());
        let white = self.digits.white(digit).filter(|_| !is_open);
        let (thermal, shot) = white.map_or((0.0, 0.0), |white| {
            let at_rest = self.digits.at_rest(siemens);
            (white.thermal(at_rest), white.shot(at_rest, amperes))
        });
        let relative = design.read_noise().relative() * amperes;
        [
            (ErrorSource::Thermal, thermal),
            (ErrorSource::Shot, shot),
            (ErrorSource::Relative, relative * relative),
        ]
    }

    /// Variances of a cell's slow noise, in A² at a unit of drive; `z` is what its telegraph amplitude
    /// drew.
    fn slow(&self, siemens: f64, z: f64) -> CellVariance {
        let (design, kelvin) = (self.die.design(), self.die.conditions().kelvin);
        let (noise, dac) = (design.read_noise(), design.dac());
        let full = self.amperes(siemens, dac.max_digit());
        let square_per_drive = |deviation: f64| {
            let amperes = deviation / siemens * full / f64::from(dac.max_digit());
            if siemens == 0.0 { 0.0 } else { amperes * amperes }
        };
        let telegraph = noise.telegraph().map_or(0.0, |telegraph| {
            let duty = telegraph.duty();
            square_per_drive(telegraph.delta_siemens(siemens, z)) * duty * (1.0 - duty)
        });
        let at_rest = self.digits.at_rest(siemens);
        let flicker = noise.flicker_siemens((siemens, at_rest), (full, dac.read_volts()), kelvin);
        CellVariance { telegraph, flicker: square_per_drive(flicker) }
    }

    /// `Σ_pq place_p drive_p place_q drive_q C(p, q)` with the correlation `C` of a cell's telegraph and
    /// 1/f noise between planes.
    fn held(&self, drive: &[f64]) -> (f64, f64) {
        let design = self.die.design();
        let (noise, secs) = (design.read_noise(), design.plane_secs());
        let persistence = noise.persistence();
        let (held, octaves) = noise.flicker().map_or((0.0, Vec::new()), |flicker| {
            flicker.weights(persistence, secs, design.input_format().planes())
        });
        let kept = noise.telegraph().map_or(0.0, |telegraph| {
            let (capture, emission) = telegraph.transitions(secs);
            1.0 - capture - emission
        });
        let telegraph = |p: usize, q: usize| match persistence {
            Persistence::Held => 1.0,
            Persistence::Evolved => libm::pow(kept, p.abs_diff(q) as f64),
            Persistence::Redrawn => f64::from(p == q),
        };
        let flicker = |p: usize, q: usize| {
            let same = octaves.iter().enumerate().filter(|(k, _)| p >> k == q >> k);
            held * held + same.map(|(_, weight)| weight * weight).sum::<f64>()
        };
        let mut sums = (0.0, 0.0);
        for (p, (_, place_p, _)) in self.planes.iter().enumerate() {
            for (q, (_, place_q, _)) in self.planes.iter().enumerate() {
                let product = place_p * drive[p] * place_q * drive[q];
                sums.0 += product * telegraph(p, q);
                sums.1 += product * flicker(p, q);
            }
        }
        sums
    }
}
