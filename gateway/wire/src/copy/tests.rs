use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::{Csv, Error, ForceQuote, Format, Part, Rows, Text};
use crate::batch::{Wanted, Written};
use crate::write;

type Values = Vec<Option<Vec<u8>>>;

fn text() -> Format {
    Format::Text(Text::default())
}

fn csv() -> Format {
    Format::Csv(Csv::default())
}

/// Quotes, escapes and delimiters of its own, and NULL by a word.
fn odd_csv() -> Format {
    let null = Bytes::from_static(b"NIL");
    Format::Csv(Csv {
        quote: b'\'',
        escape: b'!',
        delimiter: b';',
        null,
        ..Csv::default()
    })
}

fn all(columns: usize) -> Wanted {
    Wanted::new(columns, 0..columns).unwrap()
}

/// The values of a row of which all columns are wanted.
fn values(rows: &mut Rows, data: &[u8]) -> Result<Option<Values>, Error> {
    match rows.read(data)? {
        Part::Passing => Ok(None),
        Part::Row(row) => {
            let value = |k| row.value(k).map(|value| value.into_owned());
            Ok(Some((0..row.width()).map(value).collect()))
        }
    }
}

fn row(cells: &[Option<&str>]) -> Option<Values> {
    Some(
        cells
            .iter()
            .map(|cell| cell.map(|text| text.as_bytes().to_vec()))
            .collect(),
    )
}

#[track_caller]
fn check(format: Format, data: &[u8], expected: &[Option<&str>]) {
    let mut rows = Rows::new(format, all(expected.len()));
    assert_eq!(
        values(&mut rows, data),
        Ok(row(expected)),
        "{}",
        data.escape_ascii()
    );
}

#[track_caller]
fn check_problem(format: Format, columns: usize, data: &[u8], problem: &str) {
    let error = values(&mut Rows::new(format, all(columns)), data).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("CopyData: {problem}"),
        "{}",
        data.escape_ascii()
    );
}

/// One row with every cell of the wanted column replaced by a value, or by NULL.
fn replaced(format: Format, wanted: Wanted, data: &[u8], with: Option<&str>) -> Vec<u8> {
    let (mut message, mut out) = (BytesMut::new(), BytesMut::new());
    write::copy_data(&mut message, data).unwrap();
    let replacement = |_, _: Option<&[u8]>, out: &mut BytesMut| match with {
        None => Written::Null,
        Some(text) => {
            out.extend_from_slice(text.as_bytes());
            Written::Value
        }
    };
    Rows::new(format, wanted)
        .rewrite(&message, &mut out, replacement)
        .unwrap();
    let body = &out[5..];
    assert_eq!(out[1..5], (body.len() as u32 + 4).to_be_bytes());
    body.to_vec()
}

#[test]
fn text_of_postgresql_is_read() {
    check(
        text(),
        b"1\tann@example.org\t\\N\n",
        &[Some("1"), Some("ann@example.org"), None],
    );
    check(
        text(),
        b"2\ta\\tb\\\\c\\nd\t\n",
        &[Some("2"), Some("a\tb\\c\nd"), Some("")],
    );
    check(text(), b"3\t\\N\t\\\\.\n", &[Some("3"), None, Some("\\.")]);
    let bar = Format::Text(Text {
        delimiter: b'|',
        ..Text::default()
    });
    check(bar, b"a\\|b\n", &[Some("a|b")]);
    check(text(), b"\n", &[]);
}

#[test]
fn text_escapes_are_those_of_the_copy_page() {
    check(
        text(),
        b"\\b\\f\\n\\r\\t\\v\n",
        &[Some("\x08\x0c\n\r\t\x0b")],
    );
    check(
        text(),
        b"\\101\\7x\\1011\\x41\\x4g\\xg\\q\\N_\n",
        &[Some("A\x07xA1A\x04gxgqN_")],
    );
    let mut rows = Rows::new(text(), all(1));
    assert_eq!(
        values(&mut rows, b"\\777\\xff\n"),
        Ok(Some(vec![Some(vec![0xff, 0xff])]))
    );
}

#[test]
fn a_null_string_that_may_be_a_value_is_taken_for_one() {
    for null in ["", "x", "\\\\", "\\t"] {
        let format = Text {
            null: Bytes::from_static(null.as_bytes()),
            ..Text::default()
        };
        let mut rows = Rows::new(Format::Text(format), all(1));
        let read = values(&mut rows, &[null.as_bytes(), b"\n"].concat())
            .unwrap()
            .unwrap();
        assert!(read[0].is_some(), "{null}");
    }
}

