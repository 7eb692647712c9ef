//! Level → target conductance.

use crate::error::{Error, Result, check_integer, check_real};

/// The target conductance of every level of a cell.
///
/// **Equation.** Linear: `G(l) = g_off + l · (g_on − g_off) / (L − 1)` for the `L` levels of a
/// cell. Table: as given. **Units.** Siemens. **Valid range.** Strictly rising also as `f32`, in
/// which dies keep conductances; `g_off ≥ 0`; a mean step of at least the least normal `f32`.
/// **Drawn.** Never.
///
/// ```
/// use forms_xbar::device::LevelMap;
///
/// let map = LevelMap::linear(2, 1e-6, 100e-6)?;
/// assert_eq!(map.conductance(3), Some(100e-6));
/// assert!((map.level_step() - 33e-6).abs() < 1e-18);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LevelMap {
    siemens: Vec<f64>,
}

impl LevelMap {
    /// `2^bits` equally spaced levels from `g_off` to `g_on`.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for `bits` outside 1–4, [`Error::Real`] for a conductance that is not
    /// finite or negative, [`Error::Order`] for `g_off ≥ g_on`.
    pub fn linear(bits: u32, g_off: f64, g_on: f64) -> Result<Self> {
        check_integer("cell bits", bits, 1, 4)?;
        check_real("g_off (S)", g_off, 0.0, f64::MAX)?;
        check_real("g_on (S)", g_on, 0.0, f64::MAX)?;
        if g_off >= g_on {
            return Err(Error::Order {
                low: "g_off (S)",
                low_value: g_off,
                high: "g_on (S)",
                high_value: g_on,
            });
        }
        let top = (1u32 << bits) - 1;
        // Weighted so that both ends come out exactly.
        let level = |l: u32| (f64::from(top - l) * g_off + f64::from(l) * g_on) / f64::from(top);
        Self::table((0..=top).map(level).collect())
    }

    /// One conductance per level, from level 0 up; 2, 4, 8 or 16 of them.
    ///
    /// # Errors
    ///
    /// [`Error::Integer`] for another number of levels, [`Error::Real`] for a conductance that is
    /// not finite or negative, [`Error::LevelTable`] for one that does not exceed the one below.
    pub fn table(siemens: Vec<f64>) -> Result<Self> {
        check_integer("conductance levels", siemens.len(), 2, 16)?;
        if !siemens.len().is_power_of_two() {
            let value = siemens.len() as i64;
            let max = 1 << siemens.len().ilog2();
            return Err(Error::Integer { name: "conductance levels", value, min: max, max });
        }
        for &level in &siemens {
            check_real("level conductance (S)", level, 0.0, f32::MAX.into())?;
        }
        match siemens.windows(2).position(|pair| pair[0] as f32 >= pair[1] as f32) {
            None => {
                let map = LevelMap { siemens };
                check_real("level step (S)", map.level_step(), f32::MIN_POSITIVE.into(), f64::MAX)?;
                Ok(map)
            }
            Some(at) => {
                Err(Error::LevelTable { level: at + 1, siemens: siemens[at + 1], below: siemens[at] })
            }
        }
    }

    /// The table of a preset.
    pub(crate) fn known(siemens: &[f64]) -> Self {
        debug_assert!(Self::table(siemens.to_vec()).is_ok());
        LevelMap { siemens: siemens.to_vec() }
    }

    /// Bits of a cell.
    pub fn bits(&self) -> u32 {
        self.siemens.len().ilog2()
    }

    /// Conductance of every level (S).
    pub fn as_slice(&self) -> &[f64] {
        &self.siemens
    }

    /// Target conductance of a level (S), `None` above the last.
    pub fn conductance(&self, level: usize) -> Option<f64> {
        self.siemens.get(level).copied()
    }

    /// Conductance of level 0 (S).
    pub fn g_off(&self) -> f64 {
        self.siemens[0]
    }

    /// Conductance of the highest level (S).
    pub fn g_on(&self) -> f64 {
        self.siemens[self.siemens.len() - 1]
    }

    /// Mean distance of neighbouring levels (S), what one level counts.
    pub fn level_step(&self) -> f64 {
        (self.g_on() - self.g_off()) / (self.siemens.len() - 1) as f64
    }

    /// Whether levels are equally spaced, to a part in 10⁹ of a step.
    pub fn is_linear(&self) -> bool {
        let (off, step) = (self.g_off(), self.level_step());
        self.siemens.iter().enumerate().all(|(level, g)| (g - off - level as f64 * step).abs() <= 1e-9 * step)
    }

    /// Leakage of a cell at level 0 in level steps, `β = g_off / level_step`.
    pub fn leakage(&self) -> f64 {
        self.g_off() / self.level_step()
    }
}

#[cfg(feature = "serde")]
mod serialised {
    use super::LevelMap;

    impl serde::Serialize for LevelMap {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.siemens.serialize(serializer)
        }
    }

    impl<'de> serde::Deserialize<'de> for LevelMap {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            LevelMap::table(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
        }
    }
}
