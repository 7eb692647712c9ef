//! One look for all figures.

use plotters::coord::Shift;
use plotters::coord::ranged1d::ValueFormatter;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::Result;

// Okabe and Ito's colours, told apart by colour-blind readers.
pub(crate) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(crate) const ORANGE: RGBColor = RGBColor(213, 94, 0);
pub(crate) const GREEN: RGBColor = RGBColor(0, 158, 115);
pub(crate) const PURPLE: RGBColor = RGBColor(204, 121, 167);
pub(crate) const GREY: RGBColor = RGBColor(90, 90, 90);

pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(crate) type Chart<'a, 'b, X, Y> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<X, Y>>;

/// An axis that can carry labels.
pub(crate) trait Axis: Ranged<ValueType = f64> + ValueFormatter<f64> {}

impl<T: Ranged<ValueType = f64> + ValueFormatter<f64>> Axis for T {}

/// A figure of this size in pixels.
pub(crate) fn figure(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Result<()>) -> Result<String> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
        root.fill(&WHITE)?;
        draw(&root)?;
        root.present()?;
    }
    Ok(text)
}

/// A chart's frame, to be given its axes.
pub(crate) fn frame<'a, 'b>(area: &'a Area<'b>, title: &str) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut builder = ChartBuilder::on(area);
    builder
        .caption(title, ("sans-serif", 17))
        .margin(8)
        .margin_right(18)
        .x_label_area_size(44)
        .y_label_area_size(58);
    builder
}

/// Draws a chart's axes and grid.
pub(crate) fn mesh<X: Axis, Y: Axis>(
    chart: &mut Chart<'_, '_, X, Y>,
    (x, y): (&str, &str),
    labels: (usize, usize),
) -> Result<()> {
    chart
        .configure_mesh()
        .x_desc(x)
        .y_desc(y)
        .x_labels(labels.0)
        .y_labels(labels.1)
        .x_label_formatter(&|value| label(*value))
        .y_label_formatter(&|value| label(*value))
        .axis_desc_style(("sans-serif", 14))
        .label_style(("sans-serif", 13))
        .bold_line_style(BLACK.mix(0.13))
        .light_line_style(TRANSPARENT)
        .draw()?;
    Ok(())
}

/// A number without what rounding left of it.
fn label(value: f64) -> String {
    format!("{}", (value * 1e6).round() / 1e6 + 0.0)
}

/// What a line of a legend looks like.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sign {
    Line,
    Dashes,
    Dot,
    Square,
}

/// Draws one entry of a legend and returns where the next begins.
pub(crate) fn legend_entry(
    area: &Area<'_>,
    (x, y): (i32, i32),
    sign: Sign,
    colour: RGBColor,
    text: &str,
) -> Result<i32> {
    let style = colour.stroke_width(2);
    let line = [(x, y), (x + 30, y)];
    match sign {
        Sign::Line => area.draw(&PathElement::new(line, style))?,
        Sign::Dashes => area.draw(&DashedPathElement::new(line, 6, 4, style))?,
        Sign::Dot => area.draw(&Circle::new((x + 22, y), 4, colour.filled()))?,
        Sign::Square => area.draw(&Rectangle::new([(x + 18, y - 4), (x + 26, y + 4)], style))?,
    }
    label_at(area, (x + 36, y), BLACK, text)?;
    // A letter of this size is about 7 pixels wide.
    Ok(x + 36 + 7 * text.chars().count() as i32 + 24)
}

/// Writes `text` left-aligned, centred on a height.
pub(crate) fn label_at(area: &Area<'_>, at: (i32, i32), colour: RGBColor, text: &str) -> Result<()> {
    let style = ("sans-serif", 14).into_font().color(&colour).pos(Pos::new(HPos::Left, VPos::Center));
    area.draw(&Text::new(text.to_owned(), at, style))?;
    Ok(())
}
