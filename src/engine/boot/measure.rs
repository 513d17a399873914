//! Base → instance that is provisioned at its launch → how long that took → nothing left.

use jiff::Timestamp;

use super::super::bake::last_lines;
use super::super::failure::EngineError;
use super::super::run::Run;
use super::super::wait::Look;
use super::seconds_since;
use crate::bake;
use crate::cloud::{BaseError, InstanceSpec};
use crate::ledger::Outcome;
use crate::model::count::counted;
use crate::model::digest::Digest;
use crate::model::ids::{InstanceId, Region};
use crate::model::record::{BaseRecord, Event};
use crate::scan;

impl Run<'_> {
    /// Starts the base with the bake's own user data and returns how many seconds it takes until it is provisioned.
    ///
    /// Each thing it makes is an effect of its own, as a trial's are; the time counts from the launch, which nobody but
    /// the process that made it knows.
    pub(in super::super) async fn measure_base(&self, base: &BaseRecord) -> Result<u64, EngineError> {
        // Where the release was baked: the base's id is of that Region.
        let region = self.released().await?.release.image.region;
        let measured = self
            .effect("measure", base, async |_| {
                let number = self.next_attempt("measure", "group").await;
                let measuring = async || {
                    let (instance, launched, nonce) = self.launch_base(&region, base, number).await?;
                    self.follow_provisioning(&region, &instance, &nonce).await?;
                    Ok(seconds_since(launched, self.engine.clock.now()))
                };
                self.leaving_nothing(&region, number, measuring).await
            })
            .await;
        if let Err(EngineError::Unmeasured { .. }) = &measured {
            self.end_later(Outcome::BakeFailed).await;
        }
        let seconds = measured?;
        let instance_type = self.product.boot.instance_type.clone();
        self.record(Event::Measured { base: base.image.clone(), instance_type, seconds }).await?;
        self.done_note(format!("{} was provisioned {seconds} s after its launch, as every instance without a baked image is", base.name));
        Ok(seconds)
    }

    /// Starts the base; returns the instance, when it was started, and the nonce of its console's markers.
    async fn launch_base(&self, region: &Region, base: &BaseRecord, number: u32) -> Result<(InstanceId, Timestamp, String), EngineError> {
        let (writer, build) = (&self.engine.writer, &self.product.build);
        let described = writer.reader().image(region, &base.image).await?;
        let described = described.ok_or_else(|| BaseError::NotFound { region: region.clone(), wanted: base.image.to_string() })?;
        let name = format!("bakehouse-{}-base-{number}", self.id());
        let description = format!("Lets nothing in while {} is measured", self.variant());
        let effect = format!("measure.{number}.group");
        let group = self.effect(&effect, &name, async |_| self.make_group(region, &name, &description).await).await?;
        let nonce = Digest::of_parts([b"measure".as_slice(), self.id().as_str().as_bytes(), &number.to_le_bytes()]).short(16);
        let payload = bake::payload(self.product, &nonce).map_err(EngineError::UserData)?;
        let spec = InstanceSpec {
            image: base.image.clone(),
            // On what the image is tried on, or the comparison would compare machines.
            instance_type: self.product.boot.instance_type.clone(),
            root_device: described.root_device,
            root_volume_size_gib: self.product.image.root_volume_size_gib,
            root_volume_type: self.product.image.root_volume_type.clone(),
            security_group: group,
            subnet: build.subnet.clone(),
            public_address: build.public_address,
            key: None,
            user_data: self.user_data(&payload, &format!("measure.{number}.bundle")).await?,
            tags: self.instance_tags("measures the base of"),
        };
        let launched = self.engine.clock.now();
        let effect = format!("measure.{number}.instance");
        let id = self.effect(&effect, &name, async |token| Ok(writer.run_instance(region, &spec, &token).await?)).await?;
        self.done_note(format!("{id} starts on {}", spec.instance_type));
        Ok((id, launched, nonce))
    }

    /// Follows the console until the provisioning is done.
    async fn follow_provisioning(&self, region: &Region, id: &InstanceId, nonce: &str) -> Result<(), EngineError> {
        let mut console = Vec::new();
        let provisioned = self
            .engine
            .wait_at_most(self.product.build.deadline, async || {
                console = self.read_console(region, id).await?;
                let log = bake::read(&console, nonce);
                Ok(match log.outcome() {
                    _ if log.provisioned => Look::Ready(Ok(())),
                    bake::Outcome::Failed { label, status, tail, .. } => {
                        let why = format!("{label} failed with status {status}");
                        Look::Ready(Err(EngineError::Unmeasured { why, tail: scan::redact(&tail) }))
                    }
                    _ => Look::NotYet(format!("{id} is provisioned at its launch")),
                })
            })
            .await?;
        provisioned.unwrap_or_else(|| {
            let minutes = self.product.build.deadline.as_secs() / 60;
            let why = format!("the base was still at work after {}", counted(minutes, "minute"));
            Err(EngineError::Unmeasured { why, tail: last_lines(&console) })
        })
    }
}
