//! `keyfob-gateway local`: a real listener over a person's home, a fake issuer and a fake provider on loopback.

mod callers;
mod credentials;
mod framing;
mod pages;
mod program;
mod recovery;
mod world;
