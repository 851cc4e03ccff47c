//! The log on standard error: lines are gathered, and written by one thread.

mod text;

use std::io::{self, Write as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use text::Text;
use tracing_subscriber::fmt::MakeWriter;

/// How long lines are gathered after some were written. A first line is written at once.
const GATHER: Duration = Duration::from_millis(10);
/// How many bytes may wait; whoever has more waits until some are written, so that none is lost.
const MOST: usize = 1024 * 1024;

/// Where what the program says goes too, so that it comes in order with the log.
static LINES: OnceLock<Lines> = OnceLock::new();

/// Where lines go.
#[derive(Clone, Debug, Default)]
struct Lines(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// There is something to write, or nothing will come any more.
    more: Condvar,
    /// Something was written.
    room: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    text: Vec<u8>,
    /// Whether the thread must be told of a line.
    is_writer_asleep: bool,
    is_over: bool,
}

/// Says a line to people; that nobody reads it is no reason to stop.
pub(crate) fn say(line: &str) {
    match LINES.get() {
        Some(lines) => lines.0.add(format!("{line}\n").as_bytes()),
        None => drop(writeln!(io::stderr(), "{line}")),
    }
}

/// How lines of the log are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs: one object a line.
    Json,
}

/// Writes what is left when it is dropped.
#[derive(Debug)]
pub(crate) struct Log(Option<JoinHandle<()>>);

impl Log {
    /// Starts the log; `filter` is what is logged, in the syntax of `tracing`'s filters.
    pub(crate) fn start(filter: &str, format: Format) -> Self {
        let lines = Lines::default();
        let writer = std::thread::Builder::new().name("log".to_owned()).spawn({
            let lines = lines.clone();
            move || lines.0.write_all()
        });
        match writer {
            Ok(writer) => {
                begin(filter, format, lines.clone());
                LINES.get_or_init(|| lines);
                Self(Some(writer))
            }
            // Without a thread each line is written where it is made.
            Err(error) => {
                begin(filter, format, io::stderr);
                tracing::warn!(%error, "cannot start a thread");
                Self(None)
            }
        }
    }
}

fn begin(filter: &str, format: Format, to: impl for<'a> MakeWriter<'a> + Send + Sync + 'static) {
    let log =
        tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::new(filter)).with_writer(to);
    match format {
        Format::Text => {
            let is_terminal = io::IsTerminal::is_terminal(&io::stderr());
            log.with_ansi(is_terminal).event_format(Text::default()).init();
        }
        Format::Json => log.json().flatten_event(true).init(),
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let (Some(lines), Some(writer)) = (LINES.get(), self.0.take()) else { return };
        lines.0.lock().is_over = true;
        lines.0.more.notify_all();
        // It does not panic; and there would be nobody to tell.
        writer.join().ok();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, line: &[u8]) {
        let mut waiting = self.lock();
        while waiting.text.len() >= MOST {
            waiting = self.room.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.text.extend_from_slice(line);
        if std::mem::take(&mut waiting.is_writer_asleep) {
            self.more.notify_one();
        }
    }

    fn write_all(&self) {
        let mut text = Vec::new();
        loop {
            let mut waiting = self.lock();
            while waiting.text.is_empty() {
                if waiting.is_over {
                    return;
                }
                waiting.is_writer_asleep = true;
                waiting = self.more.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            waiting.is_writer_asleep = false;
            std::mem::swap(&mut waiting.text, &mut text);
            drop(waiting);
            self.room.notify_all();
            // That nobody reads the log is no reason to stop.
            io::stderr().write_all(&text).ok();
            text.clear();
            let gathering = self.more.wait_timeout_while(self.lock(), GATHER, |waiting| !waiting.is_over);
            drop(gathering.unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(&self.0)
    }
}

/// Takes one line, which comes in one piece.
#[derive(Debug)]
struct Line<'a>(&'a Shared);

impl io::Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
