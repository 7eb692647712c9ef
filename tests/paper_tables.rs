//! The papers' numbers, computed anew: what is found is what was found by hand, and `docs/cost.md` shows it.

#[path = "../examples/paper/mod.rs"]
mod paper;

use paper::{Label, Row};

fn rows() -> Vec<Row> {
    paper::sections().unwrap().into_iter().flat_map(|section| section.rows).collect()
}

fn found(what: &str) -> f64 {
    let rows = rows();
    let row = rows.iter().find(|row| row.what == what).unwrap_or_else(|| panic!("no row `{what}`"));
    row.found.unwrap()
}

#[test]
fn the_documentation_shows_what_the_example_prints() {
    let markdown = paper::markdown(&paper::sections().unwrap());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cost.md");
    let text = std::fs::read_to_string(path).unwrap();
    let shown = text.split("<!-- paper_tables -->\n").nth(1).unwrap();
    for (at, (shown, printed)) in shown.lines().zip(markdown.lines()).enumerate() {
        assert_eq!(shown, printed, "line {at} of the tables in docs/cost.md");
    }
    assert_eq!(shown, markdown);
}

#[test]
fn every_row_has_what_its_label_says() {
    let rows = rows();
    for label in [Label::Computed, Label::Quotient, Label::NotDerivable] {
        assert!(rows.iter().any(|row| row.label == label), "{label:?}");
    }
    for row in &rows {
        match row.label {
            Label::Computed | Label::Quotient => {
                assert!(row.found.is_some_and(f64::is_finite), "{}", row.what)
            }
            Label::NotDerivable => assert!(row.found.is_none() && row.printed.is_some(), "{}", row.what),
        }
    }
    let mut whats: Vec<_> = rows.iter().map(|row| &row.what).collect();
    whats.sort();
    whats.dedup();
    assert_eq!(whats.len(), rows.len(), "rows of the same name");
}

/// Numbers worked out with a pocket calculator from what the papers print.
#[test]
fn rows_by_hand() {
    for (what, expected, half_unit) in [
        // 16,128 arrays · 2 · 128 · 16 operations in 1.6 µs are 41.29 TOPS.
        ("GOPS/W of ISAAC-CE, printed power", 627.5, 0.05),
        ("GOPS/s/mm² of ISAAC-CE, printed area", 483.5, 0.05),
        ("GOPS/W of ISAAC-CE at 1.2 GS/s", 588.3, 0.05),
        ("GOPS/s/mm² of ISAAC-CE at 1.2 GS/s", 453.2, 0.05),
        ("MB/mm² of ISAAC-CE", 0.7377, 0.0001),
        ("FORMS-8, 12 MCUs: mW", 280.05, 1e-9),
        ("FORMS-8, 12 MCUs: mm²", 0.152, 0.0005),
        ("FORMS-8, 12 MCUs: mm², shift-and-add as printed", 0.14916, 0.00001),
        ("FORMS-8, tile: mW", 333.1, 1e-9),
        ("FORMS-8, chip: mW", 66_360.8, 1e-6),
        ("FORMS-8, tile: mm²", 0.40175, 0.00001),
        ("ISAAC, chip: mW", 65_808.08, 1e-6),
        ("ISAAC, chip: mm²", 85.42, 0.01),
        // 16 + 4 + 0.01 + 2.43 + 0.2 + 1.24 + 0.23 mW, twelve times.
        ("ISAAC in FORMS, 12 MCUs: mW, cells as printed there", 289.32, 1e-9),
        ("ISAAC in FORMS, 12 MCUs: mm², cells as printed there", 0.1578, 1e-9),
        ("ISAAC in FORMS, 12 MCUs: mm², cells and shift-and-add as printed there", 0.155_208, 1e-9),
        ("power of FORMS-8 above ISAAC's: %", 0.84, 0.005),
        ("area of FORMS-8 above ISAAC's: %", 4.77, 0.005),
        ("DaDianNao in FORMS, total: mW", 20_058.8, 1e-6),
        // 106.67 ns against 16 fragments of 15.24 ns, and against 8.
        ("FORMS-8 without pruning and skipping: GOPS/s", 0.4375, 1e-9),
        ("FORMS-16 without pruning and skipping: GOPS/s", 0.875, 1e-9),
        // The same by the printed chips: 66.36 W and 65.81 W.
        ("FORMS-8 without pruning and skipping: GOPS/W", 0.4375 * 65_808.08 / 66_360.8, 1e-6),
        ("FORMS-16 over pruned and quantised ISAAC: GOPS/s/mm²", 1.495, 0.0005),
        ("FORMS-16 over pruned and quantised ISAAC: GOPS/W", 1.926, 0.0005),
        ("FORMS-8 over pruned and quantised ISAAC: GOPS/s/mm²", 1.364, 0.0005),
        ("FORMS-8 over pruned and quantised ISAAC: GOPS/W", 1.042, 0.0005),
        ("FORMS-8, gain by skipping: FPS, most", 3.448, 0.0005),
        ("FORMS-8, gain by skipping: FPS, least", 2.675, 0.0005),
        ("FORMS-8, mean EIC that the largest gain asks for", 4.64, 0.005),
        ("largest gain by an EIC of 10.7 of 16", 1.495, 0.0005),
        ("planes saved at fragment 4: %", 33.1, 0.05),
        ("bits for no loss, fragment 4", 4.0, 0.0),
        ("bits for no loss, fragment 8", 5.0, 0.0),
        ("bits for no loss, fragment 16", 6.0, 0.0),
        ("bits for no loss, fragment 8, column flip", 4.0, 0.0),
        ("bits for no loss, ISAAC", 8.0, 0.0),
        ("pJ a conversion, 4 bits at 2.1 GS/s, FORMS's table", 0.2262, 0.00005),
        ("pJ a conversion, 8 bits at 1.2 GS/s, ISAAC's table", 1.667, 0.0005),
        ("LeNet5, MNIST", 185.44, 1e-9),
    ] {
        let found = found(what);
        assert!((found - expected).abs() <= half_unit, "{what}: {found} instead of {expected}");
    }
}

/// Where a paper and its own numbers part, the difference stays visible.
#[test]
fn disagreements_are_shown() {
    let rows = rows();
    let difference = |what: &str| rows.iter().find(|row| row.what == what).unwrap().difference().unwrap();
    assert!((difference("GOPS/s/mm² of ISAAC-CE, printed area") - 0.0094).abs() < 0.0001);
    assert!(difference("FORMS-8 without pruning and skipping: GOPS/s") < -0.18);
    assert!(difference("FORMS-16 without pruning and skipping: GOPS/s") > 0.13);
    let caps = found("largest gain by an EIC of 10.7 of 16");
    for fragment in [8, 16] {
        assert!(found(&format!("FORMS-{fragment}, gain by skipping: FPS, least")) > 1.2 * caps);
    }
    for label in ["FORMS over optimised ISAAC: FPS, least", "FORMS over optimised ISAAC: FPS, most"] {
        assert_eq!(rows.iter().find(|row| row.what == label).unwrap().label, Label::NotDerivable);
    }
}
