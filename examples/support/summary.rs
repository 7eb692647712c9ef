//! What a configuration did at one σ over all dies, as text and as CSV.

use std::fmt::Write;

use forms_xbar::Activity;
use forms_xbar::study::Interval;

use crate::support::lenet::{DEPTH, SHAPES};

/// Confidence of every interval.
pub(crate) const CONFIDENCE: f64 = 0.95;

/// A network on a mapping.
#[derive(Debug, Clone)]
pub(crate) struct Label {
    /// The network's file, without extension.
    pub(crate) network: String,
    pub(crate) mapping: &'static str,
    pub(crate) polarized: bool,
}

impl Label {
    /// Whether the network's fragments have one sign.
    pub(crate) fn weights(&self) -> &'static str {
        if self.polarized { "polarized" } else { "unpolarized" }
    }
}

/// What one die did.
#[derive(Debug)]
pub(crate) struct DieResult {
    pub(crate) accuracy: f64,
    /// Crossbars of every layer.
    pub(crate) arrays: Vec<usize>,
    pub(crate) activity: [Activity; DEPTH],
}

/// One configuration at one σ. Accuracies and losses are fractions.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) label: Label,
    pub(crate) fragment: usize,
    pub(crate) adc_bits: u32,
    pub(crate) sigma: f64,
    pub(crate) dies: usize,
    pub(crate) images: usize,
    pub(crate) accuracy: f64,
    /// Of the mean accuracy of dies on these images; none for a single die.
    pub(crate) over_dies: Option<Interval>,
    /// Of the accuracy of these dies on all images.
    pub(crate) over_images: Interval,
    /// Mean over dies of what the same images lost against σ = 0.
    pub(crate) loss: f64,
    pub(crate) loss_over_dies: Option<Interval>,
    pub(crate) arrays: Vec<usize>,
    /// Of every layer, summed over dies.
    pub(crate) activity: [Activity; DEPTH],
}

impl Summary {
    /// Sums up the dies of one configuration, of which there is at least one, against the accuracy
    /// it has at σ = 0.
    pub(crate) fn new(
        label: Label,
        (fragment, adc_bits): (usize, u32),
        sigma: f64,
        images: usize,
        dies: &[DieResult],
        ideal: f64,
    ) -> forms_xbar::Result<Self> {
        let accuracies: Vec<f64> = dies.iter().map(|die| die.accuracy).collect();
        let losses: Vec<f64> = accuracies.iter().map(|accuracy| ideal - accuracy).collect();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let interval = |values: &[f64]| {
            if values.len() < 2 { Ok(None) } else { Interval::of_mean(values, CONFIDENCE).map(Some) }
        };
        let accuracy = mean(&accuracies);
        Ok(Summary {
            label,
            fragment,
            adc_bits,
            sigma,
            dies: dies.len(),
            images,
            accuracy,
            // Student's interval does not know that an accuracy ends at 0 and 1.
            over_dies: interval(&accuracies)?.map(|Interval { mean, low, high }| Interval {
                mean,
                low: low.max(0.0),
                high: high.min(1.0),
            }),
            over_images: Interval::of_proportion(accuracy, images, CONFIDENCE)?,
            loss: mean(&losses),
            loss_over_dies: interval(&losses)?,
            arrays: dies.first().map(|die| die.arrays.clone()).unwrap_or_default(),
            activity: std::array::from_fn(|layer| dies.iter().map(|die| die.activity[layer]).sum()),
        })
    }

    fn total(&self) -> Activity {
        self.activity.iter().copied().sum()
    }
}

/// The accuracies of all configurations.
pub(crate) fn accuracy_table(summaries: &[Summary]) -> String {
    let range = |interval: Interval| format!("[{:>5}, {:>5}]", percent(interval.low), percent(interval.high));
    let ranges = |interval: Option<Interval>| interval.map_or("–".into(), range);
    let line = |mapping: &str, weights: &str, sigma: &str, dies: &str, columns: [&str; 5]| {
        let [accuracy, over_dies, over_images, loss, loss_over_dies] = columns;
        format!(
            "{mapping:<13} {weights:<12}{sigma:>5}{dies:>6}{accuracy:>10}{over_dies:>16}{over_images:>16}\
             {loss:>10}{loss_over_dies:>16}\n"
        )
    };
    let mut text =
        line("", "", "", "", ["accuracy", "95 % interval", "95 % interval", "loss", "95 % interval"]);
    text +=
        &line("mapping", "weights", "σ", "dies", ["%", "over dies", "over images", "points", "over dies"]);
    for summary in summaries {
        if summary.sigma == 0.0 {
            text.push('\n');
        }
        text += &line(
            summary.label.mapping,
            summary.label.weights(),
            &summary.sigma.to_string(),
            &summary.dies.to_string(),
            [
                &percent(summary.accuracy),
                &ranges(summary.over_dies),
                &range(summary.over_images),
                &percent(summary.loss),
                &ranges(summary.loss_over_dies),
            ],
        );
    }
    text
}

