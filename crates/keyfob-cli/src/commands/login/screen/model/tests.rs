//! What each key does on each screen.

use super::*;

fn press(state: &mut State, keys: impl IntoIterator<Item = Key>) -> Vec<Wish> {
    keys.into_iter().filter_map(|key| state.take(Input::Pressed(key))).collect()
}

fn letters(text: &str) -> Vec<Key> {
    text.chars().map(Key::Character).collect()
}

fn paste(state: &mut State, text: &str) -> Option<Wish> {
    state.take(Input::Pasted(Zeroizing::new(text.to_owned())))
}

fn highlighted(state: &State) -> Option<Method> {
    match state {
        State::Choosing(method) => Some(*method),
        State::Entering(..) | State::Asking | State::Waiting(_) => None,
    }
}

fn entering() -> State {
    State::Entering(Hidden::default(), None)
}

fn flaw(state: &State) -> Option<Flaw> {
    match state {
        State::Entering(_, flaw) => *flaw,
        State::Choosing(_) | State::Asking | State::Waiting(_) => None,
    }
}

fn visiting() -> State {
    State::waiting(Task::Visit, Instant::now())
}

fn typing() -> State {
    let (address, code) = ("https://id.test/codex/device".to_owned(), "ABCD-1234".to_owned());
    State::waiting(Task::Type { address, code }, Instant::now())
}

/// How many characters are typed, and whether the last line meant nothing.
fn line(state: &State) -> (Option<usize>, bool) {
    match state {
        State::Waiting(waiting) => (waiting.line.as_ref().map(Hidden::length), waiting.is_lost),
        State::Choosing(_) | State::Entering(..) | State::Asking => (None, false),
    }
}

#[test]
fn s_24_arrows_move_around_the_choice_and_enter_takes_what_is_highlighted() {
    let mut state = State::Choosing(Method::Browser);

    let seen: Vec<_> = [Key::Down, Key::Down, Key::Down, Key::Up, Key::Up]
        .into_iter()
        .map(|key| {
            assert_eq!(press(&mut state, [key]), []);
            highlighted(&state).unwrap()
        })
        .collect();

    let (browser, code, key) = (Method::Browser, Method::DeviceCode, Method::ApiKey);
    assert_eq!(seen, [code, key, browser, key, code]);
    assert_eq!(press(&mut state, [Key::Enter]), [Wish::Method(code)]);
}

#[test]
fn s_24_a_number_chooses_at_once_and_no_other_letter_does() {
    for (number, method) in ['1', '2', '3'].into_iter().zip(Method::ALL) {
        let mut state = State::Choosing(Method::Browser);
        assert_eq!(press(&mut state, [Key::Character(number)]), [Wish::Method(method)]);
    }
    let mut state = State::Choosing(Method::Browser);
    assert_eq!(press(&mut state, letters("045xd\u{661}")), []);
    assert_eq!(paste(&mut state, "2"), None);
    assert_eq!(highlighted(&state), Some(Method::Browser));
}

#[test]
fn s_24_escape_goes_back_and_ctrl_c_cancels_everywhere() {
    for make in [|| State::Choosing(Method::Browser), entering, || State::Asking, visiting, typing] {
        assert_eq!(press(&mut make(), [Key::Escape]), [Wish::Back], "{:?}", make());
        assert_eq!(press(&mut make(), [Key::Interrupt]), [Wish::Cancel], "{:?}", make());
    }
    for make in [|| State::Choosing(Method::Browser), || State::Asking, visiting, typing] {
        assert_eq!(press(&mut make(), letters("q")), [Wish::Back], "{:?}", make());
    }
}

#[test]
fn c_29_a_key_is_typed_corrected_and_kept_and_nothing_prints_it() {
    let mut state = entering();

    assert_eq!(press(&mut state, letters("sk-qx")), []);
    assert_eq!(press(&mut state, [Key::Backspace]), []);
    assert_eq!(format!("{state:?}"), "Entering([secret], None)");
    assert_eq!(press(&mut state, [Key::Enter]), [Wish::Key(ApiKey::new("sk-q"))]);
}

