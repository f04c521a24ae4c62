//! Every known way to a protected value, and none of them leads there.
//!
//! The ways are in `bypass/*.sql`. A test database holds marked values; whatever the gateway sends
//! back, row, error or notice, as text or binary, must not contain a mark in any spelling. Who asks
//! PostgreSQL itself sees one, so that each way tests something.

mod marks;
mod ordinary;
mod random;
mod walk;
mod ways;

use sluice::demo::postgres::Role;
use sluice_tests::gateway::Place;
use sluice_tests::programs::repository;
use sluice_tests::server::postgres;
use sluice_tests::wire_client::Format;
use sluice_tests::{Gateway, Person};
use tokio::sync::OnceCell;
use tokio_postgres::Client;

use marks::Marks;
use walk::{End, Heard, Protocol, Talk, parameters};
use ways::{Fate, Way};

/// What is protected beside the sample's columns.
const RULES: &str = r#"
[[policies.mask.settings.rules]]
columns = ["vault.types.c_*", "vault.only.c_*", "vault.only.interval", "vault.only.values"]
mask = "fixed ***"

[[policies.mask.settings.rules]]
columns = ["vault.*.secret", "vault.leaf.note", "vault.days_1.note", "vault.*.long_*"]
mask = "null"
"#;

/// The gateway's role may do everything, so that nothing is refused but by the gateway.
static POWER: OnceCell<()> = OnceCell::const_new();

fn read(file: &str) -> String {
    std::fs::read_to_string(repository().join("tests/bypass").join(file))
        .expect("a file of the repository")
}

/// A place whose database holds marks.
async fn marked() -> Place {
    let place = Place::new().await;
    let give = || async {
        let text = "ALTER ROLE app SUPERUSER";
        let given = postgres()
            .await
            .run(Role::Superuser, "postgres", text)
            .await;
        given.expect("the server knows the role");
    };
    POWER.get_or_init(give).await;
    let text = read("schema.sql");
    let run = postgres()
        .await
        .run(Role::Application, place.database(), &text)
        .await;
    run.unwrap_or_else(|error| panic!("schema.sql: {error:?}"));
    place
}

/// Masks hold alone: what the guard would refuse anyway is tried, too.
fn quiet(place: &Place) {
    let guard = "module = \"policies/guard.wasm\"\n";
    let trail = "# What is too dangerous";
    place.edit(|text| {
        let text = text.replace(guard, &format!("{guard}mode = \"off\"\n"));
        text.replace(trail, &format!("{RULES}\n{trail}"))
    });
}

/// Walks a way and says what was wrong with it.
fn judge(way: &Way, heard: &Heard, marks: &Marks) -> Option<String> {
    if let Some(mark) = marks.find(&heard.messages) {
        return Some(format!("LEAK of {mark}"));
    }
    let tally = walk::tally(&heard.messages);
    let rows = [b'D', b'd'].iter().any(|tag| tally.contains_key(tag));
    match (way.fate, heard.refusal()) {
        (Fate::Masked, Some((refusal, _))) => Some(format!("refused: {refusal}")),
        (Fate::Masked, None) if !rows => Some("gives no rows".to_owned()),
        (Fate::Refused | Fate::Oracle, None) => Some("is not refused".to_owned()),
        (Fate::Refused | Fate::Oracle, Some((refusal, false))) => {
            Some(format!("is refused by PostgreSQL: {refusal}"))
        }
        (Fate::Masked | Fate::Safe, None) | (_, Some(_)) => None,
    }
}

/// Walks all the ways of a file through a gateway, in every form of the protocol.
async fn no_way(file: &str) {
    let place = marked().await;
    let database = place.database().to_owned();
    quiet(&place);
    let gateway = Gateway::within(place).await;
    let direct = End::Direct(&database);
    let marks = Marks::of(&mut direct.talk(&[]).await).await;
    let elsewhere = gateway.connect(Person::Dora).await;
    let ways = ways::of(file, version(&elsewhere).await);
    assert!(ways.len() > 3, "{file} holds ways");
    let mut shared: Option<Talk> = None;
    let mut faults = Vec::new();
    for way in &ways {
        let extended = [Format::Text, Format::Binary].map(Protocol::Extended);
        let extended = extended.into_iter().filter(|_| way.can_be_extended());
        for protocol in [Protocol::Simple].into_iter().chain(extended) {
            let mut talk = match shared.take().filter(|_| way.only_reads()) {
                Some(talk) => talk,
                None => End::Gateway(&gateway).talk(&parameters(way)).await,
            };
            let heard = talk.walk(way, protocol, &elsewhere).await;
            if let Some(fault) = judge(way, &heard, &marks) {
                faults.push(format!("{}: {protocol:?}: {fault}", way.name));
            }
            if way.only_reads() && !heard.ended {
                shared = Some(talk);
            }
        }
    }
    let count = ways.len();
    let wrong = faults.len();
    assert!(
        wrong == 0,
        "{wrong} of {count} ways:\n{}",
        faults.join("\n")
    );
}

