//! Current over voltage: of the devices, and of the curves a cell can have.

use forms_xbar::device::IvCurve;
use forms_xbar::{Cell, LevelMap};
use plotters::prelude::*;

use super::measure::Measured;
use super::style::{
    Area, BLUE, GREEN, GREY, ORANGE, PURPLE, Sign, figure, frame, label_at, legend_entry, mesh,
};
use super::{MICRO, Result};

const SIZE: (u32, u32) = (1260, 420);
const HALF: u32 = 630;

/// Room for names beside lines, in pixels.
const NAMES: u32 = 150;

/// Least distance of names, in pixels.
const LINE: i32 = 16;

/// Points of a line.
const POINTS: usize = 16;

/// Voltage at which the bent curves are measured (V).
const REFERENCE: f64 = 0.2;

/// Up to where they are drawn (V).
const HIGHEST: f64 = 0.6;

pub(crate) fn svg(measured: &[Measured]) -> Result<String> {
    figure(SIZE, |root| {
        let (left, right) = root.split_horizontally(HALF);
        draw_devices(&left, measured)?;
        draw_shapes(&right)
    })
}

/// Cells at `g_on`, one line per `g_on` that differs.
fn draw_devices(area: &Area<'_>, measured: &[Measured]) -> Result<()> {
    let mut lines: Vec<(String, &Cell)> = Vec::new();
    for device in measured {
        let cell = &device.device.cell;
        // What stands behind a comma tells variants of one device apart.
        let name = device.name.split(',').next().unwrap_or(device.name);
        match lines.iter_mut().find(|(_, known)| known.levels().g_on() == cell.levels().g_on()) {
            Some((names, _)) if names == name => {}
            Some((names, _)) => *names += &format!(", {name}"),
            None => lines.push((name.into(), cell)),
        }
    }
    lines.sort_by(|(_, a), (_, b)| b.levels().g_on().total_cmp(&a.levels().g_on()));
    let current = |cell: &Cell, volts| MICRO * cell.amperes(cell.levels().g_on(), volts);
    let highest = lines.iter().map(|(_, cell)| current(cell, REFERENCE)).fold(0.0, f64::max);

    let mut builder = frame(area, "Devices at their highest level");
    let mut chart = builder.margin_right(NAMES).build_cartesian_2d(0.0..REFERENCE, 0.0..1.05 * highest)?;
    mesh(&mut chart, ("voltage (V)", "current (µA)"), (5, 6))?;
    let mut next = i32::MIN;
    let mut names = Vec::new();
    for (at, (name, cell)) in lines.iter().enumerate() {
        let colour = [BLUE, ORANGE, GREEN, PURPLE, GREY][at % 5];
        let line = curve(0.0, REFERENCE, |volts| current(cell, volts));
        chart.draw_series(LineSeries::new(line, colour.stroke_width(2)))?;
        // From the top line down, names not closer than a line of text.
        let (x, y) = chart.backend_coord(&(REFERENCE, current(cell, REFERENCE)));
        next = y.max(next.saturating_add(LINE));
        names.push(((x + 6, next), colour, name));
    }
    // The last names would run into the axis: push all up by what is missing.
    let (_, bottom) = chart.backend_coord(&(0.0, 0.0));
    let mut limit = bottom;
    for ((x, y), colour, name) in names.into_iter().rev() {
        let y = y.min(limit);
        limit = y - LINE;
        label_at(area, (x, y), colour, name)?;
    }
    Ok(())
}

/// The shapes of `IvCurve`, for a cell of 100 µS.
fn draw_shapes(area: &Area<'_>) -> Result<()> {
    let siemens = 100e-6;
    let sinh = |half_bias_ratio| IvCurve::Sinh {
        half_bias_ratio,
        half_bias_ratio_off: None,
        bias_volts: 1.0,
        reference_volts: REFERENCE,
    };
    let table = vec![(0.0, 0.0), (0.2, 1.0), (0.4, 2.4), (0.6, 4.5), (0.8, 7.6), (1.0, 12.0)];
    let shapes = [
        ("ohmic", IvCurve::Ohmic, BLACK, Sign::Line),
        ("sinh, k = 2.5 at 1 V", sinh(2.5), BLUE, Sign::Line),
        ("sinh, k = 7.5 at 1 V", sinh(7.5), ORANGE, Sign::Line),
        (
            "cubic, 0.25 /V²",
            IvCurve::Cubic { per_square_volt: 0.25, reference_volts: REFERENCE },
            GREEN,
            Sign::Line,
        ),
        (
            "table, an example",
            IvCurve::Table { points: table, reference_volts: REFERENCE },
            PURPLE,
            Sign::Dashes,
        ),
    ];
    let mut builder = frame(area, "Shapes a cell can have: 100 µS at 0.2 V");
    let mut chart = builder.build_cartesian_2d(0.0..HIGHEST, 0.0..130.0)?;
    mesh(&mut chart, ("voltage (V)", "current (µA)"), (7, 7))?;
    let mut y = 56;
    for (name, iv, colour, sign) in shapes {
        let cell = Cell::new(LevelMap::linear(2, 1e-6, 100e-6)?).with_iv(iv);
        cell.check()?;
        let line = curve(0.0, HIGHEST, |volts| MICRO * cell.amperes(siemens, volts));
        match sign {
            Sign::Dashes => chart.draw_series(DashedLineSeries::new(line, 6, 4, colour.stroke_width(2)))?,
            _ => chart.draw_series(LineSeries::new(line, colour.stroke_width(2)))?,
        };
        legend_entry(area, (90, y), sign, colour, name)?;
        y += LINE + 4;
    }
    Ok(())
}

/// A function of voltage at equally spaced points.
fn curve(from: f64, to: f64, current: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let volts = (0..=POINTS).map(|i| from + (to - from) * i as f64 / POINTS as f64);
    volts.map(|volts| (volts, current(volts))).collect()
}
