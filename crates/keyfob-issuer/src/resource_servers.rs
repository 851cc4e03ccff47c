//! `resource-server`, in words.

use crate::args::ResourceServer;
use crate::say;
use crate::system::{SystemClock, SystemEntropy};
use keyfob_issuer::command::resource_server;
use keyfob_issuer_core::resource_server::ResourceServer as Server;
use serde_json::{Value, json};

pub(crate) async fn run(command: ResourceServer) -> anyhow::Result<()> {
    match command {
        ResourceServer::Add { place, audience, name } => {
            let secret =
                resource_server::add(&place.data, &name, audience, &SystemClock, &SystemEntropy).await?;
            say(&format!("keyfob-issuer: registered {name}; its secret is not shown again"));
            let secret = secret.expose();
            place.print(secret, json!({ "name": name, "secret": secret }))?;
        }
        ResourceServer::List { place } => {
            let servers = resource_server::list(&place.data).await?;
            let line = |server: &Server| format!("{}\t{}", server.id.as_str(), server.audience);
            let lines: Vec<String> = servers.iter().map(line).collect();
            let told =
                |server: &Server| json!({ "name": server.id.as_str(), "audience": server.audience.as_str() });
            let told: Vec<Value> = servers.iter().map(told).collect();
            place.print(&lines.join("\n"), json!({ "resource_servers": told }))?;
        }
        ResourceServer::Remove { place, name } => {
            resource_server::remove(&place.data, &name, &SystemClock).await?;
            place.print("", json!({ "name": name, "removed": true }))?;
            say(&format!("keyfob-issuer: removed {name}"));
        }
    }
    Ok(())
}