/// What the crossbars of every configuration did.
pub(crate) fn activity_tables(summaries: &[Summary]) -> String {
    let mut text = String::new();
    for summary in summaries {
        if summary.sigma == 0.0 {
            let layers: Vec<String> =
                SHAPES.iter().zip(&summary.arrays).map(|(s, n)| format!("{} {n}", s.name)).collect();
            _ = writeln!(
                text,
                "\n{} mapping, {} weights: {} crossbars ({})",
                summary.label.mapping,
                summary.label.weights(),
                summary.arrays.iter().sum::<usize>(),
                layers.join(", "),
            );
            _ = writeln!(
                text,
                "{:>7}  {:<width$}{:>9}{:>14}{:>11}{:>11}",
                "",
                "mean EIC",
                "planes",
                "conversions",
                "clipped",
                "clipped",
                width = 7 * SHAPES.len(),
            );
            _ = write!(text, "{:>7}  ", "σ");
            SHAPES.iter().for_each(|shape| _ = write!(text, "{:<7}", shape.name));
            _ = writeln!(text, "{:>9}{:>14}{:>11}{:>11}", "saved", "per image", "low", "high");
        }
        let total = summary.total();
        _ = write!(text, "{:>7}  ", summary.sigma);
        summary.activity.iter().for_each(|layer| _ = write!(text, "{:<7.2}", layer.mean_eic()));
        _ = writeln!(
            text,
            "{:>7.1} %{:>14.0}{:>11}{:>11}",
            100.0 * total.planes_saved(),
            total.conversions() as f64 / (summary.images * summary.dies) as f64,
            share(total.clipped_low(), total.conversions()),
            share(total.clipped_high(), total.conversions()),
        );
    }
    text
}

/// A fraction in percent, without a negative zero.
fn percent(fraction: f64) -> String {
    format!("{:.1}", (1000.0 * fraction).round() / 10.0 + 0.0)
}

/// A share of conversions, with 0 told from little.
fn share(part: u64, whole: u64) -> String {
    if part == 0 { "0".into() } else { format!("{:.1e}", part as f64 / whole as f64) }
}

/// One line per configuration and σ. Accuracies and losses are fractions; counts are sums over dies
/// and images.
pub(crate) fn csv(summaries: &[Summary]) -> String {
    let mut text = String::from(
        "network,mapping,fragment,adc_bits,sigma,dies,images,accuracy,accuracy_dies_low,accuracy_dies_high,\
         accuracy_images_low,accuracy_images_high,loss,loss_low,loss_high,crossbars",
    );
    SHAPES.iter().for_each(|shape| _ = write!(text, ",eic_{}", shape.name));
    text.push_str(",planes_saved,conversions,clipped_low,clipped_high\n");
    let ends = |interval: Option<Interval>| {
        interval.map_or(",".into(), |interval| format!("{:.6},{:.6}", interval.low, interval.high))
    };
    for summary in summaries {
        let total = summary.total();
        _ = write!(
            text,
            "{},{},{},{},{},{},{},{:.6},{},{},{:.6},{},{}",
            summary.label.network,
            summary.label.mapping,
            summary.fragment,
            summary.adc_bits,
            summary.sigma,
            summary.dies,
            summary.images,
            summary.accuracy,
            ends(summary.over_dies),
            ends(Some(summary.over_images)),
            summary.loss,
            ends(summary.loss_over_dies),
            summary.arrays.iter().sum::<usize>(),
        );
        summary.activity.iter().for_each(|layer| _ = write!(text, ",{:.6}", layer.mean_eic()));
        _ = writeln!(
            text,
            ",{:.6},{},{},{}",
            total.planes_saved(),
            total.conversions(),
            total.clipped_low(),
            total.clipped_high()
        );
    }
    text
}
