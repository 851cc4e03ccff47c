//! `keyfob config check`: all that is wrong in every file.

use super::project;
use crate::columns::wrapped;
use crate::environment::Environment;
use crate::error::{CommandError, Failure, remedies};
use crate::exit::Exit;
use crate::{output, settings};
use keyfob_client::Home;
use keyfob_oauth::text;
use keyfob_settings::{Finding, Problem, SettingsError, Survey};
use serde_json::{Value, json};

/// A finding in the form that both outputs are made of.
struct Told {
    severity: &'static str,
    message: String,
    problem: Option<Problem>,
    hints: Vec<String>,
}

/// A file that was looked at.
struct Looked {
    layer: &'static str,
    file: String,
}

/// Looks at every file; 1 where one cannot be used, 6 where what an administrator restricts cannot be known.
pub(super) fn run(json: bool, home: &Home, environment: &Environment) -> Result<Exit, CommandError> {
    let survey = Survey::of(&settings::places(environment, home));
    let mut looked: Vec<_> = survey
        .files()
        .into_iter()
        .map(|(layer, file)| Looked { layer: layer.as_str(), file: file.display().to_string() })
        .collect();
    let findings = survey.findings();
    let exit = exit(&findings);
    let mut told: Vec<Told> = findings.into_iter().map(Told::of).collect();
    for file in project::files(home) {
        looked.push(Looked { layer: "project", file: file.file.display().to_string() });
        let broken = file.broken.map(|problem| problem.with_help("the Codex CLI cannot use this file"));
        told.extend(
            broken.into_iter().chain(file.ignored.into_iter().map(|(_, problem)| problem)).map(Told::warning),
        );
    }
    let text = if json { document(&told, &looked, exit).to_string() } else { lines(&told, &looked) };
    output::data(&text::inert(&text)).map_err(Failure::Output)?;
    Ok(exit)
}

fn exit(findings: &[Finding]) -> Exit {
    let errors = findings.iter().filter_map(|finding| match finding {
        Finding::Error(error) => Some(error),
        Finding::Warning(_) => None,
    });
    errors.fold(Exit::Ok, |exit, error| match exit {
        Exit::PolicyDenied => exit,
        _ if error.is_about_restrictions() => Exit::PolicyDenied,
        _ => Exit::Failure,
    })
}

impl Told {
    fn of(finding: Finding) -> Self {
        match finding {
            Finding::Warning(problem) => Self::warning(problem),
            Finding::Error(error) => Self::error(error),
        }
    }

    fn warning(problem: Problem) -> Self {
        let hints = problem.help.clone().into_iter().collect();
        Self { severity: "warning", message: problem.message.clone(), problem: Some(problem), hints }
    }

    fn error(error: SettingsError) -> Self {
        let hints = remedies(&error);
        match error {
            SettingsError::Invalid { problem, .. } => {
                Self { severity: "error", message: problem.message.clone(), problem: Some(*problem), hints }
            }
            error @ (SettingsError::Read { .. }
            | SettingsError::Untrusted { .. }
            | SettingsError::Conflict(_)) => {
                Self { severity: "error", message: output::with_causes(&error), problem: None, hints }
            }
        }
    }
}

fn lines(told: &[Told], looked: &[Looked]) -> String {
    let mut lines = Vec::new();
    for one in told {
        lines.push(wrapped(&format!("{}: {}", one.severity, one.message), 2));
        if let Some(problem) = &one.problem {
            lines.push(format!("  --> {}:{}:{}", problem.file.display(), problem.line, problem.column));
            lines.push(problem.picture());
        }
        lines.extend(one.hints.iter().map(|hint| wrapped(&format!("hint: {hint}"), 6)));
        lines.push(String::new());
    }
    lines.extend(looked.iter().map(|one| format!("looked at {} ({})", one.file, one.layer)));
    let count = |severity| told.iter().filter(|one| one.severity == severity).count();
    let of = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    lines.push(match (count("error"), count("warning")) {
        (0, 0) => "nothing is wrong".to_owned(),
        (errors, warnings) => format!("{}, {}", of(errors, "error"), of(warnings, "warning")),
    });
    lines.join("\n")
}

fn document(told: &[Told], looked: &[Looked], exit: Exit) -> Value {
    let place = |problem: &Problem| json!({ "file": problem.file.display().to_string(), "line": problem.line, "column": problem.column });
    let findings: Vec<_> = told
        .iter()
        .map(|one| {
            json!({
                "severity": one.severity, "message": one.message, "place": one.problem.as_ref().map(place),
                "hints": one.hints,
            })
        })
        .collect();
    let files: Vec<_> = looked.iter().map(|one| json!({ "layer": one.layer, "file": one.file })).collect();
    json!({ "schema": 1, "usable": exit == Exit::Ok, "files": files, "findings": findings })
}
