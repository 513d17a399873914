//! What holds of all schemes, and two of them against the programs that they are the order of.

use std::cmp::Ordering;
use std::io::Write as _;
use std::process::Command;

use proptest::prelude::*;

use super::Order;
use super::testing::Pairs;

/// How many pairs the programs are asked about: some in every run; 100,000 by `scripts/test --long`, which takes dpkg, a process
/// a pair, some minutes.
fn pairs(of: usize) -> usize {
    std::env::var("BAKEHOUSE_ORDER_PAIRS").map_or(of, |pairs| pairs.parse().unwrap())
}

/// Texts of which versions are made, and some of which they aren't.
const PIECES: [&str; 40] = [
    "0",
    "00",
    "1",
    "9",
    "10",
    "01",
    "18446744073709551616",
    ".",
    ".",
    ".",
    "-",
    "-",
    "+",
    "~",
    "^",
    "_",
    ":",
    "!",
    " ",
    "a",
    "b",
    "m",
    "rc",
    "alpha",
    "beta",
    "pre",
    "dev",
    "post",
    "sp",
    "ga",
    "final",
    "snapshot",
    "x",
    "v",
    "p",
    "-r",
    "git",
    "*",
    "é",
    "\0",
];

fn version() -> impl Strategy<Value = String> {
    let pieces = proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..9).prop_map(|pieces| pieces.concat());
    prop_oneof![9 => pieces, 1 => any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_order_is_total(a in version(), b in version(), c in version()) {
        for order in Order::ALL {
            let compare = |a: &str, b: &str| order.compare(a, b);
            prop_assert_eq!(compare(&a, &a), Ordering::Equal);
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            let mut sorted = [&a, &b, &c];
            sorted.sort_by(|a, b| compare(a, b));
            let [low, middle, high] = sorted;
            let steps = compare(low, middle).then(compare(middle, high));
            prop_assert_eq!(compare(low, high), steps, "{:?}: {:?} {:?} {:?}", order, low, middle, high);
        }
    }
}

#[test]
fn long_versions_take_no_longer_than_their_length() {
    for piece in ["1", "0", ".", "-", "a", "~", "1.", "1-", "1a", "0.", "-0", "_p", "x.", "é", "-r", "a."] {
        let long = format!("1.{}", piece.repeat((1 << 17) / piece.len()));
        let longer = format!("{long}1");
        for order in Order::ALL {
            let start = std::time::Instant::now();
            assert_eq!(order.compare(&long, &longer), order.compare(&longer, &long).reverse());
            // Character by character with each other it would be minutes.
            assert!(start.elapsed().as_secs() < 5, "{order:?} {piece:?}");
        }
    }
}

#[test]
fn debians_order_is_dpkgs() {
    let parts = &["0", "1", "2", "9", "10", "00", "09", "a", "b", "A", "rc", ".", "+", "~", "~", "-", "."];
    let mut generated = Pairs::new(parts);
    for _ in 0..pairs(1_000) {
        let (a, b) = generated.next().unwrap();
        // As dpkg takes them: a digit first, no revision that is empty.
        let epoch = ["", "", "", "0:", "1:"][generated.below(5)];
        let [a, b] = [format!("{epoch}1{a}"), format!("1{b}")].map(|version| version.trim_end_matches('-').to_owned());
        let relation = match Order::Deb.compare(&a, &b) {
            Ordering::Less => "lt-nl",
            Ordering::Equal => "eq",
            Ordering::Greater => "gt-nl",
        };
        let output = Command::new("dpkg").args(["--compare-versions", &a, relation, &b]).output().expect("dpkg is not installed");
        assert!(output.status.success(), "dpkg denies {a} {relation} {b}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn rpms_order_is_rpms() {
    let parts = &["0", "1", "2", "9", "10", "00", "09", "a", "b", "A", "fc", ".", "_", "+", "~", "^", "-", ":", "."];
    let mut generated = Pairs::new(parts);
    let asked: Vec<(String, String)> = generated.by_ref().take(pairs(20_000)).filter(|(a, b)| !a.is_empty() && !b.is_empty()).collect();
    let mut list = tempfile::NamedTempFile::new().unwrap();
    for (a, b) in &asked {
        writeln!(list, "{a} {b}").unwrap();
    }
    // A percent sign would be a macro's: the lines are split by their space.
    let script = format!(
        "%{{lua: for line in io.lines('{}') do local space = line:find(' ') \
         print(rpm.vercmp(line:sub(1, space - 1), line:sub(space + 1)) .. ' ') end}}",
        list.path().display()
    );
    let output = Command::new("rpm").args(["--eval", &script]).output().expect("rpm is not installed");
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<i8> = answers.split_whitespace().map(|answer| answer.parse().unwrap()).collect();
    assert_eq!(answers.len(), asked.len(), "{}", String::from_utf8_lossy(&output.stderr));
    for ((a, b), answer) in asked.iter().zip(answers) {
        assert_eq!(Order::Rpm.compare(a, b) as i8, answer, "{a} {b}");
    }
}
