//! What models cost: `prices.toml`.
//!
//! ```toml
//! currency = "USD"
//!
//! [[model]]
//! name = "gpt-5*"            # `*` stands for anything; the first that fits counts
//! input = "1.25"             # for a million tokens; as text, since money has no floating point
//! cached_input = "0.125"     # what of the input came from a cache; as `input` if it is left out
//! output = "10.00"
//! ```

use crate::config::place;
use crate::tokens::Tokens;
use keyfob_usage::money::{Currency, Money};
use serde::Deserialize;
use std::path::Path;

/// The prices of all models, in one currency.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    currency: Currency,
    #[serde(default, rename = "model")]
    models: Vec<Entry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    input: Money,
    cached_input: Option<Money>,
    output: Money,
}

/// The file holds no prices; says where and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidPrices(String);

/// What a million tokens of one model cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Price {
    pub(crate) input: Money,
    pub(crate) cached_input: Money,
    pub(crate) output: Money,
}

/// What prices are for.
const MILLION: u128 = 1_000_000;

impl Prices {
    /// Parses what the file at `path` says; a key that is not known is refused, with its place and the nearest known one.
    pub fn parse(path: &Path, text: &str) -> Result<Self, InvalidPrices> {
        toml::from_str(text).map_err(|error| InvalidPrices(place::parsing(path, text, &error)))
    }

    /// Returns the currency of every price.
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// Returns what `model` costs, if it is told.
    pub(crate) fn of(&self, model: &str) -> Option<Price> {
        self.models.iter().find(|entry| fits(&entry.name, model)).map(|entry| Price {
            input: entry.input,
            cached_input: entry.cached_input.unwrap_or(entry.input),
            output: entry.output,
        })
    }
}

impl Price {
    /// Returns what these tokens cost, rounded up to the next billionth once.
    pub(crate) fn of(&self, tokens: &Tokens) -> Money {
        let cached = tokens.cached.min(tokens.input);
        let parts =
            [(tokens.input - cached, self.input), (cached, self.cached_input), (tokens.output, self.output)];
        let sum = parts
            .iter()
            .map(|(tokens, price)| u128::from(*tokens) * u128::from(price.as_nano()))
            .fold(0, u128::saturating_add);
        let most = i64::MAX.unsigned_abs();
        Money::from_nano(u64::try_from(sum.div_ceil(MILLION)).unwrap_or(most).min(most))
    }
}

/// Whether `pattern`, in which `*` stands for any text, fits all of `name`.
fn fits(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some((_, after)) = rest.split_once(piece) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FILE: &str = r#"
        currency = "USD"
        [[model]]
        name = "gpt-5-mini*"
        input = "0.25"
        output = 2
        [[model]]
        name = "gpt-5*"
        input = "1.25"
        cached_input = "0.125"
        output = "10.00"
    "#;

    fn tokens(input: u64, cached: u64, output: u64) -> Tokens {
        Tokens { input, cached, output, reasoning: 0 }
    }

    #[test]
    fn the_first_name_that_fits_prices_a_model() {
        let prices = Prices::parse(Path::new("prices.toml"), FILE).unwrap();
        let cost = |model: &str, tokens: Tokens| prices.of(model).map(|price| price.of(&tokens).to_string());

        assert_eq!(cost("gpt-5", tokens(1_000_000, 400_000, 100_000)), Some("1.80".into()));
        assert_eq!(cost("gpt-5-mini-2026", tokens(1_000_000, 400_000, 100_000)), Some("0.45".into()));
        assert_eq!(cost("gpt-5.1", tokens(1, 0, 0)), Some("0.00000125".into()));
        assert_eq!(cost("gpt-5.1", tokens(1, 9, 0)), Some("0.000000125".into()));
        assert_eq!(cost("other", tokens(1, 0, 0)), None);
        assert_eq!(prices.currency().as_str(), "USD");
    }

    #[test]
    fn a_file_that_says_what_is_not_known_is_refused() {
        let usd = "currency = \"USD\"\n[[model]]\nname = \"m\"\n";
        for (text, reason) in [
            (
                "currency = \"USD\"\nmodell = []".into(),
                "2:1: `modell` is no key here; the nearest known one is `model`",
            ),
            ("[[model]]\nname = \"m\"\ninput = 1\noutput = 1".into(), "1:1: missing field `currency`"),
            (
                format!("{usd}input = 1.25\noutput = 1"),
                "4:9: invalid type: floating point `1.25`, expected an amount as text, like \"1.25\"",
            ),
            (
                format!("{usd}input = \"-1\"\noutput = 1"),
                "4:9: an amount is written like \"12\" or \"0.125\", with at most nine digits after the point",
            ),
            (
                format!("{usd}input = 1\noutput = 1\ncached_inputs = 1"),
                "6:1: `cached_inputs` is no key here; the nearest known one is `cached_input`",
            ),
            ("currency = \"dollars\"".into(), "1:12: a currency is three capital letters, like \"USD\""),
        ] {
            let refused = Prices::parse(Path::new("prices.toml"), &text).map(|_| ()).unwrap_err();
            assert_eq!(refused.to_string(), format!("prices.toml:{reason}"), "{text}");
        }
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, fit) in [
            ("*", "", true),
            ("m", "m", true),
            ("m", "mm", false),
            ("m*", "m-1", true),
            ("*-mini", "gpt-mini", true),
            ("*-mini", "gpt-mini-2", false),
            ("g*-m*i", "gpt-5-mini", true),
            ("a*b*a", "aba", true),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(fits(pattern, name), fit, "{pattern} {name}");
        }
    }

    proptest! {
        #[test]
        fn a_cost_is_exact_to_the_next_billionth(
            input in 0_u64..1 << 40, cached in 0_u64..1 << 40, output in 0_u64..1 << 40,
            prices in [0_u64..1 << 40, 0_u64..1 << 40, 0_u64..1 << 40],
        ) {
            let [first, second, third] = prices.map(Money::from_nano);
            let price = Price { input: first, cached_input: second, output: third };
            let cached_input = cached.min(input);
            let exact = u128::from(input - cached_input) * u128::from(prices[0])
                + u128::from(cached_input) * u128::from(prices[1])
                + u128::from(output) * u128::from(prices[2]);
            let cost = u128::from(price.of(&tokens(input, cached, output)).as_nano());
            let most = u128::from(i64::MAX.unsigned_abs());

            prop_assert!(cost == most || (cost * MILLION >= exact && cost * MILLION - exact < MILLION));
            prop_assert!(cost < most || exact > (most - 1) * MILLION);
        }

        #[test]
        fn more_tokens_never_cost_less(
            input in 0_u64..1 << 30, output in 0_u64..1 << 30, more in 0_u64..1 << 20, nano in 0_u64..1 << 40,
        ) {
            let money = Money::from_nano(nano);
            let price = Price { input: money, cached_input: money, output: money };

            prop_assert!(price.of(&tokens(input, 0, output)) <= price.of(&tokens(input, 0, output + more)));
            prop_assert!(price.of(&tokens(input, 0, output)) <= price.of(&tokens(input + more, 0, output)));
        }
    }
}
