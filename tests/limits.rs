//! What must hold at the ends: no noise, no error, many bits.

mod common;

use approx::assert_relative_eq;
use common::{Fill, ideal_cell, product, random_inputs, random_weights};
use forms_xbar::nalgebra::DVector;
use forms_xbar::{
    Adc, Baseline, Cell, Dac, DesignBuilder, Die, Error, Key, LevelMap, Mapping, Programming, ReadNoise,
    StuckCells, Subtraction, Weights, presets,
};

const MAPPINGS: [Mapping; 4] = [
    Mapping::Polarized { fragment: 8 },
    Mapping::Differential { subtraction: Subtraction::Digital },
    Mapping::Differential { subtraction: Subtraction::BeforeAdc },
    Mapping::Offset,
];

fn design(mapping: Mapping, adc: Adc) -> DesignBuilder {
    let cell = ideal_cell(2).with_programming(Programming::Lognormal { sigma: 0.1 });
    DesignBuilder::new(mapping, cell, adc).active_rows(8)
}

fn weights() -> Weights {
    random_weights((150, 20, 8), Fill::Uniform, Some((8, 128)), 1)
}

fn x() -> Vec<u8> {
    random_inputs(150, (0, 255), 2).into_iter().map(|x| x as u8).collect()
}

fn real(die: &Die) -> Vec<f64> {
    die.mvm_keyed(&x(), Key::from(1)).unwrap().to_real()
}

/// What the effective weights say the die computes.
fn linear(die: &Die) -> Vec<f64> {
    let x = DVector::from_iterator(150, x().into_iter().map(f64::from));
    (die.effective_weights().transpose() * x).as_slice().to_vec()
}

#[test]
fn zero_sigma_is_exact() {
    for mapping in MAPPINGS {
        let read = |builder: DesignBuilder| {
            builder
                .build()
                .unwrap()
                .program_keyed(&weights(), Key::from(3))
                .unwrap()
                .mvm_keyed(&x(), Key::from(4))
                .unwrap()
                .y
        };
        let ideal = design(mapping, Adc::granular(8)).cell(ideal_cell(2));
        let exact = read(ideal.clone());
        assert_eq!(exact, product(&weights(), &x().into_iter().map(i32::from).collect::<Vec<_>>()));
        for programming in [
            Programming::Exact,
            Programming::Lognormal { sigma: 0.0 },
            Programming::NormalRelative { sigma: 0.0 },
            Programming::NormalOfGOn { sigma: 0.0 },
            Programming::Lognormal { sigma: 1e-9 },
        ] {
            let cell = ideal_cell(2)
                .with_programming(programming.clone())
                .with_stuck_cells(StuckCells::new(0.0, 0.0).unwrap());
            assert_eq!(exact, read(ideal.clone().cell(cell)), "{programming:?}");
        }
        let noise =
            |relative, front_end| ideal.clone().read_noise(ReadNoise::new(relative, front_end).unwrap());
        assert_eq!(exact, read(noise(0.0, 0.0)));
        assert_eq!(exact, read(noise(1e-9, 1e-15)));
    }
}

#[test]
fn pass_through_is_the_effective_matrix() {
    for mapping in MAPPINGS {
        for column_flip in [false, true] {
            for baseline in [Baseline::None, Baseline::Digital, Baseline::DummyColumn] {
                if mapping.is_bipolar() && baseline == Baseline::DummyColumn {
                    continue;
                }
                let builder =
                    design(mapping, Adc::pass_through()).column_flip(column_flip).baseline(baseline);
                let die = builder.build().unwrap().program_keyed(&weights(), Key::from(3)).unwrap();
                // Each of at most 150 · 8 contributions is rounded by half a grid unit, weighted by up
                // to 85 · 255 in all.
                let tolerance = 150.0 * 85.0 * 255.0 * 2.0 / 65536.0;
                for (read, linear) in real(&die).into_iter().zip(linear(&die)) {
                    assert!((read - linear).abs() < tolerance, "{mapping:?} {baseline:?}: {read} {linear}");
                }
            }
        }
    }
}

#[test]
fn more_adc_bits_converge_to_the_effective_matrix() {
    for mapping in MAPPINGS {
        let error = |bits| {
            let builder = design(mapping, Adc::full_range(bits));
            let die = builder.build().unwrap().program_keyed(&weights(), Key::from(3)).unwrap();
            let errors = real(&die).into_iter().zip(linear(&die)).map(|(a, b)| (a - b).powi(2));
            (errors.sum::<f64>() / 20.0).sqrt()
        };
        let (coarse, fine) = (error(6), error(12));
        // Six bits more make LSBs 64 times finer; programmed cells may exceed the nominal full scale, so
        // allow for some clipping.
        assert!(fine < coarse / 16.0, "{mapping:?}: {coarse} to {fine}");
    }
}

