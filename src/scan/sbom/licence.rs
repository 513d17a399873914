//! What packagers write of a licence, as a bill of materials may say it.

/// A licence.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Licence {
    /// An expression of SPDX's own identifiers.
    Expression(String),
    /// A name in somebody's words.
    Name(String),
}

impl Licence {
    /// Reads a packager's words; nothing, if they say nothing.
    pub(super) fn read(words: &str) -> Option<Self> {
        // Line breaks and the like come from texts that were folded.
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        match words.as_str() {
            "" | "NOASSERTION" | "NONE" | "UNKNOWN" | "Unknown" => None,
            _ if is_expression(&words) => Some(Self::Expression(words)),
            _ => Some(Self::Name(words)),
        }
    }
}

/// SPDX's grammar and list, strictly: what a validator would refuse is a name.
fn is_expression(words: &str) -> bool {
    // References to documents are of somebody else's file.
    !words.contains("LicenseRef-") && !words.contains("DocumentRef-") && spdx::Expression::parse(words).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_told_from_words() {
        for words in ["MIT", "MIT OR Apache-2.0", "GPL-2.0-or-later WITH Classpath-exception-2.0", "(MIT AND BSD-3-Clause) OR ISC"] {
            assert_eq!(Licence::read(words), Some(Licence::Expression(words.to_owned())), "{words}");
        }
        for words in ["GPLv2+ and MIT", "ASL 2.0", "MIT License", "MIT AND", "LicenseRef-Fedora-Public-Domain"] {
            assert_eq!(Licence::read(words), Some(Licence::Name(words.to_owned())), "{words}");
        }
        assert_eq!(Licence::read("  \n"), None);
        assert_eq!(Licence::read("UNKNOWN"), None);
    }
}
