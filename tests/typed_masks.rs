//! Masks of values that are no text: what comes back is a value of the column's type, which drivers
//! can read in both formats.

use sluice_tests::{Gateway, Person};
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::types::Type;

const TABLE: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'hap,py', 'hidden');
    CREATE DOMAIN moods AS mood;
    CREATE TABLE typed (id int PRIMARY KEY, f_bool bool, f_int2 int2, f_int4 int4, f_int8 int8,
        f_float4 float4, f_float8 float8, f_numeric numeric, f_date date, f_timestamp timestamp,
        f_timestamptz timestamptz, f_uuid uuid, f_json json, f_jsonb jsonb, f_bytea bytea,
        f_inet inet, f_array int[], h_int4 int4, h_int8 int8, h_uuid uuid, h_bytea bytea,
        h_date date, w_int4 int4, w_inet inet, f_time time, f_timetz timetz, f_interval interval,
        f_xml xml, f_bit varbit, f_money money, f_cidr cidr, f_macaddr macaddr, f_range int4range,
        f_enum mood, f_domain moods, w_enum mood, w_vector int2vector, f_texts text[], f_numbers numeric[],
        k_texts text[], k_numbers int[], h_texts text[], h_numbers int8[], j_hide jsonb, j_show json);
    INSERT INTO typed SELECT id, true, 7351, 735192840, 7351928407351928, 7351.9, 73519.284,
        73519.284, '1973-05-19', '1973-05-19 02:08:04', '1973-05-19 02:08:04+00',
        '73519284-7351-9284-7351-928473519284', '{\"k\": 73519284}', '{\"k\": 73519284}',
        '\\x73519284', '73.51.92.84', '{735,192,84}', 735192840, 7351928407351928,
        '73519284-7351-9284-7351-928473519284', '\\x73519284', '1973-05-19', 735192840, '73.51.92.84', '02:08:04', '02:08:04+02', '7 days 35:19', 'x7351',
        B'11011', '7351.92', '73.51.92.0/24', '73:51:92:84:07:35', '[735,1928)', 'sad', 'sad', 'sad', '735 192',
        '{73519284}', '{73519284}', '{{73519284,ada},{NULL,\"a, \\\"b\"}}', '{73519284}',
        '{73519284,73519284}', '{73519284,73519284}', '{\"k\": 73519284, \"n\": 1.10}',
        '{\"k\": 73519284, \"n\": 1.10}'
        FROM generate_series(1, 2) id;";

/// What each column is masked as, and the mask's text form.
const FIXED: [(&str, &str, &str); 29] = [
    ("f_bool", "false", "f"),
    ("f_int2", "-1", "-1"),
    ("f_int4", "0", "0"),
    ("f_int8", "0", "0"),
    ("f_float4", "0", "0"),
    ("f_float8", "1.5", "1.5"),
    ("f_numeric", "-1234567.0890", "-1234567.0890"),
    ("f_date", "1900-01-01", "1900-01-01"),
    ("f_timestamp", "1900-01-01", "1900-01-01 00:00:00"),
    ("f_timestamptz", "1900-01-01", "1900-01-01 00:00:00+00"),
    (
        "f_uuid",
        "00000000-0000-0000-0000-000000000000",
        "00000000-0000-0000-0000-000000000000",
    ),
    ("f_json", "{}", "{}"),
    ("f_jsonb", "hidden", "\"hidden\""),
    ("f_bytea", "hidden", "\\x68696464656e"),
    ("f_inet", "10.0.0.1/8", "10.0.0.1/8"),
    ("f_array", "{}", "{}"),
    ("f_time", "12:00:01", "12:00:01"),
    ("f_timetz", "12:00:00", "12:00:00+00"),
    ("f_interval", "0", "00:00:00"),
    ("f_xml", "hidden", "hidden"),
    ("f_bit", "0000000001", "0000000001"),
    ("f_cidr", "2001:db8::/32", "2001:db8::/32"),
    ("f_macaddr", "00:00:00:00:00:01", "00:00:00:00:00:01"),
    ("f_range", "empty", "empty"),
    ("f_enum", "hap,py", "hap,py"),
    ("f_domain", "hidden", "hidden"),
    ("f_texts", "a b", "{\"a b\"}"),
    ("f_numbers", "-0.5", "{-0.5}"),
    ("f_money", "0.10", "0.10"),
];

