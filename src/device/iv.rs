//! I–V: the current of a cell at a voltage.

use crate::checked::checked_serde;
use crate::error::{Error, Result, check_integer, check_real};

/// Largest exponent of a sinh, well within the range of `f64`.
const MAX_SINH: f64 = 500.0;

/// How the current of a cell depends on its voltage.
///
/// **Equation.** `I = G · V_ref · f(V) / f(V_ref)`, odd in `V`, so that conductances are what is measured
/// at `reference_volts`. The shape `f` is said at each variant. **Units.** Volts, amperes, siemens. **Valid
/// range.** Voltages at which the curve is defined and rises, see [`IvCurve::check_volts`]; the reference
/// and bias voltages 0.001–100 V. **Drawn.** Never. **Source.** Said at each variant; the
/// normalisation is derived.
///
/// ```
/// use forms_xbar::device::IvCurve;
///
/// let window = (1e-6, 1e-4);
/// let sinh = IvCurve::Sinh {
///     half_bias_ratio: 7.5,
///     half_bias_ratio_off: None,
///     bias_volts: 1.0,
///     reference_volts: 0.2,
/// };
/// assert_eq!(sinh.amperes(1e-4, window, 0.2), 1e-4 * 0.2);
/// let half_bias = sinh.amperes(1e-4, window, 1.0) / sinh.amperes(1e-4, window, 0.5);
/// assert!((half_bias - 7.5).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", rename_all = "snake_case", deny_unknown_fields))]
pub enum IvCurve {
    /// `I = G · V`.
    #[default]
    Ohmic,
    /// `f(V) = sinh(B V)`, given by the half-bias ratio `k = I(V) / I(V/2) = 2 cosh(B V / 2)` at
    /// `bias_volts`: `B = 2 acosh(k/2) / V`. Kim et al., ACM JETC 2018, survey `k` of 2.5–70.
    ///
    /// With a ratio of its own at `g_off`, `B` is linear in `G` between `g_off` and `g_on`, and beyond
    /// them that of the nearer end: our choice.
    Sinh {
        /// Half-bias ratio, above 2 and up to 10⁴; that at `g_on` if the other is given.
        half_bias_ratio: f64,
        /// Half-bias ratio at `g_off`, `None` for the same.
        half_bias_ratio_off: Option<f64>,
        /// Voltage of the ratios (V).
        bias_volts: f64,
        /// Voltage at which conductances are measured (V).
        reference_volts: f64,
    },
    /// `f(V) = V − c V³`, as in Sandia's CrossSim with `c` = 0.25 /V², which does not normalise it.
    Cubic {
        /// `c` (1/V²), −10⁶–10⁶; negative for a current that rises faster than the voltage.
        per_square_volt: f64,
        /// Voltage at which conductances are measured (V).
        reference_volts: f64,
    },
    /// A measured curve from (0 V, 0) up, linear between its points.
    Table {
        /// Points of voltage (V) and current in any unit, both strictly rising, the first (0, 0).
        points: Vec<(f64, f64)>,
        /// Voltage at which conductances are measured (V).
        reference_volts: f64,
    },
}

checked_serde!(IvCurve);

impl IvCurve {
    /// Checks the shape and that it holds at its reference voltage.
    ///
    /// # Errors
    ///
    /// [`Error::Real`], [`Error::Integer`] or [`Error::Order`] for a part outside its range.
    pub fn check(&self) -> Result<()> {
        match *self {
            IvCurve::Ohmic => return Ok(()),
            IvCurve::Sinh { half_bias_ratio, half_bias_ratio_off, bias_volts, .. } => {
                for ratio in [Some(half_bias_ratio), half_bias_ratio_off].into_iter().flatten() {
                    check_real("half-bias ratio", ratio, 2.0f64.next_up(), 1e4)?;
                }
                check_real("bias of the half-bias ratio (V)", bias_volts, 1e-3, 100.0)?;
            }
            IvCurve::Cubic { per_square_volt, .. } => {
                check_real("cubic coefficient of the I–V (1/V²)", per_square_volt, -1e6, 1e6)?;
            }
            IvCurve::Table { ref points, .. } => check_points(points)?,
        }
        check_real("reference voltage of the I–V (V)", self.reference_volts(), 1e-3, 100.0)?;
        self.check_volts(self.reference_volts())
    }

