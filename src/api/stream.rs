//! Streams of events: what happens to runs, and what a live run is to do.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use hyper::body::Frame;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::watch;
use tokio::time::timeout;

use super::hub::{Hub, Shared, lock};

/// Pieces that wait for a reader: one who reads slowly misses events, which is told, and holds nobody up.
const QUEUE: usize = 16;
/// Events in one piece.
const MANY: usize = 256;
/// A line that says that the server is still there.
const ALIVE: Duration = Duration::from_secs(2);

/// A body that comes bit by bit.
struct Pieces(Receiver<Bytes>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

fn response(pieces: Receiver<Bytes>) -> Response {
    let mut response = Response::new(Body::new(Pieces(pieces)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// One who reads a stream.
struct Reader {
    pieces: Sender<Bytes>,
    /// When the last piece was sent.
    spoken: Instant,
}

impl Reader {
    fn new() -> (Self, Receiver<Bytes>) {
        let (pieces, receiver) = channel(QUEUE);
        (Self { pieces, spoken: Instant::now() }, receiver)
    }

    /// Sends a piece, as soon as there is room; `false` when nobody reads any more.
    async fn send(&mut self, piece: impl Into<Bytes>) -> bool {
        self.spoken = Instant::now();
        self.pieces.send(piece.into()).await.is_ok()
    }

    /// Waits for a change, and says now and then that the server is there, also while changes come that say
    /// nothing to this reader; `false` when nobody reads any more.
    async fn next(&mut self, changed: &mut watch::Receiver<u64>) -> bool {
        loop {
            let rest = ALIVE.saturating_sub(self.spoken.elapsed());
            let seen = tokio::select! {
                seen = timeout(rest, changed.changed()) => seen,
                () = self.pieces.closed() => return false,
            };
            match seen {
                Ok(seen) => return seen.is_ok(),
                Err(_) if !self.send(": alive\n\n").await => return false,
                Err(_) => {}
            }
        }
    }
}

/// The events of one run or of all, from number `seen` on.
pub fn events(hub: Arc<Hub>, run: Option<String>, seen: Option<u64>) -> Response {
    let (mut reader, pieces) = Reader::new();
    let mut changed = hub.watch();
    let newest = hub.events(u64::MAX, None, 0).1;
    let mut seen = seen.unwrap_or(newest);
    tokio::spawn(async move {
        if !reader.send(": alive\n\n").await {
            return;
        }
        loop {
            let (news, newest) = hub.events(seen, run.as_deref(), MANY);
            let mut text = String::new();
            for one in &news {
                text += &format!("id: {}\nevent: {}\ndata: {}\n\n", one.id, one.kind, one.data);
            }
            seen = if news.len() < MANY { newest } else { news.last().map_or(newest, |one| one.id) };
            if !text.is_empty() && !reader.send(text).await {
                return;
            }
            if news.len() < MANY && !reader.next(&mut changed).await {
                return;
            }
        }
    });
    response(pieces)
}

/// Counts a connection of a live run, for as long as it lives.
struct Connection {
    hub: Arc<Hub>,
    live: Shared,
}

impl Connection {
    fn new(hub: Arc<Hub>, live: Shared) -> Self {
        lock(&live).connections += 1;
        Self { hub, live }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut live = lock(&self.live);
        live.connections = live.connections.saturating_sub(1);
        live.version += 1;
        drop(live);
        self.hub.tick(Instant::now());
    }
}

/// What a live run is to do: the whole present state, and again whenever it changes.
pub fn control(hub: Arc<Hub>, live: Shared) -> Response {
    let (mut reader, pieces) = Reader::new();
    let mut changed = hub.watch();
    let connection = Connection::new(hub, Arc::clone(&live));
    tokio::spawn(async move {
        let _connection = connection;
        let mut sent = None;
        loop {
            let (state, text) = {
                let live = lock(&live);
                let state = (live.revision, live.pause, live.stop, live.asks.newest());
                let is_new = sent != Some(state);
                let event = || format!("event: control\ndata: {}\n\n", live.control());
                (state, is_new.then(event))
            };
            sent = Some(state);
            if let Some(text) = text
                && !reader.send(text).await
            {
                return;
            }
            if !reader.next(&mut changed).await {
                return;
            }
        }
    });
    response(pieces)
}
