//! Random queries, most of them about protected columns.
//!
//! None shows a mark through the gateway; the server itself says which columns each reads, and the
//! analysis must know of all of them. `SLUICE_RANDOM=100000` asks that many, and `SLUICE_SEED` others.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use sluice_tests::Gateway;
use sluice_tests::gateway::Place;
use sql::analysis::Analysis;
use sql::catalog::{Catalog, CatalogRows, Part, RelationKind, queries};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::marks::Marks;
use crate::ordinary::MASKED;
use crate::walk::{End, Protocol};
use crate::{marked, quiet};

/// How many queries are asked unless told otherwise.
const USUAL: u64 = 2_000;

/// What a column holds, as far as a generator cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Text,
    Number,
    Other,
}

/// A table: its columns with their sorts, and whether they are protected.
type Table = (&'static str, &'static [(&'static str, Sort, bool)]);

const TABLES: [Table; 7] = [
    (
        "customers",
        &[
            ("id", Sort::Number, false),
            ("name", Sort::Text, false),
            ("email", Sort::Text, true),
            ("phone", Sort::Text, true),
            ("password_hash", Sort::Text, true),
            ("address", Sort::Text, true),
            ("city", Sort::Text, false),
            ("country", Sort::Text, false),
            ("created_at", Sort::Other, false),
        ],
    ),
    (
        "orders",
        &[
            ("id", Sort::Number, false),
            ("customer_id", Sort::Number, false),
            ("quantity", Sort::Number, false),
            ("status", Sort::Text, false),
        ],
    ),
    (
        "products",
        &[
            ("id", Sort::Number, false),
            ("name", Sort::Text, false),
            ("price", Sort::Number, false),
        ],
    ),
    (
        "payments",
        &[
            ("id", Sort::Number, false),
            ("card_number", Sort::Text, true),
            ("iban", Sort::Text, true),
            ("amount", Sort::Number, false),
        ],
    ),
    (
        "api_tokens",
        &[
            ("id", Sort::Number, false),
            ("api_key", Sort::Text, true),
            ("scopes", Sort::Other, false),
        ],
    ),
    (
        "staff.employees",
        &[
            ("id", Sort::Number, false),
            ("name", Sort::Text, false),
            ("email", Sort::Text, true),
            ("ssn", Sort::Text, true),
            ("salary", Sort::Number, true),
            ("details", Sort::Other, false),
        ],
    ),
    (
        "recent_payments",
        &[
            ("name", Sort::Text, false),
            ("card_number", Sort::Text, true),
            ("amount", Sort::Number, false),
        ],
    ),
];

/// A column that a query can name.
#[derive(Clone, Debug)]
struct Column {
    text: String,
    sort: Sort,
    protected: bool,
}

/// Makes queries from a seed.
struct Generator {
    state: u64,
    /// A protected column was named in the query at hand, or a row that holds one.
    touches: bool,
    names: u32,
}

impl Generator {
    fn new(seed: u64) -> Self {
        Self {
            state: seed,
            touches: false,
            names: 0,
        }
    }

    /// The next number (splitmix64).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap_or_default()
    }

    /// True so many times of a hundred.
    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    fn name(&mut self, letter: char) -> String {
        self.names += 1;
        format!("{letter}{}", self.names)
    }

    /// A query, and whether it names a protected column.
    fn query(&mut self) -> (String, bool) {
        self.touches = false;
        self.names = 0;
        let query = self.select(3, true);
        let text = match self.below(20) {
            0 => format!("COPY ({query}) TO STDOUT"),
            1 => format!("COPY ({query}) TO STDOUT (FORMAT csv)"),
            2 => format!("EXPLAIN {query}"),
            3 => format!("SELECT * FROM ({query}) last"),
            4 => format!("WITH last AS MATERIALIZED ({query}) TABLE last"),
            _ => query,
        };
        (text, self.touches)
    }

    fn select(&mut self, depth: usize, outermost: bool) -> String {
        if depth > 1 && self.chance(12) {
            let width = 1 + self.below(2);
            let word = *self.pick(&["UNION ALL", "UNION", "EXCEPT", "INTERSECT ALL"]);
            let (left, right) = (self.plain(depth - 1, width), self.plain(depth - 1, width));
            if word != "UNION ALL" {
                // It compares rows.
                return format!("({left}) {word} ({right}) LIMIT 3");
            }
            return format!("({left}) {word} ({right})");
        }
        let width = 1 + self.below(if outermost { 4 } else { 3 });
        self.plain(depth, width)
    }

    /// SELECT with so many columns, all of them text where it may be part of a set operation.
    fn plain(&mut self, depth: usize, width: usize) -> String {
        let mut from = String::new();
        let mut scope = Vec::new();
        let mut rows = Vec::new();
        for number in 0..1 + self.below(2) {
            let (item, alias, columns) = self.item_of_from(depth);
            match number {
                0 => from.push_str(&item),
                _ if self.chance(50) => {
                    let condition = self.condition(&[scope.clone(), columns.clone()].concat(), 0);
                    let join = *self.pick(&["JOIN", "LEFT JOIN", "FULL JOIN"]);
                    let condition = if join == "FULL JOIN" {
                        "true".to_owned()
                    } else {
                        condition
                    };
                    let _ = write!(from, " {join} {item} ON {condition}");
                }
                _ => {
                    let _ = write!(from, ", {item}");
                }
            }
            rows.push((alias, columns.iter().any(|column| column.protected)));
            scope.extend(columns);
        }
        let aggregates = depth > 1 && self.chance(15);
        let mut targets = Vec::new();
        for _ in 0..width {
            let mut target = match self.below(20) {
                0 if !aggregates => self.row(&rows),
                _ => self.expression(&scope, depth),
            };
            if aggregates {
                let function = *self.pick(&["min", "max", "count", "string_agg"]);
                target = match function {
                    "string_agg" => format!("string_agg({target}, ',')"),
                    _ => format!("{function}({target})"),
                };
            }
            targets.push(format!("({target})::text AS {}", self.name('c')));
        }
        let mut text = format!("SELECT {} FROM {from}", targets.join(", "));
        if self.chance(40) {
            let condition = self.condition(&scope, depth);
            let _ = write!(text, " WHERE {condition}");
        }
        if !aggregates && self.chance(10) {
            let column = self.pick(&scope).clone();
            self.touch(&column);
            let _ = write!(text, " ORDER BY {}", column.text);
        }
        text.push_str(" LIMIT 3");
        text
    }

    /// Something to read from: its text, its alias, its columns.
    fn item_of_from(&mut self, depth: usize) -> (String, String, Vec<Column>) {
        let alias = self.name('t');
        if depth > 1 && self.chance(25) {
            let before = std::mem::take(&mut self.touches);
            let width = 1 + self.below(2);
            let query = self.plain(depth - 1, width);
            let inside = self.touches;
            self.touches |= before;
            let lateral = if self.chance(30) { "LATERAL " } else { "" };
            let names: Vec<String> = (0..width).map(|place| format!("x{place}")).collect();
            let text = format!("{lateral}({query}) {alias}({})", names.join(", "));
            let column = |name: &String| Column {
                text: format!("{alias}.{name}"),
                sort: Sort::Text,
                protected: inside,
            };
            let columns = names.iter().map(column).collect();
            return (text, alias, columns);
        }
        // Half of them hold something protected.
        let secret = self.chance(60);
        let tables: Vec<&Table> = TABLES
            .iter()
            .filter(|(_, columns)| !secret || columns.iter().any(|(.., protected)| *protected))
            .collect();
        let (table, columns) = **self.pick(&tables);
        let column = |(name, sort, protected): &(&str, Sort, bool)| Column {
            text: format!("{alias}.{name}"),
            sort: *sort,
            protected: *protected,
        };
        let columns = columns.iter().map(column).collect();
        (format!("{table} {alias}"), alias, columns)
    }

    fn touch(&mut self, column: &Column) {
        self.touches |= column.protected;
    }

    /// A column; a protected one more often than not, where there is one.
    fn column(&mut self, scope: &[Column]) -> Column {
        let secret: Vec<Column> = scope.iter().filter(|one| one.protected).cloned().collect();
        let column = if !secret.is_empty() && self.chance(30) {
            self.pick(&secret).clone()
        } else {
            let open: Vec<Column> = scope.iter().filter(|one| !one.protected).cloned().collect();
            let from = if open.is_empty() {
                scope.to_vec()
            } else {
                open
            };
            self.pick(&from).clone()
        };
        self.touch(&column);
        column
    }

    /// A whole row in one value.
    fn row(&mut self, rows: &[(String, bool)]) -> String {
        let (alias, protected) = self.pick(rows).clone();
        self.touches |= protected;
        let shape = *self.pick(&[
            "{}",
            "to_jsonb({})",
            "row_to_json({})",
            "({}).*::text",
            "md5({}::text)",
        ]);
        shape
            .replace("({}).*::text", "({})::text")
            .replace("{}", &alias)
    }

    fn expression(&mut self, scope: &[Column], depth: usize) -> String {
        if depth == 0 || self.chance(45) {
            return self.column(scope).text;
        }
        let column = self.column(scope);
        let text = column.text.clone();
        match self.below(14) {
            0 => format!("upper({text}::text)"),
            1 => format!("left({text}::text, 5)"),
            2 => format!("{text}::text || '-'"),
            3 => format!("encode(convert_to({text}::text, 'UTF8'), 'base64')"),
            4 => format!("reverse({text}::text)"),
            5 => {
                let condition = self.condition(scope, 0);
                let other = self.expression(scope, depth - 1);
                format!("CASE WHEN {condition} THEN {text}::text ELSE ({other})::text END")
            }
            6 => {
                let query = self.plain(depth - 1, 1);
                format!("(SELECT q.v FROM ({query}) q(v) LIMIT 1)")
            }
            7 => format!("coalesce({text}::text, 'none')"),
            8 => format!("array_to_string(ARRAY[{text}::text, 'x'], '/')"),
            9 => format!("json_build_object('k', {text})"),
            10 => format!("length({text}::text)"),
            11 => format!("first_value({text}) OVER ()"),
            12 => format!("(VALUES ({text}))"),
            _ if column.sort == Sort::Number => format!("{text} + 1"),
            _ => format!("substr({text}::text, 2)"),
        }
    }

    fn condition(&mut self, scope: &[Column], depth: usize) -> String {
        let column = self.column(scope);
        let text = column.text.clone();
        match (column.sort, self.below(5)) {
            (Sort::Number, 0) => format!("{text} > 3"),
            (Sort::Number, _) => format!("{text} = {}", 1 + self.below(9)),
            (Sort::Text, 0) => format!("{text} LIKE '%a%'"),
            (Sort::Text, 1) => format!("{text} <> ''"),
            (_, 2) if depth > 1 => {
                let query = self.plain(depth - 1, 1);
                format!("{text}::text IN ({query})")
            }
            (_, 3) if depth > 1 => format!("EXISTS ({})", self.plain(depth - 1, 1)),
            _ => format!("{text} IS NOT NULL"),
        }
    }
}

/// The catalog of a database, read as the gateway reads it.
async fn catalog(direct: &Client) -> Arc<Catalog> {
    let mut rows = CatalogRows::default();
    let prelude = sql::catalog::PRELUDE;
    direct.batch_execute(prelude).await.expect("a setting");
    for part in [Part::System, Part::Own] {
        for (set, query) in queries(part) {
            for message in direct.simple_query(&query).await.expect("rows") {
                if let SimpleQueryMessage::Row(row) = message {
                    let values: Vec<_> = (0..row.len()).map(|place| row.get(place)).collect();
                    rows.push(set, &values).expect("a row of the catalog");
                }
            }
        }
    }
    direct
        .batch_execute("RESET search_path")
        .await
        .expect("a setting");
    Arc::new(deep(move || Catalog::from_rows(rows)))
}

/// Runs what needs the stack of a reader.
fn deep<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(sql::STACK_BYTES);
    let thread = thread.spawn(work).expect("a thread");
    thread.join().expect("it does not panic")
}

/// What the server says a query reads: columns by relation and attribute, 0 for a whole row. None
/// where it is no query.
async fn read_by_the_server(direct: &Client, query: &str) -> Option<BTreeSet<(u32, i16)>> {
    let asked = format!("BEGIN; CREATE TEMP VIEW judged AS {query}");
    let mut found = None;
    if direct.batch_execute(&asked).await.is_ok() {
        let depends = "SELECT d.refobjid, d.refobjsubid FROM pg_depend d
            JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
            WHERE r.ev_class = 'judged'::regclass AND d.refclassid = 'pg_class'::regclass
                AND d.refobjid <> r.ev_class";
        let rows = direct.query(depends, &[]).await.expect("dependencies");
        let column = |row: &tokio_postgres::Row| {
            let attribute: i32 = row.get(1);
            (
                row.get::<_, u32>(0),
                i16::try_from(attribute).unwrap_or_default(),
            )
        };
        found = Some(rows.iter().map(column).collect());
    }
    direct.batch_execute("ROLLBACK").await.expect("an end");
    found
}

/// What the server reads and the analysis does not name.
fn missing(analysis: &Analysis, read: &BTreeSet<(u32, i16)>) -> Vec<(u32, i16)> {
    if !analysis.opaque.is_empty() {
        return Vec::new();
    }
    let knows = |(relation, attribute): &(u32, i16)| {
        let of = |used: &sql::analysis::ColumnUse| {
            used.column.relation == *relation
                && (*attribute == 0 || used.column.attribute == *attribute)
        };
        let named = |used: &sql::analysis::RelationUse| used.oid == Some(*relation);
        analysis.columns.iter().any(of) || *attribute <= 0 && analysis.relations.iter().any(named)
    };
    read.iter().filter(|one| !knows(one)).copied().collect()
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name)
        .ok()
        .map_or(usual, |text| text.parse().expect("a number"))
}

