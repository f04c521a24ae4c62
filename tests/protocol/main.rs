//! The wire protocol: where policies allow, a client hears through the gateway what PostgreSQL says,
//! message for message.

mod cancel;
mod conversations;
mod copies;

use sluice::demo::postgres::Role;
use sluice_tests::both::same;
use sluice_tests::gateway::DATABASE;
use sluice_tests::server::postgres;
use sluice_tests::wire_client::{
    Format, Kind, Message, WireClient, bind, close, describe, execute, flush, message, parse,
    query, startup_with, sync, tags,
};
use sluice_tests::{Both, Gateway, Person};

const SETUP: &str = "CREATE TABLE numbers (n integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE notes (id serial, text text);";

/// A text by the extended protocol, without names and without a Sync.
fn extended(text: &str) -> Vec<u8> {
    let parts = [parse("", text), bind("", "", &[], Format::Text)];
    [parts.concat(), execute("", 0)].concat()
}

#[tokio::test]
async fn greetings_are_alike_whatever_settings_a_client_sends() {
    let both = Both::start("").await;
    // It is cut, and PostgreSQL remarks on that.
    let long = "a".repeat(70);
    let settings: [&[(&str, &str)]; 10] = [
        &[],
        &[
            ("application_name", "reports"),
            ("DateStyle", "SQL, DMY"),
            ("TimeZone", "Asia/Tokyo"),
        ],
        &[(
            "options",
            "-c geqo=off --work-mem=1MB -c search_path=a,\\ public",
        )],
        &[("client_encoding", "UTF8"), ("IntervalStyle", "iso_8601")],
        &[("client_encoding", "'utf-8'"), ("extra_float_digits", "3")],
        &[("search_path", "staff"), ("statement_timeout", "5000")],
        &[
            ("default_transaction_isolation", "serializable"),
            ("bytea_output", "escape"),
        ],
        &[
            ("replication", "false"),
            ("default_transaction_read_only", "on"),
        ],
        &[("role", "app"), ("replication", "n")],
        &[("application_name", &long)],
    ];
    let show = "SELECT name, setting FROM pg_settings WHERE source = 'client' ORDER BY name";
    for parameters in settings {
        let (mut through, mut direct) = both.log_in(parameters).await;
        let expected = direct.query(show).await.unwrap();
        let said = through.query(show).await.unwrap();
        // The gateway pins two settings, as their defaults are.
        let pinned = |message: &&Message| {
            let holds = |text: &[u8]| message.body.windows(text.len()).any(|part| part == text);
            !holds(b"client_encoding") && !holds(b"standard_conforming_strings")
        };
        let rows = |all: &[Message]| -> Vec<_> {
            all.iter()
                .filter(|m| m.tag == b'D')
                .filter(pinned)
                .cloned()
                .collect()
        };
        assert_eq!(rows(&said), rows(&expected), "{parameters:?}");
    }
}

#[tokio::test]
async fn a_thousand_requests_in_one_pipeline_are_answered_each() {
    let both = Both::start(SETUP).await;
    let mut bytes = Vec::new();
    for number in 0..1000 {
        let text = match number % 10 {
            3 => "SELECT 1 / ($1::integer - $1::integer)".to_owned(),
            5 => "SELECT frm".to_owned(),
            8 => "INSERT INTO numbers SELECT $1::integer".to_owned(),
            _ => format!("SELECT {number} + $1::integer, 'text'"),
        };
        bytes.extend(parse("", &text));
        bytes.extend(bind("", "", &["17"], Format::Binary));
        bytes.extend(describe(Kind::Portal, ""));
        bytes.extend(execute("", 0));
        if number % 7 == 0 {
            bytes.extend(sync());
        }
    }
    bytes.extend(sync());
    both.same("one write", &[bytes.clone()]).await;
    let parts: Vec<_> = bytes.chunks(5000).map(<[u8]>::to_vec).collect();
    both.same("several writes", &parts).await;
}

