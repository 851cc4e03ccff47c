//! What a person is asked to do.

use super::face::Notes;
use crate::environment::Environment;
use crate::{browser, output};
use keyfob_client::login::{PendingDevice, Prompt};
use keyfob_codex::client::CALLBACK_PORTS;
use serde_json::{Value, json};
use std::io::{self, IsTerminal as _};

/// Says it in the words of the Codex CLI, where it has some.
pub(super) fn show(prompt: &Prompt, environment: &Environment) {
    match prompt {
        Prompt::Visit { address, port } => {
            output::say(&format!("Starting local login server on http://localhost:{port}."));
            if let Some(warning) = port_warning(*port, environment) {
                output::say(&warning);
            }
            output::say("If your browser did not open, navigate to this URL to authenticate:\n");
            output::say(&format!("{address}\n"));
            if io::stdin().is_terminal() {
                output::say(
                    "On another machine? Paste here the address at which its browser ends up, or type `d` for a code.\n",
                );
            }
        }
        Prompt::Type(device) => show_code(device),
    }
}

/// Returns what to say of an unusual port: whoever forwards one over SSH forwards the usual one, as documentation says.
pub(super) fn port_warning(port: u16, environment: &Environment) -> Option<String> {
    let usual = CALLBACK_PORTS[0];
    (environment.is_over_ssh && port != usual).then(|| {
        format!(
            "WARNING: the port is {port}, since {usual} is taken here. Where your browser is, forward this one: \
             `ssh -L {port}:127.0.0.1:{port} HOST`"
        )
    })
}

fn show_code(device: &PendingDevice) {
    let minutes = device.life.as_secs().div_ceil(60);
    let (address, code) = (&device.address, device.user_code.expose());
    output::say(&format!(
        "To sign in with a device code:\n\n\
         1. Open this link in a browser on any machine and sign in\n   {address}\n\n\
         2. Enter this one-time code (it works for {minutes} minutes)\n   {code}\n\n\
         Continue only if you started this login yourself. If a website or another person gave you this code, cancel.\n"
    ));
}

/// Says it to a program.
pub(super) fn document(prompt: &Prompt) -> Value {
    match prompt {
        Prompt::Visit { address, .. } => {
            json!({ "schema": 1, "state": "pending", "method": "browser", "address": address.as_str() })
        }
        Prompt::Type(device) => json!({
            "schema": 1, "state": "pending", "method": "device_code", "address": device.address.as_str(),
            "user_code": device.user_code.expose(), "expires_in": device.life.as_secs(),
        }),
    }
}

/// Opens the browser beside the sign-in, which does not depend on it: the address was shown.
pub(super) fn open_browser(address: String, wanted: Option<String>, notes: Notes) {
    drop(tokio::task::spawn_blocking(move || {
        if browser::open(&address, wanted.as_deref()).is_err() {
            notes.say("No browser could be opened here; open the address yourself.");
        }
    }));
}
