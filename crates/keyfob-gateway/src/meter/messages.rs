//! What an upstream tells on a WebSocket (RFC 6455 §5), read as its bytes pass: the answers in it, each with what it used.
//!
//! The messages are the events of a stream of the Responses or the Realtime API, one in each message.

use super::document::Document;
use super::estimate;
use crate::tokens::Tokens;
use std::io::Cursor;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Data, OpCode};

/// One answer on a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) model: Option<String>,
    pub(crate) tokens: Tokens,
    /// Whether nobody counted them.
    pub(crate) is_estimate: bool,
    /// Whether its last event came.
    pub(crate) is_whole: bool,
}

/// Reads what an upstream sends; how large messages are does not matter.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    /// What came of the header of a frame.
    header: Vec<u8>,
    /// How much of the frame's payload is to come.
    rest: u64,
    frame: Frame,
    message: Document,
    /// The answer that is told.
    running: Option<Running>,
}

/// What a frame carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Frame {
    /// A piece of a message.
    Piece,
    /// The end of one, or all of it.
    Last,
    /// Nothing of what is told.
    #[default]
    Other,
}

#[derive(Debug, Default)]
struct Running {
    model: String,
    pieces: u64,
    text: u64,
}

/// The longest header of a frame (RFC 6455 §5.2).
const HEADER: usize = 14;

impl Messages {
    /// Reads bytes; returns the answers that have ended in them.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) -> Vec<Answer> {
        let mut ended = Vec::new();
        while !bytes.is_empty() {
            if self.rest == 0 && !self.begins(&mut bytes) {
                break;
            }
            let length = bytes.len().min(usize::try_from(self.rest).unwrap_or(usize::MAX));
            let (payload, after) = bytes.split_at(length);
            bytes = after;
            self.rest = self.rest.saturating_sub(length as u64);
            if self.frame != Frame::Other {
                self.message.read(payload);
            }
            if self.rest == 0 && self.frame == Frame::Last {
                ended.extend(self.end_message());
            }
        }
        ended
    }

    /// Returns the answer that broke off with the connection.
    pub(crate) fn end(&mut self) -> Option<Answer> {
        self.running.take().map(|running| running.ends(None, false))
    }

    /// Takes the header of the next frame; returns whether all of it was there.
    fn begins(&mut self, bytes: &mut &[u8]) -> bool {
        let before = self.header.len();
        self.header.extend(bytes.iter().take(HEADER.saturating_sub(before)));
        let mut cursor = Cursor::new(&self.header);
        let Ok(Some((header, length))) = FrameHeader::parse(&mut cursor) else {
            // What is no frame never becomes one: nothing more is read then.
            return false;
        };
        let used = usize::try_from(cursor.position()).unwrap_or(HEADER).saturating_sub(before);
        *bytes = bytes.get(used..).unwrap_or_default();
        self.header.clear();
        self.rest = length;
        self.frame = match header.opcode {
            OpCode::Data(Data::Text | Data::Continue) if header.is_final => Frame::Last,
            OpCode::Data(Data::Text | Data::Continue) => Frame::Piece,
            OpCode::Data(_) | OpCode::Control(_) => Frame::Other,
        };
        true
    }

    /// Notes what the message says that has ended; returns the answer that ends with it.
    fn end_message(&mut self) -> Option<Answer> {
        let message = std::mem::take(&mut self.message);
        let is_last = matches!(
            message.kind(),
            "response.completed" | "response.incomplete" | "response.failed" | "response.done"
        );
        if is_last || message.kind() == "response.created" || message.text() > 0 {
            self.running.get_or_insert_default().hear(&message);
        }
        if is_last { self.running.take().map(|running| running.ends(message.usage(), true)) } else { None }
    }
}

impl Running {
    fn hear(&mut self, message: &Document) {
        if !message.model().is_empty() {
            message.model().clone_into(&mut self.model);
        }
        self.pieces = self.pieces.saturating_add(u64::from(message.text() > 0));
        self.text = self.text.saturating_add(message.text());
    }

