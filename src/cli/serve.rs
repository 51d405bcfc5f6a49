//! `anneal serve`: the API without a window, over a training of its own or none.

mod outcome;
mod signals;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;

use super::landing::{Landing, usual};
use super::results::Folder;
use super::{Device, Failure, output, read, threads_of};
use crate::api::own::{Ask, Done, Inbox, Own, Wish};
use crate::api::{Hub, Options, Refused, Server, door};
use crate::engine::protocol::{Command, State};
use crate::engine::{self, Engine};
use crate::train::ids::Mode;
use crate::ui::Document;
use crate::ui::landing::Follower;
use crate::ui::remote::{self, Standing};

/// What can be asked of a training without a window.
const CAN: &[&str] = &["pause", "resume", "stop", "step", "snapshot", "fork", "schedule"];
/// Between two looks at the training.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Args)]
pub struct Arguments {
    /// The experiment to train; without one, only trainings of other programs are taken in.
    file: Option<PathBuf>,
    /// Where the experiment as it ended, the metrics, the changes and the summary are written.
    #[arg(long, requires = "file")]
    out: Option<PathBuf>,
    /// Keep what is trained in this library, each training in a folder of its own: the file's, and those of other
    /// programs. ANNEAL_LIBRARY when neither this nor --out is given.
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    library: Option<PathBuf>,
    /// Answer at this address too, and not on the loopback only. Whoever reads the traffic reads the token.
    #[arg(long, value_name = "ADDR:PORT", requires = "token_file")]
    listen: Option<SocketAddr>,
    /// A file of your own with the token, at least 16 characters.
    #[arg(long, value_name = "F")]
    token_file: Option<PathBuf>,
    /// Wait for `resume` before the first update.
    #[arg(long, requires = "file")]
    paused: bool,
    /// End when the training has ended.
    #[arg(long, requires = "file")]
    end: bool,
    /// Where to train.
    #[arg(long, value_enum, default_value_t)]
    device: Device,
    /// Training threads; all cores when not given.
    #[arg(long)]
    threads: Option<usize>,
}

pub fn run(args: &Arguments) -> Result<(), Failure> {
    let hub = Arc::new(Hub::default());
    signals::listen().context("cannot listen for the signals that end it")?;
    let Some(file) = &args.file else {
        let server = serve(&hub, args)?;
        output::say("anneal: waiting for trainings of other programs; Ctrl-C ends it");
        let library = args.library.clone().or_else(usual);
        let mut follower = Follower::default();
        let by = wait(&mut || follow(&mut follower, library.as_deref(), &hub));
        drop(server);
        last(&mut follower, library.as_deref(), &hub);
        output::say(format!("anneal: ended by {by}; the trainings that had joined go on by themselves"));
        return Ok(());
    };
    let experiment = read(file)?;
    let landing = Landing::of(args.library.clone(), args.out.is_some(), &experiment.name)?;
    let library = landing.as_ref().map(Landing::library);
    let out = landing.as_ref().map(Landing::place).or_else(|| args.out.clone());
    let folder = match &out {
        Some(out) => {
            let folder = Folder::take(out)?;
            folder.is_for(Some(file))?;
            Some(folder)
        }
        None => None,
    };
    let mut document = Document::new(experiment, Some(file.clone()));
    let options = engine::Options {
        threads: Some(threads_of(args.threads)),
        device: args.device.into(),
        playing: !args.paused,
        ..engine::Options::default()
    };
    let engine = Engine::start(document.revision(), options, || ())?;
    let (own, inbox) = Own::new(engine.viewer(), document.revision(), CAN, Box::new(|| ()));
    hub.set_own(own);
    let server = serve(&hub, args)?;
    let start = Instant::now();
    let mut follower = Follower::default();
    let mut look = || follow(&mut follower, library.as_deref(), &hub);
    let ended = train(&engine, &mut document, &inbox, &hub, &mut look);
    hub.stop_own();
    while let Some(ask) = inbox.next() {
        ask.answer(Err(Refused::Conflict("the training is over".to_owned())));
    }
    hub.tick(Instant::now());
    let seconds = start.elapsed().as_secs_f64();
    let kept = outcome::write(folder.as_ref(), file, &document, &engine, &hub, seconds);
    let words = match &ended {
        Ok(End::Finished) => "the training has ended".to_owned(),
        Ok(End::Asked(by)) => {
            let update = engine.read(|shared| shared.status.update);
            format!("asked to end by {by}, after {update} updates")
        }
        Err(why) => why.clone(),
    };
    match &kept {
        Ok(Some(checkpoint)) => output::say(format!("anneal: {words}; {checkpoint}")),
        Ok(None) => output::say(format!("anneal: {words}; nothing of it is kept: --out DIR keeps it")),
        Err(_) => output::say(format!("anneal: {words}")),
    }
    if let Some(landing) = landing {
        landing.add();
    }
    kept?;
    if !args.end && signals::asked().is_none() {
        output::say("anneal: its numbers can be read on; Ctrl-C ends it");
        wait(&mut look);
    }
    drop(server);
    last(&mut follower, library.as_deref(), &hub);
    ended.map(drop).map_err(|why| anyhow::anyhow!(why).into())
}

