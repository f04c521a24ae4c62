//! What becomes of every use of a protected column, whatever the policy says about the request.

use std::sync::Arc;

use sql::analysis::{
    Access, Analysis, Class, ColumnId, NameUse, OpaqueReason, Output, Outputs, Reach, Source, Use,
};

use crate::fixture::guest::{Guarded, Guest};
use crate::fixture::{
    ADDRESSES, AGE, Bench, EMAIL, PRODUCTS, USERS, USERS_OLD, catalog, facts, opaque, query,
    reading, select, statement, using,
};
use crate::judge::Judge;
use crate::mask::Mask;
use crate::protection::{DerivedRule, FilterRule};
use crate::verdict::{Denial, SqlState, Verdict};

const PRODUCT: ColumnId = ColumnId {
    relation: PRODUCTS,
    attribute: 1,
};

fn guarding(derived: DerivedRule, filter: FilterRule) -> Vec<Guarded> {
    vec![(EMAIL, Mask::KeepLast(4), derived, filter)]
}

/// One judge over one guest; each analysis is judged as a new statement.
struct Court {
    judge: Judge,
    _bench: Bench,
    count: usize,
}

impl Court {
    fn of(guest: &Guest) -> Court {
        let bench = Bench::new();
        Court {
            judge: bench.judge(&[guest]),
            _bench: bench,
            count: 0,
        }
    }

    fn rules(derived: DerivedRule, filter: FilterRule) -> Court {
        Court::of(&Guest::protecting(guarding(derived, filter)))
    }

    fn judge(&mut self, analysis: Analysis) -> Verdict<'static> {
        let catalog = catalog();
        let mut session = self.judge.admit(facts(), &catalog).unwrap();
        self.count += 1;
        let request = query(&self.count.to_string());
        self.judge
            .judge(&mut session, request, Arc::new(analysis), &catalog)
    }

    fn denial(&mut self, analysis: Analysis) -> Denial {
        match self.judge(analysis) {
            Verdict::Deny(denial) => denial,
            other => panic!("not denied: {other:?}"),
        }
    }

    /// Masks by position and kind.
    fn masks(&mut self, analysis: Analysis) -> Vec<(usize, &'static str)> {
        match self.judge(analysis) {
            Verdict::Allow(permit) => {
                let result = permit.plan().result(0).unwrap();
                result
                    .outputs
                    .iter()
                    .map(|output| (output.position, output.mask.as_str()))
                    .collect()
            }
            other => panic!("not allowed: {other:?}"),
        }
    }
}

fn plain() -> Analysis {
    select(&[(AGE, Reach::Projected)])
}

#[test]
fn projected_columns_are_masked_where_they_stand() {
    let mut court = Court::rules(DerivedRule::Deny, FilterRule::Deny);
    let analysis = select(&[(AGE, Reach::Projected), (EMAIL, Reach::Projected)]);
    assert_eq!(court.masks(analysis), [(1, "keep-last")]);
    assert_eq!(court.masks(plain()), []);
}

#[test]
fn a_column_of_a_union_is_masked_if_any_arm_is_protected() {
    let mut court = Court::rules(DerivedRule::Deny, FilterRule::Deny);
    let mut analysis = plain();
    let how = Reach::Projected;
    let sources = vec![
        Source {
            column: PRODUCT,
            how,
        },
        Source { column: EMAIL, how },
    ];
    analysis.statements[0].outputs = Outputs::Columns([Output { sources }].into());
    assert_eq!(court.masks(analysis), [(0, "keep-last")]);
}

#[test]
fn expressions_rows_and_copies_follow_the_derived_rule() {
    let mut deny = Court::rules(DerivedRule::Deny, FilterRule::Allow);
    let mut null = Court::rules(DerivedRule::Null, FilterRule::Allow);
    let mut hold = Court::rules(DerivedRule::Hold, FilterRule::Allow);
    for how in [Reach::Derived, Reach::WholeRow] {
        deny.denial(select(&[(EMAIL, how)]));
        assert_eq!(null.masks(select(&[(EMAIL, how)])), [(0, "null")]);
        assert!(matches!(
            hold.judge(select(&[(EMAIL, how)])),
            Verdict::Hold(_)
        ));
    }
    let copied = || {
        let mut analysis = using(plain(), EMAIL, Use::Copied);
        analysis.statements[0] = statement("insert", Class::Write, Outputs::None);
        analysis
    };
    deny.denial(copied());
    null.denial(copied());
    assert!(matches!(hold.judge(copied()), Verdict::Hold(_)));
}

#[test]
fn a_column_that_is_shown_in_no_known_output_is_refused() {
    let mut court = Court::rules(DerivedRule::Null, FilterRule::Allow);
    court.denial(using(plain(), EMAIL, Use::Projected));
    let mut nowhere = using(plain(), EMAIL, Use::Projected);
    nowhere.statements[0].outputs = Outputs::None;
    court.denial(nowhere);
}

