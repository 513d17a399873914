//! Programs run for a build: their lines passed on, their last ones kept for the error.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use super::BuildError;

/// Lines kept for the error.
const KEPT: usize = 12;

/// Refuses unless every program is there; each comes with the Debian package that has it.
///
/// # Errors
///
/// [`BuildError::Missing`] with the first that is not.
pub fn require(programs: &[(&str, &'static str)]) -> Result<(), BuildError> {
    for (program, package) in programs {
        if crate::twin::machines::find_program(program).is_none() {
            return Err(BuildError::Missing { program: (*program).to_owned(), package });
        }
    }
    Ok(())
}

/// Starts a command line for a program that an ordinary user's search path may lack.
pub fn command(program: &str) -> Command {
    Command::new(crate::twin::machines::find_program(program).unwrap_or_else(|| program.into()))
}

/// Runs a program to its end, passing on every line it writes.
///
/// # Errors
///
/// [`BuildError`] when it can't be run or fails; the last lines go with it.
pub fn run(step: &'static str, command: &mut Command, progress: &(dyn Fn(&str) + Sync)) -> Result<(), BuildError> {
    tracing::debug!(?command, step);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(BuildError::io(format!("running {}", command.get_program().to_string_lossy())))?;
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    let last = Mutex::new(VecDeque::new());
    std::thread::scope(|scope| {
        if let Some(output) = output {
            scope.spawn(|| pass_on(output, &last, progress));
        }
        if let Some(errors) = errors {
            pass_on(errors, &last, progress);
        }
    });
    let status = child.wait().map_err(BuildError::io("waiting for a program"))?;
    if status.success() {
        return Ok(());
    }
    let last = last.into_inner().unwrap_or_else(|e| e.into_inner());
    Err(BuildError::Failed { step, said: Vec::from(last).join("\n") })
}

fn pass_on(stream: impl Read, last: &Mutex<VecDeque<String>>, progress: &(dyn Fn(&str) + Sync)) {
    for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        progress(&line);
        let mut last = last.lock().unwrap_or_else(|e| e.into_inner());
        if last.len() == KEPT {
            last.pop_front();
        }
        last.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_carries_the_last_lines() {
        let seen = Mutex::new(Vec::new());
        let mut command = Command::new("sh");
        command.args(["-c", "seq 1 20 >&2; exit 3"]);
        let error = run("counting", &mut command, &|line| seen.lock().unwrap().push(line.to_owned())).unwrap_err();
        assert_eq!(seen.lock().unwrap().len(), 20);
        let BuildError::Failed { said, .. } = error else { panic!("{error}") };
        assert!(said.starts_with("9\n") && said.ends_with("\n20"), "{said}");
    }
}
