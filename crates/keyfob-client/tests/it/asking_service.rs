//! A Secret Service that asks a person before it does anything, where gnome-keyring would show a window.
//!
//! It stands in for a desktop: there is no screen here on which a person could be asked. It keeps one entry, as it came.

#![expect(
    clippy::unused_self,
    clippy::needless_pass_by_value,
    reason = "the forms that D-Bus's interfaces are served in"
)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use tokio::sync::oneshot;
use zbus::connection::Builder;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{ObjectPath, OwnedObjectPath, Type, Value};

/// What the person at the screen does.
#[derive(Clone, Copy)]
pub(crate) enum Person {
    Agrees,
    Refuses,
}

/// The service, for as long as the value is there.
pub(crate) struct AskingService {
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone, serde::Serialize, serde::Deserialize, Type)]
struct Secret {
    session: OwnedObjectPath,
    parameters: Vec<u8>,
    value: Vec<u8>,
    content_type: String,
}

struct State {
    person: Person,
    is_locked: bool,
    secret: Option<Secret>,
    /// What an answer of the person brings about.
    asked: Option<Asked>,
}

enum Asked {
    Unlock,
    Create(Secret),
    Delete,
}

#[derive(Clone)]
struct Shared(Arc<Mutex<State>>);

struct Service(Shared);
struct Collection(Shared);
struct Item(Shared);
struct Prompt(Shared);

const COLLECTION: ObjectPath<'static> = ObjectPath::from_static_str_unchecked("/collection");
const ITEM: ObjectPath<'static> = ObjectPath::from_static_str_unchecked("/item");
const PROMPT: ObjectPath<'static> = ObjectPath::from_static_str_unchecked("/prompt");
const NONE: ObjectPath<'static> = ObjectPath::from_static_str_unchecked("/");

impl AskingService {
    /// Serves on the bus at `address`, with everything locked.
    pub(crate) fn start(address: &str, person: Person) -> Self {
        let shared =
            Shared(Arc::new(Mutex::new(State { person, is_locked: true, secret: None, asked: None })));
        let address = address.to_owned();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let (end, ended) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            crate::keyring_daemon::on_a_runtime(async {
                let builder = Builder::address(address.as_str()).unwrap();
                let builder = builder.serve_at("/org/freedesktop/secrets", Service(shared.clone())).unwrap();
                let builder = builder.serve_at(COLLECTION, Collection(shared.clone())).unwrap();
                let builder = builder.serve_at(ITEM, Item(shared.clone())).unwrap();
                let builder = builder.serve_at(PROMPT, Prompt(shared)).unwrap();
                let _connection = builder.name("org.freedesktop.secrets").unwrap().build().await.unwrap();
                ready.send(()).unwrap();
                let _ = ended.await;
            });
        });
        is_ready.recv().unwrap();
        Self { end: Some(end), thread: Some(thread) }
    }
}

impl Drop for AskingService {
    fn drop(&mut self) {
        drop(self.end.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

#[zbus::interface(name = "org.freedesktop.Secret.Service")]
impl Service {
    #[zbus(property)]
    fn collections(&self) -> Vec<ObjectPath<'static>> {
        vec![COLLECTION]
    }

    /// Its half is the generator: what it keeps, it never has to read.
    fn open_session(&self, algorithm: &str, half: Value<'_>) -> (Value<'static>, ObjectPath<'static>) {
        assert_eq!(algorithm, "dh-ietf1024-sha256-aes128-cbc-pkcs7");
        assert_eq!(Vec::<u8>::try_from(half).unwrap().len(), 128);
        (Value::from(vec![2_u8]), ObjectPath::from_static_str_unchecked("/session"))
    }

    fn search_items(
        &self,
        attributes: HashMap<String, String>,
    ) -> (Vec<ObjectPath<'static>>, Vec<ObjectPath<'static>>) {
        assert!(attributes.contains_key("service"), "{attributes:?}");
        let state = self.0.state();
        match (&state.secret, state.is_locked) {
            (None, _) => (vec![], vec![]),
            (Some(_), true) => (vec![], vec![ITEM]),
            (Some(_), false) => (vec![ITEM], vec![]),
        }
    }

    fn read_alias(&self, name: &str) -> ObjectPath<'static> {
        assert_eq!(name, "default");
        COLLECTION
    }

    fn unlock(&self, objects: Vec<OwnedObjectPath>) -> (Vec<ObjectPath<'static>>, ObjectPath<'static>) {
        assert!(matches!(objects.as_slice(), [one] if [COLLECTION, ITEM].contains(one)), "{objects:?}");
        self.0.state().asked = Some(Asked::Unlock);
        (vec![], PROMPT)
    }
}

#[zbus::interface(name = "org.freedesktop.Secret.Collection")]
impl Collection {
    #[zbus(property)]
    fn locked(&self) -> bool {
        self.0.state().is_locked
    }

    fn create_item(
        &self,
        properties: HashMap<String, Value<'_>>,
        secret: Secret,
        replace: bool,
    ) -> (ObjectPath<'static>, ObjectPath<'static>) {
        let mut state = self.0.state();
        assert!(!state.is_locked, "it was to be unlocked first");
        assert!(properties.len() == 2 && replace);
        state.asked = Some(Asked::Create(secret));
        (NONE, PROMPT)
    }
}

#[zbus::interface(name = "org.freedesktop.Secret.Item")]
impl Item {
    fn get_secret(&self, session: OwnedObjectPath) -> (Secret,) {
        assert_eq!(session.as_str(), "/session");
        let state = self.0.state();
        assert!(!state.is_locked, "it was to be unlocked first");
        (state.secret.clone().unwrap(),)
    }

    fn delete(&self) -> ObjectPath<'static> {
        self.0.state().asked = Some(Asked::Delete);
        PROMPT
    }
}

#[zbus::interface(name = "org.freedesktop.Secret.Prompt")]
impl Prompt {
    async fn prompt(&self, window: &str, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) {
        assert_eq!(window, "", "we have none");
        let (is_refused, result) = {
            let mut state = self.0.state();
            match (state.person, state.asked.take().unwrap()) {
                (Person::Refuses, _) => (true, Value::from("")),
                (Person::Agrees, Asked::Unlock) => {
                    state.is_locked = false;
                    (false, Value::from(vec![COLLECTION]))
                }
                (Person::Agrees, Asked::Create(secret)) => {
                    state.secret = Some(secret);
                    (false, Value::from(ITEM))
                }
                (Person::Agrees, Asked::Delete) => {
                    state.secret = None;
                    (false, Value::from(""))
                }
            }
        };
        Self::completed(&emitter, is_refused, result).await.unwrap();
    }

    #[zbus(signal)]
    async fn completed(emitter: &SignalEmitter<'_>, dismissed: bool, result: Value<'_>) -> zbus::Result<()>;
}
