use std::sync::Arc;
use std::time::Duration;

use super::{Counted, Counter, Full, Ledger, Ledgers, MOST_COUNTERS, Rations, RowLimit, Taken};

fn hourly(key: &str) -> Counter {
    Counter::new(key, 3600).unwrap()
}

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_window_slides_and_never_counts_too_little() {
    let ledger = Ledger::default();
    for (after, sum) in [(0, 1), (1800, 2), (1800, 3), (120, 3), (1740, 3), (120, 4)] {
        pass(after).await;
        assert_eq!(ledger.add(&hourly("k"), 1), Ok(sum), "after {after} s more");
    }
    pass(2 * 3600).await;
    assert_eq!(ledger.get(&hourly("k")), 0);
}

#[tokio::test(start_paused = true)]
async fn key_and_window_together_name_a_counter() {
    let ledger = Ledger::default();
    ledger.add(&hourly("k"), 7).unwrap();
    assert_eq!(ledger.get(&Counter::new("k", 60).unwrap()), 0);
    assert_eq!(ledger.get(&hourly("l")), 0);
    assert_eq!(ledger.add(&hourly("k"), u64::MAX), Ok(u64::MAX));
}

#[test]
fn keys_and_windows_have_bounds() {
    assert!(Counter::new("k", 0).unwrap_err().contains("0 seconds"));
    assert!(Counter::new("k", u32::MAX).is_err());
    let long = "k".repeat(257);
    assert!(Counter::new(&long, 60).unwrap_err().contains("257 bytes"));
}

#[test]
fn what_is_taken_is_given_back_unless_it_is_spent() {
    let ledger = Arc::new(Ledger::default());
    let take = |amount| Taken::take(&ledger, hourly("k"), amount, 3).unwrap();
    let two = take(2).expect("there are three");
    assert!(take(2).is_none(), "there is one");
    drop(two);
    take(3).expect("two came back").spend();
    assert!(take(1).is_none());
    assert_eq!(ledger.get(&hourly("k")), 3);
}

#[tokio::test(start_paused = true)]
async fn no_budget_is_forgotten_to_make_room() {
    let ledger = Ledger::default();
    for number in 0..MOST_COUNTERS {
        ledger.add(&hourly(&number.to_string()), 1).unwrap();
    }
    assert_eq!(ledger.add(&hourly("new"), 1), Err(Full));
    assert_eq!(ledger.add(&hourly("0"), 1), Ok(2));
    assert_eq!(ledger.get(&hourly("new")), 0);
    pass(2 * 3600).await;
    assert_eq!(ledger.add(&hourly("new"), 1), Ok(1));
    assert_eq!(ledger.get(&hourly("0")), 0);
}

#[test]
fn what_is_not_taken_in_the_end_takes_no_room() {
    let ledger = Arc::new(Ledger::default());
    for number in 0..=MOST_COUNTERS {
        let key = hourly(&number.to_string());
        let two = Taken::take(&ledger, key.clone(), 2, 1).unwrap();
        assert!(two.is_none());
        let one = Taken::take(&ledger, key, 1, 1).unwrap();
        drop(one.expect("there is room"));
    }
}

#[test]
fn a_policy_finds_its_own_ledger_again() {
    let ledgers = Ledgers::default();
    ledgers.of("guard").add(&hourly("k"), 1).unwrap();
    assert_eq!(ledgers.of("guard").get(&hourly("k")), 1);
    assert_eq!(ledgers.of("other").get(&hourly("k")), 0);
}

fn limit(limit: u64, ledger: Option<&Arc<Ledger>>) -> RowLimit {
    RowLimit {
        policy: "guard".into(),
        reason: format!("{limit} rows").into(),
        hint: None,
        limit,
        counted: Counted::Every,
        counter: ledger.map(|ledger| (Arc::clone(ledger), hourly("ana"))),
    }
}

/// How many of so many rows are admitted, and the reason why no more are.
fn admitted(rations: &mut Rations, rows: u64) -> (u64, Option<String>) {
    let (admitted, limit) = rations.admit(None, rows);
    (admitted, limit.map(|limit| limit.reason.to_string()))
}

#[test]
fn the_narrowest_limit_ends_a_result_and_others_count_what_was_delivered() {
    let ledger = Arc::new(Ledger::default());
    let limits = Arc::from([limit(10, Some(&ledger)), limit(4, None)]);
    let mut one = Rations::of(&limits).unwrap();
    assert_eq!(admitted(&mut one, 3), (3, None));
    assert_eq!(admitted(&mut one, 3), (1, Some("4 rows".to_owned())));
    assert_eq!(ledger.get(&hourly("ana")), 4);
    let mut next = Rations::of(&limits).unwrap();
    assert_eq!(admitted(&mut next, 4), (4, None));
    let mut last = Rations::of(&limits).unwrap();
    assert_eq!(admitted(&mut last, 4), (2, Some("10 rows".to_owned())));
    assert_eq!(ledger.get(&hourly("ana")), 10);
    assert_eq!(admitted(&mut last, 1), (0, Some("10 rows".to_owned())));
    assert!(Rations::of(&Arc::from([])).is_none());
}
