//! What each key of `issuer.toml` holds: a value of another kind is refused by a sentence that names all three.

use std::net::{IpAddr, SocketAddr};
use toml::Value;

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An address of the web.
    Url,
    /// A word or a path.
    Text,
    /// An IP address with a port.
    Address,
    /// IP addresses.
    Addresses,
    /// A whole number.
    Number,
    /// Yes or no.
    Flag,
    /// A table of lists of addresses, under names that are not ours.
    Lists,
    /// A table of addresses of the web, under names that are not ours.
    Urls,
    /// A table of the keys that it names.
    Table(&'static [(&'static str, Kind)]),
}

/// Every key that there is.
pub(super) const KEYS: &[(&str, Kind)] = &[
    ("url", Kind::Url),
    ("audience", Kind::Url),
    ("listen", Kind::Address),
    ("operations", Kind::Address),
    ("administration", Kind::Address),
    ("refresh", Kind::Table(REFRESH)),
    ("database", Kind::Text),
    ("database_password_file", Kind::Text),
    ("database_connections", Kind::Number),
    ("trusted_proxies", Kind::Addresses),
    ("breached_passwords", Kind::Text),
    ("mail", Kind::Table(MAIL)),
    ("api_key_exchange", Kind::Flag),
    ("device_codes", Kind::Table(DEVICE_CODES)),
    ("workloads", Kind::Text),
    ("outbound_proxy", Kind::Url),
    ("browser_sessions", Kind::Table(BROWSER_SESSIONS)),
    ("post_logout_redirect_uris", Kind::Lists),
    ("backchannel_logout", Kind::Table(BACK_CHANNEL)),
    ("anomalies", Kind::Table(ANOMALIES)),
];
const REFRESH: &[(&str, Kind)] = &[
    ("anonymous_grace_seconds", Kind::Number),
    ("shared_grace_seconds", Kind::Number),
    ("strict", Kind::Flag),
];
const MAIL: &[(&str, Kind)] =
    &[("server", Kind::Text), ("from", Kind::Text), ("user", Kind::Text), ("password_file", Kind::Text)];
const DEVICE_CODES: &[(&str, Kind)] = &[
    ("codex", Kind::Flag),
    ("standard", Kind::Flag),
    ("gateway", Kind::Flag),
    ("number_match", Kind::Flag),
    ("other_network", Kind::Text),
    ("per_workspace_per_hour", Kind::Number),
];
const BROWSER_SESSIONS: &[(&str, Kind)] = &[
    ("idle_minutes", Kind::Number),
    ("administrator_idle_minutes", Kind::Number),
    ("absolute_hours", Kind::Number),
];
const BACK_CHANNEL: &[(&str, Kind)] = &[("allow_private_addresses", Kind::Flag), ("uris", Kind::Urls)];
const ANOMALIES: &[(&str, Kind)] = &[
    ("webhook", Kind::Url),
    ("secret_file", Kind::Text),
    ("allow_private_addresses", Kind::Flag),
    ("refresh_replays", Kind::Number),
    ("logins_per_hour", Kind::Number),
    ("networks_per_hour", Kind::Number),
    ("devices_per_hour", Kind::Number),
];
/// The keys that must be there, with the table that they are in.
const REQUIRED: &[(&[&str], &str)] = &[
    (&[], "url"),
    (&["mail"], "server"),
    (&["mail"], "from"),
    (&["anomalies"], "webhook"),
    (&["anomalies"], "secret_file"),
];

/// What is wrong with a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// A key means nothing.
    Unknown { key: String, nearest: &'static str },
    /// A value is of another kind.
    Kind { key: String, wanted: &'static str },
    /// A key is not there.
    Missing { key: String, wanted: &'static str },
}

impl Kind {
    /// Returns what people are told.
    const fn wanted(self) -> &'static str {
        match self {
            Self::Url => "an address in quotes, such as \"https://id.example.org\"",
            Self::Text => "a text in quotes",
            Self::Address => "an IP address with a port in quotes, such as \"127.0.0.1:8400\"",
            Self::Addresses => "a list of IP addresses, such as [\"127.0.0.1\"]",
            Self::Number => "a whole number without quotes, not below zero",
            Self::Flag => "true or false, without quotes",
            Self::Lists => "a table of lists, each such as [\"https://portal.example.org/signed-out\"]",
            Self::Urls => "a table of addresses in quotes, each such as \"https://portal.example.org/ended\"",
            Self::Table(_) => "a table: its keys follow a line with its name in brackets",
        }
    }

    fn takes(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Url, Value::String(text)) => !text.is_empty(),
            (Self::Text, Value::String(_))
            | (Self::Flag, Value::Boolean(_))
            | (Self::Table(_), Value::Table(_)) => true,
            (Self::Address, Value::String(text)) => text.parse::<SocketAddr>().is_ok(),
            (Self::Addresses, Value::Array(values)) => {
                values.iter().all(|value| value.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok()))
            }
            (Self::Lists, Value::Table(lists)) => lists.values().all(is_list_of_texts),
            (Self::Urls, Value::Table(urls)) => urls.values().all(|url| Self::Url.takes(url)),
            (Self::Number, Value::Integer(number)) => u32::try_from(*number).is_ok(),
            (_, _) => false,
        }
    }
}

fn is_list_of_texts(value: &Value) -> bool {
    value.as_array().is_some_and(|texts| texts.iter().all(Value::is_str))
}

/// Finds the first thing that is wrong with `table`.
pub(super) fn check(table: &toml::Table) -> Result<(), Wrong> {
    check_table(table, KEYS, "")?;
    for (tables, key) in REQUIRED {
        let within = tables.iter().try_fold(table, |table, name| table.get(*name)?.as_table());
        if within.is_some_and(|within| !within.contains_key(*key)) {
            let wanted = kind_of(tables, key).map_or("", Kind::wanted);
            return Err(Wrong::Missing { key: [tables, &[*key][..]].concat().join("."), wanted });
        }
    }
    Ok(())
}

fn kind_of(tables: &[&str], key: &str) -> Option<Kind> {
    let mut keys = KEYS;
    for name in tables {
        match keys.iter().find(|(known, _)| known == name)?.1 {
            Kind::Table(within) => keys = within,
            Kind::Url
            | Kind::Text
            | Kind::Address
            | Kind::Addresses
            | Kind::Number
            | Kind::Flag
            | Kind::Lists
            | Kind::Urls => return None,
        }
    }
    keys.iter().find(|(known, _)| *known == key).map(|(_, kind)| *kind)
}

fn check_table(table: &toml::Table, known: &[(&'static str, Kind)], prefix: &str) -> Result<(), Wrong> {
    for (key, value) in table {
        let shown = format!("{prefix}{key}");
        let Some((_, kind)) = known.iter().find(|(known, _)| known == key) else {
            let nearest =
                known.iter().map(|(known, _)| *known).min_by_key(|known| strsim::levenshtein(known, key));
            return Err(Wrong::Unknown { key: shown, nearest: nearest.unwrap_or_default() });
        };
        if !kind.takes(value) {
            return Err(Wrong::Kind { key: shown, wanted: kind.wanted() });
        }
        if let (Kind::Table(within), Value::Table(inner)) = (kind, value) {
            check_table(inner, within, &format!("{shown}."))?;
        }
    }
    Ok(())
}
