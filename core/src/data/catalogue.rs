//! What data sets there are.

use super::generated::{self, SAMPLES};
use super::{DataError, Dataset, Samples, Shape, Standard, shipped};

/// What a shipped data set is, without loading it.
#[derive(Clone, Copy, Debug)]
pub struct DatasetInfo {
    /// Its name in an experiment file.
    pub name: &'static str,
    pub title: &'static str,
    /// One sentence for people.
    pub about: &'static str,
    pub task: Task,
    pub shape: Shape,
    /// Samples or characters, training and validation together.
    pub samples: usize,
    source: Source,
}

/// What is to be learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    Classification {
        classes: usize,
    },
    /// One number.
    Regression,
    NextCharacter {
        symbols: usize,
    },
}

/// Every shipped data set, in the order people meet them.
pub static CATALOGUE: [DatasetInfo; 12] = [
    DatasetInfo {
        name: "digits",
        title: "Handwritten digits",
        about: "Digits in 8x8 pixels: small enough to train in milliseconds, real enough to be interesting.",
        task: Task::Classification { classes: 10 },
        shape: Shape::Image { height: 8, width: 8 },
        samples: 1797,
        source: Source::File(shipped::digits),
    },
    DatasetInfo {
        name: "fashion14",
        title: "Fashion-MNIST, 14x14",
        about: "Clothes in 14x14 pixels: hard enough that the schedule shows in the final accuracy.",
        task: Task::Classification { classes: 10 },
        shape: Shape::Image { height: 14, width: 14 },
        samples: 10_000,
        source: Source::File(shipped::fashion14),
    },
    DatasetInfo {
        name: "mnist1d",
        title: "MNIST-1D",
        about: "Digits drawn as signals of 40 numbers: a small network overfits, an ensemble helps.",
        task: Task::Classification { classes: 10 },
        shape: Shape::Flat(40),
        samples: 5000,
        source: Source::File(shipped::mnist1d),
    },
    DatasetInfo {
        name: "penguins",
        title: "Palmer penguins",
        about: "Three species told apart by bill, flipper, weight, sex, island and year: a table that is almost too easy.",
        task: Task::Classification { classes: 3 },
        shape: Shape::Flat(10),
        samples: 333,
        source: Source::File(shipped::penguins),
    },
    DatasetInfo {
        name: "wine_quality",
        title: "Red wine quality",
        about: "Tasters' marks from eleven laboratory figures: noisy, unbalanced classes that no model gets right.",
        task: Task::Classification { classes: 6 },
        shape: Shape::Flat(11),
        samples: 1599,
        source: Source::File(shipped::wine_quality),
    },
    DatasetInfo {
        name: "shakespeare",
        title: "Shakespeare, 200,000 characters",
        about: "Coriolanus and the beginning of Richard III, one character after the other, for the transformer or a perceptron with a window.",
        task: Task::NextCharacter { symbols: 66 },
        shape: Shape::Sequence,
        samples: 200_000,
        source: Source::File(shipped::shakespeare),
    },
    in_the_plane(
        "spirals",
        "Two spirals",
        2,
        generated::spirals,
        "Two intertwined arms: the hardest of the sets one can see.",
    ),
    in_the_plane("moons", "Two moons", 2, generated::moons, "Two half circles that reach into each other."),
    in_the_plane("circles", "Two circles", 2, generated::circles, "One ring inside another."),
    in_the_plane(
        "xor",
        "Exclusive or",
        2,
        generated::xor,
        "Opposite quadrants share a class, so no single line parts them.",
    ),
    in_the_plane(
        "blobs",
        "Three blobs",
        3,
        generated::blobs,
        "Three clouds that overlap a little: the easiest set, with a floor to its loss.",
    ),
    DatasetInfo {
        name: "sine",
        title: "Noisy sine",
        about: "A regression: the curve sin(3x) from points around it.",
        task: Task::Regression,
        shape: Shape::Flat(1),
        samples: SAMPLES,
        source: Source::Formula(generated::sine),
    },
];

/// Where the data comes from.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// An embedded file, read under this name.
    File(fn(&str) -> Result<Dataset, DataError>),
    Formula(fn() -> Samples),
}

/// Every shipped data set's name.
pub const NAMES: [&str; CATALOGUE.len()] = {
    let mut names = [""; CATALOGUE.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = CATALOGUE[at].name;
        at += 1;
    }
    names
};

/// The shipped data set of this name.
pub fn info(name: &str) -> Option<&'static DatasetInfo> {
    CATALOGUE.iter().find(|info| info.name == name)
}

/// The names of the shipped data sets of a sort, as a sentence lists them: `"digits" and "fashion14"`.
pub fn listed(is_one: impl Fn(&DatasetInfo) -> bool) -> String {
    let names: Vec<String> =
        CATALOGUE.iter().filter(|info| is_one(info)).map(|info| format!("\"{}\"", info.name)).collect();
    match names.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        names => names.concat(),
    }
}

impl DatasetInfo {
    pub fn is_images(&self) -> bool {
        matches!(self.shape, Shape::Image { .. })
    }

    pub fn is_text(&self) -> bool {
        matches!(self.task, Task::NextCharacter { .. })
    }

    pub fn is_regression(&self) -> bool {
        self.task == Task::Regression
    }

    /// The data itself.
    ///
    /// # Errors
    /// When the program was built with a damaged file.
    pub fn load(&self) -> Result<Dataset, DataError> {
        match self.source {
            Source::File(read) => read(self.name),
            Source::Formula(make) => Ok(Dataset::of(self.name, make(), Standard::AsIs)),
        }
    }
}

/// The entry of a generated set of points.
const fn in_the_plane(
    name: &'static str,
    title: &'static str,
    classes: usize,
    make: fn() -> Samples,
    about: &'static str,
) -> DatasetInfo {
    DatasetInfo {
        name,
        title,
        about,
        task: Task::Classification { classes },
        shape: Shape::Flat(2),
        samples: SAMPLES,
        source: Source::Formula(make),
    }
}
