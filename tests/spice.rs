//! Netlists: line by line those of the golden decks, and run through ngspice where that is installed.

use std::ops::Range;
use std::path::PathBuf;
use std::process::Command;

use forms_xbar::Error;
use forms_xbar::circuit::{Cells, Ends, Network, Solver, SolverSettings, UnselectedRows, Wires, to_spice};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

/// The text of a file of `../shared/golden`, `None` where that is not beside the crate.
fn golden(name: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/golden").join(name);
    let text = std::fs::read_to_string(&path);
    if text.is_err() {
        eprintln!("skipped: no {}", path.display());
    }
    text.ok()
}

/// A stored case: wires, shape, conductances and input vectors.
struct Stored {
    wires: Wires,
    shape: (usize, usize),
    siemens: Vec<f64>,
    inputs: Vec<Vec<f64>>,
}

fn stored(name: &str) -> Option<Stored> {
    let case: serde_json::Value = serde_json::from_str(&golden(&format!("{name}.json"))?).unwrap();
    let real = |key: &str| case[key].as_f64().unwrap();
    let matrix = |key: &str| -> Vec<Vec<f64>> { serde_json::from_value(case[key].clone()).unwrap() };
    let wires = Wires::new(real("r_word_line"), real("r_bit_line")).unwrap();
    let siemens = matrix("G_S");
    Some(Stored {
        wires: wires.with_terminals(real("r_driver"), real("r_sense")).unwrap(),
        shape: (siemens.len(), siemens[0].len()),
        siemens: siemens.concat(),
        inputs: matrix("V_in"),
    })
}

fn deck(case: &Stored, volts: &[f64], title: &str) -> String {
    let (rows, columns) = case.shape;
    let cells = Cells { array: case.shape, rows, columns, siemens: &case.siemens };
    to_spice(&case.wires, cells, 0..rows, volts, title).unwrap()
}

#[test]
fn decks_are_line_by_line_the_golden_ones() {
    for name in ["u_8x8_r1", "u_8x8_r5", "u_16x32_r5", "t_16x32_r5_drv100_sen50"] {
        let Some(expected) = golden(&format!("netlists/{name}_v0.cir")) else { return };
        let case = stored(name).unwrap();
        let title = expected.lines().next().unwrap().trim_start_matches("* ");
        let found = deck(&case, &case.inputs[0], title);
        assert_eq!(found.lines().count(), expected.lines().count(), "{name}");
        for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
            assert_eq!(found, expected, "{name}, line {}", number + 1);
        }
    }
}

/// Currents that ngspice prints for a deck, `None` where it is not installed.
fn ngspice(deck: &str, name: &str) -> Option<Vec<f64>> {
    let path = std::env::temp_dir().join(format!("forms_xbar_{}_{name}.cir", std::process::id()));
    std::fs::write(&path, deck).unwrap();
    let output = Command::new("ngspice").arg("-b").arg(&path).output();
    std::fs::remove_file(&path).unwrap();
    let Ok(output) = output else {
        eprintln!("skipped: no ngspice");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let value = |line: &str| line.strip_prefix("i(vo")?.split_once(" = ")?.1.trim().parse().ok();
    let amperes: Vec<f64> = text.lines().filter_map(value).collect();
    assert!(!amperes.is_empty(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    Some(amperes)
}

fn assert_equal(found: &[f64], expected: &[f64], limit: f64, name: &str) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let scale = expected.iter().fold(0.0, |scale: f64, amperes| scale.max(amperes.abs()));
    for (column, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= limit * scale, "{name}, column {column}: {found} {expected}");
    }
}

/// What the read of an array senses.
fn sensed(wires: &Wires, cells: Cells, driven: Range<usize>, volts: &[f64]) -> Vec<f64> {
    let network = Network::new(wires, cells, driven, 0.0).unwrap();
    let mut word_volts = vec![0.0; network.rows()];
    word_volts[network.driven()].copy_from_slice(volts);
    let solver = Solver::new(&network, SolverSettings::default()).unwrap();
    solver.solve(&word_volts, &vec![0.0; network.columns()]).unwrap().sense_amperes().to_vec()
}

#[test]
fn ngspice_senses_what_the_solver_does_on_the_golden_cases() {
    for name in ["u_8x8_r1", "q_16x32_r5", "u_16x32_rw5_rb1", "t_16x32_r5_drv100_sen50", "u_64x64_r5"] {
        let Some(case) = stored(name) else { return };
        let (rows, columns) = case.shape;
        let cells = Cells { array: case.shape, rows, columns, siemens: &case.siemens };
        let volts = &case.inputs[2];
        let Some(found) = ngspice(&deck(&case, volts, name), name) else { return };
        assert_equal(&found, &sensed(&case.wires, cells, 0..rows, volts), 1e-9, name);
    }
}

#[test]
fn ngspice_senses_what_the_solver_does_for_every_topology() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut number = 0;
    for drive in [Ends::First, Ends::Last, Ends::Both] {
        for sense in [Ends::First, Ends::Last, Ends::Both] {
            for unselected in
                [UnselectedRows::Disconnected, UnselectedRows::Grounded, UnselectedRows::Floating]
            {
                // Each resistance is there in half of the cases, in ever other company.
                for segments in [true, false] {
                    number += 1;
                    let mut ohms = |value: f64| if rng.random() { value } else { 0.0 };
                    let wires = Wires::new(ohms(3.0), ohms(7.0)).unwrap();
                    let wires = wires.with_terminals(ohms(40.0), ohms(25.0)).unwrap();
                    let wires = wires.with_access_ohms(ohms(900.0)).unwrap();
                    let wires = wires.with_drive(drive).with_sense(sense).with_unselected(unselected);
                    let wires = wires.with_terminal_segments(segments);
                    let mut siemens: Vec<f64> = (0..20).map(|_| rng.random_range(1e-6..1e-4)).collect();
                    siemens[7] = 0.0;
                    let cells = Cells { array: (7, 6), rows: 5, columns: 4, siemens: &siemens };
                    let (driven, volts) = (1..3, [0.2, -0.35]);
                    let deck = to_spice(&wires, cells, driven.clone(), &volts, "topology").unwrap();
                    let Some(found) = ngspice(&deck, &format!("topology_{number}")) else { return };
                    let expected = sensed(&wires, cells, driven, &volts);
                    assert_equal(&found, &expected, 1e-9, &format!("{wires:?}\n{deck}"));
                }
            }
        }
    }
}

