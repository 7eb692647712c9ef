//! Thermal noise of columns.

use std::f64::consts::{FRAC_PI_2, TAU};

use num_complex::Complex64;

use super::ladder::{Dissipation, Ladder, Rung};
use super::lines::Lines;
use super::response::{AcCircuit, at};
use super::solution::LineAmperes;
use super::solver::SolverSettings;
use super::wires::Ends;
use crate::error::{Error, Result, check_real};

/// Boltzmann's constant (J/K), exact in the SI.
const BOLTZMANN: f64 = 1.380649e-23;
/// Spacing of frequencies on the logarithmic axis.
const STEP: f64 = 0.5;
/// What is left out at either end, relative to the power.
const TAIL: f64 = 1e-8;
/// A frequency beyond which nothing matters, over the pole of the front end.
const BEYOND: f64 = 1e12;
/// Residual that is good enough for a bound.
const ROUGH: f64 = 1e-5;

/// Thermal noise of a column's current at one frequency, before the front end (A²/Hz, one-sided).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoiseDensity {
    /// Of cells with their access transistors.
    pub cells: f64,
    /// Of the wire of word lines.
    pub word_lines: f64,
    /// Of the wire of bit lines.
    pub bit_lines: f64,
    /// Of drivers.
    pub drivers: f64,
    /// Of sense terminals.
    pub sense: f64,
}

impl NoiseDensity {
    /// Of all together.
    pub fn total(&self) -> f64 {
        self.cells + self.word_lines + self.bit_lines + self.drivers + self.sense
    }
}

/// Thermal noise of a column's current over all frequencies, behind the front end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutputNoise {
    /// Power (A²), the variance of a sample.
    pub power: f64,
    /// One-sided density at 0 Hz (A²/Hz).
    pub density_at_0: f64,
    /// Equivalent noise bandwidth (Hz), one-sided: power over density at 0 Hz.
    pub bandwidth_hertz: f64,
}