#[test]
fn what_is_explained_shows_no_values_but_computes_where_it_runs() {
    let mut court = Court::rules(DerivedRule::Null, FilterRule::Allow);
    let explained = |used| {
        let mut analysis = using(plain(), EMAIL, used);
        analysis.statements[0].outputs = Outputs::Harmless;
        analysis
    };
    assert_eq!(court.masks(explained(Use::Projected)), []);
    court.denial(explained(Use::Derived));
}

#[test]
fn null_by_one_policy_is_not_shown_by_the_approval_that_another_asks_for() {
    let bench = Bench::new();
    let guests = [DerivedRule::Hold, DerivedRule::Null]
        .map(|derived| Guest::protecting(guarding(derived, FilterRule::Allow)));
    let judge = bench.judge(&[&guests[0], &guests[1]]);
    let mut court = Court {
        judge,
        _bench: bench,
        count: 0,
    };
    assert_eq!(
        court.masks(select(&[(EMAIL, Reach::Derived)])),
        [(0, "null")]
    );
}

#[test]
fn an_expression_that_reaches_no_known_output_is_refused() {
    let mut court = Court::rules(DerivedRule::Null, FilterRule::Allow);
    court.denial(using(plain(), EMAIL, Use::Derived));
    court.denial(using(plain(), EMAIL, Use::WholeRow));
}

#[test]
fn filters_follow_the_filter_rule() {
    let uses = [Use::Filtered, Use::FilteredByEquality, Use::Ordered];
    let passes = |filter| {
        let mut court = Court::rules(DerivedRule::Deny, filter);
        uses.map(|used| matches!(court.judge(using(plain(), EMAIL, used)), Verdict::Allow(_)))
    };
    assert_eq!(passes(FilterRule::Deny), [false, false, false]);
    assert_eq!(passes(FilterRule::Equality), [false, true, false]);
    assert_eq!(passes(FilterRule::Allow), [true, true, true]);
}

#[test]
fn writing_a_protected_column_is_free() {
    let mut court = Court::rules(DerivedRule::Deny, FilterRule::Deny);
    let mut analysis = using(plain(), EMAIL, Use::Written);
    analysis.statements[0] = statement("update", Class::Write, Outputs::None);
    assert_eq!(court.masks(analysis), []);
}

#[test]
fn what_cannot_be_known_is_refused_where_something_is_protected() {
    let mut court = Court::rules(DerivedRule::Null, FilterRule::Allow);
    let mut free = Court::of(&Guest::default());
    for reason in [
        OpaqueReason::UnknownFunction,
        OpaqueReason::ReadersDiffer,
        OpaqueReason::DataCatalog,
        OpaqueReason::SessionState,
        OpaqueReason::UnknownName,
    ] {
        let denial = court.denial(opaque(plain(), reason, "thing"));
        assert!(
            denial.reason.contains("thing") && denial.hint.is_some(),
            "{}",
            denial.reason
        );
        assert!(free.masks(opaque(plain(), reason, "thing")).is_empty());
    }
}

#[test]
fn what_a_policy_trusts_by_name_passes_and_a_message_is_no_name() {
    let guest = Guest {
        trusted: vec!["public.slugify"],
        ..Guest::protecting(guarding(DerivedRule::Deny, FilterRule::Deny))
    };
    let mut court = Court::of(&guest);
    let named = |reason, detail| opaque(plain(), reason, detail);
    court.masks(named(OpaqueReason::UnknownFunction, "public.slugify"));
    court.denial(named(OpaqueReason::UnknownFunction, "other.slugify"));
    court.denial(named(OpaqueReason::ReadersDiffer, "public.slugify"));
}

#[test]
fn every_policy_with_protections_must_trust_it() {
    let bench = Bench::new();
    let trusting = Guest {
        trusted: vec!["public.slugify"],
        ..Guest::protecting(guarding(DerivedRule::Deny, FilterRule::Deny))
    };
    let strict = Guest::protecting(guarding(DerivedRule::Deny, FilterRule::Deny));
    let mut court = Court {
        judge: bench.judge(&[&trusting, &strict]),
        _bench: bench,
        count: 0,
    };
    let denial = court.denial(opaque(
        plain(),
        OpaqueReason::UnknownFunction,
        "public.slugify",
    ));
    assert_eq!(&*denial.policy, "p1");
}

