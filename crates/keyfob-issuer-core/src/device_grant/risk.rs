//! How much a device that is let in looks like one of somebody else (security I-50).
//!
//! Whoever lets it in has seen the page and proven who they are: nothing is refused by this. It is written beside the
//! decision, for whoever looks for phishing in the audit trail.

use std::fmt;

/// What the phishing of device codes has in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The device asks from another network than its person decides on.
    Elsewhere,
    /// The code was minutes old, as one is that was sent to somebody.
    OldCode,
    /// It is the first device of this person: device codes were off for them.
    First,
    /// The workspace lets in as many as it may in an hour, or nearly.
    ManyInWorkspace,
}

impl Sign {
    /// Every sign there is.
    pub const ALL: [Self; 4] = [Self::Elsewhere, Self::OldCode, Self::First, Self::ManyInWorkspace];

    /// Returns how much it counts.
    pub const fn weight(self) -> u32 {
        match self {
            Self::Elsewhere => 3,
            Self::ManyInWorkspace => 2,
            Self::OldCode | Self::First => 1,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Elsewhere => "another network",
            Self::OldCode => "an old code",
            Self::First => "the first device",
            Self::ManyInWorkspace => "many devices in the workspace",
        }
    }
}

/// The signs that a device shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Risk(Vec<Sign>);

impl Risk {
    /// Keeps those signs of [`Sign::ALL`] that `shows` says are there.
    pub fn of(shows: impl Fn(Sign) -> bool) -> Self {
        Self(Sign::ALL.into_iter().filter(|sign| shows(*sign)).collect())
    }

    /// Returns the sum of what its signs count: 0 to 7.
    pub fn score(&self) -> u32 {
        self.0.iter().copied().map(Sign::weight).sum()
    }
}

impl fmt::Display for Risk {
    /// As the audit trail says it: `risk 4: another network, the first device`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "risk {}", self.score())?;
        for (number, sign) in self.0.iter().enumerate() {
            let before = if number == 0 { ": " } else { ", " };
            write!(f, "{before}{}", sign.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i_50_the_score_is_the_sum_of_the_signs_and_says_which() {
        let cases: [(&[Sign], u32, &str); 4] = [
            (&[], 0, "risk 0"),
            (&[Sign::First], 1, "risk 1: the first device"),
            (&[Sign::OldCode, Sign::Elsewhere], 4, "risk 4: another network, an old code"),
            (
                &Sign::ALL,
                7,
                "risk 7: another network, an old code, the first device, many devices in the workspace",
            ),
        ];
        for (signs, score, words) in cases {
            let risk = Risk::of(|sign| signs.contains(&sign));
            assert_eq!((risk.score(), risk.to_string().as_str()), (score, words));
        }
    }
}
