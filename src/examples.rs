//! Examples at the end of each command's help.

use clap::Command;

/// What a user may want of each command, by its path.
const EXAMPLES: &[(&str, &[&str])] = &[
    ("init", &["bakehouse init my-app"]),
    ("check", &["bakehouse check", "bakehouse check my-app --format sarif", "bakehouse check --explain manifest/missing-rate"]),
    ("schema", &["bakehouse schema product > schema/product.json"]),
    ("plan", &["bakehouse plan my-app", "bakehouse plan my-app --bump minor --format json", "bakehouse plan my-app.arm64 --on aws"]),
    (
        "ship",
        &["bakehouse ship my-app", "bakehouse ship my-app --on aws --yes --patience 2h", "bakehouse ship my-app.arm64 --version 2.0.0"],
    ),
    ("bake", &["bakehouse bake my-app", "bakehouse bake my-app --rebuild"]),
    (
        "scan",
        &[
            "bakehouse scan my-app",
            "bakehouse scan ami-0123456789abcdef0 --region eu-central-1 --as-product my-app",
            "bakehouse scan disk.qcow2 --login-user admin --write-sbom disk.spdx.json --sbom-format spdx",
            "bakehouse scan /mnt/root --format json",
            "bakehouse scan my-app 1.0.0 --again",
            "bakehouse scan --sbom bill.cdx.json --as-product my-app",
        ],
    ),
    ("sbom", &["bakehouse sbom my-app > my-app.cdx.json", "bakehouse sbom my-app 1.0.0 --format spdx"]),
    ("boot", &["bakehouse boot my-app", "bakehouse boot my-app 1.0.0 --compare-base"]),
    ("checksum", &["bakehouse checksum my-app"]),
    ("release", &["bakehouse release my-app"]),
    ("distribute", &["bakehouse distribute my-app", "bakehouse distribute my-app --version 1.0.0"]),
    ("list", &["bakehouse list my-app --dry-run", "bakehouse list my-app --yes", "bakehouse list status my-app --wait 30m"]),
    ("list status", &["bakehouse list status my-app", "bakehouse list status my-app --wait 30m --format json"]),
    (
        "list plan",
        &["bakehouse list plan", "bakehouse list plan my-app --out my-app.plan.json", "bakehouse list plan my-app --format json --on aws"],
    ),
    ("list apply", &["bakehouse list apply my-app", "bakehouse list apply my-app.plan.json --on aws --yes"]),
    ("list validate", &["bakehouse list validate my-app"]),
    ("list restrict", &["bakehouse list restrict my-app 1.0.0", "bakehouse list restrict my-app --keep-minors 3 --grace 180d --dry-run"]),
    (
        "list visibility",
        &["bakehouse list visibility my-app public", "bakehouse list visibility my-app restricted --replacement prod-abcdefghijklm"],
    ),
    ("list cancel", &["bakehouse list cancel my-app"]),
    ("list history", &["bakehouse list history my-app", "bakehouse list history my-app --format json"]),
    (
        "list import",
        &["bakehouse list import prod-abcdefghijklm --on aws", "bakehouse list import prod-abcdefghijklm --as my-app --dry-run"],
    ),
    ("list watch", &["bakehouse list watch --on aws", "bakehouse list watch my-app --warn 30d --format json"]),
    ("verify", &["bakehouse verify my-app", "bakehouse verify my-app 1.0.0 --whole --format json"]),
    ("ledger verify", &["bakehouse ledger verify", "bakehouse ledger verify my-app --on aws"]),
    ("ledger path", &["bakehouse ledger path --on aws"]),
    ("runs", &["bakehouse runs", "bakehouse runs my-app --all --format json"]),
    ("resume", &["bakehouse resume", "bakehouse resume my-app --yes", "bakehouse resume 20260131-235959-1a2b3c"]),
    ("abandon", &["bakehouse abandon 20260131-235959-1a2b3c"]),
    ("history", &["bakehouse history my-app", "bakehouse history my-app --format json"]),
    ("watch", &["bakehouse watch --on aws", "bakehouse watch my-app --format html > watch.html"]),
    ("show", &["bakehouse show my-app", "bakehouse show my-app 1.0.0 --format json"]),
    ("doctor", &["bakehouse doctor --on aws", "bakehouse doctor my-app --format json"]),
    ("gc", &["bakehouse gc", "bakehouse gc my-app --apply --yes"]),
    (
        "db build",
        &["bakehouse db build --from advisories/", "bakehouse db build --from osv/ --from updateinfo.xml.gz --database advisories.db"],
    ),
    (
        "db update",
        &[
            "bakehouse db update",
            "bakehouse db update --only Debian --only Go --only PyPI",
            "bakehouse db update --mirror https://mirror.example",
        ],
    ),
    ("db info", &["bakehouse db info", "bakehouse db info --format json"]),
    ("iam policy", &["bakehouse iam policy --for ship", "bakehouse iam policy --for ship,gc --product my-app --format cloudformation"]),
    ("iam ingestion-role", &["bakehouse iam ingestion-role", "bakehouse iam ingestion-role --format cloudformation"]),
    ("twin serve", &["bakehouse twin serve", "bakehouse twin serve --listen 127.0.0.1:5000"]),
    ("twin env", &["eval \"$(bakehouse twin env)\""]),
    ("twin reset", &["bakehouse twin reset --yes"]),
    ("twin describe", &["bakehouse twin describe > docs/twin.md"]),
    ("twin base build", &["bakehouse twin base build debian-13", "bakehouse twin base build debian-13 --again"]),
    ("twin base import", &["bakehouse twin base import disk.qcow2 --name my-base --parameter /aws/service/my/base"]),
    ("completions", &["bakehouse completions bash > ~/.local/share/bash-completion/completions/bakehouse"]),
    ("man", &["bakehouse man ~/.local/share/man/man1"]),
];

