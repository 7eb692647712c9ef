//! How columns settle.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::f64::consts::PI;

use num_complex::Complex64;

use super::response::AcCircuit;
use super::root::root;
use crate::error::{Error, Result, check_length, check_real};

/// End over start of a window.
const SPAN: f64 = 20.0;
/// Points of a contour above the real axis.
const POINTS: usize = 32;
/// Angle of the hyperbola for which [`SPAN`] converges best, and its spacing times [`POINTS`],
/// `arccosh(((π − 2α) SPAN + 4α − π) / ((4α − π) sin α))`.
const ANGLE: f64 = 0.978_74;
const EXTENT: f64 = 4.333_412_937_264_094;
/// Times of a window that are looked at, first and last included.
const SAMPLES: usize = 65;
/// Windows before and after that of the circuit's time constants.
const WINDOWS: std::ops::RangeInclusive<i32> = -10..=8;
/// Least LSB over the largest current without signs, far above the error of a window.
const LEAST_LSB: f64 = 1e-8;

impl AcCircuit<'_> {
    /// Currents of all columns behind the front end, `secs` after the driven rows step from 0 to `volts` (A).
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for another number of voltages than driven rows, [`Error::Real`] for one that is not
    /// finite or a time that is not above 0, and what [`Solver`](super::Solver) returns.
    pub fn step_amperes(&self, volts: &[f64], secs: f64) -> Result<Vec<f64>> {
        check_real("time after a step (s)", secs, f64::MIN_POSITIVE, f64::MAX)?;
        let step = Step::new(self, volts)?;
        let window = Window::new(self, &step, secs)?;
        Ok((0..step.finals.len()).map(|column| step.finals[column] + window.lag(column, secs)).collect())
    }

    /// Time from which on the current of each column stays within half an LSB of its final value, after the
    /// driven rows step from 0 to `volts` (s).
    ///
    /// The front end is included. 0 for a column that is never out of half an LSB; at least some 10⁻¹³ of the circuit's
    /// time constants for any other. The step response is the inverse Laplace transform of `T(s) V H(s) / s`: the
    /// sum over 32 points of a hyperbola (Weideman and Trefethen, Mathematics of Computation 76, 2007, 1341)
    /// that serves all times of a window of a factor of 20, with an error of some 10⁻¹¹ of the current; so
    /// few linear systems are solved for all columns and times.
    ///
    /// # Errors
    ///
    /// As of [`step_amperes`](Self::step_amperes); [`Error::Real`] for an LSB below 10⁻⁸ of the largest final
    /// current that voltages without signs lead to, [`Error::Convergence`] for a column that has not settled
    /// after 10¹⁰ time constants.
    pub fn settling_secs(&self, volts: &[f64], lsb_amperes: f64) -> Result<Vec<f64>> {
        let step = Step::new(self, volts)?;
        // Currents of opposite signs may cancel, their errors do not.
        let unsigned: Vec<f64> = volts.iter().map(|volts| volts.abs()).collect();
        let largest = Step::new(self, &unsigned)?.finals.into_iter().fold(0.0, f64::max);
        let least = (LEAST_LSB * largest).max(f64::MIN_POSITIVE);
        check_real("least significant bit (A)", lsb_amperes, least, f64::MAX)?;
        let scale = self.scale_secs();
        if scale == 0.0 {
            return Ok(vec![0.0; step.finals.len()]);
        }
        let mut windows = Windows { circuit: self, step, scale, of: BTreeMap::new() };
        (0..self.cells().columns).map(|column| windows.settling_secs(column, 0.5 * lsb_amperes)).collect()
    }
}

/// Sources that step, and the currents they lead to.
struct Step {
    /// Of all word lines of the network.
    word_volts: Vec<f64>,
    finals: Vec<f64>,
}

impl Step {
    fn new(circuit: &AcCircuit, volts: &[f64]) -> Result<Self> {
        let driven = circuit.driven();
        check_length("voltages of the driven rows", driven.len(), volts.len())?;
        volts
            .iter()
            .try_for_each(|&volts| check_real("voltage of a driven row (V)", volts, f64::MIN, f64::MAX))?;
        let network = circuit.network(0.0)?;
        let first = circuit.row_of_network(driven.start)?;
        let mut word_volts = vec![0.0; network.rows()];
        word_volts[first..first + volts.len()].copy_from_slice(volts);
        let steady = circuit.solver(&network)?.solve(&word_volts, &vec![0.0; network.columns()])?;
        Ok(Step { word_volts, finals: steady.sense_amperes().to_vec() })
    }
}

/// A contour on which the transforms of all columns are known, good for times of a factor of [`SPAN`].
struct Window {
    /// Points, and per column the transform there with its weight, `[point][column]`.
    points: Vec<(Complex64, Vec<Complex64>)>,
}

