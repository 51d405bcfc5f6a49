//! A table of one's own, column by column: what each is taken for, what is missing, and the first rows.

use std::sync::Arc;

use eframe::egui::{Align, Button, Grid, Id, Label, Layout, Popup, Response, RichText, ScrollArea, Ui, vec2};

use crate::data::{CellKind, ColumnReport, ColumnRole, ColumnUse, ColumnUses, Dataset, TableReport};
use crate::ui::format;
use crate::ui::theme::{self, metrics};

/// Columns that are listed; more are counted.
const LISTED: usize = 40;
/// Rows that are shown.
const ROWS: usize = 5;
/// The longest cell, in characters.
const CELL: usize = 14;

/// What was chosen for a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chosen {
    Predict,
    /// As its cells suggest.
    Plain,
    As(ColumnUse),
}

const CHOICES: [(&str, Chosen); 6] = [
    ("Predict", Chosen::Predict),
    ("Input, as its cells suggest", Chosen::Plain),
    ("Input, as numbers", Chosen::As(ColumnUse::Number)),
    ("Input, as text", Chosen::As(ColumnUse::Text)),
    ("Input, as dates", Chosen::As(ColumnUse::Date)),
    ("Leave out", Chosen::As(ColumnUse::Skip)),
];

/// Shows what became of a table, and takes what is chosen for its columns.
pub fn show(ui: &mut Ui, report: &TableReport, label: &mut String, uses: &mut ColumnUses) {
    let rows = format::count(report.rows as u64);
    let used = format::count(report.rows_used as u64);
    let text = if report.rows_left_out() == 0 {
        format!("All {rows} rows are used.")
    } else {
        format!("{used} of {rows} rows are used.")
    };
    ui.label(text);
    let chosen = columns(ui, report, |response, column| {
        let hinted = match &column.role {
            ColumnRole::LeftOut(reason) => response.on_hover_text(format!("`{}` {reason}.", column.name)),
            _ => response.on_hover_text(format!("Click to say what \"{}\" is.", column.name)),
        };
        menu(&hinted)
    });
    if let Some((name, choice)) = chosen {
        match choice {
            Chosen::Predict => {
                uses.remove(&name);
                *label = name;
            }
            Chosen::Plain => {
                uses.remove(&name);
            }
            Chosen::As(is) => {
                uses.insert(name, is);
            }
        }
    }
    first_rows(ui, report);
    for sentence in report.sentences() {
        ui.add(Label::new(theme::caption(ui, sentence)).wrap());
    }
}

/// The columns of a file that is only named yet; the one that was clicked.
pub fn pick(ui: &mut Ui, path: &str) -> Option<String> {
    type Known = (String, Result<Arc<TableReport>, String>);
    let id = Id::unique("table preview");
    let known = ui.data(|data| data.get_temp::<Known>(id)).filter(|(of, _)| of == path);
    let (_, report) = known.unwrap_or_else(|| {
        let read = Dataset::inspect_table(path.as_ref(), &ColumnUses::new());
        let read = read.map(Arc::new).map_err(|error| error.to_string());
        let known = (path.to_owned(), read);
        ui.data_mut(|data| data.insert_temp(id, known.clone()));
        known
    });
    match report {
        Err(error) => {
            ui.add(Label::new(theme::caption(ui, error)).wrap());
            None
        }
        Ok(report) => {
            ui.label(theme::caption(ui, "Its columns; click the one to predict"));
            let chosen = columns(ui, &report, |response, _| response.clicked().then_some(Chosen::Predict));
            first_rows(ui, &report);
            chosen.map(|(name, _)| name)
        }
    }
}

/// A line a column: its name, what its cells are and are to the model, and how many are missing; the one for which
/// something was chosen.
fn columns(
    ui: &mut Ui,
    report: &TableReport,
    mut choose: impl FnMut(Response, &ColumnReport) -> Option<Chosen>,
) -> Option<(String, Chosen)> {
    let mut chosen = None;
    Grid::new("columns of the table").num_columns(3).spacing(vec2(metrics::S, 0.0)).show(ui, |ui| {
        ui.label(theme::caption(ui, "Column"));
        ui.label(theme::caption(ui, "Cells"));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(theme::caption(ui, "Missing")));
        ui.end_row();
        for column in report.columns.iter().take(LISTED) {
            let left_out = matches!(column.role, ColumnRole::LeftOut(_) | ColumnRole::Skipped);
            let tokens = theme::tokens(ui);
            let color = if left_out { tokens.muted } else { tokens.text };
            let font = if column.role == ColumnRole::Label { theme::medium() } else { theme::body() };
            let name = RichText::new(short(&column.name)).color(color).font(font);
            let response = ui.add(Button::new(name).frame(false).min_size(vec2(0.0, metrics::CONTROL)));
            if let Some(choice) = choose(response, column) {
                chosen = Some((column.name.clone(), choice));
            }
            ui.label(theme::caption(ui, role(column)));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let missing =
                    if column.missing == 0 { "–".to_owned() } else { format::count(column.missing as u64) };
                ui.label(theme::value(ui, missing));
            });
            ui.end_row();
        }
    });
    let more = report.columns.len().saturating_sub(LISTED);
    if more > 0 {
        ui.label(theme::caption(ui, format!("and {more} more columns")));
    }
    chosen
}

fn role(column: &ColumnReport) -> String {
    let kind = column.kind.name();
    match &column.role {
        ColumnRole::Label => format!("{kind}, predicted"),
        ColumnRole::Input(1) if column.kind != CellKind::Texts => kind.to_owned(),
        ColumnRole::Input(1) => format!("{kind}, 1 input"),
        ColumnRole::Input(inputs) => format!("{kind}, {inputs} inputs"),
        ColumnRole::Skipped => "not read".to_owned(),
        ColumnRole::LeftOut(_) => format!("{kind}, left out"),
    }
}

/// What a column may be.
fn menu(response: &Response) -> Option<Chosen> {
    let mut chosen = None;
    Popup::menu(response).show(|ui| {
        ui.set_width(metrics::MENU);
        for (name, choice) in CHOICES {
            let button = Button::new(name).min_size(vec2(ui.available_width(), metrics::CONTROL));
            if ui.add(button).clicked() {
                chosen = Some(choice);
                ui.close();
            }
        }
    });
    chosen
}

/// The first rows, as they stand in the file.
fn first_rows(ui: &mut Ui, report: &TableReport) {
    ScrollArea::horizontal().id_salt("first rows").auto_shrink([false, true]).show(ui, |ui| {
        Grid::new("first rows of the table").spacing(vec2(metrics::S, 0.0)).striped(true).show(ui, |ui| {
            for column in report.columns.iter().take(LISTED) {
                ui.label(theme::caption(ui, short(&column.name)));
            }
            ui.end_row();
            for row in report.first_rows.iter().take(ROWS) {
                for cell in row.iter().take(LISTED) {
                    ui.label(theme::value(ui, short(cell)));
                }
                ui.end_row();
            }
        });
    });
}

fn short(text: &str) -> String {
    match text.char_indices().nth(CELL) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
