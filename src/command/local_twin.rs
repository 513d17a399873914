//! The workspace's twin, opened in this process as the command line says: its machines, its faults.

use std::path::PathBuf;
use std::sync::Arc;

use super::context::cache_folder;
use crate::cli::{Global, MachineKind};
use crate::clock::Clock;
use crate::failure::Failure;
use crate::manifest::Workspace;
use crate::rules::names::nearest;
use crate::twin::faults::{FaultRule, FaultScript, FaultScriptError};
use crate::twin::machines::{Accelerator, Machines, Qemu, probe};
use crate::twin::{self, Twin};

/// Returns the folder that the workspace's twin keeps its state in.
pub fn twin_folder(workspace: &Workspace) -> PathBuf {
    workspace.root.join(".bakehouse/twin")
}

/// Opens the workspace's twin in this process.
///
/// # Errors
///
/// When another process has it, or its state can't be read.
pub fn open_twin(global: &Global, workspace: &Workspace) -> Result<Arc<Twin>, Failure> {
    open_twin_with(global, workspace, twin_options(global)?)
}

/// Opens the workspace's twin with options of its own.
///
/// # Errors
///
/// When another process has it, or its state can't be read.
pub fn open_twin_with(global: &Global, workspace: &Workspace, options: twin::Options) -> Result<Arc<Twin>, Failure> {
    let folder = twin_folder(workspace);
    if let Some(running) = twin::serve::running(&folder) {
        return Err(Failure::other(
            format!("the twin is served at {}, and this command needs it for itself", running.url),
            "end `bakehouse twin serve` (Ctrl-C where it runs), then try again",
        ));
    }
    let twin = Twin::open(&folder, options)?;
    // A command has one twin; what it met with is told at its end.
    let _ = global.faults_met.set(twin.faults_met());
    Ok(twin)
}

/// Returns how a twin is opened by the command line.
///
/// # Errors
///
/// When the machines or the faults asked for can't be had.
pub fn twin_options(global: &Global) -> Result<twin::Options, Failure> {
    Ok(twin::Options { faults: faults(global)?, ..twin::Options::new(Clock::System, machines(global)?) })
}

fn faults(global: &Global) -> Result<Vec<FaultRule>, Failure> {
    let Some(path) = &global.faults else { return Ok(Vec::new()) };
    let wrong = |e: &dyn std::error::Error, hint: Option<String>| {
        let cause = e.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        let what = format!("the faults in {} can't be used: {e}{cause}", path.display());
        Failure::other(what, hint.unwrap_or_else(|| "ARCHITECTURE.md, \"Faults\", says what the file holds".to_owned()))
    };
    let text = std::fs::read_to_string(path).map_err(|e| wrong(&e, None))?;
    let script = FaultScript::parse(&text).map_err(|e| {
        let meant = match &e {
            FaultScriptError::Operation { name, known, .. } => nearest(name, known).map(|meant| format!("did you mean {meant}?")),
            _ => None,
        };
        wrong(&e, meant)
    })?;
    Ok(script.rules)
}

/// Tells whether a twin's machines are emulated.
pub fn is_emulated(twin: &Twin) -> bool {
    matches!(twin.machines(), Machines::Qemu(qemu) if qemu.accelerator() == Accelerator::Tcg)
}

/// Chooses what runs the twin's instances.
///
/// # Errors
///
/// A script that is missing or does not parse; QEMU asked for and not installed.
pub fn machines(global: &Global) -> Result<Machines, Failure> {
    let kind = global.machines.unwrap_or_else(|| if Qemu::program().is_ok() { MachineKind::Qemu } else { MachineKind::None });
    match kind {
        MachineKind::None => Ok(Machines::None),
        MachineKind::Scripted => {
            let path = global.script.as_ref().ok_or_else(|| {
                Failure::other("scripted machines need a script", "name it with --script FILE; docs/scripted-guests.md has one that passes")
            })?;
            let wrong = |e: String| {
                Failure::other(
                    format!("the script {} can't be used: {e}", path.display()),
                    "docs/scripted-guests.md has one that passes, ARCHITECTURE.md, \"Scripted guests\", says what else it may hold",
                )
            };
            let text = std::fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
            Ok(Machines::Scripted(serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?))
        }
        MachineKind::Qemu => {
            let relay = std::env::current_exe()
                .map_err(|e| Failure::other(format!("bakehouse's own path is not known: {e}"), "start it by its full path"))?;
            let program = Qemu::program().map_err(|e| Failure::other(e.to_string(), e.hint().unwrap_or_default()))?;
            let accelerator = probe(&program, &cache_folder().join("accelerator.json"))
                .map_err(|e| Failure::other(format!("QEMU can't be tried out: {e}"), "--machines none works without"))?;
            Ok(Machines::Qemu(Qemu::new(relay, accelerator)))
        }
    }
}
