//! What the twin is, told from what it dispatches by: a page for people, JSON for tests.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::limits::QUOTAS;
use super::rates::{Bucket, Rate};
use super::table::Row;
use super::{catalog, ebs, ec2, iam, quotas, s3, ssm, sts};

/// A service with its operations.
struct Service {
    name: &'static str,
    /// As requests are signed for it, and actions begin.
    signed: &'static str,
    note: &'static str,
    common_errors: &'static str,
    operations: Vec<Listed>,
}

/// An operation with all that it takes.
struct Listed {
    operation: &'static Row,
    takes: Vec<String>,
}

fn services() -> Vec<Service> {
    let rows = |operations: &'static [Row]| operations.iter().map(Listed::of).collect();
    vec![
        Service {
            name: "EC2",
            signed: "ec2",
            note: "Every operation takes `DryRun`. A parameter that EC2 has and the twin does not is `UnsupportedOperation`; \
                   one that EC2 does not have either is `UnknownParameter`.",
            common_errors: ec2::operations::COMMON_ERRORS,
            operations: rows(ec2::operations::OPERATIONS),
        },
        Service {
            name: "EBS direct",
            signed: "ebs",
            note: "Snapshot and block stand in the path, checksums and lengths in headers, as in AWS's reference; what stands \
                   below is the query or the body.",
            common_errors: ebs::COMMON_ERRORS,
            operations: rows(ebs::OPERATIONS),
        },
        Service {
            name: "S3",
            signed: "s3",
            note: "Headers and the query; the bucket and the key stand in host and path. A header that an operation doesn't take is \
                   `NotImplemented`; `x-amz-meta-NAME` stands for any metadata.",
            common_errors: s3::COMMON_ERRORS,
            operations: rows(s3::OPERATIONS),
        },
        Service {
            name: "Marketplace Catalog",
            signed: "aws-marketplace",
            note: "In us-east-1 alone. The form of a change's details is checked against the schema of its change type.",
            common_errors: catalog::COMMON_ERRORS,
            operations: catalog::operations().map(|(operation, takes)| Listed { operation, takes }).collect(),
        },
        Service {
            name: "IAM",
            signed: "iam",
            note: "Roles, and what the caller may do: everything but what it is denied.",
            common_errors: iam::COMMON_ERRORS,
            operations: rows(iam::OPERATIONS),
        },
        Service {
            name: "Service Quotas",
            signed: "servicequotas",
            note: "What the twin holds anybody to.",
            common_errors: quotas::COMMON_ERRORS,
            operations: rows(quotas::OPERATIONS),
        },
        Service {
            name: "SSM",
            signed: "ssm",
            note: "The parameter store.",
            common_errors: ssm::COMMON_ERRORS,
            operations: rows(ssm::OPERATIONS),
        },
        Service {
            name: "STS",
            signed: "sts",
            note: "Who the caller is.",
            common_errors: sts::COMMON_ERRORS,
            operations: rows(sts::OPERATIONS),
        },
    ]
}

impl Listed {
    fn of(operation: &'static Row) -> Self {
        Self { operation, takes: operation.takes.split_whitespace().map(str::to_owned).collect() }
    }
}

/// Lists what can be denied: every operation, as `ec2:CopyImage`.
pub fn actions() -> Vec<String> {
    let of = |service: Service| service.operations.into_iter().map(move |row| format!("{}:{}", service.signed, row.operation.name));
    services().into_iter().flat_map(of).collect()
}

/// Returns all operations with what they take and refuse, as JSON.
pub fn json() -> Value {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let row = |row: &Listed| {
        json!({
            "name": row.operation.name,
            "takes": row.takes,
            "refuses": words(row.operation.refuses),
            "filters": words(row.operation.filters),
            "errors": words(row.operation.errors),
        })
    };
    let service = |service: &Service| {
        json!({
            "name": service.name,
            "common_errors": words(service.common_errors),
            "operations": service.operations.iter().map(row).collect::<Vec<_>>(),
        })
    };
    json!({ "format": 1, "services": services().iter().map(service).collect::<Vec<_>>() })
}

/// Returns the page that tells what the twin does, in Markdown.
pub fn page() -> String {
    let mut page = String::from(include_str!("describe/head.md"));
    differences(&mut page);
    quotas(&mut page);
    change_types(&mut page);
    for service in services() {
        let _ = write!(page, "\n## {}\n\n{}\n\n", service.name, service.note);
        let _ = writeln!(page, "Any operation may refuse with {}.", code(service.common_errors.split_whitespace()));
        for row in &service.operations {
            operation(&mut page, row);
        }
    }
    page
}

