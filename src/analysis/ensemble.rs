//! Snapshots side by side and together: each one's figures, any subset's ensemble, averages of weights,
//! how much members disagree, and the barriers between them (Huang et al. 2017, arXiv 1704.00109).

mod barrier;
mod lines;
mod measures;
mod merge;
mod report;
mod session;

use crate::train::TrainError;
use crate::train::task::Task;

pub use barrier::Barrier;
pub use lines::{Line, LineKind, Report};
pub use measures::Measures;
pub use merge::{Decay, stands_for};
pub use report::Reports;
pub use session::{Averages, Candidate, Comparison, Session};

use measures::{Outputs, Truth};

/// Why snapshots cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum EnsembleError {
    #[error("nothing is held out to compare snapshots on: set validation above 0 in [data]")]
    NothingHeldOut,
    #[error("snapshot \"{name}\" has {found} weights and the model {expected}: it is another model's")]
    OtherModel { name: String, found: usize, expected: usize },
    #[error("choose at least one snapshot that there is")]
    NothingChosen,
    #[error(transparent)]
    Train(#[from] TrainError),
}

/// Weights on the workbench.
#[derive(Clone, Debug)]
pub struct Member {
    pub name: String,
    /// Updates done, where the weights are of one moment.
    pub update: Option<u64>,
    pub weights: Vec<f32>,
    pub measures: Measures,
    outputs: Outputs,
}

/// Weights made of members' weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Soup {
    /// The members in it, in the order in which they came in.
    pub members: Vec<usize>,
    pub weights: Vec<f32>,
    pub measures: Measures,
}

/// A held-out sample on which members differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Disputed {
    /// Among the held-out samples (of a text: characters, window by window).
    pub sample: usize,
    /// What members disagree about, in nats: the entropy of their mean prediction less the mean of their
    /// entropies. For numbers it is the variance of their answers, summed over the outputs.
    pub disagreement: f64,
    /// Each chosen member's answer; nothing for numbers.
    pub answers: Vec<u32>,
    /// The answer of all together, and the right one.
    pub together: Option<u32>,
    pub truth: Option<u32>,
}

/// Weights of one model, compared on the held-out samples of one task.
pub struct Workbench {
    task: Task,
    truth: Truth,
    members: Vec<Member>,
}

impl Workbench {
    /// # Errors
    /// When the task holds nothing out.
    pub fn new(task: Task) -> Result<Self, EnsembleError> {
        let truth = Truth::of(&task).ok_or(EnsembleError::NothingHeldOut)?;
        Ok(Self { task, truth, members: Vec::new() })
    }

    pub fn task(&self) -> &Task {
        &self.task
    }

    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Empties the workbench; the task stays.
    pub fn clear(&mut self) {
        self.members.clear();
    }

    /// Puts weights on the workbench and measures them.
    ///
    /// # Errors
    /// When they are another model's.
    pub fn add(&mut self, name: &str, update: Option<u64>, weights: &[f32]) -> Result<usize, EnsembleError> {
        let expected = self.task.model.width();
        if weights.len() != expected {
            return Err(EnsembleError::OtherModel { name: name.to_owned(), found: weights.len(), expected });
        }
        let (measures, outputs) = self.truth.measure(&self.task, weights);
        let weights = weights.to_vec();
        self.members.push(Member { name: name.to_owned(), update, weights, measures, outputs });
        Ok(self.members.len() - 1)
    }

    /// The ensemble of the chosen members: the mean of their probabilities, or of their values.
    ///
    /// # Errors
    /// When no member is chosen, or one that is not there.
    pub fn ensemble(&self, chosen: &[usize]) -> Result<Measures, EnsembleError> {
        Ok(self.truth.judge(&self.together(chosen)?))
    }

    /// The weights' mean over the chosen members (Wortsman et al. 2022, arXiv 2203.05482: the uniform soup).
    ///
    /// # Errors
    /// When no member is chosen, or one that is not there.
    pub fn soup(&self, chosen: &[usize]) -> Result<Soup, EnsembleError> {
        let members = self.chosen(chosen)?;
        let mut weights = vec![0.0; self.task.model.width()];
        for member in &members {
            for (sum, weight) in weights.iter_mut().zip(&member.weights) {
                *sum += weight / members.len() as f32;
            }
        }
        let (measures, _) = self.truth.measure(&self.task, &weights);
        Ok(Soup { members: chosen.to_vec(), weights, measures })
    }

    /// The chosen members' weights, oldest first, merged as a decay of this shape would have weighed their updates.
    ///
    /// # Errors
    /// When no member is chosen, or one that is not there.
    pub fn merged(&self, chosen: &[usize], decay: Decay) -> Result<Soup, EnsembleError> {
        let members = self.chosen(chosen)?;
        let mut sums = vec![0.0_f64; self.task.model.width()];
        for (member, by) in members.iter().zip(decay.weights(members.len())) {
            for (sum, weight) in sums.iter_mut().zip(&member.weights) {
                *sum += by * f64::from(*weight);
            }
        }
        let weights: Vec<f32> = sums.into_iter().map(|sum| sum as f32).collect();
        let (measures, _) = self.truth.measure(&self.task, &weights);
        Ok(Soup { members: chosen.to_vec(), weights, measures })
    }

