//! What panels keep between frames, without the studio knowing the panels.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;

/// The states of panels, each a type of its own that lives beside its panel.
#[derive(Default)]
pub struct PanelStates {
    states: BTreeMap<TypeId, Box<dyn Any>>,
}

impl PanelStates {
    /// The state of this type; its default at the first call.
    #[expect(clippy::expect_used, reason = "a state is kept under its own type")]
    pub fn of<T: Any + Default>(&mut self) -> &mut T {
        let state = self.states.entry(TypeId::of::<T>()).or_insert_with(|| Box::<T>::default());
        state.downcast_mut().expect("a state of its own type")
    }

    /// The state of this type, if anything has needed it so far.
    pub fn peek<T: Any>(&self) -> Option<&T> {
        self.states.get(&TypeId::of::<T>())?.downcast_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_a_state_of_its_own() {
        let mut states = PanelStates::default();
        assert_eq!(states.peek::<u8>(), None);
        *states.of::<u8>() = 3;
        *states.of::<u16>() += 5;
        assert_eq!((states.peek::<u8>(), states.peek::<u16>()), (Some(&3), Some(&5)));
    }
}
