//! What an engine that counts says of a policy.

use std::sync::Arc;

use super::{denied, email, judge};
use crate::config::{EngineConfig, Metering};
use crate::fixture::guest::Guest;
use crate::fixture::{Bench, query};
use crate::judge::Judge;
use crate::meter::{Hook, Peaks};
use crate::verdict::{Failure, Verdict};

fn metering() -> Bench {
    Bench::with(Metering::Fuel)
}

/// What a policy takes that denies, after so many rounds of a loop.
fn peaks(bench: &Bench, rounds: u32) -> Peaks {
    let guest = Guest {
        functions: format!(
            "(func $spin (local $n i32)
                (local.set $n (i32.const {rounds}))
                (loop (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))"
        ),
        before_decide: "(call $spin)".to_owned(),
        ..Guest::denying("no", "ask")
    };
    let mut judging = bench.judge(&[&guest]);
    denied(judge(&mut judging, query("select"), email()));
    judging.policies().status().policies[0].peaks
}

#[test]
fn instructions_are_counted_and_come_out_the_same_again() {
    let bench = metering();
    let (few, many) = (peaks(&bench, 1_000), peaks(&bench, 2_000));
    assert_eq!(few, peaks(&metering(), 1_000));
    let more = many.fuel(Hook::Decide) - few.fuel(Hook::Decide);
    assert!((3_000..=8_000).contains(&more), "{more}");
    assert_eq!(many.fuel(Hook::Configure), few.fuel(Hook::Configure));
    assert_eq!(few.fuel(Hook::Batch), 0);
}

#[test]
fn an_engine_that_serves_does_not_count() {
    assert_eq!(EngineConfig::default().metering, Metering::Off);
    assert_eq!(peaks(&Bench::new(), 1_000), Peaks::default());
}

#[test]
fn memory_is_that_of_the_instance() {
    assert_eq!(peaks(&metering(), 1).memory_bytes, 2 << 16);
}

#[test]
fn the_size_of_an_answer_is_what_the_limit_counts() {
    let bench = metering();
    let bytes = peaks(&bench, 1).answer_bytes;
    assert_eq!(bytes, "noask".len() as u64);
    let verdict = |output_bytes: u64| {
        let mut config = bench.policy("p", &Guest::denying("no", "ask"));
        config.limits.output_bytes = usize::try_from(output_bytes).unwrap();
        let policies = bench.load(vec![config]);
        policies.map(|policies| judge(&mut Judge::new(Arc::new(policies)), query("a"), email()))
    };
    assert!(matches!(verdict(bytes), Ok(Verdict::Deny(denial)) if denial.failure.is_none()));
    let error = verdict(bytes - 1).unwrap_err();
    assert!(error.reason.contains(Failure::Output.as_str()), "{error}");
}

#[test]
fn an_empty_call_is_the_cheapest_that_there_is() {
    let bench = metering();
    assert_eq!(
        bench.judge(&[&Guest::default()]).call_empty(),
        Ok(Hook::Decide)
    );
    let transforming = Guest {
        batch: Some("unreachable".to_owned()),
        ..Guest::default()
    };
    let called = bench.judge(&[&transforming]).call_empty();
    assert_eq!(called, Err(Failure::Trap), "it is batch that was called");
    assert_eq!(bench.judge(&[]).call_empty(), Err(Failure::Start));
}
