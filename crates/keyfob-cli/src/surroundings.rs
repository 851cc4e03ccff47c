//! Where the terminal is: whether a browser opened here could come back here (`users.md` P2).

use std::ffi::OsString;
use std::fmt;

/// A place in which no browser of the person's reaches a callback on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remote {
    /// A GitHub Codespace.
    Codespaces,
    /// A container.
    Container,
    /// A session of ssh without a display.
    Ssh,
    /// A machine without a display.
    NoDisplay,
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Codespaces => "this is a Codespace",
            Self::Container => "this is a container",
            Self::Ssh => "this is an ssh session",
            Self::NoDisplay => "this machine has no display",
        })
    }
}

/// What is asked of the surroundings.
pub(crate) trait Surroundings {
    /// Returns a variable of the environment that is set and not empty.
    fn variable(&self, name: &str) -> Option<OsString>;
    /// Returns the text of a file of the system, or nothing.
    fn file(&self, path: &str) -> Option<String>;
}

/// The files by which container engines mark their containers.
const CONTAINER_MARKS: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];
/// Where the kernel says its name; that of WSL has Microsoft's in it.
const KERNEL: &str = "/proc/sys/kernel/osrelease";

/// Returns where the terminal is, if a browser opened here would not come back here.
///
/// A browser that the person names in `BROWSER` is believed to do so, and WSL opens that of Windows, which does.
pub(crate) fn remote(around: &impl Surroundings) -> Option<Remote> {
    let is_set = |name: &str| around.variable(name).is_some();
    if is_set("BROWSER") {
        return None;
    }
    if is_set("CODESPACES") {
        return Some(Remote::Codespaces);
    }
    let has_display = is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
    if has_display {
        return None;
    }
    if CONTAINER_MARKS.iter().any(|mark| around.file(mark).is_some()) || is_set("container") {
        return Some(Remote::Container);
    }
    if is_set("SSH_CONNECTION") || is_set("SSH_TTY") {
        return Some(Remote::Ssh);
    }
    let is_windows = around.file(KERNEL).is_some_and(|name| name.to_ascii_lowercase().contains("microsoft"));
    (!is_windows && cfg!(target_os = "linux")).then_some(Remote::NoDisplay)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Around(&'static [&'static str], &'static [(&'static str, &'static str)]);

    impl Surroundings for Around {
        fn variable(&self, name: &str) -> Option<OsString> {
            self.0.contains(&name).then(|| "set".into())
        }

        fn file(&self, path: &str) -> Option<String> {
            self.1.iter().find(|(own, _)| *own == path).map(|(_, text)| (*text).to_owned())
        }
    }

    const MARK: &[(&str, &str)] = &[("/.dockerenv", "")];
    const WSL: &[(&str, &str)] = &[(KERNEL, "5.15.90.1-Microsoft-standard-WSL2\n")];

    #[test]
    fn where_no_browser_could_come_back_the_terminal_is_called_remote() {
        let found = |variables, files| remote(&Around(variables, files));
        assert_eq!(found(&["CODESPACES", "container"], MARK), Some(Remote::Codespaces));
        assert_eq!(found(&["SSH_CONNECTION"], MARK), Some(Remote::Container));
        assert_eq!(found(&["container"], &[]), Some(Remote::Container));
        assert_eq!(found(&["SSH_TTY"], &[]), Some(Remote::Ssh));
        assert_eq!(found(&["SSH_CONNECTION"], WSL), Some(Remote::Ssh));
        assert_eq!(found(&[], &[]), Some(Remote::NoDisplay));
        for at_a_desk in [&["DISPLAY"][..], &["WAYLAND_DISPLAY", "SSH_TTY"], &["BROWSER", "CODESPACES"]] {
            assert_eq!(remote(&Around(at_a_desk, &[])), None, "{at_a_desk:?}");
        }
        assert_eq!(found(&[], WSL), None);
    }
}
