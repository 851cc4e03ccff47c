//! `resource-server`, in words.

use crate::args::ResourceServer;
use crate::say;
use crate::system::{SystemClock, SystemEntropy};
use keyfob_issuer::command::resource_server;
use std::io::Write as _;

pub(crate) async fn run(command: ResourceServer) -> anyhow::Result<()> {
    let mut output = std::io::stdout();
    match command {
        ResourceServer::Add { data, audience, name } => {
            let secret = resource_server::add(&data, &name, audience, &SystemClock, &SystemEntropy).await?;
            say(&format!("keyfob-issuer: registered {name}; its secret is not shown again"));
            writeln!(output, "{}", secret.expose())?;
        }
        ResourceServer::List { data } => {
            for server in resource_server::list(&data).await? {
                writeln!(output, "{}\t{}", server.id.as_str(), server.audience)?;
            }
        }
        ResourceServer::Remove { data, name } => {
            resource_server::remove(&data, &name, &SystemClock).await?;
            say(&format!("keyfob-issuer: removed {name}"));
        }
    }
    Ok(())
}
