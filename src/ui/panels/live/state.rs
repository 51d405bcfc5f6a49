//! What the live panel keeps: the server while it is on, the run that is chosen, and a change that is being
//! drawn.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::Context;

use crate::api::change::{Change, Future};
use crate::api::hub::lock;
use crate::api::made::Made;
use crate::api::own::{Inbox, Own};
use crate::api::{Hub, Options, Server, door};
use crate::train::ids::RunId;
use crate::ui::remote::{self, Standing};
use crate::ui::shelf::LiveView;
use crate::ui::studio::Studio;
use crate::ui::view::SidePanel;

use super::shadow;

/// The panel's name.
pub const NAME: SidePanel = SidePanel("live-training");
/// Between two frames that a live run asks for.
const FRAME: Duration = Duration::from_millis(33);

/// A server that is on.
pub struct Serving {
    pub server: Server,
    inbox: Option<Inbox>,
}

/// A future that is being drawn: the run, and rates by its own updates.
pub struct Draft {
    pub run: RunId,
    pub points: Vec<(u64, f64)>,
}

#[derive(Default)]
pub struct State {
    /// What runs there are; kept while the server is off, so that they are still shown.
    hub: Option<Arc<Hub>>,
    pub serving: Option<Serving>,
    pub error: Option<String>,
    /// The live run that is bent.
    pub chosen: Option<RunId>,
    /// The group that is bent; all of them without one.
    pub group: Option<String>,
    /// Exact points, as they are typed.
    pub typed: String,
    /// Numbers of the optimizer that were moved and not sent yet.
    pub moved: BTreeMap<String, f64>,
    pub draft: Option<Draft>,
    /// The document's generation that the API knows.
    followed: u64,
}

/// Switches the server on, where clients look for it.
pub fn start(studio: &mut Studio, ctx: &Context) {
    start_at(studio, ctx, Options { door: door::usual_place(), ..Options::default() });
}

/// Switches the server on.
pub fn start_at(studio: &mut Studio, ctx: &Context, options: Options) {
    let revision = studio.document.revision();
    let viewer = studio.viewer.clone();
    let state = studio.panels.of::<State>();
    let hub = Arc::clone(state.hub.get_or_insert_with(Arc::default));
    let waker = || {
        let ctx = ctx.clone();
        move || ctx.request_repaint_after(FRAME)
    };
    hub.wake_with(waker());
    let inbox = viewer.map(|viewer| {
        state.followed = revision.generation;
        let wake = ctx.clone();
        let (own, inbox) = Own::new(viewer, revision, remote::CAN, Box::new(move || wake.request_repaint()));
        hub.set_own(own);
        inbox
    });
    match Server::start(hub, options) {
        Ok(server) => {
            state.error = None;
            state.serving = Some(Serving { server, inbox });
        }
        Err(error) => state.error = Some(format!("the API cannot be served: {error}")),
    }
}

/// The runs that other programs train, once the API was on.
pub fn hub(studio: &Studio) -> Option<Arc<Hub>> {
    studio.panels.peek::<State>().and_then(|state| state.hub.clone())
}

/// What was changed of our runs since this time, by hand and over the API; nothing while the server was never on.
pub fn made_since(studio: &Studio, since: f64) -> Vec<Made> {
    let hub = studio.panels.peek::<State>().and_then(|state| state.hub.as_ref());
    let made = hub.and_then(|hub| {
        hub.with_own(|own| {
            let all = own.runs().flat_map(|(run, _)| own.changes(run));
            all.filter(|made| made.at > since).cloned().collect::<Vec<_>>()
        })
    });
    let mut made = made.unwrap_or_default();
    made.sort_by(|a, b| a.at.total_cmp(&b.at));
    made
}

