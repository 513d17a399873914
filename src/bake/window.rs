//! The console seen through a window that slides: what is new in it.

/// Returns what `now` holds beyond `before`, in whole lines.
///
/// Both are the end of the same stream, `before` as it was read earlier. Where nothing of `before`
/// is left in the window, all of `now` is new. An older reading than `before` (EC2 does answer with
/// one) holds nothing new. Takes time and memory in proportion to both.
pub fn fresh<'a>(before: &[u8], now: &'a [u8]) -> &'a [u8] {
    let (before, now) = (whole_lines(before), whole_lines(now));
    &now[overlap(before, now)..]
}

fn whole_lines(text: &[u8]) -> &[u8] {
    &text[..text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1)]
}

/// Returns how much of the beginning of `now` stands at the end of `before`, or all of it if `now`
/// stands anywhere in `before`. The search of Knuth, Morris and Pratt: one pass over each.
fn overlap(before: &[u8], now: &[u8]) -> usize {
    let borders = borders(now);
    let mut matched = 0;
    for byte in before {
        while matched > 0 && now.get(matched) != Some(byte) {
            matched = borders[matched - 1];
        }
        if now.get(matched) == Some(byte) {
            matched += 1;
        }
        if matched == now.len() {
            return matched;
        }
    }
    matched
}

/// For each beginning of the text, the length of its longest shorter beginning that also ends it.
fn borders(text: &[u8]) -> Vec<usize> {
    let mut borders = vec![0; text.len()];
    let mut length = 0;
    for index in 1..text.len() {
        while length > 0 && text[index] != text[length] {
            length = borders[length - 1];
        }
        if text[index] == text[length] {
            length += 1;
        }
        borders[index] = length;
    }
    borders
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_whole_new_lines_are_fresh() {
        assert_eq!(fresh(b"", b"a\nb"), b"a\n");
        assert_eq!(fresh(b"a\nb", b"a\nbc\nd"), b"bc\n");
        assert_eq!(fresh(b"a\nb\nc\n", b"b\nc\nd\n"), b"d\n");
        assert_eq!(fresh(b"a\n", b"a\n"), b"");
    }

    #[test]
    fn a_window_that_slid_past_everything_is_all_fresh() {
        assert_eq!(fresh(b"a\nb\n", b"y\nz\n"), b"y\nz\n");
    }

    #[test]
    fn an_older_reading_holds_nothing_new() {
        assert_eq!(fresh(b"a\nb\nc\n", b"a\nb\n"), b"");
        assert_eq!(fresh(b"a\nb\nc\n", b""), b"");
    }

    proptest! {
        #[test]
        fn pieces_add_up_to_the_stream(lines in prop::collection::vec("[a-z]{1,8}", 1..40), window in 20usize..60, step in 1usize..8) {
            // Numbered, as a console's lines are told apart by their content.
            let stream: String = lines.iter().enumerate().map(|(n, line)| format!("{n} {line}\n")).collect();
            let stream = stream.as_bytes();
            let mut before: &[u8] = b"";
            let mut shown = Vec::new();
            let mut end = 0;
            while end < stream.len() {
                end = (end + step).min(stream.len());
                let now = &stream[end.saturating_sub(window)..end];
                shown.extend_from_slice(fresh(before, now));
                before = now;
            }
            prop_assert_eq!(shown, stream);
        }
    }
}
