//! Calibration and pre-distortion of one array.

use std::fmt::Write;

use forms_xbar::circuit::{
    ColumnCalibration, PredistortionSettings, Wires, effective_conductances, predistort,
};

use super::array::Array;
use super::{Result, percent};

/// Share of the rows that are driven in a conversion.
const ACTIVITY: f64 = 0.5;

/// Highest conductance of pre-distorted cells over `g_on`.
const HEAD_ROOMS: [f64; 4] = [1.0, 1.25, 1.5, 2.0];

/// Networks solved before pre-distortion gives up.
const MOST_NETWORKS: usize = 100;

/// Errors of conversions with and without remedies, for the fewest rows and for all.
pub(crate) fn table(array: &Array, wires: &Wires) -> Result<String> {
    let mut text = format!(
        "Error of a conversion (LSB, root mean square over columns) while {} % of its rows are driven at random\n\
         | active rows | programmed | error | with gain and offset per column | networks | relative error of \
         cells (%) | cells held at g_off | at the upper end |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        100.0 * ACTIVITY
    );
    let (g_off, g_on) = (array.cell.levels().g_off(), array.cell.levels().g_on());
    let share = |cells: usize| percent(cells as f64 / array.siemens.len() as f64) + " %";
    for active in array.extremes() {
        let effective = effective_conductances(wires, array.cells(), active)?;
        _ = writeln!(text, "| {active} | levels | {} | – | – | – | – |", errors(array, &effective, active)?);
        for head_room in HEAD_ROOMS {
            _ = write!(text, "| {active} | pre-distorted up to {head_room} g_on | ");
            let settings = PredistortionSettings::default().with_max_iterations(MOST_NETWORKS)?;
            match predistort(wires, array.cells(), active, (g_off, head_room * g_on), settings) {
                Ok(found) => {
                    _ = writeln!(
                        text,
                        "{} | {} | {} | {} | {} |",
                        errors(array, found.effective(), active)?,
                        found.iterations(),
                        percent(found.rms_error()),
                        share(found.held_at_off()),
                        share(found.held_at_on())
                    );
                }
                // Wires too bad for it are a result, not a failure of the example.
                Err(error) => _ = writeln!(text, "{error} | – | – | – | – | – |"),
            }
        }
    }
    text += "Networks: solutions of the whole array until every cell that is free to move met its level to 10⁻⁶.\n\
             Relative error: root mean square over cells.\n";
    Ok(text)
}

/// Errors of conversions as read and with a gain and an offset for every column and active group.
fn errors(array: &Array, effective: &[f64], active: usize) -> Result<String> {
    let group = active * array.columns;
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for (target, effective) in array.siemens.chunks(group).zip(effective.chunks(group)) {
        let rows = target.len() / array.columns;
        let calibration = ColumnCalibration::fit(target, effective, rows, array.columns, ACTIVITY)?;
        before.extend_from_slice(calibration.rms_before_siemens());
        after.extend_from_slice(calibration.rms_after_siemens());
    }
    let rms = |errors: &[f64]| {
        let squares: f64 = errors.iter().map(|error| error * error).sum();
        (squares / errors.len() as f64).sqrt() / array.level_step()
    };
    Ok(format!("{:.2} | {:.3}", rms(&before), rms(&after)))
}
