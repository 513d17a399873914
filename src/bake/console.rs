//! What a bake's serial console tells.
//!
//! The console is read in windows (EC2 keeps the last 64 KiB), with lines of firmware, kernel and
//! services between ours. Whatever its bytes are, reading them ends in a [`BakeLog`]; a line counts
//! only as a whole and only with the run's nonce.

use std::collections::{BTreeMap, VecDeque};

/// What the console told so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BakeLog {
    /// Whether the bake has been seen to begin: cloud-init runs its script.
    pub begun: bool,
    /// The steps seen, by number, from 1; 0 is fetching a payload that user data has no room for. Early ones may have left the window.
    pub steps: BTreeMap<u32, StepLog>,
    /// Whether all steps succeeded.
    pub provisioned: bool,
    /// How the cleaning ended, if it did.
    pub seal: Option<SealState>,
    /// Whether the instance met its deadline.
    pub deadline: bool,
    /// Last lines of what failed, fit to be shown.
    pub tail: Vec<String>,
    /// Last lines that the newest step printed, fit to be shown: what is known of a failure whose own last lines are
    /// not there yet, or never came.
    pub output: VecDeque<String>,
}

/// The most lines of a step's output that are kept, and characters of each. They are what the guest repeats of a failure.
const MOST_OUTPUT: (usize, usize) = (20, 400);

/// A step as the console told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepLog {
    /// Its label; empty if its beginning has left the window.
    pub label: String,
    /// How far it is.
    pub state: StepState,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// It has begun.
    Running,
    /// It succeeded.
    Succeeded,
    /// It failed, and with it the bake.
    Failed {
        /// Its exit status.
        status: u8,
    },
}

/// How the cleaning ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealState {
    /// The disk is fit to become an image once the instance has stopped.
    Sealed,
    /// It isn't.
    Failed {
        /// The exit status of the cleaning.
        status: u8,
    },
}

/// Where the bake stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing final has been said. Of an instance that has stopped, this means failure.
    Running,
    /// A step failed.
    Failed {
        /// Its number, from 1.
        step: u32,
        /// Its label; empty if unknown.
        label: String,
        /// Its exit status.
        status: u8,
        /// The last lines it printed.
        tail: Vec<String>,
    },
    /// The cleaning failed.
    SealFailed {
        /// Its exit status.
        status: u8,
        /// The last lines it printed.
        tail: Vec<String>,
    },
    /// The instance met its deadline and powered itself off.
    DeadlinePassed,
    /// The disk is fit to become an image once the instance has stopped.
    Sealed,
}

impl BakeLog {
    /// Tells where the bake stands. Of contradicting claims the worse holds.
    pub fn outcome(&self) -> Outcome {
        let tail = || if self.tail.is_empty() { self.output.iter().cloned().collect() } else { self.tail.clone() };
        for (number, step) in &self.steps {
            if let StepState::Failed { status } = step.state {
                return Outcome::Failed { step: *number, label: step.label.clone(), status, tail: tail() };
            }
        }
        match self.seal {
            Some(SealState::Failed { status }) => Outcome::SealFailed { status, tail: tail() },
            // A deadline that passes between the last marker and the power-off changes nothing.
            Some(SealState::Sealed) => Outcome::Sealed,
            None if self.deadline => Outcome::DeadlinePassed,
            None => Outcome::Running,
        }
    }

    /// Returns the step that is under way: its number and label.
    pub fn current_step(&self) -> Option<(u32, &str)> {
        let (number, step) = self.steps.last_key_value()?;
        (step.state == StepState::Running).then_some((*number, step.label.as_str()))
    }
}

