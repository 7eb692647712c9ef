//! ISAAC's computational, power and storage efficiency.

use forms_xbar::cost::{CostModel, Peak, Scope, tables};
use forms_xbar::presets;

use super::{Result, Row};

/// Chip power (W) and area (mm²) as printed.
const WATTS: f64 = 65.8;
const SQUARE_MILLIMETRES: f64 = 85.4;

/// The whole chip with planes of so many seconds.
pub(super) fn peak(plane_secs: f64) -> Result<Peak> {
    let mut table = tables::isaac()?;
    if plane_secs != table.plane_secs() {
        let parts = [Scope::Mcu, Scope::Tile, Scope::Chip].map(|scope| table.components(scope).to_vec());
        let [mcu, tile, chip] = parts;
        let (adcs, sizes) = (table.adcs().clone(), table.sizes());
        table = forms_xbar::cost::ComponentTable::new("ISAAC-CE", adcs, sizes, (128, 128), plane_secs)?
            .with_mcu(mcu)
            .with_tile(tile)
            .with_chip(chip);
    }
    let design = presets::isaac().plane_secs(plane_secs).build()?;
    CostModel::new(&table, &design)?.with_scope(Scope::Chip).peak(16)
}

/// A plane at the sample rate of table I.
pub(super) const SLOW_PLANE_SECS: f64 = 128.0 / 1.2e9;

pub(super) fn rows() -> Result<Vec<Row>> {
    let (fast, slow) = (peak(100e-9)?, peak(SLOW_PLANE_SECS)?);
    let gops = |peak: Peak| peak.operations_per_sec / 1e9;
    let cells = tables::isaac()?.sizes().arrays(Scope::Chip) * 128 * 128;
    let mebibytes = (cells * 2 / 8) as f64 / f64::from(1 << 20);
    let watts = "GOPS/W of ISAAC-CE";
    let area = "GOPS/s/mm² of ISAAC-CE";
    let mut rows = vec![
        Row::computed(format!("{watts}, printed power"), 627.5, gops(fast) / WATTS)
            .digits(1)
            .note("128 samples in 100 ns, 1.28 GS/s"),
        Row::computed(format!("{watts}, power of the parts"), 627.5, fast.operations_per_joule() / 1e9)
            .digits(1)
            .note("the parts are 65.808 W"),
        Row::computed(format!("{watts} at 1.2 GS/s"), 627.5, gops(slow) / WATTS)
            .digits(1)
            .note("the rate of table I: 106.7 ns a plane"),
        Row::computed(format!("{area}, printed area"), 478.95, gops(fast) / SQUARE_MILLIMETRES)
            .digits(2)
            .note("the printed figure does not follow from the printed area"),
        Row::computed(
            format!("{area}, area of the parts"),
            478.95,
            fast.operations_per_sec_per_square_metre() / 1e15,
        )
        .digits(2)
        .note("the parts are 85.42 mm²"),
        Row::computed(format!("{area} at 1.2 GS/s"), 478.95, gops(slow) / SQUARE_MILLIMETRES)
            .digits(2)
            .note("the printed figure lies between both rates"),
        Row::computed("MB/mm² of ISAAC-CE", 0.74, mebibytes / SQUARE_MILLIMETRES).note("63 MiB"),
    ];
    for (what, printed) in [
        ("GOPS/s/mm² of ISAAC-PE", 409.67),
        ("GOPS/W of ISAAC-PE", 644.2),
        ("GOPS/s/mm² of ISAAC-SE", 103.35),
        ("GOPS/W of ISAAC-SE", 312.5),
    ] {
        rows.push(Row::not_derivable(what, printed).note("its parts are not in table I"));
    }
    Ok(rows)
}