async fn gateway() -> Gateway {
    let rule = |column: &str, mask: &str| {
        format!("[[policies.mask.settings.rules]]\ncolumns = [\"{column}\"]\nmask = '{mask}'\n\n")
    };
    let mut rules: String = FIXED
        .iter()
        .map(|(column, value, _)| rule(column, &format!("fixed {value}")))
        .collect();
    for column in ["h_int4", "h_int8", "h_uuid", "h_bytea", "h_date"] {
        rules.push_str(&rule(column, "keyed-hash"));
    }
    for column in ["h_texts", "h_numbers"] {
        rules.push_str(&rule(column, "keyed-hash"));
    }
    for column in ["nested_twins.j_hide", "drafts_one.j_hide"] {
        rules.push_str(&rule(column, "json-hide card"));
    }
    rules.push_str(&rule("j_hide", "json-hide k"));
    rules.push_str(&rule("j_show", "json-show n"));
    for column in ["k_texts", "k_numbers", "k_long"] {
        rules.push_str(&rule(column, "keep-last 2"));
    }
    for column in ["w_inet", "w_enum", "w_int4"] {
        rules.push_str(&rule(column, "fixed ***"));
    }
    rules.push_str(&rule("w_vector", "fixed {}"));
    let gateway = Gateway::with(|text| {
        let first = "[[policies.mask.settings.rules]]";
        text.replacen(first, &format!("{rules}{first}"), 1)
    })
    .await;
    let direct = gateway.place().direct().await;
    direct
        .batch_execute(TABLE)
        .await
        .expect("the table is made");
    gateway
}

#[tokio::test]
async fn a_fixed_mask_is_a_value_of_the_type() {
    let gateway = gateway().await;
    let direct = gateway.place().direct().await;
    let alice = gateway.connect(Person::Alice).await;
    for (column, value, text) in FIXED {
        let select = format!("SELECT {column} FROM typed WHERE id = 1");
        let said = alice.simple_query(&select).await.expect(column);
        let shown = said.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        assert_eq!(shown.as_deref(), Some(text), "{column} = {value}");
        // The binary form is one that PostgreSQL itself gives of the same value.
        let row = alice.query_one(&select, &[]).await.expect(column);
        let kind = row.columns()[0].type_().clone();
        let cast = format!("SELECT '{text}'::{kind}");
        let wanted = direct.query_one(&cast, &[]).await.expect(&cast);
        let (shown, wanted) = (raw(&row), raw(&wanted));
        assert_eq!(shown, wanted, "{column} in binary");
    }
}

/// A value in the format it came in.
fn raw(row: &tokio_postgres::Row) -> Vec<u8> {
    struct Raw(Vec<u8>);
    impl<'a> tokio_postgres::types::FromSql<'a> for Raw {
        fn from_sql(
            _: &Type,
            raw: &'a [u8],
        ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
            Ok(Raw(raw.to_vec()))
        }
        fn accepts(_: &Type) -> bool {
            true
        }
    }
    row.get::<_, Raw>(0).0
}

#[tokio::test]
async fn a_keyed_hash_is_a_value_of_the_type_and_equal_for_equals() {
    let gateway = gateway().await;
    let alice = gateway.connect(Person::Alice).await;
    for column in ["h_int4", "h_int8", "h_uuid", "h_bytea"] {
        let select = format!("SELECT {column} FROM typed ORDER BY id");
        let rows = alice.query(&select, &[]).await.expect(column);
        assert_eq!(raw(&rows[0]), raw(&rows[1]), "{column}");
        let direct = gateway.place().direct().await;
        let real = direct.query(&select, &[]).await.unwrap();
        assert_ne!(raw(&rows[0]), raw(&real[0]), "{column}");
        let text = alice.simple_query(&select).await.expect(column);
        let shown = text.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        let kind = rows[0].columns()[0].type_().clone();
        let cast = format!("SELECT '{}'::{kind}", shown.expect("a value"));
        let same = direct.query_one(&cast, &[]).await.expect(&cast);
        assert_eq!(raw(&same), raw(&rows[0]), "{column} in text and binary");
    }
}

