//! Masks e-mail addresses for the members of a group; refuses UPDATE and DELETE of whole tables;
//! holds DDL.

use serde::Deserialize;
use sluice_sdk::{
    Column, Decision, Denial, Facts, Hold, Mask, Policy, Protection, ResultColumn, Reuse,
    SessionDecision, Transform, Values, append, append_stars, characters, last_position, settings,
};

/// The policy: its settings as they are written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskAddresses {
    columns: Vec<String>,
    group: String,
    #[serde(default = "dba")]
    approvers: Vec<String>,
}

fn dba() -> Vec<String> {
    vec!["dba".to_owned()]
}

sluice_sdk::export!(MaskAddresses, transform);

impl Policy for MaskAddresses {
    fn configure(text: &str) -> Result<Self, String> {
        let policy: MaskAddresses = settings::parse(text)?;
        let lists = [
            ("columns", &policy.columns),
            ("approvers", &policy.approvers),
        ];
        for (name, list) in lists {
            if list.is_empty() || list.iter().any(String::is_empty) {
                return Err(format!("{name}: a list of texts is needed"));
            }
        }
        if policy.group.is_empty() {
            return Err("group: a text is needed".to_owned());
        }
        Ok(policy)
    }

    fn session(&self, facts: &Facts) -> SessionDecision {
        let mut decision = SessionDecision::allow();
        if facts.is_member(&self.group) {
            let named = |column: &&Column| self.columns.contains(&column.name);
            let columns = facts.catalog().iter().filter(named);
            let protect = |column| {
                facts.transform_by(column, 0);
                Protection::new(column, mask(column))
            };
            decision.protections = columns.map(protect).collect();
        }
        decision
    }

    fn decide(&self, facts: &Facts) -> Decision {
        let statements = facts.statements();
        let whole = statements
            .iter()
            .find(|statement| matches!(&*statement.restriction, "none" | "always-true"));
        if let Some(statement) = whole {
            let kind = statement.kind.to_uppercase();
            let reason = format!("{kind} without a condition would change every row");
            let denial = Denial::new(reason).hint("Say which rows by WHERE.");
            return Decision::deny(denial).reuse(Reuse::Shape);
        }
        let defines = statements
            .iter()
            .any(|statement| statement.class == "define");
        // It is held when it runs; preparing it changes nothing.
        if defines && facts.executing() {
            let hold = Hold::new("it changes the schema", self.approvers.iter().cloned());
            return Decision::hold(hold).reuse(Reuse::Shape);
        }
        Decision::allow().reuse(Reuse::Shape)
    }
}

impl Transform for MaskAddresses {
    fn transform(
        &self,
        _facts: &Facts,
        _column: &ResultColumn,
        values: Values,
    ) -> Result<Values, String> {
        Ok(values.map(mask_address))
    }
}

/// Other types than texts have no room for stars.
fn mask(column: &Column) -> Mask {
    let name = &column.type_name;
    let is_text = name == "text" || name.starts_with("character varying");
    if is_text && !name.ends_with(']') {
        Mask::Custom
    } else {
        Mask::Null
    }
}

/// `ada@example.com` -> `a**@example.com`; what is no address is all stars.
fn mask_address(value: &[u8], masked: &mut Vec<u8>) {
    let Some(at) = find_at(value) else {
        return append_stars(masked, characters(value));
    };
    let (mailbox, domain) = value.split_at(at);
    let rest = mailbox.iter().skip(1).position(begins_character);
    match rest.map(|position| mailbox.split_at(position + 1)) {
        Some((first, rest)) => {
            append(masked, first);
            append_stars(masked, characters(rest));
        }
        None => masked.push(b'*'),
    }
    append(masked, domain);
}

/// Where the @ is, with something before it and a domain after it.
fn find_at(value: &[u8]) -> Option<usize> {
    let at = last_position(value, |byte| !IN_DOMAIN[usize::from(byte)])?;
    (value[at] == b'@' && at > 0 && at + 1 < value.len()).then_some(at)
}

/// For each byte, whether it may be in a domain.
const IN_DOMAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        byte += 1;
    }
    table
};

fn begins_character(byte: &u8) -> bool {
    byte & 0b1100_0000 != 0b1000_0000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> MaskAddresses {
        let text = r#"{"columns": ["email"], "group": "analysts"}"#;
        MaskAddresses::configure(text).unwrap()
    }

    #[test]
    fn only_the_group_gets_masks() {
        let facts = || {
            let columns = ["public.users.email", "public.users.id"];
            Facts::fixed().with_catalog(columns.map(|path| Column::new(path, "text")))
        };
        let decision = policy().session(&facts().with_groups(["analysts"]));
        assert_eq!(decision.protections.len(), 1);
        assert!(policy().session(&facts()).protections.is_empty());
    }

    #[test]
    fn whole_tables_are_not_deleted() {
        let deletes = |restriction| {
            let facts = Facts::fixed().with_statement("delete", "write", restriction);
            policy().decide(&facts).is_denied()
        };
        assert!(deletes("none") && deletes("always-true") && !deletes("some"));
    }
}
