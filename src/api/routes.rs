//! The routes of the API: each a row of the table that the OpenAPI document is held against.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant as Moment, timeout_at};

use super::change::{Change, Reason};
use super::describe::{BUCKETS, Range};
use super::guard::refuse;
use super::hub::{Hub, Outcome, Shared, lock};
use super::refused::Refused;
use super::register::Registration;
use super::rows::Rows;
use super::stream;
use crate::sink::CONTENT_TYPE;

/// How long the owner of our runs may take to answer.
const ANSWERED: Duration = Duration::from_secs(5);
/// How long a training may take to say where it begins a change.
const BEGUN: Duration = Duration::from_secs(2);
/// The OpenAPI document.
pub const OPENAPI: &str = include_str!("openapi.json");

type Api = State<Arc<Hub>>;
type Answer = Result<Response, Refused>;

/// A path with what answers it; the methods are those of the document.
type Route = (&'static str, &'static [&'static str], fn() -> MethodRouter<Arc<Hub>>);

/// Every route.
pub const ROUTES: [Route; 14] = [
    ("/v1", &["get"], || get(root)),
    ("/v1/openapi.json", &["get"], || get(openapi)),
    ("/v1/runs", &["get"], || get(runs)),
    ("/v1/runs/{id}", &["get"], || get(run)),
    ("/v1/runs/{id}/series", &["get"], || get(series)),
    ("/v1/runs/{id}/schedule", &["get", "put"], || get(schedule).put(change)),
    ("/v1/runs/{id}/rates", &["get"], || get(rates)),
    ("/v1/runs/{id}/events", &["get"], || get(run_events)),
    ("/v1/runs/{id}/{order}", &["post"], || post(order)),
    ("/v1/events", &["get"], || get(events)),
    ("/metrics", &["get"], || get(metrics)),
    ("/v1/live", &["post"], || post(register)),
    ("/v1/live/{id}/rows", &["post"], || post(rows)),
    ("/v1/live/{id}/control", &["get"], || get(control)),
];

/// All of them over a hub.
pub fn router(hub: Arc<Hub>) -> Router {
    let all = ROUTES.iter().fold(Router::new(), |router, (path, _, answer)| router.route(path, answer()));
    all.fallback(|| async {
        refuse(StatusCode::NOT_FOUND, "there is nothing at this path: see /v1/openapi.json")
    })
    .method_not_allowed_fallback(|| async {
        refuse(StatusCode::METHOD_NOT_ALLOWED, "this path does not have that method: see /v1/openapi.json")
    })
    .with_state(hub)
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        refuse(status, &self.to_string())
    }
}

fn ok(value: Value) -> Response {
    axum::Json(value).into_response()
}

fn accepted(value: Value) -> Response {
    (StatusCode::ACCEPTED, axum::Json(value)).into_response()
}

async fn root() -> Response {
    let version = env!("CARGO_PKG_VERSION");
    ok(json!({"program": "anneal-studio", "version": version, "api": 1, "openapi": "/v1/openapi.json"}))
}

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

async fn metrics(State(hub): Api) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], super::metrics::page(&hub, Instant::now())).into_response()
}

async fn runs(State(hub): Api) -> Response {
    ok(hub.runs(Instant::now()))
}

async fn run(State(hub): Api, Path(id): Path<String>) -> Answer {
    hub.run(&id, Instant::now()).map(ok)
}

/// A query that cannot be read, as a refusal.
fn query<T>(query: Result<Query<T>, axum::extract::rejection::QueryRejection>) -> Result<T, Refused> {
    query
        .map(|Query(query)| query)
        .map_err(|error| Refused::Unreadable(format!("the query cannot be read: {}", error.body_text())))
}

#[derive(Deserialize)]
struct SeriesQuery {
    columns: Option<String>,
    points: Option<u32>,
    from: Option<u64>,
    to: Option<u64>,
}

type Queried<T> = Result<Query<T>, axum::extract::rejection::QueryRejection>;

async fn series(State(hub): Api, Path(id): Path<String>, asked: Queried<SeriesQuery>) -> Answer {
    let asked = query(asked)?;
    let columns = asked.columns.unwrap_or_default();
    let columns = columns.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let points = asked.points.unwrap_or(500) as usize;
    if !(1..=BUCKETS).contains(&points) {
        return Err(Refused::Unreadable(format!("1 to {BUCKETS} points are given at once")));
    }
    let wanted = Range { columns, points, from: asked.from.unwrap_or(0), to: asked.to.unwrap_or(u64::MAX) };
    hub.series(&id, &wanted).map(ok)
}

