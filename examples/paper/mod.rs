//! The papers' tables, row by row, with where each number comes from.

mod isaac;
mod parts;
mod speed;

use std::fmt::Write;

pub(crate) use forms_xbar::Result;

/// How a number was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    Computed,
    Quotient,
    NotDerivable,
}

impl Label {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Label::Computed => "computed",
            Label::Quotient => "quotient of printed numbers",
            Label::NotDerivable => "not derivable from what is printed",
        }
    }
}

/// A number that a paper prints, or ought to, beside what is found here.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) what: String,
    /// `None` where the paper prints nothing to compare with.
    pub(crate) printed: Option<f64>,
    /// `None` where nothing can be found.
    pub(crate) found: Option<f64>,
    /// Decimals shown.
    digits: usize,
    pub(crate) label: Label,
    note: &'static str,
}

impl Row {
    fn new(what: impl Into<String>, printed: Option<f64>, found: Option<f64>, label: Label) -> Self {
        Row { what: what.into(), printed, found, digits: 3, label, note: "" }
    }

    /// Computed from parts, counters or timing.
    fn computed(what: impl Into<String>, printed: impl Into<Option<f64>>, found: f64) -> Self {
        Self::new(what, printed.into(), Some(found), Label::Computed)
    }

    /// Divided out of numbers that are printed elsewhere.
    fn quotient(what: impl Into<String>, printed: impl Into<Option<f64>>, found: f64) -> Self {
        Self::new(what, printed.into(), Some(found), Label::Quotient)
    }

    /// Printed, but its inputs are not.
    fn not_derivable(what: impl Into<String>, printed: f64) -> Self {
        Self::new(what, Some(printed), None, Label::NotDerivable)
    }

    fn digits(self, digits: usize) -> Self {
        Self { digits, ..self }
    }

    fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }

    /// What is found, relative to what is printed.
    pub(crate) fn difference(&self) -> Option<f64> {
        Some(self.found? / self.printed? - 1.0)
    }

    fn markdown(&self) -> String {
        let show =
            |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.0$}", self.digits));
        // Printed numbers as they are printed.
        let printed = self.printed.map_or("–".into(), |value| format!("{value}"));
        // Never minus zero.
        let percent = |d: f64| format!("{:+.2} %", (1e4 * d).round() / 100.0 + 0.0);
        let difference = self.difference().map_or("–".into(), percent);
        let Row { what, label, note, .. } = self;
        format!("| {what} | {printed} | {} | {difference} | {} | {note} |\n", show(self.found), label.text())
    }
}

/// Rows under one heading.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) rows: Vec<Row>,
}

/// Every row.
pub(crate) fn sections() -> Result<Vec<Section>> {
    Ok(vec![
        Section { title: "ISAAC: peak figures", rows: isaac::rows()? },
        Section { title: "Power and area", rows: parts::power_and_area()? },
        Section { title: "ADCs", rows: parts::adcs()? },
        Section { title: "Peak throughput, of ISAAC's", rows: speed::normalised()? },
        Section { title: "Frames per second and zero-skipping", rows: speed::frames() },
        Section { title: "Crossbars saved", rows: parts::crossbars() },
    ])
}

/// All sections as Markdown.
pub(crate) fn markdown(sections: &[Section]) -> String {
    let mut text = String::new();
    for (at, Section { title, rows }) in sections.iter().enumerate() {
        let gap = if at == 0 { "" } else { "\n" };
        _ = write!(text, "{gap}### {title}\n\n| | printed | here | difference | how | remark |\n");
        text.push_str("| --- | ---: | ---: | ---: | --- | --- |\n");
        rows.iter().for_each(|row| text.push_str(&row.markdown()));
    }
    text
}
