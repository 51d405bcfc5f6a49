//! A text in the colours of its language.

use eframe::egui::text::{LayoutJob, TextFormat};
use eframe::egui::{Color32, Frame, Label, Margin, Role, ScrollArea, Ui, WidgetInfo};

use crate::ui::exports::Exported;
use crate::ui::format;
use crate::ui::highlight::Ink;
use crate::ui::theme::{self, Tokens, metrics};

pub fn show(ui: &mut Ui, exported: &Exported) {
    let tokens = theme::tokens(ui);
    Frame::new()
        .fill(tokens.ground)
        .stroke((metrics::HAIRLINE, tokens.hairline))
        .corner_radius(metrics::RADIUS)
        .inner_margin(Margin::same(metrics::MARGIN_S))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ScrollArea::horizontal().id_salt("code").auto_shrink([false, true]).show(ui, |ui| {
                let label = ui.add(Label::new(job(exported, tokens)).extend().selectable(true));
                let text = &exported.export.text[exported.shown.clone()];
                label.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
            });
        });
    let hidden = exported.hidden_lines();
    if hidden > 0 {
        let text = format!("{} more lines: Copy and Save take all of them.", format::count(hidden as u64));
        ui.add(Label::new(theme::caption(ui, text)).wrap());
    }
}

fn job(exported: &Exported, tokens: &Tokens) -> LayoutJob {
    let mut job = LayoutJob::default();
    let text = &exported.export.text[exported.shown.clone()];
    for (ink, range) in &exported.spans {
        let format = TextFormat::simple(theme::small_number(), color(*ink, tokens));
        job.append(&text[range.clone()], 0.0, format);
    }
    job
}

fn color(ink: Ink, tokens: &Tokens) -> Color32 {
    match ink {
        Ink::Plain => tokens.text,
        Ink::Comment => tokens.muted,
        Ink::Text => tokens.code_text,
        Ink::Number => tokens.code_number,
        Ink::Keyword => tokens.code_keyword,
    }
}
