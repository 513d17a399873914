//! The Marketplace's rules for texts, each of which it would otherwise tell an hour later.

/// A rule that every text of a listing keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextRule {
    /// There is something.
    NotEmpty,
    /// It is not longer than its field.
    Length,
    /// It starts with something else than white space.
    OuterSpace,
    /// It has no control characters but tab and line feed.
    ControlCharacter,
    /// It has no characters but ASCII and three signs.
    UnsupportedCharacter,
    /// A trademark sign follows its name at once.
    TrademarkSpace,
}

/// What is wrong with a text, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFault {
    /// The rule that is broken.
    pub rule: TextRule,
    /// Where, in bytes.
    pub offset: usize,
    /// What was found; a clause that begins with "the text".
    pub message: String,
    /// What was expected.
    pub expected: String,
    /// What to do.
    pub hint: Option<String>,
}

impl TextFault {
    fn new(rule: TextRule, offset: usize, message: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { rule, offset, message: message.into(), expected: expected.into(), hint: None }
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
pub fn check(text: &str, limit: usize) -> Vec<TextFault> {
    if text.is_empty() {
        return vec![TextFault::new(TextRule::NotEmpty, 0, "the text is empty", format!("1 to {limit} characters"))];
    }
    let rules = [too_long(text, limit), leading_space(text), control_character(text), unsupported_character(text), trademark_space(text)];
    rules.into_iter().flatten().collect()
}

/// Tells whether a character can be shown on a terminal: no control, no change of direction.
pub fn is_harmless(character: char) -> bool {
    matches!(character, '\n' | '\t')
        || !(character.is_control() || matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

fn too_long(text: &str, limit: usize) -> Option<TextFault> {
    let (offset, _) = text.char_indices().nth(limit)?;
    let message = format!("the text has {} characters", text.chars().count());
    Some(TextFault::new(TextRule::Length, offset, message, format!("at most {limit} characters")))
}

fn leading_space(text: &str) -> Option<TextFault> {
    let fault = || TextFault::new(TextRule::OuterSpace, 0, "the text starts with white space", "a text that starts with a word");
    text.starts_with(char::is_whitespace).then(fault)
}

fn control_character(text: &str) -> Option<TextFault> {
    let (offset, found) = text.char_indices().find(|&(_, c)| c.is_control() && c != '\n' && c != '\t')?;
    let message = format!("the text holds the control character U+{:04X}", u32::from(found));
    let fault = TextFault::new(TextRule::ControlCharacter, offset, message, "line feeds as the only control characters");
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
    let fault = TextFault::new(TextRule::UnsupportedCharacter, offset, message, "ASCII and ™, ®, ©");
    let hints: Vec<String> = found.iter().filter_map(|&c| Some(format!("{} for {}", plain(c)?, shown(c)))).collect();
    Some(if hints.is_empty() { fault } else { fault.hint(format!("write {}", hints.join(", "))) })
}

fn shown(character: char) -> String {
    let code_point = u32::from(character);
    if is_harmless(character) { format!("{character} (U+{code_point:04X})") } else { format!("U+{code_point:04X}") }
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
            return Some(TextFault::new(TextRule::TrademarkSpace, offset, message, "the sign right after its name"));
        }
        before = Some(character);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(text: &str, limit: usize) -> Vec<TextRule> {
        check(text, limit).into_iter().map(|fault| fault.rule).collect()
    }

    #[test]
    fn good_texts_pass() {
        for text in ["a", "Bakehouse™ and Oven® © 2026\n\tindented", "exactly ten"] {
            assert_eq!(broken(text, 60), [], "{text}");
        }
    }

    #[test]
    fn each_rule_finds_its_fault() {
        assert_eq!(broken("", 5), [TextRule::NotEmpty]);
        assert_eq!(broken("123456", 5), [TextRule::Length]);
        assert_eq!(broken("™™™™™", 5), []);
        assert_eq!(broken(" a", 5), [TextRule::OuterSpace]);
        assert_eq!(broken("a\r\n", 5), [TextRule::ControlCharacter]);
        assert_eq!(broken("a — b", 5), [TextRule::UnsupportedCharacter]);
        assert_eq!(broken("a ™", 5), [TextRule::TrademarkSpace]);
        assert_eq!(check("ab — c", 9)[0].offset, 3);
    }

    #[test]
    fn several_faults_are_all_told() {
        assert_eq!(
            broken(" \u{1b}\u{1f35e} ®", 2),
            [TextRule::Length, TextRule::OuterSpace, TextRule::ControlCharacter, TextRule::UnsupportedCharacter, TextRule::TrademarkSpace]
        );
    }
}
