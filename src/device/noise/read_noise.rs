//! Everything that differs from read to read.

use super::{Flicker, FlickerAmplitude, Persistence, Telegraph, WhiteNoise};
use crate::checked::checked_serde;
use crate::error::{Error, Result, check_real};

/// Noise of reading: white, common and slow, each optional and nothing when switched off.
///
/// **Equation.** The white noise of a conversion has the variance
/// `σ_fe² + Σ_i (σ_rel · I_i)² + Σ_i S_i B` over the cells of the active group: the front end's
/// input-referred noise, independent relative noise of every conducting cell, and [`WhiteNoise`] of
/// every connected one. Independent Gaussians add up to one, so one number is drawn per conversion. A
/// driver's noise moves its word line by `σ_wl · z_i`, the same for all columns, at 0 V too; cells
/// answer to it linearly, with their conductance at the DAC's first step. [`Telegraph`] and
/// [`Flicker`] move the cells themselves, for as long as [`Persistence`] says. **Units.** `relative` is a
/// pure number, `front_end_amperes` in A rms, `word_line_volts` in V rms. **Valid range.** All finite
/// and at least 0; `relative` at most 10. **Drawn.** White noise at every conversion of every plane
/// that is run, the driver's at every such plane, the slow kinds at every vector, in the kernel.
///
/// ```
/// use forms_xbar::device::{ReadNoise, Telegraph, WhiteLaw, WhiteNoise};
///
/// let noise = ReadNoise::new(0.0, 20e-9)?
///     .with_white(WhiteNoise::new(33e6, WhiteLaw::Fano { factor: 0.3 })?)
///     .with_telegraph(Telegraph::pytorx(1e-3)?);
/// assert!(!noise.is_none());
/// assert!(ReadNoise::new(f64::NAN, 0.0).is_err());
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(remote = "Self", deny_unknown_fields))]
pub struct ReadNoise {
    relative: f64,
    front_end_amperes: f64,
    white: Option<WhiteNoise>,
    word_line_volts: f64,
    telegraph: Option<Telegraph>,
    flicker: Option<Flicker>,
    persistence: Persistence,
}

checked_serde!(ReadNoise);

impl ReadNoise {
    /// No read noise.
    pub const NONE: ReadNoise = ReadNoise {
        relative: 0.0,
        front_end_amperes: 0.0,
        white: None,
        word_line_volts: 0.0,
        telegraph: None,
        flicker: None,
        persistence: Persistence::Held,
    };

    /// Noise of relative deviation `relative` in every conducting cell and of
    /// `front_end_amperes` rms in every conversion.
    ///
    /// # Errors
    ///
    /// [`Error::Real`] for a deviation that is NaN, negative, infinite, or a `relative` above 10.
    pub fn new(relative: f64, front_end_amperes: f64) -> Result<Self> {
        let noise = ReadNoise { relative, front_end_amperes, ..ReadNoise::NONE };
        noise.check()?;
        Ok(noise)
    }

    /// The same with thermal and shot noise of the cells.
    pub fn with_white(self, white: WhiteNoise) -> Self {
        ReadNoise { white: Some(white), ..self }
    }

    /// The same with drivers that move their word lines by `volts` rms, checked when a design is built.
    pub fn with_word_line_volts(self, volts: f64) -> Self {
        ReadNoise { word_line_volts: volts, ..self }
    }

    /// The same with random telegraph noise.
    pub fn with_telegraph(self, telegraph: Telegraph) -> Self {
        ReadNoise { telegraph: Some(telegraph), ..self }
    }

    /// The same with 1/f noise.
    pub fn with_flicker(self, flicker: Flicker) -> Self {
        ReadNoise { flicker: Some(flicker), ..self }
    }

    /// The same with slow noise that lasts so long; held for a vector without this.
    pub fn with_persistence(self, persistence: Persistence) -> Self {
        ReadNoise { persistence, ..self }
    }

    /// Checks every part.
    ///
    /// # Errors
    ///
    /// [`Error::Real`] or [`Error::Order`] for a number outside its valid range, [`Error::Conflict`]
    /// for 1/f noise by its corner without white noise.
    pub fn check(&self) -> Result<()> {
        check_real("relative read noise sigma", self.relative, 0.0, 10.0)?;
        check_real("front-end noise sigma (A)", self.front_end_amperes, 0.0, f64::MAX)?;
        check_real("word-line noise sigma (V)", self.word_line_volts, 0.0, 1e3)?;
        self.white.as_ref().map_or(Ok(()), WhiteNoise::check)?;
        self.telegraph.as_ref().map_or(Ok(()), Telegraph::check)?;
        self.flicker.as_ref().map_or(Ok(()), Flicker::check)?;
        match self.flicker.map(|flicker| flicker.amplitude()) {
            Some(FlickerAmplitude::Corner { .. }) if self.white.is_none() => Err(Error::Conflict {
                first: "1/f noise by its corner frequency",
                second: "no white noise",
                why: "the corner is where both are equal",
            }),
            _ => Ok(()),
        }
    }

    /// Relative standard deviation of a cell's current.
    pub fn relative(&self) -> f64 {
        self.relative
    }

    /// Input-referred standard deviation of a conversion (A).
    pub fn front_end_amperes(&self) -> f64 {
        self.front_end_amperes
    }

    /// Thermal and shot noise of the cells.
    pub fn white(&self) -> Option<WhiteNoise> {
        self.white
    }

    /// Standard deviation of a word line's voltage (V).
    pub fn word_line_volts(&self) -> f64 {
        self.word_line_volts
    }

    /// Random telegraph noise; `None` also where no cell would have two states.
    pub fn telegraph(&self) -> Option<Telegraph> {
        self.telegraph.filter(|telegraph| !telegraph.is_none())
    }

    /// 1/f noise; `None` also where its amplitude is 0.
    pub fn flicker(&self) -> Option<Flicker> {
        self.flicker.filter(|flicker| !flicker.is_none())
    }

    /// Standard deviation (S) of the 1/f noise of a cell of `siemens`, `at_rest` at 0 V, that carries
    /// `amperes` at `volts` and `kelvin`.
    pub(crate) fn flicker_siemens(
        &self,
        (siemens, at_rest): (f64, f64),
        (amperes, volts): (f64, f64),
        kelvin: f64,
    ) -> f64 {
        let Some(flicker) = self.flicker().filter(|_| siemens > 0.0) else { return 0.0 };
        // White noise as a deviation, per √Hz, of the conductance that the current is proportional to.
        let white = self.white.map_or(0.0, |white| {
            (white.variance(at_rest, volts, amperes, kelvin) / white.bandwidth_hz()).sqrt() * siemens
                / amperes
        });
        flicker.deviation_siemens(siemens, white)
    }

    /// How long slow noise lasts.
    pub fn persistence(&self) -> Persistence {
        self.persistence
    }

    /// Whether noise is drawn at every plane: white, or of word lines.
    pub(crate) fn is_fresh(&self) -> bool {
        self.relative > 0.0
            || self.front_end_amperes > 0.0
            || self.white.is_some()
            || self.word_line_volts > 0.0
    }

    /// Whether there is no noise, so that nothing is drawn.
    pub fn is_none(&self) -> bool {
        !self.is_fresh() && self.telegraph().is_none() && self.flicker().is_none()
    }
}
