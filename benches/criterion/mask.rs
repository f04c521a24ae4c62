//! Masking rows: the time of one row, by the size of the batch.
//!
//! "Native" is what a few lines of Rust take for the same bytes without any of the checks: the
//! floor. All but "in place" copy the rows, as the gateway must.

use std::hint::black_box;

use bytes::{BufMut as _, BytesMut};
use criterion::{BenchmarkId, Criterion};
use sluice_benches::judging::Court;
use sluice_benches::natively;
use sluice_benches::people::{self, EMAIL, PHONE};
use sluice_benches::timing::{each, run};
use sluice_policy_example::MaskAddresses;
use sluice_policy_mask::MaskPolicy;
use sluice_sdk::Policy as _;

const BATCHES: [usize; 4] = [1, 16, 256, 1024];

fn main() {
    run(|criterion| {
        copy(criterion);
        keep_last_in_place(criterion);
        rows(criterion, "keep-last native", keep_last);
        gateway(criterion, "keep-last host", "phone", "keep-last 4");
        gateway(criterion, "fixed host", "phone", "fixed ***");
        gateway(criterion, "keyed-hash host", "phone", "keyed-hash");
        rows(criterion, "email native", email);
        let settings = r#"{"columns": ["email"], "mask": "email"}"#;
        let policy = MaskPolicy::configure(settings).expect("the settings are right");
        rows(criterion, "email policy native", natively::masker(policy));
        gateway(criterion, "email Wasm", "email", "email");
        let settings = r#"{"columns": ["email"], "group": "analysts"}"#;
        let policy = MaskAddresses::configure(settings).expect("the settings are right");
        rows(criterion, "example policy native", natively::masker(policy));
        for language in ["rust", "c"] {
            if let Some(court) = Court::example(language) {
                rows(
                    criterion,
                    &format!("example Wasm, {language}"),
                    court.masks_rows(),
                );
            }
        }
    });
}

/// What a row costs that nobody masks.
fn copy(criterion: &mut Criterion) {
    rows(criterion, "unmasked", |rows, out| {
        out.extend_from_slice(rows);
    });
}

fn keep_last_in_place(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mask/keep-last native in place");
    for count in BATCHES {
        let mut rows = people::rows(count);
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            each(bencher, count, || {
                hide_phones(black_box(&mut rows));
            });
        });
    }
}

fn rows(criterion: &mut Criterion, name: &str, mut mask: impl FnMut(&[u8], &mut BytesMut)) {
    let mut group = criterion.benchmark_group(format!("mask/{name}"));
    for count in BATCHES {
        let people = people::rows(count);
        let mut out = BytesMut::with_capacity(people.len() * 2);
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            each(bencher, count, || {
                out.clear();
                mask(black_box(&people), &mut out);
                black_box(&out);
            });
        });
    }
}

fn gateway(criterion: &mut Criterion, name: &str, column: &str, mask: &str) {
    rows(criterion, name, Court::masking(column, mask).masks_rows());
}

fn keep_last(rows: &[u8], out: &mut BytesMut) {
    out.extend_from_slice(rows);
    hide_phones(out);
}

/// Puts stars over all but the last four bytes of each phone number.
fn hide_phones(rows: &mut [u8]) {
    let mut at = 0;
    while at < rows.len() {
        let (start, end) = cell(rows, at, PHONE);
        rows[start..end - 4].fill(b'*');
        at += 1 + number(rows, at + 1);
    }
}

/// `a***@example.com`: copies, and puts in the new lengths.
fn email(rows: &[u8], out: &mut BytesMut) {
    let mut at = 0;
    while at < rows.len() {
        let length = number(rows, at + 1);
        let (start, end) = cell(rows, at, EMAIL);
        let sign = rows[start..end].iter().position(|byte| *byte == b'@');
        let domain = &rows[start + sign.expect("it is an address")..end];
        let masked = 4 + domain.len();
        out.put_u8(b'D');
        out.put_u32((length + masked - (end - start)) as u32);
        out.put_slice(&rows[at + 5..start - 4]);
        out.put_u32(masked as u32);
        out.put_u8(rows[start]);
        out.put_slice(b"***");
        out.put_slice(domain);
        out.put_slice(&rows[end..at + 1 + length]);
        at += 1 + length;
    }
}

/// Where a value of the row at `at` begins and ends.
fn cell(rows: &[u8], at: usize, position: usize) -> (usize, usize) {
    let mut value = at + 7 + 4;
    for _ in 0..position {
        value += number(rows, value - 4) + 4;
    }
    (value, value + number(rows, value - 4))
}

fn number(rows: &[u8], at: usize) -> usize {
    let bytes = rows[at..at + 4].try_into().expect("four bytes are four");
    u32::from_be_bytes(bytes) as usize
}
