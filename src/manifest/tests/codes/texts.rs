//! Texts: what triggers each of the codes.

use std::fs;

use super::super::super::Code::*;
use super::{Deed, Edit, PACKAGES};

#[rustfmt::skip]
pub(super) const EDITS: &[Edit] = &[
    (TextEmpty, PACKAGES, "run = \" \""),
    (TextOuterSpace, "no further hour.\"", "no further hour. \""),
    (TitleCharacter, "title = \"Demo\"", "title = \"<Demo>\""),
    (TextHtml, "[\"Starts in seconds\"", "[\"Starts<br/>now\""),
    (SupportContact, "Write to support@example.com. We answer", "Write to us. We answer"),
];

pub(super) const DEEDS: &[Deed] = &[
    (TextUnsupportedCharacter, |bench| {
        let text = fs::read_to_string(bench.product().join("listing/usage-instructions.md")).unwrap();
        bench.write("listing/usage-instructions.md", text + "Click \u{201c}here\u{201d}");
    }),
    (KeywordsTooLong, |bench| {
        let keywords: Vec<String> = (0..6).map(|n| format!("\"{n}{}\"", "x".repeat(45))).collect();
        bench.edit("search-keywords = [\"demo\"]", &format!("search-keywords = [{}]", keywords.join(", ")));
    }),
];
