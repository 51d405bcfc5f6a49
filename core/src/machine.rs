//! What the machine has: cores, and memory that is free.

use std::fs;
use std::path::{Path, PathBuf};

/// The cores that the system lets this process use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Bytes that this process can still allocate and use: the least of the machine's available memory, what its
/// control groups leave, and what its own limit on addresses does. Nothing where the system does not say.
pub fn free_memory() -> Option<u64> {
    [available(), control_groups(), address_space()].into_iter().flatten().min()
}

/// A number of kilobytes behind a name, as in `/proc/meminfo`.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

fn available() -> Option<u64> {
    kilobytes(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable")
}

/// What the soft limit on the address space leaves.
fn address_space() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    let limit: u64 = limit.split_whitespace().next()?.parse().ok()?;
    let used = kilobytes(&fs::read_to_string("/proc/self/status").ok()?, "VmSize")?;
    Some(limit.saturating_sub(used))
}

/// What the control groups of this process leave: its own and all above it, of either version.
fn control_groups() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mut least = None;
    for group in groups.lines() {
        let mut parts = group.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (root, limit, used) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max", "memory.current"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes")
            }
            _ => continue,
        };
        let mut folder = PathBuf::from(root).join(path.trim_start_matches('/'));
        while folder.starts_with(root) {
            least = [least, left(&folder, limit, used)].into_iter().flatten().min();
            if !folder.pop() {
                break;
            }
        }
    }
    least
}

/// What one control group leaves; pages of files that were read are given back when memory is wanted.
fn left(folder: &Path, limit: &str, used: &str) -> Option<u64> {
    let number =
        |name: &str| fs::read_to_string(folder.join(name)).ok().and_then(|text| text.trim().parse().ok());
    let (limit, used): (u64, u64) = (number(limit)?, number(used)?);
    let statistics = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    let of = |name: &str| {
        let line = statistics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|bytes| bytes.trim().parse::<u64>().ok()).unwrap_or(0)
    };
    let cached = of("inactive_file").saturating_add(of("active_file"));
    Some(limit.saturating_sub(used.saturating_sub(cached)))
}

/// Bytes in words.
pub fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.0} MB", bytes as f64 / 1e6),
        1_000_000_000..1_000_000_000_000 => format!("{:.1} GB", bytes as f64 / 1e9),
        _ => format!("{:.1e} GB", bytes as f64 / 1e9),
    }
}

/// The clock on the wall: seconds since 1970. It dates what people read later, and decides no number.
pub fn wall_clock() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// The same in whole seconds.
pub fn seconds_since_1970() -> u64 {
    wall_clock() as u64
}
