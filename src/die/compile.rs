//! Cells onto the grid: where siemens, thresholds and recipes become a kernel block.

use super::adcs::ArrayAdcs;
use super::arrays::ArrayCells;
use super::digits::Digits;
use super::wires::{Wired, through_wires};
use crate::activity::ENERGY_UNIT_JOULES;
use crate::design::Design;
use crate::device::{Conditions, Telegraph};
use crate::error::{Error, Result, check_real};
use crate::fixed::{ONE, round_real, round_reals};
use crate::kernel::{self, Block, BlockNoise, BlockParts, Contributions, Quantizer, SlowNoise, Summands};
use crate::key::Key;
use crate::mapping::{Layout, Recipe};
use crate::simd::vectorised;

/// What all arrays of a die are compiled with.
pub(super) struct Compiler<'a> {
    design: &'a Design,
    layout: &'a Layout,
    conditions: Conditions,
    /// Of the device: amplitudes of telegraph noise are drawn once per die.
    device_key: Key,
    /// One LSB per unit digit, as a conductance: the read voltage cancels.
    lsb_siemens: f64,
    /// Conversions of a row.
    lanes: usize,
    digits: Digits,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(
        design: &'a Design,
        layout: &'a Layout,
        conditions: Conditions,
        device_key: Key,
    ) -> Self {
        let lsb = design.thresholds().lsb as f64 / ONE as f64;
        let lsb_siemens = design.read_levels().level_step() * lsb;
        let digits = Digits::new(design, conditions.kelvin);
        Compiler { design, layout, conditions, device_key, lsb_siemens, lanes: layout.lanes(), digits }
    }

    /// Compiles an array as its cells are now; beside it what they are through wires.
    pub(super) fn array(
        &self,
        array: usize,
        recipe: &Recipe,
        cells: &ArrayCells,
    ) -> Result<(Block, Option<ArrayCells>)> {
        let address = self.layout.address(array);
        let place = |error| Error::InArray { array, error: Box::new(error) };
        Ok(match through_wires(self.design, cells).map_err(place)? {
            None => (self.block(address, recipe, cells, None)?, None),
            Some(Wired { effective, patterns }) => {
                let block = self.block(address, recipe, &effective, patterns.as_ref())?;
                (block, Some(effective))
            }
        })
    }

    fn block(
        &self,
        address: u64,
        recipe: &Recipe,
        cells: &ArrayCells,
        patterns: Option<&ArrayCells>,
    ) -> Result<Block> {
        let design = self.design;
        let thresholds = design.thresholds();
        let granular = design.is_granular();
        let max_digit = design.dac().max_digit();
        let format = design.input_format();
        let adcs = ArrayAdcs::draw(design, self.layout, self.device_key, address);
        // Σ 2^(d·p) over the value planes, and the weight of the sign plane.
        let value_planes = format.planes() - u32::from(format.is_signed());
        let top = 1i64 << (value_planes * format.dac_bits());
        let max_places = (top - 1) / i64::from(max_digit) + if format.is_signed() { top } else { 0 };
        Block::new(BlockParts {
            group_rows: design.active_rows(),
            groups: cells.rows / design.active_rows(),
            lanes: self.lanes,
            columns: self.columns(cells),
            max_digit,
            max_places,
            contributions: self.contributions(cells, patterns, &adcs)?,
            summands: match patterns {
                Some(_) => Summands::Patterns,
                None if design.cell().iv().is_ohmic() => Summands::Rows,
                None => Summands::Digits,
            },
            quantizer: match thresholds.codes {
                Some((low, high)) => Quantizer::Codes { low, high },
                None => Quantizer::PassThrough,
            },
            adcs: adcs.block_adcs(self.lanes, self.columns(cells)),
            unit: if thresholds.codes.is_some() && !granular { thresholds.lsb } else { 1 },
            shift: recipe.shift.clone(),
            negative: recipe.negative.clone(),
            digit_sum: recipe.digit_sum.iter().map(|d| if granular { *d } else { d * ONE }).collect(),
            baseline: design.baseline_table(),
            noise: self.noise(cells, &adcs)?,
            slow: self.slow_noise(address, cells, &adcs)?,
            energy: self.energy(cells)?,
        })
    }

    fn columns(&self, cells: &ArrayCells) -> usize {
        cells.columns / self.layout.cells_per_weight()
    }

    /// Current of a cell at a digit, over the voltage of digit 1 (S): `digit · G` for an ohmic cell.
    fn drive(&self, siemens: f64, digit: u32) -> f64 {
        let (cell, dac) = (self.design.cell(), self.design.dac());
        if cell.iv().is_ohmic() {
            f64::from(digit) * siemens
        } else {
            self.digits.amperes(siemens, digit) / dac.volts(1)
        }
    }

    /// Digits that have a table of contributions of their own.
    fn tabled_digits(&self) -> std::ops::RangeInclusive<u32> {
        if self.design.cell().iv().is_ohmic() { 1..=1 } else { 1..=self.design.dac().max_digit() }
    }

    fn on_grid(&self, siemens: f64) -> Result<i64> {
        round_real(siemens * (ONE as f64 / self.lsb_siemens)).ok_or_else(too_large)
    }

    fn contributions(
        &self,
        cells: &ArrayCells,
        patterns: Option<&ArrayCells>,
        adcs: &ArrayAdcs<'_>,
    ) -> Result<Contributions> {
        let cells = (cells, patterns);
        if let Some(words) = self.contributions_in(cells, adcs, i32::MAX.into(), |q| q as i32)? {
            return Ok(Contributions::Narrow(words));
        }
        Ok(Contributions::Wide(self.contributions_in(cells, adcs, i64::MAX, |q| q)?.unwrap_or_default()))
    }

    /// The contributions in words of one width, `None` when the magnitude of one exceeds `most`.
    fn contributions_in<W: Copy + Default>(
        &self,
        (cells, patterns): (&ArrayCells, Option<&ArrayCells>),
        adcs: &ArrayAdcs<'_>,
        most: i64,
        word: impl Fn(i64) -> W,
    ) -> Result<Option<Vec<W>>> {
        let levels = self.design.cell().levels();
        // The leakage and what rises above it are rounded apart, as the baseline is: rounded together, an
        // ideal level could come out a grid unit beside the level it is. A pair cancels its leakage.
        let g_off = f64::from(levels.g_off() as f32);
        let bipolar = self.layout.settings().mapping.is_bipolar();
        let scale = ONE as f64 / self.lsb_siemens;
        let gains: Vec<f64> = if adcs.have_gains() {
            (0..cells.columns).map(|column| adcs.gain_of_bit_line(column)).collect()
        } else {
            Vec::new()
        };
        let digits = if patterns.is_some() { 1..=1 } else { self.tabled_digits() };
        let rows = patterns.unwrap_or(cells);
        let conversions = self.lanes * self.columns(cells);
        let mut contributions = Vec::with_capacity(digits.clone().count() * rows.rows * conversions);
        let (mut driven, mut rounded) = (vec![0.0; cells.columns], vec![0; cells.columns]);
        let mut words = vec![W::default(); cells.columns];
        let mut sorted = vec![W::default(); conversions];
        for digit in digits {
            let off = if bipolar { 0.0 } else { self.drive(g_off, digit) };
            let leakage = self.drive(levels.g_off(), digit);
            for row in 0..rows.rows {
                // Word lines that are driven, and what the dummy column takes away.
                let (lines, dummy) = if patterns.is_some() {
                    driven.iter_mut().zip(rows.row(row)).for_each(|(driven, &g)| *driven = g.into());
                    ((row % (1 << self.design.active_rows())).count_ones(), rows.dummy(row))
                } else {
                    self.drive_row(cells.row(row), digit, &mut driven);
                    (1, self.drive(cells.dummy(row), digit))
                };
                let off = off * f64::from(lines);
                if bipolar {
                    self.subtract_pairs(&mut driven);
                }
                vectorised(
                    #[inline(always)]
                    || driven.iter_mut().for_each(|driven| *driven = (*driven - off) * scale),
                );
                if !gains.is_empty() {
                    driven.iter_mut().zip(&gains).for_each(|(driven, gain)| *driven *= gain);
                }
                round_reals(&driven, &mut rounded).ok_or_else(too_large)?;
                let common_at = |gain: f64| {
                    Ok(match (bipolar, cells.has_dummy()) {
                        (true, _) => 0,
                        (false, true) => -self.on_grid((dummy - off) * gain)?,
                        (false, false) => self.on_grid(leakage * gain)? * i64::from(lines),
                    })
                };
                let common = common_at(1.0)?;
                for (rounded, &gain) in rounded.iter_mut().zip(&gains) {
                    *rounded += common_at(gain)? - common;
                }
                let largest = vectorised(
                    #[inline(always)]
                    || {
                        words.iter_mut().zip(&rounded).fold(0, |largest, (to, &cell)| {
                            *to = word(cell + common);
                            (cell + common).abs().max(largest)
                        })
                    },
                );
                if largest > most {
                    return Ok(None);
                }
                sort_by_lane(&words, self.layout.cells_per_weight(), &mut sorted);
                contributions.extend_from_slice(&sorted);
            }
        }
        Ok(Some(contributions))
    }

    /// [`Compiler::drive`] of a word line's cells.
    fn drive_row(&self, cells: &[f32], digit: u32, driven: &mut [f64]) {
        if self.design.cell().iv().is_ohmic() {
            let digit = f64::from(digit);
            vectorised(
                #[inline(always)]
                || driven.iter_mut().zip(cells).for_each(|(driven, &cell)| *driven = digit * f64::from(cell)),
            );
        } else {
            driven.iter_mut().zip(cells).for_each(|(driven, &cell)| *driven = self.drive(cell.into(), digit));
        }
    }

    /// Takes from each cell of a first arm the one that is subtracted from it.
    fn subtract_pairs(&self, driven: &mut [f64]) {
        for weight in driven.chunks_exact_mut(self.layout.cells_per_weight()) {
            let (first, second) = weight.split_at_mut(self.layout.slices());
            first.iter_mut().zip(second).for_each(|(first, second)| *first -= *second);
        }
    }

    /// Variance of a cell at 0 V, in squared grid units.
    fn variance_at_rest(&self, siemens: f32) -> f64 {
        let white = self.digits.white(0);
        white.map_or(0.0, |white| white.thermal(self.digits.at_rest(siemens.into())))
            / self.square_grid_amperes()
    }

    /// Variance that a driven cell adds to it.
    fn variance_driven(&self, siemens: f32, digit: u32) -> f64 {
        let siemens = siemens.into();
        let drive = self.drive(siemens, digit);
        let relative = square(self.design.read_noise().relative() * drive / self.lsb_siemens * ONE as f64);
        let Some(white) = self.digits.white(digit) else { return relative };
        let amperes = drive * self.design.dac().volts(1);
        relative + white.shot(self.digits.at_rest(siemens), amperes) / self.square_grid_amperes()
    }

    /// The square of a grid unit (A²).
    fn square_grid_amperes(&self) -> f64 {
        square(self.lsb_siemens / ONE as f64 * self.design.dac().volts(1))
    }

    /// White and word-line noise as integers, variances on the finest grid on which their largest sum
    /// fits.
    fn noise(&self, cells: &ArrayCells, adcs: &ArrayAdcs<'_>) -> Result<Option<BlockNoise>> {
        let (noise, dac) = (self.design.read_noise(), self.design.dac());
        let adc_noise = self.design.adc_errors().noise_lsb();
        if !noise.is_fresh() && adc_noise == 0.0 {
            return Ok(None);
        }
        let (columns, max_digit) = (self.columns(cells), dac.max_digit());
        let grid_siemens = self.lsb_siemens / ONE as f64;
        let of_cells = noise.relative() > 0.0 || noise.white().is_some();
        // Cells that their gates cut off have no noise.
        let is_gated = self.design.wires().is_some_and(|wires| wires.gated_inputs());
        let rest = |siemens: f32| self.variance_at_rest(siemens);
        let driven = |siemens: f32, digit: u32| {
            self.variance_driven(siemens, digit) + if is_gated { rest(siemens) } else { 0.0 }
        };
        let (mut cell, mut undriven) = (Vec::new(), Vec::new());
        let (mut common, mut common_undriven) = (Vec::new(), Vec::new());
        if of_cells {
            for digit in 1..=max_digit {
                for row in 0..cells.rows {
                    for lane in 0..self.lanes {
                        for column in 0..columns {
                            let (first, pair) = cells.lane(self.layout, row, lane, column);
                            let both = driven(first, digit) + pair.map_or(0.0, |pair| driven(pair, digit));
                            cell.push(both * square(adcs.gain(lane, column)));
                        }
                    }
                }
                common.extend(cells.dummy.iter().map(|&dummy| driven(dummy, digit)));
            }
        }
        if noise.white().is_some() && !is_gated {
            let conversions = self.lanes * columns;
            undriven = vec![0.0; cells.rows / self.design.active_rows() * conversions];
            for row in 0..cells.rows {
                let group = &mut undriven[row / self.design.active_rows() * conversions..][..conversions];
                for (at, sum) in group.iter_mut().enumerate() {
                    let (first, pair) = cells.lane(self.layout, row, at / columns, at % columns);
                    *sum += rest(first) + pair.map_or(0.0, rest);
                }
            }
            common_undriven = cells
                .dummy
                .chunks(self.design.active_rows())
                .map(|group| group.iter().map(|&dummy| rest(dummy)).sum())
                .collect();
        }
        let front_end = square(noise.front_end_amperes() / (grid_siemens * dac.volts(1)));
        let mut constant = square(adc_noise * ONE as f64);
        if adcs.have_gains() && (front_end > 0.0 || !undriven.is_empty()) {
            // What is in front of gains differs from one ADC to the next.
            undriven.resize(cells.rows / self.design.active_rows() * self.lanes * columns, 0.0);
            for (at, sum) in undriven.iter_mut().enumerate() {
                let conversion = at % (self.lanes * columns);
                *sum = (*sum + front_end) * square(adcs.gain(conversion / columns, conversion % columns));
            }
        } else {
            constant += front_end;
        }

        let largest = |variances: &[f64]| variances.iter().copied().fold(0.0, f64::max);
        let rows = self.design.active_rows() as f64;
        let own = largest(&cell) * rows + largest(&undriven) + constant;
        let shared = largest(&common) * rows + largest(&common_undriven);
        let bound = own.max(shared);
        let unit_bits = (0..=60).find(|&bits| bound / square((1u64 << bits) as f64) < (1u64 << 62) as f64);
        let unit_bits = unit_bits.ok_or(Error::Overflow {
            name: "read-noise variance",
            needed: u64::BITS,
            available: u64::BITS - 1,
        })?;
        let unit = square((1u64 << unit_bits) as f64);
        // Smaller than the largest, which fits.
        let on_grid = |variance: f64| round_real(variance / unit).unwrap_or_default() as u64;
        let table = |variances: Vec<f64>| variances.into_iter().map(on_grid).collect();
        let word_line = noise.word_line_volts() / dac.volts(1) * WORD_LINE_ONE;
        Ok(Some(BlockNoise {
            method: self.design.noise_method(),
            unit_bits,
            cells: table(cell),
            undriven: table(undriven),
            common: table(common),
            common_undriven: table(common_undriven),
            constant: on_grid(constant),
            word_line_deviation: round_real(word_line).ok_or(Error::Overflow {
                name: "word-line noise",
                needed: i64::BITS,
                available: i64::BITS - 1,
            })?,
        }))
    }

    /// Telegraph and 1/f noise as deviations of every cell.
    fn slow_noise(
        &self,
        address: u64,
        cells: &ArrayCells,
        adcs: &ArrayAdcs<'_>,
    ) -> Result<Option<SlowNoise>> {
        let noise = self.design.read_noise();
        if noise.telegraph().is_none() && noise.flicker().is_none() {
            return Ok(None);
        }
        let max_digit = self.design.dac().max_digit();
        // What a deviation counts at a digit follows the current of a cell at the highest level.
        let g_on = self.design.cell().levels().g_on();
        let full = self.drive(g_on, max_digit) / f64::from(max_digit);
        let digit_weight = (0..=max_digit)
            .map(|digit| if digit == 0 { 0 } else { weight_on_grid(self.drive(g_on, digit) / full) })
            .collect();
        let telegraph = match noise.telegraph() {
            Some(telegraph) => Some(self.telegraph(&telegraph, address, cells, adcs)?),
            None => None,
        };
        let flicker = match noise.flicker() {
            Some(flicker) => {
                let planes = self.design.input_format().planes();
                let (held, octaves) = flicker.weights(noise.persistence(), self.design.plane_secs(), planes);
                let gain = |at: usize| adcs.gain_of_bit_line(at % cells.columns);
                let of_cells = cells.siemens.iter().enumerate();
                let of_cells = of_cells.map(|(at, &siemens)| self.flicker(siemens.into(), gain(at)));
                let of_dummies = cells.dummy.iter().map(|&siemens| self.flicker(siemens.into(), 1.0));
                Some(kernel::Flicker {
                    deviation: of_cells.collect::<Result<_>>()?,
                    dummy_deviation: of_dummies.collect::<Result<_>>()?,
                    held,
                    octaves,
                })
            }
            None => None,
        };
        let arms = if self.layout.settings().mapping.is_bipolar() { 2 } else { 1 };
        Ok(Some(SlowNoise { arms, digit_weight, telegraph, flicker }))
    }

    fn telegraph(
        &self,
        telegraph: &Telegraph,
        address: u64,
        cells: &ArrayCells,
        adcs: &ArrayAdcs<'_>,
    ) -> Result<kernel::Telegraph> {
        let duty = telegraph.duty();
        let states = |siemens: &[f32], columns: usize, bank: u64| -> Result<(Vec<i64>, Vec<i64>)> {
            let mut z = vec![0.0; columns];
            let (mut trapped, mut untrapped) =
                (Vec::with_capacity(siemens.len()), Vec::with_capacity(siemens.len()));
            for (row, siemens) in siemens.chunks_exact(columns).enumerate() {
                telegraph.draw_amplitudes(self.device_key, [address, row as u64, bank], &mut z);
                for (column, (&siemens, &z)) in siemens.iter().zip(&z).enumerate() {
                    let siemens = f64::from(siemens);
                    let delta = self.deviation_per_digit(siemens, telegraph.delta_siemens(siemens, z.into()));
                    let is_dummy = bank == super::arrays::DUMMY_BANK;
                    let delta = delta * if is_dummy { 1.0 } else { adcs.gain_of_bit_line(column) };
                    trapped.push(self.on_grid(-(1.0 - duty) * delta)?);
                    untrapped.push(self.on_grid(duty * delta)?);
                }
            }
            Ok((trapped, untrapped))
        };
        let (trapped, untrapped) = states(&cells.siemens, cells.columns, super::arrays::WEIGHT_BANK)?;
        let (dummy_trapped, dummy_untrapped) = states(&cells.dummy, 1, super::arrays::DUMMY_BANK)?;
        let (capture, emission) = telegraph.transitions(self.design.plane_secs());
        Ok(kernel::Telegraph {
            trapped,
            untrapped,
            dummy_trapped,
            dummy_untrapped,
            probability: fraction(duty),
            capture: fraction(capture),
            emission: fraction(emission),
            persistence: match self.design.read_noise().persistence() {
                crate::device::Persistence::Held => kernel::Persistence::Held,
                crate::device::Persistence::Evolved => kernel::Persistence::Evolved,
                crate::device::Persistence::Redrawn => kernel::Persistence::Redrawn,
            },
        })
    }

    /// Standard deviation of a cell's 1/f noise, in grid units per unit digit.
    fn flicker(&self, siemens: f64, gain: f64) -> Result<i64> {
        let (noise, dac) = (self.design.read_noise(), self.design.dac());
        let amperes = self.drive(siemens, dac.max_digit()) * dac.volts(1);
        let current = (amperes, dac.read_volts());
        let deviation =
            noise.flicker_siemens((siemens, self.digits.at_rest(siemens)), current, self.conditions.kelvin);
        self.on_grid(self.deviation_per_digit(siemens, deviation) * gain)
    }

    /// How far a deviation of a cell's conductance moves its current at full scale, per unit digit.
    fn deviation_per_digit(&self, siemens: f64, deviation: f64) -> f64 {
        if siemens == 0.0 || self.design.cell().iv().is_ohmic() {
            return deviation;
        }
        let max_digit = self.design.dac().max_digit();
        deviation / siemens * self.drive(siemens, max_digit) / f64::from(max_digit)
    }

    /// Energy of each word line per digit and plane, `V · ΣI · t`, at most one joule.
    fn energy(&self, cells: &ArrayCells) -> Result<Vec<u128>> {
        let (dac, secs) = (self.design.dac(), self.design.plane_secs());
        let check = |joules| check_real("energy of a word line in one plane (J)", joules, 0.0, 1.0);
        let joules_per_siemens = square(dac.volts(1)) * secs;
        let of_row = |row: usize, digit: u32| -> Result<u128> {
            if self.design.cell().iv().is_ohmic() {
                let joules = (sum(cells.row(row)) + cells.dummy(row)) * joules_per_siemens;
                check(joules)?;
                return Ok(u128::from(digit).pow(2) * (joules / ENERGY_UNIT_JOULES).round() as u128);
            }
            let drive = cells.row(row).iter().map(|&g| self.drive(g.into(), digit)).sum::<f64>()
                + self.drive(cells.dummy(row), digit);
            let joules = f64::from(digit) * drive * joules_per_siemens;
            check(joules)?;
            Ok((joules / ENERGY_UNIT_JOULES).round() as u128)
        };
        (1..=dac.max_digit())
            .flat_map(|digit| (0..cells.rows).map(move |row| (row, digit)))
            .map(|(row, digit)| of_row(row, digit))
            .collect()
    }
}

