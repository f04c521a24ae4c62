//! Definitions that change while statements of one from whom columns are protected are prepared, judged
//! and run. Here: temporary tables that a transaction makes and uses at once.

mod overtaken;
mod parsed;
mod turns;

use sluice::demo::postgres::Role;
use sluice_tests::gateway::Place;
use sluice_tests::server::postgres;
use sluice_tests::{Gateway, Person, eventually, sqlstate};
use tokio_postgres::{Client, SimpleQueryMessage};

/// A gateway without the guard, which would hold what drops a table.
async fn gateway(place: Place) -> Gateway {
    let guard = "module = \"policies/guard.wasm\"\n";
    place.edit(|text| text.replace(guard, &format!("{guard}mode = \"off\"\n")));
    Gateway::within(place).await
}

/// Makes what a test needs in the database.
async fn set_up(place: &Place, role: Role, setup: &str) {
    let made = postgres().await.run(role, place.database(), setup).await;
    made.unwrap_or_else(|error| panic!("{error:?}"));
}

/// What a text gives, row by row; or the error.
async fn said(client: &Client, text: &str) -> Result<Vec<Vec<String>>, tokio_postgres::Error> {
    let mut rows = Vec::new();
    for message in client.simple_query(text).await? {
        if let SimpleQueryMessage::Row(row) = message {
            let cells = (0..row.len()).map(|place| row.get(place).unwrap_or("NULL").to_owned());
            rows.push(cells.collect());
        }
    }
    Ok(rows)
}

