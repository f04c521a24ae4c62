//! Finding personal data: bytes of text a second, on one core. The bar is 200 MB/s over a million
//! mixed rows.
//!
//! "Native" is the policy's own code without a gateway; "Wasm" is whole rows, cut out of PostgreSQL's
//! messages, looked at by the policy, and put back. "Asked elsewhere" is the least that a service would
//! cost that is asked for each value: a round trip on the same machine to one that looks at nothing.

use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use bytes::BytesMut;
use criterion::{Criterion, Throughput};
use detect::find::{Finder, Nearby};
use detect::kind::{Confidence, PerKind};
use sluice_benches::judging::Court;
use sluice_benches::people;
use sluice_benches::timing::run;

const VALUES: usize = 1_000_000;
const ROWS: usize = 1024;

fn main() {
    run(|criterion| {
        native(criterion, "mixed", mixed);
        native(criterion, "clean", clean);
        asked_elsewhere(criterion);
        gateway(criterion, "rows of people", &[people::rows(ROWS)]);
        let rows: Vec<_> = (0..VALUES).step_by(ROWS).map(mixed_rows).collect();
        gateway(criterion, "a million mixed rows", &rows);
    });
}

fn native(criterion: &mut Criterion, name: &str, value: impl Fn(usize) -> String) {
    let values: Vec<String> = (0..VALUES).map(value).collect();
    let bytes: usize = values.iter().map(String::len).sum();
    let wanted = PerKind::from_fn(|_| Some(Confidence::Medium));
    let mut finder = Finder::new(wanted, Nearby::default());
    let mut group = criterion.benchmark_group("detect/native");
    group
        .throughput(Throughput::Bytes(bytes as u64))
        .sample_size(10);
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let found = values
                .iter()
                .map(|value| finder.find(black_box(value.as_bytes())).len());
            found.sum::<usize>()
        });
    });
}

fn asked_elsewhere(criterion: &mut Criterion) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        let (mut asker, _) = listener.accept().expect("it is asked");
        asker.set_nodelay(true).expect("a socket");
        let mut value = [0; 4096];
        while let Ok(1..) = asker.read(&mut value) {
            asker.write_all(b"0").expect("an answer");
        }
    });
    let mut service = TcpStream::connect(address).expect("it answers");
    service.set_nodelay(true).expect("a socket");
    let mut number = 0;
    criterion.bench_function("detect/asked elsewhere, a value", |bencher| {
        bencher.iter(|| {
            number += 1;
            let value = mixed(number);
            service.write_all(value.as_bytes()).expect("a question");
            service.read_exact(&mut [0]).expect("an answer");
        });
    });
}

fn gateway(criterion: &mut Criterion, name: &str, batches: &[BytesMut]) {
    let mut court = Court::detecting();
    let mut masker = court.masker();
    let bytes: usize = batches.iter().map(|rows| rows.len()).sum();
    let mut out = BytesMut::new();
    let mut group = criterion.benchmark_group("detect/Wasm");
    group
        .throughput(Throughput::Bytes(bytes as u64))
        .sample_size(10);
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            for rows in batches {
                out.clear();
                let looked = masker.apply(&mut court.judge, black_box(rows), &mut out);
                looked.expect("the policy looks at the rows");
            }
            black_box(masker.findings());
        });
    });
}

/// A batch of people from that number on, whose notes are mixed.
fn mixed_rows(first: usize) -> BytesMut {
    people::rows_with_notes(first..(first + ROWS).min(VALUES), mixed)
}

/// Of what tables hold: one value of eight has something to find.
fn mixed(number: usize) -> String {
    match number % 16 {
        0 => format!("ada.lovelace{number}@example.com"),
        1 => format!(
            "asked for a call back at +1415555{:04} before noon",
            number % 10_000
        ),
        2 => format!("https://shop.example.org/items/{number}?from=mail&campaign=spring"),
        3 => format!("{{\"id\": {number}, \"tags\": [\"new\", \"sale\"], \"price\": 17.50}}"),
        4 => format!("550e8400-e29b-41d4-a716-{number:012}"),
        5 => format!("2026-03-{:02} 12:30:45.{:06}+00", number % 28 + 1, number),
        6 => format!("Order {number}: 3 pieces at 12.50 EUR each, sent by parcel on the same day"),
        _ => clean(number),
    }
}

/// Running text with nothing to find.
fn clean(number: usize) -> String {
    let text = "The delivery was late, yet the packaging held and the lamp works; the customer was \
                told that a refund of the postage follows, and that no further steps are needed.";
    text[..32 + number % 128].to_owned()
}
