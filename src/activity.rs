//! What executing MVMs did: exact counters that add up in any order.

use std::iter::Sum;
use std::ops::AddAssign;

pub use crate::kernel::ActivityLevel;
use crate::kernel::Counts;

/// Most planes a group can run: 16 bits, one bit a plane.
const MAX_PLANES: usize = 16;

/// The unit of the energy counter, 2⁻⁸⁰ J.
pub(crate) const ENERGY_UNIT_JOULES: f64 = 1.0 / (1u128 << 80) as f64;

/// Deterministic counters of the work that MVMs did. Merge them with `+=` or `sum()`.
///
/// Planes, EIC, conversions and word lines are counted per array: a matrix that spans two arrays
/// side by side streams its inputs into both. Only counted, never priced.
///
/// ```
/// use forms_xbar::{Adc, Key, Mapping, Weights, presets};
///
/// let design = presets::forms().adc(Adc::granular(5)).input_bits(8).build()?;
/// let weights = Weights::from_row_slice(8, 1, 8, &[1, 2, 3, 4, 5, 6, 7, 8])?;
/// let read = design.program_keyed(&weights, Key::from(1))?.mvm_keyed(&[3u8; 8], Key::from(2))?;
/// assert_eq!(read.activity.mean_eic(), 2.0); // 3 has two effective bits
/// assert_eq!((read.activity.planes_run(), read.activity.planes_skipped()), (2, 6));
/// assert_eq!(read.activity.conversions(), 2 * 4); // four slices
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Activity {
    vectors: u64,
    planes_skipped: u64,
    latency_planes: u64,
    eic: [u64; MAX_PLANES + 1],
    counts: Counts,
}

impl Activity {
    /// Input vectors read.
    pub fn vectors(&self) -> u64 {
        self.vectors
    }

    /// Planes run, summed over active groups: `Σ EIC`.
    pub fn planes_run(&self) -> u64 {
        self.eic.iter().enumerate().map(|(eic, count)| eic as u64 * count).sum()
    }

    /// Planes that zero-skipping left out.
    pub fn planes_skipped(&self) -> u64 {
        self.planes_skipped
    }

    /// Fraction of planes that zero-skipping left out, 0 when nothing was read.
    pub fn planes_saved(&self) -> f64 {
        ratio(self.planes_skipped, self.planes_skipped + self.planes_run())
    }

    /// How many active groups ran `i` planes, for `i` = 0 ..= 16.
    pub fn eic_histogram(&self) -> &[u64] {
        &self.eic
    }

    /// Mean effective input cycles of an active group, 0 when nothing was read.
    pub fn mean_eic(&self) -> f64 {
        ratio(self.planes_run(), self.eic.iter().sum())
    }

    /// Planes that the slowest array of each MVM ran, summed over MVMs: the groups of one array are
    /// served one after another, arrays run side by side.
    pub fn latency_planes(&self) -> u64 {
        self.latency_planes
    }

    /// Analog-to-digital conversions.
    pub fn conversions(&self) -> u64 {
        self.counts.conversions
    }

    /// Conversions whose input lay more than half an LSB below the lowest code.
    pub fn clipped_low(&self) -> u64 {
        self.counts.clipped_low
    }

    /// Conversions whose input lay half an LSB or more above the highest code.
    pub fn clipped_high(&self) -> u64 {
        self.counts.clipped_high
    }

    /// Word lines driven with a digit other than 0, summed over planes.
    pub fn active_word_lines(&self) -> u64 {
        self.counts.active_word_lines
    }

    /// Energy dissipated in the cells (J), `Σ V² · G · plane time` over nominal word-line
    /// voltages. 0 unless counted at [`ActivityLevel::CountsAndEnergy`].
    pub fn cell_energy_joules(&self) -> f64 {
        self.counts.energy as f64 * ENERGY_UNIT_JOULES
    }

    pub(crate) fn add_vectors(&mut self, vectors: u64, latency_planes: u64) {
        self.vectors += vectors;
        self.latency_planes += latency_planes;
    }

    /// Counts so many active groups, each of every array by itself.
    pub(crate) fn add_groups(&mut self, eic: u32, skipped: u32, groups: u64) {
        self.eic[eic as usize] += groups;
        self.planes_skipped += u64::from(skipped) * groups;
    }

    pub(crate) fn counts_mut(&mut self) -> &mut Counts {
        &mut self.counts
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

impl AddAssign for Activity {
    fn add_assign(&mut self, other: Activity) {
        self.vectors += other.vectors;
        self.planes_skipped += other.planes_skipped;
        self.latency_planes += other.latency_planes;
        self.eic.iter_mut().zip(other.eic).for_each(|(count, other)| *count += other);
        self.counts += other.counts;
    }
}

impl Sum for Activity {
    fn sum<I: Iterator<Item = Activity>>(iter: I) -> Self {
        iter.fold(Activity::default(), |mut sum, activity| {
            sum += activity;
            sum
        })
    }
}
