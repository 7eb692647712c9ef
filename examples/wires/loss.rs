//! The current that columns lose.

use std::fmt::Write;

use forms_xbar::circuit::{Cells, Ends, UnselectedRows, Wires, effective_conductances};
use plotters::prelude::*;

use super::array::{Array, LEAST_ACTIVE};
use super::style::{Area, BLUE, GREEN, GREY, ORANGE, PURPLE, Sign, figure, frame, legend_entry, mesh};
use super::{Result, percent};

const SIZE: (u32, u32) = (1260, 456);
const LEGEND: u32 = 36;
const HALF: u32 = 630;

/// Conductances of every conversion: a column of an active group, all rows driven.
#[derive(Debug)]
struct Sums {
    columns: usize,
    /// Without wires (S), `[group][column]`.
    ideal: Vec<f64>,
    /// What wires take of it (S).
    lost: Vec<f64>,
}

impl Sums {
    fn new(cells: Cells<'_>, wires: &Wires, active: usize) -> Result<Self> {
        let effective = effective_conductances(wires, cells, active)?;
        let sums = |siemens: &[f64]| -> Vec<f64> {
            let sum = |group: &[f64]| -> Vec<f64> {
                (0..cells.columns).map(|column| group[column..].iter().step_by(cells.columns).sum()).collect()
            };
            siemens.chunks(active * cells.columns).flat_map(sum).collect()
        };
        let ideal = sums(cells.siemens);
        let lost = ideal.iter().zip(sums(&effective)).map(|(ideal, left)| ideal - left).collect();
        Ok(Sums { columns: cells.columns, ideal, lost })
    }

    /// Share of the current that some conversions lose together.
    fn share(&self, conversions: impl Iterator<Item = usize>) -> f64 {
        let (lost, ideal) =
            conversions.fold((0.0, 0.0), |(lost, ideal), at| (lost + self.lost[at], ideal + self.ideal[at]));
        lost / ideal
    }

    fn mean(&self) -> f64 {
        self.share(0..self.ideal.len())
    }

    fn worst(&self) -> f64 {
        (0..self.ideal.len()).map(|at| self.share([at].into_iter())).fold(0.0, f64::max)
    }

    /// Of every column, all groups together.
    fn of_columns(&self) -> impl Iterator<Item = f64> {
        (0..self.columns).map(|column| self.share((column..self.ideal.len()).step_by(self.columns)))
    }

    /// Of the group of the first rows, and of that of the last.
    fn of_groups(&self) -> [f64; 2] {
        let conversions = self.ideal.len();
        [0..self.columns, conversions - self.columns..conversions].map(|group| self.share(group))
    }
}

/// What an array loses with so many rows driven together.
#[derive(Debug)]
pub(crate) struct Loss {
    active: usize,
    sums: Sums,
    /// Share that word lines alone would take, and bit lines alone.
    word_lines: f64,
    bit_lines: f64,
}

impl Loss {
    pub(crate) fn new(array: &Array, wires: &Wires, active: usize) -> Result<Self> {
        let sums = |wires: &Wires| Sums::new(array.cells(), wires, active);
        Ok(Loss {
            active,
            sums: sums(wires)?,
            word_lines: sums(&Wires::new(wires.word_line_ohms(), 0.0)?)?.mean(),
            bit_lines: sums(&Wires::new(0.0, wires.bit_line_ohms())?)?.mean(),
        })
    }
}

/// One line per number of active rows.
pub(crate) fn table(array: &Array, losses: &[Loss]) -> String {
    let step = array.level_step();
    let mut text = String::from(
        "Lost current, all rows of a group driven; an LSB is one level step\n\
         | active rows | mean (%) | worst column (%) | mean (LSB) | worst (LSB) | word lines alone (%) \
         | bit lines alone (%) | farthest group (%) | nearest group (%) |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for loss in losses {
        let lost = &loss.sums.lost;
        let [farthest, nearest] = loss.sums.of_groups().map(percent);
        _ = writeln!(
            text,
            "| {} | {} | {} | {:.2} | {:.2} | {} | {} | {farthest} | {nearest} |",
            loss.active,
            percent(loss.sums.mean()),
            percent(loss.sums.worst()),
            lost.iter().sum::<f64>() / lost.len() as f64 / step,
            lost.iter().copied().fold(0.0, f64::max) / step,
            percent(loss.word_lines),
            percent(loss.bit_lines),
        );
    }
    text + "A word line carries the current of all its cells however many rows are driven; a bit line that of\n\
            the driven rows, past all rows below them. Farthest and nearest: seen from the sense terminals.\n"
}

/// One line per topology, with the fewest rows driven together.
pub(crate) fn topologies(array: &Array, ohms: f64) -> Result<String> {
    let wires = Wires::new(ohms, ohms)?;
    let mut text = format!(
        "Lost current by topology, {LEAST_ACTIVE} active rows\n\
         | topology | mean (%) | worst column (%) | first group (%) | last group (%) |\n\
         | --- | --- | --- | --- | --- |\n"
    );
    for (name, wires) in [
        ("as above", wires),
        ("driven beyond the last column", wires.with_drive(Ends::Last)),
        ("driven at both ends", wires.with_drive(Ends::Both)),
        ("sensed at both ends", wires.with_sense(Ends::Both)),
        ("driven and sensed at both ends", wires.with_drive(Ends::Both).with_sense(Ends::Both)),
        ("no segments at the terminals", wires.with_terminal_segments(false)),
        ("unselected rows grounded", wires.with_unselected(UnselectedRows::Grounded)),
        ("unselected rows floating", wires.with_unselected(UnselectedRows::Floating)),
    ] {
        let sums = Sums::new(array.cells(), &wires, LEAST_ACTIVE)?;
        let [first, last] = sums.of_groups().map(percent);
        _ = writeln!(
            text,
            "| {name} | {} | {} | {first} | {last} |",
            percent(sums.mean()),
            percent(sums.worst())
        );
    }
    Ok(text)
}

