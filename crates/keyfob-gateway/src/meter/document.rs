//! JSON of any size, walked byte by byte: only what is looked for is kept.

use crate::tokens::Tokens;
use serde::Deserialize;

/// The names of members that matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Name {
    Choices,
    Created,
    Delta,
    Id,
    Model,
    Response,
    Sequence,
    Text,
    Type,
    Usage,
    /// A word of the protocol, not of the answer.
    Label,
    #[default]
    Other,
}

impl Name {
    fn of(text: &[u8]) -> Self {
        match text {
            b"choices" => Self::Choices,
            b"created" | b"created_at" => Self::Created,
            b"delta" => Self::Delta,
            b"id" => Self::Id,
            b"model" => Self::Model,
            b"response" => Self::Response,
            b"sequence_number" => Self::Sequence,
            b"text" => Self::Text,
            b"type" => Self::Type,
            b"usage" => Self::Usage,
            b"role" | b"object" | b"index" | b"status" => Self::Label,
            _ => Self::Other,
        }
    }
}

/// How deep names are remembered; below it lies nothing that is looked for.
const DEEPEST: usize = 6;
/// How long a text may be that is kept: names, types and identifiers.
const TEXT: usize = 96;
/// How long a usage may be, in bytes.
const USAGE: usize = 8 * 1024;

/// One JSON text on its way through. What is no JSON is walked as well, and says nothing.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// How many objects and arrays are open.
    depth: usize,
    /// The name of the member at each depth, the root's at 1.
    names: [Name; DEEPEST + 1],
    string: Option<Text>,
    /// The string before; a name, if a colon follows.
    last: Text,
    last_counted: u64,
    /// The digits of the number that is being read.
    number: u64,
    /// The usage that is being read, and how deep it began.
    capture: Option<(usize, Vec<u8>)>,
    usage: Option<Tokens>,
    kind: String,
    id: String,
    model: String,
    created: u64,
    sequence: u64,
    text: u64,
    choices: Choices,
}

#[derive(Debug, Default)]
struct Text {
    kept: Vec<u8>,
    length: u64,
    escaped: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Choices {
    #[default]
    Absent,
    Empty,
    Some,
}

impl Document {
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while let Some((&first, rest)) = bytes.split_first() {
            if self.string.is_some() {
                let length = self.read_string(bytes);
                self.keep(bytes.get(..length).unwrap_or_default());
                bytes = bytes.get(length..).unwrap_or_default();
            } else {
                // A usage begins with its brace and ends with it.
                self.keep(&[first]);
                self.read_one(first);
                bytes = rest;
            }
        }
    }

    /// Reads within a string, past its end if that is here; returns how many bytes.
    fn read_string(&mut self, bytes: &[u8]) -> usize {
        let Some(string) = &mut self.string else { return 0 };
        for (index, &byte) in bytes.iter().enumerate() {
            match byte {
                _ if string.escaped => string.escaped = false,
                b'\\' => string.escaped = true,
                b'"' => {
                    self.end_string();
                    return index + 1;
                }
                _ => {}
            }
            string.length = string.length.saturating_add(1);
            if string.kept.len() < TEXT {
                string.kept.push(byte);
            }
        }
        bytes.len()
    }

    fn end_string(&mut self) {
        let Some(string) = self.string.take() else { return };
        self.last_counted = if self.is_told() { string.length } else { 0 };
        self.text = self.text.saturating_add(self.last_counted);
        let name = self.name(self.depth);
        let words = || String::from_utf8_lossy(&string.kept).into_owned();
        match (self.depth, self.name(1), name) {
            (1, _, Name::Type) => self.kind = words(),
            (1, _, Name::Id) | (2, Name::Response, Name::Id) => self.id = words(),
            (1, _, Name::Model) | (2, Name::Response, Name::Model) => self.model = words(),
            _ => {}
        }
        self.last = string;
    }

    /// Whether a string here is a part of the answer: in a delta, or the text of a choice.
    fn is_told(&self) -> bool {
        let path = self.names.get(1..=self.depth.min(DEEPEST)).unwrap_or_default();
        let in_delta = path.contains(&Name::Delta);
        let is_text = self.name(1) == Name::Choices && self.name(self.depth) == Name::Text;
        (in_delta || is_text) && !matches!(self.name(self.depth), Name::Label | Name::Type | Name::Id)
    }

