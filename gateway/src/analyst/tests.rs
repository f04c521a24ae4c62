use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use sql::catalog::{CatalogRows, ColumnRow, RelationRow};

use super::*;

/// A text that takes a while.
fn long() -> Arc<str> {
    format!("SELECT {}", vec!["1"; 300_000].join(",")).into()
}

/// Begins what a future does, without waiting for its end.
async fn begin<T>(mut future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[tokio::test]
async fn short_texts_do_not_wait_for_long_ones() {
    let analysts = Analysts::start(1).unwrap();
    let catalog = Arc::new(Catalog::default());
    let (long, short) = (long(), Arc::from("SELECT 1"));
    let mut first = pin!(analysts.analyze(&long, Strings::Standard, &catalog));
    let mut second = pin!(analysts.analyze(&long, Strings::Standard, &catalog));
    assert_eq!(begin(first.as_mut()).await, None);
    assert_eq!(begin(second.as_mut()).await, None);
    let analysis = analysts.analyze(&short, Strings::Standard, &catalog).await;
    assert_eq!(analysis.unwrap().statements.len(), 1);
    assert_eq!(begin(second.as_mut()).await, None);
    assert_eq!(first.await.unwrap().statements.len(), 1);
}

#[tokio::test]
async fn only_so_many_texts_wait() {
    let analysts = Analysts::start(1).unwrap();
    let catalog = Arc::new(Catalog::default());
    let long = long();
    let mut first = pin!(analysts.analyze(&long, Strings::Standard, &catalog));
    assert_eq!(begin(first.as_mut()).await, None);
    let mut refused = 0;
    for _ in 0..=MOST_WAITING {
        let another = pin!(analysts.analyze(&long, Strings::Standard, &catalog));
        refused += usize::from(begin(another).await == Some(Err(Unread::Busy)));
    }
    assert!(refused > 0);
    let short = Arc::from("SELECT 1");
    assert!(
        analysts
            .analyze(&short, Strings::Standard, &catalog)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn short_texts_that_are_much_work_delay_no_others() {
    let analysts = Analysts::start(1).unwrap();
    let catalog = Arc::new(Catalog::from_rows(CatalogRows {
        relations: vec![RelationRow::table(1, "public", "s")],
        columns: vec![ColumnRow {
            relation: 1,
            attribute: 1,
            name: "a".to_owned(),
            type_oid: 23,
            type_name: "integer".to_owned(),
            generated: false,
            default: false,
            made_from: Vec::new(),
            required: false,
        }],
        ..CatalogRows::default()
    }));
    // A recursive query whose columns change places and never settle.
    let names: Vec<String> = (0..600).map(|k| format!("x{k:03X}")).collect();
    let turned = [&names[1..], &names[..1]].concat().join(",");
    let firsts = format!("a{}", ",1".repeat(599));
    let names = names.join(",");
    let heavy: Arc<str> = format!(
        "WITH RECURSIVE t({names}) AS (SELECT {firsts} FROM s UNION ALL SELECT {turned} FROM t) SELECT * FROM t"
    )
    .into();
    assert!(heavy.len() < LONG);
    assert!(sql::analyze_briefly(&heavy, Strings::Standard, &catalog).is_none());
    let mut first = pin!(analysts.analyze(&heavy, Strings::Standard, &catalog));
    let mut second = pin!(analysts.analyze(&heavy, Strings::Standard, &catalog));
    assert_eq!(begin(first.as_mut()).await, None);
    assert_eq!(begin(second.as_mut()).await, None);
    let short = Arc::from("SELECT 1");
    let analysis = analysts.analyze(&short, Strings::Standard, &catalog).await;
    assert_eq!(analysis.unwrap().statements.len(), 1);
    // Each is answered in the end, whatever comes of it.
    assert!(first.await.is_ok() && second.await.is_ok());
}

#[tokio::test]
async fn a_thread_that_reads_for_too_long_is_replaced_until_it_is_done() {
    let longest = Duration::from_millis(1);
    let analysts = Analysts::start_with(1, longest).unwrap();
    let crew = &analysts.short.crew;
    let first = Arc::clone(&locked(&crew.at_work)[0]);
    first.set(Some(Instant::now()));
    tokio::time::sleep(2 * longest).await;
    for _ in 0..2 {
        crew.complete().unwrap();
        assert_eq!(locked(&crew.at_work).len(), 2);
    }
    first.set(None);
    let (text, catalog) = (Arc::from("SELECT 1"), Arc::new(Catalog::default()));
    let analysis = analysts.analyze(&text, Strings::Standard, &catalog).await;
    assert_eq!(analysis.unwrap().statements.len(), 1);
    while locked(&crew.at_work).len() > 1 {
        tokio::task::yield_now().await;
    }
}
