//! The few fields of TensorBoard's protocol buffers that hold scalars: `event.proto`, `summary.proto`,
//! `tensor.proto` of TensorFlow.

/// The step and the values of an event.
pub(super) struct Event<'a> {
    /// Nothing where it is below 0.
    pub step: Option<u64>,
    pub values: Vec<Tagged<'a>>,
}

/// A value under its tag.
pub(super) struct Tagged<'a> {
    pub tag: &'a str,
    pub scalar: Scalar,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar {
    Number(f64),
    /// What it is instead.
    Other(&'static str),
}

/// A field's content.
#[derive(Clone, Copy)]
enum Field<'a> {
    Varint(u64),
    Eight([u8; 8]),
    Bytes(&'a [u8]),
    Four([u8; 4]),
}

/// The fields of a message, in order; ends at what is none, with a last `None`.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The next field's number and content; `Err` where the bytes are none.
    fn next(&mut self) -> Result<Option<(u64, Field<'a>)>, ()> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let field = match key & 7 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Eight(*self.chunk::<8>()?),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| ())?;
                let (bytes, rest) = self.rest.split_at_checked(length).ok_or(())?;
                self.rest = rest;
                Field::Bytes(bytes)
            }
            5 => Field::Four(*self.chunk::<4>()?),
            _ => return Err(()),
        };
        Ok(Some((key >> 3, field)))
    }

    fn chunk<const N: usize>(&mut self) -> Result<&'a [u8; N], ()> {
        let (chunk, rest) = self.rest.split_first_chunk::<N>().ok_or(())?;
        self.rest = rest;
        Ok(chunk)
    }

    fn varint(&mut self) -> Result<u64, ()> {
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(())?;
            self.rest = rest;
            if shift < 64 {
                value |= u64::from(byte & 0x7f) << shift;
            }
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(())
    }
}

impl<'a> Event<'a> {
    /// `None` where the bytes are no event.
    pub fn read(data: &'a [u8]) -> Option<Self> {
        let mut event = Self { step: Some(0), values: Vec::new() };
        let mut fields = Fields { rest: data };
        while let Some((number, field)) = fields.next().ok()? {
            match (number, field) {
                // int64: one below 0 has its highest bit set.
                (2, Field::Varint(step)) => {
                    event.step = i64::try_from(step).ok().and_then(|step| step.try_into().ok());
                }
                (5, Field::Bytes(summary)) => {
                    let mut values = Fields { rest: summary };
                    while let Some((number, field)) = values.next().ok()? {
                        if let (1, Field::Bytes(value)) = (number, field) {
                            event.values.push(Tagged::read(value)?);
                        }
                    }
                }
                _ => {}
            }
        }
        Some(event)
    }
}

impl<'a> Tagged<'a> {
    fn read(data: &'a [u8]) -> Option<Self> {
        let mut tagged = Self { tag: "", scalar: Scalar::Other("of a kind that is not known") };
        let mut fields = Fields { rest: data };
        while let Some((number, field)) = fields.next().ok()? {
            match (number, field) {
                (1, Field::Bytes(tag)) => tagged.tag = std::str::from_utf8(tag).ok()?,
                (2, Field::Four(value)) => tagged.scalar = Scalar::Number(f32::from_le_bytes(value).into()),
                (4, Field::Bytes(_)) => tagged.scalar = Scalar::Other("images"),
                (5, Field::Bytes(_)) => tagged.scalar = Scalar::Other("histograms"),
                (6, Field::Bytes(_)) => tagged.scalar = Scalar::Other("sounds"),
                (8, Field::Bytes(tensor)) => tagged.scalar = scalar(tensor)?,
                _ => {}
            }
        }
        Some(tagged)
    }
}