#[test]
fn decks_name_rows_of_the_array_and_leave_out_what_carries_nothing() {
    let siemens = [1e-4, 0.0, 2.5e-5, 1e-5, 5e-5, 3e-4];
    let cells = Cells { array: (4, 2), rows: 3, columns: 2, siemens: &siemens };
    let wires =
        Wires::new(0.0, 2.0).unwrap().with_access_ohms(1e3).unwrap().with_terminals(8.0, 0.0).unwrap();
    let text = to_spice(&wires, cells, 1..2, &[0.25], "two\nlines").unwrap();
    let expected = "\
* two
* lines
Vin1 in1 0 DC 0.25
Rd1 in1 d1 8
Rc1_0 d1 c1_0 40000
Ra1_0 c1_0 b1_0 1000
Rb1_0 b1_0 b2_0 2
Rc1_1 d1 c1_1 99999.999999999985
Ra1_1 c1_1 b1_1 1000
Rb1_1 b1_1 b2_1 2
Rb2_0 b2_0 b3_0 2
Rb2_1 b2_1 b3_1 2
Rb3_0 b3_0 s0 2
Rb3_1 b3_1 s1 2
Vo0 s0 0 DC 0
Vo1 s1 0 DC 0
.control
set numdgt=16
op
print i(vo0)
print i(vo1)
quit
.endc
.end
";
    assert_eq!(text, expected);
    // A cell of 0 S is no element; a row that floats has no source.
    let floating = wires.with_unselected(UnselectedRows::Floating);
    let text = to_spice(&floating, cells, 1..2, &[1e-30], "").unwrap();
    assert!(text.starts_with("*\nRc0_0 w0_0 c0_0 10000\nRa0_0 c0_0 b0_0 1000\nRb0_0 b0_0 b1_0 2\nRb0_1"));
    assert!(text.contains("Vin1 in1 0 DC 1.0000000000000001e-30\n") && !text.contains("Vin0"));
}

#[test]
fn what_no_netlist_can_say_is_refused() {
    let wires = Wires::new(1.0, 1.0).unwrap();
    let siemens = [1e-4, 1e-4, 0.0, 0.0];
    let cells = Cells { array: (2, 2), rows: 2, columns: 2, siemens: &siemens };
    let error = to_spice(&wires, cells, 0..1, &[0.1, 0.2], "").unwrap_err();
    assert_eq!(error, Error::Length { name: "voltages of the driven rows", expected: 1, found: 2 });
    let error = to_spice(&wires, cells, 0..1, &[f64::NAN], "").unwrap_err();
    assert!(matches!(error, Error::Real { name: "voltage of a word line (V)", .. }), "{error}");
    let weak = Cells { siemens: &[1e-4, 1e-310, 0.0, 0.0], ..cells };
    let error = to_spice(&wires, weak, 0..1, &[0.1], "").unwrap_err();
    assert!(matches!(error, Error::Real { name: "resistance of a cell (Ω)", .. }), "{error}");
    let floating = wires.with_unselected(UnselectedRows::Floating);
    let error = to_spice(&floating, cells, 0..1, &[0.1], "").unwrap_err();
    assert_eq!(error, Error::Disconnected { line: "word line", index: 1 });
}
