//! A verdict known before, beside one that the policies must give.

use std::hint::black_box;
use std::sync::Arc;

use criterion::Criterion;
use policy::{Request, Step};
use sluice_benches::judging::{Court, allowed, query};
use sluice_benches::people;
use sluice_benches::timing::run;

const LOOKUP: &str = "SELECT abalance FROM pgbench_accounts WHERE aid = 1";
const OTHER: &str = "SELECT abalance FROM pgbench_accounts WHERE aid = 2";

fn main() {
    run(|criterion| {
        let mut court = Court::masking("email", "email");
        for (name, text) in [("lookup", LOOKUP), ("masked", people::SELECT)] {
            let analysis = Arc::new(sql::analyze(text, &court.catalog));
            let request = query(text);
            criterion.bench_function(&format!("judge/first, {name}"), |bencher| {
                bencher.iter(|| allowed(court.judge(black_box(request.clone()), &analysis)));
            });
            let prepared = Request {
                step: Step::Execute,
                ..request
            };
            court.judge(prepared.clone(), &analysis);
            recall(criterion, &mut court, "known text", name, &prepared);
        }
        recall(
            criterion,
            &mut court,
            "known shape",
            "lookup",
            &query(OTHER),
        );
        criterion.bench_function("judge/shape of a text, lookup", |bencher| {
            bencher.iter(|| sql::shape(black_box(LOOKUP)));
        });
    });
}

fn recall(criterion: &mut Criterion, court: &mut Court, what: &str, name: &str, request: &Request) {
    criterion.bench_function(&format!("judge/recall of a {what}, {name}"), |bencher| {
        bencher.iter(|| {
            let asked = black_box(request.asked());
            let known = court.judge.recall(&court.session, asked, &court.catalog);
            allowed(known.expect("it was judged before"))
        });
    });
}
