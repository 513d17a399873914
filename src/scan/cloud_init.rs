//! cloud-init's configuration, as far as rules ask for it.

use std::collections::HashMap;
use std::path::PathBuf;

use super::files::Files;

/// cloud-init's configuration: the values of all files, in the order in which they are merged.
#[derive(Debug, Default)]
pub(super) struct CloudConfig {
    values: Vec<Value>,
}

/// A scalar, or a list in brackets as it stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    /// Keys joined by dots; a list's items are at `key.-`.
    key: String,
    pub(super) text: String,
    /// The file it stands in.
    pub(super) path: PathBuf,
}

impl Value {
    /// Returns its key with those above it, such as `users.-.name`.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Tells whether it is true as cloud-init takes it.
    ///
    /// Source: cloud-init, cloudinit/util.py, `is_true`.
    pub(super) fn is_true(&self) -> bool {
        matches!(self.text.to_ascii_lowercase().as_str(), "true" | "1" | "on" | "yes")
    }

    /// Tells whether it is false as cloud-init takes it.
    pub(super) fn is_false(&self) -> bool {
        matches!(self.text.to_ascii_lowercase().as_str(), "false" | "0" | "off" | "no")
    }

    /// Splits a list in brackets, or returns the scalar alone.
    pub(super) fn items(&self) -> Vec<&str> {
        let inner = self.text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&self.text);
        inner.split(',').map(|item| unquote(item.trim())).filter(|item| !item.is_empty()).collect()
    }
}

impl CloudConfig {
    /// Reads `/etc/cloud/cloud.cfg` and what lies in `cloud.cfg.d`.
    ///
    /// Source: <https://docs.cloud-init.io/en/latest/explanation/configuration.html>
    pub(super) fn read(files: &Files) -> Self {
        let mut values = Vec::new();
        for path in std::iter::once(PathBuf::from("/etc/cloud/cloud.cfg")).chain(files.glob("/etc/cloud/cloud.cfg.d/*.cfg")) {
            if let Some(text) = files.text(&path) {
                let mut aliases = Aliases::default();
                let is_flow = without_comments(&text).starts_with(['{', '[']);
                let read = if is_flow { by_json(&text) } else { Some(parse(&text, &mut aliases)) };
                if read.is_none() {
                    files.fault(&path, "it is written in braces, and not as JSON, which was not followed".to_owned());
                }
                values.extend(read.into_iter().flatten().map(|(key, text)| Value { key, text, path: path.clone() }));
                if aliases.lost {
                    files.fault(&path, "it repeats parts of itself by YAML's aliases, which were not followed".to_owned());
                }
            }
        }
        Self { values }
    }

    /// Returns the value that holds for a key: the last one.
    pub(super) fn last(&self, key: &str) -> Option<&Value> {
        self.values.iter().rev().find(|value| value.key == key)
    }

    /// Returns all values, in the order in which they are merged.
    pub(super) fn all(&self) -> &[Value] {
        &self.values
    }

    /// Returns what says which users are made, if it leaves the default user out: the only one whom the buyer's key is given to.
    /// None if no file says anything of users.
    ///
    /// Source: cloud-init, cloudinit/distros/ug_util.py, `normalize_users_groups`; cloudinit/config/cc_ssh.py
    pub(super) fn without_default(&self) -> Option<&Value> {
        let is_said = |value: &&Value| value.key == "users" || value.key.starts_with("users.");
        let last = self.values.iter().rev().find(is_said)?;
        let is_default = |value: &Value| match value.key.as_str() {
            "users" | "users.-" => value.items().iter().any(|item| item.split(',').any(|name| name.trim() == "default")),
            "users.-.name" => value.text == "default",
            key => key == "users.default" || key.starts_with("users.default."),
        };
        let is_made = self.values.iter().filter(|value| value.path == last.path).filter(is_said).any(is_default);
        // `user` of old has the default user made, by its name.
        (!is_made && self.last("user").is_none()).then_some(last)
    }

    /// Returns a list's items, in brackets or line by line, of the last file that has it; none if no file has it.
    pub(super) fn list(&self, key: &str) -> Option<Vec<&str>> {
        let items = format!("{key}.-");
        let last = self.values.iter().rev().find(|value| value.key == key || value.key == items)?;
        let same = self.values.iter().filter(|value| value.path == last.path && (value.key == key || value.key == items));
        Some(same.flat_map(|value| if value.key == key { value.items() } else { vec![value.text.as_str()] }).collect())
    }
}

