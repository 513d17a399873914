//! What texts must say beside keeping to their form: told from words, so never more than advice.
//!
//! Source: <https://docs.aws.amazon.com/marketplace/latest/userguide/aws-marketplace-listing-checklist.html>

/// What usage instructions must speak of, and words that show that they do.
const TOPICS: &[(&str, &[&str])] = &[
    ("sensitive data", &["sensitive", "personal data", "customer data", "customers' data"]),
    ("encryption", &["encrypt"]),
    ("key rotation", &["rotat"]),
    ("backup", &["backup", "back up", "back-up"]),
    ("health", &["health"]),
    ("service quotas", &["quota", "service limit"]),
    ("costs", &["cost", "price", "pricing", "charge", "billed"]),
];

/// What those of a template must speak of beside.
const TEMPLATE_TOPICS: &[(&str, &[&str])] = &[
    ("IAM roles and policies", &["iam", "role"]),
    ("the network", &["network", "vpc", "subnet"]),
    ("deployment", &["deploy", "launch", "stack"]),
];

/// How urgent an update is, in the Marketplace's words.
pub const URGENCIES: [&str; 3] = ["Critical", "Important", "Optional"];

/// Returns what usage instructions don't speak of.
pub fn missing_topics(text: &str) -> Vec<&'static str> {
    missing(TOPICS, text)
}

/// Returns what usage instructions of a CloudFormation template don't speak of.
pub fn missing_template_topics(text: &str) -> Vec<&'static str> {
    [missing(TOPICS, text), missing(TEMPLATE_TOPICS, text)].concat()
}

fn missing(topics: &[(&'static str, &[&str])], text: &str) -> Vec<&'static str> {
    let lower = text.to_lowercase();
    topics.iter().filter(|(_, words)| !words.iter().any(|word| lower.contains(word))).map(|(topic, _)| *topic).collect()
}

/// Tells whether a text names a mail address, a web address or a telephone number.
pub fn names_contact(text: &str) -> bool {
    let is_mail = |word: &str| word.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'));
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    text.contains("http://") || text.contains("https://") || text.contains("www.") || digits >= 7 || text.split_whitespace().any(is_mail)
}

/// Tells whether release notes say how urgent the update is.
pub fn tells_urgency(notes: &str) -> bool {
    let lower = notes.to_lowercase();
    URGENCIES.iter().any(|word| lower.contains(&word.to_lowercase()))
}

/// The most bytes that a tag is looked for in.
const LONGEST_TAG: usize = 2_000;

/// Returns the first HTML tag of a text, and where it stands in bytes.
///
/// A tag ends before the next `<`, so that every byte is looked at once however many there are.
pub fn html_tag(text: &str) -> Option<(usize, &str)> {
    const TAGS: &[&str] = &[
        "a", "b", "br", "code", "div", "em", "h1", "h2", "h3", "h4", "hr", "i", "img", "li", "ol", "p", "pre", "script", "span", "strong",
        "style", "table", "td", "th", "tr", "u", "ul",
    ];
    text.match_indices('<').find_map(|(start, _)| {
        let rest = &text.as_bytes()[start + 1..];
        let length = rest.iter().take(LONGEST_TAG).position(|byte| matches!(byte, b'<' | b'>')).filter(|end| rest[*end] == b'>')?;
        let tag = &text[start..start + length + 2];
        let inner = tag.trim_start_matches(['<', '/']).trim_end_matches(['>', '/']);
        let name = inner.split(char::is_whitespace).next().unwrap_or_default().to_ascii_lowercase();
        TAGS.contains(&name.as_str()).then_some((start, tag))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_that_are_not_spoken_of_are_named() {
        assert_eq!(
            missing_topics("Costs: none. Back up the volume; it is ENCRYPTED. Rotate keys."),
            ["sensitive data", "health", "service quotas"]
        );
        assert_eq!(missing_topics("").len(), TOPICS.len());
    }

    #[test]
    fn ways_to_get_support_are_seen() {
        for good in ["Write to a@b.example.", "See https://example.com", "Call +1 206 555 0100"] {
            assert!(names_contact(good), "{good}");
        }
        for bad in ["", "Write to us.", "a @ b", "24 x 7"] {
            assert!(!names_contact(bad), "{bad}");
        }
    }

    #[test]
    fn tags_are_told_from_placeholders() {
        assert_eq!(html_tag("see <public address> and <b class=\"x\">this</b>"), Some((25, "<b class=\"x\">")));
        assert_eq!(html_tag("line<br/>"), Some((4, "<br/>")));
        for plain in ["http://<public address>/", "a < b > c", "<body temperature>", "1 < 2", "<", "<b <x>"] {
            assert_eq!(html_tag(plain), None, "{plain}");
        }
        assert_eq!(html_tag("<<b>"), Some((1, "<b>")));
    }

    #[test]
    fn a_text_of_nothing_but_opened_tags_is_seen_through_at_once() {
        // Looked through to the end from each of them, this would take hours.
        let text = format!("{}>", "<".repeat(4 << 20));
        assert_eq!(html_tag(&text), None);
        assert_eq!(html_tag(&format!("<b {}>", "x".repeat(LONGEST_TAG))), None);
    }
}