/// More than may be owed at a time, in one write, behind a statement that takes long.
#[tokio::test]
async fn a_pipeline_of_any_length_is_answered() {
    const MANY: usize = 10_000;
    let both = Both::start(SETUP).await;
    let first = query("SELECT pg_sleep(0.5)");
    let queries = query("SELECT 1").repeat(MANY);
    let executed = extended("SELECT 1").repeat(MANY);
    let copied = [query("COPY notes (text) FROM STDIN"), message(b'd', b"x\n")].concat();
    let copied = [copied, sync().repeat(1_000), message(b'c', b"")].concat();
    let said = both.conversation(&[[&first[..], &queries].concat()]).await;
    assert_eq!(tags(&said.1).len(), 4 + 4 * MANY);
    same("queries", &said.0, &said.1);
    let extended = [first, executed, sync(), copied].concat();
    both.same("extended, and a copy", &[extended]).await;
}

#[tokio::test]
async fn flush_brings_the_answers_and_not_the_end() {
    let both = Both::start(SETUP).await;
    let (mut through, mut direct) = both.log_in(&[]).await;
    for client in [&mut through, &mut direct] {
        client
            .send(&[parse("", "SELECT 7"), flush()].concat())
            .await;
        assert_eq!(client.message().await.unwrap().tag, b'1');
        client
            .send(&[bind("", "", &[], Format::Text), flush()].concat())
            .await;
        assert_eq!(client.message().await.unwrap().tag, b'2');
        client.send(&[execute("", 0), flush()].concat()).await;
        assert_eq!(client.message().await.unwrap().tag, b'D');
        assert_eq!(client.message().await.unwrap().tag, b'C');
        client
            .send(&[execute("nothing", 0), flush()].concat())
            .await;
        assert_eq!(client.message().await.unwrap().tag, b'E');
        client
            .send(&[parse("", "SELECT 8"), flush(), query("SELECT 9"), sync()].concat())
            .await;
        assert_eq!(client.message().await.unwrap().tag, b'Z');
    }
}

#[tokio::test]
async fn suspended_portals_go_on_between_other_requests() {
    let both = Both::start(SETUP).await;
    let series = "SELECT n, repeat('x', n) FROM generate_series(1, 20) n";
    let begin = [
        query("BEGIN"),
        parse("a", series),
        parse("b", "SELECT n * 2 FROM generate_series(1, 5) n"),
        bind("one", "a", &[], Format::Text),
        bind("two", "b", &[], Format::Binary),
        describe(Kind::Portal, "one"),
        execute("one", 3),
        execute("two", 2),
        sync(),
        query("SELECT count(*) FROM orders"),
        execute("one", 3),
        execute("two", 0),
        execute("two", 0),
        sync(),
        query("FETCH 2 FROM one"),
        query("MOVE 1 FROM one"),
        execute("one", 1),
        close(Kind::Portal, "one"),
        execute("one", 1),
        sync(),
        query("ROLLBACK"),
        execute("two", 1),
        sync(),
        bind("one", "a", &[], Format::Text),
        execute("one", 2),
        sync(),
        execute("one", 2),
        sync(),
    ];
    both.same("one write", &[begin.concat()]).await;
    both.same("many writes", &begin).await;
}

