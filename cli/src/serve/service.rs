//! What is served: the command that starts workerd, the same at each start.

use std::env::var_os;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use blobwatch_host::workerd::folder;
use blobwatch_host::{Origin, vars};
use rustix::io::{FdFlags, fcntl_setfd};

use super::front::Front;
use super::objects::Objects;
use crate::data_folder::DataFolder;
use crate::installation::Installation;
use crate::sign_in::OIDC;

pub(super) struct Service<'a> {
    pub(super) installation: &'a Installation,
    pub(super) data: &'a DataFolder,
    pub(super) front: &'a Front,
    pub(super) origin: Option<&'a Origin>,
    pub(super) objects: &'a Objects,
    /// Certificates, by their whole paths.
    pub(super) has_files: bool,
    /// At which provider people sign in.
    pub(super) oidc: Option<String>,
}

impl Service<'_> {
    pub(super) fn command(&self) -> Result<Command> {
        // workerd holds the lock too: no second one serves the folder if this process is killed.
        fcntl_setfd(self.data.lock(), FdFlags::empty()).context("failed to hand the lock to workerd")?;
        let mut command = Command::new(self.installation.workerd());
        command.arg("serve").arg(self.data.config());
        command.arg("--import-path").arg(self.installation.bundle());
        if self.has_files {
            command.args(["--import-path", "/"]);
        }
        if self.objects.elsewhere().is_none() {
            command
                .arg(folder("data", self.data.path()))
                .arg(folder("dashboard", &self.installation.dashboard()));
        }
        command
            .args(self.front.arguments())
            .envs(self.variables()?)
            .stdin(Stdio::null());
        if let Some(secret) = self.objects.secret() {
            command.env("OBJECTS_SECRET", secret);
        }
        Ok(command)
    }

    /// Of the file of secrets; the environment's own are inherited, and come first.
    fn variables(&self) -> Result<Vec<(&'static str, String)>> {
        let file = self.data.secrets();
        let mut variables = if file.exists() {
            vars::read(&file)?
        } else {
            Vec::new()
        };
        variables.retain(|(name, _)| var_os(name).is_none_or(|value| value.is_empty()));
        if let Some(oidc) = &self.oidc {
            variables.retain(|(name, _)| *name != OIDC);
            variables.push((OIDC, oidc.clone()));
        }
        variables.extend(self.origin.map(|origin| ("ORIGIN", origin.to_string())));
        Ok(variables)
    }

    /// The host of the dashboard and the API, if they have one of their own.
    pub(super) fn host(&self) -> Result<Option<String>> {
        let own = std::env::var("BLOBWATCH_HOST")
            .ok()
            .filter(|host| !host.is_empty());
        let kept = || {
            self.variables().map(|known| {
                let mut known = known.into_iter();
                known.find_map(|(name, value)| (name == "BLOBWATCH_HOST").then_some(value))
            })
        };
        own.map_or_else(kept, |host| Ok(Some(host)))
    }
}
