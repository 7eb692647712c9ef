//! Results are functions of keys: not of threads, batches, skipped planes or other effects.

mod common;

use common::{Fill, Untouchable, random_inputs, random_weights};
use forms_xbar::device::{
    Ageing, Conditions, DeviceSpread, Drift, Flicker, FlickerAmplitude, LineState, LogTimeCurve, Persistence,
    Relaxation, SmoothField, StuckLines, Telegraph, TelegraphAmplitude, TemperatureCoefficient, WhiteLaw,
    WhiteNoise, WriteVerify,
};
use forms_xbar::{
    ActivityLevel, Adc, Baseline, Budget, Cell, Dac, Design, DesignBuilder, Die, Error, Key, LevelMap,
    Mapping, NoiseMethod, Programming, ReadNoise, Scratch, Skip, StuckCells, Weights, presets, study::Study,
};
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};
use std::collections::HashSet;

const METHODS: [NoiseMethod; 2] = [NoiseMethod::Gaussian, NoiseMethod::Thresholds];

fn noisy() -> DesignBuilder {
    presets::forms().input_bits(8).read_noise(ReadNoise::new(0.02, 2e-7).unwrap())
}

fn white() -> WhiteNoise {
    WhiteNoise::new(1e9, WhiteLaw::ThermalAndShot).unwrap()
}

fn telegraph() -> Telegraph {
    let amplitude = TelegraphAmplitude::Lognormal { median: 0.05, sigma: 0.5, cap: 0.5 };
    Telegraph::new(amplitude, 60e-9, 20e-9).unwrap()
}

fn flicker() -> Flicker {
    Flicker::new(FlickerAmplitude::Relative { sigma: 0.01 }, 1.0, 1e9).unwrap()
}

/// The kinds of read noise that have draws of their own, each put on top of others.
const KINDS: [fn(ReadNoise) -> ReadNoise; 4] = [
    |noise| noise.with_white(white()),
    |noise| noise.with_word_line_volts(2e-3),
    |noise| noise.with_telegraph(telegraph()),
    |noise| noise.with_flicker(flicker()),
];

/// All of them.
fn every_kind(persistence: Persistence) -> ReadNoise {
    let noise = ReadNoise::new(0.02, 2e-7).unwrap().with_persistence(persistence);
    KINDS.iter().fold(noise, |noise, add| add(noise))
}

/// Read noise as the first tests knew it, and all kinds of today.
fn noises() -> Vec<ReadNoise> {
    let all = [Persistence::Held, Persistence::Evolved, Persistence::Redrawn].map(every_kind);
    [ReadNoise::new(0.02, 2e-7).unwrap()].into_iter().chain(all).collect()
}

/// A cell with spread, write-verify, faults and everything that ages.
fn every_effect() -> Cell {
    let relaxation = LogTimeCurve::new(40e-6, 1e-6, (0.0, 40e-6), &[0.3, 0.5], &[0.02, 0.1]).unwrap();
    let ageing = Ageing::NONE
        .with_relaxation(Relaxation::new((1.0, 1e6), LogTimeCurve::ZERO, relaxation).unwrap())
        .with_drift(Drift::new(0.01, 0.005, 1.0).unwrap())
        .with_temperature(TemperatureCoefficient::new(-0.005, 300.0, (250.0, 400.0)).unwrap());
    Cell::new(LevelMap::linear(2, 1e-6, 40e-6).unwrap())
        .with_device_spread(
            DeviceSpread::new(0.05)
                .unwrap()
                .with_bit_lines(0.02)
                .unwrap()
                .with_field(SmoothField::new(0.03, 12.0).unwrap()),
        )
        .with_programming(Programming::WriteVerify(WriteVerify::NEURRAM))
        .with_stuck_cells(StuckCells::new(0.01, 0.02).unwrap())
        .with_stuck_lines(StuckLines::new(0.01, 0.02, LineState::Open).unwrap())
        .with_ageing(ageing)
}

fn conductances(die: &Die) -> Vec<f32> {
    die.conductances().flat_map(|array| array.as_row_slice().to_vec()).collect()
}

fn weights() -> Weights {
    random_weights((150, 40, 8), Fill::Uniform, Some((8, 128)), 1)
}

fn batch(vectors: usize) -> Vec<u8> {
    random_inputs(150 * vectors, (0, 255), 2).into_iter().map(|x| x as u8).collect()
}

