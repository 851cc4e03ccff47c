//! Entries of the keyring: the Codex CLI's of the login, and ours beside it.

use keyfob_codex::keyring::{KeyringEntry, SERVICE};
use std::collections::HashMap;

/// One entry, or what several have in common.
#[derive(Debug)]
pub(super) struct Entry {
    /// By which it is found.
    attributes: Vec<(&'static str, String)>,
    /// Which it has as well.
    mark: Option<(&'static str, &'static str)>,
    /// What a person sees in a keyring manager.
    pub(super) label: String,
    /// What a person is told.
    pub(super) name: String,
}

/// The service of what we keep beside the login.
const OURS: &str = "Keyfob";
/// The service of what outlives the login.
const SIGNED_OUT: &str = "Keyfob signed out";
/// The service of the throw-away entry that shows whether the keyring can be written.
const TRIAL: &str = "Keyfob trial";

impl Entry {
    /// The entry that the Codex CLI uses.
    pub(super) fn of_login(entry: &KeyringEntry) -> Self {
        Self {
            attributes: entry.attributes().map(|(name, value)| (name, value.to_owned())).to_vec(),
            mark: Some(entry.mark()),
            label: entry.label(),
            name: format!("{SERVICE}, {}", entry.username()),
        }
    }

    /// An entry of ours beside it.
    pub(super) fn beside(entry: &KeyringEntry, what: &str) -> Self {
        let mut beside = Self::all_beside(entry);
        beside.attributes.push(("kind", what.to_owned()));
        beside.label = format!("{OURS}: {what} ({})", entry.username());
        beside.name = format!("{OURS}, {}, {what}", entry.username());
        beside
    }

    /// What all entries of ours beside it have in common.
    pub(super) fn all_beside(entry: &KeyringEntry) -> Self {
        Self::of_service(OURS, entry)
    }

    /// The sessions that wait to be ended, which signing out leaves here.
    pub(super) fn waiting(entry: &KeyringEntry) -> Self {
        Self::of_service(SIGNED_OUT, entry)
    }

    /// An entry of no meaning.
    pub(super) fn trial(entry: &KeyringEntry) -> Self {
        Self::of_service(TRIAL, entry)
    }

    fn of_service(service: &str, entry: &KeyringEntry) -> Self {
        Self {
            attributes: vec![("service", service.to_owned()), ("username", entry.username().to_owned())],
            mark: None,
            label: service.to_owned(),
            name: format!("{service}, {}", entry.username()),
        }
    }

    pub(super) fn search(&self) -> HashMap<&str, &str> {
        self.attributes.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    pub(super) fn all(&self) -> HashMap<&str, &str> {
        self.search().into_iter().chain(self.mark).collect()
    }
}
