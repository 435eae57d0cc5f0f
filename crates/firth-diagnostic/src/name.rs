//! Names of several parts, such as `us.shop` or `project.dataset.table`.

use std::fmt;

/// A path of identifiers, without quotes.
///
/// Parts keep the spelling they were written with. Printing puts back-quotes around the whole when
/// any part needs them, which is how GoogleSQL reads it back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(pub Vec<String>);

impl Name {
    /// The name with these parts.
    pub fn new<S: Into<String>>(parts: impl IntoIterator<Item = S>) -> Self {
        Name(parts.into_iter().map(Into::into).collect())
    }

    /// The last part: the thing itself, without where it is. Empty for the empty name.
    pub fn last(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// The parts joined by dots, without quotes: for messages.
    pub fn dotted(&self) -> String {
        self.0.join(".")
    }

    fn is_plain(part: &str) -> bool {
        let mut bytes = part.bytes();
        bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
            && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
    }
}

/// Prints a name as SQL: `a.b` when every part is a plain identifier, else each part back-quoted.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.0.iter().all(|part| Name::is_plain(part));
        for (index, part) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            if plain {
                f.write_str(part)?;
            } else {
                write!(f, "`{}`", part.replace('\\', "\\\\").replace('`', "\\`"))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_are_not_identifiers_are_quoted() {
        assert_eq!(Name::new(["us", "shop"]).to_string(), "us.shop");
        assert_eq!(Name::new(["us-east4", "shop"]).to_string(), "`us-east4`.`shop`");
        assert_eq!(Name::new(["a`b"]).to_string(), "`a\\`b`");
    }
}
