//! Which points a sweep tries: a search asked for the next ones, and told how those before did.

use std::ops::Range;

use optimizer::sampler::{Sampler as _, SobolSampler};

use super::cma_es::CmaEs;
use super::shape::Shape;
use super::space::Space;
use super::told::{line, number};
use super::tpe::{self, Judged};
use crate::experiment::Sweep;
use crate::experiment::sweep::Search;
use crate::random::{Stream, rng, uniform};

/// Points that the Parzen estimator is asked for at once. A fixed number, so that results do not depend on the
/// machine; with it the search needs no more trials than one by one.
const AT_ONCE: usize = 4;

/// A search under way.
pub struct Sampler {
    shapes: Vec<Shape>,
    seed: u64,
    rule: Rule,
}

enum Rule {
    Grid(Vec<Vec<f64>>),
    Random,
    Sobol(SobolSampler),
    Tpe(Vec<Judged>),
    /// Over the lines; choices are drawn evenly.
    CmaEs(CmaEs),
}

impl Sampler {
    /// The search that a sweep asks for.
    pub fn new(sweep: &Sweep, space: &Space, seed: u64) -> Self {
        let shapes = space.shapes();
        let rule = match sweep.search {
            Search::Grid => Rule::Grid(space.grid(sweep.trials, seed)),
            // A population is no row of trials: the driver refuses it.
            Search::Random | Search::Pbt => Rule::Random,
            Search::Sobol => Rule::Sobol(SobolSampler::with_seed(seed)),
            Search::Tpe => Rule::Tpe(Vec::new()),
            Search::CmaEs => Rule::CmaEs(CmaEs::new(lines(&shapes), seed)),
        };
        Self { shapes, seed, rule }
    }

    /// These points in their order instead.
    #[must_use]
    pub fn listed(self, points: Vec<Vec<f64>>) -> Self {
        Self { rule: Rule::Grid(points), ..self }
    }

    /// How many trials there will be, given how many are wanted.
    pub fn trials(&self, wanted: Option<usize>) -> usize {
        match &self.rule {
            Rule::Grid(points) => points.len(),
            _ => wanted.unwrap_or(Sweep::TRIALS),
        }
    }

    /// How many trials are chosen before any of them is known; `None` where it makes no difference.
    pub fn at_once(&self) -> Option<usize> {
        match &self.rule {
            Rule::Grid(_) | Rule::Random | Rule::Sobol(_) => None,
            Rule::Tpe(_) => Some(AT_ONCE),
            Rule::CmaEs(_) => Some(CmaEs::population(lines(&self.shapes))),
        }
    }

    /// The points of these trials.
    pub fn ask(&mut self, trials: Range<usize>) -> Vec<Vec<f64>> {
        let mut points: Vec<Vec<f64>> = Vec::with_capacity(trials.len());
        for trial in trials {
            let mut rng = rng(self.seed, Stream::Search { trial: trial as u64 });
            let point = match &mut self.rule {
                Rule::Grid(cells) => cells[trial].clone(),
                Rule::Random => self.shapes.iter().map(|_| uniform(&mut rng)).collect(),
                Rule::Sobol(sampler) => {
                    self.shapes.iter().map(|_| number(&sampler.sample(&line(), trial as u64, &[]))).collect()
                }
                Rule::Tpe(judged) => tpe::ask(&self.shapes, judged, &points, &mut rng),
                Rule::CmaEs(search) => {
                    let mut along = search.ask(trial).into_iter();
                    let coordinate = |shape: &Shape| match shape {
                        Shape::Line => along.next().unwrap_or(0.5),
                        Shape::Choices(_) => uniform(&mut rng),
                    };
                    self.shapes.iter().map(coordinate).collect()
                }
            };
            points.push(point);
        }
        points
    }

    /// How a trial did, lower is better. Trials are told in their order.
    pub fn tell(&mut self, point: &[f64], badness: f64) {
        match &mut self.rule {
            Rule::Grid(_) | Rule::Random | Rule::Sobol(_) => {}
            Rule::Tpe(judged) => judged.push(Judged { point: point.to_vec(), badness }),
            Rule::CmaEs(search) => search.tell(badness),
        }
    }
}

/// How many of the coordinates are numbers.
fn lines(shapes: &[Shape]) -> usize {
    shapes.iter().filter(|shape| **shape == Shape::Line).count()
}