/// A tensor's only number.
fn scalar(data: &[u8]) -> Option<Scalar> {
    const FLOAT: u64 = 1;
    const DOUBLE: u64 = 2;
    const INT32: u64 = 3;
    const INT64: u64 = 9;
    let (mut kind, mut content, mut packed) = (0, None, None);
    let mut elements = 1_u64;
    let mut fields = Fields { rest: data };
    while let Some((number, field)) = fields.next().ok()? {
        match (number, field) {
            (1, Field::Varint(value)) => kind = value,
            (2, Field::Bytes(shape)) => elements = size(shape)?,
            (4, Field::Bytes(bytes)) => content = Some(bytes),
            (5, Field::Four(value)) => packed = Some(f32::from_le_bytes(value).into()),
            (6, Field::Eight(value)) => packed = Some(f64::from_le_bytes(value)),
            (7 | 10, Field::Varint(value)) => packed = Some(value.cast_signed() as f64),
            // Repeated numbers are mostly packed.
            (5, Field::Bytes(bytes)) => {
                packed = bytes.first_chunk().map(|value| f32::from_le_bytes(*value).into());
            }
            (6, Field::Bytes(bytes)) => packed = bytes.first_chunk().map(|value| f64::from_le_bytes(*value)),
            (7 | 10, Field::Bytes(bytes)) => {
                packed = Fields { rest: bytes }.varint().ok().map(|value| value.cast_signed() as f64);
            }
            _ => {}
        }
    }
    if elements != 1 {
        return Some(Scalar::Other("tensors of several numbers"));
    }
    let stored = content.filter(|bytes| !bytes.is_empty()).and_then(|bytes| match kind {
        FLOAT => Some(f32::from_le_bytes(*bytes.first_chunk()?).into()),
        DOUBLE => Some(f64::from_le_bytes(*bytes.first_chunk()?)),
        INT32 => Some(i32::from_le_bytes(*bytes.first_chunk()?).into()),
        INT64 => Some(i64::from_le_bytes(*bytes.first_chunk()?) as f64),
        _ => None,
    });
    Some(match stored.or(packed) {
        Some(number) => Scalar::Number(number),
        // A tensor of zeros is written without its numbers.
        None if matches!(kind, FLOAT | DOUBLE | INT32 | INT64) => Scalar::Number(0.0),
        None => Scalar::Other("texts"),
    })
}

/// The elements of a tensor of this shape.
fn size(shape: &[u8]) -> Option<u64> {
    let mut elements = 1_u64;
    let mut dimensions = Fields { rest: shape };
    while let Some((number, field)) = dimensions.next().ok()? {
        if let (2, Field::Bytes(dimension)) = (number, field) {
            let mut fields = Fields { rest: dimension };
            while let Some((number, field)) = fields.next().ok()? {
                if let (1, Field::Varint(length)) = (number, field) {
                    elements = elements.saturating_mul(length);
                }
            }
        }
    }
    Some(elements)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A field of bytes.
    fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, content.len() as u8], content].concat()
    }

    fn only(value: &[u8]) -> Scalar {
        let event = bytes(5, &bytes(1, value));
        Event::read(&event).expect("an event").values[0].scalar
    }

    #[test]
    fn scalars_are_read_however_they_are_written() {
        let simple = [bytes(1, b"loss"), vec![2 << 3 | 5], 1.5_f32.to_le_bytes().to_vec()].concat();
        assert_eq!(only(&simple), Scalar::Number(1.5));
        let content = [vec![1 << 3, 1], bytes(4, &2.5_f32.to_le_bytes())].concat();
        assert_eq!(only(&bytes(8, &content)), Scalar::Number(2.5));
        let packed = [vec![1 << 3, 1], bytes(5, &3.5_f32.to_le_bytes())].concat();
        assert_eq!(only(&bytes(8, &packed)), Scalar::Number(3.5));
        let double = [vec![1 << 3, 2], bytes(6, &4.5_f64.to_le_bytes())].concat();
        assert_eq!(only(&bytes(8, &double)), Scalar::Number(4.5));
        assert_eq!(only(&bytes(8, &[1 << 3, 1])), Scalar::Number(0.0));
        let two = [vec![1 << 3, 1], bytes(2, &bytes(2, &[1 << 3, 2]))].concat();
        assert_eq!(only(&bytes(8, &two)), Scalar::Other("tensors of several numbers"));
        assert_eq!(only(&bytes(5, b"")), Scalar::Other("histograms"));
    }

    #[test]
    fn a_step_below_nothing_is_none() {
        let below = [vec![2 << 3], vec![0xff; 9], vec![1]].concat();
        assert_eq!(Event::read(&below).expect("an event").step, None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(data: Vec<u8>) {
            let _ = Event::read(&data);
            let _ = scalar(&data);
        }
    }
}
