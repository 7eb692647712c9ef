//! Mapping is lossless: recombining an ideal read gives `W·x`, in pure integers.

mod common;

use common::{fills, mappings, polarization, product, random_inputs, random_weights};
use forms_xbar::mapping::{Layout, LayoutSettings, Mapping, Tile};
use forms_xbar::{Error, Weights};
use proptest::prelude::*;

/// An ideal read of one array: column sums of digit × level, then the recipe.
fn read_tile(layout: &Layout, tile: &Tile, x: &[i32], y: &mut [i64]) {
    let cells = layout.cells_per_weight();
    let outputs = tile.columns / cells;
    let active = layout.settings().active_rows;
    for group in 0..tile.rows / active {
        let rows = group * active..(group + 1) * active;
        let input = |row: usize| i64::from(x.get(row).copied().unwrap_or(0));
        let n: i64 = rows.clone().map(input).sum();
        for (column, y) in y.iter_mut().enumerate() {
            for lane in 0..layout.lanes() {
                let cell = |row: usize, lane: usize| {
                    i64::from(tile.levels[row * tile.columns + column * cells + lane])
                };
                let sum: i64 = rows
                    .clone()
                    .map(|row| {
                        let pair = if layout.settings().mapping.is_bipolar() {
                            cell(row, lane + layout.slices())
                        } else {
                            0
                        };
                        input(row) * (cell(row, lane) - pair)
                    })
                    .sum();
                let value = sum << tile.recipe.shift[lane];
                let negative = tile.recipe.negative[(group * layout.lanes() + lane) * outputs + column];
                *y += if negative { -value } else { value };
            }
            *y += tile.recipe.digit_sum[group * outputs + column] * n;
        }
    }
}

fn read(layout: &Layout, weights: &Weights, x: &[i32]) -> Vec<i64> {
    let mut y = vec![0; weights.outputs()];
    for array in 0..layout.arrays() {
        let tile = layout.map(weights.as_row_slice(), array).unwrap();
        let (row_tile, column_tile) = (array / layout.column_tiles(), array % layout.column_tiles());
        let x = &x[layout.tile_inputs(row_tile)];
        read_tile(layout, &tile, x, &mut y[layout.tile_outputs(column_tile)]);
    }
    y
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn an_ideal_read_recombines_to_the_product(
        (mapping, active_rows) in mappings(),
        column_flip in any::<bool>(),
        cell_bits in 1u32..=4,
        bits in 2u32..=16,
        inputs in 1usize..40,
        outputs in 1usize..7,
        fill in fills(),
        seed in any::<u64>(),
    ) {
        let settings =
            LayoutSettings { mapping, column_flip, cell_bits, array_rows: 16, array_columns: 40, active_rows };
        let weights = random_weights((inputs, outputs, bits), fill, polarization(mapping, 16), seed);
        let layout = Layout::new(settings, inputs, outputs, weights.range()).unwrap();
        let x = random_inputs(inputs, (-32768, 65535), seed ^ 1);
        prop_assert_eq!(read(&layout, &weights, &x), product(&weights, &x));
    }

    #[test]
    fn no_column_exceeds_the_promised_sum(
        (mapping, active_rows) in mappings(),
        cell_bits in 1u32..=4,
        inputs in 1usize..40,
        fill in fills(),
        seed in any::<u64>(),
    ) {
        for column_flip in [false, true] {
            let settings =
                LayoutSettings { mapping, column_flip, cell_bits, array_rows: 16, array_columns: 40, active_rows };
            let weights = random_weights((inputs, 3, 8), fill, polarization(mapping, 16), seed);
            let layout = Layout::new(settings, inputs, 3, weights.range()).unwrap();
            for array in 0..layout.arrays() {
                let tile = layout.map(weights.as_row_slice(), array).unwrap();
                for group in tile.levels.chunks_exact(active_rows * tile.columns) {
                    for column in 0..tile.columns {
                        let sum: u64 = group.iter().skip(column).step_by(tile.columns).map(|&l| u64::from(l)).sum();
                        prop_assert!(sum <= settings.max_column_sum(), "{} > {}", sum, settings.max_column_sum());
                    }
                }
            }
        }
    }

    #[test]
    fn full_magnitudes_recombine_too(
        (mapping, active_rows) in mappings(),
        column_flip in any::<bool>(),
        values in prop::collection::vec(0i32..=255, 24),
        seed in any::<u64>(),
    ) {
        let settings =
            LayoutSettings { mapping, column_flip, cell_bits: 2, array_rows: 16, array_columns: 40, active_rows };
        let weights = Weights::full_magnitude_from_row_slice(24, 1, 8, &values).unwrap();
        let layout = Layout::new(settings, 24, 1, weights.range()).unwrap();
        // The freed sign bit costs polarized and differential weights no slice, offset weights one.
        prop_assert_eq!(layout.slices(), if mapping == Mapping::Offset { 5 } else { 4 });
        let x = random_inputs(24, (0, 255), seed);
        prop_assert_eq!(read(&layout, &weights, &x), product(&weights, &x));
    }
}

#[test]
fn forms_fragments_are_bounded_by_flip() {
    for (active_rows, plain, flipped) in [(4, 12, 6), (8, 24, 12), (16, 48, 24), (128, 384, 192)] {
        let settings = |column_flip| LayoutSettings {
            mapping: Mapping::Offset,
            column_flip,
            cell_bits: 2,
            array_rows: 128,
            array_columns: 128,
            active_rows,
        };
        assert_eq!(settings(false).max_column_sum(), plain);
        assert_eq!(settings(true).max_column_sum(), flipped);
    }
}

#[test]
fn polarized_takes_half_the_arrays_of_differential() {
    let arrays = |mapping| {
        let settings = LayoutSettings {
            mapping,
            column_flip: false,
            cell_bits: 2,
            array_rows: 128,
            array_columns: 128,
            active_rows: 8,
        };
        Layout::new(settings, 400, 128, (-128, 127)).unwrap().arrays()
    };
    assert_eq!(arrays(Mapping::Polarized { fragment: 8 }), 16);
    assert_eq!(arrays(Mapping::Offset), 16);
    for subtraction in [forms_xbar::Subtraction::Digital, forms_xbar::Subtraction::BeforeAdc] {
        assert_eq!(arrays(Mapping::Differential { subtraction }), 32);
    }
}

#[test]
fn mixed_fragments_are_named() {
    let settings = LayoutSettings {
        mapping: Mapping::Polarized { fragment: 4 },
        column_flip: false,
        cell_bits: 2,
        array_rows: 16,
        array_columns: 8,
        active_rows: 2,
    };
    let layout = Layout::new(settings, 20, 3, (-8, 7)).unwrap();
    let mut values = vec![1; 60];
    values[19 * 3 + 2] = -1; // input 19, output 2: the second row tile, the third column tile
    let error = (0..layout.arrays()).find_map(|array| layout.map(&values, array).err()).unwrap();
    assert_eq!(error, Error::MixedSign { fragment: 4, output: 2, input: 19, value: -1 });
    // The same sign in the whole fragment is fine, and so is a zero.
    for input in 16..19 {
        values[input * 3 + 2] = [-1, 0, -8][input - 16];
    }
    assert!((0..layout.arrays()).all(|array| layout.map(&values, array).is_ok()));
}