#[test]
fn sharing() {
    fn shared<T: Send + Sync>() {}
    shared::<Die>();
    shared::<Design>();
    shared::<DesignBuilder>();
    shared::<Weights>();
    shared::<Error>();
    shared::<Scratch>();
    shared::<Study>();
}

#[test]
fn ideal_paths_draw_nothing() {
    let design = noisy().cell(common::ideal_cell(2)).read_noise(ReadNoise::NONE).build().unwrap();
    let die = design.program(&weights(), &mut Untouchable).unwrap();
    let x = batch(3);
    die.mvm(&x[..150], &mut Untouchable).unwrap();
    die.mvm_batch(&x, &mut Untouchable).unwrap();
    die.trace(&x[..150], &mut Untouchable).unwrap();
    let mut y = vec![0i64; 40];
    die.mvm_into(&x[..150], &mut Untouchable, &mut y, &mut die.scratch(ActivityLevel::Off)).unwrap();
}

#[test]
fn refused_reads_draw_nothing() {
    let die = noisy().build().unwrap().program(&weights(), &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
    let x = batch(3);
    let mut y = vec![0i64; 40];
    assert!(die.mvm(&x[..149], &mut Untouchable).is_err());
    assert!(die.trace(&x[..149], &mut Untouchable).is_err());
    assert!(die.mvm_batch(&x[..449], &mut Untouchable).is_err());
    assert!(die.mvm_into(&x[..150], &mut Untouchable, &mut y[1..], &mut Scratch::default()).is_err());
}

#[test]
fn programming_takes_one_key_and_a_read_one_per_vector() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let die = noisy().build().unwrap().program(&weights(), &mut rng).unwrap();
    die.mvm_batch(&batch(5), &mut rng).unwrap();
    let mut plain = ChaCha8Rng::seed_from_u64(3);
    for _ in 0..6 {
        Key::draw(&mut plain);
    }
    assert_eq!(rng.next_u64(), plain.next_u64());
}

#[test]
fn a_batch_equals_its_single_reads() {
    for (noise, method) in noises().into_iter().flat_map(|noise| METHODS.map(|method| (noise, method))) {
        a_batch_equals_its_single_reads_with(noise, method);
    }
}

fn a_batch_equals_its_single_reads_with(noise: ReadNoise, method: NoiseMethod) {
    let design = noisy().read_noise(noise).noise_method(method).build().unwrap();
    let die = design.program(&weights(), &mut ChaCha8Rng::seed_from_u64(3)).unwrap();
    let x = batch(40);
    let whole = die.mvm_batch(&x, &mut ChaCha8Rng::seed_from_u64(4)).unwrap();

    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let singles: Vec<_> = x.chunks_exact(150).map(|x| die.mvm(x, &mut rng).unwrap()).collect();
    assert_eq!(whole.y, singles.iter().flat_map(|read| read.y.clone()).collect::<Vec<_>>());
    assert_eq!(whole.activity, singles.iter().map(|read| read.activity).sum());

    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let split: Vec<_> = x.chunks(150 * 7).flat_map(|x| die.mvm_batch(x, &mut rng).unwrap().y).collect();
    assert_eq!(whole.y, split);

    let mut narrow = vec![0i32; whole.y.len()];
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    die.mvm_batch_into(&x, &mut rng, &mut narrow, ActivityLevel::CountsAndEnergy).unwrap();
    assert!(narrow.iter().zip(&whole.y).all(|(&narrow, &wide)| i64::from(narrow) == wide));
}

#[test]
#[cfg(feature = "rayon")]
fn threads_change_nothing() {
    use forms_xbar::read::Kernel;
    let noises = [ReadNoise::new(0.02, 2e-7).unwrap(), every_kind(Persistence::Evolved)];
    for (noise, method) in noises.into_iter().flat_map(|noise| METHODS.map(|method| (noise, method))) {
        let design = noisy().read_noise(noise).noise_method(method).build().unwrap();
        let die = design.program(&weights(), &mut ChaCha8Rng::seed_from_u64(3)).unwrap();
        let x = batch(100);
        let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let rng = || ChaCha8Rng::seed_from_u64(4);
        let one = pool(1).install(|| die.mvm_batch(&x, &mut rng()).unwrap());
        // All tables at once, those of one array at a time, and none.
        let plan = die.prepare(Budget::default()).unwrap().plan();
        assert_eq!(plan.kernel, if noise == noises[0] { Kernel::White } else { Kernel::Direct });
        let mut prepared = vec![];
        for bytes in if plan.bytes > 0 { vec![plan.bytes, plan.bytes - 1, 0] } else { vec![0] } {
            prepared.push(die.prepare(Budget::default().with_bytes(bytes)).unwrap());
        }
        for threads in [1, 2, 5] {
            for prepared in &prepared {
                let read = pool(threads).install(|| prepared.mvm_batch(&x, &mut rng()).unwrap());
                assert_eq!(read, one, "{method:?} {threads} {:?}", prepared.plan());
            }
        }
    }
}