async fn rows(client: &Client, text: &str) -> Vec<Vec<String>> {
    let said = said(client, text).await;
    said.unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

async fn one(client: &Client, text: &str) -> String {
    rows(client, text).await.remove(0).remove(0)
}

async fn run(client: &Client, texts: &[&str]) {
    for text in texts {
        rows(client, text).await;
    }
}

/// Waits until the server answers with yes.
async fn until(direct: &Client, asked: &str) {
    eventually(asked, || async { one(direct, asked).await == "t" }).await;
}

/// The values that nobody but Dora may see.
async fn secrets(gateway: &Gateway) -> Vec<String> {
    let direct = gateway.place().direct().await;
    let rows = direct.query("SELECT email FROM customers", &[]).await;
    rows.expect("emails").iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_table_is_made_filled_and_read_in_one_transaction() {
    let gateway = gateway(Place::new().await).await;
    let secrets = secrets(&gateway).await;
    let alice = gateway.connect(Person::Alice).await;
    run(
        &alice,
        &[
            "BEGIN",
            "CREATE TEMP TABLE picked (id int PRIMARY KEY, note varchar(9) DEFAULT 'new' NOT NULL, \
             at timestamptz DEFAULT now(), tags text[], CHECK (id > 0)) ON COMMIT DROP",
            "INSERT INTO picked (id) SELECT id FROM customers WHERE id <= 3",
            "CREATE INDEX ON picked (note)",
            "ANALYZE picked",
            "UPDATE picked SET note = 'old' WHERE id = 2",
        ],
    )
    .await;
    let notes = "SELECT id, note FROM picked ORDER BY id";
    assert_eq!(rows(&alice, notes).await[1], ["2", "old"]);
    let both = "SELECT c.id, c.email FROM customers c JOIN picked USING (id) ORDER BY c.id";
    let joined = rows(&alice, both).await;
    assert_eq!(joined.len(), 3);
    assert!(
        joined.iter().all(|row| !secrets.contains(&row[1])),
        "{joined:?}"
    );
    let fills = "INSERT INTO picked (id, note) SELECT id + 100, email FROM customers WHERE id < 3";
    assert_eq!(sqlstate(said(&alice, fills).await), "42501");
    run(&alice, &["ROLLBACK"]).await;
    assert_eq!(sqlstate(said(&alice, notes).await), "42P01");
}

#[tokio::test]
async fn tables_are_made_of_queries_of_others_and_of_each_other() {
    let gateway = gateway(Place::new().await).await;
    let alice = gateway.connect(Person::Alice).await;
    run(
        &alice,
        &[
            "BEGIN",
            "DROP TABLE IF EXISTS part",
            "CREATE TEMP TABLE part AS SELECT id, country AS land, count(*) OVER () FROM customers",
            "CREATE TEMPORARY TABLE land (name, n) AS SELECT land, count(*) FROM part GROUP BY land",
            "SELECT id, 'x' AS kind INTO TEMP kinds FROM part",
            "CREATE TEMP TABLE staged (LIKE products INCLUDING ALL)",
            "INSERT INTO staged SELECT * FROM products",
            "CREATE TEMP TABLE numbered (id serial, big bigint GENERATED ALWAYS AS IDENTITY, a text)",
            "INSERT INTO numbered (a) VALUES ('one'), ('two')",
        ],
    )
    .await;
    for (text, like) in [
        (
            "SELECT count(*) FROM part",
            "SELECT count(*) FROM customers",
        ),
        ("SELECT sum(n) FROM land", "SELECT count(*) FROM customers"),
        (
            "SELECT count(*) FROM kinds JOIN part USING (id)",
            "SELECT count(*) FROM customers",
        ),
        (
            "SELECT max(price) FROM staged",
            "SELECT max(price) FROM products",
        ),
        ("SELECT max(id) FROM pg_temp.numbered", "SELECT 2"),
        ("SELECT last_value FROM numbered_id_seq", "SELECT 2"),
    ] {
        assert_eq!(one(&alice, text).await, one(&alice, like).await, "{text}");
    }
    run(
        &alice,
        &[
            "DROP TABLE kinds",
            "SAVEPOINT s",
            "CREATE TEMP TABLE kinds (other int)",
            "ROLLBACK TO SAVEPOINT s",
            "COMMIT",
        ],
    )
    .await;
    assert_eq!(one(&alice, "SELECT count(*) FROM numbered").await, "2");
}

#[tokio::test]
async fn one_text_makes_and_uses_a_table() {
    let gateway = gateway(Place::new().await).await;
    let alice = gateway.connect(Person::Alice).await;
    let text = "CREATE TEMP TABLE a (id int); INSERT INTO a VALUES (1), (2); \
                CREATE TEMP TABLE b AS SELECT id + 1 AS id FROM a; SELECT sum(id) FROM b";
    assert_eq!(one(&alice, text).await, "5");
    let text = format!("BEGIN; DROP TABLE a, b; {text}; COMMIT");
    assert_eq!(one(&alice, &text).await, "5");
    assert_eq!(one(&alice, "SELECT count(*) FROM b").await, "2");
}

#[tokio::test]
async fn drivers_prepare_statements_on_a_table_just_made() {
    let gateway = gateway(Place::new().await).await;
    let mut alice = gateway.connect(Person::Alice).await;
    for _ in 0..2 {
        let transaction = alice.transaction().await.expect("BEGIN");
        let make = "CREATE TEMP TABLE picked (id int, name text) ON COMMIT DROP";
        transaction.execute(make, &[]).await.expect("CREATE");
        let fill = transaction
            .prepare("INSERT INTO picked VALUES ($1, $2)")
            .await;
        let fill = fill.expect("a statement");
        for id in 1..=3_i32 {
            let done = transaction.execute(&fill, &[&id, &"x"]).await;
            assert_eq!(done.expect("INSERT"), 1);
        }
        let found = transaction.query(
            "SELECT c.email FROM picked JOIN customers c USING (id)",
            &[],
        );
        assert_eq!(found.await.expect("rows").len(), 3);
        transaction.commit().await.expect("COMMIT");
    }
}

/// What a definition does that its text does not tell is not guessed.
#[tokio::test]
async fn what_a_text_does_not_tell_is_waited_for() {
    let place = Place::new().await;
    let setup = "CREATE DOMAIN positive AS int CHECK (VALUE > 0); \
                 CREATE FUNCTION told(int) RETURNS int LANGUAGE sql AS 'SELECT $1'; \
                 CREATE TABLE typed (id positive, twice int GENERATED ALWAYS AS (1 + 1) STORED);";
    set_up(&place, Role::Application, setup).await;
    let gateway = gateway(place).await;
    let alice = gateway.connect(Person::Alice).await;
    for text in [
        "CREATE TABLE lasting (id int)",
        "CREATE TEMP VIEW v AS SELECT 1 AS id",
        "CREATE TEMP TABLE v (id positive)",
        "CREATE TEMP TABLE v AS SELECT id FROM typed",
        "CREATE TEMP TABLE v (LIKE typed INCLUDING GENERATED)",
        "CREATE TEMP TABLE v (id int, twice int GENERATED ALWAYS AS (id * 2) STORED)",
        "CREATE TEMP TABLE v () INHERITS (products)",
        "CREATE TEMP TABLE v (id int) PARTITION BY LIST (id)",
        "CREATE TEMP TABLE v (id int DEFAULT told(1))",
        "CREATE TEMP TABLE v (id int); ALTER TABLE v ADD COLUMN a int",
    ] {
        run(&alice, &["BEGIN"]).await;
        if let Err(error) = said(&alice, text).await {
            let code = error.code().map(|code| code.code().to_owned());
            assert_eq!(code.as_deref(), Some("42501"), "{text}: {error:?}");
        } else {
            let after = said(&alice, "SELECT count(*) FROM products").await;
            let error = after.expect_err(text);
            let hint = error.as_db_error().and_then(|error| error.hint());
            assert!(
                hint.is_some_and(|hint| hint.starts_with("COMMIT first")),
                "{text}: {error:?}"
            );
        }
        run(&alice, &["ROLLBACK"]).await;
    }
}

/// A trigger on definitions may make something else of them than their text says.
#[tokio::test]
async fn where_triggers_watch_definitions_their_texts_do_not_tell() {
    let place = Place::new().await;
    let setup = "CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; \
                 CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION watch();";
    set_up(&place, Role::Superuser, setup).await;
    let gateway = gateway(place).await;
    let alice = gateway.connect(Person::Alice).await;
    run(&alice, &["BEGIN", "CREATE TEMP TABLE picked (id int)"]).await;
    let after = said(&alice, "SELECT count(*) FROM picked").await;
    assert_eq!(sqlstate(after), "42501");
    run(&alice, &["ROLLBACK"]).await;
}

/// A name may mean the new table, or what it hides, or what is left once it is gone.
#[tokio::test]
async fn where_operators_have_classes_of_their_own_nothing_is_known() {
    let setup = "CREATE FUNCTION compares(json, json) RETURNS int LANGUAGE plpgsql IMMUTABLE AS \
                 'BEGIN RAISE NOTICE ''%'', (SELECT email FROM customers LIMIT 1); RETURN 0; END'; \
                 CREATE FUNCTION less(json, json) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false'; \
                 CREATE OPERATOR <<<< (LEFTARG = json, RIGHTARG = json, FUNCTION = less); \
                 CREATE TABLE noted (note json); INSERT INTO noted VALUES ('1'), ('2');";
    let place = Place::new().await;
    set_up(&place, Role::Superuser, setup).await;
    set_up(&place, Role::Superuser, "GRANT ALL ON noted TO PUBLIC").await;
    let gateway = gateway(place).await;
    let alice = gateway.connect(Person::Alice).await;
    let asks = "SELECT note FROM noted ORDER BY note";
    assert_eq!(sqlstate(said(&alice, asks).await), "42883");
    let class = "CREATE OPERATOR CLASS noted_ops DEFAULT FOR TYPE json USING btree AS \
                 OPERATOR 1 <<<<, FUNCTION 1 compares(json, json)";
    set_up(gateway.place(), Role::Superuser, class).await;
    eventually("the class is known", || async {
        sqlstate(said(&alice, asks).await) == "42501"
    })
    .await;
}

#[tokio::test]
async fn tables_that_hide_others_hide_no_column_of_theirs() {
    let place = Place::new().await;
    let setup = "CREATE TABLE n_id_seq1 (category text); CREATE TABLE n_id_seq (category text); \
                 INSERT INTO n_id_seq VALUES ('x'); INSERT INTO n_id_seq1 VALUES ('x')";
    set_up(&place, Role::Application, setup).await;
    let gateway = gateway(place).await;
    let secrets = secrets(&gateway).await;
    let alice = gateway.connect(Person::Alice).await;
    let leak = |table: &str| {
        format!(
            "SELECT (SELECT upper(category) FROM {table} LIMIT 1) \
             FROM (SELECT email AS category FROM customers LIMIT 2) c"
        )
    };
    let ways = [
        (
            vec![
                "CREATE TEMP TABLE products (z int)",
                "INSERT INTO products VALUES (1)",
            ],
            "products",
        ),
        (
            vec![
                "SAVEPOINT s",
                "CREATE TEMP TABLE products (category text)",
                "ROLLBACK TO SAVEPOINT s",
                "CREATE TEMP TABLE products (z int)",
                "INSERT INTO products VALUES (1)",
            ],
            "products",
        ),
        (
            vec![
                "CREATE TEMP TABLE products (category text)",
                "DROP TABLE products",
                "CREATE TEMP TABLE products AS SELECT 1 AS z",
            ],
            "products",
        ),
        (vec!["CREATE TEMP TABLE n (id serial)"], "n_id_seq"),
        (
            vec![
                "CREATE TEMP TABLE n_id_seq (id int)",
                "CREATE TEMP TABLE n (id serial)",
            ],
            "n_id_seq1",
        ),
        (
            vec!["CREATE TEMP TABLE customer (LIKE products INCLUDING ALL)"],
            "customer",
        ),
    ];
    for (texts, table) in ways {
        run(&alice, &["BEGIN"]).await;
        for text in &texts {
            run(&alice, &["SAVEPOINT one"]).await;
            if said(&alice, text).await.is_err() {
                run(&alice, &["ROLLBACK TO SAVEPOINT one"]).await;
            }
        }
        for row in said(&alice, &leak(table)).await.unwrap_or_default() {
            let value = row[0].to_lowercase();
            assert!(!secrets.contains(&value), "{texts:?}: {value}");
        }
        run(&alice, &["ROLLBACK"]).await;
    }
}

/// Other sessions with temporary tables would no longer know what the type is.
#[tokio::test]
async fn no_temporary_table_takes_the_name_of_a_type() {
    let gateway = Gateway::start().await;
    let alice = gateway.connect(Person::Alice).await;
    run(&alice, &["CREATE TEMP TABLE texts (a int)"]).await;
    for text in [
        "CREATE TEMP TABLE text (a int)",
        "SELECT 1 INTO TEMP text",
        "CREATE TEMP VIEW jsonb AS SELECT 1",
        "ALTER TABLE texts RENAME TO text",
    ] {
        assert_eq!(sqlstate(said(&alice, text).await), "42501", "{text}");
    }
    run(&alice, &["ALTER TABLE texts RENAME TO words"]).await;
}

/// A check may be many times as long in the catalog as in the text that makes it.
#[tokio::test]
async fn a_long_check_keeps_nobody_from_the_catalog() {
    let gateway = Gateway::start().await;
    let alice = gateway.connect(Person::Alice).await;
    let row = vec!["a"; 300].join(",");
    let ones = vec!["1"; 300].join(",");
    let rows = vec![format!("({ones})"); 1_600].join(",");
    let made = format!("CREATE TEMP TABLE long (a numeric, CHECK (({row}) IN ({rows})))");
    run(&alice, &[&made]).await;
    let dora = gateway.connect(Person::Dora).await;
    run(&dora, &["CREATE TEMP TABLE own (a int)", "SELECT FROM own"]).await;
    // What it would do is not known.
    for text in ["INSERT INTO long VALUES (1)", "SELECT FROM long"] {
        assert_eq!(sqlstate(said(&alice, text).await), "42501", "{text}");
    }
}

/// To print a view takes PostgreSQL long where what it reads has many columns.
#[tokio::test]
async fn long_views_keep_nobody_from_the_catalog() {
    let gateway = Gateway::start().await;
    let alice = gateway.connect(Person::Alice).await;
    let columns: Vec<_> = (0..600).map(|n| format!("c{n} int")).collect();
    let wide = format!("CREATE TEMP TABLE wide ({})", columns.join(", "));
    let view = "CREATE TEMP VIEW short AS SELECT 1 AS a";
    run(&alice, &[&wide, view, "SELECT a FROM short"]).await;
    let all = vec!["SELECT * FROM wide"; 16].join(" UNION ALL ");
    run(&alice, &[&format!("CREATE TEMP VIEW long AS {all}")]).await;
    let dora = gateway.connect(Person::Dora).await;
    run(&dora, &["CREATE TEMP TABLE own (a int)", "SELECT FROM own"]).await;
    for text in ["SELECT c0 FROM long", "SELECT a FROM short"] {
        assert_eq!(sqlstate(said(&alice, text).await), "42501", "{text}");
    }
}

#[tokio::test]
async fn a_view_that_is_locked_protects_what_it_is_made_from() {
    const SETUP: &str = "
        CREATE TABLE letters (id integer PRIMARY KEY, mail text);
        INSERT INTO letters VALUES (1, 'zoe.quill@example.org');
        CREATE TABLE stamps (id integer PRIMARY KEY);
        CREATE VIEW sent AS SELECT l.id, l.mail AS email FROM letters l JOIN stamps s ON s.id = l.id;";
    let place = Place::new().await;
    set_up(&place, Role::Application, SETUP).await;
    let gateway = gateway(place).await;
    let alice = gateway.connect(Person::Alice).await;
    let dora = gateway.connect(Person::Dora).await;
    run(
        &dora,
        &["BEGIN", "LOCK TABLE stamps IN ACCESS EXCLUSIVE MODE"],
    )
    .await;
    for number in 0..3 {
        // Has the catalog read anew, without the view's definition.
        run(
            &alice,
            &[&format!("CREATE TEMP TABLE scratch_{number} (id integer)")],
        )
        .await;
        assert!(said(&alice, "SELECT * FROM nowhere").await.is_err());
        for text in [
            "SELECT mail FROM letters",
            "SELECT upper(mail) FROM letters",
        ] {
            let shown = said(&alice, text).await.unwrap_or_default();
            assert!(
                !format!("{shown:?}").to_lowercase().contains("zoe"),
                "{text}: {shown:?}"
            );
        }
        // The view is known to be what it was.
        let shown = said(&alice, "SELECT id, mail FROM letters").await;
        let shown = format!("{:?}", shown.expect("nothing is in doubt"));
        assert!(
            shown.contains("\"1\"") && shown.contains("z***@"),
            "{shown}"
        );
    }
    run(&dora, &["ROLLBACK"]).await;
    assert!(said(&alice, "SELECT * FROM nowhere").await.is_err());
    eventually("it is masked again", || async {
        let shown = said(&alice, "SELECT mail FROM letters").await;
        shown.is_ok_and(|shown| shown == [["z***@example.org"]])
    })
    .await;
}