/// Reads the block mappings of a YAML document: keys by indentation, scalars, lists. Mappings in braces
/// are opened one level deep, and further where they are JSON; texts over several lines are not followed, nor are aliases of more than a scalar.
/// cloud-init's own files and those that images carry keep to this.
fn parse(text: &str, aliases: &mut Aliases) -> Vec<(String, String)> {
    let mut values = Vec::new();
    // Open keys with the indentation of their line.
    let mut open: Vec<(usize, String)> = Vec::new();
    for line in text.lines() {
        let line = strip_comment(line);
        let mut rest = line.trim_start();
        if rest.is_empty() || rest.starts_with("---") {
            continue;
        }
        let mut indent = line.len() - rest.len();
        open.retain(|(column, key)| *column < indent || (*column == indent && rest.starts_with("- ") && key != "-"));
        while let Some(item) = rest.strip_prefix("- ") {
            open.push((indent, "-".to_owned()));
            indent += rest.len() - item.trim_start().len();
            rest = item.trim_start();
        }
        let path =
            |key: &str| open.iter().map(|(_, key)| key.as_str()).chain((!key.is_empty()).then_some(key)).collect::<Vec<_>>().join(".");
        let lost = aliases.lost;
        let rest = aliases.resolve(rest);
        // How cloud-init logs every image says by aliases, and no rule asks.
        if open.first().is_some_and(|(_, key)| key == "log_cfgs") {
            aliases.lost = lost;
        }
        match key_and_value(&rest) {
            Some((key, value)) => match aliases.resolve(value).as_str() {
                "" => open.push((indent, key.to_owned())),
                value => push(&mut values, path(key), value),
            },
            None if rest.is_empty() => {}
            None => push(&mut values, path(""), &rest),
        }
    }
    values
}

/// Returns a text from its first line on that is no comment.
fn without_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    while rest.starts_with('#') || rest.starts_with("---") {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest.trim_start());
    }
    rest
}

/// Reads JSON, which is YAML too: all of it, or a value in it. None if it is none.
fn by_json(text: &str) -> Option<Vec<(String, String)>> {
    let mut values = Vec::new();
    flatten(&serde_json::from_str(without_comments(text)).ok()?, String::new(), &mut values);
    Some(values)
}

/// Lists what JSON holds by keys joined by dots; as deep as its reader goes, which is 128.
fn flatten(json: &serde_json::Value, key: String, values: &mut Vec<(String, String)>) {
    let below = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    match json {
        serde_json::Value::Object(map) => map.iter().for_each(|(name, json)| flatten(json, below(name), values)),
        serde_json::Value::Array(items) if items.is_empty() => values.push((key, "[]".to_owned())),
        serde_json::Value::Array(items) => items.iter().for_each(|json| flatten(json, below("-"), values)),
        serde_json::Value::String(text) => values.push((key, text.clone())),
        other => values.push((key, other.to_string())),
    }
}

/// Scalars that have a name (`&t true`), by which they stand elsewhere (`*t`).
///
/// Source: <https://yaml.org/spec/1.2.2/#alias-nodes>
#[derive(Debug, Default)]
struct Aliases {
    scalars: HashMap<String, String>,
    /// What aliases stand for, together.
    resolved_bytes: usize,
    /// Whether an alias stands for what is not known.
    lost: bool,
}

impl Aliases {
    /// What aliases of one file may stand for; more is nobody's.
    const MOST_BYTES: usize = 1 << 20;

