//! Answers of a database that are kept, so that a day's round over many images reads what they share once.

use std::collections::HashMap;
use std::sync::Arc;

use super::advisory::{Advisory, AdvisoryNumber, Affected, Likelihood};
use super::ecosystem::Ecosystem;

/// Pairs of advisory and package that are kept, each of some 300 bytes; a kernel has ten thousand.
const MOST_AFFECTED: usize = 200_000;

/// Advisories that are kept, each of about a kilobyte.
const MOST_ADVISORIES: usize = 20_000;

/// Flaws whose likelihood is kept, each of some 100 bytes.
const MOST_LIKELIHOODS: usize = 100_000;

/// A package of a release, by the one form of its name.
pub(super) type Asked = (Ecosystem, String, String);

/// The answers. When there are too many, all are forgotten.
#[derive(Default)]
pub(super) struct Recalled {
    affected: HashMap<Asked, Arc<[Affected]>>,
    affected_count: usize,
    advisories: HashMap<AdvisoryNumber, Arc<Advisory>>,
    likelihoods: HashMap<String, Option<Likelihood>>,
}

impl Recalled {
    pub(super) fn affected(&self, asked: &Asked) -> Option<Arc<[Affected]>> {
        self.affected.get(asked).cloned()
    }

    pub(super) fn keep_affected(&mut self, asked: Asked, found: Arc<[Affected]>) {
        // That there is nothing takes room too.
        let count = found.len() + 1;
        if self.affected_count + count > MOST_AFFECTED {
            self.affected.clear();
            self.affected_count = 0;
        }
        // A single answer may be more than is kept.
        if count <= MOST_AFFECTED && self.affected.insert(asked, found).is_none() {
            self.affected_count += count;
        }
    }

    pub(super) fn advisory(&self, number: AdvisoryNumber) -> Option<Arc<Advisory>> {
        self.advisories.get(&number).cloned()
    }

    pub(super) fn keep_advisory(&mut self, number: AdvisoryNumber, advisory: Arc<Advisory>) {
        if self.advisories.len() >= MOST_ADVISORIES {
            self.advisories.clear();
        }
        self.advisories.insert(number, advisory);
    }

    /// Returns a flaw's likelihood, if it was asked for; none within if none is known.
    pub(super) fn likelihood(&self, cve: &str) -> Option<Option<Likelihood>> {
        self.likelihoods.get(cve).copied()
    }

    pub(super) fn keep_likelihood(&mut self, cve: &str, found: Option<Likelihood>) {
        if self.likelihoods.len() >= MOST_LIKELIHOODS {
            self.likelihoods.clear();
        }
        self.likelihoods.insert(cve.to_owned(), found);
    }
}

#[cfg(test)]
mod tests {
    use super::super::advisory::AffectedVersions;
    use super::*;

    #[test]
    fn there_is_a_limit_to_what_is_kept() {
        let mut recalled = Recalled::default();
        let asked = |name: &str| (Ecosystem::Debian, "13".to_owned(), name.to_owned());
        let affected = Affected { advisory: AdvisoryNumber(0), what: AffectedVersions::default() };
        let some = |count| std::iter::repeat_n(affected.clone(), count).collect::<Arc<[Affected]>>();
        recalled.keep_affected(asked("linux"), some(MOST_AFFECTED / 2));
        recalled.keep_affected(asked("bash"), some(3));
        assert!(recalled.affected(&asked("linux")).is_some() && recalled.affected(&asked("bash")).is_some_and(|found| found.len() == 3));
        recalled.keep_affected(asked("other"), some(MOST_AFFECTED / 2));
        assert!(recalled.affected(&asked("linux")).is_none() && recalled.affected(&asked("other")).is_some());
        for number in 0..=MOST_LIKELIHOODS {
            recalled.keep_likelihood(&number.to_string(), None);
        }
        assert_eq!((recalled.likelihood("0"), recalled.likelihood(&MOST_LIKELIHOODS.to_string())), (None, Some(None)));
        recalled.keep_affected(asked("huge"), some(MOST_AFFECTED));
        assert!(recalled.affected(&asked("huge")).is_none());
    }
}
