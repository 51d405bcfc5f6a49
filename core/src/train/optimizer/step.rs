//! An optimizer's step in WGSL, for lanes that a graphics adapter trains.

/// How many numbers a step is made of, at most.
pub const COEFFICIENTS: usize = 9;

/// One weight's update. What depends on the update alone is worked out here, in `f64`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The body of a function that returns the new weight: `w` is the weight, `g` its gradient, `a`, `b` and `c` its
    /// buffers, which are replaced, and `$0` to `$8` the coefficients. The same whatever the numbers.
    pub text: &'static str,
    pub coefficients: [f32; COEFFICIENTS],
    /// The rate that the rule makes of the run's, where it is another.
    pub effective_lr: Option<f64>,
}

impl Step {
    /// A step with these coefficients; those that follow are 0.
    pub fn new<const N: usize>(text: &'static str, coefficients: [f64; N]) -> Self {
        let mut filled = [0.0; COEFFICIENTS];
        filled.iter_mut().zip(coefficients).for_each(|(slot, value)| *slot = value as f32);
        Self { text, coefficients: filled, effective_lr: None }
    }

    /// The function, with its coefficients looked up.
    pub fn function(text: &str) -> String {
        let mut body = text.to_owned();
        for at in 0..COEFFICIENTS {
            body = body.replace(&format!("${at}"), &format!("coefficients[k + {at}u]"));
        }
        format!("fn stepped(w: f32, g: f32, k: u32) -> f32 {{ {body} }}\n")
    }
}
