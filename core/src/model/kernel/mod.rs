//! The arithmetic under the fused models: small matrix products and elementwise functions, written
//! once over [`pulp::Simd`] and compiled for every vector width the processor may have.
//!
//! Matrices in scratch memory are row-major with rows padded to [`WIDTH`] numbers, so that no
//! kernel needs a tail. One thread runs one call, in a fixed order.

pub mod attention;
pub mod layer_norm;
pub mod math;
pub mod matmul;
pub mod rows;
pub mod scratch;
pub mod softmax;
pub mod transpose;

/// Rows are padded to a multiple of this many numbers: the widest vector of any processor served.
pub const WIDTH: usize = 16;

/// `n` rounded up to whole vectors.
pub const fn padded(n: usize) -> usize {
    n.div_ceil(WIDTH) * WIDTH
}

/// The processor's vector widths, and one number at a time, for tests of what must not depend on them.
#[cfg(test)]
pub fn every_width() -> Vec<pulp::Arch> {
    let widths = vec![pulp::Arch::Scalar, pulp::Arch::new()];
    #[cfg(target_arch = "x86_64")]
    let widths = widths.into_iter().chain(pulp::x86::V3::try_new().map(pulp::Arch::V3)).collect();
    widths
}
