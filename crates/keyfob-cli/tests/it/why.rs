//! `keyfob why`: the whole decision.

use crate::signed_in::{FAR, signed_in};
use crate::{Home, ran};
use sha2::{Digest as _, Sha256};

/// The first 12 hexadecimal digits of the SHA-256 of a credential.
fn print(credential: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(credential).into();
    let first = digest.first_chunk().copied().map(u64::from_be_bytes).unwrap_or_default();
    format!("{:012x}", first >> 16)
}

#[test]
fn p_03_the_stored_login_is_used_and_its_workspace_pays() {
    let (home, access) = signed_in(FAR, "rt-secret");

    let text = "Looked at, in this order:\n  \
                `CODEX_API_KEY`       not set\n  \
                `CODEX_ACCESS_TOKEN`  not set\n  \
                stored login          in $HOME/auth.json  <- used\n  \
                `OPENAI_API_KEY`      set, and not used on its own\n\n\
                Uses       stored login\n\
                Pays       workspace ws-1, plan pro\n\
                Account    mia@example.org\n\
                Issuer     http://127.0.0.1:1\n\
                Shadows    nothing\n\
                Provider   `openai`\n\
                Print      PRINT\n\
                Not sent   http://127.0.0.1:1 does not vouch for https://chatgpt.com, so what it issued is not sent there\n";
    let text = text.replace("PRINT", &print(&access));
    assert_eq!(home.run_with(&[("OPENAI_API_KEY", "sk-secret")], &["why"]), ran(0, &text, ""));
}

#[test]
fn p_03_a_key_in_the_environment_shadows_the_login_and_is_said_to() {
    let (home, _) = signed_in(FAR, "rt-secret");
    let key = [("CODEX_API_KEY", "sk-secret")];

    let json = "{\"schema\":1,\"state\":\"active\",\"source\":\"CODEX_API_KEY\",\"looked_at\":[\
                {\"source\":\"CODEX_API_KEY\",\"found\":\"present\"},\
                {\"source\":\"CODEX_ACCESS_TOKEN\",\"found\":\"absent\"},\
                {\"source\":\"stored_login\",\"found\":\"present\"}],\
                \"shadows\":[\"stored_login\"],\"not_used\":[],\"email\":null,\"workspace\":null,\
                \"plan\":null,\"issuer\":null,\"store\":\"$HOME/auth.json\",\
                \"login\":{\"name\":\"shared\",\"chosen_by\":\"nobody\",\"rule\":null},\"restricted\":null,\
                \"fingerprint\":\"746b4ad1ca91\",\
                \"pays\":\"the API organisation of the key, by use (a key does not say which)\",\
                \"precedence\":\"keyfob\",\"provider\":{\"id\":\"openai\",\"name\":\"OpenAI\",\"way\":\"login\",\
                \"sends_to\":\"https://api.openai.com/v1\",\"refused\":null,\"headers\":[\"Authorization\"],\
                \"stands_for_a_person\":true,\"configured\":{\"model_provider\":null,\"base_url\":null,\
                \"requires_openai_auth\":null,\"env_key\":null,\"experimental_bearer_token\":null,\"auth\":null}}}\n";
    assert_eq!(home.run_with(&key, &["why", "--json"]), ran(0, json, ""));
    let status = home.run_with(&key, &["status"]);
    assert!(
        status.stdout.ends_with(
            "Used       `CODEX_API_KEY` in the place of stored login\n\
             Controls   the API organisation's: its retention and data sharing\n"
        ),
        "{status:?}"
    );
}

#[test]
fn d_08_a_variable_that_is_set_and_wrong_is_an_error_and_never_a_fall_through() {
    let (home, _) = signed_in(FAR, "rt-secret");

    for (name, value, flaw) in [
        ("CODEX_API_KEY", "", "it is set and empty"),
        ("CODEX_API_KEY", "sk-secret\n", "it begins or ends with white space"),
        ("CODEX_ACCESS_TOKEN", "sk-secret", "it is neither a personal access token (`at-…`) nor a JWT"),
    ] {
        let told = home.run_with(&[(name, value)], &["why"]);

        let uses = format!("Uses       nothing: `{name}` comes first and cannot be used ({flaw})\n");
        assert_eq!(told.code, Some(1));
        assert!(told.stdout.contains(&format!("{uses}Shadows    stored login\n")), "{told:?}");
        assert!(!told.stdout.contains("secret"), "{told:?}");
    }
}

#[test]
fn nothing_and_a_store_that_cannot_be_read_have_their_own_codes() {
    let nothing = Home::empty().run(&["why"]);
    let damaged = Home::holding("{").run(&["why"]);

    assert_eq!(nothing.code, Some(4));
    assert!(nothing.stdout.contains("Uses       nothing: nobody is signed in\n"), "{nothing:?}");
    assert_eq!(damaged.code, Some(7));
    assert!(
        damaged.stdout.contains("  stored login          not usable: the store cannot be read\n"),
        "{damaged:?}"
    );
}
