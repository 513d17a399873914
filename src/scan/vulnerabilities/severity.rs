//! How bad a flaw is: the worse of the distribution's word for it and its score.

use crate::model::report::Severity;
use crate::model::vulnerability::{Cvss, Score};

/// What nobody has rated: it may be as bad as what AWS rejects images for, so that it fails as that does.
const UNRATED: Severity = Severity::High;

/// The most that a flaw counts in a kernel that doesn't boot: as much as such a kernel's being there (AMI-OS-004).
pub(super) const DORMANT: Severity = Severity::Medium;

/// Words that are known, lower case.
///
/// Sources: Debian <https://security-team.debian.org/security_tracker.html#severity-levels>, Ubuntu
/// <https://ubuntu.com/security/cves/about>, Red Hat (AlmaLinux, Rocky, Oracle)
/// <https://access.redhat.com/security/updates/classification>, SUSE <https://www.suse.com/support/security/rating/>, Amazon
/// <https://alas.aws.amazon.com/faqs.html>, GitHub
/// <https://docs.github.com/en/code-security/security-advisories/working-with-global-security-advisories-from-the-github-advisory-database/about-the-github-advisory-database>.
/// Alpine has no words. Others, such as Debian's `not yet assigned` and Ubuntu's `untriaged`, rate nothing.
const WORDS: [(&str, Severity); 9] = [
    ("critical", Severity::Critical),
    ("high", Severity::High),
    ("important", Severity::High),
    ("medium", Severity::Medium),
    ("moderate", Severity::Medium),
    ("low", Severity::Low),
    ("minor", Severity::Low),
    ("negligible", Severity::Low),
    ("unimportant", Severity::Low),
];

/// Words by which Debian and Ubuntu say that a flaw is no problem of security in their package, whatever its score.
///
/// Sources: <https://security-team.debian.org/security_tracker.html#severity-levels>, <https://ubuntu.com/security/cves/about>
const HARMLESS: [&str; 2] = ["negligible", "unimportant"];

/// Returns what a word says; none if it rates nothing.
pub(super) fn of_word(word: &str) -> Option<Severity> {
    WORDS.iter().find(|(known, _)| *known == word).map(|(_, severity)| *severity)
}

/// Tells whether anybody has said how bad a flaw is.
pub(super) fn is_rated(word: Option<&str>, cvss: Option<&Cvss>) -> bool {
    cvss.is_some() || word.and_then(of_word).is_some()
}

/// Rates a flaw by the worse of the distribution's word and its score. By which of them AWS rejects images isn't published, so
/// that neither lowers the other; only a word that the flaw is none in this package does.
pub(super) fn rated(word: Option<&str>, cvss: Option<&Cvss>) -> Severity {
    if word.is_some_and(|word| HARMLESS.contains(&word)) {
        return Severity::Low;
    }
    word.and_then(of_word).max(cvss.map(of_score)).unwrap_or(UNRATED)
}

/// Returns the rating of a score. Version 2 has none that is critical.
///
/// Sources: <https://www.first.org/cvss/v4.0/specification-document> (6), <https://nvd.nist.gov/vuln-metrics/cvss>
fn of_score(cvss: &Cvss) -> Severity {
    match cvss.score.tenths {
        0..40 => Severity::Low,
        40..70 => Severity::Medium,
        90.. if cvss.vector.starts_with("CVSS:") => Severity::Critical,
        _ => Severity::High,
    }
}

/// Computes scores, and returns the one that counts: that of the worst rating, there the highest, there of the newest version.
pub(super) fn scored<'a>(vectors: impl IntoIterator<Item = &'a str>) -> Option<Cvss> {
    let scores = vectors.into_iter().filter_map(score);
    // `CVSS:4.0` is after `CVSS:3.1`; version 2 begins with `AV:`.
    let version = |cvss: &Cvss| cvss.vector.strip_prefix("CVSS:").and_then(|rest| rest.get(..3)).map(str::to_owned);
    scores.max_by(|a, b| (of_score(a), a.score, version(a), &b.vector).cmp(&(of_score(b), b.score, version(b), &a.vector)))
}

/// Vectors are some dozens of bytes long, with all groups some 200.
const LONGEST_VECTOR_BYTES: usize = 512;

