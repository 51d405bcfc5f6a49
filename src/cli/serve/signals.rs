//! What the system asks of a served training: to end.

use std::io;
use std::sync::OnceLock;
use std::thread::Builder;

/// A wish to end, by its name, once there is one.
static ASKED: OnceLock<&'static str> = OnceLock::new();

/// Listens for Ctrl-C and for the signal that ends a process, on a thread of its own. The first one is for the training
/// to end cleanly; a second one ends the process at once.
///
/// # Errors
/// When the system gives no thread or no signals.
pub fn listen() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    // Registered before anything is said, so that nobody who reads that it serves comes too early.
    let mut signals = {
        let _inside = runtime.enter();
        Signals::new()?
    };
    Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            let first = signals.next().await;
            // Nobody else sets it.
            let _ = ASKED.set(first);
            signals.next().await;
            std::process::exit(130);
        });
    })?;
    Ok(())
}

/// The signal that asked to end, if one did.
pub fn asked() -> Option<&'static str> {
    ASKED.get().copied()
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> &'static str {
        // Where Ctrl-C cannot be listened for, the system ends the process by itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }
}
