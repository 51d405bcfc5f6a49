//! A table that every program reads: a row an update, with the numbers that update uses.

use super::recipe::Recipe;
use super::text::float;
use super::{Draft, pytorch};

/// A cell in quotes where it has to be.
fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

pub fn write(recipe: &Recipe<'_>) -> Draft {
    let mut columns: Vec<&str> = Vec::new();
    for name in recipe.run.optimizer.kind.momentum_name().into_iter().chain(["weight_decay"]) {
        if recipe.run.optimizer.get(name).is_some() {
            columns.push(name);
        }
    }
    for varying in &recipe.varying {
        if !columns.contains(&varying.name) {
            columns.push(varying.name);
        }
    }
    let mut text = String::from("update,lr");
    for column in columns.iter().copied().chain(recipe.batches.is_some().then_some("batch")) {
        text.push(',');
        text.push_str(column);
    }
    for group in &recipe.groups {
        text.push_str(&format!(",{}", cell(&format!("lr:{}", group.name))));
    }
    text.push('\n');
    for (update, rate) in (0_u64..).zip(&recipe.drawn) {
        text.push_str(&format!("{update},{}", float(*rate)));
        for column in &columns {
            let value =
                recipe.varying(column).map_or_else(|| recipe.number(column), |found| found.track.at(update));
            text.push(',');
            text.push_str(&float(value));
        }
        if recipe.batches.is_some() {
            text.push_str(&format!(",{}", recipe.samples(update)));
        }
        for group in &recipe.groups {
            text.push_str(&format!(",{}", float(group.at(update, *rate))));
        }
        text.push('\n');
    }
    recipe.says_everything();
    Draft {
        text,
        predicted: recipe.drawn.clone(),
        table: Some("a row for each update".to_owned()),
        approximated: "",
        notes: recipe.notes(super::recipe::Carries {
            clipping: false,
            accumulation: false,
            layer_decay: false,
            batches: true,
            ..pytorch::CARRIES
        }),
    }
}
