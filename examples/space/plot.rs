//! Accuracy against energy and against area, with their fronts, as an SVG.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::point::Point;
use crate::support::Result;

/// Sizes in pixels.
const PANEL: (u32, u32) = (470, 460);
const LEGEND: u32 = 200;

// Okabe and Ito's colours, told apart by colour-blind readers.
const MAPPINGS: [(&str, RGBColor); 3] = [
    ("polarized", RGBColor(0, 114, 178)),
    ("differential", RGBColor(213, 94, 0)),
    ("offset", RGBColor(0, 158, 115)),
];

/// Least accuracy (%) that is drawn: below it no design is worth a look.
const FLOOR: f64 = 80.0;

/// Cells of more bits are drawn larger.
const CELLS: [(u32, i32); 3] = [(1, 2), (2, 4), (4, 6)];

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// Draws every point twice, filled where it is on the panel's front.
pub(crate) fn svg(points: &[Point], by_energy: &[usize], by_area: &[usize], note: &str) -> Result<String> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (2 * PANEL.0 + LEGEND, PANEL.1)).into_drawing_area();
        root.fill(&WHITE)?;
        let (plots, legend) = root.split_horizontally(2 * PANEL.0);
        let panels = plots.split_evenly((1, 2));
        draw(&panels[0], points, by_energy, "Energy", "energy per inference (nJ)", |point| {
            1e9 * point.joules
        })?;
        draw(&panels[1], points, by_area, "Area", "area of the MCUs (mm²)", |point| {
            1e6 * point.square_metres
        })?;
        let below = points.iter().filter(|point| 100.0 * point.accuracy < FLOOR).count();
        draw_legend(&legend, &format!("{note}, {below} designs lie below {FLOOR} %"))?;
        root.present()?;
    }
    Ok(text)
}

fn draw(
    area: &Area<'_>,
    points: &[Point],
    front: &[usize],
    title: &str,
    x: &str,
    cost: impl Fn(&Point) -> f64,
) -> Result<()> {
    let most = points.iter().map(&cost).fold(0.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption(format!("Accuracy against {}", title.to_lowercase()), ("sans-serif", 17))
        .margin(10)
        .margin_right(18)
        .x_label_area_size(46)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..1.05 * most, FLOOR..100.4)?;
    chart
        .configure_mesh()
        .x_desc(x)
        .y_desc("accuracy (%)")
        .x_labels(8)
        .y_labels(11)
        .x_label_formatter(&|value| format!("{}", (value * 1e4).round() / 1e4 + 0.0))
        .y_label_formatter(&|percent| format!("{percent:.0}"))
        .axis_desc_style(("sans-serif", 14))
        .label_style(("sans-serif", 13))
        .bold_line_style(BLACK.mix(0.13))
        .light_line_style(TRANSPARENT)
        .draw()?;
    let at = |point: &Point| (cost(point), 100.0 * point.accuracy);
    // A step: the best that can be had for so much.
    let mut steps = Vec::new();
    for &index in front {
        let (x, y) = at(&points[index]);
        steps.extend(steps.last().map(|&(_, below)| (x, below)));
        steps.push((x, y));
    }
    steps.extend(steps.last().map(|&(_, best)| (1.05 * most, best)));
    steps.retain(|&(_, y)| y >= FLOOR);
    chart.draw_series(LineSeries::new(steps, BLACK.mix(0.6).stroke_width(1)))?;
    let shown = points.iter().enumerate().filter(|(_, point)| at(point).1 >= FLOOR);
    chart.draw_series(shown.map(|(index, point)| {
        let colour = colour(point.setting.name());
        let style = if front.contains(&index) { colour.filled() } else { colour.mix(0.55).stroke_width(1) };
        Circle::new(at(point), radius(point.setting.cell_bits), style)
    }))?;
    Ok(())
}

fn colour(mapping: &str) -> RGBColor {
    MAPPINGS.iter().find(|(name, _)| *name == mapping).map_or(BLACK, |&(_, colour)| colour)
}

fn radius(cell_bits: u32) -> i32 {
    CELLS.iter().find(|(bits, _)| *bits == cell_bits).map_or(4, |&(_, radius)| radius)
}

fn draw_legend(area: &Area<'_>, note: &str) -> Result<()> {
    let style = ("sans-serif", 14).into_font().color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center));
    let mut y = 60;
    let mut entry = |colour: RGBColor, radius: i32, filled: bool, text: String| -> Result<()> {
        let sign = if filled { colour.filled() } else { colour.stroke_width(1) };
        area.draw(&Circle::new((12, y), radius, sign))?;
        area.draw(&Text::new(text, (28, y), style.clone()))?;
        y += 24;
        Ok(())
    };
    for (name, colour) in MAPPINGS {
        entry(colour, 5, false, format!("{name} mapping"))?;
    }
    for (bits, radius) in CELLS {
        entry(BLACK, radius, false, format!("cells of {bits} bit{}", if bits == 1 { "" } else { "s" }))?;
    }
    entry(BLACK, 5, true, "on the front".into())?;
    y += 12;
    let small = ("sans-serif", 12).into_font().color(&BLACK.mix(0.7)).pos(Pos::new(HPos::Left, VPos::Center));
    for line in
        ["fragments of 4, 8, 16;", "with and without column flip;", "ADCs lossless, 1 and 2 bits less"]
            .into_iter()
            .chain(note.split(", "))
    {
        area.draw(&Text::new(line.to_owned(), (4, y), small.clone()))?;
        y += 18;
    }
    Ok(())
}