    /// Checks that the curve is defined and rises up to a voltage (V) of either sign.
    ///
    /// # Errors
    ///
    /// [`Error::Real`] for a voltage that is not finite, beyond a table, beyond the top of a cubic, or
    /// where a sinh leaves the range of `f64`; its bound is the largest that is valid.
    pub fn check_volts(&self, volts: f64) -> Result<()> {
        let (name, most) = match *self {
            IvCurve::Ohmic => ("voltage of a cell (V)", f64::MAX),
            IvCurve::Sinh { .. } => {
                let [off, on] = self.sinh_scales();
                ("voltage of a sinh I–V (V)", MAX_SINH / off.max(on))
            }
            IvCurve::Cubic { per_square_volt, .. } if per_square_volt > 0.0 => {
                ("voltage of a cubic I–V (V)", 1.0 / (3.0 * per_square_volt).sqrt())
            }
            IvCurve::Cubic { .. } => ("voltage of a cubic I–V (V)", 1e6),
            IvCurve::Table { ref points, .. } => {
                ("voltage of an I–V table (V)", points.last().map_or(0.0, |point| point.0))
            }
        };
        check_real(name, volts.abs(), 0.0, most)
    }

    /// Whether the current is proportional to the voltage.
    pub fn is_ohmic(&self) -> bool {
        *self == IvCurve::Ohmic
    }

    /// Current (A) of a cell of this conductance (S) at a voltage (V), in a window `(g_off, g_on)` (S).
    ///
    /// NaN beyond a table; other curves are continued where [`IvCurve::check_volts`] refuses.
    pub fn amperes(&self, siemens: f64, window: (f64, f64), volts: f64) -> f64 {
        self.at(window, volts).amperes(siemens)
    }

    /// Differential conductance (S) `dI/dV` of a cell of this conductance (S) at a voltage (V), in a window
    /// `(g_off, g_on)` (S).
    ///
    /// That of the segment that ends at the voltage for a table, NaN beyond it; other curves are continued
    /// where [`IvCurve::check_volts`] refuses.
    pub fn slope(&self, siemens: f64, window: (f64, f64), volts: f64) -> f64 {
        let (reference, volts) = (self.reference_volts(), volts.abs());
        siemens
            * reference
            * match *self {
                IvCurve::Ohmic => 1.0 / reference,
                IvCurve::Sinh { .. } => {
                    let scale = sinh_scale(self.sinh_scales(), window, siemens);
                    let (x, y) = (scale * volts, scale * reference);
                    // cosh(x) / sinh(y).
                    scale * libm::exp(x - y) * ((1.0 + libm::exp(-2.0 * x)) / -libm::expm1(-2.0 * y))
                }
                IvCurve::Cubic { per_square_volt, .. } => {
                    let shape = reference - per_square_volt * reference * reference * reference;
                    (1.0 - 3.0 * per_square_volt * volts * volts) / shape
                }
                IvCurve::Table { ref points, .. } => {
                    segment(points, volts).map_or(f64::NAN, |[(x0, y0), (x1, y1)]| (y1 - y0) / (x1 - x0))
                        / interpolate(points, reference)
                }
            }
    }

    /// The curve at one voltage.
    pub(crate) fn at(&self, window: (f64, f64), volts: f64) -> IvPoint {
        let reference = self.reference_volts();
        let relative = match *self {
            IvCurve::Ohmic => return IvPoint::Factor(volts),
            IvCurve::Sinh { half_bias_ratio_off: Some(_), .. } => {
                return IvPoint::Sinh { scales: self.sinh_scales(), window, volts, reference };
            }
            IvCurve::Sinh { half_bias_ratio_off: None, .. } => {
                let [scale, _] = self.sinh_scales();
                sinh_ratio(scale * volts.abs(), scale * reference).copysign(volts)
            }
            IvCurve::Cubic { per_square_volt, .. } => {
                let shape = |v: f64| v - per_square_volt * v * v * v;
                shape(volts) / shape(reference)
            }
            IvCurve::Table { ref points, .. } => {
                (interpolate(points, volts.abs()) / interpolate(points, reference)).copysign(volts)
            }
        };
        IvPoint::Factor(reference * relative)
    }

