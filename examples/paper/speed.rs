//! Throughput: what timing says, what is printed, and what printed numbers say of each other.

use forms_xbar::cost::{AdcModel, CostModel, Peak, Scope, tables};
use forms_xbar::{Adc, Mapping, presets};

use super::isaac::{SLOW_PLANE_SECS, peak};
use super::{Result, Row};

/// FORMS's chip with fragments of 8 and its printed ADC, or of 16 and a 5-bit ADC by the published fit.
fn forms(fragment: usize) -> Result<Peak> {
    let builder = presets::forms().mapping(Mapping::Polarized { fragment });
    let table = tables::forms()?;
    let model = match fragment {
        8 => CostModel::new(&table, &builder.build()?)?,
        _ => CostModel::scaled(&table, &builder.adc(Adc::granular(5)).build()?, AdcModel::PublishedFit)?,
    };
    model.with_scope(Scope::Chip).peak(16)
}

/// Pruned and quantised ISAAC: GOPS/s/mm² and GOPS/W of ISAAC's.
const PRUNED_ISAAC: (f64, f64) = (26.4, 26.61);

pub(super) fn normalised() -> Result<Vec<Row>> {
    let isaac = peak(SLOW_PLANE_SECS)?;
    let mut rows = Vec::new();
    for (fragment, per_area, per_watt, note) in [
        (8, 0.54, 0.61, ""),
        (
            16,
            0.77,
            0.84,
            "no ADC of FORMS-16 is printed: FORMS-8's plane and 5 bits by the fit are our choice",
        ),
    ] {
        let forms = forms(fragment)?;
        let name = format!("FORMS-{fragment} without pruning and skipping");
        let of = |value: fn(&Peak) -> f64| value(&forms) / value(&isaac);
        let speed = of(|peak| peak.operations_per_sec);
        rows.push(
            Row::computed(format!("{name}: GOPS/s"), per_area, speed)
                .digits(4)
                .note("106.67 ns of ISAAC against fragments of 15.24 ns; printed is per mm²"),
        );
        let area = of(Peak::operations_per_sec_per_square_metre);
        rows.push(Row::computed(format!("{name}: GOPS/s/mm²"), per_area, area).note(note));
        rows.push(
            Row::computed(format!("{name}: GOPS/W"), per_watt, of(Peak::operations_per_joule)).note(note),
        );
    }
    let faster = forms(8)?.operations_per_sec / peak(100e-9)?.operations_per_sec;
    rows.push(
        Row::computed("FORMS-8 without pruning and skipping: GOPS/s, ISAAC at 1.28 GS/s", 0.54, faster)
            .digits(4),
    );
    rows.push(Row::quotient("DaDianNao: GOPS/s/mm²", 0.13, 63.46 / 478.95).note("ISAAC's table"));
    rows.push(Row::quotient("DaDianNao: GOPS/W", 0.45, 286.4 / 627.5).note("ISAAC's table"));
    for (what, per_area, per_watt) in [
        ("PUMA", 0.70, 0.79),
        ("TPU", 0.08, 0.48),
        ("WAX", 0.33, 2.3),
        ("SIMBA, the lower", 0.34, 0.08),
        ("SIMBA, the upper", 0.34, 2.5),
        ("pruned and quantised ISAAC", PRUNED_ISAAC.0, PRUNED_ISAAC.1),
        ("pruned and quantised PUMA", 18.67, 21.07),
        ("FORMS-8, all", 36.02, 27.73),
        ("FORMS-16, all", 39.48, 51.26),
    ] {
        rows.push(Row::not_derivable(format!("{what}: GOPS/s/mm²"), per_area));
        rows.push(Row::not_derivable(format!("{what}: GOPS/W"), per_watt));
    }
    for (fragment, (all, bare), note) in [
        (8, ((36.02, 27.73), (0.54, 0.61)), "not the fragment of the headline"),
        (16, ((39.48, 51.26), (0.77, 0.84)), "the headline is of FORMS-16"),
    ] {
        let name = format!("FORMS-{fragment} over pruned and quantised ISAAC");
        rows.push(Row::quotient(format!("{name}: GOPS/s/mm²"), 1.50, all.0 / PRUNED_ISAAC.0).note(note));
        rows.push(Row::quotient(format!("{name}: GOPS/W"), 1.93, all.1 / PRUNED_ISAAC.1).note(note));
        let gain = format!("FORMS-{fragment}, gain by all but pruning and mapping");
        let note = "skipping; a mean EIC of 10.7 of 16, of fragment 4, caps it at 1.5";
        rows.push(
            Row::quotient(format!("{gain}: GOPS/s/mm²"), None, all.0 / bare.0 / PRUNED_ISAAC.0).note(note),
        );
        rows.push(Row::quotient(format!("{gain}: GOPS/W"), None, all.1 / bare.1 / PRUNED_ISAAC.1).note(note));
    }
    Ok(rows)
}

