//! What runs cost, against sums made by hand and what papers print.

use approx::assert_relative_eq;
use forms_xbar::cost::{
    AdcBank, AdcModel, Component, ComponentTable, Cost, CostModel, Layer, Network, PricedPer, Scope, Sizes,
    tables,
};
use forms_xbar::study::Study;
use forms_xbar::{
    Activity, ActivityLevel, Adc, Budget, Cell, Design, DesignBuilder, Die, Error, Key, LevelMap, Mapping,
    Skip, Subtraction, Weights, presets,
};
use rand::{SeedableRng, rngs::ChaCha8Rng};

const POLARIZED: Mapping = Mapping::Polarized { fragment: 4 };

/// Powers of two, so that every product by hand is exact: arrays of 4 bit lines and planes of 2⁻²⁰ s, so 2²²
/// conversions in a second.
fn exact_table() -> ComponentTable {
    let part =
        |name, watts, square_metres, per| Component::new(name, 1, watts, square_metres, per, "").unwrap();
    let sizes = Sizes { arrays_per_mcu: 2, mcus_per_tile: 4, tiles_per_chip: 8 };
    let adcs = AdcBank::new(2, 4, 4_194_304.0, 2.0, 6.0, "").unwrap();
    ComponentTable::new("powers of two", adcs, sizes, (8, 4), 1.0 / 1_048_576.0)
        .unwrap()
        .with_mcu(vec![
            part("hold", 0.5, 0.25, PricedPer::Conversion),
            part("dac", 4.0, 2.0, PricedPer::Plane),
            part("cells", 8.0, 1.0, PricedPer::Cells),
        ])
        .with_tile(vec![part("buffer", 16.0, 32.0, PricedPer::Second)])
        .with_chip(vec![part("link", 64.0, 128.0, PricedPer::Second)])
}

fn exact_design(skip: Skip) -> Design {
    let cell = Cell::new(LevelMap::linear(2, 1e-6, 100e-6).unwrap());
    DesignBuilder::new(POLARIZED, cell, Adc::granular(4))
        .array(8, 4)
        .skip(skip)
        .plane_secs(1.0 / 1_048_576.0)
        .build()
        .unwrap()
}

/// 16 inputs and 6 outputs of one cell each: two row tiles of two groups, on column tiles of four outputs and two.
fn exact_die(design: &Design) -> Die {
    let weights = Weights::full_magnitude_from_row_slice(16, 6, 2, &[1; 96]).unwrap();
    design.program_keyed(&weights, Key::from(1)).unwrap()
}

const X: [u8; 16] = [3, 0, 1, 0, 4, 5, 0, 0, 8, 1, 0, 0, 0, 0, 0, 0];

fn exact_cost(scope: Scope) -> Cost {
    let design = exact_design(Skip::LeadingZeros);
    let die = exact_die(&design);
    let activity = die.mvm_keyed(&X, Key::from(2)).unwrap().activity;
    CostModel::new(&exact_table(), &design).unwrap().with_scope(scope).price(die.layout(), &activity).unwrap()
}

#[test]
fn counters_times_prices_by_hand_to_the_last_digit() {
    // Groups run 2, 3 planes on the first row tile and 4, 0 on the second: 9 planes on each of two column tiles, of
    // which one converts 4 bit lines and one 2. The slower row tile takes 5 planes.
    let (planes, conversions, busy_secs) = (18.0, 54.0, 5.0 / 1_048_576.0);
    let cost = exact_cost(Scope::Chip);
    assert_eq!((cost.vectors(), cost.arrays(), cost.operations()), (1, 4, 2.0 * 16.0 * 6.0));
    assert_eq!(cost.busy_secs(), busy_secs);
    assert_eq!(cost.latency_secs(), 11.0 / 1_048_576.0);
    assert_eq!(cost.mvms_per_sec(), 209_715.2);

    // An MCU of two arrays makes 2²³ conversions in a second for 2 W, so one costs 2⁻²² J.
    let megahertz = 1_048_576.0;
    let expected = [
        ("ADC", conversions / 4_194_304.0, 4.0 * 3.0),
        ("hold", conversions / 16_777_216.0, 4.0 * 0.125),
        // Two arrays, each a plane in 2⁻²⁰ s, share 4 W.
        ("dac", planes * 2.0 / megahertz, 4.0 * 1.0),
        ("cells", planes * 4.0 / megahertz, 4.0 * 0.5),
        // Half of the tile's eight arrays, 1/16 of the chip's 64.
        ("buffer", 8.0 * busy_secs, 16.0),
        ("link", 4.0 * busy_secs, 8.0),
    ];
    let items: Vec<_> =
        cost.items().iter().map(|item| (item.name.as_str(), item.joules, item.square_metres)).collect();
    assert_eq!(items, expected);
    assert_eq!(cost.joules(), 184.875 / megahertz);
    assert_eq!(cost.joules_per_mvm(), cost.joules());
    assert_eq!(cost.square_metres(), 42.5);
    assert_eq!((cost.joules_of("dac"), cost.square_metres_of("dac")), (36.0 / megahertz, 4.0));
    assert_eq!(cost.operations_per_joule(), 192.0 / (184.875 / megahertz));
    assert_eq!(cost.operations_per_sec_per_square_metre(), 192.0 * megahertz / 5.0 / 42.5);
}

