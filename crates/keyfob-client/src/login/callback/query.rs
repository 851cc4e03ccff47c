//! Which callbacks belong to a sign-in, and what they bring (RFC 6749 §4.1.2; security C-02, C-04, C-10).

use keyfob_codex::errors::refusal_in_words;
use keyfob_oauth::token::State;
use keyfob_oauth::{AuthorizationCode, IssuerUrl, text};

/// What a browser brought to the callback.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Callback {
    /// Binds it to a sign-in.
    pub(crate) state: Option<State>,
    /// Redeemed for tokens.
    pub(crate) code: Option<AuthorizationCode>,
    /// Why there is no code.
    pub(crate) error: Option<String>,
    /// The same as a sentence.
    pub(crate) error_description: Option<String>,
    /// Who answers (RFC 9207).
    pub(crate) issuer: Option<String>,
}

impl Callback {
    /// Reads a query; a parameter that comes twice, or is none of RFC 6749 Appendix A, makes it nothing.
    pub(crate) fn parse(query: &str) -> Option<Self> {
        let mut callback = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            // What stands here was no UTF-8.
            if value.contains(char::REPLACEMENT_CHARACTER) {
                return None;
            }
            let value = value.into_owned();
            let is_visible = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
            let twice = match name.as_ref() {
                "state" | "code" | "error" | "iss" if !is_visible => return None,
                "state" => callback.state.replace(State::new(value)).is_some(),
                "code" => callback.code.replace(AuthorizationCode::new(value)).is_some(),
                "error" => callback.error.replace(value).is_some(),
                "error_description" => callback.error_description.replace(value).is_some(),
                "iss" => callback.issuer.replace(value).is_some(),
                _ => false,
            };
            if twice {
                return None;
            }
        }
        Some(callback)
    }
}

/// What the callback of one sign-in carries; every other is somebody else's.
#[derive(Clone, Debug)]
pub struct ExpectedCallback {
    pub(crate) state: State,
    pub(crate) issuer: IssuerUrl,
    /// Whether the issuer names itself in every callback.
    pub(crate) names_itself: bool,
}

/// What the callback of a sign-in says, from its issuer and with its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The person agreed.
    Code(AuthorizationCode),
    /// The person or the issuer refused.
    Refused {
        /// The error code, made printable.
        code: String,
        /// Its sentence, made printable.
        description: Option<String>,
    },
    /// There is neither a code nor an error.
    Nothing,
}

impl ExpectedCallback {
    /// Returns what `callback` says if it belongs to this sign-in.
    pub(crate) fn admit(&self, callback: Callback) -> Option<Answer> {
        let is_ours = callback.state.as_ref() == Some(&self.state);
        // RFC 9207 §2.4: the issuer that was asked is named, and left out only by one that never names itself.
        let is_from_issuer = match &callback.issuer {
            Some(named) => named.trim_end_matches('/') == self.issuer.as_str(),
            None => !self.names_itself,
        };
        (is_ours && is_from_issuer).then(|| match (callback.error, callback.code) {
            (Some(code), _) => Answer::Refused {
                description: callback.error_description.map(|description| {
                    refusal_in_words(&code, &description)
                        .map_or_else(|| text::printable(&description), str::to_owned)
                }),
                code: text::printable(&code),
            },
            (None, Some(code)) => Answer::Code(code),
            (None, None) => Answer::Nothing,
        })
    }
}

/// What a person types while the sign-in waits for their browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// The address to which their browser was sent, or the code in it.
    Answer(Answer),
    /// They would rather have a device code.
    DeviceCode,
    /// Nothing that belongs to this sign-in.
    Nothing,
}

/// Longer than any address that an issuer sends a browser to.
const LONGEST_LINE: usize = 16 * 1024;

impl ExpectedCallback {
    /// Reads a line: an address or its query counts with the state of this sign-in.
    ///
    /// A code alone has no state. It is of no use unless it was made for the verifier of this sign-in (RFC 7636 §1).
    pub(crate) fn read(&self, line: &str) -> Typed {
        let line = line.trim();
        if matches!(line, "d" | "D") {
            return Typed::DeviceCode;
        }
        if line.is_empty() || line.len() > LONGEST_LINE {
            return Typed::Nothing;
        }
        let query = match url::Url::parse(line) {
            Ok(address) => Some(address.query().unwrap_or_default().to_owned()),
            Err(_) => {
                line.contains('=').then(|| line.split_once('?').map_or(line, |(_, query)| query).to_owned())
            }
        };
        let answer = match query {
            Some(query) => Callback::parse(&query).and_then(|callback| self.admit(callback)),
            None if is_code(line) => Some(Answer::Code(AuthorizationCode::new(line))),
            None => None,
        };
        match answer {
            Some(Answer::Nothing) | None => Typed::Nothing,
            Some(answer) => Typed::Answer(answer),
        }
    }
}