/// Waits for a signal, looking at what other programs train meanwhile; its name.
fn wait(look: &mut dyn FnMut()) -> &'static str {
    loop {
        look();
        match signals::asked() {
            Some(by) => return by,
            None => std::thread::sleep(LOOK),
        }
    }
}

/// Keeps what other programs train, and says what has landed.
fn follow(follower: &mut Follower, library: Option<&Path>, hub: &Hub) {
    let Some(library) = library else { return };
    if let Some(landed) = follower.tick(library, hub, Instant::now()) {
        tell_landed(landed);
    }
}

/// Keeps what other programs did until now.
fn last(follower: &mut Follower, library: Option<&Path>, hub: &Hub) {
    let Some(library) = library else { return };
    for landed in follower.finish(library, hub) {
        tell_landed(landed);
    }
}

fn tell_landed(landed: Result<String, String>) {
    output::say(match landed {
        Ok(place) => format!("anneal: a live run is in the library as {place}"),
        Err(why) => format!("anneal: a live run is not in the library: {why}"),
    });
}

/// Why a training is over.
enum End {
    Finished,
    /// Somebody asked for it.
    Asked(String),
}

/// Trains until the end, or until somebody asks to stop, doing what is asked in between.
fn train(
    engine: &Engine,
    document: &mut Document,
    inbox: &Inbox,
    hub: &Hub,
    look: &mut dyn FnMut(),
) -> Result<End, String> {
    loop {
        look();
        if let Some(ask) = inbox.wait(LOOK) {
            if matches!(ask.wish, Wish::Stop) {
                let by = ask.by.clone();
                rest(engine);
                let update = engine.read(|shared| shared.status.update);
                ask.answer(Ok(Done { update, generation: document.generation() }));
                return Ok(End::Asked(by));
            }
            answer(engine, document, hub, ask);
        }
        if let Some(by) = signals::asked() {
            rest(engine);
            return Ok(End::Asked(by.to_owned()));
        }
        match engine.read(|shared| shared.status.state.clone()) {
            State::Finished => return Ok(End::Finished),
            State::Failed(why) => return Err(why),
            _ => {}
        }
    }
}

fn answer(engine: &Engine, document: &mut Document, hub: &Hub, ask: Ask) {
    let (status, lanes) = engine.read(|shared| {
        let lanes: Vec<_> = shared.lanes.iter().map(|(id, lane)| (*id, lane.update)).collect();
        (shared.status.clone(), lanes)
    });
    let update = |run| lanes.iter().find(|(id, _)| id.run == run).map_or(0, |(_, update)| *update);
    let standing = Standing { status: &status, lanes: lanes.len(), update: &update, mode: Mode::Live };
    let before = document.generation();
    for command in remote::obey(document, &standing, ask, hub) {
        tell(engine, command);
    }
    if document.generation() != before {
        tell(engine, Command::Revise(document.revision(), Mode::Live));
    }
}

/// Tells the engine something; where its queue is full, it has room in a moment.
fn tell(engine: &Engine, command: Command) {
    while !engine.send(command.clone()) {
        if matches!(engine.read(|shared| shared.status.state.clone()), State::Failed(_)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Lets the training rest after the chunk of updates under way.
fn rest(engine: &Engine) {
    tell(engine, Command::Pause);
    while engine.read(|shared| matches!(shared.status.state, State::Playing | State::Preparing)) {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Starts the server and says where it is.
fn serve(hub: &Arc<Hub>, args: &Arguments) -> Result<Server, Failure> {
    let token = match &args.token_file {
        Some(file) => {
            let token = door::token_from(file);
            let token =
                token.map_err(|error| Failure::BadFile(anyhow::anyhow!("{}: {error}", file.display())))?;
            if door::is_open_to_others(file) {
                let file = file.display();
                output::say(format!("anneal: others can read {file}: chmod 600 keeps the token yours"));
            }
            Some(token)
        }
        None => None,
    };
    let place = door::usual_place();
    if place.is_none() && token.is_none() {
        let why =
            "there is neither XDG_RUNTIME_DIR nor HOME to put the token in: name a file with --token-file";
        return Err(Failure::Failed(anyhow::anyhow!(why)));
    }
    if let Some(address) = args.listen.filter(|address| !address.ip().is_loopback()) {
        output::say(format!(
            "anneal: warning: {address} is not the loopback: whoever reaches it and reads the token, which travels \
             in plain text, changes the training"
        ));
    }
    let options = Options { listen: args.listen, token, door: place };
    let server = Server::start(Arc::clone(hub), options)?;
    let token =
        server.door().map_or_else(String::new, |path| format!("; the token is in {}", path.display()));
    output::say(format!("anneal: serving at {}{token}", server.url()));
    Ok(server)
}
