//! MIME multipart documents as cloud-init takes them.

use crate::model::digest::Digest;

/// One part of a document: ASCII text of a type that cloud-init knows.
pub(super) struct Part<'a> {
    /// Such as `text/cloud-config`.
    pub content_type: &'a str,
    /// The name that cloud-init keeps it under.
    pub filename: &'a str,
    /// ASCII; cloud-init garbles other text in a part that isn't encoded.
    pub body: &'a str,
}

/// Joins parts to one document. Same parts, same bytes.
///
/// Source: <https://docs.cloud-init.io/en/latest/explanation/format.html>
pub(super) fn multipart(parts: &[Part]) -> String {
    // No text contains its own digest, so the boundary stands in no part.
    let digest = Digest::of_parts(parts.iter().map(|part| part.body.as_bytes()));
    let boundary = format!("bakehouse-{}", digest.short(32));
    let mut document = format!("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"{boundary}\"\n");
    for Part { content_type, filename, body } in parts {
        document.push_str(&format!(
            "\n--{boundary}\nContent-Type: {content_type}; charset=\"us-ascii\"\nContent-Transfer-Encoding: 7bit\n\
             Content-Disposition: attachment; filename=\"{filename}\"\n\n{body}"
        ));
    }
    document.push_str(&format!("\n--{boundary}--\n"));
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_between_boundaries() {
        let parts = [
            Part { content_type: "text/cloud-config", filename: "a.yaml", body: "#cloud-config\n" },
            Part { content_type: "text/x-shellscript", filename: "b.sh", body: "#!/bin/sh\n" },
        ];
        let document = multipart(&parts);
        let boundary = document.split('"').nth(1).unwrap();
        assert_eq!(document.matches(&format!("--{boundary}\n")).count(), 2);
        assert!(document.ends_with(&format!("\n#!/bin/sh\n\n--{boundary}--\n")));
        assert_eq!(document, multipart(&parts));
    }
}
