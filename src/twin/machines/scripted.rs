//! A guest played from a script, by the time passed in: for tests that can't wait for a real one.

mod boot;
mod fetch;
mod guest_files;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::read::GzDecoder;
use jiff::Timestamp;
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CONSOLE_BYTES, Ending, Launch, MachineError, Status};
use crate::reach::BoxStream;

pub use boot::{Boot, CommandAnswer, Page};
pub use fetch::Fetch;
pub use guest_files::GuestFile;

/// Unpacked user data that is looked through at most; EC2 takes 16 KiB of packed.
const USER_DATA_BYTES: u64 = 16 * 1024 * 1024;

/// What every guest does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Texts to take from the user data (unpacked when gzipped): a name, and a regular expression
    /// whose first group is the text. `{name}` in what follows stands for it.
    #[serde(default)]
    pub captures: BTreeMap<String, String>,
    /// What it fetches from S3 before all else, if its user data tells it to.
    #[serde(default)]
    pub fetches: Option<Fetch>,
    /// What it prints on its console, and when.
    #[serde(default)]
    pub console: Vec<ConsoleText>,
    /// Files it leaves on its root file system; written when it powers off by itself.
    #[serde(default)]
    pub files: Vec<GuestFile>,
    /// Files that it removes there.
    #[serde(default)]
    pub removes: Vec<String>,
    /// How it ends, and when.
    pub ends: Ends,
    /// What it does instead of all that when it is started without user data.
    #[serde(default)]
    pub boot: Boot,
}

/// A text on the console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleText {
    /// Seconds after the launch.
    pub after_seconds: u64,
    /// The text, as printed: with its line ends.
    pub text: String,
}

/// A guest's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ends {
    /// How.
    pub how: EndsHow,
    /// Seconds after the launch; of no meaning for a hang.
    pub after_seconds: u64,
}

/// The ways to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndsHow {
    /// Powers itself off, its files written.
    PowerOff,
    /// Dies; nothing is written.
    Crash,
    /// Runs until it is ended, and does not heed the power button.
    Hang,
}

/// A guest being played; the handle holds all of it, so that a later process plays on.
#[derive(Debug, Serialize, Deserialize)]
struct Play {
    folder: PathBuf,
    disk: PathBuf,
    launched: Timestamp,
    script: Script,
    /// Who comes up as a buyer's instance does: its id, and the public key that opens it.
    #[serde(default)]
    buyer: Option<Buyer>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Buyer {
    instance: String,
    key: Option<String>,
}

/// An end that came from outside, in a file of the machine's folder.
#[derive(Debug, Serialize, Deserialize)]
struct Ended {
    at: Timestamp,
}

impl Script {
    /// Starts playing.
    pub(super) async fn launch(&self, launch: &Launch, now: Timestamp) -> Result<Value, MachineError> {
        let (user_data, key) = (launch.metadata)().map(|metadata| (metadata.user_data, metadata.key)).unwrap_or_default();
        let buyer = user_data.is_empty().then(|| Buyer { instance: launch.instance.clone(), key: key.map(|(_, key)| key) });
        let script = if buyer.is_some() { self.booting(&launch.instance) } else { self.baking(launch, &user_data).await? };
        std::fs::create_dir_all(&launch.folder).map_err(MachineError::io("making the machine's folder"))?;
        // A second start of the same instance must not end by what ended the first.
        for name in ["ended", "written"] {
            match std::fs::remove_file(launch.folder.join(name)) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(MachineError::io("starting afresh")(e)),
                _ => {}
            }
        }
        let play = Play { folder: launch.folder.clone(), disk: launch.disk.clone(), launched: now, script, buyer };
        serde_json::to_value(play).map_err(|source| MachineError::Handle { source })
    }