#[test]
fn the_end_of_text_may_pass_and_nothing_after_it() {
    let mut rows = Rows::new(text(), all(1));
    assert_eq!(values(&mut rows, b"x\n"), Ok(row(&[Some("x")])));
    assert_eq!(values(&mut rows, b"\\.\n"), Ok(None));
    assert!(values(&mut rows, b"x\n").is_err());
}

#[test]
fn a_header_line_passes_once() {
    let text = Text {
        header: true,
        ..Text::default()
    };
    let csv = Csv {
        header: true,
        ..Csv::default()
    };
    for format in [Format::Text(text), Format::Csv(csv)] {
        let mut narrow = Rows::new(format.clone(), all(2));
        assert!(values(&mut narrow, b"email\n").is_err());
        let mut rows = Rows::new(format, all(1));
        assert_eq!(values(&mut rows, b"email\n"), Ok(None));
        assert_eq!(values(&mut rows, b"ann\n"), Ok(row(&[Some("ann")])));
    }
}

#[test]
fn malformed_text_is_refused() {
    check_problem(text(), 1, b"x", "a row does not end with a newline");
    check_problem(text(), 1, b"x\\\n", "a row ends in an escape");
    check_problem(text(), 1, b"x\ny\n", "there is a newline within a row");
    check_problem(text(), 1, b"x\ty\n", "2 columns where 1 are expected");
    check_problem(text(), 2, b"x\n", "1 columns where 2 are expected");
    check_problem(text(), 0, b"x\n", "1 columns where 0 are expected");
}

#[test]
fn an_error_ends_the_data() {
    let mut rows = Rows::new(text(), all(1));
    assert!(values(&mut rows, b"x\ty\n").is_err());
    assert!(values(&mut rows, b"x\n").is_err());
}

#[test]
fn csv_of_postgresql_is_read() {
    check(
        csv(),
        b"1,ann@example.org,\n",
        &[Some("1"), Some("ann@example.org"), None],
    );
    check(
        csv(),
        b"2,\"a\tb\\c\nd\",\"\"\n",
        &[Some("2"), Some("a\tb\\c\nd"), Some("")],
    );
    check(csv(), b"3,,\\.\n", &[Some("3"), None, Some("\\.")]);
    check(csv(), b"\"\\.\"\n", &[Some("\\.")]);
    check(csv(), b"\"say \"\"hi\"\"\"\n", &[Some("say \"hi\"")]);
    check(csv(), b"\n", &[None]);
    check(csv(), b"\n", &[]);
    check(odd_csv(), b"3;NIL;\\.\n", &[Some("3"), None, Some("\\.")]);
    check(
        odd_csv(),
        b"'a!'b!!c;!d';'NIL'\n",
        &[Some("a'b!c;!d"), Some("NIL")],
    );
}

#[test]
fn quotes_may_stand_within_a_cell() {
    check(csv(), b"a\"b,c\"d,\"\"e\n", &[Some("ab,cd"), Some("e")]);
}

#[test]
fn malformed_csv_is_refused() {
    check_problem(csv(), 1, b"\"x\n", "a quote is not closed");
    check_problem(csv(), 1, b"x\ny\n", "there is a newline within a row");
    check_problem(csv(), 1, b"x,y\n", "2 columns where 1 are expected");
    check_problem(csv(), 1, b"\"x\"", "a row does not end with a newline");
}

const FIRST: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\
    \0\x03\0\0\0\x04\0\0\0\x01\0\0\0\x0fann@example.org\xff\xff\xff\xff";

#[test]
fn binary_of_postgresql_is_read() {
    let mut rows = Rows::new(Format::Binary, all(3));
    assert_eq!(
        values(&mut rows, FIRST),
        Ok(row(&[Some("\0\0\0\x01"), Some("ann@example.org"), None]))
    );
    let second = b"\0\x03\0\0\0\x04\0\0\0\x03\xff\xff\xff\xff\0\0\0\0";
    assert_eq!(
        values(&mut rows, second),
        Ok(row(&[Some("\0\0\0\x03"), None, Some("")]))
    );
    assert_eq!(values(&mut rows, b"\xff\xff"), Ok(None));
    assert!(values(&mut rows, b"\xff\xff").is_err());
}

#[test]
fn a_binary_header_may_come_alone_or_with_the_end() {
    let header = &FIRST[..19];
    let mut rows = Rows::new(Format::Binary, all(1));
    assert_eq!(values(&mut rows, &[header, b"\xff\xff"].concat()), Ok(None));
    let mut rows = Rows::new(Format::Binary, all(1));
    assert_eq!(values(&mut rows, header), Ok(None));
    assert_eq!(
        values(&mut rows, b"\0\x01\0\0\0\x01x"),
        Ok(row(&[Some("x")]))
    );
    let extended = [&header[..15], b"\0\0\0\x02ab", b"\0\x01\0\0\0\x01x"].concat();
    let mut rows = Rows::new(Format::Binary, all(1));
    assert_eq!(values(&mut rows, &extended), Ok(row(&[Some("x")])));
}