#[test]
fn a_scratch_serves_any_die() {
    let key = Key::from(1);
    // The small one has slow noise, the large one has none.
    let small = noisy()
        .read_noise(every_kind(Persistence::Evolved))
        .build()
        .unwrap()
        .program_keyed(&random_weights((8, 2, 8), Fill::Uniform, Some((8, 128)), 1), key);
    let large = noisy().build().unwrap().program_keyed(&weights(), key);
    let (small, large) = (small.unwrap(), large.unwrap());
    let mut scratch = small.scratch(ActivityLevel::Counts);
    let x = batch(1);
    for die in [&large, &small, &large] {
        let mut y = vec![0i64; die.outputs()];
        die.mvm_into_keyed(&x[..die.inputs()], key, &mut y, &mut scratch).unwrap();
        let fresh = die.mvm_keyed(&x[..die.inputs()], key).unwrap();
        assert_eq!((y, scratch.take_activity()), (fresh.y, fresh.activity));
    }
}

#[test]
fn one_effect_leaves_the_draws_of_another_alone() {
    let conductances = |builder: DesignBuilder| {
        let die = builder.build().unwrap().program_keyed(&weights(), Key::from(5)).unwrap();
        die.conductances().flat_map(|array| array.as_row_slice().to_vec()).collect::<Vec<_>>()
    };
    let cell = common::ideal_cell(2).with_programming(Programming::Lognormal { sigma: 0.1 });
    let base = conductances(noisy().cell(cell.clone()));
    // Read noise, another ADC, a dummy column: the same cells.
    assert_eq!(base, conductances(noisy().cell(cell.clone()).read_noise(ReadNoise::NONE)));
    assert_eq!(base, conductances(noisy().cell(cell.clone()).adc(Adc::full_range(8))));
    assert_eq!(base, conductances(noisy().cell(cell.clone()).baseline(Baseline::DummyColumn)));
    // Faults change the cells they hit and no other.
    let faulty = conductances(noisy().cell(cell.with_stuck_cells(StuckCells::new(0.02, 0.03).unwrap())));
    let hit = base.iter().zip(&faulty).filter(|(a, b)| a != b).count() as f64 / base.len() as f64;
    assert!((0.04..0.06).contains(&hit), "{hit}");
    let at_the_ends = |g: &f32| *g == 1e-6 || *g == 100e-6;
    assert!(base.iter().zip(&faulty).all(|(a, b)| a == b || at_the_ends(b)));
}

#[test]
fn more_columns_or_rows_do_not_move_the_draws_of_the_first() {
    let cells = |outputs: usize| {
        let weights = Weights::from_row_slice(8, outputs, 8, &vec![255 / 2; 8 * outputs]).unwrap();
        let die = noisy().build().unwrap().program_keyed(&weights, Key::from(5)).unwrap();
        die.conductances().next().unwrap().to_matrix()
    };
    assert_eq!(cells(3), cells(30).columns(0, 12).into_owned());
}

