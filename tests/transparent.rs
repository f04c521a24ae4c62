//! Programs that people have, run twice: with PostgreSQL itself and through the gateway. Where
//! nothing is protected, nobody can tell one from the other.

use std::path::Path;

use sluice_tests::both::same_text;
use sluice_tests::programs::{self, node_package, python, repository, said, target};
use sluice_tests::{Both, Person};
use tokio::process::Command;

/// A schema in which everything has a name of its own.
const SCHEMA: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'ok', 'very happy');
    CREATE TYPE place AS (street text, number integer, moods mood[]);
    CREATE DOMAIN percent AS numeric(5, 2) CHECK (VALUE BETWEEN 0 AND 100);
    CREATE SCHEMA \"odd Schema\";
    CREATE SEQUENCE tickets START 100 INCREMENT 5;
    CREATE TABLE things (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name varchar(40) NOT NULL UNIQUE,
        feels mood DEFAULT 'ok',
        home place,
        homes place[],
        share percent,
        tags text[],
        span int4range,
        extra jsonb,
        raw bytea,
        at timestamptz DEFAULT '2026-01-02 03:04:05+06',
        long interval,
        uid uuid,
        address inet,
        total numeric GENERATED ALWAYS AS (share * 2) STORED,
        ticket bigint DEFAULT nextval('tickets'));
    COMMENT ON TABLE things IS 'What there is';
    COMMENT ON COLUMN things.share IS 'Of all, in percent';
    CREATE INDEX things_tags ON things USING gin (tags);
    CREATE INDEX things_some ON things (lower(name)) WHERE share > 10;
    CREATE TABLE \"odd Schema\".\"Parts\" (
        thing bigint REFERENCES things ON DELETE CASCADE, \"No\" integer, weight real,
        PRIMARY KEY (thing, \"No\"), CHECK (weight > 0));
    CREATE TABLE events (at date NOT NULL, what text) PARTITION BY RANGE (at);
    CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    CREATE VIEW dear_things AS SELECT id, name FROM things WHERE share > 50;
    CREATE MATERIALIZED VIEW counted AS SELECT feels, count(*) FROM things GROUP BY feels;
    CREATE FUNCTION twice(n integer, OUT doubled integer) LANGUAGE sql AS 'SELECT n * 2';
    CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE NOTICE 'row %', NEW.name; RETURN NEW; END $$;
    CREATE TRIGGER loud BEFORE UPDATE ON things FOR EACH ROW EXECUTE FUNCTION loud();
    INSERT INTO things (name, feels, home, homes, share, tags, span, extra, raw, long, uid, address)
        SELECT 'thing ' || n, 'very happy', ROW('Main \"St\", ' || n, n, '{sad,\"very happy\"}'::mood[])::place,
            ARRAY[ROW('a', 1, NULL)::place, NULL], n, ARRAY['x', NULL, 'y ' || n],
            int4range(n, n + 5), jsonb_build_object('n', n, 'l', ARRAY[1, n]), '\\x00ff41',
            '1 year 2 mons 3 days 04:05:06.789', '00000000-0000-0000-0000-000000000000', '10.0.0.0/8'
        FROM generate_series(1, 60) n;
    INSERT INTO things (name, feels) VALUES ('nothing', NULL);
    INSERT INTO \"odd Schema\".\"Parts\" SELECT id, id % 3, 1.5 FROM things;
    INSERT INTO events VALUES ('2026-05-06', 'it''s \\ a tab:\t.');
    REFRESH MATERIALIZED VIEW counted;
    ANALYZE things;";

#[tokio::test]
async fn psql_shows_the_same() {
    let both = Both::start(SCHEMA).await;
    let script = repository().join("tests/clients/psql/habits.sql");
    let arguments = ["-X", "-a", "-f", script.to_str().unwrap()];
    let (expected, said) = both.run("psql", &arguments).await;
    same_text("output", &expected.out, &said.out);
    same_text("errors", &expected.err, &said.err);
}

/// True where `pg_dump` is not older than the server.
async fn can_dump(both: &Both) -> bool {
    let (expected, _) = both
        .run("pg_dump", &["--schema-only", "--table=nothing*"])
        .await;
    let can = !expected.err.contains("server version mismatch");
    if !can {
        println!(
            "SKIPPED: {}",
            expected.err.lines().next().unwrap_or_default()
        );
    }
    can
}

/// A dump without what is made up anew for each.
fn dump(text: &str) -> String {
    let keep = |line: &&str| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict");
    text.lines().filter(keep).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_dump_is_the_same_and_can_be_restored_through_the_gateway() {
    let both = Both::start(SCHEMA).await;
    if !can_dump(&both).await {
        return;
    }
    for arguments in [
        &[][..],
        &["--inserts", "--rows-per-insert=7"],
        &["--schema-only", "--no-owner"],
    ] {
        let (expected, said) = both.run("pg_dump", arguments).await;
        let (expected, said) = (
            expected.expect("direct"),
            said.expect("through the gateway"),
        );
        same_text(&format!("{arguments:?}"), &dump(&expected), &dump(&said));
    }
    let file = both.gateway.place().folder().join("dump");
    let file = file.to_str().unwrap();
    let _ = both
        .gateway
        .run(Person::Dora, "pg_dump", &["-Fc", "-f", file])
        .await
        .expect("dump");
    let empty = Both::start("DROP OWNED BY app CASCADE; CREATE SCHEMA IF NOT EXISTS public;").await;
    let restore = [
        "--no-owner",
        "--no-privileges",
        "--dbname=shop",
        "--single-transaction",
        file,
    ];
    let said = empty
        .gateway
        .run(Person::Dora, "pg_restore", &restore)
        .await;
    let _ = said.expect("restored");
    let (expected, _) = both.run("pg_dump", &["--no-owner"]).await;
    let said = empty
        .gateway
        .run(Person::Dora, "pg_dump", &["--no-owner"])
        .await;
    assert_eq!(
        dump(&said.expect("dumped again")),
        dump(&expected.expect("direct"))
    );
}

#[tokio::test]
async fn a_dump_by_someone_who_may_not_see_all_is_masked() {
    let both = Both::start("").await;
    if !can_dump(&both).await {
        return;
    }
    let direct = both.gateway.place().direct().await;
    let text = "SELECT email FROM customers UNION ALL SELECT phone FROM customers";
    let raw = direct.query(text, &[]).await.unwrap();
    for arguments in [&[][..], &["--inserts"]] {
        let said = both.gateway.run(Person::Alice, "pg_dump", arguments).await;
        if said.content {
            assert!(said.out.contains("customers"), "{}", said.out);
        } else {
            assert!(said.err.contains("Refused by policy"), "{}", said.err);
        }
        for row in &raw {
            let Some(value) = row.get::<_, Option<&str>>(0) else {
                continue;
            };
            assert!(!said.out.contains(value), "{value}");
        }
    }
}

#[tokio::test]
async fn psycopg_asyncpg_and_sqlalchemy_see_the_same() {
    let Some(python) = python().await else { return };
    let both = Both::start(SCHEMA).await;
    for name in ["psycopg_habits", "asyncpg_habits", "sqlalchemy_habits"] {
        let script = repository().join(format!("tests/clients/python/{name}.py"));
        both.same_said(python.to_str().unwrap(), &[script.to_str().unwrap()])
            .await;
    }
}

#[tokio::test]
async fn node_postgres_sees_the_same() {
    let Some(folder) = node_package("node").await else {
        return;
    };
    let both = Both::start(SCHEMA).await;
    both.same_said("node", &[folder.join("habits.mjs").to_str().unwrap()])
        .await;
}

#[tokio::test]
async fn prisma_sees_the_same() {
    let Some(folder) = node_package("prisma").await else {
        return;
    };
    let both = Both::start(SCHEMA).await;
    both.same_said("node", &[folder.join("habits.mjs").to_str().unwrap()])
        .await;
}

#[tokio::test]
async fn pgjdbc_sees_the_same() {
    let jar = Path::new("/usr/share/java/postgresql.jar");
    if !jar.is_file() {
        println!("SKIPPED: pgjdbc is not installed (Debian: libpostgresql-jdbc-java)");
        return;
    }
    if !programs::present("javac") {
        return;
    }
    let classes = target().join("e2e/java");
    std::fs::create_dir_all(&classes).unwrap();
    let mut compile = Command::new("javac");
    compile.arg("-cp").arg(jar).arg("-d").arg(&classes);
    compile.arg(repository().join("tests/clients/java/Habits.java"));
    let _ = said(compile).await.expect("it compiles");
    let both = Both::start(SCHEMA).await;
    let path = format!("{}:{}", jar.display(), classes.display());
    both.same_said("java", &["-cp", &path, "Habits"]).await;
}

/// What decides who connects to what is no setting, neither here nor there.
#[tokio::test]
async fn options_name_no_other_database() {
    let both = Both::start("").await;
    let asked = "SELECT current_database()";
    for option in [
        "database=postgres",
        "DATABASE=postgres",
        "options=-cgeqo=off",
        "user=postgres",
    ] {
        let connection = format!("options='-c {option}'");
        let (direct, through) = both.run("psql", &["-c", asked, &connection]).await;
        for said in [direct, through] {
            assert!(
                !said.content && said.err.contains("unrecognized configuration parameter"),
                "{said:?}"
            );
        }
    }
}
