//! A home that holds somebody else's login: nothing of ours touches it unasked.

use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::leak::Kind;
use keyfob_e2e::{FormClient, Home, World};
use serde_json::{Value, json};

/// Commands that need more than their name; all others are run by their name alone and with `--json`.
const ARGUMENTS: [(&str, &[&[&str]]); 5] = [
    ("login", &[&["login", "status"]]),
    ("logins", &[&["logins", "list"]]),
    ("purge", &[&["purge"], &["purge", "--yes"], &["purge", "--login", "--yes"]]),
    ("logout", &[&["logout"], &["logout", "--all"]]),
    ("session", &[&["session", "list"], &["session", "list", "--json"], &["session", "revoke", "x"]]),
];

#[tokio::test]
async fn d_14_somebody_elses_login_survives_every_command_byte_for_byte() -> Result<()> {
    let world = World::start().await?;
    let mut client = world.form_client()?;
    for (name, document) in documents(&world) {
        let home = world.home(name)?;
        // As no program of ours would write it.
        let text = format!("\n{document:#}\r\n\n").replace("  ", "\t");
        home.write_auth_text(&text)?;
        sign_in_beside(&world, &home, &mut client).await?;
        ensure!(home.auth_text()? == text, "a login beside {name} changed it");

        for arguments in commands(&home).await? {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            // A purge has removed it.
            home.configure()?;
            let finished = home.keyfob(&arguments)?.run(world.evidence()).await?;
            let kept = home.auth_text().with_context(|| format!("{arguments:?} lost {name}"))?;
            ensure!(kept == text, "{arguments:?} changed {name}: {finished:?}");
            ensure!(finished.status.code().is_some(), "{arguments:?}: {finished:?}");
        }
    }
    world.finish().await
}

#[tokio::test]
async fn d_14_logout_removes_somebody_elses_login_only_with_replace() -> Result<()> {
    let world = World::start().await?;
    for (name, document) in documents(&world) {
        let home = world.home(name)?;
        home.configure()?;
        home.write_auth_text(&document.to_string())?;

        let refused = home.keyfob(&["logout"])?.run(world.evidence()).await?;
        ensure!(refused.status.code().is_some_and(|code| [1, 7].contains(&code)), "{name}: {refused:?}");
        ensure!(refused.stderr.contains("--replace"), "{name}: {}", refused.stderr);
        home.expect(0, &["logout", "--replace"]).await?;

        ensure!(!home.has_auth_file(), "{name} is still there");
    }
    world.finish().await
}

#[tokio::test]
async fn d_14_a_new_login_goes_beside_somebody_elses_and_takes_its_place_only_with_replace() -> Result<()> {
    let world = World::start().await?;
    let mut client = world.form_client()?;
    for (name, document) in documents(&world) {
        let home = world.home(name)?;
        let before = document.to_string();
        home.write_auth_text(&before)?;

        let told = sign_in_beside(&world, &home, &mut client).await?;
        let kept = home.auth_text()? == before;
        let beside = home.expect(0, &["token", "--login", BESIDE]).await?.stdout;
        let replaced = home.sign_in_program()?.args(["--replace"]);
        home.finish_sign_in(replaced.start(world.evidence()).await?, &mut client).await?;

        ensure!(told.contains(&format!("`--login {BESIDE}`")), "{name}: {told}");
        ensure!(kept, "{name} was changed");
        ensure!(home.token().await? != beside.trim_end(), "{name}: two logins, one token");
        home.expect(0, &["status", "--check", "--login", BESIDE]).await?;
    }
    world.finish().await
}

/// The name of the login beside: the e-mail address of who signs in.
const BESIDE: &str = "mia@example.org";

/// Signs in as anybody would; returns what the person is told.
async fn sign_in_beside(world: &World, home: &Home, client: &mut FormClient) -> Result<String> {
    let beside = home.beside(BESIDE, world.owner());
    let running = home.sign_in_program()?.start(world.evidence()).await?;
    Ok(beside.finish_sign_in(running, client).await?.stderr)
}

/// Every command that `keyfob --help` lists.
async fn commands(home: &Home) -> Result<Vec<Vec<String>>> {
    let help = home.expect(0, &["--help"]).await?.stdout;
    let (_, listed) = help.split_once("Commands:\n").context("no commands")?;
    let names = listed.lines().take_while(|line| line.starts_with("  "));
    let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    let mut commands = Vec::new();
    for name in names {
        match ARGUMENTS.iter().find(|(known, _)| *known == name) {
            Some((_, lines)) => {
                commands.extend(lines.iter().map(|line| line.iter().map(|&word| word.to_owned()).collect()));
            }
            None => commands.extend([vec![name.to_owned()], vec![name.to_owned(), "--json".to_owned()]]),
        }
    }
    Ok(commands)
}

/// Logins at another issuer, of an older build, and of kinds that we do not handle.
fn documents(world: &World) -> Vec<(&'static str, Value)> {
    let header_and_claims = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzb21lYm9keSIsImlhdCI6MSwiZXhwIjoyfQ";
    let id_token = format!("{header_and_claims}.an-id-token-of-somebody-else");
    let access_token = format!("{header_and_claims}.an-access-token-of-somebody-else");
    let refresh_token = "a-refresh-token-of-somebody-else";
    world.evidence().note(Kind::AccessToken, &access_token);
    world.evidence().note(Kind::RefreshToken, refresh_token);
    world.evidence().note(Kind::RefreshToken, "some-key-of-somebody-else");
    // It is what `keyfob token` gives out where it is stored.
    let personal = "at-some-token-of-somebody-else";
    world.evidence().note(Kind::ApiKey, personal);
    let tokens = |provenance: Option<Value>| {
        let mut tokens = json!({
            "id_token": id_token, "access_token": access_token, "refresh_token": refresh_token,
            "account_id": "elsewhere", "unknown": { "of": ["any", 1.5, null] },
        });
        if let (Some(members), Some(provenance)) = (tokens.as_object_mut(), provenance) {
            members.insert("oauth_provenance".into(), provenance);
        }
        tokens
    };
    // Nobody listens there.
    let elsewhere = json!({ "issuer": "http://127.0.0.1:9", "client_id": "somebody" });
    let key = "some-key-of-somebody-else";
    vec![
        (
            "other-issuer",
            json!({ "unknown": 1, "auth_mode": "chatgpt", "OPENAI_API_KEY": null, "tokens": tokens(Some(elsewhere)) }),
        ),
        (
            "no-issuer",
            json!({ "OPENAI_API_KEY": null, "tokens": tokens(None), "last_refresh": "2025-01-02T03:04:05Z" }),
        ),
        ("api-key", json!({ "auth_mode": "apikey", "OPENAI_API_KEY": key })),
        ("personal", json!({ "OPENAI_API_KEY": null, "personal_access_token": personal })),
        (
            "bedrock",
            json!({ "auth_mode": "bedrockApiKey", "bedrock_api_key": { "key": key, "region": "x" } }),
        ),
        ("agent", json!({ "auth_mode": "agentIdentity", "agent_identity": { "private_key": key } })),
        ("later", json!({ "auth_mode": "aModeOfALaterRelease", "later": key })),
    ]
}
