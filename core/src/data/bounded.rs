//! Reading no more than was promised, so that a small file cannot unpack to fill the memory.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;

use super::Problem;

/// The bytes every gzip file starts with (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Exactly `length` bytes, which is then all there is.
pub(super) fn exactly(source: impl Read, length: usize) -> Result<Vec<u8>, Problem> {
    let bytes = up_to(source, length.saturating_add(1))?;
    match bytes.len() {
        found if found < length => Err(Problem::Truncated { found, expected: length }),
        found if found > length => Err(Problem::TooLong { expected: length }),
        _ => Ok(bytes),
    }
}

/// What the source holds; a gzipped one is unpacked as it is read.
pub(super) fn opened<'a>(source: impl Read + 'a) -> Result<Box<dyn Read + 'a>, Problem> {
    let mut source = BufReader::new(source);
    let zipped = source.fill_buf().map_err(|error| unreadable(&error))?.starts_with(&GZIP_MAGIC);
    Ok(if zipped { Box::new(MultiGzDecoder::new(source)) } else { Box::new(source) })
}

/// What a gzipped file of these bytes unpacks to, as a stream.
pub(super) fn unzipped(bytes: &[u8]) -> impl Read {
    MultiGzDecoder::new(bytes)
}

/// The first bytes, `most` of them if there are so many.
pub(super) fn up_to(source: impl Read, most: usize) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    source.take(most as u64).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    Ok(bytes)
}

pub(super) fn unreadable(error: &io::Error) -> Problem {
    match error.kind() {
        ErrorKind::UnexpectedEof => Problem::Damaged("the gzip data is cut short".to_owned()),
        ErrorKind::InvalidInput | ErrorKind::InvalidData => {
            Problem::Damaged(format!("the gzip data is damaged ({error})"))
        }
        _ => Problem::Unreadable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    fn zipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn exactly_counts() {
        assert_eq!(exactly(&b"abc"[..], 3), Ok(b"abc".to_vec()));
        assert_eq!(exactly(&b"abc"[..], 4), Err(Problem::Truncated { found: 3, expected: 4 }));
        assert_eq!(exactly(&b"abc"[..], 2), Err(Problem::TooLong { expected: 2 }));
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = zipped(&vec![0; 10_000_000]);
        assert!(bomb.len() < 50_000);
        let mut start = Vec::new();
        opened(&bomb[..]).unwrap().take(1000).read_to_end(&mut start).unwrap();
        assert_eq!(start, [0; 1000]);
        assert_eq!(exactly(unzipped(&bomb), 1000), Err(Problem::TooLong { expected: 1000 }));
    }

    #[test]
    fn plain_and_zipped_are_told_apart() {
        let all = |bytes: &[u8]| up_to(opened(bytes).unwrap(), 100);
        assert_eq!(all(&zipped(b"abc")), Ok(b"abc".to_vec()));
        assert_eq!(all(b"abc"), Ok(b"abc".to_vec()));
        assert_eq!(all(b""), Ok(Vec::new()));
    }

    #[test]
    fn a_truncated_or_altered_zipped_file_never_gives_other_data() {
        let text: Vec<u8> = (0..2000_u32).map(|at| (at * at % 251) as u8).collect();
        let whole = zipped(&text);
        for end in 0..whole.len() {
            assert!(exactly(unzipped(&whole[..end]), text.len()).is_err(), "cut to {end} bytes");
        }
        for bit in 0..8 * whole.len() {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // Some bits of the header and the last before the checksum mean nothing.
            if let Ok(bytes) = exactly(unzipped(&flipped), text.len()) {
                assert_eq!(bytes, text, "bit {bit}");
            }
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, head in prop::bool::ANY) {
            let bytes = if head { [&GZIP_MAGIC[..], &[8, 0], &bytes].concat() } else { bytes };
            let _ = opened(&bytes[..]).and_then(|source| up_to(source, 100));
            let _ = exactly(unzipped(&bytes), 100);
        }
    }
}
