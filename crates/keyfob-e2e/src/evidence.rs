//! Evidence: what a run prints and shows, kept so that it can be searched for secrets.

use crate::leak::{Finding, Kind, Place, Search, Secret, Stream};
use crate::process_table::{self, Entry};
use crate::{files, history};
use anyhow::{Context as _, Result};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;
use url::Url;

/// The bytes that a program has printed so far.
pub type Output = watch::Receiver<Vec<u8>>;

/// Everything that one run shows to others, and the secrets that it must not show.
#[derive(Clone, Debug, Default)]
pub struct Evidence(Arc<Mutex<Collected>>);

#[derive(Debug, Default)]
struct Collected {
    secrets: HashSet<Secret>,
    outputs: Vec<(Place, Output)>,
    processes: HashSet<Entry>,
}

impl Evidence {
    /// Notes a secret of this run.
    pub fn note(&self, kind: Kind, value: &str) {
        self.note_bytes(kind, value.as_bytes());
    }

    /// Notes a secret that is not text.
    pub fn note_bytes(&self, kind: Kind, value: &[u8]) {
        if let Some(secret) = Secret::new(kind, value) {
            self.collected().secrets.insert(secret);
        }
    }

    /// Notes the secrets that an address of a sign-in carries.
    pub fn note_address(&self, address: &Url) {
        for (name, value) in address.query_pairs() {
            match &*name {
                "code" => self.note(Kind::Code, &value),
                "state" => self.note(Kind::State, &value),
                _ => {}
            }
        }
    }

    /// Returns everything below `folder`, printed, or passed to a process that holds a secret out of its place.
    ///
    /// What a browser has visited is noted first.
    pub fn leaks(&self, folder: &Path) -> Result<Vec<Finding>> {
        let files = files::below(folder);
        for history in files.iter().filter(|path| path.ends_with("Default/History")) {
            for address in history::addresses(&std::fs::read(history)?) {
                self.note_address(&address);
            }
        }
        let collected = self.collected();
        let search = Search::new(&collected.secrets)?;
        let mut findings = Vec::new();
        for (place, output) in &collected.outputs {
            search.look_at(place, &output.borrow(), &mut findings);
        }
        for entry in &collected.processes {
            let program = entry.program();
            search.look_at(&Place::Arguments(program.clone()), &entry.arguments, &mut findings);
            for variable in entry.environment.split(|byte| *byte == 0) {
                search.look_at(&Place::of_variable(&program, variable), variable, &mut findings);
            }
        }
        for path in files {
            let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let name = path.strip_prefix(folder).unwrap_or(&path).to_owned();
            search.look_at(&Place::File(name), &bytes, &mut findings);
        }
        findings.sort();
        findings.dedup();
        Ok(findings)
    }

    pub(crate) fn keep_output(&self, program: &str, stream: Stream, output: Output) {
        self.collected().outputs.push((Place::Output { program: program.to_owned(), stream }, output));
    }

    fn keep_processes(&self, entries: Vec<Entry>) {
        self.collected().processes.extend(entries);
    }

    fn collected(&self) -> MutexGuard<'_, Collected> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at the world's processes again and again until dropped.
#[derive(Debug)]
pub(crate) struct Sampler {
    stop: mpsc::Sender<()>,
    thread: Option<JoinHandle<()>>,
}

const SAMPLE_EVERY: Duration = Duration::from_millis(50);

impl Sampler {
    pub(crate) fn start(folder: PathBuf, evidence: Evidence) -> Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new().name("process sampler".into()).spawn(move || {
            while stopped.recv_timeout(SAMPLE_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                evidence.keep_processes(process_table::processes_of(&folder));
            }
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        // The thread ends by itself if it no longer listens.
        let _stopped = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{LIMIT, Program};
    use std::time::Instant;

    #[tokio::test]
    async fn a_secret_in_the_arguments_or_the_environment_of_a_process_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let evidence = Evidence::default();
        evidence.note(Kind::Password, "correct horse battery");
        let sampler = Sampler::start(folder.path().to_owned(), evidence.clone()).unwrap();
        let program = Program::new("sh", Path::new("/bin/sh"), folder.path())
            .args(["-c", "env -i sleep 300; :", "correct horse battery"])
            .env("SECRET", "correct horse battery");

        let running = program.start(&evidence).await.unwrap();
        let started = Instant::now();
        while evidence.leaks(folder.path()).unwrap().len() < 2 && started.elapsed() < LIMIT {
            tokio::task::yield_now().await;
        }

        let leaks: Vec<String> =
            evidence.leaks(folder.path()).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(
            leaks,
            [
                "Password (as it is) in the arguments of `sh`",
                "Password (as it is) in the environment of `sh`"
            ]
        );
        drop((running, sampler));
    }
}
