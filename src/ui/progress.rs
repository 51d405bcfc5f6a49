//! What a student answered, lesson by lesson: kept between starts, and handed in as a file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::kept_toml;
use crate::lesson::{Lesson, SHIPPED};

/// An answer to a lesson.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// The choice that was predicted first, counted from 0.
    pub predicted: usize,
    /// The curve that was drawn before training: shares of the run, and values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drawn: Vec<(f64, f64)>,
    /// By how much it was off, in the mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off: Option<f64>,
    /// What the student saw, in own words.
    pub note: String,
    /// Of the claims that were trained on this machine, those that held, and all.
    pub held: Option<(usize, usize)>,
    /// What was asked, of a lesson that does not come with the program: its file may be elsewhere when answers are handed
    /// in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
}

/// A lesson's question and what was predicted, in its own words.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    pub title: String,
    pub ask: String,
    pub predicted: String,
    pub correct: bool,
}

impl Asked {
    fn new(lesson: &Lesson, choice: usize) -> Self {
        let said = lesson.predict.choice.get(choice);
        Self {
            title: lesson.title.clone(),
            ask: lesson.predict.ask.clone(),
            predicted: said.map_or_else(String::new, |choice| choice.say.clone()),
            correct: said.is_some_and(|choice| choice.right),
        }
    }
}

/// The answers so far, by the lesson's name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Progress(BTreeMap<String, Answer>);

impl Progress {
    pub fn path(state: &Path) -> PathBuf {
        state.join("lessons.toml")
    }

    /// Those that were kept; none where there is no such file.
    ///
    /// # Errors
    /// When there is a file and it holds no answers: what is wrong with it, for people to read.
    pub fn open(state: &Path) -> Result<Self, String> {
        kept_toml::read(&Self::path(state), "answers to lessons")
    }

    pub fn to_toml(&self) -> String {
        // Texts and numbers always have a text.
        toml::to_string(self).unwrap_or_default()
    }

    pub fn answer(&self, lesson: &str) -> Option<&Answer> {
        self.0.get(lesson)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes a prediction. The first one counts: a second is made with the answer in sight.
    pub fn predict(&mut self, lesson: &Lesson, choice: usize, drawn: Vec<(f64, f64)>) {
        let is_shipped = SHIPPED.iter().any(|shipped| shipped.name == lesson.name);
        let asked = (!is_shipped).then(|| Asked::new(lesson, choice));
        let answer = || Answer { predicted: choice, drawn, asked, ..Answer::default() };
        self.0.entry(lesson.name.clone()).or_insert_with(answer);
    }

    /// The answer to a lesson, to add to it.
    pub fn answer_mut(&mut self, lesson: &str) -> Option<&mut Answer> {
        self.0.get_mut(lesson)
    }

    /// All answers as a file to hand in: what was asked, what was predicted, and what training says.
    pub fn report(&self) -> String {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let mut text = "# Answers to the lessons of Anneal Studio.\nanswers = 1\n".to_owned();
        let shipped = SHIPPED.iter().filter_map(|shipped| {
            let answer = self.answer(shipped.name)?;
            Some((shipped.name, answer, Asked::new(&shipped.read().ok()?, answer.predicted)))
        });
        let own =
            self.0.iter().filter_map(|(name, answer)| Some((name.as_str(), answer, answer.asked.clone()?)));
        for (name, answer, asked) in shipped.chain(own) {
            let _ = write!(
                text,
                "\n[[answer]]\nlesson = {}\ntitle = {}\nasked = {}\npredicted = {}\ncorrect = {}\nnote = {}\n",
                quoted(name),
                quoted(&asked.title),
                quoted(&asked.ask),
                quoted(&asked.predicted),
                asked.correct,
                quoted(&answer.note)
            );
            if !answer.drawn.is_empty() {
                let points: Vec<String> =
                    answer.drawn.iter().map(|(share, value)| format!("[{share:?}, {value:?}]")).collect();
                let _ = writeln!(text, "drawn = [{}]", points.join(", "));
            }
            if let Some(off) = answer.off {
                let _ = writeln!(text, "drawn_off_by = {off:?}");
            }
            if let Some((held, all)) = answer.held {
                let _ = writeln!(text, "claims_held = {held}\nclaims = {all}");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(name: &str) -> Lesson {
        SHIPPED.iter().find(|shipped| shipped.name == name).unwrap().read().unwrap()
    }

    fn answered() -> Progress {
        let mut progress = Progress::default();
        progress.predict(&shipped("the-noise-floor"), 1, vec![(0.0, 0.1), (1.0, 0.5)]);
        progress.answer_mut("the-noise-floor").unwrap().note = "It is \"flat\",\nand stays so.".into();
        progress.predict(&shipped("too-low-is-silent"), 0, Vec::new());
        progress.answer_mut("too-low-is-silent").unwrap().held = Some((3, 3));
        progress
    }

    #[test]
    fn answers_come_back_after_another_start_and_a_broken_file_is_said() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Progress::open(folder.path()), Ok(Progress::default()));
        std::fs::write(Progress::path(folder.path()), answered().to_toml()).unwrap();
        assert_eq!(Progress::open(folder.path()), Ok(answered()));
        std::fs::write(Progress::path(folder.path()), "the-noise-floor = 3").unwrap();
        assert!(Progress::open(folder.path()).unwrap_err().contains("lessons.toml"));
    }

    #[test]
    fn the_first_prediction_counts() {
        let mut progress = answered();
        progress.predict(&shipped("the-noise-floor"), 0, Vec::new());
        assert_eq!(progress.answer("the-noise-floor").unwrap().predicted, 1);
    }

    #[test]
    fn the_file_to_hand_in_says_what_was_asked_predicted_and_right() {
        let report: toml::Table = answered().report().parse().unwrap();
        let answers = report["answer"].as_array().unwrap();
        assert_eq!(answers.len(), 2);
        // In the order of the lessons.
        assert_eq!(answers[0]["lesson"].as_str(), Some("too-low-is-silent"));
        assert_eq!(answers[0]["claims_held"].as_integer(), Some(3));
        assert_eq!(answers[1]["correct"].as_bool(), Some(true));
        assert_eq!(answers[1]["drawn"].as_array().map(Vec::len), Some(2));
        assert_eq!(answers[1]["note"].as_str(), Some("It is \"flat\",\nand stays so."));
    }

    #[test]
    fn a_lesson_of_ones_own_is_handed_in_with_what_it_asked() {
        let own = Lesson { title: "Mine".into(), name: "Mine".into(), ..shipped("the-noise-floor") };
        let mut progress = answered();
        progress.predict(&own, 0, Vec::new());
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(Progress::path(folder.path()), progress.to_toml()).unwrap();
        let progress = Progress::open(folder.path()).unwrap();
        let report: toml::Table = progress.report().parse().unwrap();
        let answer = &report["answer"].as_array().unwrap()[2];
        assert_eq!((answer["lesson"].as_str(), answer["correct"].as_bool()), (Some("Mine"), Some(false)));
        assert!(answer["predicted"].as_str().unwrap().starts_with("They tie"));
    }
}