#[test]
fn effective_weights_of_ideal_cells_are_the_weights() {
    for mapping in MAPPINGS {
        for column_flip in [false, true] {
            let builder = design(mapping, Adc::granular(8)).cell(ideal_cell(2)).column_flip(column_flip);
            let die = builder.build().unwrap().program_keyed(&weights(), Key::from(3)).unwrap();
            let effective = die.effective_weights();
            for input in 0..150 {
                for output in 0..20 {
                    let weight = f64::from(weights().get(input, output).unwrap());
                    // Conductances are f32: 6e-8 of up to 85 · 3.1 level steps.
                    assert_relative_eq!(effective[(input, output)], weight, epsilon = 1e-4);
                }
            }
        }
    }
}

#[test]
fn measured_conductances_stand_in_for_programmed_ones() {
    for baseline in [Baseline::Digital, Baseline::DummyColumn] {
        let design =
            design(MAPPINGS[0], Adc::granular(6)).cell(ideal_cell(2)).baseline(baseline).build().unwrap();
        let die = design.program_keyed(&weights(), Key::from(3)).unwrap();
        let measured: Vec<Vec<f64>> = die
            .conductances()
            .map(|array| array.as_row_slice().iter().map(|&g| g.into()).collect())
            .collect();
        let copy = Die::from_conductances(&design, &weights(), &measured, Key::from(1)).unwrap();
        assert_eq!(real(&die), real(&copy));

        let mut bad = measured.clone();
        bad[0][42] = -1e-6;
        let error = Die::from_conductances(&design, &weights(), &bad, Key::from(1)).unwrap_err();
        let columns = die.conductances().next().unwrap().columns();
        let place = Error::Conductance { array: 0, row: 42 / columns, column: 42 % columns, siemens: -1e-6 };
        assert_eq!(error, place);
        assert!(Die::from_conductances(&design, &weights(), &measured[1..], Key::from(1)).is_err());
        // Measured cells do not tell devices from writes.
        assert!(matches!(copy.rewrite_keyed(&weights(), Key::from(2)), Err(Error::Conflict { .. })));
    }
}

#[test]
fn a_level_table_is_what_it_says() {
    // Twice the step between the upper levels: 3 reads as 4, in units of the mean step 4/3.
    let table = LevelMap::table(vec![0.0, 1e-6, 2e-6, 4e-6]).unwrap();
    let builder = DesignBuilder::new(MAPPINGS[0], Cell::new(table), Adc::pass_through());
    let weights = Weights::from_row_slice(1, 4, 3, &[0, 1, 2, 3]).unwrap();
    let die = builder.build().unwrap().program_keyed(&weights, Key::from(1)).unwrap();
    let read = die.mvm_keyed(&[100u8], Key::from(1)).unwrap().to_real();
    for (found, level) in read.into_iter().zip([0.0, 1.0, 2.0, 4.0]) {
        assert_relative_eq!(found, 100.0 * level * 0.75, epsilon = 0.01);
    }
}

#[test]
fn calibration_puts_the_quantile_at_full_scale() {
    let weights = weights();
    let x: Vec<u8> = random_inputs(150 * 20, (0, 255), 9).into_iter().map(|x| x as u8).collect();
    for mapping in MAPPINGS {
        let build = |quantile| {
            let design = design(mapping, Adc::calibrated(6, quantile)).build().unwrap();
            design.program_keyed(&weights, Key::from(3)).unwrap()
        };
        let nominal = build(1.0);
        for (quantile, clipped) in [(1.0, 0.0), (0.99, 0.01), (0.9, 0.1)] {
            let die = build(quantile).calibrate(&x).unwrap();
            assert!(die.design().thresholds().lsb < nominal.design().thresholds().lsb);
            let read = die
                .mvm_batch(&x, &mut <rand::rngs::ChaCha8Rng as rand::SeedableRng>::seed_from_u64(1))
                .unwrap();
            let activity = read.activity;
            let share =
                (activity.clipped_low() + activity.clipped_high()) as f64 / activity.conversions() as f64;
            // Half an LSB above full scale does not clip yet, so somewhat fewer do.
            assert!(share <= clipped && share >= 0.5 * clipped, "{mapping:?} {quantile}: {share}");
            // The calibrated design programs the same cells and reads the same codes.
            let again = die.design().program_keyed(&weights, Key::from(3)).unwrap();
            assert_eq!(real(&die), real(&again));
        }
    }
    let fixed =
        presets::forms().input_bits(8).build().unwrap().program_keyed(&weights, Key::from(3)).unwrap();
    assert!(matches!(fixed.calibrate(&x), Err(Error::Conflict { .. })));
    let calibrated = design(MAPPINGS[0], Adc::calibrated(6, 0.99)).build().unwrap();
    let die = calibrated.program_keyed(&weights, Key::from(3)).unwrap();
    assert!(matches!(die.calibrate::<u8>(&[]), Err(Error::Integer { .. })));
}

