//! Pictures of the studio, where there is something to draw with.

use anneal_studio::ui::offscreen::screenshot::{Shot, ShotError, render};

fn shot() -> Shot {
    Shot {
        updates: Some(60),
        size: (1100, 700),
        dark: true,
        panel: None,
        recordings: Vec::new(),
        over: None,
        lesson: None,
    }
}

/// A picture, or nothing where no adapter exists: said loudly, and an error where one is required.
fn picture(shot: &Shot) -> Option<image::RgbaImage> {
    match render(crate::support::digits(), shot) {
        Ok(image) => Some(image),
        Err(ShotError::NoAdapter) => {
            let required = std::env::var_os("ANNEAL_REQUIRE_ADAPTER").is_some();
            assert!(!required, "{}", ShotError::NoAdapter);
            eprintln!("SKIPPED a picture test: {}", ShotError::NoAdapter);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn the_same_picture_every_time() {
    let Some(first) = picture(&shot()) else { return };
    let Some(second) = picture(&shot()) else { return };
    assert_eq!(first.dimensions(), (1100, 700));
    let different = first.pixels().zip(second.pixels()).filter(|(a, b)| a != b).count();
    assert_eq!(different, 0, "{different} pixels differ");
}

#[test]
fn curves_in_the_runs_colours_and_a_light_theme_that_is_light() {
    use anneal_studio::ui::theme::{DARK, LIGHT};
    let Some(dark) = picture(&shot()) else { return };
    let Some(light) = picture(&Shot { dark: false, ..shot() }) else { return };
    for (image, tokens) in [(dark, &DARK), (light, &LIGHT)] {
        for slot in 0..3 {
            let [r, g, b, _] = tokens.run(slot).to_array();
            let near = |pixel: &&image::Rgba<u8>| {
                let [pr, pg, pb, _] = pixel.0;
                [(r, pr), (g, pg), (b, pb)].iter().all(|(want, have)| want.abs_diff(*have) < 12)
            };
            let count = image.pixels().filter(near).count();
            assert!(count > 100, "run {slot} has only {count} pixels");
        }
        let [r, g, b, _] = tokens.ground.to_array();
        let ground = image.pixels().filter(|pixel| pixel.0[..3] == [r, g, b]).count();
        assert!(ground > 100_000, "the ground has only {ground} pixels");
    }
}

#[test]
fn the_landscape_of_a_surface_is_in_the_picture() {
    let text = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/rosenbrock.toml");
    let experiment = anneal_studio::experiment::Experiment::open(std::path::Path::new(text)).unwrap();
    let image = match render(experiment, &Shot { updates: Some(300), ..shot() }) {
        Ok(image) => image,
        // Said, or refused, by the tests above.
        Err(ShotError::NoAdapter) => return,
        Err(error) => panic!("{error}"),
    };
    // Every part of the colour map, whatever the light.
    let map = anneal_studio::landscape::Colormap::viridis();
    for share in [0.2, 0.4, 0.6, 0.8] {
        let color = map.at(share).map(|channel| 255.0 * channel);
        let near = |pixel: &&image::Rgba<u8>| {
            let channels = pixel.0.iter().zip(color);
            channels.map(|(have, want)| (f32::from(*have) - want).abs()).fold(0.0, f32::max) < 24.0
        };
        let count = image.pixels().filter(near).count();
        assert!(count > 200, "{share} of the colour map has only {count} pixels");
    }
}

#[test]
fn an_unknown_panel_is_refused_with_the_known_ones() {
    let shot = Shot { panel: Some("everything".into()), ..shot() };
    let error = render(crate::support::digits(), &shot).unwrap_err().to_string();
    assert!(error.contains("everything") && error.contains("results"), "{error}");
}
