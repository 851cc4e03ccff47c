//! What the files of a repository say of a login: nothing of it counts (security C-22).

use crate::problem::Problem;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// What only the user may say, in a file of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectFile {
    /// The file.
    pub file: PathBuf,
    /// The keys in it that count for nothing here, each with its place.
    pub ignored: Vec<(String, Problem)>,
    /// Why it cannot be understood, if it cannot.
    pub broken: Option<Problem>,
}

/// What decides where a credential goes, who may sign in and where a login is kept.
const ONLY_THE_USER: [&str; 11] = [
    "forced_login_method",
    "forced_chatgpt_workspace_id",
    "cli_auth_credentials_store",
    "chatgpt_base_url",
    "openai_base_url",
    "model_provider",
    "model_providers",
    "allowed_login_methods",
    "allowed_chatgpt_workspaces",
    "issuer",
    "keyfob",
];
const MOST_BYTES: u64 = 1024 * 1024;

impl ProjectFile {
    /// Finds the files as the Codex CLI does: in `folder`, and in those above it up to the root of the repository.
    ///
    /// `home` is the user's own, which is none of a project. Nothing is read but these files.
    pub fn find(folder: &Path, home: &Path) -> Vec<Self> {
        let root = folder.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(folder);
        // The working folder has no links in its path.
        let home = fs::canonicalize(home).unwrap_or_else(|_| home.to_owned());
        let folders = folder.ancestors().take_while(|folder| folder.starts_with(root));
        let places = folders.map(|folder| folder.join(".codex")).filter(|place| *place != home);
        places.filter_map(|place| Self::read(place.join("config.toml"))).collect()
    }

    fn read(path: PathBuf) -> Option<Self> {
        let bytes = bytes(&path)?;
        let text = String::from_utf8_lossy(&bytes);
        let (table, errors) = DeTable::parse_recoverable(&text);
        let problem = |span, message: String| Problem::new(path.clone(), &text, span, message);
        let broken = errors
            .first()
            .map(|error| problem(error.span().unwrap_or_default(), error.message().trim_end().into()));
        let mut ignored: Vec<_> = table
            .get_ref()
            .keys()
            .filter(|key| ONLY_THE_USER.contains(&&**key.get_ref()))
            .map(|key| {
                let message = format!("`{}` in a project's file counts for nothing here", key.get_ref());
                let help = "put it into your own config.toml, if you want it";
                (key.get_ref().to_string(), problem(key.span(), message).with_help(help))
            })
            .collect();
        ignored.sort_by_key(|(_, problem)| problem.span.start);
        Some(Self { file: path, ignored, broken })
    }
}

/// A pipe that nobody writes to is not waited for.
fn bytes(path: &Path) -> Option<Vec<u8>> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path).ok()?;
    let mut bytes = Vec::new();
    file.metadata().ok().filter(fs::Metadata::is_file)?;
    file.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(folder: &Path, text: &str) {
        fs::create_dir_all(folder.join(".codex")).unwrap();
        crate::on_disk::put(&folder.join(".codex/config.toml"), text);
    }

    #[test]
    fn c_22_the_files_of_a_project_are_those_up_to_the_root_of_its_repository() {
        let above = tempfile::tempdir().unwrap();
        let root = above.path().join("repository");
        let inner = root.join("a/b");
        for folder in [above.path(), &root, &root.join("a"), &inner] {
            put(folder, "chatgpt_base_url = \"u\"\nmodel = \"m\"\n[model_providers.x]\n");
        }
        let files = |folder: &Path| {
            let found = ProjectFile::find(folder, Path::new("/home/mia/.codex"));
            found.into_iter().map(|found| found.file).collect::<Vec<_>>()
        };
        let at = |folder: &Path| folder.join(".codex/config.toml");

        assert_eq!(files(&inner), [at(&inner)], "without a repository only the folder itself counts");
        fs::create_dir(root.join(".git")).unwrap();
        assert_eq!(files(&inner), [at(&inner), at(&root.join("a")), at(&root)]);
        std::os::unix::fs::symlink(&root, above.path().join("link")).unwrap();
        for home in [root.join(".codex"), above.path().join("link/.codex")] {
            assert_eq!(
                ProjectFile::find(&fs::canonicalize(&root).unwrap(), &home),
                [],
                "the home is none of a project"
            );
        }
    }

    #[test]
    fn c_22_what_only_the_user_may_say_is_named() {
        let folder = tempfile::tempdir().unwrap();
        put(
            folder.path(),
            "model = 1\nforced_login_method = \"api\"\n[model_providers.x]\nname = \"x\"\n[issuer]\n",
        );

        let found = ProjectFile::find(folder.path(), Path::new("/h"));

        let keys = found[0].ignored.iter().map(|(key, problem)| (key.as_str(), problem.line));
        assert_eq!(
            keys.collect::<Vec<_>>(),
            [("forced_login_method", 2), ("model_providers", 3), ("issuer", 5)]
        );
        assert_eq!(found[0].broken, None);
    }

    #[test]
    fn c_22_a_file_that_is_broken_or_none_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let find = || ProjectFile::find(folder.path(), Path::new("/h"));
        put(folder.path(), "chatgpt_base_url = \"u\"\nx = = 1\n");
        assert_eq!(
            (find()[0].ignored.len(), find()[0].broken.as_ref().map(|broken| broken.line)),
            (1, Some(2))
        );

        let file = folder.path().join(".codex/config.toml");
        fs::remove_file(&file).unwrap();
        let mode = rustix::fs::Mode::from(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &file, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert_eq!(find(), []);
    }
}
