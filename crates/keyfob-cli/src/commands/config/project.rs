//! What a project's file says of a login: said to be ignored, and ignored (security C-22).

use crate::environment;
use crate::output;
use keyfob_client::Home;
use keyfob_settings::ProjectFile;

/// Returns the files of the project that the command was started in; nowhere is no project.
pub(super) fn files(home: &Home) -> Vec<ProjectFile> {
    match environment::working_folder() {
        Ok(folder) => ProjectFile::find(&folder, home.path()),
        Err(_) => Vec::new(),
    }
}

/// Says which keys of a project's files are ignored, a line for each file.
pub(crate) fn warn(home: &Home) {
    for file in files(home) {
        let keys: Vec<String> = file.ignored.iter().map(|(key, _)| format!("`{key}`")).collect();
        if !keys.is_empty() {
            let (file, keys) = (file.file.display(), keys.join(", "));
            output::say(&format!("warning: {file} sets {keys}; nothing of it is used to sign in"));
        }
    }
}