/// Adds its examples to each command.
pub fn add(root: Command) -> Command {
    EXAMPLES.iter().fold(root, |root, (path, examples)| {
        let names: Vec<&str> = path.split(' ').collect();
        extend(root, &names, &format!("Examples:\n  {}", examples.join("\n  ")))
    })
}

fn extend(command: Command, path: &[&str], text: &str) -> Command {
    match path {
        [] => command.after_help(text.to_owned()),
        [name, rest @ ..] if command.find_subcommand(name).is_some() => command.mut_subcommand(name, |inner| extend(inner, rest, text)),
        // A test sees to it that there is none.
        _ => command,
    }
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches as _;

    use super::*;
    use crate::cli;

    #[test]
    fn every_example_is_of_a_command_and_parses() {
        for (path, examples) in EXAMPLES {
            let known = path.split(' ').try_fold(cli::command(), |command, name| command.find_subcommand(name).cloned());
            assert!(known.is_some(), "there is no command {path}");
            for example in *examples {
                let words = words(example);
                assert!(words.join(" ").starts_with(&format!("bakehouse {path}")), "{example}");
                // Read into the command's own fields too: clap finds two arguments of one name only there.
                let matches = cli::command().try_get_matches_from(words);
                if let Err(error) = matches.and_then(|matches| cli::Cli::from_arg_matches(&matches)) {
                    panic!("{example}: {error}");
                }
            }
        }
    }

    #[test]
    fn the_comparison_with_peers_scans_by_a_line_that_parses() {
        let script = include_str!("../benches/peers/compare.py");
        let list = script.lines().find_map(|line| line.trim().strip_prefix("scan = [")?.strip_suffix(']')).unwrap();
        let words = list.split(", ").map(|word| word.strip_prefix('"').map_or("./file", |word| word.trim_end_matches('"')));
        let matches = cli::command().try_get_matches_from(words);
        if let Err(error) = matches.and_then(|matches| cli::Cli::from_arg_matches(&matches)) {
            panic!("{list}: {error}");
        }
    }

    #[test]
    fn every_command_that_does_something_has_an_example() {
        fn without(command: &Command, path: &str, found: &mut Vec<String>) {
            for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help") {
                let path = format!("{path} {}", inner.get_name()).trim().to_owned();
                let does_something = !inner.is_subcommand_required_set() && !inner.is_arg_required_else_help_set();
                if does_something && !EXAMPLES.iter().any(|(known, _)| *known == path) {
                    found.push(path.clone());
                }
                without(inner, &path, found);
            }
        }
        let mut found = Vec::new();
        without(&cli::command(), "", &mut found);
        assert!(found.is_empty(), "these have none: {found:?}");
    }

    /// Splits as a shell would, as far as examples need it.
    fn words(example: &str) -> Vec<&str> {
        let inner = example.strip_prefix("eval \"$(").and_then(|rest| rest.strip_suffix(")\"")).unwrap_or(example);
        inner.split_whitespace().take_while(|word| *word != ">").collect()
    }
}
