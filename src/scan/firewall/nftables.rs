//! nftables' own rules: the base chains that see packets for the machine, and what they call.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Answer, Network, Packet, is_port};
use crate::scan::files::Files;
use crate::scan::inclusions::Inclusions;

/// Chains that call chains: deeper ones are not followed.
const DEEPEST: usize = 16;

/// nft gives up on deeper inclusion.
///
/// Source: nftables, include/parser.h, `MAX_INCLUDE_DEPTH`
const DEEPEST_INCLUSION: usize = 16;

/// Rules looked at for one packet; chains may be reached many times.
const MOST_RULES: usize = 100_000;

/// A chain: its table, its rules as words, and for a base chain of the hook `input` its policy.
#[derive(Default)]
struct Chain {
    table: String,
    rules: Vec<Vec<String>>,
    policy: Option<Answer>,
}

/// Chains by their table and name: each table has its own.
type Chains = BTreeMap<(String, String), Chain>;

/// Asks all base chains on `input`; one that closes is enough.
///
/// Source: <https://www.netfilter.org/projects/nftables/manpage.html>
pub(super) fn ask(files: &Files, path: &str, packet: Packet) -> Answer {
    let mut text = String::new();
    read(&mut Inclusions::new(files, DEEPEST_INCLUSION), Path::new(path), &mut text);
    let chains = chains(split(&text));
    let mut left = MOST_RULES;
    let answers = chains.values().filter_map(|chain| {
        let policy = chain.policy?;
        Some(walk(&chains, chain, packet, 0, &mut left).unwrap_or(policy))
    });
    let answers: Vec<Answer> = answers.collect();
    [Answer::Closed, Answer::Unknown].into_iter().find(|answer| answers.contains(answer)).unwrap_or(Answer::Open)
}

/// Reads a file with what it includes; comments are left out, and lines' ends become semicolons.
fn read(inclusions: &mut Inclusions, path: &Path, all: &mut String) {
    inclusions.open(path, |inclusions, text| {
        for line in text.replace("\\\n", " ").lines() {
            let line = line.split('#').next().unwrap_or_default();
            if let Some(pattern) = line.trim().strip_prefix("include ") {
                let included = inclusions.glob(pattern.trim().trim_matches(['"', '\'']));
                included.iter().for_each(|included| read(inclusions, included, all));
                continue;
            }
            all.push_str(line);
            all.push_str(" ; ");
        }
    });
}

/// Splits rules into statements: words up to a semicolon or a brace of a block. A set in braces becomes one word: `22,80`.
fn split(text: &str) -> Vec<Vec<String>> {
    let mut statements: Vec<Vec<String>> = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut set: Option<String> = None;
    for word in text.replace('{', " { ").replace('}', " } ").replace(';', " ; ").split_whitespace() {
        let is_block = || words.first().is_some_and(|first| matches!(first.as_str(), "table" | "chain" | "set" | "map" | "flowtable"));
        match (word, &mut set) {
            ("}", Some(_)) => words.extend(set.take()),
            (";", Some(_)) => {}
            (_, Some(members)) => members.push_str(word),
            ("{", None) if !words.is_empty() && !is_block() => set = Some(String::new()),
            ("{", None) => {
                words.push("{".to_owned());
                statements.push(std::mem::take(&mut words));
            }
            (";", None) => statements.push(std::mem::take(&mut words)),
            ("}", None) => statements.extend([std::mem::take(&mut words), vec!["}".to_owned()]]),
            // A list may have spaces behind its commas.
            (_, None) => match words.last_mut().filter(|last| last.ends_with(',')) {
                Some(last) => last.push_str(word),
                None => words.push(word.to_owned()),
            },
        }
    }
    statements.push(words);
    statements.retain(|statement| !statement.is_empty());
    statements
}

