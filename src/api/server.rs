//! The server: a thread of its own, which listens on the loopback and is gone when it is dropped.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};

use crate::analysis::recorded::diagnose;

use super::door::Door;
use super::guard::{Guard, guard};
use super::hub::Hub;
use super::routes::router;

/// The port that is tried first, and how many after it.
const PORT: u16 = 7117;
const PORTS: u16 = 64;
/// Connections at once; one more is closed unheard.
const CONNECTIONS: usize = 128;
/// How long the head of a request may take, also the first byte of it, and how large it may be.
const HEAD_TIME: Duration = Duration::from_secs(5);
const HEAD: usize = 32 << 10;
/// Between two looks at what happens by itself.
const TICK: Duration = Duration::from_millis(100);
/// Between two looks of the detectors at live runs; longer where looking takes long.
const DIAGNOSIS: Duration = Duration::from_secs(2);

/// How to serve.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Another address than the loopback.
    pub listen: Option<SocketAddr>,
    /// The token, where it is the user's own.
    pub token: Option<String>,
    /// Where clients find the address and the token.
    pub door: Option<PathBuf>,
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    token: String,
    door: Option<Door>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Begins to serve a hub.
    ///
    /// # Errors
    /// When no port is free, the system has no thread or no randomness to give, or the file for clients
    /// cannot be written.
    pub fn start(hub: Arc<Hub>, options: Options) -> io::Result<Self> {
        let token = match options.token {
            Some(token) => token,
            None => super::stamp::token()?,
        };
        let listener = bind(options.listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let url = format!("http://{address}");
        let door = options.door.map(|path| Door::open(&path, &url, &token)).transpose()?;
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .thread_name("api-detectors")
            .build()?;
        let guard = Guard::new(&token, address.ip(), address.port(), Instant::now());
        let thread = Builder::new().name("api".into()).spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                tokio::select! {
                    () = listen(listener, app(Arc::clone(&hub), guard)) => {}
                    () = look(hub) => {}
                    _ = stopped => {}
                }
            });
            // Detectors that still look at something are not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Self { address, token, door, stop: Some(stop), thread: Some(thread) })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    /// The file in which clients find the address and the token.
    pub fn door(&self) -> Option<&Path> {
        self.door.as_ref().map(Door::path)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.door = None;
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has ended the server already.
            let _ = thread.join();
        }
    }
}

/// The address that was asked for, or the first free port of the loopback.
fn bind(asked: Option<SocketAddr>) -> io::Result<std::net::TcpListener> {
    if let Some(address) = asked {
        return std::net::TcpListener::bind(address);
    }
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    for port in PORT..PORT + PORTS {
        match std::net::TcpListener::bind((loopback, port)) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            bound => return bound,
        }
    }
    std::net::TcpListener::bind((loopback, 0))
}

fn app(hub: Arc<Hub>, who: Guard) -> Router {
    router(hub).layer(axum::middleware::from_fn_with_state(who, guard))
}

async fn listen(listener: TcpListener, app: Router) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: some are free again when connections end.
            tokio::time::sleep(TICK).await;
            continue;
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else { continue };
        let app = app.clone();
        tokio::spawn(async move {
            let _place = place;
            serve(stream, app).await;
        });
    }
}

async fn serve(stream: TcpStream, app: Router) {
    // What is small is to arrive at once.
    let _ = stream.set_nodelay(true);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app))
        .await;
    if let Err(error) = served {
        tracing::debug!("a connection ended: {error}");
    }
}

/// Tells what happens by itself, and has the detectors look at what live runs measured.
async fn look(hub: Arc<Hub>) {
    let mut due = Instant::now() + DIAGNOSIS;
    loop {
        tokio::time::sleep(TICK).await;
        hub.tick(Instant::now());
        if Instant::now() < due {
            continue;
        }
        due = Instant::now() + DIAGNOSIS;
        if let Some((live, recording)) = hub.undiagnosed() {
            let start = Instant::now();
            if let Ok(found) = tokio::task::spawn_blocking(move || diagnose(&recording)).await {
                hub.diagnosed(&live, found);
            }
            due = Instant::now() + DIAGNOSIS.max(20 * start.elapsed());
        }
    }
}
