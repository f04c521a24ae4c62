//! Policies written in Cedar: the text comes as a setting.
//!
//! Who asks is the principal, what is done to a relation the action, the relation the resource. A
//! session is asked about once, a request once for each relation that it uses.
#![cfg(feature = "engine")]

mod entities;
mod question;
mod rules;
mod settings;

use sluice_sdk::{Decision, Facts, Policy, Reuse, SessionDecision};

use crate::question::Question;
use crate::rules::{Rules, Said};
use crate::settings::Settings;

/// The policy, configured.
#[derive(Debug)]
pub struct CedarPolicy {
    rules: Rules,
    claims: Vec<String>,
    trusted: Vec<String>,
}

sluice_sdk::export!(CedarPolicy);

impl Policy for CedarPolicy {
    fn configure(text: &str) -> Result<Self, String> {
        let settings: Settings = sluice_sdk::settings::parse(text)?;
        Ok(CedarPolicy {
            rules: Rules::parse(&settings.policy)?,
            claims: settings.claims,
            trusted: settings.trusted,
        })
    }

    fn session(&self, facts: &Facts) -> SessionDecision {
        let asked = Question::connect(facts, &self.claims).and_then(|one| self.rules.ask(&one));
        match asked {
            Ok(Said::Allow) => {}
            Ok(Said::Hold(..)) => return SessionDecision::deny("a session cannot wait"),
            Ok(Said::Deny(denial)) => return SessionDecision::deny(denial),
            Err(wrong) => return SessionDecision::deny(wrong),
        }
        match self.protections(facts) {
            Ok(protections) => SessionDecision {
                protections,
                trusted: self.trusted.clone(),
                ..SessionDecision::allow()
            },
            Err(wrong) => SessionDecision::deny(wrong),
        }
    }

    fn decide(&self, facts: &Facts) -> Decision {
        let decision = match self.decided(facts) {
            Ok(Said::Allow) => Decision::allow(),
            Ok(Said::Deny(denial)) => Decision::deny(denial),
            // It is held when it runs; preparing it changes nothing.
            Ok(Said::Hold(..)) if !facts.executing() => Decision::allow(),
            Ok(Said::Hold(hold)) => Decision::hold(hold),
            Err(wrong) => Decision::deny(wrong),
        };
        decision.reuse(Reuse::Shape)
    }
}

impl CedarPolicy {
    /// Deny over hold over allow.
    fn decided(&self, facts: &Facts) -> Result<Said, String> {
        let mut said = Said::Allow;
        for question in question::of_request(facts, &self.claims)? {
            match self.rules.ask(&question)? {
                Said::Allow => {}
                deny @ Said::Deny(_) => return Ok(deny),
                hold @ Said::Hold(_) => said = hold,
            }
        }
        Ok(said)
    }

    /// The columns that rules with a mask keep from this identity: a question for each relation in
    /// which one of them names a column.
    fn protections(&self, facts: &Facts) -> Result<Vec<sluice_sdk::Protection>, String> {
        let mut protections = Vec::new();
        if !self.rules.mask() {
            return Ok(protections);
        }
        let same = |one: &sluice_sdk::Column, next: &sluice_sdk::Column| {
            (one.relation_oid, &one.relation) == (next.relation_oid, &next.relation)
        };
        for columns in facts.catalog().chunk_by(same) {
            if columns.iter().any(|column| self.rules.names(column)) {
                let question = Question::see(facts, &self.claims, &columns[0])?;
                protections.extend(self.rules.masks(&question, columns)?);
            }
        }
        Ok(protections)
    }
}

#[cfg(test)]
mod tests;
