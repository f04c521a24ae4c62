//! Both readers on the statements of PostgreSQL's own regression tests: `make agree`.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use crate::analysis::{Analysis, OpaqueReason};
use crate::catalog::Catalog;
use crate::parse::{self, Strings};
use crate::{STACK_BYTES, analyze};

/// What became of the statements.
#[derive(Default)]
struct Tally {
    statements: usize,
    first: usize,
    second: usize,
    both: usize,
    agree: usize,
    opaque: usize,
    /// Where they differ, and how often.
    differences: BTreeMap<String, usize>,
    /// Statements on which they agree, and of which pg_query tells more than the analysis.
    fewer: Vec<String>,
}

#[test]
#[ignore = "needs PostgreSQL's sources: make agree"]
fn readers_agree_on_the_regression_tests() {
    let folder = std::env::var_os("SLUICE_REGRESS").expect("SLUICE_REGRESS names a folder");
    let work = move || {
        let mut tally = Tally::default();
        for entry in std::fs::read_dir(Path::new(&folder).join("sql")).expect("the tests") {
            let path = entry.expect("an entry").path();
            // A few are in other encodings.
            if let Ok(text) = std::fs::read_to_string(&path) {
                statements(&text).iter().for_each(|one| tally.count(one));
            }
        }
        tally
    };
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
    let thread = thread.spawn(work).expect("a thread");
    let tally = thread.join().expect("it does not panic");
    tally.print();
    assert!(tally.statements > 10_000, "the tests are not there");
    assert!(tally.fewer.is_empty(), "{}", tally.fewer.join("\n"));
}

impl Tally {
    fn count(&mut self, text: &str) {
        self.statements += 1;
        let first = parse::statements(text, Strings::Standard).is_ok();
        let second = super::read(text).is_some();
        self.first += usize::from(first);
        self.second += usize::from(second);
        if !(first && second) {
            return;
        }
        self.both += 1;
        let analysis = analyze(text, &Catalog::default());
        let mut opaque = analysis.opaque.iter();
        if let Some(one) = opaque.find(|one| one.reason == OpaqueReason::ReadersDiffer) {
            *self.differences.entry(one.detail.clone()).or_default() += 1;
            return;
        }
        self.agree += 1;
        if is_opaque(&analysis) {
            self.opaque += 1;
            return;
        }
        let missing = missing(text, &analysis);
        if !missing.is_empty() {
            let missing = missing.join(", ");
            self.fewer.push(format!("{missing}: {}", text.trim()));
        }
    }

    #[expect(clippy::print_stdout, reason = "the figures are what this is run for")]
    fn print(&self) {
        let share = |part: usize, whole: usize| 100.0 * part as f64 / whole as f64;
        println!("{} statements", self.statements);
        for (what, number) in [
            ("read by pg_query", self.first),
            ("read by sqlparser", self.second),
            ("read by both", self.both),
        ] {
            println!("{what}: {number} ({:.1} %)", share(number, self.statements));
        }
        println!(
            "of those, the same is seen in {} ({:.2} %)",
            self.agree,
            share(self.agree, self.both)
        );
        for (difference, number) in &self.differences {
            println!("    {number} x {difference}");
        }
        println!("of those, opaque as a whole: {}", self.opaque);
        println!(
            "of the rest, fewer names than pg_query tells: {}",
            self.fewer.len()
        );
    }
}

/// Whether a statement is opaque as a whole, as DO is: it is not asked for its parts.
fn is_opaque(analysis: &Analysis) -> bool {
    analysis.opaque.iter().any(|one| {
        matches!(
            one.reason,
            OpaqueReason::ProceduralCode | OpaqueReason::Unsupported | OpaqueReason::ServerFile
        )
    })
}

/// The names of relations and functions that pg_query tells and the analysis does not.
fn missing(text: &str, analysis: &Analysis) -> Vec<String> {
    let relations = analysis.relations.iter().map(|one| one.name.as_str());
    let functions = analysis.functions.iter().map(|one| one.name.as_str());
    let known: HashSet<&str> = relations.chain(functions).collect();
    let told = parse::names(text).into_iter();
    told.filter(|name| !known.contains(name.rsplit('.').next().unwrap_or(name)))
        .collect()
}

/// The statements of a script for psql: between semicolons outside of quotes, comments and brackets.
/// Commands of psql, and what COPY is given, are left out.
fn statements(script: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut statement = String::new();
    let mut lines = script.lines();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with('\\') {
            continue;
        }
        // Where psql sends what it has.
        let line = match line.rfind(" \\") {
            Some(place) if line[place..].starts_with(" \\g") => format!("{};", &line[..place]),
            _ => line.to_owned(),
        };
        statement.push_str(&line);
        statement.push('\n');
        if !line.trim_end().ends_with(';') && !line.contains(';') || !is_whole(&statement) {
            continue;
        }
        let words = statement.to_ascii_lowercase();
        if words.trim_start().starts_with("copy") && words.contains("from stdin") {
            lines.by_ref().find(|line| *line == "\\.");
        }
        found.extend(parse::split(&statement));
        statement.clear();
    }
    found
}

/// Whether a text ends outside of quotes, comments and brackets.
fn is_whole(text: &str) -> bool {
    let Ok(tokens) = parse::tokens(text) else {
        // A quote that is still open.
        return false;
    };
    let token = |one: &parse::pg::ScanToken| {
        let place = |at: i32| usize::try_from(at).unwrap_or_default();
        text.get(place(one.start)..place(one.end))
            .unwrap_or_default()
    };
    let (mut depth, mut body, mut last) = (0_i32, false, "");
    for token in tokens.iter().map(token) {
        let is = |word: &str| token.eq_ignore_ascii_case(word);
        if token.starts_with("--") || token.starts_with("/*") {
            continue;
        }
        // The body of a function holds semicolons of its own.
        let begins = is("atomic") && last.eq_ignore_ascii_case("begin");
        body |= begins;
        if token == "(" || token == "[" || begins || body && is("case") {
            depth += 1;
        }
        if token == ")" || token == "]" || body && is("end") {
            depth -= 1;
        }
        last = token;
    }
    depth <= 0 && last == ";"
}
