//! The image: what triggers each of the codes.

use super::super::super::Code::*;
use super::{Deed, Edit};

#[rustfmt::skip]
pub(super) const EDITS: &[Edit] = &[
    (UserName, "login-user = \"admin\"", "login-user = \"1admin\""),
    (Tag, "[tags]", "[tags]\n\"bakehouse:product\" = \"x\""),
    (Tag, "[tags]", "[tags]\nx = \"a<b\""),
    (UnknownInstanceType, "instance-type = \"t3.small\"\n#", "instance-type = \"t33.small\"\n#"),
    (UnknownRegion, "regions = []", "regions = [\"eu-central-9\"]"),
    (Malformed, "regions = []", "regions = [\"frankfurt\"]"),
    (TextTooLong, "os-version = \"Debian 13\"", "os-version = \"01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890\""),
];

pub(super) const DEEDS: &[Deed] = &[
    (BootMode, |bench| {
        bench.edit("\"uefi-preferred\"", "\"uefi-preferred\"").edit("\"x86_64\"\nos", "\"arm64\"\nos");
        bench.edit("instance-type = \"t3.small\"\n#", "instance-type = \"t4g.small\"\n#");
        bench.edit("[\"t3.micro\", \"t3.small\"]", "[\"t4g.micro\"]").edit("\"t3.small\"\nregions", "\"t4g.micro\"\nregions");
        bench.edit("\"t3.micro\" =", "\"t4g.micro\" =").edit("\"t3.small\" = \"0.02\"", "");
    }),
    (BootMode, |bench| {
        bench.edit("\"uefi-preferred\"", "\"uefi\"").edit("[\"t3.micro\", \"t3.small\"]", "[\"t2.micro\", \"t3.small\"]");
        bench.edit("\"t3.micro\" =", "\"t2.micro\" =");
    }),
];
