//! Handing a note to the programs that deliver it.

use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Note, Programs, Ways};

/// After so long a program that delivers is ended.
const PATIENCE: Duration = Duration::from_secs(12);
/// Seconds that a webhook may take, connection and answer together.
const WEBHOOK: u64 = 10;
/// Between two looks at whether it has ended.
const LOOK: Duration = Duration::from_millis(20);

/// Delivers a note in every way that is wanted; what went wrong, in sentences that name no address.
pub(super) fn all(programs: &Programs, note: &Note, ways: &Ways) -> Vec<String> {
    let mut problems = Vec::new();
    if ways.desktop
        && let Err(why) = desktop(programs, note)
    {
        problems.push(format!("the desktop shows no message: {why}"));
    }
    if let Some(address) = &ways.webhook
        && let Err(why) = webhook(programs, note, address)
    {
        problems.push(format!("the webhook was not reached: {why}"));
    }
    problems
}

fn desktop(programs: &Programs, note: &Note) -> Result<(), String> {
    let urgency = if note.severity == "error" { "critical" } else { "normal" };
    let title = format!("{}: {}", note.run, note.kind);
    let mut command = Command::new(&programs.desktop);
    command.args(["--app-name=Anneal Studio", "--urgency", urgency, "--", &title, &note.text]);
    ended(command, None, "install notify-send (libnotify-bin)")
}

fn webhook(programs: &Programs, note: &Note, address: &str) -> Result<(), String> {
    if !(address.starts_with("https://") || address.starts_with("http://")) {
        return Err("its address begins with neither https:// nor http://".to_owned());
    }
    let body =
        json!({ "source": "anneal-studio", "note": note, "text": format!("{}: {}", note.run, note.text) });
    // The address by standard input: the list of processes shows arguments to everybody.
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let config = format!(
        "url = \"{}\"\nrequest = \"POST\"\nheader = \"Content-Type: application/json\"\ndata = \"{}\"\nmax-time = \
         {WEBHOOK}\nsilent\nfail\nproto = \"=http,https\"\noutput = \"/dev/null\"\n",
        quoted(address),
        quoted(&body.to_string()),
    );
    let mut command = Command::new(&programs.webhook);
    command.args(["--disable", "--config", "-"]);
    ended(command, Some(config), "install curl").map_err(|why| explained(&why))
}

/// What curl's exit codes mean, for those that happen.
fn explained(why: &str) -> String {
    let meaning = match why {
        "exit code 6" => "its host is not known",
        "exit code 7" => "nothing listens there",
        "exit code 22" => "it answered with an error",
        "exit code 28" => "it took more than ten seconds",
        "exit code 35" | "exit code 60" => "its certificate is not trusted, or it speaks no TLS",
        why => return why.to_owned(),
    };
    meaning.to_owned()
}

/// Runs a program to its end, or for as long as there is patience.
fn ended(mut command: Command, input: Option<String>, install: &str) -> Result<(), String> {
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let started = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("its program is not there: {install}"),
        _ => error.to_string(),
    });
    let mut child = started?;
    if let (Some(input), Some(mut to)) = (input, child.stdin.take()) {
        // A program that has ended already says why by its exit code.
        let _ = to.write_all(input.as_bytes());
    }
    let begun = Instant::now();
    loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => {
                return Err(status
                    .code()
                    .map_or_else(|| "it was ended".to_owned(), |code| format!("exit code {code}")));
            }
            None if begun.elapsed() > PATIENCE => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("it took more than {} s", PATIENCE.as_secs()));
            }
            None => std::thread::sleep(LOOK),
        }
    }
}
