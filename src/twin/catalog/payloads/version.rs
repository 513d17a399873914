//! Payloads about versions and their delivery options.

use crate::twin::catalog::schema::{Member, Shape, list, matching, optional, required, text};

const PORT: Shape = Shape::Integer { least: 1, most: 65535 };
const INSTANCE_TYPE: Shape = matching(24, r"^\S+$");
/// Where the Marketplace gets a file from; whether it can is found out later.
const MEDIA: Shape = matching(4096, r"^https://(www\.)?[-a-zA-Z0-9@._]{1,256}\.[a-zA-Z0-9()]{2,63}\b([-a-zA-Z0-9@_+./]*)$");
const TITLE: Shape = text(72);
const SHORT_DESCRIPTION: Shape = text(1000);
const LONG_DESCRIPTION: Shape = text(5000);
const USAGE: Shape = text(4000);

static CIDR: Shape = Shape::Text { least: 1, most: 64, pattern: "" };
static SECURITY_GROUP: Shape = Shape::Object(&[
    required("IpProtocol", text(3)),
    required("FromPort", PORT),
    required("ToPort", PORT),
    required("IpRanges", list(&CIDR, 1, 5)),
]);
const SECURITY_GROUPS: Shape = list(&SECURITY_GROUP, 1, 25);
static ACCESS_ENDPOINT: &[Member] =
    &[required("Port", PORT), required("Protocol", text(5)), optional("RelativePath", matching(2000, r"^[^/\s]"))];

const AMI_ID: Member = required("AmiId", matching(21, r"^ami-([a-zA-Z0-9]{8}|[a-zA-Z0-9]{17})$"));
const ROLE: Member = required("AccessRoleArn", matching(2048, r"^arn:aws:iam::\d{12}:role/[a-zA-Z_0-9+=,.@\-_/]+$"));
const USER: Member = required("UserName", matching(32, r"^[a-zA-Z][a-zA-Z0-9_-]{0,31}$"));
const SYSTEM: Member = required("OperatingSystemName", text(100));
const SYSTEM_VERSION: Member = required("OperatingSystemVersion", text(100));
static FPGA_IMAGE: Shape = matching(21, r"^afi-[a-zA-Z0-9]{17}$");
const FPGA_IMAGES: Member = optional("AfiIds", list(&FPGA_IMAGE, 1, 15));
static AMI_SOURCE: &[Member] = &[AMI_ID, ROLE, USER, optional("ScanningPort", PORT), SYSTEM, SYSTEM_VERSION, FPGA_IMAGES];
/// A template's source has no port of its own.
static TEMPLATE_AMI_SOURCE: &[Member] = &[AMI_ID, ROLE, USER, SYSTEM, SYSTEM_VERSION, FPGA_IMAGES];

static ADD_AMI_OPTION: &[Member] = &[
    required("AmiSource", Shape::Object(AMI_SOURCE)),
    required("UsageInstructions", USAGE),
    optional("AccessEndpointUrl", Shape::Object(ACCESS_ENDPOINT)),
    required("RecommendedInstanceType", INSTANCE_TYPE),
    required("SecurityGroups", SECURITY_GROUPS),
];
static TEMPLATE_SOURCE: Shape = Shape::Object(&[
    required("ParameterName", matching(255, r"^[a-zA-Z0-9]+$")),
    required("AmiSource", Shape::Object(TEMPLATE_AMI_SOURCE)),
]);
const TEMPLATE_SOURCES: Shape = list(&TEMPLATE_SOURCE, 1, 10);
static ADD_TEMPLATE_OPTION: &[Member] = &[
    required("ShortDescription", SHORT_DESCRIPTION),
    required("LongDescription", LONG_DESCRIPTION),
    required("UsageInstructions", USAGE),
    required("RecommendedInstanceType", INSTANCE_TYPE),
    required("ArchitectureDiagram", MEDIA),
    required("Template", MEDIA),
    required("TemplateSources", TEMPLATE_SOURCES),
];
static ADD_DETAILS: &[Member] = &[
    optional("AmiDeliveryOptionDetails", Shape::Object(ADD_AMI_OPTION)),
    optional("DeploymentTemplateDeliveryOptionDetails", Shape::Object(ADD_TEMPLATE_OPTION)),
];
static ADD_OPTION: Shape = Shape::Object(&[optional("DeliveryOptionTitle", TITLE), required("Details", Shape::OneOf(ADD_DETAILS))]);
static ADD_VERSION: &[Member] = &[required("VersionTitle", text(64)), required("ReleaseNotes", text(30000))];
pub(in super::super) static ADD: Shape =
    Shape::Object(&[required("Version", Shape::Object(ADD_VERSION)), required("DeliveryOptions", list(&ADD_OPTION, 1, 4))]);

static UPDATE_AMI_OPTION: &[Member] = &[
    optional("UsageInstructions", USAGE),
    optional("AccessEndpointUrl", Shape::Object(ACCESS_ENDPOINT)),
    optional("RecommendedInstanceType", INSTANCE_TYPE),
    optional("SecurityGroups", SECURITY_GROUPS),
];
/// The guide has `Template` and `TemplateSources` here too; the service refuses the former as a property that is not
/// allowed, and the latter could only name the image that the version has.
static UPDATE_TEMPLATE_OPTION: &[Member] = &[
    optional("DeliveryOptionTitle", TITLE),
    optional("ShortDescription", SHORT_DESCRIPTION),
    optional("LongDescription", LONG_DESCRIPTION),
    optional("UsageInstructions", USAGE),
    optional("RecommendedInstanceType", INSTANCE_TYPE),
    optional("ArchitectureDiagram", MEDIA),
    optional("TemplateSources", TEMPLATE_SOURCES),
];
const OPTION_ID: Shape = matching(36, r"^[a-f0-9]{8}(-[a-f0-9]{4}){3}-[a-f0-9]{12}$");
static UPDATE_DETAILS: &[Member] = &[
    optional("AmiDeliveryOptionDetails", Shape::Object(UPDATE_AMI_OPTION)),
    optional("DeploymentTemplateDeliveryOptionDetails", Shape::Object(UPDATE_TEMPLATE_OPTION)),
];
static UPDATE_OPTION: Shape = Shape::Object(&[required("Id", OPTION_ID), optional("Details", Shape::OneOf(UPDATE_DETAILS))]);
static UPDATE_VERSION: &[Member] = &[required("ReleaseNotes", text(30000))];
pub(in super::super) static UPDATE: Shape =
    Shape::Object(&[optional("Version", Shape::Object(UPDATE_VERSION)), optional("DeliveryOptions", list(&UPDATE_OPTION, 1, 4))]);

static ANY_OPTION_ID: Shape = text(36);
pub(in super::super) static RESTRICT: Shape = Shape::Object(&[required("DeliveryOptionIds", list(&ANY_OPTION_ID, 1, 50))]);
