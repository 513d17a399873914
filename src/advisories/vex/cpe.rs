//! CPE names: what systems and products as a whole are called.

use std::fmt;

/// A name of the Common Platform Enumeration, in either of its two spellings.
///
/// Source: <https://csrc.nist.gov/pubs/ir/7695/final>
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cpe {
    /// Part, vendor, product, version, update, edition, language and what follows; none means any. As many as are told.
    attributes: Vec<Option<String>>,
}

/// A formatted string has all of its attributes.
const ATTRIBUTES: usize = 11;

impl Cpe {
    /// Reads `cpe:/o:redhat:enterprise_linux:9` or `cpe:2.3:o:redhat:enterprise_linux:9:*:*:*:*:*:*:*`.
    ///
    /// None if it is neither, has wildcards within an attribute, packs several editions into one, or names no vendor
    /// and product: that would be a name of nearly everything.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let attributes = match (text.strip_prefix("cpe:/"), text.strip_prefix("cpe:2.3:")) {
            (Some(uri), _) => uri.split(':').map(of_uri).collect::<Option<Vec<_>>>()?,
            (_, Some(formatted)) => of_formatted(formatted)?,
            _ => return None,
        };
        let is_named = attributes.len() > 2 && attributes[..3].iter().all(Option::is_some);
        (is_named && attributes.len() <= ATTRIBUTES).then_some(Self { attributes })
    }

    /// Tells whether another name is among those that it means: all that it says has to be so there.
    pub fn covers(&self, other: &Self) -> bool {
        let others = other.attributes.iter().map(Option::as_deref).chain(std::iter::repeat(None));
        self.attributes.iter().zip(others).all(|(given, has)| given.is_none() || given.as_deref() == has)
    }
}

/// For people: nothing is escaped.
impl fmt::Display for Cpe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attributes = self.attributes.iter().map(|attribute| attribute.as_deref().unwrap_or_default());
        write!(f, "cpe:/{}", attributes.collect::<Vec<_>>().join(":").trim_end_matches(':'))
    }
}

fn of_uri(attribute: &str) -> Option<Option<String>> {
    if attribute.is_empty() {
        return Some(None);
    }
    let mut decoded = Vec::new();
    let mut bytes = attribute.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok().filter(|byte| *byte > 2)?
            }
            b'~' => return None,
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok().map(Some)
}

fn of_formatted(text: &str) -> Option<Vec<Option<String>>> {
    let mut is_escaped = false;
    let attributes = text.split(|character| {
        let ends = character == ':' && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        ends
    });
    let attributes = attributes.map(unescaped).collect::<Option<Vec<_>>>()?;
    (attributes.len() == ATTRIBUTES).then_some(attributes)
}

fn unescaped(attribute: &str) -> Option<Option<String>> {
    if attribute == "*" {
        return Some(None);
    }
    let mut plain = String::new();
    let mut characters = attribute.chars();
    while let Some(character) = characters.next() {
        match character {
            '*' | '?' => return None,
            '\\' => plain.push(characters.next()?),
            character => plain.push(character),
        }
    }
    (!plain.is_empty()).then_some(Some(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_covers_those_that_say_more() {
        let cases = [
            ("cpe:/o:redhat:enterprise_linux:9", "cpe:/o:redhat:enterprise_linux:9::baseos", true),
            ("cpe:/o:redhat:enterprise_linux:9::baseos", "cpe:/o:redhat:enterprise_linux:9", false),
            ("cpe:/o:redhat:enterprise_linux:8", "cpe:/o:redhat:enterprise_linux:9::baseos", false),
            ("cpe:/o:redhat:enterprise_linux", "cpe:2.3:o:redhat:enterprise_linux:9:*:baseos:*:*:*:*:*", true),
            ("cpe:2.3:o:RedHat:enterprise_linux:9:*:*:*:*:*:*:*", "cpe:/o:redhat:enterprise_linux:9::baseos", true),
            (r"cpe:2.3:a:x:c\+\+:-:*:*:*:*:*:*:*", "cpe:/a:x:c%2b%2b:-", true),
            ("cpe:/a:redhat:enterprise_linux:9", "cpe:/o:redhat:enterprise_linux:9", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(Cpe::read(pattern).unwrap().covers(&Cpe::read(name).unwrap()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn what_names_nothing_in_particular_is_no_name() {
        for text in [
            "",
            "cpe:/o",
            "cpe:/o:redhat",
            "cpe:/:redhat:enterprise_linux",
            "cpe:/o::enterprise_linux",
            "cpe:/a:x:y:1:2:~~~windows~~",
            "cpe:/a:x:y%0",
            "cpe:/a:x:y%01",
            "cpe:/a:1:2:3:4:5:6:7:8:9:10:11",
            "cpe:2.3:o:redhat:enterprise_linux",
            "cpe:2.3:o:*:*:*:*:*:*:*:*:*:*",
            "cpe:2.3:o:red*:linux:*:*:*:*:*:*:*:*",
            "cpe:2.3:o:*hat:linux:*:*:*:*:*:*:*:*",
            "cpe:2.3:o:redhat:linux:9?:*:*:*:*:*:*:*",
            "cpe:2.3:o:redhat:linux:9:*:*:*:*:*:*:*:*",
            "cpe:2.3:o:redhat:linux:9:*:*:*:*:*:*:",
            "cpe:2.3:o:redhat:linux:9:*:*:*:*:*:*:\\",
        ] {
            assert_eq!(Cpe::read(text), None, "{text}");
        }
    }
}
