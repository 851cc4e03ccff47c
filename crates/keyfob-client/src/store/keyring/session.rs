//! What the Secret Service is asked, over D-Bus: the messages of the Secret Service API, and no more of them than we need.

use super::secret_service::SessionBus;
use super::session_key::{self, KeyAgreement, Sealed, SessionKey, Unusable};
use crate::entropy::SystemEntropy;
use futures_util::StreamExt as _;
use keyfob_oauth::{Entropy as _, EntropyError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use zbus::names::OwnedUniqueName;
use zbus::proxy::CacheProperties;
use zbus::zvariant::{DynamicType, ObjectPath, OwnedObjectPath, OwnedValue, Type, Value};
use zeroize::Zeroizing;

/// Where the service is on the bus.
const NAME: &str = "org.freedesktop.secrets";
const SERVICE: (ObjectPath<'static>, &str) =
    (ObjectPath::from_static_str_unchecked("/org/freedesktop/secrets"), "org.freedesktop.Secret.Service");
const COLLECTION: &str = "org.freedesktop.Secret.Collection";
const ITEM: &str = "org.freedesktop.Secret.Item";
const PROMPT: &str = "org.freedesktop.Secret.Prompt";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
/// The path that stands for no object.
const NONE: &str = "/";
const CONTENT_TYPE: &str = "text/plain";

/// The service could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// It cannot be reached, or refused.
    #[error("the Secret Service cannot be asked")]
    Bus(#[from] zbus::Error),
    /// It has no keyring in which entries are made.
    #[error("the Secret Service has no default keyring")]
    NoCollection,
    /// Somebody was asked to unlock the keyring and did not, or there is no program that could ask.
    #[error("nobody unlocked the keyring")]
    Dismissed,
    /// The entry is in a keyring that is locked.
    #[error("the keyring is locked")]
    Locked,
    /// The system gave no randomness for the session.
    #[error("the session has no key")]
    Entropy(#[from] EntropyError),
    /// It sent a key or a secret that cannot be used.
    #[error("the Secret Service answered with something that cannot be decrypted")]
    Unusable,
}

/// A connection to the service, and the session by which secrets cross it encrypted.
pub(super) struct Session {
    bus: zbus::Connection,
    /// With whom the session was agreed on.
    daemon: OwnedUniqueName,
    path: OwnedObjectPath,
    key: SessionKey,
}

/// An entry of a keyring.
#[derive(Debug)]
pub(super) struct Item {
    path: OwnedObjectPath,
    is_locked: bool,
}

/// A secret on the wire: `(oayays)`.
#[derive(Serialize, Deserialize, Type)]
struct Secret {
    session: OwnedObjectPath,
    parameters: Vec<u8>,
    value: Vec<u8>,
    content_type: String,
}

impl From<Unusable> for ServiceError {
    fn from(Unusable: Unusable) -> Self {
        Self::Unusable
    }
}

impl Session {
    /// Connects to `bus` and agrees with its daemon on a session.
    pub(super) async fn open(bus: &SessionBus) -> Result<Self, ServiceError> {
        let bus = zbus::connection::Builder::address(bus.address())?.build().await?;
        let daemon = introduce(&bus).await?;
        let agreement = KeyAgreement::new(&Zeroizing::new(random()?));
        let ours = (session_key::ALGORITHM, Value::from(agreement.public()));
        let (theirs, path): (OwnedValue, OwnedObjectPath) =
            ask(&bus, &SERVICE.0, SERVICE.1, "OpenSession", &ours).await?;
        let theirs = Vec::try_from(theirs).map_err(zbus::Error::from)?;
        Ok(Self { key: agreement.agree(&theirs)?, daemon, path, bus })
    }

    /// A daemon that was started anew knows nothing of the sessions of the last.
    pub(super) async fn is_the_same_daemon(&self) -> bool {
        introduce(&self.bus).await.is_ok_and(|daemon| daemon == self.daemon)
    }

    /// Finds the entries that have all of `attributes`.
    pub(super) async fn search(&self, attributes: &HashMap<&str, &str>) -> Result<Vec<Item>, ServiceError> {
        let (unlocked, locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) =
            self.ask(&SERVICE.0, SERVICE.1, "SearchItems", attributes).await?;
        let unlocked = unlocked.into_iter().map(|path| Item { path, is_locked: false });
        Ok(unlocked.chain(locked.into_iter().map(|path| Item { path, is_locked: true })).collect())
    }

    /// Returns the secret of an unlocked entry.
    pub(super) async fn secret(&self, item: &Item) -> Result<Zeroizing<Vec<u8>>, ServiceError> {
        let secret: Secret = self.ask(&item.path, ITEM, "GetSecret", &self.path).await?;
        let sealed = Sealed { parameters: secret.parameters, value: secret.value };
        Ok(self.key.open(sealed)?)
    }

    /// Gives an unlocked entry another secret.
    pub(super) async fn set_secret(&self, item: &Item, secret: &[u8]) -> Result<(), ServiceError> {
        self.ask(&item.path, ITEM, "SetSecret", &(self.seal(secret)?,)).await
    }

    /// Makes an entry in the default keyring, in the place of one with the same attributes.
    pub(super) async fn create(
        &self,
        label: &str,
        attributes: HashMap<&str, &str>,
        secret: &[u8],
    ) -> Result<Item, ServiceError> {
        let default: OwnedObjectPath = self.ask(&SERVICE.0, SERVICE.1, "ReadAlias", &"default").await?;
        if default.as_str() == NONE {
            return Err(ServiceError::NoCollection);
        }
        let is_locked: OwnedValue = self.ask(&default, PROPERTIES, "Get", &(COLLECTION, "Locked")).await?;
        if bool::try_from(is_locked).map_err(zbus::Error::from)? {
            self.unlock(&default).await?;
        }
        let properties = HashMap::from([
            ("org.freedesktop.Secret.Item.Label", Value::from(label)),
            ("org.freedesktop.Secret.Item.Attributes", Value::from(attributes)),
        ]);
        let arguments = (properties, self.seal(secret)?, true);
        let (path, prompt): (OwnedObjectPath, OwnedObjectPath) =
            self.ask(&default, COLLECTION, "CreateItem", &arguments).await?;
        let path = match path.as_str() {
            NONE => {
                OwnedObjectPath::try_from(self.ask_somebody(&prompt).await?).map_err(zbus::Error::from)?
            }
            _ => path,
        };
        Ok(Item { path, is_locked: false })
    }

    /// Removes an entry, unless it is locked: what cannot be read is not asked for.
    pub(super) async fn delete(&self, item: &Item) -> Result<(), ServiceError> {
        if item.is_locked {
            return Err(ServiceError::Locked);
        }
        let prompt: OwnedObjectPath = self.ask(&item.path, ITEM, "Delete", &()).await?;
        if prompt.as_str() != NONE {
            self.ask_somebody(&prompt).await?;
        }
        Ok(())
    }

    /// Unlocks the keyring of an entry, for which the service may ask its owner.
    pub(super) async fn unlocked(&self, item: Item) -> Result<Item, ServiceError> {
        if item.is_locked {
            self.unlock(&item.path).await?;
        }
        Ok(Item { is_locked: false, ..item })
    }

    async fn unlock(&self, object: &ObjectPath<'_>) -> Result<(), ServiceError> {
        let (unlocked, prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) =
            self.ask(&SERVICE.0, SERVICE.1, "Unlock", &vec![object]).await?;
        if unlocked.is_empty() {
            self.ask_somebody(&prompt).await?;
        }
        Ok(())
    }

    /// Lets the service ask the person at the screen, and waits for the answer.
    async fn ask_somebody(&self, prompt: &ObjectPath<'_>) -> Result<OwnedValue, ServiceError> {
        let builder = zbus::proxy::Builder::<zbus::Proxy<'_>>::new(&self.bus);
        let builder = builder.destination(NAME)?.path(prompt)?.interface(PROMPT)?;
        let prompt = builder.cache_properties(CacheProperties::No).build().await?;
        let mut completed = prompt.receive_signal("Completed").await?;
        // No window of ours is to be in front of.
        prompt.call_method("Prompt", &"").await?;
        let answer = completed.next().await.ok_or(ServiceError::Dismissed)?;
        let (was_dismissed, result): (bool, OwnedValue) = answer.body().deserialize()?;
        if was_dismissed { Err(ServiceError::Dismissed) } else { Ok(result) }
    }

    fn seal(&self, secret: &[u8]) -> Result<Secret, ServiceError> {
        let Sealed { parameters, value } = self.key.seal(secret, random()?)?;
        Ok(Secret { session: self.path.clone(), parameters, value, content_type: CONTENT_TYPE.to_owned() })
    }

    async fn ask<R: DeserializeOwned + Type>(
        &self,
        object: &ObjectPath<'_>,
        interface: &str,
        method: &str,
        arguments: &(impl Serialize + DynamicType),
    ) -> Result<R, ServiceError> {
        Ok(ask(&self.bus, object, interface, method, arguments).await?)
    }
}

async fn ask<R: DeserializeOwned + Type>(
    bus: &zbus::Connection,
    object: &ObjectPath<'_>,
    interface: &str,
    method: &str,
    arguments: &(impl Serialize + DynamicType),
) -> zbus::Result<R> {
    bus.call_method(Some(NAME), object, Some(interface), method, arguments).await?.body().deserialize()
}

/// Lets the daemon note this connection before it is asked for a session, and returns who it is.
///
/// gnome-keyring notes a connection beside its first message and not always before it; a request for a session that
/// overtakes the note aborts the daemon, for everybody (GNOME/gnome-keyring #190, #196, #199). Who has an answer is noted.
async fn introduce(bus: &zbus::Connection) -> zbus::Result<OwnedUniqueName> {
    let question = (SERVICE.1, "Collections");
    let answer = bus.call_method(Some(NAME), &SERVICE.0, Some(PROPERTIES), "Get", &question).await?;
    let sender = answer.header().sender().map(|name| name.to_owned().into());
    sender.ok_or(zbus::Error::InvalidReply)
}

fn random<const N: usize>() -> Result<[u8; N], EntropyError> {
    let mut bytes = [0; N];
    SystemEntropy.fill(&mut bytes)?;
    Ok(bytes)
}
