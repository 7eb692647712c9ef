//! The standard normal distribution on the value path: portable, fixed operation order.

/// Cumulative distribution of the standard normal, `Φ(x) = ½ erfc(−x / √2)`.
///
/// ```
/// use forms_xbar::key::normal_cdf;
///
/// assert!((normal_cdf(1.959963984540054) - 0.975).abs() < 1e-15);
/// ```
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// Quantile of the standard normal, `Φ⁻¹(p)`, for `0 < p < 1`; infinite at the ends, NaN outside.
///
/// Rational approximations of Wichura, *Algorithm AS 241* (Applied Statistics 37, 1988), relative
/// error about 10⁻¹⁶. Additions and multiplications in a fixed order without fused operations,
/// `log` from `libm`, IEEE square root: the same bits on every platform.
///
/// ```
/// use forms_xbar::key::normal_quantile;
///
/// assert_eq!(normal_quantile(0.5), 0.0);
/// assert!((normal_quantile(0.975) - 1.959963984540054).abs() < 1e-14);
/// ```
pub fn normal_quantile(p: f64) -> f64 {
    let centred = p - 0.5;
    if centred.abs() <= 0.425 {
        let r = 0.180625 - centred * centred;
        return centred * ratio(r, &CENTRE);
    }
    let tail = if centred < 0.0 { p } else { 1.0 - p };
    if tail <= 0.0 {
        return if tail == 0.0 { f64::INFINITY.copysign(centred) } else { f64::NAN };
    }
    let r = (-libm::log(tail)).sqrt();
    let magnitude = if r <= 5.0 { ratio(r - 1.6, &SHOULDER) } else { ratio(r - 5.0, &TAIL) };
    magnitude.copysign(centred)
}

/// Numerator and denominator of a rational function, lowest power first.
type Rational = [[f64; 8]; 2];

fn ratio(x: f64, [numerator, denominator]: &Rational) -> f64 {
    horner(x, numerator) / horner(x, denominator)
}

fn horner(x: f64, coefficients: &[f64; 8]) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

const CENTRE: Rational = [
    [
        3.387_132_872_796_366_5,
        1.331_416_678_917_843_8e2,
        1.971_590_950_306_551_3e3,
        1.373_169_376_550_946e4,
        4.592_195_393_154_987e4,
        6.726_577_092_700_87e4,
        3.343_057_558_358_813e4,
        2.509_080_928_730_122_7e3,
    ],
    [
        1.0,
        4.231_333_070_160_091e1,
        6.871_870_074_920_579e2,
        5.394_196_021_424_751e3,
        2.121_379_430_158_659_7e4,
        3.930_789_580_009_271e4,
        2.872_908_573_572_194_3e4,
        5.226_495_278_852_854e3,
    ],
];

const SHOULDER: Rational = [
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        2.417_807_251_774_506e-1,
        2.272_384_498_926_918_4e-2,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        6.897_673_349_851e-1,
        1.481_039_764_274_800_8e-1,
        1.519_866_656_361_645_7e-2,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
];

const TAIL: Rational = [
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        2.965_605_718_285_048_7e-1,
        2.653_218_952_657_612_4e-2,
        1.242_660_947_388_078_4e-3,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        5.998_322_065_558_88e-1,
        1.369_298_809_227_358e-1,
        1.487_536_129_085_061_5e-2,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{ContinuousCDF, Normal};

    #[test]
    fn quantile_agrees_with_an_independent_library() {
        let oracle = Normal::new(0.0, 1.0).unwrap();
        for i in 1..100_000 {
            let p = i as f64 / 100_000.0;
            let (ours, theirs) = (normal_quantile(p), oracle.inverse_cdf(p));
            assert!((ours - theirs).abs() <= 1e-10 * theirs.abs().max(1e-3), "p {p}: {ours} {theirs}");
        }
    }

    #[test]
    fn quantile_inverts_the_distribution_into_the_far_tail() {
        // dx = dp/φ(x): the error of p is divided by its relative steepness, about x².
        for i in -820..=0 {
            let x = i as f64 / 100.0;
            let back = normal_quantile(normal_cdf(x));
            assert!((back - x).abs() <= 2e-15 * x.abs().max(1.0), "x {x}: {back}");
        }
    }

    #[test]
    fn ends_and_outside() {
        assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
        assert!(
            normal_quantile(-0.1).is_nan()
                && normal_quantile(1.1).is_nan()
                && normal_quantile(f64::NAN).is_nan()
        );
    }
}
