//! Who may not come in does not, and costs nothing.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use super::client::{Answer, Client, raw, read, request};
use super::{TOKEN, serve};

/// Resident memory of this process, in MiB.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() >> 10
}

fn with(client: &Client, headers: &str) -> Answer {
    raw(client.address, &request("GET", "/v1/runs", headers, "")).expect("an answer")
}

#[test]
fn without_the_token_or_with_a_wrong_one_nothing_is_told() {
    let (_hub, _server, client) = serve();
    let host = format!("Host: {}\r\n", client.address);
    for token in
        ["", "Authorization: Bearer \r\n", "Authorization: Bearer 0123\r\n", "Authorization: Basic x\r\n"]
    {
        let answer = with(&client, &format!("{host}{token}"));
        assert_eq!(answer.status, 401, "{token}: {answer:?}");
        assert!(!answer.body.contains("runs"), "{answer:?}");
    }
    let wrong = format!("{host}Authorization: Bearer {}x\r\n", &TOKEN[..TOKEN.len() - 1]);
    assert_eq!(with(&client, &wrong).status, 401);
    assert_eq!(client.get("/v1/runs").status, 200);
    // What names no run is open to all who are on this machine.
    let open = raw(client.address, &request("GET", "/v1", &host, "")).unwrap();
    assert_eq!((open.status, open.json()["api"].as_u64()), (200, Some(1)));
}

#[test]
fn a_name_that_was_made_to_lead_here_is_refused_with_the_token_too() {
    let (_hub, _server, client) = serve();
    let port = client.address.port();
    for host in ["evil.example".to_owned(), format!("evil.example:{port}"), "127.0.0.1".to_owned()] {
        let answer = with(&client, &format!("Host: {host}\r\nAuthorization: Bearer {TOKEN}\r\n"));
        assert_eq!(answer.status, 421, "{host}");
    }
    let none = with(&client, &format!("Authorization: Bearer {TOKEN}\r\n"));
    assert_eq!(none.status, 421);
    let local = with(&client, &format!("Host: localhost:{port}\r\nAuthorization: Bearer {TOKEN}\r\n"));
    assert_eq!(local.status, 200);
}

#[test]
fn a_web_page_is_refused_whatever_it_knows_and_may_read_nothing() {
    let (_hub, _server, client) = serve();
    for method in ["GET", "POST", "OPTIONS"] {
        let headers = format!(
            "Host: {}\r\nAuthorization: Bearer {TOKEN}\r\nOrigin: http://evil.example\r\n\
             Access-Control-Request-Method: PUT\r\n",
            client.address
        );
        let answer = raw(client.address, &request(method, "/v1/runs", &headers, "")).unwrap();
        assert_eq!(answer.status, 403, "{method}");
        assert!(!answer.head.contains("access-control"), "{}", answer.head);
    }
    let fine = client.get("/v1/runs");
    assert!(!fine.head.contains("access-control"), "{}", fine.head);
}

#[test]
fn a_huge_body_is_refused_by_its_length_and_one_without_a_length_when_it_gets_too_long() {
    let (_hub, _server, client) = serve();
    let head = format!(
        "POST /v1/live HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 99999999999\r\n\r\n",
        client.address
    );
    assert_eq!(raw(client.address, &head).unwrap().status, 413);
    let mut stream = TcpStream::connect(client.address).unwrap();
    let head = format!(
        "POST /v1/live HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        client.address
    );
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, " ".repeat(1 << 20));
    let mut sent = 0;
    while sent < 64 && stream.write_all(chunk.as_bytes()).is_ok() {
        sent += 1;
    }
    assert!(sent < 64, "it took all of {sent} MiB");
    // A stranger's body is not even begun.
    let stranger =
        format!("POST /v1/live HTTP/1.1\r\nHost: {}\r\nContent-Length: 99999999999\r\n\r\n", client.address);
    assert_eq!(raw(client.address, &stranger).unwrap().status, 401);
    assert_eq!(client.get("/v1/runs").status, 200);
}