fn operation(page: &mut String, Listed { operation, takes }: &Listed) {
    let _ = write!(page, "\n### {}\n\n", operation.name);
    let mut line = |what: &str, text: String| {
        if !text.is_empty() {
            let _ = writeln!(page, "- {what}: {text}");
        }
    };
    line("takes", code(takes.iter().map(String::as_str)));
    line("refuses, though AWS takes it", code(operation.refuses.split_whitespace()));
    line("filters", code(operation.filters.split_whitespace()));
    line("pages", operation.pages.map(|(least, most)| format!("{least} to {most} results")).unwrap_or_default());
    line("refuses with", code(operation.errors.split_whitespace()));
    line("rate", rate(&operation.rate));
}

fn rate(rate: &Rate) -> String {
    let bucket = |bucket: Bucket| format!("{} at once, {} a second", bucket.capacity, bucket.refill_per_second);
    let parts = [
        rate.requests.map(bucket),
        rate.unfiltered.map(|b| format!("{} when a whole list is asked for", bucket(b))),
        rate.resources.map(|b| format!("{} of the things changed", bucket(b))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn differences(page: &mut String) {
    let (aws, short) = (ec2::Delays::aws_like(), ec2::Delays::short());
    page.push_str("\n## How long things take\n\nSeconds from a request to its completion. AWS promises none of them.\n\n");
    page.push_str("| what | on a real clock | on a driven clock |\n|---|---:|---:|\n");
    for (what, of) in [
        ("an instance runs", (|d: &ec2::Delays| d.launch) as fn(&ec2::Delays) -> jiff::SignedDuration),
        ("an instance stops, at the least", |d| d.stop),
        ("an instance ends", |d| d.terminate),
        ("a terminated instance is forgotten", |d| d.forget),
        ("a running instance's console is posted", |d| d.console),
        ("a snapshot is completed", |d| d.snapshot),
        ("an image of an instance is available", |d| d.image),
        ("a registered image is available", |d| d.register),
        ("a copy is available", |d| d.copy),
    ] {
        let _ = writeln!(page, "| {what} | {} | {} |", of(&short).as_secs(), of(&aws).as_secs());
    }
    let (aws, short) = (catalog::CatalogDelays::default(), catalog::CatalogDelays::short());
    for (what, of) in [
        ("a change set is `PREPARING`", (|d: &catalog::CatalogDelays| d.preparing_ms) as fn(&catalog::CatalogDelays) -> u64),
        ("a change set of texts ends", |d| d.metadata_ms),
        ("a change set with a version ends", |d| d.version_ms),
        ("a change of visibility ends", |d| d.visibility_ms),
    ] {
        let seconds = |ms: u64| format!("{}", std::time::Duration::from_millis(ms).as_secs_f64());
        let _ = writeln!(page, "| {what} | {} | {} |", seconds(of(&short)), seconds(of(&aws)));
    }
}

fn quotas(page: &mut String) {
    page.push_str("\n## Quotas\n\nFor each Region. `twin serve --quota CODE=NUMBER` gives the account another value.\n\n");
    page.push_str("| quota | code | default | source |\n|---|---|---:|---|\n");
    for quota in QUOTAS {
        let _ = writeln!(page, "| {} | {} | {} | <{}> |", quota.name, quota.code.unwrap_or(""), quota.default, quota.source);
    }
    let source = "https://docs.aws.amazon.com/marketplace/latest/APIReference/quotas.html";
    let _ = writeln!(page, "| Open change sets (Catalog) | | {} | <{source}> |", catalog::OPEN_SETS);
    let _ = writeln!(page, "| Offers created or updated at a time (Catalog) | | {} | <{source}> |", catalog::CONCURRENT_OFFERS);
    let source = "https://docs.aws.amazon.com/marketplace/latest/userguide/product-and-ami-policies.html";
    let _ = writeln!(page, "| Public AMI products (Catalog) | | {} | <{source}> |", catalog::PUBLIC_LISTINGS);
    page.push_str("\nA new twin's account is not new to AWS: it starts with 32 virtual processors for standard instances.\n");
}

fn change_types(page: &mut String) {
    page.push_str("\n## Change types of the Catalog\n\n| entity | change type | intent `VALIDATE` |\n|---|---|---|\n");
    for (entity, name, validates) in catalog::change_types() {
        let _ = writeln!(page, "| {entity} | {name} | {} |", if validates { "yes" } else { "refused" });
    }
}

fn code<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_what_the_code_says() {
        let kept = include_str!("../../docs/twin.md");
        assert!(kept == page(), "docs/twin.md is stale: bakehouse twin describe > docs/twin.md");
    }

    #[test]
    fn rows_are_in_order_and_say_nothing_twice() {
        for service in services() {
            let names: Vec<&str> = service.operations.iter().map(|row| row.operation.name).collect();
            assert!(names.is_sorted(), "{names:?}");
            for Listed { operation, .. } in &service.operations {
                for words in [operation.takes, operation.refuses, operation.filters, operation.errors] {
                    let words: Vec<&str> = words.split_whitespace().collect();
                    assert!(words.is_sorted_by(|a, b| a < b), "{}: {words:?}", operation.name);
                }
            }
        }
    }
}
