//! Personal data that no rule names, found in results by what it looks like.

use futures_util::StreamExt as _;
use sluice_tests::gateway::Place;
use sluice_tests::{Gateway, Person, programs};
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, SimpleQueryMessage};
use trail::Deed;

const TABLE: &str = r#"
    CREATE TABLE notes (id int PRIMARY KEY, body text, short varchar(80), plain json, extra jsonb,
        tags text[], amount bigint);
    INSERT INTO notes VALUES
        (1, 'write to zoe.quill@example.org soon', 'call +14155552671', '{"pan": 4111111111111111}',
         '{"mail": "zoe.quill@example.org"}', '{zoe.quill@example.org,x}', 4111111111111111),
        (2, NULL, 'nothing', '{"a": 1}', '{"a": 1}', '{}', 7),
        (3, E'tab\tand DE89 3704 0044 0532 0130 00', '', 'null', 'null', NULL, NULL);"#;

const SETTINGS: &str = r#"
[policies.detect]
module = "policies/detect.wasm"

[policies.detect.settings]
except-groups = ["dba"]

[policies.detect.settings.find]
phone = "report"
"#;

/// What must not be seen of the rows.
const RAW: [&str; 3] = ["zoe", "quill", "3704"];

async fn gateway() -> Gateway {
    let place = Place::new().await;
    let built = programs::modules().join("sluice_policy_detect.wasm");
    let module = std::fs::read(built).expect("the policy is built");
    place.replace_module("detect", &module);
    place.edit(|text| text + SETTINGS);
    let direct = place.direct().await;
    direct
        .batch_execute(TABLE)
        .await
        .expect("the table is made");
    Gateway::within(place).await
}

/// The rows of a simple query, columns split by `|`.
async fn rows(client: &Client, text: &str) -> Vec<String> {
    let said = client.simple_query(text).await.expect(text);
    let line = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => {
            let cells = (0..row.len()).map(|at| row.get(at).unwrap_or("NULL"));
            Some(cells.collect::<Vec<_>>().join("|"))
        }
        _ => None,
    };
    said.iter().filter_map(line).collect()
}

/// The data of a COPY to the client.
async fn copied(client: &Client, text: &str) -> Vec<u8> {
    let stream = client.copy_out(text).await.expect(text);
    let mut stream = Box::pin(stream);
    let mut all = Vec::new();
    while let Some(part) = stream.next().await {
        all.extend_from_slice(&part.expect(text));
    }
    all
}

/// A value in the format it came in.
struct Raw(Vec<u8>);

impl<'a> FromSql<'a> for Raw {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Raw(raw.to_vec()))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

#[tokio::test]
async fn what_is_found_is_starred_in_text() {
    let gateway = gateway().await;
    let alice = gateway.connect(Person::Alice).await;
    assert_eq!(
        rows(&alice, "SELECT * FROM notes ORDER BY id").await,
        [
            "1|write to ********************* soon|call +14155552671|{\"pan\": 9999999999999999}|\
             {\"mail\": \"*********************\"}|{*********************,x}|4111111111111111",
            "2|NULL|nothing|{\"a\": 1}|{\"a\": 1}|{}|7",
            "3|tab\tand ***************************||null|null|NULL|NULL",
        ]
    );
}

#[tokio::test]
async fn and_in_binary() {
    let gateway = gateway().await;
    let alice = gateway.connect(Person::Alice).await;
    let select = "SELECT body, plain, extra, amount FROM notes WHERE id = $1";
    let row = alice.query_one(select, &[&1]).await.expect("it runs");
    let shown = |at: usize| row.get::<_, Raw>(at).0;
    assert_eq!(shown(0), b"write to ********************* soon");
    assert_eq!(shown(1), b"{\"pan\": 9999999999999999}");
    assert_eq!(shown(2), b"\x01{\"mail\": \"*********************\"}");
    assert_eq!(shown(3), 4_111_111_111_111_111_i64.to_be_bytes());
    let none = alice.query_one(select, &[&2]).await.expect("it runs");
    assert_eq!(none.get::<_, Option<String>>(0), None);
}

