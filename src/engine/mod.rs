//! Carries out a plan: order, waiting, retry, resume. The only place that decides when.
//!
//! Every effect is journalled before it is tried ([`run::Run::effect`]); what the journal knows to be
//! done is not tried again. So a killed run, continued from the ledger, makes nothing twice.

mod advisories;
mod bake;
mod baked;
mod boot;
mod bundle;
mod change;
mod check;
mod distribute;
mod failure;
mod follow;
mod gc;
mod hold;
mod leave;
mod list;
mod listing;
mod media;
mod observer;
mod run;
mod runs;
mod seal;
mod settle;
mod ship;
mod survey;
mod wait;
mod witnesses;

pub use advisories::{Lack, lacks, refuse_lacking_advisories};
pub use baked::{Baked, baking, passed_scan, rejected_after};
pub use boot::{boot_plan, measure_plan, next_look};
pub use check::{Whole, checksum_image, scan_snapshots};
pub use failure::{EngineError, Kind, LeftAt, MissingBase};
pub use follow::{findings, follow_change};
pub use gc::{Abandoned, Collector, Places, Removed};
pub use leave::Leave;
pub use list::{Followed, add_version, first_listing, follow_listing, refused_submission, standing_refusal};
pub use listing::{ListingPlan, listing_of};
pub use observer::{Note, Observer};
pub use runs::{RunState, RunSummary, find_run, runs};
pub use settle::{Ending, settle};
pub use ship::{Extent, Next, Stage, carry_out, is_done, next, resumable};
pub use survey::{Survey, live_listings, survey};
pub use witnesses::{Verified, recorded_regions, tagged_variants, verify_ledger};

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::advisories::Database;
use crate::clock::Clock;
use crate::cloud::Writer;
use crate::ledger::{Holder, Ledger};
use crate::listing::Templates;
use crate::model::ids::AccountId;
use crate::model::product::Product;
use crate::model::waiver::WaiverOptions;

/// What the engine works with.
#[derive(Clone)]
pub struct Engine {
    /// Changes things at the target.
    pub writer: Writer,
    /// The target's ledger.
    pub ledger: Ledger,
    /// Who works: what a lease says of its holder.
    pub holder: Holder,
    /// Where the time comes from.
    pub clock: Clock,
    /// Who is told what goes on.
    pub observer: Arc<dyn Observer>,
    /// `twin` or `aws`.
    pub target: &'static str,
    /// The target's account.
    pub account: AccountId,
    /// Until when to wait; what is not ready by then is left as pending.
    pub until: Timestamp,
    /// Asks this engine's work to leave in order.
    pub leave: Leave,
    /// The command that goes on with what was left, such as `bakehouse ship hello-web`.
    pub go_on: String,
    /// How long to wait between two looks at something that takes its time.
    pub interval: Duration,
    /// The product's variants, of which one at a time is worked on: they share their versions.
    pub variants: Vec<Product>,
    /// The product's git commit, for the record.
    pub git_commit: Option<String>,
    /// What the command line says of the scan's waivers.
    pub waivers: WaiverOptions,
    /// What is published of flaws, if there is a database of it.
    pub advisories: Option<Arc<Database>>,
    /// The documents' templates, a product's own among them.
    pub templates: Templates,
}

impl Engine {
    /// Judges by what was agreed to on the command line, and tells whoever goes on to say it again: without it the image
    /// would be judged without it.
    pub fn agreeing_to(self, waivers: WaiverOptions) -> Self {
        Self { waivers, go_on: self.go_on.clone() + &waivers.arguments(), ..self }
    }
}
