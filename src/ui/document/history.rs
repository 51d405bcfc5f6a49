//! Undo and redo.

/// The most steps that are kept.
const STEPS: usize = 200;

/// States before and after the present one. A gesture is one step.
#[derive(Debug)]
pub(super) struct History<T> {
    past: Vec<T>,
    future: Vec<T>,
    /// Whether the present gesture already has its step.
    open: bool,
}

impl<T> Default for History<T> {
    fn default() -> Self {
        Self { past: Vec::new(), future: Vec::new(), open: false }
    }
}

impl<T> History<T> {
    /// A history with these states before and after the present one, each nearest last.
    pub fn of(past: Vec<T>, future: Vec<T>) -> Self {
        Self { past, future, open: false }
    }

    /// The states before and after the present one, each nearest last.
    pub fn states(&self) -> (&[T], &[T]) {
        (&self.past, &self.future)
    }

    /// The same, to change what all of them hold.
    pub fn states_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.past.iter_mut().chain(&mut self.future)
    }

    /// Notes that the present state changed, and what it was.
    pub fn record(&mut self, before: T) {
        self.future.clear();
        if !self.open {
            self.past.push(before);
            if self.past.len() > STEPS {
                self.past.remove(0);
            }
        }
        self.open = true;
    }

    /// Ends the present gesture.
    pub fn settle(&mut self) {
        self.open = false;
    }

    /// The state before the last step.
    pub fn last(&self) -> Option<&T> {
        self.past.last()
    }

    pub fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    pub fn can_redo(&self) -> bool {
        !self.future.is_empty()
    }

    /// Goes one step back; `false` when there is none.
    pub fn undo(&mut self, present: &mut T) -> bool {
        Self::step(&mut self.past, &mut self.future, &mut self.open, present)
    }

    /// Goes one step forward; `false` when there is none.
    pub fn redo(&mut self, present: &mut T) -> bool {
        Self::step(&mut self.future, &mut self.past, &mut self.open, present)
    }

    fn step(from: &mut Vec<T>, to: &mut Vec<T>, open: &mut bool, present: &mut T) -> bool {
        *open = false;
        let Some(state) = from.pop() else { return false };
        to.push(std::mem::replace(present, state));
        true
    }
}
