//! Leases: one runner at a time on a variant, wherever the ledger lies.
//!
//! A lease is a row of objects, each created under the number that follows the last one's: taking,
//! renewing and giving back are the same act, of which a store lets one writer alone succeed. Who finds
//! a later number than the own has lost the lease. What a lost lease can't prevent (a process that
//! slept between a look and a write), the journal does: its lines are numbered likewise, and whoever
//! takes a run over begins by writing one.

use jiff::{SignedDuration, Timestamp};
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::holder::Holder;
use super::store::{Ledger, LedgerError};
use crate::model::ids::{RunId, Variant};

/// How long a lease holds that is not renewed: longer than a laptop's nap, shorter than a night.
const LIFE: SignedDuration = SignedDuration::from_mins(10);

/// How many of a lease's objects are kept; older ones tell nothing any more.
const KEPT: usize = 3;

/// Who works on a variant, as one object of the lease says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// The format of this document: 1.
    pub format: u32,
    /// What is worked on.
    pub variant: Variant,
    /// The run.
    pub run: RunId,
    /// The process.
    pub holder: Holder,
    /// When it took the lease.
    pub since: Timestamp,
    /// When it was last heard of.
    pub heard: Timestamp,
    /// When the lease ends unless it is renewed.
    pub until: Timestamp,
    /// Whether it was given back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub released: bool,
    /// Tells two takings apart that are alike in all else.
    pub nonce: String,
}

impl Hold {
    /// Tells whether the holder is at work, as far as can be known.
    pub fn is_live(&self, now: Timestamp) -> bool {
        !self.released && now < self.until && !self.holder.is_gone()
    }
}

/// A lease that this process holds.
#[derive(Debug)]
pub struct Lease {
    ledger: Ledger,
    epoch: u64,
    hold: Hold,
}

impl Ledger {
    /// Reads who worked on a variant last; `None` when nobody ever did.
    ///
    /// # Errors
    ///
    /// When the ledger can't be read.
    pub async fn lease(&self, variant: &Variant) -> Result<Option<Hold>, LedgerError> {
        Ok(self.last_hold(variant).await?.map(|(_, hold)| hold))
    }