#[test]
fn text_that_no_reader_reads_is_refused_by_the_host_itself() {
    let mut court = Court::of(&Guest::default());
    let denial = court.denial(opaque(
        Analysis::default(),
        OpaqueReason::Unparsed,
        "at \"selct\"",
    ));
    assert_eq!(
        (&*denial.policy, denial.sqlstate),
        (Denial::GATEWAY, SqlState::SYNTAX_ERROR)
    );
    let denial = court.denial(opaque(
        Analysis::default(),
        OpaqueReason::TooComplex,
        "too deep",
    ));
    assert_eq!(denial.sqlstate, SqlState::STATEMENT_TOO_COMPLEX);
}

#[test]
fn unknown_outputs_are_refused_only_where_a_protected_relation_is_read() {
    let mut court = Court::rules(DerivedRule::Null, FilterRule::Allow);
    let unknown = |oid| {
        let mut analysis = plain();
        analysis.statements[0].outputs = Outputs::Unknown;
        analysis.relations = vec![reading(oid, "some")];
        analysis
    };
    court.denial(unknown(USERS));
    assert_eq!(court.masks(unknown(PRODUCTS)), []);
    let mut nameless = unknown(PRODUCTS);
    nameless.relations[0].oid = None;
    court.denial(nameless);
}

#[test]
fn what_is_prepared_is_refused_at_once_where_it_would_be_refused_later() {
    let mut court = Court::rules(DerivedRule::Deny, FilterRule::Deny);
    let prepare = |inner| {
        let mut analysis = plain();
        analysis.statements[0] = statement("prepare", Class::Session, Outputs::None);
        analysis.statements[0].names = vec![NameUse::Prepare("p".to_owned(), Box::new(inner))];
        analysis
    };
    court.denial(prepare(select(&[(EMAIL, Reach::Derived)])));
    assert_eq!(
        court.masks(prepare(select(&[(EMAIL, Reach::Projected)]))),
        []
    );
}

#[test]
fn errors_are_scrubbed_where_a_protected_relation_is_touched() {
    let mut court = Court::rules(DerivedRule::Deny, FilterRule::Deny);
    let mut scrubs = |analysis| match court.judge(analysis) {
        Verdict::Allow(permit) => permit.plan().scrub_errors(),
        other => panic!("not allowed: {other:?}"),
    };
    assert!(
        scrubs(plain()),
        "users has a protected column, though it is not used"
    );
    let mut other = select(&[(PRODUCT, Reach::Projected)]);
    other.relations = vec![reading(PRODUCTS, "products")];
    assert!(!scrubs(other));
}

#[test]
fn what_is_computed_from_a_masked_column_and_goes_elsewhere_is_refused() {
    for derived in [DerivedRule::Deny, DerivedRule::Null] {
        let mut court = Court::rules(derived, FilterRule::Allow);
        for used in [Use::Derived, Use::WholeRow] {
            let shown = select(&[(EMAIL, Reach::Projected)]);
            court.denial(using(shown, EMAIL, used));
        }
    }
    let mut court = Court::rules(DerivedRule::Null, FilterRule::Allow);
    let row = select(&[(EMAIL, Reach::WholeRow)]);
    court.denial(using(row, EMAIL, Use::Derived));
}

/// A command that defines something of a relation.
fn defining(command: &'static str, oid: u32, name: &str) -> Analysis {
    let mut analysis = plain();
    analysis.columns.clear();
    analysis.statements[0] = statement(command, Class::Define, Outputs::None);
    analysis.relations = vec![reading(oid, name)];
    analysis.relations[0].access = Access::Define;
    analysis
}

#[test]
fn the_definition_of_what_holds_protected_columns_stays_as_it_is() {
    let mut deny = Court::rules(DerivedRule::Deny, FilterRule::Allow);
    let mut hold = Court::rules(DerivedRule::Hold, FilterRule::Allow);
    let mut free = Court::of(&Guest::default());
    let relations = [
        (USERS, "users"),
        (USERS_OLD, "users_old"),
        (ADDRESSES, "addresses"),
    ];
    for (oid, name) in relations {
        // What a view is made of that no policy names stays protected without it.
        let drops = Some("drop table").filter(|_| oid != ADDRESSES);
        let commands = ["alter table", "alter view", "create view"];
        for command in commands.into_iter().chain(drops) {
            let denial = deny.denial(defining(command, oid, name));
            assert!(denial.reason.contains(name), "{}", denial.reason);
            assert!(denial.hint.unwrap().contains("nothing is protected"));
            let held = hold.judge(defining(command, oid, name));
            assert!(matches!(held, Verdict::Hold(_)));
            free.masks(defining(command, oid, name));
        }
    }
}

#[test]
fn definitions_that_leave_protected_columns_where_they_are_pass() {
    let mut court = Court::rules(DerivedRule::Deny, FilterRule::Allow);
    court.masks(defining("alter table", PRODUCTS, "products"));
    for command in ["create index", "create table", "reindex"] {
        court.masks(defining(command, USERS, "users"));
    }
}
