//! A programmed matrix behind wires: what reaches its ADCs against solutions of the whole network, one plane
//! of one group at a time.

mod common;

use common::{Fill, ideal_cell, random_inputs, random_weights};
use forms_xbar::circuit::{Cells, Ends, Network, Solver, SolverSettings, UnselectedRows, Wires};
use forms_xbar::device::{Ageing, Conditions, Drift, IvCurve, WhiteLaw, WhiteNoise};
use forms_xbar::{
    Adc, Baseline, Dac, Design, DesignBuilder, Die, Error, ErrorSource, Key, Mapping, Programming, ReadNoise,
    Subtraction, Weights, presets,
};

const POLARIZED: Mapping = Mapping::Polarized { fragment: 4 };
const BEFORE_ADC: Mapping = Mapping::Differential { subtraction: Subtraction::BeforeAdc };
const INPUTS: usize = 14;

/// Wires that take away a good part of the current.
fn wires() -> Wires {
    Wires::new(60.0, 40.0).unwrap().with_terminals(150.0, 90.0).unwrap().with_access_ohms(700.0).unwrap()
}

/// Arrays of 12 × 20 whose last rows and columns stay empty, so that several are needed.
fn design(mapping: Mapping, wires: Wires) -> DesignBuilder {
    let cell = ideal_cell(2).with_programming(Programming::Lognormal { sigma: 0.2 });
    DesignBuilder::new(mapping, cell, Adc::granular(10))
        .array(12, 20)
        .active_rows(4)
        .input_bits(3)
        .wires(wires)
}

fn weights(mapping: Mapping) -> Weights {
    let polarized = if mapping == POLARIZED { Some((4, 12)) } else { None };
    random_weights((INPUTS, 7, 4), Fill::Uniform, polarized, 3)
}

/// The array's cells with the dummy column beyond them: size of the array, rows, columns, siemens.
fn network_cells(die: &Die, array: usize) -> ((usize, usize), usize, usize, Vec<f64>) {
    let conductances = die.conductances().nth(array).unwrap();
    let (rows, columns) = (conductances.rows(), conductances.columns());
    let dummy = conductances.dummy_column();
    let mut siemens = Vec::new();
    for row in 0..rows {
        siemens.extend(conductances.as_row_slice()[row * columns..][..columns].iter().map(|&g| f64::from(g)));
        siemens.extend(dummy.map(|dummy| f64::from(dummy[row])));
    }
    let extra = usize::from(dummy.is_some());
    let (array_rows, array_columns) = die.design().array();
    ((array_rows, array_columns + extra), rows, columns + extra, siemens)
}

/// Currents of the bit lines, cells of any curve: each solution of the linear network gives the chords of
/// the next.
fn currents(die: &Die, array: usize, group: usize, digits: &[u8]) -> Vec<f64> {
    let design = die.design();
    let wires = *design.wires().unwrap();
    let (size, rows, columns, mut siemens) = network_cells(die, array);
    let driven = group * digits.len()..(group + 1) * digits.len();
    if wires.gated_inputs() {
        for (row, &digit) in driven.clone().zip(digits) {
            if digit == 0 {
                siemens[row * columns..(row + 1) * columns].fill(0.0);
            }
        }
    }
    let volts: Vec<f64> = digits.iter().map(|&digit| design.dac().volts(digit.into())).collect();
    let programmed = siemens.clone();
    let iterations = if design.cell().iv().is_ohmic() { 1 } else { 60 };
    let mut amperes = Vec::new();
    for _ in 0..iterations {
        let cells = Cells { array: size, rows, columns, siemens: &siemens };
        let network = Network::new(&wires, cells, driven.clone(), 0.0).unwrap();
        // Rows that are connected but not driven are at 0 V.
        let mut word_volts = vec![0.0; network.rows()];
        word_volts[network.driven()].copy_from_slice(&volts);
        let solver = Solver::new(&network, SolverSettings::default()).unwrap();
        let solution = solver.solve(&word_volts, &vec![0.0; columns]).unwrap();
        amperes = solution.sense_amperes().to_vec();
        // Only the rows of the group have networks of bent cells.
        for (at, &branch) in solution.cell_amperes().iter().enumerate().take(iterations * columns * rows) {
            let at = driven.start * columns + at;
            if iterations > 1 && programmed[at] > 0.0 && branch != 0.0 {
                let node = solution.word_volts()[at - driven.start * columns]
                    - solution.bit_volts()[at - driven.start * columns];
                let volts = node - wires.access_ohms() * branch;
                siemens[at] = design.cell().amperes(programmed[at], volts) / volts;
            }
        }
    }
    amperes
}

