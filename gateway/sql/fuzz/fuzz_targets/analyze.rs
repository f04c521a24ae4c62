//! Any text has an analysis of what the catalog knows, and texts of one shape have equal ones.
#![no_main]

#[path = "../../tests/lineage/promises.rs"]
mod promises;
#[path = "../../tests/lineage/support.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod support;

use std::cell::RefCell;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use libfuzzer_sys::fuzz_target;

/// The thread that checks texts: the readers need a stack that no main thread has.
struct Reader {
    texts: SyncSender<String>,
    done: Receiver<()>,
}

impl Reader {
    fn start() -> Self {
        // What a reader panics about and the analysis makes good is no finding: only a thread that ends is.
        drop(std::panic::take_hook());
        let (texts, work) = sync_channel::<String>(0);
        let (finished, done) = sync_channel(0);
        let thread = std::thread::Builder::new().stack_size(sluice_sql::STACK_BYTES);
        let run = move || {
            let catalog = support::catalog();
            for text in work {
                promises::check(&text, &catalog);
                finished.send(()).expect("somebody waits");
            }
        };
        thread.spawn(run).expect("a thread");
        Self { texts, done }
    }
}

thread_local! {
    static READER: RefCell<Option<Reader>> = const { RefCell::new(None) };
}

fuzz_target!(|text: &str| {
    READER.with_borrow_mut(|reader| {
        let reader = reader.get_or_insert_with(Reader::start);
        let sent = reader.texts.send(text.to_owned()).is_ok();
        if !sent || reader.done.recv().is_err() {
            std::process::abort();
        }
    });
});