#[test]
fn a_head_or_a_body_that_never_ends_is_cut_off_while_others_are_answered() {
    let (_hub, _server, client) = serve();
    let start = Instant::now();
    let slow: Vec<TcpStream> = (0..20)
        .map(|at| {
            let mut stream = TcpStream::connect(client.address).unwrap();
            let begun = if at % 2 == 0 {
                "GET /v1/runs HTTP/1.1\r\nX-Slow: ".to_owned()
            } else {
                let host = client.address;
                format!("POST /v1/live HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 100\r\n\r\n{{")
            };
            stream.write_all(begun.as_bytes()).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            stream
        })
        .collect();
    assert_eq!(client.get("/v1/runs").status, 200);
    for (at, mut stream) in slow.into_iter().enumerate() {
        // A byte now and then does not help.
        let _ = stream.write_all(b"x");
        if at % 2 == 0 {
            let mut rest = Vec::new();
            let ended = stream.read_to_end(&mut rest);
            assert!(
                ended.is_ok() || !rest.is_empty() || start.elapsed() < Duration::from_secs(60),
                "still open"
            );
        } else {
            stream.shutdown(std::net::Shutdown::Write).ok();
            let answer = read(stream);
            assert!(answer.is_none_or(|answer| answer.status >= 400));
        }
    }
    assert!(start.elapsed() < Duration::from_secs(60), "they held on for {:?}", start.elapsed());
    assert_eq!(client.get("/v1/runs").status, 200);
}

#[test]
fn a_body_that_stops_half_way_is_answered_after_its_time() {
    let (_hub, _server, client) = serve();
    let mut stream = TcpStream::connect(client.address).unwrap();
    let host = client.address;
    let begun = format!(
        "POST /v1/live HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 100\r\n\r\n{{"
    );
    stream.write_all(begun.as_bytes()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let answer = read(stream).expect("an answer");
    assert_eq!(answer.status, 408, "{answer:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_flood_is_answered_429_with_bounded_memory_and_keeps_no_friend_out() {
    let (_hub, _server, client) = serve();
    let before = resident();
    let one =
        format!("GET /v1/runs HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer wrong\r\n\r\n", client.address);
    let flood = one.repeat(100);
    let floods: Vec<_> = (0..8)
        .map(|at| {
            let (address, flood) = (client.address, flood.clone());
            let name = format!("flood-{at}");
            std::thread::Builder::new()
                .name(name)
                .spawn(move || {
                    let mut refused = 0;
                    for _ in 0..25 {
                        let Ok(mut stream) = TcpStream::connect(address) else { continue };
                        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                        let _ = stream.write_all(flood.as_bytes());
                        stream.shutdown(std::net::Shutdown::Write).ok();
                        let mut text = Vec::new();
                        let _ = stream.read_to_end(&mut text);
                        let text = String::from_utf8_lossy(&text);
                        refused += text.matches("HTTP/1.1 429").count();
                    }
                    refused
                })
                .unwrap()
        })
        .collect();
    // Somebody who knows the token is answered meanwhile.
    let mut answered = 0;
    for _ in 0..50 {
        answered += usize::from(client.get("/v1/runs").status == 200);
    }
    let refused: usize = floods.into_iter().map(|flood| flood.join().unwrap()).sum();
    assert!(refused > 10_000, "{refused} of 20,000 requests were refused for being too many");
    assert_eq!(answered, 50);
    let grown = resident().saturating_sub(before);
    assert!(grown < 200, "memory grew by {grown} MiB");
}

#[test]
fn one_who_knows_the_token_is_slowed_down_too_and_told_when_to_come_again() {
    let (_hub, _server, client) = serve();
    let host = client.address;
    let one = format!("GET /v1 HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    let mut stream = TcpStream::connect(client.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let flood = std::thread::Builder::new().name("flood".into()).spawn(move || {
        for _ in 0..200 {
            if writer.write_all(one.repeat(100).as_bytes()).is_err() {
                break;
            }
        }
        writer.shutdown(std::net::Shutdown::Write).ok();
    });
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    flood.unwrap().join().unwrap();
    let text = String::from_utf8_lossy(&text).to_lowercase();
    assert!(
        text.contains("http/1.1 429") && text.contains("retry-after: 1"),
        "{}",
        &text[text.len() - 500..]
    );
}

#[test]
fn a_schedule_in_a_request_reads_no_file_of_this_machine() {
    let (_hub, _server, client) = serve();
    let joined = client
        .post("/v1/live", &json!({"session": "s", "total": 10, "groups": [{"name": "all", "lr": 0.1}]}));
    assert_eq!(joined.status, 201, "{joined:?}");
    let path = format!("/v1/runs/{}/schedule", joined.json()["id"].as_str().unwrap());
    let answer = client.put(&path, &json!({"schedule": {"kind": "table", "file": "/etc/passwd"}}));
    assert_eq!(answer.status, 422);
    assert!(
        answer.error().contains("no file is read") && !answer.error().contains("root"),
        "{}",
        answer.error()
    );
}
