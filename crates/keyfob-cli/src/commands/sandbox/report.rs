//! What was written, and how it is used, for people and for programs.

use super::contents::{self, Contents};
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::output;
use keyfob_client::tool_keys::{NewTool, ToolKey};
use serde_json::{Value, json};
use std::path::Path;

/// How it went, or would go.
pub(super) struct Report<'a> {
    pub(super) place: &'a Path,
    pub(super) tool: &'a NewTool,
    pub(super) contents: &'a Contents<'a>,
    /// Whether the folder was that of a sandbox before.
    pub(super) renewed: bool,
}

/// What stands for a key that is not made.
const NO_KEY: &str = "kfl-…";

impl Report<'_> {
    pub(super) fn show(&self, is_json: bool) -> Result<(), CommandError> {
        if is_json {
            return Ok(output::data(&self.document().to_string()).map_err(Failure::Output)?);
        }
        for line in self.lines() {
            output::say(&line);
        }
        Ok(())
    }

    /// Shows what would be written.
    pub(super) fn show_files(&self, is_json: bool) -> Result<(), CommandError> {
        let key = ToolKey::new(NO_KEY);
        let (config, env) = (self.contents.config(&key), self.contents.env(&key));
        let config_file = self.place.join(contents::CODEX).join(contents::CONFIG);
        let files = [
            (config_file, config.expose()),
            (self.place.join(contents::ENV), env.expose()),
            (self.place.join(contents::GIT_IGNORE), contents::IGNORE_ALL),
        ];
        if is_json {
            let mut document = self.document();
            if let Some(members) = document.as_object_mut() {
                let texts = files.iter().map(|(path, text)| (path.display().to_string(), (*text).into()));
                members.insert("changed".into(), false.into());
                members.insert("files".into(), Value::Object(texts.collect()));
            }
            return Ok(output::data(&document.to_string()).map_err(Failure::Output)?);
        }
        for (path, text) in &files {
            let shown = format!("==> {} <==\n{}", path.display(), text.trim_end());
            output::data(&shown).map_err(Failure::Output)?;
        }
        let would = if self.renewed { ", with another key than the present one" } else { "" };
        output::say(&format!("This would be in `{}`{would}; nothing was changed", self.place.display()));
        Ok(())
    }

    fn lines(&self) -> Vec<String> {
        let (place, gateway) = (self.place.display(), self.contents.gateway);
        let name = &self.tool.name;
        let mut lines = vec![
            format!(
                "`{place}` has what a sandbox needs to reach your gateway, as the tool `{name}`, and no login of yours"
            ),
            format!("Codex in there: CODEX_HOME={place}/{} codex", contents::CODEX),
            format!("Other programs: the variables in `{place}/{}`", contents::ENV),
            format!(
                "The gateway: keyfob-gateway local --listen {gateway} (the sandbox has to reach it at this address, too)"
            ),
            format!("To end it: keyfob-gateway local key revoke {name}"),
        ];
        if self.renewed {
            lines.push("The key that was there before is revoked".to_owned());
        }
        lines
    }

    fn document(&self) -> Value {
        let Self { place, tool, contents, renewed } = self;
        json!({
            "schema": 1,
            "state": Exit::Ok.state(),
            "changed": true,
            "folder": place.display().to_string(),
            "codex_home": place.join(contents::CODEX).display().to_string(),
            "env_file": place.join(contents::ENV).display().to_string(),
            "base_url": contents.base_url(),
            "tool": tool.name.as_str(),
            "requests_per_minute": tool.quota,
            "renewed": renewed,
        })
    }
}
