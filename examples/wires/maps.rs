//! The voltages that reach the cells.

use std::fmt::Write;

use forms_xbar::circuit::{Network, Solver, SolverSettings, Wires};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::array::Array;
use super::style::{Area, figure, frame, label_at, mesh};
use super::{Result, percent};

/// Pixels of the longer side of a map, beside it, and of the scale.
const SIDE: u32 = 384;
const BESIDE: (u32, u32) = (84, 100);
const SCALE: u32 = 100;

/// Most blocks along a side; more cells are averaged.
const BLOCKS: usize = 48;

/// Height of a colour in the scale (pixels).
const BAND_HEIGHT: i32 = 20;

/// Width of a colour: a share of the read voltage.
const BAND: f64 = 0.04;

/// From the least voltage to that of the read; rising in lightness, so that it also prints.
const COLOURS: [RGBColor; 5] = [
    RGBColor(60, 10, 80),
    RGBColor(150, 30, 90),
    RGBColor(225, 85, 60),
    RGBColor(250, 170, 70),
    RGBColor(252, 250, 215),
];

/// The voltage across every cell while all rows of its group are driven.
#[derive(Debug)]
pub(crate) struct Map {
    active: usize,
    columns: usize,
    /// Over the read voltage, `[row][column]`.
    shares: Vec<f64>,
}

impl Map {
    pub(crate) fn new(array: &Array, wires: &Wires, active: usize) -> Result<Self> {
        let mut shares = Vec::with_capacity(array.siemens.len());
        for start in (0..array.rows).step_by(active) {
            let group = start..array.rows.min(start + active);
            let network = Network::new(wires, array.cells(), group.clone(), 0.0)?;
            let solver = Solver::new(&network, SolverSettings::default())?;
            let solution = solver.solve(&vec![1.0; group.len()], &vec![0.0; array.columns])?;
            let volts = solution.word_volts().iter().zip(solution.bit_volts());
            shares.extend(volts.map(|(word, bit)| word - bit));
        }
        Ok(Map { active, columns: array.columns, shares })
    }

    fn rows(&self) -> usize {
        self.shares.len() / self.columns
    }

    fn least(&self) -> f64 {
        self.shares.iter().copied().fold(1.0, f64::min)
    }

    /// The mean over a block of cells, as far as there are cells.
    fn mean(&self, (top, left): (usize, usize), side: usize) -> f64 {
        let right = self.columns.min(left + side);
        let block: Vec<f64> = (top..self.rows().min(top + side))
            .flat_map(|row| &self.shares[row * self.columns..][left..right])
            .copied()
            .collect();
        block.iter().sum::<f64>() / block.len() as f64
    }
}

/// Corners and mean of maps.
pub(crate) fn table(maps: &[Map]) -> String {
    let mut text = String::from(
        "Voltage across cells over the read voltage (%), all rows of a group driven\n\
         | active rows | mean | first row, first column | first row, last column | last row, first column \
         | last row, last column | least |\n| --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for Map { active, columns, shares } in maps {
        let last = shares.len() - 1;
        let corners = [0, columns - 1, last + 1 - columns, last].map(|at| percent(shares[at]));
        let (mean, least) = (shares.iter().sum::<f64>() / shares.len() as f64, shares.iter().copied());
        _ = writeln!(
            text,
            "| {active} | {} | {} | {} |",
            percent(mean),
            corners.join(" | "),
            percent(least.fold(f64::INFINITY, f64::min))
        );
    }
    text
}

/// Maps of one size side by side, and the scale of their colours.
pub(crate) fn svg(maps: &[Map]) -> Result<String> {
    let (rows, columns) = maps.first().map_or((1, 1), |map| (map.rows(), map.columns));
    let longest = rows.max(columns);
    let pixels = |cells: usize| (SIDE as usize * cells / longest) as u32;
    let (width, height) = (pixels(columns) + BESIDE.0, pixels(rows).max(SIDE / 2) + BESIDE.1);
    let colours = Colours { least: band(maps.iter().map(Map::least).fold(1.0, f64::min)) };
    figure((width * maps.len() as u32 + SCALE, height), |root| {
        let (plots, legend) = root.split_horizontally(width * maps.len() as u32);
        for (area, map) in plots.split_evenly((1, maps.len())).iter().zip(maps) {
            draw(area, map, longest.div_ceil(BLOCKS), &colours)?;
        }
        colours.draw(&legend)
    })
}

fn draw(area: &Area<'_>, map: &Map, side: usize, colours: &Colours) -> Result<()> {
    let (rows, columns) = (map.rows(), map.columns);
    let title = format!("{} rows driven together", map.active);
    // Row 0 on top, as arrays are drawn.
    let mut chart = frame(area, &title).build_cartesian_2d(0.0..columns as f64, rows as f64..0.0)?;
    mesh(&mut chart, ("column", "row"), (9, 9))?;
    for top in (0..rows).step_by(side) {
        let bottom = rows.min(top + side) as f64;
        let blocks: Vec<(usize, usize)> =
            (0..columns).step_by(side).map(|left| (left, band(map.mean((top, left), side)))).collect();
        for run in blocks.chunk_by(|(_, a), (_, b)| a == b) {
            let (left, right) = (run[0].0 as f64, columns.min(run[run.len() - 1].0 + side) as f64);
            let colour = colours.of(run[0].1).filled();
            chart.draw_series([Rectangle::new([(left, top as f64), (right, bottom)], colour)])?;
        }
    }
    Ok(())
}

/// Bands from 0 V up; the read voltage itself counts to the last.
fn band(share: f64) -> usize {
    ((share / BAND) as usize).min(LAST_BAND)
}

const LAST_BAND: usize = (1.0 / BAND) as usize - 1;

/// Colours of all bands above the least.
struct Colours {
    least: usize,
}

impl Colours {
    fn of(&self, band: usize) -> RGBColor {
        let bands = (LAST_BAND - self.least).max(1) as f64;
        let place = (band - self.least) as f64 / bands * (COLOURS.len() - 1) as f64;
        let below = (place as usize).min(COLOURS.len() - 2);
        let (RGBColor(r, g, b), RGBColor(red, green, blue)) = (COLOURS[below], COLOURS[below + 1]);
        let mix = |from: u8, to: u8| {
            (f64::from(from) + (f64::from(to) - f64::from(from)) * (place - below as f64)).round() as u8
        };
        RGBColor(mix(r, red), mix(g, green), mix(b, blue))
    }

    fn draw(&self, area: &Area<'_>) -> Result<()> {
        let text = ("sans-serif", 13).into_font().color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center));
        label_at(area, (4, 24), BLACK, "V / V_read")?;
        let mut y = 44;
        for band in (self.least..=LAST_BAND).rev() {
            area.draw(&Rectangle::new([(4, y), (34, y + BAND_HEIGHT)], self.of(band).filled()))?;
            y += BAND_HEIGHT;
            let from = format!("{:.0} %", 100.0 * BAND * band as f64);
            area.draw(&Text::new(from, (40, y), text.clone()))?;
        }
        Ok(())
    }
}
