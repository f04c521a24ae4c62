use wire::upstream::UpstreamTag as Tag;

use super::{Pipeline, Reply, Step};

/// What a pipeline makes of a message, in short.
#[derive(Debug, PartialEq, Eq)]
enum Made {
    Aside,
    Part,
    Last(u32),
    Failed(Vec<u32>),
    Unexpected,
}

/// A pipeline in which each Query and Execute may read COPY data.
fn pipeline(steps: &[Step]) -> Pipeline<u32> {
    let mut pipeline = Pipeline::new();
    for (number, step) in (0..).zip(steps) {
        match step {
            Step::Query | Step::Execute => pipeline.push_copy(*step, number, 2),
            _ => pipeline.push(*step, number),
        }
    }
    pipeline
}

fn feed(pipeline: &mut Pipeline<u32>, tag: Tag) -> Made {
    match pipeline.reply(tag) {
        Ok(Reply::Aside) => Made::Aside,
        Ok(Reply::Part) => Made::Part,
        Ok(Reply::Last(owed)) => Made::Last(owed.keep),
        Ok(Reply::Failed(owed)) => Made::Failed(owed.iter().map(|owed| owed.keep).collect()),
        Err(_) => Made::Unexpected,
    }
}

const EXTENDED: [Step; 5] = [
    Step::Parse,
    Step::Bind,
    Step::Describe,
    Step::Execute,
    Step::Sync,
];

#[test]
fn replies_belong_to_what_asked_for_them() {
    let mut pipeline = pipeline(&EXTENDED);
    assert_eq!(feed(&mut pipeline, Tag::ParseComplete), Made::Last(0));
    assert_eq!(feed(&mut pipeline, Tag::BindComplete), Made::Last(1));
    assert_eq!(feed(&mut pipeline, Tag::RowDescription), Made::Last(2));
    assert_eq!(feed(&mut pipeline, Tag::DataRow), Made::Part);
    assert_eq!(feed(&mut pipeline, Tag::NoticeResponse), Made::Aside);
    assert_eq!(feed(&mut pipeline, Tag::CommandComplete), Made::Last(3));
    assert_eq!(feed(&mut pipeline, Tag::ReadyForQuery), Made::Last(4));
    assert!(pipeline.is_empty());
}

#[test]
fn nothing_runs_after_the_first_where_that_ends_all() {
    use Step::{Execute, Parse, Query, Sync};
    for (steps, ends) in [
        (vec![], false),
        (vec![Sync], false),
        (vec![Query], true),
        (vec![Query, Query], false),
        (vec![Query, Sync], false),
        (vec![Execute], true),
        (vec![Execute, Execute, Parse], true),
        (vec![Execute, Parse, Sync], true),
        (vec![Execute, Sync, Parse], false),
        (vec![Execute, Sync, Sync], false),
        (vec![Execute, Query], false),
    ] {
        assert_eq!(pipeline(&steps).ends_with_first(), ends, "{steps:?}");
    }
}

#[test]
fn an_error_ends_everything_up_to_the_next_sync() {
    let steps = [EXTENDED.as_slice(), EXTENDED.as_slice()].concat();
    let mut pipeline = pipeline(&steps);
    assert_eq!(feed(&mut pipeline, Tag::ParseComplete), Made::Last(0));
    assert_eq!(
        feed(&mut pipeline, Tag::ErrorResponse),
        Made::Failed(vec![1, 2, 3])
    );
    assert_eq!(feed(&mut pipeline, Tag::ReadyForQuery), Made::Last(4));
    assert_eq!(feed(&mut pipeline, Tag::ParseComplete), Made::Last(5));
}

#[test]
fn an_error_in_a_simple_query_leaves_its_ready_for_query_owed() {
    let mut pipeline = pipeline(&[Step::Query]);
    assert_eq!(feed(&mut pipeline, Tag::RowDescription), Made::Part);
    assert_eq!(feed(&mut pipeline, Tag::ErrorResponse), Made::Part);
    assert_eq!(feed(&mut pipeline, Tag::ReadyForQuery), Made::Last(0));
}

