//! The issuer behind TLS with a certificate of a private CA, reached through a proxy: as in a company.

use crate::codex_gateway::{assert_answer, configuration, exec};
use crate::codex_login::{device_sign_in, printed_code};
use crate::traces::{ask_the_gateway, has_traces};
use anyhow::{Result, ensure};
use keyfob_e2e::process::{LIMIT, Log};
use keyfob_e2e::{ForwardProxy, Home, Network, World, codex};

/// The only issuer that `codex login` asks without a device code; in the test's own network the name is ours.
pub(crate) const BUILT_IN: &str = "auth.openai.com";
const HOST: &str = "id.keyfob.test";

#[tokio::test]
async fn s_01_s_06_s_12_codex_login_with_a_browser_refresh_and_logout_over_tls_through_a_proxy() -> Result<()>
{
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let network = Network::enter()?;
    let world = World::start_behind_tls(&network, BUILT_IN, Log::Usual).await?;
    let proxy = world.forward_proxy().await?;
    let home = behind(&world, &proxy, "mia", "CODEX_CA_CERTIFICATE")?;
    home.configure_codex(&configuration(&world, "requires_openai_auth = true"))?;

    let mut login = home.codex(&codex, &["login"])?.env("BROWSER", "true").start(world.evidence()).await?;
    let address = home.printed_address(&login).await?;
    let mut form = world.form_client()?;
    let callback = form.approve(&address, world.owner()).await?;
    form.deliver(&callback).await?;
    let signed_in = login.finished(LIMIT).await?.expect_code(0)?;
    let before = home.tokens()?;
    let expired = home.expire_access_token(world.signing_key())?;
    let answer = exec(&world, &home, &codex).await?;
    let after = home.tokens()?;
    let copy = copied(&world, &proxy, &home)?;
    let signed_out = home.codex(&codex, &["logout"])?.run(world.evidence()).await?.expect_code(0)?;

    assert_eq!(address.host_str(), Some(BUILT_IN));
    assert!(signed_in.stderr.ends_with("Successfully logged in\n"), "{}", signed_in.stderr);
    assert_answer(&answer);
    assert_ne!(after.access_token, expired);
    assert_ne!(after.refresh_token, before.refresh_token);
    assert_eq!((world.wire().tally().refreshes, world.wire().tally().successors), (1, 1));
    assert!(signed_out.stderr.ends_with("Successfully logged out\n"), "{}", signed_out.stderr);
    assert!(!home.has_auth_file());
    copy.expire_access_token(world.signing_key())?;
    copy.expect(5, &["token"]).await?;
    came_through(&world, &proxy).await?;
    world.finish().await
}

#[tokio::test]
async fn s_19_s_12_a_device_login_of_the_codex_cli_refresh_and_logout_over_tls_through_a_proxy() -> Result<()>
{
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let network = Network::enter()?;
    let world = World::start_behind_tls(&network, HOST, Log::Usual).await?;
    let proxy = world.forward_proxy().await?;
    let revocation = format!("{}/oauth/revoke", world.issuer());
    let home = behind(&world, &proxy, "mia", "SSL_CERT_FILE")?
        .with_variable("CODEX_REVOKE_TOKEN_URL_OVERRIDE", revocation);
    home.configure_codex(&configuration(&world, "requires_openai_auth = true"))?;

    let mut login = device_sign_in(&world, &home, &codex)?.start(world.evidence()).await?;
    let (address, code) = printed_code(&login).await?;
    world.form_client()?.approve_device(&address, &code, world.owner()).await?;
    login.finished(LIMIT).await?.expect_code(0)?;
    home.tokens()?;
    home.expire_access_token(world.signing_key())?;
    let answer = exec(&world, &home, &codex).await?;
    home.tokens()?;
    let copy = copied(&world, &proxy, &home)?;
    home.codex(&codex, &["logout"])?.run(world.evidence()).await?.expect_code(0)?;

    assert_answer(&answer);
    assert_eq!((world.wire().tally().refreshes, world.wire().tally().successors), (1, 1));
    assert!(!home.has_auth_file());
    copy.expire_access_token(world.signing_key())?;
    copy.expect(5, &["token"]).await?;
    came_through(&world, &proxy).await?;
    world.finish().await
}

