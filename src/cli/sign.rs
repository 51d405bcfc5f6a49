//! `anneal key`, `sign`, `approve` and `verify`: who answers for an experiment file.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use serde_json::json;

use super::history::{bytes, tell};
use super::{Failure, output, read};
use crate::files::{self, date};
use crate::govern::{
    Change, Checked, History, Policy, Role, SecretKey, Signature, Signatures, record, sign, who,
};
use crate::plain;

#[derive(Args)]
pub struct KeyArgs {
    /// Where the secret key is written; its public part goes to stdout and beside it, as FILE.pub.
    file: PathBuf,
    /// Whose key it is; ANNEAL_BY or your login name when not given.
    #[arg(long)]
    name: Option<String>,
}

#[derive(Args)]
pub struct SignArgs {
    file: PathBuf,
    /// Your secret key, as `anneal key` writes it.
    #[arg(long)]
    key: PathBuf,
    /// Why.
    #[arg(long, default_value = "")]
    why: String,
}

#[derive(Args)]
pub struct VerifyArgs {
    file: PathBuf,
    /// Also say whether this policy lets the file be trained.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Makes a key.
pub fn make_key(args: &KeyArgs) -> Result<(), Failure> {
    let name = args.name.clone().unwrap_or_else(who);
    let key = SecretKey::generate(&name).context("the system gives no randomness")?;
    key.save(&args.file).map_err(anyhow::Error::from)?;
    let public = format!("[[person]]\nname = {}\nkey = \"{}\"\n", toml::Value::from(name), key.public());
    let mut beside = args.file.clone().into_os_string();
    beside.push(".pub");
    files::replace(Path::new(&beside), |file| std::io::Write::write_all(file, public.as_bytes()))
        .with_context(|| format!("cannot write {}", Path::new(&beside).display()))?;
    Ok(output::print(&public)?)
}

/// Signs a file as its author, or approves of it.
pub fn run(args: &SignArgs, role: Role) -> Result<(), Failure> {
    // Nobody signs what cannot be trained.
    read(&args.file)?;
    let key = SecretKey::read(&args.key).map_err(|error| Failure::BadFile(error.into()))?;
    if role == Role::Author {
        let change = Change { by: key.name.clone(), ..Change::new("command line", &args.why) };
        let recorded = record(&args.file, &change).map_err(anyhow::Error::from)?;
        tell(&args.file, Ok(recorded));
    }
    let history = History::read(&args.file)?;
    if let Some(fault) = history.faults.first() {
        let file = args.file.display();
        return Err(anyhow!("the change log of {file} is damaged ({fault}): it is not signed").into());
    }
    let bytes = bytes(&args.file)?;
    sign(&args.file, &bytes, &history, &key, role, &args.why).map_err(anyhow::Error::from)?;
    let number = history.entries.len();
    let what = if role == Role::Author { "signed" } else { "approved" };
    output::say(format!("anneal: version {number} of {} {what} by {}", args.file.display(), key.name));
    Ok(())
}

/// Checks the log and every signature, and the policy where there is one.
pub fn verify(args: &VerifyArgs) -> Result<(), Failure> {
    let bytes = bytes(&args.file)?;
    let policy = args.policy.as_deref().map(Policy::read).transpose();
    let policy = policy.map_err(|error| Failure::BadFile(error.into()))?;
    let history = History::read(&args.file)?;
    let signatures = Signatures::read(&args.file)?;
    let mut wrong: Vec<String> = history.faults.iter().map(ToString::to_string).collect();
    if !history.is_of(&bytes) {
        wrong.push("the file is not the newest version of its change log".to_owned());
    }
    wrong.extend(signatures.unread.iter().map(|line| format!("line {line} of the signatures is none")));
    let mut lines = String::new();
    let mut all = Vec::new();
    let mut good = 0;
    for signature in &signatures.all {
        let checked = signature.check(&bytes, &history);
        let state = match &checked {
            Checked::Good => "good".to_owned(),
            Checked::OfAnotherVersion { entry } => format!("of version {entry}, not of this one"),
            Checked::Bad => "BAD: it was altered, or made with another key".to_owned(),
            Checked::History(fault) => format!("BAD: {fault}"),
        };
        good += usize::from(checked == Checked::Good);
        if matches!(checked, Checked::Bad | Checked::History(_)) {
            wrong.push(format!("the signature of {}: {state}", plain::name(signature.by())));
        }
        let holder = policy.as_ref().map(|policy| policy.holder(signature.key()));
        let who = match holder {
            Some(None) => format!("{} (whom the policy does not know)", plain::name(signature.by())),
            Some(Some(name)) => plain::name(name),
            None => plain::name(signature.by()),
        };
        let (role, at) = (role(signature), date(signature.at()));
        lines += &format!("{role} {who} {at}: {state}\n");
        all.push(json!({
            "role": role, "by": signature.by(), "at": signature.at(), "why": signature.why(),
            "key": signature.key().to_string(), "state": state, "good": checked == Checked::Good,
            "known_as": holder.flatten(),
        }));
    }
    if good == 0 {
        wrong.push("nobody has signed this version: `anneal sign FILE --key KEY` does".to_owned());
    }
    if let Some(policy) = &policy {
        let refusals = super::policy::refusals(&args.file, &bytes, &history, &signatures, policy)?;
        wrong.extend(refusals.iter().map(ToString::to_string));
    }
    wrong.dedup();
    if args.json {
        let head = history.head().map(|head| head.to_string());
        let text = json!({ "signatures": all, "head": head, "wrong": wrong });
        output::print(&(serde_json::to_string_pretty(&text)? + "\n"))?;
    } else {
        output::print(&lines)?;
    }
    if wrong.is_empty() {
        return Ok(());
    }
    wrong.iter().for_each(|wrong| output::say(format!("anneal: {wrong}")));
    Err(anyhow!("{} does not hold", args.file.display()).into())
}

fn role(signature: &Signature) -> &'static str {
    match signature.role() {
        Role::Author => "author",
        Role::Approval => "approval",
    }
}
