//! Who may come in: nobody without the token, no web page, and nobody too often.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::hub::lock;

/// The largest body, and how long it may take to arrive.
pub const MAX_BODY: usize = 8 << 20;
const BODY_TIME: Duration = Duration::from_secs(10);
/// Requests a second and in a burst, of those who know the token, and of all others together: a stranger who
/// floods the door keeps nobody out.
const FRIENDS: (f64, f64) = (500.0, 1000.0);
const STRANGERS: (f64, f64) = (50.0, 100.0);

/// So many requests a second, and a few more at once.
#[derive(Debug)]
struct Bucket {
    left: f64,
    filled: Instant,
    rate: f64,
    most: f64,
}

impl Bucket {
    fn new((rate, most): (f64, f64), now: Instant) -> Self {
        Self { left: most, filled: now, rate, most }
    }

    /// Takes one; otherwise the seconds until there is one.
    fn take(&mut self, now: Instant) -> Result<(), u64> {
        let since = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = now;
        self.left = (self.left + since * self.rate).min(self.most);
        if self.left < 1.0 {
            return Err(((1.0 - self.left) / self.rate).ceil().max(1.0) as u64);
        }
        self.left -= 1.0;
        Ok(())
    }
}

/// What a request is held against.
#[derive(Clone)]
pub struct Guard {
    token: Arc<str>,
    /// The port, and the address where it is not on the loopback.
    port: u16,
    address: IpAddr,
    buckets: Arc<Mutex<(Bucket, Bucket)>>,
}

impl Guard {
    pub fn new(token: &str, address: IpAddr, port: u16, now: Instant) -> Self {
        let buckets = (Bucket::new(FRIENDS, now), Bucket::new(STRANGERS, now));
        Self { token: token.into(), port, address, buckets: Arc::new(Mutex::new(buckets)) }
    }

    /// Whether the host is one that this server has: a name that a web page made to lead here is not.
    fn is_ours(&self, host: Option<&HeaderValue>) -> bool {
        let Some(host) = host.and_then(|host| host.to_str().ok()) else { return false };
        let Some((name, port)) = host.rsplit_once(':') else { return false };
        if port.parse() != Ok(self.port) {
            return false;
        }
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let address: Option<IpAddr> = name.parse().ok();
        name.eq_ignore_ascii_case("localhost")
            || address.is_some_and(|address| address.is_loopback() || address == self.address)
            // Listening everywhere it has every address of the machine, but never a name.
            || address.is_some() && self.address.is_unspecified()
    }

    /// Whether the request carries the token; compared whole, so that time tells nothing of it.
    fn is_known(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
        let given = given.strip_prefix(b"Bearer ").unwrap_or_default();
        let token = self.token.as_bytes();
        let differs = given.iter().zip(token).fold(0, |differs, (a, b)| differs | (a ^ b));
        given.len() == token.len() && differs == 0
    }

    fn admit(&self, request: &Request, now: Instant) -> Result<(), Box<Response>> {
        let headers = request.headers();
        let known = self.is_known(headers);
        let (friends, strangers) = &mut *lock(&self.buckets);
        let taken = if known { friends.take(now) } else { strangers.take(now) };
        if let Err(seconds) = taken {
            let mut response = refuse(StatusCode::TOO_MANY_REQUESTS, "too many requests: wait a little");
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            return Err(Box::new(response));
        }
        if !self.is_ours(headers.get(header::HOST)) {
            let why = "the Host header names another server: only addresses of this one are answered";
            return Err(Box::new(refuse(StatusCode::MISDIRECTED_REQUEST, why)));
        }
        if headers.contains_key(header::ORIGIN) {
            let why = "web pages are not answered: the request has an Origin header";
            return Err(Box::new(refuse(StatusCode::FORBIDDEN, why)));
        }
        let is_public = matches!(request.uri().path(), "/v1" | "/v1/openapi.json");
        if !known && !is_public {
            let why = "the token is missing or wrong: send `Authorization: Bearer TOKEN`; the studio shows where it is";
            let mut response = refuse(StatusCode::UNAUTHORIZED, why);
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return Err(Box::new(response));
        }
        let length =
            headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: u64| length > MAX_BODY as u64) {
            return Err(Box::new(too_large()));
        }
        Ok(())
    }
}

/// Lets a request in with its whole body, or refuses it.
pub async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    if let Err(refusal) = guard.admit(&request, Instant::now()) {
        return *refusal;
    }
    let (parts, body) = request.into_parts();
    let body = match tokio::time::timeout(BODY_TIME, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return too_large(),
        Err(_) => {
            return refuse(StatusCode::REQUEST_TIMEOUT, "the body did not arrive within 10 seconds");
        }
    };
    next.run(Request::from_parts(parts, Body::from(body))).await
}

fn too_large() -> Response {
    refuse(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 8 MiB")
}

/// An answer that says why not.
pub fn refuse(status: StatusCode, why: &str) -> Response {
    (status, axum::Json(json!({ "error": why }))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_ours(address: &str, host: &str) -> bool {
        let address = address.parse().expect("an address");
        let guard = Guard::new("token", address, 7117, Instant::now());
        guard.is_ours(Some(&HeaderValue::from_str(host).expect("a header")))
    }

    #[test]
    fn only_names_and_addresses_of_the_loopback_are_ours() {
        for host in ["127.0.0.1:7117", "localhost:7117", "LOCALHOST:7117", "[::1]:7117"] {
            assert!(is_ours("127.0.0.1", host), "{host}");
        }
        for host in
            ["evil.example:7117", "127.0.0.1:80", "127.0.0.1", "127.0.0.1.evil.example:7117", "", "[::1]"]
        {
            assert!(!is_ours("127.0.0.1", host), "{host}");
        }
        assert!(is_ours("10.0.0.5", "10.0.0.5:7117") && !is_ours("10.0.0.5", "10.0.0.6:7117"));
        assert!(is_ours("0.0.0.0", "10.0.0.6:7117") && !is_ours("0.0.0.0", "evil.example:7117"));
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new((10.0, 3.0), start);
        for _ in 0..3 {
            assert_eq!(bucket.take(start), Ok(()));
        }
        assert_eq!(bucket.take(start), Err(1));
        let later = start + Duration::from_millis(250);
        assert_eq!((bucket.take(later), bucket.take(later), bucket.take(later)), (Ok(()), Ok(()), Err(1)));
    }
}
