//! Reading forms from the issuer's pages; enough for our own pages, not for the web's.

/// A form and what it would send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// Where it is sent; empty means the page's own address.
    pub(crate) action: String,
    /// Names and values of its inputs, in order; buttons are left out.
    pub(crate) inputs: Vec<(String, String)>,
    /// Names and values of its buttons.
    pub(crate) buttons: Vec<(String, String)>,
}

/// Returns the form with this `id`.
pub(crate) fn form(page: &str, id: &str) -> Option<Form> {
    let mut tags = tags(page);
    let opening = tags.find(|tag| tag.name == "form" && tag.attribute("id").as_deref() == Some(id))?;
    let mut form = Form {
        action: opening.attribute("action").unwrap_or_default(),
        inputs: Vec::new(),
        buttons: Vec::new(),
    };
    for tag in tags.take_while(|tag| tag.name != "/form") {
        let Some(name) = tag.attribute("name") else { continue };
        let value = tag.attribute("value").unwrap_or_default();
        match tag.name {
            "input" => form.inputs.push((name, value)),
            "button" => form.buttons.push((name, value)),
            _ => {}
        }
    }
    Some(form)
}

/// Whether some element has this `id`.
pub(crate) fn has_id(page: &str, id: &str) -> bool {
    tags(page).any(|tag| tag.attribute("id").as_deref() == Some(id))
}

struct Tag<'a> {
    name: &'a str,
    attributes: &'a str,
}

impl Tag<'_> {
    fn attribute(&self, wanted: &str) -> Option<String> {
        let mut rest = self.attributes.trim_start();
        while !rest.is_empty() {
            let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            let (value, after) = match after.strip_prefix('=') {
                None => ("", after),
                Some(after) => match after.strip_prefix('"') {
                    Some(quoted) => quoted.split_once('"')?,
                    None => after.split_at(after.find(char::is_whitespace).unwrap_or(after.len())),
                },
            };
            if name == wanted {
                return Some(without_references(value));
            }
            // A lone slash ends a tag without content.
            rest = after.trim_start_matches('/').trim_start();
        }
        None
    }
}

fn tags(page: &str) -> impl Iterator<Item = Tag<'_>> {
    page.split('<').skip(1).filter_map(|rest| {
        let (tag, _text) = rest.split_once('>')?;
        let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        Some(Tag { name, attributes })
    })
}

/// Replaces the character references that our templates write.
fn without_references(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let (name, tail) = after.split_once(';').unwrap_or(("", after));
        let number = name.strip_prefix('#').and_then(|digits| match digits.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => digits.parse().ok(),
        });
        match name {
            "amp" => plain.push('&'),
            "lt" => plain.push('<'),
            "gt" => plain.push('>'),
            "quot" => plain.push('"'),
            "apos" => plain.push('\''),
            _ => plain.extend(number.and_then(char::from_u32)),
        }
        rest = tail;
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_with_its_inputs_and_buttons() {
        let page = r#"<!doctype html><p id="note">1 < 2<form id=other></form>
            <form id="confirm" method="post" action="/oauth/authorize?a=1&amp;b=2">
              <input type="hidden" name="csrf" value="x&#x2F;y&#39;&quot;"><input name=email required />
              <button name="decision" value="approve">Yes</button><button name="decision" value="deny">No</button>
            </form><input name="outside">"#;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());

        assert_eq!(
            form(page, "confirm"),
            Some(Form {
                action: "/oauth/authorize?a=1&b=2".into(),
                inputs: vec![pair("csrf", "x/y'\""), pair("email", "")],
                buttons: vec![pair("decision", "approve"), pair("decision", "deny")],
            })
        );
        assert_eq!(form(page, "sign-in"), None);
        assert!(has_id(page, "note") && !has_id(page, "done"));
    }
}
