//! What a code means, in full: for `check --explain` and for docs/faults.md.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::code::Code;
use super::faults::Severity;
use crate::rules::names::nearest;

/// What triggers a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Example {
    /// A part of the scaffold, and what would be refused in its place; a test tries each.
    Edit { right: &'static str, wrong: &'static str },
    /// Something that does not fit into a few lines of a manifest.
    Told(&'static str),
}

/// Makes an example of a part of the scaffold and what would be refused in its place.
pub(super) const fn edit(right: &'static str, wrong: &'static str) -> Example {
    Example::Edit { right, wrong }
}

/// Makes an example in words.
pub(super) const fn told(what: &'static str) -> Example {
    Example::Told(what)
}

impl Code {
    /// Returns all that is to be said of the code, for a terminal.
    pub fn explanation(self) -> String {
        let mut text = format!("{self} ({})\n\n{}\n\nwhy: {}\n", self.severity().as_str(), self.meaning(), self.why());
        if let Some(source) = self.source() {
            let _ = writeln!(text, "     {source}");
        }
        let _ = writeln!(text, "what to do: {}", self.remedy());
        match self.example() {
            Example::Told(what) => {
                let _ = writeln!(text, "\nsuch as: {what}");
            }
            Example::Edit { right, wrong } => {
                let _ = writeln!(text, "\nrefused:\n{}\ntaken:\n{}", indented(wrong), indented(right));
            }
        }
        text
    }

    /// Returns what to do and why, as Markdown.
    pub(super) fn markdown(self) -> String {
        let source = self.source().map_or_else(String::new, |source| format!(" ([source]({source}))"));
        format!("{}\n\n**Why.** {}{source}\n\n**What to do.** {}\n", self.meaning(), self.why(), self.remedy())
    }
}

/// Returns the first part of docs/faults.md: every code of a fault with its explanation.
pub fn faults_page() -> String {
    let mut page = String::from(
        "# Faults of manifests\n\n\
         <!-- Generated from the codes: `bakehouse check --explain all` writes this page. -->\n\n\
         What `bakehouse check` tells, by its code. Errors stop a product; warnings may be right, and AWS has the last word.\n\
         `bakehouse check --explain CODE` prints one of these on the terminal, of the\n\
         [faults of change sets](#faults-of-change-sets), or of the [findings of scans](#findings-of-scans).\n",
    );
    let mut area = "";
    for code in Code::ALL.iter().copied() {
        if code.area() != area {
            area = code.area();
            let _ = write!(page, "\n## {area}\n");
        }
        let _ = write!(page, "\n### {code}\n\n_{}._ {}", code.severity().as_str(), code.markdown());
        match code.example() {
            Example::Told(what) => {
                let _ = write!(page, "\n**Such as** {what}\n");
            }
            Example::Edit { right, wrong } => {
                let _ = write!(page, "\nRefused:\n\n```toml\n{}\n```\n\nTaken:\n\n```toml\n{}\n```\n", shown(wrong), shown(right));
            }
        }
    }
    page
}

/// Nothing in the place of something is said in words.
fn shown(toml: &str) -> &str {
    if toml.is_empty() { "# nothing" } else { toml.trim_end_matches("\n#") }
}

fn indented(toml: &str) -> String {
    shown(toml).lines().fold(String::new(), |text, line| text + "    " + line + "\n")
}

impl Severity {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Says that there is no code of a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no code {found:?}{}", .nearest.map_or_else(String::new, |code| format!("; did you mean {code}?")))]
pub struct UnknownCode {
    found: String,
    nearest: Option<Code>,
}

impl FromStr for Code {
    type Err = UnknownCode;

    /// Takes `manifest/unknown-key` and `unknown-key`.
    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        let short = |code: &Self| code.as_str().trim_start_matches("manifest/");
        let wanted = text.trim_start_matches("manifest/");
        let find = |name: &str| Self::ALL.iter().copied().find(|code| short(code) == name);
        find(wanted).ok_or_else(|| UnknownCode {
            found: text.chars().take(60).collect(),
            nearest: nearest(wanted, Self::ALL.iter().map(short)).and_then(|name| find(&name)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_told_apart() {
        let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
    }

    #[test]
    fn codes_are_found_by_either_name_and_misspellings_are_helped() {
        assert_eq!("manifest/unknown-key".parse(), Ok(Code::UnknownKey));
        assert_eq!("unknown-key".parse(), Ok(Code::UnknownKey));
        let error = "unkown-key".parse::<Code>().unwrap_err().to_string();
        assert_eq!(error, "there is no code \"unkown-key\"; did you mean manifest/unknown-key?");
    }

    #[test]
    fn explanations_are_sentences() {
        for code in Code::ALL {
            for text in [code.meaning(), code.why()] {
                assert!(text.ends_with('.') && text.starts_with(|c: char| c.is_uppercase() || c == '/'), "{code}: {text}");
            }
            assert!(code.source().is_none_or(|source| source.starts_with("https://")), "{code}");
        }
    }

    #[test]
    fn one_code_is_explained_on_the_terminal() {
        insta::assert_snapshot!("explained", Code::PortRange.explanation());
    }
}
