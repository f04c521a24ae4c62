//! Policies written in Rego, the language of the Open Policy Agent: the text comes as a setting.
//!
//! `data.sluice.decision` decides each request over an input that holds the facts, and
//! `data.sluice.session`, where the text defines it, each session.
#![cfg(feature = "engine")]

mod answer;
mod input;
mod settings;

use std::cell::RefCell;
use std::fmt;

use regorus::{Engine, Value};
use sluice_sdk::{Decision, Facts, Policy, Reuse, SessionDecision};

use crate::answer::{RequestAnswer, SessionAnswer};
use crate::settings::Settings;

const DECISION: &str = "data.sluice.decision";
const SESSION: &str = "data.sluice.session";

/// The policy, configured.
pub struct RegoPolicy {
    engine: RefCell<Engine>,
    settings: Settings,
    /// True where the text says something about sessions.
    judges_sessions: bool,
}

sluice_sdk::export!(RegoPolicy);

impl Policy for RegoPolicy {
    fn configure(text: &str) -> Result<Self, String> {
        let settings: Settings = sluice_sdk::settings::parse(text)?;
        let mut engine = Engine::new();
        let ours = settings.load(&mut engine)?;
        let declares = |rule: &str| {
            let mut modules = ours.iter();
            modules.any(|name| {
                engine
                    .has_declared_rule_rooted_at(name, rule)
                    .unwrap_or_default()
            })
        };
        if !declares("decision") {
            return Err(format!(
                "no policy defines {DECISION}: begin with `package sluice` and define `decision`"
            ));
        }
        let judges_sessions = declares("session");
        // What cannot be compiled, an unsafe variable for one, shows at the first evaluation.
        engine.set_input(Value::new_object());
        let tried = engine.eval_rule(DECISION.to_owned());
        tried.map_err(|error| format!("{error:#}"))?;
        Ok(RegoPolicy {
            engine: RefCell::new(engine),
            settings,
            judges_sessions,
        })
    }

    fn session(&self, facts: &Facts) -> SessionDecision {
        if !self.judges_sessions {
            return SessionDecision::allow();
        }
        let input = input::session(facts, &self.settings);
        match self.ask::<SessionAnswer>(SESSION, input) {
            Ok(answer) => answer.into_decision(facts),
            Err(reason) => SessionDecision::deny(reason),
        }
    }

    fn decide(&self, facts: &Facts) -> Decision {
        let input = input::request(facts, &self.settings);
        let decision = match self.ask::<RequestAnswer>(DECISION, input) {
            Ok(answer) => answer.into_decision(facts),
            Err(reason) => Decision::deny(reason),
        };
        decision.reuse(self.reuse())
    }
}

impl RegoPolicy {
    /// How far an answer may be used again: as far as what it can depend on.
    fn reuse(&self) -> Reuse {
        match (self.settings.parameters, self.settings.text) {
            (true, _) => Reuse::Once,
            (false, true) => Reuse::Text,
            (false, false) => Reuse::Shape,
        }
    }

    /// Evaluates a rule over an input. What is not defined, fails or makes no sense is a reason to
    /// refuse.
    fn ask<A: serde::de::DeserializeOwned>(
        &self,
        rule: &str,
        input: serde_json::Value,
    ) -> Result<A, String> {
        let mut engine = self.engine.borrow_mut();
        engine.set_input(Value::from(input));
        let value = engine
            .eval_rule(rule.to_owned())
            .map_err(|error| format!("{rule} cannot be evaluated: {error:#}"))?;
        if value == Value::Undefined {
            return Err(format!("{rule} is not defined for this"));
        }
        let text = value.to_json_str();
        let text = text.map_err(|error| format!("{rule} is no JSON: {error:#}"))?;
        sluice_sdk::settings::parse(&text).map_err(|wrong| format!("{rule}: {wrong}"))
    }
}

impl fmt::Debug for RegoPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegoPolicy")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