/// Reads what the console holds. Takes any bytes; unknown and broken markers are passed over.
pub fn read(text: &[u8], nonce: &str) -> BakeLog {
    let mut log = BakeLog::default();
    let prefix = format!("BAKEHOUSE {nonce} ");
    // The last piece has no line end yet: `failed 1` may become `failed 127`.
    let (whole, _) = text.split_at(text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1));
    for line in lines(whole) {
        // What a step prints can't pass for a marker.
        if let Some(printed) = line.strip_prefix("| ") {
            log.hear(printed);
            continue;
        }
        let Some((_, rest)) = line.split_once(&prefix) else { continue };
        if let Some(marker) = Marker::parse(rest) {
            log.take(marker);
        }
    }
    log
}

/// Makes console bytes fit for a terminal: whole lines, without control sequences, empty ones left
/// out, bakehouse's markers too.
pub fn printable(text: &[u8]) -> Vec<String> {
    lines(text).filter(|line| !line.trim().is_empty() && !line.starts_with("BAKEHOUSE ")).collect()
}

/// A marker, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Marker<'a> {
    Begin,
    StepBegin { step: u32, label: &'a str },
    StepOk { step: u32 },
    StepFailed { step: u32, status: u8 },
    Tail { line: &'a str },
    Provisioned,
    Sealed,
    SealFailed { status: u8 },
    Deadline,
}

impl<'a> Marker<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        match text {
            "begin" => return Some(Self::Begin),
            "provisioned" => return Some(Self::Provisioned),
            "sealed" => return Some(Self::Sealed),
            "deadline" => return Some(Self::Deadline),
            "tail" => return Some(Self::Tail { line: "" }),
            _ => {}
        }
        let (word, rest) = text.split_once(' ')?;
        match word {
            "tail" => Some(Self::Tail { line: rest }),
            "seal" => Some(Self::SealFailed { status: number(rest.strip_prefix("failed ")?)? }),
            "step" => {
                let (step, rest) = rest.split_once(' ')?;
                let step = number(step)?;
                match rest.split_once(' ').unwrap_or((rest, "")) {
                    ("begin", label) => Some(Self::StepBegin { step, label }),
                    ("ok", "") => Some(Self::StepOk { step }),
                    ("failed", status) => Some(Self::StepFailed { step, status: number(status)? }),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// Takes digits only: `parse` alone would let a sign through.
fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

impl BakeLog {
    fn take(&mut self, marker: Marker) {
        match marker {
            Marker::Begin => self.begun = true,
            Marker::StepBegin { step, label } => {
                self.begun = true;
                // A step begins only when those before it have succeeded, whether or not it was seen.
                for earlier in self.steps.range_mut(..step).map(|(_, earlier)| earlier) {
                    if earlier.state == StepState::Running {
                        earlier.state = StepState::Succeeded;
                    }
                }
                self.output.clear();
                self.steps.entry(step).or_insert_with(|| StepLog { label: label.to_owned(), state: StepState::Running });
            }
            Marker::StepOk { step } => self.end_step(step, StepState::Succeeded),
            // Said twice, before its last lines and after them.
            Marker::StepFailed { step, status } => self.end_step(step, StepState::Failed { status }),
            Marker::Tail { line } => self.tail.push(line.to_owned()),
            Marker::Provisioned => self.provisioned = true,
            Marker::Sealed => {
                self.provisioned = true;
                self.seal.get_or_insert(SealState::Sealed);
            }
            Marker::SealFailed { status } => self.seal = Some(SealState::Failed { status }),
            Marker::Deadline => self.deadline = true,
        }
    }

    /// Keeps what a step prints; what others print that way while none is known to be under way is nobody's.
    fn hear(&mut self, printed: &str) {
        if self.current_step().is_none() {
            return;
        }
        let (lines, characters) = MOST_OUTPUT;
        if self.output.len() == lines {
            self.output.pop_front();
        }
        self.output.push_back(printed.chars().take(characters).collect());
    }

    fn end_step(&mut self, step: u32, state: StepState) {
        self.begun = true;
        let entry = self.steps.entry(step).or_insert_with(|| StepLog { label: String::new(), state });
        if !matches!(entry.state, StepState::Failed { .. }) {
            entry.state = state;
        }
    }
}

/// Splits into lines at line feeds and carriage returns, without what would act on a terminal.
fn lines(text: &[u8]) -> impl Iterator<Item = String> {
    text.split(|&byte| byte == b'\n' || byte == b'\r').filter(|line| !line.is_empty()).map(clean)
}

/// Takes out escape sequences, control characters, and characters that turn the direction of text.
fn clean(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => skip_escape(&mut characters),
            '\u{9b}' => skip_control_sequence(&mut characters),
            '\t' => out.push(' '),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            character if character.is_control() => {}
            character => out.push(character),
        }
    }
    out
}

type Characters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Passes over what follows an ESC.
///
/// Source: ECMA-48, 5.3 and 5.6 <https://ecma-international.org/publications-and-standards/standards/ecma-48/>
fn skip_escape(characters: &mut Characters) {
    match characters.peek() {
        Some('[') => {
            characters.next();
            skip_control_sequence(characters);
        }
        // Strings (DCS, SOS, OSC, PM, APC) run to BEL or to ESC and a backslash.
        Some('P' | 'X' | ']' | '^' | '_') => {
            while let Some(character) = characters.next() {
                if character == '\u{7}' {
                    break;
                }
                if character == '\u{1b}' {
                    characters.next_if_eq(&'\\');
                    break;
                }
            }
        }
        Some(_) => {
            while characters.next_if(|c| (' '..='/').contains(c)).is_some() {}
            characters.next_if(|c| ('0'..='~').contains(c));
        }
        None => {}
    }
}

/// Passes over parameters and the final character of a control sequence.
fn skip_control_sequence(characters: &mut Characters) {
    while characters.next_if(|c| (' '..='?').contains(c)).is_some() {}
    characters.next_if(|c| ('@'..='~').contains(c));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "\r\nBAKEHOUSE n1 begin\r\n\r\nBAKEHOUSE n1 step 1 begin packages nginx\r\n| Reading package lists...\r\n\
        [   12.3] kernel: noise\r\n\r\nBAKEHOUSE n1 step 1 ok\r\n\r\nBAKEHOUSE n1 step 2 begin script a.sh\r\n\r\nBAKEHOUSE n1 step 2 ok\r\n\
        \r\nBAKEHOUSE n1 provisioned\r\n\r\nBAKEHOUSE n1 sealed\r\n\r\nBAKEHOUSE n1 sealed\r\n";

    #[test]
    fn a_bake_is_followed_from_begin_to_sealed() {
        let log = read(GOOD.as_bytes(), "n1");
        assert!(log.begun && log.provisioned);
        assert_eq!(log.steps[&1], StepLog { label: "packages nginx".to_owned(), state: StepState::Succeeded });
        assert_eq!(log.steps.len(), 2);
        assert_eq!(log.outcome(), Outcome::Sealed);
        assert_eq!(read(GOOD.as_bytes(), "n2"), BakeLog::default());
    }

    #[test]
    fn a_failed_step_brings_its_status_and_last_lines() {
        let text = "BAKEHOUSE n step 3 begin shell false\n\nBAKEHOUSE n step 3 failed 127\n\nBAKEHOUSE n tail \x1b[31mno such \x07thing\x1b[0m\n\
            BAKEHOUSE n tail\n\nBAKEHOUSE n step 3 failed 127\nBAKEHOUSE n sealed\n";
        let tail = vec!["no such thing".to_owned(), String::new()];
        let expected = Outcome::Failed { step: 3, label: "shell false".to_owned(), status: 127, tail };
        assert_eq!(read(text.as_bytes(), "n").outcome(), expected);
    }

    #[test]
    fn a_failed_step_whose_last_lines_are_not_there_brings_what_it_printed() {
        let printed: String = (0..30).map(|n| format!("| line {n}\n")).collect();
        let text = format!(
            "BAKEHOUSE n step 1 begin a\n| of another step\nBAKEHOUSE n step 1 ok\nBAKEHOUSE n step 2 begin b\n{printed}\
             BAKEHOUSE n step 2 failed 1\n| of nobody\n"
        );
        let Outcome::Failed { tail, .. } = read(text.as_bytes(), "n").outcome() else { panic!("step 2 failed") };
        let expected: Vec<String> = (10..30).map(|n| format!("line {n}")).collect();
        assert_eq!(tail, expected);
    }

    #[test]
    fn a_line_that_is_not_whole_does_not_count() {
        assert_eq!(read(b"BAKEHOUSE n step 3 failed 1", "n").outcome(), Outcome::Running);
        assert_eq!(read(b"BAKEHOUSE n sealed", "n").outcome(), Outcome::Running);
        assert_eq!(read(b"HOUSE n sealed\n", "n").outcome(), Outcome::Running);
        assert_eq!(read(b"BAKEHOUSE n sealed[ 1.0] noise\n", "n").outcome(), Outcome::Running);
        assert_eq!(read(b"[ 1.0] noBAKEHOUSE n sealed\n", "n").outcome(), Outcome::Sealed);
    }

    #[test]
    fn what_a_step_prints_is_no_marker() {
        assert_eq!(read(b"| BAKEHOUSE n sealed\n", "n").outcome(), Outcome::Running);
        assert_eq!(
            read(b"BAKEHOUSE n step +1 failed 1\nBAKEHOUSE n step 1 failed 300\nBAKEHOUSE n step  begin\n", "n"),
            BakeLog::default()
        );
    }

    #[test]
    fn steps_that_left_the_window_are_inferred() {
        let log = read(b"BAKEHOUSE n step 1 begin a\nBAKEHOUSE n step 3 begin c\n", "n");
        assert_eq!(log.steps[&1].state, StepState::Succeeded);
        assert_eq!(log.current_step(), Some((3, "c")));
        let log = read(b"x\nBAKEHOUSE n step 9 failed 2\n", "n");
        assert_eq!(log.outcome(), Outcome::Failed { step: 9, label: String::new(), status: 2, tail: vec![] });
    }

    #[test]
    fn the_worse_of_two_claims_holds() {
        assert_eq!(
            read(b"BAKEHOUSE n seal failed 4\nBAKEHOUSE n sealed\n", "n").outcome(),
            Outcome::SealFailed { status: 4, tail: vec![] }
        );
        assert_eq!(read(b"BAKEHOUSE n deadline\n", "n").outcome(), Outcome::DeadlinePassed);
        assert_eq!(read(b"BAKEHOUSE n sealed\nBAKEHOUSE n deadline\n", "n").outcome(), Outcome::Sealed);
    }

    #[test]
    fn control_sequences_are_taken_out() {
        let text = b"\x1b]0;title\x07a\x1b[1;32mb\x1b(Bc\x1b\x1b[2Jd\te\xff\n\xc2\x9b31mf\xe2\x80\xaeg\rprogress 10%\rprogress 20%\n\nBAKEHOUSE n x\n";
        assert_eq!(printable(text), ["abcd e\u{fffd}", "fg", "progress 10%", "progress 20%"]);
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read_and_shown(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let log = read(&bytes, "n");
            prop_assert_eq!(log.outcome(), Outcome::Running);
            prop_assert!(printable(&bytes).iter().all(|line| !line.chars().any(char::is_control)));
        }

        #[test]
        fn cutting_the_console_anywhere_never_turns_failure_into_success(start in 0usize..200, end in 0usize..200) {
            let text = b"BAKEHOUSE n begin\nBAKEHOUSE n step 1 begin a\nBAKEHOUSE n step 1 failed 12\nBAKEHOUSE n tail sealed\nBAKEHOUSE n step 1 failed 12\n";
            let end = end.min(text.len());
            let outcome = read(&text[start.min(end)..end], "n").outcome();
            let right = matches!(&outcome, Outcome::Running | Outcome::Failed { step: 1, status: 12, .. });
            prop_assert!(right, "{outcome:?}");
        }
    }
}