/// Frames per second over unpruned ISAAC of 32 bits: the least and the most over networks.
const ISAAC_FPS: (f64, f64) = (7.5, 200.8);
const FORMS_8_FPS: Fps = Fps { name: "FORMS-8", bare: (4.0, 109.6), skipping: (10.7, 377.9), peak: 0.54 };
const FORMS_16_FPS: Fps = Fps { name: "FORMS-16", bare: (5.8, 155.8), skipping: (11.2, 336.9), peak: 0.77 };

struct Fps {
    name: &'static str,
    bare: (f64, f64),
    skipping: (f64, f64),
    /// Printed peak throughput per area, of ISAAC's.
    peak: f64,
}

pub(super) fn frames() -> Vec<Row> {
    let not_printed = "which network is least or most is not printed";
    let mut rows = vec![
        Row::not_derivable("FORMS over optimised ISAAC: FPS, least", 1.12)
            .note("of single networks, not printed"),
        Row::not_derivable("FORMS over optimised ISAAC: FPS, most", 2.4)
            .note("of single networks, not printed"),
    ];
    for Fps { name, bare, skipping, peak } in [FORMS_8_FPS, FORMS_16_FPS] {
        let over = format!("{name} over optimised ISAAC");
        rows.push(
            Row::quotient(format!("{over}: FPS, least over least"), None, skipping.0 / ISAAC_FPS.0)
                .note(not_printed),
        );
        rows.push(
            Row::quotient(format!("{over}: FPS, most over most"), None, skipping.1 / ISAAC_FPS.1)
                .note(not_printed),
        );
        let note = "agrees with the printed peak, not with timing";
        rows.push(
            Row::quotient(format!("{over}, without skipping: FPS, least"), peak, bare.0 / ISAAC_FPS.0)
                .note(note),
        );
        rows.push(
            Row::quotient(format!("{over}, without skipping: FPS, most"), peak, bare.1 / ISAAC_FPS.1)
                .note(note),
        );
        let (least, most) = (skipping.0 / bare.0, skipping.1 / bare.1);
        let note = "a mean EIC of 10.7 of 16, of fragment 4, caps it at 1.5";
        rows.push(Row::quotient(format!("{name}, gain by skipping: FPS, least"), None, least).note(note));
        rows.push(Row::quotient(format!("{name}, gain by skipping: FPS, most"), None, most).note(note));
        let what = format!("{name}, mean EIC that the largest gain asks for");
        rows.push(
            Row::quotient(what, None, 16.0 / most)
                .note("10.7 is printed, for fragment 4 and ResNet50")
                .digits(2),
        );
    }
    for (fragment, eic, saved) in [(4, 10.7, 33.0), (128, 15.0, 6.0)] {
        let what = format!("planes saved at fragment {fragment}: %");
        rows.push(Row::quotient(what, saved, 100.0 * (1.0 - eic / 16.0)).digits(1));
    }
    rows.push(Row::quotient("largest gain by an EIC of 10.7 of 16", None, 16.0 / 10.7));
    rows
}
