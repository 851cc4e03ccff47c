//! Secrets: values that cannot be printed by accident.

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Text that must not be seen: no `Display`, a `Debug` that hides it, wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Returns the text; called only where bytes leave: a header, a form, a file.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// Compares in constant time for texts of equal length.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

/// Declares a kind of secret as a type of its own, so that one kind cannot be passed for another.
#[macro_export]
macro_rules! secret_newtype {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name($crate::Secret);

        impl $name {
            /// Takes the text over.
            pub fn new(text: impl Into<String>) -> Self {
                Self($crate::Secret::new(text.into()))
            }

            /// Returns the text; called only where bytes leave: a header, a form, a file.
            pub fn expose(&self) -> &str {
                self.0.expose()
            }
        }

        impl From<$crate::Secret> for $name {
            fn from(secret: $crate::Secret) -> Self {
                Self(secret)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_45_debug_of_a_secret_shows_nothing_of_it() {
        let secret = Secret::new("hunter2".into());

        assert_eq!(format!("{secret:?}"), "[secret]");
        assert_eq!(format!("{:?}", crate::AccessToken::new("hunter2")), "AccessToken([secret])");
    }

    #[test]
    fn secrets_are_equal_only_when_every_byte_is() {
        assert_eq!(Secret::new("abc".into()), Secret::new("abc".into()));
        assert_ne!(Secret::new("abc".into()), Secret::new("abd".into()));
        assert_ne!(Secret::new("abc".into()), Secret::new("ab".into()));
    }
}
