//! Results are functions of keys: not of threads, batches, skipped planes or other effects.

mod common;

use std::collections::HashSet;
use std::convert::Infallible;

use common::{Fill, random_inputs, random_weights};
use forms_xbar::{
    ActivityLevel, Adc, Baseline, Design, DesignBuilder, Die, Error, Key, Mapping, Programming, ReadNoise,
    Scratch, Skip, StuckCells, Weights, presets, study::Study,
};
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng, TryRng};

/// A generator that must not be touched.
struct Untouchable;

impl TryRng for Untouchable {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("drew from a generator on a path that needs no randomness")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("drew from a generator on a path that needs no randomness")
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Infallible> {
        panic!("drew from a generator on a path that needs no randomness")
    }
}

fn noisy() -> DesignBuilder {
    presets::forms().input_bits(8).read_noise(ReadNoise::new(0.02, 2e-7).unwrap())
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
    let die = noisy().build().unwrap().program(&weights(), &mut ChaCha8Rng::seed_from_u64(3)).unwrap();
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
    let die = noisy().build().unwrap().program(&weights(), &mut ChaCha8Rng::seed_from_u64(3)).unwrap();
    let x = batch(100);
    let read = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| die.mvm_batch(&x, &mut ChaCha8Rng::seed_from_u64(4)).unwrap())
    };
    let one = read(1);
    assert_eq!(one, read(2));
    assert_eq!(one, read(5));
}

#[test]
fn a_scratch_serves_any_die() {
    let key = Key::from(1);
    let small = noisy()
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
    // A plane of zeros carries no current and no relative noise: run or not, it adds nothing. If
    // skipping it shifted the draws of the other planes, results would differ.
    let read = |skip| {
        let design = presets::forms()
            .adc(Adc::granular(5))
            .input_bits(8)
            .skip(skip)
            .read_noise(ReadNoise::new(0.05, 0.0).unwrap())
            .build()
            .unwrap();
        let die = design.program_keyed(&weights(), Key::from(5)).unwrap();
        let x: Vec<u8> = batch(1).into_iter().map(|x| x & 0b0101_0101).collect();
        die.mvm_keyed(&x, Key::from(6)).unwrap()
    };
    let (off, leading, zeros) = (read(Skip::Off), read(Skip::LeadingZeros), read(Skip::AllZeroPlanes));
    assert_eq!(off.y, leading.y);
    assert_eq!(off.y, zeros.y);
    assert!(off.activity.conversions() > leading.activity.conversions());
    assert!(leading.activity.conversions() > zeros.activity.conversions());
}

#[test]
fn further_outputs_move_neither_cells_nor_noise() {
    // 33 outputs of four slices take a second column tile; 256 inputs take two row tiles.
    let cell = common::ideal_cell(2)
        .with_programming(Programming::Lognormal { sigma: 0.1 })
        .with_stuck_cells(StuckCells::new(0.02, 0.05).unwrap());
    let first = random_weights((256, 33, 8), Fill::Uniform, Some((8, 128)), 1);
    let x: Vec<u8> = random_inputs(256, (0, 255), 2).into_iter().map(|x| x as u8).collect();
    for baseline in [Baseline::Digital, Baseline::DummyColumn] {
        let design = noisy().cell(cell.clone()).adc(Adc::pass_through()).baseline(baseline).build().unwrap();
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
    let expected = include_str!("value_stability.txt");
    let found = format!("{bits:?}\n{normals:?}\n{:?}\n{:?}\n", read.y, read.activity);
    if found != expected {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/target/value_stability.new");
        std::fs::write(path, &found).unwrap();
        panic!("values moved; what was found is in target/value_stability.new");
    }
}
