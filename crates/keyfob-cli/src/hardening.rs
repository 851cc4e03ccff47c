//! What keeps secrets inside this process: no core file, no reading by others, panics without payload (security C-47).

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};

/// Closes the process to others; called before anything secret is read.
pub(crate) fn apply() {
    panic::set_hook(Box::new(|panic| report(panic, &mut io::stderr().lock())));
    // Best effort: a system that refuses is not made safer by refusing to work on it.
    let _core = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _dump = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Says where the program broke; what it was about could hold a secret.
fn report(panic: &PanicHookInfo<'_>, to: &mut dyn Write) {
    let place = panic.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
    // Nobody is left to tell when standard error is closed.
    let _closed = writeln!(to, "error: keyfob has a defect and stops here{}", place.unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn c_47_a_panic_says_where_and_not_what() {
        let said = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&said);
        panic::set_hook(Box::new(move |panic| report(panic, &mut *hears.lock().unwrap())));
        let line = line!() + 1;
        let caught = panic::catch_unwind(|| panic!("the token is {}", "rt-secret"));
        drop(panic::take_hook());

        assert!(caught.is_err());
        let text = String::from_utf8(said.lock().unwrap().clone()).unwrap();
        assert_eq!(text, format!("error: keyfob has a defect and stops here ({}:{line})\n", file!()));
    }
}