#[test]
fn skipping_moves_no_noise() {
    // A plane of zeros carries no current, no relative and no slow noise: run or not, it adds nothing. If
    // skipping it shifted the draws of the other planes, results would differ.
    let relative = ReadNoise::new(0.05, 0.0).unwrap();
    let held = relative.with_telegraph(telegraph()).with_flicker(flicker());
    for (noise, method) in
        [relative, held].into_iter().flat_map(|noise| METHODS.map(|method| (noise, method)))
    {
        let read = |skip| {
            let design = presets::forms()
                .adc(Adc::granular(5))
                .input_bits(8)
                .skip(skip)
                .read_noise(noise)
                .noise_method(method)
                .build()
                .unwrap();
            let die = design.program_keyed(&weights(), Key::from(5)).unwrap();
            let x: Vec<u8> = batch(1).into_iter().map(|x| x & 0b0101_0101).collect();
            let read = die.mvm_keyed(&x, Key::from(6)).unwrap();
            assert_eq!(read, die.prepare(Budget::default()).unwrap().mvm_keyed(&x, Key::from(6)).unwrap());
            read
        };
        let (off, leading, zeros) = (read(Skip::Off), read(Skip::LeadingZeros), read(Skip::AllZeroPlanes));
        assert_eq!(off.y, leading.y);
        assert_eq!(off.y, zeros.y);
        assert!(off.activity.conversions() > leading.activity.conversions());
        assert!(leading.activity.conversions() > zeros.activity.conversions());
    }
}

#[test]
fn further_outputs_move_neither_cells_nor_noise() {
    // 33 outputs of four slices take a second column tile; 256 inputs take two row tiles.
    let cell = common::ideal_cell(2)
        .with_programming(Programming::Lognormal { sigma: 0.1 })
        .with_stuck_cells(StuckCells::new(0.02, 0.05).unwrap());
    let first = random_weights((256, 33, 8), Fill::Uniform, Some((8, 128)), 1);
    let x: Vec<u8> = random_inputs(256, (0, 255), 2).into_iter().map(|x| x as u8).collect();
    let cases = noises().into_iter().flat_map(|noise| {
        let cases =
            [(Baseline::Digital, cell.clone(), noise), (Baseline::DummyColumn, every_effect(), noise)];
        cases.into_iter().flat_map(|case| METHODS.map(|method| (case.clone(), method)))
    });
    for ((baseline, cell, noise), method) in cases {
        // Without an ADC sums show every grid unit; thresholds need codes.
        let adc = if method == NoiseMethod::Gaussian { Adc::pass_through() } else { Adc::full_range(10) };
        let builder = noisy().cell(cell).adc(adc).baseline(baseline).noise_method(method);
        let design = builder.read_noise(noise).build().unwrap();
        let program = |outputs: usize| {
            let values = first.as_row_slice().chunks_exact(33).flat_map(|row| row[..outputs].to_vec());
            let weights = Weights::from_row_slice(256, outputs, 8, &values.collect::<Vec<_>>()).unwrap();
            let die = design.program_keyed(&weights, Key::from(3)).unwrap();
            let cells: Vec<Vec<f32>> = die
                .conductances()
                .step_by(die.layout().column_tiles())
                .flat_map(|array| {
                    let rows = array.as_row_slice().chunks_exact(array.columns());
                    rows.map(|row| row[..4].to_vec()).collect::<Vec<_>>()
                })
                .collect();
            (cells, die.mvm_keyed(&x, Key::from(4)).unwrap().y)
        };
        let (cells, y) = program(33);
        assert_eq!(cells.len(), 256);
        for outputs in [1, 2, 3, 32] {
            let (fewer, part) = program(outputs);
            assert_eq!(cells, fewer, "{outputs} outputs");
            assert_eq!(y[..outputs], part, "{outputs} outputs");
        }
    }
}

