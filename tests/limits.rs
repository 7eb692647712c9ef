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
                .with_programming(programming)
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
        let copy = Die::from_conductances(&design, &weights(), &measured).unwrap();
        assert_eq!(real(&die), real(&copy));

        let mut bad = measured.clone();
        bad[0][42] = -1e-6;
        let error = Die::from_conductances(&design, &weights(), &bad).unwrap_err();
        let columns = die.conductances().next().unwrap().columns();
        let place = Error::Conductance { array: 0, row: 42 / columns, column: 42 % columns, siemens: -1e-6 };
        assert_eq!(error, place);
        assert!(Die::from_conductances(&design, &weights(), &measured[1..]).is_err());
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
