//! The frames of an HTTP/2 connection, counted: those that cost work and carry nothing are few (security G-45, I-76).
//!
//! The library behind the door bounds what it keeps: streams, windows, heads, and resets of streams that nobody has looked at. It
//! answers every PING and SETTINGS, though, and begins every request that is reset a moment later. So there is so much of
//! that in a second, and a connection that goes on ends (CVE-2019-9512, -9513, -9515, -9517, -9518, CVE-2023-44487,
//! CVE-2024-27316).

use super::Flooded;
use std::time::Duration;
use tokio::time::Instant;

/// What a frame costs that carries nothing.
const EMPTY: u32 = 100;
/// What opening a window costs: a reader may do so for each event of a stream.
const WINDOW: u32 = 1;
/// So much may be spent at once: 1,000 empty frames.
const MOST: u32 = 1_000 * EMPTY;
/// So much may be spent in each second: 100 empty frames.
const EACH_SECOND: u64 = 100 * EMPTY as u64;
/// RFC 9113 §4.1.
const HEAD: usize = 9;

/// Where in its frames a connection is, and what it may still spend.
#[derive(Debug)]
pub(super) struct Frames {
    head: [u8; HEAD],
    /// How much of a head has come.
    begun: usize,
    /// How much of a payload has not.
    rest: usize,
    left: u32,
    since: Option<Instant>,
}

impl Default for Frames {
    fn default() -> Self {
        Self { head: [0; HEAD], begun: 0, rest: 0, left: MOST, since: None }
    }
}

impl Frames {
    /// Counts what has come; `now` is asked only where something costs.
    pub(super) fn count(&mut self, mut bytes: &[u8], now: impl Fn() -> Instant) -> Result<(), Flooded> {
        while !bytes.is_empty() {
            let of_payload = bytes.len().min(self.rest);
            self.rest -= of_payload;
            let (head, after) =
                bytes.split_at(of_payload).1.split_at((bytes.len() - of_payload).min(HEAD - self.begun));
            for (place, byte) in self.head.iter_mut().skip(self.begun).zip(head) {
                *place = *byte;
            }
            self.begun += head.len();
            bytes = after;
            if self.begun == HEAD {
                self.begun = 0;
                let [a, b, c, kind, flags, ..] = self.head;
                self.rest = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
                self.spend(cost(kind, flags, self.rest), &now)?;
            }
        }
        Ok(())
    }

    fn spend(&mut self, cost: u32, now: impl Fn() -> Instant) -> Result<(), Flooded> {
        if cost == 0 {
            return Ok(());
        }
        let now = now();
        let passed = self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        // What does not come to a whole unit yet is counted next time.
        let regained =
            EACH_SECOND.saturating_mul(u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)) / 1_000;
        if self.since.is_none() || regained > 0 {
            self.since = Some(now);
            self.left = self.left.saturating_add(u32::try_from(regained).unwrap_or(u32::MAX)).min(MOST);
        }
        self.left = self.left.checked_sub(cost).ok_or(Flooded)?;
        Ok(())
    }
}

/// What a frame costs (RFC 9113 §6).
const fn cost(kind: u8, flags: u8, length: usize) -> u32 {
    const END_STREAM: u8 = 1;
    match kind {
        // Data, unless there is none and no more is said by that.
        0 if length > 0 || flags & END_STREAM != 0 => 0,
        // A request: what one costs is limited where it is known who asks.
        1 => 0,
        8 => WINDOW,
        // PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, CONTINUATION, and what nobody knows.
        _ => EMPTY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, length: u8) -> Vec<u8> {
        let head = [0, 0, length, kind, flags, 0, 0, 0, 1];
        [&head[..], &vec![7; length.into()]].concat()
    }

    /// Returns how many of these frames come through at one moment.
    fn pass(frames: &mut Frames, frame: &[u8], now: Instant) -> usize {
        (0..200_000).take_while(|_| frames.count(frame, || now).is_ok()).count()
    }

    #[test]
    fn g_45_frames_that_carry_nothing_are_few_and_others_are_not_counted() {
        let now = Instant::now();
        let through = |kind, flags, length| pass(&mut Frames::default(), &frame(kind, flags, length), now);

        for (kind, flags, length) in
            [(6, 0, 8), (4, 0, 0), (4, 0, 6), (3, 0, 4), (2, 0, 5), (9, 0, 0), (0, 0, 0), (99, 0, 1)]
        {
            assert_eq!(through(kind, flags, length), 1_000, "{kind}");
        }
        assert_eq!(through(8, 0, 4), 100_000);
        for (kind, flags, length) in [(0, 0, 1), (0, 1, 0), (1, 5, 20)] {
            assert_eq!(through(kind, flags, length), 200_000, "{kind}");
        }
    }

    #[test]
    fn g_45_so_many_more_come_through_in_each_second() {
        let (mut frames, ping, now) = (Frames::default(), frame(99, 0, 0), Instant::now());
        assert_eq!(pass(&mut frames, &ping, now), 1_000);
        assert_eq!(pass(&mut frames, &ping, now + Duration::from_millis(1_500)), 150);
        assert_eq!(pass(&mut frames, &ping, now + Duration::from_hours(1)), 1_000);
        // Time that comes in small pieces counts too.
        let mut frames = Frames::default();
        pass(&mut frames, &ping, now);
        let pieces = (1..=20_000).map(|piece| now + Duration::from_micros(50 * piece));
        assert!(pieces.filter(|now| frames.count(&ping, || *now).is_ok()).count().abs_diff(100) <= 1);
    }

    #[test]
    fn g_45_frames_are_told_apart_however_their_bytes_come() {
        let now = Instant::now();
        let stream = [frame(1, 4, 200), frame(6, 0, 8), frame(0, 0, 100), frame(6, 0, 8)].concat();
        for size in [1, 2, 8, 9, 10, 64, 400] {
            let mut frames = Frames::default();
            for piece in stream.chunks(size) {
                frames.count(piece, || now).unwrap();
            }
            assert_eq!(frames.left, MOST - 2 * EMPTY, "{size}");
            assert_eq!((frames.begun, frames.rest), (0, 0), "{size}");
        }
    }
}