#[tokio::test]
async fn c_19_without_the_ca_neither_codex_nor_keyfob_signs_in_and_both_say_where_it_failed() -> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let network = Network::enter()?;
    let world = World::start_behind_tls(&network, HOST, Log::Usual).await?;
    let proxy = world.forward_proxy().await?;
    let home = world.home("mia")?.with_variable("HTTPS_PROXY", proxy.address());

    let of_codex = device_sign_in(&world, &home, &codex)?.run(world.evidence()).await?.expect_code(1)?;
    let of_keyfob = home.sign_in_program()?.run(world.evidence()).await?.expect_code(1)?;

    let failed = "Error logging in: error sending request for url (https://id.keyfob.test/api/accounts/deviceauth/usercode)\n";
    assert!(of_codex.stderr.ends_with(failed), "{}", of_codex.stderr);
    assert_eq!(
        of_keyfob.stderr,
        "error: cannot reach the issuer https://id.keyfob.test\n  cause: no connection: invalid peer certificate: UnknownIssuer\nhint: is the address right, and is the issuer running? It is asked without a proxy on loopback only\nhint: where a company's own authority is trusted, `CODEX_CA_CERTIFICATE` names a file with its certificate in PEM\n"
    );
    assert!(!home.has_auth_file());
    assert_eq!(proxy.connections(), [HOST, HOST]);
    let is_refused = |line: &str| line.ends_with("SSL handshake failure");
    let once = world.front_logs(is_refused).await?;
    world.front_logs(|line| is_refused(line) && line != once).await?;
    world.finish().await
}

#[tokio::test]
async fn c_19_keyfob_trusts_the_authorities_that_the_codex_cli_does() -> Result<()> {
    let network = Network::enter()?;
    let world = World::start_behind_tls(&network, HOST, Log::Usual).await?;
    let proxy = world.forward_proxy().await?;
    let home =
        behind(&world, &proxy, "mia", "CODEX_CA_CERTIFICATE")?.with_variable("SSL_CERT_FILE", "/nonexistent");

    home.sign_in(&mut world.form_client()?).await?;
    home.expire_access_token(world.signing_key())?;
    home.expect(0, &["token"]).await?;
    home.expire_access_token(world.signing_key())?;
    let nowhere = home.with_variable("CODEX_CA_CERTIFICATE", "/nonexistent");
    let before = nowhere.auth_text()?;
    let refused = nowhere.expect(8, &["token"]).await?;

    assert_eq!(
        refused.stderr,
        "error: cannot refresh the session at https://id.keyfob.test\n  cause: the issuer did not answer\n  cause: cannot set up HTTPS\n  cause: cannot read /nonexistent, which `CODEX_CA_CERTIFICATE` names\n  cause: No such file or directory (os error 2)\nhint: your login is untouched; try again when the issuer answers\nhint: `CODEX_CA_CERTIFICATE`, or `SSL_CERT_FILE` without it, names a file with certificates in PEM; take it out to trust the system's authorities alone\n"
    );
    assert_eq!(nowhere.auth_text()?, before);
    came_through(&world, &proxy).await?;
    world.finish().await
}

#[tokio::test]
async fn c_46_at_trace_level_no_secret_of_a_tls_connection_is_logged() -> Result<()> {
    let network = Network::enter()?;
    let world = World::start_behind_tls(&network, HOST, Log::Trace).await?;
    let proxy = world.forward_proxy().await?;
    let home = behind(&world, &proxy, "mia", "SSL_CERT_FILE")?;

    home.sign_in(&mut world.form_client()?).await?;
    home.expire_access_token(world.signing_key())?;
    let refreshed = home.expect(0, &["token"]).await?;
    let token = home.token().await?;
    let listed = home.expect(0, &["session", "list"]).await?;
    home.expect(0, &["status", "--check"]).await?;
    let asked = ask_the_gateway(&world, &token).await?;
    let ended = home.expect(0, &["logout", "--all"]).await?;

    ensure!(asked == 200, "the gateway answered with {asked}");
    for finished in [refreshed, listed, ended] {
        has_traces(&finished, &["keyfob_client::http", "h2::proto::streams", "hyper_util::client"])?;
    }
    came_through(&world, &proxy).await?;
    world.finish().await
}

/// A home that finds the issuer through `proxy` alone, and trusts its certificate by the variable `ca`.
pub(crate) fn behind(world: &World, proxy: &ForwardProxy, name: &str, ca: &str) -> Result<Home> {
    let home = world.home(name)?.with_variable("HTTPS_PROXY", proxy.address());
    Ok(home.with_variable(ca, world.names()?.ca()))
}

/// Another machine of the same kind with a copy of this login.
fn copied(world: &World, proxy: &ForwardProxy, home: &Home) -> Result<Home> {
    let copy = behind(world, proxy, "copy", "SSL_CERT_FILE")?;
    copy.write_auth_text(&home.auth_text()?)?;
    Ok(copy)
}

/// Whether everybody came to the issuer through the proxy and to nobody else, by TLS 1.3 and HTTP/2.
pub(crate) async fn came_through(world: &World, proxy: &ForwardProxy) -> Result<()> {
    let host = world.names()?.host();
    let connections = proxy.connections();
    ensure!(!connections.is_empty(), "nobody came through the proxy");
    ensure!(connections.iter().all(|to| to == host), "it led elsewhere: {connections:?}");
    world.front_logs(|line| line.contains("/oauth/token 200 TLSv1.3 h2")).await?;
    Ok(())
}
