//! An issuer over a database of a test's own, with one user who has just signed in.

use crate::fixture::{Database, NOW};
use keyfob_codex::client::CLIENT_ID;
use keyfob_issuer_core::anomaly::Watch;
use keyfob_issuer_core::audit::{Circumstance, Circumstances};
use keyfob_issuer_core::browser_session::SessionTimes;
use keyfob_issuer_core::device_grant::DeviceSettings;
use keyfob_issuer_core::grace::Grace;
use keyfob_issuer_core::login_session::Origin;
use keyfob_issuer_core::operation::{
    AddUserError, CodeExchange, Decision, Initial, ProvenUser, RawAuthorizationRequest, TryOrigin, add_user,
    initialize,
};
use keyfob_issuer_core::password::{Password, PasswordHash};
use keyfob_issuer_core::seal::SealKey;
use keyfob_issuer_core::user::{Email, EmailWord};
use keyfob_issuer_core::{Issuer, IssuerParts};
use keyfob_jose::SigningKey;
use keyfob_oauth::{
    Audience, AuthorizationCode, ClientId, Clock, CodeVerifier, Entropy, EntropyError, IssuerUrl, Timestamp,
    WorkspaceId,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const EMAIL: &str = "zoe@example.org";
const PASSWORD: &str = "correct horse";
const CALLBACK: &str = "http://127.0.0.1:1/auth/callback";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A clock that stands still unless a test moves it.
#[derive(Debug, Default)]
pub(crate) struct Still(AtomicU64);

impl Still {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_secs(), Ordering::SeqCst);
    }
}

impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW.plus(Duration::from_secs(self.0.load(Ordering::SeqCst)))
    }
}

#[derive(Debug)]
struct OnHost;

impl Circumstances for OnHost {
    fn present(&self) -> Circumstance {
        Circumstance::default()
    }
}

/// Never the same bytes twice.
#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        let count = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        for (byte, next) in bytes.iter_mut().zip(count.into_iter().cycle()) {
            *byte = next;
        }
        Ok(())
    }
}

/// An issuer, its database, and its user.
pub(crate) struct World {
    pub(crate) issuer: Issuer,
    pub(crate) clock: Arc<Still>,
    pub(crate) database: Database,
    pub(crate) zoe: ProvenUser,
    /// Their personal one.
    pub(crate) workspace: WorkspaceId,
}

impl World {
    pub(crate) async fn start(database: Database) -> Self {
        let entropy = Arc::new(Counting::default());
        let clock = Arc::new(Still::default());
        let seal_key = SealKey::generate(&*entropy).unwrap();
        let signing_key = SigningKey::generate().unwrap();
        let initial = Initial { seal_key: &seal_key, signing_key: &signing_key };
        initialize(&database.storage, &*clock, &*entropy, &initial).await.unwrap();
        let hash = PasswordHash::of(&Password::typed(PASSWORD.into()), &*entropy).unwrap();
        let add = async || {
            let email = Email::parse(EMAIL).unwrap();
            add_user(&database.storage, &*clock, &*entropy, email, EmailWord::Administrator, hash.clone())
                .await
        };
        add().await.unwrap();
        assert!(matches!(add().await, Err(AddUserError::Exists(_))));
        let url = IssuerUrl::parse("http://localhost:1").unwrap();
        let issuer = Issuer::open(IssuerParts {
            audience: Audience::new(url.as_str()),
            url,
            devices: DeviceSettings::USUAL,
            browser_sessions: SessionTimes::USUAL,
            watch: Watch::Off,
            told_of_logouts: std::collections::BTreeSet::new(),
            grace: Grace::WIDEST,
            storage: Arc::new(database.storage.clone()),
            clock: Arc::<Still>::clone(&clock),
            entropy,
            circumstances: Arc::new(OnHost),
            seal_key,
        })
        .await
        .unwrap();
        let candidate = issuer.candidate(EMAIL, &TryOrigin::default()).await.unwrap();
        let zoe = candidate.verify(&Password::typed(PASSWORD.into()), NOW).unwrap();
        let mut transaction = database.begin().await;
        let user = transaction.find_user_by_email(&Email::parse(EMAIL).unwrap()).await.unwrap().unwrap();
        let workspace = transaction.find_personal_workspace(&user.subject).await.unwrap().unwrap().id;
        drop(transaction);
        Self { issuer, clock, database, zoe, workspace }
    }

    /// Goes the whole way to a code.
    pub(crate) async fn code(&self) -> CodeExchange {
        let verifier = CodeVerifier::parse(VERIFIER).unwrap();
        let request = RawAuthorizationRequest {
            client_id: Some(CLIENT_ID.into()),
            redirect_uri: Some(CALLBACK.into()),
            response_type: Some("code".into()),
            code_challenge: Some(verifier.challenge().as_str().to_owned()),
            code_challenge_method: Some("S256".into()),
            ..RawAuthorizationRequest::default()
        };
        let pending = self.issuer.authorize(request, None).await.unwrap();
        let session = self.issuer.begin_session(&self.zoe, None).await.unwrap().cookie;
        let redirect = self
            .issuer
            .decide(pending.id, &pending.cookie, &session, &Decision::Approve(self.workspace.clone()))
            .await
            .unwrap();
        let (_, query) = redirect.expose().split_once("?code=").unwrap();
        CodeExchange {
            client_id: ClientId::new(CLIENT_ID),
            code: AuthorizationCode::new(query.split('&').next().unwrap()),
            redirect_uri: CALLBACK.into(),
            code_verifier: Some(verifier),
            resource: None,
            origin: Origin::default(),
        }
    }
}
