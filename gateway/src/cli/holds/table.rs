//! Text for a terminal: columns, and words of strangers made harmless.

use std::io::Write as _;

/// Rows of as many cells as there are headings.
pub(crate) struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(headings: [&str; N]) -> Self {
        Self {
            rows: vec![headings.map(str::to_owned)],
        }
    }

    pub(crate) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells.map(|cell| printable(&cell)));
    }

    pub(crate) fn print(&self) -> std::io::Result<()> {
        std::io::stdout().write_all(self.text().as_bytes())
    }

    /// Each column as wide as its widest cell; the last one as wide as it likes.
    pub(crate) fn text(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or_default()
        };
        let widths: [usize; N] = std::array::from_fn(width);
        let mut text = String::new();
        for row in &self.rows {
            let cells = row
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!("{cell:<width$}"));
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

/// The text with everything escaped that could move the cursor, change colours or turn the
/// direction of what follows: an approver must see what is there.
pub(crate) fn printable(text: &str) -> String {
    let is_invisible = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    text.chars()
        .fold(String::with_capacity(text.len()), |mut shown, c| {
            match c {
                '\t' => shown.push_str("    "),
                c if c.is_control() || is_invisible(c) => shown.extend(c.escape_unicode()),
                c => shown.push(c),
            }
            shown
        })
}

/// The text in one line of at most so many characters.
pub(crate) fn line(text: &str, most: usize) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= most {
        return words;
    }
    words
        .chars()
        .take(most.saturating_sub(3))
        .chain("...".chars())
        .collect()
}