#[derive(Debug, Default)]
struct Tally {
    asked: u64,
    failed: u64,
    leaked_directly: u64,
    refused: u64,
    harmless: u64,
    harmless_refused: u64,
    judged_by_the_server: u64,
}

/// Asks both ends the same, and tells what is wrong with the gateway's answer.
async fn compare(
    gateway: &Gateway,
    database: &str,
    queries: u64,
    tally: &mut Tally,
) -> Vec<String> {
    let mut direct = End::Direct(database).talk(&[]).await;
    let marks = Marks::of(&mut direct).await;
    let mut alice = End::Gateway(gateway).talk(&[]).await;
    let server = gateway.place().direct().await;
    let catalog = catalog(&server).await;
    let limit = "SET statement_timeout TO '3s'";
    for talk in [&mut direct, &mut alice] {
        talk.say(limit, Protocol::Simple).await;
    }
    let mut generator = Generator::new(number("SLUICE_SEED", 1));
    let mut faults = Vec::new();
    for _ in 0..queries {
        let (text, touches) = generator.query();
        tally.asked += 1;
        let wanted = direct.say(&text, Protocol::Simple).await;
        if wanted.refusal().is_some() {
            tally.failed += 1;
            continue;
        }
        tally.leaked_directly += u64::from(marks.find(&wanted.messages).is_some());
        let said = alice.say(&text, Protocol::Simple).await;
        if let Some(mark) = marks.find(&said.messages) {
            faults.push(format!("LEAK of {mark}: {text}"));
        }
        if said.is_late() {
            tally.failed += 1;
            continue;
        }
        let refused = said.refusal().is_some();
        tally.refused += u64::from(refused);
        tally.harmless += u64::from(!touches);
        if let Some((refusal, by_gateway)) = said.refusal() {
            if !touches {
                tally.harmless_refused += 1;
                faults.push(format!("harmless, but {refusal}: {text}"));
            }
            if !by_gateway {
                faults.push(format!(
                    "PostgreSQL refuses what was let through: {refusal}: {text}"
                ));
            }
        }
        if let Some(read) = read_by_the_server(&server, &text).await {
            tally.judged_by_the_server += 1;
            let analysis = {
                let (catalog, text) = (Arc::clone(&catalog), text.clone());
                deep(move || sql::analyze(&text, &catalog))
            };
            let missing = missing(&analysis, &read);
            if !missing.is_empty() {
                faults.push(format!("the server reads {missing:?}, too: {text}"));
            }
        }
    }
    faults
}