    /// Takes the lease on a variant for a run.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Held`] while another holds it and is not known to have ended.
    pub async fn take_lease(&self, variant: &Variant, run: &RunId, holder: &Holder, now: Timestamp) -> Result<Lease, LedgerError> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).expect("the system gives random bytes");
        let hold = Hold {
            format: 1,
            variant: variant.clone(),
            run: run.clone(),
            holder: holder.clone(),
            since: now,
            heard: now,
            until: end_of_life(now),
            released: false,
            nonce: hex::encode(random),
        };
        loop {
            let last = self.last_hold(variant).await?;
            let epoch = match last {
                Some((_, last)) if last.is_live(now) => {
                    return Err(LedgerError::Held { place: self.place().to_owned(), hold: Box::new(last) });
                }
                Some((epoch, _)) => epoch + 1,
                None => 1,
            };
            let mut lease = Lease { ledger: self.clone(), epoch: epoch - 1, hold: hold.clone() };
            match lease.advance(hold.clone()).await {
                Ok(()) => return Ok(lease),
                // Another took it in between: see who.
                Err(LedgerError::Fenced { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn last_hold(&self, variant: &Variant) -> Result<Option<(u64, Hold)>, LedgerError> {
        // Between the listing and the reading the holder may renew it and remove what was listed.
        for _ in 0..20 {
            let Some((epoch, name)) = self.epochs(variant).await?.pop() else { return Ok(None) };
            if let Some(hold) = self.get_if_there(&name).await? {
                return Ok(Some((epoch, hold)));
            }
        }
        Err(LedgerError::Taken { place: self.place().to_owned(), object: folder(variant).to_string() })
    }

    /// Lists the lease's objects by number.
    async fn epochs(&self, variant: &Variant) -> Result<Vec<(u64, Path)>, LedgerError> {
        let names = self.names(&folder(variant)).await?;
        Ok(names.into_iter().filter_map(|name| Some((name.filename()?.strip_suffix(".json")?.parse().ok()?, name))).collect())
    }
}

impl Lease {
    /// Returns the number of the lease's last object: no two writers of a variant ever have the same.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Makes sure that the lease is still held, and renews it when a third of its life is over.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Fenced`] when another took it.
    pub async fn keep(&mut self, now: Timestamp) -> Result<(), LedgerError> {
        if now.duration_since(self.hold.heard) >= LIFE / 3 {
            let renewed = Hold { heard: now, until: end_of_life(now), ..self.hold.clone() };
            return self.advance(renewed).await;
        }
        let last = self.ledger.epochs(&self.hold.variant).await?.pop();
        if last.is_some_and(|(epoch, _)| epoch != self.epoch) { Err(self.fenced().await) } else { Ok(()) }
    }

    /// Gives the lease back; one that was lost is another's to give.
    ///
    /// # Errors
    ///
    /// When the ledger can't be written.
    pub async fn release(&mut self, now: Timestamp) -> Result<(), LedgerError> {
        match self.advance(Hold { heard: now, released: true, ..self.hold.clone() }).await {
            Err(LedgerError::Fenced { .. }) => Ok(()),
            other => other,
        }
    }

    /// Creates the next object, and makes sure that it is the last: one who was away for long may
    /// have created a number again that others had used and removed.
    async fn advance(&mut self, hold: Hold) -> Result<(), LedgerError> {
        let next = self.epoch + 1;
        let name = folder(&hold.variant).join(format!("{next:06}.json"));
        match self.ledger.create(&name, &hold).await {
            Ok(_) => {}
            Err(LedgerError::Taken { .. }) => return Err(self.fenced().await),
            Err(error) => return Err(error),
        }
        let epochs = self.ledger.epochs(&hold.variant).await?;
        if epochs.last().is_some_and(|(last, _)| *last > next) {
            self.ledger.remove(&name).await?;
            return Err(self.fenced().await);
        }
        for (_, old) in epochs.iter().rev().skip(KEPT) {
            self.ledger.remove(old).await?;
        }
        (self.epoch, self.hold) = (next, hold);
        Ok(())
    }

    async fn fenced(&self) -> LedgerError {
        match self.ledger.lease(&self.hold.variant).await {
            Ok(by) => LedgerError::Fenced { place: self.ledger.place().to_owned(), run: self.hold.run.clone(), by: by.map(Box::new) },
            Err(error) => error,
        }
    }
}

fn end_of_life(now: Timestamp) -> Timestamp {
    now.saturating_add(LIFE).unwrap_or(Timestamp::MAX)
}

fn folder(variant: &Variant) -> Path {
    Path::from("runs").join(variant.to_string()).join("lease")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing;

    const LIFE_MINUTES: i64 = 10;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    fn run(name: &str) -> RunId {
        name.parse().unwrap()
    }

    #[tokio::test]
    async fn one_holds_the_lease_until_it_is_given_back_or_its_time_is_over() {
        for ledger in testing::ledgers().await {
            let (variant, me) = (testing::variant(), Holder::this_process());
            let mut first = ledger.take_lease(&variant, &run("a"), &me, at(0)).await.unwrap();
            let refused = ledger.take_lease(&variant, &run("b"), &me, at(1)).await.unwrap_err();
            assert!(matches!(&refused, LedgerError::Held { hold, .. } if hold.run == run("a")), "{refused}");
            first.release(at(1)).await.unwrap();
            let mut second = ledger.take_lease(&variant, &run("b"), &me, at(1)).await.unwrap();
            let third = ledger.take_lease(&variant, &run("c"), &me, at(1 + LIFE_MINUTES)).await.unwrap();
            assert!(third.epoch() > second.epoch());
            let lost = second.keep(at(1 + LIFE_MINUTES)).await.unwrap_err();
            assert!(matches!(&lost, LedgerError::Fenced { by: Some(by), .. } if by.run == run("c")), "{lost}");
            second.release(at(2 + LIFE_MINUTES)).await.unwrap();
            assert_eq!(ledger.lease(&variant).await.unwrap().unwrap().run, run("c"), "what was lost is not given back");
        }
    }

    #[tokio::test]
    async fn what_was_written_by_a_call_whose_answer_was_lost_is_one_s_own() {
        for ledger in testing::ledgers().await {
            let (variant, me) = (testing::variant(), Holder::this_process());
            let mut lease = ledger.take_lease(&variant, &run("a"), &me, at(0)).await.unwrap();
            let renewed = Hold { heard: at(5), until: end_of_life(at(5)), ..lease.hold.clone() };
            ledger.create(&folder(&variant).join("000002.json"), &renewed).await.unwrap();
            lease.keep(at(5)).await.unwrap();
            assert_eq!(lease.epoch(), 2);
            let another_s = Hold { nonce: "another".to_owned(), ..renewed };
            ledger.create(&folder(&variant).join("000003.json"), &another_s).await.unwrap();
            assert!(matches!(lease.release(at(6)).await, Ok(())));
            assert!(matches!(lease.keep(at(6)).await, Err(LedgerError::Fenced { .. })));
        }
    }

    #[tokio::test]
    async fn a_lease_that_is_kept_lives_on_and_leaves_few_objects() {
        for ledger in testing::ledgers().await {
            let (variant, me) = (testing::variant(), Holder::this_process());
            let mut lease = ledger.take_lease(&variant, &run("a"), &me, at(0)).await.unwrap();
            for minute in (0..100).step_by(2) {
                lease.keep(at(minute)).await.unwrap();
            }
            let hold = ledger.lease(&variant).await.unwrap().unwrap();
            assert_eq!((hold.since, hold.heard), (at(0), at(96)));
            assert!(ledger.epochs(&variant).await.unwrap().len() <= KEPT);
            assert!(ledger.take_lease(&variant, &run("b"), &me, at(105)).await.is_err());
        }
    }

    #[tokio::test]
    async fn a_holder_that_has_ended_is_followed_at_once() {
        for ledger in testing::ledgers().await {
            let (variant, me) = (testing::variant(), Holder::this_process());
            let killed = Holder { pid: u32::MAX, ..me.clone() };
            let mut old = ledger.take_lease(&variant, &run("a"), &killed, at(0)).await.unwrap();
            ledger.take_lease(&variant, &run("b"), &me, at(0)).await.unwrap();
            assert!(old.keep(at(0)).await.is_err());
        }
    }

    #[tokio::test]
    async fn one_who_slept_through_many_takings_is_still_fenced() {
        for ledger in testing::ledgers().await {
            let (variant, me) = (testing::variant(), Holder::this_process());
            let mut slept = ledger.take_lease(&variant, &run("a"), &me, at(0)).await.unwrap();
            let mut other = ledger.take_lease(&variant, &run("b"), &me, at(60)).await.unwrap();
            for minute in (60..160).step_by(4) {
                other.keep(at(minute)).await.unwrap();
            }
            // Its own number and the next one have been removed since.
            assert!(matches!(slept.keep(at(0)).await, Err(LedgerError::Fenced { .. })));
            assert!(matches!(slept.keep(at(160)).await, Err(LedgerError::Fenced { .. })));
            other.keep(at(160)).await.unwrap();
        }
    }

    #[tokio::test]
    async fn of_many_who_take_it_at_once_one_wins() {
        for ledger in testing::ledgers().await {
            let (variant, me) = (testing::variant(), Holder::this_process());
            let takers = (0..20).map(|n| {
                let (ledger, variant, me) = (ledger.clone(), variant.clone(), me.clone());
                tokio::spawn(async move { ledger.take_lease(&variant, &run(&format!("run-{n}")), &me, at(0)).await })
            });
            let ends = futures::future::join_all(takers).await;
            let won: Vec<_> = ends.into_iter().filter_map(|end| end.unwrap().ok()).collect();
            assert_eq!(won.len(), 1);
            assert_eq!(ledger.lease(&variant).await.unwrap().unwrap().run, won[0].hold.run);
        }
    }
}
