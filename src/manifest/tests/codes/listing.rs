//! Listing and prices: what triggers each of the codes.

use super::super::super::Code::*;
use super::{Deed, Edit};

#[rustfmt::skip]
pub(super) const EDITS: &[Edit] = &[
    (PricingModel, "model = \"hourly\"", "model = \"contract\""),
    (PricingModel, "model = \"hourly\"", "model = \"lottery\""),
    (PricingModel, "model = \"hourly\"", "model = \"free\""),
    (PricingModel, "model = \"hourly\"", "model = \"hourly\"\nmonthly-fee = \"9\""),
    (MissingKey, "model = \"hourly\"", "model = \"hourly\"\nfree-trial = {}"),
    (OutOfRange, "model = \"hourly\"", "model = \"hourly\"\nfree-trial = { days = 4 }"),
    (OutOfRange, "model = \"hourly\"", "model = \"hourly\"\nfree-trial = { days = 14, max-quantity = 0 }"),
    (UnknownCountry, "[listing]", "[listing]\noffer = { countries = [\"de\"] }"),
    (Duplicate, "[listing]", "[listing]\noffer = { countries = [\"DE\", \"DE\"] }"),
    (TitleCharacter, "[listing]", "[listing]\noffer = { name = \"a<b\" }"),
    (MissingKey, "model = \"hourly\"", "model = \"hourly-monthly\""),
    (MissingKey, "model = \"hourly\"", "model = \"hourly-annual\""),
    (Price, "model = \"hourly\"", "model = \"hourly-monthly\"\nmonthly-fee = \"9.9999\""),
    (Price, "model = \"hourly\"", "model = \"hourly-monthly\"\nmonthly-fee = \"0.00\""),
    (MissingRate, "model = \"hourly\"", "model = \"hourly-annual\"\nannual-rates = { \"t3.micro\" = \"80\" }"),
    (Price, "model = \"hourly\"", "model = \"hourly-annual\"\nannual-rates = { \"t3.micro\" = \"80\", \"t3.small\" = \"160.0001\" }"),
    (Price, "\"0.02\"", "\"1e3\""),
    (EndpointPath, "protocol = \"http\", ", "protocol = \"http\", path = \"/x\", "),
    (Malformed, "[listing]", "[listing]\nproduct-id = \"offer-abcdefghijklm\""),
    (Malformed, "[listing]", "[listing]\nproduct-id = \"prod-abcdefghijklm@3\""),
    (Malformed, "[listing]", "[listing]\nallowed-accounts = [\"1234\"]"),
    (OutOfRange, "[listing]", "[listing]\nscanning-port = 0"),
    (UnknownValue, "[listing]", "[listing]\nfuture-regions = \"some\""),
    (UnknownValue, "{ protocol = \"tcp\", port = 22", "{ protocol = \"icmp\", port = 22"),
    (Count, "[\"10.0.0.0/8\"]", "[\"10.0.0.0/8\", \"10.1.0.0/16\", \"10.2.0.0/16\", \"10.3.0.0/16\", \"10.4.0.0/16\", \"10.5.0.0/16\"]"),
    (Cidr, "10.0.0.0/8", "10.1.2.3/8"),
    (Cidr, "10.0.0.0/8", "10.0.0.0"),
    (OpenPort, "port = 22, ranges = [\"10.0.0.0/8\"]", "from-port = 5000, to-port = 6000"),
    (OpenPort, "port = 22, ranges = [\"10.0.0.0/8\"]", "port = 3306, ranges = [\"::/0\"]"),
    (EndpointClosed, "{ protocol = \"tcp\", port = 80", "{ protocol = \"udp\", port = 80"),
    (EndpointPath, "protocol = \"http\", port", "protocol = \"http\", path = \"a b\", port"),
    (EndpointPath, "protocol = \"http\", port", "protocol = \"http\", path = \"\", port"),
    (Price, "\"0.02\"", "\"-1\""),
    (Price, "\"0.02\"", "\"100000001\""),
    (WrongType, "\"0.02\"", "0.02"),
    (TextOuterSpace, "\"We do not refund.", "\" We do not refund."),
];

pub(super) const DEEDS: &[Deed] = &[
    (Price, |bench| {
        bench.edit("\"0.01\"", "\"0\"").edit("\"0.02\"", "\"0.00\"");
    }),
    (Count, |bench| {
        let group = "{ port = 80, ranges = [\"10.0.0.0/8\"] },\n";
        bench.edit(
            "security-groups = [\n",
            &format!("security-groups = [\n{}", (1000..1024).map(|port| group.replace("80", &port.to_string())).collect::<String>()),
        );
    }),
];
