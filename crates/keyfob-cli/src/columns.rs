//! Text in columns: what a person reads fits into 80 of them.

/// As wide as the narrowest terminal that people work in.
const WIDTH: usize = 80;

/// Returns `text` in lines of at most 80 columns, all but the first begun with `indent` spaces.
///
/// Words, of which a path is one, stay whole.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    let mut lines = vec![String::new()];
    let mut column = 0;
    for (number, word) in text.split(' ').enumerate() {
        let width = word.chars().count();
        if column > indent && column + 1 + width > WIDTH {
            lines.push(" ".repeat(indent));
            column = indent;
        } else if number > 0 {
            column += 1;
            lines.last_mut().into_iter().for_each(|line| line.push(' '));
        }
        lines.last_mut().into_iter().for_each(|line| line.push_str(word));
        column += width;
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_eighty_columns_and_long_words_stay_whole() {
        let (short, long) = ("a ".repeat(60), "x".repeat(100));

        let text = wrapped(&format!("say: {short}{long} b"), 5);

        let widths: Vec<usize> = text.lines().map(|line| line.chars().count()).collect();
        assert_eq!(widths, [80, 48, 105, 6]);
        assert_eq!(text.split_whitespace().collect::<Vec<_>>().concat().len(), 4 + 60 + 100 + 1);
    }
}