fn chains(statements: Vec<Vec<String>>) -> Chains {
    let mut chains = Chains::new();
    let mut table = String::new();
    // Open blocks, each with the name of its chain; empty for what is none.
    let mut open: Vec<String> = Vec::new();
    for words in statements {
        let first = words[0].as_str();
        if first == "}" {
            open.pop();
        } else if words.last().is_some_and(|word| word == "{") {
            let name = if first == "chain" { words.get(1).cloned().unwrap_or_default() } else { String::new() };
            if first == "table" {
                table = words.join(" ");
            }
            if !name.is_empty() {
                chains.entry((table.clone(), name.clone())).or_insert_with(|| Chain { table: table.clone(), ..Chain::default() });
            }
            open.push(name);
        } else if let Some(chain) = open.last().and_then(|name| chains.get_mut(&(table.clone(), name.clone()))) {
            chain.take(words);
        }
    }
    // Tables of IPv6 and of bridges don't see what is asked about.
    chains.retain(|(table, _), _| !["table ip6", "table arp", "table bridge", "table netdev"].iter().any(|other| table.starts_with(other)));
    chains
}

impl Chain {
    fn take(&mut self, words: Vec<String>) {
        let has = |wanted: &str| words.iter().any(|word| word == wanted);
        match words[0].as_str() {
            "type" if has("input") && has("filter") => self.policy = self.policy.or(Some(Answer::Open)),
            "type" => {}
            "policy" => {
                let policy = if has("drop") { Answer::Closed } else { Answer::Open };
                self.policy = self.policy.map(|_| policy);
            }
            _ => self.rules.push(words),
        }
    }
}

/// The answer of a chain's rules in their order; none if the packet falls through.
fn walk(chains: &Chains, chain: &Chain, packet: Packet, depth: usize, left: &mut usize) -> Option<Answer> {
    if depth > DEEPEST {
        return Some(Answer::Unknown);
    }
    for rule in &chain.rules {
        let Some(fewer) = left.checked_sub(1) else { return Some(Answer::Unknown) };
        *left = fewer;
        match judge(rule, packet) {
            Step::Next => {}
            Step::Ends(answer) => return Some(answer),
            Step::Returns => return None,
            Step::Calls(name) => {
                let called = chains.get(&(chain.table.clone(), name.to_owned()));
                if let Some(answer) = called.and_then(|called| walk(chains, called, packet, depth + 1, left)) {
                    return Some(answer);
                }
            }
        }
    }
    None
}

enum Step<'r> {
    Next,
    Ends(Answer),
    Returns,
    Calls(&'r str),
}

/// Goes through a rule's words: conditions first, then what is done.
fn judge(rule: &[String], packet: Packet) -> Step<'_> {
    let mut known = true;
    let mut at = 0;
    let word = |at: usize| rule.get(at).map_or("", String::as_str);
    while at < rule.len() {
        let (holds, length) = match (word(at), word(at + 1)) {
            ("accept", _) => return Step::Ends(if known { Answer::Open } else { Answer::Unknown }),
            ("drop" | "reject", _) => return Step::Ends(if known { Answer::Closed } else { Answer::Unknown }),
            ("return", _) => return if known { Step::Returns } else { Step::Ends(Answer::Unknown) },
            ("jump" | "goto", _) => return if known { Step::Calls(word(at + 1)) } else { Step::Ends(Answer::Unknown) },
            ("tcp", "dport") => condition(word(at + 2), word(at + 3), 2, |value| Some(is_port(value, packet.port))),
            ("tcp", _) => (None, 3),
            ("udp" | "icmp" | "icmpv6" | "ip6" | "sctp", _) => (Some(false), 3),
            ("ip", "saddr") => condition(word(at + 2), word(at + 3), 2, |value| {
                let network = Network::parse(value)?;
                if network.covers(packet.from) { Some(true) } else { (!network.meets(packet.from)).then_some(false) }
            }),
            // The loopback's addresses don't come from outside.
            ("ip", "daddr") => (word(at + 2).starts_with("127.").then_some(false), 3),
            ("meta", "nfproto") => condition(word(at + 2), word(at + 3), 2, |value| Some(value == "ipv4")),
            ("ip", "protocol") | ("meta", "l4proto") => condition(word(at + 2), word(at + 3), 2, |value| Some(value == "tcp")),
            ("iif" | "iifname", _) => condition(word(at + 1), word(at + 2), 1, |value| Some(value.trim_matches('"') != "lo")),
            ("ct", "state") if word(at + 2) == "vmap" => (established(word(at + 3)), 4),
            ("ct", "state") => condition(word(at + 2), word(at + 3), 2, |value| Some(value == "new")),
            // They count and tell, and decide nothing.
            ("counter", "packets") => (Some(true), 5),
            ("counter", _) => (Some(true), 1),
            ("log" | "comment" | "limit", _) => {
                (Some(true), rule[at..].iter().position(|word| is_verdict(word)).unwrap_or(rule.len() - at))
            }
            _ => (None, 1),
        };
        match holds {
            Some(false) => return Step::Next,
            Some(true) => {}
            None => known = false,
        }
        at += length;
    }
    Step::Next
}

