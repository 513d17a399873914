//! rpm's order.
//!
//! Source: <https://rpm-software-management.github.io/rpm/man/rpm-version.7> and `rpmvercmp` in rpm's rpmio/rpmvercmp.c

use std::cmp::Ordering;

use super::number::{Number, digits, run};

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Version::read(a), Version::read(b));
    a.epoch
        .cmp(&b.epoch)
        .then_with(|| segments(a.version).cmp(segments(b.version)))
        // One without a release is before all with one.
        .then_with(|| a.release.is_some().cmp(&b.release.is_some()))
        .then_with(|| segments(a.release.unwrap_or_default()).cmp(segments(b.release.unwrap_or_default())))
}

struct Version<'v> {
    epoch: Number<'v>,
    version: &'v str,
    release: Option<&'v str>,
}

impl<'v> Version<'v> {
    fn read(text: &'v str) -> Self {
        let text = text.trim();
        let (epoch, rest) = match digits(text) {
            (epoch, rest) if rest.starts_with(':') => (epoch, &rest[1..]),
            _ => ("", text),
        };
        let (version, release) = rest.rsplit_once('-').map_or((rest, None), |(version, release)| (version, Some(release)));
        Self { epoch: Number::new(epoch), version, release }
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Segment<'v> {
    Tilde,
    End,
    Caret,
    Letters(&'v str),
    Number(Number<'v>),
}

/// Splits a version or a release; what is neither letter, digit, tilde nor caret only separates.
fn segments(text: &str) -> impl Iterator<Item = Segment<'_>> {
    let mut rest = text;
    let segments = std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| !c.is_ascii_alphanumeric() && c != '~' && c != '^');
        let (segment, after) = match *rest.as_bytes().first()? {
            b'~' => (Segment::Tilde, &rest[1..]),
            b'^' => (Segment::Caret, &rest[1..]),
            byte if byte.is_ascii_digit() => {
                let (number, after) = digits(rest);
                (Segment::Number(Number::new(number)), after)
            }
            _ => {
                let (letters, after) = run(rest, |byte| byte.is_ascii_alphabetic());
                (Segment::Letters(letters), after)
            }
        };
        rest = after;
        Some(segment)
    });
    segments.chain([Segment::End])
}

#[cfg(test)]
mod tests {
    use super::super::Order;
    use super::super::testing::assert_ascending;

    /// Source: <https://github.com/rpm-software-management/rpm/blob/master/tests/rpmvercmp.at>
    #[test]
    fn what_rpms_own_tests_say_holds() {
        let groups: &[&[&str]] = &[
            &["1.0~rc1~git123"],
            &["1.0~rc1"],
            &["1.0~rc1^git1"],
            &["1.0~rc2"],
            &["1.0", "0:1.0", "1.00", "1_0"],
            &["1.0-1.el9"],
            &["1.0-2.el9"],
            &["1.0-10.el9"],
            &["1.0^"],
            &["1.0^git1"],
            &["1.0^20210501"],
            &["1.0a"],
            &["1.0.1"],
            &["2.0"],
            &["2.0.1a"],
            &["2.1xyz"],
            &["5.5p1"],
            &["5.5p10"],
            &["10xyz"],
            &["10.1xyz"],
            &["20101121"],
            &["1:0.1"],
        ];
        assert_ascending(Order::Rpm, groups);
    }
}