#[test]
fn malformed_binary_is_refused() {
    let read = |data: &[u8]| values(&mut Rows::new(Format::Binary, all(3)), data).unwrap_err();
    assert!(matches!(read(b"PGCOPY\r\n\0\0\0\0"), Error::CopyRow { .. }));
    assert!(matches!(read(b"PGCOPY"), Error::Truncated { .. }));
    assert!(matches!(
        read(&FIRST[..FIRST.len() - 1]),
        Error::Truncated { .. }
    ));
    assert!(matches!(
        read(&[FIRST, b"x"].concat()),
        Error::Trailing { bytes: 1, .. }
    ));
    let oids = [&FIRST[..11], b"\0\x01\0\0", &FIRST[15..]].concat();
    assert!(matches!(
        read(&oids),
        Error::BadValue { field: "flags", .. }
    ));
    let two = [&FIRST[..19], b"\0\x02\xff\xff\xff\xff\xff\xff\xff\xff"].concat();
    assert!(matches!(
        read(&two),
        Error::ColumnCount {
            expected: 3,
            found: 2,
            ..
        }
    ));
    let negative = [&FIRST[..19], b"\xff\xfe"].concat();
    assert!(matches!(read(&negative), Error::BadValue { value: -2, .. }));
}

#[test]
fn replaced_cells_are_escaped_and_others_stay_as_they_were() {
    let second = || Wanted::new(3, [1]).unwrap();
    let data = b"\\x31\tann\t\\101\n";
    assert_eq!(
        replaced(text(), second(), data, Some("a\tb\\")),
        b"\\x31\ta\\tb\\\\\t\\101\n"
    );
    assert_eq!(
        replaced(text(), second(), data, None),
        b"\\x31\t\\N\t\\101\n"
    );
    let data = b"\"1\",ann,\n";
    assert_eq!(
        replaced(csv(), second(), data, Some("a\"b")),
        b"\"1\",\"a\"\"b\",\n"
    );
    assert_eq!(
        replaced(csv(), second(), data, Some("***")),
        b"\"1\",***,\n"
    );
    assert_eq!(replaced(csv(), second(), data, Some("")), b"\"1\",\"\",\n");
    assert_eq!(replaced(csv(), second(), data, None), b"\"1\",,\n");
    assert_eq!(
        replaced(odd_csv(), second(), b"1;a;2\n", Some("!'")),
        b"1;'!!!'';2\n"
    );
    let null = replaced(Format::Binary, second(), FIRST, None);
    assert_eq!(
        null,
        [&FIRST[..29], b"\xff\xff\xff\xff\xff\xff\xff\xff"].concat()
    );
}

#[test]
fn csv_quotes_what_postgresql_quotes() {
    let force = |force_quote| {
        Format::Csv(Csv {
            force_quote,
            ..Csv::default()
        })
    };
    let first = || Wanted::new(2, [0]).unwrap();
    assert_eq!(
        replaced(force(ForceQuote::All), first(), b"a,b\n", Some("*")),
        b"\"*\",b\n"
    );
    let columns = ForceQuote::Columns(vec![0]);
    assert_eq!(
        replaced(force(columns), first(), b"a,b\n", Some("*")),
        b"\"*\",b\n"
    );
    let columns = ForceQuote::Columns(vec![1]);
    assert_eq!(
        replaced(force(columns), first(), b"a,b\n", Some("*")),
        b"*,b\n"
    );
    assert_eq!(
        replaced(force(ForceQuote::All), first(), b"a,b\n", None),
        b",b\n"
    );
    assert_eq!(replaced(csv(), all(1), b"a\n", Some("\\.")), b"\"\\.\"\n");
    assert_eq!(replaced(csv(), first(), b"a,b\n", Some("\\.")), b"\\.,b\n");
    assert_eq!(
        replaced(odd_csv(), first(), b"a;b\n", Some("NIL")),
        b"'NIL';b\n"
    );
}

#[test]
fn rows_do_not_show_their_values() {
    let mut rows = Rows::new(text(), all(1));
    assert_eq!(
        format!("{:?}", rows.read(b"ann\n").unwrap()),
        "Row(Row { width: 1, .. })"
    );
}

