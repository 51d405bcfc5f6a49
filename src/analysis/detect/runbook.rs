//! What to do about a finding: the runbook's section, shipped in the program.

use super::Kind;

/// The page; its sections are named as the kinds are.
const PAGE: &str = include_str!("../../../docs/runbook.md");

impl Kind {
    /// Where its section is, as a link from the program's folder.
    pub fn runbook_link(self) -> String {
        format!("docs/runbook.md#{}", self.name().to_lowercase().replace(' ', "-"))
    }

    /// Its section without markup: paragraphs of plain words.
    pub fn runbook(self) -> Vec<String> {
        let heading = format!("## {}\n", self.name());
        let section = PAGE.split_once(heading.as_str()).map_or("", |(_, after)| after);
        let section = section.split("\n## ").next().unwrap_or_default();
        let plain = section.replace(['*', '`'], "");
        plain
            .split("\n\n")
            .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|paragraph| !paragraph.is_empty())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_section_that_says_symptom_and_what_to_do() {
        for kind in Kind::ALL {
            let text = kind.runbook().join(" ");
            assert!(text.contains("Symptom."), "{}: {text}", kind.name());
            assert!(
                ["Fix.", "First.", "Then."].iter().any(|word| text.contains(word)),
                "{}: {text}",
                kind.name()
            );
            assert!(!text.contains('*') && !text.contains('`'), "{text}");
        }
        assert_eq!(Kind::StuckAtChance.runbook_link(), "docs/runbook.md#stuck-at-chance");
    }
}
