use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Strategy, any, prop_assert_eq, prop_oneof, proptest};

use super::{Batch, BytesMut, Error, Index, Overwritten, Wanted, Written};
use crate::write;

type Row = Vec<Option<Vec<u8>>>;

fn encoded(rows: &[Row]) -> BytesMut {
    let mut out = BytesMut::new();
    for row in rows {
        let values: Vec<_> = row.iter().map(Option::as_deref).collect();
        write::data_row(&mut out, &values).unwrap();
    }
    out
}

fn row(values: &[Option<&str>]) -> Row {
    values
        .iter()
        .map(|value| value.map(|text| text.as_bytes().to_vec()))
        .collect()
}

fn people() -> Vec<Row> {
    vec![
        row(&[Some("1"), Some("ann@example.org"), None]),
        row(&[Some("2"), None, Some("")]),
        row(&[Some("3"), Some("bob@example.org"), Some("x")]),
    ]
}

fn wanted(columns: usize, positions: &[usize]) -> Wanted {
    Wanted::new(columns, positions.iter().copied()).unwrap()
}

fn read_error(bytes: &[u8], columns: usize) -> Error {
    let last = columns.checked_sub(1);
    let wanted = Wanted::new(columns, last).unwrap();
    Batch::read(bytes, &wanted, &mut Index::default()).unwrap_err()
}

#[test]
fn wanted_columns_ascend_and_exist() {
    assert!(Wanted::new(3, [0, 2]).is_ok());
    assert!(Wanted::new(0, []).is_ok());
    let error = Error::BadWanted { columns: 3 };
    for positions in [vec![2, 0], vec![1, 1], vec![3], vec![1 << 20]] {
        assert_eq!(Wanted::new(3, positions), Err(error.clone()));
    }
}

#[test]
fn values_are_found_by_row_and_column() {
    let bytes = encoded(&people());
    let (wanted, mut index) = (wanted(3, &[1, 2]), Index::default());
    let batch = Batch::read(&bytes, &wanted, &mut index).unwrap();
    assert_eq!((batch.rows(), batch.width()), (3, 2));
    let emails: Vec<_> = batch.column(0).collect();
    assert_eq!(
        emails,
        [
            Some(b"ann@example.org".as_slice()),
            None,
            Some(b"bob@example.org")
        ]
    );
    assert_eq!(batch.value(1, 1), Some(b"".as_slice()));
    assert_eq!(batch.cell(0, 1), None);
    assert_eq!(&bytes[batch.cell(2, 1).unwrap()], b"x");
    assert_eq!(format!("{batch:?}"), "Batch { rows: 3, width: 2, .. }");
    assert_eq!((batch.cell(3, 0), batch.cell(0, 2)), (None, None));
    assert_eq!(batch.column(2).count(), 0);
}

#[test]
fn cells_are_replaced_by_values_of_any_length() {
    let bytes = encoded(&people());
    let (wanted, mut index) = (wanted(3, &[1]), Index::default());
    let batch = Batch::read(&bytes, &wanted, &mut index).unwrap();
    let mut out = BytesMut::from("before");
    batch
        .rewrite(&mut out, |row, _, out| match row {
            0 => {
                out.extend_from_slice(b"***");
                Written::Value
            }
            1 => Written::Value,
            _ => Written::Null,
        })
        .unwrap();
    let expected = [
        row(&[Some("1"), Some("***"), None]),
        row(&[Some("2"), Some(""), Some("")]),
        row(&[Some("3"), None, Some("x")]),
    ];
    assert_eq!(out, [b"before".as_slice(), &encoded(&expected)].concat());
}

#[test]
fn what_was_appended_to_a_kept_cell_is_dropped() {
    let bytes = encoded(&people());
    let (wanted, mut index) = (wanted(3, &[0, 1]), Index::default());
    let batch = Batch::read(&bytes, &wanted, &mut index).unwrap();
    let mut out = BytesMut::new();
    let kept = |_, _, out: &mut BytesMut| {
        out.extend_from_slice(b"junk");
        Written::Kept
    };
    batch.rewrite(&mut out, kept).unwrap();
    assert_eq!(out, bytes);
}

#[test]
fn values_of_the_same_length_are_overwritten() {
    let bytes = encoded(&people());
    let (wanted, mut index) = (wanted(3, &[1]), Index::default());
    let batch = Batch::read(&bytes, &wanted, &mut index).unwrap();
    let mut out = BytesMut::new();
    let done = batch.overwrite(&mut out, |_, _, value| {
        value[1..].fill(b'*');
        Overwritten::Done
    });
    assert_eq!(done, Overwritten::Done);
    let expected = [
        row(&[Some("1"), Some("a**************"), None]),
        row(&[Some("2"), None, Some("")]),
        row(&[Some("3"), Some("b**************"), Some("x")]),
    ];
    assert_eq!(out, encoded(&expected));
}

#[test]
fn a_misfit_leaves_nothing_behind() {
    let bytes = encoded(&people());
    let (wanted, mut index) = (wanted(3, &[1]), Index::default());
    let batch = Batch::read(&bytes, &wanted, &mut index).unwrap();
    let mut out = BytesMut::from("before");
    let misfit = batch.overwrite(&mut out, |row, _, _| match row {
        0 => Overwritten::Done,
        _ => Overwritten::Misfit,
    });
    assert_eq!(
        (misfit, out),
        (Overwritten::Misfit, BytesMut::from("before"))
    );
}

