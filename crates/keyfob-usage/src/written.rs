//! The report for people, and for spreadsheets.

use crate::report::{Line, Report};
use keyfob_oauth::text::printable;
use std::fmt::Write as _;

impl Report {
    /// Returns the report as a table for people; nothing in it moves a terminal's cursor.
    pub fn to_text(&self) -> String {
        let head = [self.by.as_str(), "requests", "aborted", "input", "cached", "output", "price"]
            .map(str::to_owned);
        let mut rows = vec![head];
        rows.extend(self.lines.iter().map(|line| {
            let price = match line.unpriced {
                0 => line.price.to_string(),
                unpriced => format!("{} + {unpriced} without a price", line.price),
            };
            let [requests, aborted, input, cached, output] =
                [line.requests, line.aborted, line.input, line.cached, line.output].map(|n| n.to_string());
            [printable(&line.name), requests, aborted, input, cached, output, price]
        }));
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..7).map(width).collect();
        let mut text = String::new();
        for row in &rows {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(column, (cell, width))| match column {
                    0 => format!("{cell:<width$}"),
                    _ => format!("{cell:>width$}"),
                })
                .collect();
            // A text takes whatever is written to it.
            writeln!(text, "{}", cells.join("  ").trim_end()).ok();
        }
        text
    }

    /// Returns the report as CSV (RFC 4180).
    pub fn to_csv(&self) -> String {
        let mut text = format!(
            "{},requests,aborted,reserved,input_tokens,cached_tokens,output_tokens,reasoning_tokens,price,unpriced_requests\r\n",
            self.by.as_str()
        );
        for line in &self.lines {
            let name = quoted(&line.name);
            let Line {
                requests, aborted, reserved, input, cached, output, reasoning, price, unpriced, ..
            } = line;
            // As above.
            write!(
                text,
                "{name},{requests},{aborted},{reserved},{input},{cached},{output},{reasoning},{price},{unpriced}\r\n"
            )
            .ok();
        }
        text
    }
}

/// Quotes a cell; a spreadsheet would run one that begins like a formula.
fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use crate::money::Money;
    use crate::{By, Line, Report};

    fn report() -> Report {
        let whole =
            Line { name: "=m\u{1b}[2J\"x".into(), requests: 1, input: 8, output: 20, ..Line::default() };
        let price = Money::from_nano(700);
        let unpriced = Line { name: "small".into(), requests: 12, price, unpriced: 1, ..Line::default() };
        Report { by: By::Model, lines: vec![whole, unpriced] }
    }

    #[test]
    fn a_table_has_a_line_for_each_name_and_says_what_has_no_price() {
        assert_eq!(
            report().to_text(),
            "model    requests  aborted  input  cached  output                          price\n\
             =m[2J\"x         1        0      8       0      20                           0.00\n\
             small          12        0      0       0       0  0.0000007 + 1 without a price\n"
        );
    }

    #[test]
    fn a_cell_of_csv_is_quoted_and_runs_in_no_spreadsheet() {
        assert_eq!(
            report().to_csv(),
            "model,requests,aborted,reserved,input_tokens,cached_tokens,output_tokens,reasoning_tokens,price,unpriced_requests\r\n\
             \"'=m\u{1b}[2J\"\"x\",1,0,0,8,0,20,0,0.00,0\r\n\
             \"small\",12,0,0,0,0,0,0,0.0000007,1\r\n"
        );
    }
}
