//! Where a login goes, and the program that leads there.

use crate::args::Handoff;
use crate::error::HandoffFailure;
use std::fmt;
use std::process::{ExitStatus, Stdio};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// What somebody asked for.
pub(super) enum Target {
    /// A machine.
    Way(Way),
    /// Whoever reads a text.
    Text,
}

/// How commands are run over there; whose host keys, settings and credentials count is for the program that leads there.
pub(super) enum Way {
    Ssh(String),
    Docker(String),
    Kube { pod: String, namespace: Option<String>, container: Option<String> },
}

impl Target {
    pub(super) fn of(arguments: &Handoff) -> Result<Self, HandoffFailure> {
        let Handoff { host, docker, kube, namespace, container, text, .. } = arguments;
        if *text {
            return Ok(Self::Text);
        }
        let way = match (host, docker, kube) {
            (Some(host), _, _) => Way::Ssh(plain(host)?),
            (None, Some(docker), _) => Way::Docker(plain(docker)?),
            (None, None, Some(pod)) => Way::Kube {
                pod: plain(pod)?,
                namespace: namespace.as_deref().map(plain).transpose()?,
                container: container.as_deref().map(plain).transpose()?,
            },
            (None, None, None) => return Err(HandoffFailure::NoTarget),
        };
        Ok(Self::Way(way))
    }
}

/// What begins with a hyphen would be an option of the program; names of machines have no spaces or control characters.
pub(in super::super) fn plain(name: &str) -> Result<String, HandoffFailure> {
    let is_plain = !name.is_empty() && !name.starts_with('-') && name.chars().all(|c| c.is_ascii_graphic());
    if is_plain { Ok(name.to_owned()) } else { Err(HandoffFailure::NotATarget(name.to_owned())) }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ssh(host) => f.write_str(host),
            Self::Docker(container) => write!(f, "docker:{container}"),
            Self::Kube { pod, namespace: Some(namespace), .. } => write!(f, "kube:{namespace}/{pod}"),
            Self::Kube { pod, namespace: None, .. } => write!(f, "kube:{pod}"),
        }
    }
}

impl Way {
    /// Runs `words` over there with `input`; their output and messages are this command's own.
    ///
    /// The words are ours or checked to be plain: ssh gives them to a shell.
    pub(super) async fn run(&self, words: &[&str], input: &[u8]) -> Result<(), HandoffFailure> {
        let (program, arguments) = self.program();
        let mut command = Command::new(program);
        command.args(arguments).args(words).stdin(Stdio::piped()).kill_on_drop(true);
        let status = give(command, input).await.map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => HandoffFailure::NoProgram(program),
            _ => HandoffFailure::Start { program, source },
        })?;
        self.check(status)
    }

    /// Runs a script of ours over there; no word of it is anybody else's.
    pub(super) async fn run_script(&self, script: &str, input: &[u8]) -> Result<(), HandoffFailure> {
        match self {
            Self::Ssh(_) => self.run(&[script], input).await,
            Self::Docker(_) | Self::Kube { .. } => self.run(&["sh", "-c", script], input).await,
        }
    }

    fn program(&self) -> (&'static str, Vec<&str>) {
        match self {
            Self::Ssh(host) => ("ssh", vec!["-T", "--", host]),
            Self::Docker(container) => ("docker", vec!["exec", "-i", container]),
            Self::Kube { pod, namespace, container } => {
                let mut arguments = vec!["exec", "-i", &**pod];
                for (flag, value) in [("--namespace", namespace), ("--container", container)] {
                    arguments.extend(value.iter().flat_map(|value| [flag, &**value]));
                }
                arguments.push("--");
                ("kubectl", arguments)
            }
        }
    }

    fn check(&self, status: ExitStatus) -> Result<(), HandoffFailure> {
        let target = self.to_string();
        let failure = match (status.code(), self) {
            // Only ssh has a code of its own for what goes wrong on the way.
            (Some(255), Self::Docker(_) | Self::Kube { .. }) => {
                Some(HandoffFailure::Failed { target, status })
            }
            (_, _) => failure_of(target, status),
        };
        failure.map_or(Ok(()), Err)
    }
}

/// Returns what is to be said when ssh, or a shell over there, ends like this.
pub(in super::super) fn failure_of(target: String, status: ExitStatus) -> Option<HandoffFailure> {
    match status.code() {
        Some(0) => None,
        Some(255) => Some(HandoffFailure::NotReached(target)),
        Some(126 | 127) => Some(HandoffFailure::NotThere(target)),
        Some(130) => Some(HandoffFailure::Cancelled),
        Some(_) | None => Some(HandoffFailure::Failed { target, status }),
    }
}

async fn give(mut command: Command, input: &[u8]) -> std::io::Result<ExitStatus> {
    let mut child = command.spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        // Whoever does not read it says why by how it ends.
        let _closed = pipe.write_all(input).await;
    }
    child.wait().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(way: &Way) -> Vec<&str> {
        let (program, arguments) = way.program();
        [vec![program], arguments].concat()
    }

    #[test]
    fn s_20_each_way_is_the_usual_command_of_its_program() {
        let kube = |namespace: Option<&str>, container: Option<&str>| Way::Kube {
            pod: "api-0".into(),
            namespace: namespace.map(Into::into),
            container: container.map(Into::into),
        };

        assert_eq!(words(&Way::Ssh("mia@box".into())), ["ssh", "-T", "--", "mia@box"]);
        assert_eq!(words(&Way::Docker("web".into())), ["docker", "exec", "-i", "web"]);
        assert_eq!(words(&kube(None, None)), ["kubectl", "exec", "-i", "api-0", "--"]);
        assert_eq!(
            words(&kube(Some("dev"), Some("main"))),
            ["kubectl", "exec", "-i", "api-0", "--namespace", "dev", "--container", "main", "--"]
        );
    }

    #[test]
    fn c_66_a_name_that_would_be_an_option_or_a_command_is_no_target() {
        for name in ["-oProxyCommand=sh", "", "a b", "a\nb", "a\u{7f}", "ä"] {
            assert!(plain(name).is_err(), "{name:?}");
        }
        assert_eq!(plain("mia@box.example").unwrap(), "mia@box.example");
    }
}
