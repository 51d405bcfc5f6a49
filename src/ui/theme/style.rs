//! Tokens as an egui style.

use eframe::egui::style::{
    HandleShape, ScrollAnimation, ScrollStyle, Selection, TextCursorStyle, WidgetVisuals, Widgets,
};
use eframe::egui::{
    Color32, Context, CornerRadius, FontFamily, FontId, Margin, Shadow, Stroke, Style, TextStyle, Theme,
    Visuals, vec2,
};

use super::metrics::{
    CONTROL, HAIRLINE, ICON, MARGIN_M, MARGIN_XS, MOTION, RADIUS, RADIUS_LARGE, S, SHEET, SLIDER_RAIL, TEXT,
    TEXT_NUMBER, TEXT_SMALL, XS,
};
use super::{DARK, LIGHT, SEMIBOLD, Tokens, definitions};

/// Gives a context the fonts and both themes.
pub fn install(ctx: &Context, reduced_motion: bool) {
    ctx.set_fonts(definitions());
    for (theme, tokens) in [(Theme::Dark, &DARK), (Theme::Light, &LIGHT)] {
        ctx.set_style_of(theme, style(theme, tokens, reduced_motion));
    }
}

fn style(theme: Theme, tokens: &Tokens, reduced_motion: bool) -> Style {
    let mut style = theme.default_style();
    style.text_styles = [
        (TextStyle::Body, FontId::new(TEXT, FontFamily::Proportional)),
        (TextStyle::Button, FontId::new(TEXT, FontFamily::Proportional)),
        (TextStyle::Small, FontId::new(TEXT_SMALL, FontFamily::Proportional)),
        (TextStyle::Monospace, FontId::new(TEXT_NUMBER, FontFamily::Monospace)),
        (TextStyle::Heading, FontId::new(TEXT, FontFamily::Name(SEMIBOLD.into()))),
    ]
    .into();
    style.drag_value_text_style = TextStyle::Monospace;
    style.animation_time = if reduced_motion { 0.0 } else { MOTION };
    if reduced_motion {
        style.scroll_animation = ScrollAnimation::none();
    }
    style.explanation_tooltips = false;
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.4;
    style.visuals = visuals(theme, tokens);

    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(S, XS);
    spacing.button_padding = vec2(S, XS);
    spacing.window_margin = Margin::same(MARGIN_M);
    spacing.menu_margin = Margin::same(MARGIN_XS);
    spacing.interact_size = vec2(CONTROL, CONTROL);
    spacing.slider_rail_height = SLIDER_RAIL;
    spacing.combo_height = SHEET;
    // What opens over everything is as high as its content, up to the window: the list of panels is long.
    spacing.default_area_size.y = 4096.0;
    spacing.icon_width = ICON;
    spacing.icon_spacing = XS;
    spacing.tooltip_width = SHEET;
    spacing.scroll = ScrollStyle { bar_width: XS, floating_width: XS, ..ScrollStyle::floating() };
    style
}

fn visuals(theme: Theme, tokens: &Tokens) -> Visuals {
    let corner = CornerRadius::same(RADIUS);
    let widget = |fill: Color32, stroke: Color32, text: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(HAIRLINE, stroke),
        corner_radius: corner,
        fg_stroke: Stroke::new(HAIRLINE, text),
        expansion: 0.0,
    };
    let shadow = |reach: u8| Shadow { offset: [0, 4], blur: reach, spread: 0, color: tokens.shadow };
    Visuals {
        widgets: Widgets {
            noninteractive: widget(tokens.panel, tokens.hairline, tokens.text),
            inactive: widget(tokens.raised, tokens.outline, tokens.text),
            hovered: widget(tokens.hover, tokens.outline, tokens.text),
            active: widget(tokens.press, tokens.outline, tokens.text),
            open: widget(tokens.hover, tokens.outline, tokens.text),
        },
        selection: Selection { bg_fill: tokens.press, stroke: Stroke::new(HAIRLINE, tokens.text) },
        weak_text_color: Some(tokens.muted),
        hyperlink_color: tokens.text,
        faint_bg_color: tokens.panel,
        extreme_bg_color: tokens.ground,
        text_edit_bg_color: Some(tokens.ground),
        code_bg_color: tokens.ground,
        warn_fg_color: tokens.warning,
        error_fg_color: tokens.danger,
        window_corner_radius: CornerRadius::same(RADIUS_LARGE),
        window_shadow: shadow(32),
        window_fill: tokens.raised,
        window_stroke: Stroke::new(HAIRLINE, tokens.outline),
        menu_corner_radius: CornerRadius::same(RADIUS_LARGE),
        panel_fill: tokens.panel,
        popup_shadow: shadow(16),
        text_cursor: TextCursorStyle {
            stroke: Stroke::new(HAIRLINE, tokens.text),
            ..TextCursorStyle::default()
        },
        button_frame: true,
        indent_has_left_vline: false,
        striped: false,
        slider_trailing_fill: true,
        handle_shape: HandleShape::Circle,
        ..match theme {
            Theme::Dark => Visuals::dark(),
            Theme::Light => Visuals::light(),
        }
    }
}
