//! Colour maps that are perceptually uniform and read the same to most colour-blind people.

/// 256 colours from the lowest value to the highest, in 8-bit sRGB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Colormap([[u8; 3]; 256]);

impl Colormap {
    /// From dark violet over green to yellow (Smith and van der Walt 2015; CC0).
    #[must_use]
    pub fn viridis() -> Self {
        Self::sampled(&VIRIDIS)
    }

    /// From dark blue to yellow, alike to people with and without red-green blindness (Nuñez, Anderton
    /// and Renslow 2018, <https://doi.org/10.1371/journal.pone.0199239>; free of all copyright).
    #[must_use]
    pub fn cividis() -> Self {
        Self::sampled(&CIVIDIS)
    }

    /// From black over red to pale yellow (Smith and van der Walt 2015; CC0).
    #[must_use]
    pub fn magma() -> Self {
        Self::sampled(&MAGMA)
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

    /// The map from its highest value to its lowest.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self(std::array::from_fn(|at| self.0[255 - at]))
    }

    /// The 256 colours.
    pub fn colors(&self) -> &[[u8; 3]; 256] {
        &self.0
    }

    /// The colour of a value between 0 and 1, each channel from 0 to 1; values beyond take the end's,
    /// and what is no number the lowest's.
    pub fn at(&self, value: f32) -> [f32; 3] {
        let place = if value.is_nan() { 0.0 } else { (value * 255.0).clamp(0.0, 255.0) };
        let (low, share) = (place.floor(), place - place.floor());
        let (from, to) = (self.0[low as usize], self.0[(low as usize + 1).min(255)]);
        std::array::from_fn(|channel| {
            let (from, to) = (f32::from(from[channel]) / 255.0, f32::from(to[channel]) / 255.0);
            from + share * (to - from)
        })
    }

    fn sampled(table: &[u32; 33]) -> Self {
        Self(std::array::from_fn(|at| {
            let place = at as f32 / 255.0 * 32.0;
            let below = (place as usize).min(31);
            let share = place - below as f32;
            let (from, to) = (channels(table[below]), channels(table[below + 1]));
            std::array::from_fn(|channel| {
                let (from, to) = (f32::from(from[channel]), f32::from(to[channel]));
                (from + share * (to - from)).round() as u8
            })
        }))
    }
}

fn channels(hex: u32) -> [u8; 3] {
    [(hex >> 16) as u8, (hex >> 8) as u8, hex as u8]
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

// Each map at 33 even steps, from matplotlib 3.9.2:
//
//     from matplotlib import colormaps
//     for name in ("viridis", "cividis", "magma"):
//         data = colormaps[name].colors
//         steps = [(min(int(x), 254), x) for x in (k / 32 * 255 for k in range(33))]
//         print([[round(255 * (a + (x - i) * (b - a))) for a, b in zip(data[i], data[i + 1])] for i, x in steps])
const VIRIDIS: [u32; 33] = [
    0x44_0154, 0x47_0d60, 0x48_186a, 0x48_2374, 0x47_2d7b, 0x45_3681, 0x42_4086, 0x3f_4989, 0x3b_528b,
    0x37_5a8d, 0x33_638d, 0x2f_6a8e, 0x2c_728e, 0x29_7a8e, 0x26_818e, 0x23_898e, 0x21_908c, 0x1f_988b,
    0x1f_9f88, 0x21_a685, 0x28_ae80, 0x31_b57b, 0x3e_bc74, 0x4c_c26c, 0x5d_c963, 0x6e_ce58, 0x82_d34c,
    0x96_d83f, 0xab_dc32, 0xc0_df24, 0xd5_e21a, 0xea_e51a, 0xfd_e725,
];
const CIVIDIS: [u32; 33] = [
    0x00_224e, 0x00_285b, 0x00_2e6a, 0x04_3371, 0x1a_386f, 0x27_3e6e, 0x32_436d, 0x3b_496c, 0x43_4e6c,
    0x4b_546c, 0x52_596d, 0x5a_5f6e, 0x61_656f, 0x68_6a71, 0x6f_7073, 0x75_7676, 0x7c_7b78, 0x84_8179,
    0x8b_8778, 0x93_8d78, 0x9b_9376, 0xa3_9a75, 0xab_a072, 0xb3_a670, 0xbb_ad6c, 0xc3_b469, 0xcc_ba64,
    0xd4_c15f, 0xdd_c958, 0xe6_d051, 0xef_d748, 0xf8_df3c, 0xfe_e838,
];
const MAGMA: [u32; 33] = [
    0x00_0004, 0x03_0311, 0x0a_0822, 0x13_0d33, 0x1d_1146, 0x28_115a, 0x36_106a, 0x43_0f76, 0x50_127c,
    0x5d_177f, 0x69_1c81, 0x76_2181, 0x82_2681, 0x8f_2a81, 0x9c_2e7f, 0xa9_327d, 0xb6_3779, 0xc3_3b75,
    0xcf_4170, 0xdb_486a, 0xe6_5163, 0xee_5c5e, 0xf5_695c, 0xf9_785d, 0xfb_8761, 0xfd_9668, 0xfe_a571,
    0xfe_b47b, 0xfe_c387, 0xfe_d194, 0xfd_e0a2, 0xfc_eeb0, 0xfc_fdbf,
];
