//! ISAAC-CE: the paper's table I (mW, mm²), in W and m².

use super::PricedPer::{Cells, Conversion, Plane, Second};
use super::Scope::{Chip, Mcu, Tile};
use super::{Data, Sizes};

const PRINTED: &str = "ISAAC, table I";

pub(super) const DATA: Data = Data {
    name: "ISAAC-CE",
    sizes: Sizes { arrays_per_mcu: 8, mcus_per_tile: 12, tiles_per_chip: 168 },
    array: (128, 128),
    plane_secs: 100e-9,
    adcs: (8, 8, 1.2e9, 16e-3, 0.0096e-6),
    adc_source: PRINTED,
    components: &[
        (Mcu, "DAC", 8 * 128, 4e-3, 0.00017e-6, Plane, PRINTED),
        (Mcu, "sample and hold", 8 * 128, 0.01e-3, 0.00004e-6, Conversion, PRINTED),
        (Mcu, "cells", 8, 2.4e-3, 0.0002e-6, Cells, PRINTED),
        (Mcu, "shift and add", 4, 0.2e-3, 0.00024e-6, Conversion, PRINTED),
        (Mcu, "input register", 1, 1.24e-3, 0.0021e-6, Second, PRINTED),
        (Mcu, "output register", 1, 0.23e-3, 0.00077e-6, Second, PRINTED),
        (Tile, "eDRAM", 1, 20.7e-3, 0.083e-6, Second, PRINTED),
        (Tile, "bus", 1, 7e-3, 0.090e-6, Second, PRINTED),
        (
            Tile,
            "router",
            1,
            42e-3 / 4.0,
            0.151e-6 / 4.0,
            Second,
            "ISAAC, table I: 42 mW and 0.151 mm² shared by four tiles",
        ),
        (Tile, "sigmoid", 2, 0.52e-3, 0.0006e-6, Second, PRINTED),
        (Tile, "tile shift and add", 1, 0.05e-3, 0.00006e-6, Second, PRINTED),
        (Tile, "max pool", 1, 0.4e-3, 0.00024e-6, Second, PRINTED),
        (Tile, "tile output register", 1, 1.68e-3, 0.0032e-6, Second, PRINTED),
        (Chip, "HyperTransport", 1, 10.4, 22.88e-6, Second, PRINTED),
    ],
};