impl AcCircuit<'_> {
    /// Admittances between one sense terminal and all (S): the current into the network at every sense
    /// terminal per volt at this one, all other sources at 0 V.
    ///
    /// A capacitance across the virtual ground itself, behind no resistance, counts.
    ///
    /// # Errors
    ///
    /// As of [`transfer_at`](Self::transfer_at).
    pub fn admittances_at(&self, hertz: f64, column: usize) -> Result<Vec<Complex64>> {
        self.admittances(at(hertz)?, column, self.settings())
    }

    fn admittances(&self, s: Complex64, column: usize, settings: SolverSettings) -> Result<Vec<Complex64>> {
        let (adjoint, scale) = self.adjoint(s, column, settings)?;
        let ends = Terminals::new(self, s);
        let mut siemens: Vec<Complex64> =
            adjoint.sense_amperes().iter().map(|amperes| -amperes * scale).collect();
        siemens[column] += ends.sense.iter().flatten().map(Ladder::open_siemens).sum::<Complex64>();
        Ok(siemens)
    }

    /// Thermal noise of a column's current into its virtual ground at one frequency and temperature, by
    /// source.
    ///
    /// Every admittance `y` is a current source of `4kT Re y`. By reciprocity it counts with the square of the
    /// voltage it has while 1 V is at the column's sense terminal and 0 V at all others. Their sum is
    /// `4kT Re Y_jj` of [`admittances_at`](Self::admittances_at). Nyquist, Physical Review 32 (1928), 110.
    ///
    /// ```
    /// use forms_xbar::circuit::{AcCircuit, Capacitance, Cells, Wires};
    ///
    /// // 50 µS alone at 300 K: 4kTG.
    /// let wires = Wires::new(0.0, 0.0)?.with_capacitance(Capacitance::of_wires(0.0, 0.0)?);
    /// let cells = Cells { array: (1, 1), rows: 1, columns: 1, siemens: &[50e-6] };
    /// let noise = AcCircuit::new(&wires, cells, 0..1)?.noise_density_at(1e6, 0, 300.0)?;
    /// assert!((noise.total() / (4.0 * 1.380649e-23 * 300.0 * 50e-6) - 1.0).abs() < 1e-12);
    /// # Ok::<(), forms_xbar::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As of [`transfer_at`](Self::transfer_at), and [`Error::Real`] for a temperature that is not above 0 K.
    pub fn noise_density_at(&self, hertz: f64, column: usize, kelvin: f64) -> Result<NoiseDensity> {
        let unit = unit_density(kelvin)?;
        let s = at(hertz)?;
        let network = self.network(s)?;
        let (adjoint, scale) = self.adjoint(s, column, self.settings())?;
        let ends = Terminals::new(self, s);
        let volts = |index: usize| f64::from(u8::from(index == column));
        let branches = network.cells().iter().zip(adjoint.word_volts()).zip(adjoint.bit_volts());
        let cells = branches.map(|((y, word), bit)| y.re * ((word - bit) * scale).norm_sqr());
        let (word, bit) = (adjoint.word_line_amperes(), adjoint.bit_line_amperes());
        let word = dissipation(network.word_lines(), word, scale, &ends.driver, |_| 0.0);
        let bit = dissipation(network.bit_lines(), bit, scale, &ends.sense, volts);
        Ok(NoiseDensity {
            cells: unit * cells.sum::<f64>(),
            word_lines: unit * word.wire,
            bit_lines: unit * bit.wire,
            drivers: unit * word.terminal,
            sense: unit * bit.terminal,
        })
    }

    /// Covariance density of one column's thermal noise with that of every column at one frequency (A²/Hz,
    /// one-sided), before the front end: `4kT Re Y_jk`.
    ///
    /// Columns that share word lines with resistance are correlated, negatively at low frequency. Twiss,
    /// Journal of Applied Physics 26 (1955), 599.
    ///
    /// # Errors
    ///
    /// As of [`noise_density_at`](Self::noise_density_at).
    pub fn noise_covariance_at(&self, hertz: f64, column: usize, kelvin: f64) -> Result<Vec<f64>> {
        let unit = unit_density(kelvin)?;
        Ok(self.admittances_at(hertz, column)?.iter().map(|siemens| unit * siemens.re).collect())
    }

    /// Thermal noise of a column's current behind the front end, over all frequencies.
    ///
    /// `P = ∫ S(f) / (1 + (f/f_p)²) df`, as `π/2 f_p S(0)` and the sum of what `S` has more, in equal steps
    /// of `ln f`. Poles of circuits of resistances and capacitances are real, so on that axis nothing is
    /// singular within `π/2` of the real line and the sum converges as `exp(−π²/step)`: relative error some
    /// 10⁻⁸. `S` never falls with frequency, which bounds what is left out.
    ///
    /// ```
    /// use forms_xbar::circuit::{AcCircuit, Capacitance, Cells, Wires};
    ///
    /// // Without wires the noise is white: π/2 of the pole.
    /// let capacitance = Capacitance::of_wires(0.0, 0.0)?.with_front_end(100e6)?;
    /// let wires = Wires::new(0.0, 0.0)?.with_capacitance(capacitance);
    /// let cells = Cells { array: (1, 1), rows: 1, columns: 1, siemens: &[50e-6] };
    /// let noise = AcCircuit::new(&wires, cells, 0..1)?.output_noise(0, 300.0)?;
    /// assert!((noise.bandwidth_hertz / 157.0796e6 - 1.0).abs() < 1e-6);
    /// # Ok::<(), forms_xbar::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As of [`noise_density_at`](Self::noise_density_at); [`Error::Conflict`] without a front-end pole, and
    /// [`Error::Real`] for a column without noise.
    pub fn output_noise(&self, column: usize, kelvin: f64) -> Result<OutputNoise> {
        let unit = unit_density(kelvin)?;
        let Some(pole) = self.capacitance().front_end_hertz() else {
            return Err(Error::Conflict {
                first: "noise over all frequencies",
                second: "front end without a pole",
                why: "white noise into an ideal virtual ground has no bandwidth",
            });
        };
        let settings = self.settings();
        let siemens = |hertz: f64, residual: f64| -> Result<f64> {
            let settings = settings.with_residual(residual.min(ROUGH).max(settings.residual()))?;
            Ok(self.admittances(Complex64::new(0.0, TAU * hertz), column, settings)?[column].re)
        };
        let at_0 = siemens(0.0, 0.0)?;
        check_real("conductance of a column (S)", at_0, f64::MIN_POSITIVE, f64::MAX)?;
        let most = siemens(BEYOND * pole, ROUGH)? - at_0;
        let term = |index: i32, residual: f64| -> Result<f64> {
            let over_pole = libm::exp(STEP * f64::from(index));
            let more = siemens(pole * over_pole, residual)? - at_0;
            Ok(STEP * more * over_pole / (1.0 + over_pole * over_pole))
        };
        let mut sum = FRAC_PI_2 * at_0 + term(0, 0.0)?;
        for index in 1.. {
            // What is left out if the sum ends here; the less it is, the rougher may it be known.
            let left = most * libm::exp(-STEP * f64::from(index)) / sum;
            if left <= TAIL {
                break;
            }
            sum += term(index, ROUGH * TAIL / left)?;
        }
        for index in 1.. {
            let term = term(-index, 0.0)?;
            sum += term;
            if term <= TAIL * sum {
                break;
            }
        }
        Ok(OutputNoise {
            power: unit * pole * sum,
            density_at_0: unit * at_0,
            bandwidth_hertz: pole * sum / at_0,
        })
    }
}

