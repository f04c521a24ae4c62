//! What a policy may answer that looks at results, and what it may not.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use sql::analysis::{Analysis, Output, Outputs, Reach};
use wire::client::Format;
use wire::upstream::{Field, RowDescription};

use crate::error::MaskError;
use crate::fixture::guest::Guest;
use crate::fixture::guest::looking::Looking;
use crate::fixture::{AGE, Bench, EMAIL, catalog, facts, query, select};
use crate::judge::Judge;
use crate::mask::Mask;
use crate::plan::Plan;
use crate::protection::{DerivedRule, FilterRule};
use crate::verdict::{Failure, Verdict};

/// A judge over these guests, and the plan of one statement.
fn setting(guests: &[&Guest], analysis: Analysis) -> (Bench, Judge, Arc<Plan>) {
    let bench = Bench::new();
    let catalog = catalog();
    let mut judge = bench.judge(guests);
    let mut session = judge.admit(facts(), &catalog).unwrap();
    let verdict = judge.judge(&mut session, query("x"), Arc::new(analysis), &catalog);
    let Verdict::Allow(permit) = verdict else {
        panic!("{verdict:?}")
    };
    let plan = Arc::clone(permit.plan());
    (bench, judge, plan)
}

/// A guest that replaces the three values of the second column.
fn looking() -> Looking {
    Looking {
        scope: Some("y"),
        columns: vec![0],
        chunks: vec![Some((vec![0, 3, 3, 5], vec![0b010], b"***no"))],
        findings: vec![(0, "email", 2, true)],
        before_batch: "",
    }
}

fn guest(looking: Looking) -> Guest {
    Guest {
        looking: Some(looking),
        ..Guest::default()
    }
}

/// Age as an integer, e-mail as text.
fn description() -> RowDescription {
    let field = |column: sql::analysis::ColumnId, type_oid| Field {
        name: Bytes::from_static(b"c"),
        table: column.relation,
        attribute: column.attribute,
        type_oid,
        type_size: -1,
        type_modifier: -1,
        format: Format::Text,
    };
    RowDescription {
        fields: vec![field(AGE, 23), field(EMAIL, 25)],
    }
}

fn rows(values: [Option<&str>; 3]) -> BytesMut {
    let mut out = BytesMut::new();
    for value in values {
        let cells = [Some("7".as_bytes()), value.map(str::as_bytes)];
        wire::write::data_row(&mut out, &cells).unwrap();
    }
    out
}

fn shown(guests: &[&Guest]) -> Result<(BytesMut, Option<String>), MaskError> {
    let analysis = select(&[(AGE, Reach::Projected), (EMAIL, Reach::Projected)]);
    let (_bench, mut judge, plan) = setting(guests, analysis);
    let mut masker = plan.result(0).unwrap().bind(&description()).unwrap();
    let mut out = BytesMut::new();
    let given = rows([Some("a@b"), Some("c@d"), None]);
    masker.apply(&mut judge, &given, &mut out)?;
    Ok((out, masker.findings()))
}

#[test]
fn values_are_replaced_and_null_stays_null() {
    let (out, found) = shown(&[&guest(looking())]).unwrap();
    assert_eq!(
        out,
        rows([Some("***"), None, None]),
        "no value where none was"
    );
    assert_eq!(
        found.as_deref(),
        Some("p0: public.users.email email 2 replaced")
    );
}

#[test]
fn what_stays_is_passed_as_it_came() {
    let kept = Looking {
        chunks: vec![None],
        findings: Vec::new(),
        ..looking()
    };
    let (out, found) = shown(&[&guest(kept)]).unwrap();
    assert_eq!(out, rows([Some("a@b"), Some("c@d"), None]));
    assert_eq!(found, None);
}

#[test]
fn a_policy_that_looks_at_no_column_sees_none() {
    let none = Looking {
        columns: Vec::new(),
        before_batch: "unreachable",
        ..looking()
    };
    let (out, _) = shown(&[&guest(none)]).unwrap();
    assert_eq!(out, rows([Some("a@b"), Some("c@d"), None]));
}

