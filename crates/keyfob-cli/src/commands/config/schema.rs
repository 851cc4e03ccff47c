//! `keyfob config schema`: what editors need to know of a file, as JSON Schema 2020-12.

use crate::args::SchemaFile;
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::output;
use keyfob_settings::{FileKind, Key, Kind};
use serde_json::{Map, Value, json};

/// Prints it.
pub(super) fn run(file: SchemaFile) -> Result<Exit, CommandError> {
    let kind = match file {
        SchemaFile::Own => FileKind::Own,
        SchemaFile::Shared => FileKind::Shared,
        SchemaFile::Requirements => FileKind::Requirements,
    };
    output::data(&format!("{:#}", document(kind))).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}

/// Keys that are not ours are the Codex CLI's business; our own files and tables have no others.
fn document(kind: FileKind) -> Value {
    let mut properties = Map::new();
    for key in Key::of(kind).filter(|key| key.table.is_none()) {
        properties.insert(key.name.to_owned(), property(key));
    }
    for table in Key::of(kind).filter_map(|key| key.table) {
        let keys = Key::of(kind).filter(|key| key.table == Some(table));
        let inner: Map<_, _> = keys.map(|key| (key.name.to_owned(), property(key))).collect();
        properties.insert(
            table.to_owned(),
            json!({ "type": "object", "properties": inner, "additionalProperties": false }),
        );
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.to_string(),
        "type": "object",
        "properties": properties,
        "additionalProperties": kind != FileKind::Own,
    })
}

fn property(key: &Key) -> Value {
    const ISSUER: &str = r"^(https://|http://(localhost|127\.|\[::1\]))";
    const LOGIN: &str = "^[a-z0-9][a-z0-9._@+-]{0,63}$";
    let text = || json!({ "type": "string" });
    let mut property = match key.kind {
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Words(words) => json!({ "type": "array", "items": { "enum": words }, "minItems": 1 }),
        Kind::Url => json!({ "type": "string", "format": "uri" }),
        Kind::Issuer => json!({ "type": "string", "format": "uri", "pattern": ISSUER }),
        Kind::Workspaces => json!({
            "anyOf": [
                { "type": "string", "pattern": "^[^,]*$" },
                { "type": "array", "items": text() },
            ],
        }),
        Kind::WorkspaceList => json!({ "type": "array", "items": text() }),
        Kind::Servers => json!({
            "type": "array",
            "items": { "type": "string", "format": "uri", "pattern": "^https?://[^/@?#]+/?$" },
        }),
        Kind::Login => json!({ "type": "string", "pattern": LOGIN }),
        Kind::Rules => json!({
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "path": { "type": "string", "pattern": "^(/|~$|~/)" },
                    "login": { "type": "string", "pattern": LOGIN },
                },
                "required": ["path", "login"],
                "additionalProperties": false,
            },
        }),
    };
    if let Some(property) = property.as_object_mut() {
        let described = format!("{}; without it: {}", key.meaning, key.default);
        property.insert("description".to_owned(), described.into());
    }
    property
}
