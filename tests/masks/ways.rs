//! The ways in `bypass/*.sql`.

use sluice_tests::programs::repository;

/// What must become of the statements of a way. All but an oracle show a mark to who asks
/// PostgreSQL itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// They succeed, with masked values.
    Masked,
    /// The gateway refuses at least one.
    Refused,
    /// Either.
    Safe,
    /// The gateway refuses at least one. PostgreSQL's answer shows no mark, but it is another where
    /// the protected values are others.
    Oracle,
}

/// A way: what is said in one session, a line at a time.
#[derive(Debug)]
pub struct Way {
    /// What it is about.
    pub name: String,
    /// What must become of it.
    pub fate: Fate,
    /// The first version of PostgreSQL that knows what it says; 0 where all do.
    pub needs: u32,
    /// The first version that reads it otherwise.
    pub until: Option<u32>,
    /// A query, or after a backslash something else that a session may say: see `walk.rs`.
    pub lines: Vec<String>,
}

impl Way {
    /// Whether it has an extended form: one text, one statement.
    pub fn can_be_extended(&self) -> bool {
        let plain =
            |line: &String| !line.starts_with('\\') && !line.trim_end_matches(';').contains("; ");
        self.lines.iter().all(plain)
    }

    /// Whether it leaves the session as it was.
    pub fn only_reads(&self) -> bool {
        const READS: [&str; 6] = ["SELECT", "TABLE", "VALUES", "COPY", "WITH", "EXPLAIN"];
        let reads = |line: &String| {
            READS.iter().any(|word| line.starts_with(word)) && !line.contains("set_config")
        };
        self.can_be_extended() && self.lines.iter().all(reads)
    }

    /// Whether it can be undone by a transaction around it.
    pub fn fits_in_a_transaction(&self) -> bool {
        const ENDS: [&str; 6] = ["BEGIN", "START", "COMMIT", "ROLLBACK", "\\", "VACUUM"];
        let ends = |line: &String| ENDS.iter().any(|word| line.starts_with(word));
        !self.lines.iter().any(ends)
    }
}

/// The ways of a file: each begins with `-- masked:`, `-- refused:`, `-- safe:` or `-- oracle:` and
/// a name; each line after it is said as it is, but for `⏎`, which ends a line within a text, and
/// `\needs VERSION` and `\until VERSION`. Those that a server of this version reads otherwise, or not
/// at all, are left out.
///
/// # Panics
/// The file is not there, or holds a line before the first heading.
pub fn of(file: &str, version: u32) -> Vec<Way> {
    let path = repository().join("tests/bypass").join(file);
    let text = std::fs::read_to_string(path).expect("a file of the repository");
    let mut ways: Vec<Way> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let Some(heading) = line.strip_prefix("-- ") else {
            let way = ways.last_mut().expect("a heading comes first");
            if let Some(version) = line.strip_prefix("\\needs ") {
                way.needs = version.parse().expect("a version");
                continue;
            }
            if let Some(version) = line.strip_prefix("\\until ") {
                way.until = Some(version.parse().expect("a version"));
                continue;
            }
            way.lines.push(line.replace('⏎', "\n"));
            continue;
        };
        let (fate, name) = heading.split_once(": ").unwrap_or(("", heading));
        let fate = match fate {
            "masked" => Fate::Masked,
            "refused" => Fate::Refused,
            "safe" => Fate::Safe,
            "oracle" => Fate::Oracle,
            _ => continue,
        };
        ways.push(Way {
            name: name.to_owned(),
            fate,
            needs: 0,
            until: None,
            lines: Vec::new(),
        });
    }
    let ends = |way: &Way| way.until.is_some_and(|until| until <= version);
    ways.retain(|way| way.needs <= version && !ends(way));
    ways
}
