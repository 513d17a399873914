//! Names and descriptions of images.

use crate::model::digest::Digest;
use crate::model::product::Product;
use crate::model::version::Version;

/// The longest name of an image, in characters.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html>
pub const IMAGE_NAME_MAX_CHARACTERS: usize = 128;

/// The longest description of an image, in characters.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html>
pub const DESCRIPTION_MAX_CHARACTERS: usize = 255;

/// How many hexadecimal digits of the input digest a name carries.
const DIGEST_DIGITS: usize = 8;

/// Returns the image's name: `vendor-slug-version-architecture-XXXXXXXX`, ending in the input's digest.
///
/// Same version of the same input, same name; AWS refuses a second image of a name, which stands in
/// for the idempotency token that CreateImage lacks. The vendor comes first, as the Marketplace
/// wants it. Characters that AWS doesn't take become hyphens; where the name would be too long, the
/// version is shortened to its beginning and a digest of it, then the vendor is cut.
pub fn image_name(product: &Product, version: &Version, input: &Digest) -> String {
    let vendor = sanitised(&product.vendor);
    let version = version.to_string();
    let tail = |version: &str| format!("-{}-{version}-{}-{}", product.slug, product.image.architecture, input.short(DIGEST_DIGITS));
    let mut end = tail(&version);
    if vendor.len() + end.len() > IMAGE_NAME_MAX_CHARACTERS {
        end = tail(&shortened(&version));
    }
    let room = IMAGE_NAME_MAX_CHARACTERS - end.len();
    format!("{}{end}", &vendor[..vendor.len().min(room)])
}

/// Returns the image's description, from the product's title and short description, as the
/// Marketplace wants the two to agree.
pub fn description(product: &Product) -> String {
    let whole = format!("{}: {}", product.texts.title, product.texts.short_description);
    let words: Vec<&str> = whole.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    let text = words.join(" ");
    if text.chars().count() <= DESCRIPTION_MAX_CHARACTERS {
        return text;
    }
    let head: String = text.chars().take(DESCRIPTION_MAX_CHARACTERS - 3).collect();
    let end = head.rfind(' ').unwrap_or(head.len());
    format!("{}...", &head[..end])
}

/// Source of the characters: `Name` of CreateImage.
fn sanitised(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " ()[]./-'@_".contains(c);
    text.trim().chars().map(|c| if allowed(c) { c } else { '-' }).collect()
}

/// Cuts a version to 24 characters such that two versions stay two; short ones are left as they are.
fn shortened(version: &str) -> String {
    const LONGEST: usize = 24;
    if version.len() <= LONGEST {
        return version.to_owned();
    }
    format!("{}-{}", &version[..LONGEST - 1 - DIGEST_DIGITS], Digest::of(version).short(DIGEST_DIGITS))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::product;
    use super::*;

    #[test]
    fn a_name_tells_vendor_product_version_architecture_and_input() {
        let input = Digest::of("input");
        let expected = format!("Example Corp-hello-web-1.0.0-x86_64-{}", input.short(8));
        assert_eq!(image_name(&product(), &Version::new(1, 0, 0), &input), expected);
    }

    #[test]
    fn long_versions_keep_names_apart() {
        let name = |version: &str| image_name(&product(), &version.parse().unwrap(), &Digest::of("input"));
        let long = format!("1.0.0-{}", "rc".repeat(80));
        let (one, two) = (name(&format!("{long}.1")), name(&format!("{long}.2")));
        assert_ne!(one, two);
        assert!(one.starts_with("Example Corp-hello-web-1.0.0-rc"), "{one}");
    }

    #[test]
    fn a_description_is_cut_at_a_word() {
        let mut product = product();
        product.texts.title = "Hello\n\tWeb".to_owned();
        product.texts.short_description = "wörd ".repeat(100);
        let text = description(&product);
        assert!(text.starts_with("Hello Web: wörd ") && text.ends_with("wörd..."), "{text}");
        assert!(text.chars().count() <= DESCRIPTION_MAX_CHARACTERS);
        product.texts.short_description = "Short.".to_owned();
        assert_eq!(description(&product), "Hello Web: Short.");
    }

    proptest! {
        #[test]
        fn every_name_is_one_that_aws_takes(vendor in ".{0,200}", major in any::<u64>(), pre in "[a-z][a-z0-9]{0,150}") {
            let mut product = product();
            product.vendor = vendor;
            let version = format!("{major}.0.0-{pre}").parse().unwrap();
            let input = Digest::of("input");
            let name = image_name(&product, &version, &input);
            prop_assert!((3..=IMAGE_NAME_MAX_CHARACTERS).contains(&name.len()));
            prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || " ()[]./-'@_".contains(c)), "{name}");
            prop_assert!(name.ends_with(&input.short(8)));
        }
    }
}
