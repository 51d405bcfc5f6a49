//! The shaders: valid, within the least limits, and drawing what the processor draws.

use std::collections::BTreeSet;
use std::path::Path;

use anneal_studio::gpu::{self, Adapter, GpuError, Renderer, SHADERS, UNIFORM_BYTES};
use anneal_studio::landscape::heights::INVALID;
use anneal_studio::landscape::{Camera, Colormap, Decision, Heights, Ink, Scene, Trail, View, raster};
use eframe::wgpu::{self, naga};
use image::RgbaImage;

/// A hill, a pit and a hole: `side` points each way.
fn hills(side: usize) -> Heights {
    let mut values = Vec::new();
    for row in 0..side {
        for column in 0..side {
            let at = |index: usize| index as f32 / (side - 1) as f32 * 6.0 - 3.0;
            let (x, y) = (at(column), at(row));
            values.push((0.5 + 0.3 * x.sin() * y.cos() + 0.02 * x * y).clamp(0.0, 1.0));
        }
    }
    values[side * side / 2 + side / 4] = INVALID;
    Heights { columns: side, rows: side, values }
}

fn trails() -> Vec<Trail> {
    let places = (0..40).map(|at| at as f32 / 40.0).map(|t| [0.1 + 0.8 * t, 0.5 + 0.3 * (7.0 * t).sin()]);
    let marks = vec![[0.3, 0.4], [0.7, 0.6], [7.0, 7.0]];
    vec![Trail { color: [86, 180, 233, 255], places: places.collect(), marks, width: 3.0 }]
}

fn decision(side: usize) -> Decision {
    let mut predictions = Vec::new();
    for at in 0..side * side {
        let (x, y) = ((at % side) as f32 / side as f32, (at / side) as f32 / side as f32);
        let likely = [(4.0 * x).exp(), (5.0 * y).exp(), (6.0 * (1.0 - x - y)).exp()];
        let total: f32 = likely.iter().sum();
        predictions.extend(likely.map(|one| one / total));
    }
    let classes = vec![[90, 169, 230], [238, 138, 75], [67, 191, 140]];
    Decision::new((side, side), &predictions, classes, [15, 16, 18], [233, 234, 236, 200])
}

const INK: Ink = Ink {
    ground: [15, 16, 18, 255],
    contour: [255, 255, 255, 150],
    invalid: [80, 85, 93, 255],
    halo: [15, 16, 18, 255],
};

fn parse(name: &str, source: &str) -> (naga::Module, naga::valid::ModuleInfo) {
    let module = naga::front::wgsl::parse_str(source)
        .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(source)));
    let mut validator =
        naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty());
    let info = validator.validate(&module).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    (module, info)
}

#[test]
fn every_shader_is_valid_without_any_capability() {
    for (name, source) in SHADERS {
        let (module, _) = parse(name, source);
        assert!(module.entry_points.iter().all(|entry| entry.stage != naga::ShaderStage::Compute), "{name}");
        assert_eq!(module.entry_points.len(), 2, "{name}: one entry point a stage");
        for (_, variable) in module.global_variables.iter() {
            let space = variable.space;
            let allowed = [naga::AddressSpace::Uniform, naga::AddressSpace::Handle];
            assert!(allowed.contains(&space), "{name}: {:?} is in {space:?}", variable.name);
        }
    }
}

#[test]
fn every_shader_file_is_used() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
    let found: BTreeSet<String> = files.map(|name| name.to_string_lossy().into_owned()).collect();
    let used = SHADERS
        .iter()
        .map(|(name, _)| *name)
        .chain(["scene.wgsl", "train_lane.wgsl", "train_mlp.wgsl", "train_surface.wgsl"])
        .map(str::to_owned);
    assert_eq!(found, used.collect());
}

#[test]
fn the_uniforms_measure_what_the_shaders_take() {
    for (name, source) in SHADERS {
        let (module, _) = parse(name, source);
        let scene = module.types.iter().find(|(_, found)| found.name.as_deref() == Some("Scene"));
        let naga::TypeInner::Struct { span, .. } = scene.expect("a struct Scene").1.inner else {
            panic!("{name}: Scene is no struct");
        };
        assert_eq!(span as usize, UNIFORM_BYTES, "{name}");
    }
}

