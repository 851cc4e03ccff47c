//! Every screen at 40, 80 and 200 columns, compared whole with `snapshots/`.

use super::super::model::Input;
use super::*;
use keyfob_oauth::InvalidKey;
use zeroize::Zeroizing;

fn facts() -> Facts {
    Facts { issuer: "https://id.example.org".to_owned(), expected: None, remote: None, can_choose: true }
}

fn expecting() -> Facts {
    Facts {
        expected: Some("mia@example.org".to_owned()),
        remote: Some("this is an ssh session".to_owned()),
        ..facts()
    }
}

fn named() -> Facts {
    Facts { can_choose: false, ..facts() }
}

fn key(length: usize, flaw: Option<Flaw>) -> State {
    let mut hidden = Hidden::default();
    (0..length).for_each(|_| hidden.push('k'));
    State::Entering(hidden, flaw)
}

fn pasted_without_saying_so(state: State, text: &str) -> State {
    let mut state = state;
    for letter in text.chars() {
        assert_eq!(state.take(Input::Pressed(super::super::model::Key::Character(letter))), None);
    }
    state
}

fn screens(now: Instant) -> Vec<(&'static str, State, Facts)> {
    let visit = |seconds| State::waiting(Task::Visit, now + Duration::from_secs(seconds));
    let typing = || {
        let address = "https://id.example.org/codex/device".to_owned();
        State::waiting(Task::Type { address, code: "ABCD-1234".to_owned() }, now + Duration::from_secs(899))
    };
    let mut lost = visit(61);
    if let State::Waiting(waiting) = &mut lost {
        waiting.is_lost = true;
    }
    vec![
        ("choice", State::Choosing(Method::Browser), facts()),
        ("choice, elsewhere, with somebody expected", State::Choosing(Method::DeviceCode), expecting()),
        ("key", key(0, None), facts()),
        ("key, half entered, named", key(9, None), named()),
        ("key, long", key(164, None), facts()),
        ("key, flawed", key(0, Some(Flaw::Invalid(InvalidKey::Character))), facts()),
        ("key, several lines", key(0, Some(Flaw::Lines)), facts()),
        ("asking", State::Asking, facts()),
        ("browser", visit(900), facts()),
        ("browser, with somebody expected, named", visit(60), Facts { can_choose: false, ..expecting() }),
        ("browser, address typed", pasted_without_saying_so(visit(59), "http://127.0.0.1"), facts()),
        ("browser, not understood", lost, facts()),
        ("browser, over", visit(0), facts()),
        ("code", typing(), facts()),
        ("code, with somebody expected, named", typing(), Facts { can_choose: false, ..expecting() }),
    ]
}

fn surface(columns: u16, rows: u16, look: Look) -> Surface {
    Surface { columns, rows, look, has_blocks: true }
}

fn text(buffer: &Buffer) -> String {
    let rows = buffer.content.chunks(usize::from(buffer.area.width));
    rows.map(|row| {
        row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned() + "\n"
    })
    .collect()
}

fn album(surface: Surface) -> String {
    let now = Instant::now();
    let drawn = screens(now)
        .into_iter()
        .map(|(name, state, facts)| format!("== {name}\n{}", text(&draw(&state, &facts, now, surface))));
    drawn.collect()
}

#[track_caller]
fn assert_as_before(name: &str, drawn: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/commands/login/screen/view/snapshots")
        .join(name);
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(before == drawn, "{} is to be, if this is right:\n{drawn}", path.display());
}

#[test]
fn s_24_every_screen_fits_40_columns() {
    assert_as_before("40.txt", &album(surface(40, 48, Look::Mono)));
}

#[test]
fn s_24_every_screen_at_80_columns() {
    assert_as_before("80.txt", &album(surface(80, 24, Look::Mono)));
}

#[test]
fn s_24_every_screen_at_200_columns() {
    assert_as_before("200.txt", &album(surface(200, 50, Look::Mono)));
}

#[test]
fn s_24_colour_changes_no_word_and_its_absence_leaves_none() {
    for columns in [40, 80, 200] {
        let (mono, colour) = (surface(columns, 48, Look::Mono), surface(columns, 48, Look::Colour));
        assert_eq!(album(mono), album(colour));
        let now = Instant::now();
        for (name, state, facts) in screens(now) {
            let coloured = |surface| {
                draw(&state, &facts, now, surface)
                    .content
                    .iter()
                    .any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
            };
            assert!(!coloured(mono), "{name}");
            assert!(coloured(colour), "{name}");
        }
    }
}

#[test]
fn s_24_the_picture_of_an_address_is_left_out_where_it_does_not_fit_whole() {
    let now = Instant::now();
    let (_, code, facts) = screens(now).swap_remove(13);
    let blocks = |surface| {
        let drawn = draw(&code, &facts, now, surface);
        assert!(drawn.area.height <= surface.rows, "{surface:?}");
        drawn.content.iter().filter(|cell| "\u{2580}\u{2584}\u{2588}".contains(cell.symbol())).count()
    };
    let whole = blocks(surface(200, 50, Look::Mono));
    assert!(whole > 300, "{whole}");
    for (columns, rows) in [(40, 48), (80, 24), (73, 20), (72, 34)] {
        assert_eq!(blocks(surface(columns, rows, Look::Mono)), whole, "{columns} {rows}");
    }
    for (columns, rows) in [(40, 24), (36, 48), (20, 48), (80, 18), (60, 24)] {
        assert_eq!(blocks(surface(columns, rows, Look::Mono)), 0, "{columns} {rows}");
    }
    assert_eq!(blocks(Surface { has_blocks: false, ..surface(200, 50, Look::Mono) }), 0);
}

#[test]
fn c_29_no_screen_shows_a_letter_of_what_is_entered() {
    let now = Instant::now();
    let surface = surface(80, 24, Look::Mono);
    let secret = "\u{17c}";
    let mut key = State::Entering(Hidden::default(), None);
    let mut address = State::waiting(Task::Visit, now);
    for state in [&mut key, &mut address] {
        assert_eq!(state.take(Input::Pressed(super::super::model::Key::Character('\u{17c}'))), None);
    }
    assert_eq!(key.take(Input::Pasted(Zeroizing::new(secret.to_owned()))), None);

    for state in [&key, &address] {
        assert!(!text(&draw(state, &facts(), now, surface)).contains(secret));
    }
}