/// Every conversion of a read against the network it belongs to.
fn assert_reads_its_networks(design: &Design, mapping: Mapping) {
    let die = design.program_keyed(&weights(mapping), Key::from(5)).unwrap();
    let x: Vec<u8> = random_inputs(INPUTS, (0, 7), 8).into_iter().map(|x| x as u8).collect();
    let trace = die.trace_keyed(&x, Key::from(1)).unwrap();
    let (layout, bits) = (die.layout(), design.dac().bits());
    let step_amperes = design.read_levels().level_step() * design.dac().volts(1);
    let full_amperes = step_amperes * f64::from(design.dac().max_digit());
    let mut seen = 0;
    let mut lost: f64 = 0.0;
    let mut solved = std::collections::HashMap::new();
    for conversion in &trace.conversions {
        let (row_tile, column_tile) =
            (conversion.array / layout.column_tiles(), conversion.array % layout.column_tiles());
        let inputs = layout.tile_inputs(row_tile);
        let digit = |row: usize| {
            let input = inputs.start + conversion.group * 4 + row;
            let digit = x.get(input).filter(|_| input < inputs.end).copied().unwrap_or(0);
            (digit >> (conversion.plane * bits)) & ((1 << bits) - 1)
        };
        let digits: Vec<u8> = (0..4).map(digit).collect();
        let place = (conversion.array, conversion.group, digits.clone());
        let amperes = solved
            .entry(place)
            .or_insert_with(|| currents(&die, conversion.array, conversion.group, &digits));
        let column = conversion.output - layout.tile_outputs(column_tile).start;
        let first = column * layout.cells_per_weight() + conversion.arm * layout.slices() + conversion.slice;
        let mut expected = amperes[first];
        if mapping.is_bipolar() {
            expected -= amperes[first + layout.slices()];
        }
        if design.baseline() == Baseline::DummyColumn {
            expected -= amperes.last().unwrap();
        }
        let difference = (conversion.amperes - expected).abs();
        // A grid unit for each of four rows, halves for what is above the leakage and for the leakage.
        assert!(difference < 4.5 / 65_536.0 * full_amperes, "{difference} of {step_amperes}: {conversion:?}");
        seen += 1;
        lost = lost.max(expected / full_amperes);
    }
    assert!(seen > 100 && lost > 1.0);
}

#[test]
fn every_conversion_is_the_current_of_its_network() {
    for unselected in [UnselectedRows::Disconnected, UnselectedRows::Grounded, UnselectedRows::Floating] {
        for (drive, sense) in [(Ends::First, Ends::Last), (Ends::Both, Ends::First), (Ends::Last, Ends::Both)]
        {
            let wires = wires().with_unselected(unselected).with_drive(drive).with_sense(sense);
            for mapping in [POLARIZED, BEFORE_ADC, Mapping::Offset] {
                let design = design(mapping, wires).build().unwrap();
                assert_reads_its_networks(&design, mapping);
            }
        }
    }
}

#[test]
fn wide_digits_and_dummy_columns_go_through_the_same_wires() {
    let wide = design(POLARIZED, wires()).dac(Dac::new(2, 0.2).unwrap()).input_bits(4);
    assert_reads_its_networks(&wide.build().unwrap(), POLARIZED);
    let dummy =
        design(Mapping::Offset, wires().with_terminal_segments(false)).baseline(Baseline::DummyColumn);
    assert_reads_its_networks(&dummy.build().unwrap(), Mapping::Offset);
}

#[test]
fn patterns_are_solved_one_by_one_where_rows_do_not_add_up() {
    let sinh = IvCurve::Sinh {
        half_bias_ratio: 7.5,
        half_bias_ratio_off: Some(5.0),
        bias_volts: 1.0,
        reference_volts: 0.2,
    };
    let bent = |mapping, wires: Wires| {
        let builder = design(mapping, wires);
        let cell =
            ideal_cell(2).with_programming(Programming::Lognormal { sigma: 0.2 }).with_iv(sinh.clone());
        builder.cell(cell).dac(Dac::new(1, 0.6).unwrap())
    };
    let gated = wires().with_gated_inputs(true);
    for mapping in [POLARIZED, BEFORE_ADC] {
        assert_reads_its_networks(&design(mapping, gated).build().unwrap(), mapping);
        assert_reads_its_networks(&bent(mapping, wires()).build().unwrap(), mapping);
        assert_reads_its_networks(&bent(mapping, gated).build().unwrap(), mapping);
    }
    let dummy = bent(Mapping::Offset, wires()).baseline(Baseline::DummyColumn);
    assert_reads_its_networks(&dummy.build().unwrap(), Mapping::Offset);
}

