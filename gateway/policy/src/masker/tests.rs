//! Rows as a client gets them.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use sql::analysis::{Analysis, ColumnId, CopyFormat, Reach};
use wire::client::Format;
use wire::upstream::{Field, RowDescription};

use crate::error::{Defect, MaskError};
use crate::fixture::guest::{Guarded, Guest};
use crate::fixture::{
    AGE, Bench, CITEXT, EMAIL, NICKNAME, PRODUCTS, USERS, catalog, facts, query, select,
};
use crate::judge::Judge;
use crate::mask::{Mask, Rule};
use crate::plan::Plan;
use crate::protection::{DerivedRule, FilterRule};
use crate::verdict::{Failure, Verdict};

type Cells<'a> = &'a [Option<&'a [u8]>];

fn guarded(column: ColumnId, mask: Mask) -> Guarded {
    (column, mask, DerivedRule::Null, FilterRule::Allow)
}

/// A judge over one guest, and the plan of one statement.
struct Setting {
    judge: Judge,
    plan: Arc<Plan>,
    _bench: Bench,
}

fn setting(guest: &Guest, analysis: Analysis) -> Setting {
    let bench = Bench::new();
    let catalog = catalog();
    let mut judge = bench.judge(&[guest]);
    let mut session = judge.admit(facts(), &catalog).unwrap();
    let verdict = judge.judge(&mut session, query("x"), Arc::new(analysis), &catalog);
    let Verdict::Allow(permit) = verdict else {
        panic!("{verdict:?}")
    };
    Setting {
        judge,
        plan: Arc::clone(permit.plan()),
        _bench: bench,
    }
}

fn field(column: ColumnId, type_oid: u32, format: Format) -> Field {
    Field {
        name: Bytes::from_static(b"c"),
        table: column.relation,
        attribute: column.attribute,
        type_oid,
        type_size: -1,
        type_modifier: -1,
        format,
    }
}

fn rows(rows: &[Cells<'_>]) -> BytesMut {
    let mut out = BytesMut::new();
    for row in rows {
        wire::write::data_row(&mut out, row).unwrap();
    }
    out
}

impl Setting {
    fn mask(&mut self, fields: &[Field], given: &[Cells<'_>]) -> Result<BytesMut, MaskError> {
        let description = RowDescription {
            fields: fields.to_vec(),
        };
        let mut masker = self.plan.result(0).unwrap().bind(&description).unwrap();
        let mut out = BytesMut::new();
        masker
            .apply(&mut self.judge, &rows(given), &mut out)
            .map(|()| out)
    }

    fn bind(&self, fields: &[Field]) -> Option<Defect> {
        let description = RowDescription {
            fields: fields.to_vec(),
        };
        self.plan.result(0).unwrap().bind(&description).err()
    }

    fn copy(&mut self, format: &CopyFormat, columns: usize, lines: &[&[u8]]) -> Vec<u8> {
        let mut masker = self
            .plan
            .result(0)
            .unwrap()
            .bind_copy(format, columns)
            .unwrap();
        let mut data = BytesMut::new();
        for line in lines {
            wire::write::copy_data(&mut data, line).unwrap();
        }
        let mut out = BytesMut::new();
        masker.apply(&mut self.judge, &data, &mut out).unwrap();
        let frames = wire::frame::frames(&out, usize::MAX);
        frames
            .flat_map(|frame| frame.unwrap().1[wire::frame::HEADER_BYTES..].to_vec())
            .collect()
    }
}

/// One column of public.users masked like this.
fn single(column: ColumnId, mask: Mask) -> Setting {
    let guest = Guest::protecting(vec![guarded(column, mask)]);
    setting(
        &guest,
        select(&[(AGE, Reach::Projected), (column, Reach::Projected)]),
    )
}

#[test]
fn what_has_become_a_name_was_cut_and_is_null() {
    let mut setting = single(EMAIL, Mask::KeepLast(3));
    let fields = [field(AGE, 23, Format::Text), field(EMAIL, 19, Format::Text)];
    let masked = setting.mask(&fields, &[&[Some(b"7"), Some(b"a@b.org")]]);
    assert_eq!(masked.unwrap(), rows(&[&[Some(b"7"), None]]));
}

#[test]
fn the_end_of_what_may_be_the_beginning_of_a_longer_value_is_hidden() {
    let mut setting = single(EMAIL, Mask::KeepLast(3));
    let fields = [field(AGE, 23, Format::Text), field(EMAIL, 25, Format::Text)];
    let values = [59, 60, 63, 64].map(|length| "x".repeat(length));
    let given = values
        .each_ref()
        .map(|value| [Some(&b"7"[..]), Some(value.as_bytes())]);
    let masked = values.each_ref().map(|value| match value.len() {
        60 | 63 => "*".repeat(value.len()),
        length => format!("{}xxx", "*".repeat(length - 3)),
    });
    let expected = masked
        .each_ref()
        .map(|value| [Some(&b"7"[..]), Some(value.as_bytes())]);
    let given = given.each_ref().map(|cells| &cells[..]);
    let expected = expected.each_ref().map(|cells| &cells[..]);
    assert_eq!(setting.mask(&fields, &given).unwrap(), rows(&expected));
}

#[test]
fn text_takes_the_mask_in_both_formats_and_null_stays_null() {
    for format in [Format::Text, Format::Binary] {
        for type_oid in [25, 1043, 1042, 705] {
            let mut setting = single(EMAIL, Mask::KeepLast(3));
            let fields = [field(AGE, 23, format), field(EMAIL, type_oid, format)];
            let masked = setting.mask(
                &fields,
                &[
                    &[Some(b"7"), Some(b"a@b.org")],
                    &[None, None],
                    &[Some(b"9"), Some("ö@ü".as_bytes())],
                ],
            );
            let expected = rows(&[
                &[Some(b"7"), Some(b"****org")],
                &[None, None],
                &[Some(b"9"), Some(b"***")],
            ]);
            assert_eq!(masked.unwrap(), expected);
        }
    }
}

#[test]
fn each_common_mask_writes_its_value() {
    let fields = [field(AGE, 23, Format::Text), field(EMAIL, 25, Format::Text)];
    let given: &[Cells<'_>] = &[&[Some(b"7"), Some(b"secret")], &[Some(b"8"), None]];
    let masked = |mask| {
        let out = single(EMAIL, mask).mask(&fields, given).unwrap();
        let expected_tail = rows(&[&[Some(b"8"), None]]);
        assert!(out.ends_with(&expected_tail), "a NULL stays NULL");
        out
    };
    let first = |value: Option<&[u8]>| rows(&[&[Some(b"7"), value], &[Some(b"8"), None]]);
    assert_eq!(masked(Mask::Null), first(None));
    assert_eq!(masked(Mask::Fixed("hidden".into())), first(Some(b"hidden")));
    assert_eq!(masked(Mask::Fixed(String::new())), first(Some(b"")));
    assert_eq!(masked(Mask::KeepFirst(2)), first(Some(b"se****")));
    assert_eq!(
        masked(Mask::KeyedHash("pan".into())).len(),
        first(Some(&[0; 16])).len()
    );
}

#[test]
fn several_columns_are_masked_in_place_as_one_is() {
    let guest = Guest::protecting(vec![
        guarded(EMAIL, Mask::KeepLast(3)),
        guarded(NICKNAME, Mask::KeepFirst(1)),
    ]);
    let both = select(&[(EMAIL, Reach::Projected), (NICKNAME, Reach::Projected)]);
    let mut setting = setting(&guest, both);
    let fields = [
        field(EMAIL, 25, Format::Text),
        field(NICKNAME, CITEXT, Format::Text),
    ];
    let masked = setting.mask(
        &fields,
        &[&[Some(b"a@b.org"), Some(b"Zed")], &[Some(b"org"), None]],
    );
    assert_eq!(
        masked.unwrap(),
        rows(&[&[Some(b"****org"), Some(b"Z**")], &[Some(b"***"), None]])
    );
}

#[test]
fn a_type_whose_values_nobody_can_make_becomes_null() {
    for mask in [
        Mask::Fixed("x".into()),
        Mask::KeepLast(2),
        Mask::KeyedHash("pan".into()),
    ] {
        let guest = Guest::protecting(vec![guarded(AGE, mask)]);
        let mut setting = setting(&guest, select(&[(AGE, Reach::Projected)]));
        for format in [Format::Text, Format::Binary] {
            // A range of int4.
            let masked = setting.mask(&[field(AGE, 3904, format)], &[&[Some(&[0, 0, 0, 42])]]);
            assert_eq!(masked.unwrap(), rows(&[&[None]]));
        }
    }
}

#[test]
fn citext_is_text_by_the_catalogs_name_for_it() {
    let mut setting = single(NICKNAME, Mask::KeepFirst(1));
    let fields = [
        field(AGE, 23, Format::Text),
        field(NICKNAME, CITEXT, Format::Text),
    ];
    let masked = setting.mask(&fields, &[&[None, Some(b"Zed")]]).unwrap();
    assert_eq!(masked, rows(&[&[None, Some(b"Z**")]]));
    let other = [
        field(AGE, 23, Format::Text),
        field(NICKNAME, 3802, Format::Text),
    ];
    let masked = setting.mask(&other, &[&[None, Some(b"{}")]]).unwrap();
    assert_eq!(masked, rows(&[&[None, None]]), "jsonb takes no text");
}

#[test]
fn a_result_without_rows_stays_empty() {
    let mut setting = single(EMAIL, Mask::Null);
    let fields = [field(AGE, 23, Format::Text), field(EMAIL, 25, Format::Text)];
    assert!(setting.mask(&fields, &[]).unwrap().is_empty());
}

#[test]
fn rows_that_are_not_as_described_are_an_error_and_nothing_is_written() {
    let setting = &mut single(EMAIL, Mask::Null);
    let fields = [field(AGE, 23, Format::Text), field(EMAIL, 25, Format::Text)];
    let error = setting
        .mask(&fields, &[&[Some(b"1"), Some(b"a")], &[Some(b"1")]])
        .unwrap_err();
    assert!(matches!(error, MaskError::Rows(_)), "{error}");
}

#[test]
fn a_result_that_the_analysis_was_wrong_about_is_a_defect() {
    let setting = single(EMAIL, Mask::Null);
    let age = field(AGE, 23, Format::Text);
    let email = field(EMAIL, 25, Format::Text);
    assert_eq!(setting.bind(&[age.clone(), email.clone()]), None);
    let short = Defect::ColumnCount {
        expected: 2,
        found: 1,
    };
    assert_eq!(setting.bind(std::slice::from_ref(&email)), Some(short));
    let unplanned = |position, attribute| {
        Some(Defect::Unplanned {
            position,
            relation: USERS,
            attribute,
        })
    };
    assert_eq!(
        setting.bind(&[email.clone(), email.clone()]),
        unplanned(0, 2)
    );
    let row = field(
        ColumnId {
            relation: USERS,
            attribute: 0,
        },
        2249,
        Format::Text,
    );
    assert_eq!(setting.bind(&[row, email.clone()]), unplanned(0, 0));
    let product = field(
        ColumnId {
            relation: PRODUCTS,
            attribute: 0,
        },
        2249,
        Format::Text,
    );
    assert_eq!(setting.bind(&[product, email]), None);
}

#[test]
fn where_nothing_is_protected_rows_pass_untouched() {
    let mut setting = setting(&Guest::default(), select(&[(EMAIL, Reach::Projected)]));
    assert!(setting.plan.is_identity());
    let given: &[Cells<'_>] = &[&[Some(b"raw")]];
    assert_eq!(
        setting
            .mask(&[field(EMAIL, 25, Format::Text)], given)
            .unwrap(),
        rows(given)
    );
}

/// A guest whose own transform is this code.
fn transforming(batch: &str) -> Guest {
    let mut guest = Guest::protecting(vec![guarded(EMAIL, Mask::Custom(Rule::Number(0)))]);
    guest.batch = Some(batch.to_owned());
    guest
}

/// Answers with the chunks it was given, the first byte of the data of the first replaced by X.
const STAMP: &str = "
    (i32.store8 (i32.load offset=16 (local.get $chunks)) (i32.const 88))
    (i32.store (i32.const 32) (i32.const 0))
    (i32.store (i32.const 36) (local.get $chunks))
    (i32.store (i32.const 40) (local.get $chunks_len))
    (i32.const 32)";

fn custom(batch: &str, given: &[Cells<'_>]) -> Result<BytesMut, MaskError> {
    let mut setting = setting(
        &transforming(batch),
        select(&[(AGE, Reach::Projected), (EMAIL, Reach::Projected)]),
    );
    let fields = [field(AGE, 23, Format::Text), field(EMAIL, 25, Format::Text)];
    setting.mask(&fields, given)
}

#[test]
fn a_policys_own_transform_gets_all_rows_at_once() {
    let given: &[Cells<'_>] = &[
        &[Some(b"1"), Some(b"abc")],
        &[Some(b"2"), None],
        &[Some(b"3"), Some(b"de")],
    ];
    let expected = rows(&[
        &[Some(b"1"), Some(b"Xbc")],
        &[Some(b"2"), None],
        &[Some(b"3"), Some(b"de")],
    ]);
    assert_eq!(custom(STAMP, given).unwrap(), expected);
}

#[test]
fn null_stays_null_whatever_a_transform_answers() {
    let given: &[Cells<'_>] = &[
        &[Some(b"1"), Some(b"abc")],
        &[Some(b"2"), None],
        &[Some(b"3"), Some(b"de")],
    ];
    let no_bits = "(i32.store offset=12 (local.get $chunks) (i32.const 0))";
    let expected = rows(&[
        &[Some(b"1"), Some(b"Xbc")],
        &[Some(b"2"), None],
        &[Some(b"3"), Some(b"de")],
    ]);
    assert_eq!(
        custom(&format!("{no_bits} {STAMP}"), given).unwrap(),
        expected
    );
    let own_bits = "(i32.store8 (i32.load offset=8 (local.get $chunks)) (i32.const 1))";
    let expected = rows(&[
        &[Some(b"1"), None],
        &[Some(b"2"), None],
        &[Some(b"3"), Some(b"de")],
    ]);
    assert_eq!(
        custom(&format!("{own_bits} {STAMP}"), given).unwrap(),
        expected
    );
}

#[test]
fn text_beyond_ascii_is_not_cut_in_two() {
    let given: &[Cells<'_>] = &[
        &[Some(b"1"), Some("aż".as_bytes())],
        &[Some(b"2"), Some(b"b")],
    ];
    let expected = rows(&[
        &[Some(b"1"), Some("Xż".as_bytes())],
        &[Some(b"2"), Some(b"b")],
    ]);
    assert_eq!(custom(STAMP, given).unwrap(), expected);
    let cut = "(i32.store offset=4 (i32.load (local.get $chunks)) (i32.const 2))";
    let failed = custom(&format!("{cut} {STAMP}"), given).unwrap_err();
    assert!(matches!(
        failed,
        MaskError::Transform {
            failure: Failure::Answer,
            ..
        }
    ));
    let nul = "(i32.store8 offset=1 (i32.load offset=16 (local.get $chunks)) (i32.const 0))";
    let ascii: &[Cells<'_>] = &[&[Some(b"1"), Some(b"abc")]];
    let failed = custom(&format!("{nul} {STAMP}"), ascii).unwrap_err();
    assert!(matches!(
        failed,
        MaskError::Transform {
            failure: Failure::Answer,
            ..
        }
    ));
}

#[test]
fn many_rows_are_transformed_in_runs_of_bounded_size() {
    let value = vec![b'a'; 1000];
    let row: Cells<'_> = &[Some(b"1"), Some(&value)];
    let given: Vec<Cells<'_>> = vec![row; 2000];
    let masked = custom(STAMP, &given).unwrap();
    assert_eq!(masked.len(), rows(&given).len());
    let stamped = masked.iter().filter(|byte| **byte == b'X').count();
    assert!(
        (8..12).contains(&stamped),
        "one a run, 256 KiB each: {stamped}"
    );
}

#[test]
fn a_transform_that_fails_or_lies_stops_the_result() {
    let given: &[Cells<'_>] = &[&[Some(b"1"), Some(b"abc")], &[Some(b"2"), Some(b"de")]];
    let answer = |chunks: &str, count: &str| {
        format!(
            "(i32.store (i32.const 32) (i32.const 0)) (i32.store (i32.const 36) {chunks})
         (i32.store (i32.const 40) {count}) (i32.const 32)"
        )
    };
    let same = answer("(local.get $chunks)", "(local.get $chunks_len)");
    let lies = [
        ("unreachable".to_owned(), Failure::Trap),
        ("(loop (br 0)) unreachable".to_owned(), Failure::Deadline),
        (
            answer("(local.get $chunks)", "(i32.const 0)"),
            Failure::Answer,
        ),
        // One offset fewer, one more byte of data, offsets that fall, bytes that are no UTF-8.
        (
            format!("(i32.store offset=4 (local.get $chunks) (i32.const 2)) {same}"),
            Failure::Answer,
        ),
        (
            format!("(i32.store offset=20 (local.get $chunks) (i32.const 6)) {same}"),
            Failure::Answer,
        ),
        (
            format!("(i32.store offset=4 (i32.load (local.get $chunks)) (i32.const 9)) {same}"),
            Failure::Answer,
        ),
        (
            format!("(i32.store8 (i32.load offset=16 (local.get $chunks)) (i32.const 255)) {same}"),
            Failure::Answer,
        ),
        // A refusal in its own words: none.
        (
            "(i32.store (i32.const 32) (i32.const 1)) (i32.const 32)".to_owned(),
            Failure::Answer,
        ),
    ];
    for (batch, expected) in lies {
        match custom(&batch, given) {
            Err(MaskError::Transform {
                failure, reason, ..
            }) => {
                assert_eq!(failure, expected, "{batch}: {reason}");
            }
            other => panic!("{batch}: {other:?}"),
        }
    }
}

#[test]
fn a_result_keeps_its_generation_when_policies_change_meanwhile() {
    let bench = Bench::new();
    let catalog = catalog();
    let policies = Arc::new(
        bench
            .load(vec![bench.policy("p", &transforming(STAMP))])
            .unwrap(),
    );
    let mut judge = Judge::new(Arc::clone(&policies));
    let mut session = judge.admit(facts(), &catalog).unwrap();
    let analysis = Arc::new(select(&[(EMAIL, Reach::Projected)]));
    let Verdict::Allow(old) =
        judge.judge(&mut session, query("a"), Arc::clone(&analysis), &catalog)
    else {
        panic!("not allowed")
    };
    let description = RowDescription {
        fields: vec![field(EMAIL, 25, Format::Text)],
    };
    let mut masker = old.plan().result(0).unwrap().bind(&description).unwrap();
    policies
        .replace(vec![bench.policy("p", &transforming("unreachable"))])
        .unwrap();
    judge.judge(&mut session, query("b"), analysis, &catalog);
    drop(old);
    let mut out = BytesMut::new();
    masker
        .apply(&mut judge, &rows(&[&[Some(b"abc")]]), &mut out)
        .unwrap();
    assert_eq!(out, rows(&[&[Some(b"Xbc")]]));
}

#[test]
fn copied_rows_are_masked_in_every_format() {
    let mut setting = single(EMAIL, Mask::KeepLast(3));
    let text = CopyFormat::Text {
        delimiter: b'\t',
        null: "\\N".to_owned(),
        header: false,
    };
    let copied = setting.copy(&text, 2, &[b"7\ta@b.org\n", b"8\t\\N\n"]);
    assert_eq!(copied, b"7\t****org\n8\t\\N\n");
    let csv = CopyFormat::Csv {
        delimiter: b',',
        quote: b'"',
        escape: b'"',
        null: String::new(),
        header: true,
        quoted: Vec::new(),
    };
    let rows: [&[u8]; 3] = [b"age,email\n", b"7,\"a,b\"\"c\"\n", b"8,\n"];
    let copied = setting.copy(&csv, 2, &rows);
    assert_eq!(copied, b"age,email\n7,\"**b\"\"c\"\n8,\n".as_slice());
    let forced = CopyFormat::Csv {
        delimiter: b',',
        quote: b'"',
        escape: b'"',
        null: String::new(),
        header: false,
        quoted: vec![1],
    };
    let copied = setting.copy(&forced, 2, &[b"7,\"abcdef\"\n", b"8,\n"]);
    assert_eq!(copied, b"7,\"***def\"\n8,\n".as_slice());
}

#[test]
fn copied_rows_go_through_a_policys_own_transform() {
    let mut setting = setting(
        &transforming(STAMP),
        select(&[(AGE, Reach::Projected), (EMAIL, Reach::Projected)]),
    );
    let text = CopyFormat::Text {
        delimiter: b'\t',
        null: "\\N".to_owned(),
        header: false,
    };
    let copied = setting.copy(&text, 2, &[b"7\tabc\n", b"8\t\\N\n", b"9\td\n"]);
    assert_eq!(copied, b"7\tXbc\n8\t\\N\n9\td\n");
    assert!(setting.plan.result(0).unwrap().bind_copy(&text, 3).is_err());
}

#[test]
fn a_copied_column_that_takes_no_text_becomes_null() {
    let guest = Guest::protecting(vec![guarded(AGE, Mask::Fixed("x".into()))]);
    let mut setting = setting(&guest, select(&[(AGE, Reach::Projected)]));
    let text = CopyFormat::Text {
        delimiter: b'\t',
        null: "\\N".to_owned(),
        header: false,
    };
    assert_eq!(setting.copy(&text, 1, &[b"42\n"]), b"\\N\n");
}
