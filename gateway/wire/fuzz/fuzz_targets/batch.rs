//! Rows kept are the same bytes; rows rewritten hold the replaced cells and the others as they were.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use wire::batch::{Batch, Index, Overwritten, Wanted, Written};
use wire::write;

type Row = Vec<Option<Vec<u8>>>;

fuzz_target!(|input: (u8, u8, Vec<Row>, &[u8])| {
    let (columns, mask, rows, raw) = input;
    let columns = usize::from(columns % 8);
    let positions = (0..columns).filter(|column| mask & (1 << column) != 0);
    let positions: Vec<_> = positions.collect();
    let wanted = Wanted::new(columns, positions.iter().copied()).expect("they ascend");

    let mut index = Index::default();
    if let Ok(batch) = Batch::read(raw, &wanted, &mut index) {
        check_kept(batch);
    }
    let rows: Vec<Row> = rows
        .into_iter()
        .filter(|row| row.len() == columns)
        .collect();
    let bytes = encoded(&rows);
    let batch = Batch::read(&bytes, &wanted, &mut index).expect("these rows are well formed");
    assert_eq!(batch.rows(), rows.len());
    check_kept(batch);
    check_replaced(batch, &rows, &positions, raw);
});

fn check_kept(batch: Batch<'_>) {
    let mut out = BytesMut::new();
    batch
        .rewrite(&mut out, |_, _, _| Written::Kept)
        .expect("it fitted before");
    assert_eq!(out, batch.bytes());
    out.clear();
    let overwritten = batch.overwrite(&mut out, |_, _, _| Overwritten::Done);
    assert_eq!(
        (overwritten, out.as_ref()),
        (Overwritten::Done, batch.bytes())
    );
    for k in 0..batch.width() {
        assert_eq!(batch.column(k).len(), batch.rows());
    }
}

/// Replaces by turns: kept, NULL, these bytes, one byte more than there was.
fn check_replaced(batch: Batch<'_>, rows: &[Row], positions: &[usize], bytes: &[u8]) {
    let mut expected = rows.to_vec();
    let mut out = BytesMut::new();
    let rewritten = batch.rewrite(&mut out, |row, k, out| {
        let cell = &mut expected[row][positions[k]];
        assert_eq!(batch.value(row, k), cell.as_deref());
        let value = match (row + k) % 4 {
            0 => return Written::Kept,
            1 => {
                *cell = None;
                return Written::Null;
            }
            2 => bytes.to_vec(),
            _ => [cell.take().unwrap_or_default(), b"+".to_vec()].concat(),
        };
        out.extend_from_slice(&value);
        *cell = Some(value);
        Written::Value
    });
    rewritten.expect("small rows fit");
    assert_eq!(out, encoded(&expected));
}

fn encoded(rows: &[Row]) -> BytesMut {
    let mut out = BytesMut::new();
    for row in rows {
        let values: Vec<_> = row.iter().map(Option::as_deref).collect();
        write::data_row(&mut out, &values).expect("small rows fit");
    }
    out
}
