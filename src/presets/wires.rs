//! Published wires, to be put into any design by [`DesignBuilder::wires`](crate::DesignBuilder::wires).
//!
//! Drivers and sense terminals are ideal where nothing prints them: give them resistances of your own with
//! [`Wires::with_terminals`].
//!
//! ```
//! use forms_xbar::presets::{self, wires};
//!
//! let design = presets::forms().wires(wires::neurosim(wires::Node::Nm32, 300.0)?).build()?;
//! assert!((design.wires().unwrap().bit_line_ohms() - 1.47).abs() < 0.01);
//! # Ok::<(), forms_xbar::Error>(())
//! ```

use crate::circuit::{Capacitance, Wires};
use crate::error::{Result, check_real};

/// A technology node of NeuroSim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Node {
    /// 65 nm: wires 105 nm wide.
    Nm65,
    /// 32 nm: wires 56 nm wide.
    Nm32,
    /// 22 nm: wires 40 nm wide.
    Nm22,
}

impl Node {
    /// Width of a wire (m), its height over its width, and its resistivity (Ω m) at 300 K.
    fn wire(self) -> (f64, f64, f64) {
        match self {
            Node::Nm65 => (105e-9, 1.7, 2.68e-8),
            Node::Nm32 => (56e-9, 1.8, 3.70e-8),
            Node::Nm22 => (40e-9, 1.9, 4.03e-8),
        }
    }
}

/// Wires of a 1T1R array by NeuroSim's tables, for wires at `kelvin`.
///
/// **Equation.** `R = ρ / (w² · AR) · ℓ · (1 + 0.00451 · (T − 300))` and `C = 0.2 fF/µm · ℓ`. **Source.** NeuroSim
/// (DNN+NeuroSim V1.3, `Param.cpp`): width `w`, aspect ratio `AR`, resistivity, temperature coefficient, capacitance and
/// cells of 4 × 12 wire widths. **Our choice.** Word lines run along the longer side of a cell, 12 widths a pitch,
/// bit lines along the shorter, 4. **Valid range.** 300–450 K.
///
/// # Errors
///
/// [`Error::Real`](crate::Error::Real) for a temperature outside the valid range.
pub fn neurosim(node: Node, kelvin: f64) -> Result<Wires> {
    check_real("temperature of wires (K)", kelvin, 300.0, 450.0)?;
    let (width, aspect, ohm_metres) = node.wire();
    let ohms_per_metre = ohm_metres / (width * width * aspect) * (1.0 + 0.00451 * (kelvin - 300.0));
    let (long, short) = (12.0 * width, 4.0 * width);
    const FARADS_PER_METRE: f64 = 0.2e-9;
    let capacitance = Capacitance::of_wires(FARADS_PER_METRE * long, FARADS_PER_METRE * short)?;
    Ok(Wires::new(ohms_per_metre * long, ohms_per_metre * short)?.with_capacitance(capacitance))
}

/// MNSIM 2.0's default: 2.82 Ω and 1 fF a cell, on both lines.
///
/// **Source.** MNSIM 2.0's configuration. **Our choice.** The capacitance, given per cell, on each of its two
/// lines by half.
///
/// # Errors
///
/// None.
pub fn mnsim() -> Result<Wires> {
    Ok(Wires::new(2.82, 2.82)?.with_capacitance(Capacitance::of_wires(0.5e-15, 0.5e-15)?))
}

/// The Ta/HfO₂ array of Hu et al. (Advanced Materials 2018): 0.35 Ω a pitch on word lines, 0.32 on bit lines.
///
/// **Source.** The paper, for cells of a 2 µm process in arrays of 128 × 64. It says that 12–16 % of the current is
/// lost, but not for which weights and inputs: with all rows driven and resistances spread evenly over 1–11 kΩ
/// these wires lose a third. Capacitances are not printed.
///
/// # Errors
///
/// None.
pub fn ta_hfo2_hu() -> Result<Wires> {
    Wires::new(0.35, 0.32)
}
