//! What is read on a connection has one reading here too, and nothing is tunnelled.

use super::world::Local;
use crate::smuggling::ambiguous;

#[tokio::test]
async fn g_19_a_request_with_two_readings_is_refused_and_ends_the_connection() {
    let local = Local::new().await;
    let host = format!("host: {}", local.address);
    let credential = format!("authorization: Bearer {}\r\ncontent-type: application/json\r\n", local.key);
    let second = format!("GET /v1/canary HTTP/1.1\r\n{host}\r\n{credential}\r\n");
    for request in ambiguous() {
        let request = request.replace("host: g", &host).replace("{}", &credential);

        let told = local.send_raw(&format!("{request}{second}")).await;

        assert!(told.starts_with("HTTP/1.1 400 "), "{request:?}: {told}");
        assert_eq!(told.matches("HTTP/1.1 ").count(), 1, "{request:?}: {told}");
    }
}

#[tokio::test]
async fn g_12_g_20_an_upgrade_is_refused_and_what_follows_it_goes_nowhere() {
    let local = Local::new().await;
    let rest = format!("host: {}\r\nauthorization: Bearer {}\r\n", local.address, local.key);
    let second = format!("GET /v1/models HTTP/1.1\r\n{rest}\r\n");
    for upgrade in
        ["connection: upgrade\r\nupgrade: websocket", "connection: upgrade\r\nupgrade: h2c", "upgrade: x"]
    {
        let request = format!("GET /v1/responses HTTP/1.1\r\n{rest}{upgrade}\r\n\r\n{second}");

        let told = local.send_raw(&request).await;

        assert!(told.starts_with("HTTP/1.1 501 "), "{upgrade}: {told}");
        assert_eq!(told.matches("HTTP/1.1 ").count(), 1, "{upgrade}: {told}");
    }
    let http2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    assert_eq!(local.send_raw(&format!("{http2}{second}")).await, "", "it hangs up");
    assert!(local.upstream.saw_nothing());
}
