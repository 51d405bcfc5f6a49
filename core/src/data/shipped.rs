//! The data sets embedded as files. `datasets/README.md` says where each is from.

use std::sync::Arc;

use super::idx::{self, Idx};
use super::{
    ColumnUses, Content, DataError, Dataset, Problem, Samples, Shape, Standard, Targets, Text, bounded,
};

/// A file of `datasets/`, embedded.
macro_rules! embedded {
    ($name:literal) => {
        ShippedFile { name: $name, content: include_bytes!(concat!("../../datasets/", $name)) }
    };
}

const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
const CLOTHES: [&str; 10] = [
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
];

/// A file as it is in `datasets/`, mostly gzipped.
struct ShippedFile {
    name: &'static str,
    content: &'static [u8],
}

pub(super) fn digits(name: &str) -> Result<Dataset, DataError> {
    let parts = [(embedded!("digits8x8-images.idx3.gz"), embedded!("digits8x8-labels.idx1.gz"))];
    Ok(Dataset::of(name, images(&parts, [8, 8], &DIGITS)?, Standard::Centred { divisor: 16.0 }))
}

pub(super) fn fashion14(name: &str) -> Result<Dataset, DataError> {
    let parts = [
        (embedded!("fashion14-train-8000.idx3.gz"), embedded!("fashion14-train-8000-labels.idx1.gz")),
        (embedded!("fashion14-test-2000.idx3.gz"), embedded!("fashion14-test-2000-labels.idx1.gz")),
    ];
    Ok(Dataset::of(name, images(&parts, [14, 14], &CLOTHES)?, Standard::Global))
}

/// The signals come with mean 0 and deviation 1 over all of them, so they are used as they are.
pub(super) fn mnist1d(name: &str) -> Result<Dataset, DataError> {
    const SIGNALS: usize = 5000;
    const LENGTH: usize = 40;
    /// Signals are stored as 16-bit numbers of this many to one.
    const ONE: f32 = 4096.0;
    let signals = embedded!("mnist1d-x-5000x40-i16le-div4096.bin.gz").bytes(2 * SIGNALS * LENGTH)?;
    let (signals, _) = signals.as_chunks();
    let labels = embedded!("mnist1d-y-5000.u8.gz");
    let samples = Samples {
        shape: Shape::Flat(LENGTH),
        features: signals.iter().map(|&signal| f32::from(i16::from_le_bytes(signal)) / ONE).collect(),
        feature_names: Arc::default(),
        targets: classes(labels.labels(&labels.bytes(SIGNALS)?, DIGITS.len())?, &DIGITS),
    };
    Ok(Dataset::of(name, samples, Standard::AsIs))
}

pub(super) fn shakespeare(name: &str) -> Result<Dataset, DataError> {
    const CHARACTERS: usize = 200_000;
    let file = embedded!("shakespeare-200k.txt.gz");
    let text = Text::read(&file.bytes(CHARACTERS)?).map_err(|problem| file.error(problem))?;
    Ok(Dataset { name: name.to_owned(), content: Content::Text(text), table: None })
}

pub(super) fn penguins(name: &str) -> Result<Dataset, DataError> {
    embedded!("penguins.csv").table(name, "species")
}

pub(super) fn wine_quality(name: &str) -> Result<Dataset, DataError> {
    embedded!("winequality-red.csv.gz").table(name, "quality")
}

/// Pairs of an image file and a label file, joined.
fn images(
    parts: &[(ShippedFile, ShippedFile)],
    size: [usize; 2],
    names: &[&str],
) -> Result<Samples, DataError> {
    let [height, width] = size;
    let (mut features, mut labels) = (Vec::new(), Vec::new());
    for (images_file, labels_file) in parts {
        let images: Idx<3> = images_file.idx()?;
        let answers: Idx<1> = labels_file.idx()?;
        let [images_count, found @ ..] = images.dims;
        let [labels_count] = answers.dims;
        if found != size {
            return Err(images_file.error(Problem::ImageSize { found, expected: size }));
        }
        if labels_count != images_count {
            return Err(labels_file.error(Problem::LabelCount { labels: labels_count, images: images_count }));
        }
        features.extend(images.values.iter().map(|&pixel| f32::from(pixel)));
        labels.extend(labels_file.labels(&answers.values, names.len())?);
    }
    let targets = classes(labels, names);
    Ok(Samples { shape: Shape::Image { height, width }, features, feature_names: Arc::default(), targets })
}

