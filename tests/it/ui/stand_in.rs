//! A studio over a trainer that only remembers what it was told.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;

use anneal_studio::engine::protocol::{Command, State, Status};
use anneal_studio::engine::{LaneView, Shared, Track};
use anneal_studio::experiment::Experiment;
use anneal_studio::files::Places;
use anneal_studio::telemetry::{Event, EventKind, Row, Store};
use anneal_studio::train::device::Choice;
use anneal_studio::train::ids::LaneId;
use anneal_studio::ui::keeper::Keeper;
use anneal_studio::ui::picker::{Answer, Ask, FilePicker};
use anneal_studio::ui::trainer::Trainer;
use anneal_studio::ui::{Document, StudioApp};
use eframe::egui::accesskit::Role;
use eframe::egui::{Pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

pub const UPDATES: u64 = 1000;
pub const PER_EPOCH: u64 = 50;

/// What the studio said, and what it is shown.
#[derive(Default)]
pub struct Log {
    pub commands: RefCell<Vec<Command>>,
    pub shared: RefCell<Shared>,
    /// Whether the queue has no room.
    pub full: Cell<bool>,
    /// What the file dialog answers, and what it was asked.
    pub answer: RefCell<Option<PathBuf>>,
    pub asked: RefCell<Vec<Ask>>,
}

impl Log {
    pub fn revisions(&self) -> usize {
        self.commands.borrow().iter().filter(|command| matches!(command, Command::Revise(..))).count()
    }

    pub fn said(&self, what: fn(&Command) -> bool) -> bool {
        self.commands.borrow().iter().any(what)
    }
}

struct Told(Rc<Log>);

impl Trainer for Told {
    fn send(&self, command: Command) -> bool {
        if !self.0.full.get() {
            self.0.commands.borrow_mut().push(command);
        }
        !self.0.full.get()
    }

    fn read(&self, read: &mut dyn FnMut(&mut Shared)) {
        read(&mut self.0.shared.borrow_mut());
    }
}

struct Dialog(Rc<Log>);

impl FilePicker for Dialog {
    fn pick(&self, ask: Ask, answer: Answer) {
        self.0.asked.borrow_mut().push(ask);
        answer(self.0.answer.borrow().clone());
    }
}

pub struct Studio {
    pub harness: Harness<'static, StudioApp>,
    pub log: Rc<Log>,
}

/// The first experiment's three runs, with `trained` updates of telemetry.
pub fn first(trained: u64) -> Studio {
    let experiment = crate::support::digits();
    open(experiment, None, trained, (1600.0, 1000.0))
}

pub fn open(experiment: Experiment, path: Option<PathBuf>, trained: u64, size: (f32, f32)) -> Studio {
    start(experiment, path, trained, size, None)
}

/// As [`open`], with what is kept between starts below a folder.
pub fn open_kept(experiment: Experiment, path: Option<PathBuf>, places: &Places) -> Studio {
    start(experiment, path, 200, (1600.0, 1000.0), Some(places.clone()))
}

fn start(
    experiment: Experiment,
    path: Option<PathBuf>,
    trained: u64,
    size: (f32, f32),
    places: Option<Places>,
) -> Studio {
    let document = Document::new(experiment, path);
    let log = Rc::new(Log::default());
    *log.shared.borrow_mut() = shared(&document, trained);
    let (told, dialog) = (Told(Rc::clone(&log)), Dialog(Rc::clone(&log)));
    let mut harness =
        Harness::builder().with_size(vec2(size.0, size.1)).with_step_dt(1.0 / 60.0).build_eframe(|cc| {
            let mut app = StudioApp::with(cc, document, Box::new(told), Box::new(dialog));
            app.studio_mut().view.still = true;
            if let Some(places) = places {
                app.keep(&cc.egui_ctx, Keeper::start(&places, || ()).unwrap());
            }
            app
        });
    harness.run_steps(4);
    Studio { harness, log }
}

/// Telemetry that looks like training: a loss that falls, with a spike, and one event of each kind.
pub fn shared(document: &Document, trained: u64) -> Shared {
    let mut shared = Shared {
        status: Status {
            state: State::Paused,
            update: trained,
            updates: UPDATES,
            updates_per_epoch: PER_EPOCH,
            generation: 1,
            lane_updates_per_second: 1234.0,
            seconds_per_update: Some(0.5),
            device: "CPU".into(),
            device_name: "CPU".into(),
            choice: Choice::Auto,
            chance_loss: Some(2.25),
            parameters: 4810,
            samples: 3200,
            batch: 64,
        },
        ..Shared::default()
    };
    let revision = document.revision();
    for (index, id) in revision.ids.iter().enumerate() {
        let mut view = LaneView {
            store: Store::new(1 << 20),
            ghost: None,
            update: 0,
            diverged_at: None,
            failed: None,
            ..lane()
        };
        let curve = revision.experiment.runs[index].lr.resolve(clock()).unwrap();
        for update in 0..trained {
            let noise = (update * 37 + index as u64 * 11) % 17;
            let loss = 2.3 * (-(update as f32) / 300.0).exp() + 0.01 + 0.004 * noise as f32;
            let is_validated = (update + 1) % PER_EPOCH == 0;
            let row = Row {
                update,
                lr: curve.at(update),
                momentum: 0.9,
                weight_decay: Some(0.0),
                batch: Some(64),
                train_loss: loss,
                grad_norm: 1.0,
                update_norm: 0.1,
                val_loss: is_validated.then_some(loss * 1.2),
                val_accuracy: is_validated.then_some(0.9),
                ..Row::default()
            };
            view.store.append(&[row]);
        }
        view.update = trained;
        shared.lanes.insert(LaneId { run: *id, replica: 0 }, view);
    }
    for (at, kind) in EventKind::ALL.into_iter().enumerate() {
        let update = (at as u64 * 10).min(trained);
        let message = format!("something of kind {}", kind.name());
        shared.events.push(Event { update, kind, message, generation: 1 });
    }
    shared
}

pub fn lane() -> LaneView {
    LaneView {
        store: Store::new(1 << 16),
        ghost: None,
        update: 0,
        diverged_at: None,
        failed: None,
        stopped: None,
        control: None,
        findings: std::sync::Arc::default(),
        track: Track::default(),
    }
}

pub fn clock() -> anneal_studio::schedule::Clock {
    anneal_studio::schedule::Clock { updates: UPDATES, updates_per_epoch: PER_EPOCH }
}

impl Studio {
    /// Clicks what has this label.
    pub fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.harness.run_steps(3);
    }

    /// Opens a side panel by its name.
    pub fn panel(&mut self, name: &str) {
        let now = self.harness.query_by(|node| {
            node.label().is_some_and(|label| label.starts_with("Side panel: "))
                && node.role() == Role::ComboBox
        });
        now.expect("the side panel's chooser").click();
        self.harness.run_steps(3);
        self.click(name);
    }

    /// Where the centre of what has this label is.
    pub fn place(&self, label: &str) -> Pos2 {
        self.rect(label).center()
    }

    pub fn rect(&self, label: &str) -> eframe::egui::Rect {
        self.harness.get_by_label(label).rect()
    }

    pub fn shows(&self, label: &str) -> bool {
        self.harness.query_all_by_label(label).next().is_some()
    }

    /// Whether any text on the screen holds these words.
    pub fn says(&self, words: &str) -> bool {
        self.harness.query_all_by_label_contains(words).next().is_some()
    }

    pub fn press(&mut self, modifiers: eframe::egui::Modifiers, key: eframe::egui::Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.run_steps(3);
    }

    pub fn document(&self) -> &Document {
        &self.harness.state().studio().document
    }

    /// The selected run's number of this name.
    pub fn number(&self, field: &str) -> f64 {
        let studio = self.harness.state().studio();
        match studio.document.run(studio.view.selected).unwrap().lr.kind.get(field) {
            Some(anneal_studio::schedule::kind::Value::Number(number)) => number,
            other => panic!("{field} is {other:?}"),
        }
    }

    /// Presses at a place, moves there in steps, and lets go: one frame a step.
    pub fn drag(&mut self, from: Pos2, to: Pos2, steps: u32, mut after_each: impl FnMut(&mut Self)) {
        self.harness.hover_at(from);
        self.harness.step();
        self.harness.drag_at(from);
        self.harness.step();
        for step in 1..=steps {
            self.harness.hover_at(from + (to - from) * (step as f32 / steps as f32));
            self.harness.step();
            after_each(self);
        }
        self.harness.drop_at(to);
        self.harness.run_steps(3);
    }
}
