//! A plot as a file, or on the clipboard.

/// What is made of a plot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    SavePng,
    SaveSvg,
    SaveCsv,
    CopyPicture,
    CopyValues,
}

impl Take {
    pub const ALL: [Self; 5] =
        [Self::SavePng, Self::SaveSvg, Self::SaveCsv, Self::CopyPicture, Self::CopyValues];

    pub const fn label(self) -> &'static str {
        match self {
            Self::SavePng => "Save as PNG…",
            Self::SaveSvg => "Save as SVG…",
            Self::SaveCsv => "Save as CSV…",
            Self::CopyPicture => "Copy as picture",
            Self::CopyValues => "Copy as CSV",
        }
    }
}
