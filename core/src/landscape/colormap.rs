//! Colour maps that are perceptually uniform and read the same to most colour-blind people.

/// 256 colours from the lowest value to the highest, in 8-bit sRGB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Colormap([[u8; 3]; 256]);

impl Colormap {
    /// From dark violet over green to yellow (Smith and van der Walt 2015).
    #[must_use]
    pub fn viridis() -> Self {
        Self::of(colorous::VIRIDIS)
    }

    /// From dark blue to yellow, alike to people with and without red-green blindness (Nuñez, Anderton
    /// and Renslow 2018, <https://doi.org/10.1371/journal.pone.0199239>).
    #[must_use]
    pub fn cividis() -> Self {
        Self::of(colorous::CIVIDIS)
    }

    fn of(gradient: colorous::Gradient) -> Self {
        Self(std::array::from_fn(|at| gradient.eval_rational(at, 256).into_array()))
    }

    /// From one colour through a middle one to another, for values about a centre. Steps are even in
    /// Oklab (Ottosson 2020), so that neither half looks longer than the other.
    #[must_use]
    pub fn diverging(low: [u8; 3], middle: [u8; 3], high: [u8; 3]) -> Self {
        let [low, middle, high] = [low, middle, high].map(oklab);
        Self(std::array::from_fn(|at| {
            let share = at as f32 / 127.5;
            let (from, to, share) =
                if share < 1.0 { (low, middle, share) } else { (middle, high, share - 1.0) };
            srgb(std::array::from_fn(|axis| from[axis] + share * (to[axis] - from[axis])))
        }))
    }

    /// The 256 colours.
    pub fn colors(&self) -> &[[u8; 3]; 256] {
        &self.0
    }

    /// The colour of a value between 0 and 1, each channel from 0 to 1; values beyond take the end's,
    /// and NaN the lowest's.
    pub fn at(&self, value: f32) -> [f32; 3] {
        let place = if value.is_nan() { 0.0 } else { (value * 255.0).clamp(0.0, 255.0) };
        let (low, share) = (place.floor(), place - place.floor());
        let (from, to) = (self.0[low as usize], self.0[(low as usize + 1).min(255)]);
        std::array::from_fn(|channel| {
            let (from, to) = (f32::from(from[channel]) / 255.0, f32::from(to[channel]) / 255.0);
            from + share * (to - from)
        })
    }
}

fn oklab(color: [u8; 3]) -> [f32; 3] {
    let [r, g, b] = color.map(|channel| linear(f32::from(channel) / 255.0));
    let l = (0.412_221_47 * r + 0.536_332_55 * g + 0.051_445_995 * b).cbrt();
    let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).cbrt();
    let s = (0.088_302_46 * r + 0.281_718_85 * g + 0.629_978_7 * b).cbrt();
    [
        0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
        1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
        0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
    ]
}

fn srgb([lightness, a, b]: [f32; 3]) -> [u8; 3] {
    let l = (lightness + 0.396_337_78 * a + 0.215_803_76 * b).powi(3);
    let m = (lightness - 0.105_561_346 * a - 0.063_854_17 * b).powi(3);
    let s = (lightness - 0.089_484_18 * a - 1.291_485_5 * b).powi(3);
    [
        4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_94 * s,
        -1.268_438 * l + 2.609_757_4 * m - 0.341_319_38 * s,
        -0.004_196_086_3 * l - 0.703_418_6 * m + 1.707_614_7 * s,
    ]
    .map(|channel| (encoded(channel.clamp(0.0, 1.0)) * 255.0).round() as u8)
}

fn linear(channel: f32) -> f32 {
    if channel <= 0.040_45 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
}

fn encoded(channel: f32) -> f32 {
    if channel <= 0.003_130_8 { channel * 12.92 } else { 1.055 * channel.powf(1.0 / 2.4) - 0.055 }
}
