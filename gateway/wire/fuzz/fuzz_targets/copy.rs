//! Rows of COPY data kept are the same bytes; rows rewritten read as what was written.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use wire::batch::{Wanted, Written};
use wire::copy::{Csv, ForceQuote, Format, Part, Row, Rows, Text};

type Values = Vec<Option<Vec<u8>>>;

const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

fuzz_target!(|input: (u8, u8, Vec<u8>, Values)| {
    let (choice, columns, data, values) = input;
    let (format, data) = chosen(choice, data);
    let columns = usize::from(columns % 5);
    let wanted = Wanted::new(columns, 0..columns).expect("they ascend");
    let mut rows = Rows::new(format.clone(), wanted.clone());
    let Ok(Part::Row(row)) = rows.read(&data) else {
        return;
    };
    assert_eq!(written(&row, |_| None), data);
    if values.len() < columns {
        return;
    }
    // PostgreSQL's way with NULL '' and the like is ambiguous; the values then are, too.
    let data = written(&row, |k| Some(values[k].clone()));
    let mut rows = Rows::new(format.clone(), wanted);
    let Ok(Part::Row(row)) = rows.read(&data) else {
        panic!("no row: {}", data.escape_ascii());
    };
    for (k, value) in values.iter().enumerate().take(columns) {
        let read = row.value(k).map(|read| read.into_owned());
        match (&format, value) {
            (Format::Text(Text { null, .. }), None) if null != "\\N" => assert!(read.is_some()),
            _ => assert_eq!(read, *value),
        }
    }
});

fn chosen(choice: u8, data: Vec<u8>) -> (Format, Vec<u8>) {
    let line = |format| (format, [data.as_slice(), b"\n"].concat());
    match choice % 6 {
        0 => line(Format::Text(Text::default())),
        1 => line(Format::Text(Text {
            delimiter: b'|',
            null: "x".into(),
            header: false,
        })),
        2 => line(Format::Csv(Csv::default())),
        3 => line(Format::Csv(Csv {
            force_quote: ForceQuote::All,
            ..Csv::default()
        })),
        4 => line(Format::Csv(Csv {
            quote: b'\'',
            escape: b'!',
            delimiter: b';',
            null: "NIL".into(),
            ..Csv::default()
        })),
        _ => (Format::Binary, [HEADER, &data].concat()),
    }
}

fn written(row: &Row<'_>, replacement: impl Fn(usize) -> Option<Option<Vec<u8>>>) -> Vec<u8> {
    let mut out = BytesMut::new();
    let result = row.write(&mut out, |k, out| match replacement(k) {
        None => Written::Kept,
        Some(None) => Written::Null,
        Some(Some(value)) => {
            out.extend_from_slice(&value);
            Written::Value
        }
    });
    result.expect("small rows fit");
    out[wire::frame::HEADER_BYTES..].to_vec()
}
