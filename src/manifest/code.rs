//! The stable codes of what can be wrong with a manifest, each with why, what to do, and an example.

use super::explain::{Example, edit, told};
use super::faults::Severity;

macro_rules! codes {
    ($($area:literal [$($severity:ident $variant:ident $name:literal {
        meaning: $meaning:literal, why: $why:expr, source: $source:expr, remedy: $remedy:literal, example: $example:expr $(,)?
    })*])*) => {
        /// The stable code of a kind of fault.
        ///
        /// A name is never given another meaning; scripts and suppressions rely on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $meaning] $variant,)*)*
        }

        impl Code {
            /// All codes, in the order of the documentation.
            pub const ALL: &[Self] = &[$($(Self::$variant),*),*];

            /// Returns the code as it is printed, such as `manifest/unknown-key`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($(Self::$variant => concat!("manifest/", $name),)*)*
                }
            }

            /// Returns the part of the documentation that it belongs to.
            pub fn area(self) -> &'static str {
                match self {
                    $($(Self::$variant)|* => $area,)*
                }
            }

            /// Returns what a fault of this kind is; one sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $($(Self::$variant => $meaning,)*)*
                }
            }

            /// Returns why it is a fault.
            pub fn why(self) -> &'static str {
                match self {
                    $($(Self::$variant => $why,)*)*
                }
            }

            /// Returns the address of the rule's source; none for rules of bakehouse's own.
            pub fn source(self) -> Option<&'static str> {
                match self {
                    $($(Self::$variant => $source,)*)*
                }
            }

            /// Returns what to do.
            pub fn remedy(self) -> &'static str {
                match self {
                    $($(Self::$variant => $remedy,)*)*
                }
            }

            /// Returns how bad it is.
            pub fn severity(self) -> Severity {
                match self {
                    $($(Self::$variant => Severity::$severity,)*)*
                }
            }

            /// Returns what triggers it.
            pub(super) fn example(self) -> Example {
                match self {
                    $($(Self::$variant => $example,)*)*
                }
            }
        }
    };
}

/// A rule that bakehouse has for its own reasons.
const OURS: Option<&str> = None;
const TOML: Option<&str> = Some("https://toml.io/en/v1.0.0");
/// "Working with AMI-based products" of the Catalog API.
const PRODUCTS: Option<&str> = Some("https://docs.aws.amazon.com/marketplace/latest/APIReference/work-with-single-ami-products.html");
/// CloudFormation templates for image-based products, of the seller guide.
const TEMPLATES: Option<&str> = Some("https://docs.aws.amazon.com/marketplace/latest/userguide/cloudformation.html");
const TEMPLATE_LIMITS: Option<&str> = Some("https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html");
const TEMPLATE_FORMATS: Option<&str> = Some("https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html");
/// "Working with public offers" of the Catalog API.
const OFFERS: Option<&str> = Some("https://docs.aws.amazon.com/marketplace/latest/APIReference/work-with-public-offers.html");
const CHECKLIST: Option<&str> = Some("https://docs.aws.amazon.com/marketplace/latest/userguide/aws-marketplace-listing-checklist.html");
const POLICIES: Option<&str> = Some("https://docs.aws.amazon.com/marketplace/latest/userguide/product-and-ami-policies.html");
const TYPES: Option<&str> = Some("https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html");
const NITRO: Option<&str> = Some("https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-nitro-instances.html");
const BOOT: Option<&str> = Some("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-boot.html");
const TAGS: Option<&str> = Some("https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html");
const USER_DATA: Option<&str> = Some("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html");

const TEMPLATE_SCAN: &str = "The Marketplace looks at templates only while it works on a version, an hour after submission (SCAN_ERROR); by then the \
                             version's title is used up.";
const REVIEWED: &str = "The Marketplace checks texts only while it works on a change set: minutes to an hour after submission.";

