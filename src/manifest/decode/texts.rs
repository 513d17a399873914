//! The texts of a listing, inline or from files.

use super::super::code::Code;
use super::super::context::{Reader, Use, Value, quoted};
use super::super::source::At;
use super::files::{read, report_secrets};
use super::media::{MediaPlace, logo, video};
use crate::model::product::{Link, Texts};
use crate::rules::addresses::is_link;
use crate::rules::names::CATEGORIES;
use crate::rules::texts::{TextRule, check};
use crate::rules::{advice, limits};

/// How the short description of repackaged open source begins.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/userguide/ami-product-checklist.html>
const OPEN_SOURCE_SENTENCE: &str = "This is a repackaged open source software product wherein additional charges apply for ";

/// Reads the texts of `[product]`.
pub(super) fn texts(reader: &Reader, place: &MediaPlace) -> Option<Texts> {
    let title = reader.required("title").and_then(|value| title(&value));
    let short = reader.required("short-description");
    let short_description = short.and_then(|value| text(&value, limits::SHORT_DESCRIPTION));
    let long_description = reader.required("long-description").and_then(|value| long_text(&value, limits::LONG_DESCRIPTION));
    let highlights =
        reader.required("highlights").and_then(|value| value.list_of(limits::HIGHLIGHTS, |entry| text(entry, limits::HIGHLIGHT)));
    let search_keywords = reader.required("search-keywords").and_then(|value| keywords(&value));
    let categories = reader.required("categories").and_then(|value| value.list_of(limits::CATEGORIES, category));
    let sku = reader.maybe("sku", |value| text(&value, limits::SKU));
    let logo = reader.exactly_one(&["logo-url", "logo"]).and_then(|value| logo(&value, place));
    let video_url = reader.maybe("video-url", |value| video(&value));
    let additional_resources = reader.or("additional-resources", Vec::new(), |value| value.list_of(limits::LINKS, link));
    let support_description = reader.required("support-description").and_then(|value| support(&value));
    let repackaged_open_source = reader.or("repackaged-open-source", false, |value| value.boolean());
    if let (Some(value), Some(text), Some(true)) = (short, &short_description, repackaged_open_source) {
        open_source_sentence(&value, text);
    }
    Some(Texts {
        title: title?,
        short_description: short_description?,
        long_description: long_description?,
        highlights: highlights?,
        search_keywords: search_keywords?,
        categories: categories?,
        sku: sku?,
        logo_url: logo.as_ref()?.0.clone(),
        logo: logo?.1,
        video_url: video_url?,
        additional_resources: additional_resources?,
        support_description: support_description?,
        repackaged_open_source: repackaged_open_source?,
    })
}

/// Reads the title, which names the offer too. Source: Catalog API, CreateOffer, Name.
fn title(value: &Value) -> Option<String> {
    let title = text(value, limits::TITLE)?;
    if let Some(found) = title.chars().find(|&c| matches!(c, '\\' | '<' | '>' | '\n' | '\t')) {
        value
            .fault(Code::TitleCharacter, format!("`title` holds {found:?}, and the offer is named after it"))
            .expected("one line without \\, < and >")
            .report();
    }
    Some(title)
}

/// Reads a text that stands in the manifest itself.
pub(super) fn text(value: &Value, limit: usize) -> Option<String> {
    let text = value.string()?;
    report_text_faults(value, text, limit, |_| value.at());
    Some(text.to_owned())
}

/// Reads a text that stands in the manifest or in a file: `{ file = "listing/long.md" }`.
///
/// White space at the end, such as an editor's last line feed, is no part of it.
pub(super) fn long_text(value: &Value, limit: usize) -> Option<String> {
    if !value.is_table() {
        let text = value.string()?.trim_end();
        report_text_faults(value, text, limit, |_| value.at());
        return Some(text.to_owned());
    }
    let reader = value.table()?;
    let file = reader.required("file");
    reader.finish();
    let file = file?;
    let path = file.string()?;
    let bytes = read(&file, path, Use::Text)?;
    report_secrets(file.context, file.at(), &quoted(path), &bytes, Some(path));
    let Ok(content) = String::from_utf8(bytes) else {
        file.fault(Code::NotUtf8, format!("{} is not UTF-8", quoted(path))).expected("a text in UTF-8").report();
        return None;
    };
    let text = content.trim_end().to_owned();
    let mut source = None;
    report_text_faults(value, &text, limit, |offset| {
        let id = *source.get_or_insert_with(|| value.context.add_source(path, content.clone()));
        At::new(id, offset..text[offset..].chars().next().map_or(offset, |character| offset + character.len_utf8()))
    });
    Some(text)
}

