//! Planes of parameter space, grids of losses over them, and what is drawn of both on the processor.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anneal_studio::experiment::{Activation, Loss};
use anneal_studio::landscape::heights::INVALID;
use anneal_studio::landscape::{
    Axes, Camera, Colormap, Frame, Grid, Heights, Ink, Objective, Plane, PlaneError, Scale, Scene, Trail,
    View, plane, raster, survey,
};
use anneal_studio::model::mlp::Mlp;
use anneal_studio::model::{Batch, Inputs, Model, Targets};
use anneal_studio::random;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

fn seeded(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn normals(rng: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
    let mut values = vec![0.0; count];
    random::fill_normal(rng, 1.0, &mut values);
    values
}

fn model() -> Mlp {
    Mlp::new(&[3, 8, 2], Activation::Tanh, Loss::CrossEntropy)
}

fn weights(seed: u64) -> Vec<f32> {
    let mut row = vec![0.0; model().width()];
    model().initialise(&mut seeded(seed), &mut row);
    // Biases begin at 0, which would hide what becomes of them.
    row.iter().map(|weight| weight + 0.1).collect()
}

fn near(a: f64, b: f64, allowed: f64) {
    assert!((a - b).abs() <= allowed, "{a} is not {b} within {allowed}");
}

#[test]
fn random_directions_have_every_filters_norm_and_leave_biases() {
    let (model, row) = (model(), weights(1));
    let direction = plane::random_direction(&row, model.parameters(), &mut seeded(2));
    assert_eq!(direction, plane::random_direction(&row, model.parameters(), &mut seeded(2)));
    assert_ne!(direction, plane::random_direction(&row, model.parameters(), &mut seeded(3)));
    for parameter in model.parameters() {
        let (weights, steps) = (&row[parameter.range()], &direction[parameter.range()]);
        let [_, outputs] = *parameter.shape.as_slice() else {
            assert!(steps.iter().all(|step| *step == 0.0), "{}", parameter.name);
            continue;
        };
        for column in 0..outputs {
            let norm = |values: &[f32]| {
                let squares = values.chunks_exact(outputs).map(|row| f64::from(row[column]).powi(2));
                squares.sum::<f64>().sqrt()
            };
            near(norm(steps), norm(weights), 1e-6);
        }
    }
}

#[test]
fn places_are_where_rows_were_put() {
    let mut rng = seeded(5);
    let (origin, along, across) = (normals(&mut rng, 40), normals(&mut rng, 40), normals(&mut rng, 40));
    // Not orthogonal, and of different lengths.
    let slanted: Vec<f32> = along.iter().zip(&across).map(|(a, b)| 0.7 * a + 0.2 * b).collect();
    let plane = Plane::new(origin, [along.clone(), slanted.clone()]).unwrap();
    let mut off = normals(&mut rng, 40);
    // Off the plane at right angles, by Gram and Schmidt.
    let shadow = Plane::new(vec![0.0; 40], [along.clone(), slanted.clone()]).unwrap().place(&off).unwrap();
    for (off, (a, b)) in off.iter_mut().zip(along.iter().zip(&slanted)) {
        *off -= shadow.x as f32 * a + shadow.y as f32 * b;
    }
    let length = off.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    for (x, y) in [(0.0, 0.0), (1.5, -2.0), (-0.25, 8.0)] {
        let mut row = vec![0.0; plane.width()];
        plane.row(x, y, &mut row);
        let row: Vec<f32> = row.iter().zip(&off).map(|(row, off)| row + off).collect();
        let place = plane.place(&row).unwrap();
        near(place.x, x, 1e-4);
        near(place.y, y, 1e-4);
        near(place.distance, length, 1e-4);
    }
}

#[test]
fn a_plane_through_rows_holds_them() {
    let [a, b, c] = [weights(1), weights(2), weights(3)];
    let plane = Plane::through_three(&a, &b, &c).unwrap();
    let at = |row: &[f32]| plane.place(row).unwrap();
    for (row, x, y) in [(&a, 0.0, 0.0), (&b, 1.0, 0.0)] {
        near(at(row).x, x, 1e-5);
        near(at(row).y, y, 1e-5);
    }
    near(at(&c).distance, 0.0, 1e-5);
    // The axes are at right angles and of one length: a quarter turn of a step is as long.
    let length = |from: [f64; 2], to: [f64; 2]| {
        let mut rows = [vec![0.0; plane.width()], vec![0.0; plane.width()]];
        plane.row(from[0], from[1], &mut rows[0]);
        plane.row(to[0], to[1], &mut rows[1]);
        rows[0].iter().zip(&rows[1]).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
    };
    near(length([0.0, 0.0], [0.0, 1.0]), length([0.0, 0.0], [1.0, 0.0]), 1e-5);
    near(length([0.0, 1.0], [1.0, 0.0]), length([0.0, 0.0], [1.0, 1.0]), 1e-4);

    let between = Plane::through_two(&a, &b, model().parameters(), &mut seeded(0)).unwrap();
    near(between.place(&b).unwrap().x, 1.0, 1e-5);
    near(between.place(&b).unwrap().distance, 0.0, 1e-5);
}

#[test]
fn principal_components_of_an_ellipse_are_its_axes() {
    let mut rng = seeded(9);
    let unit = |row: Vec<f32>| {
        let length = row.iter().map(|v| v * v).sum::<f32>().sqrt();
        row.into_iter().map(|v| v / length).collect::<Vec<f32>>()
    };
    let centre = normals(&mut rng, 200);
    let long = unit(normals(&mut rng, 200));
    let slanted = normals(&mut rng, 200);
    let share: f32 = slanted.iter().zip(&long).map(|(a, b)| a * b).sum();
    let short = unit(slanted.iter().zip(&long).map(|(a, b)| a - share * b).collect());
    // Half-axes 3 and 1: variances 9/2 and 1/2.
    let rows: Vec<Vec<f32>> = (0..24)
        .map(|turn| {
            let (sin, cos) = (turn as f32 / 24.0 * std::f32::consts::TAU).sin_cos();
            let axes = long.iter().zip(&short);
            centre.iter().zip(axes).map(|(c, (long, short))| c + 3.0 * cos * long + sin * short).collect()
        })
        .collect();
    let rows: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
    let (plane, shares) = Plane::of_trajectory(&rows).unwrap();
    near(shares[0], 0.9, 1e-5);
    near(shares[1], 0.1, 1e-5);
    let step: Vec<f32> = rows[23].iter().zip(&long).map(|(row, long)| row + 2.0 * long).collect();
    let place = plane.place(&step).unwrap();
    near(place.x.abs(), 2.0, 1e-3);
    near(place.y, 0.0, 1e-3);
    for row in rows {
        near(plane.place(row).unwrap().distance, 0.0, 1e-4);
    }
}

#[test]
fn rows_that_make_no_plane_are_refused() {
    let row = weights(1);
    let double: Vec<f32> = row.iter().map(|weight| 2.0 * weight).collect();
    let triple: Vec<f32> = row.iter().map(|weight| 3.0 * weight).collect();
    let broken: Vec<f32> = row.iter().map(|_| f32::NAN).collect();
    assert_eq!(Plane::through_three(&row, &double, &triple), Err(PlaneError::Line));
    assert_eq!(Plane::through_three(&row, &row, &double), Err(PlaneError::Line));
    assert_eq!(Plane::through_three(&row, &double, &broken), Err(PlaneError::NotFinite));
    let found = row.len() - 1;
    assert_eq!(
        Plane::through_three(&row, &double, &row[1..]),
        Err(PlaneError::Width { found, expected: row.len() })
    );
    assert_eq!(Plane::of_trajectory(&[&row, &double]).unwrap_err(), PlaneError::TooFew { found: 2 });
    assert_eq!(Plane::of_trajectory(&[&row, &double, &triple]).unwrap_err(), PlaneError::Line);
    assert_eq!(Plane::of_trajectory(&[&row, &row, &row]).unwrap_err(), PlaneError::Line);
    let parameters = model();
    assert_eq!(
        Plane::random(&row[1..], parameters.parameters(), &mut seeded(0)),
        Err(PlaneError::Width { found, expected: row.len() })
    );
    assert_eq!(
        Plane::random(&vec![0.0; row.len()], parameters.parameters(), &mut seeded(0)),
        Err(PlaneError::Line)
    );
}

const FRAME: Frame = Frame { x: [-2.0, 2.0], y: [1.0, 3.0] };

fn bowl(x: f64, y: f64) -> f64 {
    x * x + 10.0 * y
}

fn bowl_grid(columns: usize, rows: usize) -> Grid {
    let size = (columns, rows);
    Grid::evaluate(FRAME, size, || (), |(), x, y| bowl(x, y), &AtomicBool::new(false), |_| ()).unwrap()
}

#[test]
fn a_grid_has_the_functions_values_whatever_the_threads() {
    let grid = bowl_grid(17, 9);
    for (row, losses) in grid.losses.chunks(17).enumerate() {
        for (column, loss) in losses.iter().enumerate() {
            let (x, y) = (-2.0 + 0.25 * column as f64, 1.0 + 0.25 * row as f64);
            assert_eq!(*loss, bowl(x, y) as f32);
        }
    }
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(one.install(|| bowl_grid(17, 9)), grid);
    assert_eq!(bowl_grid(1, 1).losses, [20.0]);
}

#[test]
fn a_grid_is_coarse_first_and_evaluates_no_point_twice() {
    let calls = AtomicUsize::new(0);
    let count = |(): &mut (), x: f64, y: f64| {
        calls.fetch_add(1, Ordering::Relaxed);
        bowl(x, y)
    };
    let mut rounds = Vec::new();
    let rough = |grid: &Grid| rounds.push((calls.load(Ordering::Relaxed), grid.clone()));
    let grid = Grid::evaluate(FRAME, (20, 11), || (), count, &AtomicBool::new(false), rough).unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 20 * 11);
    assert_eq!(rounds.iter().map(|(calls, _)| *calls).collect::<Vec<_>>(), [3 * 2, 5 * 3, 10 * 6]);
    for (at, (_, rough)) in rounds.iter().enumerate() {
        let stride = 8 >> at;
        for (index, loss) in rough.losses.iter().enumerate() {
            let (column, row) = (index % 20 / stride * stride, index / 20 / stride * stride);
            assert_eq!(*loss, grid.losses[row * 20 + column]);
        }
    }
}

