//! LeNet-5 on real digits: crossbars without error against a network of plain integers.

#[path = "../examples/support/mod.rs"]
mod support;

use std::path::Path;

use forms_xbar::{Adc, Key, Mapping, Subtraction};
use support::crossbars::{Crossbars, machine};
use support::digits::{Digits, parse_images, parse_labels};
use support::integer::{Network, accuracy, classes};
use support::{DATA, lenet};

/// Training images that set the scales of the activations.
const CALIBRATION: usize = 100;

fn network(file: &str) -> Network {
    let trained = lenet::read(&Path::new(DATA).join(file)).unwrap();
    let train = Digits::read(Path::new(DATA), "train").unwrap();
    Network::quantize(&trained, train.images(CALIBRATION).unwrap()).unwrap()
}

/// Reads images with every mapping, with and without column flip, through the narrowest lossless
/// ADC, and compares logits and classes.
fn check_lossless(file: &str, fragment: usize, mappings: &[Mapping]) {
    let network = network(file);
    let test = Digits::read(Path::new(DATA), "test").unwrap();
    let images = test.images(20).unwrap();
    let exact = network.all_logits(images);
    for &mapping in mappings {
        for flip in [false, true] {
            let machine = machine(mapping, fragment, 0.0).unwrap().column_flip(flip);
            let bits = machine.clone().build().unwrap().lossless_adc_bits();
            let design = machine.adc(Adc::granular(bits)).build().unwrap();
            let reading = Crossbars::program(&design, &network, Key::from(1)).unwrap().read(images).unwrap();
            let case = format!("{file}, {mapping:?}, column flip {flip}, {bits} bits");
            assert_eq!(reading.logits, exact, "{case}");
            assert_eq!(classes(&reading.logits), classes(&exact), "{case}");
            for activity in reading.activity {
                assert_eq!((activity.clipped_low(), activity.clipped_high()), (0, 0), "{case}");
                assert!(activity.planes_skipped() > 0, "{case}");
            }
        }
    }
}

const ANY_SIGN: [Mapping; 3] = [
    Mapping::Differential { subtraction: Subtraction::Digital },
    Mapping::Differential { subtraction: Subtraction::BeforeAdc },
    Mapping::Offset,
];

fn check_polarized(fragment: usize) {
    let [a, b, c] = ANY_SIGN;
    let mappings = [Mapping::Polarized { fragment }, a, b, c];
    check_lossless(&format!("lenet5-polarized{fragment}.safetensors"), fragment, &mappings);
}

#[test]
fn crossbars_are_lossless_for_fragments_of_4() {
    check_polarized(4);
}

#[test]
fn crossbars_are_lossless_for_fragments_of_8() {
    check_polarized(8);
}

#[test]
fn crossbars_are_lossless_for_fragments_of_16() {
    check_polarized(16);
}

#[test]
fn crossbars_are_lossless_for_unpolarized_weights() {
    check_lossless("lenet5.safetensors", 8, &ANY_SIGN);
}

/// Arrays of 128 × 128 cells hold 128 inputs of 32 outputs at 4 cells a weight, of 16 at 8 cells.
#[test]
fn crossbars_used() {
    let network = network("lenet5-polarized8.safetensors");
    let arrays = |mapping| {
        let design = machine(mapping, 8, 0.0).unwrap().build().unwrap();
        Crossbars::program(&design, &network, Key::from(1)).unwrap().arrays()
    };
    // 25 × 6, 150 × 16, 400 × 120, 120 × 84, 84 × 10.
    assert_eq!(arrays(Mapping::Polarized { fragment: 8 }), [1, 2, 4 * 4, 3, 1]);
    assert_eq!(arrays(Mapping::Offset), [1, 2, 4 * 4, 3, 1]);
    assert_eq!(arrays(Mapping::Differential { subtraction: Subtraction::Digital }), [1, 2, 4 * 8, 6, 1]);
}

#[test]
fn unpolarized_weights_are_refused_by_a_polarized_mapping() {
    let design = machine(Mapping::Polarized { fragment: 8 }, 8, 0.0).unwrap().build().unwrap();
    let error = Crossbars::program(&design, &network("lenet5.safetensors"), Key::from(1)).unwrap_err();
    assert!(matches!(error, forms_xbar::Error::MixedSign { .. }), "{error}");
}

/// Eight bits cost less than 1 % of the accuracy that `examples/data/NOTICE.md` states for the
/// networks as trained.
#[test]
fn quantised_networks_keep_their_accuracy() {
    let test = Digits::read(Path::new(DATA), "test").unwrap();
    for (file, stated) in [
        ("lenet5.safetensors", 0.966),
        ("lenet5-polarized4.safetensors", 0.974),
        ("lenet5-polarized8.safetensors", 0.971),
        ("lenet5-polarized16.safetensors", 0.966),
    ] {
        let logits = network(file).all_logits(test.images(1000).unwrap());
        let found = accuracy(&logits, test.labels());
        assert!((found - stated).abs() <= 0.01, "{file}: {found} instead of {stated}");
    }
}

#[test]
fn the_first_of_equal_logits_is_the_class() {
    let mut logits = [0.0; 20];
    (logits[3], logits[7]) = (5.0, 5.0);
    assert_eq!(classes(&logits), [3, 0]);
}

#[test]
fn bad_files_are_errors() {
    let big_endian = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    let error = |result: support::Result<Vec<u8>>| result.unwrap_err().to_string();
    assert!(error(parse_images(&[])).contains("too short"));
    assert!(error(parse_images(&big_endian(&[2051, 1]))).contains("too short"));
    assert!(error(parse_images(&big_endian(&[2049, 1, 28, 28]))).contains("2049 instead of 2051"));
    assert!(error(parse_images(&big_endian(&[2051, 1, 28, 27]))).contains("28 × 27"));
    assert!(error(parse_images(&big_endian(&[2051, u32::MAX, 28, 28]))).contains("0 bytes"));
    assert!(error(parse_labels(&[big_endian(&[2049, 2]), vec![9]].concat())).contains("1 bytes"));
    assert!(error(parse_labels(&[big_endian(&[2049, 1]), vec![10]].concat())).contains("label 10"));

    assert!(lenet::parse(b"no tensors").is_err());
    assert!(lenet::read(Path::new("no/such/file")).unwrap_err().to_string().contains("no/such/file"));
    assert!(Digits::read(Path::new(DATA), "other").unwrap_err().to_string().contains("other-images"));
    let test = Digits::read(Path::new(DATA), "test").unwrap();
    assert!(test.images(1001).unwrap_err().to_string().contains("only 1000"));
}
