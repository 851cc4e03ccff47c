//! Why nobody was signed in, with advice.

use super::{CommandError, restricted, store_hints};
use crate::exit::Exit;
use keyfob_client::login::{DeviceError, IdTokenError, KeysError, ListenError, LoginError, Occupied};
use keyfob_client::{DiscoveryError, TokenError};

/// What an issuer answers to a request for a host that is not its own (RFC 9110 §15.5.20).
const MISDIRECTED: u16 = 421;

impl From<LoginError> for CommandError {
    fn from(error: LoginError) -> Self {
        let hints: &[&str] = match &error {
            LoginError::Restricted(broken) => {
                let nothing = ["nothing was stored".to_owned()];
                let hints = nothing.into_iter().chain(restricted::hints(broken)).collect();
                return Self { hints, ..Self::new(Exit::PolicyDenied, error, &[]) };
            }
            LoginError::Unverified(origin) => {
                let hints = vec![
                    format!("nothing was stored; {origin} restricts who may sign in"),
                    "`keyfob handoff` over there gives this machine a session of its own".to_owned(),
                ];
                return Self { hints, ..Self::new(Exit::PolicyDenied, error, &[]) };
            }
            LoginError::Occupied(
                Occupied::OtherIssuer(_) | Occupied::OtherKind(_) | Occupied::OtherAccount { .. },
            ) => &[
                "to overwrite it, add `--replace`; to keep both, give the new one another name with `--as NAME`",
            ],
            LoginError::Occupied(Occupied::NotUnderstood(_)) => {
                &["to sign in all the same, add `--replace`; it is then kept under another name"]
            }
            LoginError::Discovery(DiscoveryError::Unreachable { .. }) => &[
                "is the address right, and is the issuer running? It is asked without a proxy on loopback only",
            ],
            LoginError::NoDeviceCode { source: DeviceError::Failed(_), .. } => {
                &["nothing was stored; try again, or sign in with a browser: `keyfob login --no-browser`"]
            }
            LoginError::NoDeviceCode {
                source: DeviceError::NotOffered | DeviceError::Unusable(_), ..
            } => &["sign in with a browser: `keyfob login --no-browser`; and tell whoever runs the issuer"],
            LoginError::Denied => &["nothing was stored; run `keyfob login --device-auth` for another code"],
            LoginError::CodeExpired => &[
                "run `keyfob login --device-auth` for another code; its page says who can let device codes in, if nobody may",
            ],
            LoginError::IdToken { source: IdTokenError::Workspace, .. } => {
                &["nothing was stored; sign in again and choose the workspace that `--workspace` names"]
            }
            LoginError::Discovery(DiscoveryError::NoDocument { status: MISDIRECTED, .. }) => &[
                "the issuer goes by another name: use exactly the address that it was set up with (`localhost` and \
                   `127.0.0.1` are two)",
            ],
            LoginError::Discovery(DiscoveryError::NoDocument { .. } | DiscoveryError::Malformed(_)) => {
                &["is this the address of an OpenID Connect issuer, without any path of its pages?"]
            }
            LoginError::Discovery(DiscoveryError::OtherIssuer(_)) => {
                &["use exactly the address under which the issuer knows itself"]
            }
            LoginError::IdToken { source: IdTokenError::Clock(_), .. } => {
                &["nothing was stored; set the clock, then run `keyfob login` again"]
            }
            LoginError::Discovery(DiscoveryError::UnsafeEndpoint { .. } | DiscoveryError::NoPkce(_))
            | LoginError::Incomplete { .. }
            | LoginError::Keys { .. }
            | LoginError::IdToken { .. } => &["nothing was stored; tell whoever runs the issuer"],
            LoginError::Exchange { source: TokenError::Rejected(_), .. } => {
                &["the code was used or took too long; run `keyfob login` again"]
            }
            LoginError::Handoff { .. } => &[
                "it works once, within 10 minutes, and while the session that handed over goes on; hand over again. If you \
                 did not use it, somebody else has: that session has ended, and `keyfob session list` shows the others",
            ],
            LoginError::Exchange { .. } | LoginError::TimedOut => &["run `keyfob login` again"],
            LoginError::Refused { .. } | LoginError::NoCode => {
                &["nothing was stored; run `keyfob login` again"]
            }
            LoginError::Store(cause) => store_hints(cause),
            LoginError::Listen(ListenError::Bind(_)) => &["a local firewall or sandbox may forbid listening"],
            LoginError::Listen(ListenError::Taken(_)) => {
                &["end one of them, or sign in without a port of this machine: `keyfob login --device-auth`"]
            }
            LoginError::Listen(ListenError::Carried { .. }) | LoginError::Entropy(_) => &[],
        };
        Self::new(exit(&error), error, hints)
    }
}

fn exit(error: &LoginError) -> Exit {
    match error {
        LoginError::Store(_) => Exit::StoreUnavailable,
        LoginError::Restricted(_) | LoginError::Unverified(_) => Exit::PolicyDenied,
        LoginError::Discovery(DiscoveryError::Unreachable { .. })
        | LoginError::Exchange { source: TokenError::Unreachable(_), .. }
        | LoginError::Handoff { source: TokenError::Unreachable(_), .. }
        | LoginError::NoDeviceCode { source: DeviceError::Failed(TokenError::Unreachable(_)), .. }
        | LoginError::Keys { source: KeysError::Unreachable(_), .. } => Exit::Offline,
        LoginError::Occupied(_)
        | LoginError::Discovery(_)
        | LoginError::Listen(_)
        | LoginError::Refused { .. }
        | LoginError::NoCode
        | LoginError::TimedOut
        | LoginError::NoDeviceCode { .. }
        | LoginError::Denied
        | LoginError::CodeExpired
        | LoginError::Exchange { .. }
        | LoginError::Handoff { .. }
        | LoginError::Incomplete { .. }
        | LoginError::Keys { .. }
        | LoginError::IdToken { .. }
        | LoginError::Entropy(_) => Exit::Failure,
    }
}
