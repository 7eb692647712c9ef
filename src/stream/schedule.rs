//! Which planes of an active group are run.

use super::InputFormat;

/// Which planes of an active group need not be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Skip {
    /// Every plane is run.
    Off,
    /// FORMS: planes above the effective bits of the group's largest input are not run. For
    /// two's-complement inputs, the effective bits are the largest minimal two's-complement width.
    LeadingZeros,
    /// Beyond FORMS: no plane whose digits are all zero is run.
    AllZeroPlanes,
}

/// The planes one active group runs for one input vector.
///
/// The number of planes run is the group's *effective input cycles* (EIC). A plane that is not run
/// converts nothing and draws no noise. A group of zeros under [`Skip::LeadingZeros`] runs none.
///
/// The example of FORMS, section IV.C, is four inputs of 16 bits of which the largest has seven
/// effective bits:
///
/// ```
/// use forms_xbar::stream::{InputFormat, Schedule, Skip};
///
/// let format = InputFormat::new(16, false, 1)?;
/// let schedule = Schedule::new(format, Skip::LeadingZeros, &[0x002B, 0x004B, 0x0006, 0x0034]);
/// assert_eq!(schedule.eic(), 7);
/// # Ok::<(), forms_xbar::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    format: InputFormat,
    value_planes: u32,
    /// Bit `p`: plane `p` is run.
    run: u32,
}

/// One plane of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plane {
    index: u32,
    dac_bits: u32,
    sign: bool,
}

impl Schedule {
    /// The schedule of one group; `inputs` lie in the format's range.
    pub fn new(format: InputFormat, skip: Skip, inputs: &[i32]) -> Self {
        let (mut any, mut magnitude, mut negative) = (0, 0, false);
        for &input in inputs {
            any |= input;
            // Bits that differ from the sign: the value bits of the minimal two's complement.
            magnitude |= input ^ (input >> 31);
            negative |= input < 0;
        }
        let value_planes = if skip == Skip::Off {
            format.value_planes(format.bits() - u32::from(format.is_signed()))
        } else {
            format.value_planes(32 - magnitude.leading_zeros())
        };
        let planes = value_planes + u32::from(format.is_signed());
        let all = ((1u64 << planes) - 1) as u32;
        let run = match skip {
            Skip::Off => all,
            Skip::LeadingZeros if any == 0 => 0,
            Skip::LeadingZeros => all,
            Skip::AllZeroPlanes => {
                let digits = |p: u32| any >> (p * format.dac_bits()) & format.max_digit() as i32;
                let values = (0..value_planes).filter(|&p| digits(p) != 0).fold(0, |run, p| run | 1 << p);
                values | u32::from(negative) << value_planes
            }
        };
        Schedule { format, value_planes, run }
    }

    /// Effective input cycles: planes run.
    pub fn eic(&self) -> u32 {
        self.run.count_ones()
    }

    /// The planes run, in the order they are streamed.
    pub fn planes(&self) -> impl Iterator<Item = Plane> + use<> {
        let Schedule { format, value_planes, mut run } = *self;
        std::iter::from_fn(move || {
            let index = (run != 0).then(|| run.trailing_zeros())?;
            run &= run - 1;
            Some(Plane { index, dac_bits: format.dac_bits(), sign: index == value_planes })
        })
    }
}

impl Plane {
    /// Position in the stream, from 0.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// What a digit of this plane counts: `2^(d·index)`, negative for the sign plane.
    pub fn place(&self) -> i64 {
        let place = 1 << (self.index * self.dac_bits);
        if self.sign { -place } else { place }
    }

    /// The digit an input has in this plane.
    pub fn digit(&self, input: i32) -> u8 {
        if self.sign {
            u8::from(input < 0)
        } else {
            (input >> (self.index * self.dac_bits) & ((1 << self.dac_bits) - 1)) as u8
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eic(bits: u32, signed: bool, dac_bits: u32, skip: Skip, inputs: &[i32]) -> u32 {
        Schedule::new(InputFormat::new(bits, signed, dac_bits).unwrap(), skip, inputs).eic()
    }

    #[test]
    fn unsigned_effective_input_cycles() {
        assert_eq!(eic(16, false, 1, Skip::LeadingZeros, &[0x002B, 0x004B, 0x0006, 0x0034]), 7);
        assert_eq!(eic(16, false, 1, Skip::Off, &[0x002B, 0x004B, 0x0006, 0x0034]), 16);
        assert_eq!(eic(16, false, 2, Skip::LeadingZeros, &[0x002B, 0x004B, 0x0006, 0x0034]), 4);
        assert_eq!(eic(16, false, 1, Skip::LeadingZeros, &[0, 0]), 0);
        assert_eq!(eic(16, false, 1, Skip::AllZeroPlanes, &[0b1000_0001, 0b1000_0100]), 3);
        assert_eq!(eic(16, false, 4, Skip::AllZeroPlanes, &[0x8001, 0]), 2);
        assert_eq!(eic(16, false, 1, Skip::LeadingZeros, &[0xFFFF]), 16);
    }

    #[test]
    fn signed_effective_input_cycles_are_the_minimal_width() {
        for (input, width) in [(0, 0), (-1, 1), (1, 2), (-2, 2), (2, 3), (-3, 3), (127, 8), (-128, 8)] {
            assert_eq!(eic(8, true, 1, Skip::LeadingZeros, &[input]), width, "{input}");
        }
        assert_eq!(eic(8, true, 1, Skip::LeadingZeros, &[1, -5, 0]), 4);
        assert_eq!(eic(8, true, 2, Skip::LeadingZeros, &[1, -5, 0]), 3);
        // No input negative: the sign plane is all zero, run by FORMS's rule, skipped by the other.
        assert_eq!(eic(8, true, 1, Skip::LeadingZeros, &[4, 4]), 4);
        assert_eq!(eic(8, true, 1, Skip::AllZeroPlanes, &[4, 4]), 1);
        assert_eq!(eic(8, true, 1, Skip::Off, &[4, 4]), 8);
    }

    #[test]
    fn planes_add_up_to_the_input() {
        for signed in [false, true] {
            for dac_bits in 1..=4 {
                for bits in 2..=9 {
                    let format = InputFormat::new(bits, signed, dac_bits).unwrap();
                    for input in format.min()..=format.max() {
                        for skip in [Skip::Off, Skip::LeadingZeros, Skip::AllZeroPlanes] {
                            let companion = format.max() - (input - format.min());
                            let schedule = Schedule::new(format, skip, &[input, companion]);
                            let sum =
                                |x| schedule.planes().map(|p| p.place() * i64::from(p.digit(x))).sum::<i64>();
                            assert_eq!((sum(input), sum(companion)), (input.into(), companion.into()));
                            assert!(schedule.eic() <= format.planes());
                        }
                    }
                }
            }
        }
    }
}