#[test]
fn cell_energy_is_v_squared_g_t() {
    // One word line, one 2-bit weight cell at level 3 (100 µS) and one at level 0 (1 µS).
    let weights = Weights::from_row_slice(1, 1, 4, &[3]).unwrap();
    for (dac_bits, x, volts_squared) in [(1, 0b101u8, 2.0 * 0.04), (2, 0b1101, (1.0 + 9.0) / 9.0 * 0.04)] {
        let builder = DesignBuilder::new(Mapping::Polarized { fragment: 1 }, ideal_cell(2), Adc::granular(6));
        let design = builder.dac(Dac::new(dac_bits, 0.2).unwrap()).plane_secs(15e-9).build().unwrap();
        let die = design.program_keyed(&weights, Key::from(1)).unwrap();
        let mut scratch = die.scratch(forms_xbar::ActivityLevel::CountsAndEnergy);
        die.mvm_into_keyed(&[x], Key::from(1), &mut [0i64], &mut scratch).unwrap();
        let joules = scratch.activity().cell_energy_joules();
        assert_relative_eq!(joules, volts_squared * 101e-6 * 15e-9, max_relative = 1e-6);
    }
}

#[test]
fn memory_is_four_bytes_a_cell_and_the_grid() {
    let die = presets::forms().build().unwrap().program_keyed(&weights(), Key::from(1)).unwrap();
    let cells = die.conductances().map(|array| array.rows() * array.columns()).sum::<usize>();
    assert_eq!(cells, 152 * 20 * 4);
    assert_eq!(die.memory().conductances, 4 * cells);
    assert!(die.memory().grid >= 4 * cells && die.memory().total() < 12 * cells);
}

#[test]
fn the_bound_holds_and_is_near() {
    // Both row tiles, every weight and every input at their ends.
    let weights = Weights::full_magnitude_from_row_slice(256, 2, 8, &[255, -255].repeat(256)).unwrap();
    let y = 255 * 255 * 256;
    for (mapping, adc) in [
        (MAPPINGS[0], Adc::granular(5)),
        (MAPPINGS[0], Adc::full_range(8)),
        (MAPPINGS[0], Adc::pass_through()),
        (MAPPINGS[1], Adc::granular(5)),
        (MAPPINGS[2], Adc::granular(6)),
        (MAPPINGS[2], Adc::pass_through()),
    ] {
        let design = design(mapping, adc).cell(ideal_cell(2)).build().unwrap();
        let die = design.program_keyed(&weights, Key::from(1)).unwrap();
        assert_eq!(die.layout().row_tiles(), 2);
        let read = die.mvm_keyed(&[255u8; 256], Key::from(1)).unwrap();
        for (found, exact) in read.to_real().into_iter().zip([y, -y]) {
            assert_relative_eq!(found, f64::from(exact), max_relative = 0.01);
        }
        // Digital differences are bounded as if both arms were at their largest.
        let slack = if mapping == MAPPINGS[1] { 2.2 } else { 1.1 };
        for y in read.y {
            let (y, bound) = (y.abs() as f64, die.bound() as f64);
            assert!(y <= bound && bound <= slack * y, "{mapping:?} {adc:?}: {y}, bound {bound}");
        }
    }
}