/// Brings one word line's cells, `[column][cell]`, into the order of conversions, `[lane][column]`: a weight's
/// first cells are its lanes.
fn sort_by_lane<W: Copy>(cells: &[W], cells_per_weight: usize, sorted: &mut [W]) {
    let columns = cells.len() / cells_per_weight;
    vectorised(
        #[inline(always)]
        || match (cells_per_weight, sorted.len() / columns) {
            (1, 1) => sorted.copy_from_slice(cells),
            (2, 2) => sort_by_lane_of::<2, W>(cells, columns, sorted),
            (4, 4) => sort_by_lane_of::<4, W>(cells, columns, sorted),
            (8, 8) => sort_by_lane_of::<8, W>(cells, columns, sorted),
            _ => {
                for (lane, sorted) in sorted.chunks_exact_mut(columns).enumerate() {
                    let cells = cells[lane..].iter().step_by(cells_per_weight);
                    sorted.iter_mut().zip(cells).for_each(|(sorted, &cell)| *sorted = cell);
                }
            }
        },
    );
}

/// With their number known, the cells of many weights are sorted at once.
#[inline(always)]
fn sort_by_lane_of<const CELLS: usize, W: Copy>(cells: &[W], columns: usize, sorted: &mut [W]) {
    const PART: usize = 16;
    let (weights, rest) = cells.as_chunks::<CELLS>().0.as_chunks::<PART>();
    for (part, weights) in weights.iter().enumerate() {
        for lane in 0..CELLS {
            let sorted = &mut sorted[lane * columns + part * PART..][..PART];
            for i in 0..PART {
                sorted[i] = weights[i][lane];
            }
        }
    }
    let done = columns - rest.len();
    for (i, weight) in rest.iter().enumerate() {
        for lane in 0..CELLS {
            sorted[lane * columns + done + i] = weight[lane];
        }
    }
}