    fn read_one(&mut self, byte: u8) {
        if !matches!(byte, b':' | b',' | b'}' | b']') && !byte.is_ascii_whitespace() {
            self.value_begins(byte);
        }
        match byte {
            b'"' => self.string = Some(Text::default()),
            b'{' | b'[' => {
                self.depth = self.depth.saturating_add(1);
                self.set_name(Name::Other);
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.end_capture();
            }
            b':' => {
                // It was a name, not a part of the answer.
                self.text = self.text.saturating_sub(self.last_counted);
                self.last_counted = 0;
                self.set_name(Name::of(&self.last.kept));
                self.number = 0;
            }
            b',' => {
                self.set_name(Name::Other);
                self.number = 0;
            }
            b'0'..=b'9' => {
                self.number = self.number.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
                match (self.depth, self.name(1), self.name(self.depth)) {
                    (1, Name::Sequence, _) => self.sequence = self.number,
                    (1, Name::Created, _) | (2, Name::Response, Name::Created) => self.created = self.number,
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn value_begins(&mut self, byte: u8) {
        if self.name(1) == Name::Choices {
            match self.depth {
                1 if byte == b'[' => self.choices = Choices::Empty,
                2 => self.choices = Choices::Some,
                _ => {}
            }
        }
        let is_usage = match self.depth {
            1 => self.name(1) == Name::Usage,
            2 => self.name(1) == Name::Response && self.name(2) == Name::Usage,
            _ => false,
        };
        if is_usage && byte == b'{' && self.capture.is_none() {
            self.capture = Some((self.depth, vec![byte]));
        }
    }

    /// Keeps what belongs to a usage.
    fn keep(&mut self, bytes: &[u8]) {
        if let Some((_, kept)) = &mut self.capture
            && kept.len() <= USAGE
        {
            kept.extend_from_slice(bytes);
        }
    }

    fn end_capture(&mut self) {
        if let Some((depth, kept)) = self.capture.take_if(|(depth, _)| *depth == self.depth)
            && kept.len() <= USAGE
        {
            debug_assert!(depth > 0, "a usage is a member");
            self.usage = serde_json::from_slice::<Usage>(&kept).ok().map(Tokens::from).or(self.usage);
        }
    }

    fn name(&self, depth: usize) -> Name {
        self.names.get(depth).copied().unwrap_or_default()
    }

    fn set_name(&mut self, name: Name) {
        if let Some(place) = self.names.get_mut(self.depth) {
            *place = name;
        }
    }

    pub(super) const fn usage(&self) -> Option<Tokens> {
        self.usage
    }

    /// Returns the member `type`.
    pub(super) fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the identifier of the answer.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Returns the name of the model that answers.
    pub(super) fn model(&self) -> &str {
        &self.model
    }

    /// Returns when the answer was begun, in seconds of Unix time.
    pub(super) const fn created(&self) -> u64 {
        self.created
    }

    pub(super) const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Returns how many bytes of the answer it tells.
    pub(super) const fn text(&self) -> u64 {
        self.text
    }

    /// Whether its `choices` are there and empty.
    pub(super) fn has_no_choices(&self) -> bool {
        self.choices == Choices::Empty
    }

    /// Whether a choice is in it.
    pub(super) fn has_choices(&self) -> bool {
        self.choices == Choices::Some
    }
}

/// A usage in the words of the Responses API, of the Realtime API, or of the older ones.
#[derive(Deserialize)]
struct Usage {
    #[serde(alias = "prompt_tokens")]
    input_tokens: Option<u64>,
    #[serde(alias = "completion_tokens")]
    output_tokens: Option<u64>,
    #[serde(alias = "prompt_tokens_details", alias = "input_token_details")]
    input_tokens_details: Option<Details>,
    #[serde(alias = "completion_tokens_details", alias = "output_token_details")]
    output_tokens_details: Option<Details>,
}

#[derive(Default, Deserialize)]
struct Details {
    cached_tokens: Option<u64>,
    reasoning_tokens: Option<u64>,
}

impl From<Usage> for Tokens {
    fn from(usage: Usage) -> Self {
        // What SQLite keeps is a signed number, and no true count comes near it.
        let count = |tokens: Option<u64>| tokens.unwrap_or(0).min(u64::from(u32::MAX));
        Self {
            input: count(usage.input_tokens),
            output: count(usage.output_tokens),
            cached: count(usage.input_tokens_details.unwrap_or_default().cached_tokens),
            reasoning: count(usage.output_tokens_details.unwrap_or_default().reasoning_tokens),
        }
    }
}