#[tokio::test]
async fn errors_of_broken_messages_are_postgresqls() {
    let both = Both::start(SETUP).await;
    let cases: [(&str, Vec<u8>); 13] = [
        ("query without end", message(b'Q', b"SELECT 1")),
        ("query with more", message(b'Q', b"SELECT 1\0x")),
        ("parse cut", message(b'P', b"\0SELECT 1\0")),
        (
            "bind cut",
            [parse("", "SELECT 1"), message(b'B', b"\0\0\0\0\0\x01\0\0")].concat(),
        ),
        ("bind cut in a name", message(b'B', b"por")),
        (
            "bind format",
            [
                parse("", "SELECT $1::text"),
                message(b'B', b"\0\0\0\x01\0\x07\0\x01\0\0\0\x01x\0\0"),
            ]
            .concat(),
        ),
        ("describe kind", message(b'D', b"X\0")),
        ("describe empty", message(b'D', b"")),
        ("close kind", message(b'C', b"X\0")),
        ("execute cut", message(b'E', b"\0\0\0")),
        ("sync with more", message(b'S', b"more")),
        ("flush with more", message(b'H', b"more")),
        (
            "no name",
            [bind("", "none", &[], Format::Text), execute("none", 0)].concat(),
        ),
    ];
    for (what, bytes) in cases {
        let rest = [sync(), query("SELECT 1")].concat();
        let said = both.conversation(&[[bytes, rest].concat()]).await;
        let codes = |all: &[Message]| -> Vec<_> {
            let shown = |m: &Message| match m.tag {
                b'E' => (
                    m.tag,
                    m.field(b'C').map(str::to_owned),
                    m.field(b'V').map(str::to_owned),
                ),
                tag => (tag, None, None),
            };
            all.iter().map(shown).collect()
        };
        assert_eq!(codes(&said.1), codes(&said.0), "{what}: {said:?}");
    }
}

#[tokio::test]
async fn what_came_before_a_message_that_ends_the_session_is_answered() {
    let both = Both::start(SETUP).await;
    let writes = query("INSERT INTO notes (text) VALUES ('x')").repeat(100);
    let unsynced = [
        parse("", "SELECT pg_sleep(0.3)"),
        bind("", "", &[], Format::Text),
        execute("", 0),
    ];
    let befores = [
        (writes, "CZ".repeat(100)),
        (query("SELECT pg_sleep(0.3)"), "TDCZ".to_owned()),
        (unsynced.concat(), "12DC".to_owned()),
    ];
    for (before, answers) in befores {
        for bytes in [&b"y\0\0\0\x04"[..], b"Q\0\0\0\x03", b"Q\x7f\xff\xff\xff"] {
            let parts = [[&before, bytes].concat()];
            let (expected, said) = both.conversation(&parts).await;
            assert_eq!(tags(&said), format!("{answers}E"));
            // PostgreSQL's end may overtake what it said.
            assert!(tags(&said).starts_with(&tags(&expected)));
            let last = said.last().expect("an error");
            let shown = (last.field(b'C'), last.field(b'V'));
            assert_eq!(shown, (Some("08P01"), Some("FATAL")));
        }
    }
}

#[tokio::test]
async fn unknown_names_are_answered_in_postgresqls_words() {
    let both = Both::start(SETUP).await;
    let cases = [
        bind("", "", &[], Format::Text),
        bind("", "none", &[], Format::Text),
        execute("", 0),
        execute("none", 0),
        describe(Kind::Statement, ""),
        describe(Kind::Statement, "none"),
        describe(Kind::Portal, "none"),
        close(Kind::Portal, "none"),
        [parse("twice", "SELECT 1"), parse("twice", "SELECT 2")].concat(),
        [parse("many", "SELECT 1; SELECT 2")].concat(),
        [
            parse("", "SELECT $1::integer"),
            bind("", "", &[], Format::Text),
        ]
        .concat(),
        [
            query("BEGIN"),
            query("SELECT 1 / 0"),
            bind("", "none", &[], Format::Text),
        ]
        .concat(),
    ];
    for (number, case) in cases.into_iter().enumerate() {
        both.same(
            &format!("case {number}"),
            &[case, sync(), query("SELECT 1")],
        )
        .await;
    }
}