async fn ask(place: Place, queries: u64) {
    let database = place.database().to_owned();
    let gateway = Gateway::within(place).await;
    let mut tally = Tally::default();
    let faults = compare(&gateway, &database, queries, &mut tally).await;
    println!("{tally:?}");
    let shown = faults.iter().take(20).cloned().collect::<Vec<_>>();
    assert!(
        faults.is_empty(),
        "{} faults:\n{}\n{tally:?}",
        faults.len(),
        shown.join("\n")
    );
    assert!(tally.leaked_directly * 10 > tally.asked, "{tally:?}");
    assert!(tally.failed * 5 < tally.asked, "{tally:?}");
}

#[tokio::test]
async fn no_random_query_shows_a_value_and_the_server_reads_nothing_that_analysis_misses() {
    let place = marked().await;
    quiet(&place);
    ask(place, number("SLUICE_RANDOM", USUAL)).await;
}

/// Queries of the ways, judged by the server too.
#[tokio::test]
async fn the_server_reads_nothing_in_any_way_that_analysis_misses() {
    let place = marked().await;
    let server = place.direct().await;
    let catalog = catalog(&server).await;
    let ways = crate::FILES
        .iter()
        .flat_map(|file| crate::ways::of(file, u32::MAX));
    let lines = ways.flat_map(|way| way.lines);
    let queries = lines.filter(|line| {
        ["SELECT", "WITH", "TABLE", "VALUES"]
            .iter()
            .any(|word| line.starts_with(word))
    });
    let (mut judged, mut faults) = (0, Vec::new());
    for text in queries {
        let Some(read) = read_by_the_server(&server, &text).await else {
            continue;
        };
        judged += 1;
        let (known, asked) = (Arc::clone(&catalog), text.clone());
        let analysis = deep(move || sql::analyze(&asked, &known));
        let mut missing = missing(&analysis, &read);
        missing.retain(|(relation, attribute)| {
            let id = sql::analysis::ColumnId {
                relation: *relation,
                attribute: *attribute,
            };
            let used = |id| {
                let mut uses = analysis.columns.iter();
                uses.any(|used| used.column == id) || analysis.selected.contains(&id)
            };
            let is_stored = catalog.relation(*relation).is_some_and(|known| {
                !matches!(known.kind, RelationKind::Composite | RelationKind::Sequence)
            });
            // A row that is cast to its parent's type has the parent's columns.
            is_stored && *attribute > 0 && !catalog.family(id).any(used)
        });
        let secret = missing.iter().any(|(relation, attribute)| {
            let known = catalog.relation(*relation);
            let column = known.and_then(|known| known.column(*attribute));
            column.is_some_and(|column| {
                column.name == "secret" || MASKED.contains(&column.name.as_str())
            })
        });
        if secret {
            faults.push(format!("the server reads {missing:?}, too: {text}"));
        }
    }
    println!("{judged} queries judged");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(judged > 200, "{judged}");
}

#[tokio::test]
async fn a_limited_role_refuses_nothing_that_was_let_through() {
    let place = marked().await;
    quiet(&place);
    place.limit().await;
    ask(place, number("SLUICE_RANDOM", USUAL) / 4).await;
}
