//! Presets hold what the papers print.

use approx::assert_relative_eq;
use forms_xbar::{Adc, Dac, Mapping, Programming, ReadNoise, Skip, presets};

#[test]
fn forms_is_as_printed() {
    let design = presets::forms().build().unwrap();
    assert_eq!(design.mapping(), Mapping::Polarized { fragment: 8 });
    assert_eq!((design.array(), design.active_rows()), ((128, 128), 8));
    assert_eq!((design.cell().levels().bits(), design.adc()), (2, Adc::granular(4)));
    assert_eq!(design.cell().programming(), &Programming::Lognormal { sigma: 0.1 });
    let format = design.input_format();
    assert_eq!((format.bits(), format.is_signed(), format.planes()), (16, false, 16));
    assert_eq!(design.skip(), Skip::LeadingZeros);
    assert!(!design.column_flip());
    assert_relative_eq!(design.plane_secs(), 15.24e-9, max_relative = 1e-3);
}

#[test]
fn isaac_is_as_printed() {
    let design = presets::isaac().build().unwrap();
    assert_eq!((design.mapping(), design.column_flip()), (Mapping::Offset, true));
    assert_eq!((design.array(), design.active_rows()), ((128, 128), 128));
    assert_eq!((design.cell().levels().bits(), design.adc()), (2, Adc::granular(8)));
    let format = design.input_format();
    assert_eq!((format.bits(), format.is_signed(), format.planes()), (16, true, 16));
    assert_eq!(design.skip(), Skip::Off);
    assert_eq!(design.plane_secs(), 100e-9);
}

#[test]
fn presets_share_their_chosen_resistances_and_have_no_read_noise() {
    for builder in [presets::forms(), presets::isaac()] {
        let design = builder.build().unwrap();
        let levels = design.cell().levels();
        assert_eq!((levels.g_off(), levels.g_on()), (1e-6, 100e-6));
        assert!(levels.is_linear());
        assert_eq!((design.dac(), design.read_noise()), (Dac::INVERTER, ReadNoise::NONE));
    }
    assert!(presets::isaac().build().unwrap().cell().is_ideal());
}
