//! The picture of what a template makes, as far as it can be judged before the Marketplace fetches it.

use super::logo::measured;

/// The largest diagram in bytes.
///
/// Source: Catalog API, AddDeliveryOptions, `INVALID_MEDIA` (5 MB).
pub const LARGEST_BYTES: u64 = 5_000_000;

/// The sizes that are taken: width and height in pixels.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/userguide/cloudformation.html>
const SIZES: [(usize, usize); 2] = [(1560, 878), (1560, 3120)];

/// What is wrong with a diagram; the text is what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiagramFault {
    /// It is not the image that its name says.
    Format(String),
    /// It has a size that is not taken.
    Dimensions(String),
}

/// Says what is wrong with a diagram's content, if anything is. `ending` is that of its name, in lower case.
pub fn diagram_fault(content: &[u8], ending: &str) -> Option<DiagramFault> {
    match measured(content, ending) {
        Err(found) => Some(DiagramFault::Format(found)),
        Ok(size) if SIZES.contains(&size) => None,
        Ok((width, height)) => Some(DiagramFault::Dimensions(format!("it is {width} pixels wide and {height} high"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gif(width: u16, height: u16) -> Vec<u8> {
        [b"GIF89a".as_slice(), &width.to_le_bytes(), &height.to_le_bytes(), &[0; 8]].concat()
    }

    #[test]
    fn two_sizes_are_taken_and_no_other() {
        assert_eq!(diagram_fault(&gif(1560, 878), "gif"), None);
        assert_eq!(diagram_fault(&gif(1560, 3120), "gif"), None);
        for (width, height) in [(1560, 877), (878, 1560), (0, 0), (u16::MAX, u16::MAX)] {
            assert!(matches!(diagram_fault(&gif(width, height), "gif"), Some(DiagramFault::Dimensions(_))), "{width} x {height}");
        }
    }

    #[test]
    fn what_is_no_such_image_is_told() {
        for (content, ending) in [(gif(1560, 878), "png"), (b"<svg/>".to_vec(), "png"), (Vec::new(), "gif"), (b"GIF89a".to_vec(), "gif")] {
            assert!(matches!(diagram_fault(&content, ending), Some(DiagramFault::Format(_))));
        }
    }
}
