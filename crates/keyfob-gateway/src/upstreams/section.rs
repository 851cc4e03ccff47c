//! `[upstream.NAME]` of the configuration, as it is written and as it is meant.

use super::{Identity, NamedUpstream, Sharing};
use crate::policy::{Pattern, TAG, tag};
use crate::upstream::{InvalidUpstreamUrl, Upstream, UpstreamKey, UpstreamUrl};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// All of them, which are tried in the order of the file.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct UpstreamSections(BTreeMap<String, Spanned<UpstreamSection>>);

/// One upstream as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSection {
    /// Where its `/v1` is, or `demo`.
    url: String,
    /// Whether it is spoken to over HTTP/2 without TLS that agrees on it.
    #[serde(default)]
    http2: bool,
    /// The file with its key; nothing is shown to it without one.
    key_file: Option<PathBuf>,
    /// The names of the models that it serves, with `*`; every one if the list is not there.
    models: Option<Vec<String>>,
    /// What it promises about how long it keeps what it is sent.
    #[serde(default)]
    retention: Vec<String>,
    /// What it promises about where it processes.
    #[serde(default)]
    residency: Vec<String>,
    /// Whether it uses what it is sent beyond the answer.
    #[serde(default)]
    data_sharing: bool,
    /// What it is told about who calls.
    #[serde(default)]
    identity: Identity,
}

/// A section is no upstream.
#[derive(Debug, thiserror::Error)]
pub enum InvalidUpstream<E> {
    /// There is none at all.
    #[error("there is no `[upstream.NAME]`")]
    None,
    /// Its name would not fit into a header.
    #[error("the upstream `{0}` needs a name of lower-case letters, digits and dashes")]
    Name(String),
    /// Its address is none.
    #[error("`url` of the upstream `{name}`")]
    Url {
        /// Which upstream.
        name: String,
        /// What is wrong with it.
        #[source]
        source: InvalidUpstreamUrl,
    },
    /// Its key cannot be read.
    #[error("`key_file` of the upstream `{name}`")]
    Key {
        /// Which upstream.
        name: String,
        /// What is wrong with it.
        source: E,
    },
    /// The demo is asked over no connection, and asks for no key.
    #[error("the demo takes no `{0}`")]
    Demo(&'static str),
    /// A value of a list means nothing.
    #[error("`{key}` of the upstream `{name}` holds {value:?}: {wanted}")]
    Value {
        /// Which upstream.
        name: String,
        /// In which list.
        key: &'static str,
        /// The value.
        value: String,
        /// What it should be.
        wanted: &'static str,
    },
}

impl UpstreamSections {
    /// Reads all of them, in the order of the file; `key` reads a file with a key.
    pub fn read<E>(
        self,
        key: impl Fn(&Path) -> Result<UpstreamKey, E>,
    ) -> Result<Vec<NamedUpstream>, InvalidUpstream<E>> {
        let mut sections: Vec<_> = self.0.into_iter().collect();
        sections.sort_by_key(|(_, section)| section.span().start);
        if sections.is_empty() {
            return Err(InvalidUpstream::None);
        }
        sections.into_iter().map(|(name, section)| section.into_inner().read(name, &key)).collect()
    }

    /// Whether nothing is written.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl UpstreamSection {
    fn read<E>(
        self,
        name: String,
        key: impl Fn(&Path) -> Result<UpstreamKey, E>,
    ) -> Result<NamedUpstream, InvalidUpstream<E>> {
        if tag(&name).is_none() {
            return Err(InvalidUpstream::Name(name));
        }
        let upstream = match (self.url.as_str(), self.key_file) {
            ("demo", Some(_)) => return Err(InvalidUpstream::Demo("key_file")),
            ("demo", None) if self.http2 => return Err(InvalidUpstream::Demo("http2")),
            ("demo", None) => Upstream::Demo,
            (url, file) => Upstream::Http {
                url: UpstreamUrl::parse(url)
                    .and_then(|url| if self.http2 { url.over_http2() } else { Ok(url) })
                    .map_err(|source| InvalidUpstream::Url { name: name.clone(), source })?,
                key: file
                    .map(|file| key(&file))
                    .transpose()
                    .map_err(|source| InvalidUpstream::Key { name: name.clone(), source })?,
            },
        };
        let wrong =
            |key, value: String, wanted| InvalidUpstream::Value { name: name.clone(), key, value, wanted };
        let models = self.models.unwrap_or_else(|| vec!["*".into()]);
        let models = models.into_iter().map(|text| {
            Pattern::parse(&text)
                .ok_or_else(|| wrong("models", text, "a pattern is visible characters without spaces"))
        });
        let models = models.collect::<Result<_, _>>()?;
        let tags = |key, tags: Vec<String>| -> Result<Vec<String>, InvalidUpstream<E>> {
            tags.into_iter().map(|text| tag(&text).ok_or_else(|| wrong(key, text, TAG))).collect()
        };
        Ok(NamedUpstream {
            upstream,
            models,
            retention: tags("retention", self.retention)?,
            residency: tags("residency", self.residency)?,
            sharing: if self.data_sharing { Sharing::On } else { Sharing::Off },
            identity: self.identity,
            name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        #[derive(Debug, Deserialize)]
        struct File {
            upstream: UpstreamSections,
        }
        let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let key = |_: &Path| UpstreamKey::parse("");
        file.upstream
            .read(key)
            .map(|all| all.iter().map(|upstream| upstream.name.clone()).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn upstreams_are_tried_in_the_order_of_the_file() {
        let text = "[upstream.z]\nurl = 'demo'\n[upstream.m]\nurl = 'http://127.0.0.1:1'\n[upstream.a]\nurl = 'demo'\n";

        assert_eq!(read(text), Ok(vec!["z".into(), "m".into(), "a".into()]));
    }

    #[test]
    fn g_11_an_upstream_that_is_written_wrong_stops_the_start() {
        let wrong = [
            ("[upstream]", "there is no `[upstream.NAME]`"),
            (
                "[upstream.A]\nurl = 'demo'",
                "the upstream `A` needs a name of lower-case letters, digits and dashes",
            ),
            ("[upstream.a]\nurl = 'http://10.0.0.1'", "`url` of the upstream `a`"),
            ("[upstream.a]\nurl = 'demo'\nkey_file = 'k'", "the demo takes no `key_file`"),
            ("[upstream.a]\nurl = 'demo'\nhttp2 = true", "the demo takes no `http2`"),
            ("[upstream.a]\nurl = 'https://a.test'\nhttp2 = true", "`url` of the upstream `a`"),
            ("[upstream.a]\nurl = 'https://a.test'\nkey_file = 'k'", "`key_file` of the upstream `a`"),
            (
                "[upstream.a]\nurl = 'demo'\nretention = ['Z']",
                "`retention` of the upstream `a` holds \"Z\": a tag is a word of lower-case letters, digits and dashes",
            ),
            (
                "[upstream.a]\nurl = 'demo'\nmodels = ['a b']",
                "`models` of the upstream `a` holds \"a b\": a pattern is visible characters without spaces",
            ),
        ];
        for (text, said) in wrong {
            assert_eq!(read(text), Err(said.into()), "{text}");
        }
        assert!(
            read("[upstream.a]\nurl = 'demo'\nmodel = []").unwrap_err().starts_with("unknown field `model`")
        );
    }
}
