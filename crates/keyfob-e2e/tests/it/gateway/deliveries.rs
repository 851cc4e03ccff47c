//! Where the Codex CLI's own gateway sign-in puts its token.

use super::DEMO;
use crate::codex_gateway::{assert_answer, exec};
use crate::codex_native::{native, sign_in_with_device};
use anyhow::Result;
use keyfob_e2e::{World, codex};

#[tokio::test]
async fn s_23_codex_signs_in_natively_and_delivers_its_token_in_a_header_or_a_cookie_beside_a_key()
-> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let mut world = World::start().await?;
    let delivery = "[delivery]\nheader = \"X-Gateway-Auth\"\ncookie = \"gateway_session\"\n";
    world.configure_gateway(&format!("{delivery}{DEMO}")).await?;
    let deliveries = [
        ("usual", ""),
        ("header", r#"delivery = { kind = "header", name = "X-Gateway-Auth" }"#),
        ("cookie", r#"delivery = { kind = "cookie", name = "gateway_session" }"#),
    ];

    for (name, delivery) in deliveries {
        let home = world.home(name)?;
        // A key of the provider's own takes the place of the token in `Authorization`.
        let own_key =
            if delivery.is_empty() { "" } else { r#"experimental_bearer_token = "sk-of-the-provider""# };
        let table = format!("[model_providers.ours.gateway_oauth]\n{delivery}");
        let settings = native(&world).replace("[model_providers.ours.gateway_oauth]", &table);
        home.configure_codex(
            &settings
                .replace("supports_websockets = false", &format!("supports_websockets = false\n{own_key}")),
        )?;
        sign_in_with_device(&world, &home, &codex).await?;

        assert_answer(&exec(&world, &home, &codex).await?);
    }
    world.finish().await
}
