//! What was measured, as a table and as CSV.

use std::fmt::Write;

use super::MICRO;
use super::measure::{Cells, Measured};

const HEADER: [&str; 8] = [
    "device",
    "levels",
    "window (µS)",
    "σ written (µS)",
    "σ after a day (µS)",
    "overlap, written",
    "overlap, a day",
    "pulses, success",
];

/// One row per device.
pub(crate) fn table(measured: &[Measured]) -> String {
    let rows: Vec<[String; 8]> = measured.iter().map(row).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.fold(HEADER[column].chars().count(), usize::max)
    };
    let widths: Vec<usize> = (0..HEADER.len()).map(width).collect();
    let line = |cells: [&str; 8]| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        format!("| {} |\n", padded.join(" | "))
    };
    let rule: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
    let mut text = line(HEADER);
    _ = writeln!(text, "| {} |", rule.join(" | "));
    for row in &rows {
        text += &line(row.each_ref().map(String::as_str));
    }
    text += "\nσ: smallest and largest over the levels, stuck cells included. Overlap: cells nearer to another \
             level's\ntarget, at the worst level. A dash: a day changes nothing, or the write counts no \
             pulses.\n";
    text
}

fn row(measured: &Measured) -> [String; 8] {
    let levels = measured.device.cell.levels();
    let sigmas = |cells: &[Cells]| {
        let ends = cells
            .iter()
            .map(|level| level.sigma)
            .fold((f64::INFINITY, 0.0), |(low, high), sigma| (sigma.min(low), sigma.max(high)));
        let (low, high) = (digits(MICRO * ends.0), digits(MICRO * ends.1));
        if low == high { low } else { format!("{low}–{high}") }
    };
    let overlap = |cells: &[Cells]| {
        let worst = cells.iter().map(|level| level.overlap).fold(0.0, f64::max);
        match 100.0 * worst {
            0.0 => "none".into(),
            percent if percent < 0.05 => "< 0.1 %".into(),
            percent => format!("{percent:.1} %"),
        }
    };
    let day = |text: &dyn Fn(&[Cells]) -> String| measured.day.as_deref().map_or("–".into(), text);
    let pulses = |(pulses, success): (f64, f64)| format!("{pulses:.2}, {:.2} %", 100.0 * success);
    [
        measured.name.into(),
        levels.as_slice().len().to_string(),
        format!("{}–{}", digits(MICRO * levels.g_off()), digits(MICRO * levels.g_on())),
        sigmas(&measured.written),
        day(&sigmas),
        overlap(&measured.written),
        day(&overlap),
        measured.pulses.map_or("–".into(), pulses),
    ]
}

/// Two or three digits that count, zeros at the end left out.
pub(crate) fn digits(value: f64) -> String {
    let places = if value >= 9.995 {
        1
    } else if value >= 0.0995 {
        2
    } else {
        3
    };
    let text = format!("{value:.places$}");
    text.trim_end_matches('0').trim_end_matches('.').into()
}

/// One line per device, time and level.
pub(crate) fn csv(measured: &[Measured]) -> String {
    let mut text = String::from(
        "device,elapsed_secs,level,target_siemens,mean_siemens,sigma_siemens,law_sigma_siemens,overlap_share,cells\n",
    );
    for device in measured {
        for (secs, levels) in device.times() {
            for (level, cells) in levels.iter().enumerate() {
                let target = device.device.cell.levels().as_slice()[level];
                let law = device.law(target, secs).map_or(String::new(), |law| format!("{law:e}"));
                _ = writeln!(
                    text,
                    "\"{}\",{secs},{level},{target:e},{:e},{:e},{law},{},{}",
                    device.name,
                    cells.mean,
                    cells.sigma,
                    cells.overlap,
                    cells.siemens.len()
                );
            }
        }
    }
    text
}
