//! What the gateway and the issuer say of themselves.

use super::super::Acting;
use crate::args::SetupCodex;
use crate::environment::Environment;
use crate::error::{CommandError, SetupFailure};
use crate::settings::{self, SettingsError};
use keyfob_client::{DeviceEndpoint, Endpoints, GatewayUrl, Protection, Status};
use keyfob_codex::client::GATEWAY_CLIENT_ID;
use keyfob_oauth::IssuerUrl;

/// What is known of the gateway and whose tokens open it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) gateway: GatewayUrl,
    pub(super) issuer: IssuerUrl,
    /// What tokens must be meant for, if the gateway or the person says so.
    pub(super) resource: Option<String>,
    /// Where a client signs in by itself, if one is to.
    pub(super) endpoints: Option<NativeEndpoints>,
}

/// Where a client of other people signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NativeEndpoints {
    pub(super) authorization: String,
    pub(super) device: Option<String>,
    pub(super) token: String,
    pub(super) client_id: String,
}

/// Asks the gateway, and the issuer where the Codex CLI is to sign in by itself.
pub(super) async fn discover(
    arguments: &SetupCodex,
    acting: &Acting,
    environment: &Environment,
) -> Result<Found, CommandError> {
    let network = settings::network(environment);
    let text = arguments.gateway.as_deref().unwrap_or_default();
    let gateway = GatewayUrl::parse(text).map_err(SetupFailure::Gateway)?;
    let named = arguments.issuer.as_deref().map(IssuerUrl::parse).transpose();
    let named = named.map_err(SettingsError::IssuerArgument)?;
    let preferred = [signed_in_at(acting), settings::issuer(None, &acting.settings)?];
    let protection = gateway.protection(&network).await.map_err(SetupFailure::Asked)?;
    let issuer = choose(&gateway, named, protection.as_ref(), &preferred)?;
    let resource = match (&arguments.resource, protection) {
        (Some(named), _) => Some(named.clone()),
        (None, None) => None,
        (None, Some(protection)) if protection.is_of(&gateway, &issuer) => Some(protection.resource),
        (None, Some(Protection { resource, .. })) => {
            return Err(SetupFailure::OtherResource { gateway, resource }.into());
        }
    };
    let endpoints = if arguments.native {
        let found = Endpoints::find(&network, &issuer).await.map_err(SetupFailure::Discovery)?;
        Some(NativeEndpoints {
            authorization: found.authorization.into(),
            device: match found.device {
                DeviceEndpoint::Standard(url) => Some(url.into()),
                DeviceEndpoint::Codex => None,
            },
            token: found.token.into(),
            client_id: arguments.client_id.clone().unwrap_or_else(|| GATEWAY_CLIENT_ID.to_owned()),
        })
    } else {
        None
    };
    Ok(Found { gateway, issuer, resource, endpoints })
}

/// Of several issuers it is the one where somebody is signed in, else the one of our configuration.
fn choose(
    gateway: &GatewayUrl,
    named: Option<IssuerUrl>,
    protection: Option<&Protection>,
    preferred: &[Option<IssuerUrl>],
) -> Result<IssuerUrl, SetupFailure> {
    let issuers = protection.map(|protection| protection.issuers.as_slice());
    match (named, issuers) {
        (Some(wanted), Some(issuers)) if !issuers.contains(&wanted) => {
            Err(SetupFailure::OtherIssuer { gateway: gateway.clone(), wanted, issuers: issuers.to_vec() })
        }
        (Some(wanted), _) => Ok(wanted),
        (None, None | Some([])) => Err(SetupFailure::Silent(gateway.clone())),
        (None, Some([only])) => Ok(only.clone()),
        (None, Some(issuers)) => preferred
            .iter()
            .flatten()
            .find(|issuer| issuers.contains(issuer))
            .cloned()
            .ok_or_else(|| SetupFailure::Several { gateway: gateway.clone(), issuers: issuers.to_vec() }),
    }
}

/// Returns the issuer of the login that a command here acts on, if it says which.
pub(super) fn signed_in_at(acting: &Acting) -> Option<IssuerUrl> {
    match acting.session.status() {
        Ok(Status::Account(account)) => account.issuer,
        Ok(Status::SignedOut | Status::ApiKey | Status::AccessToken | Status::Foreign(_)) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(name: &str) -> IssuerUrl {
        IssuerUrl::parse(&format!("https://{name}.test")).unwrap()
    }

    fn chosen(named: Option<&str>, takes: Option<&[&str]>, preferred: [Option<&str>; 2]) -> String {
        let protection = takes.map(|takes| Protection {
            resource: "https://gateway.test".into(),
            issuers: takes.iter().copied().map(issuer).collect(),
        });
        let gateway = GatewayUrl::parse("https://gateway.test").unwrap();
        let preferred = preferred.map(|name| name.map(issuer));
        match choose(&gateway, named.map(issuer), protection.as_ref(), &preferred) {
            Ok(issuer) => issuer.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn s_23_the_issuer_is_one_whose_tokens_the_gateway_takes() {
        let nobody = [None, None];

        assert_eq!(chosen(None, Some(&["a"]), [Some("b"), None]), "https://a.test");
        assert_eq!(chosen(Some("b"), Some(&["a", "b"]), [Some("a"), None]), "https://b.test");
        assert_eq!(chosen(None, Some(&["a", "b", "c"]), [Some("x"), Some("c")]), "https://c.test");
        assert_eq!(chosen(None, Some(&["a", "b", "c"]), [Some("b"), Some("c")]), "https://b.test");
        assert_eq!(chosen(Some("b"), None, nobody), "https://b.test");
        for silent in [None, Some(&[][..])] {
            assert_eq!(
                chosen(None, silent, [Some("a"), None]),
                "https://gateway.test/v1 does not say whose tokens open it"
            );
        }
        assert_eq!(
            chosen(None, Some(&["a", "b"]), nobody),
            "https://gateway.test/v1 takes tokens of several issuers: https://a.test, https://b.test"
        );
        assert_eq!(
            chosen(Some("c"), Some(&["a"]), nobody),
            "https://gateway.test/v1 takes no tokens of https://c.test, but of https://a.test"
        );
    }
}
