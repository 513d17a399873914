//! What the user sees: talk and progress on stderr, data on stdout.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use serde::Serialize;

use crate::ci::Ci;
use crate::cli::Global;
use crate::engine::{Note, Observer};
use crate::failure::Failure;
use crate::manifest::Faults;

/// Talks to the terminal. Without one (a pipe, CI) it writes plain lines and draws nothing.
pub struct Ui {
    terminal: bool,
    colour: bool,
    /// Whether every line of a guest's console is shown.
    console: bool,
    ci: Option<Ci>,
    bar: Mutex<Option<ProgressBar>>,
    /// What is worked through, where no bar shows it.
    working: Mutex<Option<Working>>,
    steps: Mutex<Steps>,
}

/// Long work, as a log tells it.
struct Working {
    what: &'static str,
    began: Instant,
    done: u64,
    /// How many quarters of it were told.
    quarters: u64,
}

impl Working {
    fn new(what: &'static str) -> Self {
        Self { what, began: Instant::now(), done: 0, quarters: 0 }
    }

    /// Takes how far the work is; tells whether that is worth a line: each quarter is, and the end.
    fn is_told(&mut self, done: u64, total: u64) -> bool {
        self.done = done;
        let quarters = (u128::from(done) * 4 / u128::from(total.max(1))) as u64;
        let is_told = quarters > self.quarters;
        self.quarters = self.quarters.max(quarters);
        is_told
    }
}

/// The steps that go on.
#[derive(Default)]
struct Steps {
    /// What each waits for.
    waits: BTreeMap<usize, Option<String>>,
    /// The one whose title was written last: what is said next stands under it.
    titled: Option<usize>,
}

impl Steps {
    /// Lines are set under the title of their step; where others may stand there, they name it.
    fn margin(&self, step: Option<usize>) -> String {
        match step {
            Some(number) if self.waits.len() > 1 || self.titled != Some(number) => format!("    [{number}] "),
            _ => "    ".to_owned(),
        }
    }
}

