//! Accuracy against programming error, as an SVG.

use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::summary::Summary;
use crate::support::Result;

/// Height and widths in pixels: a panel, and the legend beside the panels, where it hides no line.
const HEIGHT: u32 = 480;
const PANEL: u32 = 500;
const LEGEND: u32 = 240;

/// Least accuracy (%) of the curves that are drawn again on an axis of their own.
const CLOSE_UP: f64 = 80.0;

/// One configuration, by rising σ.
type Curve<'a> = &'a [Summary];

/// A line: its colour tells the mapping, dashes tell unpolarized weights.
fn style(curve: Curve<'_>) -> (ShapeStyle, bool) {
    // Okabe and Ito's colours, told apart by colour-blind readers.
    let colour = match curve[0].label.mapping {
        "polarized" => RGBColor(0, 114, 178),
        "differential" => RGBColor(213, 94, 0),
        _ => RGBColor(0, 158, 115),
    };
    (colour.stroke_width(2), !curve[0].label.polarized)
}

/// Draws one line per configuration; the summaries of one stand together, by rising σ.
///
/// When some lines fall and others do not, a second panel shows those that do not.
pub(crate) fn svg(summaries: &[Summary]) -> Result<String> {
    let curves: Vec<Curve<'_>> = summaries.chunk_by(|_, next| next.sigma != 0.0).collect();
    let mut panels = vec![(format!("Accuracy on {} test images", summaries[0].images), curves.clone())];
    let high: Vec<Curve<'_>> = curves.iter().copied().filter(|curve| lowest(curve) >= CLOSE_UP).collect();
    if !high.is_empty() && high.len() < curves.len() {
        panels.push(("The upper lines, enlarged".into(), high));
    }
    let mut text = String::new();
    {
        let width = PANEL * panels.len() as u32;
        let root = SVGBackend::with_string(&mut text, (width + LEGEND, HEIGHT)).into_drawing_area();
        root.fill(&WHITE)?;
        let (plots, legend) = root.split_horizontally(width);
        for (area, (title, curves)) in plots.split_evenly((1, panels.len())).iter().zip(&panels) {
            draw_curves(area, title, curves)?;
        }
        draw_legend(&legend, &curves)?;
        root.present()?;
    }
    Ok(text)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn draw_curves(area: &Area<'_>, title: &str, curves: &[Curve<'_>]) -> Result<()> {
    let sigmas = curves.iter().flat_map(|curve| curve.iter()).map(|summary| summary.sigma);
    let widest = sigmas.fold(0.0, f64::max);
    // Of σ = 0 alone, the axis still needs a length.
    let widest = if widest == 0.0 { 0.1 } else { widest };
    let floor = curves.iter().map(|curve| lowest(curve)).fold(95.0, f64::min);
    let axis = (5.0 * ((floor - 0.5) / 5.0).floor()).max(0.0)..100.5;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(48)
        .y_label_area_size(60)
        .build_cartesian_2d(-0.05 * widest..1.05 * widest, axis)?;
    chart
        .configure_mesh()
        .x_desc("σ of the programming error (of ln G, dimensionless)")
        .y_desc("accuracy (%)")
        .x_labels(7)
        .x_label_formatter(&|sigma| format!("{}", (sigma * 1e4).round() / 1e4 + 0.0))
        .y_label_formatter(&|percent| format!("{percent:.0}"))
        .axis_desc_style(("sans-serif", 16))
        .label_style(("sans-serif", 14))
        .bold_line_style(BLACK.mix(0.15))
        .light_line_style(TRANSPARENT)
        .draw()?;
    for (at, curve) in curves.iter().enumerate() {
        let (style, dashed) = style(curve);
        // Side by side, so that error bars at one σ do not hide each other.
        let aside = (at as f64 - (curves.len() - 1) as f64 / 2.0) * 0.016 * widest;
        let points: Vec<(f64, f64)> =
            curve.iter().map(|summary| (summary.sigma + aside, 100.0 * summary.accuracy)).collect();
        if dashed {
            chart.draw_series(DashedLineSeries::new(points.clone(), 7, 4, style))?;
        } else {
            chart.draw_series(LineSeries::new(points.clone(), style))?;
        }
        chart.draw_series(points.iter().map(|&point| marker(point, style, dashed)))?;
        for (summary, &(x, _)) in curve.iter().zip(&points) {
            let Some(interval) = summary.over_dies else { continue };
            let ends = [interval.low, interval.high].map(|end| (x, 100.0 * end));
            chart.draw_series([PathElement::new(ends, style)])?;
            chart.draw_series(
                ends.map(|end| EmptyElement::at(end) + PathElement::new([(-4, 0), (4, 0)], style)),
            )?;
        }
    }
    Ok(())
}

/// The lowest end (%) of a curve's error bars.
fn lowest(curve: Curve<'_>) -> f64 {
    let lowest = |summary: &Summary| summary.over_dies.map_or(summary.accuracy, |interval| interval.low);
    100.0 * curve.iter().map(lowest).fold(1.0, f64::min)
}

/// Filled for polarized weights, open for others.
fn marker<C>(at: C, style: ShapeStyle, open: bool) -> Circle<C, i32> {
    Circle::new(at, 4, if open { style } else { style.filled() })
}

fn draw_legend(area: &Area<'_>, curves: &[Curve<'_>]) -> Result<()> {
    let text = ("sans-serif", 14).into_font().color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center));
    let small = ("sans-serif", 12).into_font().color(&BLACK.mix(0.7)).pos(Pos::new(HPos::Left, VPos::Center));
    let mut y = 70;
    for curve in curves {
        let (style, dashed) = style(curve);
        let line = [(4, y), (40, y)];
        if dashed {
            area.draw(&DashedPathElement::new(line, 7, 4, style))?;
        } else {
            area.draw(&PathElement::new(line, style))?;
        }
        area.draw(&marker((22, y), style, dashed))?;
        let label = &curve[0].label;
        area.draw(&Text::new(format!("{} mapping", label.mapping), (50, y - 8), text.clone()))?;
        area.draw(&Text::new(format!("{} weights", label.weights()), (50, y + 9), small.clone()))?;
        y += 48;
    }
    let dies = curves.iter().flat_map(|curve| curve.iter()).map(|summary| summary.dies).max().unwrap_or(1);
    let first = &curves[0][0];
    let mut notes = vec![format!("LeNet-5, fragment {}, {}-bit ADC", first.fragment, first.adc_bits)];
    if dies > 1 {
        notes.push(format!("bars: 95 % interval over {dies} dies"));
        notes.push("lines stand apart sideways".into());
    }
    for note in notes {
        area.draw(&Text::new(note, (4, y), small.clone()))?;
        y += 18;
    }
    Ok(())
}