impl Window {
    /// For times up to `end` (s).
    fn new(circuit: &AcCircuit, step: &Step, end: f64) -> Result<Self> {
        let spacing = EXTENT / POINTS as f64;
        let rate = (4.0 * ANGLE - PI) * PI / spacing / end;
        let (sin, cos) = (libm::sin(ANGLE), libm::cos(ANGLE));
        let word_volts: Vec<Complex64> = step.word_volts.iter().map(|&volts| volts.into()).collect();
        let grounds = vec![Complex64::ZERO; step.finals.len()];
        let point = |index: usize| {
            let along = (index as f64 + 0.5) * spacing;
            let (cosh, sinh) = (libm::cosh(along), libm::sinh(along));
            let s = rate * Complex64::new(1.0 - sin * cosh, cos * sinh);
            let tangent = rate * Complex64::new(-sin * sinh, cos * cosh);
            let weight = tangent * (spacing / PI) / s;
            let solution = circuit.solver(&circuit.network(s)?)?.solve(&word_volts, &grounds)?;
            let front_end = circuit.front_end(s);
            let lags = solution.sense_amperes().iter().zip(&step.finals);
            Ok((s, lags.map(|(amperes, last)| weight * (amperes * front_end - last)).collect()))
        };
        Ok(Window { points: (0..POINTS).map(point).collect::<Result<_>>()? })
    }

    /// Current less its final value (A).
    fn lag(&self, column: usize, secs: f64) -> f64 {
        let term = |(s, transforms): &(Complex64, Vec<Complex64>)| {
            let turn = s.im * secs;
            let (sin, cos) = (libm::sin(turn), libm::cos(turn));
            let value = transforms[column];
            libm::exp(s.re * secs) * (value.im * cos + value.re * sin)
        };
        self.points.iter().map(term).sum()
    }
}

/// Windows side by side, worked out when looked at.
struct Windows<'a, 'b> {
    circuit: &'a AcCircuit<'b>,
    step: Step,
    scale: f64,
    of: BTreeMap<i32, Window>,
}

impl Windows<'_, '_> {
    fn settling_secs(&mut self, column: usize, half: f64) -> Result<f64> {
        let mut index = 0;
        let mut last = self.last_outside(index, column, half)?;
        while last.is_none() {
            index -= 1;
            if !WINDOWS.contains(&index) {
                // A column that is within half an LSB before it moves, or one of which no more is known.
                let starts_outside = self.step.finals[column].abs() > half;
                return Ok(if starts_outside { self.secs(index + 1, 0) } else { 0.0 });
            }
            last = self.last_outside(index, column, half)?;
        }
        // A column that was out late may come out again.
        while last.is_some_and(|sample| sample > SAMPLES / 2) && index < *WINDOWS.end() {
            let Some(sample) = self.last_outside(index + 1, column, half)? else { break };
            index += 1;
            last = Some(sample);
        }
        let sample = last.unwrap_or_default();
        if sample + 1 == SAMPLES {
            if index < *WINDOWS.end() {
                return Ok(self.secs(index, sample));
            }
            let end = self.secs(index, sample);
            let amperes = self.window(index)?.lag(column, end).abs();
            return Err(Error::Convergence {
                name: "settling of a column",
                iterations: WINDOWS.count(),
                residual: amperes,
                limit: half,
            });
        }
        let [low, high] = [sample, sample + 1].map(|sample| self.secs(index, sample));
        let window = self.window(index)?;
        let outside = |secs: f64| window.lag(column, secs).abs() - half;
        root((low, outside(low)), (high, outside(high)), 1e-12 * high, |secs| Ok(outside(secs)))
    }

    /// The last sample of a window at which a column is out of half an LSB.
    fn last_outside(&mut self, index: i32, column: usize, half: f64) -> Result<Option<usize>> {
        let secs: Vec<f64> = (0..SAMPLES).map(|sample| self.secs(index, sample)).collect();
        let window = self.window(index)?;
        Ok(secs.iter().rposition(|&secs| window.lag(column, secs).abs() > half))
    }

    fn window(&mut self, index: i32) -> Result<&Window> {
        let end = self.secs(index, SAMPLES - 1);
        match self.of.entry(index) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => Ok(entry.insert(Window::new(self.circuit, &self.step, end)?)),
        }
    }

    /// Time of a sample (s); window 0 is about the circuit's time constants.
    fn secs(&self, index: i32, sample: usize) -> f64 {
        let spans = f64::from(index) + sample as f64 / (SAMPLES - 1) as f64;
        0.75 * self.scale * libm::pow(SPAN, spans)
    }
}
