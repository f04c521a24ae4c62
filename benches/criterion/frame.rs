//! Splitting bytes into messages: the time of one message.

use std::hint::black_box;

use bytes::BytesMut;
use criterion::Criterion;
use sluice_benches::people;
use sluice_benches::timing::{each, run};
use wire::client::{Bind, Formats, Target};
use wire::frame::{Frame, frames};
use wire::write;

/// Rows in a buffer of 64 KiB.
const ROWS: usize = 550;
/// Statements in flight.
const STATEMENTS: usize = 16;

fn main() {
    run(|criterion| {
        replies(criterion);
        requests(criterion);
    });
}

/// Rows that pass: only their headers are looked at.
fn replies(criterion: &mut Criterion) {
    let rows = people::rows(ROWS);
    criterion.bench_function("frame/headers of rows", |bencher| {
        each(bencher, ROWS, || {
            let mut seen = 0;
            for frame in frames(black_box(&rows), 1 << 30) {
                let (tag, message) = frame.expect("the rows are whole");
                seen += usize::from(tag) + message.len();
            }
            black_box(seen);
        });
    });
}

/// What a client sends to run a prepared statement: each message is taken out of the buffer.
fn requests(criterion: &mut Criterion) {
    let mut sent = BytesMut::new();
    for _ in 0..STATEMENTS {
        run_prepared(&mut sent).expect("a short request can be written");
    }
    criterion.bench_function("frame/requests taken", |bencher| {
        each(bencher, STATEMENTS * 4, || {
            let mut buffer = BytesMut::from(&black_box(&sent)[..]);
            while let Ok(Some(frame)) = Frame::take(&mut buffer, 1 << 20) {
                black_box(frame);
            }
        });
    });
    criterion.bench_function("frame/Bind parsed", |bencher| {
        let bind = frames(&sent, 1 << 20).next();
        let (_, bind) = bind.expect("a Bind comes first").expect("it is whole");
        bencher.iter(|| black_box(Bind::parse(black_box(&bind[5..]))).is_ok());
    });
}

fn run_prepared(out: &mut BytesMut) -> Result<(), wire::Error> {
    let formats = Formats::default();
    write::bind(out, "", "P0_1", &formats, &[Some(b"123456")], &formats)?;
    write::describe(out, Target::Portal(""))?;
    write::execute(out, "", 0)?;
    write::sync(out);
    Ok(())
}
