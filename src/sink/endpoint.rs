//! A small HTTP server with one page, `/metrics`, for Prometheus to scrape.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::exposition::CONTENT_TYPE;
use super::prometheus::Page;

/// A request's head at most.
const LONGEST_REQUEST: usize = 16 << 10;
/// How long a client may take to ask and to read.
const PATIENCE: Duration = Duration::from_secs(2);

/// Serves the page until it is dropped.
pub struct Endpoint {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    scrapes: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Endpoint {
    /// # Errors
    /// When the address cannot be listened on, or the system gives no thread.
    pub fn serve(address: SocketAddr, page: Page) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let (stop, scrapes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let work = {
            let (stop, scrapes) = (Arc::clone(&stop), Arc::clone(&scrapes));
            move || {
                for client in listener.incoming() {
                    if stop.load(Ordering::Acquire) {
                        return;
                    }
                    // One client at a time, and each for a bounded time: nobody can keep the page from others long.
                    if let Ok(client) = client
                        && answer(client, &page).unwrap_or(false)
                    {
                        scrapes.fetch_add(1, Ordering::AcqRel);
                    }
                }
            }
        };
        let thread = Builder::new().name("metrics".to_owned()).spawn(work)?;
        Ok(Self { address, stop, scrapes, thread: Some(thread) })
    }

    /// Where it listens; the port is the one the system gave where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How often the page was asked for so far.
    pub fn scrapes(&self) -> u64 {
        self.scrapes.load(Ordering::Acquire)
    }

    /// Waits until the page was asked for more often than `before`, but no longer than this; whether it was.
    pub fn wait_for_scrape(&self, before: u64, patience: Duration) -> bool {
        let start = Instant::now();
        while start.elapsed() < patience {
            if self.scrapes() > before {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // The thread waits for a client.
        let host = if self.address.ip().is_unspecified() { "127.0.0.1" } else { "" };
        let wake = match host {
            "" => TcpStream::connect_timeout(&self.address, PATIENCE),
            host => TcpStream::connect((host, self.address.port())),
        };
        if wake.is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

/// Answers one request; whether it was for the page.
fn answer(mut client: TcpStream, page: &Page) -> io::Result<bool> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let start = Instant::now();
    let mut request = Vec::new();
    let mut part = [0; 1024];
    while !request.windows(4).any(|four| four == b"\r\n\r\n") {
        if request.len() > LONGEST_REQUEST || start.elapsed() > PATIENCE {
            return Ok(false);
        }
        match client.read(&mut part)? {
            0 => return Ok(false),
            count => request.extend_from_slice(&part[..count]),
        }
    }
    let head = String::from_utf8_lossy(&request);
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    let is_page = path == "/metrics";
    let (status, kind, body) = match method {
        "GET" | "HEAD" if is_page => ("200 OK", CONTENT_TYPE, page.render()),
        "GET" | "HEAD" => ("404 Not Found", "text/plain", "the metrics are at /metrics\n".to_owned()),
        _ => ("405 Method Not Allowed", "text/plain", "only GET\n".to_owned()),
    };
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    client.write_all(answer.as_bytes())?;
    if method != "HEAD" {
        client.write_all(body.as_bytes())?;
    }
    client.flush()?;
    Ok(is_page && method == "GET")
}
