//! The API against the real server, over TCP.

mod asked;
pub mod client;
mod live;
mod openapi;
mod own;
mod security;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anneal_studio::api::{Hub, Options, Server};
use client::Client;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A server on a free port of the loopback.
fn serve() -> (Arc<Hub>, Server, Client) {
    serve_at("127.0.0.1:0".parse().unwrap())
}

fn serve_at(address: SocketAddr) -> (Arc<Hub>, Server, Client) {
    let hub = Arc::new(Hub::default());
    let options = Options { listen: Some(address), token: Some(TOKEN.to_owned()), door: None };
    let server = Server::start(Arc::clone(&hub), options).expect("a server");
    let client = Client::new(server.address(), TOKEN);
    (hub, server, client)
}

/// Waits until it holds, or fails after a time that is long enough for any machine.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} did not come");
        std::thread::sleep(Duration::from_millis(2));
    }
}