/// The worst column of an array of `g_on` beside the estimate of MNSIM (TCAD 2017), `(R_min + (M + N) r) / M` for the
/// resistance of a column.
pub(crate) fn estimates(array: &Array, ohms: f64) -> Result<String> {
    let siemens = vec![array.cell.levels().g_on(); array.siemens.len()];
    let cells = Cells { siemens: &siemens, ..array.cells() };
    let cell_ohms = array.cell.levels().g_on().recip();
    let mut text = String::from(
        "Worst column, every cell at g_on, all rows driven: lost current (%)\n\
         | Ω a pitch | solved | estimate (R_min + (M + N) r) / M |\n| --- | --- | --- |\n",
    );
    for ohms in [0.01, 0.1, 1.0].map(|part| part * ohms) {
        let solved = Sums::new(cells, &Wires::new(ohms, ohms)?, array.rows)?.worst();
        let wire_ohms = (array.rows + array.columns) as f64 * ohms;
        let estimate = wire_ohms / (cell_ohms + wire_ohms);
        _ = writeln!(text, "| {ohms} | {} | {} |", percent(solved), percent(estimate));
    }
    Ok(text + "The estimate has one cell's current in its wires.\n")
}

pub(crate) fn svg(losses: &[Loss]) -> Result<String> {
    figure(SIZE, |root| {
        let (left, right) = root.split_horizontally(HALF);
        draw_columns(&left, losses)?;
        draw_sources(&right, losses)
    })
}

fn draw_columns(area: &Area<'_>, losses: &[Loss]) -> Result<()> {
    let (legend, plot) = area.split_vertically(LEGEND);
    let worst = losses.iter().flat_map(|loss| loss.sums.of_columns()).fold(0.0, f64::max);
    let last = losses.iter().map(|loss| loss.sums.columns).max().unwrap_or(1) - 1;
    let mut builder = frame(&plot, "Lost current of every column, by rows driven together");
    let mut chart = builder.build_cartesian_2d(0.0..last as f64, 0.0..105.0 * worst)?;
    mesh(&mut chart, ("column", "lost current (%)"), (9, 8))?;
    let mut x = 60;
    for (at, loss) in losses.iter().enumerate() {
        let colour = [BLUE, ORANGE, GREEN, PURPLE, GREY][at % 5];
        let line = loss.sums.of_columns().enumerate().map(|(column, share)| (column as f64, 100.0 * share));
        chart.draw_series(LineSeries::new(line, colour.stroke_width(2)))?;
        x = legend_entry(&legend, (x, 20), Sign::Line, colour, &loss.active.to_string())?;
    }
    Ok(())
}

fn draw_sources(area: &Area<'_>, losses: &[Loss]) -> Result<()> {
    let (legend, plot) = area.split_vertically(LEGEND);
    let ends = |at: usize| move |loss: &Loss| 100.0 * loss.sums.of_groups()[at];
    let worst = losses.iter().map(ends(0)).chain(losses.iter().map(ends(1))).fold(0.0, f64::max);
    let most = losses.iter().map(|loss| loss.active).max().unwrap_or(1) as f64;
    let mut builder = frame(&plot, "Mean loss, and which wires cause it");
    let mut chart = builder.build_cartesian_2d(0.0..1.05 * most, 0.0..1.1 * worst)?;
    mesh(&mut chart, ("rows driven together", "lost current (%)"), (9, 8))?;
    let line = |share: &dyn Fn(&Loss) -> f64| -> Vec<(f64, f64)> {
        losses.iter().map(|loss| (loss.active as f64, share(loss))).collect()
    };
    chart.draw_series(LineSeries::new(line(&|loss| 100.0 * loss.sums.mean()), BLUE.stroke_width(2)))?;
    for (colour, points) in
        [(ORANGE, line(&|loss| 100.0 * loss.word_lines)), (GREEN, line(&|loss| 100.0 * loss.bit_lines))]
    {
        chart.draw_series(DashedLineSeries::new(points, 6, 4, colour.stroke_width(2)))?;
    }
    chart.draw_series(line(&ends(0)).into_iter().map(|at| Circle::new(at, 4, GREY.filled())))?;
    chart.draw_series(
        line(&ends(1))
            .into_iter()
            .map(|at| EmptyElement::at(at) + Rectangle::new([(-4, -4), (4, 4)], GREY.stroke_width(2))),
    )?;
    let mut x = 24;
    for (sign, colour, text) in [
        (Sign::Line, BLUE, "both"),
        (Sign::Dashes, ORANGE, "word lines"),
        (Sign::Dashes, GREEN, "bit lines"),
        (Sign::Dot, GREY, "farthest group"),
        (Sign::Square, GREY, "nearest"),
    ] {
        x = legend_entry(&legend, (x, 20), sign, colour, text)?;
    }
    Ok(())
}
