//! Elementary functions on whole vectors, accurate to a few units in the last place of f32.
//!
//! Bounds are written as `min(bound, x)`: of two operands the vector instructions give the second where
//! one is NaN (or NaN itself, on Arm), so a diverged run shows without a comparison of its own.

use pulp::Simd;

/// e^x by Cody and Waite's range reduction and a polynomial of degree 6 (the coefficients of Cephes' `expf`).
/// Below -87.3 the result is 0, above 88.3 it is the largest power the method reaches; NaN stays NaN.
#[inline(always)]
pub fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let c = |value| simd.splat_f32s(value);
    let clamped = simd.min_f32s(c(88.3), simd.max_f32s(c(-88.0), x));
    // Adding 1.5·2^23 rounds to the nearest integer and leaves it in the low bits.
    let magic = c(12_582_912.0);
    let shifted = simd.mul_add_e_f32s(clamped, c(std::f32::consts::LOG2_E), magic);
    let n = simd.sub_f32s(shifted, magic);
    let r = simd.mul_add_e_f32s(n, c(-0.693_359_4), clamped);
    let r = simd.mul_add_e_f32s(n, c(2.121_944_4e-4), r);
    let mut p = c(1.987_569_1e-4);
    for k in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = simd.mul_add_e_f32s(p, r, c(k));
    }
    let p = simd.mul_add_e_f32s(p, simd.mul_f32s(r, r), simd.add_f32s(r, c(1.0)));
    let exponent = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(23));
    let scaled = simd.transmute_f32s_u32s(simd.add_u32s(simd.transmute_u32s_f32s(p), exponent));
    // The low bits of the NaNs that arithmetic makes are 0: they add nothing to the exponent, and stay.
    simd.select_f32s(simd.less_than_f32s(x, c(-87.3)), c(0.0), scaled)
}

/// The natural logarithm of positive normal numbers (the coefficients of Cephes' `logf`); NaN stays NaN.
#[inline(always)]
pub fn ln<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let c = |value| simd.splat_f32s(value);
    let bits = simd.transmute_u32s_f32s(x);
    // Take the exponent so that the mantissa lies in [√½, √2).
    let offset = simd.sub_u32s(bits, simd.splat_u32s(0x3f35_04f3));
    let exponent = simd.and_u32s(offset, simd.splat_u32s(0xff80_0000));
    let mantissa = simd.transmute_f32s_u32s(simd.sub_u32s(bits, exponent));
    // The exponent as a number: its bits, moved down, sit in the mantissa of 2^23 + n.
    let biased = simd.add_u32s(exponent, simd.splat_u32s(0x4000_0000));
    let moved = simd.wrapping_dyn_shr_u32s(biased, simd.splat_u32s(23));
    let e = simd.sub_f32s(
        simd.transmute_f32s_u32s(simd.or_u32s(moved, simd.splat_u32s(0x4b00_0000))),
        c(8_388_608.0 + 128.0),
    );
    let r = simd.sub_f32s(mantissa, c(1.0));
    let mut p = c(7.037_683_6e-2);
    for k in [
        -1.151_461e-1,
        1.167_699_9e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_7e-1,
        2.000_071_5e-1,
        -2.499_999_4e-1,
        3.333_333e-1,
    ] {
        p = simd.mul_add_e_f32s(p, r, c(k));
    }
    let r2 = simd.mul_f32s(r, r);
    let tail = simd.mul_f32s(simd.mul_f32s(p, r2), r);
    let tail = simd.mul_add_e_f32s(e, c(-2.121_944_4e-4), tail);
    let tail = simd.mul_add_e_f32s(r2, c(-0.5), tail);
    let y = simd.mul_add_e_f32s(e, c(0.693_359_4), simd.add_f32s(r, tail));
    let number = simd.equal_f32s(x, x);
    simd.select_f32s(number, y, x)
}

/// tanh by a rational function of degree 13 over 6, exact to rounding where |x| < 7.9 and ±1 beyond.
#[inline(always)]
pub fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let c = |value| simd.splat_f32s(value);
    let clamped = simd.min_f32s(c(7.905_311), simd.max_f32s(c(-7.905_311), x));
    let x2 = simd.mul_f32s(clamped, clamped);
    let mut p = c(-2.760_768_5e-16);
    for k in [2.000_188e-13, -8.604_672e-11, 5.122_297e-8, 1.485_722_4e-5, 6.372_619_3e-4, 4.893_524_6e-3] {
        p = simd.mul_add_e_f32s(p, x2, c(k));
    }
    let mut q = c(1.198_258_4e-6);
    for k in [1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3] {
        q = simd.mul_add_e_f32s(q, x2, c(k));
    }
    simd.div_f32s(simd.mul_f32s(clamped, p), q)
}

