//! What a text's groups come to in ours: a rule of decay, a decay of layers, and groups by pattern.

use super::super::Unread;
use super::Taken;
use super::stand_in::{Model, Role, StandIn};
use crate::experiment::Decay;

/// Groups as a run here has them.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Plan {
    pub decay: Decay,
    /// The weight decay of the run itself, where the groups say it.
    pub weight_decay: Option<f64>,
    pub layer_decay: Option<f64>,
    /// The text's group whose rate is the run's, and what that is.
    pub main: usize,
    pub rate: Option<f64>,
    pub groups: Vec<Own>,
}

#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Own {
    pub pattern: String,
    /// The text's group whose rate it has; nothing where it stays frozen.
    pub of: Option<usize>,
    /// Its weight decay, where it is not the run's.
    pub weight_decay: Option<f64>,
}

/// Patterns of ours, with the parameters that each matches.
type Matches = fn(Role) -> bool;
const PATTERNS: [(&str, Matches); 5] = [
    ("head", |role| matches!(role, Role::Head | Role::HeadBias)),
    ("embedding", |role| role == Role::Embedding),
    ("norm", |role| matches!(role, Role::Gain(_) | Role::NormBias(_))),
    ("*.gain", |role| matches!(role, Role::Gain(_))),
    ("bias", |role| matches!(role, Role::Bias(_) | Role::NormBias(_) | Role::HeadBias)),
];
/// Whether a pattern of ours holds a parameter.
type Holds = Box<dyn Fn(&StandIn) -> bool>;
/// The most layers that get a group each.
const MOST_LAYERS: usize = 6;

/// What a parameter learns by: the text's group, or none where it is frozen.
type State = Option<usize>;

pub(super) fn plan(model: &Model, taken: &[Taken], frozen: &[bool], unread: &mut Vec<Unread>) -> Plan {
    let of_each: Vec<State> = (0..model.parameters.len())
        .map(|at| {
            let has = |taken: &Taken| taken.members.as_ref().is_some_and(|members| members.contains(&at));
            let is_frozen = frozen.get(at).copied().unwrap_or_default();
            taken.iter().position(has).filter(|_| !is_frozen)
        })
        .collect();
    let state = |role: Role| {
        let at = model.parameters.iter().position(|it| it.role == role);
        at.and_then(|at| of_each.get(at).copied()).flatten()
    };
    let rate = |group: usize| taken.get(group).map_or(0.0, |taken| taken.peak);
    let last = state(Role::Matrix(model.layers.saturating_sub(1)));
    let head = state(Role::Head);
    let Some(main) = last.or(head).or_else(|| of_each.iter().flatten().copied().next()) else {
        return Plan::default();
    };
    // Layer by layer, each at a fixed share of the next one's rate.
    let rates: Vec<Option<f64>> = (0..model.layers).map(|at| state(Role::Matrix(at)).map(rate)).collect();
    let ratio = constant_ratio(&rates);
    let mut plan = Plan { main, rate: Some(rate(main)), ..Plan::default() };
    if let (Some(ratio), Some(last)) = (ratio, last) {
        plan.layer_decay = Some(nice(1.0 / ratio));
        // The head is one above the last layer, unless its rate says that it is not.
        let above = rate(last) * ratio;
        plan.rate = Some(above);
        if let Some(head) = head.filter(|head| same(rate(*head), above)) {
            (plan.main, plan.rate) = (head, Some(rate(head)));
        }
    }
    let decay_of = |state: State| state.and_then(|group| taken.get(group)).map_or(0.0, |taken| taken.decay);
    let trained = |is: fn(&StandIn) -> bool| {
        let all = model.parameters.iter().zip(&of_each);
        all.filter(move |(it, state)| is(it) && state.is_some()).map(|(_, state)| decay_of(*state))
    };
    let run_decay = decay_of(last.or(head).or(Some(main)));
    plan.weight_decay = Some(run_decay);
    let run_rate = plan.rate.unwrap_or_default();
    let decays = trained(|it| !it.is_vector()).any(|decay| decay > 0.0);
    let mut vectors = trained(StandIn::is_vector).peekable();
    if decays && vectors.peek().is_some() && vectors.all(|decay| decay == 0.0) {
        plan.decay = Decay::Matrices;
    }
    let rule = plan.decay;
    let layered = plan.layer_decay;
    // What the run itself would do with a parameter.
    let expected = |it: &StandIn| {
        let above = (model.layers + 1).saturating_sub(it.ours.layer);
        layered.map_or(run_rate, |decay| run_rate * decay.powi(above as i32))
    };
    let decay_here = |it: &StandIn, own: f64| {
        if rule == Decay::Matrices && it.is_vector() { 0.0 } else { own }
    };
    // A text's model may have no embedding; one that is frozen has.
    let is_absent = |it: &StandIn, state: State| {
        let at = model.parameters.iter().position(|known| known.name == it.name);
        let is_frozen = at.and_then(|at| frozen.get(at).copied()).unwrap_or_default();
        state.is_none() && it.role == Role::Embedding && !is_frozen
    };
    let is_usual = |it: &StandIn, state: State| {
        is_absent(it, state)
            || state.is_some_and(|group| {
                same(rate(group), expected(it)) && decay_of(state) == decay_here(it, run_decay)
            })
    };
    // Most of the model is frozen: what learns is named, and the rest has a pattern at the end.
    let mostly_frozen = last.is_none();
    let mut patterns: Vec<(String, Holds)> = PATTERNS
        .iter()
        .map(|(name, is)| {
            let matches: Holds = Box::new(move |it| is(it.role));
            ((*name).to_owned(), matches)
        })
        .collect();
    let differ = rates.windows(2).any(|pair| !matches!(pair, [Some(a), Some(b)] if same(*a, *b)));
    if ratio.is_none() && differ && !mostly_frozen && model.layers <= MOST_LAYERS {
        for layer in 1..=model.layers {
            let matches: Holds = Box::new(move |it| it.ours.layer == layer);
            patterns.push((format!("layer {layer}"), matches));
        }
    }
    let mut left: Vec<usize> = (0..model.parameters.len()).collect();
    for (pattern, matches) in patterns {
        let own: Vec<(&StandIn, State)> = left
            .iter()
            .filter_map(|at| Some((model.parameters.get(*at)?, *of_each.get(*at)?)))
            .filter(|(it, _)| matches(it))
            .collect();
        let Some((_, first)) = own.first().copied() else { continue };
        let needs =
            own.iter().any(|(it, state)| if mostly_frozen { state.is_some() } else { !is_usual(it, *state) });
        if !needs || own.iter().any(|(_, state)| state.is_some() != first.is_some()) {
            continue;
        }
        let same_rate = own.iter().all(|(_, state)| match (state, first) {
            (Some(a), Some(b)) => same(rate(*a), rate(b)),
            _ => true,
        });
        // The decay of its matrices, or of all where vectors decay too.
        let telling: Vec<f64> = own
            .iter()
            .filter(|(it, _)| rule == Decay::All || !it.is_vector())
            .map(|(_, state)| decay_of(*state))
            .collect();
        let decay = telling.first().copied().unwrap_or(run_decay);
        if !same_rate || telling.iter().any(|other| *other != decay) {
            continue;
        }
        let weight_decay = (decay != run_decay && first.is_some()).then_some(decay);
        plan.groups.push(Own { pattern, of: first, weight_decay });
        left.retain(|at| model.parameters.get(*at).is_some_and(|it| !matches(it)));
    }
    if mostly_frozen {
        plan.groups.push(Own { pattern: "*".to_owned(), of: None, weight_decay: None });
        left.retain(|at| of_each.get(*at).copied().flatten().is_some());
    }
    tell(model, taken, &of_each, &left, is_usual, unread);
    // What the main group begins at, before its schedulers make its highest rate of it.
    if let Some(main) = taken.get(plan.main).filter(|main| main.peak > 0.0) {
        plan.rate =
            plan.rate.map(|rate| if rate == main.peak { main.rate } else { rate / main.peak * main.rate });
    }
    plan
}