#[test]
fn a_function_call_is_answered_as_a_query_is() {
    let mut pipeline = pipeline(&[Step::Query, Step::Parse]);
    assert_eq!(feed(&mut pipeline, Tag::FunctionCallResponse), Made::Part);
    assert_eq!(feed(&mut pipeline, Tag::ReadyForQuery), Made::Last(0));
    assert_eq!(
        feed(&mut pipeline, Tag::FunctionCallResponse),
        Made::Unexpected
    );
}

#[test]
fn a_sync_before_the_end_of_copy_data_is_not_answered() {
    let mut pipeline = pipeline(&EXTENDED);
    for tag in [Tag::ParseComplete, Tag::BindComplete, Tag::NoData] {
        feed(&mut pipeline, tag);
    }
    assert_eq!(feed(&mut pipeline, Tag::CopyInResponse), Made::Part);
    pipeline.push(Step::Sync, 5);
    pipeline.push(Step::CopyEnd, 6);
    pipeline.push(Step::Sync, 7);
    assert_eq!(feed(&mut pipeline, Tag::CommandComplete), Made::Last(3));
    assert_eq!(feed(&mut pipeline, Tag::ReadyForQuery), Made::Last(7));
    assert!(pipeline.is_empty());
}

#[test]
fn rows_that_nothing_asked_for_are_unexpected() {
    assert_eq!(feed(&mut pipeline(&[]), Tag::DataRow), Made::Unexpected);
    assert_eq!(
        feed(&mut pipeline(&[Step::Parse]), Tag::DataRow),
        Made::Unexpected
    );
    assert_eq!(
        feed(&mut pipeline(&[Step::Sync]), Tag::RowDescription),
        Made::Unexpected
    );
}

#[test]
fn a_farewell_of_the_upstream_is_nobodys_answer() {
    assert_eq!(feed(&mut pipeline(&[]), Tag::ErrorResponse), Made::Aside);
}

#[test]
fn a_sync_is_answered_where_copy_fails_before_it_reads() {
    let mut pipeline = pipeline(&EXTENDED);
    for tag in [Tag::ParseComplete, Tag::BindComplete, Tag::NoData] {
        feed(&mut pipeline, tag);
    }
    assert_eq!(feed(&mut pipeline, Tag::CopyInResponse), Made::Part);
    assert_eq!(
        feed(&mut pipeline, Tag::ErrorResponse),
        Made::Failed(vec![3])
    );
    assert_eq!(feed(&mut pipeline, Tag::ReadyForQuery), Made::Last(4));
    assert!(pipeline.is_empty());
}

#[test]
fn a_sync_that_copy_has_read_is_forgotten_when_it_fails_later() {
    let mut pipeline = pipeline(&[Step::Execute, Step::Sync]);
    assert_eq!(feed(&mut pipeline, Tag::CopyInResponse), Made::Part);
    pipeline.push(Step::CopyEnd, 2);
    pipeline.push(Step::Sync, 3);
    pipeline.push(Step::Parse, 4);
    assert_eq!(
        feed(&mut pipeline, Tag::ErrorResponse),
        Made::Failed(vec![0])
    );
    assert_eq!(feed(&mut pipeline, Tag::ReadyForQuery), Made::Last(1));
    assert_eq!(feed(&mut pipeline, Tag::ParseComplete), Made::Last(4));
    assert!(pipeline.is_empty());
}

#[test]
fn a_sync_among_the_copy_data_of_a_simple_query_is_not_answered() {
    let steps = [
        Step::Query,
        Step::Sync,
        Step::CopyEnd,
        Step::Sync,
        Step::CopyEnd,
        Step::Query,
    ];
    let mut pipeline = pipeline(&steps);
    for _ in 0..2 {
        assert_eq!(feed(&mut pipeline, Tag::CopyInResponse), Made::Part);
        assert_eq!(feed(&mut pipeline, Tag::CommandComplete), Made::Part);
    }
    assert_eq!(feed(&mut pipeline, Tag::ReadyForQuery), Made::Last(0));
    assert_eq!(feed(&mut pipeline, Tag::RowDescription), Made::Part);
    assert_eq!(feed(&mut pipeline, Tag::CommandComplete), Made::Part);
    assert_eq!(feed(&mut pipeline, Tag::ReadyForQuery), Made::Last(5));
    assert!(pipeline.is_empty());
}