#[tokio::test]
async fn elements_of_arrays_are_masked_and_their_shape_stays() {
    let gateway = gateway().await;
    let direct = gateway.place().direct().await;
    let alice = gateway.connect(Person::Alice).await;
    let shown = text_of(&alice, "k_texts").await;
    assert_eq!(shown, "{{******84,*da},{NULL,\"***\\\"b\"}}");
    for column in ["k_texts", "h_texts", "h_numbers"] {
        // Both formats show the same array, and PostgreSQL takes it for one.
        let shown = text_of(&alice, column).await;
        let select = format!("SELECT {column} FROM typed WHERE id = 1");
        let row = alice.query_one(&select, &[]).await.expect(column);
        let kind = row.columns()[0].type_().clone();
        let cast = format!("SELECT '{}'::{kind}", shown.replace('\'', "''"));
        let same = direct.query_one(&cast, &[]).await.expect(&cast);
        let kind = kind.name().trim_start_matches('_').to_owned();
        assert_eq!(raw(&row), raw(&same), "{column}: {shown} as {kind}[]");
    }
    let hashes: Vec<i64> = {
        let select = "SELECT h_numbers FROM typed WHERE id = 2";
        alice.query_one(select, &[]).await.expect(select).get(0)
    };
    assert_eq!(hashes[0], hashes[1]);
    assert_ne!(hashes[0], 73_519_284);
}

#[tokio::test]
async fn paths_of_json_are_hidden_and_the_rest_stays() {
    let gateway = gateway().await;
    let direct = gateway.place().direct().await;
    let alice = gateway.connect(Person::Alice).await;
    for (column, kind, wanted) in [
        ("j_hide", "jsonb", "{\"k\": null, \"n\": 1.10}"),
        ("j_show", "json", "{\"n\": 1.10}"),
    ] {
        assert_eq!(text_of(&alice, column).await, wanted);
        let select = format!("SELECT {column} FROM typed WHERE id = 1");
        let row = alice.query_one(&select, &[]).await.expect(column);
        let cast = format!("SELECT '{wanted}'::{kind}");
        let same = direct.query_one(&cast, &[]).await.expect(&cast);
        assert_eq!(raw(&row), raw(&same), "{column} in binary");
    }
}

/// The values of the first column, in text.
async fn values(client: &tokio_postgres::Client, text: &str) -> Vec<Option<String>> {
    let said = client.simple_query(text).await.expect(text);
    let value = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => Some(row.get(0).map(str::to_owned)),
        _ => None,
    };
    said.iter().filter_map(value).collect()
}

/// The text form of a column in the first row.
async fn text_of(client: &tokio_postgres::Client, column: &str) -> String {
    let select = format!("SELECT {column} FROM typed WHERE id = 1");
    let shown = values(client, &select).await.swap_remove(0);
    shown.expect("a value")
}

#[tokio::test]
async fn what_no_value_fits_is_null() {
    let gateway = gateway().await;
    let alice = gateway.connect(Person::Alice).await;
    for column in [
        "w_inet",
        "w_enum",
        "w_int4",
        "w_vector",
        "h_date",
        "k_numbers",
    ] {
        let select = format!("SELECT {column} IS NULL FROM typed");
        assert!(
            alice.query(&select, &[]).await.is_err(),
            "{column} is protected"
        );
        let select = format!("SELECT {column} FROM typed WHERE id = 1");
        assert_eq!(values(&alice, &select).await, [None], "{column}");
    }
}

/// What PostgreSQL has made a `name` of on its way ends where the value does not.
#[tokio::test]
async fn no_end_is_kept_of_what_was_cut() {
    const TABLE: &str = "
        CREATE TABLE letters (id int PRIMARY KEY, k_long varchar, k_texts varchar[]);
        INSERT INTO letters SELECT 1, of_it, ARRAY[of_it::varchar] FROM repeat('secret', 20) of_it;";
    let gateway = gateway().await;
    let direct = gateway.place().direct().await;
    direct.batch_execute(TABLE).await.expect("the table");
    let alice = gateway.connect(Person::Alice).await;
    for text in [
        "SELECT k_long FROM letters UNION ALL SELECT current_user",
        "SELECT q.k FROM (SELECT k_long AS k FROM letters UNION ALL SELECT current_user) q \
         UNION ALL SELECT ''::text",
        "SELECT q.k FROM (SELECT k_texts AS k FROM letters UNION ALL SELECT current_schemas(true)) q \
         UNION ALL SELECT ARRAY[''::text]",
    ] {
        let raw = values(&direct, text).await.swap_remove(0).expect("a value");
        assert!(raw.contains("secretsec") && raw.len() < 70, "{text}: {raw}");
        let shown = values(&alice, text).await.swap_remove(0);
        let shown = shown.unwrap_or_default();
        assert!(
            !shown.contains(|one: char| one.is_ascii_lowercase()),
            "{text}: {shown}"
        );
    }
    let whole = values(&alice, "SELECT k_long FROM letters").await;
    assert!(
        whole[0]
            .as_deref()
            .is_some_and(|value| value.ends_with("**et")),
        "{whole:?}"
    );
}

