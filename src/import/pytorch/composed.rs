//! Schedulers of schedulers: parts that follow one another, products, and what is neither, which is worked out
//! update by update.

use super::super::ImportError;
use super::super::function::{self, Sampled};
use super::super::python::{Call, Expr};
use super::super::pytorch_arguments::Given;
use super::super::shape::sequence;
use super::simulate::{self, Node};
use super::{MAX_LEVELS, MAX_PARTS, Reader};
use crate::schedule::Schedule;
use crate::schedule::kind::{Kind, Product};

/// Classes that begin from the optimizer's rate wherever they stand, and multiply it.
const PARTS: [&str; 7] =
    ["StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "PolynomialLR", "CosineAnnealingLR"];

impl<'p> Reader<'p> {
    /// The schedulers in a `SequentialLR` or `ChainedScheduler`.
    fn children(&self, given: &Given<'p>) -> Result<Vec<&'p Call>, ImportError> {
        let call = given.call;
        let place = if call.name == "SequentialLR" { 1 } else { 0 };
        let Some(Expr::List(items)) = given.get("schedulers", place) else {
            return Err(ImportError::missing(&call.name, "a list of schedulers that is written out"));
        };
        items
            .iter()
            .map(|item| match self.program.resolve_at(item, call.line) {
                Expr::Call(child) => Ok(&**child),
                other => {
                    let needed = format!("schedulers that are written out, not `{}`", other.shown());
                    Err(ImportError::missing(&call.name, needed))
                }
            })
            .collect()
    }

    fn milestones(given: &Given<'p>, children: usize) -> Result<Vec<f64>, ImportError> {
        let milestones = given.list("milestones", 2)?;
        if children == 0 || milestones.len() + 1 != children {
            let needed = format!("one milestone less than its {children} schedulers");
            return Err(ImportError::missing("SequentialLR", needed));
        }
        let mut last = 0.0;
        for milestone in &milestones {
            if *milestone <= last {
                return Err(ImportError::missing("SequentialLR", "milestones that increase from above 0"));
            }
            last = *milestone;
        }
        Ok(milestones)
    }

    /// Parts one after the other, where each begins anew from the optimizer's rate.
    pub(super) fn sequential(
        &mut self,
        given: &Given<'p>,
        base: f64,
        level: usize,
    ) -> Result<Schedule, ImportError> {
        let children = self.children(given)?;
        let milestones = Self::milestones(given, children.len())?;
        for child in children.iter().skip(1) {
            if matches!(child.name.as_str(), "SequentialLR" | "ChainedScheduler") {
                let what = format!("{} (line {}) after a milestone of SequentialLR", child.name, child.line);
                let why = "PyTorch raises NotImplementedError there: only a scheduler with rates of its own can follow";
                return Err(ImportError::unsupported(what, why));
            }
        }
        let simple = |child: &&Call| {
            PARTS.contains(&child.name.as_str())
                || matches!(child.name.as_str(), "LambdaLR" | "CosineAnnealingWarmRestarts")
                || child.name.starts_with("get_")
        };
        let lasts_nothing = children.iter().any(|child| {
            matches!(child.name.as_str(), "ConstantLR" | "LinearLR")
                && Given::new(child, self.program, self.group)
                    .or("total_iters", if child.name == "LinearLR" { 3 } else { 2 }, 5.0)
                    .unwrap_or(5.0)
                    == 0.0
        });
        if !children.iter().all(simple) || lasts_nothing {
            return self.simulated(given.call, base, level);
        }
        let mut start = 0.0;
        let mut before = Vec::new();
        let mut children = children.into_iter();
        for milestone in milestones {
            if let Some(child) = children.next() {
                before.push((self.span(milestone - start), self.schedule(child, base, level + 1)?));
            }
            start = milestone;
        }
        match children.next() {
            Some(last) => Ok(sequence(before, self.schedule(last, base, level + 1)?)),
            None => Err(ImportError::missing("SequentialLR", "a scheduler after the last milestone")),
        }
    }

    /// A product, where each scheduler multiplies the rate that it finds.
    pub(super) fn chained(
        &mut self,
        given: &Given<'p>,
        base: f64,
        level: usize,
    ) -> Result<Schedule, ImportError> {
        let children = self.children(given)?;
        given.get("optimizer", 1);
        if children.is_empty() {
            return Err(ImportError::missing("ChainedScheduler", "at least one scheduler"));
        }
        let mut multiplies = true;
        for child in &children {
            let of = Given::new(child, self.program, self.group);
            multiplies &= match child.name.as_str() {
                // It climbs again past its end, and the recursion of PyTorch divides by 0 there.
                "CosineAnnealingLR" => of.or("eta_min", 2, 0.0)? == 0.0,
                "LinearLR" => of.or("total_iters", 3, 5.0)? > 0.0,
                "ConstantLR" => of.or("total_iters", 2, 5.0)? > 0.0,
                name => PARTS.contains(&name),
            };
        }
        if !multiplies {
            return self.simulated(given.call, base, level);
        }
        let mut of = Vec::new();
        for child in children {
            let peak = if of.is_empty() { base } else { 1.0 };
            of.push(self.schedule(child, peak, level + 1)?);
        }
        Ok(Kind::Product(Product { of }).into())
    }

    /// The rates that PyTorch's own recursion gives.
    fn simulated(&mut self, call: &'p Call, base: f64, level: usize) -> Result<Schedule, ImportError> {
        let mut group = simulate::Group::new(base);
        let mut longest = 0.0;
        let mut root = self.node(call, level, &mut group, &mut longest)?;
        let ticks = self.ticks();
        let what = format!("{} as PyTorch steps it", call.name);
        let sampled = Sampled { what: &what, ticks, tick: self.tick, formula: None };
        let mut steps = 0;
        function::schedule(&sampled, &mut self.imported, |tick| {
            while steps < tick {
                root.step(&mut group)?;
                steps += 1;
            }
            Ok(group.rate)
        })
    }

    /// A scheduler as it is made and stepped, children first as PyTorch makes them.
    fn node(
        &mut self,
        call: &'p Call,
        level: usize,
        group: &mut simulate::Group,
        longest: &mut f64,
    ) -> Result<Node<'p>, ImportError> {
        self.parts += 1;
        if level > MAX_LEVELS || self.parts > MAX_PARTS {
            return Err(ImportError::unsupported(&call.name, "there are too many schedulers in schedulers"));
        }
        let given = self.given(call);
        let composed = matches!(call.name.as_str(), "SequentialLR" | "ChainedScheduler");
        let failed = |stop: super::super::python::eval::Stop| ImportError::unsupported(&call.name, stop.why);
        if !composed {
            let rule = self.rule(&given, group)?;
            for unread in given.unread() {
                self.imported.leave(unread);
            }
            return Node::leaf(rule, group).map_err(failed);
        }
        let children = self.children(&given)?;
        let milestones = match call.name.as_str() {
            "SequentialLR" => Some(Self::milestones(&given, children.len())?),
            _ => None,
        };
        let mut nodes = Vec::new();
        for child in children {
            nodes.push(self.node(child, level + 1, group, longest)?);
        }
        match milestones {
            Some(milestones) => {
                *longest = milestones.last().copied().unwrap_or(0.0).max(*longest);
                let milestones = milestones.into_iter().map(|at| at as i64).collect();
                Node::sequential(nodes, milestones, group).map_err(failed)
            }
            None => Ok(Node::Chained(nodes)),
        }
    }
}
