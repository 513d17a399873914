//! What is published of flaws, in the formats that it is published in.

mod archive;
mod end_of_life;
mod epss;
mod kev;
mod kind;
mod lines;
mod osv;
pub(super) mod term;
mod updateinfo;

pub(super) use archive::for_each_record;
pub(super) use end_of_life::{EndOfLife, read_distro_info, read_end_of_life};
pub(super) use epss::read_epss;
pub(super) use kev::read_kev;
pub(super) use kind::{Opened, kind, open, stream};
pub(super) use osv::{Record, RecordOf, read_one, read_record};
pub(super) use updateinfo::read_updateinfo;
