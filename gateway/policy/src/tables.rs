//! What the operator gives a policy to look things up in.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::error::{LoadError, Step};
use crate::files;

/// The most bytes that the file of a table may have.
const TABLE_BYTES: u64 = 16 << 20;

/// What some programs put before a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The tables of a policy by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tables {
    by_name: HashMap<String, HashMap<Box<str>, Box<str>>>,
}

impl Tables {
    /// Reads the files, each of lines `key,value`.
    pub(crate) fn read(files: &[(String, PathBuf)]) -> Result<Tables, LoadError> {
        let mut by_name = HashMap::new();
        for (name, file) in files {
            let table = table(file)
                .map_err(|words| LoadError::new(Step::Read, format!("table {name}: {words}")))?;
            by_name.insert(name.clone(), table);
        }
        Ok(Tables { by_name })
    }

    /// The value of the key; the outer one is none where there is no such table.
    #[expect(
        clippy::option_option,
        reason = "no such table and no such key are two things"
    )]
    pub(crate) fn lookup(&self, table: &str, key: &str) -> Option<Option<&str>> {
        let table = self.by_name.get(table)?;
        Some(table.get(key).map(|value| &**value))
    }
}

fn table(file: &Path) -> Result<HashMap<Box<str>, Box<str>>, String> {
    let path = file.display();
    let fault = |error: std::io::Error| format!("{path}: {error}");
    let text = files::read_text(file, TABLE_BYTES).map_err(fault)?;
    // Which a part of a table looks like while it is copied.
    if text.is_empty() {
        let words = "it is empty; a table without keys is one line break";
        return Err(format!("{path}: {words}"));
    }
    if !text.ends_with('\n') {
        return Err(format!(
            "{path}: its last line does not end; end it with a line break"
        ));
    }
    rows(&text).map_err(|(line, words)| format!("{path}:{line}: {words}"))
}

/// The rows, or the number of the line that is wrong and what is wrong with it.
fn rows(text: &str) -> Result<HashMap<Box<str>, Box<str>>, (usize, String)> {
    let mut rows = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        if line.is_empty() {
            continue;
        }
        let fault = |words: String| (index + 1, words);
        let cells = cells(line).map_err(fault)?;
        let (key, value) = match cells.as_slice() {
            [key] => (key, ""),
            [key, value] => (key, value.as_str()),
            more => {
                let count = more.len();
                return Err(fault(format!(
                    "{count} cells; a line is a key, or a key and a value"
                )));
            }
        };
        if rows.insert(key.as_str().into(), value.into()).is_some() {
            return Err(fault(format!("the key {key:?} is there already")));
        }
    }
    Ok(rows)
}

/// The cells of a line of CSV; a quoted cell ends on its line. What nobody sees in a key would keep it from
/// being found.
fn cells(line: &str) -> Result<Vec<String>, String> {
    let unseen = |one: &char| one.is_control() || *one == BYTE_ORDER_MARK;
    if let Some(unseen) = line.chars().find(unseen) {
        let code = u32::from(unseen);
        return Err(format!("a character that nobody sees: U+{code:04X}"));
    }
    let mut cells = Vec::new();
    let mut rest = line;
    loop {
        let (cell, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_cell(quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let cell = &rest[..end];
                if cell.trim() != cell {
                    return Err(format!(
                        "{cell:?} has a blank at an end; quote it if that belongs to it"
                    ));
                }
                (cell.to_owned(), &rest[end..])
            }
        };
        cells.push(cell);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(cells),
            None => return Err("there is more after the quote that ends a cell".to_owned()),
        }
    }
}

/// What is between the quotes, and what comes after them.
fn quoted_cell(text: &str) -> Result<(String, &str), String> {
    let mut cell = String::new();
    let mut rest = text;
    loop {
        let Some((before, after)) = rest.split_once('"') else {
            return Err("a quoted cell does not end on this line".to_owned());
        };
        cell.push_str(before);
        match after.strip_prefix('"') {
            Some(next) => {
                cell.push('"');
                rest = next;
            }
            None => return Ok((cell, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{rows, table};

    #[test]
    fn a_file_that_is_not_whole_is_no_table() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tenants.csv");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            table(&file)
        };
        assert!(read("").unwrap_err().contains("it is empty"));
        assert!(read("ana").unwrap_err().contains("does not end"));
        assert_eq!(read("\n").unwrap().len(), 0);
        assert_eq!(read("ana\n").unwrap().len(), 1);
    }

    #[test]
    fn a_line_is_a_key_or_a_key_and_a_value() {
        let rows = rows("ana,north\n\nbob\r\n\"Smith, J.\",\"says \"\"hi\"\"\"\nempty,\n").unwrap();
        assert_eq!(&*rows["ana"], "north");
        assert_eq!(&*rows["bob"], "");
        assert_eq!(&*rows["Smith, J."], "says \"hi\"");
        assert_eq!(rows.len(), 4);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, line, words) in [
            ("a,1\nb,2,3", 2, "3 cells"),
            ("a,1\n\na,2", 3, "\"a\" is there already"),
            ("\"a,1", 1, "does not end"),
            ("\"a\"b,1", 1, "after the quote"),
            ("\u{feff}a,1", 1, "U+FEFF"),
            ("a\rb,1", 1, "U+000D"),
            ("a,1\nb ,2", 2, "blank at an end"),
        ] {
            let (at, said) = rows(text).unwrap_err();
            assert_eq!(at, line, "{said}");
            assert!(said.contains(words), "{said}");
        }
    }
}
