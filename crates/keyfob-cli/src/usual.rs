//! The usual forms of the verbs that other programs call all the time, read without the parser: building its table of
//! every command costs more than these verbs do.
//!
//! Nothing else about them is different, and every other form goes to the parser.

use crate::args::{Command, Login, LoginAction, Status, Token};
use std::ffi::OsString;

/// Returns the command that `arguments` name, if this is one of the usual forms.
pub(crate) fn read(arguments: impl Iterator<Item = OsString>) -> Option<Command> {
    let mut arguments = arguments.map(OsString::into_string);
    let mut next = || arguments.next().transpose().ok();
    let command = match next()??.as_str() {
        "token" => Command::Token(token(&mut next)?),
        "status" => Command::Status(status(&mut next)?),
        "login" if next()??.as_str() == "status" => {
            Command::Login(Login { action: Some(LoginAction::Status), ..Login::default() })
        }
        _ => return None,
    };
    next()?.is_none().then_some(command)
}

/// The inner `None` is the end, the outer one an argument that is not text.
type Next<'a> = &'a mut dyn FnMut() -> Option<Option<String>>;

fn token(next: Next<'_>) -> Option<Token> {
    let mut token = Token::default();
    while let Some(argument) = next()? {
        match argument.as_str() {
            "--json" if !token.json => token.json = true,
            "--issuer" if token.issuer.is_none() => token.issuer = Some(value(next()??)?),
            "--login" if token.login.is_none() => token.login = Some(value(next()??)?),
            "--min-ttl" if token.min_ttl.is_none() => token.min_ttl = Some(next()??.parse().ok()?),
            _ => return None,
        }
    }
    Some(token)
}

/// What looks like a flag is for the parser to judge.
fn value(text: String) -> Option<String> {
    (!text.starts_with('-')).then_some(text)
}

fn status(next: Next<'_>) -> Option<Status> {
    let mut status = Status::default();
    while let Some(argument) = next()? {
        match argument.as_str() {
            "--json" if !status.json => status.json = true,
            _ => return None,
        }
    }
    Some(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Arguments;
    use clap::Parser as _;
    use std::os::unix::ffi::OsStringExt as _;

    fn usual(line: &str) -> Option<Command> {
        read(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn a_usual_form_is_read_as_the_parser_reads_it() {
        for line in [
            "token",
            "token --json",
            "token --min-ttl 0",
            "token --min-ttl +300",
            "token --min-ttl 18446744073709551615 --json",
            "token --json --min-ttl 300",
            "token --issuer https://id.test --login work",
            "status",
            "status --json",
            "login status",
        ] {
            let parsed = Arguments::try_parse_from(["keyfob"].into_iter().chain(line.split_whitespace()));

            assert_eq!(
                format!("{:?}", usual(line).unwrap()),
                format!("{:?}", parsed.unwrap().command.unwrap())
            );
        }
    }

    #[test]
    fn every_other_form_goes_to_the_parser() {
        for line in [
            "",
            "tokens",
            "token --yes",
            "token --min-ttl",
            "token --min-ttl x",
            "token --min-ttl -1",
            "token --min-ttl=300",
            "token --min-ttl 1 --min-ttl 2",
            "token --json --json",
            "token extra",
            "token --",
            "token --help",
            "status --check",
            "status --json --check",
            "status --json --json",
            "login",
            "login --issuer status",
            "login status --json",
            "login status extra",
            "logout",
            "why",
            "--version",
        ] {
            assert!(usual(line).is_none(), "{line}");
        }
        assert!(read([OsString::from("token"), OsString::from_vec(vec![0xff])].into_iter()).is_none());
    }
}