    /// Takes a node's name and tag (`!!bool`) from it, and puts what an alias stands for in its place.
    fn resolve(&mut self, node: &str) -> String {
        let (mut rest, mut anchor) = (node, None);
        loop {
            let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            match word.strip_prefix('&').filter(|name| is_name(name)) {
                Some(name) => anchor = Some(name),
                None if word.starts_with("!!") => {}
                None => break,
            }
            rest = after.trim_start();
        }
        let alias = |text: &str| text.strip_prefix('*').filter(|name| is_name(name)).map(str::to_owned);
        if let Some(name) = alias(rest) {
            match self.scalars.get(&name) {
                Some(scalar) if self.resolved_bytes + scalar.len() <= Self::MOST_BYTES => {
                    self.resolved_bytes += scalar.len();
                    return scalar.clone();
                }
                _ => self.lost = true,
            }
        }
        let is_flow = rest.starts_with(['[', '{']);
        self.lost |= is_flow && rest.split(['[', ']', '{', '}', ',', ':']).any(|item| alias(item.trim()).is_some());
        if let Some(anchor) = anchor.filter(|_| !rest.is_empty()) {
            self.scalars.insert(anchor.to_owned(), rest.to_owned());
        }
        rest.to_owned()
    }
}

/// Tells names of anchors from what else begins with their mark, such as lines of cron.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

fn push(values: &mut Vec<(String, String)>, key: String, value: &str) {
    // Mappings in mappings or lists, as JSON has them.
    if value.starts_with(['{', '['])
        && value.contains('{')
        && let Ok(json) = serde_json::from_str(value)
    {
        flatten(&json, key, values);
        return;
    }
    let braced = value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    match braced {
        Some(inner) if !inner.contains(['{', '[']) => {
            let pairs = inner.split(',').filter_map(|pair| pair.split_once(':'));
            values.extend(pairs.map(|(inner, value)| (format!("{key}.{}", unquote(inner.trim())), unquote(value.trim()).to_owned())));
        }
        _ => values.push((key, unquote(value).to_owned())),
    }
}

/// Splits `key: value`; a colon without a space after it is part of a text.
fn key_and_value(text: &str) -> Option<(&str, &str)> {
    if text.starts_with(['[', '{', '"', '\'']) && !text.contains("\":") && !text.contains("':") {
        return None;
    }
    let (key, value) = text.split_once(": ").or_else(|| text.strip_suffix(':').map(|key| (key, "")))?;
    let key = unquote(key.trim());
    // A list of commands may hold any text.
    (!key.is_empty() && !key.contains(char::is_whitespace)).then_some((key, value.trim()))
}

fn unquote(text: &str) -> &str {
    let within = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    within('"').or_else(|| within('\'')).unwrap_or(text)
}