    fn reference_volts(&self) -> f64 {
        match *self {
            IvCurve::Ohmic => 1.0,
            IvCurve::Sinh { reference_volts, .. }
            | IvCurve::Cubic { reference_volts, .. }
            | IvCurve::Table { reference_volts, .. } => reference_volts,
        }
    }

    /// `B` (1/V) at `g_off` and at `g_on`; 0 for another shape.
    fn sinh_scales(&self) -> [f64; 2] {
        let IvCurve::Sinh { half_bias_ratio, half_bias_ratio_off, bias_volts, .. } = *self else {
            return [0.0; 2];
        };
        [half_bias_ratio_off.unwrap_or(half_bias_ratio), half_bias_ratio]
            .map(|ratio| 2.0 * libm::acosh(ratio / 2.0) / bias_volts)
    }
}

/// A curve at one voltage: the current of any cell there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum IvPoint {
    /// Amperes per siemens, the same for every cell.
    Factor(f64),
    /// A sinh whose `B` moves with the conductance.
    Sinh {
        /// `B` (1/V) at `g_off` and at `g_on`.
        scales: [f64; 2],
        window: (f64, f64),
        volts: f64,
        reference: f64,
    },
}

impl IvPoint {
    /// Current (A) of a cell of this conductance (S).
    pub(crate) fn amperes(&self, siemens: f64) -> f64 {
        match *self {
            IvPoint::Factor(factor) => siemens * factor,
            IvPoint::Sinh { scales, window, volts, reference } => {
                let scale = sinh_scale(scales, window, siemens);
                siemens * reference * sinh_ratio(scale * volts.abs(), scale * reference).copysign(volts)
            }
        }
    }
}

/// `B` (1/V) of a cell of this conductance (S), given at `g_off` and `g_on`.
fn sinh_scale([off, on]: [f64; 2], (g_off, g_on): (f64, f64), siemens: f64) -> f64 {
    let share = ((siemens - g_off) / (g_on - g_off)).clamp(0.0, 1.0);
    off + (on - off) * share
}

/// `sinh(x) / sinh(y)` for `x ≥ 0` and `y > 0`: exactly 1 for equal ones, precise for small ones.
fn sinh_ratio(x: f64, y: f64) -> f64 {
    libm::exp(x - y) * (libm::expm1(-2.0 * x) / libm::expm1(-2.0 * y))
}

/// The piecewise linear curve through the points, NaN beyond the last.
fn interpolate(points: &[(f64, f64)], x: f64) -> f64 {
    segment(points, x).map_or(f64::NAN, |[(x0, y0), (x1, y1)]| y0 + (y1 - y0) * ((x - x0) / (x1 - x0)))
}

/// The points on both sides of `x`, `None` beyond the last.
fn segment(points: &[(f64, f64)], x: f64) -> Option<[(f64, f64); 2]> {
    let above = points.partition_point(|point| point.0 < x).max(1);
    Some([points[above - 1], *points.get(above)?])
}

fn check_points(points: &[(f64, f64)]) -> Result<()> {
    check_integer("points of an I–V table", points.len(), 2, 1 << 16)?;
    check_real("first voltage of an I–V table (V)", points[0].0, 0.0, 0.0)?;
    check_real("first current of an I–V table", points[0].1, 0.0, 0.0)?;
    for pair in points.windows(2) {
        let [(v0, i0), (v1, i1)] = [pair[0], pair[1]];
        check_real("voltage of an I–V table (V)", v1, 0.0, 1e6)?;
        check_real("current of an I–V table", i1, 0.0, 1e30)?;
        for (low, low_value, high_value) in
            [("voltage of an I–V table (V)", v0, v1), ("current of an I–V table", i0, i1)]
        {
            if low_value >= high_value {
                return Err(Error::Order { low, low_value, high: "the next", high_value });
            }
        }
    }
    Ok(())
}