/// Does what is asked over the API, and takes in the runs that came.
pub fn poll(studio: &mut Studio, _: bool) -> bool {
    let state = studio.panels.of::<State>();
    let Some(hub) = state.hub.clone() else { return false };
    let inbox = state.serving.as_mut().and_then(|serving| serving.inbox.take());
    if let Some(inbox) = &inbox {
        while let Some(ask) = inbox.next() {
            let frame = &studio.frame;
            let shelf = &studio.shelf;
            let update = |run| frame.lane(run).map_or(0, |lane| lane.update);
            let lanes = frame.lanes.iter().filter(|lane| shelf.guest(lane.id.run).is_none()).count();
            let mode = studio.view.mode;
            let standing = Standing { status: &frame.status, lanes, update: &update, mode };
            let commands = remote::obey(&mut studio.document, &standing, ask, &hub);
            commands.into_iter().for_each(|command| studio.tell(command));
        }
    }
    let generation = studio.document.generation();
    let state = studio.panels.of::<State>();
    let is_new = std::mem::replace(&mut state.followed, generation) != generation;
    if let Some(serving) = &mut state.serving {
        serving.inbox = inbox;
    }
    if is_new {
        hub.follow(studio.document.revision());
    }
    let taken: Vec<usize> = studio.document.runs().map(|(row, _)| row.slot).collect();
    let clock = studio.clock();
    let new = studio.shelf.follow_live(&hub.live(), &taken, clock);
    if let Some(run) = new.last() {
        let name = studio.shelf.guest(*run).map(|guest| guest.name.clone()).unwrap_or_default();
        studio.toasts.done(format!("“{name}” joined: bend its rate in the plot or in the panel."));
        // The first one shows where the panel is; a later one takes nobody's panel away.
        if studio.shelf.guests().iter().filter(|guest| guest.shared().is_some()).count() == new.len() {
            studio.view.open(NAME);
            studio.panels.of::<State>().chosen = Some(*run);
        }
    }
    shadow::follow(studio);
    false
}

/// The live run that is chosen, or else the first there is.
pub fn chosen(studio: &Studio) -> Option<(RunId, &LiveView)> {
    let chosen = studio.panels.peek::<State>().and_then(|state| state.chosen);
    let mut live =
        studio.shelf.guests().iter().filter_map(|guest| Some((guest.row.id, guest.live.as_ref()?)));
    let first = live.clone().next();
    live.find(|(id, _)| Some(*id) == chosen).or(first)
}

/// The rate that is planned for an update of a live run: of one group, or of the first.
pub fn planned(studio: &Studio, run: RunId, group: Option<&str>, update: u64) -> Option<f64> {
    let shared = studio.shelf.guest(run)?.shared()?;
    let live = lock(shared);
    let first = live.plan().groups().next()?;
    live.plan().rate(group.unwrap_or(first), update)
}

/// Puts another future in place of the planned one, of one group or of all.
pub fn bend(studio: &mut Studio, run: RunId, group: Option<String>, why: &str, future: Future) {
    ask(studio, run, Change::by_hand(group, why, future));
}

/// Sets a number of its optimizer from now on.
pub fn set_number(studio: &mut Studio, run: RunId, name: &str, value: f64) {
    ask(studio, run, Change::number_by_hand(name, value));
}

fn ask(studio: &mut Studio, run: RunId, change: Change) {
    let state = studio.panels.of::<State>();
    let Some(hub) = state.hub.clone() else { return };
    let Some(id) = studio.shelf.guest(run).and_then(|guest| guest.live.as_ref()).map(|live| live.id.clone())
    else {
        return;
    };
    if let Err(refused) = hub.change(&id, change, Instant::now()) {
        studio.toasts.failed(crate::ui::format::sentence(&refused.to_string()));
    }
}

/// Asks a live run to pause, resume or stop, for one update, a snapshot or a fork.
pub fn order(studio: &mut Studio, id: &str, verb: &str) {
    let Some(hub) = studio.panels.of::<State>().hub.clone() else { return };
    let by = ("studio".to_owned(), String::new());
    if let Err(refused) = hub.order(id, verb, by, Instant::now()) {
        studio.toasts.failed(crate::ui::format::sentence(&refused.to_string()));
    }
}
