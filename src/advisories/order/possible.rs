//! What can be a version by its scheme, told from what can't be one.
//!
//! No more is asked than that the order says something of it: versions in use break many a rule of their scheme.

use super::{Order, pep440};

/// Tells whether a text may be a version.
pub(super) fn is_version(order: Order, text: &str) -> bool {
    let text = text.trim();
    let is_plain = !text.is_empty() && !text.contains(is_alien) && (order == Order::Pep440 || !text.contains('!'));
    is_plain
        && match order {
            Order::Deb | Order::Rpm => text.contains(|c: char| c.is_ascii_digit()),
            Order::Apk => text.starts_with(|c: char| c.is_ascii_digit()),
            Order::Pep440 => pep440::is_version(text),
            Order::SemVer | Order::NuGet => is_semver(text),
            Order::Gem => text.starts_with(|c: char| c.is_ascii_digit()) && !has_empty_part(text),
            // Any word is one.
            Order::Maven | Order::Composer => true,
        }
}

/// Characters that no scheme has: of sentences, of requirements, of programs.
fn is_alien(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "\"'`<>{}()[]|\\;?#$&,".contains(c)
}

/// A number first, and numbers between dots: `1.22rc1` is one, `1..x` and `1.x` are none.
fn is_semver(text: &str) -> bool {
    let version = text.trim_start_matches(['v', 'V', '=', ' ']);
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let is_wild = |part: &str| part.eq_ignore_ascii_case("x") || part.contains('*');
    version.starts_with(|c: char| c.is_ascii_digit()) && !has_empty_part(core) && !core.split('.').any(is_wild)
}

fn has_empty_part(text: &str) -> bool {
    text.split('.').any(str::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_may_be_a_version_and_what_no_order_can_place_may_not() {
        let possible: &[(Order, &[&str])] = &[
            (Order::Deb, &["1:2.3~rc1+dfsg-1+deb12u1", "0", "20240101-1", "r1234", "4.0_1-1"]),
            (Order::Rpm, &["0:128.12.0-1.el9_6", "git20200101^1-2", "1.0-5.module+el8.10.0+1"]),
            (Order::Apk, &["1.2.3a_rc1-r4", "2.6.8-0", "0"]),
            (Order::Pep440, &["1!2.0", "1.0.post1", "v1.0rc1", "2013.10"]),
            (
                Order::SemVer,
                &["0", "v2.0.0+incompatible", "=1.0", "1.22rc1", "1.0.0-x.7", "0.0.0-20210101000000-0123456789ab", "1.0.0.beta"],
            ),
            (Order::NuGet, &["1.0.1.1", "1.0.1-ALPHA.2"]),
            (Order::Gem, &["1.0.0.rc1", "2.3-java"]),
            (Order::Maven, &["2.0-M1", "unspecified", "1.0.x"]),
            (Order::Composer, &["dev-main", "1.0.x-dev", "1.*"]),
        ];
        for (order, texts) in possible {
            texts.iter().for_each(|text| assert!(order.is_version(text), "{order:?} {text}"));
        }
        let impossible: &[(Order, &[&str])] = &[
            (Order::Deb, &["!!bad", "not a version", "unknown", ""]),
            (Order::Rpm, &["unknown", "< 2.0"]),
            (Order::Apk, &["unknown", "v1.0"]),
            (Order::Pep440, &["1..0", "2004d", "unknown"]),
            (Order::SemVer, &["1..x", "1.x", "x", "1.2.", "master", "<1.0.0", "1.0.0, 2.0.0"]),
            (Order::NuGet, &["1.*", "all"]),
            (Order::Gem, &["1..2", "all"]),
            (Order::Maven, &["[1.0,2.0)", " "]),
            (Order::Composer, &[">=1.0", ""]),
        ];
        for (order, texts) in impossible {
            texts.iter().for_each(|text| assert!(!order.is_version(text), "{order:?} {text}"));
        }
    }
}
