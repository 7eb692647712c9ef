//! Histograms of conductance per level, as written and a day later.

use plotters::prelude::*;

use super::measure::{Cells, Measured};
use super::style::{Area, Axis, BLUE, Chart, ORANGE, Sign, figure, frame, label_at, legend_entry, mesh};
use super::{MICRO, Result};

const WIDTH: u32 = 1260;
const PANEL_HEIGHT: u32 = 250;
const LEGEND: u32 = 36;
const COLUMNS: usize = 3;

/// Bins over the cells of a level.
const BINS: usize = 20;

/// Different conductances of a level up to which there is nothing to bin.
const FEW: usize = 3;

/// Ratio of conductances from which an axis is logarithmic.
const LOG_FROM: f64 = 100.0;

pub(crate) fn svg(measured: &[Measured]) -> Result<String> {
    let rows = measured.len().div_ceil(COLUMNS);
    figure((WIDTH, LEGEND + PANEL_HEIGHT * rows as u32), |root| {
        let (legend, plots) = root.split_vertically(LEGEND);
        let x = legend_entry(&legend, (60, 20), Sign::Line, BLUE, "as written")?;
        let x = legend_entry(&legend, (x, 20), Sign::Line, ORANGE, "a day later, where the device ages")?;
        label_at(&legend, (x, 20), BLACK, "20 bins over the cells of a level, the fullest drawn as 1")?;
        for (area, device) in plots.split_evenly((rows, COLUMNS)).iter().zip(measured) {
            panel(area, device)?;
        }
        Ok(())
    })
}

fn panel(area: &Area<'_>, device: &Measured) -> Result<()> {
    let (low, high) = device.range();
    let levels = device.device.cell.levels();
    let mut builder = frame(area, device.name);
    if levels.g_on() / levels.g_off() >= LOG_FROM {
        let range = (0.7 * MICRO * low..1.4 * MICRO * high).log_scale();
        draw(builder.build_cartesian_2d(range, 0.0..1.1)?, device)
    } else {
        let beside = 0.03 * (high - low);
        let range = MICRO * (low - beside).max(0.0)..MICRO * (high + beside);
        draw(builder.build_cartesian_2d(range, 0.0..1.1)?, device)
    }
}

fn draw<X: Axis, Y: Axis>(mut chart: Chart<'_, '_, X, Y>, device: &Measured) -> Result<()> {
    mesh(&mut chart, ("conductance (µS)", "cells"), (8, 3))?;
    for line in device.written.iter().flat_map(outlines) {
        chart.draw_series([Polygon::new(line.clone(), BLUE.mix(0.25).filled())])?;
        chart.draw_series([PathElement::new(line, BLUE.stroke_width(1))])?;
    }
    for line in device.day.iter().flatten().flat_map(outlines) {
        chart.draw_series([PathElement::new(line, ORANGE.stroke_width(2))])?;
    }
    Ok(())
}

/// The lines of a level, the fullest bin at height 1: one along its bins, or one up to each conductance
/// where there are only a few.
fn outlines(cells: &Cells) -> Vec<Vec<(f64, f64)>> {
    let mut sorted = cells.siemens.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let equal: Vec<&[f64]> = sorted.chunk_by(|a, b| a == b).collect();
    let fullest = equal.iter().map(|cells| cells.len()).max().unwrap_or(1);
    if equal.len() <= FEW {
        let spike = |cells: &[f64]| {
            let at = MICRO * cells[0];
            vec![(at, 0.0), (at, cells.len() as f64 / fullest as f64)]
        };
        return equal.into_iter().map(spike).collect();
    }
    let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
    let width = (high - low) / BINS as f64;
    let mut counts = [0u32; BINS];
    for g in sorted {
        counts[(((g - low) / width) as usize).min(BINS - 1)] += 1;
    }
    let fullest = f64::from(counts.iter().copied().max().unwrap_or(1));
    let middle = |bin: usize| MICRO * (low + (bin as f64 + 0.5) * width);
    let mut line = vec![(MICRO * low, 0.0)];
    line.extend(counts.iter().enumerate().map(|(bin, &count)| (middle(bin), f64::from(count) / fullest)));
    line.push((MICRO * high, 0.0));
    vec![line]
}