#[test]
fn slower_planes_cost_only_what_is_priced_by_the_second() {
    let (cell, megahertz) = (Cell::new(LevelMap::linear(2, 1e-6, 100e-6).unwrap()), 1_048_576.0);
    let slower = |times: f64| {
        let builder = DesignBuilder::new(POLARIZED, cell.clone(), Adc::granular(4)).array(8, 4);
        let design = builder.skip(Skip::LeadingZeros).plane_secs(times / megahertz).build().unwrap();
        let die = exact_die(&design);
        let activity = die.mvm_keyed(&X, Key::from(2)).unwrap().activity;
        let model = CostModel::new(&exact_table(), &design).unwrap().with_scope(Scope::Chip);
        (model.price(die.layout(), &activity).unwrap(), model.peak(2).unwrap())
    };
    let ((fast, fast_peak), (slow, slow_peak)) = (slower(1.0), slower(4.0));
    for name in ["ADC", "hold", "dac", "cells"] {
        assert_eq!(slow.joules_of(name), fast.joules_of(name), "{name}");
    }
    for name in ["buffer", "link"] {
        assert_eq!(slow.joules_of(name), 4.0 * fast.joules_of(name), "{name}");
    }
    assert_eq!(slow.latency_secs(), 4.0 * fast.latency_secs());
    assert_eq!(slow.square_metres(), fast.square_metres());
    // ADCs and parts of all 32 MCUs, 14.5 W each, a quarter as often; eight buffers and the link all the time.
    assert_eq!(fast_peak.watts, 32.0 * 14.5 + 8.0 * 16.0 + 64.0);
    assert_eq!(slow_peak.watts, 8.0 * 14.5 + 8.0 * 16.0 + 64.0);
    assert_eq!(slow_peak.operations_per_sec, fast_peak.operations_per_sec / 4.0);
}