#[tokio::test]
async fn what_is_skipped_after_an_error_is_no_matter_what_comes_before_it() {
    let both = Both::start(SETUP).await;
    let skipped = "INSERT INTO notes (text) VALUES ('skipped')";
    let parts = [
        extended("SELECT 1 / 0"),
        query("SELEC"),
        query(skipped),
        sync(),
        extended("SELECT 1"),
        query("SELEC"),
        query("SELECT 2"),
        sync(),
        extended("SELECT 3"),
        extended("SELEC"),
        query(skipped),
        sync(),
        extended("SELECT 1 / 0"),
        query("SELECT 4"),
        query("SELEC"),
        query(skipped),
        sync(),
        query("SELECT text FROM notes"),
    ];
    both.same("one write", &[parts.concat()]).await;
    both.same("many writes", &parts).await;
}

#[tokio::test]
async fn a_refused_query_ends_what_messages_before_it_have_begun() {
    let both = Both::start(SETUP).await;
    let insert = [
        extended("INSERT INTO notes (text) VALUES ('begun')"),
        flush(),
    ];
    let mut client = WireClient::log_in(&both.gateway, Person::Alice).await;
    for refused in ["SELEC", "SELECT upper(email) FROM customers"] {
        client.send(&insert.concat()).await;
        for tag in [b'1', b'2', b'C'] {
            assert_eq!(client.message().await.unwrap().tag, tag);
        }
        let said = client.query(refused).await.unwrap();
        assert_eq!(said[0].tag, b'E', "{refused}: {said:?}");
        let left = client.query("SELECT text FROM notes").await.unwrap();
        assert!(
            !left.iter().any(|one| one.tag == b'D'),
            "{refused}: {left:?}"
        );
    }
}

#[tokio::test]
async fn a_text_that_nobody_can_read_leaves_the_unnamed_statement_where_it_has_a_name() {
    let both = Both::start(SETUP).await;
    let again = [bind("", "", &[], Format::Text), execute("", 0), sync()].concat();
    for name in ["named", ""] {
        let parts = [
            parse("", "SELECT 1"),
            sync(),
            parse(name, "SELEC"),
            sync(),
            again.clone(),
            parse("", "SELECT 2"),
            query("SELEC"),
            again.clone(),
        ];
        both.same(&format!("{name:?}"), &[parts.concat()]).await;
    }
}

#[tokio::test]
async fn strings_with_backslashes_are_read_after_settings_of_other_things() {
    let both = Both::start(SETUP).await;
    let parts = [
        extended("SET TIME ZONE 'UTC'"),
        extended("SELECT 'a\\d'"),
        sync(),
        extended("SELECT set_config('application_name', 'x', false)"),
        extended("SELECT 1"),
        sync(),
        extended("SELECT 'b\\d'"),
        sync(),
    ];
    both.same("one write", &[parts.concat()]).await;
}

#[tokio::test]
async fn the_unnamed_statement_outlives_deallocate_all() {
    let both = Both::start(SETUP).await;
    for text in ["DEALLOCATE ALL", "DISCARD ALL"] {
        let again = [
            bind("", "", &[], Format::Text),
            execute("", 0),
            sync(),
            bind("", "a", &[], Format::Text),
            sync(),
        ];
        let parts = [
            parse("a", "SELECT 1"),
            parse("", text),
            again.concat(),
            again.concat(),
        ];
        both.same(text, &[parts.concat()]).await;
    }
}

#[tokio::test]
async fn rows_of_1600_columns_pass() {
    let both = Both::start(SETUP).await;
    let columns: Vec<_> = (0..1600)
        .map(|i| format!("c{i} integer DEFAULT {i}"))
        .collect();
    let wide = format!("CREATE TABLE wide ({})", columns.join(", "));
    let parts = [
        query(&wide),
        query("INSERT INTO wide DEFAULT VALUES; SELECT * FROM wide"),
        parse("", "SELECT * FROM wide"),
        describe(Kind::Statement, ""),
        bind("", "", &[], Format::Binary),
        execute("", 0),
        sync(),
        query("COPY wide TO STDOUT"),
    ];
    both.same("wide", &parts).await;
}

