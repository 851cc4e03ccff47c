//! The world around the issuer: two honest processes with one store, a network that loses and repeats, a thief.

use super::issuer::{Arrival, Attempt, Issuer, Outcome, Party, Token};
use std::collections::BTreeSet;

const SECOND: i64 = 1;
const DAY: i64 = 24 * 3600 * SECOND;
/// How time passes: within every window, to the end of the widest, past all of them.
const STEPS: [i64; 3] = [10, 60, 3 * DAY];
/// A client gives a request up after 30 s; what is older than this is on no wire any more.
const OLDEST_MESSAGE: i64 = 50;
/// Beside a stock client nobody refreshes a fresh access token; the shortest lives for five minutes.
const FRESH: i64 = 120;

/// One kind of world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) processes: [Kind; 2],
    pub(crate) lock: Lock,
    pub(crate) thief: Thief,
    /// How many rotations there are at most.
    pub(crate) rotations: Token,
    /// How often time passes at most.
    pub(crate) steps: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Takes the lock, sends attempt ids, replaces only what it read, acknowledges.
    Ours,
    /// Does none of that.
    Stock,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    Works,
    /// As on some network file systems.
    Broken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thief {
    Nobody,
    /// Copies the stored token whenever they like.
    WithoutKey,
    /// Copies `device_key` too.
    WithKey,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) issuer: Issuer,
    pub(crate) now: i64,
    pub(crate) store: Token,
    pub(crate) processes: [Process; 2],
    pub(crate) network: BTreeSet<Message>,
    pub(crate) violation: Option<Violation>,
    loot: BTreeSet<Token>,
    steps: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    pub(crate) phase: Phase,
    /// When it read the store.
    since: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    Idle,
    /// Has read the token.
    Holding(Token),
    /// Has posted it.
    Waiting(Token),
    /// Has the successor in memory alone.
    Pending {
        spent: Token,
        next: Token,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Message {
    Refresh { from: usize, token: Token, sent: i64 },
    Acknowledge { token: Token, sent: i64 },
}

/// What must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Violation {
    /// Somebody got a token that is not the one leaf (K4).
    SecondLeaf,
    /// A thief got a token from a superseded generation after the published window.
    LateLoot,
    /// Two parties spent one token, the second after the window, and the family lives.
    Undetected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Read(usize),
    Post(usize),
    /// Takes the request for lost.
    PostAgain(usize),
    Save(usize),
    /// `kill -9`, a full disk, a power cut, a time limit.
    Crash(usize),
    Deliver(Message, Answer, Copies),
    Pass(i64),
    Steal,
    Abuse(Token, Attempt),
    AcknowledgeLoot(Token),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    Arrives,
    IsLost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Copies {
    None,
    /// The request will arrive once more.
    OneMore,
}

const IDLE: Process = Process { phase: Phase::Idle, since: 0 };

impl World {
    pub(crate) fn new() -> Self {
        Self {
            issuer: Issuer::new(),
            now: FRESH,
            store: 0,
            processes: [IDLE; 2],
            network: BTreeSet::new(),
            violation: None,
            loot: BTreeSet::new(),
            steps: 0,
        }
    }

    pub(crate) fn actions(&self, scenario: &Scenario, actions: &mut Vec<Action>) {
        if !self.issuer.is_live || self.violation.is_some() {
            return;
        }
        for (i, process) in self.processes.iter().enumerate() {
            match process.phase {
                Phase::Idle if self.may_read(scenario, i) => actions.push(Action::Read(i)),
                Phase::Holding(_) => actions.push(Action::Post(i)),
                Phase::Waiting(_) if scenario.is_shared() => actions.push(Action::PostAgain(i)),
                Phase::Pending { .. } => actions.push(Action::Save(i)),
                Phase::Idle | Phase::Waiting(_) => {}
            }
            if process.phase != Phase::Idle && !scenario.is_shared() {
                actions.push(Action::Crash(i));
            }
        }
        for message in &self.network {
            actions.push(Action::Deliver(*message, Answer::Arrives, Copies::None));
            if let Message::Refresh { .. } = message {
                actions.push(Action::Deliver(*message, Answer::Arrives, Copies::OneMore));
                actions.push(Action::Deliver(*message, Answer::IsLost, Copies::OneMore));
            }
        }
        if self.steps < scenario.steps {
            actions.extend(STEPS.into_iter().filter(|step| self.may_pass(scenario, *step)).map(Action::Pass));
        }
        let attempts: &[Attempt] = match scenario.thief {
            Thief::Nobody => return,
            Thief::WithoutKey => &[Attempt::Absent, Attempt::Other],
            Thief::WithKey => &[Attempt::Absent, Attempt::OfDevice],
        };
        if !self.loot.contains(&self.store) {
            actions.push(Action::Steal);
        }
        for token in &self.loot {
            if *token < scenario.rotations {
                actions.extend(attempts.iter().map(|attempt| Action::Abuse(*token, *attempt)));
            }
            actions.push(Action::AcknowledgeLoot(*token));
        }
    }

    fn may_read(&self, scenario: &Scenario, i: usize) -> bool {
        let is_taken = self
            .processes
            .iter()
            .zip(scenario.processes)
            .any(|(process, kind)| kind == Kind::Ours && process.phase != Phase::Idle);
        let waits = scenario.lock == Lock::Works && scenario.processes[i] == Kind::Ours && is_taken;
        let is_due = self.now - self.issuer.rows[self.store as usize].issued_at >= FRESH;
        self.store < scenario.rotations && !waits && (is_due || !scenario.is_shared())
    }

    /// Beside a stock client only races are promised: from the first word about a token to the last, no more time passes
    /// than its window.
    fn may_pass(&self, scenario: &Scenario, step: i64) -> bool {
        let held = self.processes.iter().filter_map(|process| Some((process.phase.token()?, process.since)));
        let sent = self.network.iter().map(|message| match *message {
            Message::Refresh { token, sent, .. } => (token, sent),
            Message::Acknowledge { token, sent } => (token - 1, sent),
        });
        let begun = held.chain(sent).map(|(token, since)| {
            let row = &self.issuer.rows[token as usize];
            row.spent.as_ref().map_or(since, |spent| since.min(spent.at))
        });
        let limit = self.issuer.published_window();
        !scenario.is_shared() || begun.min().is_none_or(|begun| self.now + step - begun <= limit)
    }

    /// Does `action`.
    pub(crate) fn act(&mut self, scenario: &Scenario, action: Action) {
        match action {
            Action::Read(i) => {
                self.processes[i] = Process { phase: Phase::Holding(self.store), since: self.now };
            }
            Action::Post(i) => {
                if let Phase::Holding(token) = self.processes[i].phase {
                    self.network.insert(Message::Refresh { from: i, token, sent: self.now });
                    self.processes[i].phase = Phase::Waiting(token);
                }
            }
            Action::PostAgain(i) => {
                if let Phase::Waiting(token) = self.processes[i].phase {
                    self.processes[i].phase = Phase::Holding(token);
                }
            }
            Action::Save(i) => {
                if let Phase::Pending { spent, next } = self.processes[i].phase {
                    self.save(scenario.processes[i], spent, next);
                }
                self.processes[i] = IDLE;
            }
            Action::Crash(i) => self.processes[i] = IDLE,
            Action::Deliver(message, answer, copies) => {
                if copies == Copies::None {
                    self.network.remove(&message);
                }
                match message {
                    Message::Refresh { from, token, .. } => self.refresh(scenario, from, token, answer),
                    Message::Acknowledge { token, .. } => self.issuer.acknowledge(token, self.now),
                }
            }
            Action::Pass(step) => self.pass(scenario, step),
            Action::Steal => {
                self.loot.insert(self.store);
            }
            Action::Abuse(token, attempt) => {
                if let Outcome::Tokens(next) = self.present(scenario, token, attempt, Party::Thief) {
                    self.loot.insert(next);
                }
            }
            Action::AcknowledgeLoot(token) => self.issuer.acknowledge(token, self.now),
        }
    }

    fn save(&mut self, kind: Kind, spent: Token, next: Token) {
        match kind {
            // Replaces what it read, or adopts what it finds.
            Kind::Ours if self.store == spent => {
                self.store = next;
                self.network.insert(Message::Acknowledge { token: next, sent: self.now });
            }
            Kind::Ours => {}
            Kind::Stock => self.store = next,
        }
    }

    fn refresh(&mut self, scenario: &Scenario, from: usize, token: Token, answer: Answer) {
        let outcome = self.present(scenario, token, scenario.attempt(from), Party::Honest);
        if answer == Answer::IsLost || self.processes[from].phase != Phase::Waiting(token) {
            return;
        }
        match outcome {
            Outcome::Tokens(next) => self.processes[from].phase = Phase::Pending { spent: token, next },
            Outcome::Superseded | Outcome::Refused | Outcome::Ended => self.processes[from] = IDLE,
        }
    }

    fn pass(&mut self, scenario: &Scenario, step: i64) {
        self.steps += 1;
        self.now += step;
        let now = self.now;
        self.network.retain(|message| now - message.sent() <= OLDEST_MESSAGE);
        for (process, kind) in self.processes.iter_mut().zip(scenario.processes) {
            match (process.phase, kind) {
                // Whoever has read the store more than 5 s ago reads it again before posting, and adopts what it finds
                // (security §7.4).
                (Phase::Holding(token), Kind::Ours) if token != self.store => *process = IDLE,
                (Phase::Holding(_), Kind::Ours) => process.since = now,
                (Phase::Waiting(_), Kind::Ours) if step > OLDEST_MESSAGE && !scenario.is_shared() => {
                    *process = IDLE;
                }
                (Phase::Idle | Phase::Holding(_) | Phase::Waiting(_) | Phase::Pending { .. }, _) => {}
            }
        }
    }

    fn present(&mut self, scenario: &Scenario, token: Token, attempt: Attempt, by: Party) -> Outcome {
        let spent = self.issuer.rows[token as usize].spent.clone();
        let window = self.issuer.published_window();
        let outcome = self.issuer.present(token, attempt, by, self.now);
        // What somebody spent, they may ask for again: they learn nothing that they have not been told.
        let is_late_reuse =
            spent.as_ref().is_some_and(|spent| spent.by != by && self.now - spent.at > window);
        let is_confirmed = spent.is_some_and(|spent| spent.arrival != Arrival::Unknown);
        let got = matches!(outcome, Outcome::Tokens(_));
        self.violation = match (by, scenario.thief) {
            _ if matches!(outcome, Outcome::Tokens(next) if next != self.issuer.leaf()) => {
                Some(Violation::SecondLeaf)
            }
            (Party::Thief, Thief::WithoutKey) if is_late_reuse && got => Some(Violation::LateLoot),
            (_, Thief::WithoutKey) if is_late_reuse && outcome != Outcome::Ended => {
                Some(Violation::Undetected)
            }
            // With the key, a retry cannot be told from the owner's until the owner has confirmed.
            (Party::Thief, Thief::WithKey) if is_late_reuse && got && is_confirmed => {
                Some(Violation::LateLoot)
            }
            (_, _) => None,
        };
        outcome
    }
}

impl Phase {
    fn token(self) -> Option<Token> {
        match self {
            Self::Idle => None,
            Self::Holding(token) | Self::Waiting(token) | Self::Pending { spent: token, .. } => Some(token),
        }
    }
}

impl Message {
    fn sent(self) -> i64 {
        match self {
            Self::Refresh { sent, .. } | Self::Acknowledge { sent, .. } => sent,
        }
    }
}

impl Scenario {
    /// Whether a stock client shares the login.
    pub(crate) fn is_shared(&self) -> bool {
        self.processes.contains(&Kind::Stock)
    }

    pub(crate) fn attempt(&self, process: usize) -> Attempt {
        match self.processes[process] {
            Kind::Ours => Attempt::OfDevice,
            Kind::Stock => Attempt::Absent,
        }
    }
}
