//! Every sentence that a page or a letter shows. Another language is another value of [`Text`]; the compiler names what
//! it lacks, and what no page shows any more (`docs/decisions/0008-texts-are-typed-values.md`).

mod account;
mod device;
mod email;
mod letter;
mod notice;
mod own;
mod sign_in;
mod workspace;

pub(crate) use notice::Notice;

use askama::filters::{Html, HtmlSafe, Safe, escape};
use std::fmt::{self, Display, Formatter};

/// What the pages and letters say.
pub(crate) static TEXT: Text = Text::ENGLISH;

/// Everything that is said in one language.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) frame: notice::Frame,
    pub(crate) notice: notice::Notices,
    pub(crate) home: notice::Home,
    pub(crate) sign_in: sign_in::SignIn,
    pub(crate) forgot: sign_in::Forgot,
    pub(crate) second_factor: sign_in::SecondFactor,
    pub(crate) set_up: sign_in::SetUp,
    pub(crate) codes: sign_in::Codes,
    pub(crate) confirm: sign_in::Confirm,
    pub(crate) scope: sign_in::Scopes,
    pub(crate) device: device::Device,
    pub(crate) undo: device::Undo,
    pub(crate) account: account::Account,
    pub(crate) password: account::Password,
    pub(crate) logout: account::Logout,
    pub(crate) sessions: own::Sessions,
    pub(crate) keys: own::Keys,
    pub(crate) workspace: workspace::Choosing,
    pub(crate) refusal: workspace::Refusals,
    pub(crate) join: workspace::Join,
    pub(crate) workspaces: workspace::Settings,
    pub(crate) role: workspace::Roles,
    pub(crate) email: email::EmailText,
    pub(crate) reset_letter: letter::ResetLetter,
    pub(crate) device_letter: letter::DeviceLetter,
    pub(crate) verify_letter: letter::VerifyLetter,
    pub(crate) moved_letter: letter::MovedLetter,
    pub(crate) happened_letter: letter::HappenedLetter,
    pub(crate) invitation_letter: letter::InvitationLetter,
}

impl Text {
    const ENGLISH: Self = Self {
        frame: notice::Frame::ENGLISH,
        notice: notice::Notices::ENGLISH,
        home: notice::Home::ENGLISH,
        sign_in: sign_in::SignIn::ENGLISH,
        forgot: sign_in::Forgot::ENGLISH,
        second_factor: sign_in::SecondFactor::ENGLISH,
        set_up: sign_in::SetUp::ENGLISH,
        codes: sign_in::Codes::ENGLISH,
        confirm: sign_in::Confirm::ENGLISH,
        scope: sign_in::Scopes::ENGLISH,
        device: device::Device::ENGLISH,
        undo: device::Undo::ENGLISH,
        account: account::Account::ENGLISH,
        password: account::Password::ENGLISH,
        logout: account::Logout::ENGLISH,
        sessions: own::Sessions::ENGLISH,
        keys: own::Keys::ENGLISH,
        workspace: workspace::Choosing::ENGLISH,
        refusal: workspace::Refusals::ENGLISH,
        join: workspace::Join::ENGLISH,
        workspaces: workspace::Settings::ENGLISH,
        role: workspace::Roles::ENGLISH,
        email: email::EmailText::ENGLISH,
        reset_letter: letter::ResetLetter::ENGLISH,
        device_letter: letter::DeviceLetter::ENGLISH,
        verify_letter: letter::VerifyLetter::ENGLISH,
        moved_letter: letter::MovedLetter::ENGLISH,
        happened_letter: letter::HappenedLetter::ENGLISH,
        invitation_letter: letter::InvitationLetter::ENGLISH,
    };
}

/// Words that stand by themselves. Only the catalogue makes them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words(&'static str);

impl Words {
    /// Returns the words for what is not HTML: a letter, or an answer to a program that shows them to its person.
    pub(crate) const fn as_str(self) -> &'static str {
        self.0
    }
}