#[tokio::test]
async fn nul_and_broken_utf_8_are_refused_as_postgresql_refuses_them() {
    let both = Both::start(SETUP).await;
    let texts = [
        message(b'Q', b"SELECT '\xff'\0"),
        message(b'P', b"\0SELECT '\xc3\x28'\0\0\0"),
        [
            parse("", "SELECT $1::text"),
            bind_bytes(b"a\0b"),
            execute("", 0),
        ]
        .concat(),
        [
            parse("", "SELECT $1::text"),
            bind_bytes(b"a\xffb"),
            execute("", 0),
        ]
        .concat(),
        query("SELECT chr(0)"),
    ];
    for (number, bytes) in texts.into_iter().enumerate() {
        let said = both
            .conversation(&[[bytes, sync(), query("SELECT 1")].concat()])
            .await;
        let errors = |all: &[Message]| -> Vec<_> {
            let shown = |m: &Message| {
                (
                    m.tag,
                    m.field(b'C').filter(|_| m.tag == b'E').map(str::to_owned),
                )
            };
            all.iter().map(shown).collect()
        };
        assert_eq!(errors(&said.1), errors(&said.0), "text {number}: {said:?}");
    }
}

fn bind_bytes(parameter: &[u8]) -> Vec<u8> {
    let length = u32::try_from(parameter.len()).unwrap().to_be_bytes();
    message(
        b'B',
        &[b"\0\0\0\0\0\x01", &length[..], parameter, b"\0\0"].concat(),
    )
}

#[tokio::test]
async fn encodings_other_than_utf_8_are_refused_clearly() {
    let gateway = Gateway::start().await;
    let token = gateway.place().provider().token(Person::Dora);
    for encoding in ["LATIN1", "SQL_ASCII", "WIN1252"] {
        let parameters = [
            ("user", "dora"),
            ("database", DATABASE),
            ("client_encoding", encoding),
        ];
        let mut client = WireClient::connect(gateway.address()).await;
        client.send(&startup_with(0, &parameters)).await;
        client.message().await.unwrap();
        client
            .send(&message(b'p', &[token.as_bytes(), &[0]].concat()))
            .await;
        let said = client.message().await.unwrap();
        assert_eq!(
            (said.tag, said.field(b'C')),
            (b'E', Some("0A000")),
            "{said:?}"
        );
        assert!(said.field(b'M').unwrap().contains(encoding), "{said:?}");
        assert!(said.field(b'H').unwrap().contains("UTF8"), "{said:?}");
    }
}

#[tokio::test]
async fn notifications_come_to_a_client_that_is_idle() {
    let both = Both::start(SETUP).await;
    let (mut through, mut direct) = both.log_in(&[]).await;
    through.query("LISTEN news").await.unwrap();
    direct.query("LISTEN news").await.unwrap();
    let other = both.gateway.place().direct().await;
    other.batch_execute("NOTIFY news, 'first'").await.unwrap();
    let postgres = postgres().await;
    postgres
        .run(Role::Application, &both.direct, "NOTIFY news, 'first'")
        .await
        .unwrap();
    let said = through.message().await.unwrap();
    same("notification", &[direct.message().await.unwrap()], &[said]);
}

