//! The search for leaked secrets: every secret of a run, in every form, everywhere but in its own place.
//!
//! A secret is recognised by its first 16 bytes, so a shortened one is found too; a JWT by those of its signature,
//! since all tokens of a key begin alike. Each is looked for as it is, in base64 and base64url at every alignment, in
//! hex, percent-encoded, escaped in JSON, and in UTF-16.

mod forms;
mod place;

use aho_corasick::AhoCorasick;
use anyhow::Result;
use std::collections::HashSet;

pub use place::{Kind, Place, Stream};

const PREFIX: usize = 16;
/// A shorter text would be found by accident.
const SHORTEST: usize = 8;

/// What a secret is recognised by.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret {
    kind: Kind,
    mark: Vec<u8>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Secret {
    /// Takes a secret's value; nothing if it is too short to be recognised.
    pub fn new(kind: Kind, value: &[u8]) -> Option<Self> {
        let parts: Vec<&[u8]> = value.split(|byte| *byte == b'.').collect();
        let telling = match parts.as_slice() {
            [header, _claims, signature] if header.starts_with(b"eyJ") => signature,
            _ => value,
        };
        let mark = telling.get(..PREFIX).unwrap_or(telling).to_vec();
        (mark.len() >= SHORTEST).then_some(Self { kind, mark })
    }
}

/// A secret where it must not be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What was found.
    pub kind: Kind,
    /// How it was written.
    pub form: &'static str,
    /// Where.
    pub place: Place,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} ({}) in {}", self.kind, self.form, self.place)
    }
}

/// Looks for all secrets of a run at once.
#[derive(Debug)]
pub struct Search {
    automaton: AhoCorasick,
    meanings: Vec<(Kind, &'static str)>,
}

impl Search {
    /// Prepares to look for `secrets`.
    pub fn new(secrets: &HashSet<Secret>) -> Result<Self> {
        let mut needles = Vec::new();
        let mut meanings = Vec::new();
        for secret in secrets {
            for (form, needle) in forms::of(&secret.mark) {
                needles.push(needle);
                meanings.push((secret.kind, form));
            }
        }
        Ok(Self { automaton: AhoCorasick::new(needles)?, meanings })
    }

    /// Adds what `bytes` hold and `place` must not hold to `findings`.
    pub fn look_at(&self, place: &Place, bytes: &[u8], findings: &mut Vec<Finding>) {
        for hit in self.automaton.find_overlapping_iter(bytes) {
            let Some((kind, form)) = self.meanings.get(hit.pattern().as_usize()).copied() else { continue };
            if !place.may_hold(kind) {
                findings.push(Finding { kind, form, place: place.clone() });
            }
        }
    }
}

#[cfg(test)]
mod tests;
