//! Money as whole billionths of a currency's unit: exact sums, and no floating point anywhere.

use serde::{Deserialize, Deserializer, de};
use std::fmt;

/// An amount, in billionths of the unit of the one currency that is configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(u64);

/// A text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an amount is written like \"12\" or \"0.125\", with at most nine digits after the point")]
pub struct InvalidMoney;

/// Billionths in a unit.
const UNIT: u64 = 1_000_000_000;
/// How many digits may follow the point.
const DIGITS: usize = 9;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Takes billionths of a unit.
    pub const fn from_nano(nano: u64) -> Self {
        Self(nano)
    }

    /// Returns billionths of a unit.
    pub const fn as_nano(self) -> u64 {
        self.0
    }

    /// Parses digits with an optional point; no sign, no exponent, no separators.
    pub fn parse(text: &str) -> Result<Self, InvalidMoney> {
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return Err(InvalidMoney),
            Some(parts) => parts,
            None => (text, ""),
        };
        let is_number = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
        if whole.is_empty() || fraction.len() > DIGITS || !is_number(whole) || !is_number(fraction) {
            return Err(InvalidMoney);
        }
        let whole: u64 = whole.parse().map_err(|_| InvalidMoney)?;
        let fraction: u64 = format!("{fraction:0<DIGITS$}").parse().map_err(|_| InvalidMoney)?;
        whole
            .checked_mul(UNIT)
            .and_then(|nano| nano.checked_add(fraction))
            // What is kept in SQLite must be a signed number.
            .filter(|nano| i64::try_from(*nano).is_ok())
            .map(Self)
            .ok_or(InvalidMoney)
    }

    /// Returns the sum, at most the largest amount.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Returns the difference, at least nothing.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Money {
    /// Writes at least two digits after the point, and more where they are not zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:0DIGITS$}", self.0 / UNIT, self.0 % UNIT);
        let zeros = text.bytes().rev().take_while(|digit| *digit == b'0').count().min(DIGITS - 2);
        f.write_str(text.get(..text.len() - zeros).unwrap_or(&text))
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// An amount as files write it: a text, or a whole number.
struct Written;

impl de::Visitor<'_> for Written {
    type Value = Money;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount as text, like \"1.25\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Money, E> {
        Money::parse(text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, units: i64) -> Result<Money, E> {
        Money::parse(&units.to_string()).map_err(E::custom)
    }
}

/// A currency by its three letters (ISO 4217).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Currency([u8; 3]);

/// A text names no currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a currency is three capital letters, like \"USD\"")]
pub struct InvalidCurrency;

impl Currency {
    /// Parses three capital letters; whether such a currency exists is not asked.
    pub fn parse(text: &str) -> Result<Self, InvalidCurrency> {
        let letters: [u8; 3] = text.as_bytes().try_into().map_err(|_| InvalidCurrency)?;
        if letters.iter().all(u8::is_ascii_uppercase) { Ok(Self(letters)) } else { Err(InvalidCurrency) }
    }

    /// Returns the letters.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_amount_has_one_spelling_and_no_floating_point() {
        for (text, nano, shown) in [
            ("0", 0, "0.00"),
            ("5", 5 * UNIT, "5.00"),
            ("1.25", 1_250_000_000, "1.25"),
            ("0.000000001", 1, "0.000000001"),
            ("0.1", 100_000_000, "0.10"),
            ("0.1250", 125_000_000, "0.125"),
        ] {
            assert_eq!(Money::parse(text), Ok(Money(nano)), "{text}");
            assert_eq!(Money(nano).to_string(), shown);
        }
        for text in
            ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "1_000", " 1", "0.0000000001", "9300000000"]
        {
            assert_eq!(Money::parse(text), Err(InvalidMoney), "{text:?}");
        }
        assert_eq!(Currency::parse("EUR").map(|currency| currency.to_string()), Ok("EUR".into()));
        for text in ["", "usd", "US", "EURO", "€"] {
            assert_eq!(Currency::parse(text), Err(InvalidCurrency), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_as_the_same(nano in 0..=u64::try_from(i64::MAX).unwrap()) {
            prop_assert_eq!(Money::parse(&Money(nano).to_string()), Ok(Money(nano)));
        }
    }
}
