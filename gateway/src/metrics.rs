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
    shadows(&mut page, &status);
    page
}

/// What versions that judge beside others say otherwise.
fn shadows(page: &mut String, status: &policy::Status) {
    let shadows = || {
        let policies = status.policies.iter();
        policies.filter_map(|policy| Some((&policy.name, policy.shadow.as_ref()?)))
    };
    let mut family = |name: &str, kind: &str, help: &str, lines: String| {
        if !lines.is_empty() {
            let _ = write!(page, "# HELP {name} {help}\n# TYPE {name} {kind}\n{lines}");
        }
    };
    let mut lines = String::new();
    let name = "sluice_shadow_asked_total";
    for (policy, shadow) in shadows() {
        let asked = shadow.asked;
        let _ = writeln!(lines, "{name}{{policy=\"{policy}\"}} {asked}");
    }
    let help = "Questions to a policy that were put to its shadow too.";
    family(name, "counter", help, std::mem::take(&mut lines));
    let name = "sluice_shadow_differences_total";
    for (policy, shadow) in shadows() {
        for (kind, count) in &shadow.differences {
            let kind = kind.as_str();
            let _ = writeln!(
                lines,
                "{name}{{policy=\"{policy}\",kind=\"{kind}\"}} {count}"
            );
        }
    }
    let help = "Answers of a shadow that differ from its policy's.";
    family(name, "counter", help, std::mem::take(&mut lines));
    let name = "sluice_shadow_failures_total";
    for (policy, shadow) in shadows() {
        for (failure, count) in &shadow.failures {
            let _ = writeln!(
                lines,
                "{name}{{policy=\"{policy}\",failure=\"{failure}\"}} {count}"
            );
        }
    }
    let help = "Calls of a shadow that failed.";
    family(name, "counter", help, std::mem::take(&mut lines));
    let name = "sluice_shadow_paused";
    for (policy, shadow) in shadows() {
        let paused = u64::from(shadow.paused);
        let _ = writeln!(lines, "{name}{{policy=\"{policy}\"}} {paused}");
    }
    let help = "1 while a shadow is not asked because it failed.";
    family(name, "gauge", help, lines);
}