/// GELU, x·Φ(x) with the exact normal distribution (PyTorch's default), and its derivative.
/// Φ by Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7.
#[inline(always)]
pub fn gelu<S: Simd>(simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
    let c = |value| simd.splat_f32s(value);
    let z = simd.mul_f32s(simd.abs_f32s(x), c(std::f32::consts::FRAC_1_SQRT_2));
    let t = simd.div_f32s(c(1.0), simd.mul_add_e_f32s(z, c(0.327_591_1), c(1.0)));
    let mut p = c(1.061_405_4);
    for k in [-1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6] {
        p = simd.mul_add_e_f32s(p, t, c(k));
    }
    let gauss = exp(simd, simd.mul_f32s(simd.mul_f32s(x, x), c(-0.5)));
    // The upper tail 1 - Φ(|x|), then Φ on the right side of zero.
    let tail = simd.mul_f32s(simd.mul_f32s(simd.mul_f32s(p, t), gauss), c(0.5));
    let negative = simd.less_than_f32s(x, c(0.0));
    let phi = simd.select_f32s(negative, tail, simd.sub_f32s(c(1.0), tail));
    let density = simd.mul_f32s(gauss, c(0.398_942_3));
    (simd.mul_f32s(x, phi), simd.mul_add_e_f32s(x, density, phi))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::{Arch, WithSimd};

    struct Apply<'a> {
        which: &'a str,
        x: &'a [f32],
        y: &'a mut [f32],
    }

    impl WithSimd for Apply<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let (x, _) = S::as_simd_f32s(self.x);
            let (y, _) = S::as_mut_simd_f32s(self.y);
            for (x, y) in x.iter().zip(y) {
                *y = match self.which {
                    "exp" => exp(simd, *x),
                    "ln" => ln(simd, *x),
                    "tanh" => tanh(simd, *x),
                    "gelu" => gelu(simd, *x).0,
                    _ => gelu(simd, *x).1,
                };
            }
        }
    }

    fn worst(which: &str, from: f32, to: f32, truth: impl Fn(f64) -> f64, absolute: bool) -> f64 {
        let n = 64_000;
        let x: Vec<f32> = (0..n).map(|i| from + (to - from) * i as f32 / n as f32).collect();
        let mut y = vec![0.0; n];
        Arch::new().dispatch(Apply { which, x: &x, y: &mut y });
        x.iter()
            .zip(&y)
            .map(|(&x, &y)| {
                let t = truth(f64::from(x));
                let error = (f64::from(y) - t).abs();
                if absolute { error } else { error / t.abs().max(1e-30) }
            })
            .fold(0.0, f64::max)
    }

    /// The error function by its series, for |x| below about 6.
    fn erf(x: f64) -> f64 {
        let (mut sum, mut term) = (x, x);
        for n in 1..200 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    #[test]
    fn the_functions_are_accurate() {
        assert!(worst("exp", -87.0, 88.0, f64::exp, false) < 3e-7);
        assert!(worst("ln", 1e-6, 100.0, f64::ln, true) < 1e-6);
        assert!(worst("tanh", -9.0, 9.0, f64::tanh, false) < 6e-7);
        let phi = |x: f64| 0.5 * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2));
        let density = |x: f64| (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
        assert!(worst("gelu", -5.0, 5.0, |x| x * phi(x), true) < 1e-6);
        assert!(worst("slope", -5.0, 5.0, |x| phi(x) + x * density(x), true) < 1e-6);
    }

    #[test]
    fn what_is_no_number_stays_none() {
        let x = [f32::NAN; 16];
        for which in ["exp", "tanh", "gelu"] {
            let mut y = [0.0; 16];
            Arch::new().dispatch(Apply { which, x: &x, y: &mut y });
            assert!(y.iter().all(|y| y.is_nan()), "{which}");
        }
        let mut y = [1.0; 16];
        Arch::new().dispatch(Apply { which: "exp", x: &[f32::NEG_INFINITY; 16], y: &mut y });
        assert_eq!(y, [0.0; 16]);
    }
}