impl Ui {
    /// Looks at stderr and `NO_COLOR` once.
    pub fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        Self { terminal, colour, console: false, ci: None, bar: Mutex::new(None), working: Mutex::new(None), steps: Mutex::default() }
    }

    /// Talks as the command line asks for.
    pub fn of(global: &Global) -> Self {
        Self { console: global.verbose > 0, ci: global.ci, ..Self::new() }
    }

    /// Ends the group of lines that a step began, where a runner groups them.
    pub fn end_group(&self) {
        let is_open = self.steps().titled.take().is_some();
        if let Some(ci) = self.ci.filter(|_| is_open) {
            self.say(ci.end_group());
        }
    }

    /// Says why a command failed, to the runner too.
    pub fn fail(&self, failure: &Failure) {
        self.clear();
        self.end_group();
        self.say(failure.render(self.colour).trim_end());
        for annotation in self.ci.iter().flat_map(|ci| ci.annotations(failure)) {
            self.say(&annotation);
        }
    }

    /// Tells the runner, if there is one, of each fault at its line.
    pub fn annotate(&self, faults: &Faults) {
        for annotation in self.ci.iter().flat_map(|ci| ci.faults(faults)) {
            self.say(&annotation);
        }
    }

    /// Tells whether stderr takes colour.
    pub fn colour(&self) -> bool {
        self.colour
    }

    /// Says a line.
    pub fn say(&self, line: &str) {
        let bar = self.bar();
        match &*bar {
            Some(bar) => bar.suspend(|| write_line(line)),
            None => write_line(line),
        }
    }

    /// Asks a question that is answered by typing `expected`; without a terminal the answer is no.
    ///
    /// # Errors
    ///
    /// When standard input can't be read.
    pub fn confirm(&self, question: &str, expected: &str) -> std::io::Result<bool> {
        if !self.terminal || !std::io::stdin().is_terminal() {
            return Ok(false);
        }
        eprint!("{question} Type {expected:?} to go on: ");
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        Ok(answer.trim() == expected)
    }

    fn strong(&self, text: &str) -> String {
        if self.colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn faint(&self, text: &str) -> String {
        if self.colour { format!("\u{1b}[2m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn bar(&self) -> std::sync::MutexGuard<'_, Option<ProgressBar>> {
        self.bar.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn clear(&self) {
        if let Some(bar) = self.bar().take() {
            bar.finish_and_clear();
        }
    }

    /// Returns how long something has been worked through, from when it was first told of, if a log is to have a line of it.
    fn lap(&self, what: &'static str, done: u64, total: u64) -> Option<Duration> {
        let mut all = self.working.lock().unwrap_or_else(|e| e.into_inner());
        // What begins anew is further work of the kind: another snapshot.
        let known = all.take().filter(|known| known.what == what && known.done <= done);
        let mut working = known.unwrap_or_else(|| Working::new(what));
        let is_told = working.is_told(done, total);
        let elapsed = working.began.elapsed();
        *all = (done < total).then_some(working);
        is_told.then_some(elapsed)
    }

    /// Shows a line of a guest's console: all of them if asked for, else the last one beside the spinner.
    fn console(&self, margin: &str, line: &str) {
        if self.console {
            return self.say(&self.faint(&format!("{margin}| {line}")));
        }
        if let Some(bar) = &*self.bar() {
            const WIDTH: usize = 60;
            bar.set_message(format!("| {}", line.chars().take(WIDTH).collect::<String>()));
        }
    }

    /// Shows that something is waited for; a line without a terminal, a spinner with one.
    fn waiting(&self, step: Option<usize>, margin: &str, text: String, seconds: u64) {
        if !self.terminal {
            return self.say(&format!("{margin}… {text} ({})", duration(seconds)));
        }
        let message = {
            let mut steps = self.steps();
            if let Some(waiting) = step.and_then(|number| steps.waits.get_mut(&number)) {
                *waiting = Some(text.clone());
            }
            let all: Vec<&str> = steps.waits.values().flatten().map(String::as_str).collect();
            if all.is_empty() { text } else { all.join(" · ") }
        };
        let mut bar = self.bar();
        let spinner = bar.get_or_insert_with(|| {
            let spinner = ProgressBar::new_spinner();
            spinner.set_style(ProgressStyle::with_template("    {spinner} {msg} ({elapsed})").expect("the template is fixed"));
            spinner.enable_steady_tick(Duration::from_millis(120));
            spinner
        });
        spinner.set_message(harmless(&message).into_owned());
    }

    fn progress(&self, margin: &str, what: &'static str, done: u64, total: u64) {
        if !self.terminal {
            if let Some(elapsed) = self.lap(what, done, total) {
                self.say(&format!("{margin}… {}", progress_line(what, done, total, elapsed)));
            }
            return;
        }
        let mut bar = self.bar();
        let drawn = bar.get_or_insert_with(|| {
            let drawn = ProgressBar::new(total);
            let style = ProgressStyle::with_template("    {bar:32} {pos}/{len} {msg} ({rate}, {eta})").expect("the template is fixed");
            drawn.set_style(style.with_key("rate", |state: &ProgressState, text: &mut dyn fmt::Write| {
                let _ = text.write_str(&rate(state.per_sec()));
            }));
            drawn
        });
        drawn.set_message(what);
        drawn.set_position(done);
        if done == total {
            drawn.finish_and_clear();
            *bar = None;
        }
    }
}

impl Default for Ui {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer for Ui {
    fn note(&self, note: Note) {
        match note {
            Note::InStep { number, note } => self.note_of(Some(number), *note),
            note => self.note_of(None, note),
        }
    }
}

impl Ui {
    fn note_of(&self, step: Option<usize>, note: Note) {
        let margin = self.steps().margin(step);
        match note {
            Note::Run { text } => self.say(&self.strong(&text)),
            Note::Step { number, of, text } => {
                self.clear();
                self.end_group();
                {
                    let mut steps = self.steps();
                    steps.waits.insert(number, None);
                    steps.titled = Some(number);
                }
                let title = format!("[{number}/{of}] {text}");
                match self.ci {
                    Some(ci) => self.say(&ci.group(&title)),
                    None => self.say(&self.strong(&title)),
                }
            }
            Note::StepEnd { number } => {
                self.clear();
                self.steps().waits.remove(&number);
            }
            Note::Done { text } => {
                self.clear();
                self.say(&format!("{margin}{text}"));
            }
            Note::Waiting { text, seconds } => self.waiting(step, &margin, text, seconds),
            Note::Console { line } => self.console(&margin, &line),
            Note::Progress { what, done, total } => self.progress(&margin, what, done, total),
            Note::Notice { text } => self.say(&format!("{margin}note: {text}")),
            Note::InStep { number, note } => self.note_of(Some(number), *note),
        }
    }

    fn steps(&self) -> std::sync::MutexGuard<'_, Steps> {
        self.steps.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// Writes how far work is, how fast it goes and how long it will take yet.
fn progress_line(what: &str, done: u64, total: u64, elapsed: Duration) -> String {
    let line = format!("{done} of {total} {what}");
    let seconds = elapsed.as_secs_f64();
    // A rate of the first moments tells nothing.
    if seconds < 1.0 || done == 0 {
        return line;
    }
    let per_second = done as f64 / seconds;
    let left = (total.saturating_sub(done) as f64 / per_second) as u64;
    let rate = rate(per_second);
    if done >= total { format!("{line} ({rate})") } else { format!("{line} ({rate}, {} left)", duration(left)) }
}

/// Writes how much is done in a second, as exactly as it is worth reading.
fn rate(per_second: f64) -> String {
    if per_second < 1.0 { format!("{per_second:.1}/s") } else { format!("{per_second:.0}/s") }
}

/// Writes seconds as people say them.
pub fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Why not everything that was printed has arrived, the first of it: the command ends with that, whatever it came to.
static LOST: OnceLock<String> = OnceLock::new();

/// Says why data that was printed is lost, if some is.
pub fn lost() -> Option<&'static str> {
    LOST.get().map(String::as_str)
}

/// Writes data to stdout; a reader that went away early is no error, and what can't be written is told by [`lost`].
pub fn print(data: &str) {
    let mut out = std::io::stdout().lock();
    let newline = if data.ends_with('\n') { "" } else { "\n" };
    // What goes to a program stays as it is; a terminal is spared.
    let data = if out.is_terminal() { harmless(data) } else { Cow::Borrowed(data) };
    if let Err(error) = write!(out, "{data}{newline}").and_then(|()| out.flush())
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        LOST.get_or_init(|| error.to_string());
    }
}

/// Takes out of a text what could steer a terminal or turn the order of its letters. Names, paths and
/// messages come from disks, guests, manifests and services that may mean harm. Colours stay: they are
/// bakehouse's own, or at worst a stranger's.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_steering) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if let Some(colour) = colour(rest) {
            clean.push_str(colour);
            rest = &rest[colour.len()..];
            continue;
        }
        clean.push(if is_steering(character) { char::REPLACEMENT_CHARACTER } else { character });
        rest = &rest[character.len_utf8()..];
    }
    Cow::Owned(clean)
}

