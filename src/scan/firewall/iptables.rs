//! Rules in the form of `iptables-save`, which ufw writes too.

use super::{Answer, Network, Packet, is_port};

/// Chains that call chains: deeper ones are not followed.
const DEEPEST: usize = 16;

/// Rules looked at for one packet; chains may be reached many times.
const MOST_RULES: usize = 100_000;

/// Asks the chain of a file; `policy` is what holds for a chain without a line of its own.
///
/// Source: iptables(8), iptables-extensions(8).
pub(super) fn ask(text: &str, chain: &str, policy: Answer, packet: Packet) -> Answer {
    let filter = filter_table(text);
    let declared = filter.iter().find_map(|line| line.strip_prefix(':')?.strip_prefix(chain)?.strip_prefix(' ')?.split_whitespace().next());
    let policy = match declared {
        Some("DROP") => Answer::Closed,
        Some("ACCEPT") => Answer::Open,
        _ => policy,
    };
    let mut left = MOST_RULES;
    walk(&filter, chain, packet, 0, &mut left).unwrap_or(policy)
}

/// The lines of the table `filter`; all of them, if no table is named.
fn filter_table(text: &str) -> Vec<&str> {
    let mut table = "filter";
    let lines = text.lines().map(str::trim).filter(|line| {
        table = line.strip_prefix('*').unwrap_or(table);
        table == "filter"
    });
    lines.collect()
}

/// The answer of a chain's rules in their order; none if the packet falls through.
fn walk(lines: &[&str], chain: &str, packet: Packet, depth: usize, left: &mut usize) -> Option<Answer> {
    if depth > DEEPEST {
        return Some(Answer::Unknown);
    }
    for line in lines {
        let Some(fewer) = left.checked_sub(1) else { return Some(Answer::Unknown) };
        *left = fewer;
        let mut words = line.split_whitespace();
        if words.next() != Some("-A") || words.next() != Some(chain) {
            continue;
        }
        let words: Vec<&str> = words.collect();
        let Some(target) = words.iter().position(|word| matches!(*word, "-j" | "-g" | "--jump")).and_then(|at| words.get(at + 1)) else {
            continue;
        };
        let answer = match *target {
            "ACCEPT" | "ufw-user-limit-accept" => Some(Answer::Open),
            "DROP" | "REJECT" => Some(Answer::Closed),
            "RETURN" => None,
            "LOG" | "NFLOG" | "ufw-user-limit" | "MARK" | "CONNMARK" => continue,
            called => walk(lines, called, packet, depth + 1, left),
        };
        match (fits(&words, packet), answer) {
            (Fit::No, _) | (Fit::Yes, None) if *target != "RETURN" => {}
            (Fit::No, _) => {}
            (Fit::Yes, answer) => return answer,
            (Fit::Unknown, Some(_)) => return Some(Answer::Unknown),
            (Fit::Unknown, None) => {}
        }
    }
    None
}

#[derive(PartialEq)]
enum Fit {
    Yes,
    No,
    Unknown,
}

/// Tells whether a rule's conditions hold for a packet that opens a TCP connection from outside.
fn fits(words: &[&str], packet: Packet) -> Fit {
    let mut fit = Fit::Yes;
    let mut at = 0;
    while at < words.len() {
        let negated = words[at] == "!";
        at += usize::from(negated);
        let Some(word) = words.get(at) else { break };
        let value = words.get(at + 1).copied().unwrap_or_default();
        at += 2;
        let holds = match *word {
            "-p" | "--protocol" => Some(matches!(value, "tcp" | "all" | "6" | "0")),
            "--dport" | "--dports" | "--destination-port" => Some(value.split(',').any(|part| is_port(part, packet.port))),
            "-s" | "--source" => match value.split(',').map(Network::parse).collect::<Option<Vec<_>>>() {
                Some(networks) if networks.iter().any(|network| network.covers(packet.from)) => Some(true),
                Some(networks) if !networks.iter().any(|network| network.meets(packet.from)) => Some(false),
                _ => None,
            },
            "-i" | "--in-interface" => Some(value != "lo"),
            "--state" | "--ctstate" => Some(value.split(',').any(|state| state == "NEW")),
            // Modules are named before their options, and comments and verdicts' options say nothing.
            "-m" | "--match" => match value {
                "tcp" | "state" | "conntrack" | "comment" | "multiport" => continue,
                _ => None,
            },
            "--comment" => {
                at = words[at - 1..].iter().skip(1).position(|word| word.starts_with('-')).map_or(words.len(), |next| at + next);
                continue;
            }
            "-j" | "-g" | "--jump" | "--reject-with" => continue,
            // Handshakes begin so.
            "--syn" => {
                at -= 1;
                continue;
            }
            _ => None,
        };
        match holds {
            None => fit = Fit::Unknown,
            Some(holds) if holds == negated => return Fit::No,
            Some(_) => {}
        }
    }
    fit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(rules: &str, policy: &str) -> Answer {
        let text = format!("*nat\n:INPUT DROP [0:0]\nCOMMIT\n*filter\n:INPUT {policy} [0:0]\n{rules}\nCOMMIT\n");
        ask(&text, "INPUT", Answer::Open, Packet { from: Network::parse("10.2.0.0/16").unwrap(), port: 22 })
    }

    #[test]
    fn the_first_rule_that_fits_decides_and_then_the_policy() {
        let open = [
            ("", "ACCEPT"),
            ("-A INPUT -i lo -j DROP\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", "DROP"),
            (
                "-A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT\n-A INPUT -j REJECT --reject-with icmp-host-prohibited",
                "ACCEPT",
            ),
            ("-A INPUT -p tcp -m multiport --dports 80,20:25 -m comment --comment \"let me in\" -j ACCEPT", "DROP"),
            ("-A INPUT ! -s 192.168.0.0/16 -j ACCEPT", "DROP"),
            ("-A INPUT -j mine\n-A mine -s 10.0.0.0/8 -j ACCEPT", "DROP"),
            ("-A INPUT -j mine\n-A mine -p udp -j DROP", "ACCEPT"),
        ];
        for (rules, policy) in open {
            assert_eq!(answer(rules, policy), Answer::Open, "{rules}");
        }
        let closed = [
            ("", "DROP"),
            ("-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "DROP"),
            ("-A INPUT -p tcp --dport 2222 -j ACCEPT\n-A INPUT -j DROP", "ACCEPT"),
            ("-A INPUT -s 192.168.0.0/16 -p tcp --dport 22 -j ACCEPT", "DROP"),
            ("-A INPUT -p tcp --dport 22 -j DROP\n-A INPUT -p tcp --dport 22 -j ACCEPT", "ACCEPT"),
        ];
        for (rules, policy) in closed {
            assert_eq!(answer(rules, policy), Answer::Closed, "{rules}");
        }
    }

    #[test]
    fn what_depends_on_more_than_is_known_is_unknown() {
        assert_eq!(answer("-A INPUT -m set --match-set friends src -j ACCEPT", "DROP"), Answer::Unknown);
        assert_eq!(answer("-A INPUT -s 10.2.3.0/24 -j ACCEPT", "DROP"), Answer::Unknown);
        assert_eq!(answer("-A INPUT -j a\n-A a -j b\n-A b -j a", "DROP"), Answer::Unknown);
        for text in ["-A", "-A INPUT -j", "-A INPUT !", "-A INPUT --comment", ":INPUT", "-A INPUT -p"] {
            answer(text, "DROP");
        }
    }
}