#[test]
fn noise_of_no_amplitude_is_no_noise() {
    let traps = |amplitude| ReadNoise::NONE.with_telegraph(Telegraph::new(amplitude, 1e-6, 1e-6).unwrap());
    let one_over_f = |amplitude| ReadNoise::NONE.with_flicker(Flicker::new(amplitude, 1.0, 1e6).unwrap());
    let linear = |per_ohm, offset, cap| TelegraphAmplitude::LinearInResistance { per_ohm, offset, cap };
    let zeros = [
        ReadNoise::new(0.0, 0.0).unwrap(),
        ReadNoise::NONE.with_word_line_volts(0.0),
        ReadNoise::NONE.with_persistence(Persistence::Evolved),
        traps(TelegraphAmplitude::Constant { relative: 0.0 }),
        traps(linear(0.0, 0.0, 1.0)),
        traps(linear(1e-7, 0.1, 0.0)),
        traps(TelegraphAmplitude::Lognormal { median: 0.1, sigma: 1.0, cap: 0.0 }),
        one_over_f(FlickerAmplitude::Relative { sigma: 0.0 }),
        one_over_f(FlickerAmplitude::LogConductance { siemens_per_decade: 0.0, unit_siemens: 1e-6 }),
    ];
    let read = |noise: ReadNoise| {
        let builder = noisy().cell(common::ideal_cell(2)).adc(Adc::full_range(12)).read_noise(noise);
        let die = builder.build().unwrap().program(&weights(), &mut Untouchable).unwrap();
        die.mvm_batch(&batch(3), &mut Untouchable).unwrap()
    };
    let quiet = read(ReadNoise::NONE);
    for noise in zeros {
        assert_eq!(quiet, read(noise), "{noise:?}");
    }
    // Nor do they change what other noise does.
    let keyed = |noise: ReadNoise| {
        let die = noisy().read_noise(noise).build().unwrap().program_keyed(&weights(), Key::from(1));
        die.unwrap().mvm_keyed(&batch(1), Key::from(2)).unwrap()
    };
    let fast = ReadNoise::new(0.02, 2e-7).unwrap();
    let zero = Telegraph::new(TelegraphAmplitude::Constant { relative: 0.0 }, 1.0, 1.0).unwrap();
    assert_eq!(keyed(fast), keyed(fast.with_telegraph(zero).with_word_line_volts(0.0)));
    let zero = Flicker::new(FlickerAmplitude::Relative { sigma: 0.0 }, 1.0, 2.0).unwrap();
    assert_eq!(
        keyed(fast.with_telegraph(telegraph())),
        keyed(fast.with_telegraph(telegraph()).with_flicker(zero))
    );
    // A deviation of 0 of drawn amplitudes is none, and no cell is below this conductance.
    let amplitude = TelegraphAmplitude::Lognormal { median: 0.1, sigma: 0.0, cap: 1.0 };
    let drawn = Telegraph::new(amplitude, 1e-6, 1e-6).unwrap();
    let fixed = Telegraph::new(TelegraphAmplitude::Constant { relative: 0.1 }, 1e-6, 1e-6).unwrap();
    assert_eq!(keyed(fast.with_telegraph(drawn)), keyed(fast.with_telegraph(fixed)));
    let design = noisy().cell(common::ideal_cell(2)).read_noise(fast.with_telegraph(drawn)).build().unwrap();
    design.program(&weights(), &mut Untouchable).unwrap();
    let amplitude = FlickerAmplitude::LogConductance { siemens_per_decade: 1e-6, unit_siemens: 1.0 };
    let far = Flicker::new(amplitude, 1.0, 1e6).unwrap();
    assert_eq!(keyed(fast), keyed(fast.with_flicker(far)));
}

#[test]
fn kinds_of_noise_leave_each_others_draws_alone() {
    // Sums pass through: what kinds add together is what they add alone.
    for (baseline, bits) in [(Baseline::Digital, 1), (Baseline::DummyColumn, 2)] {
        for persistence in [Persistence::Held, Persistence::Evolved, Persistence::Redrawn] {
            let read = |kinds: usize| {
                let none = ReadNoise::NONE.with_persistence(persistence);
                let chosen = (0..4).filter(|kind| kinds >> kind & 1 == 1);
                let noise = chosen.fold(none, |noise, kind| KINDS[kind](noise));
                let builder = noisy().adc(Adc::pass_through()).baseline(baseline).read_noise(noise);
                let design = builder.dac(Dac::new(bits, 0.2).unwrap()).build().unwrap();
                let die = design.program_keyed(&weights(), Key::from(1)).unwrap();
                die.mvm_keyed(&batch(1), Key::from(2)).unwrap().y
            };
            let quiet = read(0);
            let alone: Vec<Vec<i64>> = (0..4).map(|kind| read(1 << kind)).collect();
            assert!(alone.iter().all(|y| y.iter().zip(&quiet).filter(|(a, b)| a == b).count() < 4));
            for kinds in 1..16 {
                let together = read(kinds);
                for (output, &y) in together.iter().enumerate() {
                    let moved = (0..4).filter(|kind| kinds >> kind & 1 == 1);
                    let sum: i64 = moved.map(|kind| alone[kind][output] - quiet[output]).sum();
                    assert_eq!(y - quiet[output], sum, "{baseline:?} {persistence:?} kinds {kinds:04b}");
                }
            }
        }
    }
}

