//! Policies compiled for this machine and not to Wasm.

use bytes::BytesMut;
use sluice_sdk::{Chunk, Column, Facts, ResultColumn, Transform, Values};
use wire::batch::{Batch, Index, Wanted, Written};

use crate::people::{self, EMAIL};

/// What masks rows by a policy itself: reads, transforms and rewrites them as the gateway does. What
/// Wasm costs is what the policy takes there beyond this.
///
/// # Panics
/// The policy does not take the rows, which are whole: the benchmark is wrong.
pub fn masker(policy: impl Transform) -> impl FnMut(&[u8], &mut BytesMut) {
    let column = ResultColumn {
        position: EMAIL as u32,
        column: Column {
            relation_oid: 1,
            attribute: 1 + EMAIL as i16,
            schema: "public".to_owned(),
            relation: "people".to_owned(),
            name: "email".to_owned(),
            type_name: "text".to_owned(),
        },
        type_oid: 25,
        binary: false,
    };
    let wanted = Wanted::new(people::COLUMNS.len(), [EMAIL]).expect("there is such a column");
    let facts = Facts::fixed().with_rule(EMAIL as u32, 0);
    let mut index = Index::default();
    move |rows, out| {
        let batch = Batch::read(rows, &wanted, &mut index).expect("rows are rows");
        let values = Values::new(gathered(batch)).expect("it is whole");
        let masked = policy
            .transform(&facts, &column, values)
            .expect("it takes them");
        let rewritten = batch.rewrite(out, |row, _, out| {
            out.extend_from_slice(masked.get(row).unwrap_or_default());
            Written::Value
        });
        rewritten.expect("they fit");
    }
}

fn gathered(batch: Batch<'_>) -> Chunk {
    let mut chunk = Chunk {
        offsets: Vec::with_capacity(batch.rows() + 1),
        nulls: Vec::new(),
        data: Vec::new(),
    };
    chunk.offsets.push(0);
    for value in batch.column(0) {
        chunk.data.extend_from_slice(value.unwrap_or_default());
        chunk.offsets.push(chunk.data.len() as u32);
    }
    chunk
}
