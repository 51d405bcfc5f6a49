//! Framed records, as TensorFlow writes them: a length, its checksum, the data, its checksum (little endian).

/// A longer record is a damaged length.
const MAX_RECORD: u64 = 64 << 20;
const HEAD: usize = 12;
const TAIL: usize = 4;

/// CRC-32C (Castagnoli), reflected: RFC 3720, section 12.1.
const POLYNOMIAL: u32 = 0x82f6_3b78;

static TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut table = 1;
    while table < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[table - 1][byte];
            tables[table][byte] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        table += 1;
    }
    tables
}

/// CRC-32C, eight bytes at a time.
fn crc32c(data: &[u8]) -> u32 {
    let mut crc = !0_u32;
    let mut eights = data.chunks_exact(8);
    for eight in &mut eights {
        let low = crc ^ u32::from_le_bytes([eight[0], eight[1], eight[2], eight[3]]);
        let at = |table: usize, byte: u32| TABLES[table][(byte & 0xff) as usize];
        crc = at(7, low)
            ^ at(6, low >> 8)
            ^ at(5, low >> 16)
            ^ at(4, low >> 24)
            ^ TABLES[3][usize::from(eight[4])]
            ^ TABLES[2][usize::from(eight[5])]
            ^ TABLES[1][usize::from(eight[6])]
            ^ TABLES[0][usize::from(eight[7])];
    }
    for byte in eights.remainder() {
        crc = (crc >> 8) ^ TABLES[0][((crc ^ u32::from(*byte)) & 0xff) as usize];
    }
    !crc
}

/// The checksum as records have it: rotated and shifted, so that checksums of checksums do no harm.
fn masked(data: &[u8]) -> u32 {
    crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// What a file goes on with.
pub(super) enum Next<'a> {
    /// A record, and the bytes that it takes with its frame.
    Record {
        data: &'a [u8],
        length: usize,
    },
    /// Less than a whole record.
    Short,
    Damaged(&'static str),
}

pub(super) fn next(bytes: &[u8]) -> Next<'_> {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else { return Next::Short };
    let Some((check, rest)) = rest.split_first_chunk::<4>() else { return Next::Short };
    if masked(length) != u32::from_le_bytes(*check) {
        return Next::Damaged("the checksum of a length is wrong");
    }
    let length = u64::from_le_bytes(*length);
    if length > MAX_RECORD {
        return Next::Damaged("a record is longer than 64 MiB");
    }
    let length = length as usize;
    let Some((data, rest)) = rest.split_at_checked(length) else { return Next::Short };
    let Some((check, _)) = rest.split_first_chunk::<4>() else { return Next::Short };
    if masked(data) != u32::from_le_bytes(*check) {
        return Next::Damaged("the checksum of a record is wrong");
    }
    Next::Record { data, length: HEAD + length + TAIL }
}

/// Whether a file begins with a record whose length has a right checksum and that holds `brain.Event`.
pub(super) fn is_event_file(bytes: &[u8]) -> bool {
    match next(bytes) {
        Next::Record { data, .. } => data.windows(12).any(|word| word == b"brain.Event:"),
        Next::Short | Next::Damaged(_) => false,
    }
}

/// The data as a record.
pub(crate) fn framed(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let checks = (masked(&length).to_le_bytes(), masked(data).to_le_bytes());
    [&length[..], &checks.0, data, &checks.1].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        // RFC 3720, appendix B.4.
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    }

    #[test]
    fn a_flipped_bit_is_never_read_as_other_data() {
        let good = framed(b"some data of a record");
        for bit in 0..8 * good.len() {
            let mut flipped = good.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(next(&flipped), Next::Record { .. }), "bit {bit}");
        }
        for end in 0..good.len() {
            assert!(matches!(next(&good[..end]), Next::Short), "{end}");
        }
    }
}
