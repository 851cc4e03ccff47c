//! What is read from people: a password, typed unseen at a terminal, or one line from a file or a pipe.

use anyhow::{Context as _, ensure};
use keyfob_issuer_core::password::Password;
use keyfob_issuer_core::sign_in::Enrolled;
use keyfob_issuer_core::user::Email;
use std::io::{BufRead as _, BufReader, IsTerminal as _, Read as _};

/// No password is longer.
const MOST_PASSWORD_BYTES: u64 = 4096;

/// Reads what is to become the password of `account`.
pub(crate) fn read_password(account: &Email) -> anyhow::Result<Password> {
    let line = if std::io::stdin().is_terminal() {
        let prompt = format!("Password for {account}, at least 15 characters: ");
        let password = rpassword::prompt_password(prompt).context("cannot read the password")?;
        let again = rpassword::prompt_password("Once more: ").context("cannot read the password")?;
        ensure!(password == again, "the two passwords are not the same");
        password
    } else {
        let mut line = String::new();
        let mut input = BufReader::new(std::io::stdin().lock().take(MOST_PASSWORD_BYTES));
        input.read_line(&mut line).context("cannot read the password")?;
        line.truncate(line.trim_end_matches(['\r', '\n']).len());
        ensure!(!line.is_empty(), "no password in the first line of standard input");
        // What came along; whoever types there need not end the input.
        ensure!(input.buffer().is_empty(), "standard input holds more than one line, the password");
        line
    };
    Ok(Password::chosen(line, account, Enrolled::Nothing)?)
}