/// A map from states to verdicts: for a packet that is neither part of a connection nor invalid it says nothing, unless it names `new`.
fn established(map: &str) -> Option<bool> {
    if map.contains("new") { None } else { Some(false) }
}

fn is_verdict(word: &str) -> bool {
    matches!(word, "accept" | "drop" | "reject" | "return" | "jump" | "goto")
}

/// Judges a condition by its value, or by any of a set; `!=` turns it round. Says how many words it took.
fn condition(value: &str, after: &str, name: usize, holds: impl Fn(&str) -> Option<bool>) -> (Option<bool>, usize) {
    let (negated, value) = if value == "!=" { (true, after) } else { (false, value) };
    // Variables, named sets and maps are not followed.
    if value.starts_with(['$', '@']) || matches!(value, "vmap" | "map") {
        return (None, name + 1 + usize::from(negated));
    }
    let answers: Vec<Option<bool>> = value.split(',').filter(|part| !part.is_empty()).map(&holds).collect();
    let any = if answers.contains(&Some(true)) {
        Some(true)
    } else if answers.contains(&None) {
        None
    } else {
        Some(false)
    };
    (any.map(|any| any != negated), name + 1 + usize::from(negated))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testing::MemoryTree;

    fn answer(input: &str) -> Answer {
        let text = format!(
            "#!/usr/sbin/nft -f\nflush ruleset\ntable inet filter {{\n\tchain input {{\n{input}\n\t}}\n\tchain ours {{ tcp dport {{ 22, 80 }} accept; }}\n}}\n"
        );
        let tree = MemoryTree::default().file("/etc/nftables.conf", text).tree();
        ask(&Files::new(&tree), "/etc/nftables.conf", Packet { from: Network::parse("10.0.0.0/16").unwrap(), port: 22 })
    }

    #[test]
    fn the_first_rule_that_fits_decides_and_then_the_policy() {
        const DROP: &str = "type filter hook input priority 0; policy drop;\n";
        for open in [
            "type filter hook input priority filter;",
            "type filter hook input priority 0; policy drop; tcp dport ssh accept",
            "type filter hook input priority 0; policy accept; tcp dport 23 drop",
        ] {
            assert_eq!(answer(open), Answer::Open, "{open}");
        }
        for open in [
            "tcp dport {\n 80,\n 22 # ssh\n} accept",
            "iif != lo ip daddr 127.0.0.0/8 drop\nct state established, related accept\ntcp dport 22 counter packets 0 bytes 0 accept",
            "iifname \"lo\" drop\nct state established,related accept\ntcp dport { 22, 443 } ct state new accept",
            "ct state vmap { established : accept, related : accept, invalid : drop }\njump ours",
            "ip saddr 10.0.0.0/8 tcp dport 22 counter accept comment \"scanner\"",
            "ip saddr != 192.168.0.0/16 accept",
        ] {
            assert_eq!(answer(&format!("{DROP}{open}")), Answer::Open, "{open}");
        }
        for closed in [
            "",
            "tcp dport 2222 accept",
            "ip saddr 192.168.0.0/16 tcp dport 22 accept",
            "ct state { established, related } accept",
            "udp dport 22 accept",
        ] {
            assert_eq!(answer(&format!("{DROP}{closed}")), Answer::Closed, "{closed}");
        }
        assert_eq!(answer("type filter hook input priority 0;\nreject with icmpx type port-unreachable"), Answer::Closed);
    }

    #[test]
    fn what_is_not_understood_is_unknown() {
        assert_eq!(answer("type filter hook input priority 0; policy drop;\nip saddr @friends accept"), Answer::Unknown);
        assert_eq!(answer("type filter hook input priority 0; policy drop;\nfib daddr type local accept"), Answer::Unknown);
        for text in ["}", "{", "type", "tcp dport", "ct state !=", "policy", "} } chain {"] {
            answer(text);
        }
    }
}