#[test]
fn malformed_rows_are_refused() {
    let message = "DataRow";
    let bytes = encoded(&people());
    let count = Error::ColumnCount {
        message,
        expected: 2,
        found: 3,
    };
    assert_eq!(read_error(&bytes, 2), count);
    let cut = Error::Truncated {
        message,
        field: "row",
    };
    assert_eq!(read_error(&bytes[..bytes.len() - 1], 3), cut);
    assert_eq!(
        read_error(b"C\0\0\0\x06\0\0", 0),
        Error::OtherTag { message, tag: b'C' }
    );
    let short = Error::LengthTooSmall {
        message,
        length: 5,
        least: 6,
    };
    assert_eq!(read_error(b"D\0\0\0\x05\0\0", 0), short);
    let beyond = Error::Truncated {
        message,
        field: "column",
    };
    assert_eq!(read_error(b"D\0\0\0\x0b\0\x01\0\0\0\x02a", 1), beyond);
    let negative = Error::BadValue {
        message,
        field: "length of a column",
        value: -2,
    };
    assert_eq!(
        read_error(b"D\0\0\0\x0a\0\x01\xff\xff\xff\xfe", 1),
        negative
    );
    let missing = Error::Truncated {
        message,
        field: "length of a column",
    };
    assert_eq!(read_error(b"D\0\0\0\x08\0\x01\0\0", 1), missing);
    assert_eq!(
        read_error(b"D\0\0", 1),
        Error::Truncated {
            message,
            field: "header"
        }
    );
}

#[test]
fn rows_without_columns_are_rows() {
    let bytes = encoded(&[vec![], vec![]]);
    let (wanted, mut index) = (wanted(0, &[]), Index::default());
    let batch = Batch::read(&bytes, &wanted, &mut index).unwrap();
    assert_eq!(batch.rows(), 2);
    let mut out = BytesMut::new();
    batch.rewrite(&mut out, |_, _, _| Written::Null).unwrap();
    assert_eq!(out, bytes);
}

fn rows() -> impl Strategy<Value = (usize, Vec<Row>)> {
    (0usize..6).prop_flat_map(|columns| {
        let row = vec(option::of(vec(any::<u8>(), 0..10)), columns);
        vec(row, 0..6).prop_map(move |rows| (columns, rows))
    })
}

#[derive(Clone, Debug)]
enum Replacement {
    Kept,
    Null,
    Value(Vec<u8>),
}

fn replacement() -> impl Strategy<Value = Replacement> {
    prop_oneof![
        proptest::prelude::Just(Replacement::Kept),
        proptest::prelude::Just(Replacement::Null),
        vec(any::<u8>(), 0..12).prop_map(Replacement::Value),
    ]
}

proptest! {
    #[test]
    fn rewriting_is_as_if_rows_were_built_anew(
        (columns, rows) in rows(),
        mask in vec(any::<bool>(), 6),
        replacements in vec(replacement(), 36),
    ) {
        let positions: Vec<_> = (0..columns).filter(|column| mask[*column]).collect();
        let bytes = encoded(&rows);
        let (wanted, mut index) = (wanted(columns, &positions), Index::default());
        let batch = Batch::read(&bytes, &wanted, &mut index).unwrap();
        prop_assert_eq!(batch.rows(), rows.len());

        let mut expected = rows.clone();
        for (r, row) in rows.iter().enumerate() {
            for (k, position) in positions.iter().enumerate() {
                prop_assert_eq!(batch.value(r, k), row[*position].as_deref());
                match &replacements[r * 6 + k] {
                    Replacement::Kept => {}
                    Replacement::Null => expected[r][*position] = None,
                    Replacement::Value(value) => expected[r][*position] = Some(value.clone()),
                }
            }
        }
        let mut out = BytesMut::new();
        batch.rewrite(&mut out, |r, k, out| match &replacements[r * 6 + k] {
            Replacement::Kept => Written::Kept,
            Replacement::Null => Written::Null,
            Replacement::Value(value) => {
                out.extend_from_slice(value);
                Written::Value
            }
        }).unwrap();
        prop_assert_eq!(out, encoded(&expected));
    }

    #[test]
    fn a_cut_batch_is_refused((columns, rows) in rows()) {
        let bytes = encoded(&rows);
        let boundaries: Vec<_> =
            (0..=rows.len()).map(|count| encoded(&rows[..count]).len()).collect();
        let (wanted, mut index) = (wanted(columns, &[]), Index::default());
        for end in 0..=bytes.len() {
            let read = Batch::read(&bytes[..end], &wanted, &mut index);
            prop_assert_eq!(read.is_ok(), boundaries.contains(&end));
        }
    }

    #[test]
    fn no_bytes_panic(
        flips in vec((any::<usize>(), any::<u8>()), 0..4),
        (columns, rows) in rows(),
        junk in vec(any::<u8>(), 0..40),
    ) {
        let mut bytes = encoded(&rows);
        for (at, byte) in flips {
            let at = at % bytes.len().max(1);
            bytes.get_mut(at..=at).unwrap_or_default().fill(byte);
        }
        for bytes in [bytes.as_ref(), junk.as_slice()] {
            let (wanted, mut index) = (wanted(columns, &[columns / 2][..columns.min(1)]), Index::default());
            if let Ok(batch) = Batch::read(bytes, &wanted, &mut index) {
                let mut out = BytesMut::new();
                batch.rewrite(&mut out, |_, _, _| Written::Kept).unwrap();
                prop_assert_eq!(out.as_ref(), bytes);
            }
        }
    }
}
