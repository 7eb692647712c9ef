//! Random telegraph noise of PytorX's device, plane by plane.

use forms_xbar::device::{Persistence, StuckCells};
use forms_xbar::presets::{self, devices};
use forms_xbar::{Adc, Key, Mapping, Weights};
use plotters::prelude::*;

use super::Result;
use super::measure::{DWELL_SECS, READ_HZ};
use super::style::{Area, BLUE, GREY, ORANGE, Sign, figure, frame, label_at, legend_entry, mesh};

const SIZE: (u32, u32) = (1260, 36 + 3 * 250);
const LEGEND: u32 = 36;

/// Planes of a vector.
const PLANES: usize = 16;

/// Rows driven together, of which one or three get an input.
const ROWS: usize = 4;

/// A panel: this many driven cells, read as many times.
struct Panel {
    cells: usize,
    vectors: usize,
    persistence: Persistence,
    title: &'static str,
}

pub(crate) fn svg(key: Key) -> Result<String> {
    let panels = [
        Panel {
            cells: 1,
            vectors: 8,
            persistence: Persistence::Evolved,
            title: "One cell of 3 MΩ, evolved over the 16 planes of each of 8 reads",
        },
        Panel {
            cells: 3,
            vectors: 8,
            persistence: Persistence::Evolved,
            title: "Three cells of 3 MΩ on one bit line, evolved",
        },
        Panel {
            cells: 3,
            vectors: 32,
            persistence: Persistence::Held,
            title: "Three cells, held for each of 32 reads",
        },
    ];
    figure(SIZE, |root| {
        let (legend, plots) = root.split_vertically(LEGEND);
        let x = legend_entry(&legend, (60, 20), Sign::Line, BLUE, "current of a plane")?;
        let x = legend_entry(&legend, (x, 20), Sign::Line, ORANGE, "with 0, 1 … traps filled, noise-free")?;
        let x = legend_entry(&legend, (x, 20), Sign::Line, GREY, "a read begins")?;
        label_at(
            &legend,
            (x, 20),
            BLACK,
            "PytorX without stuck cells, 0.2 V, a plane of 100 ns, mean dwell 400 ns",
        )?;
        for (area, panel) in plots.split_evenly((panels.len(), 1)).iter().zip(&panels) {
            draw(area, panel, key)?;
        }
        Ok(())
    })
}

fn draw(area: &Area<'_>, panel: &Panel, key: Key) -> Result<()> {
    let trace = Trace::read(panel, key)?;
    let planes = trace.nanoamperes.len() as f64;
    let highest = trace.nanoamperes.iter().chain(&trace.states).copied().fold(0.0, f64::max);
    let lowest = trace.nanoamperes.iter().chain(&trace.states).copied().fold(highest, f64::min);
    let beside = 0.12 * (highest - lowest);
    let mut chart =
        frame(area, panel.title).build_cartesian_2d(0.0..planes, lowest - beside..highest + beside)?;
    mesh(&mut chart, ("plane", "current (nA)"), (9, 6))?;
    for vector in 1..panel.vectors {
        let at = (vector * PLANES) as f64;
        let line = [(at, lowest - beside), (at, highest + beside)];
        chart.draw_series([PathElement::new(line, GREY.mix(0.5))])?;
    }
    for &state in &trace.states {
        let line = [(0.0, state), (planes, state)];
        chart.draw_series(LineSeries::new(line, ORANGE.stroke_width(1)))?;
    }
    let steps = trace.nanoamperes.iter().enumerate();
    let steps: Vec<(f64, f64)> =
        steps.flat_map(|(plane, &current)| [plane, plane + 1].map(|edge| (edge as f64, current))).collect();
    chart.draw_series(LineSeries::new(steps, BLUE.stroke_width(2)))?;
    Ok(())
}

/// Currents of consecutive planes (nA).
struct Trace {
    nanoamperes: Vec<f64>,
    /// Currents with 0, 1 … traps filled, without white noise (nA).
    states: Vec<f64>,
}

impl Trace {
    fn read(panel: &Panel, key: Key) -> Result<Self> {
        let mut device = devices::pytorx(READ_HZ, DWELL_SECS)?;
        device.cell = device.cell.with_stuck_cells(StuckCells::NONE);
        device.read_noise = device.read_noise.with_persistence(panel.persistence);
        let telegraph = device.read_noise.telegraph().ok_or("PytorX's device has no telegraph noise")?;
        let siemens = device.cell.levels().g_off();
        let builder = presets::forms()
            .mapping(Mapping::Polarized { fragment: ROWS })
            .adc(Adc::full_range(16))
            .input_bits(PLANES as u32)
            .plane_secs(1.0 / READ_HZ);
        let design = device.in_design(builder).build()?;
        let volts = design.dac().read_volts();
        // Cells at level 0, where telegraph noise is strongest.
        let weights = Weights::full_magnitude_from_row_slice(ROWS, 1, 2, &[0; ROWS])?;
        let die = design.program_keyed(&weights, key)?;
        let x: Vec<u16> = (0..ROWS).map(|row| if row < panel.cells { u16::MAX } else { 0 }).collect();
        let mut nanoamperes = Vec::new();
        for vector in 0..panel.vectors {
            let trace = die.trace_keyed(&x, key.child(vector as u64))?;
            nanoamperes.extend(trace.conversions.iter().map(|conversion| 1e9 * conversion.amperes));
        }
        let delta = telegraph.delta_siemens(siemens, 0.0);
        let empty = siemens + telegraph.duty() * delta;
        let state = |trapped| 1e9 * volts * (panel.cells as f64 * empty - trapped as f64 * delta);
        Ok(Trace { nanoamperes, states: (0..=panel.cells).map(state).collect() })
    }
}
