//! `floor-password COUNT`: prints how many milliseconds of CPU one Argon2id hash takes, with the issuer's parameters.

use anyhow::{Context as _, Result, anyhow};
use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use rustix::time::{ClockId, clock_gettime};
use std::io::Write as _;

fn main() -> Result<()> {
    let count = std::env::args().nth(1).and_then(|text| text.parse::<u32>().ok());
    let count = count.filter(|count| *count > 0).context("usage: floor-password COUNT")?;
    let hash = Argon2::default().hash_password_with_salt(b"correct horse battery", &[7; 16]);
    let hash = hash.map_err(|error| anyhow!("{error}"))?.to_string();
    let began = cpu_milliseconds()?;
    for _ in 0..count {
        let fits = Argon2::default().verify_password(b"correct horse battery", hash.as_str());
        fits.map_err(|error| anyhow!("{error}"))?;
    }
    let took = (cpu_milliseconds()? - began) / f64::from(count);
    writeln!(std::io::stdout().lock(), "{took:.3}")?;
    Ok(())
}

fn cpu_milliseconds() -> Result<f64> {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let (seconds, nanoseconds) = (u32::try_from(used.tv_sec)?, u32::try_from(used.tv_nsec)?);
    Ok(f64::from(seconds) * 1_000.0 + f64::from(nanoseconds) / 1_000_000.0)
}