fn score(vector: &str) -> Option<Cvss> {
    let vector = vector.trim();
    // Version 2 is also written in parentheses.
    let bare = vector.trim_start_matches('(').trim_end_matches(')');
    if bare.len() > LONGEST_VECTOR_BYTES || !is_whole(bare) {
        return None;
    }
    let score = bare.parse::<cvss::Cvss>().ok()?.score();
    let tenths = (score * 10.0).round();
    (0.0..=100.0).contains(&tenths).then(|| Cvss { score: Score { tenths: tenths as u8 }, vector: bare.to_owned() })
}

/// Tells whether a vector has all metrics that a score needs: what lacks one is no score of 0, as the parser has it.
///
/// Source: the specifications of <https://www.first.org/cvss/>, the base metrics
fn is_whole(vector: &str) -> bool {
    let needed: &[&str] = match vector.split_once('/') {
        Some((version, _)) if version.starts_with("CVSS:4") => &["AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"],
        Some((version, _)) if version.starts_with("CVSS:3") => &["AV", "AC", "PR", "UI", "S", "C", "I", "A"],
        _ => &["AV", "AC", "Au", "C", "I", "A"],
    };
    let mut metrics: Vec<&str> = vector.split('/').filter_map(|part| part.split_once(':')).map(|(metric, _)| metric).collect();
    metrics.sort_unstable();
    needed.iter().all(|metric| metrics.binary_search(metric).is_ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As NVD and FIRST publish them.
    const SCORES: [(&str, &str, Severity); 7] = [
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:H", "8.1", Severity::High),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", "10.0", Severity::Critical),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "9.8", Severity::Critical),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", "9.3", Severity::Critical),
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:C/C:H/I:N/A:N", "6.1", Severity::Medium),
        ("AV:N/AC:L/Au:N/C:C/I:C/A:C", "10.0", Severity::High),
        ("(AV:N/AC:M/Au:N/C:P/I:N/A:N)", "4.3", Severity::Medium),
    ];

    #[test]
    fn vectors_of_all_versions_have_the_scores_that_are_published() {
        for (vector, score, severity) in SCORES {
            let cvss = scored([vector]).unwrap();
            assert_eq!((cvss.score.to_string().as_str(), rated(None, Some(&cvss))), (score, severity), "{vector}");
        }
    }

    #[test]
    fn the_worst_rating_counts_of_whatever_version() {
        let vectors = SCORES.map(|(vector, _, _)| vector);
        assert_eq!(scored(vectors).unwrap().vector, SCORES[1].0);
        assert_eq!(scored([SCORES[5].0, SCORES[2].0]).unwrap().vector, SCORES[2].0, "10.0 of version 2 is no more than high");
        assert_eq!(scored([SCORES[3].0, SCORES[0].0]).unwrap().vector, SCORES[3].0);
        assert_eq!(scored([vectors[0], vectors[1], vectors[2]]).unwrap().score.to_string(), "10.0");
        assert_eq!(scored(["", "x", "CVSS:9.9/AV:N", "CVSS:3.1/AV:N"]), None);
    }

    #[test]
    fn the_worse_of_word_and_score_counts_and_what_is_unrated_is_not_low() {
        let high = scored([SCORES[0].0]);
        assert_eq!((rated(Some("negligible"), high.as_ref()), rated(Some("unimportant"), high.as_ref())), (Severity::Low, Severity::Low));
        assert_eq!((rated(Some("low"), high.as_ref()), rated(Some("critical"), high.as_ref())), (Severity::High, Severity::Critical));
        assert_eq!(rated(Some("not yet assigned"), high.as_ref()), Severity::High);
        assert_eq!((rated(Some("important"), None), rated(Some("moderate"), None)), (Severity::High, Severity::Medium));
        assert_eq!((rated(None, None), rated(Some("untriaged"), None)), (Severity::High, Severity::High), "it may be anything");
        assert!(
            !is_rated(None, None) && !is_rated(Some("untriaged"), None) && is_rated(Some("low"), None) && is_rated(None, high.as_ref())
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_makes_a_score_panic(at in any::<prop::sample::Index>(), vector in any::<prop::sample::Index>(), with in ".{0,6}", all in ".{0,60}") {
            let _ = scored([all.as_str()]);
            let text = vector.get(&SCORES).0;
            let mut damaged = text.to_owned();
            let at = at.index(text.len());
            damaged.replace_range(at..(at + 3).min(text.len()), &with);
            let _ = scored([damaged.as_str()]);
        }
    }
}
