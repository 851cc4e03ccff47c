//! What needs more than a sign-in for the plain models: declared once, for issuer, gateway and client (design S3).

/// What may be used beside the plain models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// The cloud capabilities, which need the sign-in of an account: an API key has none of them.
    Cloud,
}

impl Capability {
    /// Every one that there is.
    pub const ALL: [Self; 1] = [Self::Cloud];

    /// Returns the scope word that stands for it in a token (RFC 6749 §3.3).
    pub const fn scope(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
        }
    }

    /// Returns what the paths of a gateway begin with that need it.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Cloud => "/v1/cloud/",
        }
    }

    /// Returns what somebody is told who comes with an API key.
    pub const fn refusal_of_keys(self) -> &'static str {
        match self {
            Self::Cloud => {
                "The cloud capabilities require account sign-in, and this is an API key. Run `keyfob login --cloud` to \
                 sign in, then send the token that `keyfob token` prints"
            }
        }
    }

    /// Returns the capability that a path of a gateway needs.
    pub fn of_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| {
            path.starts_with(capability.prefix()) || path == capability.prefix().trim_end_matches('/')
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_03_a_path_needs_the_capability_whose_prefix_it_has() {
        for path in ["/v1/cloud/workspace", "/v1/cloud/", "/v1/cloud"] {
            assert_eq!(Capability::of_path(path), Some(Capability::Cloud), "{path}");
        }
        for path in ["/v1/responses", "/v1/clouds", "/v1/models/cloud/", "/cloud/workspace", "/V1/cloud/x"] {
            assert_eq!(Capability::of_path(path), None, "{path}");
        }
    }
}