fn too_large() -> Error {
    Error::Overflow { name: "contribution of a cell", needed: i64::BITS, available: i64::BITS - 1 }
}

/// One unit digit in the unit of word-line deviations.
const WORD_LINE_ONE: f64 = (1u64 << 24) as f64;

fn weight_on_grid(weight: f64) -> i64 {
    round_real(weight * ONE as f64).unwrap_or(i64::MAX)
}

/// A probability as a fraction of 2⁶⁴; certainty is the largest.
fn fraction(probability: f64) -> u64 {
    const TWO_64: f64 = 18_446_744_073_709_551_616.0;
    (probability * TWO_64) as u64
}

/// The sum of conductances, in sixteen interleaved partial sums that need not wait for each other.
fn sum(siemens: &[f32]) -> f64 {
    vectorised(
        #[inline(always)]
        || {
            let mut sums = [0.0; 16];
            let (chunks, rest) = siemens.as_chunks::<16>();
            for chunk in chunks {
                sums.iter_mut().zip(chunk).for_each(|(sum, &g)| *sum += f64::from(g));
            }
            sums.iter_mut().zip(rest).for_each(|(sum, &g)| *sum += f64::from(g));
            sums.into_iter().sum()
        },
    )
}

/// `powi` is not specified to the last bit.
fn square(x: f64) -> f64 {
    x * x
}