#[test]
fn an_open_gate_is_not_a_word_line_at_zero_volts() {
    // A bit line at the virtual ground through 90 Ω has a voltage that draws current through cells at 0 V.
    let x = [7u8, 0, 7, 0, 7, 0, 7, 0, 7, 0, 7, 0, 7, 0];
    let sum = |wires| {
        let die = design(POLARIZED, wires).adc(Adc::pass_through()).build().unwrap();
        let die = die.program_keyed(&weights(POLARIZED), Key::from(5)).unwrap();
        let y: f64 = die.mvm_keyed(&x, Key::from(1)).unwrap().to_real().iter().map(|y| y.abs()).sum();
        y
    };
    let (driven, gated) = (sum(wires()), sum(wires().with_gated_inputs(true)));
    assert!(gated > 1.005 * driven, "{gated} {driven}");
}

#[test]
fn wires_of_no_resistance_are_no_wires() {
    for unselected in [UnselectedRows::Disconnected, UnselectedRows::Grounded, UnselectedRows::Floating] {
        let ideal = Wires::new(0.0, 0.0).unwrap().with_unselected(unselected);
        let builder = design(POLARIZED, ideal).adc(Adc::pass_through());
        let x = [5u8; INPUTS];
        let y = |builder: DesignBuilder| {
            let die = builder.build().unwrap().program_keyed(&weights(POLARIZED), Key::from(5)).unwrap();
            die.mvm_keyed(&x, Key::from(1)).unwrap().y
        };
        let with = y(builder.clone());
        assert_eq!(with, y(builder.wires(None)), "{unselected:?}");
    }
}

#[test]
fn an_aged_die_has_the_wires_of_its_conductances() {
    let cell = ideal_cell(2).with_ageing(Ageing::NONE.with_drift(Drift::new(0.05, 0.01, 1.0).unwrap()));
    let design = design(POLARIZED, wires()).cell(cell).adc(Adc::pass_through()).build().unwrap();
    let die = design.program_keyed(&weights(POLARIZED), Key::from(5)).unwrap();
    let day = Conditions { elapsed_secs: 86_400.0, ..Conditions::FRESH };
    let aged = die.at(&day).unwrap();
    let x = [7u8; INPUTS];
    let y = |die: &Die| die.mvm_keyed(&x, Key::from(1)).unwrap().y;
    assert_ne!(y(&die), y(&aged));
    assert_eq!(y(&aged.at(&Conditions::FRESH).unwrap()), y(&die));
    let again = design.program_keyed_at(&weights(POLARIZED), Key::from(5), &day).unwrap();
    assert_eq!(y(&aged), y(&again));
    // The same currents from the cells as they are now, taken as measured.
    let siemens: Vec<Vec<f64>> = aged
        .conductances()
        .map(|array| array.as_row_slice().iter().map(|&g| f64::from(g)).collect())
        .collect();
    let measured = Die::from_conductances(&design, &weights(POLARIZED), &siemens, Key::from(5)).unwrap();
    assert_eq!(y(&measured), y(&aged));
}

