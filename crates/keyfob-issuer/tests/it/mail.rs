//! Letters, to a real SMTP server of somebody else's making (aiosmtpd).

use crate::browser::{Answer, Browser};
use crate::world::{OWNER, PASSWORD, World};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

/// Prints its port, and then each letter as its reader would see it, whose end is a line of its own.
const SERVER: &str = r#"
import asyncio
import email
import email.policy
from aiosmtpd.smtp import SMTP

class Printer:
    async def handle_DATA(self, server, session, envelope):
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        head = [f"{name}: {value}" for name, value in letter.items()]
        print(envelope.rcpt_tos[0], *head, "", letter.get_content(), "END", sep="\n", flush=True)
        return "250 OK"

async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Printer()), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"#;

pub(crate) struct PostOffice {
    server: Child,
    output: BufReader<ChildStdout>,
}

impl Drop for PostOffice {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

impl PostOffice {
    /// Starts it; returns the settings of an issuer that sends its letters there.
    pub(crate) fn start() -> (Self, String) {
        // Debian's own Python has the package python3-aiosmtpd.
        let mut server =
            Command::new("/usr/bin/python3").args(["-c", SERVER]).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(server.stdout.take().unwrap());
        let mut port = String::new();
        output.read_line(&mut port).unwrap();
        let settings =
            format!("[mail]\nserver = \"smtp://127.0.0.1:{}\"\nfrom = \"id@example.org\"\n", port.trim());
        (Self { server, output }, settings)
    }

    /// Waits for the next letter with a link that begins with `path`; returns who got it, and the link without the host.
    pub(crate) fn link(&mut self, base: &str, path: &str) -> (String, String) {
        loop {
            let letter = self.letter();
            let links = letter.lines().filter_map(|line| line.strip_prefix(base));
            if let Some(link) = links.clone().find(|link| link.starts_with(path)) {
                return (letter.lines().next().unwrap().to_owned(), link.to_owned());
            }
        }
    }

    /// Waits for the next letter.
    pub(crate) fn letter(&mut self) -> String {
        let mut letter = String::new();
        while !letter.ends_with("END\n") {
            assert_ne!(self.output.read_line(&mut letter).unwrap(), 0, "the server ended: {letter}");
        }
        letter
    }
}

async fn ask(browser: &mut Browser, email: &str) -> Answer {
    let csrf = browser.get("/forgot").await.csrf();
    browser.post("/forgot", &[("csrf", &csrf), ("email", email)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn i_60_a_letter_brings_a_link_that_works_once_and_nobody_unknown_gets_one() {
    let (mut post_office, settings) = PostOffice::start();
    let world = World::start_with(&settings).await;
    let mut browser = world.browser();
    assert!(browser.get("/account").await.body.contains("href=\"/forgot\""));

    let unknown = ask(&mut browser, "nobody@example.org").await;
    let known = ask(&mut browser, " Mia@Example.org").await;
    assert_eq!(unknown.essence(), known.essence(), "I-53");
    // Had the unknown address got a letter, it would be the first.
    let letter = post_office.letter();

    assert!(letter.starts_with(OWNER), "{letter}");
    let link = letter.lines().find_map(|line| line.strip_prefix(&*world.base)).expect(&letter).to_owned();
    let csrf = browser.get(&link).await.csrf();
    let form = [("csrf", &*csrf), ("new_password", "a longer walk by the sea")];
    assert_eq!(browser.post(&link, &form).await.status, 200);
    assert_eq!(browser.get(&link).await.status, 410);
    assert_eq!(world.sign_in(&mut browser, "/account", PASSWORD).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn i_54_letters_to_one_address_have_to_wait_after_five() {
    let (_post_office, settings) = PostOffice::start();
    let world = World::start_with(&settings).await;
    let mut browser = world.browser();

    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(ask(&mut browser, "nobody@example.org").await.status);
    }

    assert_eq!(statuses, [200, 200, 200, 200, 200, 429]);
    assert_eq!(ask(&mut browser, OWNER).await.status, 200);
}

#[tokio::test]
async fn without_a_mail_server_no_page_offers_letters() {
    let world = World::start().await;
    let mut browser = world.browser();

    assert_eq!(browser.get("/forgot").await.status, 404);
    assert!(!browser.get("/account").await.body.contains("/forgot"));
}
