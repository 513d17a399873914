//! What AWS's tags tell of a chain, held against the chain itself.

use crate::model::ids::ChangeSetId;
use crate::model::record::{Event, Head, Record};
use crate::model::version::Version;

/// A tag at AWS that was written when the ledger had a certain record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// What is tagged, in words: `image ami-… in us-east-1`.
    pub what: String,
    /// The version that it is tagged with, if it can be read.
    pub version: Option<Version>,
    /// Whether it is tagged as released.
    pub is_released: bool,
    /// The record that it is tagged with, if it can be read.
    pub head: Option<Head>,
    /// Which change set it is, if it is one whose submission must have been recorded by now.
    pub submission: Option<ChangeSetId>,
}

/// Says in what a chain, given with its head after each record, contradicts what AWS's tags tell.
///
/// One line each, in the order of the witnesses; empty when nothing does.
pub fn contradictions(records: &[Record], heads: &[Head], witnesses: &[Witness]) -> Vec<String> {
    witnesses.iter().filter_map(|witness| contradiction(records, heads, witness)).collect()
}

fn contradiction(records: &[Record], heads: &[Head], witness: &Witness) -> Option<String> {
    let what = &witness.what;
    if let Some(head) = &witness.head {
        let known = usize::try_from(head.sequence).ok().and_then(|sequence| heads.get(sequence.checked_sub(1)?));
        return match (known, heads.last()) {
            (Some(known), _) if known == head => unrecorded(records, witness),
            (Some(_), _) => {
                Some(format!("{what} tells of another record {} than the ledger has: it was replaced or forked", head.sequence))
            }
            (None, None) => {
                Some(format!("{what} tells of record {}, and the ledger has none: it was lost, or is another's", head.sequence))
            }
            (None, Some(last)) => Some(format!(
                "{what} tells of record {}, and the ledger ends with record {}: it was cut, or is behind another",
                head.sequence, last.sequence
            )),
        };
    }
    let sealed = |version: &Version| records.iter().any(|r| &r.version == version && matches!(r.event, Event::Released(_)));
    match &witness.version {
        _ if !witness.is_released => unrecorded(records, witness),
        Some(version) if sealed(version) => None,
        Some(version) => Some(format!("{what} is tagged as released version {version}, of which the ledger knows nothing")),
        None => Some(format!("{what} is tagged as released, and with no version")),
    }
}

/// Says of a submission that no record tells of it.
///
/// It is tagged with the record before its own: of a chain that was cut right there its head tells nothing.
fn unrecorded(records: &[Record], witness: &Witness) -> Option<String> {
    let submission = witness.submission.as_ref()?;
    let is_known = records.iter().any(|r| r.event.submission() == Some(submission));
    (!is_known).then(|| format!("{} was submitted, and no record tells of that: the ledger was cut, or is behind another", witness.what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest::Digest;

    fn head(sequence: u64, content: &str) -> Head {
        Head { sequence, digest: Digest::of(content) }
    }

    fn witness(head: Option<Head>, version: Option<&str>) -> Witness {
        Witness { what: "image ami-1".to_owned(), version: version.map(|v| v.parse().unwrap()), is_released: true, head, submission: None }
    }

    #[test]
    fn a_submission_that_no_record_tells_of_contradicts_the_chain() {
        let heads = [head(1, "a")];
        let submitted =
            Witness { is_released: false, submission: Some("cs-1".parse().unwrap()), ..witness(Some(head(1, "a")), Some("1.0.0")) };
        for submitted in [submitted.clone(), Witness { head: None, ..submitted }] {
            let told = contradictions(&[], &heads, &[submitted]);
            assert!(told.len() == 1 && told[0].contains("no record tells of that"), "{told:?}");
        }
    }

    #[test]
    fn a_chain_that_was_replaced_cut_or_lost_contradicts_the_tags() {
        let heads = [head(1, "a"), head(2, "b")];
        let told = |heads: &[Head], witness: Witness| contradictions(&[], heads, &[witness]).pop().unwrap_or_default();
        assert_eq!(told(&heads, witness(Some(head(2, "b")), None)), "");
        assert_eq!(told(&heads, witness(Some(head(1, "a")), Some("1.0.0"))), "", "the record says more than the version");
        assert!(told(&heads, witness(Some(head(1, "x")), None)).contains("another record 1"));
        assert!(told(&heads, witness(Some(head(3, "c")), None)).contains("ends with record 2"));
        assert!(told(&[], witness(Some(head(3, "c")), None)).contains("the ledger has none"));
        assert!(told(&heads, witness(Some(head(0, "a")), None)).contains("record 0"));
        assert!(told(&heads, witness(None, Some("1.0.0"))).contains("version 1.0.0, of which the ledger knows nothing"));
        assert_eq!(told(&heads, Witness { is_released: false, ..witness(None, Some("1.0.0")) }), "");
    }
}
