//! The document that describes the API says what the routes are, and its answers are as it says.

use std::collections::BTreeSet;

use anneal_studio::api::routes::{OPENAPI, ROUTES};
use serde_json::{Value, json};

use super::serve;

fn document() -> Value {
    serde_json::from_str(OPENAPI).expect("JSON")
}

#[test]
fn every_route_and_method_is_in_the_document_and_none_else() {
    let document = document();
    let described: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| (path.clone(), method.clone()))
        })
        .collect();
    let served: BTreeSet<(String, String)> = ROUTES
        .iter()
        .flat_map(|(path, methods, _)| {
            methods.iter().map(move |method| ((*path).to_owned(), (*method).to_owned()))
        })
        .collect();
    assert_eq!(served, described);
}

#[test]
fn each_path_s_parameters_are_described() {
    let document = document();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            let described = operation["parameters"].as_array().cloned().unwrap_or_default();
            for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                let is = |one: &Value| one["name"] == name && one["in"] == "path" && one["required"] == true;
                assert!(described.iter().any(is), "{path}: {name}");
            }
        }
    }
}

#[test]
fn methods_that_a_path_does_not_have_and_paths_that_are_none_say_so() {
    let (_hub, _server, client) = serve();
    assert_eq!(client.get("/v1/openapi.json").json(), document());
    for (path, methods, _) in ROUTES {
        let path = path.replace("{id}", "l1").replace("{order}", "pause");
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let has = methods.contains(&method.to_lowercase().as_str());
            if has && (path.ends_with("events") || path.ends_with("control")) {
                continue;
            }
            let status = client.send(method, &path, "").status;
            assert_eq!(status == 405, !has, "{method} {path}: {status}");
        }
    }
    let none = client.get("/v1/nothing");
    assert!(none.status == 404 && none.error().contains("openapi"), "{none:?}");
    assert_eq!(client.post("/v1/runs/l1/dance", &json!({})).status, 404);
}

/// Whether a value is as a schema of the document says, as far as this program's answers need it.
fn fits(document: &Value, schema: &Value, value: &Value, path: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let target = document.pointer(name.trim_start_matches('#')).expect("the referenced schema");
        return fits(document, target, value, path);
    }
    let types = match &schema["type"] {
        Value::String(one) => vec![one.clone()],
        Value::Array(many) => many.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
        _ => Vec::new(),
    };
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() || number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allowed = |one: &String| one == is || one == "number" && is == "integer";
    assert!(types.is_empty() || types.iter().any(allowed), "{path}: {value} is no {types:?}");
    if let Some(options) = schema["enum"].as_array() {
        assert!(options.contains(value), "{path}: {value} is none of {options:?}");
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{path}: no {name}");
    }
    if let Some(fields) = value.as_object().filter(|_| schema["properties"].is_object()) {
        for (name, value) in fields {
            let known = &schema["properties"][name];
            assert!(!known.is_null(), "{path}: {name} is not described");
            fits(document, known, value, &format!("{path}.{name}"));
        }
    }
    for (at, item) in value.as_array().into_iter().flatten().enumerate() {
        if schema["items"].is_object() {
            fits(document, &schema["items"], item, &format!("{path}[{at}]"));
        }
    }
}

#[test]
fn answers_are_as_the_document_says() {
    let document = document();
    let (_hub, _server, client) = serve();
    let register = json!({"session": "s", "name": "a run", "total": 100, "groups": [{"name": "all", "lr": 0.1}], "can": ["pause"]});
    let check = |name: &str, value: &Value| {
        fits(&document, &document["components"]["schemas"][name], value, name);
    };
    check("Registration", &register);
    let joined = client.post("/v1/live", &register);
    check("Joined", &joined.json());
    let id = joined.json()["id"].as_str().unwrap().to_owned();
    let rows = json!({"first": 0, "rows": {"update": [0, 1], "train_loss": [2.0, "nan"], "lr:all": [0.1, 0.1]}, "now": 2, "pace_s": 0.01});
    check("Rows", &rows);
    assert_eq!(client.post(&format!("/v1/live/{id}/rows"), &rows).status, 200);
    let change = json!({"factor": 0.5, "by": "a test", "why": "to see"});
    check("Change", &change);
    assert_eq!(client.put(&format!("/v1/runs/{id}/schedule"), &change).status, 202);
    check("Run", &client.get(&format!("/v1/runs/{id}")).json());
    check("Run", &client.get("/v1/runs").json()["runs"][0]);
    check("Series", &client.get(&format!("/v1/runs/{id}/series")).json());
    check("Schedule", &client.get(&format!("/v1/runs/{id}/schedule")).json());
    check("Rates", &client.get(&format!("/v1/runs/{id}/rates?count=5")).json());
    check("Control", &client.stream(&format!("/v1/live/{id}/control"), "").of("control"));
    check("Error", &client.get("/v1/runs/nobody").json());
}

#[test]
fn prometheus_is_given_the_newest_values_of_every_run_for_the_token() {
    let (_hub, _server, client) = serve();
    let register = json!({"session": "m", "name": "a \"run\"", "total": 100, "groups": [{"name": "all", "lr": 0.1}], "can": []});
    let id = client.post("/v1/live", &register).json()["id"].as_str().unwrap().to_owned();
    let rows =
        json!({"first": 0, "rows": {"update": [0, 1], "train_loss": [2.0, 1.5], "lr:all": [0.1, 0.25]}});
    assert_eq!(client.post(&format!("/v1/live/{id}/rows"), &rows).status, 200);
    let page = client.get("/metrics");
    assert_eq!(page.status, 200);
    let labels = format!("{{experiment=\"live\",run=\"a \\\"run\\\"\",replica=\"0\",id=\"{id}\"}}");
    for line in [
        format!("anneal_train_loss{labels} 1.5"),
        format!("anneal_learning_rate{labels} 0.25"),
        format!("anneal_updates_planned{labels} 100"),
        format!("anneal_divergences_total{labels} 0"),
    ] {
        assert!(page.body.contains(&line), "{line}\n{}", page.body);
    }
    let rows = json!({"first": 2, "rows": {"update": [2], "train_loss": ["nan"], "lr:all": [0.25]}});
    assert_eq!(client.post(&format!("/v1/live/{id}/rows"), &rows).status, 200);
    assert!(client.get("/metrics").body.contains(&format!("anneal_divergences_total{labels} 1")));
}
