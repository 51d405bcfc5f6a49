//! The microscope's numbers, against ones worked out by hand and published ones, and on a real warmup.

use anneal_studio::analysis::microscope::{
    BINS, Microscope, SOUND_RATIO, Update, bin_start, clip_rate, rectification,
};
use anneal_studio::model::Parameter;
use anneal_studio::telemetry::Row;

use super::{cohort, experiment};

fn parameters() -> Vec<Parameter> {
    let parameter = |name: &str, shape: &[usize], offset, layer| Parameter {
        name: name.into(),
        shape: shape.to_vec(),
        offset,
        layer,
    };
    vec![parameter("w0", &[2], 0, 0), parameter("b0", &[1], 2, 0), parameter("w1", &[2], 3, 1)]
}

fn update(at: u64) -> Update<'static> {
    Update {
        update: at,
        before: &[3.0, 0.0, 4.0, 0.0, 0.0],
        after: &[3.0, 0.03, 4.04, 0.0, 1e-12],
        gradient: &[1.0, 2.0, 2.0, -6.0, 8.0],
        grad_norm: 10.4,
        clip_norm: Some(10.0),
        second: Some((&[1.0, 4.0, 0.0, 0.25, 0.25], 0.999)),
    }
}

#[test]
fn each_layer_is_measured_by_itself() {
    let mut microscope = Microscope::new(&parameters(), 2);
    assert_eq!(microscope.layers(), ["w0", "w1"]);
    assert_eq!(microscope.clip_rate(), None);
    microscope.read(&update(0));
    let reading = &microscope.readings()[0];
    let (first, second) = (&reading.layers[0], &reading.layers[1]);
    assert!((first.ratio - 0.01).abs() < 1e-7, "0.05 over 5: {}", first.ratio);
    assert_eq!(second.ratio, 0.0);
    assert_eq!((first.grad_norm, second.grad_norm), (3.0, 10.0));
    assert_eq!(first.histogram.iter().sum::<u32>(), 3);
    assert_eq!((first.histogram[0], second.histogram[0]), (1, 2), "what is below the first bin is in it");
    let bin = first.histogram[1..].iter().position(|count| *count > 0).unwrap() + 1;
    assert!(bin_start(bin) <= 0.03 && 0.03 < bin_start(bin + 1), "{bin}");
    // 1/sqrt(v) is 1 and 1/2, the zero left out: variance 1/16 over a squared mean of 9/16.
    assert!((first.adaptive_variance.unwrap() - 1.0 / 9.0).abs() < 1e-12);
    assert_eq!(second.adaptive_variance, Some(0.0));
    assert!(reading.clipped);
    assert_eq!(reading.rectification, Some(0.0));
}

#[test]
fn its_memory_is_bounded_and_follows_a_lane_back() {
    let mut microscope = Microscope::new(&parameters(), 3);
    for at in 0..10 {
        microscope.read(&update(at));
    }
    assert!(microscope.is_full());
    assert_eq!(microscope.readings().iter().map(|reading| reading.update).collect::<Vec<_>>(), [0, 1, 2]);
    microscope.truncate(1);
    assert!(!microscope.is_full());
    microscope.read(&Update { clip_norm: None, second: None, ..update(1) });
    assert_eq!(microscope.clip_rate(), Some(0.5));
    assert_eq!(microscope.readings()[1].rectification, None);
    assert_eq!(microscope.readings()[1].layers[0].adaptive_variance, None);
}

#[test]
fn odd_slices_and_numbers_do_no_harm() {
    let mut microscope = Microscope::new(&parameters(), 2);
    microscope.read(&Update {
        before: &[],
        after: &[],
        gradient: &[],
        second: Some((&[], 0.9)),
        ..update(0)
    });
    assert_eq!(microscope.readings()[0].layers[0].histogram, [0; BINS]);
    let broken = [f32::NAN, f32::INFINITY, 1e30, 0.0, 0.0];
    microscope.read(&Update { after: &broken, second: Some((&broken, 0.9)), ..update(1) });
    assert_eq!(microscope.readings()[1].layers[0].histogram[BINS - 1], 3);
    assert_eq!(Microscope::new(&[], 2).layers().len(), 0);
}

/// Golden values of r_t with beta2 = 0.999, from the formula of arXiv 1908.03265 in Python:
///
///     def r(t, b=.999):
///         inf = 2/(1-b)-1; rho = inf - 2*t*b**t/(1-b**t)
///         return ((rho-4)*(rho-2)*inf/((inf-4)*(inf-2)*rho))**.5
#[test]
fn rectification_is_radams() {
    for (t, expected) in [(6, 0.025_821), (100, 0.215_335), (1000, 0.645_326), (2000, 0.828_390)] {
        assert!((rectification(t, 0.999) - expected).abs() < 1e-6, "{t}: {}", rectification(t, 0.999));
    }
    for t in 1..6 {
        assert_eq!(rectification(t, 0.999), 0.0);
    }
    assert_eq!(rectification(100, 0.5), 0.0, "a beta2 so low never adapts");
    assert!((rectification(1_000_000, 0.999) - 1.0).abs() < 1e-6);
}

#[test]
fn the_clip_rate_is_the_share_of_norms_over_the_bound() {
    let row = |grad_norm| Row { grad_norm, ..Row::default() };
    assert_eq!(clip_rate(&[row(0.5), row(1.5), row(1.0), row(9.0)], 1.0), 0.5);
    assert_eq!(clip_rate(&[], 1.0), 0.0);
}

/// The transformer that dies without warmup: its first update moves every layer by a large part of itself,
/// and the same run with a warmup stays near the rule of thumb.
#[test]
fn the_first_updates_without_warmup_are_far_too_large() {
    let mut experiment = experiment("shakespeare-warmup");
    experiment.train.replicas = 1;
    let mut cohort = cohort(experiment);
    let width = cohort.task().model.width();
    let mut microscopes = vec![Microscope::new(cohort.task().model.parameters(), 5); 2];
    let mut before: Vec<Vec<f32>> = cohort.rows().to_vec2().unwrap();
    for update in 0..5 {
        cohort.advance(update + 1, 1).unwrap();
        let after: Vec<Vec<f32>> = cohort.rows().to_vec2().unwrap();
        for (lane, microscope) in microscopes.iter_mut().enumerate() {
            microscope.read(&Update {
                update,
                before: &before[lane][..width],
                after: &after[lane][..width],
                gradient: &[],
                grad_norm: f64::from(cohort.lanes()[lane].log.rows[update as usize].grad_norm),
                clip_norm: None,
                second: Some((&after[lane][2 * width..3 * width], 0.999)),
            });
        }
        before = after;
    }
    let ratios = |lane: usize, update: usize| -> Vec<f64> {
        microscopes[lane].readings()[update].layers.iter().map(|layer| layer.ratio).collect()
    };
    eprintln!("no warmup {:?}\nwarmup {:?}", ratios(0, 0), ratios(1, 1));
    assert!(ratios(0, 0).iter().all(|ratio| *ratio > 10.0 * SOUND_RATIO), "{:?}", ratios(0, 0));
    assert!(ratios(1, 0).iter().all(|ratio| *ratio == 0.0), "a warmup from zero");
    assert!(ratios(1, 1).iter().all(|ratio| *ratio < 10.0 * SOUND_RATIO), "{:?}", ratios(1, 1));
    let variance = microscopes[0].readings()[0].layers[1].adaptive_variance.unwrap();
    assert!(variance > 1.0, "one gradient says little about its size: {variance}");
    assert_eq!(microscopes[0].readings()[0].rectification, Some(0.0));
}