    /// The greedy soup (as above): from the best member on, each next one stays in the mean unless the
    /// mean is worse with it, by the accuracy on the held-out samples, or by the loss where there is none.
    ///
    /// # Errors
    /// When no member is chosen, or one that is not there.
    pub fn greedy_soup(&self, chosen: &[usize]) -> Result<Soup, EnsembleError> {
        let members = self.chosen(chosen)?;
        let mut order: Vec<usize> = (0..chosen.len()).collect();
        order.sort_by(|&a, &b| members[b].measures.goodness().total_cmp(&members[a].measures.goodness()));
        let mut best: Option<Soup> = None;
        for at in order {
            let mut with = best.as_ref().map_or_else(Vec::new, |soup| soup.members.clone());
            with.push(chosen[at]);
            let soup = self.soup(&with)?;
            if best.as_ref().is_none_or(|best| soup.measures.goodness() >= best.measures.goodness()) {
                best = Some(soup);
            }
        }
        best.ok_or(EnsembleError::NothingChosen)
    }

    /// The chosen member with the best accuracy, or the lowest loss where there is no accuracy.
    ///
    /// # Errors
    /// When no member is chosen, or one that is not there.
    pub fn single_best(&self, chosen: &[usize]) -> Result<usize, EnsembleError> {
        self.chosen(chosen)?;
        chosen
            .iter()
            .copied()
            .reduce(|best, other| {
                let goodness = |at: usize| self.members[at].measures.goodness();
                if goodness(other) > goodness(best) { other } else { best }
            })
            .ok_or(EnsembleError::NothingChosen)
    }

    /// For each pair of members the share of samples that they answer differently; for numbers the root
    /// of the mean squared difference.
    pub fn disagreement(&self) -> Vec<Vec<f64>> {
        pairs(&self.all(), |a, b| self.truth.disagreement(a, b))
    }

    /// For each pair of members Pearson's correlation of everything they predict; no number for members
    /// that predict the same whatever the input.
    pub fn correlation(&self) -> Vec<Vec<f64>> {
        pairs(&self.all(), measures::correlation)
    }

    /// Disagreement and correlation as above, of the chosen members.
    ///
    /// # Errors
    /// When no member is chosen, or one that is not there.
    pub fn matrices(&self, chosen: &[usize]) -> Result<[Vec<Vec<f64>>; 2], EnsembleError> {
        let members = self.chosen(chosen)?;
        Ok([pairs(&members, |a, b| self.truth.disagreement(a, b)), pairs(&members, measures::correlation)])
    }

    /// The loss on the straight line between two members' weights.
    ///
    /// # Errors
    /// When one of them is not there.
    pub fn barrier(&self, from: usize, to: usize, points: usize) -> Result<Barrier, EnsembleError> {
        let ends = self.chosen(&[from, to])?;
        let (a, b) = (&ends[0].weights, &ends[1].weights);
        Ok(barrier::between(a, b, points, |weights| self.truth.measure(&self.task, weights).0))
    }

    /// The held-out samples on which the chosen members differ most, at most `count`.
    ///
    /// # Errors
    /// When no member is chosen, or one that is not there.
    pub fn disputed(&self, chosen: &[usize], count: usize) -> Result<Vec<Disputed>, EnsembleError> {
        let together = self.together(chosen)?;
        let outputs: Vec<&Outputs> = self.chosen(chosen)?.iter().map(|member| &member.outputs).collect();
        let mut all: Vec<Disputed> =
            (0..self.truth.len()).map(|sample| self.truth.dispute(sample, &outputs, &together)).collect();
        all.sort_by(|a, b| b.disagreement.total_cmp(&a.disagreement));
        all.truncate(count);
        Ok(all)
    }

    /// Whether the ensemble of the chosen members helps, in plain words, against the best single one `among` others.
    ///
    /// # Errors
    /// When no member is chosen, or one that is not there.
    pub fn verdict(&self, chosen: &[usize], among: &[usize]) -> Result<String, EnsembleError> {
        let best = &self.members[self.single_best(among)?];
        let together = self.together(chosen)?;
        let (right, wrong) = self.truth.only_one_right(&together, &best.outputs);
        Ok(lines::verdict(chosen.len(), &self.truth.judge(&together), &best.measures, (right, wrong)))
    }

    fn chosen(&self, chosen: &[usize]) -> Result<Vec<&Member>, EnsembleError> {
        let members: Option<Vec<&Member>> = chosen.iter().map(|&at| self.members.get(at)).collect();
        members.filter(|members| !members.is_empty()).ok_or(EnsembleError::NothingChosen)
    }

    fn together(&self, chosen: &[usize]) -> Result<Outputs, EnsembleError> {
        let members = self.chosen(chosen)?;
        Ok(measures::mean(members.iter().map(|member| &member.outputs)))
    }

    fn all(&self) -> Vec<&Member> {
        self.members.iter().collect()
    }
}

fn pairs(members: &[&Member], value: impl Fn(&Outputs, &Outputs) -> f64) -> Vec<Vec<f64>> {
    let row = |a: &&Member| members.iter().map(|b| value(&a.outputs, &b.outputs)).collect();
    members.iter().map(row).collect()
}