fn report_text_faults(value: &Value, text: &str, limit: usize, mut place: impl FnMut(usize) -> At) {
    let faults = check(text, limit);
    let is_too_long = faults.iter().any(|fault| matches!(fault.rule, TextRule::Length));
    for fault in faults {
        let message = format!("`{}`: {}", value.name, fault.message);
        let pending = value.context.fault(code(fault.rule), place(fault.offset), message).expected(fault.expected);
        match fault.hint {
            Some(hint) => pending.hint(hint).report(),
            None => pending.report(),
        }
    }
    // What stands in a text that must be another is no news.
    if !is_too_long && let Some((offset, tag)) = advice::html_tag(text) {
        value
            .context
            .fault(Code::TextHtml, place(offset), format!("`{}`: the text holds the HTML {}", value.name, quoted(tag)))
            .expected("plain text")
            .report();
    }
}

fn code(rule: TextRule) -> Code {
    match rule {
        TextRule::NotEmpty => Code::TextEmpty,
        TextRule::Length => Code::TextTooLong,
        TextRule::OuterSpace => Code::TextOuterSpace,
        TextRule::ControlCharacter => Code::TextControlCharacter,
        TextRule::UnsupportedCharacter => Code::TextUnsupportedCharacter,
        TextRule::TrademarkSpace => Code::TextTrademarkSpace,
    }
}

fn keywords(value: &Value) -> Option<Vec<String>> {
    let keywords = value.list_of(limits::KEYWORDS, |entry| text(entry, limits::KEYWORD))?;
    let length: usize = keywords.iter().map(|keyword| keyword.chars().count()).sum();
    if length > limits::KEYWORDS_TOGETHER {
        value
            .fault(Code::KeywordsTooLong, format!("the search keywords together have {length} characters"))
            .expected(format!("at most {}", limits::KEYWORDS_TOGETHER))
            .report();
    }
    Some(keywords)
}

fn category(value: &Value) -> Option<String> {
    let name = value.string()?;
    if !CATEGORIES.contains(&name) {
        value
            .fault(Code::UnknownCategory, format!("{} is no category that is known", quoted(name)))
            .expected("a category of the Marketplace, such as \"Application Servers\"")
            .did_you_mean(name, CATEGORIES)
            .report();
    }
    text(value, limits::CATEGORY)
}

fn support(value: &Value) -> Option<String> {
    let text = long_text(value, limits::SUPPORT_DESCRIPTION)?;
    if !advice::names_contact(&text) {
        value
            .fault(Code::SupportContact, "`support-description` names no way to get support")
            .expected("a mail address, a web address or a telephone number")
            .report();
    }
    Some(text)
}

fn link(value: &Value) -> Option<Link> {
    let reader = value.table()?;
    let text = reader.required("text").and_then(|value| text(&value, limits::LINK_TEXT));
    let url = reader.required("url").and_then(|value| {
        let url = value.string()?;
        if !is_link(url) {
            value.fault(Code::LinkUrl, format!("`url` is {}", quoted(url))).expected("an https or http address").report();
        }
        Some(url.to_owned())
    });
    reader.finish();
    Some(Link { text: text?, url: url? })
}

fn open_source_sentence(value: &Value, text: &str) {
    if !text.starts_with(OPEN_SOURCE_SENTENCE) {
        value
            .fault(Code::OpenSourceSentence, "`short-description` of repackaged open source does not begin as prescribed")
            .expected(format!("a text that begins \"{OPEN_SOURCE_SENTENCE}…\""))
            .hint("say what is charged for, or take `repackaged-open-source` out if this is your own software")
            .report();
    }
}