#[test]
fn everything_is_valid_on_a_device_that_draws_nothing() {
    let descriptor = wgpu::DeviceDescriptor { required_limits: gpu::limits(), ..Default::default() };
    let (device, queue) = wgpu::Device::noop(&descriptor);
    let errors = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let mut renderer = Renderer::new(&device, &queue);
    let (colormap, trails) = (Colormap::viridis(), trails());
    for (side, size) in [(2, [1, 1]), (9, [64, 48]), (9, [64, 48]), (33, [300, 200])] {
        let heights = hills(side);
        for view in [View::Map, View::Surface(Camera::default())] {
            for trails in [&trails[..], &[]] {
                let scene =
                    Scene { heights: &heights, colormap: &colormap, ink: INK, contours: 8, trails, view };
                renderer.render(&scene, size).unwrap();
            }
        }
        renderer.render_decision(&decision(side), size).unwrap();
    }
    let found = pollster::block_on(errors.pop());
    assert!(found.is_none(), "{found:?}");

    let heights = Heights { columns: 3, rows: 3, values: vec![0.0; 8] };
    let scene =
        Scene { heights: &heights, colormap: &colormap, ink: INK, contours: 0, trails: &[], view: View::Map };
    assert!(matches!(renderer.render(&scene, [8, 8]), Err(GpuError::Grid { .. })));
    let heights = hills(3);
    let scene = Scene { heights: &heights, ..scene };
    assert!(matches!(renderer.render(&scene, [0, 8]), Err(GpuError::Size { .. })));
    assert!(matches!(renderer.render(&scene, [1 << 20, 8]), Err(GpuError::Size { .. })));
    let unused = Renderer::new(&device, &queue);
    assert!(matches!(unused.read(), Err(GpuError::Read(_))));
}

/// A renderer on whatever adapter there is. Without one the test is skipped, and says so; where
/// `ANNEAL_REQUIRE_ADAPTER=1` is set it fails.
fn renderer() -> Option<Renderer> {
    match Adapter::find() {
        Ok(adapter) => {
            eprintln!("drawing on {}", adapter.name);
            Some(Renderer::new(&adapter.device, &adapter.queue))
        }
        Err(error) => {
            let required = std::env::var_os("ANNEAL_REQUIRE_ADAPTER").is_some_and(|value| value == "1");
            assert!(!required, "{error}");
            eprintln!("SKIPPED, the shaders' pictures were not compared: {error}");
            None
        }
    }
}

/// The share of channels that differ by more than `allowed` of 255.
fn differing(a: &RgbaImage, b: &RgbaImage, allowed: u8) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let apart = a.as_raw().iter().zip(b.as_raw()).filter(|(a, b)| a.abs_diff(**b) > allowed).count();
    apart as f64 / a.as_raw().len() as f64
}

/// How long a frame of a turning surface takes, the pixels copied back so that it is all there.
#[test]
#[ignore = "prints figures for the reader"]
fn turning_a_surface() {
    let Some(mut renderer) = renderer() else { return };
    let (heights, colormap, trails) = (hills(101).refined(3), Colormap::viridis(), trails());
    for size in [[456, 456], [912, 912]] {
        let mut camera = Camera::default();
        let mut times = Vec::new();
        for _ in 0..120 {
            camera = camera.moved(0.05, 0.0, 1.0);
            let view = View::Surface(camera);
            let scene = Scene {
                heights: &heights,
                colormap: &colormap,
                ink: INK,
                contours: 20,
                trails: &trails,
                view,
            };
            let start = std::time::Instant::now();
            renderer.render(&scene, size).unwrap();
            renderer.read().unwrap();
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        eprintln!("{size:?}: median {:.1} ms, slowest {:.1} ms a frame", times[60], times[119]);
        let view = View::Surface(camera);
        let heights = hills(101);
        let scene =
            Scene { heights: &heights, colormap: &colormap, ink: INK, contours: 20, trails: &trails, view };
        let start = std::time::Instant::now();
        raster::draw(&scene, size);
        eprintln!("{size:?}: {:.1} ms on the processor", start.elapsed().as_secs_f64() * 1e3);
    }
}

#[test]
fn the_shaders_draw_what_the_processor_draws() {
    let Some(mut renderer) = renderer() else { return };
    let (colormap, trails) = (Colormap::viridis(), trails());
    let size = [240, 180];
    // Rounding may differ by a step or two; along edges of strokes and triangles, a few pixels by more.
    for (side, contours) in [(2, 0), (24, 12), (61, 12)] {
        let heights = hills(side);
        let map = Scene {
            heights: &heights,
            colormap: &colormap,
            ink: INK,
            contours,
            trails: &trails,
            view: View::Map,
        };
        renderer.render(&map, size).unwrap();
        let share = differing(&renderer.read().unwrap(), &raster::draw(&map, size), 3);
        assert!(share < 1e-3, "map of {side} points a side: {share}");

        let surface = Scene { view: View::Surface(Camera::default()), ..map };
        renderer.render(&surface, size).unwrap();
        let share = differing(&renderer.read().unwrap(), &raster::draw(&surface, size), 24);
        assert!(share < 0.02, "surface of {side} points a side: {share}");
    }
    let decision = decision(24);
    renderer.render_decision(&decision, size).unwrap();
    let share = differing(&renderer.read().unwrap(), &raster::draw_decision(&decision, size), 3);
    assert!(share < 1e-3, "decision field: {share}");
}
