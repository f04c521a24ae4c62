//! What Wasm costs: rows masked by a policy in Wasm and by the same policy compiled for this machine,
//! in turns, so that whatever else the machine does meets both alike.

#![expect(clippy::print_stdout, reason = "it prints a table")]

use std::hint::black_box;
use std::time::Duration;

use bytes::BytesMut;
use criterion::measurement::{Measurement as _, WallTime};
use sluice_benches::judging::Court;
use sluice_benches::timing::on_deep_stack;
use sluice_benches::{natively, people};
use sluice_policy_example::MaskAddresses;
use sluice_policy_mask::MaskPolicy;
use sluice_sdk::{Policy as _, Transform};

const BATCHES: [usize; 4] = [1, 16, 256, 1024];
const ROUNDS: usize = 401;
/// What one turn takes, about.
const TURN: Duration = Duration::from_millis(1);

fn main() {
    on_deep_stack(|| {
        println!(
            "ns a masked row: median of {ROUNDS} turns; Wasm to native: quartiles of turn by turn"
        );
        println!(
            "{:<16}{:>6}{:>9}{:>9}{:>24}",
            "", "rows", "native", "Wasm", "Wasm to native"
        );
        let settings = r#"{"columns": ["email"], "mask": "email"}"#;
        let policy = MaskPolicy::configure(settings).expect("the settings are right");
        beside("mask, e-mail", policy, Court::masking("email", "email"));
        for language in ["rust", "c"] {
            let settings = r#"{"columns": ["email"], "group": "analysts"}"#;
            let policy = MaskAddresses::configure(settings).expect("the settings are right");
            match Court::example(language) {
                Some(court) => beside(&format!("example, {language}"), policy, court),
                None => println!("example, {language}: not built (`make examples`)"),
            }
        }
    });
}

fn beside(name: &str, policy: impl Transform, court: Court) {
    let mut native = natively::masker(policy);
    let mut wasm = court.masks_rows();
    for count in BATCHES {
        let rows = people::rows(count);
        let calls = calls_of_a_turn(&rows, &mut wasm);
        let turns: Vec<(f64, f64)> = (0..ROUNDS)
            .map(|_| {
                (
                    turn(&rows, calls, &mut native),
                    turn(&rows, calls, &mut wasm),
                )
            })
            .collect();
        let row = |turn: f64| turn / (calls * count) as f64;
        let [_, native_row, _] = quartiles(turns.iter().map(|(native, _)| row(*native)));
        let [_, wasm_row, _] = quartiles(turns.iter().map(|(_, wasm)| row(*wasm)));
        let [low, median, high] = quartiles(turns.iter().map(|(native, wasm)| wasm / native));
        let ratio = format!("{median:.2} ({low:.2} to {high:.2})");
        println!("{name:<16}{count:>6}{native_row:>9.1}{wasm_row:>9.1}{ratio:>24}");
    }
}

/// How often rows are masked in a turn.
fn calls_of_a_turn(rows: &[u8], mask: &mut impl FnMut(&[u8], &mut BytesMut)) -> usize {
    let mut calls = 1;
    while turn(rows, calls, mask) < TURN.as_nanos() as f64 {
        calls *= 2;
    }
    calls
}

/// Nanoseconds of so many calls.
fn turn(rows: &[u8], calls: usize, mask: &mut impl FnMut(&[u8], &mut BytesMut)) -> f64 {
    let mut out = BytesMut::with_capacity(rows.len() * 2);
    let start = WallTime.start();
    for _ in 0..calls {
        out.clear();
        mask(black_box(rows), &mut out);
        black_box(&out);
    }
    WallTime.end(start).as_nanos() as f64
}

fn quartiles(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[values.len() * quarter / 4])
}
