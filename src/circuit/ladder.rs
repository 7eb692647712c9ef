//! The inside of a terminal.

use num_complex::Complex64;

/// A resistance, and what lies to ground at its end on the line's side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rung {
    pub(super) ohms: f64,
    pub(super) shunt: Complex64,
}

/// A terminal from its source to the line: its own resistance first, then wire that leads past crossings.
#[derive(Debug, Clone)]
pub(super) struct Ladder {
    rungs: Vec<Rung>,
    /// Current of every resistance towards the source for 1 A out of the line, the source at 0 V.
    from_line: Vec<Complex64>,
    /// Current of every resistance away from a source of 1 V, the line open.
    from_source: Vec<Complex64>,
    /// Current of that source.
    open_siemens: Complex64,
}

/// What a terminal's resistances dissipate at effective values, or their noise over `4kT`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Dissipation {
    /// In the terminal's own resistance.
    pub(super) terminal: f64,
    /// In wire.
    pub(super) wire: f64,
}

impl Ladder {
    /// A terminal of this resistance with `terminal_shunt` beyond it, `before` (Ω) of wire to the first of
    /// `crossings` of which each has `shunt` and another `segment_ohms` beyond it.
    pub(super) fn new(terminal: Rung, before: f64, crossing: Rung, crossings: usize) -> Self {
        let mut rungs = vec![terminal, Rung { ohms: before, shunt: Complex64::ZERO }];
        for _ in 0..crossings {
            if let Some(rung) = rungs.last_mut() {
                rung.shunt += crossing.shunt;
            }
            rungs.push(Rung { ohms: crossing.ohms, shunt: Complex64::ZERO });
        }
        let mut ohms = Complex64::ZERO;
        let mut from_line: Vec<Complex64> = rungs
            .iter()
            .map(|rung| {
                ohms += rung.ohms;
                let share = (Complex64::ONE + rung.shunt * ohms).inv();
                ohms *= share;
                share
            })
            .collect();
        let mut amperes = Complex64::ONE;
        for share in from_line.iter_mut().rev() {
            amperes *= *share;
            *share = amperes;
        }
        let mut open_siemens = Complex64::ZERO;
        let mut from_source = vec![Complex64::ZERO; rungs.len()];
        for (rung, siemens) in rungs.iter().zip(&mut from_source).rev() {
            open_siemens += rung.shunt;
            open_siemens /= Complex64::ONE + open_siemens * rung.ohms;
            *siemens = open_siemens;
        }
        let mut volts = Complex64::ONE;
        for (rung, siemens) in rungs.iter().zip(&mut from_source) {
            *siemens *= volts;
            volts -= *siemens * rung.ohms;
        }
        Ladder { rungs, from_line, from_source, open_siemens }
    }

    /// Admittance that the source sees while the line is open (S).
    pub(super) fn open_siemens(&self) -> Complex64 {
        self.open_siemens
    }

    /// With the source at `volts` and `amperes` out of the line into the terminal.
    pub(super) fn dissipation(&self, volts: f64, amperes: Complex64) -> Dissipation {
        let mut sum = Dissipation::default();
        let currents = self.from_line.iter().zip(&self.from_source);
        for (index, (rung, (from_line, from_source))) in self.rungs.iter().zip(currents).enumerate() {
            let watts = rung.ohms * (amperes * from_line - volts * from_source).norm_sqr();
            if index == 0 {
                sum.terminal += watts;
            } else {
                sum.wire += watts;
            }
        }
        sum
    }
}