/// A policy that transforms values itself is told the column that it has named.
#[tokio::test]
async fn what_is_masked_for_another_column_is_masked_as_that() {
    const TABLES: &str = "
        CREATE TABLE addresses (id int PRIMARY KEY, mail text UNIQUE, card text);
        INSERT INTO addresses VALUES (1, 'zoe.quill@example.org', '4111111111111111');
        CREATE VIEW contacts AS SELECT id, mail AS email, card AS j_hide FROM addresses;
        CREATE TABLE logins (name text REFERENCES addresses (mail));
        INSERT INTO logins SELECT mail FROM addresses;";
    let gateway = gateway().await;
    let direct = gateway.place().direct().await;
    direct.batch_execute(TABLES).await.expect("they are made");
    let alice = gateway.connect(Person::Alice).await;
    for text in [
        "SELECT mail FROM addresses",
        "SELECT email FROM contacts",
        "SELECT name FROM logins",
        "SELECT mail FROM addresses UNION ALL SELECT email FROM contacts",
    ] {
        let shown = values(&alice, text).await;
        assert_eq!(shown[0].as_deref(), Some("z***@example.org"), "{text}");
    }
    let shown = values(&alice, "SELECT card FROM addresses").await;
    assert_eq!(shown, [None], "what no mask fits is NULL");
}