codes! {
"The document" [
    Error Unreadable "unreadable" {
        meaning: "The manifest is missing or can't be read.",
        why: "A product is a folder with a product.toml.", source: OURS,
        remedy: "Write the file (`bakehouse init NAME` writes one to start from), or mend its permissions.",
        example: told("products/demo without product.toml"),
    }
    Error TooLarge "too-large" {
        meaning: "The manifest is larger than 1 MiB.",
        why: "No manifest needs that much, and a stranger's must not fill the memory.", source: OURS,
        remedy: "Move long texts into files.",
        example: told("a product.toml of 2 MiB"),
    }
    Error NotUtf8 "not-utf8" {
        meaning: "A text is not UTF-8.",
        why: "TOML is UTF-8, and so is what the Marketplace is sent.", source: TOML,
        remedy: "Save the file as UTF-8.",
        example: told("a listing/long-description.md saved as Latin-1"),
    }
    Error Syntax "syntax" {
        meaning: "The manifest is not TOML.",
        why: "What can't be parsed can't be judged: other faults are told once this one is mended.", source: TOML,
        remedy: "Mend the line that is shown.",
        example: edit("format = 1", "format = "),
    }
    Error TooDeep "too-deep" {
        meaning: "Keys or values are nested deeper than any manifest needs.",
        why: "A stranger's manifest must not exhaust the stack.", source: OURS,
        remedy: "Look for a bracket that is not closed, or a key with too many dots.",
        example: edit("format = 1", "format = 1\na.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a = 1"),
    }
    Error Format "format" {
        meaning: "The manifest's format is not one that this version reads.",
        why: "The number tells how a manifest is to be read, now and in later versions.", source: OURS,
        remedy: "Write `format = 1`, or use the version of bakehouse that the manifest was written for.",
        example: edit("format = 1", "format = 2"),
    }
    Error UnknownKey "unknown-key" {
        meaning: "A key has no meaning where it stands.",
        why: "A misspelt key would else be passed over in silence.", source: OURS,
        remedy: "Mend its name or place; the message lists what may stand there.",
        example: edit("title = ", "titel = \"x\"\ntitle = "),
    }
    Error MissingKey "missing-key" {
        meaning: "A key is required and not there.",
        why: "There is no default that would suit.", source: OURS,
        remedy: "Add it to the manifest, or to `[defaults]` of bakehouse.toml for all products.",
        example: edit("title = \"Demo\"", ""),
    }
    Error WrongType "wrong-type" {
        meaning: "A value is of another type than the key takes.",
        why: "Nothing is converted: what is written is what is meant.", source: OURS,
        remedy: "Write the value as the message says; prices, modes and account ids are texts in quotes.",
        example: edit("title = \"Demo\"", "title = 5"),
    }
    Error UnknownValue "unknown-value" {
        meaning: "A value is none of those that the key takes.",
        why: "The key has a closed list of values.", source: OURS,
        remedy: "Write one of those that the message lists.",
        example: edit("protocol = \"http\"", "protocol = \"gopher\""),
    }
    Error Malformed "malformed" {
        meaning: "A value does not have the form that the key takes.",
        why: "AWS would refuse it, or it would name something that can't exist.", source: OURS,
        remedy: "Write it in the form that the message shows.",
        example: edit("deadline = \"45m\"", "deadline = \"45 minutes\""),
    }
    Error OutOfRange "out-of-range" {
        meaning: "A number or duration is too small or too large.",
        why: "AWS has limits, and some values can only be mistakes.", source: OURS,
        remedy: "Choose a value in the range that the message gives.",
        example: edit("size-gib = 8", "size-gib = 0"),
    }
    Error Count "count" {
        meaning: "A list has too few or too many entries.",
        why: "The Marketplace takes at most 3 highlights, 15 keywords, 3 categories, 3 links, 25 security groups of 5 ranges, \
              1,500 instance types, 100 Regions, 800 prices.", source: PRODUCTS,
        remedy: "Shorten or fill the list.",
        example: edit("search-keywords = [\"demo\"]", "search-keywords = []"),
    }
    Error Duplicate "duplicate" {
        meaning: "A value stands twice where each may stand once.",
        why: "AWS refuses some lists with duplicates; elsewhere one of them is a mistake.", source: PRODUCTS,
        remedy: "Take one of them out.",
        example: edit("search-keywords = [\"demo\"]", "search-keywords = [\"demo\", \"demo\"]"),
    }
    Error Alternatives "alternatives" {
        meaning: "None or several of keys are set of which exactly one must be.",
        why: "The keys exclude each other, and which one is meant can't be guessed.", source: OURS,
        remedy: "Keep one of the keys that the message names.",
        example: edit("port = 22, ", "port = 22, to-port = 23, "),
    }
    Error TooManyFaults "too-many-faults" {
        meaning: "There are more faults than are told.",
        why: "Who wrote a thousand faults learns nothing from more of them.", source: OURS,
        remedy: "Mend those that are told, and check again.",
        example: told("a manifest with 40,000 unknown keys"),
    }
    Error Slug "slug" {
        meaning: "A product's folder has no valid name, or the manifest another one.",
        why: "The folder's name is the product's in commands, tags, image names and the ledger.", source: OURS,
        remedy: "Rename the folder: at most 40 lower-case letters, digits and single hyphens, starting with a letter.",
        example: edit("[product]", "[product]\nslug = \"other\""),
    }
]
"Texts" [
    Error TextEmpty "text-empty" {
        meaning: "A text is empty.",
        why: REVIEWED, source: PRODUCTS,
        remedy: "Write something, or leave the key out where it is optional.",
        example: edit("title = \"Demo\"", "title = \"\""),
    }
    Error TextTooLong "text-too-long" {
        meaning: "A text is longer than the Marketplace takes.",
        why: "Titles take 72 characters, short descriptions 1,000, long ones 5,000, highlights 500, keywords 50, support 2,000, \
              usage instructions 4,000, release notes 30,000, refund policies 500.", source: PRODUCTS,
        remedy: "Shorten it.",
        example: edit("title = \"Demo\"", "title = \"0123456789012345678901234567890123456789012345678901234567890123456789012\""),
    }
    Error TextOuterSpace "text-outer-space" {
        meaning: "A text starts (or, where that is refused, ends) with white space.",
        why: "Every text must start with something else than white space; a refund policy must not end with it either.", source: PRODUCTS,
        remedy: "Take the white space away.",
        example: edit("title = \"Demo\"", "title = \" Demo\""),
    }
    Error TextControlCharacter "text-control-character" {
        meaning: "A text holds a control character.",
        why: "The API refuses all but tab and line feed, carriage returns of Windows among them.", source: PRODUCTS,
        remedy: "Take it out; save files with line feeds as line ends.",
        example: edit("title = \"Demo\"", "title = \"De\\u0007mo\""),
    }
    Error TextUnsupportedCharacter "text-unsupported-character" {
        meaning: "A text holds a character that the Marketplace refuses.",
        why: "Sellers report every character beyond ASCII refused (\"Remove unsupported characters\") but for \u{2122}, \u{ae} and \u{a9}: \
              typographers' dashes and quotes, bullets, emoji, accented letters.", source: PRODUCTS,
        remedy: "Write it in ASCII; the hint names what to write instead.",
        example: edit("title = \"Demo\"", "title = \"Demo \u{2014} new\""),
    }
    Error TextTrademarkSpace "text-trademark-space" {
        meaning: "White space stands before a trademark sign.",
        why: "Refused as \"Remove spaces before trademark symbol\".", source: PRODUCTS,
        remedy: "Write the sign right after its name.",
        example: edit("title = \"Demo\"", "title = \"Demo \u{2122}\""),
    }
    Warning TextHtml "text-html" {
        meaning: "A text holds HTML, which buyers would see as it is written.",
        why: "The listing's page shows texts as plain text.", source: OURS,
        remedy: "Write plain text with line feeds.",
        example: edit("[\"Starts in seconds\"", "[\"Starts in <b>seconds</b>\""),
    }
    Error TitleCharacter "title-character" {
        meaning: "The title holds a character that an offer's name can't have.",
        why: "The public offer is named after the title, and the name of an offer takes no \\, < and >.", source: OFFERS,
        remedy: "Take the character out.",
        example: edit("title = \"Demo\"", "title = \"Demo > all\""),
    }
    Error KeywordsTooLong "keywords-too-long" {
        meaning: "The search keywords together are longer than the Marketplace takes.",
        why: "Together they take 250 characters.", source: PRODUCTS,
        remedy: "Shorten or drop some.",
        example: told("six keywords of 46 characters"),
    }
    Warning UnknownCategory "unknown-category" {
        meaning: "A category is not one that is known of the Marketplace.",
        why: "The Marketplace has a closed list, which it extends now and then; an unknown one is refused as INVALID_CATEGORY_NAMES.",
        source: Some("https://docs.aws.amazon.com/marketplace/latest/buyerguide/buyer-product-categories.html"),
        remedy: "Take one of the list, spelt as there; the hint names the nearest.",
        example: edit("\"Application Servers\"", "\"Aplication Servers\""),
    }
    Error OpenSourceSentence "open-source-sentence" {
        meaning: "The short description of repackaged open source does not begin as prescribed.",
        why: "Who sells others' open source must say what is charged for, in a prescribed first sentence.", source: POLICIES,
        remedy: "Begin with \"This is a repackaged open source software product wherein additional charges apply for \", or take \
                 `repackaged-open-source` out if the software is your own.",
        example: edit("[product]", "[product]\nrepackaged-open-source = true"),
    }
    Warning SupportContact "support-contact" {
        meaning: "The support description names no way to get support.",
        why: "It must tell buyers how to reach you: a mail address, a web address or a telephone number.", source: CHECKLIST,
        remedy: "Say where to write or call, and how soon you answer.",
        example: edit("Write to support@example.com. We answer", "We answer"),
    }
    Warning UsageTopics "usage-topics" {
        meaning: "The usage instructions say nothing of something that they must say.",
        why: "The Marketplace asks for: where sensitive data lies, how it is encrypted, how keys are rotated, backup and restore, how \
              to check health, service quotas, costs.", source: CHECKLIST,
        remedy: "Add a sentence for each topic that the message names, if only to say that there is nothing to do.",
        example: edit("usage-instructions = { file = \"listing/usage-instructions.md\" }", "usage-instructions = \"Launch it.\""),
    }
    Warning ReleaseNotesLabel "release-notes-label" {
        meaning: "The release notes don't say how urgent the update is.",
        why: "The Marketplace asks that versions are labelled Critical, Important or Optional.", source: CHECKLIST,
        remedy: "Begin the notes with one of the three words.",
        example: edit("[listing]", "[listing]\nrelease-notes = \"New nginx.\""),
    }
]
"Logo, licence, links" [
    Error LogoUrl "logo-url" {
        meaning: "The logo's address is not one that the Marketplace takes.",
        why: "Logos are fetched from S3 by https, without a query string; the address ends in .png, .jpg or .gif.", source: PRODUCTS,
        remedy: "Put the logo into a bucket where everyone can read it, and write its plain address.",
        example: edit("https://example-bucket.s3.amazonaws.com/demo/logo.png", "https://example.com/logo.png"),
    }
    Error LogoFormat "logo-format" {
        meaning: "The logo's file is not the image that its name says.",
        why: "The Marketplace takes png, jpg and gif (InvalidImageProperties), and looks at the content.", source: PRODUCTS,
        remedy: "Export it again as the format of its name.",
        example: told("a listing/logo.png that holds an SVG"),
    }
    Error LogoTooLarge "logo-too-large" {
        meaning: "The logo's file is larger than the Marketplace takes.",
        why: "Media take at most 5 MB (INVALID_MEDIA).", source: PRODUCTS,
        remedy: "Make it smaller; 640 pixels of width suffice.",
        example: told("a listing/logo.png of 6 MB"),
    }
    Error LogoDimensions "logo-dimensions" {
        meaning: "The logo is too narrow, or not between square and twice as wide as high.",
        why: "A logo is at least 110 pixels wide and has a ratio from 1:1 to 2:1.", source: CHECKLIST,
        remedy: "Pad or scale it.",
        example: told("a listing/logo.png of 300 x 100 pixels"),
    }
    Warning LogoWidth "logo-width" {
        meaning: "The logo is not as wide as the Marketplace advises.",
        why: "The seller's guide asks for 120 to 640 pixels.", source: CHECKLIST,
        remedy: "Scale it.",
        example: told("a listing/logo.png of 1000 x 800 pixels"),
    }
    Error EulaUrl "eula-url" {
        meaning: "The licence's address is not one that the Marketplace takes.",
        why: "The text is fetched from S3 by https; the address may be pre-signed.", source: OFFERS,
        remedy: "Put the text into a bucket, or use the standard contract.",
        example: edit("{ standard = \"2022-07-14\" }", "{ url = \"https://example.com/eula.txt\" }"),
    }
    Error EulaVersion "eula-version" {
        meaning: "The version of the standard contract is not one for new offers.",
        why: "New offers take the version of 2022-07-14 alone.", source: OFFERS,
        remedy: "Write `eula = { standard = \"2022-07-14\" }`.",
        example: edit("{ standard = \"2022-07-14\" }", "{ standard = \"2019-04-24\" }"),
    }
    Error EulaFormat "eula-format" {
        meaning: "The licence's file is not the document that its name says.",
        why: "Buyers are shown it as it is: a text in UTF-8 (.txt), or a PDF (.pdf).", source: OFFERS,
        remedy: "Save it as one of the two.",
        example: told("an empty listing/eula.txt"),
    }
    Error LinkUrl "link-url" {
        meaning: "A link is not an https or http address.",
        why: "Buyers click on it; the API takes no other addresses (INVALID_ADDITIONAL_RESOURCES).", source: PRODUCTS,
        remedy: "Write the whole address, with https://.",
        example: edit("[product]", "[product]\nadditional-resources = [{ text = \"x\", url = \"javascript:x\" }]"),
    }
]
"The image" [
    Error StrayVariant "stray-variant" {
        meaning: "The manifest says something of a variant that the product does not have.",
        why: "It would be passed over in silence, and the variant never be made.", source: OURS,
        remedy: "Name both: `architectures = [\"x86_64\", \"arm64\"]`; or take the table out.",
        example: edit("format = 1", "format = 1\n[variant.arm64.product]\ntitle = \"Demo for Arm\""),
    }
    Warning UnknownOsName "unknown-os-name" {
        meaning: "The operating system's name is not one that the Marketplace is known to take.",
        why: "Its list is closed and not published; AMAZONLINUX, UBUNTU, OTHERLINUX and WINDOWS have been seen to pass.", source: PRODUCTS,
        remedy: "Write OTHERLINUX for anything else, and the distribution in `os-version`.",
        example: edit("\"OTHERLINUX\"", "\"OTHER_LINUX\""),
    }
    Error BootMode "boot-mode" {
        meaning: "The boot mode does not fit the architecture or an instance type.",
        why: "Graviton starts by UEFI alone; instance types before Nitro by BIOS alone.", source: BOOT,
        remedy: "Take \"uefi-preferred\" for x86_64 and \"uefi\" for arm64, or leave the key out.",
        example: told("boot-mode = \"legacy-bios\" beside architecture = \"arm64\""),
    }
    Error UserName "user-name" {
        meaning: "The login user is not a name that the Marketplace takes.",
        why: "AWS's scanner logs in as this user, with sudo: a letter and up to 31 letters, digits, hyphens and underscores, not root.",
        source: POLICIES,
        remedy: "Write the base's own default user, such as admin, ubuntu or ec2-user.",
        example: edit("login-user = \"admin\"", "login-user = \"root\""),
    }
    Error InstanceType "instance-type" {
        meaning: "An instance type does not have the form of one.",
        why: "An instance type is a family, a dot and a size.", source: TYPES,
        remedy: "Write it as EC2 does, such as t3.small.",
        example: edit("instance-type = \"t3.small\"\n#", "instance-type = \"t3\"\n#"),
    }
    Warning UnknownInstanceType "unknown-instance-type" {
        meaning: "An instance type is not one that is known.",
        why: "EC2 opens new families and sizes now and then; others are misspelt, and refused as INVALID_INSTANCE_TYPES.", source: TYPES,
        remedy: "Look whether it exists: aws ec2 describe-instance-types --instance-types NAME",
        example: edit("instance-type = \"t3.small\"\n#", "instance-type = \"t3.smal\"\n#"),
    }
    Error InstanceArchitecture "instance-architecture" {
        meaning: "An instance type can't run images of the product's architecture.",
        why: "A `g` after the generation is Graviton, which runs arm64; the others run x86_64 (INCOMPATIBLE_AMI).", source: TYPES,
        remedy: "Take an instance type of the image's architecture, such as t3.small for x86_64 and t4g.small for arm64.",
        example: edit("instance-type = \"t3.small\"\n#", "instance-type = \"t4g.small\"\n#"),
    }
    Error InstanceNotNitro "instance-not-nitro" {
        meaning: "The build's instance type is of a generation before Nitro.",
        why: "The bake reads the serial console and attaches volumes as NVMe, which begin with Nitro.", source: NITRO,
        remedy: "Take a newer one, such as t3.small.",
        example: edit("instance-type = \"t3.small\"\n#", "instance-type = \"t2.small\"\n#"),
    }
    Error BuildRegion "build-region" {
        meaning: "The image is not built in the region that the Marketplace takes images from.",
        why: "The Marketplace takes images from us-east-1 alone.", source: POLICIES,
        remedy: "Build in us-east-1; `[distribution] regions` makes copies for your own use.",
        example: edit("region = \"us-east-1\"", "region = \"eu-west-1\""),
    }
    Warning UnknownRegion "unknown-region" {
        meaning: "A region is not one that is known.",
        why: "AWS opens new ones now and then; others are misspelt.",
        source: Some("https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html"),
        remedy: "Mend the spelling; the hint names the nearest.",
        example: edit("regions = [\"us-east-1\"]", "regions = [\"us-esat-1\"]"),
    }
    Error Tag "tag" {
        meaning: "A tag is not one that AWS takes, or is kept for bakehouse.",
        why: "Keys take 128 characters and values 256: letters, digits, spaces and _.:/=+-@; aws: and bakehouse: are reserved.", source: TAGS,
        remedy: "Choose another key or value.",
        example: edit("[tags]", "[tags]\n\"aws:x\" = \"x\""),
    }
]
"The scan" [
    Error WaiverId "waiver-id" {
        meaning: "A waiver is for no code, no id of a vulnerability and no glob of them, or for coverage findings by a glob.",
        why: "What was not looked at may hold anything: it is let pass by name alone.", source: OURS,
        remedy: "Write the code as the scan prints it; `bakehouse scan` names those that fail.",
        example: edit("[tags]", "[[scan.waiver]]\nid = \"COV-*\"\ntarget = \"image\"\nreason = \"x\"\nowner = \"x\"\n\
                                 created = 2026-11-02\nexpires = 2027-02-01\n[tags]"),
    }
    Error VexDocument "vex-document" {
        meaning: "A VEX document can't be read.",
        why: "What it says would hold for nothing, and be missed only when the scan stops a release.",
        source: Some("https://github.com/openvex/spec"),
        remedy: "Mend it where the message says; OpenVEX up to 0.2 and CSAF 2.0 with a VEX profile are read.",
        example: edit("[tags]", "[scan.vulnerabilities]\nvex = [\"product.toml\"]\n[tags]"),
    }
    Warning VexStatement "vex-statement" {
        meaning: "A statement of a VEX document holds for nothing.",
        why: "It names no package that can be told, or gives no reason why the product isn't affected.",
        source: Some("https://www.cisa.gov/sites/default/files/2023-04/minimum-requirements-for-vex-508c.pdf"),
        remedy: "Name products by package URL, and say why each isn't affected.",
        example: told("a statement whose product has a name and no package URL"),
    }
    Warning WaiverRule "waiver-rule" {
        meaning: "A waiver is for a rule that the scan does not have.",
        why: "It lets nothing pass, and whoever reads it believes that it does.", source: OURS,
        remedy: "Write the code as the scan prints it, or take the waiver out. Ids of vulnerabilities are not meant.",
        example: edit("[tags]", "[[scan.waiver]]\nid = \"AMI-HIS-0011\"\ntarget = \"image\"\nreason = \"x\"\nowner = \"x\"\n\
                                 created = 2026-11-02\nexpires = 2027-02-01\n[tags]"),
    }
    Error WaiverTarget "waiver-target" {
        meaning: "A waiver's target is no place that something can be found in.",
        why: "A finding is of a file, of a package, or of the image as a whole.", source: OURS,
        remedy: "Write the path that the scan prints, from the image's root, or \"image\".",
        example: edit("[tags]", "[[scan.waiver]]\nid = \"AMI-HIS-001\"\ntarget = \"root/**\"\nreason = \"x\"\nowner = \"x\"\n\
                                 created = 2026-11-02\nexpires = 2027-02-01\n[tags]"),
    }
    Error WaiverTerm "waiver-term" {
        meaning: "A waiver holds for more than 180 days, or ends before it begins.",
        why: "What was let pass is to be looked at again twice a year. Counted from `created` and not from today: a manifest is right \
              or wrong whatever the day.", source: OURS,
        remedy: "Choose an earlier day; once it comes near, look again and set both days anew.",
        example: edit("[tags]", "[[scan.waiver]]\nid = \"AMI-HIS-001\"\ntarget = \"/root/**\"\nreason = \"x\"\nowner = \"x\"\n\
                                 created = 2026-11-02\nexpires = 2028-11-02\n[tags]"),
    }
    Warning WaiverEnding "waiver-ending" {
        meaning: "A waiver has ended, or ends within two weeks.",
        why: "From the day after on, what it let pass stops a release again, in the middle of it if nobody looks before.", source: OURS,
        remedy: "Mend what it is for and take it out; or look again, and set both days anew.",
        example: edit("[tags]", "[[scan.waiver]]\nid = \"AMI-HIS-001\"\ntarget = \"/root/**\"\nreason = \"x\"\nowner = \"x\"\n\
                                 created = 2026-05-02\nexpires = 2026-10-01\n[tags]"),
    }
    Error WaiverException "waiver-exception" {
        meaning: "An exception of AWS's policy is claimed for what it does not cover.",
        why: "The policy lets services that are not for administration start with a strong password that each instance makes at random, \
              to be used once and changed at once; nothing of accounts or of SSH.", source: POLICIES,
        remedy: "Claim it for `AMI-SEC-005` (default passwords of applications) alone, or take `exception` out.",
        example: edit("[tags]", "[[scan.waiver]]\nid = \"AMI-PWD-003\"\ntarget = \"/etc/shadow\"\nreason = \"x\"\nowner = \"x\"\n\
                                 created = 2026-11-02\nexpires = 2027-02-01\nexception = \"one-time-password\"\n[tags]"),
    }
]
"Provisioning" [
    Error PackageName "package-name" {
        meaning: "A package's name is not one that a package manager takes.",
        why: "A name that starts with a hyphen would be an option; others can't exist.", source: OURS,
        remedy: "Write the package's name, with =VERSION if need be.",
        example: edit("packages = [\"nginx\"]", "packages = [\"--purge\"]"),
    }
    Error FileMissing "file-missing" {
        meaning: "A file that the manifest names is not there or can't be read.",
        why: "Everything that goes into the image or the listing is read before anything is made.", source: OURS,
        remedy: "Mend the path (from the product's folder) or add the file.",
        example: edit("script = \"provision/10-setup.sh\"", "script = \"provision/none.sh\""),
    }
    Error FileOutside "file-outside" {
        meaning: "A path leads out of the product's folder.",
        why: "What a product is made of lies in its folder, so that a stranger's manifest can't take files of yours; symbolic links that \
              lead out are refused too.", source: OURS,
        remedy: "Copy the file into the product's folder.",
        example: edit("script = \"provision/10-setup.sh\"", "script = \"../demo/provision/10-setup.sh\""),
    }
    Error FileKind "file-kind" {
        meaning: "A path names something else than a regular file.",
        why: "Folders, pipes and devices have no content to digest.", source: OURS,
        remedy: "Name the files one by one, or pack a folder into an archive.",
        example: edit("script = \"provision/10-setup.sh\"", "script = \"provision\""),
    }
    Error FileTooLarge "file-too-large" {
        meaning: "A file is larger than 1 MiB.",
        why: "Provisioning carries configuration and scripts; software comes from packages.", source: OURS,
        remedy: "Have a script fetch it, and check its digest there.",
        example: told("files = [{ from = \"database.tar\", … }] with a database.tar of 2 MiB"),
    }
    Error FileTarget "file-target" {
        meaning: "A file would be put where it can't be kept in the image.",
        why: "/proc, /sys, /dev and /run are not part of the disk; /tmp and /var/tmp are emptied before the image is made.", source: OURS,
        remedy: "Write an absolute path of a file on the disk.",
        example: edit(
            "script = \"provision/10-setup.sh\"",
            "files = [{ from = \"provision/10-setup.sh\", to = \"/tmp/setup.sh\" }]",
        ),
    }
    Error FileMode "file-mode" {
        meaning: "A file's mode is not made of permission bits.",
        why: "A mode is octal, and TOML's numbers are not: it is written as a text.", source: OURS,
        remedy: "Write three or four octal digits in quotes, such as \"0755\".",
        example: edit(
            "script = \"provision/10-setup.sh\"",
            "files = [{ from = \"provision/10-setup.sh\", to = \"/opt/setup.sh\", mode = \"rwx\" }]",
        ),
    }
    Error FileOwner "file-owner" {
        meaning: "A file's owner is not a user, or a user and a group.",
        why: "It is given to chown as it stands.", source: OURS,
        remedy: "Write `user` or `user:group`.",
        example: edit(
            "script = \"provision/10-setup.sh\"",
            "files = [{ from = \"provision/10-setup.sh\", to = \"/opt/setup.sh\", owner = \"a b\" }]",
        ),
    }
    Error ScriptShebang "script-shebang" {
        meaning: "A script's first line does not name its interpreter.",
        why: "Scripts are run by what their first line names.", source: OURS,
        remedy: "Begin the script with a line such as #!/bin/sh, without a byte-order mark before it.",
        example: edit("script = \"provision/10-setup.sh\"", "script = \"listing/long-description.md\""),
    }
    Error ScriptCrlf "script-crlf" {
        meaning: "A script has Windows line ends, which its interpreter reads as text.",
        why: "The kernel would look for an interpreter called \"sh\\r\".", source: OURS,
        remedy: "Convert it with `sed -i 's/\\r$//'`, and tell git: `*.sh text eol=lf`.",
        example: edit("packages = [\"nginx\"]", "run = \"true\\r\\n\""),
    }
    Warning StrayTest "stray-test" {
        meaning: "Something in `tests/` is no test that is run.",
        why: "Of `tests/` what ends in .sh is run on the booted image; a test that is passed over would seem to succeed.", source: OURS,
        remedy: "Name it with .sh at its end, or move it elsewhere; names that start with a dot are let be.",
        example: told("tests/10-services without .sh, or a folder in tests/"),
    }
    Error Payload "payload" {
        meaning: "An instance can't be given what provisioning brings.",
        why: "EC2's user data take 16 KiB, compressed; what is larger is fetched from a bucket, and held in memory by the instance.",
        source: USER_DATA,
        remedy: "Name a bucket of yours in [image.build]: bucket = \"acme-bakes\"; or fetch large files in a script.",
        example: told("[[image.provision]] with a file of 100 KiB of random bytes, and no `bucket` in [image.build]"),
    }
    Error Secret "secret" {
        meaning: "A secret stands where others can read it.",
        why: "Manifests are committed; user data can be read by who may describe the instance; images and listings by every buyer.",
        source: USER_DATA,
        remedy: "Have the instance fetch or make the secret at its first boot, and replace this one: it is known now.",
        example: told("a provisioning script with a private key, an access key or a password in a URL"),
    }
]
"Listing and prices" [
    Error RecommendedType "recommended-type" {
        meaning: "The recommended instance type is not on sale.",
        why: "Refused as RECOMMENDED_INSTANCE_TYPE_NOT_AVAILABLE.", source: PRODUCTS,
        remedy: "Recommend one of `instance-types`, or add it there.",
        example: edit("recommended-instance-type = \"t3.small\"", "recommended-instance-type = \"t3.large\""),
    }
    Error MissingRate "missing-rate" {
        meaning: "An instance type on sale has no price.",
        why: "Every instance type is a dimension, and every dimension must be priced.", source: OFFERS,
        remedy: "Add its price to `[listing.pricing.rates]`.",
        example: edit("\"t3.small\" = \"0.02\"", ""),
    }
    Error StrayRate "stray-rate" {
        meaning: "An instance type has a price and is not on sale.",
        why: "A price without its dimension is refused.", source: OFFERS,
        remedy: "Add it to `instance-types`, or take its price out.",
        example: edit("\"t3.small\" = \"0.02\"", "\"t3.small\" = \"0.02\"\n\"t3.large\" = \"0.04\""),
    }
    Error PricingModel "pricing-model" {
        meaning: "There is no pricing model of that name for an image, or its keys contradict it.",
        why: "A model can't change once the offer is released, so it is not guessed.", source: OFFERS,
        remedy: "Write one of the models that the message names, with its own keys alone.",
        example: edit("model = \"hourly\"", "model = \"byol\""),
    }
    Error Price "price" {
        meaning: "A price is not one that the Marketplace takes.",
        why: "Prices are decimal texts of at most 100,000,000, an hour's with at most 8 decimals, a year's and a month's with 3.", source: OFFERS,
        remedy: "Write US dollars as a text, such as \"0.035\".",
        example: edit("\"0.02\"", "\"0.123456789\""),
    }
    Error UnknownCountry "unknown-country" {
        meaning: "A country's code is none of ISO 3166-1 alpha-2.",
        why: "An offer that targets it is refused (INVALID_COUNTRY_CODES).", source: OFFERS,
        remedy: "Write the two capital letters of ISO 3166-1, such as \"GB\" for the United Kingdom.",
        example: edit("[listing]", "[listing]\noffer = { countries = [\"UK\"] }"),
    }
    Warning EmbargoedCountry "embargoed-country" {
        meaning: "An offer is for a country that AWS sells nothing to.",
        why: "Sanctions forbid it, and the whole offer is refused (INCOMPATIBLE_COUNTRY_CODES). AWS publishes no list, and such lists change.",
        source: OFFERS,
        remedy: "Take the country out.",
        example: edit("[listing]", "[listing]\noffer = { countries = [\"KP\"] }"),
    }
    Error PortRange "port-range" {
        meaning: "A range of ports ends before it starts.",
        why: "Refused as INVALID_SECURITY_GROUP.", source: PRODUCTS,
        remedy: "Swap the two, or write `port` for a single one.",
        example: edit("port = 22", "from-port = 22, to-port = 21"),
    }
    Error Cidr "cidr" {
        meaning: "An address range is not in CIDR notation.",
        why: "Refused as INVALID_CIDR_IP; with bits below the mask it would mean another range than it shows.", source: PRODUCTS,
        remedy: "Write the network's address and the length of its mask, such as 10.0.0.0/8.",
        example: edit("10.0.0.0/8", "10.0.0.0/33"),
    }
    Warning OpenPort "open-port" {
        meaning: "The recommended security group opens a port for administration or a database to the whole internet.",
        why: "In CloudFormation options the Marketplace refuses 0.0.0.0/0 on such ports; here buyers take over what is recommended.", source: POLICIES,
        remedy: "Recommend a private range such as 10.0.0.0/8, which the buyer widens.",
        example: edit("port = 22, ranges = [\"10.0.0.0/8\"]", "port = 22"),
    }
    Warning EndpointClosed "endpoint-closed" {
        meaning: "The access endpoint's port is not opened by the recommended security group.",
        why: "Buyers are shown a link that can't answer.", source: OURS,
        remedy: "Open the port in `security-groups`, or correct `access-endpoint`.",
        example: edit("{ protocol = \"http\", port = 80 }", "{ protocol = \"http\", port = 8080 }"),
    }
    Error EndpointPath "endpoint-path" {
        meaning: "The access endpoint's path is not one that the Marketplace takes.",
        why: "Refused as INVALID_ACCESS_ENDPOINT_RELATIVE_PATH: no leading slash, no white space, nothing that no address has, at most 2,000 characters.", source: PRODUCTS,
        remedy: "Write it without the leading slash, spaces as %20.",
        example: edit("protocol = \"http\", port", "protocol = \"http\", path = \"/x\", port"),
    }
]
"Templates" [
    Error TemplateUrl "template-url" {
        meaning: "A template's address is not one that the Marketplace takes.",
        why: "Templates are fetched from S3 by https (INVALID_MEDIA).", source: TEMPLATES,
        remedy: "Name a file of the product's folder instead: `file = \"listing/server.yaml\"`; or put the template into a bucket.",
        example: told("[[listing.template]] with url = \"https://example.com/server.yaml\""),
    }
    Error TemplateTooLarge "template-too-large" {
        meaning: "A template is larger than CloudFormation reads from S3.",
        why: "Templates in S3 take at most 1 MiB (INVALID_MEDIA).", source: TEMPLATE_LIMITS,
        remedy: "Take parts of it into nested templates.",
        example: told("a listing/server.yaml of 2 MiB"),
    }
    Error TemplateSyntax "template-syntax" {
        meaning: "A template is not what CloudFormation reads.",
        why: "A template is one document in JSON or YAML, without aliases and without a key twice; bakehouse reads 64 levels.", source: TEMPLATE_FORMATS,
        remedy: "Mend the place that is shown.",
        example: told("a template with `Resources: [`"),
    }
    Error TemplateResources "template-resources" {
        meaning: "A template makes nothing.",
        why: "CloudFormation asks for `Resources` with one entry at least.", source: TEMPLATE_FORMATS,
        remedy: "Add what is to be made.",
        example: told("a template of `Parameters` and `Outputs` alone"),
    }
    Error TemplateImageParameter "template-image-parameter" {
        meaning: "A template lacks the parameter that is to get the image.",
        why: TEMPLATE_SCAN, source: TEMPLATES,
        remedy: "Add `ImageId: { Type: AWS::EC2::Image::Id }` to its parameters, or name another one by `image-parameters`.",
        example: told("a template without the parameter ImageId"),
    }
    Error TemplateImageType "template-image-type" {
        meaning: "The parameter that is to get the image is not of an image's type.",
        why: "The Marketplace puts in the version's image, which only AWS::EC2::Image::Id takes.", source: TEMPLATES,
        remedy: "Write `Type: AWS::EC2::Image::Id`.",
        example: told("ImageId: { Type: String }"),
    }
    Error TemplateImageUnused "template-image-unused" {
        meaning: "No resource of a template uses the image that it is given.",
        why: TEMPLATE_SCAN, source: TEMPLATES,
        remedy: "Launch the instances from it: `ImageId: !Ref ImageId`.",
        example: told("a template that declares ImageId and makes a bucket alone"),
    }
    Error TemplateForeignImage "template-foreign-image" {
        meaning: "A template launches an image that the Marketplace does not give it.",
        why: "Images come by the named parameters alone: an id, a mapping or a parameter store of one's own leads elsewhere.", source: TEMPLATES,
        remedy: "Write `ImageId: !Ref ImageId`.",
        example: told("ImageId: ami-0123456789abcdef0"),
    }
    Error TemplateParameterStore "template-parameter-store" {
        meaning: "A template reads from a parameter store that buyers don't have.",
        why: "Parameters of the type AWS::SSM::Parameter… are looked up in the buyer's account.", source: TEMPLATES,
        remedy: "Take a plain parameter; AWS's own, whose names begin with /aws/service/, are everybody's.",
        example: told("Type: AWS::SSM::Parameter::Value<String>, Default: /acme/size"),
    }
    Error TemplatePassword "template-password" {
        meaning: "A password of a template has a default.",
        why: "Every buyer's would be the same.", source: TEMPLATES,
        remedy: "Take the default out: CloudFormation asks for it then.",
        example: told("Password: { Type: String, NoEcho: true, Default: changeme }"),
    }
    Error TemplateOpenAccess "template-open-access" {
        meaning: "A template opens a port for administration or a database to the whole internet.",
        why: "The Marketplace refuses 0.0.0.0/0 by default on such ports.", source: TEMPLATES,
        remedy: "Let the buyer say from where: a parameter for `CidrIp`, without default or with a private range.",
        example: told("FromPort: 22, ToPort: 22, CidrIp: 0.0.0.0/0"),
    }
    Error TemplateExternalCode "template-external-code" {
        meaning: "A function of a template has its code elsewhere.",
        why: "The Marketplace takes no code objects of the seller's; what a function runs stands in the template.", source: TEMPLATES,
        remedy: "Write the code inline: `Code: { ZipFile: … }`.",
        example: told("Code: { S3Bucket: acme }"),
    }
    Error TemplateNesting "template-nesting" {
        meaning: "A nested template is not found by the Marketplace's parameters.",
        why: "The Marketplace copies nested templates and writes the defaults of MPS3BucketName, MPS3BucketRegion and MPS3KeyPrefix anew.",
        source: TEMPLATES,
        remedy: "Declare the three and make the TemplateURL of them.",
        example: told("TemplateURL: https://acme.s3.amazonaws.com/network.yaml"),
    }
    Error TemplateScanningPort "template-scanning-port" {
        meaning: "A product with templates has another scanning port than 22.",
        why: "A version with a template can't name the port that AWS's scanner logs in on.", source: PRODUCTS,
        remedy: "Have sshd answer on port 22, and leave `scanning-port` out.",
        example: told("scanning-port = 2222 beside [[listing.template]]"),
    }
    Error DiagramUrl "diagram-url" {
        meaning: "A diagram's address is not one that the Marketplace takes.",
        why: "Diagrams are fetched from S3 by https, without a query string; the address ends in .png, .jpg or .gif.", source: TEMPLATES,
        remedy: "Name a file of the product's folder instead: `diagram = \"listing/server.png\"`; or put the picture into a bucket.",
        example: told("[[listing.template]] with diagram-url = \"https://example.com/server.png\""),
    }
    Error DiagramFormat "diagram-format" {
        meaning: "A diagram's file is not the image that its name says.",
        why: "The Marketplace takes png, jpg and gif (InvalidImageProperties), and looks at the content.", source: TEMPLATES,
        remedy: "Export it again as the format of its name.",
        example: told("a listing/server.png that holds an SVG"),
    }
    Error DiagramTooLarge "diagram-too-large" {
        meaning: "A diagram's file is larger than the Marketplace takes.",
        why: "Media take at most 5 MB (INVALID_MEDIA).", source: PRODUCTS,
        remedy: "Make it smaller.",
        example: told("a listing/server.png of 6 MB"),
    }
    Error DiagramDimensions "diagram-dimensions" {
        meaning: "A diagram has a size that the Marketplace does not take.",
        why: "Diagrams are 1560 x 878 or 1560 x 3120 pixels (InvalidImageProperties).", source: TEMPLATES,
        remedy: "Scale or pad it.",
        example: told("a listing/server.png of 1560 x 900 pixels"),
    }
]
}