#[test]
fn traced_amperes_are_the_currents_of_the_cells() {
    for baseline in [Baseline::Digital, Baseline::DummyColumn] {
        for adc in [Adc::full_range(6), Adc::granular(6), Adc::pass_through()] {
            let dac = Dac::new(2, 0.3).unwrap();
            let builder = design(MAPPINGS[0], adc).baseline(baseline).dac(dac);
            let die = builder.build().unwrap().program_keyed(&weights(), Key::from(3)).unwrap();
            let lsb = die.design().thresholds().lsb as f64 / 65536.0;
            assert_eq!(lsb > 1.01, adc == Adc::full_range(6));
            let arrays: Vec<_> = die.conductances().collect();
            let x = x();
            for c in die.trace_keyed(&x, Key::from(1)).unwrap().conversions {
                let array = &arrays[c.array];
                let column = c.output * 4 + c.slice;
                let rows = c.group * 8..(c.group + 1) * 8;
                let amperes = rows.map(|row| {
                    let digit = x.get(c.array * 128 + row).map_or(0, |x| x >> (2 * c.plane) & 3);
                    let cell = array.as_row_slice()[row * array.columns() + column];
                    let dummy = array.dummy_column().map_or(0.0, |dummy| dummy[row]);
                    0.3 * f64::from(digit) / 3.0 * (f64::from(cell) - f64::from(dummy))
                });
                // Each of 8 cells, at a digit of up to 3, is off by two halves of 2⁻¹⁶ LSB at most.
                let grid = lsb * 33e-6 * 0.1 / 65536.0;
                assert_relative_eq!(c.amperes, amperes.sum::<f64>(), epsilon = 8.0 * 3.0 * grid);
            }
        }
    }
}

#[test]
fn calibrated_to_every_input_nothing_clips() {
    for seed in 0..40 {
        let x: Vec<u8> = random_inputs(150 * 3, (0, 255), seed).into_iter().map(|x| x as u8).collect();
        for mapping in MAPPINGS {
            for bits in [5, 6] {
                let design = design(mapping, Adc::calibrated(bits, 1.0)).build().unwrap();
                let die = design.program_keyed(&weights(), Key::from(u128::from(seed))).unwrap();
                let die = die.calibrate(&x).unwrap();
                let thresholds = die.design().thresholds();
                let lsb_amperes = thresholds.lsb as f64 / 65536.0 * 33e-6 * 0.2;
                // Not even the half LSB above the highest code is needed, but for rounding: eight cells are
                // each off by two halves of 2⁻¹⁶ LSB, and were so before, by an LSB at most twice as large.
                let top = thresholds.codes.unwrap().1 as f64 + 3.0 * 8.0 / 65536.0;
                for x in x.chunks_exact(150) {
                    for c in die.trace_keyed(x, Key::from(1)).unwrap().conversions {
                        assert!(c.amperes.abs() <= top * lsb_amperes, "{mapping:?}, seed {seed}: {c:?}");
                        assert_eq!(c.code, c.unclamped);
                    }
                }
            }
        }
    }
}

#[test]
fn zeros_calibrate_nothing() {
    for mapping in MAPPINGS {
        let design = design(mapping, Adc::calibrated(6, 1.0)).build().unwrap();
        let die = design.program_keyed(&weights(), Key::from(1)).unwrap();
        let error = die.calibrate(&[0u8; 300]).unwrap_err();
        assert!(matches!(error, Error::Integer { .. }), "{error}");
    }
}