#[test]
fn a_sync_behind_a_copy_that_failed_is_answered_or_was_among_its_data() {
    for answered in [true, false] {
        let mut pipeline = pipeline(&[Step::Query, Step::Sync, Step::CopyEnd, Step::Query]);
        assert_eq!(feed(&mut pipeline, Tag::CopyInResponse), Made::Part);
        assert_eq!(feed(&mut pipeline, Tag::ErrorResponse), Made::Part);
        assert_eq!(feed(&mut pipeline, Tag::ReadyForQuery), Made::Last(0));
        if answered {
            assert_eq!(feed(&mut pipeline, Tag::ReadyForQuery), Made::Last(1));
        }
        assert_eq!(feed(&mut pipeline, Tag::CommandComplete), Made::Part);
        assert_eq!(feed(&mut pipeline, Tag::ReadyForQuery), Made::Last(3));
        assert!(pipeline.is_empty());
    }
}

#[test]
fn what_follows_a_sync_that_a_copy_may_read_is_not_sent_before_it_is_known_whether_it_did() {
    let mut pipeline = pipeline(&[Step::Sync]);
    pipeline.push_copy(Step::Execute, 1, 1);
    assert!(!pipeline.is_unsure());
    pipeline.push(Step::Sync, 2);
    assert!(pipeline.is_unsure());
    assert_eq!(feed(&mut pipeline, Tag::ReadyForQuery), Made::Last(0));
    assert_eq!(feed(&mut pipeline, Tag::CopyInResponse), Made::Part);
    assert_eq!(
        feed(&mut pipeline, Tag::ErrorResponse),
        Made::Failed(vec![1])
    );
    assert!(pipeline.is_unsure() && pipeline.is_empty());
    assert!(pipeline.settled());
    assert!(!pipeline.is_unsure() && pipeline.is_empty());
}

#[test]
fn one_answer_to_several_syncs_may_be_that_to_the_last() {
    let steps = [
        Step::Query,
        Step::Sync,
        Step::Sync,
        Step::CopyEnd,
        Step::Sync,
    ];
    let mut pipeline = pipeline(&steps);
    assert_eq!(feed(&mut pipeline, Tag::CopyInResponse), Made::Part);
    assert_eq!(feed(&mut pipeline, Tag::ErrorResponse), Made::Part);
    assert_eq!(feed(&mut pipeline, Tag::ReadyForQuery), Made::Last(0));
    assert!(!pipeline.is_empty());
    assert_eq!(feed(&mut pipeline, Tag::ReadyForQuery), Made::Last(1));
    assert!(pipeline.is_unsure() && pipeline.is_empty());
    assert!(!pipeline.settled());
    assert!(!pipeline.is_unsure());
}

#[test]
fn what_follows_a_copy_that_has_failed_before_it_reads_or_is_done_is_sent() {
    for ends in [
        &[Tag::ErrorResponse, Tag::ReadyForQuery][..],
        &[Tag::CopyInResponse, Tag::CommandComplete],
    ] {
        let mut pipeline = pipeline(&[Step::Execute, Step::Sync, Step::CopyEnd]);
        for tag in ends {
            feed(&mut pipeline, *tag);
        }
        assert!(!pipeline.is_unsure() && pipeline.is_empty());
    }
}

#[test]
fn data_go_where_a_copy_may_read_them() {
    let mut pipeline = Pipeline::new();
    assert!(!pipeline.takes_data());
    pipeline.push_copy(Step::Query, 0, 2);
    pipeline.push(Step::Sync, 1);
    for end in [2, 3] {
        assert!(pipeline.takes_data());
        pipeline.push(Step::CopyEnd, end);
    }
    assert!(!pipeline.takes_data());
    assert_eq!(feed(&mut pipeline, Tag::CopyInResponse), Made::Part);
    assert_eq!(feed(&mut pipeline, Tag::CommandComplete), Made::Part);
    assert!(!pipeline.takes_data());
    assert_eq!(feed(&mut pipeline, Tag::CopyInResponse), Made::Part);
    assert_eq!(feed(&mut pipeline, Tag::CommandComplete), Made::Part);
    // It may be told to read no third time.
    assert_eq!(feed(&mut pipeline, Tag::CopyInResponse), Made::Unexpected);

    let mut pipeline = Pipeline::new();
    pipeline.push_copy(Step::Execute, 0, 1);
    assert!(pipeline.takes_data());
    pipeline.push(Step::Close, 1);
    assert!(!pipeline.takes_data());
}
