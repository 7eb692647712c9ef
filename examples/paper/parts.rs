//! Sums over parts: power, area, ADCs, crossbars.

use forms_xbar::cost::{AdcModel, ComponentTable, Scope, tables};
use forms_xbar::{Mapping, presets};

use super::{Result, Row};

/// mW.
fn milliwatts(table: &ComponentTable, scope: Scope) -> f64 {
    1e3 * table.watts(scope)
}

/// mm².
fn square_millimetres(table: &ComponentTable, scope: Scope) -> f64 {
    1e6 * table.square_metres(scope)
}

pub(super) fn power_and_area() -> Result<Vec<Row>> {
    let (forms, isaac) = (tables::forms()?, tables::isaac()?);
    let mut rows = Vec::new();
    let mut machine = |name: &str, table: &ComponentTable, printed: [(f64, f64); 4]| {
        let whole = [(12.0, Scope::Mcu), (1.0, Scope::Tile), (168.0, Scope::Tile), (1.0, Scope::Chip)];
        let whats = ["12 MCUs", "tile", "168 tiles", "chip"];
        for ((what, (count, scope)), (power, area)) in whats.into_iter().zip(whole).zip(printed) {
            let (watts, metres) =
                (count * milliwatts(table, scope), count * square_millimetres(table, scope));
            rows.push(Row::computed(format!("{name}, {what}: mW"), power, watts).digits(2));
            rows.push(Row::computed(format!("{name}, {what}: mm²"), area, metres));
        }
    };
    machine("FORMS-8", &forms, [(280.05, 0.152), (333.1, 0.39), (55_960.8, 66.27), (66_360.8, 89.15)]);
    machine("ISAAC", &isaac, [(289.0, 0.157), (330.0, 0.372), (55_400.0, 62.5), (65_800.0, 85.4)]);
    machine(
        "ISAAC in FORMS",
        &isaac,
        [(288.96, 0.158), (329.81, 0.370), (55_408.08, 62.21), (65_808.08, 85.09)],
    );
    for row in &mut rows {
        if row.what.starts_with("FORMS-8, tile: mm²") {
            row.note = "0.25 + 0.152 is not 0.39";
        } else if row.what.starts_with("FORMS-8, 168 tiles: mm²") {
            row.note = "168 × 0.39 is not 66.27 either";
        } else if row.what.starts_with("ISAAC in FORMS, 12 MCUs") {
            row.note = "by ISAAC's table";
        }
    }
    let shift_and_add = 12.0 * (0.000_24 - 0.000_024);
    rows.push(
        Row::computed(
            "FORMS-8, 12 MCUs: mm², shift-and-add as printed",
            0.152,
            12.0 * square_millimetres(&forms, Scope::Mcu) - shift_and_add,
        )
        .note("0.000024 mm² is a misprint of 0.00024"),
    );
    // FORMS prints 2.43 mW and 0.00023 mm² for ISAAC's cells where ISAAC has 2.4 and 0.0002.
    let cells = |printed: f64, isaacs: f64| 12.0 * (printed - isaacs);
    rows.push(
        Row::computed(
            "ISAAC in FORMS, 12 MCUs: mW, cells as printed there",
            288.96,
            12.0 * milliwatts(&isaac, Scope::Mcu) + cells(2.43, 2.4),
        )
        .digits(2)
        .note("2.43 mW are printed; only ISAAC's own 2.4 make 288.96"),
    );
    let area = 12.0 * square_millimetres(&isaac, Scope::Mcu) + cells(0.000_23, 0.0002);
    rows.push(
        Row::computed("ISAAC in FORMS, 12 MCUs: mm², cells as printed there", 0.158, area)
            .digits(4)
            .note("0.00023 mm² are printed, ISAAC's own are 0.0002"),
    );
    rows.push(
        Row::computed(
            "ISAAC in FORMS, 12 MCUs: mm², cells and shift-and-add as printed there",
            0.158,
            area - shift_and_add,
        )
        .digits(4)
        .note("the misprint of 0.000024 mm² once more"),
    );
    let percent = |quotient: f64| 100.0 * (quotient - 1.0);
    rows.push(
        Row::quotient("power of FORMS-8 above ISAAC's: %", 0.08, percent(66_360.8 / 65_808.08))
            .digits(2)
            .note("does not follow from the chips' own powers"),
    );
    rows.push(Row::quotient("area of FORMS-8 above ISAAC's: %", 4.5, percent(89.15 / 85.09)).digits(2));
    rows.push(
        Row::computed("DaDianNao in FORMS, total: mW", 19_856.0, 4886.0 + 4760.0 + 12.8 + 10_400.0).digits(1),
    );
    rows.push(Row::computed("DaDianNao in FORMS, total: mm²", 86.2, 16.09 + 33.12 + 15.66 + 22.88).digits(2));
    let adcs = 12.0 * isaac.adcs().watts() / isaac.watts(Scope::Tile);
    rows.push(Row::computed("ISAAC, ADCs of the tile's power: %", 58.0, 100.0 * adcs).digits(1));
    let adcs = 12.0 * isaac.adcs().square_metres() / isaac.square_metres(Scope::Tile);
    rows.push(Row::computed("ISAAC, ADCs of the tile's area: %", 31.0, 100.0 * adcs).digits(1));
    Ok(rows)
}