#[test]
fn conditions_are_absolute() {
    let design = noisy().cell(every_effect()).adc(Adc::full_range(10)).baseline(Baseline::DummyColumn);
    let design = design.read_noise(every_kind(Persistence::Evolved)).build().unwrap();
    let die = design.program_keyed(&weights(), Key::from(5)).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let mut random = || Conditions {
        elapsed_secs: 10f64.powf(rng.random_range(-1.0..6.0)),
        kelvin: rng.random_range(260.0..390.0),
        reads: rng.random_range(0..1 << 40),
        cycles: rng.random_range(0..1 << 30),
    };
    let same = |a: &Die, b: &Die| {
        assert_eq!(conductances(a), conductances(b));
        let dummies = |die: &Die| {
            let of = |array: forms_xbar::die::Conductances<'_>| array.dummy_column().unwrap().to_vec();
            die.conductances().flat_map(of).collect::<Vec<_>>()
        };
        assert_eq!(dummies(a), dummies(b));
        assert_eq!(a.effective_weights(), b.effective_weights());
        assert_eq!(a.mvm_keyed(&batch(1), Key::from(7)), b.mvm_keyed(&batch(1), Key::from(7)));
        assert_eq!(a.conditions(), b.conditions());
    };
    for _ in 0..8 {
        let (x, y) = (random(), random());
        let direct = die.at(&y).unwrap();
        same(&die.at(&x).unwrap().at(&y).unwrap(), &direct);
        assert_ne!(conductances(&direct), conductances(&die));
        same(&direct.at(&Conditions::FRESH).unwrap(), &die);
    }
}

#[test]
fn ageing_draws_belong_to_the_write_and_no_other_effect_moves_them() {
    let day = Conditions { elapsed_secs: 86_400.0, ..Conditions::FRESH };
    let aged = |cell: Cell| {
        let die = noisy().cell(cell).build().unwrap().program_keyed(&weights(), Key::from(5)).unwrap();
        (conductances(&die), conductances(&die.at(&day).unwrap()))
    };
    let cell = || common::ideal_cell(2).with_programming(Programming::Lognormal { sigma: 0.1 });
    // The same deviation for all cells, so that what it adds can be compared.
    let law = LogTimeCurve::constant(1e-8, 0.0).unwrap();
    let relaxation = Relaxation::new((1.0, 1e6), LogTimeCurve::ZERO, law).unwrap();
    let drift = Drift::new(0.0, 0.01, 1.0).unwrap();
    let stuck = StuckCells::new(0.02, 0.03).unwrap();
    let (fresh, relaxed) = aged(cell().with_ageing(Ageing::NONE.with_relaxation(relaxation.clone())));
    let (_, drifted) = aged(cell().with_ageing(Ageing::NONE.with_drift(drift)));
    let both = Ageing::NONE.with_relaxation(relaxation).with_drift(drift);
    let (faulty_fresh, all) = aged(cell().with_ageing(both).with_stuck_cells(stuck));
    let mut moved = 0;
    for i in 0..fresh.len() {
        if faulty_fresh[i] != fresh[i] {
            assert_eq!(all[i], faulty_fresh[i], "stuck cells do not age");
            continue;
        }
        moved += 1;
        let expected = f64::from(relaxed[i]) * (f64::from(drifted[i]) / f64::from(fresh[i]));
        assert!((f64::from(all[i]) / expected - 1.0).abs() < 1e-5, "{i}: {} {expected}", all[i]);
    }
    assert!(moved > fresh.len() * 9 / 10 && moved < fresh.len(), "{moved}");
}