/// Noise density of 1 S (A²/Hz).
fn unit_density(kelvin: f64) -> Result<f64> {
    check_real("temperature (K)", kelvin, f64::MIN_POSITIVE, f64::MAX)?;
    Ok(4.0 * BOLTZMANN * kelvin)
}

/// The terminals before the first and beyond the last node of lines, where they have some.
struct Terminals {
    driver: [Option<Ladder>; 2],
    sense: [Option<Ladder>; 2],
}

impl Terminals {
    fn new(circuit: &AcCircuit, s: Complex64) -> Self {
        let (wires, cells, farads) = (circuit.wires(), circuit.cells(), circuit.capacitance());
        let rows = wires.rows_of_read(&circuit.driven(), cells.rows);
        let ladders = |ends: Ends, terminal: Rung, crossing: Rung, crossings: [usize; 2]| {
            let before = if wires.terminal_segments() { crossing.ohms } else { 0.0 };
            let ladder = |crossings| Ladder::new(terminal, before, crossing, crossings);
            [
                (ends != Ends::Last).then(|| ladder(crossings[0])),
                (ends != Ends::First).then(|| ladder(crossings[1])),
            ]
        };
        let rung = |ohms: f64, farads: f64| Rung { ohms, shunt: s * farads };
        Terminals {
            driver: ladders(
                wires.drive(),
                rung(wires.driver_ohms(), 0.0),
                rung(wires.word_line_ohms(), farads.word_line_farads()),
                [0, cells.array.1 - cells.columns],
            ),
            sense: ladders(
                wires.sense(),
                rung(wires.sense_ohms(), farads.sense_farads()),
                rung(wires.bit_line_ohms(), farads.bit_line_farads()),
                [rows.start, cells.array.0 - rows.end],
            ),
        }
    }
}

/// What lines and their terminals dissipate, with `scale` times these currents and sources of `volts`.
fn dissipation(
    lines: &Lines<Complex64>,
    amperes: &LineAmperes<Complex64>,
    scale: f64,
    ladders: &[Option<Ladder>; 2],
    volts: impl Fn(usize) -> f64,
) -> Dissipation {
    let segments = amperes.segments.iter().map(|amperes| (amperes * scale).norm_sqr());
    let mut sum = Dissipation { wire: lines.segment_ohms * segments.sum::<f64>(), terminal: 0.0 };
    let ends = [(&lines.first, &amperes.first, -1.0), (&lines.last, &amperes.last, 1.0)];
    for ((terminals, amperes, outward), ladder) in ends.into_iter().zip(ladders) {
        for (line, (terminal, amperes)) in terminals.iter().zip(amperes).enumerate() {
            match (terminal, ladder) {
                // Without gain and source it is no more than an impedance, or wire that ends.
                (Some(terminal), Some(ladder)) if terminal.gain != Complex64::ZERO || volts(line) != 0.0 => {
                    let of = ladder.dissipation(volts(line), outward * scale * amperes);
                    sum.terminal += of.terminal;
                    sum.wire += of.wire;
                }
                (Some(terminal), _) => sum.wire += terminal.ohms.re * (amperes * scale).norm_sqr(),
                (None, _) => {}
            }
        }
    }
    sum
}
