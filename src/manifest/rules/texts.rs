//! The Marketplace's rules for texts, each of which it would otherwise tell an hour later.

use super::super::code::Code;

/// What is wrong with a text, and where in it, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct TextFault {
    pub(in super::super) code: Code,
    pub(in super::super) offset: usize,
    pub(in super::super) message: String,
    pub(in super::super) expected: String,
    pub(in super::super) hint: Option<String>,
}

impl TextFault {
    fn new(code: Code, offset: usize, message: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { code, offset, message: message.into(), expected: expected.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Checks a text against the Marketplace's rules and a limit in characters.
///
/// At most one fault of each kind, at its first place.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/work-with-single-ami-products.html>
/// (UpdateInformation: "Remove unsupported characters", "Remove spaces before trademark symbol").
pub(in super::super) fn check(text: &str, limit: usize) -> Vec<TextFault> {
    if text.is_empty() {
        return vec![TextFault::new(Code::TextEmpty, 0, "the text is empty", format!("1 to {limit} characters"))];
    }
    let rules = [too_long(text, limit), leading_space(text), control_character(text), unsupported_character(text), trademark_space(text)];
    rules.into_iter().flatten().collect()
}

fn too_long(text: &str, limit: usize) -> Option<TextFault> {
    let (offset, _) = text.char_indices().nth(limit)?;
    let message = format!("the text has {} characters", text.chars().count());
    Some(TextFault::new(Code::TextTooLong, offset, message, format!("at most {limit} characters")))
}

fn leading_space(text: &str) -> Option<TextFault> {
    let fault = || TextFault::new(Code::TextOuterSpace, 0, "the text starts with white space", "a text that starts with a word");
    text.starts_with(char::is_whitespace).then(fault)
}

fn control_character(text: &str) -> Option<TextFault> {
    let (offset, found) = text.char_indices().find(|&(_, c)| c.is_control() && c != '\n' && c != '\t')?;
    let message = format!("the text holds the control character U+{:04X}", u32::from(found));
    let fault = TextFault::new(Code::TextControlCharacter, offset, message, "line feeds as the only control characters");
    Some(if found == '\r' { fault.hint("save the text with line feeds alone as line ends") } else { fault })
}

fn unsupported_character(text: &str) -> Option<TextFault> {
    /// More than these are not named one by one.
    const NAMED: usize = 5;
    let supported = |c: char| c.is_ascii() || c.is_control() || matches!(c, '™' | '®' | '©');
    let (offset, _) = text.char_indices().find(|&(_, c)| !supported(c))?;
    let mut found: Vec<char> = Vec::new();
    for character in text.chars().filter(|&c| !supported(c)) {
        if !found.contains(&character) && found.len() <= NAMED {
            found.push(character);
        }
    }
    let mut names: Vec<String> = found.iter().take(NAMED).map(|&c| shown(c)).collect();
    if found.len() > NAMED {
        names.push("others".to_owned());
    }
    let message = format!("the text holds characters that the Marketplace refuses: {}", names.join(", "));
    let fault = TextFault::new(Code::TextUnsupportedCharacter, offset, message, "ASCII and ™, ®, ©");
    let hints: Vec<String> = found.iter().filter_map(|&c| Some(format!("{} for {}", plain(c)?, shown(c)))).collect();
    Some(if hints.is_empty() { fault } else { fault.hint(format!("write {}", hints.join(", "))) })
}

fn shown(character: char) -> String {
    let code_point = u32::from(character);
    if super::super::source::is_harmless(character) { format!("{character} (U+{code_point:04X})") } else { format!("U+{code_point:04X}") }
}

/// Returns what to write in ASCII for what word processors put in.
fn plain(character: char) -> Option<&'static str> {
    Some(match character {
        '\u{2013}' | '\u{2014}' | '\u{2212}' => "a hyphen",
        '\u{2018}' | '\u{2019}' => "an apostrophe",
        '\u{201c}' | '\u{201d}' => "straight quotes",
        '\u{2022}' | '\u{00b7}' => "an asterisk or a hyphen",
        '\u{2026}' => "three full stops",
        '\u{00a0}' | '\u{202f}' => "a plain space",
        _ => return None,
    })
}

fn trademark_space(text: &str) -> Option<TextFault> {
    let mut before = None;
    for (offset, character) in text.char_indices() {
        if matches!(character, '™' | '®') && before.is_some_and(char::is_whitespace) {
            let message = format!("white space stands before {character}");
            return Some(TextFault::new(Code::TextTrademarkSpace, offset, message, "the sign right after its name"));
        }
        before = Some(character);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str, limit: usize) -> Vec<Code> {
        check(text, limit).into_iter().map(|fault| fault.code).collect()
    }

    #[test]
    fn good_texts_pass() {
        for text in ["a", "Bakehouse™ and Oven® © 2026\n\tindented", "exactly ten"] {
            assert_eq!(codes(text, 60), [], "{text}");
        }
    }

    #[test]
    fn each_rule_finds_its_fault() {
        assert_eq!(codes("", 5), [Code::TextEmpty]);
        assert_eq!(codes("123456", 5), [Code::TextTooLong]);
        assert_eq!(codes("™™™™™", 5), []);
        assert_eq!(codes(" a", 5), [Code::TextOuterSpace]);
        assert_eq!(codes("a\r\n", 5), [Code::TextControlCharacter]);
        assert_eq!(codes("a — b", 5), [Code::TextUnsupportedCharacter]);
        assert_eq!(codes("a ™", 5), [Code::TextTrademarkSpace]);
        assert_eq!(check("ab — c", 9)[0].offset, 3);
    }

    #[test]
    fn several_faults_are_all_told() {
        assert_eq!(
            codes(" \u{1b}\u{1f35e} ®", 2),
            [Code::TextTooLong, Code::TextOuterSpace, Code::TextControlCharacter, Code::TextUnsupportedCharacter, Code::TextTrademarkSpace]
        );
    }
}
