//! How the benchmarks run and what they count.

use std::time::Duration;

use criterion::measurement::{Measurement, WallTime};
use criterion::{Bencher, Criterion};

/// Times `work`, which does so many things a call, and counts the things: what Criterion then
/// prints is the time of one.
pub fn each(bencher: &mut Bencher<'_>, things: usize, mut work: impl FnMut()) {
    let things = things as u64;
    bencher.iter_custom(|wanted| {
        let calls = wanted.div_ceil(things);
        let start = WallTime.start();
        for _ in 0..calls {
            work();
        }
        let took = WallTime.end(start).as_nanos();
        let one = took as f64 / (calls * things) as f64;
        Duration::from_nanos((one * wanted as f64) as u64)
    });
}

/// Runs benchmarks on a thread that may read SQL, with the arguments of the command line.
///
/// # Panics
/// No thread, or a benchmark panicked.
pub fn run(benchmarks: impl FnOnce(&mut Criterion) + Send + 'static) {
    on_deep_stack(|| {
        let mut criterion = Criterion::default()
            .sample_size(30)
            .warm_up_time(Duration::from_secs(1))
            .measurement_time(Duration::from_secs(3))
            .configure_from_args();
        benchmarks(&mut criterion);
        criterion.final_summary();
    });
}

/// Runs on a thread that may read SQL.
///
/// # Panics
/// No thread, or the work panicked.
pub fn on_deep_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(sql::STACK_BYTES);
    let thread = thread.spawn(work).expect("a thread can be started");
    thread.join().expect("the benchmarks ended");
}
