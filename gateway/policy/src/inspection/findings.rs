//! What was found in one result, counted for the trail.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::bindings::inspect;

/// The most kinds, over all columns, that are counted apart.
const MOST: usize = 256;

/// What was found in one result: how often each kind in each column.
#[derive(Default)]
pub(super) struct Findings {
    counts: BTreeMap<(u32, String), Count>,
    /// Kinds beyond those that are counted apart.
    others: u64,
}

#[derive(Default)]
struct Count {
    replaced: u64,
    kept: u64,
}

impl Findings {
    pub(super) fn add(&mut self, findings: &[inspect::Finding]) {
        for finding in findings {
            let key = (finding.column, finding.kind.clone());
            if self.counts.len() >= MOST && !self.counts.contains_key(&key) {
                self.others += u64::from(finding.count);
                continue;
            }
            let count = self.counts.entry(key).or_default();
            match finding.replaced {
                true => count.replaced += u64::from(finding.count),
                false => count.kept += u64::from(finding.count),
            }
        }
    }

    /// In words: `public.users.note email 3 replaced, phone 1 kept; column 2 card 1 replaced`.
    pub(super) fn told(&self, columns: &[inspect::OutputColumn]) -> Option<String> {
        let mut text = String::new();
        let mut last = None;
        for ((place, kind), count) in &self.counts {
            if last != Some(*place) {
                let separator = if last.is_some() { "; " } else { "" };
                text.push_str(separator);
                text.push_str(&name(&columns[*place as usize]));
                last = Some(*place);
            } else {
                text.push(',');
            }
            for (number, what) in [(count.replaced, "replaced"), (count.kept, "kept")] {
                if number > 0 {
                    let _ = write!(text, " {kind} {number} {what}");
                }
            }
        }
        if self.others > 0 {
            let _ = write!(text, "; {} of further kinds", self.others);
        }
        (!text.is_empty()).then_some(text)
    }
}

/// The base column, or the place in the result.
fn name(column: &inspect::OutputColumn) -> String {
    match &column.column {
        Some(base) => format!("{}.{}.{}", base.schema, base.relation, base.name),
        None => format!("column {}", column.position + 1),
    }
}