/// No word that somebody types is as long as a code.
fn is_code(line: &str) -> bool {
    line.len() >= 20 && line.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: &str = "0123456789-abcdefghijklmnopqrstuvwxyzABCDEF";

    fn expected() -> ExpectedCallback {
        let issuer = IssuerUrl::parse("https://id.test").unwrap();
        ExpectedCallback { state: State::new(STATE), issuer, names_itself: true }
    }

    fn good() -> Callback {
        Callback {
            state: Some(State::new(STATE)),
            code: Some(AuthorizationCode::new("code")),
            issuer: Some("https://id.test/".into()),
            ..Callback::default()
        }
    }

    #[test]
    fn c_02_a_pasted_address_counts_with_the_state_of_this_sign_in_and_a_code_by_itself() {
        let read = |line: &str| expected().read(line);
        let query = format!("code=code&state={STATE}&iss=https%3A%2F%2Fid.test");
        let code = Typed::Answer(Answer::Code(AuthorizationCode::new("code")));
        let alone = "kfc_0123456789abcdefghij";
        assert_eq!(read(alone), Typed::Answer(Answer::Code(AuthorizationCode::new(alone))));

        for line in [
            format!("http://127.0.0.1:1455/auth/callback?{query}"),
            format!("  http://localhost:1455/auth/callback?{query}\r\n"),
            format!("?{query}"),
            format!("127.0.0.1:1455/auth/callback?{query}"),
            query.clone(),
        ] {
            assert_eq!(read(&line), code, "{line}");
        }
        assert_eq!(read("d\n"), Typed::DeviceCode);
        let refused = read(&format!("error=access_denied&state={STATE}&iss=https%3A%2F%2Fid.test"));
        assert!(matches!(refused, Typed::Answer(Answer::Refused { .. })));
        for other in [
            "",
            "two words",
            "help",
            &format!("&state={STATE}&iss=https%3A%2F%2Fid.test"),
            "http://127.0.0.1:1455/auth/callback",
            "http://127.0.0.1:1455/auth/callback?code=code&state=another&iss=https%3A%2F%2Fid.test",
            "code=code&code=code",
            "c\u{f6}de",
        ] {
            assert_eq!(read(other), Typed::Nothing, "{other}");
        }
        assert_eq!(
            read(&format!("http://127.0.0.1/?state={STATE}&code={}", "c".repeat(LONGEST_LINE))),
            Typed::Nothing
        );
    }

    #[test]
    fn c_10_a_parameter_that_comes_twice_makes_the_callback_nothing() {
        let parsed = Callback::parse("code=a+b&state=%73&iss=https%3A%2F%2Fid.test&other=1&other=2");
        let expected = Callback {
            state: Some(State::new("s")),
            code: Some(AuthorizationCode::new("a b")),
            issuer: Some("https://id.test".into()),
            ..Callback::default()
        };
        assert_eq!(parsed, Some(expected));
        for query in ["state=a&state=a", "code=a&code=b", "error=a&error=b", "iss=a&iss=a"] {
            assert_eq!(Callback::parse(query), None, "{query}");
        }
    }

    #[test]
    fn c_10_what_no_issuer_sends_makes_the_callback_nothing() {
        for query in
            ["state=a%00", "code=%C3%A4", "code=a%0Ab", "iss=%1B", "state=%FF", "other=%FF", "code=\u{e4}"]
        {
            assert_eq!(Callback::parse(query), None, "{query}");
        }
        // Decoded once; a space is `+` or `%20`.
        let code = |query: &str| Callback::parse(query).and_then(|callback| callback.code);
        assert_eq!(code("code=%2541"), Some(AuthorizationCode::new("%41")));
        assert_eq!(code("code=a+b"), code("code=a%20b"));
    }

    #[test]
    fn c_02_a_callback_of_another_sign_in_says_nothing() {
        let with = |state: Option<&str>| Callback { state: state.map(State::new), ..good() };
        let long = "x".repeat(STATE.len());

        for callback in [with(None), with(Some("")), with(Some("short")), with(Some(&long))] {
            assert_eq!(expected().admit(callback), None);
        }
        let denied = Callback { error: Some("access_denied".into()), ..with(Some("bad")) };
        assert_eq!(expected().admit(denied), None);
        assert_eq!(expected().admit(good()), Some(Answer::Code(AuthorizationCode::new("code"))));
    }

    #[test]
    fn c_04_a_callback_of_another_issuer_says_nothing() {
        let from = |issuer: Option<&str>| Callback { issuer: issuer.map(str::to_owned), ..good() };
        let silent = ExpectedCallback { names_itself: false, ..expected() };

        assert_eq!(expected().admit(from(Some("https://evil.test"))), None);
        assert_eq!(expected().admit(from(None)), None);
        assert_eq!(silent.admit(from(Some("https://evil.test"))), None);
        assert_eq!(silent.admit(from(None)), Some(Answer::Code(AuthorizationCode::new("code"))));
    }

    #[test]
    fn a_refusal_counts_whatever_else_is_there_and_is_printable() {
        let denied = Callback {
            error: Some("access_denied".into()),
            error_description: Some("Mia said\u{1b}[2J no".into()),
            ..good()
        };
        let refused =
            Answer::Refused { code: "access_denied".into(), description: Some("Mia said[2J no".into()) };

        assert_eq!(expected().admit(denied), Some(refused));
        assert_eq!(expected().admit(Callback { code: None, ..good() }), Some(Answer::Nothing));
    }

    #[test]
    fn a_mark_that_stands_for_a_sentence_is_told_as_the_sentence() {
        let told = |code: &str, description: &str| {
            let refused =
                Callback { error: Some(code.into()), error_description: Some(description.into()), ..good() };
            match expected().admit(refused) {
                Some(Answer::Refused { description, .. }) => description.unwrap(),
                other => panic!("{other:?}"),
            }
        };

        let sentence = "Codex is not enabled for your workspace. Contact your workspace administrator to request access to Codex";
        assert_eq!(told("access_denied", "x: Missing_Codex_Entitlement"), sentence);
        assert_eq!(told("server_error", "missing_codex_entitlement"), "missing_codex_entitlement");
    }
}
