//! Where somebody signed in from this home with us: a login of such an issuer is one that we may end (design D14).

use crate::home::Home;
use crate::state;
use crate::store::StoreError;
use keyfob_oauth::IssuerUrl;
use serde_json::Value;

/// The member of `state.json`: a list of issuers.
const MEMBER: &str = "signed_in_at";
/// Nobody signs in at more; of more, the latest are kept.
const MOST: usize = 16;

/// Returns the issuers, the latest last.
pub(crate) fn issuers(home: &Home) -> Result<Vec<IssuerUrl>, StoreError> {
    let noted = state::require(home, MEMBER)?;
    let noted = noted.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(noted.iter().filter_map(|issuer| IssuerUrl::parse(issuer.as_str()?).ok()).collect())
}

/// Notes `issuer`.
///
/// Called under the refresh lock.
pub(crate) fn note(home: &Home, issuer: &IssuerUrl) -> Result<(), StoreError> {
    let mut noted = issuers(home)?;
    noted.retain(|known| known != issuer);
    noted.push(issuer.clone());
    let latest: Vec<&str> = noted.iter().rev().take(MOST).rev().map(IssuerUrl::as_str).collect();
    state::write(home, MEMBER, &latest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d_14_the_latest_sixteen_issuers_are_known_each_once() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        home.make().unwrap();
        let issuer = |number: usize| IssuerUrl::parse(&format!("https://id-{number}.test")).unwrap();
        assert_eq!(issuers(&home).unwrap(), []);

        for number in (0..20).chain([5]) {
            note(&home, &issuer(number)).unwrap();
        }

        let expected: Vec<IssuerUrl> = (4..20).filter(|number| *number != 5).chain([5]).map(issuer).collect();
        assert_eq!(issuers(&home).unwrap(), expected);
    }
}
