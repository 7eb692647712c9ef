//! Netlists for SPICE.

use std::collections::HashMap;
use std::ops::Range;

use super::network::{Cells, Network};
use super::solver::{Solver, SolverSettings};
use super::wires::{Ends, UnselectedRows, Wires};
use crate::error::{Result, check_length, check_real};

/// The netlist of a read that drives the rows `driven` with `volts` (V), to be run by ngspice in batch mode.
///
/// It prints the current into the virtual ground of each bit line `j` as `i(vo⟨j⟩)`. Rows and columns keep
/// their numbers in the array. Nodes: `in⟨i⟩` source, `d⟨i⟩` driver (`e⟨i⟩` that of the far end), `w⟨i⟩_⟨j⟩`
/// and `b⟨i⟩_⟨j⟩` at the cells, `c⟨i⟩_⟨j⟩` between cell and access transistor, `s⟨j⟩` before and `t⟨j⟩` behind
/// the sense terminal (`q⟨j⟩` before that of row 0). Nodes on both sides of 0 Ω are one, named after the
/// first; cells of 0 S, cells of rows at 0 V where inputs drive gates, and wires that carry nothing are left out. Capacitances play no part.
///
/// ```
/// use forms_xbar::circuit::{Cells, Wires, to_spice};
///
/// let cells = Cells { array: (1, 1), rows: 1, columns: 1, siemens: &[1e-4] };
/// let netlist = to_spice(&Wires::new(1.0, 1.0)?, cells, 0..1, &[0.25], "one cell")?;
/// assert!(netlist.starts_with("* one cell\nVin0 in0 0 DC 0.25\nRw0_0 in0 w0_0 1\nRc0_0 w0_0 b0_0 10000\n"));
/// # Ok::<(), forms_xbar::Error>(())
/// ```
///
/// # Errors
///
/// Those of [`Network::new`] and [`Solver::new`]; [`Error::Length`](crate::Error::Length) for another number
/// of voltages than driven rows, [`Error::Real`](crate::Error::Real) for one that is not finite and for a
/// cell whose resistance is not.
pub fn to_spice(
    wires: &Wires,
    cells: Cells,
    driven: Range<usize>,
    volts: &[f64],
    title: &str,
) -> Result<String> {
    let network = Network::new(wires, cells, driven.clone(), 0.0)?;
    Solver::new(&network, SolverSettings::default())?;
    check_length("voltages of the driven rows", driven.len(), volts.len())?;
    volts.iter().try_for_each(|&v| check_real("voltage of a word line (V)", v, f64::MIN, f64::MAX))?;

    let rows = wires.rows_of_read(&driven, cells.rows);
    let terminal_segment = |ohms: f64| if wires.terminal_segments() { ohms } else { 0.0 };
    let mut deck = Deck::default();
    let last_row = cells.array.0 - 1;
    // The segment of a bit line beyond a row.
    let bit_segment = |deck: &mut Deck, row: usize, column: usize| {
        let ohms = wires.bit_line_ohms();
        let (next, ohms) = match row == last_row {
            true => (format!("s{column}"), terminal_segment(ohms)),
            false => (format!("b{}_{column}", row + 1), ohms),
        };
        deck.resistor(format!("Rb{row}_{column}"), &format!("b{row}_{column}"), &next, ohms);
    };

    if wires.sense() != Ends::Last {
        for column in 0..cells.columns {
            let (before, ohms) = (format!("q{column}"), terminal_segment(wires.bit_line_ohms()));
            deck.resistor(format!("Rq{column}"), &format!("t{column}"), &before, wires.sense_ohms());
            deck.resistor(format!("Rb_{column}"), &before, &format!("b0_{column}"), ohms);
            (0..rows.start).for_each(|row| bit_segment(&mut deck, row, column));
        }
    }
    for row in rows.clone() {
        let source = match row.checked_sub(driven.start).and_then(|at| volts.get(at)) {
            Some(&volts) => Some(volts),
            None => (wires.unselected() == UnselectedRows::Grounded).then_some(0.0),
        };
        let node = |column: usize| format!("w{row}_{column}");
        let word_segment = |deck: &mut Deck, column: usize| {
            let name = format!("Rw{row}_{column}");
            deck.resistor(name, &node(column - 1), &node(column), wires.word_line_ohms());
        };
        if let Some(volts) = source {
            deck.source(format!("Vin{row}"), &format!("in{row}"), volts);
            if wires.drive() != Ends::Last {
                let (driver, ohms) = (format!("d{row}"), terminal_segment(wires.word_line_ohms()));
                deck.resistor(format!("Rd{row}"), &format!("in{row}"), &driver, wires.driver_ohms());
                deck.resistor(format!("Rw{row}_0"), &driver, &node(0), ohms);
            }
        }
        for column in 0..cells.columns {
            if column > 0 {
                word_segment(&mut deck, column);
            }
            let siemens = cells.siemens[row * cells.columns + column];
            if siemens > 0.0 && !(wires.gated_inputs() && source == Some(0.0)) {
                let ohms = 1.0 / siemens;
                check_real("resistance of a cell (Ω)", ohms, 0.0, f64::MAX)?;
                let [cell, bit] = ["c", "b"].map(|of| format!("{of}{row}_{column}"));
                let behind = if wires.access_ohms() > 0.0 { &cell } else { &bit };
                deck.resistor(format!("Rc{row}_{column}"), &node(column), behind, ohms);
                deck.resistor(format!("Ra{row}_{column}"), behind, &bit, wires.access_ohms());
            }
            if row + 1 < rows.end || wires.sense() != Ends::First {
                bit_segment(&mut deck, row, column);
            }
        }
        if source.is_some() && wires.drive() != Ends::First {
            let (last, driver, ohms) =
                (cells.array.1, format!("e{row}"), terminal_segment(wires.word_line_ohms()));
            (cells.columns..last).for_each(|column| word_segment(&mut deck, column));
            deck.resistor(format!("Rw{row}_{last}"), &node(last - 1), &driver, ohms);
            deck.resistor(format!("Re{row}"), &driver, &format!("in{row}"), wires.driver_ohms());
        }
    }
    if wires.sense() != Ends::First {
        for row in rows.end..=last_row {
            (0..cells.columns).for_each(|column| bit_segment(&mut deck, row, column));
        }
    }
    for column in 0..cells.columns {
        let ground = format!("t{column}");
        if wires.sense() != Ends::First {
            deck.resistor(format!("Rs{column}"), &format!("s{column}"), &ground, wires.sense_ohms());
        }
        deck.source(format!("Vo{column}"), &ground, 0.0);
    }
    Ok(deck.text(title, cells.columns))
}