#[test]
fn effective_weights_and_noise_are_those_behind_the_wires() {
    let noise = ReadNoise::NONE.with_white(WhiteNoise::new(1e9, WhiteLaw::ThermalAndShot).unwrap());
    let builder = design(POLARIZED, wires()).adc(Adc::pass_through()).read_noise(noise);
    let program = |builder: DesignBuilder| {
        builder.build().unwrap().program_keyed(&weights(POLARIZED), Key::from(5)).unwrap()
    };
    let (wired, ideal) = (program(builder.clone()), program(builder.clone().wires(None)));
    let mut lost = 0;
    for (with, without) in wired.effective_weights().iter().zip(&ideal.effective_weights()) {
        lost += usize::from(with.abs() < without.abs());
    }
    assert!(lost > 80, "{lost} of 98");
    // What the effective weights say is what a read without noise returns.
    let quiet = program(builder.read_noise(ReadNoise::NONE));
    let x = [3u8; INPUTS];
    let y = quiet.mvm_keyed(&x, Key::from(1)).unwrap().to_real();
    for (y, column) in y.iter().zip(quiet.effective_weights().column_iter()) {
        assert!((y - 3.0 * column.sum()).abs() < 1e-3, "{y}");
    }
    let thermal = |die: &Die| die.error_budget(&[7u8; INPUTS]).unwrap().share(ErrorSource::Thermal).bit_line;
    assert!(thermal(&wired) < 0.95 * thermal(&ideal));
    // Through wires nothing more is kept but 4 bytes a cell, and tables are of the same size.
    let (wired, ideal) = (wired.memory(), ideal.memory());
    assert_eq!((wired.grid, wired.conductances), (ideal.grid, ideal.conductances));
    assert_eq!((wired.effective, ideal.effective), (wired.conductances, 0));
}

#[test]
fn effective_weights_of_bent_cells_are_what_a_row_adds_alone() {
    let sinh = IvCurve::Sinh {
        half_bias_ratio: 9.0,
        half_bias_ratio_off: Some(4.0),
        bias_volts: 1.0,
        reference_volts: 0.2,
    };
    let cell = ideal_cell(2).with_programming(Programming::Lognormal { sigma: 0.2 }).with_iv(sinh);
    let builder =
        design(POLARIZED, wires()).cell(cell).dac(Dac::new(1, 0.6).unwrap()).adc(Adc::pass_through());
    let die = builder.build().unwrap().program_keyed(&weights(POLARIZED), Key::from(5)).unwrap();
    let effective = die.effective_weights();
    for row in 0..INPUTS {
        let mut x = [0u8; INPUTS];
        x[row] = 1;
        let y = die.mvm_keyed(&x, Key::from(1)).unwrap().to_real();
        for (output, y) in y.iter().enumerate() {
            assert!((y - effective[(row, output)]).abs() < 2e-3, "{row} {output}: {y} {effective}");
        }
    }
}

#[test]
fn cells_that_gates_cut_off_make_no_noise() {
    let noise = ReadNoise::NONE.with_white(WhiteNoise::new(1e9, WhiteLaw::ThermalAndShot).unwrap());
    let thermal = |wires: Wires, x: u8| {
        let design = design(POLARIZED, wires).adc(Adc::pass_through()).read_noise(noise).build().unwrap();
        let die = design.program_keyed(&weights(POLARIZED), Key::from(5)).unwrap();
        let mut inputs = [0u8; INPUTS];
        inputs.iter_mut().step_by(4).for_each(|input| *input = x);
        let read = |vector: u128| die.mvm_keyed(&inputs, Key::from(9).child(vector as u64)).unwrap().y;
        // The spread of reads beside the budget.
        let reads: Vec<f64> = (0..400).map(|vector| read(vector)[0] as f64).collect();
        let mean = reads.iter().sum::<f64>() / 400.0;
        let variance = reads.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / 399.0;
        (die.error_budget(&inputs).unwrap().share(ErrorSource::Thermal).bit_line, variance)
    };
    let gated = wires().with_gated_inputs(true);
    // One row of four is driven: about a quarter of the cells is connected.
    let (with, without) = (thermal(gated, 7), thermal(wires(), 7));
    assert!((0.1..0.45).contains(&(with.0 / without.0)), "{with:?} {without:?}");
    assert!(with.1 < without.1);
    assert_eq!(thermal(gated, 0), (0.0, 0.0));
    // Connected rows make noise that a die does not model.
    let grounded = wires().with_unselected(UnselectedRows::Grounded);
    let error = design(POLARIZED, grounded).read_noise(noise).build().unwrap_err();
    assert!(matches!(error, Error::Conflict { first: "white read noise", .. }));
}