#[test]
fn c_29_a_pasted_key_waits_for_enter_without_the_white_space_around_it() {
    let mut state = entering();

    assert_eq!(paste(&mut state, " sk-test\r\n"), None);
    assert_eq!(press(&mut state, [Key::Enter]), [Wish::Key(ApiKey::new("sk-test"))]);
}

#[test]
fn c_29_what_is_no_key_is_told_and_forgotten() {
    for (given, why) in [
        ("", InvalidKey::Empty),
        ("sk a", InvalidKey::Character),
        ("schl\u{fc}ssel", InvalidKey::Character),
        (&"k".repeat(8 * 1024 + 1), InvalidKey::TooLong),
        (&"k".repeat(64 * 1024), InvalidKey::TooLong),
    ] {
        let mut state = entering();
        assert_eq!(press(&mut state, letters(given)), []);

        assert_eq!(press(&mut state, [Key::Enter]), []);

        assert_eq!(flaw(&state), Some(Flaw::Invalid(why)));
        assert_eq!(press(&mut state, letters("sk-1")), []);
        assert_eq!(flaw(&state), None);
        assert_eq!(press(&mut state, [Key::Enter]), [Wish::Key(ApiKey::new("sk-1"))]);
    }
}

#[test]
fn c_29_several_pasted_lines_are_no_key_and_no_part_of_them_is_kept() {
    for lines in ["sk-one\nsk-two", "sk-one\rsk-two\n", "\nsk-one\r\n\r\nrm -r ~\n"] {
        let mut state = entering();

        assert_eq!(paste(&mut state, lines), None);

        assert_eq!(flaw(&state), Some(Flaw::Lines), "{lines:?}");
        assert_eq!(press(&mut state, [Key::Enter]), []);
        assert_eq!(flaw(&state), Some(Flaw::Invalid(InvalidKey::Empty)), "{lines:?}");
    }
}

const CALLBACK: &str = "http://127.0.0.1:1455/auth/callback?code=a&state=b";

#[test]
fn s_19_a_pasted_address_is_sent_at_once_however_it_was_wrapped() {
    let mut state = visiting();

    let wrapped = "http://127.0.0.1:1455/auth/\ncallback?code=a\r\n&state=b\n";
    assert_eq!(paste(&mut state, wrapped), Some(Wish::Line(CALLBACK.to_owned())));
    assert_eq!(paste(&mut state, " \n"), None);
}

#[test]
fn s_19_an_address_is_typed_where_a_terminal_does_not_say_what_was_pasted() {
    let mut state = visiting();

    assert_eq!(press(&mut state, letters(CALLBACK)), []);
    assert_eq!(line(&state), (Some(CALLBACK.len()), false));
    assert_eq!(press(&mut state, [Key::Enter]), [Wish::Line(CALLBACK.to_owned())]);
    assert_eq!(line(&state), (None, false));
}

#[test]
fn s_19_after_p_any_letter_begins_a_code_and_escape_only_drops_it() {
    let mut state = visiting();

    assert_eq!(press(&mut state, letters("pdqp")), []);
    assert_eq!(press(&mut state, [Key::Backspace]), []);
    assert_eq!(line(&state), (Some(2), false));
    assert_eq!(press(&mut state, [Key::Escape]), []);
    assert_eq!(line(&state), (None, false));
    assert_eq!(press(&mut state, [Key::Escape]), [Wish::Back]);
}

#[test]
fn s_19_d_asks_for_a_device_code_where_a_browser_is_waited_for() {
    assert_eq!(press(&mut visiting(), letters("d")), [Wish::Line("d".to_owned())]);
    assert_eq!(press(&mut typing(), letters("dpx")), []);
    assert_eq!(paste(&mut typing(), CALLBACK), None);
}

#[test]
fn s_19_the_next_line_takes_away_that_the_last_one_meant_nothing() {
    let mut state = visiting();
    if let State::Waiting(waiting) = &mut state {
        waiting.is_lost = true;
    }

    assert_eq!(line(&state), (None, true));
    assert_eq!(paste(&mut state, CALLBACK), Some(Wish::Line(CALLBACK.to_owned())));
    assert_eq!(line(&state), (None, false));
}
