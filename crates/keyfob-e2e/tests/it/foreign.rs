//! A home that holds somebody else's login: nothing of ours touches it unasked.

use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::leak::Kind;
use keyfob_e2e::{Home, World};
use serde_json::{Value, json};

/// Commands that need more than their name; all others are run by their name alone and with `--json`.
const ARGUMENTS: [(&str, &[&[&str]]); 4] = [
    ("login", &[&["login", "status"]]),
    ("logins", &[&["logins", "list"]]),
    ("purge", &[&["purge"], &["purge", "--yes"]]),
    // The one command that is asked to remove a login.
    ("logout", &[]),
];

#[tokio::test]
async fn d_14_somebody_elses_login_survives_every_command_byte_for_byte() -> Result<()> {
    let world = World::start().await?;
    for (name, document) in documents(&world) {
        let home = world.home(name)?;
        // As no program of ours would write it.
        let text = format!("\n{document:#}\r\n\n").replace("  ", "\t");
        home.write_auth_text(&text)?;

        for arguments in commands(&world, &home).await? {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let finished = home.keyfob(&arguments)?.run(world.evidence()).await?;
            let kept = home.auth_text().with_context(|| format!("{arguments:?} lost {name}"))?;
            ensure!(kept == text, "{arguments:?} changed {name}: {finished:?}");
            ensure!(finished.status.code().is_some(), "{arguments:?}: {finished:?}");
        }
    }
    world.finish().await
}

#[tokio::test]
async fn d_14_a_new_login_takes_the_place_of_somebody_elses_only_with_replace() -> Result<()> {
    let world = World::start().await?;
    let mut client = world.form_client()?;
    for (name, document) in documents(&world) {
        let home = world.home(name)?;
        home.write_auth_text(&document.to_string())?;

        let refused = home.sign_in_program()?.run(world.evidence()).await?.expect_code(1)?;
        let replaced = home.sign_in_program()?.args(["--replace"]);
        home.finish_sign_in(replaced.start(world.evidence()).await?, &mut client).await?;

        ensure!(refused.stderr.contains("--replace"), "{name}: {}", refused.stderr);
        home.token().await?;
    }
    world.finish().await
}

/// Every command that `keyfob --help` lists, and a login at our issuer.
async fn commands(world: &World, home: &Home) -> Result<Vec<Vec<String>>> {
    let help = home.expect(0, &["--help"]).await?.stdout;
    let (_, listed) = help.split_once("Commands:\n").context("no commands")?;
    let names = listed.lines().take_while(|line| line.starts_with("  "));
    let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    let login = ["login", "--no-browser", "--issuer", world.issuer()];
    let mut commands = vec![login.map(str::to_owned).to_vec()];
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
        ("personal", json!({ "OPENAI_API_KEY": null, "personal_access_token": key })),
        (
            "bedrock",
            json!({ "auth_mode": "bedrockApiKey", "bedrock_api_key": { "key": key, "region": "x" } }),
        ),
        ("agent", json!({ "auth_mode": "agentIdentity", "agent_identity": { "private_key": key } })),
        ("later", json!({ "auth_mode": "aModeOfALaterRelease", "later": key })),
    ]
}