/// Control characters but line ends and tabs; characters that turn the direction of text.
fn is_steering(character: char) -> bool {
    let turns = matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (character.is_control() && !matches!(character, '\n' | '\t'))
}

/// Returns the sequence that a text begins with, if all it does is set colours: `ESC [ 1 ; 31 m`.
fn colour(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("\u{1b}[")?;
    let numbers = rest.find(|c: char| !(c.is_ascii_digit() || c == ';'))?;
    rest[numbers..].starts_with('m').then(|| &text[..2 + numbers + 1])
}

/// Writes what a command has to say of each variant as one JSON document. Format 1.
pub fn document(variants: &[impl Serialize]) -> String {
    let document = serde_json::json!({ "format": 1, "variants": variants });
    serde_json::to_string_pretty(&document).expect("what is shown is plain data")
}

/// Lays rows out as a table: columns as wide as their widest cell.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|h| h.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        padded.join("  ").trim_end().to_owned() + "\n"
    };
    let mut text = line(header.to_vec());
    for row in rows {
        text.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    text
}

fn write_line(line: &str) {
    // A closed stderr must not end a release.
    let _ = writeln!(std::io::stderr(), "{}", harmless(line));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_said_steers_the_terminal() {
        let hostile = "a\u{1b}]0;title\u{7}b\u{1b}[2Jc\u{9b}31md\re\u{8}\u{202e}f";
        let clean = harmless(hostile);
        assert!(clean.chars().all(|c| !is_steering(c)), "{clean:?}");
        for letter in ["a", "b", "c", "d", "e", "f"] {
            assert!(clean.contains(letter), "{clean:?}");
        }
        for plain in ["two\nlines\tand ü 日本", "\u{1b}[1;31mred\u{1b}[0m"] {
            assert_eq!(harmless(plain), plain);
        }
    }

    #[test]
    fn a_line_that_stands_under_another_steps_title_names_its_own() {
        let mut steps = Steps { waits: [(4, None)].into(), titled: Some(4) };
        assert_eq!(steps.margin(Some(4)), "    ");
        steps.waits.insert(5, None);
        steps.titled = Some(5);
        assert_eq!((steps.margin(Some(4)), steps.margin(Some(5))), ("    [4] ".to_owned(), "    [5] ".to_owned()));
        steps.waits.remove(&5);
        assert_eq!((steps.margin(Some(4)), steps.margin(None)), ("    [4] ".to_owned(), "    ".to_owned()));
    }

    #[test]
    fn progress_tells_rate_and_remaining_time() {
        let after = |seconds| progress_line("blocks", 500, 2000, Duration::from_secs(seconds));
        assert_eq!(after(0), "500 of 2000 blocks");
        assert_eq!(after(10), "500 of 2000 blocks (50/s, 30 s left)");
        assert_eq!(after(100), "500 of 2000 blocks (5/s, 5 min 00 s left)");
        assert_eq!(progress_line("blocks", 9, 9, Duration::from_secs(3)), "9 of 9 blocks (3/s)");
        assert_eq!([rate(195_475.958_8), rate(0.25)], ["195476/s", "0.2/s"]);
    }

    #[test]
    fn a_log_has_a_line_each_quarter_and_none_goes_back() {
        let ui = Ui::new();
        let told = |steps: &[u64]| steps.iter().copied().filter(|done| ui.lap("files", *done, 1000).is_some()).collect::<Vec<_>>();
        let steps: Vec<u64> = (1..=62).map(|step| step * 16).chain([1000]).collect();
        assert_eq!(told(&steps), [256, 512, 752, 1000]);
        assert_eq!(told(&[16, 300, 1000]), [300, 1000], "further work of the kind");
    }
}
