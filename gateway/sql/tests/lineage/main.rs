//! Texts and what must be found in them: `data/*.sql.txt` hold both. `SLUICE_BLESS=1` writes what is
//! found instead of comparing, to be reviewed as a diff.

#[cfg(test)]
mod bodies;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod deep;
mod determined;
#[cfg(test)]
mod facts;
#[cfg(test)]
mod promises;
#[cfg(test)]
mod random;
#[cfg(test)]
mod support;
#[cfg(test)]
mod triggers;

use std::fs;
use std::path::Path;

use support::{catalog, on_big_stack, render};

#[test]
fn every_text_is_analysed_as_written_beside_it() {
    on_big_stack(|| {
        let catalog = catalog();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let bless = std::env::var_os("SLUICE_BLESS").is_some();
        let mut wrong = String::new();
        let mut cases = 0;
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if !path.to_str().unwrap().ends_with(".sql.txt") {
                continue;
            }
            let before = fs::read_to_string(&path).unwrap();
            let mut after = String::new();
            for case in before.trim_end().split("\n\n") {
                let lines = |prefix: bool| {
                    case.lines()
                        .filter(move |line| line.starts_with("    ") == prefix)
                };
                let sql: Vec<&str> = lines(false).collect();
                let text: Vec<&str> = sql
                    .iter()
                    .copied()
                    .filter(|line| !line.starts_with('#'))
                    .collect();
                if text.is_empty() {
                    after.push_str(&format!("{}\n\n", sql.join("\n")));
                    continue;
                }
                cases += 1;
                let text = text.join("\n");
                promises::check(&text, &catalog);
                promises::check_twice(&text, &catalog);
                let analysis = sluice_sql::analyze(&text, &catalog);
                let found = render(&analysis, &catalog);
                let wanted: String = lines(true).map(|line| format!("{line}\n")).collect();
                if found != wanted {
                    wrong.push_str(&format!(
                        "{}\n{}\nwanted:\n{wanted}found:\n{found}\n",
                        path.display(),
                        text
                    ));
                }
                after.push_str(&format!("{}\n{found}\n", sql.join("\n")));
            }
            if bless {
                fs::write(&path, after.trim_end().to_owned() + "\n").unwrap();
            }
        }
        assert!(cases > 50, "only {cases} cases");
        assert!(bless || wrong.is_empty(), "{wrong}");
    });
}