#[test]
fn a_session_that_nobody_looks_at_costs_nothing() {
    let elsewhere = Looking {
        scope: None,
        ..looking()
    };
    let analysis = select(&[(EMAIL, Reach::Projected)]);
    let (_bench, _, plan) = setting(&[&guest(elsewhere)], analysis.clone());
    assert!(plan.is_identity());
    let (_bench, _, plan) = setting(&[&guest(looking())], analysis);
    assert!(!plan.is_identity());
}

#[test]
fn masks_come_first() {
    let masking = Guest::protecting(vec![(
        EMAIL,
        Mask::Fixed("hidden".to_owned()),
        DerivedRule::Deny,
        FilterRule::Deny,
    )]);
    let only_looks = Looking {
        chunks: vec![None],
        ..looking()
    };
    let (out, _) = shown(&[&guest(only_looks), &masking]).unwrap();
    assert_eq!(out, rows([Some("hidden"), Some("hidden"), None]));
    let (out, _) = shown(&[&guest(looking()), &masking]).unwrap();
    assert_eq!(out, rows([Some("***"), None, None]));
}

#[test]
fn outputs_of_no_known_column_are_offered_too() {
    let mut analysis = select(&[(AGE, Reach::Projected), (EMAIL, Reach::Derived)]);
    analysis.statements[0].outputs =
        Outputs::Columns([Output { sources: vec![] }, Output { sources: vec![] }].into());
    let (_bench, mut judge, plan) = setting(&[&guest(looking())], analysis);
    let mut masker = plan.result(0).unwrap().bind(&description()).unwrap();
    let mut out = BytesMut::new();
    let given = rows([Some("a@b"), Some("c@d"), None]);
    masker.apply(&mut judge, &given, &mut out).unwrap();
    assert_eq!(out, rows([Some("***"), None, None]));
    assert_eq!(
        masker.findings().as_deref(),
        Some("p0: column 2 email 2 replaced")
    );
}

#[test]
fn an_answer_that_makes_no_sense_withholds_the_rows() {
    let chunk = |offsets: &[u32], nulls: &[u8], data: &'static [u8]| {
        Some((offsets.to_vec(), nulls.to_vec(), data))
    };
    let wrong = |chunk| Looking {
        chunks: vec![chunk],
        ..looking()
    };
    let found = |finding| Looking {
        findings: vec![finding],
        ..looking()
    };
    for (looking, failure) in [
        (wrong(chunk(&[0, 3, 3], &[], b"***")), Failure::Answer),
        (wrong(chunk(&[0, 3, 3, 4], &[], b"***")), Failure::Answer),
        (wrong(chunk(&[0, 3, 2, 3], &[], b"***")), Failure::Answer),
        (wrong(chunk(&[0, 1, 1, 1], &[], b"\xff")), Failure::Answer),
        (wrong(chunk(&[0, 1, 1, 1], &[], b"\0")), Failure::Answer),
        (wrong(chunk(&[0, 1, 1, 1], &[0, 0], b"*")), Failure::Answer),
        (
            Looking {
                chunks: vec![],
                ..looking()
            },
            Failure::Answer,
        ),
        (
            Looking {
                columns: vec![1],
                ..looking()
            },
            Failure::Answer,
        ),
        (
            Looking {
                columns: vec![0, 0],
                ..looking()
            },
            Failure::Answer,
        ),
        (found((1, "email", 1, true)), Failure::Answer),
        (found((0, "4111 1111", 1, true)), Failure::Answer),
        (found((0, "", 1, true)), Failure::Answer),
        (
            Looking {
                before_batch: "unreachable",
                ..looking()
            },
            Failure::Trap,
        ),
        (
            Looking {
                before_batch: "(loop (br 0))",
                ..looking()
            },
            Failure::Deadline,
        ),
    ] {
        let error = shown(&[&guest(looking)]).unwrap_err();
        let MaskError::Inspect { failure: how, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(*how, failure, "{error}");
    }
}
