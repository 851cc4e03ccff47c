//! What was used, as a page and as JSON.

use crate::ledger::usage::{UsageError, Whose, report};
use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use keyfob_oauth::Timestamp;
use keyfob_usage::{By, Line, Report};
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

/// How far back it is looked, in days.
const DAYS: i64 = 30;
const DAY: i64 = 24 * 60 * 60;
/// Nothing is loaded, nothing runs, and nobody frames the page.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; form-action 'none'; base-uri 'none'";
const ORDER: [By; 4] = [By::Day, By::Model, By::Workspace, By::Caller];

/// Everything of the last 30 days, in each way that it is added up.
fn read(folder: &Path, now: Timestamp) -> Result<Vec<Report>, UsageError> {
    let since = Timestamp::from_unix(now.as_unix().saturating_sub(DAYS * DAY));
    ORDER.iter().map(|by| report(folder, *by, since, &Whose::Everybody)).collect()
}

async fn reports(folder: Option<PathBuf>, now: Timestamp) -> Result<Vec<Report>, Response> {
    let Some(folder) = folder else {
        let words = "nothing is written down: start the gateway with a folder, `data`\n";
        return Err((StatusCode::NOT_FOUND, words).into_response());
    };
    match tokio::task::spawn_blocking(move || read(&folder, now)).await {
        Ok(Ok(reports)) => Ok(reports),
        Ok(Err(error)) => {
            let cause = std::error::Error::source(&error).map(tracing::field::display);
            tracing::error!(%error, cause, "cannot tell what was used");
            Err((StatusCode::SERVICE_UNAVAILABLE, "the ledger cannot be read\n").into_response())
        }
        Err(_ended) => Err(StatusCode::SERVICE_UNAVAILABLE.into_response()),
    }
}

pub(super) async fn page(folder: Option<PathBuf>, now: Timestamp) -> Response {
    let reports = match reports(folder, now).await {
        Ok(reports) => reports,
        Err(response) => return response,
    };
    let mut page = String::new();
    // A text takes whatever is written to it.
    write_page(&mut page, &reports).ok();
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, page).into_response()
}

pub(super) async fn json(folder: Option<PathBuf>, now: Timestamp) -> Response {
    match reports(folder, now).await {
        Ok(reports) => {
            let all: Vec<_> = reports.iter().map(Report::to_json).collect();
            ([(header::CACHE_CONTROL, "no-store")], Json(all)).into_response()
        }
        Err(response) => response,
    }
}

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;margin:1.5rem auto;max-width:60rem;padding:0 1rem;\
    color-scheme:light dark}.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}\
    th,td{padding:.25rem .75rem;text-align:right;border-bottom:1px solid #8886}\
    th:first-child,td:first-child{text-align:left;overflow-wrap:anywhere}svg{width:100%;height:8rem}rect{fill:#2a78d4}\
    @media(prefers-color-scheme:dark){rect{fill:#7db4f5}}";

fn write_page(page: &mut String, reports: &[Report]) -> fmt::Result {
    write!(
        page,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Usage – Keyfob gateway</title>\
         <style>{STYLE}</style></head><body><main><h1>Usage of the last {DAYS} days</h1>\
         <p>A request whose answer has not ended counts as much as was reserved for it.</p>"
    )?;
    for report in reports {
        write!(page, "<section><h2>By {}</h2>", report.by.as_str())?;
        if report.lines.is_empty() {
            page.write_str("<p>Nothing was used yet.</p></section>")?;
            continue;
        }
        if report.by == By::Day {
            write_plot(page, &report.lines)?;
        }
        write_table(page, report)?;
        page.write_str("</section>")?;
    }
    page.write_str("</main></body></html>")
}

fn write_table(page: &mut String, report: &Report) -> fmt::Result {
    write!(
        page,
        "<div class=\"wide\" tabindex=\"0\"><table><thead><tr><th scope=\"col\">{}</th>",
        report.by.as_str()
    )?;
    for column in ["requests", "not whole", "input", "cached", "output", "price"] {
        write!(page, "<th scope=\"col\">{column}</th>")?;
    }
    page.write_str("</tr></thead><tbody>")?;
    for line in &report.lines {
        let Line { requests, aborted, input, cached, output, price, .. } = line;
        write!(
            page,
            "<tr><th scope=\"row\">{}</th><td>{requests}</td><td>{aborted}</td><td>{input}</td><td>{cached}</td>\
             <td>{output}</td><td>{price}</td></tr>",
            Escaped(&line.name)
        )?;
    }
    page.write_str("</tbody></table></div>")
}

/// Draws a bar a day, as high as its tokens; the table below says the same in numbers.
fn write_plot(page: &mut String, days: &[Line]) -> fmt::Result {
    let tokens = |day: &Line| day.input.saturating_add(day.output);
    let most = days.iter().map(tokens).max().unwrap_or(0).max(1);
    write!(
        page,
        "<svg viewBox=\"0 0 {} 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"Tokens by day, {most} at most\">",
        days.len() * 10
    )?;
    for (place, day) in days.iter().enumerate() {
        let height = u128::from(tokens(day)) * 100 / u128::from(most);
        write!(
            page,
            "<rect x=\"{}\" y=\"{}\" width=\"8\" height=\"{height}\"><title>{}: {} tokens</title></rect>",
            place * 10 + 1,
            100 - height,
            Escaped(&day.name),
            tokens(day)
        )?;
    }
    page.write_str("</svg>")
}

/// Text that a page may hold wherever it stands.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            letter => f.write_char(letter),
        })
    }
}
