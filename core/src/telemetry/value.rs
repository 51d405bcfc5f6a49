//! How the types of columns are stored in a series and written to a file.

use super::series::Precision;

/// A type that a column can have.
pub(super) trait Value: Sized {
    /// How a series stores it.
    const PRECISION: Precision;
    /// Whether there is always a value.
    const ALWAYS: bool = true;

    fn number(self) -> Option<f64>;

    /// The fewest digits that [`Value::read`] makes the same value of; empty where there is none.
    fn text(self) -> String;

    /// The value of a text; `None` where it is none of this type.
    fn read(text: &str) -> Option<Self>;
}

impl Value for f64 {
    const PRECISION: Precision = Precision::Double;

    fn number(self) -> Option<f64> {
        Some(self)
    }

    fn text(self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Value for f32 {
    const PRECISION: Precision = Precision::Single;

    fn number(self) -> Option<f64> {
        Some(self.into())
    }

    fn text(self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// A count.
impl Value for u64 {
    const PRECISION: Precision = Precision::Single;

    fn number(self) -> Option<f64> {
        Some(self as f64)
    }

    fn text(self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// What not every update has: empty in files.
impl<T: Value> Value for Option<T> {
    const PRECISION: Precision = T::PRECISION;
    const ALWAYS: bool = false;

    fn number(self) -> Option<f64> {
        self.and_then(T::number)
    }

    fn text(self) -> String {
        self.map_or_else(String::new, T::text)
    }

    fn read(text: &str) -> Option<Self> {
        if text.is_empty() { Some(None) } else { T::read(text).map(Some) }
    }
}
