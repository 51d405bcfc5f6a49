//! A client as small as it can be: requests over TCP, and streams of events.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The sentence that says why not.
    pub fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }
}

#[derive(Clone, Debug)]
pub struct Client {
    pub address: SocketAddr,
    pub token: String,
}

impl Client {
    pub fn new(address: SocketAddr, token: &str) -> Self {
        Self { address, token: token.to_owned() }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &body.to_string())
    }

    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, &body.to_string())
    }

    pub fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        let token = &self.token;
        let headers = format!("Host: {}\r\nAuthorization: Bearer {token}\r\n", self.address);
        raw(self.address, &request(method, path, &headers, body)).expect("an answer")
    }

    /// A stream of events, to be read one by one.
    pub fn stream(&self, path: &str, headers: &str) -> Events {
        let mut stream = TcpStream::connect(self.address).expect("connected");
        let token = &self.token;
        let head = format!("Host: {}\r\nAuthorization: Bearer {token}\r\n{headers}", self.address);
        stream.write_all(request("GET", path, &head, "").as_bytes()).expect("sent");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        Events { lines: BufReader::new(stream) }
    }
}

pub fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// Sends bytes and reads the answer to its end; nothing where the connection was closed without one.
pub fn raw(address: SocketAddr, bytes: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    // A refusal may come, and the connection go, before all is sent.
    let _ = stream.write_all(bytes.as_bytes());
    read(stream)
}

/// Reads an answer to its end.
pub fn read(mut stream: TcpStream) -> Option<Answer> {
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head: head.to_lowercase(), body: body.to_owned() })
}

/// A stream of events.
pub struct Events {
    lines: BufReader<TcpStream>,
}

impl Events {
    /// The next event: its number, its kind and its data; nothing when the stream has ended.
    pub fn next(&mut self) -> Option<(Option<u64>, String, Value)> {
        let (mut id, mut kind, mut data) = (None, String::new(), None);
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end();
            if let Some(value) = line.strip_prefix("id: ") {
                id = value.parse().ok();
            } else if let Some(value) = line.strip_prefix("event: ") {
                value.clone_into(&mut kind);
            } else if let Some(value) = line.strip_prefix("data: ") {
                data = Some(serde_json::from_str(value).expect("JSON"));
            } else if line.is_empty()
                && let Some(data) = data.take()
            {
                return Some((id, kind, data));
            }
        }
    }

    /// The next line, whatever it says.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// The next event of this kind.
    pub fn of(&mut self, wanted: &str) -> Value {
        loop {
            let (_, kind, data) = self.next().expect("an event");
            if kind == wanted {
                return data;
            }
        }
    }
}
