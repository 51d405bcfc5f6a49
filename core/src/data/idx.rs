//! The IDX format of MNIST: two zero bytes, an element type, the number of dimensions, each dimension
//! as a big-endian 32-bit number, then the elements. Only unsigned bytes (type 8) occur here.

use std::io::Read;

use super::Problem;
use super::bounded;
use super::samples::MAX_VALUES;

/// An array of bytes.
#[derive(Debug, PartialEq)]
pub(super) struct Idx<const RANK: usize> {
    pub dims: [usize; RANK],
    /// As many as the product of `dims`.
    pub values: Vec<u8>,
}

/// Reads an array of `RANK` dimensions.
pub(super) fn read<const RANK: usize>(mut source: impl Read) -> Result<Idx<RANK>, Problem> {
    let [magic] = words::<1>(&mut source)?;
    let found = magic.to_be_bytes();
    let rank = RANK as u8;
    if found != [0, 0, 8, rank] {
        return Err(Problem::Magic { found, rank });
    }
    let dims = words::<RANK>(&mut source)?.map(|dim| dim as usize);
    let count = dims.iter().try_fold(1_usize, |product, &dim| product.checked_mul(dim));
    match count {
        Some(0) => Err(Problem::Empty),
        Some(count) if count <= MAX_VALUES => Ok(Idx { dims, values: bounded::exactly(source, count)? }),
        _ => Err(Problem::TooLarge { limit: MAX_VALUES, unit: "values" }),
    }
}

/// Big-endian 32-bit numbers.
fn words<const COUNT: usize>(source: &mut impl Read) -> Result<[u32; COUNT], Problem> {
    let bytes = bounded::up_to(source, 4 * COUNT)?;
    if bytes.len() < 4 * COUNT {
        return Err(Problem::Truncated { found: bytes.len(), expected: 4 * COUNT });
    }
    let mut words = [0; COUNT];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
        *word = bytes.iter().fold(0, |word, &byte| word << 8 | u32::from(byte));
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An array of 2 by 3.
    const SMALL: [u8; 18] = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6];

    #[test]
    fn an_array_is_read() {
        assert_eq!(read(&SMALL[..]), Ok(Idx { dims: [2, 3], values: vec![1, 2, 3, 4, 5, 6] }));
    }

    #[test]
    fn the_magic_must_be_right() {
        let rank: Result<Idx<3>, _> = read(&SMALL[..]);
        assert_eq!(rank, Err(Problem::Magic { found: [0, 0, 8, 2], rank: 3 }));
        for at in 0..4 {
            let mut wrong = SMALL;
            wrong[at] ^= 1;
            assert!(matches!(read::<2>(&wrong[..]), Err(Problem::Magic { .. })), "byte {at}");
        }
    }

    #[test]
    fn the_length_must_be_what_the_dimensions_say() {
        for end in 0..SMALL.len() {
            assert!(matches!(read::<2>(&SMALL[..end]), Err(Problem::Truncated { .. })), "cut to {end} bytes");
        }
        assert_eq!(read::<2>(&[&SMALL[..], &[7]].concat()[..]), Err(Problem::TooLong { expected: 6 }));
    }

    #[test]
    fn absurd_dimensions_are_refused_before_anything_is_reserved() {
        for dims in [[0xff; 12], [0x7f; 12]] {
            let bytes = [&[0, 0, 8, 3][..], &dims].concat();
            assert!(matches!(read::<3>(&bytes[..]), Err(Problem::TooLarge { .. })));
        }
        let nothing = [0, 0, 8, 1, 0, 0, 0, 0];
        assert_eq!(read::<1>(&nothing[..]), Err(Problem::Empty));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = read::<1>(&bytes[..]);
            let _ = read::<3>(&[&[0, 0, 8, 3][..], &bytes].concat()[..]);
        }

        #[test]
        fn what_was_written_is_read(height in 1..9_u8, values in prop::collection::vec(any::<u8>(), 9)) {
            let values = &values[..usize::from(height)];
            let bytes = [&[0, 0, 8, 2, 0, 0, 0, height, 0, 0, 0, 1], values].concat();
            prop_assert_eq!(read(&bytes[..]), Ok(Idx { dims: [usize::from(height), 1], values: values.to_vec() }));
        }
    }
}