#[tokio::test]
async fn versions_of_the_protocol_are_negotiated() {
    let gateway = Gateway::start().await;
    let token = gateway.place().provider().token(Person::Dora);
    let names = [("user", "dora"), ("database", DATABASE)];
    for (minor, option, expected) in [
        (0, None, None),
        (1, None, None),
        (2, None, None),
        (3, None, Some((2, vec![]))),
        (9999, None, Some((2, vec![]))),
        (0, Some("_pq_.new"), Some((0, vec!["_pq_.new"]))),
        (2, Some("_pq_.new"), Some((2, vec!["_pq_.new"]))),
    ] {
        let parameters = [
            &names[..],
            &option
                .map(|name| (name, "1"))
                .into_iter()
                .collect::<Vec<_>>(),
        ]
        .concat();
        let mut client = WireClient::connect(gateway.address()).await;
        client.send(&startup_with(minor, &parameters)).await;
        let mut said = client.message().await.unwrap();
        let negotiated = (said.tag == b'v').then(|| said.body.clone());
        if negotiated.is_some() {
            said = client.message().await.unwrap();
        }
        let expected = expected.map(|(minor, options): (u16, Vec<&str>)| {
            let count = u32::try_from(options.len()).unwrap().to_be_bytes();
            let names = options
                .iter()
                .flat_map(|name| [name.as_bytes(), &[0]].concat());
            [&[0, 3][..], &minor.to_be_bytes(), &count]
                .concat()
                .into_iter()
                .chain(names)
                .collect::<Vec<u8>>()
        });
        assert_eq!(negotiated, expected, "3.{minor} {option:?}");
        assert_eq!(said.tag, b'R');
        client
            .send(&message(b'p', &[token.as_bytes(), &[0]].concat()))
            .await;
        assert!(client.until_ready().await.is_some(), "3.{minor}");
    }
    let mut client = WireClient::connect(gateway.address()).await;
    client.send(&[0, 0, 0, 9, 0, 2, 0, 0, 0]).await;
    assert_eq!(client.message().await.unwrap().field(b'C'), Some("0A000"));
}

#[tokio::test]
async fn a_conversation_that_comes_byte_by_byte_is_understood() {
    let both = Both::start(SETUP).await;
    let bytes = [
        query("SELECT 1; COPY notes (text) FROM STDIN; SELECT 2"),
        message(b'd', b"a note\n"),
        message(b'c', b""),
        parse("a", "SELECT $1::text"),
        bind("", "a", &["b"], Format::Binary),
        describe(Kind::Portal, ""),
        execute("", 0),
        close(Kind::Statement, "a"),
        sync(),
        query("SELECT 3"),
    ];
    let bytes: Vec<_> = bytes.concat().chunks(1).map(<[u8]>::to_vec).collect();
    both.same("byte by byte", &bytes).await;
}

#[tokio::test]
async fn a_pipeline_cut_at_every_byte_runs_no_more_than_came() {
    let both = Both::start("CREATE TABLE cut (at integer)").await;
    let one = |n: u32| {
        let text = format!("INSERT INTO cut VALUES ({n})");
        [
            parse("", &text),
            bind("", "", &[], Format::Text),
            execute("", 0),
        ]
        .concat()
    };
    let bytes = [one(1), sync(), one(2), query("SELECT 1"), sync()].concat();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for cut in (0..bytes.len()).step_by(3) {
        let (mut through, mut direct) = both.log_in(&[]).await;
        for (client, said) in [(&mut through, &mut ours), (&mut direct, &mut theirs)] {
            client.send(&bytes[..cut]).await;
            use tokio::io::AsyncWriteExt as _;
            client.stream.shutdown().await.unwrap();
            let mut tags = String::new();
            while let Some(message) = client.message().await {
                tags.push(char::from(message.tag));
            }
            said.push((cut, tags));
        }
    }
    assert_eq!(ours, theirs);
    let count = "SELECT count(*) FILTER (WHERE at = 1), count(*) FILTER (WHERE at = 2) FROM cut";
    let through = both.gateway.place().direct().await;
    let direct = postgres()
        .await
        .connect(Role::Application, &both.direct)
        .await
        .unwrap();
    let (ours, theirs) = (
        through.query_one(count, &[]).await.unwrap(),
        direct.query_one(count, &[]).await.unwrap(),
    );
    let pair = |row: &tokio_postgres::Row| (row.get::<_, i64>(0), row.get::<_, i64>(1));
    assert_eq!(pair(&ours), pair(&theirs));
}

