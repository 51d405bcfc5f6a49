//! Colours by what they are for, in a dark and a light set.

use eframe::egui::Color32;

/// The colours of one theme. Data is in colour, everything else in greys.
#[derive(Debug)]
pub struct Tokens {
    /// Behind data and text fields.
    pub ground: Color32,
    /// Behind controls.
    pub panel: Color32,
    /// Popups, sheets, the selected row, buttons at rest.
    pub raised: Color32,
    pub hover: Color32,
    pub press: Color32,
    /// Between areas.
    pub hairline: Color32,
    /// Around what floats above the rest.
    pub outline: Color32,
    /// Behind the curves.
    pub grid: Color32,
    pub text: Color32,
    /// Labels and captions.
    pub muted: Color32,
    /// The rails of sliders and other marks that carry no meaning of their own.
    pub faint: Color32,
    /// The one thing to press, and the state that is on.
    pub solid: Color32,
    pub on_solid: Color32,
    pub danger: Color32,
    pub warning: Color32,
    /// Strings, numbers and keywords of an exported text; its comments are muted.
    pub code_text: Color32,
    pub code_number: Color32,
    pub code_keyword: Color32,
    /// Between a sheet and what it covers.
    pub scrim: Color32,
    pub shadow: Color32,
    /// Runs, in the order they are added: Okabe and Ito's colours, moved in lightness until they stand out.
    pub runs: [Color32; 8],
    /// Classes of a data set, in an order that keeps the first ones apart from the first runs.
    pub classes: [Color32; 10],
    /// The ends and the middle of a scale through zero.
    pub diverging: [Color32; 3],
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

pub const DARK: Tokens = Tokens {
    ground: rgb(0x0f_1012),
    panel: rgb(0x16_181b),
    raised: rgb(0x20_2327),
    hover: rgb(0x2a_2d32),
    press: rgb(0x34_383e),
    hairline: rgb(0x26_292e),
    outline: rgb(0x3a_3e45),
    grid: rgb(0x2b_2e34),
    text: rgb(0xe9_eaec),
    muted: rgb(0xa2_a7af),
    faint: rgb(0x50_555d),
    solid: rgb(0xe9_eaec),
    on_solid: rgb(0x16_181b),
    danger: rgb(0xff_7b6b),
    warning: rgb(0xf2_b84b),
    code_text: rgb(0x93_c98f),
    code_number: rgb(0xe3_b07a),
    code_keyword: rgb(0x94_b4f2),
    scrim: Color32::from_black_alpha(150),
    shadow: Color32::from_black_alpha(110),
    runs: [
        rgb(0x56_b4e9),
        rgb(0xe8_a317),
        rgb(0x2f_c39b),
        rgb(0xf0_764f),
        rgb(0xd9_8fbd),
        rgb(0x6f_95f2),
        rgb(0xe6_dc4d),
        rgb(0xb4_bac3),
    ],
    classes: [
        rgb(0xa0_90f5),
        rgb(0xdd_c845),
        rgb(0x45_c4bd),
        rgb(0xe6_75a4),
        rgb(0x8f_c255),
        rgb(0x62_a8ea),
        rgb(0xec_8f5a),
        rgb(0xc9_8ae0),
        rgb(0xb8_9470),
        rgb(0xb4_bac3),
    ],
    diverging: [rgb(0x5a_a9e6), rgb(0x20_2327), rgb(0xee_8a4b)],
};

pub const LIGHT: Tokens = Tokens {
    ground: rgb(0xff_ffff),
    panel: rgb(0xf6_f7f8),
    raised: rgb(0xff_ffff),
    hover: rgb(0xe9_ebee),
    press: rgb(0xdd_e0e4),
    hairline: rgb(0xe2_e4e8),
    outline: rgb(0xc9_cdd3),
    grid: rgb(0xe6_e8eb),
    text: rgb(0x1b_1d21),
    muted: rgb(0x59_5f69),
    faint: rgb(0xa9_aeb7),
    solid: rgb(0x22_252a),
    on_solid: rgb(0xff_ffff),
    danger: rgb(0xb8_2c1d),
    warning: rgb(0x8a_5a00),
    code_text: rgb(0x2c_6e2f),
    code_number: rgb(0x9a_4a10),
    code_keyword: rgb(0x34_4fb0),
    scrim: Color32::from_black_alpha(70),
    shadow: Color32::from_black_alpha(40),
    runs: [
        rgb(0x1f_7cc0),
        rgb(0xb8_6b00),
        rgb(0x00_8a68),
        rgb(0xcb_4a14),
        rgb(0xb0_4f8c),
        rgb(0x46_57c8),
        rgb(0x76_7d00),
        rgb(0x61_6873),
    ],
    classes: [
        rgb(0x6a_55d4),
        rgb(0x99_7d00),
        rgb(0x00_868a),
        rgb(0xc0_3f75),
        rgb(0x4f_831a),
        rgb(0x1f_7cc0),
        rgb(0xc2_5a1a),
        rgb(0x9a_4fb8),
        rgb(0x8c_6239),
        rgb(0x61_6873),
    ],
    diverging: [rgb(0x1f_7cc0), rgb(0xf6_f7f8), rgb(0xd0_6014)],
};

impl Tokens {
    /// The colour of the run in palette place `slot`.
    pub fn run(&self, slot: usize) -> Color32 {
        self.runs[slot % self.runs.len()]
    }

    /// The colour of class `index`.
    pub fn class(&self, index: usize) -> Color32 {
        self.classes[index % self.classes.len()]
    }

    /// The raw values behind a smoothed curve.
    pub fn faded(&self, color: Color32) -> Color32 {
        color.gamma_multiply(0.17)
    }

    /// Between the least and the greatest of a run's replicas.
    pub fn band(&self, color: Color32) -> Color32 {
        color.gamma_multiply(0.2)
    }

    /// What has not happened yet.
    pub fn ahead(&self, color: Color32) -> Color32 {
        color.gamma_multiply(0.62)
    }

    /// What was drawn before the last edit.
    pub fn ghost(&self, color: Color32) -> Color32 {
        color.gamma_multiply(0.34)
    }
}

/// WCAG 2's contrast ratio of two opaque colours, 1 to 21.
pub fn contrast(a: Color32, b: Color32) -> f64 {
    let luminance = |color: Color32| {
        let linear = |channel: u8| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(color.r()) + 0.7152 * linear(color.g()) + 0.0722 * linear(color.b())
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}