/// Words in what is told of groups that come to nothing here.
pub(super) const OTHERWISE: &str = "which learns otherwise than any group here";

/// Names what learns otherwise there than the groups say.
fn tell(
    model: &Model,
    taken: &[Taken],
    of_each: &[State],
    left: &[usize],
    is_usual: impl Fn(&StandIn, State) -> bool,
    unread: &mut Vec<Unread>,
) {
    let mut told: Vec<State> = Vec::new();
    for at in left {
        let (Some(it), Some(state)) = (model.parameters.get(*at), of_each.get(*at)) else { continue };
        if is_usual(it, *state) || told.contains(state) {
            continue;
        }
        told.push(*state);
        let (what, line) = match state.and_then(|group| taken.get(group)) {
            Some(taken) => (
                format!(
                    "the group {} (rate {}, weight decay {}), {OTHERWISE}: {} and others",
                    taken.name, taken.rate, taken.decay, it.name
                ),
                taken.line,
            ),
            None => (format!("{} and others, {OTHERWISE}: they are not trained", it.name), 0),
        };
        unread.push(Unread::telling(what, line));
    }
}

/// How many times as fast each layer learns as the one before it, where that is the same for all and not 1.
fn constant_ratio(rates: &[Option<f64>]) -> Option<f64> {
    let rates: Vec<f64> = rates.iter().copied().collect::<Option<_>>()?;
    let [first, second, ..] = rates.as_slice() else { return None };
    let ratio = second / first;
    let is_constant = rates.windows(2).all(|pair| matches!(pair, [a, b] if same(b / a, ratio)));
    (is_constant && ratio.is_finite() && ratio > 1.0 + 1e-9).then_some(ratio)
}

/// The number as people write it, where it is one but for rounding.
fn nice(value: f64) -> f64 {
    let rounded = (value * 1e6).round() / 1e6;
    if same(rounded, value) { rounded } else { value }
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}