impl Display for Words {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A sentence around a place, `{}`, for what only the moment knows. Only the catalogue makes them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sentence {
    before: &'static str,
    after: &'static str,
}

impl Sentence {
    /// Finds the place; a sentence without one does not compile.
    const fn new(text: &'static str) -> Self {
        let (mut at, mut rest) = (0, text.as_bytes());
        loop {
            if let [b'{', b'}', ..] = rest {
                let (before, from_place) = text.split_at(at);
                return Self { before, after: from_place.split_at("{}".len()).1 };
            }
            assert!(!rest.is_empty(), "a sentence has a place for what it is about");
            (at, rest) = (at + 1, rest.split_at(1).1);
        }
    }

    /// Returns the sentence for a text that is not HTML, such as a letter.
    pub(crate) fn plain(self, value: impl Display) -> String {
        format!("{}{value}{}", self.before, self.after)
    }

    /// Returns the sentence with `value` as it is.
    pub(crate) fn with<T: Display>(self, value: T) -> Filled<T> {
        Filled { sentence: self, open: String::new(), value, close: "" }
    }

    /// Returns the sentence with `value` set off.
    pub(crate) fn strong<T: Display>(self, value: T) -> Filled<T> {
        Filled { sentence: self, open: "<strong>".to_owned(), value, close: "</strong>" }
    }

    /// Returns the sentence with `value` set as machines write it.
    pub(crate) fn code<T: Display>(self, value: T) -> Filled<T> {
        Filled { sentence: self, open: "<code>".to_owned(), value, close: "</code>" }
    }

    /// Returns the sentence with `words` leading to the address `to`, under the identifier `id`.
    pub(crate) fn link<T: Display>(self, id: &str, to: &str, words: T) -> Filled<T> {
        let open = format!("<a id=\"{}\" href=\"{}\">", escaped(id), escaped(to));
        Filled { sentence: self, open, value: words, close: "</a>" }
    }
}

/// A sentence about something, as HTML.
#[derive(Clone, Debug)]
pub(crate) struct Filled<T> {
    sentence: Sentence,
    open: String,
    value: T,
    close: &'static str,
}

impl<T: Display> Display for Filled<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Sentence { before, after } = self.sentence;
        write!(f, "{}{}{}{}{}", escaped(before), self.open, escaped(&self.value), self.close, escaped(after))
    }
}

impl<T: Display> HtmlSafe for Filled<T> {}

/// A sentence whose form follows from a number. Only the catalogue makes them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted(fn(u64) -> String);

impl Counted {
    /// Returns the sentence for `number`.
    pub(crate) fn of(self, number: u64) -> String {
        (self.0)(number)
    }
}

fn escaped<T: Display>(text: T) -> impl Display {
    let Ok(Safe(text)) = escape(text, Html);
    text
}

/// Declares a part of the catalogue and what it says in English.
macro_rules! texts {
    ($($(#[$about:meta])* $part:ident { $($name:ident: $kind:ident = $text:expr,)* })*) => {
        $(
            $(#[$about])*
            #[derive(Debug)]
            pub(crate) struct $part {
                $(pub(crate) $name: $crate::text::$kind,)*
            }

            impl $part {
                pub(super) const ENGLISH: Self = Self {
                    $($name: $crate::text::texts!(@$kind $text),)*
                };
            }
        )*
    };
    (@Words $text:expr) => { $crate::text::Words($text) };
    (@Sentence $text:expr) => { const { $crate::text::Sentence::new($text) } };
    (@Counted $text:expr) => { $crate::text::Counted($text) };
    (@Notice $text:expr) => {{
        let (title, message) = $text;
        $crate::text::Notice { title: $crate::text::Words(title), message: $crate::text::Words(message) }
    }};
}
use texts;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sentence_is_about_is_text_wherever_it_stands() {
        let hostile = "</p><script>alert('x')</script>";
        let inert = "&#60;/p&#62;&#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62;";
        let sentence = const { Sentence::new("For {} & others") };

        assert_eq!(sentence.with(hostile).to_string(), format!("For {inert} &#38; others"));
        assert_eq!(
            sentence.strong(hostile).to_string(),
            format!("For <strong>{inert}</strong> &#38; others")
        );
        assert_eq!(sentence.plain("mia"), "For mia & others");
        assert_eq!(
            sentence.link("here", "/a?b=\"&", Words("it")).to_string(),
            "For <a id=\"here\" href=\"/a?b=&#34;&#38;\">it</a> &#38; others"
        );
    }
}
