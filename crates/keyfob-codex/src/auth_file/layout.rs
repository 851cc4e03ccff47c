//! White space between the tokens of a JSON text; the tokens themselves are left as they are.

/// Deeper than any login; the limit of `serde_json` for values.
const DEEPEST: usize = 127;
const INDENT: usize = 2;

/// How a text is laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// One member a line, two spaces of indent.
    Pretty,
    /// No white space at all.
    Line,
}

impl Layout {
    /// Lays out a well-formed text.
    pub(super) fn apply(self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() * 2);
        let mut depth = 0;
        let mut tokens = text.chars().peekable();
        while let Some(token) = tokens.next() {
            match token {
                '"' => {
                    out.push('"');
                    let mut escaped = false;
                    for inner in tokens.by_ref() {
                        out.push(inner);
                        match (escaped, inner) {
                            (false, '"') => break,
                            (false, '\\') => escaped = true,
                            _ => escaped = false,
                        }
                    }
                }
                '{' | '[' => {
                    out.push(token);
                    while tokens.next_if(char::is_ascii_whitespace).is_some() {}
                    if let Some(close) = tokens.next_if(|next| matches!(next, '}' | ']')) {
                        out.push(close);
                    } else {
                        depth += 1;
                        self.new_line(&mut out, depth);
                    }
                }
                '}' | ']' => {
                    depth -= 1;
                    self.new_line(&mut out, depth);
                    out.push(token);
                }
                ',' => {
                    out.push(',');
                    self.new_line(&mut out, depth);
                }
                ':' => out.push_str(if self == Self::Pretty { ": " } else { ":" }),
                white if white.is_ascii_whitespace() => {}
                scalar => out.push(scalar),
            }
        }
        out
    }

    fn new_line(self, out: &mut String, depth: usize) {
        if self == Self::Pretty {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', depth * INDENT));
        }
    }
}

/// Whether objects and arrays nest deeper than any reader has to follow.
pub(super) fn too_deep(text: &str) -> bool {
    // Quick, and enough for every login: what opens so seldom cannot nest deeper.
    if text.bytes().filter(|token| matches!(token, b'{' | b'[')).count() <= DEEPEST {
        return false;
    }
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0usize, 0usize, false, false);
    for token in text.bytes() {
        match (quoted, token) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => quoted = !quoted,
            (false, b'{' | b'[') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest > DEEPEST
}