#[test]
fn errors_of_a_network_name_its_array() {
    let floating = wires().with_unselected(UnselectedRows::Floating);
    let design = design(POLARIZED, floating).build().unwrap();
    let die = design.program_keyed(&weights(POLARIZED), Key::from(5)).unwrap();
    let mut siemens: Vec<Vec<f64>> =
        die.conductances().map(|array| array.as_row_slice().iter().map(|&g| g.into()).collect()).collect();
    let columns = die.conductances().next().unwrap().columns();
    siemens[0][5 * columns..6 * columns].fill(0.0);
    let error = Die::from_conductances(&design, &weights(POLARIZED), &siemens, Key::from(5)).unwrap_err();
    assert!(error.to_string().starts_with("array 0: word line 5 "), "{error}");
    assert!(matches!(error, Error::InArray { array: 0, .. }));
}

#[test]
fn what_cannot_be_tabled_is_refused() {
    let bent = ideal_cell(2).with_iv(IvCurve::Cubic { per_square_volt: 0.25, reference_volts: 0.2 });
    let build = |builder: DesignBuilder| builder.build().unwrap_err();
    let gated = wires().with_gated_inputs(true);
    let conflict = |error: Error, expected: (&str, &str)| match error {
        Error::Conflict { first, second, .. } => assert_eq!((first, second), expected),
        other => panic!("{other}"),
    };
    let wide = || DesignBuilder::new(Mapping::Offset, ideal_cell(2), Adc::granular(8)).wires(gated);
    conflict(build(wide()), ("gated inputs", "more than 8 active rows"));
    conflict(
        build(wide().wires(wires()).cell(bent.clone())),
        ("wires beside cells that are not ohmic", "more than 8 active rows"),
    );
    let narrow = || wide().active_rows(8);
    conflict(build(narrow().dac(Dac::new(2, 0.2).unwrap())), ("gated inputs", "a DAC of several bits"));
    conflict(
        build(narrow().wires(gated.with_unselected(UnselectedRows::Grounded))),
        ("gated inputs", "unselected rows that are connected"),
    );
    assert!(narrow().build().is_ok());

    let die = presets::forms().wires(wires()).build().unwrap();
    let die = die.program_keyed(&Weights::from_row_slice(8, 1, 8, &[1; 8]).unwrap(), Key::from(1)).unwrap();
    assert!(matches!(die.to_spice(1, 0, &[0; 8]), Err(Error::Integer { name: "array", value: 1, .. })));
    assert!(matches!(die.to_spice(0, 1, &[0; 8]), Err(Error::Integer { name: "active group", .. })));
    assert!(matches!(die.to_spice(0, 0, &[0; 7]), Err(Error::Length { expected: 8, found: 7, .. })));
    assert!(matches!(die.to_spice(0, 0, &[2; 8]), Err(Error::Integer { value: 2, .. })));
    let curved = narrow().cell(bent).build().unwrap();
    let curved =
        curved.program_keyed(&Weights::from_row_slice(8, 1, 8, &[1; 8]).unwrap(), Key::from(1)).unwrap();
    conflict(curved.to_spice(0, 0, &[1; 8]).unwrap_err(), ("a netlist", "cells that are not ohmic"));
}

#[test]
fn the_netlist_of_a_die_has_its_cells_and_voltages() {
    let die = design(Mapping::Offset, wires().with_gated_inputs(true)).baseline(Baseline::DummyColumn);
    let die = die.build().unwrap().program_keyed(&weights(Mapping::Offset), Key::from(5)).unwrap();
    let netlist = die.to_spice(0, 1, &[1, 0, 1, 1]).unwrap();
    let cells = die.conductances().next().unwrap();
    let ohms = |name: String| -> Option<f64> {
        let line = netlist.lines().find(|line| line.starts_with(&format!("{name} ")))?;
        line.split(' ').next_back()?.parse().ok()
    };
    for row in [4, 6, 7] {
        for column in 0..cells.columns() {
            let siemens = f64::from(cells.as_row_slice()[row * cells.columns() + column]);
            let found = 1.0 / ohms(format!("Rc{row}_{column}")).unwrap();
            assert!((found / siemens - 1.0).abs() < 1e-12);
        }
        let dummy = 1.0 / ohms(format!("Rc{row}_{}", cells.columns())).unwrap();
        assert!((dummy / f64::from(cells.dummy_column().unwrap()[row]) - 1.0).abs() < 1e-12);
        assert_eq!(ohms(format!("Vin{row}")), Some(0.2));
    }
    // Row 5 is cut off, rows of other groups are not there.
    assert!(ohms("Rc5_0".into()).is_none() && ohms("Rc3_0".into()).is_none());
    assert_eq!(ohms("Rw4_1".into()), Some(60.0));
}