#[test]
fn scopes_are_counted_up_to_where_they_say() {
    let names = |scope| {
        let cost = exact_cost(scope);
        cost.items().iter().map(|item| item.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(Scope::Mcu), ["ADC", "hold", "dac", "cells"]);
    assert_eq!(names(Scope::Tile), ["ADC", "hold", "dac", "cells", "buffer"]);
    assert_eq!(names(Scope::Chip), ["ADC", "hold", "dac", "cells", "buffer", "link"]);
}

#[test]
fn nothing_read_costs_nothing() {
    let design = exact_design(Skip::Off);
    let model = CostModel::new(&exact_table(), &design).unwrap();
    let cost = model.price(exact_die(&design).layout(), &Activity::default()).unwrap();
    assert_eq!((cost.joules(), cost.joules_per_mvm(), cost.mvms_per_sec()), (0.0, 0.0, 0.0));
    assert_eq!((cost.operations_per_joule(), cost.operations_per_sec_per_square_metre()), (0.0, 0.0));
    assert_eq!(cost.square_metres(), 4.0 * (3.0 + 0.125 + 1.0 + 0.5));
    let network = Network::new(1, vec![Layer::new(cost, 1).unwrap()]).unwrap();
    assert_eq!((network.inferences_per_sec(), network.operations_per_joule()), (0.0, 0.0));
}

#[test]
fn counted_cells_take_the_place_of_printed_ones() {
    let design = exact_design(Skip::LeadingZeros);
    let die = exact_die(&design);
    let model = CostModel::new(&exact_table(), &design).unwrap().with_counted_cells().unwrap();
    let read = |level| die.mvm_batch_into_keyed(&X, |_| Key::from(2), &mut [0i64; 6], level).unwrap();
    let activity = read(ActivityLevel::CountsAndEnergy);
    let cost = model.price(die.layout(), &activity).unwrap();
    // Every driven row: 6 cells of level 1 at 0.2 V for 2⁻²⁰ s.
    let siemens = design.cell().levels().conductance(1).unwrap();
    let joules = 8.0 * 6.0 * 0.2 * 0.2 * siemens / 1_048_576.0;
    assert_relative_eq!(cost.joules_of("cells"), joules, max_relative = 1e-6);
    assert_eq!(cost.joules_of("cells"), activity.cell_energy_joules());
    assert_eq!(cost.joules_of("dac"), 36.0 / 1_048_576.0);
    let uncounted = model.price(die.layout(), &read(ActivityLevel::Counts));
    assert!(matches!(uncounted, Err(Error::Conflict { first: "counted cells", .. })));
}

#[test]
fn counted_cells_are_priced_once() {
    let design = exact_design(Skip::LeadingZeros);
    let part = |per| Component::new("part", 1, 1.0, 1.0, per, "").unwrap();
    let (cells, other) = (part(PricedPer::Cells), part(PricedPer::Plane));
    let counted = |table: ComponentTable| CostModel::new(&table, &design).unwrap().with_counted_cells();
    assert!(counted(exact_table()).is_ok());
    for table in [
        exact_table().with_mcu(vec![other]),
        exact_table().with_mcu(vec![cells.clone(), cells.clone()]),
        exact_table().with_tile(vec![cells.clone()]),
        exact_table().with_mcu(vec![]).with_chip(vec![cells]),
    ] {
        assert!(matches!(counted(table), Err(Error::Conflict { first: "counted cells", .. })));
    }
}

#[test]
fn the_largest_tables_cost_finite_numbers() {
    let sizes = Sizes { arrays_per_mcu: u32::MAX, mcus_per_tile: u32::MAX, tiles_per_chip: u32::MAX };
    assert_eq!(sizes.arrays(Scope::Chip), u128::from(u32::MAX).pow(3));
    let part = |per| Component::new("part", 1, 1e9, 1e9, per, "").unwrap();
    for (sizes, plane_secs) in [(sizes, 1e-15), (sizes, 1e3), (exact_table().sizes(), 1e3)] {
        let adcs = AdcBank::new(u32::MAX, 4, 1e15, 1e9, 1e9, "").unwrap();
        let parts =
            || [PricedPer::Conversion, PricedPer::Plane, PricedPer::Cells, PricedPer::Second].map(part);
        let table = ComponentTable::new("largest", adcs, sizes, (8, 4), plane_secs)
            .unwrap()
            .with_mcu(parts().into())
            .with_chip(parts().into());
        let cell = Cell::new(LevelMap::linear(2, 1e-6, 100e-6).unwrap());
        let design = |secs| {
            DesignBuilder::new(POLARIZED, cell.clone(), Adc::granular(4)).array(8, 4).plane_secs(secs).build()
        };
        let design_of = design(1e3).unwrap();
        let model = CostModel::new(&table, &design_of).unwrap().with_scope(Scope::Chip);
        let die = exact_die(&design_of);
        for x in [[0u8; 16], [255; 16]] {
            let activity = die.mvm_keyed(&x, Key::from(2)).unwrap().activity;
            let cost = model.price(die.layout(), &activity).unwrap();
            assert!(
                cost.items().iter().all(|item| item.joules.is_finite() && item.square_metres.is_finite())
            );
            assert!(cost.latency_secs().is_finite() && !cost.operations_per_joule().is_nan());
        }
        let error = CostModel::new(&table, &design(1.1e3).unwrap()).unwrap_err();
        assert!(matches!(error, Error::Real { name: "plane time (s)", max: 1e3, .. }));
    }
}

#[test]
fn layers_by_hand() {
    let cost = exact_cost(Scope::Mcu);
    let (megahertz, joules) = (1_048_576.0, cost.joules());
    let layer = |copies| Layer::new(cost.clone(), copies).unwrap();
    // One vector of 5 planes a layer, over one inference; copies gain throughput.
    let network = Network::new(1, vec![layer(4), layer(1), layer(2)]).unwrap();
    assert_eq!(network.slowest(), Some(1));
    assert_eq!(network.inferences_per_sec(), megahertz / 5.0);
    assert_eq!(network.latency_secs(), (3.0 * 5.0 + 18.0) / megahertz);
    assert_eq!(network.joules_per_inference(), 3.0 * joules);
    assert_eq!(network.joules_per_inference_of("dac"), 3.0 * 36.0 / megahertz);
    assert_eq!(network.square_metres(), 7.0 * 18.5);
    assert_eq!(network.square_metres_of("dac"), 7.0 * 4.0);
    assert_eq!(network.arrays(), 28);
    assert_eq!(network.operations_per_joule(), 192.0 / joules);
    assert_eq!(network.operations_per_sec_per_square_metre(), 3.0 * 192.0 * (megahertz / 5.0) / (7.0 * 18.5));
    // The same counters over two inferences.
    let half = Network::new(2, vec![layer(1)]).unwrap();
    assert_eq!(half.inferences_per_sec(), 2.0 * megahertz / 5.0);
    assert_eq!(half.joules_per_inference(), joules / 2.0);
    assert_eq!(half.latency_secs(), 8.5 / megahertz);
    assert_eq!(Network::new(1, vec![]).unwrap().slowest(), None);
}

#[test]
fn copies_share_vectors_but_not_one_vector() {
    let (design, megahertz) = (exact_design(Skip::Off), 1_048_576.0);
    let die = exact_die(&design);
    let model = CostModel::new(&exact_table(), &design).unwrap();
    let layer = |vectors: usize, copies| {
        let activity = die.mvm_batch(&X.repeat(vectors), &mut ChaCha8Rng::seed_from_u64(1)).unwrap().activity;
        Layer::new(model.price(die.layout(), &activity).unwrap(), copies).unwrap()
    };
    let latency = |inferences, vectors, copies| {
        megahertz * Network::new(inferences, vec![layer(vectors, copies)]).unwrap().latency_secs() - 6.0
    };
    // 16 planes a vector: five vectors take five turns on one copy, three on two, two on four, one on five or more.
    for (copies, turns) in [(1, 5.0), (2, 3.0), (3, 2.0), (4, 2.0), (5, 1.0), (100, 1.0)] {
        assert_eq!(latency(1, 5, copies), 16.0 * turns, "{copies} copies");
        assert_eq!(latency(2, 10, copies), 16.0 * turns, "{copies} copies");
    }
    // Half a vector to an inference: every second one takes a turn.
    assert_eq!((latency(2, 1, 1), latency(2, 1, 3)), (8.0, 8.0));
    // Throughput does gain: inferences follow each other onto copies that are free.
    let network = Network::new(1, vec![layer(1, 4)]).unwrap();
    assert_eq!(network.inferences_per_sec(), 4.0 * megahertz / 16.0);
}

#[test]
fn inputs_of_zero_take_no_time_and_no_limit() {
    let design = exact_design(Skip::LeadingZeros);
    let die = exact_die(&design);
    let model = CostModel::new(&exact_table(), &design).unwrap();
    let activity = die.mvm_keyed(&[0u8; 16], Key::from(2)).unwrap().activity;
    let cost = model.price(die.layout(), &activity).unwrap();
    assert_eq!((cost.vectors(), cost.joules(), cost.busy_secs()), (1, 0.0, 0.0));
    assert_eq!(cost.mvms_per_sec(), f64::INFINITY);
    let network = Network::new(1, vec![Layer::new(cost, 1).unwrap()]).unwrap();
    assert_eq!(network.inferences_per_sec(), f64::INFINITY);
    assert_eq!(network.operations_per_joule(), f64::INFINITY);
}

#[test]
fn tables_are_for_arrays_of_their_size() {
    for (rows, columns) in [(256, 128), (64, 128), (128, 64), (128, 256)] {
        let design = presets::forms().array(rows, columns).plane_secs(1e-6).build().unwrap();
        let result = CostModel::new(&tables::forms().unwrap(), &design);
        assert!(
            matches!(result, Err(Error::Conflict { first: "the table's arrays", .. })),
            "{rows} × {columns}"
        );
        assert!(CostModel::scaled(&tables::forms().unwrap(), &design, AdcModel::PublishedFit).is_err());
    }
}

#[test]
fn one_thread_and_many_cost_the_same() {
    let design = presets::forms().input_bits(8).build().unwrap();
    let values: Vec<i32> = (0..130 * 40).map(|i| (i * 37 % 100) % 90 + 1).collect();
    let weights = Weights::from_row_slice(130, 40, 8, &values).unwrap();
    let die = design.program_keyed(&weights, Key::from(3)).unwrap();
    let x: Vec<u8> = (0..64 * 130).map(|i| (i * i % 251) as u8 >> (i / 130 % 8)).collect();
    let model = CostModel::new(&tables::forms().unwrap(), &design).unwrap().with_scope(Scope::Chip);
    let level = ActivityLevel::CountsAndEnergy;
    let read = |x: &[u8]| {
        let mut y = vec![0i64; x.len() / 130 * 40];
        die.mvm_batch_into_keyed(x, |_| Key::from(0), &mut y, level).unwrap()
    };
    let batch = model.clone().with_counted_cells().unwrap().price(die.layout(), &read(&x)).unwrap();
    assert!(batch.joules() > 0.0);
    for threads in [1, 2, 5] {
        let study = Study::new(64, Key::from(0)).unwrap().with_threads(threads).unwrap();
        let activities = study.run(|vector, _| read(&x[vector * 130..][..130]));
        // Summed up in another order than they were read, too.
        let activity: Activity = activities.into_iter().rev().sum();
        assert_eq!(
            model.clone().with_counted_cells().unwrap().price(die.layout(), &activity).unwrap(),
            batch
        );
    }
    let prepared = die.prepare(Budget::default()).unwrap();
    let mut y = vec![0i64; 64 * 40];
    let activity = prepared.mvm_batch_into_keyed(&x, |_| Key::from(0), &mut y, level).unwrap();
    assert_eq!(model.with_counted_cells().unwrap().price(die.layout(), &activity).unwrap(), batch);
}

#[test]
fn arrays_at_full_use_draw_what_their_table_sums_to() {
    for (table, builder) in
        [(tables::forms().unwrap(), presets::forms()), (tables::isaac().unwrap(), presets::isaac())]
    {
        let design = builder.skip(Skip::Off).build().unwrap();
        // Weights of 16 bits on all cells of an array: 8 cells each.
        let values: Vec<i32> = vec![1; 128 * 16];
        let weights = Weights::from_row_slice(128, 16, 16, &values).unwrap();
        let die = design.program_keyed(&weights, Key::from(1)).unwrap();
        assert_eq!(die.arrays(), 1);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let activity = die.mvm_batch(&[1u8; 3 * 128], &mut rng).unwrap().activity;
        for (scope, arrays) in [(Scope::Mcu, 8.0), (Scope::Tile, 96.0), (Scope::Chip, 16_128.0)] {
            let model = CostModel::new(&table, &design).unwrap().with_scope(scope);
            let cost = model.price(die.layout(), &activity).unwrap();
            let watts = arrays * cost.joules() / cost.busy_secs();
            assert_relative_eq!(watts, table.watts(scope), max_relative = 1e-12);
            assert_relative_eq!(
                arrays * cost.square_metres(),
                table.square_metres(scope),
                max_relative = 1e-12
            );
            let peak = model.peak(16).unwrap();
            assert_relative_eq!(peak.watts, watts, max_relative = 1e-12);
            assert_relative_eq!(
                peak.operations_per_joule(),
                cost.operations_per_joule(),
                max_relative = 1e-12
            );
            assert_relative_eq!(
                peak.operations_per_sec_per_square_metre(),
                cost.operations_per_sec_per_square_metre(),
                max_relative = 1e-12
            );
        }
    }
}

#[test]
fn timing_of_forms_isaac_and_differential() {
    let forms = tables::forms().unwrap();
    let model = |builder: DesignBuilder| CostModel::new(&forms, &builder.build().unwrap()).unwrap();
    // 32 bit lines an ADC; 128 / m groups of 16 planes.
    let base = model(presets::forms());
    assert_eq!(base.conversions_per_adc(), 32.0);
    assert_relative_eq!(base.sample_hz(), 2.1e9, max_relative = 1e-14);
    for (fragment, planes) in [(4, 512), (8, 256), (16, 128)] {
        let model = model(presets::forms().mapping(Mapping::Polarized { fragment }));
        assert_eq!(model.planes_per_array(), planes);
        assert_relative_eq!(model.array_secs(), planes as f64 * 32.0 / 2.1e9, max_relative = 1e-14);
    }
    // Differential: both bit lines of a pair converted, or their difference in half of the time.
    let digital = Mapping::Differential { subtraction: Subtraction::Digital };
    assert_eq!(model(presets::forms().mapping(digital).active_rows(8)).planes_per_array(), 256);
    let before = Mapping::Differential { subtraction: Subtraction::BeforeAdc };
    let half = presets::forms().mapping(before).active_rows(8).plane_secs(16.0 / 2.1e9);
    assert_eq!(model(half).conversions_per_adc(), 16.0);
    // ISAAC: 128 samples in 100 ns.
    let isaac = CostModel::new(&tables::isaac().unwrap(), &presets::isaac().build().unwrap()).unwrap();
    assert_eq!((isaac.planes_per_array(), isaac.conversions_per_adc()), (16, 128.0));
    assert_relative_eq!(isaac.sample_hz(), 1.28e9, max_relative = 1e-14);
    // Half of the weights fit in an array.
    let peak = |mapping| {
        let builder = presets::forms().mapping(mapping).active_rows(8);
        model(builder).peak(16).unwrap().operations_per_sec
    };
    assert_relative_eq!(peak(digital), peak(Mapping::Offset) / 2.0, max_relative = 1e-14);
}

#[test]
fn other_stages_are_part_of_the_latency() {
    let design = exact_design(Skip::Off);
    let die = exact_die(&design);
    let activity = die.mvm_keyed(&X, Key::from(2)).unwrap().activity;
    let model = CostModel::new(&exact_table(), &design).unwrap();
    let latency = |model: &CostModel| model.price(die.layout(), &activity).unwrap().latency_secs();
    // Two groups of eight planes; 6 stages, and 10 with FORMS's pooling.
    assert_eq!(latency(&model), 22.0 / 1_048_576.0);
    assert_eq!(latency(&model.clone().with_other_stages(10).unwrap()), 26.0 / 1_048_576.0);
    let error = model.with_other_stages(1001).unwrap_err();
    assert_eq!(
        error,
        Error::Integer { name: "other stages of the pipeline", value: 1001, min: 0, max: 1000 }
    );
}

/// Milliwatts and square millimetres.
fn printed(table: &ComponentTable, scope: Scope) -> (f64, f64) {
    (table.watts(scope) * 1e3, table.square_metres(scope) * 1e6)
}

#[test]
fn tables_sum_to_what_is_printed() {
    let close = |(found, printed): (f64, f64), half_unit: f64| {
        assert!((found - printed).abs() <= half_unit, "{found} instead of {printed}");
    };
    let forms = tables::forms().unwrap();
    let (mcu, tile, chip) =
        (printed(&forms, Scope::Mcu), printed(&forms, Scope::Tile), printed(&forms, Scope::Chip));
    close((12.0 * mcu.0, 280.05), 1e-9);
    close((12.0 * mcu.1, 0.152), 0.0005);
    close((tile.0, 333.1), 1e-9);
    close((chip.0, 66_360.8), 1e-6);
    // 0.39 and 89.15 mm² are printed; the parts are more than either.
    close((tile.1, 0.25 + 0.15175), 1e-5);
    close((chip.1, 168.0 * (0.25 + 0.151_754_4) + 22.88), 1e-6);
    let isaac = tables::isaac().unwrap();
    let (mcu, tile, chip) =
        (printed(&isaac, Scope::Mcu), printed(&isaac, Scope::Tile), printed(&isaac, Scope::Chip));
    close((12.0 * mcu.0, 289.0), 0.5);
    close((12.0 * mcu.1, 0.157), 0.0005);
    close((tile.0, 330.0), 0.5);
    close((tile.1, 0.372), 0.0005);
    close((chip.0, 65_808.08), 1e-6);
    close((chip.1, 85.4), 0.05);
}

/// Energies (pJ) and areas (µm²) that the sources print, or that stand in their code.
#[test]
fn adc_models_return_what_their_sources_say() {
    let check = |model: AdcModel, bits: u32, sample_hz: f64, picojoules: f64, area: Option<f64>| {
        let price = model.price(bits, sample_hz).unwrap();
        let found = price.joules_per_conversion * 1e12;
        assert!((found / picojoules - 1.0).abs() < 0.006, "{model:?} {bits}: {found}, not {picojoules}");
        if let Some(area) = area {
            let found = price.square_metres * 1e12;
            assert!((found / area - 1.0).abs() < 0.005, "{model:?} {bits}: {found}, not {area}");
        }
    };
    for (bits, picojoules, area) in
        [(3, 0.148, 202.0), (4, 0.2262, 284.4), (5, 0.348, 389.0), (8, 1.667, 1200.0)]
    {
        check(AdcModel::PublishedFit, bits, 2.1e9, picojoules, Some(area));
    }
    // The fit goes through both points it is made of.
    let fitted = |bits| AdcModel::PublishedFit.price(bits, 1e9).unwrap();
    assert_relative_eq!(fitted(4).joules_per_conversion, 15.2e-3 / (32.0 * 2.1e9), max_relative = 1e-12);
    assert_relative_eq!(fitted(4).square_metres, 0.0091e-6 / 32.0, max_relative = 1e-12);
    assert_relative_eq!(fitted(8).joules_per_conversion, 16e-3 / (8.0 * 1.2e9), max_relative = 1e-12);
    assert_relative_eq!(fitted(8).square_metres, 0.0012e-6, max_relative = 1e-12);
    for (bits, picojoules, area) in
        [(4, 0.79, 361.0), (7, 1.42, 845.0), (8, 1.667, 1200.0), (10, 2.38, 3002.0)]
    {
        check(AdcModel::IsaacScaled, bits, 1.2e9, picojoules, Some(area));
    }
    let survey = AdcModel::Survey { nanometres: 32.0 };
    for (bits, picojoules) in [(4, 0.92), (5, 0.94), (6, 1.06), (7, 1.31), (8, 1.85), (9, 5.29), (10, 15.7)] {
        check(survey, bits, 1.2e9, picojoules, None);
    }
    check(survey, 4, 1.2e9, 0.923, Some(5129.0));
    check(survey, 10, 1.2e9, 15.7, Some(11_970.0));
    // 2⁶ steps of 2 fJ.
    check(AdcModel::Walden { joules_per_step: 2e-15, square_metres: 1e-9 }, 6, 1e8, 0.128, Some(1000.0));
    // 8 bits are 49.92 dB; 100 dB above lies 0.5 · 10⁻¹⁰ J.
    let schreier = AdcModel::Schreier { fom_db: 149.92, square_metres: 2e-9 };
    check(schreier, 8, 1e8, 50.0, Some(2000.0));
    // 13.4174 µW, and 0.0794 W · e^(−9.188) = 8.119 µW of a column of 10 kΩ, for 5 ns.
    let sar = AdcModel::NeuroSimSar { column_ohms: 1e4, square_metres: 3e-9 };
    check(sar, 4, 1e8, (13.4174 + 8.119) * 5e-3, Some(3000.0));
}

#[test]
fn adc_models_refuse_what_they_were_not_made_for() {
    let bits = |value, min, max| Error::Integer { name: "ADC bits to be priced", value, min, max };
    assert_eq!(AdcModel::PublishedFit.price(0, 1e9), Err(bits(0, 1, 16)));
    assert_eq!(AdcModel::PublishedFit.price(17, 1e9), Err(bits(17, 1, 16)));
    assert_eq!(AdcModel::IsaacScaled.price(3, 1e9), Err(bits(3, 4, 10)));
    assert_eq!(AdcModel::IsaacScaled.price(11, 1e9), Err(bits(11, 4, 10)));
    let survey = AdcModel::Survey { nanometres: 32.0 };
    assert_eq!(survey.price(3, 1e9), Err(bits(3, 4, 16)));
    let sar = AdcModel::NeuroSimSar { column_ohms: 1e4, square_metres: 0.0 };
    assert!(sar.price(4, 2e8).is_ok());
    for (model, rate, name) in [
        (AdcModel::PublishedFit, 0.0, "ADC sample rate (Hz)"),
        (AdcModel::PublishedFit, f64::NAN, "ADC sample rate (Hz)"),
        (survey, 1.1e10, "sample rate of the survey (Hz)"),
        (AdcModel::Survey { nanometres: 1.0 }, 1e9, "ADC node (nm)"),
        (sar, 2.01e8, "sample rate of NeuroSim's ADC (Hz)"),
        (AdcModel::NeuroSimSar { column_ohms: 0.0, square_metres: 0.0 }, 1e8, "column resistance (Ω)"),
        (AdcModel::NeuroSimSar { column_ohms: 1e4, square_metres: -1.0 }, 1e8, "area of an ADC (m²)"),
        (AdcModel::Walden { joules_per_step: -1.0, square_metres: 0.0 }, 1e8, "Walden figure of merit (J)"),
        (AdcModel::Walden { joules_per_step: 1.1, square_metres: 0.0 }, 1e8, "Walden figure of merit (J)"),
        (AdcModel::Walden { joules_per_step: 1.0, square_metres: 1.1e9 }, 1e8, "area of an ADC (m²)"),
        (AdcModel::Walden { joules_per_step: 1.0, square_metres: -1.0 }, 1e8, "area of an ADC (m²)"),
        (AdcModel::Schreier { fom_db: 301.0, square_metres: 0.0 }, 1e8, "Schreier figure of merit (dB)"),
        (AdcModel::Schreier { fom_db: 1.0, square_metres: f64::NAN }, 1e8, "area of an ADC (m²)"),
    ] {
        let error = model.price(4, rate).unwrap_err();
        assert!(matches!(error, Error::Real { name: found, .. } if found == name), "{model:?}: {error}");
    }
}

#[test]
fn scaled_adcs_are_priced_at_the_rate_of_the_planes() {
    // Half as fast as printed: NeuroSim's ADC of 5 ns a conversion, 32 to a plane.
    let sar = AdcModel::NeuroSimSar { column_ohms: 1e4, square_metres: 1e-9 };
    let design = |plane_secs| presets::forms().plane_secs(plane_secs).build().unwrap();
    let table = tables::forms().unwrap();
    let model = CostModel::scaled(&table, &design(160e-9), sar).unwrap();
    assert_relative_eq!(model.sample_hz(), 2e8, max_relative = 1e-12);
    assert_eq!(model.adc(), sar.price(4, 2e8).unwrap());
    assert!(CostModel::scaled(&table, &design(159e-9), sar).is_err());
    let survey = AdcModel::Survey { nanometres: 32.0 };
    let slow = CostModel::scaled(&table, &design(32e-6), survey).unwrap().adc();
    assert_relative_eq!(
        slow.joules_per_conversion,
        survey.price(4, 1e6).unwrap().joules_per_conversion,
        max_relative = 1e-9
    );
}

#[test]
fn models_refuse_other_designs() {
    let table = tables::forms().unwrap();
    let conflict = |result: Result<CostModel, Error>| match result.unwrap_err() {
        Error::Conflict { first, .. } => first,
        error => panic!("{error}"),
    };
    let build = |builder: DesignBuilder| builder.build().unwrap();
    let five = build(presets::forms().adc(Adc::granular(5)));
    assert_eq!(conflict(CostModel::new(&table, &five)), "the table's ADC");
    assert!(CostModel::scaled(&table, &five, AdcModel::PublishedFit).is_ok());
    let none = build(presets::forms().adc(Adc::pass_through()));
    assert_eq!(conflict(CostModel::new(&table, &none)), "a price of conversions");
    assert_eq!(conflict(CostModel::scaled(&table, &none, AdcModel::PublishedFit)), "a price of conversions");
    // A plane in which 32 bit lines cannot be converted.
    let error = CostModel::new(&table, &build(presets::forms().plane_secs(15e-9))).unwrap_err();
    assert!(
        matches!(error, Error::Real { name: "plane time (s)", min, .. } if (min - 32.0 / 2.1e9).abs() < 1e-18)
    );
    let model = CostModel::new(&table, &build(presets::forms())).unwrap();
    let die = exact_die(&exact_design(Skip::Off));
    let error = model.price(die.layout(), &Activity::default()).unwrap_err();
    assert!(matches!(error, Error::Conflict { first: "the layout", .. }));
    assert!(model.peak(1).is_err() && model.peak(17).is_err());
}

#[test]
fn tables_refuse_bad_numbers() {
    let component = |count, watts, area| Component::new("part", count, watts, area, PricedPer::Plane, "");
    let adcs = |count, bits, rate, watts, area| AdcBank::new(count, bits, rate, watts, area, "");
    let sizes = Sizes { arrays_per_mcu: 1, mcus_per_tile: 1, tiles_per_chip: 1 };
    let table = |sizes, array, secs| {
        ComponentTable::new("table", AdcBank::new(1, 4, 1e9, 0.0, 0.0, "").unwrap(), sizes, array, secs)
    };
    assert!(component(1, 0.0, 0.0).is_ok() && component(1, 1e9, 1e9).is_ok());
    assert!(adcs(1, 1, 1.0, 0.0, 0.0).is_ok() && table(sizes, (1, 1), 1.0).is_ok());
    for (error, name) in [
        (component(0, 0.0, 0.0).err(), "parts of a component"),
        (component(1, -1e-9, 0.0).err(), "power of a component (W)"),
        (component(1, f64::NAN, 0.0).err(), "power of a component (W)"),
        (component(1, 0.0, -1e-9).err(), "area of a component (m²)"),
        (adcs(0, 4, 1e9, 0.0, 0.0).err(), "ADCs of an MCU"),
        (adcs(1, 0, 1e9, 0.0, 0.0).err(), "ADC bits of a table"),
        (adcs(1, 17, 1e9, 0.0, 0.0).err(), "ADC bits of a table"),
        (adcs(1, 4, 0.0, 0.0, 0.0).err(), "ADC sample rate (Hz)"),
        (adcs(1, 4, 1e9, -1.0, 0.0).err(), "power of the ADCs (W)"),
        (adcs(1, 4, 1e9, 0.0, f64::INFINITY).err(), "area of the ADCs (m²)"),
        (component(1, 1.1e9, 0.0).err(), "power of a component (W)"),
        (adcs(1, 4, 1.1e15, 0.0, 0.0).err(), "ADC sample rate (Hz)"),
        (table(Sizes { arrays_per_mcu: 0, ..sizes }, (1, 1), 1.0).err(), "arrays of an MCU"),
        (table(Sizes { mcus_per_tile: 0, ..sizes }, (1, 1), 1.0).err(), "MCUs of a tile"),
        (table(Sizes { tiles_per_chip: 0, ..sizes }, (1, 1), 1.0).err(), "tiles of a chip"),
        (table(sizes, (0, 1), 1.0).err(), "rows of an array"),
        (table(sizes, (1, 0), 1.0).err(), "columns of an array"),
        (table(sizes, (1, 1), 1.1e3).err(), "plane time of a table (s)"),
        (table(sizes, (1, 1), 0.0).err(), "plane time of a table (s)"),
    ] {
        let error = error.unwrap_or_else(|| panic!("{name} was taken")).to_string();
        assert!(error.starts_with(name), "{error}");
    }
}

#[test]
fn networks_refuse_what_does_not_add_up() {
    assert!(Layer::new(exact_cost(Scope::Mcu), 0).is_err());
    let layers = [Scope::Mcu, Scope::Tile].map(|scope| Layer::new(exact_cost(scope), 1).unwrap());
    let error = Network::new(1, layers.to_vec()).unwrap_err();
    assert!(matches!(error, Error::Conflict { first: "layers of one network", .. }));
    assert!(Network::new(0, layers[..1].to_vec()).is_err());
    // Parts of one name at another scope.
    let design = exact_design(Skip::LeadingZeros);
    let priced = |at_tile: bool| {
        let part = vec![Component::new("buffer", 1, 1.0, 1.0, PricedPer::Second, "").unwrap()];
        let table = exact_table().with_tile(vec![]).with_chip(vec![]);
        let table = if at_tile { table.with_tile(part) } else { table.with_chip(part) };
        let model = CostModel::new(&table, &design).unwrap().with_scope(Scope::Chip);
        Layer::new(model.price(exact_die(&design).layout(), &Activity::default()).unwrap(), 1).unwrap()
    };
    assert!(Network::new(1, vec![priced(true), priced(true)]).is_ok());
    assert!(Network::new(1, vec![priced(true), priced(false)]).is_err());
}

#[cfg(feature = "serde")]
mod files {
    use super::*;
    use serde_json::{Value, json};

    fn changed(change: impl FnOnce(&mut Value)) -> Result<ComponentTable, String> {
        let mut value = serde_json::to_value(exact_table()).unwrap();
        change(&mut value);
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn tables_come_back_unchanged() {
        for table in [exact_table(), tables::forms().unwrap(), tables::isaac().unwrap()] {
            let text = serde_json::to_string(&table).unwrap();
            assert_eq!(serde_json::from_str::<ComponentTable>(&text).unwrap(), table);
        }
        let models = [AdcModel::PublishedFit, AdcModel::Survey { nanometres: 32.0 }];
        let text = serde_json::to_string(&models).unwrap();
        assert_eq!(text, r#"["published_fit",{"survey":{"nanometres":32.0}}]"#);
        assert_eq!(serde_json::from_str::<[AdcModel; 2]>(&text).unwrap(), models);
        let surprise = text.replace("32.0", "32.0,\"surprise\":1");
        assert!(serde_json::from_str::<[AdcModel; 2]>(&surprise).is_err());
    }

    #[test]
    fn unknown_fields_and_negative_numbers_are_refused_everywhere() {
        assert!(changed(|_| {}).is_ok());
        for pointer in ["", "/sizes", "/adcs", "/mcu/0", "/tile/0", "/chip/0"] {
            let error = changed(|value| value.pointer_mut(pointer).unwrap()["surprise"] = json!(1));
            assert!(error.is_err_and(|error| error.contains("surprise")), "{pointer}");
        }
        for pointer in [
            "/sizes/arrays_per_mcu",
            "/sizes/mcus_per_tile",
            "/sizes/tiles_per_chip",
            "/array_rows",
            "/array_columns",
            "/plane_secs",
            "/adcs/count",
            "/adcs/bits",
            "/adcs/sample_hz",
            "/adcs/watts",
            "/adcs/square_metres",
            "/mcu/0/count",
            "/mcu/1/watts",
            "/mcu/2/square_metres",
            "/tile/0/watts",
            "/chip/0/square_metres",
        ] {
            let error = changed(|value| *value.pointer_mut(pointer).expect(pointer) = json!(-1.0));
            assert!(error.is_err(), "{pointer}");
        }
        assert!(changed(|value| value["mcu"][0]["priced_per"] = json!("hour")).is_err());
        assert!(changed(|value| _ = value.as_object_mut().unwrap().remove("adcs")).is_err());
    }
}