async fn schedule(State(hub): Api, Path(id): Path<String>) -> Answer {
    hub.schedule(&id).map(ok)
}

#[derive(Deserialize)]
struct RatesQuery {
    revision: Option<u64>,
    group: Option<String>,
    from: Option<u64>,
    count: Option<u64>,
}

async fn rates(State(hub): Api, Path(id): Path<String>, asked: Queried<RatesQuery>) -> Answer {
    let asked = query(asked)?;
    let group = asked.group.unwrap_or_else(|| "all".to_owned());
    hub.rates(&id, asked.revision, &group, asked.from.unwrap_or(0), asked.count.unwrap_or(4096)).map(ok)
}

async fn change(State(hub): Api, Path(id): Path<String>, body: Bytes) -> Answer {
    let change = Change::read(&body)?;
    let outcome = hub.change(&id, change, Instant::now())?;
    finish(&hub, outcome).await
}

async fn order(State(hub): Api, Path((id, verb)): Path<(String, String)>, body: Bytes) -> Answer {
    if !["pause", "resume", "stop", "step", "snapshot", "fork"].contains(&verb.as_str()) {
        let why = "there is nothing at this path: see /v1/openapi.json";
        return Err(Refused::Unknown(why.to_owned()));
    }
    let reason = Reason::read(&body)?;
    let outcome = hub.order(&id, &verb, reason, Instant::now())?;
    finish(&hub, outcome).await
}

/// Waits for the owner of our runs, where it is theirs to say.
async fn finish(hub: &Hub, outcome: Outcome) -> Answer {
    let (answer, is_change) = match outcome {
        Outcome::Done(value) => return Ok(accepted(value)),
        Outcome::Soon(live, revision) => return begun(hub, &live, revision).await,
        Outcome::Pending(answer, is_change) => (answer, is_change),
    };
    match tokio::time::timeout(ANSWERED, answer).await {
        Ok(Ok(answer)) => answer.map(|done| {
            accepted(match is_change {
                true => json!({"revision": done.generation, "from": done.update}),
                false => json!({"update": done.update}),
            })
        }),
        Ok(Err(_)) => Err(Refused::Busy("whoever owns the runs ended before it was done".to_owned())),
        Err(_) => Err(Refused::Busy("the studio did not answer within 5 seconds".to_owned())),
    }
}

/// Waits for the training to say at which update it begins a change; one that is silent is told where it may begin.
async fn begun(hub: &Hub, live: &Shared, revision: u64) -> Answer {
    let mut changed = hub.watch();
    let until = Moment::now() + BEGUN;
    loop {
        let made = lock(live).made(revision).cloned();
        let Some(made) = made else { return Err(Refused::Busy("too many changes came after it".to_owned())) };
        if let Some(reason) = made.refused {
            return Err(Refused::Conflict(format!("its script refused: {reason}")));
        }
        if !made.soon || !matches!(timeout_at(until, changed.changed()).await, Ok(Ok(()))) {
            return Ok(accepted(json!({"revision": revision, "from": made.from})));
        }
    }
}

fn last_seen(headers: &HeaderMap) -> Option<u64> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}

async fn events(State(hub): Api, headers: HeaderMap) -> Response {
    stream::events(hub, None, last_seen(&headers))
}

async fn run_events(State(hub): Api, Path(id): Path<String>, headers: HeaderMap) -> Answer {
    hub.run(&id, Instant::now())?;
    Ok(stream::events(hub, Some(id), last_seen(&headers)))
}

async fn register(State(hub): Api, body: Bytes) -> Answer {
    let about = Registration::read(&body)?;
    let (known, answer) = hub.register(about, Instant::now())?;
    let status = if known { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, axum::Json(answer)).into_response())
}

async fn rows(State(hub): Api, Path(id): Path<String>, body: Bytes) -> Answer {
    let rows = Rows::read(&body)?;
    hub.take(&id, &rows, Instant::now()).map(ok)
}

async fn control(State(hub): Api, Path(id): Path<String>) -> Answer {
    let live = hub.find(&id).ok_or_else(|| super::hub::no_such(&id))?;
    Ok(stream::control(hub, live))
}