#[test]
fn a_rewrite_keeps_faults_and_spread() {
    let spread = DeviceSpread::new(0.1).unwrap().with_bit_lines(0.05).unwrap();
    let spread = spread.with_field(SmoothField::new(0.05, 10.0).unwrap());
    let stuck = StuckCells::new(0.02, 0.03).unwrap();
    let lines = StuckLines::new(0.02, 0.02, LineState::Open).unwrap();
    let all = |cell: Cell| cell.with_device_spread(spread).with_stuck_cells(stuck).with_stuck_lines(lines);
    let program = |cell: Cell, key: u128| {
        noisy().cell(cell).build().unwrap().program_keyed(&weights(), Key::from(key)).unwrap()
    };
    // Without programming error a write finds what the one before left, by whatever key.
    let exact = program(all(common::ideal_cell(2)), 5);
    let again = exact.rewrite_keyed(&weights(), Key::from(6)).unwrap();
    assert_eq!(conductances(&exact), conductances(&again));
    // With it, the error is that of the second write, the rest of the first.
    let error = || common::ideal_cell(2).with_programming(Programming::Lognormal { sigma: 0.2 });
    let again = program(all(error()), 5).rewrite_keyed(&weights(), Key::from(6)).unwrap();
    let (written, spread, plain) =
        (conductances(&program(error(), 6)), conductances(&exact), conductances(&again));
    let ideal = conductances(&program(common::ideal_cell(2), 1));
    let mut faults = 0;
    for i in 0..ideal.len() {
        let [written, spread, both, ideal] = [written[i], spread[i], plain[i], ideal[i]].map(f64::from);
        if [0.0, f64::from(1e-6f32), f64::from(100e-6f32)].contains(&spread) {
            assert_eq!(both, spread);
            faults += 1;
        } else {
            assert!((both / (written * spread / ideal) - 1.0).abs() < 1e-5);
        }
    }
    assert!((0.05..0.12).contains(&(f64::from(faults) / ideal.len() as f64)), "{faults}");
    // Conditions start over.
    let day = Conditions { elapsed_secs: 86_400.0, ..Conditions::FRESH };
    let die = program(every_effect(), 5);
    let rewritten = die.at(&day).unwrap().rewrite_keyed(&weights(), Key::from(6)).unwrap();
    assert_eq!(rewritten.conditions(), Conditions::FRESH);
    assert_eq!(conductances(&rewritten), conductances(&die.rewrite_keyed(&weights(), Key::from(6)).unwrap()));
}

#[test]
fn children_of_a_key_differ() {
    let key = Key::from(7);
    let children: HashSet<Key> = (0..1000).map(|index| key.child(index)).chain([key]).collect();
    assert_eq!(children.len(), 1001);
}

/// Pinned values: a change here is value-breaking and belongs in the changelog.
#[test]
fn values_are_stable() {
    let mut stream = Key::from(7).stream(forms_xbar::key::Purpose::Programming, [1, 2, 3]);
    let bits: Vec<u64> = (0..3).map(|_| stream.bits()).collect();
    let normals: Vec<f64> = (0..3).map(|_| stream.normal()).collect();
    let die = noisy()
        .mapping(Mapping::Polarized { fragment: 8 })
        .cell(
            common::ideal_cell(2)
                .with_programming(Programming::Lognormal { sigma: 0.1 })
                .with_stuck_cells(StuckCells::new(0.01, 0.02).unwrap()),
        )
        .build()
        .unwrap()
        .program_keyed(&random_weights((16, 4, 8), Fill::Highest, Some((8, 128)), 1), Key::from(8))
        .unwrap();
    let x: Vec<u8> = (0..16).map(|i| 17 * i as u8).collect();
    let read = die.mvm_keyed(&x, Key::from(9)).unwrap();
    // Everything that is drawn by a die, a write, time and a read.
    let design = noisy().cell(every_effect()).read_noise(every_kind(Persistence::Evolved)).build().unwrap();
    let physics =
        design.program_keyed(&random_weights((16, 4, 8), Fill::Highest, Some((8, 128)), 1), Key::from(8));
    let day = Conditions { elapsed_secs: 86_400.0, kelvin: 330.0, ..Conditions::FRESH };
    let day = physics.unwrap().at(&day).unwrap();
    let (cells, later) = (&conductances(&day)[..8], day.mvm_keyed(&x, Key::from(9)).unwrap());
    // White noise by the chances of codes.
    let design = noisy().mapping(Mapping::Polarized { fragment: 8 }).noise_method(NoiseMethod::Thresholds);
    let chances = design
        .build()
        .unwrap()
        .program_keyed(&random_weights((16, 4, 8), Fill::Highest, Some((8, 128)), 1), Key::from(8))
        .unwrap()
        .mvm_keyed(&x, Key::from(9))
        .unwrap();
    let expected = include_str!("value_stability.txt");
    let found = format!(
        "{bits:?}\n{normals:?}\n{:?}\n{:?}\n{cells:?}\n{:?}\n{:?}\n{:?}\n{:?}\n",
        read.y, read.activity, later.y, later.activity, chances.y, chances.activity
    );
    if found != expected {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/target/value_stability.new");
        std::fs::write(path, &found).unwrap();
        panic!("values moved; what was found is in target/value_stability.new");
    }
}
