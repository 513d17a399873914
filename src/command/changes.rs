//! Changes of a listing for people: short ones a line each, of long texts the words that change.

use std::time::Duration;

use similar::{ChangeTag, TextDiff};

use crate::model::listing_set::FieldChange;
use crate::model::obstacle::Obstacle;
use crate::model::plan::Plan;

/// Characters that a line has at most, the indentation not counted.
const WIDTH: usize = 92;
/// Characters up to which a text stands in the line of its change.
const SHORT: usize = 60;
/// Words that are shown around those that change.
const CONTEXT: usize = 6;
/// How long the least difference of two texts is looked for; a greater one is shown after that.
const PATIENCE: Duration = Duration::from_millis(300);

/// Writes a change, each line indented.
pub fn change(change: &FieldChange, indent: &str) -> String {
    let is_long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains('\n') || text.chars().nth(SHORT).is_some());
    if !is_long(&change.before) && !is_long(&change.after) {
        return format!("{indent}{change}\n");
    }
    let name = change.key.iter().fold(String::new(), |name, key| format!("{name}{key} ")) + &change.field;
    let (what, text) = match (&change.before, &change.after) {
        (Some(before), Some(after)) => ("changes, [-old-] {+new+}", marked(before, after)),
        (None, Some(after)) => ("is new", after.clone()),
        (Some(before), None) => ("goes", before.clone()),
        (None, None) => return format!("{indent}{change}\n"),
    };
    let lines: String = wrapped(&text).into_iter().map(|line| format!("{indent}  {line}").trim_end().to_owned() + "\n").collect();
    format!("{indent}{name} {what}:\n{lines}")
}

/// Says how many differences a plan leaves, which, and why; nothing if it leaves none.
pub fn held_back(plan: &Plan) -> String {
    let count = match plan.obstacles.as_slice() {
        [] => return String::new(),
        [_] => "1 difference stays".to_owned(),
        several => format!("{} differences stay", several.len()),
    };
    let headline = match plan.is_empty() {
        true => format!("nothing can be applied now; {count}"),
        false => format!("{count} that can't be applied now"),
    };
    format!("{headline}:\n{}", staying(&plan.obstacles))
}

/// Says what stays otherwise than the manifest says: why once, for all that it holds of.
fn staying(obstacles: &[Obstacle]) -> String {
    let mut text = String::new();
    for alike in obstacles.chunk_by(|a, b| (a.code, &a.reason, a.until) == (b.code, &b.reason, b.until)) {
        text.extend(alike.iter().map(|obstacle| change(&obstacle.change, "  ")));
        let why = alike.first().map(|first| format!("because {} [{}]", first.why(), first.code));
        text.extend(why.iter().flat_map(|why| wrapped(why)).map(|line| format!("      {line}\n")));
    }
    text
}

/// Marks in a text what goes and what comes, as `git diff --word-diff` does, with a few words around.
fn marked(before: &str, after: &str) -> String {
    let diff = TextDiff::configure().timeout(PATIENCE).diff_words(before, after);
    let mut runs: Vec<(ChangeTag, String)> = Vec::new();
    for change in diff.iter_all_changes() {
        match runs.last_mut() {
            Some((tag, run)) if *tag == change.tag() => run.push_str(change.value()),
            _ => runs.push((change.tag(), change.value().to_owned())),
        }
    }
    let count = runs.len();
    let shown = runs.into_iter().enumerate().map(|(index, (tag, run))| match tag {
        ChangeTag::Delete => format!("[-{run}-]"),
        ChangeTag::Insert => format!("{{+{run}+}}"),
        ChangeTag::Equal => shortened(&run, index > 0, index + 1 < count),
    });
    shown.collect()
}

/// Leaves of what stays the words next to what changes before it, after it, or both.
fn shortened(text: &str, after_change: bool, before_change: bool) -> String {
    let head = if after_change { text.match_indices(char::is_whitespace).nth(CONTEXT).map_or(text.len(), |(at, _)| at) } else { 0 };
    let tail = if before_change { text.rmatch_indices(char::is_whitespace).nth(CONTEXT).map_or(0, |(at, _)| at) } else { text.len() };
    if head >= tail { text.to_owned() } else { format!("{} … {}", &text[..head], text[tail..].trim_start()) }
}

/// Breaks a text into lines that are not too long; an empty line stays one.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::obstacle::ObstacleCode;

    fn of(before: Option<&str>, after: Option<&str>) -> FieldChange {
        let own = |text: Option<&str>| text.map(str::to_owned);
        FieldChange { field: "long-description".to_owned(), key: None, before: own(before), after: own(after), per_cent: None }
    }

    #[test]
    fn of_a_long_text_the_words_that_change_are_shown_with_some_around() {
        let before =
            format!("{}serves pages over HTTP from the start.\n\n{}", "Much is said first. ".repeat(20), "And more after. ".repeat(20));
        let after = before.replace("HTTP", "HTTPS");
        insta::assert_snapshot!(change(&of(Some(&before), Some(&after)), "    "));
    }

    #[test]
    fn no_line_is_too_long_or_at_the_margin() {
        let texts = ["word ".repeat(200), "line\nline\n\nline".to_owned(), "x".repeat(300), "ä ö ü ".repeat(99)];
        for (before, after) in texts.iter().flat_map(|a| texts.iter().map(move |b| (a, b))) {
            for shown in [change(&of(Some(before), Some(after)), "    "), change(&of(None, Some(after)), "    ")] {
                for line in shown.lines() {
                    assert!(line.is_empty() || line.starts_with("    "), "{line:?}");
                    assert!(line.split_whitespace().count() < 2 || line.chars().count() <= WIDTH + 6, "{line:?}");
                }
            }
        }
    }

    #[test]
    fn a_short_change_is_a_line() {
        assert_eq!(change(&of(Some("a"), Some("b")), "  "), "  long-description a → b\n");
    }

    #[test]
    fn why_is_told_once_for_all_that_it_holds_of() {
        let obstacle = |key: &str, code| Obstacle {
            until: "2027-03-01T00:00:00Z".parse().ok(),
            ..Obstacle::of(code, FieldChange { key: Some(key.to_owned()), ..of(Some("1"), Some("2")) }, "of the lock".to_owned())
        };
        let obstacles =
            [obstacle("a", ObstacleCode::PriceLocked), obstacle("b", ObstacleCode::PriceLocked), obstacle("c", ObstacleCode::PricingTerms)];
        assert_eq!(
            staying(&obstacles),
            "  a long-description 1 → 2\n  b long-description 1 → 2\n      because of the lock (until 2027-03-01) [obstacle/price-locked]\n  c long-description 1 → 2\n      because of the lock (until 2027-03-01) [obstacle/pricing-terms]\n"
        );
    }
}