#[test]
fn full_range_never_clips_nominal_sums() {
    let table = LevelMap::table(vec![0.0, 20e-6, 25e-6, 30e-6]).unwrap();
    let leaky = LevelMap::table(vec![20e-6, 45e-6, 47e-6, 50e-6]).unwrap();
    let linear = LevelMap::linear(2, 1e-6, 100e-6).unwrap();
    for levels in [table, leaky, linear] {
        for mapping in MAPPINGS {
            for (column_flip, baseline) in
                [false, true].into_iter().flat_map(|flip| [(flip, Baseline::Digital), (flip, Baseline::None)])
            {
                for fill in [Fill::Uniform, Fill::Lowest, Fill::Highest] {
                    let builder = DesignBuilder::new(mapping, Cell::new(levels.clone()), Adc::full_range(6));
                    let design = builder.active_rows(8).column_flip(column_flip).baseline(baseline);
                    let weights = random_weights((150, 20, 8), fill, Some((8, 128)), 1);
                    let die = design.build().unwrap().program_keyed(&weights, Key::from(1)).unwrap();
                    for x in [vec![255u8; 150], x()] {
                        let activity = die.mvm_keyed(&x, Key::from(1)).unwrap().activity;
                        assert_eq!(
                            (activity.clipped_low(), activity.clipped_high()),
                            (0, 0),
                            "{levels:?} {mapping:?} {column_flip} {baseline:?} {fill:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn column_flip_does_not_halve_an_unequal_level_table() {
    // Eight cells at level 1 are not flipped, yet carry 160 µS, two thirds of the largest current.
    let cell = Cell::new(LevelMap::table(vec![0.0, 20e-6, 25e-6, 30e-6]).unwrap());
    let design = DesignBuilder::new(MAPPINGS[0], cell, Adc::full_range(8)).column_flip(true);
    let weights = Weights::from_row_slice(8, 1, 2, &[1; 8]).unwrap();
    let die = design.build().unwrap().program_keyed(&weights, Key::from(1)).unwrap();
    let read = die.mvm_keyed(&[255u8; 8], Key::from(1)).unwrap();
    assert_eq!(read.activity.clipped_high(), 0);
    // In mean level steps of 10 µS.
    assert_relative_eq!(read.to_real()[0], 16.0 * 255.0, max_relative = 0.01);
}

#[test]
fn a_dummy_column_beside_measured_cells_keeps_its_target() {
    // β = 1, so that any other dummy shows.
    let cell = Cell::new(LevelMap::linear(2, 30e-6, 120e-6).unwrap());
    let builder = DesignBuilder::new(MAPPINGS[0], cell, Adc::granular(5)).baseline(Baseline::DummyColumn);
    let design = builder.build().unwrap();
    let weights = weights();
    let die = design.program_keyed(&weights, Key::from(1)).unwrap();
    let measured: Vec<Vec<f64>> =
        die.conductances().map(|array| array.to_matrix().transpose().as_slice().to_vec()).collect();
    let die = Die::from_conductances(&design, &weights, &measured, Key::from(1)).unwrap();
    for array in die.conductances() {
        assert_eq!(array.dummy_column().unwrap(), vec![30e-6; array.rows()]);
    }
    let x = x();
    let exact = product(&weights, &x.iter().map(|&x| x.into()).collect::<Vec<_>>());
    assert_eq!(die.mvm_keyed(&x, Key::from(1)).unwrap().y, exact);
}

#[test]
fn the_bound_includes_the_baseline_of_cells_that_do_not_conduct() {
    // β = 1: eight driven rows are taken to leak eight level steps, and leak nothing.
    let cell = Cell::new(LevelMap::linear(2, 30e-6, 120e-6).unwrap());
    let design = DesignBuilder::new(MAPPINGS[0], cell, Adc::granular(6)).build().unwrap();
    let weights = Weights::full_magnitude_from_row_slice(8, 1, 2, &[1; 8]).unwrap();
    let die = Die::from_conductances(&design, &weights, &[vec![0.0; 8]], Key::from(1)).unwrap();
    let y = die.mvm_keyed(&[255u8; 8], Key::from(1)).unwrap().y[0];
    assert_eq!(y, -8 * 255);
    assert!(die.bound() >= -y, "{}", die.bound());
}

#[test]
fn a_cell_beyond_narrow_words_counts_as_it_should() {
    // 2 S over a level step of 33 µS and 2¹⁶ grid units: 4 · 10⁹, more than 32 bits hold. In any place of a row, and
    // in rows that fill no whole chunk.
    for (outputs, at) in [(1, 0), (1, 3), (5, 13), (16, 63)] {
        let weights = Weights::from_row_slice(8, outputs, 8, &vec![1; 8 * outputs]).unwrap();
        let design = design(MAPPINGS[0], Adc::pass_through()).build().unwrap();
        let die = design.program_keyed(&weights, Key::from(1)).unwrap();
        let mut siemens: Vec<f64> =
            die.conductances().next().unwrap().as_row_slice().iter().map(|&g| g.into()).collect();
        siemens[at] = 2.0;
        let die = Die::from_conductances(&design, &weights, &[siemens], Key::from(1)).unwrap();
        let mut x = vec![0u8; 8];
        x[at / (4 * outputs)] = 1;
        let y = die.mvm_keyed(&x, Key::from(1)).unwrap().to_real();
        let row = DVector::from_iterator(8, x.into_iter().map(f64::from));
        let expected = die.effective_weights().transpose() * row;
        assert!(expected.amax() > 32_768.0);
        for (y, expected) in y.iter().zip(&expected) {
            // Four slices of weight 85 in all, each rounded to half a grid unit.
            assert!((y - expected).abs() < 85.0 / 65_536.0, "{outputs} {at}: {y} {expected}");
        }
    }
}