pub(super) fn adcs() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (fragment, printed) in [(4, 3.0), (8, 4.0), (16, 5.0)] {
        let builder = presets::forms().mapping(Mapping::Polarized { fragment });
        let bits = |flip| Ok(f64::from(builder.clone().column_flip(flip).build()?.lossless_adc_bits()));
        let what = format!("bits for no loss, fragment {fragment}");
        rows.push(Row::computed(what.clone(), printed, bits(false)?).digits(0).note("one short"));
        rows.push(
            Row::computed(format!("{what}, column flip"), printed, bits(true)?)
                .digits(0)
                .note("ISAAC's flip, which FORMS does not mention"),
        );
    }
    let isaac = f64::from(presets::isaac().build()?.lossless_adc_bits());
    rows.push(Row::computed("bits for no loss, ISAAC", 8.0, isaac).digits(0).note("column flip"));
    let picojoules = |model: AdcModel, bits, rate| Ok(1e12 * model.price(bits, rate)?.joules_per_conversion);
    for (what, model) in [
        ("through both published points", AdcModel::PublishedFit),
        ("ISAAC's scaled", AdcModel::IsaacScaled),
        ("survey, 32 nm", AdcModel::Survey { nanometres: 32.0 }),
    ] {
        let forms = picojoules(model, 4, 2.1e9)?;
        rows.push(Row::computed(format!("pJ a conversion, 4 bits at 2.1 GS/s, {what}"), None, forms));
    }
    rows.push(Row::quotient(
        "pJ a conversion, 4 bits at 2.1 GS/s, FORMS's table",
        None,
        15.2e9 / (32.0 * 2.1e9),
    ));
    rows.push(Row::quotient(
        "pJ a conversion, 8 bits at 1.2 GS/s, ISAAC's table",
        None,
        16e9 / (8.0 * 1.2e9),
    ));
    Ok(rows)
}

/// Pruning × 4 for 32 bits to 8 × 2 for one crossbar instead of two.
pub(super) fn crossbars() -> Vec<Row> {
    let networks = [
        ("LeNet5, MNIST", 23.18, 185.44),
        ("VGG16, CIFAR-10", 41.2, 329.6),
        ("ResNet18, CIFAR-10", 50.85, 406.8),
        ("ResNet18, CIFAR-100", 6.65, 53.2),
        ("ResNet50, CIFAR-100", 9.18, 73.44),
        ("VGG16, CIFAR-100", 8.15, 65.20),
        ("ResNet18, ImageNet, pruned 1.67 ×", 1.67, 13.36),
        ("ResNet18, ImageNet, pruned 2 ×", 2.0, 16.0),
        ("ResNet50, ImageNet, pruned 2.15 ×", 2.15, 17.2),
        ("ResNet50, ImageNet, pruned 3.67 ×", 3.67, 29.36),
    ];
    let row = |(what, pruned, printed)| Row::computed(what, printed, pruned * 4.0 * 2.0).digits(2);
    networks.into_iter().map(row).collect()
}