    /// The script of a guest without user data: it stays until its power button is pressed.
    fn booting(&self, instance: &str) -> Self {
        let fingerprint = boot::host_key(instance).fingerprint();
        let fill = |text: &ConsoleText| ConsoleText { text: text.text.replace("{host_key}", &fingerprint), ..text.clone() };
        Self {
            captures: BTreeMap::new(),
            fetches: None,
            console: self.boot.console.iter().map(fill).collect(),
            files: Vec::new(),
            removes: Vec::new(),
            ends: Ends { how: EndsHow::PowerOff, after_seconds: u64::MAX },
            boot: self.boot.clone(),
        }
    }

    /// The script of a guest with user data: what follows if it gets what it fetches, or what otherwise.
    async fn baking(&self, launch: &Launch, user_data: &[u8]) -> Result<Self, MachineError> {
        let user_data = unpack(user_data)?;
        let mut script = self.clone();
        if let Some(fetch) = script.fetches.take()
            && !fetch.succeeds(launch, &user_data).await?
        {
            let last = fetch.otherwise.last().map_or(0, |text| text.after_seconds);
            script.console = fetch.otherwise;
            (script.files, script.removes) = (Vec::new(), Vec::new());
            script.ends = Ends { how: EndsHow::PowerOff, after_seconds: last + 1 };
        }
        script.fill_in(&user_data)
    }

    fn fill_in(&self, user_data: &str) -> Result<Self, MachineError> {
        let mut captured = BTreeMap::new();
        for (name, pattern) in &self.captures {
            let found = capture(pattern, user_data).map_err(|e| MachineError::Script { reason: format!("capture {name:?}: {e}") })?;
            let found = found.ok_or_else(|| MachineError::Script { reason: format!("capture {name:?} is not in the user data") })?;
            captured.insert(format!("{{{name}}}"), found);
        }
        let fill = |text: &str| captured.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
        let mut script = self.clone();
        for text in &mut script.console {
            text.text = fill(&text.text);
        }
        for file in &mut script.files {
            file.path = fill(&file.path);
            file.content = fill(&file.content);
        }
        script.captures.clear();
        Ok(script)
    }
}

/// Tells whether a guest still plays; writes its files once it has powered itself off.
pub fn status(handle: &Value, now: Timestamp) -> Status {
    let Ok(play) = read(handle) else { return Status::Ended(Ending::Crash) };
    let (scripted, from_outside) = (play.scripted_end(), play.ended_from_outside());
    let (end, by_itself) = match (scripted, from_outside) {
        (Some(by_itself), Some(outside)) if by_itself <= outside => (by_itself, true),
        (_, Some(outside)) => (outside, false),
        (Some(by_itself), None) => (by_itself, true),
        (None, None) => return Status::Running,
    };
    if now < end {
        return Status::Running;
    }
    match play.script.ends.how {
        EndsHow::Crash if by_itself => Status::Ended(Ending::Crash),
        EndsHow::PowerOff if by_itself => match play.write_files(end) {
            Ok(()) => Status::Ended(Ending::PowerOff),
            Err(error) => {
                tracing::error!(%error, source = ?std::error::Error::source(&error), "the scripted guest's files could not be written");
                Status::Ended(Ending::Crash)
            }
        },
        _ => Status::Ended(Ending::PowerOff),
    }
}

/// Connects to one of the guest's ports, once it is up.
///
/// # Errors
///
/// `ConnectionRefused` where nobody listens, `TimedOut` where there is no network yet to say so.
pub fn dial(handle: &Value, port: u16, now: Timestamp) -> std::io::Result<BoxStream> {
    let play = read(handle).map_err(std::io::Error::other)?;
    match &play.buyer {
        Some(buyer) if is_up(handle, now) => boot::answer(&play.script.boot, &buyer.instance, buyer.key.as_deref(), port),
        _ => Err(std::io::ErrorKind::TimedOut.into()),
    }
}

/// Tells whether the guest has come up.
pub fn is_up(handle: &Value, now: Timestamp) -> bool {
    let up_at = |play: &Play| after(play.launched, play.script.boot.up_after_seconds);
    read(handle).is_ok_and(|play| up_at(&play) <= now) && status(handle, now) == Status::Running
}