#[tokio::test]
async fn and_in_copy() {
    let gateway = gateway().await;
    let alice = gateway.connect(Person::Alice).await;
    for (form, shown) in [
        ("", "tab\\tand ***************************"),
        (" (FORMAT csv)", "tab\tand ***************************"),
        (" (FORMAT binary)", "and ***************************"),
    ] {
        for what in ["notes (id, body)", "(SELECT id, body FROM notes)"] {
            let text = format!("COPY {what} TO STDOUT{form}");
            let copied = copied(&alice, &text).await;
            let holds = |part: &str| copied.windows(part.len()).any(|one| one == part.as_bytes());
            assert!(holds(shown), "{text}: {copied:?}");
            assert!(!RAW.iter().any(|raw| holds(raw)), "{text}: {copied:?}");
        }
    }
}

#[tokio::test]
async fn no_statement_is_refused_for_it() {
    let gateway = gateway().await;
    let alice = gateway.connect(Person::Alice).await;
    for text in [
        "SELECT 'about ' || body FROM notes WHERE body LIKE '%@%'",
        "SELECT n FROM notes n ORDER BY body",
        "SELECT string_agg(body, ', ') FROM notes GROUP BY id > 0",
        "SELECT extra ->> 'mail', to_jsonb(n) FROM notes n",
        "WITH q AS (SELECT lower(body) AS b FROM notes) SELECT max(b) FROM q",
        "DECLARE c CURSOR WITH HOLD FOR SELECT body FROM notes; FETCH 1 FROM c; CLOSE c",
        "PREPARE p AS SELECT body FROM notes; EXECUTE p; DEALLOCATE p",
        "UPDATE notes SET short = short WHERE id = 1 RETURNING body",
        "SELECT count(*) FROM notes a JOIN notes b ON a.body = b.body",
        "EXPLAIN SELECT body FROM notes WHERE id = 3",
        "SELECT 'zoe.quill@example.org'",
        "SHOW search_path",
    ] {
        let shown = rows(&alice, text).await;
        assert!(!shown.is_empty(), "{text}");
        let all = shown.join("\n");
        assert!(!RAW.iter().any(|raw| all.contains(raw)), "{text}: {all}");
    }
}

#[tokio::test]
async fn what_a_rule_masks_stays_as_the_rule_masks_it() {
    let gateway = gateway().await;
    let alice = gateway.connect(Person::Alice).await;
    let shown = rows(&alice, "SELECT email, phone FROM customers WHERE id = 1").await;
    assert!(
        shown[0].contains("***@"),
        "the policy mask has its say: {shown:?}"
    );
    let dora = gateway.connect(Person::Dora).await;
    let body = rows(&dora, "SELECT body FROM notes WHERE id = 1").await;
    assert_eq!(
        body,
        ["write to zoe.quill@example.org soon"],
        "she is exempt"
    );
}

#[tokio::test]
async fn the_trail_counts_and_names_no_value() {
    let gateway = gateway().await;
    let alice = gateway.connect(Person::Alice).await;
    let select = "SELECT body, short, upper(body) FROM notes";
    rows(&alice, select).await;
    alice.query(select, &[]).await.expect("it runs");
    drop(alice);
    let place = gateway.stop().await;
    let mut reader = trail::reader::Reader::open(place.trail()).expect("there is a trail");
    let events = reader.poll().expect("the trail can be read");
    let noted: Vec<&str> = events
        .iter()
        .filter(|event| *event.statement == *select)
        .flat_map(|event| &event.deeds)
        .filter_map(|(_, deed)| match deed {
            Deed::Note { what } => Some(what.as_str()),
            _ => None,
        })
        .collect();
    let expected = "detect: public.notes.body email 1 replaced, iban 1 replaced; \
                    public.notes.short phone 1 kept; column 3 email 1 replaced, iban 1 replaced";
    assert_eq!(
        noted,
        [expected, expected],
        "a simple query and a prepared one"
    );
}
