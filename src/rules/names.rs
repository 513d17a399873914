//! Lists of names that AWS knows, and the nearest of them to a misspelt one.

use std::sync::LazyLock;

use regex::Regex;

/// Regions in commercial use, for hints alone: AWS opens others.
///
/// Source: <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html>
pub const REGIONS: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

/// Categories of the Marketplace; known not to be complete, so an unknown one is a warning.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/buyerguide/buyer-product-categories.html>
/// and the names that public sellers' change sets use.
pub const CATEGORIES: &[&str] = &[
    "Backup & Recovery",
    "Data Analytics",
    "High Performance Computing",
    "Migration",
    "Network Infrastructure",
    "Operating Systems",
    "Security",
    "Storage",
    "Agile Lifecycle Management",
    "Application Development",
    "Application Servers",
    "Application Stacks",
    "Continuous Integration and Continuous Delivery",
    "Infrastructure as Code",
    "Issue & Bug Tracking",
    "Monitoring",
    "Log Analysis",
    "Source Control",
    "Testing",
    "Blockchain",
    "Collaboration & Productivity",
    "Contact Center",
    "Content Management",
    "CRM",
    "eCommerce",
    "eLearning",
    "Human Resources",
    "IT Business Management",
    "Business Intelligence",
    "Project Management",
    "Human Review Services",
    "ML Solutions",
    "Data Labeling Services",
    "Computer Vision",
    "Natural Language Processing",
    "Speech Recognition",
    "Text",
    "Image",
    "Video",
    "Audio",
    "Structured",
    "Intelligent Automation",
    "Financial Services Data",
    "Healthcare & Life Sciences Data",
    "Media & Entertainment Data",
    "Telecommunications Data",
    "Gaming Data",
    "Automotive Data",
    "Manufacturing Data",
    "Resources Data",
    "Retail, Location & Marketing Data",
    "Public Sector Data",
    "Environmental Data",
    "Analytics",
    "Applications",
    "Device Connectivity",
    "Device Management",
    "Device Security",
    "Industrial IoT",
    "Smart Home & City",
    "Assessments",
    "Implementation",
    "Managed Services",
    "Premium Support",
    "Training",
    "Education & Research",
    "Financial Services",
    "Healthcare & Life Sciences",
    "Media & Entertainment",
    "Industrial",
    "Energy",
];

/// Names of operating systems that the Marketplace has been seen to take; its list is closed and not published.
pub const OS_NAMES: &[&str] = &["AMAZONLINUX", "OTHERLINUX", "UBUNTU", "WINDOWS"];

/// Tells whether a text can be the version of an operating system.
///
/// Source: Catalog API, AddDeliveryOptions, `INCOMPATIBLE_OPERATING_SYSTEM_VERSION`.
pub fn is_os_version(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

// Source: Catalog API, AddDeliveryOptions, AmiSource.UserName.
static LOGIN_USER: LazyLock<Regex> = LazyLock::new(|| Regex::new(LOGIN_USER_PATTERN).expect("the pattern is a constant"));

/// The form of a user that AWS's scanner can log in as.
pub const LOGIN_USER_PATTERN: &str = "^[a-zA-Z][a-zA-Z0-9_-]{0,31}$";

/// Tells whether AWS's scanner can log in as a user of this name.
pub fn is_login_user(name: &str) -> bool {
    LOGIN_USER.is_match(name)
}

/// Codes of countries, ISO 3166-1 alpha-2. Source: <https://www.iso.org/obp/ui/#search/code/>
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD \
    CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF \
    GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN \
    KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA \
    NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI \
    SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI \
    VN VU WF WS YE YT ZA ZM ZW";

/// Countries that no offer can be for.
///
/// AWS doesn't publish which codes it refuses; these are under sanctions that forbid sales there.
/// Source: <https://ofac.treasury.gov/sanctions-programs-and-country-information>
const EMBARGOED: [&str; 4] = ["CU", "IR", "KP", "SY"];

/// Tells whether a country is one that AWS sells nothing to, as far as is known.
pub fn is_embargoed(code: &str) -> bool {
    EMBARGOED.contains(&code)
}

/// Tells whether a text is a country's code of two letters.
pub fn is_country(code: &str) -> bool {
    COUNTRIES.split(' ').any(|known| known == code)
}

/// Returns the known name that is nearest to what was found, if one is near at all.
pub fn nearest(found: &str, known: impl IntoIterator<Item = impl AsRef<str>>) -> Option<String> {
    // What is much longer than any name is no misspelling, and comparing it would take long.
    const LONGEST: usize = 64;
    if found.chars().nth(LONGEST).is_some() {
        return None;
    }
    let lower = found.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.as_ref().to_lowercase()), name))
        .filter(|(distance, name)| *distance <= name.as_ref().chars().count().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name.as_ref().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspellings_find_their_name_and_strangers_none() {
        assert_eq!(nearest("titel", ["title", "vendor"]), Some("title".into()));
        assert_eq!(nearest("SHORT_DESCRIPTION", ["short-description", "long-description"]), Some("short-description".into()));
        assert_eq!(nearest("us-esat-1", REGIONS), Some("us-east-1".into()));
        assert_eq!(nearest("colour", ["title", "vendor"]), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), ["title"]), None);
    }
}
