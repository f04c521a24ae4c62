//! What a version that judges beside its policy would have said otherwise, for people.

use std::fmt::Write as _;

use console::view;

use super::failures;
use crate::cli::holds::table::printable;

/// Some lines about the shadow of a policy.
pub(super) fn describe(policy: &str, shadow: &view::Shadow) -> String {
    let mut text = String::new();
    let digest = shadow.digest.chars().take(12).collect::<String>();
    let differences = shadow.differences.iter().filter(|(_, count)| **count > 0);
    let differences: Vec<_> = differences
        .map(|(kind, count)| format!("{kind} {count}"))
        .collect();
    let differences = match differences.is_empty() {
        true => "none".to_owned(),
        false => differences.join(", "),
    };
    let (asked, failed) = (shadow.asked, failures(&shadow.failures, None));
    let _ = writeln!(
        text,
        "\nShadow of {}: {digest}, asked {asked}, differences: {differences}, failures: {failed}{}",
        printable(policy),
        if shadow.paused { ", paused" } else { "" },
    );
    for one in &shadow.examples {
        let _ = writeln!(
            text,
            "  {} {}  {}\n    {}, not {}\n    first for {} at {}",
            one.requests,
            one.kind,
            printable(&one.shape),
            printable(&one.would),
            printable(&one.was),
            printable(&one.who),
            one.since,
        );
    }
    text
}