#[test]
fn a_cancelled_grid_is_none_and_stops() {
    let (cancel, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    let stop = |(): &mut (), _, _| {
        cancel.store(true, Ordering::Relaxed);
        calls.fetch_add(1, Ordering::Relaxed);
        0.0
    };
    let found = Grid::evaluate(FRAME, (400, 400), || (), stop, &cancel, |_| panic!("no round was done"));
    assert_eq!(found, None);
    assert!(calls.load(Ordering::Relaxed) < 2500, "the first round alone has 2500 points");
}

#[test]
fn frames_hold_their_points() {
    let frame = Frame::around([(0.0, 1.0), (4.0, 1.0), (f64::NAN, 1.0)].into_iter(), 0.25);
    assert_eq!(frame, Frame { x: [-1.0, 5.0], y: [0.5, 1.5] });
    assert_eq!(Frame::around(std::iter::empty(), 0.1), Frame { x: [-0.5, 0.5], y: [-0.5, 0.5] });
    assert_eq!(frame.square(), Frame { x: [-1.0, 5.0], y: [-2.0, 4.0] });
    assert_eq!(frame.share(2.0, 0.5), [0.5, 0.0]);
}

#[test]
fn a_survey_scores_the_rows_of_its_plane() {
    let model = model();
    let mut rng = seeded(4);
    let values = normals(&mut rng, 150 * 3);
    let labels: Vec<u32> = values.chunks_exact(3).map(|sample| u32::from(sample[0] > 0.0)).collect();
    let rows: Vec<u32> = (0..150).collect();
    let inputs = Inputs::Dense { values: &values, width: 3 };
    let samples = Batch { inputs, targets: Targets::Classes(&labels), rows: &rows };
    let objective = Objective::new(&model, samples);
    let run = vec![weights(1)];
    let never = AtomicBool::new(false);
    let axes = Axes::Random(&mut rng);
    let found =
        survey(&objective, model.parameters(), &[run], axes, (9, 9), &never, |_| ()).unwrap().unwrap();
    let whole = model.score(&weights(1), samples, &mut model.scratch(150)).mean_loss();
    near(f64::from(found.grid.losses[40]), whole, 1e-6);
    let mut corner = vec![0.0; model.width()];
    found.plane.row(1.0, 1.0, &mut corner);
    let whole = model.score(&corner, samples, &mut model.scratch(150)).mean_loss();
    near(f64::from(found.grid.losses[80]), whole, 1e-6);
    assert_eq!(found.trail(0), [[0.5, 0.5]]);

    let runs = [vec![weights(1), weights(2), weights(3)]];
    let found = survey(&objective, model.parameters(), &runs, Axes::Trajectory, (5, 5), &never, |_| ())
        .unwrap()
        .unwrap();
    assert!(found.trail(0).iter().flatten().all(|share| (0.1..=0.9).contains(share)));
    near(found.explained.unwrap().iter().sum(), 1.0, 1e-6);
}

#[test]
fn a_model_of_two_weights_is_surveyed_in_its_weights() {
    // y = w x + b at x = 1 and 3, to become 1 and 2: half squared error, averaged.
    let model = Mlp::new(&[1, 1], Activation::Tanh, Loss::Mse);
    let (inputs, targets) = ([1.0, 3.0], [1.0, 2.0]);
    let inputs = Inputs::Dense { values: &inputs, width: 1 };
    let samples = Batch { inputs, targets: Targets::Values { values: &targets, width: 1 }, rows: &[0, 1] };
    let objective = Objective::new(&model, samples);
    let runs = [vec![vec![-1.0, 0.0], vec![1.0, 4.0]]];
    let never = AtomicBool::new(false);
    let found = survey(&objective, model.parameters(), &runs, Axes::Weights, (3, 3), &never, |_| ())
        .unwrap()
        .unwrap();
    assert_eq!(found.grid.frame, Frame { x: [-1.5, 1.5], y: [-1.0, 5.0] });
    // In the middle w = 0 and b = 2: errors of 1 and 0.
    near(found.grid.losses[4].into(), 0.25, 1e-6);
    // In the upper left corner w = -1.5 and b = 5: errors of 2.5 and -1.5.
    near(found.grid.losses[6].into(), 0.25 * (2.5 * 2.5 + 1.5 * 1.5), 1e-5);
    let wide = self::model();
    let objective = Objective::new(&wide, samples);
    let refused = survey(&objective, wide.parameters(), &runs, Axes::Weights, (3, 3), &never, |_| ());
    assert_eq!(refused.unwrap_err(), PlaneError::Width { found: 2, expected: wide.width() });
}

/// How bright a colour is, as those without green cones see it (Machado, Oliveira and Fernandes 2009).
fn without_green(color: [f32; 3]) -> f32 {
    let [r, g, b] = color.map(|channel| channel.powf(2.2));
    let seen = [
        0.367_322 * r + 0.860_646 * g - 0.227_968 * b,
        0.280_085 * r + 0.672_501 * g + 0.047_413 * b,
        -0.011_82 * r + 0.042_94 * g + 0.968_881 * b,
    ];
    0.2126 * seen[0] + 0.7152 * seen[1] + 0.0722 * seen[2]
}

#[test]
fn colour_maps_grow_brighter_for_everyone() {
    for map in [Colormap::viridis(), Colormap::cividis()] {
        let seen: Vec<f32> = (0..=32).map(|at| without_green(map.at(at as f32 / 32.0))).collect();
        assert!(seen.windows(2).all(|pair| pair[1] > pair[0]), "{seen:?}");
        assert_eq!(map.at(f32::NAN), map.at(0.0));
    }
    assert_eq!(Colormap::viridis().colors()[0], [0x44, 0x01, 0x54]);
    assert_eq!(Colormap::viridis().colors()[255], [0xfd, 0xe7, 0x25]);
    // matplotlib's viridis has [33, 145, 140] at 0.5.
    let middle = Colormap::viridis().at(0.5).map(|channel| channel * 255.0);
    assert!(middle.iter().zip([33.0, 145.0, 140.0]).all(|(found, known)| (found - known).abs() < 1.5));
}

#[test]
fn a_diverging_map_has_its_three_colours() {
    let (low, middle, high) = ([10, 80, 200], [240, 240, 240], [200, 90, 10]);
    let map = Colormap::diverging(low, middle, high);
    assert_eq!((map.colors()[0], map.colors()[255]), (low, high));
    for (found, wanted) in map.at(0.5).iter().zip(middle) {
        assert!((found * 255.0 - f32::from(wanted)).abs() < 3.0);
    }
}

#[test]
fn scales_ignore_what_is_huge_or_no_number() {
    let mut losses: Vec<f32> = (1..=100).map(|loss| loss as f32).collect();
    losses[99] = 1e30;
    losses.extend([f32::NAN, f32::INFINITY]);
    for bent in [false, true] {
        let scale = Scale::robust(&losses, 0.02, bent);
        assert_eq!((scale.low, scale.high), (1.0, 98.0));
        assert_eq!((scale.height(1.0), scale.height(98.0), scale.height(1e30)), (0.0, 1.0, 1.0));
        assert_eq!((scale.height(f32::NAN), scale.height(f32::INFINITY)), (INVALID, INVALID));
        near(f64::from(scale.loss(scale.height(7.0))), 7.0, 1e-4);
    }
    // Far above the bend equal factors are equal heights, below it equal differences.
    let bent = Scale { low: 0.0, high: 1e6, bend: Some(1.0) };
    near(
        f64::from(bent.height(1e6) - bent.height(1e5)),
        f64::from(bent.height(1e5) - bent.height(1e4)),
        1e-4,
    );
    near(f64::from(bent.height(2e-3)), f64::from(2.0 * bent.height(1e-3)), 1e-6);
    // A floor that is all alike bends where it ends, and where nothing rises nothing bends.
    let floor = Scale::robust(&[[0.0; 50], [1.0; 50]].concat(), 0.0, true);
    assert!(floor.bend.is_some() && floor.height(0.0) == 0.0 && floor.height(1.0) == 1.0);
    assert_eq!(Scale::robust(&[2.0; 9], 0.0, true).bend, None);
    assert_eq!(Scale::robust(&[], 0.02, true).height(f32::NAN), INVALID);
    assert_eq!(Scale::robust(&[3.0; 4], 0.02, true).height(3.0), 0.0);
}

#[test]
fn refined_heights_go_through_the_points_and_keep_holes() {
    let values: Vec<f32> = (0..49).map(|at| ((at * 37) % 50) as f32 / 50.0).collect();
    let heights = Heights { columns: 7, rows: 7, values };
    let fine = heights.refined(3);
    assert_eq!((fine.columns, fine.rows), (19, 19));
    for row in 0..7 {
        for column in 0..7 {
            near(fine.point(3 * column, 3 * row).into(), heights.point(column, row).into(), 1e-6);
        }
    }
    let mut ramp = Heights { columns: 7, rows: 7, values: (0..49).map(|at| (at % 7) as f32 / 6.0).collect() };
    near(ramp.refined(4).point(10, 9).into(), 10.0 / 24.0, 1e-6);
    ramp.values[24] = INVALID;
    let fine = ramp.refined(4);
    assert_eq!((fine.point(12, 12), fine.point(13, 11)), (INVALID, INVALID));
    assert!(fine.point(15, 12) >= 0.0 && fine.values.iter().all(|height| *height <= 1.0));
}

#[test]
fn heights_between_points_are_bilinear() {
    let heights = Heights { columns: 2, rows: 2, values: vec![0.0, 0.4, 0.2, 1.0] };
    let middle = heights.at(0.5, 0.25).unwrap();
    near(middle.height.into(), 0.75 * 0.2 + 0.25 * 0.6, 1e-6);
    near(middle.slope[0].into(), 0.75 * 0.4 + 0.25 * 0.8, 1e-6);
    near(middle.slope[1].into(), 0.6 - 0.2, 1e-6);
    assert_eq!(heights.at(9.0, 9.0).unwrap().height, 1.0);
    let hole = Heights { columns: 2, rows: 1, values: vec![INVALID, 0.5] };
    assert_eq!((hole.at(0.2, 0.0), hole.at(0.8, 0.0).map(|sample| sample.height)), (None, Some(0.5)));
}

const INK: Ink =
    Ink { ground: [15, 16, 18, 255], contour: [255; 4], invalid: [80, 85, 93, 255], halo: [0, 0, 0, 255] };

#[test]
fn a_map_shows_colours_holes_contours_and_trails() {
    let mut heights =
        Heights { columns: 5, rows: 5, values: (0..25).map(|at| (at / 5) as f32 / 4.0).collect() };
    heights.values[0] = INVALID;
    let colormap = Colormap::viridis();
    let trail =
        Trail { color: [255, 0, 0, 255], places: vec![[0.2, 0.9], [0.8, 0.9]], marks: vec![], width: 6.0 };
    let trails = [trail];
    let scene = Scene {
        heights: &heights,
        colormap: &colormap,
        ink: INK,
        contours: 0,
        trails: &trails,
        view: View::Map,
    };
    let image = raster::draw(&scene, [200, 200]);
    // Up is up: the highest row of the grid is at the top of the picture.
    let expected = colormap.at(1.0 - 50.5 / 200.0).map(|channel| (channel * 255.0).round() as u8);
    assert_eq!(image.get_pixel(150, 50).0[..3], expected);
    assert_eq!(image.get_pixel(3, 196).0, INK.invalid);
    assert_eq!(image.get_pixel(100, 20).0, [255, 0, 0, 255]);
    assert_eq!(image.get_pixel(100, 16).0, INK.halo);
    let lined = raster::draw(&Scene { contours: 2, trails: &[], ..scene }, [200, 200]);
    let bright = |y: u32| lined.get_pixel(150, y).0.iter().map(|channel| u32::from(*channel)).sum::<u32>();
    assert!(bright(99) > bright(95) && bright(100) > bright(104), "a line at half height");
}

#[test]
fn a_surface_stands_in_the_picture_and_turns() {
    let grid = bowl_grid(31, 31);
    let heights = Heights::new(&grid, Scale::robust(&grid.losses, 0.0, false));
    let colormap = Colormap::cividis();
    let draw = |camera| {
        let view = View::Surface(camera);
        let scene =
            Scene { heights: &heights, colormap: &colormap, ink: INK, contours: 10, trails: &[], view };
        raster::draw(&scene, [160, 120])
    };
    let camera = Camera::default();
    let image = draw(camera);
    // It fills a good part of the picture and touches none of its edges.
    let covered = image.pixels().filter(|pixel| pixel.0 != INK.ground).count();
    assert!((0.2..0.8).contains(&(covered as f64 / (160.0 * 120.0))), "{covered} pixels");
    let edge = |x: u32, y: u32| x == 0 || y == 0 || x == 159 || y == 119;
    assert!(image.enumerate_pixels().all(|(x, y, pixel)| !edge(x, y) || pixel.0 == INK.ground));
    assert_ne!(image, draw(camera.moved(1.0, 0.0, 1.0)));
    // The bowl rises along y only: it is seen from where y is low.
    let azimuth = Camera::facing(&heights).azimuth;
    assert!(azimuth.sin() < -0.8, "{azimuth}");
    let flat = Heights { columns: 3, rows: 3, values: vec![0.5; 9] };
    assert_eq!(Camera::facing(&flat), camera);
    assert_eq!(camera.moved(0.0, 9.0, 1e9).elevation, Camera::ELEVATION[1]);
    assert_eq!(camera.moved(0.0, 9.0, 1e9).distance, Camera::DISTANCE[0]);
}
