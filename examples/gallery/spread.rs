//! Standard deviation over conductance, measured and as the device's own law.

use forms_xbar::Programming;
use plotters::prelude::*;

use super::measure::{DAY, Measured};
use super::style::{Area, BLUE, GREY, ORANGE, Sign, figure, frame, legend_entry, mesh};
use super::{MICRO, Result};

const WIDTH: u32 = 1260;
const PANEL_HEIGHT: u32 = 290;
const LEGEND: u32 = 36;
const COLUMNS: usize = 3;

/// Points of a law's line.
const POINTS: usize = 16;

/// Draws the devices that have a programming error.
pub(crate) fn svg(measured: &[Measured]) -> Result<String> {
    let spread: Vec<&Measured> =
        measured.iter().filter(|device| *device.device.cell.programming() != Programming::Exact).collect();
    let rows = spread.len().div_ceil(COLUMNS);
    figure((WIDTH, LEGEND + PANEL_HEIGHT * rows as u32), |root| {
        let (legend, plots) = root.split_vertically(LEGEND);
        let mut x = 60;
        for (sign, colour, text) in [
            (Sign::Dot, BLUE, "as written"),
            (Sign::Square, ORANGE, "a day later"),
            (Sign::Line, BLUE, "law as written"),
            (Sign::Line, ORANGE, "law a day later (NeuRRAM: relaxation alone)"),
            (Sign::Dashes, GREY, "CrossSim's fit of NeuRRAM, both together"),
        ] {
            x = legend_entry(&legend, (x, 20), sign, colour, text)?;
        }
        for (area, device) in plots.split_evenly((rows, COLUMNS)).iter().zip(spread) {
            panel(area, device)?;
        }
        Ok(())
    })
}

fn panel(area: &Area<'_>, device: &Measured) -> Result<()> {
    let levels = device.device.cell.levels();
    let (off, on) = (levels.g_off(), levels.g_on());
    let highest = device.times().flat_map(|(_, cells)| cells).map(|cells| cells.sigma).fold(0.0, f64::max);
    let beside = 0.04 * (on - off);
    let mut chart = frame(area, device.name).build_cartesian_2d(
        MICRO * (off - beside).min(off)..MICRO * (on + beside),
        0.0..MICRO * 1.15 * highest,
    )?;
    mesh(&mut chart, ("target conductance (µS)", "σ (µS)"), (8, 6))?;
    let grid = || (0..=POINTS).map(|i| off + (on - off) * i as f64 / POINTS as f64);
    if matches!(device.device.cell.programming(), Programming::WriteVerify(_)) {
        let fit: Vec<(f64, f64)> = grid().map(|g| MICRO * g).filter(|&g| g <= 39.0).map(crosssim).collect();
        chart.draw_series(DashedLineSeries::new(fit, 6, 4, GREY.stroke_width(2)))?;
    }
    for (secs, cells) in device.times() {
        let colour = if secs == DAY { ORANGE } else { BLUE };
        let law: Vec<(f64, f64)> =
            grid().filter_map(|g| Some((MICRO * g, MICRO * device.law(g, secs)?))).collect();
        chart.draw_series(LineSeries::new(law, colour.stroke_width(2)))?;
        let points = levels.as_slice().iter().zip(cells).map(|(g, cells)| (MICRO * g, MICRO * cells.sigma));
        if secs == DAY {
            chart.draw_series(points.map(|at| {
                EmptyElement::at(at) + Rectangle::new([(-4, -4), (4, 4)], colour.stroke_width(2))
            }))?;
        } else {
            chart.draw_series(points.map(|at| Circle::new(at, 4, colour.filled())))?;
        }
    }
    Ok(())
}

/// CrossSim's fit of NeuRRAM's whole spread, both in µS, up to 39 µS.
fn crosssim(g: f64) -> (f64, f64) {
    (g, ((1.536e-4 * g - 1.167e-2) * g + 0.2374) * g + 1.053)
}
