//! A user's own cell.

use std::fmt;

use super::array_writer::{ArrayPlace, check_row};
use crate::device::{Conditions, LevelMap};
use crate::error::Result;
use crate::key::{Key, Purpose, Stream};

/// A cell whose physics is the user's, as [`Programming::Model`](super::Programming::Model).
///
/// **Equation.** The implementer's: target conductance → conductance → aged conductance. **Units.**
/// Siemens. **Valid range.** A result that is negative or not finite as `f32` is an
/// [`Error::Conductance`](crate::Error::Conductance). **Drawn.** Once per write, from one stream per
/// cell for writing and one for ageing: a model may draw as often as it likes without shifting
/// another cell. **Source.** The implementer's.
///
/// A model must be a function of its arguments: results are repeatable only as far as it is. Two
/// designs are equal when their models have the same `id` and `version`. A design that holds a model
/// cannot be serialised.
///
/// ```
/// use std::sync::Arc;
///
/// use forms_xbar::device::{Cell, CellModel, LevelMap, Programming};
/// use forms_xbar::key::Stream;
///
/// /// One cell in a hundred is left at 0 S.
/// #[derive(Debug)]
/// struct Lazy;
///
/// impl CellModel for Lazy {
///     fn id(&self) -> &str {
///         "lazy"
///     }
///     fn version(&self) -> u32 {
///         1
///     }
///     fn write(&self, target: f64, _levels: &LevelMap, draws: &mut Stream) -> f64 {
///         if draws.uniform() < 0.01 { 0.0 } else { target }
///     }
/// }
///
/// let cell = Cell::new(LevelMap::linear(2, 1e-6, 100e-6)?).with_programming(Programming::Model(Arc::new(Lazy)));
/// # Ok::<(), forms_xbar::Error>(())
/// ```
pub trait CellModel: fmt::Debug + Send + Sync {
    /// Name of the model.
    fn id(&self) -> &str;

    /// Version of the model, to be raised with every change of a value.
    fn version(&self) -> u32;

    /// The conductance (S) that a write towards `target` (S), device-to-device spread included,
    /// leaves behind in a cell of these levels.
    fn write(&self, target: f64, levels: &LevelMap, draws: &mut Stream) -> f64;

    /// What becomes of a conductance (S), as written, under these conditions, counted from the write.
    /// `draws` start anew for every conditions: what they decide belongs to the cell. Without this,
    /// nothing.
    fn age(&self, siemens: f64, conditions: &Conditions, draws: &mut Stream) -> f64 {
        let _ = (conditions, draws);
        siemens
    }
}

impl PartialEq for dyn CellModel {
    fn eq(&self, other: &Self) -> bool {
        (self.id(), self.version()) == (other.id(), other.version())
    }
}

/// Set in the word line of a place: draws for ageing.
const AGEING: u64 = 1 << 48;

/// Writes one word line of targets, or spread targets, by a model.
///
/// # Errors
///
/// [`Error::Conductance`](crate::Error::Conductance) for a result out of range.
pub(super) fn write_row(
    model: &dyn CellModel,
    levels: &LevelMap,
    write: Key,
    (place, row): (ArrayPlace, usize),
    siemens: &mut [f32],
) -> Result<()> {
    for (column, cell) in siemens.iter_mut().enumerate() {
        *cell = model.write((*cell).into(), levels, &mut draws(write, place, row as u64, column)) as f32;
    }
    check_row(place, row, siemens)
}

/// Ages one word line of conductances, as written, by a model.
///
/// # Errors
///
/// [`Error::Conductance`](crate::Error::Conductance) for a result out of range.
pub(in crate::device) fn age_row(
    model: &dyn CellModel,
    conditions: &Conditions,
    write: Key,
    (place, row): (ArrayPlace, usize),
    siemens: &mut [f32],
) -> Result<()> {
    for (column, cell) in siemens.iter_mut().enumerate() {
        let mut draws = draws(write, place, row as u64 | AGEING, column);
        *cell = model.age((*cell).into(), conditions, &mut draws) as f32;
    }
    check_row(place, row, siemens)
}

/// The draws of one cell.
fn draws(write: Key, place: ArrayPlace, word_line: u64, column: usize) -> Stream {
    write.stream(Purpose::CellModel, [place.address, word_line | place.bank << 32, column as u64])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes and ages by a draw each.
    #[derive(Debug)]
    struct Drawn;

    impl CellModel for Drawn {
        fn id(&self) -> &str {
            "drawn"
        }

        fn version(&self) -> u32 {
            1
        }

        fn write(&self, _: f64, _: &LevelMap, draws: &mut Stream) -> f64 {
            draws.uniform()
        }

        fn age(&self, _: f64, conditions: &Conditions, draws: &mut Stream) -> f64 {
            conditions.elapsed_secs * draws.uniform()
        }
    }

    #[test]
    fn every_cell_writes_and_ages_by_draws_of_its_own() {
        let levels = LevelMap::linear(1, 1e-6, 1e-4).unwrap();
        let mut seen = std::collections::HashSet::new();
        for (address, bank, row) in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)] {
            let place = (ArrayPlace { index: 0, address, bank }, row);
            let (mut written, mut aged, mut older) = ([0.0; 4], [0.0; 4], [0.0; 4]);
            write_row(&Drawn, &levels, Key::from(1), place, &mut written).unwrap();
            let at = |elapsed_secs| Conditions { elapsed_secs, ..Conditions::FRESH };
            age_row(&Drawn, &at(1.0), Key::from(1), place, &mut aged).unwrap();
            age_row(&Drawn, &at(2.0), Key::from(1), place, &mut older).unwrap();
            assert_eq!(aged.map(|g| 2.0 * g), older);
            assert!(written.into_iter().chain(aged).all(|g| seen.insert(g.to_bits())));
        }
    }
}
