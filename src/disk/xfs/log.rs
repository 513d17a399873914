//! The log: only whether it holds changes that the file system doesn't show yet.
//!
//! A file system that was unmounted in order has as its last record one that says so. Anything else,
//! doubt included, counts as changes outstanding; they are not replayed.
//!
//! Source: Linux, fs/xfs/libxfs/xfs_log_format.h (`struct xlog_rec_header`, `struct xlog_op_header`,
//! `XLOG_UNMOUNT_TRANS`) and fs/xfs/xfs_log_recover.c (how the end is found).

use super::super::bytes::Bytes;
use super::super::fault::Fault;
use super::device::{BlockNumber, Device};

/// The log is written in these, each beginning with the number of the round it was written in.
const UNIT_BYTES: u64 = 512;

const HEADER_MAGIC: u32 = 0xfeed_babe;
/// How much of a record one unit of its header describes.
const DESCRIBED_BYTES: u32 = 32 << 10;
const FLAG_UNMOUNT: u8 = 0x20;

/// How far before the log's end the last record may begin: a record saying "unmounted" is one unit long,
/// but filled up to a stripe of at most 256 KiB.
const WINDOW_UNITS: u64 = 1024;

/// Tells what speaks against taking the file system as it stands; nothing after an orderly unmount.
pub(super) fn outstanding(device: &Device) -> Result<Option<&'static str>, Fault> {
    let (start, blocks) = device.geometry.log;
    if start == 0 {
        return Ok(Some("its log lies on another device"));
    }
    let bytes = u64::from(blocks) * u64::from(device.geometry.block_size);
    let log = Log { device, start: device.place(BlockNumber(start), blocks.into())?, units: bytes / UNIT_BYTES };
    let is_clean = log.units > 0 && log.ends_in_unmount()?;
    Ok(if is_clean { None } else { Some("its log holds changes that were not carried out yet, as it was not unmounted in order") })
}

struct Log<'a> {
    device: &'a Device,
    start: u64,
    units: u64,
}

impl Log<'_> {
    fn ends_in_unmount(&self) -> Result<bool, Fault> {
        // A log of zeros was never written.
        let Some(end) = self.end()? else { return Ok(true) };
        let window = self.before(end, WINDOW_UNITS.min(self.units))?;
        let units: Vec<Bytes<'_>> = window.chunks_exact(UNIT_BYTES as usize).map(Bytes).collect();
        let Some(header) = units.iter().rposition(|unit| unit.u32(0) == Some(HEADER_MAGIC)) else { return Ok(false) };
        let says = || {
            let at = units.get(header)?;
            let header_units = if at.u32(8)? & 2 != 0 { at.u32(320)?.div_ceil(DESCRIBED_BYTES).max(1) } else { 1 };
            let body = header.checked_add(header_units as usize)?;
            let body_units = (at.u32(12)? as usize).div_ceil(UNIT_BYTES as usize);
            let ends_here = body.checked_add(body_units)? == units.len();
            Some(ends_here && at.u32(40)? == 1 && units.get(body)?.u8(9)? & FLAG_UNMOUNT != 0)
        };
        Ok(says().unwrap_or(false))
    }

    /// Finds the unit after the last written one: there the number of the round falls by one. None
    /// when nothing was ever written.
    fn end(&self) -> Result<Option<u64>, Fault> {
        let first = self.round(0)?;
        if first == 0 {
            return Ok(None);
        }
        if self.round(self.units - 1)? == first {
            return Ok(Some(self.units));
        }
        let (mut written, mut end) = (0, self.units - 1);
        while end - written > 1 {
            let middle = written + (end - written) / 2;
            if self.round(middle)? == first { written = middle } else { end = middle }
        }
        Ok(Some(end))
    }

    fn round(&self, unit: u64) -> Result<u32, Fault> {
        let mut bytes = [0; 8];
        self.device.read(self.start + unit * UNIT_BYTES, &mut bytes)?;
        let at = Bytes(&bytes);
        let round = if at.u32(0) == Some(HEADER_MAGIC) { at.u32(4) } else { at.u32(0) };
        Ok(round.unwrap_or(0))
    }

    /// Reads the units before one, round the log's beginning if need be.
    fn before(&self, end: u64, units: u64) -> Result<Vec<u8>, Fault> {
        let after_start = units.min(end);
        let wrapped = units - after_start;
        let mut window = self.device.read_vec(self.start + (self.units - wrapped) * UNIT_BYTES, (wrapped * UNIT_BYTES) as usize)?;
        window.extend(self.device.read_vec(self.start + (end - after_start) * UNIT_BYTES, (after_start * UNIT_BYTES) as usize)?);
        Ok(window)
    }
}
