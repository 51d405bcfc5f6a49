//! The time of day and the token: what of the API is neither seeded nor decides any number of a training.

/// Seconds since 1970.
pub fn now() -> f64 {
    crate::machine::wall_clock()
}

/// 32 bytes from the system's source of randomness, in hexadecimal.
///
/// # Errors
/// When the system has none to give.
pub fn token() -> std::io::Result<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
