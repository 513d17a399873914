//! Values as TOML writes them, one look for all manifests.

use toml_edit::Value;

/// The longest list that stands on one line, in characters.
const LONGEST_LINE: usize = 110;

pub(super) fn text(text: &str) -> String {
    Value::from(text).to_string()
}

pub(super) fn texts<T: AsRef<str>>(entries: impl IntoIterator<Item = T>) -> String {
    list(&entries.into_iter().map(|entry| text(entry.as_ref())).collect::<Vec<_>>())
}

/// Writes a list: on one line, or an entry a line.
pub(super) fn list(entries: &[String]) -> String {
    let line = format!("[{}]", entries.join(", "));
    if line.len() <= LONGEST_LINE {
        return line;
    }
    let lines: String = entries.iter().map(|entry| format!("    {entry},\n")).collect();
    format!("[\n{lines}]")
}

pub(super) fn table(entries: &[(&str, String)]) -> String {
    let entries: Vec<String> = entries.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    format!("{{ {} }}", entries.join(", "))
}

/// Writes a key, quoted where it has to be.
pub(super) fn bare_or_quoted(key: &str) -> String {
    let is_bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_bare { key.to_owned() } else { text(key) }
}