/// Elements in the order of their lines, between nodes that 0 Ω may make one.
#[derive(Debug, Default)]
struct Deck {
    elements: Vec<Element>,
    names: Vec<String>,
    numbers: HashMap<String, usize>,
    /// A node of lower number that this one is one with, or itself.
    same: Vec<usize>,
}

#[derive(Debug)]
enum Element {
    Resistor { name: String, nodes: [usize; 2], ohms: f64 },
    Source { name: String, node: usize, volts: f64 },
}

impl Deck {
    fn source(&mut self, name: String, node: &str, volts: f64) {
        let node = self.node(node);
        self.elements.push(Element::Source { name, node, volts });
    }

    fn resistor(&mut self, name: String, from: &str, to: &str, ohms: f64) {
        let nodes = [from, to].map(|node| self.node(node));
        if ohms > 0.0 {
            self.elements.push(Element::Resistor { name, nodes, ohms });
            return;
        }
        let [a, b] = nodes.map(|node| self.root(node));
        self.same[a.max(b)] = a.min(b);
    }

    fn node(&mut self, name: &str) -> usize {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = self.names.len();
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        self.same.push(number);
        number
    }

    fn root(&self, mut node: usize) -> usize {
        while self.same[node] != node {
            node = self.same[node];
        }
        node
    }

    fn text(&self, title: &str, columns: usize) -> String {
        // The first line of a deck is its title, whatever it says.
        let mut lines: Vec<String> = title.lines().map(|line| format!("* {line}")).collect();
        if lines.is_empty() {
            lines.push("*".to_owned());
        }
        let named = |node: usize| &self.names[self.root(node)];
        lines.extend(self.elements.iter().map(|element| match element {
            Element::Resistor { name, nodes: [from, to], ohms } => {
                format!("{name} {} {} {}", named(*from), named(*to), number(*ohms))
            }
            Element::Source { name, node, volts } => {
                format!("{name} {} 0 DC {}", named(*node), number(*volts))
            }
        }));
        lines.extend([".control", "set numdgt=16", "op"].map(str::to_owned));
        lines.extend((0..columns).map(|column| format!("print i(vo{column})")));
        lines.extend(["quit", ".endc", ".end", ""].map(str::to_owned));
        lines.join("\n")
    }
}

/// A number as C's `%.17g` prints it, which reads back as the same.
fn number(value: f64) -> String {
    const DIGITS: usize = 17;
    let scientific = format!("{value:.*e}", DIGITS - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let stripped = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-4..DIGITS as i32).contains(&exponent) {
        stripped(&format!("{value:.*}", (DIGITS as i32 - 1 - exponent) as usize))
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", stripped(mantissa), exponent.abs())
    }
}