/// Walks all the ways of a file past the gateway: each tells something.
async fn every_way(file: &str) {
    let place = marked().await;
    let (database, other) = (place.database(), format!("{}_other", place.database()));
    let made = postgres()
        .await
        .create_database(&other, Some(database))
        .await;
    made.expect("nobody uses the database yet");
    let changed = postgres()
        .await
        .run(Role::Application, &other, &read("other.sql"))
        .await;
    changed.unwrap_or_else(|error| panic!("other.sql: {error:?}"));
    let marks = Marks::of(&mut End::Direct(database).talk(&[]).await).await;
    let mut past = Past::the_gateway(database).await;
    let mut past_other = Past::the_gateway(&other).await;
    let mut faults = Vec::new();
    for way in ways::of(file, version(&past.elsewhere).await) {
        let heard = past.walk(&way).await;
        let found = marks.find(&heard.messages);
        let fault = match way.fate {
            Fate::Masked | Fate::Refused | Fate::Safe => found.is_none().then_some("shows no mark"),
            Fate::Oracle => {
                let others = past_other.walk(&way).await;
                if found.is_some() {
                    Some("shows a mark")
                } else {
                    (others.messages == heard.messages).then_some("says the same of other values")
                }
            }
        };
        if let Some(fault) = fault {
            let refusal = heard
                .refusal()
                .map(|(refusal, _)| refusal)
                .unwrap_or_default();
            faults.push(format!("{}: {fault} {refusal}", way.name));
        }
    }
    let wrong = faults.len();
    assert!(wrong == 0, "{wrong} ways:\n{}", faults.join("\n"));
}

/// The server's version.
async fn version(client: &Client) -> u32 {
    let row = client.query_one("SELECT current_setting('server_version_num')::int", &[]);
    let number: i32 = row.await.expect("the server answers").get(0);
    u32::try_from(number / 10_000).expect("a version")
}

/// Sessions at a database of PostgreSQL itself.
struct Past<'a> {
    database: &'a str,
    elsewhere: Client,
    /// The last session, where it is as it was.
    shared: Option<Talk>,
}

impl<'a> Past<'a> {
    async fn the_gateway(database: &'a str) -> Self {
        let elsewhere = postgres().await.connect(Role::Application, database);
        Self {
            database,
            elsewhere: elsewhere.await.expect("the server answers"),
            shared: None,
        }
    }

    /// Walks a way and undoes it.
    async fn walk(&mut self, way: &Way) -> Heard {
        let mut talk = match self.shared.take().filter(|_| way.only_reads()) {
            Some(talk) => talk,
            None => End::Direct(self.database).talk(&parameters(way)).await,
        };
        if way.fits_in_a_transaction() {
            talk.say("BEGIN", Protocol::Simple).await;
        }
        let heard = talk.walk(way, Protocol::Simple, &self.elsewhere).await;
        if !heard.ended {
            talk.say("ROLLBACK", Protocol::Simple).await;
            self.shared = Some(talk).filter(|_| way.only_reads());
        }
        heard
    }
}

macro_rules! ways {
    ($($name:ident: $file:literal;)*) => {
        /// The files of ways.
        const FILES: &[&str] = &[$($file),*];

        $(mod $name {
            #[tokio::test]
            async fn show_no_value() {
                super::no_way($file).await;
            }

            #[tokio::test]
            async fn lead_past_the_gateway() {
                super::every_way($file).await;
            }
        })*
    };
}

ways! {
    results: "results.sql";
    expressions: "expressions.sql";
    copies: "copies.sql";
    side_doors: "side-doors.sql";
    attacks_that_once_worked: "adversary.sql";
    attacks_that_worked_later: "second.sql";
    attacks_that_worked_last: "third.sql";
    attacks_on_names: "fifth.sql";
    types: "types.sql";
    views: "views.sql";
    functions: "functions.sql";
    laundering: "laundering.sql";
    names: "names.sql";
    catalogs: "catalogs.sql";
    oracles: "oracles.sql";
    messages: "messages.sql";
}

/// By what it writes a client may have PostgreSQL read an index in place of its table.
#[tokio::test]
async fn rows_come_in_no_order_of_an_index_alone() {
    let place = Place::new().await;
    let database = place.database().to_owned();
    let texts = [
        format!("ALTER DATABASE \"{database}\" SET enable_seqscan = off"),
        format!("ALTER DATABASE \"{database}\" SET enable_bitmapscan = off"),
        "VACUUM customers".to_owned(),
    ];
    for text in texts {
        let run = postgres().await.run(Role::Superuser, &database, &text);
        run.await.expect("the server takes it");
    }
    let direct = place.direct().await;
    let gateway = Gateway::within(place).await;
    let alice = gateway.connect(Person::Alice).await;
    let past = plan(&direct).await;
    assert!(past.contains("Index Only Scan"), "{past}");
    assert!(!plan(&alice).await.contains("Index Only Scan"));
    alice.batch_execute("DISCARD ALL").await.unwrap();
    let set = alice.batch_execute("SET enable_indexonlyscan = on").await;
    assert!(set.is_err(), "planner settings are refused");
    assert!(!plan(&alice).await.contains("Index Only Scan"));
}

async fn plan(client: &Client) -> String {
    let lines = client.query("EXPLAIN SELECT email FROM customers", &[]);
    let lines = lines.await.expect("it is explained");
    lines.iter().map(|line| line.get::<_, String>(0)).collect()
}