#[tokio::test]
#[ignore = "moves gigabytes"]
async fn values_as_large_as_postgresql_makes_them_pass() {
    let both = Both::start("").await;
    let (mut through, mut direct) = both.log_in(&[]).await;
    for length in [1_073_741_000_usize, 1_073_741_800, 1_073_741_900] {
        let text = format!("SELECT repeat('x', {length})");
        let shape = |said: Vec<Message>| -> Vec<_> {
            let shown = |m: &Message| {
                (
                    m.tag,
                    m.body.len(),
                    m.field(b'C').filter(|_| m.tag == b'E').map(str::to_owned),
                )
            };
            said.iter().map(shown).collect()
        };
        let expected = direct.query(&text).await.map(shape);
        let said = through.query(&text).await.map(shape);
        println!("{length}: {expected:?}");
        if expected
            .as_ref()
            .is_some_and(|all| all.iter().all(|one| one.0 != b'E'))
        {
            assert_eq!(said, expected, "{length}");
        } else {
            let codes = |all: Option<Vec<(u8, usize, Option<String>)>>| {
                all.map(|all| {
                    all.into_iter()
                        .map(|one| (one.0, one.2))
                        .collect::<Vec<_>>()
                })
            };
            assert_eq!(codes(said), codes(expected), "{length}");
        }
    }
    // The other way: as a parameter, below and above what the gateway takes in one message.
    for (length, taken) in [(200usize << 20, true), (300 << 20, false)] {
        let value = "x".repeat(length);
        let ask = [
            parse("", "SELECT length($1::text)"),
            bind("", "", &[&value], Format::Text),
            execute("", 0),
            sync(),
        ];
        let (mut through, _) = both.log_in(&[]).await;
        through.send(&ask.concat()).await;
        let mut codes = Vec::new();
        while let Some(message) = through.message().await {
            if message.tag == b'Z' {
                break;
            }
            codes.push((
                char::from(message.tag),
                message.field(b'M').unwrap_or_default().to_owned(),
            ));
        }
        println!("{length}: {codes:?}");
        assert_eq!(codes.iter().any(|(tag, _)| *tag == 'D'), taken, "{codes:?}");
        assert!(
            taken || codes.iter().any(|(tag, _)| *tag == 'E'),
            "{codes:?}"
        );
    }
}

/// PostgreSQL takes the rows of EXECUTE for those of what the name meant when the portal was bound.
#[tokio::test]
async fn a_portal_executes_what_its_name_meant_when_it_was_bound() {
    let both = Both::start(SETUP).await;
    let direct = both.gateway.place().direct().await;
    let text = "SELECT email FROM customers ORDER BY id LIMIT 1";
    let raw: String = direct.query_one(text, &[]).await.unwrap().get(0);
    let mut alice = WireClient::log_in(&both.gateway, Person::Alice).await;
    for again in [false, true] {
        let before = "BEGIN; PREPARE s AS SELECT 'a'::name AS a, 1::int4 AS b";
        alice.query(before).await.expect("it is answered");
        let bound = [
            parse("e", "EXECUTE s"),
            bind("p", "e", &[], Format::Text),
            sync(),
        ];
        alice.send(&bound.concat()).await;
        alice.until_ready().await.expect("it is answered");
        if again {
            let text =
                "PREPARE s AS SELECT 1684234849::int4 AS a, email AS b FROM customers WHERE id < 4";
            for text in ["DEALLOCATE s", text] {
                alice.query(text).await.expect("it is answered");
            }
        }
        alice.send(&[execute("p", 0), sync()].concat()).await;
        let said = alice.until_ready().await.expect("it is answered");
        let shows = |one: &Message| {
            one.body
                .windows(raw.len())
                .any(|part| part == raw.as_bytes())
        };
        assert!(!said.iter().any(shows), "{said:?}");
        let failed = said.iter().find(|one| one.tag == b'E');
        let state = failed.and_then(|one| one.field(b'C'));
        assert_eq!(state, again.then_some("0A000"), "{said:?}");
        for text in ["ROLLBACK", "DEALLOCATE ALL"] {
            alice.query(text).await.expect("it is answered");
        }
    }
}