/// Presses the power button: the guest ends at once, unless it hangs.
pub fn power_down(handle: &Value, now: Timestamp) -> Result<(), MachineError> {
    let play = read(handle)?;
    if play.script.ends.how == EndsHow::Hang { Ok(()) } else { play.end(now) }
}

/// Ends the guest, a hanging one too.
pub fn kill(handle: &Value, now: Timestamp) -> Result<(), MachineError> {
    read(handle)?.end(now)
}

/// What the guest has printed by now.
pub fn console(handle: &Value, now: Timestamp) -> std::io::Result<Vec<u8>> {
    let play = read(handle).map_err(std::io::Error::other)?;
    let last = play.ended_from_outside().map_or(now, |end| end.min(now));
    let mut printed = String::new();
    for text in &play.script.console {
        if after(play.launched, text.after_seconds) <= last {
            printed.push_str(&text.text);
        }
    }
    let bytes = printed.into_bytes();
    let start = bytes.len().saturating_sub(usize::try_from(CONSOLE_BYTES).unwrap_or(usize::MAX));
    Ok(bytes[start..].to_vec())
}

impl Play {
    fn scripted_end(&self) -> Option<Timestamp> {
        let ends = self.script.ends;
        (ends.how != EndsHow::Hang).then(|| after(self.launched, ends.after_seconds))
    }

    fn ended_from_outside(&self) -> Option<Timestamp> {
        let bytes = std::fs::read(self.folder.join("ended")).ok()?;
        serde_json::from_slice::<Ended>(&bytes).ok().map(|ended| ended.at)
    }

    fn end(&self, at: Timestamp) -> Result<(), MachineError> {
        if self.ended_from_outside().is_some() {
            return Ok(());
        }
        let text = serde_json::to_vec(&Ended { at }).expect("a time is plain data");
        std::fs::write(self.folder.join("ended"), text).map_err(MachineError::io("ending the scripted guest"))
    }

    /// Writes the guest's files unless that was done; callers at the same time wait for one another.
    fn write_files(&self, now: Timestamp) -> Result<(), MachineError> {
        let lock = File::create(self.folder.join("lock")).map_err(MachineError::io("making the scripted guest's lock"))?;
        lock.lock().map_err(MachineError::io("taking the scripted guest's lock"))?;
        let written = self.folder.join("written");
        if !written.exists() {
            guest_files::write(&self.disk, &self.script.files, &self.script.removes, &self.folder, now)?;
            File::create(&written).map_err(MachineError::io("noting that the files are written"))?;
        }
        Ok(())
    }
}

fn read(handle: &Value) -> Result<Play, MachineError> {
    serde_json::from_value(handle.clone()).map_err(|source| MachineError::Handle { source })
}

fn after(start: Timestamp, seconds: u64) -> Timestamp {
    start.saturating_add(Duration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

/// Finds the text that a regular expression's first group stands for.
fn capture(pattern: &str, text: &str) -> Result<Option<String>, regex::Error> {
    Ok(Regex::new(pattern)?.captures(text).and_then(|groups| groups.get(1)).map(|found| found.as_str().to_owned()))
}

fn unpack(user_data: &[u8]) -> Result<String, MachineError> {
    if !user_data.starts_with(&[0x1f, 0x8b]) {
        return Ok(String::from_utf8_lossy(user_data).into_owned());
    }
    let mut text = Vec::new();
    GzDecoder::new(user_data)
        .take(USER_DATA_BYTES)
        .read_to_end(&mut text)
        .map_err(|e| MachineError::Script { reason: format!("the user data can't be unpacked: {e}") })?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Where the programs of e2fsprogs lie that an ordinary user's search path lacks.
fn sbin(program: &str) -> PathBuf {
    ["/usr/sbin", "/sbin"].iter().map(|folder| Path::new(folder).join(program)).find(|path| path.exists()).unwrap_or_else(|| program.into())
}

#[cfg(test)]
mod tests;
