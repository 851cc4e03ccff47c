//! A picture of a terminal, for the documentation.

use std::fmt::Write as _;
use vt100::{Cell, Color, Screen};

const WIDTH: f32 = 8.4;
const HEIGHT: f32 = 18.0;
const MARGIN: f32 = 12.0;
const BACKGROUND: &str = "#1b1d23";
const TEXT: &str = "#d7dae0";
/// The first sixteen colours.
const PALETTE: [&str; 16] = [
    "#000000", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#ffffff", "#8a919e",
    "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#ffffff",
];

/// How a cell is written.
#[derive(Clone, PartialEq)]
struct Ink {
    colour: &'static str,
    is_bold: bool,
}

/// Draws what is on the screen.
pub(super) fn of(screen: &Screen) -> String {
    let (rows, columns) = screen.size();
    let last = (0..rows).rev().find(|row| (0..columns).any(|column| letter(screen, *row, column) != " "));
    let rows = last.map_or(1, |last| last + 1);
    let (width, height) =
        (f32::from(columns) * WIDTH + 2.0 * MARGIN, f32::from(rows) * HEIGHT + 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{BACKGROUND}\"/>\n"
    );
    for row in 0..rows {
        draw_row(&mut svg, screen, row, columns);
    }
    svg + "</svg>\n"
}

fn draw_row(svg: &mut String, screen: &Screen, row: u16, columns: u16) {
    let mut column = 0;
    while column < columns {
        let Some(cell) = screen.cell(row, column) else { return };
        if let Some((from, to)) = half(cell.contents()) {
            block(svg, row, column, from, to, ink(cell).colour);
            column += 1;
            continue;
        }
        let style = ink(cell);
        let mut run = String::new();
        let start = column;
        while column < columns {
            let here = letter(screen, row, column);
            let same = screen.cell(row, column).is_some_and(|cell| ink(cell) == style);
            if !same || half(here).is_some() {
                break;
            }
            run.push_str(here);
            column += 1;
        }
        write_run(svg, row, start, run.trim_end(), &style);
    }
}

fn write_run(svg: &mut String, row: u16, column: u16, run: &str, ink: &Ink) {
    let text = run.trim_start();
    if text.is_empty() {
        return;
    }
    let blank = run.len() - text.len();
    let x = MARGIN + (f32::from(column) + f32::from(u16::try_from(blank).unwrap_or_default())) * WIDTH;
    let y = MARGIN + f32::from(row) * HEIGHT + 13.5;
    let length = f32::from(u16::try_from(text.chars().count()).unwrap_or_default()) * WIDTH;
    let weight = if ink.is_bold { " font-weight=\"bold\"" } else { "" };
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    let _infallible = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{length:.1}\" xml:space=\"preserve\" fill=\"{}\"{weight}>{escaped}</text>",
        ink.colour
    );
}

fn block(svg: &mut String, row: u16, column: u16, from: f32, to: f32, colour: &str) {
    let (x, y) = (MARGIN + f32::from(column) * WIDTH, MARGIN + (f32::from(row) + from) * HEIGHT);
    // A little wider than its cell, so that no light shines through between two.
    let _infallible = writeln!(
        svg,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\" shape-rendering=\"crispEdges\"/>",
        WIDTH + 0.2,
        (to - from) * HEIGHT + 0.2
    );
}

/// Returns from where to where a half block fills its cell.
fn half(letter: &str) -> Option<(f32, f32)> {
    match letter {
        "\u{2588}" => Some((0.0, 1.0)),
        "\u{2580}" => Some((0.0, 0.5)),
        "\u{2584}" => Some((0.5, 1.0)),
        _ => None,
    }
}

fn letter(screen: &Screen, row: u16, column: u16) -> &str {
    let contents = screen.cell(row, column).map(Cell::contents).unwrap_or_default();
    if contents.is_empty() { " " } else { contents }
}

fn ink(cell: &Cell) -> Ink {
    let colour = match cell.fgcolor() {
        Color::Idx(index) => PALETTE.get(usize::from(index)).copied().unwrap_or(TEXT),
        Color::Default | Color::Rgb(..) => TEXT,
    };
    Ink { colour, is_bold: cell.bold() }
}
