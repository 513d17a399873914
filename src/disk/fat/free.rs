//! What holds no file: clusters that the table has free, and what lies behind the last one.
//!
//! Source: fatgen103, "FAT Data Structure".

use std::ops::ControlFlow;

use super::super::unallocated::{Sink, Space, Unallocated};
use super::{Fat, table};

impl Unallocated for Fat {
    fn unallocated(&self, sink: Sink<'_>) -> ControlFlow<()> {
        let (device, geometry) = (&self.device, &self.device.geometry);
        table::each_free(
            device,
            &mut |found| match found.and_then(|run| Ok((run, geometry.place(run.first.into(), run.count.into())?))) {
                Ok((run, place)) => sink(Ok((Space::Free, place..place + u64::from(run.count) * u64::from(geometry.cluster_bytes)))),
                Err(fault) => sink(Err(format!("what is free can't be told: {}", fault.why()))),
            },
        )?;
        sink(Ok((Space::Behind, geometry.end()..device.source.size_bytes())))
    }
}
