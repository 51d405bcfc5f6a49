//! What is asked of a training of another program, and what it tells a server that does not know it.

use std::thread::Builder;

use serde_json::{Value, json};

use super::live::registration;
use super::serve;

#[test]
fn a_change_that_the_script_refuses_is_answered_so_and_leaves_the_plan_as_it_was() {
    let (_hub, _server, client) = serve();
    let mut register = registration("refuses", 0, 0);
    register["soon"] = json!(true);
    let id = client.post("/v1/live", &register).json()["id"].as_str().unwrap().to_owned();
    let mut control = client.stream(&format!("/v1/live/{id}/control"), "");
    assert_eq!((control.of("control")["revision"].as_u64(), client.get("/v1/runs").status), (Some(0), 200));
    let plan = || client.get(&format!("/v1/runs/{id}/rates?count=50")).json()["rates"].clone();
    let before = plan();
    let asking = {
        let (client, path) = (client.clone(), format!("/v1/runs/{id}/schedule"));
        Builder::new().name("asking".into()).spawn(move || client.put(&path, &json!({"factor": 2}))).unwrap()
    };
    let event = control.of("control");
    assert_eq!((event["revision"].as_u64(), event["soon"].as_bool()), (Some(1), Some(true)));
    let rows = json!({"first": 0, "rows": {}, "applied": [{"refused": 1, "reason": "the disk is full", "update": 0}]});
    client.post(&format!("/v1/live/{id}/rows"), &rows);
    let answer = asking.join().unwrap();
    assert!(answer.status == 409 && answer.error().contains("the disk is full"), "{answer:?}");
    assert_eq!(plan(), before);
}

#[test]
fn one_update_a_snapshot_and_a_fork_are_asked_of_the_script_where_it_obeys() {
    let (_hub, _server, client) = serve();
    let mut register = registration("asked", 0, 0);
    register["can"] = json!(["pause", "step", "snapshot"]);
    let id = client.post("/v1/live", &register).json()["id"].as_str().unwrap().to_owned();
    let mut control = client.stream(&format!("/v1/live/{id}/control"), "");
    assert_eq!(control.of("control")["asked"], json!([]));
    let mut events = client.stream("/v1/events", "");
    let order =
        |what: &str| client.post(&format!("/v1/runs/{id}/{what}"), &json!({"by": "me", "why": "to see"}));
    let fork = order("fork");
    assert!(fork.status == 409 && fork.error().contains("pause, step, snapshot"), "{fork:?}");
    let step = order("step");
    assert!(step.status == 409 && step.error().contains("pause first"), "{step:?}");
    assert_eq!(order("snapshot").status, 202);
    let asked = control.of("control")["asked"].clone();
    assert_eq!(
        (&asked[0]["id"], &asked[0]["what"], &asked[0]["by"]),
        (&json!(1), &json!("snapshot"), &json!("me"))
    );
    assert_eq!((order("pause").status, order("step").status), (202, 202));
    let asked = loop {
        let event = control.of("control");
        if event["asked"].as_array().unwrap().len() == 2 {
            break event;
        }
    };
    assert_eq!((&asked["asked"][1]["what"], &asked["pause"]), (&json!("step"), &json!(true)));
    let answered = json!([{"id": 1, "update": 3}, {"id": 2, "error": "no"}, {"id": 9, "update": 1}]);
    let rows = json!({"first": 0, "rows": {}, "answered": answered, "state": "paused"});
    assert_eq!(client.post(&format!("/v1/live/{id}/rows"), &rows).status, 200);
    assert_eq!(events.of("answered")["update"], 3);
    let about = client.get(&format!("/v1/runs/{id}")).json()["asked"].clone();
    assert_eq!((&about[0]["update"], &about[0]["refused"]), (&json!(3), &Value::Null));
    assert_eq!((&about[1]["update"], &about[1]["refused"]), (&Value::Null, &json!("no")));
}

#[test]
fn a_server_that_does_not_know_a_training_is_told_what_it_follows_and_what_was_changed() {
    let (_hub, _server, client) = serve();
    let mut register = registration("knows", 300, 7);
    register["bent"] = json!({"all": {"from": 200, "rates": [0.5, 0.25, 0.125]}});
    register["bent_numbers"] = json!({"momentum": {"from": 250, "value": 0.8}});
    register["numbers"] = json!(["momentum"]);
    register["asked"] = json!(4);
    register["changes"] = json!([{"revision": 7, "from": 200, "applied": 201, "late": true, "by": "me", "why": "it spikes", "at": 5.0}]);
    let id = client.post("/v1/live", &register).json()["id"].as_str().unwrap().to_owned();
    let rates = client.get(&format!("/v1/runs/{id}/rates?from=200&count=5")).json();
    assert_eq!(rates["rates"], json!([0.5, 0.25, 0.125, 0.125, 0.125]));
    let kept = client.get(&format!("/v1/runs/{id}/schedule")).json();
    assert_eq!((kept["revision"].as_u64(), kept["changes"].as_array().unwrap().len()), (Some(7), 1));
    assert_eq!(
        (&kept["changes"][0]["why"], &kept["changes"][0]["applied"]),
        (&json!("it spikes"), &json!(201))
    );
    let control = client.stream(&format!("/v1/live/{id}/control"), "").of("control");
    assert_eq!(control["numbers"], json!({"momentum": {"from": 300, "values": [0.8]}}));
    assert_eq!((control["release"].as_bool(), control["revision"].as_u64()), (Some(false), Some(7)));
}
