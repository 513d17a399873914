//! Templates and diagrams: what triggers each of the codes.

use super::super::super::Code::*;
use super::{Bench, Deed, Edit, gif};

pub(super) const EDITS: &[Edit] =
    &[(WrongType, "[listing]", "[listing]\ntemplate = {}"), (Count, "[listing]", "[listing]\ntemplate = [{}, {}, {}, {}]")];

/// A template that keeps all rules.
const TEMPLATE: &str = include_str!("../server.yaml");

const TABLE: &str = "\
[[listing.template]]
title = \"One server\"
short-description = \"A network and a server in it.\"
long-description = \"A network, and a server in it.\"
file = \"listing/server.yaml\"
diagram = \"listing/server.gif\"
";

/// Adds a template that nothing is wrong with.
pub(super) fn with_template(bench: &Bench) -> &Bench {
    bench.write("listing/server.yaml", TEMPLATE).write("listing/server.gif", gif(1560, 878));
    // Plain keys come before tables.
    bench.edit("[listing]", "[listing]\nmedia-bucket = \"example-bucket\"").edit("[tags]", &format!("{TABLE}\n[tags]"))
}

/// Adds a template with a part of it replaced.
fn with(bench: &Bench, from: &str, to: &str) {
    assert!(TEMPLATE.contains(from), "{from}");
    with_template(bench).write("listing/server.yaml", TEMPLATE.replacen(from, to, 1));
}

pub(super) const DEEDS: &[Deed] = &[
    (TemplateSyntax, |bench| with(bench, "Resources:", "Resources: [")),
    (TemplateSyntax, |bench| with(bench, "Parameters:", "Metadata: { A: &a x, B: *a }\nParameters:")),
    (TemplateSyntax, |bench| {
        with_template(bench).write("listing/server.yaml", "[".repeat(100_000));
    }),
    (TemplateResources, |bench| with(bench, "Resources:", "Outputs:")),
    (TemplateImageParameter, |bench| {
        with_template(bench).edit("[[listing.template]]", "[[listing.template]]\nimage-parameters = [\"ImageId\", \"Second\"]");
    }),
    (TemplateImageType, |bench| with(bench, "AWS::EC2::Image::Id", "String")),
    (TemplateImageUnused, |bench| with(bench, "ImageId: !Ref ImageId", "KeyName: x")),
    (TemplateForeignImage, |bench| with(bench, "ImageId: !Ref ImageId", "ImageId: ami-0123456789abcdef0\n      UserData: !Ref ImageId")),
    (TemplateParameterStore, |bench| with(bench, "    Type: String", "    Type: AWS::SSM::Parameter::Value<String>")),
    (TemplatePassword, |bench| with(bench, "  Admins:", "  Pin: { Type: String, NoEcho: true, Default: '1' }\n  Admins:")),
    (TemplateOpenAccess, |bench| with(bench, "10.0.0.0/8", "0.0.0.0/0")),
    (TemplateExternalCode, |bench| {
        with(bench, "  Server:", "  Code: { Type: AWS::Lambda::Function, Properties: { Code: { S3Bucket: acme } } }\n  Server:");
    }),
    (TemplateNesting, |bench| {
        with(bench, "  Server:", "  Network: { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: x } }\n  Server:");
    }),
    (TemplateTooLarge, |bench| {
        with_template(bench).write("listing/server.yaml", vec![b'#'; (1 << 20) + 1]);
    }),
    (NotUtf8, |bench| {
        with_template(bench).write("listing/server.yaml", b"# \xe9");
    }),
    (Secret, |bench| with(bench, "  Server:", "  # https://admin:hunter2secret@example.com/\n  Server:")),
    (TemplateUrl, |bench| {
        with_template(bench).edit("file = \"listing/server.yaml\"", "url = \"https://example.com/server.yaml\"");
    }),
    (TemplateUrl, |bench| {
        with_template(bench).write("listing/our server.yaml", TEMPLATE).edit("listing/server.yaml", "listing/our server.yaml");
    }),
    (TemplateScanningPort, |bench| {
        with_template(bench).edit("[listing]", "[listing]\nscanning-port = 2222").edit("[boot]", "[boot]\nport = 22");
    }),
    (DiagramUrl, |bench| {
        with_template(bench).edit("diagram = \"listing/server.gif\"", "diagram-url = \"https://example.com/server.png\"");
    }),
    (DiagramUrl, |bench| {
        with_template(bench).write("listing/our server.gif", gif(1560, 878)).edit("listing/server.gif", "listing/our server.gif");
    }),
    (DiagramFormat, |bench| {
        with_template(bench).write("listing/server.gif", "<svg/>");
    }),
    (DiagramDimensions, |bench| {
        with_template(bench).write("listing/server.gif", gif(1560, 900));
    }),
    (DiagramTooLarge, |bench| {
        with_template(bench).write("listing/server.gif", vec![0; 5_000_001]);
    }),
    (FileMissing, |bench| {
        with_template(bench).edit("listing/server.gif", "listing/none.gif");
    }),
    (FileOutside, |bench| {
        with_template(bench).edit("listing/server.yaml", "../server.yaml");
    }),
    (Alternatives, |bench| {
        with_template(bench).edit("[[listing.template]]", "[[listing.template]]\nurl = \"https://b.s3.amazonaws.com/x.yaml\"");
    }),
    (Alternatives, |bench| {
        with_template(bench).edit("[listing]", "[listing]\nimage-alone = false").edit("access-endpoint = ", "# ");
    }),
    (Duplicate, |bench| {
        with_template(bench).edit("[tags]", &format!("{TABLE}\n[tags]"));
    }),
    (Malformed, |bench| {
        with_template(bench).edit("[[listing.template]]", "[[listing.template]]\nimage-parameters = [\"Image-Id\"]");
    }),
    (RecommendedType, |bench| {
        with_template(bench).edit("[[listing.template]]", "[[listing.template]]\nrecommended-instance-type = \"t3.large\"");
    }),
    (UsageTopics, |bench| {
        with_template(bench).edit("[[listing.template]]", "[[listing.template]]\nusage-instructions = \"Launch it.\"");
    }),
    (TextEmpty, |bench| {
        with_template(bench).edit("\"One server\"", "\"\"");
    }),
    (MissingKey, |bench| {
        with_template(bench).edit("title = \"One server\"", "");
    }),
    (MissingKey, |bench| {
        with_template(bench)
            .edit("media-bucket = \"example-bucket\"", "")
            .edit("diagram = \"listing/server.gif\"", "diagram-url = \"https://b.s3.amazonaws.com/x.png\"");
    }),
];
