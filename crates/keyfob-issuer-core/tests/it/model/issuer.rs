//! The issuer of the model: rows as the storage keeps them, verdicts by the real `judge`.

use keyfob_codex::errors::RefreshRejection;
use keyfob_issuer_core::FamilyId;
use keyfob_issuer_core::digest::{AttemptDigest, RefreshDigest};
use keyfob_issuer_core::grace::Grace;
use keyfob_issuer_core::refresh_family::{
    Delivery, FamilyStatus, RefreshFamily, SealedCopy, StoredToken, Successor, Verdict,
};
use keyfob_oauth::{ClientId, Scope, Subject, Timestamp, WorkspaceId};

/// A refresh token is its generation.
pub(crate) type Token = u32;

/// The attempt id of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Attempt {
    /// None was sent.
    Absent,
    /// The one that `device_key` gives for the token.
    OfDevice,
    /// Any other.
    Other,
}

/// Who presented a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Party {
    Honest,
    Thief,
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Tokens(Token),
    Superseded,
    Refused,
    Ended,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Issuer {
    /// By generation; the last one is the leaf.
    pub(crate) rows: Vec<Row>,
    pub(crate) is_live: bool,
    last_anonymous: Option<Token>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) issued_at: i64,
    pub(crate) spent: Option<Spent>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Spent {
    pub(crate) at: i64,
    pub(crate) by: Party,
    pub(crate) arrival: Arrival,
    attempt: Attempt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Arrival {
    Unknown,
    Acknowledged(i64),
    Presented(i64),
}

impl Issuer {
    pub(crate) fn new() -> Self {
        Self { rows: vec![Row { issued_at: 0, spent: None }], is_live: true, last_anonymous: None }
    }

    pub(crate) fn present(&mut self, token: Token, attempt: Attempt, by: Party, now: i64) -> Outcome {
        let stored = self.stored(token);
        match self.family().judge(&stored, digest(attempt).as_ref(), Grace::WIDEST, Timestamp::from_unix(now))
        {
            Verdict::Rotate => {
                if let Some(before) = token.checked_sub(1) {
                    self.row(before).arrival = Arrival::Presented(now);
                }
                let spent = Spent { at: now, by, arrival: Arrival::Unknown, attempt };
                self.rows[token as usize].spent = Some(spent);
                self.rows.push(Row { issued_at: now, spent: None });
                if attempt == Attempt::Absent {
                    self.last_anonymous = Some(token + 1);
                }
                Outcome::Tokens(token + 1)
            }
            Verdict::Repeat(_) => Outcome::Tokens(token + 1),
            Verdict::Reuse => {
                self.is_live = false;
                Outcome::Ended
            }
            Verdict::Refuse(RefreshRejection::Superseded) => Outcome::Superseded,
            Verdict::SlowDown | Verdict::Refuse(_) => Outcome::Refused,
        }
    }

    pub(crate) fn acknowledge(&mut self, token: Token, now: i64) {
        if token == self.leaf() && token > 0 {
            let spent = self.row(token - 1);
            if spent.arrival == Arrival::Unknown {
                spent.arrival = Arrival::Acknowledged(now);
            }
        }
    }

    pub(crate) fn leaf(&self) -> Token {
        Token::try_from(self.rows.len() - 1).unwrap()
    }

    /// For how many seconds a thief without the key may still use a spent token.
    pub(crate) fn published_window(&self) -> i64 {
        if self.last_anonymous.is_some() { 60 } else { 10 }
    }

    /// Whether a client that finds this token in the store, and the key beside it, is served.
    pub(crate) fn serves(&self, token: Token, attempt: Attempt, now: i64) -> bool {
        matches!(self.clone().present(token, attempt, Party::Honest, now), Outcome::Tokens(_))
    }

    fn row(&mut self, token: Token) -> &mut Spent {
        self.rows[token as usize].spent.as_mut().unwrap()
    }

    fn stored(&self, token: Token) -> StoredToken {
        let row = &self.rows[token as usize];
        let copy = || SealedCopy { sealed: Vec::new(), replays: 0 };
        StoredToken {
            digest: RefreshDigest::from_bytes(&[0; 32]).unwrap(),
            generation: token,
            issued_at: Timestamp::from_unix(row.issued_at),
            successor: row.spent.as_ref().map(|spent| Successor {
                superseded_at: Timestamp::from_unix(spent.at),
                attempt: digest(spent.attempt),
                delivery: match spent.arrival {
                    Arrival::Unknown => Delivery::Unknown(copy()),
                    Arrival::Acknowledged(at) => Delivery::Acknowledged(copy(), Timestamp::from_unix(at)),
                    Arrival::Presented(at) => Delivery::Presented(Timestamp::from_unix(at)),
                },
            }),
        }
    }

    fn family(&self) -> RefreshFamily {
        RefreshFamily {
            id: FamilyId::parse("01890000-0000-7000-8000-000000000000").unwrap(),
            client_id: ClientId::new(""),
            subject: Subject::new(""),
            workspace_id: WorkspaceId::new(""),
            scope: Scope::parse("openid").unwrap(),
            auth_time: Timestamp::from_unix(0),
            amr: keyfob_issuer_core::amr::Amr::Password,
            created_at: Timestamp::from_unix(0),
            generation: self.leaf(),
            last_anonymous: self.last_anonymous,
            status: if self.is_live { FamilyStatus::Live } else { FamilyStatus::Reused },
        }
    }
}

fn digest(attempt: Attempt) -> Option<AttemptDigest> {
    match attempt {
        Attempt::Absent => None,
        Attempt::OfDevice => AttemptDigest::from_bytes(&[1; 32]),
        Attempt::Other => AttemptDigest::from_bytes(&[2; 32]),
    }
}
