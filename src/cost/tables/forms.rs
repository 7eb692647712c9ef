//! FORMS-8: the paper's tables of its MCU (mW, mm²) and chip, in W and m².

use super::PricedPer::{Cells, Conversion, Plane, Second};
use super::Scope::{Chip, Mcu, Tile};
use super::{Data, Sizes};

const PRINTED: &str = "FORMS, table of the MCU";
const FILLED_IN: &str =
    "ISAAC, table I; not printed by FORMS, but its MCU's power closes with it to the last digit";

pub(super) const DATA: Data = Data {
    name: "FORMS-8",
    sizes: Sizes { arrays_per_mcu: 8, mcus_per_tile: 12, tiles_per_chip: 168 },
    array: (128, 128),
    plane_secs: 128.0 / (4.0 * 2.1e9),
    adcs: (32, 4, 2.1e9, 15.2e-3, 0.0091e-6),
    adc_source: PRINTED,
    components: &[
        (Mcu, "DAC", 8 * 128, 4e-3, 0.00017e-6, Plane, PRINTED),
        (Mcu, "sample and hold", 8 * 128, 0.0055e-3, 0.000023e-6, Conversion, PRINTED),
        (Mcu, "cells", 8, 2.44e-3, 0.00024e-6, Cells, PRINTED),
        (
            Mcu,
            "shift and add",
            4,
            0.2e-3,
            0.00024e-6,
            Conversion,
            "FORMS, table of the MCU; 0.000024 mm² is printed, a misprint: only 0.00024, as in ISAAC, makes the \
             printed 0.152 mm² of 12 MCUs",
        ),
        (Mcu, "skip logic", 1, 0.01e-3, 1e-13, Plane, PRINTED),
        (Mcu, "sign indicator", 1, 0.012e-3, 3.1e-12, Plane, PRINTED),
        (Mcu, "input register", 1, 1.24e-3, 0.0021e-6, Second, FILLED_IN),
        (Mcu, "output register", 1, 0.23e-3, 0.00077e-6, Second, FILLED_IN),
        (
            Tile,
            "digital unit",
            1,
            53.05e-3,
            0.25e-6,
            Second,
            "FORMS, table of the chip; eDRAM of 128 KB, bus of 512 bits",
        ),
        (Chip, "HyperTransport", 1, 10.4, 22.88e-6, Second, "FORMS, table of the chip"),
    ],
};