fn classes(labels: Vec<u32>, names: &[&str]) -> Targets {
    Targets::Classes { labels, names: names.iter().map(|&name| name.to_owned()).collect() }
}

impl ShippedFile {
    fn error(&self, problem: Problem) -> DataError {
        problem.of(self.name)
    }

    fn idx<const RANK: usize>(&self) -> Result<Idx<RANK>, DataError> {
        idx::read(bounded::unzipped(self.content)).map_err(|problem| self.error(problem))
    }

    /// What the file unpacks to, which must be this long.
    fn bytes(&self, length: usize) -> Result<Vec<u8>, DataError> {
        bounded::exactly(bounded::unzipped(self.content), length).map_err(|problem| self.error(problem))
    }

    fn table(&self, name: &str, label: &str) -> Result<Dataset, DataError> {
        Ok(Dataset {
            name: name.to_owned(),
            ..Dataset::from_table(self.name, self.content, label, &ColumnUses::new())?
        })
    }

    /// Bytes as labels of so many classes.
    fn labels(&self, bytes: &[u8], classes: usize) -> Result<Vec<u32>, DataError> {
        match bytes.iter().position(|&label| usize::from(label) >= classes) {
            None => Ok(bytes.iter().copied().map(u32::from).collect()),
            Some(index) => Err(self.error(Problem::LabelRange { index, found: bytes[index], classes })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGES: ShippedFile = embedded!("digits8x8-images.idx3.gz");
    const LABELS: ShippedFile = embedded!("digits8x8-labels.idx1.gz");

    fn problem(
        images_file: ShippedFile,
        labels_file: ShippedFile,
        size: [usize; 2],
        names: &[&str],
    ) -> String {
        images(&[(images_file, labels_file)], size, names).unwrap_err().to_string()
    }

    #[test]
    fn a_truncated_file_is_named() {
        let cut = ShippedFile { content: &IMAGES.content[..40_000], ..IMAGES };
        assert_eq!(
            problem(cut, LABELS, [8, 8], &DIGITS),
            "digits8x8-images.idx3.gz: is damaged: the gzip data is cut short"
        );
        let cut = ShippedFile { content: &[], ..LABELS };
        assert!(problem(IMAGES, cut, [8, 8], &DIGITS).starts_with("digits8x8-labels.idx1.gz: "));
    }

    #[test]
    fn files_that_do_not_belong_together_are_named() {
        let fashion = || embedded!("fashion14-test-2000-labels.idx1.gz");
        assert_eq!(
            problem(IMAGES, fashion(), [8, 8], &DIGITS),
            "fashion14-test-2000-labels.idx1.gz: has 2000 labels for 1797 images"
        );
        assert_eq!(
            problem(IMAGES, LABELS, [14, 14], &DIGITS),
            "digits8x8-images.idx3.gz: has images of [8, 8] pixels where [14, 14] were expected"
        );
        assert_eq!(
            problem(IMAGES, LABELS, [8, 8], &DIGITS[..9]),
            "digits8x8-labels.idx1.gz: label 9 is 9 where there are 9 classes, counted from 0"
        );
        assert_eq!(
            problem(LABELS, IMAGES, [8, 8], &DIGITS),
            "digits8x8-labels.idx1.gz: starts with the bytes [00, 00, 08, 01] where an IDX file of \
             unsigned bytes in 3 dimensions starts with [00, 00, 08, 03]"
        );
    }

    #[test]
    fn files_of_another_length_are_named() {
        let signals = embedded!("mnist1d-x-5000x40-i16le-div4096.bin.gz");
        assert_eq!(
            signals.bytes(400_002).unwrap_err().to_string(),
            "mnist1d-x-5000x40-i16le-div4096.bin.gz: ends after 400000 bytes where 400002 were \
             expected: the file is cut short"
        );
        assert!(signals.bytes(399_998).is_err());
    }
}