#[test]
fn messages_are_rewritten_whole_or_not_at_all() {
    let mut messages = BytesMut::new();
    write::copy_data(&mut messages, b"a\tb\n").unwrap();
    write::copy_data(&mut messages, b"c\n").unwrap();
    let mut out = BytesMut::from("before");
    let mut rows = Rows::new(text(), all(2));
    assert!(
        rows.rewrite(&messages, &mut out, |_, _, _| Written::Null)
            .is_err()
    );
    assert_eq!(out, "before");
    let mut rows = Rows::new(text(), all(2));
    let cut = &messages[..messages.len() - 1];
    assert!(
        rows.rewrite(&cut[..12], &mut out, |_, _, _| Written::Null)
            .is_err()
    );
    let mut rows = Rows::new(text(), all(2));
    assert!(
        rows.rewrite(b"D\0\0\0\x04", &mut out, |_, _, _| Written::Null)
            .is_err()
    );
    assert_eq!(out, "before");
}

fn formats() -> impl Strategy<Value = Format> {
    let bar = Text {
        delimiter: b'|',
        ..Text::default()
    };
    let forced = Csv {
        force_quote: ForceQuote::All,
        ..Csv::default()
    };
    prop_oneof![
        Just(text()),
        Just(Format::Text(bar)),
        Just(csv()),
        Just(Format::Csv(forced)),
        Just(odd_csv()),
        Just(Format::Binary),
    ]
}

/// Bytes that mean something to one of the formats, mostly.
fn special() -> impl Strategy<Value = Vec<u8>> {
    vec(
        prop_oneof![
            proptest::sample::select(b"\t\n\r\\\"'!;,|N.x17\0".to_vec()),
            any::<u8>(),
        ],
        0..12,
    )
}

/// A row without values: as many NULLs, to be replaced.
fn nulls(format: &Format, columns: usize) -> Vec<u8> {
    match format {
        Format::Text(Text {
            delimiter, null, ..
        })
        | Format::Csv(Csv {
            delimiter, null, ..
        }) => [
            vec![null.as_ref(); columns].join([*delimiter].as_slice()),
            b"\n".to_vec(),
        ]
        .concat(),
        Format::Binary => {
            let count = (columns as i16).to_be_bytes();
            [&FIRST[..19], &count, &vec![0xff; 4 * columns]].concat()
        }
    }
}

fn rewritten(format: &Format, data: &[u8], with: &[Option<Option<Vec<u8>>>]) -> Vec<u8> {
    let mut rows = Rows::new(format.clone(), all(with.len()));
    let Part::Row(row) = rows.read(data).unwrap() else {
        panic!("not a row: {}", data.escape_ascii());
    };
    let mut out = BytesMut::new();
    row.write(&mut out, |k, out| match &with[k] {
        None => Written::Kept,
        Some(None) => Written::Null,
        Some(Some(value)) => {
            out.extend_from_slice(value);
            Written::Value
        }
    })
    .unwrap();
    out[5..].to_vec()
}

proptest! {
    #[test]
    fn written_values_are_read_back(
        format in formats(),
        row in vec(option::of(special()), 1..5),
        changes in vec(option::of(option::of(special())), 5),
    ) {
        let fresh: Vec<_> = row.iter().cloned().map(Some).collect();
        let data = rewritten(&format, &nulls(&format, row.len()), &fresh);
        let mut rows = Rows::new(format.clone(), all(row.len()));
        prop_assert_eq!(values(&mut rows, &data), Ok(Some(row.clone())));

        let changes = &changes[..row.len()];
        let changed = rewritten(&format, &data, changes);
        let expected = row.iter().zip(changes);
        let expected = expected.map(|(old, change)| change.clone().unwrap_or(old.clone()));
        let mut rows = Rows::new(format.clone(), all(row.len()));
        prop_assert_eq!(values(&mut rows, &changed), Ok(Some(expected.collect())));
        if changes.iter().all(Option::is_none) {
            prop_assert_eq!(changed, data);
        }
    }

    #[test]
    fn no_bytes_panic(format in formats(), columns in 0usize..4, data in special()) {
        let header = matches!(format, Format::Binary).then_some(&FIRST[..19]).unwrap_or_default();
        for data in [data.clone(), [header, &data].concat(), [data, b"\n".to_vec()].concat()] {
            if let Ok(Part::Row(row)) = Rows::new(format.clone(), all(columns)).read(&data) {
                let mut out = BytesMut::new();
                row.write(&mut out, |k, _| {
                    let _ = row.value(k);
                    Written::Kept
                }).unwrap();
                prop_assert!(out[5..] == data);
            }
        }
    }
}