/// Takes a comment away: `#` at the beginning of a line or after a space, outside of quotes.
fn strip_comment(line: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, character) in line.char_indices() {
        match (quote, character) {
            (None, '#') if before.is_whitespace() => return line[..at].trim_end(),
            (None, '"' | '\'') if before.is_whitespace() || "[{,".contains(before) => quote = Some(character),
            (Some(open), _) if character == open => quote = None,
            _ => {}
        }
        before = character;
    }
    line.trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testing::MemoryTree;

    const DEBIAN: &str = "# comment\nusers:\n  - default\n\ndisable_root: true\ncloud_init_modules:\n  - seed_random\n  - write-files\n\
        system_info:\n  distro: debian\n  default_user:\n    name: debian\n    lock_passwd: True\n    groups: [adm, sudo]\n\
        \x20   sudo: [\"ALL=(ALL) NOPASSWD:ALL\"]\n    shell: /bin/bash\n  paths:\n    cloud_dir: /var/lib/cloud/ # here\n";

    fn read(files: &[(&str, &str)]) -> CloudConfig {
        let tree = files.iter().fold(MemoryTree::default(), |tree, (path, text)| tree.file(path, text)).tree();
        CloudConfig::read(&Files::new(&tree))
    }

    #[test]
    fn nested_keys_and_lists_are_found() {
        let config = read(&[("/etc/cloud/cloud.cfg", DEBIAN)]);
        let text = |key: &str| config.last(key).map(|value| value.text.as_str());
        assert_eq!(text("system_info.default_user.name"), Some("debian"));
        assert_eq!(text("system_info.paths.cloud_dir"), Some("/var/lib/cloud/"));
        assert!(config.last("disable_root").unwrap().is_true());
        assert_eq!(config.list("system_info.default_user.sudo").unwrap(), ["ALL=(ALL) NOPASSWD:ALL"]);
        assert_eq!(config.list("system_info.default_user.groups").unwrap(), ["adm", "sudo"]);
        assert_eq!(config.list("users").unwrap(), ["default"]);
        assert_eq!(config.list("cloud_init_modules").unwrap().len(), 2);
    }

    #[test]
    fn a_later_file_comes_over_an_earlier_one() {
        let config = read(&[
            ("/etc/cloud/cloud.cfg", "ssh_pwauth: false\ndatasource_list: [ NoCloud, Ec2 ]\n"),
            ("/etc/cloud/cloud.cfg.d/90.cfg", "ssh_pwauth: 'yes'\n"),
            ("/etc/cloud/cloud.cfg.d/10.cfg", "datasource_list:\n- Ec2\n- None\nssh_pwauth: no\n"),
        ]);
        assert!(config.last("ssh_pwauth").unwrap().is_true());
        assert_eq!(config.list("datasource_list").unwrap(), ["Ec2", "None"]);
    }

    #[test]
    fn aliases_of_scalars_are_followed_and_others_told() {
        let faults = |text: &str| {
            let tree = MemoryTree::default().file("/etc/cloud/cloud.cfg", text).tree();
            let files = Files::new(&tree);
            let config = CloudConfig::read(&files);
            (config.last("ssh_pwauth").is_some_and(Value::is_true), files.faults().len())
        };
        assert_eq!(faults("x: &t true\nssh_pwauth: *t\n"), (true, 0));
        assert_eq!(faults("x:\n- &t !!bool yes\nssh_pwauth: !!bool *t\n"), (true, 0));
        assert_eq!(faults("ssh_pwauth: !!bool true\nruncmd:\n- |\n  * * * * * root x\n  && y\n"), (true, 0));
        let logging = "_log:\n - &base |\n   [loggers]\nlog_cfgs:\n - [ *base, *file ]\n - [ *base ]\nssh_pwauth: true\n";
        assert_eq!(faults(logging), (true, 0), "cloud-init's own 05_logging.cfg");
        for lost in ["ssh_pwauth: *t", "x: &m\n  ssh_pwauth: true\n<<: *m", "runcmd: [*t]", "users:\n- *u"] {
            assert_eq!(faults(lost), (false, 1), "{lost}");
        }
        let bomb = format!("x: &t {}\n{}", "x".repeat(1 << 10), "y: *t\n".repeat(1 << 12));
        assert_eq!(faults(&bomb), (false, 1));
    }

    #[test]
    fn json_is_read_as_the_yaml_that_it_is() {
        let path = "/etc/cloud/cloud.cfg.d/90.cfg";
        let text = "#cloud-config\n{\n  \"ssh_pwauth\": true,\n  \"users\": [\"default\", {\"name\": \"bob\", \"passwd\": \"x\"}],\n\
            \"system_info\": {\"default_user\": {\"name\": \"debian\", \"groups\": [\"adm\", \"sudo\"]}}\n}\n";
        let config = read(&[("/etc/cloud/cloud.cfg", DEBIAN), (path, text)]);
        assert!(config.last("ssh_pwauth").unwrap().is_true());
        assert_eq!(config.list("users").unwrap(), ["default"]);
        assert_eq!(config.last("users.-.passwd").unwrap().text, "x");
        assert_eq!(config.list("system_info.default_user.groups").unwrap(), ["adm", "sudo"]);
        let mixed = read(&[(path, "users: [{\"name\": \"bob\", \"passwd\": \"x\"}]\nssh_pwauth: no\n")]);
        assert_eq!(mixed.last("users.-.passwd").unwrap().text, "x");
        let tree = MemoryTree::default().file(path, "{ssh_pwauth: true,\n users: [default]}\n").tree();
        let files = Files::new(&tree);
        CloudConfig::read(&files);
        assert_eq!(files.faults().keys().collect::<Vec<_>>(), [std::path::Path::new(path)], "what isn't followed is told");
    }

    #[test]
    fn braces_and_odd_texts_do_no_harm() {
        let config = read(&[("/etc/cloud/cloud.cfg", "a: {b: 'x', c: 1}\n- - -\n:\n\"\nkey: \"# no comment\"\n\t- x: [\n{}: }\n")]);
        assert_eq!(config.last("a.b").unwrap().text, "x");
        assert_eq!(config.last("key").unwrap().text, "# no comment");
    }
}
