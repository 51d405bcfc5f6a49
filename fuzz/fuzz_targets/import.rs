//! Any text, as any dialect: an import is an error, or a schedule whose rates are finite and not negative.
#![no_main]

use anneal_studio::import::{DIALECTS, Options, import};
use anneal_studio::schedule::Clock;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    // One more than there are dialects stands for finding out.
    let dialect = DIALECTS.get(usize::from(*first) % (DIALECTS.len() + 1)).copied();
    let Ok(imported) = import(&text, &Options { dialect, ..Options::default() }) else { return };
    let Ok(curve) = imported.lr.resolve(Clock { updates: 1000, updates_per_epoch: 10 }) else { return };
    for update in (0..1000).chain([u64::MAX]) {
        let rate = curve.at(update);
        assert!(rate.is_finite() && rate >= 0.0, "{rate} at {update} of {:?}", imported.lr);
    }
});
