//! Metrics, in Prometheus's text format.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::gateway::Shared;

/// The page that the HTTP API serves.
pub(crate) fn page(shared: Arc<Shared>) -> Arc<dyn Fn() -> String + Send + Sync> {
    Arc::new(move || render(&shared))
}

fn render(shared: &Shared) -> String {
    let mut page = String::new();
    let status = shared.policies.status();
    let sessions = shared.sessions.load(Ordering::Relaxed);
    let mut gauge = |name: &str, help: &str, value: u64| {
        let _ = writeln!(
            page,
            "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}"
        );
    };
    gauge("sluice_sessions", "Clients connected.", sessions as u64);
    gauge(
        "sluice_holds",
        "Requests that wait for approval.",
        shared.holds.list().len() as u64,
    );
    gauge(
        "sluice_policy_generation",
        "The policy set in force.",
        status.generation.number(),
    );
    let rejected = u64::from(status.rejected.is_some());
    gauge(
        "sluice_policy_rejected",
        "1 where the newest policy set was not taken.",
        rejected,
    );
    page.push_str("# HELP sluice_policy_failing 1 where a policy keeps failing.\n");
    page.push_str("# TYPE sluice_policy_failing gauge\n");
    for policy in &status.policies {
        let (name, failing) = (&policy.name, u64::from(policy.failing_since.is_some()));
        let _ = writeln!(page, "sluice_policy_failing{{policy=\"{name}\"}} {failing}");
    }
    page.push_str("# HELP sluice_policy_failures_total Calls of a policy that failed.\n");
    page.push_str("# TYPE sluice_policy_failures_total counter\n");
    for policy in &status.policies {
        for (failure, count) in &policy.failures {
            let (name, kind) = (&policy.name, failure.as_str());
            let _ = writeln!(
                page,
                "sluice_policy_failures_total{{policy=\"{name}\",failure=\"{kind}\"}} {count}"
            );
        }
    }
    page
}
