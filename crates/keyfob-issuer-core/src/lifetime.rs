//! How long everything lives (security I-05, I-30, I-44; design D6).

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// From the authorization request to the decision.
pub const INTERACTION: Duration = Duration::from_secs(15 * MINUTE);
/// An authorization code.
pub const CODE: Duration = Duration::from_secs(MINUTE);
/// A finished grant is kept this long, so that a replayed code is recognised.
pub const FINISHED_GRANT: Duration = Duration::from_secs(DAY);
/// A browser session that is not used (I-62).
pub const BROWSER_IDLE: Duration = Duration::from_secs(12 * HOUR);
/// A browser session of an administrator that is not used; no setting makes it longer.
pub const ADMINISTRATOR_IDLE: Duration = Duration::from_secs(30 * MINUTE);
/// The most that settings may make of a browser session that is not used.
pub const LONGEST_BROWSER_IDLE: Duration = Duration::from_secs(DAY);
/// The most that settings may make of any browser session.
pub const LONGEST_BROWSER_ABSOLUTE: Duration = Duration::from_secs(30 * DAY);
/// A browser session, however much it is used.
pub const BROWSER_ABSOLUTE: Duration = Duration::from_secs(7 * DAY);
/// The pages of a visit without a grant: of one's own account, or of a device.
pub const VISIT: Duration = Duration::from_secs(HOUR);
/// What marks a browser as one in which somebody has signed in.
pub const BROWSER_MARK: Duration = Duration::from_secs(180 * DAY);
/// A link that resets a password (I-60).
pub const RESET_LINK: Duration = Duration::from_secs(30 * MINUTE);
/// A link that accepts an invitation.
pub const INVITATION: Duration = Duration::from_secs(7 * DAY);
/// A link that verifies an e-mail address.
pub const VERIFY_LINK: Duration = Duration::from_secs(DAY);
/// A link that takes the change of an e-mail address back (I-58).
pub const UNDO_LINK: Duration = Duration::from_secs(DAY);
/// A user code.
pub const USER_CODE: Duration = Duration::from_secs(15 * MINUTE);
/// How long a device whose answer was lost is told the same once more (I-45).
pub const DEVICE_ANSWER_REPEATED: Duration = Duration::from_secs(30);
/// The signature of an answer of the revocation feed.
pub const FEED_ANSWER: Duration = Duration::from_secs(MINUTE);
/// An entry of the revocation feed: longer than every access token lives.
pub const REVOCATION: Duration = Duration::from_secs(2 * DAY);
/// An ID token.
pub const ID_TOKEN: Duration = Duration::from_secs(HOUR);
/// The access token of the Codex CLI, which refreshes at 5 minutes left.
pub const ACCESS_TOKEN: Duration = Duration::from_secs(HOUR);
/// The access token of the gateway sign-in, whose client learns of an end only by expiry (design D19).
pub const GATEWAY_ACCESS_TOKEN: Duration = Duration::from_secs(10 * MINUTE);
/// How long others keep the published keys (I-40).
pub const KEY_SET_CACHE: Duration = Duration::from_secs(5 * MINUTE);
/// From a key's publication to its first signature: twice as long, and what nodes take to learn of it.
pub const NEXT_KEY: Duration = Duration::from_secs(11 * MINUTE);
/// From a key's last signature to its end: the longest life of what it signed, and what clocks differ by.
pub const RETIRED_KEY: Duration = Duration::from_secs(HOUR + 5 * MINUTE);
/// A refresh token that is not used.
pub const REFRESH_IDLE: Duration = Duration::from_secs(30 * DAY);
/// A refresh family, however much it is used.
pub const REFRESH_ABSOLUTE: Duration = Duration::from_secs(180 * DAY);
/// The access token that a session hands on to another program, if the session's own lives that long.
pub const CHILD_ACCESS_TOKEN: Duration = Duration::from_secs(10 * MINUTE);
/// What another machine redeems for a session of its own (security C-65).
pub const HANDOFF: Duration = Duration::from_secs(10 * MINUTE);
/// How old an ID token may be that is exchanged for an API key (I-36).
pub const EXCHANGED_ID_TOKEN: Duration = Duration::from_secs(5 * MINUTE);
/// The API key that an ID token is exchanged for.
pub const EXCHANGED_API_KEY: Duration = Duration::from_secs(30 * DAY);
/// A personal access token whose person names no other life.
pub const PERSONAL_ACCESS_TOKEN: Duration = Duration::from_secs(30 * DAY);
/// A personal access token or an API key with an end.
pub const LONGEST_KEY: Duration = Duration::from_secs(365 * DAY);
/// How long after signing in a person may do what outlives their session.
pub const FRESH_SIGN_IN: Duration = Duration::from_secs(15 * MINUTE);
