//! What the browser shows at the end: static, without scripts, styles or anything from elsewhere (security C-13).

use keyfob_oauth::text;

/// The result of a sign-in, for the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// The login is stored.
    SignedIn,
    /// It is not, and this is why.
    Failed(String),
}

impl Page {
    /// Returns the document.
    pub(super) fn html(&self) -> String {
        match self {
            Self::SignedIn => document(
                "signed-in",
                "Signed in",
                "The login is stored on your machine. You can close this window and go back to your terminal.",
            ),
            Self::Failed(why) => document(
                "failed",
                "Not signed in",
                &format!(
                    "{}. Your terminal says what to do next.",
                    escape(text::printable(why).trim_end_matches('.'))
                ),
            ),
        }
    }
}

fn document(id: &str, title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} - keyfob</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">\
         </head><body><main id=\"{id}\"><h1>{title}</h1><p>{body}</p></main></body></html>\n"
    )
}

fn escape(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, c| {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn c_13_what_the_issuer_says_is_inert_in_the_browser() {
        let html = Page::Failed("\"><script>alert(1)</script>\u{202e}</title>".into()).html();

        assert!(html.contains("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;/title&gt;"), "{html}");
        assert!(!html.contains("<script") && !html.contains('\u{202e}'));
        let long = Page::Failed("x".repeat(1_000_000)).html();
        assert!(long.len() < 2_000);
    }
}
