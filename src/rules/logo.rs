//! A logo's file, as far as it can be judged before the Marketplace fetches it.

use imagesize::ImageType;

/// The largest logo in bytes.
///
/// Source: Catalog API, UpdateInformation, `INVALID_MEDIA` (5 MB).
pub const LARGEST_BYTES: u64 = 5_000_000;

/// The narrowest logo that is taken, in pixels.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/userguide/aws-marketplace-listing-checklist.html>
/// (as is the ratio of 1:1 to 2:1).
const NARROWEST: usize = 110;

/// The widths that are advised, in pixels. Source: the AWS Marketplace seller guide, product logos.
const ADVISED: std::ops::RangeInclusive<usize> = 120..=640;

/// What is wrong with a logo; the text is what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogoFault {
    /// It is not the image that its name says.
    Format(String),
    /// It is too narrow, or too far from square.
    Dimensions(String),
    /// It has a width that is not advised.
    Width(String),
}

/// Says what is wrong with a logo's content, if anything is. `ending` is that of its name, in lower case.
pub fn logo_fault(content: &[u8], ending: &str) -> Option<LogoFault> {
    let (width, height) = match measured(content, ending) {
        Ok(size) => size,
        Err(found) => return Some(LogoFault::Format(found)),
    };
    let shown = format!("it is {width} pixels wide and {height} high");
    let ratio_fits = height <= width && width <= height.saturating_mul(2);
    if width < NARROWEST || !ratio_fits {
        Some(LogoFault::Dimensions(shown))
    } else if !ADVISED.contains(&width) {
        Some(LogoFault::Width(shown))
    } else {
        None
    }
}

/// Returns width and height in pixels of a png, jpg or gif that is the image that its name says.
///
/// # Errors
///
/// What it is instead.
pub(super) fn measured(content: &[u8], ending: &str) -> Result<(usize, usize), String> {
    let found = match imagesize::image_type(content) {
        Ok(ImageType::Png) => "png",
        Ok(ImageType::Jpeg) => "jpg",
        Ok(ImageType::Gif) => "gif",
        _ => return Err("it is no png, jpg or gif".to_owned()),
    };
    if found != if ending == "jpeg" { "jpg" } else { ending } {
        return Err(format!("it is a {found}"));
    }
    let size = imagesize::blob_size(content).map_err(|_| format!("it begins like a {found} and is damaged"))?;
    Ok((size.width, size.height))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beginning of a GIF of a size, which is all that tells it.
    fn gif(width: u16, height: u16) -> Vec<u8> {
        [b"GIF89a".as_slice(), &width.to_le_bytes(), &height.to_le_bytes(), &[0; 8]].concat()
    }

    #[test]
    fn format_ratio_and_width_are_judged() {
        assert_eq!(logo_fault(&gif(200, 200), "gif"), None);
        assert_eq!(logo_fault(&gif(640, 320), "gif"), None);
        assert_eq!(logo_fault(&gif(200, 200), "png"), Some(LogoFault::Format("it is a gif".into())));
        for (width, height) in [(109, 109), (300, 149), (200, 201), (0, 0), (u16::MAX, 1)] {
            assert!(matches!(logo_fault(&gif(width, height), "gif"), Some(LogoFault::Dimensions(_))), "{width} x {height}");
        }
        for width in [110, 641] {
            assert!(matches!(logo_fault(&gif(width, width), "gif"), Some(LogoFault::Width(_))), "{width}");
        }
    }

    #[test]
    fn what_is_no_image_is_told() {
        for bytes in [b"".as_slice(), b"<svg/>", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"] {
            assert!(matches!(logo_fault(bytes, "gif"), Some(LogoFault::Format(_))), "{bytes:?}");
        }
    }
}
