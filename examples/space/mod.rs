//! The designs that are compared, their fronts, and what is written of them.

pub(crate) mod plot;
pub(crate) mod point;

use std::fmt::Write;

use forms_xbar::study::Interval;

use point::Point;

/// The points that no other beats in both accuracy and cost, by rising cost; the first of equals.
pub(crate) fn front(points: &[Point], cost: impl Fn(&Point) -> f64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&a, &b| {
        let (a, b) = (&points[a], &points[b]);
        cost(a).total_cmp(&cost(b)).then(b.accuracy.total_cmp(&a.accuracy))
    });
    let mut best = f64::NEG_INFINITY;
    order.retain(|&at| {
        let better = points[at].accuracy > best;
        best = best.max(points[at].accuracy);
        better
    });
    order
}

/// The points of a front as a table.
pub(crate) fn text(points: &[Point], front: &[usize]) -> String {
    let mut text = String::from(
        "  accuracy  nJ/inference    mm²  arrays  µs/inference  mapping       fragment  cell  ADC  flip\n",
    );
    for &at in front {
        let point = &points[at];
        let setting = &point.setting;
        _ = writeln!(
            text,
            "  {:6.1} %  {:12.2}  {:5.3}  {:6}  {:12.2}  {:12}  {:8}  {:4}  {:3}  {}",
            100.0 * point.accuracy,
            1e9 * point.joules,
            1e6 * point.square_metres,
            point.arrays,
            1e6 * point.latency_secs,
            setting.name(),
            setting.fragment,
            setting.cell_bits,
            setting.adc_bits,
            if setting.column_flip { "yes" } else { "no" },
        );
    }
    text
}

/// Every point as CSV.
pub(crate) fn csv(points: &[Point], by_energy: &[usize], by_area: &[usize]) -> String {
    let mut text = String::from(
        "mapping,fragment,cell_bits,adc_bits,lossless_adc_bits,column_flip,accuracy,accuracy_low,accuracy_high,\
         joules_per_inference,adc_joules,cell_joules,square_metres,arrays,latency_secs,inferences_per_sec,\
         clipped,mean_eic,on_energy_front,on_area_front\n",
    );
    for (at, point) in points.iter().enumerate() {
        let setting = &point.setting;
        let Interval { low, high, .. } = point.over_images;
        _ = writeln!(
            text,
            "{},{},{},{},{},{},{},{low},{high},{:e},{:e},{:e},{:e},{},{:e},{},{},{},{},{}",
            setting.name(),
            setting.fragment,
            setting.cell_bits,
            setting.adc_bits,
            setting.lossless_adc_bits,
            setting.column_flip,
            point.accuracy,
            point.joules,
            point.adc_joules,
            point.cell_joules,
            point.square_metres,
            point.arrays,
            point.latency_secs,
            point.inferences_per_sec,
            point.clipped,
            point.mean_eic,
            by_energy.contains(&at),
            by_area.contains(&at),
        );
    }
    text
}
