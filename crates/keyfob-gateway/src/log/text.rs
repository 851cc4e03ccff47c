//! Lines for people, as the library writes them. That of a request is written here, for a third of the work: at the library it
//! is nearly a fifth of all that a request asks of the gateway. Of what a request happens within, it names nothing.

use crate::system;
use jiff::Timestamp;
use keyfob_gateway::record;
use std::cell::Cell;
use std::fmt;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{Format, FormatEvent, FormatFields, Full, Writer};
use tracing_subscriber::registry::LookupSpan;

/// Writes an event as a line: when, how important, from where, what, and the fields.
#[derive(Debug, Default)]
pub(super) struct Text(Format<Full>);

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let target = event.metadata().target();
        if target != record::TARGET || line.has_ansi_escapes() {
            return self.0.format_event(context, line, event);
        }
        write_time(&mut line, system::since_1970())?;
        line.write_str("  INFO ")?;
        line.write_str(target)?;
        line.write_char(':')?;
        let mut fields = Fields { line, outcome: Ok(()) };
        event.record(&mut fields);
        fields.outcome?;
        fields.line.write_char('\n')
    }
}

/// Writes when it is (RFC 3339 §5.6), to the microsecond.
fn write_time(line: &mut impl fmt::Write, since_1970: std::time::Duration) -> fmt::Result {
    thread_local! {
        /// A second, and how it is written.
        static SECOND: Cell<(u64, [u8; 19])> = const { Cell::new((0, *b"1970-01-01T00:00:00")) };
    }
    let (known, mut written) = SECOND.get();
    let second = since_1970.as_secs();
    if second != known {
        let at = i64::try_from(second).ok().and_then(|second| Timestamp::from_second(second).ok());
        let text = at.unwrap_or(Timestamp::MAX).to_string();
        // What has other digits is not of this age.
        if let Some(first) = text.as_bytes().first_chunk() {
            written = *first;
            SECOND.set((second, written));
        }
    }
    line.write_str(std::str::from_utf8(&written).unwrap_or_default())?;
    write!(line, ".{:06}Z", since_1970.subsec_micros())
}

/// Writes fields one after the other.
struct Fields<'a> {
    line: Writer<'a>,
    outcome: fmt::Result,
}

impl Fields<'_> {
    fn write(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        self.outcome = self.outcome.and_then(|()| {
            self.line.write_char(' ')?;
            if field.name() != "message" {
                self.line.write_str(field.name())?;
                self.line.write_char('=')?;
            }
            value(&mut self.line)
        });
    }
}

impl Visit for Fields<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field, |line| write!(line, "{value}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.write(field, |line| {
            let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
            if !value.bytes().all(is_plain) {
                return write!(line, "{value:?}");
            }
            line.write_char('"')?;
            line.write_str(value)?;
            line.write_char('"')
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, |line| write!(line, "{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;
    use tracing_subscriber::fmt::MakeWriter;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Written {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    fn log() {
        for subject in [Some("u-1"), Some("\u{1b}[2J \"é\" \\ \n"), None] {
            tracing::info!(
                target: record::TARGET,
                {
                    request.id = %"0123",
                    subject,
                    credential = Some("access_token"),
                    status = Some(200_u16),
                    ms = 12_u64,
                    bytes = u64::MAX,
                    whole = true,
                    cause = ?Some("x")
                },
                "request"
            );
        }
        tracing::info!(subject = "u-1", "something else");
        tracing::warn!(cause = "\u{1b}[2J", "a warning");
    }

    /// Returns the lines without when they were written.
    fn lines(written: &Written) -> Vec<String> {
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| line.split_once('Z').unwrap().1.to_owned()).collect()
    }

    #[test]
    fn a_line_is_what_the_library_would_have_written() {
        let (ours, theirs) = (Written::default(), Written::default());
        let ours_to = tracing_subscriber::fmt()
            .with_writer(ours.clone())
            .with_ansi(false)
            .event_format(Text::default())
            .finish();
        let theirs_to = tracing_subscriber::fmt().with_writer(theirs.clone()).with_ansi(false).finish();

        tracing::subscriber::with_default(ours_to, log);
        tracing::subscriber::with_default(theirs_to, log);

        assert_eq!(lines(&ours), lines(&theirs));
        assert_eq!(
            lines(&ours)[0],
            "  INFO keyfob_gateway::record: request request.id=0123 subject=\"u-1\" credential=\"access_token\" status=200 \
             ms=12 bytes=18446744073709551615 whole=true cause=Some(\"x\")"
        );
    }

    #[test]
    fn a_time_is_written_to_the_microsecond_and_a_second_that_is_known_is_written_alike() {
        let written = |micros| {
            let mut line = String::new();
            write_time(&mut line, Duration::from_micros(micros)).unwrap();
            line
        };

        let times = [1_764_503_233_000_042, 1_764_503_233_999_999, 1_764_503_234_000_000, 0].map(written);

        assert_eq!(
            times,
            [
                "2025-11-30T11:47:13.000042Z",
                "2025-11-30T11:47:13.999999Z",
                "2025-11-30T11:47:14.000000Z",
                "1970-01-01T00:00:00.000000Z"
            ]
        );
    }
}