/// A value that is transformed by two rules is NULL, and what goes into a column that is named is not what
/// that is.
#[tokio::test]
async fn what_is_transformed_by_two_rules_is_null() {
    const TABLES: &str = "
        CREATE TABLE documents (id int PRIMARY KEY, j_hide jsonb);
        INSERT INTO documents VALUES (1, '{\"k\": 1, \"m\": 2}'), (2, '{\"n\": 2}');
        CREATE VIEW shown_documents AS SELECT id, j_hide AS j_show FROM documents;
        CREATE TABLE hides (id int, j_hide jsonb);
        INSERT INTO hides TABLE documents;
        CREATE TABLE shows (j_show jsonb);
        CREATE TABLE wholes (id int PRIMARY KEY, document jsonb, address inet);
        INSERT INTO wholes VALUES (1, '{\"k\": 1, \"p\": {\"k\": 2}}', '10.1.2.3');
        CREATE VIEW parts AS SELECT id, document -> 'p' AS j_hide, host(address) AS email FROM wholes;
        CREATE TABLE nested (j_hide jsonb);
        INSERT INTO nested VALUES ('{\"n\": 1}');
        CREATE VIEW nested_parts AS SELECT j_hide -> 'p' AS j_show FROM nested;
        CREATE TABLE raws (raw varchar(100));
        INSERT INTO raws VALUES ('zoe.quill@example.org');
        CREATE MATERIALIZED VIEW kept AS SELECT raw AS email FROM raws;
        CREATE TABLE leads (id int, email text) PARTITION BY LIST (id);
        CREATE TABLE leads_one PARTITION OF leads FOR VALUES IN (1);
        INSERT INTO leads VALUES (1, 'zoe.quill@example.org');
        CREATE VIEW low_leads AS SELECT lower(email) AS email FROM leads;
        CREATE TABLE twins (j_hide jsonb);
        INSERT INTO twins VALUES ('{\"p\": {\"card\": 4111}}');
        CREATE VIEW nested_twins AS SELECT j_hide -> 'p' AS j_hide FROM twins;
        CREATE TABLE mixed (document jsonb);
        INSERT INTO mixed VALUES ('{\"p\": {\"k\": 4111}}');
        CREATE VIEW mixed_parts AS SELECT document AS j_hide FROM mixed UNION ALL SELECT document -> 'p' FROM mixed;
        CREATE TABLE drafts (id int, j_hide jsonb) PARTITION BY LIST (id);
        CREATE TABLE drafts_one PARTITION OF drafts FOR VALUES IN (1);
        INSERT INTO drafts VALUES (1, '{\"card\": 4111}');
        CREATE TABLE tails (number text);
        INSERT INTO tails VALUES ('4111-1111');
        CREATE VIEW backwards AS SELECT reverse(number) AS phone FROM tails;";
    let gateway = gateway().await;
    let direct = gateway.place().direct().await;
    direct.batch_execute(TABLES).await.expect("they are made");
    let alice = gateway.connect(Person::Alice).await;
    for (text, expected) in [
        (
            "SELECT j_hide FROM documents ORDER BY id",
            [None, None].as_slice(),
        ),
        (
            "SELECT j_show FROM shown_documents ORDER BY id",
            &[None, None],
        ),
        (
            "SELECT j_hide FROM hides UNION ALL SELECT j_show FROM shows",
            &[None, None],
        ),
        ("SELECT j_hide FROM nested", &[None]),
        ("SELECT j_hide FROM twins", &[None]),
        ("SELECT document FROM mixed", &[None]),
        ("SELECT j_hide FROM drafts", &[None]),
        ("SELECT j_hide FROM drafts_one", &[None]),
        ("SELECT number FROM tails", &[None]),
        ("SELECT document FROM wholes", &[None]),
        ("SELECT address FROM wholes", &[None]),
        (
            "SELECT email FROM leads UNION ALL SELECT phone FROM customers WHERE id = 0",
            &[None],
        ),
        (
            "SELECT 'x'::name WHERE false UNION ALL SELECT email FROM leads",
            &[None],
        ),
        ("SELECT raw FROM raws", &[Some("z***@example.org")]),
        ("SELECT email FROM kept", &[Some("z***@example.org")]),
        ("SELECT email FROM leads", &[Some("z***@example.org")]),
        ("SELECT email FROM leads_one", &[Some("z***@example.org")]),
    ] {
        let shown = values(&alice, text).await;
        let shown: Vec<Option<&str>> = shown.iter().map(Option::as_deref).collect();
        assert_eq!(shown, expected, "{text}");
    }
}

/// A rule goes for a column under its new name, and where another rule names that, neither goes.
#[tokio::test]
async fn what_is_renamed_is_transformed_as_before() {
    const TABLE: &str = "
        CREATE TABLE renamed (id int PRIMARY KEY, email text, j_hide jsonb, kept text);
        INSERT INTO renamed VALUES (1, 'zoe.quill@example.org', '{\"n\": 1}', 'x');";
    let gateway = gateway().await;
    let direct = gateway.place().direct().await;
    direct.batch_execute(TABLE).await.expect("it is made");
    let alice = gateway.connect(Person::Alice).await;
    let before = values(&alice, "SELECT email FROM renamed").await;
    assert_eq!(before[0].as_deref(), Some("z***@example.org"));
    let dora = gateway.connect(Person::Dora).await;
    for text in [
        "ALTER TABLE renamed RENAME email TO login",
        "ALTER TABLE renamed RENAME j_hide TO j_show",
    ] {
        dora.batch_execute(text).await.expect(text);
    }
    // What was judged under the first name does not hold again.
    assert_eq!(
        values(&alice, "SELECT kept FROM renamed").await,
        [Some("x".to_owned())]
    );
    for text in [
        "ALTER TABLE renamed RENAME kept TO email",
        "UPDATE renamed SET email = 'zoe.quill@example.org'",
        "ALTER TABLE renamed RENAME email TO kept",
    ] {
        dora.batch_execute(text).await.expect(text);
    }
    let back = values(&alice, "SELECT kept FROM renamed").await;
    assert_eq!(back[0].as_deref(), Some("z***@example.org"));
    let after = values(&alice, "SELECT login FROM renamed").await;
    assert_eq!(after[0].as_deref(), Some("z***@example.org"));
    let both = values(&alice, "SELECT j_show FROM renamed").await;
    assert_eq!(both, [None]);
}
