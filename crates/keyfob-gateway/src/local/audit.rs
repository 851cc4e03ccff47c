//! What each tool did: one JSON line a request, in a file of its own, without a word of what was said (security G-06).

use keyfob_client::tool_keys::ToolName;
use keyfob_oauth::{Clock, text};
use serde_json::json;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::sync::Arc;

/// The folder of the files.
#[derive(Debug)]
pub(super) struct Audit {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
}

/// What is known of a request; written when it is dropped, however the request ended.
#[derive(Debug)]
pub(super) struct Line {
    audit: Arc<Audit>,
    tool: ToolName,
    request_id: String,
    method: String,
    path: String,
    time: i64,
    pub(super) status: Option<u16>,
    pub(super) bytes: u64,
    pub(super) ended: Ended,
}

/// How far an answer came.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ended {
    /// The caller left before it was over.
    CallerLeft,
    /// The provider broke off.
    BrokenOff,
    /// The key was revoked.
    Revoked,
    /// All of it was handed over.
    Whole,
}

/// So long a file may get; then it is put beside, in the place of the one before.
const LONGEST: u64 = 8 * 1024 * 1024;

impl Audit {
    pub(super) fn in_folder(folder: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self { folder, clock }
    }

    /// Begins the line of a request of `tool`; a query may hold what was said.
    pub(super) fn begin(
        self: &Arc<Self>,
        tool: ToolName,
        request_id: &str,
        method: &http::Method,
        path: &str,
    ) -> Line {
        Line {
            audit: Arc::clone(self),
            tool,
            request_id: request_id.to_owned(),
            method: method.to_string(),
            path: text::printable(path),
            time: self.clock.now().as_unix(),
            status: None,
            bytes: 0,
            ended: Ended::CallerLeft,
        }
    }

    fn write(&self, tool: &ToolName, line: &str) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(&self.folder) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        let path = self.folder.join(format!("{tool}.jsonl"));
        if fs::symlink_metadata(&path).is_ok_and(|found| found.len() > LONGEST) {
            fs::rename(&path, self.folder.join(format!("{tool}.jsonl.1")))?;
        }
        // One write a line: what several processes append is not mixed.
        OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?.write_all(line.as_bytes())
    }
}

impl Ended {
    const fn as_str(self) -> &'static str {
        match self {
            Self::CallerLeft => "caller_left",
            Self::BrokenOff => "broken_off",
            Self::Revoked => "revoked",
            Self::Whole => "whole",
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let document = json!({
            "time": self.time, "request_id": self.request_id, "method": self.method, "path": self.path,
            "status": self.status, "bytes": self.bytes, "ended": self.ended.as_str(),
        });
        if let Err(error) = self.audit.write(&self.tool, &format!("{document}\n")) {
            tracing::warn!(%error, tool = %self.tool, "a request cannot be written to the audit");
        }
    }
}