    fn ends(self, told: Option<Tokens>, is_whole: bool) -> Answer {
        let estimated = Tokens { output: self.pieces.max(estimate(self.text)), ..Tokens::default() };
        Answer {
            model: Some(self.model).filter(|model| !model.is_empty()),
            tokens: told.unwrap_or(estimated),
            is_estimate: told.is_none(),
            is_whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(opcode: u8, is_final: bool, payload: &[u8]) -> Vec<u8> {
        let opcode = OpCode::from(opcode);
        let mut frame = Vec::new();
        let header = FrameHeader { is_final, opcode, ..FrameHeader::default() };
        header.format(payload.len() as u64, &mut frame).unwrap();
        frame.extend(payload);
        frame
    }

    fn text(message: &str) -> Vec<u8> {
        frame(1, true, message.as_bytes())
    }

    fn read(messages: &mut Messages, pieces: &[&[u8]]) -> Vec<Answer> {
        pieces.iter().flat_map(|piece| messages.read(piece)).collect()
    }

    const CREATED: &str = r#"{"type":"response.created","response":{"id":"resp_1","model":"m-1"}}"#;
    const DELTA: &str = r#"{"type":"response.output_text.delta","delta":"Hello, hello"}"#;
    const COMPLETED: &str = r#"{"type":"response.completed","response":{"id":"resp_1","model":"m-1","usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":4},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":2}}}}"#;
    const DONE: &str = r#"{"type":"response.done","response":{"usage":{"input_tokens":3,"output_tokens":2,"input_token_details":{"cached_tokens":1}}}}"#;

    fn used() -> Answer {
        let tokens = Tokens { input: 9, cached: 4, output: 5, reasoning: 2 };
        Answer { model: Some("m-1".into()), tokens, is_estimate: false, is_whole: true }
    }

    #[test]
    fn each_answer_on_a_web_socket_is_told_with_what_it_used() {
        let mut messages = Messages::default();
        let stream = [text(CREATED), text(DELTA), text(COMPLETED), text(DONE)].concat();

        let tokens = Tokens { input: 3, cached: 1, output: 2, reasoning: 0 };
        let done = Answer { model: None, tokens, is_estimate: false, is_whole: true };
        assert_eq!(read(&mut messages, &[&stream]), [used(), done]);
        assert_eq!(messages.end(), None);
    }

    #[test]
    fn what_breaks_off_is_taken_for_what_was_told_of_it() {
        let mut messages = Messages::default();
        let stream = [text(CREATED), text(DELTA), text(DELTA), frame(1, false, b"{\"type\"")].concat();

        assert_eq!(read(&mut messages, &[&stream]), []);
        let tokens = Tokens { output: 6, ..Tokens::default() };
        let broken = Answer { model: Some("m-1".into()), tokens, is_estimate: true, is_whole: false };
        assert_eq!(messages.end(), Some(broken));
    }

    #[test]
    fn what_is_no_answer_says_nothing() {
        let mut messages = Messages::default();
        let long = format!("{{\"type\":\"session.created\",\"x\":\"{}\"}}", "y".repeat(70_000));
        let stream = [
            frame(9, true, b"ping"),
            frame(2, true, COMPLETED.as_bytes()),
            text(&long),
            text(r#"{"type":"error","error":{"usage":{"input_tokens":1,"output_tokens":1}}}"#),
            frame(8, true, &[3, 232]),
        ]
        .concat();

        assert_eq!(read(&mut messages, &[&stream]), []);
        assert_eq!(read(&mut messages, &[&[0x83, 0, 0x83], &text(COMPLETED)]), [], "no frame");
        assert_eq!(messages.end(), None);
    }

    proptest! {
        #[test]
        fn any_cuts_and_fragments_tell_the_same(
            mut cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..9), split in any::<prop::sample::Index>(),
        ) {
            let (first, second) = COMPLETED.as_bytes().split_at(split.index(COMPLETED.len()));
            let stream = [
                text(CREATED), frame(1, false, first), frame(9, true, b"between"), frame(0, true, second), text(DELTA),
            ]
            .concat();
            cuts.sort_by_key(|cut| cut.index(stream.len()));
            let mut messages = Messages::default();
            let (mut from, mut told) = (0, Vec::new());
            for cut in cuts.iter().map(|cut| cut.index(stream.len())).chain([stream.len()]) {
                told.extend(messages.read(&stream[from..cut]));
                from = cut;
            }

            prop_assert_eq!(told, [used()]);
        }

        #[test]
        fn any_bytes_are_read_without_harm(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..9)) {
            let mut messages = Messages::default();
            for piece in &pieces {
                messages.read(piece);
            }
            messages.end();
        }
    }
}
