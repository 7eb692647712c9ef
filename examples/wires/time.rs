//! Time, bandwidth and noise bandwidth of an array with the wires of a 32 nm process.

use std::f64::consts::FRAC_PI_2;
use std::fmt::Write;

use forms_xbar::circuit::AcCircuit;
use forms_xbar::presets::wires::{Node, neurosim};

use super::Result;
use super::array::{Array, LEAST_ACTIVE};

const KELVIN: f64 = 300.0;

pub(crate) fn table(array: &Array, front_end_hertz: f64) -> Result<String> {
    let wires = neurosim(Node::Nm32, KELVIN)?;
    let bare = wires.capacitance().ok_or("wires without capacitance")?;
    let ended = bare.with_front_end(front_end_hertz)?;
    let mut text = format!(
        "32 nm wires: word lines {:.2} Ω and {:.3} fF a pitch, bit lines {:.2} Ω and {:.3} fF; times of the slowest\n\
         column to half an LSB of its end, the others of the first driven row and the last column\n\
         | driven rows | front end | settling (ps) | Elmore (ps) | first moment (ps) | bandwidth (GHz) \
         | noise bandwidth (GHz) |\n| --- | --- | --- | --- | --- | --- | --- |\n",
        wires.word_line_ohms(),
        1e15 * bare.word_line_farads(),
        wires.bit_line_ohms(),
        1e15 * bare.bit_line_farads(),
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
