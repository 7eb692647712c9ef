//! Time, bandwidth and noise bandwidth of an array with the wires of a 32 nm process.

use std::f64::consts::FRAC_PI_2;
use std::fmt::Write;

use forms_xbar::circuit::{AcCircuit, Capacitance, Wires};

use super::Result;
use super::array::{Array, LEAST_ACTIVE};

/// NeuroSim's wires at 32 nm: width (m), height over width, resistivity (Ω m), capacitance (F/m).
const WIDTH: f64 = 56e-9;
const ASPECT: f64 = 1.8;
const OHM_METRES: f64 = 3.70e-8;
const FARADS_PER_METRE: f64 = 0.2e-9;

/// Its 1T1R cell in widths of wire, along a word line and along a bit line: which side is which is our choice.
const CELL: (f64, f64) = (12.0, 4.0);

const KELVIN: f64 = 300.0;

pub(crate) fn table(array: &Array, front_end_hertz: f64) -> Result<String> {
    let (word, bit) = (CELL.0 * WIDTH, CELL.1 * WIDTH);
    let ohms = |metres: f64| metres * OHM_METRES / (WIDTH * WIDTH * ASPECT);
    let farads = |metres: f64| metres * FARADS_PER_METRE;
    let bare = Capacitance::of_wires(farads(word), farads(bit))?;
    let ended = bare.with_front_end(front_end_hertz)?;
    let wires = Wires::new(ohms(word), ohms(bit))?;
    let mut text = format!(
        "32 nm wires: word lines {:.2} Ω and {:.3} fF a pitch, bit lines {:.2} Ω and {:.3} fF; times of the slowest\n\
         column to half an LSB of its end, the others of the first driven row and the last column\n\
         | driven rows | front end | settling (ps) | Elmore (ps) | first moment (ps) | bandwidth (GHz) \
         | noise bandwidth (GHz) |\n| --- | --- | --- | --- | --- | --- | --- |\n",
        ohms(word),
        1e15 * farads(word),
        ohms(bit),
        1e15 * farads(bit),
    );
    let mut reads = vec![0..LEAST_ACTIVE, array.rows - LEAST_ACTIVE..array.rows, 0..array.rows];
    reads.dedup();
    for driven in reads {
        for (name, capacitance) in [("none", bare), ("its pole", ended)] {
            let circuit =
                AcCircuit::new(&wires.with_capacitance(capacitance), array.cells(), driven.clone())?;
            let (row, column) = (driven.start, array.columns - 1);
            let lsb = array.read_volts * array.level_step();
            let settling = circuit.settling_secs(&vec![array.read_volts; driven.len()], lsb)?;
            let noise = match capacitance.front_end_hertz() {
                Some(_) => format!("{:.4}", 1e-9 * circuit.output_noise(column, KELVIN)?.bandwidth_hertz),
                None => "–".into(),
            };
            _ = writeln!(
                text,
                "| {}–{} | {name} | {:.2} | {:.2} | {:.2} | {:.3} | {noise} |",
                driven.start,
                driven.end - 1,
                1e12 * settling.into_iter().fold(0.0, f64::max),
                1e12 * circuit.elmore_secs(row, column)?,
                1e12 * circuit.first_moment_secs(row, column)?,
                1e-9 * circuit.bandwidth_hertz(row, column)?,
            );
        }
    }
    _ = writeln!(
        text,
        "Pole of the front end: {} GHz, π/2 of it {:.4} GHz.",
        1e-9 * front_end_hertz,
        1e-9 * FRAC_PI_2 * front_end_hertz
    );
    Ok(text)
}
